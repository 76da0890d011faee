//! The steps that are one cargo command, or nearly: format, lints, docs, tests, stub.
//!
//! In: the workspace. Out: a verdict each. Always holds: what a step builds stays in
//! the target directory a person's own builds use, so nothing is compiled twice.

use std::process::Command;

use anyhow::{Result, ensure};

use super::{Machine, Verdict};
use crate::{progress, setup};

pub(super) fn format(_: Machine) -> Result<Verdict> {
    passes(
        progress::cargo().args(["fmt", "--all", "--check"]),
        "format",
    )
}

/// `--all-targets` leaves out the kernel tests, because `cargo test` is told to. The
/// smallest sensor has none of the outputs that are features; what only they use is dead there.
pub(super) fn clippy(_: Machine) -> Result<Verdict> {
    let strict = &["--deny", "warnings"][..];
    let smallest = &["--deny", "warnings", "--allow", "dead-code"][..];
    for (targets, lints) in [
        ("--workspace --all-targets", strict),
        ("--package sensor --test kernel", strict),
        (
            "--package sensor --no-default-features --all-targets",
            smallest,
        ),
    ] {
        let mut command = progress::cargo();
        command.args(["clippy", "--locked"]);
        command.args(targets.split(' ')).arg("--").args(lints);
        progress::logged(&mut command, "clippy")?;
    }
    Ok(Verdict::Passed)
}

pub(super) fn docs(_: Machine) -> Result<Verdict> {
    let mut command = progress::cargo();
    command
        .args([
            "doc",
            "--workspace",
            "--no-deps",
            "--locked",
            "--document-private-items",
        ])
        .env("RUSTDOCFLAGS", "--deny warnings");
    passes(&mut command, "docs")
}

pub(super) fn tests(_: Machine) -> Result<Verdict> {
    passes(
        progress::cargo().args(["test", "--workspace", "--locked"]),
        "tests",
    )
}

/// The kernel tests load programs and count what the whole machine does, so one at a time.
pub(super) fn kernel(machine: Machine) -> Result<Verdict> {
    if !machine.can_build_object {
        let why = "the kernel programs cannot be built: see `cargo xtask setup`";
        return Ok(Verdict::CannotRun(why.into()));
    }
    for need in [setup::root, setup::btf] {
        if let Err(why) = need() {
            return Ok(Verdict::CannotRun(format!("{why:#}")));
        }
    }
    let mut command = progress::cargo();
    command
        .args([
            "test",
            "--locked",
            "--package",
            "sensor",
            "--test",
            "kernel",
        ])
        .args(["--", "--test-threads=1", "--nocapture"])
        .env("SENSOR_EBPF", "require");
    passes(&mut command, "kernel")
}

/// Builds the sensor as on a machine without the toolchain, and starts it there.
pub(super) fn stub(_: Machine) -> Result<Verdict> {
    let mut build = progress::cargo();
    build.args([
        "build",
        "--locked",
        "--package",
        "sensor",
        "--bin",
        "sensor",
    ]);
    progress::logged(build.env("SENSOR_EBPF", "skip"), "stub")?;
    let program = progress::target_dir().join("debug/sensor");
    let output = Command::new(program)
        .args(["run", "-r"])
        .arg(progress::root().join("rules"))
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(2) && errors.contains("cargo xtask setup"),
        "`sensor run` without the kernel object must exit 2 and name `cargo xtask setup`; \
         it ended with {} and said:\n{errors}",
        output.status
    );
    Ok(Verdict::Passed)
}

fn passes(command: &mut Command, log: &str) -> Result<Verdict> {
    progress::logged(command, log)?;
    Ok(Verdict::Passed)
}
