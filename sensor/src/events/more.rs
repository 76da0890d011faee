//! Calls that the rule language knows by name only and that rules of ours ask
//! more of: attributes and times of files, keys, mounts, kernels to start.
//!
//! Parameters stand as in the tables of the language: the result, then the
//! arguments in the kernel's order. What is no parameter there is none here.

use super::Category::{File, Other, Process, Signal};
use super::Kind::{
    Buffer, Enum, Errno, Fd, Flags, Hex, Mode, Path, Pid, RelativePath, SignalNumber, Signed, Text,
    Unsigned,
};
use super::{EventType, From, Param, call, p};

const RES: Param = p("res", Errno).from(From::Result);
const PATH: Param = p("path", Path).from(From::Arg(0));
const DIRFD: Param = p("dirfd", Fd).from(From::Arg(0));
const PATH_AT: Param = p("path", RelativePath).from(From::Under { at: 1, dir: 0 });

/// Sets an attribute of the file at a path.
const SETXATTR: &[Param] = &[
    RES,
    PATH,
    p("name", Text).from(From::Arg(1)),
    p("value", Buffer).from(From::Memory { at: 2, len: 3 }),
    p("size", Unsigned(64)).from(From::Arg(3)),
    p("flags", Flags(32)).from(From::Arg(4)),
];
const REMOVEXATTR: &[Param] = &[RES, PATH, p("name", Text).from(From::Arg(1))];

/// Access and modification time in seconds, from a pair of `timeval`s or
/// `timespec`s; missing when the caller asks for the present.
const fn seconds(name: &'static str, at: u8, offset: u8) -> Param {
    p(name, Signed(64)).from(From::Word {
        at,
        offset,
        width: 8,
    })
}

