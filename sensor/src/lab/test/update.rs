//! Tests that failed in, their files with what the rules really said out.
//!
//! Only the bytes of values that are wrong are replaced: comments, order and
//! layout stay. What a story says follows from its form, and a text that an
//! output should contain has no replacement; such tests stay as they are.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::run::{Difference, Done, Outcome, Said};
use super::{ExpectedRule, Test};
use crate::diagnostic::{Place, SourceFile};
use crate::yaml;

/// What became of the files.
#[derive(Debug, Default)]
pub struct Updated {
    /// The files that were written.
    pub files: Vec<String>,
    /// Tests that are as they were, though they failed.
    pub left: usize,
}

/// A stretch of a file and what is to stand there instead.
type Edit = (Range<usize>, String);

/// Rewrites the files of the tests that failed.
///
/// # Errors
/// A file cannot be read or written, or has changed since it was read.
pub fn update(all: &[Done]) -> io::Result<Updated> {
    let mut edits: BTreeMap<String, (Arc<SourceFile>, Vec<Edit>)> = BTreeMap::new();
    let mut updated = Updated::default();
    for (test, outcome) in all.iter().flat_map(Done::tests) {
        if outcome.passed() {
            continue;
        }
        let wanted = of_test(test, outcome);
        if wanted.is_empty() {
            updated.left += 1;
            continue;
        }
        let file = &test.place.file;
        edits
            .entry(file.name.clone())
            .or_insert_with(|| (Arc::clone(file), Vec::new()))
            .1
            .extend(wanted);
    }
    for (name, (file, edits)) in edits {
        write(Path::new(&name), &file, edits)?;
        updated.files.push(name);
    }
    Ok(updated)
}

fn write(path: &Path, file: &SourceFile, edits: Vec<Edit>) -> io::Result<()> {
    if yaml::read(path)? != file.text.as_bytes() {
        let message = format!("{} has changed since it was read", path.display());
        return Err(io::Error::other(message));
    }
    let text = applied(&file.text, edits);
    // Never leave a file behind that could not be read again.
    if yaml::parse(&SourceFile::new(file.name.clone(), text.clone())).is_err() {
        let message = format!("cannot update {}; do it by hand", path.display());
        return Err(io::Error::other(message));
    }
    std::fs::write(path, text)
}

