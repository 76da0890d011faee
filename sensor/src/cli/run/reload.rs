//! Rules loaded again while the sensor runs, and what is said about it.
//!
//! Loading has a thread of its own, so that the walk goes on meanwhile; loads
//! come one after the other, so that the newest are in force last. Whoever asked
//! before a load began is answered by it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, sync_channel};

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::control::{Answer, Control};
use crate::config::Config;
use crate::deliver::OutputStatus;
use crate::detect::rules::watch::{Seen, Watch};
use crate::detect::rules::{Loaded, Rule, files};
use crate::diagnostic::{self, Diagnostic};

/// Asks that may wait for a load to begin.
const WAITING: usize = 4;
/// Kept of what is said about the rules, bytes.
const SAID: usize = 256 << 10;

/// What a running sensor answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct Reply {
    /// Whether what was asked for was done.
    pub(in crate::cli) ok: bool,
    /// What became of it, in one sentence; of an account, the account for people.
    pub(in crate::cli) message: String,
    /// The mistakes or warnings of the rules, as they are shown to people.
    pub(in crate::cli) diagnostics: String,
    /// The rules in force now.
    pub(in crate::cli) in_force: InForce,
    /// What waits for each output, if that was asked.
    pub(in crate::cli) outputs: Vec<OutputStatus>,
    /// The account for programs; null when it was not asked for.
    #[serde(default)]
    pub(in crate::cli) account: serde_json::Value,
}

/// The rules in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct InForce {
    /// Since when, RFC 3339.
    pub(in crate::cli) since: String,
    /// The files they were loaded from, in load order; none for the shipped ones.
    pub(in crate::cli) files: Vec<PathBuf>,
    /// The rules in rule order.
    pub(in crate::cli) rules: Vec<Line>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct Line {
    /// Its name.
    pub(in crate::cli) rule: String,
    /// How serious, a priority word.
    pub(in crate::cli) priority: String,
    /// Its tags.
    pub(in crate::cli) tags: Vec<String>,
}

impl InForce {
    /// Rules put in force now.
    pub(in crate::cli) fn now(loaded: &Loaded, config: &Config) -> Self {
        let listed = |path: &PathBuf| files(path).unwrap_or_default();
        let line = |rule: &Arc<Rule>| Line {
            rule: rule.name.to_string(),
            priority: rule.priority.name().to_owned(),
            tags: rule.tags.iter().map(ToString::to_string).collect(),
        };
        Self {
            since: format!("{:.3}", Timestamp::now()),
            files: config.rules_files.iter().flat_map(listed).collect(),
            rules: loaded.rules.rules.iter().map(line).collect(),
        }
    }
}

/// What people are shown of mistakes, in colour, bounded.
pub(in crate::cli) fn said(diagnostics: &[Diagnostic]) -> String {
    let mut text = diagnostic::render(diagnostics, true);
    if text.len() > SAID {
        text.truncate(text.floor_char_boundary(SAID));
        text.push_str("\u{1b}[0m\n… and more\n");
    }
    text
}

/// Loads rules again when it is asked, or when a file changed.
pub(super) struct Reloader {
    asks: SyncSender<Option<Answer>>,
    watch: Option<Watch>,
}

impl Reloader {
    /// `seen` is what the files held when the rules in force were loaded;
    /// `load` loads them again.
    pub(super) fn start(
        config: &Config,
        seen: Option<&Seen>,
        requests: &Sender<Control>,
        load: fn(&Config) -> Result<Loaded, Vec<Diagnostic>>,
    ) -> anyhow::Result<Self> {
        let (asks, asked) = sync_channel::<Option<Answer>>(WAITING);
        let watch = seen.map(|seen| Watch::start(&config.rules_files, seen));
        let watch = watch.and_then(|watch| {
            let unwatched = "rule files are not watched; SIGHUP loads them again";
            watch
                .inspect_err(|error| tracing::warn!(%error, "{unwatched}"))
                .ok()
        });
        let (config, requests) = (config.clone(), requests.clone());
        std::thread::Builder::new()
            .name("rules".to_owned())
            // The deepest condition allowed is more than a thread's usual 2 MiB may hold.
            .stack_size(16 << 20)
            .spawn(move || {
                while let Ok(first) = asked.recv() {
                    // The files are read after these asks: one load answers all.
                    let waiting = std::iter::once(first).chain(asked.try_iter());
                    let answers = waiting.flatten().collect();
                    let loaded = load(&config);
                    if requests.send(Control::Rules(loaded, answers)).is_err() {
                        return;
                    }
                }
            })
            .context("cannot start the thread that loads rules")?;
        Ok(Self { asks, watch })
    }

    /// Has the rules loaded again; the result comes as a request. Gives back
    /// whom it cannot answer: too many wait already.
    pub(super) fn ask(&self, answer: Option<Answer>) -> Option<Answer> {
        // Nobody is told, and a load is waiting to begin: that one will do.
        self.asks.try_send(answer).err().and_then(|refused| {
            use std::sync::mpsc::TrySendError::{Disconnected, Full};
            let (Full(answer) | Disconnected(answer)) = refused;
            answer
        })
    }

    /// Has them loaded again when a file changed.
    pub(super) fn look(&self) {
        if self.watch.as_ref().is_some_and(Watch::changed) {
            self.ask(None);
        }
    }
}
