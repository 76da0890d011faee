//! packet: record in, a [`Dns`] or a [`TlsHello`] out.

use std::net::IpAddr;

use sensor_ebpf::packet::{Record, WHAT_TLS};

use super::dns::Message;
use super::{Body, DecodeError, connect, record, tls};

/// The two ends of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// This machine's address and port.
    pub local: (IpAddr, u16),
    /// The other end's.
    pub remote: (IpAddr, u16),
    /// IP protocol number: 6 or 17.
    pub protocol: u8,
    /// Inode number of the network namespace; 0 when unknown.
    pub netns: u32,
}

/// A DNS message on the wire; the task is who asked, process 0 when nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dns<'r> {
    /// From where to where.
    pub ends: Ends,
    /// What it says; nothing when what came is no message.
    pub message: Option<Message<'r>>,
}

/// The first message of a TLS client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsHello<'r> {
    /// From where to where.
    pub ends: Ends,
    /// The server it asks for; empty when it names none, or its greeting is
    /// cut before.
    pub server_name: &'r [u8],
    /// The protocols it offers, each with its length in front.
    pub protocols: &'r [u8],
}

pub(super) fn decode(bytes: &[u8]) -> Result<Body<'_>, DecodeError> {
    const TCP: u8 = 6;
    let (fixed, mut texts) = record::split::<Record>(bytes)?;
    let message = texts.take(fixed.len)?;
    let ends = Ends {
        local: (connect::address(fixed.local), fixed.local_port),
        remote: (connect::address(fixed.remote), fixed.remote_port),
        protocol: fixed.protocol,
        netns: fixed.netns,
    };
    Ok(if fixed.what == WHAT_TLS {
        Body::TlsHello(TlsHello {
            ends,
            server_name: tls::server_name(message).unwrap_or_default(),
            protocols: tls::protocols(message).unwrap_or_default(),
        })
    } else {
        // Over TCP a message's length stands in front of it.
        let message = if fixed.protocol == TCP {
            message.get(2..).unwrap_or_default()
        } else {
            message
        };
        Body::Dns(Dns {
            ends,
            message: Message::new(message),
        })
    })
}
