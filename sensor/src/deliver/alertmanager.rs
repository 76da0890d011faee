//! Alerts to Prometheus' Alertmanager, version 2 of its interface.
//!
//! A batch of alerts comes in, one array of its alerts leaves. What has few values
//! is a label, and with it what Alertmanager groups and silences by; all else is an
//! annotation. The same rule on the same host is one alert there, which starts with
//! the event and ends some time after the last of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::alert::Alert;

use super::common::{Answer, Batch, BuildError, Output, Sending, Settings};
use super::post::{self, Auth, Endpoint, Poster};
use super::queue::Batching;
use super::{proxy, tls};

/// The longest annotation, bytes.
const MAX_ANNOTATION: usize = 4096;
/// The labels that are always there.
const OWN_LABELS: [&str; 5] = ["alertname", "instance", "priority", "severity", "source"];

/// Sends alerts to Prometheus' Alertmanager.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Alertmanager, such as `https://alertmanager.example:9093`; without a path,
    /// `/api/v2/alerts` is used.
    pub url: String,
    /// Labels beside `alertname` (the rule), `instance` (the host), `priority`, `severity` and
    /// `source` (default none).
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How long after it was sent last an alert counts as resolved, in seconds (1 to 604,800;
    /// default 900).
    #[serde(default = "default_resolve_after_s")]
    pub resolve_after_s: u64,
    /// How we prove who we are.
    #[serde(default)]
    pub auth: Auth,
    /// How alerts are grouped into requests.
    #[serde(default)]
    pub batch: Batch,
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

fn default_resolve_after_s() -> u64 {
    900
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
        if !(1..=604_800).contains(&self.resolve_after_s) {
            wrong.push(format!(
                "resolve_after_s is {}; it must be 1 to 604800",
                self.resolve_after_s
            ));
        }
        for name in self.labels.keys() {
            if name_of(name) != *name || OWN_LABELS.contains(&name.as_str()) {
                wrong.push(format!(
                    "label `{name}` must be letters, digits and `_`, no digit first, and none of {}",
                    OWN_LABELS.join(", ")
                ));
            }
        }
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let (endpoint, auth) = (self.endpoint(), self.auth.clone());
        let headers = move || {
            let mut headers = post::content("application/json");
            auth.add_to(&mut headers)?;
            Ok(headers)
        };
        Ok(Box::new(Alertmanager {
            poster: Poster::new(endpoint.url()?, &endpoint, false, headers)?,
            config: self.clone(),
        }))
    }
}

/// A text as the name of a label or annotation.
fn name_of(text: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = text.chars().map(word).collect();
    match name.chars().next() {
        Some(first) if !first.is_ascii_digit() => name,
        _ => format!("_{name}"),
    }
}

impl Config {
    fn endpoint(&self) -> Endpoint<'_> {
        Endpoint {
            url: &self.url,
            path: "/api/v2/alerts",
            tls: &self.tls,
            proxy: &self.proxy,
            allow_unencrypted: self.allow_unencrypted,
            timeout_ms: self.timeout_ms,
        }
    }

    fn encode(&self, alert: &Alert, now: Timestamp) -> Value {
        let starts = Timestamp::from_nanosecond(i128::from(alert.time_ns)).unwrap_or(now);
        // An end before now would say that it is over already.
        let ends = starts
            .max(now)
            .saturating_add(Duration::from_secs(self.resolve_after_s))
            .unwrap_or(Timestamp::MAX);
        let mut labels = self.labels.clone();
        let severity = match alert.priority as u8 {
            0..=2 => "critical",
            3 | 4 => "warning",
            _ => "info",
        };
        let own: [&str; 5] = [
            &alert.rule,
            &alert.hostname,
            alert.priority.name(),
            severity,
            &alert.source,
        ];
        for (name, value) in OWN_LABELS.into_iter().zip(own) {
            labels.insert(name.to_owned(), value.to_owned());
        }
        json!({
            "labels": labels,
            "annotations": annotations(alert),
            "startsAt": starts.to_string(),
            "endsAt": ends.to_string(),
        })
    }
}

fn annotations(alert: &Alert) -> Map<String, Value> {
    let mut annotations = Map::new();
    for (name, value) in &alert.output_fields {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        annotations.insert(name_of(name), short(&text));
    }
    let tags: Vec<&str> = alert.tags.iter().map(|tag| &**tag).collect();
    annotations.insert("summary".into(), short(&alert.rule));
    annotations.insert("description".into(), short(&alert.message));
    annotations.insert("tags".into(), short(&tags.join(" ")));
    annotations.insert("uuid".into(), alert.id.to_string().into());
    annotations
}

fn short(text: &str) -> Value {
    let end = text.floor_char_boundary(MAX_ANNOTATION);
    text.get(..end).unwrap_or_default().into()
}

/// The sender.
struct Alertmanager {
    poster: Poster,
    config: Config,
}

impl Alertmanager {
    async fn post(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let now = Timestamp::now();
        let alerts = batch.iter().map(|alert| self.config.encode(alert, now));
        let body = alerts.collect::<Value>().to_string().into_bytes();
        match self.poster.post(body).await {
            Ok(reply) => post::fate(&reply).map_or_else(|| Answer::all(batch), Answer::none),
            Err(answer) => answer,
        }
    }
}

impl Output for Alertmanager {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.post(batch))
    }
}
