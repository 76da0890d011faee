//! The table against hand-made stories, and against a naive kernel that
//! forks, execs and exits at random while records are lost and overtake each
//! other.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::store::{Knowledge, TICK_NS};
use super::*;
use crate::decode::{
    Body, Event, Exec, ExecCall, Exit, Fork, ForkCall, Open, OpenCall, OpenedFile, Task,
};

/// A machine without `/proc`: everything has to come from records.
#[derive(Default)]
struct NoProc {
    /// Where processes are found to have moved.
    moved_to: Option<Arc<HomePlace>>,
}

impl World for NoProc {
    fn place(&mut self, place: &Place<'_>) -> Arc<HomePlace> {
        Arc::new(HomePlace {
            cgroup: place.cgroup.into(),
            ..HomePlace::default()
        })
    }

    fn look_up(&mut self, _pid: u32) -> Option<Found> {
        None
    }

    fn moved(&mut self, _process: ProcessKey, _home: &HomePlace) -> Option<Arc<HomePlace>> {
        self.moved_to.take()
    }

    fn boot_time_ns(&self) -> u64 {
        1_000
    }
}

const INIT: ProcessKey = ProcessKey {
    pid: 1,
    start_boot_ns: 0,
};

fn key(pid: u32, start_boot_ns: u64) -> ProcessKey {
    ProcessKey { pid, start_boot_ns }
}

fn event(time_ns: u64, key: ProcessKey, ppid: u32, body: Body<'static>) -> Event<'static> {
    Event {
        time_ns,
        cpu: 0,
        task: Task {
            pid: key.pid,
            tid: key.pid,
            ppid,
            start_boot_ns: key.start_boot_ns,
            uid: 0,
            gid: 0,
            cgroup_id: 0,
            comm: Comm::from(&b"sh"[..]),
            abi: crate::decode::Abi::default(),
            via: crate::decode::Via::default(),
        },
        status: None,
        body,
    }
}

fn fork(child: ProcessKey, child_ppid: u32) -> Body<'static> {
    Body::Fork(Fork {
        usage: None,
        call: ForkCall::Clone,
        child_pid: child.pid,
        child_start_boot_ns: child.start_boot_ns,
        child_ppid,
        ids: Ids::default(),
        comm: Comm::from(&b"sh"[..]),
        flags: 0,
        loginuid: 1000,
        place: Place::default(),
    })
}

fn exec(argv: &'static [u8], result: i64) -> Body<'static> {
    Body::Exec(Exec {
        usage: None,
        call: ExecCall::Execve,
        result,
        filename: b"/bin/x",
        exe_path: b"/bin/x",
        cwd: b"/work/",
        argv,
        env: b"",
        argv_full: 0,
        env_full: 0,
        place: Place::default(),
        ids: Ids::default(),
        tty: 0,
        loginuid: 1000,
        caps: Caps::default(),
        exe: ExeFile::default(),
    })
}

fn exit(reaper_pid: u32) -> Body<'static> {
    Body::Exit(Exit {
        status: 0,
        reaper_pid,
    })
}

