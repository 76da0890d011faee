//! One sensor at a time: files that are held while it lives, however it ends.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// Takes an output's directory.
///
/// # Errors
/// When another sensor has it, or its file cannot be made.
pub(super) fn take(directory: &Path) -> io::Result<File> {
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(directory.join("lock"))?;
    lock_file(&lock)?;
    Ok(lock)
}

/// Takes a file for this sensor alone, for as long as it is open.
///
/// # Errors
/// When another sensor has it, or files cannot be locked there.
pub(crate) fn lock_file(file: &File) -> io::Result<()> {
    flock(file, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
        if error == rustix::io::Errno::WOULDBLOCK {
            io::Error::new(io::ErrorKind::ResourceBusy, "another sensor uses it")
        } else {
            error.into()
        }
    })
}
