//! The transformers: what each is given, what it gives, and how.
//!
//! Results live in the event's arena. A transformer of a missing value is
//! never asked; one that cannot do its work gives nothing.

use std::fmt::Write;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bumpalo::Bump;
use bumpalo::collections::{String as ArenaString, Vec as ArenaVec};

use super::operand::Shape;
use crate::detect::syntax::Transformer;
use crate::fields::{Many, Type, Value};

/// Base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The shapes of a transformer's arguments.
pub(super) struct Arguments<'s>(pub(super) &'s [Shape]);

/// How a transformer is written, for help texts.
pub(super) fn usage(transformer: Transformer) -> &'static str {
    match transformer {
        Transformer::ToLower => "tolower(TEXT)",
        Transformer::ToUpper => "toupper(TEXT)",
        Transformer::B64 => "b64(TEXT or BUFFER)",
        Transformer::Basename => "basename(TEXT)",
        Transformer::Len => "len(TEXT, BUFFER or LIST)",
        Transformer::Join => {
            "join(SEPARATOR, LIST), for example join(\",\", (proc.name, proc.pid))"
        }
        Transformer::Concat => "concat(TEXT, TEXT, …)",
        Transformer::GetOpt => {
            "getopt(LIST OF TEXTS, \"ab:c\"), with [a] behind it for one option's value"
        }
    }
}

/// What the transformer gives for arguments of these shapes.
pub(super) fn signature(transformer: Transformer, args: &Arguments<'_>) -> Result<Shape, String> {
    let is_text = |shape: &Shape| *shape == Shape::one(Type::Text);
    let texts = Shape {
        ty: Type::Text,
        many: Many::List,
    };
    match (transformer, args.0) {
        (Transformer::ToLower | Transformer::ToUpper | Transformer::Basename, [arg])
            if is_text(arg) || *arg == texts =>
        {
            Ok(*arg)
        }
        (Transformer::B64, [arg]) if matches!(arg.ty, Type::Text | Type::Buffer) => Ok(*arg),
        (Transformer::Len, [arg])
            if arg.many == Many::List || matches!(arg.ty, Type::Text | Type::Buffer) =>
        {
            Ok(Shape::one(Type::Unsigned(64)))
        }
        (Transformer::Join, [separator, list]) if is_text(separator) && list.many == Many::List => {
            Ok(Shape::one(Type::Text))
        }
        (Transformer::Concat, [_, _, ..]) if args.0.iter().all(is_text) => {
            Ok(Shape::one(Type::Text))
        }
        (Transformer::GetOpt, [list, options]) if *list == texts && is_text(options) => Ok(texts),
        (_, given) => {
            let given: Vec<_> = given.iter().map(ToString::to_string).collect();
            Err(format!(
                "`{transformer}` cannot be given {}",
                given.join(" and ")
            ))
        }
    }
}

/// Applies a transformer to values of the shapes its signature wants.
pub(super) fn apply<'a>(
    transformer: Transformer,
    args: &'a [Value<'a>],
    arena: &'a Bump,
) -> Option<Value<'a>> {
    match (transformer, args) {
        (Transformer::ToLower, [value]) => each(*value, arena, &|text| {
            let copy = arena.alloc_slice_copy(text);
            copy.make_ascii_lowercase();
            Some(copy)
        }),
        (Transformer::ToUpper, [value]) => each(*value, arena, &|text| {
            let copy = arena.alloc_slice_copy(text);
            copy.make_ascii_uppercase();
            Some(copy)
        }),
        (Transformer::Basename, [value]) => each(*value, arena, &|path| {
            path.rsplit(|byte| *byte == b'/').next()
        }),
        (Transformer::B64, [Value::Buffer(bytes)]) => decoded(bytes, arena).map(Value::Buffer),
        (Transformer::B64, [value]) => {
            each(*value, arena, &|text| decoded(text, arena).map(until_nul))
        }
        (Transformer::Len, [value]) => length(*value).map(Value::Unsigned),
        (Transformer::Concat, parts) => joined(b"", parts, arena),
        (Transformer::Join, [Value::Text(separator), Value::List(parts)]) => {
            joined(separator, parts, arena)
        }
        (Transformer::GetOpt, [Value::List(words), Value::Text(options)]) => {
            let mut out = ArenaVec::new_in(arena);
            options_of(words, options, |letter, value| {
                out.push(Value::Text(letter));
                out.extend(value.map(Value::Text));
            });
            Some(Value::List(out.into_bump_slice()))
        }
        _ => None,
    }
}

