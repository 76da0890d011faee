//! Items in, in file order; lists, macros and rules as they stand after all of
//! them out.
//!
//! A later item defines anew, appends to or overrides an earlier one. The
//! order of first definition is the order of rules for ever; the order of last
//! change decides what a list or macro may name.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::exception::{self, Exception};
use super::item::{
    Change, Definition, Item, Items, ListItem, MacroItem, Name, Op, PluginEntry, RuleChange,
    RuleItem, Story, Version,
};
use super::touched::Touched;
use crate::alert::Priority;
use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::yaml::traced::Traced;

const INVALID: &str = "LOAD_ERR_VALIDATE";

/// A list as it stands.
#[derive(Debug, Clone)]
pub(crate) struct List {
    /// Its name, where it was defined first.
    pub(crate) name: Name,
    /// Its items, as written.
    pub(crate) items: Vec<Traced>,
    /// When it was defined first.
    pub(crate) index: usize,
    /// When it was changed last; it may name lists of a smaller index.
    pub(crate) visibility: usize,
}

/// A macro as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Macro {
    /// Its name, where it was defined last.
    pub(crate) name: Name,
    /// Its condition, as written.
    pub(crate) condition: Traced,
    /// Where in its text each appended part starts.
    pub(crate) appended: Vec<usize>,
    /// When it was defined first.
    pub(crate) index: usize,
    /// When it was changed last; it may name macros of a smaller index.
    pub(crate) visibility: usize,
}

/// A rule as it stands.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a key of a rule, independent of the others"
)]
pub(crate) struct RuleText {
    /// Its name, where it was defined last.
    pub(crate) name: Name,
    /// Its condition, as written, exceptions not put in.
    pub(crate) condition: Traced,
    /// Where in the condition each appended part starts.
    pub(crate) appended: Vec<usize>,
    /// Its output, as written.
    pub(crate) output: Traced,
    /// What it is about.
    pub(crate) desc: String,
    /// How serious.
    pub(crate) priority: Priority,
    /// Whose events it sees.
    pub(crate) source: Name,
    /// Whether it is evaluated.
    pub(crate) enabled: bool,
    /// Sorted tags.
    pub(crate) tags: BTreeSet<String>,
    /// Its exceptions.
    pub(crate) exceptions: Vec<Exception>,
    /// Whether to warn when it sees nearly every event.
    pub(crate) warn_evttypes: bool,
    /// Whether a field or event we do not know drops it quietly.
    pub(crate) skip_if_unknown_filter: bool,
    /// Whether an alert asks for a capture file.
    pub(crate) capture: bool,
    /// For how long; 0 is as long as the configuration says.
    pub(crate) capture_duration_ms: u32,
    /// Its tests, those of its definition first.
    pub(crate) stories: Vec<Story>,
    /// Whether it is asked by how serious it is among all such rules, and not where it
    /// was written.
    pub(crate) severest_first: bool,
}

/// Everything the files read so far define.
#[derive(Debug, Default)]
pub(crate) struct Collection {
    /// In the order of first definition.
    pub(crate) lists: Vec<List>,
    /// In the order of first definition.
    pub(crate) macros: Vec<Macro>,
    /// In rule order.
    pub(crate) rules: Vec<RuleText>,
    /// The newest engine that is wanted.
    pub(crate) engine: Option<Version>,
    /// What plugins are wanted.
    pub(crate) plugins: Vec<PluginEntry>,
    /// Positions in `rules`.
    by_name: HashMap<String, usize>,
    /// Positions in `lists` and in `macros`.
    list_places: HashMap<String, usize>,
    macro_places: HashMap<String, usize>,
    /// What was defined or changed since it was last asked for.
    touched: Touched,
    /// Items that could not be read; missing them is no second mistake.
    broken: BTreeSet<String>,
    /// Whether a whole file could not be read.
    incomplete: bool,
    /// Counts definitions.
    clock: usize,
}

impl Collection {
    /// Whether a name that is not there may be in what could not be read.
    pub(crate) fn may_be_broken(&self, name: &str) -> bool {
        self.incomplete || self.broken.contains(name)
    }

    /// Puts one rule in the place of all.
    pub(crate) fn leave_only(&mut self, rule: RuleText) {
        self.rules = vec![rule];
        self.by_name.clear();
    }

