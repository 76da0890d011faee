//! An event written down field by field in, its fields as JSON out, which
//! [`Given`] takes; every mistake with its place.
//!
//! The type of a field says how its text is read: `5` is a number for
//! `proc.pid` and a text for `proc.name`. `null` means that the field has no
//! value, or takes one away from what the event is built on. Besides fields
//! there is one more key, `ancestors`: the parent and those above it, parent
//! first, from which every field about them follows.

use serde_json::{Map, Value as Json};

use super::reader::{INVALID, Reader};
use crate::diagnostic::Diagnostic;
use crate::events;
use crate::fields::given::{self, Given};
use crate::fields::{self, FieldRef, LookupError, Many, Type};
use crate::yaml::{self, Node, Value};

/// No field of that name.
const UNKNOWN_FIELD: &str = "EVENT_UNKNOWN_FIELD";
/// A value that the field cannot have.
const WRONG_VALUE: &str = "EVENT_WRONG_VALUE";
/// No event of that name.
const UNKNOWN_EVENT: &str = "EVENT_UNKNOWN_TYPE";

/// The key of the nested form.
const ANCESTORS: &str = "ancestors";
/// What is known of an ancestor: the word, the parent's field, all ancestors'.
const KINSHIP: [(&str, &str, &str); 5] = [
    ("name", "proc.pname", "proc.aname"),
    ("exe", "proc.pexe", "proc.aexe"),
    ("exepath", "proc.pexepath", "proc.aexepath"),
    ("cmdline", "proc.pcmdline", "proc.acmdline"),
    ("pid", "proc.ppid", "proc.apid"),
];

/// Fields with their values; `null` for those that have none.
pub type Fields = Map<String, Json>;

/// Bytes that the events of one file may come to. Every test has its event
/// whole, so a large one that others are like would fill any memory.
const MAX_BYTES: usize = 64 << 20;

/// What is left for the events of a file.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
    exceeded: bool,
}

/// There is nothing left: what to say of it, but only the first time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exceeded(pub(super) Option<&'static str>);

impl Default for Budget {
    fn default() -> Self {
        Self {
            left: MAX_BYTES,
            exceeded: false,
        }
    }
}

impl Budget {
    /// Takes what an event needs.
    pub(super) fn take(&mut self, event: &Fields) -> Result<(), Exceeded> {
        let cost = event.iter().map(|(name, value)| name.len() + cost(value));
        if let Some(left) = self.left.checked_sub(cost.sum()) {
            self.left = left;
            return Ok(());
        }
        let first = !std::mem::replace(&mut self.exceeded, true);
        let message = "the events of this file are too large, all together";
        Err(Exceeded(first.then_some(message)))
    }
}

/// About the bytes of a value.
fn cost(value: &Json) -> usize {
    const EACH: usize = 64;
    EACH + match value {
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(cost).sum(),
        Json::Object(entries) => entries.values().map(cost).sum(),
        Json::Null | Json::Bool(_) | Json::Number(_) => 0,
    }
}

/// `base` with the changes made; `null` takes a field away.
pub fn changed(base: &Fields, changes: &Fields) -> Fields {
    let mut event = base.clone();
    for (field, value) in changes {
        if value.is_null() {
            event.remove(field);
        } else {
            event.insert(field.clone(), value.clone());
        }
    }
    event
}

/// Reads an event from JSON or YAML, shown under `name` in what is wrong.
///
/// # Errors
/// Every mistake in it.
pub fn parse(name: &str, text: &str) -> Result<Fields, Vec<Diagnostic>> {
    // JSON escapes some characters in a way that YAML does not read, so what is
    // sound JSON is read as such. What is not is read again for its places.
    let strict = serde_json::from_str::<Fields>(text).ok();
    if let Some(fields) = strict.filter(is_sound) {
        return Ok(fields);
    }
    let (file, mistake) = yaml::source(name, text.as_bytes());
    if let Some(mistake) = mistake {
        return Err(vec![mistake]);
    }
    let documents = yaml::parse(&file).map_err(|mistake| vec![mistake])?;
    let mut found = Vec::new();
    let mut reader = Reader {
        file: &file,
        found: &mut found,
    };
    let fields = match documents.as_slice() {
        [] => Fields::new(),
        [event] => reader.event(event),
        [_, second, ..] => {
            reader.report(INVALID, "this is one event too many", second);
            Fields::new()
        }
    };
    if found.is_empty() {
        Ok(fields)
    } else {
        Err(found)
    }
}

/// Whether rules can be asked about these fields.
fn is_sound(fields: &Fields) -> bool {
    let name = fields.get("evt.type").and_then(Json::as_str);
    name.is_none_or(|name| events::by_name(name).is_some())
        && Given::from_json(&Json::Object(fields.clone())).is_ok()
}

