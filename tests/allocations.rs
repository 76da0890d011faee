//! The hot path, once warm, allocates nothing: records of opens, connects and
//! other calls go through decode, enrich and all shipped rules with the
//! allocator counted.
#![expect(
    clippy::unwrap_used,
    reason = "a test may fail loudly, in its helpers too"
)]

use sensor::alert::{AlertOptions, Composer};
use sensor::capture::Counters;
use sensor::detect::engine::{Engine, Matching};
use sensor::detect::rules::{LoadOptions, load_texts};
use sensor::enrich::{Options, State};
use sensor::pipeline::Pipeline;
use sensor_ebpf::call::{SECTION_ADDRESS, SECTION_BASE, SECTION_DESCRIPTOR, SECTION_TEXT};
use sensor_ebpf::{Header, Kind, call, connect, exec, exit, fork, open};
use zerocopy::{FromZeros, IntoBytes};

fn header(kind: Kind, len: usize, pid: u32) -> Header {
    let mut header = Header::new_zeroed();
    header.kind = kind as u16;
    header.len = u32::try_from(len).unwrap();
    (header.tgid, header.tid, header.ppid) = (pid, pid, 1);
    header.start_boot_ns = 1_000_000 + u64::from(pid);
    header.comm = *b"make\0\0\0\0\0\0\0\0\0\0\0\0";
    header
}

/// A successful openat of a path relative to a directory.
fn opened(pid: u32) -> Vec<u8> {
    let texts: [&[u8]; 3] = [b"../lib/libc.so.6", b"/usr/bin", b"/usr/lib/libc.so.6"];
    let mut fixed = open::Record::new_zeroed();
    [fixed.name_len, fixed.base_len, fixed.real_path_len] =
        texts.map(|text| u16::try_from(text.len()).unwrap());
    (fixed.result, fixed.call, fixed.file_mode) = (3, open::CALL_OPENAT, 0o100_644);
    fixed.header = header(
        Kind::Open,
        size_of::<open::Record>() + texts.concat().len(),
        pid,
    );
    [fixed.as_bytes(), &texts.concat()].concat()
}

