//! A place in a rules file in, the items it lies in out, from the whole file to
//! the innermost, with Falco's words for their kinds.
//!
//! Positions are those of the YAML nodes, counted from 0: a text in quotes
//! starts with its quote, a block of lines with its `|` or `>`.

use crate::detect::rules::item::table::{self, Kind, Shape};
use crate::diagnostic::SourceFile;
use crate::yaml::traced::Traced;
use crate::yaml::{Node, Value};

/// An item that a place lies in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Location {
    /// Falco's word for what it is.
    pub(super) kind: &'static str,
    /// Its name, if it has one.
    pub(super) name: String,
    /// What it is in, when not in the file.
    pub(super) within: Option<String>,
    /// Where it starts: bytes, lines, and bytes of the line before it.
    pub(super) offset: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// The documents of a file.
pub(super) struct Tree {
    documents: Vec<Node>,
}

/// One way down from a file.
struct Path<'f> {
    file: &'f SourceFile,
    /// The byte that is looked for.
    wanted: usize,
    found: Vec<Location>,
}

impl Tree {
    pub(super) fn new(documents: Vec<Node>) -> Self {
        Self { documents }
    }

    fn items(&self) -> impl Iterator<Item = &Node> {
        self.documents.iter().flat_map(sequence)
    }

    /// What a byte of the file lies in.
    pub(super) fn locations(&self, file: &SourceFile, wanted: usize) -> Vec<Location> {
        let mut path = Path {
            file,
            wanted,
            found: vec![Location {
                kind: "rules content",
                ..Location::default()
            }],
        };
        match self.items().find(|item| path.is_in(item)) {
            Some(item) => path.item(item),
            // Broken YAML has no items, and its mistake has a place all the same.
            None if wanted > 0 => path.add("value for", "", wanted),
            None => {}
        }
        path.found
    }

    /// Keys that no kind of item has, as a schema that knows all keys tells them.
    pub(super) fn unknown_keys(&self) -> Vec<String> {
        let known = |name: &str| {
            let mut keys = table::KINDS.iter().flat_map(|kind| kind.keys);
            keys.any(|key| key.name == name && key.needs.is_none())
        };
        let items = self.items().enumerate();
        let unknown = items.flat_map(|(index, item)| {
            let names = entries(item).iter().filter_map(|(key, _)| text(key));
            let names = names.filter(|name| !known(name) && *name != table::FEATURES.tag);
            names.map(move |name| format!("failed for <root>[{index}]: no item has a key '{name}'"))
        });
        unknown.collect()
    }
}

