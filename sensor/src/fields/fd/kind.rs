//! What kinds of descriptors there are, and how the kernel shows which it is.

use sensor_ebpf::call::Descriptor;
use zerocopy::FromZeros;

use crate::fields::address::{AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, AF_VSOCK};

/// What a descriptor is: the word of `fd.type`, the letter of `fd.typechar`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::fields) struct Kind {
    pub(in crate::fields) word: &'static str,
    pub(in crate::fields) letter: &'static str,
    pub(in crate::fields) class: Class,
}

/// What matters to other fields about a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::fields) enum Class {
    /// Files, and what is opened by a path like one.
    File,
    Directory,
    /// Sockets with addresses.
    Ip,
    /// Pipes, unix sockets, and what wakes processes.
    Ipc,
    Other,
}

const fn kind(word: &'static str, letter: &'static str, class: Class) -> Kind {
    Kind {
        word,
        letter,
        class,
    }
}

pub(super) const FILE: Kind = kind("file", "f", Class::File);
pub(super) const DIRECTORY: Kind = kind("directory", "d", Class::Directory);
pub(super) const IPV4: Kind = kind("ipv4", "4", Class::Ip);
pub(super) const IPV6: Kind = kind("ipv6", "6", Class::Ip);
pub(super) const UNIX: Kind = kind("unix", "u", Class::Ipc);
const NETLINK: Kind = kind("netlink", "n", Class::Other);
const PACKET: Kind = kind("packet", "o", Class::Other);
const VSOCK: Kind = kind("vsock", "o", Class::Other);
const PIPE: Kind = kind("pipe", "p", Class::Ipc);
const MEMFD: Kind = kind("memfd", "m", Class::Other);
pub(super) const NAMESPACE: Kind = kind("namespace", "o", Class::Other);
pub(super) const PIDFD: Kind = kind("pidfd", "P", Class::Other);
const UNKNOWN: Kind = kind("<NA>", "o", Class::Other);

/// What stands behind an anonymous inode, by its name.
const ANONYMOUS: [(&[u8], Kind); 15] = [
    (b"[eventfd]", kind("event", "e", Class::Ipc)),
    (b"[signalfd]", kind("signalfd", "s", Class::Ipc)),
    (b"[eventpoll]", kind("eventpoll", "l", Class::Other)),
    (b"inotify", kind("inotify", "i", Class::Ipc)),
    (b"[timerfd]", kind("timerfd", "t", Class::Other)),
    (b"bpf-map", kind("bpf", "b", Class::Other)),
    (b"bpf-prog", kind("bpf", "b", Class::Other)),
    (b"bpf_link", kind("bpf", "b", Class::Other)),
    (b"btf", kind("bpf", "b", Class::Other)),
    (b"[userfaultfd]", kind("userfaultfd", "u", Class::Ipc)),
    (b"[io_uring]", kind("io_uring", "r", Class::Other)),
    (b"[pidfd]", PIDFD),
    (b"[fanotify]", kind("fanotify", "o", Class::Other)),
    (b"[perf_event]", kind("perf_event", "o", Class::Other)),
    (b"[fscontext]", kind("fscontext", "o", Class::Other)),
];

const ANON_INODE_FS: u32 = 0x0904_1934;
const PIDFS: u32 = 0x5049_4446;
const NSFS: u32 = 0x6e73_6673;
const SECRETMEM: u32 = 0x5345_434d;

const S_IFMT: u16 = 0o170_000;
const S_IFSOCK: u16 = 0o140_000;
const S_IFDIR: u16 = 0o040_000;
const S_IFIFO: u16 = 0o010_000;

/// What the kernel said of a descriptor and its path; `None` when it is not open.
pub(super) fn of(descriptor: &Descriptor, path: &[u8]) -> Option<Kind> {
    let mode = descriptor.mode & S_IFMT;
    Some(match (descriptor.magic, mode) {
        (ANON_INODE_FS, _) => anonymous(path),
        (PIDFS, _) => PIDFD,
        (NSFS, _) => NAMESPACE,
        (SECRETMEM, _) => MEMFD,
        (_, 0) if descriptor.mode == 0 && descriptor.magic == 0 => return None,
        (_, S_IFSOCK) => of_family(descriptor.family),
        (_, S_IFIFO) => PIPE,
        (_, S_IFDIR) => DIRECTORY,
        _ if is_memfd(path) => MEMFD,
        _ => FILE,
    })
}

