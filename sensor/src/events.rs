//! Every event type a rule may name, one row each: name, category, parameters,
//! and where the value of each parameter of a system call comes from.
//!
//! Nothing comes in but names; what leaves are rows that live for ever. Rows
//! are found by their place in the table, and no two have the same name. The
//! rule compiler, the renderer of `evt.arg`, `sensor events` and the manual
//! read these rows.

mod beyond;
mod elsewhere;
mod file;
mod generic;
mod io;
mod kernel;
mod memory;
mod minor;
mod mount;
mod name;
mod net;
pub mod numbers;
pub mod plan;
mod process;
mod table;
pub(crate) mod words;

use sensor_ebpf::call::{CWD, RESULT};

use crate::decode::{self, ExecCall, ForkCall, OpenCall};
use crate::fields::Type;

/// Index of a row in the event table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventCode(pub u16);

/// Upper bound of the number of rows.
pub const MAX_EVENTS: usize = 512;

/// A set of event types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventSet([u64; MAX_EVENTS / 64]);

impl EventSet {
    /// No event.
    pub const EMPTY: Self = Self([0; MAX_EVENTS / 64]);

    /// Whether the event is in the set.
    pub fn contains(&self, code: EventCode) -> bool {
        let index = usize::from(code.0);
        self.0
            .get(index / 64)
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Adds an event.
    pub fn insert(&mut self, code: EventCode) {
        let index = usize::from(code.0);
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    /// Events in both sets.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        let mut out = self;
        out.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= b);
        out
    }

    /// Events in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let mut out = self;
        out.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
        out
    }

    /// The number of events in the set.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

/// One kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventType {
    /// The name a rule uses: that of the system call, for most.
    pub name: &'static str,
    /// What it is about.
    pub category: Category,
    /// What it reports, in the order of `evt.arg[0]`, `evt.arg[1]` …
    pub params: &'static [Param],
    /// A system call, as opposed to something the kernel or the sensor tells.
    pub syscall: bool,
    /// What is no system call, and this build captures it all the same.
    told: bool,
}

/// One parameter of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Param {
    /// The name in `evt.arg.NAME`.
    pub name: &'static str,
    /// How it is stored and shown.
    pub kind: Kind,
    /// Where a call's value comes from.
    pub from: From,
    /// What its numbers, or their bits, are called.
    pub words: Words,
}

/// Numbers or bits and their names, in the order they are shown.
pub type Words = &'static [(u64, &'static str)];

/// Where the value of a parameter of a system call comes from. Arguments are
/// counted from 0; [`sensor_ebpf::call::RESULT`] stands for the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Not from the call's own record, or made of several things in it.
    Elsewhere,
    /// What the call returned.
    Result,
    /// The number in an argument.
    Arg(u8),
    /// Some bits of it.
    Bits {
        /// The argument.
        at: u8,
        /// How far to the right they go.
        shift: u8,
        /// Which of them remain.
        mask: u32,
    },
    /// The NUL-ended text an argument points to.
    Text(u8),
    /// The same, being a path under a directory.
    Under {
        /// The path's argument.
        at: u8,
        /// The directory descriptor's, or [`sensor_ebpf::call::CWD`].
        dir: u8,
    },
    /// Memory.
    Memory {
        /// Where it begins.
        at: u8,
        /// Which argument has its length in bytes.
        len: u8,
    },
    /// So many bytes of memory.
    Fixed {
        /// Where they begin.
        at: u8,
        /// How many they are.
        width: u8,
    },
    /// A number in memory, as wide as its kind.
    Word {
        /// Where the memory begins.
        at: u8,
        /// How many bytes behind that it stands.
        offset: u8,
    },
    /// The same of one as wide as an address, of which 32-bit programs have
    /// another form.
    Long {
        /// Where the memory begins.
        at: u8,
        /// How many bytes behind that it stands.
        offset: u8,
    },
    /// The same in two halves of 32 bits, the lower one first.
    Halves {
        /// Where the memory begins.
        at: u8,
        /// How many bytes behind that the lower half stands.
        offset: u8,
        /// How many bytes the upper half stands behind the lower one.
        apart: u8,
    },
    /// A time in memory: seconds, and what is smaller than one.
    Clock {
        /// Where the memory begins.
        at: u8,
        /// How many bytes behind that it stands.
        offset: u8,
        /// Nanoseconds in one of what is smaller: 1, or 1000 of microseconds.
        unit_ns: u16,
    },
    /// A socket address.
    Address {
        /// Where it begins.
        at: u8,
        /// Which argument has its length in bytes.
        len: u8,
    },
    /// A socket address the call filled in.
    AddressOut {
        /// Where it begins.
        at: u8,
        /// Which argument points to its length in bytes.
        len: u8,
    },
    /// Data and address of a `struct msghdr` an argument points to.
    Message(u8),
    /// The same of one the call filled in: no more than the call returned.
    MessageOut(u8),
    /// The same of the first of an array of them, a `struct mmsghdr`.
    MessagesOut(u8),
    /// The ancillary data of a message the call filled in.
    Control(u8),
    /// Memory the call filled in.
    MemoryOut {
        /// Where it begins.
        at: u8,
        /// Which argument points to its length in bytes.
        len: u8,
    },
    /// Descriptors that were waited for, a `struct pollfd` each.
    Polled {
        /// Where they begin.
        at: u8,
        /// Which argument says how many they are.
        len: u8,
    },
    /// Something the task uses.
    Uses(Uses),
    /// The data of an array of `struct iovec`.
    Vector {
        /// Where it begins.
        at: u8,
        /// Which argument has its length in elements.
        len: u8,
    },
    /// The same, filled in: no more than the call returned.
    VectorOut {
        /// Where it begins.
        at: u8,
        /// Which argument has its length in elements.
        len: u8,
    },
    /// How many bytes the memory, message or vector in an argument has.
    Size(u8),
    /// The descriptor in an argument, or in the result, and what it is.
    Descriptor(u8),
    /// The same of the descriptor whose number an argument points to.
    DescriptorAt(u8),
    /// Something of what such a descriptor is.
    Of(u8, Of),
}

