//! Gets a `bpf-linker` that can read what one compiler writes.
//!
//! In: a [`Candidate`] with its compiler in place. Out: the linker in cargo's
//! directory of programs, taken from its releases or built here against the LLVM
//! of the distribution.
//!
//! Always holds: the version is pinned, and a linker that fits is not touched.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{LOG, apt_install};
use crate::progress::{self, doing};
use crate::toolchain::Candidate;

/// The release we build with. Its own LLVM is 23, the newest that rustc has.
const VERSION: &str = "0.13.0";

/// The LLVM releases this version can be built against.
const LLVM: std::ops::RangeInclusive<u32> = 21..=23;

/// Installs the linker if that is what `candidate` lacks.
pub(super) fn mend(candidate: &Candidate) -> Result<()> {
    if !candidate.missing.iter().any(|it| it.contains("bpf-linker")) {
        return Ok(());
    }
    let llvm = candidate.llvm.with_context(|| {
        format!(
            "{} does not say which LLVM it is built on",
            candidate.kind.name()
        )
    })?;
    let download = download();
    if download.is_ok() && crate::toolchain::linker().is_some() {
        return Ok(());
    }
    build(llvm).with_context(|| {
        let released = match download {
            Ok(()) => "the released bpf-linker does not run here",
            Err(_) => "bpf-linker's releases cannot be reached",
        };
        format!(
            "{}: {released}, and building it does not work",
            candidate.kind.name()
        )
    })
}

/// Unpacks the released program into cargo's directory of programs.
fn download() -> Result<()> {
    ensure!(progress::has_program("curl"), "there is no curl");
    doing("looking for a released bpf-linker");
    let name = format!(
        "bpf-linker-{}-unknown-linux-musl.tar.zst",
        env::consts::ARCH
    );
    let url = format!("https://github.com/aya-rs/bpf-linker/releases/download/v{VERSION}/{name}");
    let dir = progress::target_dir().join("xtask");
    let archive = dir.join(&name);
    let mut curl = Command::new("curl");
    curl.args([
        "--fail",
        "--silent",
        "--show-error",
        "--location",
        "--connect-timeout",
        "10",
    ])
    .arg("--output")
    .arg(&archive)
    .arg(url);
    progress::logged(&mut curl, LOG)?;
    let bin = cargo_bin()?;
    let mut tar = Command::new("tar");
    tar.arg("--extract")
        .arg("--file")
        .arg(&archive)
        .arg("--directory")
        .arg(&bin);
    progress::logged(tar.arg("bpf-linker"), LOG)
}

/// Compiles the linker against LLVM `llvm`, installing that from the distribution if need be.
fn build(llvm: u32) -> Result<()> {
    ensure!(
        LLVM.contains(&llvm),
        "bpf-linker {VERSION} cannot be built against LLVM {llvm}"
    );
    let prefix = PathBuf::from(format!("/usr/lib/llvm-{llvm}"));
    if !prefix.join("include/llvm-c").is_dir() {
        let packages = [format!("llvm-{llvm}-dev"), format!("libpolly-{llvm}-dev")];
        apt_install(&packages.each_ref().map(String::as_str))?;
    }
    doing(&format!(
        "building bpf-linker {VERSION} against LLVM {llvm}, about two minutes"
    ));
    let feature = format!("llvm-{llvm}");
    let mut install = progress::cargo();
    install
        .args([
            "install",
            "bpf-linker",
            "--version",
            VERSION,
            "--locked",
            "--force",
        ])
        .args(["--no-default-features", "--features", &feature])
        .env("LLVM_PREFIX", prefix);
    progress::logged(&mut install, LOG)
}

/// Where `cargo install` puts programs.
fn cargo_bin() -> Result<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let bin = home
        .context("neither CARGO_HOME nor HOME is set")?
        .join("bin");
    fs::create_dir_all(&bin).with_context(|| format!("cannot create {}", bin.display()))?;
    Ok(bin)
}
