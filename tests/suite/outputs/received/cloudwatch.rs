//! `CloudWatch` Logs, as moto plays it and boto3 reads it.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use sensor::alert::Priority;
use serde_json::{Value, json};

use super::super::{
    Daemon, FAST, account, alert_of, eventually, finish, free_port, receivers, start,
};
use super::judged;

#[test]
fn moto_keeps_what_was_sent_and_rejects_what_is_too_old() {
    let Some(environment) = receivers() else {
        return;
    };
    let port = free_port().to_string();
    let mut server = Command::new(environment.join("bin/moto_server"));
    let _server = Daemon::start(server.args(["-H", "127.0.0.1", "-p", &port]));
    let address = format!("127.0.0.1:{port}");
    eventually("it listens", || TcpStream::connect(&address).is_ok());
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("key"), "AKIDEXAMPLE").unwrap();
    let key = format!("'file:{}/key'", home.path().display());
    let delivery = start(&format!(
        "type: cloudwatch, endpoint: 'http://{address}', region: eu-central-1, \
         group: '/sensor/{{source}}', create: true, batch: {{max_alerts: 3, max_age_ms: 60000}}, \
         credentials: {{access_key_id: {key}, secret_access_key: {key}}}, {FAST}"
    ));
    // The second is sent first, the third is too old for the service.
    let mut sent = BTreeMap::new();
    for (hours, text) in [(0, "now \u{1F980}"), (1, "before"), (15 * 24, "too old")] {
        let mut alert = (*alert_of("rule", Priority::Warning)).clone();
        let before = Duration::from_hours(hours).as_nanos();
        alert.time_ns -= u64::try_from(before).unwrap();
        alert.message = text.into();
        sent.insert(text, alert.clone());
        delivery.send(&alert.into());
    }
    eventually("all are done with", || {
        let account = account(&delivery);
        account.delivered + account.refused == 3
    });
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (2, 1), "{account:?}");
    let kept = judged(
        "cloudwatch.py",
        &[&address, "/sensor/syscall", "node1"],
        b"",
    )
    .unwrap();
    let expected = ["before", "now \u{1F980}"].map(|text| {
        let alert = &sent[text];
        json!([alert.time_ns / 1_000_000, alert.id.to_string()])
    });
    assert_eq!(kept, Value::from(expected.to_vec()));
}
