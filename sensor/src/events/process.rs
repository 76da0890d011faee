//! The life and identity of processes, and the signals between them.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use super::Category::{Process, Signal, User};
use super::Kind::{
    Buffer, Dynamic, Enum, Errno, Fd, Flags, Gid, Path, Pid, SignalNumber, Signed, Text, Time, Uid,
    Unsigned,
};
use super::{EventType, Param, call, event, p};

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
    call("execve", Process, EXECVE_PARAMS).captured(),
    call("execveat", Process, EXECVEAT_PARAMS).captured(),
    call("fork", Process, CLONE_PARAMS).captured(),
    call("vfork", Process, CLONE_PARAMS).captured(),
    call("clone", Process, CLONE_PARAMS).captured(),
    call("clone3", Process, CLONE_PARAMS).captured(),
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
    .captured(),
    call(
        "ptrace",
        Process,
        &[
            p("res", Errno),
            p("addr", Dynamic),
            p("data", Dynamic),
            p("request", Enum(16)),
            p("pid", Pid),
        ],
    ),
    call(
        "setresuid",
        User,
        &[
            p("res", Errno),
            p("ruid", Uid),
            p("euid", Uid),
            p("suid", Uid),
        ],
    ),
    call(
        "setresgid",
        User,
        &[
            p("res", Errno),
            p("rgid", Gid),
            p("egid", Gid),
            p("sgid", Gid),
        ],
    ),
    call("setuid", User, &[p("res", Errno), p("uid", Uid)]),
    call("setgid", User, &[p("res", Errno), p("gid", Gid)]),
    call(
        "setns",
        Process,
        &[p("res", Errno), p("fd", Fd), p("nstype", Flags(32))],
    ),
    call("setsid", Process, &[p("res", Pid)]),
    call(
        "unshare",
        Process,
        &[p("res", Errno), p("flags", Flags(32))],
    ),
    call(
        "setpgid",
        Process,
        &[p("res", Errno), p("pid", Pid), p("pgid", Pid)],
    ),
    call(
        "capset",
        Process,
        &[
            p("res", Errno),
            p("cap_inheritable", Unsigned(64)),
            p("cap_permitted", Unsigned(64)),
            p("cap_effective", Unsigned(64)),
        ],
    ),
    call(
        "prctl",
        Process,
        &[
            p("res", Errno),
            p("option", Enum(32)),
            p("arg2_str", Text),
            p("arg2_int", Signed(64)),
        ],
    ),
    call(
        "kill",
        Signal,
        &[p("res", Errno), p("pid", Pid), p("sig", SignalNumber)],
    ),
    call(
        "tkill",
        Signal,
        &[p("res", Errno), p("tid", Pid), p("sig", SignalNumber)],
    ),
    call(
        "tgkill",
        Signal,
        &[
            p("res", Errno),
            p("pid", Pid),
            p("tid", Pid),
            p("sig", SignalNumber),
        ],
    ),
    event(
        "signaldeliver",
        Signal,
        &[p("spid", Pid), p("dpid", Pid), p("sig", SignalNumber)],
    )
    .captured(),
    call(
        "seccomp",
        Process,
        &[
            p("res", Errno),
            p("op", Unsigned(64)),
            p("flags", Unsigned(64)),
        ],
    ),
    call(
        "setreuid",
        User,
        &[p("res", Errno), p("ruid", Uid), p("euid", Uid)],
    ),
    call(
        "setregid",
        User,
        &[p("res", Errno), p("rgid", Gid), p("egid", Gid)],
    ),
    call(
        "setrlimit",
        Process,
        &[
            p("res", Errno),
            p("cur", Signed(64)),
            p("max", Signed(64)),
            p("resource", Enum(8)),
        ],
    ),
    call(
        "process_vm_readv",
        Process,
        &[p("res", Signed(64)), p("pid", Pid), p("data", Buffer)],
    ),
    call(
        "process_vm_writev",
        Process,
        &[p("res", Signed(64)), p("pid", Pid), p("data", Buffer)],
    ),
    call(
        "pidfd_open",
        Process,
        &[p("res", Fd), p("pid", Pid), p("flags", Flags(32))],
    ),
    call(
        "pidfd_getfd",
        Process,
        &[
            p("res", Fd),
            p("pid_fd", Fd),
            p("target_fd", Fd),
            p("flags", Unsigned(32)),
        ],
    ),
];
