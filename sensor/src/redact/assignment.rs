//! Names that say a secret follows in, the places of the secrets out.
//!
//! `--password=x`, `--token x`, `PGPASSWORD=x`, `api_key: x`, `{"secret": "x"}`.
//! The name must end in such a word: `--password-file` and `token_ttl` name no
//! secret, nor do `PWD` and `OLDPWD`, which every shell has.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

/// What a name must have in it.
pub(super) const WORDS: &[&str] = &["pass", "pwd", "secret", "token", "key", "credential"];

/// A name, and what stands between it and its value.
const PATTERN: &str = r#"(?xi)
    ([a-z0-9_.-]*?)
    (passw(?:or)?d | passwort | passphrase | pass | pwd | secret | token | credentials?
      | (?:api|access|auth|private|secret|encryption|signing|master|account|shared|session|license|storage)
        [_.-]?key (?:[_.-]?base)?)
    ([_-]?[0-9]{0,2})
    ( (?:\\?["'])? (?: [\x20\t]+=[\x20\t]* | = | [\x20\t]*:[\x20\t]* ) | [\x20\x00] )"#;

static NAMES: LazyLock<Option<Regex>> =
    LazyLock::new(|| RegexBuilder::new(PATTERN).unicode(false).build().ok());

/// Values that are no secret whatever their name says.
const HARMLESS: [&[u8]; 7] = [
    b"true",
    b"false",
    b"null",
    b"none",
    b"yes",
    b"no",
    b"undefined",
];

/// Whether what a variable of this name holds is a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let probe = [name.as_bytes(), b"="].concat();
    let Some(names) = &*NAMES else { return false };
    names.captures_iter(&probe).any(|found| {
        let end = found.get(4).map_or(0, |between| between.end());
        end == probe.len() && is_name(&found)
    })
}

/// Gives the place of every value.
pub(super) fn find(text: &[u8], found: &mut dyn FnMut(Range<usize>)) {
    let Some(names) = &*NAMES else { return };
    let mut at = 0;
    while let Some(name) = names.captures_at(text, at) {
        let (Some(whole), Some(between)) = (name.get(0), name.get(4)) else {
            return;
        };
        at = whole.end();
        if !is_name(&name) || !assigns(text, whole.start(), between.as_bytes()) {
            continue;
        }
        let value = value(text, whole.start(), between.end(), between.as_bytes());
        let piece = text.get(value.clone()).unwrap_or_default();
        if is_secret(piece) {
            at = value.end;
            found(value);
        }
    }
}

/// Whether the words make a secret's name: `bypass` and `PWD` do not.
fn is_name(found: &regex::bytes::Captures<'_>) -> bool {
    let text = |group| found.get(group).map_or(&b""[..], |part| part.as_bytes());
    let (before, word) = (text(1), text(2));
    let short = word.eq_ignore_ascii_case(b"pass") || word.eq_ignore_ascii_case(b"pwd");
    if !short {
        return true;
    }
    let apart = !before.last().is_some_and(u8::is_ascii_alphanumeric);
    // `PWD` alone is the working directory; `--pwd` and `MYSQL_PWD` are not.
    let directory = word.eq_ignore_ascii_case(b"pwd") && before.is_empty();
    apart && !directory
}

/// Whether what stands behind the name assigns something to it.
fn assigns(text: &[u8], start: usize, between: &[u8]) -> bool {
    let before = start.checked_sub(1).and_then(|at| text.get(at));
    if between.contains(&b'=') {
        return true;
    }
    if between.contains(&b':') {
        // The tag of an image is no value: `registry/token:1.2`.
        return before != Some(&b'/');
    }
    // A blank assigns to options only.
    let begins = before.is_none_or(|byte| byte.is_ascii_whitespace() || b"\0\"'(".contains(byte));
    begins && text.get(start) == Some(&b'-')
}

/// Where the value that starts at `from` ends.
fn value(text: &[u8], name: usize, from: usize, between: &[u8]) -> Range<usize> {
    let rest = text.get(from..).unwrap_or_default();
    let escaped = usize::from(rest.first() == Some(&b'\\'));
    if let Some(quote @ (b'"' | b'\'')) = rest.get(escaped) {
        let inner = rest.get(escaped + 1..).unwrap_or_default();
        let mut end = inner.iter().position(|byte| byte == quote);
        if escaped == 0 {
            end = closing(inner, *quote);
        }
        // Without a closing quote everything may be the secret.
        let end = end.unwrap_or(inner.len()).saturating_sub(escaped);
        let start = from + escaped + 1;
        return start..start + end;
    }
    // Between NULs stand whole arguments, blanks in them included.
    let argument = name == 0 || text.get(name - 1) == Some(&0);
    let whole = text.contains(&0) && (between == [0] || argument && between == b"=");
    let query = name > 0 && matches!(text.get(name - 1), Some(b'?' | b'&'));
    let ends = |byte: &u8| match byte {
        0 => true,
        b'&' => query,
        byte => !whole && byte.is_ascii_whitespace(),
    };
    let end = rest.iter().position(ends).unwrap_or(rest.len());
    // The quote that ends what all of this stands in is no part of the value.
    let value = rest.get(..end).unwrap_or_default();
    let end = end - usize::from(matches!(value, [.., _, b'"' | b'\'']));
    from..from + end
}

/// The first quote that no backslash escapes.
fn closing(text: &[u8], quote: u8) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let closes = *byte == quote && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    })
}

/// Whether a value can be a secret: it is there, and names no variable, no
/// further option and nothing that everybody may know.
fn is_secret(value: &[u8]) -> bool {
    let variable = value.strip_prefix(b"$").is_some_and(|name| {
        name.iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_{}".contains(byte))
    });
    let harmless = HARMLESS.iter().any(|word| value.eq_ignore_ascii_case(word));
    !(value.is_empty() || variable || harmless || value.starts_with(b"--"))
}
