//! Parameters of a system call that has no record of its own: the event table
//! says where in the record each stands.
//!
//! A number is cut to the width of its kind, because the other half of a
//! register is whatever was in it. What was not read is missing.

use bumpalo::collections::Vec;
use sensor_ebpf::call::{CWD, RESULT};

use super::{AT_FDCWD, Raw, absolute, directory, forms, working_directory};
use crate::decode::{Abi, Body, Call, Read};
use crate::enrich::Observation;
use crate::events::{self, Category, EventType, From, Kind, Of, Param, Uses};
use crate::fields::address;
use crate::fields::fd::{self, descriptor};
use crate::fields::{compose, names, path};

/// The value of a parameter.
pub(super) fn raw<'a>(
    o: &Observation<'a>,
    call: &Call<'a>,
    event: &EventType,
    param: &Param,
) -> Raw<'a> {
    if let Some(raw) = forms::raw(o, call, event, param) {
        return raw;
    }
    match param.from {
        _ if param.kind == Kind::Tuple => tuple(o),
        From::Elsewhere => Raw::Missing,
        From::Result | From::Descriptor(RESULT) => result(call, param.kind),
        From::Arg(at) | From::Descriptor(at) => number(param.kind, call.arg(at)),
        From::Bits { at, shift, mask } => {
            number(param.kind, call.arg(at) >> shift & u64::from(mask))
        }
        // What a failed call left there are numbers of nothing.
        From::DescriptorAt(_) | From::Word { .. } if param.kind == Kind::Fd && call.result < 0 => {
            Raw::Missing
        }
        From::Text(at) | From::Under { at, .. } => text(call.text(at)),
        From::Long { at, offset } if o.event.task.abi == Abi::I386 => {
            narrow(call, event, at, offset)
        }
        From::Clock { .. } if o.event.task.abi == Abi::I386 => Raw::Missing,
        From::Word { at, offset } | From::Long { at, offset } => word(call, param.kind, at, offset),
        From::Halves { at, offset, apart } => halves(call, at, offset, apart),
        From::Clock {
            at,
            offset,
            unit_ns,
        } => clock(call, at, offset, unit_ns),
        From::Address { at, .. } | From::AddressOut { at, .. } => {
            match call.address(at).and_then(address::parse) {
                Some(address) => Raw::Bytes(address::text(o.arena, address)),
                None => Raw::Missing,
            }
        }
        From::Control(at) => call
            .control(at)
            .map_or(Raw::Missing, |it| Raw::Bytes(it.bytes)),
        From::Polled { at, .. } => polled(o, call, at),
        From::Uses(what) => call.usage().map_or(Raw::Missing, |usage| {
            Raw::Unsigned(u64::from(match what {
                Uses::Size => usage.vm_size_kib,
                Uses::Resident => usage.vm_rss_kib,
                Uses::Swapped => usage.vm_swap_kib,
            }))
        }),
        From::Memory { at, .. }
        | From::MemoryOut { at, .. }
        | From::MessagesOut(at)
        | From::Fixed { at, .. }
        | From::Message(at)
        | From::MessageOut(at)
        | From::Vector { at, .. }
        | From::VectorOut { at, .. } => memory(call, event, param, at),
        From::Size(at) => match call.bytes(at) {
            Some(Read { full, .. }) => Raw::Unsigned(full.into()),
            None => Raw::Missing,
        },
        From::DescriptorAt(at) => match call.descriptor(at) {
            Some((descriptor, _)) => Raw::Signed(descriptor.number.into()),
            None => word(call, param.kind, at, 0),
        },
        From::Of(at, what) => of_descriptor(call, at, what),
    }
}

fn text(text: Option<&[u8]>) -> Raw<'_> {
    text.map_or(Raw::Missing, Raw::Bytes)
}

/// What the call returned.
fn result<'a>(call: &Call<'a>, kind: Kind) -> Raw<'a> {
    match kind {
        Kind::Errno | Kind::Fd | Kind::Pid | Kind::Signed(_) => Raw::Signed(call.result),
        kind => number(kind, call.result.cast_unsigned()),
    }
}

