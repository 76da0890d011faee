//! Rules and the events of their tests in, what of the rules was tried out.
//!
//! A rule is covered when a test fires it; a near miss shows that it can be
//! silent as well. A branch is one comparison of a condition being true, or
//! being false, where evaluation got to it: what a comparison would have said
//! behind one that had decided already counts for nothing. Comparisons of the
//! event's type are no branches: rules are not even asked for other events.

use std::sync::Arc;

use serde::Serialize;

use super::Test;
use crate::detect::rules::{Rule, RuleSet};
use crate::detect::trace::Anatomy;
use crate::diagnostic::Place;
use crate::events::EventCode;
use crate::fields::Subject;
use crate::lab::reader::Said;

/// What the tests cover of a set of rules, in rule order.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// Rule by rule.
    pub rules: Vec<RuleCoverage>,
}

/// What the tests cover of a rule.
#[derive(Debug, Clone)]
pub struct RuleCoverage {
    /// The rule.
    pub rule: Arc<Rule>,
    anatomy: Option<Arc<Anatomy>>,
    /// Tests that it is true for.
    pub fired: usize,
    /// Tests that it misses narrowly.
    pub near_misses: usize,
    /// Its comparisons, in the order of the text.
    pub branches: Vec<Branches>,
}

/// The two branches of a comparison: how often it was true, and false.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Branches {
    /// Its number among the parts of the condition.
    part: usize,
    /// Events for which it was true.
    pub seen_true: usize,
    /// Events for which it was false.
    pub seen_false: usize,
}

/// How much of something there was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// What was covered.
    pub covered: usize,
    /// What there is.
    pub total: usize,
}

/// A comparison that the tests do not cover whole.
#[derive(Debug, Clone)]
pub struct Gap<'c> {
    /// Its text.
    pub text: &'c str,
    /// Where it was written.
    pub place: Option<Place>,
    /// What is known of it.
    pub branches: Branches,
}

impl Coverage {
    /// For these rules, nothing covered yet. `branches` looks into conditions,
    /// too, which takes more time.
    pub fn new(rules: &RuleSet, branches: bool) -> Self {
        let rules = rules.rules.iter();
        Self {
            rules: rules
                .map(|rule| RuleCoverage::new(rule, branches))
                .collect(),
        }
    }

    /// The same with nothing covered.
    pub(super) fn blank(&self) -> Self {
        let mut blank = self.clone();
        for rule in &mut blank.rules {
            (rule.fired, rule.near_misses) = (0, 0);
            for branches in &mut rule.branches {
                (branches.seen_true, branches.seen_false) = (0, 0);
            }
        }
        blank
    }

    /// Notes the branches that an event takes.
    pub(super) fn see<S: Subject>(&mut self, code: EventCode, subject: &S) {
        for rule in &mut self.rules {
            if rule.rule.events.contains(code) {
                rule.see(subject);
            }
        }
    }

    /// Counts a test, which these rules were true for.
    pub(super) fn count(&mut self, test: &Test, is_true: impl Fn(&Rule) -> bool) {
        for rule in &mut self.rules {
            let fires = is_true(&rule.rule);
            let named = |near: &Said| near.text == *rule.rule.name;
            rule.fired += usize::from(fires);
            rule.near_misses += usize::from(!fires && test.near.iter().any(named));
        }
    }

    /// Adds what another run of tests covered of the same rules.
    pub(super) fn add(&mut self, other: &Self) {
        for (rule, more) in self.rules.iter_mut().zip(&other.rules) {
            rule.fired += more.fired;
            rule.near_misses += more.near_misses;
            for (branches, more) in rule.branches.iter_mut().zip(&more.branches) {
                branches.seen_true += more.seen_true;
                branches.seen_false += more.seen_false;
            }
        }
    }

    /// Rules that a test fires, among all.
    pub fn fired(&self) -> Share {
        Share {
            covered: self.rules.iter().filter(|rule| rule.fired > 0).count(),
            total: self.rules.len(),
        }
    }

    /// Branches that were taken, among all.
    pub fn branches(&self) -> Share {
        self.rules.iter().map(RuleCoverage::share).sum()
    }
}

impl RuleCoverage {
    fn new(rule: &Arc<Rule>, branches: bool) -> Self {
        let anatomy = branches.then(|| Anatomy::new(&rule.tree).ok()).flatten();
        let branches = anatomy
            .iter()
            .flat_map(Anatomy::leaves)
            .filter(|(_, leaf)| !is_event_type(&leaf.text))
            .map(|(part, _)| Branches {
                part,
                ..Branches::default()
            })
            .collect();
        Self {
            rule: Arc::clone(rule),
            anatomy: anatomy.map(Arc::new),
            fired: 0,
            near_misses: 0,
            branches,
        }
    }

    fn see<S: Subject>(&mut self, subject: &S) {
        let Some(anatomy) = &self.anatomy else {
            return;
        };
        let trace = anatomy.trace(subject);
        for branches in &mut self.branches {
            match trace.parts.get(branches.part) {
                Some(seen) if seen.asked && seen.holds => branches.seen_true += 1,
                Some(seen) if seen.asked => branches.seen_false += 1,
                _ => {}
            }
        }
    }

    /// Branches that were taken, among all.
    pub fn share(&self) -> Share {
        let taken = |b: &Branches| usize::from(b.seen_true > 0) + usize::from(b.seen_false > 0);
        Share {
            covered: self.branches.iter().map(taken).sum(),
            total: 2 * self.branches.len(),
        }
    }

    /// Every comparison with its branches, covered or not.
    pub fn comparisons(&self) -> impl Iterator<Item = Gap<'_>> {
        let anatomy = self.anatomy.as_deref();
        self.branches.iter().filter_map(move |branches| {
            let part = anatomy?.parts().get(branches.part)?;
            Some(Gap {
                text: &part.text,
                place: self.rule.written.place(&part.within, part.span),
                branches: *branches,
            })
        })
    }

    /// The comparisons of which a branch was never taken.
    pub fn gaps(&self) -> impl Iterator<Item = Gap<'_>> {
        self.comparisons()
            .filter(|gap| gap.branches.seen_true == 0 || gap.branches.seen_false == 0)
    }
}

impl std::iter::Sum for Share {
    fn sum<I: Iterator<Item = Self>>(shares: I) -> Self {
        shares.fold(Self::default(), |sum, share| Self {
            covered: sum.covered + share.covered,
            total: sum.total + share.total,
        })
    }
}

impl Share {
    /// In per cent; all of nothing is everything.
    pub fn percent(self) -> f64 {
        if self.total == 0 {
            return 100.0;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "no condition has 2^52 comparisons"
        )]
        let share = self.covered as f64 / self.total as f64;
        share * 100.0
    }
}

/// Whether a comparison asks for the type of the event.
fn is_event_type(text: &str) -> bool {
    let field = text.split(' ').next().unwrap_or_default();
    field == "evt.type" || field == "syscall.type" || field.starts_with("evt.type.is.")
}
