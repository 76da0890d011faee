//! evt.*, fd.* and fs.* of calls that have no record of their own: records are
//! made as the kernel makes them, and decoded

use sensor_ebpf::Kind;
use sensor_ebpf::call::{
    Descriptor, RESULT, Record, SECTION_ADDRESS, SECTION_BASE, SECTION_BYTES, SECTION_DESCRIPTOR,
    SECTION_TEXT, Section,
};
use zerocopy::{FromZeros, IntoBytes};

use super::*;
use crate::decode::{Abi, Via, decode};
use crate::events;

/// A call while its record is put together.
struct Made {
    fixed: Record,
    sections: Vec<u8>,
}

fn call(name: &str, result: i64, args: &[i64]) -> Made {
    let row = events::row(events::by_name(name).unwrap()).unwrap();
    let mut fixed = Record::new_zeroed();
    fixed.header.kind = Kind::Call as u16;
    fixed.number = events::numbers::number(row).unwrap();
    fixed.result = result;
    for (to, from) in fixed.args.iter_mut().zip(args) {
        *to = from.cast_unsigned();
    }
    Made {
        fixed,
        sections: Vec::new(),
    }
}

impl Made {
    fn section(mut self, what: u8, arg: u8, full: usize, bytes: &[u8]) -> Self {
        let head = Section {
            what,
            arg,
            len: u16::try_from(bytes.len()).unwrap(),
            full: u32::try_from(full).unwrap(),
        };
        self.sections.extend(head.as_bytes());
        self.sections.extend(bytes);
        self.fixed.sections += 1;
        self
    }

    fn text(self, arg: u8, text: &str) -> Self {
        self.section(SECTION_TEXT, arg, 0, text.as_bytes())
    }

    fn base(self, arg: u8, path: &str) -> Self {
        self.section(SECTION_BASE, arg, 0, path.as_bytes())
    }

    fn bytes(self, arg: u8, bytes: &[u8]) -> Self {
        self.section(SECTION_BYTES, arg, bytes.len(), bytes)
    }

    /// Numbers of 64 bits in memory.
    fn words(self, arg: u8, words: &[u64]) -> Self {
        self.bytes(arg, words.as_bytes())
    }

    fn address(self, arg: u8, bytes: &[u8]) -> Self {
        self.section(SECTION_ADDRESS, arg, 0, bytes)
    }

    fn descriptor(self, arg: u8, mut told: Descriptor, path: &str) -> Self {
        told.path_len = u16::try_from(path.len()).unwrap();
        let bytes = [told.as_bytes(), path.as_bytes()].concat();
        self.section(SECTION_DESCRIPTOR, arg, 0, &bytes)
    }

    fn record(mut self) -> Vec<u8> {
        self.fixed.header.len = u32::try_from(size_of::<Record>() + self.sections.len()).unwrap();
        [self.fixed.as_bytes(), &self.sections].concat()
    }

    fn check(self, expected: &[(&str, &str)]) {
        self.check_in(&on_the_host(), expected);
    }

    fn check_in(self, scene: &Scene, expected: &[(&str, &str)]) {
        let record = self.record();
        let event = decode(&record, 0).unwrap();
        scene.check(&event.body, expected);
    }
}

/// The scene with a process that has the same number in its own pid namespace.
fn on_the_host() -> Scene {
    let mut cat = process(40, Some(30), "cat", "cat /etc/passwd -n", "/usr/bin/cat");
    cat.ids.vpid = 40;
    Scene::new().with_process(cat)
}

fn file(number: i32, mode: u16) -> Descriptor {
    let mut told = Descriptor::new_zeroed();
    (told.number, told.mode, told.magic) = (number, mode, 0xef53);
    (told.ino, told.dev) = (77, 8 << 20 | 1);
    told
}

/// An IPv4 socket with its ends; port 0 where it has none.
fn socket(number: i32, protocol: u16, local: ([u8; 4], u16), remote: ([u8; 4], u16)) -> Descriptor {
    let mapped = |ip: [u8; 4]| std::net::Ipv4Addr::from(ip).to_ipv6_mapped().octets();
    let mut told = Descriptor::new_zeroed();
    (told.number, told.mode, told.magic) = (number, 0o140_777, 0x534f_434b);
    (told.family, told.protocol) = (2, protocol);
    told.socket_type = if protocol == 6 { 1 } else { 2 };
    (told.local, told.local_port) = (mapped(local.0), local.1);
    (told.remote, told.remote_port) = (mapped(remote.0), remote.1);
    told
}

/// `struct sockaddr_in`.
fn ipv4(ip: [u8; 4], port: u16) -> Vec<u8> {
    [&2_u16.to_ne_bytes()[..], &port.to_be_bytes(), &ip].concat()
}

