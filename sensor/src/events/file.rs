//! Calls on files: opening, reading and writing, names, modes, mounts.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use super::Category::{File, IoOther, IoRead, IoWrite, Ipc, Memory, Time};
use super::Kind::{
    Buffer, Enum, Errno, Fd, Flags, Hex, Mode, Octal, Path, RelativePath, Text, Unsigned,
};
use super::{EventType, From, call, p};

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
    )
    .captured(),
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
    )
    .captured(),
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
    )
    .captured(),
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
    )
    .captured(),
    call("close", IoOther, &[p("res", Errno), p("fd", Fd)]),
    call(
        "pipe",
        Ipc,
        &[
            p("res", Errno),
            p("fd1", Fd),
            p("fd2", Fd),
            p("ino", Unsigned(64)),
        ],
    ),
    call("chdir", File, &[p("res", Errno), p("path", Text)]),
    call("fchdir", File, &[p("res", Errno), p("fd", Fd)]),
    call(
        "fcntl",
        IoOther,
        &[
            p("res", Fd),
            p("fd", Fd),
            p("cmd", Enum(8)),
            p("arg", Unsigned(64)),
        ],
    ),
    call(
        "rename",
        File,
        &[
            p("res", Errno).from(From::Result),
            p("oldpath", Path).from(From::Arg(0)),
            p("newpath", Path).from(From::Arg(1)),
        ],
    ),
    call(
        "renameat",
        File,
        &[
            p("res", Errno),
            p("olddirfd", Fd),
            p("oldpath", RelativePath),
            p("newdirfd", Fd),
            p("newpath", RelativePath),
        ],
    ),
    call(
        "symlink",
        File,
        &[p("res", Errno), p("target", Text), p("linkpath", Path)],
    ),
    call(
        "symlinkat",
        File,
        &[
            p("res", Errno),
            p("target", Text),
            p("linkdirfd", Fd),
            p("linkpath", RelativePath),
        ],
    ),
    call(
        "close_range",
        IoOther,
        &[
            p("res", Errno),
            p("first", Unsigned(32)),
            p("last", Unsigned(32)),
            p("flags", Flags(32)),
        ],
    ),
    call(
        "mount",
        File,
        &[
            p("res", Errno),
            p("dev", Text),
            p("dir", Path),
            p("type", Text),
            p("flags", Flags(32)),
        ],
    ),
    call("chroot", File, &[p("res", Errno), p("path", Path)]),
    call(
        "mkdir",
        File,
        &[p("res", Errno), p("path", Path), p("mode", Octal(32))],
    ),
    call("rmdir", File, &[p("res", Errno), p("path", Path)]),
    call("unlink", File, &[p("res", Errno), p("path", Path)]),
    call(
        "unlinkat",
        File,
        &[
            p("res", Errno),
            p("dirfd", Fd),
            p("name", RelativePath),
            p("flags", Flags(32)),
        ],
    ),
    call(
        "mkdirat",
        File,
        &[
            p("res", Errno),
            p("dirfd", Fd),
            p("path", RelativePath),
            p("mode", Octal(32)),
        ],
    ),
    call(
        "link",
        File,
        &[p("res", Errno), p("oldpath", Path), p("newpath", Path)],
    ),
    call(
        "linkat",
        File,
        &[
            p("res", Errno),
            p("olddir", Fd),
            p("oldpath", RelativePath),
            p("newdir", Fd),
            p("newpath", RelativePath),
            p("flags", Flags(32)),
        ],
    ),
    call(
        "fchmodat",
        File,
        &[
            p("res", Errno),
            p("dirfd", Fd),
            p("filename", RelativePath),
            p("mode", Mode),
        ],
    ),
    call(
        "chmod",
        File,
        &[p("res", Errno), p("filename", Path), p("mode", Mode)],
    ),
    call(
        "fchmod",
        File,
        &[p("res", Errno), p("fd", Fd), p("mode", Mode)],
    ),
    call(
        "renameat2",
        File,
        &[
            p("res", Errno),
            p("olddirfd", Fd),
            p("oldpath", RelativePath),
            p("newdirfd", Fd),
            p("newpath", RelativePath),
            p("flags", Flags(32)),
        ],
    ),
    call(
        "userfaultfd",
        Memory,
        &[p("res", Errno), p("flags", Flags(32))],
    ),
    call(
        "open_by_handle_at",
        File,
        &[
            p("fd", Fd),
            p("mountfd", Fd),
            p("flags", Flags(32)),
            p("path", Path),
            p("dev", Hex(32)),
            p("ino", Unsigned(64)),
        ],
    ),
    call(
        "dup2",
        IoOther,
        &[p("res", Fd), p("oldfd", Fd), p("newfd", Fd)],
    ),
    call(
        "dup3",
        IoOther,
        &[
            p("res", Fd),
            p("oldfd", Fd),
            p("newfd", Fd),
            p("flags", Flags(32)),
        ],
    ),
    call("dup", IoOther, &[p("res", Fd), p("oldfd", Fd)]),
    call(
        "chown",
        File,
        &[
            p("res", Errno),
            p("path", Path),
            p("uid", Unsigned(32)),
            p("gid", Unsigned(32)),
        ],
    ),
    call(
        "lchown",
        File,
        &[
            p("res", Errno),
            p("path", Path),
            p("uid", Unsigned(32)),
            p("gid", Unsigned(32)),
        ],
    ),
    call(
        "fchown",
        File,
        &[
            p("res", Errno),
            p("fd", Fd),
            p("uid", Unsigned(32)),
            p("gid", Unsigned(32)),
        ],
    ),
    call(
        "fchownat",
        File,
        &[
            p("res", Errno),
            p("dirfd", Fd),
            p("pathname", RelativePath),
            p("uid", Unsigned(32)),
            p("gid", Unsigned(32)),
            p("flags", Flags(32)),
        ],
    ),
    call("umount", File, &[p("res", Errno), p("name", Path)]),
    call(
        "umount2",
        File,
        &[p("res", Errno), p("name", Path), p("flags", Flags(32))],
    ),
    call(
        "pipe2",
        Ipc,
        &[
            p("res", Errno),
            p("fd1", Fd),
            p("fd2", Fd),
            p("ino", Unsigned(64)),
            p("flags", Flags(32)),
        ],
    ),
    call(
        "memfd_create",
        Memory,
        &[p("fd", Fd), p("name", Text), p("flags", Flags(32))],
    ),
    call(
        "mknod",
        File,
        &[
            p("res", Errno),
            p("path", Path),
            p("mode", Mode),
            p("dev", Hex(32)),
        ],
    ),
    call(
        "mknodat",
        File,
        &[
            p("res", Errno),
            p("dirfd", Fd),
            p("path", RelativePath),
            p("mode", Mode),
            p("dev", Hex(32)),
        ],
    ),
    call(
        "read",
        IoRead,
        &[
            p("res", Errno),
            p("data", Buffer),
            p("fd", Fd),
            p("size", Unsigned(32)),
        ],
    ),
    call(
        "write",
        IoWrite,
        &[
            p("res", Errno),
            p("data", Buffer),
            p("fd", Fd),
            p("size", Unsigned(32)),
        ],
    ),
    call(
        "pread",
        IoRead,
        &[
            p("res", Errno),
            p("data", Buffer),
            p("fd", Fd),
            p("size", Unsigned(32)),
            p("pos", Unsigned(64)),
        ],
    ),
    call(
        "pwrite",
        IoWrite,
        &[
            p("res", Errno),
            p("data", Buffer),
            p("fd", Fd),
            p("size", Unsigned(32)),
            p("pos", Unsigned(64)),
        ],
    ),
    call(
        "readv",
        IoRead,
        &[
            p("res", Errno),
            p("size", Unsigned(32)),
            p("data", Buffer),
            p("fd", Fd),
        ],
    ),
    call(
        "writev",
        IoWrite,
        &[
            p("res", Errno),
            p("data", Buffer),
            p("fd", Fd),
            p("size", Unsigned(32)),
        ],
    ),
    call(
        "preadv",
        IoRead,
        &[
            p("res", Errno),
            p("size", Unsigned(32)),
            p("data", Buffer),
            p("fd", Fd),
            p("pos", Unsigned(64)),
        ],
    ),
    call(
        "pwritev",
        IoWrite,
        &[
            p("res", Errno),
            p("data", Buffer),
            p("fd", Fd),
            p("size", Unsigned(32)),
            p("pos", Unsigned(64)),
        ],
    ),
    call(
        "ioctl",
        IoOther,
        &[
            p("res", Errno),
            p("fd", Fd),
            p("request", Unsigned(64)),
            p("argument", Unsigned(64)),
        ],
    ),
    call(
        "access",
        File,
        &[p("res", Errno), p("name", Path), p("mode", Flags(32))],
    ),
    call("stat", File, &[p("res", Errno), p("path", Path)]),
    call("lstat", File, &[p("res", Errno), p("path", Path)]),
    call("fstat", File, &[p("res", Errno)]),
    call(
        "lseek",
        File,
        &[
            p("res", Errno),
            p("fd", Fd),
            p("offset", Unsigned(64)),
            p("whence", Enum(8)),
        ],
    ),
    call(
        "flock",
        File,
        &[p("res", Errno), p("fd", Fd), p("operation", Flags(32))],
    ),
    call(
        "sendfile",
        IoWrite,
        &[
            p("res", Errno),
            p("offset", Unsigned(64)),
            p("out_fd", Fd),
            p("in_fd", Fd),
            p("size", Unsigned(64)),
        ],
    ),
    call(
        "splice",
        IoWrite,
        &[
            p("res", Errno),
            p("fd_in", Fd),
            p("fd_out", Fd),
            p("size", Unsigned(64)),
            p("flags", Flags(32)),
        ],
    ),
    call(
        "eventfd",
        Ipc,
        &[
            p("res", Fd),
            p("initval", Unsigned(64)),
            p("flags", Unsigned(32)),
        ],
    ),
    call(
        "timerfd_create",
        Time,
        &[
            p("res", Fd),
            p("clockid", Unsigned(8)),
            p("flags", Unsigned(8)),
        ],
    ),
    call(
        "inotify_init",
        Ipc,
        &[p("res", Fd), p("flags", Unsigned(8))],
    ),
    call(
        "newfstatat",
        File,
        &[
            p("res", Errno),
            p("dirfd", Fd),
            p("path", RelativePath),
            p("flags", Flags(32)),
        ],
    ),
];
