//! One collector among those of an output: its places, its channel, its health.
//!
//! Requests go out, replies come back. One that fails rests while others do its
//! work, and is asked for its health now and then, each time after a longer rest;
//! nobody asks one that is well. Acknowledgements belong to the channel and the
//! indexer that took the events, so both stay together here.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::acks::{self, Acks};
use super::answer;
use super::envelope::Metadata;
use super::{Config, urls};
use crate::deliver::common::BuildError;
use crate::deliver::http::{self, Client, NoReply, Reply};

const CHANNEL: HeaderName = HeaderName::from_static("x-splunk-request-channel");

/// The rest after a first failure; each further one doubles it.
const SHORTEST_REST: Duration = Duration::from_secs(1);
/// It grows no longer than this.
const LONGEST_REST: Duration = Duration::from_mins(5);
/// The longest wait for the answer to a health check.
const CHECK: Duration = Duration::from_secs(5);
/// Questions for an acknowledgement that fail in a row before it counts as lost: an
/// indexer that started anew knows nothing of it any more.
const FAILURES: u32 = 5;
/// The most acknowledgements that were given up and are still asked for.
const MAX_GIVEN_UP: usize = 1000;

/// What became of a request that waits to be acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stored {
    /// The indexer has stored all of it.
    Yes,
    /// The token has no acknowledgement.
    Disabled,
    /// Nobody knows; why.
    Unknown(String),
}

/// How acknowledgements are waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) poll: Duration,
    pub(super) give_up: Duration,
}

/// One collector.
pub(super) struct Indexer {
    events: Url,
    acks: Url,
    health: Url,
    client: Arc<Client>,
    gzip: bool,
    channel: Uuid,
    /// Acknowledgements of this channel that came too late or never.
    given_up: Vec<u64>,
    /// Failures since it last took something.
    failures: u32,
    /// The health checks while it rests; none when it is well.
    checks: JoinSet<()>,
}

impl Indexer {
    pub(super) fn new(url: &str, config: &Config) -> Result<Self, BuildError> {
        let url = http::parse_url(url, config.allow_unencrypted).map_err(BuildError::Value)?;
        let events = urls::place(&url, config.endpoint.word());
        let mut health = urls::place(&url, "health");
        if config.acknowledgement {
            health.set_query(Some("ack=true"));
        }
        Ok(Self {
            client: Arc::new(Client::new(events.clone(), config.route())?),
            events,
            acks: urls::place(&url, "ack"),
            health,
            gzip: config.gzip,
            channel: Uuid::new_v4(),
            given_up: Vec::new(),
            failures: 0,
            checks: JoinSet::new(),
        })
    }

    /// Whether requests may go to it without a second thought.
    pub(super) fn is_well(&mut self) -> bool {
        while self.checks.try_join_next().is_some() {}
        self.checks.is_empty()
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.checks = JoinSet::new();
    }

    /// Lets it rest until it says that it is well, if others can work meanwhile.
    pub(super) fn failed(&mut self, others: bool) {
        self.failures = self.failures.saturating_add(1);
        if others && self.is_well() {
            let rest = SHORTEST_REST.saturating_mul(1 << (self.failures - 1).min(10));
            let (client, health) = (Arc::clone(&self.client), self.health.clone());
            self.checks
                .spawn(wait_for_health(client, health, rest.min(LONGEST_REST)));
        }
    }

    /// Begins another channel: the collector does not like this one.
    pub(super) fn change_channel(&mut self) {
        self.channel = Uuid::new_v4();
        self.given_up.clear();
    }

    /// Sends a batch.
    pub(super) async fn post(
        &self,
        token: HeaderValue,
        metadata: Option<&Metadata>,
        body: Vec<u8>,
    ) -> Result<Reply, NoReply> {
        let mut headers = self.headers(token);
        if self.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let mut url = self.events.clone();
        if let Some(metadata) = metadata {
            url.query_pairs_mut().extend_pairs(metadata.pairs());
        }
        self.client
            .request_at(url, Method::POST, headers, body)
            .await
    }

    /// Waits until the request of this number is stored, but not for ever.
    pub(super) async fn stored(
        &mut self,
        token: &HeaderValue,
        id: u64,
        patience: Patience,
    ) -> Stored {
        self.expect(id);
        let end = Instant::now() + patience.give_up;
        let mut failures = 0;
        let mut why = "no acknowledgement in time".to_owned();
        while failures < FAILURES && Instant::now() < end {
            sleep(patience.poll).await;
            match self.ask(token, Some(id)).await {
                Acks::Stored(stored) if stored.contains(&id) => return Stored::Yes,
                Acks::Stored(_) => failures = 0,
                Acks::Disabled => return Stored::Disabled,
                Acks::Token => {
                    failures += 1;
                    "asked for an acknowledgement: the token is not accepted".clone_into(&mut why);
                }
                Acks::Failed(error) => {
                    failures += 1;
                    why = format!("asked for an acknowledgement: {error}");
                }
            }
        }
        self.given_up.push(id);
        let oldest = self.given_up.len().saturating_sub(MAX_GIVEN_UP);
        self.given_up.drain(..oldest);
        Stored::Unknown(why)
    }

    /// Numbers begin again when an indexer does: what an older request of the same
    /// number was is not what this one is.
    fn expect(&mut self, id: u64) {
        if self.given_up.iter().any(|old| *old >= id) {
            self.given_up.clear();
        }
    }

    /// Asks which requests are stored: those given up, and the one waited for. The
    /// indexer tells each once and then has room for others.
    pub(super) async fn ask(&mut self, token: &HeaderValue, id: Option<u64>) -> Acks {
        let ids: Vec<_> = self.given_up.iter().copied().chain(id).collect();
        if ids.is_empty() {
            return Acks::Stored(ids);
        }
        let body = json!({"acks": ids}).to_string().into_bytes();
        let (url, headers) = (self.acks.clone(), self.headers(token.clone()));
        match self
            .client
            .request_at(url, Method::POST, headers, body)
            .await
        {
            Ok(reply) => {
                let told = acks::parse_acks(&reply);
                if let Acks::Stored(stored) = &told {
                    self.given_up.retain(|id| !stored.contains(id));
                }
                told
            }
            Err(why) => Acks::Failed(why.to_string()),
        }
    }

    /// What every request has that is not a health check.
    fn headers(&self, token: HeaderValue) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(AUTHORIZATION, token);
        if let Ok(channel) = HeaderValue::from_str(&self.channel.to_string()) {
            headers.insert(CHANNEL, channel);
        }
        headers
    }
}

/// Returns when the collector says that it is well. It is asked without the token,
/// which it does not need for that.
async fn wait_for_health(client: Arc<Client>, health: Url, mut rest: Duration) {
    loop {
        sleep(rest).await;
        let asked = client.request_at(health.clone(), Method::GET, HeaderMap::new(), Vec::new());
        let reply = tokio::time::timeout(CHECK, asked).await;
        if matches!(reply, Ok(Ok(reply)) if answer::is_healthy(&reply)) {
            return;
        }
        rest = rest.saturating_mul(2).min(LONGEST_REST);
    }
}