const HERE: [u8; 4] = [10, 0, 0, 1];
const THERE: [u8; 4] = [93, 184, 216, 34];
const ANY: [u8; 4] = [0; 4];

#[test]
fn paths_are_absolute_behind_the_directory_the_kernel_started_from() {
    call("renameat2", 0, &[5, 0, -100, 0, 1])
        .text(1, "old/../a")
        .base(1, "/srv")
        .text(3, "b")
        .base(3, "/home/u")
        .check(&[
            ("evt.type", "renameat2"),
            ("evt.category", "file"),
            ("evt.arg.res", "0"),
            ("evt.arg.olddirfd", "<d>/srv"),
            ("evt.arg.oldpath", "/srv/a"),
            ("evt.arg.newdirfd", "AT_FDCWD"),
            ("evt.arg.newpath", "/home/u/b"),
            ("evt.arg.flags", "RENAME_NOREPLACE"),
            ("evt.rawarg.oldpath", "old/../a"),
            (
                "evt.args",
                "res=0 olddirfd=5(<d>/srv) oldpath=old/../a(/srv/a) newdirfd=-100(AT_FDCWD) \
                 newpath=b(/home/u/b) flags=1(RENAME_NOREPLACE)",
            ),
            ("evt.abspath.src", "/srv/a"),
            ("evt.abspath.dst", "/home/u/b"),
            ("evt.abspath", "-"),
            ("fs.path.name", "-"),
            ("fs.path.source", "/srv/a"),
            ("fs.path.sourceraw", "old/../a"),
            ("fs.path.target", "/home/u/b"),
            ("fd.num", "-"),
            ("fd.name", "-"),
        ]);
    call("mkdirat", -17, &[7, 0, 0o755]).text(1, "d").check(&[
        ("evt.arg.res", "EEXIST"),
        ("evt.arg.dirfd", "7"),
        ("evt.arg.path", "d"),
        ("evt.arg.mode", "755"),
        ("evt.abspath", "<UNKNOWN>/d"),
        ("fs.path.name", "-"),
    ]);
    call("unlink", 0, &[0]).text(0, "/etc//x").check(&[
        ("evt.arg.path", "/etc//x"),
        ("fs.path.name", "/etc/x"),
        ("fs.path.nameraw", "/etc//x"),
        ("evt.abspath", "-"),
    ]);
    // Without a directory of the kernel's, that of the process.
    call("rmdir", 0, &[0])
        .text(0, "d")
        .check(&[("evt.arg.path", "/home/u/d"), ("fs.path.name", "/home/u/d")]);
    // Where a chdir led to, and where one would have.
    for (result, path) in [(0, "/home/u/w"), (-2, "/home/u/w/w")] {
        call("chdir", result, &[0])
            .text(0, "w")
            .base(0, "/home/u/w")
            .check(&[("evt.arg.path", path)]);
    }
    call("chdir", 0, &[0])
        .text(0, "w")
        .base(0, "/home/u/w")
        .check(&[("fs.path.name", "/home/u/w")]);
    // An empty path is the descriptor itself.
    call("fchownat", 0, &[9, 0, 0, 0, 0x1000])
        .text(1, "")
        .base(1, "/data/x")
        .check(&[
            ("evt.arg.dirfd", "/data/x"),
            ("evt.arg.pathname", "/data/x"),
            ("evt.arg.flags", "AT_EMPTY_PATH"),
            ("fs.path.name", "/data/x"),
        ]);
}

#[test]
fn of_links_the_source_is_what_was_made_and_of_mounts_what_was_mounted() {
    call("symlink", 0, &[0, 0])
        .text(0, "../etc/shadow")
        .text(1, "l")
        .base(1, "/home/u")
        .check(&[
            ("evt.arg.target", "../etc/shadow"),
            ("evt.arg.linkpath", "/home/u/l"),
            ("fs.path.source", "/home/u/l"),
            ("fs.path.sourceraw", "l"),
            ("fs.path.target", "/home/etc/shadow"),
            ("fs.path.targetraw", "../etc/shadow"),
            ("fs.path.name", "-"),
        ]);
    call("linkat", 0, &[-100, 0, -100, 0, 0x400])
        .text(1, "/etc/shadow")
        .text(3, "/tmp/s")
        .check(&[
            ("evt.arg.olddir", "AT_FDCWD"),
            ("evt.arg.flags", "AT_SYMLINK_FOLLOW"),
            ("fs.path.source", "/tmp/s"),
            ("fs.path.target", "/etc/shadow"),
        ]);
    for (flags, source) in [(0x1000, "/home/u/disk"), (0, "disk")] {
        call("mount", 0, &[0, 0, 0, flags])
            .text(0, "disk")
            .text(1, "/mnt")
            .text(2, "ext4")
            .check(&[
                ("evt.arg.dev", "disk"),
                ("evt.arg.type", "ext4"),
                ("fs.path.source", source),
                ("fs.path.target", "/mnt"),
                ("fs.path.name", "-"),
            ]);
    }
    call("umount2", -16, &[0, 2]).text(0, "/mnt").check(&[
        ("evt.arg.flags", "DETACH"),
        ("evt.res", "EBUSY"),
        ("fs.path.name", "-"),
    ]);
}

