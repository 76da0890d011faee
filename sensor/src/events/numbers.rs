//! System calls by number: which row of the event table a call is, and which
//! 64-bit call a 32-bit one stands for.
//!
//! Both tables are made once from the names; a call the event table does not
//! name is nobody's.

use std::str::FromStr;
use std::sync::LazyLock;

use sensor_ebpf::call::{CALLS, shape};
use syscalls::{x86, x86_64};

use super::{EventCode, EventType, of_kind, rows};

/// No row has this code.
const NONE: EventCode = EventCode(u16::MAX);

/// The code of each 64-bit number.
static CODES: LazyLock<[EventCode; CALLS]> = LazyLock::new(|| {
    let mut codes = [NONE; CALLS];
    for (index, row) in rows().iter().enumerate() {
        let slot = number(row).and_then(|number| codes.get_mut(usize::from(number)));
        if let (Some(slot), Ok(code)) = (slot, u16::try_from(index)) {
            *slot = EventCode(code);
        }
    }
    codes
});

/// The event type of a 64-bit call; a code without a row when it has none.
pub fn code_of(number: u16) -> EventCode {
    CODES.get(usize::from(number)).copied().unwrap_or(NONE)
}

/// The 64-bit number of an event type; none of what is no call of x86-64.
pub fn number(row: &EventType) -> Option<u16> {
    if !row.syscall {
        return None;
    }
    // What the rule language calls it, where the kernel says otherwise; by its
    // kernel name nothing is told.
    let name = match row.name {
        "pread" => "pread64",
        "pwrite" => "pwrite64",
        "prlimit" => "prlimit64",
        "pread64" | "pwrite64" | "prlimit64" => return None,
        name => name,
    };
    let number = x86_64::Sysno::from_str(name).ok()?;
    u16::try_from(number.id()).ok()
}

/// Number and kernel name of a call that is told by the generic record: one that
/// returns and has no record of its own.
pub fn generic_call(row: &EventType) -> Option<(u16, &'static str)> {
    let kinds = sensor_ebpf::Kind::ALL.into_iter();
    let mut own = kinds.flat_map(of_kind);
    if !row.captured() || own.any(|name| *name == row.name) {
        return None;
    }
    let number = number(row)?;
    let call = x86_64::Sysno::new(number.into())?;
    Some((number, call.name()))
}

/// The names of all such calls in the table.
pub fn generic_calls() -> &'static [&'static str] {
    static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let calls = rows().iter().filter(|row| generic_call(row).is_some());
        calls.map(|row| row.name).collect()
    });
    &NAMES
}

/// Each 32-bit call with the 64-bit call of the same meaning, and how the
/// arguments differ, a [`shape`]; 0 when they are the same.
pub fn from_32_bit() -> impl Iterator<Item = (u16, u16, u32)> {
    x86::Sysno::iter().filter_map(|call| {
        let call_64 = of_64_bit(call.name())?;
        let shape = DIFFERENT.iter().find(|(name, _)| *name == call.name());
        Some((
            u16::try_from(call.id()).ok()?,
            u16::try_from(call_64.id()).ok()?,
            shape.map_or(0, |(_, shape)| *shape),
        ))
    })
}

/// The 64-bit call a 32-bit one of that name stands for.
fn of_64_bit(name: &str) -> Option<x86_64::Sysno> {
    let call = |name: &str| x86_64::Sysno::from_str(name).ok();
    match name {
        // Sizes between the arguments that the 64-bit calls do not have.
        "statfs64" | "fstatfs64" => None,
        // Which socket call it is its first argument says.
        "socketcall" => call("socket"),
        "umount" => call("umount2"),
        "waitpid" => call("wait4"),
        "ugetrlimit" => call("getrlimit"),
        "fstatat64" => call("newfstatat"),
        "_newselect" => call("select"),
        "mmap2" => call("mmap"),
        // 32-bit machines have one call more for what has become wider: numbers
        // of users, sizes of files, seconds.
        name => call(name).or_else(|| {
            let suffixes = ["_time64", "64", "32"].into_iter();
            let mut shorter = suffixes.filter_map(|suffix| name.strip_suffix(suffix));
            shorter.find_map(call)
        }),
    }
}

