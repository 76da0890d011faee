//! A condition in, taken apart; with an event, what became of every part of it out.
//!
//! The engine stops asking as soon as the verdict is certain and keeps nothing
//! of the way. For people who want to see the way, [`Anatomy`] compiles every
//! comparison of a tree by itself and [`Anatomy::trace`] asks all of them.
//! What always holds: the verdict is the one of [`Program::matches`], and a
//! part has the same number in every trace of one tree, so that parts can be
//! counted over many events.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value as Json;

use super::format::value_json;
use super::program::{CompileError, Compiler, MacroUse, Operand, Program};
use super::syntax::{self, Argument, Check, Comparison, Expr, ExprKind, Right, Span};
use crate::fields::{FieldRef, Print, Subject};

/// A condition taken apart.
#[derive(Debug)]
pub struct Anatomy {
    /// In the order of the text, a part before the parts in it; the whole
    /// condition is the first.
    parts: Vec<Part>,
}

/// What a part of a condition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// True when one of its parts is.
    Or,
    /// True when all of its parts are.
    And,
    /// True when its one part is not.
    Not,
    /// A macro; its one part is what the macro stands for.
    Macro,
    /// A comparison: a leaf.
    Check,
}

/// A part of a condition.
#[derive(Debug)]
pub struct Part {
    /// What it is.
    pub kind: Kind,
    /// A macro's name, or a comparison as text; empty for the others.
    pub text: String,
    /// Where it stands: in the text of the innermost macro of `within`, or in
    /// the condition's own.
    pub span: Span,
    /// The macros around it, outermost first.
    pub within: Arc<[MacroUse]>,
    /// How many parts are around it.
    pub depth: usize,
    /// Numbers of the parts directly in it, in the order of the text.
    pub children: Vec<usize>,
    leaf: Option<Leaf>,
}

/// A comparison compiled by itself.
#[derive(Debug)]
struct Leaf {
    program: Program,
    sides: Vec<Side>,
}

/// Something a comparison asks the event for.
struct Side {
    /// As written.
    text: String,
    operand: Operand,
    print: Print,
}

impl std::fmt::Debug for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// What became of a condition for one event: one entry for each part, in the
/// order of [`Anatomy::parts`].
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The entries; never empty.
    pub parts: Vec<Seen>,
}

/// What became of a part.
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent facts about one part"
)]
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Seen {
    /// Whether it is true.
    pub holds: bool,
    /// Whether evaluation gets to it: `and` ends at its first part that is
    /// false, `or` at its first that is true.
    pub asked: bool,
    /// Whether it belongs to the reason for the verdict: the deciding parts
    /// alone make it what it is, whatever all others were. Of a true `or` that
    /// is the first true part; of a false `and` every false part, for each of
    /// them has to change before it is true; else all parts.
    pub deciding: bool,
    /// Whether the verdict would be another one if this part alone were.
    pub pivotal: bool,
    /// The values that were compared: the left side first. Empty but for
    /// comparisons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Asked>,
}

/// A value that a comparison asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asked {
    /// The field or transformer as written.
    pub name: String,
    /// Its value; `None` when it is missing.
    pub value: Option<Json>,
}

impl Anatomy {
    /// Takes a condition apart, its macros resolved.
    ///
    /// # Errors
    /// As [`Program::compile`].
    pub fn new(tree: &Expr) -> Result<Self, Vec<CompileError>> {
        let mut builder = Builder::default();
        builder.part(tree, 0, &Arc::from([]));
        if builder.errors.is_empty() {
            Ok(Self {
                parts: builder.parts,
            })
        } else {
            Err(builder.errors)
        }
    }

    /// All parts. Their positions here are their numbers.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The comparisons with their numbers, in the order of the text.
    pub fn leaves(&self) -> impl Iterator<Item = (usize, &Part)> {
        let parts = self.parts.iter().enumerate();
        parts.filter(|(_, part)| part.kind == Kind::Check)
    }

