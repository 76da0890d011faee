//! Builds the kernel object into `$OUT_DIR/sensor-ebpf`, or leaves an empty file there;
//! lists the shipped rule files in `$OUT_DIR/shipped_rules.rs`, so that the program
//! carries them.
//!
//! The empty file, the stub, is what a machine without a toolchain for the kernel
//! side gets: the sensor, its tests, clippy and rustdoc build all the same, and
//! `sensor run` says what to do. Once a toolchain is complete, an object that does
//! not compile fails the build.
//!
//! `SENSOR_EBPF=skip` always leaves the stub; `SENSOR_EBPF=require` fails instead of
//! leaving it. `aya-build` is not used: it runs rustup toolchains only, and on some
//! machines the one complete compiler is the distribution's.

#[path = "../xtask/src/toolchain.rs"]
mod toolchain;

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result, bail, ensure};
use toolchain::{Candidate, Kind};

/// The package of the kernel side, its binary, and the file we leave.
const OBJECT: &str = "sensor-ebpf";

/// The target of the kernel object. Little-endian, like every machine the sensor runs on.
const TARGET: &str = "bpfel-unknown-none";

fn main() -> Result<()> {
    let root = variable("CARGO_MANIFEST_DIR")?.join("..");
    let out_dir = variable("OUT_DIR")?;
    let target_dir = target_dir(&out_dir);
    println!("cargo::rerun-if-env-changed=SENSOR_EBPF");
    list_rules(&root.join("rules"), &out_dir.join("shipped_rules.rs"))?;

    let switch = env::var("SENSOR_EBPF").unwrap_or_default();
    let object = out_dir.join(OBJECT);
    if switch == "skip" {
        return fs::write(object, []).context("cannot write the stub");
    }
    for input in [OBJECT, "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    let candidates = toolchain::candidates();
    match candidates.iter().find(|it| it.is_complete()) {
        Some(complete) => build(complete.kind, &root, &target_dir.join("ebpf"), &object),
        None if switch == "require" => bail!(
            "SENSOR_EBPF=require, but the kernel object cannot be built:\n{}",
            describe(&candidates)
        ),
        None => leave_stub(&candidates, &target_dir, &object),
    }
}

/// Writes the names and texts of the rule files as a Rust array, in load order.
fn list_rules(directory: &Path, list: &Path) -> Result<()> {
    println!("cargo::rerun-if-changed={}", directory.display());
    let entries = fs::read_dir(directory).context("cannot list the shipped rules")?;
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    // Tests stand beside the rules, and are none.
    files.retain(|path| {
        let name = path.to_string_lossy();
        name.ends_with(".yaml") && !name.ends_with(".test.yaml")
    });
    files.sort();
    let mut text = String::from("[\n");
    for path in files {
        let path = path.canonicalize()?;
        let name = path
            .file_name()
            .and_then(OsStr::to_str)
            .context("a rule file's name is no text")?;
        let path = path.to_str().context("a rule file's path is no text")?;
        let shown = format!("rules/{name}");
        writeln!(text, "    ({shown:?}, include_bytes!({path:?}) as &[u8]),")?;
    }
    text += "]\n";
    fs::write(list, text).with_context(|| format!("cannot write {}", list.display()))
}

/// Runs the inner cargo and takes over what it built.
fn build(kind: Kind, root: &Path, target_dir: &Path, object: &Path) -> Result<()> {
    let output = inner_cargo(kind, root, target_dir)?
        .output()
        .with_context(|| format!("cannot start {}", kind.name()))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "the kernel object does not build with {}:\n{errors}",
        kind.name()
    );
    let built = target_dir.join(TARGET).join("release").join(OBJECT);
    fs::copy(&built, object)
        .with_context(|| format!("cannot copy {} to {}", built.display(), object.display()))?;
    Ok(())
}

/// The command that builds the object below `target_dir`.
///
/// Only the one package is named, so the others need not build for the kernel's target.
fn inner_cargo(kind: Kind, root: &Path, target_dir: &Path) -> Result<Command> {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").context("cargo names no architecture")?;
    let mut linker = OsString::from("-Clinker=");
    linker.push(toolchain::linker().context("bpf-linker is gone")?);
    let flags = [
        // aya-ebpf chooses the layout of a system call's registers by this.
        format!("--cfg=bpf_target_arch=\"{arch}\"").into(),
        linker,
        // The loader relocates by BTF, which the linker derives from full debug info.
        "-Clink-arg=--btf".into(),
        "-Cdebuginfo=2".into(),
        "-Cpanic=abort".into(),
    ];
    let mut command = kind.program("cargo");
    command
        .current_dir(root)
        .args(["build", "--locked", "--release", "--target", TARGET])
        .args(["--package", OBJECT, "--bin", OBJECT, "-Zbuild-std=core"])
        .arg("--target-dir")
        .arg(target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join(OsStr::new("\u{1f}")))
        // bpf-linker is the one that optimises across crates; these two keep rustc
        // from cutting the programs up before it sees them.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
    Ok(command)
}

/// Writes the stub, and the note that [`toolchain::stub_note`] describes.
fn leave_stub(candidates: &[Candidate], target_dir: &Path, object: &Path) -> Result<()> {
    println!(
        "cargo::warning=built without the kernel programs, so `sensor run` cannot start; \
         `cargo xtask setup` installs what is missing"
    );
    let note = toolchain::stub_note(target_dir);
    let text = describe(candidates);
    // Cargo runs this script again whenever the note is newer than the script's last
    // run, so an unchanged note must stay untouched.
    if !fs::read_to_string(&note).is_ok_and(|old| old == text) {
        let parent = note.parent().context("the note has no directory")?;
        fs::create_dir_all(parent)?;
        fs::write(&note, text).with_context(|| format!("cannot write {}", note.display()))?;
    }
    println!("cargo::rerun-if-changed={}", note.display());
    fs::write(object, []).context("cannot write the stub")
}

/// One line per candidate: what it lacks.
fn describe(candidates: &[Candidate]) -> String {
    let line = |it: &Candidate| format!("{}: {}", it.kind.name(), it.missing.join("; "));
    candidates.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The directory all builds share, so that debug, release and clippy build the object once.
///
/// Cargo does not tell a build script where it is, but marks it with this file.
fn target_dir(out_dir: &Path) -> PathBuf {
    out_dir
        .ancestors()
        .find(|dir| dir.join("CACHEDIR.TAG").is_file())
        .unwrap_or(out_dir)
        .to_owned()
}

/// A path that cargo hands to build scripts.
fn variable(name: &str) -> Result<PathBuf> {
    let value = env::var_os(name).with_context(|| format!("cargo did not set {name}"))?;
    Ok(value.into())
}
