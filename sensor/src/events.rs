//! Every event type a rule may name, one row each: name, parameters, category,
//! and whether this build captures it.
//!
//! Nothing comes in but names; what leaves are rows that live for ever. Rows
//! are found by their place in the table, and no two have the same name. The
//! rule compiler, the renderer of `evt.arg`, `sensor events` and the manual
//! read these rows.

mod elsewhere;
mod file;
mod generic;
mod kernel;
mod minor;
mod more;
mod net;
pub mod numbers;
pub mod plan;
mod process;
mod table;

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
    /// This build captures it. Rules on other events load and never fire.
    pub captured: bool,
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
}

/// Where the value of a parameter of a system call comes from. Arguments are
/// counted from 0; [`sensor_ebpf::call::RESULT`] stands for the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Not from the call's own record.
    Elsewhere,
    /// What the call returned.
    Result,
    /// The argument itself; of a text what it points to, of a path that too,
    /// under the working directory.
    Arg(u8),
    /// A path in an argument, under the directory descriptor in another.
    Under {
        /// The path's argument.
        at: u8,
        /// The descriptor's.
        dir: u8,
    },
    /// Memory.
    Memory {
        /// Where it begins.
        at: u8,
        /// Which argument has its length in bytes.
        len: u8,
    },
    /// One of the numbers an argument points to.
    Word {
        /// The argument.
        at: u8,
        /// The offset in bytes.
        offset: u8,
        /// The number's width in bytes.
        width: u8,
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
    /// The data of a `struct msghdr` an argument points to.
    Message(u8),
    /// The data of an array of `struct iovec`.
    Vector {
        /// Where it begins.
        at: u8,
        /// Which argument has its length in elements.
        len: u8,
    },
    /// What the descriptor in an argument, or in the result, is.
    Descriptor(u8),
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
        captured: false,
    }
}

/// A row for something that is no system call.
const fn event(name: &'static str, category: Category, params: &'static [Param]) -> EventType {
    EventType {
        syscall: false,
        ..call(name, category, params)
    }
}

/// A parameter.
const fn p(name: &'static str, kind: Kind) -> Param {
    Param {
        name,
        kind,
        from: From::Elsewhere,
    }
}

impl Param {
    /// The same, with its value from there.
    const fn from(mut self, from: From) -> Self {
        self.from = from;
        self
    }
}

impl EventType {
    /// The same, captured by this build.
    const fn captured(mut self) -> Self {
        self.captured = true;
        self
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
    }
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
    fn every_captured_event_comes_from_exactly_one_kind() {
        let kinds = sensor_ebpf::Kind::ALL;
        for row in rows() {
            let from = kinds
                .iter()
                .filter(|kind| of_kind(**kind).contains(&row.name))
                .count();
            assert_eq!(from, usize::from(row.captured), "{}", row.name);
        }
    }

    #[test]
    fn what_the_decoder_tells_is_what_the_table_calls_captured() {
        let coded = [
            EXECVE,
            EXECVEAT,
            FORK,
            VFORK,
            CLONE,
            CLONE3,
            PROCEXIT,
            OPEN,
            OPENAT,
            OPENAT2,
            CREAT,
            CONNECT,
            SIGNALDELIVER,
        ];
        let captured = rows().iter().filter(|event| event.captured).count();
        assert_eq!(captured, coded.len());
        for code in coded {
            assert!(row(code).unwrap().captured);
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
