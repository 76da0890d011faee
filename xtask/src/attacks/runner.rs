//! Runs one function of one script in a [`stage`](super::stage), and in a cgroup of its own.
//!
//! In: a [`Job`]. Out: the path of the cgroup, by which its alerts are told from all
//! others, and how it went. Always holds: when it returns, nothing of the job runs any
//! more and its cgroup is gone.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::STAGE;
use super::group::Group;
use super::script::Place;
use super::stage::{Order, Report};
use crate::progress;

/// What to run.
pub(crate) struct Job {
    /// What its log is named after.
    pub(crate) name: String,
    /// The file.
    pub(crate) script: PathBuf,
    /// The function in it.
    pub(crate) function: &'static str,
    /// Where.
    pub(crate) place: Place,
    /// Whether it shares the machine's network.
    pub(crate) host_network: bool,
}

/// What runs jobs; several at once if asked to.
pub(crate) struct Runner {
    tools: PathBuf,
    logs: PathBuf,
    number: AtomicUsize,
}

impl Runner {
    /// For scripts that use these tools.
    ///
    /// # Errors
    ///
    /// When there is no place for what scripts say.
    pub(crate) fn new(tools: PathBuf) -> Result<Self> {
        let logs = progress::target_dir().join("xtask/attacks");
        fs::create_dir_all(&logs)?;
        Ok(Self {
            tools,
            logs,
            number: AtomicUsize::new(0),
        })
    }

    /// Runs a job to its end, and ends what it leaves behind.
    ///
    /// # Errors
    ///
    /// When the machine fails; a job that fails is a report.
    pub(crate) fn run(&self, job: &Job, limit: Duration) -> Result<(String, Report)> {
        let group = Group::make(job.place, self.number.fetch_add(1, Ordering::Relaxed))?;
        let path = group.path.clone();
        let file = format!("{}.{}.log", job.name.replace('/', "."), job.function);
        let log = self.logs.join(file);
        let order = Order {
            script: std::path::absolute(&job.script)?,
            function: job.function.to_owned(),
            place: job.place,
            host_network: job.host_network,
            tools: self.tools.clone(),
            doors: group.doors(),
        };
        let report = match perform(&order, &log, limit) {
            Ok(Some(mut report)) => {
                if !report.failure.is_empty() {
                    report.failure = format!("{}{}", report.failure, last_words(&log));
                }
                report
            }
            Ok(None) => Report {
                started_ns: 0,
                failure: format!("it did not end within {} s", limit.as_secs()),
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
fn perform(order: &Order, log: &Path, limit: Duration) -> Result<Option<Report>> {
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
    let Ok(text) = end.recv_timeout(limit) else {
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
