//! An alert in, the same alert in the words of a published schema out.
//!
//! Every encoder here is pure: it reads the alert and nothing else, and it gives
//! something for every alert, whatever bytes a process chose to be called by.
//! What an encoder says beside the rule, its priority and its text it takes from
//! [`Facts`]; where a fact is missing, so is its key.

mod cef;
pub mod cim;
mod ecs;
mod facts;
mod leef;
mod ocsf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::alert::Alert;
use facts::Facts;

/// Who made the alert, in every format that asks.
const VENDOR: &str = "Sensor";
/// With which product.
const PRODUCT: &str = "Sensor";
/// Of which version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The schema alerts are written in.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Falco's JSON object, with the fields that the rule's output names.
    #[default]
    Falco,
    /// An object of the Elastic Common Schema, 8.11.
    Ecs,
    /// A Detection Finding of the Open Cybersecurity Schema Framework, 1.5.0.
    Ocsf,
    /// A line of the Common Event Format, version 0.
    Cef,
    /// A line of the Log Event Extended Format, version 2.0.
    Leef,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Falco, Self::Ecs, Self::Ocsf, Self::Cef, Self::Leef];

    /// Whether it tells more of an event than the rule's own fields.
    pub fn needs_evidence(self) -> bool {
        self != Self::Falco
    }

    /// Whether an alert in it is a JSON object; else it is a line of text.
    pub fn is_json(self) -> bool {
        !matches!(self, Self::Cef | Self::Leef)
    }

    /// The alert as one line without its end: JSON, or text without any control
    /// character but LEEF's tabs.
    pub fn line(self, alert: &Alert) -> String {
        match self.encode(alert) {
            Value::String(line) => line,
            object => object.to_string(),
        }
    }

    /// The alert: an object, or of the text formats a string.
    pub fn encode(self, alert: &Alert) -> Value {
        match self {
            Self::Falco => alert.to_json().into(),
            Self::Ecs => ecs::encode(alert),
            Self::Ocsf => ocsf::encode(alert),
            Self::Cef => cef::encode(alert).into(),
            Self::Leef => leef::encode(alert).into(),
        }
    }
}

/// Text without what could end a line or drive a terminal: such characters
/// become U+FFFD, as bytes that are no UTF-8 already have.
fn printable(text: &str) -> String {
    let plain = |c: char| match c {
        // Line ends to many readers, and no control characters.
        '\u{2028}' | '\u{2029}' => char::REPLACEMENT_CHARACTER,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(plain).collect()
}

/// The first `max` bytes of a text, less what would tear a character.
fn truncated(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}

/// Sets a key in nested objects: `a.b` is `b` in `a`.
fn put(object: &mut Value, path: &str, value: impl Into<Value>) {
    let mut place = object;
    for key in path.split('.') {
        if !place.is_object() {
            *place = Value::Object(serde_json::Map::new());
        }
        let Value::Object(map) = place else { return };
        place = map.entry(key).or_insert(Value::Null);
    }
    *place = value.into();
}

/// The same where there is a value.
fn put_some(object: &mut Value, path: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        put(object, path, value);
    }
}
