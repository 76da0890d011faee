//! The step that feeds every parser of hostile input with a fixed number of inputs.
//!
//! In: the targets of `tests/fuzz` and their seeds. Out: a verdict; an input that
//! breaks a target stays in `tests/fuzz/artifacts`.
//!
//! Always holds: the number of inputs and the random seed are fixed, so that a run
//! takes the same time everywhere and can be repeated.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{Machine, Verdict};
use crate::progress::{self, doing};

/// Inputs per target. Each target does a few thousand a second.
const RUNS: u32 = 20_000;

pub(super) fn run(machine: Machine) -> Result<Verdict> {
    if !progress::has_program("cargo-fuzz") {
        if !machine.may_install {
            let why = "cargo-fuzz is not installed: `cargo install cargo-fuzz`, or --install here";
            return Ok(Verdict::CannotRun(why.into()));
        }
        doing("installing cargo-fuzz");
        let mut install = progress::cargo();
        progress::logged(install.args(["install", "cargo-fuzz", "--locked"]), "fuzz")?;
    }
    if !progress::has_program("c++") {
        return Ok(Verdict::CannotRun(
            "libFuzzer needs a C++ compiler (g++)".into(),
        ));
    }
    progress::logged(&mut cargo_fuzz("build"), "fuzz")?;
    let fuzz = progress::root().join("tests/fuzz");
    let seeds = fuzz.join("seeds");
    let targets = targets()?;
    ensure!(!targets.is_empty(), "tests/fuzz has no targets");
    // What a run finds interesting goes below the target directory, not to the seeds,
    // and is not there for the next run.
    let corpora = progress::target_dir().join("fuzz/corpus");
    if corpora.exists() {
        fs::remove_dir_all(&corpora)?;
    }
    for target in targets {
        doing(&format!("fuzz: {target}, {RUNS} inputs"));
        let corpus = corpora.join(&target);
        fs::create_dir_all(&corpus)?;
        let mut command = cargo_fuzz("run");
        command.arg(&target).arg(corpus).arg(seeds.join(&target));
        command.args([
            "--",
            "-seed=1",
            "-timeout=10",
            "-max_len=8192",
            "-print_final_stats=1",
        ]);
        command.arg(format!("-runs={RUNS}"));
        progress::logged(&mut command, "fuzz")?;
    }
    Ok(Verdict::Passed)
}

/// `cargo fuzz VERB` for our folder, on the stable compiler.
///
/// The product has no unsafe code for a sanitizer to watch, and without one neither a
/// nightly nor a second standard library is needed.
fn cargo_fuzz(verb: &str) -> Command {
    let mut command = progress::cargo();
    command
        .args([
            "fuzz",
            verb,
            "--fuzz-dir",
            "tests/fuzz",
            "--sanitizer",
            "none",
            "--target-dir",
        ])
        .arg(progress::target_dir().join("fuzz"))
        .env("SENSOR_EBPF", "skip");
    command
}

/// The names of all targets, as cargo-fuzz reads them from the manifest.
fn targets() -> Result<Vec<String>> {
    let mut list = progress::cargo();
    list.args(["fuzz", "list", "--fuzz-dir", "tests/fuzz"]);
    let names = progress::output(&mut list).context("`cargo fuzz list` failed")?;
    Ok(names.lines().map(str::to_owned).collect())
}
