//! What a comparison is made of, for those who look for comparisons that are
//! alike or that can be made together.
//!
//! Two comparisons with the same identity are true for the same events.

use std::fmt::Write as _;

use super::literal::Constant;
use super::predicate::{How, Predicate, Set};
use super::{Operand, Test};
use crate::detect::syntax::{Modifier, Op};
use crate::fields::{Arg, FieldRef, Many, Scope, Subject, Value};

/// Roughly what a comparison takes, in the time of one that compares two
/// numbers.
const COST_TEXT: u32 = 3;
const COST_SEARCH: u32 = 10;
const COST_PATTERN: u32 = 40;
const COST_REGEX: u32 = 100;

impl Test {
    /// The left side.
    pub(in crate::detect) fn left(&self) -> &Operand {
        &self.left
    }

    /// How many values the left side has.
    pub(in crate::detect) fn many(&self) -> Many {
        self.many
    }

    /// All that decides what the comparison is true for, as bytes.
    pub(in crate::detect) fn identity(&self) -> Vec<u8> {
        let mut out = self.left.identity();
        out.push(match self.many {
            Many::One => b'1',
            Many::List => b'l',
            Many::AnyAncestor => b'a',
            Many::BothEnds => b'e',
        });
        self.predicate.write(&mut out);
        out
    }

    /// The longest time that what it finds can be remembered.
    pub(in crate::detect) fn scope(&self) -> Scope {
        let mut scope = Scope::Process;
        let mut meet = |field: &FieldRef| scope = scope.max(field.field.scope);
        self.left.for_each_field(&mut meet);
        if let Predicate::Against(_, right) = &self.predicate {
            right.for_each_field(&mut meet);
        }
        scope
    }

    /// Roughly how long it takes.
    pub(in crate::detect) fn cost(&self) -> u32 {
        let values = match self.many {
            Many::AnyAncestor => 8,
            Many::One | Many::List | Many::BothEnds => 1,
        };
        self.left.cost() + values * self.predicate.cost()
    }

    /// The texts of which one must stand in a value of the left side, when
    /// that is all the comparison asks.
    pub(in crate::detect) fn texts(&self) -> Option<Vec<(How, &[u8])>> {
        let mut texts = Vec::new();
        let all = self.many != Many::List && self.predicate.texts(&mut texts);
        all.then_some(texts)
    }

    /// The text that the left side must not be, when that is all.
    pub(in crate::detect) fn other_than(&self) -> Option<&[u8]> {
        match &self.predicate {
            Predicate::NotEqual(Constant::Bytes(bytes)) if self.many == Many::One => Some(bytes),
            _ => None,
        }
    }

    /// The numbers of which a value of the left side must be one, when that is
    /// all the comparison asks.
    pub(in crate::detect) fn numbers(&self) -> Option<Vec<i128>> {
        if self.many == Many::List {
            return None;
        }
        match &self.predicate {
            Predicate::Equal(Constant::Number(number)) => Some(vec![*number]),
            Predicate::In(set) | Predicate::Meets(set) => set.numbers(),
            _ => None,
        }
    }

    /// Whether it is true for no value at all.
    pub(in crate::detect) fn is_never_true(&self) -> bool {
        self.texts().is_some_and(|texts| texts.is_empty())
    }

    /// Whether the comparison with a left side of this value needs no event.
    pub(in crate::detect) fn holds_for(&self, value: Value<'_>) -> Option<bool> {
        match &self.predicate {
            Predicate::Against(..) => None,
            _ => Some(self.holds(value, &NoEvent::default())),
        }
    }
}

/// An event without fields.
#[derive(Default)]
struct NoEvent(bumpalo::Bump);

impl Subject for NoEvent {
    fn value<'a>(&'a self, _: &FieldRef) -> Option<Value<'a>> {
        None
    }

    fn arena(&self) -> &bumpalo::Bump {
        &self.0
    }
}

impl Operand {
    /// The field, when it is nothing but one.
    pub(in crate::detect) fn field(&self) -> Option<&FieldRef> {
        match self {
            Self::Field(field) => Some(field),
            _ => None,
        }
    }

    /// All that decides its value.
    pub(in crate::detect) fn identity(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Field(field) => {
                out.push(b'f');
                bytes(out, field.field.name.as_bytes());
                // One name may have a row for each of several types.
                debug(out, &field.field.ty);
                match &field.arg {
                    Arg::None => out.push(b'.'),
                    Arg::Index(index) => debug(out, index),
                    Arg::Key(key) => bytes(out, key.as_bytes()),
                }
            }
            Self::Text(text) => {
                out.push(b't');
                bytes(out, text);
            }
            Self::List(items) => operands(out, b'l', items),
            Self::Call(transformer, args) => {
                debug(out, transformer);
                operands(out, b'c', args);
            }
            Self::Option(args, option) => {
                out.push(*option);
                operands(out, b'o', args);
            }
        }
    }

    fn cost(&self) -> u32 {
        match self {
            Self::Field(field) => match field.many() {
                Many::One | Many::List => COST_TEXT,
                Many::BothEnds | Many::AnyAncestor => COST_SEARCH,
            },
            Self::Text(_) => 0,
            Self::List(items) | Self::Call(_, items) | Self::Option(items, _) => {
                COST_SEARCH + items.iter().map(Self::cost).sum::<u32>()
            }
        }
    }
}

fn operands(out: &mut Vec<u8>, kind: u8, operands: &[Operand]) {
    out.push(kind);
    length(out, operands.len());
    for operand in operands {
        operand.write(out);
    }
}