impl Reader<'_> {
    /// The fields of an event. What is wrong in it is reported and left out.
    pub(super) fn event(&mut self, node: &Node) -> Fields {
        let mut event = Fields::new();
        if matches!(node.value, Value::Null) {
            return event;
        }
        let Some(keys) = self.keys(node, "an event") else {
            return event;
        };
        if let Some(node) = keys.get(ANCESTORS) {
            self.ancestors(node, &mut event);
        }
        for (name, key, value) in keys.entries() {
            if name == ANCESTORS {
                continue;
            }
            if let Some(json) = self.field(name, key, value) {
                event.insert(name.to_owned(), json);
            }
        }
        event
    }

    /// The value of one field.
    fn field(&mut self, name: &str, key: &Node, value: &Node) -> Option<Json> {
        let field = match given::field(name) {
            Ok(field) => field,
            Err(LookupError::Unknown { name }) => {
                let names = fields::names().chain([ANCESTORS]);
                let mistake =
                    Diagnostic::error(UNKNOWN_FIELD, format!("no field is named `{name}`"))
                        .at(self.place(key))
                        .suggest(&name, names);
                self.found.push(mistake);
                return None;
            }
            Err(error) => {
                self.report(UNKNOWN_FIELD, error.to_string(), key);
                return None;
            }
        };
        let json = typed(&field, value);
        let single = Map::from_iter([(name.to_owned(), json.clone())]);
        if let Err(message) = Given::from_json(&Json::Object(single)) {
            self.report(WRONG_VALUE, message, value);
            return None;
        }
        self.event_type(name, &json, value)?;
        Some(json)
    }

    /// Events of no known type would be seen by no rule.
    fn event_type(&mut self, field: &str, json: &Json, node: &Node) -> Option<()> {
        let name = json.as_str().filter(|_| field == "evt.type");
        let Some(name) = name.filter(|name| events::by_name(name).is_none()) else {
            return Some(());
        };
        let names = events::rows().iter().map(|row| row.name);
        let mistake = Diagnostic::error(UNKNOWN_EVENT, format!("no event is named `{name}`"))
            .at(self.place(node))
            .suggest(name, names);
        self.found.push(mistake);
        None
    }

    /// `ancestors: [bash, {name: sshd, exepath: /usr/sbin/sshd}]`, parent
    /// first, as the fields that follow from it.
    fn ancestors(&mut self, node: &Node, event: &mut Fields) {
        let items = match &node.value {
            Value::Null => &[],
            Value::Sequence(items) => items.as_slice(),
            _ => {
                let message = format!("`{ANCESTORS}` is a sequence, not {}", node.kind());
                self.report(INVALID, message, node)
                    .set_help("parent first, as in `ancestors: [bash, sshd]`");
                return;
            }
        };
        let known: Vec<Vec<(&str, &Node)>> = items.iter().map(|item| self.ancestor(item)).collect();
        for (word, parent, all) in KINSHIP {
            let values: Vec<Option<&Node>> = known
                .iter()
                .map(|facts| facts.iter().find(|(key, _)| *key == word))
                .map(|fact| fact.map(|(_, node)| *node))
                .collect();
            let given = values
                .iter()
                .rposition(Option::is_some)
                .map_or(0, |at| at + 1);
            if let Some(gap) = values.iter().take(given).position(Option::is_none) {
                let message = format!("this ancestor has no `{word}`, but one above it has");
                let at = items.get(gap).unwrap_or(node);
                self.report(INVALID, message, at);
                continue;
            }
            let all_values = values
                .iter()
                .flatten()
                .filter_map(|node| self.field(all, node, node));
            let all_values: Vec<Json> = all_values.collect();
            let first = all_values.first().and_then(|first| first.get(0)).cloned();
            let joined: Vec<Json> = all_values
                .into_iter()
                .filter_map(|one| one.get(0).cloned())
                .collect();
            let joined = if joined.is_empty() {
                Json::Null
            } else {
                Json::Array(joined)
            };
            event.insert(parent.to_owned(), first.unwrap_or(Json::Null));
            event.insert(all.to_owned(), joined);
        }
    }

    /// What is known of one ancestor: its name alone, or several things.
    fn ancestor<'n>(&mut self, node: &'n Node) -> Vec<(&'static str, &'n Node)> {
        if node.text().is_some() {
            return vec![("name", node)];
        }
        let Some(keys) = self.keys(node, "an ancestor") else {
            return Vec::new();
        };
        let words = KINSHIP.map(|(word, ..)| word);
        self.known_keys(&keys, &words, "an ancestor");
        let facts = words.into_iter().map(|word| (word, keys.get(word)));
        facts
            .filter_map(|(word, node)| Some((word, node?)))
            .collect()
    }
}

/// What a node says, read as the field's type wants it. What cannot be read
/// that way stays a text, which the field then refuses.
fn typed(field: &FieldRef, node: &Node) -> Json {
    match (&node.value, field.many()) {
        (Value::Null, _) => Json::Null,
        (Value::Sequence(items), _) => items
            .iter()
            .map(|item| single(field.field.ty, item))
            .collect(),
        (_, Many::One) => single(field.field.ty, node),
        _ => Json::Array(vec![single(field.field.ty, node)]),
    }
}

