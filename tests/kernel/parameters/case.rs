//! One row of the tables: a call, what it is given, and what its event must show.
//!
//! A row is data, so that one row is made by every way into the kernel. What an
//! event must show is written as `evt.args` shows it, with these in braces for
//! what only the child knows:
//!
//! | written | stands for |
//! |---|---|
//! | `{here}` | the child's directory |
//! | `{res}` | what the call returned |
//! | `{0}` … `{5}`, `{x0}` … | an argument, in decimal or hexadecimal |
//! | `{w0.4}` | the number of 32 bits 4 bytes behind where argument 0 points |
//! | `{ino:N}` `{dev:N}` `{port:N}` `{far:N}` | of descriptor N: inode, device, local and remote port |
//! | `{pid}` `{tid}` `{ppid}` | the child's ids |
//! | `*` | anything at all, where nobody but the kernel knows |

use std::fmt::Write as _;

use crate::entry::Arena;

/// A row.
pub(crate) struct Case {
    /// The event it must raise.
    pub(crate) event: &'static str,
    /// The C library's function that makes this call, if there is one.
    pub(crate) function: Option<&'static str>,
    /// Which of the ways are taken.
    pub(crate) ways: Ways,
    /// What the call is given.
    pub(crate) args: &'static [Arg],
    /// What its event must show, and what it must show of the same call through
    /// the 32-bit entry.
    pub(crate) shows: &'static str,
    pub(crate) shows_32: &'static str,
    /// What has to be done before the call.
    pub(crate) before: fn(),
}

/// Which of the ways a row is made by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ways {
    All,
    /// Not through the 32-bit entry, which has no such call or none that is alike.
    Wide,
    /// By the C library's function only, which makes another call than its name says.
    Library,
}

/// What is given as an argument.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arg {
    Number(i64),
    /// A text, which may be a path.
    Text(&'static str),
    Data(&'static [u8]),
    /// Numbers as wide as an address.
    Longs(&'static [i64]),
    /// Room for this many bytes the call fills in.
    Out(usize),
    /// A `struct iovec` array over these bytes.
    Vector(&'static [&'static [u8]]),
    /// A `struct msghdr`, with room behind it for the length `recvmmsg` gives.
    Message {
        name: &'static [u8],
        data: &'static [&'static [u8]],
        control: &'static [u8],
    },
}

/// A call made raw and by the library's function of the same name.
pub(crate) const fn call(event: &'static str, args: &'static [Arg], shows: &'static str) -> Case {
    Case {
        event,
        function: Some(event),
        ways: Ways::All,
        args,
        shows,
        shows_32: shows,
        before: || (),
    }
}

impl Case {
    /// The library's function has another name.
    pub(crate) const fn by(mut self, function: &'static str) -> Self {
        self.function = Some(function);
        self
    }

    /// No function of the library makes this call.
    pub(crate) const fn raw(mut self) -> Self {
        self.function = None;
        self
    }

    /// The library's function of that name makes this call with these arguments; the
    /// raw call of the event's name would want others.
    pub(crate) const fn only_by(mut self, function: &'static str) -> Self {
        self.ways = Ways::Library;
        self.by(function)
    }

    /// 32-bit programs have no such call.
    pub(crate) const fn wide(mut self) -> Self {
        self.ways = Ways::Wide;
        self
    }

    /// 32-bit programs see this instead.
    pub(crate) const fn narrow(mut self, shows: &'static str) -> Self {
        self.shows_32 = shows;
        self
    }

    /// After this was done.
    pub(crate) const fn before(mut self, before: fn()) -> Self {
        self.before = before;
        self
    }

    /// Whether the row is of a call that fails.
    pub(crate) fn fails(&self) -> bool {
        let result = self.shows.split(' ').next().unwrap_or_default();
        result.contains("=-")
    }
}

impl Arg {
    /// Puts it where the kernel finds it, laid out for 32 bits when `narrow`.
    pub(crate) fn give(self, arena: &mut Arena, narrow: bool) -> i64 {
        match self {
            Self::Number(number) => number,
            Self::Text(text) => arena.text(text),
            Self::Data(bytes) => arena.put(bytes),
            Self::Out(len) => arena.put(&vec![0; len]),
            Self::Longs(numbers) => {
                let mut bytes = Vec::new();
                for number in numbers {
                    long(&mut bytes, *number, narrow);
                }
                arena.put(&bytes)
            }
            Self::Vector(parts) => vector(arena, parts, narrow),
            Self::Message {
                name,
                data,
                control,
            } => message(arena, name, data, control, narrow),
        }
    }
}

/// A number as wide as an address.
fn long(bytes: &mut Vec<u8>, number: i64, narrow: bool) {
    let len = if narrow { 4 } else { 8 };
    bytes.extend_from_slice(&number.to_le_bytes()[..len]);
}

fn len(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap()
}

fn vector(arena: &mut Arena, parts: &[&[u8]], narrow: bool) -> i64 {
    let mut bytes = Vec::new();
    for part in parts {
        long(&mut bytes, arena.put(part), narrow);
        long(&mut bytes, len(part), narrow);
    }
    arena.put(&bytes)
}

fn message(arena: &mut Arena, name: &[u8], data: &[&[u8]], control: &[u8], narrow: bool) -> i64 {
    let mut bytes = Vec::new();
    let or_null = |arena: &mut Arena, part: &[u8]| match part {
        [] => 0,
        part => arena.put(part),
    };
    long(&mut bytes, or_null(arena, name), narrow);
    long(&mut bytes, len(name), narrow);
    long(&mut bytes, vector(arena, data, narrow), narrow);
    long(&mut bytes, i64::try_from(data.len()).unwrap(), narrow);
    long(&mut bytes, or_null(arena, control), narrow);
    long(&mut bytes, len(control), narrow);
    // Flags, and the length behind the header.
    bytes.extend_from_slice(&[0; 16]);
    arena.put(&bytes)
}

/// Replaces what stands in braces by what `value` says of it.
pub(crate) fn expand(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, behind) = behind.split_once('}').expect("a brace is closed");
        write!(text, "{before}{}", value(name)).unwrap();
        rest = behind;
    }
    text + rest
}

/// Whether a text is the pattern, in which `*` stands for anything.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, behind)) = left.split_once(part) else {
            return false;
        };
        left = behind;
    }
    left.ends_with(last)
}

#[test]
fn a_pattern_fits_what_it_says_and_nothing_else() {
    for (pattern, text, want) in [
        ("a=1 b=2", "a=1 b=2", true),
        ("a=1 b=*", "a=1 b=2", true),
        ("a=1 b=* c=3", "a=1 b=2 c=3", true),
        ("a=1 b=* c=3", "a=1 b=2 c=4", false),
        ("a=1 b=*", "a=2 b=2", false),
        ("a=1", "a=1 b=2", false),
    ] {
        assert_eq!(fits(pattern, text), want, "{pattern} {text}");
    }
    let expanded = expand("fd={res}(<f>{here}/x)", str::to_uppercase);
    assert_eq!(expanded, "fd=RES(<f>HERE/x)");
}
