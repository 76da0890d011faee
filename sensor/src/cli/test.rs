//! `sensor test`: unit tests of rules, on the engine that runs them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value as Json, json};

use super::{ERROR, EXIT_INPUT, EXIT_OK, Failure, GOOD};
use crate::detect::rules::LoadOptions;
use crate::diagnostic::{Diagnostic, Severity, escape};
use crate::lab::test::coverage::{Coverage, Share};
use crate::lab::test::run::Done;
use crate::lab::test::suite::{self, Suite};
use crate::lab::test::{find, json as shape, junit, report, update};

/// Flags of `sensor test`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor test                        the rules in rules/, told by what is in rules/ and tests/
  sensor test rules/ --strict        every rule needs a test that fires it and a near miss
  sensor test ssh.test.yaml          one file, about the rules beside it
  sensor test tests/ -r my-rules/    tests about rules that are elsewhere
  sensor test --coverage --min-coverage 80
  sensor test --junit report.xml     what a CI system reads

A test, in NAME.test.yaml beside the rules (`sensor run -r DIRECTORY` passes over it):
  - test: cat prints the password hashes
    event: {evt.type: openat, fd.num: 3, fd.name: /etc/shadow, proc.name: cat}
    expect: Password hashes read       # or none, or a list, or {rule, priority, output}
  - test: sshd reads them at every login
    like: cat prints the password hashes
    event: {proc.name: sshd}           # the event above, with this change
    expect: none

Exactly the expected rules must be true. Stories on Markdown pages and under a rule's
`story` are tests, too; docs/rules.md describes all three. Exit code 0 when all tests
pass, 1 when one fails or cannot be read, 2 when a report cannot be written.")]
pub struct Args {
    /// Files of tests, pages of stories, rules with stories, or directories of them
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Rule file or directory to test, in place of those near the tests; may be repeated
    #[arg(short, long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Only tests whose name has this text in it, in any letter case
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Write what the rules really say into the YAML files of tests that fail
    #[arg(long)]
    update: bool,
    /// Fail on a rule without a test that fires it or without a near miss
    #[arg(long)]
    strict: bool,
    /// Show which rules and which branches of conditions the tests cover
    #[arg(long)]
    coverage: bool,
    /// Write the coverage as JSON
    #[arg(long, value_name = "FILE")]
    coverage_out: Option<PathBuf>,
    /// Fail when fewer branches than this are covered, in per cent
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    min_coverage: Option<f64>,
    /// Write a report in the XML of `JUnit`
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// How to print the results
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
}

fn percent(word: &str) -> Result<f64, String> {
    let number = word.trim_end_matches('%').parse().ok();
    let inside = number.filter(|number| (0.0..=100.0).contains(number));
    inside.ok_or_else(|| "a number from 0 to 100".to_owned())
}

/// Finds, reads and runs the tests.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let branches = args.coverage || args.coverage_out.is_some() || args.min_coverage.is_some();
    let suites = suites(args)?;
    let done: Vec<Done> = suites
        .into_iter()
        .map(|suite| Done::run(suite, branches))
        .collect();
    write_reports(args, &done)?;
    match args.format {
        Format::Json => print_json(args, &done),
        Format::Text => print_text(args, &done),
    }
    if args.update {
        return updated(&done);
    }
    let failed = done
        .iter()
        .flat_map(|done| &done.outcomes)
        .any(|outcome| !outcome.passed());
    let lacking = args.strict && !lacking(&done).is_empty();
    let uncovered = args
        .min_coverage
        .is_some_and(|least| covered(&done) < least);
    Ok(if failed || lacking || uncovered {
        EXIT_INPUT
    } else {
        EXIT_OK
    })
}

/// The tests that were asked for, with their rules.
fn suites(args: &Args) -> Result<Vec<Suite>, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let options = LoadOptions {
        today: Some(super::run::today()),
        ..LoadOptions::default()
    };
    let groups = find::find(&args.paths, &args.rules, &mut found);
    let suites = groups.into_iter();
    let mut suites: Vec<Suite> = suites
        .filter_map(|group| suite::load(group, &options, &mut found))
        .collect();
    if let Some(word) = &args.filter {
        let word = word.to_lowercase();
        for suite in &mut suites {
            let tests = &mut suite.tests;
            tests.retain(|test| test.name.to_lowercase().contains(&word));
        }
    }
    if found
        .iter()
        .any(|mistake| mistake.severity == Severity::Error)
    {
        return Err(found);
    }
    if suites.iter().all(|suite| suite.tests.is_empty()) && !args.strict {
        let nothing = match &args.filter {
            Some(word) => format!("no test has `{word}` in its name"),
            None => "there are no tests here".to_owned(),
        };
        let help = "tests are in NAME.test.yaml beside the rules; see `sensor test --help`";
        return Err(vec![Diagnostic::error("TEST_NONE", nothing).help(help)]);
    }
    super::show(&found);
    Ok(suites)
}

fn write_reports(args: &Args, done: &[Done]) -> anyhow::Result<()> {
    if let Some(path) = &args.junit {
        write(path, &junit::document(done))?;
    }
    if let Some(path) = &args.coverage_out {
        write(path, &format!("{:#}\n", shape::coverage(done)))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn print_json(args: &Args, done: &[Done]) {
    let mut object = shape::results(done);
    if args.coverage {
        object.insert("coverage".to_owned(), shape::coverage(done));
    }
    if args.strict {
        let lacking = lacking(done).into_iter();
        let lacking = lacking.map(|(rule, lack)| json!({"rule": rule, "lacks": lack}));
        object.insert("lacking".to_owned(), lacking.collect());
    }
    anstream::println!("{:#}", Json::Object(object));
}

fn print_text(args: &Args, done: &[Done]) {
    if args.coverage {
        anstream::print!("{}\n", report::coverage(done));
    }
    anstream::print!("{}", report::text(done));
    if args.strict {
        for (rule, lack) in lacking(done) {
            anstream::println!("{ERROR}lacking{ERROR:#}: {}: {lack}", escape(&rule));
        }
    }
    if let Some(least) = args.min_coverage {
        let covered = covered(done);
        let (word, style) = if covered < least {
            ("too few", ERROR)
        } else {
            ("ok", GOOD)
        };
        anstream::println!(
            "{style}{word}{style:#}: {covered:.1} % of the branches are covered, {least} % are asked for"
        );
    }
}

/// Rules that lack a test of one of the two kinds every rule should have.
fn lacking(done: &[Done]) -> Vec<(String, &'static str)> {
    let rules = done.iter().flat_map(|done| &done.coverage.rules);
    rules
        .filter_map(|rule| Some((rule.rule.name.to_string(), report::lack(rule)?)))
        .collect()
}

/// Branches that were taken, in per cent.
fn covered(done: &[Done]) -> f64 {
    let shares = done.iter().map(|done| Coverage::branches(&done.coverage));
    shares.sum::<Share>().percent()
}

fn updated(done: &[Done]) -> Result<u8, Failure> {
    let updated = update::update(done).context("cannot update the tests")?;
    for file in &updated.files {
        anstream::println!("{GOOD}updated{GOOD:#}: {}", escape(file));
    }
    if updated.left > 0 {
        anstream::println!(
            "{ERROR}left{ERROR:#}: {} test(s) that only you can change",
            updated.left
        );
        return Ok(EXIT_INPUT);
    }
    Ok(EXIT_OK)
}
