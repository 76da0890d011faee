//! What cannot be said in a row: calls that make or end processes, change who the
//! child is for good, or need another process.

use std::fs;

use super::Manner;
use super::stage::{Raw, Stage, fd, put};
use crate::entry::{call_64, call_libc, int_80, low};

/// Some events, and what the child does to raise them.
pub(crate) struct Own {
    pub(crate) events: &'static [&'static str],
    pub(crate) act: fn(&mut Stage, Manner),
}

pub(crate) const ALL: &[Own] = &[
    Own {
        events: &["fork", "vfork", "clone", "clone3", "procexit"],
        act: births,
    },
    Own {
        events: &["execve", "execveat"],
        act: execs,
    },
    Own {
        events: &[
            "setuid",
            "setgid",
            "setreuid",
            "setregid",
            "setresuid",
            "setresgid",
        ],
        act: refused_identities,
    },
    Own {
        events: &["setsid", "setns", "capset", "ptrace", "signaldeliver"],
        act: others,
    },
];

/// What ends a child that has nothing else to do.
const CODE: i64 = 5;

/// Makes a process by a call that returns twice, and ends it in the same breath:
/// nothing of its may run on a stack it shares.
fn born(number: i64, args: [i64; 2]) -> i64 {
    let result: i64;
    // SAFETY: what the child does touches no memory; the parent's registers are named.
    unsafe {
        core::arch::asm!(
            "syscall", "test rax, rax", "jnz 2f",
            "mov edi, {code}", "mov eax, 231", "syscall", "2:",
            code = const CODE,
            inout("rax") number => result,
            in("rdi") args[0], in("rsi") args[1], in("rdx") 0, in("r10") 0, in("r8") 0,
            out("rcx") _, out("r11") _,
        );
    }
    result
}

