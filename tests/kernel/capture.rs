//! The capture on this very kernel: children act, their records are decoded and
//! compared with what the test knows they did.
//!
//! The sensor leaves its own process out, so every act is a child's. Other
//! processes of the machine act meanwhile too; a test looks at its children's
//! events alone, told by their pid.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener},
    os::{
        fd::AsRawFd,
        linux::net::SocketAddrExt,
        unix::{
            fs::MetadataExt,
            net::{self as unix, UnixListener},
        },
    },
    process::{Child, Command},
};

use sensor::{
    capture::{Capture, Counters, Kind, KindSet, Options},
    decode::{
        self, Abi, Body, Comm, Connect, Event, Exec, ExecCall, Exit, Fork, ForkCall, Open,
        OpenCall, Peers,
    },
};

use sensor_ebpf::call::CallSet;

use crate::acts;

/// What a capture gave: every record, and the counters after the last one.
pub(crate) struct Recording {
    pub(crate) records: Vec<Vec<u8>>,
    pub(crate) counters: Counters,
}

impl Recording {
    /// Captures while `act` runs; stops before reading, so that all there is has been read.
    pub(crate) fn of<T>(options: &Options, act: impl FnOnce(&mut Capture) -> T) -> (Self, T) {
        let mut capture =
            Capture::start(options).expect("kernel tests need root and a kernel with BTF");
        let made = act(&mut capture);
        capture.detach();
        let mut records = Vec::new();
        capture.drain(usize::MAX, &mut |record| records.push(record.to_vec()));
        let counters = capture.counters().expect("counters can be read");
        (Self { records, counters }, made)
    }

