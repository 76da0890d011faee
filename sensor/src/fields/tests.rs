//! Observations made by hand, and what every field says of them.
//!
//! A case is a scene (processes, container, users), an event in it, and a list
//! of fields with what each must show; `-` is a missing value.

mod calls;
mod events;
mod files;
mod look_up;
mod processes;
mod sockets;

use std::net::IpAddr;
use std::sync::Arc;

use bumpalo::Bump;

use super::*;
use crate::decode::{
    Body, Caps, Comm, Connect, Event, ExeFile, Exec, ExecCall, Exit, Fork, ForkCall, Ids, Open,
    OpenCall, OpenedFile, Peers, Place, Task,
};
use crate::enrich::container::Container;
use crate::enrich::host::Host;
use crate::enrich::hosts::Hosts;
use crate::enrich::process::{HomePlace, Image, Process, ProcessKey, ProcessTable};
use crate::enrich::users::Users;

/// 2023-11-14T22:13:20.123456789Z
const NOW_NS: u64 = 1_700_000_000_123_456_789;
const SECOND_NS: u64 = 1_000_000_000;

/// Everything around an event.
struct Scene {
    processes: ProcessTable,
    users: Users,
    host: Host,
    hosts: Hosts,
    container: Option<Container>,
    /// The process that acts; nobody knows it when `false`.
    known: bool,
    task: Task,
}

/// A process with its parent, whose image is `argv` run from `path`.
fn process(pid: u32, parent: Option<u32>, comm: &str, argv: &str, path: &str) -> Process {
    let key = |pid| ProcessKey {
        pid,
        start_boot_ns: u64::from(pid) * SECOND_NS,
    };
    let argv = argv.replace(' ', "\0") + "\0";
    let env = format!("HOME=/home/u\0PID={pid}\0ODD= x \0");
    let file = ExeFile::default();
    Process {
        key: key(pid),
        parent: parent.map(key),
        start_ns: NOW_NS - 100 * SECOND_NS + u64::from(pid),
        comm: Comm::from(comm.as_bytes()),
        ids: Ids {
            vpid: pid + 1000,
            vtid: pid + 1000,
            pgid: pid,
            sid: 10,
            vpgid: pid + 1000,
            vsid: 1010,
            ..Ids::default()
        },
        loginuid: 1000,
        caps: Caps::default(),
        tty: 34816,
        cwd: Arc::from(&b"/home/u"[..]),
        image: Arc::new(Image::new(
            argv.as_bytes(),
            env.as_bytes(),
            path.as_bytes(),
            file,
        )),
        place: Arc::default(),
    }
}

impl Scene {
    /// init, sshd, a login shell, make, and `cat /etc/passwd -n` in its session.
    fn new() -> Self {
        let mut processes = ProcessTable::new(64);
        for process in [
            process(1, None, "init", "/sbin/init", "/usr/lib/systemd/systemd"),
            process(10, Some(1), "sshd", "sshd: u", "/usr/sbin/sshd"),
            process(20, Some(10), "bash", "-bash", "/usr/bin/bash"),
            process(30, Some(20), "make", "make all -j", "/usr/bin/make"),
            process(40, Some(30), "cat", "cat /etc/passwd -n", "/usr/bin/cat"),
        ] {
            processes.insert(process);
        }
        Self {
            processes,
            users: Users::from_text(
                b"root:x:0:0:root:/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/bash\n",
                b"root:x:0:\nstaff:x:50:u\n",
            ),
            host: Host {
                name: "host1".to_owned(),
                boot_time_ns: 7,
                ..Host::default()
            },
            hosts: Hosts::default(),
            container: None,
            known: true,
            task: Task {
                pid: 40,
                tid: 40,
                ppid: 30,
                start_boot_ns: 40 * SECOND_NS,
                uid: 1000,
                gid: 50,
                cgroup_id: 0,
                comm: Comm::from(&b"cat"[..]),
                abi: crate::decode::Abi::default(),
                via: crate::decode::Via::default(),
            },
        }
    }