fn open(base: &'static [u8]) -> Body<'static> {
    Body::Open(Open {
        call: OpenCall::Openat,
        result: 3,
        dirfd: libc::AT_FDCWD,
        name: b"x",
        base,
        real_path: b"/x",
        flags: 0,
        mode: 0,
        resolve: 0,
        file: OpenedFile::default(),
    })
}

/// A table to which records are told, their times given or counted up.
#[derive(Default)]
struct Told {
    table: ProcessTable,
    world: NoProc,
    time_ns: u64,
}

impl Told {
    fn tell(&mut self, who: ProcessKey, ppid: u32, body: Body<'static>) -> &mut Self {
        self.time_ns += 1;
        self.tell_event(&event(self.time_ns, who, ppid, body))
    }

    fn tell_event(&mut self, event: &Event<'_>) -> &mut Self {
        let actor = self.table.apply(event, &mut self.world);
        assert_eq!(actor.map(|key| key.pid), Some(event.task.pid));
        assert!(
            self.table.get(actor.unwrap()).is_some(),
            "the actor is known"
        );
        self
    }

    fn args(&self, key: ProcessKey) -> &[u8] {
        &self.table.get(key).unwrap().image.args
    }

    fn parent(&self, key: ProcessKey) -> Option<u32> {
        Some(self.table.get(key).unwrap().parent?.pid)
    }

    fn line(&self, key: ProcessKey) -> Vec<u32> {
        let process = self.table.get(key).unwrap();
        self.table.ancestors(process).map(|p| p.key.pid).collect()
    }
}

const SHELL: ProcessKey = ProcessKey {
    pid: 10,
    start_boot_ns: 1_000_000_001,
};
const CHILD: ProcessKey = ProcessKey {
    pid: 20,
    start_boot_ns: 2_000_000_001,
};
const GRANDCHILD: ProcessKey = ProcessKey {
    pid: 30,
    start_boot_ns: 3_000_000_001,
};

/// init → shell (`sh -i`) → child.
fn family() -> Told {
    let mut told = Told::default();
    told.tell(INIT, 0, fork(SHELL, 1))
        .tell(SHELL, 1, exec(b"sh\0-i\0", 0))
        .tell(SHELL, 1, fork(CHILD, 10));
    told
}

#[test]
fn a_status_corrects_what_no_header_tells_unless_it_comes_late() {
    let mut table = ProcessTable::default();
    let mut world = NoProc::default();
    let shell = key(50, 500);
    table.apply(&event(10, shell, 1, exec(b"sh\0", 0)), &mut world);
    let stamp = |table: &ProcessTable| table.get_standing(shell).unwrap().1.unwrap().process;
    let told = |time_ns, sid, cwd: &'static [u8], cgroup: &'static [u8]| {
        let mut event = event(time_ns, shell, 1, open(b""));
        event.status = Some(crate::decode::Status {
            ids: Ids {
                sid,
                ..Ids::default()
            },
            caps: Caps {
                effective: 7,
                ..Caps::default()
            },
            tty: 3,
            loginuid: 1001,
            cwd,
            place: Place {
                cgroup,
                ..Place::default()
            },
        });
        event
    };
    table.apply(&told(20, 50, b"/srv/", b"/a"), &mut world);
    let process = table.get(shell).unwrap();
    assert_eq!((process.ids.sid, process.caps.effective), (50, 7));
    assert_eq!((process.tty, process.loginuid), (3, 1001));
    assert_eq!(
        (&*process.cwd, &*process.place.cgroup),
        (&b"/srv"[..], &b"/a"[..])
    );
    assert_eq!(&*process.image.exe, b"sh");
    let before = stamp(&table);
    // Nothing new leaves the process as it is; nothing late is believed.
    table.apply(&told(21, 50, b"/srv", b"/a"), &mut world);
    table.apply(&told(15, 9, b"/old", b"/b"), &mut world);
    assert_eq!(stamp(&table), before);
    table.apply(&told(22, 50, b"/srv", b"/b"), &mut world);
    assert_ne!(stamp(&table), before);
    assert_eq!(&*table.get(shell).unwrap().place.cgroup, b"/b");
}

#[test]
fn argv_splits_into_what_fields_show() {
    // argv as recorded; argv[0], arguments by blanks, their number.
    let cases: [(&[u8], &str, &str, u32); 6] = [
        (b"ls\0-l\0/tmp\0", "ls", "-l /tmp", 2),
        (b"ls\0", "ls", "", 0),
        (b"", "", "", 0),
        (b"sh\0-c\0\0x\0", "sh", "-c  x", 3),
        (b"sh\0-c\0cut in the mid", "sh", "-c cut in the mid", 2),
        (b"cut", "cut", "", 0),
    ];
    for (argv, exe, args, count) in cases {
        let image = Image::new(argv, b"", b"", ExeFile::default());
        assert_eq!(&*image.exe, exe.as_bytes(), "{argv:?}");
        assert_eq!(&*image.args, args.as_bytes(), "{argv:?}");
        assert_eq!(image.args_count, count, "{argv:?}");
    }
}

#[test]
fn a_child_has_what_its_parent_had_until_it_execs() {
    let mut told = family();
    let child = told.table.get(CHILD).unwrap();
    assert!(Arc::ptr_eq(
        &child.image,
        &told.table.get(SHELL).unwrap().image
    ));
    assert_eq!((&*child.cwd, child.loginuid), (&b"/work"[..], 1000));
    assert_eq!(child.start_ns, CHILD.start_boot_ns + 1_000);
    told.tell(CHILD, 10, exec(b"cat\0/etc/shadow\0", 0));
    assert_eq!(told.args(CHILD), b"/etc/shadow");
    assert_eq!(told.args(SHELL), b"-i");
}

#[test]
fn a_failed_exec_leaves_the_image() {
    let mut told = family();
    told.tell(SHELL, 1, exec(b"nothere\0-x\0", -2));
    assert_eq!(told.args(SHELL), b"-i");
}

#[test]
fn children_of_a_process_that_ended_are_their_reapers() {
    // The reaper told, 0 when the kernel told none; the parent expected.
    for (reaper, expected) in [(10, 10), (1, 1), (0, 1)] {
        let mut told = family();
        told.tell(CHILD, 10, fork(GRANDCHILD, 20));
        told.tell(CHILD, 10, exit(reaper));
        assert_eq!(told.parent(GRANDCHILD), Some(expected), "reaper {reaper}");
        assert_eq!(told.args(CHILD), b"-i", "the ended one is still known");
        assert!(told.table.by_pid(20).is_none(), "but its pid is nobody's");
    }
}

#[test]
fn orphans_of_a_container_go_to_its_init_when_no_reaper_is_told() {
    let mut told = family();
    let child = told.table.store.find(CHILD).unwrap();
    let vpid = &mut told.table.store.change(child).unwrap().ids.vpid;
    *vpid = 1;
    told.tell(CHILD, 10, fork(GRANDCHILD, 20));
    let great = key(40, 4_000_000_001);
    told.tell(GRANDCHILD, 20, fork(great, 30));
    told.tell(GRANDCHILD, 20, exit(0));
    assert_eq!(told.parent(great), Some(20));
}

#[test]
fn a_pid_used_again_is_another_process() {
    let mut told = family();
    told.tell(CHILD, 10, exec(b"old\0one\0", 0))
        .tell(CHILD, 10, exit(1));
    let again = key(CHILD.pid, 9_000_000_001);
    told.tell(SHELL, 1, fork(again, 10));
    assert_eq!(told.args(again), b"-i");
    assert_eq!(told.args(CHILD), b"one");
    // A record of the old one that comes late is about the old one.
    told.tell(CHILD, 10, open(b""));
    assert_eq!(told.table.by_pid(20).unwrap().key, again);
}

#[test]
fn nobody_is_the_child_of_somebody_younger() {
    let mut told = family();
    told.tell(CHILD, 10, exit(1));
    let again = key(CHILD.pid, 9_000_000_001);
    told.tell(SHELL, 1, fork(again, 10));
    // Its parent was the first holder of that pid, and its record comes late.
    told.tell(GRANDCHILD, 20, open(b""));
    let parent = told.table.get(GRANDCHILD).unwrap().parent;
    assert_eq!(parent, Some(CHILD));
    // Of a pid with young holders only, nobody is the parent.
    let old = key(60, 1_500_000_001);
    told.tell(old, 20, open(b""));
    assert_eq!(told.parent(old), None);
}

#[test]
fn a_header_that_comes_late_changes_nothing() {
    let mut told = family();
    told.tell_event(&event(1_000, CHILD, 10, open(b"")));
    let mut late = event(999, CHILD, 1, exec(b"nothere\0", -2));
    late.task.uid = 33;
    if let Body::Exec(exec) = &mut late.body {
        exec.ids.euid = 33;
    }
    told.tell_event(&late);
    assert_eq!(told.table.get(CHILD).unwrap().ids.euid, 0);
    assert_eq!(told.parent(CHILD), Some(10));
}

#[test]
fn a_new_holder_of_a_pid_ends_one_whose_exit_was_lost() {
    let mut told = family();
    told.tell(CHILD, 10, fork(GRANDCHILD, 20));
    let again = key(CHILD.pid, 9_000_000_001);
    told.tell(SHELL, 1, fork(again, 10));
    assert_eq!(
        told.parent(GRANDCHILD),
        Some(1),
        "not the new holder's child"
    );
}

#[test]
fn a_fork_told_late_fills_and_never_overwrites() {
    let mut told = Told::default();
    told.tell(INIT, 0, fork(SHELL, 1))
        .tell(SHELL, 1, exec(b"sh\0-i\0", 0));
    told.tell(CHILD, 10, exec(b"cat\0x\0", 0))
        .tell(SHELL, 1, fork(CHILD, 10));
    assert_eq!(told.args(CHILD), b"x", "the exec stands");
    told.tell(GRANDCHILD, 20, open(b""))
        .tell(CHILD, 10, fork(GRANDCHILD, 20));
    assert_eq!(told.args(GRANDCHILD), b"x", "the hole is filled");
    assert_eq!(told.line(GRANDCHILD), [20, 10, 1]);
}

#[test]
fn a_fork_told_after_the_exit_does_not_raise_the_dead() {
    let mut told = Told::default();
    told.tell(INIT, 0, fork(SHELL, 1));
    told.tell(CHILD, 10, exit(1))
        .tell(SHELL, 1, fork(CHILD, 10));
    assert!(told.table.by_pid(20).is_none());
    assert_eq!(told.parent(CHILD), Some(10));
}

#[test]
fn an_exec_that_comes_late_loses_to_the_later_one() {
    let mut told = family();
    told.tell_event(&event(1_000, CHILD, 10, exec(b"b\0second\0", 0)));
    told.tell_event(&event(900, CHILD, 10, exec(b"a\0first\0", 0)));
    assert_eq!(told.args(CHILD), b"second");
    // Much older means that the clock was set back.
    let (day, hour) = (86_400_000_000_000, 3_600_000_000_000);
    told.tell_event(&event(day, CHILD, 10, exec(b"c\0third\0", 0)));
    told.tell_event(&event(day - hour, CHILD, 10, exec(b"d\0fourth\0", 0)));
    assert_eq!(told.args(CHILD), b"fourth");
}

#[test]
fn every_header_corrects_name_user_and_parent() {
    let mut told = family();
    let mut record = event(1_000, CHILD, 1, open(b""));
    (record.task.uid, record.task.gid) = (33, 34);
    record.task.comm = Comm::from(&b"renamed"[..]);
    told.tell_event(&record);
    let child = told.table.get(CHILD).unwrap();
    assert_eq!(
        (child.ids.euid, child.ids.fsuid, child.ids.uid),
        (33, 33, 0)
    );
    assert_eq!((child.ids.egid, child.ids.gid), (34, 0));
    assert_eq!(child.comm.as_bytes(), b"renamed");
    assert_eq!(told.parent(CHILD), Some(1));
    assert_eq!(told.table.counters().repaired, 1);
    // A thread's own name is not the process's.
    record.task.tid = 21;
    record.task.comm = Comm::from(&b"worker"[..]);
    told.tell_event(&record);
    assert_eq!(told.table.get(CHILD).unwrap().comm.as_bytes(), b"renamed");
}

#[test]
fn a_stranger_is_known_from_its_header() {
    let mut told = Told::default();
    told.tell(INIT, 0, open(b"")).tell(SHELL, 1, open(b""));
    let shell = told.table.get(SHELL).unwrap();
    assert_eq!(
        (shell.comm.as_bytes(), &*shell.image.exe),
        (&b"sh"[..], &b""[..])
    );
    assert_eq!(told.line(SHELL), [1]);
    assert_eq!(told.table.counters().from_header, 2);
    assert_eq!(shell.loginuid, u32::MAX);
    // Its children know no more of the image than it does.
    told.tell(SHELL, 1, fork(CHILD, 10));
    let slot = told.table.store.find(CHILD).unwrap();
    assert_eq!(
        told.table.store.get(slot).unwrap().knowledge,
        Knowledge::Header
    );
}

#[test]
fn a_stranger_lives_where_its_parent_lives() {
    let mut told = family();
    told.tell(GRANDCHILD, 20, open(b""));
    let [child, stranger] = [CHILD, GRANDCHILD].map(|key| told.table.get(key).unwrap());
    assert!(Arc::ptr_eq(&stranger.place, &child.place));
    assert_eq!(stranger.loginuid, 1000);
    assert_eq!(&*stranger.image.exe, b"", "what it runs nobody said");
}

#[test]
fn a_start_known_to_a_tick_is_the_exact_start_within_it() {
    let mut told = family();
    let coarse = key(50, 700 * TICK_NS);
    let seeded = Process {
        key: coarse,
        parent: Some(SHELL),
        ..told.table.get(SHELL).unwrap().clone()
    };
    told.table.insert(seeded.clone());
    told.table.insert(Process {
        key: key(51, 800 * TICK_NS),
        parent: Some(coarse),
        ..seeded
    });
    let exact = key(50, 700 * TICK_NS + 1_234_567);
    told.tell(exact, 10, open(b""));
    assert_eq!(told.args(exact), b"-i", "what was seeded is kept");
    assert_eq!(told.table.by_pid(50).unwrap().key, exact);
    assert_eq!(told.line(key(51, 800 * TICK_NS)), [50, 10, 1]);
    assert!(
        told.table.get(coarse).is_some(),
        "the old name still finds it"
    );
    assert!(told.table.get(key(50, 699 * TICK_NS)).is_none());
    assert_eq!(
        told.table.counters().from_header,
        1,
        "only init was a stranger"
    );
}

#[test]
fn the_working_directory_follows_relative_opens() {
    let mut told = family();
    told.tell(CHILD, 10, open(b"/srv/data/"));
    assert_eq!(&*told.table.get(CHILD).unwrap().cwd, b"/srv/data");
    told.tell(CHILD, 10, open(b"")).tell(CHILD, 10, open(b"/"));
    assert_eq!(&*told.table.get(CHILD).unwrap().cwd, b"/");
}

#[test]
fn a_process_that_changes_its_cgroup_changes_its_place() {
    let mut told = family();
    let elsewhere = Arc::new(HomePlace::default());
    let mut record = event(1_000, CHILD, 10, open(b""));
    record.task.cgroup_id = 7;
    told.tell_event(&record);
    told.world.moved_to = Some(Arc::clone(&elsewhere));
    told.tell_event(&record);
    assert!(
        told.world.moved_to.is_some(),
        "nobody asked: it did not move"
    );
    record.task.cgroup_id = 8;
    told.tell_event(&record);
    assert!(Arc::ptr_eq(
        &told.table.get(CHILD).unwrap().place,
        &elsewhere
    ));
}

#[test]
fn a_command_is_followed_through_daemons_and_nobody_else_is() {
    let mut told = family();
    told.table.follow(CHILD.pid);
    told.tell(CHILD, 10, fork(GRANDCHILD, 20))
        .tell(CHILD, 10, exit(1));
    let daemon = key(40, 4_000_000_001);
    told.tell(GRANDCHILD, 1, fork(daemon, 30))
        .tell(GRANDCHILD, 1, exit(1));
    let again = key(CHILD.pid, 9_000_000_001);
    told.tell(SHELL, 1, fork(again, 10));
    let followed = |who| told.table.is_followed(who);
    assert_eq!([CHILD, GRANDCHILD, daemon].map(followed), [true; 3]);
    assert_eq!([SHELL, INIT, again].map(followed), [false; 3]);
}

#[test]
fn a_command_is_followed_from_its_first_record_when_asked_before() {
    let mut told = family();
    told.table.follow(GRANDCHILD.pid);
    told.tell(SHELL, 1, fork(GRANDCHILD, 10));
    // The fork of the next was lost.
    let stranger = key(40, 4_000_000_001);
    told.tell(stranger, GRANDCHILD.pid, open(b""));
    assert!(told.table.is_followed(stranger));
    assert!(!told.table.is_followed(CHILD));
}

#[test]
fn many_short_processes_take_no_more_room_than_few() {
    let mut told = Told {
        table: ProcessTable::new(1024),
        ..Told::default()
    };
    told.tell(INIT, 0, fork(SHELL, 1));
    for number in 0..100_000_u32 {
        let child = key(100 + number % 30_000, 5_000_000_001 + u64::from(number));
        told.tell(SHELL, 1, fork(child, 10))
            .tell(child, 10, exec(b"true\0x\0", 0))
            .tell(child, 10, exit(1));
        assert!(told.table.len() <= 2 + 1024 / 16 + 1);
    }
    assert_eq!(told.table.running().count(), 2);
}

#[test]
fn a_table_full_of_running_processes_gives_up_quiet_ones_without_children() {
    let mut told = Told {
        table: ProcessTable::new(256),
        ..Told::default()
    };
    told.tell(INIT, 0, fork(SHELL, 1));
    for number in 0..1_000_u32 {
        // Their exits are lost.
        let child = key(100 + number, 5_000_000_001 + u64::from(number));
        told.tell(SHELL, 1, fork(child, 10));
    }
    assert_eq!(told.table.len(), 256);
    assert_eq!(told.line(key(1_099, 5_000_001_000)), [10, 1]);
    assert_eq!(told.table.counters().evicted, 1_002 - 256);
}

// The naive kernel.

const ARGVS: [&[u8]; 3] = [b"a\0one\0", b"b\0two\0", b"c\0three\0"];
const ARGS: [&[u8]; 3] = [b"one", b"two", b"three"];

#[derive(Debug, Clone, Copy)]
enum Op {
    Fork,
    Exec(usize),
    FailedExec,
    Exit,
    Open,
    Setuid(u32),
    Rename(u8),
}

/// What becomes of a record on its way.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Arrives,
    IsLost,
    /// The record after it comes first, if another process wrote that.
    IsOvertaken,
}

