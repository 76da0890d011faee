//! The file of what is held back: one JSON object a line, the last about a summary counts.
//!
//! What always holds: whatever a crash leaves of it, or writes into it, costs no more
//! than the lines it spoilt.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::mem;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::warn;
use uuid::Uuid;

use super::super::spool;
use super::PAUSE;
use crate::alert::{Alert, Outputs};

/// The file's name in the spool directory, beside the directories of the outputs.
pub(super) const FILE: &str = "held.jsonl";
/// Pause for each byte written, up to a [`PAUSE`]: a megabyte a second.
const PER_BYTE: Duration = Duration::from_micros(1);
/// Bytes of the file from which on it is written anew when most of it is old.
const LARGE: u64 = 8 << 20;

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// A summary that would leave now.
    Held {
        alert: Box<Alert>,
        /// Names of the outputs that want it.
        outputs: Vec<String>,
    },
    /// The id of one that left.
    Told(Uuid),
}

impl Line {
    /// A summary, with those of the outputs of these names that want it.
    pub(super) fn held(alert: Alert, names: &[String]) -> Self {
        let places = names.iter().enumerate();
        let wanted = places.filter(|(place, _)| alert.outputs.contains(*place));
        Self::Held {
            outputs: wanted.map(|(_, name)| name.clone()).collect(),
            alert: Box::new(alert),
        }
    }

    /// Of which summary it is.
    pub(super) fn id(&self) -> Uuid {
        match self {
            Self::Held { alert, .. } => alert.id,
            Self::Told(id) => *id,
        }
    }

    /// The summary, for those of its outputs that are among these now.
    pub(super) fn recover(self, names: &[String]) -> Option<Alert> {
        let Self::Held { mut alert, outputs } = self else {
            return None;
        };
        let places = names.iter().enumerate();
        let mut places = places
            .filter(|(_, name)| outputs.contains(name))
            .map(|(place, _)| place)
            .peekable();
        // Where none of them is left, all are better than nobody; what none wanted is for
        // those that are there for such alerts.
        if outputs.is_empty() || places.peek().is_some() {
            alert.outputs = Outputs::at(places);
        }
        Some(*alert)
    }
}

/// The file, for this sensor alone.
#[derive(Debug)]
pub(super) struct HeldFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// Held by what stands in it.
    in_file: BTreeSet<Uuid>,
    is_dirty: bool,
}

