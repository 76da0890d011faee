//! How what is wrong leaves the program: for people on standard error, for
//! programs on standard output. Shared by the verbs with `--format`.

use crate::diagnostic::{self, Diagnostic};

/// The forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Format {
    /// For people: places, the text underlined, help
    #[default]
    Text,
    /// One JSON object, in the schema described in docs/diagnostics.md
    Json,
    /// SARIF 2.1.0, for code-scanning pages
    Sarif,
    /// GitHub workflow commands, shown beside the lines of a pull request
    Github,
}

impl Format {
    /// Shows diagnostics in this form.
    pub(super) fn show(self, diagnostics: &[Diagnostic]) {
        match self {
            Self::Text => super::show(diagnostics),
            Self::Json => anstream::println!("{:#}", diagnostic::json(diagnostics)),
            Self::Sarif => anstream::println!("{:#}", diagnostic::sarif(diagnostics)),
            Self::Github => anstream::print!("{}", diagnostic::github(diagnostics)),
        }
    }
}
