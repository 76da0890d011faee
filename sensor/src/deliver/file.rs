//! Alerts as lines in a file, rotated by size.
//!
//! A batch of alerts comes in and is one append. A failed append leaves the file
//! as it was, so the repeated batch is never half there twice. "Delivered" means
//! the kernel has the bytes. The file is readable by its owner alone, and a file
//! somebody else moved away (logrotate) is opened anew.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::alert::Alert;

use super::common::{Answer, BuildError, Output, Sending, Settings};
use super::format::Format;
use super::queue::Batching;

/// Appends alerts to a file, one a line.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to write; the directory must exist. Created with mode 0600.
    pub path: PathBuf,
    /// The schema of the lines: `falco`, `ecs` or `ocsf`, each a JSON object; `cef` or
    /// `leef` (default falco).
    #[serde(default)]
    pub format: Format,
    /// Size at which the file is rotated, in bytes (4,096 upwards; default 104,857,600).
    /// A file is rotated before the batch that would exceed it.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: u64,
    /// How many rotated files are kept as `PATH.1` (newest), `PATH.2` … (0 to 1,000; default 5).
    /// With 0 a full file starts over empty.
    #[serde(default = "default_keep")]
    pub keep: u32,
    /// Compress rotated files as `PATH.N.gz` (default false).
    #[serde(default)]
    pub gzip: bool,
}

fn default_max_bytes() -> u64 {
    100 << 20
}

fn default_keep() -> u32 {
    5
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
        if self.path.file_name().is_none() {
            wrong.push(format!("path `{}` names no file", self.path.display()));
        } else if !directory_of(&self.path).is_dir() {
            let directory = directory_of(&self.path);
            wrong.push(format!("directory {} does not exist", directory.display()));
        } else if self.path.is_dir() {
            wrong.push(format!("path {} is a directory", self.path.display()));
        }
        if self.max_bytes < 4096 {
            wrong.push(format!(
                "max_bytes is {}; it must be 4096 or more",
                self.max_bytes
            ));
        }
        if self.keep > 1000 {
            wrong.push(format!("keep is {}; it must be 0 to 1000", self.keep));
        }
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let log = Log::open(self.clone())
            .map_err(|error| BuildError::File(self.path.display().to_string(), error))?;
        Ok(Box::new(Writer {
            format: self.format,
            log: Arc::new(Mutex::new(log)),
        }))
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The sender: hands the log to a thread that may block on the disk.
struct Writer {
    format: Format,
    log: Arc<Mutex<Log>>,
}

impl Output for Writer {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        let mut lines = Vec::new();
        for alert in batch {
            lines.extend_from_slice(self.format.line(alert).as_bytes());
            lines.push(b'\n');
        }
        let log = Arc::clone(&self.log);
        let append = move || {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.append(&lines)
        };
        Box::pin(async move {
            match tokio::task::spawn_blocking(append).await {
                Ok(Ok(())) => Answer::all(batch),
                Ok(Err(error)) => Answer::retry(error),
                Err(error) => Answer::retry(error),
            }
        })
    }
}

/// The open file and what is known of it.
struct Log {
    config: Config,
    file: File,
}

impl Log {
    fn open(config: Config) -> io::Result<Self> {
        let file = open(&config.path)?;
        Ok(Self { config, file })
    }

    /// Adds whole lines, rotating first when they would make the file too large.
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if !self.is_current() {
            self.file = open(&self.config.path)?;
        }
        let before = self.file.metadata()?.len();
        if before > 0 && before + lines.len() as u64 > self.config.max_bytes {
            self.rotate()?;
        }
        let before = self.file.metadata()?.len();
        let written = self.file.write_all(lines);
        if written.is_err() {
            // A full disk takes part of a write: take it back, or the repeated
            // batch would follow a torn line.
            let _ = self.file.set_len(before);
        }
        written
    }

    /// Whether the path still names the open file.
    fn is_current(&self) -> bool {
        let identity = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
        let open = self.file.metadata().map(identity).ok();
        let named = std::fs::symlink_metadata(&self.config.path)
            .map(identity)
            .ok();
        open.is_some() && open == named
    }

    fn rotate(&mut self) -> io::Result<()> {
        let path = &self.config.path;
        if self.config.keep == 0 {
            return self.file.set_len(0);
        }
        for suffix in ["", ".gz"] {
            ignore_missing(std::fs::remove_file(rotated(
                path,
                self.config.keep,
                suffix,
            )))?;
            for n in (1..self.config.keep).rev() {
                let (from, to) = (rotated(path, n, suffix), rotated(path, n + 1, suffix));
                ignore_missing(std::fs::rename(from, to))?;
            }
        }
        std::fs::rename(path, rotated(path, 1, ""))?;
        self.file = open(path)?;
        if self.config.gzip {
            compress(&rotated(path, 1, ""), &rotated(path, 1, ".gz"))?;
        }
        Ok(())
    }
}

/// Opens for appending. A last line torn by a crash is ended, so that the next
/// alert stands on a line of its own. A symbolic link is not followed: in a
/// directory others may write to, it would let them choose what we write to.
fn open(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .append(true)
        .read(true)
        .create(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let end = file.seek(SeekFrom::End(0))?;
    let mut last = [b'\n'];
    if end > 0 {
        file.read_exact_at(&mut last, end - 1)?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

fn rotated(path: &Path, n: u32, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}{suffix}"));
    name.into()
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Compresses `from` into `to` and removes it. `to` appears only when whole.
fn compress(from: &Path, to: &Path) -> io::Result<()> {
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    ignore_missing(std::fs::remove_file(&partial))?;
    let target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)?;
    let mut encoder = GzEncoder::new(target, Compression::default());
    let mut source = File::open(from)?;
    let mut chunk = [0; 8 * 1024];
    loop {
        let n = source.read(&mut chunk)?;
        let Some(filled) = chunk.get(..n).filter(|filled| !filled.is_empty()) else {
            break;
        };
        encoder.write_all(filled)?;
    }
    encoder.finish()?;
    std::fs::rename(&partial, to)?;
    std::fs::remove_file(from)
}
