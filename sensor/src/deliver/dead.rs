//! Alerts a receiver refused for good, kept for a person to look at.
//!
//! An alert and the receiver's words come in, a line of JSON leaves in
//! `dead.jsonl` of the output's spool directory; asked to, the alerts are read
//! again. What always holds: the file is bounded; when it is full it becomes
//! `dead.jsonl.1`, in place of the one before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
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
    count: u64,
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
        let mut letters = Self {
            directory: directory.to_owned(),
            count: 0,
        };
        letters.count = letters.recount();
        letters
    }

    /// Letters in the files.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    fn recount(&self) -> u64 {
        let lines = |path| {
            let file = File::open(path).map(BufReader::new);
            file.map_or(0, |file| file.split(b'\n').count() as u64)
        };
        self.paths().map(lines).sum()
    }

    /// The files, the older first.
    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        [OLD_NAME, NAME]
            .into_iter()
            .map(|name| self.directory.join(name))
    }

    /// The alerts of all letters, the oldest first; lines that are no letter are
    /// told and passed.
    pub(crate) fn take(&mut self) -> io::Result<Vec<Arc<Alert>>> {
        let mut alerts = Vec::new();
        for path in self.paths() {
            let file = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file?,
            };
            for (number, line) in BufReader::new(file).split(b'\n').enumerate() {
                match serde_json::from_slice::<Letter>(&line?) {
                    Ok(letter) => alerts.push(letter.alert),
                    Err(error) => {
                        let (file, line) = (path.display(), number + 1);
                        tracing::warn!(%file, line, %error, "no dead letter, and left out");
                    }
                }
            }
        }
        Ok(alerts)
    }

    /// Removes all letters.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        for path in self.paths() {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.count = 0;
        Ok(())
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
        match written {
            Ok(()) => self.count += alerts.len() as u64,
            Err(_) => file.set_len(before)?,
        }
        written
    }

    fn open(&mut self) -> io::Result<File> {
        let path = self.directory.join(NAME);
        match fs::metadata(&path) {
            Ok(meta) if meta.len() >= MAX_BYTES => {
                fs::rename(&path, self.directory.join(OLD_NAME))?;
                self.count = self.recount();
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
