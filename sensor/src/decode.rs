//! Record bytes in, [`Event`] out.
//!
//! Decoding is total: any bytes give an event or an error, without a panic,
//! without `unsafe` and without allocation. Text borrows from the record and
//! is bytes: file names and command lines are hostile until shown to be
//! otherwise.

mod call;
mod connect;
mod connection;
mod dns;
mod exec;
mod exit;
mod fork;
mod mismatch;
mod open;
mod packet;
mod record;
mod signal;
mod texts;
mod tls;
mod uring;

use std::net::IpAddr;

use sensor_ebpf::Kind;

pub use call::{Abi, Call, Read, number as call_number};
pub use connect::numbers as end_numbers;
pub use connection::ConnectionEnd;
pub use dns::{Address, Message, Name, TYPE_A, TYPE_AAAA};
pub use mismatch::{Differs, Mismatch, Pointed};
pub use packet::{Dns, Ends, TlsHello};
pub use sensor_ebpf::place::Usage;
pub use signal::Signal;
pub(crate) use texts::texts;
pub use uring::Operation;

/// Why bytes are no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There are fewer bytes than a header has.
    #[error("shorter than a record's header")]
    NoHeader,
    /// The kind's number means nothing to this build.
    #[error("unknown record kind {0}")]
    UnknownKind(u16),
    /// The record is not as long as its header says.
    #[error("the header says {said} bytes, the record has {has}")]
    WrongLength {
        /// Length by the header, bytes.
        said: u32,
        /// Length of what was given, bytes.
        has: usize,
    },
    /// The record is shorter than its kind's fixed part.
    #[error("shorter than its kind's fixed part")]
    TooShort,
    /// A text is longer than the rest of the record.
    #[error("a text reaches beyond the record")]
    TextMissing,
}

/// The kind of a record, when its header is sound.
pub fn kind(record: &[u8]) -> Result<Kind, DecodeError> {
    record::header(record).map(|(_, kind)| kind)
}

/// One record as an event. `boot_to_epoch_ns` is what the wall clock reads when
/// the boot clock reads zero.
pub fn decode(record: &[u8], boot_to_epoch_ns: u64) -> Result<Event<'_>, DecodeError> {
    let (header, kind) = record::header(record)?;
    let (record, status) = record::status(record, &header)?;
    let body = match kind {
        Kind::Exec => Body::Exec(exec::decode(record)?),
        Kind::Exit => Body::Exit(exit::decode(record)?),
        Kind::Fork => Body::Fork(fork::decode(record)?),
        Kind::Open => Body::Open(open::decode(record)?),
        Kind::Connect => Body::Connect(connect::decode(record)?),
        Kind::Call => Body::Call(call::decode(record)?),
        Kind::Signal => Body::Signal(signal::decode(record)?),
        Kind::Uring => uring::decode(record)?,
        Kind::Packet => packet::decode(record)?,
        Kind::Connection => Body::ConnectionEnd(connection::decode(record)?),
        Kind::Mismatch => Body::Mismatch(mismatch::decode(record)?),
    };
    Ok(Event {
        time_ns: header.time_ns.wrapping_add(boot_to_epoch_ns),
        cpu: header.cpu,
        task: record::task(&header),
        status,
        body,
    })
}

/// One thing that happened, as the kernel told it. Text lives in the record.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'r> {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// The CPU that wrote the record.
    pub cpu: u16,
    /// Who did it, as the kernel saw the task at that moment.
    pub task: Task,
    /// What else the process is by now, when it may be another than was told
    /// before.
    pub status: Option<Status<'r>>,
    /// What was done.
    pub body: Body<'r>,
}

/// The acting task. Every record carries it, so that a lost record never
/// leaves a wrong parent, name or user behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// Process id (kernel: tgid) in the initial pid namespace.
    pub pid: u32,
    /// Thread id (kernel: pid) in the initial pid namespace.
    pub tid: u32,
    /// Process id of the real parent; 0 when there is none.
    pub ppid: u32,
    /// Start of the process (its group leader), nanoseconds on the boot clock.
    /// Together with `pid` it names a process for good.
    pub start_boot_ns: u64,
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Id of the cgroup v2 the task is in; 0 when there is no v2 hierarchy.
    pub cgroup_id: u64,
    /// The task's name at this moment.
    pub comm: Comm,
    /// How the kernel was entered.
    pub abi: Abi,
    /// On whose way this was asked for.
    pub via: Via,
}

