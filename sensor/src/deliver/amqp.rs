//! Alerts to an exchange of an AMQP 0.9.1 server, such as `RabbitMQ`.
//!
//! A batch of alerts comes in, a persistent message each leaves; an alert is taken
//! when the server confirms its message and has not returned it as unroutable. All
//! of a batch are under way at once. After any error the connection is given up
//! and what is not confirmed is sent again on a new one, with the same id.

mod line;

use std::sync::Arc;
use std::time::Duration;

use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Confirmation, ErrorKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::alert::Alert;

use super::address::{self, Address, Scheme};
use super::common::{self, Answer, Batch, BuildError, ItemFate, Output, Rest, Sending, Settings};
use super::format::Format;
use super::pattern::Pattern;
use super::queue::Batching;
use super::secret::SecretRef;
use super::text::visible;
use super::tls;
use super::verdict::shown;

use line::{Line, Road};

const SCHEMES: [Scheme; 2] = [
    Scheme {
        word: "amqps",
        port: 5671,
        encrypted: true,
    },
    Scheme {
        word: "amqp",
        port: 5672,
        encrypted: false,
    },
];

/// The protocol writes the length of a name as one byte.
const MAX_NAME_BYTES: usize = 255;

/// Publishes alerts to an exchange of an AMQP 0.9.1 server such as `RabbitMQ`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server, such as `amqps://rabbit.example`, or `amqp://` without encryption.
    pub url: String,
    /// The virtual host (default `/`).
    #[serde(default = "default_vhost")]
    pub vhost: String,
    /// The user's name; without one, `tls.client_certificate` proves who we are.
    #[serde(default)]
    pub user: Option<String>,
    /// The user's password, as a reference: `${NAME}` or `file:/path`; read anew for each
    /// connection.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// The exchange, which must exist; empty is the server's own, which puts alerts into the
    /// queue that `routing_key` names (default empty).
    #[serde(default)]
    pub exchange: String,
    /// The routing key, such as `sensor.{priority}`; in values, `.`, `*` and `#` become `_`.
    pub routing_key: Pattern,
    /// The schema alerts are written in (default falco).
    #[serde(default)]
    pub format: Format,
    /// How many alerts are under way at once.
    #[serde(default)]
    pub batch: Batch,
    /// Both sides say so often that they are there, in seconds (1 to 600; default 30).
    #[serde(default = "default_heartbeat_s")]
    pub heartbeat_s: u16,
    /// How the server's certificate is checked, and what proves who we are.
    #[serde(default)]
    pub tls: tls::Config,
    /// Allow `amqp:` to another machine, readable by anyone on the path (default false).
    #[serde(default)]
    pub allow_unencrypted: bool,
    /// Longest time for one batch, connecting included, in milliseconds (1 to 600,000;
    /// default 30,000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

fn default_vhost() -> String {
    "/".into()
}

fn default_heartbeat_s() -> u16 {
    30
}

fn default_timeout_ms() -> u64 {
    30_000
}

impl Settings for Config {
    fn needs_evidence(&self) -> bool {
        self.format.needs_evidence() || self.routing_key.names_fields()
    }

    fn batching(&self) -> Batching {
        self.batch.batching()
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        wrong.extend(self.address().err());
        for (key, value) in [("vhost", &self.vhost), ("exchange", &self.exchange)] {
            if value.len() > MAX_NAME_BYTES || value.chars().any(char::is_control) {
                wrong.push(format!("{key} is too long or holds control characters"));
            }
        }
        match (&self.user, &self.password) {
            (Some(_), Some(password)) => {
                let unread = password.resolve().err();
                wrong.extend(unread.map(|error| format!("password: {error}")));
            }
            (None, None) if self.tls.client_certificate.is_some() => {}
            (None, None) => wrong.push("give user and password, or tls.client_certificate".into()),
            _ => wrong.push("user and password go together; one of them is missing".to_owned()),
        }
        if !(1..=600).contains(&self.heartbeat_s) {
            wrong.push(format!(
                "heartbeat_s is {}; it must be 1 to 600",
                self.heartbeat_s
            ));
        }
        wrong.extend(self.batch.check());
        wrong.extend(self.tls.check());
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let address = self.address().map_err(BuildError::Value)?;
        let tls = address.encrypted.then(|| self.tls.client()).transpose()?;
        Ok(Box::new(Amqp {
            road: Road::new(self.clone(), &address, tls.map(Arc::new)),
            config: self.clone(),
            line: None,
        }))
    }
}

impl Config {
    fn address(&self) -> Result<Address, String> {
        let address = address::parse(&self.url, &SCHEMES, self.allow_unencrypted);
        address.map_err(|why| format!("url: {why}"))
    }

    fn routing_key(&self, alert: &Alert) -> ShortString {
        let clean = |value: &str| value.replace(['.', '*', '#'], "_");
        let key = self.routing_key.fill(alert, clean);
        short(&key)
    }

