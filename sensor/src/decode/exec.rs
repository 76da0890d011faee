//! exec: record in, [`Exec`] out.

use sensor_ebpf::exec::{CALL_EXECVEAT, LOWER_LAYER, MEMFD, Record, UPPER_LAYER, WRITABLE};

use super::{DecodeError, ExeFile, Exec, ExecCall, record};

/// The texts stand in the order they are taken here.
pub(super) fn decode(bytes: &[u8]) -> Result<Exec<'_>, DecodeError> {
    let (fixed, mut texts) = record::split::<Record>(bytes)?;
    let flag = |bit| fixed.flags & bit != 0;
    let mut exec = Exec {
        call: match fixed.call {
            CALL_EXECVEAT => ExecCall::Execveat,
            _ => ExecCall::Execve,
        },
        result: fixed.result,
        filename: texts.take(fixed.filename_len)?,
        exe_path: texts.take(fixed.exe_path_len)?,
        cwd: texts.take(fixed.cwd_len)?,
        argv: texts.take(fixed.argv_len)?,
        argv_full: fixed.argv_full,
        env: texts.take(fixed.env_len)?,
        env_full: fixed.env_full,
        place: texts.place(&fixed.place)?,
        ids: record::ids(&fixed.ids),
        tty: fixed.tty,
        loginuid: fixed.loginuid,
        caps: record::caps(fixed.caps),
        exe: ExeFile {
            ino: fixed.exe_ino,
            ctime_ns: fixed.exe_ctime_ns,
            mtime_ns: fixed.exe_mtime_ns,
            upper_layer: flag(UPPER_LAYER),
            lower_layer: flag(LOWER_LAYER),
            memfd: flag(MEMFD),
            writable: flag(WRITABLE),
        },
        usage: None,
    };
    exec.usage = record::usage(texts);
    Ok(exec)
}
