//! NATS itself takes alerts into a stream, once each whatever happens on the way.
//!
//! What it holds is asked over its text protocol by hand, without the sender's client.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use nkeys::KeyPair;
use sensor::alert::Priority;
use serde_json::{Value, json};

use super::{
    Daemon, FAST, PATIENCE, account, alert_of, complains, eventually, finish, free_port, send,
    start,
};
use crate::stand_in::identity::Authority;

/// A server with `JetStream` in a directory; `more` is added to its configuration.
fn server(directory: &Path, port: u16, more: &str) -> Option<Daemon> {
    let config = directory.join("nats.conf");
    let text = format!(
        "listen: \"127.0.0.1:{port}\"\njetstream {{store_dir: \"{}\"}}\n{more}\n",
        directory.join("store").display()
    );
    std::fs::write(&config, text).unwrap();
    let arguments = ["-c", &config.display().to_string()];
    Daemon::listening("/usr/sbin/nats-server", &arguments, port)
}

/// Asks the server about its streams.
struct Admin(BufReader<TcpStream>);

impl Admin {
    fn new(port: u16, login: &Value) -> Self {
        Self::answering(port, |_| login.clone())
    }

    /// With a login that answers the server's challenge.
    fn answering(port: u16, login: impl FnOnce(&str) -> Value) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut admin = Self(BufReader::new(stream));
        let line = admin.line();
        let info: Value = serde_json::from_str(line.strip_prefix("INFO ").unwrap()).unwrap();
        let login = login(info["nonce"].as_str().unwrap_or_default());
        admin.say(&format!("CONNECT {login}\r\nSUB box 1\r\n"));
        admin
    }

    fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    fn ask(&mut self, subject: &str, question: &Value) -> Value {
        let question = question.to_string();
        let length = question.len();
        self.say(&format!(
            "PUB $JS.API.{subject} box {length}\r\n{question}\r\n"
        ));
        loop {
            let line = self.line();
            assert!(!line.is_empty() && !line.starts_with("-ERR"), "{line}");
            if line.starts_with("MSG box 1 ") {
                let length: usize = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
                let mut body = vec![0; length + 2];
                self.0.read_exact(&mut body).unwrap();
                return serde_json::from_slice(&body[..length]).unwrap();
            }
            if line.starts_with("PING") {
                self.say("PONG\r\n");
            }
        }
    }

    fn make_stream(&mut self) {
        // JetStream may still be starting.
        eventually("the stream is made", || {
            let stream = json!({"name": "alerts", "subjects": ["sensor.>"], "storage": "file",
                "retention": "limits", "num_replicas": 1, "max_msgs": -1, "max_bytes": -1,
                "max_age": 0, "max_consumers": -1, "discard": "old",
                "duplicate_window": 120_000_000_000_u64});
            let made = self.ask("STREAM.CREATE.alerts", &stream);
            made["error"].is_null()
        });
    }

    /// Each stored message: its subject, its id in the header, and its alert.
    fn stored(&mut self) -> Vec<(String, String, Value)> {
        let info = self.ask("STREAM.INFO.alerts", &json!({}));
        let last = info["state"]["last_seq"].as_u64().unwrap();
        let one = |seq| {
            let found = self.ask("STREAM.MSG.GET.alerts", &json!({"seq": seq}));
            let text = |key: &str| {
                let encoded = found["message"][key].as_str().unwrap();
                String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
            };
            let headers = text("hdrs");
            let id = headers.split("Nats-Msg-Id:").nth(1).unwrap();
            let id = id.lines().next().unwrap().trim().to_owned();
            let subject = found["message"]["subject"].as_str().unwrap().to_owned();
            (subject, id, serde_json::from_str(&text("data")).unwrap())
        };
        (1..=last).map(one).collect()
    }
}

fn anyone() -> Value {
    json!({"verbose": false})
}

#[test]
fn a_stream_holds_each_alert_once_under_its_subject_however_often_it_is_sent() {
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(_server) = server(directory.path(), port, "") else {
        return;
    };
    let yaml = format!(
        "type: nats, servers: ['nats://127.0.0.1:{port}'], subject: 'sensor.{{rule}}.{{priority}}', {FAST}"
    );
    let delivery = start(&yaml);
    let alert = alert_of("a.b > *", Priority::Critical);
    delivery.send(&alert);
    complains(&delivery, "nats stream add");
    let mut admin = Admin::new(port, &anyone());
    admin.make_stream();
    eventually("it is taken", || account(&delivery).delivered == 1);
    finish(delivery);
    // Another run that does not know what the first one sent.
    let again = start(&yaml);
    again.send(&alert);
    eventually("it is taken again", || account(&again).delivered == 1);
    finish(again);
    let stored = admin.stored();
    let [(subject, id, body)] = &stored[..] else {
        panic!("one message: {stored:?}");
    };
    assert_eq!(subject, "sensor.a_b____.Critical");
    assert_eq!(id, &alert.id.to_string());
    assert_eq!(body["uuid"], *id);
    assert_eq!(body["rule"], "a.b > *");
}

