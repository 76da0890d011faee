//! Alerts to Azure Monitor, by its Logs Ingestion interface.
//!
//! A batch of alerts comes in, one array of rows leaves, for a stream of a data
//! collection rule. The service takes all of a request or nothing of it.
//! `deploy/azure` has the table and the rule that the rows are made for.

mod identity;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::alert::{Alert, utc};

use super::common::{self, Answer, Batch, BuildError, Output, Rest, Sending, Settings};
use super::format::Format;
use super::http::{self, Client, Reply, Route};
use super::identity::Way;
use super::post;
use super::queue::Batching;
use super::{proxy, tls};
pub use identity::Credentials;
use identity::Source;

/// The most bytes a request may have.
const MAX_BYTES: usize = 1_000_000;
/// The service cuts longer texts without a word.
const MAX_TEXT: usize = 64 << 10;

/// Sends alerts to a table of an Azure Log Analytics workspace.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The data collection endpoint, such as
    /// `https://sensor-abcd.westeurope-1.ingest.monitor.azure.com`.
    pub url: String,
    /// The immutable id of the data collection rule, `dcr-` and 32 digits.
    pub rule: String,
    /// The rule's stream (default `Custom-SensorAlerts`).
    #[serde(default = "default_stream")]
    pub stream: String,
    /// How we prove who we are.
    #[serde(default)]
    pub credentials: Credentials,
    /// What the column `Alert` holds (default `falco`).
    #[serde(default)]
    pub format: Format,
    /// How alerts are grouped into requests; a request has 1,000,000 bytes at most.
    #[serde(default)]
    pub batch: Batch,
    /// Compress requests (default true).
    #[serde(default = "yes")]
    pub gzip: bool,
    /// How the service's certificate is checked.
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

fn default_stream() -> String {
    "Custom-SensorAlerts".to_owned()
}

fn yes() -> bool {
    true
}

fn default_timeout_ms() -> u64 {
    30_000
}

impl Settings for Config {
    fn needs_evidence(&self) -> bool {
        self.format.needs_evidence()
    }

    fn batching(&self) -> Batching {
        let batching = self.batch.batching();
        Batching {
            max_bytes: batching.max_bytes.min(MAX_BYTES / 2),
            ..batching
        }
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = http::check_url(&self.url, self.allow_unencrypted);
        wrong.extend(self.batch.check());
        wrong.extend(self.tls.check());
        wrong.extend(self.proxy.check());
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong.extend(self.credentials.check());
        for (key, value) in [("rule", &self.rule), ("stream", &self.stream)] {
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            if value.is_empty() || !value.chars().all(fits) {
                wrong.push(format!(
                    "{key} is `{value}`; it is letters, digits, `-` and `_`"
                ));
            }
        }
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        Ok(Box::new(Azure {
            client: Client::new(self.endpoint()?, self.route())?,
            source: Source::new(self.credentials.clone(), Way::new(self.route())),
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

    fn endpoint(&self) -> Result<Url, BuildError> {
        let url = http::parse_url(&self.url, self.allow_unencrypted);
        let mut url = url.map_err(BuildError::Value)?;
        let (rule, stream) = (&self.rule, &self.stream);
        url.set_path(&format!("/dataCollectionRules/{rule}/streams/{stream}"));
        url.set_query(Some("api-version=2023-01-01"));
        Ok(url)
    }
}

/// One alert as a row; `deploy/azure` declares its columns.
fn row(alert: &Alert, format: Format) -> Value {
    let text = |text: &str| {
        let end = text.floor_char_boundary(MAX_TEXT);
        Value::from(text.get(..end).unwrap_or(text))
    };
    json!({
        "TimeGenerated": utc(alert.time_ns, "Z"),
        "AlertId": alert.id.to_string(),
        "RuleName": text(&alert.rule),
        "Priority": alert.priority.name(),
        "Severity": alert.priority as u8,
        "EventSource": text(&alert.source),
        "HostName": text(&alert.hostname),
        "Message": text(&alert.message),
        "Tags": alert.tags,
        "Alert": format.encode(alert),
    })
}

/// The sender.
struct Azure {
    client: Client,
    source: Source,
    config: Config,
}

impl Azure {
    async fn send_rows(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let rows: Vec<Value> = batch
            .iter()
            .map(|alert| row(alert, self.config.format))
            .collect();
        let body = Value::from(rows).to_string();
        if body.len() > MAX_BYTES {
            let why = format!("{} bytes are more than Azure takes at once", body.len());
            return Answer::none(Rest::Split(why));
        }
        match self.post(body.into_bytes()).await {
            Ok(reply) => post::fate(&reply).map_or_else(|| Answer::all(batch), Answer::none),
            Err(rest) => Answer::none(rest),
        }
    }

    /// One request; a token that is refused is asked for anew, once.
    async fn post(&mut self, body: Vec<u8>) -> Result<Reply, Rest> {
        let body = if self.config.gzip {
            post::gzipped(&body).map_err(|why| Rest::Retry(why.to_string(), None))?
        } else {
            body
        };
        let reply = self.attempt(body.clone()).await?;
        if reply.status != 401 {
            return Ok(reply);
        }
        self.source.forget();
        self.attempt(body).await
    }

    async fn attempt(&mut self, body: Vec<u8>) -> Result<Reply, Rest> {
        let mut headers = post::content("application/json");
        headers.insert(AUTHORIZATION, self.source.header().await?);
        if self.config.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let reply = self.client.post(headers, body).await;
        reply.map_err(|why| http::no_reply(why).rest)
    }
}

impl Output for Azure {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.send_rows(batch))
    }
}
