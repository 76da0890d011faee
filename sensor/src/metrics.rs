//! Counters and the account they must satisfy.
//!
//! Events, per kind: captured = evaluated + filtered + dropped by reason.
//! Alerts, per output: raised = delivered + failed + queued.

use std::fmt;

/// What became of the alerts given to one output, at one moment: a consistent
/// copy, taken while nothing moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutputAccount {
    /// Alerts handed to this output.
    pub raised: u64,
    /// Alerts the receiver acknowledged.
    pub delivered: u64,
    /// Alerts given up: the queue was full.
    pub dropped_full: u64,
    /// Alerts given up: the receiver refused them for good.
    pub refused: u64,
    /// Alerts given up: still undelivered when the sensor had to stop.
    pub abandoned: u64,
    /// Alerts in the queue, waiting or in flight; counted, not derived.
    pub queued: u64,
    /// Attempts that failed and were tried again (not alerts; not in the identity).
    pub retries: u64,
}

impl OutputAccount {
    /// Alerts given up for any reason.
    pub fn failed(&self) -> u64 {
        self.dropped_full + self.refused + self.abandoned
    }

    /// Whether raised = delivered + failed + queued.
    pub fn balances(&self) -> bool {
        self.raised == self.delivered + self.failed() + self.queued
    }
}

impl fmt::Display for OutputAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "raised {} = delivered {} + failed {} (queue full {}, refused {}, abandoned {}) \
             + queued {}; retries {}",
            self.raised,
            self.delivered,
            self.failed(),
            self.dropped_full,
            self.refused,
            self.abandoned,
            self.queued,
            self.retries
        )
    }
}
