//! call: any system call that has no record of its own returned.
//!
//! The kernel knows no call by name. What to read for a call is its [`Plan`]: a
//! few [steps](step), which the loader puts into a map under the call's number;
//! one program follows them. Which steps a call has comes from the event table
//! of the sensor, so another call is a row there and nothing here.
//!
//! Behind the fixed part stand [`Section`]s, each its head and its bytes, in the
//! order of the steps that wrote them.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Header;

/// `Record::abi`: a 64-bit call.
pub const ABI_64: u8 = 0;
/// `Record::abi`: a call through a 32-bit entry; number and arguments are already
/// those of the 64-bit call of the same name.
pub const ABI_32: u8 = 1;
/// `Record::abi`: a call of the x32 interface.
pub const ABI_X32: u8 = 2;

/// Numbers of the 64-bit table are below this.
pub const CALLS: usize = 512;

/// Arguments of a call.
pub const ARGUMENTS: usize = 6;

/// A set of calls, by their numbers in the 64-bit table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallSet([u64; CALLS / 64]);

impl CallSet {
    /// No call.
    pub const EMPTY: Self = Self([0; CALLS / 64]);

    /// Adds a call; a number beyond [`CALLS`] is none.
    pub fn insert(&mut self, number: u16) {
        if let Some(word) = self.0.get_mut(usize::from(number) / 64) {
            *word |= 1 << (number % 64);
        }
    }

    /// Whether the call is in the set.
    pub fn contains(&self, number: u16) -> bool {
        let word = self.0.get(usize::from(number) / 64);
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Calls in either set.
    #[must_use]
    pub fn union(mut self, other: Self) -> Self {
        let pairs = self.0.iter_mut().zip(other.0);
        pairs.for_each(|(word, other)| *word |= other);
        self
    }

    /// The numbers in the set, in order.
    pub fn iter(self) -> impl Iterator<Item = u16> {
        (0_u16..)
            .take(CALLS)
            .filter(move |number| self.contains(*number))
    }
}

/// A system call that returned.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Record {
    /// Who did it.
    pub header: Header,
    /// What it returned: not negative, or a negated errno.
    pub result: i64,
    /// The arguments as given; those of 32-bit calls zero-extended.
    pub args: [u64; ARGUMENTS],
    /// The call's number in the 64-bit table.
    pub number: u16,
    /// `ABI_*`.
    pub abi: u8,
    /// How many sections follow.
    pub sections: u8,
    /// Always zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<Record>() == 136);

/// The head of a section; its bytes follow at once.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Section {
    /// `SECTION_*`.
    pub what: u8,
    /// The argument it belongs to, or [`RESULT`].
    pub arg: u8,
    /// Bytes that follow.
    pub len: u16,
    /// How many there were to read; more than `len` when cut, 0 when not known.
    pub full: u32,
}

const _: () = assert!(size_of::<Section>() == 8);

/// A NUL-ended text of the caller's, without the NUL.
pub const SECTION_TEXT: u8 = 1;
/// The directory a relative path in the same argument starts from; for an empty
/// path, what the directory descriptor is. As the kernel resolved it.
pub const SECTION_BASE: u8 = 2;
/// Bytes of the caller's memory.
pub const SECTION_BYTES: u8 = 3;
/// A socket address, as the caller's memory has it: family first.
pub const SECTION_ADDRESS: u8 = 4;
/// A [`Descriptor`], and behind it a path of the kernel.
pub const SECTION_DESCRIPTOR: u8 = 5;
/// A [`Peer`]: who is at the other end of the unix socket in that argument.
pub const SECTION_PEER: u8 = 6;
/// A [`crate::place::Usage`].
pub const SECTION_USAGE: u8 = 7;

/// Added to the argument of a section of bytes: the ancillary data of the message
/// in that argument.
pub const CONTROL: u8 = 0x40;