/// The significant bits of a number of that kind.
pub(super) fn number<'a>(kind: Kind, value: u64) -> Raw<'a> {
    let bits = match kind {
        Kind::Errno | Kind::Fd | Kind::Pid => return signed(value, 32),
        Kind::Signed(bits) => return signed(value, bits),
        Kind::Unsigned(bits)
        | Kind::Hex(bits)
        | Kind::Octal(bits)
        | Kind::Flags(bits)
        | Kind::Enum(bits) => bits,
        Kind::Uid | Kind::Gid => 32,
        Kind::Mode => 16,
        Kind::SignalNumber => 8,
        Kind::Dynamic | Kind::Time => 64,
        Kind::Text
        | Kind::Path
        | Kind::RelativePath
        | Kind::Buffer
        | Kind::Address
        | Kind::Tuple => return Raw::Missing,
    };
    Raw::Unsigned(value & (u64::MAX >> 64_u32.saturating_sub(bits.into()).min(63)))
}

fn signed<'a>(value: u64, bits: u8) -> Raw<'a> {
    let above = 64_u32.saturating_sub(bits.into()).min(63);
    Raw::Signed((value << above).cast_signed() >> above)
}

/// A number in the memory an argument points to.
fn word<'a>(call: &Call<'a>, kind: Kind, at: u8, offset: u8) -> Raw<'a> {
    match in_memory(call, at, offset, kind.bytes()) {
        Some(value) => number(kind, value),
        None => Raw::Missing,
    }
}

/// The same of a number as wide as an address, of a 32-bit program; all ones stand for
/// no limit there, too.
fn narrow<'a>(call: &Call<'a>, event: &EventType, at: u8, offset: u8) -> Raw<'a> {
    // One name for two calls, of which one has the wider form.
    if event.name == "sendfile" {
        return Raw::Missing;
    }
    match in_memory(call, at, offset / 2, 4) {
        Some(0xffff_ffff) => Raw::Signed(-1),
        Some(value) => Raw::Signed(value.cast_signed()),
        None => Raw::Missing,
    }
}

/// Some bytes of that memory as a number.
pub(super) fn in_memory(call: &Call<'_>, at: u8, offset: u8, bytes: u8) -> Option<u64> {
    let start = usize::from(offset);
    let memory = call.bytes(at)?.bytes;
    let number = memory.get(start..start + usize::from(bytes))?;
    Some(
        number
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)),
    )
}

fn halves<'a>(call: &Call<'a>, at: u8, offset: u8, apart: u8) -> Raw<'a> {
    let half = |offset| in_memory(call, at, offset, 4);
    match (half(offset), half(offset + apart)) {
        (Some(lower), Some(upper)) => Raw::Unsigned(upper << 32 | lower),
        _ => Raw::Missing,
    }
}

/// A time; missing where the caller asked for the present, or for none.
fn clock<'a>(call: &Call<'a>, at: u8, offset: u8, unit_ns: u16) -> Raw<'a> {
    const SECOND_NS: u64 = 1_000_000_000;
    let part = |offset| in_memory(call, at, offset, 8);
    let (Some(seconds), Some(rest)) = (part(offset), part(offset + 8)) else {
        return Raw::Missing;
    };
    let rest_ns = rest.saturating_mul(unit_ns.into());
    // UTIME_NOW and UTIME_OMIT are no part of a second, and nothing beyond one is.
    if rest_ns >= SECOND_NS || seconds.cast_signed() < 0 {
        return Raw::Missing;
    }
    Raw::Unsigned(seconds.saturating_mul(SECOND_NS).saturating_add(rest_ns))
}

/// Bytes of memory, or the text or number they are.
fn memory<'a>(call: &Call<'a>, event: &EventType, param: &Param, at: u8) -> Raw<'a> {
    let Some(Read { bytes, .. }) = call.bytes(at) else {
        return Raw::Missing;
    };
    match param.kind {
        Kind::Text => Raw::Bytes(bytes.split(|byte| *byte == 0).next().unwrap_or_default()),
        Kind::Buffer | Kind::Dynamic => Raw::Bytes(moved(call, event, bytes)),
        kind => word(call, kind, at, 0),
    }
}

/// What of the bytes that were to be written was.
fn moved<'a>(call: &Call<'a>, event: &EventType, bytes: &'a [u8]) -> &'a [u8] {
    let written = usize::try_from(call.result).ok();
    match written.filter(|_| event.category == Category::IoWrite && event.name != "sendmmsg") {
        Some(written) => bytes.get(..written).unwrap_or(bytes),
        None => bytes,
    }
}

