//! One event against the rules of its bucket.
//!
//! Each node is asked at most once, each value is read at most once, and what
//! the process answered before is not asked at all. Nothing is allocated but in
//! the event's arena.

use super::bucket::{Bucket, Parts};
use super::cost::Watch;
use super::flat::{Flat, Layout, Memo, Node};
use super::graph::NodeId;
use super::guard::Values;
use super::leaf::{Ask, Leaf, OperandId};
use super::memo::{Kept, Places, Scratch};
use super::symbols::{MISSING, OTHER};
use crate::fields::{Subject, Value};

/// The value of a left side, once it was asked for.
#[derive(Clone, Copy)]
enum Asked<'a> {
    NotYet,
    Missing,
    Is(Value<'a>),
}

/// One event being evaluated.
pub(super) struct Run<'a, 's, S> {
    layout: &'a Layout,
    bucket: &'a Bucket,
    subject: &'a S,
    scratch: &'s mut Scratch,
    places: Places,
    /// In the arena; made when the first value is asked for.
    values: Option<&'a mut [Asked<'a>]>,
}

impl<'a, 's, S: Subject> Run<'a, 's, S> {
    pub(super) fn new(
        layout: &'a Layout,
        bucket: &'a Bucket,
        subject: &'a S,
        scratch: &'s mut Scratch,
    ) -> Self {
        let places = scratch.begin(subject);
        Self {
            layout,
            bucket,
            subject,
            scratch,
            places,
            values: None,
        }
    }

    /// Calls `on_hit` with the place of each rule that is true, in rule order,
    /// until it says that this is enough.
    pub(super) fn rules(&mut self, watch: &mut impl Watch, on_hit: &mut dyn FnMut(usize) -> bool) {
        self.fill_rows();
        self.candidates();
        for word in 0..self.bucket.words {
            let mut left = self.scratch.candidates.get(word).copied().unwrap_or(0);
            while left != 0 {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                let rule = word * 64 + bit;
                let Some((parts, asked)) = self.bucket.rules.get(rule) else {
                    return;
                };
                watch.begin();
                let is_true = self.is_true(*parts, word, 1 << bit);
                watch.end(&asked.name);
                if is_true && on_hit(rule) {
                    return;
                }
            }
        }
    }

    /// Notes which rules the process may satisfy, when that is not known yet.
    fn fill_rows(&mut self) {
        let Bucket { words, row, .. } = *self.bucket;
        let filled = self.bucket.process_filled;
        if self
            .scratch
            .recall(Kept::Process, self.places, filled)
            .is_none()
        {
            if let Some(index) = &self.bucket.by_process {
                // The scratch's own row is free as long as nobody was found.
                let mut found = std::mem::take(&mut self.scratch.candidates);
                index.candidates(self, &mut found);
                let out = self.scratch.row(Kept::Process, self.places, row, words);
                for (out, found) in out.iter_mut().zip(&found) {
                    *out = *found;
                }
                self.scratch.candidates = found;
            } else {
                self.scratch
                    .row(Kept::Process, self.places, row, words)
                    .fill(u64::MAX);
            }
            self.scratch
                .remember(Kept::Process, self.places, filled, true);
        }
        let filled = self.bucket.lineage_filled;
        if self
            .scratch
            .recall(Kept::Lineage, self.places, filled)
            .is_none()
        {
            self.scratch
                .row(Kept::Lineage, self.places, row, words)
                .fill(u64::MAX);
            self.scratch
                .remember(Kept::Lineage, self.places, filled, true);
        }
    }

    /// Sets the bits of all rules worth asking.
    fn candidates(&mut self) {
        let Bucket { words, row, .. } = *self.bucket;
        let mut found = std::mem::take(&mut self.scratch.candidates);
        let process = self.scratch.row_of(Kept::Process, self.places, row, words);
        let lineage = self.scratch.row_of(Kept::Lineage, self.places, row, words);
        for (found, (process, lineage)) in found.iter_mut().zip(process.iter().zip(lineage)) {
            *found = process & lineage;
        }
        if let Some(index) = &self.bucket.by_event {
            let left = found.iter().zip(&index.guarded);
            let left = left.map(|(found, guarded)| (found & guarded).count_ones());
            if index.is_worth(left.sum()) {
                self.narrow(index, &mut found);
            }
        }
        self.scratch.candidates = found;
    }

