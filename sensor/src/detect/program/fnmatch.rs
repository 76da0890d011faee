//! Shell patterns over bytes, as C's `fnmatch` without flags has them: `*` and
//! `?` match slashes and leading dots too.
//!
//! Linear in memory, at worst quadratic in time; no pattern is refused.

/// Whether upper and lower case differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// They do.
    Exact,
    /// ASCII letters are the same in both.
    Ignored,
}

impl Case {
    fn fold(self, byte: u8) -> u8 {
        match self {
            Self::Exact => byte,
            Self::Ignored => byte.to_ascii_lowercase(),
        }
    }
}

/// Whether the pattern matches the whole text.
pub(crate) fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when a later part fails: behind the last star, with one
    // more byte given to it. Earlier stars need no second look.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let Some((b'*', rest)) = pattern.split_first() {
            pattern = rest;
            retry = Some((rest, text));
            continue;
        }
        let stepped = match text.split_first() {
            None if pattern.is_empty() => return true,
            None => None,
            Some((byte, text_rest)) => one(pattern, *byte, case).map(|rest| (rest, text_rest)),
        };
        if let Some((pattern_rest, text_rest)) = stepped {
            (pattern, text) = (pattern_rest, text_rest);
            continue;
        }
        let Some((after_star, [_, given @ ..])) = retry else {
            return false;
        };
        (pattern, text) = (after_star, given);
        retry = Some((after_star, given));
    }
}

/// Matches one byte; gives the rest of the pattern.
fn one(pattern: &[u8], byte: u8, case: Case) -> Option<&[u8]> {
    let (first, rest) = pattern.split_first()?;
    match first {
        b'?' => Some(rest),
        b'[' => match bracket(rest, byte, case) {
            Some((true, rest)) => Some(rest),
            Some((false, _)) => None,
            // Without its end, a bracket is a byte like any other.
            None => (byte == b'[').then_some(rest),
        },
        b'\\' => {
            let (escaped, rest) = rest.split_first()?;
            (case.fold(*escaped) == case.fold(byte)).then_some(rest)
        }
        plain => (case.fold(*plain) == case.fold(byte)).then_some(rest),
    }
}

/// Whether the byte is in the bracket expression whose `[` was read, and the
/// pattern behind it; `None` when it has no end.
fn bracket(pattern: &[u8], byte: u8, case: Case) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match pattern {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let mut found = false;
    let mut first = true;
    loop {
        match rest {
            [b']', after @ ..] if !first => return Some((found != negated, after)),
            [b'[', b':', after @ ..] if class_end(after).is_some() => {
                let end = class_end(after)?;
                let (name, after) = after.split_at_checked(end)?;
                found |= in_class(name, byte, case);
                rest = after.get(2..)?;
            }
            _ => {
                let (low, after) = member(rest)?;
                let (high, after) = match after {
                    [b'-', end, ..] if *end != b']' => member(after.get(1..)?)?,
                    _ => (low, after),
                };
                found |= in_range(low, high, byte, case);
                rest = after;
            }
        }
        first = false;
    }
}

/// One byte of a bracket expression, escaped or not.
fn member(rest: &[u8]) -> Option<(u8, &[u8])> {
    match rest {
        [b'\\', byte, after @ ..] | [byte, after @ ..] => Some((*byte, after)),
        [] => None,
    }
}

fn in_range(low: u8, high: u8, byte: u8, case: Case) -> bool {
    let range = low..=high;
    match case {
        Case::Exact => range.contains(&byte),
        Case::Ignored => {
            range.contains(&byte.to_ascii_lowercase()) || range.contains(&byte.to_ascii_uppercase())
        }
    }
}

/// Where the `:]` of a character class stands.
fn class_end(rest: &[u8]) -> Option<usize> {
    rest.windows(2).position(|pair| pair == b":]")
}

fn in_class(name: &[u8], byte: u8, case: Case) -> bool {
    match name {
        b"alpha" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"upper" | b"lower" if case == Case::Ignored => byte.is_ascii_alphabetic(),
        b"upper" => byte.is_ascii_uppercase(),
        b"lower" => byte.is_ascii_lowercase(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"punct" => byte.is_ascii_punctuation(),
        b"print" => (b' '..=b'~').contains(&byte),
        b"graph" => byte.is_ascii_graphic(),
        b"cntrl" => byte.is_ascii_control(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_the_c_library_does() {
        let cases = [
            ("*", "", true),
            ("*", "/.a/b", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "a/b/xbc", true),
            ("a*b*c", "a/b/xb", false),
            ("/home/?/x", "/home/a/x", true),
            ("/home/?/x", "/home/ab/x", false),
            ("[abc]x", "bx", true),
            ("[a-c]x", "dx", false),
            ("[!a-c]x", "dx", true),
            ("[^a-c]x", "ax", false),
            ("[]a]", "]", true),
            ("[a-]", "-", true),
            ("[[:digit:]]", "7", true),
            ("[[:digit:]]", "x", false),
            ("[a", "[a", true),
            ("[a\\]]", "]", true),
            (r"\*", "*", true),
            (r"\*", "x", false),
            (r"a\", "a", false),
            ("*aab", "aaaaab", true),
            ("A", "a", false),
        ];
        for (pattern, text, expected) in cases {
            let got = matches(pattern.as_bytes(), text.as_bytes(), Case::Exact);
            assert_eq!(got, expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn case_can_be_ignored() {
        for (pattern, text) in [("NG*X", "nginx"), ("[A-C]", "b"), ("[[:upper:]]", "b")] {
            assert!(matches(pattern.as_bytes(), text.as_bytes(), Case::Ignored));
            assert!(!matches(pattern.as_bytes(), text.as_bytes(), Case::Exact));
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "*a".repeat(50) + "b";
        assert!(!matches(
            pattern.as_bytes(),
            "a".repeat(5000).as_bytes(),
            Case::Exact
        ));
    }
}
