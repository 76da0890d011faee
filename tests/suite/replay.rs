//! `sensor replay` on a recording that a real run made: just these alerts, and
//! an error at its place for every file that is not whole.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

/// What the recorded shell did, seen by these; the ids as they were live.
const RULES: &str = r#"
- rule: Hashes read
  desc: test
  condition: >
    evt.type in (open, openat, openat2) and evt.is_open_read = true and fd.name = /etc/shadow
  output: "%evt.num %proc.cmdline of %proc.pname by %user.name with %evt.res"
  priority: WARNING
- rule: From memory
  desc: test
  condition: evt.type in (execve, execveat) and proc.exepath startswith /dev/shm
  output: "%evt.num %proc.exepath of %proc.pid, child of %proc.ppid"
  priority: ERROR
"#;

fn recording() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings/attack.rec")
}

/// A directory with the recording and these rules in it.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        std::fs::copy(recording(), bench.path("a.rec")).unwrap();
        bench.write("rules.yaml", RULES.as_bytes());
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// Replays `a.rec` with `rules.yaml` unless told otherwise.
    fn replay(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sensor"));
        command.current_dir(self.0.path()).env_remove("RUST_LOG");
        command.args(["replay", "a.rec"]).args(arguments);
        if !arguments.contains(&"--diff") {
            command.args(["-r", "rules.yaml"]);
        }
        command.output().unwrap()
    }

    fn alerts(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.replay(&[&["--format", "json"][..], arguments].concat());
        let lines = text(&output.stdout);
        let alerts = lines.lines();
        alerts.map(|l| serde_json::from_str(l).unwrap()).collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_recording_replays_to_just_these_alerts_anywhere() {
    let bench = Bench::new();
    let told: Vec<Value> = bench
        .alerts(&[])
        .iter()
        .map(|alert| json!([alert["rule"], alert["output"], alert["uuid"]]))
        .collect();
    let expect = [
        json!([
            "Hashes read",
            "16:23:16.173945851: Warning 9 cat /etc/shadow of sh by root with SUCCESS",
            "01a222f7-d1cd-77fa-abab-2c4f9152c692"
        ]),
        json!([
            "From memory",
            "16:23:16.180222068: Error 25 /dev/shm/.x of 18557, child of 18554",
            "01a222f7-d1d4-7054-8f92-5d0dd8245d9d"
        ]),
    ];
    assert_eq!(told, expect);
    // Times of day are those of the recorded machine, wherever it is replayed.
    let elsewhere = Command::new(env!("CARGO_BIN_EXE_sensor"))
        .args(["replay", "--format", "json", "-r"])
        .args([bench.path("rules.yaml"), recording()])
        .env("TZ", "Asia/Tokyo")
        .output()
        .unwrap();
    assert_eq!(elsewhere.stdout, bench.replay(&["--format", "json"]).stdout);
}

#[test]
fn the_account_of_the_live_run_stands_under_the_alerts() {
    let bench = Bench::new();
    let output = bench.replay(&[]);
    let (shown, account) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{account}");
    assert!(shown.contains("cat /etc/shadow of sh by root"), "{shown}");
    assert!(!shown.contains('\x1b'), "no colour into a pipe: {shown}");
    assert!(account.contains("raised by rules: 2"), "{account}");
    assert!(account.contains("by the sensor itself 617"), "{account}");
    assert!(!account.contains("DOES NOT ADD UP"), "{account}");
}

#[test]
fn a_part_of_a_recording_keeps_what_was_known_before_it() {
    let bench = Bench::new();
    let all = bench.alerts(&[]);
    let later = all[1]["time"].as_str().unwrap();
    assert_eq!(bench.alerts(&["--from", later]), all[1..]);
    assert_eq!(bench.alerts(&["--to", "+6ms"]), all[..1]);
    assert_eq!(bench.alerts(&["--from", "+1h"]), [] as [Value; 0]);
    let account = text(&bench.replay(&["--from", "+1h"]).stderr);
    assert!(account.contains("outside the time asked for"), "{account}");
    assert!(!account.contains("DOES NOT ADD UP"), "{account}");
}

#[test]
fn a_difference_of_rules_is_counted_shown_and_an_exit_code() {
    let bench = Bench::new();
    let louder = RULES
        .replace("WARNING", "CRITICAL")
        .replace("proc.exepath startswith /dev/shm", "proc.name = base64");
    bench.write("new.yaml", louder.as_bytes());
    let same = bench.replay(&["--diff", "rules.yaml", "rules.yaml"]);
    assert_eq!(same.status.code(), Some(0), "{}", text(&same.stderr));
    assert!(text(&same.stdout).contains("no difference: both raise the same 2"));
    let output = bench.replay(&["--diff", "rules.yaml", "new.yaml", "--format", "json"]);
    assert_eq!(output.status.code(), Some(121));
    let diff: Value = serde_json::from_slice(&output.stdout).unwrap();
    let counts = |rule: &str, numbers: [u64; 5]| {
        let [old, new, added, removed, changed] = numbers;
        json!({"rule": rule, "old": old, "new": new,
            "added": added, "removed": removed, "changed": changed})
    };
    let expect = json!([
        counts("Hashes read", [1, 1, 0, 0, 1]),
        counts("From memory", [1, 1, 1, 1, 0]),
    ]);
    assert_eq!(diff["rules"], expect);
    let changes: Vec<&Value> = diff["alerts"].as_array().unwrap().iter().collect();
    let kinds: Vec<&Value> = changes.iter().map(|change| &change["change"]).collect();
    assert_eq!(kinds, ["changed", "removed", "added"]);
    assert_eq!(changes[0]["old"]["priority"], "Warning");
    assert_eq!(changes[0]["new"]["priority"], "Critical");
    let shown = text(
        &bench
            .replay(&["--diff", "rules.yaml", "new.yaml", "--limit", "1"])
            .stdout,
    );
    assert!(
        shown.contains("~ new") && shown.contains("and 2 more (--limit)"),
        "{shown}"
    );
    let wrong = bench.replay(&["--diff", "rules.yaml", "missing.yaml"]);
    assert_eq!(wrong.status.code(), Some(1), "{}", text(&wrong.stderr));
}

#[test]
fn what_is_not_whole_is_named_with_its_place_after_what_could_be_read() {
    let bench = Bench::new();
    let bytes = std::fs::read(recording()).unwrap();
    let mut flipped = bytes.clone();
    // In the last block: everything before it is whole.
    let last = flipped.len() - 3;
    flipped[last] ^= 1;
    for (damaged, expect, alerts) in [
        (&bytes[..bytes.len() - 9], "breaks off at byte", 2),
        (&flipped[..], "is damaged at byte", 2),
        (&bytes[..400], "breaks off at byte", 0),
        (&b"not one"[..], "does not begin as one", 0),
        (&b""[..], "does not begin as one", 0),
    ] {
        bench.write("a.rec", damaged);
        let output = bench.replay(&["--format", "json"]);
        let shown = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{shown}");
        assert!(shown.contains("a.rec") && shown.contains(expect), "{shown}");
        assert_eq!(text(&output.stdout).lines().count(), alerts, "{shown}");
        assert!(!shown.contains("DOES NOT ADD UP"), "{shown}");
    }
    std::fs::remove_file(bench.path("a.rec")).unwrap();
    let gone = bench.replay(&[]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(
        text(&gone.stderr).contains("cannot read"),
        "{}",
        text(&gone.stderr)
    );
}

#[test]
fn a_recording_that_cannot_be_made_starts_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("missing/x.rec");
    for (arguments, expect) in [
        (
            vec!["record", "-o", target.to_str().unwrap()],
            "cannot make",
        ),
        (
            vec!["record", "-o", "x", "--events", "opne"],
            "did you mean `open`",
        ),
        (vec!["record", "-o", "x", "--duration", "soon"], "30s"),
        (vec!["record", "-o", "x", "--only-command"], "COMMAND"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_sensor"))
            .args(&arguments)
            .current_dir(dir.path())
            .output()
            .unwrap();
        let shown = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {shown}");
        assert!(shown.contains(expect), "{arguments:?}: {shown}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
