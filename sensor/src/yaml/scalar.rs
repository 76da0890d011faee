//! A decoded scalar and its place in, the place of each of its bytes out.
//!
//! The parser folds lines, strips indentation and resolves escapes, and does
//! not say where a decoded character came from. What is not blank survives
//! decoding in order, so walking both texts side by side finds it again.

use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::ScalarStyle;

use crate::diagnostic::{Place, SourceFile};
use crate::yaml::traced::Traced;

/// The scalar's own range: without the tag and anchor before it and the
/// comments and blanks after it.
pub(super) fn content(text: &str, style: ScalarStyle, range: Range<usize>) -> Range<usize> {
    let mut written = text.get(range.clone()).unwrap_or_default();
    let flow = !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
    while flow && written.starts_with(['!', '&']) {
        let property = written.find(char::is_whitespace).unwrap_or(written.len());
        written = written.get(property..).unwrap_or_default().trim_start();
    }
    let start = range.end - written.len();
    start..start + written.trim_end().len()
}

/// The decoded text with the origin of every byte of it. `range` is what
/// [`content`] gave.
pub(super) fn trace(
    file: &Arc<SourceFile>,
    decoded: &str,
    style: ScalarStyle,
    range: &Range<usize>,
) -> Traced {
    let written = file.text.get(range.clone()).unwrap_or_default();
    let mut walk = Walk {
        written,
        at: usize::from(is_quoted(style)),
        indent: indent(file, style, range.start),
    };
    let mut out = Traced::default();
    for (at, c) in decoded.char_indices() {
        let stretch = match style {
            ScalarStyle::DoubleQuoted => walk.double_quoted(c),
            ScalarStyle::SingleQuoted => walk.single_quoted(c),
            _ => walk.verbatim(c),
        };
        let piece = decoded.get(at..at + c.len_utf8()).unwrap_or_default();
        let place = range.start + stretch.start..range.start + stretch.end;
        if stretch.len() == c.len_utf8() {
            out.push_written(piece, file, place.start);
        } else {
            out.glue(piece, &Place::new(file, place));
        }
    }
    if decoded.is_empty() {
        out.glue("", &Place::new(file, range.clone()));
    }
    out
}

fn is_quoted(style: ScalarStyle) -> bool {
    matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted)
}

/// The blanks in front of every line of a block scalar. The parser's range
/// starts behind those of the first line that is not empty.
fn indent(file: &SourceFile, style: ScalarStyle, start: usize) -> usize {
    match style {
        ScalarStyle::Literal | ScalarStyle::Folded => {
            let before = file.text.get(..start).unwrap_or_default();
            before.len() - before.rfind('\n').map_or(0, |newline| newline + 1)
        }
        _ => 0,
    }
}

struct Walk<'a> {
    written: &'a str,
    /// Where in `written` the next decoded character is looked for.
    at: usize,
    indent: usize,
}

