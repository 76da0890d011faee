//! The kernel's numbers as the words rules use for them.
//!
//! Numbers come in, names out; a number without a name gives none, and the
//! caller shows the number.

pub(super) use crate::events::words::MODE;

/// The name of an error number, given positive: `ENOENT` for 2.
pub(super) fn errno(number: i64) -> Option<&'static str> {
    nth(&ERRNO, number)
}

/// The name of a signal.
pub(super) fn signal(number: i64) -> Option<&'static str> {
    nth(&SIGNALS, number)
}

/// The names of the capabilities in a set, by number.
pub(super) fn capabilities(set: u64) -> impl Iterator<Item = &'static str> {
    CAPABILITIES
        .iter()
        .enumerate()
        .filter(move |(bit, _)| set >> bit & 1 == 1)
        .map(|(_, name)| *name)
}

/// The name at a place counted from 1; an empty name is a hole.
fn nth(names: &'static [&'static str], number: i64) -> Option<&'static str> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    names.get(index).copied().filter(|name| !name.is_empty())
}

/// The open flags as the rule language numbers them, from the kernel's.
pub(super) fn open_flags(kernel: u64) -> u64 {
    let access = match kernel & ACCESS_MODE {
        0 => O_RDONLY,
        1 => O_WRONLY,
        2 => O_RDWR,
        // 3 asks for no access at all: only ioctl may use such a descriptor.
        _ => 0,
    };
    OPEN_BITS
        .iter()
        .filter(|(bits, _)| kernel & bits == *bits)
        .fold(access, |flags, (_, ours)| flags | ours)
}

/// Read, write or both, in the kernel's flags.
const ACCESS_MODE: u64 = 3;

// The open flags of the rule language.
pub(super) const O_RDONLY: u64 = 1;
pub(super) const O_WRONLY: u64 = 1 << 1;
pub(super) const O_RDWR: u64 = O_RDONLY | O_WRONLY;
pub(super) const O_CREAT: u64 = 1 << 2;
const O_APPEND: u64 = 1 << 3;
const O_DSYNC: u64 = 1 << 4;
const O_EXCL: u64 = 1 << 5;
const O_NONBLOCK: u64 = 1 << 6;
const O_SYNC: u64 = 1 << 7;
const O_TRUNC: u64 = 1 << 8;
const O_DIRECT: u64 = 1 << 9;
pub(super) const O_DIRECTORY: u64 = 1 << 10;
const O_LARGEFILE: u64 = 1 << 11;
const O_CLOEXEC: u64 = 1 << 12;
pub(super) const O_TMPFILE: u64 = 1 << 13;
pub(super) const O_F_CREATED: u64 = 1 << 14;
pub(super) const FD_UPPER_LAYER: u64 = 1 << 15;
pub(super) const FD_LOWER_LAYER: u64 = 1 << 16;

/// The names of the open flags, in the order they are listed.
pub(super) const OPEN_FLAGS: &[(u64, &str)] = &[
    (O_LARGEFILE, "O_LARGEFILE"),
    (O_DIRECTORY, "O_DIRECTORY"),
    (O_DIRECT, "O_DIRECT"),
    (O_TRUNC, "O_TRUNC"),
    (O_SYNC, "O_SYNC"),
    (O_NONBLOCK, "O_NONBLOCK"),
    (O_EXCL, "O_EXCL"),
    (O_DSYNC, "O_DSYNC"),
    (O_APPEND, "O_APPEND"),
    (O_CREAT, "O_CREAT"),
    (O_RDWR, "O_RDWR"),
    (O_WRONLY, "O_WRONLY"),
    (O_RDONLY, "O_RDONLY"),
    (O_CLOEXEC, "O_CLOEXEC"),
    (O_TMPFILE, "O_TMPFILE"),
    (O_F_CREATED, "O_F_CREATED"),
    (FD_UPPER_LAYER, "FD_UPPER_LAYER"),
    (FD_LOWER_LAYER, "FD_LOWER_LAYER"),
];

