//! AMQP, judged by `RabbitMQ` itself.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use lapin::options::{
    BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use sensor::alert::Priority;
use sensor::deliver::Delivery;
use serde_json::Value;

use super::{Daemon, FAST, account, alert_of, eventually, finish, free_port, outputs, send, start};
use crate::stand_in::identity::Authority;

const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// `RabbitMQ` in a directory of its own, with the daemon it finds its name by.
struct Rabbit {
    server: Option<Daemon>,
    _names: Daemon,
    home: tempfile::TempDir,
    authority: Authority,
    /// Plain, encrypted, between nodes, names.
    ports: [u16; 4],
}

impl Rabbit {
    fn start() -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            super::missing("rabbitmq-server");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let ports = [(); 4].map(|()| free_port());
        let authority = Authority::new(home.path());
        let (certificate, key) = authority.issue("127.0.0.1");
        let at = |name: &str| home.path().join(name);
        std::fs::write(at("server.pem"), certificate).unwrap();
        std::fs::write(at("server.key"), key).unwrap();
        std::fs::write(at("plugins"), "[].\n").unwrap();
        let config = format!(
            "listeners.tcp.1 = 127.0.0.1:{}\nlisteners.ssl.1 = 127.0.0.1:{}\n\
             ssl_options.cacertfile = {2}/ca.pem\nssl_options.certfile = {2}/server.pem\n\
             ssl_options.keyfile = {2}/server.key\nlog.console = false\n\
             max_message_size = 100000\n",
            ports[0],
            ports[1],
            home.path().display()
        );
        std::fs::write(at("rabbitmq.conf"), config).unwrap();
        let mut names = Command::new("epmd");
        names.args(["-address", "127.0.0.1", "-port", &ports[3].to_string()]);
        let mut rabbit = Self {
            server: None,
            _names: Daemon::start(&mut names),
            home,
            authority,
            ports,
        };
        rabbit.run();
        Some(rabbit)
    }

    /// Starts the server, for the first time or again.
    fn run(&mut self) {
        let [port, _, between, names] = self.ports;
        let home = self.home.path();
        let mut command = Command::new(PROGRAM);
        command
            .env("HOME", home)
            // Without a shell around it, so that its pid is the server's.
            .env("RABBITMQ_ALLOW_INPUT", "1")
            .env("ERL_EPMD_PORT", names.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODENAME", format!("t{port}@localhost"))
            .env("RABBITMQ_DIST_PORT", between.to_string())
            .env("RABBITMQ_CONFIG_FILE", home.join("rabbitmq.conf"))
            .env("RABBITMQ_MNESIA_BASE", home.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", home.join("log"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", home.join("plugins"))
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-noinput -kernel inet_dist_use_interface {127,0,0,1}",
            );
        self.server = Some(Daemon::start(&mut command));
        eventually("RabbitMQ listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
    }

    fn kill(&mut self) {
        self.server = None;
    }

    fn output(&self, more: &str) -> Delivery {
        start(&format!(
            "type: amqp, url: 'amqp://127.0.0.1:{}', user: guest, exchange: sec, \
             batch: {{max_alerts: 10, max_age_ms: 1}}, timeout_ms: 5000, {more}, {FAST}",
            self.ports[0]
        ))
    }

    /// Does something on a channel of the test's own.
    fn on_channel<T>(&self, act: impl AsyncFnOnce(Channel) -> lapin::Result<T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let url = format!("amqp://guest:guest@127.0.0.1:{}", self.ports[0]);
            let properties = ConnectionProperties::default();
            let connection = Connection::connect(&url, properties).await.unwrap();
            // Kept until the end: closed by itself it would be in the way of that.
            let channel = connection.create_channel().await.unwrap();
            let done = act(channel.clone()).await.unwrap();
            connection.close(200, "done".into()).await.unwrap();
            done
        })
    }

    fn exchange(&self) {
        self.on_channel(async |channel| {
            let options = ExchangeDeclareOptions {
                durable: true,
                ..ExchangeDeclareOptions::default()
            };
            let (name, none) = ("sec".into(), FieldTable::default());
            channel
                .exchange_declare(name, ExchangeKind::Topic, options, none)
                .await
        });
    }

    fn queue(&self) {
        self.on_channel(async |channel| {
            let options = QueueDeclareOptions {
                durable: true,
                ..QueueDeclareOptions::default()
            };
            let none = FieldTable::default();
            channel
                .queue_declare("alerts".into(), options, none.clone())
                .await?;
            let (queue, exchange, key) = ("alerts".into(), "sec".into(), "sensor.good".into());
            let options = QueueBindOptions::default();
            channel
                .queue_bind(queue, exchange, key, options, none)
                .await
        });
    }

    /// A queue named `full` that takes so many and refuses more.
    fn full_queue(&self, most: i32) {
        self.on_channel(async |channel| {
            let mut limits = FieldTable::default();
            limits.insert("x-max-length".into(), AMQPValue::LongInt(most));
            let overflow = AMQPValue::LongString("reject-publish".into());
            limits.insert("x-overflow".into(), overflow);
            let options = QueueDeclareOptions::default();
            channel
                .queue_declare("full".into(), options, limits)
                .await?;
            let (queue, exchange, key) = ("full".into(), "sec".into(), "sensor.full".into());
            let (options, none) = (QueueBindOptions::default(), FieldTable::default());
            channel
                .queue_bind(queue, exchange, key, options, none)
                .await
        });
    }

    /// Takes all that is in the queue of alerts.
    fn read(&self) -> Vec<(BasicProperties, Value)> {
        self.read_from("alerts")
    }

    fn read_from(&self, queue: &str) -> Vec<(BasicProperties, Value)> {
        self.on_channel(async |channel| {
            let mut found = Vec::new();
            let options = BasicGetOptions { no_ack: true };
            while let Some(message) = channel.basic_get(queue.into(), options).await? {
                let body = serde_json::from_slice(&message.data).unwrap();
                found.push((message.delivery.properties, body));
            }
            Ok(found)
        })
    }

    /// The ids of all that is in the queue of alerts.
    fn ids(&self) -> Vec<String> {
        self.ids_of("alerts")
    }

    fn ids_of(&self, queue: &str) -> Vec<String> {
        let read = self.read_from(queue).into_iter();
        read.map(|(properties, body)| {
            let id = properties.message_id().as_ref().unwrap().to_string();
            assert_eq!(body["uuid"], id);
            id
        })
        .collect()
    }
}

