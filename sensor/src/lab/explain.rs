//! A rule, macro or list by name in, everything about it out: its condition as
//! a tree, what it asks for, what can fire it, what stands in its way.
//!
//! What leaves is plain values that print as JSON; what is said of other rules
//! is proved or called possible.

mod part;
#[cfg(test)]
mod tests;

use sensor_ebpf::{Kind, KindSet};
use serde::Serialize;

use crate::detect::prove::Prover;
use crate::detect::rules::{Rule, StudiedRule, Study};
use crate::events::{self, EventSet};
use crate::fields::{FieldRef, Source, Subject};

pub(crate) use part::{ListUse, Part};

/// What is asked beside the name.
pub(crate) struct Question<'q> {
    /// Everything loaded.
    pub(crate) study: &'q Study,
    /// Whether all rules that are true alert, so that none hides another.
    pub(crate) all_match: bool,
    /// The hooks that report a kind of record.
    pub(crate) hooks: fn(Kind) -> Vec<String>,
    /// The hook of its own of a system call without a kind of its own.
    pub(crate) hook_of_call: fn(&str) -> String,
}

/// What a name stands for.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Explanation {
    Rule(Box<RuleExplained>),
    Macro(MacroExplained),
    List(ListExplained),
}

/// A rule.
#[derive(Debug, Serialize)]
pub(crate) struct RuleExplained {
    pub(crate) name: String,
    /// `file:line:column` of its definition.
    pub(crate) place: String,
    pub(crate) desc: String,
    pub(crate) priority: &'static str,
    /// `in force`, or why it is not.
    pub(crate) standing: &'static str,
    pub(crate) tags: Vec<String>,
    pub(crate) condition: Part,
    /// What the condition asks for, in its order.
    pub(crate) fields: Vec<FieldExplained>,
    pub(crate) events: Events,
    /// What the kernel must report for it.
    pub(crate) capture: Vec<Captured>,
    pub(crate) earlier: Earlier,
    pub(crate) exceptions: Vec<ExceptionExplained>,
    pub(crate) output: Output,
    /// With an event: what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verdict: Option<Verdict>,
}

/// A field a condition or an output asks for.
#[derive(Debug, Serialize)]
pub(crate) struct FieldExplained {
    /// As written.
    pub(crate) name: String,
    pub(crate) r#type: &'static str,
    pub(crate) meaning: &'static str,
    /// Whether this build ever gives it a value.
    pub(crate) filled: bool,
}

/// The events that can make a condition true.
#[derive(Debug, Serialize)]
pub(crate) struct Events {
    /// Whether that is every event there is.
    pub(crate) all: bool,
    /// Those this build captures.
    pub(crate) captured: Vec<&'static str>,
    /// Those it does not; empty when it is all of them.
    pub(crate) not_captured: Vec<&'static str>,
}

/// A kind of record the kernel must report.
#[derive(Debug, Serialize)]
pub(crate) struct Captured {
    pub(crate) kind: &'static str,
    /// Where the kernel side hangs.
    pub(crate) hooks: Vec<String>,
    /// The events it becomes that this rule can use.
    pub(crate) events: Vec<&'static str>,
    /// Whether it is captured whatever the rules, for the process table.
    pub(crate) always: bool,
    /// How many other rules in force need it, too.
    pub(crate) other_rules: usize,
}

/// The rules asked before it for the same events.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Earlier {
    /// Whether the first match wins, so that they matter.
    pub(crate) first_match_wins: bool,
    /// Those that are true whenever it is.
    pub(crate) always: Vec<String>,
    /// Those that can be true together with it.
    pub(crate) possible: Vec<String>,
}

/// An exception of a rule.
#[derive(Debug, Serialize)]
pub(crate) struct ExceptionExplained {
    pub(crate) name: String,
    pub(crate) place: String,
    /// What it lets pass, as it stands in the condition.
    pub(crate) condition: String,
    /// Why it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
    /// The last day on which it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
}

/// What an alert says.
#[derive(Debug, Serialize)]
pub(crate) struct Output {
    pub(crate) format: String,
    pub(crate) fields: Vec<FieldExplained>,
}

