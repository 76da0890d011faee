//! Objects that services for incidents take: `PagerDuty`'s events, Opsgenie's alerts.
//!
//! An alert comes in, the service's object leaves, each text within its bound.
//! Alerts of one rule about one program on one host (and in one container) have one
//! key, by which the service adds them to one incident instead of waking somebody
//! for each; the alert's own id is among the details.

use ring::digest;
use serde_json::{Map, Value, json};

use crate::alert::{Alert, Priority};
use crate::deliver::secret::Secret;
use crate::deliver::text::{shortened, visible};

/// Most characters of all details together that Opsgenie takes.
const MAX_DETAILS: usize = 8000;

/// An event for version 2 of the interface, with the key of the service it is for.
pub(super) fn pagerduty(alert: &Alert, routing_key: Option<&Secret>) -> Value {
    json!({
        "routing_key": routing_key.map(Secret::expose),
        "event_action": "trigger",
        "dedup_key": incident(alert),
        "client": "Sensor",
        "payload": {
            "summary": clear(&format!("{}: {}", alert.rule, alert.message), 1024),
            "source": or_unknown(&alert.hostname),
            "severity": severity(alert.priority),
            "timestamp": time(alert),
            "component": field(alert, "proc.name"),
            "group": field(alert, "container.name"),
            "class": clear(&alert.rule, 255),
            "custom_details": details(alert),
        },
    })
}

/// An alert for version 2 of the interface.
pub(super) fn opsgenie(alert: &Alert) -> Value {
    let tags = alert.tags.iter().take(20).map(|tag| clear(tag, 50));
    json!({
        "message": clear(&format!("{}: {}", alert.rule, alert.message), 130),
        "alias": incident(alert),
        "description": clear(&alert.message, 15_000),
        "details": details(alert),
        "entity": clear(&alert.hostname, 512),
        "source": "Sensor",
        "priority": match alert.priority {
            Priority::Emergency | Priority::Alert | Priority::Critical => "P1",
            Priority::Error => "P2",
            Priority::Warning => "P3",
            Priority::Notice => "P4",
            Priority::Informational | Priority::Debug => "P5",
        },
        "tags": tags.collect::<Value>(),
    })
}

fn severity(priority: Priority) -> &'static str {
    match priority {
        Priority::Emergency | Priority::Alert | Priority::Critical => "critical",
        Priority::Error => "error",
        Priority::Warning => "warning",
        Priority::Notice | Priority::Informational | Priority::Debug => "info",
    }
}

/// The same for all alerts of one incident: 64 hexadecimal digits.
fn incident(alert: &Alert) -> String {
    let about = ["container.id", "proc.exepath"].map(|name| value(alert, name));
    let what = json!([alert.rule, alert.hostname, alert.source, about]).to_string();
    let hash = digest::digest(&digest::SHA256, what.as_bytes());
    super::super::hexadecimal(hash.as_ref())
}

/// What is known of the event, as texts, as many as there is room for.
fn details(alert: &Alert) -> Map<String, Value> {
    let mut room = MAX_DETAILS;
    let mut details = Map::new();
    let mut put = |name: &str, value: String| {
        let size = name.chars().count() + value.chars().count();
        if let Some(left) = room.checked_sub(size) {
            room = left;
            details.insert(name.to_owned(), value.into());
        }
    };
    put("uuid", alert.id.to_string());
    put("rule", clear(&alert.rule, 500));
    put("priority", alert.priority.name().to_owned());
    put("host", clear(&alert.hostname, 255));
    put("time", time(alert));
    let tags: Vec<&str> = alert.tags.iter().map(|tag| &**tag).collect();
    put("tags", clear(&tags.join(", "), 500));
    for name in alert.output_fields.keys() {
        if let Some(value) = value(alert, name) {
            put(&clear(name, 100), clear(&value, 1000));
        }
    }
    details
}

/// A field's value as a text, where the alert has it.
fn value(alert: &Alert, name: &str) -> Option<String> {
    let known = alert.output_fields.get(name);
    match known.or_else(|| alert.evidence.get(name))? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn field(alert: &Alert, name: &str) -> Value {
    value(alert, name).map_or(Value::Null, |value| clear(&value, 255).into())
}

fn or_unknown(host: &str) -> String {
    if host.is_empty() {
        return "unknown".to_owned();
    }
    clear(host, 255)
}

fn clear(text: &str, max: usize) -> String {
    shortened(&visible(text), max)
}

/// When it happened, to the millisecond.
fn time(alert: &Alert) -> String {
    let milliseconds = i64::try_from(alert.time_ns / 1_000_000).unwrap_or_default();
    let time = jiff::Timestamp::from_millisecond(milliseconds);
    time.unwrap_or_default().to_string()
}
