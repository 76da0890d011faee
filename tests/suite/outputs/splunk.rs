//! Splunk HEC: what arrives, and what becomes of alerts when the collector
//! fails in each way it can.

use std::time::Duration;

use sensor::alert::Priority;
use sensor::deliver::Delivery;

use super::{FAST, account, alert_of, eventually, finish, send, start};
use crate::stand_in::gate;
use crate::stand_in::hec::{Fault, Hec, TOKEN};

#[path = "splunk/acknowledgement.rs"]
mod acknowledgement;
#[path = "splunk/codes.rs"]
mod codes;
#[path = "splunk/indexers.rs"]
mod indexers;
#[path = "splunk/metadata.rs"]
mod metadata;

/// A collector and the sender's configuration for it.
struct Bench {
    hec: Hec,
    directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("token"), TOKEN).unwrap();
        Self {
            hec: Hec::start(),
            directory,
        }
    }

    fn token_file(&self) -> std::path::PathBuf {
        self.directory.path().join("token")
    }

    /// Starts the sender with further keys.
    fn start(&self, more: &str) -> Delivery {
        start(&format!(
            "type: splunk, url: '{}', token: 'file:{}', {FAST}, {more}",
            self.hec.url(),
            self.token_file().display()
        ))
    }

    /// Every alert arrived, and exactly once.
    fn each_once(&self, sent: &[String]) {
        let ledger = self.hec.ledger();
        let expected = sent.iter().map(|uuid| (uuid.clone(), 1)).collect();
        assert_eq!(ledger, expected);
        self.nothing_wrong();
    }

    fn nothing_wrong(&self) {
        assert_eq!(self.hec.lock().wrong, Vec::<String>::new());
    }
}

#[test]
fn a_busy_collector_gets_each_alert_exactly_once() {
    let bench = Bench::new();
    bench.hec.script([
        Fault::Code(503, 9),
        Fault::Code(503, 9),
        Fault::Code(503, 9),
    ]);
    let delivery = bench.start("");
    let sent = send(&delivery, 25);
    eventually("all delivered", || account(&delivery).delivered == 25);
    let account = finish(delivery);
    assert_eq!((account.failed(), account.retries), (0, 3), "{account:?}");
    bench.each_once(&sent);
}

#[test]
fn every_envelope_carries_metadata_and_the_alert() {
    let bench = Bench::new();
    let delivery = bench.start("index: sec, source: edge, batch: {max_age_ms: 0}");
    send(&delivery, 1);
    finish(delivery);
    bench.nothing_wrong();
    let hec = bench.hec.lock();
    let envelope = &hec.taken[0];
    for (pointer, expected) in [
        ("/host", "node1"),
        ("/source", "edge"),
        ("/sourcetype", "sensor:alert"),
        ("/index", "sec"),
        ("/fields/sensor_priority", "Warning"),
        ("/fields/sensor_rule", "Read credential file"),
        ("/event/rule", "Read credential file"),
        ("/event/output_fields/proc.cmdline", "cat /etc/shadow"),
    ] {
        assert_eq!(envelope.pointer(pointer).unwrap(), expected, "{pointer}");
    }
    assert!(hec.requests[0].gzip);
}

#[test]
fn an_event_can_have_the_names_of_the_information_model() {
    let bench = Bench::new();
    let delivery = bench.start("format: cim");
    let sent = send(&delivery, 2);
    finish(delivery);
    bench.each_once(&sent);
    let event = &bench.hec.lock().taken[0]["event"];
    assert_eq!(event["signature"], "Read credential file");
    assert_eq!(event["process"], "cat /etc/shadow");
    assert_eq!(event["mitre_technique_id"][0], "T1003");
}

#[test]
fn requests_are_plain_when_compression_is_off() {
    let bench = Bench::new();
    let delivery = bench.start("gzip: false");
    let sent = send(&delivery, 3);
    finish(delivery);
    bench.each_once(&sent);
    assert!(!bench.hec.lock().requests[0].gzip);
}

#[test]
fn a_critical_alert_does_not_wait_for_its_batch() {
    let bench = Bench::new();
    let delivery = bench.start("batch: {max_age_ms: 60000}");
    let sent = send(&delivery, 3);
    delivery.send(&alert_of("urgent", Priority::Critical));
    eventually("all delivered", || account(&delivery).delivered == 4);
    assert_eq!(bench.hec.ledger().len(), sent.len() + 1);
    assert_eq!(bench.hec.lock().requests.len(), 1);
    finish(delivery);
}

