//! Calls on the memory of a process.

use super::case::Arg::{Number, Out};
use super::case::{Case, call};
use super::stage::{FILE, UNUSED};

/// A page nobody has.
const NOWHERE: i64 = 0x1000;

pub(crate) const CASES: &[Case] = &[
    call("mmap", &[Number(0), Number(4096), Number(3), Number(0x62), Number(-1), Number(0)],
        "res={res} vm_size={vm} vm_rss={rss} vm_swap=0 addr=0 length=4096 prot=3(PROT_READ|PROT_WRITE) flags=98(MAP_PRIVATE|MAP_ANONYMOUS|MAP_32BIT) fd=-1(EPERM) offset=0")
        .narrow("res=* vm_size={vm} vm_rss={rss} vm_swap=0 addr=0 length=4096 prot=3(PROT_READ|PROT_WRITE) flags=98(MAP_PRIVATE|MAP_ANONYMOUS|MAP_32BIT) fd=-1(EPERM) offset=0"),
    call("mmap", &[Number(0), Number(100), Number(1), Number(1), Number(FILE), Number(0)],
        "res=* vm_size={vm} vm_rss={rss} vm_swap=0 addr=0 length=100 prot=1(PROT_READ) flags=1(MAP_SHARED) fd=101(<f>{here}/file) offset=0"),
    call("mmap", &[Number(0), Number(100), Number(1), Number(1), Number(UNUSED), Number(0)],
        "res=-9(EBADF) vm_size={vm} vm_rss={rss} vm_swap=0 addr=0 length=100 prot=1(PROT_READ) flags=1(MAP_SHARED) fd=190 offset=0"),
    call("munmap", &[Number(NOWHERE), Number(4096)],
        "res=0 vm_size={vm} vm_rss={rss} vm_swap=0 addr=1000 length=4096"),
    call("munmap", &[Number(1), Number(4096)],
        "res=-22(EINVAL) vm_size={vm} vm_rss={rss} vm_swap=0 addr=1 length=4096"),
    call("mprotect", &[Number(NOWHERE), Number(1), Number(5)],
        "res=-12(ENOMEM) addr=1000 length=1 prot=5(PROT_READ|PROT_EXEC)"),
    call("mprotect", &[Number(NOWHERE), Number(0), Number(4)], "res=0 addr=1000 length=0 prot=4(PROT_EXEC)"),
    call("pkey_mprotect", &[Number(NOWHERE), Number(1), Number(1), Number(-1)],
        "res=-12(ENOMEM) addr=1000 length=1 prot=1(PROT_READ) pkey=-1").raw(),
    call("mremap", &[Number(1), Number(2), Number(3), Number(1), Number(0)],
        "res=-22(EINVAL) old_address=1 old_size=2 new_size=3 flags=1(MREMAP_MAYMOVE) new_address=0"),
    call("madvise", &[Number(NOWHERE), Number(4096), Number(4)],
        "res=-12(ENOMEM) addr=1000 length=4096 advice=4"),
    call("mseal", &[Number(1), Number(2), Number(3)], "res=-22(EINVAL) addr=1 len=2 flags=3").raw(),
    call("remap_file_pages", &[Number(NOWHERE), Number(4096), Number(0), Number(1), Number(0)],
        "res=-22(EINVAL) addr=1000 size=4096 prot=0(PROT_NONE) pgoff=1 flags=0"),
    call("brk", &[Number(0)], "res=* vm_size={vm} vm_rss={rss} vm_swap=0 addr=0").raw(),
    call("mlock", &[Out(16), Number(16)], "res=0 addr={x0} len=16"),
    call("munlock", &[Number(NOWHERE), Number(1)], "res=-12(ENOMEM) addr=1000 len=1"),
    call("mlock2", &[Number(NOWHERE), Number(1), Number(1)],
        "res=-12(ENOMEM) addr=1000 len=1 flags=1(MLOCK_ONFAULT)"),
    call("mlockall", &[Number(0)], "res=-22(EINVAL) flags=0"),
    call("munlockall", &[], "res=0"),
    call("shmget", &[Number(0x1234_5678), Number(4096), Number(0)],
        "res=-2(ENOENT) key=12345678 size=4096 shmflg=0").wide(),
    call("shmat", &[Number(0x7fff_0000), Number(0), Number(0)],
        "res=-22(EINVAL) shmid=2147418112 shmaddr=0 shmflg=0").wide(),
    call("shmctl", &[Number(-1), Number(0), Number(0)], "res=-22(EINVAL) shmid=-1 cmd=0(IPC_RMID)").wide(),
    call("shmdt", &[Number(1)], "res=-22(EINVAL) shmaddr=1").wide(),
];
