//! The same rows in a container of a real engine: its own root, pid namespace,
//! cgroups and network, and what the sensor says of it.
//!
//! Where there is no engine the test says so and passes, unless `CI` is set: there it
//! fails.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{FAMILIES, Manner, expected, field, missing, rule};
use crate::harness::{Sensor, until};

/// An engine of our own that ends with this value, without bridge or firewall rules.
struct Engine {
    daemon: Child,
    dir: tempfile::TempDir,
}

impl Engine {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let log = File::create(at("log")).unwrap();
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
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let engine = Self { daemon, dir };
        let answers = || engine.docker(&["info"]).output().unwrap().status.success();
        let ready = (0..5).any(|_| until(|| answers().then_some(())).is_some());
        let log = std::fs::read_to_string(engine.path("log")).unwrap_or_default();
        assert!(ready, "dockerd does not answer:\n{log}");
        engine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A docker command for this engine, whatever engine the person uses otherwise.
    fn docker(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        let host = format!("unix://{}", self.path("sock").display());
        command
            .args(arguments)
            .env("DOCKER_HOST", host)
            .env("DOCKER_CONFIG", self.path("config"))
            .env_remove("DOCKER_CONTEXT");
        command
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.daemon);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        self.daemon.wait().ok();
    }
}

fn is_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(name).is_file())
}

/// A root directory that holds this test and what it needs to run.
fn image(engine: &Engine) {
    let root = engine.path("image");
    for name in ["tmp", "etc", "proc", "bin"] {
        std::fs::create_dir_all(root.join(name)).unwrap();
    }
    std::fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\n").unwrap();
    std::fs::write(root.join("etc/group"), "root:x:0:\n").unwrap();
    let this = std::env::current_exe().unwrap();
    std::fs::copy(&this, root.join("test")).unwrap();
    let listed = Command::new("ldd").arg(&this).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let libraries = listed
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    for library in libraries {
        let to = root.join(library.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(library, to).unwrap();
    }
    let mut tar = Command::new("tar")
        .arg("-C")
        .arg(&root)
        .args(["-c", "."])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let packed = tar.stdout.take().unwrap();
    let mut import = engine.docker(&["import", "-", "parameters:test"]);
    let imported = import.stdin(packed).output().unwrap();
    assert!(tar.wait().unwrap().success());
    assert!(imported.status.success(), "{imported:?}");
}

/// Makes the calls of a family in a container, and gives its id and what it expects.
fn contained(engine: &Engine, family: &str) -> (String, String) {
    let mut run = engine.docker(&[
        "run",
        "--network=none",
        "--tmpfs=/tmp",
        "--security-opt",
        "seccomp=unconfined",
        "--security-opt",
        "apparmor=unconfined",
        "--cap-add=SYS_ADMIN",
        "--cap-add=DAC_READ_SEARCH",
    ]);
    let id = engine.path(&format!("{family}.id"));
    let what = format!("SENSOR_TEST_ACT={family}/{}", Manner::Raw.name());
    run.arg("--cidfile").arg(&id);
    run.args(["--env", &what, "--env", "SENSOR_TEST_ARGUMENT=/tmp|none"]);
    run.args([
        "parameters:test",
        "/test",
        "--exact",
        "parameters::perform",
        "--nocapture",
    ]);
    let output = run.output().unwrap();
    assert!(output.status.success(), "{family}: {output:?}");
    let id = std::fs::read_to_string(id).unwrap();
    (id, String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn calls_in_a_container_of_a_real_engine_show_what_was_done() {
    let programs = ["dockerd", "docker"];
    if let Some(absent) = programs.iter().find(|name| !is_program(name)) {
        assert!(
            std::env::var_os("CI").is_none(),
            "{absent} is not installed"
        );
        println!("not run: {absent} is not installed");
        return;
    }
    assert!(Path::new("/sys/fs/cgroup").is_dir());
    let engine = Engine::start();
    image(&engine);
    let names = ["file", "name", "io", "net"];
    let families = names.map(|name| FAMILIES.iter().find(|it| it.name == name).unwrap());
    let events = families.iter().flat_map(|family| family.cases);
    let events = events.map(|case| case.event).collect();
    let sensor = Sensor::start(&rule(&events), "capture:\n  ring_mib: 64\n", "");
    let mut wrong = Vec::new();
    for name in names {
        let (id, output) = contained(&engine, name);
        let id = &id[..12];
        sensor.wait_alert("of the end", |alert| {
            field(alert, "container.id") == id && field(alert, "evt.args").contains(super::END)
        });
        let expected = expected(&output);
        assert!(!expected.is_empty(), "{name}: nothing was done: {output}");
        let what = format!("{name}/engine");
        wrong.extend(missing(&what, &expected, &sensor.alerts(), id));
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let (finished, _dir) = sensor.stop();
    finished.assert_adds_up();
}
