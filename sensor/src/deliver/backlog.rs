//! What one output still owes its receiver, on the output's own thread.
//!
//! Alerts come in from the [`queue`](super::queue) and leave as batches; a batch's
//! alerts stay here until they are settled. With a [`spool`](super::spool) each
//! alert is on the disk before it is sent, and only the next ones are in memory
//! too; without one, or while the disk fails, memory holds what it may.
//!
//! What always holds: batches are taken in order of arrival; what is over the
//! limits is dropped, the least serious first, of these the oldest; what is in
//! flight is never dropped, because the receiver may have it.

mod disk;
mod errands;
mod lane;
mod state;

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::error;

use crate::alert::Alert;

use super::dead::{DeadLetters, Why};
use super::queue::{Batching, Limits, Queue, Seq, Turn};
use super::spool::Spool;
use super::spool::config::{SpoolConfig, Sync};
use state::{Look, State};

/// What became of alerts that leave by their worker's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The receiver took them.
    Delivered,
    /// The receiver refused them for good.
    Refused,
}

/// One output's backlog. It stays on the output's thread.
pub(crate) struct Backlog {
    queue: Arc<Queue>,
    output: String,
    limits: Limits,
    spool: SpoolConfig,
    /// Where the spool is, if there is to be one.
    directory: Option<PathBuf>,
    state: RefCell<State>,
    /// Told when a look at the backlog may find something new.
    changed: Notify,
    /// Told when waits for a receiver should end.
    hurry: Notify,
}

impl Backlog {
    /// A backlog with what an earlier run left in `directory`. A disk that cannot
    /// be used is told and tried again later.
    pub(crate) fn open(
        output: &str,
        queue: Arc<Queue>,
        limits: Limits,
        spool: SpoolConfig,
        directory: Option<PathBuf>,
    ) -> Self {
        let backlog = Self {
            queue,
            output: output.to_owned(),
            limits,
            spool,
            directory,
            state: RefCell::default(),
            changed: Notify::new(),
            hurry: Notify::new(),
        };
        // Above every number of an earlier run, even if its disk cannot be read now.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let first = u64::try_from(now.unwrap_or_default().as_nanos()).unwrap_or(1);
        backlog.state.borrow_mut().next_seq = first.max(1);
        backlog.attach();
        backlog.queue.tell(|health| health.opened = true);
        backlog
    }

    /// Takes over what was pushed, puts it on the disk, keeps to the limits.
    pub(crate) fn absorb(&self) {
        let arrivals = self.queue.take_all();
        let mut state = self.state.borrow_mut();
        let closed = self.queue.is_closed();
        let news = !arrivals.is_empty() || closed != state.closed;
        state.closed = closed;
        for arrival in arrivals {
            state.admit(arrival.alert, arrival.bytes as u64, arrival.at);
        }
        self.store(&mut state);
        self.keep_to_limits(&mut state);
        drop(state);
        if news {
            self.changed.notify_waiters();
        }
    }

    /// What is to be done from time to time: the disk made sure of, or tried anew.
    pub(crate) fn tick(&self) {
        let due = self.state.borrow().reopen;
        if due.is_some_and(|due| due <= Instant::now()) {
            self.attach();
            self.absorb();
            self.changed.notify_waiters();
        }
        let mut state = self.state.borrow_mut();
        self.store(&mut state);
        if self.spool.sync != Sync::Never {
            self.sync(&mut state);
        }
        let oldest = state.oldest_ns();
        let bytes = state.disk.as_ref().map_or(0, Spool::file_bytes);
        let dead = state.dead.as_ref().map_or(0, DeadLetters::count);
        self.queue.tell(|health| {
            health.oldest_ns = oldest;
            health.spool_bytes = bytes;
            health.dead_letters = dead;
        });
    }

    fn keep_to_limits(&self, state: &mut State) {
        let bytes = self.limits.max_bytes as u64;
        while state.unstored > self.limits.max_alerts || state.unstored_bytes > bytes {
            let Some(rule) = state.drop_unstored() else {
                break;
            };
            self.queue.count_dropped(&rule);
        }
        let mut dropped = false;
        while state.stored_bytes > self.spool.max_bytes() {
            match state.drop_stored() {
                Ok(Some(rule)) => self.queue.count_dropped(&rule),
                Ok(None) => break,
                Err(why) => return self.detach(state, &why),
            }
            dropped = true;
        }
        if dropped {
            self.acknowledge(state);
        }
    }

