//! Alerts to an `OpenTelemetry` collector, as logs over HTTP.
//!
//! A batch of alerts comes in, one export request leaves: a resource for each host,
//! a log record for each alert, its time the event's. What the collector rejects of
//! a request it took is not sent again, as the protocol demands; since it does not
//! say which records those are, the whole batch is kept as dead letters. It is the
//! same request in JSON and in protocol buffers ([`message`]).

mod message;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::alert::{Alert, Priority};

use super::common::{Answer, Batch, BuildError, Output, Rest, Sending, Settings};
use super::http::Reply;
use super::post::{self, Auth, Endpoint, Poster};
use super::queue::Batching;
use super::secret::SecretRef;
use super::webhook::secret_value;
use super::{proxy, tls};

/// Sends alerts to an `OpenTelemetry` collector as logs (OTLP over HTTP).
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The collector, such as `https://otel.example:4318`; without a path, `/v1/logs` is used.
    pub url: String,
    /// The resource's `service.name` (default `sensor`).
    #[serde(default = "default_service")]
    pub service: String,
    /// More attributes of the resource, such as `deployment.environment.name: prod` (default none).
    #[serde(default)]
    pub resource: BTreeMap<String, String>,
    /// Headers whose values are secrets, by name (default none).
    #[serde(default)]
    pub secret_headers: BTreeMap<String, SecretRef>,
    /// How we prove who we are.
    #[serde(default)]
    pub auth: Auth,
    /// How requests are written: `json` or `protobuf`, which is smaller (default `json`).
    #[serde(default)]
    pub encoding: Encoding,
    /// How alerts are grouped into requests.
    #[serde(default)]
    pub batch: Batch,
    /// Compress requests (default true).
    #[serde(default = "yes")]
    pub gzip: bool,
    /// How the receiver's certificate is checked.
    #[serde(default)]
    pub tls: tls::Config,
    /// Through which proxy requests go.
    #[serde(default)]
    pub proxy: proxy::Config,
    /// Allow `http:` to another machine, readable by anyone on the path (default false).
    #[serde(default)]
    pub allow_unencrypted: bool,
    /// Longest time for one request, in milliseconds (1 to 600,000; default 15,000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

/// How requests are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As text, which every collector reads as well.
    #[default]
    Json,
    /// As protocol buffers.
    Protobuf,
}

fn default_service() -> String {
    "sensor".into()
}

fn yes() -> bool {
    true
}

fn default_timeout_ms() -> u64 {
    15_000
}

impl Settings for Config {
    fn batching(&self) -> Batching {
        self.batch.batching()
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = self.endpoint().check();
        wrong.extend(self.batch.check());
        wrong.extend(self.auth.check());
        wrong.extend(self.headers().err().map(|error| error.to_string()));
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let (endpoint, config) = (self.endpoint(), self.clone());
        let headers = move || config.headers();
        Ok(Box::new(Otlp {
            poster: Poster::new(endpoint.url()?, &endpoint, self.gzip, headers)?,
            config: self.clone(),
        }))
    }
}

impl Config {
    fn endpoint(&self) -> Endpoint<'_> {
        Endpoint {
            url: &self.url,
            path: "/v1/logs",
            tls: &self.tls,
            proxy: &self.proxy,
            allow_unencrypted: self.allow_unencrypted,
            timeout_ms: self.timeout_ms,
        }
    }

    fn headers(&self) -> Result<HeaderMap<HeaderValue>, BuildError> {
        let mut headers = post::content(match self.encoding {
            Encoding::Json => "application/json",
            Encoding::Protobuf => "application/x-protobuf",
        });
        for (name, secret) in &self.secret_headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| BuildError::Value(format!("`{name}` is no header name")))?;
            headers.insert(name, secret_value(secret, "")?);
        }
        self.auth.add_to(&mut headers)?;
        Ok(headers)
    }

    fn encode(&self, batch: &[Arc<Alert>], now_ns: u64) -> Vec<u8> {
        match self.encoding {
            Encoding::Json => self.json(batch, now_ns).to_string().into_bytes(),
            Encoding::Protobuf => message::request(self, batch, now_ns),
        }
    }

    fn json(&self, batch: &[Arc<Alert>], now_ns: u64) -> Value {
        let resources = by_host(batch).into_iter().map(|(host, alerts)| {
            let attributes = self.attributes(host);
            let attributes = attributes.iter().map(|(name, of)| attribute(name, of));
            let records = alerts.into_iter().map(|alert| record(alert, now_ns));
            json!({
                "resource": {"attributes": attributes.collect::<Value>()},
                "scopeLogs": [{
                    "scope": {"name": "sensor", "version": env!("CARGO_PKG_VERSION")},
                    "logRecords": records.collect::<Value>(),
                }],
            })
        });
        json!({"resourceLogs": resources.collect::<Value>()})
    }

    /// What is said of a host.
    fn attributes(&self, host: &str) -> Vec<(&str, Value)> {
        let mut attributes = vec![
            ("host.name", json!(host)),
            ("service.name", json!(self.service)),
        ];
        let more = self.resource.iter();
        attributes.extend(more.map(|(name, value)| (name.as_str(), json!(value))));
        attributes
    }
}

