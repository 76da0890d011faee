//! The process table: who runs, what it was started as, and who its parents are.

use std::sync::Arc;

use super::container::Container;
use crate::decode::{Caps, Comm, ExeFile, Ids, Namespaces};

/// Names a process for good: a pid alone is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessKey {
    /// Process id, initial pid namespace.
    pub pid: u32,
    /// Start on the boot clock, nanoseconds.
    pub start_boot_ns: u64,
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
    /// Its name.
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
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// argv[0].
    pub exe: Box<[u8]>,
    /// Arguments after argv[0], each ended by NUL.
    pub argv_rest: Box<[u8]>,
    /// Arguments after argv[0], joined by blanks: `proc.args`.
    pub args: Box<[u8]>,
    /// Number of arguments after argv[0].
    pub args_count: u32,
    /// Environment, each variable ended by NUL.
    pub env: Box<[u8]>,
    /// Path of the executable, as the kernel resolved it.
    pub exe_path: Box<[u8]>,
    /// The executable's file.
    pub file: ExeFile,
}

/// Where a process lives, owned.
#[derive(Debug, Clone, Default)]
pub struct HomePlace {
    /// cgroup v2 path.
    pub cgroup: Box<[u8]>,
    /// cgroup v1 path.
    pub cgroup_v1: Box<[u8]>,
    /// Namespaces.
    pub ns: Namespaces,
    /// Start of the pid namespace's init, boot clock nanoseconds.
    pub pidns_start_boot_ns: u64,
    /// The container those cgroups name; `None` on the host.
    pub container: Option<Arc<Container>>,
}

/// All processes known, bounded in memory.
#[derive(Debug, Default)]
pub struct ProcessTable {
    // to be written
}

impl ProcessTable {
    /// The process of that identity, if it is known.
    pub fn get(&self, _key: ProcessKey) -> Option<&Process> {
        None
    }

    /// The process that has this pid now.
    pub fn by_pid(&self, _pid: u32) -> Option<&Process> {
        None
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
        .take(64)
    }
}
