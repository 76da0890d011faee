//! The sensor that is measured: a release build, started as a user starts it.
//!
//! In: configuration. Out: its account as `sensor account --json` tells it, its memory
//! and its CPU time. Always holds: it is killed when dropped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::progress::{self, doing};

/// How long it may take to start, to catch up and to end.
const PATIENCE: Duration = Duration::from_mins(2);

/// The sensor to measure: the given one, or else one built as it is shipped.
///
/// # Errors
///
/// When it does not build.
pub(super) fn build(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    doing("building the sensor (release)");
    let mut build = progress::cargo();
    build.args(["build", "--locked", "--release", "--package", "sensor"]);
    progress::shown_live(&mut build)?;
    Ok(progress::target_dir().join("release/sensor"))
}

/// A running sensor.
pub(super) struct Subject {
    sensor: PathBuf,
    child: Child,
    directory: tempfile::TempDir,
}

impl Subject {
    /// Starts it with the shipped rules of the default pack, alerts into a file; `config`
    /// is added to its configuration.
    ///
    /// # Errors
    ///
    /// When it does not start; the message carries what it said.
    pub(super) fn start(sensor: &Path, config: &str) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name).display().to_string();
        let settings = format!(
            "{config}\ncontrol_directory: {:?}\noutputs: [{{type: file, path: {:?}}}]\n",
            path("control"),
            path("alerts.json"),
        );
        fs::write(path("sensor.yaml"), settings)?;
        let child = Command::new(sensor)
            .args(["run", "-c"])
            .arg(path("sensor.yaml"))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(path("log"))?)
            .spawn()
            .with_context(|| format!("cannot start {}", sensor.display()))?;
        let mut subject = Self {
            sensor: sensor.to_owned(),
            child,
            directory,
        };
        let begin = Instant::now();
        while !subject.log().contains("watching with") {
            if let Some(status) = subject.child.try_wait()? {
                bail!("the sensor ended with {status}\n{}", subject.log());
            }
            ensure!(
                begin.elapsed() < PATIENCE,
                "it does not start:\n{}",
                subject.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(subject)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Its account once it has caught up with all that happened before.
    ///
    /// # Errors
    ///
    /// When it cannot be asked.
    pub(super) fn account(&self) -> Result<Account> {
        let begin = Instant::now();
        let mut before = u64::MAX;
        loop {
            let account = self.ask()?;
            // On a machine that never rests something always waits: it is enough that
            // as much came out as was waiting the last time.
            let evaluated = account.sum("evaluated") + account.inner("filtered");
            if account.sum("waiting") == 0 || evaluated >= before || begin.elapsed() > PATIENCE {
                return Ok(account);
            }
            before = before.min(evaluated + account.sum("waiting"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn ask(&self) -> Result<Account> {
        let mut ask = Command::new(&self.sensor);
        ask.args(["account", "--json", "--pid", &self.child.id().to_string()]);
        ask.arg("--directory")
            .arg(self.directory.path().join("control"));
        let text = progress::output(&mut ask).context("the sensor does not tell its account")?;
        Ok(Account(serde_json::from_str(&text)?))
    }

    /// Resident memory, KiB.
    pub(super) fn rss_kib(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.unwrap_or_default()
    }

    /// CPU time taken so far, all threads.
    pub(super) fn cpu(&self) -> Duration {
        cpu_of(&self.proc("stat"), 2)
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap_or_default()
    }

    /// Ends it and gives the account it printed.
    ///
    /// # Errors
    ///
    /// When it does not end well.
    pub(super) fn stop(mut self) -> Result<String> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.child.wait()?;
        let log = self.log();
        ensure!(status.success(), "the sensor ended with {status}\n{log}");
        let from = log.rfind("account of events").unwrap_or_default();
        Ok(log.get(from..).unwrap_or_default().to_owned())
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // Gone already after `stop`.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The first `fields` CPU times in a `/proc/PID/stat`: own in user and kernel mode, then
/// those of the children that were waited for.
pub(super) fn cpu_of(stat: &str, fields: usize) -> Duration {
    // Behind the name, which may hold blanks, the state is the first field.
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let times = rest.split(' ').skip(11).take(fields);
    let ticks: u64 = times.filter_map(|time| time.parse::<u64>().ok()).sum();
    let per_second = rustix::param::clock_ticks_per_second();
    Duration::from_millis(ticks.saturating_mul(1000) / per_second.max(1))
}

/// What a sensor told.
pub(super) struct Account(Value);

impl Account {
    /// A number of all kinds together.
    pub(super) fn sum(&self, name: &str) -> u64 {
        let numbers = self.events().filter_map(|event| event.get(name)?.as_u64());
        numbers.sum()
    }

    /// Events of all kinds that were `dropped` or `filtered`, whatever the reason.
    pub(super) fn inner(&self, name: &str) -> u64 {
        let reasons = self
            .events()
            .filter_map(|event| event.get(name)?.as_object());
        let counts = reasons.flat_map(|reasons| reasons.values());
        counts.filter_map(Value::as_u64).sum()
    }

    /// Events of one kind.
    pub(super) fn captured(&self, kind: &str) -> u64 {
        let of = |event: &&Value| event.get("kind").is_some_and(|name| name == kind);
        let event = self.events().find(of);
        let captured = event.and_then(|event| event.get("captured")?.as_u64());
        captured.unwrap_or_default()
    }

    /// Processes known.
    pub(super) fn known(&self) -> u64 {
        let known = self.0.pointer("/processes/known");
        known.and_then(Value::as_u64).unwrap_or_default()
    }

    /// Alerts raised.
    pub(super) fn alerts(&self) -> u64 {
        self.0
            .get("alerts")
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }

    fn events(&self) -> impl Iterator<Item = &Value> {
        self.0
            .get("events")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_summed_over_kinds_and_reasons() {
        let account = Account(serde_json::json!({
            "alerts": 4, "processes": {"known": 9},
            "events": [
                {"kind": "exec", "captured": 5, "dropped": {"ring full": 1, "unreadable": 2}},
                {"kind": "fork", "captured": 7, "dropped": {"ring full": 4}},
            ],
        }));
        assert_eq!((account.sum("captured"), account.inner("dropped")), (12, 7));
        assert_eq!((account.captured("fork"), account.captured("open")), (7, 0));
        assert_eq!((account.known(), account.alerts()), (9, 4));
    }

    #[test]
    fn cpu_times_stand_behind_a_name_that_may_hold_anything() {
        let per_second = rustix::param::clock_ticks_per_second();
        let stat = format!(
            "7 (a) b 1) S 1 7 7 0 -1 0 1 2 3 4 {per_second} {per_second} {per_second} 0 20"
        );
        assert_eq!(cpu_of(&stat, 2), Duration::from_secs(2));
        assert_eq!(cpu_of(&stat, 4), Duration::from_secs(3));
        assert_eq!(cpu_of("", 4), Duration::ZERO);
    }
}
