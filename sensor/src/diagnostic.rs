//! One way to show a person's mistake: code, place, the text underlined, help.
//!
//! Whatever reads what people write (rules, configuration, flags) collects
//! [`Diagnostic`]s, all of them, and lets [`render`](Diagnostic) show them.

use std::ops::Range;
use std::sync::Arc;

/// A text a person wrote, kept to show mistakes in it.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// How to name it: a path as given, or `<command line>`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A stretch of a source file, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<SourceFile>,
    /// The stretch; empty ranges point between characters.
    pub range: Range<usize>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Works, but look at it.
    Warning,
    /// Does not work.
    Error,
}

/// A person's mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// The stable code: Falco's own (`LOAD_ERR_COMPILE_CONDITION`) where the
    /// language defines one, else ours (`CONFIG_UNKNOWN_KEY`).
    pub code: &'static str,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// Where; `None` when it is about a whole file that could not be read.
    pub place: Option<Place>,
    /// Further places: "in macro `outbound`, used here".
    pub related: Vec<(Place, String)>,
    /// What to do: the nearest valid name, the operators a type allows.
    pub help: Option<String>,
}