/// On whose way something was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Via {
    /// A system call of the task's.
    #[default]
    Call,
    /// An operation the task put into an `io_uring`.
    Uring,
}

/// What a process is besides its image: all that may change without a record of
/// its own (by chdir, setsid, capset, unshare, a move to another cgroup …).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Status<'r> {
    /// The ids.
    pub ids: Ids,
    /// Capability sets.
    pub caps: Caps,
    /// Controlling terminal, as in [`Exec`].
    pub tty: u32,
    /// Audit user id; `u32::MAX` when unset.
    pub loginuid: u32,
    /// The working directory.
    pub cwd: &'r [u8],
    /// Where it lives.
    pub place: Place<'r>,
}

/// A task name: at most 15 bytes, and zeroes behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Comm(pub [u8; 16]);

impl Comm {
    /// The bytes before the first NUL.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|b| *b == 0).next().unwrap_or_default()
    }
}

impl From<&[u8]> for Comm {
    /// Takes the bytes before the first NUL: kernels before 5.17 leave the rest
    /// of a longer, earlier name behind it.
    fn from(text: &[u8]) -> Self {
        let mut comm = [0; 16];
        let name = text.iter().take_while(|byte| **byte != 0);
        for (to, from) in comm.iter_mut().take(15).zip(name) {
            *to = *from;
        }
        Self(comm)
    }
}

