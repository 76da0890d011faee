//! What all outputs share that post to a known interface over HTTP.
//!
//! A body comes in, the receiver's reply or the [`Answer`] for having none leaves.
//! Credentials are read anew whenever the receiver refuses them, so that a rotated
//! token needs no restart. A refusal that is about us (credentials, a wrong URL)
//! keeps the alerts; only one that is about an alert gives it up.

use std::io::Write;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Url;
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::{self, Answer, BuildError, Rest};
use super::http::{self, Client, Reply, Route};
use super::secret::SecretRef;
use super::text;
use super::webhook::secret_value;
use super::{proxy, tls};

/// How we prove who we are: one of these, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// A user's name, for basic authentication with `password` (default none).
    pub user: Option<String>,
    /// The user's password, as a reference: `${NAME}` or `file:/path` (default none).
    pub password: Option<SecretRef>,
    /// A token sent as `Authorization: Bearer …` (default none).
    pub bearer: Option<SecretRef>,
    /// A key sent as `Authorization: ApiKey …`, as Elasticsearch has them (default none).
    pub api_key: Option<SecretRef>,
    /// A token sent as `Authorization: Token …`, as `InfluxDB` has them (default none).
    pub token: Option<SecretRef>,
}

impl Auth {
    /// What is wrong, one sentence each; reads the secrets.
    pub(crate) fn check(&self) -> Vec<String> {
        let given = [
            self.user.is_some(),
            self.bearer.is_some(),
            self.api_key.is_some(),
            self.token.is_some(),
        ];
        let mut wrong = Vec::new();
        if given.into_iter().filter(|given| *given).count() > 1 {
            wrong.push("auth holds more than one way to prove who we are; keep one".to_owned());
        }
        if self.user.is_some() != self.password.is_some() {
            wrong.push("auth needs both user and password".to_owned());
        }
        wrong.extend(self.header().err().map(|error| format!("auth: {error}")));
        wrong
    }

    fn header(&self) -> Result<Option<HeaderValue>, BuildError> {
        if let (Some(user), Some(password)) = (&self.user, &self.password) {
            let pair = format!("{user}:{}", password.resolve()?.expose());
            let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)))
                .map_err(|_| BuildError::Value("auth cannot stand in a header".into()))?;
            value.set_sensitive(true);
            return Ok(Some(value));
        }
        [
            (&self.bearer, "Bearer "),
            (&self.api_key, "ApiKey "),
            (&self.token, "Token "),
        ]
        .into_iter()
        .find_map(|(secret, before)| Some(secret_value(secret.as_ref()?, before)))
        .transpose()
    }

    /// The header, added to others.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) -> Result<(), BuildError> {
        if let Some(value) = self.header()? {
            headers.insert(AUTHORIZATION, value);
        }
        Ok(())
    }
}

/// Where an output posts and how, as its keys say.
pub(crate) struct Endpoint<'a> {
    pub(crate) url: &'a str,
    /// Used where the URL has no path.
    pub(crate) path: &'a str,
    pub(crate) tls: &'a tls::Config,
    pub(crate) proxy: &'a proxy::Config,
    pub(crate) allow_unencrypted: bool,
    pub(crate) timeout_ms: u64,
}

impl Endpoint<'_> {
    /// What is wrong with these keys, one sentence each.
    pub(crate) fn check(&self) -> Vec<String> {
        let mut wrong = http::check_url(self.url, self.allow_unencrypted);
        wrong.extend(self.tls.check());
        wrong.extend(self.proxy.check());
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong
    }

    fn route(&self) -> Route<'_> {
        Route {
            tls: self.tls,
            proxy: self.proxy,
            timeout: Duration::from_millis(self.timeout_ms),
        }
    }

    pub(crate) fn url(&self) -> Result<Url, BuildError> {
        let mut url =
            http::parse_url(self.url, self.allow_unencrypted).map_err(BuildError::Value)?;
        if url.path() == "/" {
            url.set_path(self.path);
        }
        Ok(url)
    }
}

/// How headers are made, secrets read anew each time.
type Headers = Box<dyn Fn() -> Result<HeaderMap, BuildError> + Send + Sync>;

/// Posts bodies to one URL.
pub(crate) struct Poster {
    client: Client,
    read: Headers,
    headers: HeaderMap,
    gzip: bool,
}

