//! Rules sorted into their groups, and the layer made of them.

use serde_json::json;

use super::*;
use crate::detect::rules::{LoadOptions, study_texts};

const RULES: &str = "
- rule: one
  desc: d
  condition: evt.type in (execve, socketcall)
  output: o
  priority: NOTICE
  tags: [T1059.004, T9999, TA0002, mitre_execution, PCI_DSS_10.2.5]
- rule: two
  desc: d
  condition: evt.type = execve
  output: o
  priority: NOTICE
  enabled: false
  tags: [T1059.004, mitre_persistence, mitre_own]
- rule: three
  desc: d
  condition: proc.name = x
  output: o
  priority: NOTICE
  warn_evttypes: false
";

fn told() -> Coverage {
    let study = study_texts(&[("r.yaml", RULES.as_bytes())], &LoadOptions::default());
    coverage(&study.unwrap())
}

fn rows(groups: &[Group]) -> Vec<String> {
    let row = |group: &Group| {
        let (on, off) = (group.in_force.join(","), group.off.join(","));
        format!("{}|{}|{on}|{off}", group.id, group.name)
    };
    groups.iter().map(row).collect()
}

#[test]
fn rules_stand_in_every_group_their_tags_and_events_name() {
    let told = told();
    assert_eq!(
        rows(&told.techniques),
        [
            "T1059.004|Command and Scripting Interpreter: Unix Shell|one|two",
            "T9999||one|",
        ]
    );
    assert_eq!(
        rows(&told.tactics),
        [
            "TA0002|Execution|one|",
            "TA0003|Persistence||two",
            "mitre_own|||two",
        ]
    );
    assert_eq!(rows(&told.controls), ["PCI_DSS_10.2.5|PCI DSS|one|"]);
    assert_eq!(
        rows(&told.events),
        [
            "*|any event|three|",
            "execve||one|two",
            "socketcall|not captured by this build|one|",
        ]
    );
    assert_eq!(told.without_technique, ["three"]);
    assert_eq!((told.rules.in_force, told.rules.off), (2, 1));
}

#[test]
fn the_layer_scores_techniques_by_rules_in_force() {
    let layer = layer(&told());
    assert_eq!(layer["versions"]["layer"], "4.5");
    assert_eq!(layer["domain"], "enterprise-attack");
    assert_eq!(
        layer["techniques"][0],
        json!({
            "techniqueID": "T1059.004", "score": 1, "comment": "one\ntwo (off)", "enabled": true,
        })
    );
    assert_eq!(layer["gradient"]["maxValue"], 1);
}