/// The letter of what has that mode, magic number and family; of what only its name
/// tells, and of what is not open, `?`.
pub(in crate::fields) fn letter_of(mode: u16, magic: u32, family: u16) -> &'static str {
    let mut descriptor = Descriptor::new_zeroed();
    (descriptor.mode, descriptor.magic, descriptor.family) = (mode, magic, family);
    match of(&descriptor, b"") {
        Some(kind) if kind != UNKNOWN => kind.letter,
        _ => "?",
    }
}

fn anonymous(path: &[u8]) -> Kind {
    let name = path.strip_prefix(b"anon_inode:").unwrap_or(path);
    let known = ANONYMOUS.iter().find(|(known, _)| *known == name);
    known.map_or(UNKNOWN, |(_, kind)| *kind)
}

/// A memfd has a path no file has: its mount is nobody's.
fn is_memfd(path: &[u8]) -> bool {
    let name = path.strip_prefix(b"/").unwrap_or(path);
    name.starts_with(b"memfd:")
}

/// What a socket of the family is while it has no address.
pub(super) fn of_family(family: u16) -> Kind {
    match family {
        AF_INET => IPV4,
        AF_INET6 => IPV6,
        AF_UNIX => UNIX,
        AF_NETLINK => NETLINK,
        AF_PACKET => PACKET,
        AF_VSOCK => VSOCK,
        _ => UNKNOWN,
    }
}

/// The letter for a descriptor that is not known, from the call alone.
pub(super) fn guessed(event: &str) -> &'static str {
    match event {
        "open" | "openat" | "openat2" | "creat" => "f",
        "socket" | "accept" | "accept4" => "4",
        "pipe" | "pipe2" => "p",
        "eventfd" | "eventfd2" => "e",
        "signalfd" | "signalfd4" => "s",
        "timerfd_create" => "t",
        "inotify_init" | "inotify_init1" => "i",
        _ => "o",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_mode_magic_name_and_family() {
        const TMPFS: u32 = 0x0102_1994;
        for (mode, magic, family, path, word, letter) in [
            (0o100_644, 0xef53, 0, "/etc/passwd", "file", "f"),
            (0o040_755, 0xef53, 0, "/etc", "directory", "d"),
            (0o020_666, TMPFS, 0, "/dev/null", "file", "f"),
            (0o100_777, TMPFS, 0, "/memfd:x", "memfd", "m"),
            (0o100_777, TMPFS, 0, "memfd:x", "memfd", "m"),
            (0o010_600, 0x5049_5045, 0, "", "pipe", "p"),
            (0o140_777, 0x534f_434b, 2, "", "ipv4", "4"),
            (0o140_777, 0x534f_434b, 10, "", "ipv6", "6"),
            (0o140_777, 0x534f_434b, 1, "/run/x", "unix", "u"),
            (0o140_777, 0x534f_434b, 16, "", "netlink", "n"),
            (0o140_777, 0x534f_434b, 17, "", "packet", "o"),
            (0o140_777, 0x534f_434b, 40, "", "vsock", "o"),
            (0o140_777, 0x534f_434b, 38, "", "<NA>", "o"),
            (0o600, ANON_INODE_FS, 0, "[eventfd]", "event", "e"),
            (0o100_600, ANON_INODE_FS, 0, "[eventpoll]", "eventpoll", "l"),
            (0o600, ANON_INODE_FS, 0, "inotify", "inotify", "i"),
            (0o600, ANON_INODE_FS, 0, "bpf-prog", "bpf", "b"),
            (0o600, ANON_INODE_FS, 0, "[io_uring]", "io_uring", "r"),
            (0o600, ANON_INODE_FS, 0, "[new thing]", "<NA>", "o"),
            (0o100_600, PIDFS, 0, "[pidfd]", "pidfd", "P"),
        ] {
            let mut descriptor = Descriptor::new_zeroed();
            (descriptor.mode, descriptor.magic, descriptor.family) = (mode, magic, family);
            let kind = of(&descriptor, path.as_bytes()).unwrap();
            assert_eq!((kind.word, kind.letter), (word, letter), "{mode:o} {path}");
        }
        assert_eq!(of(&Descriptor::new_zeroed(), b""), None);
    }
}
