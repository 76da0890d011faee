//! open: record in, [`Open`] out.

use sensor_ebpf::open::{
    CALL_CREAT, CALL_OPEN, CALL_OPENAT2, CREATED, LOWER_LAYER, Record, UPPER_LAYER,
};

use super::{DecodeError, Open, OpenCall, OpenedFile, record};

/// The texts stand in the order they are taken here.
pub(super) fn decode(bytes: &[u8]) -> Result<Open<'_>, DecodeError> {
    let (fixed, mut texts) = record::split::<Record>(bytes)?;
    let flag = |bit| fixed.file_flags & bit != 0;
    Ok(Open {
        call: match fixed.call {
            CALL_OPEN => OpenCall::Open,
            CALL_OPENAT2 => OpenCall::Openat2,
            CALL_CREAT => OpenCall::Creat,
            _ => OpenCall::Openat,
        },
        result: fixed.result,
        dirfd: fixed.dirfd,
        name: texts.take(fixed.name_len)?,
        base: texts.take(fixed.base_len)?,
        real_path: texts.take(fixed.real_path_len)?,
        flags: fixed.flags,
        mode: fixed.mode,
        resolve: fixed.resolve,
        file: OpenedFile {
            dev: fixed.dev,
            ino: fixed.ino,
            mode: fixed.file_mode,
            created: flag(CREATED),
            upper_layer: flag(UPPER_LAYER),
            lower_layer: flag(LOWER_LAYER),
        },
    })
}
