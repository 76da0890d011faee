//! Tests and rules in, what became of each test out, in the order of the tests.
//!
//! Every rule is asked, whether or not an earlier one is true: what the engine
//! does under `rule_matching: all`. Tests run on all cores; nothing of the
//! result but the time it took depends on which ran where.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value as Json;

use super::coverage::Coverage;
use super::suite::Suite;
use super::{ExpectedRule, Test};
use crate::alert::{AlertOptions, Composer, Occurrence, Priority};
use crate::detect::engine::{Engine, Matching};
use crate::detect::rules::{Rule, RuleSet};
use crate::detect::trace::{Anatomy, Asked};
use crate::enrich::host::Host;
use crate::events::{self, EventCode};
use crate::fields::given::Given;

/// A reason has no more comparisons than this.
const MOST_REASONS: usize = 8;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
        let mut outcome = match prepared(test) {
            Ok((code, event)) => {
                if let Some(coverage) = &mut coverage {
                    coverage.see(test, code, &event);
                }
                judged(test, rules, &said(engine, code, &event), (code, &event))
            }
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

/// The event of a test as rules see it.
fn prepared(test: &Test) -> Result<(EventCode, Given), String> {
    let name = test.event.get("evt.type").and_then(Json::as_str);
    let code = name.and_then(events::by_name).ok_or(
        "the event has no `evt.type`, so no rule is asked; `sensor events` lists all types",
    )?;
    let event = Given::from_json(&Json::Object(test.event.clone()))?;
    Ok((code, event))
}

/// Rules that are true, with their alerts.
fn said(engine: &Engine, code: EventCode, event: &Given) -> Vec<(Arc<Rule>, Said)> {
    let host = Host {
        name: "host".to_owned(),
        ..Host::default()
    };
    let composer = Composer::new(&host, AlertOptions::default()).in_zone(TimeZone::UTC);
    let occurrence = Occurrence {
        number: 1,
        time_ns: event.time_ns(),
        ..Occurrence::default()
    };
    let mut all = Vec::new();
    engine.evaluate(code, event, |rule| {
        let alert = composer.compose_from(rule, event, &occurrence);
        let said = Said {
            rule: alert.rule.to_string(),
            priority: alert.priority,
            output: alert.message,
        };
        all.push((Arc::clone(rule), said));
    });
    all
}

/// Holds what the rules said against what the test says.
fn judged(
    test: &Test,
    rules: &RuleSet,
    said: &[(Arc<Rule>, Said)],
    (code, event): (EventCode, &Given),
) -> Outcome {
    let mut differences = Vec::new();
    for expected in &test.expect.rules {
        let name = &expected.rule.text;
        match said.iter().find(|(_, said)| said.rule == *name) {
            Some((_, said)) => compare(expected, said, &mut differences),
            None => differences.push(Difference::Missing {
                rule: name.clone(),
                because: rules
                    .rules
                    .iter()
                    .find(|rule| *rule.name == **name)
                    .map_or_else(Vec::new, |rule| why_not(rule, code, event)),
            }),
        }
    }
    let expected = |said: &Said| {
        let mut rules = test.expect.rules.iter();
        rules.any(|expected| expected.rule.text == said.rule)
    };
    let unexpected = said.iter().filter(|(_, said)| !expected(said));
    differences.extend(unexpected.map(|(rule, said)| Difference::Unexpected {
        rule: said.rule.clone(),
        because: reasons(rule, event),
    }));
    Outcome {
        alerts: said.iter().map(|(_, said)| said.clone()).collect(),
        differences,
        took: Duration::ZERO,
    }
}

fn compare(expected: &ExpectedRule, said: &Said, differences: &mut Vec<Difference>) {
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
}

/// Why a rule is not true for an event.
fn why_not(rule: &Rule, code: EventCode, event: &Given) -> Vec<Reason> {
    if rule.events.contains(code) {
        return reasons(rule, event);
    }
    let row = events::rows().get(usize::from(code.0));
    let name = row.map_or("this event", |row| row.name);
    vec![Reason {
        text: format!("its condition names event types, and {name} is none of them"),
        holds: false,
        place: String::new(),
        values: Vec::new(),
    }]
}

/// The comparisons that made the condition what it is for this event.
fn reasons(rule: &Rule, event: &Given) -> Vec<Reason> {
    let Ok(anatomy) = Anatomy::new(&rule.tree) else {
        return Vec::new();
    };
    let trace = anatomy.trace(event);
    let parts = anatomy.leaves().zip(
        anatomy
            .leaves()
            .filter_map(|(number, _)| trace.parts.get(number)),
    );
    let deciding = parts.filter(|(_, seen)| seen.deciding);
    let reasons = deciding.map(|((_, part), seen)| Reason {
        text: part.text.clone(),
        holds: seen.holds,
        place: rule
            .written
            .place(&part.within, part.span)
            .map_or_else(String::new, |place| place.to_string()),
        values: seen.values.clone(),
    });
    reasons.take(MOST_REASONS).collect()
}
