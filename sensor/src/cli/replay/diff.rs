//! Two sets of rules over one recording in, what differs between their alerts out.
//!
//! Both see the same events in one pass. An alert of one is that of the other
//! when the same rule raised it for the same event; it has changed when its
//! priority or its message has.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Args, Format};
use crate::alert::{Alert, Composer};
use crate::cli::table::{self, Cell};
use crate::cli::{EXIT_DIFFERENT, EXIT_OK, Failure, run};
use crate::config::Config;
use crate::detect::engine::Engine;
use crate::detect::rules::{Loaded, RuleSet};
use crate::diagnostic::{Diagnostic, escape};
use crate::recording::{RecordingError, Replay};
use crate::redact::Redactor;

const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const CHANGED: Style = AnsiColor::Yellow.on_default();

/// One difference.
#[derive(Debug, PartialEq)]
enum Change {
    /// Only the new rules raise it.
    Added(Alert),
    /// Only the old rules raised it.
    Removed(Alert),
    /// Both do, and not alike.
    Changed(Box<(Alert, Alert)>),
}

/// How often a rule alerts with the old rules and with the new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    old: u64,
    new: u64,
    added: u64,
    removed: u64,
    changed: u64,
}

impl Counts {
    fn differ(&self) -> bool {
        self.added + self.removed + self.changed > 0
    }
}

/// All differences counted, as many as wanted kept.
#[derive(Debug, Default)]
struct Diff {
    rules: HashMap<Arc<str>, Counts>,
    changes: Vec<Change>,
    omitted: u64,
    limit: usize,
}

/// Compares and shows the difference.
pub(super) fn run(args: &Args, old: &Path, new: &Path) -> Result<u8, Failure> {
    let mut config = args.input.config()?;
    crate::cli::log::start(&config.log);
    let [old, new] = both(&mut config, old, new)?;
    crate::cli::show(&old.diagnostics);
    crate::cli::show(&new.diagnostics);
    let reader = args.open()?;
    let (window, zone) = (args.window(&reader), reader.header().time_zone());
    let mut sides = Sides::new(&config, [&old.rules, &new.rules], zone.clone())?;
    let mut diff = Diff {
        limit: args.limit,
        ..Diff::default()
    };
    let mut replay = Replay::new(reader);
    let outcome = sides.compare(&mut replay, &window, &mut diff);
    let order = order(&old.rules, &new.rules);
    let mut out = anstream::stdout().lock();
    let shown = match args.format {
        Format::Json => writeln!(out, "{}", diff.json(&order)),
        Format::Text => diff.print(&mut out, &order, &zone),
    };
    match shown {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        shown => shown.context("cannot print the difference")?,
    }
    match args.code(outcome) {
        EXIT_OK if diff.rules.values().any(Counts::differ) => Ok(EXIT_DIFFERENT),
        code => Ok(code),
    }
}

/// Both sets of rules, or every mistake in either.
fn both(config: &mut Config, old: &Path, new: &Path) -> Result<[Loaded; 2], Vec<Diagnostic>> {
    let mut load = |path: &Path| {
        config.rules_files = vec![PathBuf::from(path)];
        run::load_rules(config)
    };
    match (load(old), load(new)) {
        (Ok(old), Ok(new)) => Ok([old, new]),
        (old, new) => Err([old.err(), new.err()]
            .into_iter()
            .flatten()
            .flatten()
            .collect()),
    }
}

/// The names of all rules: the new ones in their order, then those that went.
fn order(old: &RuleSet, new: &RuleSet) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for rule in new.rules.iter().chain(&old.rules) {
        if known.insert(Arc::clone(&rule.name)) {
            names.push(Arc::clone(&rule.name));
        }
    }
    names
}

/// The rules on either side.
struct Sides {
    engines: [Engine; 2],
    config: Config,
    redactor: Option<Arc<Redactor>>,
    zone: TimeZone,
}

impl Sides {
    fn new(config: &Config, rules: [&RuleSet; 2], zone: TimeZone) -> anyhow::Result<Self> {
        Ok(Self {
            engines: rules.map(|rules| Engine::new(rules, config.rule_matching)),
            redactor: config.redaction.redactor().map_err(anyhow::Error::msg)?,
            config: config.clone(),
            zone,
        })
    }

