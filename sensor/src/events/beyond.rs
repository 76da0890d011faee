//! What no system call of its own tells: seen by other hooks of the kernel.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use super::Category::{Net, Other};
use super::Kind::{Errno, Fd, Flags, Text, Unsigned};
use super::{EventType, event, p, words};

/// The rows.
pub(super) const ROWS: &[EventType] = &[
    // Operations that system calls do too are told as those, with `evt.via`.
    event(
        "io_uring_op",
        Other,
        &[
            p("res", Errno),
            p("op", Text),
            p("opcode", Unsigned(8)),
            p("fd", Fd),
            p("flags", Flags(8)).words(words::IOSQE_FLAGS),
        ],
    )
    .told(),
    event(
        "dns",
        Net,
        &[
            p("what", Text),
            p("name", Text),
            p("type", Text),
            p("rcode", Text),
            p("answers", Text),
            p("client", Text),
            p("server", Text),
            p("proto", Text),
            p("id", Unsigned(16)),
        ],
    )
    .told(),
    event(
        "tls_hello",
        Net,
        &[
            p("name", Text),
            p("alpn", Text),
            p("client", Text),
            p("server", Text),
        ],
    )
    .told(),
    event(
        "connection_end",
        Net,
        &[
            p("client", Text),
            p("server", Text),
            p("side", Text),
            p("sent", Unsigned(64)),
            p("received", Unsigned(64)),
            p("duration", Unsigned(64)),
        ],
    )
    .told(),
    event(
        "argument_mismatch",
        Other,
        &[
            p("res", Errno),
            p("call", Text),
            p("arg", Text),
            p("differs", Text),
            p("entry", Text),
            p("exit", Text),
            p("kernel", Text),
        ],
    )
    .told(),
];
