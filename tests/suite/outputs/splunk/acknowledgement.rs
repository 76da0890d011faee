//! Indexer acknowledgement: an alert is delivered when it is stored, and not before.

use std::time::Duration;

use sensor::alert::Priority;
use sensor::deliver::Delivery;

use super::{Bench, account, alert_of, eventually, finish, send};
use crate::stand_in::hec::{Acks, Fault};

/// A collector whose token has acknowledgement.
fn bench(acks: Acks) -> Bench {
    let bench = Bench::new();
    bench.hec.lock().acks = Some(acks);
    bench
}

/// What never is stored in this test's time.
fn never() -> Acks {
    Acks::after(u32::MAX)
}

impl Bench {
    /// Starts a sender that waits for acknowledgements.
    fn patient(&self, more: &str) -> Delivery {
        self.start(&format!(
            "acknowledgement: true, acknowledgement_poll_ms: 10, {more}"
        ))
    }

    fn acks<T>(&self, of: impl FnOnce(&mut Acks) -> T) -> T {
        of(self.hec.lock().acks.as_mut().unwrap())
    }
}

/// One request carries exactly four.
const FOUR: &str = "batch: {max_alerts: 4, max_age_ms: 60000}";
/// Waits no longer than is bearable in a test.
const SHORT: &str = "acknowledgement_give_up_ms: 200";

#[test]
fn alerts_are_delivered_when_they_are_stored_and_not_before() {
    let bench = bench(never());
    let delivery = bench.patient(FOUR);
    let sent = send(&delivery, 4);
    eventually("asked five times", || bench.acks(|acks| acks.asked) >= 5);
    let waiting = account(&delivery);
    assert_eq!((waiting.delivered, waiting.queued), (0, 4), "{waiting:?}");
    bench.acks(Acks::store_all);
    eventually("all delivered", || account(&delivery).delivered == 4);
    assert_eq!(finish(delivery).retries, 0);
    bench.each_once(&sent);
}

#[test]
fn alerts_that_are_lost_before_they_are_stored_are_sent_again() {
    let bench = bench(Acks::default());
    bench.hec.script([Fault::Lose, Fault::Lose]);
    let delivery = bench.patient(&format!("{FOUR}, {SHORT}"));
    let sent = send(&delivery, 4);
    eventually("all delivered", || account(&delivery).delivered == 4);
    let account = finish(delivery);
    assert_eq!((account.retries, account.failed()), (2, 0), "{account:?}");
    bench.each_once(&sent);
}

#[test]
fn alerts_stored_too_late_are_there_twice_with_the_same_id() {
    let bench = bench(never());
    let delivery = bench.patient(&format!("{FOUR}, {SHORT}"));
    let sent = send(&delivery, 4);
    eventually("sent again", || account(&delivery).retries >= 1);
    bench.acks(Acks::store_all);
    eventually("all delivered", || account(&delivery).delivered == 4);
    finish(delivery);
    let (ledger, given) = (bench.hec.ledger(), bench.acks(|acks| acks.given));
    assert!(given >= 2);
    let expected = sent.into_iter().map(|uuid| (uuid, given)).collect();
    assert_eq!(ledger, expected, "once for each request that was taken");
    bench.nothing_wrong();
}

#[test]
fn an_indexer_that_starts_anew_gets_what_it_had_not_stored() {
    let bench = bench(never());
    let delivery = bench.patient(&format!("{FOUR}, {SHORT}"));
    let sent = send(&delivery, 4);
    // The first number is given up, so that the one after the restart is the same.
    eventually("sent again", || bench.acks(|acks| acks.given) >= 2);
    bench.hec.restart();
    bench.acks(Acks::store_all);
    eventually("all delivered", || account(&delivery).delivered == 4);
    finish(delivery);
    let ledger = bench.hec.ledger();
    assert!(
        sent.iter().all(|uuid| ledger.contains_key(uuid)),
        "{ledger:?}"
    );
    bench.nothing_wrong();
}

#[test]
fn what_stands_before_a_bad_event_counts_when_it_is_stored() {
    for partly in [true, false] {
        let bench = bench(Acks::after(2));
        bench.acks(|acks| acks.partly = partly);
        let delivery = bench.patient("batch: {max_age_ms: 60000}");
        let before = send(&delivery, 3);
        delivery.send(&alert_of("poison", Priority::Warning));
        let behind = send(&delivery, 3);
        let account = finish(delivery);
        assert_eq!((account.delivered, account.refused), (6, 1), "{account:?}");
        // Without a number to ask for nobody knows of those before: they come again.
        let times = if partly { 1 } else { 2 };
        let expected = before.into_iter().map(|uuid| (uuid, times));
        let expected = expected.chain(behind.into_iter().map(|uuid| (uuid, 1)));
        assert_eq!(bench.hec.ledger(), expected.collect());
        bench.nothing_wrong();
    }
}