    /// The same with another process acting.
    fn with_process(mut self, process: Process) -> Self {
        self.task.pid = process.key.pid;
        self.task.tid = process.key.pid;
        self.task.start_boot_ns = process.key.start_boot_ns;
        self.processes.insert(process);
        self
    }

    /// Checks what the fields show for the event.
    fn check(&self, body: &Body<'_>, expected: &[(&str, &str)]) {
        for (written, want) in expected {
            let shown = self.shown(body, written);
            assert_eq!(shown.as_deref().unwrap_or("-"), *want, "{written}");
        }
    }

    /// The value of the field for the event, which must be of its type.
    fn shown(&self, body: &Body<'_>, written: &str) -> Option<String> {
        let event = Event {
            time_ns: NOW_NS,
            cpu: 3,
            task: self.task,
            status: None,
            body: body.clone(),
        };
        let arena = Bump::new();
        let key = ProcessKey {
            pid: self.task.pid,
            start_boot_ns: self.task.start_boot_ns,
        };
        let observation = Observation {
            number: 5,
            event: &event,
            process: self.processes.get(key).filter(|_| self.known),
            standing: None,
            processes: &self.processes,
            container: self.container.as_ref(),
            users: &self.users,
            logins: &self.users,
            hosts: &self.hosts,
            host: &self.host,
            arena: &arena,
        };
        let field = field(written);
        let value = observation.value(&field)?;
        assert!(is_of(value, field.field.ty), "{written}: {value:?}");
        Some(show(value))
    }
}

/// The field as a rule writes it, argument in brackets.
fn field(written: &str) -> FieldRef {
    let (name, bracket) = match written.split_once('[') {
        Some((name, rest)) => (name, rest.strip_suffix(']')),
        None => (written, None),
    };
    lookup(name, bracket).unwrap_or_else(|error| panic!("{written}: {error}"))
}

/// Whether the value is one a field of that type may have.
fn is_of(value: Value<'_>, ty: Type) -> bool {
    match (value, ty) {
        (Value::List(values), ty) => values.iter().all(|value| is_of(*value, ty)),
        (Value::Text(_), Type::Text)
        | (Value::Buffer(_), Type::Buffer)
        | (Value::Signed(_), Type::Signed(_))
        | (Value::Unsigned(_), Type::Unsigned(_) | Type::AbsTime | Type::RelTime)
        | (Value::Bool(_), Type::Bool)
        | (Value::Double(_), Type::Double)
        | (Value::Port(_), Type::Port)
        | (Value::Ip(_), Type::Ip | Type::IpNet) => true,
        _ => false,
    }
}

fn show(value: Value<'_>) -> String {
    match value {
        Value::Text(text) | Value::Buffer(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Signed(number) => number.to_string(),
        Value::Unsigned(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Port(port) => port.to_string(),
        Value::Ip(ip) => ip.to_string(),
        Value::List(values) => {
            let values: Vec<_> = values.iter().map(|value| show(*value)).collect();
            format!("({})", values.join(","))
        }
    }
}

fn exec(result: i64) -> Body<'static> {
    Body::Exec(Exec {
        usage: None,
        call: ExecCall::Execve,
        result,
        filename: b"bin/../cat",
        exe_path: b"/usr/bin/cat",
        cwd: b"/home/u",
        argv: b"cat\0/etc/passwd\0-n\0",
        env: b"",
        argv_full: 0,
        env_full: 0,
        place: Place::default(),
        ids: Ids::default(),
        tty: 34816,
        loginuid: 1000,
        caps: Caps::default(),
        exe: ExeFile::default(),
    })
}

/// An open of `name` from the directory `base`, read-only.
fn open(call: OpenCall, result: i64, base: &'static str, name: &'static str) -> Open<'static> {
    let file = if result < 0 {
        OpenedFile::default()
    } else {
        OpenedFile {
            dev: 8 << 20 | 1,
            ino: 77,
            mode: 0o100_644,
            ..OpenedFile::default()
        }
    };
    Open {
        call,
        result,
        dirfd: -100,
        name: name.as_bytes(),
        base: base.as_bytes(),
        real_path: if result < 0 { b"" } else { b"/data/real" },
        flags: 0o2_000_000,
        mode: 0,
        resolve: 0,
        file,
    }
}

