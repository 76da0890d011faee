//! Real attacks, harmless ones, under the real sensor with the shipped rules.
//!
//! The sensor runs as a user runs it, with alerts as JSON lines in a file. Each
//! attack must arrive there under its rule, with every field filled; each near
//! miss must not. An act is told by the pid of the child that does it, so what
//! else happens on the machine does not disturb. Nothing leaves the machine:
//! what connects does so in a network namespace of its own.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::MemfdFlags;
use serde_json::Value;
use tempfile::TempDir;

use super::harness::Sensor;

/// Does it, and waits for the alert, which must be complete and of this rule.
fn must_alert(sensor: &Sensor, rule: &str, attack: &mut Command) -> Value {
    let pid = done(attack);
    let alert = sensor.wait_alert(&format!("{rule:?} for {attack:?}"), |alert| {
        // What leads there may have a rule of its own.
        alert["output_fields"]["proc.pid"] == pid && alert["rule"] == rule
    });
    assert_complete(&alert);
    alert
}

/// Ends the sensor, which must end well and account for everything.
fn stop(sensor: Sensor) {
    let (finished, _dir) = sensor.stop();
    assert!(finished.status.success(), "{}", finished.log);
    finished.assert_adds_up();
}

/// Runs the child to its end, whatever the end, and tells its pid.
fn done(command: &mut Command) -> u32 {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    child.wait().expect("a child can be waited for");
    child.id()
}

/// `sh -c SCRIPT`
fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn program(name: impl AsRef<OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(args);
    command
}

/// A network namespace of its own, whose loopback also has an address of the
/// block that is reserved for documentation.
fn alone(script: &str) -> Command {
    let up = "ip link set lo up && ip addr add 192.0.2.7/32 dev lo";
    program(
        "unshare",
        &["--net", "sh", "-c", &format!("{up} && exec {script}")],
    )
}

/// Every field of an alert that the sensor can fill has a value.
fn assert_complete(alert: &Value) {
    for key in [
        "hostname", "output", "priority", "rule", "source", "tags", "time",
    ] {
        assert!(!alert[key].is_null(), "{key} is missing: {alert:#}");
    }
    let fields = alert["output_fields"]
        .as_object()
        .expect("an alert has fields");
    let on_host = fields["container.id"] == "host";
    for (field, value) in fields {
        // Inside a container, names of images and pods come from a runtime
        // that is not asked yet.
        let asked = on_host || !field.starts_with("container.image") && !field.starts_with("k8s.");
        // Rules that watch a file or a command line show the other's fields empty, and
        // so do those that watch both names of a file where there is one.
        let applies = match alert["output_fields"]["fd.name"] {
            Value::Null => !field.starts_with("fd.") && !field.starts_with("evt.arg"),
            _ => !field.starts_with("fs.path."),
        };
        assert!(
            !value.is_null() || !asked || !applies,
            "{field} is missing: {alert:#}"
        );
    }
}

/// A home directory with secrets in it, made up.
fn home() -> TempDir {
    let home = TempDir::with_prefix("sensor-home-").expect("a temporary directory can be made");
    for (file, text) in [
        (
            ".aws/credentials",
            "[default]\naws_secret_access_key = made up\n",
        ),
        (".aws/config", "[default]\nregion = none\n"),
        (".ssh/id_ed25519", "made up\n"),
        (".ssh/id_ed25519.pub", "made up\n"),
        (".ssh/known_hosts", ""),
        (".bash_history", "ls\n"),
    ] {
        let path = home.path().join(file);
        fs::create_dir_all(path.parent().expect("it lies in the home directory"))
            .and_then(|()| fs::write(path, text))
            .expect("the home directory can be filled");
    }
    home
}

/// A copy of /bin/true at another place.
fn copy_of_true(to: &Path) {
    fs::copy("/bin/true", to).expect("/bin/true can be copied");
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).expect("it can be made executable");
}

