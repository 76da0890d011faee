//! All rules against one event: the event-type index, first match or all.
//!
//! Everything is laid out when the rules are loaded; evaluating an event
//! neither allocates nor locks.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::{Rule, RuleSet};
use crate::events::{EventCode, EventSet, MAX_EVENTS};
use crate::fields::Subject;

/// Which of the rules that are true for an event alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    /// The first in rule order.
    #[default]
    First,
    /// All of them.
    All,
}

/// The rules, indexed by the events that can satisfy them.
#[derive(Debug)]
pub struct Engine {
    /// By event code; within one, in rule order.
    buckets: Vec<Vec<Arc<Rule>>>,
    events: EventSet,
    matching: Matching,
}

impl Engine {
    /// Indexes the rules.
    pub fn new(rules: &RuleSet, matching: Matching) -> Self {
        let bucket = |code| {
            let rules = rules.rules.iter();
            rules
                .filter(|rule| rule.events.contains(EventCode(code)))
                .cloned()
                .collect()
        };
        let codes = u16::try_from(MAX_EVENTS).unwrap_or(u16::MAX);
        Self {
            buckets: (0..codes).map(bucket).collect(),
            events: rules.events(),
            matching,
        }
    }

    /// Whether any rule can match the event. When none can, it is filtered
    /// without being looked at.
    pub fn wants(&self, code: EventCode) -> bool {
        self.events.contains(code)
    }

    /// Calls `on_hit` for each rule that is true for the event and alerts.
    pub fn evaluate(
        &self,
        code: EventCode,
        subject: &impl Subject,
        mut on_hit: impl FnMut(&Arc<Rule>),
    ) {
        let Some(rules) = self.buckets.get(usize::from(code.0)) else {
            return;
        };
        for rule in rules {
            if rule.condition.matches(subject) {
                on_hit(rule);
                if self.matching == Matching::First {
                    return;
                }
            }
        }
    }
}
