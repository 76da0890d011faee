//! Text in, one token at a time out, as the parser asks for it.
//!
//! What a token is depends on where the parser stands (`in` is an operator
//! after a field and a text after `=`), so there is no token stream: each
//! method tries to read one kind of token at the current place and leaves the
//! place alone when there is none. The place is always a character boundary.

use super::ast::{BracketArg, Span};
use super::{Op, SyntaxError, Transformer};

/// A place in a text.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

/// Blanks between tokens. Backspace is one of them in this language.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\x08')
}

/// Whether a text without quotes may hold this character.
pub(super) fn is_bare(c: char) -> bool {
    !is_posix_space(c) && !matches!(c, '(' | ')' | '"' | '\'' | '=' | ',')
}

/// Whether brackets may hold this character without quotes.
pub(super) fn is_bracket_bare(c: char) -> bool {
    !is_posix_space(c) && !matches!(c, '[' | ']' | '"' | '\'')
}

/// POSIX `[:space:]`, which has two characters more and one less than the
/// blanks between tokens.
fn is_posix_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\x0b' | '\x0c')
}

impl<'t> Lexer<'t> {
    /// At byte `at` of the text; at its end when that is no character boundary.
    pub(crate) fn at(text: &'t str, at: usize) -> Self {
        let at = if text.is_char_boundary(at) {
            at
        } else {
            text.len()
        };
        Self { text, at }
    }

    /// The place, in bytes.
    pub(crate) fn place(&self) -> usize {
        self.at
    }

    /// From an earlier place to here.
    pub(crate) fn since(&self, start: usize) -> Span {
        Span::new(start, self.at)
    }

    /// What is still to be read.
    pub(crate) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The text of a span.
    pub(crate) fn slice(&self, span: Span) -> &'t str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// Whether a blank stands right before this place.
    pub(super) fn after_blank(&self) -> bool {
        let before = self.text.get(..self.at).unwrap_or_default();
        before.ends_with(is_blank)
    }

    /// Reads `len` bytes.
    fn take(&mut self, len: usize) -> Option<&'t str> {
        if len == 0 {
            return None;
        }
        let taken = self.rest().get(..len)?;
        self.at += len;
        Some(taken)
    }

    /// Reads characters as long as they fit.
    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> Option<&'t str> {
        let rest = self.rest();
        self.take(rest.find(|c| !fits(c)).unwrap_or(rest.len()))
    }

    /// Reads blanks; tells whether there were any.
    pub(crate) fn blanks(&mut self) -> bool {
        self.take_while(is_blank).is_some()
    }

    /// Reads exactly this text.
    pub(crate) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Reads this word and the blanks that must follow it.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self
            .rest()
            .strip_prefix(word)
            .is_some_and(|rest| rest.starts_with(is_blank));
        if found {
            self.at += word.len();
            self.blanks();
        }
        found
    }

    /// Reads one of the operators, `exists` aside, and the blanks after it.
    /// List operators need no blank after them, the other words do.
    pub(super) fn operator(&mut self) -> Option<(Op, Span)> {
        let start = self.at;
        for &op in Op::ALL {
            // `==` is longer than `=`, so it is tried before it.
            let found = if op == Op::Eq {
                self.eat("==") || self.eat("=")
            } else if op.is_word() && !op.takes_list() {
                self.eat_word(op.word())
            } else {
                self.eat(op.word())
            };
            if found {
                let written = self.since(start);
                let len = self.slice(written).trim_end_matches(is_blank).len();
                self.blanks();
                return Some((op, Span::new(start, start + len)));
            }
        }
        None
    }

    /// Reads the name of a transformer when its parenthesis follows at once;
    /// the parenthesis is read too.
    pub(super) fn transformer(&mut self) -> Option<Transformer> {
        let found = *Transformer::ALL.iter().find(|transformer| {
            let rest = self.rest().strip_prefix(transformer.word());
            rest.is_some_and(|rest| rest.starts_with('('))
        })?;
        self.at += found.word().len() + 1;
        Some(found)
    }

    /// Reads letters, digits and underscores that begin with a letter.
    pub(super) fn identifier(&mut self) -> Option<&'t str> {
        self.take(identifier_len(self.rest()))
    }

    /// Reads identifiers joined by dots; at least one dot.
    pub(crate) fn field_name(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let mut len = identifier_len(rest);
        let mut parts = usize::from(len > 0);
        while parts > 0 {
            let part = rest
                .get(len..)
                .and_then(|rest| rest.strip_prefix('.'))
                .map_or(0, identifier_len);
            if part == 0 {
                break;
            }
            len += 1 + part;
            parts += 1;
        }
        if parts < 2 {
            return None;
        }
        self.take(len)
    }

    /// Reads a number: hexadecimal, or decimal with optional sign, fraction
    /// and (signed) exponent.
    pub(super) fn number(&mut self) -> Option<&'t str> {
        self.take(number_len(self.rest()))
    }

    /// Reads a text without quotes.
    pub(super) fn bare(&mut self) -> Option<&'t str> {
        self.take_while(is_bare)
    }

    /// Reads a quoted text, escapes resolved.
    pub(super) fn quoted(&mut self) -> Result<Option<Vec<u8>>, SyntaxError> {
        let start = self.at;
        let Some(quote) = self.rest().chars().next().filter(|c| "\"'".contains(*c)) else {
            return Ok(None);
        };
        let inner = self.rest().get(1..).unwrap_or_default();
        // The first quote without a backslash before it closes, even when that
        // backslash is itself escaped: rule files depend on it.
        let mut before = quote;
        let end = inner.char_indices().find_map(|(at, c)| {
            let closes = c == quote && before != '\\';
            before = c;
            closes.then_some(at)
        });
        let Some(end) = end else {
            return Err(unclosed(Span::new(start, self.text.len()), quote, inner));
        };
        self.at = start + end + 2;
        let raw = inner.get(..end).unwrap_or_default();
        unescape(raw, quote, start + 1).map(Some)
    }

    /// Reads `[ARGUMENT]`, nothing else inside the brackets.
    pub(crate) fn bracket(&mut self) -> Result<Option<BracketArg>, SyntaxError> {
        let start = self.at;
        if !self.eat("[") {
            return Ok(None);
        }
        let inner = self.at;
        let quoted = self.quoted()?;
        let arg = match quoted {
            Some(bytes) => String::from_utf8(bytes).ok().map(|text| (text, true)),
            None => self
                .take_while(is_bracket_bare)
                .map(|text| (text.to_owned(), false)),
        };
        let Some((text, quoted)) = arg else {
            return Err(
                SyntaxError::new(Span::new(inner, self.at.max(inner)), "nothing usable between the brackets")
                    .help("write an index or a key, such as `[1]`, `[HOME]` or `[\"a key\"]`, without blanks around it"),
            );
        };
        if !self.eat("]") {
            return Err(SyntaxError::new(
                self.since(start),
                "the bracket is not closed",
            )
            .help("close it with `]` right behind the argument; an argument with blanks, brackets or quotes needs quotes"));
        }
        Ok(Some(BracketArg { text, quoted }))
    }
}

