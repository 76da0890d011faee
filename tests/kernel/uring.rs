//! Operations done through `io_uring`: told as the calls that do the same, with
//! their own way in, names from the kernel's copy, and results.

use std::ffi::CString;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sensor::capture::{Kind, KindSet, Options};
use sensor::decode::{Body, Call, Connect, Event, Open, OpenCall, Operation, Peers, Via};

use crate::acts::{act_in, asked};
use crate::capture::Recording;
use crate::ring::{Entry, Ring};

fn wanting(operations: u64) -> Options {
    Options {
        ring_bytes: 1 << 20,
        kinds: KindSet::EMPTY.with(Kind::Uring),
        operations,
        ..Options::default()
    }
}

const AT_FDCWD: i32 = -100;

// IORING_OP_*
const NOP: u8 = 0;
const ACCEPT: u8 = 13;
const CONNECT: u8 = 16;
const OPENAT: u8 = 18;
const READ: u8 = 22;
const SEND: u8 = 26;
const OPENAT2: u8 = 28;
const RENAMEAT: u8 = 35;
const UNLINKAT: u8 = 36;
const MKDIRAT: u8 = 37;
const SYMLINKAT: u8 = 38;
const LINKAT: u8 = 39;
const SOCKET: u8 = 45;

fn uring_events(recording: &Recording, pid: u32) -> Vec<Event<'_>> {
    let events = recording.events(pid);
    events
        .filter(|event| event.task.via == Via::Uring)
        .collect()
}

fn opens<'r>(events: &[Event<'r>]) -> Vec<Open<'r>> {
    let opens = events.iter().filter_map(|event| match &event.body {
        Body::Open(open) => Some(open.clone()),
        _ => None,
    });
    opens.collect()
}

fn calls<'r>(events: &[Event<'r>]) -> Vec<Call<'r>> {
    let calls = events.iter().filter_map(|event| match &event.body {
        Body::Call(call) => Some(*call),
        _ => None,
    });
    calls.collect()
}

#[test]
fn an_open_through_io_uring_is_told_as_one_with_what_was_opened() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    std::fs::write(&file, "words").unwrap();
    let (recording, (pid, _)) = Recording::of(&wanting(u64::MAX), |_| {
        act_in("uring", "cat", dir.path().to_str().unwrap())
    });
    let events = uring_events(&recording, pid);
    let told = opens(&events);
    let [relative, absolute, missing] = told.as_slice() else {
        panic!("three opens expected: {events:#?}");
    };
    let real = file.canonicalize().unwrap();
    assert_eq!(relative.name, b"secret");
    assert_eq!(relative.base, dir.path().as_os_str().as_encoded_bytes());
    assert_eq!(relative.call, OpenCall::Openat);
    for open in [relative, absolute] {
        assert!(open.result > 2, "{open:?}");
        assert_eq!(open.real_path, real.as_os_str().as_encoded_bytes());
        assert_eq!(open.file.ino, file.metadata().unwrap().ino());
        assert!(!open.file.created);
    }
    assert_eq!(absolute.name, file.as_os_str().as_encoded_bytes());
    assert_eq!((absolute.call, absolute.resolve), (OpenCall::Openat2, 0));
    assert_eq!(missing.result, -i64::from(libc::ENOENT));
    assert_eq!(
        (missing.name, missing.real_path),
        (&b"missing"[..], &b""[..])
    );

    let taken = calls(&events)[0];
    assert_eq!((taken.number, taken.result), (0, 5));
    assert_eq!(taken.bytes(1).unwrap().bytes, b"words");
    let (descriptor, path) = taken.descriptor(0).unwrap();
    assert_eq!(i64::from(descriptor.number), relative.result);
    assert_eq!(path, real.as_os_str().as_encoded_bytes());
    assert!(recording.counters.kind(Kind::Uring).adds_up());
}

