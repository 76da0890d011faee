//! A container as an engine makes one, with the machine's own files as its image.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind_recursive, unmount};
use rustix::process::pivot_root;

use super::mounts::{self, Given, MEMORY};

/// Makes the root and goes there for good. This process is the first of its pid namespace.
pub(super) fn set_up(given: &Given) -> Result<()> {
    let root = Path::new(MEMORY).join("root");
    fs::create_dir(&root)?;
    mounts::layer(Path::new("/"), &root, "image")?;
    mounts::devices(&root)?;
    for (name, mode) in [("tmp", 0o1777), ("run", 0o755)] {
        mounts::memory(&root.join(name), mode)?;
    }
    let none = MountFlags::empty();
    mount("proc", root.join("proc"), "proc", none, None).context("cannot mount /proc")?;
    mount_bind_recursive("/sys", root.join("sys")).context("cannot bind /sys")?;
    // As Docker marks its containers.
    fs::write(root.join(".dockerenv"), "")?;
    given.hand_over(&root)?;
    std::env::set_current_dir(&root)?;
    // The old root comes to lie over the new one, and is taken away.
    pivot_root(".", ".").context("cannot change the root")?;
    unmount(".", UnmountFlags::DETACH).context("cannot leave the old root")?;
    std::env::set_current_dir("/")?;
    Ok(())
}
