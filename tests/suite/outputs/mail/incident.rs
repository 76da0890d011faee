//! Few mails for many alerts, the serious ones at once, in threads.

use sensor::alert::Priority;
use sensor::deliver::Delivery;

use super::super::{account, alert_of, eventually, finish, send};
use super::{Bench, header, part, text, told};

fn send_of(delivery: &Delivery, rule: &str, priority: Priority, n: usize) {
    for _ in 0..n {
        delivery.send(&alert_of(rule, priority));
    }
}

/// The thread a mail belongs to.
fn thread(mail: &str) -> String {
    let root = header(mail, "References");
    assert_eq!(header(mail, "In-Reply-To"), root);
    root
}

#[test]
fn an_incident_is_two_mails_that_count_every_alert() {
    let bench = Bench::new();
    let delivery = bench.start("digest_interval_s: 86400, immediate: null");
    send(&delivery, 1);
    eventually("the first at once", || account(&delivery).delivered == 1);
    send(&delivery, 5000);
    send_of(&delivery, "rare", Priority::Critical, 1);
    assert_eq!(account(&delivery).queued, 5001, "gathered, however serious");
    assert_eq!(finish(delivery).delivered, 5002);
    let taken = bench.taken();
    let [_, digest] = &taken[..] else {
        panic!("two mails")
    };
    for kind in ["text/plain", "text/html"] {
        let text = part(&digest.data, kind);
        assert!(text.contains("5001 alerts from 20"), "{text}");
        assert!(text.contains("and 4981 more alerts"), "{text}");
        assert_eq!(text.matches("Something happened").count(), 20);
    }
    let counted = "5000  Warning       Read credential file";
    assert!(text(&digest.data).contains(counted), "{}", digest.data);
    assert_eq!(header(&digest.data, "X-Priority"), "1");
    assert_eq!(
        header(&digest.data, "Subject"),
        "[Critical] 5001 alerts of 2 rules on node1"
    );
    assert!(digest.data.len() < 100_000);
}

#[test]
fn what_is_serious_does_not_wait_for_the_digest_of_the_rest() {
    let bench = Bench::new();
    let delivery = bench.start("digest_interval_s: 86400");
    send(&delivery, 1);
    eventually("the first at once", || account(&delivery).delivered == 1);
    send(&delivery, 500);
    send_of(&delivery, "rare", Priority::Alert, 1);
    eventually("the alert", || account(&delivery).delivered == 2);
    assert_eq!(account(&delivery).queued, 500);
    assert_eq!(finish(delivery).delivered, 502);
    let taken = bench.taken();
    assert_eq!(taken.iter().map(told).collect::<Vec<_>>(), [1, 1, 500]);
    assert_eq!(header(&taken[1].data, "Subject"), "[Alert] rare on node1");
    assert_eq!(header(&taken[1].data, "X-Priority"), "1");
    assert_eq!(header(&taken[1].data, "Importance"), "high");
}

#[test]
fn a_digest_that_is_put_off_keeps_nothing_serious_back() {
    let bench = Bench::new();
    let delivery =
        bench.start("immediate_interval_s: 0, retry: {initial_ms: 3600000, max_ms: 3600000}");
    bench.relay.lock().script.push_back("451 later");
    send(&delivery, 1);
    eventually("put off", || account(&delivery).retries == 1);
    send_of(&delivery, "rare", Priority::Critical, 1);
    eventually("the other", || account(&delivery).delivered >= 1);
    assert!(text(&bench.taken()[0].data).contains("rare"));
}

#[test]
fn what_is_mailed_at_once_is_a_mail_and_a_thread_for_each_rule() {
    let bench = Bench::new();
    let delivery = bench.start("immediate_interval_s: 86400");
    send_of(&delivery, "a", Priority::Critical, 1);
    eventually("the first at once", || account(&delivery).delivered == 1);
    for rule in ["a", "b", "c", "a", "b", "a"] {
        send_of(&delivery, rule, Priority::Critical, 1);
    }
    assert_eq!(finish(delivery).delivered, 7);
    // A restart remembers nothing of it but begins no other thread.
    let delivery = bench.start("");
    send_of(&delivery, "c", Priority::Critical, 1);
    assert_eq!(finish(delivery).delivered, 1);
    let taken = bench.taken();
    assert_eq!(taken.iter().map(told).collect::<Vec<_>>(), [1, 3, 2, 1, 1]);
    let threads: Vec<_> = taken.iter().map(|mail| thread(&mail.data)).collect();
    assert_eq!((&threads[0], &threads[3]), (&threads[1], &threads[4]));
    assert!(threads[0] != threads[2] && threads[2] != threads[3]);
    for (mail, rule) in taken.iter().zip(["a", "a", "b", "c", "c"]) {
        let subject = format!("[Critical] {rule} on node1");
        assert_eq!(header(&mail.data, "Subject"), subject);
    }
    let mut ids: Vec<_> = taken
        .iter()
        .map(|m| header(&m.data, "Message-ID"))
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 5, "{ids:?}");
}

#[test]
fn more_rules_at_once_than_anyone_reads_apart_are_one_mail() {
    let bench = Bench::new();
    let delivery = bench.start("immediate_interval_s: 86400");
    send_of(&delivery, "first", Priority::Critical, 1);
    eventually("the first at once", || account(&delivery).delivered == 1);
    for n in 0..30 {
        send_of(&delivery, &format!("rule {n}"), Priority::Critical, 2);
    }
    assert_eq!(finish(delivery).delivered, 61);
    assert_eq!(bench.taken().iter().map(told).collect::<Vec<_>>(), [1, 60]);
}

#[test]
fn a_mail_whose_taking_was_not_heard_of_comes_again_as_the_same() {
    let bench = Bench::new();
    let verdicts = ["451 after all not", "421 closing"];
    bench.relay.lock().verdicts.extend(verdicts);
    let delivery = bench.start("digest_interval_s: 86400");
    send(&delivery, 1);
    eventually("mailed", || account(&delivery).delivered == 1);
    bench.relay.lock().verdicts.extend(verdicts.repeat(4));
    send(&delivery, 30);
    assert_eq!(finish(delivery).delivered, 31);
    let relay = bench.relay.lock();
    assert_eq!((relay.left.len(), relay.taken.len()), (10, 2));
    for (left, taken) in [(0..2, 0), (2..10, 1)] {
        let id = header(&relay.taken[taken].data, "Message-ID");
        for mail in &relay.left[left] {
            assert_eq!(header(&mail.data, "Message-ID"), id);
            assert_eq!(told(mail), told(&relay.taken[taken]));
        }
    }
}
