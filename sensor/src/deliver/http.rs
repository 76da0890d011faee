//! One request to one place.
//!
//! A body comes in, the receiver's [`Reply`] or the reason there is none leaves.
//! Redirects are never followed: they would carry the secret headers to another
//! host. Every request ends within its timeout, and of an answer only its first
//! 64 KiB are read. Neither URL nor headers appear in an error.
//!
//! Connections are kept, but not for ever: after ten minutes, when certificates
//! changed, and after an answer that says this server is in trouble, new ones are
//! made, so that a balancer or the name's addresses may choose another.

use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, Url};

use super::backoff::parse_retry_after;
use super::common::{Answer, BuildError, Rest};
use super::{proxy, tls};

/// No receiver's answer says more of use.
const MAX_REPLY_BYTES: usize = 64 * 1024;
/// How long connections are kept at most.
const MAX_AGE: Duration = Duration::from_mins(10);
/// How long a connection is kept that nothing is sent over.
const MAX_IDLE: Duration = Duration::from_mins(1);

/// A receiver's answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// The answer's body, or as much of it as came.
    pub(crate) body: Vec<u8>,
    /// False when the connection broke or the bound was reached within the body.
    pub(crate) complete: bool,
}

/// Why there is no answer, in words that hold neither URL nor secret.
#[derive(Debug)]
pub(crate) struct NoReply {
    why: String,
    /// The proxy does not know us, which no repetition changes.
    unknown_to_proxy: bool,
}

impl fmt::Display for NoReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// How a receiver is reached.
#[derive(Clone, Copy)]
pub(crate) struct Route<'a> {
    pub(crate) tls: &'a tls::Config,
    pub(crate) proxy: &'a proxy::Config,
    /// Longest time for one request.
    pub(crate) timeout: Duration,
}

/// A client for one URL, with its own connections.
pub(crate) struct Client {
    url: Url,
    proxy: proxy::Config,
    timeout: Duration,
    /// The certificates; `None` where the URL has no TLS.
    certificates: Option<Arc<tls::Watched>>,
    connections: Mutex<Connections>,
}

/// The connections made since some moment.
struct Connections {
    client: reqwest::Client,
    since: Instant,
    /// Which certificates they were made with.
    generation: u64,
    /// Whether the server behind them is in trouble.
    in_trouble: bool,
}

impl Client {
    pub(crate) fn new(url: Url, route: Route<'_>) -> Result<Self, BuildError> {
        // A plain connection needs no certificate authority, so a machine that
        // has none can still send to its own loopback.
        let certificates = match url.scheme() {
            "https" => Some(route.tls.watched()?),
            _ => None,
        };
        let generation = certificates.as_ref().map_or(0, |it| it.generation());
        let client = connector(&url, certificates.as_ref(), route.proxy, route.timeout)?;
        Ok(Self {
            url,
            proxy: route.proxy.clone(),
            timeout: route.timeout,
            certificates,
            connections: Mutex::new(Connections {
                client,
                since: Instant::now(),
                generation,
                in_trouble: false,
            }),
        })
    }

    /// POSTs `body`; the error says what happened in words.
    pub(crate) async fn post(&self, headers: HeaderMap, body: Vec<u8>) -> Result<Reply, NoReply> {
        self.request(Method::POST, headers, body).await
    }

