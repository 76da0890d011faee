//! Alerts out into the world.
//!
//! An [`Alert`] comes in by [`Delivery::send`], which never waits; requests,
//! lines and mails leave. Every output has a bounded [`queue`] and a worker of its own
//! on one thread of the asynchronous side, so a slow or dead receiver delays and
//! loses only its own alerts, and counts them: at every moment raised =
//! delivered + failed + queued.
//!
//! To add an output: one file here with its `Config`, which says how to check
//! and build it, and its line in each of the two lists of [`OutputKind`].

pub mod backoff;
pub mod common;
pub mod file;
mod http;
pub(crate) mod json;
pub mod mail;
pub mod queue;
pub mod secret;
pub mod splunk;
pub mod terminal;
mod text;
pub mod tls;
pub mod webhook;
mod worker;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::Value;
use tokio::task::LocalSet;
use tracing::warn;

use crate::alert::{Alert, Priority};
use crate::metrics::OutputAccount;

use common::{BuildError, Keys, Settings};
use queue::Queue;
use worker::Worker;

/// One output: the keys all have, and those of its type.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OutputConfig {
    /// What every output has.
    #[serde(flatten)]
    pub keys: Keys,
    /// What it is.
    #[serde(flatten)]
    pub kind: OutputKind,
}

/// The types of output, by `type`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is documented as its module's Config")]
pub enum OutputKind {
    Terminal(terminal::Config),
    File(file::Config),
    Webhook(webhook::Config),
    Splunk(splunk::Config),
    Mail(mail::Config),
}

impl OutputKind {
    fn word_and_settings(&self) -> (&'static str, &dyn Settings) {
        match self {
            Self::Terminal(config) => ("terminal", config),
            Self::File(config) => ("file", config),
            Self::Webhook(config) => ("webhook", config),
            Self::Splunk(config) => ("splunk", config),
            Self::Mail(config) => ("mail", config),
        }
    }

    fn settings(&self) -> &dyn Settings {
        self.word_and_settings().1
    }
}

impl OutputConfig {
    /// An output with nothing configured but what it is.
    pub fn new(kind: OutputKind) -> Self {
        Self {
            keys: Keys::default(),
            kind,
        }
    }

    /// The output's name in logs and accounts.
    pub fn name(&self) -> &str {
        let kind = || self.kind.word_and_settings().0;
        self.keys.name.as_deref().unwrap_or_else(kind)
    }

    /// Less serious alerts are not for this output.
    pub fn min_priority(&self) -> Priority {
        let default = || self.kind.settings().default_priority();
        self.keys.min_priority.unwrap_or_else(default)
    }

    /// Whether what it sends tells more of an event than the rule's own fields.
    pub fn needs_evidence(&self) -> bool {
        self.kind.settings().needs_evidence()
    }

    /// What is wrong with this output, one sentence each, without touching the
    /// network. Secrets and files it names are read.
    pub fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.name().is_empty() || self.name().chars().any(char::is_control) {
            wrong.push("name is empty or holds control characters".to_owned());
        }
        wrong.extend(self.keys.queue.check());
        wrong.extend(self.keys.retry.check());
        wrong.extend(self.kind.settings().check());
        wrong
    }
}

/// Each type's own keys and, among them, those that all have.
impl JsonSchema for OutputConfig {
    fn schema_name() -> Cow<'static, str> {
        "OutputConfig".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = OutputKind::json_schema(generator);
        let shared = Keys::json_schema(generator);
        let shared = shared.get("properties").and_then(Value::as_object);
        let kinds = schema.get_mut("oneOf").and_then(Value::as_array_mut);
        for kind in kinds.into_iter().flatten() {
            if let Some(Value::Object(keys)) = kind.get_mut("properties") {
                keys.extend(shared.cloned().into_iter().flatten());
            }
        }
        schema
    }
}

/// What is wrong with the outputs together: their names must differ.
pub fn check_names(outputs: &[OutputConfig]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    outputs
        .iter()
        .filter(|output| !seen.insert(output.name()))
        .map(|output| {
            format!(
                "two outputs are named `{}`; give one a `name`",
                output.name()
            )
        })
        .collect()
}

