//! Asking for credentials that last a while: what the clouds have in common.
//!
//! A request for them comes in, the answer of who gives them out leaves, and only if
//! it is a whole yes. Who stands on this machine's own link is asked without a proxy
//! and answers soon; everybody else only through TLS.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};

use super::http::{self, Client, Reply, Route};
use super::post::{self, words};
use super::secret::SecretRef;
use super::{proxy, tls};

/// Who is near answers soon or is not there.
const SOON: Duration = Duration::from_secs(5);
/// No file of credentials is longer.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// The hosts that clouds give credentials out at, on this machine's own link.
const NEAR_HOSTS: [&str; 6] = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "[fd00:ec2::23]",
    "[fd00:ec2::254]",
    "metadata.google.internal",
];

/// How whoever gives out credentials is reached.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) tls: tls::Config,
    pub(crate) proxy: proxy::Config,
    pub(crate) timeout: Duration,
}

impl Way {
    pub(crate) fn new(route: Route<'_>) -> Self {
        Self {
            tls: route.tls.clone(),
            proxy: route.proxy.clone(),
            timeout: route.timeout,
        }
    }

    /// Asks `who`, whose name stands in the error.
    pub(crate) async fn ask(
        &self,
        who: &str,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Reply, String> {
        let none = proxy::Config {
            url: "none".to_owned(),
            ..proxy::Config::default()
        };
        let mut route = Route {
            tls: &self.tls,
            proxy: &self.proxy,
            timeout: self.timeout,
        };
        if is_near(&url) {
            route.proxy = &none;
            route.timeout = route.timeout.min(SOON);
        }
        let client = Client::new(url, route).map_err(|why| format!("{who}: {why}"))?;
        let reply = client.request(method, headers, body).await;
        let reply = reply.map_err(|why| format!("{who}: {why}"))?;
        match reply.status {
            200..=299 if reply.complete => Ok(reply),
            200..=299 => Err(format!("{who}: its answer is torn or too long")),
            status => Err(format!("{who}: HTTP {status}{}", words(&reply))),
        }
    }
}

fn is_near(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    NEAR_HOSTS.contains(&host) || http::is_loopback_host(host)
}

/// A URL to ask for credentials at: encrypted, or never leaving this machine's own link.
pub(crate) fn url(place: &str) -> Result<Url, String> {
    let url = http::parse_url(place, true)?;
    if url.scheme() == "https" || is_near(&url) {
        return Ok(url);
    }
    let host = url.host_str().unwrap_or_default();
    Err(format!("credentials are not asked of {host} unencrypted"))
}

/// A variable of the environment, if it is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A token that somebody writes to a file, and writes anew before it ends.
pub(crate) fn token_in(path: &Path) -> Result<String, String> {
    let secret = SecretRef::File(path.to_owned()).resolve();
    let secret = secret.map_err(|why| why.to_string())?;
    Ok(secret.expose().to_owned())
}

/// A file of credentials that has a form of its own.
pub(crate) fn file(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// A form, and the header that says it is one.
pub(crate) fn form(pairs: &[(&str, &str)]) -> (HeaderMap, Vec<u8>) {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", percent_encoded(value));
    let form: Vec<String> = pairs.iter().map(pair).collect();
    let headers = post::content("application/x-www-form-urlencoded");
    (headers, form.join("&").into_bytes())
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// One header whose value is a secret.
pub(crate) fn secret_header(name: HeaderName, value: &str) -> Result<HeaderMap, String> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| "a token of the credentials cannot stand in a header".to_owned())?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(name, value)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_holds_values_of_any_kind() {
        let (_, body) = form(&[("a", "x y&=+/%"), ("b", "\u{e9}-._~")]);
        let body = String::from_utf8(body).unwrap();
        assert_eq!(body, "a=x%20y%26%3D%2B%2F%25&b=%C3%A9-._~");
    }

    #[test]
    fn credentials_are_asked_only_of_those_who_are_near_or_encrypted() {
        for (place, good) in [
            ("http://169.254.170.2/v2/credentials/x", true),
            ("http://[fd00:ec2::23]/v1", true),
            ("http://metadata.google.internal/", true),
            ("http://127.0.0.1:51679/x", true),
            ("https://credentials.example/x", true),
            ("http://credentials.example/x", false),
            ("http://169.254.169.254.evil.example/", false),
            ("file:///etc/shadow", false),
        ] {
            assert_eq!(url(place).is_ok(), good, "{place}");
        }
    }
}
