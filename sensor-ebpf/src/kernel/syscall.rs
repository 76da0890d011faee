//! The system call the current task is in: which one, with which arguments.
//!
//! Arguments are read when the call returns, from the registers saved when it
//! was entered; so no program runs at entry. Memory that arguments point to is
//! what the caller has there now.

use aya_ebpf::{
    EbpfContext,
    helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs},
    programs::TracePointContext,
};

use crate::{
    kernel::{field, offset, task::Task},
    offsets::MISSING,
};

/// `thread_info.status`: the call came through a 32-bit entry, so its number
/// and registers mean something else.
const TS_COMPAT: u32 = 2;

/// Set in the number of calls with the x32 interface.
const X32_BIT: u64 = 0x4000_0000;

/// Size of a task's kernel stack where no helper gives the registers (all
/// kernels before 5.15; none of them had anything above the registers).
const STACK_BYTES: u64 = 16 * 1024;

/// A `struct pt_regs` by its address.
#[derive(Clone, Copy)]
pub(crate) struct Registers(u64);

impl Registers {
    /// Those the current task entered the kernel with.
    #[inline(always)]
    pub(crate) fn current() -> Self {
        if offset!(helper_task_pt_regs) == MISSING {
            let stack: u64 = field(Task::current().0, offset!(task_stack));
            return Self(stack + STACK_BYTES - u64::from(offset!(regs_size)));
        }
        #[expect(unsafe_code, reason = "helpers that take and give the current task")]
        let registers = unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) };
        Self(registers as u64)
    }

    /// The call's first argument.
    #[inline(always)]
    pub(crate) fn arg0(self) -> u64 {
        field(self.0, offset!(regs_arg0))
    }

    /// The call's second argument.
    #[inline(always)]
    pub(crate) fn arg1(self) -> u64 {
        field(self.0, offset!(regs_arg1))
    }

    /// The call's third argument.
    #[inline(always)]
    pub(crate) fn arg2(self) -> u64 {
        field(self.0, offset!(regs_arg2))
    }

    /// The call's fourth argument.
    #[inline(always)]
    pub(crate) fn arg3(self) -> u64 {
        field(self.0, offset!(regs_arg3))
    }

    /// The call's number in the 64-bit or, with [`is_compat`], the 32-bit table.
    #[inline(always)]
    pub(crate) fn number(self) -> u64 {
        let number: u64 = field(self.0, offset!(regs_nr));
        number & !X32_BIT
    }
}

/// Whether the task came through a 32-bit entry.
#[inline(always)]
pub(crate) fn is_compat(task: Task) -> bool {
    let status: u32 = field(task.0, offset!(task_thread_status));
    status & TS_COMPAT != 0
}

/// What the call returned, from the context of a `syscalls:sys_exit_…` program.
#[inline(always)]
pub(crate) fn result(ctx: &TracePointContext) -> i64 {
    /// Behind the common fields and the number, since these tracepoints exist.
    const RESULT: usize = 16;
    #[expect(unsafe_code, reason = "a checked load from the program's own context")]
    unsafe {
        ctx.as_ptr().cast::<u8>().add(RESULT).cast::<i64>().read()
    }
}
