//! Alerts to a syslog receiver, as RFC 5424 has them or as `/dev/log` does.
//!
//! An alert comes in, one message ([`message`]) leaves: a datagram over UDP or to
//! a unix socket such as `/dev/log`, a frame over TCP or TLS. Syslog has no
//! acknowledgement: "delivered" means our kernel has the bytes and, over UDP, that
//! nobody said the port is closed. What was written to a connection just before it
//! broke is written again to the next one.

mod message;
mod place;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::{UdpSocket, UnixDatagram};

use crate::alert::Alert;

use super::common::{self, Answer, BuildError, Output, Rest, Sending, Settings};
use super::format::Format;
use super::queue::Batching;
use super::stream::{self, Stream};
use super::tls;
use message::Header;
use place::Place;

/// Sends alerts to a syslog receiver (RFC 5424).
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The receiver: `udp://HOST:PORT`, `tcp://HOST:PORT`, `tls://HOST:PORT` or `unix:/PATH`, a
    /// datagram socket (default `unix:/dev/log`). Without a port: 514 of udp, 601 of tcp, 6514 of
    /// tls. Only tls keeps a message secret and whole on its way.
    #[serde(default = "default_url")]
    pub url: String,
    /// What the message says: the alert in one of the formats, or its `text` line (default
    /// `falco`).
    #[serde(default)]
    pub body: Body,
    /// Who speaks, in the receiver's sorting (default `authpriv`).
    #[serde(default)]
    pub facility: Facility,
    /// The APP-NAME (1 to 48 printable ASCII characters; default `sensor`).
    #[serde(default = "default_app_name")]
    pub app_name: String,
    /// The name of the structured data element with the alert's id, rule, priority and source;
    /// empty for none (default `sensor@32473`, of the enterprise number that is reserved for
    /// documentation: use your own, `NAME@NUMBER`, where names must be unique).
    #[serde(default = "default_data_id")]
    pub structured_data: String,
    /// How messages are told apart on a connection (default `octet_counting`).
    #[serde(default)]
    pub framing: Framing,
    /// How a message is laid out (default `rfc5424`; of a unix socket `local`).
    #[serde(default)]
    pub layout: Option<Layout>,
    /// Longest message in bytes (1,024 to 65,000 for udp, up to 1,048,576 else; default 2,048 for
    /// udp, 65,000 for unix, 262,144 else). A longer one is cut, and its structured data says by
    /// how many bytes; in the local layout it ends with `…`.
    #[serde(default)]
    pub max_bytes: Option<usize>,
    /// How the receiver's certificate is checked.
    #[serde(default)]
    pub tls: tls::Config,
    /// Allow udp and tcp to another machine, readable by anyone on the path (default false).
    #[serde(default)]
    pub allow_unencrypted: bool,
    /// Longest time to connect or to write one batch, in milliseconds (1 to 600,000; default
    /// 15,000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

fn default_url() -> String {
    "unix:/dev/log".into()
}

fn default_app_name() -> String {
    "sensor".into()
}

fn default_data_id() -> String {
    "sensor@32473".into()
}

fn default_timeout_ms() -> u64 {
    15_000
}

/// What a message says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// Falco's JSON object.
    #[default]
    Falco,
    /// A line of the Common Event Format.
    Cef,
    /// A line of the Log Event Extended Format.
    Leef,
    /// An object of the Elastic Common Schema.
    Ecs,
    /// An OCSF Detection Finding.
    Ocsf,
    /// The alert's text line, as the terminal shows it.
    Text,
}

impl Body {
    fn format(self) -> Option<Format> {
        Some(match self {
            Self::Falco => Format::Falco,
            Self::Cef => Format::Cef,
            Self::Leef => Format::Leef,
            Self::Ecs => Format::Ecs,
            Self::Ocsf => Format::Ocsf,
            Self::Text => return None,
        })
    }

    fn of(self, alert: &Alert) -> String {
        match self.format() {
            Some(format) => format.line(alert),
            None => alert.output.clone(),
        }
    }
}

/// How messages are told apart on a connection (RFC 6587).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// Each message after its length.
    #[default]
    OctetCounting,
    /// Each message before a line feed; for receivers that know no other.
    Newline,
}

/// How a message is laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// As RFC 5424 has it, with structured data.
    #[default]
    Rfc5424,
    /// As programs write to the log of their own machine: rsyslog and journald read nothing else
    /// from `/dev/log` unless told to.
    Local,
}

/// The facilities of syslog, by their usual names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names of RFC 5424, in its order")]
pub enum Facility {
    Kern,
    User,
    Mail,
    Daemon,
    Auth,
    Syslog,
    Lpr,
    News,
    Uucp,
    Cron,
    #[default]
    Authpriv,
    Ftp,
    Ntp,
    Audit,
    Console,
    Clock,
    Local0,
    Local1,
    Local2,
    Local3,
    Local4,
    Local5,
    Local6,
    Local7,
}

impl Settings for Config {
    fn needs_evidence(&self) -> bool {
        self.body.format().is_some_and(Format::needs_evidence)
    }

