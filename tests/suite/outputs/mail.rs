//! Mail: over TLS only, few mails for many alerts, nothing injected.

use std::sync::Arc;

use sensor::alert::{Alert, Priority};
use sensor::deliver::Delivery;

use super::{FAST, account, alert, alert_of, eventually, finish, send, start};
use crate::stand_in::identity::Authority;
use crate::stand_in::smtp::Relay;

/// A relay with STARTTLS and the sender's configuration for it.
struct Bench {
    relay: Relay,
    authority: Authority,
    directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new(directory.path());
        let relay = Relay::start(Some(authority.server("127.0.0.1")));
        Self {
            relay,
            authority,
            directory,
        }
    }

    fn start(&self, more: &str) -> Delivery {
        let recipients = if more.contains("to:") {
            ""
        } else {
            "to: [soc@test.example],"
        };
        start(&format!(
            "type: mail, relay: 127.0.0.1, port: {}, tls: {{ca_file: '{}'}}, \
             from: 'Sensor <sensor@test.example>', {recipients} {FAST}, {more}",
            self.relay.port,
            self.authority.ca_file.display()
        ))
    }

    fn secret(&self, name: &str, value: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::write(&path, value).unwrap();
        format!("'file:{}'", path.display())
    }
}

/// A mail's header lines, continuation lines joined.
fn headers(mail: &str) -> Vec<String> {
    let head = mail.split("\r\n\r\n").next().unwrap();
    let joined = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    joined.split("\r\n").map(str::to_owned).collect()
}

/// The value of a header that must be there once.
fn header(mail: &str, name: &str) -> String {
    let all = headers(mail);
    let found: Vec<_> = all
        .iter()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .collect();
    assert_eq!(found.len(), 1, "{name} in {all:?}");
    found[0].to_owned()
}

#[test]
fn a_mail_goes_out_encrypted_with_text_html_and_a_stable_id() {
    let bench = Bench::new();
    bench.relay.lock().script.extend(["451 later", "421 busy"]);
    let delivery = bench.start("");
    let alert = alert();
    delivery.send(&alert);
    eventually("mailed", || account(&delivery).delivered == 1);
    assert_eq!(finish(delivery).retries, 2);
    let relay = bench.relay.lock();
    assert_eq!(relay.wrong, Vec::<String>::new());
    let [mail] = &relay.taken[..] else {
        panic!("one mail")
    };
    assert_eq!(
        (mail.from.as_str(), mail.to.len()),
        ("sensor@test.example", 1)
    );
    let data = &mail.data;
    assert_eq!(
        header(data, "Message-ID"),
        format!("<{}.1@test.example>", alert.id)
    );
    assert_eq!(
        header(data, "Subject"),
        "[Warning] Read credential file on node1"
    );
    assert_eq!(header(data, "Auto-Submitted"), "auto-generated");
    assert!(header(data, "Content-Type").starts_with("multipart/alternative"));
    assert!(
        data.contains("text/plain") && data.contains("text/html"),
        "{data}"
    );
    assert!(data.contains("cat /etc/shadow"), "{data}");
}

#[test]
fn an_incident_is_two_mails_that_count_every_alert() {
    let bench = Bench::new();
    let delivery = bench.start("min_interval_ms: 86400000");
    send(&delivery, 1);
    eventually("the first at once", || account(&delivery).delivered == 1);
    send(&delivery, 5000);
    delivery.send(&alert_of("rare", Priority::Critical));
    assert_eq!(account(&delivery).queued, 5001, "gathered, however serious");
    assert_eq!(finish(delivery).delivered, 5002);
    let relay = bench.relay.lock();
    let [_, digest] = &relay.taken[..] else {
        panic!("two mails")
    };
    let text = digest.data.replace("=\r\n", "");
    assert!(text.contains("5001 alerts"), "{text}");
    assert!(
        text.contains("5000  Warning       Read credential file"),
        "{text}"
    );
    assert!(text.contains("and 4981 more alerts"), "{text}");
    assert_eq!(header(&digest.data, "X-Priority"), "1");
    assert!(digest.data.len() < 100_000);
}

