//! The command line as a person meets it: help, mistakes, exit codes.

use std::path::Path;
use std::process::{Command, Output};

fn sensor(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sensor"))
        .args(arguments)
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// One rule file, ten mistakes, each of another sort.
const TEN_MISTAKES: &str = r#"
- list: shells
  items: 3
- rule: one
  desc: unknown field
  condition: evt.type = execve and proc.nam = cat
  output: "x %proc.name"
  priority: NOTICE
- rule: two
  desc: unknown event
  condition: evt.type = exceve
  output: "x %proc.name"
  priority: NOTICE
- rule: three
  desc: wrong operator for the type
  condition: evt.type = execve and proc.pid startswith 1
  output: "x %proc.name"
  priority: NOTICE
- rule: four
  desc: bad number
  condition: evt.type = execve and proc.pid = 0x1
  output: "x %proc.name"
  priority: NOTICE
- rule: five
  desc: undefined macro
  condition: evt.type = execve and no_such_macro
  output: "x %proc.name"
  priority: NOTICE
- rule: six
  desc: unknown field in the output
  condition: evt.type = execve
  output: "x %proc.nope"
  priority: NOTICE
- rule: seven
  desc: unknown priority
  condition: evt.type = execve
  output: "x %proc.name"
  priority: URGENT
- rule: eight
  desc: no output
  condition: evt.type = execve
  priority: NOTICE
- rule: nine
  desc: a syntax error
  condition: >
    evt.type = execve
    and (proc.name = a or proc.name = b
  output: "x %proc.name"
  priority: NOTICE
"#;

#[test]
fn ten_different_mistakes_give_ten_diagnostics_in_one_run_and_exit_1() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules.yaml");
    std::fs::write(&path, TEN_MISTAKES).unwrap();
    let path = path.to_str().unwrap();
    for arguments in [vec!["check", path], vec!["run", "-r", path]] {
        let output = sensor(&arguments);
        let shown = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{shown}");
        assert_eq!(shown.matches("error[").count(), 10, "{shown}");
        assert_eq!(
            shown.matches(&format!("{path}:")).count(),
            10,
            "a place for each: {shown}"
        );
        assert!(!shown.contains("watching"), "nothing may start: {shown}");
        for help in [
            "did you mean `proc.name`",
            "did you mean `execve`",
            "the priorities are",
        ] {
            assert!(shown.contains(help), "help names {help}: {shown}");
        }
    }
}

#[test]
fn rules_and_configuration_are_checked_together() {
    let dir = tempfile::tempdir().unwrap();
    let (config, rules) = (dir.path().join("c.yaml"), dir.path().join("r.yaml"));
    std::fs::write(&config, "prioritty: debug\n").unwrap();
    std::fs::write(&rules, "- rule: x\n  condition: a.b = 1\n").unwrap();
    let output = sensor(&["check", config.to_str().unwrap(), rules.to_str().unwrap()]);
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(
        shown.contains("CONFIG_UNKNOWN_KEY") && shown.contains("LOAD_ERR"),
        "{shown}"
    );
    assert!(shown.contains("c.yaml:1:1"), "{shown}");
}

#[test]
fn an_empty_set_of_rules_is_said_aloud() {
    let dir = tempfile::tempdir().unwrap();
    let output = sensor(&["check", dir.path().to_str().unwrap()]);
    assert!(output.status.success());
    let shown = text(&output.stderr);
    assert!(shown.contains("warning[LOAD_NO_RULES]"), "{shown}");
}

#[test]
fn the_shipped_rules_and_the_example_configuration_are_fine() {
    let output = sensor(&[
        "check",
        root().join("rules").to_str().unwrap(),
        root().join("deploy/sensor.yaml").to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "no warnings either");
}

#[test]
fn the_example_configuration_is_the_reference_the_code_prints() {
    let printed = text(&sensor(&["config"]).stdout);
    let path = root().join("deploy/sensor.yaml");
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        std::fs::write(&path, &printed).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        kept, printed,
        "run the tests once with UPDATE_EXAMPLES=1 and look at the change"
    );
}

#[test]
fn every_verb_has_help_with_an_example() {
    let help = text(&sensor(&["--help"]).stdout);
    assert!(help.contains("Exit codes:"), "{help}");
    for verb in [
        "run",
        "check",
        "fields",
        "events",
        "rules",
        "record",
        "replay",
        "demo",
        "config",
        "completions",
        "man",
    ] {
        assert!(
            help.contains(&format!("\n  {verb}")),
            "{verb} is not in the list: {help}"
        );
        let output = sensor(&[verb, "--help"]);
        let shown = text(&output.stdout);
        assert!(
            output.status.success() && shown.contains("Example"),
            "{verb}: {shown}"
        );
    }
}

#[test]
fn a_wrong_flag_is_the_persons_mistake_and_gets_a_suggestion() {
    let output = sensor(&["run", "--fail-onn", "warning"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("--fail-on"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn fields_and_events_are_listed_as_text_and_as_json() {
    for (verb, name) in [("fields", "proc.cmdline"), ("events", "openat")] {
        let plain = text(&sensor(&[verb]).stdout);
        assert!(plain.contains(name), "{plain}");
        let json: serde_json::Value =
            serde_json::from_slice(&sensor(&[verb, "--json"]).stdout).unwrap();
        assert!(json.to_string().contains(name));
    }
}

#[test]
fn completions_and_man_pages_come_from_the_flags() {
    assert!(text(&sensor(&["completions", "bash"]).stdout).contains("--fail-on"));
    let dir = tempfile::tempdir().unwrap();
    assert!(
        sensor(&["man", dir.path().to_str().unwrap()])
            .status
            .success()
    );
    let page = std::fs::read_to_string(dir.path().join("sensor-run.1")).unwrap();
    assert!(page.contains("fail\\-on"), "{page}");
}

#[test]
fn every_form_of_mistakes_is_whole_on_standard_output() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("r.yaml");
    std::fs::write(&rules, TEN_MISTAKES).unwrap();
    let rules = rules.to_str().unwrap();
    let out = |flags: &[&str]| {
        let output = sensor(&[&["check", rules], flags].concat());
        assert_eq!(output.status.code(), Some(1), "{flags:?}");
        assert_eq!(text(&output.stderr), "", "{flags:?}");
        text(&output.stdout)
    };
    let json = |flags: &[&str]| serde_json::from_str::<serde_json::Value>(&out(flags)).unwrap();
    let found = json(&["--format", "json"]);
    assert_eq!(found["errors"], 10, "{found:#}");
    let results = json(&["--format", "sarif"])["runs"][0]["results"].clone();
    assert_eq!(results.as_array().map(Vec::len), Some(10));
    let commands = out(&["--format", "github"]);
    assert_eq!(
        commands
            .lines()
            .filter(|line| line.starts_with("::error "))
            .count(),
        10
    );
    let falco = json(&["--json"]);
    let result = &falco["falco_load_results"][0];
    assert_eq!(result["successful"], false);
    assert_eq!(result["errors"].as_array().map(Vec::len), Some(10));
}

#[test]
fn every_file_gets_a_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let rule =
        "- rule: r\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n";
    std::fs::write(path("a.yaml"), rule).unwrap();
    std::fs::write(path("b.yaml"), "- list: unused\n  items: []\n").unwrap();
    std::fs::write(path("c.yaml"), "- list: l\n").unwrap();
    for (files, want) in [
        (&["a.yaml"][..], "a.yaml: Ok\nok: 1 rule(s)\n"),
        (
            &["a.yaml", "b.yaml"],
            "a.yaml: Ok\nb.yaml: Ok, with warnings (1 warning)\nok: 1 rule(s)\n",
        ),
        (
            &["c.yaml", "a.yaml", "d.yaml"],
            "c.yaml: Invalid (1 error)\na.yaml: Ok\nd.yaml: Invalid (1 error)\n",
        ),
    ] {
        let paths: Vec<String> = files.iter().map(|name| path(name)).collect();
        let arguments: Vec<&str> = ["check"]
            .into_iter()
            .chain(paths.iter().map(String::as_str))
            .collect();
        let shown = text(&sensor(&arguments).stdout);
        let shown = shown.replace(&format!("{}/", dir.path().display()), "");
        assert_eq!(shown, want, "{files:?}");
    }
}
