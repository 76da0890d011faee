//! Arguments that change while a call reads them: told with what they were, and never
//! where nothing changed.

use std::ffi::{CString, c_char};
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

use sensor::capture::{Kind, KindSet, Options};
use sensor::decode::{Body, Differs, Mismatch, Pointed};

use crate::acts::{act, act_in, asked};
use crate::capture::{Recording, shell};
use crate::harness::until;

fn options() -> Options {
    Options {
        ring_bytes: 4 << 20,
        kinds: KindSet::EMPTY.with(Kind::Mismatch),
        ..Options::default()
    }
}

/// What is told of a process and its children.
fn told(recording: &Recording, pid: u32) -> Vec<Mismatch<'_>> {
    let of_it = |task: &sensor::decode::Task| task.pid == pid || task.ppid == pid;
    let events = recording.all().filter(|event| of_it(&event.task));
    let told = events.filter_map(|event| match event.body {
        Body::Mismatch(mismatch) => Some(mismatch),
        _ => None,
    });
    assert!(recording.counters.kind(Kind::Mismatch).adds_up());
    told.collect()
}

#[test]
fn a_path_changed_while_an_open_waits_is_told_as_it_was_and_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let argument = dir.path().to_str().unwrap();
    let (recording, (pid, _)) = Recording::of(&options(), |_| act_in("mismatch", "pipe", argument));
    let told = told(&recording, pid);
    let [it] = told.as_slice() else {
        panic!("one expected: {told:?}");
    };
    let path = |name| format!("{argument}/{name}").into_bytes();
    assert_eq!((it.number, it.arg), (257, 1));
    assert!(it.result >= 0);
    assert_eq!(it.differs, Differs::Memory);
    assert_eq!(it.entry, Pointed::Text(&path("a")));
    assert_eq!(it.exit, Pointed::Text(&path("b")));
    assert_eq!(it.kernel, Pointed::Text(&path("a")));
}

#[test]
fn a_program_name_that_changes_is_compared_with_what_the_kernel_started() {
    let dir = tempfile::tempdir().unwrap();
    let argument = dir.path().to_str().unwrap();
    let (recording, (pid, _)) =
        Recording::of(&options(), |_| act_in("mismatch", "spawn", argument));
    let told = told(&recording, pid);
    let execs: Vec<_> = told.iter().filter(|it| it.number == 59).collect();
    assert!(!execs.is_empty(), "{told:?}");
    for it in execs {
        assert_eq!((it.differs, it.exit), (Differs::Kernel, Pointed::Nothing));
        assert_eq!((it.arg, it.result), (0, 0));
        assert_ne!(it.entry, it.kernel);
        for text in [it.entry, it.kernel] {
            let Pointed::Text(text) = text else {
                panic!("{it:?}");
            };
            assert!(text.starts_with(argument.as_bytes()), "{it:?}");
        }
    }
}

#[test]
fn an_address_that_changes_is_compared_with_where_the_socket_went() {
    let (recording, (pid, said)) = Recording::of(&options(), |_| act_in("mismatch", "dial", ""));
    let ports = said.lines().find_map(|line| line.strip_prefix("ports "));
    let ports: Vec<u16> = ports
        .unwrap()
        .split(' ')
        .map(|it| it.parse().unwrap())
        .collect();
    let told = told(&recording, pid);
    assert!(!told.is_empty());
    for it in &told {
        assert_eq!((it.number, it.arg, it.result), (42, 1, 0));
        let [entry, exit, kernel] = [it.entry, it.exit, it.kernel].map(|end| match end {
            Pointed::Ip(ip, port) if ip.is_loopback() => port,
            other => panic!("{other:?} of {it:?}"),
        });
        assert!(ports.contains(&entry) && ports.contains(&exit) && ports.contains(&kernel));
        match it.differs {
            Differs::Memory => assert_ne!(entry, exit),
            Differs::Kernel => assert!(entry == exit && kernel != exit, "{it:?}"),
        }
    }
}

#[test]
fn what_stays_as_it_was_is_no_event() {
    let dir = tempfile::tempdir().unwrap();
    let argument = dir.path().to_str().unwrap();
    let (recording, pids) = Recording::of(&options(), |_| {
        let (opens, _) = act("opens", argument);
        let shell =
            shell("cd /; /bin/true; mkdir -p . && cat /etc/../etc/hostname; exec ./bin/true");
        let (execveat, _) = act("execveat", "");
        let (thread, _) = act("exec from a thread", "");
        [opens, shell, execveat, thread]
    });
    for pid in pids {
        assert_eq!(told(&recording, pid), []);
    }
    let counters = recording.counters.kind(Kind::Mismatch);
    assert_eq!(counters.lost(), 0, "{counters:?}");
}

/// The child's side.
#[test]
fn perform() {
    let Some((name, argument)) = asked() else {
        return;
    };
    match name.as_str() {
        "pipe" => pipe(Path::new(&argument)),
        "spawn" => spawn(Path::new(&argument)),
        "dial" => dial(),
        other => panic!("no act {other:?}"),
    }
}

