//! A mapping in, its values by key out, each of the kind that is wanted, or a
//! diagnostic that says what was wanted.

use std::collections::HashMap;
use std::sync::Arc;

use super::table::{Change, Kind};
use super::{Features, Name, Op};
use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::yaml::traced::Traced;
use crate::yaml::{Node, Value};

const INVALID: &str = "LOAD_ERR_YAML_VALIDATE";

/// Where items are read and mistakes go.
pub(super) struct Reader<'a> {
    pub(super) file: &'a Arc<SourceFile>,
    pub(super) diagnostics: &'a mut Vec<Diagnostic>,
    /// What this file asks for beyond Falco's language.
    pub(super) features: Features,
}

/// A mapping whose keys are texts.
pub(super) struct Keys<'n> {
    entries: Vec<(&'n str, &'n Node, &'n Node)>,
    node: &'n Node,
}

impl<'n> Keys<'n> {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries
            .iter()
            .find(|(name, _, _)| *name == key)
            .map(|(_, _, value)| *value)
    }

    /// The keys, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &'n str> {
        self.entries.iter().map(|(name, _, _)| *name)
    }

    /// Keys, with the nodes of key and value.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'n str, &'n Node, &'n Node)> {
        self.entries.iter().copied()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
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
        self.diagnostics
            .push_mut(Diagnostic::error(code, message).at(place))
    }

    /// Reports a wrong shape.
    pub(super) fn invalid(&mut self, message: impl Into<String>, node: &Node) -> &mut Diagnostic {
        self.report(INVALID, message, node)
    }

    /// A node as a mapping; a key that is no text or stands twice is a mistake.
    pub(super) fn keys<'n>(&mut self, node: &'n Node, what: &str) -> Option<Keys<'n>> {
        let Value::Mapping(entries) = &node.value else {
            self.invalid(format!("{what} is a mapping, not {}", node.kind()), node);
            return None;
        };
        let mut seen: HashMap<&str, &Node> = HashMap::new();
        let mut keys = Vec::new();
        let mut sound = true;
        for (key, value) in entries {
            let Some(name) = key.text().map(Traced::as_str) else {
                self.invalid(format!("a key is a word, not {}", key.kind()), key);
                sound = false;
                continue;
            };
            if let Some(first) = seen.insert(name, key) {
                let first = self.place(first);
                let mistake = Diagnostic::error(INVALID, format!("the key `{name}` stands twice"))
                    .at(self.place(key))
                    .related(first, "first given here");
                self.diagnostics.push(mistake);
                sound = false;
            }
            keys.push((name, key, value));
        }
        sound.then_some(Keys {
            entries: keys,
            node,
        })
    }

    /// Warns of keys that a kind of item does not have.
    pub(super) fn unknown_keys(&mut self, keys: &Keys<'_>, kind: &Kind) {
        let known = kind.names(|key| self.features.allow(key.needs));
        for (name, key, _) in keys.entries() {
            if known.contains(&name) {
                continue;
            }
            let message = format!("a {} has no key `{name}`; it is ignored", kind.what);
            let warning = Diagnostic::warning("LOAD_UNKNOWN_KEY", message).at(self.place(key));
            let needed = kind.keys.iter().find(|key| key.name == name);
            let warning = match needed.and_then(|key| key.needs) {
                Some(feature) => warning.help(format!(
                    "an item `- sensor_features: [{}]` in this file makes it one",
                    feature.word()
                )),
                None => warning.suggest(name, known.iter().copied()),
            };
            self.diagnostics.push(warning);
        }
    }

    /// The value of a key that only some files have.
    pub(super) fn featured<'n>(
        &self,
        keys: &Keys<'n>,
        kind: &Kind,
        name: &str,
    ) -> Option<&'n Node> {
        let key = kind.keys.iter().find(|key| key.name == name)?;
        self.features
            .allow(key.needs)
            .then(|| keys.get(name))
            .flatten()
    }

    /// The value of a key that must be there.
    pub(super) fn required<'n>(
        &mut self,
        keys: &Keys<'n>,
        key: &str,
        what: &str,
    ) -> Option<&'n Node> {
        let node = keys.get(key);
        if node.is_none() {
            // The name says best which item it is.
            let shown = keys.get(what).unwrap_or(keys.node);
            let mistake = self.invalid(format!("this {what} has no `{key}`"), shown);
            if let Some(near) = crate::diagnostic::nearest(key, keys.names()) {
                mistake.set_help(format!("is `{near}` meant to be `{key}`?"));
            }
        }
        node
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, node: &Node, key: &str) -> Option<Traced> {
        match node.text() {
            Some(text) if text.as_str().is_empty() => {
                self.invalid(format!("`{key}` is empty"), node);
                None
            }
            Some(text) => Some(text.clone()),
            None => {
                self.invalid(format!("`{key}` is a text, not {}", node.kind()), node);
                None
            }
        }
    }

    /// A sequence of texts, which may be empty.
    pub(super) fn texts(&mut self, node: &Node, key: &str) -> Option<Vec<Traced>> {
        let nodes = self.sequence(node, key)?;
        let mut texts = Vec::new();
        for node in nodes {
            let text = node.text();
            if text.is_none() {
                let message = format!("an element of `{key}` is a text, not {}", node.kind());
                self.invalid(message, node);
            }
            texts.push(text.cloned());
        }
        texts.into_iter().collect()
    }

    /// A sequence.
    pub(super) fn sequence<'n>(&mut self, node: &'n Node, key: &str) -> Option<&'n [Node]> {
        if let Value::Sequence(nodes) = &node.value {
            return Some(nodes);
        }
        let message = format!("`{key}` is a sequence, not {}", node.kind());
        let mistake = self.invalid(message, node);
        if let Some(text) = node.text() {
            mistake.set_help(format!("write `{key}: [{}]`", text.as_str()));
        }
        None
    }

    /// The name of an item.
    pub(super) fn name(&mut self, keys: &Keys<'_>, kind: &str) -> Option<Name> {
        let node = keys.get(kind)?;
        let text = self.text(node, kind)?;
        Some(Name {
            text: text.as_str().to_owned(),
            place: self.place(node),
        })
    }

    /// A truth value, in YAML 1.1's words, as Falco reads them.
    pub(super) fn boolean(&mut self, node: &Node, key: &str) -> Option<bool> {
        let word = node.text().map_or("", Traced::as_str);
        let value = truth(word);
        if value.is_none() {
            self.invalid(format!("`{key}` is `true` or `false`"), node);
        }
        value
    }

    /// A truth value that may be left out.
    pub(super) fn flag(&mut self, keys: &Keys<'_>, key: &str, default: bool) -> Option<bool> {
        match keys.get(key) {
            Some(node) => self.boolean(node, key),
            None => Some(default),
        }
    }

    /// The `override` mapping as keys and operations, each checked; `None`
    /// inside when it is absent or empty, which is the same.
    #[expect(
        clippy::option_option,
        reason = "outside: whether it could be read; inside: whether there is one"
    )]
    pub(super) fn overrides<'n>(
        &mut self,
        keys: &Keys<'n>,
        kind: &Kind,
    ) -> Option<Option<Vec<(&'n str, Op)>>> {
        let Some(node) = keys.get("override") else {
            return Some(None);
        };
        if matches!(node.value, Value::Null) {
            return Some(None);
        }
        let entries = self.keys(node, "`override`")?;
        if entries.is_empty() {
            return Some(None);
        }
        let mut out = Some(Vec::new());
        for (key, key_node, value) in entries.entries() {
            match self.operation((key, key_node), value, kind) {
                Some(op) => {
                    if let Some(out) = &mut out {
                        out.push((key, op));
                    }
                }
                None => out = None,
            }
        }
        out.map(Some)
    }

    fn operation(
        &mut self,
        (key, key_node): (&str, &Node),
        value: &Node,
        kind: &Kind,
    ) -> Option<Op> {
        let row = kind.keys.iter().find(|row| row.name == key);
        let change = row.map_or(Change::No, |row| row.change);
        if change == Change::No {
            let mistake = Diagnostic::error(INVALID, format!("`{key}` cannot be overridden"))
                .at(self.place(key_node))
                .suggest(key, kind.names(|row| row.change != Change::No));
            self.diagnostics.push(mistake);
            return None;
        }
        let Some(word) = value.text().map(Traced::as_str) else {
            let message = format!("an override is `append` or `replace`, not {}", value.kind());
            self.report("LOAD_ERR_VALIDATE", message, value);
            return None;
        };
        match word {
            "replace" => Some(Op::Replace),
            "append" if change == Change::Append => Some(Op::Append),
            "append" => {
                self.invalid(format!("`{key}` can be replaced, not appended to"), value)
                    .set_help(format!("write `{key}: replace`"));
                None
            }
            _ => {
                let message = format!("an override is `append` or `replace`, not `{word}`");
                self.invalid(message, value);
                None
            }
        }
    }
}

fn truth(word: &str) -> Option<bool> {
    const WORDS: [(&str, bool); 8] = [
        ("true", true),
        ("yes", true),
        ("y", true),
        ("on", true),
        ("false", false),
        ("no", false),
        ("n", false),
        ("off", false),
    ];
    WORDS.into_iter().find_map(|(known, value)| {
        let rest = word.get(1..).unwrap_or_default();
        let one_case = rest.bytes().all(|b| b.is_ascii_lowercase())
            || word.bytes().all(|b| b.is_ascii_uppercase());
        (one_case && known.eq_ignore_ascii_case(word)).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::truth;

    #[test]
    fn truth_is_lower_upper_or_capitalised() {
        for word in ["true", "TRUE", "True", "yes", "Y", "On", "ON"] {
            assert_eq!(truth(word), Some(true), "{word}");
        }
        for word in ["false", "No", "n", "OFF"] {
            assert_eq!(truth(word), Some(false), "{word}");
        }
        for word in ["", "tRUE", "yEs", "oN", "1", "0", "truth"] {
            assert_eq!(truth(word), None, "{word}");
        }
    }
}
