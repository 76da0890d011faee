//! The backlog and its disk: opened, written to, given up for a while when it fails.
//!
//! What always holds: an alert that cannot be put on the disk stays in memory, and
//! each that the disk loses is counted.

use std::io;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, info, warn};

use super::super::dead::DeadLetters;
use super::super::spool::Spool;
use super::super::spool::config::Sync;
use super::super::spool::position::LANES;
use super::Backlog;
use super::state::State;

/// Bytes of stored alerts also kept in memory, to be sent without reading them.
const READY_BYTES: u64 = 4 << 20;
/// How often a disk that failed is opened again.
const REOPEN: Duration = Duration::from_secs(10);
/// How often a disk that is full is written to.
const FULL: Duration = Duration::from_secs(1);

impl Backlog {
    /// Opens the spool and takes over what is in it.
    pub(super) fn attach(&self) {
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
    pub(super) fn detach(&self, state: &mut State, why: &io::Error) {
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

    pub(super) fn sync(&self, state: &mut State) {
        let synced = state.disk.as_mut().map(Spool::sync);
        if let Some(Err(why)) = synced {
            self.detach(state, &why);
        }
    }

    /// Puts on the disk what is in memory alone.
    pub(super) fn store(&self, state: &mut State) {
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
                Err(why) => {
                    self.queue.count(|account| account.spooled += stored);
                    return self.store_failed(state, &why);
                }
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
}
