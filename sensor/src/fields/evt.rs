//! The event itself: what, when, with which parameters and result.
//!
//! Questions of yes and no are answered on every event; `false` where they do
//! not apply.

mod io;
mod time;

use super::Type::{AbsTime, Bool, Buffer, RelTime, Signed, Text, Unsigned};
use super::params::{self, Raw};
use super::{Arg, ArgRule, Field, Getter, Print, Type, Value, fd, names};
use crate::decode::{Abi, Body, OpenCall, Via};
use crate::enrich::Observation;
use crate::events;
use io::{Under, Way};

/// evt.*
pub(super) const ROWS: &[Field] = &[
    Field::live(
        "evt.num",
        Unsigned(64),
        |o, _| Some(Value::Unsigned(o.number)),
        "number of the event, the first is 1",
    ),
    Field::live(
        "evt.type",
        Text,
        |o, _| Some(Value::Text(params::event_type(o)?.name.as_bytes())),
        "name of the event: that of the system call, for most",
    ),
    Field::live(
        "evt.type.is",
        Unsigned(32),
        type_is,
        "1 when the event is of the named type (`evt.type.is.open`), else 0",
    )
    .arg(ArgRule::Dotted),
    Field::live(
        "evt.category",
        Text,
        io::category,
        "what the event is about: file, net, process …; of calls that read, write or work on any descriptor, what that is",
    ),
    Field::live(
        "evt.source",
        Text,
        |_, _| Some(Value::Text(b"syscall")),
        "where the event comes from: `syscall` for the kernel",
    ),
    Field::live(
        "evt.cpu",
        Signed(16),
        |o, _| Some(Value::Signed(o.event.cpu.into())),
        "CPU the event happened on",
    ),
    Field::live(
        "evt.hostname",
        Text,
        |o, _| Some(Value::Text(o.host.name.as_bytes())),
        "name of this machine",
    ),
    // Parameters.
    Field::live(
        "evt.arg",
        Text,
        argument,
        "one parameter as text, by name (`evt.arg.flags`) or number (`evt.arg[1]`)",
    )
    .arg(ArgRule::DottedOrIndex),
    Field::live(
        "evt.rawarg",
        Signed(64),
        |_, _| None,
        "one parameter as the number, text or bytes it is (`evt.rawarg.res`)",
    )
    .arg(ArgRule::Dotted)
    .plain_only(),
    Field::live(
        "evt.args",
        Text,
        |o, _| Some(Value::Text(params::all(o))),
        "all parameters: `name=value(meaning)`, joined by blanks",
    ),
    Field::live(
        "evt.info",
        Text,
        |o, _| Some(Value::Text(params::all(o))),
        "the same as evt.args",
    ),
    // Result.
    Field::live(
        "evt.res",
        Text,
        |o, _| {
            let name = names::errno(-result(o)).unwrap_or("SUCCESS");
            Some(Value::Text(name.as_bytes()))
        },
        "SUCCESS, or the name of the error (`ENOENT`)",
    ),
    Field::live(
        "evt.rawres",
        Signed(64),
        |o, _| Some(Value::Signed(result(o))),
        "value the call returned; a negative one is an error number",
    ),
    Field::live(
        "evt.failed",
        Bool,
        |o, _| Some(Value::Bool(result(o) < 0)),
        "the call failed",
    ),
    // Opens.
    Field::live(
        "evt.is_open_read",
        Bool,
        |o, _| Some(Value::Bool(open_flags(o) & names::O_RDONLY != 0)),
        "a file is opened for reading",
    ),
    Field::live(
        "evt.is_open_write",
        Bool,
        |o, _| Some(Value::Bool(open_flags(o) & names::O_WRONLY != 0)),
        "a file is opened for writing",
    ),
    Field::live(
        "evt.is_open_exec",
        Bool,
        |o, _| Some(Value::Bool(creates_executable(o))),
        "the open may create a file that may be executed",
    ),
    Field::live(
        "evt.is_open_create",
        Bool,
        |o, _| {
            let made = names::O_F_CREATED;
            let nameless = open_flags(o) & names::O_TMPFILE != 0 && fd::opened(o).is_some();
            Some(Value::Bool(open_flags(o) & made != 0 || nameless))
        },
        "the open created the file",
    ),
    Field::live(
        "evt.abspath",
        Text,
        abspath,
        "absolute path of a call relative to a directory descriptor; `.src` and `.dst` of those with two",
    )
    .arg(ArgRule::OptionalDotted),
    // How it came.
    Field::live(
        "evt.abi",
        Text,
        |o, _| {
            Some(Value::Text(match o.event.task.abi {
                Abi::X86_64 => b"x86_64",
                Abi::I386 => b"i386",
                Abi::X32 => b"x32",
            }))
        },
        "how the kernel was entered: x86_64, i386 or x32 (an addition to Falco's fields)",
    ),
    Field::live(
        "evt.via",
        Text,
        |o, _| (o.event.task.via == Via::Uring).then_some(Value::Text(b"io_uring")),
        "`io_uring` when it was asked for by an operation put into one, else missing (an addition to Falco's fields)",
    ),
    // Input and output.
    Field::live(
        "evt.is_io",
        Bool,
        |o, _| Some(Value::Bool(io::way(o).is_some())),
        "the event reads from or writes to a descriptor",
    ),
    Field::live(
        "evt.is_io_read",
        Bool,
        |o, _| Some(Value::Bool(io::way(o) == Some(Way::In))),
        "the event reads from a descriptor",
    ),
    Field::live(
        "evt.is_io_write",
        Bool,
        |o, _| Some(Value::Bool(io::way(o) == Some(Way::Out))),
        "the event writes to a descriptor",
    ),
    Field::live(
        "evt.is_wait",
        Bool,
        |o, _| Some(Value::Bool(io::waits(o))),
        "the event waits for something",
    ),
    Field::live(
        "evt.is_syslog",
        Bool,
        |o, _| Some(Value::Bool(io::to_system_log(o))),
        "the event writes to the system log",
    ),
    Field::live("evt.is_async", Bool, NO, "the event comes from no system call of its own"),
    Field::live("evt.io_dir", Text, io::direction, "`read` or `write`"),
    Field::live(
        "evt.buffer",
        Buffer,
        io::buffer,
        "bytes that were read or written: the first of them",
    ),
    Field::live(
        "evt.buflen",
        Unsigned(64),
        io::BUFLEN,
        "number of bytes that were read or written",
    ),
    io::BUFLENS[0],
    io::BUFLENS[1],
    io::BUFLENS[2],
    io::BUFLENS[3],
    io::BUFLENS[4],
    io::BUFLENS[5],
    io::BUFLENS[6],
    io::BUFLENS[7],
    // Time.
    Field::live("evt.time", Text, time::OF_DAY, "local time of day with nanoseconds"),
    Field::live("evt.time.s", Text, time::OF_DAY_S, "local time of day in seconds"),
    Field::live("evt.time.iso8601", Text, time::ISO8601, "time in UTC, ISO 8601 with nanoseconds"),
    Field::live("evt.datetime", Text, time::DATE, "local date and time with nanoseconds"),
    Field::live("evt.datetime.s", Text, time::DATE_S, "local date and time in seconds"),
    Field::live("evt.outputtime", Text, time::OF_DAY, "time as the output shows it").output_only(),
    Field::live(
        "evt.rawtime",
        AbsTime,
        |o, _| Some(Value::Unsigned(o.event.time_ns)),
        "nanoseconds since the epoch",
    ),
    Field::live(
        "evt.rawtime.s",
        AbsTime,
        |o, _| Some(Value::Unsigned(o.event.time_ns / time::SECOND_NS)),
        "whole seconds since the epoch",
    ),
    Field::live(
        "evt.rawtime.ns",
        AbsTime,
        |o, _| Some(Value::Unsigned(o.event.time_ns % time::SECOND_NS)),
        "nanoseconds within the second",
    )
    .print(Print::NineDigits),
    reltime("evt.reltime", "nanoseconds since the first event").print(Print::NineDigits),
    reltime("evt.reltime.s", "whole seconds since the first event"),
    reltime("evt.reltime.ns", "nanoseconds within that second").print(Print::NineDigits),
    reltime("evt.deltatime", "nanoseconds since the event before"),
    reltime("evt.deltatime.s", "whole seconds since the event before"),
    reltime("evt.deltatime.ns", "nanoseconds within that second").print(Print::NineDigits),
    Field::absent("evt.around", Unsigned(64), "the event is within so many milliseconds of [TIME]")
        .arg(ArgRule::Required)
        .filter_only(),
    // What Falco keeps from the days of two events per call.
    Field::live(
        "evt.dir",
        Text,
        |o, _| {
            let syscall = params::event_type(o)?.syscall;
            Some(Value::Text(if syscall { b"<" } else { b">" }))
        },
        "`<` for a system call that returned",
    )
    .deprecated(),
    latency("evt.latency"),
    latency("evt.latency.s"),
    latency("evt.latency.ns").print(Print::NineDigits),
    latency("evt.wait_latency"),
    Field::live("evt.latency.quantized", Unsigned(64), ZERO, "always 0")
        .deprecated()
        .hidden(),
    Field::live(
        "evt.latency.human",
        Text,
        |_, _| Some(Value::Text(b"0ns")),
        "always `0ns`",
    )
    .deprecated(),
    // Counters.
    Field::live("evt.count", Unsigned(32), ONE, "always 1"),
    Field::live(
        "evt.count.exit",
        Unsigned(32),
        |o, _| Some(count(params::event_type(o)?.syscall)),
        "1 for a system call that returned",
    ),
    Field::live(
        "evt.count.error",
        Unsigned(32),
        |o, _| Some(count(result(o) < 0)),
        "1 when the call failed, else 0",
    ),
    Field::live(
        "evt.count.error.file",
        Unsigned(32),
        |o, _| errors(o, Under::File),
        "the same, for files only",
    ),
    Field::live(
        "evt.count.error.net",
        Unsigned(32),
        |o, _| errors(o, Under::Net),
        "the same, for sockets only",
    ),
    Field::live(
        "evt.count.error.memory",
        Unsigned(32),
        |o, _| errors(o, Under::Memory),
        "the same, for memory only",
    ),
    Field::live(
        "evt.count.error.other",
        Unsigned(32),
        |o, _| errors(o, Under::Other),
        "the same, for all else",
    ),
    Field::live("evt.count.procinfo", Unsigned(32), ZERO, "always 0").hidden(),
    Field::live("evt.count.threadinfo", Unsigned(32), ZERO, "always 0").hidden(),
    // Plugins and asynchronous events, of which there are none.
    Field::absent("evt.asynctype", Text, "name of an asynchronous event"),
    Field::absent("evt.pluginname", Text, "plugin the event comes from"),
    Field::absent("evt.plugininfo", Text, "what the plugin says about the event"),
    docker("evt.infra.docker.name"),
    docker("evt.infra.docker.container.id"),
    docker("evt.infra.docker.container.name"),
    docker("evt.infra.docker.container.image"),
];

