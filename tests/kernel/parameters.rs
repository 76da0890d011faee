//! Every parameter of every event, compared with what a child did: rows of calls
//! come in, by raw calls, by the C library, in a thread, in a container and through
//! the 32-bit entries; what leaves are the alerts of a real sensor, whose `evt.args`
//! must be what the row says.
//!
//! One sensor watches a family of calls, whichever way they are made. The child
//! says what it expects, because only it knows its ids, addresses and descriptors.
#![expect(
    unsafe_code,
    reason = "calls are made and described as no library does"
)]

#[path = "parameters/case.rs"]
mod case;
#[path = "parameters/complete.rs"]
mod complete;
#[path = "parameters/engine.rs"]
mod engine;
#[path = "parameters/file.rs"]
mod file;
#[path = "parameters/io.rs"]
mod io;
#[path = "parameters/kernel.rs"]
mod kernel;
#[path = "parameters/memory.rs"]
mod memory;
#[path = "parameters/name.rs"]
mod name;
#[path = "parameters/net.rs"]
mod net;
#[path = "parameters/own.rs"]
mod own;
#[path = "parameters/process.rs"]
mod process;
#[path = "parameters/stage.rs"]
mod stage;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sensor::events;
use serde_json::Value;
use syscalls::{x86, x86_64};

use crate::acts::{act_in, asked};
use crate::entry::{Arena, call_64, call_libc, call_x32, int_80, low, socketcall};
use crate::harness::Sensor;
use crate::proctable::Cgroup;
use case::{Case, Ways};
use own::Own;
use stage::Stage;

/// Calls of one kind: rows, and what cannot be said in rows.
struct Family {
    name: &'static str,
    cases: &'static [Case],
    own: &'static [Own],
}

const FAMILIES: &[Family] = &[
    Family {
        name: "file",
        cases: file::CASES,
        own: &[],
    },
    Family {
        name: "name",
        cases: name::CASES,
        own: &[],
    },
    Family {
        name: "io",
        cases: io::CASES,
        own: &[],
    },
    Family {
        name: "net",
        cases: net::CASES,
        own: &[],
    },
    Family {
        name: "memory",
        cases: memory::CASES,
        own: &[],
    },
    Family {
        name: "kernel",
        cases: kernel::CASES,
        own: &[],
    },
    Family {
        name: "process",
        cases: process::CASES,
        own: own::ALL,
    },
];

/// The ways a child takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    Raw,
    Library,
    Thread,
    Container,
    /// `int 0x80`.
    Narrow,
    /// The one 32-bit call for all calls on sockets.
    Socketcall,
}

const MANNERS: &[Manner] = &[
    Manner::Raw,
    Manner::Library,
    Manner::Thread,
    Manner::Container,
    Manner::Narrow,
    Manner::Socketcall,
];

impl Manner {
    fn name(self) -> String {
        format!("{self:?}")
    }

    fn is_narrow(self) -> bool {
        matches!(self, Self::Narrow | Self::Socketcall)
    }

    /// Whether it makes calls of that family.
    fn serves(self, family: &Family) -> bool {
        self != Self::Socketcall || family.name == "net"
    }
}

/// What the kernel calls an event.
fn kernel_name(event: &str) -> &str {
    match event {
        "pread" => "pread64",
        "pwrite" => "pwrite64",
        "prlimit" => "prlimit64",
        event => event,
    }
}

/// The number of a call in the 64-bit table.
fn number(event: &str) -> i64 {
    let call = x86_64::Sysno::from_str(kernel_name(event));
    i64::from(call.unwrap_or_else(|()| panic!("no call {event}")).id())
}

/// The number of the 32-bit call that is laid out as the 64-bit one of that name.
fn number_32(event: &str) -> Option<i64> {
    let name = match kernel_name(event) {
        "mmap" => "mmap2",
        "newfstatat" => "fstatat64",
        name => name,
    };
    Some(i64::from(x86::Sysno::from_str(name).ok()?.id()))
}

