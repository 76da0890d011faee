//! Alerts to Elasticsearch or `OpenSearch`, by their bulk interface.
//!
//! A batch of alerts comes in, one bulk request of `create` actions leaves, each
//! with the alert's id as the document's: what is sent twice is stored once. The
//! answer names each document's fate ([`fates`]): one that is refused becomes a dead
//! letter alone, one that came too fast is sent again alone.

use std::fmt::Write as _;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::alert::Alert;

use super::common::{Answer, Batch, BuildError, ItemFate, Output, Rest, Sending, Settings};
use super::format::Format;
use super::http::Reply;
use super::post::{self, Auth, Endpoint, Poster};
use super::queue::Batching;
use super::text;
use super::{proxy, tls};

/// With more, the answer might not fit into what is read of one.
const MAX_ALERTS: usize = 1000;

/// Sends alerts to Elasticsearch or `OpenSearch`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The cluster, such as `https://elastic.example:9200`; without a path, `/_bulk` is used.
    pub url: String,
    /// The data stream or index (default `logs-sensor.alerts-default`); a template for it is in
    /// `deploy/elastic`.
    #[serde(default = "default_index")]
    pub index: String,
    /// How alerts are written: `ecs`, `falco` or `ocsf` (default `ecs`).
    #[serde(default = "default_format")]
    pub format: Format,
    /// How we prove who we are: `api_key`, or `user` and `password`.
    #[serde(default)]
    pub auth: Auth,
    /// How alerts are grouped into requests: 1,000 alerts at most.
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
    /// Longest time for one request, in milliseconds (1 to 600,000; default 30,000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

fn default_index() -> String {
    "logs-sensor.alerts-default".into()
}

fn default_format() -> Format {
    Format::Ecs
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
        self.batch.batching()
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = self.endpoint().check();
        wrong.extend(self.batch.check());
        wrong.extend(self.auth.check());
        if self.batch.max_alerts > MAX_ALERTS {
            wrong.push(format!("batch.max_alerts must be 1 to {MAX_ALERTS}"));
        }
        if !self.format.is_json() {
            wrong.push("format must be ecs, falco or ocsf: documents are JSON".to_owned());
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
        let starts = self.index.starts_with(['-', '_', '.']);
        if self.index.is_empty() || starts || !self.index.chars().all(plain) {
            wrong.push(format!(
                "index is `{}`; it must be lower-case letters, digits, `.`, `-` and `_`",
                self.index
            ));
        }
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let (endpoint, auth) = (self.endpoint(), self.auth.clone());
        let mut url = endpoint.url()?;
        // The answer without what nobody reads, or it would be long.
        let read = "errors,items.*.status,items.*.error.type,items.*.error.reason";
        url.query_pairs_mut().append_pair("filter_path", read);
        let headers = move || {
            let mut headers = post::content("application/x-ndjson");
            auth.add_to(&mut headers)?;
            Ok(headers)
        };
        Ok(Box::new(Elasticsearch {
            poster: Poster::new(url, &endpoint, self.gzip, headers)?,
            config: self.clone(),
        }))
    }
}

impl Config {
    fn endpoint(&self) -> Endpoint<'_> {
        Endpoint {
            url: &self.url,
            path: "/_bulk",
            tls: &self.tls,
            proxy: &self.proxy,
            allow_unencrypted: self.allow_unencrypted,
            timeout_ms: self.timeout_ms,
        }
    }

    fn encode(&self, batch: &[Arc<Alert>]) -> Vec<u8> {
        let mut body = String::new();
        for alert in batch {
            let id = alert.id.to_string();
            let mut document = self.format.encode(alert);
            // A data stream wants it, whatever the schema.
            if let Some(object) = document.as_object_mut() {
                let milliseconds = json!(alert.time_ns / 1_000_000);
                object.entry("@timestamp").or_insert(milliseconds);
            }
            let action = json!({"create": {"_index": self.index, "_id": id}});
            let _ = writeln!(body, "{action}\n{document}");
        }
        body.into_bytes()
    }
}

/// The sender.
struct Elasticsearch {
    poster: Poster,
    config: Config,
}

impl Elasticsearch {
    async fn bulk(&mut self, batch: &[Arc<Alert>]) -> Answer {
        match self.poster.post(self.config.encode(batch)).await {
            Ok(reply) => judge(&reply, batch),
            Err(answer) => answer,
        }
    }
}

fn judge(reply: &Reply, batch: &[Arc<Alert>]) -> Answer {
    if let Some(rest) = post::fate(reply) {
        return Answer::none(rest);
    }
    let Ok(answer) = serde_json::from_slice::<Value>(&reply.body) else {
        // Repeating is harmless: what is stored is told as such.
        let why = "the answer is no JSON, or longer than is read of one";
        return Answer::none(Rest::Retry(why.to_owned(), None));
    };
    if answer.get("errors") == Some(&Value::Bool(false)) {
        return Answer::all(batch);
    }
    match fates(&answer) {
        Some(fates) if fates.len() == batch.len() => Answer::none(Rest::Each(fates)),
        _ => Answer::retry("the answer does not name each document's fate"),
    }
}

/// What became of each document, in the order they were sent.
fn fates(answer: &Value) -> Option<Vec<ItemFate>> {
    let items = answer.get("items")?.as_array()?;
    items.iter().map(fate).collect()
}

fn fate(item: &Value) -> Option<ItemFate> {
    let item = item.get("create")?;
    let status = item.get("status")?.as_u64()?;
    let said = |key: &str| {
        let words = item.pointer(key).and_then(Value::as_str);
        text::shortened(&text::visible(words.unwrap_or_default()), 300)
    };
    let why = || {
        format!(
            "{status} {}: {}",
            said("/error/type"),
            said("/error/reason")
        )
    };
    Some(match status {
        // 409: it has a document of this id, which is this one.
        200..=299 | 409 => ItemFate::Taken,
        // 401, 403, 404: of the index, and a person can repair it.
        401 | 403 | 404 | 408 | 429 | 500.. => ItemFate::Again(why()),
        _ => ItemFate::Refused(why()),
    })
}

impl Output for Elasticsearch {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.bulk(batch))
    }
}
