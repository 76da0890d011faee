//! A sensor started in the middle of a storm: what happens between attaching and the
//! look at `/proc` is neither missed nor doubled, and who lives is known as he is.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::harness::{Sensor, read_alerts};
use crate::proctable::{Cgroup, Live, Shell, args, is_exec_of};

/// How often a sensor is started.
const STARTS: usize = 10;
/// Threads that start marked programs, and how many each.
const THREADS: usize = 3;
const MARKED: usize = 20;

/// Forks, execs, shells in shells, subshells, daemons whose parents go, and threads of
/// other programs, until it is killed.
fn storm(procs: &str) -> Vec<Shell> {
    let busy = "while :; do /bin/true a; (exit 3); (/bin/true b & /bin/true c); \
                /bin/sh -c '/bin/sh -c \"/bin/true d\" & wait'; done";
    let daemons = "while :; do ( ( /bin/sleep 2.01 & ) & ); /bin/sh -c '/bin/sleep 2.02 & \
                   /bin/sleep 0.2'; /bin/sleep 0.05; done";
    let contained = format!(
        "while :; do /bin/sh -c 'echo $$ > {procs}; ( /bin/sleep 2.03 & ); exec /bin/sleep 1.04'; \
         /bin/sleep 0.1; done"
    );
    let scripts = [busy, daemons, &contained];
    scripts.map(Shell::start).into_iter().collect()
}

/// One process as `/proc` has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    ppid: u32,
    name: String,
    exe: Vec<u8>,
    argv: Vec<u8>,
    container: Option<String>,
}

/// What `/proc` says of the members of those process groups.
fn shown(groups: &[u32]) -> BTreeMap<u32, Shown> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let show = |pid: u32| {
        let file = |name: &str| format!("/proc/{pid}/{name}");
        let stat = fs::read_to_string(file("stat")).ok()?;
        let mut rest = stat.rsplit_once(") ")?.1.split(' ').skip(1);
        let ppid = rest.next()?.parse().ok()?;
        let group: u32 = rest.next()?.parse().ok()?;
        let exe = fs::read_link(file("exe")).ok()?;
        let cgroup = fs::read_to_string(file("cgroup")).ok()?;
        let container = cgroup.lines().find_map(|line| line.split_once("/docker/"));
        let shown = Shown {
            ppid,
            name: fs::read_to_string(file("comm")).ok()?.trim_end().to_owned(),
            exe: exe.into_os_string().into_encoded_bytes(),
            argv: fs::read(file("cmdline")).ok()?,
            container: container.map(|(_, id)| id.to_owned()),
        };
        groups.contains(&group).then_some((pid, shown))
    };
    pids.filter_map(show).collect()
}

/// The same as the table has it, all records so far applied.
fn known(live: &mut Live, pids: &[u32]) -> BTreeMap<u32, Shown> {
    let mut marker = Command::new("/bin/true").spawn().unwrap();
    marker.wait().unwrap();
    let mut known = BTreeMap::new();
    live.until("the marker's exit", |seen| {
        let ended = matches!(seen.event.body, sensor::decode::Body::Exit(_));
        let there = ended && seen.event.task.pid == marker.id();
        if there {
            let find = |pid: &u32| {
                let process = seen.processes.by_pid(*pid)?;
                let image = &process.image;
                let container = process.place.container.as_deref();
                let argv = if image.exe.is_empty() {
                    Vec::new()
                } else {
                    [&*image.exe, b"\0", &*image.argv_rest].concat()
                };
                let shown = Shown {
                    ppid: process.parent.map_or(0, |key| key.pid),
                    name: String::from_utf8_lossy(process.comm.as_bytes()).into_owned(),
                    exe: image.exe_path.to_vec(),
                    argv,
                    container: container.map(|container| container.full_id.clone()),
                };
                Some((*pid, shown))
            };
            known = pids.iter().filter_map(find).collect();
        }
        there
    });
    known
}

/// Starts programs with marks nobody else has, from several threads at once; gives the
/// marks.
fn marked(start: usize) -> Vec<String> {
    static RUN: AtomicUsize = AtomicUsize::new(0);
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    let mark = |thread, number| format!("m{}-{run}-{start}-{thread}-{number}", std::process::id());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for number in 0..MARKED {
                    let mut command = Command::new("/bin/true");
                    command.arg(mark(thread, number)).status().unwrap();
                }
            });
        }
    });
    let all = (0..THREADS).flat_map(|thread| (0..MARKED).map(move |number| mark(thread, number)));
    all.collect()
}

