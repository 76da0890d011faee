//! `sensor test` and `sensor eval` as a detection engineer meets them: what is
//! printed, what is written, and the exit code.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

fn sensor_in(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sensor"))
        .args(arguments)
        .current_dir(directory)
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A verb that fails before it reads closes the pipe.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

/// The exit code, standard output and standard error.
fn told(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = sensor_in(directory, arguments, "");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

const RULES: &str = "\
- list: readers
  items: [sshd, login]
- macro: opened
  condition: evt.type in (open, openat) and fd.num >= 0
- rule: Hashes read
  desc: d
  condition: opened and fd.name = /etc/shadow and not proc.name in (readers)
  output: Hashes read (file=%fd.name by=%proc.name)
  priority: WARNING
- rule: Write to tmp
  desc: d
  condition: opened and evt.is_open_write = true and fd.name startswith /tmp/
  output: Written (file=%fd.name)
  priority: NOTICE
";

const TESTS: &str = "\
# What cat does.
- test: cat prints the hashes
  event: {evt.type: openat, fd.num: 3, fd.name: /etc/shadow, proc.name: cat}
  expect:
    - rule: Hashes read # the one
      priority: WARNING
      output_contains: by=cat
- test: sshd reads them
  like: cat prints the hashes
  event: {proc.name: sshd}
  expect: none
";

/// A directory with rules and tests in `rules/`.
fn directory(tests: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("rules")).unwrap();
    std::fs::write(directory.path().join("rules/a.yaml"), RULES).unwrap();
    std::fs::write(directory.path().join("rules/a.test.yaml"), tests).unwrap();
    directory
}

#[test]
fn the_repository_tests_its_own_rules_without_being_told_how() {
    let (code, out, err) = told(root(), &["test", "--strict"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains(" 0 failed, of "), "{out}");
    assert!(out.contains("tests/stories/credentials.md"), "{out}");
}

#[test]
fn tests_stand_beside_the_rules_and_are_no_rules() {
    let directory = directory(TESTS);
    for arguments in [
        vec!["test"],
        vec!["test", "rules"],
        vec!["test", "rules/a.test.yaml"],
        vec!["test", "-r", "rules/a.yaml", "rules/a.test.yaml"],
    ] {
        let (code, out, err) = told(directory.path(), &arguments);
        assert_eq!(code, Some(0), "{out}{err}");
        assert!(
            out.contains("ok: 2 passed, 0 failed, of 2 rule(s)"),
            "{out}"
        );
    }
    // A directory of both loads as rules.
    let (code, out, err) = told(directory.path(), &["check", "rules"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("2 rule(s)"), "{out}");
}

#[test]
fn what_failed_is_told_with_the_comparison_that_decided_and_its_value() {
    let tests = TESTS
        .replace("proc.name: sshd", "proc.name: sshd2")
        .replace("by=cat", "by=dog")
        + "- test: a write\n  event: {evt.type: openat, fd.num: 3, fd.name: /tmp/x}\n  expect: Write to tmp\n";
    let directory = directory(&tests);
    let (code, out, err) = told(directory.path(), &["test"]);
    assert_eq!(code, Some(1), "{out}{err}");
    for line in [
        "FAILED rules/a.test.yaml  3 of 3",
        "  cat prints the hashes  rules/a.test.yaml:2:9",
        "        by=dog",
        "    + Hashes read is true and should not be, because",
        "        false  proc.name in (sshd, login)  proc.name = \"sshd2\"  rules/a.yaml:7:55",
        "    - Write to tmp should be true and is not, because",
        "        false  evt.is_open_write = true  evt.is_open_write is missing  rules/a.yaml:12:25",
        "failed: 0 passed, 3 failed, of 2 rule(s)",
    ] {
        assert!(
            out.lines().any(|shown| shown == line),
            "{line}\nis not in\n{out}"
        );
    }
    // The same for programs.
    let (code, out, _) = told(directory.path(), &["test", "--format", "json"]);
    assert_eq!(code, Some(1));
    let json: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(json["failed"], 3);
    let because = &json["tests"][2]["differences"][0];
    assert_eq!(because["kind"], "missing");
    assert_eq!(because["because"][0]["values"][0]["value"], Json::Null);
}

#[test]
fn an_update_writes_what_is_and_keeps_everything_else() {
    let wrong = TESTS
        .replace("priority: WARNING", "priority: CRITICAL")
        .replace("output_contains: by=cat", "output: something else # why")
        .replace("expect: none", "expect: [Hashes read] # sshd may");
    let directory = directory(&wrong);
    let (code, out, err) = told(directory.path(), &["test", "--update"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let right = TESTS
        .replace(
            "output_contains: by=cat",
            "output: \"Hashes read (file=/etc/shadow by=cat)\" # why",
        )
        .replace("expect: none", "expect: none # sshd may");
    let file = directory.path().join("rules/a.test.yaml");
    assert_eq!(std::fs::read_to_string(file).unwrap(), right);
    assert_eq!(told(directory.path(), &["test"]).0, Some(0));
}

#[test]
fn mistakes_in_tests_are_told_at_their_places_before_anything_runs() {
    let tests = "\
- test: one
  event: {evt.type: opennat, proc.nmae: x, proc.pid: y}
  expect: Hashes raed
- test: two
  like: on
  evnt: {}
  event: {}
  expect: none
";
    let directory = directory(tests);
    let (code, out, err) = told(directory.path(), &["test"]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert_eq!(out, "", "nothing ran");
    for shown in [
        "rules/a.test.yaml:2:21",
        "did you mean `openat`?",
        "did you mean `proc.name`?",
        "it wants a whole number",
        "rules/a.test.yaml:3:11",
        "did you mean `Hashes read`?",
        "did you mean `one`?",
        "did you mean `event`?",
        "6 errors in 1 file",
    ] {
        assert!(err.contains(shown), "{shown}\nis not in\n{err}");
    }
}

#[test]
fn coverage_names_the_branches_that_no_test_took() {
    let directory = directory(TESTS);
    let arguments = ["test", "--coverage", "--coverage-out", "c.json"];
    let (code, out, err) = told(directory.path(), &arguments);
    assert_eq!(code, Some(0), "{out}{err}");
    for line in [
        "Write to tmp: no test fires it, none misses it narrowly",
        "Hashes read: 4 of 6 (66.7 %)",
        "  never false  fd.num >= 0  rules/a.yaml:4:45",
        "  never false  fd.name = /etc/shadow  rules/a.yaml:7:25",
        "rules fired:    1 of 2 (50.0 %)",
        // Of the other rule it is known that `fd.num >= 0` and not written.
        "branches taken: 6 of 12 (50.0 %)",
    ] {
        assert!(
            out.lines().any(|shown| shown == line),
            "{line}\nis not in\n{out}"
        );
    }
    let written = std::fs::read_to_string(directory.path().join("c.json")).unwrap();
    let json: Json = serde_json::from_str(&written).unwrap();
    assert_eq!(json["branches_taken"]["covered"], 6);
    let comparison = &json["rules"][0]["comparisons"][2];
    assert_eq!(comparison["text"], "proc.name in (sshd, login)");
    assert_eq!(
        (&comparison["true"], &comparison["false"]),
        (&1.into(), &1.into())
    );
    for (least, code) in [("50", 0), ("50.1", 1)] {
        let arguments = ["test", "--min-coverage", least];
        assert_eq!(told(directory.path(), &arguments).0, Some(code), "{least}");
    }
    let (code, out, _) = told(directory.path(), &["test", "--strict"]);
    assert_eq!(code, Some(1));
    let lacking = "lacking: Write to tmp: no test fires it, none misses it narrowly";
    assert!(out.lines().any(|line| line == lacking), "{out}");
}

#[test]
fn a_junit_report_is_xml_whatever_tests_are_called() {
    let tests = TESTS
        .replace("cat prints the hashes", "\"<cat> & \\\"\\u001b[2J\"")
        .replace("by=cat", "']]>'");
    let directory = directory(&tests);
    assert_eq!(
        told(directory.path(), &["test", "--junit", "j.xml"]).0,
        Some(1)
    );
    let xml = std::fs::read_to_string(directory.path().join("j.xml")).unwrap();
    assert!(
        xml.contains("name=\"&lt;cat&gt; &amp; &quot;\\u{1b}[2J\""),
        "{xml}"
    );
    assert!(xml.contains("tests=\"2\" failures=\"1\""), "{xml}");
    assert!(xml.contains("]]&gt;") && !xml.contains("]]>"), "{xml}");
    assert_eq!(xml.matches("<testcase").count(), 2);
}

#[test]
fn stories_under_a_rule_are_tests() {
    let directory = tempfile::tempdir().unwrap();
    let story = format!(
        "- sensor_features: [stories]\n{RULES}  story:\n  - fires: a write\n    event: {{evt.type: open, fd.num: 3, fd.name: /tmp/x, evt.is_open_write: true}}\n    output: Written (file=/tmp/x)\n  - silent: elsewhere\n    event: {{fd.name: /var/tmp/x}}\n"
    );
    std::fs::write(directory.path().join("r.yaml"), &story).unwrap();
    let (code, out, err) = told(directory.path(), &["test", "r.yaml"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("ok: 2 passed"), "{out}");
    let (code, out, _) = told(
        directory.path(),
        &["test", "r.yaml", "--filter", "ELSEWHERE"],
    );
    assert_eq!(
        (code, out.contains("ok: 1 passed")),
        (Some(0), true),
        "{out}"
    );
    // Of two mistakes in it both are told, where they are.
    let broken = story
        .replace("- silent:", "- silnt:")
        .replace("fd.num: 3", "fd.nmu: 3");
    std::fs::write(directory.path().join("r.yaml"), broken).unwrap();
    let (code, _, err) = told(directory.path(), &["test", "r.yaml"]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains("r.yaml:18:29") && err.contains("r.yaml:20:5"),
        "{err}"
    );
}

#[test]
fn the_examples_of_the_manual_hold_and_take_every_branch() {
    let arguments = ["test", "docs/examples", "--strict", "--min-coverage", "100"];
    let (code, out, err) = told(root(), &arguments);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(
        out.contains("ok: 7 passed, 0 failed, of 1 rule(s)"),
        "{out}"
    );
}

#[test]
fn recordings_are_tests_whole_or_one_event_of_them() {
    let recording = root().join("tests/recordings/attack.rec");
    let recording = recording.canonicalize().unwrap();
    let rules = "- {rule: Shadow, desc: d, condition: evt.type = openat and fd.name = /etc/shadow, \
        output: by %proc.name, priority: notice}\n";
    let test = |lines: &str| {
        format!(
            "- test: t\n  recording: {}\n  {lines}\n",
            recording.display()
        )
    };
    for (lines, code, shown) in [
        ("expect: {rule: Shadow, output: by cat}", 0, "ok: 1 passed"),
        ("at: 9\n  expect: Shadow", 0, "ok: 1 passed"),
        (
            "expect: {rule: Shadow, output: by dog}",
            1,
            "by [-dog-]{+cat+}",
        ),
        (
            "expect: none",
            1,
            "it is true for event 9 first; `at: 9` tells why",
        ),
        ("at: 9\n  expect: none", 1, "fd.name = \"/etc/shadow\""),
        (
            "at: 10000\n  expect: none",
            1,
            "the recording has no event 10000; the last is ",
        ),
        (
            "at: 8\n  expect: Shadow",
            1,
            "Shadow should be true and is not",
        ),
    ] {
        let directory = directory(&test(lines));
        std::fs::write(directory.path().join("rules/a.yaml"), rules).unwrap();
        let (got, out, err) = told(directory.path(), &["test"]);
        assert_eq!(got, Some(code), "{lines}: {out}{err}");
        assert!(out.contains(shown), "{shown}\nis not in\n{out}");
    }
    let directory = directory("- test: t\n  recording: a.test.yaml\n  expect: none\n");
    let (code, _, err) = told(directory.path(), &["test"]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains("rules/a.test.yaml:2:14") && err.contains("TEST_NO_RECORDING"),
        "{err}"
    );
}

#[test]
fn nothing_to_test_is_a_mistake() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [vec!["test"], vec!["test", "missing.test.yaml"]] {
        let (code, out, err) = told(directory.path(), &arguments);
        assert_eq!(code, Some(1), "{out}{err}");
        assert!(err.contains("error["), "{err}");
    }
    std::fs::write(directory.path().join("x.test.yaml"), TESTS).unwrap();
    let (code, _, err) = told(directory.path(), &["test", "x.test.yaml"]);
    assert_eq!(
        (code, err.contains("TEST_NO_RULES")),
        (Some(1), true),
        "{err}"
    );
}

#[test]
fn scripts_can_tell_true_false_and_a_mistake_apart() {
    let directory = directory("");
    let event = r#"{"evt.type": "open", "fd.num": 3, "fd.name": "/etc/shadow"}"#;
    std::fs::write(directory.path().join("e.json"), event).unwrap();
    for (condition, code) in [
        ("opened and fd.name = /etc/shadow", 0),
        ("opened and proc.name in (readers)", 3),
        ("opend", 1),
        ("opened and", 1),
    ] {
        for event in [event, "@e.json"] {
            let arguments = ["eval", condition, "--macros", "rules", "--event", event];
            let (got, out, err) = told(directory.path(), &arguments);
            assert_eq!(got, Some(code), "{condition}: {out}{err}");
        }
        let arguments = ["eval", condition, "-r", "rules/a.yaml", "--event", "-"];
        let output = sensor_in(directory.path(), &arguments, event);
        assert_eq!(output.status.code(), Some(code), "{condition}");
    }
}

#[test]
fn an_evaluation_is_explained() {
    let arguments = [
        "eval",
        "proc.name = a or proc.pid > 1",
        "--event",
        "{proc.pid: 7}",
    ];
    let (code, out, _) = told(root(), &[&arguments[..], &["--explain"]].concat());
    assert_eq!(code, Some(0));
    let want = "true\n  + or\n    - proc.name = a  proc.name is missing\n    + proc.pid > 1  <- decides alone  proc.pid = 7\n";
    assert_eq!(out, want);
    let json = ["--explain", "--format", "json"];
    let (_, out, _) = told(root(), &[&arguments[..], &json].concat());
    let json: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(json["parts"][2]["seen"]["values"][0]["value"], 7);
}

#[test]
fn mistakes_of_condition_and_event_are_told_together() {
    let arguments = ["eval", "proc.nam = a", "--event", "{\"proc.nmae\": 1}"];
    let (code, out, err) = told(root(), &arguments);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    for shown in ["<condition>:1:1", "<event>:1:2", "2 errors in 2 files"] {
        assert!(err.contains(shown), "{shown}\nis not in\n{err}");
    }
}

#[test]
fn cases_are_tried_line_by_line() {
    let cases = "{\"id\": \"a\", \"condition\": \"proc.pid = 1\", \"event\": {\"proc.pid\": 1}, \"expect\": true}\n\n\
        {\"condition\": \"x y\", \"expect\": false}\n";
    let output = sensor_in(root(), &["eval", "--jsonl", "-"], cases);
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{out}");
    let lines: Vec<Json> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines[0],
        serde_json::json!({"id": "a", "result": true, "expect": true, "ok": true})
    );
    assert_eq!(lines[1]["id"], "3");
    assert_eq!(lines[1]["result"], "load_error");
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "failed: 1 of 2 case(s)\n"
    );
}

#[test]
fn the_checklist_of_conditions_holds_on_the_command_line() {
    let list = root().join("../shared/conformance/checklist-conditions.jsonl");
    if !list.exists() {
        println!("skipped: no ../shared/conformance");
        return;
    }
    let (code, out, err) = told(root(), &["eval", "--jsonl", list.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.lines().count() > 100, "{out}");
}
