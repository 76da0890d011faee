//! System calls told by the generic record: a table of calls and what they are
//! given, made by a child through the raw call, in a thread, in namespaces of its
//! own and through the 32-bit entry; every argument, result and thing read is
//! compared with what the child did. Which things must be read is asked of the
//! event table, so that no row can promise what the kernel does not tell.
#![expect(unsafe_code, reason = "the calls are made as no library makes them")]

use std::collections::VecDeque;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::str::FromStr;

use sensor::capture::Way;
use sensor::cli::wanted::Wanted;
use sensor::config::{CaptureConfig, HookChoice};
use sensor::decode::{Abi, Body, Call, Event};
use sensor::events::{self, EventSet, numbers, plan};
use sensor_ebpf::call::{CWD, RESULT, step};
use syscalls::{x86, x86_64};

use crate::acts::{act_in, asked};
use crate::calls::Arg::{Address, Data, Number, Out, Text};
use crate::capture::Recording;
use crate::entry::{Arena, call_64, int_80, low};

/// What the child finds open: at these numbers, under its working directory.
const DIR: i64 = 100;
const FILE: i64 = 101;
const LISTENER: i64 = 102;
const UNIX: i64 = 103;
const EVENT: i64 = 104;
const PIPE: i64 = 105;
const DATAGRAM: i64 = 106;

/// 127.0.0.1, port 9.
const LOOPBACK: &[u8] = &[2, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];

