//! Everything the files define, for those who study rules instead of running
//! them: rules that are off too, macros and lists with their places, and the
//! texts that trees were read from.
//!
//! What is here loaded without an error; nothing is evaluated.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;

use super::collection::{Collection, List, Macro, RuleText};
use super::compile;
use super::exception;
use super::item::Terms;
use super::{LoadOptions, Rule};
use crate::detect::syntax::{self, Expr};
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::traced::Traced;

/// Everything loaded.
#[derive(Debug)]
pub(crate) struct Study {
    /// In rule order.
    pub(crate) rules: Vec<StudiedRule>,
    /// Places in `rules` of those in force, in the order they are asked.
    asked: Vec<usize>,
    /// In the order of first definition.
    pub(crate) macros: Vec<StudiedMacro>,
    /// In the order of first definition.
    pub(crate) lists: Vec<StudiedList>,
    /// What works and deserves a look.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The day it is.
    pub(crate) today: Option<Date>,
    macros_by_name: HashMap<String, usize>,
}

/// Whether a rule is evaluated, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is.
    InForce,
    /// It is switched off.
    Disabled,
    /// It is in none of the packs that were chosen.
    OtherPack,
    /// It is less serious than the configuration asks for.
    BelowPriority,
    /// It is of another source, or wants what this sensor does not know.
    Skipped,
}

impl Standing {
    /// In words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::Disabled => "disabled",
            Self::OtherPack => "in no pack that is chosen",
            Self::BelowPriority => "below the configured priority",
            Self::Skipped => "skipped",
        }
    }
}

/// A rule.
#[derive(Debug)]
pub(crate) struct StudiedRule {
    /// As its items made it.
    pub(crate) written: RuleText,
    /// Compiled; nothing when it is skipped.
    pub(crate) rule: Option<Arc<Rule>>,
    /// Whether it is evaluated.
    pub(crate) standing: Standing,
    /// Its condition with exceptions put in, lists still by name.
    pub(crate) unlisted: Traced,
    /// The text its tree was read from: exceptions and lists put in.
    pub(crate) text: Traced,
    /// Its exceptions that have values and did not expire, each as a condition
    /// of its own.
    pub(crate) exceptions: Vec<StudiedException>,
}

/// An exception as a condition: what it lets pass.
#[derive(Debug)]
pub(crate) struct StudiedException {
    /// Its name.
    pub(crate) name: String,
    /// Where it is named.
    pub(crate) place: Place,
    /// Why it is there, who answers for it, and until when.
    pub(crate) terms: Terms,
    /// What it adds behind `and not `, lists and macros put in.
    pub(crate) tree: Arc<Expr>,
}

/// A macro.
#[derive(Debug)]
pub(crate) struct StudiedMacro {
    /// As its items made it.
    pub(crate) written: Macro,
    /// The text its tree was read from.
    pub(crate) text: Traced,
    /// Its condition, macros filled in.
    pub(crate) tree: Arc<Expr>,
}

/// A list.
#[derive(Debug)]
pub(crate) struct StudiedList {
    /// As its items made it.
    pub(crate) written: List,
}

impl Study {
    /// Compiles a collection, and keeps what compiling it for a run throws away.
    pub(super) fn of(
        collection: &Collection,
        options: &LoadOptions,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut compiled = compile::everything(collection, options, diagnostics);
        let mut rules = Vec::with_capacity(collection.rules.len());
        let compiled_rules = std::mem::take(&mut compiled.rules);
        for (written, rule) in collection.rules.iter().zip(compiled_rules) {
            let mut exceptions = written.exceptions.clone();
            exceptions.retain(|exception| exception.holds_on(options.today));
            let unlisted = exception::expand(&written.condition, &exceptions);
            let text = compiled.lists.expand(&unlisted);
            rules.push(StudiedRule {
                standing: standing(written, rule.as_ref(), options),
                rule: rule.map(Arc::new),
                // A text that cannot be expanded was reported as an error.
                text: text.unwrap_or_else(|_| unlisted.clone()),
                unlisted,
                exceptions: exceptions
                    .iter()
                    .filter_map(|exception| {
                        let text = compiled.lists.expand(&exception.text()?).ok()?;
                        let parsed = syntax::parse(text.as_str()).ok()?;
                        let filled = compiled.macros.fill(&parsed, &text, &mut Vec::new());
                        Some(StudiedException {
                            name: exception.name.text.clone(),
                            place: exception.name.place.clone(),
                            terms: exception.terms.clone(),
                            tree: filled.tree,
                        })
                    })
                    .collect(),
                written: written.clone(),
            });
        }
        let macros: Vec<_> = collection
            .macros
            .iter()
            .zip(compiled.macros.outcomes())
            .filter_map(|(written, (text, tree))| {
                Some(StudiedMacro {
                    written: written.clone(),
                    text: text.clone(),
                    tree: Arc::clone(tree?),
                })
            })
            .collect();
        let names = macros.iter().enumerate();
        Self {
            macros_by_name: names
                .map(|(at, known)| (known.written.name.text.clone(), at))
                .collect(),
            asked: compile::in_force(collection, options),
            rules,
            macros,
            lists: collection
                .lists
                .iter()
                .map(|written| StudiedList {
                    written: written.clone(),
                })
                .collect(),
            diagnostics: Vec::new(),
            today: options.today,
        }
    }

