//! What an alert says, and that nothing in it leaves its place.

use serde_json::{Value as Json, json};

use super::*;
use crate::detect::rules::{LoadOptions, load_texts};
use crate::fields::given::Given;

const TIME_NS: u64 = 1_700_000_000_000_000_042;

fn rule(output: &str) -> Arc<Rule> {
    let rule = json!([{
        "rule": "A rule", "desc": "d", "priority": "warning", "tags": ["z", "a"],
        "condition": "evt.num > 0", "output": output,
    }]);
    let file = rule.to_string();
    let loaded = load_texts(&[("r.yaml", file.as_bytes())], &LoadOptions::default());
    loaded.unwrap().rules.rules.remove(0)
}

fn alert(output: &str, event: &Json, options: AlertOptions) -> Alert {
    let host = Host {
        name: "node1".into(),
        ..Host::default()
    };
    let occurrence = Occurrence {
        number: 3,
        time_ns: TIME_NS,
        ..Occurrence::default()
    };
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    let composer = Composer::new(&host, options).in_zone(zone);
    composer.compose_from(
        &rule(output),
        &Given::from_json(event).unwrap(),
        &occurrence,
    )
}

#[test]
fn a_line_begins_with_local_time_and_priority() {
    let alert = alert(
        "by %proc.name",
        &json!({"proc.name": "sh"}),
        AlertOptions::default(),
    );
    assert_eq!(alert.output, "00:13:20.000000042: Warning by sh");
    assert_eq!(alert.message, "by sh");
    assert_eq!(alert.output_fields["evt.time"], TIME_NS);
}

#[test]
fn times_can_be_iso_8601_in_utc() {
    let options = AlertOptions {
        iso_8601: true,
        ..AlertOptions::default()
    };
    let alert = alert("x", &json!({}), options);
    assert_eq!(
        alert.output,
        "2023-11-14T22:13:20.000000042+0000: Warning x"
    );
    assert_eq!(alert.output_fields["evt.time.iso8601"], TIME_NS);
}

#[test]
fn a_hostile_name_cannot_leave_its_line() {
    let event = json!({"proc.name": "a\u{1b}[2J\n\"\\\t: x"});
    let alert = alert("%proc.name", &event, AlertOptions::default());
    let line = "00:13:20.000000042: Warning a\\u001b[2J\\n\\\"\\\\\\t: x";
    assert_eq!(alert.output, line);
    // JSON has an escape of its own: there the line is as it was.
    let raw = "00:13:20.000000042: Warning a\u{1b}[2J\n\"\\\t: x";
    assert_eq!(alert.to_json()["output"], raw);
}

#[test]
fn the_json_object_has_what_the_switches_say() {
    let keys = |json| {
        let options = AlertOptions {
            json,
            ..AlertOptions::default()
        };
        let object = alert("%proc.name", &json!({}), options).to_json();
        object.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    let none = JsonOptions {
        output: false,
        message: false,
        fields: false,
        tags: false,
    };
    let default = "hostname output output_fields priority rule source tags time uuid";
    assert_eq!(keys(JsonOptions::default()), default);
    assert_eq!(keys(none), "hostname priority rule source time uuid");
    let message = JsonOptions {
        message: true,
        ..none
    };
    assert_eq!(
        keys(message),
        "hostname message priority rule source time uuid"
    );
}

#[test]
fn evidence_is_beside_the_fields_the_rule_prints_and_never_in_the_json() {
    let event = json!({"proc.name": "sh", "proc.pid": 7});
    let options = AlertOptions {
        evidence: true,
        ..AlertOptions::default()
    };
    let with = alert("%proc.name", &event, options);
    assert_eq!(
        Json::from(with.evidence.clone()),
        json!({"proc.name": "sh", "proc.pid": 7})
    );
    let without = alert("%proc.name", &event, AlertOptions::default());
    assert!(without.evidence.is_empty());
    assert_eq!(with.to_json(), without.to_json());
}

#[test]
fn an_event_evaluated_again_gives_the_same_alert() {
    let event = json!({"proc.name": "sh"});
    let first = alert("%proc.name", &event, AlertOptions::default());
    assert_eq!(first, alert("%proc.name", &event, AlertOptions::default()));
    assert_eq!(first.tags.to_vec(), [Arc::from("a"), Arc::from("z")]);
}