    /// Every event, in kernel order.
    pub(crate) fn all(&self) -> impl Iterator<Item = Event<'_>> {
        self.records
            .iter()
            .map(|record| decode::decode(record, 0).expect("the kernel's records are sound"))
    }

    /// The events of one process.
    pub(crate) fn events(&self, pid: u32) -> impl Iterator<Item = Event<'_>> {
        self.all().filter(move |event| event.task.pid == pid)
    }

    fn execs(&self, pid: u32) -> Vec<(Event<'_>, Exec<'_>)> {
        self.events(pid)
            .filter_map(|event| match event.body.clone() {
                Body::Exec(exec) => Some((event, exec)),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn forks(&self, pid: u32) -> Vec<Fork<'_>> {
        self.events(pid)
            .filter_map(|event| match event.body {
                Body::Fork(fork) => Some(fork),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn opens(&self, pid: u32) -> Vec<Open<'_>> {
        self.events(pid)
            .filter_map(|event| match event.body {
                Body::Open(open) => Some(open),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn connects(&self, pid: u32) -> Vec<Connect<'_>> {
        self.events(pid)
            .filter_map(|event| match event.body {
                Body::Connect(connect) => Some(connect),
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
            .unwrap_or_else(|| panic!("{pid} ended: {:?}", self.counters.kind(Kind::Exit)))
    }
}

/// Runs a command to its end and gives its pid.
pub(crate) fn run(command: &mut Command) -> u32 {
    let mut child: Child = command.spawn().expect("the command starts");
    let pid = child.id();
    child.wait().expect("the command ends");
    pid
}

pub(crate) fn shell(script: &str) -> u32 {
    run(Command::new("/bin/sh").args(["-c", script]))
}

#[test]
fn an_exec_tells_who_what_and_where() {
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
    assert_eq!(exec.ids.sid, own_session());
}

/// The session this test runs in, as /proc tells it: 0 where whoever started
/// the machine's first process made none, which `getsid` cannot express.
fn own_session() -> u32 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, after_name) = stat.rsplit_once(')').unwrap();
    let session = after_name.split_whitespace().nth(3).unwrap();
    session.parse().unwrap()
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

#[test]
fn a_failed_exec_tells_why_and_what_was_asked() {
    let (recording, ()) = Recording::of(&Options::default(), |_| {
        shell("exec /nonexistent/tool 2>/dev/null");
    });
    let failed: Vec<_> = recording
        .all()
        .filter_map(|event| match event.body {
            Body::Exec(exec) if exec.filename == b"/nonexistent/tool" => Some(exec),
            _ => None,
        })
        .collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].result, -i64::from(libc::ENOENT));
    assert_eq!((failed[0].ids.uid, failed[0].exe_path), (0, &b""[..]));
}

#[test]
fn a_script_is_named_as_given_and_run_by_its_interpreter() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("script");
    std::fs::write(&script, "#!/bin/sh\nexit 0\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (recording, pid) = Recording::of(&Options::default(), |_| run(&mut Command::new(&script)));
    let (_, exec) = recording.execs(pid).remove(0);
    let shell = std::fs::canonicalize("/bin/sh").unwrap();
    assert_eq!(exec.filename, script.as_os_str().as_encoded_bytes());
    assert_eq!(exec.exe_path, shell.as_os_str().as_encoded_bytes());
}

#[test]
fn a_memfd_is_told_from_a_file() {
    let memfd = rustix::fs::memfd_create("hidden", rustix::fs::MemfdFlags::empty()).unwrap();
    let mut file = std::fs::File::from(memfd);
    std::io::copy(&mut std::fs::File::open("/bin/true").unwrap(), &mut file).unwrap();
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let (recording, pid) = Recording::of(&Options::default(), |_| run(&mut Command::new(&path)));
    let (_, exec) = recording.execs(pid).remove(0);
    assert!(exec.exe.memfd);
    assert_eq!(exec.exe_path, b"/memfd:hidden");
    assert_eq!(exec.filename, path.as_bytes());
}

#[test]
fn arguments_are_cut_at_4_kib() {
    let long = "x".repeat(5000);
    let (recording, pid) = Recording::of(&Options::default(), |_| {
        run(Command::new("/bin/true").arg(&long))
    });
    let (_, exec) = recording.execs(pid).remove(0);
    assert_eq!(exec.argv.len(), 4096);
    assert_eq!(&exec.argv[..12], b"/bin/true\0xx");
}

#[test]
fn a_deep_working_directory_is_told_in_full() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir
        .path()
        .join("one-more-level/".repeat(40).trim_end_matches('/'));
    std::fs::create_dir_all(&deep).unwrap();
    let (recording, pid) = Recording::of(&Options::default(), |_| {
        run(Command::new("/bin/true").current_dir(&deep))
    });
    let (_, exec) = recording.execs(pid).remove(0);
    let deep = std::fs::canonicalize(&deep).unwrap();
    assert_eq!(exec.cwd, deep.as_os_str().as_encoded_bytes());
}

#[test]
fn an_exec_from_a_thread_keeps_the_process() {
    let (recording, (pid, _)) =
        Recording::of(&Options::default(), |_| acts::act("exec from a thread", ""));
    let execs = recording.execs(pid);
    let [(first, _), (second, exec)] = execs.as_slice() else {
        panic!("the child and what it became: {execs:?}");
    };
    assert_eq!(exec.filename, b"/bin/true");
    assert_eq!(second.task.tid, pid);
    assert_eq!(second.task.start_boot_ns, first.task.start_boot_ns);
}

#[test]
fn execveat_by_descriptor_is_told_from_execve() {
    let (recording, (pid, _)) = Recording::of(&Options::default(), |_| acts::act("execveat", ""));
    let (_, exec) = recording.execs(pid).remove(1);
    assert_eq!(exec.call, ExecCall::Execveat);
    assert!(exec.filename.starts_with(b"/dev/fd/"));
}

#[test]
fn each_fork_call_is_told_with_its_child() {
    let (recording, (pid, output)) = Recording::of(&Options::default(), |_| acts::act("forks", ""));
    let forks = recording.forks(pid);
    let calls: Vec<_> = forks.iter().map(|fork| fork.call).collect();
    assert_eq!(calls, [ForkCall::Fork, ForkCall::Clone, ForkCall::Clone3]);
    for fork in &forks {
        assert!(
            output.contains(&format!("child {}", fork.child_pid)),
            "{output}"
        );
        assert_eq!((fork.child_ppid, fork.ids.vpid), (pid, fork.child_pid));
        assert_eq!(recording.exit(fork.child_pid).code(), 5);
        let end = recording.events(fork.child_pid).next().unwrap();
        assert_eq!(end.task.start_boot_ns, fork.child_start_boot_ns);
    }
}

#[test]
fn a_32_bit_call_number_is_never_taken_for_another_call() {
    let (recording, (pid, output)) =
        Recording::of(&Options::default(), |_| acts::act("32-bit calls", ""));
    let forks = recording.forks(pid);
    assert_eq!(forks.len(), 1, "{forks:?}");
    assert_eq!(forks[0].call, ForkCall::Fork);
    assert!(output.contains(&format!("child {}", forks[0].child_pid)));
    let opens = recording.opens(pid);
    assert!(opens.iter().all(|open| !open.name.is_empty()), "{opens:?}");
}

#[test]
fn a_successful_exec_tells_how_it_was_called() {
    let (recording, pids) = Recording::of(&Options::default(), |_| {
        let (narrow, _) = acts::act("32-bit exec", "");
        [narrow, shell("exec /bin/true")]
    });
    for (pid, abi) in pids.into_iter().zip([Abi::I386, Abi::X86_64]) {
        let execs = recording.execs(pid);
        let (event, _) = execs
            .iter()
            .find(|(_, exec)| exec.filename == b"/bin/true")
            .unwrap();
        assert_eq!(event.task.abi, abi);
        // The one before was this test's own call.
        assert_eq!(execs[0].0.task.abi, Abi::X86_64);
    }
}

#[test]
fn an_open_tells_the_name_given_and_the_file_found() {
    let dir = tempfile::tempdir().unwrap();
    let dir = std::fs::canonicalize(dir.path()).unwrap();
    std::fs::create_dir_all(&dir).unwrap();
    let (recording, (pid, _)) = Recording::of(&Options::default(), |_| {
        acts::act("opens", dir.to_str().unwrap())
    });
    let root = dir.to_str().unwrap();
    let at = |name: &str| format!("{root}/{name}").into_bytes();
    let opens = recording.opens(pid);
    let find = |call: OpenCall, name: &[u8]| {
        let mut found = opens.iter().filter(|o| o.call == call && o.name == name);
        found
            .next()
            .unwrap_or_else(|| panic!("no {call:?} {name:?} in {opens:?}"))
    };

    let made = find(OpenCall::Openat, b"made");
    let meta = std::fs::metadata(dir.join("made")).unwrap();
    assert_eq!((made.base, made.dirfd), (root.as_bytes(), -100));
    assert_eq!(made.real_path, at("made"));
    assert!(made.result >= 0 && made.file.created);
    assert_eq!((made.mode, made.file.ino), (0o640, meta.ino()));
    assert_eq!(u32::from(made.file.mode), meta.mode());
    let device = libc::major(meta.dev()) << 20 | libc::minor(meta.dev());
    assert_eq!(made.file.dev, device);
    assert_eq!(made.flags & 0o101, 0o101);

    let link = find(OpenCall::Openat, b"link");
    assert_eq!(
        (link.base, link.real_path),
        (&at("sub")[..], &at("made")[..])
    );
    assert!(!link.file.created);

    let refused = find(OpenCall::Openat2, b"link");
    assert_eq!(refused.result, -i64::from(libc::ELOOP));
    assert_eq!((refused.resolve, refused.base), (4, &at("sub")[..]));

    let open = find(OpenCall::Open, &at("made"));
    assert_eq!((open.base, open.real_path), (&b""[..], &at("made")[..]));

    let created = find(OpenCall::Creat, &at("new"));
    assert_eq!((created.flags, created.mode), (0o1101, 0o600));
    assert!(created.file.created);

    let missing = find(OpenCall::Open, &at("missing"));
    assert_eq!(
        (missing.result, missing.real_path),
        (-i64::from(libc::ENOENT), &b""[..])
    );
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_connect_tells_both_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let name = format!("sensor-test-{}", std::process::id());
    let on = |address: &str| TcpListener::bind((address, 0)).unwrap();
    let (ipv4, ipv6, refusing) = (on("127.0.0.1"), on("::1"), on("127.0.0.1"));
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let (port4, port6, refused) = (port(&ipv4), port(&ipv6), port(&refusing));
    drop(refusing);
    let _unix = UnixListener::bind(&path).unwrap();
    let address = unix::SocketAddr::from_abstract_name(&name).unwrap();
    let _abstract = UnixListener::bind_addr(&address).unwrap();
    let path = path.to_str().unwrap();
    let argument = format!("{port4} {port6} {refused} {path} {name}");
    let (recording, (pid, _)) =
        Recording::of(&Options::default(), |_| acts::act("connects", &argument));

    let connects = recording.connects(pid);
    let [
        tcp4,
        tcp6,
        refused_one,
        pending,
        udp,
        unix_path,
        unix_abstract,
    ] = connects.as_slice()
    else {
        panic!("seven connects expected: {connects:?}");
    };
    let end = |address: SocketAddr| (address.ip(), address.port());
    let (_, client) = ipv4.accept().unwrap();
    assert_eq!((tcp4.result, tcp4.protocol, tcp4.socket_type), (0, 6, 1));
    let remote = (IpAddr::from([127, 0, 0, 1]), port4);
    assert_eq!(
        tcp4.peers,
        Peers::Ip {
            local: Some(end(client)),
            remote
        }
    );
    let (_, client) = ipv6.accept().unwrap();
    let remote6 = (IpAddr::V6(Ipv6Addr::LOCALHOST), port6);
    assert_eq!(
        tcp6.peers,
        Peers::Ip {
            local: Some(end(client)),
            remote: remote6
        }
    );

    assert_eq!(refused_one.result, -i64::from(libc::ECONNREFUSED));
    let Peers::Ip { remote: asked, .. } = refused_one.peers else {
        panic!("{refused_one:?}")
    };
    assert_eq!(asked, (IpAddr::from([127, 0, 0, 1]), refused));
    assert_eq!(pending.result, -i64::from(libc::EINPROGRESS));
    let (_, client) = ipv4.accept().unwrap();
    assert_eq!(
        pending.peers,
        Peers::Ip {
            local: Some(end(client)),
            remote
        }
    );

    assert_eq!((udp.result, udp.protocol, udp.socket_type), (0, 17, 2));
    let Peers::Ip { remote: mapped, .. } = udp.peers else {
        panic!("{udp:?}")
    };
    assert_eq!(mapped, (IpAddr::from([127, 0, 0, 1]), 9));

    for (connect, name) in [
        (unix_path, path.to_owned()),
        (unix_abstract, format!("@{name}")),
    ] {
        let Peers::Unix { path, source, peer } = connect.peers else {
            panic!("{connect:?}")
        };
        assert_eq!(String::from_utf8_lossy(path), name);
        assert!(connect.result == 0 && source != 0 && peer != 0);
    }
}

#[test]
fn a_process_of_many_threads_ends_once() {
    let (recording, (pid, _)) = Recording::of(&Options::default(), |_| {
        acts::act("threads ending at once", "")
    });
    let exits = recording
        .events(pid)
        .filter(|event| matches!(event.body, Body::Exit(_)));
    assert_eq!(exits.count(), 1);
}

/// Something mounted or made for a test, undone at its end.
struct Undo<F: FnMut()>(F);

impl<F: FnMut()> Drop for Undo<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn an_overlay_tells_the_layer_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    // The upper layer cannot itself be on an overlayfs, as it would be in a container.
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("tmpfs", dir.path(), "tmpfs", flags, None).unwrap();
    let detach = rustix::mount::UnmountFlags::DETACH;
    let _tmpfs = Undo(|| rustix::mount::unmount(dir.path(), detach).unwrap());
    for name in ["lower", "upper", "work", "merged"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    std::fs::copy("/bin/true", at("lower/below")).unwrap();
    let root = dir.path().display();
    let layers = format!("lowerdir={root}/lower,upperdir={root}/upper,workdir={root}/work");
    let layers = std::ffi::CString::new(layers).unwrap();
    let merged = at("merged");
    rustix::mount::mount(
        "overlay",
        &merged,
        "overlay",
        flags,
        Some(layers.as_c_str()),
    )
    .unwrap();
    let _overlay = Undo(|| rustix::mount::unmount(&merged, detach).unwrap());
    std::fs::copy("/bin/true", at("merged/above")).unwrap();

    let (recording, pids) = Recording::of(&Options::default(), |_| {
        ["below", "above"].map(|name| run(&mut Command::new(merged.join(name))))
    });
    let layers = pids.map(|pid| {
        let (_, exec) = recording.execs(pid).remove(0);
        (exec.exe.lower_layer, exec.exe.upper_layer)
    });
    assert_eq!(layers, [(true, false), (false, true)]);
    let shell = recording.execs(pids[0]).remove(0).1;
    assert_eq!(
        shell.exe_path,
        merged.join("below").as_os_str().as_encoded_bytes()
    );
}

#[test]
fn cgroups_of_both_hierarchies_are_named() {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let mounted = |wanted: fn(&[&str]) -> bool| {
        mounts.lines().find_map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            wanted(&words).then(|| words[1].to_owned())
        })
    };
    let v2 = mounted(|words| words[2] == "cgroup2");
    let v1 = mounted(|words| words[2] == "cgroup" && words[3].split(',').any(|o| o == "pids"));
    let name = format!("sensor-test-{}", std::process::id());
    let roots: Vec<String> = [&v2, &v1].into_iter().flatten().cloned().collect();
    let made: Vec<String> = roots.iter().map(|root| format!("{root}/{name}")).collect();
    for dir in &made {
        std::fs::create_dir(dir).unwrap();
    }
    let _made = Undo(|| {
        for dir in &made {
            std::fs::remove_dir(dir).unwrap();
        }
    });
    let ino = v2
        .is_some()
        .then(|| std::fs::metadata(&made[0]).unwrap().ino());

    let moves: Vec<String> = made
        .iter()
        .map(|dir| format!("echo $$ > {dir}/cgroup.procs"))
        .collect();
    let shown = tempfile::NamedTempFile::new().unwrap();
    let script = format!(
        "{}; cat /proc/$$/cgroup > {}; exec true",
        moves.join("; "),
        shown.path().display()
    );
    let (recording, pid) = Recording::of(&Options::default(), |_| shell(&script));
    let (event, exec) = recording.execs(pid).remove(1);
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    if let Some(ino) = ino {
        assert_eq!(
            (text(exec.place.cgroup), event.task.cgroup_id),
            (format!("/{name}"), ino)
        );
    }
    if v1.is_some() {
        let shown = std::fs::read_to_string(shown.path()).unwrap();
        let paths = text(exec.place.cgroup_v1);
        let mut told: Vec<&str> = paths.split_terminator('\0').collect();
        let mut there: Vec<&str> = shown
            .lines()
            .filter(|line| !line.starts_with("0:"))
            .filter_map(|line| line.splitn(3, ':').nth(2).filter(|path| *path != "/"))
            .collect();
        told.sort_unstable();
        there.sort_unstable();
        there.dedup();
        assert_eq!(told, there, "{shown}");
    }
}

#[test]
fn the_sensor_itself_is_left_out_and_counted() {
    let (recording, ()) = Recording::of(&Options::default(), |_| {
        for _ in 0..10 {
            drop(std::fs::File::open("/dev/null").unwrap());
        }
    });
    assert_eq!(recording.events(std::process::id()).count(), 0);
    assert!(recording.counters.kind(Kind::Open).filtered_own >= 10);
}

#[test]
fn kinds_come_and_go_while_the_capture_runs() {
    let options = Options {
        kinds: KindSet::PROCESS,
        ..Options::default()
    };
    let (recording, (before, with, after)) = Recording::of(&options, |capture| {
        let before = acts::act("many opens", "1").0;
        capture.set_wanted(KindSet::ALL, CallSet::EMPTY).unwrap();
        let with = acts::act("many opens", "1").0;
        capture
            .set_wanted(KindSet::PROCESS, CallSet::EMPTY)
            .unwrap();
        (before, with, acts::act("many opens", "1").0)
    });
    let null = |pid| {
        recording
            .opens(pid)
            .iter()
            .filter(|o| o.name == b"/dev/null")
            .count()
    };
    assert_eq!((null(before), null(after)), (0, 0));
    assert!(null(with) >= 1);
    assert_eq!(recording.execs(after).len(), 1);
}

#[test]
fn a_storm_on_a_small_ring_loses_records_and_counts_each() {
    const OPENS: u64 = 20_000;
    let options = Options {
        ring_bytes: 64 * 1024,
        ..Options::default()
    };
    let (recording, _) = Recording::of(&options, |_| acts::act("many opens", &OPENS.to_string()));
    let counters = recording.counters.kind(Kind::Open);
    let kept = recording
        .records
        .iter()
        .filter(|r| decode::kind(r) == Ok(Kind::Open))
        .count();
    assert!(
        counters.seen >= OPENS && counters.lost_ring > 0,
        "{counters:?}"
    );
    assert!(counters.adds_up(), "{counters:?}");
    assert_eq!(counters.submitted, kept as u64);
}
