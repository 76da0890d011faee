//! The alerts on their way to one output's thread, and the output's account.
//!
//! The capture thread pushes; the output's own thread takes all there is at once
//! and keeps it in its [`backlog`](super::backlog). Pushing never waits: while
//! the output's thread is busy, what is over the limits is dropped, the least
//! serious first, of these the oldest, and counted by rule.
//!
//! At every moment, raised + recovered = delivered + failed + queued. The account
//! is part of the locked state, so every copy of it is of one moment.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::alert::{Alert, Priority};
use crate::metrics::OutputAccount;

/// How much may wait for one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most alerts waiting or in flight (1 to 1,000,000; default 10,000).
    pub max_alerts: usize,
    /// Most bytes of text they hold in memory together (65,536 to 4,294,967,296;
    /// default 16,777,216). A full queue drops the least serious alert, the oldest first.
    pub max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_alerts: 10_000,
            max_bytes: 16 << 20,
        }
    }
}

impl Limits {
    /// What is wrong with these numbers, one sentence each.
    pub(crate) fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if !(1..=1_000_000).contains(&self.max_alerts) {
            wrong.push(format!(
                "queue.max_alerts is {}; it must be 1 to 1000000",
                self.max_alerts
            ));
        }
        if !(64 << 10..=4 << 30).contains(&self.max_bytes) {
            wrong.push(format!(
                "queue.max_bytes is {}; it must be 65536 to 4294967296",
                self.max_bytes
            ));
        }
        wrong
    }
}

/// When a batch is complete.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "bounds, named as the keys are")]
pub(crate) struct Batching {
    /// Most alerts in it.
    pub(crate) max_alerts: usize,
    /// Most bytes in it, by [`weight`]; one alert always fits.
    pub(crate) max_bytes: usize,
    /// The oldest alert waits no longer than this. Critical and above do not wait.
    pub(crate) max_age: Duration,
}

impl Batching {
    /// No waiting: a batch is whatever came while the last one was written.
    pub(crate) fn whatever_waits() -> Self {
        Self {
            max_alerts: 1000,
            max_bytes: 1 << 20,
            max_age: Duration::ZERO,
        }
    }
}

/// Which alerts a sender takes next, and when. By default all of them, at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// The most serious priority it takes.
    pub(crate) from: Priority,
    /// The least serious priority it takes.
    pub(crate) to: Priority,
    /// When it takes any of these, it takes what waits of all others along.
    pub(crate) sweeps: bool,
    /// No batch sooner, however serious. When the sensor ends, at once all the same.
    pub(crate) not_before: Option<Instant>,
    /// No batch sooner, and none when the sensor ends: what waits stays in its spool.
    pub(crate) held_until: Option<Instant>,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            from: Priority::Emergency,
            to: Priority::Debug,
            sweeps: false,
            not_before: None,
            held_until: None,
        }
    }
}

impl Turn {
    /// Whether alerts in this lane are enough for a batch.
    pub(crate) fn starts_with(&self, lane: usize) -> bool {
        (self.from as usize..=self.to as usize).contains(&lane)
    }

    /// Whether a batch takes alerts of this lane.
    pub(crate) fn takes(&self, lane: usize) -> bool {
        self.sweeps || self.starts_with(lane)
    }
}

/// Roughly the bytes an alert takes in memory and as JSON; the unit of all
/// byte bounds here.
pub(crate) fn weight(alert: &Alert) -> usize {
    // Keys, time, uuid, hostname and punctuation of the JSON form.
    const FRAME: usize = 256;
    let fields: usize = alert
        .output_fields
        .iter()
        .chain(&alert.evidence)
        .map(|(name, value)| name.len() + 8 + value_weight(value))
        .sum();
    let tags: usize = alert.tags.iter().map(|tag| tag.len() + 3).sum();
    FRAME + alert.rule.len() + alert.message.len() + alert.output.len() + fields + tags
}

fn value_weight(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => text.len(),
        serde_json::Value::Array(items) => items.iter().map(|item| 3 + value_weight(item)).sum(),
        serde_json::Value::Object(map) => {
            map.iter().map(|(k, v)| k.len() + 5 + value_weight(v)).sum()
        }
        _ => 8,
    }
}

/// An alert's place among all alerts of its output; rises with each.
pub(crate) type Seq = u64;

/// An alert that was pushed.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// The alert.
    pub(crate) alert: Arc<Alert>,
    /// Its [`weight`].
    pub(crate) bytes: usize,
    /// When it came.
    pub(crate) at: Instant,
    /// Its place among those that wait here.
    order: u64,
}

/// What a person may ask of an output while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// Try the receiver now instead of waiting.
    Retry,
    /// Send the alerts that were refused for good once more.
    Replay,
    /// Give up all that waits.
    Purge,
}