fn single(ty: Type, node: &Node) -> Json {
    match &node.value {
        Value::Scalar(text) => scalar(ty, text.as_str()),
        Value::Mapping(entries) => entries
            .iter()
            .filter_map(|(key, value)| {
                let text = value.text()?.as_str();
                Some((key.text()?.as_str().to_owned(), Json::from(text)))
            })
            .collect(),
        Value::Null | Value::Sequence(_) => Json::Null,
    }
}

fn scalar(ty: Type, text: &str) -> Json {
    let read = match ty {
        Type::Signed(_) => text.parse::<i64>().ok().map(Json::from),
        Type::Unsigned(_) | Type::AbsTime | Type::RelTime | Type::Port => {
            text.parse::<u64>().ok().map(Json::from)
        }
        Type::Bool => text.parse::<bool>().ok().map(Json::from),
        Type::Double => text.parse::<f64>().ok().map(Json::from),
        Type::Text | Type::Buffer | Type::Ip | Type::IpNet => None,
    };
    read.unwrap_or_else(|| Json::from(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        let found = parse("e", text).unwrap_err();
        let shown = found.iter().map(|mistake| {
            let place = mistake.place.as_ref().unwrap();
            let help = mistake.help.as_deref().unwrap_or_default();
            format!("{place} {}. {help}", mistake.message)
        });
        shown.collect()
    }

    #[test]
    fn the_type_of_a_field_says_how_its_text_is_read() {
        let event = "
evt.type: openat
proc.name: 5
proc.pid: '5'
evt.rawres: -2
evt.is_open_read: true
fd.port: 443
fd.types: [file, ipv4]
thread.cpu: 1.5
evt.buffer: {hex: 00ff}
proc.exe: ~
";
        let want = json!({
            "evt.type": "openat", "proc.name": "5", "proc.pid": 5, "evt.rawres": -2,
            "evt.is_open_read": true, "fd.port": [443], "fd.types": ["file", "ipv4"],
            "thread.cpu": 1.5, "evt.buffer": {"hex": "00ff"}, "proc.exe": null,
        });
        assert_eq!(Json::Object(parse("e", event).unwrap()), want);
    }

    #[test]
    fn json_is_read_as_json() {
        let text = r#"{"proc.name": "\ud83d\ude00\/", "proc.pid": 7}"#;
        assert_eq!(parse("e", text).unwrap()["proc.name"], "😀/");
    }

    #[test]
    fn what_is_known_of_ancestors_becomes_the_fields_about_them() {
        let event = "
ancestors:
  - {name: bash, cmdline: bash -i, pid: 9}
  - {name: sshd, cmdline: 'sshd: x'}
  - systemd
proc.pname: other
";
        let want = json!({
            "proc.pname": "other", "proc.aname": ["bash", "sshd", "systemd"],
            "proc.pcmdline": "bash -i", "proc.acmdline": ["bash -i", "sshd: x"],
            "proc.ppid": 9, "proc.apid": [9],
            "proc.pexe": null, "proc.aexe": null, "proc.pexepath": null, "proc.aexepath": null,
        });
        assert_eq!(Json::Object(parse("e", event).unwrap()), want);
    }

    #[test]
    fn every_mistake_is_told_at_its_place() {
        let event = "
proc.nmae: x
proc.pid: many
evt.type: opennat
ancestors: [bash, {exe: 1}, {nam: x}]
proc.aname[x]: y
proc.pid: 7
";
        let shown = mistakes(event);
        let wanted = [
            "e:5:30 an ancestor has no key `nam`. did you mean `name`?",
            "e:7:1 the key `proc.pid` stands twice. ",
            "e:5:13 this ancestor has no `exe`, but one above it has. ",
            "e:2:1 no field is named `proc.nmae`. did you mean `proc.name`?",
            "e:3:11 `proc.pid` cannot be \"many\": it wants a whole number. ",
            "e:4:11 no event is named `opennat`. did you mean `openat`?",
        ];
        for want in wanted {
            assert!(
                shown.iter().any(|shown| shown == want),
                "{want}: {shown:#?}"
            );
        }
        assert!(
            shown.iter().any(|shown| shown.starts_with("e:6:1 ")),
            "{shown:#?}"
        );
        assert_eq!(mistakes("{}\n---\n{}\n").len(), 1);
        assert_eq!(mistakes("- a\n").len(), 1);
    }

    #[test]
    fn large_events_are_refused_once() {
        let text = Json::from("x".repeat(15 << 20));
        let event = Fields::from_iter([("proc.name".to_owned(), text)]);
        let mut budget = Budget::default();
        let taken: Vec<_> = (0..6).map(|_| budget.take(&event)).collect();
        let Err(Exceeded(Some(_))) = &taken[4] else {
            panic!("{taken:?}");
        };
        assert_eq!((&taken[3], &taken[5]), (&Ok(()), &Err(Exceeded(None))));
    }

    #[test]
    fn changes_replace_and_take_away() {
        let base = parse("e", "proc.name: a\nproc.pid: 1\n").unwrap();
        let changes = parse("e", "proc.pid: ~\nproc.exe: b\n").unwrap();
        let want = json!({"proc.name": "a", "proc.exe": "b"});
        assert_eq!(Json::Object(changed(&base, &changes)), want);
    }
}
