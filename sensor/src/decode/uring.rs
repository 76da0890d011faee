//! uring: record in, out comes what the system call that does the same would
//! have told; or an [`Operation`] where there is none.

use std::net::{IpAddr, Ipv6Addr};

use sensor_ebpf::call::{Descriptor, RESULT};
use sensor_ebpf::connect::{AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, AF_VSOCK};
use sensor_ebpf::open::{CREATED, LOWER_LAYER, UPPER_LAYER};
use sensor_ebpf::uring::{NO_CALL, OPERATIONS, Record};

use super::{Body, Call, Connect, DecodeError, Open, OpenCall, OpenedFile, Peers, connect, record};

/// An operation of `io_uring` that no system call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// `IORING_OP_*`.
    pub opcode: u8,
    /// The descriptor it was given; a place in the ring's own table when `fixed`.
    pub fd: i32,
    /// `IOSQE_*` flags of the request.
    pub flags: u8,
    /// What the completion said: not negative, or a negative errno.
    pub result: i64,
}

impl Operation {
    /// The opcode's name in small letters; empty for one this build does not know.
    pub fn name(&self) -> &'static str {
        let known = OPERATIONS.get(usize::from(self.opcode));
        known.map_or("", |known| known.name)
    }
}

const OPENAT: u16 = 257;
const OPENAT2: u16 = 437;
const CONNECT: u16 = 42;

pub(super) fn decode(bytes: &[u8]) -> Result<Body<'_>, DecodeError> {
    let (fixed, texts) = record::split::<Record>(bytes)?;
    let known = OPERATIONS.get(usize::from(fixed.opcode));
    let number = known.map_or(NO_CALL, |known| known.call);
    let bare = Call::bare(number, fixed.result, fixed.args);
    let call = Call::of_sections(bare, texts.rest(), fixed.sections)?;
    Ok(match number {
        NO_CALL => Body::Operation(Operation {
            opcode: fixed.opcode,
            fd: int(call.args[0]),
            flags: fixed.flags,
            result: fixed.result,
        }),
        OPENAT | OPENAT2 => Body::Open(open(&call)),
        CONNECT => Body::Connect(connect(&call)),
        _ => Body::Call(call),
    })
}

/// An `int` argument: its lower half.
fn int(arg: u64) -> i32 {
    let [a, b, c, d, ..] = arg.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

fn open<'r>(call: &Call<'r>) -> Open<'r> {
    let [dirfd, _, flags, mode, resolve, _] = call.args;
    let (file, real_path) = match call.descriptor(RESULT) {
        Some((told, path)) => (opened(&told), path),
        None => (OpenedFile::default(), &[][..]),
    };
    Open {
        call: if call.number == OPENAT2 {
            OpenCall::Openat2
        } else {
            OpenCall::Openat
        },
        result: call.result,
        dirfd: int(dirfd),
        name: call.text(1).unwrap_or_default(),
        base: call.base(1).unwrap_or_default(),
        real_path,
        flags,
        mode: int(mode).cast_unsigned(),
        resolve,
        file,
    }
}

fn opened(told: &Descriptor) -> OpenedFile {
    let flag = |bit| told.file_flags & bit != 0;
    OpenedFile {
        dev: told.dev,
        ino: told.ino,
        mode: told.mode,
        created: flag(CREATED),
        upper_layer: flag(UPPER_LAYER),
        lower_layer: flag(LOWER_LAYER),
    }
}

/// Where the caller asked to go and, once the kernel goes there, where that is.
fn connect<'r>(call: &Call<'r>) -> Connect<'r> {
    const EINPROGRESS: i64 = 115;
    let asked = call.address(1).unwrap_or_default();
    let told = call.descriptor(0).map(|(told, _)| told);
    let going = call.result == 0 || call.result == -EINPROGRESS;
    let peers = match (family(asked), &told) {
        (AF_UNIX, told) => Peers::Unix {
            path: unix_path(asked),
            source: told.map_or(0, |told| told.source),
            peer: told.map_or(0, |told| told.peer),
        },
        (AF_INET | AF_INET6, told) => {
            let local = told.filter(|told| told.local_port != 0);
            let remote = told.filter(|told| going && told.remote_port != 0);
            let remote = remote.map(|told| (connect::address(told.remote), told.remote_port));
            Peers::Ip {
                local: local.map(|told| (connect::address(told.local), told.local_port)),
                remote: remote.or_else(|| ip_end(asked)).unwrap_or(NOWHERE),
            }
        }
        (family @ (AF_NETLINK | AF_VSOCK), Some(told)) => Peers::Numbered {
            family,
            local: connect::numbers(told.local),
            remote: connect::numbers(told.remote),
        },
        (family, _) => Peers::Other(family),
    };
    Connect {
        fd: int(call.args[0]),
        result: call.result,
        protocol: told.map_or(0, |told| connect::protocol(told.protocol)),
        socket_type: told.map_or(0, |told| told.socket_type),
        peers,
        peer: call.peer(0),
    }
}

const NOWHERE: (IpAddr, u16) = (IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);

fn family(address: &[u8]) -> u16 {
    let family = address.first_chunk::<2>();
    family.map_or(0, |family| u16::from_le_bytes(*family))
}

/// Address and port in a socket address of IPv4 or IPv6.
fn ip_end(address: &[u8]) -> Option<(IpAddr, u16)> {
    let port = u16::from_be_bytes(*address.get(2..)?.first_chunk()?);
    let ip = if family(address) == AF_INET {
        IpAddr::from(*address.get(4..)?.first_chunk::<4>()?)
    } else {
        let v6 = *address.get(8..)?.first_chunk::<16>()?;
        IpAddr::from(v6).to_canonical()
    };
    Some((ip, port))
}

fn unix_path(address: &[u8]) -> &[u8] {
    let name = address.get(2..).unwrap_or_default();
    name.split(|byte| *byte == 0).next().unwrap_or_default()
}
