//! exec: a process got a new program image, or failed to.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    Header,
    place::{Ids, Place},
};

/// `Record::call`: execve.
pub const CALL_EXECVE: u8 = 0;
/// `Record::call`: execveat.
pub const CALL_EXECVEAT: u8 = 1;

/// `Record::flags`: the executable is in the upper layer of an overlayfs.
pub const UPPER_LAYER: u8 = 1;
/// `Record::flags`: the executable is in a lower layer of an overlayfs.
pub const LOWER_LAYER: u8 = 2;
/// `Record::flags`: the executable is a memfd.
pub const MEMFD: u8 = 4;
/// `Record::flags`: the process may write the executable.
pub const WRITABLE: u8 = 8;

/// An execve or execveat that returned; behind the texts is a [`crate::place::Usage`]. On failure the executable and
/// all texts but the file name and the cgroups are zero, and the ids are the caller's.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Record {
    /// Who did it, after the call.
    pub header: Header,
    /// 0, or a negative errno.
    pub result: i64,
    /// Inheritable, permitted, effective, bounding and ambient capabilities.
    pub caps: [u64; 5],
    /// Inode of the executable.
    pub exe_ino: u64,
    /// Its change time, nanoseconds since the Unix epoch.
    pub exe_ctime_ns: u64,
    /// Its modification time, nanoseconds since the Unix epoch.
    pub exe_mtime_ns: u64,
    /// Where the process lives.
    pub place: Place,
    /// Its ids.
    pub ids: Ids,
    /// Device number of the controlling terminal as in `/proc/PID/stat`.
    pub tty: u32,
    /// Audit user id.
    pub loginuid: u32,
    /// `CALL_*`.
    pub call: u8,
    /// `UPPER_LAYER | LOWER_LAYER | MEMFD | WRITABLE`.
    pub flags: u8,
    /// Length of the first text: the path as given.
    pub filename_len: u16,
    /// Length of the second text: the executable's path.
    pub exe_path_len: u16,
    /// Length of the third text: the working directory.
    pub cwd_len: u16,
    /// Length of the fourth text: the arguments. The two cgroup paths follow
    /// the environment, their lengths stand in `place`.
    pub argv_len: u16,
    /// Length of the fifth text: the environment.
    pub env_len: u16,
    /// Length of all arguments in the process's memory; more than `argv_len` when
    /// they were cut.
    pub argv_full: u32,
    /// The same of the environment.
    pub env_full: u32,
    /// Always zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<Record>() == 272);

#[cfg(target_arch = "bpf")]
mod program {
    use aya_ebpf::{
        macros::{map, raw_tracepoint, tracepoint},
        maps::LruHashMap,
        programs::{RawTracePointContext, TracePointContext},
    };

    use super::{CALL_EXECVE, CALL_EXECVEAT, Record};
    use crate::{
        Kind,
        call::ABI_64,
        kernel::{
            field, file::File, offset, path, peek, status, syscall, syscall::Registers, task::Task,
            work,
        },
        maps::Draft,
    };

    /// Number of execveat.
    const EXECVEAT: u64 = 322;

    /// How the exec was called that is under way, by its task, where that was not by a
    /// 64-bit call. An entry lives as long as the call, so few are enough.
    #[map]
    static ENTERED: LruHashMap<u64, u8> = LruHashMap::with_max_entries(1024, 0);

    /// `task_rename(struct task_struct *task, const char *comm)`: an exec, too, gives the
    /// task its new name, and does so before the new image's own mode and registers
    /// stand in place of those the call was made with.
    #[raw_tracepoint]
    pub(crate) fn task_rename(ctx: RawTracePointContext) -> i32 {
        let task = Task::current();
        // One thread may name another.
        if task.0 != ctx.arg::<u64>(0) {
            return 0;
        }
        let abi = Registers::current().abi();
        if abi == ABI_64 {
            let _none = ENTERED.remove(&task.0);
        } else {
            let _full = ENTERED.insert(&task.0, &abi, 0);
        }
        0
    }

    /// `sched_process_exec(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`:
    /// the new image is in place. Comes for 32-bit callers too.
    #[raw_tracepoint]
    pub(crate) fn sched_process_exec(ctx: RawTracePointContext) -> i32 {
        let Some(mut draft) = Draft::<Record>::begin(Kind::Exec) else {
            return 0;
        };
        let task = Task(ctx.arg::<u64>(0));
        draft.header(task);
        if let Some(abi) = ENTERED.get_ptr(&task.0) {
            draft.entered(peek(abi as u64));
            let _gone = ENTERED.remove(&task.0);
        }
        identity(&mut draft, task);
        executable(&mut draft, task);
        texts(&mut draft, task, ctx.arg::<u64>(2));
        draft.usage(task);
        // It tells all there is to a status.
        if draft.submit_bare() {
            status::told(task);
        }
        0
    }

