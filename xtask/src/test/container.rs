//! The step that builds the image from scratch and runs it.
//!
//! In: `deploy/Dockerfile` and what `cargo xtask dist` gathers. Out: a verdict.
//!
//! Always holds: the engine is one of our own, with its own directories and socket,
//! without bridge or firewall rules, and it is stopped by its process id whatever
//! happens; containers run without a network, and no registry is asked.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Machine, Verdict};
use crate::progress::{self, doing};
use crate::{dist, setup};

const LOG: &str = "container";
const IMAGE: &str = "sensor:test";

/// How long the engine may take to answer, or the sensor to be ready.
const PATIENCE: Duration = Duration::from_secs(90);

pub(super) fn run(machine: Machine) -> Result<Verdict> {
    for program in ["dockerd", "docker"] {
        if !progress::has_program(program) {
            let why = format!("{program} is not installed (docker.io)");
            return Ok(Verdict::CannotRun(why));
        }
    }
    if !setup::is_root() {
        return Ok(Verdict::CannotRun(
            "only root can start a container engine".into(),
        ));
    }
    doing("container: building the static binary (release)");
    dist::build(&mut |command| progress::logged(command, LOG))?;
    let engine = Engine::start()?;
    let mut build = engine.docker(&["build", "--target", "prebuilt", "--network", "none"]);
    build
        .args(["--tag", IMAGE, "--file"])
        .arg(progress::root().join("deploy/Dockerfile"));
    progress::logged(build.arg(progress::target_dir().join("dist")), LOG)?;
    for arguments in [
        &["--version"][..],
        &["check", "/etc/sensor/rules"],
        &["fields"],
    ] {
        let mut command = engine.docker(&["run", "--rm", "--network", "none", IMAGE]);
        progress::logged(command.args(arguments), LOG)?;
    }
    if machine.can_build_object && setup::btf().is_ok() {
        watch(&engine)?;
    }
    Ok(Verdict::Passed)
}

/// Runs the image as the manifest does, does something suspicious, and expects the alert.
fn watch(engine: &Engine) -> Result<()> {
    doing("container: watching this machine from inside the image");
    let mut start = engine.docker(&["run", "--detach", "--name", "watch", "--network", "none"]);
    start.args(["--pid", "host", "--cgroupns", "host"]);
    // What the sensor needs of `--privileged`, which an engine in a container of its
    // own may be unable to give. SYS_ADMIN stands for BPF and PERFMON, whose names
    // Debian 12's engine does not know.
    for capability in ["SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH"] {
        start.args(["--cap-add", capability]);
    }
    for option in ["seccomp=unconfined", "apparmor=unconfined"] {
        start.args(["--security-opt", option]);
    }
    for path in ["/sys/kernel/tracing", "/sys/fs/bpf", "/sys/fs/cgroup"] {
        if Path::new(path).is_dir() {
            start.arg("--volume").arg(format!("{path}:{path}"));
        }
    }
    progress::logged(start.arg(IMAGE), LOG)?;
    let logs = || {
        let output = engine
            .docker(&["logs", "watch"])
            .stdin(Stdio::null())
            .output()?;
        let text = [output.stdout, output.stderr].concat();
        anyhow::Ok(String::from_utf8_lossy(&text).into_owned())
    };
    // Reading the file of password hashes is repeated, because nothing but an alert
    // shows that the sensor is watching by now.
    let alerted = wait_until(|| {
        Command::new("sh")
            .args(["-c", "cat /etc/shadow > /dev/null"])
            .status()?;
        Ok(logs()?.contains("/etc/shadow"))
    })?;
    ensure!(
        alerted,
        "no alert for /etc/shadow from inside the image:\n{}",
        logs()?
    );
    progress::logged(&mut engine.docker(&["stop", "--time", "10", "watch"]), LOG)?;
    let code = progress::output(&mut engine.docker(&["wait", "watch"])).unwrap_or_default();
    ensure!(
        code.trim() == "0",
        "the sensor in the image ended with {} after SIGTERM:\n{}",
        code.trim(),
        logs()?
    );
    Ok(())
}

/// A container engine that ends with this value.
struct Engine {
    daemon: Child,
    dir: TempDir,
}

impl Engine {
    fn start() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let at = |name: &str| dir.path().join(name);
        let log = File::create(at("log"))?;
        let daemon = Command::new("dockerd")
            .args(["--iptables=false", "--ip6tables=false", "--bridge=none"])
            .arg("--data-root")
            .arg(at("root"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("pid"))
            .arg("--host")
            .arg(format!("unix://{}", at("sock").display()))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start dockerd")?;
        let engine = Self { daemon, dir };
        let answers = wait_until(|| Ok(engine.docker(&["info"]).output()?.status.success()))?;
        if !answers {
            let log = std::fs::read_to_string(engine.path("log")).unwrap_or_default();
            bail!("dockerd does not answer:\n{log}");
        }
        Ok(engine)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A docker command for this engine, whatever engine the person uses otherwise.
    fn docker(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command
            .args(arguments)
            .env(
                "DOCKER_HOST",
                format!("unix://{}", self.path("sock").display()),
            )
            .env("DOCKER_CONFIG", self.path("config"))
            .env_remove("DOCKER_CONTEXT")
            // The builder that comes with every engine; the newer one may be absent.
            .env("DOCKER_BUILDKIT", "0");
        command
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let containers = progress::output(&mut self.docker(&["ps", "--all", "--quiet"]));
        for container in containers.unwrap_or_default().lines() {
            self.docker(&["rm", "--force", container]).output().ok();
        }
        if let Some(pid) = i32::try_from(self.daemon.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM).ok();
        }
        self.daemon.wait().ok();
    }
}

/// Asks again and again until the answer is yes, or [`PATIENCE`] is over.
fn wait_until(mut answer: impl FnMut() -> Result<bool>) -> Result<bool> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if answer()? {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(false)
}
