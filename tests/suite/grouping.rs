//! A recording replayed with grouping and with limits: fewer alerts, and every
//! one that is not shown is counted and told.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const RULES: &str = r#"
- rule: Opened
  desc: test
  condition: evt.type in (open, openat, openat2)
  output: "%proc.name opened %fd.name"
  priority: WARNING
- rule: Read hashes
  desc: test
  condition: evt.type in (open, openat, openat2) and fd.name = /etc/shadow
  output: "%proc.name"
  priority: CRITICAL
"#;

/// The alerts of the recorded shell with this section, and the account.
fn replay(section: &str) -> (Vec<Value>, String) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("rules.yaml"), RULES).unwrap();
    let config = format!("rule_matching: all\n{section}\n");
    std::fs::write(dir.path().join("sensor.yaml"), config).unwrap();
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings/attack.rec");
    let output = Command::new(env!("CARGO_BIN_EXE_sensor"))
        .current_dir(dir.path())
        .arg("replay")
        .arg(recording.canonicalize().unwrap())
        .args(["-c", "sensor.yaml", "-r", "rules.yaml", "--format", "json"])
        .output()
        .unwrap();
    let account = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{account}");
    assert!(!account.contains("DOES NOT ADD UP"), "{account}");
    let alerts = String::from_utf8(output.stdout).unwrap();
    let alerts = alerts
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (alerts.collect(), account)
}

fn counts(alerts: &[Value], key: &str) -> (u64, usize) {
    let fields = alerts
        .iter()
        .filter_map(|alert| alert["output_fields"][key].as_u64());
    let counts: Vec<u64> = fields.collect();
    (counts.iter().sum(), counts.len())
}

fn of<'a>(alerts: &'a [Value], rule: &str) -> Vec<&'a Value> {
    alerts
        .iter()
        .filter(|alert| alert["rule"] == rule)
        .collect()
}

#[test]
fn alerts_alike_are_told_together_and_none_is_forgotten() {
    let (all, _) = replay("");
    let (grouped, account) = replay("grouping: {window_s: 3600, by: [proc.name]}");
    let (told, summaries) = counts(&grouped, "group.count");
    let sent = grouped.len() - summaries;
    assert_eq!(sent as u64 + told, all.len() as u64);
    assert!(
        summaries > 0 && grouped.len() < all.len(),
        "{}",
        grouped.len()
    );
    // The first of every kind is as it was, and every grave one is there.
    assert_eq!(grouped[0], all[0]);
    assert_eq!(of(&grouped, "Read hashes"), of(&all, "Read hashes"));
    let line = format!("Opened: raised {}", of(&all, "Opened").len());
    assert!(account.contains(&line), "{account}");
    assert!(account.contains(&format!("grouped {told}")), "{account}");
    let (again, _) = replay("grouping: {window_s: 3600, by: [proc.name]}");
    assert_eq!(grouped, again, "ids and all");
    let mut ids: Vec<&Value> = grouped.iter().map(|alert| &alert["uuid"]).collect();
    ids.sort_by_key(ToString::to_string);
    ids.dedup();
    assert_eq!(ids.len(), grouped.len());
}

/// What the recorded alerts belong to decides whether `--fail-on` fails: none of
/// them is held back. The limit itself is tested beside it.
#[test]
fn a_command_that_is_watched_is_never_limited() {
    let (all, _) = replay("");
    let (limited, account) = replay("grouping: {limit_per_minute: 1, limit_burst: 2}");
    assert_eq!(limited, all);
    assert!(!account.contains("limited"), "{account}");
}

#[test]
fn a_field_that_is_none_is_told_with_its_place() {
    let text = "grouping:\n  window_s: 60\n  by: [proc.name, proc.nam]\n";
    let found = sensor::config::parse("sensor.yaml", text, &[]).unwrap_err();
    let shown = sensor::diagnostic::render(&found, false);
    assert!(shown.contains("sensor.yaml:3:19"), "{shown}");
    assert!(shown.contains("no field is named `proc.nam`"), "{shown}");
}
