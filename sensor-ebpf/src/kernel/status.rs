//! The process's status at the end of a record: what of it may have changed without
//! a record of its own, told once per change.
//!
//! A fingerprint of all of it is taken for every record, from pointers and numbers
//! that are one read each. Only when it is another than the one last told is the
//! status written out, with its three paths. So a process that changes nothing costs
//! a few reads, whoever reads the records is never behind, and no call has to be
//! captured for that. A record that was lost told nothing: the next one does.
#![expect(
    unsafe_code,
    reason = "scratch maps hand out raw pointers, and the fingerprint is exported by name"
)]

use aya_ebpf::{
    macros::map,
    maps::{LruHashMap, PerCpuArray},
};

use crate::{
    kernel::{field, offset, path, peek, task::Task},
    maps::{Draft, SLOTS},
    place::Status,
};

/// Fingerprints last told, by process id. One that was displaced is told again.
#[map]
static TOLD: LruHashMap<u32, u64> = LruHashMap::with_max_entries(65_536, 0);

/// Where a status is put together, one per slot.
#[map]
static STATUS: PerCpuArray<Status> = PerCpuArray::with_max_entries(SLOTS, 0);

/// Appends the status unless it was told before; gives the fingerprint to
/// [`remember`] once the record is in the ring, 0 when there is nothing new.
#[inline(always)]
pub(crate) fn append<R>(draft: &mut Draft<R>, task: Task) -> u64 {
    let now = fingerprint(task.0);
    let key = task.tgid();
    if unsafe { TOLD.get(key) }.is_some_and(|told| *told == now) {
        return 0;
    }
    let Some(status) = STATUS.get_ptr_mut(draft.slot() as u32) else {
        return 0;
    };
    let status = unsafe { &mut *status };
    status.caps = field(task.cred(), offset!(cred_cap_inheritable));
    status.tty = task.tty();
    status.loginuid = task.loginuid();
    task.ids(&mut status.ids);
    task.place(&mut status.place);
    let before = draft.len();
    status.cwd_len = path::path(draft, task.cwd());
    (status.place.cgroup_len, status.place.cgroup_v1_len) = task.cgroups(draft);
    draft.kernel_bytes((&raw const *status) as u64, size_of::<Status>());
    draft.set_status_len(draft.len() - before);
    now
}

/// Notes what was told of the current process.
#[inline(always)]
pub(crate) fn remember(task: Task, fingerprint: u64) {
    if fingerprint != 0 {
        // Nothing to be done when it fails: it is told once more.
        let _ = TOLD.insert(task.tgid(), fingerprint, 0);
    }
}

/// Notes that everything was told of the current process by other means.
#[inline(always)]
pub(crate) fn told(task: Task) {
    remember(task, fingerprint(task.0));
}

/// A child that is as its parent, of whom everything was told, has nothing to tell.
#[inline(always)]
pub(crate) fn inherit(parent: Task, child: Task) {
    let now = fingerprint(child.0);
    // What differs by more than the start differs in something.
    if now ^ start(child) == fingerprint(parent.0) ^ start(parent) {
        remember(child, now);
    }
}

/// Forgets a process that ended.
#[inline(always)]
pub(crate) fn forget(task: Task) {
    let _ = TOLD.remove(task.tgid());
}

/// The start's part in a fingerprint.
#[inline(always)]
fn start(task: Task) -> u64 {
    task.start_boot_ns().wrapping_mul(MIX)
}

/// An odd number without pattern.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline(always)]
fn mix(hash: u64, word: u64) -> u64 {
    let hash = (hash ^ word).wrapping_mul(MIX);
    hash ^ (hash >> 29)
}

#[inline(always)]
fn mix_all<const N: usize>(mut hash: u64, words: [u64; N]) -> u64 {
    for word in words {
        hash = mix(hash, word);
    }
    hash
}

/// A number that is another when the status is, but by chance; never 0. Addresses
/// stand for what they point to, and beside those of structures that are soon used
/// again something of what is in them.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn fingerprint(task: u64) -> u64 {
    let task = Task(task);
    let signal = task.signal();
    let cred = task.cred();
    let proxy: u64 = field(task.0, offset!(task_nsproxy));
    let cwd: [u64; 2] = peek(task.cwd());
    let directory: u64 = field(task.cwd(), offset!(path_dentry));

    let hash = mix_all::<2>(0, task.group_and_session());
    let hash = mix(hash, field(signal, offset!(signal_tty)));
    let hash = mix(hash, cred);
    let hash = mix_all::<4>(hash, field(cred, offset!(cred_uid)));
    let hash = mix_all::<5>(hash, field(cred, offset!(cred_cap_inheritable)));
    // The namespaces, one pointer after the other, the UTS namespace first.
    let hash = mix_all::<6>(hash, field(proxy, offset!(nsproxy_uts)));
    let hash = mix(hash, field(proxy, offset!(nsproxy_cgroup)));
    let hash = mix(hash, field(task.0, offset!(task_cgroups)));
    let hash = mix_all::<2>(hash, cwd);
    // Its name: hash and length.
    let hash = mix(hash, field(directory, offset!(dentry_name_len) - 4));
    let hash = mix(hash, u64::from(task.loginuid()));
    (hash ^ start(task)) | 1 << 63
}
