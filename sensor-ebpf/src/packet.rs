//! packet: a message on the wire that names a host: a DNS question this machine
//! sent, the answer it got, or the first message of a TLS client.
//!
//! Seen at the root of the cgroup v2 hierarchy, so in every network namespace.
//! The header is that of whoever sent the question or the greeting: packets leave
//! in their sender's context the first time, and an answer comes to the socket that
//! asked. Where nobody is known the process id is 0.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Header;

/// `Record::what`: a DNS message.
pub const WHAT_DNS: u8 = 1;
/// `Record::what`: a TLS record that begins with a client's greeting.
pub const WHAT_TLS: u8 = 2;

/// Most bytes told of a message: what an Ethernet frame carries.
pub const MESSAGE_MAX: usize = 1496;

/// A message, from the first byte behind the headers of UDP or TCP.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Record {
    /// Who sent or asked.
    pub header: Header,
    /// This machine's address, IPv4 mapped into IPv6.
    pub local: [u8; 16],
    /// The other end's.
    pub remote: [u8; 16],
    /// Inode number of the network namespace; 0 when unknown.
    pub netns: u32,
    /// Length of the message in this packet; more than `len` when cut.
    pub full: u32,
    /// Local port.
    pub local_port: u16,
    /// Remote port.
    pub remote_port: u16,
    /// Bytes of the message that follow; what is behind them means nothing.
    pub len: u16,
    /// IP protocol number: 6 or 17.
    pub protocol: u8,
    /// `WHAT_*`.
    pub what: u8,
}

const _: () = assert!(size_of::<Record>() == 120);

