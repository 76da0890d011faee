//! connect: record in, [`Connect`] out.

use std::net::{IpAddr, Ipv6Addr};

use sensor_ebpf::call::Peer;
use sensor_ebpf::connect::{AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, AF_VSOCK, Record};
use zerocopy::FromBytes;

use super::{Connect, DecodeError, Peers, record};

pub(super) fn decode(bytes: &[u8]) -> Result<Connect<'_>, DecodeError> {
    let (fixed, mut texts) = record::split::<Record>(bytes)?;
    let path = texts.take(fixed.path_len)?;
    let peer = Peer::read_from_prefix(texts.rest()).ok();
    Ok(Connect {
        fd: fixed.fd,
        result: fixed.result,
        protocol: protocol(fixed.protocol),
        socket_type: fixed.socket_type,
        peer: peer.map(|(peer, _)| peer),
        peers: match fixed.family {
            AF_UNIX => Peers::Unix {
                path: path.split(|byte| *byte == 0).next().unwrap_or_default(),
                source: fixed.source,
                peer: fixed.peer,
            },
            AF_INET | AF_INET6 => Peers::Ip {
                local: (fixed.local_port != 0).then(|| (address(fixed.local), fixed.local_port)),
                remote: (address(fixed.remote), fixed.remote_port),
            },
            AF_NETLINK | AF_VSOCK => Peers::Numbered {
                family: fixed.family,
                local: numbers(fixed.local),
                remote: numbers(fixed.remote),
            },
            family => Peers::Other(family),
        },
    })
}

/// The two numbers in the place of an address.
pub fn numbers(bytes: [u8; 16]) -> [u32; 2] {
    let [one, other, ..]: [u32; 4] = zerocopy::transmute!(bytes);
    [one, other]
}

/// The protocol on the wire: the kernel counts beyond 255 only for MPTCP (262),
/// which is TCP there.
pub(super) fn protocol(number: u16) -> u8 {
    const IPPROTO_TCP: u8 = 6;
    u8::try_from(number).unwrap_or(IPPROTO_TCP)
}

/// An address mapped into IPv6 is the IPv4 address it stands for, also when an
/// IPv6 socket goes there.
pub(super) fn address(bytes: [u8; 16]) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from_octets(bytes)).to_canonical()
}
