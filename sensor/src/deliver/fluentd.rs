//! Alerts to Fluentd or Fluent Bit, by the Forward protocol.
//!
//! A batch of alerts comes in, a chunk for each tag leaves; its alerts count as taken
//! when the receiver acknowledges that chunk by name, and by nothing else. What was
//! not acknowledged goes out again, as another chunk.

mod chunk;
mod connection;
mod login;
mod word;

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use uuid::Uuid;

use crate::alert::Alert;

use super::address::{self, Address, Scheme};
use super::common::{self, Answer, Batch, BuildError, Output, Rest, Sending, Settings};
use super::format::Format;
use super::pattern::Pattern;
use super::queue::Batching;
use super::secret::{Secret, SecretRef};
use super::stream::Place;
use super::tls;
use super::verdict::{self, Verdict};
use chunk::Chunk;
use connection::Connection;
use login::Known;

/// Forwards alerts to Fluentd or Fluent Bit.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The receiver, `tls://HOST:PORT`, or `tcp://HOST:PORT` without TLS. Without a port: 24224.
    pub url: String,
    /// The tag, made from the alert (default `sensor.{priority}`). `.`, `*`, blanks and control
    /// characters in a value become `_`.
    #[serde(default = "default_tag")]
    pub tag: Pattern,
    /// The key that receiver and sensor share, as a reference: `${NAME}` or `file:/path`; read
    /// anew for each connection (default: no login).
    #[serde(default)]
    pub shared_key: Option<SecretRef>,
    /// Our name in the login; another than the receiver's own (default `sensor-{host}`; `{host}`
    /// is the only value it may hold).
    #[serde(default = "default_self_hostname")]
    pub self_hostname: Pattern,
    /// A user's name, with `password`, where the receiver asks for one beside the key (default
    /// none).
    #[serde(default)]
    pub user: Option<String>,
    /// The user's password, as a reference: `${NAME}` or `file:/path`.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// What a record holds (default `falco`); of `cef` and `leef`, the line under `message`.
    #[serde(default)]
    pub format: Format,
    /// Compress chunks (default false); the receiver must be Fluentd 0.14.7 or Fluent Bit 2.
    #[serde(default)]
    pub gzip: bool,
    /// How alerts are grouped into chunks.
    #[serde(default)]
    pub batch: Batch,
    /// How the receiver's certificate is checked.
    #[serde(default)]
    pub tls: tls::Config,
    /// Allow `tcp:` to another machine, readable by anyone on the path (default false).
    #[serde(default)]
    pub allow_unencrypted: bool,
    /// Longest time until a batch is acknowledged, connecting included, in milliseconds (1 to
    /// 600,000; default 30,000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

fn default_tag() -> Pattern {
    Pattern::preset("sensor.{priority}")
}

fn default_self_hostname() -> Pattern {
    Pattern::preset("sensor-{host}")
}

fn default_timeout_ms() -> u64 {
    30_000
}

const PORT: u16 = 24224;
const SCHEMES: [Scheme; 2] = [
    Scheme {
        word: "tcp",
        port: PORT,
        encrypted: false,
    },
    Scheme {
        word: "tls",
        port: PORT,
        encrypted: true,
    },
];

impl Settings for Config {
    fn needs_evidence(&self) -> bool {
        self.format.needs_evidence() || self.tag.names_fields()
    }

    fn batching(&self) -> Batching {
        self.batch.batching()
    }

    fn check(&self) -> Vec<String> {
        let mut wrong: Vec<String> = self.address().err().into_iter().collect();
        if !self.self_hostname.names_only(&["host"]) {
            wrong.push("self_hostname may hold no other value than {host}".to_owned());
        }
        if self.user.is_some() != self.password.is_some() {
            wrong.push("user and password go together; one of them is missing".to_owned());
        }
        if self.user.is_some() && self.shared_key.is_none() {
            wrong.push("a user logs in with a shared_key, which is missing".to_owned());
        }
        for (key, secret) in [
            ("shared_key", &self.shared_key),
            ("password", &self.password),
        ] {
            let unread = secret.as_ref().and_then(|secret| secret.resolve().err());
            wrong.extend(unread.map(|error| format!("{key}: {error}")));
        }
        wrong.extend(self.batch.check());
        wrong.extend(self.tls.check());
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let address = self.address().map_err(BuildError::Value)?;
        Ok(Box::new(Forward {
            place: address.place(&self.tls)?,
            config: self.clone(),
            connection: None,
        }))
    }
}

impl Config {
    fn address(&self) -> Result<Address, String> {
        let address = address::parse(&self.url, &SCHEMES, self.allow_unencrypted);
        address.map_err(|why| format!("url: {why}"))
    }

