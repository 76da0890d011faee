//! open: open, openat, openat2 or creat returned.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Header;

/// `Record::call`: open.
pub const CALL_OPEN: u8 = 0;
/// `Record::call`: openat.
pub const CALL_OPENAT: u8 = 1;
/// `Record::call`: openat2.
pub const CALL_OPENAT2: u8 = 2;
/// `Record::call`: creat.
pub const CALL_CREAT: u8 = 3;

/// `Record::file_flags`: the file is in the upper layer of an overlayfs.
pub const UPPER_LAYER: u8 = crate::exec::UPPER_LAYER;
/// `Record::file_flags`: the file is in a lower layer of an overlayfs.
pub const LOWER_LAYER: u8 = crate::exec::LOWER_LAYER;
/// `Record::file_flags`: this call made the file.
pub const CREATED: u8 = 16;

/// An open call that returned. What describes the file is zero on failure.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Record {
    /// Who did it.
    pub header: Header,
    /// The new descriptor, or a negative errno.
    pub result: i64,
    /// `O_*` as given.
    pub flags: u64,
    /// `RESOLVE_*` as given to openat2.
    pub resolve: u64,
    /// The file's inode number.
    pub ino: u64,
    /// The file's device, major << 20 | minor.
    pub dev: u32,
    /// The creation mode as given.
    pub mode: u32,
    /// The directory descriptor as given; `AT_FDCWD` for open and creat.
    pub dirfd: i32,
    /// The file's type and permission bits.
    pub file_mode: u16,
    /// `CALL_*`.
    pub call: u8,
    /// `UPPER_LAYER | LOWER_LAYER | CREATED`.
    pub file_flags: u8,
    /// Length of the first text: the path as given.
    pub name_len: u16,
    /// Length of the second text: the directory a relative path starts from.
    pub base_len: u16,
    /// Length of the third text: the file's path.
    pub real_path_len: u16,
    /// Always zero.
    pub reserved: u16,
}

const _: () = assert!(size_of::<Record>() == 128);

#[cfg(target_arch = "bpf")]
mod program {
    use aya_ebpf::{macros::tracepoint, programs::TracePointContext};

    use super::{CALL_CREAT, CALL_OPEN, CALL_OPENAT, CALL_OPENAT2, CREATED, Record};
    use crate::{
        Kind,
        kernel::{
            file::File,
            path, peek_user,
            syscall::{self, Registers},
            task::Task,
        },
        maps::Draft,
    };

    const AT_FDCWD: i32 = -100;

    /// `O_CREAT | O_WRONLY | O_TRUNC`: what creat means by itself.
    const CREAT_FLAGS: u64 = 0o1101;

    /// `file.f_mode`: the open made the file.
    const FMODE_CREATED: u32 = 0x10_0000;

    /// The arguments, whichever call they were given to.
    struct Arguments {
        call: u8,
        dirfd: i32,
        name: u64,
        flags: u64,
        mode: u64,
        resolve: u64,
    }

    /// open(name, flags, mode)
    #[tracepoint]
    pub(crate) fn sys_exit_open(ctx: TracePointContext) -> u32 {
        record(&ctx, |registers| Arguments {
            call: CALL_OPEN,
            dirfd: AT_FDCWD,
            name: registers.arg0(),
            flags: registers.arg1(),
            mode: registers.arg2(),
            resolve: 0,
        })
    }

    /// creat(name, mode)
    #[tracepoint]
    pub(crate) fn sys_exit_creat(ctx: TracePointContext) -> u32 {
        record(&ctx, |registers| Arguments {
            call: CALL_CREAT,
            dirfd: AT_FDCWD,
            name: registers.arg0(),
            flags: CREAT_FLAGS,
            mode: registers.arg1(),
            resolve: 0,
        })
    }

    /// openat(dirfd, name, flags, mode)
    #[tracepoint]
    pub(crate) fn sys_exit_openat(ctx: TracePointContext) -> u32 {
        record(&ctx, |registers| Arguments {
            call: CALL_OPENAT,
            dirfd: registers.arg0() as i32,
            name: registers.arg1(),
            flags: registers.arg2(),
            mode: registers.arg3(),
            resolve: 0,
        })
    }

    /// openat2(dirfd, name, struct open_how { flags, mode, resolve }, size)
    #[tracepoint]
    pub(crate) fn sys_exit_openat2(ctx: TracePointContext) -> u32 {
        record(&ctx, |registers| {
            let [flags, mode, resolve] = peek_user::<[u64; 3]>(registers.arg2());
            Arguments {
                call: CALL_OPENAT2,
                dirfd: registers.arg0() as i32,
                name: registers.arg1(),
                flags,
                mode,
                resolve,
            }
        })
    }

    #[inline(always)]
    fn record(ctx: &TracePointContext, arguments: impl FnOnce(Registers) -> Arguments) -> u32 {
        let Some(mut draft) = Draft::<Record>::begin(Kind::Open) else {
            return 0;
        };
        let task = Task::current();
        let result = syscall::result(ctx);
        let given = arguments(Registers::current());
        draft.header(task);
        let record = draft.fixed();
        record.call = given.call;
        record.result = result;
        // The int arguments of the other calls leave the upper half undefined.
        let mask = if given.call == CALL_OPENAT2 {
            u64::MAX
        } else {
            u64::from(u32::MAX)
        };
        record.flags = given.flags & mask;
        record.mode = given.mode as u32;
        record.resolve = given.resolve;
        record.dirfd = given.dirfd;
        names(&mut draft, task, &given);
        if result >= 0 {
            opened(&mut draft, task.file(result as u32));
        }
        draft.submit();
        0
    }

    /// The path as given, and what it starts from when it is relative.
    #[inline(always)]
    fn names(draft: &mut Draft<Record>, task: Task, given: &Arguments) {
        let name_len = draft.user_string(given.name);
        draft.fixed().name_len = name_len;
        if name_len == 0 || draft.first_text_byte() == b'/' {
            return;
        }
        let base = if given.dirfd == AT_FDCWD {
            task.cwd()
        } else {
            task.file(given.dirfd as u32).path()
        };
        draft.fixed().base_len = path::path(draft, base);
    }

    #[inline(always)]
    fn opened(draft: &mut Draft<Record>, file: File) {
        let inode = file.inode();
        let record = draft.fixed();
        record.ino = inode.number();
        record.dev = inode.device();
        record.file_mode = inode.mode();
        record.file_flags = inode.layer();
        if file.mode() & FMODE_CREATED != 0 {
            record.file_flags |= CREATED;
        }
        draft.fixed().real_path_len = path::path(draft, file.path());
    }
}
