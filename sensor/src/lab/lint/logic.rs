//! Parts of conditions that are never or always true, or change nothing.
//!
//! Only what is proved is reported. A part is judged beside the parts it
//! stands with; a macro counts with all it stands for, and is itself judged
//! where it is written.

use super::unit::{Unit, short};
use super::{Lint, warning};
use crate::detect::prove::{Formula, Prover};
use crate::detect::syntax::{Comparison, Expr, ExprKind, Operand};
use crate::diagnostic::Diagnostic;

/// Looks at one condition.
pub(super) fn look(unit: &Unit<'_>, prover: &mut Prover, found: &mut Vec<Diagnostic>) {
    if is_switch(unit.tree) {
        return;
    }
    let mut looking = Looking {
        unit,
        prover,
        found,
        beside: Vec::new(),
    };
    let tree = looking.own_part();
    looking.part(tree, true);
}

/// Whether a condition is what people write where a site may say more later:
/// it asks only for the event's number, or for a list that is empty so far.
fn is_switch(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Check(check) => {
            matches!(&check.left, Operand::Field(field) if field.name == "evt.num")
                || matches!(&check.comparison, Comparison::Many(.., items) if items.is_empty())
        }
        ExprKind::Not(child) => is_switch(child),
        ExprKind::Expanded(expansion) => is_switch(&expansion.body),
        ExprKind::And(children) | ExprKind::Or(children) => children.iter().any(is_switch),
        ExprKind::Macro(_) => false,
    }
}

/// Whether it stands for what is written elsewhere.
fn is_named(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Expanded(_) | ExprKind::Macro(_) => true,
        ExprKind::Not(child) => is_named(child),
        ExprKind::And(children) | ExprKind::Or(children) => children.iter().any(is_named),
        ExprKind::Check(_) => false,
    }
}

fn asks_existence(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Check(check) if check.comparison == Comparison::Exists)
}

struct Looking<'l, 's> {
    unit: &'l Unit<'s>,
    prover: &'l mut Prover,
    found: &'l mut Vec<Diagnostic>,
    /// What is true whenever the part at hand matters.
    beside: Vec<Formula>,
}