/// The same through the 32-bit entry.
fn born_32(number: i64, args: [i64; 2]) -> i64 {
    let result: i64;
    // SAFETY: as above; rbx is put back on both ways.
    unsafe {
        core::arch::asm!(
            "xchg rbx, {first}", "int 0x80", "test eax, eax", "jnz 2f",
            "mov ebx, {code}", "mov eax, 252", "int 0x80", "2:", "xchg rbx, {first}",
            code = const CODE,
            first = inout(reg) args[0] => _,
            inout("rax") number => result,
            in("rcx") args[1], in("rdx") 0, in("rsi") 0, in("rdi") 0,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    i64::from(low(result).cast_signed())
}

/// Waits for a child and tells what its end must show.
fn buried(stage: &Stage, child: i64, code: i64) {
    let child = fd(child);
    let mut status = 0;
    // SAFETY: a child of this process.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(i64::from(status), code << 8);
    // Its end is the kernel's, whichever way it came to be.
    stage.expect_in(
        "x86_64|i386",
        child,
        "procexit",
        &format!("status={status} ret={code} sig=0 core=0 reaper_tid=*"),
    );
}

/// Ids the events of the fork and exec families tell.
fn ids() -> String {
    // SAFETY: calls without arguments.
    let (thread, process, parent) = unsafe { (libc::gettid(), libc::getpid(), libc::getppid()) };
    format!("tid={thread}* pid={process}(*) ptid={parent}(*)")
}

/// What of a fork's event stands between result and flags.
fn forked(stage: &Stage, child: i64, flags: &str) -> String {
    // SAFETY: calls without arguments.
    let (thread, process) = unsafe { (libc::gettid(), libc::getpid()) };
    let name = super::stage::comm();
    format!(
        "res={child}({name}) exe={exe} args=--exact.parameters::perform.--nocapture. {ids} cwd={here} \
         {usage} comm={name} cgroups={cgroup} flags={flags} uid=0 gid=0 \
         vtid={thread}* vpid={process}(*) pidns_init_start_ts=*",
        exe = std::env::current_exe().unwrap().display(),
        ids = ids(),
        here = stage.here,
        usage = usage(),
        cgroup = "*",
    )
}

/// Limits and sizes of this process; what may change meanwhile is left open.
fn usage() -> String {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: room for a limit.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    format!(
        "fdlimit={} pgft_maj=* pgft_min=* vm_size=* vm_rss=* vm_swap=0",
        limit.rlim_cur
    )
}

/// Processes made by every call there is, and their ends.
fn births(stage: &mut Stage, manner: Manner) {
    let (sigchld, vfork) = (17, 0x4100);
    // struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, …
    let clone_args: Vec<u8> = [0_u64, 0, 0, 0, 17, 0, 0, 0]
        .into_iter()
        .flat_map(u64::to_le_bytes)
        .collect();
    let at = stage.arena.put(&clone_args);
    if manner == Manner::Library {
        let child = call_libc("fork", [0; 6]);
        if child == 0 {
            call_64(libc::SYS_exit_group, [CODE, 0, 0, 0, 0, 0]);
        }
        let flags = "18874368(CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID)";
        let shows = forked(stage, child, flags);
        stage.expect("clone", &shows.replace(flags, "*"));
        buried(stage, child, CODE);
        let refused = call_libc("clone", [0; 6]);
        assert_eq!(refused, -22);
        return;
    }
    let make: fn(i64, [i64; 2]) -> i64 = if manner.is_narrow() { born_32 } else { born };
    let calls = if manner.is_narrow() {
        [2, 190, 120, 435]
    } else {
        [57, 58, 56, 435]
    };
    for (event, number, args, flags) in [
        ("fork", calls[0], [0, 0], "0"),
        ("vfork", calls[1], [0, 0], "*"),
        ("clone", calls[2], [sigchld, 0], "*"),
        ("clone", calls[2], [sigchld | vfork, 0], "*"),
        ("clone3", calls[3], [at, 64], "*"),
    ] {
        let child = make(number, args);
        assert!(child > 0, "{event}: {child}");
        stage.expect(event, &forked(stage, child, flags));
        buried(stage, child, CODE);
    }
}

/// Starts programs and fails to.
fn execs(stage: &mut Stage, manner: Manner) {
    let missing = stage.arena.text("/no/such/program");
    let words = stage.arena.put(&[0; 16]);
    if manner.is_narrow() {
        let args = [missing, words, words, 0, 0, 0].map(low);
        assert_eq!(int_80(11, args), -2);
    } else if manner == Manner::Library {
        assert_eq!(call_libc("execve", [missing, words, words, 0, 0, 0]), -2);
    } else {
        assert_eq!(
            call_64(libc::SYS_execve, [missing, words, words, 0, 0, 0]),
            -2
        );
    }
    let here = stage.here.clone();
    let own = std::env::current_exe().unwrap();
    let mine = |result: &str| {
        format!(
            "res={result} exe={} args=--exact.parameters::perform.--nocapture. {} cwd={here} {} comm=* cgroups=* env=* \
             tty=* vpgid=* loginuid=* flags=* cap_inheritable=* cap_permitted=* cap_effective=* exe_ino=* \
             exe_ino_ctime=* exe_ino_mtime=* uid=0(root) trusted_exepath=* pgid=* gid=0(root)",
            own.display(),
            ids(),
            usage(),
        )
    };
    let failed = format!("{} filename=/no/such/program", mine("-2(ENOENT)"));
    stage.expect("execve", &failed);
    let at = |way: &str, args: [i64; 6]| match way {
        "int" => int_80(358, args.map(low)),
        "function" => call_libc("execveat", args),
        _ => call_64(libc::SYS_execveat, args),
    };
    let way = match manner {
        Manner::Library => "function",
        manner if manner.is_narrow() => "int",
        _ => "call",
    };
    assert_eq!(at(way, [-100, missing, words, words, 0, 0]), -2);
    stage.expect("execveat", &mine("-2(ENOENT)"));
    started(stage, manner);
}

/// A program in a process of its own, whose file, arguments and environment are known.
fn started(stage: &mut Stage, manner: Manner) {
    // Marked for the rule, and told apart from the child's own.
    let arguments = ["/bin/true", "parameters::perform", "two words"];
    let list = |stage: &mut Stage, texts: &[&str]| {
        let mut bytes = Vec::new();
        for text in texts {
            let at = stage.arena.text(text);
            let len = if manner.is_narrow() { 4 } else { 8 };
            bytes.extend_from_slice(&at.to_le_bytes()[..len]);
        }
        bytes.extend_from_slice(&[0; 8]);
        stage.arena.put(&bytes)
    };
    let program = stage.arena.text("/bin/true");
    let words = list(stage, &arguments);
    let variables = list(stage, &["COLOUR=green"]);
    // SAFETY: the child only makes one call, or ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let args = [program, words, variables, 0, 0, 0];
        match manner {
            Manner::Library => call_libc("execve", args),
            manner if manner.is_narrow() => int_80(11, args.map(low)),
            _ => call_64(libc::SYS_execve, args),
        };
        call_64(libc::SYS_exit_group, [99, 0, 0, 0, 0, 0]);
    }
    let real = fs::canonicalize("/bin/true").unwrap();
    let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&real).unwrap());
    // SAFETY: a call without arguments.
    let parent = unsafe { libc::getpid() };
    let shows = format!(
        "res=0 exe=/bin/true args=parameters::perform.two words. tid={child}(true) pid={child}(true) ptid={parent}(*) \
         cwd={} {} comm=true cgroups=* env=COLOUR=green. tty=* vpgid=* loginuid=* flags=1(EXE_WRITABLE) \
         cap_inheritable=* cap_permitted=* cap_effective=* exe_ino={inode} exe_ino_ctime=* exe_ino_mtime=* \
         uid=0(root) trusted_exepath={} pgid=* gid=0(root) filename=/bin/true",
        stage.here,
        usage(),
        real.display(),
    );
    let mut status = 0;
    // SAFETY: a child of this process.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    stage.expect_in("x86_64|i386", child, "execve", &shows);
}

