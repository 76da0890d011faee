//! What a descriptor was that a call takes away: read when `close` is entered,
//! because afterwards it is gone, and kept until the call returns.
//!
//! A 32-bit close has no hook of its own at entry; of it no more is told than the
//! number.
#![expect(unsafe_code, reason = "the maps hand out raw pointers")]

use aya_ebpf::{
    EbpfContext,
    helpers::bpf_get_current_pid_tgid,
    macros::{map, tracepoint},
    maps::LruHashMap,
    programs::TracePointContext,
};

use super::{Descriptor, steps};
use crate::{
    dispatch,
    kernel::{at_most, read_kernel, syscall::PASS},
    maps::{acquire_slot, is_own, release, scratch},
};

/// Number of close.
pub(super) const CLOSE: u64 = 3;

/// The longest path kept; a longer one loses its beginning.
pub(super) const PATH_KEPT: usize = 1024;

/// A descriptor and the path behind it.
#[repr(C)]
struct Held([u8; size_of::<Descriptor>() + PATH_KEPT]);

/// By thread: it is in one call at a time. An entry lives as long as its call, so
/// few are enough; one that had to give way leaves a descriptor untold.
#[map]
static HELD: LruHashMap<u64, Held> = LruHashMap::with_max_entries(1024, 0);

/// `close(int fd)` is entered.
#[tracepoint]
pub(crate) fn sys_enter_close(ctx: TracePointContext) -> u32 {
    /// Behind the common fields and the number.
    const FIRST: usize = 16;
    if is_own() || dispatch::plan(CLOSE).is_none() {
        return PASS;
    }
    let fd = unsafe { ctx.as_ptr().cast::<u8>().add(FIRST).cast::<u64>().read() };
    let slot = acquire_slot();
    if scratch(slot).is_none() {
        return PASS;
    }
    steps::hold_descriptor(slot, fd);
    if let Some(held) = scratch(slot) {
        let held = unsafe { &*(held as *const Held) };
        let _full = HELD.insert(bpf_get_current_pid_tgid(), held, 0);
    }
    release(slot as u32);
    PASS
}

/// Copies what was kept to `to`, where there is room for [`Held`]; gives its
/// length, 0 when nothing was.
#[inline(always)]
pub(super) fn take(to: u64) -> usize {
    let task = bpf_get_current_pid_tgid();
    let Some(held) = HELD.get_ptr(task) else {
        return 0;
    };
    let path_len = unsafe { (*held.cast::<Descriptor>()).path_len };
    let len = size_of::<Descriptor>() + at_most(usize::from(path_len), PATH_KEPT);
    let read = read_kernel(to, len as u32, held as u64);
    let _gone = HELD.remove(task);
    if read { len } else { 0 }
}