/// syscall.*
pub(super) const SYSCALL_ROWS: &[Field] = &[Field::live(
    "syscall.type",
    Text,
    |o, _| {
        let event = params::event_type(o).filter(|event| event.syscall)?;
        Some(Value::Text(event.name.as_bytes()))
    },
    "name of the system call; missing for other events",
)];

/// `evt.rawarg` with each type a parameter can have.
pub(super) static RAW_ROWS: [Field; 10] = [
    raw_argument(Signed(64)),
    raw_argument(Signed(32)),
    raw_argument(Signed(16)),
    raw_argument(Unsigned(64)),
    raw_argument(Unsigned(32)),
    raw_argument(Unsigned(16)),
    raw_argument(Unsigned(8)),
    raw_argument(AbsTime),
    raw_argument(Text),
    raw_argument(Buffer),
];

/// The row of `evt.rawarg` for parameters of that type. An event may have the
/// name with another type; its value is then converted, or missing.
const fn raw_argument(ty: Type) -> Field {
    let get: Getter = match ty {
        Signed(_) => |o, arg| match raw(o, arg)? {
            Raw::Signed(number) => Some(Value::Signed(number)),
            Raw::Unsigned(number) => Some(Value::Signed(number.cast_signed())),
            Raw::Missing | Raw::Bytes(_) => None,
        },
        Text => |o, arg| match raw(o, arg)? {
            Raw::Bytes(bytes) => Some(Value::Text(bytes)),
            _ => None,
        },
        Buffer => |o, arg| match raw(o, arg)? {
            Raw::Bytes(bytes) => Some(Value::Buffer(bytes)),
            _ => None,
        },
        _ => |o, arg| match raw(o, arg)? {
            Raw::Unsigned(number) => Some(Value::Unsigned(number)),
            Raw::Signed(number) => Some(Value::Unsigned(number.cast_unsigned())),
            Raw::Missing | Raw::Bytes(_) => None,
        },
    };
    Field::live(
        "evt.rawarg",
        ty,
        get,
        "one parameter as the number, text or bytes it is (`evt.rawarg.res`)",
    )
    .arg(ArgRule::Dotted)
    .plain_only()
}

