//! An event given field by field: what tests of rules are written with.
//!
//! A map of fields as a rule writes them, with their values in JSON, comes in;
//! a [`Subject`] leaves. Values are typed by their fields, so a mistake in a
//! test is told when it is read. Fields that are not given are missing, but
//! for `evt.num`, which is 1: no event is numbered 0.

use bumpalo::Bump;
use serde_json::Value as Json;

use super::{Arg, Field, FieldRef, LookupError, Many, Subject, Type, Value, lookup, statics};

/// An event of given fields.
#[derive(Default)]
pub struct Given {
    values: Vec<(FieldRef, Owned)>,
    arena: Bump,
}

/// The value of a field, owned.
enum Owned {
    Text(Box<[u8]>),
    Buffer(Box<[u8]>),
    /// Anything that borrows nothing.
    Scalar(Value<'static>),
    List(Vec<Owned>),
}

impl Given {
    /// Reads a map such as `{"evt.type": "openat", "fd.num": 3}`. Texts and
    /// buffers are strings or `{"hex": "62ff"}`; list fields, ancestors
    /// (parent first) and both ends of a connection (client first) are arrays;
    /// `null` is a missing value.
    ///
    /// # Errors
    /// The first field that does not exist or whose value is not of its type.
    pub fn from_json(map: &Json) -> Result<Self, String> {
        let Json::Object(map) = map else {
            return Err("an event is a map of fields and values".into());
        };
        let mut given = Self::default();
        for (written, json) in map {
            let field = field(written).map_err(|error| error.to_string())?;
            if !json.is_null() {
                let value = owned(&field, json)
                    .ok_or_else(|| format!("`{written}` cannot be {json}: {}", wanted(&field)))?;
                given.values.push((field, value));
            }
        }
        Ok(given)
    }

    /// The event's time: the value of `evt.rawtime`, nanoseconds since the
    /// epoch; 0 when it is not given.
    pub fn time_ns(&self) -> u64 {
        match self.find("evt.rawtime", &Arg::None) {
            Some(Owned::Scalar(Value::Unsigned(time_ns))) => *time_ns,
            _ => 0,
        }
    }

    fn find(&self, name: &str, arg: &Arg) -> Option<&Owned> {
        let mut values = self.values.iter();
        let same = |field: &FieldRef| field.field.name == name && field.arg == *arg;
        values
            .find(|(field, _)| same(field))
            .map(|(_, value)| value)
    }

    /// The value of an indexed ancestor, from the list of all of them.
    fn ancestor(&self, field: &FieldRef) -> Option<&Owned> {
        let (Many::AnyAncestor, Arg::Index(index)) = (field.field.many, &field.arg) else {
            return None;
        };
        match self.find(field.field.name, &Arg::None)? {
            // Number 0 is the process itself, which is none of its ancestors.
            Owned::List(ancestors) => ancestors.get(index.checked_sub(1)?),
            _ => None,
        }
    }
}

impl Subject for Given {
    fn value<'a>(&'a self, field: &FieldRef) -> Option<Value<'a>> {
        if let Some(constant) = statics::constant(field) {
            return Some(Value::Text(
                self.arena.alloc_slice_copy(constant.as_bytes()),
            ));
        }
        let found = self.find(field.field.name, &field.arg);
        match found.or_else(|| self.ancestor(field)) {
            Some(owned) => Some(borrowed(owned, &self.arena)),
            None if field.field.name == "evt.num" => Some(Value::Unsigned(1)),
            None => None,
        }
    }

    fn arena(&self) -> &Bump {
        &self.arena
    }
}

fn borrowed<'a>(owned: &'a Owned, arena: &'a Bump) -> Value<'a> {
    match owned {
        Owned::Text(bytes) => Value::Text(bytes),
        Owned::Buffer(bytes) => Value::Buffer(bytes),
        Owned::Scalar(value) => *value,
        Owned::List(items) => {
            let items = items.iter().map(|item| borrowed(item, arena));
            let mut values = bumpalo::collections::Vec::new_in(arena);
            values.extend(items);
            Value::List(values.into_bump_slice())
        }
    }
}

/// The field that a key such as `proc.aname[2]` names.
///
/// # Errors
/// There is no such field, or not with this argument.
pub fn field(written: &str) -> Result<FieldRef, LookupError> {
    let (name, bracket) = match written.strip_suffix(']').and_then(|w| w.split_once('[')) {
        Some((name, bracket)) => (name, Some(bracket)),
        None => (written, None),
    };
    lookup(name, bracket)
}

fn owned(field: &FieldRef, json: &Json) -> Option<Owned> {
    match (field.many(), json) {
        (Many::One, json) => single(field.field, json),
        (_, Json::Array(items)) => {
            let items = items.iter().map(|item| single(field.field, item));
            items.collect::<Option<_>>().map(Owned::List)
        }
        // One end or ancestor need not be put in brackets.
        (_, json) => Some(Owned::List(vec![single(field.field, json)?])),
    }
}

