//! The file or socket the event works on.
//!
//! That is what an open or a connect names and, of any other call, the
//! descriptor it made or was first given. What it is comes with the event, as
//! the kernel saw it when the call returned. A failed open keeps the fields its
//! arguments give (the path) and lacks those of the file; a socket has no path.

pub(super) mod descriptor;
mod kind;
pub(super) mod socket;

use super::Type::{Bool, Ip, IpNet, Port, Signed, Text, Unsigned};
use super::{ArgRule, Field, Many, Print, Value, address, compose, params, path};
use crate::decode::{Body, Open};
use crate::enrich::Observation;
use descriptor::Descriptor;
use socket::{client, ip, local, port, remote, server, service};

pub(super) use descriptor::open_path;
pub(super) use kind::{Class, letter_of};

/// fd.*
pub(super) const ROWS: &[Field] = &[
    Field::live(
        "fd.num",
        Signed(64),
        |o, _| Some(Value::Signed(descriptor::of(o)?.number)),
        "descriptor number; -1 when the call that should have made it failed",
    ),
    Field::fd(
        "fd.type",
        Text,
        |o, _| Some(Value::Text(descriptor::of(o)?.kind?.word.as_bytes())),
        "what the descriptor is: file, directory, ipv4, ipv6, unix, pipe, event, memfd, namespace …; the text <NA> for others",
    ),
    Field::fd(
        "fd.typechar",
        Text,
        |o, _| type_char(o),
        "the same as one letter: f, d, 4, 6, u, p, e, s, l, i, t, n, b, r, m, P; o for others",
    ),
    Field::fd(
        "fd.name",
        Text,
        |o, _| name(o).map(Value::Text),
        "absolute path (of an open as the caller named it), `client:port->server:port`, or another name",
    ),
    Field::fd(
        "fd.nameraw",
        Text,
        |o, _| raw_name(o).map(Value::Text),
        "path exactly as given, but for doubled slashes",
    ),
    Field::fd(
        "fd.realpath",
        Text,
        |o, _| {
            let descriptor = known(o).filter(Descriptor::is_file)?;
            (!descriptor.path.is_empty()).then_some(Value::Text(descriptor.path))
        },
        "path of the file as the kernel resolved it, links followed (an addition to Falco's fields)",
    ),
    Field::fd(
        "fd.directory",
        Text,
        |o, _| directory(o).map(Value::Text),
        "path up to the last slash",
    ),
    Field::fd(
        "fd.filename",
        Text,
        |o, _| file_name(o).map(Value::Text),
        "path after the last slash; of files that are open",
    ),
    Field::fd(
        "fd.ino",
        Signed(64),
        |o, _| Some(Value::Signed(known(o)?.file.ino.cast_signed())),
        "inode number",
    ),
    Field::fd(
        "fd.dev",
        Signed(32),
        |o, _| {
            let device = user_device(known(o)?.file.dev);
            Some(Value::Signed(device.cast_signed().into()))
        },
        "number of the device the file is on, as stat(2) has it; shown in hexadecimal",
    )
    .print(Print::Hex),
    Field::fd(
        "fd.dev.major",
        Signed(32),
        |o, _| Some(Value::Signed((known(o)?.file.dev >> 20).into())),
        "major number of that device",
    ),
    Field::fd(
        "fd.dev.minor",
        Signed(32),
        |o, _| Some(Value::Signed((known(o)?.file.dev & 0xf_ffff).into())),
        "minor number of that device",
    ),
    Field::fd(
        "fd.is_upper_layer",
        Bool,
        |o, _| Some(Value::Bool(known(o)?.file.upper_layer)),
        "the file is in the upper layer of an overlay: not part of the image",
    ),
    Field::fd(
        "fd.is_lower_layer",
        Bool,
        |o, _| Some(Value::Bool(known(o)?.file.lower_layer)),
        "the file is in a lower layer of an overlay: part of the image",
    ),
    Field::live(
        "fd.uid",
        Text,
        |o, _| {
            let (tid, number) = (o.event.task.tid, descriptor::of(o)?.number);
            Some(Value::Text(compose::text(
                o.arena,
                format_args!("{tid}{number}"),
            )))
        },
        "thread id and descriptor number, glued",
    ),
    Field::fd(
        "fd.containername",
        Text,
        |o, _| in_container(o, name(o)?),
        "container id, colon, fd.name",
    ),
    Field::fd(
        "fd.containerdirectory",
        Text,
        |o, _| in_container(o, directory(o)?),
        "container id, colon, fd.directory",
    ),
    Field::absent(
        "fd.types",
        Text,
        "types of all descriptors of the process; with [N] that of descriptor N",
    )
    .many(Many::List)
    .arg(ArgRule::OptionalIndex)
    .no_right_field(),
    // Sockets.
    Field::fd(
        "fd.sockfamily",
        Text,
        socket::family,
        "`ip` or `unix`, of sockets of these families",
    ),
    Field::fd(
        "fd.l4proto",
        Text,
        socket::protocol,
        "tcp, udp, icmp or raw; the text <NA> for other descriptors",
    ),
    Field::fd(
        "fd.connected",
        Bool,
        socket::connected,
        "the socket stays with its other end: by connect, also one that goes on in the background, or accept",
    ),
    Field::fd(
        "fd.is_server",
        Bool,
        socket::is_server,
        "this end of the connection is the server",
    ),
    Field::fd(
        "fd.name_changed",
        Bool,
        socket::name_changed,
        "the call itself named, or was told, the other end of a socket that is not connected",
    ),
    Field::fd(
        "fd.peer.pid",
        Unsigned(32),
        |o, _| Some(Value::Unsigned(socket::peer(o)?.pid.into())),
        "of a connected unix socket the process at its other end, as the kernel noted it: who listened, connected or made the pair (an addition to Falco's fields)",
    ),
    Field::fd(
        "fd.peer.uid",
        Unsigned(32),
        |o, _| Some(Value::Unsigned(socket::peer(o)?.uid.into())),
        "its effective user id at that time (an addition to Falco's fields)",
    ),
    Field::fd(
        "fd.peer.gid",
        Unsigned(32),
        |o, _| Some(Value::Unsigned(socket::peer(o)?.gid.into())),
        "its effective group id at that time (an addition to Falco's fields)",
    ),
    Field::fd(
        "fd.peer.name",
        Text,
        socket::peer_name,
        "its name, while that process is known (an addition to Falco's fields)",
    ),
    Field::fd(
        "fd.netlink.protocol",
        Text,
        socket::netlink_protocol,
        "of a netlink socket whom it speaks to: route, audit, netfilter, connector …, or a number (an addition to Falco's fields)",
    ),
    Field::fd(
        "fd.netlink.portid",
        Unsigned(32),
        |o, _| socket::number(o, address::AF_NETLINK, [0, 0]),
        "its port id; 0 while it has none (an addition to Falco's fields)",
    ),
    Field::fd(
        "fd.netlink.groups",
        Unsigned(32),
        |o, _| socket::number(o, address::AF_NETLINK, [0, 1]),
        "the first 32 groups it listens to, one bit each; shown in hexadecimal (an addition to Falco's fields)",
    )
    .print(Print::Hex),
    Field::fd(
        "fd.vsock.lcid",
        Unsigned(32),
        |o, _| socket::number(o, address::AF_VSOCK, [0, 0]),
        "context id of the caller's end of a vsock; 4294967295 is any (an addition to Falco's fields)",
    ),
    Field::fd(
        "fd.vsock.lport",
        Unsigned(32),
        |o, _| socket::number(o, address::AF_VSOCK, [0, 1]),
        "port of the caller's end of a vsock (an addition to Falco's fields)",
    ),
    Field::fd(
        "fd.vsock.rcid",
        Unsigned(32),
        |o, _| socket::number(o, address::AF_VSOCK, [1, 0]),
        "context id of the other end of a vsock: 1 this machine, 2 the host (an addition to Falco's fields)",
    ),
    Field::fd(
        "fd.vsock.rport",
        Unsigned(32),
        |o, _| socket::number(o, address::AF_VSOCK, [1, 1]),
        "port of the other end of a vsock (an addition to Falco's fields)",
    ),
    Field::fd(
        "fd.ip",
        Ip,
        socket::both_ips,
        "address of the client or the server: either may match",
    )
    .many(Many::BothEnds)
    .filter_only(),
    Field::fd(
        "fd.cip",
        Ip,
        |o, _| ip(o, client(o)),
        "address of the client",
    ),
    Field::fd(
        "fd.sip",
        Ip,
        |o, _| ip(o, server(o)),
        "address of the server",
    ),
    Field::fd(
        "fd.lip",
        Ip,
        |o, _| ip(o, local(o)),
        "address of the local end",
    ),
    Field::fd(
        "fd.rip",
        Ip,
        |o, _| ip(o, remote(o)),
        "address of the remote end",
    ),
    Field::fd(
        "fd.net",
        IpNet,
        socket::both_ips,
        "network of the client or the server: either may match",
    )
    .many(Many::BothEnds)
    .filter_only(),
    Field::fd(
        "fd.cnet",
        IpNet,
        |o, _| ip(o, client(o)),
        "network of the client",
    )
    .filter_only(),
    Field::fd(
        "fd.snet",
        IpNet,
        |o, _| ip(o, server(o)),
        "network of the server",
    )
    .filter_only(),
    Field::fd(
        "fd.lnet",
        IpNet,
        |o, _| ip(o, local(o)),
        "network of the local end",
    )
    .filter_only(),
    Field::fd(
        "fd.rnet",
        IpNet,
        |o, _| ip(o, remote(o)),
        "network of the remote end",
    )
    .filter_only(),
    Field::fd(
        "fd.port",
        Port,
        socket::both_ports,
        "port of the client or the server: either may match",
    )
    .many(Many::BothEnds)
    .filter_only(),
    Field::fd(
        "fd.cport",
        Port,
        |o, _| port(client(o)),
        "port of the client",
    ),
    Field::fd(
        "fd.sport",
        Port,
        |o, _| port(server(o)),
        "port of the server",
    ),
    Field::fd(
        "fd.lport",
        Port,
        |o, _| port(local(o)),
        "port of the local end",
    ),
    Field::fd(
        "fd.rport",
        Port,
        |o, _| port(remote(o)),
        "port of the remote end",
    ),
    Field::fd(
        "fd.proto",
        Port,
        socket::both_ports,
        "service of the client or the server: either may match",
    )
    .many(Many::BothEnds)
    .filter_only(),
    Field::fd(
        "fd.cproto",
        Text,
        |o, _| service(o, client(o)),
        "service name of the client's port, else its number",
    ),
    Field::fd(
        "fd.sproto",
        Text,
        |o, _| service(o, server(o)),
        "service name of the server's port, else its number",
    ),
    Field::fd(
        "fd.lproto",
        Text,
        |o, _| service(o, local(o)),
        "service name of the local port, else its number",
    ),
    Field::fd(
        "fd.rproto",
        Text,
        |o, _| service(o, remote(o)),
        "service name of the remote port, else its number",
    ),
    Field::live(
        "fd.cip.name",
        Text,
        |o, _| host_name(o, client(o)),
        "domain name of the client's address, as an answer on the wire gave it; never looked up",
    )
    .plain_only(),
    Field::live(
        "fd.sip.name",
        Text,
        |o, _| host_name(o, server(o)),
        "domain name of the server's address, as an answer on the wire gave it; never looked up",
    )
    .plain_only(),
    Field::live(
        "fd.lip.name",
        Text,
        |o, _| host_name(o, local(o)),
        "domain name of the local address, as an answer on the wire gave it; never looked up",
    )
    .plain_only(),
    Field::live(
        "fd.rip.name",
        Text,
        |o, _| host_name(o, remote(o)),
        "domain name of the remote address, as an answer on the wire gave it; never looked up",
    )
    .plain_only(),
];