const fn reltime(name: &'static str, doc: &'static str) -> Field {
    Field::absent(name, RelTime, doc)
}

const fn latency(name: &'static str) -> Field {
    Field::live(name, RelTime, ZERO, "always 0").deprecated()
}

const fn docker(name: &'static str) -> Field {
    Field::absent(name, Text, "of events Falco no longer has").hidden()
}

const NO: Getter = |_, _| Some(Value::Bool(false));
const ZERO: Getter = |_, _| Some(Value::Unsigned(0));
const ONE: Getter = |_, _| Some(Value::Unsigned(1));

/// A counter of this one event.
fn count(counts: bool) -> Value<'static> {
    Value::Unsigned(counts.into())
}

/// 1 when the call failed, 0 when not; missing when it is counted elsewhere.
fn errors<'a>(o: &Observation<'a>, under: Under) -> Option<Value<'a>> {
    (io::under(o) == under).then(|| count(result(o) < 0))
}

/// What the call returned; of the end of a process its status.
fn result(o: &Observation<'_>) -> i64 {
    match &o.event.body {
        Body::Exec(exec) => exec.result,
        Body::Fork(fork) => fork.child_pid.into(),
        Body::Exit(exit) => exit.status.into(),
        Body::Open(open) => open.result,
        Body::Connect(connect) => connect.result,
        Body::Call(call) => call.result,
        Body::Operation(operation) => operation.result,
        Body::Mismatch(mismatch) => mismatch.result,
        Body::Signal(_) | Body::Dns(_) | Body::TlsHello(_) | Body::ConnectionEnd(_) => 0,
    }
}

