//! Names a rule may use although nothing on this machine answers to them:
//! calls of other architectures, and what other programs report as events.
//! Rules that name them load and, for these names, never fire.

use super::Category::{Internal, Memory, Other, Process, Scheduler, Signal};
use super::Kind::{Signed, Text, Unsigned};
use super::{EventType, event, p};

/// Calls of 32-bit x86, ARM, PowerPC, RISC-V and S/390; and two that are events by
/// another name.
pub(super) const CALLS: &[&str] = &[
    "_llseek",
    "_newselect",
    "bdflush",
    "fcntl64",
    "fstat64",
    "fstatat64",
    "fstatfs64",
    "getegid32",
    "geteuid32",
    "getgid32",
    "getresgid32",
    "getresuid32",
    "getuid32",
    "idle",
    "ipc",
    "llseek",
    "lstat64",
    "mmap2",
    "multiplexer",
    "nice",
    "oldfstat",
    "oldlstat",
    "oldolduname",
    "oldstat",
    "olduname",
    "pciconfig_iobase",
    "pciconfig_read",
    "pciconfig_write",
    "pread64",
    "pwrite64",
    "readdir",
    "riscv_flush_icache",
    "riscv_hwprobe",
    "rtas",
    "s390_guarded_storage",
    "s390_pci_mmio_read",
    "s390_pci_mmio_write",
    "s390_runtime_instr",
    "s390_sthyi",
    "sendfile64",
    "setgid32",
    "setresgid32",
    "setresuid32",
    "setuid32",
    "sgetmask",
    "sigaction",
    "signal",
    "sigpending",
    "sigprocmask",
    "sigreturn",
    "sigsuspend",
    "socketcall",
    "spu_create",
    "spu_run",
    "ssetmask",
    "stat64",
    "statfs64",
    "stime",
    "subpage_prot",
    "swapcontext",
    "switch_endian",
    "sync_file_range2",
    "sys_debug_setcontext",
    "timerfd",
    "ugetrlimit",
    "vm86",
    "waitpid",
];

/// What is no system call.
pub(super) const ROWS: &[EventType] = &[
    // Any call that has no event of its own.
    event(
        "syscall",
        Other,
        &[p("ID", Unsigned(16)), p("nativeID", Unsigned(16))],
    ),
    event("sched_process_exit", Process, &[]),
    event("sched_switch", Scheduler, &[]),
    event("page_fault_user", Memory, &[]),
    event("page_fault_kernel", Memory, &[]),
    event("signal_deliver", Signal, &[]),
    event(
        "cpu_hotplug",
        Other,
        &[p("cpu", Unsigned(32)), p("action", Unsigned(32))],
    ),
    event(
        "scapevent",
        Internal,
        &[p("event_type", Unsigned(32)), p("event_data", Unsigned(64))],
    ),
    event(
        "tracer",
        Other,
        &[p("id", Signed(64)), p("tags", Text), p("args", Text)],
    ),
    event("notification", Other, &[p("id", Text), p("desc", Text)]),
    event(
        "infra",
        Internal,
        &[
            p("source", Text),
            p("name", Text),
            p("description", Text),
            p("scope", Text),
        ],
    ),
    event("k8s", Internal, &[p("json", Text)]),
    event("mesos", Internal, &[p("json", Text)]),
    event("useradded", Process, USER),
    event("userdeleted", Process, USER),
    event("groupadded", Process, GROUP),
    event("groupdeleted", Process, GROUP),
];

const USER: &[super::Param] = &[
    p("uid", Unsigned(32)),
    p("gid", Unsigned(32)),
    p("name", Text),
    p("home", Text),
    p("shell", Text),
    p("container_id", Text),
];

const GROUP: &[super::Param] = &[
    p("gid", Unsigned(32)),
    p("name", Text),
    p("container_id", Text),
];