/// The place of a call on sockets in `socketcall`.
fn place_in_socketcall(event: &str) -> Option<u32> {
    const CALLS: [&str; 20] = [
        "socket",
        "bind",
        "connect",
        "listen",
        "accept",
        "getsockname",
        "getpeername",
        "socketpair",
        "send",
        "recv",
        "sendto",
        "recvfrom",
        "shutdown",
        "setsockopt",
        "getsockopt",
        "sendmsg",
        "recvmsg",
        "accept4",
        "recvmmsg",
        "sendmmsg",
    ];
    let place = CALLS.iter().position(|name| *name == event)?;
    u32::try_from(place + 1).ok()
}

// The child.

/// Makes the call of a row that way; nothing when that way does not lead there.
fn make(case: &Case, manner: Manner, stage: &mut Stage) -> Option<(i64, [i64; 6])> {
    let library = case.ways == Ways::Library;
    let narrow = manner.is_narrow();
    if narrow && case.ways != Ways::All || library && manner == Manner::Raw {
        return None;
    }
    let call_32 = match manner {
        Manner::Narrow => Some(number_32(case.event)?),
        Manner::Socketcall => Some(i64::from(place_in_socketcall(case.event)?)),
        _ => None,
    };
    let function = case
        .function
        .filter(|_| manner == Manner::Library || library);
    if manner == Manner::Library && function.is_none() {
        return None;
    }
    (case.before)();
    let mut args = [0; 6];
    for (place, arg) in args.iter_mut().zip(case.args) {
        *place = arg.give(&mut stage.arena, narrow);
    }
    let result = match (manner, function) {
        (Manner::Narrow, _) => int_80(call_32?, args.map(low)),
        (Manner::Socketcall, _) => {
            socketcall(&mut stage.arena, u32::try_from(call_32?).unwrap(), args)
        }
        (_, Some(function)) => call_libc(function, args),
        _ => call_64(number(case.event), args),
    };
    Some((result, args))
}

/// Makes every call of a family and says what is expected of each.
fn make_all(family: &Family, manner: Manner, dir: &Path) {
    let mut stage = Stage::new(dir, manner.is_narrow());
    for case in family.cases {
        if let Some((result, args)) = make(case, manner, &mut stage) {
            let shows = if manner.is_narrow() {
                case.shows_32
            } else {
                case.shows
            };
            let text = stage.expanded(shows, result, &args);
            stage.expect(case.event, &text);
        }
    }
    for own in family.own {
        (own.act)(&mut stage, manner);
    }
    // What tells that all before has been seen.
    let end = stage.arena.text(&format!("{}{END}", dir.display()));
    call_64(number("rmdir"), [end, 0, 0, 0, 0, 0]);
}

/// What the last call of each child names, behind its directory.
const END: &str = "/no/such/end";

/// The child's side: `family/manner`, and `directory|cgroup`.
#[test]
fn perform() {
    let Some((what, place)) = asked() else { return };
    let (family, manner) = what.split_once('/').unwrap();
    let family = FAMILIES.iter().find(|it| it.name == family).unwrap();
    let manner = MANNERS.iter().find(|it| it.name() == manner);
    let manner = *manner.unwrap();
    let (dir, cgroup) = place.split_once('|').unwrap();
    if manner == Manner::Container {
        std::fs::write(Path::new(cgroup).join("cgroup.procs"), "0").unwrap();
    }
    let dir = PathBuf::from(dir);
    // Tests run in threads, and that is one of the ways.
    match manner {
        Manner::Thread => make_all(family, manner, &dir),
        _ => first_thread(|| make_all(family, manner, &dir)),
    }
}

/// Does something in the first thread of a process.
fn first_thread(act: impl FnOnce()) {
    // SAFETY: nobody else runs in this process, so nothing is held that the child needs.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
        call_64(libc::SYS_exit_group, [done.is_err().into(), 0, 0, 0, 0, 0]);
    }
    let mut status = 0;
    // SAFETY: a child of this process.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "what the child said stands above");
}

// The test.

