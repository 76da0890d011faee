//! What rules, hosts and processes are called changes nothing about a mail but its text.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sensor::alert::{Alert, Priority};

use super::super::{account, alert_of, eventually, finish, send};
use super::{Bench, header, headers, part};

/// Texts that would be headers, commands, markup, or something else to look at.
fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = [
        "x\r\nBcc: evil@test.example\r\n\r\n<script>alert(1)</script>\u{202e}",
        "\n.\r\nMAIL FROM:<evil@test.example>\r\nRCPT TO:<evil@test.example>\r\nDATA",
        "\r\n.\r\n",
        "a\rb\nc\0d\x1b[2J\u{9b}31m\u{85}\u{2028}Bcc: evil@test.example",
        "=?utf-8?b?DQpCY2M6IGV2aWxAdGVzdC5leGFtcGxl?=",
        "=?utf-8?q?=0D=0ABcc:_evil@test.example?= =?x",
        "<img src=x onerror=\"a&b\"></td></table><b>",
        "漢字 ünïcode 🦀 \u{202e}gpj.exe",
        "boundary--\r\nContent-Type: text/html\r\n\r\n<b>",
        "\"quoted\\\" <evil@test.example>, (comment)",
    ]
    .map(str::to_owned)
    .into();
    texts.push("long ".repeat(2000));
    texts.push("長".repeat(5000));
    texts.push("unbroken".repeat(2000));
    texts
}

/// The text of encoded words, as a reader shows it.
fn decoded(value: &str) -> String {
    let mut out = String::new();
    for word in value.split_inclusive(' ') {
        let encoded = word.trim_end().strip_prefix("=?utf-8?b?");
        if let Some(base64) = encoded.and_then(|word| word.strip_suffix("?=")) {
            let bytes = BASE64_STANDARD.decode(base64).unwrap();
            out.push_str(std::str::from_utf8(&bytes).unwrap());
        } else {
            assert!(!word.contains("=?") && !word.contains("?="), "{word}");
            out.push_str(word);
        }
    }
    out
}

fn names(mail: &str) -> Vec<String> {
    let name = |line: &String| line.split(':').next().unwrap().to_owned();
    headers(mail).iter().map(name).collect()
}

#[test]
fn hostile_names_inject_neither_headers_nor_commands_nor_markup() {
    let bench = Bench::new();
    let delivery = bench.start("immediate: debug, immediate_interval_s: 0, max_per_hour: 100");
    send(&delivery, 1);
    eventually("the harmless one", || account(&delivery).delivered == 1);
    let texts = hostile();
    for (sent, text) in (2..).zip(&texts) {
        let mut alert = Alert::clone(&alert_of(text, Priority::Warning));
        alert.hostname = text.as_str().into();
        alert.output.clone_from(text);
        alert.message.clone_from(text);
        alert
            .output_fields
            .insert(text.clone(), text.as_str().into());
        delivery.send(&Arc::new(alert));
        eventually("mailed", || account(&delivery).delivered == sent);
    }
    finish(delivery);
    let taken = bench.taken();
    let harmless = names(&taken[0].data);
    assert_eq!(
        harmless.iter().collect::<BTreeSet<_>>().len(),
        harmless.len()
    );
    let markup = tags(&part(&taken[0].data, "text/html"));
    for (mail, text) in taken[1..].iter().zip(&texts) {
        assert_eq!(
            (mail.from.as_str(), mail.to.len()),
            ("sensor@test.example", 1)
        );
        assert_eq!(mail.to, ["soc@test.example"]);
        assert_eq!(names(&mail.data), harmless, "{text}");
        let subject = decoded(&header(&mail.data, "Subject"));
        assert!(!subject.chars().any(char::is_control), "{subject:?}");
        assert!(subject.chars().count() <= 120, "{subject}");
        assert_eq!(mail.data.matches("\r\nContent-Type: ").count(), 3);
        for kind in ["text/plain", "text/html"] {
            let part = part(&mail.data, kind);
            let shown = |c: char| !c.is_control() || c == '\n' || c == '\r';
            assert!(part.chars().all(shown), "{part}");
            assert!(!part.contains('\u{202e}'), "{part}");
        }
        let found = tags(&part(&mail.data, "text/html"));
        assert_eq!(found, markup, "{text}");
    }
}

/// The names of the elements of a page, each once.
fn tags(html: &str) -> BTreeSet<String> {
    let tags = html.split('<').skip(1);
    tags.map(|tag| tag.split([' ', '>']).next().unwrap().to_owned())
        .collect()
}
