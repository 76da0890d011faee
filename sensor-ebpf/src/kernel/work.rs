//! A call while its record is written: its arguments, and how long the record is.
//!
//! It is in a map, so that exported functions of plain numbers can reach it; see
//! [`super::path`] for why they are wanted. Whoever holds the slot holds its work.
#![expect(
    unsafe_code,
    reason = "the maps hand out raw pointers, and steps are exported by name"
)]

use aya_ebpf::{macros::map, maps::PerCpuArray};

use crate::{
    RECORD_MAX, TEXT_MAX,
    call::{ABI_32, ABI_64, Descriptor, RESULT, Section},
    kernel::{opaque, syscall::Registers},
    maps::{SLOTS, scratch},
};

/// The longest fixed head of a section's bytes.
const HEADS: usize = size_of::<Section>() + size_of::<Descriptor>();

/// A call, and its record so far.
#[repr(C)]
pub(crate) struct Work {
    /// The arguments; two places that are always zero, so that any index below 8 is one.
    pub(crate) args: [u64; 8],
    /// What it returned.
    pub(crate) result: i64,
    /// Its 64-bit number.
    pub(crate) number: u64,
    /// `ABI_*`.
    pub(crate) abi: u64,
    /// Length of the record so far.
    pub(crate) len: u64,
    /// Sections so far.
    pub(crate) sections: u64,
    /// Bytes of a vector copied, and their number altogether.
    pub(crate) taken: u64,
    pub(crate) sum: u64,
    /// A descriptor while it is described.
    pub(crate) descriptor: Descriptor,
}

/// The calls of this CPU, one per slot.
#[map]
static WORK: PerCpuArray<Work> = PerCpuArray::with_max_entries(SLOTS, 0);

/// The call in that slot.
#[inline(always)]
pub(crate) fn work(slot: u64) -> Option<&'static mut Work> {
    let work = WORK.get_ptr_mut(slot as u32)?;
    Some(unsafe { &mut *work })
}

/// Takes in the call the current task is in: number, abi and arguments; the
/// registers as a number, or 0 where the hook does not give them.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn take_call(slot: u64, registers: u64, result: u64, len: u64) -> u64 {
    let Some(work) = work(slot) else { return 0 };
    work.result = result as i64;
    work.len = len;
    work.sections = 0;
    if registers == 0 {
        Registers::current().take(work);
    } else {
        Registers(registers).take(work);
    }
    0
}

/// Takes in the call, for a record whose fixed part is `R`; the registers as
/// [`take_call`] wants them.
#[inline(always)]
pub(crate) fn begin<R>(slot: u64, registers: u64, result: i64) -> Option<&'static mut Work> {
    take_call(slot, registers, result as u64, size_of::<R>() as u64);
    work(slot)
}

impl Work {
    /// An argument, or the result.
    #[inline(always)]
    pub(crate) fn arg(&self, index: u64) -> u64 {
        if index == u64::from(RESULT) {
            return self.result as u64;
        }
        let index = opaque(index as usize & 7);
        let base = (&raw const self.args) as u64;
        unsafe { ((base + index as u64 * 8) as *const u64).read() }
    }

    /// Whether the caller's structures are laid out for 32 bits.
    #[inline(always)]
    pub(crate) fn is_narrow(&self) -> bool {
        self.abi != u64::from(ABI_64)
    }

    /// Whether it came through a 32-bit entry.
    #[inline(always)]
    pub(crate) fn is_32_bit(&self) -> bool {
        self.abi == u64::from(ABI_32)
    }

    /// Where the next section goes when there is room for two of the longest texts.
    #[inline(always)]
    pub(crate) fn room(&self, slot: u64) -> Option<u64> {
        let record = scratch(slot)?;
        let len = opaque(self.len as usize);
        if len > RECORD_MAX - 2 * TEXT_MAX - HEADS {
            return None;
        }
        Some(record + len as u64)
    }

    /// Takes in the section at `room` whose bytes are written.
    #[inline(always)]
    pub(crate) fn put(&mut self, room: u64, what: u8, arg: u64, len: usize, full: u32) {
        let head = Section {
            what,
            arg: arg as u8,
            len: len as u16,
            full,
        };
        unsafe { (room as *mut Section).write_unaligned(head) };
        self.len += (size_of::<Section>() + len) as u64;
        self.sections += 1;
    }
}
