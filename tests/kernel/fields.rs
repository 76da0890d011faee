//! What fields besides the parameters show of system calls: an act does them, and each
//! alert must show what its descriptors and paths are.

#![expect(unsafe_code, reason = "calls the C library would replace by others")]

use std::os::fd::AsRawFd;
use std::path::Path;

use crate::acts::{act_in, asked};
use crate::harness::Sensor;

/// A call that the act does, and what an alert must show of it. `HERE` stands for
/// the act's directory.
type Case = (libc::c_long, Give, &'static [&'static str]);
/// The arguments, once memory and descriptors for them are there.
type Give = fn(&Things) -> [usize; 6];

/// Descriptors that the act has open, under numbers of its own choice.
const FILE: usize = 100;
const DIRECTORY: usize = 101;
const UNUSED: usize = 190;

/// Memory that calls point to.
struct Things {
    times: [i64; 4],
    vector: [usize; 4],
    address: [u8; 16],
    pair: [i32; 2],
    buffer: [u8; 64],
    attribute: [u8; 64],
}

/// What points to a text.
fn text(text: &'static std::ffi::CStr) -> usize {
    text.as_ptr().addr()
}

/// What points to a thing.
fn at<T>(thing: &T) -> usize {
    std::ptr::from_ref(thing).addr()
}

const CWD: usize = (-100_isize).cast_unsigned();

