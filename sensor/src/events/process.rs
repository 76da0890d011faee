//! The life and identity of processes, and the signals between them.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use super::Category::{Process, Signal, User};
use super::Kind::{
    Buffer, Dynamic, Enum, Errno, Flags, Gid, Hex, Path, Pid, SignalNumber, Signed, Text, Time,
    Uid, Unsigned,
};
use super::{
    EventType, From, Param, RES, arg, call, event, fd, long, p, param_from, result, text, word,
    words,
};

const fn uid(name: &'static str, at: u8) -> Param {
    arg(name, Uid, at)
}

const fn gid(name: &'static str, at: u8) -> Param {
    arg(name, Gid, at)
}

const fn signal(at: u8) -> Param {
    arg("sig", SignalNumber, at)
}

/// One of the three sets of capset, in the order the kernel has them.
const fn capabilities(name: &'static str, set: u8) -> Param {
    let from = From::Halves {
        at: 1,
        offset: 4 * set,
        apart: 12,
    };
    param_from(name, Unsigned(64), from)
}

/// What the fork family reports; the same for parent and child.
const CLONE_PARAMS: &[Param] = &[
    p("res", Pid),
    p("exe", Text),
    p("args", Buffer),
    p("tid", Pid),
    p("pid", Pid),
    p("ptid", Pid),
    p("cwd", Text),
    p("fdlimit", Signed(64)),
    p("pgft_maj", Unsigned(64)),
    p("pgft_min", Unsigned(64)),
    p("vm_size", Unsigned(32)),
    p("vm_rss", Unsigned(32)),
    p("vm_swap", Unsigned(32)),
    p("comm", Text),
    p("cgroups", Buffer),
    p("flags", Flags(32)),
    p("uid", Unsigned(32)),
    p("gid", Unsigned(32)),
    p("vtid", Pid),
    p("vpid", Pid),
    p("pidns_init_start_ts", Unsigned(64)),
];

/// What execve reports.
const EXECVE_PARAMS: &[Param] = &[
    p("res", Errno),
    p("exe", Text),
    p("args", Buffer),
    p("tid", Pid),
    p("pid", Pid),
    p("ptid", Pid),
    p("cwd", Text),
    p("fdlimit", Unsigned(64)),
    p("pgft_maj", Unsigned(64)),
    p("pgft_min", Unsigned(64)),
    p("vm_size", Unsigned(32)),
    p("vm_rss", Unsigned(32)),
    p("vm_swap", Unsigned(32)),
    p("comm", Text),
    p("cgroups", Buffer),
    p("env", Buffer),
    p("tty", Unsigned(32)),
    p("vpgid", Pid),
    p("loginuid", Uid),
    p("flags", Flags(32)),
    p("cap_inheritable", Unsigned(64)),
    p("cap_permitted", Unsigned(64)),
    p("cap_effective", Unsigned(64)),
    p("exe_ino", Unsigned(64)),
    p("exe_ino_ctime", Time),
    p("exe_ino_mtime", Time),
    p("uid", Uid),
    p("trusted_exepath", Path),
    p("pgid", Pid),
    p("gid", Gid),
    p("filename", Path),
];

/// What execveat reports: as execve, without the path as given.
const EXECVEAT_PARAMS: &[Param] = &[
    p("res", Errno),
    p("exe", Text),
    p("args", Buffer),
    p("tid", Pid),
    p("pid", Pid),
    p("ptid", Pid),
    p("cwd", Text),
    p("fdlimit", Unsigned(64)),
    p("pgft_maj", Unsigned(64)),
    p("pgft_min", Unsigned(64)),
    p("vm_size", Unsigned(32)),
    p("vm_rss", Unsigned(32)),
    p("vm_swap", Unsigned(32)),
    p("comm", Text),
    p("cgroups", Buffer),
    p("env", Buffer),
    p("tty", Unsigned(32)),
    p("vpgid", Pid),
    p("loginuid", Uid),
    p("flags", Flags(32)),
    p("cap_inheritable", Unsigned(64)),
    p("cap_permitted", Unsigned(64)),
    p("cap_effective", Unsigned(64)),
    p("exe_ino", Unsigned(64)),
    p("exe_ino_ctime", Time),
    p("exe_ino_mtime", Time),
    p("uid", Uid),
    p("trusted_exepath", Path),
    p("pgid", Pid),
    p("gid", Gid),
];

