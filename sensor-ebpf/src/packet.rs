//! packet: a message on the wire that names a host: a DNS question this machine
//! sent, the answer it got, or the first message of a TLS client.
//!
//! Seen at the root of the cgroup v2 hierarchy, so in every network namespace.
//! The header is that of whoever sent the question or the greeting: packets leave
//! in their sender's context the first time, and an answer comes to the socket that
//! asked. Where nobody is known the process id is 0.
//!
//! A message over TCP that comes in several segments is put together before it is
//! told, as long as they come in order; with a gap it is told cut there. What is
//! never completed is never told, and its beginning is forgotten when other messages
//! need the room.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Header;

/// `Record::what`: a DNS message.
pub const WHAT_DNS: u8 = 1;
/// `Record::what`: a TLS record that begins with a client's greeting.
pub const WHAT_TLS: u8 = 2;

/// Most bytes told of a message. Greetings with keys that withstand quantum computers
/// need about 2000.
pub const MESSAGE_MAX: usize = 4096;

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
    /// Length of the message; more than `len` when cut.
    pub full: u32,
    /// Local port.
    pub local_port: u16,
    /// Remote port.
    pub remote_port: u16,
    /// Bytes of the message that follow.
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
        reason = "scratch is raw memory, and helpers are foreign functions"
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
        kernel::{at_most, author::fill_current, field, masked, offset, read_kernel},
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

    /// Beginnings of messages of which more is to come, by cookie and direction.
    #[map]
    static PARTS: LruHashMap<[u64; 2], Part> = LruHashMap::with_max_entries(256, 0);

    const DNS_PORT: u16 = 53;
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    /// Whatever it is, it passes.
    const PASS: i32 = 1;

    /// Messages looked for in one segment: resolvers send two questions at once.
    const MESSAGES: usize = 4;

    /// Bytes that tell how long a message over TCP is, and whether it is one.
    const DNS_HEAD: u32 = 2;
    const TLS_HEAD: u32 = 6;

    /// A message as far as it has come.
    #[repr(C)]
    struct Part {
        /// TCP's number of the byte that comes next.
        next: u32,
        _pad: u32,
        /// `full` is 0 while it is not known, `len` what there is.
        record: Record,
        message: [u8; MESSAGE_MAX],
    }

    /// Where a packet's parts are.
    struct Packet {
        from_port: u16,
        to_port: u16,
        protocol: u8,
        is_v6: bool,
        /// Where the header of TCP or UDP begins.
        transport: u32,
        /// Where its message begins, and how long that is.
        begin: u32,
        len: u32,
    }

    /// A packet leaves.
    #[cgroup_skb(egress)]
    pub(crate) fn packet_egress(ctx: SkBuffContext) -> i32 {
        let Some(packet) = parse(&ctx) else {
            return PASS;
        };
        if packet.to_port == DNS_PORT && wanted(WHAT_DNS) {
            look(&ctx, &packet, WHAT_DNS, true);
        } else if packet.protocol == TCP && wanted(WHAT_TLS) {
            look(&ctx, &packet, WHAT_TLS, true);
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
            look(&ctx, &packet, WHAT_DNS, false);
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
        let (protocol, transport) = match first >> 4 {
            4 => {
                let fragment: u16 = ctx.load(6).ok()?;
                if u16::from_be(fragment) & 0x1fff != 0 {
                    return None;
                }
                (ctx.load(9).ok()?, u32::from(first & 0xf) * 4)
            }
            6 => (ctx.load(6).ok()?, 40),
            _ => return None,
        };
        if protocol != TCP && protocol != UDP {
            return None;
        }
        let from_port: u16 = ctx.load(transport as usize).ok()?;
        let to_port: u16 = ctx.load(transport as usize + 2).ok()?;
        let header = if protocol == UDP {
            8
        } else {
            let words: u8 = ctx.load(transport as usize + 12).ok()?;
            u32::from(words >> 4) * 4
        };
        let begin = transport + header;
        let len = ctx.len().saturating_sub(begin);
        (len > 0).then_some(Packet {
            from_port: u16::from_be(from_port),
            to_port: u16::from_be(to_port),
            protocol,
            is_v6: first >> 4 == 6,
            transport,
            begin,
            len,
        })
    }

    /// Whether this may be the beginning of a TLS client's greeting.
    #[inline(always)]
    fn may_greet(ctx: &SkBuffContext, packet: &Packet) -> bool {
        let begin = packet.begin as usize;
        if packet.len < TLS_HEAD {
            return matches!(ctx.load::<u8>(begin), Ok(0x16));
        }
        matches!(ctx.load::<[u8; 6]>(begin), Ok(head) if greets(head))
    }

    /// A handshake record, of any version, whose first message is a greeting.
    #[inline(always)]
    fn greets([kind, major, _, _, _, message]: [u8; TLS_HEAD as usize]) -> bool {
        (kind, major, message) == (0x16, 3, 1)
    }

    /// Tells the messages that end in this packet, and keeps the one that does not.
    #[inline(always)]
    fn look(ctx: &SkBuffContext, packet: &Packet, what: u8, leaves: bool) {
        let cookie = unsafe { bpf_get_socket_cookie(ctx.skb.skb.cast()) };
        let key = [cookie, u64::from(leaves)];
        let before = match packet.protocol {
            TCP => PARTS.get_ptr(key).map_or(0, |part| part as u64),
            _ => 0,
        };
        if what == WHAT_TLS
            && before == 0
            && (!may_greet(ctx, packet) || unsafe { GREETED.get(cookie) }.is_some())
        {
            return;
        }
        let slot = maps::acquire_slot();
        let Some(scratch) = maps::scratch(slot) else {
            maps::tally(Kind::Packet, Counter::Seen);
            maps::tally(Kind::Packet, Counter::LostScratch);
            return;
        };
        let part = unsafe { &mut *(scratch as *mut Part) };
        let waits = if before == 0 {
            begin(ctx, packet, part, what, cookie, leaves);
            take_all(ctx, packet, part, cookie)
        } else {
            resume(part, before);
            go_on(ctx, packet, part, cookie)
        };
        if waits {
            // Nothing to be done when it fails: a message in parts is not told.
            let _ = PARTS.insert(key, &*part, 0);
        } else if before != 0 {
            let _ = PARTS.remove(key);
        }
        maps::release(slot as u32);
    }

    /// Starts a message: its record but for what is known only at its end.
    #[inline(always)]
    fn begin(
        ctx: &SkBuffContext,
        packet: &Packet,
        part: &mut Part,
        what: u8,
        cookie: u64,
        leaves: bool,
    ) {
        let record = &mut part.record;
        author(&mut record.header, cookie, leaves);
        record.netns = netns(ctx, (&raw mut record.local).cast());
        let (from, to) = if leaves {
            (&raw mut record.local, &raw mut record.remote)
        } else {
            (&raw mut record.remote, &raw mut record.local)
        };
        if packet.is_v6 {
            load(ctx, 8, from.cast(), 16);
            load(ctx, 24, to.cast(), 16);
        } else {
            load_mapped(ctx, 12, from.cast());
            load_mapped(ctx, 16, to.cast());
        }
        (record.local_port, record.remote_port) = if leaves {
            (packet.from_port, packet.to_port)
        } else {
            (packet.to_port, packet.from_port)
        };
        record.protocol = packet.protocol;
        record.what = what;
        (record.full, record.len) = (0, 0);
        part.next = sequence(ctx, packet);
        part._pad = 0;
    }

    /// The number of the segment's first byte.
    #[inline(always)]
    fn sequence(ctx: &SkBuffContext, packet: &Packet) -> u32 {
        if packet.protocol == UDP {
            return 0;
        }
        let at = packet.transport as usize;
        let number: u32 = ctx.load(at + 4).unwrap_or(0);
        let flags: u8 = ctx.load(at + 13).unwrap_or(0);
        // The flag SYN has a number of its own.
        u32::from_be(number).wrapping_add(u32::from(flags >> 1 & 1))
    }

    /// Takes over what there is of a message.
    #[inline(always)]
    fn resume(part: &mut Part, before: u64) {
        const FIXED: u32 = core::mem::offset_of!(Part, message) as u32;
        let to = (&raw mut *part) as u64;
        read_kernel(to, FIXED, before);
        let len = masked(usize::from(part.record.len), MESSAGE_MAX - 1) as u32;
        let fixed = u64::from(FIXED);
        read_kernel(to + fixed, len, before + fixed);
    }

    /// Takes a segment's bytes into a message that has begun; whether it waits for more.
    #[inline(always)]
    fn go_on(ctx: &SkBuffContext, packet: &Packet, part: &mut Part, cookie: u64) -> bool {
        let ahead = sequence(ctx, packet).wrapping_sub(part.next) as i32;
        if ahead < 0 {
            // Sent again.
            return true;
        }
        if ahead > 0 {
            // What is between never comes here, or comes too late.
            tell(&mut part.record, cookie);
            return false;
        }
        take_all(ctx, packet, part, cookie)
    }

    /// Takes a packet's bytes, and tells each message that is complete; whether the
    /// last one waits for more.
    #[inline(always)]
    fn take_all(ctx: &SkBuffContext, packet: &Packet, part: &mut Part, cookie: u64) -> bool {
        if packet.protocol == UDP {
            part.record.full = packet.len;
            take(ctx, part, packet.begin, packet.len);
            tell(&mut part.record, cookie);
            return false;
        }
        part.next = part.next.wrapping_add(packet.len);
        let (mut at, mut left) = (packet.begin, packet.len);
        for _ in 0..MESSAGES {
            let head = if part.record.what == WHAT_TLS {
                TLS_HEAD
            } else {
                DNS_HEAD
            };
            let taken = take(ctx, part, at, left.min(missing(part, head)));
            (at, left) = (at + taken, left - taken);
            if missing(part, head) > 0 {
                return part.record.len > 0;
            }
            if !measure(part) {
                return false;
            }
            let full = part.record.full;
            let taken = take(ctx, part, at, left.min(missing(part, full)));
            (at, left) = (at + taken, left - taken);
            if missing(part, full) > 0 {
                return true;
            }
            tell(&mut part.record, cookie);
            if left == 0 || part.record.what == WHAT_TLS || full > MESSAGE_MAX as u32 {
                return false;
            }
            (part.record.full, part.record.len) = (0, 0);
        }
        false
    }

    /// How many bytes there are fewer than `wanted`, or than are kept.
    #[inline(always)]
    fn missing(part: &Part, wanted: u32) -> u32 {
        wanted
            .min(MESSAGE_MAX as u32)
            .saturating_sub(part.record.len.into())
    }

    /// Reads how long the message is; whether it is one.
    #[inline(always)]
    fn measure(part: &mut Part) -> bool {
        let [a, b, c, d, e, f, ..] = part.message;
        if part.record.what != WHAT_TLS {
            part.record.full = DNS_HEAD + u32::from(u16::from_be_bytes([a, b]));
            return true;
        }
        part.record.full = 5 + u32::from(u16::from_be_bytes([d, e]));
        greets([a, b, c, d, e, f])
    }

    /// Appends so many bytes of the packet; gives how many.
    #[inline(always)]
    fn take(ctx: &SkBuffContext, part: &mut Part, at: u32, len: u32) -> u32 {
        if len == 0 {
            return 0;
        }
        let have = masked(usize::from(part.record.len), MESSAGE_MAX - 1);
        // The helper wants to see that it is not 0, too. The scratch is longer than
        // both bounds together.
        let len = at_most(len as usize - 1, MESSAGE_MAX - 1) as u32 + 1;
        let to = (&raw mut part.message) as u64 + have as u64;
        if !load(ctx, at, to as *mut u8, len) {
            return 0;
        }
        part.record.len = (have as u32 + len) as u16;
        len
    }

    /// Copies bytes of the packet.
    #[inline(always)]
    fn load(ctx: &SkBuffContext, at: u32, to: *mut u8, len: u32) -> bool {
        (unsafe { bpf_skb_load_bytes(ctx.skb.skb.cast(), at, to.cast(), len) }) == 0
    }

    /// Copies an IPv4 address into the form of IPv6.
    #[inline(always)]
    fn load_mapped(ctx: &SkBuffContext, at: u32, to: *mut u8) {
        unsafe {
            to.cast::<u64>().write_unaligned(0);
            to.add(8).cast::<u32>().write_unaligned(0xffff_0000);
        }
        load(ctx, at, to.wrapping_add(12), 4);
    }

    /// Hands the record over.
    #[inline(always)]
    fn tell(record: &mut Record, cookie: u64) {
        if record.what == WHAT_TLS && GREETED.insert(cookie, 1, BPF_NOEXIST).is_err() {
            return;
        }
        maps::tally(Kind::Packet, Counter::Seen);
        if maps::is_sensor(record.header.tgid) {
            maps::tally(Kind::Packet, Counter::FilteredOwn);
            return;
        }
        let len = size_of::<Record>() + at_most(record.len.into(), MESSAGE_MAX);
        record.header.len = len as u32;
        let told = maps::output(&raw const *record as u64, len);
        let counter = if told {
            Counter::Submitted
        } else {
            Counter::LostRing
        };
        maps::tally(Kind::Packet, counter);
    }

    /// Flag of a map's update: fail when the key is there.
    const BPF_NOEXIST: u64 = 1;

    /// Who it is of: of what leaves the current task, which is remembered for what
    /// comes back through the same socket.
    #[inline(always)]
    fn author(header: &mut Header, cookie: u64, leaves: bool) {
        let words = (&raw mut *header).cast::<u64>();
        for word in 0..size_of::<Header>() / 8 {
            unsafe { words.add(word).write_volatile(0) };
        }
        if leaves {
            header.kind = Kind::Packet as u16;
            fill_current(header);
            let _ = ASKED.insert(cookie, &*header, 0);
        } else if let Some(asked) = ASKED.get_ptr(cookie) {
            read_kernel(words as u64, size_of::<Header>() as u32, asked as u64);
        }
        header.kind = Kind::Packet as u16;
        header.time_ns = unsafe { bpf_ktime_get_boot_ns() };
        header.cpu = unsafe { bpf_get_smp_processor_id() } as u16;
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