/// Length of the identifier at the beginning of the text.
fn identifier_len(text: &str) -> usize {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return 0;
    }
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len())
}

/// Length of the number at the beginning of the text.
fn number_len(text: &str) -> usize {
    let run = |from: usize, fits: fn(&u8) -> bool| {
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| fits(byte)).count()
    };
    if text.starts_with("0x") || text.starts_with("0X") {
        let digits = run(2, u8::is_ascii_hexdigit);
        if digits > 0 {
            return 2 + digits;
        }
    }
    let sign = usize::from(text.starts_with(['+', '-']));
    let digits = run(sign, u8::is_ascii_digit);
    if digits == 0 {
        return 0;
    }
    let mut len = sign + digits;
    if text.get(len..).is_some_and(|rest| rest.starts_with('.')) {
        len += 1;
        len += run(len, u8::is_ascii_digit);
    }
    // The sign of an exponent is not optional in this language.
    let exponent = text.get(len..).unwrap_or_default();
    if ["e+", "e-", "E+", "E-"]
        .iter()
        .any(|start| exponent.starts_with(start))
    {
        let digits = run(len + 2, u8::is_ascii_digit);
        if digits > 0 {
            len += 2 + digits;
        }
    }
    len
}

/// Resolves the escapes of a quoted text that begins at byte `offset`.
fn unescape(raw: &str, quote: char, offset: usize) -> Result<Vec<u8>, SyntaxError> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let start = offset + raw.len() - escape.len();
        let mut chars = escape.chars();
        chars.next();
        let next = chars.next();
        let byte = match next {
            Some('b') => 0x08,
            Some('f') => 0x0c,
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            // A backslash and a blank give one backslash and no blank.
            Some('\\' | ' ') => b'\\',
            Some('/') => b'/',
            Some('"') if quote == '"' => b'"',
            Some('\'') if quote == '\'' => b'\'',
            Some('x') => {
                let digits = chars.as_str().get(..2).unwrap_or_default();
                let value = digits
                    .bytes()
                    .all(|b| b.is_ascii_hexdigit())
                    .then(|| u8::from_str_radix(digits, 16).ok())
                    .flatten();
                let Some(value) = value else {
                    return Err(SyntaxError::new(
                        Span::new(start, start + 2),
                        "`\\x` needs exactly two hexadecimal digits",
                    )
                    .help("for example `\\x09`"));
                };
                chars.next();
                chars.next();
                value
            }
            other => return Err(unknown_escape(start, other, quote)),
        };
        out.push(byte);
        rest = chars.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// The error for an escape this language does not have.
fn unknown_escape(start: usize, escaped: Option<char>, quote: char) -> SyntaxError {
    let len = 1 + escaped.map_or(0, char::len_utf8);
    let written = escaped.map_or(String::new(), String::from);
    let help = match escaped {
        Some(other @ ('"' | '\'')) => {
            format!("inside {quote}…{quote} write {other} as it is, without a backslash")
        }
        _ => "escapes are \\b \\f \\n \\r \\t \\\\ \\/ \\xHH and the quote itself; write `\\\\` for a backslash".into(),
    };
    SyntaxError::new(
        Span::new(start, start + len),
        format!("`\\{written}` is no escape of a text in {quote} quotes"),
    )
    .help(help)
}

/// The error for a quoted text without end.
fn unclosed(span: Span, quote: char, inner: &str) -> SyntaxError {
    let help = if inner.contains(&format!("\\\\{quote}")) {
        "a quoted text cannot end in a backslash: the quote behind it does not count as closing"
            .into()
    } else {
        format!("close it with {quote}")
    };
    SyntaxError::new(span, "this quoted text is not closed").help(help)
}
