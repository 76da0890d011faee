//! Many texts looked for in one value at once.
//!
//! Patterns go in, each with how it must stand in the value; a value then gives
//! the numbers of all patterns it has. The time is that of one hash, of two
//! binary searches and of one pass over the value, however many patterns
//! there are. Looking allocates nothing.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

use super::hash::FastHash;
use crate::detect::program::How;

/// A pattern that is the beginning of no other one.
const NONE: u32 = u32::MAX;

/// The patterns, numbered in the order they were given.
#[derive(Debug)]
pub(super) struct Patterns {
    exact: HashMap<Box<[u8]>, u32, FastHash>,
    prefixes: Affixes,
    suffixes: Affixes,
    parts: Option<Parts>,
}

/// Patterns that stand somewhere in the value.
#[derive(Debug)]
struct Parts {
    search: AhoCorasick,
    numbers: Box<[u32]>,
}

/// Patterns the value begins with, in byte order. (For those it ends with, all
/// bytes are read backwards.)
#[derive(Debug, Default)]
struct Affixes {
    sorted: Box<[Affix]>,
    backwards: bool,
}

#[derive(Debug)]
struct Affix {
    bytes: Box<[u8]>,
    number: u32,
    /// The longest other pattern that this one begins with.
    within: u32,
}

impl Patterns {
    /// Patterns, each once.
    pub(super) fn new<'p>(patterns: impl IntoIterator<Item = (How, &'p [u8])>) -> Self {
        let mut exact: HashMap<Box<[u8]>, u32, FastHash> = HashMap::default();
        let (mut prefixes, mut suffixes, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for ((how, bytes), number) in patterns.into_iter().zip(0..) {
            match how {
                How::Whole => {
                    exact.insert(bytes.into(), number);
                }
                How::Start => prefixes.push((bytes.into(), number)),
                How::End => suffixes.push((bytes.iter().rev().copied().collect(), number)),
                How::Within => parts.push((bytes, number)),
            }
        }
        Self {
            exact,
            prefixes: Affixes::new(prefixes, false),
            suffixes: Affixes::new(suffixes, true),
            parts: Parts::new(&parts),
        }
    }

    /// Calls `found` with the number of each pattern the value has, until it
    /// says that this is enough. Tells whether it said so.
    pub(super) fn find(&self, value: &[u8], found: &mut impl FnMut(u32) -> bool) -> bool {
        if !self.exact.is_empty()
            && let Some(number) = self.exact.get(value)
            && found(*number)
        {
            return true;
        }
        if self.prefixes.find(value, found) || self.suffixes.find(value, found) {
            return true;
        }
        let Some(parts) = &self.parts else {
            return false;
        };
        parts.search.find_overlapping_iter(value).any(|part| {
            let number = parts.numbers.get(part.pattern().as_usize());
            number.is_some_and(|number| found(*number))
        })
    }
}

impl Parts {
    fn new(parts: &[(&[u8], u32)]) -> Option<Self> {
        if parts.is_empty() {
            return None;
        }
        // It fails on patterns of four gigabytes in all; those are not found.
        let search = AhoCorasickBuilder::new()
            .match_kind(MatchKind::Standard)
            .build(parts.iter().map(|(bytes, _)| bytes))
            .ok()?;
        Some(Self {
            search,
            numbers: parts.iter().map(|(_, number)| *number).collect(),
        })
    }
}

impl Affixes {
    fn new(mut patterns: Vec<(Box<[u8]>, u32)>, backwards: bool) -> Self {
        patterns.sort();
        let mut sorted: Vec<Affix> = Vec::with_capacity(patterns.len());
        for (bytes, number) in patterns {
            // The longest pattern it begins with is the one before it, or one
            // that begins that one.
            let mut within = u32::try_from(sorted.len()).map_or(NONE, |len| len.wrapping_sub(1));
            while let Some(other) = sorted.get(within as usize) {
                if bytes.starts_with(&other.bytes) {
                    break;
                }
                within = other.within;
            }
            sorted.push(Affix {
                bytes,
                number,
                within,
            });
        }
        Self {
            sorted: sorted.into(),
            backwards,
        }
    }

    fn find(&self, value: &[u8], found: &mut impl FnMut(u32) -> bool) -> bool {
        if self.sorted.is_empty() {
            return false;
        }
        let after = self.sorted.partition_point(|affix| {
            let ordering = if self.backwards {
                affix.bytes.iter().cmp(value.iter().rev())
            } else {
                (*affix.bytes).cmp(value)
            };
            ordering.is_le()
        });
        let Some(mut at) = after.checked_sub(1) else {
            return false;
        };
        let mut begun = false;
        while let Some(affix) = self.sorted.get(at) {
            begun = begun || self.begins(affix, value);
            if begun && found(affix.number) {
                return true;
            }
            at = affix.within as usize;
        }
        false
    }

    /// Whether the value begins (ends) with it.
    fn begins(&self, affix: &Affix, value: &[u8]) -> bool {
        if !self.backwards {
            return value.starts_with(&affix.bytes);
        }
        let Some(from) = value.len().checked_sub(affix.bytes.len()) else {
            return false;
        };
        let end = value.get(from..).unwrap_or_default();
        end.iter().rev().eq(affix.bytes.iter())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn how() -> impl Strategy<Value = How> {
        prop::sample::select(&[How::Whole, How::Start, How::End, How::Within][..])
    }

    fn holds(how: How, pattern: &[u8], value: &[u8]) -> bool {
        match how {
            How::Whole => value == pattern,
            How::Start => value.starts_with(pattern),
            How::End => value.ends_with(pattern),
            How::Within => (0..=value.len()).any(|at| value[at..].starts_with(pattern)),
        }
    }

    proptest! {
        #[test]
        fn exactly_the_patterns_a_value_has_are_found(
            patterns in prop::collection::btree_set((0..4_usize, "[ab/]{0,4}"), 0..20),
            value in "[ab/]{0,8}",
        ) {
            let hows = [How::Whole, How::Start, How::End, How::Within];
            let patterns: Vec<(How, &[u8])> =
                patterns.iter().map(|(how, text)| (hows[*how], text.as_bytes())).collect();
            let mut found = Vec::new();
            Patterns::new(patterns.iter().copied()).find(value.as_bytes(), &mut |number| {
                found.push(number);
                false
            });
            found.sort_unstable();
            // A part that stands twice is told twice.
            found.dedup();
            let wanted: Vec<u32> = (0..)
                .zip(&patterns)
                .filter(|(_, (how, pattern))| holds(*how, pattern, value.as_bytes()))
                .map(|(number, _)| number)
                .collect();
            prop_assert_eq!(found, wanted);
        }

        #[test]
        fn enough_is_enough(how in how(), value in "[ab]{1,8}") {
            let patterns = Patterns::new([(how, value.as_bytes()), (How::Within, b"".as_slice())]);
            let mut asked = 0;
            let enough = patterns.find(value.as_bytes(), &mut |_| {
                asked += 1;
                true
            });
            prop_assert!(enough);
            prop_assert_eq!(asked, 1);
        }
    }
}
