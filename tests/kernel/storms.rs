//! Storms of events: attempts counted by the kernel itself are what the sensor
//! evaluated, filtered and lost, kind by kind and CPU by CPU.
//!
//! The kernel counts on twice: from before the programs are attached until after
//! they are detached, and within that. What the programs saw is never more than the
//! one and never less than the other; and where nothing happened in between, which
//! is so as a rule, it is exactly both.

use std::time::{Duration, Instant};

use sensor::alert::{AlertOptions, Composer};
use sensor::capture::{CallRow, Capture, Choice, Counters, Kind, KindCounters, Options, Way};
use sensor::detect::engine::{Engine, Matching};
use sensor::detect::rules::{LoadOptions, load_texts};
use sensor::enrich::{self, State};
use sensor::metrics::EventAccount;
use sensor::pipeline::Pipeline;
use sensor_ebpf::call::{CWD, CallSet, Plan, RESULT, STEPS, TARGET_CALL, step};

use crate::acts::{act_in, asked};
use crate::harness::slower;
use crate::independent::{Counter, Point, cpus};

const fn all(name: &'static str) -> Point {
    Point { name, filter: "" }
}

const fn some(name: &'static str, filter: &'static str) -> Point {
    Point { name, filter }
}

const fn calls(filter: &'static str) -> Point {
    some("raw_syscalls/sys_exit", filter)
}

/// A row of the account.
#[derive(Clone, Copy)]
enum What {
    Kind(Kind),
    /// A call by its number, and its name.
    Call(u16, &'static str),
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.name(),
            Self::Call(_, name) => name,
        }
    }

    fn per_cpu(self, counters: &Counters) -> &[KindCounters] {
        match self {
            Self::Kind(kind) => counters.per_cpu(kind),
            Self::Call(number, _) => counters.call_per_cpu(number),
        }
    }
}

const fn row(number: u16, name: &'static str, steps: [u32; STEPS]) -> CallRow {
    let target = TARGET_CALL;
    CallRow {
        number,
        name,
        plan: Plan { target, steps },
    }
}

/// What is read for the calls that have no kind of their own.
static TABLE: [CallRow; 3] = [
    row(
        82,
        "rename",
        [
            step::new(step::PATH, 0, CWD),
            step::new(step::PATH, 1, CWD),
            0,
            0,
            0,
            0,
            0,
        ],
    ),
    row(
        87,
        "unlink",
        [step::new(step::PATH, 0, CWD), 0, 0, 0, 0, 0, 0],
    ),
    row(
        288,
        "accept4",
        [step::new(step::DESCRIPTOR, RESULT, 0), 0, 0, 0, 0, 0, 0],
    ),
];

/// What the kernel counts for each row.
///
/// Calls by the tracepoint of all calls' exits: on a call's own tracepoint a program
/// that gives 0, as ours do, keeps the event from others.
const ROWS: [(What, &[Point]); 8] = [
    (
        What::Kind(Kind::Exec),
        &[
            all("sched/sched_process_exec"),
            calls("(id == 59 || id == 322) && ret < 0"),
        ],
    ),
    (
        // New tasks that are no threads, and not the kernel's own.
        What::Kind(Kind::Fork),
        &[some(
            "task/task_newtask",
            "!(clone_flags & 0x10000) && common_pid != 2",
        )],
    ),
    (What::Kind(Kind::Exit), &[EXIT]),
    (
        What::Kind(Kind::Open),
        &[calls("id == 2 || id == 257 || id == 437 || id == 85")],
    ),
    (What::Kind(Kind::Connect), &[calls("id == 42")]),
    (What::Call(82, "rename"), &[calls("id == 82")]),
    (What::Call(87, "unlink"), &[calls("id == 87")]),
    (What::Call(288, "accept4"), &[calls("id == 288")]),
];

/// The size of a storm on this machine.
fn sized(storm: usize) -> usize {
    storm / slower() as usize
}

/// The end of a process.
const EXIT: Point = some("sched/sched_process_exit", "group_dead == 1");

/// Whether this kernel's tracepoint tells the end of a process from those of threads.
/// Older ones count all, which is no less.
fn tells_processes_from_threads() -> bool {
    let format = "/sys/kernel/tracing/events/sched/sched_process_exit/format";
    std::fs::read_to_string(format)
        .unwrap()
        .contains("group_dead")
}

/// A counter of these points, and of all exits where they cannot be told apart.
fn counter(points: &[Point]) -> Counter {
    match points {
        [EXIT] if !tells_processes_from_threads() => Counter::of(&[all(EXIT.name)]),
        points => Counter::of(points),
    }
}

/// How large each storm is.
const FORKS: usize = 300;
const OPENS: usize = 20_000;
const CONNECTIONS: usize = 1_000;
const FILES: usize = 50_000;

/// The children's side.
#[test]
fn perform() {
    let Some((name, argument)) = asked() else {
        return;
    };
    match name.as_str() {
        "forks" => (0..sized(FORKS)).for_each(|_| {
            let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
            child.wait().unwrap();
            std::process::Command::new("/no/such").spawn().unwrap_err();
        }),
        "opens" => (0..sized(OPENS)).for_each(|_| drop(std::fs::File::open("/dev/null").unwrap())),
        "connections" => {
            let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = server.local_addr().unwrap();
            for _ in 0..sized(CONNECTIONS) {
                let client = std::net::TcpStream::connect(address).unwrap();
                drop((client, server.accept().unwrap()));
            }
        }
        "files" => (0..sized(FILES)).for_each(|number| {
            let path = format!("{argument}/{number}");
            let renamed = format!("{argument}/{number}.done");
            drop(std::fs::File::create(&path).unwrap());
            std::fs::rename(&path, &renamed).unwrap();
            std::fs::remove_file(&renamed).unwrap();
        }),
        other => panic!("no act {other:?}"),
    }
}

