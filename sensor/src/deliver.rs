//! Alerts out into the world.
//!
//! An [`Alert`] comes in by [`Delivery::send`], which never waits; requests,
//! lines and mails leave. On its way it passes the output's [`queue`], which hands
//! it to the output's own thread ([`keeper`]); there it stays in the [`backlog`],
//! on the disk below it ([`spool`]), until the [`worker`] has the receiver's word
//! for it. So a slow or dead receiver delays only its own alerts, and each is
//! accounted for: at every moment raised + recovered = delivered + failed + queued.
//!
//! To add an output: one file here with its `Config`, which says how to check
//! and build it, its `mod` line, and its line in the list of [`OutputKind`].

mod address;
pub mod alertmanager;
#[cfg(feature = "amqp")]
pub mod amqp;
#[cfg(feature = "cloudwatch")]
pub mod aws;
pub mod azure;
mod backlog;
pub mod backoff;
#[cfg(feature = "cloudwatch")]
pub mod cloudwatch;
pub mod common;
mod config;
pub mod datadog;
mod dead;
pub mod elasticsearch;
pub mod file;
mod files;
pub mod fluentd;
pub mod format;
pub mod gcp;
mod held;
mod http;
mod identity;
pub mod influxdb;
pub(crate) mod json;
#[cfg(feature = "kafka")]
pub mod kafka;
mod keeper;
pub mod loki;
pub mod mail;
#[cfg(feature = "mqtt")]
pub mod mqtt;
#[cfg(feature = "nats")]
pub mod nats;
mod oauth;
pub mod only;
pub mod otlp;
pub mod pattern;
pub mod post;
pub mod program;
pub mod proxy;
pub mod queue;
pub mod secret;
pub mod socket;
pub mod splunk;
pub mod spool;
mod stream;
pub mod syslog;
pub mod terminal;
mod text;
pub mod tls;
pub mod url;
mod verdict;
pub mod webhook;
mod worker;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tracing::warn;

use crate::alert::{Alert, Priority};
use crate::metrics::OutputAccount;

use backlog::Backlog;
pub use config::{OutputConfig, OutputKind, check_names};
pub use held::Held;
use keeper::Keeper;
use queue::Queue;
pub use queue::{Errand, Health};
use spool::config::Store;

/// What waits for one output, and how it fares.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutputStatus {
    /// The output's name.
    pub output: String,
    /// What became of its alerts.
    pub account: OutputAccount,
    /// What else there is to know.
    pub health: Health,
}

/// What waits in a spool directory that no sensor uses, one row an output.
///
/// # Errors
/// When the directory cannot be read.
pub fn left_behind(spools: &Path) -> std::io::Result<Vec<OutputStatus>> {
    let mut left = Vec::new();
    for entry in std::fs::read_dir(spools)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            left.push(resting(&entry.path()).status());
        }
    }
    left.sort_by(|a, b| a.output.cmp(&b.output));
    Ok(left)
}

/// Does to the spool of an output, while no sensor uses it, what could be asked
/// of a running one. There is no receiver to try, so [`Errand::Retry`] is nothing.
pub fn run_errand(spools: &Path, output: &str, errand: Errand) -> OutputStatus {
    let resting = resting(&spool::config::directory_of(spools, output));
    resting.backlog.queue().ask(errand);
    resting.backlog.run_errands();
    resting.backlog.tick();
    let status = resting.status();
    resting.backlog.finish();
    status
}

/// A backlog that nobody works at.
struct Resting {
    name: String,
    backlog: Backlog,
}

fn resting(directory: &Path) -> Resting {
    let name = spool::config::output_of(directory);
    let queue = Arc::new(Queue::new(queue::Limits::default()));
    let limits = queue::Limits::default();
    let spool = spool::config::SpoolConfig::for_inspection();
    let backlog = Backlog::open(&name, queue, limits, spool, Some(directory.to_owned()));
    backlog.look_once();
    backlog.tick();
    Resting { name, backlog }
}

impl Resting {
    fn status(&self) -> OutputStatus {
        OutputStatus {
            output: self.name.clone(),
            account: self.backlog.queue().account(),
            health: self.backlog.queue().health(),
        }
    }
}

/// Why delivery could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An output's configuration is not usable.
    #[error("output `{0}`: {1}")]
    Output(String, String),
    /// An output's thread or its runtime could not be made.
    #[error("cannot start an output's thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// One output as the capture side sees it.
struct Handle {
    name: String,
    min_priority: Priority,
    fallback: bool,
    queue: Arc<Queue>,
    /// Tells the thread to end; also ends it by being dropped.
    stop: Option<oneshot::Sender<Duration>>,
    thread: Option<JoinHandle<()>>,
}