impl<'s> Looking<'_, 's> {
    /// The condition without the rule's exceptions, which are looked at elsewhere.
    fn own_part(&self) -> &'s Expr {
        let tree = self.unit.tree;
        let excepted = self
            .unit
            .rule
            .is_some_and(|rule| !rule.exceptions.is_empty());
        match &tree.kind {
            ExprKind::And(children) if excepted => children.first().unwrap_or(tree),
            _ => tree,
        }
    }

    fn report(
        &mut self,
        lint: Lint,
        expr: &Expr,
        message: String,
        other: Option<(&Expr, &str)>,
        help: &str,
    ) {
        let mut finding = self.unit.at(warning(lint, message), expr.span);
        if let Some((other, label)) = other
            && let Some(place) = self.unit.place_of(other.span)
        {
            finding = finding.related(place, label);
        }
        if !help.is_empty() {
            finding = finding.help(help);
        }
        self.found.push(finding);
    }

    /// One part. `wanted` is whether it makes the condition true by being true.
    /// Gives whether it was found to be constant.
    fn part(&mut self, expr: &'s Expr, wanted: bool) -> bool {
        let formula = self.prover.formula(expr);
        // Of a `not` what is inside it is constant, too.
        let whole = !is_switch(expr) && !matches!(expr.kind, ExprKind::Not(_));
        if whole && (self.is_never(expr, &formula, wanted) || self.is_always(expr, &formula)) {
            return true;
        }
        match &expr.kind {
            ExprKind::Not(child) => {
                self.part(child, !wanted);
            }
            ExprKind::And(children) => self.children(children, true, wanted),
            ExprKind::Or(children) => self.children(children, false, wanted),
            ExprKind::Check(_) | ExprKind::Macro(_) | ExprKind::Expanded(_) => {}
        }
        false
    }

    fn is_never(&mut self, expr: &'s Expr, formula: &Formula, wanted: bool) -> bool {
        if self.prover.never(formula) {
            self.never(expr);
            return true;
        }
        // A part that a `not` excludes is looked at by `excluded`.
        if !wanted || self.beside.is_empty() || is_named(expr) {
            return false;
        }
        let mut all: Vec<(&Formula, bool)> = self.beside.iter().map(|f| (f, true)).collect();
        all.push((formula, true));
        if !self.prover.impossible(&all) {
            return false;
        }
        let message = format!(
            "`{}` is never true beside what else is asked here",
            short(expr)
        );
        self.report(
            Lint::NeverTrue,
            expr,
            message,
            None,
            "remove it, or what contradicts it",
        );
        true
    }

    /// Reports a part that is never true, at the two of its parts that
    /// contradict each other if there are such.
    fn never(&mut self, expr: &'s Expr) {
        let parts: Vec<(&Expr, Formula)> = match &expr.kind {
            ExprKind::And(children) => children
                .iter()
                .map(|child| (child, self.prover.formula(child)))
                .collect(),
            // The macro was reported where it is written, if it is no switch.
            ExprKind::Expanded(_) => return,
            _ => Vec::new(),
        };
        if parts
            .iter()
            .any(|(part, formula)| is_switch(part) && self.prover.never(formula))
        {
            return;
        }
        for (at, (part, formula)) in parts.iter().enumerate() {
            if self.prover.never(formula) {
                self.never(part);
                return;
            }
            for (other, earlier) in parts.iter().take(at) {
                if self.prover.impossible(&[(earlier, true), (formula, true)]) {
                    let message = format!(
                        "`{}` and `{}` are never true together",
                        short(other),
                        short(part)
                    );
                    self.report(
                        Lint::NeverTrue,
                        part,
                        message,
                        Some((other, "never together with this")),
                        "for either of them write `or`",
                    );
                    return;
                }
            }
        }
        let message = format!("`{}` is never true", short(expr));
        self.report(Lint::NeverTrue, expr, message, None, "");
    }

    fn is_always(&mut self, expr: &'s Expr, formula: &Formula) -> bool {
        if matches!(expr.kind, ExprKind::Expanded(_)) || !self.prover.always(formula) {
            return false;
        }
        let message = format!("`{}` is always true", short(expr));
        self.report(Lint::AlwaysTrue, expr, message, None, "");
        true
    }

    /// The parts of an `and` or `or`: each beside the others, and in itself.
    fn children(&mut self, children: &'s [Expr], all: bool, wanted: bool) {
        let formulas: Vec<Formula> = children.iter().map(|c| self.prover.formula(c)).collect();
        let mut done = vec![false; children.len()];
        self.same_twice(children, &mut done);
        self.implied(children, &formulas, all, &mut done);
        let before = self.beside.len();
        for (at, child) in children.iter().enumerate() {
            if done.get(at) == Some(&true) {
                continue;
            }
            // All of an `and` are true together where it counts.
            if all && wanted {
                let others = formulas.iter().enumerate();
                let others = others.filter(|(other, _)| *other != at);
                self.beside
                    .extend(others.map(|(_, formula)| formula.clone()));
                self.excluded(child);
            }
            self.part(child, wanted);
            self.beside.truncate(before);
        }
    }

    fn same_twice(&mut self, children: &'s [Expr], done: &mut [bool]) {
        let texts: Vec<String> = children.iter().map(Expr::to_string).collect();
        for (at, (child, text)) in children.iter().zip(&texts).enumerate() {
            let first = texts.iter().take(at).position(|other| other == text);
            if let Some(first) = first.and_then(|first| children.get(first)) {
                let message = format!("`{}` stands here twice", short(child));
                self.report(
                    Lint::DuplicateCondition,
                    child,
                    message,
                    Some((first, "first here")),
                    "remove one of them",
                );
                if let Some(done) = done.get_mut(at) {
                    *done = true;
                }
            }
        }
    }

    /// Parts that another part, both written here, makes superfluous.
    fn implied(
        &mut self,
        children: &'s [Expr],
        formulas: &[Formula],
        all: bool,
        done: &mut [bool],
    ) {
        for (at, (child, formula)) in children.iter().zip(formulas).enumerate() {
            // `exists` is often said for the reader.
            if is_named(child) || asks_existence(child) || done.get(at) == Some(&true) {
                continue;
            }
            for (other_at, (other, other_formula)) in children.iter().zip(formulas).enumerate() {
                if other_at == at || is_named(other) || done.get(other_at) == Some(&true) {
                    continue;
                }
                let needless = if all {
                    self.prover.implies(other_formula, formula)
                } else {
                    self.prover.implies(formula, other_formula)
                };
                // Of a part that is constant something else is said.
                if !needless
                    || self.prover.never(other_formula)
                    || self.prover.never(formula)
                    || self.prover.always(formula)
                {
                    continue;
                }
                let message = format!("`{}` changes nothing here", short(child));
                let label = if all {
                    "it is true whenever this is"
                } else {
                    "this is true whenever it is"
                };
                self.report(
                    Lint::Redundant,
                    child,
                    message,
                    Some((other, label)),
                    "remove it",
                );
                if let Some(done) = done.get_mut(at) {
                    *done = true;
                }
                break;
            }
        }
    }

    /// What a `not` takes away although it never is there.
    fn excluded(&mut self, child: &'s Expr) {
        let ExprKind::Not(inner) = &child.kind else {
            return;
        };
        if is_named(inner) || is_switch(inner) || self.beside.is_empty() {
            return;
        }
        let alternatives: &[Expr] = match &inner.kind {
            ExprKind::Or(children) => children,
            _ => std::slice::from_ref(inner),
        };
        for part in alternatives {
            let formula = self.prover.formula(part);
            let mut all: Vec<(&Formula, bool)> = self.beside.iter().map(|f| (f, true)).collect();
            all.push((&formula, true));
            if self.prover.impossible(&all) && !self.prover.never(&formula) {
                let message = format!(
                    "`{}` is excluded here, and never true beside what else is asked",
                    short(part)
                );
                self.report(Lint::Redundant, part, message, None, "remove it");
            }
        }
    }
}
