//! What every output's configuration has in common, and what an output is.
//!
//! A configuration ([`Settings`]) comes in, checked without touching the
//! network; an [`Output`] leaves, which turns a batch of alerts into one
//! request and the receiver's answer into an [`Answer`]. An output keeps no
//! alert of its own: what it has not answered for stays in its queue.

use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::alert::{Alert, Priority};

use super::backoff::Retry;
use super::only::Only;
use super::queue::{Batching, Limits, Turn};
use super::secret::SecretError;
use super::spool::config::{SpoolConfig, Store};

/// The keys every output has, whatever its type.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Keys {
    /// The output's name in logs and accounts (default: its type).
    pub name: Option<String>,
    /// Alerts less serious than this are not for this output (a priority word; default
    /// Debug, which is all; of mail, Warning).
    pub min_priority: Option<Priority>,
    /// Which alerts it takes; without it, all of them.
    pub only: Option<Only>,
    /// Take the alerts that no other output takes, and no others.
    pub fallback: bool,
    /// How much may wait in memory: what is not on the disk.
    pub queue: Limits,
    /// How alerts are kept until the receiver has them.
    pub spool: SpoolConfig,
    /// How failed requests are repeated.
    pub retry: Retry,
    /// Most requests under way at once (1 to 64; default 1). With more than one, alerts may
    /// arrive in another order.
    pub concurrency: Option<u8>,
}

impl Keys {
    pub(crate) fn concurrency(&self) -> u8 {
        self.concurrency.unwrap_or(1)
    }
}

/// The keys that only outputs of one type have.
pub(crate) trait Settings {
    /// The `min_priority` of an output that does not say.
    fn default_priority(&self) -> Priority {
        Priority::Debug
    }
    /// Whether what it sends is made from [`Alert::evidence`] too.
    fn needs_evidence(&self) -> bool {
        false
    }

    /// Where alerts of an output that does not say wait for it.
    fn default_store(&self) -> Store {
        Store::Disk
    }
    /// Most requests that may be under way at once.
    fn max_concurrency(&self) -> u8 {
        64
    }
    /// How alerts are grouped into requests.
    fn batching(&self) -> Batching;
    /// What is wrong with the keys only this output has, one sentence each;
    /// reads secrets and files, never the network.
    fn check(&self) -> Vec<String>;
    /// Makes one sender.
    fn build(&self) -> Result<Box<dyn Output>, BuildError>;
    /// Makes all of them: one for each request that may be under way. What they
    /// remember beyond the end of the sensor, they keep in `directory`, if there is one.
    fn senders(&self, concurrency: u8, directory: Option<&Path>) -> Result<Senders, BuildError> {
        let _ = directory;
        (0..concurrency).map(|_| self.build()).collect()
    }
}

/// Why an output could not be made from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A secret could not be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] super::tls::TlsError),
    /// A file could not be opened.
    #[error("cannot open {0}: {1}")]
    File(String, std::io::Error),
    /// A value that cannot be used; says which and why.
    #[error("{0}")]
    Value(String),
}

/// The senders of one output.
pub(crate) type Senders = Vec<Box<dyn Output>>;

/// A future that stays on the delivery thread.
pub(crate) type Sending<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Turns alerts into requests.
pub(crate) trait Output: Send {
    /// Called once when its thread is there, before there is anything to send.
    fn begin(&mut self) {}
    /// Sends `batch` (never empty) as one request and tells what became of it.
    /// Must end by itself: every wait inside has a timeout.
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a>;
    /// What it takes next; asked whenever there may be something to take.
    fn turn(&self) -> Turn {
        Turn::default()
    }
    /// Whether its batches are sent whole even to a receiver that fails all the time.
    fn is_whole(&self) -> bool {
        false
    }
}

/// What the receiver did with one batch: it took the first `taken` alerts, and
/// `rest` says what happens to the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) taken: usize,
    pub(crate) rest: Rest,
}

/// What happens to the alerts of a batch that were not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rest {
    /// There are none.
    Nothing,
    /// The first of them is refused for good; the others were not looked at.
    RefuseFirst(String),
    /// All of them are refused for good.
    RefuseAll(String),
    /// Too much, or one of them is bad and nobody says which: halve the batch.
    /// A single alert is refused.
    Split(String),
    /// Try again later; the receiver may have said when.
    Retry(String, Option<Duration>),
    /// Nothing will pass until a person changes something: probe slowly.
    Blocked(String),
    /// Each alert of the batch has a fate of its own, in the batch's order; `taken` is 0.
    Each(Vec<ItemFate>),
}