    /// What was defined or changed since this was last called.
    pub(crate) fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    /// Notes that a file gave nothing.
    pub(crate) fn missing_file(&mut self) {
        self.incomplete = true;
    }

    /// Adds what a file gives, and every mistake that shows in doing so.
    pub(crate) fn add(&mut self, items: Items, diagnostics: &mut Vec<Diagnostic>) {
        self.broken.extend(items.broken);
        for item in items.items {
            self.clock += 1;
            self.touched.note(&item);
            match item {
                Item::Engine(version) => self.engine = self.engine.max(Some(version)),
                Item::Plugins(plugins) => self.plugins.extend(plugins),
                Item::List(item) => diagnostics.extend(self.list(item)),
                Item::Macro(item) => diagnostics.extend(self.macro_item(item)),
                Item::Rule(item) => self.rule(*item, diagnostics),
            }
        }
    }

    fn list(&mut self, item: ListItem) -> Option<Diagnostic> {
        let known = self.list_places.get(&item.name.text).copied();
        let existing = known.and_then(|at| self.lists.get_mut(at));
        match existing {
            Some(list) => {
                if !item.append {
                    list.items.clear();
                }
                list.items.extend(item.items);
                list.visibility = self.clock;
                None
            }
            None if item.append => {
                let names = self.lists.iter().map(|list| list.name.text.as_str());
                self.no_target("list", &item.name, names)
            }
            None => {
                let name = item.name.text.clone();
                self.list_places.insert(name, self.lists.len());
                self.lists.push(List {
                    name: item.name,
                    items: item.items,
                    index: self.clock,
                    visibility: self.clock,
                });
                None
            }
        }
    }

    fn macro_item(&mut self, item: MacroItem) -> Option<Diagnostic> {
        let known = self.macro_places.get(&item.name.text).copied();
        let existing = known.and_then(|at| self.macros.get_mut(at));
        match existing {
            Some(known) => {
                if item.append {
                    known.appended.push(known.condition.as_str().len() + 1);
                    known.condition = joined(&known.condition, &item.condition);
                } else {
                    known.appended.clear();
                    known.name = item.name;
                    known.condition = item.condition;
                }
                known.visibility = self.clock;
                None
            }
            None if item.append => {
                let names = self.macros.iter().map(|known| known.name.text.as_str());
                self.no_target("macro", &item.name, names)
            }
            None => {
                let name = item.name.text.clone();
                self.macro_places.insert(name, self.macros.len());
                self.macros.push(Macro {
                    name: item.name,
                    condition: item.condition,
                    appended: Vec::new(),
                    index: self.clock,
                    visibility: self.clock,
                });
                None
            }
        }
    }

    fn no_target<'a>(
        &self,
        kind: &str,
        name: &Name,
        names: impl Iterator<Item = &'a str>,
    ) -> Option<Diagnostic> {
        if self.may_be_broken(&name.text) {
            return None;
        }
        let message = format!("no {kind} is named `{}` so far", name.text);
        Some(
            Diagnostic::error(INVALID, message)
                .at(name.place.clone())
                .suggest(&name.text, names),
        )
    }

    fn rule(&mut self, item: RuleItem, diagnostics: &mut Vec<Diagnostic>) {
        let RuleItem {
            name,
            change,
            story,
            severest_first,
        } = item;
        let change = match change {
            RuleChange::Define(definition) => {
                let mut rule = RuleText::new(name, *definition, story, diagnostics);
                rule.severest_first = severest_first;
                self.define_rule(rule, diagnostics);
                return;
            }
            change => change,
        };
        let Some(rule) = self
            .by_name
            .get(&name.text)
            .and_then(|at| self.rules.get_mut(*at))
        else {
            let names = self.rules.iter().map(|rule| rule.name.text.as_str());
            diagnostics.extend(self.no_target("rule", &name, names));
            return;
        };
        rule.stories.extend(story);
        match change {
            RuleChange::Define(_) => {}
            RuleChange::Enable(enabled) => rule.enabled = enabled,
            RuleChange::Append {
                condition,
                exceptions,
                source,
            } => {
                diagnostics.extend(source.and_then(|source| source_change(&rule.source, &source)));
                if let Some(condition) = condition {
                    rule.append_condition(&condition);
                }
                exception::append(&mut rule.exceptions, exceptions, diagnostics);
            }
            RuleChange::Override { changes, source } => {
                diagnostics.extend(source.and_then(|source| source_change(&rule.source, &source)));
                for change in changes {
                    rule.change(change, diagnostics);
                }
            }
        }
    }

    fn define_rule(&mut self, rule: RuleText, diagnostics: &mut Vec<Diagnostic>) {
        let key = rule.name.text.clone();
        let old = self
            .by_name
            .get(&key)
            .and_then(|at| self.rules.get_mut(*at));
        if let Some(old) = old {
            diagnostics.extend(source_change(&old.source, &rule.source));
            *old = rule;
        } else {
            self.by_name.insert(key, self.rules.len());
            self.rules.push(rule);
        }
    }
}

