//! A rule's hit made into a finished [`Alert`]: text, fields, identity.
//!
//! What leaves this room is what every output sends; no output composes
//! anything of its own from the event. The text line is safe to show: control
//! characters in it are escaped, whatever a process was called. What is to be
//! redacted is in none of it.

pub(crate) mod attack;
mod compose;
pub mod evidence;
mod group;
mod id;
mod json;
mod redact;
mod route;
pub(crate) mod tags;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

pub(crate) use compose::utc;
pub use compose::{AlertOptions, Composer, Occurrence};
pub use group::{Change, GroupOptions, Grouper, HeldBack};
pub(crate) use id::hash as stable_hash;
pub use json::JsonOptions;
pub(crate) use route::any as is_named;
pub use route::{Condition, MOST_OUTPUTS, Outputs, Route, Routes};

/// How serious a rule is, most serious first, as syslog and Falco number them.
/// Written as its word; read in any case, `info` for `Informational`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[expect(missing_docs, reason = "the eight words of syslog")]
pub enum Priority {
    Emergency,
    Alert,
    Critical,
    Error,
    Warning,
    Notice,
    Informational,
    Debug,
}

impl Priority {
    /// All of them, most serious first.
    pub const ALL: [Self; 8] = [
        Self::Emergency,
        Self::Alert,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Informational,
        Self::Debug,
    ];

    /// The word, first letter upper-case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Emergency => "Emergency",
            Self::Alert => "Alert",
            Self::Critical => "Critical",
            Self::Error => "Error",
            Self::Warning => "Warning",
            Self::Notice => "Notice",
            Self::Informational => "Informational",
            Self::Debug => "Debug",
        }
    }

    /// Reads a priority word in any case; `info` is Informational.
    pub fn parse(word: &str) -> Option<Self> {
        if word.eq_ignore_ascii_case("info") {
            return Some(Self::Informational);
        }
        Self::ALL
            .into_iter()
            .find(|p| p.name().eq_ignore_ascii_case(word))
    }
}

impl<'de> Deserialize<'de> for Priority {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::parse(&word).ok_or_else(|| {
            let words = Self::ALL.map(|priority| priority.name().to_ascii_lowercase());
            let message = format!("`{word}` is none of {}", words.join(", "));
            D::Error::custom(message)
        })
    }
}

/// A finished alert, shared by all outputs.
///
/// It is written to the disk as it is and read again by later versions: a field
/// that is added needs a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Stable identity: the same alert has the same id in every output and on
    /// every retry.
    pub id: Uuid,
    /// Nanoseconds since the Unix epoch: when the event happened.
    pub time_ns: u64,
    /// The rule's name.
    pub rule: Arc<str>,
    /// How serious.
    pub priority: Priority,
    /// The rule's source: `syscall` or `internal`.
    pub source: Arc<str>,
    /// The rule's tags, sorted.
    pub tags: Arc<[Arc<str>]>,
    /// The host's name.
    pub hostname: Arc<str>,
    /// The message alone, as the rule's output rendered it: not escaped.
    pub message: String,
    /// The whole text line, `TIME: PRIORITY MESSAGE`; control characters,
    /// quotes and backslashes of the message escaped as in JSON.
    pub output: String,
    /// Field values by field name as written, sorted, typed.
    pub output_fields: serde_json::Map<String, serde_json::Value>,
    /// What is known of the event besides, by field name, sorted, typed: the fields of
    /// [`evidence::FIELDS`] that have a value. Empty unless an output's format needs
    /// it; never in the Falco JSON.
    #[serde(default)]
    pub evidence: serde_json::Map<String, serde_json::Value>,
    /// The process that acted, for the CI mode's "ours or not"; 0 when none.
    pub pid: u32,
    /// The acting process descends from the command `sensor run -- COMMAND` started.
    pub in_command_tree: bool,
    /// The outputs that want it; decided when it was made, all of them once it was
    /// read from the disk of one.
    #[serde(skip)]
    pub outputs: Outputs,
    /// What of it stands in its JSON form.
    pub json: JsonOptions,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_read_in_any_case_and_written_as_falco_does() {
        for (word, expected) in [
            ("warning", Priority::Warning),
            ("WARNING", Priority::Warning),
            ("Info", Priority::Informational),
            ("informational", Priority::Informational),
        ] {
            let read: Priority = serde_json::from_str(&format!("\"{word}\"")).unwrap();
            assert_eq!(read, expected, "{word}");
        }
        let written = serde_json::to_string(&Priority::Informational).unwrap();
        assert_eq!(written, "\"Informational\"");
    }

    #[test]
    fn a_wrong_priority_is_answered_with_the_right_ones() {
        for word in ["\"warn\"", "\"\"", "4"] {
            assert!(serde_json::from_str::<Priority>(word).is_err(), "{word}");
        }
        let error = serde_json::from_str::<Priority>("\"warn\"").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`warn` is none of emergency, alert")
        );
    }
}
