//! The parameters of the event at hand, raw and as text.
//!
//! Which parameters an event has, and of what kind, is the event table's to
//! say; here is where their values come from. A parameter the table knows and
//! the kernel did not tell is shown as `<NA>`, so that it exists.

mod beyond;
mod call;
mod file;
mod forms;
mod process;

use super::fd::descriptor;
use super::{compose, names, path, user};
use crate::decode::Body;
use crate::enrich::Observation;
use crate::enrich::process::Process;
use crate::events::{self, EventType, Kind, Param, Words};

pub(super) use call::{NamedPath, data, has_directory, named_paths, open_flags as handle_flags};
pub(super) use file::open_flags;
pub(super) use forms::makes_descriptor;

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
    let event = event_type(o)?;
    let (_, param) = event.param(name)?;
    Some(raw(o, event, param))
}

/// The bytes of a parameter that is a text.
pub(super) fn bytes<'a>(o: &Observation<'a>, name: &str) -> Option<&'a [u8]> {
    match raw_of(o, name)? {
        Raw::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}

/// The number a parameter is.
pub(super) fn number(o: &Observation<'_>, name: &str) -> Option<u64> {
    match raw_of(o, name)? {
        Raw::Unsigned(number) => Some(number),
        _ => None,
    }
}

/// A parameter as `evt.arg` shows it: what its number means, else the number.
pub(super) fn text<'a>(o: &Observation<'a>, event: &EventType, param: &Param) -> &'a [u8] {
    let raw = raw(o, event, param);
    meaning(o, event, param, raw).unwrap_or_else(|| plain(o, param.kind, raw))
}

/// All parameters as `evt.args` shows them: `name=value`, and behind it in
/// parentheses what the value means where that is something else.
pub(super) fn all<'a>(o: &Observation<'a>) -> &'a [u8] {
    let Some(event) = event_type(o) else {
        return &[];
    };
    compose::join(
        o.arena,
        b" ",
        event.params.iter().map(|param| {
            let raw = raw(o, event, param);
            let plain = plain(o, param.kind, raw);
            let name = param.name.as_bytes();
            match meaning(o, event, param, raw) {
                Some(text) if text != plain => {
                    compose::concat(o.arena, &[name, b"=", plain, b"(", text, b")"])
                }
                _ => compose::concat(o.arena, &[name, b"=", plain]),
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
        (Raw::Unsigned(number), Kind::Octal(_) | Kind::Mode) => {
            compose::text(o.arena, format_args!("{number:o}"))
        }
        (Raw::Unsigned(number), _) => compose::text(o.arena, format_args!("{number}")),
    }
}

/// What the value means, where that is more than the value.
fn meaning<'a>(
    o: &Observation<'a>,
    event: &EventType,
    param: &Param,
    raw: Raw<'a>,
) -> Option<&'a [u8]> {
    if let Body::Call(call) = &o.event.body {
        let meaning = call::meaning(o, call, event, param, raw);
        if meaning.is_some() || matches!(param.kind, Kind::Fd | Kind::Path | Kind::RelativePath) {
            return meaning;
        }
    }
    match (param.kind, raw) {
        (Kind::Errno, Raw::Signed(number)) => names::errno(-number).map(str::as_bytes),
        (Kind::Fd, Raw::Signed(number)) => described(o, param.name, number),
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
        (Kind::RelativePath, Raw::Bytes(name)) => absolute(o, descriptor::base(o), name),
        (Kind::Flags(_), Raw::Unsigned(flags)) => {
            Some(compose::flags(o.arena, flags, flag_names(o, param)))
        }
        (Kind::Enum(_), Raw::Unsigned(number)) => compose::one_of(o.arena, number, param.words),
        (Kind::Mode, Raw::Unsigned(mode)) => Some(compose::flags(o.arena, mode, names::MODE)),
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
        Body::Open(_) => descriptor::base(o),
        _ => o.process.map_or(&[][..], |process| &process.cwd),
    }
}

/// What the descriptor of an open or a connect is.
fn described<'a>(o: &Observation<'a>, name: &str, number: i64) -> Option<&'a [u8]> {
    if name == "dirfd" {
        return directory(o, number, descriptor::base(o));
    }
    if number < 0 {
        return names::errno(-number).map(str::as_bytes);
    }
    descriptor::of(o)?.described_as(o, super::fd::name(o)?)
}

/// What a directory descriptor is.
fn directory<'a>(o: &Observation<'a>, number: i64, base: &'a [u8]) -> Option<&'a [u8]> {
    match (number, base) {
        (AT_FDCWD, _) => Some(b"AT_FDCWD"),
        (_, []) => None,
        (_, base) => Some(compose::concat(o.arena, &[b"<d>", base])),
    }
}

/// The name of the process with that id, as far as it is known.
fn process_name<'a>(o: &Observation<'a>, pid: i64) -> Option<&'a [u8]> {
    let pid = u32::try_from(pid).ok()?;
    match (&o.event.body, o.process) {
        // To a process in a pid namespace of its own the number means another
        // one than here; by it only itself is known.
        (Body::Call(_), Some(process)) if in_own_pids(process) => {
            (process.ids.vpid == pid).then(|| process.comm.as_bytes())
        }
        (Body::Fork(fork), _) if fork.child_pid == pid => Some(fork.comm.as_bytes()),
        (Body::Signal(signal), _) if signal.target_pid == pid => {
            Some(signal.target_comm.as_bytes())
        }
        (_, Some(process)) if process.key.pid == pid => Some(process.comm.as_bytes()),
        _ => Some(o.processes.by_pid(pid)?.comm.as_bytes()),
    }
}

/// Whether a process has another number in its own pid namespace.
fn in_own_pids(process: &Process) -> bool {
    process.ids.vpid != 0 && process.ids.vpid != process.key.pid
}

/// The names of a parameter's bits.
fn flag_names(o: &Observation<'_>, param: &Param) -> Words {
    match (&o.event.body, param.name) {
        (Body::Exec(_), _) => names::EXE_FLAGS,
        (Body::Fork(_), _) => names::CLONE_FLAGS,
        (Body::Open(_), "resolve") => names::RESOLVE_FLAGS,
        (Body::Open(_), "creat_flags") => names::CREAT_FLAGS,
        (Body::Open(_), _) => names::OPEN_FLAGS,
        _ => param.words,
    }
}

/// The value of a parameter of the event at hand.
fn raw<'a>(o: &Observation<'a>, event: &EventType, param: &Param) -> Raw<'a> {
    match &o.event.body {
        Body::Exec(exec) => process::of_exec(o, exec, param.name),
        Body::Fork(fork) => process::of_fork(o, fork, param.name),
        Body::Exit(exit) => process::of_exit(*exit, param.name),
        Body::Signal(signal) => process::of_signal(o, signal, param.name),
        Body::Open(open) => file::of_open(open, param.name),
        Body::Connect(connect) => file::of_connect(o, connect, param.name),
        Body::Call(call) => call::raw(o, call, event, param),
        Body::Operation(operation) => beyond::of_operation(operation, param.name),
        Body::Dns(dns) => beyond::of_dns(o, dns, param.name),
        Body::TlsHello(hello) => beyond::of_tls_hello(o, hello, param.name),
        Body::ConnectionEnd(ended) => beyond::of_connection(o, ended, param.name),
        Body::Mismatch(mismatch) => beyond::of_mismatch(o, mismatch, param.name),
    }
}