impl Poster {
    /// Posts to `url`; `read` makes the headers, whenever they may have changed.
    pub(crate) fn new(
        url: Url,
        endpoint: &Endpoint<'_>,
        gzip: bool,
        read: impl Fn() -> Result<HeaderMap, BuildError> + Send + Sync + 'static,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            client: Client::new(url, endpoint.route())?,
            headers: read()?,
            read: Box::new(read),
            gzip,
        })
    }

    /// Sends a body; the error is the answer for a request that got no reply.
    pub(crate) async fn post(&mut self, body: Vec<u8>) -> Result<Reply, Answer> {
        let mut headers = self.headers.clone();
        let body = if self.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            gzipped(&body).map_err(Answer::retry)?
        } else {
            body
        };
        let reply = self.client.post(headers, body).await;
        let reply = reply.map_err(http::no_reply)?;
        if matches!(reply.status, 401 | 403 | 407) {
            // The old ones stay when new ones cannot be read.
            if let Ok(headers) = (self.read)() {
                self.headers = headers;
            }
        }
        Ok(reply)
    }
}

/// The bytes, compressed.
pub(crate) fn gzipped(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

/// Headers that say what a body is.
pub(crate) fn content(kind: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))])
}

/// Adds a header whose value is no secret.
pub(crate) fn add(
    headers: &mut HeaderMap,
    name: &'static str,
    value: &str,
) -> Result<(), BuildError> {
    let value = HeaderValue::from_str(value)
        .map_err(|_| BuildError::Value(format!("`{value}` cannot stand in a header")))?;
    headers.insert(HeaderName::from_static(name), value);
    Ok(())
}

/// What a reply means for the whole request when its body says nothing more;
/// `None` for 2xx. What is wrong with us or our URL blocks, a request that is
/// refused for what is in it is split until the bad alert is alone.
pub(crate) fn fate(reply: &Reply) -> Option<Rest> {
    let why = || format!("HTTP {}{}", reply.status, words(reply));
    match reply.status {
        403..=405 => Some(Rest::Blocked(why())),
        400 | 406 | 409 | 411..=424 | 426..=428 => Some(Rest::Split(why())),
        status => Some(http::fate_of(status, reply.retry_after)?.saying(&words(reply))),
    }
}

/// The receiver's words after a colon, shortened and safe to show; or nothing.
pub(crate) fn words(reply: &Reply) -> String {
    let said = String::from_utf8_lossy(&reply.body);
    match said.trim() {
        "" => String::new(),
        said => format!(": {}", text::shortened(&text::visible(said), 300)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status,
            retry_after: None,
            body: body.into(),
            complete: true,
        }
    }

    #[test]
    fn what_is_wrong_with_us_blocks_and_what_is_wrong_with_alerts_splits() {
        for status in 0..=999 {
            let fate = fate(&reply(status, "no\x1b[2J"));
            let words = fate.as_ref().and_then(Rest::why).unwrap_or_default();
            assert!(!words.contains('\x1b'), "{words}");
            match status {
                200..=299 => assert_eq!(fate, None),
                300..=399 | 401 | 403..=405 | 407 | 410 => {
                    assert!(matches!(fate, Some(Rest::Blocked(_))), "{status} {fate:?}");
                }
                408 | 425 | 429 | 500..=599 => {
                    assert!(matches!(fate, Some(Rest::Retry(..))), "{status} {fate:?}");
                }
                400 | 413 | 422 => {
                    assert!(matches!(fate, Some(Rest::Split(_))), "{status} {fate:?}");
                }
                _ => assert!(fate.is_some(), "{status}"),
            }
        }
    }

    #[test]
    fn one_way_to_prove_who_we_are_is_enough() {
        for (yaml, good) in [
            ("{}", true),
            ("{user: a}", false),
            ("{bearer: '${PATH}'}", true),
            ("{bearer: '${PATH}', token: '${PATH}'}", false),
            ("{api_key: '${NO_SUCH_VARIABLE_HERE}'}", false),
        ] {
            let auth: Auth = serde_yaml::from_str(yaml).unwrap();
            assert_eq!(auth.check().is_empty(), good, "{yaml}: {:?}", auth.check());
        }
        let auth: Auth = serde_yaml::from_str("{user: a, password: '${HOME}'}").unwrap();
        let shown = format!("{:?}", auth.header().unwrap());
        assert_eq!(shown, "Some(Sensitive)");
    }
}
