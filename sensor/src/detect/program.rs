//! A condition compiled: checked once, evaluated without allocation.
//!
//! `Program::compile(&syntax::Expr) -> Result<Program, Vec<CompileError>>`
//! `Program::matches(&self, subject: &impl fields::Subject) -> bool`

/// A compiled condition.
#[derive(Debug, Default)]
pub struct Program {}
