//! Tests that were run in, one JSON value for programs out.
//!
//! `sensor test --format json` prints all of it, `--coverage-out` writes the
//! part about coverage.

use serde_json::{Map, Value as Json, json};

use super::coverage::{Coverage, RuleCoverage, Share};
use super::lines::Lines;
use super::run::Done;
use crate::diagnostic::Place;

/// Every test with what became of it, and the sums.
pub fn results(all: &[Done]) -> Map<String, Json> {
    let mut lines = Lines::default();
    let tests = all.iter().flat_map(Done::tests).map(|(test, outcome)| {
        let expected = test.expect.rules.iter().map(|rule| &rule.rule.text);
        json!({
            "name": test.name,
            "place": place(&test.place, &mut lines),
            "passed": outcome.passed(),
            "expected": expected.collect::<Vec<_>>(),
            "alerts": outcome.alerts,
            "differences": outcome.differences,
            "seconds": outcome.took.as_secs_f64(),
        })
    });
    let tests: Vec<Json> = tests.collect();
    let outcomes = all.iter().flat_map(|done| &done.outcomes);
    let passed = outcomes.filter(|outcome| outcome.passed()).count();
    Map::from_iter([
        ("passed".to_owned(), passed.into()),
        ("failed".to_owned(), (tests.len() - passed).into()),
        ("tests".to_owned(), tests.into()),
    ])
}

/// What the tests cover, rule by rule, comparison by comparison.
pub fn coverage(all: &[Done]) -> Json {
    let rules = all.iter().flat_map(|done| &done.coverage.rules).map(rule);
    let sum = |share: fn(&Coverage) -> Share| {
        let sum: Share = all.iter().map(|done| share(&done.coverage)).sum();
        json!({"covered": sum.covered, "total": sum.total, "percent": sum.percent()})
    };
    json!({
        "rules_fired": sum(Coverage::fired),
        "branches_taken": sum(Coverage::branches),
        "rules": rules.collect::<Vec<_>>(),
    })
}

fn rule(rule: &RuleCoverage) -> Json {
    let mut lines = Lines::default();
    let comparisons = rule.comparisons().map(|gap| {
        json!({
            "text": gap.text,
            "place": gap.place.as_ref().map(|at| place(at, &mut lines)),
            "true": gap.branches.seen_true,
            "false": gap.branches.seen_false,
        })
    });
    json!({
        "rule": *rule.rule.name,
        "fired": rule.fired,
        "near_misses": rule.near_misses,
        "branches": rule.share(),
        "comparisons": comparisons.collect::<Vec<_>>(),
    })
}

fn place(place: &Place, lines: &mut Lines) -> Json {
    let (line, column) = lines.of(place);
    json!({"file": place.file.name, "line": line, "column": column})
}