    /// One of the calls' own tracepoints.
    #[tracepoint]
    pub(crate) fn sys_exit_execve(ctx: TracePointContext) -> u32 {
        failed(0, syscall::result(&ctx));
        syscall::PASS
    }

    /// The hook on every call.
    #[raw_tracepoint]
    pub(crate) fn all_exec(ctx: RawTracePointContext) -> i32 {
        failed(ctx.arg::<u64>(0), ctx.arg::<u64>(1) as i64);
        0
    }

    /// The calls come back only on failure; what they return after a success is
    /// the new program's, told by [`sched_process_exec`].
    #[inline(always)]
    fn failed(registers: u64, result: i64) {
        if result >= 0 {
            return;
        }
        let Some(mut draft) = Draft::<Record>::begin(Kind::Exec) else {
            return;
        };
        let task = Task::current();
        draft.header(task);
        identity(&mut draft, task);
        draft.fixed().result = result;
        if let Some(work) = work::begin::<Record>(draft.slot(), registers, result) {
            draft.entered(work.abi as u8);
            // execve(filename, argv, envp), execveat(dirfd, filename, argv, envp, flags)
            let [first, second, ..] = work.args;
            let is_at = work.number == EXECVEAT;
            draft.fixed().call = if is_at { CALL_EXECVEAT } else { CALL_EXECVE };
            draft.fixed().filename_len = draft.user_string(if is_at { second } else { first });
        }
        cgroups(&mut draft, task);
        draft.usage(task);
        draft.submit();
    }

    #[inline(always)]
    fn cgroups(draft: &mut Draft<Record>, task: Task) {
        let (cgroup_len, cgroup_v1_len) = task.cgroups(draft);
        draft.fixed().place.cgroup_len = cgroup_len;
        draft.fixed().place.cgroup_v1_len = cgroup_v1_len;
    }

    #[inline(always)]
    fn identity(draft: &mut Draft<Record>, task: Task) {
        let record = draft.fixed();
        record.caps = field(task.cred(), offset!(cred_cap_inheritable));
        record.tty = task.tty();
        record.loginuid = task.loginuid();
        task.ids(&mut record.ids);
        task.place(&mut record.place);
    }

    #[inline(always)]
    fn executable(draft: &mut Draft<Record>, task: Task) {
        let file = File(field(task.mm(), offset!(mm_exe_file)));
        let inode = file.inode();
        let record = draft.fixed();
        record.exe_ino = inode.number();
        record.exe_ctime_ns = inode.ctime_ns();
        record.exe_mtime_ns = inode.mtime_ns();
        record.flags = inode.layer();
        if file.is_memfd() {
            record.flags |= super::MEMFD;
        }
        if inode.is_writable_by(task) {
            record.flags |= super::WRITABLE;
        }
    }

    /// The texts, in the order the record promises.
    #[inline(always)]
    fn texts(draft: &mut Draft<Record>, task: Task, bprm: u64) {
        // The kernel itself rewrites the saved system call number to execve
        // when it starts an ELF image. What tells execveat apart is the
        // /dev/fd path it makes up when a directory descriptor was given.
        let fdpath: u64 = field(bprm, offset!(bprm_fdpath));
        draft.fixed().call = if fdpath == 0 {
            CALL_EXECVE
        } else {
            CALL_EXECVEAT
        };
        let mm = task.mm();
        let at = |offset: u32| field::<u64>(mm, offset);

        draft.fixed().filename_len = draft.kernel_string(field(bprm, offset!(bprm_filename)));
        draft.fixed().exe_path_len = path::path(draft, File(at(offset!(mm_exe_file))).path());
        draft.fixed().cwd_len = path::path(draft, task.cwd());
        let (start, end) = (at(offset!(mm_arg_start)), at(offset!(mm_arg_end)));
        draft.fixed().argv_full = end.saturating_sub(start) as u32;
        draft.fixed().argv_len = draft.user_range(start, end);
        let (start, end) = (at(offset!(mm_env_start)), at(offset!(mm_env_end)));
        draft.fixed().env_full = end.saturating_sub(start) as u32;
        draft.fixed().env_len = draft.user_range(start, end);
        cgroups(draft, task);
    }
}
