//! Alerts to Kafka, each kept once by as many brokers as the topic asks for.
//!
//! A batch of alerts comes in, records leave to the leaders of their partitions;
//! an alert is taken when all replicas in sync have it. The producer is idempotent:
//! what is repeated after a lost answer has the same number, and the broker keeps
//! it once. Only the end of the sensor or a broker that forgot the producer can
//! repeat an alert, with the same id.
//!
//! The messages are those of a codec crate; the client around them is here:
//! [`connection`] speaks to one broker, [`cluster`] knows them all, [`lane`] keeps
//! the order and the numbers of one partition, [`sender`] has the alerts.

mod answer;
mod cluster;
mod connection;
mod fate;
mod lane;
mod record;
mod sasl;
mod sender;

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::records;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::{self, Address, Scheme};
use super::common::{self, Batch, BuildError, Output, Settings};
use super::format::Format;
use super::pattern::Pattern;
use super::queue::Batching;
use super::tls;

use cluster::{Access, Cluster};
use record::Shape;
use sender::Sender;

pub use sasl::{Mechanism, Sasl};

const SCHEMES: [Scheme; 2] = [
    Scheme {
        word: "tls",
        port: 9093,
        encrypted: true,
    },
    Scheme {
        word: "tcp",
        port: 9092,
        encrypted: false,
    },
];

/// Writes alerts to a topic of Kafka, with an idempotent producer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Brokers to begin with, such as `tls://kafka1.example:9093`, or `tcp://` without
    /// encryption; all of one kind, which the brokers they tell of are then reached by, too.
    pub brokers: Vec<String>,
    /// The topic, such as `sensor-alerts`; values may be filled in, as in `alerts-{priority}`.
    /// Characters other than `a-z A-Z 0-9 . _ -` become `_`.
    pub topic: Pattern,
    /// The record's key (default `{host}`). Records of one key stay in one partition, in order.
    #[serde(default = "default_key")]
    pub key: Pattern,
    /// The schema alerts are written in (default falco).
    #[serde(default)]
    pub format: Format,
    /// `gzip` or `none` (default gzip).
    #[serde(default)]
    pub compression: Compression,
    /// Have the brokers make a topic that is not there, if they may (default false).
    #[serde(default)]
    pub create_topics: bool,
    /// How we prove who we are (default not at all, or by `tls.client_certificate`).
    #[serde(default)]
    pub sasl: Option<Sasl>,
    /// How alerts are grouped into requests. Brokers take no batch above their
    /// `message.max.bytes`, 1 MiB unless changed.
    #[serde(default)]
    pub batch: Batch,
    /// How the brokers' certificates are checked.
    #[serde(default)]
    pub tls: tls::Config,
    /// Allow `tcp:` to another machine, readable by anyone on the path (default false).
    #[serde(default)]
    pub allow_unencrypted: bool,
    /// Longest time for connecting and for each answer, in milliseconds (1 to 600,000;
    /// default 30,000). The brokers have half of it to copy what they took.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

/// How a batch of records is packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// As gzip does.
    #[default]
    Gzip,
    /// Not at all.
    None,
}

fn default_key() -> Pattern {
    Pattern::preset("{host}")
}

fn default_timeout_ms() -> u64 {
    30_000
}

impl Settings for Config {
    fn needs_evidence(&self) -> bool {
        self.format.needs_evidence() || self.topic.names_fields() || self.key.names_fields()
    }

    fn batching(&self) -> Batching {
        self.batch.batching()
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        wrong.extend(self.addresses().err());
        let topic = self.topic.as_str();
        if self.topic.is_fixed() && record::clean_topic(topic) != topic {
            wrong.push(format!(
                "topic is `{topic}`; it must be 1 to 249 of the characters a-z A-Z 0-9 . _ -"
            ));
        }
        if let Some(sasl) = &self.sasl {
            let unread = sasl.password.resolve().err();
            wrong.extend(unread.map(|error| format!("sasl.password: {error}")));
            if sasl.user.is_empty() || sasl.user.chars().any(char::is_control) {
                wrong.push("sasl.user is empty or holds control characters".to_owned());
            }
        }
        wrong.extend(self.batch.check());
        wrong.extend(self.tls.check());
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let addresses = self.addresses().map_err(BuildError::Value)?;
        let encrypted = addresses.iter().any(|address| address.encrypted);
        let tls = encrypted.then(|| self.tls.client()).transpose()?;
        let cluster = Cluster::new(Access {
            first: addresses.into_iter().map(|a| a.host_port).collect(),
            tls: tls.map(Arc::new),
            allow_unencrypted: self.allow_unencrypted,
            sasl: self.sasl.clone(),
            timeout: Duration::from_millis(self.timeout_ms),
            create_topics: self.create_topics,
        });
        let shape = Shape {
            topic: self.topic.clone(),
            key: self.key.clone(),
            format: self.format,
        };
        let compression = match self.compression {
            Compression::Gzip => records::Compression::Gzip,
            Compression::None => records::Compression::None,
        };
        let half_ms = i32::try_from(self.timeout_ms / 2).unwrap_or(i32::MAX);
        let max_bytes = self.batch.max_bytes;
        Ok(Box::new(Sender::new(
            shape,
            cluster,
            compression,
            max_bytes,
            half_ms.max(1),
        )))
    }
}

impl Config {
    /// The brokers to begin with; the error says what is wrong with them.
    fn addresses(&self) -> Result<Vec<Address>, String> {
        let addresses = self.brokers.iter();
        let addresses = addresses
            .map(|url| address::parse(url, &SCHEMES, self.allow_unencrypted))
            .collect::<Result<Vec<Address>, String>>()
            .map_err(|why| format!("brokers: {why}"))?;
        let first = addresses.first().ok_or("brokers is empty")?;
        if addresses
            .iter()
            .any(|address| address.scheme != first.scheme)
        {
            return Err("brokers are tls: and tcp: at once; keep one".to_owned());
        }
        Ok(addresses)
    }
}