/// What a rule made of an event.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    /// Whether its condition is true.
    pub(crate) holds: bool,
    /// The rules in force that are true for it, in order.
    pub(crate) matching: Vec<String>,
    /// The event type, where it is one that the rule is not even asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_asked_for: Option<String>,
}

/// A macro.
#[derive(Debug, Serialize)]
pub(crate) struct MacroExplained {
    pub(crate) name: String,
    pub(crate) place: String,
    pub(crate) condition: Part,
    /// The rules and macros that name it.
    pub(crate) used_by: Vec<String>,
}

/// A list.
#[derive(Debug, Serialize)]
pub(crate) struct ListExplained {
    pub(crate) name: String,
    pub(crate) place: String,
    /// As written: names of lists among them are not filled in.
    pub(crate) items: Vec<String>,
    /// The rules, macros and lists that name it.
    pub(crate) used_by: Vec<String>,
}

impl Question<'_> {
    /// Explains a rule; with an event, what it makes of it. `None` when there
    /// is no rule of that name or it could not be compiled.
    pub(crate) fn rule<S: Subject>(&self, name: &str, event: Option<&S>) -> Option<RuleExplained> {
        let studied = self.rule_named(name)?;
        let rule = studied.rule.as_ref()?;
        Some(RuleExplained {
            name: name.to_owned(),
            place: studied.written.name.place.to_string(),
            desc: rule.desc.clone(),
            priority: rule.priority.name(),
            standing: studied.standing.words(),
            tags: rule.tags.iter().map(ToString::to_string).collect(),
            condition: part::of_rule(self.study, studied, rule, event),
            fields: rule.condition.fields().iter().map(explained).collect(),
            events: sorted_events(rule.events),
            capture: self.capture(rule),
            earlier: self.earlier(name, rule),
            exceptions: exceptions(studied),
            output: Output {
                format: studied.written.output.as_str().to_owned(),
                fields: rule.output.fields().map(explained).collect(),
            },
            verdict: event.map(|event| self.verdict(rule, event)),
        })
    }

    fn rule_named(&self, name: &str) -> Option<&StudiedRule> {
        let mut rules = self.study.rules.iter();
        rules.find(|rule| rule.written.name.text == name)
    }

    /// Explains a macro.
    pub(crate) fn macro_named(&self, name: &str) -> Option<MacroExplained> {
        let known = self.study.macro_named(name)?;
        Some(MacroExplained {
            name: name.to_owned(),
            place: known.written.name.place.to_string(),
            condition: part::of_macro(self.study, known),
            used_by: part::users_of_macro(self.study, name),
        })
    }

    /// Explains a list.
    pub(crate) fn list(&self, name: &str) -> Option<ListExplained> {
        let mut lists = self.study.lists.iter().map(|list| &list.written);
        let list = lists.find(|list| list.name.text == name)?;
        let items = list.items.iter().map(|item| item.as_str().to_owned());
        Some(ListExplained {
            name: name.to_owned(),
            place: list.name.place.to_string(),
            items: items.collect(),
            used_by: part::users_of_list(self.study, name),
        })
    }

    /// The rules in force, in order.
    fn in_force(&self) -> impl Iterator<Item = &Rule> {
        self.study.in_force().map(|(_, rule)| &**rule)
    }

    fn capture(&self, rule: &Rule) -> Vec<Captured> {
        let wanted = |rule: &Rule, kind: Kind| -> Vec<&'static str> {
            let calls = match kind {
                Kind::Call => events::numbers::generic_calls(),
                _ => &[],
            };
            let events = events::of_kind(kind).iter().chain(calls).copied();
            events
                .filter(|name| events::by_name(name).is_some_and(|code| rule.events.contains(code)))
                .collect()
        };
        let kinds = Kind::ALL.into_iter().map(|kind| {
            let others = self.in_force().filter(|other| other.name != rule.name);
            let events = wanted(rule, kind);
            let mut hooks = (self.hooks)(kind);
            if kind == Kind::Call {
                let own = events.iter().map(|name| (self.hook_of_call)(name));
                hooks.splice(0..0, own);
            }
            Captured {
                kind: kind.name(),
                hooks,
                events,
                always: KindSet::PROCESS.contains(kind),
                other_rules: others
                    .filter(|other| !wanted(other, kind).is_empty())
                    .count(),
            }
        });
        kinds.filter(|kind| !kind.events.is_empty()).collect()
    }

    /// The rules before it in order that are true whenever it is, or can be.
    fn earlier(&self, name: &str, rule: &Rule) -> Earlier {
        let mut earlier = Earlier {
            first_match_wins: !self.all_match,
            ..Earlier::default()
        };
        if self.all_match {
            return earlier;
        }
        let mut prover = Prover::default();
        let own = prover.formula(&rule.tree);
        // One that is off is asked nowhere; it would be where it is defined.
        let off = self.in_force().all(|other| &*other.name != name);
        let defined = self.study.rules.iter();
        let defined = defined.take_while(|other| other.written.name.text != name);
        let defined: Vec<&str> = defined
            .map(|other| other.written.name.text.as_str())
            .collect();
        let before = self.in_force().take_while(|other| &*other.name != name);
        for other in before.filter(|other| !off || defined.contains(&&*other.name)) {
            if other.events.intersect(rule.events).is_empty() {
                continue;
            }
            let formula = prover.formula(&other.tree);
            if prover.implies(&own, &formula) {
                earlier.always.push(other.name.to_string());
            } else if !prover.impossible(&[(&own, true), (&formula, true)]) {
                earlier.possible.push(other.name.to_string());
            }
        }
        earlier
    }

    fn verdict<S: Subject>(&self, rule: &Rule, event: &S) -> Verdict {
        let kind = event_type(event);
        let asked = |rule: &Rule| {
            let code = kind.as_deref().and_then(events::by_name);
            code.is_none_or(|code| rule.events.contains(code))
        };
        let matching = self
            .in_force()
            .filter(|other| asked(other) && other.condition.matches(event));
        Verdict {
            holds: rule.condition.matches(event),
            matching: matching.map(|rule| rule.name.to_string()).collect(),
            not_asked_for: kind.clone().filter(|_| !asked(rule)),
        }
    }
}

