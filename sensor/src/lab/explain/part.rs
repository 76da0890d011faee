//! A tree and the text it was read from in, the tree as a person reads it out:
//! macros with the place they are defined at, lists by name with their items.

use std::sync::Arc;

use serde::Serialize;

use crate::detect::rules::{Rule, StudiedMacro, StudiedRule, Study};
use crate::detect::syntax::{Check, Comparison, Expr, ExprKind, Literal, Right};
use crate::detect::trace::{Anatomy, Kind, Seen, Trace};
use crate::fields::Subject;
use crate::yaml::traced::Traced;

/// A part of a condition.
#[derive(Debug, Serialize)]
pub(crate) struct Part {
    /// What it is.
    pub(crate) kind: Kind,
    /// A macro's name, or a comparison with its lists by name; empty for others.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) text: String,
    /// Where a macro is defined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) defined: Option<String>,
    /// The lists a comparison names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) lists: Vec<ListUse>,
    /// With an event: what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seen: Option<Seen>,
    /// What is in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<Part>,
}

/// A list where it is named.
#[derive(Debug, Serialize)]
pub(crate) struct ListUse {
    pub(crate) name: String,
    /// What it put there.
    pub(crate) items: Vec<String>,
}

/// The condition of a rule; with an event, what became of every part.
pub(super) fn of_rule<S: Subject>(
    study: &Study,
    studied: &StudiedRule,
    rule: &Rule,
    event: Option<&S>,
) -> Part {
    let trace = event.and_then(|event| Some(Anatomy::new(&rule.tree).ok()?.trace(event)));
    let mut builder = Builder {
        study,
        trace: trace.as_ref(),
        next: 0,
    };
    builder.part(&rule.tree, &studied.text)
}

/// The condition of a macro.
pub(super) fn of_macro(study: &Study, known: &StudiedMacro) -> Part {
    let mut builder = Builder {
        study,
        trace: None,
        next: 0,
    };
    builder.part(&known.tree, &known.text)
}

struct Builder<'b> {
    study: &'b Study,
    trace: Option<&'b Trace>,
    /// The number of the next part: a part before those in it, as in a trace.
    next: usize,
}

impl Builder<'_> {
    fn part(&mut self, expr: &Expr, text: &Traced) -> Part {
        let seen = self.trace.and_then(|trace| trace.parts.get(self.next));
        let seen = seen.cloned();
        self.next += 1;
        let mut part = Part {
            kind: Kind::Check,
            text: String::new(),
            defined: None,
            lists: Vec::new(),
            seen,
            parts: Vec::new(),
        };
        match &expr.kind {
            ExprKind::Or(children) | ExprKind::And(children) => {
                let is_or = matches!(expr.kind, ExprKind::Or(_));
                part.kind = if is_or { Kind::Or } else { Kind::And };
                part.parts = children.iter().map(|c| self.part(c, text)).collect();
            }
            ExprKind::Not(child) => {
                part.kind = Kind::Not;
                part.parts = vec![self.part(child, text)];
            }
            ExprKind::Expanded(expansion) => {
                part.kind = Kind::Macro;
                part.text.clone_from(&expansion.name);
                let known = self.study.macro_named(&expansion.name);
                part.defined = known.map(|known| known.written.name.place.to_string());
                let inner = known.map_or(text, |known| &known.text);
                part.parts = vec![self.part(&expansion.body, inner)];
            }
            ExprKind::Macro(name) => {
                part.kind = Kind::Macro;
                part.text.clone_from(name);
            }
            ExprKind::Check(check) => (part.text, part.lists) = comparison(check, text),
        }
        part
    }
}

/// A comparison with lists by name, and what they stand for.
fn comparison(check: &Check, text: &Traced) -> (String, Vec<ListUse>) {
    let (op, modifier, literals): (_, _, &[Literal]) = match &check.comparison {
        Comparison::Many(op, modifier, literals) => (op, modifier.as_ref(), literals),
        Comparison::One(op, Right::Literal(literal)) => (op, None, std::slice::from_ref(literal)),
        _ => return (check.to_string(), Vec::new()),
    };
    let mut lists: Vec<ListUse> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    for literal in literals {
        let Some(list) = text.list(&literal.span.range()) else {
            words.push(literal.to_string());
            continue;
        };
        if let Some(known) = lists.iter_mut().find(|known| known.name == list) {
            known.items.push(literal.to_string());
        } else {
            words.push(list.to_owned());
            lists.push(ListUse {
                name: list.to_owned(),
                items: vec![literal.to_string()],
            });
        }
    }
    if lists.is_empty() {
        return (check.to_string(), lists);
    }
    let modifier = modifier.map_or_else(String::new, |modifier| format!("{modifier} "));
    let values = words.join(", ");
    let text = match &check.comparison {
        Comparison::Many(..) => format!("{} {op} {modifier}({values})", check.left),
        _ => format!("{} {op} {values}", check.left),
    };
    (text, lists)
}

/// Everything with a condition: what to call it, its tree and its text.
fn conditions(study: &Study) -> impl Iterator<Item = (String, &Arc<Expr>, &Traced)> {
    let macros = study.macros.iter().map(|known| {
        let name = format!("macro {}", known.written.name.text);
        (name, &known.tree, &known.written.condition)
    });
    let rules = study.rules.iter().filter_map(|studied| {
        let name = format!("rule {}", studied.written.name.text);
        Some((name, &studied.rule.as_ref()?.tree, &studied.unlisted))
    });
    macros.chain(rules)
}

/// The rules and macros that name a macro.
pub(super) fn users_of_macro(study: &Study, name: &str) -> Vec<String> {
    let names = |expr: &Expr| names_macro(expr, name);
    let users = conditions(study).filter(|(_, tree, _)| names(tree));
    users.map(|(user, ..)| user).collect()
}

fn names_macro(expr: &Expr, name: &str) -> bool {
    match &expr.kind {
        ExprKind::And(children) | ExprKind::Or(children) => {
            children.iter().any(|child| names_macro(child, name))
        }
        ExprKind::Not(child) => names_macro(child, name),
        ExprKind::Expanded(expansion) => expansion.name == name,
        ExprKind::Macro(other) => other == name,
        ExprKind::Check(_) => false,
    }
}

/// The rules, macros and lists that name a list.
pub(super) fn users_of_list(study: &Study, name: &str) -> Vec<String> {
    let edge = |c: char| c.is_ascii_whitespace() || "(),=".contains(c);
    let named = |text: &Traced| text.as_str().split(edge).any(|word| word == name);
    let lists = study.lists.iter().map(|list| &list.written);
    let lists = lists.filter(|list| list.items.iter().any(|item| item.as_str() == name));
    let lists = lists.map(|list| format!("list {}", list.name.text));
    let conditions = conditions(study).filter(|(_, _, text)| named(text));
    lists.chain(conditions.map(|(user, ..)| user)).collect()
}
