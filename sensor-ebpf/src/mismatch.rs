//! mismatch: what an argument pointed to was not what the kernel acted on.
//!
//! A program can change a path or an address while a call reads it, so that who
//! watches sees another one. So both are looked at twice: when the call is entered,
//! and when it has returned; and where the kernel still has what it took (the name
//! an exec was given, the far end of a socket), that is compared, too.
//!
//! Told are mismatches; arguments that stayed what they were are no events and not
//! counted. Text that is not in memory when the call is entered is not compared:
//! the kernel fetches it meanwhile. 32-bit calls have no tracepoint of their own and
//! are not looked at.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Header;

/// An argument that was two things.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Record {
    /// Who did it.
    pub header: Header,
    /// What the call returned.
    pub result: i64,
    /// The call's number in the 64-bit table.
    pub number: u16,
    /// The argument, counted from 0.
    pub arg: u8,
    /// `DIFFERS_*`.
    pub differs: u8,
    /// Length of the first text: what the caller's memory held at entry.
    pub entry_len: u16,
    /// Length of the second text: what it held when the call had returned; 0 after
    /// an exec, which leaves nothing of it.
    pub exit_len: u16,
    /// Length of the third text: what the kernel has; 0 when it kept nothing.
    pub kernel_len: u16,
    /// Always zero.
    pub reserved: [u16; 3],
}

const _: () = assert!(size_of::<Record>() == 96);

/// `Record::differs`: the caller's memory changed while the call was under way.
pub const DIFFERS_MEMORY: u8 = 1;
/// `Record::differs`: the kernel acted on something else.
pub const DIFFERS_KERNEL: u8 = 2;

/// Number of connect, the one whose argument is a socket address.
pub const CONNECT: u16 = 42;

/// The arguments of a call that are looked at, bit n for argument n: paths, and of
/// [`CONNECT`] the address. All are among the first four.
pub const fn arguments(number: u16) -> u8 {
    match number {
        // open, execve, truncate, rmdir, creat, unlink, chmod, chown, lchown
        2 | 59 | 76 | 84 | 85 | 87 | 90 | 92 | 94 => 0b0001,
        // connect, mount, openat, fchownat, unlinkat, fchmodat, execveat, openat2,
        // fchmodat2
        CONNECT | 165 | 257 | 260 | 263 | 268 | 322 | 437 | 452 => 0b0010,
        // rename, link, symlink
        82 | 86 | 88 => 0b0011,
        // symlinkat
        266 => 0b0101,
        // renameat, linkat, renameat2
        264 | 265 | 316 => 0b1010,
        _ => 0,
    }
}

#[cfg(target_arch = "bpf")]
mod program;
