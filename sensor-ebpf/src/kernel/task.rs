//! Reading a task: who it is, which users it acts for, where it lives.

use crate::{
    kernel::{field, file::File, hierarchies, offset, path, peek},
    maps::Draft,
    place::{Ids, Place},
};

/// Places in `signal_struct.pids`.
const PIDTYPE_TGID: u64 = 1;
const PIDTYPE_PGID: u64 = 2;
const PIDTYPE_SID: u64 = 3;

/// A `struct task_struct` by its address.
#[derive(Clone, Copy)]
pub(crate) struct Task(pub(crate) u64);

impl Task {
    /// The task the program runs in.
    #[inline(always)]
    pub(crate) fn current() -> Self {
        #[expect(unsafe_code, reason = "a helper without arguments")]
        let task = unsafe { aya_ebpf::helpers::generated::bpf_get_current_task() };
        Self(task)
    }

    #[inline(always)]
    pub(crate) fn tgid(self) -> u32 {
        field(self.0, offset!(task_tgid))
    }

    #[inline(always)]
    pub(crate) fn pid(self) -> u32 {
        field(self.0, offset!(task_pid))
    }

    #[inline(always)]
    pub(crate) fn flags(self) -> u32 {
        field(self.0, offset!(task_flags))
    }

    #[inline(always)]
    pub(crate) fn comm(self) -> [u8; 16] {
        field(self.0, offset!(task_comm))
    }

    #[inline(always)]
    pub(crate) fn parent(self) -> Task {
        Task(field(self.0, offset!(task_real_parent)))
    }

    #[inline(always)]
    pub(crate) fn signal(self) -> u64 {
        field(self.0, offset!(task_signal))
    }

    #[inline(always)]
    pub(crate) fn mm(self) -> u64 {
        field(self.0, offset!(task_mm))
    }

    #[inline(always)]
    pub(crate) fn cred(self) -> u64 {
        field(self.0, offset!(task_cred))
    }

    /// Start of the process: its group leader's, on the boot clock.
    #[inline(always)]
    pub(crate) fn start_boot_ns(self) -> u64 {
        let leader: u64 = field(self.0, offset!(task_group_leader));
        field(leader, offset!(task_start_boot))
    }

    /// Effective user and group, initial user namespace.
    #[inline(always)]
    pub(crate) fn effective_ids(self) -> (u32, u32) {
        let ids: [u32; 8] = field(self.cred(), offset!(cred_uid));
        (ids[4], ids[5])
    }

    /// Audit user id; all ones when unset or when the kernel keeps none.
    #[inline(always)]
    pub(crate) fn loginuid(self) -> u32 {
        if offset!(task_loginuid) == crate::offsets::MISSING {
            return u32::MAX;
        }
        field(self.0, offset!(task_loginuid))
    }

    /// Users, groups and ids in both namespaces.
    #[inline(always)]
    pub(crate) fn ids(self, ids: &mut Ids) {
        let thread: u64 = field(self.0, offset!(task_thread_pid));
        let level: u32 = field(thread, offset!(pid_level));
        let pids = self.signal() + u64::from(offset!(signal_pids));
        let group: u64 = peek(pids + PIDTYPE_PGID * 8);
        let session: u64 = peek(pids + PIDTYPE_SID * 8);
        ids.cred = field(self.cred(), offset!(cred_uid));
        ids.vpid = number(peek(pids + PIDTYPE_TGID * 8), level);
        ids.vtid = number(thread, level);
        ids.pgid = number(group, 0);
        ids.sid = number(session, 0);
        ids.vpgid = number(group, level);
        ids.vsid = number(session, level);
    }

    /// The `struct pid`s of its process group and session, by their addresses.
    #[inline(always)]
    pub(crate) fn group_and_session(self) -> [u64; 2] {
        peek(self.signal() + u64::from(offset!(signal_pids)) + PIDTYPE_PGID * 8)
    }

