//! The acting process, its ancestors, its session and group.
//!
//! An unknown process still has a name, the text `<NA>`, and empty arguments:
//! rules are written for that. A process without a parent has nothing in the
//! fields about parents and ancestors.

mod family;

use super::Type::{AbsTime, Bool, Double, RelTime, Signed, Text, Unsigned};
use super::{Arg, ArgRule, Field, Value, compose};
use crate::enrich::Observation;
use crate::enrich::process::{Image, Process};
use family::{group_leader, parent, session_leader};

/// The name of a process nobody knows.
const UNKNOWN: &[u8] = b"<NA>";

/// proc.*
pub(super) const ROWS: &[Field] = &[
    Field::process(
        "proc.pid",
        Signed(64),
        |o, _| {
            Some(Value::Signed(
                o.process.map_or(-1, |process| process.key.pid.into()),
            ))
        },
        "process id (thread group id) on the host",
    ),
    Field::process(
        "proc.vpid",
        Signed(64),
        |o, _| Some(Value::Signed(o.process?.ids.vpid.into())),
        "process id inside its pid namespace",
    ),
    Field::process(
        "proc.name",
        Text,
        |o, _| Some(Value::Text(o.process.map_or(UNKNOWN, |p| p.comm.as_bytes()))),
        "name of the process as the kernel keeps it, 15 bytes at most",
    ),
    Field::process(
        "proc.exe",
        Text,
        |o, _| Some(Value::Text(image(o).map_or(UNKNOWN, |image| &image.exe))),
        "first argument (argv[0]), which the caller may choose freely",
    ),
    Field::process(
        "proc.exepath",
        Text,
        |o, _| Some(Value::Text(image(o).map_or(&[], |image| &image.exe_path))),
        "path of the executable as the kernel resolved it",
    ),
    Field::process(
        "proc.args",
        Text,
        |o, arg| Some(Value::Text(args(o, arg))),
        "arguments after the first, joined by blanks; with [N] one of them, counted from 0",
    )
    .arg(ArgRule::OptionalIndex),
    Field::process(
        "proc.cmdline",
        Text,
        |o, _| Some(Value::Text(o.process.map_or(UNKNOWN, |p| cmdline(o, p)))),
        "name and arguments, joined by blanks",
    ),
    Field::process(
        "proc.cmdline.truncated",
        Bool,
        |o, _| Some(Value::Bool(image(o).is_some_and(|i| i.argv_full > i.argv_kept))),
        "whether there were more arguments than are kept: the first 4096 bytes are",
    ),
    Field::process(
        "proc.cmdline.bytes",
        Unsigned(32),
        |o, _| Some(Value::Unsigned(image(o)?.argv_full.into())),
        "how long all arguments are in the process's memory, the first and each one's end included",
    ),
    Field::process(
        "proc.exeline",
        Text,
        |o, _| {
            let (exe, args) = image(o).map_or((UNKNOWN, &[][..]), |i| (&i.exe, &i.args));
            Some(Value::Text(compose::concat(o.arena, &[exe, b" ", args])))
        },
        "first argument, a blank, and the other arguments",
    ),
    Field::process(
        "proc.cmdnargs",
        Unsigned(64),
        |o, _| {
            let count = image(o).map_or(0, |image| image.args_count);
            Some(Value::Unsigned(count.into()))
        },
        "number of arguments after the first",
    ),
    Field::process(
        "proc.cmdlenargs",
        Unsigned(64),
        |o, _| {
            let args = compose::strings(image(o).map_or(&[], |image| &image.argv_rest));
            Some(Value::Unsigned(args.map(|arg| arg.len() as u64).sum()))
        },
        "bytes in all arguments after the first, without the blanks",
    ),
    Field::process(
        "proc.env",
        Text,
        |o, arg| Some(Value::Text(env(o, arg))),
        "environment, joined by blanks; with [NAME] the value of one variable, empty when unset",
    )
    .arg(ArgRule::OptionalAny),
    Field::process(
        "proc.cwd",
        Text,
        |o, _| Some(Value::Text(cwd(o))),
        "working directory, with a slash at its end",
    ),
    Field::process(
        "proc.tty",
        Unsigned(32),
        |o, _| Some(Value::Unsigned(o.process.map_or(0, |p| p.tty.into()))),
        "device number of the controlling terminal; 0 without one",
    ),
    Field::live(
        "proc.duration",
        RelTime,
        |o, _| since(o.event.time_ns, o.process?),
        "nanoseconds since the process was created",
    ),
    Field::process(
        "proc.pid.ts",
        RelTime,
        |o, _| start(o.process?),
        "when the process was created, nanoseconds since the epoch",
    ),
    Field::live(
        "proc.pidns_init_start_ts",
        Unsigned(64),
        |o, _| pidns_start(o, o.process?).map(Value::Unsigned),
        "when the first process of its pid namespace started, nanoseconds since the epoch",
    ),
    // The executable's file.
    Field::process(
        "proc.is_exe_writable",
        Bool,
        |o, _| Some(Value::Bool(image(o).is_some_and(|i| i.file.writable))),
        "the user who runs the executable may also write it",
    ),
    Field::process(
        "proc.is_exe_upper_layer",
        Bool,
        |o, _| Some(Value::Bool(image(o).is_some_and(|i| i.file.upper_layer))),
        "the executable is in the upper layer of an overlay: not part of the image",
    ),
    Field::process(
        "proc.is_exe_lower_layer",
        Bool,
        |o, _| Some(Value::Bool(image(o).is_some_and(|i| i.file.lower_layer))),
        "the executable is in a lower layer of an overlay: part of the image",
    ),
    Field::process(
        "proc.is_exe_from_memfd",
        Bool,
        |o, _| Some(Value::Bool(image(o).is_some_and(|i| i.file.memfd))),
        "the executable was never a file: it runs from an anonymous memory file",
    ),
    Field::process(
        "proc.exe_ino",
        Signed(64),
        |o, _| some(image(o)?.file.ino).map(|ino| Value::Signed(ino.cast_signed())),
        "inode number of the executable",
    ),
    Field::process(
        "proc.exe_ino.ctime",
        AbsTime,
        |o, _| some(image(o)?.file.ctime_ns).map(Value::Unsigned),
        "when the inode of the executable last changed, nanoseconds since the epoch",
    ),
    Field::process(
        "proc.exe_ino.mtime",
        AbsTime,
        |o, _| some(image(o)?.file.mtime_ns).map(Value::Unsigned),
        "when the content of the executable last changed, nanoseconds since the epoch",
    ),
    Field::process(
        "proc.exe_ino.ctime_duration_proc_start",
        AbsTime,
        |o, _| {
            let process = o.process?;
            let changed = some(process.image.file.ctime_ns)?;
            later(process.start_ns, changed)
        },
        "nanoseconds from the last change of the executable's inode to the start of the process",
    ),
    Field::live(
        "proc.exe_ino.ctime_duration_pidns_start",
        AbsTime,
        |o, _| {
            let process = o.process?;
            later(process.image.file.ctime_ns, pidns_start(o, process)?)
        },
        "nanoseconds from the start of the pid namespace to the last change of the executable's inode",
    ),
    // The parent.
    Field::process(
        "proc.ppid",
        Signed(64),
        |o, _| Some(Value::Signed(o.process?.parent?.pid.into())),
        "process id of the parent",
    ),
    Field::lineage(
        "proc.pvpid",
        Signed(64),
        |o, _| Some(Value::Signed(parent(o)?.ids.vpid.into())),
        "process id of the parent inside the parent's pid namespace",
    ),
    Field::lineage(
        "proc.pname",
        Text,
        |o, _| Some(Value::Text(parent(o)?.comm.as_bytes())),
        "name of the parent",
    ),
    Field::lineage(
        "proc.pexe",
        Text,
        |o, _| Some(Value::Text(&parent(o)?.image.exe)),
        "first argument (argv[0]) of the parent",
    ),
    Field::lineage(
        "proc.pexepath",
        Text,
        |o, _| Some(Value::Text(&parent(o)?.image.exe_path)),
        "executable path of the parent",
    ),
    Field::lineage(
        "proc.pcmdline",
        Text,
        |o, _| Some(Value::Text(cmdline(o, parent(o)?))),
        "name and arguments of the parent",
    ),
    Field::live(
        "proc.ppid.duration",
        RelTime,
        |o, _| since(o.event.time_ns, parent(o)?),
        "nanoseconds since the parent was created",
    ),
    Field::lineage(
        "proc.ppid.ts",
        RelTime,
        |o, _| start(parent(o)?),
        "when the parent was created, nanoseconds since the epoch",
    ),
    // The ancestors.
    Field::lineage(
        "proc.aname",
        Text,
        |o, arg| family::line(o, arg, |_, p| Value::Text(p.comm.as_bytes())),
        "name of ancestor [N] (0 is the process, 1 its parent); without N of any ancestor",
    )
    .ancestors(),
    Field::lineage(
        "proc.aexe",
        Text,
        |o, arg| family::line(o, arg, |_, p| Value::Text(&p.image.exe)),
        "first argument (argv[0]) of ancestor [N]; without N of any ancestor",
    )
    .ancestors(),
    Field::lineage(
        "proc.aexepath",
        Text,
        |o, arg| family::line(o, arg, |_, p| Value::Text(&p.image.exe_path)),
        "executable path of ancestor [N]; without N of any ancestor",
    )
    .ancestors(),
    Field::lineage(
        "proc.acmdline",
        Text,
        |o, arg| family::line(o, arg, |o, p| Value::Text(cmdline(o, p))),
        "name and arguments of ancestor [N]; without N of any ancestor",
    )
    .ancestors(),
    Field::lineage(
        "proc.apid",
        Signed(64),
        |o, arg| family::line(o, arg, |_, p| Value::Signed(p.key.pid.into())),
        "process id of ancestor [N]; without N of any ancestor",
    )
    .ancestors(),
    Field::lineage(
        "proc.aenv",
        Text,
        |o, arg| match arg {
            Arg::Key(name) => Some(Value::Text(family::variable(o, name))),
            arg => family::line(o, arg, |o, p| Value::Text(joined(o, &p.image.env))),
        },
        "environment of ancestor [N]; with [NAME] the first value of the variable among the ancestors",
    )
    .ancestors()
    .arg(ArgRule::OptionalAny),
    Field::lineage(
        "proc.aargs",
        Text,
        family::args,
        "arguments of ancestor [N]; without N those of all ancestors, joined by blanks",
    )
    .arg(ArgRule::OptionalIndex),
    Field::lineage(
        "proc.loginshellid",
        Signed(64),
        family::login_shell,
        "process id of the eldest in the line of ancestors whose name ends in `sh`",
    ),
    // The session and the process group.
    Field::process(
        "proc.sid",
        Signed(64),
        |o, _| Some(Value::Signed(o.process.map_or(-1, |p| p.ids.vsid.into()))),
        "session id, as the pid namespace of the process numbers it",
    ),
    Field::live(
        "proc.sname",
        Text,
        |o, _| Some(Value::Text(session_leader(o).map_or(&[], |p| p.comm.as_bytes()))),
        "name of the session leader, or of the eldest ancestor in the session",
    ),
    Field::live(
        "proc.sid.exe",
        Text,
        |o, _| Some(Value::Text(session_leader(o).map_or(&[], |p| &p.image.exe))),
        "first argument (argv[0]) of the session leader",
    ),
    Field::live(
        "proc.sid.exepath",
        Text,
        |o, _| Some(Value::Text(session_leader(o).map_or(&[], |p| &p.image.exe_path))),
        "executable path of the session leader",
    ),
    Field::process(
        "proc.is_sid_leader",
        Bool,
        |o, _| Some(Value::Bool(o.process.is_none_or(|p| p.ids.vsid == p.ids.vpid))),
        "the process leads its session",
    ),
    Field::process(
        "proc.vpgid",
        Signed(64),
        |o, _| Some(Value::Signed(o.process.map_or(-1, |p| p.ids.vpgid.into()))),
        "process group id, as the pid namespace of the process numbers it",
    ),
    Field::live(
        "proc.vpgid.name",
        Text,
        |o, _| Some(Value::Text(group_leader(o).map_or(&[], |p| p.comm.as_bytes()))),
        "name of the process group's leader",
    ),
    Field::live(
        "proc.vpgid.exe",
        Text,
        |o, _| Some(Value::Text(group_leader(o).map_or(&[], |p| &p.image.exe))),
        "first argument (argv[0]) of the process group's leader",
    ),
    Field::live(
        "proc.vpgid.exepath",
        Text,
        |o, _| Some(Value::Text(group_leader(o).map_or(&[], |p| &p.image.exe_path))),
        "executable path of the process group's leader",
    ),
    Field::process(
        "proc.is_vpgid_leader",
        Bool,
        |o, _| Some(Value::Bool(o.process.is_none_or(|p| p.ids.vpgid == p.ids.vpid))),
        "the process leads its process group",
    ),
    Field::process(
        "proc.pgid",
        Signed(64),
        |o, _| Some(Value::Signed(o.process.map_or(-1, |p| p.ids.pgid.into()))),
        "process group id on the host",
    ),
    Field::live(
        "proc.pgid.name",
        Text,
        |o, _| Some(Value::Text(group_leader(o).map_or(&[], |p| p.comm.as_bytes()))),
        "name of the process group's leader",
    ),
    Field::live(
        "proc.pgid.exe",
        Text,
        |o, _| Some(Value::Text(group_leader(o).map_or(&[], |p| &p.image.exe))),
        "first argument (argv[0]) of the process group's leader",
    ),
    Field::live(
        "proc.pgid.exepath",
        Text,
        |o, _| Some(Value::Text(group_leader(o).map_or(&[], |p| &p.image.exe_path))),
        "executable path of the process group's leader",
    ),
    Field::process(
        "proc.is_pgid_leader",
        Bool,
        |o, _| Some(Value::Bool(o.process.is_none_or(|p| p.ids.pgid == p.key.pid))),
        "the process leads its process group, told by the ids of the host",
    ),
    // What the sensor does not follow.
    probe("proc.is_container_healthcheck"),
    probe("proc.is_container_liveness_probe"),
    probe("proc.is_container_readiness_probe"),
    Field::absent("proc.nthreads", Unsigned(64), "number of live threads"),
    Field::absent("proc.nchilds", Unsigned(64), "number of live threads besides the first"),
    Field::absent("proc.stdin.type", Text, "type of descriptor 0"),
    Field::absent("proc.stdout.type", Text, "type of descriptor 1"),
    Field::absent("proc.stderr.type", Text, "type of descriptor 2"),
    Field::absent("proc.stdin.name", Text, "name of descriptor 0"),
    Field::absent("proc.stdout.name", Text, "name of descriptor 1"),
    Field::absent("proc.stderr.name", Text, "name of descriptor 2"),
    Field::absent("proc.fdopencount", Unsigned(64), "number of open descriptors"),
    Field::absent("proc.fdlimit", Signed(64), "how many descriptors may be open"),
    Field::absent("proc.fdusage", Double, "open descriptors as a share of the limit"),
    Field::absent("proc.vmsize", Unsigned(64), "virtual memory in KiB"),
    Field::absent("proc.vmrss", Unsigned(64), "resident memory in KiB"),
    Field::absent("proc.vmswap", Unsigned(64), "swapped memory in KiB"),
];