    fn batching(&self) -> Batching {
        Batching::whatever_waits()
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        match Place::parse(&self.url, self.allow_unencrypted) {
            Ok(place) => wrong.extend(self.check_size(&place)),
            Err(why) => wrong.push(why),
        }
        if !message::is_name(&self.app_name, 48) {
            wrong.push("app_name must be 1 to 48 printable ASCII characters, no spaces".into());
        }
        if !self.structured_data.is_empty() && !message::is_data_id(&self.structured_data) {
            wrong.push(format!(
                "structured_data is `{}`; it must be NAME@NUMBER, up to 32 printable ASCII \
                 characters without `=`, `]`, quotes and spaces",
                self.structured_data
            ));
        }
        wrong.extend(self.tls.check());
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let place = Place::parse(&self.url, self.allow_unencrypted).map_err(BuildError::Value)?;
        let timeout = Duration::from_millis(self.timeout_ms);
        let max_bytes = self.max_bytes(&place);
        let default = match place {
            Place::Unix(_) => Layout::Local,
            _ => Layout::Rfc5424,
        };
        let layout = self.layout.unwrap_or(default);
        let road = match place {
            Place::Udp(address) => Road::Udp(address, None),
            Place::Unix(path) => Road::Unix(path, None),
            Place::Tcp(address) => Road::Stream(Stream::new(stream::Place::Tcp(address), timeout)),
            Place::Tls(address) => {
                let tls = Arc::new(self.tls.client()?);
                Road::Stream(Stream::new(stream::Place::Tls(address, tls), timeout))
            }
        };
        Ok(Box::new(Syslog {
            header: Header::new(self.facility as u8, &self.app_name, &self.structured_data),
            layout,
            road,
            max_bytes,
            timeout,
            config: self.clone(),
        }))
    }
}

impl Config {
    fn max_bytes(&self, place: &Place) -> usize {
        let default = match place {
            Place::Udp(_) => 2048,
            Place::Unix(_) => 65_000,
            Place::Tcp(_) | Place::Tls(_) => 256 << 10,
        };
        self.max_bytes.unwrap_or(default)
    }

    fn check_size(&self, place: &Place) -> Option<String> {
        let most = match place {
            Place::Udp(_) => 65_000,
            _ => 1 << 20,
        };
        let bytes = self.max_bytes(place);
        (!(1024..=most).contains(&bytes))
            .then(|| format!("max_bytes is {bytes}; it must be 1024 to {most}"))
    }
}

/// How messages travel.
enum Road {
    Udp(String, Option<UdpSocket>),
    Unix(std::path::PathBuf, Option<UnixDatagram>),
    Stream(Stream),
}

/// The sender.
struct Syslog {
    header: Header,
    layout: Layout,
    road: Road,
    max_bytes: usize,
    timeout: Duration,
    config: Config,
}

impl Syslog {
    fn message(&self, alert: &Alert) -> Vec<u8> {
        let body = self.config.body.of(alert);
        match self.layout {
            Layout::Rfc5424 => self.header.message(alert, &body, self.max_bytes),
            Layout::Local => self.header.local(alert, &body, self.max_bytes),
        }
    }

    fn frames(&self, batch: &[Arc<Alert>]) -> Vec<u8> {
        let mut frames = Vec::new();
        for alert in batch {
            let message = self.message(alert);
            match self.config.framing {
                Framing::OctetCounting => {
                    frames.extend_from_slice(format!("{} ", message.len()).as_bytes());
                    frames.extend_from_slice(&message);
                }
                Framing::Newline => {
                    frames.extend_from_slice(&message);
                    frames.push(b'\n');
                }
            }
        }
        frames
    }

    async fn deliver(&mut self, batch: &[Arc<Alert>]) -> Answer {
        if matches!(self.road, Road::Stream(_)) {
            let frames = self.frames(batch);
            let Road::Stream(stream) = &mut self.road else {
                return Answer::none(Rest::Nothing);
            };
            return match stream.write(frames).await {
                Ok(()) => Answer::all(batch),
                Err(why) => Answer::retry(why),
            };
        }
        for (taken, alert) in batch.iter().enumerate() {
            let message = self.message(alert);
            let sent = stream::within(self.timeout, "sending", self.road.datagram(&message)).await;
            if let Err(why) = sent {
                self.road.close();
                let rest = match why.raw_os_error() {
                    Some(libc::EMSGSIZE) => Rest::RefuseFirst(format!("{why}; lower max_bytes")),
                    _ => Rest::Retry(why.to_string(), None),
                };
                return Answer { taken, rest };
            }
        }
        Answer::all(batch)
    }
}

impl Road {
    /// Sends one message as a datagram, opening the socket first where needed.
    async fn datagram(&mut self, message: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(address, socket) => {
                let socket = match socket {
                    Some(socket) => socket,
                    none => none.insert(udp(address).await?),
                };
                socket.send(message).await?;
            }
            Self::Unix(path, socket) => {
                let socket = match socket {
                    Some(socket) => socket,
                    none => {
                        let fresh = UnixDatagram::unbound()?;
                        fresh.connect(path)?;
                        none.insert(fresh)
                    }
                };
                socket.send(message).await?;
            }
            Self::Stream(_) => {}
        }
        Ok(())
    }

    fn close(&mut self) {
        match self {
            Self::Udp(_, socket) => *socket = None,
            Self::Unix(_, socket) => *socket = None,
            Self::Stream(_) => {}
        }
    }
}

/// A socket connected to the first address of a name, so that the kernel tells
/// us when nobody listens there.
async fn udp(address: &str) -> io::Result<UdpSocket> {
    let there = tokio::net::lookup_host(address).await?.next();
    let there = there.ok_or_else(|| io::Error::other("the name has no address"))?;
    let any: std::net::IpAddr = match there {
        std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(there).await?;
    Ok(socket)
}

impl Output for Syslog {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.deliver(batch))
    }
}
