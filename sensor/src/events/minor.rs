//! Calls that report parameters and that hardly a rule asks for: waiting,
//! limits, semaphores, identities read and not changed.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use super::Category::{Ipc, Other, Process, Time, User};
use super::Kind::{Dynamic, Enum, Errno, Flags, Gid, Hex, Octal, Pid, Signed, Uid, Unsigned};
use super::{EventType, From, Param, RES, arg, call, fd, long, param_from, result, word, words};

/// A span of time in an argument, in nanoseconds.
const fn span(name: &'static str, at: u8) -> Param {
    let from = From::Clock {
        at,
        offset: 0,
        unit_ns: 1,
    };
    param_from(name, Unsigned(64), from)
}

const fn resource(at: u8) -> Param {
    arg("resource", Enum(8), at).words(words::RLIMIT)
}

/// The rows.
pub(super) const ROWS: &[EventType] = &[
    call(
        "futex",
        Ipc,
        &[
            RES,
            arg("addr", Hex(64), 0),
            arg("op", Enum(16), 1).words(words::FUTEX),
            arg("val", Unsigned(64), 2),
        ],
    ),
    call("epoll_wait", Other, &[RES, arg("maxevents", Errno, 2)]),
    call("poll", Other, &[RES, POLLED, arg("timeout", Signed(64), 2)]),
    call(
        "ppoll",
        Other,
        &[
            RES,
            POLLED,
            span("timeout", 2),
            word("sigmask", Unsigned(32), 3, 0),
        ],
    ),
    call("select", Other, &[RES]),
    call("nanosleep", Time, &[RES, span("interval", 0)]),
    call(
        "getrlimit",
        Process,
        &[
            RES,
            long("cur", Signed(64), 1, 0),
            long("max", Signed(64), 1, 8),
            resource(0),
        ],
    ),
    call("prlimit", Process, PRLIMIT),
    call("prlimit64", Process, PRLIMIT),
    call(
        "semop",
        Process,
        &[
            RES,
            arg("nsops", Unsigned(32), 2),
            word("sem_num_0", Unsigned(16), 1, 0),
            word("sem_op_0", Signed(16), 1, 2),
            word("sem_flg_0", Flags(16), 1, 4).words(words::SEMOP),
            word("sem_num_1", Unsigned(16), 1, 6),
            word("sem_op_1", Signed(16), 1, 8),
            word("sem_flg_1", Flags(16), 1, 10).words(words::SEMOP),
            arg("semid", Signed(32), 0),
        ],
    ),
    call(
        "semctl",
        Process,
        &[
            RES,
            arg("semid", Signed(32), 0),
            arg("semnum", Signed(32), 1),
            arg("cmd", Enum(16), 2).words(words::IPC),
            arg("val", Signed(32), 3),
        ],
    ),
    call(
        "semget",
        Process,
        &[
            RES,
            arg("key", Hex(32), 0),
            arg("nsems", Signed(32), 1),
            arg("semflg", Octal(32), 2),
        ],
    ),
    call("getuid", User, &[result("uid", Uid)]),
    call("geteuid", User, &[result("euid", Uid)]),
    call("getgid", User, &[result("gid", Gid)]),
    call("getegid", User, &[result("egid", Gid)]),
    call(
        "getresuid",
        User,
        &[
            RES,
            word("ruid", Uid, 0, 0),
            word("euid", Uid, 1, 0),
            word("suid", Uid, 2, 0),
        ],
    ),
    call(
        "getresgid",
        User,
        &[
            RES,
            word("rgid", Gid, 0, 0),
            word("egid", Gid, 1, 0),
            word("sgid", Gid, 2, 0),
        ],
    ),
    call("fsync", super::Category::File, &[RES, fd("fd", 0)]),
    call("fdatasync", super::Category::File, &[RES, fd("fd", 0)]),
];

const POLLED: Param = param_from("fds", Dynamic, From::Polled { at: 0, len: 1 });

const PRLIMIT: &[Param] = &[
    RES,
    word("newcur", Signed(64), 2, 0),
    word("newmax", Signed(64), 2, 8),
    word("oldcur", Signed(64), 3, 0),
    word("oldmax", Signed(64), 3, 8),
    arg("pid", Pid, 0),
    resource(1),
];
