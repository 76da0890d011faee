//! Values in, text and JSON out: the only place that decides how a value looks
//! to a person or a program.

use std::fmt::Write;

use serde_json::{Number, Value as Json};

use super::{Piece, Token};
use crate::fields::{FieldRef, Many, Print, Subject, Type, Value};

/// What a missing value prints as.
const MISSING: &str = "<NA>";

/// How values of a token look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// As their type says.
    Value(Print),
    /// Ancestors, joined by blanks.
    Ancestors,
    /// The field is for conditions only: nothing to show.
    Hidden,
    /// The same for network fields, which show that they have a value.
    Network,
}

impl Style {
    /// For results of transformers.
    pub(super) const PLAIN: Self = Self::Value(Print::Plain);

    /// For a field.
    pub(super) fn of(field: &FieldRef) -> Self {
        let row = field.field;
        match field.many() {
            _ if row.ty == Type::IpNet => Self::Network,
            _ if row.flags.filter_only => Self::Hidden,
            Many::AnyAncestor if row.ty == Type::Text => Self::Ancestors,
            _ => Self::Value(row.print),
        }
    }
}

/// Writes pieces behind `out`.
pub(super) fn pieces<S: Subject>(pieces: &[Piece], subject: &S, out: &mut String) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Token(token) => self::token(token, subject, out),
        }
    }
}

fn token<S: Subject>(token: &Token, subject: &S, out: &mut String) {
    let start = out.len();
    text(token.operand.value(subject), token.style, out);
    if let Some(width) = token.width {
        let written = out.get(start..).unwrap_or_default();
        // Exactly as many characters: cut, or filled with blanks.
        if let Some((end, _)) = written.char_indices().nth(width) {
            out.truncate(start + end);
        } else {
            let missing = width - written.chars().count();
            out.extend(std::iter::repeat_n(' ', missing));
        }
    }
}

/// Writes a value as text behind `out`.
fn text(value: Option<Value<'_>>, style: Style, out: &mut String) {
    match (style, value) {
        (Style::Value(print), Some(value)) => value_text(value, print, out),
        (Style::Ancestors, Some(Value::List(items))) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                value_text(*item, Print::Plain, out);
            }
        }
        (Style::Ancestors, Some(value)) => value_text(value, Print::Plain, out),
        (Style::Network, Some(_)) => out.push_str("<IPNET>"),
        (Style::Hidden, _) | (_, None) => out.push_str(MISSING),
    }
}

fn value_text(value: Value<'_>, print: Print, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = match (value, print) {
        (Value::Text(bytes), _) => {
            push_lossy(bytes, out);
            Ok(())
        }
        (Value::Buffer(bytes), _) => {
            push_printable(bytes, out);
            Ok(())
        }
        (Value::Unsigned(n), Print::Hex) => write!(out, "{n:X}"),
        (Value::Signed(n), Print::Hex) => write!(out, "{n:X}"),
        (Value::Unsigned(n), Print::NineDigits) => write!(out, "{n:09}"),
        (Value::Signed(n), _) => write!(out, "{n}"),
        (Value::Unsigned(n), _) => write!(out, "{n}"),
        (Value::Port(n), _) => write!(out, "{n}"),
        (Value::Bool(b), _) => write!(out, "{b}"),
        (Value::Double(n), _) => write!(out, "{n:.1}"),
        (Value::Ip(address), _) => write!(out, "{address}"),
        (Value::List(items), _) => {
            out.push('(');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                value_text(*item, print, out);
            }
            out.push(')');
            Ok(())
        }
    };
}

/// Text, with U+FFFD for what is not UTF-8.
fn push_lossy(bytes: &[u8], out: &mut String) {
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Printable ASCII, with dots for all other bytes.
fn push_printable(bytes: &[u8], out: &mut String) {
    out.extend(bytes.iter().map(|byte| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '.',
    }));
}

/// A value as JSON; `null` when it is missing.
pub(super) fn json(value: Option<Value<'_>>, style: Style) -> Json {
    match (style, value) {
        (Style::Value(print), Some(value)) => value_json(value, print),
        (Style::Hidden, _) | (_, None) => Json::Null,
        (Style::Ancestors | Style::Network, value) => {
            let mut out = String::new();
            text(value, style, &mut out);
            Json::String(out)
        }
    }
}

/// A value as JSON, whatever outputs show of its field.
pub(crate) fn value_json(value: Value<'_>, print: Print) -> Json {
    match value {
        Value::Bool(b) => Json::Bool(b),
        Value::Signed(n) if print != Print::Hex => n.into(),
        Value::Unsigned(n) if print != Print::Hex => n.into(),
        Value::Port(n) => n.into(),
        // What is no number in JSON has no value there.
        Value::Double(n) => Number::from_f64(n).map_or(Json::Null, Json::Number),
        Value::List(items) => items.iter().map(|item| value_json(*item, print)).collect(),
        Value::Text(_)
        | Value::Buffer(_)
        | Value::Ip(_)
        | Value::Signed(_)
        | Value::Unsigned(_) => {
            let mut out = String::new();
            value_text(value, print, &mut out);
            Json::String(out)
        }
    }
}
