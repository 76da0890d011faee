//! What a task may use and does use: limits, page faults, sizes.
#![expect(unsafe_code, reason = "exported under its own name; raw pointers")]

use core::mem::offset_of;

use crate::{
    RECORD_MAX, TEXT_MAX,
    kernel::{at_most, field, offset, peek, task::Task},
    maps::scratch,
    offsets::MISSING,
    place::Usage,
};

/// Place of `RLIMIT_NOFILE` in `signal_struct.rlim`, and bytes of a limit.
const NOFILE: u64 = 7;
const LIMIT: u64 = 16;

/// Places in `mm_struct.rss_stat`: pages of files, of nobody, swapped out, shared.
const FILE: u64 = 0;
const ANON: u64 = 1;
const SWAP: u64 = 2;
const SHMEM: u64 = 3;

/// KiB in a page.
const PAGE_KIB: u64 = 4;

/// The bytes of a [`Usage`].
pub(crate) const LEN: usize = size_of::<Usage>();

/// Writes a task's [`Usage`] into the slot's record at that place.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn write_usage(slot: u64, task: u64, at: u64) -> u64 {
    let Some(record) = scratch(slot) else {
        return 0;
    };
    let task = Task(task);
    let to = record + at_most(at as usize, RECORD_MAX - TEXT_MAX) as u64;
    let limits = task.signal() + u64::from(offset!(signal_rlim));
    let limit = if offset!(signal_rlim) == MISSING {
        0
    } else {
        peek(limits + NOFILE * LIMIT)
    };
    let put = |offset: usize, value: u64| unsafe {
        ((to + offset as u64) as *mut u64).write_unaligned(value);
    };
    put(offset_of!(Usage, descriptor_limit), limit);
    put(
        offset_of!(Usage, major_faults),
        field(task.0, offset!(task_maj_flt)),
    );
    put(
        offset_of!(Usage, minor_faults),
        field(task.0, offset!(task_min_flt)),
    );
    let mm = task.mm();
    let size = kib(field(mm, offset!(mm_total_vm)));
    let resident = kib(pages(mm, FILE) + pages(mm, ANON) + pages(mm, SHMEM));
    put(offset_of!(Usage, vm_size_kib), size | resident << 32);
    put(offset_of!(Usage, vm_swap_kib), kib(pages(mm, SWAP)));
    1
}

/// One of the counts of pages: of its own since 6.2, all in one structure before.
#[inline(always)]
fn pages(mm: u64, count: u64) -> u64 {
    if mm == 0 || offset!(mm_rss_stat) == MISSING {
        return 0;
    }
    let stat = mm + u64::from(offset!(mm_rss_stat));
    let pages: i64 = if offset!(mm_rss_count) != MISSING {
        peek(stat + u64::from(offset!(mm_rss_count)) + count * 8)
    } else if offset!(percpu_counter_count) != MISSING {
        let counter = stat + count * u64::from(offset!(percpu_counter_size));
        peek(counter + u64::from(offset!(percpu_counter_count)))
    } else {
        0
    };
    // A count whose parts are on other CPUs may be below zero for a moment.
    if pages < 0 { 0 } else { pages as u64 }
}

/// Pages in KiB, as 32 bits hold them.
#[inline(always)]
fn kib(pages: u64) -> u64 {
    let kib = pages * PAGE_KIB;
    if kib > 0xffff_ffff { 0xffff_ffff } else { kib }
}
