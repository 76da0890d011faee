//! A report in, Falco's validation object out: what its `-V` prints as JSON,
//! for tools that read that.
//!
//! Falco stops at the first mistake of a file; here all of them are listed.
//! Its words for codes, kinds of items and errors are kept; sentences are ours.

mod locations;
mod words;

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::Report;
use super::warnings::DEPRECATED;
use crate::diagnostic::{AsRead, Diagnostic, Place, Severity, SourceFile};
use crate::yaml::{self, traced::Traced};
use locations::{Location, Tree};

/// Characters a snippet shows on either side of its place.
const AROUND: usize = 80;
/// What a text is told by: its first characters.
const START: usize = 17;

/// The object.
pub fn falco(report: &Report) -> Json {
    let files = report.files.iter();
    let results: Vec<Json> = files.map(|file| result(file, report)).collect();
    json!({"falco_load_results": results})
}

/// The result of one file.
fn result(file: &Arc<SourceFile>, report: &Report) -> Json {
    let tree = Tree::new(yaml::parse(file).unwrap_or_default());
    let of_file = |severity| {
        let of_file = report.diagnostics.iter().filter(move |found| {
            let home = home(found);
            found.severity == severity && home.is_some_and(|home| home.file.name == file.name)
        });
        of_file.map(|found| one(found, file, &tree)).collect()
    };
    let (errors, warnings): (Vec<Json>, Vec<Json>) =
        (of_file(Severity::Error), of_file(Severity::Warning));
    let schema_warnings = tree.unknown_keys();
    json!({
        "name": file.name,
        "successful": errors.is_empty(),
        "schema_valid": schema_warnings.is_empty(),
        "schema_warnings": schema_warnings,
        "errors": errors,
        "warnings": warnings,
    })
}

/// What Falco says a mistake is in: the condition, where one was read.
fn home(found: &Diagnostic) -> Option<&Place> {
    let condition = found.as_read.as_ref().and_then(|read| read.place.as_ref());
    condition.or(found.place.as_ref())
}

fn one(found: &Diagnostic, file: &Arc<SourceFile>, tree: &Tree) -> Json {
    let start = home(found).map_or(0, |home| home.range.start);
    let mut locations = tree.locations(file, start);
    let snippet = match &found.as_read {
        Some(read) => {
            locations.push(expression(read, locations.last()));
            read.snippet.clone()
        }
        None => snippet(&file.text, locations.last().map_or(0, |last| last.offset)),
    };
    let deprecated = found
        .place
        .as_ref()
        .filter(|_| found.code == "LOAD_DEPRECATED_ITEM");
    let deprecated = deprecated
        .and_then(|place| place.file.text.get(place.range.clone()))
        .filter(|field| DEPRECATED.contains(field));
    let mut out = Map::from_iter([
        ("code".to_owned(), found.code.into()),
        ("codedesc".to_owned(), words::code(found.code).into()),
        ("message".to_owned(), found.message.as_str().into()),
        (
            "context".to_owned(),
            json!({
                "locations": locations.iter().map(|at| location(at, file)).collect::<Vec<_>>(),
                "snippet": snippet,
            }),
        ),
    ]);
    if let Some(field) = deprecated {
        out.insert("deprecated_field".to_owned(), field.into());
    }
    Json::Object(out)
}

/// The condition a mistake is in, placed from where the condition starts.
fn expression(read: &AsRead, around: Option<&Location>) -> Location {
    let from = around.cloned().unwrap_or_default();
    Location {
        kind: "condition expression",
        name: String::new(),
        within: Some(format!("\"{}\"", read.start)),
        offset: from.offset + read.offset,
        // Falco counts lines and columns of conditions from 1.
        line: from.line + read.line + 1,
        column: from.column + read.column + 1,
    }
}

fn location(at: &Location, file: &SourceFile) -> Json {
    json!({
        "item_type": at.kind,
        "item_name": at.name,
        "position": {
            "name": at.within.as_deref().unwrap_or(&file.name),
            "line": at.line,
            "column": at.column,
            "offset": at.offset,
        },
    })
}

impl AsRead {
    /// A place in a text that stands in no file.
    pub(crate) fn new(written: &Traced, offset: usize) -> Self {
        let text = written.as_str();
        let offset = text.floor_char_boundary(offset.min(text.len()));
        let before = text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let start = if text.chars().nth(START + 3).is_some() {
            text.chars().take(START).chain("...".chars()).collect()
        } else {
            text.to_owned()
        };
        Self {
            place: written.place(&(0..1)),
            start: start.replace(['\n', '\r'], " "),
            snippet: snippet(text, offset),
            offset,
            line: before.bytes().filter(|byte| *byte == b'\n').count(),
            column: offset - line_start,
        }
    }
}

/// The line of a place, cut where it is long, and under it a `^`.
fn snippet(text: &str, offset: usize) -> String {
    let mut at = text.floor_char_boundary(offset.min(text.len()));
    // A place behind a line's end is shown at that end.
    while at > 0
        && text
            .get(at..)
            .is_none_or(|rest| rest.is_empty() || rest.starts_with('\n'))
    {
        at = text.floor_char_boundary(at - 1);
    }
    let (before, after) = text.split_at(at);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let from = text.ceil_char_boundary(line_start.max(at.saturating_sub(AROUND)));
    let line_end = at + after.find('\n').unwrap_or(after.len());
    let to = text.floor_char_boundary(line_end.min(at + AROUND));
    let Some(shown) = text.get(from..to).filter(|shown| !shown.is_empty()) else {
        return "<No context available>\n".to_owned();
    };
    let left = if from > line_start { "..." } else { "" };
    let right = if to < line_end { "..." } else { "" };
    let column = text.get(from..at).map_or(0, |text| text.chars().count()) + left.len();
    format!("{left}{shown}{right}\n{}^\n", " ".repeat(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_is_the_line_with_a_mark_under_the_place() {
        for (text, offset, want) in [
            ("one\ntwo three\n", 8, "two three\n    ^\n"),
            ("one", 99, "one\n  ^\n"),
            ("one\n\n", 4, "one\n  ^\n"),
            ("äö", 2, "äö\n ^\n"),
            ("", 0, "<No context available>\n"),
        ] {
            assert_eq!(snippet(text, offset), want, "{text:?} {offset}");
        }
        let long = "x".repeat(300);
        let shown = snippet(&long, 150);
        assert!(
            shown.starts_with("...x") && shown.contains("x...\n"),
            "{shown}"
        );
        assert_eq!(shown.lines().nth(1).map(str::len), Some(AROUND + 3 + 1));
    }

    #[test]
    fn any_place_has_a_snippet() {
        let text = "ä\n\nöx: y\r\n";
        for offset in 0..text.len() + 3 {
            assert!(!snippet(text, offset).is_empty());
            let place = Place::new(&SourceFile::new("f", text), 0..text.len());
            let read = AsRead::new(&Traced::fixed(text, &place), offset);
            assert!(read.offset <= text.len() && read.place.is_some());
        }
    }
}