/// The kernel's open flags on x86-64, and ours. The C library hides
/// `O_LARGEFILE` on 64-bit machines, the kernel does not.
const OPEN_BITS: [(u64, u64); 12] = [
    (0o100, O_CREAT),
    (0o200, O_EXCL),
    (0o1000, O_TRUNC),
    (0o2000, O_APPEND),
    (0o4000, O_NONBLOCK),
    (0o10000, O_DSYNC),
    (0o4_010_000, O_SYNC),
    (0o40000, O_DIRECT),
    (0o100_000, O_LARGEFILE),
    (0o200_000, O_DIRECTORY),
    (0o2_000_000, O_CLOEXEC),
    (0o20_200_000, O_TMPFILE),
];

/// The flags of `creat`, which has none of its own but what became of the file.
pub(super) const CREAT_FLAGS: &[(u64, &str)] =
    &[(1, "FD_UPPER_LAYER_CREAT"), (2, "FD_LOWER_LAYER_CREAT")];

/// What the file of a new program is.
pub(super) const EXE_FLAGS: &[(u64, &str)] = &[
    (1, "EXE_WRITABLE"),
    (1 << 1, "EXE_UPPER_LAYER"),
    (1 << 2, "EXE_FROM_MEMFD"),
    (1 << 3, "EXE_LOWER_LAYER"),
];

/// How openat2 may find its file.
pub(super) const RESOLVE_FLAGS: &[(u64, &str)] = &[
    (1, "RESOLVE_NO_XDEV"),
    (1 << 1, "RESOLVE_NO_MAGICLINKS"),
    (1 << 2, "RESOLVE_NO_SYMLINKS"),
    (1 << 3, "RESOLVE_BENEATH"),
    (1 << 4, "RESOLVE_IN_ROOT"),
    (1 << 5, "RESOLVE_CACHED"),
];

/// What a child shares with its parent, as the kernel numbers it.
pub(super) const CLONE_FLAGS: &[(u64, &str)] = &[
    (1 << 8, "CLONE_VM"),
    (1 << 9, "CLONE_FS"),
    (1 << 10, "CLONE_FILES"),
    (1 << 11, "CLONE_SIGHAND"),
    (1 << 12, "CLONE_PIDFD"),
    (1 << 13, "CLONE_PTRACE"),
    (1 << 14, "CLONE_VFORK"),
    (1 << 15, "CLONE_PARENT"),
    (1 << 16, "CLONE_THREAD"),
    (1 << 17, "CLONE_NEWNS"),
    (1 << 18, "CLONE_SYSVSEM"),
    (1 << 19, "CLONE_SETTLS"),
    (1 << 20, "CLONE_PARENT_SETTID"),
    (1 << 21, "CLONE_CHILD_CLEARTID"),
    (1 << 22, "CLONE_DETACHED"),
    (1 << 23, "CLONE_UNTRACED"),
    (1 << 24, "CLONE_CHILD_SETTID"),
    (1 << 25, "CLONE_NEWCGROUP"),
    (1 << 26, "CLONE_NEWUTS"),
    (1 << 27, "CLONE_NEWIPC"),
    (1 << 28, "CLONE_NEWUSER"),
    (1 << 29, "CLONE_NEWPID"),
    (1 << 30, "CLONE_NEWNET"),
    (1 << 31, "CLONE_IO"),
];

