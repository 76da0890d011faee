//! MQTT: mosquitto itself has every alert, and a broker that refuses or is confused
//! loses none.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sensor::alert::Priority;
use serde_json::Value;

use super::{
    Daemon, FAST, account, alert_of, complains, eventually, finish, free_port, send, start,
};
use crate::stand_in::identity::Authority;
use crate::stand_in::mqtt::{Broker, Packet, welcome, word};

/// mosquitto in a directory; `more` is added to its configuration.
fn mosquitto(directory: &Path, port: u16, more: &str) -> Option<Daemon> {
    if !Path::new("/usr/bin/mosquitto_sub").exists() {
        super::missing("mosquitto-clients");
        return None;
    }
    let config = directory.join("mosquitto.conf");
    let text = format!(
        "user root\npersistence true\npersistence_location {}/\nmax_queued_messages 0\n\
         listener {port} 127.0.0.1\n{more}\n",
        directory.display()
    );
    std::fs::write(&config, text).unwrap();
    let arguments = ["-c", &config.display().to_string()];
    Daemon::listening("/usr/sbin/mosquitto", &arguments, port)
}

const ANYONE: &str = "allow_anonymous true";

/// Ends a broker as an operator does: it keeps what it has acknowledged.
fn stop(mut broker: Daemon) {
    let pid = rustix::process::Pid::from_raw(broker.0.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    broker.0.wait().unwrap();
}

/// Who subscribes, with a client that is not ours, and is remembered while away.
struct Subscriber {
    _client: Daemon,
    heard: PathBuf,
}

impl Subscriber {
    fn new(directory: &Path, port: u16, topic: &str) -> Self {
        Self::speaking("mqttv5", directory, port, topic)
    }

    fn speaking(version: &str, directory: &Path, port: u16, topic: &str) -> Self {
        let heard = directory.join("heard");
        // Into a file it would not write line by line.
        let mut client = Command::new("stdbuf");
        client.args(["-oL", "/usr/bin/mosquitto_sub"]);
        client.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-t", topic]);
        client.args(["-V", version, "-q", "2", "-c", "-i", "judge"]);
        client.args(["-d", "-F", "%j"]);
        client.stdout(std::fs::File::create(&heard).unwrap());
        client.stderr(Stdio::null()).stdin(Stdio::null());
        let subscriber = Self {
            _client: Daemon(client.spawn().unwrap()),
            heard,
        };
        eventually("the subscriber listens", || {
            let said = std::fs::read_to_string(&subscriber.heard).unwrap();
            said.contains("received SUBACK")
        });
        subscriber
    }

    /// The messages it has, each with topic, properties and payload.
    fn messages(&self) -> Vec<Value> {
        let said = std::fs::read_to_string(&self.heard).unwrap();
        let whole = said.rfind('\n').map_or("", |end| &said[..end]);
        let messages = whole.lines().filter(|line| line.starts_with('{'));
        messages
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The ids of the alerts it has.
    fn ids(&self) -> Vec<String> {
        let id = |message: Value| {
            let alert: Value = serde_json::from_str(message["payload"].as_str().unwrap()).unwrap();
            alert["uuid"].as_str().unwrap().to_owned()
        };
        self.messages().into_iter().map(id).collect()
    }
}

#[test]
fn a_message_says_what_it_is_and_a_value_cannot_leave_its_place_in_the_topic() {
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(_broker) = mosquitto(directory.path(), port, ANYONE) else {
        return;
    };
    let subscriber = Subscriber::new(directory.path(), port, "sensor/#");
    let delivery = start(&format!(
        "type: mqtt, url: 'mqtt://127.0.0.1:{port}', topic: 'sensor/{{rule}}/{{priority}}', \
         retain: true, message_expiry_s: 100, {FAST}"
    ));
    let alert = alert_of("a/b+#", Priority::Critical);
    delivery.send(&alert);
    eventually("it is taken", || account(&delivery).delivered == 1);
    finish(delivery);
    eventually("it is heard", || subscriber.messages().len() == 1);
    let message = &subscriber.messages()[0];
    assert_eq!(message["topic"], "sensor/a_b__/Critical", "{message}");
    assert_eq!(message["qos"], 1);
    assert_eq!(subscriber.ids(), [alert.id.to_string()]);
    let properties = message["properties"].to_string();
    for part in [
        "application/json",
        "a/b+#",
        "Critical",
        &alert.id.to_string(),
    ] {
        assert!(properties.contains(part), "{part}: {properties}");
    }
}

/// A broker that is stopped and started while alerts come.
fn restarted(version: u8, qos: u8) -> Option<(Vec<String>, Vec<String>)> {
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    let first = mosquitto(directory.path(), port, ANYONE)?;
    // Of 5 its client knows no more than twenty unfinished messages of quality 2.
    let judge = || Subscriber::speaking("mqttv311", directory.path(), port, "sensor/#");
    // It comes back when all is over: what it hears twice then is not its own doing.
    drop(judge());
    let delivery = start(&format!(
        "type: mqtt, url: 'mqtt://127.0.0.1:{port}', version: {version}, qos: {qos}, \
         timeout_ms: 5000, batch: {{max_alerts: 20, max_age_ms: 0}}, {FAST}"
    ));
    let mut sent = send(&delivery, 300);
    eventually("some are taken", || account(&delivery).delivered >= 20);
    stop(first);
    sent.extend(send(&delivery, 300));
    eventually("it is missed", || account(&delivery).retries >= 2);
    let _second = mosquitto(directory.path(), port, ANYONE).unwrap();
    eventually("all are taken", || account(&delivery).delivered == 600);
    assert_eq!(finish(delivery).failed(), 0);
    let subscriber = judge();
    eventually("all are heard", || {
        let heard: BTreeSet<_> = subscriber.ids().into_iter().collect();
        sent.iter().all(|id| heard.contains(id))
    });
    Some((sent, subscriber.ids()))
}

#[test]
fn a_broker_that_is_stopped_and_started_again_loses_nothing() {
    for version in [4, 5] {
        let Some((sent, heard)) = restarted(version, 1) else {
            return;
        };
        let distinct: BTreeSet<_> = heard.into_iter().collect();
        assert_eq!(distinct, sent.into_iter().collect());
    }
}

#[test]
fn with_quality_two_nothing_is_heard_twice() {
    for version in [4, 5] {
        let Some((sent, heard)) = restarted(version, 2) else {
            return;
        };
        assert_eq!(heard.len(), sent.len(), "version {version}");
    }
}

#[test]
fn others_hear_that_the_sensor_is_there_and_that_it_is_gone() {
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(_broker) = mosquitto(directory.path(), port, ANYONE) else {
        return;
    };
    let subscriber = Subscriber::new(directory.path(), port, "state/#");
    for version in [4, 5] {
        let before = subscriber.messages().len();
        let delivery = start(&format!(
            "type: mqtt, url: 'mqtt://127.0.0.1:{port}', version: {version}, \
             status: {{topic: 'state/{{host}}', offline: gone}}, {FAST}"
        ));
        send(&delivery, 1);
        eventually("it is taken", || account(&delivery).delivered == 1);
        // As if it were killed: nothing more is said.
        drop(delivery);
        eventually("both are heard", || {
            subscriber.messages().len() == before + 2
        });
        let said = subscriber.messages();
        for (message, words) in said[before..].iter().zip(["online", "gone"]) {
            assert_eq!(message["topic"], "state/node1");
            assert_eq!(message["payload"], words);
        }
    }
}

#[test]
fn others_hear_that_the_sensor_is_there_before_it_has_anything_to_say() {
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(broker) = mosquitto(directory.path(), port, ANYONE) else {
        return;
    };
    let config = super::outputs(&format!(
        "[{{type: mqtt, url: 'mqtt://127.0.0.1:{port}', keep_alive_s: 5, \
         status: {{topic: 'state/{{host}}'}}, {FAST}}}]"
    ));
    let named: Vec<_> = config.into_iter().map(|it| it.on_host("node 7")).collect();
    let _delivery = sensor::deliver::Delivery::start(&named, None).unwrap();
    let heard = |directory: &Path| {
        let subscriber = Subscriber::new(directory, port, "state/#");
        eventually("it is heard", || !subscriber.messages().is_empty());
        subscriber.messages()[0].clone()
    };
    let said = heard(directory.path());
    assert_eq!(said["topic"], "state/node 7");
    assert_eq!(said["payload"], "online");
    // A broker that was away, and forgot, hears it again.
    stop(broker);
    let other = tempfile::tempdir().unwrap();
    let _broker = mosquitto(other.path(), port, ANYONE).unwrap();
    assert_eq!(heard(other.path())["payload"], "online");
}

#[test]
fn a_wrong_password_keeps_the_alerts() {
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    let users = directory.path().join("users");
    let made = Command::new("/usr/bin/mosquitto_passwd")
        .args(["-b", "-c"])
        .arg(&users)
        .args(["sensor", "right"])
        .status();
    if made.is_err() {
        super::missing("mosquitto");
        return;
    }
    let more = format!("password_file {}", users.display());
    let _broker = mosquitto(directory.path(), port, &more).unwrap();
    for (version, words) in [(5, "NotAuthorized"), (4, "NotAuthorized")] {
        let password = directory.path().join("password");
        std::fs::write(&password, "hunter2").unwrap();
        let delivery = start(&format!(
            "type: mqtt, url: 'mqtt://127.0.0.1:{port}', version: {version}, user: sensor, \
             password: 'file:{}', {FAST}",
            password.display()
        ));
        send(&delivery, 3);
        complains(&delivery, words);
        std::fs::write(&password, "right").unwrap();
        eventually("they are taken", || account(&delivery).delivered == 3);
        finish(delivery);
    }
}

#[test]
fn tls_goes_both_ways() {
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    let authority = Authority::new(directory.path());
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (certificate, key) = authority.issue("127.0.0.1");
    let ca = authority.ca_file.display();
    let more = format!(
        "{ANYONE}\nrequire_certificate true\ncafile {ca}\ncertfile {}\nkeyfile {}",
        file("server.pem", &certificate),
        file("server.key", &key)
    );
    let Some(_broker) = mosquitto(directory.path(), port, &more) else {
        return;
    };
    let (certificate, key) = authority.issue("sensor");
    let ours = format!(
        "client_certificate: '{}', client_key: '{}'",
        file("ours.pem", &certificate),
        file("ours.key", &key)
    );
    let other = tempfile::tempdir().unwrap();
    let stranger = Authority::new(other.path()).ca_file;
    for (tls, taken) in [
        (format!("ca_file: '{}', {ours}", stranger.display()), 0),
        (format!("ca_file: '{ca}'"), 0),
        (format!("ca_file: '{ca}', {ours}"), 3),
    ] {
        let delivery = start(&format!(
            "type: mqtt, url: 'mqtts://127.0.0.1:{port}', tls: {{{tls}}}, {FAST}"
        ));
        send(&delivery, 3);
        eventually("it is tried", || {
            let account = account(&delivery);
            account.retries >= 2 || account.delivered == 3
        });
        assert_eq!(account(&delivery).delivered, taken, "{tls}");
    }
}

#[test]
fn an_alert_larger_than_the_broker_takes_is_given_up_alone() {
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    let more = format!("{ANYONE}\nmax_packet_size 4000");
    let Some(_broker) = mosquitto(directory.path(), port, &more) else {
        return;
    };
    let delivery = start(&format!(
        "type: mqtt, url: 'mqtt://127.0.0.1:{port}', batch: {{max_age_ms: 60000}}, {FAST}"
    ));
    send(&delivery, 2);
    delivery.send(&alert_of(&"long".repeat(2000), Priority::Warning));
    send(&delivery, 2);
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (4, 1), "{account:?}");
}

/// A sender to a broker that is played, of so many alerts at a time. Its first three
/// packets are a connection that forgets, its end, and the one that is remembered.
fn sender(broker: &Broker, batch: usize, more: &str) -> sensor::deliver::Delivery {
    start(&format!(
        "type: mqtt, url: 'mqtt://127.0.0.1:{}', timeout_ms: 10000, \
         batch: {{max_alerts: {batch}, max_age_ms: 60000}}, {more} {FAST}",
        broker.port
    ))
}

/// How many messages of a kind came.
fn count(broker: &Broker, kind: u8) -> usize {
    let of_kind = |packet: &&Packet| packet.kind == kind;
    broker.seen().iter().filter(of_kind).count()
}

#[test]
fn only_a_word_on_its_own_number_takes_an_alert_and_each_has_its_own_fate() {
    // Quota, then taken; a wrong payload; nobody listens; words on what was not sent.
    let broker = Broker::start(|before, packet| match (packet.kind, before) {
        (1, _) => Some(welcome(false, 0, &[])),
        (3, 3) => Some([word(4, 999, 0), word(4, packet.number, 0x97)].concat()),
        (3, 4) => Some(word(4, packet.number, 0x99)),
        (3, 5) => Some([word(7, packet.number, 0), word(4, packet.number, 0x10)].concat()),
        (3, _) => Some(word(4, packet.number, 0)),
        _ => Some(Vec::new()),
    });
    let delivery = sender(&broker, 3, "");
    send(&delivery, 3);
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (2, 1), "{account:?}");
    assert_eq!(count(&broker, 3), 4, "only the one over quota comes again");
}

