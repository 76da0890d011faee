//! The system call the current task is in: which one, with which arguments.
//!
//! Arguments are read when the call returns, from the registers saved when it
//! was entered; so no program runs at entry. Memory that arguments point to is
//! what the caller has there now.

use aya_ebpf::{
    EbpfContext,
    helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs},
    macros::map,
    maps::Array,
    programs::TracePointContext,
};

use crate::{
    call::{ABI_32, ABI_64, ABI_X32, CALLS, shape},
    kernel::{field, offset, peek_user, task::Task, work::Work},
    offsets::MISSING,
};

/// `thread_info.status`: the call came through a 32-bit entry, so its number
/// and registers mean something else.
const TS_COMPAT: u32 = 2;

/// What a program at a system call's own tracepoint gives: 0 would hide the event
/// from everybody else who listens there, such as perf.
pub(crate) const PASS: u32 = 1;

/// Set in the number of calls with the x32 interface.
const X32_BIT: u64 = 0x4000_0000;

/// Size of a task's kernel stack where no helper gives the registers (all
/// kernels before 5.15; none of them had anything above the registers).
const STACK_BYTES: u64 = 16 * 1024;

/// Each 32-bit call: the 64-bit call it stands for, plus 1, and how its arguments
/// differ ([`shape`](crate::call::shape)); 0 where there is none. The loader
/// writes it.
#[map]
static COMPAT: Array<u32> = Array::with_max_entries(CALLS as u32, 0);

/// No call has this number.
const NO_CALL: u64 = 0xffff;

/// A `struct pt_regs` by its address.
#[derive(Clone, Copy)]
pub(crate) struct Registers(pub(crate) u64);

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

    /// The first argument of a 64-bit call.
    #[inline(always)]
    pub(crate) fn arg0(self) -> u64 {
        field(self.0, offset!(regs_arg0))
    }

    /// The first four arguments of a 64-bit call.
    #[inline(always)]
    pub(crate) fn first_four(self) -> [u64; 4] {
        [
            field(self.0, offset!(regs_arg0)),
            field(self.0, offset!(regs_arg1)),
            field(self.0, offset!(regs_arg2)),
            field(self.0, offset!(regs_arg3)),
        ]
    }

    /// The first argument of a 32-bit call.
    #[inline(always)]
    pub(crate) fn first_32(self) -> u64 {
        field::<u32>(self.0, offset!(regs_bx)).into()
    }

    /// The call's number in the 64-bit or, with [`is_compat`], the 32-bit table.
    #[inline(always)]
    pub(crate) fn number(self) -> u64 {
        self.raw_number() & !X32_BIT
    }

    #[inline(always)]
    fn raw_number(self) -> u64 {
        field(self.0, offset!(regs_nr))
    }

    /// The call's number in the 64-bit table, whatever way it came; a number that
    /// is no call's when there is none.
    #[inline(always)]
    pub(crate) fn number_64(self) -> u64 {
        let raw = self.raw_number();
        if is_compat(Task::current()) {
            let entry = compat(raw);
            if entry & shape::KIND == shape::SOCKETCALL {
                return of_socketcall(field::<u32>(self.0, offset!(regs_bx)));
            }
            return u64::from(entry & 0xffff).wrapping_sub(1) & NO_CALL;
        }
        if raw & X32_BIT == 0 {
            return raw;
        }
        of_x32(raw & !X32_BIT)
    }

    /// How the kernel was entered: `ABI_*`.
    #[inline(always)]
    pub(crate) fn abi(self) -> u8 {
        if is_compat(Task::current()) {
            ABI_32
        } else if self.raw_number() & X32_BIT == 0 {
            ABI_64
        } else {
            ABI_X32
        }
    }

    /// Reads number, abi and arguments, these in the form of the 64-bit call.
    #[inline(always)]
    pub(crate) fn take(self, work: &mut Work) {
        let raw = self.raw_number();
        work.number = self.number_64();
        if is_compat(Task::current()) {
            work.abi = u64::from(ABI_32);
            self.take_32(work);
            bend(&mut work.args, compat(raw));
            return;
        }
        work.abi = u64::from(if raw & X32_BIT == 0 { ABI_64 } else { ABI_X32 });
        work.args = [
            field(self.0, offset!(regs_arg0)),
            field(self.0, offset!(regs_arg1)),
            field(self.0, offset!(regs_arg2)),
            field(self.0, offset!(regs_arg3)),
            field(self.0, offset!(regs_arg4)),
            field(self.0, offset!(regs_arg5)),
            0,
            0,
        ];
    }

    /// The six registers of the 32-bit entry.
    #[inline(always)]
    fn take_32(self, work: &mut Work) {
        let read = |offset: u32| u64::from(field::<u32>(self.0, offset));
        work.args = [
            read(offset!(regs_bx)),
            read(offset!(regs_cx)),
            read(offset!(regs_arg2)),
            read(offset!(regs_arg1)),
            read(offset!(regs_arg0)),
            read(offset!(regs_bp)),
            0,
            0,
        ];
    }
}