/// Error numbers, from 1; the holes are numbers Linux does not use.
#[rustfmt::skip]
const ERRNO: [&str; 133] = [
    "EPERM", "ENOENT", "ESRCH", "EINTR", "EIO", "ENXIO", "E2BIG", "ENOEXEC", "EBADF", "ECHILD",
    "EAGAIN", "ENOMEM", "EACCES", "EFAULT", "ENOTBLK", "EBUSY", "EEXIST", "EXDEV", "ENODEV",
    "ENOTDIR", "EISDIR", "EINVAL", "ENFILE", "EMFILE", "ENOTTY", "ETXTBSY", "EFBIG", "ENOSPC",
    "ESPIPE", "EROFS", "EMLINK", "EPIPE", "EDOM", "ERANGE", "EDEADLK", "ENAMETOOLONG", "ENOLCK",
    "ENOSYS", "ENOTEMPTY", "ELOOP", "", "ENOMSG", "EIDRM", "ECHRNG", "EL2NSYNC", "EL3HLT", "EL3RST",
    "ELNRNG", "EUNATCH", "ENOCSI", "EL2HLT", "EBADE", "EBADR", "EXFULL", "ENOANO", "EBADRQC",
    "EBADSLT", "", "EBFONT", "ENOSTR", "ENODATA", "ETIME", "ENOSR", "ENONET", "ENOPKG", "EREMOTE",
    "ENOLINK", "EADV", "ESRMNT", "ECOMM", "EPROTO", "EMULTIHOP", "EDOTDOT", "EBADMSG", "EOVERFLOW",
    "ENOTUNIQ", "EBADFD", "EREMCHG", "ELIBACC", "ELIBBAD", "ELIBSCN", "ELIBMAX", "ELIBEXEC",
    "EILSEQ", "ERESTART", "ESTRPIPE", "EUSERS", "ENOTSOCK", "EDESTADDRREQ", "EMSGSIZE",
    "EPROTOTYPE", "ENOPROTOOPT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EOPNOTSUPP", "EPFNOSUPPORT",
    "EAFNOSUPPORT", "EADDRINUSE", "EADDRNOTAVAIL", "ENETDOWN", "ENETUNREACH", "ENETRESET",
    "ECONNABORTED", "ECONNRESET", "ENOBUFS", "EISCONN", "ENOTCONN", "ESHUTDOWN", "ETOOMANYREFS",
    "ETIMEDOUT", "ECONNREFUSED", "EHOSTDOWN", "EHOSTUNREACH", "EALREADY", "EINPROGRESS", "ESTALE",
    "EUCLEAN", "ENOTNAM", "ENAVAIL", "EISNAM", "EREMOTEIO", "EDQUOT", "ENOMEDIUM", "EMEDIUMTYPE",
    "ECANCELED", "ENOKEY", "EKEYEXPIRED", "EKEYREVOKED", "EKEYREJECTED", "EOWNERDEAD",
    "ENOTRECOVERABLE", "ERFKILL", "EHWPOISON",
];

/// Signals, from 1; the real-time ones have no names.
#[rustfmt::skip]
const SIGNALS: [&str; 31] = [
    "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL",
    "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD",
    "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ",
    "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
];

/// Capabilities, from 0.
#[rustfmt::skip]
const CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
    "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
    "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_names_of_the_manual_pages() {
        for (number, want) in [
            (1, Some("EPERM")),
            (2, Some("ENOENT")),
            (13, Some("EACCES")),
            (41, None),
            (115, Some("EINPROGRESS")),
            (133, Some("EHWPOISON")),
            (134, None),
            (0, None),
            (-2, None),
        ] {
            assert_eq!(errno(number), want, "error {number}");
        }
        assert_eq!(signal(9), Some("SIGKILL"));
        assert_eq!(signal(31), Some("SIGSYS"));
        assert_eq!(signal(34), None);
        let some: Vec<_> = capabilities(1 << 21 | 1 | 1 << 63).collect();
        assert_eq!(some, ["CAP_CHOWN", "CAP_SYS_ADMIN"]);
    }

    #[test]
    fn open_flags_are_told_apart_bit_by_bit() {
        for (kernel, want) in [
            (0, O_RDONLY),
            (
                libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC,
                O_WRONLY | O_CREAT | O_TRUNC,
            ),
            (libc::O_RDWR | libc::O_CLOEXEC, O_RDWR | O_CLOEXEC),
            (libc::O_SYNC, O_RDONLY | O_SYNC | O_DSYNC),
            (libc::O_DSYNC, O_RDONLY | O_DSYNC),
            (
                libc::O_TMPFILE | libc::O_RDWR,
                O_RDWR | O_TMPFILE | O_DIRECTORY,
            ),
            (libc::O_DIRECTORY, O_RDONLY | O_DIRECTORY),
            (3, 0),
        ] {
            assert_eq!(
                open_flags(kernel.cast_unsigned().into()),
                want,
                "{kernel:o}"
            );
        }
    }
}
