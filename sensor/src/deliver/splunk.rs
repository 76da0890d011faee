//! Alerts to Splunk's HTTP Event Collector (HEC).
//!
//! A batch of alerts comes in, one gzip-compressed request of concatenated event
//! envelopes leaves. The answer is judged by [`answer`]: a receiver that is busy
//! gets the batch again, one that names a bad event loses only that one, one that
//! does not know our token keeps its alerts queued until a person repairs it.

mod answer;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Url;
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::alert::Alert;

use super::common::{self, Answer, Batch, BuildError, Output, Rest, Sending, Settings};
use super::format::{Format, cim};
use super::http::{self, Client, Reply, Route};
use super::queue::Batching;
use super::secret::SecretRef;
use super::webhook::secret_value;
use super::{proxy, tls};

pub use answer::{HecAnswer, parse_answer};

const CHANNEL: HeaderName = HeaderName::from_static("x-splunk-request-channel");

/// Sends alerts to a Splunk HTTP Event Collector.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The collector, such as `https://splunk.example:8088`; without a path,
    /// `/services/collector/event` is used.
    pub url: String,
    /// The HEC token, as a reference: `${NAME}` or `file:/path`. Read anew when Splunk refuses it.
    pub token: SecretRef,
    /// The index to store in (default: the token's own).
    #[serde(default)]
    pub index: Option<String>,
    /// The `host` of the events (default: this host's name).
    #[serde(default)]
    pub host: Option<String>,
    /// The `source` of the events (default: the rule's source, such as `syscall`).
    #[serde(default)]
    pub source: Option<String>,
    /// The `sourcetype` of the events (default `sensor:alert`).
    #[serde(default = "default_sourcetype")]
    pub sourcetype: String,
    /// What an event holds: `falco`, Falco's JSON; `cim`, the names of Splunk's Common
    /// Information Model; or `ocsf`, a Detection Finding for Splunk's OCSF add-on, which
    /// also wants a `sourcetype` (default falco).
    #[serde(default)]
    pub format: Shape,
    /// How alerts are grouped into requests.
    #[serde(default)]
    pub batch: Batch,
    /// Compress requests (default true).
    #[serde(default = "yes")]
    pub gzip: bool,
    /// How the collector's certificate is checked.
    #[serde(default)]
    pub tls: tls::Config,
    /// Through which proxy requests go.
    #[serde(default)]
    pub proxy: proxy::Config,
    /// Allow `http:` to another machine, token readable by anyone on the path (default false).
    #[serde(default)]
    pub allow_unencrypted: bool,
    /// Longest time for one request, in milliseconds (1 to 600,000; default 30,000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

/// What an event holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Falco's JSON object.
    #[default]
    Falco,
    /// The names of the Common Information Model.
    Cim,
    /// A Detection Finding of OCSF.
    Ocsf,
}

impl Shape {
    fn encode(self, alert: &Alert) -> Value {
        match self {
            Self::Falco => Format::Falco.encode(alert),
            Self::Cim => cim::encode(alert),
            Self::Ocsf => Format::Ocsf.encode(alert),
        }
    }
}

fn default_sourcetype() -> String {
    "sensor:alert".into()
}

fn default_timeout_ms() -> u64 {
    30_000
}

fn yes() -> bool {
    true
}

impl Settings for Config {
    fn needs_evidence(&self) -> bool {
        self.format != Shape::Falco
    }

    fn batching(&self) -> Batching {
        self.batch.batching()
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = http::check_url(&self.url, self.allow_unencrypted);
        wrong.extend(self.batch.check());
        wrong.extend(self.tls.check());
        wrong.extend(self.proxy.check());
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong.extend(
            self.authorization()
                .err()
                .map(|error| format!("token: {error}")),
        );
        let names = [
            ("index", self.index.as_deref()),
            ("host", self.host.as_deref()),
            ("source", self.source.as_deref()),
            ("sourcetype", Some(self.sourcetype.as_str())),
        ];
        for (key, value) in names {
            if value == Some("") {
                wrong.push(format!("{key} is empty; leave it out for the default"));
            }
        }
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        Ok(Box::new(Splunk {
            client: Client::new(self.endpoint()?, self.route())?,
            authorization: self.authorization()?,
            channel: Uuid::new_v4(),
            bare: None,
            config: self.clone(),
        }))
    }
}

