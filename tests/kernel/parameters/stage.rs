//! Where the calls are made: a directory, descriptors at numbers the rows know, and
//! what a row needs to be told about both.

use std::ffi::CStr;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{IntoRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use super::case;
use crate::entry::Arena;

/// The directory the child works in.
pub(crate) const DIR: i64 = 100;
/// `file` in it, open for reading and writing; it holds `contents`.
pub(crate) const FILE: i64 = 101;
/// A TCP socket that listens on 127.0.0.1 with a backlog of 128.
pub(crate) const LISTENER: i64 = 102;
/// A UDP socket on 127.0.0.1, and one that it talks to.
pub(crate) const UDP: i64 = 103;
pub(crate) const UDP_PEER: i64 = 104;
/// Both ends of a pair of unix stream sockets.
pub(crate) const PAIR: i64 = 105;
pub(crate) const PAIR_PEER: i64 = 106;
/// Both ends of a pipe.
pub(crate) const PIPE_OUT: i64 = 107;
pub(crate) const PIPE_IN: i64 = 108;
/// An eventfd.
pub(crate) const EVENT: i64 = 109;
/// Both ends of a TCP connection.
pub(crate) const CLIENT: i64 = 110;
pub(crate) const SERVER: i64 = 111;
/// A unix socket that listens at `listening`.
pub(crate) const UNIX: i64 = 112;
/// Sockets without an address.
pub(crate) const FRESH: i64 = 113;
pub(crate) const FRESH_UDP: i64 = 114;
pub(crate) const FRESH_UNIX: i64 = 116;
/// A pidfd of the child itself.
pub(crate) const PIDFD: i64 = 115;
/// What dup2 and dup3 make.
pub(crate) const COPY: i64 = 150;
/// Never open.
pub(crate) const UNUSED: i64 = 190;

/// The directory, memory to point to, and whether rows are laid out for 32 bits.
pub(crate) struct Stage {
    pub(crate) here: String,
    pub(crate) arena: Arena,
    narrow: bool,
}

/// A descriptor's number as the C library takes it.
pub(crate) fn fd(number: i64) -> RawFd {
    RawFd::try_from(number).unwrap()
}

/// Gives a descriptor one of the numbers above, and keeps it open.
pub(crate) fn put(from: impl IntoRawFd, number: i64) {
    // SAFETY: a number nobody else uses.
    assert!(unsafe { libc::dup2(from.into_raw_fd(), fd(number)) } >= 0);
}

impl Stage {
    /// Opens everything the rows name, in an empty directory.
    pub(crate) fn new(dir: &Path, narrow: bool) -> Self {
        std::env::set_current_dir(dir).unwrap();
        std::fs::write("file", "contents").unwrap();
        std::fs::write("doomed", "").unwrap();
        std::fs::create_dir("sub").unwrap();
        put(std::fs::File::open(".").unwrap(), DIR);
        let file = std::fs::File::options().read(true).write(true).open("file");
        put(file.unwrap(), FILE);
        sockets();
        // SAFETY: plain calls that make descriptors.
        unsafe {
            put(Raw(libc::eventfd(0, 0)), EVENT);
            let mut pipe = [0; 2];
            assert_eq!(libc::pipe(pipe.as_mut_ptr()), 0);
            put(Raw(pipe[0]), PIPE_OUT);
            put(Raw(pipe[1]), PIPE_IN);
            let pidfd = libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0);
            put(Raw(RawFd::try_from(pidfd).unwrap()), PIDFD);
        }
        Self {
            here: dir.to_str().unwrap().to_owned(),
            arena: Arena::new(),
            narrow,
        }
    }

    /// Tells the test what the thread's event must show.
    pub(crate) fn expect(&self, event: &str, text: &str) {
        // SAFETY: a call without arguments.
        let thread = unsafe { libc::gettid() };
        self.expect_of(thread, event, text);
    }

    /// The same of another thread's.
    pub(crate) fn expect_of(&self, thread: libc::pid_t, event: &str, text: &str) {
        let abi = if self.narrow { "i386" } else { "x86_64" };
        self.expect_in(abi, thread, event, text);
    }

    /// The same of an event that came one of these ways into the kernel.
    #[expect(clippy::unused_self, reason = "said on a stage, like the others")]
    pub(crate) fn expect_in(&self, abi: &str, thread: libc::pid_t, event: &str, text: &str) {
        println!("made\t{event}\t{thread}\t{abi}\t{text}");
    }

    /// What a row must show, once its call has returned.
    pub(crate) fn expanded(&self, template: &str, result: i64, args: &[i64; 6]) -> String {
        case::expand(template, |name| self.value(name, result, args))
    }

    fn value(&self, name: &str, result: i64, args: &[i64; 6]) -> String {
        let arg = |at: &str| args[at.parse::<usize>().unwrap()];
        match (name, name.split_at(1)) {
            ("here", _) => self.here.clone(),
            ("res", _) => result.to_string(),
            ("xres", _) => format!("{result:X}"),
            // SAFETY: calls without arguments.
            ("pid", _) => unsafe { libc::getpid() }.to_string(),
            ("tid", _) => unsafe { libc::gettid() }.to_string(),
            ("ppid", _) => unsafe { libc::getppid() }.to_string(),
            ("vm" | "rss", _) => "*".to_owned(),
            ("ino", _) => stat(result).0.to_string(),
            ("dev", _) => stat(result).1,
            (_, ("x", at)) => format!("{:X}", arg(at)),
            (_, ("w", place)) => {
                let (at, offset) = place.split_once('.').unwrap();
                word(arg(at) + offset.parse::<i64>().unwrap()).to_string()
            }
            _ => match name.split_once(':') {
                Some(("ino", of)) => stat(self.number(of, result, args)).0.to_string(),
                Some(("dev", of)) => stat(self.number(of, result, args)).1,
                Some(("port", of)) => ports(self.number(of, result, args)).0.to_string(),
                Some(("far", of)) => ports(self.number(of, result, args)).1.to_string(),
                _ => arg(name).to_string(),
            },
        }
    }

    /// A descriptor's number: written as one, or as a value in braces would be.
    fn number(&self, of: &str, result: i64, args: &[i64; 6]) -> i64 {
        let number = match of.parse() {
            Ok(number) => return number,
            Err(_) => self.value(of, result, args),
        };
        number.parse().unwrap()
    }
}