/// A process as the naive kernel knows it.
#[derive(Debug, Clone)]
struct True {
    key: ProcessKey,
    ppid: u32,
    euid: u32,
    comm: [u8; 1],
    args: &'static [u8],
}

#[derive(Debug)]
struct Kernel {
    now_ns: u64,
    running: BTreeMap<u32, True>,
    tell_reaper: bool,
}

impl Kernel {
    fn new(tell_reaper: bool) -> Self {
        let init = True {
            key: INIT,
            ppid: 0,
            euid: 0,
            comm: *b"i",
            args: b"",
        };
        Self {
            now_ns: 1_000_000_000,
            running: BTreeMap::from([(1, init)]),
            tell_reaper,
        }
    }

    /// Lets one of the running processes do something.
    fn step(&mut self, who: usize, op: Op) -> Event<'static> {
        self.now_ns += 1_234_567;
        let nth = who % self.running.len();
        let pid = *self.running.keys().nth(nth).unwrap();
        let body = match op {
            Op::Fork => self.fork(pid),
            Op::Exec(image) => {
                self.running.get_mut(&pid).unwrap().args = ARGS[image];
                exec(ARGVS[image], 0)
            }
            Op::FailedExec => exec(b"never\0seen\0", -13),
            Op::Exit if pid != 1 => return self.exit(pid),
            Op::Exit | Op::Open => open(b""),
            Op::Setuid(euid) => {
                self.running.get_mut(&pid).unwrap().euid = euid;
                open(b"")
            }
            Op::Rename(letter) => {
                self.running.get_mut(&pid).unwrap().comm = [letter];
                open(b"")
            }
        };
        self.record(pid, body)
    }

    fn record(&self, pid: u32, body: Body<'static>) -> Event<'static> {
        let actor = &self.running[&pid];
        let mut record = event(self.now_ns, actor.key, actor.ppid, body);
        record.task.uid = actor.euid;
        record.task.comm = Comm::from(&actor.comm[..]);
        if let Body::Exec(exec) = &mut record.body {
            exec.ids.euid = actor.euid;
        }
        record
    }

    /// Gives the lowest free pid, so that pids are soon used again.
    fn fork(&mut self, pid: u32) -> Body<'static> {
        let free = (2..=u32::MAX)
            .find(|pid| !self.running.contains_key(pid))
            .unwrap();
        let child = True {
            key: key(free, self.now_ns),
            ppid: pid,
            ..self.running[&pid].clone()
        };
        let mut body = fork(child.key, pid);
        if let Body::Fork(fork) = &mut body {
            fork.ids.euid = child.euid;
            fork.comm = Comm::from(&child.comm[..]);
        }
        self.running.insert(free, child);
        body
    }

    fn exit(&mut self, pid: u32) -> Event<'static> {
        let record = self.record(pid, exit(u32::from(self.tell_reaper)));
        self.running.remove(&pid);
        for orphan in self.running.values_mut().filter(|p| p.ppid == pid) {
            orphan.ppid = 1;
        }
        record
    }

    /// The processes from the eldest to the youngest.
    fn by_age(&self) -> Vec<&True> {
        let mut all: Vec<&True> = self.running.values().collect();
        all.sort_by_key(|process| process.key.start_boot_ns);
        all
    }

    fn agrees(&self, table: &ProcessTable) -> Result<(), TestCaseError> {
        for process in self.running.values() {
            let known = table.by_pid(process.key.pid);
            prop_assert!(known.is_some(), "{process:?} is not known");
            let known = known.unwrap();
            prop_assert_eq!(known.key, process.key);
            prop_assert_eq!(known.comm.as_bytes(), &process.comm[..], "{:?}", process);
            prop_assert_eq!(known.ids.euid, process.euid, "{:?}", process);
            let ppid = known.parent.map_or(0, |key| key.pid);
            prop_assert_eq!(ppid, process.ppid, "{:?}", process);
        }
        Ok(())
    }
}

