//! Alerts to `InfluxDB` as line protocol, of version 1 or 2.
//!
//! A batch of alerts comes in, one request of points leaves, each at its event's
//! nanosecond. A point that is written twice is there once, so a batch may be
//! repeated in halves to find one that is refused.

use std::fmt::Write as _;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::alert::Alert;

use super::common::{Answer, Batch, BuildError, Output, Rest, Sending, Settings};
use super::post::{self, Auth, Endpoint, Poster};
use super::queue::Batching;
use super::{proxy, tls};

/// The longest string a field takes is 64 KiB; ours are cut before.
const MAX_STRING: usize = 60_000;

/// Writes alerts to `InfluxDB`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `InfluxDB`, such as `https://influx.example:8086`; without a path, `/write` or with
    /// `bucket` `/api/v2/write` is used.
    pub url: String,
    /// The database, of version 1.
    #[serde(default)]
    pub database: Option<String>,
    /// The organisation, of version 2.
    #[serde(default)]
    pub org: Option<String>,
    /// The bucket, of version 2.
    #[serde(default)]
    pub bucket: Option<String>,
    /// The measurement (default `alerts`).
    #[serde(default = "default_measurement")]
    pub measurement: String,
    /// How we prove who we are: `user` and `password` of version 1, `token` of version 2.
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

fn default_measurement() -> String {
    "alerts".into()
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
        let good = match (&self.database, &self.org, &self.bucket) {
            (Some(database), None, None) => !database.is_empty(),
            (None, Some(org), Some(bucket)) => !org.is_empty() && !bucket.is_empty(),
            _ => false,
        };
        if !good {
            wrong.push("give either database, or org and bucket".to_owned());
        }
        if self.measurement.is_empty() || self.measurement.chars().any(char::is_control) {
            wrong.push("measurement is empty or holds control characters".to_owned());
        }
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let (endpoint, auth) = (self.endpoint(), self.auth.clone());
        let mut url = endpoint.url()?;
        for (key, value) in [
            ("db", &self.database),
            ("org", &self.org),
            ("bucket", &self.bucket),
        ] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(key, value);
            }
        }
        url.query_pairs_mut().append_pair("precision", "ns");
        let headers = move || {
            let mut headers = post::content("text/plain; charset=utf-8");
            auth.add_to(&mut headers)?;
            Ok(headers)
        };
        Ok(Box::new(Influx {
            poster: Poster::new(url, &endpoint, self.gzip, headers)?,
            measurement: self.measurement.clone(),
        }))
    }
}

impl Config {
    fn endpoint(&self) -> Endpoint<'_> {
        Endpoint {
            url: &self.url,
            path: match self.bucket {
                Some(_) => "/api/v2/write",
                None => "/write",
            },
            tls: &self.tls,
            proxy: &self.proxy,
            allow_unencrypted: self.allow_unencrypted,
            timeout_ms: self.timeout_ms,
        }
    }
}

/// One alert as a line.
fn point(measurement: &str, alert: &Alert) -> String {
    let mut line = escaped(measurement, ", ");
    let tags: [(&str, &str); 4] = [
        ("host", &alert.hostname),
        ("priority", alert.priority.name()),
        ("rule", &alert.rule),
        ("source", &alert.source),
    ];
    for (name, value) in tags {
        // A tag without a value is an error.
        if !value.is_empty() {
            let _ = write!(line, ",{name}={}", escaped(value, ",= "));
        }
    }
    let text = string(&alert.message);
    let _ = write!(
        line,
        " message={text},uuid={}",
        string(&alert.id.to_string())
    );
    for (name, value) in &alert.output_fields {
        let value = match value {
            Value::Null => continue,
            Value::Bool(value) => value.to_string(),
            // Of two kinds of number a field may have one only, and most are whole.
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => format!("{whole}i"),
                (None, Some(_)) if number.is_u64() => format!("{}i", i64::MAX),
                (None, Some(real)) => real.to_string(),
                (None, None) => continue,
            },
            Value::String(text) => string(text),
            other => string(&other.to_string()),
        };
        let _ = write!(line, ",{}={value}", escaped(name, ",= "));
    }
    let _ = writeln!(line, " {}", alert.time_ns);
    line
}

/// A name or a tag's value: these characters after a backslash. A backslash of its
/// own cannot be written before them nor at the end, nor can a line end: they
/// become `/` and a space.
fn escaped(text: &str, special: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push('/'),
            c if c.is_control() => out.push_str("\\ "),
            c if special.contains(c) => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// A field's text: in quotes, where a line end stands for itself.
fn string(text: &str) -> String {
    let text = text.get(..text.floor_char_boundary(MAX_STRING));
    let text = text.unwrap_or_default();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The sender.
struct Influx {
    poster: Poster,
    measurement: String,
}

impl Influx {
    async fn post(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let points = batch.iter().map(|alert| point(&self.measurement, alert));
        let body = points.collect::<String>().into_bytes();
        match self.poster.post(body).await {
            Ok(reply) => match post::fate(&reply) {
                None => Answer::all(batch),
                // Version 1 says so when the database is missing.
                Some(Rest::Split(why)) if why.contains("database not found") => {
                    Answer::none(Rest::Blocked(why))
                }
                Some(rest) => Answer::none(rest),
            },
            Err(answer) => answer,
        }
    }
}

impl Output for Influx {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.post(batch))
    }
}
