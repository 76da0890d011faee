//! What of MQTT a person configures, and how it is checked.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Mqtt;
use super::packet::{Hello, Message, Qos, Version, Welcome};
use super::session::Session;
use crate::alert::Alert;
use crate::deliver::address::{self, Address, Scheme};
use crate::deliver::common::{self, Batch, BuildError, Output, Rest, Settings};
use crate::deliver::format::Format;
use crate::deliver::pattern::Pattern;
use crate::deliver::queue::Batching;
use crate::deliver::secret::SecretRef;
use crate::deliver::text;
use crate::deliver::tls;

/// The most that MQTT can say of a packet's length, and its first five bytes.
const MAX_PACKET_BYTES: usize = 268_435_460;

/// Publishes alerts to an MQTT broker.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The broker, `mqtts://HOST:PORT`, or `mqtt://HOST:PORT` without TLS. Without a port: 8883, or
    /// 1883.
    pub url: String,
    /// The protocol's version: 5, or 4 for 3.1.1, in which a broker cannot say that it refuses a
    /// message (default 5).
    #[serde(default = "default_version")]
    pub version: u8,
    /// The topic, made from the alert (default `sensor/{host}/{priority}`). `/`, `+`, `#`, `$` and
    /// control characters in a value become `_`.
    #[serde(default = "default_topic")]
    pub topic: Pattern,
    /// 1 for at least once, 2 for exactly once (default 1).
    #[serde(default = "default_qos")]
    pub qos: u8,
    /// Have the broker keep the last message of each topic (default false).
    #[serde(default)]
    pub retain: bool,
    /// How alerts are written (default `falco`).
    #[serde(default)]
    pub format: Format,
    /// Who we are to the broker; no two clients may be the same (default `sensor-{host}`; `{host}`
    /// is the only value it may hold).
    #[serde(default = "default_client_id")]
    pub client_id: Pattern,
    /// How long the broker remembers an unfinished session, in seconds (0 to 4,294,967,295; default
    /// 86,400). Version 5 only.
    #[serde(default = "default_session_expiry_s")]
    pub session_expiry_s: u32,
    /// The broker forgets a message that reached nobody after so many seconds (default: never).
    /// Version 5 only.
    #[serde(default)]
    pub message_expiry_s: Option<u32>,
    /// Tell others whether the sensor is connected (default none).
    #[serde(default)]
    pub status: Option<Status>,
    /// The broker hears of us at least this often, in seconds (5 to 65,535; default 30).
    #[serde(default = "default_keep_alive_s")]
    pub keep_alive_s: u16,
    /// A user's name, with `password` (default none).
    #[serde(default)]
    pub user: Option<String>,
    /// The user's password, as a reference: `${NAME}` or `file:/path` (default none).
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// Largest packet in bytes; an alert that needs more is given up (256 to 268,435,460; default
    /// 268,435,460). What the broker itself says in version 5 holds as well.
    #[serde(default = "default_max_packet_bytes")]
    pub max_packet_bytes: usize,
    /// How many messages are under way at once.
    #[serde(default)]
    pub batch: Batch,
    /// How the broker's certificate is checked.
    #[serde(default)]
    pub tls: tls::Config,
    /// Allow `mqtt:` to another machine, readable by anyone on the path (default false).
    #[serde(default)]
    pub allow_unencrypted: bool,
    /// Longest time to connect, or until the messages under way are acknowledged, in milliseconds
    /// (1 to 600,000; default 15,000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
    /// What alerts will call this machine, where that is known before the first.
    #[serde(skip)]
    pub(in crate::deliver) host: Option<String>,
}

/// What is published about the sensor itself, retained, with `QoS` 1.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MqttStatus")]
pub struct Status {
    /// The topic, such as `sensor/{host}/status`; `{host}` is the only value it may hold.
    pub topic: Pattern,
    /// Said when the connection is made, which is at the start (default `online`).
    #[serde(default = "default_online")]
    pub online: String,
    /// The last will, which the broker says for us when the connection ends (default `offline`).
    #[serde(default = "default_offline")]
    pub offline: String,
}

fn default_version() -> u8 {
    5
}

fn default_topic() -> Pattern {
    Pattern::preset("sensor/{host}/{priority}")
}

fn default_qos() -> u8 {
    1
}

fn default_client_id() -> Pattern {
    Pattern::preset("sensor-{host}")
}

fn default_session_expiry_s() -> u32 {
    86_400
}

