//! Mistakes of a configuration in, the same mistakes out, fit to be shown.
//!
//! A secret may stand where it does not belong: literally, under a misspelt
//! key, in an address. So of the lines a mistake is shown with, keys stay
//! readable and every value is starred but for two: the one the mistake points
//! at, unless it is a secret, and the `type` of an output. Places stay what they were.

use std::ops::Range;
use std::sync::Arc;

use super::check::SECRET;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::yaml::traced::Traced;
use crate::yaml::{self, Node, Value};

/// Stars out what the mistakes in `file` need not show.
pub(super) fn hide_values(file: &Arc<SourceFile>, mistakes: &mut [Diagnostic]) {
    if mistakes.is_empty() {
        return;
    }
    let values = match yaml::parse(file) {
        Ok(documents) => {
            let mut values = Vec::new();
            for document in &documents {
                collect(document, &mut values);
            }
            values
        }
        Err(_) => values_by_line(&file.text),
    };
    let hidden = starred(file, values.iter());
    for mistake in mistakes {
        let secret = mistake.code == SECRET;
        // An override shows no value to begin with.
        let place = mistake.place.as_mut();
        let Some(place) = place.filter(|place| Arc::ptr_eq(&place.file, file)) else {
            continue;
        };
        // The lines of a whole block would only be stars.
        let line = file.text.get(place.range.clone()).unwrap_or_default();
        if let Some(end) = line.find('\n') {
            place.range.end = place.range.start + end;
        }
        place.file = if !secret && values.contains(&place.range) {
            starred(file, values.iter().filter(|value| **value != place.range))
        } else {
            Arc::clone(&hidden)
        };
    }
}

/// The scalars below a node, keys and types of outputs aside.
fn collect(node: &Node, values: &mut Vec<Range<usize>>) {
    match &node.value {
        Value::Scalar(_) => values.push(node.range.clone()),
        Value::Null => {}
        Value::Sequence(items) => items.iter().for_each(|item| collect(item, values)),
        Value::Mapping(entries) => {
            for (key, value) in entries {
                if key.text().map(Traced::as_str) != Some("type") {
                    collect(value, values);
                }
            }
        }
    }
}

/// What may be a value in a text that is no YAML: all behind a line's first colon.
fn values_by_line(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut values = Vec::new();
    for line in text.split_inclusive('\n') {
        let value = line.find(':').map_or(0, |colon| colon + 1);
        values.push(start + value..start + line.len());
        start += line.len();
    }
    values
}

/// The file with the letters and digits of these stretches replaced, byte for byte.
fn starred<'r>(
    file: &SourceFile,
    values: impl Iterator<Item = &'r Range<usize>>,
) -> Arc<SourceFile> {
    let mut bytes = file.text.clone().into_bytes();
    for value in values {
        for byte in bytes.get_mut(value.clone()).into_iter().flatten() {
            if byte.is_ascii_alphanumeric() || !byte.is_ascii() {
                *byte = b'*';
            }
        }
    }
    SourceFile::new(file.name.clone(), String::from_utf8_lossy(&bytes))
}

#[cfg(test)]
mod tests {
    use crate::config::parse;
    use crate::diagnostic::render;

    #[test]
    fn no_mistake_shows_a_secret_that_stands_in_the_configuration() {
        for text in [
            "outputs:\n  - {type: splunk, url: 'http://x/', token: hunter2}",
            "outputs:\n  - {type: splunk, url: 'http://x/', token: [hunter2]}",
            "outputs:\n  - {type: splunk, url: 'http://x/', token: {a: hunter2}}",
            "outputs:\n  - {token: hunter2, type: splunk, urll: 'http://x/'}",
            "outputs:\n  - type: splunk\n    tokn: hunter2\n    url: 'http://x/'",
            "outputs:\n  - type: mail\n    password: hunter2",
            "outputs:\n  - type: splunk\n    token: \"hunter2",
            "outputs:\n  - type: splunk\n    token: |\n      hunter2\n  bad",
            "outputs:\n  - type: splunk\n    token: hunter2\n    token: hunter2",
            "outputs:\n  - password: hunter2",
        ] {
            let mistakes = parse("sensor.yaml", text, &[]).unwrap_err();
            let shown = render(&mistakes, false);
            assert!(!shown.contains("hunter2"), "{text}\n{shown}");
        }
        for number in ["12345", "true"] {
            let text = format!("outputs: [{{type: splunk, url: 'http://x/', token: {number}}}]");
            let shown = render(&parse("sensor.yaml", &text, &[]).unwrap_err(), false);
            assert!(!shown.contains(number), "{shown}");
        }
    }

    #[test]
    fn the_value_a_mistake_is_about_is_shown_with_its_key() {
        let text = "priority: urgent\nlog: {level: 3, format: text}\n";
        let shown = render(&parse("sensor.yaml", text, &[]).unwrap_err(), false);
        for expect in ["priority: urgent\n", "log: {level: 3, format: ****}\n"] {
            assert!(shown.contains(expect), "{shown}");
        }
    }

    #[test]
    fn an_override_is_shown_without_its_value() {
        for text in ["outputs[0].token=hunter2", "tokn=hunter2", "token=[hunter2"] {
            let mistakes = parse("sensor.yaml", "", &[text.to_owned()]).unwrap_err();
            let shown = render(&mistakes, false);
            assert!(!shown.contains("hunter2"), "{shown}");
            let key = text.split('=').next().unwrap_or_default();
            for expect in ["<command line>:1:1", key] {
                assert!(shown.contains(expect), "{shown}");
            }
        }
    }
}