impl Config {
    fn route(&self) -> Route<'_> {
        Route {
            tls: &self.tls,
            proxy: &self.proxy,
            timeout: Duration::from_millis(self.timeout_ms),
        }
    }

    fn authorization(&self) -> Result<HeaderValue, BuildError> {
        secret_value(&self.token, "Splunk ")
    }

    fn endpoint(&self) -> Result<Url, BuildError> {
        let mut url =
            http::parse_url(&self.url, self.allow_unencrypted).map_err(BuildError::Value)?;
        if url.path() == "/" {
            url.set_path("/services/collector/event");
        }
        Ok(url)
    }

    /// Appends one alert's envelope, with the fields to be indexed or without.
    fn write_envelope(&self, out: &mut Vec<u8>, alert: &Alert, with_fields: bool) {
        let mut envelope = Map::new();
        envelope.insert(
            "host".into(),
            json!(self.host.as_deref().unwrap_or(&alert.hostname)),
        );
        envelope.insert(
            "source".into(),
            json!(self.source.as_deref().unwrap_or(&alert.source)),
        );
        envelope.insert("sourcetype".into(), json!(self.sourcetype));
        if let Some(index) = &self.index {
            envelope.insert("index".into(), json!(index));
        }
        if with_fields {
            envelope.insert("fields".into(), indexed_fields(alert));
        }
        envelope.insert("event".into(), self.format.encode(alert));
        // The time is written digit by digit: a float would round microseconds.
        let (seconds, rest) = (alert.time_ns / 1_000_000_000, alert.time_ns % 1_000_000_000);
        let text = Value::Object(envelope).to_string();
        let members = text.strip_prefix('{').unwrap_or(&text);
        out.extend_from_slice(
            format!("{{\"time\":{seconds}.{:06},{members}\n", rest / 1000).as_bytes(),
        );
    }

    /// The body of one request. The alert `bare` goes without fields.
    fn encode(&self, batch: &[Arc<Alert>], bare: Option<Uuid>) -> std::io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        for alert in batch {
            self.write_envelope(&mut plain, alert, bare != Some(alert.id));
        }
        if !self.gzip {
            return Ok(plain);
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&plain)?;
        encoder.finish()
    }
}

/// What Splunk stores beside the text, so that a search by it is quick: few,
/// flat, of low cardinality.
fn indexed_fields(alert: &Alert) -> Value {
    let mut fields = Map::new();
    fields.insert("priority".into(), json!(alert.priority.name()));
    fields.insert("severity".into(), json!(cim::severity(alert.priority)));
    fields.insert("rule".into(), json!(alert.rule));
    if !alert.tags.is_empty() {
        fields.insert("tags".into(), json!(alert.tags));
    }
    Value::Object(fields)
}

/// The sender.
struct Splunk {
    client: Client,
    authorization: HeaderValue,
    /// Names this sender's stream of requests; some collectors insist on one.
    channel: Uuid,
    /// The alert whose `fields` were refused: it is sent once more without them.
    bare: Option<Uuid>,
    config: Config,
}

impl Splunk {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(AUTHORIZATION, self.authorization.clone());
        if let Ok(channel) = HeaderValue::from_str(&self.channel.to_string()) {
            headers.insert(CHANNEL, channel);
        }
        if self.config.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers
    }

    async fn post(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let body = match self.config.encode(batch, self.bare) {
            Ok(body) => body,
            Err(error) => return Answer::retry(error),
        };
        let answer = match self.client.post(self.headers(), body).await {
            Ok(reply) => self.judge(&reply, batch),
            Err(why) => http::no_reply(why),
        };
        if matches!(answer.rest, Rest::Blocked(_)) {
            self.renew();
        }
        answer
    }

    /// As [`answer::judge`], but an alert whose fields are not liked gets a
    /// second chance without them: its text is what matters.
    fn judge(&mut self, reply: &Reply, batch: &[Arc<Alert>]) -> Answer {
        let disliked = answer::refused_fields(reply, batch.len());
        let disliked = disliked.and_then(|n| Some((n, batch.get(n)?.id)));
        match disliked {
            Some((taken, id)) if self.bare != Some(id) => {
                self.bare = Some(id);
                let why = "HEC code 15: sent again without indexed fields".to_owned();
                Answer {
                    taken,
                    rest: Rest::Retry(why, None),
                }
            }
            _ => answer::judge(reply, batch.len()),
        }
    }

    /// Reads the token anew and opens a new channel, in case one of them is what
    /// the collector does not like. The old token stays when there is no new one.
    fn renew(&mut self) {
        if let Ok(authorization) = self.config.authorization() {
            self.authorization = authorization;
        }
        self.channel = Uuid::new_v4();
    }
}

impl Output for Splunk {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.post(batch))
    }
}
