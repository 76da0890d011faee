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

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::alert::{Alert, Priority};

use super::dead::{DeadLetters, Why};
use super::queue::{Batching, Errand, Limits, Queue, Seq, weight};
use super::spool::Spool;
use super::spool::config::{SpoolConfig, Sync};
use super::spool::position::LANES;
use lane::{Entry, Lane};

/// Bytes of stored alerts also kept in memory, to be sent without reading them.
const READY_BYTES: u64 = 4 << 20;
/// Bytes read from the disk at once.
const READ_BYTES: usize = 512 << 10;
/// How often a disk that failed is tried again.
const REOPEN: Duration = Duration::from_secs(10);

/// What became of alerts that leave by their worker's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The receiver took them.
    Delivered,
    /// The receiver refused them for good.
    Refused,
}

/// A batch, or what there is to wait for.
enum Look {
    Batch(Vec<(Seq, Arc<Alert>)>),
    WaitUntil(Instant),
    WaitForAlert,
    Finished,
}

/// An alert the worker has and has not answered for.
#[derive(Debug, Clone, Copy)]
struct InFlight {
    lane: usize,
    bytes: u64,
    stored: bool,
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

#[derive(Default)]
struct State {
    lanes: [Lane; LANES],
    in_flight: BTreeMap<Seq, InFlight>,
    next_seq: Seq,
    disk: Option<Spool>,
    /// When the disk is to be tried again.
    reopen: Option<Instant>,
    dead: Option<DeadLetters>,
    /// Bytes of stored alerts, waiting and in flight.
    stored_bytes: u64,
    /// Bytes of stored alerts that are in memory and wait.
    ready_bytes: u64,
    /// Alerts and bytes in memory alone, waiting and in flight.
    unstored: usize,
    unstored_bytes: u64,
    /// Alerts that turned out not to be on the disk, not told yet.
    lost: u64,
    last_batch: Option<Instant>,
    closed: bool,
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
        // A full disk is tried with every alert; anything else is opened anew.
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

