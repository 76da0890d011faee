//! The capture on this very kernel: children act, their records are decoded and
//! compared with what the test knows they did.
//!
//! The sensor leaves its own process out, so every act is a child's. Other
//! processes of the machine act meanwhile too; a test looks at its children's
//! events alone, told by their pid.

use std::process::{Child, Command};

use sensor::{
    capture::{Capture, Counters, Kind, Options},
    decode::{self, Body, Comm, Event, Exec, Exit},
};

/// What a capture gave: every record, and the counters after the last one.
struct Recording {
    records: Vec<Vec<u8>>,
    counters: Counters,
}

impl Recording {
    /// Captures while `act` runs; stops before reading, so that all there is has been read.
    fn of<T>(options: &Options, act: impl FnOnce(&mut Capture) -> T) -> (Self, T) {
        let mut capture =
            Capture::start(options).expect("kernel tests need root and a kernel with BTF");
        let made = act(&mut capture);
        capture.detach();
        let mut records = Vec::new();
        capture.drain(usize::MAX, &mut |record| records.push(record.to_vec()));
        let counters = capture.counters().expect("counters can be read");
        (Self { records, counters }, made)
    }

    /// The events of one process, in kernel order.
    fn events(&self, pid: u32) -> impl Iterator<Item = Event<'_>> {
        self.records
            .iter()
            .map(|record| decode::decode(record, 0).expect("the kernel's records are sound"))
            .filter(move |event| event.task.pid == pid)
    }

    fn execs(&self, pid: u32) -> Vec<(Event<'_>, Exec<'_>)> {
        self.events(pid)
            .filter_map(|event| match event.body.clone() {
                Body::Exec(exec) => Some((event, exec)),
                _ => None,
            })
            .collect()
    }

    fn exit(&self, pid: u32) -> Exit {
        self.events(pid)
            .find_map(|event| match event.body {
                Body::Exit(exit) => Some(exit),
                _ => None,
            })
            .expect("the process ended")
    }
}

/// Runs a command to its end and gives its pid.
fn run(command: &mut Command) -> u32 {
    let mut child: Child = command.spawn().expect("the command starts");
    let pid = child.id();
    child.wait().expect("the command ends");
    pid
}

fn shell(script: &str) -> u32 {
    run(Command::new("/bin/sh").args(["-c", script]))
}

#[test]
fn an_exec_tells_who_what_and_where() {
    let before = std::time::SystemTime::now();
    let (recording, pid) = Recording::of(&Options::default(), |_| {
        run(Command::new("/bin/true")
            .args(["one", "two three"])
            .env_clear()
            .env("COLOUR", "green")
            .current_dir("/usr/lib"))
    });
    let execs = recording.execs(pid);
    let [(event, exec)] = execs.as_slice() else {
        panic!("one exec expected: {execs:?}");
    };
    let real = std::fs::canonicalize("/bin/true").unwrap();
    let meta = std::fs::metadata(&real).unwrap();
    assert_eq!(exec.result, 0);
    assert_eq!(exec.filename, b"/bin/true");
    assert_eq!(exec.exe_path, real.as_os_str().as_encoded_bytes());
    assert_eq!(exec.cwd, b"/usr/lib");
    assert_eq!(exec.argv, b"/bin/true\0one\0two three\0");
    assert_eq!(exec.env, b"COLOUR=green\0");

    use std::os::unix::fs::MetadataExt;
    assert_eq!(exec.exe.ino, meta.ino());
    let ns = |seconds: i64, ns: i64| (seconds * 1_000_000_000 + ns).cast_unsigned();
    assert_eq!(exec.exe.ctime_ns, ns(meta.ctime(), meta.ctime_nsec()));
    assert_eq!(exec.exe.mtime_ns, ns(meta.mtime(), meta.mtime_nsec()));
    assert!(exec.exe.writable && !exec.exe.memfd);

    assert_eq!(event.task.comm, Comm::from(&b"true"[..]));
    assert_eq!(event.task.ppid, std::process::id());
    assert_eq!((event.task.uid, event.task.gid), (0, 0));
    assert_eq!(exec.ids.vpid, pid);
    assert_eq!(
        exec.ids.pgid,
        rustix::process::getpgrp().as_raw_pid().cast_unsigned()
    );
    assert_eq!(
        exec.ids.sid,
        rustix::process::getsid(None)
            .unwrap()
            .as_raw_pid()
            .cast_unsigned()
    );
    assert!(before.elapsed().is_ok());
}

#[test]
fn ids_namespaces_and_cgroups_are_those_proc_shows() {
    let (recording, pid) =
        Recording::of(&Options::default(), |_| run(&mut Command::new("/bin/true")));
    let (_, exec) = recording.execs(pid).remove(0);
    let inode = |name: &str| -> u32 {
        let link = std::fs::read_link(format!("/proc/self/ns/{name}")).unwrap();
        let text = link.to_string_lossy().into_owned();
        let number = text.split(['[', ']']).nth(1).unwrap();
        number.parse().unwrap()
    };
    let ns = exec.place.ns;
    assert_eq!(
        [ns.mnt, ns.pid, ns.net, ns.user, ns.uts, ns.ipc, ns.cgroup],
        ["mnt", "pid", "net", "user", "uts", "ipc", "cgroup"].map(inode)
    );
    let cgroups = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    if let Some(v2) = cgroups.lines().find_map(|line| line.strip_prefix("0::")) {
        assert_eq!(String::from_utf8_lossy(exec.place.cgroup), v2);
    }
    let loginuid = std::fs::read_to_string("/proc/self/loginuid").unwrap();
    assert_eq!(exec.loginuid, loginuid.trim().parse::<u32>().unwrap());
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let set = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    assert_eq!(exec.caps.permitted, set("CapPrm:"));
    assert_eq!(exec.caps.effective, set("CapEff:"));
    assert_eq!(exec.caps.bounding, set("CapBnd:"));
}

#[test]
fn an_exit_tells_code_or_signal() {
    let (recording, (exited, killed)) = Recording::of(&Options::default(), |_| {
        (shell("exit 7"), shell("kill -KILL $$"))
    });
    assert_eq!(
        (
            recording.exit(exited).code(),
            recording.exit(exited).signal()
        ),
        (7, 0)
    );
    assert_eq!(
        (
            recording.exit(killed).code(),
            recording.exit(killed).signal()
        ),
        (0, 9)
    );
}

#[test]
fn the_account_adds_up_to_the_last_event() {
    let (recording, ()) = Recording::of(&Options::default(), |_| {
        for _ in 0..50 {
            run(&mut Command::new("/bin/true"));
        }
    });
    let mut submitted = 0;
    for (kind, counters) in recording.counters.iter() {
        assert!(counters.adds_up(), "{}: {counters:?}", kind.name());
        submitted += counters.submitted;
    }
    assert!(recording.counters.kind(Kind::Exec).submitted >= 50);
    assert_eq!(submitted, recording.records.len() as u64);
}
