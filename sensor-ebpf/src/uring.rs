//! uring: an operation given to `io_uring` was done.
//!
//! What the operation names is read when the request was submitted, from the
//! kernel's own copy of paths and addresses; a record begun then waits in a map
//! until the request completes, and leaves with the result and what the
//! descriptors are. The header is the submitter's; the time that of completion.
//!
//! A request that asked for no completion on success leaves at once, with the
//! result 0. So that a full completion queue hides nothing without a trace, each
//! completion that found it full is counted as lost.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Header, call::ARGUMENTS};

/// An operation. Behind it stand sections as behind [`crate::call::Record`],
/// of the arguments of the system call that does the same.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Record {
    /// Who submitted it.
    pub header: Header,
    /// What the completion says: not negative, or a negated errno.
    pub result: i64,
    /// The arguments, as the call that does the same takes them. Of openat2 the
    /// members of `struct open_how` are the third, fourth and fifth.
    pub args: [u64; ARGUMENTS],
    /// `IOSQE_*` flags of the request.
    pub flags: u8,
    /// `IORING_OP_*`.
    pub opcode: u8,
    /// How many sections follow.
    pub sections: u8,
    /// Always zero.
    pub reserved: [u8; 5],
}

const _: () = assert!(size_of::<Record>() == 136);

/// Stands for no system call.
pub const NO_CALL: u16 = u16::MAX;

/// One operation of `io_uring`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Its name, without `IORING_OP_`, in small letters.
    pub name: &'static str,
    /// The 64-bit number of the call that does the same, or [`NO_CALL`].
    pub call: u16,
}

const fn op(name: &'static str, call: u16) -> Operation {
    Operation { name, call }
}

/// The operations by their numbers. What a call does too, but whose arguments are
/// not read, stands without one.
pub const OPERATIONS: [Operation; 63] = [
    op("nop", NO_CALL),
    op("readv", 19),
    op("writev", 20),
    op("fsync", 74),
    op("read_fixed", 0),
    op("write_fixed", 1),
    op("poll_add", NO_CALL),
    op("poll_remove", NO_CALL),
    op("sync_file_range", NO_CALL),
    op("sendmsg", 46),
    op("recvmsg", 47),
    op("timeout", NO_CALL),
    op("timeout_remove", NO_CALL),
    op("accept", 288),
    op("async_cancel", NO_CALL),
    op("link_timeout", NO_CALL),
    op("connect", 42),
    op("fallocate", NO_CALL),
    op("openat", 257),
    op("close", 3),
    op("files_update", NO_CALL),
    op("statx", NO_CALL),
    op("read", 0),
    op("write", 1),
    op("fadvise", NO_CALL),
    op("madvise", NO_CALL),
    op("send", 44),
    op("recv", 45),
    op("openat2", 437),
    op("epoll_ctl", NO_CALL),
    op("splice", 275),
    op("provide_buffers", NO_CALL),
    op("remove_buffers", NO_CALL),
    op("tee", NO_CALL),
    op("shutdown", 48),
    op("renameat", 316),
    op("unlinkat", 263),
    op("mkdirat", 258),
    op("symlinkat", 266),
    op("linkat", 265),
    op("msg_ring", NO_CALL),
    op("fsetxattr", 190),
    op("setxattr", 188),
    op("fgetxattr", NO_CALL),
    op("getxattr", NO_CALL),
    op("socket", 41),
    op("uring_cmd", NO_CALL),
    op("send_zc", 44),
    op("sendmsg_zc", 46),
    op("read_multishot", 0),
    op("waitid", NO_CALL),
    op("futex_wait", NO_CALL),
    op("futex_wake", NO_CALL),
    op("futex_waitv", NO_CALL),
    op("fixed_fd_install", NO_CALL),
    op("ftruncate", 77),
    op("bind", 49),
    op("listen", 50),
    op("recv_zc", 45),
    op("epoll_wait", NO_CALL),
    op("readv_fixed", 19),
    op("writev_fixed", 20),
    op("pipe", NO_CALL),
];

