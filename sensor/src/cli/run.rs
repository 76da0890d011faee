//! `sensor run`: watch this machine, or one command under `--`.
//!
//! Everything a person wrote is checked before anything starts. Then the walk
//! runs on this thread until a signal, or the end of the command, asks it to
//! drain and flush.

mod command;
mod control;
mod session;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use anyhow::Context;

pub(in crate::cli) use session::Session;

use self::command::Verdict;
use self::control::Control;
use super::{EXIT_OK, Failure};
use crate::alert::{Alert, Priority};
use crate::config::{self, Config};
use crate::detect::rules::watch::Watch;
use crate::detect::rules::{self, Loaded};
use crate::diagnostic::Diagnostic;
use crate::shipped;

/// Flags of `sensor run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor run
  sensor run -c /etc/sensor/sensor.yaml -r /etc/sensor/rules -r local.yaml
  sensor run -o priority=warning -o capture.ring_mib=64
  sensor run --fail-on warning -- make test

Signals:
  SIGTERM, SIGINT  drain, flush, print the account, end
  SIGHUP           load the rules again
  SIGUSR1          print the account")]
pub struct Args {
    #[command(flatten)]
    pub(super) input: Input,
    /// End with code 120 when COMMAND raises an alert this serious or more
    #[arg(long, value_name = "PRIORITY", value_parser = priority, requires = "command")]
    fail_on: Option<Priority>,
    /// Watch only while this command runs, and end with its code
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// What a person gives to configure a run; `check` validates the same.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Input {
    /// Configuration file; without it every key has its default
    #[arg(short, long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Rule file or directory, in place of the configuration's; may be repeated
    #[arg(short, long, value_name = "PATH")]
    pub(super) rules: Vec<PathBuf>,
    /// Set one configuration key; may be repeated
    #[arg(short = 'o', long = "option", value_name = "KEY=VALUE")]
    pub(super) options: Vec<String>,
}

fn priority(word: &str) -> Result<Priority, String> {
    let all = || Priority::ALL.map(|p| p.name().to_lowercase()).join(", ");
    Priority::parse(word).ok_or_else(|| format!("one of {}", all()))
}

impl Input {
    /// Reads configuration and rules; every mistake in either.
    pub(super) fn load(&self) -> Result<(Config, Loaded), Vec<Diagnostic>> {
        let mut config = config::load(self.config.as_deref(), &self.options)?;
        if !self.rules.is_empty() {
            config.rules_files.clone_from(&self.rules);
        }
        let loaded = load_rules(&config)?;
        Ok((config, loaded))
    }
}

/// The rules the configuration names, or those this program carries.
pub(super) fn load_rules(config: &Config) -> Result<Loaded, Vec<Diagnostic>> {
    let options = config.load_options();
    if options.paths.is_empty() {
        rules::load_texts(shipped::RULES, &options)
    } else {
        rules::load(&options)
    }
}

/// Runs until it is told to stop.
pub(super) fn run(args: Args) -> Result<u8, Failure> {
    let (mut config, loaded) = args.input.load()?;
    let in_ci = !args.command.is_empty();
    if in_ci {
        config.alerts_on_stderr();
    }
    super::log::start(&config.log);
    super::show(&loaded.diagnostics);

    let (requests, inbox) = control::listen()?;
    let watching = announce(&config, &loaded);
    let (mut session, ()) = Session::start(&config, loaded.rules, |state| {
        if in_ci {
            state.follow(command::start(&args.command, requests.clone())?);
        }
        Ok(())
    })?;
    tracing::info!("{watching}");
    let watch = watch_rules(&config);

    let mut verdict = Verdict::default();
    let mut status = None;
    while !handle(&mut session, &config, &inbox, &requests, &mut status)? {
        if watch.as_ref().is_some_and(Watch::changed) {
            reload(config.clone(), requests.clone());
        }
        session.step(&mut |alert| {
            if in_ci {
                verdict.see(alert);
            }
        })?;
    }
    let deadline = Duration::from_secs(config.shutdown_timeout_s);
    let report = session.finish(deadline, &mut |alert: &Arc<Alert>| {
        if in_ci {
            verdict.see(alert);
        }
    })?;
    anstream::eprintln!("{report}");
    let Some(status) = status else {
        return Ok(EXIT_OK);
    };
    anstream::eprint!("{}", verdict.summary(args.fail_on));
    Ok(verdict.code(args.fail_on, status))
}

/// Does what is asked between two batches of records; true when it is to stop.
fn handle(
    session: &mut Session,
    config: &Config,
    inbox: &Receiver<Control>,
    requests: &Sender<Control>,
    status: &mut Option<std::process::ExitStatus>,
) -> anyhow::Result<bool> {
    while let Ok(request) = inbox.try_recv() {
        match request {
            Control::Stop => return Ok(true),
            Control::CommandEnded(ended) => {
                *status = Some(ended.context("cannot learn how the command ended")?);
                return Ok(true);
            }
            Control::Account => anstream::eprintln!("{}", session.report()?),
            Control::Reload => reload(config.clone(), requests.clone()),
            Control::Rules(Ok(loaded)) => {
                let count = loaded.rules.rules.len();
                super::show(&loaded.diagnostics);
                match session.set_rules(loaded.rules, config) {
                    Ok(()) => tracing::info!(rules = count, "the edited rules are in force"),
                    Err(error) => tracing::error!("the old rules stay in force: {error:#}"),
                }
            }
            Control::Rules(Err(mistakes)) => {
                super::show(&mistakes);
                tracing::error!(
                    mistakes = mistakes.len(),
                    "the edited rules are broken, the old ones stay in force"
                );
            }
        }
    }
    Ok(false)
}

/// Loads the rules on a thread of its own: the walk goes on meanwhile.
fn reload(config: Config, requests: Sender<Control>) {
    let load = move || requests.send(Control::Rules(load_rules(&config)));
    if let Err(error) = std::thread::Builder::new()
        .name("rules".to_owned())
        .spawn(load)
    {
        tracing::error!(%error, "cannot load the rules again, the old ones stay in force");
    }
}

/// Watches the rule files, where there are any and it is wanted.
fn watch_rules(config: &Config) -> Option<Watch> {
    if !config.watch_config_files || config.rules_files.is_empty() {
        return None;
    }
    Watch::start(&config.rules_files)
        .inspect_err(
            |error| tracing::warn!(%error, "rule files are not watched; SIGHUP loads them again"),
        )
        .ok()
}

/// The line that says what this sensor does.
fn announce(config: &Config, loaded: &Loaded) -> String {
    let outputs = config.outputs();
    let names: Vec<&str> = outputs
        .iter()
        .map(crate::deliver::OutputConfig::name)
        .collect();
    format!(
        "watching with {} rules, alerts go to {}",
        loaded.rules.rules.len(),
        names.join(", ")
    )
}
