//! Rule files in, a checked [`RuleSet`] out, or every mistake in them.

use std::sync::Arc;

use super::format::Format;
use super::program::Program;
use crate::alert::Priority;
use crate::events::EventSet;

/// One rule, ready to be evaluated.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: Arc<str>,
    /// What it is about.
    pub desc: String,
    /// How serious.
    pub priority: Priority,
    /// `syscall`, or a plugin's source.
    pub source: Arc<str>,
    /// Sorted tags.
    pub tags: Arc<[Arc<str>]>,
    /// The condition.
    pub condition: Program,
    /// The output.
    pub output: Format,
    /// The events that can satisfy the condition.
    pub events: EventSet,
}

/// All enabled rules, in rule order.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// In the order of first definition.
    pub rules: Vec<Arc<Rule>>,
}
