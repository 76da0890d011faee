//! Reading a file and its inode.

use crate::{
    exec::{LOWER_LAYER, UPPER_LAYER},
    kernel::{field, offset, opaque, peek, task::Task},
    offsets::MISSING,
};

/// `super_block.s_magic` of overlayfs.
const OVERLAYFS_MAGIC: u64 = 0x794c_7630;

/// Permission bits.
const S_IWUSR: u16 = 0o200;
const S_IWGRP: u16 = 0o020;
const S_IWOTH: u16 = 0o002;

/// The capability that passes over permission bits.
const CAP_DAC_OVERRIDE: u64 = 1;

/// Supplementary groups looked at; more are taken as not matching.
const GROUPS: u32 = 32;

/// A `struct file` by its address; 0 for none.
#[derive(Clone, Copy)]
pub(crate) struct File(pub(crate) u64);

impl File {
    /// What it opens.
    #[inline(always)]
    pub(crate) fn inode(self) -> Inode {
        Inode(field(self.0, offset!(file_inode)))
    }

    /// Address of its `struct path`; 0 for none.
    #[inline(always)]
    pub(crate) fn path(self) -> u64 {
        if self.0 == 0 {
            return 0;
        }
        self.0 + u64::from(offset!(file_path))
    }

    /// `FMODE_*`.
    #[inline(always)]
    pub(crate) fn mode(self) -> u32 {
        field(self.0, offset!(file_mode))
    }

    /// Whether it never had a name in a file system: memfds alone among
    /// executables are called `memfd:…` and are their own parent.
    #[inline(always)]
    pub(crate) fn is_memfd(self) -> bool {
        let dentry: u64 = field(self.path(), offset!(path_dentry));
        let parent: u64 = field(dentry, offset!(dentry_parent));
        let name: [u8; 6] = peek(field(dentry, offset!(dentry_name)));
        parent == dentry && name == *b"memfd:"
    }
}

/// A `struct inode` by its address; 0 for none.
#[derive(Clone, Copy)]
pub(crate) struct Inode(pub(crate) u64);

impl Inode {
    /// Its number.
    #[inline(always)]
    pub(crate) fn number(self) -> u64 {
        field(self.0, offset!(inode_ino))
    }

    /// Type and permission bits.
    #[inline(always)]
    pub(crate) fn mode(self) -> u16 {
        field(self.0, offset!(inode_mode))
    }

    /// Device of its file system, the kernel's encoding.
    #[inline(always)]
    pub(crate) fn device(self) -> u32 {
        field(self.super_block(), offset!(sb_dev))
    }

    /// Magic number of its file system, the lower 32 bits.
    #[inline(always)]
    pub(crate) fn magic(self) -> u32 {
        field(self.super_block(), offset!(sb_magic))
    }

    /// Change time, nanoseconds since the Unix epoch.
    #[inline(always)]
    pub(crate) fn ctime_ns(self) -> u64 {
        self.time(offset!(inode_ctime_sec), offset!(inode_ctime_nsec))
    }

    /// Modification time, nanoseconds since the Unix epoch.
    #[inline(always)]
    pub(crate) fn mtime_ns(self) -> u64 {
        self.time(offset!(inode_mtime_sec), offset!(inode_mtime_nsec))
    }

    #[inline(always)]
    fn time(self, seconds: u32, nanoseconds: u32) -> u64 {
        let seconds: u64 = field(self.0, seconds);
        // Newer kernels keep 32 bits, older 64 of which these are the lower;
        // bits above the count hold a flag on some.
        let nanoseconds: u32 = field(self.0, nanoseconds);
        seconds
            .wrapping_mul(1_000_000_000)
            .wrapping_add(u64::from(nanoseconds & 0x3fff_ffff))
    }

    #[inline(always)]
    fn super_block(self) -> u64 {
        field(self.0, offset!(inode_sb))
    }

    /// `UPPER_LAYER` or `LOWER_LAYER` on an overlayfs, else 0.
    #[inline(always)]
    pub(crate) fn layer(self) -> u8 {
        let magic: u64 = field(self.super_block(), offset!(sb_magic));
        if magic != OVERLAYFS_MAGIC {
            return 0;
        }
        // Overlayfs has kept the upper dentry right behind the inode it embeds
        // since 4.19; its own BTF is in a module and may not be readable.
        let upper: u64 = field(self.0, offset!(inode_size));
        if upper == 0 { LOWER_LAYER } else { UPPER_LAYER }
    }

    /// Whether permission bits or capabilities let the task write it.
    #[inline(always)]
    pub(crate) fn is_writable_by(self, task: Task) -> bool {
        if self.0 == 0 || offset!(inode_uid) == MISSING {
            return false;
        }
        let cred = task.cred();
        let caps: [u64; 5] = field(cred, offset!(cred_cap_inheritable));
        if caps[2] >> CAP_DAC_OVERRIDE & 1 == 1 {
            return true;
        }
        let ids: [u32; 8] = field(cred, offset!(cred_uid));
        let owner: u32 = field(self.0, offset!(inode_uid));
        let group: u32 = field(self.0, offset!(inode_gid));
        let bit = if owner == ids[6] {
            S_IWUSR
        } else if group == ids[7] || has_group(cred, group) != 0 {
            S_IWGRP
        } else {
            S_IWOTH
        };
        self.mode() & bit != 0
    }
}

/// Whether the group is among the supplementary ones. Exported for the reason
/// the steps of `kernel::path` are.
#[expect(unsafe_code, reason = "exported under its own name")]
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn has_group(cred: u64, group: u32) -> u64 {
    let info: u64 = field(cred, offset!(cred_group_info));
    let count: u32 = field(info, offset!(group_info_ngroups));
    if offset!(group_info_gid) == MISSING {
        return 0;
    }
    for index in 0..GROUPS {
        if index as usize >= opaque(count as usize) {
            break;
        }
        if peek::<u32>(info + u64::from(offset!(group_info_gid)) + u64::from(index) * 4) == group {
            return 1;
        }
    }
    0
}
