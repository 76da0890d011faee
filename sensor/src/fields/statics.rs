//! Constants of the configuration as fields: `static.KEY` in conditions and
//! outputs of every source.
//!
//! A constant needs no event: its value is the argument its field is looked
//! up with.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Type::Text;
use super::{Arg, ArgRule, Field, FieldRef, LookupError, Value, lookup};

/// The name before the dot.
pub(super) const CLASS: &str = "static";

/// static.*
pub(super) const ROWS: &[Field] = &[Field::process(
    CLASS,
    Text,
    |o, arg| match arg {
        Arg::Key(value) => Some(Value::Text(o.arena.alloc_slice_copy(value.as_bytes()))),
        Arg::None | Arg::Index(_) => None,
    },
    "a constant of the configuration's `static_fields`: `static.KEY`",
)
.arg(ArgRule::Dotted)];

/// The constants, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statics(Arc<BTreeMap<String, String>>);

impl Statics {
    /// Takes the constants of a configuration.
    pub fn new(constants: BTreeMap<String, String>) -> Self {
        Self(Arc::new(constants))
    }

    /// The fields they are.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.0.keys().map(|key| format!("{CLASS}.{key}"))
    }

    /// As [`lookup()`], these constants included.
    ///
    /// # Errors
    /// [`LookupError`] when there is no such field or its argument is wrong.
    pub fn lookup(&self, name: &str, bracket: Option<&str>) -> Result<FieldRef, LookupError> {
        let key = name.strip_prefix(CLASS).and_then(|r| r.strip_prefix('.'));
        let Some(key) = key else {
            return lookup(name, bracket);
        };
        let (Some(value), None, Some(field)) = (self.0.get(key), bracket, ROWS.first()) else {
            return Err(LookupError::Unknown {
                name: name.to_owned(),
            });
        };
        Ok(FieldRef {
            field,
            arg: Arg::Key(value.as_str().into()),
            written: name.into(),
        })
    }
}

/// The value of a field that is a constant.
pub(super) fn constant(field: &FieldRef) -> Option<&str> {
    match &field.arg {
        Arg::Key(value) if field.field.name == CLASS => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_is_a_field_of_its_key() {
        let statics = Statics::new(BTreeMap::from([("env".to_owned(), "prod".to_owned())]));
        let field = statics.lookup("static.env", None).unwrap();
        assert_eq!(constant(&field), Some("prod"));
        assert_eq!(&*field.written, "static.env");
        for (name, bracket) in [
            ("static.other", None),
            ("static.env", Some("1")),
            ("static", None),
        ] {
            assert!(statics.lookup(name, bracket).is_err(), "{name}");
        }
        assert!(statics.lookup("proc.name", None).is_ok());
        assert!(Statics::default().lookup("static.env", None).is_err());
    }
}