#[test]
fn a_named_bad_event_is_refused_and_the_others_arrive_once() {
    let bench = Bench::new();
    let delivery = bench.start("batch: {max_age_ms: 60000}");
    let mut sent = send(&delivery, 3);
    delivery.send(&alert_of("poison", Priority::Warning));
    sent.extend(send(&delivery, 3));
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (6, 1), "{account:?}");
    bench.each_once(&sent);
}

#[test]
fn a_bad_event_nobody_names_is_found_by_halving() {
    let bench = Bench::new();
    let delivery = bench.start("batch: {max_age_ms: 60000}");
    let mut sent = send(&delivery, 4);
    delivery.send(&alert_of("murky poison", Priority::Warning));
    sent.extend(send(&delivery, 4));
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (8, 1), "{account:?}");
    // A collector that does not say how far it came may have taken some twice.
    let ledger = bench.hec.ledger();
    assert!(
        sent.iter().all(|uuid| ledger.contains_key(uuid)),
        "{ledger:?}"
    );
}

#[test]
fn an_alert_whose_fields_cannot_be_indexed_arrives_without_them() {
    let bench = Bench::new();
    let delivery = bench.start("batch: {max_age_ms: 60000}");
    let mut sent = send(&delivery, 3);
    let unindexable = alert_of("unindexable", Priority::Warning);
    delivery.send(&unindexable);
    delivery.send(&alert_of("hopeless", Priority::Warning));
    sent.extend(send(&delivery, 3));
    sent.push(unindexable.id.to_string());
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (7, 1), "{account:?}");
    bench.each_once(&sent);
    let hec = bench.hec.lock();
    for envelope in &hec.taken {
        let bare = envelope["event"]["rule"] == "unindexable";
        assert_eq!(envelope.get("fields").is_none(), bare, "{envelope}");
    }
}

#[test]
fn a_batch_that_is_too_large_is_split() {
    let bench = Bench::new();
    bench.hec.lock().max_bytes = 4000;
    let delivery = bench.start("batch: {max_age_ms: 60000}");
    let sent = send(&delivery, 40);
    let account = finish(delivery);
    assert_eq!((account.delivered, account.retries), (40, 0), "{account:?}");
    bench.each_once(&sent);
}

#[test]
fn a_single_alert_that_is_too_large_is_refused_and_counted() {
    let bench = Bench::new();
    bench.hec.lock().max_bytes = 100;
    let delivery = bench.start("");
    send(&delivery, 3);
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (0, 3), "{account:?}");
}

#[test]
fn a_refused_token_keeps_alerts_until_it_is_rotated() {
    let bench = Bench::new();
    bench.hec.lock().token = "new-token".to_owned();
    let delivery = bench.start("");
    let sent = send(&delivery, 5);
    eventually("refused twice", || account(&delivery).retries >= 2);
    let kept = account(&delivery);
    assert_eq!((kept.queued, kept.failed()), (5, 0), "{kept:?}");
    std::fs::write(bench.token_file(), "new-token\n").unwrap();
    eventually("all delivered", || account(&delivery).delivered == 5);
    finish(delivery);
    bench.each_once(&sent);
}

#[test]
fn a_forbidding_collector_costs_no_memory_and_no_unaccounted_alert() {
    let bench = Bench::new();
    bench.hec.lock().token = "another".to_owned();
    let delivery = bench.start("queue: {max_alerts: 100}");
    send(&delivery, 1000);
    eventually("a refusal", || account(&delivery).retries >= 1);
    let full = account(&delivery);
    assert_eq!((full.queued, full.dropped_full), (100, 900), "{full:?}");
    let account = finish(delivery);
    assert_eq!(
        (account.delivered, account.abandoned),
        (0, 100),
        "{account:?}"
    );
}

#[test]
fn an_index_that_is_not_allowed_keeps_alerts_until_it_is() {
    let bench = Bench::new();
    bench.hec.lock().indexes = Some(vec!["main".to_owned()]);
    let delivery = bench.start("index: sec");
    let sent = send(&delivery, 5);
    eventually("refused twice", || account(&delivery).retries >= 2);
    assert_eq!(account(&delivery).queued, 5);
    bench.hec.lock().indexes = None;
    eventually("all delivered", || account(&delivery).delivered == 5);
    finish(delivery);
    bench.each_once(&sent);
}

