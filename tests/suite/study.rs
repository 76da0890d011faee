//! `sensor explain`, `lint` and `coverage` as a person who writes rules meets them.

use std::path::Path;
use std::process::{Command, Output};

fn sensor(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sensor"));
    command.args(arguments).env_remove("RUST_LOG");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn recording() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings/attack.rec");
    path.display().to_string()
}

const ODD_RULES: &str = "\
- rule: any shell
  desc: d
  condition: evt.type = execve and proc.name in (sh, bash)
  output: x
  priority: NOTICE
- rule: this shell
  desc: d
  condition: evt.type = execve and proc.name = sh and proc.pid > 1
  output: x
  priority: NOTICE
";

#[test]
fn lint_shows_findings_with_place_and_help_and_fails_only_when_strict() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.yaml");
    std::fs::write(&path, ODD_RULES).unwrap();
    let path = path.to_str().unwrap();
    let output = sensor(&["lint", path]);
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.contains("warning[LINT_SHADOWED_RULE]"), "{shown}");
    assert!(shown.contains(&format!("{path}:6:9")), "{shown}");
    assert!(shown.contains("help: move it before that rule"), "{shown}");
    let strict = sensor(&["lint", "--strict", path]);
    assert_eq!(strict.status.code(), Some(1));
    let allowed = sensor(&["lint", "--strict", "--allow", "LINT_SHADOWED_RULE", path]);
    assert_eq!(allowed.status.code(), Some(0));
    let all = sensor(&["lint", "--strict", "-o", "rule_matching=all", path]);
    assert_eq!(all.status.code(), Some(0), "{}", text(&all.stderr));
    let github = text(&sensor(&["lint", "--format", "github", path]).stdout);
    assert!(
        github.starts_with("::warning ") && github.contains("line=6"),
        "{github}"
    );
    let sarif = text(&sensor(&["lint", "--format", "sarif", path]).stdout);
    let sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!(
        sarif["runs"][0]["results"][0]["ruleId"],
        "LINT_SHADOWED_RULE"
    );
    let list = text(&sensor(&["lint", "--list"]).stdout);
    assert!(list.contains("LINT_SHADOWED_RULE"), "{list}");
}

#[test]
fn the_shipped_rules_are_lint_clean() {
    let output = sensor(&["lint", "--strict"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn explain_shows_the_tree_and_with_an_event_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.yaml");
    std::fs::write(&path, ODD_RULES).unwrap();
    let path = path.to_str().unwrap();
    let output = sensor(&["explain", "-r", path, "this shell"]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.contains("├ proc.name = sh\n"), "{shown}");
    assert!(
        shown.contains("it never alerts; true whenever it is: any shell"),
        "{shown}"
    );
    assert!(
        shown.contains("raw_tracepoint:sched_process_exec"),
        "{shown}"
    );
    let event = r#"{"evt.type": "execve", "proc.name": "cat", "proc.pid": 7}"#;
    let shown = text(&sensor(&["explain", "-r", path, "this shell", "--event", event]).stdout);
    assert!(
        shown.contains("- proc.name = sh ◀  proc.name = \"cat\""),
        "{shown}"
    );
    let output = sensor(&["explain", "-r", path, "this shel"]);
    assert_eq!(output.status.code(), Some(0), "a part of a name will do");
    let output = sensor(&["explain", "-r", path, "thes shell"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("did you mean `this shell`?"));
}

#[test]
fn coverage_is_a_table_json_and_a_navigator_layer() {
    let table = sensor(&["coverage"]);
    assert_eq!(table.status.code(), Some(0), "{}", text(&table.stderr));
    let table = text(&table.stdout);
    assert!(
        table.contains("T1611") && table.contains("Escape to Host"),
        "{table}"
    );
    assert!(table.contains("rules in force"), "{table}");
    for by in ["tactic", "control", "event"] {
        assert_eq!(sensor(&["coverage", "--by", by]).status.code(), Some(0));
    }
    let json = text(&sensor(&["coverage", "--format", "json"]).stdout);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["rules"]["skipped"], 0);
    let layer = text(&sensor(&["coverage", "--format", "navigator"]).stdout);
    let layer: serde_json::Value = serde_json::from_str(&layer).unwrap();
    assert_eq!(layer["versions"]["layer"], "4.5");
    let ids = layer["techniques"].as_array().unwrap().iter();
    assert!(ids.clone().all(|technique| {
        technique["techniqueID"].as_str().unwrap().starts_with('T') && technique["score"].is_u64()
    }));
    assert!(ids.len() > 20);
}

/// Codes of the findings in Falco's stable rules that a detection engineer
/// would act on, or that are about what this build does not capture.
const WANTED_IN_FALCO: [&str; 3] = [
    "LINT_EVENTS_NOT_CAPTURED",
    "LINT_FIELD_NEVER_FILLED",
    // Two rules over execve show %fd.name, which no execve has.
    "LINT_DESCRIPTOR_NEVER_THERE",
];

#[test]
fn the_stable_rules_of_falco_do_not_drown_in_findings() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/falco-rules");
    if !rules.exists() {
        println!("skipped: no ../shared/falco-rules");
        return;
    }
    let output = sensor(&["lint", rules.to_str().unwrap()]);
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    let others = shown.lines().filter(|line| {
        line.starts_with("warning[") && !WANTED_IN_FALCO.iter().any(|code| line.contains(code))
    });
    assert_eq!(others.collect::<Vec<_>>(), [""; 0], "{shown}");
}

#[test]
fn an_event_of_a_recording_is_explained_by_its_number() {
    let explain = |number: &str| {
        let recording = recording();
        sensor(&[
            "explain",
            "Password hashes read",
            "--recording",
            &recording,
            "--event",
            number,
        ])
    };
    let output = explain("9");
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(shown.contains("the condition is true"), "{shown}");
    assert!(shown.contains("fd.name = \"/etc/shadow\""), "{shown}");
    let output = explain("1");
    assert!(text(&output.stdout).contains("the condition is false"));
    let output = explain("99999");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no event 99999"));
}

#[test]
fn exceptions_that_a_recording_did_not_need_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.yaml");
    let rules = "\
- rule: hashes
  desc: d
  condition: evt.type in (open, openat) and fd.name = /etc/shadow
  output: x
  priority: NOTICE
  exceptions:
    - {name: cats, fields: proc.name, values: [cat]}
    - {name: dogs, fields: proc.name, values: [dog]}
";
    std::fs::write(&path, rules).unwrap();
    let output = sensor(&["lint", path.to_str().unwrap(), "--recording", &recording()]);
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(
        shown.contains("exception `dogs` let nothing pass"),
        "{shown}"
    );
    assert!(!shown.contains("exception `cats`"), "{shown}");
}
