//! Who gets which mail, and what becomes of it when some do not.

use std::sync::Arc;

use sensor::alert::{Alert, Priority};

use super::super::{account, alert_of, eventually, finish, send};
use super::{Bench, header, text};

/// The recipients of the mails that tell this alert.
fn readers(bench: &Bench, alert: &Arc<Alert>) -> Vec<String> {
    let id = alert.id.to_string();
    let taken = bench.taken();
    let telling = taken.iter().filter(|mail| text(&mail.data).contains(&id));
    let mut to: Vec<_> = telling.flat_map(|mail| mail.to.clone()).collect();
    to.sort();
    to
}

#[test]
fn each_recipient_gets_what_it_wishes_for() {
    let bench = Bench::new();
    let delivery = bench.start(
        "digest_interval_s: 86400, to: [boss@test.example, \
         {address: 'SOC <soc@test.example>', min_priority: critical}, \
         {address: web@test.example, rules: ['Web *', x], min_priority: error}, \
         {address: files@test.example, tags: ['file*']}, all@test.example]",
    );
    send(&delivery, 1);
    eventually("the first at once", || account(&delivery).delivered == 1);
    let alerts = [
        ("Web shell", Priority::Error, "all boss files web"),
        ("Web shell", Priority::Warning, "all boss files"),
        ("Shell", Priority::Error, "all boss files"),
        ("Shell", Priority::Emergency, "all boss files soc"),
    ];
    let alerts = alerts.map(|(rule, priority, to)| {
        let alert = alert_of(rule, priority);
        delivery.send(&alert);
        (alert, to)
    });
    let mut untagged = Alert::clone(&alert_of("Shell", Priority::Error));
    untagged.tags = [].into();
    let untagged = Arc::new(untagged);
    delivery.send(&untagged);
    assert_eq!(finish(delivery).delivered, 6);
    for (alert, to) in alerts
        .iter()
        .map(|(a, to)| (a, *to))
        .chain([(&untagged, "all boss")])
    {
        let expected: Vec<_> = to
            .split(' ')
            .map(|name| format!("{name}@test.example"))
            .collect();
        assert_eq!(readers(&bench, alert), expected, "{}", alert.rule);
    }
    // Those with the same wish read the same mail, and nobody else reads it.
    let taken = bench.taken();
    let mail = |name: &str, (alert, _): &(Arc<Alert>, &str)| {
        let (to, id) = ([format!("{name}@test.example")], alert.id.to_string());
        let mut mails = taken.iter();
        let mail = mails.find(|mail| mail.to == to && text(&mail.data).contains(&id));
        mail.unwrap().data.clone()
    };
    let id = |name| header(&mail(name, &alerts[0]), "Message-ID");
    assert_eq!(id("boss"), id("all"));
    assert_ne!(id("boss"), id("web"));
    let to = |name, alert| header(&mail(name, &alerts[alert]), "To");
    assert_eq!(to("all", 0), "boss@test.example, all@test.example");
    assert_eq!(to("soc", 3), "SOC <soc@test.example>");
}

#[test]
fn an_alert_that_nobody_wishes_for_is_a_dead_letter() {
    let bench = Bench::new();
    let delivery = bench.start_spooled("to: [{address: soc@test.example, min_priority: critical}]");
    send(&delivery, 2);
    delivery.send(&alert_of("x", Priority::Critical));
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (1, 2), "{account:?}");
    let dead = bench.dead();
    assert_eq!(
        dead.matches("no recipient of this output wishes for it")
            .count(),
        2,
        "{dead}"
    );
}

#[test]
fn a_refused_mail_is_a_dead_letter_with_the_relay_s_words() {
    let bench = Bench::new();
    bench
        .relay
        .lock()
        .script
        .push_back("554 5.7.1 policy of the house");
    let delivery = bench.start_spooled("");
    send(&delivery, 1);
    eventually("an answer for good", || account(&delivery).queued == 0);
    let account = finish(delivery);
    assert_eq!((account.refused, account.retries), (1, 0), "{account:?}");
    let dead = bench.dead();
    assert!(
        dead.contains("554") && dead.contains("policy of the house"),
        "{dead}"
    );
}

#[test]
fn one_unknown_recipient_keeps_the_mail_from_nobody_else() {
    let bench = Bench::new();
    bench.relay.lock().unknown = Some("gone@test.example");
    let delivery = bench.start("to: [gone@test.example, soc@test.example, cert@test.example]");
    send(&delivery, 1);
    let account = finish(delivery);
    assert_eq!((account.delivered, account.retries), (1, 0), "{account:?}");
    let to: Vec<_> = bench.taken().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!(to, ["soc@test.example", "cert@test.example"]);
}

#[test]
fn a_recipient_that_is_put_off_again_and_again_holds_nobody_up() {
    let bench = Bench::new();
    bench.relay.lock().full = Some("full@test.example");
    let delivery = bench.start("digest_interval_s: 0, to: [full@test.example, soc@test.example]");
    for n in 1..=2 {
        send(&delivery, 1);
        eventually("given up for one", || account(&delivery).delivered == n);
    }
    bench.relay.lock().full = None;
    send(&delivery, 1);
    assert_eq!(finish(delivery).delivered, 3);
    let mut to: Vec<_> = bench.taken().into_iter().flat_map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(
        to,
        [vec!["full@test.example"], vec!["soc@test.example"; 3]].concat()
    );
}

#[test]
fn while_all_are_put_off_nothing_is_given_up() {
    let bench = Bench::new();
    bench.relay.lock().script.extend(["451 greylisted"; 50]);
    let delivery = bench.start("to: [a@test.example, b@test.example]");
    send(&delivery, 1);
    eventually("mailed", || account(&delivery).delivered == 1);
    let account = finish(delivery);
    assert!(account.retries >= 25, "{account:?}");
    assert_eq!(bench.taken().len(), 2);
}

#[test]
fn an_address_the_relay_cannot_write_is_refused_alone() {
    let bench = Bench::new();
    let delivery = bench.start("to: ['wächter@test.example', soc@test.example]");
    send(&delivery, 1);
    assert_eq!(finish(delivery).delivered, 1);
    let [mail] = &bench.relay.lock().taken[..] else {
        panic!("one mail")
    };
    assert_eq!(mail.to, ["soc@test.example"]);
}

#[test]
fn what_cannot_be_delivered_is_told_to_whom_the_configuration_names() {
    for (key, from) in [
        ("bounces@test.example", "bounces@test.example"),
        ("'<>'", ""),
    ] {
        let bench = Bench::new();
        let delivery = bench.start(&format!("envelope_from: {key}"));
        send(&delivery, 1);
        assert_eq!(finish(delivery).delivered, 1);
        let taken = bench.taken();
        assert_eq!(taken[0].from, from);
        assert_eq!(
            header(&taken[0].data, "From"),
            "Sensor <sensor@test.example>"
        );
    }
}
