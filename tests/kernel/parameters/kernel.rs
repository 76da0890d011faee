//! Calls into the kernel itself: programs, modules, keys, clocks, names.

use super::case::Arg::{Data, Number, Out, Text};
use super::case::{Case, call};
use super::stage::{DIR, FILE, UNUSED};

/// `union bpf_attr` of a map: an array of one number, named `mine`.
const MAP: [u8; 64] = {
    let mut attribute = [0; 64];
    (attribute[0], attribute[4], attribute[8], attribute[12]) = (2, 4, 4, 1);
    (attribute[28], attribute[29], attribute[30], attribute[31]) = (b'm', b'i', b'n', b'e');
    attribute
};

pub(crate) const CASES: &[Case] = &[
    call("bpf", &[Number(0), Data(&MAP), Number(64)],
        "fd={res}(*) cmd=0(BPF_MAP_CREATE) type=2(BPF_MAP_TYPE_ARRAY) name=mine").raw(),
    call("bpf", &[Number(99), Out(8), Number(8)], "fd=-22(EINVAL) cmd=99 type=<NA> name=<NA>").raw(),
    call("init_module", &[Data(b"no module"), Number(9), Text("a=1")],
        "res=-* img=no module length=9 uargs=a=1"),
    call("finit_module", &[Number(FILE), Text("a=1"), Number(2)],
        "res=* fd=101(<f>{here}/file) uargs=a=1 flags=2(MODULE_INIT_IGNORE_VERMAGIC)").raw(),
    call("finit_module", &[Number(UNUSED), Text(""), Number(0)],
        "res=-* fd=190 uargs=<NA> flags=0").raw(),
    call("delete_module", &[Text("nosuch"), Number(0x800)],
        "res=-* name=nosuch flags=*"),
    call("kexec_load", &[Number(0), Number(99), Number(0), Number(0)], "res=-* entry=0 nr_segments=99 flags=0").raw(),
    call("kexec_file_load", &[Number(UNUSED), Number(UNUSED), Number(2), Text("q"), Number(4)],
        "res=-* kernel_fd=190 initrd_fd=190 cmdline=q flags=4(KEXEC_FILE_NO_INITRAMFS)").raw(),
    call("reboot", &[Number(1), Number(2), Number(3), Number(0)],
        "res=-22(EINVAL) magic=1 magic2=2 op=3").raw(),
    call("syslog", &[Number(77), Number(0), Number(0)], "res=-22(EINVAL) action=77 len=0").by("klogctl"),
    call("sethostname", &[Text("name"), Number(-1)], "res=-22(EINVAL) name=*").raw(),
    call("setdomainname", &[Text("name"), Number(-1)], "res=-22(EINVAL) name=*").raw(),
    call("settimeofday", &[Data(&[1, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), Number(0)],
        "res=-22(EINVAL) tv=<NA>").raw().wide(),
    call("clock_settime", &[Number(1), Data(&[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0])],
        "res=-22(EINVAL) clockid=1(CLOCK_MONOTONIC) tp=1000000002").wide(),
    call("iopl", &[Number(9)], "res=-* level=9"),
    call("ioperm", &[Number(0x10_0000), Number(1), Number(1)], "res=-* from=100000 num=1 turn_on=1"),
    call("modify_ldt", &[Number(77), Number(0), Number(16)], "res=* func=77 bytecount=16"),
    call("perf_event_open", &[Out(128), Number(-1), Number(-1), Number(-1), Number(0)],
        "res=-22(EINVAL) type=0(PERF_TYPE_HARDWARE) config=0 pid=-1 cpu=-1 group_fd=-1(EPERM) flags=0").raw(),
    call("add_key", &[Text("nosuch"), Text("mine"), Data(b"secret"), Number(6), Number(-2)],
        "res=-19(ENODEV) type=nosuch description=mine size=6 keyring=-2").raw(),
    call("request_key", &[Text("nosuch"), Text("mine"), Text("info"), Number(-2)],
        "res=-* type=nosuch description=mine callout=info keyring=-2").raw(),
    call("keyctl", &[Number(99), Number(-2), Number(3), Number(4), Number(5)],
        "res=-95(EOPNOTSUPP) operation=99 key=-2 arg3=3 arg4=4 arg5=5").raw(),
    call("io_uring_enter", &[Number(FILE), Number(1), Number(0), Number(1), Number(0), Number(0)],
        "res=-95(EOPNOTSUPP) fd=101(<f>{here}/file) to_submit=1 min_complete=0 flags=1(*) sig=<NA>").raw(),
    call("io_uring_register", &[Number(FILE), Number(2), Number(0), Number(1)],
        "res=-95(EOPNOTSUPP) fd=101(<f>{here}/file) opcode=2(*) arg=0 nr_args=1").raw(),
    call("seccomp", &[Number(77), Number(1), Number(0)], "res=-22(EINVAL) op=77 flags=1(*)").raw(),
    call("landlock_create_ruleset", &[Data(&[1, 0, 0, 0, 0, 0, 0, 0]), Number(8), Number(2)],
        "res=-22(EINVAL) handled_access_fs=1 size=8 flags=2").raw(),
    call("landlock_add_rule", &[Number(FILE), Number(1), Out(16), Number(0)],
        "res=-77(EBADFD) ruleset_fd=101(<f>{here}/file) rule_type=1(*) flags=0").raw(),
    call("landlock_restrict_self", &[Number(FILE), Number(0)],
        "res=-77(EBADFD) ruleset_fd=101(<f>{here}/file) flags=0").raw(),
    call("fsopen", &[Text("nosuchfs"), Number(1)], "res=-19(ENODEV) fsname=nosuchfs flags=1(*)").raw(),
    call("fspick", &[Number(DIR), Text("nosuch"), Number(1)],
        "res=-2(ENOENT) dirfd=100(<d>{here}) path=nosuch({here}/nosuch) flags=1(*)").raw(),
    call("fsconfig", &[Number(UNUSED), Number(1), Text("size"), Text("4k"), Number(0)],
        "res=-9(EBADF) fd=190 cmd=1(FSCONFIG_SET_STRING) key=size value_bytebuf=NULL value_charbuf=4k aux=0").raw(),
    call("fsmount", &[Number(UNUSED), Number(1), Number(2)],
        "res=-9(EBADF) fsfd=190 flags=1(*) attr_flags=2(*)").raw(),
    call("open_tree", &[Number(DIR), Text("nosuch"), Number(0)],
        "res=-2(ENOENT) dirfd=100(<d>{here}) path=nosuch({here}/nosuch) flags=0").raw(),
    call("move_mount", &[Number(DIR), Text("a"), Number(FILE), Text("b"), Number(4)],
        "res=-* olddirfd=100(<d>{here}) oldpath=a({here}/a) newdirfd=101(<d>{here}/file) newpath=b({here}/file/b) flags=4(*)").raw(),
    call("mount_setattr", &[Number(DIR), Text("nosuch"), Number(0), Data(&[1; 32]), Number(32)],
        "res=-* dirfd=100(<d>{here}) path=nosuch({here}/nosuch) flags=0 attr_set=* attr_clr=*").raw(),
    call("quotactl_fd", &[Number(UNUSED), Number(0), Number(5), Number(0)],
        "res=-9(EBADF) fd=190 cmd=* type=* id=5").raw(),
    call("open_tree_attr", &[Number(DIR), Text("nosuch"), Number(0), Data(&[1; 32]), Number(32)],
        "res=-* dirfd=100(<d>{here}) path=nosuch({here}/nosuch) flags=0 attr_set=* attr_clr=*").raw(),
    call("quotactl", &[Number(0), Text("nosuch"), Number(5), Number(0)],
        "res=-* special=nosuch quotafilepath=<NA> dqb_bhardlimit=<NA> dqb_bsoftlimit=<NA> dqb_curspace=<NA> \
         dqb_ihardlimit=<NA> dqb_isoftlimit=<NA> dqb_btime=<NA> dqb_itime=<NA> dqi_bgrace=<NA> dqi_igrace=<NA> \
         dqi_flags=<NA> quota_fmt_out=<NA> cmd=* type=* id=5 quota_fmt=<NA>").raw(),
];