    /// Asks every part, those the engine would skip included.
    pub fn trace<S: Subject>(&self, subject: &S) -> Trace {
        let mut seen = vec![Seen::default(); self.parts.len()];
        // Parts come before what is in them: backwards, all is known in time.
        for (at, part) in self.parts.iter().enumerate().rev() {
            let holds = match &part.leaf {
                Some(leaf) => leaf.program.matches(subject),
                None => part.holds(&seen),
            };
            if let Some(entry) = seen.get_mut(at) {
                entry.holds = holds;
                entry.values = part.values(subject);
            }
        }
        if let Some(root) = seen.first_mut() {
            (root.asked, root.deciding, root.pivotal) = (true, true, true);
        }
        for (at, part) in self.parts.iter().enumerate() {
            part.hand_down(at, &mut seen);
        }
        Trace { parts: seen }
    }
}

impl Trace {
    /// The verdict on the whole condition.
    pub fn holds(&self) -> bool {
        self.parts.first().is_some_and(|seen| seen.holds)
    }
}

impl Part {
    /// Whether it is true, given the truth of its children.
    fn holds(&self, seen: &[Seen]) -> bool {
        let mut children = self.children.iter().map(|child| holds(seen, *child));
        match self.kind {
            Kind::Or => children.any(|holds| holds),
            Kind::And => children.all(|holds| holds),
            Kind::Not => !children.any(|holds| holds),
            Kind::Macro | Kind::Check => children.any(|holds| holds),
        }
    }

    fn values<S: Subject>(&self, subject: &S) -> Vec<Asked> {
        let sides = self.leaf.iter().flat_map(|leaf| &leaf.sides);
        sides
            .map(|side| Asked {
                name: side.text.clone(),
                value: side
                    .operand
                    .value(subject)
                    .map(|value| value_json(value, side.print)),
            })
            .collect()
    }

    /// Tells the children what follows for them from this part.
    fn hand_down(&self, at: usize, seen: &mut [Seen]) {
        let Some(own) = seen.get(at) else {
            return;
        };
        let (asked, deciding, pivotal) = (own.asked, own.deciding, own.pivotal);
        // What ends the asking: a true part of an `or`, a false one of an `and`.
        let ends = match self.kind {
            Kind::Or => Some(true),
            Kind::And => Some(false),
            Kind::Not | Kind::Macro | Kind::Check => None,
        };
        let ending = |child: usize, seen: &[Seen]| Some(holds(seen, child)) == ends;
        let mut all = self.children.iter().copied();
        let first = all.find(|child| ending(*child, seen));
        let only = first.is_some() && !all.any(|child| ending(child, seen));
        for child in self.children.iter().copied() {
            let is_reason = match (self.kind, first) {
                (Kind::Or, Some(first)) => child == first,
                (Kind::And, Some(_)) => ending(child, seen),
                _ => true,
            };
            let alone = first.is_none_or(|first| only && child == first);
            if let Some(entry) = seen.get_mut(child) {
                entry.asked = asked && first.is_none_or(|first| child <= first);
                entry.deciding = deciding && is_reason;
                entry.pivotal = pivotal && alone;
            }
        }
    }
}

fn holds(seen: &[Seen], part: usize) -> bool {
    seen.get(part).is_some_and(|seen| seen.holds)
}

/// Numbers the parts on its way through the tree.
#[derive(Default)]
struct Builder {
    parts: Vec<Part>,
    errors: Vec<CompileError>,
}

impl Builder {
    /// Adds a part with all that is in it; gives its number.
    fn part(&mut self, expr: &Expr, depth: usize, within: &Arc<[MacroUse]>) -> usize {
        let number = self.parts.len();
        let (kind, text) = match &expr.kind {
            ExprKind::Or(_) => (Kind::Or, String::new()),
            ExprKind::And(_) => (Kind::And, String::new()),
            ExprKind::Not(_) => (Kind::Not, String::new()),
            ExprKind::Macro(name) => (Kind::Macro, name.clone()),
            ExprKind::Expanded(expansion) => (Kind::Macro, expansion.name.clone()),
            ExprKind::Check(check) => (Kind::Check, check.to_string()),
        };
        self.parts.push(Part {
            kind,
            text,
            span: expr.span,
            within: Arc::clone(within),
            depth,
            children: Vec::new(),
            leaf: None,
        });
        let leaf = self.leaf(expr, within);
        let children = self.children(expr, depth + 1, within);
        if let Some(part) = self.parts.get_mut(number) {
            part.children = children;
            part.leaf = leaf;
        }
        number
    }

