//! `sensor run` on a real kernel: alerts, accounts, reloads, storms, endings.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::harness::{Sensor, read_alerts, until};

/// A shell of this test run that reads /etc/shadow. Others on the machine may
/// do the same meanwhile, so the script must carry the mark of [`shadow_rule`].
const READS_SHADOW: &str = r#"
- rule: Shell reads shadow
  desc: test
  condition: >
    evt.type in (open, openat, openat2) and evt.is_open_read = true and fd.num >= 0
    and fd.name = /etc/shadow and proc.aname in (sh, dash) and proc.pcmdline contains MARK
  output: "read %fd.name by %proc.cmdline parent %proc.pcmdline user %user.name"
  priority: WARNING
  tags: [test]
"#;

/// Every exec, so that a storm is evaluated and raises nothing.
const NEVER: &str = r#"
- rule: Never
  desc: test
  condition: evt.type in (execve, execveat, open, openat, connect) and proc.name = no-such-name-here
  output: "never"
  priority: DEBUG
"#;

/// The mark of this test run.
pub(crate) fn mark() -> String {
    format!("mark-{}", std::process::id())
}

/// [`READS_SHADOW`] for this test run.
pub(crate) fn shadow_rule() -> String {
    READS_SHADOW.replace("MARK", &mark())
}

/// A script that reads /etc/shadow and then does something else.
fn reads_shadow(then: &str) -> String {
    format!("cat /etc/shadow > /dev/null; : {}; {then}", mark())
}

pub(crate) fn read_shadow() {
    let script = reads_shadow("true");
    let status = Command::new("sh").args(["-c", &script]).status().unwrap();
    assert!(status.success(), "{script}");
}

#[test]
fn a_shell_reading_shadow_raises_one_alert_whose_values_are_all_there() {
    let sensor = Sensor::start(&shadow_rule(), "", "");
    read_shadow();
    let alert = sensor.wait_rule("Shell reads shadow", "/etc/shadow");
    assert_eq!(alert["priority"], "Warning");
    assert_eq!(alert["source"], "syscall");
    assert_eq!(alert["tags"], serde_json::json!(["test"]));
    let fields = alert["output_fields"].as_object().unwrap();
    for (name, value) in fields {
        assert!(!value.is_null(), "{name} is missing: {alert}");
    }
    assert_eq!(fields["proc.cmdline"], "cat /etc/shadow");
    assert_eq!(fields["user.name"], "root");
    assert!(
        fields["proc.pcmdline"]
            .as_str()
            .unwrap()
            .starts_with("sh -c"),
        "{alert}"
    );
    assert!(
        !alert["output"].as_str().unwrap().contains("<NA>"),
        "{alert}"
    );
    assert_eq!(alert["uuid"].as_str().unwrap().len(), 36, "{alert}");
    let (finished, dir) = sensor.stop();
    finished.assert_adds_up();
    let alerts = read_alerts(&dir.path().join("alerts.json"));
    assert_eq!(alerts.len(), 1, "once, not twice: {alerts:#?}");
}

#[test]
fn the_account_is_printed_on_request_and_the_sensor_goes_on() {
    let sensor = Sensor::start(&shadow_rule(), "", "");
    sensor.signal(Signal::USR1);
    sensor.wait_log("account of alerts");
    read_shadow();
    sensor.wait_rule("Shell reads shadow", "/etc/shadow");
    let (finished, _dir) = sensor.stop();
    assert!(finished.status.success(), "{}", finished.log);
    assert_eq!(
        finished.log.matches("account of events").count(),
        2,
        "{}",
        finished.log
    );
}

