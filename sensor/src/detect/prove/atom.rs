//! One comparison in, what it says about the values of its operand out.

use super::interval::Intervals;
use super::set::Set;
use super::text::Test;
use crate::detect::program::{Case, Compiler, Constant, Shape, constant};
use crate::detect::syntax::{Check, Comparison, Literal, Modifier, Op, Right};
use crate::fields::{Many, Type};

/// What a comparison wants of the values of its operand. It never holds when
/// there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claim {
    /// The one value is in the set; or, of ancestors, one of them is.
    Some(Set),
    /// Every element of a list is in the set; there may be none.
    Every(Set),
    /// Both ends of a connection are in the set, and there are ends.
    Both(Set),
    /// There is a value, or a list without elements.
    There,
}

/// A comparison as far as it is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Atom {
    /// The number of the operand: comparisons of one operand share it.
    pub(super) group: usize,
    /// How many values it has.
    pub(super) many: Many,
    /// Every value it can have, where that is bounded.
    pub(super) domain: Option<Intervals>,
    /// What is wanted of them.
    pub(super) claim: Claim,
}

impl Atom {
    /// Something only known by its name.
    pub(super) fn unknown(name: &str, group: usize) -> Self {
        Self {
            group,
            many: Many::One,
            domain: None,
            claim: Claim::Some(Set::Unknown(name.to_owned())),
        }
    }

    /// Reads a comparison. What is not understood is known by its text alone.
    /// `operand` is the text of its left side.
    pub(super) fn of(check: &Check, operand: &str, group: usize) -> Self {
        let shape = Compiler::default()
            .left_operand(&check.left)
            .map(|(_, shape)| shape);
        let claim = shape.and_then(|shape| claim(check, shape));
        Self {
            many: shape.map_or(Many::One, |shape| shape.many),
            domain: shape.and_then(|shape| domain(shape, operand)),
            claim: claim.unwrap_or_else(|| Claim::Some(Set::Unknown(check.to_string()))),
            group,
        }
    }

    /// Whether this cannot be true without the other, which has the same operand.
    pub(super) fn within(&self, other: &Self) -> bool {
        match (&self.claim, &other.claim) {
            (_, Claim::There) => true,
            (Claim::Some(a) | Claim::Both(a), Claim::Some(b))
            | (Claim::Every(a), Claim::Every(b))
            | (Claim::Both(a), Claim::Both(b)) => a.within(b),
            _ => false,
        }
    }

    /// Whether this and the other, which has the same operand, cannot both be true.
    pub(super) fn apart(&self, other: &Self) -> bool {
        match (&self.claim, &other.claim) {
            (Claim::Some(a), Claim::Some(b)) => self.many == Many::One && a.apart(b),
            (Claim::Every(a) | Claim::Both(a), Claim::Some(b))
            | (Claim::Some(a), Claim::Every(b) | Claim::Both(b))
            | (Claim::Both(a), Claim::Both(b)) => a.apart(b),
            _ => false,
        }
    }
}

/// The values a field can have, where they are numbers or addresses.
fn domain(shape: Shape, operand: &str) -> Option<Intervals> {
    Some(match shape.ty {
        // Events are numbered from 1.
        Type::Unsigned(_) if operand == "evt.num" => Intervals::numbers(1, u64::MAX.into()),
        Type::Unsigned(_) | Type::AbsTime | Type::RelTime => Intervals::numbers(0, u64::MAX.into()),
        Type::Signed(_) => Intervals::numbers(i64::MIN.into(), i64::MAX.into()),
        Type::Port => Intervals::numbers(0, u16::MAX.into()),
        Type::Bool => Intervals::numbers(0, 1),
        Type::Ip | Type::IpNet => Intervals::addresses(),
        Type::Text | Type::Buffer | Type::Double => return None,
    })
}

fn claim(check: &Check, shape: Shape) -> Option<Claim> {
    let everywhere = |set: Set| match shape.many {
        Many::One | Many::AnyAncestor => Claim::Some(set),
        Many::List | Many::BothEnds => Claim::There,
    };
    let (op, set) = match &check.comparison {
        Comparison::Exists => return Some(everywhere(Set::All)),
        Comparison::One(_, Right::Val(_) | Right::Call(_)) => return None,
        Comparison::One(op, Right::Literal(literal)) => (*op, single(*op, shape.ty, literal)?),
        Comparison::Many(op, modifier, literals) => (*op, many(*op, *modifier, shape, literals)?),
    };
    Some(match (shape.many, op) {
        (Many::List, Op::In) => Claim::Every(set),
        // Of a modifier over both ends each element asks for itself.
        (Many::BothEnds, Op::Ne) if matches!(check.comparison, Comparison::Many(..)) => {
            return None;
        }
        (Many::BothEnds, Op::Ne) => Claim::Both(set),
        _ => Claim::Some(set),
    })
}