#[test]
fn names_changed_through_io_uring_are_told_with_both_ends() {
    let dir = tempfile::tempdir().unwrap();
    let (recording, (pid, _)) = Recording::of(&wanting(u64::MAX), |_| {
        act_in("uring", "names", dir.path().to_str().unwrap())
    });
    let events = uring_events(&recording, pid);
    let base = Some(dir.path().as_os_str().as_encoded_bytes());
    let told: Vec<_> = calls(&events)
        .iter()
        .map(|call| {
            assert_eq!(call.result, 0, "{call:?}");
            let texts = [0, 1, 2, 3].map(|arg| call.text(arg).map(String::from_utf8_lossy));
            let texts: Vec<_> = texts.into_iter().flatten().collect();
            let based = [1, 2, 3].map(|arg| call.base(arg)).into_iter().flatten();
            assert!(based.clone().count() > 0 && based.clone().all(|it| Some(it) == base));
            (call.number, texts.join(" "))
        })
        .collect();
    let expected = [
        (258, "made"),
        (266, "/to/somewhere link"),
        (265, "link hard"),
        (316, "hard moved"),
        (263, "moved"),
    ];
    assert_eq!(
        told,
        expected.map(|(number, text)| (number, text.to_owned()))
    );
    assert_eq!(calls(&events)[0].args[2] & 0o7777, 0o750);
}

#[test]
fn a_connection_through_io_uring_is_told_with_both_ends_and_what_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (recording, (pid, _)) = Recording::of(&wanting(u64::MAX), |_| {
        act_in("uring", "talk", &port.to_string())
    });
    let mut received = String::new();
    let (mut stream, client) = listener.accept().unwrap();
    stream.read_to_string(&mut received).unwrap();
    assert_eq!(received, "hello");
    let events = uring_events(&recording, pid);
    let connects: Vec<&Connect<'_>> = events
        .iter()
        .filter_map(|event| match &event.body {
            Body::Connect(connect) => Some(connect),
            _ => None,
        })
        .collect();
    let [connect] = connects.as_slice() else {
        panic!("one connect expected: {events:#?}");
    };
    let peers = Peers::Ip {
        local: Some((client.ip(), client.port())),
        remote: ([127, 0, 0, 1].into(), port),
    };
    assert_eq!((connect.result, &connect.peers), (0, &peers));
    assert_eq!((connect.protocol, connect.socket_type), (6, 1));
    let told = calls(&events);
    let [socket, send] = told.as_slice() else {
        panic!("a socket and a send: {told:?}");
    };
    assert_eq!((socket.number, socket.args[0], socket.args[1]), (41, 2, 1));
    assert_eq!((send.number, send.result), (44, 5));
    assert_eq!(send.bytes(1).unwrap().bytes, b"hello");
    let (descriptor, _) = send.descriptor(0).unwrap();
    assert_eq!(
        (descriptor.remote_port, descriptor.local_port),
        (port, client.port())
    );
}

#[test]
fn requests_that_ask_for_no_completion_and_threads_of_the_kernel_hide_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (recording, (pid, _)) = Recording::of(&wanting(u64::MAX), |_| {
        act_in("uring", "hide", dir.path().to_str().unwrap())
    });
    let events = uring_events(&recording, pid);
    let names: Vec<_> = opens(&events).iter().map(|open| open.name).collect();
    assert_eq!(
        names,
        [&b"/etc/hostname"[..], b"/etc/passwd", b"/etc/group"]
    );
    for event in &events {
        assert_eq!(event.task.pid, pid);
    }
}

#[test]
fn operations_no_call_does_are_told_only_when_wanted() {
    let operations = |set: u64| {
        let (recording, (pid, _)) = Recording::of(&wanting(set), |_| act_in("uring", "nop", ""));
        let events = uring_events(&recording, pid);
        let told = events.iter().map(|event| match event.body {
            Body::Operation(operation) => operation,
            ref other => panic!("{other:?}"),
        });
        told.collect::<Vec<_>>()
    };
    let nop = Operation {
        opcode: NOP,
        fd: -1,
        flags: 0,
        result: 0,
    };
    assert_eq!(operations(1), [nop]);
    assert_eq!(operations(!1), []);
    assert_eq!(nop.name(), "nop");
}