impl Predicate {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Exists => out.push(b'x'),
            Self::Equal(constant) => tagged(out, b'=', |out| constant.write(out)),
            Self::NotEqual(constant) => tagged(out, b'!', |out| constant.write(out)),
            Self::Ordered(op, constant) => {
                out.push(b'<');
                debug(out, op);
                constant.write(out);
            }
            Self::Contains(finder) => tagged(out, b'c', |out| bytes(out, finder.needle())),
            Self::IContains(text) => tagged(out, b'i', |out| bytes(out, text)),
            Self::StartsWith(text) => tagged(out, b'^', |out| bytes(out, text)),
            Self::EndsWith(text) => tagged(out, b'$', |out| bytes(out, text)),
            Self::Glob(text, case) => {
                out.push(b'g');
                debug(out, case);
                bytes(out, text);
            }
            Self::Regex(regex) => tagged(out, b'r', |out| bytes(out, regex.as_str().as_bytes())),
            Self::Under(paths) => {
                out.push(b'u');
                for path in paths.paths() {
                    out.push(b'/');
                    path.for_each(|component| bytes(out, component));
                }
            }
            Self::In(set) => tagged(out, b'n', |out| set.write(out)),
            Self::Meets(set) => tagged(out, b'm', |out| set.write(out)),
            Self::Counted(modifier, predicates) => {
                out.push(b'*');
                debug(out, modifier);
                length(out, predicates.len());
                predicates.iter().for_each(|predicate| predicate.write(out));
            }
            Self::Against(op, right) => {
                out.push(b'a');
                debug(out, op);
                right.write(out);
            }
        }
    }

    fn cost(&self) -> u32 {
        match self {
            Self::Exists => 0,
            Self::Equal(Constant::Bytes(_))
            | Self::NotEqual(Constant::Bytes(_))
            | Self::StartsWith(_)
            | Self::EndsWith(_) => COST_TEXT,
            Self::Equal(_) | Self::NotEqual(_) => 1,
            Self::Ordered(..) => 2,
            Self::In(_) | Self::Meets(_) => 2 * COST_TEXT,
            Self::Contains(_) => COST_SEARCH,
            Self::IContains(_) => 2 * COST_SEARCH,
            Self::Glob(..) | Self::Under(_) => COST_PATTERN,
            Self::Regex(_) => COST_REGEX,
            Self::Counted(_, predicates) => {
                let each = predicates.iter().map(Self::cost);
                each.fold(1, u32::saturating_add)
            }
            Self::Against(op, right) => match op {
                Op::Glob | Op::IGlob => COST_PATTERN + right.cost(),
                _ => COST_SEARCH + right.cost(),
            },
        }
    }

    /// Collects texts of which one must stand in the value; `false` when there
    /// is more to it.
    fn texts<'p>(&'p self, out: &mut Vec<(How, &'p [u8])>) -> bool {
        match self {
            Self::Equal(Constant::Bytes(text)) => out.push((How::Whole, text)),
            Self::StartsWith(text) => out.push((How::Start, text)),
            Self::EndsWith(text) => out.push((How::End, text)),
            Self::Contains(finder) => out.push((How::Within, finder.needle())),
            Self::In(set) | Self::Meets(set) => match set {
                Set::Texts(texts) => out.extend(texts.iter().map(|text| (How::Whole, &**text))),
                Set::Few(constants) => {
                    for constant in constants {
                        match constant {
                            Constant::Bytes(text) => out.push((How::Whole, text)),
                            _ => return false,
                        }
                    }
                }
                Set::Numbers(_) => return false,
            },
            Self::Counted(Modifier::AnyOf, predicates) => {
                return predicates.iter().all(|predicate| predicate.texts(out));
            }
            _ => return false,
        }
        true
    }
}

impl Set {
    /// Every constant once and in order, however the set is kept.
    fn write(&self, out: &mut Vec<u8>) {
        let mut each: Vec<Vec<u8>> = match self {
            Self::Few(constants) => constants.iter().map(Constant::identity).collect(),
            Self::Texts(texts) => texts
                .iter()
                .map(|text| Constant::Bytes(text.clone()).identity())
                .collect(),
            Self::Numbers(numbers) => numbers
                .iter()
                .map(|number| Constant::Number(*number).identity())
                .collect(),
        };
        each.sort_unstable();
        each.dedup();
        length(out, each.len());
        out.extend(each.into_iter().flatten());
    }

    fn numbers(&self) -> Option<Vec<i128>> {
        match self {
            Self::Numbers(numbers) => Some(numbers.iter().copied().collect()),
            Self::Texts(_) => None,
            Self::Few(constants) => constants
                .iter()
                .map(|constant| match constant {
                    Constant::Number(number) => Some(*number),
                    _ => None,
                })
                .collect(),
        }
    }
}

impl Constant {
    fn identity(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bytes(text) => tagged(out, b'b', |out| bytes(out, text)),
            Self::Number(number) => tagged(out, b'n', |out| debug(out, number)),
            Self::Bool(truth) => tagged(out, b'?', |out| debug(out, truth)),
            Self::Double(number) => tagged(out, b'd', |out| debug(out, &number.to_bits())),
            Self::Ip(address) => tagged(out, b'@', |out| debug(out, address)),
            Self::Net(net) => tagged(out, b'/', |out| debug(out, net)),
        }
    }
}

fn tagged(out: &mut Vec<u8>, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    write(out);
}

fn length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&(length as u64).to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn debug(out: &mut Vec<u8>, value: &dyn std::fmt::Debug) {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(text, "{value:?}");
    bytes(out, text.as_bytes());
}
