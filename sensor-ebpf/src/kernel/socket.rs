//! Reading a socket: its kind, its ends.

use crate::{
    call::Peer,
    connect::{AF_INET6, AF_NETLINK, AF_UNIX, AF_VSOCK},
    kernel::{field, file::File, offset, peek},
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

    /// What netlink and vsock have in place of addresses: see
    /// [`Descriptor`](crate::call::Descriptor).
    #[inline(always)]
    pub(crate) fn numbers(self) -> ([u8; 16], [u8; 16]) {
        let number = |offset: u32| field::<u32>(self.0, offset);
        let (local, remote): ([u32; 2], [u32; 2]) = match self.family() {
            AF_NETLINK => {
                let groups: u64 = field(self.0, offset!(netlink_groups));
                (
                    [number(offset!(netlink_portid)), peek(groups)],
                    [
                        number(offset!(netlink_dst_portid)),
                        number(offset!(netlink_dst_group)),
                    ],
                )
            }
            // struct sockaddr_vm: family, port, context id.
            AF_VSOCK => {
                let [_, port, cid]: [u32; 3] = field(self.0, offset!(vsock_local));
                let [_, far_port, far_cid]: [u32; 3] = field(self.0, offset!(vsock_remote));
                ([cid, port], [far_cid, far_port])
            }
            _ => ([0; 2], [0; 2]),
        };
        (wide(local), wide(remote))
    }

    /// Who is at the other end of a unix socket, where the kernel noted it.
    #[inline(always)]
    pub(crate) fn unix_peer_process(self) -> Option<Peer> {
        if self.family() != AF_UNIX {
            return None;
        }
        let pid: u64 = field(self.0, offset!(sock_peer_pid));
        let cred: u64 = field(self.0, offset!(sock_peer_cred));
        if pid == 0 || cred == 0 {
            return None;
        }
        let number = offset!(pid_numbers) + offset!(upid_nr);
        // uid, gid, suid, sgid, euid, egid
        let ids: [u32; 6] = field(cred, offset!(cred_uid));
        Some(Peer {
            pid: field(pid, number),
            uid: ids[4],
            gid: ids[5],
            reserved: 0,
        })
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

/// Two numbers where addresses have room.
#[inline(always)]
fn wide([one, other]: [u32; 2]) -> [u8; 16] {
    zerocopy::transmute!([one, other, 0, 0])
}

/// An IPv4 address as an IPv6 one: `::ffff:a.b.c.d`.
#[inline(always)]
pub(crate) fn mapped(ipv4: [u8; 4]) -> [u8; 16] {
    let [a, b, c, d] = ipv4;
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
}
