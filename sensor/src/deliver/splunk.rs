//! Alerts to Splunk's HTTP Event Collector (HEC).
//!
//! A batch of alerts comes in, one gzip-compressed request leaves, made by
//! [`envelope`] and sent by [`sender`] to one of the [`indexer`]s. The answer is
//! judged by [`answer`]: a receiver that is busy gets the batch again, one that
//! names a bad event loses only that one, one that does not know our [`token`]
//! keeps its alerts queued until a person repairs it. With indexer acknowledgement
//! an alert is delivered only when the indexer says that it is stored.

mod acks;
mod answer;
mod envelope;
mod indexer;
mod sender;
mod token;
mod urls;

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::alert::Alert;

use super::common::{self, Batch, BuildError, Output, Settings};
use super::format::{Format, cim};
use super::http::Route;
use super::pattern::Pattern;
use super::queue::Batching;
use super::secret::SecretRef;
use super::{proxy, tls};

pub use answer::{HecAnswer, parse_answer};
pub use urls::Urls;

use envelope::Envelopes;
use sender::Sender;
use token::Tokens;

/// The most fields to be indexed beside an event.
const MAX_FIELDS: usize = 50;

/// Sends alerts to Splunk HTTP Event Collectors.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The collector, such as `https://splunk.example:8088`, or a list of up to 32 that share the
    /// requests: one that fails is left out until its health check is good again. Without a path,
    /// `/services/collector/event` (or `raw`) is used.
    pub url: Urls,
    /// The HEC token, as a reference: `${NAME}` or `file:/path`. Read anew when Splunk refuses it.
    pub token: SecretRef,
    /// The token to go on with when Splunk refuses the other, for a change without a gap
    /// (default none).
    #[serde(default)]
    pub next_token: Option<SecretRef>,
    /// How events are handed over: `event`, each with metadata of its own, or `raw`, lines with
    /// the metadata in the URL and without `fields` (default event).
    #[serde(default)]
    pub endpoint: Endpoint,
    /// Count an alert as delivered only when the indexer has acknowledged it (default false). The
    /// token must have indexer acknowledgement enabled. One request a sender waits at a time:
    /// raise `concurrency` for more.
    #[serde(default)]
    pub acknowledgement: bool,
    /// How often to ask for an acknowledgement, in milliseconds (10 to 60,000; default 1,000).
    #[serde(default = "default_poll_ms")]
    pub acknowledgement_poll_ms: u64,
    /// How long to wait for an acknowledgement before the alerts are sent again, with the same
    /// ids, in milliseconds (100 to 3,600,000; default 300,000).
    #[serde(default = "default_give_up_ms")]
    pub acknowledgement_give_up_ms: u64,
    /// The index to store in, such as `sec` or `sec_{source}` (default: the token's own). What no
    /// index can be named by becomes `_`.
    #[serde(default)]
    pub index: Option<Pattern>,
    /// What to do with an alert whose index Splunk does not allow (default: `wait` where `index`
    /// is one for all alerts, `default` where it is made from the alert).
    #[serde(default)]
    pub wrong_index: Option<WrongIndex>,
    /// The `host` of the events, such as `{host}` (default: this host's name).
    #[serde(default)]
    pub host: Option<Pattern>,
    /// The `source` of the events (default: the rule's source, such as `syscall`).
    #[serde(default)]
    pub source: Option<Pattern>,
    /// The `sourcetype` of the events (default by `format`: `sensor:alert`, `sensor:alert:cim` or
    /// `sensor:alert:ocsf`, which the app in `deploy/splunk` knows).
    #[serde(default)]
    pub sourcetype: Option<Pattern>,
    /// What is indexed beside each event, for searches by `tstats`: names and what they are made
    /// of, up to 50 (default `sensor_priority: '{priority}'` and `sensor_rule: '{rule}'`).
    #[serde(default = "default_fields")]
    pub fields: BTreeMap<String, Pattern>,
    /// What an event holds: `falco`, Falco's JSON; `cim`, the names of Splunk's Common
    /// Information Model; or `ocsf`, a Detection Finding for Splunk's OCSF add-on, which
    /// wants a `sourcetype` of its own (default falco).
    #[serde(default)]
    pub format: Shape,
    /// How alerts are grouped into requests.
    #[serde(default)]
    pub batch: Batch,
    /// Compress requests (default true).
    #[serde(default = "yes")]
    pub gzip: bool,
    /// How the collector's certificate is checked.
    #[serde(default)]
    pub tls: tls::Config,
    /// Through which proxy requests go.
    #[serde(default)]
    pub proxy: proxy::Config,
    /// Allow `http:` to another machine, token readable by anyone on the path (default false).
    #[serde(default)]
    pub allow_unencrypted: bool,
    /// Longest time for one request, in milliseconds (1 to 600,000; default 30,000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

/// What an event holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Falco's JSON object.
    #[default]
    Falco,
    /// The names of the Common Information Model.
    Cim,
    /// A Detection Finding of OCSF.
    Ocsf,
}