/// Argument `at` and the next are the halves of one number.
const fn pair(at: u32) -> u32 {
    1 << (shape::PAIRS_FROM + at)
}

/// 32-bit calls whose arguments stand otherwise than those of the 64-bit call.
const DIFFERENT: &[(&str, u32)] = &[
    ("socketcall", shape::SOCKETCALL),
    ("mmap", shape::IN_MEMORY),
    ("select", shape::IN_MEMORY),
    ("mmap2", shape::PAGES),
    ("umount", shape::ONE),
    ("truncate64", pair(1)),
    ("ftruncate64", pair(1)),
    ("pread64", pair(3)),
    ("pwrite64", pair(3)),
    ("preadv", pair(3)),
    ("pwritev", pair(3)),
    ("preadv2", pair(3)),
    ("pwritev2", pair(3)),
    ("readahead", pair(1)),
    ("fallocate", pair(2) | pair(3)),
    ("fadvise64", pair(1)),
    ("fadvise64_64", pair(1) | pair(2)),
    ("sync_file_range", pair(1) | pair(2)),
    ("fanotify_mark", pair(2)),
    ("chown", shape::IDS_1),
    ("lchown", shape::IDS_1),
    ("fchown", shape::IDS_1),
    ("setuid", shape::IDS_0),
    ("setgid", shape::IDS_0),
    ("setreuid", shape::IDS_0),
    ("setregid", shape::IDS_0),
    ("setresuid", shape::IDS_0),
    ("setresgid", shape::IDS_0),
    ("setfsuid", shape::IDS_0),
    ("setfsgid", shape::IDS_0),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{by_name, row};

    #[test]
    fn a_call_is_found_by_its_number_and_has_the_number_of_its_name() {
        for (name, expected) in [("read", 0), ("rename", 82), ("renameat2", 316)] {
            let row = row(by_name(name).unwrap()).unwrap();
            assert_eq!(number(row), Some(expected));
            assert_eq!(code_of(expected), by_name(name).unwrap());
        }
        assert_eq!(code_of(u16::MAX), NONE);
        assert_eq!(code_of(17), by_name("pread").unwrap());
    }

    #[test]
    fn every_call_of_the_kernel_has_one_row_and_no_other() {
        let mut rows_of = [0; CALLS];
        for row in rows().iter().filter_map(number) {
            rows_of[usize::from(row)] += 1;
        }
        for call in x86_64::Sysno::iter() {
            let count = rows_of.get(usize::try_from(call.id()).unwrap());
            assert_eq!(count, Some(&1), "{call}");
        }
    }

    #[test]
    fn a_32_bit_call_stands_for_the_64_bit_call_of_its_name() {
        let pairs: Vec<_> = from_32_bit().collect();
        for (name, number_32, number_64, shape) in [
            ("unlink", 10, 87, 0),
            ("openat", 295, 257, 0),
            ("setuid32", 213, 105, 0),
            ("setuid", 23, 105, shape::IDS_0),
            ("utimensat_time64", 412, 280, 0),
            ("umount", 22, 166, shape::ONE),
            ("mmap2", 192, 9, shape::PAGES),
            ("mmap", 90, 9, shape::IN_MEMORY),
            ("pread64", 180, 17, pair(3)),
            ("socketcall", 102, 41, shape::SOCKETCALL),
            ("fcntl64", 221, 72, 0),
        ] {
            assert!(pairs.contains(&(number_32, number_64, shape)), "{name}");
        }
        // statfs64 has a size between its arguments.
        assert!(pairs.iter().all(|(number, ..)| *number != 268));
        for (name, _) in DIFFERENT {
            assert!(x86::Sysno::from_str(name).is_ok(), "{name}");
        }
    }
}