const CASES: &[Case] = &[
    (
        libc::SYS_mkdirat,
        |_| [DIRECTORY, text(c"made"), 0o750, 0, 0, 0],
        &[
            "mkdirat",
            "res=0 dirfd=101(<d>HERE) path=made(HERE/made) mode=750",
            "name=HERE/made",
        ],
    ),
    (
        libc::SYS_mkdir,
        |_| [text(c"made"), 0o750, 0, 0, 0, 0],
        &["mkdir", "res=-17(EEXIST) path=made(HERE/made) mode=750"],
    ),
    (
        libc::SYS_symlinkat,
        |_| [text(c"../x"), CWD, text(c"link"), 0, 0, 0],
        &[
            "symlinkat",
            "res=0 target=../x linkdirfd=-100(AT_FDCWD) linkpath=link(HERE/link)",
            "source=HERE/link",
        ],
    ),
    (
        libc::SYS_renameat2,
        |_| [DIRECTORY, text(c"link"), CWD, text(c"moved"), 1, 0],
        &[
            "renameat2",
            "res=0 olddirfd=101(<d>HERE) oldpath=link(HERE/link) newdirfd=-100(AT_FDCWD) \
             newpath=moved(HERE/moved) flags=1(RENAME_NOREPLACE)",
            "source=HERE/link target=HERE/moved",
        ],
    ),
    (
        libc::SYS_linkat,
        |_| [CWD, text(c"file"), CWD, text(c"hard"), 0, 0],
        &[
            "linkat",
            "res=0 olddir=-100(AT_FDCWD) oldpath=file(HERE/file)",
            "newpath=hard(HERE/hard)",
        ],
    ),
    (
        libc::SYS_unlinkat,
        |_| [DIRECTORY, text(c"made"), 0x200, 0, 0, 0],
        &[
            "unlinkat",
            "res=0 dirfd=101(<d>HERE) name=made(HERE/made) flags=512(AT_REMOVEDIR)",
        ],
    ),
    (
        libc::SYS_unlink,
        |_| [text(c"/no/such"), 0, 0, 0, 0, 0],
        &["unlink", "res=-2(ENOENT) path=/no/such"],
    ),
    (
        libc::SYS_chmod,
        |_| [text(c"file"), 0o4_711, 0, 0, 0, 0],
        &[
            "chmod",
            "filename=file(HERE/file) mode=4711(S_IXOTH|S_IXGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID)",
        ],
    ),
    (
        libc::SYS_fchmod,
        |_| [FILE, 0o600, 0, 0, 0, 0],
        &[
            "fchmod",
            "res=0 fd=100(<f>HERE/file) mode=600(S_IWUSR|S_IRUSR)",
            "fd=100 file f HERE/file",
        ],
    ),
    (
        libc::SYS_fchown,
        |_| [FILE, usize::MAX, usize::MAX, 0, 0, 0],
        &[
            "fchown",
            "fd=100(<f>HERE/file) uid=4294967295 gid=4294967295",
        ],
    ),
    (
        libc::SYS_utimensat,
        |things| [CWD, text(c"file"), at(&things.times), 0, 0, 0],
        &[
            "utimensat",
            "path=file(HERE/file) atime=1600000000000000005 mtime=1500000000000000006",
        ],
    ),
    (
        libc::SYS_setxattr,
        |_| [text(c"file"), text(c"user.a"), text(c"abc"), 3, 1, 0],
        &[
            "setxattr",
            "path=file(HERE/file) name=user.a value=abc size=3 flags=1(XATTR_CREATE)",
        ],
    ),
    (
        libc::SYS_write,
        |_| [FILE, text(c"hello"), 5, 0, 0, 0],
        &[
            "write",
            "res=5 data=hello fd=100(<f>HERE/file) size=5",
            "file write hello 5",
        ],
    ),
    (
        libc::SYS_writev,
        |things| [FILE, at(&things.vector), 2, 0, 0, 0],
        &["writev", "res=7 data=onetwo! fd=100(<f>HERE/file) size=7"],
    ),
    (
        libc::SYS_pread64,
        |things| [FILE, at(&things.buffer), 3, 1, 0, 0],
        &[
            "pread",
            "res=3 data=ell fd=100(<f>HERE/file) size=3 pos=1",
            "file read ell 3",
        ],
    ),
    (
        libc::SYS_read,
        |things| [UNUSED, at(&things.buffer), 3, 0, 0, 0],
        &[
            "read",
            "res=-9(EBADF) data=NULL fd=190 size=3",
            "fd=190 <NA> o",
        ],
    ),
    (
        libc::SYS_pipe2,
        |things| [at(&things.pair), 0o2_000_000, 0, 0, 0, 0],
        &["pipe2", "(<p>pipe:[", "flags=524288(O_CLOEXEC)"],
    ),
    (
        libc::SYS_dup3,
        |_| [FILE, 150, 0o2_000_000, 0, 0, 0],
        &[
            "dup3",
            "res=150(<f>HERE/file) oldfd=100(<f>HERE/file) newfd=150(<f>HERE/file) flags=524288(O_CLOEXEC)",
        ],
    ),
    (
        libc::SYS_memfd_create,
        |_| [text(c"mine"), 1, 0, 0, 0, 0],
        &[
            "memfd_create",
            "(<m>/memfd:mine) name=mine flags=1(MFD_CLOEXEC)",
            "memfd m",
        ],
    ),
    (
        libc::SYS_eventfd2,
        |_| [3, 0, 0, 0, 0, 0],
        &[
            "eventfd2",
            "(<e>[eventfd]) flags=0 initval=3",
            "event e [eventfd]",
        ],
    ),
    (
        libc::SYS_socket,
        |_| [1, 1 | 0o2_000_000, 0, 0, 0, 0],
        &[
            "socket",
            "domain=1(AF_LOCAL|AF_UNIX) type=1 proto=0 flags=524288(SOCK_CLOEXEC)",
            "unix u",
        ],
    ),
    (
        libc::SYS_socket,
        |_| [99, 1, 0, 0, 0, 0],
        &[
            "socket",
            "fd=-97(EAFNOSUPPORT) domain=99 type=1",
            "fd=-1 <NA> 4",
        ],
    ),
    (
        libc::SYS_sendto,
        |things| [102, text(c"dgram"), 5, 0, at(&things.address), 16],
        &[
            "sendto",
            "res=5 data=dgram fd=102(<4u>0.0.0.0:",
            "->127.0.0.1:9",
            "chg=true con=false udp",
        ],
    ),
    (
        libc::SYS_mmap,
        |_| [0, 4096, 3, 0x22, usize::MAX, 0],
        &[
            "mmap",
            "addr=0 length=4096 prot=3(PROT_READ|PROT_WRITE) flags=34(MAP_PRIVATE|MAP_ANONYMOUS) fd=-1(EPERM)",
        ],
    ),
    (
        libc::SYS_mprotect,
        |_| [4096, 1, 4, 0, 0, 0],
        &[
            "mprotect",
            "res=-12(ENOMEM) addr=1000 length=1 prot=4(PROT_EXEC)",
        ],
    ),
    (
        libc::SYS_prctl,
        |_| [15, text(c"renamed"), 0, 0, 0, 0],
        &[
            "prctl",
            "res=0 option=15(PR_SET_NAME) arg2_str=renamed arg2_int=0",
        ],
    ),
    (
        libc::SYS_ptrace,
        |_| [16, 999_999_999, 0, 0, 0, 0],
        &[
            "ptrace",
            "res=-3(ESRCH)",
            "request=16(PTRACE_ATTACH) pid=999999999",
        ],
    ),
    (
        libc::SYS_kill,
        |_| [999_999_999, 0, 0, 0, 0, 0],
        &["kill", "res=-3(ESRCH) pid=999999999 sig=0"],
    ),
    (
        libc::SYS_setresuid,
        |_| [usize::MAX, 0, usize::MAX, 0, 0, 0],
        &[
            "setresuid",
            "res=0 ruid=4294967295(<NONE>) euid=0(root) suid=4294967295(<NONE>)",
        ],
    ),
    (
        libc::SYS_unshare,
        |_| [0x200, 0, 0, 0, 0, 0],
        &["unshare", "res=0 flags=512(CLONE_FS)"],
    ),
    (
        libc::SYS_mount,
        |_| [text(c"none"), text(c"/no/such"), text(c"tmpfs"), 3, 0, 0],
        &[
            "mount",
            "res=-2(ENOENT) dev=none dir=/no/such type=tmpfs flags=3(MS_RDONLY|MS_NOSUID)",
        ],
    ),
    (
        libc::SYS_umount2,
        |_| [text(c"/no/such"), 2, 0, 0, 0, 0],
        &["umount2", "res=-2(ENOENT) name=/no/such flags=2(DETACH)"],
    ),
    (
        libc::SYS_bpf,
        |things| [0, at(&things.attribute), 64, 0, 0, 0],
        &[
            "bpf",
            "cmd=0(BPF_MAP_CREATE) type=2(BPF_MAP_TYPE_ARRAY) name=mine",
        ],
    ),
    (
        libc::SYS_finit_module,
        |_| [FILE, text(c"a=1"), 2, 0, 0, 0],
        &[
            "finit_module",
            "fd=100(<f>HERE/file) uargs=a=1 flags=2(MODULE_INIT_IGNORE_VERMAGIC)",
        ],
    ),
    (
        libc::SYS_keyctl,
        |_| [0, (-2_isize).cast_unsigned(), 0, 0, 0, 0],
        &["keyctl", "operation=0(KEYCTL_GET_KEYRING_ID) key=-2"],
    ),
    (
        libc::SYS_personality,
        |_| [0xffff_ffff, 0, 0, 0, 0, 0],
        &["personality", "persona=4294967295"],
    ),
    // Without named parameters.
    (
        libc::SYS_io_destroy,
        |_| [0xabc, 0, 0, 0, 0, 0],
        &["io_destroy", "res=-22(EINVAL) arg0=ABC"],
    ),
    (
        libc::SYS_chdir,
        |_| [text(c"sub"), 0, 0, 0, 0, 0],
        &["chdir", "res=0 path=sub(HERE/sub)"],
    ),
    (
        libc::SYS_fchdir,
        |_| [DIRECTORY, 0, 0, 0, 0, 0],
        &["fchdir", "res=0 fd=101(<d>HERE)"],
    ),
    (
        libc::SYS_close,
        |_| [150, 0, 0, 0, 0, 0],
        &[
            "close",
            "res=0 fd=150(<f>HERE/file)",
            "fd=150 file f HERE/file",
        ],
    ),
];