/// A TCP connect.
fn connect(result: i64, local: Option<(&str, u16)>, remote: (&str, u16)) -> Connect<'static> {
    let end = |(ip, port): (&str, u16)| (ip.parse::<IpAddr>().unwrap(), port);
    Connect {
        fd: 6,
        result,
        protocol: 6,
        socket_type: 1,
        peer: None,
        peers: Peers::Ip {
            local: local.map(end),
            remote: end(remote),
        },
    }
}

fn fork() -> Body<'static> {
    Body::Fork(Fork {
        usage: None,
        call: ForkCall::Clone,
        child_pid: 41,
        child_start_boot_ns: 41 * SECOND_NS,
        child_ppid: 40,
        ids: Ids::default(),
        comm: Comm::from(&b"kid"[..]),
        flags: 1 << 21 | 1 << 24,
        loginuid: 1000,
        place: Place::default(),
    })
}

fn exit(status: u32) -> Body<'static> {
    Body::Exit(Exit {
        status,
        reaper_pid: 1,
    })
}

/// One event of each kind, failed ones among them.
fn every_event() -> Vec<Body<'static>> {
    vec![
        exec(0),
        exec(-2),
        fork(),
        exit(0x100),
        Body::Open(open(OpenCall::Openat, 5, "/x", "y")),
        Body::Open(open(OpenCall::Open, -2, "/x", "y")),
        Body::Open(open(OpenCall::Creat, 5, "", "/y")),
        Body::Connect(connect(0, Some(("10.0.0.1", 5)), ("10.0.0.2", 443))),
        Body::Connect(connect(-111, None, ("::1", 443))),
    ]
}

#[test]
fn every_value_is_of_its_fields_type_on_every_event() {
    let mut unknown = Scene::new();
    unknown.known = false;
    let mut inside = Scene::new();
    inside.container = Some(container());
    for scene in [Scene::new(), unknown, inside] {
        for body in every_event() {
            check_types(&scene, &body);
        }
    }
}

/// Checks that each field has a value of its type, or none.
fn check_types(scene: &Scene, body: &Body<'_>) {
    for row in rows().filter(|row| row.name != statics::CLASS) {
        let arguments: &[&str] = match row.arg {
            ArgRule::None => &[""],
            ArgRule::OptionalIndex => &["", "[0]", "[1]", "[99]"],
            ArgRule::OptionalAny => &["", "[1]", "[PID]", "[NOSUCH]"],
            ArgRule::Required => &["[0]", "[key]"],
            ArgRule::DottedOrIndex => &["[0]", "[40]", ".res", ".flags", ".fd"],
            ArgRule::OptionalDotted => &["", ".src", ".dst"],
            ArgRule::Dotted if row.name == "thread.cgroup" => &[".cpu", ".nosuch"],
            ArgRule::Dotted if row.name == "evt.type.is" => &[".open", ".close"],
            ArgRule::Dotted => &[".res", ".flags", ".name", ".args", ".uid", ".sig"],
        };
        for argument in arguments {
            // `shown` looks at the type before it looks at the text.
            let written = format!("{}{argument}", row.name);
            let live = row.source == Source::Live;
            let shown = scene.shown(body, &written);
            assert!(live || shown.is_none(), "{written} claims to be absent");
        }
    }
}

fn container() -> Container {
    Container {
        full_id: "0123456789abcdef".repeat(4),
        engine: "docker",
        pod_uid: Some("f00d".to_owned()),
    }
}
