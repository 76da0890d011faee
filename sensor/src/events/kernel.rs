//! Calls into the kernel itself, and the events that are no calls.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use super::Category::{Internal, IoOther, Memory, Other, Plugin, Scheduler, Time};
use super::Kind::{self, Buffer, Enum, Flags, Hex, Pid, Signed, Text, Unsigned};
use super::{
    EventType, From, Param, RES, arg, bytes, call, event, fd, made, p, param_from, text, word,
    words,
};

/// A text with its length in another argument.
const fn counted_text(name: &'static str, at: u8, len: u8) -> Param {
    param_from(name, Text, From::Memory { at, len })
}

/// A time in an argument, in seconds and something smaller.
const fn clock(name: &'static str, at: u8, unit_ns: u16) -> Param {
    param_from(
        name,
        Kind::Time,
        From::Clock {
            at,
            offset: 0,
            unit_ns,
        },
    )
}

/// Something of `union bpf_attr`; where it stands depends on the command.
const fn of_attribute(name: &'static str, kind: Kind) -> Param {
    param_from(name, kind, From::Memory { at: 1, len: 2 })
}

/// The rows.
pub(super) const ROWS: &[EventType] = &[
    call(
        "bpf",
        Other,
        &[
            made("fd"),
            arg("cmd", Enum(32), 0).words(words::BPF),
            of_attribute("type", Enum(32)),
            of_attribute("name", Text),
        ],
    ),
    call(
        "init_module",
        Other,
        &[
            RES,
            bytes("img", 0, 1),
            arg("length", Unsigned(64), 1),
            text("uargs", 2),
        ],
    ),
    call(
        "finit_module",
        Other,
        &[
            RES,
            fd("fd", 0),
            text("uargs", 1),
            arg("flags", Flags(32), 2).words(words::MODULE_INIT),
        ],
    ),
    call(
        "delete_module",
        Other,
        &[
            RES,
            text("name", 0),
            arg("flags", Flags(32), 1).words(words::OPEN),
        ],
    ),
    call(
        "kexec_load",
        Other,
        &[
            RES,
            arg("entry", Hex(64), 0),
            arg("nr_segments", Unsigned(64), 1),
            arg("flags", Flags(64), 3).words(words::KEXEC),
        ],
    ),
    call(
        "kexec_file_load",
        Other,
        &[
            RES,
            fd("kernel_fd", 0),
            fd("initrd_fd", 1),
            counted_text("cmdline", 3, 2),
            arg("flags", Flags(64), 4).words(words::KEXEC_FILE),
        ],
    ),
    call(
        "reboot",
        Other,
        &[
            RES,
            arg("magic", Hex(32), 0),
            arg("magic2", Hex(32), 1),
            arg("op", Enum(32), 2).words(words::REBOOT),
        ],
    ),
    call(
        "syslog",
        Other,
        &[
            RES,
            arg("action", Enum(32), 0).words(words::SYSLOG),
            arg("len", Signed(32), 2),
        ],
    ),
    call("sethostname", Other, &[RES, counted_text("name", 0, 1)]),
    call("setdomainname", Other, &[RES, counted_text("name", 0, 1)]),
    call("settimeofday", Time, &[RES, clock("tv", 0, 1000)]),
    call(
        "clock_settime",
        Time,
        &[
            RES,
            arg("clockid", Enum(32), 0).words(words::CLOCKS),
            clock("tp", 1, 1),
        ],
    ),
    call("iopl", Other, &[RES, arg("level", Unsigned(32), 0)]),
    call(
        "ioperm",
        Other,
        &[
            RES,
            arg("from", Hex(64), 0),
            arg("num", Unsigned(64), 1),
            arg("turn_on", Signed(32), 2),
        ],
    ),
    call("vhangup", Other, &[RES]),
    call(
        "modify_ldt",
        Memory,
        &[
            RES,
            arg("func", Signed(32), 0),
            arg("bytecount", Unsigned(64), 2),
        ],
    ),
    call(
        "perf_event_open",
        Other,
        &[
            made("res"),
            word("type", Enum(32), 0, 0).words(words::PERF),
            word("config", Hex(64), 0, 8),
            arg("pid", Pid, 1),
            arg("cpu", Signed(32), 2),
            arg("group_fd", Kind::Fd, 3),
            arg("flags", Flags(64), 4).words(words::PERF_FLAGS),
        ],
    ),
    // Keys. What is in one is nobody's business.
    call(
        "add_key",
        Other,
        &[
            RES,
            text("type", 0),
            text("description", 1),
            arg("size", Unsigned(64), 3),
            arg("keyring", Signed(32), 4),
        ],
    ),
    call(
        "request_key",
        Other,
        &[
            RES,
            text("type", 0),
            text("description", 1),
            text("callout", 2),
            arg("keyring", Signed(32), 3),
        ],
    ),
    call(
        "keyctl",
        Other,
        &[
            RES,
            arg("operation", Enum(32), 0).words(words::KEYCTL),
            arg("key", Signed(32), 1),
            arg("arg3", Hex(64), 2),
            arg("arg4", Hex(64), 3),
            arg("arg5", Hex(64), 4),
        ],
    ),
    call(
        "io_uring_setup",
        IoOther,
        &[
            param_from(
                "res",
                Kind::Errno,
                From::Descriptor(sensor_ebpf::call::RESULT),
            ),
            arg("entries", Unsigned(32), 0),
            word("sq_entries", Unsigned(32), 1, 0),
            word("cq_entries", Unsigned(32), 1, 4),
            word("flags", Flags(32), 1, 8).words(words::IO_URING_SETUP),
            word("sq_thread_cpu", Unsigned(32), 1, 12),
            word("sq_thread_idle", Unsigned(32), 1, 16),
            word("features", Flags(32), 1, 20).words(words::IO_URING_FEATURES),
        ],
    ),
    call(
        "io_uring_enter",
        IoOther,
        &[
            RES,
            fd("fd", 0),
            arg("to_submit", Unsigned(32), 1),
            arg("min_complete", Unsigned(32), 2),
            arg("flags", Flags(32), 3).words(words::IO_URING_ENTER),
            p("sig", Unsigned(32)),
        ],
    ),
    call(
        "io_uring_register",
        IoOther,
        &[
            RES,
            fd("fd", 0),
            arg("opcode", Enum(16), 1).words(words::IO_URING_REGISTER),
            arg("arg", Hex(64), 2),
            arg("nr_args", Unsigned(32), 3),
        ],
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
