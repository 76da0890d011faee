//! Headers of records that are not written on the way of a system call: read from
//! the task's own structure, because helpers that name the current process are not for
//! programs of every type on older kernels.

use crate::{Header, Kind, kernel::task::Task};

/// `task_struct.flags`: a thread of the kernel.
const PF_KTHREAD: u32 = 0x0020_0000;

/// The header of a record of that length that is nobody's; time and CPU are 0.
#[inline(always)]
pub(crate) fn nobody(kind: Kind, len: usize) -> Header {
    Header {
        time_ns: 0,
        len: len as u32,
        kind: kind as u16,
        cpu: 0,
        tgid: 0,
        tid: 0,
        ppid: 0,
        euid: 0,
        egid: 0,
        abi: 0,
        via: 0,
        status_len: 0,
        start_boot_ns: 0,
        cgroup_id: 0,
        comm: [0; 16],
    }
}

/// Makes it the current task's; of a thread of the kernel it stays nobody's. In
/// place: there is little room on the stack.
#[inline(always)]
pub(crate) fn fill_current(header: &mut Header) {
    let task = Task::current();
    if task.flags() & PF_KTHREAD == 0 {
        (header.euid, header.egid) = task.effective_ids();
        header.tgid = task.tgid();
        header.tid = task.pid();
        header.ppid = task.parent().tgid();
        header.start_boot_ns = task.start_boot_ns();
        header.comm = task.comm();
        header.cgroup_id = task.cgroup_v2_id();
    }
}
