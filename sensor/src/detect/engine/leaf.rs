//! The comparisons of all rules, each once however often it was written.
//!
//! Comparisons go in, numbers come out: equal comparisons have one number, and
//! so have equal left sides. Once all are in, the comparisons of one text with
//! constants are put together: the text is looked up once for all of them.

use std::collections::HashMap;
use std::sync::Arc;

use super::hash::FastHash;
use super::patterns::Patterns;
use super::symbols::{Symbols, Table};
use crate::detect::program::{How, Operand, Test};
use crate::fields::{Many, Scope, Type};

/// Number of a comparison.
pub(super) type LeafId = u32;

/// Number of a left side.
pub(super) type OperandId = u32;

/// One comparison.
pub(super) struct Leaf {
    pub(super) operand: OperandId,
    pub(super) scope: Scope,
    pub(super) cost: u32,
    /// As it was written; of several put into one, the first.
    pub(super) test: Arc<Test>,
    pub(super) ask: Ask,
}

/// How the answer is found.
pub(super) enum Ask {
    /// As the comparison says.
    Test,
    /// One of several texts stands in a value.
    Merged(Box<Merged>),
    /// The value, looked up in a table, is one of these.
    Symbols(Symbols),
}

/// Texts, each with how it must stand in a value.
pub(super) type Texts<'l> = Vec<(How, &'l [u8])>;

/// Texts that several comparisons looked for.
pub(super) struct Merged {
    texts: Vec<(How, Box<[u8]>)>,
    pub(super) patterns: Patterns,
}

/// All comparisons, while the rules are laid out.
#[derive(Default)]
pub(super) struct Leaves {
    all: Vec<Leaf>,
    by_identity: HashMap<Box<[u8]>, LeafId, FastHash>,
    /// Each left side, as part of a comparison that has it.
    pub(super) operands: Vec<Arc<Test>>,
    operand_ids: HashMap<Box<[u8]>, OperandId, FastHash>,
    /// Texts that are looked up once for all comparisons with them.
    pub(super) tables: Vec<Table>,
}

impl Leaves {
    /// The number of a comparison.
    pub(super) fn add(&mut self, test: &Arc<Test>) -> LeafId {
        let identity = test.identity();
        if let Some(known) = self.by_identity.get(identity.as_slice()) {
            return *known;
        }
        let operand = self.operand(test);
        self.push(identity, |_| Leaf {
            operand,
            scope: test.scope(),
            cost: test.cost(),
            test: Arc::clone(test),
            ask: Ask::Test,
        })
    }

    pub(super) fn get(&self, id: LeafId) -> Option<&Leaf> {
        self.all.get(id as usize)
    }

    /// The texts of which one must stand in the value, when that is all a
    /// comparison asks.
    pub(super) fn texts(&self, id: LeafId) -> Option<(OperandId, Texts<'_>)> {
        let leaf = self.get(id)?;
        let texts = match &leaf.ask {
            Ask::Test => leaf.test.texts()?,
            Ask::Merged(merged) => merged.texts.iter().map(|(how, t)| (*how, &**t)).collect(),
            Ask::Symbols(_) => return None,
        };
        Some((leaf.operand, texts))
    }

    /// One comparison that is true when one of these is: all with one left
    /// side, and all of them asking for texts only.
    pub(super) fn any_of(&mut self, ids: &[LeafId]) -> Option<LeafId> {
        let first = self.get(*ids.first()?)?;
        let (operand, scope, test) = (first.operand, first.scope, Arc::clone(&first.test));
        let mut texts = Vec::new();
        for id in ids {
            texts.extend(self.texts(*id)?.1);
        }
        texts.sort_unstable();
        texts.dedup();
        let mut identity = vec![b'*'];
        identity.extend_from_slice(&operand.to_le_bytes());
        for (how, text) in &texts {
            identity.push(*how as u8);
            identity.extend_from_slice(&(text.len() as u64).to_le_bytes());
            identity.extend_from_slice(text);
        }
        if let Some(known) = self.by_identity.get(identity.as_slice()) {
            return Some(*known);
        }
        let cost = if texts.iter().all(|(how, _)| *how != How::Within) {
            10
        } else {
            20
        };
        let ask = Ask::Merged(Box::new(Merged {
            texts: texts
                .iter()
                .map(|(how, text)| (*how, (*text).into()))
                .collect(),
            patterns: Patterns::new(texts.iter().copied()),
        }));
        Some(self.push(identity, |_| Leaf {
            operand,
            scope,
            cost,
            test,
            ask,
        }))
    }

    fn push(&mut self, identity: Vec<u8>, leaf: impl FnOnce(LeafId) -> Leaf) -> LeafId {
        let id = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(leaf(id));
        self.by_identity.insert(identity.into(), id);
        id
    }

    fn operand(&mut self, test: &Arc<Test>) -> OperandId {
        let identity = test.left().identity();
        if let Some(known) = self.operand_ids.get(identity.as_slice()) {
            return *known;
        }
        let id = u32::try_from(self.operands.len()).unwrap_or(u32::MAX);
        self.operands.push(Arc::clone(test));
        self.operand_ids.insert(identity.into(), id);
        id
    }

    /// Gives every text that several comparisons want to be equal to something
    /// a table of those things.
    pub(super) fn make_tables(&mut self) {
        let mut of_operand: Vec<Vec<LeafId>> = vec![Vec::new(); self.operands.len()];
        for (id, leaf) in (0..).zip(&self.all) {
            if self.wanted(leaf, id).is_some()
                && let Some(ids) = of_operand.get_mut(leaf.operand as usize)
            {
                ids.push(id);
            }
        }
        for ids in of_operand.into_iter().filter(|ids| ids.len() > 1) {
            self.make_table(&ids);
        }
    }

    fn make_table(&mut self, ids: &[LeafId]) {
        let number = u32::try_from(self.tables.len()).unwrap_or(u32::MAX);
        let mut table = Table::default();
        for id in ids {
            let Some(leaf) = self.get(*id) else { continue };
            let Some((texts, negated)) = self.wanted(leaf, *id) else {
                continue;
            };
            table.operand = leaf.operand;
            let symbols = table.add(number, &texts, negated);
            if let Some(leaf) = self.all.get_mut(*id as usize) {
                leaf.ask = Ask::Symbols(symbols);
            }
        }
        self.tables.push(table);
    }

    /// The whole texts that a single text is compared with, and whether it must
    /// be none of them.
    fn wanted<'l>(&'l self, leaf: &'l Leaf, id: LeafId) -> Option<(Vec<&'l [u8]>, bool)> {
        let is_text = |test: &Test| test.left().field().is_none_or(|f| f.field.ty == Type::Text);
        if leaf.test.many() != Many::One || !is_text(&leaf.test) {
            return None;
        }
        if matches!(leaf.ask, Ask::Test)
            && let Some(text) = leaf.test.other_than()
        {
            return Some((vec![text], true));
        }
        let (_, texts) = self.texts(id)?;
        let whole = texts.iter().all(|(how, _)| *how == How::Whole);
        whole.then(|| (texts.into_iter().map(|(_, text)| text).collect(), false))
    }

    /// Every left side, for those who ask for values.
    pub(super) fn left(&self, id: OperandId) -> Option<&Operand> {
        self.operands.get(id as usize).map(|test| test.left())
    }
}