impl Path<'_> {
    fn is_in(&self, node: &Node) -> bool {
        node.range.start <= self.wanted && self.wanted <= node.range.end
    }

    fn add(&mut self, kind: &'static str, name: &str, offset: usize) {
        let before = self.file.text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        self.found.push(Location {
            kind,
            name: name.to_owned(),
            within: None,
            offset,
            line: before.bytes().filter(|byte| *byte == b'\n').count(),
            column: offset - line_start,
        });
    }

    fn item(&mut self, item: &Node) {
        let has = |tag: &str| value(item, tag).is_some();
        let Some(kind) = table::KINDS.iter().find(|kind| has(kind.tag)) else {
            return self.add("rules content item", "", item.range.start);
        };
        let name = value(item, kind.tag).and_then(text).unwrap_or_default();
        let start = item.range.start;
        match kind.tag {
            "required_engine_version" => self.add("required_engine_version", "", start),
            "required_plugin_versions" => return self.plugins(item),
            "list" => self.add("list", name, start),
            "macro" => self.add("macro", name, start),
            "rule" => self.add("rule", name, start),
            _ => return self.add("rules content item", "", start),
        }
        self.inside(item, kind);
    }

    /// The entry of a mapping that the byte lies in, and where its value starts.
    fn entry<'n>(&self, mapping: &'n Node) -> Option<(&'n Node, &'n Node, usize)> {
        let mut entries = entries(mapping).iter();
        let (key, value) = entries.find(|(key, value)| self.is_in(key) || self.is_in(value))?;
        Some((key, value, start_of(&self.file.text, key, value)))
    }

    fn inside(&mut self, item: &Node, kind: &Kind) {
        let Some((key, value, start)) = self.entry(item) else {
            return;
        };
        // A mistake in the key is one of the item.
        if !self.is_in(value) {
            return;
        }
        let name = text(key).unwrap_or_default();
        match (kind.tag, name) {
            ("macro", "condition") => self.add("macro condition", "", start),
            ("rule", "condition") => self.add("rule condition", "", start),
            ("rule", "output") => self.add("rule output", "", start),
            ("rule", "priority") => self.add("rule priority", "", start),
            (_, "override") => self.overrides(item, value),
            ("rule", "exceptions") => self.exceptions(value, start),
            (_, name) => self.value_for(name, value, start),
        }
    }

    fn value_for(&mut self, name: &str, value: &Node, start: usize) {
        self.add("value for", name, start);
        if let Some(element) = sequence(value).iter().find(|node| self.is_in(node)) {
            self.add("list item", "", quoted_start(&self.file.text, element));
        }
    }

    fn overrides(&mut self, item: &Node, overrides: &Node) {
        self.add("overrides", "", item.range.start);
        let Some((key, value, start)) = self.entry(overrides) else {
            return;
        };
        let name = text(key).unwrap_or_default();
        if self.is_in(value) {
            self.add("value for", name, start);
        } else {
            self.add("overrides", name, key.range.start);
        }
    }

    fn exceptions(&mut self, exceptions: &Node, start: usize) {
        self.add("exceptions", "", start);
        let mut all = sequence(exceptions).iter();
        let Some(exception) = all.find(|node| self.is_in(node)) else {
            return;
        };
        let name = value(exception, table::EXCEPTION.tag).and_then(text);
        self.add("exception", name.unwrap_or_default(), exception.range.start);
        let Some((key, value, start)) = self.entry(exception) else {
            return;
        };
        let rows = table::EXCEPTION.keys.iter();
        let mut rows = rows.filter(|row| matches!(row.shape, Shape::Rows));
        match text(key).unwrap_or_default() {
            _ if !self.is_in(value) => {}
            name if rows.any(|row| row.name == name) => {
                self.add("exception values", "", start);
                self.exception_value(value);
            }
            name => self.value_for(name, value, start),
        }
    }

    fn exception_value(&mut self, values: &Node) {
        let mut at = values;
        while let Some(inner) = sequence(at).iter().find(|node| self.is_in(node)) {
            self.add("exception value", "", quoted_start(&self.file.text, inner));
            at = inner;
        }
    }

    fn plugins(&mut self, item: &Node) {
        let Some((_, plugins, start)) = self.entry(item) else {
            return;
        };
        self.add("required plugin versions", "", start);
        let mut at = sequence(plugins).iter().find(|node| self.is_in(node));
        for kind in [
            "required plugin versions entry",
            "required plugin versions alternative",
        ] {
            let Some(entry) = at else { return };
            let name = value(entry, table::PLUGIN.tag).and_then(text);
            self.add(kind, name.unwrap_or_default(), entry.range.start);
            let Some((key, value, start)) = self.entry(entry) else {
                return;
            };
            at = sequence(value).iter().find(|node| self.is_in(node));
            if at.is_none() && self.is_in(value) {
                return self.add("value for", text(key).unwrap_or_default(), start);
            }
        }
    }
}

fn sequence(node: &Node) -> &[Node] {
    match &node.value {
        Value::Sequence(nodes) => nodes,
        _ => &[],
    }
}

fn entries(node: &Node) -> &[(Node, Node)] {
    match &node.value {
        Value::Mapping(entries) => entries,
        _ => &[],
    }
}

fn text(node: &Node) -> Option<&str> {
    node.text().map(Traced::as_str)
}

fn value<'n>(mapping: &'n Node, key: &str) -> Option<&'n Node> {
    let mut entries = entries(mapping).iter();
    let found = entries.find(|(name, _)| text(name) == Some(key));
    found.map(|(_, value)| value)
}

/// Where a value starts, its quote or block mark included: what follows the
/// colon behind its key.
fn start_of(file: &str, key: &Node, value: &Node) -> usize {
    let from = key.range.end.min(value.range.start);
    let between = file.get(from..value.range.start).unwrap_or_default();
    let Some(colon) = between.find(':') else {
        return value.range.start;
    };
    let mut start = from + colon + 1;
    // Blanks, line ends and comments come before what is meant.
    while let Some(rest) = file.get(start..value.range.start) {
        let blanks = rest.len() - rest.trim_start().len();
        start += blanks;
        match rest.trim_start() {
            rest if rest.starts_with('#') => start += rest.find('\n').unwrap_or(rest.len()),
            _ => break,
        }
    }
    start
}

/// Where an element starts, its quote included.
fn quoted_start(file: &str, node: &Node) -> usize {
    let before = node.range.start.saturating_sub(1);
    let quote = file.as_bytes().get(before);
    if node.text().is_some() && node.range.start > 0 && matches!(quote, Some(b'"' | b'\'')) {
        before
    } else {
        node.range.start
    }
}