/// All storms at once, two by two.
fn storm() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            act_in("storms", "forks", "");
            act_in("storms", "opens", "");
            act_in("storms", "connections", "");
        });
        act_in("storms", "files", path);
    });
}

const RULES: &str = "
- {rule: R, desc: d, condition: 'evt.type in (openat, execve) and fd.name = /no/such',
   output: o, priority: info}
";

fn pipeline() -> Pipeline {
    let loaded = load_texts(&[("r.yaml", RULES.as_bytes())], &LoadOptions::default()).unwrap();
    let mut state = State::new(enrich::Options::default());
    state.seed().unwrap();
    let composer = Composer::new(state.host(), AlertOptions::default());
    Pipeline::new(state, Engine::new(&loaded.rules, Matching::First), composer)
}

/// A capture, the walk behind it, and the kernel's counters around it.
struct Watched {
    outer: [Counter; ROWS.len()],
    inner: [Counter; ROWS.len()],
    capture: Capture,
    pipeline: Pipeline,
}

impl Watched {
    fn start(ring_bytes: u32) -> Self {
        let mut calls = CallSet::EMPTY;
        for row in &TABLE {
            calls.insert(row.number);
        }
        let options = Options {
            ring_bytes,
            calls,
            table: &TABLE,
            // The filters above know 64-bit calls only.
            choice: Choice::Given(Way::Each),
            ..Options::default()
        };
        let count = || ROWS.map(|(_, points)| counter(points));
        let outer = count();
        let capture =
            Capture::start(&options).expect("kernel tests need root and a kernel with BTF");
        Self {
            outer,
            inner: count(),
            capture,
            pipeline: pipeline(),
        }
    }

    fn drain(&mut self) {
        let pipeline = &mut self.pipeline;
        let mut walk = |record: &[u8]| pipeline.record(record, &mut |_| ());
        self.capture.drain(usize::MAX, &mut walk);
    }

    /// Compares; gives for how many rows and CPUs it was equal to the last event,
    /// and how many events were lost.
    fn compare(mut self) -> (usize, u64) {
        let least = self.inner.map(|counter| counter.read());
        self.capture.detach();
        let most = self.outer.each_ref().map(Counter::read);
        let pipeline = &mut self.pipeline;
        let mut walk = |record: &[u8]| pipeline.record(record, &mut |_| ());
        self.capture.drain(usize::MAX, &mut walk);
        let counters = self.capture.counters().unwrap();
        let account = self.pipeline.account(&counters);
        let mut exact = 0;
        for (((what, points), mut least), most) in ROWS.iter().zip(least).zip(most) {
            let exits_only = matches!(points, [EXIT]);
            let told_apart = !exits_only || tells_processes_from_threads();
            if !told_apart {
                least.fill(0);
            }
            let row = account.iter().find(|row| row.kind == what.name()).unwrap();
            assert!(row.holds() && row.waiting == 0, "{row:?}");
            let explained = row.explained();
            let sum = |counts: &[u64]| counts.iter().sum::<u64>();
            let (low, high) = (sum(&least), sum(&most));
            assert!(
                low > 0 || !told_apart,
                "{}: the kernel counts nothing",
                row.kind
            );
            assert!(
                (low..=high).contains(&explained),
                "{}: {explained} explained, the kernel counted {low} to {high}: {row:?}",
                row.kind
            );
            let per_cpu = what.per_cpu(&counters);
            for cpu in 0..cpus() {
                let (seen, low, high) = (per_cpu[cpu], least[cpu], most[cpu]);
                assert!(seen.adds_up(), "{} on {cpu}: {seen:?}", row.kind);
                assert!(
                    (low..=high).contains(&seen.seen),
                    "{} on {cpu}: {seen:?}, the kernel counted {low} to {high}",
                    row.kind
                );
            }
            exact += least
                .iter()
                .zip(&most)
                .filter(|(low, high)| low == high)
                .count();
        }
        (exact, account.iter().map(EventAccount::lost).sum())
    }
}

#[test]
fn every_attempt_of_the_storms_is_explained_whether_the_ring_holds_them_or_not() {
    let mut held = Watched::start(Options::default().ring_bytes);
    // Nobody reads this one before the end.
    let small = Watched::start(64 * 1024);
    let storms = std::thread::spawn(storm);
    let end = Instant::now() + Duration::from_secs(400);
    while !storms.is_finished() {
        assert!(Instant::now() < end, "the storms never end");
        held.capture.poll(Duration::from_millis(20)).unwrap();
        held.drain();
        // At every moment: only what is being written right now may be missing.
        let counters = held.capture.counters().unwrap();
        for row in held.pipeline.account(&counters) {
            let apart = row.captured.abs_diff(row.explained());
            assert!(apart <= 64, "{row:?}");
        }
    }
    storms.join().unwrap();
    let (exact_small, lost) = small.compare();
    assert!(lost > sized(10_000) as u64, "only {lost} lost");
    let (exact, lost) = held.compare();
    println!("lost by the default ring: {lost}");
    assert!(exact + exact_small > 0, "something happened at every edge");
}