/// The payload of each event kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Body<'r> {
    /// execve or execveat returned.
    Exec(Exec<'r>),
    /// A process (not a mere thread) was created; the task is the parent.
    Fork(Fork<'r>),
    /// The last thread of a process ended.
    Exit(Exit),
    /// open, openat, openat2 or creat returned.
    Open(Open<'r>),
    /// connect returned.
    Connect(Connect<'r>),
    /// Any other system call returned.
    Call(Call<'r>),
    /// The task sent another process a signal.
    Signal(Signal),
    /// An operation of `io_uring` was done that no system call does.
    Operation(Operation),
    /// A DNS question left or its answer arrived.
    Dns(Dns<'r>),
    /// A TLS client greeted a server.
    TlsHello(TlsHello<'r>),
    /// A TCP connection ended.
    ConnectionEnd(ConnectionEnd),
    /// An argument was not what the kernel acted on.
    Mismatch(Mismatch<'r>),
}

/// A new program image, or the failed attempt at one.
#[derive(Debug, Clone, PartialEq)]
pub struct Exec<'r> {
    /// Which call it was.
    pub call: ExecCall,
    /// 0, or a negative errno. On failure only `filename` and the ids mean
    /// something: the image is still the caller's.
    pub result: i64,
    /// The path as given by the caller.
    pub filename: &'r [u8],
    /// The path of the executable as the kernel resolved it.
    pub exe_path: &'r [u8],
    /// The working directory.
    pub cwd: &'r [u8],
    /// argv, each argument ended by a NUL, `argv[0]` first; cut at 4 KiB.
    pub argv: &'r [u8],
    /// Length of all of argv in bytes: more than `argv` has when it was cut.
    pub argv_full: u32,
    /// The environment, each variable ended by a NUL; cut at 4 KiB.
    pub env: &'r [u8],
    /// Length of all of the environment in bytes, as `argv_full`.
    pub env_full: u32,
    /// The cgroup paths, see [`Place`].
    pub place: Place<'r>,
    /// Ids of the process after the exec.
    pub ids: Ids,
    /// Device number of the controlling terminal (kernel encoding: major << 8 | minor); 0 without one.
    pub tty: u32,
    /// Audit user id; `u32::MAX` when unset.
    pub loginuid: u32,
    /// Capability sets after the exec.
    pub caps: Caps,
    /// The executable's file.
    pub exe: ExeFile,
    /// What the process may use and does; recordings may lack it.
    pub usage: Option<Usage>,
}

/// The exec family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecCall {
    /// execve
    Execve,
    /// execveat
    Execveat,
}

/// Where a process lives: cgroups and namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Place<'r> {
    /// Path in the cgroup v2 hierarchy, starting with `/`; empty when unknown.
    pub cgroup: &'r [u8],
    /// Paths in cgroup v1 hierarchies, for v1 and hybrid hosts: those that name more
    /// than `/`, each once and ended by NUL. Empty when there is none.
    pub cgroup_v1: &'r [u8],
    /// Namespaces.
    pub ns: Namespaces,
    /// Start of the pid namespace's init, boot clock nanoseconds.
    pub pidns_start_boot_ns: u64,
}

/// Namespace inode numbers; 0 when unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    missing_docs,
    reason = "each is the inode number of the namespace it names"
)]
pub struct Namespaces {
    pub mnt: u32,
    pub pid: u32,
    pub net: u32,
    pub user: u32,
    pub uts: u32,
    pub ipc: u32,
    pub cgroup: u32,
}

/// Numeric identity of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ids {
    /// Real, effective, saved and file-system user ids.
    pub uid: u32,
    #[expect(missing_docs, reason = "see uid")]
    pub euid: u32,
    #[expect(missing_docs, reason = "see uid")]
    pub suid: u32,
    #[expect(missing_docs, reason = "see uid")]
    pub fsuid: u32,
    /// Real, effective, saved and file-system group ids.
    pub gid: u32,
    #[expect(missing_docs, reason = "see gid")]
    pub egid: u32,
    #[expect(missing_docs, reason = "see gid")]
    pub sgid: u32,
    #[expect(missing_docs, reason = "see gid")]
    pub fsgid: u32,
    /// Pid and tid in the innermost pid namespace.
    pub vpid: u32,
    #[expect(missing_docs, reason = "see vpid")]
    pub vtid: u32,
    /// Process group and session, initial namespace.
    pub pgid: u32,
    #[expect(missing_docs, reason = "see pgid")]
    pub sid: u32,
    /// Process group and session, innermost namespace.
    pub vpgid: u32,
    #[expect(missing_docs, reason = "see vpgid")]
    pub vsid: u32,
}

/// Capability sets, bit n = capability number n.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the five sets of capabilities(7)")]
pub struct Caps {
    pub inheritable: u64,
    pub permitted: u64,
    pub effective: u64,
    pub bounding: u64,
    pub ambient: u64,
}

/// The file a process runs.
#[expect(
    clippy::struct_excessive_bools,
    reason = "four answers to four questions, in every combination"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExeFile {
    /// Inode number; 0 when unknown.
    pub ino: u64,
    /// Inode change time, nanoseconds since the Unix epoch; 0 when unknown.
    pub ctime_ns: u64,
    /// Inode modification time, nanoseconds since the Unix epoch; 0 when unknown.
    pub mtime_ns: u64,
    /// In the upper (writable) layer of an overlayfs.
    pub upper_layer: bool,
    /// In a lower layer of an overlayfs.
    pub lower_layer: bool,
    /// A memfd: the program never was a file.
    pub memfd: bool,
    /// The user who runs it may write it.
    pub writable: bool,
}

/// A new process, told when its parent created it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fork<'r> {
    /// Which call it was.
    pub call: ForkCall,
    /// The child's process id, initial namespace.
    pub child_pid: u32,
    /// The child's start, boot clock nanoseconds.
    pub child_start_boot_ns: u64,
    /// The child's real parent (not the task with `CLONE_PARENT`).
    pub child_ppid: u32,
    /// The child's ids.
    pub ids: Ids,
    /// The child's name.
    pub comm: Comm,
    /// The CLONE_* flags; 0 when unknown.
    pub flags: u64,
    /// The child's audit user id; `u32::MAX` when unset.
    pub loginuid: u32,
    /// Where the child lives.
    pub place: Place<'r>,
    /// What the creator may use and does; recordings may lack it.
    pub usage: Option<Usage>,
}

/// The fork family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the system calls themselves")]
pub enum ForkCall {
    Fork,
    Vfork,
    Clone,
    Clone3,
}

/// The end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// The status as wait(2) gives it.
    pub status: u32,
    /// Process id that inherits the children; 0 when unknown.
    pub reaper_pid: u32,
}

impl Exit {
    /// The code given to exit(2), 0..=255.
    pub fn code(&self) -> u8 {
        let [_, code, ..] = self.status.to_le_bytes();
        code
    }
    /// The signal that ended the process, 0 when none did.
    pub fn signal(&self) -> u8 {
        (self.status & 0x7f) as u8
    }
    /// Whether a core was dumped.
    pub fn core(&self) -> bool {
        self.status & 0x80 != 0
    }
}

