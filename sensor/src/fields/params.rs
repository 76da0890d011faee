//! The parameters of the event at hand, raw and as text.
//!
//! Which parameters an event has, and of what kind, is the event table's to
//! say; here is where their values come from. A parameter the table knows and
//! the kernel did not tell is shown as `<NA>`, so that it exists.

use super::{compose, fd, names, path, user};
use crate::decode::{Body, Call, Connect, Exec, Exit, Fork, Open, OpenCall, Peers, Signal};
use crate::enrich::Observation;
use crate::events::{self, EventType, From, Kind, Param};

/// The value of a parameter before it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raw<'a> {
    /// The kernel did not tell.
    Missing,
    /// A number that may be negative.
    Signed(i64),
    /// A number.
    Unsigned(u64),
    /// Text, a path or a buffer.
    Bytes(&'a [u8]),
}

/// The directory descriptor that stands for the working directory.
const AT_FDCWD: i64 = -100;

/// The row of the event at hand.
pub(super) fn event_type(o: &Observation<'_>) -> Option<&'static EventType> {
    events::row(events::code_of(o.event))
}

/// The raw value, when the event at hand has a parameter of that name.
pub(super) fn raw_of<'a>(o: &Observation<'a>, name: &str) -> Option<Raw<'a>> {
    event_type(o)?.param(name)?;
    Some(raw(o, name))
}

/// A parameter as `evt.arg` shows it: what its number means, else the number.
pub(super) fn text<'a>(o: &Observation<'a>, param: &Param) -> &'a [u8] {
    let raw = raw(o, param.name);
    meaning(o, param, raw).unwrap_or_else(|| plain(o, param.kind, raw))
}

/// All parameters as `evt.args` shows them: `name=value`, and behind it in
/// parentheses what the value means where that is something else.
pub(super) fn all<'a>(o: &Observation<'a>) -> &'a [u8] {
    let params = event_type(o).map_or(&[][..], |event| event.params);
    compose::join(
        o.arena,
        b" ",
        params.iter().map(|param| {
            let raw = raw(o, param.name);
            let plain = plain(o, param.kind, raw);
            let name = param.name.as_bytes();
            match meaning(o, param, raw) {
                None => compose::concat(o.arena, &[name, b"=", plain]),
                Some(text) => compose::concat(o.arena, &[name, b"=", plain, b"(", text, b")"]),
            }
        }),
    )
}

/// The value as its kind says, without looking anything up.
fn plain<'a>(o: &Observation<'a>, kind: Kind, raw: Raw<'a>) -> &'a [u8] {
    match (raw, kind) {
        (Raw::Missing | Raw::Bytes([]), Kind::Buffer | Kind::Tuple) => b"NULL",
        (Raw::Missing | Raw::Bytes([]), _) => b"<NA>",
        (Raw::Bytes(bytes), Kind::Buffer) => compose::printable(o.arena, bytes),
        (Raw::Bytes(bytes), _) => bytes,
        (Raw::Signed(number), _) => compose::text(o.arena, format_args!("{number}")),
        (Raw::Unsigned(number), Kind::Hex(_)) => compose::text(o.arena, format_args!("{number:X}")),
        (Raw::Unsigned(number), Kind::Octal(_)) => {
            compose::text(o.arena, format_args!("{number:o}"))
        }
        (Raw::Unsigned(number), _) => compose::text(o.arena, format_args!("{number}")),
    }
}

/// What the value means, where that is more than the value.
fn meaning<'a>(o: &Observation<'a>, param: &Param, raw: Raw<'a>) -> Option<&'a [u8]> {
    match (param.kind, raw) {
        (Kind::Errno, Raw::Signed(number)) => names::errno(-number).map(str::as_bytes),
        (Kind::Fd, Raw::Signed(number)) => descriptor(o, param.name, number),
        (Kind::Pid, Raw::Signed(pid)) => process_name(o, pid),
        (Kind::Uid, Raw::Unsigned(id)) => Some(match u32::try_from(id) {
            Ok(u32::MAX) | Err(_) => b"<NONE>",
            Ok(id) => user::user_name(o, id),
        }),
        (Kind::Gid, Raw::Unsigned(id)) => Some(match u32::try_from(id) {
            Ok(u32::MAX) | Err(_) => b"<NONE>",
            Ok(id) => user::group_name(o, id),
        }),
        (Kind::Path, Raw::Bytes(name)) => absolute(o, working_directory(o), name),
        (Kind::RelativePath, Raw::Bytes(name)) => absolute(o, fd::base(o), name),
        (Kind::Flags(_), Raw::Unsigned(flags)) => {
            Some(compose::flags(o.arena, flags, flag_names(o, param.name)))
        }
        (Kind::SignalNumber, Raw::Unsigned(number)) => {
            let number = i64::try_from(number).ok()?;
            names::signal(number).map(str::as_bytes)
        }
        _ => None,
    }
}

