//! The programs: one where calls are entered, one where they return, and one where
//! an exec succeeds.
#![expect(
    unsafe_code,
    reason = "the maps hand out raw pointers, and steps are exported by name"
)]

use aya_ebpf::{
    EbpfContext,
    macros::{map, raw_tracepoint, tracepoint},
    maps::HashMap,
    programs::{RawTracePointContext, TracePointContext},
};

use super::{CONNECT, DIFFERS_KERNEL, DIFFERS_MEMORY, Record, arguments};
use crate::{
    Kind, TEXT_MAX,
    connect::{AF_INET, AF_INET6},
    counters::Counter,
    kernel::{
        at_most, field, masked, offset, opaque, path, peek, read_kernel_string, read_user,
        read_user_string,
        socket::{Socket, mapped},
        syscall::{PASS, Registers},
        task::Task,
    },
    maps::{Draft, acquire_slot, at, is_own, release, scratch, tally},
};

/// What an argument held when its call was entered.
#[repr(C)]
struct Held {
    /// The call.
    number: u64,
    /// Bytes of `text` that mean something.
    len: u64,
    text: [u8; TEXT_MAX],
}

/// Where the text of a [`Held`] begins.
const TEXT: u64 = 16;

/// Arguments of calls under way, by the address of their task, which an exec leaves
/// alone, and their place. One that finds no room is counted as lost.
#[map]
static HELD_ARGUMENTS: HashMap<[u64; 2], Held> = HashMap::with_max_entries(256, 0);

/// Where in the scratch the later text is put before there is a record, behind all
/// that a record can come to.
const LATER: u64 = 20 * 1024;

/// The longest socket address there is.
const ADDRESS_MAX: usize = 128;

/// Arguments that can be looked at.
const ARGUMENTS: u64 = 4;

const EINPROGRESS: i64 = 115;
const EXECVE: u16 = 59;
const EXECVEAT: u16 = 322;

/// A number `N` bytes behind the beginning of a call's context: at 8 its own, and when
/// it returned at 16 the result.
#[inline(always)]
fn told<const N: usize>(ctx: &TracePointContext) -> u64 {
    unsafe { ctx.as_ptr().cast::<u8>().add(N).cast::<u64>().read() }
}

/// One of the calls is entered.
#[tracepoint]
pub(crate) fn sys_enter_argument(ctx: TracePointContext) -> u32 {
    if is_own() {
        return PASS;
    }
    let number = told::<8>(&ctx) as u16;
    let wanted = arguments(number);
    let slot = acquire_slot();
    if scratch(slot).is_none() {
        lose();
        return PASS;
    }
    // From the registers: of the context a program may read no more than each of its
    // calls has arguments.
    let given = Registers::current().first_four();
    for (arg, address) in (0..ARGUMENTS).zip(given) {
        if wanted >> arg & 1 == 1 {
            hold_argument(slot, u64::from(number) | arg << 16, address, given[2]);
        }
    }
    release(slot as u32);
    PASS
}

/// An argument that could not be held.
#[inline(always)]
fn lose() {
    tally(Kind::Mismatch, Counter::Seen);
    tally(Kind::Mismatch, Counter::LostScratch);
}

/// Keeps what an argument holds now; `which` is the call's number and, above its 16
/// bits, the argument.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn hold_argument(slot: u64, which: u64, address: u64, length: u64) -> u64 {
    let Some(to) = scratch(slot) else { return 0 };
    let key = [Task::current().0, which >> 16];
    let len = read_argument(to + TEXT, which as u16, address, length);
    if len == 0 {
        let _none = HELD_ARGUMENTS.remove(&key);
        return 0;
    }
    unsafe {
        (to as *mut u64).write(which & 0xffff);
        (to as *mut u64).add(1).write(len as u64);
    }
    if HELD_ARGUMENTS.insert(&key, at::<Held>(to), 0).is_err() {
        lose();
    }
    0
}

/// Copies what an argument points to; gives its length, 0 when it is not there.
#[inline(always)]
fn read_argument(to: u64, number: u16, address: u64, length: u64) -> usize {
    if number != CONNECT {
        return at_most(read_user_string(to, TEXT_MAX as u32, address), TEXT_MAX - 1);
    }
    let len = at_most(length as u32 as usize, ADDRESS_MAX);
    let len = masked(len, 2 * ADDRESS_MAX - 1);
    if len != 0 && read_user(to, len as u32, address) {
        len
    } else {
        0
    }
}