#[test]
fn each_completion_of_a_request_that_goes_on_is_told() {
    let (recording, (pid, said)) =
        Recording::of(&wanting(1 << ACCEPT), |_| act_in("uring", "many", ""));
    let accepted: Vec<i64> = said
        .lines()
        .filter_map(|line| line.strip_prefix("accepted "))
        .map(|fd| fd.parse().unwrap())
        .collect();
    assert_eq!(accepted.len(), 3);
    let events = uring_events(&recording, pid);
    let calls = calls(&events);
    let results: Vec<i64> = calls.iter().map(|call| call.result).collect();
    // And the last, when the request was given up with its ring.
    assert_eq!(results[..3], accepted, "{results:?}");
    for call in &calls[..3] {
        assert_eq!(call.number, 288);
        let (made, _) = call.descriptor(sensor_ebpf::call::RESULT).unwrap();
        assert_eq!((i64::from(made.number), made.family), (call.result, 2));
    }
    assert!(recording.counters.kind(Kind::Uring).adds_up());
}

#[test]
fn a_completion_that_found_its_queue_full_is_counted_as_lost() {
    let (recording, (_, said)) =
        Recording::of(&wanting(u64::MAX), |_| act_in("uring", "overflow", ""));
    let lost: u64 = said
        .lines()
        .find_map(|line| line.strip_prefix("over "))
        .unwrap()
        .parse()
        .unwrap();
    let counters = recording.counters.kind(Kind::Uring);
    assert!(lost > 0 && counters.lost_read >= lost, "{counters:?}");
    assert!(counters.adds_up());
}

/// The children's side.
#[test]
fn perform() {
    let Some((act, argument)) = asked() else {
        return;
    };
    let ring = Ring::new(8, 0);
    match act.as_str() {
        "cat" => cat(&ring, Path::new(&argument)),
        "names" => names(&ring, Path::new(&argument)),
        "talk" => talk(&ring, argument.parse().unwrap()),
        "hide" => hide(&ring),
        "nop" => {
            let nop = Entry {
                fd: -1,
                ..Entry::default()
            };
            assert_eq!(ring.run(nop), 0);
        }
        "many" => many(&ring),
        "overflow" => overflow(&ring),
        other => panic!("no act {other:?}"),
    }
}

fn address<T>(of: &T) -> u64 {
    (&raw const *of).addr() as u64
}

fn text(text: &CString) -> u64 {
    text.as_ptr().addr() as u64
}

fn open(name: &CString) -> Entry {
    Entry {
        opcode: OPENAT,
        fd: AT_FDCWD,
        first: text(name),
        ..Entry::default()
    }
}

/// Opens a file by openat and by openat2, reads it, and opens one that is not there.
fn cat(ring: &Ring, dir: &Path) {
    std::env::set_current_dir(dir).unwrap();
    let name = CString::new("secret").unwrap();
    let whole = CString::new(dir.join("secret").to_str().unwrap()).unwrap();
    let fd = ring.run(open(&name));
    assert!(fd > 0);
    let buffer = [0_u8; 16];
    let read = Entry {
        opcode: READ,
        fd,
        first: address(&buffer),
        len: 16,
        ..Entry::default()
    };
    assert_eq!(ring.run(read), 5);
    let how = [0_u64; 3];
    let second = Entry {
        opcode: OPENAT2,
        second: address(&how),
        len: 24,
        ..open(&whole)
    };
    assert!(ring.run(second) > 0);
    let missing = CString::new("missing").unwrap();
    assert_eq!(ring.run(open(&missing)), -libc::ENOENT);
}