fn default_keep_alive_s() -> u16 {
    30
}

fn default_max_packet_bytes() -> usize {
    MAX_PACKET_BYTES
}

fn default_timeout_ms() -> u64 {
    15_000
}

fn default_online() -> String {
    "online".to_owned()
}

fn default_offline() -> String {
    "offline".to_owned()
}

const SCHEMES: [Scheme; 2] = [
    Scheme {
        word: "mqtt",
        port: 1883,
        encrypted: false,
    },
    Scheme {
        word: "mqtts",
        port: 8883,
        encrypted: true,
    },
];

impl Settings for Config {
    fn needs_evidence(&self) -> bool {
        self.format.needs_evidence() || self.topic.names_fields()
    }

    fn max_concurrency(&self) -> u8 {
        // A broker throws out the first of two clients of one name.
        1
    }

    fn batching(&self) -> Batching {
        self.batch.batching()
    }

    fn check(&self) -> Vec<String> {
        let mut wrong: Vec<String> = self.address().err().into_iter().collect();
        if !matches!(self.version, 4 | 5) {
            wrong.push("version must be 5, or 4 for MQTT 3.1.1".to_owned());
        }
        if !matches!(self.qos, 1 | 2) {
            wrong.push("qos must be 1 or 2: with 0 nobody would know what arrived".to_owned());
        }
        if self.keep_alive_s < 5 {
            wrong.push("keep_alive_s must be 5 to 65535".to_owned());
        }
        if !(256..=MAX_PACKET_BYTES).contains(&self.max_packet_bytes) {
            wrong.push(format!(
                "max_packet_bytes must be 256 to {MAX_PACKET_BYTES}"
            ));
        }
        wrong.extend(self.check_names());
        if self.user.is_some() != self.password.is_some() {
            wrong.push("user and password go together".to_owned());
        }
        wrong.extend(self.login().err().map(|error| error.to_string()));
        wrong.extend(self.batch.check());
        wrong.extend(self.tls.check());
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let place = self.address().map_err(BuildError::Value)?;
        let place = place.place(&self.tls)?;
        // What cannot be read is told now, not at the first alert.
        self.login()?;
        Ok(Box::new(Mqtt::new(Session::new(self.clone(), place))))
    }
}

impl Config {
    fn address(&self) -> Result<Address, String> {
        let address = address::parse(&self.url, &SCHEMES, self.allow_unencrypted);
        address.map_err(|why| format!("url: {why}"))
    }

    fn check_names(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let status = self
            .status
            .as_ref()
            .map(|status| ("status.topic", &status.topic));
        for (key, topic) in [("topic", &self.topic)].into_iter().chain(status) {
            if !is_topic(topic.as_str()) {
                wrong.push(format!(
                    "{key} is `{}`; it must be up to 256 characters, may not hold `+` or `#` and \
                     may not begin with `$`",
                    topic.as_str()
                ));
            }
        }
        let id = ("client_id", &self.client_id);
        for (key, pattern) in [id].into_iter().chain(status) {
            if !pattern.names_only(&["host"]) {
                wrong.push(format!("{key} may hold no other value than {{host}}"));
            }
        }
        wrong
    }

    fn login(&self) -> Result<Option<(String, String)>, BuildError> {
        let (Some(user), Some(password)) = (&self.user, &self.password) else {
            return Ok(None);
        };
        let password = password.resolve()?.expose().to_owned();
        Ok(Some((user.clone(), password)))
    }

    pub(super) fn version(&self) -> Version {
        if self.version == 4 {
            Version::V4
        } else {
            Version::V5
        }
    }

    pub(super) fn qos(&self) -> Qos {
        if self.qos == 2 { Qos::Two } else { Qos::One }
    }

    pub(super) fn ping_after(&self) -> Duration {
        Duration::from_secs(self.keep_alive_s.into()) / 2
    }

    /// The smaller of our bound and the broker's.
    pub(super) fn max_packet_bytes(&self, of_broker: Option<u32>) -> usize {
        let of_broker = of_broker.and_then(|bytes| usize::try_from(bytes).ok());
        self.max_packet_bytes.min(of_broker.unwrap_or(usize::MAX))
    }

    /// What a connection begins with; secrets are read anew.
    pub(super) fn hello(&self, host: &str, clean: bool) -> Result<Hello, BuildError> {
        Ok(Hello {
            client_id: self.client_id.fill_host(host, clean_value),
            clean,
            keep_alive_s: self.keep_alive_s,
            session_expiry_s: self.session_expiry_s,
            login: self.login()?,
            will: self.of_status(host, |status| &status.offline),
        })
    }