/// What the receiver says of one alert among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ItemFate {
    /// It has it.
    Taken,
    /// It refuses it for good.
    Refused(String),
    /// Not now.
    Again(String),
    /// It was not in this request; the next one may have it.
    Untried,
}

impl Rest {
    /// The receiver's words, if it had any.
    pub(crate) fn why(&self) -> Option<&str> {
        match self {
            Self::Nothing | Self::Each(_) => None,
            Self::RefuseFirst(why)
            | Self::RefuseAll(why)
            | Self::Split(why)
            | Self::Retry(why, _)
            | Self::Blocked(why) => Some(why),
        }
    }

    /// The same with more words of the receiver behind its own.
    pub(crate) fn saying(mut self, words: &str) -> Self {
        match &mut self {
            Self::Nothing | Self::Each(_) => {}
            Self::RefuseFirst(why)
            | Self::RefuseAll(why)
            | Self::Split(why)
            | Self::Retry(why, _)
            | Self::Blocked(why) => why.push_str(words),
        }
        self
    }
}

impl Answer {
    /// All were taken.
    pub(crate) fn all(batch: &[Arc<Alert>]) -> Self {
        Self {
            taken: batch.len(),
            rest: Rest::Nothing,
        }
    }

    /// None was taken.
    pub(crate) fn none(rest: Rest) -> Self {
        Self { taken: 0, rest }
    }

    /// Each has the fate that is known of it; `rest` is what happens to the others.
    #[cfg(any(feature = "amqp", feature = "kafka"))]
    pub(crate) fn of_fates(fates: Vec<Option<ItemFate>>, rest: Rest) -> Self {
        if fates.iter().all(|fate| *fate == Some(ItemFate::Taken)) {
            return Self {
                taken: fates.len(),
                rest: Rest::Nothing,
            };
        }
        if fates.iter().all(Option::is_none) {
            return Self::none(rest);
        }
        let why = rest.why().unwrap_or_default();
        let again = |fate: Option<ItemFate>| fate.unwrap_or(ItemFate::Again(why.to_owned()));
        Self::none(Rest::Each(fates.into_iter().map(again).collect()))
    }

    /// None was taken; try again when the backoff says so.
    pub(crate) fn retry(why: impl fmt::Display) -> Self {
        Self::none(Rest::Retry(why.to_string(), None))
    }
}

/// How alerts are grouped into one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Batch {
    /// Most alerts in one request (1 to 10,000; default 500).
    pub max_alerts: usize,
    /// Most bytes in one request before compression (1,024 to 104,857,600; default 1,048,576).
    pub max_bytes: usize,
    /// Longest wait for more alerts, in milliseconds (0 to 60,000; default 500).
    /// An alert of priority Critical or above never waits.
    pub max_age_ms: u64,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            max_alerts: 500,
            max_bytes: 1 << 20,
            max_age_ms: 500,
        }
    }
}

impl Batch {
    /// What is wrong with these numbers, one sentence each.
    pub(crate) fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if !(1..=10_000).contains(&self.max_alerts) {
            wrong.push(format!(
                "batch.max_alerts is {}; it must be 1 to 10000",
                self.max_alerts
            ));
        }
        if !(1024..=100 << 20).contains(&self.max_bytes) {
            wrong.push(format!(
                "batch.max_bytes is {}; it must be 1024 to 104857600",
                self.max_bytes
            ));
        }
        if self.max_age_ms > 60_000 {
            wrong.push(format!(
                "batch.max_age_ms is {}; it must be 0 to 60000",
                self.max_age_ms
            ));
        }
        wrong
    }

    /// The same in the queue's terms.
    pub(crate) fn batching(&self) -> Batching {
        Batching {
            max_alerts: self.max_alerts,
            max_bytes: self.max_bytes,
            max_age: Duration::from_millis(self.max_age_ms),
        }
    }
}

/// What is wrong with a timeout in milliseconds, if anything.
pub(crate) fn check_timeout(timeout_ms: u64) -> Option<String> {
    (!(1..=600_000).contains(&timeout_ms))
        .then(|| format!("timeout_ms is {timeout_ms}; it must be 1 to 600000"))
}
