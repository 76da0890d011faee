//! `-o key=value`: one key of the configuration set from the command line.
//!
//! Keys are dotted, elements of a sequence in brackets, an empty bracket
//! appends: `-o priority=warning`, `-o outputs[0].url=https://…`,
//! `-o rules_files[]=/etc/more.yaml`. The value is read as YAML, and as text
//! where it is none: `-o rules[].disable.rule=*`.

use std::sync::Arc;

use serde_json::Value as Json;
use serde_yaml::Value;

use super::check;
use crate::diagnostic::{Diagnostic, Place, SourceFile};

/// One step from a value to a value inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    Append,
}

/// Sets one key in `root`; gives the mistakes in `text`, in which case `root`
/// is left as it was.
pub(super) fn apply(root: &mut Value, text: &str, schema: &Json) -> Vec<Diagnostic> {
    // The value may be a secret, so only the key is shown.
    let key = text.split_once('=').map_or(text, |(key, _)| key);
    let mistake = |message: String, help: &str| mistake_in(key, message, help);
    let form = "write -o key=value, for example -o priority=warning";
    let Some((path, value)) = text.split_once('=') else {
        return mistake("an override has no `=`".to_owned(), form);
    };
    let Some(steps) = steps(path) else {
        return mistake(format!("`{path}` is not a key"), form);
    };
    let value: Value = match serde_yaml::from_str(value) {
        Ok(value) => value,
        // `*` names all rules, and is no YAML; so do not ask for quotes here.
        Err(_) if !value.starts_with(['[', '{', '"', '\'']) => Value::String(value.to_owned()),
        Err(error) => return mistake(format!("the value is not YAML: {error}"), form),
    };
    let mut candidate = root.clone();
    if let Err(why) = set(&mut candidate, &steps, value) {
        return mistake(why, "`sensor config` lists every key and its shape");
    }
    // The whole candidate is checked, so that a wrong key or type here is
    // found by the same schema as in a file.
    let shown = serde_yaml::to_string(&candidate).unwrap_or_default();
    let file = Arc::new(SourceFile {
        name: "<command line>".to_owned(),
        text: shown,
    });
    let wrong = check::check(&file, schema);
    if let Some(first) = wrong.into_iter().next() {
        return mistake(first.message, first.help.as_deref().unwrap_or(form));
    }
    *root = candidate;
    Vec::new()
}

/// A mistake, underlining all of what is shown of the override.
fn mistake_in(shown: &str, message: String, help: &str) -> Vec<Diagnostic> {
    let file = SourceFile::new("<command line>", shown);
    let place = Place::new(&file, 0..shown.len());
    vec![
        Diagnostic::error("CONFIG_OVERRIDE", message)
            .at(place)
            .help(help),
    ]
}

fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in path.trim().split('.') {
        let (name, brackets) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return None;
        }
        steps.push(Step::Key(name.to_owned()));
        for index in brackets.split_terminator(']') {
            let index = index.strip_prefix('[')?;
            steps.push(if index.is_empty() {
                Step::Append
            } else {
                Step::Index(index.parse().ok()?)
            });
        }
        if !(brackets.is_empty() || brackets.ends_with(']')) {
            return None;
        }
    }
    Some(steps)
}

fn set(at: &mut Value, steps: &[Step], value: Value) -> Result<(), String> {
    let Some((step, rest)) = steps.split_first() else {
        *at = value;
        return Ok(());
    };
    match step {
        Step::Key(key) => {
            if at.is_null() {
                *at = Value::Mapping(serde_yaml::Mapping::new());
            }
            let map = at
                .as_mapping_mut()
                .ok_or_else(|| format!("`{key}` is not inside a map"))?;
            let slot = map.entry(Value::String(key.clone())).or_insert(Value::Null);
            set(slot, rest, value)
        }
        Step::Append | Step::Index(_) => {
            if at.is_null() {
                *at = Value::Sequence(Vec::new());
            }
            let list = at
                .as_sequence_mut()
                .ok_or("brackets stand behind a key that is no list")?;
            let len = list.len();
            let index = if let Step::Index(index) = step {
                *index
            } else {
                len
            };
            if index == len {
                list.push(Value::Null);
            }
            let slot = list
                .get_mut(index)
                .ok_or_else(|| format!("the list has {len} elements, there is no [{index}]"))?;
            set(slot, rest, value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(yaml: &str, text: &str) -> Result<String, String> {
        let mut root: Value = serde_yaml::from_str(yaml).unwrap();
        let schema = super::super::schema();
        match apply(&mut root, text, &schema).first() {
            None => Ok(serde_yaml::to_string(&root).unwrap()),
            Some(diagnostic) => Err(diagnostic.message.clone()),
        }
    }

    #[test]
    fn a_key_is_set_deep_appended_or_made() {
        for (yaml, text, expect) in [
            ("", "priority=warning", "priority: warning\n"),
            (
                "capture: {ring_mib: 4}",
                "capture.ring_mib=8",
                "capture:\n  ring_mib: 8\n",
            ),
            (
                "rules_files: [a]",
                "rules_files[]=b",
                "rules_files:\n- a\n- b\n",
            ),
            (
                "rules_files: [a]",
                "rules_files[0]=b",
                "rules_files:\n- b\n",
            ),
            ("", "rules_files=[x, y]", "rules_files:\n- x\n- y\n"),
            (
                "",
                "rules[].disable.rule=*",
                "rules:\n- disable:\n    rule: '*'\n",
            ),
        ] {
            assert_eq!(applied(yaml, text).as_deref(), Ok(expect), "{text}");
        }
    }

    #[test]
    fn a_wrong_override_is_refused_with_a_reason() {
        for (text, expect) in [
            ("priority", "no `=`"),
            ("prioritty=debug", "prioritty"),
            ("rules_files[3]=x", "no [3]"),
            ("a..b=1", "is not a key"),
            ("priority[0]=x", "no list"),
            ("capture.ring_mib=many", "ring_mib"),
            ("rules_files[0=x", "is not a key"),
        ] {
            let why = applied("priority: debug", text).unwrap_err();
            assert!(why.contains(expect), "{text}: {why}");
        }
    }
}