#[test]
fn no_word_is_no_delivery_and_what_is_confused_is_left() {
    let broker = Broker::start(|before, packet| match (packet.kind, before) {
        // Words on other numbers, then the end; what is no packet; too long a packet.
        (3, 3) => Some([word(4, 7, 0), word(4, 0, 0), word(5, 1, 0)].concat()),
        (3, 4) => None,
        (1, 5) => Some(vec![0xff, 0xff, 0xff, 0xff, 0xff]),
        (1, 6) => Some(vec![0x40, 0xff, 0xff, 0xff, 0x7f]),
        (1, _) => Some(welcome(false, 0, &[])),
        (3, _) => Some(word(4, packet.number, 0)),
        _ => Some(Vec::new()),
    });
    let delivery = sender(&broker, 2, "");
    send(&delivery, 2);
    eventually("they are taken", || account(&delivery).delivered == 2);
    let account = finish(delivery);
    assert_eq!(account.refused, 0, "{account:?}");
    assert!(account.retries >= 3, "{account:?}");
}

#[test]
fn what_a_broker_ends_the_connection_over_is_halved_until_it_is_alone() {
    let broker = Broker::start(|_, packet| match packet.kind {
        1 => Some(welcome(false, 0, &[])),
        3 if packet.body.windows(3).any(|part| part == b"bad") => Some(vec![0xe0, 2, 0x95, 0]),
        3 => Some(word(4, packet.number, 0)),
        _ => Some(Vec::new()),
    });
    let delivery = sender(&broker, 5, "");
    send(&delivery, 2);
    delivery.send(&alert_of("bad", Priority::Warning));
    send(&delivery, 2);
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (4, 1), "{account:?}");
}