/// Stands for an argument where the call's result is meant.
pub const RESULT: u8 = 0xfe;
/// Stands for an argument where it is a message of several the call filled in, whose
/// length stands behind it.
pub const FILLED: u8 = 0xfd;
/// Stands for a directory descriptor where the working directory is meant.
pub const CWD: u8 = 0xff;

/// What a descriptor of the caller is once the call has returned.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Descriptor {
    /// Inode number.
    pub ino: u64,
    /// Kernel address of a unix socket.
    pub source: u64,
    /// Kernel address of the unix socket at the other end; 0 without one.
    pub peer: u64,
    /// Local address of a socket, IPv4 mapped into IPv6; of a netlink socket its port id
    /// and its first 32 groups, of a vsock its context id and port, 32 bits each.
    pub local: [u8; 16],
    /// Remote address of a socket, likewise; of a netlink socket the port id and the
    /// group it sends to.
    pub remote: [u8; 16],
    /// The descriptor's number.
    pub number: i32,
    /// Device of its file system, major << 20 | minor.
    pub dev: u32,
    /// `file.f_flags`: the `O_*` it is open with.
    pub flags: u32,
    /// Magic number of its file system, the lower 32 bits.
    pub magic: u32,
    /// A listening socket: connections that wait to be accepted, and how many may.
    pub backlog: u32,
    /// See `backlog`.
    pub backlog_max: u32,
    /// Type and permission bits; 0 when the descriptor is not open.
    pub mode: u16,
    /// `AF_*` of a socket, else 0.
    pub family: u16,
    /// `SOCK_*` of a socket.
    pub socket_type: u16,
    /// IP protocol number of a socket.
    pub protocol: u16,
    /// Local port; 0 while there is none.
    pub local_port: u16,
    /// Remote port; 0 while there is none.
    pub remote_port: u16,
    /// `skc_state`: of TCP sockets the TCP state (10 listens).
    pub state: u8,
    /// `UPPER_LAYER | LOWER_LAYER | CREATED` of [`crate::open`].
    pub file_flags: u8,
    /// Length of the path behind it: of a file its path as the kernel resolved it,
    /// of an anonymous inode its name (`anon_inode:[eventfd]` shows as
    /// `[eventfd]`), of a unix socket the name it is bound to (`@` for NUL).
    pub path_len: u16,
}

const _: () = assert!(size_of::<Descriptor>() == 96);

/// The process at the other end of a unix socket, as the kernel noted it: of a socket
/// that connected, who had the other listen; of one that was accepted, who connected;
/// of a pair, who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Peer {
    /// Its process id, initial pid namespace.
    pub pid: u32,
    /// Its effective user id then, initial user namespace.
    pub uid: u32,
    /// Its effective group id then, initial user namespace.
    pub gid: u32,
    /// Always zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<Peer>() == 16);

/// A descriptor that was waited for.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Polled {
    /// The descriptor's number.
    pub number: i32,
    /// What was waited for, `POLL*`.
    pub events: u16,
    /// What of it was there when the call returned.
    pub returned: u16,
    /// Type and permission bits; 0 when the descriptor is not open.
    pub mode: u16,
    /// `AF_*` of a socket, else 0.
    pub family: u16,
    /// Magic number of its file system, the lower 32 bits.
    pub magic: u32,
}

const _: () = assert!(size_of::<Polled>() == 16);

/// Descriptors of one call that are told.
pub const POLLED: usize = 16;

/// What to read for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Plan {
    /// `TARGET_*`: which program makes the record. 0: nobody wants this call.
    pub target: u32,
    /// What to read, one after the other, ended by a 0; see [`step`].
    pub steps: [u32; STEPS],
}

/// Steps of a plan.
pub const STEPS: usize = 7;

/// Nobody wants the call.
pub const TARGET_NONE: u32 = 0;
/// The program of this file.
pub const TARGET_CALL: u32 = 1;
/// The program of [`crate::open`].
pub const TARGET_OPEN: u32 = 2;
/// The program of [`crate::connect`].
pub const TARGET_CONNECT: u32 = 3;
/// The program of [`crate::exec`]; successful calls are told by the scheduler's
/// tracepoint.
pub const TARGET_EXEC: u32 = 4;