    fn compare<R: Read>(
        &mut self,
        replay: &mut Replay<R>,
        window: &std::ops::RangeInclusive<u64>,
        diff: &mut Diff,
    ) -> Result<(), RecordingError> {
        let options = self.config.alert_options();
        let composer = Composer::new(replay.state().host(), options)
            .in_zone(self.zone.clone())
            .redacting(self.redactor.clone());
        let engines = &mut self.engines;
        replay.each(|code, observation| {
            if !window.contains(&observation.event.time_ns) {
                return ControlFlow::Continue(());
            }
            let mut raised = |engine: &mut Engine| {
                let mut alerts = Vec::new();
                if engine.wants(code) {
                    engine.evaluate(code, observation, |rule| {
                        alerts.push(composer.compose(rule, observation));
                    });
                }
                alerts
            };
            let [old, new] = engines.each_mut().map(&mut raised);
            diff.take(old, new);
            ControlFlow::Continue(())
        })
    }
}

impl Diff {
    /// What both sides raised for one event.
    fn take(&mut self, old: Vec<Alert>, mut new: Vec<Alert>) {
        for alert in old {
            let at = new.iter().position(|other| other.rule == alert.rule);
            let other = at.map(|at| new.remove(at));
            let counts = self.rules.entry(Arc::clone(&alert.rule)).or_default();
            counts.old += 1;
            let change = match other {
                None => {
                    counts.removed += 1;
                    Change::Removed(alert)
                }
                Some(other) => {
                    counts.new += 1;
                    if (other.priority, &other.message) == (alert.priority, &alert.message) {
                        continue;
                    }
                    counts.changed += 1;
                    Change::Changed(Box::new((alert, other)))
                }
            };
            self.keep(change);
        }
        for alert in new {
            let counts = self.rules.entry(Arc::clone(&alert.rule)).or_default();
            counts.new += 1;
            counts.added += 1;
            self.keep(Change::Added(alert));
        }
    }

    fn keep(&mut self, change: Change) {
        if self.changes.len() < self.limit {
            self.changes.push(change);
        } else {
            self.omitted += 1;
        }
    }

    fn counts(&self, rule: &str) -> Counts {
        self.rules.get(rule).copied().unwrap_or_default()
    }

    /// One object: rules that raise anything, then the differences in order.
    fn json(&self, order: &[Arc<str>]) -> Value {
        let raised = order
            .iter()
            .filter(|rule| self.rules.contains_key(&***rule));
        let rules: Vec<Value> = raised
            .map(|rule| {
                let counts = self.counts(rule);
                json!({
                    "rule": rule, "old": counts.old, "new": counts.new,
                    "added": counts.added, "removed": counts.removed, "changed": counts.changed,
                })
            })
            .collect();
        let changes: Vec<Value> = self
            .changes
            .iter()
            .map(|change| match change {
                Change::Added(new) => json!({"change": "added", "new": new.to_json()}),
                Change::Removed(old) => json!({"change": "removed", "old": old.to_json()}),
                Change::Changed(both) => json!({
                    "change": "changed", "old": both.0.to_json(), "new": both.1.to_json(),
                }),
            })
            .collect();
        json!({"rules": rules, "alerts": changes, "omitted": self.omitted})
    }

    fn print(&self, out: &mut dyn Write, order: &[Arc<str>], zone: &TimeZone) -> io::Result<()> {
        let total = |of: fn(&Counts) -> u64| self.rules.values().map(of).sum::<u64>();
        let [old, new] = [total(|counts| counts.old), total(|counts| counts.new)];
        let different: Vec<&Arc<str>> = order
            .iter()
            .filter(|rule| self.counts(rule).differ())
            .collect();
        if different.is_empty() {
            return writeln!(out, "no difference: both raise the same {new} alert(s)");
        }
        let rows: Vec<[Cell; 6]> = different
            .iter()
            .map(|rule| row(rule, &self.counts(rule)))
            .collect();
        let header = ["rule", "old", "new", "added", "removed", "changed"];
        table::write(out, header, &rows)?;
        writeln!(out, "  all rules together: {old} before, {new} after\n")?;
        for change in &self.changes {
            print_change(out, change, zone)?;
        }
        if self.omitted > 0 {
            writeln!(out, "and {} more (--limit)", self.omitted)?;
        }
        Ok(())
    }
}

