//! Parameters of what happens to processes: exec, fork, the end, signals.

use super::Raw;
use crate::decode::{Exec, Exit, Fork, Signal, Usage};
use crate::enrich::Observation;
use crate::fields::thread;

/// The parameters of execve and execveat. All but the result are those of the
/// process: a failed call leaves it what it was.
pub(super) fn of_exec<'a>(o: &Observation<'a>, exec: &Exec<'a>, name: &str) -> Raw<'a> {
    match name {
        "res" => return Raw::Signed(exec.result),
        "filename" => return Raw::Bytes(exec.filename),
        _ => {}
    }
    let Some(process) = o.process else {
        return Raw::Missing;
    };
    let (image, ids) = (&*process.image, &process.ids);
    if let Some(raw) = exec.usage.and_then(|usage| of_usage(&usage, name)) {
        return raw;
    }
    match name {
        "env" => Raw::Bytes(&image.env),
        "tty" => Raw::Unsigned(process.tty.into()),
        "vpgid" => Raw::Signed(ids.vpgid.into()),
        "pgid" => Raw::Signed(ids.pgid.into()),
        "loginuid" => Raw::Unsigned(process.loginuid.into()),
        "flags" => Raw::Unsigned(exe_flags(o)),
        "cap_inheritable" => Raw::Unsigned(process.caps.inheritable),
        "cap_permitted" => Raw::Unsigned(process.caps.permitted),
        "cap_effective" => Raw::Unsigned(process.caps.effective),
        "exe_ino" => Raw::Unsigned(image.file.ino),
        "exe_ino_ctime" => Raw::Unsigned(image.file.ctime_ns),
        "exe_ino_mtime" => Raw::Unsigned(image.file.mtime_ns),
        "trusted_exepath" => Raw::Bytes(&image.exe_path),
        "uid" => Raw::Unsigned(o.event.task.uid.into()),
        "gid" => Raw::Unsigned(o.event.task.gid.into()),
        _ => of_task(o, name),
    }
}

/// What the acting process may use and does.
fn of_usage<'a>(usage: &Usage, name: &str) -> Option<Raw<'a>> {
    Some(match name {
        // No limit at all is -1, as it is for the process itself.
        "fdlimit" => Raw::Signed(usage.descriptor_limit.cast_signed()),
        "pgft_maj" => Raw::Unsigned(usage.major_faults),
        "pgft_min" => Raw::Unsigned(usage.minor_faults),
        "vm_size" => Raw::Unsigned(usage.vm_size_kib.into()),
        "vm_rss" => Raw::Unsigned(usage.vm_rss_kib.into()),
        "vm_swap" => Raw::Unsigned(usage.vm_swap_kib.into()),
        _ => return None,
    })
}

/// What the exec and fork families both tell of the acting process.
fn of_task<'a>(o: &Observation<'a>, name: &str) -> Raw<'a> {
    let task = &o.event.task;
    match (name, o.process) {
        ("tid", _) => Raw::Signed(task.tid.into()),
        ("pid", _) => Raw::Signed(task.pid.into()),
        ("ptid", _) => Raw::Signed(task.ppid.into()),
        ("exe", Some(process)) => Raw::Bytes(&process.image.exe),
        ("args", Some(process)) => Raw::Bytes(&process.image.argv_rest),
        ("cwd", Some(process)) => Raw::Bytes(&process.cwd),
        // The thread's, which may have another than the process.
        ("comm", _) => Raw::Bytes(task.comm.as_bytes()),
        ("cgroups", Some(process)) => Raw::Bytes(thread::cgroup_path(process)),
        _ => Raw::Missing,
    }
}

/// What the file of the acting process is, as flags.
fn exe_flags(o: &Observation<'_>) -> u64 {
    let file = o.process.map(|process| process.image.file);
    let file = file.unwrap_or_default();
    u64::from(file.writable)
        | u64::from(file.upper_layer) << 1
        | u64::from(file.memfd) << 2
        | u64::from(file.lower_layer) << 3
}

/// The parameters of the fork family, as the parent sees them.
pub(super) fn of_fork<'a>(o: &Observation<'a>, fork: &Fork<'a>, name: &str) -> Raw<'a> {
    if let Some(raw) = fork.usage.and_then(|usage| of_usage(&usage, name)) {
        return raw;
    }
    match name {
        "res" => Raw::Signed(fork.child_pid.into()),
        "flags" => Raw::Unsigned(fork.flags),
        "uid" => Raw::Unsigned(o.event.task.uid.into()),
        "gid" => Raw::Unsigned(o.event.task.gid.into()),
        "vtid" => thread::vtid(o).map_or(Raw::Missing, |vtid| Raw::Signed(vtid.into())),
        "vpid" => o
            .process
            .map_or(Raw::Missing, |process| Raw::Signed(process.ids.vpid.into())),
        "pidns_init_start_ts" => match fork.place.pidns_start_boot_ns {
            0 => Raw::Missing,
            start => Raw::Unsigned(start.saturating_add(o.host.boot_time_ns)),
        },
        _ => of_task(o, name),
    }
}

/// The parameters of the end of a process.
pub(super) fn of_exit<'a>(exit: Exit, name: &str) -> Raw<'a> {
    match name {
        "status" => Raw::Signed(exit.status.into()),
        "ret" => Raw::Signed(exit.code().into()),
        "sig" => Raw::Unsigned(exit.signal().into()),
        "core" => Raw::Unsigned(exit.core().into()),
        "reaper_tid" => Raw::Signed(exit.reaper_pid.into()),
        _ => Raw::Missing,
    }
}

/// The parameters of a signal.
pub(super) fn of_signal<'a>(o: &Observation<'a>, signal: &Signal, name: &str) -> Raw<'a> {
    match name {
        "spid" => Raw::Signed(o.event.task.pid.into()),
        "dpid" => Raw::Signed(signal.target_pid.into()),
        "sig" => Raw::Unsigned(signal.number.into()),
        _ => Raw::Missing,
    }
}
