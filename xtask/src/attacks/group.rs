//! A cgroup of its own for each half of each script.
//!
//! What runs in it, and what that starts, stays in it whatever it does to its parents,
//! session or environment; so the cgroup in an alert tells exactly whose alert it is,
//! and emptying the cgroup leaves nothing running.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::script::Place;

/// How long processes that were killed may take to be gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// The directory below each hierarchy for acts on the host.
const ON_HOST: &str = "sensor-attacks";
/// The one below which Docker puts its containers.
const IN_CONTAINER: &str = "docker";

/// One cgroup, in every hierarchy that is mounted.
#[derive(Debug)]
pub(crate) struct Group {
    /// Its path in each hierarchy, as `/proc/PID/cgroup` and the sensor show it.
    pub(crate) path: String,
    directories: Vec<PathBuf>,
}

impl Group {
    /// Makes the cgroup of one half of the script with this number.
    ///
    /// # Errors
    ///
    /// When there is no hierarchy in which one can be made.
    pub(crate) fn make(place: Place, number: usize) -> Result<Self> {
        let unique = (u64::from(std::process::id()) << 24) | number as u64;
        let path = match place {
            Place::Host => format!("/{ON_HOST}/{unique:x}"),
            // Sixty-four hexadecimal digits, the first twelve of which differ.
            Place::Container => format!("/{IN_CONTAINER}/{unique:012x}{:052x}", 0xa77ac),
        };
        let mut directories = Vec::new();
        for root in hierarchies() {
            let directory = root.join(path.trim_start_matches('/'));
            if fs::create_dir_all(&directory).is_ok() {
                directories.push(directory);
            }
        }
        ensure!(
            !directories.is_empty(),
            "no cgroup can be made below /sys/fs/cgroup: is it mounted, and writable?"
        );
        Ok(Self { path, directories })
    }

    /// The files a process writes `0` to in order to enter.
    pub(crate) fn doors(&self) -> Vec<PathBuf> {
        let directories = self.directories.iter();
        directories.map(|it| it.join("cgroup.procs")).collect()
    }

    /// Kills all that is left in it.
    fn empty(&self) -> Result<()> {
        let begin = Instant::now();
        loop {
            let pids = self.pids();
            if pids.is_empty() {
                return Ok(());
            }
            ensure!(
                begin.elapsed() < PATIENCE,
                "processes {pids:?} do not end though they were killed"
            );
            for pid in pids.into_iter().filter_map(Pid::from_raw) {
                // It may have ended by itself.
                let _gone = kill_process(pid, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn pids(&self) -> Vec<i32> {
        let mut pids = Vec::new();
        for directory in &self.directories {
            collect_pids(directory, &mut pids);
        }
        pids
    }

    /// Kills what is left in it and removes it.
    ///
    /// # Errors
    ///
    /// When something in it does not end, or it cannot be removed.
    pub(crate) fn remove(self) -> Result<()> {
        self.empty()?;
        // An engine that ran in it made groups in hierarchies which it never entered, too.
        for root in mounted(|_| true) {
            let directory = root.join(self.path.trim_start_matches('/'));
            if directory.is_dir() {
                let removed = remove_patiently(&directory);
                removed.with_context(|| format!("cannot remove {}", directory.display()))?;
            }
        }
        Ok(())
    }
}

/// The processes of a group and of those inside it.
fn collect_pids(directory: &Path, pids: &mut Vec<i32>) {
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
    for inner in directories_in(directory) {
        collect_pids(&inner, pids);
    }
}

fn directories_in(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|it| it.is_dir()));
    directories.map(|entry| entry.path())
}

/// Removes the directories that held the groups, unless somebody else uses them.
pub(crate) fn remove_parents() {
    for root in mounted(|_| true) {
        for name in [ON_HOST, IN_CONTAINER] {
            // Not empty: an engine's own.
            let _in_use = fs::remove_dir(root.join(name));
        }
    }
}

/// A cgroup stays busy for a moment after its last process was reaped.
fn remove_patiently(directory: &Path) -> io::Result<()> {
    let begin = Instant::now();
    // A script, or what ran in it, may have made groups inside.
    for inner in directories_in(directory) {
        remove_patiently(&inner)?;
    }
    loop {
        match fs::remove_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if begin.elapsed() > PATIENCE => return Err(error),
            Ok(()) => return Ok(()),
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// Where each hierarchy is mounted that a process may simply enter: a new v1 cpuset has
/// no processors, so nothing may enter it.
fn hierarchies() -> Vec<PathBuf> {
    mounted(|options| !options.split(',').any(|option| option == "cpuset"))
}

/// Where each hierarchy is mounted whose options fit; those of version 2 always do.
fn mounted(fits: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut places: Vec<PathBuf> = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (_, place, kind) = (words.next()?, words.next()?, words.next()?);
            let options = words.next().unwrap_or_default();
            let wanted = kind == "cgroup2" || kind == "cgroup" && fits(options);
            (wanted && place.starts_with("/sys/fs/cgroup")).then(|| place.into())
        })
        .collect();
    places.sort();
    places.dedup();
    places
}
