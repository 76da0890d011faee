//! The alerts of one priority that wait, in order.
//!
//! In front those that are in memory and on the disk, behind them those that
//! are on the disk alone, last those that are in memory alone. Each part may be
//! empty; without a disk only the last is there.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use crate::alert::Alert;

use super::super::queue::Seq;
use super::super::spool::{Recovered, Stored};

/// A waiting alert in memory.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) seq: Seq,
    pub(super) alert: Arc<Alert>,
    /// Bytes it takes: on the disk if stored, else by weight.
    pub(super) bytes: u64,
    pub(super) arrived: Instant,
    pub(super) stored: bool,
}

/// One lane.
#[derive(Debug, Default)]
pub(super) struct Lane {
    ready: VecDeque<Entry>,
    /// Alerts on the disk alone, and the number of the first or one below it.
    behind: u64,
    behind_from: Seq,
    unstored: VecDeque<Entry>,
}

/// What [`Lane::stored`] did with the alerts in memory.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// What they took of the bounds of memory.
    pub(super) memory_bytes: u64,
    /// What they take on the disk.
    pub(super) disk_bytes: u64,
    /// What of it is also kept in memory.
    pub(super) ready_bytes: u64,
    /// Alerts too long for the disk, and dropped.
    pub(super) too_long: u64,
}

/// What came from the disk.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub(super) bytes: u64,
    /// Alerts that should have been there.
    pub(super) lost: u64,
}

impl Lane {
    /// Adds one that is in memory alone.
    pub(super) fn push(&mut self, entry: Entry) {
        self.unstored.push_back(entry);
    }

    /// Takes over what the disk had when it was opened.
    pub(super) fn recover(&mut self, recovered: Recovered) {
        self.behind = recovered.alerts;
        self.behind_from = recovered.first;
    }

    /// What is in memory alone, to be stored.
    pub(super) fn unstored(&self) -> Vec<(Seq, Arc<Alert>)> {
        let entries = self.unstored.iter();
        entries.map(|e| (e.seq, Arc::clone(&e.alert))).collect()
    }

    /// All that was in memory alone is on the disk now, with these lengths; as
    /// much as `room` allows stays in memory.
    pub(super) fn stored(&mut self, lengths: &[usize], room: u64) -> Moved {
        let mut moved = Moved::default();
        for (mut entry, length) in self.unstored.drain(..).zip(lengths) {
            moved.memory_bytes += entry.bytes;
            if *length == 0 {
                moved.too_long += 1;
                continue;
            }
            entry.bytes = *length as u64;
            entry.stored = true;
            moved.disk_bytes += entry.bytes;
            if self.behind == 0 && moved.ready_bytes < room {
                moved.ready_bytes += entry.bytes;
                self.ready.push_back(entry);
            } else {
                if self.behind == 0 {
                    self.behind_from = entry.seq;
                }
                self.behind += 1;
            }
        }
        moved
    }

    /// The number to read from when the next alert is on the disk alone.
    pub(super) fn wants_from_disk(&self) -> Option<Seq> {
        (self.ready.is_empty() && self.behind > 0).then_some(self.behind_from)
    }

    /// Takes over what was read; nothing read means that the rest is lost.
    pub(super) fn fill(&mut self, stored: Vec<Stored>) -> Filled {
        let mut filled = Filled::default();
        if stored.is_empty() {
            filled.lost = std::mem::take(&mut self.behind);
            return filled;
        }
        let now = Instant::now();
        for stored in stored {
            filled.bytes += stored.bytes as u64;
            self.behind = self.behind.saturating_sub(1);
            self.behind_from = stored.seq + 1;
            self.ready.push_back(Entry {
                seq: stored.seq,
                alert: stored.alert,
                bytes: stored.bytes as u64,
                arrived: now,
                stored: true,
            });
        }
        filled
    }

    /// The next to be sent, unless it is on the disk alone.
    pub(super) fn head(&self) -> Option<&Entry> {
        let last = || (self.behind == 0).then(|| self.unstored.front()).flatten();
        self.ready.front().or_else(last)
    }

    /// Takes it.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        if self.ready.is_empty() && self.behind == 0 {
            return self.unstored.pop_front();
        }
        self.ready.pop_front()
    }

    /// Alerts that wait.
    pub(super) fn waiting(&self) -> u64 {
        (self.ready.len() + self.unstored.len()) as u64 + self.behind
    }

    /// Takes the oldest that is in memory alone.
    pub(super) fn drop_unstored(&mut self) -> Option<Entry> {
        self.unstored.pop_front()
    }

    /// Takes the oldest that is on the disk and in memory.
    pub(super) fn drop_stored(&mut self) -> Option<Entry> {
        self.ready.pop_front()
    }

    /// The number of the first that the disk must keep.
    pub(super) fn first_stored(&self) -> Option<Seq> {
        let behind = (self.behind > 0).then_some(self.behind_from);
        self.ready.front().map(|entry| entry.seq).or(behind)
    }

    /// All in memory alone.
    pub(super) fn memory(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.unstored.iter_mut()
    }

    /// The disk is gone: what is in memory stays, the number of the others is
    /// returned.
    pub(super) fn forget_disk(&mut self) -> u64 {
        let rest = std::mem::take(&mut self.unstored);
        self.unstored = std::mem::take(&mut self.ready);
        for entry in &mut self.unstored {
            entry.stored = false;
        }
        self.unstored.extend(rest);
        std::mem::take(&mut self.behind)
    }
}
