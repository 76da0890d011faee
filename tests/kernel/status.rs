//! What may change of a process without a record of its own is known at its next
//! record, however it came about and though the call that changed it is not captured.
#![expect(
    unsafe_code,
    reason = "the calls that change a process are made between fork and exec, raw"
)]

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bumpalo::Bump;
use sensor::capture::{Capture, Options};
use sensor::decode::{self, Body};
use sensor::enrich::process::Process;
use sensor::enrich::{self, State};

/// The process as the table knows it at each open of `/dev/null/NAME`, by NAME; and
/// how many records of its carried a status.
fn seen_at_marks(mut act: Command) -> (BTreeMap<String, Process>, usize) {
    let mut capture =
        Capture::start(&Options::default()).expect("kernel tests need root and a kernel with BTF");
    let mut state = State::new(enrich::Options::default());
    state.seed().unwrap();
    let mut child = act.stdin(Stdio::null()).spawn().unwrap();
    assert!(child.wait().unwrap().success(), "the act went wrong");
    let (mut marks, mut statuses) = (BTreeMap::new(), 0);
    let mut ended = false;
    let end = Instant::now() + crate::harness::patience();
    while !ended {
        assert!(Instant::now() < end, "its exit never came");
        capture.poll(Duration::from_millis(20)).unwrap();
        capture.drain(usize::MAX, &mut |record| {
            let event = decode::decode(record, state.host().boot_time_ns).unwrap();
            let actor = state.apply(&event);
            if event.task.pid != child.id() {
                return;
            }
            statuses += usize::from(event.status.is_some());
            ended |= matches!(event.body, Body::Exit(_));
            let arena = Bump::new();
            let seen = state.observe(1, &event, actor, &arena);
            if let Body::Open(open) = &event.body
                && let Some(name) = open.name.strip_prefix(b"/dev/null/")
            {
                let name = String::from_utf8_lossy(name).into_owned();
                marks.insert(name, seen.process.unwrap().clone());
            }
        });
    }
    (marks, statuses)
}

fn shell(script: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script]);
    shell
}

/// `mark NAME` in a shell: an open that changes nothing.
const MARK: &str = "mark() { { true < /dev/null/$1; } 2>/dev/null || true; };";

#[test]
fn a_change_of_directory_is_known_at_the_next_record_and_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().display();
    let script = format!(
        "{MARK} mark start; cd {path}; mark there; mark still; cd /; mark root; cd {path}; \
         mark again; mv {path} {path}.moved; mark moved"
    );
    let (marks, statuses) = seen_at_marks(shell(&script));
    std::fs::rename(format!("{path}.moved"), dir.path()).unwrap();
    let cwd = |mark: &str| String::from_utf8_lossy(&marks[mark].cwd).into_owned();
    let path = path.to_string();
    assert_eq!(
        ["there", "still", "root", "again"].map(cwd),
        [path.clone(), path.clone(), "/".to_owned(), path.clone()]
    );
    // The directory's own name is another: nobody changed directory, yet it is known.
    assert_eq!(cwd("moved"), format!("{path}.moved"));
    // The exec told the start; four changes; the second thoughts of none.
    assert!((4..=6).contains(&statuses), "{statuses} statuses");
}

/// A change made between two marks by this test's own code in the child.
fn marked(change: fn()) -> BTreeMap<String, Process> {
    let mut act = Command::new("/bin/true");
    let open = |name: &std::ffi::CStr| {
        // SAFETY: async-signal-safe, the name is a C string.
        unsafe { libc::open(name.as_ptr(), libc::O_RDONLY) };
    };
    let between = move || {
        open(c"/dev/null/before");
        change();
        open(c"/dev/null/after");
        Ok(())
    };
    // SAFETY: what it calls is async-signal-safe.
    unsafe { act.pre_exec(between) };
    seen_at_marks(act).0
}

#[test]
fn session_group_capabilities_users_login_and_namespaces_are_known_at_the_next_record() {
    let marks = marked(|| unsafe {
        libc::setsid();
    });
    let (before, after) = (&marks["before"], &marks["after"]);
    let pid = after.key.pid;
    assert_ne!(before.ids.sid, pid);
    assert_eq!([after.ids.sid, after.ids.pgid], [pid, pid]);

    let marks = marked(|| unsafe {
        libc::setpgid(0, 0);
    });
    assert_eq!(marks["after"].ids.pgid, marks["after"].key.pid);
    assert_eq!(marks["after"].ids.sid, marks["before"].ids.sid);

    // Capability 0 out of the effective set, and nothing else.
    let marks = marked(|| unsafe {
        let mut header = [0x2008_0522_u32, 0];
        let mut data = [0_u32; 6];
        libc::syscall(libc::SYS_capget, header.as_mut_ptr(), data.as_mut_ptr());
        data[0] &= !1;
        libc::syscall(libc::SYS_capset, header.as_mut_ptr(), data.as_ptr());
    });
    let (before, after) = (marks["before"].caps, marks["after"].caps);
    assert_eq!(before.effective & !1, after.effective);
    assert_ne!(before.effective, after.effective);
    assert_eq!(before.permitted, after.permitted);

    let marks = marked(|| unsafe {
        libc::syscall(libc::SYS_setresuid, 1234, 1234, 4321);
    });
    let ids = marks["after"].ids;
    assert_eq!([ids.uid, ids.euid, ids.suid], [1234, 1234, 4321]);
    // No id of it is root's any more, so the kernel took them.
    assert_ne!(marks["before"].caps.permitted, 0);
    assert_eq!(marks["after"].caps.permitted, 0);

    let marks = marked(|| unsafe {
        libc::unshare(libc::CLONE_NEWUTS | libc::CLONE_NEWNS);
    });
    let (before, after) = (marks["before"].place.ns, marks["after"].place.ns);
    assert_ne!(before.mnt, after.mnt);
    assert_ne!(before.uts, after.uts);
    assert_eq!([before.net, before.pid], [after.net, after.pid]);
}
