//! The mail for a batch of alerts.
//!
//! Alerts come in, the finished bytes of one mail leave, the same (but for its
//! date) each time the same batch is composed. Rule names and field values are
//! hostile: in the header they are encoded by lettre after losing every control
//! character, in the HTML part they are escaped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use crate::alert::{Alert, Priority};
use crate::deliver::text::{html, shortened, visible};

/// How many alerts a digest shows in full.
const EXAMPLES: usize = 20;

/// How many rules a digest counts by name.
const COUNTED_RULES: usize = 50;

/// Longest subject, in characters.
const SUBJECT_CHARS: usize = 120;

/// A finished mail.
pub(super) struct Mail {
    /// Its Message-ID: the same for the same alerts.
    pub(super) id: String,
    pub(super) bytes: Vec<u8>,
}

/// Composes the mail for `batch`, which is not empty.
pub(super) fn compose(
    batch: &[Arc<Alert>],
    from: &Mailbox,
    to: &[Mailbox],
) -> Result<Mail, String> {
    let first = batch.first().ok_or("no alerts to mail")?;
    let domain = from.email.domain();
    let id = format!("<{}.{}@{domain}>", first.id, batch.len());
    let mut builder = Message::builder()
        .from(from.clone())
        .subject(subject(batch, first))
        .message_id(Some(id.clone()))
        .date_now()
        .raw_header(header("Auto-Submitted", "auto-generated")?)
        .raw_header(header("X-Auto-Response-Suppress", "All")?);
    for mailbox in to {
        builder = builder.to(mailbox.clone());
    }
    if most_serious(batch) <= Priority::Critical {
        builder = builder.raw_header(header("X-Priority", "1")?);
    }
    let body = MultiPart::alternative_plain_html(plain_body(batch), html_body(batch));
    let message = builder.multipart(body).map_err(|error| error.to_string())?;
    Ok(Mail {
        id,
        bytes: message.formatted(),
    })
}

fn header(name: &str, value: &str) -> Result<HeaderValue, String> {
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|error| error.to_string())?;
    Ok(HeaderValue::new(name, value.to_owned()))
}

fn most_serious(batch: &[Arc<Alert>]) -> Priority {
    let all = batch.iter().map(|alert| alert.priority);
    all.min().unwrap_or(Priority::Debug)
}

fn subject(batch: &[Arc<Alert>], first: &Alert) -> String {
    let priority = most_serious(batch).name();
    let host = visible(&first.hostname);
    let rule = visible(&first.rule);
    let text = match batch.len() {
        1 => format!("[{priority}] {rule} on {host}"),
        n => format!("[{priority}] {n} alerts on {host}: {rule}, …"),
    };
    shortened(&text, SUBJECT_CHARS)
}

/// Alerts by priority and rule, most serious first.
fn counts(batch: &[Arc<Alert>]) -> BTreeMap<(Priority, &str), usize> {
    let mut counts = BTreeMap::new();
    for alert in batch {
        *counts.entry((alert.priority, &*alert.rule)).or_default() += 1;
    }
    counts
}

/// The sentence for what a list leaves out, if it does.
fn left_out(total: usize, shown: usize, what: &str) -> Option<String> {
    (total > shown).then(|| format!("and {} more {what}", total - shown))
}

fn plain_body(batch: &[Arc<Alert>]) -> String {
    let mut out = String::new();
    if batch.len() > 1 {
        let counts = counts(batch);
        let _ = writeln!(out, "{} alerts:\n", batch.len());
        for ((priority, rule), n) in counts.iter().take(COUNTED_RULES) {
            let _ = writeln!(out, "{n:>8}  {:<13} {}", priority.name(), visible(rule));
        }
        if let Some(rest) = left_out(counts.len(), COUNTED_RULES, "rules") {
            let _ = writeln!(out, "          {rest}");
        }
        out.push('\n');
    }
    for alert in batch.iter().take(EXAMPLES) {
        let _ = writeln!(out, "{}", visible(&alert.output));
        for (name, value) in &alert.output_fields {
            let _ = writeln!(out, "    {} = {}", visible(name), visible(&plain(value)));
        }
        let _ = writeln!(out, "    alert {}\n", alert.id);
    }
    if let Some(rest) = left_out(batch.len(), EXAMPLES, "alerts") {
        let _ = writeln!(out, "{rest}");
    }
    out
}

fn html_body(batch: &[Arc<Alert>]) -> String {
    let mut out = String::from("<!DOCTYPE html><html><body style=\"font-family:sans-serif\">\n");
    if batch.len() > 1 {
        let counts = counts(batch);
        let _ = writeln!(out, "<p><b>{} alerts</b></p><table>", batch.len());
        for ((priority, rule), n) in counts.iter().take(COUNTED_RULES) {
            let (priority, rule) = (priority.name(), html(rule));
            let _ = writeln!(
                out,
                "<tr><td>{n}</td><td>{priority}</td><td>{rule}</td></tr>"
            );
        }
        out.push_str("</table>\n");
        if let Some(rest) = left_out(counts.len(), COUNTED_RULES, "rules") {
            let _ = writeln!(out, "<p>{rest}</p>");
        }
    }
    for alert in batch.iter().take(EXAMPLES) {
        let (priority, rule) = (alert.priority.name(), html(&alert.rule));
        let _ = writeln!(
            out,
            "<h3>{priority}: {rule}</h3><p>{}</p><table>",
            html(&alert.output)
        );
        for (name, value) in &alert.output_fields {
            let (name, value) = (html(name), html(&plain(value)));
            let _ = writeln!(out, "<tr><td>{name}</td><td><code>{value}</code></td></tr>");
        }
        let _ = writeln!(out, "</table><p><small>alert {}</small></p>", alert.id);
    }
    if let Some(rest) = left_out(batch.len(), EXAMPLES, "alerts") {
        let _ = writeln!(out, "<p>{rest}</p>");
    }
    out.push_str("</body></html>\n");
    out
}

/// A field's value without JSON's quotes.
fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => "(none)".to_owned(),
        other => other.to_string(),
    }
}
