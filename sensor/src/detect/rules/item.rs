//! The documents of a rules file in, its items out, or what is wrong with
//! their shape: keys, kinds of values, words of fixed sets.
//!
//! Here every item is looked at alone; what it means beside the others is the
//! collection's business.

mod exception;
mod features;
mod keys;
mod rule;
mod story;
pub(crate) mod table;
mod version;

pub(crate) use exception::{Cell, ExceptionItem, OneOrMany, Terms};
pub(crate) use features::{Feature, Features};
pub(crate) use rule::{Change, Definition, Op, RuleChange, RuleItem};
pub use story::Story;
pub(crate) use version::{PluginEntry, Version};

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::yaml::traced::Traced;
use crate::yaml::{Node, Value};
use keys::{Keys, Reader};

/// A name and where it was given.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    /// The name.
    pub(crate) text: String,
    /// Where it stands.
    pub(crate) place: Place,
}

/// One item of a rules file, well-formed.
#[derive(Debug)]
pub(crate) enum Item {
    /// What engine the file wants.
    Engine(Version),
    /// What plugins the file wants.
    Plugins(Vec<PluginEntry>),
    /// A list.
    List(ListItem),
    /// A macro.
    Macro(MacroItem),
    /// A rule.
    Rule(Box<RuleItem>),
}

/// A list, or more of it.
#[derive(Debug)]
pub(crate) struct ListItem {
    /// Its name.
    pub(crate) name: Name,
    /// Its elements, as text.
    pub(crate) items: Vec<Traced>,
    /// Whether they come behind those that are there.
    pub(crate) append: bool,
}

/// A macro, or more of it.
#[derive(Debug)]
pub(crate) struct MacroItem {
    /// Its name.
    pub(crate) name: Name,
    /// Its condition.
    pub(crate) condition: Traced,
    /// Whether it comes behind the one that is there.
    pub(crate) append: bool,
}

/// What a file gave.
#[derive(Debug, Default)]
pub(crate) struct Items {
    /// The well-formed items, in order.
    pub(crate) items: Vec<Item>,
    /// Names of lists, macros and rules whose item is malformed: that they are
    /// missing is no second mistake.
    pub(crate) broken: BTreeSet<String>,
}

/// Reads the items of all documents of a file.
pub(crate) fn read(
    file: &Arc<SourceFile>,
    documents: &[Node],
    diagnostics: &mut Vec<Diagnostic>,
) -> Items {
    let mut reader = Reader {
        file,
        diagnostics,
        features: Features::default(),
    };
    reader.features(documents);
    let mut out = Items::default();
    for document in documents {
        match &document.value {
            Value::Null => {}
            Value::Sequence(items) => {
                for node in items {
                    reader.item(node, &mut out);
                }
            }
            Value::Scalar(_) | Value::Mapping(_) => {
                // It may be a configuration, whose values are not for showing.
                let start = match &document.value {
                    Value::Mapping(entries) => entries.first().map_or(document, |(key, _)| key),
                    _ => document,
                };
                let message = format!(
                    "a rules file is a sequence of items, not {}",
                    document.kind()
                );
                reader
                    .invalid(message, start)
                    .set_help("start every item with `- `, as in `- rule: name`");
            }
        }
    }
    out
}