/// What is asked of a task's use of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uses {
    /// Its address space in KiB.
    Size,
    /// What of it is in memory.
    Resident,
    /// What of it is swapped out.
    Swapped,
}

/// What is asked of a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Its inode.
    Ino,
    /// Its device.
    Dev,
    /// Its path.
    Path,
    /// The kernel address of a unix socket.
    Source,
    /// The kernel address of the socket at the other end.
    Peer,
    /// Connections that wait to be accepted.
    Queued,
    /// How many may.
    QueueMax,
    /// The first in percent of the second.
    QueuePercent,
}

/// What a parameter is. Numbers in brackets are widths in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A result: not negative, or a negated error number.
    Errno,
    /// A file descriptor, or a negated error number.
    Fd,
    /// A process or thread id.
    Pid,
    /// A user id.
    Uid,
    /// A group id.
    Gid,
    /// Text.
    Text,
    /// A path, relative to the working directory when it is not absolute.
    Path,
    /// A path, relative to the directory descriptor before it.
    RelativePath,
    /// Bytes.
    Buffer,
    /// A signed number.
    Signed(u8),
    /// An unsigned number.
    Unsigned(u8),
    /// An unsigned number, shown in upper-case hexadecimal.
    Hex(u8),
    /// An unsigned number, shown in octal.
    Octal(u8),
    /// Bits with names.
    Flags(u8),
    /// A number with a name.
    Enum(u8),
    /// File permission bits.
    Mode,
    /// A socket address.
    Address,
    /// Both addresses of a socket.
    Tuple,
    /// A signal.
    SignalNumber,
    /// Nanoseconds since the Unix epoch.
    Time,
    /// Its form depends on the call.
    Dynamic,
}

impl Kind {
    /// The type of `evt.rawarg.NAME` for such a parameter.
    pub fn raw_type(self) -> Type {
        match self {
            Self::Errno | Self::Fd | Self::Pid => Type::Signed(64),
            Self::Signed(bits) => Type::Signed(bits),
            Self::Uid | Self::Gid | Self::Mode => Type::Unsigned(32),
            Self::Unsigned(bits)
            | Self::Hex(bits)
            | Self::Octal(bits)
            | Self::Flags(bits)
            | Self::Enum(bits) => Type::Unsigned(bits),
            Self::SignalNumber => Type::Unsigned(8),
            Self::Time => Type::AbsTime,
            Self::Text | Self::Path | Self::RelativePath => Type::Text,
            Self::Buffer | Self::Address | Self::Tuple | Self::Dynamic => Type::Buffer,
        }
    }

