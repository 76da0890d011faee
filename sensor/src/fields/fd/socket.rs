//! The two ends of a socket, and who of them serves.
//!
//! The caller's end is the local one. Who is the client follows from the call
//! where it says so (connect and sending: the caller; accept: the other), else
//! from the ports: the one that no service would be reached at is the client's.
//! IPv4 addresses inside IPv6 sockets count as IPv4, so that one rule covers
//! both kinds of socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bumpalo::Bump;
use bumpalo::collections::Vec;

use super::descriptor::{self, Told, end};
use super::kind::{self, Kind};
use sensor_ebpf::call::Peer;

use crate::decode::{Call, Connect, Peers, end_numbers};
use crate::enrich::Observation;
use crate::events::{Category, EventType, From};
use crate::fields::address::{
    self, AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, AF_VSOCK, Address, End,
};
use crate::fields::services::service_of_port;
use crate::fields::{Arg, Value, compose};

/// A socket.
#[derive(Debug, Clone, Copy)]
pub(in crate::fields) struct Socket<'a> {
    family: u16,
    ty: u16,
    protocol: u16,
    /// The caller's end; its address may be unspecified.
    local: Option<End>,
    /// The other end.
    remote: Option<End>,
    /// What a unix socket has instead.
    unix: Unix<'a>,
    /// And who is at its other end.
    peer: Option<Peer>,
    /// What netlink and vsock have instead: both ends, two numbers each.
    numbers: [[u32; 2]; 2],
    /// It stays with that other end.
    connected: bool,
    /// The caller's end serves.
    serves: bool,
    /// This call itself named the other end, or was told it.
    named: bool,
}

/// A unix socket: the kernel addresses of both ends, and a name.
#[derive(Debug, Clone, Copy, Default)]
struct Unix<'a> {
    source: u64,
    peer: u64,
    path: &'a [u8],
}

/// The first of the ports that systems give to whoever asks for none.
const EPHEMERAL: u16 = 32_768;

impl<'a> Socket<'a> {
    /// The socket of a connect call.
    pub(super) fn connecting(connect: &Connect<'a>) -> Self {
        const EINPROGRESS: i64 = 115;
        let canonical = |(ip, port): End| (ip.to_canonical(), port);
        let mut socket = Self {
            family: AF_UNIX,
            ty: connect.socket_type,
            protocol: connect.protocol.into(),
            local: None,
            remote: None,
            unix: Unix::default(),
            peer: connect.peer,
            numbers: [[0; 2]; 2],
            // One that goes on in the background counts.
            connected: connect.result >= 0 || connect.result == -EINPROGRESS,
            serves: false,
            named: false,
        };
        match connect.peers {
            Peers::Ip { local, remote } => {
                socket.family = AF_INET;
                socket.local = local.map(canonical);
                socket.remote = Some(canonical(remote));
            }
            Peers::Unix { path, source, peer } => {
                socket.unix = Unix { source, peer, path };
            }
            Peers::Numbered {
                family,
                local,
                remote,
            } => (socket.family, socket.numbers) = (family, [local, remote]),
            Peers::Other(family) => socket.family = family,
        }
        socket
    }

    /// What the kernel says of a descriptor, if that is a socket.
    pub(super) fn told_by_kernel(told: &Told, path: &'a [u8], peer: Option<Peer>) -> Option<Self> {
        let remote = end(told.remote, told.remote_port);
        let local = end(told.local, told.local_port);
        let numbers = match told.family {
            AF_NETLINK | AF_VSOCK => [told.local, told.remote].map(end_numbers),
            _ => [[0; 2]; 2],
        };
        (told.family != 0).then_some(Self {
            family: told.family,
            ty: told.socket_type,
            protocol: told.protocol,
            local,
            remote,
            unix: Unix {
                source: told.source,
                peer: told.peer,
                path,
            },
            peer,
            numbers,
            connected: remote.is_some() || told.peer != 0,
            serves: matches!((local, remote), (Some(local), Some(remote)) if serves(local, remote)),
            named: false,
        })
    }

    /// What the call adds to that: addresses it named, and with them the roles.
    pub(super) fn told(&mut self, call: &Call<'a>, event: &EventType) {
        match event.name {
            "accept" | "accept4" => (self.serves, self.connected) = (true, true),
            "listen" => self.serves = true,
            "bind" => {
                self.serves = true;
                if let (None, Some(Address::Ip(wanted))) = (self.local, named(call, event)) {
                    self.local = Some(wanted);
                }
            }
            // Other calls ask for addresses of sockets; they send nothing there.
            _ if !matches!(event.category, Category::IoRead | Category::IoWrite) => {}
            _ => match named(call, event) {
                Some(Address::Ip(end)) if !self.connected => {
                    (self.remote, self.named) = (Some(end), true);
                    let sends = event.category == Category::IoWrite;
                    self.serves = !sends && self.local.is_some_and(|local| serves(local, end));
                }
                Some(Address::Unix(path)) if !path.is_empty() => self.unix.path = path,
                _ => {}
            },
        }
    }

