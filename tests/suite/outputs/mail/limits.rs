//! Mails in an hour are limited; alerts are not lost to it.

use sensor::alert::Priority;
use sensor::deliver::Delivery;
use serde_json::Value;

use super::super::{PATIENCE, account, alert_of, eventually, finish, send};
use super::{Bench, text, told};

/// Sends an alert of either kind.
fn send_both(delivery: &Delivery, n: usize) {
    for _ in 0..n {
        delivery.send(&alert_of("lesser", Priority::Warning));
        delivery.send(&alert_of("serious", Priority::Critical));
    }
}

/// Stops an output; returns how many alerts wait in its spool.
fn stop(delivery: Delivery) -> u64 {
    let [(_, account)] = delivery.shutdown(PATIENCE)[..] else {
        panic!("one output was started");
    };
    assert!(account.balances(), "{account:?}");
    assert_eq!(account.failed(), 0, "{account:?}");
    account.queued
}

/// Lets two hours pass, as far as the file beside the spool knows.
fn pass_two_hours(bench: &Bench) {
    let file = bench.spools().join("mail").join("mails.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut kept: Value = serde_json::from_str(&text).unwrap();
    for window in ["hour", "day"] {
        let began = kept[window]["began_ms"].as_u64().unwrap();
        kept[window]["began_ms"] = (began - 7_200_000).into();
    }
    std::fs::write(&file, kept.to_string()).unwrap();
}

#[test]
fn what_is_above_the_limit_waits_through_restarts_and_is_told_in_the_next_mails() {
    const KEYS: &str = "max_per_hour: 4, digest_interval_s: 0, immediate_interval_s: 0";
    let bench = Bench::new();
    let delivery = bench.start_spooled(KEYS);
    for n in 1..=4 {
        send(&delivery, 1);
        eventually("mailed", || account(&delivery).delivered == n);
    }
    send_both(&delivery, 20);
    assert_eq!(stop(delivery), 40);
    let delivery = bench.start_spooled(KEYS);
    send_both(&delivery, 1);
    assert_eq!(stop(delivery), 42);
    assert_eq!(bench.taken().len(), 4);
    let said = |mail: usize, words: &str| text(&bench.taken()[mail].data).contains(words);
    assert!(!said(2, "the last mail"));
    assert!(said(3, "the limit of 4 mails an hour is reached"));
    pass_two_hours(&bench);
    let delivery = bench.start_spooled(KEYS);
    eventually("all", || account(&delivery).delivered == 42);
    assert_eq!(stop(delivery), 0);
    let taken = bench.taken();
    assert!(taken.len() <= 8, "{}", taken.len());
    assert_eq!(taken.iter().map(told).sum::<usize>(), 46);
    let why = "the limit of mails was reached. What waited since is told here.";
    assert!(said(4, why), "{}", text(&taken[4].data));
    assert!(!said(5, why));
}

#[test]
fn the_last_mail_of_an_hour_takes_along_whatever_waits() {
    let bench = Bench::new();
    let delivery = bench.start("max_per_hour: 2, digest_interval_s: 86400");
    send(&delivery, 1);
    eventually("the first at once", || account(&delivery).delivered == 1);
    send(&delivery, 10);
    assert_eq!(account(&delivery).queued, 10);
    delivery.send(&alert_of("serious", Priority::Critical));
    eventually("all", || account(&delivery).delivered == 12);
    let taken = bench.taken();
    assert_eq!(taken.iter().map(told).collect::<Vec<_>>(), [1, 11]);
    assert!(text(&taken[1].data).contains("This is the last mail before"));
    assert_eq!(finish(delivery).delivered, 12);
}

#[test]
fn a_storm_is_no_more_mails_than_allowed_and_every_alert_is_counted() {
    let bench = Bench::new();
    let keys = "max_per_hour: 5, max_per_day: 7, immediate_interval_s: 0, digest_interval_s: 0";
    let delivery = bench.start_spooled(keys);
    let mut sent = 0;
    let mut storm = |delivery: &Delivery, mails| {
        eventually("the limit", || {
            send_both(delivery, 10);
            sent += 20;
            bench.taken().len() == mails
        });
        // What comes now waits.
        send_both(delivery, 10);
        sent += 20;
        sent
    };
    let sent = storm(&delivery, 5);
    let waiting = stop(delivery);
    let counted = || bench.taken().iter().map(told).sum::<usize>() as u64;
    assert_eq!(counted() + waiting, sent);
    for _ in 0..2 {
        pass_two_hours(&bench);
        let delivery = bench.start_spooled(keys);
        let sent = storm(&delivery, 7);
        let waiting = stop(delivery);
        assert_eq!(counted() + waiting, sent);
    }
    let says = |words: &str| {
        let taken = bench.taken();
        let saying = taken.iter().filter(|mail| text(&mail.data).contains(words));
        saying.count()
    };
    assert_eq!(says("the limit of 5 mails an hour is reached"), 1);
    assert_eq!(says("the limit of 7 mails a day is reached"), 1);
}

#[test]
fn one_digest_counts_what_no_memory_holds() {
    let bench = Bench::new();
    let keys = "digest_interval_s: 86400, queue: {max_alerts: 100000, max_bytes: 268435456}";
    let delivery = bench.start_spooled(keys);
    send(&delivery, 1);
    eventually("the first at once", || account(&delivery).delivered == 1);
    // More than the four megabytes that a spool keeps in memory as well.
    send(&delivery, 12_000);
    eventually("on the disk", || account(&delivery).spooled == 12_001);
    assert_eq!(stop(delivery), 0);
    let counts: Vec<_> = bench.taken().iter().map(told).collect();
    assert_eq!(counts, [1, 12_000]);
}