#[inline(always)]
fn compat(raw: u64) -> u32 {
    COMPAT.get(raw as u32).copied().unwrap_or(0)
}

/// Gives 32-bit arguments the form of the 64-bit call's.
#[inline(always)]
fn bend(args: &mut [u64; 8], entry: u32) {
    match entry & shape::KIND {
        shape::SOCKETCALL => {
            let wide = args[0] as u32;
            spread(args, args[1]);
            // send and recv are the calls with an address, without it.
            if wide == 9 || wide == 10 {
                (args[4], args[5]) = (0, 0);
            }
        }
        shape::IN_MEMORY => spread(args, args[0]),
        shape::PAGES => args[5] <<= 12,
        shape::IDS_0 => short_ids(args, 0),
        shape::IDS_1 => short_ids(args, 1),
        shape::ONE => args[1] = 0,
        _ => {}
    }
    for at in 0..5 {
        if entry >> (shape::PAIRS_FROM + at as u32) & 1 == 1 {
            args[at] |= args[at + 1] << 32;
            for next in at + 1..7 {
                args[next] = args[next + 1];
            }
        }
    }
}

/// The arguments are an array of numbers in the caller's memory.
#[inline(always)]
fn spread(args: &mut [u64; 8], address: u64) {
    let read: [u32; 6] = peek_user(address);
    for at in 0..6 {
        args[at] = u64::from(read[at]);
    }
}

/// Ids of 16 bits, of which the highest is none.
#[inline(always)]
fn short_ids(args: &mut [u64; 8], from: usize) {
    for at in from..from + 3 {
        let id = args[at] & 0xffff;
        args[at] = if id == 0xffff { 0xffff_ffff } else { id };
    }
}

/// The 64-bit call behind a number of the 32-bit socketcall.
#[inline(always)]
fn of_socketcall(call: u32) -> u64 {
    // socket, bind, connect, listen, accept, getsockname, getpeername, socketpair,
    // send, recv, sendto, recvfrom, shutdown, setsockopt, getsockopt, sendmsg,
    // recvmsg, accept4, recvmmsg, sendmmsg.
    match call {
        1 => 41,
        2 => 49,
        3 => 42,
        4 => 50,
        5 => 43,
        6 => 51,
        7 => 52,
        8 => 53,
        9 | 11 => 44,
        10 | 12 => 45,
        13 => 48,
        14 => 54,
        15 => 55,
        16 => 46,
        17 => 47,
        18 => 288,
        19 => 299,
        20 => 307,
        _ => NO_CALL,
    }
}

/// The 64-bit call behind a number of the x32 interface: its own, but for those
/// whose structures differ.
#[inline(always)]
fn of_x32(number: u64) -> u64 {
    match number {
        512 => 13,
        513 => 15,
        514 => 16,
        515 => 19,
        516 => 20,
        517 => 45,
        518 => 46,
        519 => 47,
        520 => 59,
        521 => 101,
        522 => 127,
        523 => 128,
        524 => 129,
        525 => 131,
        526 => 222,
        527 => 244,
        528 => 246,
        529 => 247,
        530 => 273,
        531 => 274,
        532 => 278,
        533 => 279,
        534 => 295,
        535 => 296,
        536 => 297,
        537 => 299,
        538 => 307,
        539 => 310,
        540 => 311,
        541 => 54,
        542 => 55,
        543 => 206,
        544 => 209,
        545 => 322,
        546 => 327,
        547 => 328,
        number => number,
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
