//! Kafka as librdkafka's cluster of three brokers takes it, and its consumer reads it.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use sensor::alert::Priority;
use serde_json::Value;

use super::super::{Daemon, FAST, account, eventually, finish, numbered, send, start};
use super::script;

/// The cluster, ended when dropped.
struct Cluster {
    _daemon: Daemon,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    brokers: Vec<String>,
}

impl Cluster {
    fn start() -> Option<Self> {
        let mut child = Command::new(super::super::receivers()?.join("bin/python"))
            .arg(script("kafka.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut cluster = Self {
            _daemon: Daemon(child),
            input,
            output,
            brokers: Vec::new(),
        };
        let brokers = cluster.answer();
        let brokers = brokers.as_str().unwrap().split(',');
        cluster.brokers = brokers.map(|broker| format!("'tcp://{broker}'")).collect();
        Some(cluster)
    }

    fn answer(&mut self) -> Value {
        serde_json::from_str(&self.output.next().unwrap().unwrap()).unwrap()
    }

    /// Has the script do something.
    fn ask(&mut self, what: &str) -> Value {
        writeln!(self.input, "{what}").unwrap();
        self.answer()
    }

    /// The same where it only may fail or not.
    fn must(&mut self, what: &str) {
        assert_eq!(self.ask(what), 0, "{what}");
    }

    /// An output to this cluster.
    fn output(&self, more: &str) -> sensor::deliver::Delivery {
        let brokers = self.brokers.join(", ");
        start(&format!(
            "type: kafka, brokers: [{brokers}], timeout_ms: 5000, {more}, {FAST}"
        ))
    }
}

/// The ids of what was read, each of them there once.
fn ids(read: &Value) -> BTreeSet<String> {
    let records = read.as_array().unwrap();
    let id = |record: &Value| record["headers"]["id"].as_str().unwrap().to_owned();
    let ids: BTreeSet<String> = records.iter().map(id).collect();
    assert_eq!(ids.len(), records.len(), "none is there twice");
    ids
}

#[test]
fn a_consumer_reads_each_alert_with_its_key_time_and_id() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    cluster.must("create alerts");
    let delivery = cluster.output("topic: alerts, key: '{uuid}'");
    let alerts: Vec<_> = (0..200)
        .map(|n| numbered("rule", Priority::Warning, 10_000 + n))
        .collect();
    for alert in &alerts {
        delivery.send(alert);
    }
    assert_eq!(finish(delivery).delivered, 200);
    let read = cluster.ask("read alerts 200");
    assert_eq!(ids(&read).len(), 200);
    let mut partitions = BTreeSet::new();
    for record in read.as_array().unwrap() {
        let is =
            |alert: &&std::sync::Arc<sensor::alert::Alert>| record["key"] == alert.id.to_string();
        let alert = alerts.iter().find(is).unwrap();
        assert_eq!(record["headers"]["id"], alert.id.to_string());
        assert_eq!(record["headers"]["content-type"], "application/json");
        assert_eq!(record["time_ms"], alert.time_ns / 1_000_000);
        let value: Value = serde_json::from_str(record["value"].as_str().unwrap()).unwrap();
        assert_eq!(value["uuid"], alert.id.to_string());
        assert_eq!(value["hostname"], "node1");
        partitions.insert(record["partition"].as_u64());
    }
    assert_eq!(
        partitions.len(),
        4,
        "keys differ, and all partitions are used"
    );
}

#[test]
fn errors_broken_connections_and_new_leaders_lose_nothing_and_keep_the_order() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    cluster.must("create alerts");
    let delivery =
        cluster.output("topic: alerts, compression: none, batch: {max_alerts: 10, max_age_ms: 1}");
    let mut sent = send(&delivery, 50);
    eventually("some are there", || account(&delivery).delivered > 0);
    // Not the leader, too few replicas, timed out, and no answer at all.
    cluster.must("refuse 6 19 -195 7 -195 20 6");
    for partition in 0..4 {
        cluster.must(&format!("lead alerts {partition} {}", partition % 3 + 1));
    }
    sent.extend(send(&delivery, 50));
    cluster.must("down 1");
    cluster.must("down 2");
    sent.extend(send(&delivery, 50));
    cluster.must("up 1");
    cluster.must("up 2");
    eventually("all are taken", || account(&delivery).delivered == 150);
    let account = finish(delivery);
    assert_eq!(account.refused, 0, "{account:?}");
    assert!(account.retries > 0, "{account:?}");
    let read = cluster.ask("read alerts 150");
    assert_eq!(ids(&read), sent.iter().cloned().collect());
    // All have the key `node1`, so they are in one partition and in order.
    let order = read.as_array().unwrap().iter();
    let order = order.map(|record| record["headers"]["id"].as_str().unwrap());
    assert_eq!(order.collect::<Vec<_>>(), sent);
}