impl Reader<'_> {
    fn item(&mut self, node: &Node, out: &mut Items) {
        if matches!(node.value, Value::Null) {
            return;
        }
        let Some(keys) = self.keys(node, "an item") else {
            return;
        };
        let tags = table::KINDS.map(|kind| kind.tag);
        let Some(tag) = tags.into_iter().find(|tag| keys.get(tag).is_some()) else {
            self.unknown_item(node, &keys);
            return;
        };
        let item = match tag {
            "required_engine_version" => self.engine_version(&keys).map(Item::Engine),
            "required_plugin_versions" => self.plugin_versions(&keys).map(Item::Plugins),
            "list" => self.list(&keys).map(Item::List),
            "macro" => self.macro_item(&keys).map(Item::Macro),
            "rule" => self.rule(&keys).map(|rule| Item::Rule(Box::new(rule))),
            // The features were read before everything else.
            _ => return,
        };
        match item {
            Some(item) => out.items.push(item),
            None => out.broken.extend(
                keys.get(tag)
                    .and_then(Node::text)
                    .map(|name| name.as_str().to_owned()),
            ),
        }
    }

    fn unknown_item(&mut self, node: &Node, keys: &Keys<'_>) {
        let near = keys
            .names()
            .find_map(|key| crate::diagnostic::nearest(key, table::KINDS.map(|kind| kind.tag)));
        let mut warning = Diagnostic::warning("LOAD_UNKNOWN_ITEM", "this item is of no known kind")
            .at(self.place(node));
        let tags = || table::KINDS.map(|kind| kind.tag).join("`, `");
        warning.help = Some(near.map_or_else(
            || format!("an item has one of the keys `{}`", tags()),
            |kind| format!("did you mean `{kind}`?"),
        ));
        self.diagnostics.push(warning);
    }

    fn list(&mut self, keys: &Keys<'_>) -> Option<ListItem> {
        self.unknown_keys(keys, &table::LIST);
        let name = self.name(keys, "list");
        let items = self
            .required(keys, "items", "list")
            .and_then(|node| self.texts(node, "items"));
        let append = self.append_mode(keys, &table::LIST);
        let name = name?;
        if !is_list_name(&name.text) {
            let message = format!("`{}` cannot be named in a condition", name.text);
            self.diagnostics.push(
                Diagnostic::warning("LOAD_INVALID_LIST_NAME", message)
                    .at(name.place.clone())
                    .help("a list's name has no blanks, quotes, parentheses, `=` or `,`"),
            );
        }
        Some(ListItem {
            name,
            items: items?,
            append: append?,
        })
    }

    fn macro_item(&mut self, keys: &Keys<'_>) -> Option<MacroItem> {
        self.unknown_keys(keys, &table::MACRO);
        let name = self.name(keys, "macro");
        let condition = self
            .required(keys, "condition", "macro")
            .and_then(|node| self.text(node, "condition"));
        let append = self.append_mode(keys, &table::MACRO);
        let name = name?;
        if !is_macro_name(&name.text) {
            let message = format!("`{}` cannot be named in a condition", name.text);
            self.diagnostics.push(
                Diagnostic::warning("LOAD_INVALID_MACRO_NAME", message)
                    .at(name.place.clone())
                    .help("a macro's name is letters, digits and `_`, a letter first"),
            );
        }
        Some(MacroItem {
            name,
            condition: condition?,
            append: append?,
        })
    }

    /// Whether a list or macro item appends, by either spelling; each has only
    /// one key that can be overridden.
    fn append_mode(&mut self, keys: &Keys<'_>, kind: &table::Kind) -> Option<bool> {
        let append = self.flag(keys, "append", false)?;
        let overrides = self.overrides(keys, kind)?;
        if append && overrides.is_some() {
            self.append_and_override(keys);
            return None;
        }
        if append {
            self.deprecated_append(keys);
        }
        let by_override = overrides.is_some_and(|ops| ops.iter().any(|(_, op)| *op == Op::Append));
        Some(append || by_override)
    }

    fn append_and_override(&mut self, keys: &Keys<'_>) {
        if let Some(node) = keys.get("append") {
            self.report(
                "LOAD_ERR_YAML_VALIDATE",
                "`append` and `override` cannot stand in one item",
                node,
            )
            .set_help("drop `append` and say `append` under `override`");
        }
    }

    fn deprecated_append(&mut self, keys: &Keys<'_>) {
        if let Some(node) = keys.get("append") {
            self.diagnostics.push(
                Diagnostic::warning("LOAD_DEPRECATED_ITEM", "`append: true` is deprecated")
                    .at(self.place(node))
                    .help("use `override`, as in `override: {condition: append}`"),
            );
        }
    }
}

/// `[^()"'[:space:]=,]+`
fn is_list_name(name: &str) -> bool {
    !name.is_empty()
        && !name
            .chars()
            .any(|c| c.is_ascii_whitespace() || c == '\u{b}' || "()\"'=,".contains(c))
}

/// `[a-zA-Z]+[a-zA-Z0-9_]*`
fn is_macro_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
