//! Output format strings: compiled at load, rendered when a rule is true.

/// A compiled output format.
#[derive(Debug, Default)]
pub struct Format {}
