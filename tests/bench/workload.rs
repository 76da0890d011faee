//! Records as the kernel writes them, of a machine that builds software, serves
//! web pages, runs a container and has people at its shells; or what this
//! machine really does for a moment.
//!
//! Made-up records are always the same for the same number.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sensor::capture::{Capture, Options};
use sensor::decode;
use sensor::enrich::State;
use sensor::enrich::learned::Learned;
use sensor::recording::{self, Reader};
use sensor_ebpf::{Header, Kind, connect, exec, exit, fork, open};
use zerocopy::{FromZeros as _, IntoBytes as _};

/// What happened, in kernel order.
pub(crate) struct Workload {
    pub(crate) items: Vec<Item>,
    /// Number of records among them.
    pub(crate) records: usize,
    pub(crate) name: String,
}

/// A record, or what was learned between two of them.
pub(crate) enum Item {
    Record(Vec<u8>),
    Learned(Learned),
}

impl Workload {
    fn new(items: Vec<Item>, name: String) -> Self {
        let records = items.iter().filter(|item| matches!(item, Item::Record(_)));
        Self {
            records: records.count(),
            items,
            name,
        }
    }
}

/// What was recorded with `sensor record`.
pub(crate) fn recorded(path: &Path) -> Result<Workload> {
    let mut reader = Reader::open(path)?;
    let mut items = Vec::new();
    while let Some(item) = reader.next()? {
        items.push(match item {
            recording::Item::Record(record) => Item::Record(record.to_vec()),
            recording::Item::Learned(learned) => Item::Learned(learned),
            recording::Item::Missing(_) => continue,
        });
    }
    Ok(Workload::new(
        items,
        format!("recorded in {}", path.display()),
    ))
}

const HEADERS: [&str; 10] = [
    "/usr/include/stdio.h",
    "/usr/include/x86_64-linux-gnu/bits/types.h",
    "/usr/include/x86_64-linux-gnu/sys/cdefs.h",
    "/usr/include/linux/limits.h",
    "/usr/lib/gcc/x86_64-linux-gnu/12/include/stddef.h",
    "/usr/include/stdlib.h",
    "/usr/include/features.h",
    "/usr/include/string.h",
    "/usr/include/unistd.h",
    "/usr/include/x86_64-linux-gnu/gnu/stubs.h",
];
const LIBRARIES: [&str; 5] = [
    "/etc/ld.so.cache",
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/x86_64-linux-gnu/libm.so.6",
    "/lib/x86_64-linux-gnu/libz.so.1",
    "/usr/lib/locale/locale-archive",
];
const ENV: &[u8] = b"PATH=/usr/local/bin:/usr/bin:/bin\0HOME=/home/dev\0LANG=C.UTF-8\0SHELL=/bin/bash\0TERM=xterm-256color\0USER=dev\0PWD=/work/project\0";
const CONTAINER: &[u8] =
    b"/docker/7c0f7e3f6a5dbb7a7c0f7e3f6a5dbb7a7c0f7e3f6a5dbb7a7c0f7e3f6a5dbb7a";

/// A process of the made-up machine.
#[derive(Clone, Copy)]
struct Process {
    pid: u32,
    ppid: u32,
    start_boot_ns: u64,
    uid: u32,
    contained: bool,
    comm: [u8; 16],
}

struct Maker {
    records: Vec<Vec<u8>>,
    now_ns: u64,
    last_pid: u32,
}

fn comm(name: &str) -> [u8; 16] {
    let mut comm = [0; 16];
    comm.iter_mut()
        .zip(name.bytes().take(15))
        .for_each(|(to, from)| *to = from);
    comm
}

fn len(text: &[u8]) -> u16 {
    u16::try_from(text.len()).unwrap_or(u16::MAX)
}

impl Maker {
    fn header(&mut self, kind: Kind, process: &Process) -> Header {
        self.now_ns += 1_700;
        let mut header = Header::new_zeroed();
        header.time_ns = self.now_ns;
        header.kind = kind as u16;
        (header.tgid, header.tid, header.ppid) = (process.pid, process.pid, process.ppid);
        (header.euid, header.egid) = (process.uid, process.uid);
        header.start_boot_ns = process.start_boot_ns;
        header.cgroup_id = if process.contained { 77 } else { 5 };
        header.comm = process.comm;
        header
    }

    fn put(header: &mut Header, fixed: usize, texts: &[&[u8]]) -> Vec<u8> {
        let texts = texts.concat();
        header.len = u32::try_from(fixed + texts.len()).unwrap_or(u32::MAX);
        texts
    }