/// One of the calls returned.
#[tracepoint]
pub(crate) fn sys_exit_argument(ctx: TracePointContext) -> u32 {
    if is_own() {
        return PASS;
    }
    let (number, result) = (told::<8>(&ctx) as u16, told::<16>(&ctx));
    // Its memory is the new program's; what was held is gone already.
    if number == EXECVE && result == 0 {
        return PASS;
    }
    let wanted = arguments(number);
    let given = Registers::current().first_four();
    for (arg, address) in (0..ARGUMENTS).zip(given) {
        if wanted >> arg & 1 == 1 {
            let which = u64::from(number) | arg << 16;
            check_argument(which, address, given[2], result);
        }
    }
    PASS
}

/// Compares an argument with what was held, and forgets that.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn check_argument(which: u64, address: u64, length: u64, result: u64) -> u64 {
    let task = Task::current();
    let key = [task.0, which >> 16];
    let Some(held) = HELD_ARGUMENTS.get_ptr(&key) else {
        return 0;
    };
    let held = held as u64;
    if peek::<u64>(held) == which & 0xffff {
        compare(held, task, which, [address, length], result as i64);
    }
    let _gone = HELD_ARGUMENTS.remove(&key);
    0
}

#[inline(always)]
fn compare(held: u64, task: Task, which: u64, [address, length]: [u64; 2], result: i64) {
    let Some(mut draft) = Draft::<Record>::prepare(Kind::Mismatch) else {
        return;
    };
    let number = which as u16;
    let Some(record) = scratch(draft.slot()) else {
        draft.put_away(true);
        return;
    };
    let len = read_argument(record + LATER, number, address, length);
    // What cannot be read any more is not known to be another.
    let same = len == 0 || same_text(draft.slot(), which >> 16, len as u64) != 0;
    let far = if number == CONNECT {
        look_at_socket(draft.slot(), first_argument(), result as u64, len as u64)
    } else {
        FAR_UNKNOWN
    };
    if same && far != FAR_OTHER {
        draft.put_away(true);
        return;
    }
    begin(&mut draft, task, which, result, held);
    let fixed = draft.fixed();
    fixed.differs = if same { DIFFERS_KERNEL } else { DIFFERS_MEMORY };
    draft.fixed().exit_len = draft.kernel_bytes(record + LATER, len);
    if far != FAR_UNKNOWN {
        draft.fixed().kernel_len = draft.kernel_bytes(record + FAR, FAR_LEN);
    } else if result >= 0 && makes_file(number) {
        draft.fixed().kernel_len = path::path(&mut draft, task.file(result as u32).path());
    }
    draft.count_attempt();
    draft.submit();
}

/// Fills in all but what was found later.
#[inline(always)]
fn begin(draft: &mut Draft<Record>, task: Task, which: u64, result: i64, held: u64) {
    draft.header(task);
    let fixed = draft.fixed();
    fixed.result = result;
    fixed.number = which as u16;
    fixed.arg = (which >> 16) as u8;
    let len = at_most(peek::<u64>(held + 8) as usize, TEXT_MAX - 1);
    draft.fixed().entry_len = draft.kernel_bytes(held + TEXT, len);
}

/// Whether the call returns what it opened.
#[inline(always)]
fn makes_file(number: u16) -> bool {
    matches!(number, 2 | 85 | 257 | 437)
}

/// The first argument of the call that returns.
#[inline(always)]
fn first_argument() -> u64 {
    Registers::current().arg0()
}

/// Whether the later text of that length is the one held, 1 if so. By itself, so
/// that the verifier walks the loop once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn same_text(slot: u64, arg: u64, len: u64) -> u64 {
    let (Some(held), Some(later)) = (
        HELD_ARGUMENTS.get_ptr(&[Task::current().0, arg]),
        scratch(slot),
    ) else {
        return 1;
    };
    let held = held as u64;
    if unsafe { ((held + 8) as *const u64).read() } != len {
        return 0;
    }
    for word in 0..TEXT_MAX as u64 / 8 {
        let from = word * 8;
        let one = unsafe { ((held + TEXT + from) as *const u64).read() };
        let other = unsafe { ((later + LATER + from) as *const u64).read() };
        let left = opaque(len.wrapping_sub(from) as usize) as u64;
        // Here it ends, whatever is found: went it on, the verifier would walk the
        // rest once per word.
        if left <= 8 {
            let beyond = (8 - left) * 8 & 63;
            return u64::from((one ^ other) << beyond == 0);
        }
        if one != other {
            return 0;
        }
    }
    1
}

/// Where a socket goes is not known, is where the address says, is elsewhere.
const FAR_UNKNOWN: u64 = 0;
const FAR_SAME: u64 = 1;
const FAR_OTHER: u64 = 2;