impl Walk<'_> {
    fn peek(&self) -> Option<char> {
        self.written
            .get(self.at..)
            .and_then(|rest| rest.chars().next())
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while let Some(c) = self.peek().filter(|c| wanted(*c)) {
            self.at += c.len_utf8();
        }
    }

    /// The stretch of one decoded character that stands as it is, or that
    /// folding made of a line break.
    fn verbatim(&mut self, c: char) -> Range<usize> {
        match c {
            ' ' | '\t' if self.peek() != Some(c) => self.at..self.at,
            '\n' => {
                self.skip_while(|c| c == ' ' || c == '\t' || c == '\r');
                let start = self.at;
                if self.peek() == Some('\n') {
                    self.at += 1;
                    self.skip_indent();
                }
                start..self.at.min(start + 1)
            }
            _ => {
                if !c.is_whitespace() {
                    self.skip_while(char::is_whitespace);
                }
                self.take(c.len_utf8())
            }
        }
    }

    fn skip_indent(&mut self) {
        for _ in 0..self.indent {
            if self.peek() == Some(' ') {
                self.at += 1;
            }
        }
    }

    /// The stretch of the next `length` bytes, less at the end.
    fn take(&mut self, length: usize) -> Range<usize> {
        let start = self.at.min(self.written.len());
        self.at = (start + length).min(self.written.len());
        start..self.at
    }

    fn single_quoted(&mut self, c: char) -> Range<usize> {
        if c == '\'' {
            self.skip_while(char::is_whitespace);
            return self.take(2);
        }
        self.verbatim(c)
    }

    fn double_quoted(&mut self, c: char) -> Range<usize> {
        // An escaped line break joins two lines and decodes to nothing.
        while self.rest().starts_with("\\\n") || self.rest().starts_with("\\\r\n") {
            self.at += 1;
            self.skip_while(char::is_whitespace);
        }
        if !c.is_whitespace() {
            self.skip_while(char::is_whitespace);
        }
        if self.peek() != Some('\\') {
            return self.verbatim(c);
        }
        let length = match self.rest().chars().nth(1) {
            Some('x') => 4,
            Some('u') => 6,
            Some('U') => 10,
            Some(other) => 1 + other.len_utf8(),
            None => 1,
        };
        self.take(length)
    }

    fn rest(&self) -> &str {
        self.written.get(self.at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Node, Value, parse, source};
    use super::*;

    /// Every scalar of a text, keys included.
    fn scalars(node: &Node, out: &mut Vec<Traced>) {
        match &node.value {
            Value::Scalar(text) => out.push(text.clone()),
            Value::Null => {}
            Value::Sequence(items) => items.iter().for_each(|item| scalars(item, out)),
            Value::Mapping(entries) => {
                for (key, value) in entries {
                    scalars(key, out);
                    scalars(value, out);
                }
            }
        }
    }

    fn all(text: &str) -> Vec<Traced> {
        let (file, _) = source("f", text.as_bytes());
        let mut out = Vec::new();
        for document in parse(&file).unwrap() {
            scalars(&document, &mut out);
        }
        out
    }

    #[test]
    fn what_is_written_as_it_is_maps_to_itself() {
        for text in [
            "a: plain words\n    over lines\n",
            "- >\n    foo\n    bar\n      more\n\n    x y\n- |2\n     hey\n    ho\n",
            "- 'one two\n\n   three'\n- \"é ü \\\n    ö\"\n",
            "- >-\n\n\n   ä foo\n   b=(c, d)\n\n\n- !!str &anchor x\n",
            "- |\r\n  a\r\n  b\r\n- last",
        ] {
            for scalar in all(text) {
                for (at, c) in scalar.as_str().char_indices() {
                    if c.is_whitespace() {
                        continue;
                    }
                    let place = scalar.place(&(at..at + c.len_utf8())).unwrap();
                    let found = &text[place.range.clone()];
                    assert_eq!(found, c.to_string(), "{:?} in {text:?}", scalar.as_str());
                }
            }
        }
    }

    #[test]
    fn an_escape_is_shown_whole() {
        let text = "- 'it''s'\n- \"q\\x41\\\"\\u00e9z\\n\"\n";
        let shown: Vec<Vec<&str>> = all(text)
            .iter()
            .map(|scalar| {
                let decoded = scalar.as_str().char_indices();
                decoded
                    .map(|(at, c)| &text[scalar.place(&(at..at + c.len_utf8())).unwrap().range])
                    .collect()
            })
            .collect();
        assert_eq!(shown[0], ["i", "t", "''", "s"]);
        assert_eq!(shown[1], ["q", "\\x41", "\\\"", "\\u00e9", "z", "\\n"]);
    }

    #[test]
    fn the_shipped_rules_map_to_themselves() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../rules");
        let Ok(files) = std::fs::read_dir(path) else {
            return;
        };
        for entry in files {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for scalar in all(&text) {
                for (at, c) in scalar.as_str().char_indices() {
                    if c.is_ascii_alphanumeric() {
                        let place = scalar.place(&(at..at + 1)).unwrap();
                        assert_eq!(&text[place.range], c.to_string());
                    }
                }
            }
        }
    }
}