#[test]
fn a_running_sensor_tells_its_account_to_people_and_programs_with_every_cpu() {
    let sensor = Sensor::start(&shadow_rule(), "", "");
    read_shadow();
    sensor.wait_rule("Shell reads shadow", "/etc/shadow");
    let account = sensor.wait_account(|account| account["outputs"][0]["delivered"] == 1);
    assert_eq!(account["alerts"], 1);
    let output = &account["outputs"][0];
    assert_eq!(
        (&output["output"], &output["raised"], &output["holds"]),
        (&"json".into(), &1.into(), &true.into())
    );
    assert!(
        account["processes"]["known"].as_u64() > Some(1),
        "{account}"
    );
    let rows = account["events"].as_array().unwrap();
    for kind in ["exec", "fork", "exit", "open"] {
        let row = rows.iter().find(|row| row["kind"] == kind).unwrap();
        assert!(row["captured"].as_u64() > Some(0), "{row}");
        let cpus = row["cpus"].as_array().unwrap();
        assert_eq!(cpus.len(), crate::independent::cpus(), "{row}");
        let sum: u64 = cpus
            .iter()
            .map(|cpu| cpu["captured"].as_u64().unwrap())
            .sum();
        assert_eq!(Some(sum), row["captured"].as_u64(), "{row}");
        // A program is caught within its work once in a great while, and read again.
        assert!(cpus.iter().all(|cpu| cpu["holds"] == true), "{row}");
    }
    let text = sensor.ask_account(&["--cpus"]);
    let by_cpu = text.split_once("account by CPU").unwrap().1;
    assert!(
        text.starts_with("account of events") && by_cpu.contains("exec"),
        "{text}"
    );
    let (finished, dir) = sensor.stop();
    assert!(finished.status.success(), "{}", finished.log);
    let gone = Command::new(env!("CARGO_BIN_EXE_sensor"))
        .args(["account", "--directory"])
        .arg(dir.path().join("control"))
        .output()
        .unwrap();
    assert_eq!(gone.status.code(), Some(2));
}

#[test]
fn an_edited_rule_takes_effect_and_a_broken_edit_keeps_the_old_ones() {
    let sensor = Sensor::start(&shadow_rule(), "", "");
    let path = sensor.dir.path().join("rules.yaml");
    // This shell lives through the reload: afterwards its children still have
    // it as parent, so the process table was kept.
    let mut old = Command::new("sh")
        .args([
            "-c",
            &format!("while read line; do {}; done", reads_shadow("true")),
        ])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let act = |child: &mut std::process::Child| {
        child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    };
    act(&mut old);
    sensor.wait_rule("Shell reads shadow", "while read");

    std::fs::write(&path, "- rule: broken\n  condition: proc.nam = x\n").unwrap();
    sensor.wait_log("the old ones stay in force");
    let before = sensor.alerts().len();
    act(&mut old);
    until(|| (sensor.alerts().len() > before).then_some(())).expect("the old rule still works");

    std::fs::write(&path, shadow_rule().replace("Shell reads shadow", "Edited")).unwrap();
    sensor.wait_log("the edited rules are in force");
    act(&mut old);
    sensor.wait_rule("Edited", "while read");

    std::fs::write(
        &path,
        shadow_rule().replace("Shell reads shadow", "By signal"),
    )
    .unwrap();
    sensor.signal(Signal::HUP);
    until(|| {
        (sensor
            .log()
            .matches("the edited rules are in force")
            .count()
            > 1)
        .then_some(())
    })
    .expect("SIGHUP loads the rules again");
    act(&mut old);
    sensor.wait_rule("By signal", "while read");
    drop(old.stdin.take());
    old.wait().unwrap();
    let (finished, _dir) = sensor.stop();
    finished.assert_adds_up();
}

/// Asks a running sensor about its rules.
fn rules(sensor: &Sensor, what: &str, more: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_sensor"))
        .args(["rules", what, "--pid", &sensor.pid().to_string()])
        .arg("--directory")
        .arg(sensor.dir.path().join("control"))
        .args(more)
        .output()
        .unwrap()
}

