//! Alerts as lines to the standard input of a program that is kept running.
//!
//! A batch of alerts comes in, one write of lines leaves. The program says
//! nothing: "delivered" means the pipe has the bytes. One that ends is started
//! again, with the waits of any failure between, and gets what was written last
//! once more. It sees none of our secrets: of our environment it gets only where
//! programs are found and which language and time zone is spoken.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tracing::warn;

use crate::alert::Alert;

use super::common::{self, Answer, BuildError, Output, Sending, Settings};
use super::format::Format;
use super::queue::Batching;
use super::socket::lines;
use super::stream::within;

/// What the program's environment has of ours.
const ENVIRONMENT: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/// How long a program may take to end once its input has.
const GRACE: Duration = Duration::from_secs(2);

/// Writes alerts to a program's standard input, one a line.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The program, an absolute path, and its arguments; no shell reads them. It is started
    /// with the sensor's user and rights, at the first alert, and must read until its input ends.
    /// What it prints is dropped; its errors go where the sensor's own errors go.
    pub command: Vec<String>,
    /// How alerts are written (default `falco`).
    #[serde(default)]
    pub format: Format,
    /// Longest time the program may leave its input unread, in milliseconds (1 to 600,000;
    /// default 15,000). Then it is ended and started anew.
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
        let path = self.command.first().map(PathBuf::from);
        match path {
            None => wrong.push("command is empty; give the program and its arguments".into()),
            Some(path) if !path.is_absolute() => {
                wrong.push(format!("command `{}` is no absolute path", path.display()));
            }
            Some(path) if !path.is_file() => {
                wrong.push(format!("command {} is no file", path.display()));
            }
            Some(_) => {}
        }
        if self.command.iter().any(|word| word.contains('\0')) {
            wrong.push("command holds a zero byte".into());
        }
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        Ok(Box::new(Program {
            config: self.clone(),
            child: None,
            last: Vec::new(),
        }))
    }
}

/// The sender.
struct Program {
    config: Config,
    child: Option<Child>,
    /// What was written last, of which nobody knows whether it was read.
    last: Vec<u8>,
}

impl Program {
    async fn write(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        if let Some(status) = self.ended()? {
            self.child = None;
            return Err(io::Error::other(format!("the program ended ({status})")));
        }
        let timeout = Duration::from_millis(self.config.timeout_ms);
        let mut child = if let Some(child) = self.child.take() {
            child
        } else {
            let mut child = self.spawn()?;
            put(&mut child, &self.last, timeout).await?;
            child
        };
        // A program that does not read is dropped here, and with it ended.
        put(&mut child, &bytes, timeout).await?;
        self.child = Some(child);
        self.last = bytes;
        Ok(())
    }

    fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.as_mut().map_or(Ok(None), Child::try_wait)
    }

    fn spawn(&self) -> io::Result<Child> {
        let (program, arguments) = self
            .config
            .command
            .split_first()
            .ok_or_else(|| io::Error::other("no program is configured"))?;
        let environment: Vec<(&str, OsString)> = ENVIRONMENT
            .into_iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)))
            .collect();
        Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(environment)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            // A Ctrl-C meant for us is not for it: its input ends, and so does it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|why| io::Error::new(why.kind(), format!("cannot start {program}: {why}")))
    }
}

async fn put(child: &mut Child, bytes: &[u8], timeout: Duration) -> io::Result<()> {
    let Some(input) = &mut child.stdin else {
        return Err(io::Error::other("the program's input is closed"));
    };
    let putting = async {
        input.write_all(bytes).await?;
        input.flush().await
    };
    within(timeout, "the program's reading", putting).await
}

/// Its input ends, and it has a moment to end by itself.
impl Drop for Program {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        drop(child.stdin.take());
        let end = Instant::now() + GRACE;
        while let Ok(None) = child.try_wait() {
            if Instant::now() >= end {
                warn!("an output's program does not end with its input and is ended");
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Output for Program {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(async move {
            match self.write(lines(batch, self.config.format)).await {
                Ok(()) => Answer::all(batch),
                Err(why) => Answer::retry(why),
            }
        })
    }
}