fn by_host(batch: &[Arc<Alert>]) -> BTreeMap<&str, Vec<&Alert>> {
    let mut hosts: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
    for alert in batch {
        hosts.entry(&alert.hostname).or_default().push(alert);
    }
    hosts
}

/// What is said of an alert beside its message.
fn attributes(alert: &Alert) -> Vec<(&str, Value)> {
    let tags: Vec<&str> = alert.tags.iter().map(|tag| &**tag).collect();
    let mut attributes = vec![
        ("log.record.uid", json!(alert.id.to_string())),
        ("rule.name", json!(alert.rule)),
        ("rule.source", json!(alert.source)),
        ("rule.tags", json!(tags)),
    ];
    let fields = alert.output_fields.iter();
    let fields = fields.filter(|(_, value)| !value.is_null());
    attributes.extend(fields.map(|(name, value)| (name.as_str(), value.clone())));
    attributes
}

fn record(alert: &Alert, now_ns: u64) -> Value {
    let attributes = attributes(alert);
    let attributes = attributes.iter().map(|(name, of)| attribute(name, of));
    // 64-bit numbers are strings in protobuf's JSON.
    json!({
        "timeUnixNano": alert.time_ns.to_string(),
        "observedTimeUnixNano": now_ns.to_string(),
        "severityNumber": severity(alert.priority),
        "severityText": alert.priority.name(),
        "body": {"stringValue": alert.message},
        "attributes": attributes.collect::<Value>(),
    })
}

fn attribute(key: &str, of: &Value) -> Value {
    json!({"key": key, "value": value(of)})
}

/// A value as the protocol has it; a null is a value without any.
fn value(of: &Value) -> Value {
    match of {
        Value::Null => json!({}),
        Value::Bool(value) => json!({"boolValue": value}),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => json!({"intValue": whole.to_string()}),
            None => json!({"doubleValue": number.as_f64()}),
        },
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(items) => {
            json!({"arrayValue": {"values": items.iter().map(value).collect::<Value>()}})
        }
        Value::Object(map) => {
            let values = map.iter().map(|(key, of)| attribute(key, of));
            json!({"kvlistValue": {"values": values.collect::<Value>()}})
        }
    }
}

/// The severity number of the protocol's log model.
fn severity(priority: Priority) -> u8 {
    match priority {
        Priority::Emergency => 21,
        Priority::Alert => 19,
        Priority::Critical => 18,
        Priority::Error => 17,
        Priority::Warning => 13,
        Priority::Notice => 10,
        Priority::Informational => 9,
        Priority::Debug => 5,
    }
}

/// The sender.
struct Otlp {
    poster: Poster,
    config: Config,
}

impl Otlp {
    async fn post(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ns = u64::try_from(now.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX);
        let body = self.config.encode(batch, now_ns);
        match self.poster.post(body).await {
            Ok(reply) => judge(&reply, batch, self.config.encoding),
            Err(answer) => answer,
        }
    }
}

fn judge(reply: &Reply, batch: &[Arc<Alert>], encoding: Encoding) -> Answer {
    if let Some(rest) = post::fate(reply) {
        return Answer::none(rest);
    }
    let (rejected, words) = match encoding {
        Encoding::Json => (rejected(&reply.body), post::words(reply)),
        Encoding::Protobuf => message::rejected(&reply.body),
    };
    if rejected == 0 {
        return Answer::all(batch);
    }
    let n = batch.len();
    let why = format!("{rejected} of {n} records rejected, not told which{words}");
    Answer::none(Rest::RefuseAll(why))
}

/// How many records an answer says were rejected; a number that is a string, as
/// protobuf's JSON has it, or none.
fn rejected(body: &[u8]) -> u64 {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let rejected = answer.pointer("/partialSuccess/rejectedLogRecords");
    let text = rejected.and_then(Value::as_str);
    let number = text.and_then(|text| text.parse().ok());
    number.or(rejected.and_then(Value::as_u64)).unwrap_or(0)
}

impl Output for Otlp {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.post(batch))
    }
}