/// The operations that do what calls of the set do, and with `others` those that
/// do what no call does: one bit each.
pub fn operations_of(calls: &crate::call::CallSet, others: bool) -> u64 {
    let wanted = |op: &Operation| match op.call {
        NO_CALL => others,
        call => calls.contains(call),
    };
    let numbered = (0..).zip(&OPERATIONS);
    numbered.fold(0, |set, (number, op)| {
        set | u64::from(wanted(op)) << (number & 63)
    })
}

#[cfg(target_arch = "bpf")]
mod program {
    use aya_ebpf::{
        macros::{map, raw_tracepoint},
        maps::{Array, HashMap},
        programs::RawTracePointContext,
    };

    use super::Record;
    use crate::{
        Kind, VIA_URING,
        call::{RESULT, SECTION_ADDRESS, SECTION_BASE, SECTION_BYTES, SECTION_TEXT},
        connect::{AF_INET, AF_INET6, AF_UNIX},
        kernel::{field, file::File, offset, path, task::Task},
        maps::{self, Draft},
        offsets::MISSING,
    };

    /// Bytes of a record of an operation on names: four texts have room.
    const NAMED_BYTES: usize = 17 * 1024;
    /// Bytes of any other while it waits: an address, or the beginning of data.
    const PLAIN_BYTES: usize = 512;

    /// Requests on names under way, by their address.
    #[map]
    static URING_NAMED: HashMap<u64, [u8; NAMED_BYTES]> = HashMap::with_max_entries(256, 0);

    /// Other requests under way.
    #[map]
    static URING_PLAIN: HashMap<u64, [u8; PLAIN_BYTES]> = HashMap::with_max_entries(4096, 0);

    /// Of requests under way that may complete more than once, which they are: by their
    /// ring and the caller's word, because that is all their completions but the last
    /// name. Of two with the same word it is the later.
    #[map]
    static URING_AGAIN: HashMap<[u64; 2], u64> = HashMap::with_max_entries(1024, 0);

    /// The operations somebody wants, one bit each; the loader sets it.
    #[map]
    static URING_WANTED: Array<u64> = Array::with_max_entries(1, 0);

    const AT_FDCWD: i32 = -100;

    /// `IOSQE_*`, which are the lowest bits of a request's flags too: the descriptor
    /// is a place in a table of the ring; success leaves no completion.
    const IOSQE_FIXED_FILE: u8 = 1;
    const IOSQE_CQE_SKIP_SUCCESS: u8 = 1 << 6;

    /// Data of the caller told, as much as waits with the rest; and no more than of
    /// calls.
    const DATA_MAX: u64 = 256;
    /// The longest socket address.
    const ADDRESS_MAX: u64 = 128;

    // The operations of which more than the descriptor is read.
    const POLL_ADD: u8 = 6;
    const SENDMSG: u8 = 9;
    const RECVMSG: u8 = 10;
    const ACCEPT: u8 = 13;
    const CONNECT: u8 = 16;
    const OPENAT: u8 = 18;
    const CLOSE: u8 = 19;
    const READ: u8 = 22;
    const WRITE: u8 = 23;
    const SEND: u8 = 26;
    const RECV: u8 = 27;
    const OPENAT2: u8 = 28;
    const SPLICE: u8 = 30;
    const RENAMEAT: u8 = 35;
    const UNLINKAT: u8 = 36;
    const MKDIRAT: u8 = 37;
    const SYMLINKAT: u8 = 38;
    const LINKAT: u8 = 39;
    const FSETXATTR: u8 = 41;
    const SETXATTR: u8 = 42;
    const SOCKET: u8 = 45;
    const SEND_ZC: u8 = 47;
    const READ_MULTISHOT: u8 = 49;
    const FTRUNCATE: u8 = 55;
    const BIND: u8 = 56;
    const LISTEN: u8 = 57;