#[test]
fn numbers_have_the_width_of_their_kind_and_the_words_of_their_call() {
    // What stands in the upper half of a register is nobody's.
    const DIRT: i64 = 0x7bad << 32;
    call("setuid", 0, &[DIRT | 0x3e8]).check(&[("evt.arg.uid", "u"), ("evt.rawarg.uid", "1000")]);
    call("setresuid", -1, &[DIRT | 0xffff_ffff, 0, 7]).check(&[
        ("evt.arg.ruid", "<NONE>"),
        ("evt.arg.euid", "root"),
        ("evt.arg.suid", "<NA>"),
        ("evt.res", "EPERM"),
    ]);
    call("chmod", 0, &[0, DIRT | 0o4_755])
        .text(0, "/bin/x")
        .check(&[
            (
                "evt.arg.mode",
                "S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID",
            ),
            ("evt.rawarg.mode", "2541"),
            ("evt.arg.filename", "/bin/x"),
            ("evt.abspath", "-"),
        ]);
    call("mknod", 0, &[0, 0o060_600, 0x801])
        .text(0, "/tmp/sda")
        .check(&[
            ("evt.arg.mode", "S_IWUSR|S_IRUSR|S_IFBLK"),
            ("evt.arg.dev", "801"),
        ]);
    call("unshare", 0, &[DIRT | 0x1002_0000])
        .check(&[("evt.arg.flags", "CLONE_NEWNS|CLONE_NEWUSER")]);
    call("kill", 0, &[10, DIRT | 9]).check(&[
        ("evt.arg.pid", "sshd"),
        ("evt.arg.sig", "SIGKILL"),
        ("evt.args", "res=0 pid=10(sshd) sig=9(SIGKILL)"),
    ]);
    // In a pid namespace of its own a process knows others by other numbers.
    call("kill", 0, &[10, 9]).check_in(&Scene::new(), &[("evt.arg.pid", "10")]);
    call("kill", 0, &[1040, 9]).check_in(&Scene::new(), &[("evt.arg.pid", "cat")]);
    call("kill", 0, &[DIRT | 0xffff_ffff, 15]).check(&[("evt.rawarg.pid", "-1")]);
    call("listen", 0, &[3, DIRT | 0xffff_ffff]).check(&[("evt.arg.backlog", "-1")]);
    call("mprotect", 0, &[0x7f00, 4096, 7]).check(&[
        ("evt.arg.prot", "PROT_READ|PROT_WRITE|PROT_EXEC"),
        ("evt.arg.addr", "7F00"),
        ("evt.count.error.memory", "0"),
        ("evt.count.error.other", "-"),
    ]);
    call("mprotect", 0, &[0, 4096, 0]).check(&[("evt.arg.prot", "PROT_NONE")]);
    call("personality", 0, &[0x004_0000]).check(&[("evt.arg.persona", "ADDR_NO_RANDOMIZE")]);
    // This only asks.
    call("personality", 0, &[0xffff_ffff]).check(&[("evt.arg.persona", "4294967295")]);
    call("setns", 0, &[3, 0]).check(&[("evt.arg.nstype", "0")]);
    call("getuid", 1000, &[]).check(&[("evt.arg.uid", "u"), ("evt.res", "SUCCESS")]);
}

#[test]
fn calls_without_named_parameters_show_result_and_arguments() {
    call("io_setup", -22, &[128, 0x7fff]).check(&[
        ("evt.type", "io_setup"),
        ("evt.arg.res", "EINVAL"),
        ("evt.arg.arg1", "7FFF"),
        ("evt.arg[0]", "EINVAL"),
        ("evt.arg[1]", "80"),
        ("evt.arg[3]", "-"),
        ("evt.rawarg.arg0", "128"),
        ("evt.args", "res=-22(EINVAL) arg0=80 arg1=7FFF"),
        ("evt.abi", "x86_64"),
        ("evt.via", "-"),
    ]);
    call("getpid", 40, &[]).check(&[("evt.args", "res=40")]);
}

