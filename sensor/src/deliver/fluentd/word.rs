//! `MessagePack`: what alerts are written in, and what the receiver says in it.
//!
//! A JSON value comes in, its bytes leave; or bytes, and the [`Word`] they are. What
//! is read is hostile until then: nothing is allocated for more than there is, and
//! nothing is nested deeper than any answer of the protocol.

use rmp::{Marker, encode as write};
use serde_json::Value;

/// The deepest answer is a map in a list.
const DEEPEST: u8 = 3;

/// One thing the receiver said. Text is bytes: a nonce is any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    Text(Vec<u8>),
    Truth(bool),
    List(Vec<Word>),
    Map(Vec<(Word, Word)>),
    /// What no answer of the protocol has.
    Other,
}

impl Word {
    /// The value of a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        let found = entries
            .iter()
            .find(|(name, _)| name.bytes() == key.as_bytes());
        found.map(|(_, value)| value)
    }

    /// Its bytes; none where it is no text.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(bytes) => bytes,
            _ => &[],
        }
    }
}

/// Why there is no word yet, or none at all.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// The rest of it has not come.
    Torn,
    /// It is nothing that a receiver of this protocol says.
    Senseless,
}

/// The first word of `bytes`, which then begin behind it.
pub(super) fn read(bytes: &mut &[u8]) -> Result<Word, Unread> {
    nested(bytes, DEEPEST)
}