fn row(rule: &str, counts: &Counts) -> [Cell; 6] {
    let number = |style, count: u64| {
        let style = if count == 0 { table::DIM } else { style };
        Cell::new(style, count.to_string())
    };
    [
        Cell::new(table::NAME, escape(rule)),
        number(table::PLAIN, counts.old),
        number(table::PLAIN, counts.new),
        number(ADDED, counts.added),
        number(REMOVED, counts.removed),
        number(CHANGED, counts.changed),
    ]
}

fn print_change(out: &mut dyn Write, change: &Change, zone: &TimeZone) -> io::Result<()> {
    match change {
        Change::Added(alert) => line(out, ADDED, "+", alert, zone),
        Change::Removed(alert) => line(out, REMOVED, "-", alert, zone),
        Change::Changed(both) => {
            line(out, REMOVED, "~ old", &both.0, zone)?;
            line(out, ADDED, "~ new", &both.1, zone)
        }
    }
}

fn line(
    out: &mut dyn Write,
    style: Style,
    mark: &str,
    alert: &Alert,
    zone: &TimeZone,
) -> io::Result<()> {
    let time = jiff::Timestamp::from_nanosecond(alert.time_ns.into()).unwrap_or_default();
    let time = time.to_zoned(zone.clone()).strftime("%H:%M:%S%.3f");
    let (priority, rule) = (alert.priority.name(), escape(&alert.rule));
    let message = escape(&alert.message);
    writeln!(
        out,
        "{style}{mark}{style:#} {time} {priority} {rule}: {message}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Priority;

    fn alert(rule: &str, priority: Priority, message: &str) -> Alert {
        Alert {
            id: uuid::Uuid::nil(),
            time_ns: 1_700_000_000_000_000_000,
            rule: rule.into(),
            priority,
            source: "syscall".into(),
            tags: Arc::new([]),
            hostname: "h".into(),
            message: message.into(),
            output: String::new(),
            output_fields: serde_json::Map::new(),
            evidence: serde_json::Map::new(),
            outputs: crate::alert::Outputs::default(),
            pid: 1,
            in_command_tree: false,
            json: crate::alert::JsonOptions::default(),
        }
    }

    #[test]
    fn alerts_of_one_event_are_matched_by_their_rule() {
        let warn = |rule| alert(rule, Priority::Warning, "m");
        let mut diff = Diff {
            limit: 3,
            ..Diff::default()
        };
        diff.take(vec![warn("same")], vec![warn("same")]);
        diff.take(vec![warn("gone")], vec![warn("instead")]);
        let louder = alert("same", Priority::Error, "m");
        diff.take(vec![warn("same")], vec![warn("instead"), louder]);
        let reworded = alert("same", Priority::Warning, "other");
        diff.take(vec![warn("same")], vec![reworded]);
        let counts = |old, new, added, removed, changed| Counts {
            old,
            new,
            added,
            removed,
            changed,
        };
        assert_eq!(diff.counts("same"), counts(3, 3, 0, 0, 2));
        assert_eq!(diff.counts("gone"), counts(1, 0, 0, 1, 0));
        assert_eq!(diff.counts("instead"), counts(0, 2, 2, 0, 0));
        assert_eq!((diff.changes.len(), diff.omitted), (3, 2));
        let json = diff.json(&["same".into(), "gone".into(), "silent".into()]);
        assert_eq!(json["rules"].as_array().unwrap().len(), 2);
        assert_eq!(json["alerts"][0]["change"], "removed");
    }

    #[test]
    fn a_hostile_message_stays_in_its_line() {
        let mut diff = Diff {
            limit: 9,
            ..Diff::default()
        };
        diff.take(vec![], vec![alert("r", Priority::Error, "a\n\x1b[2J")]);
        let mut out = Vec::new();
        diff.print(&mut out, &["r".into()], &TimeZone::UTC).unwrap();
        let text = anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string();
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("+ 22:13:20.000 Error r: a"), "{text}");
        assert!(
            !last.contains('\x1b') && !text.contains("[2J\n\n"),
            "{text}"
        );
    }
}