#[test]
fn parameters_in_memory_are_read_where_they_stand() {
    call("capset", 0, &[0, 0])
        .bytes(1, [1_u32, 2, 3, 0x10, 0x20, 0x30].as_bytes())
        .check(&[
            ("evt.rawarg.cap_effective", "68719476737"),
            ("evt.rawarg.cap_permitted", "137438953474"),
            ("evt.rawarg.cap_inheritable", "206158430211"),
        ]);
    let times = [1_600_000_000, 5, 1_500_000_000, 6];
    call("utimensat", 0, &[-100, 0, 0, 0])
        .text(1, "/etc/x")
        .words(2, &times)
        .check(&[
            ("evt.arg.atime", "1600000000000000005"),
            ("evt.rawarg.mtime", "1500000000000000006"),
            ("evt.arg.path", "/etc/x"),
        ]);
    // UTIME_OMIT and UTIME_NOW, or no times at all.
    let present = [0, 0x3fff_fffe, 0, 0x3fff_ffff];
    call("utimensat", 0, &[-100, 0, 0, 0])
        .words(2, &present)
        .check(&[("evt.arg.atime", "<NA>"), ("evt.rawarg.mtime", "-")]);
    call("pipe2", 0, &[0, 0o2_000_000])
        .descriptor(0, pipe(4), "")
        .bytes(0, [4_u32, 5].as_bytes())
        .check(&[
            (
                "evt.args",
                "res=0 fd1=4(<p>pipe:[77]) fd2=5(<p>pipe:[77]) ino=77 flags=524288(O_CLOEXEC)",
            ),
            ("fd.num", "4"),
            ("fd.type", "pipe"),
            ("evt.category", "IPC"),
        ]);
    call("setxattr", 0, &[0, 0, 0, 4, 0])
        .text(0, "/bin/x")
        .text(1, "security.capability")
        .bytes(2, b"\x01\0\0\x02")
        .check(&[
            ("evt.arg.name", "security.capability"),
            ("evt.arg.value", "...."),
            ("evt.arg.size", "4"),
        ]);
    call("sethostname", 0, &[0, 4])
        .bytes(0, b"evil")
        .check(&[("evt.arg.name", "evil")]);
}

fn pipe(number: i32) -> Descriptor {
    let mut told = file(number, 0o010_600);
    told.magic = 0x5049_5045;
    told
}

#[test]
fn what_an_argument_is_may_depend_on_another() {
    call("ptrace", 0, &[16, 10, 0, 0]).check(&[
        ("evt.arg.request", "PTRACE_ATTACH"),
        ("evt.arg.pid", "sshd"),
        ("evt.arg.addr", "0"),
        ("evt.arg.data", "0"),
    ]);
    call("ptrace", 0, &[1, 10, 0xbeef, 0x7fff])
        .words(3, &[0x1122])
        .check(&[
            ("evt.arg.request", "PTRACE_PEEKTEXT"),
            ("evt.arg.addr", "BEEF"),
            ("evt.arg.data", "1122"),
        ]);
    call("ptrace", 0, &[7, 10, 1, 9])
        .words(3, &[1])
        .check(&[("evt.arg.data", "SIGKILL"), ("evt.arg.addr", "1")]);
    call("prctl", 0, &[15, 0x7fff]).text(1, "kworker").check(&[
        ("evt.arg.option", "PR_SET_NAME"),
        ("evt.arg.arg2_str", "kworker"),
        ("evt.arg.arg2_int", "0"),
    ]);
    call("prctl", 0, &[4, 1]).text(1, "garbage").check(&[
        ("evt.arg.option", "PR_SET_DUMPABLE"),
        ("evt.arg.arg2_str", "<NA>"),
        ("evt.arg.arg2_int", "1"),
    ]);
    let mut attribute = [0; 64];
    attribute[0] = 2;
    attribute[28..31].copy_from_slice(b"map");
    attribute[48..52].copy_from_slice(b"prog");
    for (cmd, word, ty, name) in [
        (5, "BPF_PROG_LOAD", "BPF_PROG_TYPE_KPROBE", "prog"),
        (0, "BPF_MAP_CREATE", "BPF_MAP_TYPE_ARRAY", "map"),
        (2, "BPF_MAP_UPDATE_ELEM", "<NA>", "<NA>"),
        (10, "BPF_PROG_TEST_RUN|BPF_PROG_RUN", "<NA>", "<NA>"),
    ] {
        call("bpf", 3, &[cmd, 0, 64]).bytes(1, &attribute).check(&[
            ("evt.arg.cmd", word),
            ("evt.arg.type", ty),
            ("evt.arg.name", name),
        ]);
    }
    // What is no descriptor is not called one, though there is one of its number.
    for (name, args) in [("bpf", [2, 0, 64]), ("landlock_create_ruleset", [0, 0, 1])] {
        call(name, 0, &args)
            .descriptor(RESULT, file(0, 0o020_600), "/dev/null")
            .check(&[("evt.arg[0]", "0"), ("fd.num", "-"), ("fd.name", "-")]);
    }
    // A number of 4 bytes; the option's name only where it is one of sockets.
    for (level, name) in [(1, "SO_REUSEADDR"), (6, "2")] {
        call("setsockopt", 0, &[3, level, 2, 0, 4])
            .bytes(3, &1_u32.to_ne_bytes())
            .check(&[("evt.arg.optname", name), ("evt.arg.val", "1")]);
    }
}

