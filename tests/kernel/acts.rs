//! What a child does for a test to watch: this same binary, started again with
//! the name of an act. Acts use raw calls where the C library would choose
//! another call than the one meant.

use std::{
    ffi::CString,
    net::{TcpStream, UdpSocket},
    os::{
        linux::net::SocketAddrExt,
        unix::{net as unix, process::CommandExt},
    },
    path::Path,
    process::{Command, Stdio},
};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags},
    net::{AddressFamily, SocketFlags, SocketType, connect, socket_with},
};

/// Which act, and its argument.
const ACT: &str = "SENSOR_TEST_ACT";
const ARGUMENT: &str = "SENSOR_TEST_ARGUMENT";

/// Starts a child for an act, runs it to its end, and gives its pid and what it printed.
pub(crate) fn act(name: &str, argument: &str) -> (u32, String) {
    act_in("acts", name, argument)
}

/// The same, of an act that another module's `perform` does.
pub(crate) fn act_in(module: &str, name: &str, argument: &str) -> (u32, String) {
    let this = std::env::current_exe().expect("this binary has a path");
    let perform = format!("{module}::perform");
    let child = Command::new(this)
        .args(["--exact", &perform, "--nocapture"])
        .env(ACT, name)
        .env(ARGUMENT, argument)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let pid = child.id();
    let output = child.wait_with_output().expect("the child ends");
    assert!(output.status.success(), "act {name} failed");
    (pid, String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The act asked for and its argument. In an ordinary run there is none.
pub(crate) fn asked() -> Option<(String, String)> {
    let name = std::env::var(ACT).ok()?;
    let argument = std::env::var(ARGUMENT).expect("an act has an argument");
    Some((name, argument))
}

/// The child's side of [`act`].
#[test]
fn perform() {
    let Some((name, argument)) = asked() else {
        return;
    };
    match name.as_str() {
        "opens" => opens(Path::new(&argument)),
        "many opens" => many_opens(argument.parse().unwrap()),
        "connects" => connects(&argument),
        "forks" => forks(),
        "32-bit calls" => calls_of_32_bits(),
        "32-bit exec" => exec_of_32_bits(),
        "exec from a thread" => panic!("{}", Command::new("/bin/true").exec()),
        "execveat" => execveat(),
        "threads ending at once" => threads_ending_at_once(),
        other => panic!("no act {other:?}"),
    }
}

#[expect(unsafe_code, reason = "calls the C library would replace by others")]
fn call(number: libc::c_long, arguments: [usize; 3]) -> i64 {
    let [a, b, c] = arguments;
    // SAFETY: every caller below passes what the call of that number expects.
    unsafe { libc::syscall(number, a, b, c) }
}

/// In an empty directory: six opens, each another call or another way to name a file.
fn opens(dir: &Path) {
    std::env::set_current_dir(dir).unwrap();
    let create = OFlags::CREATE | OFlags::WRONLY;
    drop(rustix::fs::openat(CWD, "made", create, Mode::from(0o640)).unwrap());
    std::fs::create_dir("sub").unwrap();
    std::os::unix::fs::symlink("../made", "sub/link").unwrap();
    let sub = rustix::fs::openat(CWD, "sub", OFlags::PATH, Mode::empty()).unwrap();
    drop(rustix::fs::openat(&sub, "link", OFlags::RDONLY, Mode::empty()).unwrap());
    let flags = OFlags::RDONLY;
    let refused = rustix::fs::openat2(
        &sub,
        "link",
        flags,
        Mode::empty(),
        ResolveFlags::NO_SYMLINKS,
    );
    assert_eq!(refused.unwrap_err(), rustix::io::Errno::LOOP);
    let path = |name: &str| CString::new(dir.join(name).to_str().unwrap()).unwrap();
    let (made, new, missing) = (path("made"), path("new"), path("missing"));
    assert!(call(libc::SYS_open, [made.as_ptr().addr(), 0, 0]) >= 0);
    assert!(call(libc::SYS_creat, [new.as_ptr().addr(), 0o600, 0]) >= 0);
    assert_eq!(call(libc::SYS_open, [missing.as_ptr().addr(), 2, 0]), -1);
}

fn many_opens(count: usize) {
    for _ in 0..count {
        drop(rustix::fs::openat(CWD, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap());
    }
}

/// To a listener on IPv4 and one on IPv6, a refusing port, and unix sockets:
/// `port4 port6 refusing path abstract`.
fn connects(argument: &str) {
    let words: Vec<&str> = argument.split(' ').collect();
    let port = |index: usize| words[index].parse::<u16>().unwrap();
    TcpStream::connect(("127.0.0.1", port(0))).unwrap();
    TcpStream::connect(("::1", port(1))).unwrap();
    TcpStream::connect(("127.0.0.1", port(2))).unwrap_err();
    let flags = SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
    let address: std::net::SocketAddr = ([127, 0, 0, 1], port(0)).into();
    let pending = connect(&socket, &address).unwrap_err();
    assert_eq!(pending, rustix::io::Errno::INPROGRESS);
    let udp = UdpSocket::bind(("::", 0)).unwrap();
    udp.connect(("::ffff:127.0.0.1", 9)).unwrap();
    unix::UnixStream::connect(words[3]).unwrap();
    let name = unix::SocketAddr::from_abstract_name(words[4]).unwrap();
    unix::UnixStream::connect_addr(&name).unwrap();
}

/// One process by each call that can be made without giving up this one's stack;
/// prints the children's pids. Threads are made too, and are no processes.
fn forks() {
    std::thread::spawn(|| ()).join().unwrap();
    // struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, …
    let clone_args: [u64; 8] = [0, 0, 0, 0, 17, 0, 0, 0];
    let calls = [
        (libc::SYS_fork, [0, 0, 0]),
        (libc::SYS_clone, [17, 0, 0]),
        (libc::SYS_clone3, [clone_args.as_ptr().addr(), 64, 0]),
    ];
    for (number, arguments) in calls {
        let pid = call(number, arguments);
        if pid == 0 {
            call(libc::SYS_exit_group, [5, 0, 0]);
        }
        println!("child {pid}");
    }
}

/// Number 2 is fork and 257 `remap_file_pages` for a 32-bit caller; for a 64-bit
/// one they are open and openat.
#[expect(unsafe_code, reason = "the 32-bit entry has no other way in")]
fn calls_of_32_bits() {
    let call = |number: u64| -> u64 {
        let result;
        // SAFETY: without arguments; the kernel preserves what is not listed.
        unsafe {
            std::arch::asm!(
                "xchg rbx, {zero}", "int 0x80", "xchg rbx, {zero}",
                zero = inout(reg) 0_u64 => _,
                inout("rax") number => result,
                in("rcx") 0, in("rdx") 0, in("rsi") 0, in("rdi") 0,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            );
        }
        result
    };
    let pid = call(2);
    if pid == 0 {
        self::call(libc::SYS_exit_group, [0, 0, 0]);
    }
    call(257);
    println!("child {pid}");
}

/// Starts a program by the 32-bit execve, whose pointers have 32 bits.
fn exec_of_32_bits() {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    #[expect(unsafe_code, reason = "no library makes a call of the other table")]
    // SAFETY: a page of its own in the lowest 2 GiB (MAP_32BIT); the text ends in NUL, and
    // no list of arguments or variables means an empty one.
    unsafe {
        let page = libc::mmap(std::ptr::null_mut(), 4096, access, flags, -1, 0);
        assert_ne!(page, libc::MAP_FAILED);
        let name = c"/bin/true".to_bytes_with_nul();
        page.cast::<u8>().copy_from(name.as_ptr(), name.len());
        // The list of arguments, behind the name: the name, and the end.
        let list = page.cast::<u32>().add(16);
        list.write(u32::try_from(page.addr()).unwrap());
        std::arch::asm!(
            "xchg rbx, {name}", "int 0x80", "xchg rbx, {name}",
            name = inout(reg) page.addr() => _,
            inout("rax") 11_u64 => _,
            in("rcx") list.addr(), in("rdx") 0, in("rsi") 0, in("rdi") 0,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    panic!("it came back");
}

/// Threads held at a barrier and then let go, while the process ends.
fn threads_ending_at_once() {
    let barrier = std::sync::Arc::new(std::sync::Barrier::new(17));
    for _ in 0..16 {
        let barrier = barrier.clone();
        std::thread::spawn(move || barrier.wait());
    }
    barrier.wait();
    std::process::exit(0);
}

/// execveat with nothing but a descriptor.
fn execveat() {
    let file = rustix::fs::openat(CWD, "/bin/true", OFlags::PATH, Mode::empty()).unwrap();
    let argv = [c"true".as_ptr(), std::ptr::null()];
    let fd = usize::try_from(std::os::fd::AsRawFd::as_raw_fd(&file)).unwrap();
    #[expect(
        unsafe_code,
        reason = "the C library's fexecve would use /proc instead"
    )]
    // SAFETY: a path, a list of arguments and one of variables, each ended as it should.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            fd,
            c"".as_ptr(),
            argv.as_ptr(),
            [std::ptr::null::<libc::c_char>()].as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    panic!("{}", std::io::Error::last_os_error());
}
