//! The programs that scripts use and not every machine has.
//!
//! In: names of programs from the heads of scripts. Out: those that are missing, and
//! the Debian packages that bring them.

use std::collections::BTreeSet;

use super::script::Script;
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
pub(super) fn package(program: &str) -> &str {
    let special = PACKAGES.iter().find(|(name, _)| *name == program);
    // Debian's busybox cannot serve as one file in a container's root.
    match program {
        "busybox" => "busybox-static",
        _ => special.map_or(program, |(_, package)| package),
    }
}

/// What one script lacks here.
pub(super) fn missing(script: &Script) -> Vec<String> {
    let needs = script.needs.iter();
    needs
        .filter(|program| !progress::has_program(program))
        .cloned()
        .collect()
}

/// What any of the scripts lacks here, besides what every run needs.
pub(super) fn missing_of_all(scripts: &[Script]) -> BTreeSet<String> {
    let mut programs: BTreeSet<String> = scripts.iter().flat_map(missing).collect();
    let ours = ["cc", "ip", "setsid", "unshare"];
    programs.extend(
        ours.into_iter()
            .filter(|program| !progress::has_program(program))
            .map(str::to_owned),
    );
    programs
}
