//! Rules that ask for what the events of this build never have.

use std::collections::BTreeSet;

use super::{Lint, warning};
use crate::detect::program::MacroUse;
use crate::detect::rules::{Rule, Standing, StudiedRule, Study};
use crate::detect::syntax::{
    Argument, Call, Comparison, Expr, ExprKind, FieldName, Operand, Right,
};
use crate::diagnostic::Diagnostic;
use crate::events::{self, EventSet, EventType, Kind};
use crate::fields::{self, Source};

/// Looks at every rule in force.
pub(super) fn look(study: &Study, found: &mut Vec<Diagnostic>) {
    for studied in &study.rules {
        let Some(rule) = &studied.rule else { continue };
        if studied.standing != Standing::InForce || rule.events.is_empty() {
            continue;
        }
        if not_captured(studied, rule.events, found) {
            continue;
        }
        let mut fields = Fields {
            rule,
            events: rule.events,
            within: Vec::new(),
            seen: BTreeSet::new(),
            found: &mut *found,
        };
        fields.expr(&rule.tree);
        output(studied, rule.events, found);
        descriptors(studied, rule, found);
    }
}

/// The events of a set.
fn rows(set: EventSet) -> impl Iterator<Item = &'static EventType> {
    let rows = events::rows().iter();
    rows.filter(move |row| events::by_name(row.name).is_some_and(|code| set.contains(code)))
}

fn not_captured(studied: &StudiedRule, set: EventSet, found: &mut Vec<Diagnostic>) -> bool {
    if rows(set).any(crate::events::EventType::captured) {
        return false;
    }
    let names: Vec<&str> = rows(set).map(|row| row.name).collect();
    let shown = match names.as_slice() {
        [a, b, c, _, ..] => format!("{a}, {b}, {c} and {} more", names.len() - 3),
        few => few.join(", "),
    };
    let message = format!(
        "`{}` never alerts here: this build does not capture {shown}",
        studied.written.name.text
    );
    found.push(
        warning(Lint::EventsNotCaptured, message)
            .at(studied.written.name.place.clone())
            .help("`sensor events` lists what is captured"),
    );
    true
}

/// The parameter a field asks for by name.
fn parameter(field: &str) -> Option<&str> {
    field
        .strip_prefix("evt.arg.")
        .or_else(|| field.strip_prefix("evt.rawarg."))
}

fn has_parameter(set: EventSet, name: &str) -> bool {
    rows(set).any(|row| row.param(name).is_some())
}

/// One walk over a rule's fields, those of its macros included.
struct Fields<'f> {
    rule: &'f Rule,
    events: EventSet,
    within: Vec<MacroUse>,
    /// Fields that were reported for this rule.
    seen: BTreeSet<String>,
    found: &'f mut Vec<Diagnostic>,
}

impl Fields<'_> {
    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::And(children) | ExprKind::Or(children) => {
                for child in children {
                    self.expr(child);
                }
            }
            ExprKind::Not(child) => self.expr(child),
            ExprKind::Expanded(expansion) => {
                self.within.push(MacroUse {
                    name: expansion.name.clone(),
                    span: expr.span,
                });
                self.expr(&expansion.body);
                self.within.pop();
            }
            ExprKind::Check(check) => {
                self.operand(&check.left);
                match &check.comparison {
                    Comparison::One(_, Right::Val(field)) => self.field(field),
                    Comparison::One(_, Right::Call(call)) => self.call(call),
                    _ => {}
                }
            }
            ExprKind::Macro(_) => {}
        }
    }

    fn operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Field(field) => self.field(field),
            Operand::Call(call) => self.call(call),
        }
    }

    fn call(&mut self, call: &Call) {
        call.args
            .iter()
            .for_each(|argument| self.argument(argument));
    }

    fn argument(&mut self, argument: &Argument) {
        match argument {
            Argument::Operand(operand) => self.operand(operand),
            Argument::List(items, _) => items.iter().for_each(|item| self.argument(item)),
            Argument::Literal(_) => {}
        }
    }

    fn field(&mut self, field: &FieldName) {
        let bracket = field.bracket.as_ref().map(|bracket| bracket.text.as_str());
        let absent = fields::lookup(&field.name, bracket)
            .is_ok_and(|known| known.field.source == Source::Absent);
        let finding = if absent {
            let message = format!("`{field}` is always missing: this build does not fill it");
            warning(Lint::FieldNeverFilled, message)
                .help("a comparison with it is false for every event")
        } else if let Some(name) = parameter(&field.name)
            && !has_parameter(self.events, name)
        {
            let message = format!("none of the events of `{}` has `{field}`", self.rule.name);
            warning(Lint::ParameterNeverThere, message)
                .help("`sensor events` lists each event's parameters")
        } else {
            return;
        };
        if self.seen.insert(field.to_string()) {
            let written = &self.rule.written;
            self.found
                .push(written.locate(finding, &self.within, field.span));
        }
    }
}

/// Fields of a descriptor that an output shows of events that work on none.
fn descriptors(studied: &StudiedRule, rule: &Rule, found: &mut Vec<Diagnostic>) {
    let has_one = |row: &EventType| {
        row.params
            .iter()
            .any(|param| matches!(param.kind, Kind::Fd))
    };
    if rows(rule.events).any(has_one) {
        return;
    }
    let text = studied.written.output.as_str();
    let mut fields = rule
        .output
        .fields()
        .filter(|field| field.field.name.starts_with("fd."));
    // One is enough to say what is wrong with all of them.
    if let Some((field, at)) = fields.find_map(|field| Some((field, text.find(&*field.written)?))) {
        let message = format!(
            "the output shows `{}`, and the rule's events work on no descriptor",
            field.written
        );
        let finding = warning(Lint::DescriptorNeverThere, message);
        let range = at..at + field.written.len();
        let finding = studied.written.output.locate(finding, &range);
        found.push(finding.help("it always prints <NA>"));
    }
}

/// Parameters that an output shows and the rule's events do not have.
fn output(studied: &StudiedRule, set: EventSet, found: &mut Vec<Diagnostic>) {
    let text = studied.written.output.as_str();
    for prefix in ["evt.arg.", "evt.rawarg."] {
        for (at, _) in text.match_indices(prefix) {
            let from = at + prefix.len();
            let rest = text.get(from..).unwrap_or_default();
            // The longest name that is some event's parameter, as in a format.
            let name = (1..=rest.len())
                .rev()
                .filter_map(|end| rest.get(..end))
                .filter(|name| name.len() < 64)
                .find(|name| events::param(name).is_some());
            let Some(name) = name.filter(|name| !has_parameter(set, name)) else {
                continue;
            };
            let message =
                format!("the output shows `{prefix}{name}`, which none of the rule's events has");
            let finding = warning(Lint::ParameterNeverThere, message);
            let finding = studied
                .written
                .output
                .locate(finding, &(at..from + name.len()));
            found.push(finding.help("it always prints <NA>"));
        }
    }
}
