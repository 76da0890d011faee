//! Diagnostics in, a SARIF 2.1.0 log out: what code-scanning pages read.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::{Diagnostic, Place};

/// All diagnostics as one run of this program.
pub fn sarif(diagnostics: &[Diagnostic]) -> Json {
    let mut codes: Vec<&str> = diagnostics.iter().map(|found| found.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let results: Vec<Json> = diagnostics
        .iter()
        .map(|found| result(found, codes.binary_search(&found.code).ok()))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "sensor",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|code| json!({"id": code})).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(diagnostic: &Diagnostic, rule: Option<usize>) -> Json {
    let mut text = diagnostic.message.clone();
    if let Some(help) = &diagnostic.help {
        text.push_str("\nhelp: ");
        text.push_str(help);
    }
    let related = diagnostic.related.iter().zip(0..);
    json!({
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity.word(),
        "message": {"text": text},
        "locations": diagnostic
            .place
            .iter()
            .map(|place| json!({"physicalLocation": physical(place)}))
            .collect::<Vec<_>>(),
        "relatedLocations": related
            .map(|((place, label), id)| json!({
                "id": id,
                "message": {"text": label},
                "physicalLocation": physical(place),
            }))
            .collect::<Vec<_>>(),
    })
}

fn physical(place: &Place) -> Json {
    let ((line, column), (end_line, end_column)) = place.lines_and_columns();
    json!({
        "artifactLocation": {"uri": uri(&place.file.name)},
        "region": {
            "startLine": line,
            "startColumn": column,
            "endLine": end_line,
            "endColumn": end_column,
        },
    })
}

/// A path as a URI: relative ones stay relative, to be found in the repository.
fn uri(path: &str) -> String {
    let mut out = String::new();
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;

    #[test]
    fn a_log_has_a_rule_for_every_code_and_a_region_for_every_place() {
        let file = SourceFile::new("rules/my rules.yaml", "ä: bäd\n");
        let log = sarif(&[
            Diagnostic::error("E", "wrong")
                .at(Place::new(&file, 4..8))
                .related(Place::new(&file, 0..2), "used here")
                .help("say good"),
            Diagnostic::warning("A", "odd"),
        ]);
        let run = &log["runs"][0];
        assert_eq!(
            run["tool"]["driver"]["rules"],
            json!([{"id": "A"}, {"id": "E"}])
        );
        let first = &run["results"][0];
        assert_eq!(first["ruleIndex"], 1);
        assert_eq!(first["message"]["text"], "wrong\nhelp: say good");
        let want = json!({
            "artifactLocation": {"uri": "rules/my%20rules.yaml"},
            "region": {"startLine": 1, "startColumn": 4, "endLine": 1, "endColumn": 7},
        });
        assert_eq!(first["locations"][0]["physicalLocation"], want);
        assert_eq!(first["relatedLocations"][0]["message"]["text"], "used here");
        assert_eq!(run["results"][1]["locations"], json!([]));
    }

    #[test]
    fn a_path_is_a_uri() {
        for (path, want) in [
            ("a/b.yaml", "a/b.yaml"),
            ("/etc/r.yaml", "file:///etc/r.yaml"),
            ("<command line>", "%3Ccommand%20line%3E"),
            ("ü.yaml", "%C3%BC.yaml"),
        ] {
            assert_eq!(uri(path), want);
        }
    }
}
