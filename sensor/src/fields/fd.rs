//! The file or socket the event works on.
//!
//! Today that is what an open or a connect names. A failed open keeps the
//! fields its arguments give (the path) and lacks those of the file; a socket
//! has no path. Of a connection the caller is the client and the local end.

mod socket;

use super::Type::{Bool, Ip, IpNet, Port, Signed, Text};
use super::{ArgRule, Field, Many, Print, Value, compose, names, path};
use crate::decode::{Body, Open};
use crate::enrich::Observation;
use socket::{both_ends, client, server, service};

pub(super) use socket::protocol_char;

/// fd.*
pub(super) const ROWS: &[Field] = &[
    Field::live(
        "fd.num",
        Signed(64),
        |o, _| number(o).map(Value::Signed),
        "descriptor number; -1 when the open failed",
    ),
    Field::fd(
        "fd.type",
        Text,
        |o, _| Some(Value::Text(kind(o)?.word.as_bytes())),
        "what the descriptor is: file, directory, ipv4, ipv6, unix, netlink; the text <NA> for others",
    ),
    Field::fd(
        "fd.typechar",
        Text,
        |o, _| type_char(o).map(Value::Text),
        "the same as one letter: f, d, 4, 6, u, n; o for others",
    ),
    Field::fd(
        "fd.name",
        Text,
        |o, _| name(o).map(Value::Text),
        "absolute path as the caller named it, or `client:port->server:port`",
    ),
    Field::fd(
        "fd.nameraw",
        Text,
        |o, _| match &o.event.body {
            Body::Open(open) => Some(Value::Text(path::single_slashes(o.arena, open.name))),
            Body::Connect(_) => Some(Value::Text(&[])),
            _ => None,
        },
        "path exactly as given, but for doubled slashes",
    ),
    Field::fd(
        "fd.realpath",
        Text,
        |o, _| {
            let path = open(o)?.real_path;
            (!path.is_empty()).then_some(Value::Text(path))
        },
        "path of the opened file as the kernel resolved it, links followed (an addition to Falco's fields)",
    ),
    Field::fd(
        "fd.directory",
        Text,
        |o, _| open(o).map(|open| Value::Text(path::directory(open_path(o, open)))),
        "path up to the last slash",
    ),
    Field::fd(
        "fd.filename",
        Text,
        |o, _| {
            let open = opened(o)?;
            let is_file = !is_directory(open);
            is_file.then(|| Value::Text(path::file_name(open_path(o, open))))
        },
        "path after the last slash; of files that were opened",
    ),
    Field::fd(
        "fd.ino",
        Signed(64),
        |o, _| Some(Value::Signed(file_or_zero(o)?.ino.cast_signed())),
        "inode number",
    ),
    Field::fd(
        "fd.dev",
        Signed(32),
        |o, _| Some(Value::Signed(device(o)?.into())),
        "number of the device the file is on, as stat(2) has it; shown in hexadecimal",
    )
    .print(Print::Hex),
    Field::fd(
        "fd.dev.major",
        Signed(32),
        |o, _| Some(Value::Signed((file_or_zero(o)?.dev >> 20).into())),
        "major number of that device",
    ),
    Field::fd(
        "fd.dev.minor",
        Signed(32),
        |o, _| Some(Value::Signed((file_or_zero(o)?.dev & 0xf_ffff).into())),
        "minor number of that device",
    ),
    Field::fd(
        "fd.is_upper_layer",
        Bool,
        |o, _| Some(Value::Bool(file_or_zero(o)?.upper_layer)),
        "the file is in the upper layer of an overlay: not part of the image",
    ),
    Field::fd(
        "fd.is_lower_layer",
        Bool,
        |o, _| Some(Value::Bool(file_or_zero(o)?.lower_layer)),
        "the file is in a lower layer of an overlay: part of the image",
    ),
    Field::live(
        "fd.uid",
        Text,
        |o, _| {
            let (tid, number) = (o.event.task.tid, number(o)?);
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
        |o, _| {
            let id = super::container::id(o)?;
            Some(Value::Text(compose::concat(o.arena, &[id, b":", name(o)?])))
        },
        "container id, colon, fd.name",
    ),
    Field::fd(
        "fd.containerdirectory",
        Text,
        |o, _| {
            let directory = path::directory(open_path(o, open(o)?));
            let id = super::container::id(o)?;
            Some(Value::Text(compose::concat(
                o.arena,
                &[id, b":", directory],
            )))
        },
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
        "the connect succeeded, or goes on in the background",
    ),
    Field::fd(
        "fd.is_server",
        Bool,
        |o, _| known(o).then_some(Value::Bool(false)),
        "this end of the connection is the server",
    ),
    Field::fd(
        "fd.name_changed",
        Bool,
        |o, _| known(o).then_some(Value::Bool(false)),
        "the event changed the addresses of a socket that is not connected",
    ),
    Field::fd(
        "fd.ip",
        Ip,
        |o, _| both_ends(o, |(ip, _)| Value::Ip(ip)),
        "address of the client or the server: either may match",
    )
    .many(Many::BothEnds)
    .filter_only(),
    Field::fd(
        "fd.cip",
        Ip,
        |o, _| Some(Value::Ip(client(o)?.0)),
        "address of the client",
    ),
    Field::fd(
        "fd.sip",
        Ip,
        |o, _| Some(Value::Ip(server(o)?.0)),
        "address of the server",
    ),
    Field::fd(
        "fd.lip",
        Ip,
        |o, _| Some(Value::Ip(client(o)?.0)),
        "address of the local end",
    ),
    Field::fd(
        "fd.rip",
        Ip,
        |o, _| Some(Value::Ip(server(o)?.0)),
        "address of the remote end",
    ),
    Field::fd(
        "fd.net",
        IpNet,
        |o, _| both_ends(o, |(ip, _)| Value::Ip(ip)),
        "network of the client or the server: either may match",
    )
    .many(Many::BothEnds)
    .filter_only(),
    Field::fd(
        "fd.cnet",
        IpNet,
        |o, _| Some(Value::Ip(client(o)?.0)),
        "network of the client",
    )
    .filter_only(),
    Field::fd(
        "fd.snet",
        IpNet,
        |o, _| Some(Value::Ip(server(o)?.0)),
        "network of the server",
    )
    .filter_only(),
    Field::fd(
        "fd.lnet",
        IpNet,
        |o, _| Some(Value::Ip(client(o)?.0)),
        "network of the local end",
    )
    .filter_only(),
    Field::fd(
        "fd.rnet",
        IpNet,
        |o, _| Some(Value::Ip(server(o)?.0)),
        "network of the remote end",
    )
    .filter_only(),
    Field::fd(
        "fd.port",
        Port,
        |o, _| both_ends(o, |(_, port)| Value::Port(port)),
        "port of the client or the server: either may match",
    )
    .many(Many::BothEnds)
    .filter_only(),
    Field::fd(
        "fd.cport",
        Port,
        |o, _| Some(Value::Port(client(o)?.1)),
        "port of the client",
    ),
    Field::fd(
        "fd.sport",
        Port,
        |o, _| Some(Value::Port(server(o)?.1)),
        "port of the server",
    ),
    Field::fd(
        "fd.lport",
        Port,
        |o, _| Some(Value::Port(client(o)?.1)),
        "port of the local end",
    ),
    Field::fd(
        "fd.rport",
        Port,
        |o, _| Some(Value::Port(server(o)?.1)),
        "port of the remote end",
    ),
    Field::fd(
        "fd.proto",
        Port,
        |o, _| both_ends(o, |(_, port)| Value::Port(port)),
        "service of the client or the server: either may match",
    )
    .many(Many::BothEnds)
    .filter_only(),
    Field::fd(
        "fd.cproto",
        Text,
        |o, _| Some(service(o, client(o)?)),
        "service name of the client's port, else its number",
    ),
    Field::fd(
        "fd.sproto",
        Text,
        |o, _| Some(service(o, server(o)?)),
        "service name of the server's port, else its number",
    ),
    Field::fd(
        "fd.lproto",
        Text,
        |o, _| Some(service(o, client(o)?)),
        "service name of the local port, else its number",
    ),
    Field::fd(
        "fd.rproto",
        Text,
        |o, _| Some(service(o, server(o)?)),
        "service name of the remote port, else its number",
    ),
    Field::absent("fd.cip.name", Text, "domain name of the client's address").plain_only(),
    Field::absent("fd.sip.name", Text, "domain name of the server's address").plain_only(),
    Field::absent("fd.lip.name", Text, "domain name of the local address").plain_only(),
    Field::absent("fd.rip.name", Text, "domain name of the remote address").plain_only(),
];

/// What a descriptor is: the word of `fd.type`, the letter of `fd.typechar`.
struct Kind {
    word: &'static str,
    letter: &'static str,
}

const FILE: Kind = Kind {
    word: "file",
    letter: "f",
};
const DIRECTORY: Kind = Kind {
    word: "directory",
    letter: "d",
};

/// What the descriptor is; missing when there is none.
fn kind(o: &Observation<'_>) -> Option<Kind> {
    match &o.event.body {
        Body::Connect(connect) => Some(socket::kind(&connect.peers)),
        _ => opened(o).map(|open| if is_directory(open) { DIRECTORY } else { FILE }),
    }
}

/// The letter of the type; a failed open wanted a file.
pub(super) fn type_char(o: &Observation<'_>) -> Option<&'static [u8]> {
    let kind = kind(o).or_else(|| open(o).map(|_| FILE))?;
    Some(kind.letter.as_bytes())
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

/// Whether the event works on a descriptor that exists.
fn known(o: &Observation<'_>) -> bool {
    kind(o).is_some()
}

/// Only a directory is not called a file: devices and named pipes are opened
/// by path like any file, and rules on files mean them too.
fn is_directory(open: &Open<'_>) -> bool {
    const S_IFMT: u16 = 0o170_000;
    const S_IFDIR: u16 = 0o040_000;
    let wanted = names::open_flags(open.flags) & names::O_DIRECTORY != 0;
    let made_file = names::open_flags(open.flags) & names::O_TMPFILE != 0;
    open.file.mode & S_IFMT == S_IFDIR || (open.file.mode == 0 && wanted && !made_file)
}

fn number(o: &Observation<'_>) -> Option<i64> {
    match &o.event.body {
        Body::Open(open) => Some(open.result.max(-1)),
        Body::Connect(connect) => Some(connect.fd.into()),
        _ => None,
    }
}

/// What was opened; nothing but zeros for a socket.
fn file_or_zero(o: &Observation<'_>) -> Option<crate::decode::OpenedFile> {
    known(o).then(|| open(o).map(|open| open.file).unwrap_or_default())
}

fn device(o: &Observation<'_>) -> Option<i32> {
    Some(user_device(file_or_zero(o)?.dev).cast_signed())
}

/// A device number as programs see it, from the kernel's own form: the low
/// byte of the minor, twelve bits of major, the rest of the minor.
pub(super) fn user_device(kernel: u32) -> u32 {
    let (major, minor) = (kernel >> 20, kernel & 0xf_ffff);
    (minor & 0xff) | major << 8 | (minor & !0xff) << 12
}

/// `fd.name`.
pub(super) fn name<'a>(o: &Observation<'a>) -> Option<&'a [u8]> {
    match &o.event.body {
        Body::Open(open) => Some(open_path(o, open)),
        Body::Connect(connect) => Some(socket::name(o, &connect.peers)),
        _ => None,
    }
}

/// The path of an open, absolute by its text.
pub(super) fn open_path<'a>(o: &Observation<'a>, open: &'a Open<'a>) -> &'a [u8] {
    let base = base(o);
    let base_unknown = base.is_empty() && !open.name.starts_with(b"/");
    match (base_unknown, open.real_path) {
        (false, _) => path::absolute(o.arena, base, open.name),
        (true, []) => path::absolute(o.arena, b"<UNKNOWN>", open.name),
        (true, real) => real,
    }
}

/// The directory a relative path of the open call starts from; empty when it
/// is not known.
pub(super) fn base<'a>(o: &Observation<'a>) -> &'a [u8] {
    const AT_FDCWD: i32 = -100;
    match (open(o), o.process) {
        (Some(open), _) if !open.base.is_empty() => open.base,
        (Some(open), Some(process)) if open.dirfd == AT_FDCWD => &process.cwd,
        _ => &[],
    }
}
