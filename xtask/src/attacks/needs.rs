//! The programs that scripts use and not every machine has.
//!
//! In: names of programs from the heads of scripts. Out: those that are missing, and
//! the Debian packages that bring them.

use crate::progress;

/// Programs whose package has another name.
const PACKAGES: [(&str, &str); 31] = [
    ("7z", "p7zip-full"),
    ("capsh", "libcap2-bin"),
    ("cc", "gcc"),
    ("chattr", "e2fsprogs"),
    ("crontab", "cron"),
    ("debugfs", "e2fsprogs"),
    ("dig", "bind9-dnsutils"),
    ("docker", "docker.io"),
    ("getcap", "libcap2-bin"),
    ("getfacl", "acl"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    ("keyctl", "keyutils"),
    ("killall", "procps"),
    ("lsattr", "e2fsprogs"),
    ("mke2fs", "e2fsprogs"),
    ("nc", "netcat-openbsd"),
    ("node", "nodejs"),
    ("pgrep", "procps"),
    ("pkill", "procps"),
    ("ps", "procps"),
    ("python3", "python3-minimal"),
    ("script", "bsdutils"),
    ("setcap", "libcap2-bin"),
    ("setfacl", "acl"),
    ("setfattr", "attr"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("sshd", "openssh-server"),
    ("tc", "iproute2"),
    ("useradd", "passwd"),
];

/// The package that brings a program on Debian.
pub(crate) fn package(program: &str) -> &str {
    let special = PACKAGES.iter().find(|(name, _)| *name == program);
    // Debian's busybox cannot serve as one file in a container's root.
    match program {
        "busybox" => "busybox-static",
        _ => special.map_or(program, |(_, package)| package),
    }
}

/// Which of the programs are not here.
pub(crate) fn missing(programs: &[String]) -> Vec<String> {
    let here = |program: &&String| !progress::has_program(program);
    programs.iter().filter(here).cloned().collect()
}

/// What every run needs, besides what the scripts say.
pub(crate) const OURS: [&str; 4] = ["cc", "ip", "setsid", "unshare"];