/// All outputs at work. Dropped without [`shutdown`](Self::shutdown), it stops
/// at once and leaves what is queued undelivered.
pub struct Delivery {
    outputs: Vec<Handle>,
}

impl Delivery {
    /// Builds every output and starts their threads. Nothing is sent yet, no
    /// connection made: a receiver that is away is no reason not to start, nor is
    /// a disk that fails. Outputs that spool do so below `spools`; without it, all
    /// alerts wait in memory.
    pub fn start(configs: &[OutputConfig], spools: Option<&Path>) -> Result<Self, StartError> {
        let mut outputs = Vec::new();
        for config in configs {
            outputs.push((config, build(config, spools)?));
        }
        let outputs = outputs
            .into_iter()
            .map(|(config, keeper)| start(config, keeper))
            .collect::<Result<_, _>>()?;
        Ok(Self { outputs })
    }

    /// Hands an alert to every output that wants it, and when none does, to those
    /// that are there for such alerts. Never waits: a full queue drops by its policy.
    pub fn send(&self, alert: &Arc<Alert>) {
        let weight = queue::weight(alert);
        let hand_to = |fallback: bool| {
            let mut taken = false;
            for (place, output) in self.outputs.iter().enumerate() {
                let wanted = alert.priority <= output.min_priority && alert.outputs.contains(place);
                if wanted && output.fallback == fallback {
                    output.queue.push(Arc::clone(alert), weight);
                    taken = true;
                }
            }
            taken
        };
        if !hand_to(false) {
            hand_to(true);
        }
    }

    /// Every output's name and account at this moment.
    pub fn accounts(&self) -> Vec<(String, OutputAccount)> {
        self.outputs
            .iter()
            .map(|output| (output.name.clone(), output.queue.account()))
            .collect()
    }

    /// What waits for each output, and how it fares.
    pub fn status(&self) -> Vec<OutputStatus> {
        self.outputs
            .iter()
            .map(|output| OutputStatus {
                output: output.name.clone(),
                account: output.queue.account(),
                health: output.queue.health(),
            })
            .collect()
    }

    /// Has the output of that name, or all, do something, soon; gives how many
    /// were asked.
    pub fn ask(&self, errand: Errand, output: Option<&str>) -> usize {
        let asked = self
            .outputs
            .iter()
            .filter(|handle| output.is_none_or(|name| name == handle.name));
        asked.map(|handle| handle.queue.ask(errand)).count()
    }

    /// Sends what is queued, for no longer than `deadline` (5 s is usual). What is
    /// left then waits on the disk for the next start; what is in memory alone is
    /// counted as abandoned. Returns the final accounts.
    pub fn shutdown(mut self, deadline: Duration) -> Vec<(String, OutputAccount)> {
        for output in &mut self.outputs {
            output.queue.close();
            if let Some(stop) = output.stop.take() {
                let _ = stop.send(deadline);
            }
        }
        self.join();
        self.accounts()
    }

    fn join(&mut self) {
        for output in &mut self.outputs {
            output.stop = None;
        }
        for output in &mut self.outputs {
            if let Some(thread) = output.thread.take()
                && thread.join().is_err()
            {
                warn!(output = %output.name, "the output's thread ended by a panic");
            }
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.join();
    }
}

fn build(config: &OutputConfig, spools: Option<&Path>) -> Result<Keeper, StartError> {
    let settings = config.kind.settings();
    let failed = |why: String| StartError::Output(config.name().to_owned(), why);
    if let Some(wrong) = config.check().into_iter().next() {
        return Err(failed(wrong));
    }
    let spools = spools.filter(|_| config.store() == Store::Disk);
    let directory = spools.map(|spools| spool::config::directory_of(spools, config.name()));
    let senders = settings
        .senders(config.keys.concurrency(), directory.as_deref())
        .map_err(|error| failed(error.to_string()))?;
    Ok(Keeper {
        name: config.name().to_owned(),
        queue: Arc::new(Queue::new(config.keys.queue)),
        senders,
        batching: settings.batching(),
        limits: config.keys.queue,
        retry: config.keys.retry,
        spool: config.keys.spool,
        directory,
    })
}

fn start(config: &OutputConfig, keeper: Keeper) -> Result<Handle, StartError> {
    let name = keeper.name.clone();
    let queue = Arc::clone(&keeper.queue);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (stop, stopped) = oneshot::channel();
    // The kernel keeps fifteen bytes of it.
    let thread = std::thread::Builder::new()
        .name(format!("out-{name}"))
        .spawn(move || keeper.run(runtime, stopped))?;
    Ok(Handle {
        name,
        min_priority: config.min_priority(),
        fallback: config.keys.fallback,
        queue,
        stop: Some(stop),
        thread: Some(thread),
    })
}
