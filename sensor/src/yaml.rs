//! The bytes of a file a person wrote in, its documents as trees out, every scalar
//! with its decoded text and the place of every byte of it.
//!
//! The rule language is defined on the text of scalars, so nothing here
//! guesses types. Any bytes give trees or one diagnostic: depth, size and what
//! aliases multiply are bounded.

mod scalar;
pub(crate) mod traced;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::diagnostic::{Diagnostic, Place, SourceFile};
use traced::Traced;

const CODE: &str = "LOAD_ERR_YAML_PARSE";
/// Bytes of one file; the largest rule sets known are below one megabyte.
const MAX_BYTES: usize = 16 << 20;
/// Collections inside collections; a rules file needs five.
const MAX_DEPTH: usize = 64;
/// What all aliases of a file together may copy, in nodes and bytes of text.
const MAX_ALIASED: usize = 4 << 20;

/// A node of a document.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// What it is.
    pub(crate) value: Value,
    /// Where it was written, in bytes of the file.
    pub(crate) range: Range<usize>,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Text in any style, plain `null`s excepted.
    Scalar(Traced),
    /// Nothing, `~` or one of YAML's plain words for it.
    Null,
    /// A sequence.
    Sequence(Vec<Node>),
    /// A mapping, in the order written, duplicate keys included.
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// The word for what it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Scalar(_) => "a single value",
            Value::Null => "nothing",
            Value::Sequence(_) => "a sequence",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// Its text, when it is a scalar and not null.
    pub(crate) fn text(&self) -> Option<&Traced> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Collections inside each other in it, itself included.
    fn depth(&self) -> usize {
        match &self.value {
            Value::Scalar(_) | Value::Null => 0,
            Value::Sequence(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Value::Mapping(entries) => {
                let inner = entries.iter().flat_map(|(key, value)| [key, value]);
                1 + inner.map(Self::depth).max().unwrap_or(0)
            }
        }
    }

    /// Nodes and text bytes in it: what copying it costs.
    fn cost(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(text) => text.as_str().len(),
            Value::Null => 0,
            Value::Sequence(items) => items.iter().map(Self::cost).sum(),
            Value::Mapping(entries) => entries
                .iter()
                .map(|(key, value)| key.cost() + value.cost())
                .sum(),
        }
    }
}

/// The bytes of a file, or the first of them where it is too large for
/// [`parse`]: a mistaken path (a device, an image) costs no memory.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let longest = MAX_BYTES as u64 + 1;
    File::open(path)?.take(longest).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A source file of these bytes; where they are no UTF-8, the replacement
/// character stands and a diagnostic points at the first of them.
pub(crate) fn source(name: &str, bytes: &[u8]) -> (Arc<SourceFile>, Option<Diagnostic>) {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => (SourceFile::new(name, text), None),
        Cow::Owned(text) => {
            let valid = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
            let file = SourceFile::new(name, text);
            let bad = valid..valid + char::REPLACEMENT_CHARACTER.len_utf8();
            let mistake = Diagnostic::error(CODE, "the file is not UTF-8 text")
                .at(Place::new(&file, bad))
                .help("save the file in UTF-8");
            (file, Some(mistake))
        }
    }
}

/// The documents of a file, in order; empty documents are null nodes.
pub(crate) fn parse(file: &Arc<SourceFile>) -> Result<Vec<Node>, Diagnostic> {
    if file.text.len() > MAX_BYTES {
        let message = format!("the file is larger than {} MiB", MAX_BYTES >> 20);
        return Err(Diagnostic::error(CODE, message).at(Place::new(file, 0..0)));
    }
    let mut builder = Builder::new(file);
    for event in Parser::new_from_str(&file.text) {
        match event {
            Ok((event, span)) => builder.event(event, span)?,
            Err(error) => {
                let at = builder.bytes.at(error.marker().index());
                return Err(builder.mistake(error.info(), at..at));
            }
        }
    }
    Ok(builder.documents)
}

/// Byte offsets of character counts, which is what the parser reports.
enum Bytes {
    /// They are the same.
    Ascii(usize),
    /// The byte of every character, and the end.
    Table(Vec<usize>),
}

