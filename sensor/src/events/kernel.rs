//! Calls into the kernel itself and its memory management, and the events
//! that are no calls.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use super::Category::{Internal, Memory, Other, Plugin, Scheduler};
use super::Kind::{Buffer, Enum, Errno, Fd, Flags, Hex, Pid, Text, Unsigned};
use super::{EventType, call, event, p};

/// The rows.
pub(super) const ROWS: &[EventType] = &[
    call("bpf", Other, &[p("fd", Fd), p("cmd", Enum(32))]),
    call(
        "init_module",
        Other,
        &[
            p("res", Errno),
            p("img", Buffer),
            p("length", Unsigned(64)),
            p("uargs", Text),
        ],
    ),
    call(
        "finit_module",
        Other,
        &[
            p("res", Errno),
            p("fd", Fd),
            p("uargs", Text),
            p("flags", Flags(32)),
        ],
    ),
    call(
        "mmap",
        Memory,
        &[
            p("res", Errno),
            p("vm_size", Unsigned(32)),
            p("vm_rss", Unsigned(32)),
            p("vm_swap", Unsigned(32)),
            p("addr", Hex(64)),
            p("length", Unsigned(64)),
            p("prot", Flags(32)),
            p("flags", Flags(32)),
            p("fd", Fd),
            p("offset", Unsigned(64)),
        ],
    ),
    call(
        "munmap",
        Memory,
        &[
            p("res", Errno),
            p("vm_size", Unsigned(32)),
            p("vm_rss", Unsigned(32)),
            p("vm_swap", Unsigned(32)),
            p("addr", Hex(64)),
            p("length", Unsigned(64)),
        ],
    ),
    call(
        "mprotect",
        Memory,
        &[
            p("res", Errno),
            p("addr", Hex(64)),
            p("length", Unsigned(64)),
            p("prot", Flags(32)),
        ],
    ),
    call(
        "brk",
        Memory,
        &[
            p("res", Unsigned(64)),
            p("vm_size", Unsigned(32)),
            p("vm_rss", Unsigned(32)),
            p("vm_swap", Unsigned(32)),
            p("addr", Hex(64)),
        ],
    ),
    call(
        "delete_module",
        Other,
        &[p("res", Errno), p("name", Text), p("flags", Flags(32))],
    ),
    // What a rule may name although no system call stands behind it.
    event("switch", Scheduler, &[p("next", Pid)]),
    event(
        "page_fault",
        Memory,
        &[
            p("addr", Hex(64)),
            p("ip", Unsigned(64)),
            p("error", Flags(32)),
        ],
    ),
    event("drop", Internal, &[p("ratio", Unsigned(32))]),
    event("container", Internal, &[p("json", Text)]),
    event(
        "procinfo",
        Internal,
        &[p("cpu_usr", Unsigned(64)), p("cpu_sys", Unsigned(64))],
    ),
    event(
        "pluginevent",
        Plugin,
        &[p("plugin_id", Unsigned(32)), p("event_data", Buffer)],
    ),
    event(
        "asyncevent",
        Internal,
        &[
            p("plugin_id", Unsigned(32)),
            p("name", Text),
            p("data", Buffer),
        ],
    ),
];
