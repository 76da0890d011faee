//! Rules made up in the likeness of real ones: lists, macros in macros, and
//! conditions on programs, files, connections and lines of processes, most of
//! which are seldom true. The same number always gives the same text.

use std::fmt::Write as _;

const PROGRAMS: [&str; 12] = [
    "vim",
    "scp",
    "rsync",
    "psql",
    "ruby",
    "perl",
    "socat",
    "gdb",
    "strace",
    "kubectl",
    "helm",
    "terraform",
];
const DIRECTORIES: [&str; 10] = [
    "/etc/ssl/private",
    "/root/.aws",
    "/var/lib/kubelet",
    "/opt/vault",
    "/srv/git",
    "/usr/local/sbin",
    "/var/spool/cron",
    "/boot/grub",
    "/etc/pam.d",
    "/home/deploy/.ssh",
];

/// A rules file with that many rules, and a list and a macro for every ten.
pub(crate) fn generated(count: usize) -> String {
    let mut text = String::from(
        "- macro: opens
  condition: (evt.type in (open, openat, openat2))
- macro: reads
  condition: (opens and evt.is_open_read = true and fd.num >= 0)
- macro: writes
  condition: (opens and evt.is_open_write = true and fd.num >= 0)
- macro: starts
  condition: (evt.type in (execve, execveat) and evt.res = SUCCESS)
- macro: contained
  condition: (container.id != host)
- list: shells
  items: [ash, bash, csh, dash, fish, ksh, sh, tcsh, zsh]
",
    );
    for group in 0..count.div_ceil(10) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "- list: programs_{group}
  items: [{a}-{group}, {b}-{group}, {a}{group}d, {b}{group}ctl, shells]
- macro: known_{group}
  condition: (proc.name in (programs_{group}) or proc.pname in (programs_{group}))",
            a = PROGRAMS[group % PROGRAMS.len()],
            b = PROGRAMS[(group / 7) % PROGRAMS.len()],
        );
    }
    for number in 0..count {
        let condition = condition(number);
        let _ = writeln!(
            text,
            "- rule: generated {number}
  desc: made up
  condition: {condition}
  output: rule {number} (file=%fd.name program=%proc.cmdline parent=%proc.pname user=%user.name)
  priority: WARNING
  tags: [generated, group_{}]",
            number / 10
        );
    }
    text
}

fn condition(number: usize) -> String {
    let group = number / 10;
    let directory = DIRECTORIES[number % DIRECTORIES.len()];
    let program = PROGRAMS[(number / 3) % PROGRAMS.len()];
    match number % 10 {
        0 | 1 => format!("reads and fd.name startswith {directory}/{number} and not known_{group}"),
        2 => format!(
            "writes and (fd.name startswith {directory}/w{number} or fd.name endswith .{program}{number}) and not proc.name in (programs_{group})"
        ),
        3 => format!(
            "opens and fd.filename in ({program}{number}.conf, id_{number}, .{program}rc{number}) and proc.name in (shells)"
        ),
        4 => format!(
            "starts and proc.name in ({program}{number}, {program}-{number}) and not proc.pname in (programs_{group})"
        ),
        5 => format!(
            "starts and contained and proc.cmdline contains \"--{program}-{number}\" and not known_{group}"
        ),
        6 => format!(
            "starts and proc.exepath startswith {directory}/{number} and proc.aname in (programs_{group})"
        ),
        7 => format!(
            "evt.type = connect and fd.sport in ({}, {}) and not known_{group}",
            20_000 + number % 30_000,
            21_000 + number % 30_000
        ),
        8 => format!(
            "evt.type in (rename, renameat, unlink, unlinkat) and fs.path.name startswith {directory}/{number} and not known_{group}"
        ),
        _ => format!(
            "reads and fd.name contains /{program}{number}/ and user.uid != 0 and not proc.aname in (shells)"
        ),
    }
}
