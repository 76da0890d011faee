//! A rule item in, what it does out: define, append, override, or only switch
//! a rule on or off.

use std::collections::BTreeSet;

use super::keys::{Keys, Reader};
use super::table::{self, RULE};
use super::{ExceptionItem, Name, Story};
use crate::alert::Priority;
use crate::diagnostic::Diagnostic;
use crate::yaml::traced::Traced;
use crate::yaml::{Node, Value};

/// What to do with an overridden key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// Put the new behind the old.
    Append,
    /// Put the new in place of the old.
    Replace,
}

/// A rule item: which rule, and what it does to it.
#[derive(Debug)]
pub(crate) struct RuleItem {
    /// The rule's name.
    pub(crate) name: Name,
    /// What to do.
    pub(crate) change: RuleChange,
    /// Tests beside the item, where the file asks for them.
    pub(crate) story: Option<Story>,
    /// Whether the file wants its rules asked by how serious they are.
    pub(crate) severest_first: bool,
}

/// What a rule item does.
#[derive(Debug)]
pub(crate) enum RuleChange {
    /// Defines the rule anew.
    Define(Box<Definition>),
    /// The deprecated `append: true`.
    Append {
        /// More of the condition.
        condition: Option<Traced>,
        /// More exceptions.
        exceptions: Vec<ExceptionItem>,
        /// The source, if the item repeats it.
        source: Option<Name>,
    },
    /// The deprecated item that has nothing but `enabled`.
    Enable(bool),
    /// `override`, appends first.
    Override {
        /// Key by key.
        changes: Vec<Change>,
        /// The source, if the item repeats it and overrides the condition.
        source: Option<Name>,
    },
}

/// One overridden key.
#[derive(Debug)]
pub(crate) enum Change {
    Condition(Op, Traced),
    Output(Op, Traced),
    Desc(Op, String),
    Tags(Op, BTreeSet<String>),
    Exceptions(Op, Vec<ExceptionItem>),
    Priority(Priority),
    Enabled(bool),
    WarnEvttypes(bool),
    SkipIfUnknownFilter(bool),
    Capture(bool),
    CaptureDuration(u32),
}

/// A rule as one item defines it.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a key of a rule, independent of the others"
)]
pub(crate) struct Definition {
    /// The condition's text.
    pub(crate) condition: Traced,
    /// The output's text, trimmed.
    pub(crate) output: Traced,
    /// What the rule is about.
    pub(crate) desc: String,
    /// How serious it is.
    pub(crate) priority: Priority,
    /// Whose events it sees; `syscall` when not given.
    pub(crate) source: Name,
    /// Whether it is evaluated.
    pub(crate) enabled: bool,
    /// Sorted tags.
    pub(crate) tags: BTreeSet<String>,
    /// The exceptions.
    pub(crate) exceptions: Vec<ExceptionItem>,
    /// Whether to warn when it sees nearly every event.
    pub(crate) warn_evttypes: bool,
    /// Whether a field or event we do not know drops the rule quietly.
    pub(crate) skip_if_unknown_filter: bool,
    /// Whether an alert asks for a capture file.
    pub(crate) capture: bool,
    /// For how long; 0 is as long as the configuration says.
    pub(crate) capture_duration_ms: u32,
}

/// Whether an item defines a rule: it has any of what a definition must have
/// besides its name.
fn defines(keys: &Keys<'_>) -> bool {
    let defining = RULE.names(|key| key.required && key.name != RULE.tag);
    defining.iter().any(|key| keys.get(key).is_some())
}

