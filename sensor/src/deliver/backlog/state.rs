//! The lanes of a backlog, what is in flight, and what both take of memory and disk.
//!
//! Alerts come in, batches leave, and what the disk must keep is told. What
//! always holds: the sums are those of the alerts that are here.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use tokio::time::Instant;

use crate::alert::{Alert, Priority};

use super::super::dead::DeadLetters;
use super::super::queue::{Batching, Seq, Turn};
use super::super::spool::Spool;
use super::super::spool::position::LANES;
use super::lane::{Entry, Lane};

/// Bytes read from the disk at once.
const READ_BYTES: usize = 512 << 10;
/// A batch, or what there is to wait for.
pub(super) enum Look {
    Batch(Vec<(Seq, Arc<Alert>)>),
    WaitUntil(Instant),
    WaitForAlert,
    Finished,
}

/// An alert the worker has and has not answered for.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) alert: Arc<Alert>,
    pub(super) lane: usize,
    pub(super) bytes: u64,
    pub(super) stored: bool,
}

/// All of a backlog that changes.
#[derive(Default)]
pub(super) struct State {
    pub(super) lanes: [Lane; LANES],
    pub(super) in_flight: BTreeMap<Seq, InFlight>,
    pub(super) next_seq: Seq,
    pub(super) disk: Option<Spool>,
    /// When the disk is to be opened again.
    pub(super) reopen: Option<Instant>,
    /// Not to be written to before, because it was full.
    pub(super) full_until: Option<Instant>,
    pub(super) dead: Option<DeadLetters>,
    /// Bytes of stored alerts, waiting and in flight.
    pub(super) stored_bytes: u64,
    /// Bytes of stored alerts that are in memory and wait.
    pub(super) ready_bytes: u64,
    /// Alerts and bytes in memory alone, waiting and in flight.
    pub(super) unstored: usize,
    pub(super) unstored_bytes: u64,
    /// Alerts that turned out not to be on the disk, not counted yet.
    pub(super) lost: u64,
    /// Alerts found on the disk while they were in flight, not counted yet.
    pub(super) twice: u64,
    pub(super) closed: bool,
}

impl State {
    pub(super) fn admit(&mut self, alert: Arc<Alert>, bytes: u64, arrived: Instant) {
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

    pub(super) fn take_seq(&mut self) -> Seq {
        let seq = self.next_seq;
        self.next_seq += 1;
        seq
    }

    /// Gives what waits in memory alone new numbers, behind those of the disk.
    pub(super) fn renumber(&mut self) {
        let mut waiting: Vec<&mut Entry> = self.lanes.iter_mut().flat_map(Lane::memory).collect();
        waiting.sort_unstable_by_key(|entry| entry.seq);
        for entry in waiting {
            entry.seq = self.next_seq;
            self.next_seq += 1;
        }
    }

    pub(super) fn recount(&mut self) {
        let waiting = self.lanes.iter_mut().flat_map(Lane::memory);
        let waiting = waiting.map(|entry| entry.bytes);
        let flying = self.in_flight.values().map(|flight| flight.bytes);
        (self.unstored, self.unstored_bytes) = waiting
            .chain(flying)
            .fold((0, 0), |(alerts, bytes), more| (alerts + 1, bytes + more));
    }

    /// Reads from the disk the next alerts of every lane that has none in memory.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        (0..LANES).try_for_each(|index| self.fill_lane(index))
    }

