//! Kafka: brokers that lose answers, forget, move and refuse keep every alert once.

use sensor::alert::Priority;
use sensor::deliver::Delivery;

use super::{FAST, account, alert_of, eventually, finish, outputs, send, start};
use crate::stand_in::identity::Authority;
use crate::stand_in::kafka::{Cluster, Fault};

/// An output to this cluster, in batches of at most ten.
fn output(cluster: &Cluster, more: &str) -> Delivery {
    start(&format!(
        "type: kafka, brokers: {}, batch: {{max_alerts: 10, max_age_ms: 1}}, {more}, {FAST}",
        cluster.brokers("tcp")
    ))
}

#[test]
fn lost_answers_cost_neither_an_alert_nor_a_duplicate() {
    for compression in ["gzip", "none"] {
        let cluster = Cluster::start();
        let faults = [
            Fault::LostAnswer,
            Fault::Unheard,
            Fault::LostAnswer,
            Fault::LostAnswer,
            Fault::KeptBut(20),
            Fault::Code(19),
            Fault::KeptBut(7),
        ];
        cluster.lock().faults.extend(faults);
        let delivery = output(
            &cluster,
            &format!("topic: alerts, compression: {compression}"),
        );
        let sent = send(&delivery, 100);
        eventually("all are taken", || account(&delivery).delivered == 100);
        let account = finish(delivery);
        assert_eq!((account.refused, account.retries), (0, 7), "{account:?}");
        assert_eq!(cluster.ids(), sent, "each once and in order");
        // What was kept with its answer lost was sent again: 3 lost and 2 failed later.
        assert_eq!(cluster.lock().repeated, 5);
    }
}

#[test]
fn a_broker_that_says_duplicate_has_the_alert() {
    let cluster = Cluster::start();
    cluster.lock().says_duplicate = true;
    cluster.lock().faults.extend([Fault::LostAnswer; 3]);
    let delivery = output(&cluster, "topic: alerts");
    let sent = send(&delivery, 30);
    eventually("all are taken", || account(&delivery).delivered == 30);
    finish(delivery);
    assert_eq!(cluster.ids(), sent);
    assert_eq!(cluster.lock().repeated, 3);
}

#[test]
fn what_is_asked_for_alone_after_many_failures_is_still_repeated_as_it_was() {
    let cluster = Cluster::start();
    // After five failures in a row the worker asks for one alert at a time.
    cluster.lock().faults.extend([Fault::LostAnswer; 12]);
    let delivery = output(&cluster, "topic: alerts, key: '{uuid}'");
    let mut sent = send(&delivery, 60);
    eventually("all are taken", || account(&delivery).delivered == 60);
    finish(delivery);
    let mut ids = cluster.ids();
    ids.sort();
    sent.sort();
    assert_eq!(ids, sent);
}

#[test]
fn a_leader_that_moved_is_found() {
    let cluster = Cluster::start();
    let delivery = output(&cluster, "topic: alerts");
    let mut sent = send(&delivery, 10);
    eventually("the first are taken", || account(&delivery).delivered == 10);
    let leaders = vec![2, 0, 1, 1];
    cluster.lock().topics.insert("alerts".to_owned(), leaders);
    sent.extend(send(&delivery, 10));
    eventually("the others are", || account(&delivery).delivered == 20);
    assert!(finish(delivery).retries >= 1);
    assert_eq!(cluster.ids(), sent);
}

#[test]
fn brokers_that_forgot_the_producer_get_a_new_one() {
    let cluster = Cluster::start();
    let delivery = output(&cluster, "topic: alerts");
    let mut sent = send(&delivery, 10);
    eventually("the first are taken", || account(&delivery).delivered == 10);
    cluster.lock().faults.push_back(Fault::Forgotten);
    sent.extend(send(&delivery, 10));
    eventually("the others are", || account(&delivery).delivered == 20);
    assert_eq!(finish(delivery).refused, 0);
    assert_eq!(cluster.ids(), sent);
}

#[test]
fn of_a_batch_that_is_too_large_only_the_large_alert_is_given_up() {
    let cluster = Cluster::start();
    cluster.lock().max_batch_bytes = 8_000;
    let delivery = start(&format!(
        "type: kafka, brokers: {}, topic: alerts, compression: none, \
         batch: {{max_age_ms: 60000}}, {FAST}",
        cluster.brokers("tcp")
    ));
    let mut sent = send(&delivery, 20);
    let mut large = (*alert_of("large", Priority::Warning)).clone();
    large.message = "x".repeat(10_000);
    delivery.send(&large.into());
    sent.extend(send(&delivery, 20));
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (40, 1), "{account:?}");
    assert_eq!(cluster.ids(), sent);
}

