//! One look-up of a text for all comparisons that want it to be something.
//!
//! The constants that a text is compared with are numbered. The text of an
//! event is looked up once; every comparison then asks whether its number is
//! among a few.

use std::collections::HashMap;

use super::hash::FastHash;
use super::leaf::OperandId;

/// The number of a text that is no constant of the table.
pub(super) const OTHER: u32 = 0;

/// The number of a text that is missing.
pub(super) const MISSING: u32 = u32::MAX;

/// Up to this many numbers are searched from end to end.
const FEW: usize = 8;

/// The constants one text is compared with.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The text.
    pub(super) operand: OperandId,
    numbers: HashMap<Box<[u8]>, u32, FastHash>,
}

/// What a comparison wants the text to be.
#[derive(Debug)]
pub(super) struct Symbols {
    /// The table it is looked up in.
    pub(super) table: u32,
    /// Ascending.
    wanted: Box<[u32]>,
    /// It must be none of them instead.
    negated: bool,
}

impl Table {
    /// What a comparison with these texts wants, in numbers. `number` is that
    /// of this table.
    pub(super) fn add(&mut self, number: u32, texts: &[&[u8]], negated: bool) -> Symbols {
        let mut wanted: Vec<u32> = texts.iter().map(|text| self.number(text)).collect();
        wanted.sort_unstable();
        Symbols {
            table: number,
            wanted: wanted.into(),
            negated,
        }
    }

    fn number(&mut self, text: &[u8]) -> u32 {
        let next = u32::try_from(self.numbers.len() + 1).unwrap_or(MISSING - 1);
        *self.numbers.entry(text.into()).or_insert(next)
    }

    /// The number of a text.
    pub(super) fn look_up(&self, text: &[u8]) -> u32 {
        self.numbers.get(text).copied().unwrap_or(OTHER)
    }
}

impl Symbols {
    /// Whether the text of that number is what is wanted.
    pub(super) fn holds(&self, number: u32) -> bool {
        let among = match number {
            MISSING => return false,
            OTHER => false,
            number if self.wanted.len() <= FEW => self.wanted.contains(&number),
            number => self.wanted.binary_search(&number).is_ok(),
        };
        among != self.negated
    }
}
