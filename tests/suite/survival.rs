//! What the spool is for: a sensor that is killed, receivers and disks that fail.

#[path = "survival/killed.rs"]
mod killed;

use std::fs::{self, File};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sensor::alert::Priority;
use sensor::deliver::{Delivery, OutputStatus};
use serde_json::Value;

use crate::outputs::{eventually, numbered, outputs};
use crate::stand_in::hook::Hook;

/// Alerts that flow.
const ALERTS: u64 = 100_000;
/// Alerts raised between two looks at what is safe.
const BURST: u64 = 200;
/// What 90,000 alerts that wait may add to the memory, KiB; on the disk they take
/// four times as much and more.
const BOUND_KIB: u64 = 8 * 1024;
/// How a process of a test's own knows where to work.
const DIRECTORY: &str = "SENSOR_TEST_SURVIVAL_DIRECTORY";

/// A test, to be run in a process of its own.
fn process(test: &str, directory: &Path) -> Command {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process
        .args([test, "--exact", "--ignored", "--quiet"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::null())
        .stderr(File::create(directory.join("stderr")).unwrap());
    process
}

/// An output whose receiver is away, with a spool in `directory`.
fn away(directory: &Path, extra: &str) -> Delivery {
    let yaml = format!(
        "[{{type: webhook, name: away, url: 'http://127.0.0.1:1/', body: array, \
           retry: {{initial_ms: 1, max_ms: 10}}, {extra}}}]"
    );
    Delivery::start(&outputs(&yaml), Some(directory)).unwrap()
}

fn only(delivery: &Delivery) -> OutputStatus {
    let status = delivery.status().pop().unwrap();
    assert!(status.account.balances(), "{status:?}");
    status
}

fn send(delivery: &Delivery, numbers: RangeInclusive<u64>) {
    for number in numbers {
        delivery.send(&numbered("Survives", Priority::Warning, number));
    }
}

/// Delivers what waits in `directory` to a receiver that works; gives the numbers
/// of what arrived, in order.
fn deliver_rest(directory: &Path) -> Vec<u128> {
    let hook = Hook::start([]);
    let yaml = format!(
        "[{{type: webhook, name: away, url: '{}', body: array}}]",
        hook.url()
    );
    let delivery = Delivery::start(&outputs(&yaml), Some(directory)).unwrap();
    eventually("all are delivered", || {
        let status = only(&delivery);
        status.health.opened && status.account.queued == 0
    });
    let hook = hook.lock();
    let alerts = hook
        .requests
        .iter()
        .flat_map(|request| request.body.as_array().unwrap());
    alerts
        .map(|alert| {
            let id: uuid::Uuid = alert["uuid"].as_str().unwrap().parse().unwrap();
            id.as_u128()
        })
        .collect()
}

#[test]
fn an_hour_of_alerts_for_a_dead_receiver_waits_on_the_disk_and_arrives_in_order() {
    const HOUR: u64 = 36_000;
    let directory = tempfile::tempdir().unwrap();
    let healthy = Hook::start([]);
    let yaml = format!(
        "[{{type: webhook, name: away, url: 'http://127.0.0.1:1/', body: array, \
            retry: {{initial_ms: 1, max_ms: 10}}}},
          {{type: webhook, name: healthy, url: '{}', body: array}}]",
        healthy.url()
    );
    let delivery = Delivery::start(&outputs(&yaml), Some(directory.path())).unwrap();
    // As many at a time as the queue holds while the output's thread is busy.
    for minute in 0..60 {
        let first = minute * HOUR / 60 + 1;
        send(&delivery, first..=first + HOUR / 60 - 1);
        let sent = (minute + 1) * HOUR / 60;
        eventually("they are on the disk", || {
            let outputs = delivery.status();
            outputs.iter().all(|output| output.account.spooled == sent)
        });
    }
    eventually("the healthy one has all", || {
        delivery.status()[1].account.delivered == HOUR
    });
    let account = delivery.status()[0].account;
    assert!(account.balances(), "{account:?}");
    assert_eq!((account.queued, account.failed()), (HOUR, 0), "{account:?}");
    let [(_, end), _] = &delivery.shutdown(Duration::ZERO)[..] else {
        panic!("two outputs were started");
    };
    assert_eq!((end.queued, end.abandoned), (HOUR, 0), "kept on the disk");
    let arrived = deliver_rest(directory.path());
    let expected: Vec<u128> = (1..=u128::from(HOUR)).collect();
    assert!(arrived == expected, "{} arrived", arrived.len());
}