    /// What a login needs, if there is one; secrets are read anew.
    fn known(&self, alert: &Alert) -> Result<Option<Known>, BuildError> {
        let Some(key) = &self.shared_key else {
            return Ok(None);
        };
        let password = self.password.as_ref().map(SecretRef::resolve);
        let password: Option<Secret> = password.transpose()?;
        Ok(Some(Known {
            shared_key: key.resolve()?,
            user: self.user.clone().zip(password),
            host: self.self_hostname.fill(alert, clean),
            salt: Uuid::new_v4().simple().to_string(),
        }))
    }
}

/// A value without what means something in a tag.
fn clean(value: &str) -> String {
    let plain = |c: char| {
        let bad = c.is_control() || c.is_whitespace() || ".*".contains(c);
        if bad { '_' } else { c }
    };
    value.chars().map(plain).take(128).collect()
}

/// The sender.
struct Forward {
    config: Config,
    place: Place,
    connection: Option<Connection>,
}

impl Forward {
    async fn forward(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let deadline = Instant::now() + Duration::from_millis(self.config.timeout_ms);
        let chunks = Chunk::all(batch, &self.config);
        let mut verdicts = vec![None; batch.len()];
        let mut end = None;
        if let Some(connection) = self.connection.take() {
            // It may have been closed while nothing was sent: that is no failure.
            match self
                .exchange(connection, &chunks, &mut verdicts, deadline)
                .await
            {
                Err(_) if verdicts.iter().all(Option::is_none) => {}
                other => end = Some(other),
            }
        }
        let end = match end {
            Some(end) => end,
            None => match self.connect(batch, deadline).await {
                Ok(connection) => {
                    self.exchange(connection, &chunks, &mut verdicts, deadline)
                        .await
                }
                Err(rest) => Err(rest),
            },
        };
        let end = end.err().unwrap_or(Rest::Nothing);
        if verdicts.iter().all(Option::is_none) {
            return Answer::none(end);
        }
        let why = end.why().unwrap_or("it was not acknowledged").to_owned();
        let told = |verdict: Option<Verdict>| verdict.unwrap_or(Verdict::Lost(why.clone()));
        verdict::answer(verdicts.into_iter().map(told).collect())
    }

    async fn connect(
        &mut self,
        batch: &[Arc<Alert>],
        deadline: Instant,
    ) -> Result<Connection, Rest> {
        let known = match batch.first() {
            Some(alert) => self.config.known(alert),
            None => Ok(None),
        };
        let known = known.map_err(|error| Rest::Blocked(error.to_string()))?;
        let timeout = Duration::from_millis(self.config.timeout_ms);
        Connection::open(&self.place, known, timeout, deadline).await
    }

    /// Sends chunks one after the other, each acknowledged before the next; those that
    /// were are settled. Keeps the connection while it is of use.
    async fn exchange(
        &mut self,
        mut connection: Connection,
        chunks: &[Chunk],
        verdicts: &mut [Option<Verdict>],
        deadline: Instant,
    ) -> Result<(), Rest> {
        for chunk in chunks {
            if chunk.is_settled(verdicts) {
                continue;
            }
            let verdict = match chunk.message(self.config.gzip) {
                Ok((name, bytes)) => {
                    connection.deliver(&name, &bytes, deadline).await?;
                    Verdict::Taken
                }
                Err(why) => Verdict::Refused(why),
            };
            chunk.settle(verdicts, &verdict);
        }
        self.connection = connection.keeps().then_some(connection);
        Ok(())
    }
}

impl Output for Forward {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.forward(batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_without_a_receiver() {
        for (more, told) in [
            ("", ""),
            ("shared_key: '${PATH}', user: a, password: '${PATH}'", ""),
            ("shared_key: '${NO_SUCH_VARIABLE_HERE}'", "shared_key: "),
            ("user: a, password: '${PATH}'", "which is missing"),
            ("shared_key: '${PATH}', user: a", "go together"),
            ("self_hostname: '{rule}'", "self_hostname"),
            ("timeout_ms: 0", "timeout_ms"),
        ] {
            let yaml = format!("{{url: 'tcp://127.0.0.1', {more}}}");
            let config: Config = serde_yaml::from_str(&yaml).unwrap();
            let wrong = config.check().concat();
            assert_eq!(wrong.is_empty(), told.is_empty(), "{yaml}: {wrong}");
            assert!(wrong.contains(told), "{yaml}: {wrong}");
        }
        let far: Config = serde_yaml::from_str("{url: 'tcp://log.example'}").unwrap();
        assert!(far.check().concat().contains("allow_unencrypted"));
    }

    #[test]
    fn a_value_cannot_leave_its_place_in_the_tag() {
        assert_eq!(clean("web.1 *\n"), "web_1___");
        assert_eq!(clean(&"x".repeat(1000)).len(), 128);
    }
}
