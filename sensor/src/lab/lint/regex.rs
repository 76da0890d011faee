//! Regular expressions that an operator says better.
//!
//! A pattern always covers the whole value. One of plain text, with `.*` at an
//! end or at both, or of alternatives of such, is a comparison the engine does
//! without a regular expression.

use super::unit::{self, Unit};
use super::{Lint, warning};
use crate::detect::syntax::{Comparison, Op, Right};
use crate::diagnostic::Diagnostic;

/// Looks at the regular expressions of one condition.
pub(super) fn look(unit: &Unit<'_>, found: &mut Vec<Diagnostic>) {
    unit::checks(unit.tree, &mut |check, _, _| {
        let Comparison::One(Op::Regex, Right::Literal(literal)) = &check.comparison else {
            return;
        };
        let Ok(pattern) = std::str::from_utf8(&literal.bytes) else {
            return;
        };
        if let Some(better) = better(pattern) {
            let finding = warning(
                Lint::Regex,
                format!("`{pattern}` needs no regular expression"),
            );
            let finding = finding.help(format!("write `{} {better}`", check.left));
            found.push(unit.at(finding, literal.span));
        }
    });
}

/// Operator and value that say the same as a pattern.
fn better(pattern: &str) -> Option<String> {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let pattern = match pattern.strip_suffix('$') {
        Some(rest) if !rest.ends_with('\\') => rest,
        _ => pattern,
    };
    let (before, inner) = match pattern.strip_prefix(".*") {
        Some(inner) => (true, inner),
        None => (false, pattern),
    };
    let (after, inner) = match inner.strip_suffix(".*") {
        Some(inner) if !inner.ends_with('\\') => (true, inner),
        _ => (false, inner),
    };
    // Without a group an alternative would take only one of the ends with it.
    if (before || after) && !inner.contains('(') && inner.contains('|') {
        return None;
    }
    let texts = alternatives(inner)?;
    let operator = match (before, after) {
        (false, false) => "=",
        (true, true) => "contains",
        (false, true) => "startswith",
        (true, false) => "endswith",
    };
    let mut values: Vec<String> = texts.iter().map(|text| value(text)).collect();
    if values.len() == 1 {
        return Some(format!("{operator} {}", values.swap_remove(0)));
    }
    let values = values.join(", ");
    Some(match operator {
        "=" => format!("in ({values})"),
        operator => format!("{operator} anyof ({values})"),
    })
}

/// The texts a pattern stands for: `a|b`, or `x(a|b)y` with plain texts around
/// one group.
fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let Some((head, rest)) = pattern.split_once('(') else {
        return pattern.split('|').map(plain).collect();
    };
    let (group, tail) = rest.split_once(')')?;
    let around = |text: &str| match text {
        "" => Some(String::new()),
        text => plain(text),
    };
    let (head, tail) = (around(head)?, around(tail)?);
    let texts = group.split('|').map(plain);
    texts
        .map(|text| text.map(|text| format!("{head}{text}{tail}")))
        .collect()
}

/// The text a pattern stands for, if it stands for one only.
fn plain(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().filter(char::is_ascii_punctuation)?),
            '.' | '*' | '+' | '?' | '[' | ']' | '{' | '}' | '(' | ')' | '^' | '$' | '|' => {
                return None;
            }
            c => out.push(c),
        }
    }
    (!out.is_empty()).then_some(out)
}

/// A text as a value of a condition.
fn value(text: &str) -> String {
    let bare = !text.contains(|c: char| c.is_whitespace() || "()\"'=,".contains(c));
    if bare {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::better;

    #[test]
    fn simple_patterns_have_an_operator() {
        for (pattern, want) in [
            ("abc", Some("= abc")),
            ("^abc$", Some("= abc")),
            (".*abc.*", Some("contains abc")),
            ("/etc/.*", Some("startswith /etc/")),
            (".*\\.log", Some("endswith .log")),
            ("(a|b c)", Some("in (a, \"b c\")")),
            ("a|b", Some("in (a, b)")),
            (".*(a|b).*", Some("contains anyof (a, b)")),
            (".*a|b.*", None),
            ("/etc/(shadow|g\\.s)", Some("in (/etc/shadow, /etc/g.s)")),
            (".*/(a|b)\\.so", Some("endswith anyof (/a.so, /b.so)")),
            ("a\\(b|c\\)", None),
            ("(a)(b)", None),
            ("(a)+", None),
            ("a|(b)", None),
            ("a.c", None),
            ("a+", None),
            ("[ab]", None),
            ("a\\d", None),
            (".*", None),
            ("", None),
            ("abc\\.*", None),
        ] {
            assert_eq!(better(pattern).as_deref(), want, "{pattern}");
        }
    }
}
