//! Socket addresses as a caller's memory has them.
//!
//! The bytes are hostile: what is too short for its family is of no family.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bumpalo::Bump;

use super::compose;

/// An address and a port.
pub(super) type End = (IpAddr, u16);

pub(super) const AF_UNIX: u16 = 1;
pub(super) const AF_INET: u16 = 2;
pub(super) const AF_INET6: u16 = 10;
pub(super) const AF_NETLINK: u16 = 16;
pub(super) const AF_PACKET: u16 = 17;
pub(super) const AF_VSOCK: u16 = 40;

/// An address taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Address<'a> {
    /// IPv4 or IPv6; IPv4 inside IPv6 counts as IPv4.
    Ip(End),
    /// A unix socket's name, as the memory has it: NUL first when it is abstract.
    Unix(&'a [u8]),
    /// A virtual machine and its port.
    Vsock { cid: u32, port: u32 },
    /// The port of a netlink socket.
    Netlink(u32),
    /// An interface by its number.
    Packet(i32),
}

/// What the bytes say; `None` of a family that is not known here.
pub(super) fn parse(bytes: &[u8]) -> Option<Address<'_>> {
    let (family, rest) = bytes.split_first_chunk::<2>()?;
    Some(match u16::from_ne_bytes(*family) {
        AF_UNIX => Address::Unix(unix_name(rest)),
        AF_INET => {
            let (port, rest) = rest.split_first_chunk::<2>()?;
            let ip = Ipv4Addr::from(*rest.first_chunk::<4>()?);
            Address::Ip((ip.into(), u16::from_be_bytes(*port)))
        }
        AF_INET6 => {
            let (port, rest) = rest.split_first_chunk::<2>()?;
            let (_, rest) = rest.split_first_chunk::<4>()?;
            let ip = Ipv6Addr::from(*rest.first_chunk::<16>()?);
            Address::Ip((ip.to_canonical(), u16::from_be_bytes(*port)))
        }
        AF_NETLINK => Address::Netlink(number(rest, 2)?),
        AF_PACKET => Address::Packet(number(rest, 2)?.cast_signed()),
        AF_VSOCK => Address::Vsock {
            port: number(rest, 2)?,
            cid: number(rest, 6)?,
        },
        _ => return None,
    })
}

/// A name ends at its NUL, unless that stands first.
fn unix_name(bytes: &[u8]) -> &[u8] {
    match bytes.first() {
        Some(0) => bytes,
        _ => bytes.split(|byte| *byte == 0).next().unwrap_or_default(),
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk::<4>()?))
}

/// A unix name as text: `@` for the NUL of an abstract one.
pub(super) fn unix_text<'a>(arena: &'a Bump, name: &'a [u8]) -> &'a [u8] {
    match name {
        [0] => &[],
        [0, rest @ ..] => {
            // An abstract name may be padded with more of them.
            let ended = rest.iter().rposition(|byte| *byte != 0);
            let rest = rest.get(..ended.map_or(0, |last| last + 1));
            compose::concat(arena, &[b"@", rest.unwrap_or_default()])
        }
        name => name,
    }
}

/// `ip:port`, the path of a unix socket, `cid:port` of a virtual machine.
pub(super) fn text<'a>(arena: &'a Bump, address: Address<'a>) -> &'a [u8] {
    match address {
        Address::Ip((ip, port)) => compose::text(arena, format_args!("{ip}:{port}")),
        Address::Unix(name) => unix_text(arena, name),
        Address::Vsock { cid, port } => compose::text(arena, format_args!("{cid}:{port}")),
        Address::Netlink(port) => compose::text(arena, format_args!("{port}")),
        Address::Packet(interface) => compose::text(arena, format_args!("{interface}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_by_their_family() {
        let arena = Bump::new();
        let v6 = {
            let mut bytes = vec![10, 0, 0x01, 0xbb, 0, 0, 0, 0];
            bytes.extend(Ipv6Addr::LOCALHOST.octets());
            bytes
        };
        let mapped = {
            let mut bytes = vec![10, 0, 0, 53, 0, 0, 0, 0];
            bytes.extend(Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped().octets());
            bytes
        };
        let cases: [(&[u8], Option<&str>); 12] = [
            (&[2, 0, 0, 53, 9, 8, 7, 6, 0, 0], Some("9.8.7.6:53")),
            (&[2, 0, 0, 53, 9, 8, 7], None),
            (&v6, Some("::1:443")),
            (&mapped, Some("10.0.0.1:53")),
            (b"\x01\0/run/x\0rest", Some("/run/x")),
            (b"\x01\0\0abstract\0\0", Some("@abstract")),
            (b"\x01\0", Some("")),
            (b"\x01\0\0", Some("")),
            (&[40, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0], Some("2:5")),
            (&[16, 0, 0, 0, 7, 0, 0, 0], Some("7")),
            (&[99, 0, 1], None),
            (&[2], None),
        ];
        for (bytes, want) in cases {
            let shown = parse(bytes).map(|address| text(&arena, address));
            assert_eq!(shown, want.map(str::as_bytes), "{bytes:?}");
        }
    }
}