#[test]
fn limits_of_32_bit_programs_are_half_as_wide_and_their_times_are_not_told() {
    let mut scene = Scene::new();
    (scene.task.abi, scene.task.via) = (Abi::I386, Via::Uring);
    call("utimensat", 0, &[-100, 0, 0, 0])
        .words(2, &[1, 2, 3, 4])
        .check_in(
            &scene,
            &[
                ("evt.abi", "i386"),
                ("evt.via", "io_uring"),
                ("evt.arg.atime", "<NA>"),
            ],
        );
    let narrow = 5 | 0xffff_ffff << 32;
    call("setrlimit", 0, &[7, 0]).words(1, &[narrow]).check_in(
        &scene,
        &[
            ("evt.arg.cur", "5"),
            ("evt.arg.max", "-1"),
            ("evt.arg.resource", "RLIMIT_NOFILE"),
        ],
    );
    call("setrlimit", 0, &[7, 0])
        .words(1, &[5, 6])
        .check(&[("evt.arg.cur", "5"), ("evt.arg.max", "6")]);
}

#[test]
fn a_call_on_a_descriptor_says_what_that_is() {
    call("fchmod", 0, &[5, 0o777])
        .descriptor(0, file(5, 0o100_644), "/data/real")
        .check(&[
            ("fd.num", "5"),
            ("fd.type", "file"),
            ("fd.typechar", "f"),
            ("fd.name", "/data/real"),
            ("fd.nameraw", "/data/real"),
            ("fd.realpath", "/data/real"),
            ("fd.directory", "/data"),
            ("fd.filename", "real"),
            ("fd.ino", "77"),
            ("fd.dev.major", "8"),
            ("fd.l4proto", "<NA>"),
            ("fd.ip", "()"),
            ("fd.connected", "false"),
            ("evt.arg.fd", "<f>/data/real"),
            ("evt.count.error.file", "0"),
        ]);
    call("fchdir", 0, &[5])
        .descriptor(0, file(5, 0o040_755), "/data")
        .check(&[
            ("fd.typechar", "d"),
            ("fd.directory", "/"),
            ("fd.filename", "-"),
        ]);
    // A descriptor that is not open, or that was closed by the call.
    for made in [
        call("close", 0, &[9]),
        call("close", 0, &[9]).descriptor(
            0,
            Descriptor {
                number: 9,
                ..Descriptor::new_zeroed()
            },
            "",
        ),
    ] {
        made.check(&[
            ("fd.num", "9"),
            ("fd.name", ""),
            ("fd.nameraw", ""),
            ("fd.directory", "/"),
            ("fd.typechar", "o"),
            ("fd.type", "-"),
            ("fd.filename", "-"),
            ("fd.l4proto", "-"),
            ("fd.ip", "-"),
            ("evt.arg.fd", "9"),
            ("evt.category", "unknown"),
        ]);
    }
    // What a call made, or failed to make.
    let mut memfd = file(3, 0o100_777);
    memfd.magic = 0x0102_1994;
    call("memfd_create", 3, &[0, 1])
        .text(0, "x")
        .descriptor(RESULT, memfd, "/memfd:x")
        .check(&[
            ("evt.args", "fd=3(<m>/memfd:x) name=x flags=1(MFD_CLOEXEC)"),
            ("fd.type", "memfd"),
            ("fd.typechar", "m"),
        ]);
    call("socket", -97, &[2, 1, 0]).check(&[
        ("fd.num", "-1"),
        ("fd.typechar", "4"),
        ("fd.type", "-"),
        ("evt.arg.fd", "EAFNOSUPPORT"),
        ("evt.count.error.net", "1"),
    ]);
    call("dup2", -9, &[4, 77])
        .descriptor(0, file(4, 0o100_644), "/x")
        .check(&[("fd.num", "4"), ("fd.name", "/x"), ("evt.arg.res", "EBADF")]);
    call("dup2", 0, &[4, 0])
        .descriptor(RESULT, socket(0, 6, (HERE, 40_000), (THERE, 443)), "")
        .descriptor(0, socket(4, 6, (HERE, 40_000), (THERE, 443)), "")
        .check(&[
            ("fd.num", "0"),
            ("fd.type", "ipv4"),
            ("evt.rawres", "0"),
            ("evt.arg.oldfd", "<4t>10.0.0.1:40000->93.184.216.34:443"),
            ("evt.arg.newfd", "<4t>10.0.0.1:40000->93.184.216.34:443"),
        ]);
}

