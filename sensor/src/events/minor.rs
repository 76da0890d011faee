//! Calls that report parameters and that hardly a rule asks for: memory,
//! waiting, limits, semaphores, quotas, identities read and not changed.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use super::Category::{File, IoOther, Ipc, Memory, Other, Process, Signal, Time, User};
use super::Kind::{
    Buffer, Dynamic, Enum, Errno, Fd, Flags, Gid, Hex, Pid, Signed, Text, Uid, Unsigned,
};
use super::{EventType, Param, call, p};

const RES: Param = p("res", Errno);
const LOCK: &[Param] = &[RES, p("addr", Hex(64)), p("len", Unsigned(64))];

/// The rows.
pub(super) const ROWS: &[EventType] = &[
    call("mlock", Memory, LOCK),
    call("munlock", Memory, LOCK),
    call("mlockall", Memory, &[RES, p("flags", Flags(32))]),
    call("munlockall", Memory, &[RES]),
    call(
        "mlock2",
        Memory,
        &[
            RES,
            p("addr", Hex(64)),
            p("len", Unsigned(64)),
            p("flags", Flags(32)),
        ],
    ),
    call(
        "futex",
        Ipc,
        &[
            RES,
            p("addr", Hex(64)),
            p("op", Enum(16)),
            p("val", Unsigned(64)),
        ],
    ),
    call("epoll_wait", Other, &[RES, p("maxevents", Errno)]),
    call("epoll_create", Other, &[RES, p("size", Signed(32))]),
    call("epoll_create1", Other, &[RES, p("flags", Flags(32))]),
    call(
        "poll",
        Other,
        &[RES, p("fds", Dynamic), p("timeout", Signed(64))],
    ),
    call(
        "ppoll",
        Other,
        &[
            RES,
            p("fds", Dynamic),
            p("timeout", Unsigned(64)),
            p("sigmask", Unsigned(32)),
        ],
    ),
    call("select", Other, &[RES]),
    call("nanosleep", Time, &[RES, p("interval", Unsigned(64))]),
    call(
        "eventfd2",
        Ipc,
        &[
            p("res", Fd),
            p("flags", Flags(16)),
            p("initval", Unsigned(64)),
        ],
    ),
    call("inotify_init1", Ipc, &[p("res", Fd), p("flags", Flags(16))]),
    call(
        "signalfd",
        Signal,
        &[
            p("res", Fd),
            p("fd", Fd),
            p("mask", Unsigned(32)),
            p("flags", Flags(8)),
        ],
    ),
    call(
        "signalfd4",
        Signal,
        &[
            p("res", Fd),
            p("flags", Flags(16)),
            p("fd", Fd),
            p("mask", Unsigned(32)),
        ],
    ),
    call(
        "getrlimit",
        Process,
        &[
            RES,
            p("cur", Signed(64)),
            p("max", Signed(64)),
            p("resource", Enum(8)),
        ],
    ),
    call("prlimit", Process, PRLIMIT),
    call("prlimit64", Process, PRLIMIT),
    call(
        "semop",
        Process,
        &[
            RES,
            p("nsops", Unsigned(32)),
            p("sem_num_0", Unsigned(16)),
            p("sem_op_0", Signed(16)),
            p("sem_flg_0", Flags(16)),
            p("sem_num_1", Unsigned(16)),
            p("sem_op_1", Signed(16)),
            p("sem_flg_1", Flags(16)),
            p("semid", Signed(32)),
        ],
    ),
    call(
        "semctl",
        Process,
        &[
            RES,
            p("semid", Signed(32)),
            p("semnum", Signed(32)),
            p("cmd", Flags(16)),
            p("val", Signed(32)),
        ],
    ),
    call(
        "semget",
        Process,
        &[
            RES,
            p("key", Hex(32)),
            p("nsems", Signed(32)),
            p("semflg", Flags(32)),
        ],
    ),
    call(
        "quotactl",
        User,
        &[
            RES,
            p("special", Text),
            p("quotafilepath", Text),
            p("dqb_bhardlimit", Unsigned(64)),
            p("dqb_bsoftlimit", Unsigned(64)),
            p("dqb_curspace", Unsigned(64)),
            p("dqb_ihardlimit", Unsigned(64)),
            p("dqb_isoftlimit", Unsigned(64)),
            p("dqb_btime", Unsigned(64)),
            p("dqb_itime", Unsigned(64)),
            p("dqi_bgrace", Unsigned(64)),
            p("dqi_igrace", Unsigned(64)),
            p("dqi_flags", Flags(8)),
            p("quota_fmt_out", Flags(8)),
            p("cmd", Flags(16)),
            p("type", Flags(8)),
            p("id", Unsigned(32)),
            p("quota_fmt", Flags(8)),
        ],
    ),
    call("getuid", User, &[p("uid", Uid)]),
    call("geteuid", User, &[p("euid", Uid)]),
    call("getgid", User, &[p("gid", Gid)]),
    call("getegid", User, &[p("egid", Gid)]),
    call(
        "getresuid",
        User,
        &[RES, p("ruid", Uid), p("euid", Uid), p("suid", Uid)],
    ),
    call(
        "getresgid",
        User,
        &[RES, p("rgid", Gid), p("egid", Gid), p("sgid", Gid)],
    ),
    call("getcwd", File, &[RES, p("path", Text)]),
    call("getdents", File, &[RES, p("fd", Fd)]),
    call("getdents64", File, &[RES, p("fd", Fd)]),
    call(
        "copy_file_range",
        File,
        &[
            RES,
            p("fdout", Fd),
            p("offout", Unsigned(64)),
            p("fdin", Fd),
            p("offin", Unsigned(64)),
            p("len", Unsigned(64)),
        ],
    ),
    call(
        "fsconfig",
        Other,
        &[
            RES,
            p("fd", Fd),
            p("cmd", Enum(32)),
            p("key", Text),
            p("value_bytebuf", Buffer),
            p("value_charbuf", Text),
            p("aux", Signed(32)),
        ],
    ),
    call(
        "io_uring_setup",
        IoOther,
        &[
            RES,
            p("entries", Unsigned(32)),
            p("sq_entries", Unsigned(32)),
            p("cq_entries", Unsigned(32)),
            p("flags", Flags(32)),
            p("sq_thread_cpu", Unsigned(32)),
            p("sq_thread_idle", Unsigned(32)),
            p("features", Flags(32)),
        ],
    ),
    call(
        "io_uring_enter",
        IoOther,
        &[
            RES,
            p("fd", Fd),
            p("to_submit", Unsigned(32)),
            p("min_complete", Unsigned(32)),
            p("flags", Flags(32)),
            p("sig", Unsigned(32)),
        ],
    ),
    call(
        "io_uring_register",
        IoOther,
        &[
            RES,
            p("fd", Fd),
            p("opcode", Enum(16)),
            p("arg", Hex(64)),
            p("nr_args", Unsigned(32)),
        ],
    ),
];

const PRLIMIT: &[Param] = &[
    RES,
    p("newcur", Signed(64)),
    p("newmax", Signed(64)),
    p("oldcur", Signed(64)),
    p("oldmax", Signed(64)),
    p("pid", Pid),
    p("resource", Enum(8)),
];
