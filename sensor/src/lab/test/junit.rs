//! Tests that were run in, the XML that CI systems read of tests out.
//!
//! One `testsuite` for each file. Every character in it is one that XML 1.0
//! allows: others are shown as their escapes.

use std::fmt::Write;

use super::Test;
use super::lines::Lines;
use super::report;
use super::run::{Done, Outcome};

/// The whole document.
pub fn document(all: &[Done]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let tests: Vec<_> = all.iter().flat_map(Done::tests).collect();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(out, "<testsuites name=\"sensor test\" {}>", sums(&tests));
    for suite in tests.chunk_by(|(a, _), (b, _)| a.place.file.name == b.place.file.name) {
        of_file(suite, &mut out);
    }
    out.push_str("</testsuites>\n");
    out
}

fn of_file(tests: &[(&Test, &Outcome)], out: &mut String) {
    let Some((first, _)) = tests.first() else {
        return;
    };
    let mut lines = Lines::default();
    let file = attribute(&first.place.file.name);
    let _ = writeln!(out, "  <testsuite name=\"{file}\" {}>", sums(tests));
    for (test, outcome) in tests {
        let (line, _) = lines.of(&test.place);
        let _ = write!(
            out,
            "    <testcase name=\"{}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\" time=\"{:.6}\"",
            attribute(&test.name),
            outcome.took.as_secs_f64()
        );
        if outcome.passed() {
            out.push_str("/>\n");
            continue;
        }
        let text = report::differences(outcome);
        let first = text.lines().next().unwrap_or_default().trim();
        let _ = writeln!(
            out,
            ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
            attribute(first),
            content(&text)
        );
    }
    out.push_str("  </testsuite>\n");
}

fn sums(tests: &[(&Test, &Outcome)]) -> String {
    let failed = tests
        .iter()
        .filter(|(_, outcome)| !outcome.passed())
        .count();
    let seconds: f64 = tests
        .iter()
        .map(|(_, outcome)| outcome.took.as_secs_f64())
        .sum();
    format!(
        "tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\" time=\"{seconds:.6}\"",
        tests.len()
    )
}

/// Text between tags.
fn content(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            // `]]>` must not stand in text.
            '>' => out.push_str("&gt;"),
            '\n' | '\t' => out.push(c),
            c if is_xml(c) => out.push(c),
            c => out.extend(c.escape_default()),
        }
    }
    out
}

/// Text in double quotes.
fn attribute(text: &str) -> String {
    content(text)
        .replace('"', "&quot;")
        .replace('\n', "&#10;")
        .replace('\t', "&#9;")
}

fn is_xml(c: char) -> bool {
    matches!(c, '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_text_of_xml() {
        for (text, want) in [
            ("a<b>&\"c\"", "a&lt;b&gt;&amp;&quot;c&quot;"),
            ("a\u{0}\u{1b}[2J\u{ffff}", "a\\u{0}\\u{1b}[2J\\u{ffff}"),
            ("a\nb\tc\rd", "a&#10;b&#9;c\\rd"),
            ("ä😀", "ä😀"),
        ] {
            assert_eq!(attribute(text), want, "{text:?}");
        }
        assert_eq!(content("a]]>\"\n"), "a]]&gt;\"\n");
    }
}
