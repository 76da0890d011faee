//! Least privilege after start.
//!
//! Loading and attaching need root. Watching does not: after the start the
//! sensor keeps four capabilities and can gain no new ones.

use rustix::thread::{self, CapabilitySet, CapabilitySets};

/// What the running sensor still needs:
/// `BPF` and `PERFMON` to attach programs when reloaded rules want more events;
/// `SYS_PTRACE` and `DAC_READ_SEARCH` to read `/proc` of processes it does not own.
const KEPT: CapabilitySet = CapabilitySet::BPF
    .union(CapabilitySet::PERFMON)
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::DAC_READ_SEARCH);

/// Whether programs can still be attached once privileges are dropped. Debian's
/// and Ubuntu's kernels know a `perf_event_paranoid` above 2, under which only
/// the `SYS_ADMIN` we give up may do so.
pub fn can_attach_later() -> bool {
    let paranoid = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid");
    paranoid.map_or(true, |level| level.trim().parse().unwrap_or(0) <= 2)
}

/// Gives up, for this thread and every thread it starts from now on, all
/// capabilities but the four kept, and the right to gain any by exec.
///
/// # Errors
/// When the kernel refuses, which it does only to a seccomp filter's order.
pub fn drop_to_needed() -> rustix::io::Result<()> {
    let held = thread::capabilities(None)?;
    let kept = KEPT.intersection(held.permitted);
    thread::set_no_new_privs(true)?;
    thread::set_capabilities(
        None,
        CapabilitySets {
            effective: kept,
            permitted: kept,
            inheritable: CapabilitySet::empty(),
        },
    )
}
