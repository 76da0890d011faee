//! Nodes of a file a person wrote in, values of the wanted kind out; every
//! other shape becomes a diagnostic at its place.
//!
//! A misspelt key of a test would make it test nothing, so here, unlike in
//! rules, an unknown key is a mistake.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::yaml::traced::Traced;
use crate::yaml::{Node, Value};

/// A value that is not of the kind it should be.
pub(super) const INVALID: &str = "TEST_INVALID";
/// A key that means nothing.
const UNKNOWN_KEY: &str = "TEST_UNKNOWN_KEY";

/// A text and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The text.
    pub text: String,
    /// Where it was written.
    pub place: Place,
}

/// Reads the nodes of one file and keeps what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) file: &'a Arc<SourceFile>,
    pub(super) found: &'a mut Vec<Diagnostic>,
}

/// A mapping whose keys are words, each once.
pub(super) struct Keys<'n> {
    entries: Vec<(&'n Traced, &'n Node, &'n Node)>,
    pub(super) node: &'n Node,
}

impl<'n> Keys<'n> {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The node of a key and the one of its value.
    pub(super) fn entry(&self, key: &str) -> Option<(&'n Node, &'n Node)> {
        let mut entries = self.entries.iter();
        let (_, key, value) = entries.find(|(name, ..)| name.as_str() == key)?;
        Some((*key, *value))
    }

    /// Keys as texts, with the nodes of key and value, in order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'n str, &'n Node, &'n Node)> {
        let entries = self.entries.iter();
        entries.map(|(name, key, value)| (name.as_str(), *key, *value))
    }
}

impl Reader<'_> {
    pub(super) fn place(&self, node: &Node) -> Place {
        Place::new(self.file, node.range.clone())
    }

    /// Reports a mistake; help may be put on what it gives back.
    pub(super) fn report(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        node: &Node,
    ) -> &mut Diagnostic {
        let place = self.place(node);
        self.found
            .push_mut(Diagnostic::error(code, message).at(place))
    }

    /// A node as a mapping.
    pub(super) fn keys<'n>(&mut self, node: &'n Node, what: &str) -> Option<Keys<'n>> {
        let Value::Mapping(pairs) = &node.value else {
            let message = format!("{what} is a mapping, not {}", node.kind());
            self.report(INVALID, message, node);
            return None;
        };
        let mut entries: Vec<(&Traced, &Node, &Node)> = Vec::new();
        for (key, value) in pairs {
            let Some(name) = key.text() else {
                let message = format!("a key is a word, not {}", key.kind());
                self.report(INVALID, message, key);
                continue;
            };
            let twin = entries
                .iter()
                .find(|(known, ..)| known.as_str() == name.as_str());
            if let Some((_, first, _)) = twin {
                let message = format!("the key `{}` stands twice", name.as_str());
                let mistake = Diagnostic::error(INVALID, message)
                    .at(self.place(key))
                    .related(self.place(first), "first given here");
                self.found.push(mistake);
                continue;
            }
            entries.push((name, key, value));
        }
        Some(Keys { entries, node })
    }

    /// Reports the keys that are none of these.
    pub(super) fn known_keys(&mut self, keys: &Keys<'_>, known: &[&str], what: &str) {
        for (name, key, _) in keys.entries() {
            if !known.contains(&name) {
                let all = format!("the keys of {what} are `{}`", known.join("`, `"));
                let mut mistake =
                    Diagnostic::error(UNKNOWN_KEY, format!("{what} has no key `{name}`"))
                        .at(self.place(key))
                        .suggest(name, known.iter().copied());
                mistake.help.get_or_insert(all);
                self.found.push(mistake);
            }
        }
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, node: &Node, key: &str) -> Option<Said> {
        let text = node.text().map(|text| text.as_str().to_owned());
        match text {
            Some(text) if !text.is_empty() => Some(Said {
                text,
                place: self.place(node),
            }),
            _ => {
                let kind = text.map_or(node.kind(), |_| "empty");
                let message = format!("`{key}` is a text, not {kind}");
                self.report(INVALID, message, node);
                None
            }
        }
    }

    /// One text, or a sequence of them.
    pub(super) fn texts(&mut self, node: &Node, key: &str) -> Vec<Said> {
        match &node.value {
            Value::Sequence(items) => items
                .iter()
                .filter_map(|item| self.text(item, key))
                .collect(),
            _ => self.text(node, key).into_iter().collect(),
        }
    }
}
