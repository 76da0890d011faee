//! Output format strings: compiled at load, rendered when a rule is true.
//!
//! A format is text with tokens: `%`, perhaps an exact width, then a field or
//! a transformer. A missing value prints as `<NA>` and never stops an alert.

mod render;

use serde_json::{Map, Value as Json};

use super::program::{Compiler, ErrorKind, Operand, nearest};
use super::syntax::{self, Lexer, Span};
use crate::fields::{self, Arg, FieldRef, LookupError, Many, Statics, Subject, Type};
use render::Style;
pub(crate) use render::value_json;

/// A compiled output format.
#[derive(Default)]
pub struct Format {
    pieces: Vec<Piece>,
    exports: Vec<Export>,
    /// What else is a field in what is added later.
    statics: Statics,
}

/// A stretch of a format.
enum Piece {
    Text(String),
    Token(Token),
}

/// A value to print.
struct Token {
    operand: Operand,
    style: Style,
    /// The exact number of characters, when one was given.
    width: Option<usize>,
}

/// An entry of `output_fields`.
struct Export {
    key: Box<str>,
    source: Source,
}

/// What an entry of `output_fields` holds.
enum Source {
    /// The typed value of a field.
    Field(FieldRef, Style),
    /// The text of a format.
    Text(Vec<Piece>),
}

/// Why a text is no output format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FormatError {
    /// What kind of mistake.
    pub kind: ErrorKind,
    /// The text to underline.
    pub span: Span,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What to write instead, where that can be told.
    pub help: Option<String>,
}

impl FormatError {
    /// The rule language's code for such mistakes.
    pub const CODE: &str = "LOAD_ERR_COMPILE_OUTPUT";

    fn new(span: Span, message: impl Into<String>, help: &str) -> Self {
        Self {
            kind: ErrorKind::Other,
            span,
            message: message.into(),
            help: Some(help.to_owned()),
        }
    }
}

impl Format {
    /// Reads a format. One leading `*` is swallowed, as rule files have it.
    ///
    /// # Errors
    /// The first token that is none.
    pub fn compile(text: &str) -> Result<Self, FormatError> {
        Self::compile_with(text, &Statics::default())
    }

    /// As [`Format::compile`], with constants that are fields.
    ///
    /// # Errors
    /// The first token that is none.
    pub fn compile_with(text: &str, statics: &Statics) -> Result<Self, FormatError> {
        let start = usize::from(text.starts_with('*'));
        let pieces = pieces(text, start, statics)?;
        let mut format = Self {
            pieces,
            exports: Vec::new(),
            statics: statics.clone(),
        };
        format.export_tokens();
        Ok(format)
    }

    /// Adds a field's typed value to `output_fields`, not to the text.
    ///
    /// # Errors
    /// There is no such field.
    pub fn export_field(&mut self, name: &str) -> Result<(), FormatError> {
        let whole = Span::new(0, name.len());
        let found = longest_field(name, 0, &self.statics)?;
        match found {
            (field, end) if end == name.len() => {
                self.export(&field);
                Ok(())
            }
            _ => Err(FormatError::new(
                whole,
                format!("no field is named `{name}`"),
                "an extra field is one field's name, without `%`",
            )),
        }
    }

    /// Adds a text made from a format to `output_fields` under this key.
    ///
    /// # Errors
    /// The text is no format.
    pub fn export_text(&mut self, key: &str, text: &str) -> Result<(), FormatError> {
        let pieces = pieces(text, usize::from(text.starts_with('*')), &self.statics)?;
        self.exports.push(Export {
            key: key.into(),
            source: Source::Text(pieces),
        });
        Ok(())
    }

    /// Writes the message for this event behind `out`.
    pub fn render<S: Subject>(&self, subject: &S, out: &mut String) {
        render::pieces(&self.pieces, subject, out);
    }

    /// The typed values of every field in the format, by field as written, and
    /// what else was exported.
    pub fn output_fields<S: Subject>(&self, subject: &S) -> Map<String, Json> {
        let mut map = Map::new();
        for Export { key, source } in &self.exports {
            let value = match source {
                Source::Field(field, style) => render::json(subject.value(field), *style),
                Source::Text(pieces) => {
                    let mut text = String::new();
                    render::pieces(pieces, subject, &mut text);
                    Json::String(text)
                }
            };
            map.insert(key.to_string(), value);
        }
        map
    }

    /// The fields whose values leave with every alert.
    pub fn fields(&self) -> impl Iterator<Item = &FieldRef> {
        let sources = self.exports.iter().map(|export| &export.source);
        sources.filter_map(|source| match source {
            Source::Field(field, _) => Some(field),
            Source::Text(_) => None,
        })
    }

    /// Of a transformed token the raw fields inside are exported.
    fn export_tokens(&mut self) {
        let mut fields = Vec::new();
        for piece in &self.pieces {
            if let Piece::Token(token) = piece {
                token
                    .operand
                    .for_each_field(&mut |field| fields.push(field.clone()));
            }
        }
        for field in fields {
            self.export(&field);
        }
    }

    fn export(&mut self, field: &FieldRef) {
        if self
            .exports
            .iter()
            .any(|export| export.key == field.written)
        {
            return;
        }
        let style = Style::of(field);
        self.exports.push(Export {
            key: field.written.clone(),
            source: Source::Field(printed(field.clone()), style),
        });
    }
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys = self.exports.iter().map(|export| &export.key);
        f.write_str("Format with ")?;
        f.debug_list().entries(keys).finish()
    }
}

