//! What a mail says, as text and as HTML.
//!
//! Alerts and notices come in, two texts with the same content leave. Both are
//! written from one list of blocks, so that neither tells more than the other.
//! Rule names and values are hostile: control characters become visible in both,
//! markup becomes text in the HTML, which is made of tables and inline styles,
//! for Outlook knows little else.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::alert::{Alert, Priority, utc};
use crate::deliver::text::{html, shortened, visible};

/// How many alerts a digest shows in full.
const EXAMPLES: usize = 20;
/// How many rules a digest counts by name.
const COUNTED_RULES: usize = 50;
/// How many fields of an alert are shown, and how much of each text, in characters.
const FIELDS: usize = 64;
const TEXT_CHARS: usize = 2000;

/// What a mail is about.
pub(super) struct Letter<'a> {
    /// Its alerts, never none.
    pub(super) alerts: &'a [&'a Alert],
    /// What there is to say of the limits.
    pub(super) notices: &'a [String],
}

/// A piece of a mail.
enum Block<'a> {
    Paragraph(String),
    /// How many alerts of which priority and rule.
    Counts(Vec<(usize, Priority, &'a str)>),
    Example(&'a Alert),
}

impl Letter<'_> {
    /// The most serious of its alerts' priorities.
    pub(super) fn priority(&self) -> Priority {
        let all = self.alerts.iter().map(|alert| alert.priority);
        all.min().unwrap_or(Priority::Debug)
    }

    /// The text part.
    pub(super) fn plain(&self) -> String {
        let mut out = String::new();
        for block in self.blocks() {
            block.plain(&mut out);
            out.push('\n');
        }
        out
    }

    /// The HTML part.
    pub(super) fn html(&self) -> String {
        let mut out = String::from(
            "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head>\n\
             <body style=\"font-family:Arial,sans-serif;font-size:14px;color:#202020\">\n",
        );
        for block in self.blocks() {
            block.html(&mut out);
        }
        out.push_str("</body></html>\n");
        out
    }

    fn blocks(&self) -> Vec<Block<'_>> {
        let notices = self.notices.iter().cloned().map(Block::Paragraph);
        let mut blocks: Vec<_> = notices.collect();
        if self.alerts.len() > 1 {
            self.count(&mut blocks);
        }
        let examples = self.alerts.iter().take(EXAMPLES);
        blocks.extend(examples.map(|alert| Block::Example(alert)));
        blocks.extend(left_out(self.alerts.len(), EXAMPLES, "alerts"));
        blocks
    }

    fn count<'a>(&'a self, blocks: &mut Vec<Block<'a>>) {
        let mut counts: BTreeMap<(Priority, &str), usize> = BTreeMap::new();
        for alert in self.alerts {
            *counts.entry((alert.priority, &*alert.rule)).or_default() += 1;
        }
        let times = || self.alerts.iter().map(|alert| alert.time_ns);
        let first = times().min().unwrap_or_default();
        let last = times().max().unwrap_or_default();
        blocks.push(Block::Paragraph(format!(
            "{} alerts from {} to {}:",
            self.alerts.len(),
            clock(first / 1_000_000),
            clock(last / 1_000_000)
        )));
        let rules = counts.len();
        let rows = counts.into_iter().take(COUNTED_RULES);
        let rows = rows.map(|((priority, rule), n)| (n, priority, rule));
        blocks.push(Block::Counts(rows.collect()));
        blocks.extend(left_out(rules, COUNTED_RULES, "rules"));
    }
}

/// The sentence for what a list leaves out, if it does.
fn left_out(total: usize, shown: usize, what: &str) -> Option<Block<'static>> {
    let words = || Block::Paragraph(format!("and {} more {what}", total - shown));
    (total > shown).then(words)
}