const RULE: &str = r"
- rule: fields
  desc: all of one program's calls
  condition: evt.type in (TYPES) and proc.args contains fields::perform
  output: >-
    %evt.type %evt.args # fd=%fd.num %fd.type %fd.typechar %fd.name # name=%fs.path.name
    source=%fs.path.source target=%fs.path.target # %evt.category %evt.io_dir %evt.buffer
    %evt.buflen # chg=%fd.name_changed con=%fd.connected %fd.l4proto #
  priority: NOTICE
";

#[test]
fn what_a_call_works_on_is_shown_in_every_form() {
    let mut types: Vec<&str> = CASES.iter().map(|(_, _, want)| want[0]).collect();
    types.sort_unstable();
    types.dedup();
    let rule = RULE.replace("TYPES", &types.join(", "));
    let sensor = Sensor::start(&rule, "", "");
    let dir = tempfile::tempdir().unwrap();
    // As the kernel resolves it.
    let path = dir.path().canonicalize().unwrap();
    let path = path.to_str().unwrap();
    act_in("fields", "calls", path);
    sensor.wait_alert("of the last call", |alert| {
        let output = alert["output"].as_str().unwrap();
        output.contains("close res=0 fd=150")
    });
    let alerts = sensor.alerts();
    let shown: Vec<&str> = alerts
        .iter()
        .filter_map(|alert| alert["output"].as_str())
        .collect();
    for (_, _, want) in CASES {
        let [name, pieces @ ..] = want else {
            unreachable!("a case has a name");
        };
        let name = format!(" {name} ");
        let of_call = shown.iter().filter(|line| line.contains(&name));
        let pieces: Vec<String> = pieces
            .iter()
            .map(|piece| piece.replace("HERE", path))
            .collect();
        let fits = |line: &&&str| pieces.iter().all(|piece| line.contains(piece.as_str()));
        let of_call: Vec<_> = of_call.collect();
        assert!(
            of_call.iter().copied().any(|line| fits(&line)),
            "{pieces:#?} in {of_call:#?}"
        );
    }
    let (finished, _dir) = sensor.stop();
    finished.assert_adds_up();
}

