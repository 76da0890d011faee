//! One way to show a person's mistake: code, place, the text underlined, help.
//!
//! Whatever reads what people write (rules, configuration, flags) collects
//! [`Diagnostic`]s, all of them, and lets [`render`] show them the way rustc
//! does. What is shown may come from a hostile file: nothing that leaves
//! [`render`] can steer a terminal except our own colours.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

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

/// Shows the mistakes in the order given, each with its place, the text there
/// underlined, and its help; ends with [`summary`]. Empty for no mistakes.
pub fn render(diagnostics: &[Diagnostic], colour: bool) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&renderer.render(&[group(diagnostic)]));
        out.push_str("\n\n");
    }
    out.push_str(&summary(diagnostics));
    out.push('\n');
    out
}

/// One line that counts: `3 errors, 1 warning in 2 files`.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| {
        diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    };
    let files: BTreeSet<&str> = diagnostics
        .iter()
        .filter_map(|diagnostic| diagnostic.place.as_ref())
        .map(|place| place.file.name.as_str())
        .collect();
    let mut parts = Vec::new();
    for (number, word) in [
        (count(Severity::Error), "error"),
        (count(Severity::Warning), "warning"),
    ] {
        if number > 0 {
            parts.push(plural(number, word));
        }
    }
    if parts.is_empty() {
        return "no mistakes".to_owned();
    }
    match files.len() {
        0 => parts.join(", "),
        number => format!("{} in {}", parts.join(", "), plural(number, "file")),
    }
}

fn plural(number: usize, word: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {word}{ending}")
}

fn group(diagnostic: &Diagnostic) -> Group<'_> {
    let level = match diagnostic.severity {
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    let mut group = level
        .primary_title(escape(&diagnostic.message))
        .id(diagnostic.code)
        .elements(
            diagnostic
                .place
                .iter()
                .map(|place| snippet(place, AnnotationKind::Primary, None)),
        );
    for (place, label) in &diagnostic.related {
        group = group.element(snippet(place, AnnotationKind::Context, Some(label)));
    }
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(escape(help))),
        None => group,
    }
}

/// The lines of the place only: a renderer given the whole file would scan it
/// once for every mistake in it.
fn snippet<'a>(
    place: &'a Place,
    kind: AnnotationKind,
    label: Option<&'a str>,
) -> Snippet<'a, Annotation<'a>> {
    // A mistake that spans a whole block is shown by its first lines.
    const MOST_LINES: usize = 6;
    let text = &place.file.text;
    let from = text.floor_char_boundary(place.range.start.min(text.len()));
    let to = text
        .ceil_char_boundary(place.range.end.min(text.len()))
        .max(from);
    let (line, _) = place.file.line_col(from);
    let start = text
        .get(..from)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |newline| newline + 1);
    let shown = text.get(start..).unwrap_or_default();
    let wanted = shown
        .bytes()
        .enumerate()
        .filter(|(at, b)| *b == b'\n' && start + at >= to)
        .map(|(at, _)| at)
        .next()
        .unwrap_or(shown.len());
    let longest = shown
        .bytes()
        .enumerate()
        .filter(|(_, b)| *b == b'\n')
        .nth(MOST_LINES - 1)
        .map_or(shown.len(), |(at, _)| at);
    let excerpt = shown.get(..wanted.min(longest)).unwrap_or_default();
    let mut annotation = kind.span(from - start..(to - start).min(excerpt.len()).max(from - start));
    if let Some(label) = label {
        annotation = annotation.label(escape(label));
    }
    Snippet::source(inert(excerpt))
        .path(escape(&place.file.name))
        .line_start(line)
        .annotation(annotation)
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

/// Source text with what could steer a terminal replaced by as many bytes of
/// something harmless, so that positions stay true. The renderer itself shows
/// ASCII control characters as their pictures.
fn inert(text: &str) -> Cow<'_, str> {
    let bad = |c: char| is_hostile(c) && !c.is_ascii();
    if !text.chars().any(bad) {
        return Cow::Borrowed(text);
    }
    let replace = |c: char| match c.len_utf8() {
        _ if !bad(c) => c,
        2 => '¿',
        _ => char::REPLACEMENT_CHARACTER,
    };
    Cow::Owned(text.chars().map(replace).collect())
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
    fn a_mistake_is_shown_with_code_place_underline_and_help() {
        let file = file();
        let at = file.text.find("pröc").unwrap();
        let shown = render(
            &[
                Diagnostic::error("LOAD_ERR_COMPILE_CONDITION", "no field is named this")
                    .at(Place::new(&file, at..at + 10))
                    .related(Place::new(&file, 2..6), "in this rule")
                    .suggest("proc.nmae", ["proc.name", "fd.name"]),
            ],
            false,
        );
        let want = "\
error[LOAD_ERR_COMPILE_CONDITION]: no field is named this
 --> rules.yaml:2:14
  |
2 |   condition: pröc.nmae = b
  |              ^^^^^^^^^
  |
 ::: rules.yaml:1:3
  |
1 | - rule: a
  |   ---- in this rule
  |
  = help: did you mean `proc.name`?

1 error in 1 file
";
        assert_eq!(shown, want);
    }

    #[test]
    fn hostile_text_cannot_steer_the_terminal() {
        let evil = "\u{1b}[2J\u{9b}2J\u{202e}\u{7}\u{feff}\r";
        let file = SourceFile::new(evil, format!("a{evil}: {evil}b\n"));
        let shown = render(
            &[Diagnostic::warning("W", evil)
                .at(Place::new(&file, 1..file.text.len()))
                .related(Place::new(&file, 0..1), evil)
                .help(evil)],
            false,
        );
        let acting: Vec<char> = shown
            .chars()
            .filter(|c| is_hostile(*c) && *c != '\n')
            .collect();
        assert!(acting.is_empty(), "{shown}");
    }

    #[test]
    fn any_range_can_be_shown() {
        let file = SourceFile::new("x", "ä\n\nb: ö\n".repeat(3));
        for from in 0..file.text.len() + 2 {
            for to in 0..file.text.len() + 2 {
                let place = Place {
                    file: Arc::clone(&file),
                    range: from..to,
                };
                let shown = render(&[Diagnostic::error("E", "m").at(place)], true);
                assert!(shown.contains("1 error in 1 file"));
            }
        }
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

    #[test]
    fn the_summary_counts() {
        let file = file();
        let error = Diagnostic::error("E", "e").at(Place::new(&file, 0..1));
        let warning = Diagnostic::warning("W", "w");
        for (mistakes, want) in [
            (vec![], "no mistakes"),
            (vec![warning.clone()], "1 warning"),
            (
                vec![error.clone(), warning, error],
                "2 errors, 1 warning in 1 file",
            ),
        ] {
            assert_eq!(summary(&mistakes), want);
        }
    }
}
