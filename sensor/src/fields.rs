//! Every field a rule may name, one row each: name, type, argument, meaning,
//! and the getter that reads it from an [`Observation`].
//!
//! The rule compiler, the output renderer, `sensor fields` and the manual all
//! read these rows; nothing about a field is written twice. The rows stand in
//! one file per class.
//!
//! What always holds: a getter gives a value of its row's type, or none; it
//! allocates nothing but in the observation's arena and does no IO.

mod address;
mod compose;
mod container;
mod evt;
mod fd;
mod fs;
pub mod given;
mod k8s;
mod lookup;
mod names;
mod other;
mod params;
mod path;
mod proc;
mod services;
mod statics;
mod thread;
mod user;

use std::net::IpAddr;

pub use lookup::{LookupError, lookup};
pub(crate) use services::port_of_service;
pub use statics::Statics;

use crate::enrich::Observation;

/// The value of a field for one event. Text borrows from the observation or
/// its arena.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Text: any bytes without NUL.
    Text(&'a [u8]),
    /// A byte buffer, NULs included.
    Buffer(&'a [u8]),
    /// A signed integer.
    Signed(i64),
    /// An unsigned integer, time or duration.
    Unsigned(u64),
    /// A truth value.
    Bool(bool),
    /// A floating-point number.
    Double(f64),
    /// A port.
    Port(u16),
    /// An address (also the value of network fields).
    Ip(IpAddr),
    /// The elements of a list field, the ancestors (parent first), or both
    /// ends of a connection (client, server), see [`Many`].
    List(&'a [Value<'a>]),
}

/// The type of a field, as the comparison sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Text.
    Text,
    /// Bytes.
    Buffer,
    /// Signed integer of that many bits.
    Signed(u8),
    /// Unsigned integer of that many bits.
    Unsigned(u8),
    /// Nanoseconds since the epoch.
    AbsTime,
    /// A duration in nanoseconds.
    RelTime,
    /// true or false.
    Bool,
    /// Floating point.
    Double,
    /// A port number or service name.
    Port,
    /// An address.
    Ip,
    /// An address compared with networks.
    IpNet,
}

impl Type {
    /// The word tables show for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Buffer => "bytes",
            Self::Signed(_) => "signed",
            Self::Unsigned(_) => "unsigned",
            Self::AbsTime => "time",
            Self::RelTime => "duration",
            Self::Bool => "bool",
            Self::Double => "float",
            Self::Port => "port",
            Self::Ip => "address",
            Self::IpNet => "network",
        }
    }
}

/// How many values a field has, and what a comparison then means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Many {
    /// One value.
    One,
    /// A list (`fd.types`): `in` wants all of it, `intersects` any.
    List,
    /// Without an index: true when the comparison holds for at least one ancestor.
    AnyAncestor,
    /// Both ends of a connection: `=` either, `!=` both. An empty list is a
    /// descriptor without addresses: it exists, and no comparison holds.
    BothEnds,
}

/// What may stand in brackets (or after a dot) behind the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgRule {
    /// Nothing.
    None,
    /// An index, which may be left out.
    OptionalIndex,
    /// An index or a key, which may be left out (`proc.env[HOME]`).
    OptionalAny,
    /// An index or a key is required (`container.label[app]`).
    Required,
    /// A name after a dot, or an index in brackets: `evt.arg.flags`, `evt.arg[1]`.
    DottedOrIndex,
    /// A name after a dot only: `evt.rawarg.res`, `thread.cgroup.cpu`.
    Dotted,
    /// A name after a dot, which may be left out: `evt.abspath.src`.
    OptionalDotted,
}

/// An argument, resolved when the rule was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Arg {
    /// None was given.
    None,
    /// A number.
    Index(usize),
    /// A word.
    Key(Box<str>),
}

/// How a number is printed when it is not plain decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Print {
    /// As its type says.
    Plain,
    /// Upper-case hexadecimal without prefix (`fd.dev`), text in JSON too.
    Hex,
    /// Nine digits, zero-padded (`evt.rawtime.ns`).
    NineDigits,
}