    /// A `struct io_kiocb` by its address. What the operation has of its own
    /// begins where the request does.
    #[derive(Clone, Copy)]
    struct Request(u64);

    impl Request {
        #[inline(always)]
        fn opcode(self) -> u8 {
            field(self.0, offset!(uring_opcode))
        }

        #[inline(always)]
        fn flags(self) -> u8 {
            field(self.0, offset!(uring_flags))
        }

        /// What it works on; there once it was issued.
        #[inline(always)]
        fn file(self) -> File {
            File(field(self.0, offset!(uring_file)))
        }

        #[inline(always)]
        fn int(self, offset: u32) -> i32 {
            field(self.0, offset)
        }

        #[inline(always)]
        fn word(self, offset: u32) -> u64 {
            field(self.0, offset)
        }

        /// What completions besides the last name it by.
        #[inline(always)]
        fn again(self) -> [u64; 2] {
            [
                self.word(offset!(uring_ctx)),
                self.word(offset!(uring_user_data)),
            ]
        }

        /// The text of a `struct filename` it has.
        #[inline(always)]
        fn name(self, offset: u32) -> u64 {
            field(self.word(offset), offset!(filename_name))
        }
    }

    /// `io_uring_submit_req(struct io_kiocb *req)`, since 6.3: the request is
    /// complete and will be issued next.
    #[raw_tracepoint]
    pub(crate) fn io_uring_submit_req(ctx: RawTracePointContext) -> i32 {
        submitted(Request(ctx.arg::<u64>(0)))
    }

    /// `io_uring_submit_sqe(struct io_kiocb *req, bool force_nonblock)` before that;
    /// before 6.0 with the ring in front. The count has a hidden first parameter.
    #[raw_tracepoint]
    pub(crate) fn io_uring_submit_sqe(ctx: RawTracePointContext) -> i32 {
        match offset!(uring_submit_arguments) {
            3 => submitted(Request(ctx.arg::<u64>(0))),
            8 => submitted(Request(ctx.arg::<u64>(1))),
            _ => 0,
        }
    }

    #[inline(always)]
    fn submitted(request: Request) -> i32 {
        let opcode = request.opcode();
        let wanted = URING_WANTED.get(0).copied().unwrap_or(0);
        if wanted >> (opcode & 63) & 1 == 0 {
            return 0;
        }
        let Some(mut draft) = Draft::<Record>::prepare(Kind::Uring) else {
            return 0;
        };
        draft.header(Task::current());
        let record = draft.fixed();
        record.header.via = VIA_URING;
        record.opcode = opcode;
        record.flags = request.flags();
        record.args[0] = u64::from(request.int(offset!(uring_fd)) as u32);
        if is_named(opcode) {
            named(&mut draft, request, opcode);
        } else {
            plain(&mut draft, request, opcode);
        }
        if request.flags() & IOSQE_CQE_SKIP_SUCCESS != 0 {
            draft.count_attempt();
            draft.submit();
            return 0;
        }
        let bytes = draft.keep();
        let kept = if is_named(opcode) {
            URING_NAMED.insert(request.0, maps::at(bytes), 0)
        } else {
            if is_repeatable(opcode) {
                let _full = URING_AGAIN.insert(&request.again(), &request.0, 0);
            }
            URING_PLAIN.insert(request.0, maps::at(bytes), 0)
        };
        draft.put_away(kept.is_ok());
        0
    }

    #[inline(always)]
    fn is_named(opcode: u8) -> bool {
        opcode == OPENAT
            || opcode == OPENAT2
            || (opcode >= RENAMEAT && opcode <= LINKAT)
            || opcode == SETXATTR
            || opcode == FSETXATTR
    }

    /// Whether a request may ask to complete more than once.
    #[inline(always)]
    fn is_repeatable(opcode: u8) -> bool {
        matches!(opcode, POLL_ADD | RECVMSG | ACCEPT | RECV | READ_MULTISHOT)
    }

