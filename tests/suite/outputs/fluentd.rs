//! The Forward protocol: an alert is taken when its chunk is acknowledged, whatever else
//! the receiver says or leaves unsaid.

use sensor::alert::Priority;
use sensor::deliver::Delivery;

use super::{FAST, account, alert_of, complains, eventually, finish, send, start};
use crate::stand_in::fluentd::{Fault, Fluentd, Keys};
use crate::stand_in::identity::Authority;

fn to(receiver: &Fluentd, more: &str) -> Delivery {
    start(&format!(
        "type: fluentd, url: 'tcp://127.0.0.1:{}', {more} {FAST}",
        receiver.port
    ))
}

#[test]
fn a_record_is_the_alert_at_its_nanosecond_under_a_tag_of_its_own() {
    for gzip in [false, true] {
        let receiver = Fluentd::start(None, None);
        let more = format!("tag: 'sensor.{{rule}}.{{priority}}', gzip: {gzip},");
        let delivery = to(&receiver, &more);
        let alerts = [
            alert_of("a.b *", Priority::Critical),
            alert_of("other", Priority::Error),
            alert_of("a.b *", Priority::Critical),
        ];
        for alert in &alerts {
            delivery.send(alert);
        }
        let account = finish(delivery);
        assert_eq!(account.delivered, 3, "{account:?}");
        let inner = receiver.lock();
        assert_eq!(inner.taken.len(), 3);
        for taken in &inner.taken {
            let uuid = taken.record["uuid"].as_str().unwrap();
            let alert = alerts.iter().find(|alert| alert.id.to_string() == uuid);
            let alert = alert.unwrap();
            assert_eq!(taken.time_ns, alert.time_ns);
            assert_eq!(taken.record, serde_json::Value::from(alert.to_json()));
            let tag = if &*alert.rule == "other" {
                "sensor.other.Error"
            } else {
                "sensor.a_b__.Critical"
            };
            assert_eq!((&*taken.tag, taken.compressed), (tag, gzip));
        }
    }
}

#[test]
fn a_line_of_another_schema_is_a_record_with_its_id() {
    let receiver = Fluentd::start(None, None);
    let delivery = to(&receiver, "format: cef,");
    let sent = send(&delivery, 2);
    finish(delivery);
    assert_eq!(receiver.uuids(), sent);
    let first = &receiver.lock().taken[0].record;
    assert!(first["message"].as_str().unwrap().starts_with("CEF:0|"));
}

#[test]
fn only_the_word_on_its_own_chunk_takes_an_alert() {
    let receiver = Fluentd::start(None, None);
    receiver.lock().faults.extend([
        Fault::Close,
        Fault::CloseAfter,
        Fault::HalfAck,
        Fault::WrongAck,
        Fault::Senseless,
    ]);
    let delivery = to(&receiver, "timeout_ms: 500,");
    let sent = send(&delivery, 3);
    eventually("they are taken", || account(&delivery).delivered == 3);
    let account = finish(delivery);
    assert_eq!(account.failed(), 0, "{account:?}");
    assert!(account.retries >= 3, "{account:?}");
    let uuids = receiver.uuids();
    for uuid in &sent {
        // Each of four was taken without our hearing of it, and then once more.
        let times = uuids.iter().filter(|other| *other == uuid).count();
        assert!((2..=5).contains(&times), "{times}");
    }
}

#[test]
fn a_connection_that_was_closed_while_nothing_was_sent_is_no_failure() {
    let receiver = Fluentd::start(None, None);
    let delivery = to(&receiver, "");
    let mut sent = send(&delivery, 1);
    eventually("it is taken", || account(&delivery).delivered == 1);
    receiver.lock().faults.push_back(Fault::Close);
    sent.extend(send(&delivery, 1));
    eventually("the next is taken", || account(&delivery).delivered == 2);
    let account = finish(delivery);
    assert_eq!((account.retries, account.failed()), (0, 0), "{account:?}");
    assert_eq!(receiver.uuids(), sent);
    assert_eq!(receiver.lock().connections, 2);
}

#[test]
fn both_sides_prove_that_they_know_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("'file:{}'", path.display())
    };
    let keys = |user: bool, own_key: Option<&str>| Keys {
        shared_key: "right".to_owned(),
        user: user.then(|| ("sensor".to_owned(), "word".to_owned())),
        own_key: own_key.map(str::to_owned),
    };
    let (right, wrong) = (file("right", "right"), file("wrong", "hunter2"));
    let (word, bad) = (file("word", "word"), file("bad", "hunter2"));
    for (keys, more, told) in [
        (keys(false, None), format!("shared_key: {right},"), ""),
        (
            keys(true, None),
            format!("shared_key: {right}, user: sensor, password: {word},"),
            "",
        ),
        (
            keys(false, None),
            format!("shared_key: {wrong},"),
            "shared_key mismatch",
        ),
        (
            keys(true, None),
            format!("shared_key: {right}, user: sensor, password: {bad},"),
            "username/password mismatch",
        ),
        (
            keys(true, None),
            format!("shared_key: {right},"),
            "set user and password",
        ),
        (
            keys(false, Some("a guess")),
            format!("shared_key: {right},"),
            "does not know the shared key",
        ),
        (keys(false, None), String::new(), "set shared_key"),
    ] {
        let receiver = Fluentd::start(Some(keys), None);
        let delivery = to(&receiver, &more);
        let sent = send(&delivery, 2);
        if told.is_empty() {
            let account = finish(delivery);
            assert_eq!(account.delivered, 2, "{more} {account:?}");
            assert_eq!(receiver.uuids(), sent);
            assert_eq!(receiver.lock().logins, 1);
        } else {
            complains(&delivery, told);
            assert_eq!(account(&delivery).delivered, 0, "{more}");
            assert!(receiver.uuids().is_empty());
        }
    }
}

#[test]
fn over_tls_the_receiver_is_who_its_certificate_says() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let receiver = Fluentd::start(None, Some(authority.server("127.0.0.1")));
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = Authority::new(elsewhere.path()).ca_file;
    for (ca, taken) in [(&stranger, 0), (&authority.ca_file, 2)] {
        let delivery = start(&format!(
            "type: fluentd, url: 'tls://127.0.0.1:{}', tls: {{ca_file: '{}'}}, {FAST}",
            receiver.port,
            ca.display()
        ));
        send(&delivery, 2);
        eventually("it is tried", || {
            let account = account(&delivery);
            account.delivered == 2 || account.retries >= 2
        });
        assert_eq!(account(&delivery).delivered, taken);
    }
}
