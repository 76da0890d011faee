//! The parts of a record that describe a process: ids, where it lives, and what else
//! may change without a record of its own.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Cgroups and namespaces; the cgroup paths are two text sections of the record.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Place {
    /// Start of the pid namespace's init, nanoseconds on the boot clock.
    pub pidns_start_boot_ns: u64,
    /// Inode numbers of the mnt, pid, net, user, uts, ipc and cgroup namespaces.
    pub ns: [u32; 7],
    /// Length of the cgroup v2 path.
    pub cgroup_len: u16,
    /// Length of the cgroup v1 paths, those that differ, each ended by NUL.
    pub cgroup_v1_len: u16,
}

const _: () = assert!(size_of::<Place>() == 40);

/// Numeric identity of a process, as `sensor::decode::Ids` documents it.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Ids {
    /// uid, gid, suid, sgid, euid, egid, fsuid, fsgid: the kernel's own order.
    pub cred: [u32; 8],
    /// Process id in the innermost pid namespace.
    pub vpid: u32,
    /// Thread id in the innermost pid namespace.
    pub vtid: u32,
    /// Process group, initial pid namespace.
    pub pgid: u32,
    /// Session, initial pid namespace.
    pub sid: u32,
    /// Process group, innermost pid namespace.
    pub vpgid: u32,
    /// Session, innermost pid namespace.
    pub vsid: u32,
}

const _: () = assert!(size_of::<Ids>() == 56);

/// What a task may use and does use. It stands behind the texts of a record that
/// tells it; recordings of before it was told end with the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Usage {
    /// Descriptors it may have open (`RLIMIT_NOFILE`).
    pub descriptor_limit: u64,
    /// Page faults that had to read from a disk.
    pub major_faults: u64,
    /// Those that had not.
    pub minor_faults: u64,
    /// Its address space in KiB.
    pub vm_size_kib: u32,
    /// What of it is in memory, in KiB, as precise as the kernel's running counts.
    pub vm_rss_kib: u32,
    /// What of it is swapped out, in KiB.
    pub vm_swap_kib: u32,
    /// Always zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<Usage>() == 40);

/// What a process is besides its image and what the header tells, at the moment
/// of the record. It stands at the end of a record whenever it may be another than
/// the kernel last told of that process; its texts are before it: the working
/// directory, then the cgroup paths.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Status {
    /// Inheritable, permitted, effective, bounding and ambient capabilities.
    pub caps: [u64; 5],
    /// Where it lives.
    pub place: Place,
    /// Its ids.
    pub ids: Ids,
    /// Device number of the controlling terminal as in `/proc/PID/stat`.
    pub tty: u32,
    /// Audit user id.
    pub loginuid: u32,
    /// Length of the working directory.
    pub cwd_len: u16,
    /// Always zero.
    pub reserved: [u16; 3],
}

const _: () = assert!(size_of::<Status>() == 152);