/// What the address of an end was called in the network namespace of the process
/// when it last learned it.
fn host_name<'a>(o: &Observation<'a>, end: Option<address::End>) -> Option<Value<'a>> {
    let (ip, _) = end?;
    let netns = o.process?.place.ns.net;
    let name = o.hosts.name(netns, ip, o.event.time_ns)?;
    Some(Value::Text(name))
}

/// The descriptor of the event, when it is open.
fn known<'a>(o: &Observation<'a>) -> Option<Descriptor<'a>> {
    descriptor::of(o).filter(|descriptor| descriptor.kind.is_some())
}

/// The letter of the type; of a descriptor that is not known, what the event
/// lets one think.
fn type_char<'a>(o: &Observation<'a>) -> Option<Value<'a>> {
    let letter = descriptor::letter(o, params::event_type(o)?)?;
    Some(Value::Text(letter.as_bytes()))
}

/// The open call at hand, failed or not.
pub(super) fn open<'a>(o: &Observation<'a>) -> Option<&'a Open<'a>> {
    match &o.event.body {
        Body::Open(open) => Some(open),
        _ => None,
    }
}

/// The open call at hand, if it gave a descriptor.
pub(super) fn opened<'a>(o: &Observation<'a>) -> Option<&'a Open<'a>> {
    open(o).filter(|open| open.result >= 0)
}

