//! One case of a checklist in, what comes of it out.
//!
//! A case is a line of JSON: a condition or an output format, the lists and
//! macros it uses, an event, and perhaps what must come of it. Whatever is in
//! it goes the way of a user's rule: YAML in, through the loader, to a verdict
//! or an alert.

use std::fmt;
use std::marker::PhantomData;

use jiff::tz::TimeZone;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value as Json, json};

use crate::alert::{Alert, AlertOptions, Composer, JsonOptions, Occurrence};
use crate::detect::rules::{LoadOptions, Rule, load_texts};
use crate::diagnostic::{Diagnostic, Severity};
use crate::enrich::host::Host;
use crate::fields::given::Given;

/// When an event happens that does not say so: 22:13:20 in UTC.
pub const TIME_NS: u64 = 1_700_000_000_123_456_789;
/// The machine that it happens on.
pub const HOSTNAME: &str = "host1";
/// What comes of a condition or format that is none.
const LOAD_ERROR: &str = "load_error";

/// A case as it is written; keys that are not here are remarks.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// Its name; the number of its line when it has none.
    pub id: Option<String>,
    /// The condition; or `format`.
    condition: Option<String>,
    /// The output format; or `condition`.
    format: Option<String>,
    /// Lists, each seeing those before it.
    #[serde(default)]
    lists: Ordered<Vec<String>>,
    /// Macros, each seeing those before it.
    #[serde(default)]
    macros: Ordered<String>,
    /// Fields with their values.
    #[serde(default)]
    event: Json,
    /// What must come of it.
    pub expect: Option<Json>,
    /// Of a format: the alert as a JSON object instead of a line.
    #[serde(default)]
    json: bool,
    /// Of a format: times in ISO 8601.
    #[serde(default)]
    iso: bool,
    /// Of a format: `message` stands in the JSON object.
    #[serde(default)]
    message: bool,
    /// Of a format: further entries of `output_fields`, each a text and whether
    /// it is a field's name.
    #[serde(default)]
    extra: Ordered<(String, bool)>,
}

/// What came of a case, as it is printed.
#[derive(Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The case.
    pub id: String,
    /// true, false, an alert, or `load_error`; `null` when it could not be tried.
    pub result: Json,
    /// What must come of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Json>,
    /// Whether the two are one; true when nothing was expected.
    pub ok: bool,
    /// What is wrong with the condition, the format or the case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Mistake>,
}

/// Something that is wrong.
#[derive(Debug, PartialEq, Serialize)]
pub struct Mistake {
    /// Its code.
    pub code: String,
    /// What it is.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A map in the order it was written.
#[derive(Debug)]
struct Ordered<T>(Vec<(String, T)>);

/// What `line` (counted from 1) comes to.
pub fn try_line(text: &str, line: usize) -> Verdict {
    let case: Case = match serde_json::from_str(text) {
        Ok(case) => case,
        Err(error) => {
            let message = format!("this is no case: {error}");
            return Verdict::impossible(line.to_string(), None, message);
        }
    };
    let id = case.id.clone().unwrap_or_else(|| line.to_string());
    let event = match &case.event {
        Json::Null => Ok(Given::default()),
        event => Given::from_json(event),
    };
    let (result, errors) = match (&event, &case.condition, &case.format) {
        (Err(why), ..) => return Verdict::impossible(id, case.expect, why.clone()),
        (Ok(event), Some(condition), None) => case.condition(condition, event),
        (Ok(event), None, Some(format)) => case.output(format, event),
        _ => {
            let why = "a case has a `condition` or a `format`".to_owned();
            return Verdict::impossible(id, case.expect, why);
        }
    };
    Verdict {
        id,
        ok: case.expect.as_ref().is_none_or(|expect| *expect == result),
        result,
        expect: case.expect,
        errors,
    }
}

impl Verdict {
    fn impossible(id: String, expect: Option<Json>, message: String) -> Self {
        Self {
            id,
            result: Json::Null,
            expect,
            ok: false,
            errors: vec![Mistake {
                code: "CASE_INVALID".to_owned(),
                message,
                help: None,
            }],
        }
    }
}

impl Case {
    fn condition(&self, condition: &str, event: &Given) -> (Json, Vec<Mistake>) {
        let rule = json!({
            "rule": "R", "desc": "d", "priority": "NOTICE", "output": "o",
            "condition": condition,
        });
        match self.load(&rule) {
            Ok(rule) => (rule.condition.matches(event).into(), Vec::new()),
            Err(mistakes) => (LOAD_ERROR.into(), mistakes),
        }
    }

    fn output(&self, format: &str, event: &Given) -> (Json, Vec<Mistake>) {
        let rule = json!({
            "rule": "R", "desc": "d", "priority": "NOTICE", "tags": ["t2", "t1"],
            "condition": "evt.num > 0", "output": format,
        });
        let mut rule = match self.load(&rule) {
            Ok(rule) => rule,
            Err(mistakes) => return (LOAD_ERROR.into(), mistakes),
        };
        for (key, (text, typed)) in &self.extra.0 {
            let added = match text.strip_prefix('%').filter(|_| *typed) {
                Some(field) => rule.output.export_field(field),
                None => rule.output.export_text(key, text),
            };
            if let Err(error) = added {
                let mistake = Mistake {
                    code: "LOAD_ERR_COMPILE_OUTPUT".to_owned(),
                    message: error.message,
                    help: error.help,
                };
                return (LOAD_ERROR.into(), vec![mistake]);
            }
        }
        let alert = self.alert(&rule, event);
        if !self.json {
            return (alert.output.into(), Vec::new());
        }
        let mut object = alert.to_json();
        // What makes an alert unique is ours alone, and no two are alike in it.
        object.remove("uuid");
        (Json::Object(object), Vec::new())
    }