    /// Arguments and texts of the operations on names.
    #[inline(always)]
    fn named(draft: &mut Draft<Record>, request: Request, opcode: u8) {
        let args = &mut draft.fixed().args;
        match opcode {
            OPENAT | OPENAT2 => {
                let how = offset!(uring_open_how);
                let [flags, mode, resolve]: [u64; 3] = field(request.0, how);
                let dir = request.int(offset!(uring_open_dfd));
                (args[0], args[2]) = (dir as u32 as u64, flags);
                (args[3], args[4]) = (mode, resolve);
                let name = request.name(offset!(uring_open_name));
                draft_name(draft, 1, name, dir);
            }
            UNLINKAT => {
                let dir = request.int(offset!(uring_unlink_dfd));
                let flags = request.int(offset!(uring_unlink_flags));
                (args[0], args[2]) = (dir as u32 as u64, flags as u32 as u64);
                draft_name(draft, 1, request.name(offset!(uring_unlink_name)), dir);
            }
            MKDIRAT => {
                let dir = request.int(offset!(uring_mkdir_dfd));
                let mode: u16 = field(request.0, offset!(uring_mkdir_mode));
                (args[0], args[2]) = (dir as u32 as u64, u64::from(mode));
                draft_name(draft, 1, request.name(offset!(uring_mkdir_name)), dir);
            }
            SYMLINKAT => {
                let dir = request.int(offset!(uring_link_new_dfd));
                (args[0], args[1]) = (0, dir as u32 as u64);
                let target = request.name(offset!(uring_link_old));
                text(draft, 0, target);
                draft_name(draft, 2, request.name(offset!(uring_link_new)), dir);
            }
            SETXATTR | FSETXATTR => {
                args[3] = request.word(offset!(uring_xattr_size));
                if opcode == SETXATTR {
                    draft_name(draft, 0, request.name(offset!(uring_xattr_file)), AT_FDCWD);
                }
                text(draft, 1, request.word(offset!(uring_xattr_name)));
            }
            LINKAT => {
                let from = request.int(offset!(uring_link_old_dfd));
                let to = request.int(offset!(uring_link_new_dfd));
                let flags = request.int(offset!(uring_link_flags));
                (args[0], args[2]) = (from as u32 as u64, to as u32 as u64);
                args[4] = flags as u32 as u64;
                draft_name(draft, 1, request.name(offset!(uring_link_old)), from);
                draft_name(draft, 3, request.name(offset!(uring_link_new)), to);
            }
            _ => {
                let from = request.int(offset!(uring_rename_old_dfd));
                let to = request.int(offset!(uring_rename_new_dfd));
                let flags = request.int(offset!(uring_rename_flags));
                (args[0], args[2]) = (from as u32 as u64, to as u32 as u64);
                args[4] = flags as u32 as u64;
                draft_name(draft, 1, request.name(offset!(uring_rename_old)), from);
                draft_name(draft, 3, request.name(offset!(uring_rename_new)), to);
            }
        }
    }

    #[inline(always)]
    fn text(draft: &mut Draft<Record>, arg: u8, name: u64) {
        let written = draft.section(SECTION_TEXT, arg, 0, |draft| draft.kernel_string(name));
        draft.fixed().sections += written;
    }

    /// A name, and where it starts when it is relative.
    #[inline(always)]
    fn draft_name(draft: &mut Draft<Record>, arg: u8, name: u64, dir: i32) {
        text(draft, arg, name);
        let first: u8 = crate::kernel::peek(name);
        if first == b'/' {
            return;
        }
        let task = Task::current();
        let base = if dir == AT_FDCWD {
            task.cwd()
        } else {
            task.file(dir as u32).path()
        };
        let written = draft.section(SECTION_BASE, arg, 0, |draft| path::path(draft, base));
        draft.fixed().sections += written;
    }

