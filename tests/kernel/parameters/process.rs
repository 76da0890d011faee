//! Calls of a process on itself and others that can be said in rows.

use super::case::Arg::{Data, Number, Out, Text};
use super::case::{Case, call};
use super::stage::{FILE, PIDFD, UNUSED};

/// `PTRACE_ATTACH`, and a process there is none of.
const ATTACH: i64 = 16;
const NOBODY: i64 = 999_999_999;

/// A `struct __user_cap_header_struct` of no version.
const NO_VERSION: &[u8] = &[0; 8];
/// Effective, permitted and inheritable: the lower halves, then the upper ones.
pub(crate) const CAP_SETS: &[u8] = &[
    1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
];

pub(crate) const CASES: &[Case] = &[
    call("ptrace", &[Number(ATTACH), Number(NOBODY), Number(0), Number(0)],
        "res=-3(ESRCH) addr=0 data=0 request=16(PTRACE_ATTACH) pid=999999999"),
    call("kill", &[Number(NOBODY), Number(15)], "res=-3(ESRCH) pid=999999999 sig=15(SIGTERM)"),
    call("kill", &[Number(NOBODY), Number(0)], "res=-3(ESRCH) pid=999999999 sig=0"),
    call("tkill", &[Number(NOBODY), Number(10)], "res=-3(ESRCH) tid=999999999 sig=10(SIGUSR1)").raw(),
    call("tgkill", &[Number(NOBODY), Number(NOBODY), Number(10)],
        "res=-3(ESRCH) pid=999999999 tid=999999999 sig=10(SIGUSR1)"),
    call("rt_sigqueueinfo", &[Number(NOBODY), Number(10), Out(128)],
        "res=* pid=999999999 sig=10(SIGUSR1)").raw(),
    call("rt_tgsigqueueinfo", &[Number(NOBODY), Number(NOBODY), Number(10), Out(128)],
        "res=* pid=999999999 tid=999999999 sig=10(SIGUSR1)").raw(),
    call("pidfd_send_signal", &[Number(PIDFD), Number(0), Number(0), Number(0)],
        "res=0 pidfd=115(<P>[pidfd]) sig=0 flags=0"),
    call("process_vm_readv", &[Number(NOBODY), Number(0), Number(0), Number(0), Number(0), Number(0)],
        "res=* pid=999999999 data=NULL"),
    call("process_vm_writev", &[Number(NOBODY), Number(0), Number(0), Number(0), Number(0), Number(0)],
        "res=* pid=999999999 data=NULL"),
    call("process_madvise", &[Number(UNUSED), Number(0), Number(0), Number(4), Number(0)],
        "res=-9(EBADF) pidfd=190 vlen=0 advice=4 flags=0").raw(),
    call("process_mrelease", &[Number(UNUSED), Number(0)], "res=-9(EBADF) pidfd=190 flags=0").raw(),
    call("kcmp", &[Number(NOBODY), Number(NOBODY), Number(0), Number(0), Number(0)],
        "res=-3(ESRCH) pid1=999999999 pid2=999999999 type=0").raw(),
    call("prctl", &[Number(15), Text("renamed"), Number(0), Number(0), Number(0)],
        "res=0 option=15(PR_SET_NAME) arg2_str=renamed arg2_int=0"),
    call("prctl", &[Number(1), Number(9), Number(0), Number(0), Number(0)],
        "res=0 option=1(PR_SET_PDEATHSIG) arg2_str=<NA> arg2_int=9"),
    call("prctl", &[Number(1), Number(999), Number(0), Number(0), Number(0)],
        "res=-22(EINVAL) option=1(PR_SET_PDEATHSIG) arg2_str=<NA> arg2_int=999"),
    call("arch_prctl", &[Number(0x9999), Number(0)], "res=-22(EINVAL) code=9999 addr=0").raw(),
    call("personality", &[Number(0xffff_ffff)], "res=0 persona=4294967295"),
    // Who it is. The test is root's.
    call("setuid", &[Number(0)], "res=0 uid=0(root)").raw(),
    call("setgid", &[Number(0)], "res=0 gid=0(root)").raw(),
    call("setreuid", &[Number(0), Number(0)], "res=0 ruid=0(root) euid=0(root)").raw(),
    call("setregid", &[Number(0), Number(0)], "res=0 rgid=0(root) egid=0(root)").raw(),
    call("setresuid", &[Number(-1), Number(0), Number(-1)],
        "res=0 ruid=4294967295(<NONE>) euid=0(root) suid=4294967295(<NONE>)").raw(),
    call("setresgid", &[Number(-1), Number(0), Number(-1)],
        "res=0 rgid=4294967295(<NONE>) egid=0(root) sgid=4294967295(<NONE>)").raw(),
    call("setfsuid", &[Number(0)], "res=0 fsuid=0(root)"),
    call("setfsgid", &[Number(0)], "res=0 fsgid=0(root)"),
    call("setgroups", &[Number(0x10_0000), Number(0)], "res=-22(EINVAL) size=1048576").raw(),
    call("getuid", &[], "uid=0(root)"),
    call("geteuid", &[], "euid=0(root)"),
    call("getgid", &[], "gid=0(root)"),
    call("getegid", &[], "egid=0(root)"),
    call("getresuid", &[Out(4), Out(4), Out(4)], "res=0 ruid=0(root) euid=0(root) suid=0(root)").narrow("*"),
    call("getresgid", &[Out(4), Out(4), Out(4)], "res=0 rgid=0(root) egid=0(root) sgid=0(root)").narrow("*"),
    call("capset", &[Data(NO_VERSION), Data(CAP_SETS)],
        "res=-22(EINVAL) cap_inheritable=0 cap_permitted=4294967299 cap_effective=1"),
    // Groups, sessions, namespaces.
    call("setpgid", &[Number(NOBODY), Number(0)], "res=-3(ESRCH) pid=999999999 pgid=0"),
    call("setpgid", &[Number(0), Number(0)], "res=0 pid=0* pgid=0*"),
    call("setsid", &[], "res=-1(EPERM)"),
    call("setns", &[Number(FILE), Number(0x4000_0000)],
        "res=-22(EINVAL) fd=101(<f>{here}/file) nstype=1073741824(CLONE_NEWNET)"),
    call("unshare", &[Number(0x200)], "res=0 flags=512(CLONE_FS)"),
    call("unshare", &[Number(0x1)], "res=-22(EINVAL) flags=1"),
    call("getrlimit", &[Number(99), Out(16)], "res=-22(EINVAL) cur=* max=* resource=99").raw(),
    call("semget", &[Number(0x1234_5678), Number(1), Number(0)],
        "res=-2(ENOENT) key=12345678 nsems=1 semflg=0").wide(),
    call("semop", &[Number(-1), Data(&[1, 0, 255, 255, 0, 8]), Number(1)],
        "res=-22(EINVAL) nsops=1 sem_num_0=1 sem_op_0=-1 sem_flg_0=2048(IPC_NOWAIT) sem_num_1=<NA> sem_op_1=<NA> sem_flg_1=<NA> semid=-1").raw().wide(),
    call("semctl", &[Number(-1), Number(2), Number(0), Number(0)],
        "res=-22(EINVAL) semid=-1 semnum=2 cmd=0(IPC_RMID) val=0").wide(),
];
