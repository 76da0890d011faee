//! Tests that were run in, what a person reads of them out: a line for each
//! file, under it what failed and why, what is not covered, and the sum.
//!
//! Colours are in it; what prints it takes them out where nobody would see
//! them. What comes from tests and rules is made safe to show.

use std::fmt::Write;

use anstyle::{AnsiColor, Color, Style};

use super::Test;
use super::coverage::{Coverage, Gap, RuleCoverage, Share};
use super::diff::{self, Piece};
use super::lines::Lines;
use super::run::{Difference, Done, Outcome, Reason};
use crate::diagnostic::escape;
use crate::lab::tree;

const GOOD: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Green)));
const BAD: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Red)));
const STRONG: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
/// Words that are there and should not be, or the other way round.
const GONE: Style = BAD.strikethrough();
const NEW: Style = GOOD.underline();

/// What became of all tests, file by file; ends with the sum.
pub fn text(all: &[Done]) -> String {
    let mut out = String::new();
    for done in all {
        let tests: Vec<_> = done.tests().collect();
        for of_file in tests.chunk_by(|(a, _), (b, _)| a.place.file.name == b.place.file.name) {
            file(of_file, &mut out);
        }
    }
    out.push_str(&sum(all));
    out
}

// Writing to a string cannot fail, here and below.
fn file(tests: &[(&Test, &Outcome)], out: &mut String) {
    let Some((first, _)) = tests.first() else {
        return;
    };
    let mut lines = Lines::default();
    let name = escape(&first.place.file.name);
    let failed = tests
        .iter()
        .filter(|(_, outcome)| !outcome.passed())
        .count();
    let total = tests.len();
    if failed == 0 {
        let _ = writeln!(
            out,
            "{GOOD}ok{GOOD:#}     {name}  {DIM}{total} passed{DIM:#}"
        );
        return;
    }
    let _ = writeln!(out, "{BAD}FAILED{BAD:#} {name}  {failed} of {total}");
    for (test, outcome) in tests.iter().filter(|(_, outcome)| !outcome.passed()) {
        let (line, column) = lines.of(&test.place);
        let _ = writeln!(
            out,
            "\n  {STRONG}{}{STRONG:#}  {DIM}{name}:{line}:{column}{DIM:#}",
            escape(&test.name)
        );
        for difference in &outcome.differences {
            show(difference, out);
        }
    }
    out.push('\n');
}

/// What failed in one test, without colours.
pub fn differences(outcome: &Outcome) -> String {
    let mut out = String::new();
    for difference in &outcome.differences {
        show(difference, &mut out);
    }
    anstream::adapter::strip_str(&out).to_string()
}

fn show(difference: &Difference, out: &mut String) {
    let _ = match difference {
        Difference::Unusable { message } => {
            writeln!(out, "    {BAD}!{BAD:#} {}", escape(message))
        }
        Difference::Missing { rule, because } => {
            let _ = writeln!(
                out,
                "    {BAD}-{BAD:#} {STRONG}{}{STRONG:#} should be true and is not, because",
                escape(rule)
            );
            reasons(because, out);
            Ok(())
        }
        Difference::Unexpected { rule, because } => {
            let _ = writeln!(
                out,
                "    {BAD}+{BAD:#} {STRONG}{}{STRONG:#} is true and should not be, because",
                escape(rule)
            );
            reasons(because, out);
            Ok(())
        }
        Difference::Priority {
            rule,
            expected,
            actual,
        } => writeln!(
            out,
            "    {BAD}~{BAD:#} {STRONG}{}{STRONG:#} has priority {NEW}{}{NEW:#}, not {GONE}{}{GONE:#}",
            escape(rule),
            actual.name(),
            expected.name()
        ),
        Difference::Output {
            rule,
            expected,
            actual,
        } => writeln!(
            out,
            "    {BAD}~{BAD:#} {STRONG}{}{STRONG:#} says\n        {}",
            escape(rule),
            marked(expected, actual)
        ),
        Difference::Lacks {
            rule,
            expected,
            actual,
        } => writeln!(
            out,
            "    {BAD}~{BAD:#} {STRONG}{}{STRONG:#} says\n        {}\n      which has no\n        {GONE}{}{GONE:#}",
            escape(rule),
            escape(actual),
            escape(expected)
        ),
    };
}

