//! The process table on this very kernel: what records make of it is compared
//! with what `/proc` says.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bumpalo::Bump;
use sensor::capture::{Capture, Options};
use sensor::decode::{self, Body, Event};
use sensor::enrich::{self, Observation, State};

/// The kernel side and a table that was seeded after it was attached.
pub(crate) struct Live {
    pub(crate) capture: Capture,
    pub(crate) state: State,
}

impl Live {
    pub(crate) fn start() -> Self {
        Self::with(&Options::default())
    }

    pub(crate) fn with(options: &Options) -> Self {
        let capture =
            Capture::start(options).expect("kernel tests need root and a kernel with BTF");
        let mut state = State::new(enrich::Options::default());
        state
            .seed()
            .expect("kernel tests run in the host's pid namespace");
        Self { capture, state }
    }

    /// Applies all records there are and shows each to `see`.
    pub(crate) fn drain(&mut self, see: &mut dyn FnMut(&Observation<'_>)) {
        self.drain_some(&|_| true, see);
    }

    /// The same without the records that are not kept, as if they had been lost.
    pub(crate) fn drain_some(
        &mut self,
        keep: &dyn Fn(&Event<'_>) -> bool,
        see: &mut dyn FnMut(&Observation<'_>),
    ) {
        let (state, mut number) = (&mut self.state, 0);
        let mut apply = |record: &[u8]| {
            let offset = state.host().boot_time_ns;
            let event = decode::decode(record, offset).expect("the kernel's records are sound");
            if !keep(&event) {
                return;
            }
            let actor = state.apply(&event);
            number += 1;
            let arena = Bump::new();
            see(&state.observe(number, &event, actor, &arena));
        };
        while self.capture.drain(usize::MAX, &mut apply) > 0 {}
    }

    /// Applies records until `done` says so of one of them.
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut(&Observation<'_>) -> bool) {
        let end = Instant::now() + crate::harness::patience();
        let mut found = false;
        while !found {
            assert!(Instant::now() < end, "no record shows {what}");
            self.capture.poll(Duration::from_millis(50)).unwrap();
            self.drain(&mut |seen| found |= done(seen));
        }
    }
}

/// Starts a shell in a process group of its own, all of which ends with it.
pub(crate) struct Shell(pub(crate) Child);

impl Shell {
    pub(crate) fn start(script: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        let command = command
            .args(["-c", script])
            .stdin(Stdio::piped())
            .process_group(0);
        Self(command.spawn().expect("a shell can be started"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let group = i32::try_from(self.0.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
        }
        self.0.wait().ok();
    }
}

/// The arguments after the first, joined by blanks.
pub(crate) fn args<'a>(seen: &Observation<'a>) -> &'a [u8] {
    seen.process.map_or(&[], |process| &process.image.args)
}

pub(crate) fn is_exec_of(event: &Event<'_>, path: &[u8]) -> bool {
    matches!(&event.body, Body::Exec(exec) if exec.result == 0 && exec.filename == path)
}

/// The parent of the kernel's own threads. Their birth is no event, so the table
/// may not know the youngest of them.
const KTHREADD: u32 = 2;

/// Parent and command line of every process but the kernel's threads, as `/proc`
/// has them now.
fn proc_now() -> BTreeMap<u32, (u32, Vec<u8>)> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let ppid = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
        let mut argv = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        argv.truncate(4096);
        (ppid != KTHREADD).then_some((pid, (ppid, argv)))
    })
    .collect()
}

#[test]
fn after_a_storm_of_forks_execs_and_daemons_the_table_is_what_proc_says() {
    let mut live = Live::start();
    // Short processes, shells in shells, and daemons whose parents go.
    let storm = Shell::start(
        "i=0; while [ $i -lt 150 ]; do /bin/true $i; (exit 3); i=$((i+1)); done
         /bin/sh -c '/bin/sh -c \"sleep 60 & sleep 61 & wait\" & sleep 62 & wait' &
         ( ( sleep 63 & sleep 64 & ) & )
         sleep 65; :",
    );
    live.until("the end of the storm", |seen| {
        args(seen) == b"65" && seen.event.task.ppid == storm.pid()
    });
    // The daemons' parents may need a moment to go.
    let end = Instant::now() + crate::harness::patience();
    loop {
        let before = proc_now();
        let mut known = BTreeMap::new();
        let mut marker = Command::new("/bin/true").spawn().unwrap();
        marker.wait().unwrap();
        live.drain(&mut |seen| {
            // All that /proc showed before was recorded before this exit.
            if matches!(seen.event.body, Body::Exit(_)) && seen.event.task.pid == marker.id() {
                let pids = before.keys();
                let find = |pid: &u32| Some((*pid, seen.processes.by_pid(*pid)?.clone()));
                known = pids.filter_map(find).collect();
            }
        });
        let after = proc_now();
        // What did not change meanwhile must be known as it is.
        let steady = before
            .iter()
            .filter(|(pid, was)| after.get(pid) == Some(was));
        let mut wrong = Vec::new();
        let mut sleepers = 0;
        for (pid, (ppid, argv)) in steady {
            let process = known.get(pid);
            let parent = process.map(|p| p.parent.map_or(0, |key| key.pid));
            if parent != Some(*ppid) {
                wrong.push(format!("{pid}: parent {parent:?}, /proc says {ppid}"));
            }
            if argv.starts_with(b"sleep\x006") {
                sleepers += 1;
                let image = process.map(|p| [&*p.image.exe, b"\0", &*p.image.argv_rest].concat());
                if image.as_deref() != Some(argv) {
                    wrong.push(format!("{pid}: image {image:?}, /proc says {argv:?}"));
                }
            }
        }
        if wrong.is_empty() && sleepers >= 6 {
            break;
        }
        assert!(Instant::now() < end, "{sleepers} sleepers, {wrong:#?}");
    }
}