    /// Arguments and memory of the others.
    #[inline(always)]
    fn plain(draft: &mut Draft<Record>, request: Request, opcode: u8) {
        let args = &mut draft.fixed().args;
        match opcode {
            CONNECT => {
                let address = request.word(offset!(uring_connect_addr));
                let len = request.int(offset!(uring_connect_len)) as u32;
                (args[1], args[2]) = (address, u64::from(len));
                self::address(draft, request, address, u64::from(len));
            }
            SEND | SEND_ZC | RECV => {
                let data = request.word(offset!(uring_sr_buf));
                let len = request.int(offset!(uring_sr_len)) as u32;
                (args[1], args[2]) = (data, u64::from(len));
                if opcode != RECV {
                    bytes(draft, data, u64::from(len));
                }
            }
            SENDMSG | RECVMSG => args[1] = request.word(offset!(uring_sr_buf)),
            READ | WRITE => {
                let data = request.word(offset!(uring_rw_addr));
                let len = request.int(offset!(uring_rw_len)) as u32;
                (args[1], args[2]) = (data, u64::from(len));
                if opcode == WRITE {
                    bytes(draft, data, u64::from(len));
                }
            }
            SOCKET => {
                args[0] = request.int(offset!(uring_socket_domain)) as u32 as u64;
                args[1] = request.int(offset!(uring_socket_type)) as u32 as u64;
                args[2] = request.int(offset!(uring_socket_protocol)) as u32 as u64;
            }
            SPLICE => {
                args[0] = request.int(offset!(uring_splice_in)) as u32 as u64;
                args[2] = request.int(offset!(uring_fd)) as u32 as u64;
                args[4] = request.word(offset!(uring_splice_len));
                args[5] = request.int(offset!(uring_splice_flags)) as u32 as u64;
            }
            BIND => {
                let len = request.int(offset!(uring_bind_len)) as u32;
                args[2] = u64::from(len);
                address(draft, request, 0, u64::from(len));
            }
            LISTEN => args[1] = request.int(offset!(uring_listen_backlog)) as u32 as u64,
            CLOSE => args[0] = request.int(offset!(uring_close_fd)) as u32 as u64,
            FTRUNCATE => args[1] = request.word(offset!(uring_ftruncate_len)),
            _ => {}
        }
    }

    /// The beginning of the caller's data.
    #[inline(always)]
    fn bytes(draft: &mut Draft<Record>, address: u64, len: u64) {
        let (end, full) = (
            address + len.min(DATA_MAX).min(maps::snap_bytes() as u64),
            len as u32,
        );
        let written = draft.section(SECTION_BYTES, 1, full, |draft| {
            draft.user_range(address, end)
        });
        draft.fixed().sections += written;
    }

    /// Where in the data of a request its address is copied to: at the beginning, or
    /// among a message's parts, of which the first is a pointer and no such family.
    #[inline(always)]
    fn copied_at(copy: u64) -> u32 {
        match crate::kernel::peek::<u16>(copy) {
            AF_UNIX | AF_INET | AF_INET6 => 0,
            _ => offset!(uring_async_address),
        }
    }

    /// The address to connect to: the kernel's copy where there is one already.
    #[inline(always)]
    fn address(draft: &mut Draft<Record>, request: Request, address: u64, len: u64) {
        let len = len.min(ADDRESS_MAX);
        let copy: u64 = request.word(offset!(uring_async));
        let in_copy = copied_at(copy);
        let begin = draft.len();
        let written = draft.section(SECTION_ADDRESS, 1, len as u32, |draft| {
            if copy != 0 && in_copy != MISSING {
                draft.kernel_bytes(copy + u64::from(in_copy), len as usize)
            } else {
                draft.user_range(address, address + len)
            }
        });
        draft.fixed().sections += written;
        // Behind the section's head and the family: an abstract name.
        if len > 3 && draft.family_at(begin + 8) == AF_UNIX {
            draft.show_nul(begin + 10);
        }
    }

