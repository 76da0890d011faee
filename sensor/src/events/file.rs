//! Calls that make descriptors or ask about files.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use sensor_ebpf::call::RESULT;

use super::Category::{File, IoOther, Ipc, Memory, Process, Signal, Time};
use super::Kind::{
    Enum, Errno, Fd, Flags, Hex, Mode, Octal, Path, Pid, RelativePath, Signed, Unsigned,
};
use super::{
    EventType, From, Of, Param, RES, arg, call, dir, fd, made, p, param_from, path, text, under,
    word, words,
};

/// What eventfd and eventfd2 make.
const INITVAL: Param = arg("initval", Unsigned(64), 0);

/// The rows.
pub(super) const ROWS: &[EventType] = &[
    call(
        "open",
        File,
        &[
            p("fd", Fd),
            p("name", Path),
            p("flags", Flags(32)),
            p("mode", Octal(32)),
            p("dev", Hex(32)),
            p("ino", Unsigned(64)),
        ],
    ),
    call(
        "openat",
        File,
        &[
            p("fd", Fd),
            p("dirfd", Fd),
            p("name", RelativePath),
            p("flags", Flags(32)),
            p("mode", Octal(32)),
            p("dev", Hex(32)),
            p("ino", Unsigned(64)),
        ],
    ),
    call(
        "openat2",
        File,
        &[
            p("fd", Fd),
            p("dirfd", Fd),
            p("name", RelativePath),
            p("flags", Flags(32)),
            p("mode", Octal(32)),
            p("resolve", Flags(32)),
            p("dev", Hex(32)),
            p("ino", Unsigned(64)),
        ],
    ),
    call(
        "creat",
        File,
        &[
            p("fd", Fd),
            p("name", Path),
            p("mode", Octal(32)),
            p("dev", Hex(32)),
            p("ino", Unsigned(64)),
            p("creat_flags", Flags(16)),
        ],
    ),
    call(
        "open_by_handle_at",
        File,
        &[
            made("fd"),
            fd("mountfd", 0),
            arg("flags", Flags(32), 2),
            param_from("path", Path, From::Of(RESULT, Of::Path)),
            param_from("dev", Hex(32), From::Of(RESULT, Of::Dev)),
            param_from("ino", Unsigned(64), From::Of(RESULT, Of::Ino)),
        ],
    ),
    call(
        "name_to_handle_at",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("pathname", 1, 0),
            arg("flags", Flags(32), 4).words(words::AT),
        ],
    ),
    call("close", IoOther, &[RES, fd("fd", 0)]),
    call(
        "close_range",
        IoOther,
        &[
            RES,
            arg("first", Unsigned(32), 0),
            arg("last", Unsigned(32), 1),
            arg("flags", Flags(32), 2).words(words::CLOSE_RANGE),
        ],
    ),
    call("dup", IoOther, &[made("res"), fd("oldfd", 0)]),
    call(
        "dup2",
        IoOther,
        &[made("res"), fd("oldfd", 0), arg("newfd", Fd, 1)],
    ),
    call(
        "dup3",
        IoOther,
        &[
            made("res"),
            fd("oldfd", 0),
            arg("newfd", Fd, 1),
            arg("flags", Flags(32), 2).words(words::OPEN),
        ],
    ),
    call(
        "fcntl",
        IoOther,
        &[
            made("res"),
            fd("fd", 0),
            arg("cmd", Enum(32), 1).words(words::FCNTL),
            arg("arg", Unsigned(64), 2),
        ],
    ),
    call(
        "ioctl",
        IoOther,
        &[
            RES,
            fd("fd", 0),
            arg("request", Unsigned(64), 1),
            arg("argument", Unsigned(64), 2),
        ],
    ),
    call(
        "flock",
        File,
        &[
            RES,
            fd("fd", 0),
            arg("operation", Flags(32), 1).words(words::FLOCK),
        ],
    ),
    call("pipe", Ipc, PIPE),
    call("pipe2", Ipc, PIPE2),
    call(
        "memfd_create",
        Memory,
        &[
            made("fd"),
            text("name", 0),
            arg("flags", Flags(32), 1).words(words::MEMFD),
        ],
    ),
    call(
        "memfd_secret",
        Memory,
        &[made("res"), arg("flags", Flags(32), 0).words(words::OPEN)],
    ),
    call(
        "userfaultfd",
        Memory,
        &[
            param_from("res", Errno, From::Descriptor(RESULT)),
            arg("flags", Flags(32), 0).words(words::OPEN),
        ],
    ),
    call(
        "eventfd",
        Ipc,
        &[made("res"), INITVAL, p("flags", Unsigned(32))],
    ),
    call(
        "eventfd2",
        Ipc,
        &[
            made("res"),
            arg("flags", Flags(32), 1).words(words::EVENTFD),
            INITVAL,
        ],
    ),
    call(
        "timerfd_create",
        Time,
        &[
            made("res"),
            arg("clockid", Enum(32), 0).words(words::CLOCKS),
            arg("flags", Flags(32), 1).words(words::OPEN),
        ],
    ),
    call("inotify_init", Ipc, &[made("res"), p("flags", Unsigned(8))]),
    call(
        "inotify_init1",
        Ipc,
        &[made("res"), arg("flags", Flags(32), 0).words(words::OPEN)],
    ),
    call(
        "inotify_add_watch",
        File,
        &[
            RES,
            fd("fd", 0),
            path("pathname", 1),
            arg("mask", Hex(32), 2),
        ],
    ),
    call(
        "fanotify_init",
        File,
        &[
            made("res"),
            arg("flags", Flags(32), 0).words(words::FANOTIFY),
            arg("event_f_flags", Flags(32), 1).words(words::OPEN),
        ],
    ),
    call(
        "fanotify_mark",
        File,
        &[
            RES,
            fd("fanotify_fd", 0),
            arg("flags", Hex(32), 1),
            arg("mask", Hex(64), 2),
            dir("dirfd", 3),
            under("pathname", 4, 3),
        ],
    ),
    call(
        "signalfd",
        Signal,
        &[
            made("res"),
            arg("fd", Fd, 0),
            word("mask", Unsigned(32), 1, 0),
            p("flags", Flags(8)),
        ],
    ),
    call(
        "signalfd4",
        Signal,
        &[
            made("res"),
            arg("flags", Flags(32), 3).words(words::OPEN),
            arg("fd", Fd, 0),
            word("mask", Unsigned(32), 1, 0),
        ],
    ),
    call(
        "epoll_create",
        File,
        &[
            param_from("res", Errno, From::Descriptor(RESULT)),
            arg("size", Signed(32), 0),
        ],
    ),
    call(
        "epoll_create1",
        File,
        &[
            param_from("res", Errno, From::Descriptor(RESULT)),
            arg("flags", Flags(32), 0).words(words::OPEN),
        ],
    ),
    call(
        "epoll_ctl",
        File,
        &[
            RES,
            fd("epfd", 0),
            arg("op", Enum(32), 1).words(words::EPOLL_CTL),
            arg("fd", Fd, 2),
        ],
    ),
    call(
        "pidfd_open",
        Process,
        &[
            made("res"),
            arg("pid", Pid, 0),
            arg("flags", Flags(32), 1).words(words::PIDFD),
        ],
    ),
    call(
        "pidfd_getfd",
        Process,
        &[
            made("res"),
            fd("pid_fd", 0),
            arg("target_fd", Fd, 1),
            arg("flags", Unsigned(32), 2),
        ],
    ),
    call(
        "lseek",
        File,
        &[
            RES,
            fd("fd", 0),
            arg("offset", Unsigned(64), 1),
            arg("whence", Enum(8), 2).words(words::SEEK),
        ],
    ),
    call(
        "access",
        File,
        &[
            RES,
            path("name", 0),
            arg("mode", Flags(32), 1).words(words::ACCESS),
        ],
    ),
    call(
        "faccessat",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("pathname", 1, 0),
            arg("mode", Flags(32), 2).words(words::ACCESS),
        ],
    ),
    call(
        "faccessat2",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("pathname", 1, 0),
            arg("mode", Flags(32), 2).words(words::ACCESS),
            arg("flags", Flags(32), 3).words(words::ACCESS_AT),
        ],
    ),
    call("stat", File, &[RES, path("path", 0)]),
    call("lstat", File, &[RES, path("path", 0)]),
    call("fstat", File, &[RES, fd("fd", 0)]),
    call(
        "newfstatat",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("path", 1, 0),
            arg("flags", Flags(32), 3).words(words::AT),
        ],
    ),
    call(
        "statx",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("pathname", 1, 0),
            arg("flags", Flags(32), 2).words(words::AT),
            arg("mask", Hex(32), 3),
        ],
    ),
    call("statfs", File, &[RES, path("path", 0)]),
    call("fstatfs", File, &[RES, fd("fd", 0)]),
    call("readlink", File, &[RES, path("pathname", 0)]),
    call(
        "readlinkat",
        File,
        &[RES, dir("dirfd", 0), under("pathname", 1, 0)],
    ),
    call("getdents", File, &[RES, fd("fd", 0)]),
    call("getdents64", File, &[RES, fd("fd", 0)]),
    call("getcwd", File, &[RES, text("path", 0)]),
    call(
        "mq_open",
        Ipc,
        &[
            made("res"),
            text("name", 0),
            arg("oflag", Flags(32), 1).words(words::OPEN),
            arg("mode", Mode, 2),
        ],
    ),
    call("mq_unlink", Ipc, &[RES, text("name", 0)]),
];

const PIPE: &[Param] = &[
    RES,
    param_from("fd1", Fd, From::DescriptorAt(0)),
    word("fd2", Fd, 0, 4),
    param_from("ino", Unsigned(64), From::Of(0, Of::Ino)),
];

const PIPE2: &[Param] = &[
    RES,
    param_from("fd1", Fd, From::DescriptorAt(0)),
    word("fd2", Fd, 0, 4),
    param_from("ino", Unsigned(64), From::Of(0, Of::Ino)),
    arg("flags", Flags(32), 1).words(words::OPEN),
];