/// The rows.
pub(super) const ROWS: &[EventType] = &[
    call("setxattr", File, SETXATTR),
    call("lsetxattr", File, SETXATTR),
    call(
        "fsetxattr",
        File,
        &[
            RES,
            p("fd", Fd).from(From::Descriptor(0)),
            p("name", Text).from(From::Arg(1)),
            p("value", Buffer).from(From::Memory { at: 2, len: 3 }),
            p("size", Unsigned(64)).from(From::Arg(3)),
            p("flags", Flags(32)).from(From::Arg(4)),
        ],
    ),
    call("removexattr", File, REMOVEXATTR),
    call("lremovexattr", File, REMOVEXATTR),
    call(
        "fremovexattr",
        File,
        &[
            RES,
            p("fd", Fd).from(From::Descriptor(0)),
            p("name", Text).from(From::Arg(1)),
        ],
    ),
    call(
        "utime",
        File,
        &[RES, PATH, seconds("atime", 1, 0), seconds("mtime", 1, 8)],
    ),
    call(
        "utimes",
        File,
        &[RES, PATH, seconds("atime", 1, 0), seconds("mtime", 1, 16)],
    ),
    call(
        "futimesat",
        File,
        &[
            RES,
            DIRFD,
            PATH_AT,
            seconds("atime", 2, 0),
            seconds("mtime", 2, 16),
        ],
    ),
    // A null path means the descriptor itself.
    call(
        "utimensat",
        File,
        &[
            RES,
            DIRFD,
            PATH_AT,
            seconds("atime", 2, 0),
            seconds("mtime", 2, 16),
            p("flags", Flags(32)).from(From::Arg(3)),
        ],
    ),
    call(
        "fchmodat2",
        File,
        &[
            RES,
            DIRFD,
            p("filename", RelativePath).from(From::Under { at: 1, dir: 0 }),
            p("mode", Mode).from(From::Arg(2)),
            p("flags", Flags(32)).from(From::Arg(3)),
        ],
    ),
    call(
        "truncate",
        File,
        &[RES, PATH, p("length", Unsigned(64)).from(From::Arg(1))],
    ),
    call(
        "ftruncate",
        File,
        &[
            RES,
            p("fd", Fd).from(From::Descriptor(0)),
            p("length", Unsigned(64)).from(From::Arg(1)),
        ],
    ),
    call("acct", File, &[RES, PATH]),
    call("swapoff", File, &[RES, PATH]),
    call(
        "pivot_root",
        File,
        &[
            RES,
            p("new_root", Path).from(From::Arg(0)),
            p("put_old", Path).from(From::Arg(1)),
        ],
    ),
    call(
        "open_tree",
        File,
        &[
            p("res", Fd).from(From::Result),
            DIRFD,
            PATH_AT,
            p("flags", Flags(32)).from(From::Arg(2)),
        ],
    ),
    call(
        "move_mount",
        File,
        &[
            RES,
            p("olddirfd", Fd).from(From::Arg(0)),
            p("oldpath", RelativePath).from(From::Under { at: 1, dir: 0 }),
            p("newdirfd", Fd).from(From::Arg(2)),
            p("newpath", RelativePath).from(From::Under { at: 3, dir: 2 }),
            p("flags", Flags(32)).from(From::Arg(4)),
        ],
    ),
    call(
        "mount_setattr",
        File,
        &[
            RES,
            DIRFD,
            PATH_AT,
            p("flags", Flags(32)).from(From::Arg(2)),
            p("attr_set", Unsigned(64)).from(From::Word {
                at: 3,
                offset: 0,
                width: 8,
            }),
            p("attr_clr", Unsigned(64)).from(From::Word {
                at: 3,
                offset: 8,
                width: 8,
            }),
        ],
    ),
    call(
        "add_key",
        Process,
        &[
            RES,
            p("type", Text).from(From::Arg(0)),
            p("description", Text).from(From::Arg(1)),
            p("size", Unsigned(64)).from(From::Arg(3)),
            p("keyring", Signed(32)).from(From::Arg(4)),
        ],
    ),
    call(
        "request_key",
        Process,
        &[
            RES,
            p("type", Text).from(From::Arg(0)),
            p("description", Text).from(From::Arg(1)),
            p("callout", Text).from(From::Arg(2)),
            p("keyring", Signed(32)).from(From::Arg(3)),
        ],
    ),
    call(
        "keyctl",
        Process,
        &[
            RES,
            p("operation", Enum(32)).from(From::Arg(0)),
            p("key", Signed(32)).from(From::Arg(1)),
        ],
    ),
    call(
        "personality",
        Process,
        &[RES, p("persona", Hex(32)).from(From::Arg(0))],
    ),
    call(
        "pidfd_send_signal",
        Signal,
        &[
            RES,
            p("pidfd", Fd).from(From::Descriptor(0)),
            p("sig", SignalNumber).from(From::Arg(1)),
            p("flags", Flags(32)).from(From::Arg(3)),
        ],
    ),
    call(
        "perf_event_open",
        Other,
        &[
            p("res", Fd).from(From::Result),
            p("type", Enum(32)).from(From::Word {
                at: 0,
                offset: 0,
                width: 4,
            }),
            p("pid", Pid).from(From::Arg(1)),
            p("cpu", Signed(32)).from(From::Arg(2)),
            p("group_fd", Signed(32)).from(From::Arg(3)),
            p("flags", Flags(64)).from(From::Arg(4)),
        ],
    ),
    call(
        "syslog",
        Other,
        &[RES, p("action", Enum(32)).from(From::Arg(0))],
    ),
    call(
        "kexec_load",
        Other,
        &[
            RES,
            p("nr_segments", Unsigned(64)).from(From::Arg(1)),
            p("flags", Flags(64)).from(From::Arg(3)),
        ],
    ),
    call(
        "kexec_file_load",
        Other,
        &[
            RES,
            p("kernel_fd", Fd).from(From::Descriptor(0)),
            p("initrd_fd", Signed(32)).from(From::Arg(1)),
            p("cmdline", Text).from(From::Arg(3)),
            p("flags", Flags(64)).from(From::Arg(4)),
        ],
    ),
];
