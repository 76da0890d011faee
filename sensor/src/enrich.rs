//! [`Event`](crate::decode::Event) in, [`Observation`] out: the event with
//! everything known about the process, its ancestors, its user and its
//! container at that moment.
//!
//! This room is the only door to `/proc`, `/etc` and the runtime sockets. It
//! looks there when it starts, on a timer, and when a record names a process
//! that it does not know; and of the last only so often between two ticks of
//! the timer, so that a flood of strangers cannot stall the events behind it.

pub mod container;
pub mod host;
mod place;
pub mod process;
mod procfs;
pub mod users;

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bumpalo::Bump;

use crate::decode::{Event, Place};
use container::Container;
use host::Host;
use place::Places;
use process::{Counters, HomePlace, Process, ProcessKey, ProcessTable, World};
use procfs::{Found, Procfs};
use users::Users;

/// Looks into `/proc` allowed between two refreshes, about 100 µs each.
const LOOKS_PER_REFRESH: u32 = 1024;

/// One event and all that is known around it. Lives while one event is
/// evaluated; nothing in it is copied.
#[derive(Clone, Copy)]
pub struct Observation<'a> {
    /// Sequence number of the event among those evaluated; the first is 1.
    pub number: u64,
    /// The event itself.
    pub event: &'a Event<'a>,
    /// The process that acted, after the event changed it: an exec already
    /// shows the new image. `None` only when the kernel named no process.
    pub process: Option<&'a Process>,
    /// All processes: parents, session leaders.
    pub processes: &'a ProcessTable,
    /// The container the process runs in; `None` on the host.
    pub container: Option<&'a Container>,
    /// User and group names.
    pub users: &'a Users,
    /// Facts about this machine.
    pub host: &'a Host,
    /// Room for values composed while this event is evaluated.
    pub arena: &'a Bump,
}

/// What the sensor remembers and where it looks.
#[derive(Debug, Clone)]
pub struct Options {
    /// Most processes remembered, those that ended not long ago included.
    pub capacity: usize,
    /// Where the proc file system is mounted.
    pub procfs: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            capacity: 65_536,
            procfs: PathBuf::from("/proc"),
        }
    }
}

/// All that is known about this machine and its processes. One thread owns it.
#[derive(Debug)]
pub struct State {
    table: ProcessTable,
    users: Users,
    host: Host,
    machine: Machine,
}

impl State {
    /// An empty table on this machine.
    pub fn new(options: Options) -> Self {
        // In a container that shares the host's pids the names that matter are
        // the host's: those the host's init sees.
        let init = options.procfs.join("1/root/etc");
        let etc = if init.join("passwd").exists() {
            init
        } else {
            PathBuf::from("/etc")
        };
        let host = Host::new(&options.procfs);
        let procfs = Procfs::new(options.procfs.clone());
        Self {
            table: ProcessTable::new(options.capacity),
            users: Users::new(&etc),
            machine: Machine {
                shows_all: procfs.shows_all(),
                procfs,
                mount: options.procfs,
                places: Places::default(),
                boot_time_ns: host.boot_time_ns,
                looks: LOOKS_PER_REFRESH,
            },
            host,
        }
    }

    /// Takes in the processes that run already; gives their number. To be
    /// called when the kernel side records already and nothing was applied
    /// yet, so that no process falls between scan and first record.
    ///
    /// # Errors
    /// When the proc file system cannot be listed, or shows a pid namespace
    /// other than the host's: its pids are not those in the records. The
    /// sensor can go on; processes become known as they act.
    pub fn seed(&mut self) -> io::Result<usize> {
        if !self.machine.shows_all {
            return Err(io::Error::other(format!(
                "{} shows only the processes of a container; share the host's pid namespace \
                 (Kubernetes: `hostPID: true`, Docker: `--pid=host`)",
                self.machine.mount.display()
            )));
        }
        let found = self.machine.procfs.scan()?;
        self.table.seed(found, &mut self.machine);
        Ok(self.table.len())
    }

