//! exit: the last thread of a process ended.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Header;

/// The end of a process.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Record {
    /// Who ended.
    pub header: Header,
    /// The status as wait(2) gives it.
    pub status: u32,
    /// Process id that inherits the children; 0 when unknown.
    pub reaper_tgid: u32,
}

const _: () = assert!(size_of::<Record>() == 80);

#[cfg(target_arch = "bpf")]
mod program {
    use aya_ebpf::{
        macros::{map, raw_tracepoint},
        maps::LruHashMap,
        programs::RawTracePointContext,
    };

    use super::Record;
    use crate::{
        Kind,
        kernel::{
            self, field, offset, status,
            task::{self, Task},
        },
        maps::Draft,
    };

    /// `SIGNAL_GROUP_EXIT` in `signal_struct.flags`: the whole group was told
    /// to end, and `group_exit_code` says how.
    const SIGNAL_GROUP_EXIT: u32 = 4;

    /// Flag of a map's update: fail when the key is there.
    const BPF_NOEXIST: u64 = 1;
    /// How it fails then.
    const EEXIST: i32 = -17;

    /// Processes whose end was seen of late. Where the tracepoint does not say
    /// which thread was the last, several that end at once can all find no other
    /// alive; they do so within microseconds, so few entries are enough.
    #[map]
    static ENDED: LruHashMap<[u64; 2], u8> = LruHashMap::with_max_entries(4096, 0);

    /// How many generations up a subreaper is looked for.
    const REAPER_SEARCH: usize = 16;

    /// `sched_process_exit(struct task_struct *p)`, since 6.16 with a second
    /// argument `bool group_dead`.
    #[raw_tracepoint]
    pub(crate) fn sched_process_exit(ctx: RawTracePointContext) -> i32 {
        let task = Task(ctx.arg::<u64>(0));
        if group_is_dead(task, &ctx) {
            if let Some(mut draft) = Draft::<Record>::begin(Kind::Exit) {
                write(&mut draft, task);
                draft.submit();
                status::forget(task);
            }
        }
        0
    }

    /// Whether this was the last thread, and the first time that is found.
    #[inline(always)]
    fn group_is_dead(task: Task, ctx: &RawTracePointContext) -> bool {
        // The count includes the hidden first parameter of every tracepoint probe.
        if offset!(exit_arguments) == 3 {
            return ctx.arg::<u64>(1) as u8 != 0;
        }
        let live: i32 = field(task.signal(), offset!(signal_live));
        live == 0 && ENDED.insert(process(task), 0, BPF_NOEXIST) != Err(EEXIST)
    }

    /// What no other process shares: its id, and its start.
    #[inline(always)]
    fn process(task: Task) -> [u64; 2] {
        [u64::from(task.tgid()), task.start_boot_ns()]
    }

    #[inline(always)]
    fn write(draft: &mut Draft<Record>, task: Task) {
        draft.header(task);
        let leader = field::<u64>(task.0, offset!(task_group_leader));
        let signal = task.signal();
        let flags: u32 = field(signal, offset!(signal_flags));
        let status: u32 = if flags & SIGNAL_GROUP_EXIT != 0 {
            field(signal, offset!(signal_group_exit_code))
        } else {
            field(leader, offset!(task_exit_code))
        };
        let record = draft.fixed();
        record.status = status;
        record.reaper_tgid = reaper(task);
    }

    /// The nearest ancestor that asked to be a subreaper, else the init of the
    /// pid namespace. (The kernel prefers a living thread of the same process,
    /// but here none is left.)
    #[inline(always)]
    fn reaper(task: Task) -> u32 {
        let init = field::<u64>(task::pid_namespace(task), offset!(pidns_child_reaper));
        if kernel::bit(task.signal(), offset!(signal_has_child_subreaper)) {
            let mut ancestor = task;
            for _ in 0..REAPER_SEARCH {
                ancestor = Task(field(ancestor.0, offset!(task_real_parent)));
                if ancestor.0 == init {
                    break;
                }
                if kernel::bit(ancestor.signal(), offset!(signal_is_child_subreaper)) {
                    return ancestor.tgid();
                }
            }
        }
        Task(init).tgid()
    }
}
