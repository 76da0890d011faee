//! The process table: who runs, what it was started as, and who its parents are.
//!
//! Events in kernel order go in, nearly so when records overtake each other or
//! are lost; processes come out. What always holds:
//! - The header of every record is the truth about its process at that moment
//!   and corrects the table: parent, name, user. What the header has no room for
//!   (ids, session, capabilities, working directory, place …) follows the record
//!   whenever it changed since the kernel last told it. A lost fork or exit is
//!   healed by the next record of the process; after a lost exec `/proc` is asked
//!   once what the process of the next record, and those of its line, run.
//! - A record that comes late (older than the newest of its process) changes
//!   nothing that the newer one told.
//! - A pid with another start is another process.
//! - Memory is bounded: the longest ended are forgotten first.
//!
//! An event that changes nothing costs two look-ups and no allocation.

mod apply;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::container::Container;
use super::procfs::Found;
use crate::decode::{Caps, Comm, ExeFile, Ids, Namespaces, Place};
use store::Store;
pub(crate) use store::same_start;

/// More ancestors than this are not told.
const MAX_ANCESTORS: usize = 64;

/// The least room that keeps its promises: a whole line of ancestors must fit
/// beside the process that asks for them.
const MIN_CAPACITY: usize = 256;

/// Names a process for good: a pid alone is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessKey {
    /// Process id, initial pid namespace.
    pub pid: u32,
    /// Start on the boot clock, nanoseconds.
    pub start_boot_ns: u64,
}

/// What an answer about a process stands on: while these are the same, so is
/// everything that can be read of the process, but for what the event itself
/// tells. No two tables give the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Standing {
    /// Where the table keeps the process: a small number, used again later.
    pub slot: u32,
    /// Changes with the process.
    pub process: u64,
    /// Changes with its ancestors, once [`ProcessTable::watch_ancestors`] was
    /// asked, and now and then without cause.
    pub lineage: u64,
    /// Changes with the names of users and groups.
    pub users: u64,
}

/// One process as last seen.
#[derive(Debug, Clone)]
pub struct Process {
    /// Who it is.
    pub key: ProcessKey,
    /// Its parent, the reaper once the first parent has gone; `None` for the root.
    pub parent: Option<ProcessKey>,
    /// Start, nanoseconds since the Unix epoch; 0 when unknown.
    pub start_ns: u64,
    /// Its name: that of its first thread.
    pub comm: Comm,
    /// Users, groups, namespace pids, session.
    pub ids: Ids,
    /// Audit user id; `u32::MAX` when unset.
    pub loginuid: u32,
    /// Capability sets.
    pub caps: Caps,
    /// Controlling terminal device number, 0 without one.
    pub tty: u32,
    /// Working directory without trailing slash (except `/` itself).
    pub cwd: Arc<[u8]>,
    /// What it runs; shared with the children that have not exec'd.
    pub image: Arc<Image>,
    /// Cgroups and namespaces; shared among siblings.
    pub place: Arc<HomePlace>,
}

/// What exec gave a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// `argv[0]`.
    pub exe: Box<[u8]>,
    /// Arguments after `argv[0]`, each ended by NUL.
    pub argv_rest: Box<[u8]>,
    /// Arguments after `argv[0]`, joined by blanks: `proc.args`.
    pub args: Box<[u8]>,
    /// Number of arguments after `argv[0]`.
    pub args_count: u32,
    /// Length of all arguments in the process's memory, NULs and `argv[0]`
    /// included: more than is kept here when they were cut.
    pub argv_full: u32,
    /// Bytes kept of them.
    pub argv_kept: u32,
    /// Environment, each variable ended by NUL.
    pub env: Box<[u8]>,
    /// Path of the executable, as the kernel resolved it.
    pub exe_path: Box<[u8]>,
    /// The executable's file.
    pub file: ExeFile,
}

impl Image {
    /// An image from argv and environment as exec takes them: each text ended
    /// by a NUL, the last perhaps cut.
    pub fn new(argv: &[u8], env: &[u8], exe_path: &[u8], file: ExeFile) -> Self {
        let (exe, rest) = match argv.iter().position(|byte| *byte == 0) {
            Some(end) => (
                argv.get(..end).unwrap_or_default(),
                argv.get(end + 1..).unwrap_or_default(),
            ),
            None => (argv, &[][..]),
        };
        let words = rest.strip_suffix(&[0]).unwrap_or(rest);
        let blanks = |byte: &u8| if *byte == 0 { b' ' } else { *byte };
        let count = match rest {
            [] => 0,
            _ => memchr::memchr_iter(0, words).count() + 1,
        };
        // The NUL behind the first counts even where the cut took it.
        let kept = if exe.is_empty() && rest.is_empty() {
            0
        } else {
            exe.len() + 1 + rest.len()
        };
        let kept = u32::try_from(kept).unwrap_or(u32::MAX);
        Self {
            exe: exe.into(),
            argv_rest: rest.into(),
            args: words.iter().map(blanks).collect(),
            args_count: u32::try_from(count).unwrap_or(u32::MAX),
            argv_full: kept,
            argv_kept: kept,
            env: env.into(),
            exe_path: exe_path.into(),
            file,
        }
    }
}

