//! Events as Splunk describes them, and nothing more lenient.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use regex::bytes::Regex;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

/// What is wrong with an envelope, by Splunk's description of it.
pub(super) fn check_envelope(envelope: &Value, raw: &[u8]) -> Result<(), String> {
    let object = envelope.as_object().ok_or("an event that is no object")?;
    let known = [
        "time",
        "host",
        "source",
        "sourcetype",
        "index",
        "event",
        "fields",
    ];
    if let Some(key) = object.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("unknown key {key}"));
    }
    for key in ["host", "source", "sourcetype"] {
        if envelope[key].as_str().is_none_or(str::is_empty) {
            return Err(format!("{key} is {}", envelope[key]));
        }
    }
    if !envelope["event"].is_object() || id_of(envelope).is_none() {
        return Err("event is no alert".to_owned());
    }
    let flat = |value: &Value| match value {
        Value::Array(items) => items
            .iter()
            .all(|item| item.is_string() || item.is_number()),
        other => other.is_string() || other.is_number() || other.is_boolean(),
    };
    // A sender may leave them out; a wrong form is what no sender may send.
    if let Some(fields) = envelope.get("fields") {
        let fields = fields.as_object().ok_or("fields are no object")?;
        if !fields.values().all(flat) {
            return Err("fields are not flat".to_owned());
        }
    }
    let time = envelope["time"].as_f64().ok_or("time is no number")?;
    let precise = Regex::new(r#""time":\d{10}\.\d{3,9}[,}]"#).unwrap();
    if !is_recent(time) || !precise.is_match(raw) {
        return Err(format!("time is {time}"));
    }
    Ok(())
}

/// Within a day of now.
fn is_recent(seconds: f64) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    (seconds - now.as_secs_f64()).abs() < 86_400.0
}

/// The event of a line of a raw request, which holds its own time.
pub(super) fn check_line(line: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(line).map_err(|error| error.to_string())?;
    let text = text.strip_suffix('\n').ok_or("a line without its end")?;
    let Strict(event) = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let time = event["time"].as_str().ok_or("a line without a time")?;
    let time: jiff::Timestamp = time.parse().map_err(|_| format!("time is {time}"))?;
    if !is_recent(time.as_duration().as_secs_f64()) || id_of(&json!({"event": event})).is_none() {
        return Err(format!("a line of {time} that is no alert"));
    }
    Ok(event)
}

/// The metadata in the URL of a raw request, as an envelope would have it.
pub(super) fn metadata_of(query: &str) -> Result<Value, String> {
    let mut found = Map::new();
    let url = reqwest::Url::parse(&format!("http://h/?{query}")).unwrap();
    for (key, value) in url.query_pairs() {
        let known = ["host", "source", "sourcetype", "index"].contains(&&*key);
        let twice = found
            .insert(key.to_string(), value.as_ref().into())
            .is_some();
        if !known || twice || value.is_empty() {
            return Err(format!("{key}={value} in {query}"));
        }
    }
    if !["host", "source", "sourcetype"]
        .iter()
        .all(|key| found.contains_key(*key))
    {
        return Err(format!("metadata is missing in {query}"));
    }
    Ok(found.into())
}

/// JSON in which a key given twice is an error.
pub(super) struct Strict(pub(super) Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut found = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            found.push(item);
        }
        Ok(found.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut found = serde_json::Map::new();
        while let Some((key, Strict(value))) = members.next_entry::<String, Strict>()? {
            if found.insert(key.clone(), value).is_some() {
                return Err(de::Error::custom(format!("key {key} twice")));
            }
        }
        Ok(found.into())
    }
}

/// The alert's id, which the Information Model names `id`.
pub(super) fn id_of(envelope: &Value) -> Option<&str> {
    let event = &envelope["event"];
    event["uuid"].as_str().or(event["id"].as_str())
}
