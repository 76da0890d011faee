//! [`Event`] in, [`Observation`] out: the event with
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
use process::{HomePlace, Process, ProcessKey, ProcessTable, World};
use procfs::{Found, Procfs};
use users::Users;

/// Looks into `/proc` allowed between two refreshes, about 100 µs each.
const LOOKS_PER_REFRESH: u32 = 1024;

/// What changes seldom is looked at only every so many refreshes: addresses,
/// and processes whose exit was lost, which cost only memory.
const REFRESHES_PER_LONG_LOOK: u32 = 30;

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
    refreshes: u32,
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
            refreshes: 0,
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

    /// Looks at users and the clock again, and now and then at addresses and
    /// for processes that ended unseen. To be called about once a second.
    pub fn refresh(&mut self) {
        self.users.refresh();
        self.host.refresh_clock();
        self.machine.boot_time_ns = self.host.boot_time_ns;
        self.machine.looks = LOOKS_PER_REFRESH;
        self.refreshes = self.refreshes.wrapping_add(1);
        if self.refreshes.is_multiple_of(REFRESHES_PER_LONG_LOOK) {
            self.host.refresh_addresses(&self.machine.mount);
            self.reconcile();
            let (known, counters) = (self.table.len(), self.table.counters());
            tracing::debug!(known, ?counters, "process table");
        }
    }

    /// Notes the processes that ended unseen, because a record was lost.
    fn reconcile(&mut self) {
        let pids = self.machine.procfs.pids().unwrap_or_default();
        let pids: HashSet<u32> = pids.into_iter().collect();
        // Where init is hidden (hidepid), others are too; missing says nothing.
        if !self.machine.shows_all || !pids.contains(&1) {
            return;
        }
        let missed = |key: &ProcessKey| !pids.contains(&key.pid);
        let ended: Vec<ProcessKey> = self.table.running().filter(missed).collect();
        for key in ended {
            self.table.end(key);
        }
    }

    /// Follows a command, see [`ProcessTable::is_followed`]. To be called as soon
    /// as its pid is known and before the next event is applied.
    pub fn follow(&mut self, root_pid: u32) {
        self.table.follow(root_pid);
    }

    /// Facts about this machine.
    pub fn host(&self) -> &Host {
        &self.host
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::decode::{Body, Comm, Exit, Task};

    const NGINX: ProcessKey = ProcessKey {
        pid: 40,
        start_boot_ns: 3_001_234_567,
    };

    /// A `/proc` with an init, a shell in a container and a server of its.
    fn machine() -> (tempfile::TempDir, State) {
        let root = tempfile::tempdir().unwrap();
        let id = "7c".repeat(32);
        for (pid, comm, ppid, start) in [
            (1, "init", 0, 1),
            (30, "sh", 1, 200),
            (40, "nginx", 30, 300),
        ] {
            let dir = root.path().join(pid.to_string());
            fs::create_dir(&dir).unwrap();
            let stat =
                format!("{pid} ({comm}) S {ppid} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 {start} 0\n");
            fs::write(dir.join("stat"), stat).unwrap();
            fs::write(dir.join("cmdline"), format!("{comm}\0-x\0")).unwrap();
            fs::write(
                dir.join("cgroup"),
                if pid == 1 {
                    "0::/\n".to_owned()
                } else {
                    format!("0::/docker/{id}\n")
                },
            )
            .unwrap();
        }
        let etc = root.path().join("1/root/etc");
        fs::create_dir_all(&etc).unwrap();
        fs::write(etc.join("passwd"), "web:x:33:33::/srv:/bin/false\n").unwrap();
        let state = State::new(Options {
            procfs: root.path().to_path_buf(),
            ..Options::default()
        });
        (root, state)
    }

    fn event(key: ProcessKey, ppid: u32, body: Body<'static>) -> Event<'static> {
        Event {
            time_ns: 1,
            cpu: 0,
            task: Task {
                pid: key.pid,
                tid: key.pid,
                ppid,
                start_boot_ns: key.start_boot_ns,
                uid: 33,
                gid: 33,
                cgroup_id: 0,
                comm: Comm::from(&b"nginx"[..]),
            },
            body,
        }
    }

    fn exit() -> Body<'static> {
        Body::Exit(Exit {
            status: 0,
            reaper_pid: 1,
        })
    }

    fn connect() -> Body<'static> {
        Body::Connect(crate::decode::Connect {
            fd: 3,
            result: 0,
            protocol: 0,
            socket_type: 1,
            peers: crate::decode::Peers::Other(16),
        })
    }

    /// What an observation shows: arguments, ancestors, container.
    fn shown(
        state: &State,
        event: &Event<'_>,
        actor: Option<ProcessKey>,
    ) -> (Vec<u8>, Vec<u32>, Option<String>) {
        let arena = Bump::new();
        let seen = state.observe(1, event, actor, &arena);
        let process = seen.process.unwrap();
        (
            process.image.args.to_vec(),
            seen.processes
                .ancestors(process)
                .map(|p| p.key.pid)
                .collect(),
            seen.container.map(|container| container.id().to_owned()),
        )
    }

    #[test]
    fn a_seeded_process_is_whole_at_its_first_and_at_its_last_record() {
        let (_root, mut state) = machine();
        assert_eq!(state.seed().unwrap(), 3);
        let container = Some("7c7c7c7c7c7c".to_owned());
        let expected = (b"-x".to_vec(), vec![30, 1], container);
        for body in [connect(), exit()] {
            let event = event(NGINX, 30, body);
            let actor = state.apply(&event);
            assert_eq!(actor, Some(NGINX), "the exact start is adopted");
            assert_eq!(shown(&state, &event, actor), expected);
        }
        assert_eq!(state.table.counters().from_header, 0);
        assert_eq!(
            state.users.user(33).unwrap().name,
            "web",
            "as the host's init sees it"
        );
    }

    #[test]
    fn a_stranger_and_its_line_are_filled_in_from_proc() {
        let (_root, mut state) = machine();
        let event = event(NGINX, 30, connect());
        let actor = state.apply(&event);
        assert_eq!(shown(&state, &event, actor).1, [30, 1]);
        assert_eq!(shown(&state, &event, actor).0, b"-x");
        let counters = state.table.counters();
        assert_eq!((counters.from_header, counters.from_proc), (1, 3));
    }

    #[test]
    fn another_process_with_the_same_pid_fills_in_nothing() {
        let (_root, mut state) = machine();
        let earlier = ProcessKey {
            start_boot_ns: 2_900_000_001,
            ..NGINX
        };
        let event = event(earlier, 30, connect());
        let actor = state.apply(&event);
        assert_eq!(shown(&state, &event, actor).0, b"");
    }

    #[test]
    fn a_flood_of_strangers_is_looked_up_only_so_often() {
        let (root, mut state) = machine();
        for pid in 1_000..1_000 + LOOKS_PER_REFRESH {
            let stranger = ProcessKey {
                pid,
                start_boot_ns: 9_000_000_001,
            };
            state.apply(&event(stranger, 0, connect()));
        }
        let flooded = event(NGINX, 0, connect());
        let actor = state.apply(&flooded);
        assert_eq!(shown(&state, &flooded, actor).0, b"", "no look is left");
        state.refresh();
        fs::rename(root.path().join("40"), root.path().join("41")).unwrap();
        let next = ProcessKey { pid: 41, ..NGINX };
        let refreshed = event(next, 0, connect());
        let actor = state.apply(&refreshed);
        assert_eq!(shown(&state, &refreshed, actor).0, b"-x");
    }

    #[test]
    fn a_process_whose_exit_was_lost_is_noticed_in_time() {
        let (root, mut state) = machine();
        state.seed().unwrap();
        fs::remove_dir_all(root.path().join("40")).unwrap();
        for _ in 0..REFRESHES_PER_LONG_LOOK {
            state.refresh();
        }
        assert!(state.table.by_pid(40).is_none());
        assert!(state.table.by_pid(30).is_some());
        // Where even init is hidden, nobody is taken to have ended.
        fs::remove_dir_all(root.path().join("1")).unwrap();
        fs::remove_dir_all(root.path().join("30")).unwrap();
        for _ in 0..REFRESHES_PER_LONG_LOOK {
            state.refresh();
        }
        assert!(state.table.by_pid(30).is_some());
    }

    #[test]
    fn a_containers_proc_is_not_taken_for_the_hosts() {
        let (root, _) = machine();
        fs::create_dir(root.path().join("1/ns")).unwrap();
        std::os::unix::fs::symlink("pid:[4026532201]", root.path().join("1/ns/pid")).unwrap();
        let mut state = State::new(Options {
            procfs: root.path().to_path_buf(),
            ..Options::default()
        });
        let error = state.seed().unwrap_err().to_string();
        assert!(error.contains("hostPID"), "{error}");
        let event = event(NGINX, 30, connect());
        let actor = state.apply(&event);
        assert_eq!(shown(&state, &event, actor).0, b"", "its pids are others");
    }

    #[test]
    fn an_event_of_nobody_has_no_process() {
        let (_root, mut state) = machine();
        let nobody = ProcessKey {
            pid: 0,
            start_boot_ns: 0,
        };
        let event = event(nobody, 0, connect());
        let actor = state.apply(&event);
        let arena = Bump::new();
        assert!(state.observe(1, &event, actor, &arena).process.is_none());
    }
}