#[test]
fn all_that_a_command_starts_is_its_own_also_when_parents_have_gone() {
    let mut live = Live::start();
    let command = Shell::start("read go; ( ( /bin/sleep 71 & ) & ); /bin/sleep 72; :");
    live.state.follow(command.pid());
    let other = Shell::start("/bin/sleep 73; :");
    let mut input = command.0.stdin.as_ref().unwrap();
    std::io::Write::write_all(&mut input, b"go\n").unwrap();
    let mut ours = BTreeMap::new();
    live.until("three sleepers", |seen| {
        if is_exec_of(seen.event, b"/bin/sleep") {
            let process = seen.process.unwrap();
            ours.insert(args(seen).to_vec(), seen.processes.is_followed(process.key));
        }
        [&b"71"[..], b"72", b"73"]
            .iter()
            .all(|args| ours.contains_key(*args))
    });
    let ours = [&b"71"[..], b"72", b"73"].map(|args| ours[args]);
    assert_eq!(ours, [true, true, false]);
    drop(other);
}

/// A cgroup that lives as long as the test.
pub(crate) struct Cgroup(pub(crate) PathBuf);

impl Cgroup {
    /// At that path below the root of a mounted hierarchy.
    pub(crate) fn at(root: &str, path: &str) -> Self {
        let path = PathBuf::from(root).join(path);
        fs::create_dir_all(&path).expect("root may make cgroups");
        Self(path)
    }

    /// Named like a container of Docker's, in the v2 hierarchy.
    pub(crate) fn like_docker(id: &str) -> Self {
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        let root = mounts
            .lines()
            .filter_map(|line| Some(line.split_once(' ')?.1))
            .find(|line| line.split(' ').nth(1) == Some("cgroup2"))
            .and_then(|line| line.split(' ').next())
            .expect("a cgroup v2 hierarchy is mounted");
        let path = PathBuf::from(root).join("docker").join(id);
        fs::create_dir_all(&path).expect("root may make cgroups");
        Self(path)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        fs::remove_dir(&self.0).ok();
    }
}

#[test]
fn a_process_moved_into_a_containers_cgroup_is_in_the_container_with_and_without_an_exec() {
    let id = format!("{:064x}", std::process::id());
    let cgroup = Cgroup::like_docker(&id);
    let mut live = Live::start();
    let procs = cgroup.0.join("cgroup.procs").display().to_string();
    let shell = Shell::start(&format!(
        ": < /dev/null; echo $$ > {procs}; : < /dev/null; /bin/sleep 81; :"
    ));
    let pid = shell.pid();
    let mut opened = Vec::new();
    live.until("the sleeper in its container", |seen| {
        let full_id = seen.container.map(|container| container.full_id.clone());
        if seen.event.task.pid == pid
            && matches!(&seen.event.body, Body::Open(open) if open.name == b"/dev/null")
        {
            opened.push(full_id.is_some());
        }
        let asleep = is_exec_of(seen.event, b"/bin/sleep") && args(seen) == b"81";
        asleep && full_id.as_deref() == Some(&*id)
    });
    assert_eq!(
        opened,
        [false, true],
        "before and after the shell moved itself"
    );
    drop(shell);
}

#[test]
fn users_and_groups_in_a_container_have_the_names_its_own_files_give() {
    let id = format!("{:064x}", u64::from(std::process::id()) + 7);
    let cgroup = Cgroup::like_docker(&id);
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let passwd = file("passwd", "inmate:x:4242:4343::/cell:/bin/true\n");
    let group = file("group", "gang:x:4343:\n");
    let mut live = Live::start();
    live.state.keep_journal();
    let procs = cgroup.0.join("cgroup.procs").display().to_string();
    let script = format!(
        "mount --bind {passwd} /etc/passwd; mount --bind {group} /etc/group; echo $$ > {procs}; \
         setpriv --reuid=4242 --regid=4343 --clear-groups /bin/sleep 91; :"
    );
    let shell = Shell::start(&format!("unshare -m sh -c '{script}'"));
    let mut named = None;
    live.until("the sleeper in its container", |seen| {
        let asleep = is_exec_of(seen.event, b"/bin/sleep") && args(seen) == b"91";
        if asleep {
            let user = seen.users.user(4242).cloned();
            let group = seen.users.group(4343).map(str::to_owned);
            named = Some((user, group, seen.logins.user(4242).is_some()));
        }
        asleep
    });
    let (user, group, on_host) = named.unwrap();
    let user = user.expect("the container's file names it");
    assert_eq!((&*user.name, &*user.home), ("inmate", "/cell"));
    assert_eq!(group.as_deref(), Some("gang"));
    assert!(!on_host);
    drop(shell);
}