    /// Under which name others are to hear of us before the first alert, if they are.
    pub(super) fn greets_as(&self) -> Option<&str> {
        self.status.as_ref().and(self.host.as_deref())
    }

    /// What is said when the connection is made, if anything.
    pub(super) fn online(&self, host: &str) -> Option<Message> {
        self.of_status(host, |status| &status.online)
    }

    fn of_status(&self, host: &str, words: impl Fn(&Status) -> &String) -> Option<Message> {
        let status = self.status.as_ref()?;
        Some(Message {
            topic: status.topic.fill_host(host, clean_value),
            payload: words(status).clone().into(),
            qos: Qos::One,
            retain: true,
            expiry_s: None,
            content_type: "text/plain",
            properties: Vec::new(),
        })
    }

    /// The message of an alert.
    pub(super) fn message(&self, alert: &Alert) -> Message {
        let property = |name: &str, value: &str| {
            let value = text::shortened(&text::visible(value), 256);
            (name.to_owned(), value)
        };
        Message {
            topic: self.topic.fill(alert, clean_value),
            payload: self.format.line(alert).into(),
            qos: self.qos(),
            retain: self.retain,
            expiry_s: self.message_expiry_s,
            content_type: if self.format.is_json() {
                "application/json"
            } else {
                "text/plain"
            },
            properties: vec![
                property("id", &alert.id.to_string()),
                property("rule", &alert.rule),
                property("priority", alert.priority.name()),
            ],
        }
    }

    /// Whether the broker can do what is configured.
    pub(super) fn check_limits(&self, welcome: &Welcome) -> Result<(), Rest> {
        if welcome.max_qos.is_some_and(|most| most < self.qos) {
            let why = "the broker does not know this QoS; lower `qos`";
            return Err(Rest::Blocked(why.to_owned()));
        }
        if welcome.no_retain && (self.retain || self.status.is_some()) {
            let why = "the broker retains nothing; leave out `retain` and `status`";
            return Err(Rest::Blocked(why.to_owned()));
        }
        Ok(())
    }
}

/// Whether a pattern makes a topic one may publish to, whatever its values are.
fn is_topic(pattern: &str) -> bool {
    !pattern.contains(['+', '#']) && !pattern.starts_with('$') && pattern.chars().count() <= 256
}

/// A value without what means something in a topic, and no longer than it may be.
fn clean_value(value: &str) -> String {
    let plain = |c: char| {
        let bad = c.is_control() || "/+#$".contains(c);
        if bad { '_' } else { c }
    };
    value.chars().map(plain).take(128).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_without_a_broker() {
        for (more, told) in [
            ("", ""),
            ("version: 4, qos: 2, status: {topic: 's/{host}'}", ""),
            ("version: 3", "version"),
            ("qos: 0", "qos"),
            ("keep_alive_s: 1", "keep_alive_s"),
            ("max_packet_bytes: 1", "max_packet_bytes"),
            ("topic: 'a/#'", "topic"),
            ("topic: '$SYS/{host}'", "topic"),
            ("client_id: 'x-{rule}'", "client_id"),
            ("status: {topic: '{priority}'}", "status.topic"),
            ("user: a", "go together"),
            (
                "user: a, password: '${NO_SUCH_VARIABLE_HERE}'",
                "NO_SUCH_VARIABLE_HERE",
            ),
            ("timeout_ms: 0", "timeout_ms"),
        ] {
            let yaml = format!("{{url: 'mqtt://127.0.0.1', {more}}}");
            let config: Config = serde_yaml::from_str(&yaml).unwrap();
            let wrong = config.check().concat();
            assert_eq!(wrong.is_empty(), told.is_empty(), "{yaml}: {wrong}");
            assert!(wrong.contains(told), "{yaml}: {wrong}");
        }
    }

    #[test]
    fn a_value_cannot_leave_its_place_in_the_topic() {
        for (value, cleaned) in [
            ("web-1", "web-1"),
            ("../a/b", ".._a_b"),
            ("$SYS", "_SYS"),
            ("+#\0\r\n", "_____"),
        ] {
            assert_eq!(clean_value(value), cleaned);
        }
        assert_eq!(clean_value(&"x".repeat(70_000)).len(), 128);
    }
}