impl RuleText {
    fn new(
        name: Name,
        definition: Definition,
        story: Option<Story>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            name,
            condition: definition.condition,
            appended: Vec::new(),
            output: definition.output,
            desc: definition.desc,
            priority: definition.priority,
            source: definition.source,
            enabled: definition.enabled,
            tags: definition.tags,
            exceptions: exception::define(definition.exceptions, diagnostics),
            warn_evttypes: definition.warn_evttypes,
            skip_if_unknown_filter: definition.skip_if_unknown_filter,
            capture: definition.capture,
            capture_duration_ms: definition.capture_duration_ms,
            stories: story.into_iter().collect(),
            severest_first: false,
        }
    }

    /// A rule that is nothing but its condition.
    pub(crate) fn bare(condition: &Arc<SourceFile>) -> Self {
        let whole = Place::new(condition, 0..condition.text.len());
        let name = |text: &str| Name {
            text: text.to_owned(),
            place: whole.clone(),
        };
        let mut text = Traced::default();
        text.push_written(&condition.text, condition, 0);
        Self {
            name: name("condition"),
            condition: text,
            appended: Vec::new(),
            output: Traced::fixed("condition", &whole),
            desc: String::new(),
            priority: Priority::Debug,
            source: name("syscall"),
            enabled: true,
            tags: BTreeSet::new(),
            exceptions: Vec::new(),
            warn_evttypes: false,
            skip_if_unknown_filter: false,
            capture: false,
            capture_duration_ms: 0,
            stories: Vec::new(),
            severest_first: false,
        }
    }

    fn append_condition(&mut self, more: &Traced) {
        self.appended.push(self.condition.as_str().len() + 1);
        self.condition = joined(&self.condition, more);
    }

    fn change(&mut self, change: Change, diagnostics: &mut Vec<Diagnostic>) {
        match change {
            Change::Condition(Op::Append, more) => self.append_condition(&more),
            Change::Condition(Op::Replace, new) => {
                self.appended.clear();
                self.condition = new;
            }
            Change::Output(Op::Append, more) => self.output = joined(&self.output, &more),
            Change::Output(Op::Replace, new) => self.output = new,
            Change::Desc(Op::Append, more) => {
                self.desc.push(' ');
                self.desc.push_str(&more);
            }
            Change::Desc(Op::Replace, new) => self.desc = new,
            Change::Tags(Op::Append, more) => self.tags.extend(more),
            Change::Tags(Op::Replace, new) => self.tags = new,
            Change::Exceptions(Op::Append, more) => {
                exception::append(&mut self.exceptions, more, diagnostics);
            }
            Change::Exceptions(Op::Replace, new) => {
                self.exceptions = exception::define(new, diagnostics);
            }
            Change::Priority(new) => self.priority = new,
            Change::Enabled(new) => self.enabled = new,
            Change::WarnEvttypes(new) => self.warn_evttypes = new,
            Change::SkipIfUnknownFilter(new) => self.skip_if_unknown_filter = new,
            Change::Capture(new) => self.capture = new,
            Change::CaptureDuration(new) => self.capture_duration_ms = new,
        }
    }
}

/// Old and new text with one blank between.
fn joined(old: &Traced, new: &Traced) -> Traced {
    let mut out = old.clone();
    if let Some(place) = new.whole() {
        let start = place.range.start;
        out.glue(" ", &Place::new(&place.file, start..start));
    }
    out.push(new);
    out
}

fn source_change(old: &Name, new: &Name) -> Option<Diagnostic> {
    (old.text != new.text).then(|| {
        let message = format!(
            "this rule has the source `{}`, which cannot become `{}`",
            old.text, new.text
        );
        Diagnostic::error(INVALID, message)
            .at(new.place.clone())
            .related(old.place.clone(), "defined here")
    })
}