/// What a child expects of an event.
struct Expected {
    event: String,
    thread: u64,
    abi: String,
    shows: String,
}

/// The lines of a child that say so, wherever the test harness put them.
fn expected(output: &str) -> Vec<Expected> {
    let lines = output.lines().filter_map(|line| line.split_once("made\t"));
    let parse = |(_, line): (&str, &str)| {
        let [event, thread, abi, shows] = line.splitn(4, '\t').collect::<Vec<_>>()[..] else {
            panic!("not four words: {line}");
        };
        Expected {
            event: event.to_owned(),
            thread: thread.parse().unwrap(),
            abi: abi.to_owned(),
            shows: shows.to_owned(),
        }
    };
    lines.map(parse).collect()
}

/// Alerts on all of those events that children of these tests raise, and on the
/// last call of each.
fn rule(events: &BTreeSet<&str>) -> String {
    let events: Vec<&str> = events.iter().copied().collect();
    format!(
        r"
- rule: parameters
  desc: all that the children do
  condition: >
    evt.type in ({}, rmdir) and proc.args contains parameters::perform
  output: >-
    %evt.type %evt.args %thread.vtid %evt.abi %container.id %proc.pid
  priority: NOTICE
",
        events.join(", ")
    )
}

/// The rule's fields of an alert, as text.
fn field<'a>(alert: &'a Value, name: &str) -> &'a str {
    alert["output_fields"][name].as_str().unwrap_or_default()
}

fn is_of(alert: &Value, expected: &Expected, container: Option<&str>) -> bool {
    let fields = &alert["output_fields"];
    field(alert, "evt.type") == expected.event
        && fields["thread.vtid"].as_u64() == Some(expected.thread)
        && expected
            .abi
            .split('|')
            .any(|abi| abi == field(alert, "evt.abi"))
        && container.is_none_or(|id| field(alert, "container.id") == id)
}

/// Takes what is expected from the alerts, in the order it was done, and says what
/// is not there.
fn missing(manner: &str, expected: &[Expected], alerts: &[Value], container: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut next = 0;
    for it in expected {
        let left = alerts.iter().enumerate().skip(next);
        let of_event = |alert: &Value| is_of(alert, it, Some(container));
        let mut fitting = left.filter(|(_, alert)| of_event(alert));
        let found = fitting.find(|(_, alert)| case::fits(&it.shows, field(alert, "evt.args")));
        if let Some((at, _)) = found {
            next = at + 1;
            continue;
        }
        let shown = alerts.iter().filter(|alert| of_event(alert));
        let shown = shown.map(|alert| field(alert, "evt.args"));
        // An older kernel has no such call, and that it said so was seen.
        if shown.clone().any(|text| text.contains("res=-38(ENOSYS)")) {
            continue;
        }
        let nearest = shown.max_by_key(|text| alike(&it.shows, text));
        wrong.push(format!(
            "{manner}: {} ({})\n  want {}\n  seen {}",
            it.event,
            it.abi,
            it.shows,
            nearest.unwrap_or("nothing")
        ));
    }
    wrong
}

/// How many words two texts share.
fn alike(one: &str, other: &str) -> usize {
    let words = one.split(' ');
    words
        .filter(|word| other.split(' ').any(|it| it == *word))
        .count()
}