#[test]
fn a_broker_that_remembers_gets_the_release_and_not_the_message_again() {
    // It has the first message and goes away before it is released.
    let broker = Broker::start(|before, packet| match packet.kind {
        1 => Some(welcome(before > 2, 0, &[])),
        3 => Some(word(5, packet.number, 0)),
        6 if before == 4 => None,
        6 => Some(word(7, packet.number, 0)),
        _ => Some(Vec::new()),
    });
    let delivery = sender(&broker, 1, "qos: 2,");
    send(&delivery, 1);
    eventually("it is taken", || account(&delivery).delivered == 1);
    finish(delivery);
    let kinds: Vec<u8> = broker.seen().iter().map(|packet| packet.kind).collect();
    assert_eq!(kinds, [1, 14, 1, 3, 6, 1, 6]);
    let clean = |packet: &Packet| packet.body[7] & 2 != 0;
    let seen = broker.seen();
    assert!(clean(&seen[0]) && !clean(&seen[2]), "{seen:?}");
    assert!(!clean(&seen[5]), "{seen:?}");
    assert_eq!(seen[4].number, seen[6].number);
}

#[test]
fn an_idle_sensor_pings() {
    // Its wish: a keep alive of one second.
    let broker = Broker::start(|_, packet| match packet.kind {
        1 => Some(welcome(false, 0, &[0x13, 0, 1])),
        3 => Some(word(4, packet.number, 0)),
        12 => Some(vec![0xd0, 0]),
        _ => Some(Vec::new()),
    });
    let delivery = sender(&broker, 2, "keep_alive_s: 5,");
    send(&delivery, 1);
    let critical = alert_of("now", Priority::Critical);
    delivery.send(&critical);
    eventually("they are taken", || account(&delivery).delivered == 2);
    eventually("it is pinged", || count(&broker, 12) >= 3);
    assert_eq!(
        count(&broker, 1),
        2,
        "over the connection that is remembered"
    );
    finish(delivery);
}