/// What a field may not be used for, and how it is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the independent flags of the rule language"
)]
pub struct Flags {
    /// Usable only in conditions.
    pub filter_only: bool,
    /// Usable only in outputs.
    pub output_only: bool,
    /// May stand in no transformer.
    pub no_transformer: bool,
    /// May not be compared with a field on the right.
    pub no_right_field: bool,
    /// Added to outputs by `suggested_output`.
    pub suggested: bool,
    /// Deprecated in Falco.
    pub deprecated: bool,
    /// Not listed by default, still usable.
    pub hidden: bool,
}

/// Whether this build can fill a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The sensor fills it.
    Live,
    /// It loads and is always missing: what it needs is not captured (yet).
    Absent,
}

/// How long the value of a field stands: what is found out about it need not
/// be found out again before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// As long as the acting process is what it is.
    Process,
    /// As long as the process and its ancestors are what they are.
    Lineage,
    /// For the file or socket of one event.
    Fd,
    /// For one event.
    Event,
}

/// Reads a field from an observation; `None` is a missing value.
pub type Getter = for<'a> fn(&Observation<'a>, &Arg) -> Option<Value<'a>>;

/// One row of the field table.
#[derive(Clone, Copy)]
pub struct Field {
    /// The name a rule uses.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// One value or several.
    pub many: Many,
    /// What may follow the name.
    pub arg: ArgRule,
    /// What it may not be used for.
    pub flags: Flags,
    /// How numbers are printed.
    pub print: Print,
    /// What it means, one line, our words.
    pub doc: &'static str,
    /// Whether this build can fill it.
    pub source: Source,
    /// How long its value stands.
    pub scope: Scope,
    /// Reads it.
    pub get: Getter,
}

/// A field with its argument, as a rule uses it.
#[derive(Clone)]
pub struct FieldRef {
    /// The row.
    pub field: &'static Field,
    /// The argument.
    pub arg: Arg,
    /// As written in the rule, argument included: the key in `output_fields`.
    pub written: Box<str>,
}

impl FieldRef {
    /// One value or several, given the argument: `proc.aname[2]` is one,
    /// `proc.aname` any ancestor.
    pub fn many(&self) -> Many {
        match (self.field.many, &self.arg) {
            (Many::AnyAncestor, Arg::Index(_) | Arg::Key(_)) => Many::One,
            (many, _) => many,
        }
    }
}

/// Anything that can answer for fields: a real observation, or an event that
/// a test gives field by field.
pub trait Subject {
    /// The value of the field for this event; `None` when it is missing.
    fn value<'a>(&'a self, field: &FieldRef) -> Option<Value<'a>>;
    /// Scratch space that lives as long as the event.
    fn arena(&self) -> &bumpalo::Bump;
    /// What answers about the acting process stand on: as long as it is the
    /// same, so are all fields of [`Scope::Process`]. `None`: nothing can be
    /// remembered.
    fn standing(&self) -> Option<Standing> {
        None
    }
    /// Has the standing change from now on when an ancestor does, so that what
    /// is then found out about fields of [`Scope::Lineage`] can be remembered;
    /// `false` when it cannot.
    fn watch_ancestors(&self) -> bool {
        false
    }
}

/// What answers about a process stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Standing {
    /// The process, its ancestors and the names of users, as the table has them.
    pub known: crate::enrich::process::Standing,
    /// The user and group the event came with, which need not be those of the
    /// process: a late record changes nothing.
    pub ids: (u32, u32),
}

impl Subject for Observation<'_> {
    fn value<'a>(&'a self, field: &FieldRef) -> Option<Value<'a>> {
        (field.field.get)(self, &field.arg)
    }

    fn arena(&self) -> &bumpalo::Bump {
        self.arena
    }

    fn standing(&self) -> Option<Standing> {
        let task = &self.event.task;
        Some(Standing {
            known: self.standing?,
            ids: (task.uid, task.gid),
        })
    }

    fn watch_ancestors(&self) -> bool {
        self.process
            .is_some_and(|process| self.processes.watch_ancestors(process))
    }
}

/// The classes: the word before the first dot, what it is about, its rows.
static CLASSES: [(&str, &str, &[Field]); 12] = [
    ("evt", "the event", evt::ROWS),
    ("proc", "the process and its ancestors", proc::ROWS),
    ("thread", "the thread", thread::ROWS),
    ("user", "the user", user::USER_ROWS),
    ("group", "the group", user::GROUP_ROWS),
    ("fd", "the file or socket", fd::ROWS),
    ("fs", "paths of calls on names", fs::ROWS),
    ("container", "the container", container::ROWS),
    ("k8s", "the Kubernetes pod", k8s::ROWS),
    ("syscall", "the system call", evt::SYSCALL_ROWS),
    ("static", "constants of the configuration", statics::ROWS),
    ("others", "lists of descriptors and counters", other::ROWS),
];