fn nested(bytes: &mut &[u8], deeper: u8) -> Result<Word, Unread> {
    let [marker] = take::<1>(bytes)?;
    Ok(match Marker::from_u8(marker) {
        Marker::True => Word::Truth(true),
        Marker::False => Word::Truth(false),
        Marker::Null | Marker::FixPos(_) | Marker::FixNeg(_) => Word::Other,
        Marker::U8 | Marker::I8 => take::<1>(bytes).map(|_| Word::Other)?,
        Marker::U16 | Marker::I16 => take::<2>(bytes).map(|_| Word::Other)?,
        Marker::U32 | Marker::I32 | Marker::F32 => take::<4>(bytes).map(|_| Word::Other)?,
        Marker::U64 | Marker::I64 | Marker::F64 => take::<8>(bytes).map(|_| Word::Other)?,
        Marker::FixStr(n) => text(bytes, n.into())?,
        Marker::Str8 | Marker::Bin8 => {
            let [n] = take::<1>(bytes)?;
            text(bytes, n.into())?
        }
        Marker::Str16 | Marker::Bin16 => {
            let n = u16::from_be_bytes(take::<2>(bytes)?);
            text(bytes, n.into())?
        }
        Marker::FixArray(n) => list(bytes, n.into(), deeper)?,
        Marker::Array16 => {
            let n = u16::from_be_bytes(take::<2>(bytes)?);
            list(bytes, n, deeper)?
        }
        Marker::FixMap(n) => map(bytes, n.into(), deeper)?,
        Marker::Map16 => {
            let n = u16::from_be_bytes(take::<2>(bytes)?);
            map(bytes, n, deeper)?
        }
        // Nothing that is said here is longer than 64 KiB, and none is an extension.
        _ => return Err(Unread::Senseless),
    })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Unread> {
    let (taken, rest) = bytes.split_first_chunk::<N>().ok_or(Unread::Torn)?;
    *bytes = rest;
    Ok(*taken)
}

fn text(bytes: &mut &[u8], length: usize) -> Result<Word, Unread> {
    let (text, rest) = bytes.split_at_checked(length).ok_or(Unread::Torn)?;
    *bytes = rest;
    Ok(Word::Text(text.to_vec()))
}

fn list(bytes: &mut &[u8], length: u16, deeper: u8) -> Result<Word, Unread> {
    let deeper = deeper.checked_sub(1).ok_or(Unread::Senseless)?;
    // Room is made as elements come, whatever the count claims.
    let mut words = Vec::new();
    for _ in 0..length {
        words.push(nested(bytes, deeper)?);
    }
    Ok(Word::List(words))
}

fn map(bytes: &mut &[u8], length: u16, deeper: u8) -> Result<Word, Unread> {
    let deeper = deeper.checked_sub(1).ok_or(Unread::Senseless)?;
    let mut entries = Vec::new();
    for _ in 0..length {
        entries.push((nested(bytes, deeper)?, nested(bytes, deeper)?));
    }
    Ok(Word::Map(entries))
}

/// What goes wrong writing into memory: nothing but a text over 4 GiB.
pub(super) type Unwritten = rmp::encode::ValueWriteError;

/// Appends a value as it stands in JSON.
pub(super) fn push(out: &mut Vec<u8>, value: &Value) -> Result<(), Unwritten> {
    match value {
        Value::Null => write::write_nil(out).map_err(Unwritten::InvalidMarkerWrite)?,
        Value::Bool(truth) => {
            write::write_bool(out, *truth).map_err(Unwritten::InvalidMarkerWrite)?;
        }
        Value::Number(number) => push_number(out, number)?,
        Value::String(text) => write::write_str(out, text)?,
        Value::Array(values) => {
            write::write_array_len(out, count(values.len()))?;
            for value in values {
                push(out, value)?;
            }
        }
        Value::Object(entries) => {
            write::write_map_len(out, count(entries.len()))?;
            for (key, value) in entries {
                write::write_str(out, key)?;
                push(out, value)?;
            }
        }
    }
    Ok(())
}

fn push_number(out: &mut Vec<u8>, number: &serde_json::Number) -> Result<(), Unwritten> {
    if let Some(whole) = number.as_u64() {
        write::write_uint(out, whole).map(drop)
    } else if let Some(whole) = number.as_i64() {
        write::write_sint(out, whole).map(drop)
    } else {
        write::write_f64(out, number.as_f64().unwrap_or_default())
    }
}

/// Elements there are; more than four thousand million do not fit in memory.
pub(super) fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_receiver_says_is_read_and_what_it_cannot_say_is_not() {
        let text = |text: &str| Word::Text(text.into());
        for (bytes, expected) in [
            (
                &b"\x81\xa3ack\xa2YQ"[..],
                Ok(Word::Map(vec![(text("ack"), text("YQ"))])),
            ),
            (
                b"\x93\xa4PONG\xc3\xa0",
                Ok(Word::List(vec![text("PONG"), Word::Truth(true), text("")])),
            ),
            (b"\xc4\x02\xff\xfe", Ok(Word::Text(vec![0xff, 0xfe]))),
            (b"\xd9\x01a", Ok(text("a"))),
            (b"\xcd\x01\x02", Ok(Word::Other)),
            (b"", Err(Unread::Torn)),
            (b"\xa3ac", Err(Unread::Torn)),
            // It claims 65,535 elements.
            (b"\xdc\xff\xff\xc3", Err(Unread::Torn)),
            (b"\xdd\xff\xff\xff\xff", Err(Unread::Senseless)),
            (b"\x91\x91\x91\x91\x91\xc3", Err(Unread::Senseless)),
            (b"\xd7\x00aaaaaaaa", Err(Unread::Senseless)),
        ] {
            let mut rest = bytes;
            assert_eq!(read(&mut rest), expected, "{bytes:x?}");
        }
        let mut two = &b"\xc3\xc2\xa1"[..];
        assert_eq!(read(&mut two), Ok(Word::Truth(true)));
        assert_eq!(read(&mut two), Ok(Word::Truth(false)));
        assert_eq!(two, b"\xa1");
    }

    #[test]
    fn a_record_is_written_as_the_specification_has_it() {
        let mut out = Vec::new();
        let value = json!({"a": [null, true, 1, -1, 300, 1.5, "x"], "b": u64::MAX});
        push(&mut out, &value).unwrap();
        let expected = b"\x82\xa1a\x97\xc0\xc3\x01\xff\xcd\x01\x2c\xcb\x3f\xf8\0\0\0\0\0\0\xa1x\
            \xa1b\xcf\xff\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(out, expected);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut rest = &bytes[..];
            while read(&mut rest).is_ok() && !rest.is_empty() {}
        }
    }
}
