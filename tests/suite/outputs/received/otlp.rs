//! OTLP, decoded by the messages its makers generate.

use sensor::alert::Priority;
use serde_json::{Value, json};

use super::super::{FAST, alert_of, finish, start};
use super::judged;
use crate::stand_in::intake::Intake;

/// A batch of two alerts is sent in this encoding; gives the decoded records, after the
/// alerts they must be of.
fn check(encoding: &str) {
    let intake = Intake::start(|_| (200, String::new()));
    let delivery = start(&format!(
        "type: otlp, encoding: {encoding}, url: '{}', resource: {{team: red}}, batch: {{max_age_ms: 60000}}, {FAST}",
        intake.url()
    ));
    let mut hostile = (*alert_of("a \"rule\" \u{1F980}", Priority::Debug)).clone();
    let fields = json!({
        "evt.num": i64::MIN, "real": 0.5, "flag": true, "none": null,
        "list": ["a", [1]], "map": {"k": {"v": "\u{0}"}}, "unsigned": u64::MAX,
    });
    hostile
        .output_fields
        .clone_from(fields.as_object().unwrap());
    let alerts = [alert_of("rule", Priority::Error), hostile.into()];
    for alert in &alerts {
        delivery.send(alert);
    }
    assert_eq!(finish(delivery).delivered, 2);
    let Some(records) = judged("otlp.py", &[encoding], &intake.seen()[0].bytes) else {
        return;
    };
    let records = records.as_array().unwrap();
    assert_eq!(records.len(), alerts.len());
    for ((record, alert), severity) in records.iter().zip(&alerts).zip([17, 5]) {
        let host = json!({"host.name": "node1", "service.name": "sensor", "team": "red"});
        assert_eq!(record["resource"], host);
        assert_eq!(record["time"], alert.time_ns);
        assert!(record["observed"].as_u64().unwrap() >= alert.time_ns);
        assert_eq!(record["severity"], severity);
        assert_eq!(record["severity_text"], alert.priority.name());
        assert_eq!(record["body"], alert.message);
        let mut expected = alert.output_fields.clone();
        expected.retain(|_, value| !value.is_null());
        if let Some(large) = expected.get_mut("unsigned") {
            // The protocol has no unsigned numbers.
            *large = json!(18_446_744_073_709_552_000.0);
        }
        for (name, value) in [
            ("log.record.uid", json!(alert.id.to_string())),
            ("rule.name", json!(alert.rule)),
            ("rule.source", json!(alert.source)),
            ("rule.tags", json!(alert.tags)),
        ] {
            expected.insert(name.into(), value);
        }
        assert_eq!(record["attributes"], Value::Object(expected));
    }
}

#[test]
fn its_makers_read_json_as_it_was_meant() {
    check("json");
}

#[test]
fn its_makers_read_protocol_buffers_as_they_were_meant() {
    check("protobuf");
}
