//! signal: one process sent a signal to another, and it was accepted.
//!
//! Signals of the kernel itself (a child ended, a terminal, a timer, a fault) and
//! those of a process to itself are no events and not counted.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Header;

/// A signal on its way; the header is its sender's.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Record {
    /// Who sent it.
    pub header: Header,
    /// Start of the receiving process, nanoseconds on the boot clock.
    pub target_start_boot_ns: u64,
    /// Process id of the receiver, initial pid namespace.
    pub target_tgid: u32,
    /// Thread id of the receiver; of a signal to the whole process its first thread.
    pub target_tid: u32,
    /// The signal's number.
    pub signal: u32,
    /// `SI_*`: how it was sent.
    pub code: i32,
    /// The receiver's name, ended by NUL.
    pub target_comm: [u8; 16],
}

const _: () = assert!(size_of::<Record>() == 112);

#[cfg(target_arch = "bpf")]
mod program {
    use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};

    use super::Record;
    use crate::{
        Kind,
        kernel::{
            field, offset,
            syscall::{self, Registers},
            task::Task,
        },
        maps::Draft,
    };

    /// What stands for a `struct kernel_siginfo`: a plain signal of the current
    /// process, and of the kernel.
    const SEND_SIG_NOINFO: u64 = 0;
    const SEND_SIG_PRIV: u64 = 1;

    /// `si_code`: kill, sigqueue and pidfd_send_signal, tkill and tgkill.
    const SI_USER: i32 = 0;
    const SI_QUEUE: i32 = -1;
    const SI_TKILL: i32 = -6;

    /// What became of it: accepted, or accepted without what came with it.
    const TRACE_SIGNAL_DELIVERED: u64 = 0;
    const TRACE_SIGNAL_LOSE_INFO: u64 = 4;

    /// `signal_generate(int sig, struct kernel_siginfo *info, struct task_struct *task,
    /// int group, int result)`, in the sender's context.
    #[raw_tracepoint]
    pub(crate) fn signal_generate(ctx: RawTracePointContext) -> i32 {
        let (info, target) = (ctx.arg::<u64>(1), Task(ctx.arg::<u64>(2)));
        let result = ctx.arg::<u64>(4) & 0xffff_ffff;
        if info == SEND_SIG_PRIV
            || (result != TRACE_SIGNAL_DELIVERED && result != TRACE_SIGNAL_LOSE_INFO)
        {
            return 0;
        }
        let sender = Task::current();
        if sender.tgid() == target.tgid() {
            return 0;
        }
        let code: i32 = match info {
            SEND_SIG_NOINFO => SI_USER,
            info => field(info, offset!(siginfo_code)),
        };
        if !is_sent(code, sender) {
            return 0;
        }
        if let Some(mut draft) = Draft::<Record>::begin(Kind::Signal) {
            draft.header(sender);
            let record = draft.fixed();
            record.target_start_boot_ns = target.start_boot_ns();
            record.target_tgid = target.tgid();
            record.target_tid = target.pid();
            record.signal = ctx.arg::<u64>(0) as u32;
            record.code = code;
            record.target_comm = target.comm();
            draft.submit();
        }
        0
    }

    /// Whether a call of the current process sent it. rt_sigqueueinfo and its kin let
    /// the caller write any negative code, that of a timer too; so where the code
    /// says otherwise the call the task is in decides.
    #[inline(always)]
    fn is_sent(code: i32, sender: Task) -> bool {
        if matches!(code, SI_USER | SI_QUEUE | SI_TKILL) {
            return true;
        }
        if code > 0 {
            return false;
        }
        match (syscall::is_compat(sender), Registers::current().number()) {
            // rt_sigqueueinfo, rt_tgsigqueueinfo, pidfd_send_signal
            (false, 129 | 297 | 424) | (true, 178 | 335 | 424) => true,
            _ => false,
        }
    }
}
