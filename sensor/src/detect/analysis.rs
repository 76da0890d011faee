//! What a condition can match: the event types that can satisfy it.
//!
//! The answer may hold too many events, never too few. It decides under which
//! events a rule is asked at all and which events the kernel must report.

use super::syntax::{Check, Comparison, Expr, ExprKind, Literal, Op, Operand, Right};
use crate::events::{self, EventCode, EventSet};

/// The events for which the condition can be true.
pub fn events(expr: &Expr) -> EventSet {
    possible(expr, false)
}

/// The same for the condition, or for its negation: `not` is carried down to
/// the checks, turning `and` into `or` on its way.
fn possible(expr: &Expr, negated: bool) -> EventSet {
    match &expr.kind {
        ExprKind::Or(children) => combined(children, negated, negated),
        ExprKind::And(children) => combined(children, negated, !negated),
        ExprKind::Not(child) => possible(child, !negated),
        ExprKind::Expanded(expansion) => possible(&expansion.body, negated),
        ExprKind::Macro(_) => all(),
        ExprKind::Check(check) => match (decided(check), negated) {
            (Some(set), false) => set,
            (Some(set), true) => complement(set),
            (None, _) => all(),
        },
    }
}

fn combined(children: &[Expr], negated: bool, every: bool) -> EventSet {
    let sets = children.iter().map(|child| possible(child, negated));
    let joined = if every {
        sets.reduce(EventSet::intersect)
    } else {
        sets.reduce(EventSet::union)
    };
    joined.unwrap_or_default()
}

/// Every event of the table.
pub fn all() -> EventSet {
    let codes = events::rows().iter().enumerate();
    set_of(codes.filter_map(|(code, _)| u16::try_from(code).ok().map(EventCode)))
}

fn set_of(codes: impl Iterator<Item = EventCode>) -> EventSet {
    let mut set = EventSet::EMPTY;
    codes.for_each(|code| set.insert(code));
    set
}

fn complement(set: EventSet) -> EventSet {
    let codes = events::rows().iter().enumerate();
    let codes = codes.filter_map(|(code, _)| u16::try_from(code).ok().map(EventCode));
    set_of(codes.filter(|code| !set.contains(*code)))
}

/// The events for which a check is true, when the event's type decides that.
fn decided(check: &Check) -> Option<EventSet> {
    let Operand::Field(field) = &check.left else {
        return None;
    };
    let (op, literals) = match &check.comparison {
        Comparison::One(op, Right::Literal(literal)) => (*op, std::slice::from_ref(literal)),
        Comparison::Many(Op::In, None, literals) => (Op::In, literals.as_slice()),
        _ => return None,
    };
    match field.name.as_str() {
        "evt.type" | "syscall.type" => of_type(op, literals),
        "evt.num" => of_number(op, literals),
        _ => None,
    }
}

fn of_type(op: Op, literals: &[Literal]) -> Option<EventSet> {
    let names = literals.iter();
    let codes = names.filter_map(|name| events::by_name(std::str::from_utf8(&name.bytes).ok()?));
    let named = set_of(codes);
    match op {
        Op::Eq | Op::In => Some(named),
        Op::Ne => Some(complement(named)),
        _ => None,
    }
}

/// Events are numbered from 1: `evt.num = 0` is how a rule is switched off.
fn of_number(op: Op, literals: &[Literal]) -> Option<EventSet> {
    let mut numbers = Vec::with_capacity(literals.len());
    for literal in literals {
        let text = std::str::from_utf8(&literal.bytes).ok()?;
        numbers.push(text.trim_start().parse::<i64>().ok()?);
    }
    // A minus sign wraps to a large number on this unsigned field.
    if numbers.iter().any(|number| *number < 0) {
        return None;
    }
    let each = |holds: fn(i64) -> bool| numbers.iter().all(|number| holds(*number));
    match op {
        Op::Eq | Op::In | Op::Le if each(|n| n < 1) => Some(EventSet::EMPTY),
        Op::Lt if each(|n| n <= 1) => Some(EventSet::EMPTY),
        Op::Ne | Op::Gt if each(|n| n < 1) => Some(all()),
        Op::Ge if each(|n| n <= 1) => Some(all()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::syntax::parse;

    /// The events of a condition, as names; `all` when it is all of them.
    fn names(condition: &str) -> String {
        let set = events(&parse(condition).unwrap());
        if set == all() {
            return "all".into();
        }
        let rows = events::rows().iter();
        let names = rows.filter(|row| set.contains(events::by_name(row.name).unwrap()));
        let mut names: Vec<_> = names.map(|row| row.name).collect();
        names.sort_unstable();
        names.join(" ")
    }

    #[test]
    fn conditions_tell_their_events() {
        let cases = [
            ("evt.type = openat", "openat"),
            ("evt.type in (open, openat)", "open openat"),
            ("syscall.type = connect", "connect"),
            ("evt.type = open or evt.type = connect", "connect open"),
            ("evt.type = open and evt.type = connect", ""),
            ("evt.type = open and proc.name = cat", "open"),
            ("evt.type = open or proc.name = cat", "all"),
            ("proc.name = cat", "all"),
            ("not proc.name = cat", "all"),
            (
                "not (evt.type != open and evt.type != connect)",
                "connect open",
            ),
            ("not (evt.type != open or proc.name = cat)", "open"),
            ("evt.num = 0 and evt.type = open", ""),
            ("not evt.num = 0", "all"),
            ("evt.num >= 1", "all"),
            ("evt.num < 1", ""),
            ("evt.num != 0", "all"),
            ("evt.num = -1", "all"),
            ("evt.num in (0, 7)", "all"),
            ("evt.type startswith open", "all"),
        ];
        for (condition, expected) in cases {
            assert_eq!(names(condition), expected, "{condition}");
        }
    }

    #[test]
    fn a_negated_type_leaves_all_others() {
        let set = events(&parse("not evt.type in (open, openat)").unwrap());
        assert_eq!(set.len(), all().len() - 2);
        assert!(!set.contains(events::by_name("open").unwrap()));
        assert_eq!(
            set,
            events(&parse("evt.type != open and evt.type != openat").unwrap())
        );
    }
}
