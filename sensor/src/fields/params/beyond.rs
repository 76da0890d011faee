//! The parameters of what no system call of its own tells.

use std::net::IpAddr;

use super::Raw;
use crate::decode::{ConnectionEnd, Differs, Dns, Message, Mismatch, Operation, Pointed, TlsHello};
use crate::enrich::Observation;
use crate::events;
use crate::fields::compose;

/// The parameters of an operation of `io_uring`.
pub(super) fn of_operation<'a>(operation: &Operation, name: &str) -> Raw<'a> {
    match name {
        "res" => Raw::Signed(operation.result),
        "op" => Raw::Bytes(operation.name().as_bytes()),
        "opcode" => Raw::Unsigned(operation.opcode.into()),
        "fd" => Raw::Signed(operation.fd.into()),
        "flags" => Raw::Unsigned(operation.flags.into()),
        _ => Raw::Missing,
    }
}

/// The parameters of a DNS message.
pub(super) fn of_dns<'a>(o: &Observation<'a>, dns: &Dns<'a>, name: &str) -> Raw<'a> {
    match name {
        "client" => end(o, dns.ends.local),
        "server" => end(o, dns.ends.remote),
        "proto" if dns.ends.protocol == 6 => Raw::Bytes(b"tcp"),
        "proto" => Raw::Bytes(b"udp"),
        _ => {
            let message = dns.message.as_ref();
            message.map_or(Raw::Missing, |message| of_message(o, message, name))
        }
    }
}

fn of_message<'a>(o: &Observation<'a>, message: &Message<'a>, name: &str) -> Raw<'a> {
    match name {
        "what" if message.is_answer() => Raw::Bytes(b"answer"),
        "what" => Raw::Bytes(b"question"),
        "id" => Raw::Unsigned(message.id().into()),
        "rcode" if message.is_answer() => code(o, RCODES, message.rcode().into()),
        "name" => message.question().map_or(Raw::Missing, |(name, _)| {
            Raw::Bytes(o.arena.alloc_slice_copy(name.as_bytes()))
        }),
        "type" => message
            .question()
            .map_or(Raw::Missing, |(_, ty)| code(o, TYPES, ty)),
        "answers" if message.is_answer() => {
            let addresses = message.addresses();
            let texts = addresses.map(|it| compose::text(o.arena, format_args!("{}", it.ip)));
            Raw::Bytes(compose::join(o.arena, b",", texts))
        }
        _ => Raw::Missing,
    }
}

/// The parameters of a TLS client's greeting.
pub(super) fn of_tls_hello<'a>(o: &Observation<'a>, hello: &TlsHello<'a>, name: &str) -> Raw<'a> {
    match name {
        "name" => Raw::Bytes(hello.server_name),
        "alpn" => {
            let mut rest = hello.protocols;
            let protocols = std::iter::from_fn(|| {
                let (len, behind) = rest.split_first()?;
                let (protocol, behind) = behind.split_at_checked(usize::from(*len))?;
                rest = behind;
                Some(protocol)
            });
            Raw::Bytes(compose::join(o.arena, b",", protocols))
        }
        "client" => end(o, hello.ends.local),
        "server" => end(o, hello.ends.remote),
        _ => Raw::Missing,
    }
}

/// The parameters of a connection's end.
pub(super) fn of_connection<'a>(o: &Observation<'a>, ended: &ConnectionEnd, name: &str) -> Raw<'a> {
    let (client, server) = if ended.accepted {
        (ended.ends.remote, ended.ends.local)
    } else {
        (ended.ends.local, ended.ends.remote)
    };
    match name {
        "client" => end(o, client),
        "server" => end(o, server),
        "side" if ended.accepted => Raw::Bytes(b"server"),
        "side" => Raw::Bytes(b"client"),
        "sent" => Raw::Unsigned(ended.sent),
        "received" => Raw::Unsigned(ended.received),
        "duration" => Raw::Unsigned(ended.duration_ns),
        _ => Raw::Missing,
    }
}

/// The parameters of an argument that was two things.
pub(super) fn of_mismatch<'a>(o: &Observation<'a>, it: &Mismatch<'a>, name: &str) -> Raw<'a> {
    match name {
        "res" => Raw::Signed(it.result),
        "call" => events::row(events::numbers::code_of(it.number))
            .map_or(Raw::Missing, |row| Raw::Bytes(row.name.as_bytes())),
        "arg" => Raw::Bytes(argument(it).as_bytes()),
        "differs" => Raw::Bytes(match it.differs {
            Differs::Memory => b"memory",
            Differs::Kernel => b"kernel",
        }),
        "entry" => pointed(o, it.entry),
        "exit" => pointed(o, it.exit),
        "kernel" => pointed(o, it.kernel),
        _ => Raw::Missing,
    }
}

/// What the argument is: the only address, the first or second of two paths, or the
/// only path.
fn argument(it: &Mismatch<'_>) -> &'static str {
    let all = sensor_ebpf::mismatch::arguments(it.number);
    match it.number {
        sensor_ebpf::mismatch::CONNECT => "addr",
        _ if all.is_power_of_two() => "path",
        _ if all.trailing_zeros() == u32::from(it.arg) => "oldpath",
        _ => "newpath",
    }
}

fn pointed<'a>(o: &Observation<'a>, what: Pointed<'a>) -> Raw<'a> {
    match what {
        Pointed::Nothing => Raw::Missing,
        Pointed::Text([0, name @ ..]) => Raw::Bytes(compose::concat(o.arena, &[b"@", name])),
        Pointed::Text(text) => Raw::Bytes(text),
        Pointed::Ip(ip, port) => end(o, (ip, port)),
        Pointed::Family(family) => {
            Raw::Bytes(compose::text(o.arena, format_args!("family {family}")))
        }
    }
}

/// `address:port`, as `fd.name` has it.
fn end<'a>(o: &Observation<'a>, (ip, port): (IpAddr, u16)) -> Raw<'a> {
    Raw::Bytes(compose::text(o.arena, format_args!("{ip}:{port}")))
}

/// A number by its name, else the number.
fn code<'a>(o: &Observation<'a>, names: &[(u16, &'static str)], number: u16) -> Raw<'a> {
    let known = names.iter().find(|(known, _)| *known == number);
    Raw::Bytes(match known {
        Some((_, name)) => name.as_bytes(),
        None => compose::text(o.arena, format_args!("{number}")),
    })
}

/// How an answer ended.
const RCODES: &[(u16, &str)] = &[
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
];

/// Types of records asked for.
const TYPES: &[(u16, &str)] = &[
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (10, "NULL"),
    (12, "PTR"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (33, "SRV"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (255, "ANY"),
];
