//! [`Event`] in, [`Observation`] out: the event with
//! everything known about the process, its ancestors, its user and its
//! container at that moment.
//!
//! This room is the only door to `/proc`, `/etc` and the runtime sockets. It
//! looks there when it starts, on a timer, and when a record names a process
//! that it does not know; and of the last only so often between two ticks of
//! the timer, so that a flood of strangers cannot stall the events behind it.

mod around;
pub mod container;
pub mod host;
pub mod hosts;
pub mod learned;
mod place;
pub mod process;
mod procfs;
pub mod residents;
pub mod users;

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;

use bumpalo::Bump;

use crate::decode::{Body, Event};
use around::{Answers, Around, LOOKS_PER_REFRESH, Machine, Source};
use container::Container;
use host::Host;
use hosts::Hosts;
use learned::{Found, Learned};
use place::Places;
use process::{Process, ProcessKey, ProcessTable, Standing};
use procfs::Procfs;
use residents::{Home, Residents};
use users::Users;

/// Processes in one [`Learned::Seed`].
const SEEDS: usize = 64;

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
    /// What answers about the process stand on; `None` when none can be
    /// remembered.
    pub standing: Option<Standing>,
    /// All processes: parents, session leaders.
    pub processes: &'a ProcessTable,
    /// The container the process runs in; `None` on the host.
    pub container: Option<&'a Container>,
    /// User and group names where the process lives.
    pub users: &'a Users,
    /// User names of the host, where logins are.
    pub logins: &'a Users,
    /// Names of addresses, as they were seen on the wire.
    pub hosts: &'a Hosts,
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

