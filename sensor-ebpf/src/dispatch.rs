//! Every system call that returns, at one hook: who wants it gets it.
//!
//! The interest set is the plans themselves, by 64-bit number. The program of
//! the call's kind runs in place of this one, by a tail call.
#![expect(unsafe_code, reason = "the maps hand out raw pointers")]

use aya_ebpf::{
    macros::{map, raw_tracepoint},
    maps::{Array, ProgramArray},
    programs::RawTracePointContext,
};

use crate::{
    call::{CALLS, Plan, TARGET_NONE},
    counters::row_of_call,
    kernel::syscall::Registers,
    maps::lose,
};

/// What to read for each call, by its 64-bit number; the loader writes it.
#[map]
static PLANS: Array<Plan> = Array::with_max_entries(CALLS as u32, 0);

/// The program of each target.
#[map]
static PROGRAMS: ProgramArray = ProgramArray::with_max_entries(8, 0);

/// The plan of a call; none when nobody wants it.
#[inline(always)]
pub(crate) fn plan(number: u64) -> Option<&'static Plan> {
    let plan = unsafe { &*PLANS.get_ptr(number as u32)? };
    (plan.target != TARGET_NONE).then_some(plan)
}

/// `sys_exit(struct pt_regs *regs, long ret)`
#[raw_tracepoint]
pub(crate) fn sys_exit(ctx: RawTracePointContext) -> i32 {
    let number = Registers(ctx.arg::<u64>(0)).number_64();
    let Some(plan) = plan(number) else { return 0 };
    unsafe { PROGRAMS.tail_call(&ctx, plan.target) };
    // Only reached when there is no such program.
    lose(row_of_call(number as u16));
    0
}