    /// Changes what is known as the event says and names the process that
    /// acted; `None` when the kernel named none.
    pub fn apply(&mut self, event: &Event<'_>) -> Option<ProcessKey> {
        self.table.apply(event, &mut self.machine)
    }

    /// The event with all that is known around it. `actor` is what
    /// [`State::apply`] gave for this event.
    pub fn observe<'a>(
        &'a self,
        number: u64,
        event: &'a Event<'a>,
        actor: Option<ProcessKey>,
        arena: &'a Bump,
    ) -> Observation<'a> {
        let process = actor.and_then(|key| self.table.get(key));
        Observation {
            number,
            event,
            process,
            processes: &self.table,
            container: process.and_then(|process| process.place.container.as_deref()),
            users: &self.users,
            host: &self.host,
            arena,
        }
    }

    /// Looks at users, addresses and the clock again; about once a second.
    pub fn refresh(&mut self) {
        self.users.refresh();
        self.host.refresh(&self.machine.mount);
        self.machine.boot_time_ns = self.host.boot_time_ns;
        self.machine.looks = LOOKS_PER_REFRESH;
    }

    /// Sorts out the processes that ended unseen; to be called after records
    /// were lost.
    ///
    /// # Errors
    /// When the proc file system cannot be listed.
    pub fn reconcile(&mut self) -> io::Result<()> {
        if !self.machine.shows_all {
            return Ok(());
        }
        let pids: HashSet<u32> = self.machine.procfs.pids()?.into_iter().collect();
        let missed = |key: &ProcessKey| !pids.contains(&key.pid);
        let ended: Vec<ProcessKey> = self.table.running().filter(missed).collect();
        for key in ended {
            self.table.end(key);
        }
        Ok(())
    }

    /// Follows a command: see [`State::is_descendant`]. To be called as soon
    /// as its pid is known and before the next event is applied.
    pub fn follow(&mut self, root_pid: u32) {
        self.table.follow(root_pid);
    }

    /// Whether the process is the followed command or was started by it,
    /// through any number of forks, also when those between have gone.
    pub fn is_descendant(&self, process: ProcessKey) -> bool {
        self.table.is_followed(process)
    }

    /// What the process table had to repair and to forget.
    pub fn counters(&self) -> Counters {
        self.table.counters()
    }
}

/// The table's view of this machine.
#[derive(Debug)]
struct Machine {
    procfs: Procfs,
    mount: PathBuf,
    /// The pids in the proc file system are those in the records.
    shows_all: bool,
    places: Places,
    boot_time_ns: u64,
    /// Looks into `/proc` left until the next refresh.
    looks: u32,
}

impl Machine {
    fn may_look(&mut self) -> bool {
        let may = self.shows_all && self.looks > 0;
        self.looks = self.looks.saturating_sub(1);
        may
    }
}

impl World for Machine {
    fn place(&mut self, place: &Place<'_>) -> Arc<HomePlace> {
        self.places.home(place)
    }

    fn look_up(&mut self, pid: u32) -> Option<Found> {
        self.may_look().then(|| self.procfs.process(pid))?
    }

    fn moved(&mut self, process: ProcessKey, home: &HomePlace) -> Option<Arc<HomePlace>> {
        if !self.may_look() {
            return None;
        }
        let cgroups = self.procfs.cgroups(process.pid);
        // Asked last: what was read before belongs to the process then.
        let start = self.procfs.start_of(process.pid)?;
        process::same_start(start, process.start_boot_ns).then(|| {
            self.places.home(&Place {
                cgroup: &cgroups.v2,
                cgroup_v1: &cgroups.v1,
                ns: home.ns,
                pidns_start_boot_ns: home.pidns_start_boot_ns,
            })
        })
    }

    fn boot_time_ns(&self) -> u64 {
        self.boot_time_ns
    }
}