    /// Sends `body` by this method; the error says what happened in words.
    pub(crate) async fn request(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Reply, NoReply> {
        self.request_at(self.url.clone(), method, headers, body)
            .await
    }

    /// The same at another URL of the same server, over the same connections.
    pub(crate) async fn request_at(
        &self,
        url: Url,
        method: Method,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Reply, NoReply> {
        let request = self.client().request(method, url);
        let response = request.headers(headers).body(body).send().await;
        let response = response.map_err(|error| {
            let unknown_to_proxy = is_unknown_to_proxy(&error);
            if unknown_to_proxy {
                // The password may have been rotated: it is read with them.
                self.leave();
            }
            NoReply {
                why: describe(error),
                unknown_to_proxy,
            }
        })?;
        let status = response.status().as_u16();
        if matches!(status, 407 | 429 | 502..=504) {
            self.leave();
        }
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| parse_retry_after(value.as_bytes(), SystemTime::now()));
        let (body, complete) = read_bounded(response).await;
        Ok(Reply {
            status,
            retry_after,
            body,
            complete,
        })
    }

    /// The client of the moment. Its connections are given up where they should be;
    /// where no others can be made ready, they are still better than none.
    fn client(&self) -> reqwest::Client {
        let generation = self.certificates.as_ref().map_or(0, |it| it.generation());
        let mut now = self.lock();
        let fresh = now.since.elapsed() < MAX_AGE && now.generation == generation;
        if (now.in_trouble || !fresh)
            && let Ok(client) = connector(
                &self.url,
                self.certificates.as_ref(),
                &self.proxy,
                self.timeout,
            )
        {
            *now = Connections {
                client,
                since: Instant::now(),
                generation,
                in_trouble: false,
            };
        }
        now.client.clone()
    }

    /// Has the next request make a new connection.
    fn leave(&self) {
        self.lock().in_trouble = true;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client without any connection yet.
fn connector(
    url: &Url,
    certificates: Option<&Arc<tls::Watched>>,
    proxy: &proxy::Config,
    timeout: Duration,
) -> Result<reqwest::Client, BuildError> {
    let mut tls = match certificates {
        Some(certificates) => certificates.client()?,
        None => tls::Config::trusting_nobody()?,
    };
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .timeout(timeout)
        .connect_timeout(timeout)
        .pool_idle_timeout(MAX_IDLE)
        .tcp_keepalive(Duration::from_secs(30))
        .user_agent(concat!("sensor/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls);
    let builder = proxy.apply(builder, url)?;
    builder
        .build()
        .map_err(|error| BuildError::Value(describe(error)))
}

async fn read_bounded(mut response: Response) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_REPLY_BYTES => {
                body.extend_from_slice(&chunk);
            }
            Ok(None) => return (body, true),
            Ok(Some(_)) | Err(_) => return (body, false),
        }
    }
}

/// The whole chain of causes, without the URL, which may hold a secret.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// Whether a proxy asked for a login, or for another one. The client's error has
/// no other sign of it than its words.
fn is_unknown_to_proxy(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.to_string().contains("proxy authorization required") {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// What a status means when nothing but the status is known; `None` for 2xx.
pub(crate) fn fate_of(status: u16, retry_after: Option<Duration>) -> Option<Rest> {
    let why = format!("HTTP {status}");
    match status {
        200..=299 => None,
        300..=399 => Some(Rest::Blocked(format!("{why}: redirects are not followed"))),
        401 | 407 => Some(Rest::Blocked(format!("{why}: not authorised"))),
        408 | 425 | 429 | 500..=599 => Some(Rest::Retry(why, retry_after)),
        // By Standard Webhooks, an end for good to whatever is sent there.
        410 => Some(Rest::Blocked(format!("{why}: the receiver is gone"))),
        // Nothing sent there is taken, whatever it holds.
        403..=405 => Some(Rest::RefuseAll(why)),
        // Too much, or one of them is bad.
        _ => Some(Rest::Split(why)),
    }
}

/// The answer for a request that got none.
pub(crate) fn no_reply(error: NoReply) -> Answer {
    Answer::none(if error.unknown_to_proxy {
        Rest::Blocked(format!("the proxy does not know us: {}", error.why))
    } else {
        Rest::Retry(error.why, None)
    })
}

/// What is wrong with a receiver's URL, one sentence each.
pub(crate) fn check_url(text: &str, allow_unencrypted: bool) -> Vec<String> {
    match parse_url(text, allow_unencrypted) {
        Ok(_) => Vec::new(),
        Err(why) => vec![why],
    }
}

/// Reads a receiver's URL: https anywhere, http only to this machine unless allowed.
pub(crate) fn parse_url(text: &str, allow_unencrypted: bool) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("url is not valid: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("url begins with {}:; use https:", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("url holds a user name or password; use the key for a secret instead".into());
    }
    if url.scheme() == "http" && !allow_unencrypted && !is_loopback(&url) {
        return Err(
            "url is http: to another machine, where anyone on the path can read it; \
             use https: or set allow_unencrypted: true"
                .into(),
        );
    }
    Ok(url)
}

/// Whether a URL leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(is_loopback_host)
}

/// Whether a host name or address means this machine.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unencrypted_url_is_taken_only_to_this_machine_or_when_allowed() {
        for (url, allowed, good) in [
            ("https://siem.example:8088", false, true),
            ("http://127.0.0.1:8088", false, true),
            ("http://[::1]:8088", false, true),
            ("http://localhost/x", false, true),
            ("http://siem.example", false, false),
            ("http://siem.example", true, true),
            ("http://127.0.0.1.evil.example", false, false),
            ("ftp://127.0.0.1", true, false),
            ("https://user:hunter2@siem.example", false, false),
            ("siem.example:8088", false, false),
            ("", false, false),
        ] {
            let wrong = check_url(url, allowed);
            assert_eq!(wrong.is_empty(), good, "{url}: {wrong:?}");
            assert!(!wrong.concat().contains("hunter2"), "{wrong:?}");
        }
    }

    #[test]
    fn every_status_has_a_fate() {
        for status in 0..=999 {
            let fate = fate_of(status, None);
            assert_eq!(fate.is_none(), (200..300).contains(&status), "{status}");
        }
        assert!(matches!(fate_of(302, None), Some(Rest::Blocked(_))));
        assert!(matches!(fate_of(404, None), Some(Rest::RefuseAll(_))));
        assert!(matches!(fate_of(503, None), Some(Rest::Retry(_, None))));
        assert!(matches!(fate_of(413, None), Some(Rest::Split(_))));
    }
}
