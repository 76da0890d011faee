//! What a condition can match: the event types that can satisfy it.
//!
//! The answer may hold too many events, never too few. It decides under which
//! events a rule is asked at all and which events the kernel must report.

use super::syntax::{Check, Comparison, Expr, ExprKind, Literal, Op, Operand, Right};
use crate::events::{self, EventCode, EventSet, EventType};

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
        ExprKind::Check(check) => match decided(check) {
            Some(decided) if negated => decided.not_true,
            Some(decided) => decided.true_for,
            None => all(),
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
    set_where(|_| true)
}

fn set_where(holds: impl Fn(&EventType) -> bool) -> EventSet {
    let mut set = EventSet::EMPTY;
    for (code, row) in (0..).map(EventCode).zip(events::rows()) {
        if holds(row) {
            set.insert(code);
        }
    }
    set
}

fn complement(set: EventSet) -> EventSet {
    let mut others = EventSet::EMPTY;
    for (code, _) in (0..).map(EventCode).zip(events::rows()) {
        if !set.contains(code) {
            others.insert(code);
        }
    }
    others
}

/// The events for which a check can be true, and can be not true.
struct Decided {
    true_for: EventSet,
    not_true: EventSet,
}

/// What the event's type decides about a check, if anything.
fn decided(check: &Check) -> Option<Decided> {
    let Operand::Field(field) = &check.left else {
        return None;
    };
    let (op, literals) = match &check.comparison {
        Comparison::One(op, Right::Literal(literal)) => (*op, std::slice::from_ref(literal)),
        Comparison::Many(Op::In, None, literals) => (Op::In, literals.as_slice()),
        _ => return None,
    };
    let true_for = match field.name.as_str() {
        "evt.type" | "syscall.type" => of_type(op, literals)?,
        "evt.num" => of_number(op, literals)?,
        _ => return None,
    };
    let mut not_true = complement(true_for);
    if field.name == "syscall.type" {
        // Missing on what is no system call, so that no comparison is true there.
        not_true = not_true.union(set_where(|row| !row.syscall));
    }
    Some(Decided { true_for, not_true })
}

fn of_type(op: Op, literals: &[Literal]) -> Option<EventSet> {
    let named = set_where(|row| {
        let mut names = literals.iter();
        names.any(|name| *name.bytes == *row.name.as_bytes())
    });
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
    fn what_is_no_system_call_is_not_lost_by_a_negation() {
        let set = events(&parse("not syscall.type != open").unwrap());
        for row in events::rows() {
            let code = events::by_name(row.name).unwrap();
            let wanted = row.name == "open" || !row.syscall;
            assert_eq!(set.contains(code), wanted, "{}", row.name);
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
