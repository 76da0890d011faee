//! `sensor lint`: what loads and is probably not what its author meant.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::format::Format;
use super::run::Input;
use super::table::{self, Cell, NAME, PLAIN};
use super::{EXIT_INPUT, EXIT_OK, Failure};
use crate::detect::engine::Matching;
use crate::detect::rules::Study;
use crate::diagnostic::Diagnostic;
use crate::lab::lint::{Lint, Options, Usage, lint};
use crate::recording::{RecordingError, Replay};

/// Flags of `sensor lint`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor lint                       the shipped rules
  sensor lint rules/ my-rules.yaml  files and directories, in load order
  sensor lint -c sensor.yaml        the rules a configuration names
  sensor lint --strict rules/       exit 1 on any finding, for CI
  sensor lint --recording day.rec   exceptions that nothing in it needed, too
  sensor lint --format github       beside the lines of a pull request
  sensor lint --list                everything it looks for

A comment above an item silences a finding in all of it:
  # sensor-lint: allow LINT_SHADOWED_RULE: wanted, the first is more serious
  - rule: …

Exit code 0 with findings, 1 with --strict or when the rules do not load.")]
pub struct Args {
    /// Rule files and directories, in place of the configuration's
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    input: Input,
    /// Also find exceptions that no event of this recording needed
    #[arg(long, value_name = "FILE")]
    recording: Option<PathBuf>,
    /// Leave out findings with this code; may be repeated
    #[arg(long, value_name = "CODE", value_parser = code)]
    allow: Vec<String>,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Exit 1 when anything is found
    #[arg(long)]
    strict: bool,
    /// List what is looked for
    #[arg(long)]
    list: bool,
}

/// A code of the table, or one of the loader's.
fn code(word: &str) -> Result<String, String> {
    let mut known = Lint::ALL.iter().map(|lint| lint.code());
    if word.starts_with("LOAD_") || known.any(|code| code == word) {
        return Ok(word.to_owned());
    }
    let codes = Lint::ALL.iter().map(|lint| lint.code());
    Err(match crate::diagnostic::nearest(word, codes) {
        Some(near) => format!("no finding has this code; did you mean {near}?"),
        None => "no finding has this code; `sensor lint --list` shows all".to_owned(),
    })
}

/// Looks at the rules and shows what was found.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    if args.list {
        list().context("cannot print the table")?;
        return Ok(EXIT_OK);
    }
    let (config, study) = args.input.study(&args.files)?;
    let options = Options {
        all_match: config.rule_matching == Matching::All,
        allow: args.allow.clone(),
        usage: args
            .recording
            .as_ref()
            .map(|path| usage(path, &study))
            .transpose()?,
    };
    let found: Vec<Diagnostic> = lint(&study, &options);
    args.format.show(&found);
    if found.is_empty() && args.format == Format::Text {
        let (good, reset) = (super::GOOD, super::GOOD.render_reset());
        let count = study.rules.len();
        anstream::println!("{good}ok{reset}: nothing found in {count} rule(s)");
    }
    Ok(if args.strict && !found.is_empty() {
        EXIT_INPUT
    } else {
        EXIT_OK
    })
}

/// What the rules' exceptions let pass in a recording.
fn usage(path: &Path, study: &Study) -> Result<Usage, Failure> {
    let mistake = |error: RecordingError| {
        let message = format!("{}: {error}", path.display());
        vec![Diagnostic::error("CLI_RECORDING", message)]
    };
    let mut usage = Usage::new(study);
    let mut replay = Replay::open(path).map_err(mistake)?;
    let read = replay.each(|code, event| {
        usage.see(code, event);
        ControlFlow::Continue(())
    });
    read.map_err(mistake)?;
    Ok(usage)
}

/// Every lint with its meaning.
fn list() -> std::io::Result<()> {
    let rows: Vec<[Cell; 2]> = Lint::ALL
        .iter()
        .map(|lint| {
            [
                Cell::new(NAME, lint.code()),
                Cell::new(PLAIN, lint.meaning()),
            ]
        })
        .collect();
    let mut out = anstream::stdout().lock();
    table::write(&mut out, ["CODE", "MEANING"], &rows)?;
    writeln!(out, "\nThe loader's own warnings (LOAD_…) are shown, too.")
}
