//! What an event moves: which way, how much, from and to what.

use crate::decode::Body;
use crate::enrich::Observation;
use crate::events::Category;
use crate::fields::fd::{self, Class, descriptor};
use crate::fields::{Arg, Field, Getter, Type, Value, params};

/// The way bytes go, seen from the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// Which way the event moves bytes, if it does.
pub(super) fn way(o: &Observation<'_>) -> Option<Way> {
    match params::event_type(o)?.category {
        Category::IoRead => Some(Way::In),
        Category::IoWrite => Some(Way::Out),
        _ => None,
    }
}

/// What the event's descriptor is, as far as it matters here.
fn class(o: &Observation<'_>) -> Option<Class> {
    Some(descriptor::of(o)?.kind?.class)
}

/// `evt.category`: of calls that work on any descriptor it follows that.
pub(super) fn category<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    let category = params::event_type(o)?.category;
    let io = matches!(
        category,
        Category::IoRead | Category::IoWrite | Category::IoOther
    );
    let word = match class(o).filter(|_| io) {
        Some(Class::File | Class::Directory) => "file",
        Some(Class::Ip) => "net",
        Some(Class::Ipc) => "ipc",
        Some(Class::Other) | None => category.word(),
    };
    Some(Value::Text(word.as_bytes()))
}

/// `evt.io_dir`
pub(super) fn direction<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    Some(Value::Text(match way(o)? {
        Way::In => b"read",
        Way::Out => b"write",
    }))
}

/// `evt.buffer`
pub(super) fn buffer<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    way(o)?;
    params::data(o).map(Value::Buffer)
}

/// The bytes an event moved, when it goes that way on a descriptor of that class.
fn moved<'a>(
    o: &Observation<'a>,
    way: Option<Way>,
    class: Option<fn(Class) -> bool>,
) -> Option<Value<'a>> {
    let went = self::way(o)?;
    descriptor::of(o)?;
    let right_way = way.is_none_or(|way| way == went);
    let right_class = class.is_none_or(|is| self::class(o).is_some_and(is));
    let bytes = u64::try_from(super::result(o)).ok()?;
    (right_way && right_class).then_some(Value::Unsigned(bytes))
}

fn is_file(class: Class) -> bool {
    matches!(class, Class::File | Class::Directory)
}

fn is_net(class: Class) -> bool {
    class == Class::Ip
}

/// `evt.buflen`
pub(super) const BUFLEN: Getter = |o, _| moved(o, None, None);

/// The forms of `evt.buflen` that nobody lists.
pub(super) const BUFLENS: [Field; 8] = [
    buflen("evt.buflen.in", "bytes read", |o, _| {
        moved(o, Some(Way::In), None)
    }),
    buflen("evt.buflen.out", "bytes written", |o, _| {
        moved(o, Some(Way::Out), None)
    }),
    buflen("evt.buflen.file", "bytes moved from or to files", |o, _| {
        moved(o, None, Some(is_file))
    }),
    buflen("evt.buflen.file.in", "bytes read from files", |o, _| {
        moved(o, Some(Way::In), Some(is_file))
    }),
    buflen("evt.buflen.file.out", "bytes written to files", |o, _| {
        moved(o, Some(Way::Out), Some(is_file))
    }),
    buflen(
        "evt.buflen.net",
        "bytes moved from or to sockets",
        |o, _| moved(o, None, Some(is_net)),
    ),
    buflen("evt.buflen.net.in", "bytes read from sockets", |o, _| {
        moved(o, Some(Way::In), Some(is_net))
    }),
    buflen("evt.buflen.net.out", "bytes written to sockets", |o, _| {
        moved(o, Some(Way::Out), Some(is_net))
    }),
];

const fn buflen(name: &'static str, doc: &'static str, get: Getter) -> Field {
    Field::live(name, Type::Unsigned(64), get, doc).hidden()
}

/// `evt.is_syslog`: writing to the socket of the system log.
pub(super) fn to_system_log(o: &Observation<'_>) -> bool {
    const LOGS: [&[u8]; 3] = [
        b"/dev/log",
        b"/run/systemd/journal/dev-log",
        b"/run/systemd/journal/syslog",
    ];
    let socket = fd::socket::of(o).filter(|_| way(o) == Some(Way::Out));
    socket.is_some_and(|socket| LOGS.contains(&socket.unix_path()))
}

/// `evt.is_wait`: the calls that go on only when something happened.
pub(super) fn waits(o: &Observation<'_>) -> bool {
    let event = params::event_type(o).map(|event| event.name);
    matches!(
        event,
        Some(
            "poll"
                | "ppoll"
                | "select"
                | "pselect6"
                | "epoll_wait"
                | "epoll_pwait"
                | "epoll_pwait2"
                | "nanosleep"
                | "clock_nanosleep"
                | "futex"
                | "flock"
                | "semop"
                | "accept"
                | "accept4"
                | "connect"
                | "wait4"
                | "waitid"
                | "pause"
        )
    )
}

/// What an error is counted under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Under {
    File,
    Net,
    Memory,
    Other,
}

/// Under what an error of the event is counted: what it works on, else what it
/// wanted to.
pub(super) fn under(o: &Observation<'_>) -> Under {
    match (&o.event.body, class(o)) {
        (Body::Open(_), _) | (_, Some(Class::File | Class::Directory)) => Under::File,
        (Body::Connect(_), _) | (_, Some(Class::Ip)) => Under::Net,
        (_, Some(_)) if fd::socket::of(o).is_some() => Under::Net,
        (_, Some(_)) => Under::Other,
        (_, None) => match params::event_type(o).map(|event| event.category) {
            Some(Category::Memory) => Under::Memory,
            Some(Category::Net) => Under::Net,
            _ => Under::Other,
        },
    }
}
