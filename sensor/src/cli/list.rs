//! What `sensor fields` and `sensor events` share: their flags, and that a
//! word nothing answers to is the person's mistake.

use std::io::{self, Write};

use anyhow::Context as _;

use super::{EXIT_OK, Failure};
use crate::diagnostic::Diagnostic;

/// Flags of a verb that lists a table.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this class, or the names that hold this word
    only: Option<String>,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

/// Runs the verb's `print` over standard output; it gives how many it listed.
pub(super) fn run(
    args: &Args,
    what: &str,
    print: impl FnOnce(&mut dyn Write, bool, Option<&str>) -> io::Result<usize>,
) -> Result<u8, Failure> {
    let mut out = anstream::stdout().lock();
    let listed = match print(&mut out, args.json, args.only.as_deref()) {
        // Whoever read the table has seen enough: `sensor fields | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(EXIT_OK),
        listed => listed.context("cannot print the table")?,
    };
    if listed == 0 {
        let word = args.only.as_deref().unwrap_or_default();
        let message = format!("no {what} is named like `{word}`");
        return Err(vec![Diagnostic::error("CLI_NOTHING_FOUND", message)].into());
    }
    Ok(EXIT_OK)
}
