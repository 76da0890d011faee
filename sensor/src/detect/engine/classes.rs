//! Event types that no rule tells apart, put together.
//!
//! The sets of events that the rules name go in; classes come out. Two types
//! that are in the same sets are of one class: the rules become the same
//! program for both, so it is made once.

use std::collections::HashMap;

use crate::events::{EventCode, EventSet, rows};

/// The classes.
pub(super) struct Classes {
    /// By event code.
    of: Box<[usize]>,
    /// One event of each.
    examples: Vec<EventCode>,
}

impl Classes {
    /// The classes that these sets make.
    pub(super) fn new(sets: impl Iterator<Item = EventSet>) -> Self {
        let mut different: Vec<EventSet> = Vec::new();
        for set in sets {
            if !different.contains(&set) {
                different.push(set);
            }
        }
        let mut examples = Vec::new();
        let mut numbers: HashMap<Vec<bool>, usize> = HashMap::new();
        let of = (0..).map(EventCode).zip(rows()).map(|(code, _)| {
            let member = different.iter().map(|set| set.contains(code)).collect();
            *numbers.entry(member).or_insert_with(|| {
                examples.push(code);
                examples.len() - 1
            })
        });
        let of = of.collect();
        Self { of, examples }
    }

    /// The class of an event; `None` when there is no such event.
    pub(super) fn of(&self, code: EventCode) -> Option<usize> {
        self.of.get(usize::from(code.0)).copied()
    }

    /// An event of each class, in the order of the classes.
    pub(super) fn examples(&self) -> impl Iterator<Item = EventCode> {
        self.examples.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::by_name;

    fn set(names: &[&str]) -> EventSet {
        let mut set = EventSet::EMPTY;
        for name in names {
            set.insert(by_name(name).unwrap());
        }
        set
    }

    #[test]
    fn events_that_no_set_tells_apart_are_one_class() {
        let sets = [
            set(&["open", "openat"]),
            set(&["open", "openat", "connect"]),
        ];
        let classes = Classes::new(sets.into_iter());
        let class = |name| classes.of(by_name(name).unwrap()).unwrap();
        assert_eq!(class("open"), class("openat"));
        assert_ne!(class("open"), class("connect"));
        assert_ne!(class("connect"), class("execve"));
        assert_eq!(class("execve"), class("kill"));
        assert_eq!(classes.examples().count(), 3);
        assert_eq!(classes.of(EventCode(u16::MAX)), None);
    }
}
