//! Falco's validation object: its keys, its words, its places.

use sensor::detect::rules::{LoadOptions, check_texts, falco};
use serde_json::{Value as Json, json};

const FILE: &str = "\
- required_plugin_versions:
  - name: container
    version: 99.0.0
- list: ports
  items: [80, nonsense]
- macro: web
  condition: >
    evt.type = connect
    and fd.sport in (ports)
- rule: one
  desc: d
  condition: \"web and proc.nmae = x\"
  output: '%nofield.x'
  priority: SEVERE
  tags: [[a]]
  exceptions:
  - name: e
    fields: [proc.name]
    comps: [is]
    values: [[a]]
- rule: one
  enabled: true
  override: {enabled: append}
";

fn object(files: &[(&str, &str)]) -> Json {
    let bytes: Vec<_> = files.iter().map(|(n, t)| (*n, t.as_bytes())).collect();
    falco(&check_texts(&bytes, &LoadOptions::default()))
}

/// `code: kind name > kind name …` of every error of the first file.
fn paths(object: &Json) -> Vec<String> {
    let errors = object["falco_load_results"][0]["errors"]
        .as_array()
        .unwrap();
    let path = |error: &Json| {
        let locations = error["context"]["locations"].as_array().unwrap().iter();
        let names: Vec<_> = locations
            .map(|at| {
                let (kind, name) = (&at["item_type"], &at["item_name"]);
                format!("{} {}", kind.as_str().unwrap(), name.as_str().unwrap())
            })
            .map(|name| name.trim_end().to_owned())
            .collect();
        format!(
            "{}: {}",
            error["code"].as_str().unwrap(),
            names[1..].join(" > ")
        )
    };
    errors.iter().map(path).collect()
}

#[test]
fn locations_lead_from_the_file_to_the_innermost_item() {
    assert_eq!(
        paths(&object(&[("1.yaml", FILE)])),
        [
            "LOAD_ERR_VALIDATE: required plugin versions > \
             required plugin versions entry container > value for name",
            "LOAD_ERR_COMPILE_CONDITION: macro web > macro condition > condition expression",
            "LOAD_ERR_COMPILE_CONDITION: rule one > rule condition > condition expression",
            "LOAD_ERR_COMPILE_OUTPUT: rule one > rule output",
            "LOAD_ERR_YAML_VALIDATE: rule one > rule priority",
            "LOAD_ERR_YAML_VALIDATE: rule one > value for tags > list item",
            "LOAD_ERR_VALIDATE: rule one > exceptions > exception e > value for comps > list item",
            "LOAD_ERR_YAML_VALIDATE: rule one > overrides > value for enabled",
        ]
    );
}

#[test]
fn places_count_from_zero_and_conditions_have_their_own() {
    let object = object(&[("1.yaml", FILE)]);
    let errors = &object["falco_load_results"][0]["errors"];
    let context = &errors[2]["context"];
    let start = |text: &str| FILE.find(text).unwrap();
    let condition = start("\"web and");
    let want = json!([
        {
            "item_type": "rules content", "item_name": "",
            "position": {"name": "1.yaml", "line": 0, "column": 0, "offset": 0},
        },
        {
            "item_type": "rule", "item_name": "one",
            "position": {"name": "1.yaml", "line": 9, "column": 2, "offset": start("rule: one")},
        },
        {
            "item_type": "rule condition", "item_name": "",
            "position": {"name": "1.yaml", "line": 11, "column": 13, "offset": condition},
        },
        {
            "item_type": "condition expression", "item_name": "",
            "position": {
                "name": "\"web and proc.nmae...\"", "line": 12, "column": 22,
                "offset": condition + 8,
            },
        },
    ]);
    assert_eq!(context["locations"], want);
    let snippet = context["snippet"].as_str().unwrap();
    let (line, mark) = snippet.split_once('\n').unwrap();
    assert!(line.starts_with("web and proc.nmae = x"), "{snippet}");
    assert_eq!(mark, format!("{}^\n", " ".repeat(8)));
    // A block starts with its mark.
    let block = &errors[1]["context"]["locations"][2]["position"];
    assert_eq!(block["offset"], start(">\n"));
}

#[test]
fn the_object_has_every_file_and_the_words_falco_has() {
    let warned = "- macro: m\n  condition: evt.dir = <\n- rule: r\n  desc: d\n  \
                  condition: m and evt.type = open\n  output: o\n  priority: INFO\n  tag: x\n";
    let object = object(&[
        ("ok.yaml", ""),
        ("warned.yaml", warned),
        ("no.yaml", "a: ["),
    ]);
    let results = object["falco_load_results"].as_array().unwrap();
    let ok = json!({
        "name": "ok.yaml", "successful": true, "schema_valid": true, "schema_warnings": [],
        "errors": [], "warnings": [],
    });
    assert_eq!(results[0], ok);
    let warned = &results[1];
    assert_eq!(warned["successful"], true);
    assert_eq!(warned["schema_valid"], false);
    let schema = warned["schema_warnings"][0].as_str().unwrap();
    assert!(schema.starts_with("failed for <root>[1]"), "{schema}");
    let codes: Vec<_> = warned["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| &w["code"])
        .collect();
    assert_eq!(codes, ["LOAD_DEPRECATED_ITEM", "LOAD_UNKNOWN_KEY"]);
    assert_eq!(warned["warnings"][0]["deprecated_field"], "evt.dir");
    let broken = &results[2]["errors"][0];
    assert_eq!(results[2]["successful"], false);
    assert_eq!(broken["code"], "LOAD_ERR_YAML_PARSE");
    assert_eq!(broken["codedesc"], "YAML parse error");
}