#[cfg(target_arch = "bpf")]
mod program {
    #![expect(
        unsafe_code,
        reason = "the ring hands out raw memory, and helpers are foreign functions"
    )]

    use aya_ebpf::{
        helpers::generated::{
            bpf_get_smp_processor_id, bpf_get_socket_cookie, bpf_ktime_get_boot_ns,
            bpf_skb_load_bytes,
        },
        macros::{cgroup_skb, map},
        maps::{Array, LruHashMap},
        programs::SkBuffContext,
    };

    use super::{MESSAGE_MAX, Record, WHAT_DNS, WHAT_TLS};
    use crate::{
        Header, Kind,
        counters::Counter,
        kernel::{
            at_most,
            author::{fill_current, nobody},
            field, offset,
            socket::mapped,
        },
        maps,
    };

    /// What somebody wants: bit n is `WHAT_n`. The loader sets it.
    #[map]
    static PACKETS_WANTED: Array<u64> = Array::with_max_entries(1, 0);

    /// Who asked through a socket, by its cookie.
    #[map]
    static ASKED: LruHashMap<u64, Header> = LruHashMap::with_max_entries(8192, 0);

    /// Sockets whose greeting was told; what they send again is not.
    #[map]
    static GREETED: LruHashMap<u64, u8> = LruHashMap::with_max_entries(8192, 0);

    const DNS_PORT: u16 = 53;
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    /// Whatever it is, it passes.
    const PASS: i32 = 1;

    /// A record and room for the longest message.
    #[repr(C)]
    struct Whole {
        record: Record,
        message: [u8; MESSAGE_MAX],
    }

    /// Where a packet comes from and goes to, and where its message begins.
    struct Packet {
        from: [u8; 16],
        to: [u8; 16],
        from_port: u16,
        to_port: u16,
        protocol: u8,
        begin: u32,
    }

    /// A packet leaves.
    #[cgroup_skb(egress)]
    pub(crate) fn packet_egress(ctx: SkBuffContext) -> i32 {
        let Some(packet) = parse(&ctx) else {
            return PASS;
        };
        let dns = packet.to_port == DNS_PORT && wanted(WHAT_DNS);
        if dns || (packet.protocol == TCP && wanted(WHAT_TLS) && greets(&ctx, packet.begin)) {
            let what = if dns { WHAT_DNS } else { WHAT_TLS };
            tell(&ctx, &packet, what, true);
        }
        PASS
    }

    /// A packet arrives.
    #[cgroup_skb(ingress)]
    pub(crate) fn packet_ingress(ctx: SkBuffContext) -> i32 {
        let Some(packet) = parse(&ctx) else {
            return PASS;
        };
        if packet.from_port == DNS_PORT && wanted(WHAT_DNS) {
            tell(&ctx, &packet, WHAT_DNS, false);
        }
        PASS
    }

    #[inline(always)]
    fn wanted(what: u8) -> bool {
        let wanted = PACKETS_WANTED.get(0).copied().unwrap_or(0);
        wanted >> what & 1 == 1
    }

    /// The headers of TCP or UDP right behind those of IP; nothing for fragments
    /// other than the first, and for packets without a message.
    #[inline(always)]
    fn parse(ctx: &SkBuffContext) -> Option<Packet> {
        let first: u8 = ctx.load(0).ok()?;
        let (from, to, protocol, begin) = match first >> 4 {
            4 => {
                let fragment: u16 = ctx.load(6).ok()?;
                if u16::from_be(fragment) & 0x1fff != 0 {
                    return None;
                }
                let protocol: u8 = ctx.load(9).ok()?;
                let from = mapped(ctx.load(12).ok()?);
                let to = mapped(ctx.load(16).ok()?);
                (from, to, protocol, u32::from(first & 0xf) * 4)
            }
            6 => {
                let protocol: u8 = ctx.load(6).ok()?;
                (ctx.load(8).ok()?, ctx.load(24).ok()?, protocol, 40)
            }
            _ => return None,
        };
        if protocol != TCP && protocol != UDP {
            return None;
        }
        let from_port: u16 = ctx.load(begin as usize).ok()?;
        let to_port: u16 = ctx.load(begin as usize + 2).ok()?;
        let header = if protocol == UDP {
            8
        } else {
            let words: u8 = ctx.load(begin as usize + 12).ok()?;
            u32::from(words >> 4) * 4
        };
        Some(Packet {
            from,
            to,
            from_port: u16::from_be(from_port),
            to_port: u16::from_be(to_port),
            protocol,
            begin: begin + header,
        })
    }

    /// Whether the message is the first of a TLS client: a handshake record, of any
    /// version, whose first message is a greeting.
    #[inline(always)]
    fn greets(ctx: &SkBuffContext, begin: u32) -> bool {
        match ctx.load::<[u8; 6]>(begin as usize) {
            Ok([kind, major, _, _, _, message]) => (kind, major, message) == (0x16, 3, 1),
            Err(_) => false,
        }
    }

    #[inline(always)]
    fn tell(ctx: &SkBuffContext, packet: &Packet, what: u8, leaves: bool) {
        let full = ctx.len().saturating_sub(packet.begin);
        if full == 0 {
            return;
        }
        let cookie = unsafe { bpf_get_socket_cookie(ctx.skb.skb.cast()) };
        if what == WHAT_TLS && GREETED.insert(&cookie, &1, BPF_NOEXIST).is_err() {
            return;
        }
        maps::tally(Kind::Packet, Counter::Seen);
        let Some(mut room) = maps::reserve::<Whole>() else {
            maps::tally(Kind::Packet, Counter::LostRing);
            return;
        };
        let record = unsafe { &mut (*room.as_mut_ptr()).record };
        record.header = header(cookie, leaves);
        if maps::is_sensor(record.header.tgid) {
            room.discard(0);
            maps::tally(Kind::Packet, Counter::FilteredOwn);
            return;
        }
        record.netns = netns(ctx, (&raw mut record.local).cast());
        let ends = if leaves {
            (packet.from, packet.to, packet.from_port, packet.to_port)
        } else {
            (packet.to, packet.from, packet.to_port, packet.from_port)
        };
        (record.local, record.remote) = (ends.0, ends.1);
        (record.local_port, record.remote_port) = (ends.2, ends.3);
        record.protocol = packet.protocol;
        record.what = what;
        record.full = full;
        // The helper wants to see that it is not 0, too.
        let len = at_most(full as usize - 1, MESSAGE_MAX - 1) + 1;
        let to = unsafe { (&raw mut (*room.as_mut_ptr()).message).cast() };
        let read = unsafe { bpf_skb_load_bytes(ctx.skb.skb.cast(), packet.begin, to, len as u32) };
        record.len = if read == 0 { len as u16 } else { 0 };
        room.submit(BPF_RB_NO_WAKEUP);
        maps::tally(Kind::Packet, Counter::Submitted);
    }

    /// Flag of a map's update: fail when the key is there.
    const BPF_NOEXIST: u64 = 1;
    /// The reader looks by itself.
    const BPF_RB_NO_WAKEUP: u64 = 1;

    /// Who it is of: of what leaves the current task, which is remembered for what
    /// comes back through the same socket.
    #[inline(always)]
    fn header(cookie: u64, leaves: bool) -> Header {
        let mut header = if leaves {
            let mut header = nobody(Kind::Packet, size_of::<Whole>());
            fill_current(&mut header);
            let _ = ASKED.insert(&cookie, &header, 0);
            header
        } else {
            let asked = unsafe { ASKED.get(&cookie) };
            asked
                .copied()
                .unwrap_or_else(|| nobody(Kind::Packet, size_of::<Whole>()))
        };
        header.time_ns = unsafe { bpf_ktime_get_boot_ns() };
        header.cpu = unsafe { bpf_get_smp_processor_id() } as u16;
        header
    }

    /// The network namespace of the packet's socket. Its address goes through memory,
    /// from where it comes back as a number: of the pointer the verifier would allow no
    /// more than the few members it knows.
    #[inline(always)]
    fn netns(ctx: &SkBuffContext, through: *mut u64) -> u32 {
        let socket = unsafe { (*ctx.skb.skb).__bindgen_anon_2.sk };
        if socket.is_null() {
            return 0;
        }
        let socket = unsafe {
            through.write_volatile(socket as u64);
            through.read_volatile()
        };
        let net: u64 = field(socket, offset!(sock_net));
        field(net, offset!(netns_inum))
    }
}
