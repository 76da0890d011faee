//! Alerts as JSON, or as lines of text, sent to a URL.
//!
//! One alert (or an array of them, by configuration) comes in, one request
//! leaves, with an id that is the same on every repetition so that the receiver
//! can tell one. 2xx is delivered; what may pass later is repeated; what the
//! receiver refuses is counted, never repeated.

mod shape;
mod signature;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alert::Alert;

use super::common::{self, Answer, Batch, BuildError, Output, Rest, Sending, Settings};
use super::format::Format;
use super::http::{self, Client, Route};
use super::queue::Batching;
use super::secret::SecretRef;
use super::{proxy, tls};
pub use shape::Shape;
use signature::Signer;

/// POSTs alerts as JSON, or as lines of text.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to POST, with `https:` (or `http:` to this machine).
    pub url: String,
    /// The schema of the alerts: `falco`, `ecs` or `ocsf`, each a JSON object; `cef` or
    /// `leef`, each a line of text (default falco).
    #[serde(default)]
    pub format: Format,
    /// Send a chat service's own object instead, one alert a request: `slack` (Mattermost too),
    /// `teams` or `discord` (default none).
    #[serde(default)]
    pub shape: Option<Shape>,
    /// The method, `post`, `put` or `patch` (default `post`).
    #[serde(default)]
    pub method: Method,
    /// Sign requests as Standard Webhooks has it, with each of these secrets (up to 4; default
    /// none): `whsec_` and 24 to 64 bytes in base64. Two let the receiver change over.
    #[serde(default)]
    pub signing_secrets: Vec<SecretRef>,
    /// `single` sends one alert a request, `array` an array of them (default single); of
    /// lines of text, all of them, each with its line end.
    #[serde(default)]
    pub body: Body,
    /// How alerts are grouped when `body` is `array`.
    #[serde(default)]
    pub batch: Batch,
    /// Headers to send as they stand, by name (default none). No secrets: those are
    /// `bearer` and `secret_headers`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers whose values are secrets, by name (default none).
    #[serde(default)]
    pub secret_headers: BTreeMap<String, SecretRef>,
    /// A token to send as `Authorization: Bearer …` (default none).
    #[serde(default)]
    pub bearer: Option<SecretRef>,
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

fn default_timeout_ms() -> u64 {
    15_000
}

/// What one request carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// One alert.
    #[default]
    Single,
    /// An array of them.
    Array,
}

/// How a request is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// POST.
    #[default]
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
        }
    }
}

impl Settings for Config {
    fn needs_evidence(&self) -> bool {
        self.shape.is_none() && self.format.needs_evidence()
    }