fn told(delivery: &Delivery, words: &str) -> bool {
    let error = delivery.status()[0].health.last_error.clone();
    error.is_some_and(|(_, why)| why.contains(words))
}

#[test]
fn rabbitmq_itself_keeps_each_alert_whatever_happens_to_it() {
    let Some(mut rabbit) = Rabbit::start() else {
        return;
    };
    let password = rabbit.home.path().join("password");
    std::fs::write(&password, "wrong").unwrap();
    let guest = format!("password: 'file:{}'", password.display());

    // Nothing is there yet; then the exchange, then the queue.
    let delivery = rabbit.output(&format!("routing_key: sensor.good, {guest}"));
    let sent = send(&delivery, 25);
    eventually("the password is refused", || told(&delivery, "ACCESS"));
    std::fs::write(&password, "guest").unwrap();
    eventually("the exchange is missing", || told(&delivery, "no exchange"));
    rabbit.exchange();
    eventually("the queue is missing", || told(&delivery, "no queue takes"));
    assert_eq!(account(&delivery).queued, 25);
    rabbit.queue();
    eventually("all are taken", || account(&delivery).delivered == 25);
    assert_eq!(finish(delivery).refused, 0);
    let read = rabbit.read();
    // In any order: the queue may have come in the middle of a batch.
    let mut ids = BTreeSet::new();
    for (properties, _) in &read {
        ids.insert(properties.message_id().as_ref().unwrap().to_string());
        assert_eq!(properties.delivery_mode(), &Some(2));
        assert_eq!(properties.app_id().as_ref().unwrap().as_str(), "sensor");
    }
    assert_eq!((read.len(), ids), (25, sent.into_iter().collect()));

    // Of several routing keys, only what nobody takes is given up.
    let delivery = rabbit.output(&format!("routing_key: 'sensor.{{rule}}', {guest}"));
    for rule in ["good", "nobody", "good", "*.#", "good"] {
        delivery.send(&alert_of(rule, Priority::Warning));
    }
    let account_of = finish(delivery);
    assert_eq!((account_of.delivered, account_of.refused), (3, 2));
    assert_eq!(rabbit.ids().len(), 3);

    // Of a batch with a message that is too large, only that one is given up.
    let delivery = rabbit.output(&format!("routing_key: sensor.good, {guest}"));
    let mut sent = send(&delivery, 5);
    let mut large = (*alert_of("large", Priority::Warning)).clone();
    large.message = "x".repeat(200_000);
    delivery.send(&large.into());
    sent.extend(send(&delivery, 5));
    let account_of = finish(delivery);
    assert_eq!((account_of.delivered, account_of.refused), (10, 1));
    let ids: BTreeSet<String> = rabbit.ids().into_iter().collect();
    assert_eq!(ids, sent.into_iter().collect());

    // A queue that is full says so, and what it did not keep comes again.
    rabbit.full_queue(3);
    let delivery = rabbit.output(&format!("routing_key: sensor.full, {guest}"));
    let sent = send(&delivery, 5);
    eventually("it is full", || told(&delivery, "could not keep it"));
    assert_eq!(
        (account(&delivery).delivered, account(&delivery).queued),
        (3, 2)
    );
    // Whoever takes what is there makes room.
    let mut kept = rabbit.ids_of("full");
    eventually("the rest is taken", || account(&delivery).delivered == 5);
    finish(delivery);
    kept.extend(rabbit.ids_of("full"));
    assert_eq!(BTreeSet::from_iter(kept), BTreeSet::from_iter(sent));

    // Killed in the middle, and started again.
    let delivery = rabbit.output(&format!("routing_key: sensor.good, {guest}"));
    let mut sent = send(&delivery, 100);
    eventually("some are taken", || account(&delivery).delivered > 0);
    rabbit.kill();
    sent.extend(send(&delivery, 100));
    let retries = account(&delivery).retries;
    eventually("it fails", || account(&delivery).retries > retries);
    rabbit.run();
    eventually("all are taken", || account(&delivery).delivered == 200);
    finish(delivery);
    let ids: BTreeSet<String> = rabbit.ids().into_iter().collect();
    assert_eq!(ids, sent.into_iter().collect());

    // Encrypted.
    let delivery = start(&format!(
        "type: amqp, url: 'amqps://127.0.0.1:{}', user: guest, exchange: sec, \
         routing_key: sensor.good, tls: {{ca_file: '{}'}}, {guest}, {FAST}",
        rabbit.ports[1],
        rabbit.authority.ca_file.display()
    ));
    let sent = send(&delivery, 5);
    eventually("all are taken", || account(&delivery).delivered == 5);
    finish(delivery);
    assert_eq!(rabbit.ids(), sent);
}

