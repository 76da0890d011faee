//! What runs inside the virtual machines, and what it reports.
//!
//! In: the sources and a few programs of this machine. Out: an initramfs per kernel;
//! and a [`Report`] from what `init.sh` and the tests wrote to the serial line.
//!
//! Always holds: the same two programs, built once, run on every kernel.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::LOG;
use super::kernels::Kernel;
use crate::progress;

/// The first process of the machine.
const INIT: &str = include_str!("init.sh");

/// Programs of this machine that the tests start, or that the machine is run with.
const PROGRAMS: [&str; 9] = [
    "busybox", "sh", "true", "cat", "sleep", "mount", "umount", "unshare", "setpriv",
];

/// Which tests run: of what the programs in the kernel record every family, and what is
/// attached after the start. Each has the kernel check all programs anew, which takes an
/// emulated machine ten seconds, or a minute when it is busy. Left out are those that act
/// with perl, bash and iproute2 (`attacks`), that start more processes than an emulated
/// machine gets through (most of `run`), or that look at rules, outputs and recordings,
/// which no kernel changes (`losses`, `receivers`, `record`, `hostile`).
const TESTS: &str = "\
calls:: capture::an_exec_tells capture::an_open_tells capture::a_connect capture::an_exit \
capture::each_fork connections:: cgroups:: packets::questions packets::messages \
packets::a_greeting parameters:: signals::a_signal_tells status::session storms:: \
uring::an_open uring::a_connection \
run::an_edited_rule_that_needs_other_events_gets_them_after_privileges_are_gone";

/// What a machine does, by the names `init.sh` gives: the tests, with cgroups of version
/// 2; those of containers with version 1 and with both; and the demo.
const PARTS: [&str; 4] = ["tests", "cgroups v1", "cgroups hybrid", "demo"];

/// What was built, and a directory that goes when this does.
pub(super) struct Programs {
    /// The root of the initramfs, complete but for the kernel's module.
    root: tempfile::TempDir,
}