#[test]
fn a_running_sensor_says_whether_its_edited_rules_are_in_force() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules.yaml");
    std::fs::write(&path, shadow_rule()).unwrap();
    let config = format!(
        "watch_config_files: false\ncontrol_directory: {}",
        dir.path().join("control").display()
    );
    let sensor = Sensor::start_with(dir, &path, &config, "", &[]);
    let listed = || -> Vec<String> {
        let output = rules(&sensor, "list", &["--json"]);
        let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(listed["files"], serde_json::json!([path]));
        let names = listed["rules"].as_array().unwrap().iter();
        names
            .map(|rule| rule["rule"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(listed(), ["Shell reads shadow"]);
    // Events of before, between and after: none is lost and each finds its rules.
    let mut storm = Command::new("sh")
        .args([
            "-c",
            &format!("while :; do {}; done", reads_shadow("sleep 0.01")),
        ])
        .spawn()
        .unwrap();
    sensor.wait_rule("Shell reads shadow", "while");

    std::fs::write(&path, "- rule: broken\n  condition: proc.nam = x\n").unwrap();
    let broken = rules(&sensor, "reload", &[]);
    let shown = String::from_utf8_lossy(&broken.stderr).into_owned();
    assert_eq!(broken.status.code(), Some(1), "{shown}");
    assert!(shown.contains("did you mean `proc.name`"), "{shown}");
    assert!(shown.contains("the old ones stay in force"), "{shown}");
    assert_eq!(listed(), ["Shell reads shadow"]);
    let before = sensor.alerts().len();
    until(|| (sensor.alerts().len() > before).then_some(())).expect("the old rule still works");

    for round in 0..10 {
        let name = format!("Round {round}");
        std::fs::write(&path, shadow_rule().replace("Shell reads shadow", &name)).unwrap();
        let fine = rules(&sensor, "reload", &[]);
        let shown = String::from_utf8_lossy(&fine.stdout).into_owned();
        assert!(
            fine.status.success() && shown.contains("1 rule(s)"),
            "{shown}"
        );
        assert_eq!(listed().as_slice(), std::slice::from_ref(&name));
        sensor.wait_rule(&name, "while");
    }
    storm.kill().unwrap();
    storm.wait().unwrap();
    let socket = sensor
        .dir
        .path()
        .join(format!("control/{}.sock", sensor.pid()));
    assert!(socket.exists());
    let (finished, _dir) = sensor.stop();
    finished.assert_adds_up();
    for kind in ["exec", "fork", "exit", "open"] {
        assert_eq!(finished.row(kind).dropped, 0, "{kind}: {}", finished.log);
    }
    assert!(!socket.exists(), "it goes with the sensor");
}

/// A rule that needs no open, so that the sensor starts without capturing any.
const EXEC_ONLY: &str = r#"
- rule: Never
  desc: test
  condition: evt.type = execve and proc.name = no-such-name-here
  output: "never"
  priority: DEBUG
"#;

#[test]
fn an_edited_rule_that_needs_other_events_gets_them_after_privileges_are_gone() {
    let sensor = Sensor::start(EXEC_ONLY, "", "");
    let mut threads = 0;
    for task in std::fs::read_dir(format!("/proc/{}/task", sensor.pid())).unwrap() {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let effective = status
            .lines()
            .find_map(|line| line.strip_prefix("CapEff:"))
            .unwrap();
        let effective = u64::from_str_radix(effective.trim(), 16).unwrap();
        // DAC_READ_SEARCH, SYS_PTRACE, PERFMON and BPF, by capability number.
        let kept = (1 << 2) | (1 << 19) | (1 << 38) | (1 << 39);
        assert_eq!(effective & !kept, 0, "{status}");
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
        threads += 1;
    }
    assert!(
        threads > 3,
        "signals, rules and outputs have threads of their own: {threads}"
    );

    std::fs::write(sensor.dir.path().join("rules.yaml"), shadow_rule()).unwrap();
    sensor.wait_log("the edited rules are in force");
    read_shadow();
    sensor.wait_rule("Shell reads shadow", "/etc/shadow");
    let (finished, _dir) = sensor.stop();
    finished.assert_adds_up();
}

#[test]
fn a_dead_output_neither_stalls_the_others_nor_the_end() {
    // A listener that accepts and never answers.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let outputs = format!(
        "  - type: webhook\n    name: dead\n    url: http://{}/\n",
        dead.local_addr().unwrap()
    );
    let sensor = Sensor::start(&shadow_rule(), "", &outputs);
    for _ in 0..20 {
        read_shadow();
    }
    until(|| (sensor.alerts().len() == 20).then_some(())).expect("the file has all of them");
    let (finished, _dir) = sensor.stop();
    assert!(finished.status.success(), "{}", finished.log);
    assert!(
        finished.took < Duration::from_secs(10),
        "took {:?}",
        finished.took
    );
    let row = finished
        .log
        .lines()
        .rfind(|line| line.trim_start().starts_with("dead"));
    let numbers: Vec<&str> = row.unwrap().split_whitespace().skip(1).take(5).collect();
    assert_eq!(
        numbers,
        ["20", "0", "0", "0", "20"],
        "raised, recovered, delivered, failed, and kept for the next start"
    );
    finished.assert_adds_up();
}

/// A program that does nothing, without libraries: the cheapest exec there is.
fn smallest_program(dir: &std::path::Path) -> std::path::PathBuf {
    let (source, program) = (dir.join("nothing.c"), dir.join("nothing"));
    std::fs::write(
        &source,
        "void _start(void){__asm__ volatile(\"mov $60,%eax\\nxor %edi,%edi\\nsyscall\");}\n",
    )
    .unwrap();
    let status = Command::new("cc")
        .args(["-static", "-nostdlib", "-O1", "-o"])
        .args([&program, &source])
        .status()
        .unwrap();
    assert!(status.success(), "cc builds the smallest program");
    program
}

#[test]
fn two_hundred_thousand_short_processes_leave_memory_bounded_and_the_account_exact() {
    const EXECS: u64 = 200_000;
    let dir = tempfile::tempdir().unwrap();
    let program = smallest_program(dir.path());
    let sensor = Sensor::start(NEVER, "processes: {capacity: 4096}", "");
    let storm = |count: u64| {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..count / 2 {
                        Command::new(&program).status().unwrap();
                    }
                });
            }
        });
    };
    storm(EXECS / 10);
    let warm = sensor.rss_kib();
    storm(EXECS - EXECS / 10);
    let after = sensor.rss_kib();
    assert!(
        after < warm + 32 * 1024,
        "memory grew from {warm} to {after} KiB"
    );
    let (finished, _dir) = sensor.stop();
    finished.assert_adds_up();
    for kind in ["exec", "fork", "exit"] {
        let row = finished.row(kind);
        assert!(row.captured >= EXECS, "{kind}: {row:?}");
    }
    println!("{}", finished.log);
}

