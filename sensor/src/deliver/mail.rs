//! Alerts by mail, through an SMTP relay.
//!
//! A batch of alerts comes in, one mail to each recipient leaves. Alerts that are
//! serious enough are mailed at once, a mail a rule; the others are gathered into
//! digests that count every alert and show the first few, so that ten thousand alerts
//! are a handful of mails. Each kind has a sender of its own, so that none waits for
//! the other; both share their limits ([`pace`]). Passwords and alerts travel over TLS
//! only, unless the configuration says otherwise in so many words.

mod letter;
mod mailer;
mod message;
mod pace;
pub mod recipient;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{self, AsyncSmtpTransport};
use lettre::{Address, Tokio1Executor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alert::Priority;

use super::common::{self, BuildError, Output, Senders, Settings};
use super::http::is_loopback_host;
use super::queue::Batching;
use super::secret::SecretRef;
use super::tls;
use mailer::{Addresses, Mailer};
use pace::{Limits, Pace, Stream};
use recipient::{Entry, mailbox};

/// Most bytes of alerts that one digest counts: some thirty thousand alerts.
const DIGEST_BYTES: usize = 16 << 20;

/// Mails alerts through a relay.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The relay's host name, as its certificate has it.
    pub relay: String,
    /// The relay's port (1 to 65,535; default 587 for `starttls`, 465 for `tls`, 25 for `plain`).
    #[serde(default)]
    pub port: Option<u16>,
    /// `starttls` (required, never skipped), `tls` from the first byte, or `plain`
    /// (default `starttls`).
    #[serde(default)]
    pub encryption: Encryption,
    /// Allow `plain` to another machine, readable by anyone on the path (default false).
    #[serde(default)]
    pub allow_unencrypted: bool,
    /// How the relay's certificate is checked.
    #[serde(default)]
    pub tls: tls::Config,
    /// The name to log in with, as a reference: `${NAME}` or `file:/path` (default: no login).
    #[serde(default)]
    pub username: Option<SecretRef>,
    /// The password to log in with, as a reference: `${NAME}` or `file:/path`.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// The sender, such as `Sensor <sensor@example.org>`.
    pub from: String,
    /// Whom the relay tells of mails it could not deliver: an address, or `<>` for nobody
    /// (default: the address of `from`).
    #[serde(default)]
    pub envelope_from: Option<String>,
    /// The recipients (1 to 100): addresses, or maps with `address` and any of `min_priority`,
    /// `rules` and `tags`. Each gets a mail of its own, so that one bad address keeps it from
    /// nobody else. An alert that none of them wishes for becomes a dead letter.
    pub to: Vec<Entry>,
    /// Alerts this serious and above are mailed at once, a mail a rule (a priority word; `null`
    /// for none; default critical). The others are gathered into digests.
    #[serde(default = "default_immediate")]
    pub immediate: Option<Priority>,
    /// Shortest time between two rounds of mails of alerts that are mailed at once, in seconds
    /// (0 to 86,400; default 30). What comes meanwhile is gathered by rule.
    #[serde(default = "default_immediate_interval_s")]
    pub immediate_interval_s: u64,
    /// Shortest time between two digests, in seconds (0 to 86,400; default 300). The first
    /// alert after a quiet time does not wait.
    #[serde(default = "default_digest_interval_s")]
    pub digest_interval_s: u64,
    /// Most mails in an hour, which begins with its first mail; one to several recipients counts
    /// once (1 to 10,000; default 30). The last of them says so; what comes then waits, and the
    /// first mail of the next hour counts it.
    #[serde(default = "default_max_per_hour")]
    pub max_per_hour: u32,
    /// Most mails in a day, which begins with its first mail (1 to 100,000; default 200).
    #[serde(default = "default_max_per_day")]
    pub max_per_day: u32,
    /// Longest time for one mail, in milliseconds (1 to 600,000; default 30,000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "null, which is none, is a value of the key"
)]
fn default_immediate() -> Option<Priority> {
    Some(Priority::Critical)
}

fn default_immediate_interval_s() -> u64 {
    30
}

fn default_digest_interval_s() -> u64 {
    300
}

fn default_max_per_hour() -> u32 {
    30
}

fn default_max_per_day() -> u32 {
    200
}

fn default_timeout_ms() -> u64 {
    30_000
}

/// How the connection to the relay is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// Plain greeting, then TLS or nothing.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// None.
    Plain,
}

impl Settings for Config {
    fn default_priority(&self) -> Priority {
        Priority::Warning
    }

    fn batching(&self) -> Batching {
        Batching {
            max_alerts: usize::MAX,
            max_bytes: DIGEST_BYTES,
            max_age: Duration::ZERO,
        }
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = self.tls.check();
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong.extend(self.check_relay());
        wrong.extend(mailbox("from", &self.from).err());
        wrong.extend(self.bounces().err());
        wrong.extend(self.to.iter().filter_map(|to| to.0.mailbox().err()));
        for (key, value, least, most) in [
            ("immediate_interval_s", self.immediate_interval_s, 0, 86_400),
            ("digest_interval_s", self.digest_interval_s, 0, 86_400),
            ("max_per_hour", self.max_per_hour.into(), 1, 10_000),
            ("max_per_day", self.max_per_day.into(), 1, 100_000),
            ("the number of recipients", self.to.len() as u64, 1, 100),
        ] {
            if !(least..=most).contains(&value) {
                wrong.push(format!("{key} is {value}; it must be {least} to {most}"));
            }
        }
        wrong.extend(self.credentials().err().map(|error| error.to_string()));
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let pace = Arc::new(Mutex::new(Pace::open(self.limits(), None)));
        self.mailer(Stream::Digest, &pace)
    }