#[test]
fn a_server_that_says_nothing_is_given_up_in_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let delivery = start(&format!(
        "type: amqp, url: 'amqp://{}', user: guest, password: '${{PATH}}', routing_key: a, \
         timeout_ms: 50, {FAST}",
        listener.local_addr().unwrap()
    ));
    send(&delivery, 1);
    eventually("it is tried again", || account(&delivery).retries >= 3);
    assert!(told(&delivery, "took longer"));
    assert_eq!(account(&delivery).queued, 1);
}

#[test]
fn mistakes_are_found_without_network() {
    let wrong = |yaml: &str| outputs(&format!("[{{type: amqp, {yaml}}}]"))[0].check();
    for (yaml, told) in [
        ("url: 'amqp://rabbit.example', routing_key: a", "use amqps:"),
        ("url: 'amqps://rabbit.example', routing_key: a", "give user"),
        (
            "url: 'amqps://rabbit.example', routing_key: a, user: a",
            "go together",
        ),
        (
            "url: 'amqps://a:hunter2@rabbit.example', routing_key: a",
            "use the keys",
        ),
        (
            "url: 'amqps://rabbit.example', routing_key: a, heartbeat_s: 0",
            "heartbeat_s",
        ),
    ] {
        let wrong = wrong(yaml).concat();
        assert!(wrong.contains(told), "{yaml}: {wrong}");
        assert!(!wrong.contains("hunter2"), "{wrong}");
    }
}