/// A descriptor that is not closed.
pub(crate) struct Raw(pub(crate) RawFd);

impl IntoRawFd for Raw {
    fn into_raw_fd(self) -> RawFd {
        assert!(self.0 >= 0, "{}", std::io::Error::last_os_error());
        self.0
    }
}

fn sockets() {
    let listener = low_port(|address| TcpListener::bind(address).ok());
    let address = listener.local_addr().unwrap();
    put(TcpStream::connect(address).unwrap(), CLIENT);
    put(listener.accept().unwrap().0, SERVER);
    put(listener, LISTENER);
    let one = low_port(|address| UdpSocket::bind(address).ok());
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    put(one, UDP);
    put(other, UDP_PEER);
    let (one, other) = UnixStream::pair().unwrap();
    put(one, PAIR);
    put(other, PAIR_PEER);
    put(UnixListener::bind("listening").unwrap(), UNIX);
    fresh();
}

/// Binds to a port below those the kernel chooses, as servers do: of a connection
/// nobody saw begin, the ports tell who serves.
fn low_port<T>(bind: impl Fn((&str, u16)) -> Option<T>) -> T {
    let mut ports = 20_000..30_000;
    let bound = ports.find_map(|port| bind(("127.0.0.1", port)));
    bound.expect("a port is free")
}

/// Makes the sockets without an address anew.
pub(crate) fn fresh() {
    // SAFETY: plain calls that make descriptors.
    unsafe {
        put(
            Raw(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0)),
            FRESH,
        );
        put(
            Raw(libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)),
            FRESH_UDP,
        );
        put(
            Raw(libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)),
            FRESH_UNIX,
        );
    }
}

/// The 32 bits at an address of the arena.
fn word(address: i64) -> u32 {
    let at = usize::try_from(address).unwrap() as *const u32;
    // SAFETY: rows point into the arena.
    unsafe { at.read_unaligned() }
}

/// Inode and device of a descriptor, the latter as user space numbers it.
fn stat(number: i64) -> (u64, String) {
    // SAFETY: plain data, filled in by the kernel.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        assert_eq!(libc::fstat(fd(number), &raw mut stat), 0, "{number}");
        let (major, minor) = (libc::major(stat.st_dev), libc::minor(stat.st_dev));
        let device = (minor & 0xff) | major << 8 | (minor & !0xff) << 12;
        (stat.st_ino, format!("{device:X}"))
    }
}

/// Local and remote port of an IPv4 socket; 0 where there is none.
fn ports(number: i64) -> (u16, u16) {
    type Ask = unsafe extern "C" fn(i32, *mut libc::sockaddr, *mut u32) -> i32;
    let port = |ask: Ask| {
        let mut address = [0_u8; 16];
        let mut len = 16;
        // SAFETY: room for an IPv4 address.
        unsafe { ask(fd(number), address.as_mut_ptr().cast(), &raw mut len) };
        u16::from_be_bytes([address[2], address[3]])
    };
    (port(libc::getsockname), port(libc::getpeername))
}

/// The name of the test's own threads.
pub(crate) fn comm() -> String {
    let mut name = [0_u8; 16];
    // SAFETY: room for a name.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    let name = CStr::from_bytes_until_nul(&name).unwrap();
    name.to_str().unwrap().to_owned()
}