fn type_is<'a>(o: &Observation<'a>, arg: &Arg) -> Option<Value<'a>> {
    let event = events::row(events::code_of(o.event))?;
    let is = matches!(arg, Arg::Key(name) if **name == *event.name);
    Some(count(is))
}

fn argument<'a>(o: &Observation<'a>, arg: &Arg) -> Option<Value<'a>> {
    let event = params::event_type(o)?;
    let param = match arg {
        Arg::Index(index) => event.params.get(*index)?,
        Arg::Key(name) => event.param(name)?.1,
        Arg::None => return None,
    };
    Some(Value::Text(params::text(o, event, param)))
}

fn raw<'a>(o: &Observation<'a>, arg: &Arg) -> Option<Raw<'a>> {
    match arg {
        Arg::Key(name) => params::raw_of(o, name),
        Arg::None | Arg::Index(_) => None,
    }
}

/// The flags of an open as the rule language numbers them; none for others.
fn open_flags(o: &Observation<'_>) -> u64 {
    match fd::open(o) {
        Some(open) => params::open_flags(open),
        None => params::handle_flags(o).unwrap_or(0),
    }
}

/// An open that may create a file, with any permission to execute.
fn creates_executable(o: &Observation<'_>) -> bool {
    let Some(open) = fd::open(o) else {
        return false;
    };
    let creates =
        open.call == OpenCall::Creat || open_flags(o) & (names::O_CREAT | names::O_TMPFILE) != 0;
    creates && open.mode & 0o111 != 0
}

/// The path of calls that have one under a directory descriptor; of those with
/// two, each by its place.
fn abspath<'a>(o: &Observation<'a>, arg: &Arg) -> Option<Value<'a>> {
    let wanted = match arg {
        Arg::Key(key) => Some(&**key),
        _ => None,
    };
    if let Some(open) = fd::open(o) {
        let relative = matches!(open.call, OpenCall::Openat | OpenCall::Openat2);
        return (relative && wanted.is_none()).then(|| Value::Text(fd::open_path(o, open)));
    }
    let path = match (wanted, params::named_paths(o)) {
        (None, [path]) if params::has_directory(o) => path,
        (Some("src"), [path, _]) | (Some("dst"), [_, path]) => path,
        _ => return None,
    };
    Some(Value::Text(path.absolute))
}
