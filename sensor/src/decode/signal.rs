//! signal: record in, [`Signal`] out.

use sensor_ebpf::signal::Record;

use super::{Comm, DecodeError, record};

/// A signal one process sent another; the task is the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// Process id of the receiver, initial namespace.
    pub target_pid: u32,
    /// Thread id of the receiver; of a signal to the whole process its first thread.
    pub target_tid: u32,
    /// Start of the receiving process, boot clock nanoseconds.
    pub target_start_boot_ns: u64,
    /// The receiver's name.
    pub target_comm: Comm,
    /// The signal's number, 1..=64.
    pub number: u8,
    /// How it was sent, `SI_USER` (0), `SI_QUEUE` (-1) or `SI_TKILL` (-6); other
    /// negative numbers are the sender's own words.
    pub code: i32,
}

pub(super) fn decode(bytes: &[u8]) -> Result<Signal, DecodeError> {
    let (fixed, _) = record::split::<Record>(bytes)?;
    Ok(Signal {
        target_pid: fixed.target_tgid,
        target_tid: fixed.target_tid,
        target_start_boot_ns: fixed.target_start_boot_ns,
        target_comm: Comm::from(&fixed.target_comm[..]),
        number: u8::try_from(fixed.signal).unwrap_or(u8::MAX),
        code: fixed.code,
    })
}
