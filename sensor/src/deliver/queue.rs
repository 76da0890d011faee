//! The alerts one output still owes: where a disk spool will stand.
//!
//! The capture thread pushes, the output's worker takes batches and answers for
//! them. An alert leaves the queue only when it is acknowledged, refused or
//! dropped, so a worker that dies or is stopped in mid-request loses nothing
//! from the count. Pushing never waits: a full queue drops the least serious
//! alert, the oldest first, and counts it.
//!
//! At every moment, raised = delivered + failed + queued. The account is part of
//! the locked state, so every copy of it is of one moment.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
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
pub(crate) struct Batching {
    /// Most alerts in it.
    pub(crate) max_alerts: usize,
    /// Most bytes in it, by [`weight`]; one alert always fits.
    pub(crate) max_bytes: usize,
    /// The oldest alert waits no longer than this. Critical and above do not wait.
    pub(crate) max_age: Duration,
    /// No batch sooner than this after the one before, however serious.
    pub(crate) min_interval: Duration,
}

impl Batching {
    /// No waiting: a batch is whatever came while the last one was written.
    pub(crate) fn whatever_waits() -> Self {
        Self {
            max_alerts: 1000,
            max_bytes: 1 << 20,
            max_age: Duration::ZERO,
            min_interval: Duration::ZERO,
        }
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

/// An alert's place in its queue; rises with every push.
pub(crate) type Seq = u64;

/// What became of an alert that leaves the queue by its worker's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The receiver took it.
    Delivered,
    /// The receiver refused it for good.
    Refused,
}

#[derive(Debug)]
struct Entry {
    seq: Seq,
    alert: Arc<Alert>,
    bytes: usize,
    arrived: Instant,
}

#[derive(Debug, Default)]
struct State {
    /// Waiting alerts, one lane a priority, each in order of arrival.
    lanes: [VecDeque<Entry>; Priority::ALL.len()],
    /// Given to the worker and not answered for yet. These are not dropped:
    /// the receiver may already have them.
    in_flight: BTreeMap<Seq, usize>,
    next_seq: Seq,
    /// Bytes of all alerts, waiting and in flight.
    bytes: usize,
    /// `queued` counts the alerts, waiting and in flight.
    account: OutputAccount,
    /// When the last batch was taken.
    last_batch: Option<Instant>,
    closed: bool,
}

/// One output's queue.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Told whenever a look at the state may find something new. One worker
    /// waits on it.
    changed: Notify,
    limits: Limits,
}

