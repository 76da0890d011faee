//! A rule's hit made into a finished [`Alert`]: text, fields, identity.
//!
//! What leaves this room is what every output sends; no output composes
//! anything of its own from the event.

use std::sync::Arc;

use uuid::Uuid;

/// How serious a rule is, most serious first, as syslog and Falco number them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// A finished alert, shared by all outputs.
#[derive(Debug, Clone, PartialEq)]
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
    /// The message alone, as the rule's output rendered it.
    pub message: String,
    /// The whole text line: time, priority, message; control characters escaped.
    pub output: String,
    /// Field values by field name as written, sorted, typed.
    pub output_fields: serde_json::Map<String, serde_json::Value>,
    /// The process that acted, for the CI mode's "ours or not"; 0 when none.
    pub pid: u32,
    /// The acting process descends from the command `sensor run -- COMMAND` started.
    pub in_command_tree: bool,
}
