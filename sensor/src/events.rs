//! Every event type a rule may name, one row each: name, parameters, category,
//! and whether this build captures it.

/// Index of a row in the event table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventCode(pub u16);

/// Upper bound of the number of rows.
pub const MAX_EVENTS: usize = 512;

/// A set of event types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventSet([u64; MAX_EVENTS / 64]);

impl EventSet {
    /// No event.
    pub const EMPTY: Self = Self([0; MAX_EVENTS / 64]);

    /// Whether the event is in the set.
    pub fn contains(&self, code: EventCode) -> bool {
        let index = usize::from(code.0);
        self.0
            .get(index / 64)
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Adds an event.
    pub fn insert(&mut self, code: EventCode) {
        let index = usize::from(code.0);
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    /// Events in both sets.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        let mut out = self;
        out.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= b);
        out
    }

    /// Events in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let mut out = self;
        out.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
        out
    }

    /// The number of events in the set.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}
