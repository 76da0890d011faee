//! connection: record in, [`ConnectionEnd`] out.

use sensor_ebpf::connection::Record;

use super::{DecodeError, Ends, connect, record};

/// The end of a TCP connection that had been established; the task is whose it was,
/// process 0 when nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionEnd {
    /// From where to where.
    pub ends: Ends,
    /// The other side connected.
    pub accepted: bool,
    /// From beginning to end, in nanoseconds.
    pub duration_ns: u64,
    /// Bytes sent, what was sent again counted again.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
}

pub(super) fn decode(bytes: &[u8]) -> Result<ConnectionEnd, DecodeError> {
    const TCP: u8 = 6;
    let (fixed, _) = record::split::<Record>(bytes)?;
    Ok(ConnectionEnd {
        ends: Ends {
            local: (connect::address(fixed.local), fixed.local_port),
            remote: (connect::address(fixed.remote), fixed.remote_port),
            protocol: TCP,
            netns: fixed.netns,
        },
        accepted: fixed.accepted != 0,
        duration_ns: fixed.duration_ns,
        sent: fixed.sent,
        received: fixed.received,
    })
}
