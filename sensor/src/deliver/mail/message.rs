//! The bytes of one mail.
//!
//! A [`Letter`], a sender and recipients come in, a finished mail leaves, the same (but
//! for its date) each time the same alerts are mailed. What a rule, a host or a
//! process is called ends up in headers: it loses every control character, and what
//! looks like an encoded word, before lettre encodes it.

use std::collections::BTreeSet;

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use crate::alert::{Alert, Priority, stable_hash};
use crate::deliver::text::{shortened, visible};

use super::letter::Letter;

/// Longest subject, in characters.
const SUBJECT_CHARS: usize = 120;

/// Composes the mail.
pub(super) fn compose(
    letter: &Letter<'_>,
    from: &Mailbox,
    to: &[&Mailbox],
) -> Result<Vec<u8>, String> {
    let first = letter.alerts.first().ok_or("no alerts to mail")?;
    let domain = domain(from);
    let thread = thread(letter, first, &domain);
    let mut builder = Message::builder()
        .from(from.clone())
        .subject(subject(letter, first))
        .message_id(Some(message_id(letter, first, &domain)))
        .in_reply_to(thread.clone())
        .references(thread)
        .date_now();
    let list = format!("Sensor alerts <sensor-alerts.{domain}>");
    let urgent = letter.priority() <= Priority::Critical;
    let headers = [
        ("Auto-Submitted", "auto-generated", true),
        ("X-Auto-Response-Suppress", "All", true),
        ("List-Id", &list, true),
        ("X-Priority", "1", urgent),
        ("Importance", "high", urgent),
    ];
    for (name, value, _) in headers.into_iter().filter(|header| header.2) {
        let name =
            HeaderName::new_from_ascii(name.to_owned()).map_err(|error| error.to_string())?;
        builder = builder.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    for mailbox in to {
        builder = builder.to((*mailbox).clone());
    }
    let body = MultiPart::alternative_plain_html(letter.plain(), letter.html());
    let message = builder.multipart(body).map_err(|error| error.to_string())?;
    Ok(message.formatted())
}

/// The same for the same alerts, so that a relay or reader that has the mail
/// already knows it.
fn message_id(letter: &Letter<'_>, first: &Alert, domain: &str) -> String {
    let ids: Vec<&[u8]> = letter
        .alerts
        .iter()
        .map(|alert| alert.id.as_bytes().as_slice())
        .collect();
    let all = stable_hash(&ids);
    format!("<{}.{}.{all:032x}@{domain}>", first.id, ids.len())
}

/// How many rules and hosts its alerts are of.
fn rules(letter: &Letter<'_>) -> usize {
    let rules: BTreeSet<_> = letter.alerts.iter().copied().map(rule_of).collect();
    rules.len()
}

/// What makes a thread, and a mail of its own.
pub(super) fn rule_of(alert: &Alert) -> (&str, &str) {
    (&alert.rule, &alert.hostname)
}

/// The id all mails of a rule and host refer to, and all digests of a host. There is
/// no mail of that id: readers make a thread of what refers to the same, and nothing
/// has to be remembered for it.
fn thread(letter: &Letter<'_>, first: &Alert, domain: &str) -> String {
    // No rule's name is empty.
    let rule = if rules(letter) == 1 { &*first.rule } else { "" };
    let root = stable_hash(&[rule.as_bytes(), first.hostname.as_bytes()]);
    format!("<thread.{root:032x}@{domain}>")
}

/// The same for all mails of one rule: some readers begin a new thread with a new subject.
fn subject(letter: &Letter<'_>, first: &Alert) -> String {
    let priority = letter.priority().name();
    let host = &first.hostname;
    let text = match rules(letter) {
        1 => format!("[{priority}] {} on {host}", first.rule),
        n => format!(
            "[{priority}] {} alerts of {n} rules on {host}",
            letter.alerts.len()
        ),
    };
    // Spaces keep a name that looks like an encoded word from being decoded.
    let text = visible(&text).replace("=?", "= ?").replace("?=", "? =");
    shortened(&text, SUBJECT_CHARS)
}

/// The sender's domain, as it may stand in an id.
fn domain(from: &Mailbox) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let domain: String = from.email.domain().chars().filter(fits).collect();
    if domain.is_empty() {
        "sensor.invalid".to_owned()
    } else {
        domain
    }
}
