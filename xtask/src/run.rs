//! `cargo xtask run`: from a fresh clone to a running sensor.
//!
//! In: flags for `sensor run`. Out: this process becomes the sensor, so that its
//! exit code and its signals are the sensor's own.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::progress::{self, doing, ok};
use crate::setup;

/// Set up, build, and run the sensor with the shipped rules.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask run
  cargo xtask run -- -c sensor.yaml
  cargo xtask run -- --fail-on warning -- make test")]
pub(crate) struct Arguments {
    /// Flags for `sensor run`; see `cargo xtask run -- --help`
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    setup::toolchain()?;
    doing("building the sensor (release)");
    let mut build = progress::cargo();
    build.args(["build", "--locked", "--release", "--package", "sensor"]);
    progress::shown_live(&mut build)?;
    setup::btf()?;
    setup::root()?;
    let program = progress::target_dir().join("release/sensor");
    let rules = progress::root().join("rules");
    ok(&format!("watching this machine with {}", rules.display()));
    let mut sensor = Command::new(&program);
    sensor
        .arg("run")
        .arg("-r")
        .arg(rules)
        .args(&arguments.arguments);
    // `exec` returns only when it could not do what it is for.
    Err(sensor.exec()).with_context(|| format!("cannot start {}", program.display()))
}
