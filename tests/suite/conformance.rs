//! The compatibility checklists: conditions and outputs of the rule language
//! with what must come of them. Every case goes the way of a user's rule: YAML
//! in, through the loader, to a verdict or an alert.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use sensor::alert::{Alert, AlertOptions, Composer, JsonOptions, Occurrence};
use sensor::detect::rules::{LoadOptions, Rule, load_texts};
use sensor::enrich::host::Host;
use sensor::fields::given::Given;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Value as Json, json};

/// When the events of the checklist happen: 22:13:20 in UTC.
const TIME_NS: u64 = 1_700_000_000_123_456_789;

/// The cases of a checklist, or none and a note when it is not at hand.
fn cases<T: for<'de> Deserialize<'de>>(file: &str) -> Vec<T> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    let Ok(text) = fs::read_to_string(shared.join(file)) else {
        println!("skipped: no ../shared/conformance/{file}");
        return Vec::new();
    };
    let cases: Result<Vec<T>, _> = text.lines().map(serde_json::from_str).collect();
    cases.expect("a checklist of one JSON object per line")
}

/// A map in the order it was written: lists and macros see only what comes
/// before them.
struct Ordered<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(InOrder(std::marker::PhantomData))
    }
}

#[derive(serde::Deserialize)]
struct ConditionCase {
    id: String,
    condition: String,
    lists: Ordered<Vec<String>>,
    macros: Ordered<String>,
    event: Json,
    expect: Json,
}

#[derive(serde::Deserialize)]
struct OutputCase {
    id: String,
    format: String,
    #[serde(default)]
    json: bool,
    #[serde(default)]
    iso: bool,
    #[serde(default)]
    message: bool,
    extra: Option<Ordered<(String, bool)>>,
    event: Json,
    expect: Json,
}

/// The one rule of a file of lists, macros and a rule; `None` when it does not
/// load. JSON is YAML, so texts are written as JSON strings.
fn load(lists: &Ordered<Vec<String>>, macros: &Ordered<String>, rule: &Json) -> Option<Rule> {
    let mut file = String::new();
    for (name, items) in &lists.0 {
        writeln!(file, "- {}", json!({"list": name, "items": items})).unwrap();
    }
    for (name, condition) in &macros.0 {
        writeln!(file, "- {}", json!({"macro": name, "condition": condition})).unwrap();
    }
    writeln!(file, "- {rule}").unwrap();
    let loaded = load_texts(&[("case.yaml", file.as_bytes())], &LoadOptions::default()).ok()?;
    let rule = loaded.rules.rules.into_iter().next()?;
    Arc::into_inner(rule)
}

/// The alert of a rule for an event, in the checklist's place and time zone.
fn alert(rule: &Rule, event: &Given, options: AlertOptions) -> Alert {
    let host = Host {
        name: "host1".into(),
        ..Host::default()
    };
    let occurrence = Occurrence {
        number: 1,
        time_ns: TIME_NS,
        ..Occurrence::default()
    };
    Composer::new(&host, options)
        .in_zone(TimeZone::UTC)
        .compose_from(rule, event, &occurrence)
}

#[test]
fn every_condition_of_the_checklist_has_its_verdict() {
    let mut wrong = Vec::new();
    for case in cases::<ConditionCase>("checklist-conditions.jsonl") {
        let rule = json!({
            "rule": "R", "desc": "d", "priority": "NOTICE", "output": "o",
            "condition": case.condition,
        });
        let got = match load(&case.lists, &case.macros, &rule) {
            None => json!("load_error"),
            Some(rule) => {
                let event = Given::from_json(&case.event).expect(&case.id);
                json!(rule.condition.matches(&event))
            }
        };
        if got != case.expect {
            wrong.push(format!("{}: {got}, not {}", case.id, case.expect));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_output_of_the_checklist_looks_as_it_must() {
    let mut wrong = Vec::new();
    for case in cases::<OutputCase>("checklist-output.jsonl") {
        let got = output(&case);
        let expected = with_deviations(&case);
        if got != expected {
            wrong.push(format!("{}: {got}\n    not {expected}", case.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What must come of a case. There is one place where the reference engine's
/// behaviour is held to be a defect and not copied: `%len(FIELD)` prints the
/// length, where the reference prints `<NA>`.
fn with_deviations(case: &OutputCase) -> Json {
    let mut expected = case.expect.clone();
    if case.id == "O28" {
        let line = "22:13:20.123456789: Notice <NA> b";
        assert_eq!(expected["output"], line, "the deviation is still needed");
        expected["output"] = line.replace("<NA>", "3").into();
    }
    expected
}

fn output(case: &OutputCase) -> Json {
    let rule = json!({
        "rule": "R", "desc": "d", "priority": "NOTICE", "tags": ["t2", "t1"],
        "condition": "evt.num > 0", "output": case.format,
    });
    let Some(mut rule) = load(&Ordered(Vec::new()), &Ordered(Vec::new()), &rule) else {
        return json!("load_error");
    };
    for (key, (text, typed)) in case.extra.iter().flat_map(|extra| &extra.0) {
        let added = match text.strip_prefix('%').filter(|_| *typed) {
            Some(field) => rule.output.export_field(field),
            None => rule.output.export_text(key, text),
        };
        added.expect(&case.id);
    }
    let event = Given::from_json(&case.event).expect(&case.id);
    let options = AlertOptions {
        iso_8601: case.iso,
        json: JsonOptions {
            message: case.message,
            ..JsonOptions::default()
        },
        ..AlertOptions::default()
    };
    let alert = alert(&rule, &event, options);
    if !case.json {
        return alert.output.into();
    }
    let mut object = alert.to_json();
    // Our addition has a key of its own; all else is Falco's.
    assert_eq!(object.remove("uuid"), Some(json!(alert.id.to_string())));
    Json::Object(object)
}
