//! Alerts to Grafana Loki's push interface.
//!
//! A batch of alerts comes in, one request of a few streams leaves: what has few
//! values is a label, what tells one alert from another is structured metadata, so
//! that no process name makes a stream of its own. Loki stores a line once however
//! often it is pushed, so a batch may be repeated in halves to find a line it
//! refuses.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::alert::Alert;

use super::common::{Answer, Batch, BuildError, Output, Sending, Settings};
use super::format::Format;
use super::post::{self, Auth, Endpoint, Poster};
use super::queue::Batching;
use super::{proxy, tls};

/// Pushes alerts to Grafana Loki.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Loki, such as `https://loki.example:3100`; without a path, `/loki/api/v1/push` is used.
    pub url: String,
    /// How alerts are written (default `falco`).
    #[serde(default)]
    pub format: Format,
    /// Labels of every stream beside `host`, `priority` and `source` (default `job: sensor`).
    #[serde(default = "default_labels")]
    pub labels: BTreeMap<String, String>,
    /// Send `rule` and `uuid` of an alert as structured metadata; Loki before 3.0 refuses it unless
    /// told (default true).
    #[serde(default = "yes")]
    pub structured_metadata: bool,
    /// The tenant, sent as `X-Scope-OrgID` (default none).
    #[serde(default)]
    pub tenant: Option<String>,
    /// How we prove who we are.
    #[serde(default)]
    pub auth: Auth,
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

fn default_labels() -> BTreeMap<String, String> {
    BTreeMap::from([("job".to_owned(), "sensor".to_owned())])
}

fn yes() -> bool {
    true
}

fn default_timeout_ms() -> u64 {
    15_000
}

impl Settings for Config {
    fn needs_evidence(&self) -> bool {
        self.format.needs_evidence()
    }

    fn batching(&self) -> Batching {
        self.batch.batching()
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = self.endpoint().check();
        wrong.extend(self.batch.check());
        wrong.extend(self.auth.check());
        wrong.extend(self.headers().err().map(|error| error.to_string()));
        for name in self.labels.keys().filter(|name| !is_label(name)) {
            wrong.push(format!(
                "label `{name}` must be letters, digits and `_`, no digit first, not `host`, \
                 `priority` or `source`"
            ));
        }
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let (endpoint, config) = (self.endpoint(), self.clone());
        let headers = move || config.headers();
        Ok(Box::new(Loki {
            poster: Poster::new(endpoint.url()?, &endpoint, self.gzip, headers)?,
            config: self.clone(),
        }))
    }
}

/// Whether a text can name a label of ours.
fn is_label(name: &str) -> bool {
    let word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    !name.is_empty()
        && name.chars().all(word)
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !["host", "priority", "source"].contains(&name)
}

impl Config {
    fn endpoint(&self) -> Endpoint<'_> {
        Endpoint {
            url: &self.url,
            path: "/loki/api/v1/push",
            tls: &self.tls,
            proxy: &self.proxy,
            allow_unencrypted: self.allow_unencrypted,
            timeout_ms: self.timeout_ms,
        }
    }

    fn headers(&self) -> Result<reqwest::header::HeaderMap, BuildError> {
        let mut headers = post::content("application/json");
        if let Some(tenant) = &self.tenant {
            post::add(&mut headers, "x-scope-orgid", tenant)?;
        }
        self.auth.add_to(&mut headers)?;
        Ok(headers)
    }

    fn labels_of(&self, alert: &Alert) -> BTreeMap<String, String> {
        let mut labels = self.labels.clone();
        labels.insert("host".into(), alert.hostname.to_string());
        labels.insert("priority".into(), alert.priority.name().into());
        labels.insert("source".into(), alert.source.to_string());
        labels
    }

    fn encode(&self, batch: &[Arc<Alert>]) -> Vec<u8> {
        let mut streams: BTreeMap<_, Vec<Value>> = BTreeMap::new();
        for alert in batch {
            let mut value = vec![
                json!(alert.time_ns.to_string()),
                json!(self.format.line(alert)),
            ];
            if self.structured_metadata {
                value.push(json!({"rule": alert.rule, "uuid": alert.id.to_string()}));
            }
            let stream = streams.entry(self.labels_of(alert)).or_default();
            stream.push(value.into());
        }
        let streams = streams
            .into_iter()
            .map(|(labels, values)| json!({"stream": labels, "values": values}));
        let body = Map::from_iter([("streams".to_owned(), streams.collect())]);
        Value::Object(body).to_string().into_bytes()
    }
}

/// The sender.
struct Loki {
    poster: Poster,
    config: Config,
}

impl Loki {
    async fn push(&mut self, batch: &[Arc<Alert>]) -> Answer {
        match self.poster.post(self.config.encode(batch)).await {
            Ok(reply) => post::fate(&reply).map_or_else(|| Answer::all(batch), Answer::none),
            Err(answer) => answer,
        }
    }
}

impl Output for Loki {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.push(batch))
    }
}