impl Shape {
    fn encode(self, alert: &Alert) -> Value {
        match self {
            Self::Falco => Format::Falco.encode(alert),
            Self::Cim => cim::encode(alert),
            Self::Ocsf => Format::Ocsf.encode(alert),
        }
    }

    /// What Splunk reads an event of this shape as.
    fn sourcetype(self) -> &'static str {
        match self {
            Self::Falco => "sensor:alert",
            Self::Cim => "sensor:alert:cim",
            Self::Ocsf => "sensor:alert:ocsf",
        }
    }
}

/// How events are handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// Envelopes, each with metadata of its own.
    #[default]
    Event,
    /// Lines, their metadata in the URL.
    Raw,
}

impl Endpoint {
    /// The last part of its path.
    fn word(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Raw => "raw",
        }
    }
}

/// What becomes of an alert whose index Splunk does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WrongIndex {
    /// It waits, and all behind it, until a person allows the index.
    Wait,
    /// It is sent once more without an index, into the token's own.
    Default,
}

fn default_poll_ms() -> u64 {
    1000
}

fn default_give_up_ms() -> u64 {
    300_000
}

fn default_timeout_ms() -> u64 {
    30_000
}

fn default_fields() -> BTreeMap<String, Pattern> {
    [("sensor_priority", "{priority}"), ("sensor_rule", "{rule}")]
        .into_iter()
        .filter_map(|(name, made_of)| Some((name.to_owned(), Pattern::parse(made_of).ok()?)))
        .collect()
}

fn yes() -> bool {
    true
}

impl Settings for Config {
    fn needs_evidence(&self) -> bool {
        let named = [&self.index, &self.host, &self.source, &self.sourcetype];
        let mut patterns = named.into_iter().flatten().chain(self.fields.values());
        self.format != Shape::Falco || patterns.any(Pattern::names_fields)
    }

    fn batching(&self) -> Batching {
        self.batch.batching()
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = self.url.check(self.allow_unencrypted, self.acknowledgement);
        wrong.extend(self.batch.check());
        wrong.extend(self.tls.check());
        wrong.extend(self.proxy.check());
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong.extend(self.check_acknowledgement());
        wrong.extend(self.check_metadata());
        for (key, token) in [
            ("token", Some(&self.token)),
            ("next_token", self.next_token.as_ref()),
        ] {
            let error = token.and_then(|token| token::header(token).err());
            wrong.extend(error.map(|error| format!("{key}: {error}")));
        }
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let tokens = [Some(&self.token), self.next_token.as_ref()];
        let tokens = Tokens::new(tokens.into_iter().flatten().cloned().collect())?;
        let envelopes = Envelopes::new(self.clone());
        Ok(Box::new(Sender::new(self, tokens, envelopes)?))
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

    /// What becomes of an alert whose index is not allowed.
    fn wrong_index(&self) -> WrongIndex {
        let fixed = self.index.as_ref().is_none_or(Pattern::is_fixed);
        let default = if fixed {
            WrongIndex::Wait
        } else {
            WrongIndex::Default
        };
        self.wrong_index.unwrap_or(default)
    }

    fn check_acknowledgement(&self) -> Vec<String> {
        let (poll, give_up) = (
            self.acknowledgement_poll_ms,
            self.acknowledgement_give_up_ms,
        );
        let mut wrong = Vec::new();
        if !(10..=60_000).contains(&poll) {
            wrong.push(format!(
                "acknowledgement_poll_ms is {poll}; it must be 10 to 60000"
            ));
        }
        if !(100..=3_600_000).contains(&give_up) {
            wrong.push(format!(
                "acknowledgement_give_up_ms is {give_up}; it must be 100 to 3600000"
            ));
        } else if give_up < poll {
            wrong.push(format!(
                "acknowledgement_give_up_ms ({give_up}) is less than acknowledgement_poll_ms \
                 ({poll}), so nobody would ever ask"
            ));
        }
        wrong
    }

    fn check_metadata(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let fixed = self.index.as_ref().filter(|index| index.is_fixed());
        if let Some(index) = fixed.map(Pattern::as_str)
            && envelope::index_name(index) != index
        {
            wrong.push(format!(
                "index is `{index}`; it must be lower-case letters, digits, `_` and `-`, and begin \
                 with a letter or a digit"
            ));
        }
        if self.wrong_index.is_some() && self.index.is_none() {
            wrong.push("wrong_index says what to do about `index`, which is not given".to_owned());
        }
        if self.fields.len() > MAX_FIELDS {
            wrong.push(format!("fields holds more than {MAX_FIELDS}"));
        }
        if self.endpoint == Endpoint::Raw && self.fields != default_fields() {
            wrong.push("fields cannot be given to the raw endpoint; use `endpoint: event`".into());
        }
        wrong.extend(
            self.fields
                .keys()
                .filter_map(|name| envelope::check_field(name)),
        );
        wrong
    }
}
