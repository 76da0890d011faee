//! After losses the process table becomes true again: those who live on are known from
//! `/proc` when they act, and that they had to be is counted.

use std::io::Write;
use std::process::Command;

use sensor::capture::{Kind, Options};
use sensor::decode::Body;
use sensor::enrich::State;

use crate::harness::Sensor;
use crate::proctable::{Live, Shell, args};

fn counted(state: &State, what: &str) -> u64 {
    let account = state.account();
    account.iter().find(|(of, _)| *of == what).unwrap().1
}

/// Opens more than the smallest ring holds, in a process of its own: what the process of
/// the capture does is not reported.
fn flood() {
    let opens = "i=0; while [ $i -lt 5000 ]; do : < /dev/null; i=$((i+1)); done";
    let status = Command::new("/bin/sh").args(["-c", opens]).status();
    assert!(status.unwrap().success());
}

fn say(shell: &Shell, word: &str) {
    let mut input = shell.0.stdin.as_ref().unwrap();
    writeln!(input, "{word}").unwrap();
}

#[test]
fn who_outlived_a_loss_is_known_with_program_and_parents_at_the_next_record() {
    // Known before the loss; in it each becomes another program, or has children.
    let changed =
        Shell::start("read go; exec /bin/sh -c 'read go; : < /dev/null; read end' changed; :");
    let mut live = Live::with(&Options {
        ring_bytes: 64 * 1024,
        ..Options::default()
    });
    flood();
    say(&changed, "go");
    // Born while nothing fits, with a child that will act.
    let born = Shell::start("/bin/sh -c 'read go; : < /dev/null; read end' child; :");
    let there = |pid: u32, text: &str| {
        let read = |pid: u32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        crate::harness::until(|| {
            let cmdline = String::from_utf8_lossy(&read(pid)).replace('\0', " ");
            cmdline.ends_with(text).then_some(())
        })
        .expect("the shell becomes what it is to be");
    };
    there(changed.pid(), " changed ");
    let child = crate::harness::until(|| {
        let path = format!("/proc/{0}/task/{0}/children", born.pid());
        std::fs::read_to_string(path).ok()?.trim().parse().ok()
    });
    let child = child.expect("the shell has a child");
    there(child, " child ");
    live.drain(&mut |_| ());
    let lost = live.capture.counters().unwrap();
    for kind in [Kind::Exec, Kind::Fork] {
        assert!(lost.kind(kind).lost() > 0, "no {} was lost", kind.name());
    }
    live.state.doubt();
    let before = counted(&live.state, "filled in from /proc");
    say(&changed, "go");
    say(&born, "go");
    let (mut found, mut wrong) = (0, Vec::new());
    live.until("both opens", |seen| {
        let pid = seen.event.task.pid;
        let opens = matches!(&seen.event.body, Body::Open(open) if open.name == b"/dev/null");
        let process = seen.process;
        let ours = opens && (pid == changed.pid() || pid == child);
        if let Some(process) = process.filter(|_| ours) {
            found += 1;
            let expect = if pid == child {
                &b"child"[..]
            } else {
                b"changed"
            };
            let ancestors: Vec<u32> = seen
                .processes
                .ancestors(process)
                .map(|it| it.key.pid)
                .collect();
            let parent = if pid == child {
                born.pid()
            } else {
                std::process::id()
            };
            if !args(seen).ends_with(expect) || !process.image.exe_path.ends_with(b"sh") {
                wrong.push(format!("{pid}: {:?}", String::from_utf8_lossy(args(seen))));
            }
            if ancestors.first() != Some(&parent) || !ancestors.contains(&std::process::id()) {
                wrong.push(format!("{pid}: ancestors {ancestors:?}"));
            }
        }
        found >= 2
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(counted(&live.state, "read again after losses") > 0);
    assert!(counted(&live.state, "filled in from /proc") > before);
    assert!(counted(&live.state, "met without their start") > 0);
}

const RULES: &str = "
- {rule: Mark, desc: d, condition: 'evt.type in (open, openat) and fd.name startswith /dev/null/mark',
   output: '%proc.cmdline of %proc.pname', priority: info}
- {rule: Opens, desc: d, condition: 'evt.type in (open, openat) and fd.name = /never', output: o,
   priority: info}
";

#[test]
fn a_sensor_that_lost_an_exec_learns_what_runs_before_it_says_that_it_lost_any() {
    // `:` would end the shell when it cannot open the file, before /proc is asked.
    let changed = Shell::start(
        "read go; exec /bin/sh -c 'read go; true < /dev/null/mark; read end' changed; :",
    );
    let sensor = Sensor::start(RULES, "capture: {ring_mib: 1}", "");
    sensor.signal(rustix::process::Signal::STOP);
    for _ in 0..4 {
        flood();
    }
    say(&changed, "go");
    crate::harness::until(|| {
        let path = format!("/proc/{}/cmdline", changed.pid());
        let cmdline = std::fs::read(path).unwrap_or_default();
        cmdline.ends_with(b"changed\0").then_some(())
    })
    .expect("the shell becomes another");
    sensor.signal(rustix::process::Signal::CONT);
    let told = sensor.wait_rule("Sensor internal: events lost", "exec");
    assert!(
        told["output_fields"]["events"]["exec"].as_u64() > Some(0),
        "{told}"
    );
    // The look that found the loss comes before the doubt: give it one more turn.
    sensor.wait_account(|account| {
        let known = account["processes"]["known"].as_u64();
        known > Some(0)
            && account["events"]
                .as_array()
                .unwrap()
                .iter()
                .all(|row| row["waiting"] == 0)
    });
    std::thread::sleep(std::time::Duration::from_millis(500));
    say(&changed, "go");
    let alert = sensor.wait_rule("Mark", "");
    let output = &alert["output_fields"];
    let cmdline = output["proc.cmdline"].as_str().unwrap();
    assert!(cmdline.ends_with(" changed"), "{alert}");
    sensor
        .wait_account(|account| account["processes"]["read again after losses"].as_u64() > Some(0));
    let (finished, _dir) = sensor.stop();
    finished.assert_adds_up();
    assert!(
        finished.log.contains("read again after losses"),
        "{}",
        finished.log
    );
}