    fn children(&mut self, expr: &Expr, depth: usize, within: &Arc<[MacroUse]>) -> Vec<usize> {
        match &expr.kind {
            ExprKind::Or(children) | ExprKind::And(children) => children
                .iter()
                .map(|child| self.part(child, depth, within))
                .collect(),
            ExprKind::Not(child) => vec![self.part(child, depth, within)],
            ExprKind::Expanded(expansion) => {
                let used = MacroUse {
                    name: expansion.name.clone(),
                    span: expr.span,
                };
                let within: Arc<[MacroUse]> = within.iter().cloned().chain([used]).collect();
                vec![self.part(&expansion.body, depth, &within)]
            }
            ExprKind::Check(_) | ExprKind::Macro(_) => Vec::new(),
        }
    }

    /// Compiles what has no parts; notes what is wrong with it.
    fn leaf(&mut self, expr: &Expr, within: &Arc<[MacroUse]>) -> Option<Leaf> {
        let sides = match &expr.kind {
            ExprKind::Check(check) => sides(check),
            // Compiling a macro that is not resolved says what is wrong.
            ExprKind::Macro(_) => Vec::new(),
            _ => return None,
        };
        match Program::compile(expr) {
            Ok(program) => Some(Leaf { program, sides }),
            Err(errors) => {
                self.errors.extend(errors.into_iter().map(|mut error| {
                    error.within = within.to_vec();
                    error
                }));
                None
            }
        }
    }
}

/// Everything a comparison asks the event for: its sides, and the fields
/// inside a transformer, whose value would not be seen otherwise.
fn sides(check: &Check) -> Vec<Side> {
    let mut out = Vec::new();
    match &check.left {
        syntax::Operand::Field(field) => push_field(field, &mut out),
        syntax::Operand::Call(call) => push_call(call, &mut out),
    }
    match &check.comparison {
        Comparison::One(_, Right::Val(field)) => push_field(field, &mut out),
        Comparison::One(_, Right::Call(call)) => push_call(call, &mut out),
        Comparison::One(_, Right::Literal(_)) | Comparison::Exists | Comparison::Many(..) => {}
    }
    out
}

fn push_field(field: &syntax::FieldName, out: &mut Vec<Side>) {
    // What is wrong with it is told by compiling the whole comparison.
    if let Some((operand, _)) = Compiler::default().field(field) {
        let print = match &operand {
            Operand::Field(FieldRef { field, .. }) => field.print,
            _ => Print::Plain,
        };
        push(field.to_string(), operand, print, out);
    }
}

fn push_call(call: &syntax::Call, out: &mut Vec<Side>) {
    if let Some((operand, _)) = Compiler::default().call(call) {
        push(call.to_string(), operand, Print::Plain, out);
    }
    call.args.iter().for_each(|arg| push_argument(arg, out));
}

fn push_argument(argument: &Argument, out: &mut Vec<Side>) {
    match argument {
        Argument::Operand(syntax::Operand::Field(field)) => push_field(field, out),
        Argument::Operand(syntax::Operand::Call(call)) => {
            call.args.iter().for_each(|arg| push_argument(arg, out));
        }
        Argument::List(items, _) => items.iter().for_each(|item| push_argument(item, out)),
        Argument::Literal(_) => {}
    }
}

/// Each side once, though it be named twice.
fn push(text: String, operand: Operand, print: Print, out: &mut Vec<Side>) {
    if out.iter().all(|side| side.text != text) {
        out.push(Side {
            text,
            operand,
            print,
        });
    }
}

#[cfg(test)]
mod tests;