#[test]
fn a_table_begun_in_the_middle_of_a_storm_is_what_proc_says_and_sees_each_exec_once() {
    let cgroup = Cgroup::like_docker(&format!("{:064x}", u64::from(std::process::id()) + 11));
    let procs = cgroup.0.join("cgroup.procs").display().to_string();
    let storm = storm(&procs);
    let groups: Vec<u32> = storm.iter().map(Shell::pid).collect();
    let (mut compared, mut contained) = (0, 0);
    for start in 0..STARTS {
        let mut live = Live::start();
        let marks = marked(start);
        let mut execs: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        let own = std::process::id();
        live.drain(&mut |seen| {
            if is_exec_of(seen.event, b"/bin/true") && seen.event.task.ppid == own {
                *execs.entry(args(seen).to_vec()).or_default() += 1;
            }
        });
        for mark in &marks {
            assert_eq!(
                execs.get(mark.as_bytes()),
                Some(&1),
                "{mark}, start {start}"
            );
        }
        // A process may be between two of its states when it is looked at; what is
        // wrong for good stays wrong.
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let before = shown(&groups);
            let pids: Vec<u32> = before.keys().copied().collect();
            let table = known(&mut live, &pids);
            let after = shown(&groups);
            let steady = before
                .iter()
                .filter(|(pid, was)| after.get(pid) == Some(was));
            let steady: Vec<_> = steady.collect();
            let wrong = steady
                .iter()
                .filter(|(pid, was)| table.get(pid) != Some(was));
            let wrong: Vec<_> = wrong.map(|(pid, was)| (pid, was, table.get(pid))).collect();
            if wrong.is_empty() && !steady.is_empty() {
                compared += steady.len();
                contained += steady
                    .iter()
                    .filter(|(_, was)| was.container.is_some())
                    .count();
                break;
            }
            assert!(Instant::now() < end, "start {start}: {wrong:#?}");
        }
    }
    println!("{compared} processes compared, {contained} of them in a container");
    assert!(
        compared > 5 * STARTS && contained > 0,
        "{compared}, {contained}"
    );
}

#[test]
fn an_exec_is_put_before_the_rules_once_whenever_the_sensor_began() {
    let cgroup = Cgroup::like_docker(&format!("{:064x}", u64::from(std::process::id()) + 13));
    let storm = storm(&cgroup.0.join("cgroup.procs").display().to_string());
    let rules = format!(
        "- rule: Marked\n  desc: d\n  condition: evt.type = execve and evt.res = SUCCESS and \
         proc.args startswith m{}-\n  output: \"%proc.args parent=%proc.ppid\"\n  priority: INFO\n",
        std::process::id()
    );
    for start in 0..3 {
        // Marked programs before, while and after the sensor begins.
        let running = std::sync::atomic::AtomicBool::new(true);
        let sensor = std::thread::scope(|scope| {
            scope.spawn(|| {
                while running.load(Ordering::Relaxed) {
                    marked(start);
                }
            });
            let sensor = Sensor::start(&rules, "", "");
            running.store(false, Ordering::Relaxed);
            sensor
        });
        let marks = marked(start);
        let last = marks.last().unwrap();
        sensor.wait_rule("Marked", last);
        let (finished, dir) = sensor.stop();
        finished.assert_adds_up();
        assert_eq!(finished.row("exec").dropped, 0, "{}", finished.log);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for alert in read_alerts(&dir.path().join("alerts.json")) {
            let fields = &alert["output_fields"];
            assert_eq!(fields["proc.ppid"], std::process::id(), "{alert}");
            let args = fields["proc.args"].as_str().unwrap().to_owned();
            *counts.entry(args).or_default() += 1;
        }
        let doubled: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).collect();
        assert!(doubled.is_empty(), "{doubled:?}");
        for mark in marks {
            assert!(
                counts.contains_key(&mark),
                "{mark} is missing among {counts:#?}"
            );
        }
    }
    drop(storm);
}
