//! Calls on mounts, and on what lies under file systems: swap, quotas.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use super::Category::{File, Other, User};
use super::Kind::{Buffer, Enum, Flags, Hex, Path, Signed, Text, Unsigned};
use super::{
    EventType, From, Param, RES, arg, call, dir, fd, made, p, param_from, path, text, under, word,
    words,
};

/// The rows.
pub(super) const ROWS: &[EventType] = &[
    call(
        "mount",
        File,
        &[
            RES,
            text("dev", 0),
            path("dir", 1),
            text("type", 2),
            arg("flags", Flags(32), 3).words(words::MOUNT),
        ],
    ),
    // The one of 32-bit programs without flags.
    call("umount", File, &[RES, path("name", 0)]),
    call(
        "umount2",
        File,
        &[
            RES,
            path("name", 0),
            arg("flags", Flags(32), 1).words(words::UMOUNT),
        ],
    ),
    call(
        "pivot_root",
        File,
        &[RES, path("new_root", 0), path("put_old", 1)],
    ),
    call(
        "fsopen",
        File,
        &[
            made("res"),
            text("fsname", 0),
            arg("flags", Flags(32), 1).words(words::FSOPEN),
        ],
    ),
    call(
        "fspick",
        File,
        &[
            made("res"),
            dir("dirfd", 0),
            under("path", 1, 0),
            arg("flags", Flags(32), 2).words(words::FSPICK),
        ],
    ),
    call(
        "fsconfig",
        Other,
        &[
            RES,
            fd("fd", 0),
            arg("cmd", Enum(32), 1).words(words::FSCONFIG),
            text("key", 2),
            p("value_bytebuf", Buffer),
            // What it is depends on the command; a text where it is one.
            param_from("value_charbuf", Text, From::Text(3)),
            arg("aux", Signed(32), 4),
        ],
    ),
    call(
        "fsmount",
        File,
        &[
            made("res"),
            fd("fsfd", 0),
            arg("flags", Flags(32), 1).words(words::FSOPEN),
            arg("attr_flags", Flags(32), 2).words(words::MOUNT_ATTR),
        ],
    ),
    call(
        "open_tree",
        File,
        &[
            made("res"),
            dir("dirfd", 0),
            under("path", 1, 0),
            arg("flags", Flags(32), 2).words(words::OPEN_TREE),
        ],
    ),
    call(
        "open_tree_attr",
        File,
        &[
            made("res"),
            dir("dirfd", 0),
            under("path", 1, 0),
            arg("flags", Flags(32), 2).words(words::OPEN_TREE),
            word("attr_set", Flags(64), 3, 0).words(words::MOUNT_ATTR),
            word("attr_clr", Flags(64), 3, 8).words(words::MOUNT_ATTR),
        ],
    ),
    call(
        "move_mount",
        File,
        &[
            RES,
            dir("olddirfd", 0),
            under("oldpath", 1, 0),
            dir("newdirfd", 2),
            under("newpath", 3, 2),
            arg("flags", Flags(32), 4).words(words::MOVE_MOUNT),
        ],
    ),
    call(
        "mount_setattr",
        File,
        &[
            RES,
            dir("dirfd", 0),
            under("path", 1, 0),
            arg("flags", Flags(32), 2).words(words::OPEN_TREE),
            word("attr_set", Flags(64), 3, 0).words(words::MOUNT_ATTR),
            word("attr_clr", Flags(64), 3, 8).words(words::MOUNT_ATTR),
        ],
    ),
    call(
        "swapon",
        File,
        &[RES, path("path", 0), arg("swapflags", Hex(32), 1)],
    ),
    call("swapoff", File, &[RES, path("path", 0)]),
    call("quotactl", User, QUOTACTL),
    call(
        "quotactl_fd",
        User,
        &[
            RES,
            fd("fd", 0),
            quota_command(1),
            quota_type(1),
            arg("id", Unsigned(32), 2),
        ],
    ),
];

/// The command of quotactl stands above the type it is about.
const fn quota_command(at: u8) -> Param {
    let from = From::Bits {
        at,
        shift: 8,
        mask: 0xff_ffff,
    };
    param_from("cmd", Flags(32), from).words(words::QUOTA)
}

const fn quota_type(at: u8) -> Param {
    let from = From::Bits {
        at,
        shift: 0,
        mask: 0xff,
    };
    param_from("type", Flags(8), from).words(words::QUOTA_TYPE)
}

const QUOTACTL: &[Param] = &[
    RES,
    param_from("special", Path, From::Text(1)),
    // What the address is depends on the command; a text where it is one.
    param_from("quotafilepath", Path, From::Text(3)),
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
    quota_command(0),
    quota_type(0),
    arg("id", Unsigned(32), 2),
    p("quota_fmt", Flags(8)),
];