/// `fd.name`: of an open the path as it was named, of all else what the kernel
/// knows it by.
pub(super) fn name<'a>(o: &Observation<'a>) -> Option<&'a [u8]> {
    match open(o) {
        Some(open) => Some(open_path(o, open)),
        None => Some(descriptor::of(o)?.name(o)),
    }
}

/// `fd.nameraw`.
fn raw_name<'a>(o: &Observation<'a>) -> Option<&'a [u8]> {
    match open(o) {
        Some(open) => Some(path::single_slashes(o.arena, open.name)),
        None => Some(descriptor::of(o)?.path),
    }
}

/// `fd.directory`: of what is no file, nothing; of what is not known, the root.
fn directory<'a>(o: &Observation<'a>) -> Option<&'a [u8]> {
    let descriptor = descriptor::of(o)?;
    let has = descriptor.is_file() || descriptor.kind.is_none();
    has.then(|| name(o).map(path::directory)).flatten()
}

/// `fd.filename`.
fn file_name<'a>(o: &Observation<'a>) -> Option<&'a [u8]> {
    let file = known(o)?.kind?.class == Class::File;
    file.then(|| name(o).map(path::file_name)).flatten()
}

/// Behind the container's id.
fn in_container<'a>(o: &Observation<'a>, name: &'a [u8]) -> Option<Value<'a>> {
    let id = super::container::id(o)?;
    Some(Value::Text(compose::concat(o.arena, &[id, b":", name])))
}

/// A device number as programs see it, from the kernel's own form: the low
/// byte of the minor, twelve bits of major, the rest of the minor.
pub(super) fn user_device(kernel: u32) -> u32 {
    let (major, minor) = (kernel >> 20, kernel & 0xf_ffff);
    (minor & 0xff) | major << 8 | (minor & !0xff) << 12
}
