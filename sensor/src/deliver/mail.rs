//! Alerts by mail, through an SMTP relay.
//!
//! A batch of alerts comes in, one mail to each recipient leaves. The first
//! alert of an incident is mailed at once; what follows within `min_interval` is
//! gathered into one digest that counts every alert and shows the first few, so
//! that ten thousand alerts are a handful of mails. Passwords and alerts travel
//! over TLS only, unless the configuration says otherwise in so many words.

mod message;

use std::sync::Arc;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{self, AsyncSmtpTransport};
use lettre::{AsyncTransport, Tokio1Executor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::alert::{Alert, Priority};

use super::common::{self, Answer, BuildError, Output, Rest, Sending, Settings};
use super::http::is_loopback_host;
use super::queue::Batching;
use super::secret::SecretRef;
use super::tls;

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
    /// The recipients (1 to 100). Each gets a mail of its own, so that one bad
    /// address keeps it from nobody else.
    pub to: Vec<String>,
    /// Shortest time between two mails, in milliseconds (0 to 86,400,000; default 300,000).
    /// What comes meanwhile is gathered into one digest.
    #[serde(default = "default_min_interval_ms")]
    pub min_interval_ms: u64,
    /// Longest time for one mail, in milliseconds (1 to 600,000; default 30,000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

fn default_min_interval_ms() -> u64 {
    300_000
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
            min_interval: Duration::from_millis(self.min_interval_ms),
            // A digest counts everything that waits.
            max_alerts: usize::MAX,
            max_bytes: usize::MAX,
            max_age: Duration::ZERO,
        }
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = self.tls.check();
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong.extend(self.check_relay());
        wrong.extend(mailbox("from", &self.from).err());
        wrong.extend(self.to.iter().filter_map(|to| mailbox("to", to).err()));
        if self.to.is_empty() || self.to.len() > 100 {
            wrong.push(format!(
                "to names {} recipients; it must be 1 to 100",
                self.to.len()
            ));
        }
        if self.min_interval_ms > 86_400_000 {
            wrong.push(format!(
                "min_interval_ms is {}; it must be 0 to 86400000",
                self.min_interval_ms
            ));
        }
        wrong.extend(self.credentials().err().map(|error| error.to_string()));
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let to: Result<Vec<_>, _> = self.to.iter().map(|to| mailbox("to", to)).collect();
        Ok(Box::new(Mailer {
            transport: self.transport()?,
            from: mailbox("from", &self.from).map_err(BuildError::Value)?,
            to: to.map_err(BuildError::Value)?,
            progress: Progress::default(),
            config: self.clone(),
        }))
    }
}

impl Config {
    fn check_relay(&self) -> Option<String> {
        if self.relay.is_empty() {
            return Some("relay is empty".to_owned());
        }
        let bare = self.encryption == Encryption::Plain;
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
            tls::warn_of_blind_trust();
            builder = builder
                .dangerous_accept_invalid_certs(true)
                .dangerous_accept_invalid_hostnames(true);
        }
        builder.build().map_err(failed)
    }
}

fn mailbox(key: &str, text: &str) -> Result<Mailbox, String> {
    text.parse()
        .map_err(|error| format!("{key}: `{text}` is no mail address: {error}"))
}

/// The sender.
struct Mailer {
    config: Config,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    progress: Progress,
}

/// Who has the current mail already, so that a repetition goes to the others only.
#[derive(Default)]
struct Progress {
    message_id: String,
    /// Answered for good, by index into the recipients.
    done: Vec<usize>,
    /// How many of them took it.
    taken: usize,
}

/// What a relay's failure means.
enum Failure {
    /// This recipient or this mail is refused for good.
    Refused,
    /// The relay does not accept us at all.
    Blocked,
    /// It may pass later.
    Later,
}

impl Mailer {
    async fn mail(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let mail = match message::compose(batch, &self.from, &self.to) {
            Ok(mail) => mail,
            Err(error) => return Answer::none(Rest::RefuseAll(error)),
        };
        if self.progress.message_id != mail.id {
            self.progress = Progress {
                message_id: mail.id,
                ..Progress::default()
            };
        }
        let mut refusal = String::new();
        for (index, to) in self.to.iter().enumerate() {
            if self.progress.done.contains(&index) {
                continue;
            }
            match self.send_to(to, &mail.bytes).await {
                Ok(()) => self.progress.taken += 1,
                Err((Failure::Refused, why)) => {
                    // The other recipients may take it, so this alone is not
                    // the alerts' fate; it must still not pass in silence.
                    warn!(relay = %self.config.relay, recipient = %to.email, %why, "mail refused");
                    refusal = why;
                }
                Err((Failure::Later, why)) => return Answer::retry(why),
                Err((Failure::Blocked, why)) => {
                    self.renew();
                    return Answer::none(Rest::Blocked(why));
                }
            }
            self.progress.done.push(index);
        }
        if self.progress.taken == 0 {
            return Answer::none(Rest::RefuseAll(refusal));
        }
        Answer::all(batch)
    }

    async fn send_to(&self, to: &Mailbox, mail: &[u8]) -> Result<(), (Failure, String)> {
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to.email.clone()])
            .map_err(|error| (Failure::Refused, error.to_string()))?;
        let timeout = Duration::from_millis(self.config.timeout_ms);
        // lettre's own timeout starts anew with every command.
        match tokio::time::timeout(timeout, self.transport.send_raw(&envelope, mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err((judge(&error), describe(&error))),
            Err(_) => Err((Failure::Later, "no answer in time".to_owned())),
        }
    }

    /// Reads the login anew, in case it was rotated.
    fn renew(&mut self) {
        if let Ok(transport) = self.config.transport() {
            self.transport = transport;
        }
    }
}

impl Output for Mailer {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.mail(batch))
    }
}

fn judge(error: &smtp::Error) -> Failure {
    let code = error.status().map(u16::from);
    match code {
        // Login required, refused, too weak, or needs encryption first.
        Some(530 | 534 | 535 | 538) => Failure::Blocked,
        _ if error.is_permanent() => Failure::Refused,
        _ => Failure::Later,
    }
}

fn describe(error: &smtp::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    super::text::visible(&text)
}