/// A file opened, or the failed attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Open<'r> {
    /// Which call it was.
    pub call: OpenCall,
    /// The new descriptor, or a negative errno.
    pub result: i64,
    /// The directory descriptor; `AT_FDCWD` (-100) for open and creat.
    pub dirfd: i32,
    /// The path as given.
    pub name: &'r [u8],
    /// The directory a relative `name` starts from; empty when `name` is absolute.
    pub base: &'r [u8],
    /// The path of the opened file as the kernel resolved it; empty on failure.
    pub real_path: &'r [u8],
    /// The O_* flags as the caller gave them.
    pub flags: u64,
    /// The creation mode.
    pub mode: u32,
    /// The RESOLVE_* flags of openat2, else 0.
    pub resolve: u64,
    /// What was opened; all zero on failure.
    pub file: OpenedFile,
}

/// The open family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the system calls themselves")]
pub enum OpenCall {
    Open,
    Openat,
    Openat2,
    Creat,
}

/// The file behind a new descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenedFile {
    /// Device number in the kernel's encoding (major << 20 | minor).
    pub dev: u32,
    /// Inode number.
    pub ino: u64,
    /// Type and permission bits (`S_IFMT | 07777`).
    pub mode: u16,
    /// This call made the file.
    pub created: bool,
    /// In the upper layer of an overlayfs.
    pub upper_layer: bool,
    /// In a lower layer of an overlayfs.
    pub lower_layer: bool,
}

/// A connect call.
#[derive(Debug, Clone, PartialEq)]
pub struct Connect<'r> {
    /// The socket's descriptor.
    pub fd: i32,
    /// 0, or a negative errno (`-EINPROGRESS` for a non-blocking socket).
    pub result: i64,
    /// The socket's IP protocol number (6 TCP, 17 UDP …); 0 for unix sockets.
    pub protocol: u8,
    /// `SOCK_STREAM`, `SOCK_DGRAM` …
    pub socket_type: u16,
    /// The addresses.
    pub peers: Peers<'r>,
    /// Of a unix socket the process at the other end: who had it listen.
    pub peer: Option<sensor_ebpf::call::Peer>,
}

