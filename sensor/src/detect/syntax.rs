//! The condition's text in, its tree out: lexer, parser, printer.
//!
//! [`parse`] is total: any text gives a tree or one [`SyntaxError`] that says
//! where and what to write instead. Every node of the tree knows the bytes it
//! was read from. Printing a tree and parsing the print gives the tree again.
//! Nothing here knows which fields or events exist.

mod ast;
mod complaint;
mod lexer;
mod macros;
mod parser;
mod printer;

pub use ast::{
    Argument, BracketArg, Call, Check, Comparison, Expansion, Expr, ExprKind, FieldName, Literal,
    Modifier, Op, Operand, Right, Span, Transformer,
};
pub use macros::{MacroError, resolve_macros};

pub(crate) use lexer::Lexer;
pub(crate) use parser::call_at;

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// The text to underline; empty at the end of the text.
    pub span: Span,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What to write instead, where that can be told.
    pub help: Option<String>,
}

impl SyntaxError {
    /// An error at `span`, without help.
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            help: None,
        }
    }

    /// The same error with help.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Reads a condition.
///
/// # Errors
/// The first place where the text stops being a condition.
pub fn parse(text: &str) -> Result<Expr, SyntaxError> {
    parser::Parser::new(text).condition()
}

#[cfg(test)]
mod tests;