    /// The other socket of a pair.
    pub(super) fn other_end(mut self) -> Self {
        let Unix { source, peer, path } = self.unix;
        self.unix = Unix {
            source: peer,
            peer: source,
            path,
        };
        self
    }

    fn is_ip(&self) -> bool {
        matches!(self.family, AF_INET | AF_INET6)
    }

    /// Both ends, client first; of a socket with one end only it is the server's.
    fn ends(&self) -> (Option<End>, Option<End>) {
        let (client, server) = match (self.serves, self.remote) {
            (true, _) => (self.remote, self.local),
            (false, Some(_)) => (self.local, self.remote),
            (false, None) => (None, self.local),
        };
        (alike(client, server), alike(server, client))
    }

    pub(super) fn kind(&self) -> Kind {
        match self.ends() {
            (_, Some((ip, _))) | (Some((ip, _)), None) if self.is_ip() => match ip {
                IpAddr::V4(_) => kind::IPV4,
                IpAddr::V6(_) => kind::IPV6,
            },
            _ => kind::of_family(self.family),
        }
    }

    /// `client:port->server:port`, the one end of a socket that has no other, or
    /// both sockets and the path of a unix connection.
    pub(super) fn name(&self, arena: &'a Bump) -> &'a [u8] {
        match self.ends() {
            _ if self.family == AF_UNIX => {
                let Unix { source, peer, path } = self.unix;
                let sockets = compose::text(arena, format_args!("{source:x}->{peer:x} "));
                compose::concat(arena, &[sockets, address::unix_text(arena, path)])
            }
            (client, Some((sip, sport))) if client.is_some() || self.remote.is_some() => {
                // What a socket without an address reports as its own.
                let none = match sip {
                    IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                    IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                };
                let (cip, cport) = client.unwrap_or((none, 0));
                compose::text(arena, format_args!("{cip}:{cport}->{sip}:{sport}"))
            }
            (_, Some((ip, port))) => compose::text(arena, format_args!("{ip}:{port}")),
            (_, None) => &[],
        }
    }

    /// The name as `evt.arg.tuple` has it: nothing of a socket without ends.
    pub(in crate::fields) fn tuple(&self, arena: &'a Bump) -> Option<&'a [u8]> {
        let name = self.name(arena);
        (!name.is_empty()).then_some(name)
    }

    /// The protocol and its letter, of a socket that has an address.
    fn protocol(&self) -> Option<(&'static [u8], &'static [u8])> {
        const SOCK_RAW: u16 = 3;
        if !self.is_ip() || (self.local, self.remote) == (None, None) {
            return None;
        }
        match (self.protocol, self.ty) {
            (_, SOCK_RAW) => Some((b"raw", b"r")),
            (6, _) => Some((b"tcp", b"t")),
            (17, _) => Some((b"udp", b"u")),
            (1 | 58, _) => Some((b"icmp", b"i")),
            _ => None,
        }
    }

    /// The letter of the protocol, as `<4t>` has it; empty without one.
    pub(super) fn protocol_char(&self) -> &'static [u8] {
        self.protocol().map_or(b"", |(_, letter)| letter)
    }

    /// The path of a unix socket.
    pub(in crate::fields) fn unix_path(&self) -> &'a [u8] {
        self.unix.path
    }
}

/// Whether the local end is the one that serves, by the ports alone.
fn serves((_, local): End, (_, remote): End) -> bool {
    match (local >= EPHEMERAL, remote >= EPHEMERAL) {
        (false, true) => true,
        (true, false) => false,
        _ => local < remote,
    }
}

/// An unspecified IPv6 address beside an IPv4 one is an unspecified IPv4 address.
fn alike(one: Option<End>, other: Option<End>) -> Option<End> {
    match (one, other) {
        (Some((ip, port)), Some((IpAddr::V4(_), _))) if ip.is_unspecified() => {
            Some((IpAddr::V4(Ipv4Addr::UNSPECIFIED), port))
        }
        _ => one,
    }
}

/// The address a call named or was told.
fn named<'a>(call: &Call<'a>, event: &EventType) -> Option<Address<'a>> {
    let at = event.params.iter().find_map(|param| match param.from {
        From::Address { at, .. }
        | From::AddressOut { at, .. }
        | From::Message(at)
        | From::MessageOut(at)
        | From::MessagesOut(at) => Some(at),
        _ => None,
    });
    address::parse(call.address(at?)?)
}

/// The socket of the event at hand; `None` of other descriptors.
pub(in crate::fields) fn of<'a>(o: &Observation<'a>) -> Option<Socket<'a>> {
    descriptor::of(o)?.socket
}

fn known(o: &Observation<'_>) -> bool {
    descriptor::of(o).is_some_and(|descriptor| descriptor.kind.is_some())
}

/// The client's end; without an address while the kernel has chosen none.
pub(super) fn client(o: &Observation<'_>) -> Option<End> {
    of(o).filter(Socket::is_ip)?.ends().0
}

/// The server's end.
pub(super) fn server(o: &Observation<'_>) -> Option<End> {
    of(o).filter(Socket::is_ip)?.ends().1
}

