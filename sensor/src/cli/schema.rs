//! `sensor schema`: what editors need to complete and check YAML while it is
//! written, made from the definitions that read the files.

use std::io::Write;

use anyhow::Context;
use clap::ValueEnum;

use super::{EXIT_OK, Failure};
use crate::config;
use crate::detect::rules;

/// Flags of `sensor schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor schema rules > rules.schema.json    for rules files
  sensor schema config > config.schema.json  for sensor.yaml

Then, as the first line of a file, for editors with a YAML language server:
  # yaml-language-server: $schema=rules.schema.json")]
pub struct Args {
    /// Of which files
    what: What,
}

/// What there is a schema of.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Rules files
    Rules,
    /// sensor.yaml
    Config,
}

/// Prints the schema.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let text = match args.what {
        What::Rules => print(&rules::schema()),
        What::Config => print(&config::schema()),
    }?;
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot print the schema")?;
    Ok(EXIT_OK)
}

/// JSON for a file.
pub(super) fn print(schema: &serde_json::Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(schema).context("cannot print the schema")? + "\n")
}
