//! The step that sends to receivers that are written in Python.
//!
//! In: the suite's tests below `outputs::received`. Out: a verdict. Always holds: the
//! receivers are of pinned versions, in a Python environment of their own, which the
//! tests find by `SENSOR_RECEIVERS`.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Machine, Verdict};
use crate::progress::{self, doing};

/// AWS as moto plays it, the messages of OTLP as its makers decode them, Kafka's
/// brokers as librdkafka plays them, and signatures as Standard Webhooks verifies them.
const PACKAGES: [&str; 4] = [
    "moto[server]==5.2.5",
    "opentelemetry-proto==1.45.2",
    "confluent-kafka==2.16.1",
    "standardwebhooks==1.1.0",
];

pub(super) fn run(machine: Machine) -> Result<Verdict> {
    let environment = progress::target_dir().join("xtask/receivers");
    // What is installed, so that a new version is.
    let (installed, wanted) = (environment.join("installed"), PACKAGES.join("\n"));
    let is_there = fs::read_to_string(&installed).is_ok_and(|is| is == wanted);
    if !is_there && !machine.may_install {
        let why = "the receivers in Python are not there yet: add --install";
        return Ok(Verdict::CannotRun(why.into()));
    }
    if !is_there {
        doing("installing the receivers into a Python environment of its own");
        let mut venv = Command::new("python3");
        progress::logged(venv.args(["-m", "venv"]).arg(&environment), "receivers")?;
        let mut pip = Command::new(environment.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        progress::logged(pip.args(PACKAGES), "receivers")?;
        fs::write(&installed, wanted)
            .with_context(|| format!("cannot write {}", installed.display()))?;
    }
    let mut tests = progress::cargo();
    tests
        .args(["test", "--locked", "--package", "sensor", "--test", "suite"])
        .args(["--", "--test-threads=2", "outputs::received"])
        .env("SENSOR_RECEIVERS", environment);
    progress::logged(&mut tests, "receivers")?;
    Ok(Verdict::Passed)
}