#[test]
fn a_server_that_is_killed_and_started_again_has_every_alert_once() {
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(first) = server(directory.path(), port, "") else {
        return;
    };
    Admin::new(port, &anyone()).make_stream();
    let nobody = free_port();
    let delivery = start(&format!(
        "type: nats, servers: ['nats://127.0.0.1:{nobody}', 'nats://127.0.0.1:{port}'], \
         timeout_ms: 3000, batch: {{max_alerts: 20, max_age_ms: 0}}, {FAST}"
    ));
    let mut sent = send(&delivery, 300);
    eventually("some are taken", || account(&delivery).delivered >= 20);
    drop(first);
    sent.extend(send(&delivery, 300));
    eventually("it is missed", || account(&delivery).retries >= 2);
    let _second = server(directory.path(), port, "").unwrap();
    eventually("all are taken", || account(&delivery).delivered == 600);
    assert_eq!(finish(delivery).failed(), 0);
    let stored = Admin::new(port, &anyone()).stored();
    let ids: BTreeSet<_> = stored.iter().map(|(_, id, _)| id.clone()).collect();
    assert_eq!(ids, sent.into_iter().collect());
    assert_eq!(stored.len(), 600, "none is there twice");
}

#[test]
fn who_is_not_let_in_or_may_not_publish_keeps_the_alerts() {
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    let more = "authorization {users: [{user: admin, password: a}, {user: sensor, password: new, \
                permissions: {publish: {allow: [\"sensor.>\"]}}}]}";
    let Some(_server) = server(directory.path(), port, more) else {
        return;
    };
    let login = json!({"verbose": false, "user": "admin", "pass": "a"});
    let mut admin = Admin::new(port, &login);
    admin.make_stream();
    let password = directory.path().join("password");
    std::fs::write(&password, "hunter2").unwrap();
    let yaml = |subject: &str| {
        format!(
            "type: nats, servers: ['nats://127.0.0.1:{port}'], subject: {subject}, \
             auth: {{user: sensor, password: 'file:{}'}}, {FAST}",
            password.display()
        )
    };
    let delivery = start(&yaml("sensor.x"));
    send(&delivery, 3);
    complains(&delivery, "authorization violation");
    std::fs::write(&password, "new").unwrap();
    eventually("they are taken", || account(&delivery).delivered == 3);
    finish(delivery);
    let denied = start(&yaml("other.x"));
    send(&denied, 3);
    complains(&denied, "Permissions Violation");
    assert_eq!(account(&denied).queued, 3);
    assert_eq!(admin.stored().len(), 3);
}

/// Sends with a wrong secret and then, once it was refused, with the right one.
fn refuses_and_takes(directory: &Path, port: u16, key: &str, wrong: &str, right: &str) {
    let secret = directory.join("secret");
    std::fs::write(&secret, wrong).unwrap();
    let delivery = start(&format!(
        "type: nats, servers: ['nats://127.0.0.1:{port}'], subject: sensor.x, \
         auth: {{{key}: 'file:{}'}}, {FAST}",
        secret.display()
    ));
    send(&delivery, 3);
    complains(&delivery, "authorization violation");
    std::fs::write(&secret, right).unwrap();
    eventually("they are taken", || account(&delivery).delivered == 3);
    finish(delivery);
}

#[test]
fn a_token_or_the_seed_of_a_key_lets_us_in() {
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(by_token) = server(directory.path(), port, "authorization {token: right}") else {
        return;
    };
    let mut admin = Admin::new(port, &json!({"verbose": false, "auth_token": "right"}));
    admin.make_stream();
    refuses_and_takes(directory.path(), port, "token", "wrong", "right");
    assert_eq!(admin.stored().len(), 3);
    drop(by_token);

    let (ours, stranger) = (KeyPair::new_user(), KeyPair::new_user());
    let more = format!(
        "authorization {{users: [{{user: admin, password: a}}, {{nkey: {}}}]}}",
        ours.public_key()
    );
    let _by_key = server(directory.path(), port, &more).unwrap();
    let seed = |key: &KeyPair| key.seed().unwrap();
    refuses_and_takes(
        directory.path(),
        port,
        "nkey",
        &seed(&stranger),
        &seed(&ours),
    );
    let mut admin = Admin::new(
        port,
        &json!({"verbose": false, "user": "admin", "pass": "a"}),
    );
    assert_eq!(admin.stored().len(), 6);
}

