//! Paths as the kernel resolved them: from the leaf up to the root of the mount
//! namespace, written backwards, so that they come out in reading order.
//!
//! A path deeper than the walk's bound, or longer than 4095 bytes, loses its
//! beginning and then has no leading slash; that is how a reader can tell.
#![expect(unsafe_code, reason = "the scratch map hands out a raw pointer")]

use aya_ebpf::{macros::map, maps::PerCpuArray};

use crate::{
    TEXT_MAX,
    kernel::{field, offset, read_kernel, read_kernel_string},
    maps::Draft,
};

/// Components and mounts a walk goes up. The verifier follows every step.
const STEPS: u32 = 64;

/// Cgroup levels a walk goes up.
const CGROUP_STEPS: u32 = 24;

/// The longest name of one component.
const NAME_MAX: usize = 255;

/// Where a path is built: [`TEXT_MAX`] bytes, and room behind them for one name.
/// Users hold the record's scratch, so it is never shared.
#[map]
static PATH: PerCpuArray<[u8; TEXT_MAX + NAME_MAX + 1]> = PerCpuArray::with_max_entries(1, 0);

/// A path while it is written, last component first.
struct Backwards {
    buffer: u64,
    /// Where the text starts; `TEXT_MAX` while there is none.
    start: usize,
}

impl Backwards {
    #[inline(always)]
    fn new() -> Option<Self> {
        let buffer = PATH.get_ptr_mut(0)? as u64;
        Some(Self {
            buffer,
            start: TEXT_MAX,
        })
    }

    /// Puts `/name` in front; false when there is no room.
    #[inline(always)]
    fn prepend(&mut self, name: u64, len: usize) -> bool {
        let len = len & NAME_MAX;
        if self.start < len + 1 {
            return false;
        }
        self.start = (self.start - len - 1) & (TEXT_MAX - 1);
        let at = self.buffer + self.start as u64;
        unsafe { (at as *mut u8).write(b'/') };
        read_kernel(at + 1, len as u32, name)
    }

    /// Appends the path to the record, `/` when it has no component.
    #[inline(always)]
    fn finish<R>(self, draft: &mut Draft<R>) -> u16 {
        if self.start == TEXT_MAX {
            let last = self.buffer + TEXT_MAX as u64 - 1;
            unsafe { (last as *mut u8).write(b'/') };
            return draft.kernel_bytes(last, 1);
        }
        draft.kernel_bytes(self.buffer + self.start as u64, TEXT_MAX - self.start)
    }
}

/// Appends the path of a `struct path`.
#[inline(always)]
pub fn path<R>(draft: &mut Draft<R>, path: u64) -> u16 {
    let dentry: u64 = field(path, offset!(path_dentry));
    let mount: u64 = field(path, offset!(path_mnt));
    if dentry == 0 || mount == 0 {
        return 0;
    }
    let start = walk(dentry, mount);
    finish(draft, start)
}

/// Takes over a path that a walk left in the scratch.
#[inline(always)]
fn finish<R>(draft: &mut Draft<R>, start: u64) -> u16 {
    match Backwards::new() {
        Some(mut text) => {
            text.start = crate::kernel::at_most(start as usize, TEXT_MAX);
            text.finish(draft)
        }
        None => 0,
    }
}

/// Writes the path into the scratch and gives its start. An exported function
/// that takes and gives plain numbers is one the verifier checks once by
/// itself; were it part of its callers, their states would multiply with its own.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn walk(dentry: u64, vfsmount: u64) -> u64 {
    let Some(mut text) = Backwards::new() else {
        return TEXT_MAX as u64;
    };
    let to_mount = u64::from(offset!(mount_vfsmount));
    let (mut dentry, mut mount) = (dentry, vfsmount - to_mount);
    for _ in 0..STEPS {
        let root: u64 = field(mount + to_mount, offset!(vfsmount_root));
        let parent: u64 = field(dentry, offset!(dentry_parent));
        if dentry == root {
            let above: u64 = field(mount, offset!(mount_parent));
            if above == mount || above == 0 {
                return text.start as u64;
            }
            dentry = field(mount, offset!(mount_mountpoint));
            mount = above;
            continue;
        }
        let name: u64 = field(dentry, offset!(dentry_name));
        let len: u32 = field(dentry, offset!(dentry_name_len));
        if !text.prepend(name, len as usize) {
            break;
        }
        // A file that never had a place, such as a memfd: its name is all.
        if parent == dentry {
            return text.start as u64;
        }
        dentry = parent;
    }
    // Cut: drop the slash in front.
    text.start as u64 + 1
}

/// Appends the path of a cgroup in its hierarchy.
#[inline(always)]
pub fn cgroup<R>(draft: &mut Draft<R>, cgroup: u64) -> u16 {
    let node: u64 = field(cgroup, offset!(cgroup_kn));
    if node == 0 {
        return 0;
    }
    let start = walk_kernfs(node);
    finish(draft, start)
}

/// As [`walk`], for a cgroup's node.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn walk_kernfs(node: u64) -> u64 {
    let Some(mut text) = Backwards::new() else {
        return TEXT_MAX as u64;
    };
    let mut node = node;
    let name = text.buffer + TEXT_MAX as u64;
    for _ in 0..CGROUP_STEPS {
        let parent: u64 = field(node, offset!(kernfs_parent));
        if parent == 0 {
            return text.start as u64;
        }
        let source: u64 = field(node, offset!(kernfs_name));
        let len = read_kernel_string(name, NAME_MAX as u32 + 1, source);
        if !text.prepend(name, len) {
            break;
        }
        node = parent;
    }
    text.start as u64 + 1
}