/// Where a process lives, owned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HomePlace {
    /// cgroup v2 path.
    pub cgroup: Box<[u8]>,
    /// cgroup v1 path: of several the one that names the container, else the first.
    pub cgroup_v1: Box<[u8]>,
    /// All v1 paths, as [`Place::cgroup_v1`] has them.
    pub hierarchies: Box<[u8]>,
    /// Namespaces.
    pub ns: Namespaces,
    /// Start of the pid namespace's init, boot clock nanoseconds.
    pub pidns_start_boot_ns: u64,
    /// The container those cgroups name; `None` on the host.
    pub container: Option<Arc<Container>>,
}

impl HomePlace {
    /// Whether it is the place the kernel describes.
    pub(crate) fn is(&self, place: &Place<'_>) -> bool {
        *self.cgroup == *place.cgroup
            && *self.hierarchies == *place.cgroup_v1
            && self.ns == place.ns
            && self.pidns_start_boot_ns == place.pidns_start_boot_ns
    }
}

/// What the table asks of the machine around it.
pub(crate) trait World {
    /// One shared [`HomePlace`] for all processes that live alike.
    fn place(&mut self, place: &Place<'_>) -> Arc<HomePlace>;
    /// What `/proc` says of the process that has this pid now.
    fn look_up(&mut self, pid: u32) -> Option<Found>;
    /// `home` with the cgroups that `/proc` tells now.
    fn moved(&mut self, process: ProcessKey, home: &HomePlace) -> Option<Arc<HomePlace>>;
    /// Wall clock minus boot clock, nanoseconds.
    fn boot_time_ns(&self) -> u64;
}

/// What the table had to do beyond its plain work; each only grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Processes first seen through the header of a record: their fork was missed.
    pub from_header: u64,
    /// Processes filled in from `/proc` after the start.
    pub from_proc: u64,
    /// Parents corrected that no exit explained.
    pub repaired: u64,
    /// Processes of which `/proc` told after a loss that they run another program
    /// than was known.
    pub reread: u64,
    /// Processes forgotten to make room, ended ones included.
    pub evicted: u64,
}

/// All processes known, bounded in memory.
#[derive(Debug)]
pub struct ProcessTable {
    store: Store,
    /// The command to follow, as long as its process was not seen.
    awaited: Option<u32>,
    /// Times that records were lost: how often what is known had to be doubted.
    doubts: u64,
    counters: Counters,
}

impl Default for ProcessTable {
    fn default() -> Self {
        Self::new(65_536)
    }
}

impl ProcessTable {
    /// A table for at most that many processes, those that ended not long ago
    /// included (256 at least).
    pub fn new(capacity: usize) -> Self {
        Self {
            store: Store::new(capacity.max(MIN_CAPACITY)),
            awaited: None,
            doubts: 0,
            counters: Counters::default(),
        }
    }

    /// The process of that identity, if it is known; it may have ended.
    pub fn get(&self, key: ProcessKey) -> Option<&Process> {
        Some(self.store.get(self.store.find(key)?)?.process())
    }

    /// As [`ProcessTable::get`], and what answers about it stand on; nothing
    /// once it has ended.
    pub(crate) fn get_standing(&self, key: ProcessKey) -> Option<(&Process, Option<Standing>)> {
        let slot = self.store.find(key)?;
        let entry = self.store.get(slot)?;
        let standing = Standing {
            slot: slot.number(),
            process: entry.stamp(),
            lineage: self.store.lineage(),
            users: 0,
        };
        Some((entry.process(), (!entry.ended).then_some(standing)))
    }

    /// Has [`Standing::lineage`] change from now on when an ancestor of this
    /// process does. `false` when its line has a hole, which somebody may
    /// come to fill unnoticed, or leads over one that has ended.
    pub(crate) fn watch_ancestors(&self, process: &Process) -> bool {
        let mut next = process.parent;
        for _ in 0..MAX_ANCESTORS {
            let Some(key) = next else { break };
            let found = self.store.find(key).and_then(|slot| self.store.get(slot));
            let Some(ancestor) = found.filter(|ancestor| !ancestor.ended) else {
                return false;
            };
            ancestor.watch();
            next = ancestor.process().parent;
        }
        true
    }

    /// The process that has this pid now.
    pub fn by_pid(&self, pid: u32) -> Option<&Process> {
        let entry = self.store.get(self.store.newest(pid)?)?;
        (!entry.ended).then_some(entry.process())
    }

    /// The proper ancestors: parent first, up to the root or the first hole,
    /// 64 at most.
    pub fn ancestors<'a>(&'a self, process: &'a Process) -> impl Iterator<Item = &'a Process> {
        let mut next = process.parent;
        std::iter::from_fn(move || {
            let process = self.get(next?)?;
            next = process.parent;
            Some(process)
        })
        .take(MAX_ANCESTORS)
    }

    /// Processes in the table, those that ended not long ago included.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Whether no process is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the table had to repair and to forget.
    pub fn counters(&self) -> Counters {
        Counters {
            evicted: self.store.evicted(),
            ..self.counters
        }
    }

    /// Whether the process is the followed command (see
    /// [`State::follow`](super::State::follow)) or was started by it, through any
    /// number of forks, also when those between have gone.
    pub fn is_followed(&self, key: ProcessKey) -> bool {
        let entry = self.store.find(key).and_then(|slot| self.store.get(slot));
        entry.is_some_and(|entry| entry.followed)
    }

    /// The processes taken to be running.
    pub(crate) fn running(&self) -> impl Iterator<Item = ProcessKey> {
        let running = self.store.entries().filter(|entry| !entry.ended);
        running.map(|entry| entry.process().key)
    }
}
