//! Calls on names: files made, linked, renamed, taken away, given to others.

use super::case::Arg::{Data, Number, Text};
use super::case::{Case, call};
use super::stage::{DIR, FILE, UNUSED};

const CWD: i64 = -100;

/// Two times: seconds and nanoseconds or microseconds of access and of change.
const TIMES: [u8; 32] = {
    let mut times = [0; 32];
    (times[0], times[8], times[16], times[24]) = (100, 5, 200, 6);
    times
};

/// Puts the child into a mount namespace from which nothing comes back.
fn own_mounts() {
    let (root, private) = (c"/".as_ptr(), libc::MS_REC | libc::MS_PRIVATE);
    // SAFETY: this process alone is moved.
    unsafe {
        assert_eq!(libc::unshare(libc::CLONE_NEWNS), 0);
        let null = std::ptr::null();
        assert_eq!(libc::mount(null, root, null, private, null.cast()), 0);
    }
}

pub(crate) const CASES: &[Case] = &[
    call("mkdir", &[Text("made"), Number(0o750)], "res=0 path=made({here}/made) mode=750"),
    call("mkdir", &[Text("made"), Number(0o750)], "res=-17(EEXIST) path=made({here}/made) mode=750"),
    call("mkdirat", &[Number(DIR), Text("made/in"), Number(0o700)],
        "res=0 dirfd=100(<d>{here}) path=made/in({here}/made/in) mode=700"),
    call("mkdirat", &[Number(CWD), Text("/no/such"), Number(0o700)],
        "res=-2(ENOENT) dirfd=-100(AT_FDCWD) path=/no/such mode=700"),
    call("rename", &[Text("made"), Text("moved")],
        "res=0 oldpath=made({here}/made) newpath=moved({here}/moved)"),
    call("rename", &[Text("made"), Text("moved")],
        "res=-2(ENOENT) oldpath=made({here}/made) newpath=moved({here}/moved)"),
    call("renameat", &[Number(DIR), Text("moved"), Number(CWD), Text("moved2")],
        "res=0 olddirfd=100(<d>{here}) oldpath=moved({here}/moved) newdirfd=-100(AT_FDCWD) newpath=moved2({here}/moved2)"),
    call("renameat", &[Number(UNUSED), Text("a"), Number(DIR), Text("b")],
        "res=-9(EBADF) olddirfd=190 oldpath=a newdirfd=100(<d>{here}) newpath=b({here}/b)"),
    call("renameat2", &[Number(CWD), Text("moved2"), Number(DIR), Text("moved3"), Number(1)],
        "res=0 olddirfd=-100(AT_FDCWD) oldpath=moved2({here}/moved2) newdirfd=100(<d>{here}) newpath=moved3({here}/moved3) flags=1(RENAME_NOREPLACE)"),
    call("renameat2", &[Number(CWD), Text("moved3"), Number(DIR), Text("file"), Number(1)],
        "res=-17(EEXIST) olddirfd=-100(AT_FDCWD) oldpath=moved3({here}/moved3) newdirfd=100(<d>{here}) newpath=file({here}/file) flags=1(RENAME_NOREPLACE)"),
    call("rmdir", &[Text("moved3/in")], "res=0 path=moved3/in({here}/moved3/in)"),
    call("rmdir", &[Text("moved3/in")], "res=-2(ENOENT) path=moved3/in({here}/moved3/in)"),
    call("symlink", &[Text("a target"), Text("link")], "res=0 target=a target linkpath=link({here}/link)"),
    call("symlink", &[Text("a target"), Text("link")], "res=-17(EEXIST) target=a target linkpath=link({here}/link)"),
    call("symlinkat", &[Text("../x"), Number(DIR), Text("link2")],
        "res=0 target=../x linkdirfd=100(<d>{here}) linkpath=link2({here}/link2)"),
    call("symlinkat", &[Text("../x"), Number(UNUSED), Text("link2")],
        "res=-9(EBADF) target=../x linkdirfd=190 linkpath=link2"),
    call("link", &[Text("file"), Text("hard")], "res=0 oldpath=file({here}/file) newpath=hard({here}/hard)"),
    call("link", &[Text("nosuch"), Text("hard")], "res=-2(ENOENT) oldpath=nosuch({here}/nosuch) newpath=hard({here}/hard)"),
    call("linkat", &[Number(DIR), Text("file"), Number(CWD), Text("hard2"), Number(0x400)],
        "res=0 olddir=100(<d>{here}) oldpath=file({here}/file) newdir=-100(AT_FDCWD) newpath=hard2({here}/hard2) flags=1024(AT_SYMLINK_FOLLOW)"),
    call("linkat", &[Number(DIR), Text("file"), Number(CWD), Text("hard2"), Number(0)],
        "res=-17(EEXIST) olddir=100(<d>{here}) oldpath=file({here}/file) newdir=-100(AT_FDCWD) newpath=hard2({here}/hard2) flags=0"),
    call("unlink", &[Text("hard")], "res=0 path=hard({here}/hard)"),
    call("unlink", &[Text("/no/such")], "res=-2(ENOENT) path=/no/such"),
    call("unlinkat", &[Number(DIR), Text("moved3"), Number(0x200)],
        "res=0 dirfd=100(<d>{here}) name=moved3({here}/moved3) flags=512(AT_REMOVEDIR)"),
    call("unlinkat", &[Number(CWD), Text("sub"), Number(0)],
        "res=-21(EISDIR) dirfd=-100(AT_FDCWD) name=sub({here}/sub) flags=0"),
    call("mknod", &[Text("fifo"), Number(0o010_640), Number(0)],
        "res=0 path=fifo({here}/fifo) mode=10640(*S_IFIFO) dev=0").raw(),
    call("mknod", &[Text("file"), Number(0o020_640), Number(0x103)],
        "res=-17(EEXIST) path=file({here}/file) mode=20640(*S_IFCHR) dev=103").raw(),
    call("mknodat", &[Number(DIR), Text("fifo2"), Number(0o010_600), Number(0)],
        "res=0 dirfd=100(<d>{here}) path=fifo2({here}/fifo2) mode=10600(*S_IFIFO) dev=0"),
    call("mknodat", &[Number(CWD), Text("sub"), Number(0o010_600), Number(0)],
        "res=-17(EEXIST) dirfd=-100(AT_FDCWD) path=sub({here}/sub) mode=10600(*S_IFIFO) dev=0"),
    call("chmod", &[Text("file"), Number(0o4711)],
        "res=0 filename=file({here}/file) mode=4711(S_IXOTH|S_IXGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID)"),
    call("chmod", &[Text("nosuch"), Number(0o600)],
        "res=-2(ENOENT) filename=nosuch({here}/nosuch) mode=600(S_IWUSR|S_IRUSR)"),
    call("fchmod", &[Number(FILE), Number(0o600)], "res=0 fd=101(<f>{here}/file) mode=600(S_IWUSR|S_IRUSR)"),
    call("fchmod", &[Number(UNUSED), Number(0o600)], "res=-9(EBADF) fd=190 mode=600(S_IWUSR|S_IRUSR)"),
    call("fchmodat", &[Number(DIR), Text("file"), Number(0o400), Number(0)],
        "res=0 dirfd=100(<d>{here}) filename=file({here}/file) mode=400(S_IRUSR)"),
    call("fchmodat", &[Number(FILE), Text("x"), Number(0o400), Number(0)],
        "res=-20(ENOTDIR) dirfd=101(<d>{here}/file) filename=x({here}/file/x) mode=400(S_IRUSR)"),
    call("fchmodat2", &[Number(DIR), Text("file"), Number(0o600), Number(0x100)],
        "res=* dirfd=100(<d>{here}) filename=file({here}/file) mode=600(S_IWUSR|S_IRUSR) flags=256(AT_SYMLINK_NOFOLLOW)").raw(),
    call("chown", &[Text("file"), Number(12), Number(34)], "res=0 path=file({here}/file) uid=12 gid=34"),
    call("chown", &[Text("nosuch"), Number(-1), Number(0)],
        "res=-2(ENOENT) path=nosuch({here}/nosuch) uid=4294967295 gid=0"),
    call("lchown", &[Text("link"), Number(0), Number(-1)], "res=0 path=link({here}/link) uid=0 gid=4294967295"),
    call("lchown", &[Text("nosuch"), Number(1), Number(2)], "res=-2(ENOENT) path=nosuch({here}/nosuch) uid=1 gid=2"),
    call("fchown", &[Number(FILE), Number(0), Number(0)], "res=0 fd=101(<f>{here}/file) uid=0 gid=0"),
    call("fchown", &[Number(UNUSED), Number(1), Number(2)], "res=-9(EBADF) fd=190 uid=1 gid=2"),
    call("fchownat", &[Number(DIR), Text("file"), Number(0), Number(5), Number(0x100)],
        "res=0 dirfd=100(<d>{here}) pathname=file({here}/file) uid=0 gid=5 flags=256(AT_SYMLINK_NOFOLLOW)"),
    call("fchownat", &[Number(CWD), Text("nosuch"), Number(0), Number(5), Number(0)],
        "res=-2(ENOENT) dirfd=-100(AT_FDCWD) pathname=nosuch({here}/nosuch) uid=0 gid=5 flags=0"),
    call("setxattr", &[Text("file"), Text("user.a"), Data(b"abc"), Number(3), Number(1)],
        "res=* path=file({here}/file) name=user.a value=abc size=3 flags=1(XATTR_CREATE)"),
    call("lsetxattr", &[Text("nosuch"), Text("user.a"), Data(b"abc"), Number(3), Number(0)],
        "res=-2(ENOENT) path=nosuch({here}/nosuch) name=user.a value=abc size=3 flags=0"),
    call("fsetxattr", &[Number(UNUSED), Text("user.a"), Data(b"abc"), Number(3), Number(0)],
        "res=-9(EBADF) fd=190 name=user.a value=abc size=3 flags=0"),
    call("removexattr", &[Text("nosuch"), Text("user.n")], "res=-2(ENOENT) path=nosuch({here}/nosuch) name=user.n"),
    call("lremovexattr", &[Text("nosuch"), Text("user.n")], "res=-2(ENOENT) path=nosuch({here}/nosuch) name=user.n"),
    call("fremovexattr", &[Number(UNUSED), Text("user.n")], "res=-9(EBADF) fd=190 name=user.n"),
    call("getxattr", &[Text("nosuch"), Text("user.n"), Number(0), Number(0)], "res=-2(ENOENT) path=nosuch({here}/nosuch) name=user.n"),
    call("lgetxattr", &[Text("nosuch"), Text("user.n"), Number(0), Number(0)], "res=-2(ENOENT) path=nosuch({here}/nosuch) name=user.n"),
    call("fgetxattr", &[Number(UNUSED), Text("user.n"), Number(0), Number(0)], "res=-9(EBADF) fd=190 name=user.n"),
    call("setxattrat", &[Number(DIR), Text("nosuch"), Number(0x100), Text("user.n"), Data(&[0; 16]), Number(16)],
        "res=-2(ENOENT) dirfd=100(<d>{here}) path=nosuch({here}/nosuch) flags=256(AT_SYMLINK_NOFOLLOW) name=user.n").raw(),
    call("getxattrat", &[Number(DIR), Text("nosuch"), Number(0x100), Text("user.n"), Data(&[0; 16]), Number(16)],
        "res=-2(ENOENT) dirfd=100(<d>{here}) path=nosuch({here}/nosuch) flags=256(AT_SYMLINK_NOFOLLOW) name=user.n").raw(),
    call("removexattrat", &[Number(DIR), Text("nosuch"), Number(0x100), Text("user.n")],
        "res=-2(ENOENT) dirfd=100(<d>{here}) path=nosuch({here}/nosuch) flags=256(AT_SYMLINK_NOFOLLOW) name=user.n").raw(),
    call("listxattr", &[Text("nosuch"), Number(0), Number(0)], "res=-2(ENOENT) path=nosuch({here}/nosuch)"),
    call("llistxattr", &[Text("nosuch"), Number(0), Number(0)], "res=-2(ENOENT) path=nosuch({here}/nosuch)"),
    call("flistxattr", &[Number(UNUSED), Number(0), Number(0)], "res=-9(EBADF) fd=190"),
    call("utimes", &[Text("file"), Data(&TIMES)],
        "res=0 path=file({here}/file) atime=100000005000 mtime=200000006000").raw().wide(),
    call("utime", &[Text("file"), Data(&TIMES)],
        "res=0 path=file({here}/file) atime=100 mtime=5").raw().wide(),
    call("futimesat", &[Number(DIR), Text("file"), Data(&TIMES)],
        "res=0 dirfd=100(<d>{here}) path=file({here}/file) atime=100000005000 mtime=200000006000").raw().wide(),
    call("utimensat", &[Number(CWD), Text("file"), Data(&TIMES), Number(0)],
        "res=0 dirfd=-100(AT_FDCWD) path=file({here}/file) atime=100000000005 mtime=200000000006 flags=0").wide(),
    call("truncate", &[Text("nosuch"), Number(5)], "res=-2(ENOENT) path=nosuch({here}/nosuch) length=5"),
    call("ftruncate", &[Number(FILE), Number(8)], "res=0 fd=101(<f>{here}/file) length=8"),
    call("fallocate", &[Number(UNUSED), Number(1), Number(2), Number(3)],
        "res=-9(EBADF) fd=190 mode=1(*) offset=2 len=3").wide(),
    // Where the process works, and which root it has.
    call("chdir", &[Text("sub")], "res=0 path=sub({here}/sub)"),
    call("chdir", &[Text("/no/such")], "res=-2(ENOENT) path=/no/such"),
    call("fchdir", &[Number(DIR)], "res=0 fd=100(<d>{here})"),
    call("fchdir", &[Number(FILE)], "res=-20(ENOTDIR) fd=101(<f>{here}/file)"),
    call("chroot", &[Text("nosuch")], "res=-2(ENOENT) path=nosuch({here}/nosuch)"),
    call("chroot", &[Text("/")], "res=0 path=/"),
    call("acct", &[Text("/no/such")], "res=-* path=/no/such"),
    call("uselib", &[Text("nosuch")], "res=* library=nosuch({here}/nosuch)").raw(),
    // Mounts.
    call("mount", &[Text("none"), Text("/no/such"), Text("tmpfs"), Number(3), Number(0)],
        "res=-2(ENOENT) dev=none dir=/no/such type=tmpfs flags=3(MS_RDONLY|MS_NOSUID)"),
    call("mount", &[Text("mine"), Text("sub"), Text("tmpfs"), Number(0xe), Text("size=4k")],
        "res=0 dev=mine dir=sub({here}/sub) type=tmpfs flags=14(MS_NOSUID|MS_NODEV|MS_NOEXEC)").before(own_mounts),
    call("umount2", &[Text("sub"), Number(2)], "res=0 name=sub({here}/sub) flags=2(DETACH)").by("umount2"),
    // What 32-bit programs have besides, without flags.
    call("umount2", &[Text("/no/such"), Number(2)], "res=-2(ENOENT) name=/no/such flags=2(DETACH)"),
    call("pivot_root", &[Text("/no/such"), Text("put")], "res=-2(ENOENT) new_root=/no/such put_old=put({here}/put)").raw(),
    call("swapon", &[Text("nosuch"), Number(0)], "res=-2(ENOENT) path=nosuch({here}/nosuch) swapflags=0"),
    call("swapoff", &[Text("nosuch")], "res=-2(ENOENT) path=nosuch({here}/nosuch)"),
];