/// How an output fares, beside its account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Health {
    /// What went wrong last, and when.
    pub last_error: Option<(SystemTime, String)>,
    /// When the receiver last took something.
    pub last_delivery: Option<SystemTime>,
    /// The receiver failed so often in a row that it is only probed.
    pub probing: bool,
    /// What an earlier run left has been looked for.
    pub opened: bool,
    /// Why alerts cannot be kept on the disk, if they should and cannot.
    pub spool_error: Option<String>,
    /// Bytes of the spool's files.
    pub spool_bytes: u64,
    /// Alerts refused for good and kept.
    pub dead_letters: u64,
    /// Alerts dropped for want of room, by rule.
    pub dropped: BTreeMap<Arc<str>, u64>,
    /// When the oldest alert that waits was raised, nanoseconds since the Unix epoch.
    pub oldest_ns: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// One lane a priority, each in order of arrival.
    lanes: [VecDeque<Arrival>; Priority::ALL.len()],
    pushed: u64,
    bytes: usize,
    account: OutputAccount,
    health: Health,
    errands: Vec<Errand>,
    closed: bool,
}

/// One output's queue.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Told whenever a look at the state may find something new. One task waits
    /// on it.
    changed: Notify,
    limits: Limits,
}

impl Queue {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            limits,
        }
    }

    /// Adds an alert of the given [`weight`]; never waits for the receiver.
    pub(crate) fn push(&self, alert: Arc<Alert>, bytes: usize) {
        let mut state = self.lock();
        state.account.raised += 1;
        if state.closed {
            state.account.abandoned += 1;
            return;
        }
        state.admit(alert, bytes);
        while state.waiting() > self.limits.max_alerts || state.bytes > self.limits.max_bytes {
            if !state.drop_least() {
                break;
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Takes all that came, in order. The alerts stay counted as queued.
    pub(crate) fn take_all(&self) -> Vec<Arrival> {
        let mut state = self.lock();
        state.bytes = 0;
        let mut all: Vec<_> = state.lanes.iter_mut().flat_map(std::mem::take).collect();
        drop(state);
        all.sort_unstable_by_key(|arrival| arrival.order);
        all
    }

    /// Asks something of the output's thread.
    pub(crate) fn ask(&self, errand: Errand) {
        self.lock().errands.push(errand);
        self.changed.notify_one();
    }

    /// What was asked since the last look.
    pub(crate) fn take_errands(&self) -> Vec<Errand> {
        std::mem::take(&mut self.lock().errands)
    }

    /// Returns when something came, or the queue was closed, since the last look.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Changes the account as one step.
    pub(crate) fn count(&self, change: impl FnOnce(&mut OutputAccount)) {
        change(&mut self.lock().account);
    }

    /// Counts alerts of a rule as dropped for want of room.
    pub(crate) fn count_dropped(&self, rule: &Arc<str>) {
        let mut state = self.lock();
        state.account.queued -= 1;
        state.count_dropped(rule);
    }

    /// Changes what is known of the output's health.
    pub(crate) fn tell(&self, change: impl FnOnce(&mut Health)) {
        change(&mut self.lock().health);
    }

    /// How the output fares.
    pub(crate) fn health(&self) -> Health {
        self.lock().health.clone()
    }

    /// No more alerts are coming: what waits is sent without waiting for more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Whether [`close`](Self::close) was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// The account at this moment.
    pub(crate) fn account(&self) -> OutputAccount {
        self.lock().account
    }

    /// No code panics while it holds the lock, and the state is whole after each
    /// statement that could: a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn admit(&mut self, alert: Arc<Alert>, bytes: usize) {
        self.account.queued += 1;
        self.bytes += bytes;
        self.pushed += 1;
        let arrival = Arrival {
            bytes,
            at: Instant::now(),
            order: self.pushed,
            alert,
        };
        if let Some(lane) = self.lanes.get_mut(arrival.alert.priority as usize) {
            lane.push_back(arrival);
        }
    }

    fn waiting(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    /// Drops the oldest of the least serious alerts; false when none waits.
    fn drop_least(&mut self) -> bool {
        let dropped = self.lanes.iter_mut().rev().find_map(VecDeque::pop_front);
        if let Some(arrival) = &dropped {
            self.bytes -= arrival.bytes;
            self.account.queued -= 1;
            self.count_dropped(&arrival.alert.rule);
        }
        dropped.is_some()
    }

    fn count_dropped(&mut self, rule: &Arc<str>) {
        self.account.dropped_full += 1;
        *self.health.dropped.entry(Arc::clone(rule)).or_default() += 1;
    }
}
