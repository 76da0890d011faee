//! What of NATS a person configures, and how it is checked.

use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};
use rustls::ClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Nats;
use crate::deliver::address::{self, Address, Scheme};
use crate::deliver::common::{self, Batch, BuildError, Output, Settings};
use crate::deliver::format::Format;
use crate::deliver::pattern::Pattern;
use crate::deliver::queue::Batching;
use crate::deliver::secret::SecretRef;
use crate::deliver::tls;

/// Publishes alerts to a stream of NATS `JetStream`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The servers, `tls://HOST:PORT`, or `nats://HOST:PORT` without TLS (1 to 16; port 4222 when
    /// it is left out). The first that can be reached is used.
    pub servers: Vec<String>,
    /// The subject, made from the alert (default `sensor.{host}`). Dots, wildcards and white space
    /// in a value become `_`. A stream must take it.
    #[serde(default = "default_subject")]
    pub subject: Pattern,
    /// How alerts are written (default `falco`).
    #[serde(default)]
    pub format: Format,
    /// How we prove who we are.
    #[serde(default)]
    pub auth: Auth,
    /// How many messages are under way at once.
    #[serde(default)]
    pub batch: Batch,
    /// How the server's certificate is checked.
    #[serde(default)]
    pub tls: tls::Config,
    /// Allow `nats:` to another machine, readable by anyone on the path (default false).
    #[serde(default)]
    pub allow_unencrypted: bool,
    /// Longest time to connect, or until a batch is acknowledged, in milliseconds (1 to 600,000;
    /// default 15,000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

/// How we prove to a NATS server who we are: one of these, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "NatsAuth")]
pub struct Auth {
    /// A user's name, with `password` (default none).
    pub user: Option<String>,
    /// The user's password, as a reference: `${NAME}` or `file:/path` (default none).
    pub password: Option<SecretRef>,
    /// A token (default none).
    pub token: Option<SecretRef>,
    /// The seed of an nkey, `SU…` (default none).
    pub nkey: Option<SecretRef>,
    /// A credentials file with a JWT and the seed of its key, `file:/path` (default none).
    pub credentials: Option<SecretRef>,
}

fn default_subject() -> Pattern {
    Pattern::preset("sensor.{host}")
}

fn default_timeout_ms() -> u64 {
    15_000
}

const SCHEMES: [Scheme; 2] = [
    Scheme {
        word: "nats",
        port: 4222,
        encrypted: false,
    },
    Scheme {
        word: "tls",
        port: 4222,
        encrypted: true,
    },
];

impl Settings for Config {
    fn needs_evidence(&self) -> bool {
        self.format.needs_evidence() || self.subject.names_fields()
    }

    fn batching(&self) -> Batching {
        self.batch.batching()
    }

    fn check(&self) -> Vec<String> {
        let mut wrong: Vec<String> = self.addresses().err().into_iter().collect();
        if !(1..=16).contains(&self.servers.len()) {
            wrong.push("servers must name 1 to 16 servers".to_owned());
        }
        if !is_subject(self.subject.as_str()) {
            wrong.push(format!(
                "subject is `{}`; its parts between dots must not be empty and may not hold `*`, \
                 `>` or white space",
                self.subject.as_str()
            ));
        }
        wrong.extend(self.auth.check());
        wrong.extend(self.batch.check());
        wrong.extend(self.tls.check());
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let any_tls = self.places().flatten().any(|place| place.encrypted);
        // Without TLS no certificate authority is needed, and the machine may have none.
        let tls = if any_tls {
            self.tls.client()?
        } else {
            tls::Config::trusting_nobody()?
        };
        // What cannot be read is told now, not at the first alert.
        self.options(&tls)?;
        self.addresses().map_err(BuildError::Value)?;
        Ok(Box::new(Nats {
            config: self.clone(),
            tls,
            link: None,
        }))
    }
}

impl Config {
    fn places(&self) -> impl Iterator<Item = Result<Address, String>> {
        let parse = |url: &String| address::parse(url, &SCHEMES, self.allow_unencrypted);
        let named = move |url| parse(url).map_err(|why| format!("servers: {why}"));
        self.servers.iter().map(named)
    }

    /// The servers as the client takes them.
    pub(super) fn addresses(&self) -> Result<Vec<ServerAddr>, String> {
        let address = |place: Address| {
            let url = format!("{}://{}", place.scheme, place.host_port);
            url.parse().map_err(|error| format!("servers: {error}"))
        };
        self.places().map(|place| place.and_then(address)).collect()
    }

