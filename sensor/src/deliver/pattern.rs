//! Names made from an alert: an index, a topic, a routing key.
//!
//! A text such as `sensor/{host}/{priority}` comes in with the configuration; for
//! each alert the text with its values filled in leaves. Values come from whoever
//! acted, so each receiver cleans them of what means something in its names.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::alert::Alert;

/// What stands for a value the alert does not have: a name may not be empty.
const NONE: &str = "none";

/// A text with values of the alert in braces: `{rule}`, `{priority}`, `{source}`,
/// `{host}`, `{uuid}`, or a field such as `{container.name}`; `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(String),
}

impl Pattern {
    /// Reads a pattern as a person writes it; the error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = vec![Part::Text(String::new())];
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '{' | '}' if rest.peek() == Some(&c) => {
                    rest.next();
                    push(&mut parts, c);
                }
                '{' => parts.push(Part::Value(name(&mut rest, text)?)),
                '}' => return Err(format!("`{text}` has a `}}` that closes nothing")),
                c if c.is_control() => {
                    return Err(format!(
                        "`{}` holds control characters",
                        text.escape_debug()
                    ));
                }
                c => push(&mut parts, c),
            }
        }
        parts.retain(|part| *part != Part::Text(String::new()));
        if parts.is_empty() {
            return Err("it is empty".to_owned());
        }
        let text = text.to_owned();
        Ok(Self { text, parts })
    }

    /// The pattern of a default; what is no pattern is plain text.
    pub(crate) fn preset(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|_| Self {
            text: text.to_owned(),
            parts: vec![Part::Text(text.to_owned())],
        })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is the same for every alert.
    pub(crate) fn is_fixed(&self) -> bool {
        let fixed = |part: &Part| matches!(part, Part::Text(_));
        self.parts.iter().all(fixed)
    }

    /// Whether it names no other values than these.
    pub(crate) fn names_only(&self, known: &[&str]) -> bool {
        self.parts.iter().all(|part| match part {
            Part::Text(_) => true,
            Part::Value(name) => known.contains(&name.as_str()),
        })
    }

    /// Whether it names a field of the event, which the alert's evidence may hold.
    pub(crate) fn names_fields(&self) -> bool {
        self.parts.iter().any(|part| match part {
            Part::Text(_) => false,
            Part::Value(name) => name.contains('.'),
        })
    }

    /// The text for this alert; each value goes through `clean` first. What the alert
    /// does not have, or what `clean` leaves nothing of, is `none`.
    pub(crate) fn fill(&self, alert: &Alert, clean: impl Fn(&str) -> String) -> String {
        self.fill_by(|name| value(alert, name), clean)
    }

    /// The same without an alert, of a pattern that names the host alone.
    #[cfg(feature = "mqtt")]
    pub(crate) fn fill_host(&self, host: &str, clean: impl Fn(&str) -> String) -> String {
        self.fill_by(|name| (name == "host").then(|| host.into()), clean)
    }

    fn fill_by<'v>(
        &self,
        value: impl Fn(&str) -> Option<Cow<'v, str>>,
        clean: impl Fn(&str) -> String,
    ) -> String {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Value(name) => {
                    let value = value(name).map(|value| clean(&value));
                    let value = value.filter(|value| !value.is_empty());
                    filled.push_str(value.as_deref().unwrap_or(NONE));
                }
            }
        }
        filled
    }
}

fn push(parts: &mut Vec<Part>, c: char) {
    if let Some(Part::Text(text)) = parts.last_mut() {
        text.push(c);
    } else {
        parts.push(Part::Text(c.into()));
    }
}

/// What stands before the closing brace.
fn name(rest: &mut impl Iterator<Item = char>, text: &str) -> Result<String, String> {
    let mut name = String::new();
    for c in rest {
        if c == '}' {
            return if is_known(&name) {
                Ok(name)
            } else {
                Err(format!(
                    "`{{{name}}}` in `{text}` is no value of an alert: use rule, priority, \
                     source, host, uuid or a field such as container.name"
                ))
            };
        }
        name.push(c);
    }
    Err(format!("`{text}` has a `{{` that is not closed"))
}

fn is_known(name: &str) -> bool {
    let is_field = |name: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._[]".contains(c);
        name.contains('.') && name.chars().all(fits)
    };
    matches!(name, "rule" | "priority" | "source" | "host" | "uuid") || is_field(name)
}

fn value<'a>(alert: &'a Alert, name: &str) -> Option<Cow<'a, str>> {
    Some(match name {
        "rule" => (&*alert.rule).into(),
        "priority" => alert.priority.name().into(),
        "source" => (&*alert.source).into(),
        "host" => (&*alert.hostname).into(),
        "uuid" => alert.id.to_string().into(),
        field => {
            let found = alert.output_fields.get(field);
            match found.or_else(|| alert.evidence.get(field))? {
                Value::Null => return None,
                Value::String(text) => text.into(),
                other => other.to_string().into(),
            }
        }
    })
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for Pattern {
    fn schema_name() -> Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 1,
            "description": "A text with values of the alert in braces: `{rule}`, `{priority}`, `{source}`, `{host}`, `{uuid}`, or a field such as `{container.name}`.",
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::alert::Priority;

    /// An alert with a field of every kind.
    pub(crate) fn alert() -> Alert {
        let fields = serde_json::json!({"proc.name": "a/+#b", "proc.tty": 7, "fd.name": null});
        Alert {
            id: uuid::Uuid::nil(),
            time_ns: 0,
            rule: "Shell in container".into(),
            priority: Priority::Critical,
            source: "syscall".into(),
            tags: [].into(),
            hostname: "node1".into(),
            message: String::new(),
            output: String::new(),
            output_fields: fields.as_object().unwrap().clone(),
            evidence: serde_json::Map::from_iter([("user.name".into(), "root".into())]),
            pid: 1,
            in_command_tree: false,
            outputs: crate::alert::Outputs::default(),
            json: crate::alert::JsonOptions::default(),
        }
    }

    #[test]
    fn values_are_filled_in_and_cleaned() {
        let clean = |value: &str| value.replace(['/', '+', '#'], "");
        for (pattern, expected) in [
            ("plain", "plain"),
            ("s/{host}/{priority}", "s/node1/Critical"),
            ("{rule}{source}", "Shell in containersyscall"),
            ("{proc.name}-{proc.tty}-{user.name}", "ab-7-root"),
            ("{fd.name}.{k8s.ns.name}", "none.none"),
            ("{{{host}}}", "{node1}"),
            ("{uuid}", "00000000-0000-0000-0000-000000000000"),
        ] {
            let read = Pattern::parse(pattern).unwrap();
            assert_eq!(read.fill(&alert(), clean), expected, "{pattern}");
            assert_eq!(read.as_str(), pattern);
            assert_eq!(read.is_fixed(), pattern == "plain");
            assert_eq!(read.names_fields(), pattern.contains('.'), "{pattern}");
        }
        let emptied = Pattern::preset("{host}");
        assert_eq!(emptied.fill(&alert(), |_| String::new()), "none");
    }

    #[test]
    fn what_cannot_be_filled_is_refused_and_named() {
        for (pattern, told) in [
            ("", "empty"),
            ("{", "not closed"),
            ("{host", "not closed"),
            ("a}", "closes nothing"),
            ("{hots}", "{hots}"),
            ("{}", "{}"),
            ("{proc name.x}", "no value"),
            ("a\nb", "control characters"),
        ] {
            let why = Pattern::parse(pattern).unwrap_err();
            assert!(why.contains(told), "{pattern}: {why}");
        }
    }
}