/// A relative path made absolute; an absolute one means itself, and so does
/// one whose directory is not known.
fn absolute<'a>(o: &Observation<'a>, base: &'a [u8], name: &'a [u8]) -> Option<&'a [u8]> {
    let relative = !name.is_empty() && !name.starts_with(b"/") && !base.is_empty();
    relative.then(|| path::absolute(o.arena, base, name))
}

/// The directory a path of the acting process starts from.
fn working_directory<'a>(o: &Observation<'a>) -> &'a [u8] {
    match &o.event.body {
        Body::Open(_) => fd::base(o),
        _ => o.process.map_or(&[][..], |process| &process.cwd),
    }
}

/// What a descriptor is: `<f>/etc/passwd`, `<4t>10.0.0.1:5->10.0.0.2:80`.
fn descriptor<'a>(o: &Observation<'a>, name: &str, number: i64) -> Option<&'a [u8]> {
    if name == "dirfd" {
        return match (number, fd::base(o)) {
            (AT_FDCWD, _) => Some(b"AT_FDCWD"),
            (_, []) => None,
            (_, base) => Some(compose::concat(o.arena, &[b"<d>", base])),
        };
    }
    if number < 0 {
        return names::errno(-number).map(str::as_bytes);
    }
    let name = fd::name(o)?;
    let kind = fd::type_char(o)?;
    Some(compose::concat(
        o.arena,
        &[b"<", kind, fd::protocol_char(o), b">", name],
    ))
}

/// The name of the process with that id, as far as it is known.
fn process_name<'a>(o: &Observation<'a>, pid: i64) -> Option<&'a [u8]> {
    let pid = u32::try_from(pid).ok()?;
    match (&o.event.body, o.process) {
        (Body::Fork(fork), _) if fork.child_pid == pid => Some(fork.comm.as_bytes()),
        (Body::Signal(signal), _) if signal.target_pid == pid => {
            Some(signal.target_comm.as_bytes())
        }
        (_, Some(process)) if process.key.pid == pid => Some(process.comm.as_bytes()),
        _ => Some(o.processes.by_pid(pid)?.comm.as_bytes()),
    }
}

/// The names of a parameter's bits.
fn flag_names(o: &Observation<'_>, param: &str) -> &'static [(u64, &'static str)] {
    match (&o.event.body, param) {
        (Body::Exec(_), _) => names::EXE_FLAGS,
        (Body::Fork(_), _) => names::CLONE_FLAGS,
        (_, "resolve") => names::RESOLVE_FLAGS,
        (_, "creat_flags") => names::CREAT_FLAGS,
        (Body::Open(_), _) => names::OPEN_FLAGS,
        _ => &[],
    }
}

/// The value of a parameter of the event at hand.
fn raw<'a>(o: &Observation<'a>, name: &str) -> Raw<'a> {
    match &o.event.body {
        Body::Exec(exec) => of_exec(o, exec, name),
        Body::Fork(fork) => of_fork(o, fork, name),
        Body::Exit(exit) => of_exit(*exit, name),
        Body::Open(open) => of_open(open, name),
        Body::Connect(connect) => of_connect(o, connect, name),
        Body::Call(call) => of_call(call, name),
        Body::Signal(signal) => of_signal(o, signal, name),
    }
}

