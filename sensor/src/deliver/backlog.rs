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

mod lane;
mod state;

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::alert::Alert;

use super::dead::{DeadLetters, Why};
use super::queue::{Batching, Errand, Limits, Queue, Seq, Turn, weight};
use super::spool::Spool;
use super::spool::config::{SpoolConfig, Sync};
use super::spool::position::LANES;
use lane::Lane;
use state::{Look, State};

/// Bytes of stored alerts also kept in memory, to be sent without reading them.
const READY_BYTES: u64 = 4 << 20;
/// How often a disk that failed is opened again.
const REOPEN: Duration = Duration::from_secs(10);
/// How often a disk that is full is written to.
const FULL: Duration = Duration::from_secs(1);

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

    /// Opens the spool and takes over what is in it.
    fn attach(&self) {
        let Some(directory) = &self.directory else {
            return;
        };
        let mut state = self.state.borrow_mut();
        match Spool::open(directory, self.spool.max_bytes()) {
            Ok((disk, recovered)) => {
                let alerts = recovered.iter().map(|lane| lane.alerts).sum::<u64>();
                state.next_seq = state.next_seq.max(disk.next_seq());
                for (lane, recovered) in state.lanes.iter_mut().zip(recovered) {
                    lane.recover(recovered);
                }
                state.renumber();
                state.stored_bytes += recovered.iter().map(|lane| lane.bytes).sum::<u64>();
                state.disk = Some(disk);
                state.dead = Some(DeadLetters::new(directory));
                state.reopen = None;
                self.queue.count(|account| {
                    account.recovered += alerts;
                    account.queued += alerts;
                });
                self.queue.tell(|health| health.spool_error = None);
                if alerts > 0 {
                    info!(output = %self.output, alerts, "alerts of an earlier run wait");
                }
            }
            Err(why) => self.detached(&mut state, &why),
        }
    }

    fn detached(&self, state: &mut State, why: &io::Error) {
        let directory = self.directory.as_deref().unwrap_or("".as_ref()).display();
        error!(
            output = %self.output, directory = %directory, %why,
            "alerts cannot be kept on the disk and wait in memory; trying again every 10 s"
        );
        self.queue
            .tell(|health| health.spool_error = Some(why.to_string()));
        state.reopen = Some(Instant::now() + REOPEN);
    }

    /// The disk cannot be used any more: what is in memory goes on from there,
    /// what only the disk had is lost unless the disk comes back.
    fn detach(&self, state: &mut State, why: &io::Error) {
        if state.disk.take().is_none() {
            return;
        }
        state.dead = None;
        let mut lost = 0;
        for lane in &mut state.lanes {
            lost += lane.forget_disk();
        }
        for flight in state.in_flight.values_mut() {
            flight.stored = false;
        }
        state.stored_bytes = 0;
        state.ready_bytes = 0;
        state.recount();
        self.queue.count(|account| {
            account.queued -= lost;
            account.lost += lost;
        });
        self.detached(state, why);
    }

    /// Does what a person asked.
    pub(crate) fn run_errands(&self) {
        for errand in self.queue.take_errands() {
            match errand {
                Errand::Retry => self.hurry.notify_waiters(),
                Errand::Replay => self.replay(),
                Errand::Purge => self.purge(),
            }
        }
    }

    /// Has the alerts that were refused for good sent once more.
    pub(crate) fn replay(&self) {
        let mut state = self.state.borrow_mut();
        let letters = state.dead.as_mut().map(DeadLetters::take);
        let alerts = match letters {
            None => return,
            Some(Ok(alerts)) => alerts,
            Some(Err(why)) => {
                error!(output = %self.output, %why, "the dead letters cannot be read");
                return;
            }
        };
        let count = alerts.len() as u64;
        self.queue.count(|account| {
            account.recovered += count;
            account.queued += count;
        });
        for alert in alerts {
            let bytes = weight(&alert) as u64;
            state.admit(alert, bytes, Instant::now());
        }
        self.store(&mut state);
        // On the disk once more, or in memory if that fails: the letters may go.
        if let Some(Err(why)) = state.dead.as_mut().map(DeadLetters::forget) {
            error!(output = %self.output, %why, "the dead letters cannot be removed and may be sent twice");
        }
        info!(output = %self.output, alerts = count, "dead letters are sent once more");
        drop(state);
        self.changed.notify_waiters();
    }

    /// Gives up all that waits; what is in flight is not touched.
    pub(crate) fn purge(&self) {
        let mut state = self.state.borrow_mut();
        let waiting: u64 = state.lanes.iter().map(Lane::waiting).sum();
        let flying = |stored| {
            let flights = state.in_flight.values();
            flights.filter(move |flight| flight.stored == stored)
        };
        let stored_bytes = flying(true).map(|flight| flight.bytes).sum();
        let unstored_bytes = flying(false).map(|flight| flight.bytes).sum();
        let unstored = flying(false).count();
        state.stored_bytes = stored_bytes;
        (state.unstored, state.unstored_bytes) = (unstored, unstored_bytes);
        state.ready_bytes = 0;
        state.lanes = Default::default();
        self.queue.count(|account| {
            account.queued -= waiting;
            account.purged += waiting;
        });
        self.acknowledge(&mut state);
        warn!(output = %self.output, alerts = waiting, "waiting alerts given up, as asked");
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

    fn sync(&self, state: &mut State) {
        let synced = state.disk.as_mut().map(Spool::sync);
        if let Some(Err(why)) = synced {
            self.detach(state, &why);
        }
    }

    /// Puts on the disk what is in memory alone.
    fn store(&self, state: &mut State) {
        if state.full_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        state.full_until = None;
        let mut stored = 0;
        for index in 0..LANES {
            let (Some(disk), Some(lane)) = (&mut state.disk, state.lanes.get_mut(index)) else {
                return;
            };
            let alerts = lane.unstored();
            if alerts.is_empty() {
                continue;
            }
            match disk.append(index, &alerts) {
                Ok(lengths) => {
                    let room = READY_BYTES.saturating_sub(state.ready_bytes);
                    let moved = lane.stored(&lengths, room);
                    stored += lengths.len() as u64 - moved.too_long;
                    state.unstored -= lengths.len();
                    state.unstored_bytes -= moved.memory_bytes;
                    state.stored_bytes += moved.disk_bytes;
                    state.ready_bytes += moved.ready_bytes;
                    self.too_long(moved.too_long);
                }
                Err(why) => return self.store_failed(state, &why),
            }
        }
        if stored == 0 {
            return;
        }
        self.queue.count(|account| account.spooled += stored);
        self.queue.tell(|health| health.spool_error = None);
        if self.spool.sync == Sync::Always {
            self.sync(state);
        }
    }

    fn store_failed(&self, state: &mut State, why: &io::Error) {
        // A full disk may have room soon; anything else is opened anew.
        if matches!(
            why.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ) {
            let before = self.queue.health().spool_error;
            if before.is_none() {
                error!(output = %self.output, %why, "alerts cannot be kept on the disk and wait in memory");
            }
            self.queue
                .tell(|health| health.spool_error = Some(why.to_string()));
            state.full_until = Some(Instant::now() + FULL);
        } else {
            self.detach(state, why);
        }
    }

    fn too_long(&self, alerts: u64) {
        if alerts > 0 {
            warn!(output = %self.output, alerts, "too long to be kept, and given up");
            self.queue.count(|account| {
                account.queued -= alerts;
                account.refused += alerts;
            });
        }
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
