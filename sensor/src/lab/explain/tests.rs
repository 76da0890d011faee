//! What is said of rules, held against rules made for it.

use serde_json::{Value as Json, json};

use super::*;
use crate::detect::rules::{LoadOptions, study_texts};
use crate::fields::given::Given;

const RULES: &str = r"
- list: shells
  items: [sh, bash]
- macro: started
  condition: evt.type = execve and evt.rawres = 0
- macro: shell_started
  condition: started and proc.name in (shells)
- rule: any program
  desc: d
  condition: started and proc.name startswith b
  output: o
  priority: NOTICE
- rule: off
  desc: d
  condition: started
  output: o
  priority: NOTICE
  enabled: false
- rule: bash
  desc: about it
  condition: shell_started and proc.name = bash
  output: ran %proc.cmdline
  priority: WARNING
  tags: [T1059]
  exceptions:
    - name: cron
      fields: proc.pname
      values: [cron]
- rule: opened
  desc: d
  condition: evt.type in (openat, socketcall) and k8s.ns.name = x
  output: o
  priority: NOTICE
";

fn explained(name: &str, event: Option<&Json>) -> Json {
    let study = study_texts(&[("r.yaml", RULES.as_bytes())], &LoadOptions::default()).unwrap();
    let question = Question {
        study: &study,
        all_match: false,
        hooks: |kind| vec![format!("hook_of_{}", kind.name())],
        hook_of_call: |name| format!("hook_of_{name}"),
    };
    let event = event.map(|event| Given::from_json(event).unwrap());
    serde_json::to_value(question.rule(name, event.as_ref()).unwrap()).unwrap()
}

#[test]
fn a_rule_is_told_with_macros_lists_and_what_hides_it() {
    let told = explained("bash", None);
    assert_eq!(told["place"], "r.yaml:19:9");
    assert_eq!(told["standing"], "in force");
    // The exception wraps the condition.
    let own = &told["condition"]["parts"][0];
    let named = &own["parts"][0];
    assert_eq!(named["text"], "shell_started");
    assert_eq!(named["defined"], "r.yaml:6:10");
    let lists = &named["parts"][0]["parts"][1];
    assert_eq!(lists["text"], "proc.name in (shells)");
    assert_eq!(
        lists["lists"],
        json!([{"name": "shells", "items": ["sh", "bash"]}])
    );
    assert_eq!(told["earlier"]["always"], json!(["any program"]));
    assert_eq!(told["exceptions"][0]["condition"], "proc.pname in (cron)");
    assert_eq!(told["events"]["captured"], json!(["execve"]));
    assert_eq!(told["capture"][0]["hooks"], json!(["hook_of_exec"]));
    assert_eq!(told["capture"][0]["always"], true);
    assert_eq!(told["capture"][0]["other_rules"], 1);
    assert_eq!(told["output"]["fields"][0]["name"], "proc.cmdline");
}

#[test]
fn what_this_build_does_not_do_is_said() {
    let told = explained("opened", None);
    assert_eq!(told["events"]["captured"], json!(["openat"]));
    assert_eq!(told["events"]["not_captured"], json!(["socketcall"]));
    assert_eq!(told["fields"][1]["name"], "k8s.ns.name");
    assert_eq!(told["fields"][1]["filled"], false);
    assert_eq!(told["capture"][0]["always"], false);
}

#[test]
fn with_an_event_every_part_says_what_became_of_it() {
    let event = json!({"evt.type": "execve", "evt.rawres": 0, "proc.name": "bash"});
    let told = explained("bash", Some(&event));
    assert_eq!(told["verdict"]["holds"], true);
    assert_eq!(told["verdict"]["matching"], json!(["any program", "bash"]));
    let seen = |path: &str| told.pointer(path).unwrap().clone();
    assert_eq!(seen("/condition/seen/holds"), true);
    let inner = "/condition/parts/0/parts/0/parts/0/parts/1/seen/values/0";
    assert_eq!(seen(inner), json!({"name": "proc.name", "value": "bash"}));
    let event = json!({"evt.type": "openat", "proc.name": "bash"});
    let told = explained("bash", Some(&event));
    assert_eq!(told["verdict"]["holds"], false);
    assert_eq!(told["verdict"]["not_asked_for"], "openat");
}

#[test]
fn macros_and_lists_say_who_uses_them() {
    let study = study_texts(&[("r.yaml", RULES.as_bytes())], &LoadOptions::default()).unwrap();
    let question = Question {
        study: &study,
        all_match: false,
        hooks: |_| Vec::new(),
        hook_of_call: |_| String::new(),
    };
    let started = question.macro_named("started").unwrap();
    assert_eq!(
        started.used_by,
        ["macro shell_started", "rule any program", "rule off"]
    );
    assert_eq!(
        question.list("shells").unwrap().used_by,
        ["macro shell_started"]
    );
    assert!(question.macro_named("shells").is_none());
}
