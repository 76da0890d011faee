//! Which compiler on this machine can build the kernel object, and what the others lack.
//!
//! In: the programs found on this machine. Out: [`candidates`], best first, each with
//! what it still lacks; and commands that run their programs undisturbed.
//!
//! The programs are built for `bpfel-unknown-none`, for which nobody ships a ready
//! `core`. So a candidate is a compiler together with its *own* library source, and
//! a `bpf-linker` whose LLVM is at least as new as the compiler's, because LLVM
//! reads bitcode of older releases only.
//!
//! Always holds: nothing here installs, writes or talks to a network. The file uses
//! `std` alone, because it is compiled twice: into `xtask`, which mends what is
//! missing, and by path into `sensor/build.rs`. A library crate for it would make
//! every build of the sensor wait for one more package, and a build dependency on
//! `xtask` would make it wait for all of xtask's.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian's `rustc-web` and `cargo-web` put their programs.
const SYSTEM_BIN: &str = "/usr/bin";

/// A compiler that could build the kernel object, and what it lacks to do so.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// Where it comes from.
    pub(crate) kind: Kind,
    /// The release of its LLVM, if the compiler is there at all.
    pub(crate) llvm: Option<u32>,
    /// What is missing, one sentence each; empty when it can build.
    pub(crate) missing: Vec<String>,
}

/// Where a candidate comes from, which decides how its programs are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `rustup run nightly …`
    Nightly,
    /// The distribution's own, told through `RUSTC_BOOTSTRAP` to accept `-Z build-std`.
    System,
}

/// Every compiler worth trying, best first.
pub(crate) fn candidates() -> Vec<Candidate> {
    let linker = linker();
    [Kind::Nightly, Kind::System]
        .map(|kind| kind.examine(linker.as_deref()))
        .into()
}

/// The path of `bpf-linker`: from `PATH`, or where `cargo install` puts programs.
pub(crate) fn linker() -> Option<PathBuf> {
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(cargo_home.map(|home| home.join("bin")))
        .map(|dir| dir.join("bpf-linker"))
        .find(|path| runs(Command::new(path).arg("--version")))
}

/// The file whose change makes a build that left a stub try again.
///
/// A stub build notes there what was missing; `cargo xtask setup` rewrites it once
/// that is mended. Watching the compilers themselves would mean to watch whole
/// directories of programs.
pub(crate) fn stub_note(target_dir: &Path) -> PathBuf {
    target_dir.join("ebpf").join("missing.txt")
}

impl Candidate {
    /// Whether nothing is missing.
    pub(crate) fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

impl Kind {
    /// A command for one of this toolchain's programs, free of what an outer cargo has set.
    pub(crate) fn program(self, name: &str) -> Command {
        let mut command = match self {
            Self::Nightly => {
                let mut command = Command::new("rustup");
                command.args(["run", "nightly", name]);
                command
            }
            Self::System => Command::new(Path::new(SYSTEM_BIN).join(name)),
        };
        for (key, _) in env::vars_os() {
            if is_of_outer_cargo(&key) {
                command.env_remove(key);
            }
        }
        if self == Self::System {
            let rest = env::var_os("PATH").unwrap_or_default();
            let path = [PathBuf::from(SYSTEM_BIN)]
                .into_iter()
                .chain(env::split_paths(&rest));
            command
                .env("RUSTC", Path::new(SYSTEM_BIN).join("rustc"))
                .env("RUSTC_BOOTSTRAP", "1")
                .env("PATH", env::join_paths(path).unwrap_or(rest.clone()));
        }
        command
    }

    /// What to call it in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nightly => "rustup's nightly",
            Self::System => "the distribution's Rust in /usr/bin",
        }
    }

    /// Looks at the compiler, its cargo, its library source and the linker's LLVM.
    fn examine(self, linker: Option<&Path>) -> Candidate {
        let mut candidate = Candidate {
            kind: self,
            llvm: None,
            missing: Vec::new(),
        };
        let missing = &mut candidate.missing;
        let Some(version) = output(self.program("rustc").arg("-vV")) else {
            missing.push("there is no such compiler".into());
            return candidate;
        };
        let wanted = env!("CARGO_PKG_RUST_VERSION");
        let release = field(&version, "release: ").unwrap_or_default();
        if numbers(release) < numbers(wanted) {
            missing.push(format!("it is Rust {release}, we need {wanted} or newer"));
        }
        candidate.llvm =
            field(&version, "LLVM version: ").and_then(|text| numbers(text).first().copied());
        if !runs(self.program("cargo").arg("-V")) {
            missing.push("it has no cargo".into());
        }
        let sysroot = output(self.program("rustc").args(["--print", "sysroot"]));
        let core = Path::new(sysroot.as_deref().unwrap_or_default().trim())
            .join("lib/rustlib/src/rust/library/core/src/lib.rs");
        if !core.is_file() {
            missing.push("it has no library source (rust-src)".into());
        }
        if linker.is_none() {
            missing.push("bpf-linker is not installed".into());
        }
        if let (Some(linker), Some(rustc)) = (linker.and_then(linker_llvm), candidate.llvm)
            && linker < rustc
        {
            missing.push(format!(
                "bpf-linker is built on LLVM {linker} and cannot read what LLVM {rustc} writes"
            ));
        }
        candidate
    }
}