/// The caller's end, of a socket that has another.
pub(super) fn local(o: &Observation<'_>) -> Option<End> {
    let socket = of(o).filter(Socket::is_ip)?;
    alike(socket.local, socket.remote).filter(|_| socket.remote.is_some())
}

/// The other end.
pub(super) fn remote(o: &Observation<'_>) -> Option<End> {
    of(o).filter(Socket::is_ip)?.remote
}

/// The address of an end. One that is not specified is none: it says that the
/// kernel chooses for each packet. Of a socket without another end it means
/// that all addresses are served.
pub(super) fn ip<'a>(o: &Observation<'a>, end: Option<End>) -> Option<Value<'a>> {
    let (ip, _) = end?;
    let chosen = !ip.is_unspecified() || of(o).is_some_and(|socket| socket.remote.is_none());
    chosen.then_some(Value::Ip(ip))
}

pub(super) fn port<'a>(end: Option<End>) -> Option<Value<'a>> {
    end.map(|(_, port)| Value::Port(port))
}

/// The addresses of both ends, client first; an empty list for a descriptor
/// without addresses.
pub(super) fn both_ips<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    both(o, |end| ip(o, end))
}

/// The ports of both ends, as [`both_ips`].
pub(super) fn both_ports<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    both(o, port)
}

fn both<'a>(
    o: &Observation<'a>,
    read: impl Fn(Option<End>) -> Option<Value<'a>>,
) -> Option<Value<'a>> {
    if !known(o) {
        return None;
    }
    let mut values = Vec::new_in(o.arena);
    values.extend([client(o), server(o)].into_iter().filter_map(read));
    Some(Value::List(values.into_bump_slice()))
}

/// `fd.sockfamily`.
pub(super) fn family<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    let socket = of(o)?;
    match socket.family {
        AF_UNIX => Some(Value::Text(b"unix")),
        _ => socket.is_ip().then_some(Value::Text(b"ip")),
    }
}

/// Who is at the other end of a unix socket.
pub(super) fn peer(o: &Observation<'_>) -> Option<Peer> {
    of(o)?.peer
}

/// `fd.peer.name`.
pub(super) fn peer_name<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    let process = o.processes.by_pid(peer(o)?.pid)?;
    Some(Value::Text(process.comm.as_bytes()))
}

/// A number of an end of a netlink socket or a vsock.
pub(super) fn number<'a>(
    o: &Observation<'a>,
    family: u16,
    [end, which]: [usize; 2],
) -> Option<Value<'a>> {
    let socket = of(o).filter(|socket| socket.family == family)?;
    let number = socket.numbers.get(end)?.get(which)?;
    Some(Value::Unsigned((*number).into()))
}

/// `fd.netlink.protocol`: its name, else its number.
pub(super) fn netlink_protocol<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    let socket = of(o).filter(|socket| socket.family == AF_NETLINK)?;
    let known = NETLINK
        .iter()
        .find(|(number, _)| *number == socket.protocol);
    Some(Value::Text(match known {
        Some((_, name)) => name.as_bytes(),
        None => compose::text(o.arena, format_args!("{}", socket.protocol)),
    }))
}

/// The protocols of netlink, without `NETLINK_`, in small letters.
const NETLINK: &[(u16, &str)] = &[
    (0, "route"),
    (2, "usersock"),
    (3, "firewall"),
    (4, "sock_diag"),
    (5, "nflog"),
    (6, "xfrm"),
    (7, "selinux"),
    (8, "iscsi"),
    (9, "audit"),
    (10, "fib_lookup"),
    (11, "connector"),
    (12, "netfilter"),
    (13, "ip6_fw"),
    (14, "dnrtmsg"),
    (15, "kobject_uevent"),
    (16, "generic"),
    (18, "scsitransport"),
    (19, "ecryptfs"),
    (20, "rdma"),
    (21, "crypto"),
    (22, "smc"),
];

/// `fd.l4proto`.
pub(super) fn protocol<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    let protocol = of(o).and_then(|socket| socket.protocol());
    let word = protocol.map_or(&b"<NA>"[..], |(word, _)| word);
    known(o).then_some(Value::Text(word))
}

/// `fd.connected`.
pub(super) fn connected<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    truth(o, |socket| socket.connected)
}

/// `fd.is_server`.
pub(super) fn is_server<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    truth(o, |socket| socket.serves)
}

/// `fd.name_changed`.
pub(super) fn name_changed<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    truth(o, |socket| socket.named)
}

/// Something of a socket that other descriptors never are.
fn truth<'a>(o: &Observation<'a>, is: fn(&Socket<'a>) -> bool) -> Option<Value<'a>> {
    known(o).then(|| Value::Bool(of(o).is_some_and(|socket| is(&socket))))
}

/// The service of a port, else the port.
pub(super) fn service<'a>(o: &Observation<'a>, end: Option<End>) -> Option<Value<'a>> {
    let (_, port) = end?;
    Some(Value::Text(match service_of_port(port) {
        Some(name) => name.as_bytes(),
        None => compose::text(o.arena, format_args!("{port}")),
    }))
}
