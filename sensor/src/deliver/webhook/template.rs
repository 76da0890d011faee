//! A request's body as a person wrote it, with the alert's values put in.
//!
//! A template comes in, checked by rendering alerts full of what an attacker would
//! put into a name; for each batch its body leaves, or why there is none. In JSON a
//! value inside quotes is escaped for there, and outside of them stands by `| tojson`
//! only, so that no value can end its string or begin a key: what is not valid JSON
//! is never sent. Work and size of a body are bounded.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};
use serde::de::IgnoredAny;
use serde_json::json;
use uuid::Uuid;

use crate::alert::{self, Alert, JsonOptions, Outputs, Priority};
use crate::deliver::format::Format;
use crate::deliver::text;

/// The template's name within its environment.
const NAME: &str = "body";
/// What one body may cost: as many instructions, or 64 bytes each.
const FUEL: u64 = 500_000;
/// What stands in every text of a sample: it ends a careless string in any language.
const HOSTILE: &str = "a\"b\\c\n</d>&'é";

/// What a value must not be mistaken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// For `application/json` and the like.
    Json,
    /// For HTML and XML.
    Html,
    /// For plain text, which has no meaning to escape from.
    Nothing,
}

impl Escape {
    /// What this content type needs.
    pub(super) fn of(content_type: &str) -> Self {
        let kind = content_type.to_ascii_lowercase();
        if kind.contains("json") {
            Self::Json
        } else if kind.contains("html") || kind.contains("xml") {
            Self::Html
        } else {
            Self::Nothing
        }
    }
}

/// A template that renders.
pub(super) struct Template {
    environment: Environment<'static>,
    source: String,
    escape: Escape,
    format: Format,
    /// Whether a body holds several alerts.
    list: bool,
}

impl Template {
    /// Reads and tries a template; the error names the line.
    pub(super) fn new(
        source: &str,
        escape: Escape,
        format: Format,
        list: bool,
    ) -> Result<Self, String> {
        let mut template = Self {
            environment: environment(escape),
            source: source.to_owned(),
            escape,
            format,
            list,
        };
        let added = template
            .environment
            .add_template_owned(NAME, source.to_owned());
        added.map_err(|error| template.told(&error))?;
        for priority in Priority::ALL {
            template.try_on(&sample(priority))?;
        }
        Ok(template)
    }

    /// The body of these alerts, or why it cannot be made.
    pub(super) fn render(&self, batch: &[Arc<Alert>]) -> Result<Vec<u8>, String> {
        let alerts = batch.iter().map(|alert| self.values(alert, None));
        let body = self.rendered(alerts.collect());
        let body = body.map_err(|error| self.told(&error))?;
        self.valid(&body)
            .map_err(|error| format!("the template made no valid JSON of it: {error}"))?;
        Ok(body.into_bytes())
    }

    fn try_on(&self, alert: &Alert) -> Result<(), String> {
        let any = Value::from_object(AnyField);
        let body = match self.rendered(vec![self.values(alert, Some(any))]) {
            Ok(body) => body,
            // A field may be a number where the sample has a text.
            Err(error) if error.kind() == ErrorKind::InvalidOperation => return Ok(()),
            Err(error) => return Err(self.told(&error)),
        };
        self.valid(&body).map_err(|error| {
            format!(
                "template makes no valid JSON of a sample alert: {error} of the body; what does not \
                 stand in quotes needs `| tojson`"
            )
        })
    }

    fn rendered(&self, alerts: Vec<Value>) -> Result<String, Error> {
        let template = self.environment.get_template(NAME)?;
        let context = match (self.list, alerts.as_slice()) {
            (false, [alert]) => alert.clone(),
            _ => Value::from_pairs([("alerts", Value::from(alerts))]),
        };
        template.render(context)
    }

    fn valid(&self, body: &str) -> Result<(), serde_json::Error> {
        match self.escape {
            Escape::Json => serde_json::from_str::<IgnoredAny>(body).map(drop),
            Escape::Html | Escape::Nothing => Ok(()),
        }
    }