/// What is given as an argument.
#[derive(Debug, Clone, Copy)]
enum Arg {
    Number(i64),
    /// A text, which may be a path.
    Text(&'static str),
    Data(&'static [u8]),
    Address(&'static [u8]),
    /// Room for this many bytes the call fills in.
    Out(usize),
}

/// A call and its arguments, in an order that lets most of them succeed once and
/// fail once.
const CASES: &[(&str, &[Arg])] = &[
    ("mkdir", &[Text("sub"), Number(0o750)]),
    ("mkdir", &[Text("sub"), Number(0o750)]),
    ("mkdirat", &[Number(DIR), Text("sub2"), Number(0o700)]),
    ("rename", &[Text("sub"), Text("sub3")]),
    (
        "renameat",
        &[Number(DIR), Text("sub3"), Number(DIR), Text("sub4")],
    ),
    (
        "renameat2",
        &[
            Number(DIR),
            Text("nosuch"),
            Number(DIR),
            Text("x"),
            Number(1),
        ],
    ),
    ("rmdir", &[Text("sub4")]),
    ("symlink", &[Text("a target"), Text("link")]),
    ("symlinkat", &[Text("a target"), Number(DIR), Text("link2")]),
    ("link", &[Text("file"), Text("hard")]),
    (
        "linkat",
        &[
            Number(DIR),
            Text("file"),
            Number(DIR),
            Text("hard"),
            Number(0),
        ],
    ),
    ("chmod", &[Text("file"), Number(0o640)]),
    ("fchmod", &[Number(FILE), Number(0o600)]),
    ("fchmodat", &[Number(DIR), Text("nosuch"), Number(0o600)]),
    ("chown", &[Text("file"), Number(0), Number(0)]),
    ("lchown", &[Text("link"), Number(0), Number(0)]),
    ("fchown", &[Number(FILE), Number(0), Number(0)]),
    (
        "fchownat",
        &[Number(DIR), Text("file"), Number(0), Number(0), Number(0)],
    ),
    ("unlink", &[Text("link")]),
    ("unlink", &[Text("/nosuch/at/all")]),
    ("unlinkat", &[Number(DIR), Text("link2"), Number(0)]),
    ("unlinkat", &[Number(DIR), Text("sub2"), Number(0x200)]),
    ("chdir", &[Text(".")]),
    ("chdir", &[Text("nosuch")]),
    ("fchdir", &[Number(DIR)]),
    (
        "mount",
        &[
            Text("none"),
            Text("nosuch"),
            Text("tmpfs"),
            Number(1),
            Number(0),
        ],
    ),
    ("umount2", &[Text("nosuch"), Number(2)]),
    ("chroot", &[Text("nosuch")]),
    ("setuid", &[Number(0)]),
    ("setgid", &[Number(0)]),
    ("setresuid", &[Number(0), Number(0), Number(0)]),
    ("setresgid", &[Number(0), Number(0), Number(0)]),
    ("setns", &[Number(FILE), Number(0)]),
    ("unshare", &[Number(0)]),
    ("setpgid", &[Number(999_999), Number(0)]),
    ("kill", &[Number(999_999), Number(0)]),
    ("tkill", &[Number(999_999), Number(0)]),
    ("tgkill", &[Number(999_999), Number(999_999), Number(0)]),
    (
        "ptrace",
        &[Number(16), Number(999_999), Number(0), Number(0)],
    ),
    (
        "prctl",
        &[Number(15), Text("renamed"), Number(0), Number(0), Number(0)],
    ),
    ("memfd_create", &[Text("a memfd"), Number(1)]),
    ("socket", &[Number(2), Number(1), Number(0)]),
    ("socket", &[Number(77), Number(1), Number(0)]),
    ("bind", &[Number(DATAGRAM), Address(LOOPBACK), Number(16)]),
    ("listen", &[Number(LISTENER), Number(5)]),
    ("listen", &[Number(FILE), Number(5)]),
    (
        "sendto",
        &[
            Number(DATAGRAM),
            Data(b"a question"),
            Number(10),
            Number(0),
            Address(LOOPBACK),
            Number(16),
        ],
    ),
    ("shutdown", &[Number(DATAGRAM), Number(0)]),
    (
        "write",
        &[Number(FILE), Data(b"written by the test"), Number(19)],
    ),
    (
        "write",
        &[Number(EVENT), Data(&[1, 0, 0, 0, 0, 0, 0, 0]), Number(8)],
    ),
    ("write", &[Number(-1), Data(b"lost"), Number(4)]),
    ("dup", &[Number(FILE)]),
    ("dup2", &[Number(FILE), Number(120)]),
    ("dup3", &[Number(PIPE), Number(121), Number(0o2_000_000)]),
    ("dup3", &[Number(UNIX), Number(UNIX), Number(0)]),
    ("close", &[Number(120)]),
    ("close", &[Number(4_000)]),
    ("flock", &[Number(FILE), Number(8)]),
    ("access", &[Text("file"), Number(4)]),
    ("mknod", &[Text("fifo"), Number(0o010_600), Number(0)]),
    (
        "mknodat",
        &[Number(DIR), Text("fifo"), Number(0o010_600), Number(0)],
    ),
    ("pipe2", &[Out(8), Number(0)]),
    ("open_by_handle_at", &[Number(DIR), Out(8), Number(0)]),
    ("bpf", &[Number(99), Out(8), Number(8)]),
    ("finit_module", &[Number(FILE), Text("word=1"), Number(0)]),
    ("delete_module", &[Text("nosuch"), Number(0)]),
    (
        "setxattr",
        &[
            Text("file"),
            Text("user.test"),
            Data(b"v"),
            Number(1),
            Number(0),
        ],
    ),
    ("removexattr", &[Text("file"), Text("user.none")]),
    ("personality", &[Number(0xffff_ffff)]),
    ("pidfd_open", &[Number(999_999), Number(0)]),
    ("userfaultfd", &[Number(1)]),
    (
        "inotify_add_watch",
        &[Number(FILE), Text("file"), Number(2)],
    ),
    ("truncate", &[Text("nosuch"), Number(3)]),
    ("setsid", &[]),
];

/// A file of the child's, by the number it is open at, and its place there.
const OPEN: &[(i64, &str)] = &[(DIR, ""), (FILE, "/file"), (120, "/file")];

// The child.

/// Puts an argument where the kernel finds it.
fn give(arena: &mut Arena, arg: Arg) -> i64 {
    match arg {
        Number(number) => number,
        Text(text) => arena.text(text),
        Data(bytes) | Address(bytes) => arena.put(bytes),
        Out(len) => arena.put(&vec![0; len]),
    }
}

/// Makes every call of the table and prints its place in it, result and arguments.
fn make_calls(narrow: bool) {
    let mut arena = Arena::new();
    for (index, (name, given)) in CASES.iter().enumerate() {
        let mut args = [0; 6];
        for (place, arg) in args.iter_mut().zip(*given) {
            *place = give(&mut arena, *arg);
        }
        let result = if narrow {
            let Ok(call) = x86::Sysno::from_str(name) else {
                continue;
            };
            args = args.map(|arg| i64::from(low(arg)));
            int_80(i64::from(call.id()), args.map(low))
        } else {
            let call = x86_64::Sysno::from_str(name).unwrap();
            call_64(i64::from(call.id()), args)
        };
        let args = args.map(|arg| arg.to_string()).join(" ");
        // SAFETY: a call without arguments.
        let thread = unsafe { libc::gettid() };
        println!("made {index} {result} {args} {thread}");
    }
}

/// Opens what the calls work on.
fn furnish(dir: &Path) {
    std::env::set_current_dir(dir).unwrap();
    std::fs::write("file", "contents").unwrap();
    let put = |fd: i32, number: i64| {
        // SAFETY: a number nobody uses.
        assert!(unsafe { libc::dup2(fd, i32::try_from(number).unwrap()) } >= 0);
    };
    put(std::fs::File::open(".").unwrap().as_raw_fd(), DIR);
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open("file")
        .unwrap();
    put(file.as_raw_fd(), FILE);
    let listener = std::net::TcpListener::bind("127.0.0.1:0");
    // In namespaces of its own the loopback device is down; 0.0.0.0 is there.
    let listener = listener.or_else(|_| std::net::TcpListener::bind("0.0.0.0:0"));
    put(listener.unwrap().as_raw_fd(), LISTENER);
    let datagram = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    put(datagram.as_raw_fd(), DATAGRAM);
    let unix = std::os::unix::net::UnixDatagram::bind("socket").unwrap();
    put(unix.as_raw_fd(), UNIX);
    // SAFETY: plain calls that make descriptors.
    unsafe {
        put(libc::eventfd(0, 0), EVENT);
        let mut pipe = [0; 2];
        assert_eq!(libc::pipe(pipe.as_mut_ptr()), 0);
        put(pipe[0], PIPE);
    }
}

/// The child's side.
#[test]
fn perform() {
    let Some((way, dir)) = asked() else { return };
    if way == "in a box" {
        let flags =
            libc::CLONE_NEWNS | libc::CLONE_NEWUTS | libc::CLONE_NEWIPC | libc::CLONE_NEWNET;
        // SAFETY: this process alone is moved.
        assert_eq!(unsafe { libc::unshare(flags) }, 0);
    }
    furnish(Path::new(&dir));
    match way.as_str() {
        "in a thread" => std::thread::spawn(|| make_calls(false)).join().unwrap(),
        "32-bit" => make_calls(true),
        _ => make_calls(false),
    }
}

// The test.

/// A call the child says it made.
struct Made {
    case: usize,
    result: i64,
    args: [u64; 6],
    thread: u32,
}

fn made(output: &str) -> VecDeque<Made> {
    // The line of the test harness may stand before the first.
    let lines = output.lines().filter_map(|line| line.split_once("made "));
    let parse = |(_, line): (&str, &str)| {
        let numbers: Vec<i64> = line.split(' ').map(|it| it.parse().unwrap()).collect();
        Made {
            case: usize::try_from(numbers[0]).unwrap(),
            result: numbers[1],
            args: std::array::from_fn(|at| numbers[at + 2].cast_unsigned()),
            thread: u32::try_from(numbers[8]).unwrap(),
        }
    };
    lines.map(parse).collect()
}

fn wanted() -> Wanted {
    let mut set = EventSet::EMPTY;
    for (name, _) in CASES {
        set.insert(events::by_name(name).unwrap());
    }
    Wanted::of(set)
}

/// Lets a child make the calls in that manner and compares all it made.
fn compare(hook: HookChoice, manner: &str) {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    std::fs::create_dir_all(&dir).unwrap();
    let config = CaptureConfig {
        // All that the machine does meanwhile is captured, too.
        ring_mib: 64,
        hook,
        ..CaptureConfig::default()
    };
    let options = wanted().options(&config);
    let (recording, (pid, output)) = Recording::of(&options, |capture| {
        let way = if hook == HookChoice::Each {
            Way::Each
        } else {
            Way::All
        };
        assert_eq!(capture.way(), way);
        act_in("calls", manner, dir.to_str().unwrap())
    });
    let made = made(&output);
    assert!(made.len() > 50, "{output}");
    let mut told = recording.events(pid).filter_map(|event| match event.body {
        Body::Call(call) => Some((event, call)),
        _ => None,
    });
    for made in made {
        let (name, given) = CASES[made.case];
        let row = events::row(events::by_name(name).unwrap()).unwrap();
        let number = numbers::number(row).unwrap();
        if hook == HookChoice::Each && !has_hook(row) {
            continue;
        }
        let same = |(_, call): &(Event<'_>, Call<'_>)| {
            call.number == number && call.args[..given.len()] == made.args[..given.len()]
        };
        let (event, call) = told
            .find(same)
            .unwrap_or_else(|| panic!("{manner}: {name} {given:?} was not told"));
        let what = format!("{manner}, {hook:?}: {name} {given:?} = {}", made.result);
        assert_eq!(call.result, made.result, "{what}");
        let abi = if manner == "32-bit" {
            Abi::I386
        } else {
            Abi::X86_64
        };
        assert_eq!((call.abi, event.task.abi), (abi, abi), "{what}");
        assert_eq!(event.task.tid, made.thread, "{what}");
        for step in plan::plan(row).steps.into_iter().filter(|step| *step != 0) {
            check(&what, step, &call, given, dir.to_str().unwrap());
        }
        let counters = recording.counters.call(number);
        assert!(counters.adds_up(), "{what}: {counters:?}");
    }
}

/// Whether the kernel has a hook for the call: of one it is built without, none.
fn has_hook(row: &events::EventType) -> bool {
    let (_, name) = numbers::generic_call(row).unwrap();
    let hook = sensor::capture::hook_of_call(name);
    let place = hook.strip_prefix("tracepoint:").unwrap().replace(':', "/");
    Path::new("/sys/kernel/tracing/events").join(place).is_dir()
}

/// Compares what one step read.
fn check(what: &str, step: u32, call: &Call<'_>, given: &[Arg], dir: &str) {
    let [kind, at, with, _] = step.to_le_bytes();
    let arg = given.get(usize::from(at)).copied();
    match (kind, arg) {
        (step::PATH | step::TEXT, Some(Text(text))) => {
            assert_eq!(call.text(at), Some(text.as_bytes()), "{what}");
            if kind == step::PATH && !text.starts_with('/') {
                let under = with == CWD || matches!(given[usize::from(with)], Number(DIR));
                assert!(under, "{what}: the table starts paths from one directory");
                assert_eq!(call.base(at), Some(dir.as_bytes()), "{what}");
            } else {
                assert_eq!(call.base(at), None, "{what}");
            }
        }
        (step::BYTES, Some(Data(data))) => {
            let read = call.bytes(at).expect(what);
            assert_eq!(read.bytes, data, "{what}");
            assert_eq!(read.full as usize, data.len(), "{what}");
        }
        (step::ADDRESS, Some(Address(bytes))) => {
            assert_eq!(call.address(at), Some(bytes), "{what}");
        }
        (step::DESCRIPTOR, _) => {
            let number = match arg {
                _ if at == RESULT => call.result,
                Some(Number(number)) => number,
                other => panic!("{what}: {other:?} is no descriptor"),
            };
            descriptor(what, at, number, call, dir);
        }
        // What else there is the call itself filled in, or is no text for this case.
        _ => {}
    }
}

fn descriptor(what: &str, at: u8, number: i64, call: &Call<'_>, dir: &str) {
    // Gone when it returns, and only 64-bit calls are read at their entry.
    let gone = call.number == 3 && call.abi == Abi::I386;
    if number < 0 || gone {
        assert!(call.descriptor(at).is_none(), "{what}");
        return;
    }
    let (it, path) = call
        .descriptor(at)
        .unwrap_or_else(|| panic!("{what}: no descriptor"));
    assert_eq!(i64::from(it.number), number, "{what}");
    let path = String::from_utf8_lossy(path);
    match number {
        DIR | FILE | 120 => {
            let place = OPEN.iter().find(|(open, _)| *open == number).unwrap().1;
            assert_eq!(path, format!("{dir}{place}"), "{what}");
            assert_eq!(it.flags & 3, u32::from(number != DIR), "{what}");
        }
        LISTENER => {
            assert_eq!(
                (it.family, it.socket_type, it.protocol),
                (2, 1, 6),
                "{what}"
            );
            assert!(it.local_port != 0 && path.is_empty(), "{what}: {it:?}");
        }
        DATAGRAM => assert_eq!(
            (it.family, it.socket_type, it.protocol),
            (2, 2, 17),
            "{what}"
        ),
        UNIX => assert_eq!((it.family, &*path), (1, "socket"), "{what}"),
        EVENT => assert_eq!(path, "[eventfd]", "{what}"),
        PIPE | 121 => assert_eq!((it.mode & 0o170_000, &*path), (0o010_000, ""), "{what}"),
        4_000 => assert_eq!((it.mode, &*path), (0, ""), "{what}"),
        _ => assert_ne!(it.ino, 0, "{what}: {it:?}"),
    }
}

#[test]
fn calls_at_hooks_of_their_own_tell_what_was_done() {
    compare(HookChoice::Each, "plain");
    compare(HookChoice::Each, "in a thread");
}

#[test]
fn calls_at_the_one_hook_tell_what_was_done() {
    compare(HookChoice::All, "plain");
    compare(HookChoice::All, "in a box");
}

#[test]
fn calls_of_32_bits_are_told_as_the_calls_they_are_and_marked() {
    assert!(
        sensor::capture::takes_32_bit_calls(),
        "this kernel takes no 32-bit calls"
    );
    compare(HookChoice::Auto, "32-bit");
}
