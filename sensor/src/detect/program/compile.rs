//! The tree walked once: each check becomes a test, each mistake an error.

use std::sync::Arc;

use super::literal::{Constant, constant};
use super::operand::Shape;
use super::pathset::PathSet;
use super::predicate::{Predicate, Set};
use super::{CompileError, ErrorKind, MacroUse, Node, Operand, Test, fnmatch, pattern};
use crate::detect::syntax::{
    self, Check, Comparison, Expr, ExprKind, Literal, Modifier, Op, Right, Span,
};
use crate::events;
use crate::fields::{self, FieldRef, Statics, Type};

/// Collects what is learned on the walk.
#[derive(Default)]
pub(crate) struct Compiler {
    /// Constants that are fields besides those of the table.
    pub(super) statics: Statics,
    /// The macros around the current node.
    pub(super) within: Vec<MacroUse>,
    /// Every mistake so far.
    pub(crate) errors: Vec<CompileError>,
    /// Every field so far, each once.
    pub(crate) fields: Vec<FieldRef>,
}

/// A message and, perhaps, help; the place is added by who knows it.
pub(crate) type Complaint = (String, Option<String>);

impl Compiler {
    /// One that knows these constants as fields.
    pub(crate) fn new(statics: &Statics) -> Self {
        Self {
            statics: statics.clone(),
            ..Self::default()
        }
    }

    /// Compiles a tree; `None` when a mistake in it was recorded.
    pub(super) fn node(&mut self, expr: &Expr) -> Option<Node> {
        match &expr.kind {
            ExprKind::Or(children) => self.nodes(children).map(Node::Or),
            ExprKind::And(children) => self.nodes(children).map(Node::And),
            ExprKind::Not(child) => self.node(child).map(|node| Node::Not(Box::new(node))),
            ExprKind::Check(check) => self.check(check).map(|test| Node::Test(Arc::new(test))),
            ExprKind::Expanded(expansion) => {
                self.within.push(MacroUse {
                    name: expansion.name.clone(),
                    span: expr.span,
                });
                let node = self.node(&expansion.body);
                self.within.pop();
                node
            }
            ExprKind::Macro(name) => self.fail(expr.span, format!("undefined macro `{name}`")),
        }
    }

    /// Compiles all children, so that every mistake is found.
    fn nodes(&mut self, children: &[Expr]) -> Option<Box<[Node]>> {
        let nodes: Vec<_> = children.iter().map(|child| self.node(child)).collect();
        nodes.into_iter().collect()
    }

    /// Records a mistake.
    pub(super) fn error(
        &mut self,
        kind: ErrorKind,
        span: Span,
        message: String,
        help: Option<String>,
    ) {
        self.errors.push(CompileError {
            kind,
            span,
            within: self.within.clone(),
            message,
            help,
        });
    }

    /// Records a mistake without help and gives nothing.
    pub(super) fn fail<T>(&mut self, span: Span, message: String) -> Option<T> {
        self.error(ErrorKind::Other, span, message, None);
        None
    }

    /// Records a complaint about this place.
    fn complain<T>(&mut self, span: Span, complaint: Complaint) -> Option<T> {
        self.error(ErrorKind::Other, span, complaint.0, complaint.1);
        None
    }

    /// Records that this build knows no such field.
    pub(super) fn unknown_field(&mut self, span: Span, error: fields::LookupError) -> Option<()> {
        match error {
            fields::LookupError::Unknown { name } => {
                let help = nearest(&name, fields::names())
                    .map(|nearest| format!("did you mean `{nearest}`?"));
                let message = format!("no field is named `{name}`");
                self.error(ErrorKind::UnknownField, span, message, help);
                None
            }
            fields::LookupError::Argument { why } => self.fail(span, why),
        }
    }

    fn check(&mut self, check: &Check) -> Option<Test> {
        let left = self.left_operand(&check.left);
        let Some((left, shape)) = left else {
            // The right side may hold a mistake of its own.
            self.right_of_unknown(&check.comparison);
            return None;
        };
        let predicate = self.comparison(check, &left, shape)?;
        Some(Test {
            left,
            many: shape.many,
            predicate,
        })
    }

    /// Looks for mistakes on the right of a left side that has one.
    fn right_of_unknown(&mut self, comparison: &Comparison) {
        match comparison {
            Comparison::One(_, Right::Val(field)) => {
                self.field(field);
            }
            Comparison::One(_, Right::Call(call)) => {
                self.call(call);
            }
            _ => {}
        }
    }

    fn comparison(&mut self, check: &Check, left: &Operand, shape: Shape) -> Option<Predicate> {
        let op = match &check.comparison {
            Comparison::Exists => return Some(Predicate::Exists),
            Comparison::One(op, _) | Comparison::Many(op, ..) => *op,
        };
        if !shape.allows(op) {
            let message = format!("`{op}` does not work on {shape}");
            let help = format!("{shape} can be tested with {}", shape.operators());
            return self.complain(check.op_span, (message, Some(help)));
        }
        self.event_names(left, &check.comparison)?;
        match &check.comparison {
            Comparison::Exists => Some(Predicate::Exists),
            Comparison::One(op, Right::Literal(literal)) => self.with_literal(*op, shape, literal),
            Comparison::One(op, Right::Val(field)) => {
                let right = self.field(field)?;
                self.with_operand(*op, left, shape, right, field.span)
            }
            Comparison::One(op, Right::Call(call)) => {
                let right = self.call(call)?;
                self.with_operand(*op, left, shape, right, call.span)
            }
            Comparison::Many(op, Some(modifier), items) => {
                self.with_modifier(*op, *modifier, shape, items)
            }
            Comparison::Many(Op::PMatch, None, items) => {
                let paths: Option<Vec<_>> = self.constants(Op::PMatch, Type::Text, items);
                Some(Predicate::Under(PathSet::new(&paths?)))
            }
            Comparison::Many(op, None, items) => {
                let set = Set::new(self.constants(*op, shape.ty, items)?);
                Some(match op {
                    Op::Intersects => Predicate::Meets(set),
                    _ => Predicate::In(set),
                })
            }
        }
    }

