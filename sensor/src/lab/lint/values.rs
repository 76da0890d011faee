//! Comparisons that rarely mean what they say.

use super::unit::{self, Unit};
use super::{Lint, warning};
use crate::detect::analysis;
use crate::detect::program::Compiler;
use crate::detect::syntax::{
    Check, Comparison, Expr, ExprKind, Literal, Modifier, Op, Operand, Right, Transformer,
};
use crate::diagnostic::Diagnostic;
use crate::events::{self, EventSet, Kind};
use crate::fields::{Many, Type};

/// Looks at the comparisons written in one condition.
pub(super) fn look(unit: &Unit<'_>, found: &mut Vec<Diagnostic>) {
    unit::checks(unit.tree, &mut |check, expr, negated| {
        letter_case(unit, check, found);
        wraps(unit, check, found);
        any_ancestor(unit, check, expr, found);
        if !negated {
            not_equal_missing(unit, check, expr, found);
        }
    });
    either(unit, unit.tree, found);
}

/// The constants on the right, with the operator they are compared by.
fn constants(check: &Check) -> (Option<Op>, &[Literal]) {
    match &check.comparison {
        Comparison::One(op, Right::Literal(literal)) => (Some(*op), std::slice::from_ref(literal)),
        Comparison::Many(op, _, literals) => (Some(*op), literals),
        _ => (None, &[]),
    }
}

/// `tolower(f) = "ABC"` is never true.
fn letter_case(unit: &Unit<'_>, check: &Check, found: &mut Vec<Diagnostic>) {
    let Operand::Call(call) = &check.left else {
        return;
    };
    let (odd, other): (fn(&u8) -> bool, &str) = match call.transformer {
        Transformer::ToLower => (u8::is_ascii_uppercase, "lower"),
        Transformer::ToUpper => (u8::is_ascii_lowercase, "upper"),
        _ => return,
    };
    let (op, literals) = constants(check);
    // These look at letters only as such.
    if matches!(op, Some(Op::IContains | Op::IGlob | Op::Regex)) {
        return;
    }
    for literal in literals {
        if literal.bytes.iter().any(odd) {
            let written = String::from_utf8_lossy(&literal.bytes);
            let message = format!(
                "`{}` has {other}-case letters only, `{written}` has others",
                check.left
            );
            let mut right = written.to_ascii_lowercase();
            if other == "upper" {
                right = written.to_ascii_uppercase();
            }
            let finding = warning(Lint::NeverThatCase, message).help(format!("write `{right}`"));
            found.push(unit.at(finding, literal.span));
        }
    }
}

/// Numbers that become others on their way into the field.
fn wraps(unit: &Unit<'_>, check: &Check, found: &mut Vec<Diagnostic>) {
    let (_, literals) = constants(check);
    let numbers = literals.iter().filter_map(|literal| {
        let number: i128 = std::str::from_utf8(&literal.bytes)
            .ok()?
            .trim()
            .parse()
            .ok()?;
        // -1 is how "none" is written for ids that have no sign.
        (!(-1..=65_535).contains(&number)).then_some((literal, number))
    });
    let numbers: Vec<_> = numbers.collect();
    if numbers.is_empty() {
        return;
    }
    let Some((_, shape)) = Compiler::default().left_operand(&check.left) else {
        return;
    };
    for (literal, number) in numbers {
        let becomes = match shape.ty {
            Type::Port if number > 65_535 => number % 65_536,
            Type::Unsigned(bits) if number < 0 => number + (1_i128 << bits.min(64)),
            _ => continue,
        };
        let message = format!(
            "`{}` cannot be {number}; this compares with {becomes}",
            check.left
        );
        let finding = warning(Lint::NumberWraps, message);
        found.push(unit.at(finding, literal.span));
    }
}

