//! The rules that one kind of event can satisfy, ready to be asked.
//!
//! A rule's condition stands in three parts that must all be true: what
//! depends on the process, what depends on its ancestors too, and the rest.
//! The first two are remembered for the process, and a rule that one of them
//! rules out is not looked at again while the process stays what it is.

use std::sync::Arc;

use super::flat::{Counts, Layout, Moved};
use super::graph::{Graph, Kind, NodeId, TRUE};
use super::guard::{self, Guard, Index};
use crate::detect::rules::Rule;
use crate::fields::Scope;

/// A rule and the parts of its condition in the graph.
pub(super) struct Draft {
    rule: Arc<Rule>,
    parts: Parts,
    process_guard: Option<Guard>,
    event_guard: Option<Guard>,
}

/// The parts of a condition; all must be true.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    pub(super) process: NodeId,
    pub(super) lineage: NodeId,
    pub(super) rest: NodeId,
}

impl Parts {
    fn of(graph: &mut Graph, root: NodeId) -> Self {
        let mut parts = Self {
            process: TRUE,
            lineage: TRUE,
            rest: TRUE,
        };
        let scope = graph.facts(root).scope;
        let children = match graph.kind(root) {
            Kind::And(children) if scope != Scope::Process => children.to_vec(),
            _ => vec![root],
        };
        let mut rest = Vec::new();
        let mut lineage = Vec::new();
        for child in children {
            match graph.facts(child).scope {
                // Those of one scope were put together, so there is one.
                Scope::Process if parts.process == TRUE => parts.process = child,
                Scope::Lineage => lineage.push(child),
                _ => rest.push(child),
            }
        }
        parts.lineage = graph.joined(true, lineage);
        parts.rest = graph.joined(true, rest);
        parts
    }

    fn each(self) -> [NodeId; 3] {
        [self.process, self.lineage, self.rest]
    }

    fn moved(self, moved: &Moved) -> Self {
        Self {
            process: moved.to(self.process),
            lineage: moved.to(self.lineage),
            rest: moved.to(self.rest),
        }
    }
}

impl Draft {
    /// A rule whose condition is this node.
    pub(super) fn new(graph: &mut Graph, rule: &Arc<Rule>, root: NodeId) -> Self {
        let parts = Parts::of(graph, root);
        Self {
            rule: Arc::clone(rule),
            parts,
            process_guard: guard::of(graph, parts.process),
            event_guard: guard::of(graph, parts.rest),
        }
    }

    /// The nodes it asks for.
    pub(super) fn roots(&self) -> [NodeId; 3] {
        self.parts.each()
    }
}

/// The rules of a kind of event, in rule order.
pub(super) struct Bucket {
    pub(super) rules: Box<[(Parts, Arc<Rule>)]>,
    /// Words of a row of bits, one for each rule.
    pub(super) words: usize,
    /// Where its rows begin among those of all buckets.
    pub(super) row: usize,
    /// The answers that tell whether its rows are filled.
    pub(super) process_filled: u32,
    pub(super) lineage_filled: u32,
    pub(super) by_process: Option<Index>,
    pub(super) by_event: Option<Index>,
    /// For each left side its place among those this bucket asks for.
    places: Box<[u16]>,
    /// Number of those.
    pub(super) values: usize,
}

/// The place of a left side that is not asked for.
const NOWHERE: u16 = u16::MAX;

impl Bucket {
    /// Lays out rules; `row` is where its rows may begin.
    pub(super) fn new(
        drafts: Vec<Draft>,
        layout: &Layout,
        moved: &Moved,
        counts: &mut Counts,
        row: usize,
    ) -> Self {
        let (mut process_guards, mut event_guards) = (Vec::new(), Vec::new());
        let mut rules = Vec::with_capacity(drafts.len());
        for draft in drafts {
            process_guards.push(draft.process_guard);
            event_guards.push(draft.event_guard);
            rules.push((draft.parts.moved(moved), draft.rule));
        }
        counts.process += 1;
        counts.lineage += 1;
        let mut bucket = Self {
            words: rules.len().div_ceil(64),
            rules: rules.into(),
            row,
            process_filled: counts.process - 1,
            lineage_filled: counts.lineage - 1,
            by_process: Index::new(&process_guards),
            by_event: Index::new(&event_guards),
            places: Box::default(),
            values: 0,
        };
        bucket.place_values(layout);
        bucket
    }

    /// Gives each left side that may be asked for a place of its own.
    fn place_values(&mut self, layout: &Layout) {
        let mut asked = vec![false; layout.operands()];
        let mut seen = vec![false; layout.len()];
        for (parts, _) in &self.rules {
            for root in parts.each() {
                layout.operands_of(root, &mut seen, &mut asked);
            }
        }
        for index in [&self.by_process, &self.by_event].into_iter().flatten() {
            for operand in index.operands() {
                if let Some(asked) = asked.get_mut(operand as usize) {
                    *asked = true;
                }
            }
        }
        let mut next = 0;
        let mut place = |asked: bool| {
            if !asked || next == NOWHERE {
                return NOWHERE;
            }
            next += 1;
            next - 1
        };
        self.places = asked.into_iter().map(&mut place).collect();
        self.values = usize::from(next);
    }

    /// The place of a left side's value.
    pub(super) fn place(&self, operand: u32) -> Option<usize> {
        let place = *self.places.get(operand as usize)?;
        (place != NOWHERE).then_some(usize::from(place))
    }
}
