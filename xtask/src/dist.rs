//! `cargo xtask dist`: the files that are deployed, below `target/dist`.
//!
//! In: the sources. Out: `target/dist/rootfs`, laid out as an image or a machine has
//! it: one static binary, the rules, an example configuration, and the certificates TLS
//! trusts.
//!
//! Always holds: the binary needs no file of the machine it runs on, not even a C
//! library; this is checked here, not hoped for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::progress::{self, doing, ok};
use crate::setup;

/// Build the static binary with rules and certificates into target/dist.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask dist
  docker build -f deploy/Dockerfile --target prebuilt -t sensor target/dist")]
pub(crate) struct Arguments {}

/// Where the binary is put.
const BINARY: &str = "usr/bin/sensor";

/// Where the machine keeps the certificates it trusts, and where the image will.
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

pub(crate) fn main(_: &Arguments) -> Result<()> {
    setup::toolchain()?;
    doing("building the static binary (release)");
    let root = build(&mut |command| progress::shown_live(command))?;
    let bytes = fs::metadata(root.join(BINARY))?.len();
    let (root, mib) = (root.display(), bytes >> 20);
    ok(&format!(
        "all that is deployed is in {root}; the binary takes {mib} MiB"
    ));
    Ok(())
}

/// Builds and gathers everything; `run` decides where the output of cargo goes.
pub(crate) fn build(run: &mut dyn FnMut(&mut Command) -> Result<()>) -> Result<PathBuf> {
    let target = host()?;
    let mut cargo = progress::cargo();
    cargo
        .args([
            "build",
            "--locked",
            "--release",
            "--package",
            "sensor",
            "--target",
            &target,
        ])
        // No musl target comes with every Rust, and glibc links statically as well.
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        // Three quarters of the file would be line numbers; names of functions stay.
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo");
    run(&mut cargo)?;
    let built = progress::target_dir().join(&target).join("release/sensor");
    ensure_static(&built)?;

    let root = progress::target_dir().join("dist/rootfs");
    if root.exists() {
        fs::remove_dir_all(&root).with_context(|| format!("cannot empty {}", root.display()))?;
    }
    copy(&built, &root.join(BINARY))?;
    let rules = progress::root().join("rules");
    for entry in fs::read_dir(&rules).with_context(|| format!("cannot read {}", rules.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "yaml") {
            let name = path.file_name().unwrap_or_default();
            copy(&path, &root.join("etc/sensor/rules").join(name))?;
        }
    }
    // Every key with its default: what the service unit starts with.
    let example = progress::root().join("deploy/sensor.yaml");
    copy(&example, &root.join("etc/sensor/sensor.yaml"))?;
    let certificates = Path::new("/").join(CERTIFICATES);
    if certificates.is_file() {
        copy(&certificates, &root.join(CERTIFICATES))?;
    }
    // An image from scratch has no directory for temporary files or for alerts.
    for dir in ["tmp", "var/lib/sensor", "var/log/sensor"] {
        fs::create_dir_all(root.join(dir))?;
    }
    Ok(root)
}

/// The target of the machine we build on, as rustc spells it.
fn host() -> Result<String> {
    let version = progress::output(Command::new("rustc").arg("-vV")).context("cannot run rustc")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

/// Fails unless the program is without an interpreter, the loader of shared libraries.
///
/// The name of the loader stands in the first page of a program that wants one.
fn ensure_static(program: &Path) -> Result<()> {
    let bytes = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let first = bytes.get(..4096).unwrap_or(&bytes);
    let wants_loader = first.windows(3).any(|window| window == b"/ld");
    ensure!(!wants_loader, "{} is not static", program.display());
    Ok(())
}

/// Copies one file to a directory that may not exist yet.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}
