//! `sensor completions` and `sensor man`: made from the flags' own definitions.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;

use super::{Cli, EXIT_OK, Failure};

/// Flags of `sensor completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sensor completions bash > /etc/bash_completion.d/sensor")]
pub struct CompletionArgs {
    /// The shell to complete for
    shell: clap_complete::Shell,
}

/// Flags of `sensor man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sensor man /usr/local/share/man/man1")]
pub struct ManArgs {
    /// Directory the pages are written to; one page per verb
    directory: PathBuf,
}

/// Prints the completion script of a shell.
pub(super) fn completions(args: &CompletionArgs) -> Result<u8, Failure> {
    // Rendered into memory first: clap_complete panics when a pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sensor", &mut script);
    std::io::stdout()
        .write_all(&script)
        .context("cannot print the completion script")?;
    Ok(EXIT_OK)
}

/// Writes one man page per verb into the directory.
pub(super) fn man(args: &ManArgs) -> Result<u8, Failure> {
    let directory = &args.directory;
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    clap_mangen::generate_to(Cli::command(), directory)
        .with_context(|| format!("cannot write man pages to {}", directory.display()))?;
    Ok(EXIT_OK)
}
