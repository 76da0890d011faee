//! What each rule costs, found by timing one event in so many.
//!
//! Rules share what they ask, so a part that several have is paid by the first
//! that asks it. The clock is the caller's. Nothing is allocated after a rule is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Engine;

/// One event in this many is timed: a power of two.
const EVERY: u32 = 1024;

/// What asking one rule cost, as far as it was timed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    asked: u64,
    ns: u64,
}

impl Cost {
    /// How often the rule was asked, estimated.
    pub fn asked(self) -> u64 {
        self.asked.saturating_mul(EVERY.into())
    }

    /// Nanoseconds all of that took, estimated.
    pub fn ns(self) -> u64 {
        self.ns.saturating_mul(EVERY.into())
    }
}

/// The costs of rules, and which event is timed next.
#[derive(Debug)]
pub struct Costs {
    /// Nanoseconds of a clock that only goes forward.
    clock: fn() -> u64,
    /// What reading the clock takes; it is in every measure.
    reading_ns: u64,
    events: u32,
    began_ns: u64,
    rules: BTreeMap<Arc<str>, Cost>,
}

impl Costs {
    /// Nothing timed yet, by this clock.
    pub fn new(clock: fn() -> u64) -> Self {
        let reading = || {
            let before = clock();
            clock().saturating_sub(before)
        };
        Self {
            clock,
            reading_ns: std::iter::repeat_with(reading).take(64).min().unwrap_or(0),
            events: 0,
            began_ns: 0,
            rules: BTreeMap::new(),
        }
    }

    /// Makes room for the rules of an engine; what is known of others stays.
    pub fn know(&mut self, engine: &Engine) {
        for bucket in &engine.program.buckets {
            for (_, rule) in &bucket.rules {
                self.rules.entry(Arc::clone(&rule.name)).or_default();
            }
        }
    }

    /// Counts an event; whether it is one to be timed.
    pub fn is_due(&mut self) -> bool {
        self.events = self.events.wrapping_add(1);
        self.events.is_multiple_of(EVERY)
    }

    /// By name.
    pub fn rules(&self) -> &BTreeMap<Arc<str>, Cost> {
        &self.rules
    }
}

/// Looks on while rules are asked.
pub(super) trait Watch {
    /// A rule is going to be asked.
    fn begin(&mut self);
    /// It has answered.
    fn end(&mut self, rule: &Arc<str>);
}

/// Most events are not timed.
pub(super) struct Unwatched;

impl Watch for Unwatched {
    #[inline]
    fn begin(&mut self) {}
    #[inline]
    fn end(&mut self, _: &Arc<str>) {}
}

impl Watch for Costs {
    fn begin(&mut self) {
        self.began_ns = (self.clock)();
    }

    fn end(&mut self, rule: &Arc<str>) {
        let took = (self.clock)().saturating_sub(self.began_ns);
        if let Some(cost) = self.rules.get_mut(rule) {
            cost.asked += 1;
            cost.ns += took.saturating_sub(self.reading_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use serde_json::json;

    use super::*;
    use crate::detect::engine::Matching;
    use crate::detect::rules::{LoadOptions, load_texts};
    use crate::events;
    use crate::fields::given::Given;

    thread_local! {
        static NOW: Cell<u64> = const { Cell::new(0) };
    }

    /// A clock whose reading takes three nanoseconds.
    fn clock() -> u64 {
        NOW.set(NOW.get() + 3);
        NOW.get()
    }

    #[test]
    fn rules_that_are_asked_are_counted_and_the_clock_itself_is_not() {
        let text = b"
- {rule: a, desc: d, priority: INFO, output: o, condition: evt.type = open and proc.name = x}
- {rule: b, desc: d, priority: INFO, output: o, condition: evt.type = open and proc.name = y}
- {rule: c, desc: d, priority: INFO, output: o, condition: evt.type = close and proc.name = y}
";
        let rules = load_texts(&[("r.yaml", &text[..])], &LoadOptions::default());
        let engine = Engine::new(&rules.unwrap().rules, Matching::First);
        let mut costs = Costs::new(clock);
        costs.know(&engine);
        assert_eq!(costs.reading_ns, 3);
        let event = json!({"evt.type": "open", "evt.num": 1, "proc.name": "x", "proc.pid": 1});
        let given = Given::from_json(&event).unwrap();
        let code = events::by_name("open").unwrap();
        let mut hits = 0;
        for _ in 0..2 * EVERY {
            if costs.is_due() {
                engine.evaluate_timed(code, &given, &mut costs, |_| hits += 1);
            }
        }
        assert_eq!(hits, 2);
        let cost = |rule: &str| costs.rules()[rule];
        // The first match ends the asking.
        assert_eq!(
            (cost("a").asked(), cost("a").ns()),
            (u64::from(2 * EVERY), 0)
        );
        assert_eq!((cost("b"), cost("c")), (Cost::default(), Cost::default()));
        costs.begin();
        NOW.set(NOW.get() + 40);
        costs.end(&"b".into());
        costs.end(&"not known".into());
        assert_eq!(cost_of(&costs, "b"), u64::from(EVERY) * 40);
    }

    fn cost_of(costs: &Costs, rule: &str) -> u64 {
        costs.rules()[rule].ns()
    }
}
