//! From an act on this kernel to a receiver on its worst day: dead, killed, flooded.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::harness::{Sensor, until};
use super::hook::Hook;
use super::run::{mark, read_shadow, shadow_rule};

/// A webhook for that receiver, as the configuration has it.
fn webhook(name: &str, hook: &Hook, more: &str) -> String {
    format!(
        "  - {{type: webhook, name: {name}, url: '{}', \
         retry: {{initial_ms: 20, max_ms: 100}}{more}}}\n",
        hook.url()
    )
}

/// What `sensor queue` says to that.
fn asked(arguments: &[&str]) -> String {
    let said = Command::new(env!("CARGO_BIN_EXE_sensor"))
        .arg("queue")
        .args(arguments)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success(), "{complaint}");
    String::from_utf8(said.stdout).unwrap()
}

/// The same of a running sensor.
fn asked_of(sensor: &Sensor, more: &[&str]) -> String {
    let control = sensor.dir.path().join("control").display().to_string();
    let pid = sensor.pid().to_string();
    asked(&[&["--pid", &pid, "--directory", &control], more].concat())
}

/// What `sensor queue` says of this output.
fn queue(sensor: &Sensor, output: &str) -> Value {
    let rows: Vec<Value> = serde_json::from_str(&asked_of(sensor, &["--json"])).unwrap();
    let row = rows.into_iter().find(|row| row["output"] == output);
    row.unwrap_or_else(|| panic!("no row for {output}"))
}

fn uuid(alert: &Value) -> String {
    alert["uuid"].as_str().expect("an alert has an id").into()
}

/// How often the receiver took each alert.
fn taken(hook: &Hook) -> BTreeMap<String, usize> {
    let mut taken = BTreeMap::new();
    for seen in hook.lock().requests.iter().filter(|r| r.answered == 204) {
        *taken.entry(uuid(&seen.body)).or_default() += 1;
    }
    taken
}

#[test]
fn what_a_dead_receiver_missed_is_told_outlives_a_kill_and_arrives() {
    let spool = tempfile::tempdir().unwrap();
    let hook = Hook::start(std::iter::repeat_n(503, 100_000));
    let config = format!("spool_directory: {}", spool.path().display());
    let sensor = Sensor::start(&shadow_rule(), &config, &webhook("hook", &hook, ""));
    for _ in 0..5 {
        read_shadow();
    }
    let told = until(|| {
        let row = queue(&sensor, "hook");
        let is_told = row.to_string().contains("HTTP 503");
        (row["account"]["spooled"] == 5 && is_told).then_some(row)
    });
    let row = told.unwrap_or_else(|| panic!("{:#}", queue(&sensor, "hook")));
    assert_eq!(
        (&row["account"]["queued"], &row["account"]["delivered"]),
        (&5.into(), &0.into())
    );
    let raised: BTreeSet<_> = sensor.alerts().iter().map(uuid).collect();
    assert_eq!(raised.len(), 5, "the other output has them");
    // Killed as by `kill -9`: nothing is flushed.
    drop(sensor);
    assert!(taken(&hook).is_empty());

    hook.lock().script.clear();
    let sensor = Sensor::start(&shadow_rule(), &config, &webhook("hook", &hook, ""));
    until(|| (taken(&hook).len() == 5).then_some(())).expect("they arrive");
    let (finished, _dir) = sensor.stop();
    finished.assert_adds_up();
    let arrived = taken(&hook);
    assert_eq!(arrived.keys().cloned().collect::<BTreeSet<_>>(), raised);
    assert!(arrived.values().all(|times| *times == 1), "{arrived:?}");
}

