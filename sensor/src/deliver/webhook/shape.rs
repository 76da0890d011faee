//! Bodies that chat services take.
//!
//! An alert comes in, the service's object leaves, within its bounds. Every value
//! stands in JSON by a JSON writer and is text there: what a process is called can
//! neither end the object nor mention a person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::alert::{Alert, Priority};
use crate::deliver::text::{shortened, visible};

/// Whose object a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A message to Slack's incoming webhooks, or Mattermost's.
    Slack,
    /// An adaptive card to a workflow of Microsoft Teams.
    Teams,
    /// An embed to Discord's webhooks.
    Discord,
}

impl Shape {
    /// The alert in this shape.
    pub(super) fn of(self, alert: &Alert) -> Value {
        match self {
            Self::Slack => slack(alert),
            Self::Teams => teams(alert),
            Self::Discord => discord(alert),
        }
    }
}

/// What is shown of an alert everywhere, in this order.
fn facts(alert: &Alert) -> Vec<(&'static str, String)> {
    let tags: Vec<&str> = alert.tags.iter().map(|tag| &**tag).collect();
    let facts = [
        ("Priority", alert.priority.name().to_owned()),
        ("Host", visible(&alert.hostname)),
        ("Source", visible(&alert.source)),
        ("Tags", visible(&tags.join(", "))),
        ("Id", alert.id.to_string()),
    ];
    let shown = facts.into_iter().filter(|(_, value)| !value.is_empty());
    shown
        .map(|(name, value)| (name, shortened(&value, 500)))
        .collect()
}

fn rgb(priority: Priority) -> u32 {
    match priority {
        Priority::Emergency | Priority::Alert | Priority::Critical => 0x00b7_1c1c,
        Priority::Error => 0x00e6_5100,
        Priority::Warning => 0x00f9_a825,
        Priority::Notice => 0x0015_65c0,
        Priority::Informational | Priority::Debug => 0x0075_7575,
    }
}

fn slack(alert: &Alert) -> Value {
    // Plain text knows neither links nor mentions.
    let plain = |text: &str, max| json!({"type": "plain_text", "text": shortened(text, max)});
    let fields: Value = facts(alert)
        .iter()
        .map(|(name, value)| plain(&format!("{name}: {value}"), 2000))
        .collect();
    let escaped = |text: &str| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        text.replace('>', "&gt;")
    };
    json!({
        "text": escaped(&shortened(&visible(&alert.rule), 200)),
        "attachments": [{
            "color": format!("#{:06x}", rgb(alert.priority)),
            "blocks": [
                {"type": "header", "text": plain(&visible(&alert.rule), 150)},
                {"type": "section", "text": plain(&visible(&alert.message), 3000)},
                {"type": "section", "fields": fields},
            ],
        }],
    })
}

fn teams(alert: &Alert) -> Value {
    // A text block reads some Markdown; facts and rich text runs read less, and
    // runs none.
    let run = |text: &str, max| {
        json!({"type": "RichTextBlock", "inlines": [
            {"type": "TextRun", "text": shortened(&visible(text), max)},
        ]})
    };
    let facts: Value = facts(alert)
        .iter()
        .map(|(name, value)| json!({"title": name, "value": value}))
        .collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    run(&alert.rule, 200),
                    run(&alert.message, 5000),
                    {"type": "FactSet", "facts": facts},
                ],
            },
        }],
    })
}

fn discord(alert: &Alert) -> Value {
    // A backslash before each character that Discord's Markdown reads.
    let plain = |text: &str, max| {
        let text = shortened(&visible(text), max);
        let special = |c: char| "\\*_~`|>[]()#<@:-".contains(c);
        let escape = |c: char| special(c).then_some('\\').into_iter().chain([c]);
        text.chars().flat_map(escape).collect::<String>()
    };
    let fields: Value = facts(alert)
        .iter()
        .map(|(name, value)| json!({"name": name, "value": plain(value, 500), "inline": true}))
        .collect();
    let time = jiff::Timestamp::from_nanosecond(i128::from(alert.time_ns)).unwrap_or_default();
    json!({
        // Nobody is to be called by what a process is called.
        "allowed_mentions": {"parse": []},
        "embeds": [{
            "title": plain(&alert.rule, 120),
            "description": plain(&alert.message, 1500),
            "color": rgb(alert.priority),
            "timestamp": time.to_string(),
            "fields": fields,
        }],
    })
}
