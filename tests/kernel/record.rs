//! A run recorded on a real kernel, and replayed: byte for byte the same alerts.

use std::io::Write;
use std::process::{Command, Stdio};

use super::harness::{Sensor, until};

/// Rules about all that a recording must bring back: ancestors, users, working
/// directories, arguments, sockets, event numbers.
const RULES: &str = r#"
- rule: Started
  desc: test
  condition: evt.type in (execve, execveat)
  output: >
    %evt.num %proc.cmdline of %proc.pcmdline of %proc.aname[2] of %proc.aname[3] in %proc.cwd
    by %user.name %user.loginuid %group.name session %proc.sid terminal %proc.tty
    at %proc.exepath container %container.id env %proc.env[HOME] since %proc.pid.ts
  priority: NOTICE
- rule: Opened
  desc: test
  condition: evt.type in (open, openat, openat2) and fd.name startswith /etc
  output: "%evt.num %fd.name %evt.res by %proc.cmdline of %proc.pname %thread.tid %evt.cpu"
  priority: INFO
- rule: Connected
  desc: test
  condition: evt.type = connect
  output: "%evt.num %fd.name by %proc.cmdline of %proc.aname[4]"
  priority: WARNING
"#;

/// What is done while the sensor runs, again and again, by a shell that was
/// there before it and by new ones.
const ACTS: &str = "cat /etc/shadow > /dev/null; (cd /tmp; ls /etc > /dev/null); \
    (setsid sh -c 'sleep 0.1; cat /etc/hostname > /dev/null' &); \
    echo dHJ1ZQo= | base64 -d | sh; \
    bash -c 'true < /dev/tcp/127.0.0.1/9' 2> /dev/null; true";

fn replay(dir: &std::path::Path, recording: &str, more: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_sensor"))
        .args(["replay", recording, "-c", "sensor.yaml", "--format", "json"])
        .args(more)
        .current_dir(dir)
        .output()
        .unwrap()
}

#[test]
fn a_recorded_run_replays_to_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (rules, recording) = (dir.path().join("rules.yaml"), dir.path().join("run.rec"));
    std::fs::write(&rules, RULES).unwrap();
    let mut old = Command::new("sh")
        .args(["-c", &format!("while read line; do {ACTS}; done")])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let arguments = ["--record", recording.to_str().unwrap()];
    let sensor = Sensor::start_with(dir, &rules, "rule_matching: all", "", &arguments);
    for _ in 0..20 {
        old.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
        let status = Command::new("sh").args(["-c", ACTS]).status().unwrap();
        assert!(status.success());
    }
    drop(old.stdin.take());
    old.wait().unwrap();
    until(|| (sensor.alerts().len() > 1000).then_some(())).expect("the acts raise alerts");
    let (finished, dir) = sensor.stop();
    finished.assert_adds_up();
    assert!(
        finished.log.contains("could not be written: 0"),
        "{}",
        finished.log
    );

    let live = std::fs::read(dir.path().join("alerts.json")).unwrap();
    let replayed = replay(dir.path(), "run.rec", &[]);
    let account = String::from_utf8_lossy(&replayed.stderr).into_owned();
    assert!(replayed.status.success(), "{account}");
    assert!(!account.contains("DOES NOT ADD UP"), "{account}");
    assert!(!account.contains("no answer to"), "{account}");
    assert!(
        replayed.stdout == live,
        "live and replay differ; see {:?}",
        dir.keep()
    );
    // The account of events is the live one, line by line.
    let rows = |log: &str| -> Vec<String> {
        let rows = log
            .lines()
            .skip_while(|line| !line.contains("account of events"));
        rows.skip(1).take(6).map(str::to_owned).collect()
    };
    assert_eq!(rows(&account), rows(&finished.log));
    // A crash loses the end and no more.
    let whole = std::fs::read(&recording).unwrap();
    std::fs::write(dir.path().join("torn.rec"), &whole[..whole.len() - 200]).unwrap();
    let torn = replay(dir.path(), "torn.rec", &[]);
    assert_eq!(torn.status.code(), Some(1));
    assert!(!torn.stdout.is_empty() && live.starts_with(&torn.stdout));
}

#[test]
fn a_command_is_recorded_alone_and_its_code_kept() {
    let dir = tempfile::tempdir().unwrap();
    let secret = format!("another-process-{}", std::process::id());
    let mut other = Command::new("sh")
        .args(["-c", &format!("while sleep 0.05; do : {secret}; done")])
        .spawn()
        .unwrap();
    let record = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_sensor"))
            .args(["record", "-o", "a.rec"])
            .args(arguments)
            .current_dir(dir.path())
            .output()
            .unwrap()
    };
    let command = ["--", "sh", "-c", "sleep 0.3; cat /etc/hostname; exit 7"];
    let output = record(&[&["--only-command"][..], &command].concat());
    let all = record(&["--duration", "300ms"]);
    other.kill().unwrap();
    other.wait().unwrap();
    let account = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(7), "{account}");
    assert!(!account.contains("DOES NOT ADD UP"), "{account}");
    let others = account.split("left out: ").nth(1).unwrap();
    assert_ne!(others.trim(), "0", "{account}");
    assert!(
        all.status.success(),
        "{}",
        String::from_utf8_lossy(&all.stderr)
    );
    // Overwritten by the second: it tells of the others.
    std::fs::write(dir.path().join("sensor.yaml"), "").unwrap();
    std::fs::write(dir.path().join("rules.yaml"), RULES).unwrap();
    let told = replay(dir.path(), "a.rec", &["-r", "rules.yaml"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains(&secret), "{told}");
    record(&[&["--only-command"][..], &command].concat());
    let told = replay(dir.path(), "a.rec", &["-r", "rules.yaml"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(
        told.contains("cat /etc/hostname") && !told.contains(&secret),
        "{told}"
    );
}
