//! Calls that move bytes from and to descriptors, and that wait for some.

use super::case::Arg::{Data, Longs, Number, Out, Text, Vector};
use super::case::{Case, call};
use super::stage::{EVENT, FILE, PAIR, PIPE_IN, PIPE_OUT, UNUSED, fd};

/// Puts bytes into the pipe.
fn fill() {
    // SAFETY: the stage's pipe.
    assert_eq!(
        unsafe { libc::write(fd(PIPE_IN), c"piped".as_ptr().cast(), 5) },
        5
    );
}

/// What stands in the file from here on.
fn rewrite() {
    std::fs::write("file", "contents").unwrap();
    // SAFETY: the stage's file.
    unsafe { libc::lseek(fd(FILE), 0, libc::SEEK_SET) };
}

pub(crate) const CASES: &[Case] = &[
    call("read", &[Number(FILE), Out(16), Number(4)],
        "res=4 data=cont fd=101(<f>{here}/file) size=4").before(rewrite),
    call("read", &[Number(UNUSED), Out(16), Number(4)], "res=-9(EBADF) data=NULL fd=190 size=4"),
    call("read", &[Number(PIPE_OUT), Out(16), Number(16)],
        "res=5 data=piped fd=107(<p>pipe:[{ino:107}]) size=16").before(fill),
    call("pread", &[Number(FILE), Out(16), Number(3), Number(5)],
        "res=3 data=nts fd=101(<f>{here}/file) size=3 pos=5").by("pread64"),
    call("pread", &[Number(PIPE_OUT), Out(16), Number(3), Number(5)],
        "res=-29(ESPIPE) data=NULL fd=107(<p>pipe:[{ino:107}]) size=3 pos=5").by("pread64"),
    call("readv", &[Number(FILE), Vector(&[b"123", b"4567"]), Number(2)],
        "res=7 size=7 data=content fd=101(<f>{here}/file)").before(rewrite),
    call("readv", &[Number(UNUSED), Vector(&[b"123"]), Number(1)], "res=-9(EBADF) size=* data=NULL fd=190"),
    call("preadv", &[Number(FILE), Vector(&[b"123", b"4567"]), Number(2), Number(3), Number(0)],
        "res=5 size=5 data=tents fd=101(<f>{here}/file) pos=3"),
    call("preadv2", &[Number(FILE), Vector(&[b"123", b"4567"]), Number(2), Number(3), Number(0), Number(0)],
        "res=5 size=5 data=tents fd=101(<f>{here}/file) pos=3 flags=0").raw(),
    call("write", &[Number(FILE), Data(b"hello"), Number(5)],
        "res=5 data=hello fd=101(<f>{here}/file) size=5"),
    call("write", &[Number(UNUSED), Data(b"lost"), Number(4)], "res=-9(EBADF) data=lost fd=190 size=4"),
    call("write", &[Number(EVENT), Data(&[1, 0, 0, 0, 0, 0, 0, 0]), Number(8)],
        "res=8 data=........ fd=109(<e>[eventfd]) size=8"),
    call("pwrite", &[Number(FILE), Data(b"deep"), Number(4), Number(6)],
        "res=4 data=deep fd=101(<f>{here}/file) size=4 pos=6").by("pwrite64"),
    call("pwrite", &[Number(PIPE_IN), Data(b"deep"), Number(4), Number(6)],
        "res=-29(ESPIPE) data=deep fd=108(<p>pipe:[{ino:107}]) size=4 pos=6").by("pwrite64"),
    call("writev", &[Number(FILE), Vector(&[b"one", b"two!"]), Number(2)],
        "res=7 data=onetwo! fd=101(<f>{here}/file) size=7"),
    call("writev", &[Number(UNUSED), Vector(&[b"one"]), Number(1)], "res=-9(EBADF) data=one fd=190 size=3"),
    call("pwritev", &[Number(FILE), Vector(&[b"one", b"two!"]), Number(2), Number(3), Number(0)],
        "res=7 data=onetwo! fd=101(<f>{here}/file) size=7 pos=3"),
    call("pwritev2", &[Number(FILE), Vector(&[b"one", b"two!"]), Number(2), Number(3), Number(0), Number(0)],
        "res=7 data=onetwo! fd=101(<f>{here}/file) size=7 pos=3 flags=0").raw(),
    call("sendfile", &[Number(PAIR), Number(FILE), Longs(&[2]), Number(3)],
        "res=3 offset=5 out_fd=105(*) in_fd=101(<f>{here}/file) size=3")
        .narrow("res=3 offset=* out_fd=105(*) in_fd=101(<f>{here}/file) size=3"),
    call("sendfile", &[Number(UNUSED), Number(FILE), Number(0), Number(3)],
        "res=-9(EBADF) offset=<NA> out_fd=190 in_fd=101(<f>{here}/file) size=3"),
    call("splice", &[Number(PIPE_OUT), Number(0), Number(FILE), Number(0), Number(5), Number(1)],
        "res=5 fd_in=107(<p>pipe:[{ino:107}]) fd_out=101(<f>{here}/file) size=5 flags=1(SPLICE_F_MOVE)").before(fill),
    call("splice", &[Number(UNUSED), Number(0), Number(FILE), Number(0), Number(5), Number(0)],
        "res=-9(EBADF) fd_in=190 fd_out=101(<f>{here}/file) size=5 flags=0"),
    call("tee", &[Number(FILE), Number(PIPE_IN), Number(5), Number(2)],
        "res=-22(EINVAL) fd_in=101(<f>{here}/file) fd_out=108(<p>pipe:[{ino:107}]) len=5 flags=2(SPLICE_F_NONBLOCK)"),
    call("vmsplice", &[Number(PIPE_IN), Vector(&[b"one"]), Number(1), Number(0)],
        "res=3 fd=108(<p>pipe:[{ino:107}]) size=3 data=one flags=0"),
    call("copy_file_range", &[Number(FILE), Data(&[0; 8]), Number(FILE), Data(&[30, 0, 0, 0, 0, 0, 0, 0]), Number(4), Number(0)],
        "res=4 fdout=101(<f>{here}/file) offout=34 fdin=101(<f>{here}/file) offin=4 len=4").before(rewrite),
    call("fsync", &[Number(FILE)], "res=0 fd=101(<f>{here}/file)"),
    call("fdatasync", &[Number(UNUSED)], "res=-9(EBADF) fd=190"),
    // Two descriptors, of which one is ready.
    call("poll", &[Data(&[108, 0, 0, 0, 4, 0, 0, 0, 190, 0, 0, 0, 1, 0, 0, 0]), Number(2), Number(0)],
        "res=2 fds=108:p4 190:?20 timeout=0"),
    call("poll", &[Number(8), Number(1), Number(0)], "res=-14(EFAULT) fds=<NA> timeout=0"),
    call("ppoll", &[Data(&[108, 0, 0, 0, 4, 0, 0, 0]), Number(1), Longs(&[0, 7]), Number(0), Number(8)],
        "res=1 fds=108:p4 timeout=* sigmask=<NA>"),
    call("select", &[Number(0), Number(0), Number(0), Number(0), Longs(&[0, 0])], "res=0").raw().wide(),
    call("epoll_wait", &[Number(FILE), Out(12), Number(1), Number(0)], "res=-22(EINVAL) maxevents=1"),
    call("nanosleep", &[Longs(&[0, 5]), Number(0)], "res=0 interval=5").raw().wide(),
    call("futex", &[Data(&[1, 0, 0, 0]), Number(128), Number(0)],
        "res=-11(EAGAIN) addr={x0} op=128(FUTEX_WAIT|FUTEX_PRIVATE_FLAG) val=0").raw(),
    call("access", &[Text("nosuch"), Number(4)], "res=-2(ENOENT) name=nosuch({here}/nosuch) mode=4(R_OK)"),
];
