//! What to say when the grammar finds no way on: what was expected, what
//! stands there instead, and what the writer probably meant.

use super::SyntaxError;
use super::ast::{Expr, ExprKind, Op, Operand, Span};
use super::lexer::is_blank;
use super::parser::{Parser, RESERVED};

impl Parser<'_> {
    /// The empty span at the current place.
    pub(super) fn here(&self) -> Span {
        self.lexer.since(self.lexer.place())
    }

    /// What stands at the current place, up to the next blank or parenthesis.
    pub(super) fn next_token(&self) -> Span {
        let rest = self.lexer.rest();
        let ends = |c: char| is_blank(c) || matches!(c, '(' | ')' | ',');
        let len = match rest.chars().next() {
            None => 0,
            Some(first) if ends(first) => first.len_utf8(),
            Some(_) => rest.find(ends).unwrap_or(rest.len()),
        };
        let start = self.lexer.place();
        Span::new(start, start + len)
    }

    /// The current token named in a sentence.
    fn found(&self) -> String {
        match self.lexer.slice(self.next_token()) {
            "" => "the end".into(),
            token => format!("`{token}`"),
        }
    }

    pub(super) fn expected(&self, what: &str) -> SyntaxError {
        let message = format!("expected {what}, found {}", self.found());
        SyntaxError::new(self.next_token(), message)
    }

    /// The error for an operand without operator.
    pub(super) fn no_operator(&self, left: &Operand) -> SyntaxError {
        let left = self.lexer.slice(left.span());
        let error = self.expected(&format!("an operator behind `{left}`"));
        let token = self.lexer.slice(self.next_token());
        let words = Op::ALL.iter().map(|op| op.word()).chain(["exists"]);
        let nearest = words
            .clone()
            .filter(|word| strsim::damerau_levenshtein(word, token) <= 2)
            .min_by_key(|word| strsim::damerau_levenshtein(word, token));
        match nearest {
            Some(word) if word == token => {
                error.help(format!("a blank must follow `{word}`, then a value"))
            }
            Some(word) => error.help(format!("did you mean `{word}`?")),
            None => error.help(format!(
                "the operators are {}",
                words.collect::<Vec<_>>().join(" ")
            )),
        }
    }

    /// The error for text behind a complete condition, or group when `closing`
    /// says so.
    pub(super) fn unexpected(&self, before: &Expr, closing: &str) -> SyntaxError {
        let error = self.expected(&format!("`and`, `or` or {closing}"));
        let rest = self.lexer.rest();
        let lower = self.lexer.slice(self.next_token()).to_ascii_lowercase();
        if RESERVED.contains(&lower.as_str()) && !rest.starts_with(&lower) {
            return error.help(format!("keywords are lower case: `{lower}`"));
        }
        if lower.starts_with("&&") || lower.starts_with("||") {
            return error.help("write `and` and `or`");
        }
        if rest.starts_with("and") {
            return error.help(
                "a group right behind `or` is its whole operand: write `or (…)` with a blank",
            );
        }
        match &before.kind {
            ExprKind::Macro(name) if name == "val" => {
                error.help("`val()` may stand only on the right of an operator")
            }
            ExprKind::Macro(name) => error.help(format!(
                "`{name}` is read as a macro, because the name of a field has a dot in it"
            )),
            _ if rest.starts_with(['(', '"', '\'', '=', ',']) => error.help(
                "a value with blanks, parentheses, commas, `=` or quotes needs quotes around it",
            ),
            _ => error.help("two checks are joined by `and` or `or`"),
        }
    }
}
