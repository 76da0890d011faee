//! Items in, the rules that may mean something else since then out.
//!
//! After each file everything has to be sound as it then stands. A rule whose
//! text names nothing that the file defined or changed is what it was before,
//! and was checked then: without this, a hundred files would be compiled a
//! hundred times.

use std::collections::HashSet;

use super::collection::{Collection, RuleText};
use super::exception;
use super::item::Item;
use super::list::words;
use super::macros::names_in;

/// Names of what was defined or changed.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Lists and macros: a condition may name both.
    named: HashSet<String>,
    /// Those of them whose names are no single word.
    odd: Vec<String>,
    rules: HashSet<String>,
}

impl Touched {
    /// Notes an item.
    pub(super) fn note(&mut self, item: &Item) {
        match item {
            Item::Plugins(_) | Item::Engine(_) => {}
            Item::List(list) => self.name(&list.name.text),
            Item::Macro(item) => self.name(&item.name.text),
            Item::Rule(rule) => {
                self.rules.insert(rule.name.text.clone());
            }
        }
    }

    fn name(&mut self, name: &str) {
        if self.named.insert(name.to_owned()) && words(name).next() != Some(name) {
            self.odd.push(name.to_owned());
        }
    }

    /// Adds the lists and macros that use one of these, through any number of
    /// others.
    pub(super) fn spread(&mut self, collection: &Collection) {
        loop {
            let before = self.named.len();
            for list in &collection.lists {
                if list.items.iter().any(|item| self.is_named(item.as_str())) {
                    self.name(&list.name.text);
                }
            }
            for known in &collection.macros {
                if self.is_named(known.condition.as_str()) {
                    self.name(&known.name.text);
                }
            }
            if self.named.len() == before {
                return;
            }
        }
    }

    /// Whether a rule may mean something else than before.
    pub(super) fn has(&self, rule: &RuleText) -> bool {
        self.rules.contains(&rule.name.text)
            || self.is_named(rule.condition.as_str())
            || (!rule.exceptions.is_empty()
                && self.is_named(exception::expand(&rule.condition, &rule.exceptions).as_str()))
    }

    fn is_named(&self, text: &str) -> bool {
        words(text).any(|word| self.named.contains(word))
            || names_in(text).any(|name| self.named.contains(name))
            || self.odd.iter().any(|name| text.contains(name.as_str()))
    }
}
