//! Parameters whose form depends on what else the call was given.
//!
//! Everything the event table cannot say in one row: a request that makes of an
//! argument a signal, an address or nothing.

use super::{Raw, call::in_memory, call::number};
use crate::decode::{Abi, Call};
use crate::enrich::Observation;
use crate::events::{EventType, Kind, Param, words};
use crate::fields::{compose, names};

/// The value, where it is not simply what the table says.
pub(super) fn raw<'a>(
    o: &Observation<'a>,
    call: &Call<'a>,
    event: &EventType,
    param: &Param,
) -> Option<Raw<'a>> {
    match (event.name, param.name) {
        ("ptrace", "data") => Some(ptrace_data(call)),
        ("prctl", "arg2_str") if !names_itself(call) => Some(Raw::Missing),
        ("prctl", "arg2_int") if names_itself(call) => Some(Raw::Signed(0)),
        ("bpf", "type" | "name") => Some(bpf(call, param)),
        ("fsconfig", "value_charbuf") if !matches!(int(call, 1), 1 | 3 | 4) => Some(Raw::Missing),
        ("quotactl", "quotafilepath") if int(call, 0) >> 8 != Q_QUOTAON => Some(Raw::Missing),
        ("semop", "sem_num_1" | "sem_op_1" | "sem_flg_1") if int(call, 2) < 2 => Some(Raw::Missing),
        ("getsockopt" | "setsockopt", "val") => Some(socket_option(o, call)),
        ("open_by_handle_at", "flags") => Some(Raw::Unsigned(open_flags(call))),
        _ => None,
    }
}

/// The meaning, where another argument decides on it.
pub(super) fn meaning<'a>(
    o: &Observation<'a>,
    call: &Call<'a>,
    event: &EventType,
    param: &Param,
    raw: Raw<'a>,
) -> Option<&'a [u8]> {
    let Raw::Unsigned(value) = raw else {
        return None;
    };
    match (event.name, param.name) {
        ("ptrace", "addr" | "data") => Some(match ptrace_signal(call, param, value) {
            Some(signal) => signal.as_bytes(),
            None => compose::text(o.arena, format_args!("{value:X}")),
        }),
        ("bpf", "type") => {
            let words = match int(call, 0) {
                BPF_PROG_LOAD => words::BPF_PROGRAM,
                _ => words::BPF_MAP,
            };
            compose::one_of(o.arena, value, words)
        }
        // The names are those of one level; on others the numbers mean other things.
        ("getsockopt" | "setsockopt", "optname") if int(call, 1) != SOL_SOCKET => {
            Some(compose::text(o.arena, format_args!("{value}")))
        }
        ("mknod" | "mknodat", "mode") => Some(file_mode(o, value)),
        // This asks what it is, and sets nothing.
        ("personality", "persona") if value == PERSONALITY_ASKED => {
            Some(compose::text(o.arena, format_args!("{value}")))
        }
        ("open_by_handle_at", "flags") => Some(compose::flags(o.arena, value, names::OPEN_FLAGS)),
        _ => None,
    }
}

const PERSONALITY_ASKED: u64 = 0xffff_ffff;
const Q_QUOTAON: u32 = 0x80_0002;
const SOL_SOCKET: u32 = 1;

/// Whether what the call returned is a descriptor, where the table says so.
pub(in crate::fields) fn makes_descriptor(call: &Call<'_>, event: &EventType) -> bool {
    // bpf: those that make, load, open or link something.
    const MAKES: [u32; 13] = [0, 5, 7, 13, 14, 17, 18, 19, 28, 30, 32, 33, 36];
    const LANDLOCK_VERSION: u32 = 1;
    const F_DUPFD: u32 = 0;
    const F_DUPFD_CLOEXEC: u32 = 1030;
    match event.name {
        "bpf" => MAKES.contains(&int(call, 0)),
        "fcntl" => matches!(int(call, 1), F_DUPFD | F_DUPFD_CLOEXEC),
        "landlock_create_ruleset" => int(call, 2) & LANDLOCK_VERSION == 0,
        _ => true,
    }
}

/// The lower half of an argument.
fn int(call: &Call<'_>, at: u8) -> u32 {
    let [a, b, c, d, ..] = call.arg(at).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// `data` of ptrace: of a request that reads, what was read; else the argument.
fn ptrace_data<'a>(call: &Call<'a>) -> Raw<'a> {
    const PEEKTEXT: u32 = 1;
    const PEEKUSR: u32 = 3;
    if (PEEKTEXT..=PEEKUSR).contains(&int(call, 0)) {
        return in_memory(call, 3, 0, 8).map_or(Raw::Missing, Raw::Unsigned);
    }
    Raw::Unsigned(call.arg(3))
}

