//! What a comparison asks for: a field, or something a transformer makes of
//! fields and constants. Output formats use the same operands.

use std::fmt;

use bumpalo::collections::Vec as ArenaVec;

use super::ErrorKind;
use super::compile::Compiler;
use super::transform::{self, Arguments};
use crate::detect::syntax::{self, Argument, FieldName, Op, Span, Transformer};
use crate::fields::{FieldRef, Many, Subject, Type, Value};

/// Something with a value for an event.
pub(crate) enum Operand {
    /// A field.
    Field(FieldRef),
    /// A text given to a transformer.
    Text(Box<[u8]>),
    /// A list given to a transformer.
    List(Box<[Operand]>),
    /// A transformer and what it is given.
    Call(Transformer, Box<[Operand]>),
    /// `getopt(…)[c]`: the value of one option.
    Option(Box<[Operand]>, u8),
}

/// What an operand's value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) ty: Type,
    pub(crate) many: Many,
}

impl Operand {
    /// The value for this event; `None` when it is missing.
    pub(crate) fn value<'a, S: Subject>(&'a self, subject: &'a S) -> Option<Value<'a>> {
        match self {
            Self::Field(field) => subject.value(field),
            Self::Text(text) => Some(Value::Text(text)),
            Self::List(items) => values(items, subject).map(Value::List),
            Self::Call(transformer, args) => {
                let args = values(args, subject)?;
                transform::apply(*transformer, args, subject.arena())
            }
            Self::Option(args, option) => {
                transform::option(values(args, subject)?, *option, subject.arena())
            }
        }
    }

    /// Whether this is the type of the event, which has rules of its own.
    pub(super) fn is_event_type(&self) -> bool {
        matches!(self, Self::Field(field) if is_event_type(field))
    }

    /// The name of the field that can stand in no comparison of two fields.
    pub(super) fn refuses_right_side(&self) -> Option<&str> {
        match self {
            Self::Field(field)
                if field.field.flags.no_right_field || field.field.ty == Type::IpNet =>
            {
                Some(&field.written)
            }
            _ => None,
        }
    }

    /// Every field in it.
    pub(crate) fn for_each_field<'o>(&'o self, visit: &mut dyn FnMut(&'o FieldRef)) {
        match self {
            Self::Field(field) => visit(field),
            Self::Text(_) => {}
            Self::List(items) | Self::Call(_, items) | Self::Option(items, _) => {
                for item in items {
                    item.for_each_field(visit);
                }
            }
        }
    }
}

/// All values, or none when one is missing.
fn values<'a, S: Subject>(operands: &'a [Operand], subject: &'a S) -> Option<&'a [Value<'a>]> {
    let mut values = ArenaVec::with_capacity_in(operands.len(), subject.arena());
    for operand in operands {
        values.push(operand.value(subject)?);
    }
    Some(values.into_bump_slice())
}

fn is_event_type(field: &FieldRef) -> bool {
    matches!(field.field.name, "evt.type" | "syscall.type")
}

impl Shape {
    /// One value of a type.
    pub(crate) fn one(ty: Type) -> Self {
        Self {
            ty,
            many: Many::One,
        }
    }

    fn is_number(self) -> bool {
        matches!(
            self.ty,
            Type::Signed(_)
                | Type::Unsigned(_)
                | Type::AbsTime
                | Type::RelTime
                | Type::Double
                | Type::Port
        )
    }

    /// The table of operators and types.
    pub(super) fn allows(self, op: Op) -> bool {
        match op {
            Op::In | Op::Intersects => true,
            _ if self.many == Many::List => false,
            Op::Eq | Op::Ne => true,
            Op::Lt | Op::Le | Op::Gt | Op::Ge => self.is_number() || self.ty == Type::Text,
            Op::Contains | Op::StartsWith | Op::EndsWith => {
                matches!(self.ty, Type::Text | Type::Buffer)
            }
            Op::IContains | Op::Glob | Op::IGlob | Op::Regex | Op::PMatch => self.ty == Type::Text,
            Op::BContains | Op::BStartsWith => self.ty == Type::Buffer,
        }
    }

    /// The operators that the type allows, for a help text.
    pub(super) fn operators(self) -> String {
        let allowed = Op::ALL.iter().filter(|op| self.allows(**op));
        let words: Vec<_> = ["exists"]
            .into_iter()
            .chain(allowed.map(|op| op.word()))
            .collect();
        words.join(" ")
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ty = match self.ty {
            Type::Text => "text",
            Type::Buffer => "a buffer",
            Type::Signed(_) | Type::Unsigned(_) => "a number",
            Type::AbsTime => "a time",
            Type::RelTime => "a duration",
            Type::Bool => "a truth value",
            Type::Double => "a floating-point number",
            Type::Port => "a port",
            Type::Ip => "an address",
            Type::IpNet => "a network",
        };
        match self.many {
            Many::List => write!(f, "a list of {}", ty.trim_start_matches("a ")),
            _ => f.write_str(ty),
        }
    }
}

