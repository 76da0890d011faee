//! Counters and the account they must satisfy.
//!
//! Events, per kind: captured = evaluated + filtered + dropped by reason.
//! Alerts, per output: raised = delivered + failed + queued.

use std::sync::atomic::{AtomicU64, Ordering};

/// What became of the alerts given to one output. Shared between the output's
/// worker and whoever prints the account.
#[derive(Debug, Default)]
pub struct OutputAccount {
    /// Alerts handed to this output.
    pub raised: AtomicU64,
    /// Alerts the receiver acknowledged.
    pub delivered: AtomicU64,
    /// Alerts given up, by reason: the queue was full.
    pub dropped_full: AtomicU64,
    /// Alerts given up: the receiver refused them for good.
    pub refused: AtomicU64,
    /// Alerts given up: still undelivered when the sensor had to stop.
    pub abandoned: AtomicU64,
    /// Attempts that failed and were tried again (not alerts; not in the identity).
    pub retries: AtomicU64,
}

impl OutputAccount {
    /// Alerts given up for any reason.
    pub fn failed(&self) -> u64 {
        [&self.dropped_full, &self.refused, &self.abandoned]
            .iter()
            .map(|n| n.load(Ordering::Relaxed))
            .sum()
    }

    /// Alerts accepted and neither delivered nor given up yet.
    pub fn queued(&self) -> u64 {
        self.raised
            .load(Ordering::Relaxed)
            .saturating_sub(self.delivered.load(Ordering::Relaxed) + self.failed())
    }
}