/// Runs a command in CI mode and gives its exit code and what was said.
fn under_sensor(fail_on: &str, script: &str) -> (Option<i32>, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules.yaml");
    std::fs::write(&rules, shadow_rule()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sensor"))
        .args(["run", "-r"])
        .arg(&rules)
        .args(["--fail-on", fail_on, "--", "sh", "-c", script])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn ci_mode_ends_with_the_commands_code_or_the_alert_code() {
    for (fail_on, script, expect) in [
        ("warning", "echo out; exit 0", 0),
        ("warning", "exit 7", 7),
        ("warning", "kill -TERM $$", 128 + 15),
        ("warning", &reads_shadow("exit 0"), 120),
        // The rule is a warning: less serious than an error.
        ("error", &reads_shadow("exit 3"), 3),
        // A daemon that has left its parents still belongs to the command.
        (
            "warning",
            &format!("(setsid sh -c '{}' &); sleep 1", reads_shadow("true")),
            120,
        ),
    ] {
        let (code, stdout, stderr) = under_sensor(fail_on, script);
        assert_eq!(code, Some(expect), "{script}\n{stdout}\n{stderr}");
        if script.contains("echo") {
            assert_eq!(stdout, "out\n", "standard output belongs to the command");
        }
    }
}

#[test]
fn ci_mode_tells_the_commands_alerts_from_those_of_others() {
    let mut other = Command::new("sh")
        .args([
            "-c",
            &format!("while sleep 0.1; do {}; done", reads_shadow("true")),
        ])
        .spawn()
        .unwrap();
    let (code, _, stderr) = under_sensor("warning", "sleep 2; exit 5");
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(code, Some(5), "{stderr}");
    assert!(stderr.contains("Alerts of the command: 0"), "{stderr}");
    assert!(!stderr.contains("meanwhile: 0"), "{stderr}");
}

#[test]
fn the_demo_shows_an_alert_and_ends_well() {
    let output = Command::new(env!("CARGO_BIN_EXE_sensor"))
        .arg("demo")
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{shown}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        shown.contains("/etc/shadow") && shown.contains("after the act"),
        "{shown}"
    );
}
