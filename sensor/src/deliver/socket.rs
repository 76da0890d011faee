//! Alerts as lines to a unix socket.
//!
//! A batch of alerts comes in, one write of lines leaves. Who listens says
//! nothing: "delivered" means our kernel has the bytes. What was written just
//! before the connection broke is written again to the next one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::alert::Alert;

use super::common::{self, Answer, BuildError, Output, Sending, Settings};
use super::format::Format;
use super::queue::Batching;
use super::stream::{Place, Stream};

/// Writes alerts to a unix stream socket, one a line.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The socket's path; somebody else makes it and listens there.
    pub path: PathBuf,
    /// How alerts are written (default `falco`).
    #[serde(default)]
    pub format: Format,
    /// Longest time to connect or to write one batch, in milliseconds (1 to 600,000; default
    /// 15,000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

fn default_timeout_ms() -> u64 {
    15_000
}

impl Settings for Config {
    fn needs_evidence(&self) -> bool {
        self.format.needs_evidence()
    }

    fn batching(&self) -> Batching {
        Batching::whatever_waits()
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if !self.path.is_absolute() {
            wrong.push(format!("path `{}` is not absolute", self.path.display()));
        }
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let timeout = Duration::from_millis(self.timeout_ms);
        Ok(Box::new(Socket {
            stream: Stream::new(Place::Unix(self.path.clone()), timeout),
            format: self.format,
        }))
    }
}

/// The sender.
struct Socket {
    stream: Stream,
    format: Format,
}

impl Output for Socket {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(async move {
            match self.stream.write(lines(batch, self.format)).await {
                Ok(()) => Answer::all(batch),
                Err(why) => Answer::retry(why),
            }
        })
    }
}

/// The alerts, one a line.
pub(super) fn lines(batch: &[Arc<Alert>], format: Format) -> Vec<u8> {
    let mut lines = Vec::new();
    for alert in batch {
        lines.extend_from_slice(format.line(alert).as_bytes());
        lines.push(b'\n');
    }
    lines
}