/// Every running process is in the list of the parent it names, once.
fn family_ties_hold(table: &ProcessTable, capacity: usize) -> Result<(), TestCaseError> {
    let store = &table.store;
    prop_assert!(store.len() <= capacity);
    let mut listed = 0;
    for entry in store.entries() {
        let slot = store.find(entry.process().key).unwrap();
        for child in store.children(slot) {
            listed += 1;
            let child = store.get(child).unwrap();
            prop_assert!(!child.ended);
            prop_assert_eq!(child.process().parent, Some(entry.process().key));
        }
    }
    let children = store
        .entries()
        .filter(|entry| !entry.ended && entry.process().parent.is_some());
    prop_assert_eq!(listed, children.count());
    Ok(())
}

fn ops() -> impl Strategy<Value = Vec<(usize, Op)>> {
    let op = prop_oneof![
        4 => Just(Op::Fork),
        2 => (0..3_usize).prop_map(Op::Exec),
        1 => Just(Op::FailedExec),
        3 => Just(Op::Exit),
        1 => Just(Op::Open),
        1 => (0..3_u32).prop_map(Op::Setuid),
        1 => (b'a'..b'd').prop_map(Op::Rename),
    ];
    prop::collection::vec((0..100_usize, op), 1..80)
}

fn fates(lossy: bool) -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        6 => Just(Fate::Arrives),
        2 => Just(Fate::IsOvertaken),
        u32::from(lossy) * 3 => Just(Fate::IsLost),
    ];
    prop::collection::vec(fate, 80)
}

