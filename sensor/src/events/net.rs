//! Calls on sockets.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use super::Category::{IoRead, IoWrite, Net};
use super::Kind::{Address, Buffer, Dynamic, Enum, Errno, Fd, Flags, Hex, Signed, Tuple, Unsigned};
use super::{EventType, call, p};

/// The rows.
pub(super) const ROWS: &[EventType] = &[
    call(
        "connect",
        Net,
        &[
            p("res", Errno),
            p("tuple", Tuple),
            p("fd", Fd),
            p("addr", Address),
        ],
    )
    .captured(),
    call(
        "socket",
        Net,
        &[
            p("fd", Fd),
            p("domain", Enum(32)),
            p("type", Unsigned(32)),
            p("proto", Unsigned(32)),
            p("flags", Flags(32)),
        ],
    ),
    call(
        "bind",
        Net,
        &[p("res", Errno), p("addr", Address), p("fd", Fd)],
    ),
    call(
        "listen",
        Net,
        &[p("res", Errno), p("fd", Fd), p("backlog", Signed(32))],
    ),
    call(
        "sendto",
        IoWrite,
        &[
            p("res", Errno),
            p("data", Buffer),
            p("fd", Fd),
            p("size", Unsigned(32)),
            p("tuple", Tuple),
        ],
    ),
    call(
        "recvfrom",
        IoRead,
        &[
            p("res", Errno),
            p("data", Buffer),
            p("tuple", Tuple),
            p("fd", Fd),
            p("size", Unsigned(32)),
        ],
    ),
    call(
        "socketpair",
        Net,
        &[
            p("res", Errno),
            p("fd1", Fd),
            p("fd2", Fd),
            p("source", Hex(64)),
            p("peer", Hex(64)),
            p("domain", Enum(32)),
            p("type", Unsigned(32)),
            p("proto", Unsigned(32)),
        ],
    ),
    call(
        "sendmsg",
        IoWrite,
        &[
            p("res", Errno),
            p("data", Buffer),
            p("fd", Fd),
            p("size", Unsigned(32)),
            p("tuple", Tuple),
        ],
    ),
    call(
        "sendmmsg",
        IoWrite,
        &[
            p("res", Errno),
            p("fd", Fd),
            p("size", Unsigned(32)),
            p("data", Buffer),
            p("tuple", Tuple),
        ],
    ),
    call(
        "recvmsg",
        IoRead,
        &[
            p("res", Errno),
            p("size", Unsigned(32)),
            p("data", Buffer),
            p("tuple", Tuple),
            p("msgcontrol", Buffer),
            p("fd", Fd),
        ],
    ),
    call(
        "recvmmsg",
        IoRead,
        &[
            p("res", Errno),
            p("fd", Fd),
            p("size", Unsigned(32)),
            p("data", Buffer),
            p("tuple", Tuple),
            p("msgcontrol", Buffer),
        ],
    ),
    call(
        "accept",
        Net,
        &[
            p("fd", Fd),
            p("tuple", Tuple),
            p("queuepct", Unsigned(8)),
            p("queuelen", Unsigned(32)),
            p("queuemax", Unsigned(32)),
        ],
    ),
    call(
        "accept4",
        Net,
        &[
            p("fd", Fd),
            p("tuple", Tuple),
            p("queuepct", Unsigned(8)),
            p("queuelen", Unsigned(32)),
            p("queuemax", Unsigned(32)),
            p("flags", Signed(32)),
        ],
    ),
    call(
        "send",
        IoWrite,
        &[
            p("res", Errno),
            p("data", Buffer),
            p("fd", Fd),
            p("size", Unsigned(32)),
            p("tuple", Tuple),
        ],
    ),
    call(
        "recv",
        IoRead,
        &[
            p("res", Errno),
            p("data", Buffer),
            p("fd", Fd),
            p("size", Unsigned(32)),
            p("tuple", Tuple),
        ],
    ),
    call(
        "shutdown",
        Net,
        &[p("res", Errno), p("fd", Fd), p("how", Enum(8))],
    ),
    call(
        "getsockopt",
        Net,
        &[
            p("res", Errno),
            p("fd", Fd),
            p("level", Enum(8)),
            p("optname", Enum(8)),
            p("val", Dynamic),
            p("optlen", Unsigned(32)),
        ],
    ),
    call(
        "setsockopt",
        Net,
        &[
            p("res", Errno),
            p("fd", Fd),
            p("level", Enum(8)),
            p("optname", Enum(8)),
            p("val", Dynamic),
            p("optlen", Unsigned(32)),
        ],
    ),
];
