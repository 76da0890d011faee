//! connect: a connect call returned.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Header;

/// `Record::family` of the families that are taken apart.
pub const AF_UNIX: u16 = 1;
/// See [`AF_UNIX`].
pub const AF_INET: u16 = 2;
/// See [`AF_UNIX`].
pub const AF_INET6: u16 = 10;

/// See [`AF_UNIX`].
pub const AF_NETLINK: u16 = 16;
/// See [`AF_UNIX`].
pub const AF_VSOCK: u16 = 40;

/// The longest unix socket name.
pub const UNIX_PATH_MAX: usize = 108;

/// A connect that returned. Addresses are IPv6; those of IPv4 are mapped
/// (`::ffff:a.b.c.d`), those of netlink and vsock as [`crate::call::Descriptor`] has
/// them. The one text is a unix socket's name, the NUL in front of an abstract one
/// replaced by `@`; a [`crate::call::Peer`] may follow it.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Record {
    /// Who did it.
    pub header: Header,
    /// 0, or a negative errno.
    pub result: i64,
    /// Kernel address of a unix socket.
    pub source: u64,
    /// Kernel address of the unix socket at the other end.
    pub peer: u64,
    /// Local address; all zero while there is none.
    pub local: [u8; 16],
    /// Remote address.
    pub remote: [u8; 16],
    /// Local port; 0 while there is none.
    pub local_port: u16,
    /// Remote port.
    pub remote_port: u16,
    /// Address family.
    pub family: u16,
    /// `SOCK_*`.
    pub socket_type: u16,
    /// The descriptor as given.
    pub fd: i32,
    /// IP protocol number.
    pub protocol: u16,
    /// Length of the unix socket's name, with what may follow its NUL.
    pub path_len: u16,
}

const _: () = assert!(size_of::<Record>() == 144);

#[cfg(target_arch = "bpf")]
mod program {
    use aya_ebpf::{
        macros::{raw_tracepoint, tracepoint},
        programs::{RawTracePointContext, TracePointContext},
    };

    use super::{AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, AF_VSOCK, Record, UNIX_PATH_MAX};
    use crate::{
        Kind,
        kernel::{
            peek_user,
            socket::{Socket, mapped},
            syscall,
            task::Task,
            work,
        },
        maps::Draft,
    };

    const EINPROGRESS: i64 = 115;

    /// The call's own tracepoint.
    #[tracepoint]
    pub(crate) fn sys_exit_connect(ctx: TracePointContext) -> u32 {
        record(0, syscall::result(&ctx));
        syscall::PASS
    }

    /// The hook on every call.
    #[raw_tracepoint]
    pub(crate) fn all_connect(ctx: RawTracePointContext) -> i32 {
        record(ctx.arg::<u64>(0), ctx.arg::<u64>(1) as i64);
        0
    }

    #[inline(always)]
    fn record(registers: u64, result: i64) {
        let Some(mut draft) = Draft::<Record>::begin(Kind::Connect) else {
            return;
        };
        let task = Task::current();
        draft.header(task);
        if let Some(work) = work::begin::<Record>(draft.slot(), registers, result) {
            draft.entered(work.abi as u8);
            let [fd, address, len, ..] = work.args;
            write(&mut draft, task, result, fd, address, len as u32);
        }
        draft.submit();
    }

    /// connect(fd, address, length)
    #[inline(always)]
    fn write(
        draft: &mut Draft<Record>,
        task: Task,
        result: i64,
        fd: u64,
        address: u64,
        address_len: u32,
    ) {
        let socket = task.file(fd as u32).socket();
        let record = draft.fixed();
        record.result = result;
        record.fd = fd as i32;
        record.socket_type = socket.kind();
        record.family = wanted(record, address, address_len);
        match record.family {
            AF_UNIX => unix(draft, socket, address, address_len),
            AF_INET | AF_INET6 => ip(draft.fixed(), socket),
            AF_NETLINK | AF_VSOCK => {
                let (local, remote) = socket.numbers();
                let record = draft.fixed();
                (record.local, record.remote) = (local, remote);
                record.protocol = socket.protocol();
            }
            _ => {}
        }
    }

    /// Where the caller asked to go, and the family it named.
    #[inline(always)]
    fn wanted(record: &mut Record, address: u64, len: u32) -> u16 {
        // family, port, then an IPv4 address, or a flow label and an IPv6 one.
        const IPV4_LEN: u32 = 16;
        const IPV6_LEN: u32 = 24;
        if len < 2 {
            return 0;
        }
        let family: u16 = peek_user(address);
        if family == AF_INET && len >= IPV4_LEN {
            record.remote = mapped(peek_user(address + 4));
        } else if family == AF_INET6 && len >= IPV6_LEN {
            record.remote = peek_user(address + 8);
        } else {
            return family;
        }
        record.remote_port = u16::from_be(peek_user(address + 2));
        family
    }

    /// What the kernel made of it. The remote end is the kernel's once there is
    /// a connection or an attempt at one: the caller's memory may have changed
    /// meanwhile. After a failure the kernel has forgotten it.
    #[inline(always)]
    fn ip(record: &mut Record, socket: Socket) {
        record.protocol = socket.protocol();
        record.local_port = socket.local_port();
        if record.local_port != 0 {
            record.local = socket.local();
        }
        let remote_port = socket.remote_port();
        let going = record.result == 0 || record.result == -EINPROGRESS;
        if going && remote_port != 0 {
            record.remote_port = remote_port;
            record.remote = socket.remote();
        }
    }

    #[inline(always)]
    fn unix(draft: &mut Draft<Record>, socket: Socket, address: u64, len: u32) {
        let record = draft.fixed();
        record.source = socket.0;
        record.peer = socket.unix_peer();
        let len = u64::from(len.saturating_sub(2)).min(UNIX_PATH_MAX as u64);
        let name = address + 2;
        let path_len = draft.user_range(name, name + len);
        if path_len > 1 && draft.first_text_byte() == 0 {
            draft.set_first_text_byte(b'@');
        }
        draft.fixed().path_len = path_len;
        if let Some(peer) = socket.unix_peer_process() {
            draft.value(&peer);
        }
    }
}
