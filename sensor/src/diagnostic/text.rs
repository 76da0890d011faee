//! Diagnostics in, text for a person at a terminal out, the way rustc shows them.
//!
//! Nothing that leaves can steer a terminal except our own colours.

use std::borrow::Cow;
use std::collections::BTreeSet;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Place, Severity, escape, is_hostile};

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
    let title = level
        .primary_title(escape(&diagnostic.message))
        .id(diagnostic.code);
    let mut group = match &diagnostic.place {
        None => Group::with_title(title),
        // A file that could not be read has a name and nothing to show.
        Some(place) if place.file.text.is_empty() => {
            title.element(Origin::path(escape(&place.file.name)))
        }
        Some(place) => title.element(snippet(place, AnnotationKind::Primary, None)),
    };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;
    use std::sync::Arc;

    fn file() -> Arc<SourceFile> {
        SourceFile::new("rules.yaml", "- rule: a\n  condition: pröc.nmae = b\n")
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