    /// How many bytes such a number has in memory.
    pub const fn bytes(self) -> u8 {
        match self {
            Self::Signed(bits)
            | Self::Unsigned(bits)
            | Self::Hex(bits)
            | Self::Octal(bits)
            | Self::Flags(bits)
            | Self::Enum(bits) => bits / 8,
            Self::Errno | Self::Time => 8,
            _ => 4,
        }
    }

    /// A word for it, for listings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Errno => "result",
            Self::Fd => "fd",
            Self::Pid => "pid",
            Self::Uid => "uid",
            Self::Gid => "gid",
            Self::Text => "text",
            Self::Path | Self::RelativePath => "path",
            Self::Buffer => "bytes",
            Self::Signed(_) => "signed",
            Self::Unsigned(_) | Self::Hex(_) | Self::Octal(_) => "unsigned",
            Self::Flags(_) => "flags",
            Self::Enum(_) => "enum",
            Self::Mode => "mode",
            Self::Address => "address",
            Self::Tuple => "tuple",
            Self::SignalNumber => "signal",
            Self::Time => "time",
            Self::Dynamic => "any",
        }
    }
}

/// What an event is about: the words of `evt.category`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the rule language")]
pub enum Category {
    Other,
    File,
    Net,
    Ipc,
    Memory,
    Process,
    Signal,
    User,
    Time,
    Scheduler,
    Internal,
    Plugin,
    /// Reads from a descriptor; the word follows the descriptor's type.
    IoRead,
    /// Writes to a descriptor; the word follows the descriptor's type.
    IoWrite,
    /// Works on a descriptor; the word follows the descriptor's type.
    IoOther,
}

impl Category {
    /// The word, for the io classes that of an unknown descriptor.
    pub fn word(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::File => "file",
            Self::Net => "net",
            Self::Ipc => "IPC",
            Self::Memory => "memory",
            Self::Process => "process",
            Self::Signal => "signal",
            Self::User => "user",
            Self::Time => "time",
            Self::Scheduler => "scheduler",
            Self::Internal => "internal",
            Self::Plugin => "plugin",
            Self::IoRead | Self::IoWrite | Self::IoOther => "unknown",
        }
    }
}

/// A row for a system call.
const fn call(name: &'static str, category: Category, params: &'static [Param]) -> EventType {
    EventType {
        name,
        category,
        params,
        syscall: true,
        told: false,
    }
}

/// A row for something that is no system call.
const fn event(name: &'static str, category: Category, params: &'static [Param]) -> EventType {
    EventType {
        syscall: false,
        ..call(name, category, params)
    }
}

/// A parameter that is told elsewhere than in the call's own record.
const fn p(name: &'static str, kind: Kind) -> Param {
    param_from(name, kind, From::Elsewhere)
}

const fn param_from(name: &'static str, kind: Kind, from: From) -> Param {
    Param {
        name,
        kind,
        from,
        words: &[],
    }
}

/// What the call returned.
const fn result(name: &'static str, kind: Kind) -> Param {
    param_from(name, kind, From::Result)
}

/// What the call returned: not negative, or a negated error number.
const RES: Param = result("res", Kind::Errno);

/// The descriptor the call made.
const fn made(name: &'static str) -> Param {
    param_from(name, Kind::Fd, From::Descriptor(RESULT))
}

/// The number in an argument.
const fn arg(name: &'static str, kind: Kind, at: u8) -> Param {
    param_from(name, kind, From::Arg(at))
}

/// The descriptor the call works on.
const fn fd(name: &'static str, at: u8) -> Param {
    param_from(name, Kind::Fd, From::Descriptor(at))
}

/// A descriptor that only says where a path begins: what it is comes with the path.
const fn dir(name: &'static str, at: u8) -> Param {
    arg(name, Kind::Fd, at)
}

/// A text.
const fn text(name: &'static str, at: u8) -> Param {
    param_from(name, Kind::Text, From::Text(at))
}

/// A path under the working directory.
const fn path(name: &'static str, at: u8) -> Param {
    param_from(name, Kind::Path, From::Under { at, dir: CWD })
}

/// A path under a directory descriptor.
const fn under(name: &'static str, at: u8, dir: u8) -> Param {
    param_from(name, Kind::RelativePath, From::Under { at, dir })
}

