//! The grammar, one method per rule of it, from the loosest binding inwards.
//!
//! Recursion is bounded by [`MAX_DEPTH`], so no text can overflow the stack.

use super::SyntaxError;
use super::ast::{
    Argument, Call, Check, Comparison, Expr, ExprKind, FieldName, Literal, Modifier, Op, Operand,
    Right, Span, Transformer,
};
use super::lexer::Lexer;

/// Nested rules of the grammar in one condition; about 199 nested parentheses.
/// They fit into the 2 MiB stack of a thread, unoptimised builds included.
const MAX_DEPTH: usize = 1000;

/// Words that can name no macro, because they bind macros.
pub(super) const RESERVED: [&str; 3] = ["and", "or", "not"];

pub(super) type Parsed<T> = Result<T, SyntaxError>;

/// Reads one text.
pub(super) struct Parser<'t> {
    pub(super) lexer: Lexer<'t>,
    depth: usize,
}

/// Reads a transformer that begins at byte `start` of `text`; `None` when no
/// transformer's name with a parenthesis stands there. Also gives the byte
/// behind it.
pub(crate) fn call_at(text: &str, start: usize) -> Option<Parsed<(Call, usize)>> {
    let mut parser = Parser {
        lexer: Lexer::at(text, start),
        depth: 0,
    };
    let transformer = parser.lexer.transformer()?;
    let call = parser.call(transformer, start);
    Some(call.map(|call| (call, parser.lexer.place())))
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            lexer: Lexer::at(text, 0),
            depth: 0,
        }
    }

    /// `Condition = Or, EOF`
    pub(super) fn condition(mut self) -> Parsed<Expr> {
        self.lexer.blanks();
        if self.lexer.rest().is_empty() {
            return Err(SyntaxError::new(self.here(), "the condition is empty"));
        }
        let expr = self.or()?;
        if self.lexer.rest().is_empty() {
            Ok(expr)
        } else {
            Err(self.unexpected(&expr, "the end of the condition"))
        }
    }

    /// `Or = And, { "or", ( ~ And | "(" Or ")" ) }`
    fn or(&mut self) -> Parsed<Expr> {
        self.joined("or", Self::and, ExprKind::Or)
    }

    /// `And = Not, { "and", ( ~ Not | "(" Or ")" ) }`
    fn and(&mut self) -> Parsed<Expr> {
        self.joined("and", Self::not, ExprKind::And)
    }

    /// Operands of one binary operator. A group right behind the operator is
    /// the whole operand: `a or(b) and c` is an error, and rule files rely on
    /// being told so rather than on either reading.
    fn joined(
        &mut self,
        word: &str,
        operand: fn(&mut Self) -> Parsed<Expr>,
        join: fn(Vec<Expr>) -> ExprKind,
    ) -> Parsed<Expr> {
        self.descend()?;
        self.lexer.blanks();
        let first = operand(self)?;
        self.lexer.blanks();
        let mut rest = Vec::new();
        while self.lexer.eat(word) {
            rest.push(if self.lexer.blanks() {
                operand(self)?
            } else if self.lexer.eat("(") {
                self.group()?
            } else {
                let message = format!("a blank or `(` must follow `{word}`");
                return Err(SyntaxError::new(self.next_token(), message));
            });
            self.lexer.blanks();
        }
        self.depth -= 1;
        let Some(last) = rest.last() else {
            return Ok(first);
        };
        let span = Span::new(first.span.start, last.span.end);
        rest.insert(0, first);
        Ok(Expr {
            kind: join(rest),
            span,
        })
    }

    /// `Not = { "not" ~ }, ( "not(" Or ")" | Check )`
    fn not(&mut self) -> Parsed<Expr> {
        self.descend()?;
        self.lexer.blanks();
        let start = self.lexer.place();
        let mut negated = false;
        while self.lexer.eat_word("not") {
            negated = !negated;
        }
        let inner = if self.lexer.eat("not(") {
            negated = !negated;
            self.group()?
        } else {
            self.check()?
        };
        self.depth -= 1;
        if !negated {
            return Ok(inner);
        }
        let span = Span::new(start, inner.span.end);
        Ok(Expr {
            kind: ExprKind::Not(Box::new(inner)),
            span,
        })
    }

    /// What follows an opening parenthesis: `Or ")"`
    fn group(&mut self) -> Parsed<Expr> {
        self.descend()?;
        let expr = self.or()?;
        if !self.lexer.eat(")") {
            return Err(self.unexpected(&expr, "`)`"));
        }
        self.depth -= 1;
        Ok(expr)
    }

    /// `Check = "(" Or ")" | Operand, Comparison | MacroName`
    fn check(&mut self) -> Parsed<Expr> {
        self.descend()?;
        let start = self.lexer.place();
        let expr = if self.lexer.eat("(") {
            self.group()?
        } else if let Some(name) = self.lexer.field_name() {
            let field = self.field(name, start)?;
            self.comparison(Operand::Field(field))?
        } else if let Some(transformer) = self.lexer.transformer() {
            let call = self.call(transformer, start)?;
            self.comparison(Operand::Call(call))?
        } else {
            self.macro_name(start)?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn macro_name(&mut self, start: usize) -> Parsed<Expr> {
        let expected = "a field, a transformer, a macro or `(`";
        let name = self.lexer.identifier();
        let span = self.lexer.since(start);
        match name {
            Some(name) if !RESERVED.contains(&name) => Ok(Expr {
                kind: ExprKind::Macro(name.to_owned()),
                span,
            }),
            Some(word) => Err(SyntaxError::new(
                span,
                format!("expected {expected}, found the word `{word}`"),
            )),
            None => Err(self.expected(expected)),
        }
    }

    /// The bracketed argument behind a field's name that began at `start`.
    fn field(&mut self, name: &str, start: usize) -> Parsed<FieldName> {
        Ok(FieldName {
            name: name.to_owned(),
            bracket: self.lexer.bracket()?,
            span: self.lexer.since(start),
        })
    }

    /// The arguments and brackets of a transformer whose parenthesis was read.
    fn call(&mut self, transformer: Transformer, start: usize) -> Parsed<Call> {
        self.descend()?;
        let mut args = Vec::new();
        loop {
            args.push(self.argument()?);
            if !self.another("arguments")? {
                break;
            }
        }
        self.depth -= 1;
        Ok(Call {
            transformer,
            args,
            bracket: self.lexer.bracket()?,
            span: self.lexer.since(start),
        })
    }

    /// `TArg = Number | Quoted | TList | Transform | Field`
    fn argument(&mut self) -> Parsed<Argument> {
        self.descend()?;
        self.lexer.blanks();
        let start = self.lexer.place();
        if !self.lexer.eat("(") {
            let element = self.element()?;
            self.depth -= 1;
            return Ok(element);
        }
        let mut items = Vec::new();
        self.lexer.blanks();
        if !self.lexer.eat(")") {
            loop {
                items.push(self.element()?);
                if !self.another("elements")? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(Argument::List(items, self.lexer.since(start)))
    }

    /// `TItem = Field | Transform | Quoted | Number`
    fn element(&mut self) -> Parsed<Argument> {
        self.descend()?;
        let element = self.plain_element();
        self.depth -= 1;
        element
    }

    fn plain_element(&mut self) -> Parsed<Argument> {
        self.lexer.blanks();
        let start = self.lexer.place();
        if let Some(number) = self.lexer.number() {
            return Ok(Argument::Literal(self.literal(number, false, start)));
        }
        if let Some(bytes) = self.lexer.quoted()? {
            return Ok(Argument::Literal(self.literal(bytes, true, start)));
        }
        if let Some(transformer) = self.lexer.transformer() {
            let call = self.call(transformer, start)?;
            return Ok(Argument::Operand(Operand::Call(call)));
        }
        if let Some(name) = self.lexer.field_name() {
            let field = self.field(name, start)?;
            return Ok(Argument::Operand(Operand::Field(field)));
        }
        Err(self
            .expected("a field, a transformer, a number or a quoted text")
            .help("texts given to a transformer need quotes"))
    }

    /// After an element: whether another one follows its comma. Reads the
    /// closing parenthesis when none does.
    fn another(&mut self, elements: &str) -> Parsed<bool> {
        self.lexer.blanks();
        if self.lexer.eat(",") {
            Ok(true)
        } else if self.lexer.eat(")") {
            Ok(false)
        } else {
            let separated = format!("{elements} are separated by commas");
            Err(self.expected("`,` or `)`").help(separated))
        }
    }

    /// The operator and right side behind an operand.
    fn comparison(&mut self, left: Operand) -> Parsed<Expr> {
        self.lexer.blanks();
        let start = self.lexer.place();
        let (op_span, comparison) = if self.lexer.eat("exists") {
            (self.lexer.since(start), Comparison::Exists)
        } else if let Some((op, span)) = self.lexer.operator() {
            let comparison = if op.takes_list() {
                self.list_side(op)?
            } else if op.is_ordering() {
                self.number_side(op)?
            } else {
                self.text_side(op)?
            };
            (span, comparison)
        } else {
            return Err(self.no_operator(&left));
        };
        let span = self.lexer.since(left.span().start);
        let check = Check {
            left,
            op_span,
            comparison,
        };
        Ok(Expr {
            kind: ExprKind::Check(Box::new(check)),
            span,
        })
    }

    /// The right side of `<`, `<=`, `>` and `>=`.
    fn number_side(&mut self, op: Op) -> Parsed<Comparison> {
        let start = self.lexer.place();
        if let Some(number) = self.lexer.number() {
            let literal = self.literal(number, false, start);
            return Ok(Comparison::One(op, Right::Literal(literal)));
        }
        match self.right_operand()? {
            Some(right) => Ok(Comparison::One(op, right)),
            None => Err(self
                .expected(&format!("a number behind `{op}`"))
                .help("write the number without quotes, or `val(FIELD)`")),
        }
    }

    /// The right side of an operator that takes one text, or a list behind a
    /// modifier.
    fn text_side(&mut self, op: Op) -> Parsed<Comparison> {
        if let Some(modifier) = self.modifier() {
            let items = match self.list()? {
                Some(items) => items,
                None => vec![self.word_as_item()?],
            };
            return Ok(Comparison::Many(op, Some(modifier), items));
        }
        if let Some(right) = self.right_operand()? {
            return Ok(Comparison::One(op, right));
        }
        let value = self.value(&format!("a value behind `{op}`"))?;
        Ok(Comparison::One(op, Right::Literal(value)))
    }

    /// The right side of `in`, `intersects` and `pmatch`.
    fn list_side(&mut self, op: Op) -> Parsed<Comparison> {
        if let Some(items) = self.list()? {
            return Ok(Comparison::Many(op, None, items));
        }
        if let Some(right) = self.right_operand()? {
            return Ok(Comparison::One(op, right));
        }
        Ok(Comparison::Many(op, None, vec![self.word_as_item()?]))
    }

    /// A modifier, and the blanks behind it. The word is one only with blanks
    /// around it and a list or a word that can name a list behind it; else it
    /// is a value like any other.
    fn modifier(&mut self) -> Option<Modifier> {
        if !self.lexer.after_blank() {
            return None;
        }
        let mut ahead = self.lexer.clone();
        let found = *Modifier::ALL
            .iter()
            .find(|modifier| ahead.eat_word(modifier.word()))?;
        let behind = ahead.clone();
        let names_list = ahead.rest().starts_with('(')
            || ahead
                .identifier()
                .is_some_and(|word| !RESERVED.contains(&word));
        if !names_list {
            return None;
        }
        self.lexer = behind;
        Some(found)
    }

    /// `RField = "val(" Field ")" | Transform`
    fn right_operand(&mut self) -> Parsed<Option<Right>> {
        let start = self.lexer.place();
        if let Some(transformer) = self.lexer.transformer() {
            return self.call(transformer, start).map(|c| Some(Right::Call(c)));
        }
        if !self.lexer.eat("val(") {
            return Ok(None);
        }
        self.lexer.blanks();
        let start = self.lexer.place();
        let Some(name) = self.lexer.field_name() else {
            return Err(self
                .expected("a field inside `val()`")
                .help("`val()` takes one field and nothing else"));
        };
        let field = self.field(name, start)?;
        self.lexer.blanks();
        if !self.lexer.eat(")") {
            return Err(self
                .expected("`)`")
                .help("`val()` takes one field and nothing else"));
        }
        Ok(Some(Right::Val(field)))
    }

    /// `List = "(" [ StrValue { "," StrValue } ] ")"`
    fn list(&mut self) -> Parsed<Option<Vec<Literal>>> {
        if !self.lexer.eat("(") {
            return Ok(None);
        }
        self.lexer.blanks();
        let mut items = Vec::new();
        if self.lexer.eat(")") {
            return Ok(Some(items));
        }
        loop {
            self.lexer.blanks();
            items.push(self.value("a value of the list")?);
            if !self.another("values of a list")? {
                return Ok(Some(items));
            }
        }
    }

    /// A bare word where a list could stand: a list of that one word.
    fn word_as_item(&mut self) -> Parsed<Literal> {
        let start = self.lexer.place();
        match self.lexer.identifier() {
            Some(word) => Ok(self.literal(word, false, start)),
            None => Err(self
                .expected("a list in parentheses or a list's name")
                .help("write `(value, value)`")),
        }
    }

    /// `StrValue = Quoted | Bare`
    fn value(&mut self, expected: &str) -> Parsed<Literal> {
        let start = self.lexer.place();
        if let Some(bytes) = self.lexer.quoted()? {
            return Ok(self.literal(bytes, true, start));
        }
        match self.lexer.bare() {
            Some(text) => Ok(self.literal(text, false, start)),
            None => Err(self.expected(expected).help(
                "a value with blanks, parentheses, commas, `=` or quotes needs quotes around it",
            )),
        }
    }

    fn literal(&self, bytes: impl AsRef<[u8]>, quoted: bool, start: usize) -> Literal {
        Literal {
            bytes: bytes.as_ref().into(),
            quoted,
            span: self.lexer.since(start),
        }
    }

    /// Counts one more nested rule.
    fn descend(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(
                SyntaxError::new(self.here(), "the condition is nested too deeply")
                    .help("move inner parts into macros"),
            );
        }
        Ok(())
    }
}