    fn senders(&self, concurrency: u8, directory: Option<&Path>) -> Result<Senders, BuildError> {
        if self.tls.accept_any_certificate_without_verification {
            tls::warn_of_blind_trust();
        }
        let pace = Arc::new(Mutex::new(Pace::open(self.limits(), directory)));
        let of_both = || self.streams().iter().copied();
        (0..concurrency)
            .flat_map(|_| of_both())
            .map(|stream| self.mailer(stream, &pace))
            .collect()
    }
}

/// The next less serious priority.
fn below(priority: Priority) -> Priority {
    let next = Priority::ALL.into_iter().find(|other| *other > priority);
    next.unwrap_or(Priority::Debug)
}

impl Config {
    fn limits(&self) -> Limits {
        Limits {
            per_hour: self.max_per_hour,
            per_day: self.max_per_day,
            at_once_every_ms: self.immediate_interval_s.saturating_mul(1000),
            digest_every_ms: self.digest_interval_s.saturating_mul(1000),
        }
    }

    /// How alerts of this priority are mailed.
    fn stream_of(&self, priority: Priority) -> Stream {
        if self.immediate.is_some_and(|least| priority <= least) {
            Stream::AtOnce
        } else {
            Stream::Digest
        }
    }

    fn streams(&self) -> &'static [Stream] {
        match self.immediate {
            None => &[Stream::Digest],
            Some(Priority::Debug) => &[Stream::AtOnce],
            Some(_) => &[Stream::AtOnce, Stream::Digest],
        }
    }

    fn mailer(
        &self,
        stream: Stream,
        pace: &Arc<Mutex<Pace>>,
    ) -> Result<Box<dyn Output>, BuildError> {
        let to = self.to.iter();
        let to: Result<_, String> = to.map(|to| Ok((to.0.mailbox()?, to.0.clone()))).collect();
        let addresses = Addresses {
            from: mailbox("from", &self.from).map_err(BuildError::Value)?,
            envelope_from: self.bounces().map_err(BuildError::Value)?,
            to: to.map_err(BuildError::Value)?,
        };
        let transport = self.transport()?;
        let pace = Arc::clone(pace);
        let mailer = Mailer::new(self.clone(), transport, addresses, stream, pace);
        Ok(Box::new(mailer))
    }

    /// Whom the relay tells of mails it could not deliver.
    fn bounces(&self) -> Result<Option<Address>, String> {
        let address = |mailbox: Mailbox| Some(mailbox.email);
        match self.envelope_from.as_deref() {
            None => mailbox("from", &self.from).map(address),
            Some("<>") => Ok(None),
            Some(text) => mailbox("envelope_from", text).map(address),
        }
    }

    fn check_relay(&self) -> Option<String> {
        if self.relay.is_empty() {
            return Some("relay is empty".to_owned());
        }
        let bare = self.encryption == Encryption::Plain;
        if bare && (self.username.is_some() || self.password.is_some()) {
            let why = "encryption is plain, and a login is only ever sent over TLS; \
                       use starttls or tls";
            return Some(why.to_owned());
        }
        (bare && !self.allow_unencrypted && !is_loopback_host(&self.relay)).then(|| {
            "encryption is plain and the relay another machine, so anyone on the path can read \
             the alerts; use starttls or set allow_unencrypted: true"
                .to_owned()
        })
    }

    fn credentials(&self) -> Result<Option<Credentials>, BuildError> {
        match (&self.username, &self.password) {
            (None, None) => Ok(None),
            (Some(username), Some(password)) => Ok(Some(Credentials::new(
                username.resolve()?.expose().to_owned(),
                password.resolve()?.expose().to_owned(),
            ))),
            _ => Err(BuildError::Value(
                "username and password go together; one of them is missing".to_owned(),
            )),
        }
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, BuildError> {
        let (tls, port) = match self.encryption {
            Encryption::Starttls => (Tls::Required(self.tls_parameters()?), 587),
            Encryption::Tls => (Tls::Wrapper(self.tls_parameters()?), 465),
            Encryption::Plain => (Tls::None, 25),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.relay)
            .port(self.port.unwrap_or(port))
            .timeout(Some(Duration::from_millis(self.timeout_ms)))
            .tls(tls);
        if let Some(credentials) = self.credentials()? {
            builder = builder.credentials(credentials);
        }
        Ok(builder.build())
    }

    fn tls_parameters(&self) -> Result<TlsParameters, BuildError> {
        let failed = |error: smtp::Error| BuildError::Value(format!("TLS: {error}"));
        let mut builder = TlsParameters::builder(self.relay.clone());
        if let Some(pem) = self.tls.authorities_pem()? {
            builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(failed)?);
        }
        if let Some(identity) = self.tls.identity()? {
            // lettre takes its first argument for one certificate in DER, whatever its name says.
            let certificate = identity.chain.first().map_or(&[][..], AsRef::as_ref);
            let identity = smtp::client::Identity::from_pem(certificate, &identity.key_pem);
            builder = builder.identify_with(identity.map_err(failed)?);
        }
        if self.tls.accept_any_certificate_without_verification {
            builder = builder
                .dangerous_accept_invalid_certs(true)
                .dangerous_accept_invalid_hostnames(true);
        }
        builder.build().map_err(failed)
    }
}
