//! The steps that hold the files of `deploy/` against the tools that will read them.
//!
//! In: the unit and the manifest. Out: a verdict each. Always holds: nothing is
//! applied to this machine or any cluster; the schemas are those bundled with the
//! pinned validator, so no cluster and no download of schemas is needed.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{Machine, Verdict};
use crate::progress::{self, doing};

/// The validator, which bundles the schemas of the Kubernetes releases.
const VALIDATOR: &str = "kubernetes-validate==1.37.0";

/// `systemd-analyze verify` on the unit.
///
/// It insists that the program of `ExecStart` exists, so it sees a root directory
/// with the unit and a program of that name.
pub(super) fn systemd(_: Machine) -> Result<Verdict> {
    if !progress::has_program("systemd-analyze") {
        return Ok(Verdict::CannotRun(
            "systemd-analyze is not installed".into(),
        ));
    }
    let unit = std::fs::read_to_string(progress::root().join("deploy/sensor.service"))
        .context("cannot read deploy/sensor.service")?;
    let dir = tempfile::tempdir()?;
    let copy = dir.path().join("sensor.service");
    std::fs::write(&copy, unit.replace("/usr/bin/sensor", "/bin/true"))?;
    let verify = ["verify", "--man=no", "--recursive-errors=one"];
    let output = Command::new("systemd-analyze")
        .args(verify)
        .arg(copy)
        .output()?;
    // A key it does not know is only a warning to it.
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && complaints.is_empty(),
        "deploy/sensor.service is not valid:\n{complaints}"
    );
    Ok(Verdict::Passed)
}

/// The validator, from a Python environment of its own, on the manifest.
pub(super) fn kubernetes(machine: Machine) -> Result<Verdict> {
    let environment = progress::target_dir().join("xtask/kubernetes-validate");
    let program = environment.join("bin/kubernetes-validate");
    if !program.is_file() {
        if !machine.may_install {
            let why = "kubernetes-validate is not there yet: add --install";
            return Ok(Verdict::CannotRun(why.into()));
        }
        doing("installing kubernetes-validate into a Python environment of its own");
        let mut venv = Command::new("python3");
        progress::logged(venv.args(["-m", "venv"]).arg(&environment), "kubernetes")?;
        let mut pip = Command::new(environment.join("bin/pip"));
        pip.args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            VALIDATOR,
        ]);
        progress::logged(&mut pip, "kubernetes")?;
    }
    let mut validate = Command::new(program);
    validate
        .arg("--strict")
        .arg(progress::root().join("deploy/kubernetes.yaml"));
    progress::logged(&mut validate, "kubernetes")?;
    Ok(Verdict::Passed)
}
