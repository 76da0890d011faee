//! Stock Debian kernels: which there are, and getting one into `target/vm`.
//!
//! In: a row of [`RELEASES`]. Out: a [`Kernel`], its files on disk.
//!
//! Always holds: apt works with a source list, an index and a cache of its own, so
//! the machine's package state is neither used nor changed; packages are verified by
//! apt against Debian's keys and only unpacked, never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::LOG;
use crate::progress::{self, doing};

/// A kernel release and where Debian has it.
pub(super) struct Release {
    /// Major and minor number.
    pub(super) version: &'static str,
    /// Address and suite, as they stand in a source list.
    source: &'static str,
    /// Tests of what this kernel does not have.
    pub(super) lacks: &'static [&'static str],
}

/// Every kernel that is tried, oldest first: the one closest to the oldest supported
/// (5.8) that is still built, those of the stable releases, and the newest.
pub(super) const RELEASES: [Release; 5] = [
    Release {
        version: "5.10",
        source: "http://security.debian.org/debian-security bullseye-security",
        // Before 5.18 a completion does not tell which request it is of.
        lacks: &["uring::"],
    },
    Release {
        version: "6.1",
        source: "http://deb.debian.org/debian bookworm",
        lacks: &[],
    },
    Release {
        version: "6.12",
        source: "http://deb.debian.org/debian trixie",
        lacks: &[],
    },
    Release {
        version: "6.18",
        source: "http://deb.debian.org/debian trixie-backports",
        lacks: &[],
    },
    Release {
        version: "7.2",
        source: "http://deb.debian.org/debian trixie-backports",
        lacks: &[],
    },
];

/// Debian's keys, of its `debian-archive-keyring` package.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A kernel on disk: `vmlinuz`, `overlay.ko` and `package` in one directory.
pub(super) struct Kernel {
    /// The directory.
    pub(super) dir: PathBuf,
}

impl Kernel {
    pub(super) fn image(&self) -> PathBuf {
        self.dir.join("vmlinuz")
    }

    /// The one module a test needs that Debian does not build in.
    pub(super) fn overlay(&self) -> PathBuf {
        self.dir.join("overlay.ko")
    }

    /// The exact release, as in the package's name.
    pub(super) fn package(&self) -> Result<String> {
        fs::read_to_string(self.dir.join("package")).context("the kernel was not unpacked")
    }
}

impl Release {
    /// The kernel, downloaded unless it is there already.
    pub(super) fn get(&self) -> Result<Kernel> {
        let dir = progress::target_dir().join("vm").join(self.version);
        let kernel = Kernel { dir };
        // Written last, so it stands for the others.
        if kernel.dir.join("package").is_file() {
            return Ok(kernel);
        }
        doing(&format!("{}: downloading the kernel", self.version));
        fs::create_dir_all(&kernel.dir)?;
        let scratch = tempfile::tempdir_in(&kernel.dir)?;
        let apt = Apt::new(scratch.path(), self.source)?;
        let name = self.newest(&apt)?;
        let packages = apt.names(&name)?;
        // From 6.19 on the image and the modules are packages of their own, and
        // the one called image only asks for both.
        let split = packages.iter().any(|it| it.starts_with("linux-binary-"));
        for package in packages {
            if split && package.starts_with("linux-image-") {
                continue;
            }
            apt.unpack(&package)?;
        }
        let module = find(scratch.path(), "overlay.ko").context("no module overlay.ko")?;
        let image = find(scratch.path(), "vmlinuz").context("no file vmlinuz")?;
        fs::copy(image, kernel.image())?;
        copy_module(&module, &kernel.overlay())?;
        fs::write(kernel.dir.join("package"), name)?;
        Ok(kernel)
    }

    /// The newest build's name, without what stands before the version.
    fn newest(&self, apt: &Apt<'_>) -> Result<String> {
        let names = apt.names(&format!("{}.", self.version))?;
        names
            .iter()
            .filter_map(|name| name.splitn(3, '-').nth(2))
            .max_by_key(|name| numbers(name))
            .map(str::to_owned)
            .with_context(|| format!("no cloud kernel {} at {}", self.version, self.source))
    }
}

/// apt with files of its own.
struct Apt<'d> {
    dir: &'d Path,
}