/// The parameters of execve and execveat. All but the result are those of the
/// process: a failed call leaves it what it was.
fn of_exec<'a>(o: &Observation<'a>, exec: &Exec<'a>, name: &str) -> Raw<'a> {
    match name {
        "res" => return Raw::Signed(exec.result),
        "filename" => return Raw::Bytes(exec.filename),
        _ => {}
    }
    let Some(process) = o.process else {
        return Raw::Missing;
    };
    let (image, ids) = (&*process.image, &process.ids);
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
        ("comm", Some(process)) => Raw::Bytes(process.comm.as_bytes()),
        ("cgroups", Some(process)) => Raw::Bytes(super::thread::cgroup_path(process)),
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
fn of_fork<'a>(o: &Observation<'a>, fork: &Fork<'a>, name: &str) -> Raw<'a> {
    match name {
        "res" => Raw::Signed(fork.child_pid.into()),
        "flags" => Raw::Unsigned(fork.flags),
        "uid" => Raw::Unsigned(o.event.task.uid.into()),
        "gid" => Raw::Unsigned(o.event.task.gid.into()),
        "vtid" | "vpid" => o
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
fn of_exit<'a>(exit: Exit, name: &str) -> Raw<'a> {
    match name {
        "status" => Raw::Signed(exit.status.into()),
        "ret" => Raw::Signed(exit.code().into()),
        "sig" => Raw::Unsigned(exit.signal().into()),
        "core" => Raw::Unsigned(exit.core().into()),
        "reaper_tid" => Raw::Signed(exit.reaper_pid.into()),
        _ => Raw::Missing,
    }
}

/// The parameters of the open family.
fn of_open<'a>(open: &Open<'a>, name: &str) -> Raw<'a> {
    match name {
        "fd" => Raw::Signed(open.result),
        "dirfd" => Raw::Signed(open.dirfd.into()),
        "name" => Raw::Bytes(open.name),
        "flags" => Raw::Unsigned(open_flags(open)),
        "mode" => Raw::Unsigned(open.mode.into()),
        "resolve" => Raw::Unsigned(open.resolve),
        "dev" => Raw::Unsigned(fd::user_device(open.file.dev).into()),
        "ino" => Raw::Unsigned(open.file.ino),
        "creat_flags" => {
            Raw::Unsigned(u64::from(open.file.upper_layer) | u64::from(open.file.lower_layer) << 1)
        }
        _ => Raw::Missing,
    }
}

/// The flags of an open call as rules see them: those of the caller, and what
/// became of the file. `creat` has none.
pub(super) fn open_flags(open: &Open<'_>) -> u64 {
    if open.call == OpenCall::Creat {
        return 0;
    }
    let became = [
        (open.file.created, names::O_F_CREATED),
        (open.file.upper_layer, names::FD_UPPER_LAYER),
        (open.file.lower_layer, names::FD_LOWER_LAYER),
    ];
    became
        .iter()
        .filter(|(is, _)| *is)
        .fold(names::open_flags(open.flags), |flags, (_, bit)| flags | bit)
}

/// The parameters of a call of the generic record.
fn of_call<'a>(call: &Call<'a>, name: &str) -> Raw<'a> {
    let event = events::row(events::numbers::code_of(call.number));
    let param = event.and_then(|event| event.param(name));
    match param.map(|(_, param)| param.from) {
        Some(From::Result) => Raw::Signed(call.result),
        _ => Raw::Missing,
    }
}

/// The parameters of a signal.
fn of_signal<'a>(o: &Observation<'a>, signal: &Signal, name: &str) -> Raw<'a> {
    match name {
        "spid" => Raw::Signed(o.event.task.pid.into()),
        "dpid" => Raw::Signed(signal.target_pid.into()),
        "sig" => Raw::Unsigned(signal.number.into()),
        _ => Raw::Missing,
    }
}

/// The parameters of connect.
fn of_connect<'a>(o: &Observation<'a>, connect: &Connect<'a>, name: &str) -> Raw<'a> {
    match name {
        "res" => Raw::Signed(connect.result),
        "fd" => Raw::Signed(connect.fd.into()),
        "tuple" => fd::name(o).map_or(Raw::Missing, Raw::Bytes),
        "addr" => match connect.peers {
            Peers::Ip {
                remote: (ip, port), ..
            } => Raw::Bytes(compose::text(o.arena, format_args!("{ip}:{port}"))),
            Peers::Unix { path, .. } => Raw::Bytes(path),
            Peers::Other(_) => Raw::Missing,
        },
        _ => Raw::Missing,
    }
}