/// The signal that a ptrace request gives to the process that goes on.
fn ptrace_signal(call: &Call<'_>, param: &Param, value: u64) -> Option<&'static str> {
    const CONT: u32 = 7;
    const SINGLESTEP: u32 = 9;
    const DETACH: u32 = 17;
    const SYSCALL: u32 = 24;
    let goes_on = matches!(int(call, 0), CONT | SINGLESTEP | DETACH | SYSCALL);
    let number = i64::try_from(value).ok()?;
    names::signal(number).filter(|_| goes_on && param.name == "data")
}

/// The flags of `open_by_handle_at` as the rule language numbers them.
pub(super) fn open_flags(call: &Call<'_>) -> u64 {
    names::open_flags(int(call, 2).into())
}

/// Whether prctl sets or reads the name of the thread.
fn names_itself(call: &Call<'_>) -> bool {
    const PR_SET_NAME: u32 = 15;
    const PR_GET_NAME: u32 = 16;
    matches!(int(call, 0), PR_SET_NAME | PR_GET_NAME)
}

const BPF_MAP_CREATE: u32 = 0;
const BPF_PROG_LOAD: u32 = 5;

/// Type and name of what bpf loads or makes; other commands have none.
fn bpf<'a>(call: &Call<'a>, param: &Param) -> Raw<'a> {
    const NAME_LEN: usize = 16;
    let name_at: usize = match int(call, 0) {
        BPF_MAP_CREATE => 28,
        BPF_PROG_LOAD => 48,
        _ => return Raw::Missing,
    };
    if param.kind != Kind::Text {
        return in_memory(call, 1, 0, 4).map_or(Raw::Missing, |ty| number(param.kind, ty));
    }
    let attribute = call.bytes(1).map_or(&[][..], |read| read.bytes);
    let name = attribute.get(name_at..).unwrap_or_default();
    let name = name.get(..NAME_LEN).unwrap_or(name);
    Raw::Bytes(name.split(|byte| *byte == 0).next().unwrap_or_default())
}

/// The value of a socket option: what its bytes are by level and name, else a number
/// where they are as wide as one, else the bytes.
fn socket_option<'a>(o: &Observation<'a>, call: &Call<'a>) -> Raw<'a> {
    const SOL_TCP: u32 = 6;
    let word = |offset| in_memory(call, 3, offset, 4);
    let long = |offset| in_memory(call, 3, offset, 8);
    let Some(bytes) = call.bytes(3).map(|read| read.bytes) else {
        return Raw::Missing;
    };
    let narrow = call.abi != Abi::X86_64;
    match (int(call, 1), int(call, 2), bytes.len()) {
        (_, _, 0) => Raw::Missing,
        // SO_RCVTIMEO and SO_SNDTIMEO, in nanoseconds; of 32-bit programs in words.
        (SOL_SOCKET, 20 | 21, 8) if narrow => nanoseconds(word(0), word(4)),
        (SOL_SOCKET, 20 | 21 | 66 | 67, 16) => nanoseconds(long(0), long(8)),
        // SO_LINGER
        (SOL_SOCKET, 13, 8) => {
            let (on, seconds) = (word(0).unwrap_or(0), word(4).unwrap_or(0));
            let text = format_args!("on={on} seconds={seconds}");
            Raw::Bytes(compose::text(o.arena, text))
        }
        // SO_PEERCRED
        (SOL_SOCKET, 17, 12) => {
            let [pid, uid, gid] = [0, 4, 8].map(|offset| word(offset).unwrap_or(0));
            let text = format_args!("pid={pid} uid={uid} gid={gid}");
            Raw::Bytes(compose::text(o.arena, text))
        }
        // SO_BINDTODEVICE, SO_PEERSEC, TCP_CONGESTION, TCP_ULP
        (SOL_SOCKET, 25 | 31, _) | (SOL_TCP, 13 | 31, _) => {
            Raw::Bytes(bytes.split(|byte| *byte == 0).next().unwrap_or_default())
        }
        (_, _, 4) => number(Kind::Signed(32), word(0).unwrap_or(0)),
        (_, _, 8) => Raw::Unsigned(long(0).unwrap_or(0)),
        _ => Raw::Bytes(compose::printable(o.arena, bytes)),
    }
}

/// Seconds and microseconds as nanoseconds.
fn nanoseconds<'a>(seconds: Option<u64>, micros: Option<u64>) -> Raw<'a> {
    let whole = seconds.unwrap_or(0).saturating_mul(1_000_000_000);
    let rest = micros.unwrap_or(0).saturating_mul(1000);
    Raw::Unsigned(whole.saturating_add(rest))
}

/// A mode with the type of file in it.
fn file_mode<'a>(o: &Observation<'a>, mode: u64) -> &'a [u8] {
    const S_IFMT: u64 = 0o170_000;
    let permissions = compose::flags(o.arena, mode & !S_IFMT, words::MODE);
    match compose::one_of(o.arena, mode & S_IFMT, words::FILE_TYPE) {
        Some(ty) if mode & !S_IFMT == 0 => ty,
        Some(ty) => compose::concat(o.arena, &[permissions, b"|", ty]),
        None => permissions,
    }
}