/// Changes of identity nobody but root may make, refused in a process that is not.
fn refused_identities(stage: &mut Stage, manner: Manner) {
    let calls: [(&str, [i64; 3], &str); 6] = [
        ("setuid", [0; 3], "uid=0(root)"),
        ("setgid", [0; 3], "gid=0(root)"),
        ("setreuid", [0, 0, 0], "ruid=0(root) euid=0(root)"),
        ("setregid", [0, 0, 0], "rgid=0(root) egid=0(root)"),
        (
            "setresuid",
            [0; 3],
            "ruid=0(root) euid=0(root) suid=0(root)",
        ),
        (
            "setresgid",
            [0; 3],
            "rgid=0(root) egid=0(root) sgid=0(root)",
        ),
    ];
    // SAFETY: the child makes calls without memory, and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        call_64(libc::SYS_setresgid, [1234, 1234, 1234, 0, 0, 0]);
        call_64(libc::SYS_setresuid, [1234, 1234, 1234, 0, 0, 0]);
        for (event, [a, b, c], _) in calls {
            let args = [a, b, c, 0, 0, 0];
            let result = match manner {
                Manner::Library => call_libc(event, args),
                manner if manner.is_narrow() => {
                    int_80(super::number_32(event).unwrap(), args.map(low))
                }
                _ => call_64(super::number(event), args),
            };
            if result != -1 {
                call_64(libc::SYS_exit_group, [1, 0, 0, 0, 0, 0]);
            }
        }
        call_64(libc::SYS_exit_group, [0; 6]);
    }
    let mut status = 0;
    // SAFETY: a child of this process.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    for (event, _, shows) in calls {
        stage.expect_of(child, event, &format!("res=-1(EPERM) {shows}"));
    }
}

/// A process that waits to be looked at, ended with this value.
struct Waiting(libc::pid_t);

impl Waiting {
    /// After it made that call, stopped.
    fn start(first: impl Fn() -> i64) -> Self {
        // SAFETY: the child makes calls without memory only.
        let child = unsafe { libc::fork() };
        if child == 0 {
            first();
            // SAFETY: a signal to itself.
            unsafe { libc::raise(libc::SIGSTOP) };
            call_64(libc::SYS_exit_group, [0; 6]);
        }
        let mut status = 0;
        // SAFETY: a child of this process.
        unsafe { libc::waitpid(child, &raw mut status, libc::WUNTRACED) };
        assert!(libc::WIFSTOPPED(status));
        Self(child)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // SAFETY: a child of this process.
        unsafe {
            libc::kill(self.0, libc::SIGKILL);
            libc::waitpid(self.0, std::ptr::null_mut(), 0);
        }
    }
}

/// Sessions, namespaces and other processes.
fn others(stage: &mut Stage, manner: Manner) {
    let by = |event: &'static str, args: [i64; 6]| match manner {
        Manner::Library => call_libc(event, args),
        manner if manner.is_narrow() => int_80(super::number_32(event).unwrap(), args.map(low)),
        _ => call_64(super::number(event), args),
    };
    let leader = Waiting::start(|| by("setsid", [0; 6]));
    let session = leader.0;
    stage.expect_of(session, "setsid", &format!("res={session}(*)"));
    let header = stage.arena.put(&[0x22, 5, 8, 0x20, 0, 0, 0, 0]);
    let sets = stage.arena.put(super::process::CAP_SETS);
    let weak = Waiting::start(|| by("capset", [header, sets, 0, 0, 0, 0]));
    let shows = "res=0 cap_inheritable=0 cap_permitted=4294967299 cap_effective=1";
    stage.expect_of(weak.0, "capset", shows);
    drop(weak);
    // The namespace it is in already, which changes nothing.
    put(Raw(open(c"/proc/self/ns/uts")), 160);
    assert_eq!(by("setns", [160, 0x400_0000, 0, 0, 0, 0]), 0);
    let namespace = fs::read_link("/proc/self/ns/uts").unwrap();
    let namespace = namespace.to_str().unwrap();
    stage.expect(
        "setns",
        &format!("res=0 fd=160(<o>{namespace}) nstype=67108864(CLONE_NEWUTS)"),
    );
    let pid = i64::from(session);
    assert_eq!(by("ptrace", [16, pid, 0, 0, 0, 0]), 0);
    stage.expect(
        "ptrace",
        &format!("res=0 addr=0 data=0 request=16(PTRACE_ATTACH) pid={pid}(*)"),
    );
    // What the end of this value sends.
    drop(leader);
    stage.expect_in(
        "x86_64|i386",
        thread(),
        "signaldeliver",
        &format!("spid={}(*) dpid={pid}(*) sig=9(SIGKILL)", process()),
    );
}

fn open(path: &std::ffi::CStr) -> i32 {
    // SAFETY: a text that ends.
    unsafe { libc::open(path.as_ptr(), libc::O_RDONLY) }
}

fn thread() -> libc::pid_t {
    // SAFETY: a call without arguments.
    unsafe { libc::gettid() }
}

fn process() -> libc::pid_t {
    // SAFETY: a call without arguments.
    unsafe { libc::getpid() }
}
