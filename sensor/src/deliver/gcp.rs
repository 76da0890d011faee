//! Alerts to Google Cloud Logging.
//!
//! A batch of alerts comes in, one request of log entries leaves, each with the
//! alert's id, by which the service keeps an entry once however often it comes. Of a
//! request in which some entries are wrong the others are written, and the answer
//! says which.

mod answer;
mod identity;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::alert::{Alert, Priority, utc};

use super::common::{self, Answer, Batch, BuildError, ItemFate, Output, Rest, Sending, Settings};
use super::format::Format;
use super::http::{self, Client, Reply, Route};
use super::identity::Way;
use super::post;
use super::queue::Batching;
use super::{proxy, tls};
pub use answer::parse_answer;
pub use identity::Credentials;
use identity::Source;

/// The most bytes an entry may have.
const MAX_ENTRY_BYTES: usize = 256 << 10;
/// The most alerts in a request.
const MAX_ALERTS: usize = 1000;
/// The most bytes of alerts in a request; the service takes ten million in all.
const MAX_BYTES: usize = 4 << 20;

/// Writes alerts to Google Cloud Logging.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The project's id (default: that of the key file).
    #[serde(default)]
    pub project: Option<String>,
    /// The log's name (default `sensor`).
    #[serde(default = "default_log")]
    pub log: String,
    /// How we prove who we are.
    #[serde(default)]
    pub credentials: Credentials,
    /// What the entries are about (default `global`).
    #[serde(default)]
    pub resource: Resource,
    /// Labels of every entry, beside `rule`, `host` and `source` (default none).
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What an entry's payload holds (default `falco`); of `cef` and `leef`, a line of text.
    #[serde(default)]
    pub format: Format,
    /// How alerts are grouped into requests: 1,000 alerts and 4,194,304 bytes at most.
    #[serde(default)]
    pub batch: Batch,
    /// Compress requests (default true).
    #[serde(default = "yes")]
    pub gzip: bool,
    /// The service (default `https://logging.googleapis.com`).
    #[serde(default = "default_url")]
    pub url: String,
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

/// A monitored resource, such as `type: gce_instance` with its labels.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GcpResource")]
pub struct Resource {
    /// Its type.
    pub r#type: String,
    /// Its labels (default none).
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl Default for Resource {
    fn default() -> Self {
        Self {
            r#type: "global".to_owned(),
            labels: BTreeMap::new(),
        }
    }
}

fn default_log() -> String {
    "sensor".to_owned()
}

fn default_url() -> String {
    "https://logging.googleapis.com".to_owned()
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
            max_alerts: batching.max_alerts.min(MAX_ALERTS),
            max_bytes: batching.max_bytes.min(MAX_BYTES),
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
        wrong.extend(self.project().err());
        let fits = |c: char| c.is_ascii_alphanumeric() || "/_-.".contains(c);
        if self.log.is_empty() || self.log.len() > 400 || !self.log.chars().all(fits) {
            wrong.push(format!(
                "log is `{}`; it is up to 400 letters, digits, `/`, `_`, `-` and `.`",
                self.log
            ));
        }
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let url = http::parse_url(&self.url, self.allow_unencrypted);
        let mut url: Url = url.map_err(BuildError::Value)?;
        url.set_path("/v2/entries:write");
        let project = self.project().map_err(BuildError::Value)?;
        Ok(Box::new(Gcp {
            client: Client::new(url, self.route())?,
            source: Source::new(self.credentials.clone(), Way::new(self.route())),
            log_name: format!("projects/{project}/logs/{}", self.log.replace('/', "%2F")),
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

    fn project(&self) -> Result<String, String> {
        let project = match &self.project {
            Some(project) => project.clone(),
            None => self.credentials.project()?,
        };
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-:.".contains(c);
        if project.is_empty() || !project.chars().all(fits) {
            return Err(format!("project is `{project}`, which is no project's id"));
        }
        Ok(project)
    }
}

/// The service's word for a priority.
fn severity(priority: Priority) -> &'static str {
    match priority {
        Priority::Emergency => "EMERGENCY",
        Priority::Alert => "ALERT",
        Priority::Critical => "CRITICAL",
        Priority::Error => "ERROR",
        Priority::Warning => "WARNING",
        Priority::Notice => "NOTICE",
        Priority::Informational => "INFO",
        Priority::Debug => "DEBUG",
    }
}

/// One alert as a log entry.
fn entry(alert: &Alert, config: &Config) -> Value {
    let mut labels = config.labels.clone();
    for (name, value) in [
        ("rule", &alert.rule),
        ("host", &alert.hostname),
        ("source", &alert.source),
    ] {
        labels.insert(name.to_owned(), value.to_string());
    }
    let (payload, value) = match config.format.encode(alert) {
        Value::String(line) => ("textPayload", line.into()),
        object => ("jsonPayload", object),
    };
    json!({
        "insertId": alert.id.to_string(),
        "timestamp": utc(alert.time_ns, "Z"),
        "severity": severity(alert.priority),
        "labels": labels,
        payload: value,
    })
}

/// The sender.
struct Gcp {
    client: Client,
    source: Source,
    log_name: String,
    config: Config,
}

impl Gcp {
    async fn write(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let mut fates: Vec<Option<ItemFate>> = vec![None; batch.len()];
        let (mut entries, mut places) = (Vec::new(), Vec::new());
        for ((place, alert), fate) in batch.iter().enumerate().zip(&mut fates) {
            let entry = entry(alert, &self.config);
            let bytes = entry.to_string().len();
            if bytes > MAX_ENTRY_BYTES {
                let why = format!("{bytes} bytes are more than an entry may have");
                *fate = Some(ItemFate::Refused(why));
            } else {
                entries.push(entry);
                places.push(place);
            }
        }
        let sent = entries.len();
        let body = json!({
            "logName": self.log_name,
            "resource": {"type": self.config.resource.r#type, "labels": self.config.resource.labels},
            "partialSuccess": true,
            "entries": entries,
        });
        let written = match sent {
            0 => Ok(Vec::new()),
            _ => match self.post(body.to_string().into_bytes()).await {
                Ok(reply) => answer::fates(&reply, sent),
                Err(rest) => Err(rest),
            },
        };
        match written {
            Ok(written) => {
                for (place, given) in places.into_iter().zip(written) {
                    if let Some(fate) = fates.get_mut(place) {
                        *fate = Some(given);
                    }
                }
            }
            // What is too large is refused all the same; the others wait.
            Err(rest) if fates.iter().all(Option::is_none) => return Answer::none(rest),
            Err(_) => {}
        }
        let fates = fates
            .into_iter()
            .map(|fate| fate.unwrap_or(ItemFate::Untried));
        Answer::none(Rest::Each(fates.collect()))
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

impl Output for Gcp {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.write(batch))
    }
}
