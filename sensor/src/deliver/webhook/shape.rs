//! Bodies that chat services take, and those of services for incidents.
//!
//! An alert comes in, the service's object leaves, within its bounds. Every value
//! stands in JSON by a JSON writer and is text there: what a process is called can
//! neither end the object nor mention a person.

mod incident;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::alert::{Alert, Priority};
use crate::deliver::common::Rest;
use crate::deliver::http::Reply;
use crate::deliver::secret::Secret;
use crate::deliver::text::{shortened, visible};

/// Most bytes of a message to Teams: its own bound of 28 KB counts more than our bytes.
const MAX_TEAMS_BYTES: usize = 21_000;

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
    /// An event to `PagerDuty`, `https://events.pagerduty.com/v2/enqueue`.
    Pagerduty,
    /// An alert to Opsgenie, `https://api.opsgenie.com/v2/alerts`.
    Opsgenie,
}

impl Shape {
    /// The alert in this shape, with the key that some have in it.
    pub(super) fn of(self, alert: &Alert, key: Option<&Secret>) -> Value {
        match self {
            Self::Slack => slack(alert),
            Self::Teams => teams(alert),
            Self::Discord => discord(alert),
            Self::Pagerduty => incident::pagerduty(alert, key),
            Self::Opsgenie => incident::opsgenie(alert),
        }
    }

    /// What an answer of 2xx means when it is not how the service takes an alert: some
    /// other server stands there.
    pub(super) fn doubt(self, reply: &Reply) -> Option<Rest> {
        let taken = match self {
            Self::Slack | Self::Teams | Self::Discord => return None,
            Self::Pagerduty => {
                let body = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default();
                reply.status == 202 && body.get("status").is_some_and(|word| word == "success")
            }
            Self::Opsgenie => reply.status == 202,
        };
        let why = format!("HTTP {}, but not as the service answers", reply.status);
        (!taken).then_some(Rest::Blocked(why))
    }
}

/// What is shown of an alert everywhere, in this order.
fn facts(alert: &Alert, max: usize) -> Vec<(&'static str, String)> {
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
        .map(|(name, value)| (name, shortened(&value, max)))
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
    let fields: Value = facts(alert, 500)
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
    // A character may take four bytes, or six where JSON escapes it.
    let sizes = [5000, 2500, 1200, 300].map(|max| teams_within(alert, max));
    let fits = |card: &&Value| card.to_string().len() <= MAX_TEAMS_BYTES;
    let card = sizes.iter().find(fits).or(sizes.last());
    card.cloned().unwrap_or_default()
}

/// A card whose message has at most `max` characters.
fn teams_within(alert: &Alert, max: usize) -> Value {
    // A text block reads some Markdown; facts and rich text runs read less, and
    // runs none.
    let run = |text: &str, max| {
        json!({"type": "RichTextBlock", "inlines": [
            {"type": "TextRun", "text": shortened(&visible(text), max)},
        ]})
    };
    let facts: Value = facts(alert, max.min(500))
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
                    run(&alert.message, max),
                    {"type": "FactSet", "facts": facts},
                ],
            },
        }],
    })
}