#[test]
fn reads_and_writes_show_their_bytes_and_follow_their_descriptor() {
    call("read", 5, &[3, 0, 100])
        .bytes(1, b"hello")
        .descriptor(0, file(3, 0o100_644), "/x")
        .check(&[
            ("evt.buffer", "hello"),
            ("evt.buflen", "5"),
            ("evt.buflen.file.in", "5"),
            ("evt.buflen.net", "-"),
            ("evt.is_io", "true"),
            ("evt.is_io_read", "true"),
            ("evt.is_io_write", "false"),
            ("evt.io_dir", "read"),
            ("evt.category", "file"),
            ("evt.arg.data", "hello"),
            ("evt.arg.size", "100"),
        ]);
    // Of what was to be written, what was.
    call("write", 2, &[3, 0, 5])
        .bytes(1, b"he\0lo")
        .descriptor(0, pipe(3), "")
        .check(&[
            ("evt.buffer", "he"),
            ("evt.buflen.out", "2"),
            ("evt.io_dir", "write"),
            ("evt.category", "ipc"),
            ("evt.is_syslog", "false"),
        ]);
    call("write", -32, &[3, 0, 5])
        .bytes(1, b"he\0lo")
        .descriptor(0, pipe(3), "")
        .check(&[
            ("evt.arg.data", "he.lo"),
            ("evt.buflen", "-"),
            ("evt.count.error.other", "1"),
        ]);
    call("writev", 9_000, &[3, 0, 2])
        .section(SECTION_BYTES, 1, 9_000, b"beginning")
        .check(&[("evt.arg.size", "9000"), ("evt.arg.data", "beginning")]);
    let mut log = Descriptor::new_zeroed();
    (log.number, log.mode, log.family, log.magic) = (3, 0o140_777, 1, 1);
    call("sendto", 3, &[3, 0, 3, 0, 0, 0])
        .bytes(1, b"log")
        .address(4, b"\x01\0/dev/log\0")
        .descriptor(0, log, "")
        .check(&[
            ("evt.is_syslog", "true"),
            ("fd.type", "unix"),
            ("fd.name", "0->0 /dev/log"),
            ("evt.arg.tuple", "0->0 /dev/log"),
        ]);
}

#[test]
fn who_serves_follows_from_the_call_or_from_the_ports() {
    let connection = |local, remote| socket(5, 6, (HERE, local), (THERE, remote));
    call("accept4", 5, &[3, 0, 0, 0])
        .descriptor(RESULT, connection(45_000, 40_000), "")
        .descriptor(
            0,
            Descriptor {
                backlog: 5,
                backlog_max: 20,
                ..socket(3, 6, (HERE, 45_000), (ANY, 0))
            },
            "",
        )
        .check(&[
            ("fd.name", "93.184.216.34:40000->10.0.0.1:45000"),
            ("fd.cip", "93.184.216.34"),
            ("fd.sip", "10.0.0.1"),
            ("fd.lip", "10.0.0.1"),
            ("fd.rip", "93.184.216.34"),
            ("fd.sport", "45000"),
            ("fd.lport", "45000"),
            ("fd.rport", "40000"),
            ("fd.is_server", "true"),
            ("fd.connected", "true"),
            ("fd.name_changed", "false"),
            ("fd.l4proto", "tcp"),
            ("evt.arg.tuple", "93.184.216.34:40000->10.0.0.1:45000"),
            ("evt.arg.queuepct", "25"),
            ("evt.arg.queuelen", "5"),
            ("evt.arg.queuemax", "20"),
        ]);
    for (local, remote, is_server) in [
        (22, 40_000, "true"),
        (40_000, 22, "false"),
        (8_080, 2_000, "false"),
        (2_000, 8_080, "true"),
        (123, 123, "false"),
    ] {
        call("read", 0, &[5])
            .descriptor(0, connection(local, remote), "")
            .check(&[("fd.is_server", is_server), ("fd.connected", "true")]);
    }
    let listening = || socket(3, 6, (ANY, 80), (ANY, 0));
    call("listen", 0, &[3, 5])
        .descriptor(0, listening(), "")
        .check(&[
            ("fd.name", "0.0.0.0:80"),
            ("fd.sip", "0.0.0.0"),
            ("fd.sport", "80"),
            ("fd.ip", "(0.0.0.0)"),
            ("fd.cip", "-"),
            ("fd.lip", "-"),
            ("fd.is_server", "true"),
            ("fd.connected", "false"),
            ("evt.arg.fd", "<4t>0.0.0.0:80"),
        ]);
    call("bind", -98, &[3, 0, 16])
        .address(1, &ipv4(HERE, 80))
        .descriptor(0, socket(3, 6, (ANY, 0), (ANY, 0)), "")
        .check(&[
            ("evt.arg.addr", "10.0.0.1:80"),
            ("fd.name", "10.0.0.1:80"),
            ("fd.sport", "80"),
        ]);
    // A socket that was never given an address.
    call("socket", 3, &[2, 1 | 0o2_000_000, 6])
        .descriptor(RESULT, socket(3, 6, (ANY, 0), (ANY, 0)), "")
        .check(&[
            (
                "evt.args",
                "fd=3(<4>) domain=2(AF_INET) type=1 proto=6 flags=524288(SOCK_CLOEXEC)",
            ),
            ("fd.name", ""),
            ("fd.type", "ipv4"),
            ("fd.l4proto", "<NA>"),
            ("fd.connected", "false"),
            ("fd.is_server", "false"),
            ("fd.ip", "()"),
            ("fd.sip", "-"),
        ]);
}