    /// Whether a rule's condition is true. What the process or its line rule
    /// out is not asked again.
    fn is_true(&mut self, parts: Parts, word: usize, mask: u64) -> bool {
        for (part, kept) in [
            (parts.process, Kept::Process),
            (parts.lineage, Kept::Lineage),
        ] {
            if !self.holds(part) {
                let row = self.bucket.row + word;
                if let [bits] = self.scratch.row(kept, self.places, row, 1) {
                    *bits &= !mask;
                }
                return false;
            }
        }
        self.holds(parts.rest)
    }

    /// Whether a node is true.
    fn holds(&mut self, id: NodeId) -> bool {
        let Some(node) = self.layout.node(id) else {
            return false;
        };
        let (kept, bit) = match node.memo {
            Memo::None => return self.ask(node),
            Memo::Event(at) => {
                if let Some(answer) = self.scratch.recall_event(at) {
                    return answer;
                }
                let answer = self.ask(node);
                self.scratch.remember_event(at, answer);
                return answer;
            }
            Memo::Process(bit) => (Kept::Process, bit),
            Memo::Lineage(bit) => (Kept::Lineage, bit),
        };
        if let Some(answer) = self.scratch.recall(kept, self.places, bit) {
            return answer;
        }
        let answer = self.ask(node);
        self.scratch.remember(kept, self.places, bit, answer);
        answer
    }

    fn ask(&mut self, node: Node) -> bool {
        let layout = self.layout;
        match node.kind {
            Flat::False => false,
            Flat::True => true,
            Flat::Not(child) => !self.holds(child),
            Flat::And(first, count) => {
                let children = layout.children(first, count);
                children.iter().all(|child| self.holds(*child))
            }
            Flat::Or(first, count) => {
                let children = layout.children(first, count);
                children.iter().any(|child| self.holds(*child))
            }
            Flat::Leaf(leaf) => layout.leaf(leaf).is_some_and(|leaf| self.leaf(leaf)),
        }
    }

    fn leaf(&mut self, leaf: &'a Leaf) -> bool {
        match &leaf.ask {
            Ask::Test => {
                let value = self.value(leaf.operand);
                value.is_some_and(|value| leaf.test.holds(value, self.subject))
            }
            Ask::Symbols(symbols) => symbols.holds(self.symbol(symbols.table)),
            Ask::Merged(merged) => match self.value(leaf.operand) {
                Some(Value::Text(text) | Value::Buffer(text)) => {
                    merged.patterns.find(text, &mut |_| true)
                }
                Some(Value::List(values)) => values.iter().any(|value| match value {
                    Value::Text(text) | Value::Buffer(text) => {
                        merged.patterns.find(text, &mut |_| true)
                    }
                    _ => false,
                }),
                _ => false,
            },
        }
    }

    fn symbol(&mut self, table: u32) -> u32 {
        if let Some(number) = self.scratch.recall_symbol(table) {
            return number;
        }
        let Some(constants) = self.layout.tables().get(table as usize) else {
            return MISSING;
        };
        let number = match self.value(constants.operand) {
            Some(Value::Text(text) | Value::Buffer(text)) => constants.look_up(text),
            Some(_) => OTHER,
            None => MISSING,
        };
        self.scratch.remember_symbol(table, number);
        number
    }
}

impl<'a, S: Subject> Run<'a, '_, S> {
    /// Takes away the rules whose guard the event does not meet.
    fn narrow(&mut self, index: &'a super::guard::Index, found: &mut [u64]) {
        let arena = self.subject.arena();
        let met = arena.alloc_slice_fill_copy(self.bucket.words, 0_u64);
        index.candidates(self, met);
        for (found, met) in found.iter_mut().zip(met) {
            *found &= *met;
        }
    }
}

impl<'a, S: Subject> Values<'a> for Run<'a, '_, S> {
    fn value(&mut self, operand: OperandId) -> Option<Value<'a>> {
        let place = self.bucket.place(operand);
        let values = self.values.get_or_insert_with(|| {
            let arena = self.subject.arena();
            arena.alloc_slice_fill_copy(self.bucket.values, Asked::NotYet)
        });
        let known = place.and_then(|place| values.get(place)).copied();
        match known {
            Some(Asked::Is(value)) => return Some(value),
            Some(Asked::Missing) => return None,
            Some(Asked::NotYet) | None => {}
        }
        let value = self.layout.left(operand)?.value(self.subject);
        if let Some(place) = place.and_then(|place| values.get_mut(place)) {
            *place = value.map_or(Asked::Missing, Asked::Is);
        }
        value
    }
}
