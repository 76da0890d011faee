//! The program that follows a plan.

use aya_ebpf::{
    macros::{raw_tracepoint, tracepoint},
    programs::{RawTracePointContext, TracePointContext},
};

use super::{Record, steps};
use crate::{
    Kind,
    counters::row_of_call,
    dispatch,
    kernel::{
        syscall::{self, Registers},
        task::Task,
        work,
    },
    maps::Draft,
};

/// One call's own tracepoint.
#[tracepoint]
pub(crate) fn sys_exit_call(ctx: TracePointContext) -> u32 {
    record(0, syscall::result(&ctx));
    syscall::PASS
}

/// The hook on every call.
#[raw_tracepoint]
pub(crate) fn all_call(ctx: RawTracePointContext) -> i32 {
    record(ctx.arg::<u64>(0), ctx.arg::<u64>(1) as i64);
    0
}

#[inline(always)]
fn record(registers: u64, result: i64) {
    let number = if registers == 0 {
        Registers::current().number_64()
    } else {
        Registers(registers).number_64()
    };
    let Some(plan) = dispatch::plan(number) else {
        return;
    };
    let row = row_of_call(number as u16);
    let Some(mut draft) = Draft::<Record>::begin_counted(Kind::Call, row) else {
        return;
    };
    draft.header(Task::current());
    let slot = draft.slot();
    if let Some(work) = work::begin::<Record>(slot, registers, result) {
        draft.entered(work.abi as u8);
        let record = draft.fixed();
        record.result = result;
        record.number = number as u16;
        record.abi = work.abi as u8;
        let [a, b, c, d, e, f, ..] = work.args;
        record.args = [a, b, c, d, e, f];
        for step in plan.steps {
            if step == 0 {
                break;
            }
            steps::call_step(slot, u64::from(step));
        }
        record.sections = work.sections as u8;
        draft.set_len(work.len);
    }
    draft.submit();
}
