//! Mail: encrypted, logged in, whole; and what its tests share.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sensor::deliver::Delivery;

use super::{FAST, account, alert, eventually, finish, outputs, send};
use crate::stand_in::identity::Authority;
use crate::stand_in::smtp::{Mail, Relay};

#[path = "mail/hostile.rs"]
mod hostile;
#[path = "mail/incident.rs"]
mod incident;
#[path = "mail/limits.rs"]
mod limits;
#[path = "mail/recipients.rs"]
mod recipients;

/// A relay with STARTTLS and the sender's configuration for it.
struct Bench {
    relay: Relay,
    authority: Authority,
    directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self::with(|authority| Relay::start(Some(authority.server("127.0.0.1"))))
    }

    fn with(relay: impl FnOnce(&Authority) -> Relay) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new(directory.path());
        Self {
            relay: relay(&authority),
            authority,
            directory,
        }
    }

    /// An output with these keys besides, whose alerts wait in memory.
    fn start(&self, more: &str) -> Delivery {
        Delivery::start(&outputs(&self.yaml(more)), None).unwrap()
    }

    /// The same with a spool.
    fn start_spooled(&self, more: &str) -> Delivery {
        Delivery::start(&outputs(&self.yaml(more)), Some(&self.spools())).unwrap()
    }

    fn yaml(&self, more: &str) -> String {
        let recipients = if more.contains("to:") {
            ""
        } else {
            "to: [soc@test.example],"
        };
        let retry = if more.contains("retry:") {
            "name: mail"
        } else {
            FAST
        };
        format!(
            "[{{type: mail, relay: 127.0.0.1, port: {}, tls: {{ca_file: '{}'}}, \
             from: 'Sensor <sensor@test.example>', {recipients} {retry}, {more}}}]",
            self.relay.port,
            self.authority.ca_file.display()
        )
    }

    fn spools(&self) -> std::path::PathBuf {
        self.directory.path().join("spools")
    }

    /// The dead letters of the output.
    fn dead(&self) -> String {
        let file = self.spools().join("mail").join("dead.jsonl");
        std::fs::read_to_string(file).unwrap_or_default()
    }

    /// What was taken; checked to be mail that any relay may pass on.
    fn taken(&self) -> Vec<Mail> {
        let relay = self.relay.lock();
        assert_eq!(relay.wrong, Vec::<String>::new());
        for mail in &relay.taken {
            let lines: Vec<_> = mail.data.split("\r\n").collect();
            assert!(lines.iter().all(|line| line.len() <= 998), "{}", mail.data);
            let bare = |line: &&str| line.contains(['\r', '\n', '\0']);
            assert!(!lines.iter().any(bare), "{}", mail.data);
            assert!(mail.data.is_ascii());
        }
        relay.taken.clone()
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

/// Its text part, as the reader sees it.
fn text(mail: &str) -> String {
    part(mail, "text/plain")
}

fn part(mail: &str, kind: &str) -> String {
    let part = mail.split(&format!("\r\nContent-Type: {kind}")).nth(1);
    let part = part.unwrap();
    let (head, body) = part.split_once("\r\n\r\n").unwrap();
    let body = body.split("\r\n--").next().unwrap();
    let encoding = head.split_once("Content-Transfer-Encoding: ").unwrap().1;
    let body = match encoding.split("\r\n").next().unwrap() {
        "base64" => BASE64_STANDARD.decode(body.replace("\r\n", "")).unwrap(),
        "quoted-printable" => unquoted(body),
        encoding => {
            assert_eq!(encoding, "7bit");
            body.into()
        }
    };
    String::from_utf8(body).unwrap()
}

/// Quoted-printable, undone.
fn unquoted(text: &str) -> Vec<u8> {
    let text = text.replace("=\r\n", "");
    let mut pieces = text.split('=');
    let mut out = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        out.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        out.extend(piece[2..].bytes());
    }
    out
}

