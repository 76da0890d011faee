//! The graph laid out for evaluation: nodes in one row, children in another.
//!
//! Only what some rule asks for is laid out. Each node is told here where its
//! answer is remembered: for the event when several ask for it, for the
//! process when it stands that long.

use std::collections::HashMap;

use super::graph::{Graph, Kind, NodeId};
use super::hash::FastHash;
use super::leaf::{Leaf, LeafId, Leaves, OperandId};
use super::symbols::Table;
use crate::detect::program::Operand;
use crate::fields::Scope;

/// A node, ready to be asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) kind: Flat,
    pub(super) memo: Memo,
}

/// What a node is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Flat {
    False,
    True,
    Not(NodeId),
    /// First child, number of children.
    And(u32, u32),
    Or(u32, u32),
    Leaf(LeafId),
}

/// Where a node's answer is remembered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Memo {
    /// Nowhere: nobody asks twice.
    None,
    /// While this event is evaluated.
    Event(u32),
    /// While the process stays what it is.
    Process(u32),
    /// While the process and its ancestors stay what they are.
    Lineage(u32),
}

/// How many answers of each kind there are to remember.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) event: u32,
    pub(super) process: u32,
    pub(super) lineage: u32,
}

/// Everything that can be asked.
pub(super) struct Layout {
    nodes: Box<[Node]>,
    children: Box<[NodeId]>,
    leaves: Leaves,
    pub(super) counts: Counts,
}

/// Where the nodes of the graph went.
#[derive(Default)]
pub(super) struct Moved(HashMap<NodeId, NodeId, FastHash>);

impl Moved {
    /// The new number of a node that some root reaches.
    pub(super) fn to(&self, id: NodeId) -> NodeId {
        self.0.get(&id).copied().unwrap_or(super::graph::FALSE)
    }
}

impl Layout {
    /// Lays out what these roots reach. The root of a rule stands as often as
    /// somebody asks for it.
    pub(super) fn new(mut graph: Graph, roots: &[NodeId]) -> (Self, Moved) {
        let askers = askers(&graph, roots);
        graph.leaves.make_tables();
        let mut layout = Self {
            nodes: Box::default(),
            children: Box::default(),
            leaves: Leaves::default(),
            counts: Counts::default(),
        };
        let mut order: Vec<NodeId> = askers.keys().copied().collect();
        // Children have the smaller numbers, so they are laid out first.
        order.sort_unstable();
        let (mut nodes, mut children) = (Vec::new(), Vec::new());
        let mut moved = Moved::default();
        for id in order {
            let kind = flat(graph.kind(id), &moved, &mut children);
            let asked = askers.get(&id).copied().unwrap_or_default();
            let memo = layout.counts.memo(graph.facts(id).scope, asked, kind);
            moved.0.insert(id, number(nodes.len()));
            nodes.push(Node { kind, memo });
        }
        layout.nodes = nodes.into();
        layout.children = children.into();
        layout.leaves = graph.leaves;
        (layout, moved)
    }

    pub(super) fn node(&self, id: NodeId) -> Option<Node> {
        self.nodes.get(id as usize).copied()
    }

    pub(super) fn children(&self, first: u32, count: u32) -> &[NodeId] {
        let first = first as usize;
        let range = first..first + count as usize;
        self.children.get(range).unwrap_or_default()
    }

    pub(super) fn leaf(&self, id: LeafId) -> Option<&Leaf> {
        self.leaves.get(id)
    }

    pub(super) fn left(&self, id: OperandId) -> Option<&Operand> {
        self.leaves.left(id)
    }

    pub(super) fn operands(&self) -> usize {
        self.leaves.operands.len()
    }

    pub(super) fn tables(&self) -> &[Table] {
        &self.leaves.tables
    }

    /// The left sides that a node may ask for.
    pub(super) fn operands_of(&self, id: NodeId, seen: &mut [bool], out: &mut [bool]) {
        match seen.get_mut(id as usize) {
            None | Some(true) => return,
            Some(seen) => *seen = true,
        }
        match self.node(id).map(|node| node.kind) {
            Some(Flat::Not(child)) => self.operands_of(child, seen, out),
            Some(Flat::And(first, count) | Flat::Or(first, count)) => {
                for child in self.children(first, count) {
                    self.operands_of(*child, seen, out);
                }
            }
            Some(Flat::Leaf(leaf)) => {
                let operand = self.leaf(leaf).map(|leaf| leaf.operand as usize);
                if let Some(asked) = operand.and_then(|operand| out.get_mut(operand)) {
                    *asked = true;
                }
            }
            Some(Flat::True | Flat::False) | None => {}
        }
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }
}

impl Counts {
    fn memo(&mut self, scope: Scope, askers: Askers, kind: Flat) -> Memo {
        let place = |count: &mut u32| {
            *count += 1;
            *count - 1
        };
        let shared = askers.all > 1;
        match (scope, kind) {
            (_, Flat::True | Flat::False | Flat::Not(_)) => Memo::None,
            (Scope::Process, _) if shared || askers.wider => {
                Memo::Process(place(&mut self.process))
            }
            (Scope::Lineage, _) if shared || askers.wider => {
                Memo::Lineage(place(&mut self.lineage))
            }
            _ if shared => Memo::Event(place(&mut self.event)),
            _ => Memo::None,
        }
    }
}

fn number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn flat(kind: &Kind, moved: &Moved, children: &mut Vec<NodeId>) -> Flat {
    let mut all = |nodes: &[NodeId]| {
        let first = number(children.len());
        children.extend(nodes.iter().map(|child| moved.to(*child)));
        (first, number(nodes.len()))
    };
    match kind {
        // Folded away wherever a rule can be true.
        Kind::False | Kind::Events(_) => Flat::False,
        Kind::True => Flat::True,
        Kind::Not(child) => Flat::Not(moved.to(*child)),
        Kind::And(nodes) => {
            let (first, count) = all(nodes);
            Flat::And(first, count)
        }
        Kind::Or(nodes) => {
            let (first, count) = all(nodes);
            Flat::Or(first, count)
        }
        Kind::Leaf(leaf) => Flat::Leaf(*leaf),
    }
}

/// Who asks for a node.
#[derive(Debug, Clone, Copy, Default)]
struct Askers {
    all: u32,
    /// One of them has to be answered anew more often than the node has.
    wider: bool,
}

/// Every node that a root reaches, with those who ask for it.
fn askers(graph: &Graph, roots: &[NodeId]) -> HashMap<NodeId, Askers, FastHash> {
    let mut askers: HashMap<NodeId, Askers, FastHash> = HashMap::default();
    let mut open = Vec::new();
    for root in roots {
        let known = askers.entry(*root).or_default();
        if known.all == 0 {
            open.push(*root);
        }
        known.all += 1;
        known.wider = true;
    }
    while let Some(id) = open.pop() {
        let scope = graph.facts(id).scope;
        let children: &[NodeId] = match graph.kind(id) {
            Kind::Not(child) => std::slice::from_ref(child),
            Kind::And(children) | Kind::Or(children) => children,
            _ => &[],
        };
        for child in children {
            let wider = graph.facts(*child).scope != scope;
            let known = askers.entry(*child).or_default();
            if known.all == 0 {
                open.push(*child);
            }
            known.all += 1;
            known.wider |= wider;
        }
    }
    askers
}
