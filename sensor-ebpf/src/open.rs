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
    use aya_ebpf::{
        macros::{raw_tracepoint, tracepoint},
        programs::{RawTracePointContext, TracePointContext},
    };

    use super::{CALL_CREAT, CALL_OPEN, CALL_OPENAT, CALL_OPENAT2, CREATED, Record};
    use crate::{
        Kind,
        kernel::{
            file::File,
            path, peek_user, syscall,
            task::Task,
            work::{self, Work},
        },
        maps::Draft,
    };

    /// The calls' numbers.
    const OPEN: u64 = 2;
    const CREAT: u64 = 85;
    const OPENAT2: u64 = 437;

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

    /// One of the calls' own tracepoints.
    #[tracepoint]
    pub(crate) fn sys_exit_open(ctx: TracePointContext) -> u32 {
        record(0, syscall::result(&ctx));
        syscall::PASS
    }

    /// The hook on every call.
    #[raw_tracepoint]
    pub(crate) fn all_open(ctx: RawTracePointContext) -> i32 {
        record(ctx.arg::<u64>(0), ctx.arg::<u64>(1) as i64);
        0
    }

    #[inline(always)]
    fn record(registers: u64, result: i64) {
        let Some(mut draft) = Draft::<Record>::begin(Kind::Open) else {
            return;
        };
        let task = Task::current();
        draft.header(task);
        if let Some(work) = work::begin::<Record>(draft.slot(), registers, result) {
            draft.entered(work.abi as u8);
            let given = arguments(work);
            write(&mut draft, task, result, &given);
        }
        draft.submit();
    }

    /// open(name, flags, mode), creat(name, mode), openat(dirfd, name, flags, mode),
    /// openat2(dirfd, name, struct open_how { flags, mode, resolve }, size)
    #[inline(always)]
    fn arguments(work: &Work) -> Arguments {
        let [a, b, c, d, ..] = work.args;
        let mut given = Arguments {
            call: CALL_OPENAT,
            dirfd: a as i32,
            name: b,
            flags: c,
            mode: d,
            resolve: 0,
        };
        match work.number {
            OPENAT2 => {
                given.call = CALL_OPENAT2;
                [given.flags, given.mode, given.resolve] = peek_user::<[u64; 3]>(c);
            }
            OPEN | CREAT => {
                let is_creat = work.number == CREAT;
                given.call = if is_creat { CALL_CREAT } else { CALL_OPEN };
                given.dirfd = AT_FDCWD;
                given.name = a;
                given.flags = if is_creat { CREAT_FLAGS } else { b };
                given.mode = if is_creat { b } else { c };
            }
            _ => {}
        }
        given
    }

    #[inline(always)]
    fn write(draft: &mut Draft<Record>, task: Task, result: i64, given: &Arguments) {
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
        names(draft, task, given);
        if result >= 0 {
            opened(draft, task.file(result as u32));
        }
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