/// Bytes, as many as another argument or the result says.
const fn bytes(name: &'static str, at: u8, len: u8) -> Param {
    param_from(name, Kind::Buffer, From::Memory { at, len })
}

/// A number an argument points to, or one behind it.
const fn word(name: &'static str, kind: Kind, at: u8, offset: u8) -> Param {
    param_from(name, kind, From::Word { at, offset })
}

/// The same of a number as wide as an address.
const fn long(name: &'static str, kind: Kind, at: u8, offset: u8) -> Param {
    param_from(name, kind, From::Long { at, offset })
}

impl Param {
    /// The same, with these names.
    const fn words(mut self, words: Words) -> Self {
        self.words = words;
        self
    }
}

impl EventType {
    /// The same, captured by this build although it is no system call.
    const fn told(mut self) -> Self {
        self.told = true;
        self
    }

    /// Whether this build captures it. Rules on other events load and never fire.
    /// Of system calls every one of x86-64 is, but for those that never return.
    pub fn captured(&self) -> bool {
        const NEVER_RETURN: [&str; 3] = ["exit", "exit_group", "rt_sigreturn"];
        let returns = !NEVER_RETURN.contains(&self.name);
        self.told || (returns && numbers::number(self).is_some())
    }

    /// Whether it reports nothing but a result and arguments without names.
    pub fn is_bare(&self) -> bool {
        let mut params = self.params.iter();
        params.all(|param| param.name == "res" || param.name.starts_with("arg"))
    }

    /// The parameter of that name and its place.
    pub fn param(&self, name: &str) -> Option<(usize, &'static Param)> {
        self.params
            .iter()
            .enumerate()
            .find(|(_, param)| param.name == name)
    }
}

/// All rows, in the order of their codes.
pub fn rows() -> &'static [EventType] {
    &table::ROWS
}

/// The names of the event types that records of a kind become.
pub fn of_kind(kind: sensor_ebpf::Kind) -> &'static [&'static str] {
    match kind {
        sensor_ebpf::Kind::Exec => &["execve", "execveat"],
        sensor_ebpf::Kind::Fork => &["clone", "clone3", "fork", "vfork"],
        sensor_ebpf::Kind::Exit => &["procexit"],
        sensor_ebpf::Kind::Open => &["open", "openat", "openat2", "creat"],
        sensor_ebpf::Kind::Connect => &["connect"],
        // The calls of the table: see [`numbers`].
        sensor_ebpf::Kind::Call => &[],
        sensor_ebpf::Kind::Signal => &["signaldeliver"],
        // And what the calls that do the same become: see [`operations`].
        sensor_ebpf::Kind::Uring => &["io_uring_op"],
        sensor_ebpf::Kind::Packet => &["dns", "tls_hello"],
        sensor_ebpf::Kind::Connection => &["connection_end"],
        sensor_ebpf::Kind::Mismatch => &["argument_mismatch"],
    }
}

/// The operations of `io_uring` that become one of these events, one bit each.
pub fn operations(wanted: &EventSet) -> u64 {
    let mut calls = sensor_ebpf::call::CallSet::EMPTY;
    for operation in sensor_ebpf::uring::OPERATIONS {
        if wanted.contains(numbers::code_of(operation.call)) {
            calls.insert(operation.call);
        }
    }
    sensor_ebpf::uring::operations_of(&calls, wanted.contains(table::IO_URING_OP))
}

/// The messages on the wire that become one of these events: bit n is `WHAT_n` of
/// [`sensor_ebpf::packet`].
pub fn messages(wanted: &EventSet) -> u64 {
    let bit = |code, what: u8| u64::from(wanted.contains(code)) << what;
    bit(table::DNS, sensor_ebpf::packet::WHAT_DNS)
        | bit(table::TLS_HELLO, sensor_ebpf::packet::WHAT_TLS)
}

/// The row of a code.
pub fn row(code: EventCode) -> Option<&'static EventType> {
    table::ROWS.get(usize::from(code.0))
}

/// The code of the event type of that name.
pub fn by_name(name: &str) -> Option<EventCode> {
    let index = rows().iter().position(|row| row.name == name)?;
    u16::try_from(index).ok().map(EventCode)
}

/// The first parameter of that name in the table.
pub fn param(name: &str) -> Option<&'static Param> {
    rows()
        .iter()
        .find_map(|row| row.param(name))
        .map(|(_, p)| p)
}