    /// The rules in force with their compiled forms, in the order they are asked.
    pub(crate) fn in_force(&self) -> impl Iterator<Item = (&StudiedRule, &Arc<Rule>)> {
        let asked = self.asked.iter().filter_map(|at| self.rules.get(*at));
        asked.filter_map(|studied| Some((studied, studied.rule.as_ref()?)))
    }

    /// The macro of that name.
    pub(crate) fn macro_named(&self, name: &str) -> Option<&StudiedMacro> {
        self.macros.get(*self.macros_by_name.get(name)?)
    }
}

fn standing(written: &RuleText, rule: Option<&Rule>, options: &LoadOptions) -> Standing {
    if rule.is_none() {
        Standing::Skipped
    } else if !compile::is_enabled(written, options) {
        if compile::is_of_a_pack(written, options) {
            Standing::Disabled
        } else {
            Standing::OtherPack
        }
    } else if written.priority > options.min_priority {
        Standing::BelowPriority
    } else {
        Standing::InForce
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Priority;
    use crate::detect::rules::{Selector, Which, study_texts};

    const RULES: &str = r"
- list: shells
  items: [sh, bash]
- macro: started
  condition: evt.type = execve
- macro: unused
  condition: started
- rule: one
  desc: d
  condition: started and proc.name in (shells)
  output: o
  priority: NOTICE
  exceptions:
    - name: known
      fields: [proc.pname]
      values: [[cron]]
- rule: off
  desc: d
  condition: started
  output: o
  priority: NOTICE
  enabled: false
- rule: quiet
  desc: d
  condition: started
  output: o
  priority: DEBUG
- rule: elsewhere
  desc: d
  condition: whatever
  output: o
  priority: NOTICE
  source: k8s_audit
- rule: one
  condition: and proc.pid > 1
  override: { condition: append }
";

    #[test]
    fn rules_that_are_off_are_there_with_the_reason() {
        let options = LoadOptions {
            min_priority: Priority::Notice,
            ..LoadOptions::default()
        };
        let study = study_texts(&[("r.yaml", RULES.as_bytes())], &options).unwrap();
        let standing: Vec<_> = study
            .rules
            .iter()
            .map(|rule| (rule.written.name.text.as_str(), rule.standing.words()))
            .collect();
        assert_eq!(
            standing,
            [
                ("one", "in force"),
                ("off", "disabled"),
                ("quiet", "below the configured priority"),
                ("elsewhere", "skipped"),
            ]
        );
        assert_eq!(study.macros.len(), 2);
        assert_eq!(study.lists.len(), 1);
    }

    #[test]
    fn rules_in_force_come_in_the_order_they_are_asked() {
        let select = |enable, name: &str| Selector {
            enable,
            which: Which::Rule(name.to_owned()),
        };
        let options = LoadOptions {
            selectors: vec![
                select(false, "one"),
                select(true, "off"),
                select(true, "one"),
            ],
            ..LoadOptions::default()
        };
        let study = study_texts(&[("r.yaml", RULES.as_bytes())], &options).unwrap();
        let names: Vec<&str> = study.in_force().map(|(_, rule)| &*rule.name).collect();
        assert_eq!(names, ["quiet", "off", "one"]);
    }

    #[test]
    fn a_rule_keeps_its_texts_exceptions_and_seams() {
        let options = LoadOptions::default();
        let study = study_texts(&[("r.yaml", RULES.as_bytes())], &options).unwrap();
        let rule = &study.rules[0];
        assert!(rule.unlisted.as_str().contains("(shells)"));
        assert!(rule.text.as_str().contains("sh, bash"));
        let at = rule.text.as_str().find("bash").unwrap();
        assert_eq!(rule.text.list(&(at..at + 4)), Some("shells"));
        assert_eq!(rule.exceptions[0].name, "known");
        assert_eq!(rule.exceptions[0].tree.to_string(), "proc.pname = cron");
        let seam = rule.written.appended[0];
        assert_eq!(&rule.written.condition.as_str()[seam..], "and proc.pid > 1");
    }
}