#[test]
fn a_collector_that_accepts_and_never_answers_is_left_after_the_timeout() {
    let bench = Bench::new();
    bench.hec.script([Fault::Hang, Fault::Hang]);
    let delivery = bench.start("timeout_ms: 300");
    let sent = send(&delivery, 5);
    eventually("all delivered", || account(&delivery).delivered == 5);
    let account = finish(delivery);
    assert!(account.retries >= 2, "{account:?}");
    // On a slow machine the answer to a taken batch may come too late as well.
    let ledger = bench.hec.ledger();
    assert!(
        sent.iter().all(|uuid| ledger.contains_key(uuid)),
        "{ledger:?}"
    );
    bench.nothing_wrong();
}

#[test]
fn an_answer_that_is_lost_makes_a_duplicate_with_the_same_uuid() {
    let bench = Bench::new();
    bench.hec.script([Fault::TakeThenHang]);
    let delivery = bench.start("timeout_ms: 300, batch: {max_age_ms: 60000}");
    let sent = send(&delivery, 5);
    let account = finish(delivery);
    assert_eq!(account.delivered, 5, "{account:?}");
    let ledger = bench.hec.ledger();
    assert_eq!(ledger.len(), 5);
    assert!(sent.iter().all(|uuid| ledger[uuid] >= 2), "{ledger:?}");
}

#[test]
fn broken_connections_are_repeated() {
    let bench = Bench::new();
    let faults = [
        gate::Fault::Reset,
        gate::Fault::HalfAnswer,
        gate::Fault::Reset,
    ];
    bench.hec.faults.lock().unwrap().extend(faults);
    let delivery = bench.start("batch: {max_age_ms: 0}");
    let sent = send(&delivery, 5);
    let account = finish(delivery);
    assert_eq!((account.delivered, account.failed()), (5, 0), "{account:?}");
    assert!(account.retries >= 3, "{account:?}");
    bench.each_once(&sent);
}

#[test]
fn a_proxys_page_is_no_answer_of_splunk() {
    let bench = Bench::new();
    bench
        .hec
        .script([Fault::Html(502), Fault::Html(200), Fault::Html(403)]);
    let delivery = bench.start("");
    let sent = send(&delivery, 5);
    eventually("all delivered", || account(&delivery).delivered == 5);
    assert_eq!(finish(delivery).retries, 3);
    bench.each_once(&sent);
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Hec::start();
    let bench = Bench::new();
    let to = format!("{}/services/collector/event", elsewhere.url());
    bench.hec.script([Fault::Redirect(to)]);
    let delivery = bench.start("");
    let sent = send(&delivery, 5);
    eventually("all delivered", || account(&delivery).delivered == 5);
    finish(delivery);
    assert_eq!(elsewhere.lock().requests.len(), 0);
    bench.each_once(&sent);
}

#[test]
fn the_collectors_wish_to_be_left_alone_is_honoured() {
    let bench = Bench::new();
    bench.hec.script([Fault::RetryAfter(1)]);
    let delivery = bench.start("");
    let sent = send(&delivery, 1);
    eventually("delivered", || account(&delivery).delivered == 1);
    finish(delivery);
    bench.each_once(&sent);
    let hec = bench.hec.lock();
    let pause = hec.requests[1].at - hec.requests[0].at;
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
}

#[test]
fn one_channel_serves_all_requests_of_a_healthy_sender() {
    let bench = Bench::new();
    let delivery = bench.start("batch: {max_alerts: 1}");
    send(&delivery, 4);
    finish(delivery);
    let hec = bench.hec.lock();
    let first = &hec.requests[0].channel;
    assert_eq!(hec.requests.len(), 4);
    assert!(hec.requests.iter().all(|request| request.channel == *first));
}

#[test]
fn stopping_ends_at_the_deadline_and_counts_what_is_left() {
    let bench = Bench::new();
    bench.hec.script(vec![Fault::Hang; 100]);
    let delivery = bench.start("");
    send(&delivery, 50);
    let accounts = delivery.shutdown(Duration::from_millis(100));
    let account = accounts[0].1;
    assert!(account.balances(), "{account:?}");
    assert_eq!((account.abandoned, account.queued), (50, 0), "{account:?}");
}