/// Both ends of a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Peers<'r> {
    /// IPv4 or IPv6. `remote` is where the caller wanted to go.
    Ip {
        /// Local address and port; `None` while the kernel has chosen none.
        local: Option<(IpAddr, u16)>,
        /// Remote address and port.
        remote: (IpAddr, u16),
    },
    /// A unix socket.
    Unix {
        /// The peer's path as given; an abstract name starts with `@`.
        path: &'r [u8],
        /// Kernel addresses of both sockets, as Falco names them; 0 when unknown.
        source: u64,
        #[expect(missing_docs, reason = "see source")]
        peer: u64,
    },
    /// A family whose ends are numbers: `AF_NETLINK` (port id and groups; port id and
    /// group) or `AF_VSOCK` (context id and port).
    Numbered {
        /// Its AF_* number.
        family: u16,
        #[expect(missing_docs, reason = "see the variant")]
        local: [u32; 2],
        #[expect(missing_docs, reason = "see the variant")]
        remote: [u32; 2],
    },
    /// Some other family, by its AF_* number.
    Other(u16),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sensor_ebpf::{
        Header, call, connect, connection, exec, exit, fork, mismatch, open, packet, signal, uring,
    };
    use zerocopy::{FromZeros, IntoBytes};

    use super::*;

    /// The size of each kind's fixed part.
    fn fixed_size(kind: Kind) -> usize {
        match kind {
            Kind::Exec => size_of::<exec::Record>(),
            Kind::Fork => size_of::<fork::Record>(),
            Kind::Exit => size_of::<exit::Record>(),
            Kind::Open => size_of::<open::Record>(),
            Kind::Connect => size_of::<connect::Record>(),
            Kind::Call => size_of::<call::Record>(),
            Kind::Signal => size_of::<signal::Record>(),
            Kind::Uring => size_of::<uring::Record>(),
            Kind::Packet => size_of::<packet::Record>(),
            Kind::Connection => size_of::<connection::Record>(),
            Kind::Mismatch => size_of::<mismatch::Record>(),
        }
    }

    #[test]
    fn a_task_name_ends_at_its_nul_whatever_the_kernel_left_behind_it() {
        for (given, name) in [
            (&b"true\0re::an_exec\0"[..], &b"true"[..]),
            (b"fifteen-letters\0", b"fifteen-letters"),
            (b"sixteen-letters!", b"sixteen-letters"),
            (b"\0old", b""),
        ] {
            assert_eq!(Comm::from(given), Comm::from(name));
            assert_eq!(Comm::from(given).as_bytes(), name);
        }
    }

    /// A record whose header fits its bytes, and whose rest is whatever is given.
    fn framed(kind: Kind, rest: &[u8]) -> Vec<u8> {
        let mut header = Header::new_zeroed();
        header.kind = kind as u16;
        header.len = u32::try_from(size_of::<Header>() + rest.len()).unwrap();
        [header.as_bytes(), rest].concat()
    }

    /// A connect record with those texts and family.
    fn connected(family: u16, remote: [u8; 16], path: &[u8]) -> Vec<u8> {
        let mut fixed = connect::Record::new_zeroed();
        fixed.family = family;
        fixed.remote = remote;
        fixed.remote_port = 443;
        fixed.path_len = u16::try_from(path.len()).unwrap();
        fixed.header.kind = Kind::Connect as u16;
        fixed.header.len = u32::try_from(size_of::<connect::Record>() + path.len()).unwrap();
        [fixed.as_bytes(), path].concat()
    }

    fn peers(record: &[u8]) -> Peers<'_> {
        match decode(record, 0).unwrap().body {
            Body::Connect(connect) => connect.peers,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_open_record_gives_back_what_was_put_in() {
        let texts = [&b"passwd"[..], b"/etc", b"/etc/passwd"];
        let mut fixed = open::Record::new_zeroed();
        [fixed.name_len, fixed.base_len, fixed.real_path_len] = [6, 4, 11];
        (fixed.result, fixed.flags, fixed.dirfd) = (3, 0o2_000_000, -100);
        (fixed.call, fixed.file_flags) = (open::CALL_OPENAT2, open::CREATED);
        fixed.header.kind = Kind::Open as u16;
        fixed.header.time_ns = 5;
        fixed.header.tgid = 7;
        fixed.header.comm = *b"cat\0\0\0\0\0\0\0\0\0\0\0\0\0";
        fixed.header.len = u32::try_from(size_of::<open::Record>() + 21).unwrap();
        let record = [fixed.as_bytes(), &texts.concat()].concat();

        let event = decode(&record, 100).unwrap();
        assert_eq!((event.time_ns, event.task.pid), (105, 7));
        assert_eq!(event.task.comm.as_bytes(), b"cat");
        let Body::Open(open) = event.body else {
            panic!("{event:?}")
        };
        assert_eq!([open.name, open.base, open.real_path], texts);
        assert_eq!(
            (open.result, open.flags, open.dirfd),
            (3, 0o2_000_000, -100)
        );
        assert_eq!(open.call, OpenCall::Openat2);
        assert!(open.file.created && !open.file.upper_layer);
    }

    #[test]
    fn a_status_at_the_end_of_any_record_is_taken_off_and_told() {
        let mut status = sensor_ebpf::place::Status::new_zeroed();
        (status.caps[2], status.tty, status.loginuid) = (0x3f, 5, 1000);
        (status.ids.sid, status.cwd_len, status.place.cgroup_len) = (77, 5, 2);
        let status = [&b"/work/c"[..], status.as_bytes()].concat();
        let mut fixed = connect::Record::new_zeroed();
        fixed.family = connect::AF_UNIX;
        fixed.path_len = 4;
        fixed.header.kind = Kind::Connect as u16;
        fixed.header.status_len = u16::try_from(status.len()).unwrap();
        fixed.header.len = u32::try_from(size_of::<connect::Record>() + 4 + status.len()).unwrap();
        let record = [fixed.as_bytes(), b"/run", &status].concat();
        let event = decode(&record, 0).unwrap();
        let told = event.status.unwrap();
        assert_eq!(
            (told.caps.effective, told.tty, told.loginuid),
            (0x3f, 5, 1000)
        );
        assert_eq!(
            (told.ids.sid, told.cwd, told.place.cgroup),
            (77, &b"/work"[..], &b"/c"[..])
        );
        assert!(matches!(peers(&record), Peers::Unix { path: b"/run", .. }));
        // A status that begins before the record does, or is cut.
        for len in [u16::MAX, 151] {
            fixed.header.status_len = len;
            let record = [fixed.as_bytes(), b"/run", &status].concat();
            assert!(decode(&record, 0).is_err());
        }
    }

    #[test]
    fn addresses_mapped_into_ipv6_are_ipv4() {
        let mut mapped = [0; 16];
        mapped[10..].copy_from_slice(&[0xff, 0xff, 10, 1, 2, 3]);
        for family in [connect::AF_INET, connect::AF_INET6] {
            let record = connected(family, mapped, b"");
            let remote = (IpAddr::from([10, 1, 2, 3]), 443);
            assert_eq!(
                peers(&record),
                Peers::Ip {
                    local: None,
                    remote
                }
            );
        }
    }

    #[test]
    fn a_unix_name_ends_at_its_nul() {
        for (given, expected) in [
            (&b"/run/x\0garbage"[..], &b"/run/x"[..]),
            (b"@abstract", b"@abstract"),
            (b"", b""),
        ] {
            let record = connected(connect::AF_UNIX, [0; 16], given);
            let Peers::Unix { path, .. } = peers(&record) else {
                panic!()
            };
            assert_eq!(path, expected);
        }
        let packet = connected(17, [0; 16], b"");
        assert_eq!(peers(&packet), Peers::Other(17));
    }

    #[test]
    fn ends_that_are_numbers_and_the_process_behind_a_unix_socket_are_told() {
        let remote = zerocopy::transmute!([2_u32, 1024, 0, 0]);
        let numbered = connected(connect::AF_VSOCK, remote, b"");
        let Peers::Numbered { family, remote, .. } = peers(&numbered) else {
            panic!()
        };
        assert_eq!((family, remote), (40, [2, 1024]));
        let peer = call::Peer {
            pid: 7,
            uid: 33,
            gid: 34,
            reserved: 0,
        };
        let mut record = connected(connect::AF_UNIX, [0; 16], b"/run/x");
        record.extend(peer.as_bytes());
        let len = u32::try_from(record.len()).unwrap();
        record[8..12].copy_from_slice(&len.to_le_bytes());
        let Body::Connect(connect) = decode(&record, 0).unwrap().body else {
            panic!()
        };
        assert_eq!(connect.peer, Some(peer));
    }

    #[test]
    fn an_exit_status_is_taken_apart_as_wait_does() {
        for (status, code, signal, core) in [
            (0x0700, 7, 0, false),
            (9, 0, 9, false),
            (0x8b, 0, 11, true),
            (0xff00, 255, 0, false),
        ] {
            let exit = Exit {
                status,
                reaper_pid: 1,
            };
            assert_eq!(
                (exit.code(), exit.signal(), exit.core()),
                (code, signal, core)
            );
        }
    }

    #[test]
    fn each_way_to_be_no_record_has_its_error() {
        let exit = framed(Kind::Exit, &[0; 8]);
        assert!(decode(&exit, 0).is_ok());
        assert_eq!(decode(&exit[..71], 0), Err(DecodeError::NoHeader));
        assert_eq!(
            decode(&exit[..79], 0),
            Err(DecodeError::WrongLength { said: 80, has: 79 })
        );
        assert_eq!(
            decode(&framed(Kind::Exit, &[0; 7]), 0),
            Err(DecodeError::TooShort)
        );
        let mut unknown = exit;
        unknown[12] = 99;
        assert_eq!(decode(&unknown, 0), Err(DecodeError::UnknownKind(99)));
        let mut beyond = connected(connect::AF_UNIX, [0; 16], b"/run");
        let path_len = size_of::<connect::Record>() - 2;
        beyond[path_len] = 5;
        assert_eq!(decode(&beyond, 0), Err(DecodeError::TextMissing));
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_event_or_an_error(bytes: Vec<u8>) {
            let _ = decode(&bytes, 0);
        }

        #[test]
        fn any_bytes_behind_a_sound_header_do_too(
            kind in prop::sample::select(&Kind::ALL[..]),
            rest in prop::collection::vec(any::<u8>(), 0..600),
        ) {
            let record = framed(kind, &rest);
            prop_assert_eq!(super::kind(&record), Ok(kind));
            let long_enough = record.len() >= fixed_size(kind);
            prop_assert!(long_enough || decode(&record, 0).is_err());
        }

        #[test]
        fn a_record_cut_short_anywhere_is_an_error(
            kind in prop::sample::select(&Kind::ALL[..]),
            cut in any::<prop::sample::Index>(),
        ) {
            let record = framed(kind, &vec![0; fixed_size(kind) - size_of::<Header>()]);
            prop_assert!(decode(&record, 0).is_ok());
            prop_assert!(decode(&record[..cut.index(record.len())], 0).is_err());
        }
    }
}