/// Whether the process is one of those a container is asked for its health with.
const fn probe(name: &'static str) -> Field {
    Field::absent(
        name,
        Bool,
        "the process is this check of the container's health",
    )
}

fn image<'a>(o: &Observation<'a>) -> Option<&'a Image> {
    o.process.map(|process| &*process.image)
}

/// A number that is known; 0 stands for unknown.
fn some(number: u64) -> Option<u64> {
    (number != 0).then_some(number)
}

/// How much `time` is after `earlier`; missing unless it is.
fn later(time: u64, earlier: u64) -> Option<Value<'static>> {
    some(time.saturating_sub(earlier)).map(Value::Unsigned)
}

fn start(process: &Process) -> Option<Value<'static>> {
    some(process.start_ns).map(Value::Unsigned)
}

/// Nanoseconds from the start of the process to `now_ns`; 0 should the two
/// clocks disagree about the order.
fn since(now_ns: u64, process: &Process) -> Option<Value<'static>> {
    let start_ns = some(process.start_ns)?;
    Some(Value::Unsigned(now_ns.saturating_sub(start_ns)))
}

/// The start of the pid namespace, nanoseconds since the epoch.
pub(super) fn pidns_start(o: &Observation<'_>, process: &Process) -> Option<u64> {
    let start = some(process.place.pidns_start_boot_ns)?;
    Some(start.saturating_add(o.host.boot_time_ns))
}