/// `fd:` and, for each descriptor, the letter of what it is and what was there:
/// `3:p1 4:45`.
fn polled<'a>(o: &Observation<'a>, call: &Call<'a>, at: u8) -> Raw<'a> {
    let each = call.polled(at).map(|it| {
        let letter = fd::letter_of(it.mode, it.magic, it.family);
        let (number, returned) = (it.number, it.returned);
        compose::text(o.arena, format_args!("{number}:{letter}{returned:x}"))
    });
    Raw::Bytes(compose::join(o.arena, b" ", each))
}

fn of_descriptor<'a>(call: &Call<'a>, at: u8, what: Of) -> Raw<'a> {
    let Some((descriptor, path)) = call.descriptor(at) else {
        return Raw::Missing;
    };
    let (queued, max) = (descriptor.backlog, descriptor.backlog_max);
    Raw::Unsigned(match what {
        Of::Ino => descriptor.ino,
        Of::Dev => fd::user_device(descriptor.dev).into(),
        Of::Path => return Raw::Bytes(path.get(..descriptor.path_len.into()).unwrap_or(path)),
        Of::Source => descriptor.source,
        Of::Peer => descriptor.peer,
        Of::Queued => queued.into(),
        Of::QueueMax => max.into(),
        Of::QueuePercent => {
            let percent = u64::from(queued) * 100;
            percent.checked_div(max.into()).unwrap_or(0).min(255)
        }
    })
}

/// Both ends of the event's socket.
fn tuple<'a>(o: &Observation<'a>) -> Raw<'a> {
    match fd::socket::of(o).and_then(|socket| socket.tuple(o.arena)) {
        Some(tuple) => Raw::Bytes(tuple),
        None => Raw::Missing,
    }
}

/// What the value means, where the record says more than the value.
pub(super) fn meaning<'a>(
    o: &Observation<'a>,
    call: &Call<'a>,
    event: &EventType,
    param: &Param,
    raw: Raw<'a>,
) -> Option<&'a [u8]> {
    if let Some(meaning) = forms::meaning(o, call, event, param, raw) {
        return Some(meaning);
    }
    match (param.from, raw) {
        (From::Result | From::Descriptor(RESULT), Raw::Signed(number))
            if number < 0 && matches!(param.kind, Kind::Fd | Kind::Pid) =>
        {
            names::errno(-number).map(str::as_bytes)
        }
        (From::Descriptor(RESULT), _) if !forms::makes_descriptor(call, event) => None,
        (From::Descriptor(at) | From::DescriptorAt(at), Raw::Signed(number)) => {
            descriptor_meaning(o, call, at, number)
        }
        (From::Arg(at), Raw::Signed(number)) if param.kind == Kind::Fd => {
            match event.params.iter().find_map(|param| path_under(param, at)) {
                // An empty path is the descriptor itself, of whatever kind.
                Some(path) if call.text(path) == Some(b"") => call.base(path),
                Some(path) => directory(o, number, base(o, call, path, at)),
                None => same_descriptor(o, number),
            }
        }
        // The other end of a pipe, the other socket of a pair.
        (From::Word { at, .. }, Raw::Signed(_)) if param.kind == Kind::Fd => {
            descriptor::at(call, at).other_end().described(o)
        }
        (From::Under { at, dir }, Raw::Bytes(name)) => match arrived(call, event) {
            Some(directory) if !name.starts_with(b"/") => Some(directory),
            _ => absolute_path(o, call, at, dir, name),
        },
        _ => None,
    }
}

/// What the descriptor in an argument or the result is; of the event's own with
/// all that is known of its addresses.
fn descriptor_meaning<'a>(
    o: &Observation<'a>,
    call: &Call<'a>,
    at: u8,
    number: i64,
) -> Option<&'a [u8]> {
    if number < 0 {
        return names::errno(-number).map(str::as_bytes);
    }
    let own = descriptor::of(o).filter(|own| own.number == number);
    let descriptor = own.unwrap_or_else(|| descriptor::at(call, at));
    descriptor.described(o)
}

/// A number that only says which descriptor: what it is when it is the event's.
fn same_descriptor<'a>(o: &Observation<'a>, number: i64) -> Option<&'a [u8]> {
    if number < 0 {
        return names::errno(-number).map(str::as_bytes);
    }
    let own = descriptor::of(o).filter(|own| own.number == number)?;
    own.described(o)
}