    fn alert(&self, rule: &Rule, event: &Given) -> Alert {
        let host = Host {
            name: HOSTNAME.to_owned(),
            ..Host::default()
        };
        let options = AlertOptions {
            iso_8601: self.iso,
            json: JsonOptions {
                message: self.message,
                ..JsonOptions::default()
            },
            ..AlertOptions::default()
        };
        let occurrence = Occurrence {
            number: 1,
            time_ns: Some(event.time_ns())
                .filter(|time| *time > 0)
                .unwrap_or(TIME_NS),
            ..Occurrence::default()
        };
        Composer::new(&host, options)
            .in_zone(TimeZone::UTC)
            .compose_from(rule, event, &occurrence)
    }

    /// The rule with the case's lists and macros. JSON is YAML, so all texts
    /// are written as JSON strings.
    fn load(&self, rule: &Json) -> Result<Rule, Vec<Mistake>> {
        let lists = self.lists.0.iter();
        let lists = lists.map(|(name, items)| json!({"list": name, "items": items}));
        let macros = self.macros.0.iter();
        let macros = macros.map(|(name, text)| json!({"macro": name, "condition": text}));
        let items = lists.chain(macros).chain([rule.clone()]);
        let items: Vec<String> = items.map(|item| format!("- {item}\n")).collect();
        let file = items.concat();
        let loaded = load_texts(&[("case", file.as_bytes())], &LoadOptions::default());
        let rules = loaded.map_err(mistakes)?.rules.rules;
        let rule = rules
            .into_iter()
            .next()
            .and_then(std::sync::Arc::into_inner);
        rule.ok_or_else(Vec::new)
    }
}

fn mistakes(found: Vec<Diagnostic>) -> Vec<Mistake> {
    let errors = found.into_iter();
    errors
        .filter(|found| found.severity == Severity::Error)
        .map(|found| Mistake {
            code: found.code.to_owned(),
            message: found.message,
            help: found.help,
        })
        .collect()
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_unit<E>(self) -> Result<Ordered<T>, E> {
                Ok(Ordered::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }

        deserializer.deserialize_any(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        serde_json::to_string(&try_line(line, 7)).unwrap()
    }

    #[test]
    fn a_case_comes_to_a_verdict() {
        for (line, want) in [
            (
                r#"{"id": "C1", "condition": "proc.pid = 1", "event": {"proc.pid": 1}, "expect": true}"#,
                r#"{"id":"C1","result":true,"expect":true,"ok":true}"#,
            ),
            (
                r#"{"condition": "m", "lists": {"l": ["1", "2"]}, "macros": {"m": "proc.pid in (l)"}, "event": {"proc.pid": 3}}"#,
                r#"{"id":"7","result":false,"ok":true}"#,
            ),
            (
                r#"{"id": "C2", "condition": "proc.pid = 1", "expect": true}"#,
                r#"{"id":"C2","result":false,"expect":true,"ok":false}"#,
            ),
            (
                r#"{"id": "C3", "condition": "proc.pdi = 1", "expect": "load_error"}"#,
                r#"{"id":"C3","result":"load_error","expect":"load_error","ok":true,"errors":[{"code":"LOAD_ERR_COMPILE_CONDITION","message":"no field is named `proc.pdi`","help":"did you mean `proc.pid`?"}]}"#,
            ),
            (
                r#"{"id": "O1", "format": "by %proc.name", "event": {"proc.name": "sh"}}"#,
                r#"{"id":"O1","result":"22:13:20.123456789: Notice by sh","ok":true}"#,
            ),
        ] {
            assert_eq!(shown(line), want, "{line}");
        }
    }

    #[test]
    fn macros_are_read_in_their_order() {
        let line = r#"{"condition": "b", "macros": {"z": "proc.pid = 1", "b": "z"}, "event": {"proc.pid": 1}}"#;
        assert_eq!(try_line(line, 1).result, true);
        let line = r#"{"condition": "b", "macros": {"b": "z", "z": "proc.pid = 1"}}"#;
        assert_eq!(try_line(line, 1).result, "load_error");
    }

    #[test]
    fn what_is_no_case_fails() {
        for (line, want) in [
            ("{", "this is no case: "),
            ("{}", "a case has a `condition` or a `format`"),
            (
                r#"{"condition": "evt.num = 1", "event": {"proc.pid": "x"}}"#,
                "`proc.pid` cannot be \"x\"",
            ),
            (
                r#"{"condition": "a", "format": "b"}"#,
                "a case has a `condition` or a `format`",
            ),
        ] {
            let verdict = try_line(line, 1);
            assert!(
                !verdict.ok && verdict.errors[0].message.starts_with(want),
                "{line}: {verdict:?}"
            );
        }
    }
}
