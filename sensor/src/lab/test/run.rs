//! Tests and rules in, what became of each test out, in the order of the tests.
//!
//! Every rule is asked, whether or not an earlier one is true: what the engine
//! does under `rule_matching: all`. Tests run on all cores; nothing of the
//! result but the time it took depends on which ran where.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::coverage::Coverage;
use super::hear::{Ear, Heard};
use super::suite::Suite;
use super::{ExpectedRule, Test};
use crate::alert::Priority;
use crate::detect::engine::{Engine, Matching};
use crate::detect::rules::RuleSet;
use crate::detect::trace::Asked;

/// What became of a test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The alerts of the rules that are true, in rule order.
    pub alerts: Vec<Said>,
    /// What is not as the test says; nothing when it passed.
    pub differences: Vec<Difference>,
    /// How long it took.
    #[serde(skip)]
    pub took: Duration,
}

/// What a rule says to the event of a test.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Said {
    /// The rule.
    pub rule: String,
    /// How serious.
    pub priority: Priority,
    /// The message.
    pub output: String,
}

/// One thing that is not as the test says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Difference {
    /// The event cannot be given to the rules.
    Unusable {
        /// Why.
        message: String,
    },
    /// A rule that should be true is not.
    Missing {
        /// The rule.
        rule: String,
        /// Why it is not.
        because: Vec<Reason>,
    },
    /// A rule that should not be true is.
    Unexpected {
        /// The rule.
        rule: String,
        /// Why it is.
        because: Vec<Reason>,
    },
    /// The alert is more or less serious.
    Priority {
        /// The rule.
        rule: String,
        /// What the test says.
        expected: Priority,
        /// What it is.
        actual: Priority,
    },
    /// The message is another one.
    Output {
        /// The rule.
        rule: String,
        /// What the test says.
        expected: String,
        /// What it is.
        actual: String,
    },
    /// The message does not have a text in it.
    Lacks {
        /// The rule.
        rule: String,
        /// The text.
        expected: String,
        /// The message.
        actual: String,
    },
}

/// A part of the reason why a rule is true or not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// The comparison, or a sentence.
    pub text: String,
    /// Whether it is true.
    pub holds: bool,
    /// Where it was written, `file:line:column`; empty when nowhere.
    pub place: String,
    /// The values that were compared.
    pub values: Vec<Asked>,
}

/// Tests that were run.
#[derive(Debug)]
pub struct Done {
    /// The tests and their rules.
    pub suite: Suite,
    /// What became of each test, in their order.
    pub outcomes: Vec<Outcome>,
    /// What they cover of the rules.
    pub coverage: Coverage,
}

impl Done {
    /// Runs a suite; `branches` is whether to look into conditions, too.
    pub fn run(suite: Suite, branches: bool) -> Self {
        let mut coverage = Coverage::new(&suite.rules, branches);
        let outcomes = run(&suite.tests, &suite.rules, Some(&mut coverage));
        Self {
            suite,
            outcomes,
            coverage,
        }
    }

    /// Every test with what became of it.
    pub fn tests(&self) -> impl Iterator<Item = (&Test, &Outcome)> {
        self.suite.tests.iter().zip(&self.outcomes)
    }
}