/// Builds both programs and gathers all they need.
pub(super) fn build() -> Result<Programs> {
    let tests = build_tests()?;
    let root = tempfile::tempdir_in(progress::target_dir())?;
    let at = |name: &str| root.path().join(name);
    for dir in ["usr/bin", "usr/lib", "usr/lib64", "etc", "vm", "root"] {
        fs::create_dir_all(at(dir))?;
    }
    for dir in ["proc", "sys", "dev", "tmp", "run"] {
        fs::create_dir(at(dir))?;
    }
    for dir in ["bin", "lib", "lib64"] {
        symlink(format!("usr/{dir}"), at(dir))?;
    }
    fs::write(at("init"), INIT)?;
    fs::set_permissions(at("init"), fs::Permissions::from_mode(0o755))?;
    fs::write(at("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
    fs::write(at("etc/group"), "root:x:0:\n")?;
    fs::write(at("etc/shadow"), "root:*:19000:0:99999:7:::\n")?;
    let sensor = progress::target_dir().join("debug/sensor");
    for (from, to) in [(&tests, "vm/kernel"), (&sensor, "vm/sensor")] {
        let mut strip = Command::new("strip");
        progress::logged(strip.arg("-o").arg(at(to)).arg(from), LOG)?;
        copy_libraries(from, root.path())?;
    }
    // The tests have the sensor's path of this machine in them.
    let known = root
        .path()
        .join(sensor.strip_prefix("/").unwrap_or(&sensor));
    fs::create_dir_all(known.parent().context("a program is in a directory")?)?;
    symlink("/vm/sensor", known)?;
    for name in PROGRAMS {
        let from = which(name).with_context(|| format!("there is no program {name}"))?;
        fs::copy(&from, at("usr/bin").join(name))?;
        copy_libraries(&from, root.path())?;
    }
    Ok(Programs { root })
}

/// Builds the kernel tests, and the sensor with them; gives the path of the tests.
fn build_tests() -> Result<PathBuf> {
    let mut command = progress::cargo();
    command
        .args(["test", "--locked", "--package", "sensor"])
        .args(["--test", "kernel", "--no-run"])
        .arg("--message-format=json-render-diagnostics")
        .env("SENSOR_EBPF", "require")
        .stderr(Stdio::inherit());
    let messages = progress::output(&mut command).context("the kernel tests do not build")?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| {
            message
                .pointer("/target/name")
                .is_some_and(|it| it == "kernel")
        })
        .find_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
        .context("cargo names no program for the kernel tests")
}

/// Copies the shared libraries of a program to where it looks for them.
fn copy_libraries(program: &Path, root: &Path) -> Result<()> {
    // A static program has none, and ldd then ends badly.
    let listed = progress::output(Command::new("ldd").arg(program).stderr(Stdio::null()));
    let listed = listed.unwrap_or_default();
    let paths = listed
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    for path in paths {
        let to = root.join(path.trim_start_matches('/'));
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(path, &to).with_context(|| format!("cannot copy {path}"))?;
    }
    Ok(())
}

/// Where a program is found.
fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

impl Programs {
    /// Writes the initramfs for one kernel, without the tests of what it lacks.
    pub(super) fn initramfs(&self, kernel: &Kernel, lacks: &[&str]) -> Result<PathBuf> {
        let root = self.root.path();
        let skipped: String = lacks.iter().flat_map(|name| [" --skip ", name]).collect();
        fs::write(root.join("vm/arguments"), format!("{TESTS}{skipped}"))?;
        fs::copy(kernel.overlay(), root.join("vm/overlay.ko"))?;
        let image = kernel.dir.join("initramfs");
        let mut pack = Command::new("busybox");
        pack.args(["sh", "-c"])
            .arg("busybox find . | busybox cpio -o -H newc > \"$1\"")
            .arg("sh")
            .arg(&image)
            .current_dir(root);
        progress::logged(&mut pack, LOG)?;
        ensure!(fs::metadata(&image)?.len() > 0, "the initramfs is empty");
        Ok(image)
    }
}

/// What a machine said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// The kernel's own name for its release.
    pub(super) release: Option<String>,
    passed: usize,
    failed: Vec<String>,
    /// Those of [`PARTS`] that ended, and how.
    ended: Vec<(&'static str, i32)>,
}

impl Report {
    /// Reads the serial line's text.
    pub(super) fn read(said: &str) -> Self {
        let mut report = Self::default();
        for line in said.lines() {
            // A terminal's control sequence may stand before the first line.
            let line = line
                .rfind("vm: ")
                .and_then(|at| line.get(at..))
                .unwrap_or(line);
            if let Some(release) = line.strip_prefix("vm: kernel ") {
                report.release = Some(release.trim().to_owned());
            } else if let Some((part, code)) = line
                .strip_prefix("vm: ")
                .and_then(|line| line.split_once(" ended with "))
            {
                let part = PARTS.into_iter().find(|known| *known == part);
                let ended = part.zip(code.trim().parse().ok());
                report.ended.extend(ended);
            } else if let Some((name, verdict)) = line
                .strip_prefix("test ")
                .and_then(|test| test.split_once(" ... "))
            {
                match verdict.trim() {
                    "ok" => report.passed += 1,
                    _ => report.failed.push(name.to_owned()),
                }
            }
        }
        report
    }

    /// Whether the machine came as far as its first process.
    pub(super) fn started(&self) -> bool {
        self.release.is_some()
    }

    /// Whether all of it ran and was well.
    pub(super) fn passed(&self) -> bool {
        let well = |part| self.ended.contains(&(part, 0));
        PARTS.into_iter().all(well) && self.passed > 0 && self.failed.is_empty()
    }

    /// In a line, what ran and what failed.
    pub(super) fn summary(&self) -> String {
        let mut parts = vec![format!("{} tests passed", self.passed)];
        for part in PARTS {
            match self.ended.iter().find(|(ended, _)| *ended == part) {
                Some((_, 0)) => {}
                Some(_) => parts.push(format!("failed: {part}")),
                None => parts.push(format!("did not end: {part}")),
            }
        }
        if !self.failed.is_empty() {
            parts.push(format!("failed: {}", self.failed.join(" ")));
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_passes_only_when_all_of_it_ended_well() {
        let well = "\x1b[2Jvm: kernel 5.10.0-46-cloud-amd64\r\nrunning 2 tests\r\n\
                    test capture::one ... ok\r\ntest capture::two ... ok\r\n\
                    vm: tests ended with 0\r\nvm: cgroups v1 ended with 0\r\n\
                    vm: cgroups hybrid ended with 0\r\n\
                    vm: demo ended with 0\r\n";
        let report = Report::read(well);
        assert_eq!(report.release.as_deref(), Some("5.10.0-46-cloud-amd64"));
        assert!(report.passed(), "{report:?}");
        assert_eq!(report.summary(), "2 tests passed");
        for (from, to) in [
            ("two ... ok", "two ... FAILED"),
            ("demo ended with 0", "demo ended with 2"),
            ("tests ended with 0", "tests ended with 101"),
            ("hybrid ended with 0", "hybrid ended with 101"),
            ("vm: demo ended with 0", ""),
            ("vm: tests ended with 0", ""),
            ("vm: cgroups v1 ended with 0", ""),
            (" ... ok", ""),
        ] {
            let report = Report::read(&well.replace(from, to));
            assert!(!report.passed(), "{from} -> {to}: {report:?}");
        }
    }

    #[test]
    fn what_failed_is_named() {
        let report = Report::read("test capture::one ... FAILED\nvm: demo ended with 2\n");
        assert!(report.summary().ends_with("failed: capture::one"));
        assert!(report.summary().contains("failed: demo"));
        assert!(report.summary().contains("did not end: tests"));
    }
}
