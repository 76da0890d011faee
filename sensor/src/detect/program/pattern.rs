//! Regular expressions of the rule language: POSIX egrep syntax, matched
//! against the whole value.
//!
//! The syntax is narrower than that of the regex engine behind it and differs
//! in places, so a pattern is translated piece by piece: what POSIX does not
//! have is refused, and what the engine would read otherwise is escaped.

use regex::{Regex, RegexBuilder};

use super::compile::Complaint;

/// The most memory one compiled pattern may take, in bytes.
const SIZE_LIMIT: usize = 4 << 20;

/// Compiles a pattern.
pub(crate) fn compile(pattern: &[u8]) -> Result<Regex, Complaint> {
    let Ok(pattern) = std::str::from_utf8(pattern) else {
        return Err(("a regular expression must be valid UTF-8".into(), None));
    };
    let translated = translate(pattern)?;
    RegexBuilder::new(&format!(r"\A(?:{translated})\z"))
        .multi_line(true)
        .size_limit(SIZE_LIMIT)
        .build()
        .map_err(|error| {
            // The engine's message ends with the reason, after its own picture.
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            (format!("this is no regular expression: {reason}"), None)
        })
}

/// The same pattern in the engine's syntax.
fn translate(pattern: &str) -> Result<String, Complaint> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut repeated = false;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let repeats = matches!(c, '*' | '+' | '?') || (c == '{' && counted(rest));
        if repeats && repeated && c == '?' {
            return Err(unsupported(
                "lazy quantifiers such as `*?`",
                "every match covers the whole value, so greedy or lazy makes no difference: leave the `?` out",
            ));
        }
        repeated = matches!(c, '*' | '+' | '?') || (c == '}' && repeated);
        rest = match c {
            '\\' => escape(after, &mut out)?,
            '[' => class(after, &mut out)?,
            '(' if after.starts_with('?') => {
                return Err(unsupported(
                    "groups that begin with `(?`",
                    "use plain groups, and `[Aa]` for both cases",
                ));
            }
            '{' if counted(rest) => {
                let end = rest.find('}').map_or(rest.len(), |at| at + 1);
                out.push_str(rest.get(..end).unwrap_or_default());
                repeated = true;
                rest.get(end..).unwrap_or_default()
            }
            '{' | '}' => {
                out.push('\\');
                out.push(c);
                after
            }
            _ => {
                out.push(c);
                after
            }
        };
    }
    Ok(out)
}

fn unsupported(what: &str, help: &str) -> Complaint {
    let message = format!("{what} do not exist in POSIX regular expressions");
    (message, Some(help.into()))
}

/// Whether a counted repetition such as `{2,3}` stands here; else the brace is
/// a character like any other.
fn counted(rest: &str) -> bool {
    let Some((inner, _)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        return false;
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match inner.split_once(',') {
        None => !inner.is_empty() && digits(inner),
        Some((low, high)) => !low.is_empty() && digits(low) && digits(high),
    }
}

/// Translates what follows a backslash; gives the rest.
fn escape<'p>(after: &'p str, out: &mut String) -> Result<&'p str, Complaint> {
    let (c, rest) = escaped(after)?;
    push_char(c, out);
    Ok(rest)
}

/// The character that an escape stands for, and the rest.
fn escaped(after: &str) -> Result<(char, &str), Complaint> {
    let Some(c) = after.chars().next() else {
        return Err(("a backslash at the end escapes nothing".into(), None));
    };
    let rest = after.get(c.len_utf8()..).unwrap_or_default();
    let meant = match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'f' => '\x0c',
        'v' => '\x0b',
        'a' => '\x07',
        'x' => return hexadecimal(rest),
        'd' => return Err(unsupported("classes such as `\\d`", "write `[0-9]`")),
        'w' => return Err(unsupported("classes such as `\\w`", "write `[[:alnum:]_]`")),
        's' => return Err(unsupported("classes such as `\\s`", "write `[[:space:]]`")),
        c if c.is_ascii_alphanumeric() => {
            return Err(unsupported(
                &format!("escapes such as `\\{c}`"),
                "escape only punctuation",
            ));
        }
        c => c,
    };
    Ok((meant, rest))
}

/// `\xHH` and `\x{H…}`.
fn hexadecimal(rest: &str) -> Result<(char, &str), Complaint> {
    let (digits, rest) = match rest.strip_prefix('{') {
        Some(inner) => inner.split_once('}').unwrap_or_default(),
        None => rest.split_at_checked(2).unwrap_or_default(),
    };
    let digits_only = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16)
        .ok()
        .filter(|_| digits_only)
        .and_then(char::from_u32)
        .map(|c| (c, rest))
        .ok_or_else(|| ("`\\x` needs two hexadecimal digits".into(), None))
}

/// Writes one character so that the engine takes it for itself.
fn push_char(c: char, out: &mut String) {
    use std::fmt::Write;
    // Writing to a string cannot fail.
    let _ = write!(out, "\\x{{{:x}}}", u32::from(c));
}

/// Translates the bracket expression whose `[` was read; gives the rest.
/// Every character is escaped: the engine knows set operations such as `&&`
/// and nested brackets, which POSIX does not.
fn class<'p>(after: &'p str, out: &mut String) -> Result<&'p str, Complaint> {
    out.push('[');
    let mut rest = after;
    if let Some(inner) = rest.strip_prefix('^') {
        out.push('^');
        rest = inner;
    }
    let mut first = true;
    loop {
        if let Some(behind) = rest.strip_prefix(']').filter(|_| !first) {
            out.push(']');
            return Ok(behind);
        }
        first = false;
        if let Some(end) = rest.strip_prefix("[:").and_then(|inner| inner.find(":]")) {
            let named = rest.get(..end + 4).unwrap_or_default();
            out.push_str(named);
            rest = rest.get(end + 4..).unwrap_or_default();
            continue;
        }
        let (low, behind) = member(rest)?;
        push_char(low, out);
        rest = behind;
        let range = rest.strip_prefix('-').filter(|end| !end.starts_with(']'));
        if let Some(end) = range {
            let (high, behind) = member(end)?;
            out.push('-');
            push_char(high, out);
            rest = behind;
        }
    }
}

/// One character of a bracket expression, escaped or not.
fn member(rest: &str) -> Result<(char, &str), Complaint> {
    let Some(c) = rest.chars().next() else {
        return Err((
            "a bracket of this regular expression is not closed".into(),
            None,
        ));
    };
    let after = rest.get(c.len_utf8()..).unwrap_or_default();
    if c == '\\' {
        escaped(after)
    } else {
        Ok((c, after))
    }
}