    fn batching(&self) -> Batching {
        match self.body {
            Body::Array => self.batch.batching(),
            Body::Single => Batching {
                max_alerts: 1,
                ..Batching::whatever_waits()
            },
        }
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = http::check_url(&self.url, self.allow_unencrypted);
        wrong.extend(self.batch.check());
        wrong.extend(self.tls.check());
        wrong.extend(self.proxy.check());
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong.extend(self.headers().err().map(|error| error.to_string()));
        let signer = Signer::new(&self.signing_secrets);
        wrong.extend(
            signer
                .err()
                .map(|error| format!("signing_secrets: {error}")),
        );
        if self.signing_secrets.len() > 4 {
            wrong.push("signing_secrets holds more than 4".to_owned());
        }
        if self.shape.is_some() && (self.body == Body::Array || self.format != Format::Falco) {
            wrong.push("shape says what a request carries; leave out body and format".to_owned());
        }
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let url = http::parse_url(&self.url, self.allow_unencrypted).map_err(BuildError::Value)?;
        Ok(Box::new(Webhook {
            client: Client::new(url, self.route())?,
            headers: self.headers()?,
            signer: Signer::new(&self.signing_secrets)?,
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

    /// All headers but those of one request, with the secrets read anew.
    fn headers(&self) -> Result<HeaderMap, BuildError> {
        let mut headers = HeaderMap::new();
        let content_type = if self.format.is_json() {
            "application/json"
        } else {
            "text/plain; charset=utf-8"
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        for (name, value) in &self.headers {
            if is_secret(name, value) {
                return Err(BuildError::Value(format!(
                    "header `{name}` stands in the configuration as it is sent; \
                     give a secret in `secret_headers` or `bearer`"
                )));
            }
            let header = HeaderValue::from_str(value)
                .map_err(|_| BuildError::Value(format!("header `{name}`: value not allowed")))?;
            headers.insert(header_name(name)?, header);
        }
        for (name, reference) in &self.secret_headers {
            headers.insert(header_name(name)?, secret_value(reference, "")?);
        }
        if let Some(reference) = &self.bearer {
            headers.insert(AUTHORIZATION, secret_value(reference, "Bearer ")?);
        }
        Ok(headers)
    }
}

/// Whether a header is one that carries a secret, or its value is written the
/// way a reference to one is and would be sent unresolved.
fn is_secret(name: &str, value: &str) -> bool {
    const NAMES: [&str; 5] = [
        "authorization",
        "proxy-authorization",
        "cookie",
        "x-api-key",
        "x-auth-token",
    ];
    let named = NAMES.iter().any(|secret| name.eq_ignore_ascii_case(secret));
    named || value.contains("${") || value.starts_with("file:/")
}

fn header_name(name: &str) -> Result<HeaderName, BuildError> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| BuildError::Value(format!("`{name}` is no header name")))
}

/// A header value that hyper's and our own logs leave out.
pub(crate) fn secret_value(reference: &SecretRef, before: &str) -> Result<HeaderValue, BuildError> {
    let secret = reference.resolve()?;
    let mut value = HeaderValue::from_str(&format!("{before}{}", secret.expose()))
        .map_err(|_| BuildError::Value(format!("{reference} cannot stand in a header")))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The sender.
struct Webhook {
    client: Client,
    headers: HeaderMap,
    signer: Signer,
    config: Config,
}

impl Webhook {
    async fn post(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let body = match (self.config.shape, batch) {
            (Some(shape), [alert]) => shape.of(alert).to_string().into_bytes(),
            _ => encode(batch, self.config.body, self.config.format),
        };
        let headers = self.headers_of(&request_id(batch), &body);
        let method = self.config.method.into();
        let reply = match self.client.request(method, headers, body).await {
            Ok(reply) => reply,
            Err(why) => return http::no_reply(why),
        };
        let Some(rest) = http::fate_of(reply.status, reply.retry_after) else {
            return Answer::all(batch);
        };
        if matches!(rest, Rest::Blocked(_)) {
            // The token may have been rotated; the old one stays when the new
            // one cannot be read.
            if let Ok(headers) = self.config.headers() {
                self.headers = headers;
            }
            if let Ok(signer) = Signer::new(&self.config.signing_secrets) {
                self.signer = signer;
            }
        }
        Answer::none(rest)
    }

    /// The headers of one attempt: its id, its time and what proves them.
    fn headers_of(&self, id: &str, body: &[u8]) -> HeaderMap {
        let mut headers = self.headers.clone();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = now.unwrap_or_default().as_secs();
        let of_this = [
            ("webhook-id", Some(id.to_owned())),
            ("webhook-timestamp", Some(seconds.to_string())),
            ("webhook-signature", self.signer.sign(id, seconds, body)),
        ];
        for (name, value) in of_this {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                headers.insert(name, value);
            }
        }
        headers
    }
}

impl Output for Webhook {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.post(batch))
    }
}

/// The same on every repetition: the alert's own id, or for an array the first
/// one's and the number of alerts.
fn request_id(batch: &[Arc<Alert>]) -> String {
    match batch {
        [] => String::new(),
        [alert] => alert.id.to_string(),
        [first, ..] => format!("{}-{}", first.id, batch.len()),
    }
}

fn encode(batch: &[Arc<Alert>], body: Body, format: Format) -> Vec<u8> {
    if !format.is_json() {
        let line = |alert: &Arc<Alert>| format.line(alert) + "\n";
        return batch.iter().map(line).collect::<String>().into_bytes();
    }
    let mut objects = batch.iter().map(|alert| format.encode(alert));
    let value: serde_json::Value = match body {
        Body::Array => objects.collect(),
        Body::Single => objects.next().unwrap_or_default(),
    };
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_among_the_plain_headers_is_refused_and_not_repeated() {
        for (name, value, refused) in [
            ("Authorization", "Bearer hunter2", true),
            ("x-api-key", "hunter2", true),
            ("X-Custom", "Token ${HUNTER2}", true),
            ("X-Custom", "file:/run/hunter2", true),
            ("X-Scope-OrgID", "tenant", false),
        ] {
            let yaml = format!("url: https://example.com/\nheaders: {{{name}: '{value}'}}");
            let config: Config = serde_yaml::from_str(&yaml).unwrap();
            let wrong = config.check();
            assert_eq!(!wrong.is_empty(), refused, "{name}: {value} {wrong:?}");
            assert!(!wrong.concat().contains("unter2"), "{wrong:?}");
        }
    }
}