    /// The controlling terminal in the encoding of `/proc/PID/stat`.
    #[inline(always)]
    pub(crate) fn tty(self) -> u32 {
        let tty: u64 = field(self.signal(), offset!(signal_tty));
        if tty == 0 {
            return 0;
        }
        let driver: u64 = field(tty, offset!(tty_driver));
        let index: u32 = field(tty, offset!(tty_index));
        let major: u32 = field(driver, offset!(tty_driver_major));
        let first: u32 = field(driver, offset!(tty_driver_minor_start));
        let minor = first.wrapping_add(index);
        (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
    }

    /// Namespaces and the start of the pid namespace's init.
    #[inline(always)]
    pub(crate) fn place(self, place: &mut Place) {
        let proxy: u64 = field(self.0, offset!(task_nsproxy));
        let pid_ns = pid_namespace(self);
        let user_ns: u64 = field(self.cred(), offset!(cred_user_ns));
        let of = |member: u32, inum: u32| field::<u32>(field(proxy, member), inum);
        place.ns[0] = of(offset!(nsproxy_mnt), offset!(mntns_inum));
        place.ns[1] = field(pid_ns, offset!(pidns_inum));
        place.ns[2] = of(offset!(nsproxy_net), offset!(netns_inum));
        place.ns[3] = field(user_ns, offset!(userns_inum));
        place.ns[4] = of(offset!(nsproxy_uts), offset!(utsns_inum));
        place.ns[5] = of(offset!(nsproxy_ipc), offset!(ipcns_inum));
        place.ns[6] = of(offset!(nsproxy_cgroup), offset!(cgroupns_inum));
        let init = Task(field(pid_ns, offset!(pidns_child_reaper)));
        place.pidns_start_boot_ns = init.start_boot_ns();
    }

    /// The file behind one of its descriptors; none when it is not open.
    #[inline(always)]
    pub(crate) fn file(self, fd: u32) -> File {
        let files: u64 = field(self.0, offset!(task_files));
        let table: u64 = field(files, offset!(files_fdt));
        let size: u32 = field(table, offset!(fdtable_max));
        if fd >= size {
            return File(0);
        }
        let slots: u64 = field(table, offset!(fdtable_fd));
        File(peek(slots + u64::from(fd) * 8))
    }

    /// Address of its working directory's `struct path`.
    #[inline(always)]
    pub(crate) fn cwd(self) -> u64 {
        let fs: u64 = field(self.0, offset!(task_fs));
        fs + u64::from(offset!(fs_pwd))
    }

    /// Id of its cgroup v2.
    #[inline(always)]
    pub(crate) fn cgroup_v2_id(self) -> u64 {
        let set: u64 = field(self.0, offset!(task_cgroups));
        let cgroup: u64 = field(set, offset!(css_set_default));
        field(field(cgroup, offset!(cgroup_kn)), offset!(kernfs_id))
    }

    /// Appends the cgroup paths, v2 then those of v1, and gives their lengths.
    #[inline(always)]
    pub(crate) fn cgroups<R>(self, draft: &mut Draft<R>) -> (u16, u16) {
        let set: u64 = field(self.0, offset!(task_cgroups));
        let v2: u64 = field(set, offset!(css_set_default));
        (path::cgroup(draft, v2), hierarchies::append(draft, set))
    }
}

/// The pid namespace the task lives in (not the one its children will).
#[inline(always)]
pub(crate) fn pid_namespace(task: Task) -> u64 {
    let thread: u64 = field(task.0, offset!(task_thread_pid));
    let level: u32 = field(thread, offset!(pid_level));
    field(upid(thread, level), offset!(upid_ns))
}

/// The number of a `struct pid` in the namespace of that level.
#[inline(always)]
fn number(pid: u64, level: u32) -> u32 {
    if pid == 0 {
        return 0;
    }
    field(upid(pid, level), offset!(upid_nr))
}

#[inline(always)]
fn upid(pid: u64, level: u32) -> u64 {
    pid + u64::from(offset!(pid_numbers)) + u64::from(level) * u64::from(offset!(upid_size))
}