impl HeldFile {
    /// Opens it in the spool directory, or makes both, and reads what it holds.
    ///
    /// # Errors
    /// When it cannot be made or read, or another sensor uses it.
    pub(super) fn open(spools: &Path) -> io::Result<(Self, BTreeMap<Uuid, Line>)> {
        let path = spools.join(FILE);
        let mut file = open_in(spools)?;
        let left = read(&mut file, &path)?;
        let held = Self {
            bytes: file.metadata()?.len(),
            in_file: left.keys().copied().collect(),
            path,
            file,
            is_dirty: false,
        };
        Ok((held, left))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether [`settle`](Self::settle) has something to do.
    pub(super) fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// Writes lines; gives how long the next should wait, so that a flood that changes
    /// thousands of summaries writes no more than some megabytes a second.
    pub(super) fn append(&mut self, lines: &[Line]) -> io::Result<Duration> {
        let mut text = Vec::new();
        for line in lines {
            // One that came and went between two looks never stood in the file.
            let is_news = matches!(line, Line::Held { .. }) || self.in_file.contains(&line.id());
            if is_news {
                serde_json::to_writer(&mut text, line)?;
                text.push(b'\n');
            }
        }
        if text.is_empty() {
            return Ok(Duration::ZERO);
        }
        self.is_dirty = true;
        if self.file.metadata()?.nlink() == 0 {
            self.begin_again()?;
        }
        if let Err(why) = self.file.write_all(&text) {
            // A line cut in two would spoil the next.
            let _cut = self.file.set_len(self.bytes);
            return Err(why);
        }
        for line in lines {
            match line {
                Line::Held { .. } => self.in_file.insert(line.id()),
                Line::Told(id) => self.in_file.remove(id),
            };
        }
        self.bytes += text.len() as u64;
        Ok(PER_BYTE
            .saturating_mul(u32::try_from(text.len()).unwrap_or(u32::MAX))
            .min(PAUSE))
    }

    /// Makes the file that somebody removed; it fills as summaries change.
    fn begin_again(&mut self) -> io::Result<()> {
        let spools = self.path.parent().unwrap_or(&self.path);
        warn!(directory = %spools.display(), "the file of what is held back was removed; it is made again");
        let file = open_in(spools)?;
        self.in_file.clear();
        self.bytes = 0;
        self.file = file;
        Ok(())
    }

    /// Makes sure of what was written, and frees what nobody needs.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        if !mem::take(&mut self.is_dirty) {
            return Ok(());
        }
        if self.in_file.is_empty() {
            self.file.set_len(0)?;
            self.bytes = 0;
        } else if self.bytes > LARGE {
            self.shorten()?;
        }
        self.file.sync_data()
    }

    /// Writes the file anew without what is old.
    fn shorten(&mut self) -> io::Result<()> {
        let left = read(&mut self.file, &self.path)?;
        let mut text = Vec::new();
        for line in left.values() {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        if text.len() as u64 > self.bytes / 2 {
            return Ok(());
        }
        let beside = self.path.with_extension("new");
        let mut file = open(&beside)?;
        file.set_len(0)?;
        file.write_all(&text)?;
        file.sync_data()?;
        fs::rename(&beside, &self.path)?;
        self.bytes = text.len() as u64;
        self.file = file;
        Ok(())
    }
}

/// Opens the file in a directory that may not be there yet.
fn open_in(spools: &Path) -> io::Result<File> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(spools)?;
    open(&spools.join(FILE))
}

fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    spool::lock_file(&file)?;
    Ok(file)
}

/// The summaries that the file holds; whatever is no line is told and left out.
fn read(file: &mut File, path: &Path) -> io::Result<BTreeMap<Uuid, Line>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    let mut left = BTreeMap::new();
    let mut damaged = 0_u64;
    let (whole, torn) = match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => bytes.split_at(end + 1),
        None => (&[][..], &bytes[..]),
    };
    for line in whole
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        match serde_json::from_slice::<Line>(line) {
            Ok(Line::Told(id)) => {
                left.remove(&id);
            }
            Ok(line) => {
                left.insert(line.id(), line);
            }
            Err(_) => damaged += 1,
        }
    }
    if !torn.is_empty() {
        // What a crash left half written.
        file.set_len(whole.len() as u64)?;
    }
    if damaged > 0 {
        let file = path.display();
        warn!(%file, lines = damaged, "damaged lines skipped; whatever summaries they held are lost");
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::spool::tests::alert as numbered;

    #[test]
    fn what_a_full_disk_did_not_take_is_written_when_it_has_room() {
        let dir = tempfile::tempdir().unwrap();
        let (mut file, _) = HeldFile::open(dir.path()).unwrap();
        let good = file.file.try_clone().unwrap();
        file.file = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let line = |number| [Line::held(numbered(number), &[])];
        let why = file.append(&line(1)).unwrap_err();
        assert_eq!(why.kind(), io::ErrorKind::StorageFull);
        file.file = good;
        file.append(&line(1)).unwrap();
        // Struck off as one that stands there.
        file.append(&[Line::Told(numbered(1).id)]).unwrap();
        file.settle().unwrap();
        drop(file);
        let (_file, left) = HeldFile::open(dir.path()).unwrap();
        assert!(left.is_empty());
        assert_eq!(fs::metadata(dir.path().join(FILE)).unwrap().len(), 0);
    }
}