/// What this process holds in memory, KiB.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.unwrap().split_whitespace().nth(1).unwrap();
    number.parse().unwrap()
}

#[test]
#[ignore = "the process whose memory the next test looks at"]
fn a_process_that_raises_alerts_for_a_dead_receiver() {
    let directory = std::env::var(DIRECTORY).unwrap();
    let delivery = away(Path::new(&directory), "");
    let raise = |numbers: RangeInclusive<u64>| {
        let last = *numbers.end();
        let mut sent = numbers.start() - 1;
        while sent < last {
            send(&delivery, sent + 1..=sent + BURST);
            sent += BURST;
            eventually("they are safe", || only(&delivery).account.spooled == sent);
        }
        assert_eq!(only(&delivery).account.queued, last);
    };
    raise(1..=ALERTS / 10);
    let before = resident_kib();
    raise(ALERTS / 10 + 1..=ALERTS);
    let after = resident_kib();
    let spool = only(&delivery).health.spool_bytes / 1024;
    assert!(spool > 4 * BOUND_KIB, "{spool} KiB wait on the disk");
    assert!(
        after < before + BOUND_KIB,
        "memory grew from {before} to {after} KiB"
    );
}

#[test]
fn what_waits_for_a_dead_receiver_waits_on_the_disk_and_not_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let test = "survival::a_process_that_raises_alerts_for_a_dead_receiver";
    let status = process(test, directory.path()).status().unwrap();
    let stderr = fs::read_to_string(directory.path().join("stderr")).unwrap();
    assert!(status.success(), "{stderr}");
}

#[test]
fn a_full_spool_keeps_the_most_serious_alerts_and_counts_the_others_by_rule() {
    let directory = tempfile::tempdir().unwrap();
    let delivery = away(directory.path(), "spool: {max_bytes: 1048576}");
    let mut raised = 0;
    for round in 0..40 {
        for number in 0..100 {
            let number = round * 200 + number;
            delivery.send(&numbered("serious", Priority::Error, number));
            delivery.send(&numbered("trifle", Priority::Debug, number + 100));
            raised += 2;
        }
        eventually("taken over", || only(&delivery).account.spooled == raised);
    }
    let status = only(&delivery);
    let dropped = &status.health.dropped;
    let of = |rule: &str| {
        dropped
            .iter()
            .find(|(name, _)| &***name == rule)
            .map(|(_, n)| *n)
    };
    assert_eq!(
        of("serious").unwrap_or_default() + of("trifle").unwrap(),
        status.account.dropped_full
    );
    // All trifles but those in flight went before the first serious one.
    assert!(
        of("serious").is_none() || of("trifle").unwrap() >= 3000,
        "{dropped:?}"
    );
    drop(delivery);
}

#[test]
fn damage_anywhere_in_a_spool_costs_alerts_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let mut rng = fastrand::Rng::with_seed(7);
    for round in 0..20 {
        let delivery = away(directory.path(), "spool: {max_bytes: 1048576}");
        send(&delivery, 1..=2000);
        eventually("on the disk", || only(&delivery).account.spooled == 2000);
        drop(delivery);
        let spool = directory.path().join("away");
        let segments: Vec<_> = fs::read_dir(&spool)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "segment"))
            .collect();
        for _ in 0..5 {
            let path = &segments[rng.usize(0..segments.len())];
            let mut bytes = fs::read(path).unwrap();
            let at = rng.usize(0..bytes.len());
            match round % 3 {
                0 => bytes[at] ^= rng.u8(1..),
                1 => bytes.truncate(bytes.len() - bytes.len() / 20),
                _ => {
                    let end = (at + 3000).min(bytes.len());
                    bytes[at..end].fill_with(|| rng.u8(..));
                }
            }
            fs::write(path, &bytes).unwrap();
        }
        if round % 4 == 0 {
            fs::write(spool.join("position"), b"nonsense").unwrap();
        }
        let arrived = deliver_rest(directory.path());
        assert!(arrived.is_sorted(), "round {round}");
        assert!(!arrived.is_empty(), "round {round}");
        fs::remove_dir_all(&spool).unwrap();
    }
}