/// The value of one option: the last one given, its letter when it takes none.
pub(super) fn option<'a>(args: &'a [Value<'a>], wanted: u8, arena: &'a Bump) -> Option<Value<'a>> {
    let [Value::List(words), Value::Text(options)] = args else {
        return None;
    };
    let mut found: Option<&'a [u8]> = None;
    options_of(words, options, |letter, value| {
        if letter == [wanted] {
            found = Some(value.unwrap_or(letter));
        }
    });
    found.map(|value| Value::Text(arena.alloc_slice_copy(value)))
}

/// Applies a function to a text, or to each text of a list.
fn each<'a>(
    value: Value<'a>,
    arena: &'a Bump,
    map: &dyn Fn(&'a [u8]) -> Option<&'a [u8]>,
) -> Option<Value<'a>> {
    match value {
        Value::Text(text) => map(text).map(Value::Text),
        Value::List(items) => {
            let mut out = ArenaVec::with_capacity_in(items.len(), arena);
            for item in items {
                match item {
                    Value::Text(text) => out.push(Value::Text(map(text)?)),
                    _ => return None,
                }
            }
            Some(Value::List(out.into_bump_slice()))
        }
        _ => None,
    }
}

fn decoded<'a>(text: &[u8], arena: &'a Bump) -> Option<&'a [u8]> {
    let room = base64::decoded_len_estimate(text.len());
    let out = arena.alloc_slice_fill_copy(room, 0_u8);
    let len = BASE64.decode_slice(text, out).ok()?;
    out.get(..len)
}

/// Text ends at its first NUL.
fn until_nul(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or(bytes)
}

fn length(value: Value<'_>) -> Option<u64> {
    let len = match value {
        Value::Text(text) => until_nul(text).len(),
        Value::Buffer(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        _ => return None,
    };
    u64::try_from(len).ok()
}

/// The parts behind each other, numbers in decimal.
fn joined<'a>(separator: &[u8], parts: &[Value<'_>], arena: &'a Bump) -> Option<Value<'a>> {
    let mut out = ArenaVec::new_in(arena);
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(separator);
        }
        let mut number = ArenaString::new_in(arena);
        let written = match part {
            Value::Text(text) | Value::Buffer(text) => {
                out.extend_from_slice(text);
                continue;
            }
            Value::Signed(n) => write!(number, "{n}"),
            Value::Unsigned(n) => write!(number, "{n}"),
            Value::Port(n) => write!(number, "{n}"),
            Value::Bool(b) => write!(number, "{b}"),
            Value::Double(n) => write!(number, "{n:.1}"),
            Value::Ip(address) => write!(number, "{address}"),
            Value::List(_) => return None,
        };
        written.ok()?;
        out.extend_from_slice(number.as_bytes());
    }
    Some(Value::Text(out.into_bump_slice()))
}

/// Reads short options as `getopt` does: letters, each with its value where
/// `options` has a colon behind it. Ends at `--` and at the first word that is
/// no option; long options are passed over.
fn options_of<'a>(
    words: &[Value<'a>],
    options: &'a [u8],
    mut emit: impl FnMut(&'a [u8], Option<&'a [u8]>),
) {
    let mut words = words.iter().filter_map(|word| match word {
        Value::Text(text) => Some(*text),
        _ => None,
    });
    while let Some(word) = words.next() {
        let Some(mut letters) = word.strip_prefix(b"-").filter(|rest| !rest.is_empty()) else {
            return;
        };
        if letters == b"-" {
            return;
        }
        if letters.starts_with(b"-") {
            continue;
        }
        while let Some((letter, rest)) = letters.split_at_checked(1) {
            let at = options.iter().position(|option| letter == [*option]);
            let known = at.filter(|_| letter != b":");
            let takes_value = known.is_some_and(|at| options.get(at + 1) == Some(&b':'));
            match known {
                None => emit(b"?", None),
                Some(_) if !takes_value => emit(letter, None),
                Some(_) if !rest.is_empty() => emit(letter, Some(rest)),
                Some(_) => emit(letter, Some(words.next().unwrap_or_default())),
            }
            letters = if takes_value { b"" } else { rest };
        }
    }
}
