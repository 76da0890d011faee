//! connection: a TCP connection that had been established ended.
//!
//! It is told when the kernel closes the socket, which may be long after the process
//! did, in nobody's context. The header is that of who connected; of an accepted
//! connection that of who closed it, and nobody's (process 0) when the other side
//! broke it off.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Header;

/// The end of a connection.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Record {
    /// Whose it was.
    pub header: Header,
    /// This machine's address, IPv4 mapped into IPv6.
    pub local: [u8; 16],
    /// The other end's.
    pub remote: [u8; 16],
    /// From the attempt to connect, or from when it was established by another, to
    /// the end, in nanoseconds.
    pub duration_ns: u64,
    /// Bytes sent, what was sent again counted again.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
    /// Inode number of the network namespace; 0 when unknown.
    pub netns: u32,
    /// Local port.
    pub local_port: u16,
    /// Remote port.
    pub remote_port: u16,
    /// 1 when the other side connected.
    pub accepted: u8,
    /// Always zero.
    pub reserved: [u8; 7],
}

const _: () = assert!(size_of::<Record>() == 144);

#[cfg(target_arch = "bpf")]
mod program {
    #![expect(unsafe_code, reason = "the ring hands out raw memory")]

    use aya_ebpf::{
        helpers::generated::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns},
        macros::{map, raw_tracepoint},
        maps::LruHashMap,
        programs::RawTracePointContext,
    };

    use super::Record;
    use crate::{
        Header, Kind,
        counters::Counter,
        kernel::{
            author::{fill_current, nobody},
            field, offset,
            socket::Socket,
        },
        maps,
    };

    // States of a connection.
    const ESTABLISHED: i32 = 1;
    const SYN_SENT: i32 = 2;
    const SYN_RECV: i32 = 3;
    const FIN_WAIT1: i32 = 4;
    const CLOSE: i32 = 7;
    const LAST_ACK: i32 = 9;

    /// `IPPROTO_*` of what counts bytes as TCP does.
    const TCP: u16 = 6;

    /// A connection under way.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Under {
        header: Header,
        accepted: u64,
    }

    /// Connections under way, by the socket's address. When there are more, those
    /// that nothing happened to for longest are forgotten and their end is not told.
    #[map]
    static CONNECTIONS: LruHashMap<u64, Under> = LruHashMap::with_max_entries(65_536, 0);

    /// `inet_sock_set_state(const struct sock *sk, int oldstate, int newstate)`
    #[raw_tracepoint]
    pub(crate) fn inet_sock_set_state(ctx: RawTracePointContext) -> i32 {
        let socket = Socket(ctx.arg::<u64>(0));
        if socket.protocol() != TCP {
            return 0;
        }
        let (before, now) = (ctx.arg::<u64>(1) as i32, ctx.arg::<u64>(2) as i32);
        match now {
            SYN_SENT => begin(socket, false),
            ESTABLISHED if before == SYN_RECV => begin(socket, true),
            FIN_WAIT1 | LAST_ACK => closed_by_current(socket),
            CLOSE => {
                if let Some(under) = unsafe { CONNECTIONS.get(&socket.0) } {
                    if before != SYN_SENT {
                        end(socket, under);
                    }
                    let _ = CONNECTIONS.remove(&socket.0);
                }
            }
            _ => {}
        }
        0
    }

    /// Who connects is the current task; who will accept nobody knows yet.
    #[inline(always)]
    fn begin(socket: Socket, accepted: bool) {
        let mut under = Under {
            header: nobody(Kind::Connection, size_of::<Record>()),
            accepted: u64::from(accepted),
        };
        if !accepted {
            fill_current(&mut under.header);
        }
        under.header.time_ns = unsafe { bpf_ktime_get_boot_ns() };
        let _ = CONNECTIONS.insert(&socket.0, &under, 0);
    }

    /// The two ways out that a process takes itself.
    #[inline(always)]
    fn closed_by_current(socket: Socket) {
        if let Some(under) = CONNECTIONS.get_ptr_mut(&socket.0) {
            let under = unsafe { &mut *under };
            if under.header.tgid == 0 {
                fill_current(&mut under.header);
            }
        }
    }

    #[inline(always)]
    fn end(socket: Socket, under: &Under) {
        maps::tally(Kind::Connection, Counter::Seen);
        if maps::is_sensor(under.header.tgid) {
            maps::tally(Kind::Connection, Counter::FilteredOwn);
            return;
        }
        let Some(mut room) = maps::reserve::<Record>() else {
            maps::tally(Kind::Connection, Counter::LostRing);
            return;
        };
        let record = unsafe { &mut *room.as_mut_ptr() };
        record.header = under.header;
        record.header.time_ns = unsafe { bpf_ktime_get_boot_ns() };
        record.header.cpu = unsafe { bpf_get_smp_processor_id() } as u16;
        record.duration_ns = record.header.time_ns.saturating_sub(under.header.time_ns);
        record.local = socket.local();
        record.remote = socket.remote();
        record.sent = field(socket.0, offset!(tcp_bytes_sent));
        record.received = received(socket);
        record.netns = field(field(socket.0, offset!(sock_net)), offset!(netns_inum));
        // The kernel's own number of it may be gone by now, this one is not.
        record.local_port = u16::from_be(field(socket.0, offset!(inet_local_port)));
        record.remote_port = socket.remote_port();
        record.accepted = under.accepted as u8;
        record.reserved = [0; 7];
        room.submit(BPF_RB_NO_WAKEUP);
        maps::tally(Kind::Connection, Counter::Submitted);
    }

    /// Bytes received. The kernel counts the mark with which the other side ended as one
    /// more.
    #[inline(always)]
    fn received(socket: Socket) -> u64 {
        /// Bit of `sock.sk_flags`: that mark has come.
        const SOCK_DONE: u64 = 1 << 1;
        let bytes: u64 = field(socket.0, offset!(tcp_bytes_received));
        let flags: u64 = field(socket.0, offset!(sock_flags));
        bytes.saturating_sub(u64::from(flags & SOCK_DONE != 0))
    }

    /// The reader looks by itself.
    const BPF_RB_NO_WAKEUP: u64 = 1;
}
