//! The values a comparison accepts, as a set; what is certain about two sets.
//!
//! [`Set::within`] and [`Set::apart`] answer true only for what holds for every
//! value there can be; false means "not proved".

use std::collections::BTreeSet;

use super::interval::Intervals;
use super::text::{self, Test};

/// The values of one operand that a comparison accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Set {
    /// Any value.
    All,
    /// These texts or buffers.
    Texts(BTreeSet<Box<[u8]>>),
    /// These numbers or addresses.
    Intervals(Intervals),
    /// The texts that pass a test.
    Test(Test),
    /// All but these.
    Not(Box<Set>),
    /// Those in any of these.
    Any(Vec<Set>),
    /// Those in every one of these.
    Every(Vec<Set>),
    /// Something nothing is known of but how it is written.
    Unknown(String),
}

impl Set {
    /// No value at all.
    pub(super) fn none() -> Self {
        Self::Texts(BTreeSet::new())
    }

    /// One text.
    pub(super) fn text(bytes: &[u8]) -> Self {
        Self::Texts(BTreeSet::from([bytes.into()]))
    }

    /// Everything in this set or in that, put together where that is exact.
    pub(super) fn any(sets: Vec<Self>) -> Self {
        let mut out: Vec<Self> = Vec::new();
        for set in sets {
            match (set, out.last_mut()) {
                (Self::All, _) => return Self::All,
                (Self::Texts(more), Some(Self::Texts(texts))) => texts.extend(more),
                (Self::Intervals(more), Some(Self::Intervals(all))) => *all = all.union(&more),
                (set, _) => out.push(set),
            }
        }
        match out.len() {
            0 => Self::none(),
            1 => out.swap_remove(0),
            _ => Self::Any(out),
        }
    }

    /// Everything in all of these.
    pub(super) fn every(mut sets: Vec<Self>) -> Self {
        let all_negative = sets.iter().all(|set| matches!(set, Self::Not(_)));
        if all_negative && !sets.is_empty() {
            // "None of these" is one set, which a finite one is tested against whole.
            let inner = sets.into_iter().filter_map(|set| match set {
                Self::Not(inner) => Some(*inner),
                _ => None,
            });
            return Self::any(inner.collect()).negated();
        }
        match sets.len() {
            0 => Self::All,
            1 => sets.swap_remove(0),
            _ => Self::Every(sets),
        }
    }

    /// The values that are not in it.
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            Self::All => Self::none(),
            set if set.is_none() => Self::All,
            set => Self::Not(Box::new(set)),
        }
    }

    /// Whether nothing is in it, as far as that is plain.
    pub(super) fn is_none(&self) -> bool {
        match self {
            Self::Texts(texts) => texts.is_empty(),
            Self::Intervals(intervals) => intervals.is_empty(),
            Self::Any(sets) => sets.iter().all(Self::is_none),
            Self::Every(sets) => sets.iter().any(Self::is_none),
            Self::Not(inner) => **inner == Self::All,
            Self::All | Self::Test(_) | Self::Unknown(_) => false,
        }
    }

    /// Whether a text is in it; `None` when that is not known.
    pub(super) fn holds(&self, value: &[u8]) -> Option<bool> {
        match self {
            Self::All => Some(true),
            Self::Texts(texts) => Some(texts.contains(value)),
            Self::Test(test) => test.holds(value),
            Self::Not(inner) => inner.holds(value).map(|holds| !holds),
            Self::Any(sets) => {
                let each: Vec<_> = sets.iter().map(|set| set.holds(value)).collect();
                if each.contains(&Some(true)) {
                    return Some(true);
                }
                (!each.contains(&None)).then_some(false)
            }
            Self::Every(sets) => {
                let each: Vec<_> = sets.iter().map(|set| set.holds(value)).collect();
                if each.contains(&Some(false)) {
                    return Some(false);
                }
                (!each.contains(&None)).then_some(true)
            }
            Self::Intervals(_) | Self::Unknown(_) => None,
        }
    }

    /// Whether every value in this set is certainly in the other.
    pub(super) fn within(&self, other: &Self) -> bool {
        if self.is_none() || self == other {
            return true;
        }
        match (self, other) {
            (_, Self::All) => true,
            (Self::Any(sets), _) => sets.iter().all(|set| set.within(other)),
            (_, Self::Every(sets)) => sets.iter().all(|set| self.within(set)),
            (Self::Texts(texts), _) => texts.iter().all(|text| other.holds(text) == Some(true)),
            (Self::Not(a), Self::Not(b)) => b.within(a),
            (_, Self::Not(b)) => self.apart(b),
            (_, Self::Any(sets)) => {
                sets.iter().any(|set| self.within(set)) || self.one_of_every(|a| a.within(other))
            }
            (Self::Every(_), _) => self.one_of_every(|a| a.within(other)),
            (Self::Intervals(a), Self::Intervals(b)) => a.within(b),
            (Self::Test(a), Self::Test(b)) => text::within(a, b),
            _ => false,
        }
    }

    fn one_of_every(&self, holds: impl Fn(&Self) -> bool) -> bool {
        matches!(self, Self::Every(sets) if sets.iter().any(holds))
    }

    /// Whether no value can be in both.
    pub(super) fn apart(&self, other: &Self) -> bool {
        if self.is_none() || other.is_none() {
            return true;
        }
        let outside = |texts: &BTreeSet<Box<[u8]>>, set: &Self| {
            texts.iter().all(|text| set.holds(text) == Some(false))
        };
        match (self, other) {
            (Self::Any(sets), one) | (one, Self::Any(sets)) => {
                sets.iter().all(|set| set.apart(one))
            }
            (Self::Texts(texts), set) | (set, Self::Texts(texts)) => outside(texts, set),
            (Self::Not(inner), set) | (set, Self::Not(inner)) => set.within(inner),
            (Self::Every(sets), one) | (one, Self::Every(sets)) => {
                sets.iter().any(|set| set.apart(one))
            }
            (Self::Intervals(a), Self::Intervals(b)) => a.intersect(b).is_empty(),
            (Self::Test(a), Self::Test(b)) => text::apart(a, b),
            _ => false,
        }
    }
}
