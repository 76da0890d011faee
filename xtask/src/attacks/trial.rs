//! One script tried: its near miss, then its attack, and what the sensor said to both.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::STAGE;
use super::group::Group;
use super::needs;
use super::script::{Half, Place, Script};
use super::stage::{Order, Report};
use super::watch::{Alert, Watch};
use crate::progress;

/// How long one half may take; scripts promise half of it.
const LIMIT: Duration = Duration::from_secs(20);
/// How long an alert may come after all events were seen: a rule may wait for more.
const LATE: Duration = Duration::from_secs(3);

/// What came of one script.
#[derive(Debug)]
pub(super) struct Trial<'a> {
    /// The script.
    pub(super) script: &'a Script,
    /// Programs it needs that are not here; nothing was run then.
    pub(super) missing: Vec<String>,
    /// Its attack.
    pub(super) attack: Outcome,
    /// Its near miss.
    pub(super) near_miss: Outcome,
}

/// What came of one half of a script.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Why it is not known to have happened; empty when all is well.
    pub(super) failure: String,
    /// When it began, nanoseconds since the epoch.
    pub(super) started_ns: u64,
    /// The alerts of the script's rule, in order.
    pub(super) alerts: Vec<Alert>,
    /// The other rules that fired.
    pub(super) others: Vec<String>,
}

impl Trial<'_> {
    /// The rule fired on the attack and only there.
    pub(super) fn is_proven(&self) -> bool {
        self.fired().is_some() && self.is_silent()
    }

    /// The first alert of the attack.
    pub(super) fn fired(&self) -> Option<&Alert> {
        self.attack.alerts.first()
    }

    /// The near miss happened and did not raise the rule.
    pub(super) fn is_silent(&self) -> bool {
        let miss = &self.near_miss;
        self.missing.is_empty() && miss.failure.is_empty() && miss.alerts.is_empty()
    }

    /// From the start of the attack to the alert in the file, milliseconds.
    pub(super) fn latency_ms(&self) -> Option<f64> {
        let alert = self.fired()?;
        let ns = alert.written_ns.saturating_sub(self.attack.started_ns);
        Some(milliseconds(ns))
    }

    /// From the event to the alert in the file, milliseconds.
    pub(super) fn delay_ms(&self) -> Option<f64> {
        let alert = self.fired()?;
        let ns = alert.written_ns.saturating_sub(alert.happened_ns);
        (alert.happened_ns > 0).then(|| milliseconds(ns))
    }
}

fn milliseconds(ns: u64) -> f64 {
    Duration::from_nanos(ns).as_secs_f64() * 1000.0
}

/// What tries scripts.
pub(super) struct Trier<'a> {
    watch: &'a Watch,
    tools: &'a Path,
    logs: PathBuf,
    number: AtomicUsize,
}

impl<'a> Trier<'a> {
    /// For scripts that use these tools, before this sensor.
    ///
    /// # Errors
    ///
    /// When there is no place for what scripts say.
    pub(super) fn new(watch: &'a Watch, tools: &'a Path) -> Result<Self> {
        let logs = progress::target_dir().join("xtask/attacks");
        fs::create_dir_all(&logs)?;
        Ok(Self {
            watch,
            tools,
            logs,
            number: AtomicUsize::new(0),
        })
    }

    /// Tries one script. The near miss comes first: its alerts, if any, are there
    /// before those of the attack.
    ///
    /// # Errors
    ///
    /// When the sensor or the machine fails; a script that fails is an outcome.
    pub(super) fn try_script<'s>(&self, script: &'s Script) -> Result<Trial<'s>> {
        let mut trial = Trial {
            script,
            missing: needs::missing(script),
            attack: Outcome::default(),
            near_miss: Outcome::default(),
        };
        if !trial.missing.is_empty() {
            return Ok(trial);
        }
        let (miss_group, near_miss) = self.run(script, Half::NearMiss)?;
        let (attack_group, attack) = self.run(script, Half::Attack)?;
        self.watch.fence()?;
        let begin = Instant::now();
        let fired = |alert: &Alert| alert.rule == script.rule;
        while begin.elapsed() < LATE && !self.watch.alerts_from(&attack_group)?.iter().any(fired) {
            std::thread::sleep(Duration::from_millis(50));
        }
        trial.near_miss = self.outcome(script, &miss_group, near_miss)?;
        trial.attack = self.outcome(script, &attack_group, attack)?;
        Ok(trial)
    }

    fn outcome(&self, script: &Script, group: &str, report: Report) -> Result<Outcome> {
        let all = self.watch.alerts_from(group)?;
        let (alerts, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|it| it.rule == script.rule);
        let mut others: Vec<String> = others.into_iter().map(|alert| alert.rule).collect();
        others.sort();
        others.dedup();
        Ok(Outcome {
            failure: report.failure,
            started_ns: report.started_ns,
            alerts,
            others,
        })
    }

    /// Runs one half in a cgroup of its own, whose path it gives.
    fn run(&self, script: &Script, half: Half) -> Result<(String, Report)> {
        let group = Group::make(script.place, self.number.fetch_add(1, Ordering::Relaxed))?;
        let path = group.path.clone();
        let file = format!(
            "{}.{}.log",
            script.name().replace('/', "."),
            half.function()
        );
        let log = self.logs.join(file);
        let order = Order {
            script: std::path::absolute(&script.path)?,
            half,
            place: script.place,
            host_network: script.host_network,
            tools: self.tools.to_owned(),
            doors: group.doors(),
        };
        let report = perform(&order, &log);
        let report = match report {
            Ok(Some(mut report)) => {
                if !report.failure.is_empty() {
                    report.failure = format!("{}{}", report.failure, last_words(&log));
                }
                report
            }
            Ok(None) => Report {
                started_ns: 0,
                failure: format!("it did not end within {} s", LIMIT.as_secs()),
            },
            Err(error) => Report {
                started_ns: 0,
                failure: format!("{error:#}{}", last_words(&log)),
            },
        };
        group.remove()?;
        Ok((path, report))
    }
}

/// Has the order obeyed by a process that is nobody's child; `None` when it takes too long.
fn perform(order: &Order, log: &Path) -> Result<Option<Report>> {
    let mut child = begin(order, log)?;
    let mut pipe = child.stdout.take().context("it has no standard output")?;
    // `setsid` ends at once: its own child, which holds the pipe, goes on without a parent.
    child.wait()?;
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = pipe.read_to_string(&mut text).map(|_| text);
        // Nobody waits any more when it took too long.
        let _late = ended.send(read);
    });
    let Ok(text) = end.recv_timeout(LIMIT) else {
        return Ok(None);
    };
    let report = serde_json::from_str(&text?).context("it could not be started")?;
    Ok(Some(report))
}

fn begin(order: &Order, log: &Path) -> Result<Child> {
    let mut command = Command::new("setsid");
    command.args(["--fork", "unshare", "--mount", "--ipc", "--uts"]);
    if !order.host_network {
        command.arg("--net");
    }
    if order.place == Place::Container {
        command.arg("--pid");
    }
    let mut child = command
        .arg(std::env::current_exe()?)
        .arg(STAGE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(File::create(log)?)
        .spawn()
        .context("cannot start setsid")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(serde_json::to_string(order)?.as_bytes())?;
    }
    Ok(child)
}

/// The last line that a script said.
fn last_words(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let last = text.trim_end().lines().next_back().unwrap_or_default();
    match last {
        "" => String::new(),
        _ => format!(": {}", last.escape_debug()),
    }
}