/// A directory, a symbolic link, a hard link to it, its new name, its end.
fn names(ring: &Ring, dir: &Path) {
    std::env::set_current_dir(dir).unwrap();
    let words = ["made", "/to/somewhere", "link", "hard", "moved"];
    let [made, target, link, hard, moved] = words.map(|word| CString::new(word).unwrap());
    let here = AT_FDCWD.cast_unsigned();
    let one = |opcode, name, len| Entry {
        opcode,
        fd: AT_FDCWD,
        first: text(name),
        len,
        ..Entry::default()
    };
    let two = |opcode, from, to| Entry {
        second: text(to),
        ..one(opcode, from, here)
    };
    for entry in [
        one(MKDIRAT, &made, 0o750),
        two(SYMLINKAT, &target, &link),
        two(LINKAT, &link, &hard),
        two(RENAMEAT, &hard, &moved),
        one(UNLINKAT, &moved, 0),
    ] {
        // Of symlinkat the directory is the first number, and there is no other.
        let len = if entry.opcode == SYMLINKAT {
            0
        } else {
            entry.len
        };
        assert_eq!(ring.run(Entry { len, ..entry }), 0, "{}", entry.opcode);
    }
}

/// Makes a socket, connects, sends.
fn talk(ring: &Ring, port: u16) {
    let socket = Entry {
        opcode: SOCKET,
        fd: libc::AF_INET,
        second: 1,
        ..Entry::default()
    };
    let fd = ring.run(socket);
    assert!(fd > 0);
    let mut address = [0_u8; 16];
    address[0] = 2;
    address[2..4].copy_from_slice(&port.to_be_bytes());
    address[4..8].copy_from_slice(&[127, 0, 0, 1]);
    let connect = Entry {
        opcode: CONNECT,
        fd,
        first: self::address(&address),
        second: 16,
        ..Entry::default()
    };
    assert_eq!(ring.run(connect), 0);
    let data = *b"hello";
    let send = Entry {
        opcode: SEND,
        fd,
        first: self::address(&data),
        len: 5,
        ..Entry::default()
    };
    assert_eq!(ring.run(send), 5);
}

/// Opens without a completion on success, on a worker of the kernel's, and from a ring
/// whose submissions a thread of the kernel takes.
fn hide(ring: &Ring) {
    const CQE_SKIP: u8 = 1 << 6;
    const ASYNC: u8 = 1 << 4;
    const SQPOLL: u32 = 1 << 1;
    let paths = ["/etc/hostname", "/etc/passwd", "/etc/group"];
    let [silent, worker, polled] = paths.map(|path| CString::new(path).unwrap());
    let mut entry = open(&silent);
    entry.flags = CQE_SKIP;
    ring.put(&[entry]);
    ring.enter(1, 0);
    assert_eq!(ring.result(), None);
    let mut entry = open(&worker);
    entry.flags = ASYNC;
    assert!(ring.run(entry) > 0);
    let ring = Ring::new(8, SQPOLL);
    ring.put(&[open(&polled)]);
    ring.enter(0, 0);
    let opened = crate::harness::until(|| ring.result());
    assert!(opened.unwrap() > 0);
}

/// One request that accepts three connections; prints their descriptors.
fn many(ring: &Ring) {
    const MULTISHOT: u16 = 1;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let accept = Entry {
        opcode: ACCEPT,
        ioprio: MULTISHOT,
        fd: std::os::fd::AsRawFd::as_raw_fd(&listener),
        user_data: 77,
        ..Entry::default()
    };
    ring.put(&[accept]);
    ring.enter(1, 0);
    let connect = || std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut connections = Vec::new();
    for _ in 0..3 {
        connections.push(connect());
        ring.enter(0, 1);
        println!("\naccepted {}", ring.result().unwrap());
    }
}

/// More completions than there is room for; prints how many found none.
fn overflow(ring: &Ring) {
    const PLACES: u32 = 16;
    let nop = Entry::default();
    for _ in 0..PLACES + 5 {
        ring.put(&[nop]);
        ring.enter(1, 0);
    }
    println!("over 5");
}
