//! What is looked at piece by piece: the conditions of rules and macros, each
//! with the text it was read from.
//!
//! A macro is looked at once, not with every rule that uses it, so a walk over
//! a unit stops at the names of macros.

use crate::detect::rules::{StudiedRule, Study};
use crate::detect::syntax::{Check, Expr, ExprKind, Span};
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::traced::Traced;

/// A condition with its text.
pub(super) struct Unit<'s> {
    /// "rule" or "macro".
    pub(super) kind: &'static str,
    /// Where it is named.
    pub(super) place: &'s Place,
    /// The tree, macros filled in.
    pub(super) tree: &'s Expr,
    /// The text the tree was read from.
    pub(super) text: &'s Traced,
    /// The text before lists were put in.
    pub(super) unlisted: &'s Traced,
    /// As written, without exceptions, and where its appended parts start.
    pub(super) written: &'s Traced,
    pub(super) appended: &'s [usize],
    /// The rule, of a rule.
    pub(super) rule: Option<&'s StudiedRule>,
}

/// Macros and rules, in the order they are defined. Rules that are off are
/// among them: they are to be right when they are switched on.
pub(super) fn all(study: &Study) -> Vec<Unit<'_>> {
    let macros = study.macros.iter().map(|known| Unit {
        kind: "macro",
        place: &known.written.name.place,
        tree: &known.tree,
        text: &known.text,
        unlisted: &known.written.condition,
        written: &known.written.condition,
        appended: &known.written.appended,
        rule: None,
    });
    let rules = study.rules.iter().filter_map(|rule| {
        Some(Unit {
            kind: "rule",
            place: &rule.written.name.place,
            tree: &rule.rule.as_ref()?.tree,
            text: &rule.text,
            unlisted: &rule.unlisted,
            written: &rule.written.condition,
            appended: &rule.written.appended,
            rule: Some(rule),
        })
    });
    macros.chain(rules).collect()
}

/// The files of everything defined, in load order.
pub(super) fn files(study: &Study) -> Vec<String> {
    let lists = study.lists.iter().map(|list| &list.written.name.place);
    let macros = study.macros.iter().map(|known| &known.written.name.place);
    let rules = study.rules.iter().map(|rule| &rule.written.name.place);
    let mut names: Vec<String> = Vec::new();
    for place in lists.chain(macros).chain(rules) {
        if !names.contains(&place.file.name) {
            names.push(place.file.name.clone());
        }
    }
    names
}

impl Unit<'_> {
    /// Points a finding at a part of the condition.
    pub(super) fn at(&self, finding: Diagnostic, span: Span) -> Diagnostic {
        self.text.locate(finding, &span.range())
    }

    /// Where a part of the condition was written.
    pub(super) fn place_of(&self, span: Span) -> Option<Place> {
        self.text.place(&span.range())
    }
}

/// The comparisons written here, each with whether a `not` turns it around.
pub(super) fn checks<'e>(expr: &'e Expr, found: &mut dyn FnMut(&'e Check, &'e Expr, bool)) {
    walk(expr, false, found);
}

fn walk<'e>(expr: &'e Expr, negated: bool, found: &mut dyn FnMut(&'e Check, &'e Expr, bool)) {
    match &expr.kind {
        ExprKind::Or(children) | ExprKind::And(children) => {
            for child in children {
                walk(child, negated, found);
            }
        }
        ExprKind::Not(child) => walk(child, !negated, found),
        ExprKind::Check(check) => found(check, expr, negated),
        ExprKind::Macro(_) | ExprKind::Expanded(_) => {}
    }
}

/// A part of a condition short enough for a message.
pub(super) fn short(expr: &Expr) -> String {
    const LONGEST: usize = 60;
    let text = match &expr.kind {
        ExprKind::Expanded(expansion) => expansion.name.clone(),
        ExprKind::Not(child) => match &child.kind {
            ExprKind::Expanded(expansion) => format!("not {}", expansion.name),
            _ => expr.to_string(),
        },
        _ => expr.to_string(),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    let head: String = text.chars().take(LONGEST - 1).collect();
    format!("{head}…")
}
