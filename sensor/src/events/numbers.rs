//! System calls by number: which row of the event table a call is, and which
//! 64-bit call a 32-bit one stands for.
//!
//! Both tables are made once from the names; a call the event table does not
//! name is nobody's.

use std::str::FromStr;
use std::sync::LazyLock;

use sensor_ebpf::call::CALLS;
use syscalls::{x86, x86_64};

use super::{EventCode, EventType, rows};

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

/// Each 32-bit call with the 64-bit call of the same meaning, whose arguments
/// are the same: what differs in width is told apart where it is read.
pub fn from_32_bit() -> impl Iterator<Item = (u16, u16)> {
    x86::Sysno::iter().filter_map(|call| {
        let call_64 = of_64_bit(call.name())?;
        Some((
            u16::try_from(call.id()).ok()?,
            u16::try_from(call_64.id()).ok()?,
        ))
    })
}

/// The 64-bit call a 32-bit one of that name stands for.
fn of_64_bit(name: &str) -> Option<x86_64::Sysno> {
    let call = |name: &str| x86_64::Sysno::from_str(name).ok();
    match name {
        // These point to a structure that has the arguments.
        "select" | "mmap" => None,
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
        for (name, number_32, number_64) in [
            ("unlink", 10, 87),
            ("openat", 295, 257),
            ("setuid32", 213, 105),
            ("utimensat_time64", 412, 280),
            ("umount", 22, 166),
            ("mmap2", 192, 9),
            ("fcntl64", 221, 72),
        ] {
            assert!(pairs.contains(&(number_32, number_64)), "{name}");
        }
        // socketcall, the old mmap and select.
        for other in [102, 90, 82] {
            assert!(pairs.iter().all(|(number, _)| *number != other), "{other}");
        }
    }
}