#[test]
fn a_spool_directory_that_vanishes_is_told_and_the_alerts_go_on_from_memory() {
    let directory = tempfile::tempdir().unwrap();
    let delivery = away(directory.path(), "spool: {sync_interval_ms: 10}");
    send(&delivery, 1..=50);
    eventually("on the disk", || only(&delivery).account.spooled == 50);
    fs::remove_dir_all(directory.path().join("away")).unwrap();
    fs::write(directory.path().join("away"), b"in the way").unwrap();
    eventually("it is noticed", || {
        only(&delivery).health.spool_error.is_some()
    });
    send(&delivery, 51..=60);
    eventually("all wait", || only(&delivery).account.queued == 60);
    drop(delivery);
}

#[test]
fn a_spool_that_cannot_be_opened_is_no_reason_not_to_start() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("away"), b"in the way").unwrap();
    let delivery = away(directory.path(), "");
    send(&delivery, 1..=10);
    eventually("it is told", || {
        only(&delivery).health.spool_error.is_some()
    });
    assert_eq!(only(&delivery).account.queued, 10, "they wait in memory");
    let account = delivery.shutdown(Duration::ZERO)[0].1;
    assert_eq!(
        (account.abandoned, account.queued),
        (10, 0),
        "told, not lost in silence"
    );
}

#[test]
fn refused_alerts_are_kept_with_the_receivers_words_and_can_be_sent_once_more() {
    let directory = tempfile::tempdir().unwrap();
    // A batch of four is refused until the bad one is found: 4, 2, 1, 1, 2.
    let hook = Hook::start([422, 422, 422, 204, 204]);
    let yaml = format!(
        "[{{type: webhook, name: away, url: '{}', body: array, \
           batch: {{max_alerts: 4, max_age_ms: 60000}}}}]",
        hook.url()
    );
    let delivery = Delivery::start(&outputs(&yaml), Some(directory.path())).unwrap();
    send(&delivery, 1..=4);
    eventually("all have their fate", || {
        let account = only(&delivery).account;
        (account.refused, account.delivered) == (1, 3)
    });
    drop(delivery);
    let letters = fs::read_to_string(directory.path().join("away/dead.jsonl")).unwrap();
    let letter: Value = serde_json::from_str(&letters).unwrap();
    assert_eq!(letter["why"], "HTTP 422");
    assert_eq!(letter["alert"]["rule"], "Survives");
    let listed = sensor(&["queue", "--json", "--spool"], directory.path());
    let listed: Vec<OutputStatus> = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0].output, "away");
    assert_eq!(
        (listed[0].account.queued, listed[0].health.dead_letters),
        (0, 1)
    );
    let said = sensor(&["queue", "replay", "away", "--spool"], directory.path());
    assert!(said.contains("1 alert(s) wait now"), "{said}");
    assert_eq!(deliver_rest(directory.path()), [1]);
    assert!(!directory.path().join("away/dead.jsonl").exists());
}

#[test]
fn what_waits_on_the_disk_can_be_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let delivery = away(directory.path(), "");
    send(&delivery, 1..=30);
    eventually("on the disk", || only(&delivery).account.spooled == 30);
    drop(delivery);
    let said = sensor(&["queue", "--spool"], directory.path());
    assert!(said.contains("away") && said.contains("30"), "{said}");
    sensor(&["queue", "purge", "away", "--spool"], directory.path());
    assert_eq!(deliver_rest(directory.path()), []);
}

/// Runs the program with the directory as its last argument; what it printed.
fn sensor(arguments: &[&str], directory: &Path) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_sensor"))
        .args(arguments)
        .arg(directory)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{stderr}");
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn a_test_alert_shows_what_each_receiver_answers() {
    let directory = tempfile::tempdir().unwrap();
    let (good, bad) = (Hook::start([]), Hook::start([403]));
    let path = directory.path().join("sensor.yaml");
    let configuration = format!(
        "outputs:\n  - {{type: webhook, name: good, url: '{}', min_priority: emergency}}\n  \
           - {{type: webhook, name: bad, url: '{}'}}\n",
        good.url(),
        bad.url()
    );
    fs::write(&path, configuration).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_sensor"))
        .args(["outputs", "test", "-c"])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8(run.stdout).unwrap();
    assert_eq!(run.status.code(), Some(2), "{said}");
    let line = |name: &str| said.lines().find(|line| line.contains(name)).unwrap();
    assert!(line("good").contains("ok"), "{said}");
    assert!(line("bad").contains("HTTP 403"), "{said}");
    let sent = good.lock().requests[0].body.clone();
    assert_eq!(sent["rule"], "Sensor internal: test of outputs");
}