/// The child's side.
#[test]
fn perform() {
    let Some((_, dir)) = asked() else {
        return;
    };
    std::env::set_current_dir(Path::new(&dir)).unwrap();
    std::fs::create_dir("sub").unwrap();
    let number = |fd: usize| i32::try_from(fd).unwrap();
    let file = std::fs::File::options();
    let file = file
        .clone()
        .create(true)
        .read(true)
        .write(true)
        .open("file")
        .unwrap();
    let directory = std::fs::File::open(&dir).unwrap();
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    for (from, to) in [
        (file.as_raw_fd(), FILE),
        (directory.as_raw_fd(), DIRECTORY),
        (socket.as_raw_fd(), 102),
    ] {
        // SAFETY: the numbers are this process's own, and free.
        assert_eq!(unsafe { libc::dup2(from, number(to)) }, number(to));
    }
    let (one, two) = ("one", "two!");
    let mut things = Things {
        times: [1_600_000_000, 5, 1_500_000_000, 6],
        vector: [one.as_ptr().addr(), 3, two.as_ptr().addr(), 4],
        address: [0; 16],
        pair: [0; 2],
        buffer: [0; 64],
        attribute: [0; 64],
    };
    things.address[..8].copy_from_slice(&[2, 0, 0, 9, 127, 0, 0, 1]);
    for (at, byte) in [(0, 2), (4, 4), (8, 4), (12, 1)] {
        things.attribute[at] = byte;
    }
    things.attribute[28..32].copy_from_slice(b"mine");
    for (call, give, _) in CASES {
        let [first, second, third, fourth, fifth, sixth] = give(&things);
        // SAFETY: each case gives what its call expects, or what it refuses.
        unsafe { libc::syscall(*call, first, second, third, fourth, fifth, sixth) };
    }
}
