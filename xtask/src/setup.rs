//! `cargo xtask setup`: finds or installs what building and running needs.
//!
//! In: this machine. Out: a toolchain that can build the kernel object, and one line
//! for every matter looked at: in order, being mended, or impossible and why.
//!
//! Always holds: what is in order is left alone, so a second run is quick and
//! changes nothing; a compiler that is there is completed, never updated or
//! replaced; packages are installed only as root, and only through the machine's
//! own package manager.

mod linker;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::progress::{self, cannot, doing, ok};
use crate::toolchain::{self, Candidate, Kind};

/// Find or install what building the sensor needs.
///
/// Needed is a compiler for the kernel programs: a rustup nightly with rust-src, or
/// Debian's rustc-web with its source; and bpf-linker. What is there already is
/// used, so a second run takes a moment.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask setup           as root on Debian 12, 13 or Ubuntu: installs what is missing
  cargo xtask setup --check   only says what is missing; exits 1 when something is")]
pub(crate) struct Arguments {
    /// Install nothing, only say what is missing
    #[arg(long)]
    check: bool,
}

/// The name of this command's log.
pub(crate) const LOG: &str = "setup";

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let built = if arguments.check {
        complete(&toolchain::candidates()).map_or_else(|| Err(missing()), Ok)
    } else {
        toolchain()
    };
    for check in [root, btf, tracefs] {
        match check() {
            Ok(text) => ok(&text),
            Err(reason) => cannot(&format!("{reason:#}")),
        }
    }
    built.map(drop)
}

/// Makes sure that some toolchain can build the kernel object, and names it.
///
/// # Errors
///
/// When none can, with what each lacks and what a person can do.
pub(crate) fn toolchain() -> Result<&'static str> {
    if let Some(name) = complete(&toolchain::candidates()) {
        return Ok(name);
    }
    progress::begin_log(LOG)?;
    for mend in [mend_nightly, mend_system] {
        if let Err(reason) = mend() {
            cannot(&format!("{reason:#}"));
        }
        if let Some(name) = complete(&toolchain::candidates()) {
            // A build that left a stub watches this file.
            fs::write(toolchain::stub_note(&progress::target_dir()), "").ok();
            return Ok(name);
        }
    }
    Err(missing())
}

/// The first candidate that lacks nothing, announced.
fn complete(candidates: &[Candidate]) -> Option<&'static str> {
    let found = candidates
        .iter()
        .find(|candidate| candidate.is_complete())?;
    let llvm = found.llvm.map(|llvm| format!(", LLVM {llvm}"));
    ok(&format!(
        "kernel programs can be built with {}{}",
        found.kind.name(),
        llvm.unwrap_or_default()
    ));
    Some(found.kind.name())
}

/// What every candidate lacks, as one error.
fn missing() -> anyhow::Error {
    let lines: Vec<_> = toolchain::candidates()
        .iter()
        .map(|it| format!("{}: {}", it.kind.name(), it.missing.join("; ")))
        .collect();
    let lines = lines.join("\n        ");
    anyhow::anyhow!(
        "no toolchain here can build the kernel programs.\n        {lines}\n        \
         Either `rustup toolchain install nightly --component rust-src` and bpf-linker from \
         https://github.com/aya-rs/bpf-linker/releases,\n        \
         or, as root on Debian, `apt-get update` and this command again."
    )
}

/// The usual way: rustup's nightly, its source, and a linker for its LLVM.
fn mend_nightly() -> Result<()> {
    ensure!(
        progress::has_program("rustup"),
        "rustup is not installed, so there is no nightly to use"
    );
    let nightly = candidate(Kind::Nightly)?;
    let mut rustup = Command::new("rustup");
    if nightly.llvm.is_none() {
        doing("installing rustup's nightly with its source");
        rustup.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
        rustup.args(["--component", "rust-src"]);
        progress::logged(&mut rustup, LOG)?;
    } else if nightly.missing.iter().any(|it| it.contains("rust-src")) {
        // Not `toolchain install`, which would replace the nightly a person has.
        doing("adding the library source to rustup's nightly");
        rustup.args(["component", "add", "rust-src", "--toolchain", "nightly"]);
        progress::logged(&mut rustup, LOG)?;
    }
    linker::mend(&candidate(Kind::Nightly)?)
}

/// Debian's way: the compiler it builds browsers with comes with matching source.
fn mend_system() -> Result<()> {
    const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
    let system = candidate(Kind::System)?;
    if system.missing.iter().any(|it| !it.contains("bpf-linker")) {
        apt_install(&PACKAGES)?;
    }
    let system = candidate(Kind::System)?;
    if let Some(why) = system.missing.iter().find(|it| !it.contains("bpf-linker")) {
        bail!("{}: {why}", system.kind.name());
    }
    linker::mend(&system)
}

/// One candidate, looked at anew.
fn candidate(kind: Kind) -> Result<Candidate> {
    let mut candidates = toolchain::candidates().into_iter();
    let found = candidates.find(|candidate| candidate.kind == kind);
    found.with_context(|| format!("{} is no candidate", kind.name()))
}

/// Installs packages with apt, after a look at whether it can.
///
/// # Errors
///
/// When there is no apt, we are not root, or the packages do not exist here.
pub(crate) fn apt_install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    ensure!(
        progress::has_program("apt-get"),
        "apt-get is not here to install {names}"
    );
    ensure!(
        is_root(),
        "only root can install {names}: run this command with sudo"
    );
    // The newest versions are in the security suite, and an old list may show only
    // the older ones, so the lists are fetched whenever something must be installed.
    doing("fetching the package lists");
    let update = progress::logged(apt().args(["update", "-q"]), LOG);
    for package in packages {
        let known = progress::output(Command::new("apt-cache").args(["show", "-q", package]));
        if known.is_none_or(|text| text.is_empty()) {
            update?;
            bail!("this distribution has no package {package}");
        }
    }
    doing(&format!("installing {names}"));
    let flags = ["install", "-q", "-y", "--no-install-recommends"];
    progress::logged(apt().args(flags).args(packages), LOG)
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Whether this process may load kernel programs and install packages.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(crate) fn root() -> Result<String> {
    ensure!(
        is_root(),
        "you are not root, and loading kernel programs needs root: use `sudo -E cargo xtask …`"
    );
    Ok("root, so kernel programs can be loaded".into())
}

pub(crate) fn btf() -> Result<String> {
    let path = "/sys/kernel/btf/vmlinux";
    ensure!(
        Path::new(path).exists(),
        "this kernel has no {path}: Linux 5.8 or newer with CONFIG_DEBUG_INFO_BTF is needed"
    );
    Ok("the kernel describes its types (BTF)".into())
}

fn tracefs() -> Result<String> {
    let places = [
        "/sys/kernel/tracing/events",
        "/sys/kernel/debug/tracing/events",
    ];
    ensure!(
        places.iter().any(|path| Path::new(path).is_dir()),
        "tracefs is not mounted: `mount -t tracefs none /sys/kernel/tracing`, as root"
    );
    Ok("tracefs is mounted".into())
}