/// Why delivery could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An output's configuration is not usable.
    #[error("output `{0}`: {1}")]
    Output(String, String),
    /// The delivery thread or its runtime could not be made.
    #[error("cannot start the delivery thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// One output as the capture side sees it.
struct Handle {
    name: String,
    min_priority: Priority,
    queue: Arc<Queue>,
}

/// All outputs at work. Dropped without [`shutdown`](Self::shutdown), it stops
/// at once and leaves what is queued undelivered.
pub struct Delivery {
    outputs: Vec<Handle>,
    /// Tells the thread to end; also ends it by being dropped.
    stop: Option<tokio::sync::oneshot::Sender<Duration>>,
    thread: Option<JoinHandle<()>>,
}

impl Delivery {
    /// Builds every output and starts the delivery thread. Nothing is sent yet,
    /// no connection made: a receiver that is away is no reason not to start.
    pub fn start(configs: &[OutputConfig]) -> Result<Self, StartError> {
        let mut outputs = Vec::new();
        let mut workers = Vec::new();
        let (started, runtime) = mpsc::sync_channel(1);
        for config in configs {
            let (handle, worker) = build(config)?;
            outputs.push(handle);
            workers.push(worker);
        }
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("deliver".to_owned())
            .spawn(move || match runtime_for_delivery() {
                Ok(made) => {
                    let _ = started.send(Ok(()));
                    work(made, workers, stopped);
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            })?;
        runtime
            .recv()
            .map_err(|_| std::io::Error::other("it ended at once"))??;
        Ok(Self {
            outputs,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Hands an alert to every output that wants its priority. Never waits: a
    /// full queue drops by its policy.
    pub fn send(&self, alert: &Arc<Alert>) {
        let weight = queue::weight(alert);
        for output in &self.outputs {
            if alert.priority <= output.min_priority {
                output.queue.push(Arc::clone(alert), weight);
            }
        }
    }

    /// Every output's name and account at this moment.
    pub fn accounts(&self) -> Vec<(String, OutputAccount)> {
        self.outputs
            .iter()
            .map(|output| (output.name.clone(), output.queue.account()))
            .collect()
    }

    /// Sends what is queued, for no longer than `deadline` (5 s is usual), counts
    /// the rest as abandoned and returns the final accounts.
    pub fn shutdown(mut self, deadline: Duration) -> Vec<(String, OutputAccount)> {
        for output in &self.outputs {
            output.queue.close();
        }
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(deadline);
        }
        self.join();
        for output in &self.outputs {
            output.queue.abandon();
        }
        self.accounts()
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("the delivery thread ended by a panic");
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.stop = None;
        self.join();
    }
}

fn build(config: &OutputConfig) -> Result<(Handle, Worker), StartError> {
    let settings = config.kind.settings();
    let name = || config.name().to_owned();
    let failed = |why: String| StartError::Output(name(), why);
    if let Some(wrong) = config.check().into_iter().next() {
        return Err(failed(wrong));
    }
    let output = settings
        .build()
        .map_err(|error: BuildError| failed(error.to_string()))?;
    let queue = Arc::new(Queue::new(config.keys.queue));
    let worker = Worker::new(
        name(),
        Arc::clone(&queue),
        output,
        settings.batching(),
        config.keys.retry,
    );
    let handle = Handle {
        name: name(),
        min_priority: config.min_priority(),
        queue,
    };
    Ok((handle, worker))
}

fn runtime_for_delivery() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// The delivery thread: runs the workers until they are done or told to stop
/// and the deadline is over.
fn work(
    runtime: tokio::runtime::Runtime,
    workers: Vec<Worker>,
    stopped: tokio::sync::oneshot::Receiver<Duration>,
) {
    let local = LocalSet::new();
    let mut tasks = tokio::task::JoinSet::new();
    for worker in workers {
        tasks.spawn_local_on(worker.run(), &local);
    }
    runtime.block_on(local.run_until(async move {
        // A sender dropped without a word leaves no time for anything.
        let deadline = stopped.await.unwrap_or_default();
        let all = async { while tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(deadline, all).await;
    }));
    // A write to a stopped terminal or a dead network disk may never return;
    // its thread must not keep the sensor from exiting.
    runtime.shutdown_background();
}