    fn fork(&mut self, parent: &Process) -> Process {
        self.last_pid += 1;
        let mut record = fork::Record::new_zeroed();
        record.header = self.header(Kind::Fork, parent);
        let child = Process {
            pid: self.last_pid,
            ppid: parent.pid,
            start_boot_ns: self.now_ns + 1,
            ..*parent
        };
        (record.child_tgid, record.child_ppid) = (child.pid, parent.pid);
        record.child_start_boot_ns = child.start_boot_ns;
        record.comm = child.comm;
        record.loginuid = 1000;
        record.ids.cred = [child.uid; 8];
        (record.ids.vpid, record.ids.sid, record.ids.vsid) = (child.pid, 300, 300);
        let cgroup = cgroup(&child);
        record.place.cgroup_len = len(cgroup);
        let mut header = record.header;
        let texts = Self::put(&mut header, size_of::<fork::Record>(), &[cgroup]);
        record.header = header;
        self.records.push([record.as_bytes(), &texts].concat());
        child
    }

    fn exec(&mut self, process: &mut Process, path: &str, argv: &str) {
        let name = path.rsplit('/').next().unwrap_or(path);
        process.comm = comm(name);
        let argv = argv.replace(' ', "\0") + "\0";
        let mut record = exec::Record::new_zeroed();
        record.header = self.header(Kind::Exec, process);
        record.ids.cred = [process.uid; 8];
        (record.ids.vpid, record.ids.sid, record.ids.vsid) = (process.pid, 300, 300);
        record.loginuid = 1000;
        (record.exe_ino, record.exe_ctime_ns) = (4711, 1);
        let cgroup = cgroup(process);
        let texts = [
            path.as_bytes(),
            path.as_bytes(),
            b"/work/project",
            argv.as_bytes(),
            ENV,
            cgroup,
        ];
        [
            record.filename_len,
            record.exe_path_len,
            record.cwd_len,
            record.argv_len,
            record.env_len,
            record.place.cgroup_len,
        ] = texts.map(len);
        let mut header = record.header;
        let texts = Self::put(&mut header, size_of::<exec::Record>(), &texts);
        record.header = header;
        self.records.push([record.as_bytes(), &texts].concat());
    }

    fn start(&mut self, parent: &Process, path: &str, argv: &str) -> Process {
        let mut child = self.fork(parent);
        self.exec(&mut child, path, argv);
        for library in LIBRARIES {
            self.open(&child, library, 3, 0);
        }
        child
    }

    fn exit(&mut self, process: &Process) {
        let mut record = exit::Record::new_zeroed();
        record.header = self.header(Kind::Exit, process);
        record.header.len = u32::try_from(size_of::<exit::Record>()).unwrap_or(u32::MAX);
        record.reaper_tgid = 1;
        self.records.push(record.as_bytes().to_vec());
    }

    fn open(&mut self, process: &Process, name: &str, result: i64, flags: u64) {
        let mut record = open::Record::new_zeroed();
        record.header = self.header(Kind::Open, process);
        (record.result, record.flags, record.dirfd) = (result, flags, -100);
        (record.call, record.file_mode, record.ino) = (open::CALL_OPENAT, 0o100_644, 99);
        let base: &[u8] = if name.starts_with('/') {
            b""
        } else {
            b"/work/project"
        };
        let real = if result >= 0 { name.as_bytes() } else { b"" };
        let texts = [name.as_bytes(), base, real];
        [record.name_len, record.base_len, record.real_path_len] = texts.map(len);
        let mut header = record.header;
        let texts = Self::put(&mut header, size_of::<open::Record>(), &texts);
        record.header = header;
        self.records.push([record.as_bytes(), &texts].concat());
    }

    fn connect(&mut self, process: &Process, remote: [u8; 4], port: u16) {
        let mut record = connect::Record::new_zeroed();
        record.header = self.header(Kind::Connect, process);
        record.header.len = u32::try_from(size_of::<connect::Record>()).unwrap_or(u32::MAX);
        (
            record.family,
            record.socket_type,
            record.protocol,
            record.fd,
        ) = (2, 1, 6, 7);
        record.remote[..4].copy_from_slice(&remote);
        record.local[..4].copy_from_slice(&[10, 0, 0, 5]);
        (record.remote_port, record.local_port) = (port, 41_000);
        self.records.push(record.as_bytes().to_vec());
    }
}

fn cgroup(process: &Process) -> &'static [u8] {
    if process.contained {
        CONTAINER
    } else {
        b"/user.slice/user-1000.slice/session-3.scope"
    }
}

/// Made-up records, about that many.
pub(crate) fn made(count: usize) -> Workload {
    let mut maker = Maker {
        records: Vec::new(),
        now_ns: 50_000_000_000,
        last_pid: 1,
    };
    let init = Process {
        pid: 1,
        ppid: 0,
        start_boot_ns: 1,
        uid: 0,
        contained: false,
        comm: comm("systemd"),
    };
    let sshd = maker.start(&init, "/usr/sbin/sshd", "sshd: /usr/sbin/sshd -D");
    let session = maker.start(&sshd, "/usr/sbin/sshd", "sshd: dev [priv]");
    let shell = maker.start(&session, "/usr/bin/bash", "-bash");
    let shell = Process { uid: 1000, ..shell };
    let nginx = maker.start(&init, "/usr/sbin/nginx", "nginx: master process");
    let worker = Process {
        uid: 33,
        ..maker.fork(&nginx)
    };
    let shim = maker.start(
        &init,
        "/usr/bin/containerd-shim-runc-v2",
        "containerd-shim -id x",
    );
    let contained = Process {
        contained: true,
        ..shim
    };
    let node = maker.start(&contained, "/usr/bin/node", "node server.js");
    let mut round = 0;
    while maker.records.len() < count {
        round += 1;
        let make = maker.start(&shell, "/usr/bin/make", "make -j2");
        for unit in 0..8 {
            compile(&mut maker, &make, round * 8 + unit);
        }
        maker.exit(&make);
        serve(&mut maker, &worker, &node, round);
        look_around(&mut maker, &shell, round);
    }
    let items = maker.records.into_iter().map(Item::Record).collect();
    Workload::new(
        items,
        "made up: a build, a web server, a container, a shell".into(),
    )
}