    pub(super) fn fill_lane(&mut self, index: usize) -> io::Result<()> {
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
    pub(super) fn take_lost(&mut self) -> u64 {
        let flying = self.in_flight.values().any(|flight| flight.stored);
        let waiting = self.lanes.iter().any(|lane| lane.first_stored().is_some());
        if self.lost > 0 && !flying && !waiting {
            // What the lost ones took is known only when nothing else is there.
            self.stored_bytes = 0;
        }
        std::mem::take(&mut self.lost)
    }

    pub(super) fn look(&mut self, batching: &Batching, turn: &Turn, now: Instant) -> Look {
        let wait = |then| match (self.closed, then) {
            (true, _) => Look::Finished,
            (false, None) => Look::WaitForAlert,
            (false, Some(then)) => Look::WaitUntil(then),
        };
        let heads = self.lanes_of(turn).filter_map(|(_, lane)| lane.head());
        let Some(oldest) = heads.map(|entry| entry.arrived).min() else {
            return wait(None);
        };
        if let Some(until) = turn.held_until.filter(|until| *until > now) {
            return wait(Some(until));
        }
        match self.due(batching, turn, oldest).filter(|due| *due > now) {
            Some(due) if !self.closed => Look::WaitUntil(due),
            _ => Look::Batch(self.take(batching, turn)),
        }
    }

    /// The lanes that are enough for a batch of this turn.
    fn lanes_of(&self, turn: &Turn) -> impl Iterator<Item = (usize, &Lane)> {
        let lanes = self.lanes.iter().enumerate();
        lanes.filter(|(index, _)| turn.starts_with(*index))
    }

    /// When the waiting alerts should leave; `None` is at once.
    fn due(&self, batching: &Batching, turn: &Turn, oldest: Instant) -> Option<Instant> {
        let urgent = Priority::Critical as usize;
        let waiting = |lane: (usize, &Lane)| lane.1.waiting();
        let full = self.lanes_of(turn).map(waiting).sum::<u64>() >= batching.max_alerts as u64
            || self.waiting_bytes() >= batching.max_bytes as u64
            || self
                .lanes_of(turn)
                .any(|lane| lane.0 <= urgent && waiting(lane) > 0);
        let aged = (!full).then(|| oldest + batching.max_age);
        turn.not_before.max(aged)
    }

    pub(super) fn waiting_bytes(&self) -> u64 {
        let flying: u64 = self.in_flight.values().map(|flight| flight.bytes).sum();
        (self.stored_bytes + self.unstored_bytes).saturating_sub(flying)
    }

    fn take(&mut self, batching: &Batching, turn: &Turn) -> Vec<(Seq, Arc<Alert>)> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < batching.max_alerts {
            // What a lane has on the disk alone may be older than what others have.
            // A disk that cannot be read ends the batch; the next look tells it.
            if self.fill().is_err() {
                break;
            }
            let heads = self.lanes.iter_mut().enumerate();
            let oldest = heads
                .filter(|(index, _)| turn.takes(*index))
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
            if self.is_in_flight(&entry) {
                continue;
            }
            let flight = InFlight {
                alert: Arc::clone(&entry.alert),
                lane: index,
                bytes: entry.bytes,
                stored: entry.stored,
            };
            self.in_flight.insert(entry.seq, flight);
            batch.push((entry.seq, entry.alert));
        }
        batch
    }

    /// Whether the alert, read from a disk that came back, is under way already;
    /// then it is settled on the disk together with that.
    pub(super) fn is_in_flight(&mut self, entry: &Entry) -> bool {
        let Some(flight) = self.in_flight.get_mut(&entry.seq) else {
            return false;
        };
        if !std::mem::replace(&mut flight.stored, true) {
            self.unstored -= 1;
            self.unstored_bytes -= flight.bytes;
        }
        flight.bytes = entry.bytes;
        self.twice += 1;
        true
    }

    pub(super) fn forget_in_flight(&mut self, seq: Seq) -> bool {
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

    /// What nobody will answer for any more and is not on the disk waits again,
    /// behind all others.
    pub(super) fn take_back(&mut self) {
        let flights = std::mem::take(&mut self.in_flight);
        let (kept, back): (BTreeMap<_, _>, BTreeMap<_, _>) =
            flights.into_iter().partition(|(_, flight)| flight.stored);
        self.in_flight = kept;
        for flight in back.into_values() {
            self.unstored -= 1;
            self.unstored_bytes -= flight.bytes;
            self.admit(flight.alert, flight.bytes, Instant::now());
        }
    }

    /// Drops the oldest of the least serious alerts in memory alone.
    pub(super) fn drop_unstored(&mut self) -> Option<Arc<str>> {
        let entry = self.lanes.iter_mut().rev().find_map(Lane::drop_unstored)?;
        self.unstored -= 1;
        self.unstored_bytes -= entry.bytes;
        Some(Arc::clone(&entry.alert.rule))
    }

    /// Drops the oldest of the least serious alerts on the disk.
    pub(super) fn drop_stored(&mut self) -> io::Result<Option<Arc<str>>> {
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
    pub(super) fn acknowledged(&self) -> [Seq; LANES] {
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

    pub(super) fn oldest_ns(&self) -> Option<u64> {
        let heads = self.lanes.iter().filter_map(Lane::head);
        heads.map(|entry| entry.alert.time_ns).min()
    }
}