fn single(field: &Field, json: &Json) -> Option<Owned> {
    let scalar = match field.ty {
        Type::Text => return bytes(json).map(Owned::Text),
        Type::Buffer => return bytes(json).map(Owned::Buffer),
        Type::Signed(_) => Value::Signed(json.as_i64()?),
        Type::Unsigned(_) | Type::AbsTime | Type::RelTime => Value::Unsigned(json.as_u64()?),
        Type::Bool => Value::Bool(json.as_bool()?),
        Type::Double => Value::Double(json.as_f64()?),
        Type::Port => Value::Port(json.as_u64()?.try_into().ok()?),
        Type::Ip | Type::IpNet => Value::Ip(json.as_str()?.parse().ok()?),
    };
    Some(Owned::Scalar(scalar))
}

/// A string, or hexadecimal digits for what is no text.
fn bytes(json: &Json) -> Option<Box<[u8]>> {
    if let Some(text) = json.as_str() {
        return Some(text.as_bytes().into());
    }
    let digits = json.as_object()?.get("hex")?.as_str()?.as_bytes();
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

/// What a field wants, for a message.
fn wanted(field: &FieldRef) -> &'static str {
    match field.field.ty {
        Type::Text | Type::Buffer => "it wants a string or {\"hex\": \"…\"}",
        Type::Signed(_) => "it wants a whole number",
        Type::Unsigned(_) | Type::AbsTime | Type::RelTime => "it wants a whole number from 0",
        Type::Bool => "it wants true or false",
        Type::Double => "it wants a number",
        Type::Port => "it wants a port from 0 to 65535",
        Type::Ip | Type::IpNet => "it wants an address as a string",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_the_types_of_their_fields() {
        let given = Given::from_json(&json!({
            "proc.name": "sh", "evt.buffer": {"hex": "00ff"}, "evt.rawres": -2, "user.uid": 0,
            "fd.sport": 443, "fd.sip": "::1", "thread.cpu": 1, "evt.is_open_read": true,
            "proc.pname": null, "evt.rawtime": 7, "fd.port": 443,
        }));
        let given = given.unwrap();
        let value = |name: &str| given.value(&lookup(name, None).unwrap());
        assert_eq!(value("proc.name"), Some(Value::Text(b"sh")));
        assert_eq!(value("evt.buffer"), Some(Value::Buffer(&[0, 255])));
        assert_eq!(value("evt.rawres"), Some(Value::Signed(-2)));
        assert_eq!(value("user.uid"), Some(Value::Unsigned(0)));
        assert_eq!(value("fd.sport"), Some(Value::Port(443)));
        assert_eq!(value("fd.sip"), Some(Value::Ip("::1".parse().unwrap())));
        assert_eq!(value("thread.cpu"), Some(Value::Double(1.0)));
        assert_eq!(value("evt.is_open_read"), Some(Value::Bool(true)));
        assert_eq!(value("fd.port"), Some(Value::List(&[Value::Port(443)])));
        assert_eq!(value("proc.pname"), None);
        assert_eq!(value("proc.exe"), None);
        assert_eq!(value("evt.num"), Some(Value::Unsigned(1)));
        assert_eq!(given.time_ns(), 7);
    }

    #[test]
    fn an_indexed_ancestor_comes_from_the_list_of_all() {
        let given = Given::from_json(&json!({"proc.aname": ["bash", "sshd"]})).unwrap();
        let ancestor = |index| given.value(&lookup("proc.aname", Some(index)).unwrap());
        assert_eq!(ancestor("0"), None);
        assert_eq!(ancestor("1"), Some(Value::Text(b"bash")));
        assert_eq!(ancestor("2"), Some(Value::Text(b"sshd")));
        assert_eq!(ancestor("3"), None);
    }

    #[test]
    fn mistakes_are_told_with_what_is_wanted() {
        let cases = [
            (json!([]), "an event is a map"),
            (json!({"proc.nam": "x"}), "no field is named `proc.nam`"),
            (json!({"proc.name": 5}), "it wants a string"),
            (json!({"evt.buffer": {"hex": "0"}}), "it wants a string"),
            (json!({"proc.pid": "5"}), "it wants a whole number"),
            (json!({"user.uid": -1}), "it wants a whole number from 0"),
            (json!({"evt.is_open_read": "yes"}), "it wants true or false"),
            (json!({"fd.sport": 65_536}), "it wants a port"),
            (json!({"fd.sip": "localhost"}), "it wants an address"),
            (json!({"fd.types": ["file", 5]}), "it wants a string"),
        ];
        for (event, expected) in cases {
            let error = Given::from_json(&event).err().unwrap();
            assert!(error.contains(expected), "{event}: {error}");
        }
    }
}
