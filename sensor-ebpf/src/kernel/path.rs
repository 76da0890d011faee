//! Paths as the kernel resolved them: from the leaf up to the root of the mount
//! namespace, written backwards, so that they come out in reading order.
//!
//! A path deeper than the walk's bound, or longer than 4095 bytes, loses its
//! beginning and then has no leading slash; that is how a reader can tell.
//!
//! A walk's state is in a map and a step is an exported function that takes and
//! gives plain numbers. Such a function the verifier checks once, by itself; a
//! step inlined in a loop it would follow through every round of every walk of
//! every program (measured: 250 ms more for each program that walks).
#![expect(
    unsafe_code,
    reason = "the scratch map hands out a raw pointer, and steps are exported by name"
)]

use aya_ebpf::{macros::map, maps::PerCpuArray};

use crate::{
    TEXT_MAX,
    kernel::{at_most, field, offset, read_kernel, read_kernel_string},
    maps::{Draft, SLOTS},
};

/// Components and mounts a walk goes up.
const STEPS: u32 = 256;

/// The longest name of one component.
const NAME_MAX: usize = 255;

/// What a step says: there is more to come.
const ON: u64 = 0;
/// What a step says: this was the root.
const ARRIVED: u64 = 1;
/// What a step says: there is no room for the next name.
const CUT: u64 = 2;

/// A walk and its path so far, last component first.
#[repr(C)]
struct Walk {
    /// The dentry, or the cgroup's node, whose name comes next.
    node: u64,
    /// The `struct mount` it is in.
    mount: u64,
    /// Where the text starts; `TEXT_MAX` while there is none.
    start: u64,
    /// The text, and room behind it for one name.
    text: [u8; TEXT_MAX + NAME_MAX + 1],
}

/// The walks of this CPU, one per slot. Whoever walks holds the record's slot, so
/// none is ever shared.
#[map]
static WALK: PerCpuArray<Walk> = PerCpuArray::with_max_entries(SLOTS, 0);

#[inline(always)]
fn state(slot: u64) -> Option<&'static mut Walk> {
    let walk = WALK.get_ptr_mut(slot as u32)?;
    Some(unsafe { &mut *walk })
}

impl Walk {
    /// Address of a byte of the text.
    #[inline(always)]
    fn at(&self, index: usize) -> u64 {
        (&raw const self.text) as u64 + index as u64
    }

    /// Puts `/name` in front; false when there is no room.
    #[inline(always)]
    fn prepend(&mut self, name: u64, len: usize) -> bool {
        let len = len & NAME_MAX;
        let start = self.start as usize;
        if start < len + 1 {
            return false;
        }
        let start = (start - len - 1) & (TEXT_MAX - 1);
        self.start = start as u64;
        let at = self.at(start);
        unsafe { (at as *mut u8).write(b'/') };
        read_kernel(at + 1, len as u32, name)
    }
}

#[inline(always)]
fn start(slot: u64, node: u64, mount: u64) {
    if let Some(walk) = state(slot) {
        (walk.node, walk.mount, walk.start) = (node, mount, TEXT_MAX as u64);
    }
}

/// Where the text starts by now.
#[inline(always)]
fn reached(slot: u64) -> u64 {
    state(slot).map_or(TEXT_MAX as u64, |walk| walk.start)
}

/// Appends the path of the `struct path` at that address.
#[inline(always)]
pub(crate) fn path<R>(draft: &mut Draft<R>, path: u64) -> u16 {
    let (text, len) = text(draft.slot(), path);
    if len == 0 {
        return 0;
    }
    draft.kernel_bytes(text, len)
}

/// Writes the path of the `struct path` at that address; gives where it is until
/// the slot's next walk, and its length, 0 when there is none.
#[inline(always)]
pub(crate) fn text(slot: u64, path: u64) -> (u64, usize) {
    let dentry: u64 = field(path, offset!(path_dentry));
    let mount: u64 = field(path, offset!(path_mnt));
    if dentry == 0 || mount == 0 {
        return (0, 0);
    }
    let start = walk_path(slot, dentry, mount - u64::from(offset!(mount_vfsmount)));
    walked(slot, start)
}

