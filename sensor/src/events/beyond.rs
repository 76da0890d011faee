//! What no system call of its own tells: seen by other hooks of the kernel.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use super::Category::Other;
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
];