/// The event's type, if it says one.
fn event_type<S: Subject>(event: &S) -> Option<String> {
    let field = crate::fields::lookup("evt.type", None).ok()?;
    match event.value(&field)? {
        crate::fields::Value::Text(name) => Some(String::from_utf8_lossy(name).into_owned()),
        _ => None,
    }
}

fn explained(field: &FieldRef) -> FieldExplained {
    FieldExplained {
        name: field.written.to_string(),
        r#type: field.field.ty.word(),
        meaning: field.field.doc,
        filled: field.field.source == Source::Live,
    }
}

fn sorted_events(set: EventSet) -> Events {
    let all = set == crate::detect::analysis::all();
    let rows = events::rows().iter();
    let rows = rows.filter(|row| events::by_name(row.name).is_some_and(|code| set.contains(code)));
    let (captured, others): (Vec<_>, Vec<_>) = rows.partition(|row| row.captured());
    let names = |rows: Vec<&'static events::EventType>| rows.iter().map(|row| row.name).collect();
    Events {
        all,
        captured: names(captured),
        not_captured: if all { Vec::new() } else { names(others) },
    }
}

fn exceptions(studied: &StudiedRule) -> Vec<ExceptionExplained> {
    let exceptions = studied.exceptions.iter();
    exceptions
        .map(|exception| ExceptionExplained {
            name: exception.name.clone(),
            place: exception.place.to_string(),
            condition: exception.tree.to_string(),
            reason: exception
                .terms
                .reason
                .as_ref()
                .map(|name| name.text.clone()),
            owner: exception.terms.owner.as_ref().map(|name| name.text.clone()),
            expires: exception
                .terms
                .expires
                .as_ref()
                .map(|(last, _)| last.to_string()),
        })
        .collect()
}
