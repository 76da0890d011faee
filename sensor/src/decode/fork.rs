//! fork: record in, [`Fork`] out.

use sensor_ebpf::fork::{CALL_CLONE3, CALL_FORK, CALL_VFORK, Record};

use super::{Comm, DecodeError, Fork, ForkCall, record};

pub(super) fn decode(bytes: &[u8]) -> Result<Fork<'_>, DecodeError> {
    let (fixed, mut texts) = record::split::<Record>(bytes)?;
    let place = texts.place(&fixed.place)?;
    Ok(Fork {
        call: match fixed.call {
            CALL_FORK => ForkCall::Fork,
            CALL_VFORK => ForkCall::Vfork,
            CALL_CLONE3 => ForkCall::Clone3,
            _ => ForkCall::Clone,
        },
        child_pid: fixed.child_tgid,
        child_start_boot_ns: fixed.child_start_boot_ns,
        child_ppid: fixed.child_ppid,
        ids: record::ids(&fixed.ids),
        comm: Comm::from(&fixed.comm[..]),
        flags: fixed.clone_flags,
        loginuid: fixed.loginuid,
        place,
        usage: record::usage(texts),
    })
}