/// Claims about somebody, signed.
fn token(issuer: &KeyPair, subject: &KeyPair, claims: &Value) -> String {
    let subject = subject.public_key();
    let body = json!({"jti": subject, "iat": 1_700_000_000, "iss": issuer.public_key(),
                      "name": "test", "sub": subject, "nats": claims});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({"typ": "JWT", "alg": "ed25519-nkey"}));
    let signed = format!("{head}.{}", part(&body));
    let signature = URL_SAFE_NO_PAD.encode(issuer.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

/// A file of credentials, as NATS' own tools write it.
fn credentials(token: &str, user: &KeyPair) -> String {
    format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        user.seed().unwrap()
    )
}

#[test]
fn a_file_of_credentials_lets_us_in_where_an_operator_says_who_is_who() {
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    let (operator, account, system) = (
        KeyPair::new_operator(),
        KeyPair::new_account(),
        KeyPair::new_account(),
    );
    let (ours, stranger) = (KeyPair::new_user(), KeyPair::new_account());
    let limits = json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1,
                        "wildcards": true, "conn": -1, "leaf": -1, "mem_storage": -1,
                        "disk_storage": -1, "streams": -1, "consumer": -1});
    let of_account = json!({"type": "account", "version": 2, "limits": limits});
    let of_user = json!({"type": "user", "version": 2, "pub": {}, "sub": {},
                         "subs": -1, "data": -1, "payload": -1});
    let more = format!(
        "operator: {}\nresolver: MEMORY\nsystem_account: {2}\n\
         resolver_preload: {{{1}: {3}, {2}: {4}}}",
        token(
            &operator,
            &operator,
            &json!({"type": "operator", "version": 2})
        ),
        account.public_key(),
        system.public_key(),
        token(&operator, &account, &of_account),
        token(
            &operator,
            &system,
            &json!({"type": "account", "version": 2, "limits": {
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1,
            "wildcards": true, "conn": -1, "leaf": -1}})
        ),
    );
    let Some(_server) = server(directory.path(), port, &more) else {
        return;
    };
    let right = token(&account, &ours, &of_user);
    let mut admin = Admin::answering(port, |nonce| {
        let signature = URL_SAFE_NO_PAD.encode(ours.sign(nonce.as_bytes()).unwrap());
        json!({"verbose": false, "jwt": right, "sig": signature})
    });
    admin.make_stream();
    refuses_and_takes(
        directory.path(),
        port,
        "credentials",
        &credentials(&token(&stranger, &ours, &of_user), &ours),
        &credentials(&right, &ours),
    );
    assert_eq!(admin.stored().len(), 3);
}

#[test]
fn an_alert_that_is_too_large_is_given_up_alone() {
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(_server) = server(directory.path(), port, "max_payload: 4096") else {
        return;
    };
    let mut admin = Admin::new(port, &anyone());
    admin.make_stream();
    let delivery = start(&format!(
        "type: nats, servers: ['nats://127.0.0.1:{port}'], batch: {{max_age_ms: 60000}}, {FAST}"
    ));
    send(&delivery, 2);
    delivery.send(&alert_of(&"long".repeat(2000), Priority::Warning));
    send(&delivery, 2);
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (4, 1), "{account:?}");
    assert_eq!(admin.stored().len(), 4);
}

#[test]
fn tls_is_spoken_only_to_a_server_our_authority_vouches_for() {
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    let authority = Authority::new(directory.path());
    let (certificate, key) = authority.issue("127.0.0.1");
    let path = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let more = format!(
        "tls {{cert_file: \"{}\", key_file: \"{}\"}}",
        path("server.pem", certificate),
        path("server.key", key)
    );
    let Some(open) = server(directory.path(), port, "") else {
        return;
    };
    Admin::new(port, &anyone()).make_stream();
    drop(open);
    let closed = server(directory.path(), port, &more).unwrap();
    let other = tempfile::tempdir().unwrap();
    let stranger = Authority::new(other.path());
    for (trusted, taken) in [(&stranger, 0), (&authority, 5)] {
        let delivery = start(&format!(
            "type: nats, servers: ['tls://127.0.0.1:{port}'], tls: {{ca_file: '{}'}}, {FAST}",
            trusted.ca_file.display()
        ));
        send(&delivery, 5);
        eventually("an attempt is made", || {
            let account = account(&delivery);
            account.retries >= 2 || account.delivered == 5
        });
        assert_eq!(account(&delivery).delivered, taken);
    }
    drop(closed);
    let _open = server(directory.path(), port, "").unwrap();
    let stored = Admin::new(port, &anyone()).stored();
    assert_eq!(stored.len(), 5);
}
