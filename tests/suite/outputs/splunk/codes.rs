//! Every answer that Splunk documents, and what becomes of four alerts that get it.

use std::time::Duration;

use sensor::alert::Priority;

use super::{Bench, account, alert_of, eventually, finish, send};
use crate::stand_in::hec::Fault;

/// One request carries exactly four.
const FOUR: &str = "batch: {max_alerts: 4, max_age_ms: 60000}";

#[test]
fn every_documented_answer_delivers_each_alert_once_in_the_end() {
    let fault = |status, code| match code {
        24 | 25 => Fault::Taken(code),
        _ => Fault::Code(status, code),
    };
    for (status, code, retries, requests) in [
        (200, 24, 0, 1),
        (200, 25, 0, 1),
        // Our token, our channel, our way of asking: asked again, nothing lost.
        (403, 1, 1, 2),
        (401, 2, 1, 2),
        (401, 3, 1, 2),
        (403, 4, 1, 2),
        (400, 7, 1, 2),
        (400, 10, 1, 2),
        (400, 11, 1, 2),
        (400, 14, 1, 2),
        (400, 16, 1, 2),
        (200, 17, 1, 2),
        (400, 21, 1, 2),
        (400, 22, 1, 2),
        (400, 28, 1, 2),
        (404, 404, 1, 2),
        (405, 405, 1, 2),
        (415, 415, 1, 2),
        (301, 301, 1, 2),
        (302, 302, 1, 2),
        (307, 307, 1, 2),
        (308, 308, 1, 2),
        // Its trouble: asked again.
        (500, 8, 1, 2),
        (503, 9, 1, 2),
        (503, 18, 1, 2),
        (503, 19, 1, 2),
        (503, 20, 1, 2),
        (503, 23, 1, 2),
        (429, 26, 1, 2),
        (429, 27, 1, 2),
        (408, 408, 1, 2),
        (425, 425, 1, 2),
        (429, 429, 1, 2),
        (500, 500, 1, 2),
        (502, 502, 1, 2),
        (503, 503, 1, 2),
        (504, 504, 1, 2),
        // One of the four, and nobody says which: asked in halves.
        (400, 5, 0, 3),
        (400, 6, 0, 3),
        (400, 12, 0, 3),
        (400, 13, 0, 3),
        (400, 15, 0, 3),
        (413, 413, 0, 3),
    ] {
        let bench = Bench::new();
        bench.hec.script([fault(status, code)]);
        let delivery = bench.start(FOUR);
        let sent = send(&delivery, 4);
        eventually(&format!("{status}/{code}: all delivered"), || {
            account(&delivery).delivered == 4
        });
        let account = finish(delivery);
        let seen = bench.hec.lock().requests.len();
        assert_eq!(
            (account.retries, account.failed(), seen),
            (retries, 0, requests),
            "{status}/{code}"
        );
        bench.each_once(&sent);
    }
}

#[test]
fn what_was_taken_before_a_numbered_event_is_not_sent_again() {
    for (status, code, delivered, refused) in [
        (503, 9, 4, 0),
        (400, 6, 3, 1),
        (400, 12, 3, 1),
        (400, 13, 3, 1),
        // Sent once more without its fields.
        (400, 15, 4, 0),
        // It waits for a person.
        (400, 7, 4, 0),
    ] {
        let bench = Bench::new();
        bench.hec.script([Fault::CodeAt(status, code, 2)]);
        let delivery = bench.start(FOUR);
        let mut sent = send(&delivery, 4);
        eventually(&format!("{status}/{code}: all settled"), || {
            account(&delivery).queued == 0
        });
        let account = finish(delivery);
        assert_eq!(
            (account.delivered, account.refused),
            (delivered, refused),
            "{status}/{code}"
        );
        if refused > 0 {
            sent.remove(2);
        }
        bench.each_once(&sent);
    }
}

#[test]
fn bad_events_of_every_kind_are_refused_alone() {
    let bench = Bench::new();
    let delivery = bench.start("batch: {max_age_ms: 60000}");
    let mut sent = Vec::new();
    for rule in ["poison", "eventless", "blank", "hopeless"] {
        sent.extend(send(&delivery, 2));
        delivery.send(&alert_of(rule, Priority::Warning));
    }
    sent.extend(send(&delivery, 2));
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (10, 4), "{account:?}");
    bench.each_once(&sent);
}

#[test]
fn a_sender_slows_down_when_the_collector_is_nearly_full() {
    for code in [24, 25] {
        let bench = Bench::new();
        bench.hec.script([Fault::Taken(code)]);
        let delivery = bench.start("batch: {max_alerts: 1}");
        let sent = send(&delivery, 2);
        assert_eq!(finish(delivery).retries, 0);
        bench.each_once(&sent);
        let hec = bench.hec.lock();
        let pause = hec.requests[1].at - hec.requests[0].at;
        assert!(pause >= Duration::from_millis(200), "{code}: {pause:?}");
    }
}

#[test]
fn a_time_to_come_back_may_be_a_date() {
    let bench = Bench::new();
    // A date has no fractions: between one and two seconds are left of it.
    bench.hec.script([Fault::RetryAt(2)]);
    let delivery = bench.start("");
    let sent = send(&delivery, 1);
    eventually("delivered", || account(&delivery).delivered == 1);
    finish(delivery);
    bench.each_once(&sent);
    let hec = bench.hec.lock();
    let pause = hec.requests[1].at - hec.requests[0].at;
    assert!(pause >= Duration::from_millis(900), "{pause:?}");
}

#[test]
fn a_channel_that_is_not_liked_is_changed() {
    let bench = Bench::new();
    bench.hec.script([Fault::Code(400, 11)]);
    let delivery = bench.start("");
    let sent = send(&delivery, 1);
    eventually("delivered", || account(&delivery).delivered == 1);
    finish(delivery);
    bench.each_once(&sent);
    let hec = bench.hec.lock();
    assert_ne!(hec.requests[0].channel, hec.requests[1].channel);
}

#[test]
fn an_answer_that_breaks_off_makes_a_duplicate_and_no_loss() {
    let bench = Bench::new();
    bench.hec.script([Fault::TakeThenBreak]);
    let delivery = bench.start(FOUR);
    let sent = send(&delivery, 4);
    eventually("all delivered", || account(&delivery).delivered == 4);
    let account = finish(delivery);
    assert_eq!((account.retries, account.failed()), (1, 0), "{account:?}");
    let ledger = bench.hec.ledger();
    assert!(sent.iter().all(|uuid| ledger[uuid] == 2), "{ledger:?}");
    bench.nothing_wrong();
}

#[test]
fn the_next_token_is_taken_when_the_first_is_refused() {
    let bench = Bench::new();
    bench.hec.lock().token = "the next".to_owned();
    let next = bench.directory.path().join("next");
    std::fs::write(&next, "the next").unwrap();
    let more = format!("{FOUR}, next_token: 'file:{}'", next.display());
    let delivery = bench.start(&more);
    let mut sent = send(&delivery, 4);
    eventually("all delivered", || account(&delivery).delivered == 4);
    // And back, when it is the other's turn again.
    bench.hec.lock().token = crate::stand_in::hec::TOKEN.to_owned();
    sent.extend(send(&delivery, 4));
    eventually("all delivered", || account(&delivery).delivered == 8);
    let account = finish(delivery);
    assert_eq!((account.retries, account.failed()), (2, 0), "{account:?}");
    bench.each_once(&sent);
}