/// A connection to a public address.
fn connected(pid: u32) -> Vec<u8> {
    let mut fixed = connect::Record::new_zeroed();
    fixed.family = 2;
    fixed.remote = [93, 184, 215, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    (fixed.remote_port, fixed.protocol) = (443, 6);
    fixed.header = header(Kind::Connect, size_of::<connect::Record>(), pid);
    fixed.as_bytes().to_vec()
}

/// A call with what was read for it.
fn called(pid: u32, number: u16, args: [u64; 6], sections: &[(u8, u8, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (what, arg, of) in sections {
        let head = call::Section {
            what: *what,
            arg: *arg,
            len: u16::try_from(of.len()).unwrap(),
            full: 0,
        };
        bytes.extend([head.as_bytes(), of].concat());
    }
    let mut fixed = call::Record::new_zeroed();
    (fixed.number, fixed.args) = (number, args);
    fixed.sections = u8::try_from(sections.len()).unwrap();
    fixed.header = header(Kind::Call, size_of::<call::Record>() + bytes.len(), pid);
    [fixed.as_bytes(), &bytes].concat()
}

/// A file renamed below a directory descriptor.
fn renamed(pid: u32) -> Vec<u8> {
    let sections: [(u8, u8, &[u8]); 4] = [
        (SECTION_TEXT, 1, b"a.o.tmp"),
        (SECTION_BASE, 1, b"/work/build"),
        (SECTION_TEXT, 3, b"../a.o"),
        (SECTION_BASE, 3, b"/work/build"),
    ];
    called(pid, 264, [5, 0, 5, 0, 0, 0], &sections)
}

/// A datagram to a public address.
fn sent(pid: u32) -> Vec<u8> {
    let mut socket = call::Descriptor::new_zeroed();
    (socket.number, socket.mode, socket.family) = (3, 0o140_777, 2);
    (socket.protocol, socket.local_port, socket.magic) = (17, 40_000, 1);
    let to = [2, 0, 0, 53, 93, 184, 215, 14];
    let sections: [(u8, u8, &[u8]); 2] = [
        (SECTION_ADDRESS, 4, &to),
        (SECTION_DESCRIPTOR, 0, socket.as_bytes()),
    ];
    called(pid, 44, [3, 0, 3, 0, 0, 16], &sections)
}

/// A rule that asks these calls for what has to be put together, and never fires.
const MORE: &[u8] = b"
- rule: more
  desc: asks for much
  condition: >
    evt.type in (renameat, sendto)
    and (evt.args contains nowhere or evt.arg.newpath = /nowhere or fs.path.source = /nowhere
    or fd.name = nowhere or fd.sip = 1.2.3.4 or fd.net = 1.0.0.0/8 or evt.abspath.dst = /nowhere)
  output: never
  priority: DEBUG
";

fn pipeline() -> Pipeline {
    let files = [sensor::shipped::RULES, &[("more.yaml", MORE)]].concat();
    let rules = load_texts(&files, &LoadOptions::default()).unwrap().rules;
    // An empty directory for /proc: the processes of this test are made up.
    let state = State::new(Options {
        procfs: "/var/empty".into(),
        ..Options::default()
    });
    let composer = Composer::new(state.host(), AlertOptions::default());
    Pipeline::new(state, Engine::new(&rules, Matching::All), composer)
}

/// A process's life: forked by init, it becomes a program, and ends.
fn life(number: u64) -> [Vec<u8>; 3] {
    // Pids come round as a kernel's do.
    let pid = 300 + u32::try_from(number % 60_000).unwrap();
    let start = 5_000_000_000 + number * 1_000;
    let own = |kind, len| {
        let mut header = header(kind, len, pid);
        header.time_ns = start;
        header.start_boot_ns = start;
        header
    };
    let mut forked = fork::Record::new_zeroed();
    forked.header = header(Kind::Fork, size_of::<fork::Record>(), 1);
    forked.header.time_ns = start;
    forked.header.start_boot_ns = 1;
    (forked.child_tgid, forked.child_ppid) = (pid, 1);
    forked.child_start_boot_ns = start;
    let argv = format!("sh\0-c\0echo {number}\0");
    let mut started = exec::Record::new_zeroed();
    started.argv_len = u16::try_from(argv.len()).unwrap();
    started.header = own(Kind::Exec, size_of::<exec::Record>() + argv.len());
    let mut ended = exit::Record::new_zeroed();
    ended.header = own(Kind::Exit, size_of::<exit::Record>());
    [
        forked.as_bytes().to_vec(),
        [started.as_bytes(), argv.as_bytes()].concat(),
        ended.as_bytes().to_vec(),
    ]
}

#[test]
fn short_processes_leave_memory_flat_a_million_where_that_is_quick() {
    // Unoptimised, a million take minutes.
    let lives = if cfg!(debug_assertions) {
        100_000
    } else {
        1_000_000
    };
    let mut pipeline = pipeline();
    let mut live = |numbers: std::ops::Range<u64>| {
        for record in numbers.flat_map(life) {
            pipeline.record(&record, &mut |_| ());
        }
    };
    // The table fills up to what it keeps of those that ended.
    live(100_000..170_000);
    let counted = allocation_counter::measure(|| live(170_000..170_000 + lives));
    assert!(counted.count_total > lives, "{counted:?}");
    // Longer numbers in longer arguments, and what one record takes meanwhile.
    assert!(counted.bytes_current.abs() < 256 << 10, "{counted:?}");
    assert!(counted.bytes_max < 1 << 20, "{counted:?}");
}

#[test]
fn an_event_that_raises_no_alert_allocates_nothing() {
    let records: Vec<Vec<u8>> = (4_000_000..4_000_050)
        .flat_map(|pid| [opened(pid), connected(pid), renamed(pid), sent(pid)])
        .collect();
    let mut pipeline = pipeline();
    let mut walk = |rounds: usize| {
        for record in std::iter::repeat_n(&records, rounds).flatten() {
            pipeline.record(record, &mut |alert| {
                panic!("no alert was meant: {}", alert.output)
            });
        }
    };
    // The arena finds its size, the processes become known, patterns build their caches.
    walk(3);
    let counted = allocation_counter::measure(|| walk(100));
    assert_eq!(counted.count_total, 0, "{counted:?}");
    // All of them were put before the rules, and the counter does count.
    for row in pipeline.account(&Counters::default()) {
        let expect = match row.kind {
            "open" | "connect" | "renameat" | "sendto" => 103 * 50,
            _ => 0,
        };
        assert_eq!(row.evaluated, expect, "{row:?}");
    }
    assert_eq!(
        allocation_counter::measure(|| drop(records.clone())).count_total,
        201
    );
}
