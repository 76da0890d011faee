//! One comparison's right side: what must hold for a value.

use std::collections::HashSet;

use bumpalo::Bump;
use memchr::memmem::Finder;
use regex::Regex;

use super::fnmatch::{self, Case};
use super::literal::{Constant, number};
use super::operand::Operand;
use super::pathset::PathSet;
use crate::detect::syntax::{Modifier, Op};
use crate::fields::{Subject, Value};

/// Up to this many elements a list is searched from end to end.
const SMALL_SET: usize = 8;

/// What must hold for a value.
pub(super) enum Predicate {
    /// Nothing but that there is one.
    Exists,
    Equal(Constant),
    NotEqual(Constant),
    /// `<`, `<=`, `>` and `>=`.
    Ordered(Op, Constant),
    Contains(Box<Finder<'static>>),
    IContains(Box<[u8]>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Glob(Box<[u8]>, Case),
    Regex(Box<Regex>),
    /// `pmatch`
    Under(PathSet),
    /// `in`: all elements of a list field.
    In(Set),
    /// `intersects`: any element of a list field.
    Meets(Set),
    /// A modifier over one predicate for each element of its list.
    Counted(Modifier, Box<[Predicate]>),
    /// A comparison with another field.
    Against(Op, Operand),
}

/// How a pattern must stand in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::detect) enum How {
    /// It is the value.
    Whole,
    /// The value begins with it.
    Start,
    /// The value ends with it.
    End,
    /// It is somewhere in the value.
    Within,
}

/// The constants of a list.
pub(super) enum Set {
    Few(Box<[Constant]>),
    Texts(HashSet<Box<[u8]>>),
    Numbers(HashSet<i128>),
}

impl Set {
    /// Hashed when there are many of one kind that can be.
    pub(super) fn new(constants: Vec<Constant>) -> Self {
        if constants.len() <= SMALL_SET {
            return Self::Few(constants.into());
        }
        let texts: Option<HashSet<_>> = constants
            .iter()
            .map(|constant| match constant {
                Constant::Bytes(bytes) => Some(bytes.clone()),
                _ => None,
            })
            .collect();
        let numbers: Option<HashSet<_>> = constants
            .iter()
            .map(|constant| match constant {
                Constant::Number(number) => Some(*number),
                _ => None,
            })
            .collect();
        match (texts, numbers) {
            (Some(texts), _) => Self::Texts(texts),
            (_, Some(numbers)) => Self::Numbers(numbers),
            _ => Self::Few(constants.into()),
        }
    }

    fn holds(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Few(constants), value) => constants.iter().any(|c| c.equals(value)),
            (Self::Texts(texts), Value::Text(bytes) | Value::Buffer(bytes)) => {
                texts.contains(bytes)
            }
            (Self::Texts(_), _) => false,
            (Self::Numbers(numbers), value) => {
                number(value).is_some_and(|number| numbers.contains(&number))
            }
        }
    }
}

/// The bytes of a text or buffer.
fn bytes(value: Value<'_>) -> Option<&[u8]> {
    match value {
        Value::Text(bytes) | Value::Buffer(bytes) => Some(bytes),
        _ => None,
    }
}

impl Predicate {
    /// `contains` and `bcontains`.
    pub(super) fn contains(needle: &[u8]) -> Self {
        Self::Contains(Box::new(Finder::new(needle).into_owned()))
    }

    /// Whether it holds for one value.
    pub(super) fn holds<S: Subject>(&self, value: Value<'_>, subject: &S) -> bool {
        let text = |holds: &dyn Fn(&[u8]) -> bool| bytes(value).is_some_and(holds);
        match self {
            Self::Exists => true,
            Self::Equal(constant) => constant.equals(value),
            Self::NotEqual(constant) => !constant.equals(value),
            Self::Ordered(op, constant) => ordered(*op, value, constant),
            Self::Contains(finder) => text(&|text| finder.find(text).is_some()),
            Self::IContains(needle) => text(&|text| contains_ignoring_case(text, needle)),
            Self::StartsWith(prefix) => text(&|text| text.starts_with(prefix)),
            Self::EndsWith(suffix) => text(&|text| text.ends_with(suffix)),
            Self::Glob(pattern, case) => text(&|text| fnmatch::matches(pattern, text, *case)),
            Self::Regex(regex) => text(&|text| regex_matches(regex, text, subject.arena())),
            Self::Under(paths) => text(&|path| paths.covers(path)),
            Self::In(set) | Self::Meets(set) => set.holds(value),
            Self::Counted(modifier, predicates) => {
                counted(*modifier, predicates, |p| p.holds(value, subject))
            }
            Self::Against(op, right) => right
                .value(subject)
                .is_some_and(|right| against(*op, value, right)),
        }
    }