fn many(op: Op, modifier: Option<Modifier>, shape: Shape, literals: &[Literal]) -> Option<Set> {
    let each = |op| -> Option<Vec<Set>> {
        literals
            .iter()
            .map(|literal| single(op, shape.ty, literal))
            .collect()
    };
    match modifier {
        None if op == Op::PMatch => Some(Set::any(
            literals
                .iter()
                .map(|literal| Set::Test(Test::under(&literal.bytes)))
                .collect(),
        )),
        None => each(Op::Eq).map(Set::any),
        // Each end of a connection would have to be asked alone.
        Some(Modifier::AllOf | Modifier::OneOf) if shape.many == Many::BothEnds => None,
        Some(Modifier::AnyOf) => each(op).map(Set::any),
        Some(Modifier::AllOf) if literals.is_empty() => Some(Set::none()),
        Some(Modifier::AllOf) => each(op).map(Set::every),
        Some(Modifier::OneOf) => match each(op)?.as_mut_slice() {
            [] => Some(Set::none()),
            [one] => Some(one.clone()),
            _ => None,
        },
    }
}

/// The values that compare with one constant.
fn single(op: Op, ty: Type, literal: &Literal) -> Option<Set> {
    match constant(op, ty, &literal.bytes).ok()? {
        Constant::Bytes(bytes) => text(op, &bytes),
        Constant::Number(number) => Some(numbers(op, number)),
        Constant::Bool(truth) => Some(numbers(op, truth.into())),
        Constant::Ip(ip) => equality(op, Set::Intervals(Intervals::address(ip))),
        Constant::Net(net) => equality(op, Set::Intervals(Intervals::network(&net))),
        Constant::Double(_) => None,
    }
}

fn equality(op: Op, set: Set) -> Option<Set> {
    match op {
        Op::Eq => Some(set),
        Op::Ne => Some(set.negated()),
        _ => None,
    }
}

fn numbers(op: Op, number: i128) -> Set {
    // Far beyond every value of a field, and far from overflowing.
    const END: i128 = 1 << 100;
    let between = |low, high| Set::Intervals(Intervals::numbers(low, high));
    match op {
        Op::Lt => between(-END, number - 1),
        Op::Le => between(-END, number),
        Op::Gt => between(number + 1, END),
        Op::Ge => between(number, END),
        Op::Ne => Set::Intervals(
            Intervals::numbers(-END, END).without(&Intervals::numbers(number, number)),
        ),
        _ => between(number, number),
    }
}

fn text(op: Op, bytes: &[u8]) -> Option<Set> {
    let part = |test: fn(Box<[u8]>) -> Test| match bytes {
        [] => Set::All,
        bytes => Set::Test(test(bytes.into())),
    };
    Some(match op {
        Op::Eq | Op::Ne => return equality(op, Set::text(bytes)),
        Op::Contains | Op::BContains => part(Test::Contains),
        Op::StartsWith | Op::BStartsWith => part(Test::StartsWith),
        Op::EndsWith => part(Test::EndsWith),
        Op::IContains => match bytes {
            [] => Set::All,
            bytes => Set::Test(Test::IContains(bytes.to_ascii_lowercase().into())),
        },
        Op::Glob => glob(bytes),
        Op::IGlob => Set::Test(Test::Glob(bytes.into(), Case::Ignored)),
        Op::Regex => Set::Test(Test::regex(bytes)),
        // Texts are ordered against a number's digits; nobody needs it proved.
        _ => return None,
    })
}

/// A shell pattern; one whose only stars stand at its ends is a simpler test.
fn glob(pattern: &[u8]) -> Set {
    let special = |text: &[u8]| text.iter().any(|byte| b"*?[\\".contains(byte));
    let (head, inner) = match pattern.strip_prefix(b"*") {
        Some(inner) => (true, inner),
        None => (false, pattern),
    };
    let (tail, inner) = match inner.strip_suffix(b"*") {
        Some(inner) => (true, inner),
        None => (false, inner),
    };
    if special(inner) {
        return Set::Test(Test::Glob(pattern.into(), Case::Exact));
    }
    match (head, tail) {
        (false, false) => Set::text(inner),
        _ if inner.is_empty() => Set::All,
        (true, true) => Set::Test(Test::Contains(inner.into())),
        (true, false) => Set::Test(Test::EndsWith(inner.into())),
        (false, true) => Set::Test(Test::StartsWith(inner.into())),
    }
}