    /// Waits for a complete batch of what it is the `turn` of, and takes it in order
    /// of arrival; `None` once the queue is closed and nothing of it waits or may
    /// leave. The alerts stay counted as queued until they are settled.
    pub(crate) async fn next_batch(
        &self,
        batching: &Batching,
        turn: impl Fn() -> Turn,
    ) -> Option<Vec<(Seq, Arc<Alert>)>> {
        loop {
            let changed = self.changed.notified();
            match self.look(batching, &turn()) {
                Look::Batch(batch) => return Some(batch),
                Look::Finished => return None,
                Look::WaitForAlert => changed.await,
                Look::WaitUntil(then) => {
                    // Either way the next look decides.
                    let _ = tokio::time::timeout_at(then, changed).await;
                }
            }
        }
    }

    /// Reads what comes next, for those who only want to know what waits.
    pub(crate) fn look_once(&self) {
        let mut state = self.state.borrow_mut();
        self.fill(&mut state);
    }

    fn look(&self, batching: &Batching, turn: &Turn) -> Look {
        let mut state = self.state.borrow_mut();
        self.fill(&mut state);
        state.look(batching, turn, Instant::now())
    }

    fn fill(&self, state: &mut State) {
        if let Err(why) = state.fill() {
            self.detach(state, &why);
        }
        let twice = std::mem::take(&mut state.twice);
        if twice > 0 {
            self.queue.count(|account| {
                account.queued -= twice;
                account.recovered -= twice;
            });
        }
        let lost = state.take_lost();
        if lost > 0 {
            error!(output = %self.output, alerts = lost, "alerts are lost with damaged parts of the spool");
            self.queue.count(|account| {
                account.queued -= lost;
                account.lost += lost;
            });
        }
    }

    /// Alerts the worker has an answer for leave.
    pub(crate) fn settle(&self, seqs: impl IntoIterator<Item = Seq>, fate: Fate) {
        let mut state = self.state.borrow_mut();
        let settled = seqs
            .into_iter()
            .filter(|seq| state.forget_in_flight(*seq))
            .count() as u64;
        self.queue.count(|account| {
            account.queued -= settled;
            match fate {
                Fate::Delivered => account.delivered += settled,
                Fate::Refused => account.refused += settled,
            }
        });
        self.acknowledge(&mut state);
    }

    /// Keeps refused alerts, with the receiver's words, where a person finds them.
    pub(crate) fn bury(&self, alerts: &[Arc<Alert>], why: &str) {
        let mut state = self.state.borrow_mut();
        let Some(dead) = &mut state.dead else {
            return;
        };
        let why = Why {
            output: &self.output,
            words: why,
        };
        if let Err(error) = dead.keep(alerts, &why) {
            error!(output = %self.output, %error, "refused alerts cannot be kept as dead letters");
        }
    }

    fn acknowledge(&self, state: &mut State) {
        let acknowledged = state.acknowledged();
        let told = state
            .disk
            .as_mut()
            .map(|disk| disk.acknowledge(&acknowledged));
        if let Some(Err(why)) = told {
            self.detach(state, &why);
        }
    }

    /// Whether no more alerts are coming.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.borrow().closed
    }

    /// Returns when no more alerts are coming, or somebody wants it now.
    pub(crate) async fn hurry(&self) {
        loop {
            let (changed, hurry) = (self.changed.notified(), self.hurry.notified());
            if self.is_closed() {
                return;
            }
            tokio::select! {
                () = changed => {}
                () = hurry => return,
            }
        }
    }

    /// The queue before it.
    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The last thing: what was pushed is put on the disk, and the disk made sure
    /// of; what is in memory alone is given up.
    pub(crate) fn finish(&self) {
        {
            let mut state = self.state.borrow_mut();
            state.take_back();
            // The last try of a disk that was full.
            state.full_until = None;
        }
        self.absorb();
        let mut state = self.state.borrow_mut();
        if self.spool.sync != Sync::Never {
            self.sync(&mut state);
        }
        let given_up = state.unstored as u64;
        self.queue.count(|account| {
            account.queued -= given_up;
            account.abandoned += given_up;
        });
    }
}