impl Compiler {
    /// The left side of a comparison.
    pub(crate) fn left_operand(&mut self, operand: &syntax::Operand) -> Option<(Operand, Shape)> {
        match operand {
            syntax::Operand::Field(field) => self.field(field),
            syntax::Operand::Call(call) => self.call(call),
        }
    }

    /// A field, noted among those used.
    pub(crate) fn field(&mut self, name: &FieldName) -> Option<(Operand, Shape)> {
        let bracket = name.bracket.as_ref().map(|arg| arg.text.as_str());
        let field = match self.statics.lookup(&name.name, bracket) {
            Ok(field) => field,
            Err(error) => {
                self.unknown_field(name.span, error);
                return None;
            }
        };
        if field.field.flags.output_only {
            let message = format!("`{}` may be used in outputs only", field.written);
            return self.fail(name.span, message);
        }
        let shape = Shape {
            ty: field.field.ty,
            many: field.many(),
        };
        if !self
            .fields
            .iter()
            .any(|known| known.written == field.written)
        {
            self.fields.push(field.clone());
        }
        Some((Operand::Field(field), shape))
    }

    /// A transformer with everything inside it.
    pub(crate) fn call(&mut self, call: &syntax::Call) -> Option<(Operand, Shape)> {
        let arguments: Vec<_> = call.args.iter().map(|arg| self.argument(arg)).collect();
        let arguments: Vec<_> = arguments.into_iter().collect::<Option<_>>()?;
        let (operands, shapes): (Vec<_>, Vec<_>) = arguments.into_iter().unzip();
        let shape = match transform::signature(call.transformer, &Arguments(&shapes)) {
            Ok(shape) => shape,
            Err(message) => {
                let usage = format!("usage: {}", transform::usage(call.transformer));
                self.error(ErrorKind::Other, call.span, message, Some(usage));
                return None;
            }
        };
        let operands = operands.into();
        let Some(bracket) = &call.bracket else {
            return Some((Operand::Call(call.transformer, operands), shape));
        };
        match bracket.text.as_bytes() {
            [option] if call.transformer == Transformer::GetOpt => {
                let shape = Shape::one(Type::Text);
                Some((Operand::Option(operands, *option), shape))
            }
            _ if call.transformer == Transformer::GetOpt => {
                self.fail(call.span, "the brackets hold one option letter".into())
            }
            _ => {
                let message = format!("`{}` takes no brackets", call.transformer);
                self.fail(call.span, message)
            }
        }
    }

    fn argument(&mut self, argument: &Argument) -> Option<(Operand, Shape)> {
        match argument {
            Argument::Literal(literal) => {
                if literal.bytes.contains(&0) {
                    return self.fail(literal.span, "a text cannot hold a NUL byte".into());
                }
                let text = Operand::Text(literal.bytes.clone());
                Some((text, Shape::one(Type::Text)))
            }
            Argument::Operand(syntax::Operand::Call(call)) => self.call(call),
            Argument::Operand(syntax::Operand::Field(name)) => {
                let (operand, shape) = self.field(name)?;
                self.transformable(&operand, name.span)?;
                Some((operand, shape))
            }
            Argument::List(items, span) => self.list(items, *span),
        }
    }

    /// A list; its elements are numbers, or all of one type.
    fn list(&mut self, items: &[Argument], span: Span) -> Option<(Operand, Shape)> {
        let items: Vec<_> = items.iter().map(|item| self.argument(item)).collect();
        let items: Vec<_> = items.into_iter().collect::<Option<_>>()?;
        let (operands, shapes): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        if shapes.iter().any(|shape| shape.many != Many::One) {
            return self.fail(span, "the elements of a list are single values".into());
        }
        // Only `join` takes other than text, and it treats them all alike.
        let other = shapes.iter().find(|shape| shape.ty != Type::Text);
        let shape = Shape {
            ty: other.map_or(Type::Text, |shape| shape.ty),
            many: Many::List,
        };
        Some((Operand::List(operands.into()), shape))
    }

    /// Refuses fields that may stand in no transformer.
    fn transformable(&mut self, operand: &Operand, span: Span) -> Option<()> {
        let Operand::Field(field) = operand else {
            return Some(());
        };
        if field.field.flags.no_transformer || is_event_type(field) {
            let message = format!("`{}` may stand in no transformer", field.written);
            return self.fail(span, message);
        }
        Some(())
    }
}
