//! What both sides share: the record header, the kinds, the records, the
//! counters and the table of kernel structure offsets.
//!
//! Kernel programs write records, `sensor::decode` reads them; both compile
//! this crate, so writer and reader change in one diff. A record is a fixed
//! part that starts with [`Header`], followed by text sections whose lengths
//! stand in the fixed part. Records hold integers and byte arrays only and have
//! no implicit padding (the derives refuse it); their sizes are asserted.
//!
//! Each event family has a file of its own: the record, and beside it, compiled
//! for the bpf target only, the hook and the program that writes it. The host
//! library never contains a program.
//!
//! # Watching the programs work
//!
//! `RUST_LOG=sensor_ebpf=debug` makes the programs say through aya-log what
//! became of each attempt (the numbers are those of [`Kind`] and
//! [`counters::Counter`]), and the sensor print it. Otherwise the log level is a
//! constant off to the verifier, which then removes the log code.
#![no_std]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

pub mod counters;
pub mod offsets;

pub mod call;
pub mod connect;
pub mod connection;
pub mod exec;
pub mod exit;
pub mod fork;
pub mod mismatch;
pub mod open;
pub mod packet;
pub mod place;
pub mod signal;
pub mod uring;

#[cfg(target_arch = "bpf")]
mod dispatch;
#[cfg(target_arch = "bpf")]
mod kernel;
#[cfg(target_arch = "bpf")]
mod maps;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The version of the records' layout. To be raised whenever the bytes of a
/// record come to mean something else: recordings of another version are then
/// refused and not misread. A new kind changes nothing for the others.
pub const WIRE_VERSION: u16 = 2;

/// The event kinds. Numbers are part of the wire format: never used again,
/// never renumbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Kind {
    /// A new program image, or the failed attempt: [`exec::Record`].
    Exec = 1,
    /// A new process: [`fork::Record`].
    Fork = 2,
    /// The end of a process: [`exit::Record`].
    Exit = 3,
    /// open, openat, openat2 or creat returned: [`open::Record`].
    Open = 4,
    /// connect returned: [`connect::Record`].
    Connect = 5,
    /// Any other system call returned: [`call::Record`].
    Call = 6,
    /// One process sent another a signal: [`signal::Record`].
    Signal = 7,
    /// An operation given to `io_uring` was done: [`uring::Record`].
    Uring = 8,
    /// A message on the wire that names a host: [`packet::Record`].
    Packet = 9,
    /// A TCP connection ended: [`connection::Record`].
    Connection = 10,
    /// An argument was not what the kernel acted on: [`mismatch::Record`].
    Mismatch = 11,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Exec,
        Self::Fork,
        Self::Exit,
        Self::Open,
        Self::Connect,
        Self::Call,
        Self::Signal,
        Self::Uring,
        Self::Packet,
        Self::Connection,
        Self::Mismatch,
    ];

    /// The kind of that number.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u16 == number)
    }

    /// The name used in accounts and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Fork => "fork",
            Self::Exit => "exit",
            Self::Open => "open",
            Self::Connect => "connect",
            Self::Call => "call",
            Self::Signal => "signal",
            Self::Uring => "io_uring",
            Self::Packet => "packet",
            Self::Connection => "connection",
            Self::Mismatch => "mismatch",
        }
    }
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindSet(u64);

impl KindSet {
    /// No kind.
    pub const EMPTY: Self = Self(0);

    /// The kinds the process table is built from; a capture always has them.
    pub const PROCESS: Self = Self::EMPTY
        .with(Kind::Exec)
        .with(Kind::Fork)
        .with(Kind::Exit);

    /// Every kind there is.
    #[expect(clippy::indexing_slicing, reason = "evaluated while compiling")]
    pub const ALL: Self = {
        let (mut all, mut next) = (Self::EMPTY, 0);
        while next < Kind::ALL.len() {
            all = all.with(Kind::ALL[next]);
            next += 1;
        }
        all
    };

    /// The set with that kind in it.
    #[must_use]
    pub const fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u16)
    }

    /// Whether the kind is in the set.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 >> kind as u16 & 1 == 1
    }

    /// Kinds in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The start of every record: what it is, and who did it.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// When, nanoseconds on the boot clock.
    pub time_ns: u64,
    /// Length of the whole record in bytes, header and text included.
    pub len: u32,
    /// A [`Kind`] as its number.
    pub kind: u16,
    /// The CPU the record was written on.
    pub cpu: u16,
    /// Process id of the acting task, initial pid namespace.
    pub tgid: u32,
    /// Thread id of the acting task, initial pid namespace.
    pub tid: u32,
    /// Process id of its real parent.
    pub ppid: u32,
    /// Effective user id, initial user namespace.
    pub euid: u32,
    /// Effective group id, initial user namespace.
    pub egid: u32,
    /// How the kernel was entered: `ABI_*` of [`call`].
    pub abi: u8,
    /// On whose way it was asked for: `VIA_*`.
    pub via: u8,
    /// Length of the [`place::Status`] and its texts that end the record; 0
    /// while the process is as an earlier record told.
    pub status_len: u16,
    /// Start of the task's group leader, nanoseconds on the boot clock.
    pub start_boot_ns: u64,
    /// Id of the task's cgroup v2.
    pub cgroup_id: u64,
    /// The task's name, ended by NUL.
    pub comm: [u8; 16],
}

const _: () = assert!(size_of::<Header>() == 72);

/// `Header::via`: by a system call.
pub const VIA_CALL: u8 = 0;
/// `Header::via`: by an operation put into an `io_uring`.
pub const VIA_URING: u8 = 1;

/// The longest path, argument block or environment block a record carries.
pub const TEXT_MAX: usize = 4096;

/// The longest record: the size of the kernel's scratch it is built in.
pub const RECORD_MAX: usize = 32 * 1024;