/// Makes the calls of a family in every manner under one sensor, and compares.
fn compare(name: &str) {
    let family = FAMILIES.iter().find(|it| it.name == name).unwrap();
    let cases = family.cases.iter().map(|case| case.event);
    let own = family.own.iter().flat_map(|own| own.events).copied();
    let events: BTreeSet<&str> = cases.chain(own).collect();
    for event in &events {
        assert!(events::by_name(event).is_some(), "no event {event}");
    }
    // Others on the machine do the same calls meanwhile.
    let sensor = Sensor::start(&rule(&events), "capture:\n  ring_mib: 64\n", "");
    let place = FAMILIES.iter().position(|it| it.name == name).unwrap();
    // The beginning is what is shown of it.
    let id = format!("{:010x}{place:02x}{:052x}", std::process::id(), 0);
    let cgroup = Cgroup::like_docker(&id);
    let mut wrong = Vec::new();
    for manner in MANNERS.iter().filter(|manner| manner.serves(family)) {
        let kept = tempfile::tempdir().unwrap();
        // As the kernel resolves it.
        let dir = kept.path().canonicalize().unwrap();
        let what = format!("{name}/{}", manner.name());
        let place = format!("{}|{}", dir.display(), cgroup.0.display());
        let (_, output) = act_in("parameters", &what, &place);
        let end = format!("{}{END}", dir.display());
        sensor.wait_alert("of the end", |alert| {
            field(alert, "evt.args").contains(&end)
        });
        let container = match manner {
            Manner::Container => &id[..12],
            _ => "host",
        };
        let expected = expected(&output);
        assert!(!expected.is_empty(), "{what}: nothing was done: {output}");
        wrong.extend(missing(&what, &expected, &sensor.alerts(), container));
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}\n{}",
        wrong.len(),
        wrong.join("\n"),
        sensor.log()
    );
    let (finished, _dir) = sensor.stop();
    finished.assert_adds_up();
}

#[test]
fn calls_that_make_descriptors_show_what_was_done() {
    compare("file");
}

#[test]
fn calls_on_names_show_what_was_done() {
    compare("name");
}

#[test]
fn calls_that_move_bytes_show_what_was_done() {
    compare("io");
}

#[test]
fn calls_on_sockets_show_what_was_done() {
    compare("net");
}

#[test]
fn calls_on_memory_show_what_was_done() {
    compare("memory");
}

#[test]
fn calls_into_the_kernel_show_what_was_done() {
    compare("kernel");
}

#[test]
fn calls_on_processes_show_what_was_done() {
    compare("process");
}

/// The child's side of the test below: calls of the x32 interface, by the numbers of
/// the 64-bit table and by one that only it has.
#[test]
fn perform_x32() {
    if !std::env::args().any(|argument| argument == "parameters::perform_x32") {
        return;
    }
    let mut arena = Arena::new();
    let path = arena.text("/no/such/x32");
    let nothing = arena.put(&[0; 16]);
    let calls = [
        ("unlink", 87, [path, 0, 0, 0, 0, 0], "res"),
        ("openat", 257, [-100, path, 0, 0, 0, 0], "fd"),
        ("execve", 520, [path, nothing, nothing, 0, 0, 0], "res"),
    ];
    for (event, number, args, name) in calls {
        println!("made\t{event}\t0\tx32\t{name}={}", call_x32(number, args));
    }
}

#[test]
fn a_call_of_the_x32_interface_is_never_taken_for_another() {
    let events = ["unlink", "openat", "execve"].into_iter().collect();
    // The hook on every call sees also those that this kernel does not know.
    let sensor = Sensor::start(
        &rule(&events),
        "capture:\n  ring_mib: 64\n  hook: all\n",
        "",
    );
    let this = std::env::current_exe().unwrap();
    let child = std::process::Command::new(this)
        .args(["--exact", "parameters::perform_x32", "--nocapture"])
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    let expected = expected(&String::from_utf8_lossy(&child.stdout));
    assert_eq!(expected.len(), events.len());
    let is_attempt = |alert: &Value| field(alert, "evt.args").contains("/no/such/x32");
    for it in expected {
        let told = sensor.wait_alert("of an x32 call", |alert| {
            is_attempt(alert) && field(alert, "evt.type") == it.event
        });
        assert_eq!(field(&told, "evt.abi"), "x32", "{told}");
        assert!(
            field(&told, "evt.args").starts_with(&it.shows),
            "{}: {told}",
            it.shows
        );
    }
    let attempts = sensor.alerts().into_iter().filter(is_attempt);
    assert_eq!(
        attempts.count(),
        events.len(),
        "nothing else was told of them"
    );
    let (finished, _dir) = sensor.stop();
    finished.assert_adds_up();
}