/// The text with the edits made. Of two that overlap the first is made.
fn applied(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (range, new) in edits {
        let Some(before) = text.get(at..range.start) else {
            continue;
        };
        out.push_str(before);
        out.push_str(&new);
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// What to write for a test, so that it passes.
fn of_test(test: &Test, outcome: &Outcome) -> Vec<Edit> {
    let is_other_rule = |difference: &Difference| {
        matches!(
            difference,
            Difference::Missing { .. } | Difference::Unexpected { .. }
        )
    };
    let others = outcome.differences.iter().any(is_other_rule);
    let alerts = &outcome.alerts;
    let written = test.expect.written.as_ref().filter(|_| others);
    match (written, dashes(test)) {
        (None, _) => values(test, outcome),
        (Some(place), Some(indent)) => {
            let mut edits = block(test, place, indent, alerts);
            edits.extend(values(test, outcome));
            edits
        }
        (Some(place), None) => vec![(place.range.clone(), flow(test, alerts))],
    }
}

/// New priorities and outputs in the place of wrong ones.
fn values(test: &Test, outcome: &Outcome) -> Vec<Edit> {
    let expected = |rule: &str| {
        let mut rules = test.expect.rules.iter();
        rules.find(|expected| expected.rule.text == rule)
    };
    let edits = outcome.differences.iter().filter_map(|difference| {
        let (place, new) = match difference {
            Difference::Priority { rule, actual, .. } => {
                let place = &expected(rule)?.priority.as_ref()?.place;
                (place, in_case_of(place, actual.name()))
            }
            Difference::Output { rule, actual, .. } => {
                (&expected(rule)?.output.as_ref()?.place, quoted(actual))
            }
            _ => return None,
        };
        Some((place.range.clone(), new))
    });
    edits.collect()
}

/// The blanks before the dashes, when every entry has a line of its own.
fn dashes(test: &Test) -> Option<&str> {
    let entry = &test.expect.rules.first()?.entry;
    let line = entry.file.text.get(..entry.range.start)?;
    let line = line.get(line_start(line, line.len())..)?;
    let (indent, dash) = line.split_at(line.len() - line.trim_start().len());
    (dash.trim_end() == "-").then_some(indent)
}

/// Where the line of a byte starts.
fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.rfind('\n').map_or(0, |newline| newline + 1)
}

/// The lines of entries that are no longer right go; those of new ones come
/// behind the last.
fn block(test: &Test, written: &Place, indent: &str, alerts: &[Said]) -> Vec<Edit> {
    let whole = &written.file.text;
    let end = written.range.end;
    let rest = whole.get(end..).unwrap_or_default();
    let end = rest.find('\n').map_or(whole.len(), |line| end + line + 1);
    let rules = &test.expect.rules;
    let starts = rules
        .iter()
        .map(|rule| line_start(whole, rule.entry.range.start));
    let first = starts.clone().next().unwrap_or(end);
    let ends = starts.clone().skip(1).chain([end]);
    let gone = rules
        .iter()
        .zip(starts.zip(ends))
        .filter(|(rule, _)| !alerts.iter().any(|said| said.rule == rule.rule.text));
    let mut edits: Vec<Edit> = gone
        .map(|(_, (start, end))| (start..end, String::new()))
        .collect();
    let mut new = String::new();
    for said in added(test, alerts) {
        new.extend([indent, "- ", &scalar(&said.rule), "\n"]);
    }
    if edits.len() == rules.len() && new.is_empty() {
        // Deeper than the key, wherever the dashes stood.
        return vec![(first..end, format!("{indent}  none\n"))];
    }
    let last_stays = edits.last().is_none_or(|(range, _)| range.end < end);
    let ends_line = whole.get(..end).unwrap_or_default().ends_with('\n');
    if !new.is_empty() && last_stays && !ends_line {
        new.insert(0, '\n');
    }
    edits.push((end..end, new));
    edits
}

/// The whole value on one line.
fn flow(test: &Test, alerts: &[Said]) -> String {
    let rules = test.expect.rules.iter();
    let kept = rules.filter(|rule| alerts.iter().any(|said| said.rule == rule.rule.text));
    let entries: Vec<String> = kept
        .map(|rule| entry(rule, alerts))
        .chain(added(test, alerts).map(|said| scalar(&said.rule)))
        .collect();
    match entries.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

/// An entry that stays, with what its alert really is.
fn entry(expected: &ExpectedRule, alerts: &[Said]) -> String {
    let name = scalar(&expected.rule.text);
    let said = alerts.iter().find(|said| said.rule == expected.rule.text);
    let mut keys = Vec::new();
    if let (Some(_), Some(said)) = (&expected.priority, said) {
        keys.push(format!("priority: {}", said.priority.name()));
    }
    if let (Some(_), Some(said)) = (&expected.output, said) {
        keys.push(format!("output: {}", quoted(&said.output)));
    }
    if !expected.contains.is_empty() {
        let texts = expected.contains.iter().map(|said| quoted(&said.text));
        let texts: Vec<String> = texts.collect();
        keys.push(format!("output_contains: [{}]", texts.join(", ")));
    }
    if keys.is_empty() {
        return name;
    }
    format!("{{rule: {name}, {}}}", keys.join(", "))
}

/// The alerts that the test does not expect.
fn added<'a>(test: &'a Test, alerts: &'a [Said]) -> impl Iterator<Item = &'a Said> {
    alerts.iter().filter(|said| {
        let mut rules = test.expect.rules.iter();
        !rules.any(|rule| rule.rule.text == said.rule)
    })
}

/// A word in the letter case that the place has.
fn in_case_of(place: &Place, word: &str) -> String {
    let old = place.file.text.get(place.range.clone()).unwrap_or_default();
    if old.chars().any(char::is_lowercase) {
        let upper = old.starts_with(char::is_uppercase);
        return if upper {
            word.to_owned()
        } else {
            word.to_ascii_lowercase()
        };
    }
    word.to_ascii_uppercase()
}

/// A name as YAML reads it back, in quotes only where it needs them.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || " _/.()+-".contains(c))
        && !["none", "null", "true", "false", "yes", "no", "on", "off"]
            .contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { quoted(text) }
}

/// A text in double quotes: what JSON reads, YAML reads.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::rules::{LoadOptions, load_texts};
    use crate::lab::test::file;
    use crate::lab::test::run::run;

    /// Rules `A`, true for process 1, and `B`, for processes 1 and 2.
    const RULES: &str = "
- {rule: A, desc: d, condition: evt.type = open and proc.pid = 1, output: a %proc.name, priority: notice}
- {rule: B, desc: d, condition: evt.type = open and proc.pid <= 2, output: b, priority: notice}
";

    /// The text of a file of tests after it is updated. Then all must pass.
    fn updated(text: &str) -> String {
        let loaded = load_texts(&[("r.yaml", RULES.as_bytes())], &LoadOptions::default());
        let rules = loaded.unwrap().rules;
        let once = |text: &str| {
            let source = SourceFile::new("t", text);
            let mut found = Vec::new();
            let tests = file::read(&source, &mut found).tests;
            assert_eq!(found, []);
            let outcomes = run(&tests, &rules, None);
            let edits = tests
                .iter()
                .zip(&outcomes)
                .filter(|(_, outcome)| !outcome.passed());
            let edits = edits.flat_map(|(test, outcome)| of_test(test, outcome));
            applied(text, edits.collect())
        };
        let new = once(text);
        assert_eq!(once(&new), new, "what was updated passes");
        new
    }

    #[test]
    fn only_what_is_wrong_is_written_anew() {
        let cases = [
            ("none # c", "[A, B] # c"),
            ("A", "[A, B]"),
            ("[A] # c", "[A, B] # c"),
            ("[] # c", "[A, B] # c"),
            ("[A, B] # right", "[A, B] # right"),
            (
                "{rule: A, priority: warning}",
                "[{rule: A, priority: Notice}, B]",
            ),
            (
                "[B, {rule: A, priority: WARNING, output: \"x\"}] # c",
                "[B, {rule: A, priority: NOTICE, output: \"a \\\"q\\\"\"}] # c",
            ),
            ("\n  - A # a\n", "\n  - A # a\n  - B\n"),
            (
                "\n    # first\n    - rule: A\n      output: >-\n        a\n        wrong\n      priority: Error # p\n    - B",
                "\n    # first\n    - rule: A\n      output: \"a \\\"q\\\"\"\n      priority: Notice # p\n    - B",
            ),
        ];
        for (old, new) in cases {
            let test = |expect| {
                format!(
                    "# top\n- test: t\n  event: {{evt.type: open, proc.pid: 1, proc.name: '\"q\"'}}\n  expect: {expect}\n# end\n"
                )
            };
            assert_eq!(updated(&test(old)), test(new));
        }
    }

    #[test]
    fn rules_that_are_silent_go() {
        for (pid, old, new) in [
            (2, "[A, B]", "B"),
            (3, "[A, B]", "none"),
            (3, "A", "none"),
            (2, "\n  - A # gone\n  - B # stays\n", "\n  - B # stays\n"),
            (3, "\n  - A\n  - B\n", "\n    none\n"),
            (2, "\n  - A", "\n  - B\n"),
        ] {
            let test = |expect: &str| {
                format!(
                    "- test: t\n  event: {{evt.type: open, proc.pid: {pid}}}\n  expect: {expect}"
                )
            };
            assert_eq!(updated(&test(old)), test(new));
        }
    }

    #[test]
    fn a_name_is_quoted_where_yaml_would_read_something_else() {
        for (name, want) in [
            ("A rule", "A rule"),
            ("A: rule", "\"A: rule\""),
            ("none", "\"none\""),
            ("a, b", "\"a, b\""),
            ("ends ", "\"ends \""),
            ("#1", "\"#1\""),
            ("Ä", "\"Ä\""),
        ] {
            assert_eq!(scalar(name), want);
        }
    }
}
