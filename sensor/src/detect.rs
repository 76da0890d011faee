//! [`Observation`](crate::enrich::Observation) in, [`Hit`] out; the rule language lives here.
//!
//! Loading may read files and takes its time; evaluation does no IO, reads no
//! clock and allocates nothing.

pub mod analysis;
pub mod engine;
pub mod format;
pub mod program;
pub(crate) mod prove;
pub mod rules;
pub mod syntax;
pub mod trace;

use std::sync::Arc;

use rules::Rule;

/// A rule that is true for the event at hand.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The rule.
    pub rule: Arc<Rule>,
}