impl<'d> Apt<'d> {
    /// Fetches the index of one suite.
    fn new(dir: &'d Path, source: &str) -> Result<Self> {
        ensure!(
            Path::new(KEYRING).is_file(),
            "{KEYRING} is missing: it is in the package debian-archive-keyring"
        );
        for sub in ["lists/partial", "cache/archives/partial", "packages"] {
            fs::create_dir_all(dir.join(sub))?;
        }
        let line = format!("deb [arch=amd64 signed-by={KEYRING}] {source} main\n");
        fs::write(dir.join("sources.list"), line)?;
        let apt = Self { dir };
        progress::logged(apt.command("apt-get").arg("update"), LOG)?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let at = |name: &str| self.dir.join(name).display().to_string();
        for (option, value) in [
            ("Dir::Etc::sourcelist", at("sources.list")),
            ("Dir::Etc::sourceparts", "/dev/null".into()),
            ("Dir::State::lists", at("lists")),
            ("Dir::Cache", at("cache")),
            ("Acquire::Languages", "none".into()),
            // apt's own user may not enter a person's directories.
            ("APT::Sandbox::User", "root".into()),
        ] {
            command.arg("-o").arg(format!("{option}={value}"));
        }
        command.current_dir(self.dir.join("packages"));
        command
    }

    /// Signed packages of kernel files for clouds whose version begins so.
    fn names(&self, version: &str) -> Result<Vec<String>> {
        let version = version.replace('.', r"\.").replace('+', r"\+");
        let version = version.strip_suffix("-cloud-amd64").unwrap_or(&version);
        let pattern = format!("^linux-(image|binary|modules)-{version}.*-cloud-amd64$");
        let mut command = self.command("apt-cache");
        command.args(["search", "--names-only", &pattern]);
        let found = progress::output(&mut command).context("apt-cache search failed")?;
        let names = found.lines().filter_map(|line| line.split(' ').next());
        Ok(names.map(str::to_owned).collect())
    }

    fn unpack(&self, package: &str) -> Result<()> {
        progress::logged(self.command("apt-get").args(["download", package]), LOG)?;
        let packages = self.dir.join("packages");
        let archive = find(&packages, &format!("{package}_")).context("nothing was downloaded")?;
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("-x").arg(&archive).arg(self.dir.join(package));
        progress::logged(&mut unpack, LOG)
    }
}

/// The first file below `dir` whose name begins with `prefix`.
fn find(dir: &Path, prefix: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(dir).ok()?.flatten();
    let (dirs, files): (Vec<_>, Vec<_>) = entries
        .filter(|entry| !entry.path().is_symlink())
        .map(|entry| entry.path())
        .partition(|path| path.is_dir());
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with(prefix)
    };
    files
        .into_iter()
        .find(fits)
        .or_else(|| dirs.iter().find_map(|dir| find(dir, prefix)))
}

/// Copies a module, and takes it out of the compression newer packages have.
fn copy_module(from: &Path, to: &Path) -> Result<()> {
    if from.extension().is_some_and(|it| it == "xz") {
        let mut unxz = Command::new("busybox");
        let bytes = unxz.arg("unxz").arg("-c").arg(from).output()?;
        ensure!(
            bytes.status.success(),
            "cannot decompress {}",
            from.display()
        );
        fs::write(to, bytes.stdout)?;
    } else {
        fs::copy(from, to)?;
    }
    Ok(())
}

/// The numbers in a version, which order versions as people do.
fn numbers(version: &str) -> Vec<u32> {
    version
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_several_builds_is_told_by_its_numbers() {
        for (older, newer) in [
            ("5.10.0-9-cloud-amd64", "5.10.0-46-cloud-amd64"),
            ("6.1.0-0.deb11.52-cloud-amd64", "6.1.0-50-cloud-amd64"),
            ("7.2.9+deb13-cloud-amd64", "7.2.12+deb13-cloud-amd64"),
        ] {
            assert!(numbers(older) < numbers(newer), "{older} {newer}");
        }
    }

    #[test]
    fn a_file_is_found_by_the_beginning_of_its_name_at_any_depth() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("usr/lib/modules");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("overlay.ko.xz"), "").unwrap();
        assert_eq!(
            find(dir.path(), "overlay.ko"),
            Some(deep.join("overlay.ko.xz"))
        );
        assert_eq!(find(dir.path(), "vmlinuz"), None);
    }
}