impl Bytes {
    fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self::Ascii(text.len());
        }
        let starts = text.char_indices().map(|(at, _)| at);
        Self::Table(starts.chain([text.len()]).collect())
    }

    fn at(&self, character: usize) -> usize {
        match self {
            Self::Ascii(end) => character.min(*end),
            Self::Table(starts) => starts
                .get(character)
                .or(starts.last())
                .copied()
                .unwrap_or_default(),
        }
    }
}

/// A collection whose end has not come yet.
struct Open {
    start: usize,
    anchor: usize,
    mapping: bool,
    /// The elements, or keys and values in turn.
    nodes: Vec<Node>,
}

struct Builder<'f> {
    file: &'f Arc<SourceFile>,
    bytes: Bytes,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    aliased: usize,
    documents: Vec<Node>,
}

impl<'f> Builder<'f> {
    fn new(file: &'f Arc<SourceFile>) -> Self {
        Self {
            file,
            bytes: Bytes::of(&file.text),
            open: Vec::new(),
            anchors: HashMap::new(),
            aliased: 0,
            documents: Vec::new(),
        }
    }

    fn mistake(&self, message: &str, range: Range<usize>) -> Diagnostic {
        Diagnostic::error(CODE, message).at(Place::new(self.file, range))
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let range = self.bytes.at(span.start.index())..self.bytes.at(span.end.index());
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let node = self.scalar(&text, style, range);
                self.finish(node, anchor)?;
            }
            Event::SequenceStart(anchor, _) => self.start(range, anchor, false)?,
            Event::MappingStart(anchor, _) => self.start(range, anchor, true)?,
            Event::SequenceEnd | Event::MappingEnd => self.end(&range)?,
            Event::Alias(anchor) => self.alias(anchor, range)?,
            Event::DocumentStart(_) => self.anchors.clear(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn scalar(&self, text: &str, style: ScalarStyle, range: Range<usize>) -> Node {
        let null =
            style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
        let range = scalar::content(&self.file.text, style, range);
        let value = if null {
            Value::Null
        } else {
            Value::Scalar(scalar::trace(self.file, text, style, &range))
        };
        Node { value, range }
    }

    fn start(
        &mut self,
        range: Range<usize>,
        anchor: usize,
        mapping: bool,
    ) -> Result<(), Diagnostic> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.mistake("nested too deeply", range));
        }
        self.open.push(Open {
            start: range.start,
            anchor,
            mapping,
            nodes: Vec::new(),
        });
        Ok(())
    }

    fn end(&mut self, range: &Range<usize>) -> Result<(), Diagnostic> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        // A block collection ends where the next thing starts; it is shown to
        // the end of its last node. The parser counts what follows a closing
        // bracket, comments too, to the bracket.
        let inner = open.nodes.last().map_or(open.start, |node| node.range.end);
        let rest = self.file.text.get(range.start..).unwrap_or_default();
        let closed = rest.starts_with([']', '}']);
        let end = if closed { range.start + 1 } else { inner };
        let value = if open.mapping {
            let mut nodes = open.nodes.into_iter();
            let mut entries = Vec::new();
            while let (Some(key), Some(value)) = (nodes.next(), nodes.next()) {
                entries.push((key, value));
            }
            Value::Mapping(entries)
        } else {
            Value::Sequence(open.nodes)
        };
        let node = Node {
            value,
            range: open.start..end.max(open.start),
        };
        self.finish(node, open.anchor)
    }

    fn alias(&mut self, anchor: usize, range: Range<usize>) -> Result<(), Diagnostic> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(self.mistake("this alias stands inside what it names", range));
        };
        if self.open.len() + node.depth() > MAX_DEPTH {
            return Err(self.mistake("nested too deeply", range));
        }
        let node = node.clone();
        self.copied(&node)?;
        self.finish(node, 0)
    }

    /// Counts a copy of a node.
    fn copied(&mut self, node: &Node) -> Result<(), Diagnostic> {
        self.aliased += node.cost();
        if self.aliased > MAX_ALIASED {
            let message = "the aliases of this file repeat too much";
            return Err(self.mistake(message, node.range.clone()));
        }
        Ok(())
    }

    /// Puts a complete node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        // The parser numbers anchors from 1; 0 is none.
        if anchor != 0 {
            self.copied(&node)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            Some(open) => open.nodes.push(node),
            None => self.documents.push(node),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(text: &str) -> Result<Vec<Node>, String> {
        let (file, bad) = source("f", text.as_bytes());
        assert_eq!(bad, None);
        parse(&file).map_err(|d| format!("{} {}", d.place.unwrap(), d.message))
    }

    /// The tree in one line, to compare.
    fn print(node: &Node) -> String {
        match &node.value {
            Value::Scalar(text) => format!("{:?}", text.as_str()),
            Value::Null => "null".to_owned(),
            Value::Sequence(items) => {
                let items: Vec<_> = items.iter().map(print).collect();
                format!("[{}]", items.join(" "))
            }
            Value::Mapping(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| format!("{}:{}", print(key), print(value)))
                    .collect();
                format!("{{{}}}", entries.join(" "))
            }
        }
    }

    #[test]
    fn documents_become_trees_of_texts() {
        for (text, want) in [
            ("", ""),
            ("# only a comment\n", ""),
            ("---\n---\n- a\n", "null [\"a\"]"),
            ("- 0\n- \"0\"\n- yes\n", "[\"0\" \"0\" \"yes\"]"),
            (
                "- ~\n-\n- ''\n- null\n- 'null'\n",
                "[null null \"\" null \"null\"]",
            ),
            ("a: {b: [c, d]}\n", "{\"a\":{\"b\":[\"c\" \"d\"]}}"),
            ("a: 1\na: 2\n", "{\"a\":\"1\" \"a\":\"2\"}"),
            ("- &x [1]\n- *x\n", "[[\"1\"] [\"1\"]]"),
            ("\u{feff}- é\n", "[\"é\"]"),
        ] {
            let trees: Vec<_> = documents(text).unwrap().iter().map(print).collect();
            assert_eq!(trees.join(" "), want, "{text:?}");
        }
    }

    #[test]
    fn broken_yaml_is_one_mistake_with_its_place() {
        let deep = "[".repeat(MAX_DEPTH + 1);
        let half = |inner: &str| format!("{}{inner}{}", "[".repeat(39), "]".repeat(39));
        let deeper = format!("- &x {}\n- {}\n", half("a"), half("*x"));
        for (text, want) in [
            ("- a\n- [b\n", "f:3:1 "),
            ("a: b: c\n", "f:1:5 "),
            (
                "- &x [*x]\n",
                "f:1:7 this alias stands inside what it names",
            ),
            (deep.as_str(), "f:1:65 nested too deeply"),
            (deeper.as_str(), "f:2:42 nested too deeply"),
        ] {
            let shown = documents(text).unwrap_err();
            assert!(shown.starts_with(want), "{text:?}: {shown}");
        }
    }

    #[test]
    fn aliases_cannot_blow_up() {
        use std::fmt::Write as _;

        let mut text = String::from("- &a0 [lol, lol, lol, lol, lol, lol, lol, lol]\n");
        for level in 1..20 {
            let aliases = vec![format!("*a{}", level - 1); 8].join(", ");
            writeln!(text, "- &a{level} [{aliases}]").unwrap();
        }
        let shown = documents(&text).unwrap_err();
        assert!(shown.contains("repeat too much"), "{shown}");
    }

    #[test]
    fn bytes_that_are_no_text_are_one_mistake_with_its_place() {
        let (_, mistake) = source("f", b"- a\n- \xff\xfe\n");
        assert_eq!(mistake.unwrap().place.unwrap().to_string(), "f:2:3");
    }

    #[test]
    fn collections_know_where_they_stand() {
        let text = "- a: 1\n  b:\n    - x\n\n# c\n- d: 2\n- [e, {f: 3} # c\n  ] # d\n";
        let documents = documents(text).unwrap();
        let Value::Sequence(items) = &documents[0].value else {
            panic!("{documents:?}");
        };
        let shown: Vec<_> = items.iter().map(|item| &text[item.range.clone()]).collect();
        let flow = "[e, {f: 3} # c\n  ]";
        assert_eq!(shown, ["a: 1\n  b:\n    - x", "d: 2", flow]);
    }
}