/// Whether an environment variable tells of the cargo that runs us, and so would mislead ours.
///
/// What a person sets to reach a registry (`CARGO_HOME`, `CARGO_NET_*`, …) stays.
fn is_of_outer_cargo(key: &OsStr) -> bool {
    const STAYS: [&str; 5] = [
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTR",
        "CARGO_SOURCE_",
    ];
    let Some(key) = key.to_str() else {
        return false;
    };
    let of_cargo = key == "CARGO"
        || key.starts_with("CARGO_")
        || key.starts_with("RUSTC")
        || key.starts_with("RUSTDOC")
        || ["RUSTFLAGS", "RUSTUP_TOOLCHAIN"].contains(&key)
        || ["TARGET", "HOST", "OUT_DIR", "PROFILE", "OPT_LEVEL", "DEBUG"].contains(&key);
    of_cargo && !STAYS.iter().any(|prefix| key.starts_with(prefix))
}

/// The LLVM release a `bpf-linker` is built on, as far as its file shows it.
///
/// `--version` does not say. A linker that uses a shared LLVM names the library in
/// its file (`libLLVM.so.22.1`, on older systems `libLLVM-22`); for a static one the
/// answer is `None`, and it is trusted to be as new as its own release.
fn linker_llvm(path: &Path) -> Option<u32> {
    let program = fs::read(path).ok()?;
    ["libLLVM.so.", "libLLVM-"].iter().find_map(|name| {
        let at = program
            .windows(name.len())
            .position(|window| window == name.as_bytes())?;
        let rest = program.get(at + name.len()..)?;
        let digits = rest.split(|byte| !byte.is_ascii_digit()).next()?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    })
}

/// The rest of the first line that begins with `name`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))
}

/// The leading numbers of a version: 1, 97, 0 of `1.97.0-nightly`.
fn numbers(version: &str) -> Vec<u32> {
    version
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|part| part.parse().ok())
        .collect()
}

/// What a command prints, if it ends well.
fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(text)
}

/// Whether a command ends well.
fn runs(command: &mut Command) -> bool {
    output(command).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_their_numbers() {
        for (older, newer) in [
            ("1.9.0", "1.95"),
            ("1.95.0-nightly", "1.96.0"),
            ("", "1.95"),
            ("1.95", "1.95.1"),
        ] {
            assert!(numbers(older) < numbers(newer), "{older} {newer}");
        }
        assert_eq!(numbers("1.97.0-nightly"), [1, 97, 0]);
    }

    #[test]
    fn what_an_outer_cargo_sets_goes_and_what_a_person_sets_stays() {
        for (key, goes) in [
            ("CARGO", true),
            ("CARGO_ENCODED_RUSTFLAGS", true),
            ("CARGO_MAKEFLAGS", true),
            ("RUSTC_WORKSPACE_WRAPPER", true),
            ("RUSTFLAGS", true),
            ("RUSTUP_TOOLCHAIN", true),
            ("OUT_DIR", true),
            ("CARGO_HOME", false),
            ("CARGO_NET_OFFLINE", false),
            ("CARGO_REGISTRIES_OURS_INDEX", false),
            ("RUSTUP_HOME", false),
            ("PATH", false),
        ] {
            assert_eq!(is_of_outer_cargo(OsStr::new(key)), goes, "{key}");
        }
    }

    #[test]
    fn a_linker_shows_the_llvm_it_shares_and_a_static_one_shows_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bpf-linker");
        for (program, llvm) in [
            (&b"\x7fELF\0libLLVM.so.22.1\0libc.so.6"[..], Some(22)),
            (b"\x7fELF\0libLLVM-19.so.1\0", Some(19)),
            (b"\x7fELF\0libc.so.6\0", None),
            (b"libLLVM.so.", None),
        ] {
            fs::write(&path, program).unwrap();
            assert_eq!(linker_llvm(&path), llvm, "{}", program.escape_ascii());
        }
    }

    #[test]
    fn every_candidate_that_lacks_something_says_what() {
        for candidate in candidates() {
            assert!(candidate.is_complete() || !candidate.missing.concat().is_empty());
        }
        let without_linker = Kind::System.examine(None);
        assert!(!without_linker.is_complete());
    }
}