#[test]
fn asking_for_an_address_sends_nothing_there() {
    call("getsockname", 0, &[3, 0, 0])
        .address(1, &ipv4(HERE, 80))
        .descriptor(0, socket(3, 6, (HERE, 80), (ANY, 0)), "")
        .check(&[
            ("evt.arg.addr", "10.0.0.1:80"),
            ("fd.name", "10.0.0.1:80"),
            ("fd.name_changed", "false"),
        ]);
}

#[test]
fn a_pair_of_sockets_is_two_ends() {
    let mut one = Descriptor::new_zeroed();
    (one.number, one.mode, one.family, one.magic) = (4, 0o140_777, 1, 1);
    (one.source, one.peer) = (0xa, 0xb);
    call("socketpair", 0, &[1, 1, 0, 0])
        .descriptor(3, one, "")
        .bytes(3, [4_u32, 5].as_bytes())
        .check(&[(
            "evt.args",
            "res=0 fd1=4(<u>a->b ) fd2=5(<u>b->a ) source=A peer=B \
             domain=1(AF_LOCAL|AF_UNIX) type=1 proto=0",
        )]);
}

#[test]
fn datagrams_name_their_other_end_unless_the_socket_is_connected() {
    let unconnected = || socket(3, 17, (ANY, 40_000), (ANY, 0));
    call("sendto", 3, &[3, 0, 3, 0, 0, 16])
        .bytes(1, b"dns")
        .address(4, &ipv4(THERE, 53))
        .descriptor(0, unconnected(), "")
        .check(&[
            ("fd.name", "0.0.0.0:40000->93.184.216.34:53"),
            ("evt.arg.tuple", "0.0.0.0:40000->93.184.216.34:53"),
            ("evt.arg.fd", "<4u>0.0.0.0:40000->93.184.216.34:53"),
            ("fd.connected", "false"),
            ("fd.name_changed", "true"),
            ("fd.l4proto", "udp"),
            ("fd.is_server", "false"),
            // An address that is chosen for each packet is none.
            ("fd.ip", "(93.184.216.34)"),
            ("fd.cip", "-"),
            ("fd.cport", "40000"),
            ("fd.sip", "93.184.216.34"),
            ("evt.category", "net"),
        ]);
    call("sendmsg", 3, &[3, 0, 0])
        .address(1, &ipv4(THERE, 53))
        .bytes(1, b"dns")
        .descriptor(0, unconnected(), "")
        .check(&[
            ("fd.sip", "93.184.216.34"),
            ("fd.name_changed", "true"),
            ("evt.buffer", "dns"),
            ("evt.arg.size", "3"),
        ]);
    // The answer: who has the port of a service serves.
    call("recvfrom", 3, &[3, 0, 512, 0, 0, 0])
        .address(4, &ipv4(THERE, 53))
        .descriptor(0, unconnected(), "")
        .check(&[
            ("fd.sip", "93.184.216.34"),
            ("fd.is_server", "false"),
            ("fd.name_changed", "true"),
        ]);
    call("recvmsg", 3, &[3, 0, 0])
        .address(1, &ipv4(THERE, 40_001))
        .descriptor(0, socket(3, 17, (ANY, 53), (ANY, 0)), "")
        .check(&[
            ("fd.name", "93.184.216.34:40001->0.0.0.0:53"),
            ("fd.cip", "93.184.216.34"),
            ("fd.sport", "53"),
            ("fd.is_server", "true"),
        ]);
    let connected = socket(3, 17, (HERE, 40_000), (THERE, 53));
    call("sendto", 3, &[3, 0, 3, 0, 0, 0])
        .descriptor(0, connected, "")
        .check(&[
            ("fd.connected", "true"),
            ("fd.name_changed", "false"),
            ("fd.name", "10.0.0.1:40000->93.184.216.34:53"),
        ]);
}

