//! Sockets beside those of the internet: who is at the other end of a unix socket, and
//! the numbers of netlink and vsock.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use sensor::cli::wanted::Wanted;
use sensor::config::CaptureConfig;
use sensor::decode::{Body, Call, Connect, Peers, end_numbers};
use sensor::events::{EventSet, by_name};
use sensor_ebpf::call::{Peer, RESULT};

use crate::acts::{act_in, asked};
use crate::capture::Recording;

fn record(act: &str, argument: &str) -> (Recording, u32) {
    let mut set = EventSet::EMPTY;
    for name in ["accept4", "connect", "socketpair", "bind", "write"] {
        set.insert(by_name(name).unwrap());
    }
    let config = CaptureConfig {
        // The machine writes meanwhile.
        ring_mib: 64,
        ..CaptureConfig::default()
    };
    let options = Wanted::of(set).options(&config);
    let (recording, (pid, _)) = Recording::of(&options, |_| act_in("sockets", act, argument));
    (recording, pid)
}

fn calls(recording: &Recording, pid: u32, number: u16) -> Vec<Call<'_>> {
    let calls = recording.events(pid).filter_map(|event| match event.body {
        Body::Call(call) if call.number == number => Some(call),
        _ => None,
    });
    calls.collect()
}

fn connects(recording: &Recording, pid: u32) -> Vec<Connect<'_>> {
    let connects = recording.events(pid).filter_map(|event| match event.body {
        Body::Connect(connect) => Some(connect),
        _ => None,
    });
    connects.collect()
}

/// A process that runs as root.
fn root(pid: u32) -> Peer {
    Peer {
        pid,
        uid: 0,
        gid: 0,
        reserved: 0,
    }
}

#[test]
fn the_process_behind_a_unix_socket_is_the_one_the_kernel_noted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let _listener = UnixListener::bind(&path).unwrap();
    let (recording, pid) = record("unix", path.to_str().unwrap());
    let connects = connects(&recording, pid);
    let [to_the_test, to_itself, datagram] = connects.as_slice() else {
        panic!("three expected: {connects:?}");
    };
    assert_eq!(to_the_test.peer, Some(root(std::process::id())));
    // It had become user 12 and group 13 by then.
    let itself = Some(Peer {
        pid,
        uid: 12,
        gid: 13,
        reserved: 0,
    });
    assert_eq!(to_itself.peer, itself);
    assert_eq!(datagram.peer, None);
    let accepted = calls(&recording, pid, 288);
    assert_eq!(accepted[0].peer(RESULT), itself);
    let pair = calls(&recording, pid, 53);
    let ends: Vec<_> = (0..6).filter_map(|arg| pair[0].peer(arg)).collect();
    assert_eq!(ends.first().copied(), itself);
    let written = calls(&recording, pid, 1);
    assert!(
        written
            .iter()
            .any(|call| call.peer(0) == Some(root(std::process::id())))
    );
}

#[test]
fn netlink_and_vsock_tell_their_numbers() {
    let (recording, pid) = record("numbered", "");
    let connects = connects(&recording, pid);
    let Peers::Numbered { family: 16, .. } = connects[0].peers else {
        panic!("{connects:?}");
    };
    assert_eq!(connects[0].result, 0);
    let bound = calls(&recording, pid, 49);
    let (netlink, _) = bound[0].descriptor(0).unwrap();
    assert_eq!((netlink.family, netlink.protocol), (16, 15));
    let [port, groups] = end_numbers(netlink.local);
    assert_eq!((port, groups), (pid, 1));
    // Where the kernel has vsock, and not as a module.
    if let Some(vsock) = bound.get(1) {
        let (vsock, _) = vsock.descriptor(0).unwrap();
        assert_eq!(end_numbers(vsock.local), [u32::MAX, 70_123]);
        let Peers::Numbered {
            family: 40, remote, ..
        } = connects[1].peers
        else {
            panic!("{connects:?}");
        };
        assert_eq!(remote, [1, 70_124]);
    }
}

/// The child's side.
#[test]
fn perform() {
    let Some((name, argument)) = asked() else {
        return;
    };
    match name.as_str() {
        "unix" => unix(&argument),
        "numbered" => numbered(),
        other => panic!("no act {other:?}"),
    }
}

#[expect(unsafe_code, reason = "calls that no library makes for one thread")]
fn unix(path: &str) {
    let there = UnixStream::connect(path).unwrap();
    // SAFETY: two numbers each; of this thread alone, which is the one that goes on.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_setresgid, 13, 13, 13), 0);
        assert_eq!(libc::syscall(libc::SYS_setresuid, 12, 12, 12), 0);
    }
    let name = format!("sensor-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    let _here = UnixStream::connect_addr(&address).unwrap();
    let _accepted = listener.accept().unwrap();
    let _pair = UnixStream::pair().unwrap();
    let datagram = std::os::unix::net::UnixDatagram::unbound().unwrap();
    let _refused = datagram.connect_addr(&address);
    // By the call of that name: the library sends.
    assert_eq!(rustix::io::write(&there, b"x").unwrap(), 1);
}

#[expect(unsafe_code, reason = "no library of ours speaks these families")]
fn numbered() {
    let socket = |family, ty, protocol| {
        // SAFETY: three numbers in, a descriptor of its own out.
        let fd = unsafe { libc::socket(family, ty, protocol) };
        // SAFETY: as said.
        (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
    };
    let name = |family: u16, words: [u32; 3]| {
        let [a, b, c] = words.map(u32::to_ne_bytes);
        [&family.to_ne_bytes()[..], &[0; 2], &a, &b, &c].concat()
    };
    let call = |connects: bool, socket: &OwnedFd, name: &[u8], len: u32| {
        let (fd, name) = (socket.as_raw_fd(), name.as_ptr().cast());
        // SAFETY: an address of that length.
        unsafe {
            if connects {
                libc::connect(fd, name, len)
            } else {
                libc::bind(fd, name, len)
            }
        }
    };
    let events = socket(libc::AF_NETLINK, libc::SOCK_RAW, 15).unwrap();
    // Its own pid as port, and the first group.
    let own = name(16, [std::process::id(), 1, 0]);
    assert_eq!(call(false, &events, &own, 12), 0);
    assert_eq!(call(true, &events, &name(16, [0, 0, 0]), 12), 0);
    if let Some(vsock) = socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0) {
        assert_eq!(call(false, &vsock, &name(40, [70_123, u32::MAX, 0]), 16), 0);
        // Nobody is there; that it was tried is what counts.
        call(true, &vsock, &name(40, [70_124, 1, 0]), 16);
    }
}