/// How the arguments of a 32-bit call differ from those of the 64-bit call it
/// stands for: bits beside the call's number.
pub mod shape {
    /// Bit `PAIRS_FROM + n`: argument `n` is the lower half, the next the upper.
    pub const PAIRS_FROM: u32 = 16;
    /// Which of the following it is.
    pub const KIND: u32 = 0x0f00_0000;
    /// The number is in the first argument, the arguments are in an array of 32-bit
    /// numbers the second points to.
    pub const SOCKETCALL: u32 = 0x0100_0000;
    /// The arguments are in an array of 32-bit numbers the first points to.
    pub const IN_MEMORY: u32 = 0x0200_0000;
    /// The sixth argument counts pages of 4096 bytes.
    pub const PAGES: u32 = 0x0300_0000;
    /// User and group ids, from the first argument on, have 16 bits.
    pub const IDS_0: u32 = 0x0400_0000;
    /// The same, from the second argument on.
    pub const IDS_1: u32 = 0x0500_0000;
    /// There is one argument only.
    pub const ONE: u32 = 0x0600_0000;
}

/// The steps: one number each, `what | arg << 8 | with << 16`.
pub mod step {
    /// Text and, when it is relative, base: of a path in an argument, under the
    /// directory descriptor in argument `with`, or [`super::CWD`].
    pub const PATH: u8 = 1;
    /// Text in an argument.
    pub const TEXT: u8 = 2;
    /// Bytes in an argument; how many is in argument `with`, or [`super::RESULT`].
    /// Cut at the snap length.
    pub const BYTES: u8 = 3;
    /// `with` bytes in an argument.
    pub const FIXED: u8 = 4;
    /// A socket address in an argument; its length is in argument `with`.
    pub const ADDRESS: u8 = 5;
    /// The same, but argument `with` points to the length; nothing when the call
    /// failed.
    pub const ADDRESS_OUT: u8 = 6;
    /// What the descriptor in an argument, or [`super::RESULT`], is.
    pub const DESCRIPTOR: u8 = 7;
    /// A `struct msghdr` in an argument: its address as an address section, then
    /// the beginning of its data as bytes (`full` is the sum of the vector's
    /// lengths). When the call filled it in, the result cuts the data if `with` is
    /// [`super::RESULT`], and the length behind it if `with` is [`super::FILLED`];
    /// then its ancillary data follows, as bytes of this argument and
    /// [`super::CONTROL`].
    pub const MESSAGE: u8 = 8;
    /// A `struct iovec` array in an argument, its length in argument `with`: the
    /// beginning of its data as bytes.
    pub const VECTOR: u8 = 9;
    /// The same, but no more than the call returned: the call filled it in.
    pub const VECTOR_OUT: u8 = 10;
    /// What the descriptor is whose number an argument points to; its section
    /// is of that argument. Nothing when the call failed.
    pub const DESCRIPTOR_AT: u8 = 11;

    /// What the task uses.
    pub const USAGE: u8 = 12;
    /// Bytes in an argument, as many as the number says that argument `with` points
    /// to; nothing when the call failed.
    pub const BYTES_OUT: u8 = 13;
    /// An array of `struct pollfd` in an argument, its length in argument `with`: a
    /// [`super::Polled`] each, as bytes.
    pub const POLL: u8 = 14;

    /// A step as the plan holds it.
    pub const fn new(what: u8, arg: u8, with: u8) -> u32 {
        what as u32 | (arg as u32) << 8 | (with as u32) << 16
    }
}

#[cfg(target_arch = "bpf")]
mod closing;
#[cfg(target_arch = "bpf")]
mod program;
#[cfg(target_arch = "bpf")]
mod steps;