    /// Waits for a complete batch and takes it in order of arrival; `None` once
    /// the queue is closed and nothing waits. The alerts stay counted as queued
    /// until they are settled.
    pub(crate) async fn next_batch(&self, batching: &Batching) -> Option<Vec<(Seq, Arc<Alert>)>> {
        loop {
            let changed = self.changed.notified();
            match self.look(batching) {
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

    fn look(&self, batching: &Batching) -> Look {
        let mut state = self.state.borrow_mut();
        self.fill(&mut state);
        state.look(batching, Instant::now())
    }

    fn fill(&self, state: &mut State) {
        if let Err(why) = state.fill() {
            self.detach(state, &why);
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

impl State {
    fn admit(&mut self, alert: Arc<Alert>, bytes: u64, arrived: Instant) {
        let seq = self.take_seq();
        self.unstored += 1;
        self.unstored_bytes += bytes;
        let lane = alert.priority as usize;
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.push(Entry {
                seq,
                alert,
                bytes,
                arrived,
                stored: false,
            });
        }
    }

    fn take_seq(&mut self) -> Seq {
        self.next_seq = self.next_seq.max(1);
        let seq = self.next_seq;
        self.next_seq += 1;
        seq
    }

    /// Gives what waits in memory alone new numbers, behind those of the disk.
    fn renumber(&mut self) {
        let mut waiting: Vec<&mut Entry> = self.lanes.iter_mut().flat_map(Lane::memory).collect();
        waiting.sort_unstable_by_key(|entry| entry.seq);
        for entry in waiting {
            entry.seq = self.next_seq;
            self.next_seq += 1;
        }
    }

    fn recount(&mut self) {
        let waiting = self.lanes.iter_mut().flat_map(Lane::memory);
        let waiting = waiting.map(|entry| entry.bytes);
        let flying = self.in_flight.values().map(|flight| flight.bytes);
        (self.unstored, self.unstored_bytes) = waiting
            .chain(flying)
            .fold((0, 0), |(alerts, bytes), more| (alerts + 1, bytes + more));
    }

    /// Reads from the disk the next alerts of every lane that has none in memory.
    fn fill(&mut self) -> io::Result<()> {
        (0..LANES).try_for_each(|index| self.fill_lane(index))
    }

    fn fill_lane(&mut self, index: usize) -> io::Result<()> {
        let (Some(lane), Some(disk)) = (self.lanes.get_mut(index), &mut self.disk) else {
            return Ok(());
        };
        if let Some(from) = lane.wants_from_disk() {
            let stored = disk.read(index, from, READ_BYTES)?;
            let filled = lane.fill(stored);
            self.ready_bytes += filled.bytes;
            self.lost += filled.lost;
        }
        Ok(())
    }

    /// Alerts the disk should have had and had not, since the last look.
    fn take_lost(&mut self) -> u64 {
        let flying = self.in_flight.values().any(|flight| flight.stored);
        let waiting = self.lanes.iter().any(|lane| lane.first_stored().is_some());
        if self.lost > 0 && !flying && !waiting {
            // What the lost ones took is known only when nothing else is there.
            self.stored_bytes = 0;
        }
        std::mem::take(&mut self.lost)
    }

    fn look(&mut self, batching: &Batching, now: Instant) -> Look {
        let Some(oldest) = self
            .lanes
            .iter()
            .filter_map(Lane::head)
            .map(|e| e.arrived)
            .min()
        else {
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
        let waiting = self.lanes.iter().map(Lane::waiting).sum::<u64>();
        let full = waiting >= batching.max_alerts as u64
            || self.waiting_bytes() >= batching.max_bytes as u64
            || self.lanes.iter().take(urgent + 1).any(|l| l.waiting() > 0);
        let aged = (!full).then(|| oldest + batching.max_age);
        paced.max(aged)
    }

    fn waiting_bytes(&self) -> u64 {
        let flying: u64 = self.in_flight.values().map(|flight| flight.bytes).sum();
        (self.stored_bytes + self.unstored_bytes).saturating_sub(flying)
    }

    fn take(&mut self, batching: &Batching) -> Vec<(Seq, Arc<Alert>)> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < batching.max_alerts {
            // A lane that has more on the disk alone ends the batch: what is read
            // next may be older than what other lanes have.
            let unread = |lane: &Lane| lane.wants_from_disk().is_some();
            if !batch.is_empty() && self.lanes.iter().any(unread) {
                break;
            }
            let heads = self.lanes.iter_mut().enumerate();
            let oldest = heads
                .filter_map(|(index, lane)| Some((lane.head()?.seq, index, lane)))
                .min_by_key(|(seq, ..)| *seq);
            let fits = |head: &Entry| bytes == 0 || bytes + head.bytes <= batching.max_bytes as u64;
            let Some((index, entry)) = oldest.and_then(|(_, index, lane)| {
                lane.head()
                    .is_some_and(fits)
                    .then(|| lane.pop())?
                    .map(|entry| (index, entry))
            }) else {
                break;
            };
            bytes += entry.bytes;
            if entry.stored {
                self.ready_bytes -= entry.bytes;
            }
            let flight = InFlight {
                lane: index,
                bytes: entry.bytes,
                stored: entry.stored,
            };
            self.in_flight.insert(entry.seq, flight);
            batch.push((entry.seq, entry.alert));
        }
        batch
    }

    fn forget_in_flight(&mut self, seq: Seq) -> bool {
        let Some(flight) = self.in_flight.remove(&seq) else {
            return false;
        };
        if flight.stored {
            self.stored_bytes -= flight.bytes;
        } else {
            self.unstored -= 1;
            self.unstored_bytes -= flight.bytes;
        }
        true
    }

    /// Drops the oldest of the least serious alerts in memory alone.
    fn drop_unstored(&mut self) -> Option<Arc<str>> {
        let entry = self.lanes.iter_mut().rev().find_map(Lane::drop_unstored)?;
        self.unstored -= 1;
        self.unstored_bytes -= entry.bytes;
        Some(Arc::clone(&entry.alert.rule))
    }

    /// Drops the oldest of the least serious alerts on the disk.
    fn drop_stored(&mut self) -> io::Result<Option<Arc<str>>> {
        for index in (0..LANES).rev() {
            self.fill_lane(index)?;
            let Some(entry) = self.lanes.get_mut(index).and_then(Lane::drop_stored) else {
                continue;
            };
            self.stored_bytes -= entry.bytes;
            self.ready_bytes -= entry.bytes;
            return Ok(Some(Arc::clone(&entry.alert.rule)));
        }
        Ok(None)
    }

    /// The first alert of each lane that the disk must keep.
    fn acknowledged(&self) -> [Seq; LANES] {
        let mut first = [self.next_seq; LANES];
        for (first, lane) in first.iter_mut().zip(&self.lanes) {
            *first = lane.first_stored().unwrap_or(*first);
        }
        for (seq, flight) in self.in_flight.iter().filter(|(_, flight)| flight.stored) {
            if let Some(first) = first.get_mut(flight.lane) {
                *first = (*first).min(*seq);
            }
        }
        first
    }

    fn oldest_ns(&self) -> Option<u64> {
        let heads = self.lanes.iter().filter_map(Lane::head);
        heads.map(|entry| entry.alert.time_ns).min()
    }
}
