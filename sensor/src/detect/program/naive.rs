//! The meaning of conditions written down as plainly as can be, straight over
//! the tree and the JSON of an event, for the compiled form to be held against.
//!
//! It knows only what the property test generates, takes every detour and
//! shares nothing with the evaluator.

use serde_json::Value as Json;

use crate::detect::syntax::{
    Argument, Call, Check, Comparison, Expr, ExprKind, Modifier, Op, Operand, Right, Transformer,
};

pub(super) fn holds(expr: &Expr, event: &Json) -> bool {
    match &expr.kind {
        ExprKind::Or(children) => children.iter().any(|child| holds(child, event)),
        ExprKind::And(children) => children.iter().all(|child| holds(child, event)),
        ExprKind::Not(child) => !holds(child, event),
        ExprKind::Check(check) => check_holds(check, event),
        ExprKind::Macro(_) | ExprKind::Expanded(_) => panic!("no macros here"),
    }
}

/// A value: a text, a number, or several.
fn value(operand: &Operand, event: &Json) -> Option<Json> {
    match operand {
        Operand::Field(field) => Some(event[&field.name].clone()).filter(|value| !value.is_null()),
        Operand::Call(call) => call_value(call, event),
    }
}

fn call_value(call: &Call, event: &Json) -> Option<Json> {
    let [Argument::Operand(argument)] = call.args.as_slice() else {
        panic!("one argument");
    };
    let value = value(argument, event)?;
    let text = value.as_str().expect("a text");
    Some(match call.transformer {
        Transformer::ToLower => text.to_ascii_lowercase().into(),
        Transformer::Basename => text.split('/').next_back().unwrap().into(),
        Transformer::Len => text.len().into(),
        other => panic!("{other} is not generated"),
    })
}

fn check_holds(check: &Check, event: &Json) -> bool {
    let Some(left) = value(&check.left, event) else {
        return false;
    };
    let name = match &check.left {
        Operand::Field(field) => field.name.as_str(),
        Operand::Call(_) => "",
    };
    let several = left.as_array().cloned().unwrap_or_default();
    let any = |holds: &dyn Fn(&Json) -> bool| several.iter().any(holds);
    match (name, &check.comparison) {
        // No ancestors is no value; no ends of a connection are one.
        ("proc.aname" | "proc.apid", Comparison::Exists) => !several.is_empty(),
        (_, Comparison::Exists) => true,
        ("fd.types", Comparison::Many(Op::In, None, items)) => several
            .iter()
            .all(|value| items.iter().any(|item| equal(value, &item.bytes))),
        ("fd.types" | "fd.port", Comparison::Many(Op::In | Op::Intersects, None, items)) => {
            any(&|value| items.iter().any(|item| equal(value, &item.bytes)))
        }
        ("fd.port", Comparison::One(Op::Ne, Right::Literal(literal))) => {
            !several.is_empty() && several.iter().all(|value| !equal(value, &literal.bytes))
        }
        ("fd.port", Comparison::Many(Op::Ne, Some(modifier), items)) => {
            let hits = items.iter().filter(|item| {
                !several.is_empty() && several.iter().all(|value| !equal(value, &item.bytes))
            });
            enough(*modifier, hits.count(), items.len())
        }
        ("fd.port", Comparison::Many(Op::Eq, Some(modifier), items)) => {
            let hits = items
                .iter()
                .filter(|item| any(&|value| equal(value, &item.bytes)));
            enough(*modifier, hits.count(), items.len())
        }
        ("fd.port" | "proc.aname" | "proc.apid", comparison) => {
            any(&|value| one_holds(value, comparison, event))
        }
        (_, comparison) => one_holds(&left, comparison, event),
    }
}

fn enough(modifier: Modifier, hits: usize, of: usize) -> bool {
    match modifier {
        Modifier::OneOf => hits == 1,
        Modifier::AnyOf => hits > 0,
        Modifier::AllOf => of > 0 && hits == of,
    }
}

fn one_holds(left: &Json, comparison: &Comparison, event: &Json) -> bool {
    match comparison {
        Comparison::Exists => true,
        Comparison::One(op, Right::Literal(literal)) => compare(*op, left, &literal.bytes),
        Comparison::One(op, Right::Val(field)) => {
            let right = value(&Operand::Field(field.clone()), event);
            right.is_some_and(|right| compare(*op, left, right.as_str().unwrap().as_bytes()))
        }
        Comparison::One(op, Right::Call(call)) => call_value(call, event)
            .is_some_and(|right| compare(*op, left, right.as_str().unwrap().as_bytes())),
        Comparison::Many(op, Some(modifier), items) => {
            let hits = items.iter().filter(|item| compare(*op, left, &item.bytes));
            enough(*modifier, hits.count(), items.len())
        }
        Comparison::Many(Op::PMatch, None, items) => items.iter().any(|item| {
            under(
                left.as_str().unwrap(),
                std::str::from_utf8(&item.bytes).unwrap(),
            )
        }),
        Comparison::Many(_, None, items) => items.iter().any(|item| equal(left, &item.bytes)),
    }
}

fn equal(left: &Json, right: &[u8]) -> bool {
    compare(Op::Eq, left, right)
}

fn compare(op: Op, left: &Json, right: &[u8]) -> bool {
    let right = std::str::from_utf8(right).unwrap();
    if let Some(left) = left.as_i64() {
        let right: i64 = right.parse().unwrap();
        return match op {
            Op::Eq => left == right,
            Op::Ne => left != right,
            Op::Lt => left < right,
            Op::Le => left <= right,
            Op::Gt => left > right,
            Op::Ge => left >= right,
            other => panic!("{other} on numbers"),
        };
    }
    let left = left.as_str().expect("a text or a number");
    let (lower_left, lower_right) = (left.to_lowercase(), right.to_lowercase());
    match op {
        Op::Eq => left == right,
        Op::Ne => left != right,
        Op::Contains => left.contains(right),
        Op::IContains => lower_left.contains(&lower_right),
        Op::StartsWith => left.starts_with(right),
        Op::EndsWith => left.ends_with(right),
        Op::Glob => glob(right.as_bytes(), left.as_bytes()),
        Op::IGlob => glob(lower_right.as_bytes(), lower_left.as_bytes()),
        other => panic!("{other} is not generated"),
    }
}

/// By trying everything.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|skip| glob(rest, &text[skip..])),
        [b'?', rest @ ..] => !text.is_empty() && glob(rest, &text[1..]),
        [byte, rest @ ..] => text.first() == Some(byte) && glob(rest, &text[1..]),
    }
}

fn under(path: &str, prefix: &str) -> bool {
    let split = |path: &str| -> Vec<String> {
        let parts = path.split('/').filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    let (path, prefix) = (split(path), split(prefix));
    prefix.len() <= path.len()
        && prefix
            .iter()
            .zip(&path)
            .all(|(pattern, part)| glob(pattern.as_bytes(), part.as_bytes()))
}