/// Where in the scratch it is put, behind the later text: an address as a caller would
/// say it, always of IPv6, IPv4 mapped into it.
const FAR: u64 = LATER + TEXT_MAX as u64;
const FAR_LEN: usize = 24;

/// Compares where the socket goes with the later address of that length. By itself,
/// because callers have little room on the stack.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn look_at_socket(slot: u64, fd: u64, result: u64, len: u64) -> u64 {
    let socket = connected(Task::current().file(fd as u32).socket(), result as i64);
    let Some(record) = scratch(slot) else {
        return FAR_UNKNOWN;
    };
    if socket.0 == 0 {
        return FAR_UNKNOWN;
    }
    let [high, low]: [u64; 2] = zerocopy::transmute!(socket.remote());
    let head = u64::from(AF_INET6) | u64::from(socket.remote_port().to_be()) << 16;
    let to = (record + FAR) as *mut u64;
    unsafe {
        to.write(head);
        to.add(1).write(high);
        to.add(2).write(low);
    }
    if goes_elsewhere(socket, record + LATER, len as usize) {
        FAR_OTHER
    } else {
        FAR_SAME
    }
}

/// The socket when the kernel has taken an address for it to go to.
#[inline(always)]
fn connected(socket: Socket, result: i64) -> Socket {
    let going = result == 0 || result == -EINPROGRESS;
    let of_internet = matches!(socket.family(), AF_INET | AF_INET6);
    if going && of_internet && socket.remote_port() != 0 {
        socket
    } else {
        Socket(0)
    }
}

/// Whether the socket goes elsewhere than the address says. One that names no
/// machine is left out: the kernel puts this one in its place.
#[inline(always)]
fn goes_elsewhere(socket: Socket, address: u64, len: usize) -> bool {
    const IPV4_LEN: usize = 16;
    const IPV6_LEN: usize = 24;
    if socket.0 == 0 || len < IPV4_LEN {
        return false;
    }
    let (port, asked): (u16, [u8; 16]) = match peek::<u16>(address) {
        AF_INET => (peek(address + 2), mapped(peek(address + 4))),
        AF_INET6 if len >= IPV6_LEN => (peek(address + 2), peek(address + 8)),
        _ => return false,
    };
    let [high, low]: [u64; 2] = zerocopy::transmute!(asked);
    let [far_high, far_low]: [u64; 2] = zerocopy::transmute!(socket.remote());
    let nowhere = high == 0 && low & 0xffff_ffff_0000_0000 == 0 || high == 0 && low == 0xffff_0000;
    if nowhere {
        return false;
    }
    u16::from_be(port) != socket.remote_port() || (high, low) != (far_high, far_low)
}

/// `sched_process_exec(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`:
/// what the kernel took for the name is still there.
#[raw_tracepoint]
pub(crate) fn exec_argument(ctx: RawTracePointContext) -> i32 {
    if is_own() {
        return 0;
    }
    let bprm = ctx.arg::<u64>(2);
    check_exec(bprm, u64::from(EXECVE));
    check_exec(bprm, u64::from(EXECVEAT) | 1 << 16);
    0
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn check_exec(bprm: u64, which: u64) -> u64 {
    let task = Task::current();
    let key = [task.0, which >> 16];
    let Some(held) = HELD_ARGUMENTS.get_ptr(&key) else {
        return 0;
    };
    let held = held as u64;
    // Of a name under a directory descriptor the kernel makes up another.
    let made_up = field::<u64>(bprm, offset!(bprm_fdpath)) != 0;
    if peek::<u64>(held) == which & 0xffff && !made_up {
        compare_exec(held, task, which, bprm);
    }
    let _gone = HELD_ARGUMENTS.remove(&key);
    0
}

#[inline(always)]
fn compare_exec(held: u64, task: Task, which: u64, bprm: u64) {
    let Some(mut draft) = Draft::<Record>::prepare(Kind::Mismatch) else {
        return;
    };
    let Some(record) = scratch(draft.slot()) else {
        draft.put_away(true);
        return;
    };
    let name: u64 = field(bprm, offset!(bprm_filename));
    let len = read_kernel_string(record + LATER, TEXT_MAX as u32, name);
    let len = at_most(len, TEXT_MAX - 1);
    if len == 0 || same_text(draft.slot(), which >> 16, len as u64) != 0 {
        draft.put_away(true);
        return;
    }
    begin(&mut draft, task, which, 0, held);
    draft.fixed().differs = DIFFERS_KERNEL;
    draft.fixed().kernel_len = draft.kernel_bytes(record + LATER, len);
    draft.count_attempt();
    draft.submit();
}