#[test]
fn the_real_path_is_the_kernels_or_what_is_known_of_it() {
    for (given, real) in [
        ("/etc/./x", "/etc/x"),
        ("/proc/self/root/etc/x", "/etc/x"),
        ("/proc/thread-self/root/proc/self/cwd/x", "/home/u/x"),
        ("/proc/40/root/etc/x", "/etc/x"),
        ("/proc/41/root/etc/x", "/proc/41/root/etc/x"),
        ("/proc/4/root/etc/x", "/proc/4/root/etc/x"),
        ("/proc/self/rootkit", "/proc/self/rootkit"),
        ("/proc/self/root", "/"),
    ] {
        call("unlink", 0, &[0])
            .text(0, given)
            .check(&[("fs.path.real", real)]);
    }
    call("unlink", -2, &[0])
        .text(0, "/x")
        .check(&[("fs.path.real", "-")]);
    call("fchmod", 0, &[5, 0o777])
        .descriptor(0, file(5, 0o100_644), "/data/real")
        .check(&[("fs.path.real", "/data/real"), ("fs.path.name", "-")]);
    let body = Body::Open(open(OpenCall::Openat, 5, "/home/u", "a"));
    Scene::new().check(&body, &[("fs.path.real", "/data/real")]);
}

#[test]
fn opening_by_a_handle_is_opening() {
    call("open_by_handle_at", 4, &[3, 0, 0o2_000_002])
        .descriptor(RESULT, file(4, 0o100_644), "/etc/shadow")
        .check(&[
            ("evt.arg.flags", "O_RDWR|O_CLOEXEC"),
            ("evt.arg.path", "/etc/shadow"),
            ("evt.arg.dev", "801"),
            ("evt.is_open_read", "true"),
            ("evt.is_open_write", "true"),
            ("fd.name", "/etc/shadow"),
            ("fd.num", "4"),
        ]);
}

#[test]
fn a_number_that_names_another_descriptor_is_a_number() {
    call("epoll_ctl", 0, &[3, 1, 9, 0])
        .descriptor(0, file(3, 0o100_644), "/x")
        .check(&[
            ("evt.arg.epfd", "<f>/x"),
            ("evt.arg.op", "EPOLL_CTL_ADD"),
            ("evt.arg.fd", "9"),
        ]);
    call("mmap", 0x7f00, &[0, 4096, 3, 0x22, -1, 0]).check(&[
        ("evt.arg.fd", "EPERM"),
        ("evt.arg.flags", "MAP_PRIVATE|MAP_ANONYMOUS"),
        ("fd.num", "-1"),
        ("fd.type", "-"),
    ]);
}

#[test]
fn every_call_shows_all_its_parameters_whatever_was_read() {
    let garbage = [0xa5_u8; 200];
    let scene = Scene::new();
    for row in events::rows() {
        if events::numbers::number(row).is_none() {
            continue;
        }
        for result in [-1, 0, 3] {
            let mut full = call(row.name, result, &[-1; 6]);
            for arg in [0, 1, 2, 3, 4, 5, RESULT] {
                full = full
                    .section(SECTION_TEXT, arg, 0, &garbage)
                    .section(SECTION_BASE, arg, 0, &garbage)
                    .section(SECTION_BYTES, arg, 9, &garbage)
                    .section(SECTION_ADDRESS, arg, 0, &garbage)
                    .section(SECTION_DESCRIPTOR, arg, 0, &garbage);
            }
            for made in [call(row.name, result, &[-1; 6]), full] {
                let record = made.record();
                let body = decode(&record, 0).unwrap().body;
                let shown = scene.shown(&body, "evt.args").unwrap();
                assert_eq!(scene.shown(&body, "evt.type").unwrap(), row.name);
                for param in row.params {
                    assert!(shown.contains(&format!("{}=", param.name)), "{}", row.name);
                }
                if result == 3 {
                    check_types(&scene, &body);
                }
            }
        }
    }
}

proptest::proptest! {
    // Each of them asks for every field.
    #![proptest_config(proptest::test_runner::Config::with_cases(32))]

    #[test]
    fn fields_of_any_call_are_of_their_type(
        number in 0_u16..512,
        result: i64,
        args: [u64; 6],
        sections in proptest::collection::vec(
            (1_u8..6, 0_u8..7, proptest::collection::vec(proptest::prelude::any::<u8>(), 0..150)),
            0..8,
        ),
    ) {
        let mut made = call("read", result, &[]);
        (made.fixed.number, made.fixed.args) = (number, args);
        for (what, arg, bytes) in sections {
            let arg = if arg == 6 { RESULT } else { arg };
            made = made.section(what, arg, 0, &bytes);
        }
        let record = made.record();
        check_types(&Scene::new(), &decode(&record, 0).unwrap().body);
    }
}