#[test]
fn a_token_without_acknowledgement_is_used_as_one() {
    let plain = Bench::new();
    let delivery = plain.patient("");
    let sent = send(&delivery, 5);
    eventually("all delivered", || account(&delivery).delivered == 5);
    assert_eq!(finish(delivery).retries, 0);
    plain.each_once(&sent);
}

#[test]
fn acknowledgement_that_is_switched_off_meanwhile_is_done_without() {
    let bench = bench(never());
    let delivery = bench.patient(FOUR);
    let sent = send(&delivery, 4);
    eventually("asked", || bench.acks(|acks| acks.asked) >= 1);
    // Answered by code 14 from now on.
    bench.hec.lock().acks = None;
    eventually("all delivered", || account(&delivery).delivered == 4);
    assert_eq!(finish(delivery).retries, 0);
    bench.each_once(&sent);
}

#[test]
fn several_requests_wait_at_once_each_on_its_own_channel() {
    let bench = bench(never());
    let delivery = bench.patient("concurrency: 4, batch: {max_alerts: 1}");
    let sent = send(&delivery, 8);
    eventually("four wait", || bench.acks(|acks| acks.given) == 4);
    let channels = |bench: &Bench| {
        let hec = bench.hec.lock();
        let channels = hec.requests.iter().map(|request| request.channel.clone());
        channels.collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!(channels(&bench), 4);
    bench.acks(Acks::store_all);
    eventually("all delivered", || account(&delivery).delivered == 8);
    finish(delivery);
    assert_eq!(channels(&bench), 4);
    bench.each_once(&sent);
}

#[test]
fn a_channel_that_is_full_is_asked_for_what_was_given_up() {
    let bench = bench(never());
    bench.acks(|acks| acks.most = 1);
    let delivery = bench.patient(&format!("{FOUR}, {SHORT}"));
    let sent = send(&delivery, 4);
    eventually("refused by code 27", || account(&delivery).retries >= 2);
    assert_eq!(bench.acks(|acks| acks.given), 1);
    bench.acks(Acks::store_all);
    eventually("all delivered", || account(&delivery).delivered == 4);
    finish(delivery);
    let expected = sent.into_iter().map(|uuid| (uuid, 2)).collect();
    assert_eq!(bench.hec.ledger(), expected);
    bench.nothing_wrong();
}

#[test]
fn nobody_waits_for_an_acknowledgement_beyond_the_end() {
    let bench = bench(never());
    let delivery = bench.patient(FOUR);
    send(&delivery, 4);
    eventually("asked", || bench.acks(|acks| acks.asked) >= 1);
    let account = delivery.shutdown(Duration::from_millis(50))[0].1;
    assert!(account.balances(), "{account:?}");
    assert_eq!(
        (account.delivered, account.abandoned),
        (0, 4),
        "{account:?}"
    );
}

/// A sensor that ends in the middle, without a word, and its next start.
#[test]
fn a_sensor_that_is_killed_midway_loses_nothing() {
    let bench = bench(Acks::after(2));
    let spools = tempfile::tempdir().unwrap();
    let start = || {
        let yaml = format!(
            "[{{type: splunk, url: '{}', token: 'file:{}', spool: {{sync: always}}, \
             acknowledgement: true, acknowledgement_poll_ms: 10, batch: {{max_alerts: 10}}, {}}}]",
            bench.hec.url(),
            bench.token_file().display(),
            crate::outputs::FAST
        );
        Delivery::start(&crate::outputs::outputs(&yaml), Some(spools.path())).unwrap()
    };
    let delivery = start();
    let sent = send(&delivery, 200);
    eventually("some are delivered, some are not", || {
        let account = account(&delivery);
        account.delivered >= 50 && account.spooled == 200
    });
    let before = account(&delivery);
    drop(delivery);
    let delivery = start();
    eventually("the rest is recovered and delivered", || {
        let account = account(&delivery);
        account.recovered > 0 && account.queued == 0
    });
    let account = finish(delivery);
    let ledger = bench.hec.ledger();
    assert_eq!(
        ledger.len(),
        sent.len(),
        "none is lost: {before:?} {account:?}"
    );
    let twice = ledger.values().filter(|count| **count > 1).count();
    assert!(twice <= 10, "no more than was under way: {twice}");
    assert!(ledger.values().all(|count| *count <= 2));
    bench.nothing_wrong();
}
