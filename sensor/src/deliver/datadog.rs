//! Alerts to Datadog's log intake.
//!
//! A batch of alerts comes in, one array of logs leaves: each the alert's object
//! with what Datadog sorts logs by beside it. The intake takes all of a request or
//! nothing of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::header::{HeaderMap, HeaderName};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::alert::{Alert, Priority};

use super::common::{Answer, Batch, BuildError, Output, Sending, Settings};
use super::post::{self, Endpoint, Poster};
use super::queue::Batching;
use super::secret::SecretRef;
use super::webhook::secret_value;
use super::{proxy, tls};

/// The most logs the intake takes at once.
const MAX_ALERTS: usize = 1000;
/// The most bytes it takes at once, less what our own keys add.
const MAX_BYTES: usize = 4 << 20;

/// Sends alerts to Datadog as logs.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The intake of your site (default `https://http-intake.logs.datadoghq.com`); without a path,
    /// `/api/v2/logs` is used.
    #[serde(default = "default_url")]
    pub url: String,
    /// The API key, as a reference: `${NAME}` or `file:/path`. Read anew when it is refused.
    pub api_key: SecretRef,
    /// The `service` of the logs (default `sensor`).
    #[serde(default = "default_service")]
    pub service: String,
    /// Tags beside `rule` and `priority`, such as `env: prod` (default none).
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// How alerts are grouped into requests: 1,000 alerts and 4,194,304 bytes at most.
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
    /// Longest time for one request, in milliseconds (1 to 600,000; default 15,000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

fn default_url() -> String {
    "https://http-intake.logs.datadoghq.com".into()
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
        if self.batch.max_alerts > MAX_ALERTS || self.batch.max_bytes > MAX_BYTES {
            wrong.push(format!(
                "batch is larger than Datadog takes: {MAX_ALERTS} alerts, {MAX_BYTES} bytes"
            ));
        }
        wrong.extend(
            headers(&self.api_key)
                .err()
                .map(|why| format!("api_key: {why}")),
        );
        for (name, value) in &self.tags {
            if name.is_empty() || format!("{name}{value}").contains([',', '\n']) {
                wrong.push(format!("tag `{name}` is empty or holds a comma"));
            }
        }
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let (endpoint, key) = (self.endpoint(), self.api_key.clone());
        Ok(Box::new(Datadog {
            poster: Poster::new(endpoint.url()?, &endpoint, self.gzip, move || headers(&key))?,
            config: self.clone(),
        }))
    }
}

fn headers(key: &SecretRef) -> Result<HeaderMap, BuildError> {
    let mut headers = post::content("application/json");
    headers.insert(
        HeaderName::from_static("dd-api-key"),
        secret_value(key, "")?,
    );
    Ok(headers)
}

impl Config {
    fn endpoint(&self) -> Endpoint<'_> {
        Endpoint {
            url: &self.url,
            path: "/api/v2/logs",
            tls: &self.tls,
            proxy: &self.proxy,
            allow_unencrypted: false,
            timeout_ms: self.timeout_ms,
        }
    }

    fn encode(&self, alert: &Alert) -> Value {
        let mut log = alert.to_json();
        let own = format!(
            "rule:{},priority:{}",
            alert.rule.replace(',', " "),
            alert.priority.name().to_ascii_lowercase()
        );
        let tags = self
            .tags
            .iter()
            .map(|(name, value)| format!(",{name}:{value}"));
        log.insert("ddsource".into(), "sensor".into());
        log.insert(
            "ddtags".into(),
            tags.fold(own, |all, tag| all + &tag).into(),
        );
        log.insert("service".into(), json!(self.service));
        log.insert("status".into(), status(alert.priority).into());
        log.insert("message".into(), json!(alert.message));
        // Milliseconds; the time of the log, if not more than 18 hours ago.
        log.insert("timestamp".into(), json!(alert.time_ns / 1_000_000));
        Value::Object(log)
    }
}

fn status(priority: Priority) -> &'static str {
    match priority {
        Priority::Emergency => "emerg",
        Priority::Alert => "alert",
        Priority::Critical => "critical",
        Priority::Error => "error",
        Priority::Warning => "warning",
        Priority::Notice => "notice",
        Priority::Informational => "info",
        Priority::Debug => "debug",
    }
}

/// The sender.
struct Datadog {
    poster: Poster,
    config: Config,
}

impl Datadog {
    async fn post(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let logs: Value = batch
            .iter()
            .map(|alert| self.config.encode(alert))
            .collect();
        match self.poster.post(logs.to_string().into_bytes()).await {
            Ok(reply) => post::fate(&reply).map_or_else(|| Answer::all(batch), Answer::none),
            Err(answer) => answer,
        }
    }
}

impl Output for Datadog {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.post(batch))
    }
}
