//! From an act on this kernel to a collector, well or failing.

use std::time::{Duration, Instant};

use super::harness::{Sensor, until};
use super::hec::{Fault, Hec, TOKEN};
use super::run::{read_shadow, shadow_rule};

/// A Splunk output for a collector, as the configuration has it.
fn output(name: &str, hec: &Hec, token_file: &std::path::Path) -> String {
    format!(
        "  - {{type: splunk, name: {name}, url: '{}', token: 'file:{}', \
         retry: {{initial_ms: 20, max_ms: 100}}}}\n",
        hec.url(),
        token_file.display()
    )
}

fn token_file(dir: &std::path::Path) -> std::path::PathBuf {
    let path = dir.join("token");
    std::fs::write(&path, TOKEN).unwrap();
    path
}

#[test]
fn an_alert_reaches_the_collector_whole_and_once_although_it_is_busy_at_first() {
    let secrets = tempfile::tempdir().unwrap();
    let hec = Hec::start();
    hec.script([
        Fault::Code(503, 9),
        Fault::Code(503, 9),
        Fault::Code(503, 9),
    ]);
    let outputs = output("hec", &hec, &token_file(secrets.path()));
    let sensor = Sensor::start(&shadow_rule(), "", &outputs);
    let started = Instant::now();
    for _ in 0..3 {
        read_shadow();
    }
    until(|| (hec.lock().taken.len() >= 3).then_some(())).expect("three alerts arrive");
    // For the reader of the log; how long it takes is no promise on a busy machine.
    println!(
        "three alerts were at the collector after {:?}",
        started.elapsed()
    );
    let in_file = sensor.alerts();
    let (finished, _dir) = sensor.stop();
    finished.assert_adds_up();
    assert_eq!(hec.lock().wrong, Vec::<String>::new());
    assert!(
        hec.ledger().values().all(|count| *count == 1),
        "{:?}",
        hec.ledger()
    );
    let taken = hec.lock().taken.clone();
    assert_eq!(taken.len(), 3);
    for (envelope, alert) in taken.iter().zip(&in_file) {
        assert_eq!(&envelope["event"], alert, "the same alert in every output");
        let fields = alert["output_fields"].as_object().unwrap();
        assert!(fields.values().all(|value| !value.is_null()), "{alert}");
    }
    assert!(!finished.log.contains(TOKEN), "the token is never printed");
}

#[test]
fn hanging_resetting_and_refusing_collectors_leave_capture_and_memory_alone() {
    let secrets = tempfile::tempdir().unwrap();
    let token = token_file(secrets.path());
    let (hangs, resets, refuses) = (Hec::start(), Hec::start(), Hec::start());
    hangs.script(std::iter::repeat_n(Fault::Hang, 100));
    resets
        .faults
        .lock()
        .unwrap()
        .extend([super::gate::Fault::Reset; 10_000]);
    refuses.script(std::iter::repeat_n(Fault::Code(403, 4), 10_000));
    let outputs = output("hangs", &hangs, &token)
        + &output("resets", &resets, &token)
        + &output("refuses", &refuses, &token);
    let sensor = Sensor::start(&shadow_rule(), "", &outputs);
    read_shadow();
    until(|| (sensor.alerts().len() == 1).then_some(())).expect("the file has the first");
    let before = sensor.rss_kib();
    for _ in 0..300 {
        read_shadow();
    }
    until(|| (sensor.alerts().len() == 301).then_some(())).expect("the file has all");
    let after = sensor.rss_kib();
    assert!(
        after < before + 16 * 1024,
        "memory grew from {before} to {after} KiB"
    );
    let (finished, _dir) = sensor.stop();
    finished.assert_adds_up();
    assert!(
        finished.took < Duration::from_secs(10),
        "took {:?}",
        finished.took
    );
    for name in ["hangs", "resets", "refuses"] {
        let row = finished
            .log
            .lines()
            .rfind(|line| line.trim_start().starts_with(name));
        let row = row.unwrap_or_default();
        let numbers: Vec<&str> = row.split_whitespace().skip(1).take(5).collect();
        assert_eq!(
            numbers,
            ["301", "0", "0", "0", "301"],
            "raised, recovered, delivered, failed, queued: {row}"
        );
    }
}
