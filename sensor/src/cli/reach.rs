//! Finding a running sensor and asking it one question.
//!
//! A question goes in, the sensor's reply leaves. What always holds: only a
//! sensor of ours or root's is asked; answer and wait are bounded.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::run::{Ask, Reply, is_trusted};
use crate::diagnostic::escape;

/// The longest answer, bytes: 10,000 rules and what is wrong with them.
const ANSWER: u64 = 8 << 20;
/// How long an answer may take; loading is bounded on the other side.
const PATIENCE: Duration = Duration::from_secs(75);

/// Which sensor.
#[derive(Debug, clap::Args)]
pub(super) struct Reach {
    /// Its process id; not needed when only one runs
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Its `control_directory`
    #[arg(long, value_name = "DIR", default_value = "/run/sensor")]
    directory: PathBuf,
}

impl Reach {
    /// Puts the question to the sensor and waits for its answer.
    pub(super) fn ask(&self, ask: &Ask) -> anyhow::Result<Reply> {
        let mut stream = self.connect()?;
        ensure!(
            is_trusted(&stream).context("cannot learn whose socket it is")?,
            "the socket belongs to another user than you and root"
        );
        stream
            .set_read_timeout(Some(PATIENCE))
            .context("cannot bound the time to wait")?;
        let question = format!("{}\n", ask.line());
        stream
            .write_all(question.as_bytes())
            .context("cannot ask the sensor")?;
        let mut answer = Vec::new();
        stream
            .take(ANSWER)
            .read_to_end(&mut answer)
            .context("the sensor did not answer")?;
        serde_json::from_slice(&answer).context("the sensor's answer cannot be understood")
    }

    fn connect(&self) -> anyhow::Result<UnixStream> {
        let shown = self.directory.display().to_string();
        let shown = escape(&shown);
        if let Some(pid) = self.pid {
            return UnixStream::connect(self.directory.join(format!("{pid}.sock")))
                .with_context(|| format!("no sensor with pid {pid} listens in {shown}"));
        }
        let mut running =
            listening(&self.directory).with_context(|| format!("no sensor listens in {shown}"))?;
        match running.len() {
            0 => bail!("no sensor listens in {shown}"),
            1 => running.pop().map(|(_, stream)| stream).context("no sensor"),
            _ => {
                let pids: Vec<&str> = running.iter().map(|(pid, _)| pid.as_str()).collect();
                bail!(
                    "several sensors run; choose with --pid: {}",
                    pids.join(", ")
                )
            }
        }
    }
}

/// The sensors that listen in a directory, by their pids.
fn listening(directory: &Path) -> io::Result<Vec<(String, UnixStream)>> {
    let mut running = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let Some(pid) = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(".sock"))
        else {
            continue;
        };
        let number = pid.parse::<u32>().is_ok();
        // One that was killed left its socket behind, and nobody listens there.
        if number && let Ok(stream) = UnixStream::connect(&path) {
            running.push((pid.to_owned(), stream));
        }
    }
    Ok(running)
}
