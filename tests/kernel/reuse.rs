//! A pid that is given anew, for real: the second process that has it shares nothing with
//! the first, whatever of the first, or of its own start, was lost.
#![expect(unsafe_code, reason = "only a raw clone3 can ask for a pid")]

use sensor::decode::{Body, Event};
use sensor::enrich::process::ProcessKey;

use crate::acts::{act_in, asked};
use crate::proctable::{Cgroup, Live};

/// How often a pid is given anew.
const ROUNDS: usize = 50;

/// `struct clone_args` as its second version had it.
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
}

/// Forks; the child has that pid if one is asked for. 0 in the child.
fn fork(pid: Option<libc::pid_t>) -> libc::pid_t {
    let mut wanted = pid.unwrap_or_default();
    let arguments = CloneArgs {
        exit_signal: 17,
        set_tid: if pid.is_some() {
            (&raw mut wanted).addr() as u64
        } else {
            0
        },
        set_tid_size: u64::from(pid.is_some()),
        ..CloneArgs::default()
    };
    let size = size_of::<CloneArgs>();
    // SAFETY: the structure is as long as it says, and outlives the call.
    let child = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size) };
    i32::try_from(child).unwrap()
}

/// Waits for a child; it must have ended well.
fn reap(child: libc::pid_t) {
    let mut status = -1;
    // SAFETY: the status is written where it may be.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!((waited, status), (child, 0));
}

/// Into the container's cgroup, another name, another directory, another program. After
/// a fork only plain calls are made: other threads may have held locks.
fn first(procs: &std::ffi::CStr) -> ! {
    // SAFETY: C strings that outlive their calls, lists that end as they should.
    unsafe {
        let fd = libc::open(procs.as_ptr(), libc::O_WRONLY);
        libc::write(fd, c"0".as_ptr().cast(), 1);
        libc::prctl(libc::PR_SET_NAME, c"predecessor".as_ptr());
        libc::chdir(c"/usr".as_ptr());
        let argv = [
            c"/bin/true".as_ptr(),
            c"predecessor".as_ptr(),
            std::ptr::null(),
        ];
        let envp = [std::ptr::null()];
        libc::execve(argv[0], argv.as_ptr(), envp.as_ptr());
        libc::_exit(1)
    }
}

/// Opens a file and ends.
fn second() -> ! {
    // SAFETY: a C string; the process ends.
    unsafe {
        libc::open(c"/dev/null/second".as_ptr(), libc::O_RDONLY);
        libc::_exit(0)
    }
}

/// The child's side: a pid for a program in a container, and at once for a grandchild of
/// another parent; where somebody else got the pid first, another one is tried.
#[test]
fn perform() {
    let Some((_, procs)) = asked() else { return };
    let procs = std::ffi::CString::new(procs).unwrap();
    let mut pairs = 0;
    while pairs < ROUNDS {
        let pid = match fork(None) {
            0 => first(&procs),
            pid => pid,
        };
        reap(pid);
        let between = fork(None);
        if between == 0 {
            let again = fork(Some(pid));
            match again {
                0 => second(),
                // SAFETY: the process ends.
                -1 => unsafe { libc::_exit(7) },
                // SAFETY: it waits, and ends.
                child => unsafe {
                    libc::waitpid(child, std::ptr::null_mut(), 0);
                    libc::_exit(0)
                },
            }
        }
        let mut status = 0;
        // SAFETY: the status is written where it may be.
        unsafe { libc::waitpid(between, &raw mut status, 0) };
        let taken = libc::WEXITSTATUS(status) == 7;
        assert!(taken || status == 0, "{status}");
        if !taken {
            println!("pair {pid} {between}");
            pairs += 1;
        }
    }
}

/// What of the story gets lost on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Nothing,
    /// The end of the first and the start of the second.
    Succession,
    /// All of the second but its one open.
    Start,
}

impl Lost {
    fn takes(self, event: &Event<'_>) -> bool {
        match self {
            Self::Nothing => false,
            Self::Succession => matches!(event.body, Body::Exit(_) | Body::Fork(_)),
            Self::Start => matches!(event.body, Body::Fork(_)),
        }
    }
}

#[test]
fn a_pid_given_anew_has_neither_name_program_directory_parent_nor_container_of_its_first_holder() {
    let id = format!("{:064x}", u64::from(std::process::id()) + 17);
    let cgroup = Cgroup::like_docker(&id);
    let procs = cgroup.0.join("cgroup.procs").display().to_string();
    for lost in [Lost::Nothing, Lost::Succession, Lost::Start] {
        let mut live = Live::start();
        let (act, said) = act_in("reuse", "pairs", &procs);
        let pairs = said.lines().filter_map(|line| line.split_once("pair "));
        let pairs: Vec<(u32, u32)> = pairs
            .map(|(_, pair)| pair.split_once(' ').unwrap())
            .map(|(pid, parent)| (pid.parse().unwrap(), parent.parse().unwrap()))
            .collect();
        assert_eq!(pairs.len(), ROUNDS);
        let mut firsts: Vec<ProcessKey> = Vec::new();
        let mut wrong = Vec::new();
        let mut seen_second = 0;
        let keep = |event: &Event<'_>| !lost.takes(event);
        live.drain_some(&keep, &mut |seen| {
            let Some(process) = seen.process else { return };
            match &seen.event.body {
                Body::Exec(exec) if exec.argv == b"/bin/true\0predecessor\0" => {
                    assert_eq!(process.comm.as_bytes(), b"true");
                    let container = seen.container.map(|container| &container.full_id);
                    assert_eq!(container, Some(&id), "the first is in a container");
                    firsts.push(process.key);
                }
                Body::Open(open) if open.name == b"/dev/null/second" => {
                    let pid = process.key.pid;
                    let Some((_, parent)) = pairs.iter().find(|(of, _)| *of == pid) else {
                        return;
                    };
                    seen_second += 1;
                    let told = (
                        firsts.contains(&process.key),
                        process.comm.as_bytes() == b"true"
                            || process.comm.as_bytes() == b"predecessor",
                        process.image.args.ends_with(b"predecessor"),
                        &*process.cwd == b"/usr",
                        seen.container.is_some(),
                    );
                    if told != (false, false, false, false, false) {
                        wrong.push(format!("{pid}: {told:?}"));
                    }
                    let known = process.parent.map(|key| key.pid);
                    // Of a parent whose fork was lost too nothing may be known any more.
                    let right =
                        known == Some(*parent) || (lost != Lost::Nothing && known.is_none());
                    if !right || *parent == act {
                        wrong.push(format!("{pid}: parent {known:?}, not {parent}"));
                    }
                }
                _ => {}
            }
        });
        assert!(wrong.is_empty(), "{lost:?}: {wrong:#?}");
        assert_eq!(
            (firsts.len() >= ROUNDS, seen_second),
            (true, ROUNDS),
            "{lost:?}"
        );
    }
}