    /// How to connect, with the secrets read anew.
    pub(super) fn options(&self, tls: &ClientConfig) -> Result<ConnectOptions, BuildError> {
        let options = ConnectOptions::new()
            .name("sensor")
            .tls_client_config(tls.clone())
            .connection_timeout(Duration::from_millis(self.timeout_ms))
            .max_reconnects(self.servers.len())
            .retain_servers_order()
            .ignore_discovered_servers();
        self.auth.add_to(options)
    }
}

impl Auth {
    fn check(&self) -> Vec<String> {
        let given = [
            self.user.is_some(),
            self.token.is_some(),
            self.nkey.is_some(),
            self.credentials.is_some(),
        ];
        let mut wrong = Vec::new();
        if given.into_iter().filter(|given| *given).count() > 1 {
            wrong.push("auth holds more than one way to prove who we are; keep one".to_owned());
        }
        if self.user.is_some() != self.password.is_some() {
            wrong.push("auth needs both user and password".to_owned());
        }
        let options = self.add_to(ConnectOptions::new());
        wrong.extend(options.err().map(|error| format!("auth: {error}")));
        wrong
    }

    fn add_to(&self, options: ConnectOptions) -> Result<ConnectOptions, BuildError> {
        let read = |secret: &SecretRef| secret.resolve().map(|secret| secret.expose().to_owned());
        let options = match (&self.user, &self.password) {
            (Some(user), Some(password)) => {
                options.user_and_password(user.clone(), read(password)?)
            }
            _ => options,
        };
        let options = match &self.token {
            Some(token) => options.token(read(token)?),
            None => options,
        };
        let options = match &self.nkey {
            Some(seed) => options.nkey(read(seed)?),
            None => options,
        };
        match &self.credentials {
            // The client's own words could repeat what stands in the file.
            Some(file) => options
                .credentials(file.resolve_text()?.expose())
                .map_err(|_| BuildError::Value(format!("{file} holds no NATS credentials"))),
            None => Ok(options),
        }
    }
}

/// Whether a pattern makes a subject, whatever its values are.
fn is_subject(pattern: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || "*>".contains(c);
    !pattern.contains(bad) && pattern.split('.').all(|part| !part.is_empty())
}

/// A value without what means something in a subject.
pub(super) fn clean(value: &str) -> String {
    let plain = |c: char| {
        let bad = c.is_whitespace() || c.is_control() || ".*>".contains(c);
        if bad { '_' } else { c }
    };
    value.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(yaml: &str) -> Result<Config, serde_yaml::Error> {
        serde_yaml::from_str(yaml)
    }

    #[test]
    fn mistakes_are_told_without_a_server() {
        for (yaml, told) in [
            ("servers: ['nats://127.0.0.1']", ""),
            (
                "servers: ['nats://127.0.0.1']\nsubject: 'a.{host}.{proc.name}'",
                "",
            ),
            ("servers: []", "1 to 16"),
            ("servers: ['nats://nats.example']", "allow_unencrypted"),
            ("servers: ['nats://u:hunter2@127.0.0.1']", "password"),
            ("servers: ['nats://127.0.0.1']\nsubject: 'a..b'", "subject"),
            ("servers: ['nats://127.0.0.1']\nsubject: 'a.>'", "subject"),
            ("servers: ['nats://127.0.0.1']\nauth: {user: a}", "both"),
            (
                "servers: ['nats://127.0.0.1']\nauth: {token: '${PATH}', nkey: '${PATH}'}",
                "more than one",
            ),
            (
                "servers: ['nats://127.0.0.1']\nauth: {credentials: 'file:/proc/self/comm'}",
                "no NATS credentials",
            ),
            ("servers: ['nats://127.0.0.1']\ntimeout_ms: 0", "timeout_ms"),
        ] {
            let wrong = config(yaml).unwrap().check().concat();
            assert_eq!(wrong.is_empty(), told.is_empty(), "{yaml}: {wrong}");
            assert!(
                wrong.contains(told) && !wrong.contains("hunter2"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_value_cannot_leave_its_place_in_the_subject() {
        for (value, cleaned) in [
            ("web-1", "web-1"),
            ("a.b", "a_b"),
            ("*", "_"),
            ("> \t\r\nPUB", "_____PUB"),
        ] {
            assert_eq!(clean(value), cleaned);
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let yaml = "servers: ['nats://127.0.0.1']\nauth: {token: '${HOME}'}";
        let config = config(yaml).unwrap();
        let home = std::env::var("HOME").unwrap();
        let tls = tls::Config::trusting_nobody().unwrap();
        let shown = format!("{config:?} {:?}", config.options(&tls).unwrap());
        assert!(!shown.contains(&home), "{shown}");
    }
}