impl Outcome {
    /// Whether all is as the test says.
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Runs the tests. With `coverage`, notes there what they cover.
pub fn run(tests: &[Test], rules: &RuleSet, coverage: Option<&mut Coverage>) -> Vec<Outcome> {
    let workers = std::thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(tests.len().max(1));
    let next = AtomicUsize::new(0);
    let blank = coverage.as_deref().map(Coverage::blank);
    let engine = Engine::new(rules, Matching::All);
    let done: Vec<_> = std::thread::scope(|scope| {
        let next = &next;
        let start = |_| {
            let (engine, blank) = (engine.clone(), blank.clone());
            scope.spawn(move || work(tests, rules, &engine, next, blank))
        };
        let running: Vec<_> = (0..workers).map(start).collect();
        let ended = running.into_iter().filter_map(|worker| worker.join().ok());
        ended.collect()
    });
    let mut outcomes: Vec<(usize, Outcome)> = Vec::new();
    let mut coverage = coverage;
    for (outcome, covered) in done {
        outcomes.extend(outcome);
        if let (Some(coverage), Some(covered)) = (&mut coverage, &covered) {
            coverage.add(covered);
        }
    }
    outcomes.sort_by_key(|(number, _)| *number);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Takes tests until none is left.
fn work(
    tests: &[Test],
    rules: &RuleSet,
    engine: &Engine,
    next: &AtomicUsize,
    mut coverage: Option<Coverage>,
) -> (Vec<(usize, Outcome)>, Option<Coverage>) {
    let mut outcomes = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(test) = tests.get(number) else {
            return (outcomes, coverage);
        };
        let began = Instant::now();
        let mut ear = Ear {
            rules,
            engine,
            coverage: coverage.as_mut(),
        };
        let mut outcome = match ear.hear(test) {
            Ok(heard) => judged(test, heard),
            Err(message) => Outcome {
                alerts: Vec::new(),
                differences: vec![Difference::Unusable { message }],
                took: Duration::ZERO,
            },
        };
        outcome.took = began.elapsed();
        outcomes.push((number, outcome));
    }
}

/// Holds what the rules said against what the test says.
fn judged(test: &Test, heard: Heard) -> Outcome {
    let Heard { alerts, mut why } = heard;
    let mut differences = Vec::new();
    for expected in &test.expect.rules {
        let rule = &expected.rule.text;
        let said = alerts.iter().filter(|said| said.rule == *rule);
        // Of several alerts, in a recording, one has to be as expected.
        let mut compared = said.map(|said| compare(expected, said));
        let first = compared.next();
        let right = |differences: &Vec<Difference>| differences.is_empty();
        match first {
            Some(first) if right(&first) || compared.any(|others| right(&others)) => {}
            Some(first) => differences.extend(first),
            None => differences.push(Difference::Missing {
                rule: rule.clone(),
                because: why.remove(rule).unwrap_or_default(),
            }),
        }
    }
    let expected = |rule: &str| {
        let mut rules = test.expect.rules.iter();
        rules.any(|expected| expected.rule.text == rule)
    };
    let mut told = BTreeSet::new();
    for said in &alerts {
        if !expected(&said.rule) && told.insert(&said.rule) {
            differences.push(Difference::Unexpected {
                rule: said.rule.clone(),
                because: why.remove(&said.rule).unwrap_or_default(),
            });
        }
    }
    Outcome {
        alerts,
        differences,
        took: Duration::ZERO,
    }
}

/// What of an alert is not as expected.
fn compare(expected: &ExpectedRule, said: &Said) -> Vec<Difference> {
    let mut differences = Vec::new();
    let rule = || said.rule.clone();
    if let Some(wanted) = expected
        .priority
        .as_ref()
        .filter(|p| p.value != said.priority)
    {
        differences.push(Difference::Priority {
            rule: rule(),
            expected: wanted.value,
            actual: said.priority,
        });
    }
    // A rule's output has no blanks at its ends; a block of YAML ends with one.
    let wanted = expected.output.as_ref().map(|wanted| wanted.value.trim());
    if let Some(wanted) = wanted.filter(|wanted| *wanted != said.output.trim()) {
        differences.push(Difference::Output {
            rule: rule(),
            expected: wanted.to_owned(),
            actual: said.output.clone(),
        });
    }
    for part in &expected.contains {
        if !said.output.contains(part.text.trim_end_matches('\n')) {
            differences.push(Difference::Lacks {
                rule: rule(),
                expected: part.text.clone(),
                actual: said.output.clone(),
            });
        }
    }
    differences
}