impl Reader<'_> {
    pub(super) fn rule(&mut self, keys: &Keys<'_>) -> Option<RuleItem> {
        self.unknown_keys(keys, &RULE);
        let name = self.name(keys, "rule");
        let append = self.flag(keys, "append", false);
        let overrides = self.overrides(keys, &RULE);
        let (Some(append), Some(overrides)) = (append, overrides) else {
            // What it does is not known; the rest of it is checked all the same.
            self.shapes(keys);
            return None;
        };
        let change = match overrides {
            Some(_) if append => {
                self.append_and_override(keys);
                None
            }
            Some(ops) => self.override_rule(keys, &ops),
            None if append => self.append_rule(keys),
            None if !defines(keys) => self.enable_rule(keys),
            None => self.define_rule(keys),
        };
        Some(RuleItem {
            name: name?,
            change: change?,
            story: self.story(keys),
            severest_first: self.features.severest_first,
        })
    }

    /// Checks the values of an item whose purpose is not known.
    fn shapes(&mut self, keys: &Keys<'_>) {
        for (key, _, node) in keys.entries() {
            match key {
                "condition" | "output" | "desc" | "source" => {
                    let _ = self.text(node, key);
                }
                "priority" => {
                    let _ = self.priority(node);
                }
                "tags" => {
                    let _ = self.tags(node);
                }
                "exceptions" => {
                    let _ = self.exceptions(node);
                }
                "enabled" | "warn_evttypes" | "skip-if-unknown-filter" | "capture" => {
                    let _ = self.boolean(node, key);
                }
                "capture_duration" => {
                    let _ = self.milliseconds(node);
                }
                _ => {}
            }
        }
    }

    /// A definition. One with mistakes is still given where it has a condition,
    /// the broken keys at harmless values, so that the condition's own mistakes
    /// are shown in the same run; the reported ones keep it from being used.
    fn define_rule(&mut self, keys: &Keys<'_>) -> Option<RuleChange> {
        let condition = self.required_text(keys, "condition");
        let output = self.required_text(keys, "output");
        let desc = self.required_text(keys, "desc");
        let priority = self
            .required(keys, "priority", "rule")
            .and_then(|node| self.priority(node));
        let source = self.definition_source(keys);
        let tags = keys.get("tags").and_then(|node| self.tags(node));
        let exceptions = keys
            .get("exceptions")
            .and_then(|node| self.exceptions(node));
        let capture = self.flag(keys, "capture", false).unwrap_or(false);
        let capture_duration = keys
            .get("capture_duration")
            .and_then(|node| self.milliseconds(node));
        Some(RuleChange::Define(Box::new(Definition {
            output: output.unwrap_or_default().trimmed(),
            desc: desc.unwrap_or_default().as_str().to_owned(),
            priority: priority.unwrap_or(Priority::Debug),
            enabled: self.flag(keys, "enabled", true).unwrap_or(true),
            tags: tags.unwrap_or_default(),
            exceptions: exceptions.unwrap_or_default(),
            warn_evttypes: self.flag(keys, "warn_evttypes", true).unwrap_or(true),
            skip_if_unknown_filter: self
                .flag(keys, "skip-if-unknown-filter", false)
                .unwrap_or(false),
            capture,
            capture_duration_ms: capture_duration.unwrap_or(0),
            source: source?,
            condition: condition?,
        })))
    }

    fn required_text(&mut self, keys: &Keys<'_>, key: &str) -> Option<Traced> {
        let node = self.required(keys, key, "rule")?;
        self.text(node, key)
    }

    fn definition_source(&mut self, keys: &Keys<'_>) -> Option<Name> {
        match keys.get("source") {
            Some(_) => self.name(keys, "source"),
            None => keys.get("rule").map(|node| Name {
                text: "syscall".to_owned(),
                place: self.place(node),
            }),
        }
    }

    /// The source an append or override repeats; empty and null say nothing.
    fn repeated_source(&self, keys: &Keys<'_>) -> Option<Name> {
        let node = keys.get("source")?;
        let text = node.text().map(Traced::as_str).filter(|s| !s.is_empty())?;
        Some(Name {
            text: text.to_owned(),
            place: self.place(node),
        })
    }

    fn milliseconds(&mut self, node: &Node) -> Option<u32> {
        let text = node.text().map_or("", Traced::as_str);
        let number = text.parse().ok();
        if number.is_none() {
            self.invalid("`capture_duration` is a number of milliseconds", node);
        }
        number
    }

    fn priority(&mut self, node: &Node) -> Option<Priority> {
        let text = self.text(node, "priority")?;
        let priority = Priority::parse(text.as_str());
        if priority.is_none() {
            let names = Priority::ALL.map(Priority::name);
            let message = format!("`{}` is no priority", text.as_str());
            let begun = text.as_str().to_lowercase();
            let begun = names
                .into_iter()
                .find(|name| begun.len() > 1 && name.to_lowercase().starts_with(&begun));
            let help = match begun.or(crate::diagnostic::nearest(text.as_str(), names)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the priorities are {}", names.join(", ")),
            };
            self.invalid(message, node).set_help(help);
        }
        priority
    }

    fn tags(&mut self, node: &Node) -> Option<BTreeSet<String>> {
        let texts = self.texts(node, "tags")?;
        Some(texts.iter().map(|tag| tag.as_str().to_owned()).collect())
    }

    fn enable_rule(&mut self, keys: &Keys<'_>) -> Option<RuleChange> {
        let Some(node) = keys.get("enabled") else {
            self.missing_definition(keys);
            return None;
        };
        let enabled = self.boolean(node, "enabled")?;
        self.diagnostics.push(
            Diagnostic::warning(
                "LOAD_DEPRECATED_ITEM",
                "switching a rule with `enabled` alone is deprecated",
            )
            .at(self.place(node))
            .help("add `override: {enabled: replace}`"),
        );
        Some(RuleChange::Enable(enabled))
    }

    fn missing_definition(&mut self, keys: &Keys<'_>) {
        let Some(node) = keys.get("rule") else {
            return;
        };
        let message = "this rule has none of `condition`, `output`, `desc` and `priority`";
        self.invalid(message, node).set_help(
            "to change a rule that is defined elsewhere, add `override`, as in \
             `override: {tags: append}`",
        );
    }

    fn append_rule(&mut self, keys: &Keys<'_>) -> Option<RuleChange> {
        self.deprecated_append(keys);
        if keys.get("condition").is_none() && keys.get("exceptions").is_none() {
            if let Some(node) = keys.get("rule") {
                let message = "`append: true` needs a `condition` or `exceptions`";
                self.report("LOAD_ERR_VALIDATE", message, node);
            }
            return None;
        }
        let condition = match keys.get("condition") {
            Some(node) => Some(self.text(node, "condition")?),
            None => None,
        };
        let exceptions = match keys.get("exceptions") {
            Some(node) => self.exceptions(node)?,
            None => Vec::new(),
        };
        Some(RuleChange::Append {
            condition,
            exceptions,
            source: self.repeated_source(keys),
        })
    }

    fn override_rule(&mut self, keys: &Keys<'_>, ops: &[(&str, Op)]) -> Option<RuleChange> {
        let mut sound = true;
        for (key, node, _) in keys.entries() {
            let row = RULE.keys.iter().find(|row| row.name == key);
            let verb = match row.map_or(table::Change::No, |row| row.change) {
                table::Change::No => continue,
                table::Change::Append => "`append` or `replace`",
                table::Change::Replace => "`replace`",
            };
            if ops.iter().all(|(listed, _)| *listed != key) {
                let message = format!("`{key}` is given and not listed under `override`");
                self.invalid(message, node)
                    .set_help(format!("list it under `override`, with {verb}"));
                sound = false;
            }
        }
        let mut changes = Vec::new();
        // Appends are applied before replaces, whatever the order written.
        for wanted in [Op::Append, Op::Replace] {
            for (key, op) in ops.iter().filter(|(_, op)| *op == wanted) {
                match self.change(keys, key, *op) {
                    Some(change) => changes.push(change),
                    None => sound = false,
                }
            }
        }
        let condition = ops.iter().any(|(key, _)| *key == "condition");
        let source = self.repeated_source(keys).filter(|_| condition);
        sound.then_some(RuleChange::Override { changes, source })
    }

    fn change(&mut self, keys: &Keys<'_>, key: &str, op: Op) -> Option<Change> {
        let Some(node) = keys.get(key) else {
            let shown = keys.get("override").or(keys.get("rule"))?;
            let message = format!("`{key}` is listed under `override` and not given");
            self.invalid(message, shown);
            return None;
        };
        Some(match key {
            "condition" => Change::Condition(op, self.text(node, key)?),
            "output" => Change::Output(op, self.text(node, key)?.trimmed()),
            "desc" => Change::Desc(op, self.text(node, key)?.as_str().to_owned()),
            "tags" => Change::Tags(op, self.tags(node)?),
            "exceptions" => Change::Exceptions(op, self.exceptions(node)?),
            "priority" => Change::Priority(self.priority(node)?),
            "enabled" => Change::Enabled(self.boolean(node, key)?),
            "warn_evttypes" => Change::WarnEvttypes(self.boolean(node, key)?),
            "skip-if-unknown-filter" => Change::SkipIfUnknownFilter(self.boolean(node, key)?),
            "capture" => Change::Capture(self.boolean(node, key)?),
            _ => Change::CaptureDuration(self.milliseconds(node)?),
        })
    }

    /// The exceptions of a rule that are well-formed; null is none.
    fn exceptions(&mut self, node: &Node) -> Option<Vec<ExceptionItem>> {
        if matches!(node.value, Value::Null) {
            return Some(Vec::new());
        }
        let nodes = self.sequence(node, "exceptions")?;
        Some(
            nodes
                .iter()
                .filter_map(|node| self.exception(node))
                .collect(),
        )
    }
}
