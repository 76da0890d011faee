//! Alerts a receiver refused for good, kept for a person to look at.
//!
//! An alert and the receiver's words come in, a line of JSON leaves in
//! `dead.jsonl` of the output's spool directory. What always holds: the file is
//! bounded; when it is full it becomes `dead.jsonl.1`, in place of the one before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::alert::Alert;

/// Size at which the file is put aside, bytes.
const MAX_BYTES: u64 = 64 << 20;
/// The file's name.
pub(crate) const NAME: &str = "dead.jsonl";
/// Its name when it was full.
pub(crate) const OLD_NAME: &str = "dead.jsonl.1";

/// Where dead letters of one output go.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    directory: PathBuf,
}

/// Why alerts ended here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Why<'a> {
    /// Whose they were.
    pub(crate) output: &'a str,
    /// What the receiver said.
    pub(crate) words: &'a str,
}

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Letter {
    /// When it was refused, RFC 3339.
    pub(crate) refused: String,
    /// Which output it was for.
    pub(crate) output: String,
    /// The receiver's words.
    pub(crate) why: String,
    /// The alert.
    pub(crate) alert: Arc<Alert>,
}

impl DeadLetters {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// Appends the alerts, all or none of them.
    pub(crate) fn keep(&mut self, alerts: &[Arc<Alert>], why: &Why<'_>) -> io::Result<()> {
        let mut lines = Vec::new();
        let refused = jiff::Timestamp::now().to_string();
        for alert in alerts {
            let letter = Letter {
                refused: refused.clone(),
                output: why.output.to_owned(),
                why: why.words.to_owned(),
                alert: Arc::clone(alert),
            };
            serde_json::to_writer(&mut lines, &letter)?;
            lines.push(b'\n');
        }
        let mut file = self.open()?;
        let before = file.metadata()?.len();
        let written = file.write_all(&lines).and_then(|()| file.sync_data());
        if written.is_err() {
            file.set_len(before)?;
        }
        written
    }

    fn open(&self) -> io::Result<File> {
        let path = self.directory.join(NAME);
        match fs::metadata(&path) {
            Ok(meta) if meta.len() >= MAX_BYTES => {
                fs::rename(&path, self.directory.join(OLD_NAME))?;
            }
            _ => {}
        }
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
    }
}