    fn properties(&self, alert: &Alert) -> BasicProperties {
        let content = if self.format.is_json() {
            "application/json"
        } else {
            "text/plain; charset=utf-8"
        };
        let mut headers = FieldTable::default();
        for (name, value) in [
            ("host", &*alert.hostname),
            ("priority", alert.priority.name()),
            ("rule", &*alert.rule),
            ("source", &*alert.source),
        ] {
            headers.insert(name.into(), AMQPValue::LongString(value.into()));
        }
        BasicProperties::default()
            // Kept when the server ends.
            .with_delivery_mode(2)
            .with_message_id(alert.id.to_string().into())
            .with_timestamp(alert.time_ns / 1_000_000_000)
            .with_content_type(content.into())
            .with_app_id("sensor".into())
            .with_headers(headers)
    }
}

/// As much of a text as a name may hold.
fn short(text: &str) -> ShortString {
    let end = text.floor_char_boundary(MAX_NAME_BYTES);
    text.get(..end).unwrap_or_default().into()
}

/// The sender.
struct Amqp {
    config: Config,
    road: Road,
    line: Option<Line>,
}

/// What the server said about a batch.
struct Heard {
    fates: Vec<Option<ItemFate>>,
    returned: Vec<BasicReturnMessage>,
}

impl Amqp {
    async fn deliver(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let timeout = Duration::from_millis(self.config.timeout_ms);
        let mut heard = Heard {
            fates: vec![None; batch.len()],
            returned: Vec::new(),
        };
        let publishing = self.publish(batch, &mut heard);
        let (rest, all_heard) = match tokio::time::timeout(timeout, publishing).await {
            Ok(Ok(())) => return self.answer(batch, heard),
            Ok(Err(error)) => (consequence(&error), heard.returned.is_empty()),
            Err(_) => {
                let why = format!("the server took longer than {timeout:?}");
                (Rest::Retry(why, None), false)
            }
        };
        self.line = None;
        self.road.close();
        if !all_heard {
            // Any of the confirmed may be one that came back without our knowing.
            heard.fates.fill(None);
        }
        Answer::of_fates(heard.fates, rest)
    }

    /// Sends all, then waits for the word on each.
    async fn publish(&mut self, batch: &[Arc<Alert>], heard: &mut Heard) -> lapin::Result<()> {
        let line = match self.line.take() {
            Some(line) if line.is_up() => line,
            _ => self.road.connect().await?,
        };
        let line = self.line.insert(line);
        let options = BasicPublishOptions {
            // What no queue takes comes back instead of being forgotten.
            mandatory: true,
            immediate: false,
        };
        let mut confirms = Vec::with_capacity(batch.len());
        let mut failed = None;
        for alert in batch {
            let body = self.config.format.line(alert).into_bytes();
            let publishing = line.channel.basic_publish(
                short(&self.config.exchange),
                self.config.routing_key(alert),
                options,
                &body,
                self.config.properties(alert),
            );
            match publishing.await {
                Ok(confirm) => confirms.push(confirm),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        for (fate, confirm) in heard.fates.iter_mut().zip(confirms) {
            match confirm.await {
                Ok(confirmation) => {
                    *fate = Some(fate_of(&confirmation));
                    heard.returned.extend(confirmation.take_message());
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Messages that came back were confirmed, too, but nobody has them. A message
    /// comes with whichever confirmation was next, so its id says whose it is.
    fn answer(&self, batch: &[Arc<Alert>], heard: Heard) -> Answer {
        let Heard {
            mut fates,
            returned,
        } = heard;
        let mut rest = Rest::Retry("the server did not confirm it".to_owned(), None);
        for message in &returned {
            let why = format!(
                "no queue takes routing key `{}` of exchange `{}`: {}",
                visible(message.delivery.routing_key.as_str()),
                self.config.exchange,
                shown(message.reply_text.as_str())
            );
            let id = message.delivery.properties.message_id().as_ref();
            let is = |alert: &&Arc<Alert>| id.is_some_and(|id| id.as_str() == alert.id.to_string());
            let place = batch.iter().position(|alert| is(&alert));
            if let Some(fate) = place.and_then(|place| fates.get_mut(place)) {
                // Others may pass: who chooses a container's name must not stop them all.
                *fate =
                    (!self.config.routing_key.is_fixed()).then(|| ItemFate::Refused(why.clone()));
            }
            rest = Rest::Blocked(why);
        }
        Answer::of_fates(fates, rest)
    }
}

fn fate_of(confirmation: &Confirmation) -> ItemFate {
    match confirmation {
        Confirmation::Ack(_) => ItemFate::Taken,
        Confirmation::Nack(_) | Confirmation::NotRequested => {
            ItemFate::Again("the server could not keep it".to_owned())
        }
    }
}

/// What an error means for alerts that were not confirmed.
fn consequence(error: &lapin::Error) -> Rest {
    let why = shown(&error.to_string());
    let ErrorKind::ProtocolError(protocol) = error.kind() else {
        return Rest::Retry(why, None);
    };
    match protocol.get_id() {
        // Refused, no such exchange, no such virtual host.
        403 | 404 | 530 => Rest::Blocked(why),
        // Too large, which `RabbitMQ` calls a failed precondition.
        311 | 406 => Rest::Split(why),
        _ => Rest::Retry(why, None),
    }
}

impl Output for Amqp {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.deliver(batch))
    }
}