    /// What a template knows of an alert, by the names that patterns have too.
    fn values(&self, alert: &Alert, fields: Option<Value>) -> Value {
        let all = alert.evidence.iter().chain(&alert.output_fields);
        let fields = fields.unwrap_or_else(|| {
            let texts = all.map(|(name, value)| (name.clone(), Value::from(Serde(value))));
            Value::from_pairs(texts)
        });
        let known = json!({
            "uuid": alert.id.to_string(),
            "rule": alert.rule,
            "priority": alert.priority.name(),
            "source": alert.source,
            "host": alert.hostname,
            "tags": alert.tags,
            "message": alert.message,
            "output": alert.output,
            "time": alert::utc(alert.time_ns, "Z"),
            "time_ns": alert.time_ns,
            "alert": self.format.encode(alert),
        });
        let known = known.as_object().into_iter().flatten();
        let known = known.map(|(name, value)| (name.clone(), Value::from(Serde(value))));
        Value::from_pairs(known.chain([("fields".to_owned(), fields)]))
    }

    /// An error in words: the line, what stands there, what is wrong with it.
    fn told(&self, error: &Error) -> String {
        let line = error.line().unwrap_or(1);
        let code = self.source.lines().nth(line.saturating_sub(1));
        let code = text::shortened(&text::visible(code.unwrap_or_default().trim()), 80);
        let why = match error.detail() {
            Some(detail) => format!("{:?}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        let why = text::shortened(&text::visible(&why), 200);
        format!("template line {line}, `{code}`: {why}")
    }
}

fn environment(escape: Escape) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // Both would let a value stand as it is.
    environment.remove_filter("safe");
    environment.remove_filter("escape");
    environment.remove_filter("e");
    let mode = match escape {
        Escape::Json => AutoEscape::Custom("json".into()),
        Escape::Html => AutoEscape::Html,
        Escape::Nothing => AutoEscape::None,
    };
    environment.set_auto_escape_callback(move |_| mode.clone());
    if escape == Escape::Json {
        // Whatever `autoescape` blocks say.
        environment.set_formatter(json_text);
    }
    environment
}

/// Writes a value into JSON: a text without its quotes, which stand in the template.
fn json_text(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    match (value.kind(), value.as_str()) {
        (_, Some(json)) if value.is_safe() => out.write_str(json)?,
        (_, Some(text)) => {
            let quoted = serde_json::Value::from(text).to_string();
            let inner = quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            out.write_str(inner.unwrap_or_default())?;
        }
        (ValueKind::Number | ValueKind::Bool, _) => write!(out, "{value}")?,
        (ValueKind::None, _) => out.write_str("null")?,
        // What an `if` without its `else` gives; any other was an error before.
        (ValueKind::Undefined, _) => {}
        (kind, _) => {
            let why = format!("a value of type {kind} stands in JSON by `| tojson`");
            return Err(Error::new(ErrorKind::BadSerialization, why));
        }
    }
    Ok(())
}

/// The fields of a sample: it has every one.
#[derive(Debug)]
struct AnyField;

impl Object for AnyField {
    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::from(HOSTILE))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["proc.cmdline", "fd.name"])
    }
}

