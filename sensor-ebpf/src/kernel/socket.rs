//! Reading a socket: its kind, its ends.

use crate::{
    connect::AF_INET6,
    kernel::{field, file::File, offset},
};

/// A `struct sock` by its address; 0 for none.
#[derive(Clone, Copy)]
pub(crate) struct Socket(pub(crate) u64);

/// Type bits of `inode.i_mode`, and a socket's.
const S_IFMT: u16 = 0o170_000;
const S_IFSOCK: u16 = 0o140_000;

impl File {
    /// The socket behind the file, none when it is something else.
    #[inline(always)]
    pub(crate) fn socket(self) -> Socket {
        if self.inode().mode() & S_IFMT != S_IFSOCK {
            return Socket(0);
        }
        let socket: u64 = field(self.0, offset!(file_private));
        Socket(field(socket, offset!(socket_sk)))
    }
}

impl Socket {
    /// `AF_*`.
    #[inline(always)]
    pub(crate) fn family(self) -> u16 {
        field(self.0, offset!(sock_family))
    }

    /// `SOCK_*`.
    #[inline(always)]
    pub(crate) fn kind(self) -> u16 {
        field(self.0, offset!(sock_type))
    }

    /// `IPPROTO_*`.
    #[inline(always)]
    pub(crate) fn protocol(self) -> u16 {
        field(self.0, offset!(sock_protocol))
    }

    /// Local port, 0 while none is bound.
    #[inline(always)]
    pub(crate) fn local_port(self) -> u16 {
        field(self.0, offset!(sock_local_port))
    }

    /// Remote port, 0 while there is no peer.
    #[inline(always)]
    pub(crate) fn remote_port(self) -> u16 {
        u16::from_be(field(self.0, offset!(sock_remote_port)))
    }

    /// Local address, IPv4 mapped into IPv6.
    #[inline(always)]
    pub(crate) fn local(self) -> [u8; 16] {
        self.address(offset!(sock_local4), offset!(sock_local6))
    }

    /// Remote address, IPv4 mapped into IPv6.
    #[inline(always)]
    pub(crate) fn remote(self) -> [u8; 16] {
        self.address(offset!(sock_remote4), offset!(sock_remote6))
    }

    #[inline(always)]
    fn address(self, ipv4: u32, ipv6: u32) -> [u8; 16] {
        if self.family() == AF_INET6 {
            field(self.0, ipv6)
        } else {
            mapped(field(self.0, ipv4))
        }
    }

    /// State of its connection, as TCP counts them.
    #[inline(always)]
    pub(crate) fn state(self) -> u8 {
        field(self.0, offset!(sock_state))
    }

    /// The unix socket at the other end.
    #[inline(always)]
    pub(crate) fn unix_peer(self) -> u64 {
        field(self.0, offset!(unix_peer))
    }
}

/// An IPv4 address as an IPv6 one: `::ffff:a.b.c.d`.
#[inline(always)]
pub(crate) fn mapped(ipv4: [u8; 4]) -> [u8; 16] {
    let [a, b, c, d] = ipv4;
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
}