/// All fields, class by class.
pub fn rows() -> impl Iterator<Item = &'static Field> {
    CLASSES.iter().flat_map(|(_, _, rows)| rows.iter())
}

/// All classes: their name, what they are about, their rows.
pub fn classes() -> &'static [(&'static str, &'static str, &'static [Field])] {
    &CLASSES
}

/// All field names, for "did you mean".
pub fn names() -> impl Iterator<Item = &'static str> {
    rows().map(|field| field.name)
}

/// Rows are written as `live(…)` or `absent(…)` and what differs from the usual.
impl Field {
    /// A field this build fills, whose value is that of one event.
    const fn live(name: &'static str, ty: Type, get: Getter, doc: &'static str) -> Self {
        Self {
            name,
            ty,
            many: Many::One,
            arg: ArgRule::None,
            flags: NO_FLAGS,
            print: Print::Plain,
            doc,
            source: Source::Live,
            scope: Scope::Event,
            get,
        }
    }

    /// A field of the acting process: its getter reads of the observation
    /// nothing but `process`, `container`, `users`, `arena`, and the event's uid
    /// and gid. Times that count up to now and what the host's clock tells are
    /// not of this kind.
    const fn process(name: &'static str, ty: Type, get: Getter, doc: &'static str) -> Self {
        let mut field = Self::live(name, ty, get, doc);
        field.scope = Scope::Process;
        field
    }

    /// A field of the process and its ancestors: its getter also reads what
    /// [`ProcessTable::ancestors`](crate::enrich::process::ProcessTable::ancestors)
    /// gives, but for the working directories of those.
    const fn lineage(name: &'static str, ty: Type, get: Getter, doc: &'static str) -> Self {
        let mut field = Self::live(name, ty, get, doc);
        field.scope = Scope::Lineage;
        field
    }

    /// A field of the file or socket the event is about.
    const fn fd(name: &'static str, ty: Type, get: Getter, doc: &'static str) -> Self {
        let mut field = Self::live(name, ty, get, doc);
        field.scope = Scope::Fd;
        field
    }

    /// A field that rules may name and that has no value yet.
    const fn absent(name: &'static str, ty: Type, doc: &'static str) -> Self {
        let mut field = Self::live(name, ty, |_, _| None, doc);
        field.source = Source::Absent;
        field
    }

    const fn arg(mut self, arg: ArgRule) -> Self {
        self.arg = arg;
        self
    }

    const fn many(mut self, many: Many) -> Self {
        self.many = many;
        self
    }

    const fn print(mut self, print: Print) -> Self {
        self.print = print;
        self
    }

    /// Neither inside a transformer nor against a field on the right.
    const fn plain_only(mut self) -> Self {
        self.flags.no_transformer = true;
        self.flags.no_right_field = true;
        self
    }

    /// As [`Field::plain_only`], and in conditions only.
    const fn filter_only(mut self) -> Self {
        self.flags.filter_only = true;
        self.plain_only()
    }

    const fn no_right_field(mut self) -> Self {
        self.flags.no_right_field = true;
        self
    }

    const fn output_only(mut self) -> Self {
        self.flags.output_only = true;
        self
    }

    const fn suggested(mut self) -> Self {
        self.flags.suggested = true;
        self
    }

    const fn deprecated(mut self) -> Self {
        self.flags.deprecated = true;
        self
    }

    const fn hidden(mut self) -> Self {
        self.flags.hidden = true;
        self
    }

    /// Ancestors: an index for one of them, none for any of them.
    const fn ancestors(self) -> Self {
        self.arg(ArgRule::OptionalIndex)
            .many(Many::AnyAncestor)
            .plain_only()
    }
}

/// [`Flags::default`] for constants.
const NO_FLAGS: Flags = Flags {
    filter_only: false,
    output_only: false,
    no_transformer: false,
    no_right_field: false,
    suggested: false,
    deprecated: false,
    hidden: false,
};

#[cfg(test)]
mod tests;