#[test]
fn a_topic_that_is_not_there_or_not_for_us_keeps_the_alerts() {
    let cluster = Cluster::start();
    let delivery = output(&cluster, "topic: missing");
    let sent = send(&delivery, 5);
    let told = |words: &str| {
        let status = delivery.status();
        let error = status[0].health.last_error.clone();
        error.is_some_and(|(_, why)| why.contains(words))
    };
    eventually("it is said", || told("create it, or set create_topics"));
    assert_eq!(account(&delivery).queued, 5);
    cluster.lock().topics.insert("missing".to_owned(), vec![1]);
    eventually("all are taken", || account(&delivery).delivered == 5);
    cluster.lock().faults.push_back(Fault::Code(29));
    let more = send(&delivery, 1);
    eventually("that too", || account(&delivery).delivered == 6);
    assert!(told("TopicAuthorizationFailed"));
    assert_eq!(finish(delivery).refused, 0);
    assert_eq!(cluster.ids(), [sent, more].concat());
}

#[test]
fn a_topic_made_from_an_alert_stops_no_other() {
    let cluster = Cluster::start();
    cluster.lock().topics.insert("r_good".to_owned(), vec![2]);
    let delivery = output(&cluster, "topic: 'r_{rule}', key: '{rule}'");
    for rule in ["good", "../evil topic", "good"] {
        delivery.send(&alert_of(rule, Priority::Warning));
    }
    eventually("the others are taken", || account(&delivery).delivered == 2);
    eventually("it is given up", || account(&delivery).refused == 1);
    finish(delivery);
    assert_eq!(cluster.ids().len(), 2);
    let kept = cluster.lock().kept[&("r_good".to_owned(), 0)].clone();
    assert_eq!(kept[0].key, "good");
    assert!(kept[0].value.contains("\"rule\":\"good\""));
}

#[test]
fn only_who_proves_the_password_gets_in_and_a_new_one_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let password = directory.path().join("password");
    let authority = Authority::new(directory.path());
    for mechanism in ["plain", "scram-sha-512"] {
        std::fs::write(&password, "wrong").unwrap();
        let cluster = Cluster::start_with(Some(&authority.server("127.0.0.1")));
        cluster.lock().login = Some(("sensor".to_owned(), "pencil".to_owned()));
        let delivery = start(&format!(
            "type: kafka, brokers: {}, topic: alerts, tls: {{ca_file: '{}'}}, \
             sasl: {{mechanism: {mechanism}, user: sensor, password: 'file:{}'}}, {FAST}",
            cluster.brokers("tls"),
            authority.ca_file.display(),
            password.display(),
        ));
        let sent = send(&delivery, 3);
        eventually("it is refused", || account(&delivery).retries > 0);
        let (_, why) = delivery.status()[0].health.last_error.clone().unwrap();
        assert!(why.contains("SaslAuthenticationFailed"), "{why}");
        assert!(!why.contains("wrong"), "{why}");
        std::fs::write(&password, "pencil").unwrap();
        eventually("all are taken", || account(&delivery).delivered == 3);
        finish(delivery);
        assert_eq!(cluster.ids(), sent);
    }
}

#[test]
fn a_mechanism_the_brokers_do_not_take_is_said_with_those_they_do() {
    let cluster = Cluster::start();
    cluster.lock().login = Some(("sensor".to_owned(), "pencil".to_owned()));
    let delivery = output(
        &cluster,
        "topic: alerts, sasl: {mechanism: scram-sha-256, user: sensor, password: '${PATH}'}",
    );
    send(&delivery, 1);
    eventually("it is refused", || account(&delivery).retries > 0);
    let (_, why) = delivery.status()[0].health.last_error.clone().unwrap();
    assert!(why.contains("it takes PLAIN, SCRAM-SHA-512"), "{why}");
    assert_eq!(account(&delivery).queued, 1);
}

#[test]
fn mistakes_are_found_without_network() {
    let wrong = |yaml: &str| outputs(&format!("[{{type: kafka, {yaml}}}]"))[0].check();
    for (yaml, told) in [
        ("brokers: [], topic: a", "brokers is empty"),
        ("brokers: ['tcp://kafka.example'], topic: a", "use tls:"),
        (
            "brokers: ['kafka.example:9092'], topic: a",
            "tls://HOST:PORT",
        ),
        (
            "brokers: ['tls://a.example', 'tcp://localhost'], topic: a",
            "at once",
        ),
        ("brokers: ['tls://a.example'], topic: 'a b'", "topic is"),
        (
            "brokers: ['tls://a.example'], topic: a, \
             sasl: {mechanism: plain, user: '', password: '${NO_SUCH_VARIABLE}'}",
            "NO_SUCH_VARIABLE",
        ),
    ] {
        let wrong = wrong(yaml).concat();
        assert!(wrong.contains(told), "{yaml}: {wrong}");
    }
    let good = "brokers: ['tcp://a.example', 'tcp://b.example:1'], topic: 'a b {rule}', \
                allow_unencrypted: true, key: '{container.id}', format: ocsf";
    assert_eq!(wrong(good), Vec::<String>::new());
}
