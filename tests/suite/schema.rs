//! The JSON Schemas for editors: what loads validates, what is of a wrong
//! shape does not.

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use sensor::detect::rules;
use sensor::{config, shipped};
use serde_json::Value as Json;

fn validator(schema: &Json) -> Validator {
    assert!(jsonschema::meta::is_valid(schema), "the schema is none");
    jsonschema::validator_for(schema).unwrap()
}

/// YAML as an editor sees it.
fn yaml(text: &str) -> Json {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn complaints(validator: &Validator, text: &str) -> Vec<String> {
    let value = yaml(text);
    let errors = validator.iter_errors(&value);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// The files of a directory of the repository.
fn files(directory: &str) -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(directory);
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let texts = paths.map(|path| (path.display().to_string(), fs::read_to_string(&path)));
    texts
        .filter_map(|(name, text)| Some((name, text.ok()?)))
        .collect()
}

#[test]
fn shipped_rules_and_falcos_own_validate() {
    let validator = validator(&rules::schema());
    for (name, bytes) in shipped::RULES {
        let text = std::str::from_utf8(bytes).unwrap();
        assert_eq!(complaints(&validator, text), [""; 0], "{name}");
    }
    let falco = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/falco-rules");
    match fs::read_to_string(falco.join("falco_rules.yaml")) {
        Ok(text) => assert_eq!(complaints(&validator, &text), [""; 0]),
        Err(_) => println!("skipped: no ../shared/falco-rules"),
    }
}

#[test]
fn every_form_of_an_item_validates() {
    let validator = validator(&rules::schema());
    for text in [
        "",
        "[]",
        "- required_engine_version: 57",
        "- required_engine_version: 0.57.0",
        "- required_plugin_versions: [{name: a, version: 0.1.0, alternatives: [{name: b, version: 1.0.0}]}]",
        "- {list: l, items: [a, 80, true, 1.5]}\n-\n- {list: l, items: [], append: true}",
        "- {list: l, items: [a], override: {items: append}}",
        "- {macro: m, condition: a, override: {condition: replace}}",
        "- {rule: r, desc: d, condition: c, output: o, priority: INFO}",
        "- {rule: r, desc: d, condition: c, output: o, priority: Error, enabled: no, tags: [a], \
           source: syscall, warn_evttypes: 'off', skip-if-unknown-filter: true, capture: true, \
           capture_duration: 500, exceptions: ~}",
        "- {rule: r, enabled: false}",
        "- {rule: r, append: true, condition: and x}",
        "- {rule: r, tags: [x], priority: debug, override: {tags: append, priority: replace}}",
        "- {rule: r, append: true, exceptions: [{name: e, values: [a, [b, [c, d]]]}]}",
        "- sensor_features: [exception_terms, severest_first, stories]",
        "- {rule: r, desc: d, condition: c, output: o, priority: info, story: [x], exceptions: \
           [{name: e, fields: [a, b], comps: [in, =], values: [], reason: x, owner: y, expires: 2026-12-31}]}",
    ] {
        assert_eq!(complaints(&validator, text), [""; 0], "{text}");
    }
}

#[test]
fn a_wrong_shape_does_not_validate() {
    let validator = validator(&rules::schema());
    for text in [
        "a: b",
        "- text",
        "- {name: x}",
        "- {list: l}",
        "- {list: l, items: [[a]]}",
        "- {list: l, items: a}",
        "- {list: l, items: [a], condition: c}",
        "- {macro: m, condition: c, override: {items: append}}",
        "- {rule: r, tags: [x]}",
        "- {rule: r, desc: d, condition: c, output: o}",
        "- {rule: r, desc: d, condition: c, output: o, priority: WARN}",
        "- {rule: r, desc: d, condition: c, output: o, priority: info, tag: [x]}",
        "- {rule: r, desc: d, condition: c, output: o, priority: info, enabled: maybe}",
        "- {rule: r, priority: info, override: {priority: append}}",
        "- sensor_features: [story]",
        "- required_engine_version: new",
    ] {
        assert!(!validator.is_valid(&yaml(text)), "{text}");
    }
}

#[test]
fn a_configuration_validates_as_the_sensor_takes_it() {
    let validator = validator(&config::schema());
    for (name, text) in files("deploy") {
        if name.ends_with("sensor.yaml") {
            assert_eq!(complaints(&validator, &text), [""; 0], "{name}");
        }
    }
    for (text, want) in [
        ("rules: [{disable: {tag: network}}]", true),
        (
            "append_output: [{match: {rule: r}, extra_fields: [fd.name, {k: v}]}]",
            true,
        ),
        ("static_fields: {env: prod}", true),
        ("rules: [{disable: network}]", false),
        ("append_output: [{extra: x}]", false),
        ("prioritty: debug", false),
        ("capture: {ring_mib: big}", false),
    ] {
        assert_eq!(validator.is_valid(&yaml(text)), want, "{text}");
        assert_eq!(config::parse("c", text, &[]).is_ok(), want, "{text}");
    }
}