fn compile(maker: &mut Maker, make: &Process, unit: usize) {
    let sh = maker.start(make, "/usr/bin/dash", "sh -c cc");
    let cc = maker.start(
        &sh,
        "/usr/bin/x86_64-linux-gnu-gcc-12",
        "cc -O2 -c -o unit.o unit.c",
    );
    let cc1 = maker.start(
        &cc,
        "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
        "cc1 -quiet unit.c -O2",
    );
    for (at, header) in HEADERS.iter().cycle().take(60).enumerate() {
        if at % 3 == 0 {
            maker.open(&cc1, &format!("include/part{at}/missing.h"), -2, 0);
        }
        maker.open(&cc1, header, 4, 0);
    }
    maker.open(&cc1, &format!("/tmp/cc{unit:06}.s"), 5, 0o1101);
    maker.exit(&cc1);
    let assembler = maker.start(
        &cc,
        "/usr/bin/x86_64-linux-gnu-as",
        "as -o unit.o /tmp/cc.s",
    );
    maker.open(&assembler, &format!("build/unit{unit}.o"), 3, 0o1102);
    maker.exit(&assembler);
    maker.exit(&cc);
    maker.exit(&sh);
}

fn serve(maker: &mut Maker, worker: &Process, node: &Process, round: usize) {
    for request in 0..60_u8 {
        maker.open(
            worker,
            &format!("/var/www/html/assets/app.{round}.{request}.js"),
            9,
            0,
        );
        maker.connect(worker, [10, 0, 0, request], 8080);
        maker.open(
            node,
            &format!("/app/node_modules/lib{request}/index.js"),
            20,
            0,
        );
        if request % 4 == 0 {
            maker.connect(node, [93, 184, 215, 14], 443);
        }
    }
}

fn look_around(maker: &mut Maker, shell: &Process, round: usize) {
    for (path, argv) in [
        ("/usr/bin/ls", "ls -la --color=auto /work/project"),
        ("/usr/bin/git", "git status --short"),
        ("/usr/bin/grep", "grep -rn main src"),
        ("/usr/bin/cat", "cat README.md"),
    ] {
        let child = maker.start(shell, path, argv);
        for file in 0..10 {
            maker.open(
                &child,
                &format!("src/module{}/file{file}.c", round % 30),
                3,
                0,
            );
        }
        maker.exit(&child);
    }
}

/// What this machine does while a shell looks around on it and compresses
/// what it finds.
pub(crate) fn live() -> Result<Workload> {
    const ACTS: &str = "
        for i in $(seq 40); do
            ls -la /usr/bin > /dev/null; cat /etc/hostname /etc/passwd > /dev/null
            find /usr/include /etc -name '*.h' -newer /etc/hostname > /dev/null 2>&1
            grep -rs needle-$i /etc > /dev/null
            sh -c 'id; uname -a; date; env | sort | wc -l' > /dev/null
        done; true";
    let mut capture = Capture::start(&Options {
        ring_bytes: 64 << 20,
        ..Options::default()
    })
    .context("cannot record what this machine does")?;
    let mut state = State::new(sensor::enrich::Options::default());
    state.keep_journal();
    // Without /proc, processes become known as they act.
    let _ = state.seed();
    let mut items = Vec::new();
    let mut take = |record: &[u8]| {
        if let Ok(event) = decode::decode(record, state.host().boot_time_ns) {
            state.apply(&event);
            items.extend(state.learned().map(Item::Learned));
            items.push(Item::Record(record.to_vec()));
        }
    };
    let mut child = Command::new("sh")
        .args(["-c", ACTS])
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start sh")?;
    let begun = Instant::now();
    while child.try_wait()?.is_none() && begun.elapsed() < Duration::from_mins(1) {
        capture.poll(Duration::from_millis(20))?;
        while capture.drain(65_536, &mut take) > 0 {}
    }
    capture.detach();
    while capture.drain(65_536, &mut take) > 0 {}
    let _ = child.wait();
    ensure!(
        !items.is_empty(),
        "nothing happened while this machine was recorded"
    );
    let name = "recorded on this machine: find, grep, cat, ls under a shell".into();
    Ok(Workload::new(items, name))
}
