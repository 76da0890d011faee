//! Diagnostics in, one JSON object out, in the schema that every verb with
//! `--format json` shares. `docs/diagnostics.md` describes it.

use serde_json::{Value as Json, json};

use super::{Diagnostic, Place, Severity};

/// Grows when the meaning of a key changes, not when keys are added.
const VERSION: u32 = 1;

/// All diagnostics as one object, in the order given.
pub fn json(diagnostics: &[Diagnostic]) -> Json {
    let count = |severity| {
        let mut of = diagnostics.iter();
        of.by_ref().filter(|d| d.severity == severity).count()
    };
    json!({
        "version": VERSION,
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "diagnostics": diagnostics.iter().map(one).collect::<Vec<_>>(),
    })
}

fn one(diagnostic: &Diagnostic) -> Json {
    let related = diagnostic.related.iter();
    json!({
        "severity": diagnostic.severity.word(),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "help": diagnostic.help,
        "place": diagnostic.place.as_ref().map(place),
        "related": related
            .map(|(at, label)| json!({"label": label, "place": place(at)}))
            .collect::<Vec<_>>(),
    })
}

/// Lines and columns from 1, columns in characters, the end exclusive; bytes
/// from 0.
fn place(place: &Place) -> Json {
    let ((line, column), (end_line, end_column)) = place.lines_and_columns();
    json!({
        "file": place.file.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "offset": place.range.start,
        "length": place.range.end.saturating_sub(place.range.start),
        "text": place.file.text.get(place.range.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;

    #[test]
    fn an_object_says_all_that_a_terminal_shows() {
        let file = SourceFile::new("a.yaml", "ä: bäd\nx: y\n");
        let diagnostics = [
            Diagnostic::error("E", "wrong")
                .at(Place::new(&file, 4..8))
                .related(Place::new(&file, 9..10), "used here")
                .help("say good"),
            Diagnostic::warning("W", "odd"),
        ];
        let want = json!({
            "version": 1, "errors": 1, "warnings": 1,
            "diagnostics": [
                {
                    "severity": "error", "code": "E", "message": "wrong", "help": "say good",
                    "place": {
                        "file": "a.yaml", "line": 1, "column": 4, "end_line": 1, "end_column": 7,
                        "offset": 4, "length": 4, "text": "bäd",
                    },
                    "related": [{"label": "used here", "place": {
                        "file": "a.yaml", "line": 2, "column": 1, "end_line": 2, "end_column": 2,
                        "offset": 9, "length": 1, "text": "x",
                    }}],
                },
                {
                    "severity": "warning", "code": "W", "message": "odd", "help": null,
                    "place": null, "related": [],
                },
            ],
        });
        assert_eq!(json(&diagnostics), want);
    }
}