/// The argument of a path that starts from the directory descriptor in an argument.
fn path_under(param: &Param, dir_at: u8) -> Option<u8> {
    match param.from {
        From::Under { at, dir } if dir == dir_at => Some(at),
        _ => None,
    }
}

/// The directory the path in an argument starts from; empty when it is not known.
fn base<'a>(o: &Observation<'a>, call: &Call<'a>, at: u8, dir: u8) -> &'a [u8] {
    let told = call.base(at).unwrap_or_default();
    let from_here = dir == CWD || number(Kind::Fd, call.arg(dir)) == Raw::Signed(AT_FDCWD);
    if told.is_empty() && from_here {
        return working_directory(o);
    }
    told
}

/// Where a chdir led to: what the kernel tells after the call is no longer where
/// its path started from.
fn arrived<'a>(call: &Call<'a>, event: &EventType) -> Option<&'a [u8]> {
    call.base(0)
        .filter(|_| event.name == "chdir" && call.result >= 0)
}

/// The path in an argument made absolute, where it was not. An empty path is
/// the directory descriptor itself.
fn absolute_path<'a>(
    o: &Observation<'a>,
    call: &Call<'a>,
    at: u8,
    dir: u8,
    name: &'a [u8],
) -> Option<&'a [u8]> {
    let base = base(o, call, at, dir);
    match (name, base) {
        ([], []) => None,
        ([], base) => call.base(at).is_some().then_some(base),
        (name, base) => absolute(o, base, name),
    }
}

/// A path that a call was given.
#[derive(Debug, Clone, Copy)]
pub(in crate::fields) struct NamedPath<'a> {
    /// As given.
    pub(in crate::fields) raw: &'a [u8],
    /// Absolute by its text, behind the directory the kernel started from.
    pub(in crate::fields) absolute: &'a [u8],
}

/// The paths that the call at hand was given, in the order of its parameters.
pub(in crate::fields) fn named_paths<'a>(o: &Observation<'a>) -> &'a [NamedPath<'a>] {
    let Body::Call(call) = &o.event.body else {
        return &[];
    };
    let Some(event) = events::row(events::numbers::code_of(call.number)) else {
        return &[];
    };
    let mut paths = Vec::new_in(o.arena);
    paths.extend(event.params.iter().filter_map(|param| {
        let From::Under { at, dir } = param.from else {
            return None;
        };
        let raw = call.text(at)?;
        let base = base(o, call, at, dir);
        let absolute = match (raw, base) {
            ([], base) => base,
            ([first, ..], base) if *first != b'/' && arrived(call, event).is_some() => base,
            ([b'/', ..], _) => path::absolute(o.arena, b"", raw),
            (raw, []) => path::absolute(o.arena, b"<UNKNOWN>", raw),
            (raw, base) => path::absolute(o.arena, base, raw),
        };
        Some(NamedPath { raw, absolute })
    }));
    paths.into_bump_slice()
}

/// Whether a path of the call at hand is under a directory descriptor.
pub(in crate::fields) fn has_directory(o: &Observation<'_>) -> bool {
    let Body::Call(call) = &o.event.body else {
        return false;
    };
    let event = events::row(events::numbers::code_of(call.number));
    let mut params = event.map_or(&[][..], |event| event.params).iter();
    params.any(|param| param.kind == Kind::RelativePath)
}

/// The flags of a call that opens by a handle, as the rule language numbers them.
pub(in crate::fields) fn open_flags(o: &Observation<'_>) -> Option<u64> {
    let Body::Call(call) = &o.event.body else {
        return None;
    };
    let event = events::row(events::numbers::code_of(call.number))?;
    (event.name == "open_by_handle_at").then(|| forms::open_flags(call))
}

/// The bytes that a call read or wrote: its `data`.
pub(in crate::fields) fn data<'a>(o: &Observation<'a>) -> Option<&'a [u8]> {
    let Body::Call(call) = &o.event.body else {
        return None;
    };
    let event = events::row(events::numbers::code_of(call.number))?;
    let (_, param) = event.param("data")?;
    match raw(o, call, event, param) {
        Raw::Bytes(bytes) if param.kind == Kind::Buffer => Some(bytes),
        _ => None,
    }
}
