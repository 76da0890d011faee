//! fork: a process was created.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    Header,
    place::{Ids, Place},
};

/// `Record::call`: fork.
pub const CALL_FORK: u8 = 0;
/// `Record::call`: vfork.
pub const CALL_VFORK: u8 = 1;
/// `Record::call`: clone.
pub const CALL_CLONE: u8 = 2;
/// `Record::call`: clone3.
pub const CALL_CLONE3: u8 = 3;

/// A new process; the header is its creator's. The two cgroup paths are the
/// only texts; behind them is a [`crate::place::Usage`], the creator's.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Record {
    /// Who made it.
    pub header: Header,
    /// `CLONE_*`; 0 when they cannot be read.
    pub clone_flags: u64,
    /// The child's start, nanoseconds on the boot clock.
    pub child_start_boot_ns: u64,
    /// The child's process id, initial pid namespace.
    pub child_tgid: u32,
    /// Process id of the child's real parent.
    pub child_ppid: u32,
    /// Where the child lives.
    pub place: Place,
    /// The child's ids.
    pub ids: Ids,
    /// The child's name, ended by NUL.
    pub comm: [u8; 16],
    /// The child's audit user id.
    pub loginuid: u32,
    /// `CALL_*`.
    pub call: u8,
    /// Always zero.
    pub reserved: [u8; 3],
}

const _: () = assert!(size_of::<Record>() == 216);

#[cfg(target_arch = "bpf")]
mod program {
    use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};

    use super::{CALL_CLONE, CALL_CLONE3, CALL_FORK, CALL_VFORK, Record};
    use crate::{
        Kind,
        call::ABI_32,
        kernel::{
            peek_user, status,
            syscall::{self, Registers},
            task::Task,
        },
        maps::Draft,
    };

    /// `task_struct.flags`: a thread of the kernel.
    const PF_KTHREAD: u32 = 0x0020_0000;

    /// What vfork means by itself.
    const VFORK_FLAGS: u64 = 0x4000 | 0x100;

    /// `sched_process_fork(struct task_struct *parent, struct task_struct *child)`:
    /// the child is complete and has not run yet. Threads and the kernel's own
    /// are not events, so they are not counted either.
    #[raw_tracepoint]
    pub(crate) fn sched_process_fork(ctx: RawTracePointContext) -> i32 {
        let (parent, child) = (Task(ctx.arg::<u64>(0)), Task(ctx.arg::<u64>(1)));
        if child.pid() != child.tgid() || child.flags() & PF_KTHREAD != 0 {
            return 0;
        }
        let Some(mut draft) = Draft::<Record>::begin(Kind::Fork) else {
            return 0;
        };
        draft.header(parent);
        if syscall::is_compat(parent) {
            draft.entered(ABI_32);
        }
        let (cgroup_len, cgroup_v1_len) = child.cgroups(&mut draft);
        let (call, clone_flags) = call(parent);
        let record = draft.fixed();
        record.call = call;
        record.clone_flags = clone_flags;
        record.child_start_boot_ns = child.start_boot_ns();
        record.child_tgid = child.tgid();
        record.child_ppid = child.parent().tgid();
        record.comm = child.comm();
        record.loginuid = child.loginuid();
        child.ids(&mut record.ids);
        child.place(&mut record.place);
        record.place.cgroup_len = cgroup_len;
        record.place.cgroup_v1_len = cgroup_v1_len;
        draft.usage(parent);
        if draft.submit() {
            status::inherit(parent, child);
        }
        0
    }

    /// Which call the parent is in, and the flags it gave.
    #[inline(always)]
    fn call(parent: Task) -> (u8, u64) {
        let registers = Registers::current();
        if syscall::is_compat(parent) {
            let call = match registers.number() {
                2 => CALL_FORK,
                190 => CALL_VFORK,
                435 => CALL_CLONE3,
                _ => CALL_CLONE,
            };
            let first = registers.first_32();
            let flags = match call {
                CALL_CLONE => first,
                CALL_CLONE3 => peek_user(first),
                CALL_VFORK => VFORK_FLAGS,
                _ => 0,
            };
            return (call, flags);
        }
        match registers.number() {
            57 => (CALL_FORK, 0),
            58 => (CALL_VFORK, VFORK_FLAGS),
            // The first member of struct clone_args.
            435 => (CALL_CLONE3, peek_user(registers.arg0())),
            _ => (CALL_CLONE, registers.arg0()),
        }
    }
}
