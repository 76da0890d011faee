//! CI mode: one command under the sensor, judged by the alerts of its own
//! process tree.

use std::fmt::Write as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;

use anyhow::Context;

use super::control::Control;
use crate::alert::{Alert, Priority};
use crate::cli::EXIT_ALERT;

/// Starts the command, with this process's own input, outputs and privileges.
///
/// # Errors
/// When the command cannot be started.
pub(in crate::cli) fn start(words: &[String]) -> anyhow::Result<Child> {
    let (program, arguments) = words.split_first().context("no command was given")?;
    Command::new(program)
        .args(arguments)
        .spawn()
        .with_context(|| format!("cannot start `{program}`"))
}

/// Reports the command's end on the channel. Gives its process id.
///
/// # Errors
/// When no thread can be started.
pub(in crate::cli) fn wait(mut command: Child, ended: Sender<Control>) -> anyhow::Result<u32> {
    let pid = command.id();
    thread::Builder::new()
        .name("command".to_owned())
        .spawn(move || ended.send(Control::CommandEnded(command.wait())))
        .context("cannot start the thread that waits for the command")?;
    Ok(pid)
}

/// Asks the command to end. That it has gone already is just as well.
pub(in crate::cli) fn end(command: Option<u32>) {
    let pid = command.and_then(|pid| rustix::process::Pid::from_raw(pid.try_into().ok()?));
    if let Some(pid) = pid {
        let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// The command's own exit code; 128 + signal when one ended it, as shells do.
pub(in crate::cli) fn code(status: ExitStatus) -> u8 {
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    let code = status.code().unwrap_or_else(|| 128 + signal.unwrap_or(0));
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// The alerts seen while a command ran, its own and those of others apart.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    own: Vec<Arc<Alert>>,
    others: Vec<Arc<Alert>>,
}

impl Verdict {
    /// Files one alert, if there is a command to judge.
    pub(super) fn see(&mut self, alert: &Arc<Alert>, in_ci: bool) {
        if !in_ci {
            return;
        }
        let list = if alert.in_command_tree {
            &mut self.own
        } else {
            &mut self.others
        };
        list.push(Arc::clone(alert));
    }

    /// The exit code: the alert code when the command's own tree raised an
    /// alert at or above the level, else the command's.
    pub(super) fn code(&self, fail_on: Option<Priority>, status: ExitStatus) -> u8 {
        // Priorities are ordered most serious first.
        let failed = |level| self.own.iter().any(|alert| alert.priority <= level);
        if fail_on.is_some_and(failed) {
            return EXIT_ALERT;
        }
        code(status)
    }

    /// The summary shown after the command's own output.
    pub(super) fn summary(&self, fail_on: Option<Priority>) -> String {
        let mut text = String::new();
        section(&mut text, "Alerts of the command", &self.own);
        section(
            &mut text,
            "Other alerts on this machine meanwhile",
            &self.others,
        );
        if let Some(level) = fail_on {
            let count = self
                .own
                .iter()
                .filter(|alert| alert.priority <= level)
                .count();
            let level = level.name();
            let _ = writeln!(text, "{count} of the command's alerts at or above {level}");
        }
        text
    }
}

fn section(text: &mut String, title: &str, alerts: &[Arc<Alert>]) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{title}: {}", alerts.len());
    for alert in alerts {
        let (priority, rule) = (alert.priority.name(), &alert.rule);
        let _ = writeln!(text, "  {priority:<13} {rule}: {}", alert.output);
    }
}