#[test]
fn hostile_names_inject_neither_headers_nor_markup() {
    let bench = Bench::new();
    let delivery = bench.start("");
    let rule = "x\r\nBcc: evil@test.example\r\n\r\n<script>alert(1)</script>\u{202e}";
    let mut hostile = Alert::clone(&alert_of(rule, Priority::Warning));
    hostile.output = "\r\n.\r\nMAIL FROM:<evil@test.example>\r\n<img src=x>".to_owned();
    hostile
        .output_fields
        .insert("<b>".into(), "\r\n.\r\n\x1b[2J<i>".into());
    delivery.send(&Arc::new(hostile));
    assert_eq!(finish(delivery).delivered, 1);
    let relay = bench.relay.lock();
    assert_eq!(relay.wrong, Vec::<String>::new());
    let [mail] = &relay.taken[..] else {
        panic!("one mail")
    };
    assert_eq!(mail.to, ["soc@test.example"]);
    let names: Vec<_> = headers(&mail.data)
        .iter()
        .map(|line| line.split(':').next().unwrap().to_owned())
        .collect();
    assert!(!names.iter().any(|name| name == "Bcc"), "{names:?}");
    for markup in ["<script", "<img", "<b>", "<i>", "\x1b"] {
        let html = mail.data.split("text/html").nth(1).unwrap();
        assert!(!html.contains(markup), "{markup} in {html}");
    }
    assert!(mail.data.contains("&lt;script&gt;"), "{}", mail.data);
}

#[test]
fn a_login_is_sent_after_tls_and_read_anew_when_refused() {
    let bench = Bench::new();
    bench.relay.lock().login = Some("sensor\0right".to_owned());
    let (name, password) = (
        bench.secret("name", "sensor"),
        bench.secret("password", "wrong"),
    );
    let delivery = bench.start(&format!("username: {name}, password: {password}"));
    send(&delivery, 1);
    eventually("refused", || account(&delivery).retries >= 1);
    assert_eq!(account(&delivery).queued, 1);
    bench.secret("password", "right");
    eventually("mailed", || account(&delivery).delivered == 1);
    finish(delivery);
    assert_eq!(bench.relay.lock().wrong, Vec::<String>::new());
}

#[test]
fn a_refused_mail_is_counted_and_not_repeated() {
    let bench = Bench::new();
    bench.relay.lock().script.push_back("550 policy");
    let delivery = bench.start("");
    send(&delivery, 1);
    eventually("an answer for good", || account(&delivery).queued == 0);
    let account = finish(delivery);
    assert_eq!((account.refused, account.retries), (1, 0), "{account:?}");
}

#[test]
fn one_unknown_recipient_keeps_the_mail_from_nobody_else() {
    let bench = Bench::new();
    bench.relay.lock().unknown = Some("gone@test.example");
    let delivery = bench.start("to: [gone@test.example, soc@test.example, cert@test.example]");
    send(&delivery, 1);
    let account = finish(delivery);
    assert_eq!((account.delivered, account.retries), (1, 0), "{account:?}");
    let relay = bench.relay.lock();
    let to: Vec<_> = relay.taken.iter().flat_map(|mail| &mail.to).collect();
    assert_eq!(to, ["soc@test.example", "cert@test.example"]);
}

#[test]
fn a_relay_without_tls_or_with_a_wrong_name_gets_no_mail() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    for tls in [None, Some(authority.server("relay.example"))] {
        let bench = Bench {
            relay: Relay::start(tls),
            authority: Authority::new(directory.path()),
            directory: tempfile::tempdir().unwrap(),
        };
        let delivery = bench.start("");
        send(&delivery, 1);
        eventually("two failures", || account(&delivery).retries >= 2);
        assert_eq!(account(&delivery).queued, 1);
        drop(delivery);
        assert!(bench.relay.lock().taken.is_empty());
    }
}
