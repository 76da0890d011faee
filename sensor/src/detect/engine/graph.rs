//! The conditions of all rules as one graph: equal parts are one node.
//!
//! Nodes are made from their children upwards, and every node is in its normal
//! form: no constant below it, no `not` of a `not`, no `and` inside an `and`,
//! each child once, the cheap before the dear. A condition has neither side
//! effects nor errors, so the order of its parts shows in nothing but the time
//! it takes. Children are made before their parents: a node's number is
//! greater than those of its children.

use std::collections::HashMap;

use super::hash::FastHash;
use super::leaf::{LeafId, Leaves, OperandId};
use crate::detect::program::{Node as Tree, Test};
use crate::events::{self, EventCode, EventSet};
use crate::fields::{Many, Scope, Value};

/// Number of a node.
pub(super) type NodeId = u32;

pub(super) const FALSE: NodeId = 0;
pub(super) const TRUE: NodeId = 1;

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    False,
    True,
    /// True for the events of the set with that number; gone once the event is known.
    Events(u32),
    Not(NodeId),
    And(Box<[NodeId]>),
    Or(Box<[NodeId]>),
    Leaf(LeafId),
}

/// What is known about a node beside what it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    /// Roughly how long it takes.
    pub(super) cost: u32,
    /// How long the answer stands.
    pub(super) scope: Scope,
    /// Whether it depends on the event's type.
    typed: bool,
}

/// All nodes.
pub(super) struct Graph {
    kinds: Vec<Kind>,
    facts: Vec<Facts>,
    numbers: HashMap<Kind, NodeId, FastHash>,
    pub(super) leaves: Leaves,
    pub(super) event_sets: Vec<EventSet>,
}

/// What the nodes become when the event is of one type.
#[derive(Default)]
pub(super) struct Folded(HashMap<NodeId, NodeId, FastHash>);

impl Graph {
    pub(super) fn new() -> Self {
        let mut graph = Self {
            kinds: Vec::new(),
            facts: Vec::new(),
            numbers: HashMap::default(),
            leaves: Leaves::default(),
            event_sets: Vec::new(),
        };
        let constant = Facts {
            cost: 0,
            scope: Scope::Process,
            typed: false,
        };
        graph.node(Kind::False, constant);
        graph.node(Kind::True, constant);
        graph
    }

    pub(super) fn kind(&self, id: NodeId) -> &Kind {
        self.kinds.get(id as usize).unwrap_or(&Kind::False)
    }

    pub(super) fn facts(&self, id: NodeId) -> Facts {
        let facts = self.facts.get(id as usize).or(self.facts.first()).copied();
        facts.unwrap_or(Facts {
            cost: 0,
            scope: Scope::Event,
            typed: false,
        })
    }

    fn node(&mut self, kind: Kind, facts: Facts) -> NodeId {
        if let Some(known) = self.numbers.get(&kind) {
            return *known;
        }
        let id = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
        self.kinds.push(kind.clone());
        self.facts.push(facts);
        self.numbers.insert(kind, id);
        id
    }

    /// Takes in a condition.
    pub(super) fn condition(&mut self, tree: &Tree) -> NodeId {
        match tree {
            Tree::Or(children) => self.children(children, false),
            Tree::And(children) => self.children(children, true),
            Tree::Not(child) => {
                let child = self.condition(child);
                self.not(child)
            }
            Tree::Test(test) if test.is_never_true() => FALSE,
            Tree::Test(test) => {
                if let Some(set) = events_of(test) {
                    return self.events(set);
                }
                let leaf = self.leaves.add(test);
                self.leaf(leaf)
            }
        }
    }

    fn children(&mut self, children: &[Tree], all: bool) -> NodeId {
        let children = children.iter().map(|child| self.condition(child));
        let children = children.collect();
        self.join(all, children)
    }

    fn leaf(&mut self, leaf: LeafId) -> NodeId {
        let facts = self.leaves.get(leaf).map(|leaf| Facts {
            cost: leaf.cost,
            scope: leaf.scope,
            typed: false,
        });
        facts.map_or(FALSE, |facts| self.node(Kind::Leaf(leaf), facts))
    }

    fn events(&mut self, set: EventSet) -> NodeId {
        let known = self.event_sets.iter().position(|known| *known == set);
        let number = known.unwrap_or(self.event_sets.len());
        if known.is_none() {
            self.event_sets.push(set);
        }
        let facts = Facts {
            cost: 0,
            scope: Scope::Process,
            typed: true,
        };
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.node(Kind::Events(number), facts)
    }

    fn not(&mut self, child: NodeId) -> NodeId {
        match self.kind(child) {
            Kind::False => TRUE,
            Kind::True => FALSE,
            Kind::Not(inner) => *inner,
            _ => {
                let facts = self.facts(child);
                self.node(Kind::Not(child), facts)
            }
        }
    }

    /// The `and` (`all`) or the `or` of nodes.
    fn join(&mut self, all: bool, children: Vec<NodeId>) -> NodeId {
        let (neutral, decisive) = if all { (TRUE, FALSE) } else { (FALSE, TRUE) };
        let mut flat = Vec::with_capacity(children.len());
        for child in children {
            self.flatten(all, child, &mut flat);
        }
        flat.retain(|child| *child != neutral);
        flat.sort_unstable();
        flat.dedup();
        if flat.contains(&decisive) || self.has_opposites(&flat) {
            return decisive;
        }
        if !all {
            self.merge(&mut flat);
        }
        self.group(all, flat)
    }