/// Name and arguments, as `proc.cmdline` has them.
fn cmdline<'a>(o: &Observation<'a>, process: &'a Process) -> &'a [u8] {
    let comm = process.comm.as_bytes();
    match process.image.args_count {
        0 => comm,
        _ => compose::concat(o.arena, &[comm, b" ", &process.image.args]),
    }
}

/// All arguments, or one of them; an empty text when there is none.
fn args<'a>(o: &Observation<'a>, arg: &Arg) -> &'a [u8] {
    match (image(o), arg) {
        (None, _) => &[],
        (Some(image), Arg::Index(index)) => compose::strings(&image.argv_rest)
            .nth(*index)
            .unwrap_or_default(),
        (Some(image), _) => &image.args,
    }
}

/// The whole environment, or one variable. A number is no variable's name.
fn env<'a>(o: &Observation<'a>, arg: &Arg) -> &'a [u8] {
    match (image(o), arg) {
        (None, _) => &[],
        (Some(image), Arg::Key(name)) => variable(&image.env, name),
        (Some(image), _) => joined(o, &image.env),
    }
}

/// The value of a variable, without blanks around it; empty when unset.
fn variable<'a>(env: &'a [u8], name: &str) -> &'a [u8] {
    compose::strings(env)
        .find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        .unwrap_or_default()
        .trim_ascii()
}

fn joined<'a>(o: &Observation<'a>, strings: &[u8]) -> &'a [u8] {
    compose::join(o.arena, b" ", compose::strings(strings))
}

/// The working directory, ending with a slash.
fn cwd<'a>(o: &Observation<'a>) -> &'a [u8] {
    match o.process.map_or(&[][..], |process| &process.cwd) {
        [] => b"./",
        cwd if cwd.ends_with(b"/") => cwd,
        cwd => compose::concat(o.arena, &[cwd, b"/"]),
    }
}
