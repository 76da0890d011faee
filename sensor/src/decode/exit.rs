//! exit: record in, [`Exit`] out.

use sensor_ebpf::exit::Record;

use super::{DecodeError, Exit, record};

pub(super) fn decode(bytes: &[u8]) -> Result<Exit, DecodeError> {
    let (fixed, _) = record::split::<Record>(bytes)?;
    Ok(Exit {
        status: fixed.status,
        reaper_pid: fixed.reaper_tgid,
    })
}
