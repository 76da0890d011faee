//! A name as a rule writes it in, the field it means out.
//!
//! Arguments are resolved here, once, while rules are loaded; a getter never
//! meets one that its row does not allow.

use super::{Arg, ArgRule, Field, FieldRef, rows, statics};
use crate::events;

/// Why a name is not a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No field has this name.
    #[error("no field is named `{name}`")]
    Unknown {
        /// The name as written.
        name: String,
    },
    /// The field exists, but not with (or without) this argument.
    #[error("{why}")]
    Argument {
        /// A sentence that says what is wanted.
        why: String,
    },
}

/// Finds the field that `name` (dots and bracketed argument separate) means.
/// `bracket` is the unquoted text between the brackets, if there were any.
///
/// # Errors
/// [`LookupError`] when there is no such field or its argument is wrong.
pub fn lookup(name: &str, bracket: Option<&str>) -> Result<FieldRef, LookupError> {
    let (field, dotted) = find(name).ok_or_else(|| LookupError::Unknown {
        name: name.to_owned(),
    })?;
    let arg = match (dotted, bracket) {
        (Some(_), Some(_)) => {
            return Err(wrong(field, "takes one argument, not two"));
        }
        (Some(word), None) => dotted_argument(field, word)?,
        (None, bracket) => bracket_argument(field, bracket)?,
    };
    let written = match bracket {
        Some(text) => format!("{name}[{text}]"),
        None => name.to_owned(),
    };
    Ok(FieldRef {
        field: typed(field, &arg),
        arg,
        written: written.into(),
    })
}

/// The row of the whole name, or that of the part before a dotted argument.
fn find(name: &str) -> Option<(&'static Field, Option<&str>)> {
    if let Some(field) = rows().find(|field| field.name == name) {
        return Some((field, None));
    }
    rows().find_map(|field| {
        let takes_dot = matches!(
            field.arg,
            ArgRule::DottedOrIndex | ArgRule::Dotted | ArgRule::OptionalDotted
        );
        let word = name.strip_prefix(field.name)?.strip_prefix('.')?;
        (takes_dot && !word.is_empty()).then_some((field, Some(word)))
    })
}

/// Checks the word after the dot against what the field knows.
fn dotted_argument(field: &Field, word: &str) -> Result<Arg, LookupError> {
    let known = match field.name {
        "evt.arg" | "evt.rawarg" => events::param(word).is_some(),
        "evt.type.is" => events::by_name(word).is_some(),
        "evt.abspath" => matches!(word, "src" | "dst"),
        // Known to the configuration alone, see `Statics::lookup`.
        statics::CLASS => false,
        _ => true,
    };
    if known {
        return Ok(Arg::Key(word.into()));
    }
    let wants = match field.name {
        "evt.type.is" => "is followed by the name of an event type",
        "evt.abspath" => "is followed by `src`, `dst` or nothing",
        statics::CLASS => "is followed by a key of the configuration's `static_fields`",
        _ => "is followed by the name of a parameter that some event has",
    };
    Err(wrong(field, &format!("{wants}; `{word}` is none")))
}

/// Checks what stands in the brackets, or that nothing has to.
fn bracket_argument(field: &Field, bracket: Option<&str>) -> Result<Arg, LookupError> {
    let index = bracket.and_then(index);
    match (field.arg, bracket, index) {
        (
            ArgRule::None | ArgRule::OptionalIndex | ArgRule::OptionalAny | ArgRule::OptionalDotted,
            None,
            _,
        ) => Ok(Arg::None),
        (
            ArgRule::OptionalIndex
            | ArgRule::OptionalAny
            | ArgRule::Required
            | ArgRule::DottedOrIndex,
            Some(_),
            Some(index),
        ) => Ok(Arg::Index(index)),
        (ArgRule::OptionalAny | ArgRule::Required, Some(key), None) if !key.is_empty() => {
            Ok(Arg::Key(key.into()))
        }
        (ArgRule::None, ..) => Err(wrong(field, "takes no argument")),
        (ArgRule::OptionalIndex, ..) => Err(wrong(
            field,
            &format!("takes a number in its brackets, as in `{}[1]`", field.name),
        )),
        (ArgRule::OptionalAny | ArgRule::Required, ..) => Err(wrong(
            field,
            &format!(
                "needs an argument in brackets, as in `{}[NAME]`",
                field.name
            ),
        )),
        (ArgRule::DottedOrIndex, ..) => Err(wrong(
            field,
            "needs a parameter: a name after a dot (`evt.arg.flags`) or a number in brackets (`evt.arg[1]`)",
        )),
        (ArgRule::Dotted | ArgRule::OptionalDotted, ..) => Err(wrong(
            field,
            &format!(
                "takes its argument after a dot, as in `{}`",
                dotted_example(field)
            ),
        )),
    }
}

/// A use of a field that takes its argument after a dot.
fn dotted_example(field: &Field) -> String {
    let word = match field.name {
        "evt.type.is" => "open",
        "evt.abspath" => "src",
        "evt.rawarg" => "res",
        _ => "cpu",
    };
    format!("{}.{word}", field.name)
}

/// An index: decimal, without leading zeros.
fn index(text: &str) -> Option<usize> {
    let plain = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (plain && digits).then(|| text.parse().ok()).flatten()
}

/// The row with the type its argument gives it: a raw parameter has that of
/// the first event with a parameter of the name.
fn typed(field: &'static Field, arg: &Arg) -> &'static Field {
    let Arg::Key(name) = arg else { return field };
    if field.name != "evt.rawarg" {
        return field;
    }
    let Some(param) = events::param(name) else {
        return field;
    };
    let ty = param.kind.raw_type();
    super::evt::RAW_ROWS
        .iter()
        .find(|row| row.ty == ty)
        .unwrap_or(field)
}

fn wrong(field: &Field, what: &str) -> LookupError {
    LookupError::Argument {
        why: format!("the field `{}` {what}", field.name),
    }
}