    /// `io_uring_complete(void *ctx, void *req, struct io_uring_cqe *cqe)`; before
    /// 6.12 `(void *ctx, void *req, u64 user_data, int res, …)`. In whoever's
    /// context the request ends. Without a request it is one of several completions of
    /// one that goes on.
    #[raw_tracepoint]
    pub(crate) fn io_uring_complete(ctx: RawTracePointContext) -> i32 {
        let mut request = Request(ctx.arg::<u64>(1));
        let (word, result): (u64, i32) = match offset!(uring_complete_arguments) {
            4 => {
                let [word, result]: [u64; 2] = crate::kernel::peek(ctx.arg::<u64>(2));
                (word, result as i32)
            }
            8 => (ctx.arg::<u64>(2), ctx.arg::<u64>(3) as i32),
            _ => return 0,
        };
        let goes_on = request.0 == 0;
        if goes_on {
            let again = URING_AGAIN.get_ptr(&[ctx.arg::<u64>(0), word]);
            request = Request(again.map_or(0, |request| crate::kernel::peek(request as u64)));
        }
        if let Some(kept) = URING_NAMED.get_ptr(&request.0) {
            completed(kept as u64, NAMED_BYTES, request, result);
            let _ = URING_NAMED.remove(&request.0);
        } else if let Some(kept) = URING_PLAIN.get_ptr(&request.0) {
            completed(kept as u64, PLAIN_BYTES, request, result);
            if !goes_on {
                if is_repeatable(request.opcode()) {
                    forget(request);
                }
                let _ = URING_PLAIN.remove(&request.0);
            }
        }
        0
    }

    /// The last completion of a request that might have had more.
    #[inline(always)]
    fn forget(request: Request) {
        let key = request.again();
        let named = URING_AGAIN.get_ptr(&key);
        let named: u64 = named.map_or(0, |request| crate::kernel::peek(request as u64));
        if named == request.0 {
            let _ = URING_AGAIN.remove(&key);
        }
    }

    /// Takes the waiting record, and adds what there is to know now.
    #[inline(always)]
    fn completed(kept: u64, size: usize, request: Request, result: i32) {
        let Some(mut draft) = Draft::<Record>::begin(Kind::Uring) else {
            return;
        };
        draft.restore(kept, size);
        let record = draft.fixed();
        record.result = i64::from(result);
        let opcode = record.opcode;
        let (buffer, submitter) = (record.args[1], record.header.tgid);
        let ours = Task::current().tgid() == submitter;
        if opcode == OPENAT || opcode == OPENAT2 || opcode == ACCEPT || opcode == SOCKET {
            // A place in the ring's own table is no descriptor of the process.
            if ours && result > 0 {
                let file = Task::current().file(result as u32);
                describe(&mut draft, RESULT, file, result);
            }
        }
        let has_own = opcode == SOCKET || opcode == CLOSE || opcode == SPLICE;
        if (!is_named(opcode) || opcode == FSETXATTR) && !has_own {
            let record = draft.fixed();
            let file = request.file();
            // Of an operation without a file the number is that of an earlier one.
            if file.0 == 0 || record.flags & IOSQE_FIXED_FILE != 0 {
                record.args[0] = u64::from(u32::MAX);
            }
            let number = record.args[0] as i32;
            describe(&mut draft, 0, file, number);
        }
        if ours && result > 0 && (opcode == READ || opcode == RECV) {
            bytes(&mut draft, buffer, result as u64);
        }
        // Whoever's context this is, its status is not the submitter's.
        draft.submit_bare();
    }

    #[inline(always)]
    fn describe(draft: &mut Draft<Record>, arg: u8, file: File, number: i32) {
        if file.0 != 0 {
            let written = crate::kernel::descriptor::section(draft, arg, file, number);
            draft.fixed().sections += written;
        }
    }

    /// `io_uring_cqe_overflow(…)`: a completion found no room in the queue. Which
    /// request it was of is not told.
    #[raw_tracepoint]
    pub(crate) fn io_uring_cqe_overflow(_ctx: RawTracePointContext) -> i32 {
        maps::count_unreadable(Kind::Uring);
        0
    }
}