/// Splits a format, from byte `start`, at its tokens.
fn pieces(text: &str, start: usize, statics: &Statics) -> Result<Vec<Piece>, FormatError> {
    let mut pieces = Vec::new();
    let mut at = start;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let plain = rest.find('%').unwrap_or(rest.len());
        if plain > 0 {
            pieces.push(Piece::Text(
                rest.get(..plain).unwrap_or_default().to_owned(),
            ));
        }
        at += plain;
        if at < text.len() {
            let (token, end) = token(text, at, statics)?;
            pieces.push(Piece::Token(token));
            at = end;
        }
    }
    Ok(pieces)
}

/// The token whose `%` stands at `start`, and the byte behind it.
fn token(text: &str, start: usize, statics: &Statics) -> Result<(Token, usize), FormatError> {
    let (width, at) = width(text, start)?;
    let rest = text.get(at..).unwrap_or_default();
    if rest.is_empty() || rest.starts_with(['%', ' ']) {
        return Err(FormatError::new(
            Span::new(start, (at + 1).min(text.len())),
            "a field must follow `%`",
            "a percent sign itself cannot be printed; write `percent`",
        ));
    }
    let (operand, style, end) = if let Some(call) = syntax::call_at(text, at) {
        let (call, end) = call.map_err(|error| FormatError {
            kind: ErrorKind::Other,
            span: error.span,
            message: error.message,
            help: error.help,
        })?;
        (transformed(&call, statics)?, Style::PLAIN, end)
    } else {
        let (field, end) = longest_field(text, at, statics)?;
        let style = Style::of(&field);
        (Operand::Field(printed(field)), style, end)
    };
    let token = Token {
        operand,
        style,
        width,
    };
    Ok((token, end))
}

/// The digits behind the `%` at `start`, if any, and the byte behind them.
fn width(text: &str, start: usize) -> Result<(Option<usize>, usize), FormatError> {
    let rest = text.get(start + 1..).unwrap_or_default();
    let len = rest.bytes().take_while(u8::is_ascii_digit).count();
    let end = start + 1 + len;
    let digits = rest.get(..len).unwrap_or_default();
    if digits.is_empty() {
        return Ok((None, end));
    }
    let width: u16 = digits.parse().map_err(|_| {
        let message = "this width is too large";
        FormatError::new(Span::new(start, end), message, "at most 65535")
    })?;
    Ok((Some(width.into()), end))
}

/// A transformer, checked like one in a condition.
fn transformed(call: &syntax::Call, statics: &Statics) -> Result<Operand, FormatError> {
    let mut compiler = Compiler::new(statics);
    let operand = compiler.call(call);
    match (operand, compiler.errors.into_iter().next()) {
        (Some((operand, _)), None) => Ok(operand),
        (_, Some(error)) => Err(FormatError {
            kind: error.kind,
            span: error.span,
            message: error.message,
            help: error.help,
        }),
        (None, None) => Err(FormatError::new(
            call.span,
            "this transformer cannot be used here",
            "see the list of transformers in the manual",
        )),
    }
}

/// The longest field that begins at `start`: with its bracket when the field
/// takes it, else the longest part of the name that is a field. What is left
/// over is text.
fn longest_field(
    text: &str,
    start: usize,
    statics: &Statics,
) -> Result<(FieldRef, usize), FormatError> {
    let mut lexer = Lexer::at(text, start);
    let Some(name) = lexer.field_name() else {
        let rest = text.get(start..).unwrap_or_default();
        let len = rest.find(|c: char| c.is_ascii_whitespace() || c == '%');
        let span = Span::new(start, start + len.unwrap_or(rest.len()));
        let message = format!("`{}` is no field", lexer.slice(span));
        return Err(unknown(span, message, lexer.slice(span)));
    };
    let name_end = lexer.place();
    if let Ok(Some(bracket)) = lexer.bracket()
        && let Ok(field) = statics.lookup(name, Some(&bracket.text))
    {
        return Ok((field, lexer.place()));
    }
    let whole = statics.lookup(name, None);
    if let Ok(field) = whole {
        return Ok((field, name_end));
    }
    for len in (1..name.len()).rev() {
        let part = name.get(..len).unwrap_or_default();
        let is_name = Lexer::at(part, 0).field_name() == Some(part);
        if is_name && let Ok(field) = statics.lookup(part, None) {
            return Ok((field, start + len));
        }
    }
    let span = Span::new(start, name_end);
    match whole {
        Err(LookupError::Argument { why }) => Err(FormatError {
            kind: ErrorKind::Other,
            span,
            message: why,
            help: None,
        }),
        _ => Err(unknown(span, format!("no field is named `{name}`"), name)),
    }
}

fn unknown(span: Span, message: String, written: &str) -> FormatError {
    FormatError {
        kind: ErrorKind::UnknownField,
        span,
        message,
        help: nearest(written, fields::names()).map(|name| format!("did you mean `%{name}`?")),
    }
}

/// The field whose value is printed for a field. `proc.apid` without an index
/// prints the process's own pid, as rule files expect.
fn printed(field: FieldRef) -> FieldRef {
    if field.many() == Many::AnyAncestor && field.field.ty != Type::Text {
        return FieldRef {
            arg: Arg::Index(0),
            ..field
        };
    }
    field
}

#[cfg(test)]
mod tests;