fn discord(alert: &Alert) -> Value {
    // A backslash before each character that Discord's Markdown reads. With all of
    // them escaped, an embed still has less than its 6000 characters.
    let plain = |text: &str, max| {
        let text = shortened(&visible(text), max);
        let special = |c: char| "\\*_~`|>[]()#<@:-".contains(c);
        let escape = |c: char| special(c).then_some('\\').into_iter().chain([c]);
        text.chars().flat_map(escape).collect::<String>()
    };
    let fields: Value = facts(alert, 200)
        .iter()
        .map(|(name, value)| json!({"name": name, "value": plain(value, 200), "inline": true}))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::alert::{JsonOptions, Outputs};
    use crate::deliver::secret::SecretRef;

    const ALL: [Shape; 5] = [
        Shape::Slack,
        Shape::Teams,
        Shape::Discord,
        Shape::Pagerduty,
        Shape::Opsgenie,
    ];

    fn alert(text: &str, priority: Priority) -> Alert {
        let fields = (0..40).map(|n| (format!("field.{n}"), text.into()));
        Alert {
            id: Uuid::nil(),
            time_ns: 1_795_224_447_123_456_789,
            rule: text.into(),
            priority,
            source: text.into(),
            tags: vec![text.into(); 40].into(),
            hostname: text.into(),
            message: text.to_owned(),
            output: text.to_owned(),
            output_fields: fields.collect(),
            evidence: serde_json::Map::new(),
            pid: 1,
            in_command_tree: false,
            outputs: Outputs::default(),
            json: JsonOptions::default(),
        }
    }

    fn length(value: &Value, pointer: &str) -> usize {
        value.pointer(pointer).map_or(0, characters)
    }

    fn characters(value: &Value) -> usize {
        value.as_str().map_or(0, |text| text.chars().count())
    }

    /// Every text in a value.
    fn texts<'a>(value: &'a Value, all: &mut Vec<&'a str>) {
        match value {
            Value::String(text) => all.push(text),
            Value::Array(list) => list.iter().for_each(|value| texts(value, all)),
            Value::Object(map) => map.values().for_each(|value| texts(value, all)),
            _ => {}
        }
    }

    /// What would make a service refuse this body, or show what is not meant to be.
    fn wrong(shape: Shape, body: &Value) -> Vec<&'static str> {
        let mut wrong = Vec::new();
        let mut must = |holds: bool, what| {
            if !holds {
                wrong.push(what);
            }
        };
        match shape {
            Shape::Slack => {
                let blocks = "/attachments/0/blocks";
                let of = |place: &str| length(body, &format!("{blocks}{place}"));
                must(of("/0/text/text") <= 150, "header");
                must(of("/1/text/text") <= 3000, "section");
                let fields = body.pointer(&format!("{blocks}/2/fields")).unwrap();
                let fields = fields.as_array().unwrap();
                let short = fields.iter().all(|field| length(field, "/text") <= 2000);
                must(short && fields.len() <= 10, "fields");
                let text = body["text"].as_str().unwrap();
                must(!text.contains(['<', '>']), "a mention");
            }
            Shape::Teams => must(body.to_string().len() <= 21_000, "28 KB"),
            Shape::Discord => {
                let embed = &body["embeds"][0];
                must(length(embed, "/title") <= 256, "title");
                must(length(embed, "/description") <= 4096, "description");
                let fields = embed["fields"].as_array().unwrap();
                let field = |field: &Value| (length(field, "/name"), length(field, "/value"));
                must(fields.iter().all(|it| field(it).1 <= 1024), "field");
                let sum = |(name, value): (usize, usize)| name + value;
                let all: usize = fields.iter().map(|it| sum(field(it))).sum();
                let title = length(embed, "/title") + length(embed, "/description");
                must(all + title <= 6000, "embed");
                must(body["allowed_mentions"]["parse"] == json!([]), "mentions");
            }
            Shape::Pagerduty => {
                must(length(body, "/dedup_key") == 64, "dedup_key");
                must(length(body, "/payload/summary") <= 1024, "summary");
                must(length(body, "/payload/source") > 0, "source");
                must(body.to_string().len() <= 512 * 1024, "512 KB");
            }
            Shape::Opsgenie => {
                must(length(body, "/message") <= 130, "message");
                must(length(body, "/alias") <= 512, "alias");
                must(length(body, "/description") <= 15_000, "description");
                let details = body["details"].as_object().unwrap();
                let size = |(name, value): (&String, &Value)| name.len() + characters(value);
                must(details.iter().map(size).sum::<usize>() <= 8000, "details");
                must(details.values().all(Value::is_string), "texts");
                let tags = body["tags"].as_array().unwrap();
                let short = tags.iter().all(|tag| characters(tag) <= 50);
                must(short && tags.len() <= 20, "tags");
            }
        }
        wrong
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_alert_is_too_much_for_a_service(
            seed in "([<>&@`*_\\\\\"\u{1f480}\u{202e}\u{1b}漢]|<!channel>|@everyone){0,12}",
            times in prop::sample::select(vec![0usize, 1, 50, 5000]),
            priority in prop::sample::select(Priority::ALL.to_vec()),
        ) {
            let alert = alert(&seed.repeat(times), priority);
            for shape in ALL {
                let body = shape.of(&alert, None);
                prop_assert_eq!(wrong(shape, &body), Vec::<&str>::new(), "{:?}", shape);
                let mut shown = Vec::new();
                texts(&body, &mut shown);
                let hidden = ['\u{202e}', '\u{1b}'];
                prop_assert!(shown.iter().all(|text| !text.contains(hidden)), "{:?}", shape);
            }
        }
    }

    #[test]
    fn alerts_of_one_program_are_one_incident() {
        let of = |field: &str, value: &str| {
            let mut alert = alert("rule", Priority::Error);
            alert.output_fields.insert(field.into(), value.into());
            Shape::Pagerduty.of(&alert, None)["dedup_key"].clone()
        };
        assert_eq!(of("proc.pid", "1"), of("proc.pid", "2"));
        assert_ne!(of("proc.exepath", "/bin/a"), of("proc.exepath", "/bin/b"));
        assert_ne!(of("container.id", "a"), of("container.id", "b"));
    }

    #[test]
    fn what_no_service_says_is_not_taken_for_its_word() {
        let reply = |status, body: &str| Reply {
            status,
            retry_after: None,
            body: body.into(),
            complete: true,
        };
        let good = r#"{"status": "success", "message": "Event processed", "dedup_key": "x"}"#;
        for (shape, status, body, taken) in [
            (Shape::Pagerduty, 202, good, true),
            (Shape::Pagerduty, 200, good, false),
            (Shape::Pagerduty, 202, "<html>", false),
            (Shape::Pagerduty, 202, "{}", false),
            (Shape::Opsgenie, 202, "{}", true),
            (Shape::Opsgenie, 200, "<html>", false),
            (Shape::Slack, 200, "ok", true),
        ] {
            let doubt = shape.doubt(&reply(status, body));
            assert_eq!(doubt.is_none(), taken, "{shape:?} {status} {body}");
        }
        let key = SecretRef::Env("PATH".into()).resolve().unwrap();
        let body = Shape::Pagerduty.of(&alert("rule", Priority::Error), Some(&key));
        assert_eq!(body["routing_key"], key.expose());
    }
}
