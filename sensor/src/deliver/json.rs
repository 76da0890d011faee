//! An alert as JSON: the same object in every output.

use crate::alert::Alert;

use serde_json::{Map, Value};

/// Falco's alert object with our additions under keys of their own.
pub(crate) fn object(alert: &Alert) -> Map<String, Value> {
    let mut map = Map::new();
    let texts = [
        ("hostname", alert.hostname.to_string()),
        ("output", alert.output.clone()),
        ("priority", alert.priority.name().to_owned()),
        ("rule", alert.rule.to_string()),
        ("source", alert.source.to_string()),
        ("time", utc(alert.time_ns)),
        ("uuid", alert.id.to_string()),
    ];
    for (key, text) in texts {
        map.insert(key.to_owned(), Value::String(text));
    }
    let tags = alert.tags.iter().map(|tag| Value::String(tag.to_string()));
    map.insert("tags".to_owned(), tags.collect());
    let fields = Value::Object(alert.output_fields.clone());
    map.insert("output_fields".to_owned(), fields);
    map
}

/// Appends the object as one line.
pub(crate) fn write_line(out: &mut Vec<u8>, alert: &Alert) {
    out.extend_from_slice(Value::Object(object(alert)).to_string().as_bytes());
    out.push(b'\n');
}

/// `2026-11-21T04:00:00.000000000Z`.
fn utc(time_ns: u64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(time_ns))
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string())
        .unwrap_or_default()
}