/// All that is known about a machine and its processes. One thread owns it.
#[derive(Debug)]
pub struct State {
    table: ProcessTable,
    users: Users,
    /// The names in containers.
    residents: Residents,
    /// Another number whenever a name may be another.
    users_version: u64,
    host: Host,
    hosts: Hosts,
    around: Around,
    refreshes: u32,
    /// Seeds of a recording until all of them are there.
    seeds: Vec<Found>,
    capacity: usize,
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
        let machine = Machine {
            shows_all: procfs.shows_all(),
            procfs,
            mount: options.procfs,
            looks: LOOKS_PER_REFRESH,
        };
        let source = Source::Machine(machine);
        Self::from(options.capacity, Users::new(&etc), host, source)
    }

    /// An empty table of another machine, or of this one at another time: it
    /// touches nothing and knows what it is given ([`State::learn`]). `name` is
    /// that machine's host name.
    pub fn replayed(capacity: usize, name: String) -> Self {
        let host = Host {
            name,
            ..Host::default()
        };
        let source = Source::Recording(Answers::default());
        Self::from(capacity, Users::default(), host, source)
    }

    fn from(capacity: usize, users: Users, host: Host, source: Source) -> Self {
        Self {
            table: ProcessTable::new(capacity),
            users,
            residents: Residents::default(),
            users_version: 0,
            around: Around {
                source,
                places: Places::default(),
                boot_time_ns: host.boot_time_ns,
                journal: None,
            },
            host,
            hosts: Hosts::default(),
            refreshes: 0,
            seeds: Vec::new(),
            capacity,
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
        let Source::Machine(machine) = &self.around.source else {
            return Ok(self.table.len());
        };
        if !machine.shows_all {
            return Err(io::Error::other(format!(
                "{} shows only the processes of a container; share the host's pid namespace \
                 (Kubernetes: `hostPID: true`, Docker: `--pid=host`)",
                machine.mount.display()
            )));
        }
        let found = machine.procfs.scan()?;
        for some in found.chunks(SEEDS) {
            self.around.note(|| Learned::Seed(some.to_vec()));
        }
        self.around.note(|| Learned::Seeded);
        self.table.seed(found, &mut self.around);
        Ok(self.table.len())
    }

    /// From now on, what is learned outside the records is written down for
    /// [`State::learned`]; what is known of users, clock and addresses already
    /// comes first. To be called before [`State::seed`].
    pub fn keep_journal(&mut self) {
        self.around.journal = Some(self.facts());
    }

    /// What is known now of users, clock and addresses.
    pub fn facts(&self) -> Vec<Learned> {
        let residents = self.residents.all();
        let residents = residents.map(|(home, names)| Learned::Residents { home, names });
        [
            Learned::Clock(self.host.boot_time_ns),
            Learned::Addresses(self.host.addresses.clone()),
            Learned::Users(self.users.names()),
        ]
        .into_iter()
        .chain(residents)
        .collect()
    }

    /// What was learned since this was last called, in order.
    pub fn learned(&mut self) -> std::vec::Drain<'_, Learned> {
        self.around.journal.get_or_insert_default().drain(..)
    }

    /// Whether [`State::learned`] has anything to give.
    pub fn has_learned(&self) -> bool {
        let journal = self.around.journal.as_ref();
        journal.is_some_and(|journal| !journal.is_empty())
    }

    /// Takes in what another state learned, in the place between the records
    /// where it learned it.
    pub fn learn(&mut self, learned: Learned) {
        match learned {
            Learned::Seed(found) => {
                // More than there is room for comes only from a damaged source.
                let room = self.capacity.saturating_sub(self.seeds.len());
                self.seeds.extend(found.into_iter().take(room));
            }
            Learned::Seeded => {
                let found = std::mem::take(&mut self.seeds);
                self.table.seed(found, &mut self.around);
            }
            answer @ (Learned::Process { .. } | Learned::Moved { .. }) => {
                self.around.answer(answer);
            }
            Learned::Users(names) => {
                self.users = Users::from_names(names);
                self.users_version += 1;
            }
            Learned::Residents { home, names } => {
                self.residents.learn(home, names);
                self.users_version += 1;
            }
            Learned::Clock(boot_time_ns) => {
                self.host.boot_time_ns = boot_time_ns;
                self.around.boot_time_ns = boot_time_ns;
            }
            Learned::Addresses(addresses) => self.host.addresses = addresses,
            Learned::Ended(keys) => self.end(&keys),
            Learned::Follow(pid) => self.table.follow(pid),
            Learned::Doubt => self.table.doubt(),
        }
    }

    /// Questions of the records that a recording had no answer to.
    pub fn unanswered(&self) -> u64 {
        self.around.unanswered()
    }

    /// Changes what is known as the event says and names the process that
    /// acted; `None` when the kernel named none.
    pub fn apply(&mut self, event: &Event<'_>) -> Option<ProcessKey> {
        if let Body::Dns(dns) = &event.body {
            self.hosts.learn(event.time_ns, dns);
        }
        let actor = self.table.apply(event, &mut self.around);
        self.around.settle();
        if let Some(actor) = actor {
            self.meet_residents(event, actor);
        }
        actor
    }

    /// Looks for the names in the container of the process that acted, now and then.
    fn meet_residents(&mut self, event: &Event<'_>, actor: ProcessKey) {
        let Source::Machine(machine) = &self.around.source else {
            return;
        };
        let Some(process) = self.table.get(actor) else {
            return;
        };
        let Some(home) = Home::of(process).filter(|_| machine.shows_all) else {
            return;
        };
        if matches!(event.body, Body::Exit(_)) {
            return;
        }
        // A container's init has its root for sure once it became another program.
        let started = matches!(&event.body, Body::Exec(exec) if exec.result >= 0);
        let again = started && process.ids.vpid == 1;
        if let Some(names) = self.residents.look(home, actor, &machine.mount, again) {
            self.users_version += 1;
            self.around.note(|| Learned::Residents { home, names });
        }
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
        let found = actor.and_then(|key| self.table.get_standing(key));
        let process = found.map(|(process, _)| process);
        let standing = found.and_then(|(_, standing)| standing);
        let users = self.users_version;
        Observation {
            number,
            event,
            process,
            standing: standing.map(|standing| Standing { users, ..standing }),
            processes: &self.table,
            container: process.and_then(|process| process.place.container.as_deref()),
            users: process
                .and_then(Home::of)
                .map_or(&self.users, |home| self.residents.users(home)),
            logins: &self.users,
            hosts: &self.hosts,
            host: &self.host,
            arena,
        }
    }

    /// Looks at users and the clock again, and now and then at addresses and
    /// for processes that ended unseen. To be called about once a second.
    pub fn refresh(&mut self) {
        let Source::Machine(machine) = &mut self.around.source else {
            return;
        };
        machine.looks = LOOKS_PER_REFRESH;
        self.residents.tick();
        if self.users.refresh() {
            self.users_version += 1;
            let users = &self.users;
            self.around.note(|| Learned::Users(users.names()));
        }
        if self.host.refresh_clock() {
            self.around.boot_time_ns = self.host.boot_time_ns;
            self.around.note(|| Learned::Clock(self.host.boot_time_ns));
        }
        self.refreshes = self.refreshes.wrapping_add(1);
        if self.refreshes.is_multiple_of(REFRESHES_PER_LONG_LOOK) {
            self.long_look();
            let (known, counters) = (self.table.len(), self.table.counters());
            tracing::debug!(known, ?counters, "process table");
        }
    }

    /// Looks at the addresses and notes the processes that ended unseen,
    /// because a record was lost.
    fn long_look(&mut self) {
        let Source::Machine(machine) = &self.around.source else {
            return;
        };
        let moved = self.host.refresh_addresses(&machine.mount);
        let pids = machine.procfs.pids().unwrap_or_default();
        let pids: HashSet<u32> = pids.into_iter().collect();
        // Where init is hidden (hidepid), others are too; missing says nothing.
        let tells = machine.shows_all && pids.contains(&1);
        if moved {
            let addresses = &self.host.addresses;
            self.around.note(|| Learned::Addresses(addresses.clone()));
        }
        let missed = |key: &ProcessKey| tells && !pids.contains(&key.pid);
        let ended: Vec<ProcessKey> = self.table.running().filter(missed).collect();
        if !ended.is_empty() {
            self.end(&ended);
            self.around.note(|| Learned::Ended(ended));
        }
    }

    fn end(&mut self, keys: &[ProcessKey]) {
        for key in keys {
            self.table.end(*key);
        }
    }

    /// Notes that records about processes were lost, when all from before the loss
    /// were applied: those that ended unseen are told at once, and what the others run
    /// is compared with `/proc` as they act.
    pub fn doubt(&mut self) {
        if matches!(self.around.source, Source::Machine(_)) {
            self.long_look();
            self.around.note(|| Learned::Doubt);
            self.table.doubt();
        }
    }

    /// Follows a command, see [`ProcessTable::is_followed`]. To be called as soon
    /// as its pid is known and before the next event is applied.
    pub fn follow(&mut self, root_pid: u32) {
        self.around.note(|| Learned::Follow(root_pid));
        self.table.follow(root_pid);
    }

    /// See [`ProcessTable::is_followed`].
    pub fn is_followed(&self, key: ProcessKey) -> bool {
        self.table.is_followed(key)
    }

    /// Processes known, and what had to be done to keep them true.
    pub fn account(&self) -> Vec<(&'static str, u64)> {
        let counters = self.table.counters();
        vec![
            ("known", self.table.len().try_into().unwrap_or(u64::MAX)),
            ("met without their start", counters.from_header),
            ("filled in from /proc", counters.from_proc),
            ("repaired", counters.repaired),
            ("read again after losses", counters.reread),
            ("forgotten", counters.evicted),
        ]
    }

    /// Facts about this machine.
    pub fn host(&self) -> &Host {
        &self.host
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::decode::{Comm, Exit, Task};

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
                abi: crate::decode::Abi::default(),
                via: crate::decode::Via::default(),
            },
            status: None,
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
            peer: None,
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
    fn what_one_state_learned_makes_the_same_state_elsewhere() {
        let (root, mut live) = machine();
        live.keep_journal();
        let mut replayed = State::replayed(65_536, live.host().name.clone());
        let stranger = ProcessKey { pid: 50, ..NGINX };
        live.seed().unwrap();
        live.follow(30);
        // Known from nowhere yet, and a child of its that has gone again.
        fs::rename(root.path().join("40"), root.path().join("50")).unwrap();
        let gone = ProcessKey { pid: 60, ..NGINX };
        for (key, ppid) in [(NGINX, 30), (stranger, 30), (gone, 50), (stranger, 70)] {
            let event = event(key, ppid, connect());
            let actor = live.apply(&event);
            live.learned().for_each(|learned| replayed.learn(learned));
            assert_eq!(replayed.apply(&event), actor);
            assert_eq!(
                shown(&replayed, &event, actor),
                shown(&live, &event, actor),
                "{key:?}"
            );
        }
        fs::write(root.path().join("1/root/etc/group"), "new:x:9:\n").unwrap();
        (0..REFRESHES_PER_LONG_LOOK).for_each(|_| live.refresh());
        replayed.refresh();
        assert_eq!(replayed.users.group(9), None, "it looks nowhere by itself");
        live.learned().for_each(|learned| replayed.learn(learned));
        assert_eq!(replayed.users.names(), live.users.names());
        assert_eq!(replayed.host.addresses, live.host.addresses);
        assert_eq!(replayed.host.boot_time_ns, live.host.boot_time_ns);
        let alive = |state: &State| state.table.running().collect::<Vec<_>>();
        assert_eq!(alive(&replayed), alive(&live), "40 and 60 have ended");
        assert!(!alive(&live).contains(&NGINX));
        assert!(replayed.table.is_followed(stranger));
        assert_eq!(replayed.table.counters(), live.table.counters());
        assert_eq!(replayed.unanswered(), 0);
        replayed.apply(&event(ProcessKey { pid: 80, ..NGINX }, 0, connect()));
        assert_eq!(replayed.unanswered(), 1, "nobody asked for this one");
    }

    #[test]
    fn a_family_that_cannot_be_is_taken_in_and_ends_nothing() {
        let (_root, mut live) = machine();
        live.keep_journal();
        live.seed().unwrap();
        let mut state = State::replayed(65_536, String::new());
        let found = live.learned().find_map(|learned| match learned {
            Learned::Seed(found) => Some(found),
            _ => None,
        });
        let mut found = found.unwrap();
        // Of one age, each the other's child, and one its own.
        for (at, ppid) in [(0, 30), (1, 1), (2, 40)] {
            found[at].key.start_boot_ns = NGINX.start_boot_ns;
            found[at].ppid = ppid;
        }
        state.learn(Learned::Seed(found));
        state.learn(Learned::Seeded);
        for pid in [1, 30, 40] {
            state.learn(Learned::Follow(pid));
            let key = ProcessKey { pid, ..NGINX };
            assert!(state.is_followed(key), "{pid}");
            let event = event(key, 0, exit());
            let actor = state.apply(&event);
            assert!(shown(&state, &event, actor).1.len() <= 64);
        }
        assert_eq!(state.table.running().count(), 0);
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
    fn after_a_loss_what_an_actor_and_its_line_run_is_read_again_once() {
        let (root, mut live) = machine();
        live.keep_journal();
        let mut replayed = State::replayed(65_536, live.host().name.clone());
        live.seed().unwrap();
        let mut step = |live: &mut State| {
            let event = event(NGINX, 30, connect());
            let actor = live.apply(&event);
            live.learned().for_each(|learned| replayed.learn(learned));
            assert_eq!(replayed.apply(&event), actor);
            let told = |state: &State| {
                let args = |pid| state.table.by_pid(pid).unwrap().image.args.to_vec();
                [args(40), args(30), args(1)].map(|args| String::from_utf8(args).unwrap())
            };
            assert_eq!(told(&replayed), told(live));
            (told(live), live.table.counters().reread)
        };
        // Execs that no record told: of the process itself and of its parent.
        for (pid, argv) in [(40, "sh\0-c\0id\0"), (30, "bash\0-l\0")] {
            fs::write(root.path().join(format!("{pid}/cmdline")), argv).unwrap();
        }
        let told = |words: [&str; 3]| words.map(str::to_owned);
        assert_eq!(
            step(&mut live),
            (told(["-x", "-x", "-x"]), 0),
            "nobody knows yet"
        );
        live.doubt();
        assert_eq!(step(&mut live), (told(["-c id", "-l", "-x"]), 2));
        fs::write(root.path().join("40/cmdline"), "title\0").unwrap();
        assert_eq!(step(&mut live), (told(["-c id", "-l", "-x"]), 2), "once");
        assert_eq!(replayed.unanswered(), 0);
        assert_eq!(replayed.table.counters(), live.table.counters());
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