#[test]
fn what_was_held_back_when_the_sensor_was_killed_is_told_by_the_next_one() {
    let spool = tempfile::tempdir().unwrap();
    let config = format!(
        "spool_directory: {}\ngrouping: {{window_s: 3600, by: [fd.name]}}",
        spool.path().display()
    );
    let hook = Hook::start([]);
    let output = webhook("hook", &hook, "");
    let sensor = Sensor::start(&shadow_rule(), &config, &output);
    for _ in 0..20 {
        read_shadow();
    }
    // Killed once the file has the count of all but the first.
    let file = spool.path().join("held.jsonl");
    let held = || std::fs::read_to_string(&file).unwrap_or_default();
    until(|| held().contains(r#""group.count":19"#).then_some(()))
        .unwrap_or_else(|| panic!("{}", held()));
    let waits = "held back by grouping and limits: 19 alert(s), to be told in 1 summary";
    let said = asked_of(&sensor, &[]);
    assert!(said.contains(waits), "{said}");
    drop(sensor);
    assert_eq!(hook.lock().requests.len(), 1, "the first left at once");
    let said = asked(&["--spool", &spool.path().display().to_string()]);
    assert!(said.contains(waits), "{said}");

    let sensor = Sensor::start(&shadow_rule(), &config, &output);
    until(|| (hook.lock().requests.len() == 2).then_some(())).expect("the summary arrives");
    let summary = hook.lock().requests[1].body.clone();
    assert_eq!(summary["output_fields"]["group.count"], 19, "{summary}");
    let (finished, _dir) = sensor.stop();
    finished.assert_adds_up();
    assert_eq!(hook.lock().requests.len(), 2, "once");
    assert_eq!(held(), "", "nothing is left to tell");
}

/// A secret such as nobody else has, on the command line of who reads a file.
const SECRET: &str = "Tr0ub4dor-kernel-93417";

fn read_shadow_with_a_secret() {
    let script = format!(
        "cat /etc/shadow > /dev/null; : {} --password={SECRET}; true",
        mark()
    );
    let status = Command::new("sh").args(["-c", &script]).status().unwrap();
    assert!(status.success(), "{script}");
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    let mut found = Vec::new();
    for entry in entries {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files(&entry.path())),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

#[test]
fn a_flood_becomes_few_alerts_that_count_it_go_where_they_should_and_hold_no_secret() {
    let (wanted, unwanted) = (Hook::start([]), Hook::start([]));
    let outputs = [
        webhook(
            "wanted",
            &wanted,
            ", only: {tags: [test], condition: fd.name = /etc/shadow}",
        ),
        webhook(
            "unwanted",
            &unwanted,
            ", only: {condition: fd.name = /etc/passwd}",
        ),
        webhook("rest", &unwanted, ", fallback: true"),
    ];
    let config = "grouping: {window_s: 1, by: [fd.name]}";
    let sensor = Sensor::start(&shadow_rule(), config, &outputs.concat());
    for _ in 0..20 {
        read_shadow_with_a_secret();
    }
    // What an alert stands for beyond the first of its kind.
    let counted = || {
        let hook = wanted.lock();
        let count = |body: &Value| body["output_fields"]["group.count"].as_u64().unwrap_or(1);
        hook.requests.iter().map(|r| count(&r.body)).sum::<u64>()
    };
    until(|| (counted() == 20).then_some(())).unwrap_or_else(|| panic!("{} of 20", counted()));
    assert!(wanted.lock().requests.len() < 20, "some were grouped");
    assert!(wanted.lock().requests.len() > 1, "the rest is told");
    assert!(unwanted.lock().requests.is_empty());
    assert!(
        wanted.lock().requests[0]
            .body
            .to_string()
            .contains("--password=***")
    );
    let (finished, dir) = sensor.stop();
    finished.assert_adds_up();
    assert!(!finished.log.contains(SECRET));
    for file in files(dir.path()) {
        let bytes = std::fs::read(&file).unwrap();
        let holds = bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes());
        assert!(!holds, "{} holds the secret", file.display());
    }
    for seen in &wanted.lock().requests {
        assert!(!seen.body.to_string().contains(SECRET), "{}", seen.body);
    }
}