impl Block<'_> {
    fn plain(&self, out: &mut String) {
        match self {
            Self::Paragraph(text) => {
                let _ = writeln!(out, "{}", visible(text));
            }
            Self::Counts(rows) => {
                for (n, priority, rule) in rows {
                    let _ = writeln!(out, "{n:>8}  {:<13} {}", priority.name(), visible(rule));
                }
            }
            Self::Example(alert) => {
                let (priority, rule) = (alert.priority.name(), visible(&alert.rule));
                let _ = writeln!(out, "{priority}: {rule}\n{}", visible(&line(alert)));
                for (name, value) in fields(alert) {
                    let _ = writeln!(out, "    {} = {}", visible(name), visible(&value));
                }
                let _ = writeln!(out, "    alert {}", alert.id);
            }
        }
    }

    fn html(&self, out: &mut String) {
        match self {
            Self::Paragraph(text) => {
                let _ = writeln!(out, "<p>{}</p>", html(text));
            }
            Self::Counts(rows) => {
                out.push_str("<table cellpadding=\"4\" cellspacing=\"0\" border=\"0\">\n");
                for (n, priority, rule) in rows {
                    let (colour, rule) = (colour(*priority), html(rule));
                    let _ = writeln!(
                        out,
                        "<tr><td bgcolor=\"{colour}\" width=\"6\"></td><td align=\"right\">{n}</td>\
                         <td>{}</td><td>{rule}</td></tr>",
                        priority.name()
                    );
                }
                out.push_str("</table>\n");
            }
            Self::Example(alert) => example(alert, out),
        }
    }
}

/// One alert in HTML: a bar in the colour of its priority, and a row a field.
fn example(alert: &Alert, out: &mut String) {
    const CODE: &str = "font-family:Consolas,monospace;font-size:13px;word-break:break-all";
    let colour = colour(alert.priority);
    let _ = writeln!(
        out,
        "<table cellpadding=\"4\" cellspacing=\"0\" border=\"0\" width=\"100%\" \
         style=\"margin-top:16px\">\n<tr><td bgcolor=\"{colour}\" colspan=\"2\" \
         style=\"color:#ffffff\"><b>{}: {}</b></td></tr>\n\
         <tr><td colspan=\"2\" style=\"{CODE}\">{}</td></tr>",
        alert.priority.name(),
        html(&alert.rule),
        html(&line(alert))
    );
    for (name, value) in fields(alert) {
        let (name, value) = (html(name), html(&value));
        let _ = writeln!(
            out,
            "<tr><td valign=\"top\">{name}</td><td style=\"{CODE}\">{value}</td></tr>"
        );
    }
    let _ = writeln!(
        out,
        "<tr><td colspan=\"2\"><small>alert {}</small></td></tr>\n</table>",
        alert.id
    );
}

/// A colour that white text is readable on.
fn colour(priority: Priority) -> &'static str {
    match priority {
        Priority::Emergency | Priority::Alert | Priority::Critical => "#a4001d",
        Priority::Error => "#b45309",
        Priority::Warning => "#8a6d00",
        Priority::Notice | Priority::Informational | Priority::Debug => "#44546a",
    }
}

fn line(alert: &Alert) -> String {
    shortened(&alert.output, TEXT_CHARS)
}

/// An alert's fields and their values without JSON's quotes.
fn fields(alert: &Alert) -> impl Iterator<Item = (&str, String)> {
    let shown = alert.output_fields.iter().take(FIELDS);
    shown.map(|(name, value)| {
        let value = match value {
            Value::String(text) => shortened(text, TEXT_CHARS),
            Value::Null => "(none)".to_owned(),
            other => shortened(&other.to_string(), TEXT_CHARS),
        };
        (name.as_str(), value)
    })
}

/// Milliseconds since the Unix epoch as a person writes them.
pub(super) fn clock(ms: u64) -> String {
    let time = utc(ms.saturating_mul(1_000_000), "");
    let seconds = time.split('.').next().unwrap_or_default();
    format!("{} UTC", seconds.replace('T', " "))
}