    /// Literals compared with the event's type must name event types, whatever
    /// the operator: what a rule can match is computed from them.
    fn event_names(&mut self, left: &Operand, comparison: &Comparison) -> Option<()> {
        if !left.is_event_type() {
            return Some(());
        }
        let literals = match comparison {
            Comparison::One(_, Right::Literal(literal)) => std::slice::from_ref(literal),
            Comparison::Many(_, _, items) => items,
            Comparison::Exists => &[],
            Comparison::One(
                _,
                Right::Val(syntax::FieldName { span, .. }) | Right::Call(syntax::Call { span, .. }),
            ) => {
                let message = "the event type cannot be compared with a field".into();
                return self.fail(*span, message);
            }
        };
        let mut known = Some(());
        for literal in literals {
            let name = String::from_utf8_lossy(&literal.bytes);
            if events::by_name(&name).is_none() {
                let names = events::rows().iter().map(|row| row.name);
                let help =
                    nearest(&name, names).map(|nearest| format!("did you mean `{nearest}`?"));
                let message = format!("no event is named `{name}`");
                self.error(ErrorKind::UnknownEvent, literal.span, message, help);
                known = None;
            }
        }
        known
    }

    /// Converts all literals of a list, so that every mistake is found.
    fn constants(&mut self, op: Op, ty: Type, items: &[Literal]) -> Option<Vec<Constant>> {
        let constants: Vec<_> = items
            .iter()
            .map(|literal| match constant(op, ty, &literal.bytes) {
                Ok(constant) => Some(constant),
                Err(complaint) => self.complain(literal.span, complaint),
            })
            .collect();
        constants.into_iter().collect()
    }

    fn with_modifier(
        &mut self,
        op: Op,
        modifier: Modifier,
        shape: Shape,
        items: &[Literal],
    ) -> Option<Predicate> {
        let predicates: Vec<_> = items
            .iter()
            .map(|literal| self.with_literal(op, shape, literal))
            .collect();
        let predicates: Option<Box<[_]>> = predicates.into_iter().collect();
        Some(Predicate::Counted(modifier, predicates?))
    }

    /// A comparison with one constant.
    fn with_literal(&mut self, op: Op, shape: Shape, literal: &Literal) -> Option<Predicate> {
        let constant = match constant(op, shape.ty, &literal.bytes) {
            Ok(constant) => constant,
            Err(complaint) => return self.complain(literal.span, complaint),
        };
        let predicate = match (op, constant) {
            (Op::Eq, constant) => Predicate::Equal(constant),
            (Op::Ne, constant) => Predicate::NotEqual(constant),
            (Op::Lt | Op::Le | Op::Gt | Op::Ge, constant) => Predicate::Ordered(op, constant),
            (Op::Contains | Op::BContains, Constant::Bytes(bytes)) => Predicate::contains(&bytes),
            (Op::IContains, Constant::Bytes(bytes)) => Predicate::IContains(bytes),
            (Op::StartsWith | Op::BStartsWith, Constant::Bytes(bytes)) => {
                Predicate::StartsWith(bytes)
            }
            (Op::EndsWith, Constant::Bytes(bytes)) => Predicate::EndsWith(bytes),
            (Op::Glob, Constant::Bytes(bytes)) => Predicate::Glob(bytes, fnmatch::Case::Exact),
            (Op::IGlob, Constant::Bytes(bytes)) => Predicate::Glob(bytes, fnmatch::Case::Ignored),
            (Op::Regex, Constant::Bytes(bytes)) => match pattern::compile(&bytes) {
                Ok(regex) => Predicate::Regex(Box::new(regex)),
                Err(complaint) => return self.complain(literal.span, complaint),
            },
            // List operators never come with a single literal, and text
            // operators only with bytes.
            _ => return self.fail(literal.span, format!("`{op}` does not take this value")),
        };
        Some(predicate)
    }

    /// A comparison with another field.
    fn with_operand(
        &mut self,
        op: Op,
        left: &Operand,
        shape: Shape,
        (right, right_shape): (Operand, Shape),
        span: Span,
    ) -> Option<Predicate> {
        if matches!(op, Op::PMatch | Op::Regex) {
            let message = format!("`{op}` does not compare with a field");
            return self.fail(span, message);
        }
        for side in [left, &right] {
            if let Some(field) = side.refuses_right_side() {
                let message = format!("`{field}` cannot be compared with another field");
                return self.fail(span, message);
            }
        }
        if right.is_event_type() {
            return self.fail(span, "the event type cannot stand on the right".into());
        }
        if shape != right_shape {
            let message =
                format!("both sides must be of one type: left {shape}, right {right_shape}");
            return self.fail(span, message);
        }
        Some(Predicate::Against(op, right))
    }
}

/// The valid name that is nearest to what was written, if any is near.
pub(crate) fn nearest<'n>(written: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names
        .map(|name| (strsim::jaro_winkler(written, name), name))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