/// What a look at the queue found.
enum Look {
    Batch(Vec<(Seq, Arc<Alert>)>),
    WaitUntil(Instant),
    WaitForAlert,
    Finished,
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
        let entry = Entry {
            seq: state.next_seq,
            alert,
            bytes,
            arrived: Instant::now(),
        };
        state.next_seq += 1;
        state.admit(entry);
        while state.waiting() + state.in_flight.len() > self.limits.max_alerts
            || state.bytes > self.limits.max_bytes
        {
            if !state.drop_least() {
                break;
            }
            state.account.dropped_full += 1;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Waits for a complete batch and takes it in order of arrival; `None` once
    /// the queue is closed and empty. The alerts stay counted as queued until
    /// [`settle`](Self::settle) or [`abandon`](Self::abandon).
    pub(crate) async fn next_batch(&self, batching: &Batching) -> Option<Vec<(Seq, Arc<Alert>)>> {
        loop {
            // In the `match` itself the guard would live until the wait is over.
            let look = self.lock().look(batching, Instant::now());
            match look {
                Look::Batch(batch) => return Some(batch),
                Look::Finished => return None,
                Look::WaitForAlert => self.changed.notified().await,
                Look::WaitUntil(then) => {
                    // Either way the next look decides.
                    let _ = tokio::time::timeout_at(then, self.changed.notified()).await;
                }
            }
        }
    }

    /// Removes alerts the worker has an answer for.
    pub(crate) fn settle(&self, seqs: impl IntoIterator<Item = Seq>, fate: Fate) {
        let mut state = self.lock();
        for seq in seqs {
            if state.forget_in_flight(seq) {
                match fate {
                    Fate::Delivered => state.account.delivered += 1,
                    Fate::Refused => state.account.refused += 1,
                }
            }
        }
    }

    /// One more attempt failed and will be repeated.
    pub(crate) fn count_retry(&self) {
        self.lock().account.retries += 1;
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

    /// Returns when the queue is closed. For the worker alone: it shares the
    /// one waker with [`next_batch`](Self::next_batch).
    pub(crate) async fn closed(&self) {
        while !self.is_closed() {
            self.changed.notified().await;
        }
    }

    /// Gives up whatever is left, waiting or in flight.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        let mut account = state.account;
        account.abandoned += account.queued;
        account.queued = 0;
        *state = State {
            closed: true,
            next_seq: state.next_seq,
            account,
            ..State::default()
        };
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
    fn admit(&mut self, entry: Entry) {
        self.account.queued += 1;
        self.bytes += entry.bytes;
        if let Some(lane) = self.lanes.get_mut(entry.alert.priority as usize) {
            lane.push_back(entry);
        }
    }

    /// Drops the oldest of the least serious waiting alerts; false when none waits.
    fn drop_least(&mut self) -> bool {
        let dropped = self.lanes.iter_mut().rev().find_map(VecDeque::pop_front);
        if let Some(entry) = &dropped {
            self.account.queued -= 1;
            self.bytes -= entry.bytes;
        }
        dropped.is_some()
    }

    fn forget_in_flight(&mut self, seq: Seq) -> bool {
        let found = self.in_flight.remove(&seq);
        if let Some(bytes) = found {
            self.account.queued -= 1;
            self.bytes -= bytes;
        }
        found.is_some()
    }

    fn look(&mut self, batching: &Batching, now: Instant) -> Look {
        let Some(oldest) = self.heads().map(|head| head.arrived).min() else {
            return if self.closed {
                Look::Finished
            } else {
                Look::WaitForAlert
            };
        };
        let due = self.due(batching, oldest);
        if !self.closed && due.is_some_and(|due| due > now) {
            return due.map_or(Look::WaitForAlert, Look::WaitUntil);
        }
        self.last_batch = Some(now);
        Look::Batch(self.take(batching))
    }

    /// When the waiting alerts should leave; `None` is at once.
    fn due(&self, batching: &Batching, oldest: Instant) -> Option<Instant> {
        let paced = self.last_batch.map(|last| last + batching.min_interval);
        let urgent = Priority::Critical as usize;
        let full = self.waiting() >= batching.max_alerts
            || self.waiting_bytes() >= batching.max_bytes
            || self
                .lanes
                .iter()
                .take(urgent + 1)
                .any(|lane| !lane.is_empty());
        let aged = (!full).then(|| oldest + batching.max_age);
        paced.max(aged)
    }

    fn waiting(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    fn waiting_bytes(&self) -> usize {
        self.bytes - self.in_flight.values().sum::<usize>()
    }

    fn heads(&self) -> impl Iterator<Item = &Entry> {
        self.lanes.iter().filter_map(VecDeque::front)
    }

    fn take(&mut self, batching: &Batching) -> Vec<(Seq, Arc<Alert>)> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < batching.max_alerts {
            let oldest = self
                .lanes
                .iter_mut()
                .filter(|lane| !lane.is_empty())
                .min_by_key(|lane| lane.front().map(|head| head.seq));
            let fits = |head: &mut Entry| bytes == 0 || bytes + head.bytes <= batching.max_bytes;
            let Some(entry) = oldest.and_then(|lane| lane.pop_front_if(fits)) else {
                break;
            };
            bytes += entry.bytes;
            self.in_flight.insert(entry.seq, entry.bytes);
            batch.push((entry.seq, entry.alert));
        }
        batch
    }
}