#[test]
fn attacks_raise_their_alerts_with_every_field_and_near_misses_none() {
    let sensor = Sensor::with_shipped_rules();
    let home = home();
    let at = |file: &str| home.path().join(file).display().to_string();

    // Near misses first: once the attacks after them have alerted, the sensor
    // has seen these, too, for it walks in the kernel's order.
    let near_misses: Vec<(u32, String)> = [
        program("cat", &["/etc/passwd"]),
        program("cat", &[&at(".aws/config")]),
        program("cat", &[&at(".ssh/id_ed25519.pub")]),
        sh(&format!("echo w >> {}", at(".bash_history"))),
        sh(&format!("echo host > {}", at(".ssh/known_hosts"))),
        program("find", &[&at(""), "-name", "*.txt"]),
        sh("echo Og== | base64 -d | wc -c"),
    ]
    .into_iter()
    .map(|mut command| (done(&mut command), format!("{command:?}")))
    .collect();

    let alert = must_alert(
        &sensor,
        "Password hashes read",
        &mut program("cat", &["/etc/shadow"]),
    );
    assert_eq!(alert["output_fields"]["fd.name"], "/etc/shadow");
    assert_eq!(alert["output_fields"]["proc.cmdline"], "cat /etc/shadow");

    // A link does not hide what is opened.
    let link = at("harmless");
    symlink("/etc/shadow", &link).expect("a link can be made");
    let alert = must_alert(
        &sensor,
        "Password hashes read",
        &mut program("cat", &[&link]),
    );
    assert_eq!(alert["output_fields"]["fd.name"], link);
    assert_eq!(alert["output_fields"]["fd.realpath"], "/etc/shadow");

    let rule = "Cloud credentials read with a file tool";
    must_alert(
        &sensor,
        rule,
        &mut program("cat", &[&at(".aws/credentials")]),
    );
    must_alert(
        &sensor,
        "SSH private key read",
        &mut program("cat", &[&at(".ssh/id_ed25519")]),
    );
    let search = ["-name", "id_rsa"];
    let rule = "Search for keys and passwords";
    must_alert(&sensor, rule, program("find", &[&at("")]).args(search));
    let rule = "Shell history destroyed";
    must_alert(
        &sensor,
        rule,
        &mut sh(&format!(": > {}", at(".bash_history"))),
    );
    let rule = "SSH login key added";
    must_alert(
        &sensor,
        rule,
        &mut sh(&format!("echo key >> {}", at(".ssh/authorized_keys"))),
    );
    let rule = "Encoded script piped into an interpreter";
    must_alert(&sensor, rule, &mut sh("echo Og== | base64 -d | sh"));
    let rule = "Library preloaded from a writable directory";
    must_alert(
        &sensor,
        rule,
        program("true", &[]).env("LD_PRELOAD", "/tmp/none.so"),
    );

    for (pid, what) in near_misses {
        let mut alerts = sensor.alerts();
        alerts.retain(|alert| alert["output_fields"]["proc.pid"] == pid);
        assert!(alerts.is_empty(), "{what} is harmless: {alerts:#?}");
    }
    stop(sensor);
}

#[test]
fn programs_from_odd_places_raise_their_alerts() {
    let sensor = Sensor::with_shipped_rules();

    let shared = tempfile::Builder::new()
        .prefix("sensor-")
        .tempdir_in("/dev/shm")
        .expect("/dev/shm can be written");
    copy_of_true(&shared.path().join("odd"));
    let rule = "Program run from shared memory";
    let alert = must_alert(&sensor, rule, &mut Command::new(shared.path().join("odd")));
    assert_eq!(alert["output_fields"]["proc.cmdline"], "odd");

    let hidden = tempfile::Builder::new()
        .prefix(".sensor-")
        .tempdir_in("/tmp")
        .expect("/tmp can be written");
    copy_of_true(&hidden.path().join("odd"));
    let rule = "Hidden program run from a temporary directory";
    must_alert(&sensor, rule, &mut Command::new(hidden.path().join("odd")));

    // The child finds the memfd among this process's descriptors.
    let memory = rustix::fs::memfd_create("odd", MemfdFlags::CLOEXEC).expect("a memfd can be made");
    let program = fs::read("/bin/true").expect("/bin/true can be read");
    rustix::io::write(&memory, &program).expect("a memfd can be written");
    let descriptor = memory.as_raw_fd();
    let path = format!("/proc/{}/fd/{descriptor}", std::process::id());
    let rule = "Program run from memory without a file";
    let alert = must_alert(&sensor, rule, &mut Command::new(path));
    assert_eq!(alert["priority"], "Critical");

    // A copy of the shell under the name of a web server starts a shell.
    let service =
        TempDir::with_prefix("sensor-service-").expect("a temporary directory can be made");
    let nginx = service.path().join("nginx");
    fs::copy("/bin/sh", &nginx).expect("/bin/sh can be copied");
    let server = done(Command::new(&nginx).args(["-c", "sh -c 'echo 1'; echo 2"]));
    let alert = sensor.wait_alert("of a shell below nginx", |alert| {
        alert["rule"] == "Shell started by a network service"
            && alert["output_fields"]["proc.pcmdline"] == "nginx -c sh -c 'echo 1'; echo 2"
    });
    assert_ne!(alert["output_fields"]["proc.pid"], server);
    assert_complete(&alert);
    stop(sensor);
}

#[test]
fn connections_that_give_a_program_away_raise_their_alerts() {
    let sensor = Sensor::with_shipped_rules();

    // There is no way there, and the attempt is enough.
    let rule = "Cloud metadata service contacted by hand";
    let alert = must_alert(
        &sensor,
        rule,
        &mut alone("bash -c ': < /dev/tcp/169.254.169.254/80'"),
    );
    assert_eq!(alert["output_fields"]["evt.res"], "ENETUNREACH");
    stop(sensor);
}
