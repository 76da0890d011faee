//! One way to show a person's mistake: code, place, the text underlined, help.
//!
//! Whatever reads what people write (rules, configuration, flags) collects
//! [`Diagnostic`]s, all of them. [`render`] shows them at a terminal, [`json()`],
//! [`sarif()`] and [`github()`] to programs; all of them show the same. What is
//! shown may come from a hostile file, and is escaped for where it goes.

mod github;
mod json;
mod sarif;
mod text;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use github::github;
pub use json::json;
pub use sarif::sarif;
pub use text::{render, summary};

/// A text a person wrote, kept to show mistakes in it.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// How to name it: a path as given, or `<command line>`.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl SourceFile {
    /// A text under the name it is to be shown with.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            text: text.into(),
        })
    }

    /// Line and column of a byte, both counted from 1, the column in
    /// characters. A byte inside a character counts as its start, one beyond
    /// the end as the end.
    pub fn line_col(&self, byte: usize) -> (usize, usize) {
        let byte = self.text.floor_char_boundary(byte);
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before
            .get(line_start..)
            .map_or(0, |line| line.chars().count())
            + 1;
        (line, column)
    }

    /// The byte where a line (counted from 1) starts; the end of the text when
    /// there are fewer lines.
    pub fn line_start(&self, line: usize) -> usize {
        if line <= 1 {
            return 0;
        }
        self.text
            .bytes()
            .enumerate()
            .filter(|(_, b)| *b == b'\n')
            .nth(line - 2)
            .map_or(self.text.len(), |(newline, _)| newline + 1)
    }

    /// The byte of a line and a column, both counted from 1, the column in
    /// characters: what parsers that report lines and columns need to make a
    /// [`Place`].
    pub fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.line_start(line);
        let rest = self.text.get(start..).unwrap_or_default();
        let line_text = rest.split('\n').next().unwrap_or_default();
        start
            + line_text
                .char_indices()
                .nth(column.saturating_sub(1))
                .map_or(line_text.len(), |(at, _)| at)
    }
}

/// A stretch of a source file, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<SourceFile>,
    /// The stretch; empty ranges point between characters.
    pub range: Range<usize>,
}

impl Place {
    /// A stretch of a file.
    pub fn new(file: &Arc<SourceFile>, range: Range<usize>) -> Self {
        Self {
            file: Arc::clone(file),
            range,
        }
    }
}

impl Place {
    /// Line and column of its start and of its end, counted as
    /// [`SourceFile::line_col`] does; the end is exclusive.
    pub fn lines_and_columns(&self) -> ((usize, usize), (usize, usize)) {
        let start = self.file.line_col(self.range.start);
        let end = self.range.end.max(self.range.start);
        (start, self.file.line_col(end))
    }
}

/// `file:line:column`, as editors and terminals understand it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.file.line_col(self.range.start);
        write!(f, "{}:{line}:{column}", escape(&self.file.name))
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Works, but look at it.
    Warning,
    /// Does not work.
    Error,
}

impl Severity {
    /// `warning` or `error`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A person's mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// The stable code: Falco's own (`LOAD_ERR_COMPILE_CONDITION`) where the
    /// language defines one, else ours (`CONFIG_UNKNOWN_KEY`).
    pub code: &'static str,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// Where; `None` when it is about a whole file that could not be read.
    pub place: Option<Place>,
    /// Further places: "in macro `outbound`, used here".
    pub related: Vec<(Place, String)>,
    /// What to do: the nearest valid name, the operators a type allows.
    pub help: Option<String>,
    /// Where it is in the text as it was read, when that is glued from pieces.
    pub as_read: Option<Box<AsRead>>,
}

/// A place in a text that stands in no file: a condition with its lists and
/// exceptions put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsRead {
    /// Where the text begins, if it was written anywhere.
    pub place: Option<Place>,
    /// The start of the text, its first 17 characters, to tell it by.
    pub start: String,
    /// The line of the place, and under it a `^`.
    pub snippet: String,
    /// Bytes before the place.
    pub offset: usize,
    /// Lines before it.
    pub line: usize,
    /// Bytes before it on its line.
    pub column: usize,
}

impl Diagnostic {
    /// A mistake that makes the input unusable.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// Something that works and deserves a look.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            message: message.into(),
            place: None,
            related: Vec::new(),
            help: None,
            as_read: None,
        }
    }

    /// The same mistake, at this place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same mistake, with a further place and what it has to do with it.
    #[must_use]
    pub fn related(mut self, place: Place, label: impl Into<String>) -> Self {
        self.related.push((place, label.into()));
        self
    }

    /// The same mistake, with what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.set_help(help);
        self
    }

    /// Gives it other help.
    pub fn set_help(&mut self, help: impl Into<String>) {
        self.help = Some(help.into());
    }

    /// The same mistake, with the help `did you mean …?` when a valid name is
    /// near the one that was written.
    #[must_use]
    pub fn suggest<'a>(self, written: &str, valid: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(written, valid) {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None => self,
        }
    }
}

/// The candidate most like `name`, or `None` when none is near: at most a
/// third of the characters (and always one, though never all) may differ,
/// swapped neighbours counting once and letter case not at all.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The distance is quadratic, and no valid name is near a text this long.
    const LONGEST: usize = 128;
    if name.len() > LONGEST {
        return None;
    }
    let name = name.to_lowercase();
    let length = name.chars().count();
    let allowed = (length / 3).max(1).min(length.saturating_sub(1));
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&name, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Control characters as escapes, so that a message can quote any text.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hostile(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Characters that act instead of being shown: C0 and C1 controls, and marks
/// that reorder or hide text.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Arc<SourceFile> {
        SourceFile::new("rules.yaml", "- rule: a\n  condition: pröc.nmae = b\n")
    }

    #[test]
    fn lines_and_columns_count_from_one_and_columns_count_characters() {
        let file = file();
        let name = file.text.find("nmae").unwrap();
        for (byte, want) in [(0, (1, 1)), (9, (1, 10)), (10, (2, 1)), (name, (2, 19))] {
            assert_eq!(file.line_col(byte), want, "byte {byte}");
            assert_eq!(file.offset(want.0, want.1), byte, "{want:?}");
        }
        assert_eq!(file.line_col(usize::MAX), (3, 1));
        let umlaut = file.text.find('ö').unwrap();
        assert_eq!(file.line_col(umlaut + 1), file.line_col(umlaut));
    }

    #[test]
    fn the_nearest_name_is_found_unless_none_is_near() {
        let names = ["proc.name", "proc.pname", "proc.exepath", "fd.name"];
        for (written, want) in [
            ("proc.nmae", Some("proc.name")),
            ("PROC.NAME", Some("proc.name")),
            ("proc.exe_path", Some("proc.exepath")),
            ("fdname", Some("fd.name")),
            ("container.id", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(written, names), want, "{written}");
        }
        assert_eq!(nearest(&"x".repeat(1 << 20), names), None);
    }
}
