//! Alerts as JSON, as lines of text or as a template says, sent to a URL.
//!
//! One alert (or an array of them, by configuration) comes in, one request
//! leaves, with an id that is the same on every repetition so that the receiver
//! can tell one. 2xx is delivered; what may pass later is repeated; what the
//! receiver refuses is counted, never repeated.

mod body;
mod sender;
mod shape;
mod signature;
mod template;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{self, Batch, BuildError, Output, Settings};
use super::format::Format;
use super::http::Route;
use super::queue::Batching;
use super::secret::SecretRef;
use super::url::UrlRef;
use super::{proxy, tls};
use body::Encoder;
use sender::{Known, Webhook};
pub use shape::Shape;
pub use signature::Custom;

/// POSTs alerts as JSON, or as lines of text.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to POST, with `https:` (or `http:` to this machine). Where it is a secret, as chat
    /// services' are, a reference to it: `${NAME}` or `file:/path`.
    pub url: UrlRef,
    /// The schema of the alerts: `falco`, `ecs` or `ocsf`, each a JSON object; `cef` or
    /// `leef`, each a line of text (default falco).
    #[serde(default)]
    pub format: Format,
    /// Send a service's own object instead, one alert a request: `slack` (Mattermost too),
    /// `teams`, `discord`, `pagerduty` or `opsgenie` (default none).
    #[serde(default)]
    pub shape: Option<Shape>,
    /// `PagerDuty`'s integration key, which stands in the body (default none).
    #[serde(default)]
    pub routing_key: Option<SecretRef>,
    /// Opsgenie's API key, sent as `Authorization: GenieKey …` (default none).
    #[serde(default)]
    pub genie_key: Option<SecretRef>,
    /// The body, as a template in Jinja's language, instead (default none).
    #[serde(default)]
    pub template: Option<String>,
    /// The file of such a template, read at the start (default none).
    #[serde(default)]
    pub template_file: Option<PathBuf>,
    /// The content type; of a template it also says how values are escaped (default
    /// `application/json`, of lines of text `text/plain; charset=utf-8`).
    #[serde(default)]
    pub content_type: Option<String>,
    /// The method, `post`, `put` or `patch` (default `post`).
    #[serde(default)]
    pub method: Method,
    /// Sign requests with each of these secrets (up to 4; default none): `whsec_` and 24 to 64
    /// bytes in base64. Two let the receiver change over.
    #[serde(default)]
    pub signing_secrets: Vec<SecretRef>,
    /// As whom to sign: `standard` (Standard Webhooks), `github` or `slack`; the last two with one
    /// secret, of 16 characters or more (default standard).
    #[serde(default)]
    pub signature: Custom,
    /// Compress requests (default false); not together with `signing_secrets`.
    #[serde(default)]
    pub gzip: bool,
    /// `single` sends one alert a request, `array` an array of them (default single); of
    /// lines of text, all of them, each with its line end; to a template, the list `alerts`.
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
        self.has_template() || self.shape.is_none() && self.format.needs_evidence()
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
        let mut wrong: Vec<String> = Vec::new();
        let known = Known::read(self).err();
        wrong.extend(known.map(|error| error.to_string()));
        wrong.extend(self.batch.check());
        wrong.extend(self.tls.check());
        wrong.extend(self.proxy.check());
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong.extend(self.check_signing());
        wrong.extend(self.check_content());
        let encoder = Encoder::new(self).err();
        wrong.extend(encoder.map(|error| error.to_string()));
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        Ok(Box::new(Webhook::new(self.clone())?))
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

    fn has_template(&self) -> bool {
        self.template.is_some() || self.template_file.is_some()
    }

    fn check_signing(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let secrets = self.signing_secrets.len();
        if secrets > 4 {
            wrong.push("signing_secrets holds more than 4".to_owned());
        }
        if self.signature != Custom::Standard && secrets != 1 {
            wrong.push(
                "signature other than standard needs exactly one of signing_secrets".to_owned(),
            );
        }
        if self.gzip && secrets > 0 {
            wrong.push(
                "gzip and signing_secrets do not go together: receivers differ in which bytes are \
                 signed"
                    .to_owned(),
            );
        }
        wrong
    }

    /// What contradicts itself among the keys that say what a request carries.
    fn check_content(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let more = self.body == Body::Array || self.format != Format::Falco || self.has_template();
        if self.shape.is_some() && more {
            wrong.push(
                "shape says what a request carries; leave out body, format and template".to_owned(),
            );
        }
        if self.template.is_some() && self.template_file.is_some() {
            wrong.push("template and template_file are both given; keep one".to_owned());
        }
        for (key, given, shape) in [
            ("routing_key", &self.routing_key, Shape::Pagerduty),
            ("genie_key", &self.genie_key, Shape::Opsgenie),
        ] {
            if given.is_some() != (self.shape == Some(shape)) {
                let word = format!("{shape:?}").to_lowercase();
                wrong.push(format!("{key} and shape: {word} go together"));
            }
        }
        wrong
    }

    /// What the body is said to be.
    fn content_type(&self) -> &str {
        let text = self.shape.is_none() && !self.has_template() && !self.format.is_json();
        self.content_type.as_deref().unwrap_or(if text {
            "text/plain; charset=utf-8"
        } else {
            "application/json"
        })
    }

    /// All headers but those of one request, with the secrets read anew.
    fn headers(&self) -> Result<HeaderMap, BuildError> {
        let mut headers = HeaderMap::new();
        let content_type = HeaderValue::from_str(self.content_type())
            .map_err(|_| BuildError::Value("content_type cannot stand in a header".to_owned()))?;
        headers.insert(CONTENT_TYPE, content_type);
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
        if let Some(reference) = &self.genie_key {
            headers.insert(AUTHORIZATION, secret_value(reference, "GenieKey ")?);
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

/// Bytes as lower-case hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
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
