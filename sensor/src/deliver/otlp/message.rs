//! The protocol's messages as protocol buffers.
//!
//! Alerts come in, the bytes of a request leave; the bytes of an answer come in, what
//! it rejects leaves. Fields that we do not write are left out of the messages.

use std::sync::Arc;

use prost::Message;
use serde_json::Value;

use crate::alert::Alert;

use super::super::text;
use super::{Config, attributes, by_host, severity};

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_logs: Vec<ResourceLogs>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceLogs {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_logs: Vec<ScopeLogs>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeLogs {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    log_records: Vec<LogRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct LogRecord {
    #[prost(fixed64, tag = "1")]
    time_unix_nano: u64,
    #[prost(int32, tag = "2")]
    severity_number: i32,
    #[prost(string, tag = "3")]
    severity_text: String,
    #[prost(message, optional, tag = "5")]
    body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "11")]
    observed_time_unix_nano: u64,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Flag(bool),
    #[prost(int64, tag = "3")]
    Whole(i64),
    #[prost(double, tag = "4")]
    Real(f64),
    #[prost(message, tag = "5")]
    List(List),
    #[prost(message, tag = "6")]
    Map(Map),
}

#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(message, repeated, tag = "1")]
    values: Vec<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct Map {
    #[prost(message, repeated, tag = "1")]
    values: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_log_records: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// The request for a batch.
pub(super) fn request(config: &Config, batch: &[Arc<Alert>], now_ns: u64) -> Vec<u8> {
    let resources = by_host(batch).into_iter().map(|(host, alerts)| {
        let scope = Scope {
            name: "sensor".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let records = alerts.into_iter().map(|alert| record(alert, now_ns));
        ResourceLogs {
            resource: Some(Resource {
                attributes: key_values(&config.attributes(host)),
            }),
            scope_logs: vec![ScopeLogs {
                scope: Some(scope),
                log_records: records.collect(),
            }],
        }
    });
    let request = Request {
        resource_logs: resources.collect(),
    };
    request.encode_to_vec()
}

/// How many records an answer says were rejected, and its words. Bytes that are no
/// such answer reject nothing: the status has said that the request was taken.
pub(super) fn rejected(body: &[u8]) -> (u64, String) {
    let answer = Response::decode(body).unwrap_or_default();
    let partial = answer.partial_success.unwrap_or_default();
    let rejected = u64::try_from(partial.rejected_log_records).unwrap_or(0);
    let words = match partial.error_message.trim() {
        "" => String::new(),
        said => format!(": {}", text::shortened(&text::visible(said), 300)),
    };
    (rejected, words)
}

fn record(alert: &Alert, now_ns: u64) -> LogRecord {
    LogRecord {
        time_unix_nano: alert.time_ns,
        severity_number: severity(alert.priority).into(),
        severity_text: alert.priority.name().to_owned(),
        body: Some(AnyValue {
            kind: Some(Kind::Text(alert.message.clone())),
        }),
        attributes: key_values(&attributes(alert)),
        observed_time_unix_nano: now_ns,
    }
}

fn key_values(of: &[(&str, Value)]) -> Vec<KeyValue> {
    of.iter().map(|(key, of)| key_value(key, of)).collect()
}

fn key_value(key: &str, of: &Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value(of)),
    }
}

/// A value as the protocol has it; a null is a value without any.
fn value(of: &Value) -> AnyValue {
    let kind = match of {
        Value::Null => None,
        Value::Bool(value) => Some(Kind::Flag(*value)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Some(Kind::Whole(whole)),
            None => number.as_f64().map(Kind::Real),
        },
        Value::String(text) => Some(Kind::Text(text.clone())),
        Value::Array(items) => Some(Kind::List(List {
            values: items.iter().map(value).collect(),
        })),
        Value::Object(map) => Some(Kind::Map(Map {
            values: map.iter().map(|(key, of)| key_value(key, of)).collect(),
        })),
    };
    AnyValue { kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_rejects_is_counted_and_told() {
        let some = [0x0a, 7, 0x08, 2, 0x12, 3, b'b', 0x1b, b'd'];
        let (rejected_records, words) = rejected(&some);
        assert_eq!(rejected_records, 2);
        assert!(
            words.starts_with(": b") && !words.contains('\x1b'),
            "{words}"
        );
        for nothing in [&b""[..], &some[..5], b"<html>", &[0xff; 20]] {
            assert_eq!(rejected(nothing), (0, String::new()));
        }
    }
}