/// How many alerts a mail tells.
fn told(mail: &Mail) -> usize {
    let text = text(&mail.data);
    let counted = text.split(" alerts from ").collect::<Vec<_>>();
    match counted[..] {
        [head, _] => head.rsplit('\n').next().unwrap().parse().unwrap(),
        _ => text.matches("    alert ").count(),
    }
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
    let taken = bench.taken();
    let [mail] = &taken[..] else {
        panic!("one mail")
    };
    assert_eq!(
        (mail.from.as_str(), mail.to.len()),
        ("sensor@test.example", 1)
    );
    let data = &mail.data;
    let id = header(data, "Message-ID");
    assert!(id.starts_with(&format!("<{}.1.", alert.id)), "{id}");
    assert!(id.ends_with("@test.example>"), "{id}");
    assert_eq!(
        header(data, "Subject"),
        "[Warning] Read credential file on node1"
    );
    assert_eq!(header(data, "Auto-Submitted"), "auto-generated");
    assert_eq!(header(data, "X-Auto-Response-Suppress"), "All");
    let list = "Sensor alerts <sensor-alerts.test.example>";
    assert_eq!(header(data, "List-Id"), list);
    assert!(header(data, "Content-Type").starts_with("multipart/alternative"));
    for kind in ["text/plain", "text/html"] {
        let part = part(data, kind);
        for told in ["cat /etc/shadow", "(none)", &alert.id.to_string()] {
            assert!(part.contains(told), "{kind}: {part}");
        }
    }
    assert!(!data.contains("X-Priority"), "{data}");
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
    assert_eq!(bench.taken().len(), 1);
}

#[test]
fn a_relay_that_knows_only_login_is_logged_in_to() {
    let bench = Bench::new();
    {
        let mut relay = bench.relay.lock();
        (relay.login, relay.mechanism) = (Some("sensor\0right".to_owned()), "LOGIN");
    }
    let name = bench.secret("name", "sensor");
    let password = bench.secret("password", "right");
    let delivery = bench.start(&format!("username: {name}, password: {password}"));
    send(&delivery, 1);
    assert_eq!(finish(delivery).delivered, 1);
    assert_eq!(bench.taken().len(), 1);
}

#[test]
fn a_relay_may_speak_tls_from_the_first_byte() {
    let bench = Bench::with(|authority| Relay::start_wrapped(authority.server("127.0.0.1")));
    let delivery = bench.start("encryption: tls");
    send(&delivery, 1);
    assert_eq!(finish(delivery).delivered, 1);
    assert_eq!(bench.taken().len(), 1);
}

#[test]
fn a_relay_on_this_machine_may_go_without_encryption() {
    let bench = Bench::with(|_| Relay::start(None));
    let delivery = bench.start("encryption: plain");
    send(&delivery, 1);
    assert_eq!(finish(delivery).delivered, 1);
    assert_eq!(bench.taken().len(), 1);
}

#[test]
fn mistakes_are_told_before_anything_is_sent() {
    let bench = Bench::new();
    let name = bench.secret("name", "sensor");
    let login = format!("encryption: plain, username: {name}, password: {name}");
    for (keys, told) in [
        (
            "to: []",
            "the number of recipients is 0; it must be 1 to 100",
        ),
        ("to: [nobody]", "to: `nobody` is no mail address"),
        (
            "to: [{address: nobody, tags: [a]}]",
            "`nobody` is no mail address",
        ),
        ("envelope_from: x", "envelope_from: `x` is no mail address"),
        (
            "max_per_hour: 0",
            "max_per_hour is 0; it must be 1 to 10000",
        ),
        ("max_per_day: 0", "max_per_day is 0; it must be 1 to 100000"),
        ("digest_interval_s: 86401", "digest_interval_s is 86401"),
        (
            "immediate_interval_s: 86401",
            "immediate_interval_s is 86401",
        ),
        (&login, "a login is only ever sent over TLS"),
    ] {
        let wrong = outputs(&bench.yaml(keys))[0].check();
        assert!(
            wrong.iter().any(|wrong| wrong.contains(told)),
            "{keys}: {wrong:?}"
        );
        assert_eq!(wrong.len(), 1, "{keys}: {wrong:?}");
    }
    let far = bench
        .yaml("encryption: plain")
        .replace("relay: 127.0.0.1", "relay: mail.example");
    assert!(outputs(&far)[0].check()[0].contains("allow_unencrypted"));
    assert_eq!(outputs(&bench.yaml("immediate: null"))[0].check(), [""; 0]);
}

#[test]
fn a_relay_without_tls_or_with_a_wrong_name_gets_no_mail() {
    let without = |_: &Authority| Relay::start(None);
    let misnamed = |authority: &Authority| Relay::start(Some(authority.server("relay.example")));
    for bench in [Bench::with(without), Bench::with(misnamed)] {
        let delivery = bench.start("");
        send(&delivery, 1);
        eventually("two failures", || account(&delivery).retries >= 2);
        assert_eq!(account(&delivery).queued, 1);
        drop(delivery);
        assert!(bench.taken().is_empty());
    }
}
