//! That no event is left out: every event the rules need has a row that succeeds and
//! one that fails, by the raw call, by the C library and through the 32-bit entry, or
//! stands below with the reason why not; and of all other calls with parameters each
//! has a row at least.
//!
//! Which calls there are is asked of the sensor's own event table, so that a new row
//! there fails this test until it is provoked here.

use std::collections::BTreeSet;

use sensor::events::{self, EventType};

use super::case::{Case, Ways};
use super::{FAMILIES, number_32, place_in_socketcall};

/// Events with parameters that rules use or that the state of processes needs.
const NEEDED: &[&str] = &[
    // Named by rules, in the order of the rule language's own table.
    "open",
    "close",
    "socket",
    "bind",
    "connect",
    "listen",
    "sendto",
    "recvfrom",
    "socketpair",
    "sendmsg",
    "sendmmsg",
    "recvmsg",
    "recvmmsg",
    "creat",
    "pipe",
    "chdir",
    "fchdir",
    "fcntl",
    "ptrace",
    "rename",
    "renameat",
    "symlink",
    "symlinkat",
    "procexit",
    "setresuid",
    "setresgid",
    "close_range",
    "setuid",
    "setgid",
    "clone",
    "fork",
    "vfork",
    "setns",
    "accept",
    "mount",
    "chroot",
    "setsid",
    "mkdir",
    "rmdir",
    "unshare",
    "execve",
    "setpgid",
    "unlink",
    "unlinkat",
    "mkdirat",
    "openat",
    "link",
    "linkat",
    "fchmodat",
    "chmod",
    "fchmod",
    "renameat2",
    "userfaultfd",
    "openat2",
    "execveat",
    "clone3",
    "open_by_handle_at",
    "capset",
    "dup2",
    "dup3",
    "dup",
    "bpf",
    "chown",
    "lchown",
    "fchown",
    "fchownat",
    "accept4",
    "umount2",
    "pipe2",
    "prctl",
    "memfd_create",
    "init_module",
    "finit_module",
    "mknod",
    "mknodat",
    // The state set besides those.
    "eventfd",
    "eventfd2",
    "signalfd",
    "signalfd4",
    "timerfd_create",
    "inotify_init",
    "inotify_init1",
    "epoll_create",
    "epoll_create1",
    "io_uring_setup",
    "pidfd_open",
    "pidfd_getfd",
    "shutdown",
    "getsockopt",
    "setreuid",
    "setregid",
    "setrlimit",
    "prlimit",
];

/// Calls that cannot be made to fail, or not without harm to the machine.
const NEVER_FAIL: &[&str] = &[
    // No argument is wrong, and descriptors or processes would have to run out.
    "eventfd",
    "inotify_init",
    "fork",
    "vfork",
    "clone3",
    "procexit",
];

/// Calls that cannot succeed here.
const NEVER_SUCCEED: &[&str] = &[
    // This kernel is locked down or built without modules.
    "init_module",
    "finit_module",
    // What holds a handle of a file is the file system's business.
    "open_by_handle_at",
];

/// Calls no function of the C library makes: it makes another, or there is none.
const NO_FUNCTION: &[&str] = &[
    // openat, pipe2, eventfd2, signalfd4, mknodat and prlimit are made instead.
    "open",
    "pipe",
    "eventfd",
    "signalfd",
    "mknod",
    "setrlimit",
    // Of the fork family it makes clone only, or needs a stack to run on.
    "fork",
    "vfork",
    "clone3",
    "openat2",
    "userfaultfd",
    "io_uring_setup",
    "bpf",
    "finit_module",
    // The library tells all threads to change who they are: rows make the raw call,
    // and the refused ones are made by its functions too.
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "procexit",
];

/// Calls 32-bit programs do not have on their own.
const NO_32_BIT: &[&str] = &["procexit"];

fn rows_of(event: &str) -> Vec<&'static Case> {
    let cases = FAMILIES.iter().flat_map(|family| family.cases);
    cases.filter(|case| case.event == event).collect()
}

/// Whether acts that are no rows provoke it, in success and failure as the case may be.
fn has_own(event: &str) -> bool {
    let mut own = FAMILIES.iter().flat_map(|family| family.own);
    own.any(|own| own.events.contains(&event))
}

/// What is missing of one needed event.
fn gaps(event: &'static str) -> Vec<String> {
    let rows = rows_of(event);
    let own = has_own(event);
    let succeeds = own || rows.iter().any(|row| !row.fails());
    let fails = own || rows.iter().any(|row| row.fails());
    let by_library = own || rows.iter().any(|row| row.function.is_some());
    let raw = own || rows.iter().any(|row| row.ways != Ways::Library);
    let exists_32 = number_32(event).is_some() || place_in_socketcall(event).is_some();
    let narrow = own || rows.iter().any(|row| row.ways == Ways::All) && exists_32;
    let checks: [(&str, bool, &[&str]); 5] = [
        ("a call that succeeds", succeeds, NEVER_SUCCEED),
        ("a call that fails", fails, NEVER_FAIL),
        ("a call by the C library", by_library, NO_FUNCTION),
        ("a raw call", raw, &[]),
        ("a 32-bit call", narrow, NO_32_BIT),
    ];
    let missing = checks
        .iter()
        .filter(|(_, there, excused)| !there && !excused.contains(&event));
    missing
        .map(|(what, _, _)| format!("{event}: {what}"))
        .collect()
}

/// Calls that report something besides a result.
fn is_told(row: &EventType) -> bool {
    let own = [
        "argument_mismatch",
        "connection_end",
        "dns",
        "tls_hello",
        "io_uring_op",
    ];
    row.captured() && !row.is_bare() && !own.contains(&row.name)
}

#[test]
fn every_event_that_rules_need_is_provoked_in_every_way() {
    let gaps: Vec<String> = NEEDED.iter().flat_map(|event| gaps(event)).collect();
    assert!(gaps.is_empty(), "missing:\n{}", gaps.join("\n"));
}

#[test]
fn every_call_with_parameters_is_provoked() {
    let told = events::rows().iter().filter(|row| is_told(row));
    let missing: BTreeSet<&str> = told
        .map(|row| row.name)
        .filter(|name| rows_of(name).is_empty() && !has_own(name))
        .collect();
    assert!(missing.is_empty(), "not provoked: {missing:?}");
}

#[test]
fn every_parameter_of_an_event_is_compared() {
    for case in FAMILIES.iter().flat_map(|family| family.cases) {
        let row = events::row(events::by_name(case.event).unwrap()).unwrap();
        let mut rest = case.shows;
        for param in row.params {
            let name = format!("{}=", param.name);
            let found = rest.split_once(&name);
            let (_, behind) = found.unwrap_or_else(|| {
                panic!(
                    "{} does not compare {}: {}",
                    case.event, param.name, case.shows
                )
            });
            rest = behind;
        }
    }
}

#[test]
fn excuses_are_of_events_that_are_needed() {
    let all = [NEVER_FAIL, NEVER_SUCCEED, NO_FUNCTION, NO_32_BIT];
    for event in all.into_iter().flatten() {
        assert!(NEEDED.contains(event), "{event}");
    }
}
