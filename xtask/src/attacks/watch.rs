//! The sensor under proof: started as a user starts it, its alerts read as they come.
//!
//! In: rules. Out: each alert with the cgroup it came from and the moment it stood in
//! the file. Always holds: once [`Watch::fence`] returns, the alerts of all that
//! happened before it are there, for the sensor walks in the kernel's order and a rule
//! of our own answers a process started last.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process, setpriority_process};
use serde_json::Value;

use crate::progress;

/// How long the sensor may take to start, to answer and to write an alert.
const PATIENCE: Duration = Duration::from_mins(3);
/// Its priority over all else: it is a debug build, and what it watches is a busy machine.
const NICE: i32 = -15;
/// How long a fence is waited for before it is tried again.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How often the file of alerts is looked at.
const LOOK: Duration = Duration::from_millis(1);
/// What every alert carries to tell whose it is.
const CGROUP: &str = "attack_cgroup";

/// When it happened.
const TIME: &str = "evt.rawtime";

/// One alert.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    /// The rule.
    pub(crate) rule: String,
    /// The path of the cgroup of the process that did it; empty when unknown.
    pub(crate) cgroup: String,
    /// When it happened, nanoseconds since the epoch.
    pub(crate) happened_ns: u64,
    /// When the line was seen in the file, nanoseconds since the epoch.
    pub(crate) written_ns: u64,
    /// The line of text.
    pub(crate) output: String,
    /// Fields of the output that had no value.
    pub(crate) missing: Vec<String>,
}

/// A running sensor. Killed when dropped.
pub(crate) struct Watch {
    child: Child,
    directory: tempfile::TempDir,
    log: PathBuf,
    alerts: Alerts,
    fences: AtomicUsize,
}

/// The alerts so far, filled by a thread that ends with the sensor; or why it cannot.
type Alerts = Arc<Mutex<Result<Vec<Alert>>>>;