    fn flatten(&self, all: bool, child: NodeId, out: &mut Vec<NodeId>) {
        match (self.kind(child), all) {
            (Kind::And(children), true) | (Kind::Or(children), false) => {
                for child in children {
                    self.flatten(all, *child, out);
                }
            }
            _ => out.push(child),
        }
    }

    /// Whether something stands beside its own negation.
    fn has_opposites(&self, sorted: &[NodeId]) -> bool {
        sorted.iter().any(|child| match self.kind(*child) {
            Kind::Not(inner) => sorted.binary_search(inner).is_ok(),
            _ => false,
        })
    }

    /// Makes one comparison of those in an `or` that look for texts in the
    /// same value.
    fn merge(&mut self, children: &mut Vec<NodeId>) {
        let mut of_operand: HashMap<OperandId, Vec<LeafId>, FastHash> = HashMap::default();
        for child in children.iter() {
            if let Kind::Leaf(leaf) = self.kind(*child)
                && let Some((operand, _)) = self.leaves.texts(*leaf)
            {
                of_operand.entry(operand).or_default().push(*leaf);
            }
        }
        for leaves in of_operand.into_values().filter(|leaves| leaves.len() > 1) {
            let Some(merged) = self.leaves.any_of(&leaves) else {
                continue;
            };
            let merged = self.leaf(merged);
            children.retain(|child| match self.kind(*child) {
                Kind::Leaf(leaf) => !leaves.contains(leaf),
                _ => true,
            });
            children.push(merged);
        }
    }

    /// Puts what stands as long as the process apart, and what stands as long
    /// as its ancestors: one remembered answer each.
    fn group(&mut self, all: bool, children: Vec<NodeId>) -> NodeId {
        let (mut process, mut lineage, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for child in children {
            match self.facts(child).scope {
                Scope::Process => process.push(child),
                Scope::Lineage => lineage.push(child),
                Scope::Fd | Scope::Event => rest.push(child),
            }
        }
        let kinds = [&process, &lineage, &rest];
        if kinds.iter().filter(|kind| !kind.is_empty()).count() < 2 {
            process.append(&mut lineage);
            process.append(&mut rest);
            return self.joined(all, process);
        }
        for part in [process, lineage] {
            if !part.is_empty() {
                rest.push(self.joined(all, part));
            }
        }
        self.joined(all, rest)
    }

    /// The `and` or the `or` of nodes that need no more than an order.
    pub(super) fn joined(&mut self, all: bool, mut children: Vec<NodeId>) -> NodeId {
        if let [only] = children.as_slice() {
            return *only;
        }
        if children.is_empty() {
            return if all { TRUE } else { FALSE };
        }
        let scope = children.iter().map(|child| self.facts(*child).scope);
        let scope = scope.max().unwrap_or(Scope::Event);
        let cost = |child: &NodeId| {
            let facts = self.facts(*child);
            match facts.scope {
                // An answer that is remembered beyond this event costs nothing.
                remembered @ (Scope::Process | Scope::Lineage) if remembered != scope => 1,
                _ => facts.cost,
            }
        };
        children.sort_by_key(|child| (cost(child), *child));
        let sum = children.iter().map(cost).fold(0, u32::saturating_add);
        let facts = Facts {
            cost: sum,
            scope,
            typed: children.iter().any(|child| self.facts(*child).typed),
        };
        let children = children.into();
        let kind = if all {
            Kind::And(children)
        } else {
            Kind::Or(children)
        };
        self.node(kind, facts)
    }

    /// The node once the event is known to be of this type.
    pub(super) fn fold(&mut self, id: NodeId, code: EventCode, folded: &mut Folded) -> NodeId {
        if !self.facts(id).typed {
            return id;
        }
        if let Some(known) = folded.0.get(&id) {
            return *known;
        }
        let becomes = match self.kind(id).clone() {
            Kind::Events(number) => {
                let set = self.event_sets.get(number as usize);
                if set.is_some_and(|set| set.contains(code)) {
                    TRUE
                } else {
                    FALSE
                }
            }
            Kind::Not(child) => {
                let child = self.fold(child, code, folded);
                self.not(child)
            }
            Kind::And(children) => self.fold_all(true, &children, code, folded),
            Kind::Or(children) => self.fold_all(false, &children, code, folded),
            Kind::False | Kind::True | Kind::Leaf(_) => id,
        };
        folded.0.insert(id, becomes);
        becomes
    }

    fn fold_all(
        &mut self,
        all: bool,
        children: &[NodeId],
        code: EventCode,
        folded: &mut Folded,
    ) -> NodeId {
        let children = children.iter().map(|child| self.fold(*child, code, folded));
        let children = children.collect();
        self.join(all, children)
    }
}

/// The events for which a comparison is true, when only the event's type
/// decides that.
fn events_of(test: &Test) -> Option<EventSet> {
    let field = test.left().field()?.field;
    if test.many() != Many::One {
        return None;
    }
    let mut set = EventSet::EMPTY;
    match field.name {
        "evt.type" => {
            for (code, row) in (0..).map(EventCode).zip(events::rows()) {
                if test.holds_for(Value::Text(row.name.as_bytes()))? {
                    set.insert(code);
                }
            }
            Some(set)
        }
        // Events are numbered from 1: this is how a rule is switched off.
        "evt.num" if test.numbers()?.iter().all(|number| *number == 0) => Some(set),
        _ => None,
    }
}