    /// Whether it holds for a list field: `in` wants every element in the set
    /// (an empty list is), `intersects` any.
    pub(super) fn holds_for_list<S: Subject>(&self, values: &[Value<'_>], subject: &S) -> bool {
        match self {
            Self::Exists => true,
            Self::In(set) => values.iter().all(|value| set.holds(*value)),
            Self::Meets(set) => values.iter().any(|value| set.holds(*value)),
            Self::Against(op, right) => match right.value(subject) {
                Some(Value::List(others)) if *op == Op::In => {
                    values.iter().all(|value| others.contains(value))
                }
                Some(Value::List(others)) => values.iter().any(|value| others.contains(value)),
                _ => false,
            },
            // The compiler lets no other operator near a list field.
            _ => false,
        }
    }

    /// Whether it holds for the two ends of a connection: `!=` must hold for
    /// both, anything else for either. Without ends nothing but `exists` does.
    pub(super) fn holds_for_ends<S: Subject>(&self, ends: &[Value<'_>], subject: &S) -> bool {
        match self {
            Self::Exists => true,
            Self::NotEqual(_) => {
                !ends.is_empty() && ends.iter().all(|end| self.holds(*end, subject))
            }
            Self::Counted(modifier, predicates) => {
                counted(*modifier, predicates, |p| p.holds_for_ends(ends, subject))
            }
            _ => ends.iter().any(|end| self.holds(*end, subject)),
        }
    }
}

/// Whether the predicate holds for as many elements as the modifier wants.
fn counted(
    modifier: Modifier,
    predicates: &[Predicate],
    holds: impl Fn(&Predicate) -> bool,
) -> bool {
    match modifier {
        Modifier::AnyOf => predicates.iter().any(holds),
        Modifier::AllOf => !predicates.is_empty() && predicates.iter().all(holds),
        Modifier::OneOf => predicates.iter().filter(|p| holds(p)).count() == 1,
    }
}

/// Whether an ordering operator accepts how two values compare.
fn accepts(op: Op, ordering: std::cmp::Ordering) -> bool {
    match op {
        Op::Lt => ordering.is_lt(),
        Op::Le => ordering.is_le(),
        Op::Gt => ordering.is_gt(),
        _ => ordering.is_ge(),
    }
}

fn ordered(op: Op, value: Value<'_>, constant: &Constant) -> bool {
    let ordering = match (value, constant) {
        (Value::Text(value), Constant::Bytes(constant)) => Some(value.cmp(constant)),
        (Value::Double(value), Constant::Double(constant)) => value.partial_cmp(constant),
        (value, Constant::Number(constant)) => number(value).map(|n| n.cmp(constant)),
        _ => None,
    };
    ordering.is_some_and(|ordering| accepts(op, ordering))
}

/// Compares two values of one type.
fn against(op: Op, left: Value<'_>, right: Value<'_>) -> bool {
    let text = |holds: fn(&[u8], &[u8]) -> bool| match (bytes(left), bytes(right)) {
        (Some(left), Some(right)) => holds(left, right),
        _ => false,
    };
    match op {
        Op::Eq | Op::In | Op::Intersects => left == right,
        Op::Ne => left != right,
        Op::Lt | Op::Le | Op::Gt | Op::Ge => {
            let ordering = match (left, right) {
                (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
                (Value::Double(left), Value::Double(right)) => left.partial_cmp(&right),
                _ => number(left).and_then(|left| Some(left.cmp(&number(right)?))),
            };
            ordering.is_some_and(|ordering| accepts(op, ordering))
        }
        Op::Contains | Op::BContains => text(|a, b| memchr::memmem::find(a, b).is_some()),
        Op::IContains => text(contains_ignoring_case),
        Op::StartsWith | Op::BStartsWith => text(<[u8]>::starts_with),
        Op::EndsWith => text(<[u8]>::ends_with),
        Op::Glob => text(|a, b| fnmatch::matches(b, a, Case::Exact)),
        Op::IGlob => text(|a, b| fnmatch::matches(b, a, Case::Ignored)),
        // These never compare with a field.
        Op::Regex | Op::PMatch => false,
    }
}

fn contains_ignoring_case(text: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else {
        return true;
    };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    memchr::memchr2_iter(lower, upper, text).any(|at| {
        text.get(at..at + needle.len())
            .is_some_and(|part| part.eq_ignore_ascii_case(needle))
    })
}

/// Matches text that need not be UTF-8: what is not counts as U+FFFD.
fn regex_matches(regex: &Regex, text: &[u8], arena: &Bump) -> bool {
    if let Ok(text) = std::str::from_utf8(text) {
        return regex.is_match(text);
    }
    let mut lossy = bumpalo::collections::String::new_in(arena);
    for chunk in text.utf8_chunks() {
        lossy.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            lossy.push(char::REPLACEMENT_CHARACTER);
        }
    }
    regex.is_match(&lossy)
}