/// The records as they arrive.
fn deliver(mut records: Vec<Event<'static>>, fates: &[Fate]) -> Vec<Event<'static>> {
    let mut at = 0;
    while at + 1 < records.len() {
        let overtaken = fates[at] == Fate::IsOvertaken;
        // A process cannot overtake itself.
        if overtaken && records[at].task.pid != records[at + 1].task.pid {
            records.swap(at, at + 1);
            at += 1;
        }
        at += 1;
    }
    let kept = records.into_iter().zip(fates);
    kept.filter(|(_, fate)| **fate != Fate::IsLost)
        .map(|(record, _)| record)
        .collect()
}

proptest! {
    #[test]
    fn told_everything_in_order_the_table_is_the_kernel(ops in ops(), tell_reaper: bool) {
        let mut kernel = Kernel::new(tell_reaper);
        let mut told = Told::default();
        told.tell_event(&kernel.step(0, Op::Open));
        for (who, op) in ops {
            let record = kernel.step(who, op);
            told.tell_event(&record);
            kernel.agrees(&told.table)?;
            for process in kernel.running.values() {
                prop_assert_eq!(told.args(process.key), process.args, "{:?}", process);
            }
            prop_assert_eq!(told.table.running().count(), kernel.running.len());
        }
        family_ties_hold(&told.table, 65_536)?;
    }

    #[test]
    fn records_that_overtake_each_other_leave_no_wrong_image(ops in ops(), fates in fates(false)) {
        let mut kernel = Kernel::new(true);
        let mut told = Told::default();
        let records = ops.into_iter().map(|(who, op)| kernel.step(who, op)).collect();
        for record in deliver(records, &fates) {
            told.tell_event(&record);
        }
        for process in kernel.running.values() {
            if let Some(known) = told.table.get(process.key) {
                let args = &*known.image.args;
                prop_assert!(args == process.args || args.is_empty(), "{:?} {:?}", process, args);
            }
        }
        family_ties_hold(&told.table, 65_536)?;
    }

    #[test]
    fn one_record_of_each_process_heals_whatever_was_lost(ops in ops(), fates in fates(true)) {
        let mut kernel = Kernel::new(false);
        let mut told = Told::default();
        let records = ops.into_iter().map(|(who, op)| kernel.step(who, op)).collect();
        for record in deliver(records, &fates) {
            told.tell_event(&record);
        }
        kernel.now_ns += 1;
        for process in kernel.by_age() {
            told.tell_event(&kernel.record(process.key.pid, open(b"")));
        }
        kernel.agrees(&told.table)?;
        family_ties_hold(&told.table, 65_536)?;
    }

    #[test]
    fn a_table_far_too_small_stays_sound(ops in ops(), fates in fates(true), capacity in 2..12_usize) {
        let mut kernel = Kernel::new(true);
        let mut told = Told::default();
        told.table.store = Store::new(capacity);
        let records = ops.into_iter().map(|(who, op)| kernel.step(who, op)).collect();
        for record in deliver(records, &fates) {
            told.table.apply(&record, &mut told.world);
            family_ties_hold(&told.table, capacity)?;
        }
    }
}
