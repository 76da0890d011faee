//! A condition's tree in, something that answers true or false for an event out.
//!
//! [`Program::compile`] checks everything a condition can have wrong (fields,
//! types, values) and reports all of it. [`Program::matches`] then cannot
//! fail, does no IO and takes what room it needs from the event's arena.
//!
//! The one rule to remember: a comparison whose field has no value is false,
//! whatever its operator, and `not` only inverts.

mod compile;
pub(crate) mod fnmatch;
mod identity;
mod literal;
mod operand;
mod pathset;
pub(crate) mod pattern;
mod predicate;
mod transform;

use std::fmt;
use std::sync::Arc;

use crate::detect::syntax::{Expr, Span};
use crate::fields::{FieldRef, Many, Statics, Subject, Value};
pub(crate) use compile::{Compiler, nearest};
pub(crate) use fnmatch::Case;
pub(crate) use literal::{Constant, constant};
pub(crate) use operand::{Operand, Shape};
pub(super) use predicate::How;
use predicate::Predicate;

/// A compiled condition.
pub struct Program {
    root: Node,
    fields: Vec<FieldRef>,
}

/// A condition or a part of one.
pub(super) enum Node {
    Or(Box<[Node]>),
    And(Box<[Node]>),
    Not(Box<Node>),
    /// Shared with the engine, which keeps one of all that are alike.
    Test(Arc<Test>),
}

/// One comparison.
pub(super) struct Test {
    left: Operand,
    many: Many,
    predicate: Predicate,
}

/// What kind of mistake it is, for those who treat some apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No field of that name: `skip-if-unknown-filter` forgives it.
    UnknownField,
    /// No event type of that name: `skip-if-unknown-filter` forgives it.
    UnknownEvent,
    /// Anything else.
    Other,
}

/// A macro reference on the way to a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacroUse {
    /// The macro.
    pub name: String,
    /// Where it is used: a place in the text of the macro before, or in the
    /// condition's own text for the first.
    pub span: Span,
}

/// A mistake in a condition that reads well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// What kind.
    pub kind: ErrorKind,
    /// Where: in the condition's text when `within` is empty, else in the text
    /// of the last macro of `within`.
    pub span: Span,
    /// The macros that lead there, outermost first.
    pub within: Vec<MacroUse>,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What to write instead, where that can be told.
    pub help: Option<String>,
}

impl CompileError {
    /// The rule language's code for such mistakes.
    pub const CODE: &str = "LOAD_ERR_COMPILE_CONDITION";
}

impl Program {
    /// Checks a condition, its macros resolved, and makes it ready to run.
    ///
    /// # Errors
    /// Every mistake in it, in the order of the text.
    pub fn compile(expr: &Expr) -> Result<Self, Vec<CompileError>> {
        Self::compile_with(expr, &Statics::default())
    }

    /// As [`Program::compile`], with constants that are fields.
    ///
    /// # Errors
    /// Every mistake in it, in the order of the text.
    pub fn compile_with(expr: &Expr, statics: &Statics) -> Result<Self, Vec<CompileError>> {
        let mut compiler = Compiler::new(statics);
        let root = compiler.node(expr);
        match root {
            Some(root) if compiler.errors.is_empty() => Ok(Self {
                root,
                fields: compiler.fields,
            }),
            _ => Err(compiler.errors),
        }
    }

    /// Whether the condition is true for this event.
    pub fn matches<S: Subject>(&self, subject: &S) -> bool {
        self.root.matches(subject)
    }

    /// The tree, for those who make something else of it.
    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    /// The fields the condition asks for, each once, in the order of the text.
    pub fn fields(&self) -> &[FieldRef] {
        &self.fields
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.fields.iter().map(|field| &field.written);
        f.write_str("Program over ")?;
        f.debug_list().entries(fields).finish()
    }
}

impl Node {
    fn matches<S: Subject>(&self, subject: &S) -> bool {
        match self {
            Self::Or(nodes) => nodes.iter().any(|node| node.matches(subject)),
            Self::And(nodes) => nodes.iter().all(|node| node.matches(subject)),
            Self::Not(node) => !node.matches(subject),
            Self::Test(test) => test.matches(subject),
        }
    }
}

impl Test {
    fn matches<S: Subject>(&self, subject: &S) -> bool {
        let value = self.left.value(subject);
        value.is_some_and(|value| self.holds(value, subject))
    }

    /// Whether it is true when its left side has this value.
    pub(super) fn holds<S: Subject>(&self, value: Value<'_>, subject: &S) -> bool {
        let single = [value];
        let values: &[Value<'_>] = match value {
            Value::List(values) => values,
            _ => &single,
        };
        match self.many {
            Many::One => self.predicate.holds(value, subject),
            Many::List => self.predicate.holds_for_list(values, subject),
            Many::AnyAncestor => values
                .iter()
                .any(|value| self.predicate.holds(*value, subject)),
            Many::BothEnds => self.predicate.holds_for_ends(values, subject),
        }
    }
}

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;