fn sample(priority: Priority) -> Alert {
    let fields = json!({"proc.cmdline": HOSTILE, "proc.pid": 1, "proc.tty": null});
    Alert {
        id: Uuid::nil(),
        time_ns: 0,
        rule: HOSTILE.into(),
        priority,
        source: HOSTILE.into(),
        tags: [HOSTILE.into(), HOSTILE.into()].into(),
        hostname: HOSTILE.into(),
        message: HOSTILE.to_owned(),
        output: HOSTILE.to_owned(),
        output_fields: fields.as_object().cloned().unwrap_or_default(),
        evidence: serde_json::Map::new(),
        pid: 1,
        in_command_tree: false,
        outputs: Outputs::default(),
        json: JsonOptions::default(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(source: &str) -> Result<Template, String> {
        Template::new(source, Escape::Json, Format::Falco, false)
    }

    fn named(rule: &str, command: &str) -> Arc<Alert> {
        let mut alert = sample(Priority::Notice);
        alert.rule = rule.into();
        alert.output_fields = serde_json::Map::from_iter([("proc.cmdline".into(), command.into())]);
        Arc::new(alert)
    }

    #[test]
    fn mistakes_are_found_at_the_start_with_their_line() {
        for (source, why) in [
            ("{\n\"a\": \"{{ rule! }}\"\n}", "line 2"),
            (
                "{\n\n\"a\": \"{{ rul }}\"}",
                "line 3, `\"a\": \"{{ rul }}\"}`: undefined value",
            ),
            ("{\"a\": \"{{ rule | nothing }}\"}", "filter"),
            ("{\"a\": {{ rule | safe }}}", "filter"),
            ("{\"a\": {{ rule }}}", "needs `| tojson`"),
            ("{\"a\": {{ fields['x'] }}}", "needs `| tojson`"),
            ("{\"a\": \"{{ fields }}\"}", "stands in JSON by `| tojson`"),
            ("{\"a\": \"{{ tags }}\"}", "stands in JSON by `| tojson`"),
            ("{\"a\": \"{{ tags | tojson }}\"}", "no valid JSON"),
            (
                "{% if priority == 'Error' %}{{ rule }}{% else %}1{% endif %}",
                "no valid JSON",
            ),
            (
                "{\"a\": \"{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}\"}",
                "fuel",
            ),
            ("{\"a\": \"{{ 'x' * 999999999 }}\"}", "fuel"),
            ("", "no valid JSON"),
        ] {
            let wrong = json(source).err().unwrap_or_else(|| panic!("{source}"));
            assert!(
                wrong.starts_with("template") && wrong.contains(why),
                "{source}: {wrong}"
            );
        }
    }

    #[test]
    fn a_missing_field_refuses_the_alert_with_words_unless_there_is_a_default() {
        let strict = json(r#"{"a": "{{ fields['fd.name'] }}"}"#).unwrap();
        let wrong = strict.render(&[named("r", "c")]).unwrap_err();
        assert!(
            wrong.contains("line 1") && wrong.contains("undefined"),
            "{wrong}"
        );
        let mild = json(r#"{"a": "{{ fields['fd.name'] | default('none') }}"}"#).unwrap();
        assert_eq!(
            mild.render(&[named("r", "c")]).unwrap(),
            br#"{"a": "none"}"#
        );
    }

    #[test]
    fn other_content_has_escapes_of_its_own_or_none() {
        for (kind, expected) in [
            ("text/html; charset=utf-8", "<b>&lt;i&gt;&amp;</b>"),
            ("text/plain", "<b><i>&</b>"),
        ] {
            let escape = Escape::of(kind);
            let template = Template::new("<b>{{ rule }}</b>", escape, Format::Falco, false);
            let body = template.unwrap().render(&[named("<i>&", "")]).unwrap();
            assert_eq!(String::from_utf8(body).unwrap(), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn no_value_can_leave_its_place(rule in any::<String>(), command in any::<String>()) {
            let source = r#"{"text": "{{ rule }}: {{ fields['proc.cmdline'] | upper }}",
                {% set both = rule ~ fields["proc.cmdline"] %}"both": "{{ both }}",
                {% set block %}<{{ rule }}>{% endset %}"block": "{{ block }}",
                {% autoescape false %}"raw": "{{ rule }}",{% endautoescape %}
                "joined": "{{ [rule, fields['proc.cmdline']] | join(', ') }}",
                "fields": {{ fields | tojson }}, "n": {{ time_ns }}}"#;
            let body = json(source).unwrap().render(&[named(&rule, &command)]).unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let upper = command.to_uppercase();
            prop_assert_eq!(&body, &json!({
                "text": format!("{rule}: {upper}"),
                "both": format!("{rule}{command}"),
                "block": format!("<{rule}>"),
                "raw": rule,
                "joined": format!("{rule}, {command}"),
                "fields": {"proc.cmdline": command},
                "n": 0,
            }));
        }
    }
}
