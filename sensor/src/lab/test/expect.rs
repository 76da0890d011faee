//! What a test says the rules must say: `none`, a rule's name, or several of
//! them, each perhaps with the priority and the text of its alert.

use super::{Expect, ExpectedRule, Wanted};
use crate::alert::Priority;
use crate::diagnostic::Place;
use crate::lab::reader::{INVALID, Keys, Reader, Said};
use crate::yaml::{Node, Value};

/// No rule is true.
const NONE: &str = "none";
const KEYS: [&str; 4] = ["rule", "priority", "output", "output_contains"];

impl Reader<'_> {
    /// Reads the value of `expect`.
    pub(super) fn expect(&mut self, node: &Node) -> Expect {
        let written = Some(self.place(node));
        let rules = match &node.value {
            Value::Sequence(items) => items
                .iter()
                .filter_map(|item| self.expected_rule(item))
                .collect(),
            Value::Scalar(text) if text.as_str() == NONE => Vec::new(),
            Value::Null => {
                self.report(INVALID, "`expect` says nothing", node)
                    .set_help("write `expect: none` when no rule must be true");
                Vec::new()
            }
            Value::Scalar(_) | Value::Mapping(_) => self.expected_rule(node).into_iter().collect(),
        };
        Expect { rules, written }
    }

    fn expected_rule(&mut self, node: &Node) -> Option<ExpectedRule> {
        if node.text().is_some() {
            return Some(ExpectedRule::named(self.text(node, "rule")?));
        }
        let keys = self.keys(node, "an expected alert")?;
        self.known_keys(&keys, &KEYS, "an expected alert");
        let Some(name) = keys.get("rule") else {
            self.report(INVALID, "this expected alert has no `rule`", node)
                .set_help("write `- rule: NAME`, then `priority`, `output` or `output_contains`");
            return None;
        };
        let mut expected = ExpectedRule::named(self.text(name, "rule")?);
        expected.entry = self.place(node);
        self.alert(&keys, &mut expected);
        Some(expected)
    }

    /// What the alert must be: `priority`, `output` and `output_contains`.
    pub(super) fn alert(&mut self, keys: &Keys<'_>, expected: &mut ExpectedRule) {
        if let Some((key, node)) = keys.entry("priority") {
            let place = self.written(key, node);
            expected.priority = self.priority(node).map(|value| Wanted { value, place });
        }
        if let Some((key, node)) = keys.entry("output") {
            let place = self.written(key, node);
            let text = self.text(node, "output");
            expected.output = text.map(|said| Wanted {
                value: said.text,
                place,
            });
        }
        if let Some(node) = keys.get("output_contains") {
            expected.contains = self.texts(node, "output_contains");
        }
    }

    fn priority(&mut self, node: &Node) -> Option<Priority> {
        let said = self.text(node, "priority")?;
        let priority = Priority::parse(&said.text);
        if priority.is_none() {
            let words = Priority::ALL.map(Priority::name);
            let mut mistake = crate::diagnostic::Diagnostic::error(
                INVALID,
                format!("`{}` is no priority", said.text),
            )
            .at(said.place)
            .suggest(&said.text, words);
            let all = format!("the priorities are {}", words.join(", "));
            mistake.help.get_or_insert(all);
            self.found.push(mistake);
        }
        priority
    }

    /// All that stands for a value. A block scalar's own range leaves out the
    /// `|` or `>` before it.
    fn written(&self, key: &Node, value: &Node) -> Place {
        let between = key.range.end..value.range.start;
        let header = self.file.text.get(between.clone()).unwrap_or_default();
        let start = match header.find(['|', '>']) {
            Some(at) => between.start + at,
            None => value.range.start,
        };
        Place::new(self.file, start..value.range.end.max(start))
    }
}

impl ExpectedRule {
    /// A rule of which nothing but its name is said.
    pub(super) fn named(rule: Said) -> Self {
        Self {
            entry: rule.place.clone(),
            rule,
            priority: None,
            output: None,
            contains: Vec::new(),
        }
    }
}
