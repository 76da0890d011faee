//! What both places are made of: a memory of their own, private layers over
//! directories, and a `/dev` in which nothing is the machine's.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::mount::{MountFlags, mount, mount_bind, mount_bind_recursive};

use super::{DRIVER, Order, SCRIPT, TOOLS, WORK, below_root};

/// Where the layers' memory is mounted while they are made.
pub(super) const MEMORY: &str = "/tmp";

/// What a script is given: below [`MEMORY`], ready to be bound where it belongs.
pub(super) struct Given {
    tools: PathBuf,
    script: PathBuf,
}

/// Character devices that any program may expect: name, major, minor.
const DEVICES: [(&str, u32, u32); 9] = [
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("kmsg", 1, 11),
    ("tty", 5, 0),
    ("ptmx", 5, 2),
    ("fuse", 10, 229),
];

/// Mounts the memory, and puts into it what the script is given. It comes first: a
/// layer over `/home` may hide the directory that the order names.
pub(super) fn prepare(order: &Order) -> Result<Given> {
    let script = fs::read(&order.script)?;
    let tools = fs::File::open(&order.tools).context("the tools are not there")?;
    memory(Path::new(MEMORY), 0o1777)?;
    let memory = Path::new(MEMORY);
    let given = Given {
        tools: memory.join("tools"),
        script: memory.join("script"),
    };
    fs::create_dir(&given.tools)?;
    fs::create_dir(&given.script)?;
    fs::write(given.script.join("script.sh"), script)?;
    fs::write(given.script.join("run"), DRIVER)?;
    // By descriptor, because the memory may just have hidden the path.
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&tools);
    mount_bind(format!("/proc/self/fd/{descriptor}"), &given.tools)?;
    Ok(given)
}

impl Given {
    /// Binds it below a root, and makes the script's own directory there.
    pub(super) fn hand_over(&self, root: &Path) -> Result<()> {
        for (from, to) in [(&self.tools, TOOLS), (&self.script, SCRIPT)] {
            let to = below_root(root, to);
            fs::create_dir_all(&to)?;
            mount_bind(from, &to).with_context(|| format!("cannot bind {}", to.display()))?;
        }
        fs::create_dir_all(below_root(root, WORK))?;
        Ok(())
    }
}

/// A file system in memory.
pub(super) fn memory(place: &Path, mode: u32) -> Result<()> {
    let options = std::ffi::CString::new(format!("mode={mode:o}"))?;
    mount("tmpfs", place, "tmpfs", MountFlags::empty(), &*options)
        .with_context(|| format!("cannot mount a tmpfs on {}", place.display()))
}

/// A writable layer in memory over `lower`, seen at `place`; `name` tells it from others.
pub(super) fn layer(lower: &Path, place: &Path, name: &str) -> Result<()> {
    let memory = Path::new(MEMORY).join(name);
    let (upper, work) = (memory.join("upper"), memory.join("work"));
    fs::create_dir_all(&upper)?;
    fs::create_dir_all(&work)?;
    fs::set_permissions(&upper, fs::metadata(lower)?.permissions())?;
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.display(),
        upper.display(),
        work.display()
    );
    let options = std::ffi::CString::new(options)?;
    mount("overlay", place, "overlay", MountFlags::empty(), &*options)
        .with_context(|| format!("cannot mount a private layer over {}", place.display()))
}

/// A `/dev` below a root: the devices any program may expect, terminals, shared memory.
pub(super) fn devices(root: &Path) -> Result<()> {
    let dev = Path::new(MEMORY).join("dev");
    fs::create_dir(&dev)?;
    memory(&dev, 0o755)?;
    for (name, major, minor) in DEVICES {
        let path = dev.join(name);
        let mode = Mode::from_raw_mode(0o666);
        mknodat(
            CWD,
            &path,
            FileType::CharacterDevice,
            mode,
            makedev(major, minor),
        )
        .with_context(|| format!("cannot make the device {name}"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;
    }
    for (link, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, dev.join(link))?;
    }
    let (terminals, shared) = (dev.join("pts"), dev.join("shm"));
    fs::create_dir(&terminals)?;
    fs::create_dir(&shared)?;
    let options = c"newinstance,ptmxmode=0666,mode=0620";
    mount("devpts", &terminals, "devpts", MountFlags::empty(), options)
        .context("cannot mount terminals of its own")?;
    memory(&shared, 0o1777)?;
    mount_bind_recursive(&dev, below_root(root, "dev")).context("cannot bind /dev")
}