/// The rows.
pub(super) const ROWS: &[EventType] = &[
    call("execve", Process, EXECVE_PARAMS),
    call("execveat", Process, EXECVEAT_PARAMS),
    call("fork", Process, CLONE_PARAMS),
    call("vfork", Process, CLONE_PARAMS),
    call("clone", Process, CLONE_PARAMS),
    call("clone3", Process, CLONE_PARAMS),
    event(
        "procexit",
        Process,
        &[
            p("status", Errno),
            p("ret", Errno),
            p("sig", SignalNumber),
            p("core", Unsigned(8)),
            p("reaper_tid", Pid),
        ],
    )
    .told(),
    call(
        "ptrace",
        Process,
        &[
            RES,
            // What these two are depends on the request.
            arg("addr", Dynamic, 2),
            param_from("data", Dynamic, From::Fixed { at: 3, width: 8 }),
            arg("request", Enum(16), 0).words(words::PTRACE),
            arg("pid", Pid, 1),
        ],
    ),
    call(
        "setresuid",
        User,
        &[RES, uid("ruid", 0), uid("euid", 1), uid("suid", 2)],
    ),
    call(
        "setresgid",
        User,
        &[RES, gid("rgid", 0), gid("egid", 1), gid("sgid", 2)],
    ),
    call("setuid", User, &[RES, uid("uid", 0)]),
    call("setgid", User, &[RES, gid("gid", 0)]),
    call("setreuid", User, &[RES, uid("ruid", 0), uid("euid", 1)]),
    call("setregid", User, &[RES, gid("rgid", 0), gid("egid", 1)]),
    call("setfsuid", User, &[RES, uid("fsuid", 0)]),
    call("setfsgid", User, &[RES, gid("fsgid", 0)]),
    call("setgroups", User, &[RES, arg("size", Unsigned(32), 0)]),
    call(
        "setns",
        Process,
        &[
            RES,
            fd("fd", 0),
            arg("nstype", Flags(32), 1).words(words::CLONE),
        ],
    ),
    call("setsid", Process, &[result("res", Pid)]),
    call(
        "unshare",
        Process,
        &[RES, arg("flags", Flags(32), 0).words(words::CLONE)],
    ),
    call(
        "setpgid",
        Process,
        &[RES, arg("pid", Pid, 0), arg("pgid", Pid, 1)],
    ),
    call(
        "capset",
        Process,
        &[
            RES,
            capabilities("cap_inheritable", 2),
            capabilities("cap_permitted", 1),
            capabilities("cap_effective", 0),
        ],
    ),
    call(
        "prctl",
        Process,
        &[
            RES,
            arg("option", Enum(32), 0).words(words::PRCTL),
            // A text or a number, which the option says.
            text("arg2_str", 1),
            arg("arg2_int", Signed(64), 1),
        ],
    ),
    call(
        "arch_prctl",
        Process,
        &[RES, arg("code", Hex(32), 0), arg("addr", Hex(64), 1)],
    ),
    call(
        "personality",
        Process,
        &[RES, arg("persona", Flags(32), 0).words(words::PERSONALITY)],
    ),
    call("kill", Signal, &[RES, arg("pid", Pid, 0), signal(1)]),
    call("tkill", Signal, &[RES, arg("tid", Pid, 0), signal(1)]),
    call(
        "tgkill",
        Signal,
        &[RES, arg("pid", Pid, 0), arg("tid", Pid, 1), signal(2)],
    ),
    call(
        "rt_sigqueueinfo",
        Signal,
        &[RES, arg("pid", Pid, 0), signal(1)],
    ),
    call(
        "rt_tgsigqueueinfo",
        Signal,
        &[RES, arg("pid", Pid, 0), arg("tid", Pid, 1), signal(2)],
    ),
    call(
        "pidfd_send_signal",
        Signal,
        &[
            RES,
            fd("pidfd", 0),
            signal(1),
            arg("flags", Unsigned(32), 3),
        ],
    ),
    event(
        "signaldeliver",
        Signal,
        &[p("spid", Pid), p("dpid", Pid), p("sig", SignalNumber)],
    )
    .told(),
    call(
        "seccomp",
        Process,
        &[
            RES,
            arg("op", Enum(64), 0).words(words::SECCOMP),
            arg("flags", Flags(64), 1).words(words::SECCOMP_FLAGS),
        ],
    ),
    call(
        "landlock_create_ruleset",
        Process,
        &[
            super::made("res"),
            word("handled_access_fs", Hex(64), 0, 0),
            arg("size", Unsigned(64), 1),
            arg("flags", Unsigned(32), 2),
        ],
    ),
    call(
        "landlock_add_rule",
        Process,
        &[
            RES,
            fd("ruleset_fd", 0),
            arg("rule_type", Enum(32), 1).words(words::LANDLOCK_RULE),
            arg("flags", Unsigned(32), 3),
        ],
    ),
    call(
        "landlock_restrict_self",
        Process,
        &[RES, fd("ruleset_fd", 0), arg("flags", Unsigned(32), 1)],
    ),
    call(
        "setrlimit",
        Process,
        &[
            RES,
            long("cur", Signed(64), 1, 0),
            long("max", Signed(64), 1, 8),
            arg("resource", Enum(8), 0).words(words::RLIMIT),
        ],
    ),
    call(
        "process_vm_readv",
        Process,
        &[
            result("res", Signed(64)),
            arg("pid", Pid, 0),
            param_from("data", Buffer, From::VectorOut { at: 1, len: 2 }),
        ],
    ),
    call(
        "process_vm_writev",
        Process,
        &[
            result("res", Signed(64)),
            arg("pid", Pid, 0),
            param_from("data", Buffer, From::Vector { at: 1, len: 2 }),
        ],
    ),
    call(
        "process_madvise",
        Process,
        &[
            RES,
            fd("pidfd", 0),
            arg("vlen", Unsigned(64), 2),
            arg("advice", Signed(32), 3),
            arg("flags", Unsigned(32), 4),
        ],
    ),
    call(
        "process_mrelease",
        Process,
        &[RES, fd("pidfd", 0), arg("flags", Unsigned(32), 1)],
    ),
    call(
        "kcmp",
        Process,
        &[
            RES,
            arg("pid1", Pid, 0),
            arg("pid2", Pid, 1),
            arg("type", Signed(32), 2),
        ],
    ),
];
