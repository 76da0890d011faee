//! One request for each batch.
//!
//! A batch comes in, what the receiver did with it leaves. Whatever is a secret, the
//! URL too, is read anew when the receiver does not know us or our URL, and when that
//! brings something new, the batch is tried again before anything is given up.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::Url;
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};

use super::Config;
use super::body::Encoder;
use super::signature::{Custom, Signer};
use crate::alert::Alert;
use crate::deliver::common::{Answer, BuildError, Output, Rest, Sending};
use crate::deliver::http::{self, Client, Reply};
use crate::deliver::post;
use crate::deliver::secret::{Secret, SecretRef};

/// What is read where secrets are kept, and may change there.
#[derive(PartialEq)]
pub(super) struct Known {
    url: Url,
    headers: HeaderMap,
    signer: Signer,
    routing_key: Option<Secret>,
}

impl Known {
    /// Reads all of it.
    pub(super) fn read(config: &Config) -> Result<Self, BuildError> {
        let signer = Signer::new(config.signature, &config.signing_secrets);
        let routing_key = config.routing_key.as_ref().map(SecretRef::resolve);
        Ok(Self {
            url: config.url.resolve(config.allow_unencrypted)?,
            headers: config.headers()?,
            signer: signer
                .map_err(|error| BuildError::Value(format!("signing_secrets: {error}")))?,
            routing_key: routing_key.transpose()?,
        })
    }
}

/// The sender.
pub(super) struct Webhook {
    client: Client,
    known: Known,
    encoder: Encoder,
    config: Config,
}

impl Webhook {
    pub(super) fn new(config: Config) -> Result<Self, BuildError> {
        let known = Known::read(&config)?;
        Ok(Self {
            client: Client::new(known.url.clone(), config.route())?,
            encoder: Encoder::new(&config)?,
            known,
            config,
        })
    }

    async fn post(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let body = match self.body(batch) {
            Ok(body) => body,
            Err(why) => return Answer::none(Rest::Split(why)),
        };
        let headers = self.headers_of(&request_id(batch), &body);
        let method = self.config.method.into();
        let reply = match self.client.request(method, headers, body).await {
            Ok(reply) => reply,
            Err(why) => return http::no_reply(why),
        };
        match self.fate(&reply) {
            None => Answer::all(batch),
            Some(rest) if is_about_us(&reply) && self.renew() => {
                let why = rest.why().unwrap_or_default();
                Answer::retry(format!("{why}; tried again with new secrets"))
            }
            Some(rest) => Answer::none(rest),
        }
    }

    fn body(&self, batch: &[Arc<Alert>]) -> Result<Vec<u8>, String> {
        let key = self.known.routing_key.as_ref();
        let body = self.encoder.encode(batch, key)?;
        if self.config.gzip {
            return post::gzipped(&body).map_err(|error| error.to_string());
        }
        Ok(body)
    }

    /// What a reply means for the batch; `None` when it was taken.
    fn fate(&self, reply: &Reply) -> Option<Rest> {
        let Some(rest) = http::fate_of(reply.status, reply.retry_after) else {
            return self.config.shape?.doubt(reply);
        };
        Some(rest.saying(&post::words(reply)))
    }

    /// Reads anew what may have been rotated; whether that brought something new. The
    /// old stays when the new cannot be read.
    fn renew(&mut self) -> bool {
        let Ok(known) = Known::read(&self.config) else {
            return false;
        };
        if known == self.known {
            return false;
        }
        if known.url != self.known.url {
            match Client::new(known.url.clone(), self.config.route()) {
                Ok(client) => self.client = client,
                Err(_) => return false,
            }
        }
        self.known = known;
        true
    }

    /// The headers of one attempt: its id, its time and what proves them.
    fn headers_of(&self, id: &str, body: &[u8]) -> HeaderMap {
        let mut headers = self.known.headers.clone();
        if self.config.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = now.unwrap_or_default().as_secs();
        let mut of_this = self.known.signer.sign(id, seconds, body);
        of_this.push(("webhook-id", id.to_owned()));
        if self.config.signature == Custom::Standard {
            of_this.push(("webhook-timestamp", seconds.to_string()));
        }
        for (name, value) in of_this {
            if let Ok(value) = HeaderValue::from_str(&value) {
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

/// Whether an answer says that the receiver does not know us, or the URL.
fn is_about_us(reply: &Reply) -> bool {
    matches!(reply.status, 401 | 403 | 404 | 407 | 410)
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
