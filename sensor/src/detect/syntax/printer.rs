//! A tree in, its canonical text out: one blank between words, parentheses
//! only where they change the meaning, double quotes.

use std::fmt::{self, Display, Formatter, Write};

use super::ast::{
    Argument, BracketArg, Call, Check, Comparison, Expr, ExprKind, FieldName, Literal, Operand,
    Right,
};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Or(children) => separated(f, children, " or ", |f, child| {
                group(f, child, matches!(child.kind, ExprKind::Or(_)))
            }),
            ExprKind::And(children) => separated(f, children, " and ", |f, child| {
                let joined = matches!(child.kind, ExprKind::Or(_) | ExprKind::And(_));
                group(f, child, joined)
            }),
            ExprKind::Not(child) => {
                f.write_str("not ")?;
                let simple = matches!(
                    child.kind,
                    ExprKind::Check(_) | ExprKind::Macro(_) | ExprKind::Expanded(_)
                );
                group(f, child, !simple)
            }
            ExprKind::Check(check) => check.fmt(f),
            ExprKind::Macro(name) => f.write_str(name),
            // A macro is one unit wherever it stands.
            ExprKind::Expanded(expansion) => group(f, &expansion.body, true),
        }
    }
}

fn group(f: &mut Formatter<'_>, expr: &Expr, parentheses: bool) -> fmt::Result {
    if parentheses {
        write!(f, "({expr})")
    } else {
        expr.fmt(f)
    }
}

fn separated<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    separator: &str,
    mut show: impl FnMut(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        show(f, item)?;
    }
    Ok(())
}

fn list<T: Display>(f: &mut Formatter<'_>, items: &[T]) -> fmt::Result {
    f.write_char('(')?;
    separated(f, items, ", ", |f, item| item.fmt(f))?;
    f.write_char(')')
}

impl Display for Check {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.left)?;
        match &self.comparison {
            Comparison::Exists => f.write_str("exists"),
            Comparison::One(op, right) => write!(f, "{op} {right}"),
            Comparison::Many(op, modifier, items) => {
                write!(f, "{op} ")?;
                if let Some(modifier) = modifier {
                    write!(f, "{modifier} ")?;
                }
                list(f, items)
            }
        }
    }
}

impl Display for Right {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::Val(field) => write!(f, "val({field})"),
            Self::Call(call) => call.fmt(f),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Call(call) => call.fmt(f),
        }
    }
}

impl Display for FieldName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        bracket(f, self.bracket.as_ref())
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.transformer.word())?;
        list(f, &self.args)?;
        bracket(f, self.bracket.as_ref())
    }
}

impl Display for Argument {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operand(operand) => operand.fmt(f),
            Self::Literal(literal) => literal.fmt(f),
            Self::List(items, _) => list(f, items),
        }
    }
}

fn bracket(f: &mut Formatter<'_>, arg: Option<&BracketArg>) -> fmt::Result {
    match arg {
        None => Ok(()),
        Some(arg) if arg.quoted => {
            f.write_char('[')?;
            quoted(f, arg.text.as_bytes())?;
            f.write_char(']')
        }
        Some(arg) => write!(f, "[{}]", arg.text),
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) if !self.quoted => f.write_str(text),
            _ => quoted(f, &self.bytes),
        }
    }
}

/// In double quotes, with the escapes the lexer knows.
fn quoted(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_char('"')?;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                // `\\` before the closing quote would keep the text open.
                '\\' => f.write_str("\\x5c")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    f.write_char('"')
}
