//! The two ends of a connection.
//!
//! IPv4 addresses inside IPv6 sockets count as IPv4, so that one rule covers
//! both kinds of socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bumpalo::collections::Vec;

use super::{Kind, known};
use crate::decode::{Body, Connect, Peers};
use crate::enrich::Observation;
use crate::fields::services::service_of_port;
use crate::fields::{Arg, Value, compose};

/// An address and a port.
type End = (IpAddr, u16);

/// The connect call at hand.
fn connect<'a>(o: &Observation<'a>) -> Option<&'a Connect<'a>> {
    match &o.event.body {
        Body::Connect(connect) => Some(connect),
        _ => None,
    }
}

/// Both ends, the client's only once the kernel has chosen an address.
fn ends(peers: &Peers<'_>) -> Option<(Option<End>, End)> {
    let canonical = |(ip, port): End| (ip.to_canonical(), port);
    match peers {
        Peers::Ip { local, remote } => Some((local.map(canonical), canonical(*remote))),
        Peers::Unix { .. } | Peers::Other(_) => None,
    }
}

pub(super) fn client(o: &Observation<'_>) -> Option<End> {
    ends(&connect(o)?.peers)?.0
}

pub(super) fn server(o: &Observation<'_>) -> Option<End> {
    Some(ends(&connect(o)?.peers)?.1)
}

/// Something of each end, client first; an empty list for a descriptor
/// without addresses.
pub(super) fn both_ends<'a>(o: &Observation<'a>, read: fn(End) -> Value<'a>) -> Option<Value<'a>> {
    if !known(o) {
        return None;
    }
    let mut values = Vec::new_in(o.arena);
    values.extend([client(o), server(o)].into_iter().flatten().map(read));
    Some(Value::List(values.into_bump_slice()))
}

pub(super) fn kind(peers: &Peers<'_>) -> Kind {
    const AF_NETLINK: u16 = 16;
    let (word, letter) = match (ends(peers), peers) {
        (Some((_, (IpAddr::V4(_), _))), _) => ("ipv4", "4"),
        (Some((_, (IpAddr::V6(_), _))), _) => ("ipv6", "6"),
        (None, Peers::Unix { .. }) => ("unix", "u"),
        (None, Peers::Other(AF_NETLINK)) => ("netlink", "n"),
        (None, _) => ("<NA>", "o"),
    };
    Kind { word, letter }
}

/// `client:port->server:port`, or the sockets and path of a unix connection.
pub(super) fn name<'a>(o: &Observation<'a>, peers: &Peers<'_>) -> &'a [u8] {
    match (ends(peers), peers) {
        (Some((client, server)), _) => {
            // What a socket without an address reports as its own.
            let none = match server.0 {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            };
            let ((cip, cport), (sip, sport)) = (client.unwrap_or((none, 0)), server);
            compose::text(o.arena, format_args!("{cip}:{cport}->{sip}:{sport}"))
        }
        (None, Peers::Unix { path, source, peer }) => {
            let sockets = compose::text(o.arena, format_args!("{source:x}->{peer:x} "));
            compose::concat(o.arena, &[sockets, path])
        }
        (None, _) => &[],
    }
}

/// `fd.sockfamily`.
pub(super) fn family<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    match connect(o)?.peers {
        Peers::Ip { .. } => Some(Value::Text(b"ip")),
        Peers::Unix { .. } => Some(Value::Text(b"unix")),
        Peers::Other(_) => None,
    }
}

/// The protocol of a socket and its letter.
fn protocol_of(connect: &Connect<'_>) -> Option<(&'static [u8], &'static [u8])> {
    const SOCK_RAW: u16 = 3;
    ends(&connect.peers)?;
    match (connect.protocol, connect.socket_type) {
        (_, SOCK_RAW) => Some((b"raw", b"r")),
        (6, _) => Some((b"tcp", b"t")),
        (17, _) => Some((b"udp", b"u")),
        (1 | 58, _) => Some((b"icmp", b"i")),
        _ => None,
    }
}

/// `fd.l4proto`.
pub(super) fn protocol<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    let protocol = connect(o).and_then(protocol_of);
    let word = protocol.map_or(&b"<NA>"[..], |(word, _)| word);
    known(o).then_some(Value::Text(word))
}

/// The letter of the protocol, as `<4t>` has it; empty without one.
pub(in crate::fields) fn protocol_char(o: &Observation<'_>) -> &'static [u8] {
    let protocol = connect(o).and_then(protocol_of);
    protocol.map_or(b"", |(_, letter)| letter)
}

/// `fd.connected`: a connect that goes on in the background counts.
pub(super) fn connected<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    const EINPROGRESS: i64 = 115;
    let result = connect(o).map(|connect| connect.result);
    let connected = result.is_some_and(|result| result >= 0 || result == -EINPROGRESS);
    known(o).then_some(Value::Bool(connected))
}

/// The service of a port, else the port.
pub(super) fn service<'a>(o: &Observation<'a>, (_, port): End) -> Value<'a> {
    Value::Text(match service_of_port(port) {
        Some(name) => name.as_bytes(),
        None => compose::text(o.arena, format_args!("{port}")),
    })
}