/// Appends the path of a cgroup in its hierarchy.
#[inline(always)]
pub(crate) fn cgroup<R>(draft: &mut Draft<R>, cgroup: u64) -> u16 {
    let node: u64 = field(cgroup, offset!(cgroup_kn));
    if node == 0 {
        return 0;
    }
    let start = walk_cgroup(draft.slot(), node);
    append(draft, start)
}

/// Writes the path of a cgroup's node; gives where it is until the slot's next walk,
/// and its length.
#[inline(always)]
pub(crate) fn node_text(slot: u64, node: u64) -> (u64, usize) {
    let start = walk_cgroup(slot, node);
    walked(slot, start)
}

/// Takes over the text of a walk, `/` when it has no component.
#[inline(always)]
fn append<R>(draft: &mut Draft<R>, start: u64) -> u16 {
    let (text, len) = walked(draft.slot(), start);
    if len == 0 {
        return 0;
    }
    draft.kernel_bytes(text, len)
}

/// Where the text of a walk is, and its length.
#[inline(always)]
fn walked(slot: u64, start: u64) -> (u64, usize) {
    let Some(walk) = state(slot) else {
        return (0, 0);
    };
    if start >= TEXT_MAX as u64 {
        let last = walk.at(TEXT_MAX - 1);
        unsafe { (last as *mut u8).write(b'/') };
        return (last, 1);
    }
    let start = at_most(start as usize, TEXT_MAX);
    (walk.at(start), TEXT_MAX - start)
}

/// Writes the path of a dentry; gives where it starts.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn walk_path(slot: u64, dentry: u64, mount: u64) -> u64 {
    start(slot, dentry, mount);
    for _ in 0..STEPS {
        match path_step(slot) {
            ON => {}
            ARRIVED => return reached(slot),
            _ => break,
        }
    }
    // Cut: without the slash in front.
    reached(slot) + 1
}

/// One component, or one mount, up.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn path_step(slot: u64) -> u64 {
    let Some(walk) = state(slot) else { return CUT };
    let (dentry, mount) = (walk.node, walk.mount);
    let vfsmount = mount + u64::from(offset!(mount_vfsmount));
    if dentry == field(vfsmount, offset!(vfsmount_root)) {
        let above: u64 = field(mount, offset!(mount_parent));
        if above == mount || above == 0 {
            return ARRIVED;
        }
        walk.node = field(mount, offset!(mount_mountpoint));
        walk.mount = above;
        return ON;
    }
    let name: u64 = field(dentry, offset!(dentry_name));
    let len: u32 = field(dentry, offset!(dentry_name_len));
    if !walk.prepend(name, len as usize) {
        return CUT;
    }
    let parent: u64 = field(dentry, offset!(dentry_parent));
    // A file that never had a place, such as a memfd: its name is all.
    if parent == dentry {
        return ARRIVED;
    }
    walk.node = parent;
    ON
}

/// Writes the path of a cgroup's node; gives where it starts.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn walk_cgroup(slot: u64, node: u64) -> u64 {
    start(slot, node, 0);
    for _ in 0..STEPS {
        match cgroup_step(slot) {
            ON => {}
            ARRIVED => return reached(slot),
            _ => break,
        }
    }
    // Cut: without the slash in front.
    reached(slot) + 1
}

/// One cgroup up. Its name is a string without a length, so it is read behind
/// the text first.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn cgroup_step(slot: u64) -> u64 {
    let Some(walk) = state(slot) else { return CUT };
    let parent: u64 = field(walk.node, offset!(kernfs_parent));
    if parent == 0 {
        return ARRIVED;
    }
    let name = walk.at(TEXT_MAX);
    let source: u64 = field(walk.node, offset!(kernfs_name));
    let len = read_kernel_string(name, NAME_MAX as u32 + 1, source);
    if !walk.prepend(name, len) {
        return CUT;
    }
    walk.node = parent;
    ON
}
