//! What a person asks of a backlog: to try again, to send dead letters once more, to
//! give up what waits.

use tokio::time::Instant;
use tracing::{error, info, warn};

use super::super::dead::DeadLetters;
use super::super::queue::{Errand, weight};
use super::Backlog;
use super::lane::Lane;

impl Backlog {
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
    fn replay(&self) {
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
    fn purge(&self) {
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
}
