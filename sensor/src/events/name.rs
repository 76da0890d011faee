//! Calls on the names, modes, owners, attributes and sizes of files.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use super::Category::File;
use super::Kind::{Flags, Hex, Mode, Octal, Signed, Time, Unsigned};
use super::{
    EventType, From, Param, RES, arg, bytes, call, dir, fd, long, param_from, path, text, under,
    words,
};

/// A time of a file, at an offset in the two an argument points to.
const fn time(name: &'static str, at: u8, offset: u8, unit_ns: u16) -> Param {
    param_from(
        name,
        Time,
        From::Clock {
            at,
            offset,
            unit_ns,
        },
    )
}

const fn owner(at: u8) -> Param {
    arg("uid", Unsigned(32), at)
}

const fn group(at: u8) -> Param {
    arg("gid", Unsigned(32), at)
}

const fn at_flags(at: u8) -> Param {
    arg("flags", Flags(32), at).words(words::AT)
}

/// The rows.
pub(super) const ROWS: &[EventType] = &[
    call(
        "rename",
        File,
        &[RES, path("oldpath", 0), path("newpath", 1)],
    ),
    call("renameat", File, RENAMEAT),
    call(
        "renameat2",
        File,
        &[
            RES,
            dir("olddirfd", 0),
            under("oldpath", 1, 0),
            dir("newdirfd", 2),
            under("newpath", 3, 2),
            arg("flags", Flags(32), 4).words(words::RENAME),
        ],
    ),
    call(
        "symlink",
        File,
        &[RES, text("target", 0), path("linkpath", 1)],
    ),
    call(
        "symlinkat",
        File,
        &[
            RES,
            text("target", 0),
            dir("linkdirfd", 1),
            under("linkpath", 2, 1),
        ],
    ),
    call("link", File, &[RES, path("oldpath", 0), path("newpath", 1)]),
    call(
        "linkat",
        File,
        &[
            RES,
            dir("olddir", 0),
            under("oldpath", 1, 0),
            dir("newdir", 2),
            under("newpath", 3, 2),
            arg("flags", Flags(32), 4).words(words::LINKAT),
        ],
    ),
    call(
        "mkdir",
        File,
        &[RES, path("path", 0), arg("mode", Octal(32), 1)],
    ),
    call(
        "mkdirat",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("path", 1, 0),
            arg("mode", Octal(32), 2),
        ],
    ),
    call("rmdir", File, &[RES, path("path", 0)]),
    call("unlink", File, &[RES, path("path", 0)]),
    call(
        "unlinkat",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("name", 1, 0),
            arg("flags", Flags(32), 2).words(words::UNLINKAT),
        ],
    ),
    call(
        "mknod",
        File,
        &[
            RES,
            path("path", 0),
            arg("mode", Mode, 1),
            arg("dev", Hex(32), 2),
        ],
    ),
    call(
        "mknodat",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("path", 1, 0),
            arg("mode", Mode, 2),
            arg("dev", Hex(32), 3),
        ],
    ),
    call(
        "chmod",
        File,
        &[RES, path("filename", 0), arg("mode", Mode, 1)],
    ),
    call("fchmod", File, &[RES, fd("fd", 0), arg("mode", Mode, 1)]),
    call(
        "fchmodat",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("filename", 1, 0),
            arg("mode", Mode, 2),
        ],
    ),
    call(
        "fchmodat2",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("filename", 1, 0),
            arg("mode", Mode, 2),
            at_flags(3),
        ],
    ),
    call("chown", File, &[RES, path("path", 0), owner(1), group(2)]),
    call("lchown", File, &[RES, path("path", 0), owner(1), group(2)]),
    call("fchown", File, &[RES, fd("fd", 0), owner(1), group(2)]),
    call(
        "fchownat",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("pathname", 1, 0),
            owner(2),
            group(3),
            at_flags(4),
        ],
    ),
    call("setxattr", File, SETXATTR),
    call("lsetxattr", File, SETXATTR),
    call(
        "fsetxattr",
        File,
        &[
            RES,
            fd("fd", 0),
            text("name", 1),
            bytes("value", 2, 3),
            arg("size", Unsigned(64), 3),
            arg("flags", Flags(32), 4).words(words::XATTR),
        ],
    ),
    call(
        "setxattrat",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("path", 1, 0),
            at_flags(2),
            text("name", 3),
        ],
    ),
    call("removexattr", File, XATTR),
    call("lremovexattr", File, XATTR),
    call("fremovexattr", File, &[RES, fd("fd", 0), text("name", 1)]),
    call("removexattrat", File, XATTRAT),
    call("getxattr", File, XATTR),
    call("lgetxattr", File, XATTR),
    call("fgetxattr", File, &[RES, fd("fd", 0), text("name", 1)]),
    call("getxattrat", File, XATTRAT),
    call("listxattr", File, &[RES, path("path", 0)]),
    call("llistxattr", File, &[RES, path("path", 0)]),
    call("flistxattr", File, &[RES, fd("fd", 0)]),
    call(
        "utime",
        File,
        &[
            RES,
            path("path", 0),
            // Whole seconds.
            long("atime", Signed(64), 1, 0),
            long("mtime", Signed(64), 1, 8),
        ],
    ),
    call(
        "utimes",
        File,
        &[
            RES,
            path("path", 0),
            time("atime", 1, 0, 1000),
            time("mtime", 1, 16, 1000),
        ],
    ),
    call(
        "futimesat",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("path", 1, 0),
            time("atime", 2, 0, 1000),
            time("mtime", 2, 16, 1000),
        ],
    ),
    call(
        "utimensat",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("path", 1, 0),
            time("atime", 2, 0, 1),
            time("mtime", 2, 16, 1),
            at_flags(3),
        ],
    ),
    call(
        "truncate",
        File,
        &[RES, path("path", 0), arg("length", Signed(64), 1)],
    ),
    call(
        "ftruncate",
        File,
        &[RES, fd("fd", 0), arg("length", Signed(64), 1)],
    ),
    call(
        "fallocate",
        File,
        &[
            RES,
            fd("fd", 0),
            arg("mode", Flags(32), 1).words(words::FALLOCATE),
            arg("offset", Signed(64), 2),
            arg("len", Signed(64), 3),
        ],
    ),
    call("chdir", File, &[RES, path("path", 0)]),
    call("fchdir", File, &[RES, fd("fd", 0)]),
    call("chroot", File, &[RES, path("path", 0)]),
    call("acct", File, &[RES, path("path", 0)]),
    call("uselib", File, &[RES, path("library", 0)]),
];

const RENAMEAT: &[Param] = &[
    RES,
    dir("olddirfd", 0),
    under("oldpath", 1, 0),
    dir("newdirfd", 2),
    under("newpath", 3, 2),
];

const SETXATTR: &[Param] = &[
    RES,
    path("path", 0),
    text("name", 1),
    bytes("value", 2, 3),
    arg("size", Unsigned(64), 3),
    arg("flags", Flags(32), 4).words(words::XATTR),
];

const XATTR: &[Param] = &[RES, path("path", 0), text("name", 1)];

const XATTRAT: &[Param] = &[
    RES,
    dir("dirfd", 0),
    under("path", 1, 0),
    at_flags(2),
    text("name", 3),
];
