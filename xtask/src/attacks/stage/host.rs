//! The machine itself, with a private layer over all that a script may change.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::mounts::{self, Given, MEMORY};

/// Directories that get a private layer; links into another of them need none.
const LAYERED: [&str; 14] = [
    "/bin", "/boot", "/etc", "/home", "/lib", "/lib32", "/lib64", "/opt", "/root", "/run", "/sbin",
    "/srv", "/usr", "/var",
];

/// Makes the layers, a `/dev`, and a `/tmp` that is empty.
pub(super) fn set_up(given: &Given) -> Result<()> {
    mounts::devices(Path::new("/"))?;
    for directory in LAYERED.map(Path::new) {
        if fs::symlink_metadata(directory).is_ok_and(|it| it.is_dir()) {
            let name = directory.file_name().unwrap_or_default().to_string_lossy();
            mounts::layer(directory, directory, &name)?;
        }
    }
    given.hand_over(Path::new("/"))?;
    // The layers keep their memory, out of the script's sight.
    mounts::memory(Path::new(MEMORY), 0o1777)
}