impl Watch {
    /// Starts `sensor run` with these rules and waits until it watches; `config` is
    /// added to its configuration. What a slow machine can take is not what is proven
    /// here, so its buffer is large.
    ///
    /// # Errors
    ///
    /// When it does not start; the message carries what it said.
    pub(crate) fn start(sensor: &Path, rules: &Path, config: &str, log: &str) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let alerts = directory.path().join("alerts.json");
        let fence = directory.path().join("fence.yaml");
        File::create(&alerts)?;
        fs::write(&fence, fence_rule())?;
        let settings = format!(
            "{config}\nwatch_config_files: false\ncapture: {{ring_mib: 128}}\ncontrol_directory: {control}\n\
             spool_directory: {spool}\n\
             rules_files: [{rules:?}, {fence:?}]\n\
             append_output: [{{extra_fields: [{{{CGROUP}: \"%thread.cgroup.cpu\"}}, {TIME}]}}]\n\
             outputs: [{{type: file, path: {alerts:?}}}]\n",
            control = directory.path().join("control").display(),
            // The machine's own belongs to the sensor that runs there already.
            spool = directory.path().join("spool").display(),
            rules = std::path::absolute(rules)?.display().to_string(),
            fence = fence.display().to_string(),
            alerts = alerts.display().to_string(),
        );
        let config = directory.path().join("sensor.yaml");
        fs::write(&config, settings)?;
        let log = progress::begin_log(log)?;
        let child = Command::new(sensor)
            .args(["run", "-c"])
            .arg(config)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", sensor.display()))?;
        // Who may not do that only waits longer.
        let _refused = setpriority_process(Some(Pid::from_child(&child)), NICE);
        let lines = BufReader::new(File::open(&alerts)?);
        let alerts: Alerts = Arc::new(Mutex::new(Ok(Vec::new())));
        let filled = Arc::downgrade(&alerts);
        std::thread::spawn(move || follow(lines, &filled));
        let mut watch = Self {
            child,
            directory,
            log,
            alerts,
            fences: AtomicUsize::new(0),
        };
        watch.wait_until_it_watches()?;
        Ok(watch)
    }

    fn wait_until_it_watches(&mut self) -> Result<()> {
        let begin = Instant::now();
        loop {
            let said = fs::read_to_string(&self.log)?;
            if said.contains("watching with") {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the sensor ended with {status}\n{said}");
            }
            ensure!(begin.elapsed() < PATIENCE, "it does not start:\n{said}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The names of the rules in force.
    ///
    /// # Errors
    ///
    /// When the sensor does not answer.
    pub(crate) fn rules(&self, sensor: &Path) -> Result<Vec<String>> {
        let mut list = Command::new(sensor);
        list.args(["rules", "list", "--json", "--pid"])
            .arg(self.child.id().to_string())
            .arg("--directory")
            .arg(self.directory.path().join("control"));
        let text = progress::output(&mut list).context("the sensor does not list its rules")?;
        let listed: Value = serde_json::from_str(&text)?;
        let rules = listed.get("rules").and_then(Value::as_array);
        let rules = rules.into_iter().flatten();
        let names = rules.filter_map(|rule| rule.get("rule")?.as_str());
        Ok(names
            .filter(|name| *name != FENCE)
            .map(str::to_owned)
            .collect())
    }

    /// Waits until the alerts of all that happened so far are there.
    ///
    /// # Errors
    ///
    /// When the sensor ended, or does not come to it in time.
    pub(crate) fn fence(&self) -> Result<()> {
        let number = self.fences.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{MARK}-{}-{number}.", std::process::id());
        let begin = Instant::now();
        let answered = || self.has(|alert| alert.is_fence() && alert.output.contains(&mark));
        while begin.elapsed() < PATIENCE {
            // Again and again: on a machine that does too much, an event may be lost.
            Command::new("true").arg(&mark).status()?;
            let asked = Instant::now();
            while asked.elapsed() < ASK_AGAIN {
                if answered()? {
                    return Ok(());
                }
                std::thread::sleep(LOOK);
            }
        }
        bail!(
            "the sensor does not answer any more; what it said is in {}",
            self.log.display()
        );
    }

    fn has(&self, fits: impl Fn(&Alert) -> bool) -> Result<bool> {
        self.look(|alerts| alerts.iter().any(fits))
    }

    /// The alerts that came from this cgroup or one inside it; all of them for an empty path.
    ///
    /// # Errors
    ///
    /// When the file could not be read.
    pub(crate) fn alerts_from(&self, cgroup: &str) -> Result<Vec<Alert>> {
        let from = |alert: &&Alert| alert.is_from(cgroup);
        self.look(|alerts| alerts.iter().filter(from).cloned().collect())
    }

    fn look<T>(&self, look: impl FnOnce(&[Alert]) -> T) -> Result<T> {
        match &*self.alerts.lock().unwrap_or_else(PoisonError::into_inner) {
            Ok(alerts) => Ok(look(alerts)),
            Err(error) => bail!("the alerts cannot be read: {error:#}"),
        }
    }

    /// Ends it as a user does; it must end well.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub(crate) fn stop(mut self) -> Result<String> {
        // The end is waited for below; whether the signal came is seen there.
        let _told = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let status = self.child.wait()?;
        let said = fs::read_to_string(&self.log)?;
        ensure!(status.success(), "the sensor ended with {status}\n{said}");
        Ok(said)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Already gone after `stop`.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Takes lines as they are written, until nobody wants them any more.
fn follow(mut lines: BufReader<File>, alerts: &Weak<Mutex<Result<Vec<Alert>>>>) {
    let mut line = String::new();
    while let Some(alerts) = alerts.upgrade() {
        let read = lines.read_line(&mut line);
        // A line that is still being written is taken at the next look.
        let alert = match read {
            Ok(_) if line.ends_with('\n') => Alert::read(&line),
            Ok(_) => {
                drop(alerts);
                std::thread::sleep(LOOK);
                continue;
            }
            Err(error) => Err(error.into()),
        };
        line.clear();
        let mut alerts = alerts.lock().unwrap_or_else(PoisonError::into_inner);
        match (alert, &mut *alerts) {
            (Ok(alert), Ok(all)) => all.push(alert),
            (Err(error), all) => *all = Err(error),
            (Ok(_), Err(_)) => {}
        }
    }
}

impl Alert {
    /// Whether it came from this cgroup or one inside it; every alert is from the empty path.
    pub(crate) fn is_from(&self, cgroup: &str) -> bool {
        let rest = self.cgroup.strip_prefix(cgroup);
        rest.is_some_and(|rest| cgroup.is_empty() || rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether it only answers a fence.
    pub(crate) fn is_fence(&self) -> bool {
        self.rule == FENCE
    }

    /// The line of text without its time.
    pub(crate) fn text(&self) -> &str {
        let text = self.output.split_once(' ').map(|(_, text)| text);
        text.unwrap_or(&self.output)
    }

    fn read(line: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(line).context("an alert is no JSON")?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("").to_owned();
        let fields = value.get("output_fields").and_then(Value::as_object);
        let field = |name| fields.and_then(|fields| fields.get(name));
        let empty = |(name, value): (&String, &Value)| value.is_null().then(|| name.clone());
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        Ok(Self {
            rule: text(value.get("rule")),
            cgroup: text(field(CGROUP)),
            happened_ns: field(TIME).and_then(Value::as_u64).unwrap_or(0),
            written_ns: u64::try_from(now.as_nanos())?,
            output: text(value.get("output")),
            missing: fields.into_iter().flatten().filter_map(empty).collect(),
        })
    }
}

/// The name of the rule that answers a fence.
const FENCE: &str = "Fence of the attacks";
/// What the argument of a fence begins with.
const MARK: &str = "sensor-attacks-fence";

fn fence_rule() -> String {
    format!(
        "- rule: {FENCE}\n  desc: Everything before it was seen.\n  condition: >\n    \
         evt.type in (execve, execveat) and proc.name = true and proc.args startswith {MARK}\n  \
         output: \"%proc.args.\"\n  priority: DEBUG\n"
    )
}
