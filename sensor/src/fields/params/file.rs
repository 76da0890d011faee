//! Parameters of the open family and of connect.

use super::Raw;
use crate::decode::{Connect, Open, OpenCall, Peers};
use crate::enrich::Observation;
use crate::fields::address::AF_VSOCK;
use crate::fields::{compose, fd, names};

/// The parameters of the open family.
pub(super) fn of_open<'a>(open: &Open<'a>, name: &str) -> Raw<'a> {
    match name {
        "fd" => Raw::Signed(open.result),
        "dirfd" => Raw::Signed(open.dirfd.into()),
        "name" => Raw::Bytes(open.name),
        "flags" => Raw::Unsigned(open_flags(open)),
        // Without a file to make it is whatever was in the register.
        "mode" if !makes_file(open) => Raw::Unsigned(0),
        "mode" => Raw::Unsigned(open.mode.into()),
        "resolve" => Raw::Unsigned(open.resolve),
        "dev" => Raw::Unsigned(fd::user_device(open.file.dev).into()),
        "ino" => Raw::Unsigned(open.file.ino),
        "creat_flags" => {
            Raw::Unsigned(u64::from(open.file.upper_layer) | u64::from(open.file.lower_layer) << 1)
        }
        _ => Raw::Missing,
    }
}

/// Whether an open may make a file.
fn makes_file(open: &Open<'_>) -> bool {
    let flags = names::open_flags(open.flags);
    open.call == OpenCall::Creat || flags & (names::O_CREAT | names::O_TMPFILE) != 0
}

/// The flags of an open call as rules see them: those of the caller, and what
/// became of the file. `creat` has none.
pub(in crate::fields) fn open_flags(open: &Open<'_>) -> u64 {
    if open.call == OpenCall::Creat {
        return 0;
    }
    let became = [
        (open.file.created, names::O_F_CREATED),
        (open.file.upper_layer, names::FD_UPPER_LAYER),
        (open.file.lower_layer, names::FD_LOWER_LAYER),
    ];
    became
        .iter()
        .filter(|(is, _)| *is)
        .fold(names::open_flags(open.flags), |flags, (_, bit)| flags | bit)
}

/// The parameters of connect.
pub(super) fn of_connect<'a>(o: &Observation<'a>, connect: &Connect<'a>, name: &str) -> Raw<'a> {
    match name {
        "res" => Raw::Signed(connect.result),
        "fd" => Raw::Signed(connect.fd.into()),
        "tuple" => match fd::socket::of(o).and_then(|socket| socket.tuple(o.arena)) {
            Some(tuple) => Raw::Bytes(tuple),
            None => Raw::Missing,
        },
        "addr" => match connect.peers {
            Peers::Ip {
                remote: (ip, port), ..
            } => Raw::Bytes(compose::text(o.arena, format_args!("{ip}:{port}"))),
            Peers::Unix { path, .. } => Raw::Bytes(path),
            Peers::Numbered {
                remote: [one, other],
                family: AF_VSOCK,
                ..
            } => Raw::Bytes(compose::text(o.arena, format_args!("{one}:{other}"))),
            Peers::Numbered {
                remote: [port, _], ..
            } => Raw::Bytes(compose::text(o.arena, format_args!("{port}"))),
            Peers::Other(_) => Raw::Missing,
        },
        _ => Raw::Missing,
    }
}
