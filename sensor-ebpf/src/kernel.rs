//! Reading the kernel's structures, and the current process's memory, from a
//! program: offsets come from the table, every read is a checked copy, and
//! what cannot be read is zero or empty.
//!
//! Addresses are `u64`: they point into memory that is not ours and are never
//! dereferenced, only given to helpers that fail softly. That is why these
//! functions are safe to call with any value.
#![expect(
    unsafe_code,
    reason = "the helpers are foreign functions that write through pointers"
)]

pub(crate) mod author;
pub(crate) mod descriptor;
pub(crate) mod file;
pub(crate) mod hierarchies;
pub(crate) mod path;
pub(crate) mod socket;
pub(crate) mod status;
pub(crate) mod syscall;
pub(crate) mod task;
pub(crate) mod usage;
pub(crate) mod work;

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user, bpf_probe_read_user_str,
};
use zerocopy::FromBytes;

use crate::offsets::MISSING;

/// One of the numbers in [`crate::offsets`], as a constant to the verifier.
macro_rules! offset {
    ($name:ident) => {
        $crate::kernel::volatile(&raw const $crate::maps::offsets().$name)
    };
}
pub(crate) use offset;

/// Reads a global the loader overwrote: the compiler must not believe the
/// value it was compiled with.
#[inline(always)]
pub(crate) fn volatile(place: *const u32) -> u32 {
    unsafe { core::ptr::read_volatile(place) }
}

/// Reads a `T` at a kernel address; zero when it cannot.
#[inline(always)]
pub(crate) fn peek<T: FromBytes>(address: u64) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    // On failure the helper zeroes the destination.
    unsafe {
        bpf_probe_read_kernel(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            address as *const _,
        );
        value.assume_init()
    }
}

/// Reads the member at `offset` of the structure at `base`; zero when this
/// kernel has no such member or `base` is null.
#[inline(always)]
pub(crate) fn field<T: FromBytes>(base: u64, offset: u32) -> T {
    // Nothing is at address 0, and that the helper answers with zeroes.
    let address = if offset == MISSING || base == 0 {
        0
    } else {
        base + u64::from(offset)
    };
    peek(address)
}

/// Reads a one-bit member.
#[inline(always)]
pub(crate) fn bit(base: u64, offset_bits: u32) -> bool {
    if offset_bits == MISSING {
        return false;
    }
    let byte: u8 = field(base, offset_bits / 8);
    byte >> (offset_bits % 8) & 1 == 1
}

/// Reads a `T` of the current process's memory; zero when it cannot.
#[inline(always)]
pub(crate) fn peek_user<T: FromBytes>(address: u64) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    unsafe {
        bpf_probe_read_user(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            address as *const _,
        );
        value.assume_init()
    }
}

/// Copies `len` bytes of kernel memory to `to`.
#[inline(always)]
pub(crate) fn read_kernel(to: u64, len: u32, address: u64) -> bool {
    (unsafe { bpf_probe_read_kernel(to as *mut _, len, address as *const _) }) == 0
}

/// Copies `len` bytes of the current process's memory to `to`.
#[inline(always)]
pub(crate) fn read_user(to: u64, len: u32, address: u64) -> bool {
    (unsafe { bpf_probe_read_user(to as *mut _, len, address as *const _) }) == 0
}

/// Copies a string of the kernel to `to`; gives its length without the NUL.
#[inline(always)]
pub(crate) fn read_kernel_string(to: u64, size: u32, address: u64) -> usize {
    let read = unsafe { bpf_probe_read_kernel_str(to as *mut _, size, address as *const _) };
    if read > 0 { read as usize - 1 } else { 0 }
}

/// Copies a string of the current process to `to`; gives its length without
/// the NUL.
#[inline(always)]
pub(crate) fn read_user_string(to: u64, size: u32, address: u64) -> usize {
    let read = unsafe { bpf_probe_read_user_str(to as *mut _, size, address as *const _) };
    if read > 0 { read as usize - 1 } else { 0 }
}

/// `value`, of which the compiler knows nothing any more: a move onto itself.
/// (No instruction at all would confuse the line information.)
///
/// In a loop's exit condition it keeps the compiler from making the condition
/// part of the bound: a loop up to the smaller of a constant and a number read
/// has no bound that the verifiers of 5.10 and 6.1 can see.
#[inline(always)]
pub(crate) fn opaque(value: usize) -> usize {
    let mut value = value;
    unsafe { core::arch::asm!("{0} = {0}", inout(reg) value) };
    value
}

/// `value`, but no more than `limit`, in a way the verifier can follow:
/// otherwise the compiler may compare one register and use another.
#[inline(always)]
pub(crate) fn at_most(value: usize, limit: usize) -> usize {
    let value = opaque(value);
    if value > limit { limit } else { value }
}

/// The bits of `value` in `mask`, by an instruction that the compiler cannot find
/// needless: a bound that the verifiers of old kernels never lose.
#[inline(always)]
pub(crate) fn masked(value: usize, mask: usize) -> usize {
    opaque(value) & mask
}

/// Adds to a counter in a map, atomically. Written as the one instruction that
/// needs no result, because that is what kernels before 5.12 know.
#[inline(always)]
pub(crate) fn add(counter: *mut u64, value: u64) {
    unsafe { core::arch::asm!("lock *(u64 *)({0} + 0) += {1}", in(reg) counter, in(reg) value) };
}
