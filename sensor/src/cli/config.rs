//! `sensor config`: the configuration reference, from the code's own comments.

use std::io::Write;

use anyhow::Context;

use super::{EXIT_OK, Failure};

/// Flags of `sensor config`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor config > sensor.yaml           start from the commented defaults
  sensor config --schema > schema.json  for editors that validate YAML")]
pub struct Args {
    /// Print the JSON Schema instead
    #[arg(long)]
    schema: bool,
}

/// Prints the reference.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let text = if args.schema {
        super::schema::print(&crate::config::schema())?
    } else {
        crate::config::reference()
    };
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot print the reference")?;
    Ok(EXIT_OK)
}
