//! Where events are said to come from and where they are to go, by alert; and the
//! raw endpoint, whose metadata stands in the URL.

use sensor::alert::Priority;

use super::{Bench, account, alert_of, eventually, finish, send};

#[test]
fn one_request_holds_alerts_with_metadata_of_their_own() {
    let bench = Bench::new();
    let delivery = bench.start(
        "index: 'sec_{rule}', host: 'h-{host}', source: '{source}:{priority}', \
         sourcetype: 'x:{rule}', fields: {pod: '{k8s.pod.name}', said_by: '{host}'}, \
         batch: {max_alerts: 2, max_age_ms: 60000}",
    );
    delivery.send(&alert_of("one", Priority::Warning));
    delivery.send(&alert_of("_Two/é", Priority::Error));
    assert_eq!(finish(delivery).delivered, 2);
    bench.nothing_wrong();
    let hec = bench.hec.lock();
    assert_eq!(hec.requests.len(), 1);
    for (envelope, index, source, sourcetype) in [
        (&hec.taken[0], "sec_one", "syscall:Warning", "x:one"),
        (&hec.taken[1], "sec_two__", "syscall:Error", "x:_Two/é"),
    ] {
        assert_eq!(envelope["index"], index);
        assert_eq!(envelope["host"], "h-node1");
        assert_eq!(envelope["source"], source);
        assert_eq!(envelope["sourcetype"], sourcetype);
        let fields = serde_json::json!({"pod": "none", "said_by": "node1"});
        assert_eq!(envelope["fields"], fields);
    }
}

#[test]
fn an_index_made_from_the_alert_that_does_not_exist_costs_no_other_alert() {
    let bench = Bench::new();
    bench.hec.lock().indexes = Some(vec!["sec_good".to_owned()]);
    let delivery = bench.start("index: 'sec_{rule}', batch: {max_age_ms: 60000}");
    let rules = ["good", "bad", "good", "worse", "bad", "good"];
    let mut sent = Vec::new();
    for rule in rules {
        let alert = alert_of(rule, Priority::Warning);
        delivery.send(&alert);
        sent.push(alert.id.to_string());
    }
    let account = finish(delivery);
    // One question for each index that does not exist.
    assert_eq!((account.delivered, account.retries), (6, 2), "{account:?}");
    bench.each_once(&sent);
    for envelope in &bench.hec.lock().taken {
        let good = envelope["event"]["rule"] == "good";
        assert_eq!(envelope.get("index").is_some(), good, "{envelope}");
    }
}

#[test]
fn alerts_may_wait_for_an_index_made_from_them_too() {
    let bench = Bench::new();
    bench.hec.lock().indexes = Some(vec![]);
    let delivery = bench.start("index: 'sec_{source}', wrong_index: wait");
    let sent = send(&delivery, 3);
    eventually("refused twice", || account(&delivery).retries >= 2);
    assert_eq!(account(&delivery).queued, 3);
    bench.hec.lock().indexes = None;
    eventually("all delivered", || account(&delivery).delivered == 3);
    finish(delivery);
    bench.each_once(&sent);
}

#[test]
fn lines_go_to_the_raw_endpoint_with_their_metadata_in_the_url() {
    for format in ["falco", "cim"] {
        let bench = Bench::new();
        let delivery = bench.start(&format!(
            "endpoint: raw, format: {format}, index: sec, source: 'a b&c={{rule}}', \
             batch: {{max_age_ms: 60000}}"
        ));
        let mut sent = send(&delivery, 3);
        let other = alert_of("another", Priority::Warning);
        delivery.send(&other);
        sent.push(other.id.to_string());
        let account = finish(delivery);
        assert_eq!((account.delivered, account.retries), (4, 0), "{account:?}");
        bench.each_once(&sent);
        let hec = bench.hec.lock();
        assert_eq!(hec.requests.len(), 2, "one for each source");
        let sources: Vec<_> = hec.taken.iter().map(|it| it["source"].clone()).collect();
        assert_eq!(sources[2], "a b&c=Read credential file");
        assert_eq!(sources[3], "a b&c=another");
        assert_eq!(hec.taken[0]["index"], "sec");
        assert_eq!(hec.taken[0]["host"], "node1");
    }
}

#[test]
fn a_wrong_index_is_found_at_the_raw_endpoint_too() {
    let bench = Bench::new();
    bench.hec.lock().indexes = Some(vec!["sec_good".to_owned()]);
    let delivery = bench
        .start("endpoint: raw, index: 'sec_{rule}', batch: {max_age_ms: 60000}, concurrency: 1");
    let mut sent = Vec::new();
    for rule in ["good", "bad", "bad", "good"] {
        let alert = alert_of(rule, Priority::Warning);
        delivery.send(&alert);
        sent.push(alert.id.to_string());
    }
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (4, 0), "{account:?}");
    bench.each_once(&sent);
}

#[test]
fn mistakes_in_the_configuration_are_told_without_asking_splunk() {
    for (keys, told) in [
        ("url: 'https://s'", ""),
        ("url: ['https://a', 'https://b'], acknowledgement: true", ""),
        ("url: []", "list of 1 to 32"),
        (
            "url: 'https://s/x', acknowledgement: true",
            "has a path without",
        ),
        ("url: 'https://s', index: Sec", "must be lower-case"),
        ("url: 'https://s', index: _internal", "must be lower-case"),
        ("url: 'https://s', index: 'X_{rule}'", ""),
        ("url: 'https://s', wrong_index: wait", "which is not given"),
        (
            "url: 'https://s', fields: {rule: '{rule}'}",
            "call it `sensor_rule`",
        ),
        (
            "url: 'https://s', fields: {'a b': '{rule}'}",
            "letters, digits",
        ),
        (
            "url: 'https://s', endpoint: raw, fields: {pod: x}",
            "endpoint: event",
        ),
        (
            "url: 'https://s', acknowledgement_poll_ms: 1",
            "10 to 60000",
        ),
        (
            "url: 'https://s', acknowledgement_give_up_ms: 500",
            "nobody would ever ask",
        ),
        (
            "url: 'https://s', next_token: '${NO_SUCH_VARIABLE_HERE}'",
            "next_token: ",
        ),
    ] {
        let yaml = format!("[{{type: splunk, token: '${{PATH}}', {keys}}}]");
        let wrong = crate::outputs::outputs(&yaml)[0].check();
        let fits = if told.is_empty() {
            wrong.is_empty()
        } else {
            wrong.len() == 1 && wrong[0].contains(told)
        };
        assert!(fits, "{keys}: {wrong:?}");
    }
}