fn reasons(reasons: &[Reason], out: &mut String) {
    for reason in reasons {
        if reason.place.is_empty() {
            let _ = writeln!(out, "        {}", escape(&reason.text));
            continue;
        }
        let (truth, style) = if reason.holds {
            ("true ", GOOD)
        } else {
            ("false", BAD)
        };
        let _ = writeln!(
            out,
            "        {style}{truth}{style:#}  {}{}  {DIM}{}{DIM:#}",
            tree::shortened(&reason.text),
            tree::values(&reason.values),
            reason.place
        );
    }
}

/// The expected text with what is not there struck out and what is there
/// instead underlined; in brackets as well, for where there are no colours.
fn marked(expected: &str, actual: &str) -> String {
    let pieces = diff::words(expected, actual).into_iter();
    pieces
        .map(|piece| match piece {
            Piece::Same(text) => escape(&text).into_owned(),
            Piece::Gone(text) => format!("{GONE}[-{}-]{GONE:#}", escape(&text)),
            Piece::New(text) => format!("{NEW}{{+{}+}}{NEW:#}", escape(&text)),
        })
        .collect()
}

/// How many passed and failed, in how much time.
fn sum(all: &[Done]) -> String {
    let outcomes = || all.iter().flat_map(|done| &done.outcomes);
    let passed = outcomes().filter(|outcome| outcome.passed()).count();
    let failed = outcomes().count() - passed;
    let rules: usize = all.iter().map(|done| done.suite.rules.rules.len()).sum();
    let (word, style) = match failed {
        0 => ("ok", GOOD),
        _ => ("failed", BAD),
    };
    format!("{style}{word}{style:#}: {passed} passed, {failed} failed, of {rules} rule(s)\n")
}

/// What the tests cover: the shares, rules no test fires or misses narrowly,
/// and, where branches were counted, every comparison of which one is open.
pub fn coverage(all: &[Done]) -> String {
    let mut out = String::new();
    for done in all {
        for rule in &done.coverage.rules {
            of_rule(rule, &mut out);
        }
    }
    let total = |share: fn(&Coverage) -> Share| -> Share {
        all.iter().map(|done| share(&done.coverage)).sum()
    };
    let _ = writeln!(out, "rules fired:    {}", shown(total(Coverage::fired)));
    let _ = writeln!(out, "branches taken: {}", shown(total(Coverage::branches)));
    out
}

fn shown(share: Share) -> String {
    let Share { covered, total } = share;
    format!("{covered} of {total} ({:.1} %)", share.percent())
}

fn of_rule(rule: &RuleCoverage, out: &mut String) {
    let name = escape(&rule.rule.name);
    let gaps: Vec<Gap<'_>> = rule.gaps().collect();
    if let Some(lack) = lack(rule) {
        let _ = writeln!(out, "{STRONG}{name}{STRONG:#}: {BAD}{lack}{BAD:#}");
    } else if !gaps.is_empty() {
        let _ = writeln!(out, "{STRONG}{name}{STRONG:#}: {}", shown(rule.share()));
    }
    // Of a rule that no test reaches every line would say the same.
    if rule.fired == 0 && rule.near_misses == 0 {
        return;
    }
    for gap in gaps {
        let place = gap
            .place
            .map_or_else(String::new, |place| place.to_string());
        let never = match (gap.branches.seen_true, gap.branches.seen_false) {
            (0, 0) => "never asked",
            (0, _) => "never true",
            _ => "never false",
        };
        let text = tree::shortened(gap.text);
        let _ = writeln!(out, "  {never:<11}  {text}  {DIM}{place}{DIM:#}");
    }
}

/// What a rule lacks that every rule should have.
pub fn lack(rule: &RuleCoverage) -> Option<&'static str> {
    match (rule.fired, rule.near_misses) {
        (0, 0) => Some("no test fires it, none misses it narrowly"),
        (0, _) => Some("no test fires it"),
        (_, 0) => Some("no near miss"),
        _ => None,
    }
}