/// The type of an event.
pub fn code_of(event: &decode::Event<'_>) -> EventCode {
    match &event.body {
        decode::Body::Exec(exec) => match exec.call {
            ExecCall::Execve => table::EXECVE,
            ExecCall::Execveat => table::EXECVEAT,
        },
        decode::Body::Fork(fork) => match fork.call {
            ForkCall::Fork => table::FORK,
            ForkCall::Vfork => table::VFORK,
            ForkCall::Clone => table::CLONE,
            ForkCall::Clone3 => table::CLONE3,
        },
        decode::Body::Exit(_) => table::PROCEXIT,
        decode::Body::Open(open) => match open.call {
            OpenCall::Open => table::OPEN,
            OpenCall::Openat => table::OPENAT,
            OpenCall::Openat2 => table::OPENAT2,
            OpenCall::Creat => table::CREAT,
        },
        decode::Body::Connect(_) => table::CONNECT,
        decode::Body::Call(call) => numbers::code_of(call.number),
        decode::Body::Signal(_) => table::SIGNALDELIVER,
        decode::Body::Operation(_) => table::IO_URING_OP,
        decode::Body::Dns(_) => table::DNS,
        decode::Body::TlsHello(_) => table::TLS_HELLO,
        decode::Body::ConnectionEnd(_) => table::CONNECTION_END,
        decode::Body::Mismatch(_) => table::ARGUMENT_MISMATCH,
    }
}

#[cfg(test)]
mod tests {
    use super::table::*;
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_name_is_there_once_and_leads_back_to_its_row() {
        let mut seen = HashSet::new();
        for (index, event) in rows().iter().enumerate() {
            assert!(seen.insert(event.name), "{} is there twice", event.name);
            let code = by_name(event.name).unwrap();
            assert_eq!(usize::from(code.0), index);
            assert_eq!(row(code), Some(event));
        }
        assert_eq!(by_name("execv"), None);
        assert_eq!(row(EventCode(u16::MAX)), None);
    }

    #[test]
    fn what_is_captured_comes_from_one_kind_of_record() {
        let kinds = sensor_ebpf::Kind::ALL;
        for row in rows() {
            let of_its_own = kinds
                .iter()
                .filter(|kind| of_kind(**kind).contains(&row.name))
                .count();
            let is_call = numbers::number(row).is_some();
            assert!(of_its_own <= 1, "{}", row.name);
            if row.captured() {
                assert!(of_its_own == 1 || is_call, "{}", row.name);
            } else {
                assert_eq!(of_its_own, 0, "{}", row.name);
            }
        }
    }

    #[test]
    fn every_call_of_this_machine_is_captured_that_returns() {
        for (name, captured) in [
            ("execve", true),
            ("openat", true),
            ("ptrace", true),
            ("getpid", true),
            ("pread", true),
            ("procexit", true),
            ("exit_group", false),
            ("pread64", false),
            ("socketcall", false),
            ("page_fault", false),
        ] {
            let row = row(by_name(name).unwrap()).unwrap();
            assert_eq!(row.captured(), captured, "{name}");
        }
        assert_eq!(row(PROCEXIT).map(|event| event.name), Some("procexit"));
        assert_eq!(row(CONNECT).map(|event| event.name), Some("connect"));
    }

    #[test]
    fn parameters_are_found_by_name_and_typed_by_the_first_event_that_has_them() {
        let open = row(OPEN).unwrap();
        assert_eq!(open.param("name").map(|(at, _)| at), Some(1));
        assert_eq!(open.param("request"), None);
        assert_eq!(
            param("request").unwrap().kind.raw_type(),
            Type::Unsigned(16)
        );
        assert_eq!(param("res").unwrap().kind.raw_type(), Type::Signed(64));
        assert_eq!(param("nosuch"), None);
    }

    #[test]
    fn sets_hold_what_was_put_in_and_combine() {
        let mut a = EventSet::EMPTY;
        a.insert(OPEN);
        a.insert(CONNECT);
        let mut b = EventSet::EMPTY;
        b.insert(CONNECT);
        b.insert(EventCode(511));
        assert_eq!((a.len(), b.len()), (2, 2));
        assert!(a.contains(OPEN) && !a.contains(EXECVE));
        assert_eq!(a.union(b).len(), 3);
        let both = a.intersect(b);
        assert!(both.contains(CONNECT) && both.len() == 1 && !both.is_empty());
    }
}
