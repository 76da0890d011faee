//! All rules against one event: the event-type index, first match or all.
//!
//! ```text
//! rules ─graph→ nodes, equal parts once ─fold→ those of each event type ─bucket, flat→ a program
//! event ─guard→ the few rules it may satisfy ─run→ those it does
//! ```
//!
//! Everything is laid out when the rules are loaded; evaluating an event
//! neither allocates (but in the event's arena) nor locks. What was found out
//! about a process is remembered until the process changes. `docs/engine.md`
//! tells the whole of it.

mod bucket;
mod classes;
mod cost;
mod flat;
mod graph;
mod guard;
mod hash;
mod leaf;
mod memo;
mod patterns;
mod run;
mod symbols;

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::{Rule, RuleSet};
use crate::events::EventCode;
use crate::fields::Subject;
use bucket::{Bucket, Draft};
use classes::Classes;
pub use cost::{Cost, Costs};
use cost::{Unwatched, Watch};
use flat::Layout;
use graph::{FALSE, Folded, Graph};
use memo::{Needs, Scratch};
use run::Run;

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

/// The rules, made one program. Belongs to one thread; a clone for another
/// shares the program and remembers for itself.
pub struct Engine {
    program: Arc<Program>,
    matching: Matching,
    /// Taken out while an event is evaluated.
    scratch: Cell<Option<Box<Scratch>>>,
}

/// All rules, ready to be asked.
struct Program {
    layout: Layout,
    classes: Classes,
    /// By class of event.
    buckets: Vec<Bucket>,
    needs: Needs,
}

impl Engine {
    /// Makes the rules one program.
    pub fn new(rules: &RuleSet, matching: Matching) -> Self {
        Self::with(Arc::new(Program::new(rules)), matching)
    }

    fn with(program: Arc<Program>, matching: Matching) -> Self {
        let scratch = Box::new(Scratch::new(&program.needs));
        Self {
            program,
            matching,
            scratch: Cell::new(Some(scratch)),
        }
    }

    /// Whether any rule can match the event. When none can, it is filtered
    /// without being looked at.
    pub fn wants(&self, code: EventCode) -> bool {
        let bucket = self.program.bucket(code);
        bucket.is_some_and(|bucket| !bucket.rules.is_empty())
    }

    /// Calls `on_hit` for each rule that is true for the event and alerts.
    /// `code` is the type of the subject's event: `evt.type` has its name.
    pub fn evaluate(
        &self,
        code: EventCode,
        subject: &impl Subject,
        on_hit: impl FnMut(&Arc<Rule>),
    ) {
        self.watched(code, subject, &mut Unwatched, on_hit);
    }

    /// The same, and notes what each rule cost.
    pub fn evaluate_timed(
        &self,
        code: EventCode,
        subject: &impl Subject,
        costs: &mut Costs,
        on_hit: impl FnMut(&Arc<Rule>),
    ) {
        self.watched(code, subject, costs, on_hit);
    }

    fn watched(
        &self,
        code: EventCode,
        subject: &impl Subject,
        watch: &mut impl Watch,
        mut on_hit: impl FnMut(&Arc<Rule>),
    ) {
        let Some(bucket) = self.program.bucket(code) else {
            return;
        };
        if bucket.rules.is_empty() {
            return;
        }
        // It is missing only when `on_hit` itself evaluates an event.
        let scratch = self.scratch.take();
        let mut scratch = scratch.unwrap_or_else(|| Box::new(Scratch::new(&self.program.needs)));
        let mut run = Run::new(&self.program.layout, bucket, subject, &mut scratch);
        run.rules(watch, &mut |rule| {
            if let Some((_, rule)) = bucket.rules.get(rule) {
                on_hit(rule);
            }
            self.matching == Matching::First
        });
        self.scratch.set(Some(scratch));
    }
}

impl Clone for Engine {
    fn clone(&self) -> Self {
        Self::with(Arc::clone(&self.program), self.matching)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("nodes", &self.program.layout.len())
            .field("matching", &self.matching)
            .finish_non_exhaustive()
    }
}

impl Program {
    fn new(rules: &RuleSet) -> Self {
        let mut graph = Graph::new();
        let rules: Vec<_> = rules
            .rules
            .iter()
            .map(|rule| (rule, graph.condition(rule.condition.root())))
            .collect();
        let sets = rules.iter().map(|(rule, _)| rule.events);
        let classes = Classes::new(sets.chain(graph.event_sets.iter().copied()));
        let mut drafts: Vec<Vec<Draft>> = Vec::new();
        for code in classes.examples() {
            let mut folded = Folded::default();
            let mut bucket = Vec::new();
            for (rule, root) in rules.iter().filter(|(rule, _)| rule.events.contains(code)) {
                let root = graph.fold(*root, code, &mut folded);
                if root != FALSE {
                    bucket.push(Draft::new(&mut graph, rule, root));
                }
            }
            drafts.push(bucket);
        }
        let roots: Vec<_> = drafts.iter().flatten().flat_map(Draft::roots).collect();
        let (layout, moved) = Layout::new(graph, &roots);
        let mut needs = Needs {
            counts: layout.counts,
            tables: layout.tables().len(),
            largest: 0,
            rules: 0,
        };
        let mut buckets = Vec::with_capacity(drafts.len());
        for drafts in drafts {
            let bucket = Bucket::new(drafts, &layout, &moved, &mut needs.counts, needs.rules);
            needs.largest = needs.largest.max(bucket.words);
            needs.rules += bucket.words;
            buckets.push(bucket);
        }
        Self {
            layout,
            classes,
            buckets,
            needs,
        }
    }

    fn bucket(&self, code: EventCode) -> Option<&Bucket> {
        self.buckets.get(self.classes.of(code)?)
    }
}
