//! The storms, made by processes of their own: `cargo xtask` started again with a name.
//!
//! In: which storm and how large. Out: what it took, as one line of JSON. Always holds:
//! all is done by as many threads as there are CPUs, and leaves nothing behind.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::subject::cpu_of;

/// The hidden command that is a storm.
pub(crate) const LOAD: &str = "bench-load";

/// Which storm.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    name: String,
    count: usize,
}

/// What a storm took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Took {
    /// From its first act to its last.
    pub(super) wall: Duration,
    /// Of the load and all it started.
    pub(super) cpu: Duration,
}

/// The storms: name, how many times, and the calls or processes in one time.
pub(super) const STORMS: [(&str, usize); 5] = [
    ("fork/exec", 6_000),
    ("open/close", 300_000),
    ("connect/accept", 15_000),
    ("rename/unlink", 50_000),
    ("create/delete", 50_000),
];

/// Runs a storm to its end in a process of its own.
///
/// # Errors
///
/// When it fails.
pub(super) fn run(name: &str, count: usize) -> Result<Took> {
    let output = Command::new(std::env::current_exe()?)
        .args([LOAD, name, &count.to_string()])
        .output()?;
    if !output.status.success() {
        bail!("{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("the load says nothing")
}

/// The storm's own side.
pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let threads = std::thread::available_parallelism()?.get();
    let directory = tempfile::tempdir()?;
    let each = arguments.count / threads;
    let begin = Instant::now();
    std::thread::scope(|scope| -> Result<()> {
        let start = |thread: usize| {
            let own = directory.path().join(thread.to_string());
            let name = arguments.name.as_str();
            scope.spawn(move || {
                fs::create_dir(&own)?;
                (0..each).try_for_each(|number| once(name, &own, number))
            })
        };
        let threads: Vec<_> = (0..threads).map(start).collect();
        for thread in threads {
            match thread.join() {
                Ok(done) => done?,
                Err(_) => bail!("a thread of the load panicked"),
            }
        }
        Ok(())
    })?;
    let wall = begin.elapsed();
    let cpu = cpu_of(&fs::read_to_string("/proc/self/stat")?, 4);
    anstream::println!("{}", serde_json::to_string(&Took { wall, cpu })?);
    Ok(())
}

fn once(name: &str, own: &Path, number: usize) -> Result<()> {
    match name {
        "fork/exec" => {
            let status = Command::new("/bin/true").status()?;
            anyhow::ensure!(status.success());
        }
        "open/close" => drop(File::open("/dev/null")?),
        "connect/accept" => {
            // One listener a connection: no thread has to wait for another.
            let server = TcpListener::bind("127.0.0.1:0")?;
            let client = TcpStream::connect(server.local_addr()?)?;
            drop((client, server.accept()?));
        }
        "rename/unlink" => {
            let (old, new) = (own.join("old"), own.join(number.to_string()));
            drop(File::create(&old)?);
            fs::rename(&old, &new)?;
            fs::remove_file(&new)?;
        }
        "create/delete" => {
            let path = own.join(number.to_string());
            drop(File::create(&path)?);
            fs::remove_file(&path)?;
        }
        other => bail!("no storm {other:?}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_storm_can_be_done_and_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        for (name, _) in STORMS {
            once(name, directory.path(), 3).unwrap();
            once(name, directory.path(), 4).unwrap();
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(once("no such", directory.path(), 0).is_err());
    }
}
