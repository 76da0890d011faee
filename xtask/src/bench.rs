//! `cargo xtask bench`: how fast the engine is, how fast rules load, and what a whole
//! sensor costs, takes and loses on a real kernel.
//!
//! In: what to measure and flags for it. Out: tables: those of `tests/bench.rs`, which
//! is built as a release and run, and those of [`storms`] and [`soak`], which start the
//! sensor itself. No speed is judged here: ratios of the same run are for a person to read.

pub(crate) mod load;
mod soak;
mod storms;
mod subject;

use std::ffi::OsString;

use anyhow::Result;
use clap::Parser;

use crate::progress::{self, doing};

/// Measure the engine, the loading of rules, or a whole sensor, in a release build.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask bench engine                            events per second, beside the naive way
  cargo xtask bench engine --rules falco_rules.yaml   with these rules, and with generated ones
  cargo xtask bench engine --recording build.rec      over events recorded with `sensor record`
  cargo xtask bench engine --live --pin 1             over what this machine does (root), on one CPU
  cargo xtask bench load                              time and memory to load up to 10,000 rules
  cargo xtask bench delivery                          alerts per second through the spool, and without
  cargo xtask bench capture                           what being watched costs calls and packets (root)
  cargo xtask bench storms                            cost, own CPU and losses in storms (root)
  cargo xtask bench soak                              memory over a million processes (root)
  cargo xtask bench engine --help                     what else can be chosen")]
pub(crate) struct Arguments {
    /// `engine`, `load`, `delivery`, `capture`, `storms` or `soak`, and flags for it
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "WHAT"
    )]
    arguments: Vec<String>,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    match arguments.arguments.first().map(String::as_str) {
        Some("storms") => storms::main(&flags(arguments)),
        Some("soak") => soak::main(&flags(arguments)),
        _ => engine(arguments),
    }
}

/// The flags behind the name of what is measured. Wrong ones, and `--help`, end here.
fn flags<T: Parser>(arguments: &Arguments) -> T {
    T::parse_from(arguments.arguments.iter().map(OsString::from))
}

/// What `tests/bench.rs` measures.
fn engine(arguments: &Arguments) -> Result<()> {
    doing("building the bench (release)");
    let mut build = progress::cargo();
    build.args([
        "bench",
        "--locked",
        "--package",
        "sensor",
        "--bench",
        "bench",
    ]);
    build.arg("--").args(absolute(&arguments.arguments));
    progress::shown_live(&mut build)
}

/// The arguments, paths made absolute: cargo runs a bench in its package's directory.
fn absolute(arguments: &[String]) -> Vec<String> {
    let mut path = false;
    let each = arguments.iter().map(|argument| {
        let was_path = std::mem::replace(
            &mut path,
            matches!(argument.as_str(), "--rules" | "--recording"),
        );
        let absolute = was_path
            .then(|| std::path::absolute(argument).ok())
            .flatten();
        absolute.map_or_else(|| argument.clone(), |path| path.display().to_string())
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_what_they_mean_where_the_command_is_typed() {
        let given = [
            "engine",
            "--rules",
            "/a/b.yaml",
            "--rules",
            "c.yaml",
            "--quick",
        ];
        let made = absolute(&given.map(str::to_owned));
        assert_eq!(made[..4], ["engine", "--rules", "/a/b.yaml", "--rules"]);
        assert!(
            made[4].starts_with('/') && made[4].ends_with("/c.yaml"),
            "{made:?}"
        );
        assert_eq!(made[5], "--quick");
    }
}