/// A path of which another thread may change the last letter.
fn shared(path: &Path) -> (&'static [u8], &'static AtomicU8) {
    let text = CString::new(path.as_os_str().as_bytes()).unwrap();
    let bytes = text.into_bytes_with_nul().leak();
    let last = bytes.len() - 2;
    changeable(bytes, last)
}

#[expect(unsafe_code, reason = "a byte that two threads share on purpose")]
fn changeable(bytes: &'static mut [u8], at: usize) -> (&'static [u8], &'static AtomicU8) {
    let start = bytes.as_mut_ptr();
    // SAFETY: leaked, so both live for good; the kernel alone reads the bytes.
    unsafe {
        (
            std::slice::from_raw_parts(start, bytes.len()),
            AtomicU8::from_ptr(start.add(at)),
        )
    }
}

/// Opens a pipe; while that waits for the other side, the path becomes another.
#[expect(unsafe_code, reason = "the call must read the very bytes that change")]
fn pipe(dir: &Path) {
    let (path, letter) = shared(&dir.join("a"));
    rustix::fs::mknodat(
        rustix::fs::CWD,
        dir.join("a"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let (tell, hear) = std::sync::mpsc::channel();
    let opener = std::thread::spawn(move || {
        tell.send(rustix::thread::gettid()).unwrap();
        // SAFETY: a text that ends in NUL.
        unsafe {
            libc::syscall(
                libc::SYS_openat,
                libc::AT_FDCWD,
                path.as_ptr(),
                libc::O_RDONLY,
            )
        }
    });
    let tid = hear.recv().unwrap().as_raw_nonzero();
    let call = format!("/proc/self/task/{tid}/syscall");
    until(|| {
        let now = fs::read_to_string(&call).ok()?;
        now.starts_with("257 ").then_some(())
    })
    .expect("the open waits");
    letter.store(b'b', Relaxed);
    let writer = fs::OpenOptions::new().write(true).open(dir.join("a"));
    assert!(opener.join().unwrap() >= 0);
    drop(writer);
}

/// Does it while another thread changes the byte from one to the other.
fn while_flipping(byte: &'static AtomicU8, values: [u8; 2], act: impl FnOnce()) {
    let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            begun.store(true, Relaxed);
            while !done.load(Relaxed) {
                for value in values {
                    byte.store(value, Relaxed);
                }
            }
        });
        until(|| begun.load(Relaxed).then_some(())).expect("the thread begins");
        act();
        done.store(true, Relaxed);
    });
}

/// Starts one of two programs many times under a name that changes, until the kernel
/// often took another than stood there just before: then both threads ran at once.
fn spawn(dir: &Path) {
    for (name, program) in [("a", "/bin/true"), ("b", "/bin/false")] {
        std::os::unix::fs::symlink(program, dir.join(name)).unwrap();
    }
    let (path, letter) = shared(&dir.join("a"));
    while_flipping(letter, *b"ab", || {
        let mut others = 0;
        for _ in 0..20_000 {
            let asked = letter.load(Relaxed);
            let taken = if start(path) { b'a' } else { b'b' };
            others += u32::from(taken != asked);
            if others == 400 {
                break;
            }
        }
    });
}

/// Starts the program of that path and waits for it; whether it succeeded.
#[expect(unsafe_code, reason = "the child must read the parent's memory")]
fn start(path: &[u8]) -> bool {
    let (mut pid, mut status) = (0, 0);
    let arguments: [*mut c_char; 2] = [c"x".as_ptr().cast_mut(), std::ptr::null_mut()];
    let null = std::ptr::null::<libc::c_void>();
    // SAFETY: texts and lists end as they must; the child is waited for.
    unsafe {
        let failed = libc::posix_spawn(
            &raw mut pid,
            path.as_ptr().cast(),
            null.cast(),
            null.cast(),
            arguments.as_ptr(),
            null.cast(),
        );
        assert_eq!(failed, 0);
        libc::waitpid(pid, &raw mut status, 0);
    }
    status == 0
}

/// Connects many times to one of two ports.
#[expect(unsafe_code, reason = "the call must read the very bytes that change")]
fn dial() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ports = [0x4142_u16, 0x4242];
    println!("\nports {} {}", ports[0], ports[1]);
    let SocketAddr::V4(_) = socket.local_addr().unwrap() else {
        panic!();
    };
    let mut address = vec![0_u8; 16];
    address[..2].copy_from_slice(&2_u16.to_le_bytes());
    address[2..4].copy_from_slice(&ports[0].to_be_bytes());
    address[4..8].copy_from_slice(&[127, 0, 0, 1]);
    let (address, high) = changeable(address.leak(), 2);
    while_flipping(high, [0x41, 0x42], || {
        // Until it very often went elsewhere than stood there just before: then both ran
        // at once, and were not only put in each other's place.
        let mut others = 0;
        for _ in 0..5_000_000 {
            if others == 400 {
                break;
            }
            let asked = high.load(Relaxed);
            // SAFETY: an address of that length.
            let connected =
                unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr().cast(), 16) };
            assert_eq!(connected, 0);
            let taken = socket.peer_addr().unwrap().port().to_be_bytes();
            others += u32::from(taken[0] != asked);
        }
    });
}
