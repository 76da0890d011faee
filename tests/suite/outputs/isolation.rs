//! One output's trouble is no other's.

use super::{FAST, eventually, outputs, send};
use crate::stand_in::hec::{Fault, Hec, TOKEN};
use crate::stand_in::hook::Hook;
use sensor::alert::Priority;
use sensor::deliver::Delivery;

#[test]
fn a_dead_output_stalls_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("token");
    std::fs::write(&token, TOKEN).unwrap();
    let (token, healthy, hung) = (token.display(), Hec::start(), Hec::start());
    hung.script(vec![Fault::Hang; 1000]);
    // Nobody listens on the port of a server that is gone.
    let gone = Hook::start([]).url();
    let delivery = Delivery::start(
        &outputs(&format!(
            "[{{type: splunk, name: hung, url: '{}', token: 'file:{token}', \
            queue: {{max_alerts: 200}}, {FAST}}},
          {{type: splunk, name: healthy, url: '{}', token: 'file:{token}'}},
          {{type: webhook, name: gone, url: '{gone}', queue: {{max_alerts: 100}}, {FAST}}}]",
            hung.url(),
            healthy.url()
        )),
        None,
    )
    .unwrap();
    let sent = send(&delivery, 2000);
    let of = |name: &str| {
        let accounts = delivery.accounts();
        accounts
            .into_iter()
            .find(|(found, _)| found == name)
            .unwrap()
            .1
    };
    eventually("the healthy one has all", || {
        of("healthy").delivered == 2000
    });
    let arrived: Vec<_> = healthy
        .lock()
        .taken
        .iter()
        .map(|e| e["event"]["uuid"].clone())
        .collect();
    assert_eq!(arrived, sent, "in order, each once");
    for (name, kept) in [("hung", 200), ("gone", 100)] {
        let account = of(name);
        assert!(account.balances(), "{account:?}");
        assert_eq!((account.queued, account.delivered), (kept, 0), "{name}");
        assert_eq!(account.dropped_full, 2000 - kept, "{name}");
    }
    drop(delivery);
}

#[test]
fn a_full_queue_keeps_the_most_serious_alerts() {
    let hook = Hook::start([503]);
    let delivery = Delivery::start(
        &outputs(&format!(
            "[{{type: webhook, url: '{}', queue: {{max_alerts: 4}}, \
           retry: {{initial_ms: 3600000, max_ms: 3600000}}}}]",
            hook.url()
        )),
        None,
    )
    .unwrap();
    // The first is in flight until the end; the others compete for three places.
    delivery.send(&super::alert_of("first", Priority::Debug));
    eventually("it is in flight", || delivery.accounts()[0].1.retries == 1);
    for (rule, priority) in [
        ("old notice", Priority::Notice),
        ("old error", Priority::Error),
        ("debug", Priority::Debug),
        ("new notice", Priority::Notice),
        ("new error", Priority::Error),
    ] {
        delivery.send(&super::alert_of(rule, priority));
    }
    let account = delivery.shutdown(super::PATIENCE)[0].1;
    assert_eq!(
        (account.delivered, account.dropped_full),
        (4, 2),
        "{account:?}"
    );
    let hook = hook.lock();
    let rules: Vec<_> = hook
        .requests
        .iter()
        .skip(1)
        .map(|seen| &seen.body["rule"])
        .collect();
    assert_eq!(rules, ["first", "old error", "new notice", "new error"]);
}