/// Without an index a comparison holds as soon as it does for one ancestor.
fn any_ancestor(unit: &Unit<'_>, check: &Check, expr: &Expr, found: &mut Vec<Diagnostic>) {
    if constants(check).0 != Some(Op::Ne) {
        return;
    }
    let Some((_, shape)) = Compiler::default().left_operand(&check.left) else {
        return;
    };
    if shape.many == Many::AnyAncestor {
        let message = format!("`{expr}` is true as soon as any ancestor is different");
        let help = format!(
            "for \"no ancestor is\" write `not {} = …` or `not {0} in (…)`",
            check.left
        );
        found.push(unit.at(warning(Lint::AnyAncestorNot, message).help(help), expr.span));
    }
}

/// Whether every event has a descriptor to work on.
fn all_have_descriptors(set: EventSet) -> bool {
    let mut rows = events::rows().iter();
    rows.all(|row| {
        let asked = events::by_name(row.name).is_some_and(|code| set.contains(code));
        !asked
            || row
                .params
                .iter()
                .any(|param| matches!(param.kind, Kind::Fd))
    })
}

/// `fd.name != x` in a rule that is asked for events without a descriptor.
fn not_equal_missing(unit: &Unit<'_>, check: &Check, expr: &Expr, found: &mut Vec<Diagnostic>) {
    let (Some(_), Operand::Field(field)) = (unit.rule, &check.left) else {
        return;
    };
    if constants(check).0 != Some(Op::Ne) || !field.name.starts_with("fd.") {
        return;
    }
    if all_have_descriptors(analysis::events(unit.tree)) || asks_elsewhere(unit.tree, check) {
        return;
    }
    let message = format!("`{expr}` is false for every event without `{}`", field.name);
    let help = format!(
        "write `not {} = …` to let those pass, or `{0} exists and …` to say that it is meant",
        field.name
    );
    found.push(unit.at(
        warning(Lint::NotEqualMissing, message).help(help),
        expr.span,
    ));
}

/// Whether the condition asks for the descriptor in another way, too.
fn asks_elsewhere(expr: &Expr, check: &Check) -> bool {
    match &expr.kind {
        ExprKind::And(children) | ExprKind::Or(children) => {
            children.iter().any(|child| asks_elsewhere(child, check))
        }
        ExprKind::Expanded(expansion) => asks_elsewhere(&expansion.body, check),
        ExprKind::Check(other) => {
            **other != *check
                && matches!(&other.left, Operand::Field(field) if field.name.starts_with("fd."))
        }
        ExprKind::Not(_) | ExprKind::Macro(_) => false,
    }
}

/// "Not this or not that" is true for every value.
fn either(unit: &Unit<'_>, expr: &Expr, found: &mut Vec<Diagnostic>) {
    match &expr.kind {
        ExprKind::Or(children) => {
            let mut differ: Vec<(&Operand, &Literal)> = Vec::new();
            for child in children {
                let ExprKind::Check(check) = &child.kind else {
                    continue;
                };
                let Comparison::One(Op::Ne, Right::Literal(literal)) = &check.comparison else {
                    continue;
                };
                let text = check.left.to_string();
                let other = differ
                    .iter()
                    .find(|(left, other)| left.to_string() == text && other.bytes != literal.bytes);
                if other.is_some() {
                    not_either(unit, child, &text, found);
                }
                differ.push((&check.left, literal));
            }
            for child in children {
                either(unit, child, found);
            }
        }
        ExprKind::And(children) => children.iter().for_each(|child| either(unit, child, found)),
        ExprKind::Not(child) => either(unit, child, found),
        ExprKind::Check(check) => {
            if let Comparison::Many(Op::Ne, Some(Modifier::AnyOf), literals) = &check.comparison
                && literals
                    .iter()
                    .any(|literal| Some(&literal.bytes) != literals.first().map(|l| &l.bytes))
            {
                not_either(unit, expr, &check.left.to_string(), found);
            }
        }
        ExprKind::Macro(_) | ExprKind::Expanded(_) => {}
    }
}

fn not_either(unit: &Unit<'_>, expr: &Expr, left: &str, found: &mut Vec<Diagnostic>) {
    let message = format!("whatever `{left}` is, it differs from one of these");
    let help = format!("for \"none of them\" write `not {left} in (…)` or `{left} != allof (…)`");
    found.push(unit.at(warning(Lint::NotEqualEither, message).help(help), expr.span));
}
