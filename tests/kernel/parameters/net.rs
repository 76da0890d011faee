//! Calls on sockets.

use super::case::Arg::{self, Data, Number, Out};
use super::case::{Case, call};
use super::stage::{
    self, CLIENT, FILE, FRESH, FRESH_UDP, FRESH_UNIX, LISTENER, PAIR, PAIR_PEER, SERVER, UDP,
    UDP_PEER, UNUSED, fd,
};

/// 127.0.0.1, and ports: any, 9, one where nobody listens.
const ANY: &[u8] = &[2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
const DISCARD: &[u8] = &[2, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
/// A unix socket that is there, and one that is not.
const LISTENING: &[u8] = b"\x01\x00listening\0";
const NOBODY: &[u8] = b"\x01\x00nobody\0";

/// Room for an address.
const ROOM: Arg = Out(16);
const ROOM_LEN: Arg = Data(&[16, 0, 0, 0]);

/// A message without an address on the pair, and one with room for all there is.
const HELLO: Arg = Arg::Message {
    name: &[],
    data: &[b"hel", b"lo"],
    control: &[],
};
const TO_DISCARD: Arg = Arg::Message {
    name: DISCARD,
    data: &[b"out", b"side"],
    control: &[],
};
const TO_FILL: Arg = Arg::Message {
    name: &[0; 16],
    data: &[&[0; 3], &[0; 29]],
    control: &[0; 64],
};

/// Connects to the listener, so that somebody waits to be accepted.
fn knock() {
    type Address = (libc::sockaddr_in, u32);
    // SAFETY: plain data, filled in by the kernel; a socket that is left open.
    unsafe {
        let (mut address, mut len): Address = (std::mem::zeroed(), 16);
        libc::getsockname(fd(LISTENER), (&raw mut address).cast(), &raw mut len);
        let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
        assert_eq!(libc::connect(socket, (&raw const address).cast(), 16), 0);
    }
}

/// Sends bytes to the pair, the connection and the datagram socket.
fn talk() {
    // SAFETY: the stage's sockets.
    unsafe {
        libc::send(fd(PAIR_PEER), c"paired".as_ptr().cast(), 6, 0);
        libc::send(fd(CLIENT), c"stream".as_ptr().cast(), 6, 0);
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        let mut len = 16;
        libc::getsockname(fd(UDP), (&raw mut address).cast(), &raw mut len);
        let (from, to) = (fd(UDP_PEER), (&raw const address).cast());
        assert_eq!(
            libc::sendto(from, c"packet".as_ptr().cast(), 6, 0, to, 16),
            6
        );
    }
}

/// Takes all that waits on the pair.
fn hush() {
    let mut room = [0_u8; 256];
    // SAFETY: room for what is there.
    unsafe {
        for socket in [PAIR, PAIR_PEER, UDP, SERVER] {
            while libc::recv(
                fd(socket),
                room.as_mut_ptr().cast(),
                256,
                libc::MSG_DONTWAIT,
            ) > 0
            {}
        }
    }
}

/// Only what is sent now is there.
fn talk_anew() {
    hush();
    talk();
}

/// Asks to be told who sends, with every message on the pair.
fn with_credentials() {
    let one = 1_i32;
    // SAFETY: an int.
    let done = unsafe {
        libc::setsockopt(
            fd(PAIR),
            libc::SOL_SOCKET,
            libc::SO_PASSCRED,
            (&raw const one).cast(),
            4,
        )
    };
    assert_eq!(done, 0);
    talk_anew();
}

pub(crate) const CASES: &[Case] = &[
    call("socket", &[Number(2), Number(0o2_000_001), Number(6)],
        "fd={res}(<4>) domain=2(AF_INET) type=1 proto=6 flags=524288(SOCK_CLOEXEC)"),
    call("socket", &[Number(99), Number(1), Number(0)],
        "fd=-97(EAFNOSUPPORT) domain=99 type=1 proto=0 flags=0"),
    call("socketpair", &[Number(1), Number(1), Number(0), Out(8)],
        "res=0 fd1={w3.0}(<u>*) fd2={w3.4}(<u>*) source=* peer=* domain=1(AF_LOCAL|AF_UNIX) type=1 proto=0"),
    call("socketpair", &[Number(2), Number(1), Number(0), Out(8)],
        "res=-95(EOPNOTSUPP) fd1=<NA> fd2=<NA> source=<NA> peer=<NA> domain=2(AF_INET) type=1 proto=0"),
    call("bind", &[Number(FRESH_UDP), Data(ANY), Number(16)],
        "res=0 addr=127.0.0.1:0 fd=114(<4u>127.0.0.1:{port:114})").before(stage::fresh),
    call("bind", &[Number(FILE), Data(ANY), Number(16)],
        "res=-88(ENOTSOCK) addr=127.0.0.1:0 fd=101(<f>{here}/file)"),
    call("connect", &[Number(FRESH), Data(DISCARD), Number(16)],
        "res=-111(ECONNREFUSED) tuple=0.0.0.0:0->127.0.0.1:9 fd=113(<4t>0.0.0.0:0->127.0.0.1:9) addr=127.0.0.1:9").before(stage::fresh),
    call("connect", &[Number(FRESH_UDP), Data(DISCARD), Number(16)],
        "res=0 tuple=127.0.0.1:{port:114}->127.0.0.1:9 fd=114(<4u>127.0.0.1:{port:114}->127.0.0.1:9) addr=127.0.0.1:9").before(stage::fresh),
    call("connect", &[Number(UNUSED), Data(NOBODY), Number(9)],
        "res=-9(EBADF) tuple=* fd=190* addr=nobody"),
    call("listen", &[Number(LISTENER), Number(7)], "res=0 fd=102(<4t>127.0.0.1:{port:102}) backlog=7"),
    call("listen", &[Number(FILE), Number(7)], "res=-88(ENOTSOCK) fd=101(<f>{here}/file) backlog=7"),
    call("accept", &[Number(LISTENER), ROOM, ROOM_LEN],
        "fd={res}(<4t>127.0.0.1:{far:res}->127.0.0.1:{port:102}) tuple=127.0.0.1:{far:res}->127.0.0.1:{port:102} queuepct=0 queuelen=0 queuemax=7").before(knock),
    call("accept", &[Number(FILE), Number(0), Number(0)],
        "fd=-88(ENOTSOCK) tuple=NULL queuepct=0 queuelen=0 queuemax=0"),
    call("accept4", &[Number(LISTENER), ROOM, ROOM_LEN, Number(0o2_000_000)],
        "fd={res}(<4t>127.0.0.1:{far:res}->127.0.0.1:{port:102}) tuple=127.0.0.1:{far:res}->127.0.0.1:{port:102} queuepct=0 queuelen=0 queuemax=7 flags=524288").before(knock),
    call("accept4", &[Number(LISTENER), Number(0), Number(0), Number(1)],
        "fd=-22(EINVAL) tuple=* queuepct=0 queuelen=0 queuemax=7 flags=1"),
    call("sendto", &[Number(UDP), Data(b"dgram"), Number(5), Number(0), Data(DISCARD), Number(16)],
        "res=5 data=dgram fd=103(<4u>127.0.0.1:{port:103}->127.0.0.1:9) size=5 tuple=127.0.0.1:{port:103}->127.0.0.1:9"),
    call("sendto", &[Number(UNUSED), Data(b"dgram"), Number(5), Number(0), Data(DISCARD), Number(16)],
        "res=-9(EBADF) data=dgram fd=190 size=5 tuple=*"),
    call("sendto", &[Number(CLIENT), Data(b"stream"), Number(6), Number(0), Number(0), Number(0)],
        "res=6 data=stream fd=110(<4t>127.0.0.1:{port:110}->127.0.0.1:{far:110}) size=6 tuple=127.0.0.1:{port:110}->127.0.0.1:{far:110}").by("send"),
    call("recvfrom", &[Number(UDP), Out(32), Number(32), Number(0), ROOM, ROOM_LEN],
        "res=6 data=packet tuple=127.0.0.1:{port:104}->127.0.0.1:{port:103} fd=103(<4u>127.0.0.1:{port:104}->127.0.0.1:{port:103}) size=32").before(talk_anew),
    call("recvfrom", &[Number(PAIR), Out(32), Number(4), Number(0), Number(0), Number(0)],
        "res=4 data=pair tuple=* fd=105(<u>*) size=4").before(talk_anew).by("recv"),
    call("recvfrom", &[Number(PAIR), Out(32), Number(32), Number(0x40), Number(0), Number(0)],
        "res=-11(EAGAIN) data=NULL tuple=* fd=105(<u>*) size=32").before(hush),
    call("sendmsg", &[Number(UDP), TO_DISCARD, Number(0)],
        "res=7 data=outside fd=103(<4u>127.0.0.1:{port:103}->127.0.0.1:9) size=7 tuple=127.0.0.1:{port:103}->127.0.0.1:9"),
    call("sendmsg", &[Number(PAIR), HELLO, Number(0)], "res=5 data=hello fd=105(<u>*) size=5 tuple=*"),
    call("sendmsg", &[Number(FILE), HELLO, Number(0)],
        "res=-88(ENOTSOCK) data=hello fd=101(<f>{here}/file) size=5 tuple=NULL"),
    call("sendmmsg", &[Number(UDP), TO_DISCARD, Number(1), Number(0)],
        "res=1 fd=103(<4u>127.0.0.1:{port:103}->127.0.0.1:9) size=7 data=outside tuple=127.0.0.1:{port:103}->127.0.0.1:9"),
    call("sendmmsg", &[Number(UNUSED), TO_DISCARD, Number(1), Number(0)],
        "res=-9(EBADF) fd=190 size=7 data=outside tuple=*"),
    call("recvmsg", &[Number(UDP), TO_FILL, Number(0)],
        "res=6 size=* data=packet tuple=127.0.0.1:{port:104}->127.0.0.1:{port:103} msgcontrol=NULL fd=103(<4u>127.0.0.1:{port:104}->127.0.0.1:{port:103})").before(talk_anew),
    call("recvmsg", &[Number(PAIR), TO_FILL, Number(0)],
        "res=6 size=* data=paired tuple=* msgcontrol=................* fd=105(<u>*)").before(with_credentials)
        .narrow("res=6 size=* data=paired tuple=* msgcontrol=............* fd=105(<u>*)"),
    call("recvmsg", &[Number(PAIR), TO_FILL, Number(0x40)],
        "res=-11(EAGAIN) size=* data=NULL tuple=* msgcontrol=NULL fd=105(<u>*)").before(hush),
    call("recvmmsg", &[Number(UDP), TO_FILL, Number(1), Number(0), Number(0)],
        "res=1 fd=103(<4u>127.0.0.1:{port:104}->127.0.0.1:{port:103}) size=* data=packet tuple=127.0.0.1:{port:104}->127.0.0.1:{port:103} msgcontrol=NULL").before(talk_anew),
    call("recvmmsg", &[Number(FILE), TO_FILL, Number(1), Number(0), Number(0)],
        "res=-88(ENOTSOCK) fd=101(<f>{here}/file) size=* data=NULL tuple=NULL msgcontrol=NULL"),
    call("shutdown", &[Number(SERVER), Number(0)],
        "res=0 fd=111(<4t>127.0.0.1:{far:111}->127.0.0.1:{port:111}) how=0(SHUT_RD)"),
    call("shutdown", &[Number(LISTENER), Number(9)],
        "res=-22(EINVAL) fd=102(<4t>127.0.0.1:{port:102}) how=9"),
    call("getsockopt", &[Number(UDP), Number(1), Number(3), Out(4), Data(&[4, 0, 0, 0])],
        "res=0 fd=103(<4u>127.0.0.1:{port:103}) level=1(SOL_SOCKET) optname=3(SO_TYPE) val=2 optlen=4"),
    call("getsockopt", &[Number(UDP), Number(1), Number(13), Out(8), Data(&[8, 0, 0, 0])],
        "res=0 fd=103(<4u>127.0.0.1:{port:103}) level=1(SOL_SOCKET) optname=13(SO_LINGER) val=on=0 seconds=0 optlen=8"),
    call("getsockopt", &[Number(CLIENT), Number(6), Number(13), Out(16), Data(&[16, 0, 0, 0])],
        "res=0 fd=110(<4t>127.0.0.1:{port:110}->127.0.0.1:{far:110}) level=6(SOL_TCP) optname=13 val=* optlen=16"),
    call("getsockopt", &[Number(PAIR), Number(1), Number(17), Out(12), Data(&[12, 0, 0, 0])],
        "res=0 fd=105(<u>*) level=1(SOL_SOCKET) optname=17(SO_PEERCRED) val=pid={pid} uid=0 gid=0 optlen=12"),
    call("setsockopt", &[Number(UDP), Number(1), Number(20), Arg::Longs(&[2, 5]), Number(16)],
        "res=0 fd=103(<4u>127.0.0.1:{port:103}) level=1(SOL_SOCKET) optname=20(SO_RCVTIMEO) val=2000005000 optlen=16").wide(),
    call("getsockopt", &[Number(FILE), Number(1), Number(3), Out(4), Data(&[4, 0, 0, 0])],
        "res=-88(ENOTSOCK) fd=101(<f>{here}/file) level=1(SOL_SOCKET) optname=3(SO_TYPE) val=<NA> optlen=4"),
    call("setsockopt", &[Number(UDP), Number(1), Number(6), Data(&[1, 0, 0, 0]), Number(4)],
        "res=0 fd=103(<4u>127.0.0.1:{port:103}) level=1(SOL_SOCKET) optname=6(SO_BROADCAST) val=1 optlen=4"),
    call("setsockopt", &[Number(UNUSED), Number(6), Number(1), Data(&[1, 0, 0, 0]), Number(4)],
        "res=-9(EBADF) fd=190 level=6(SOL_TCP) optname=1 val=1 optlen=4"),
    call("getsockname", &[Number(UDP), ROOM, ROOM_LEN],
        "res=0 fd=103(<4u>127.0.0.1:{port:103}) addr=127.0.0.1:{port:103}"),
    call("getpeername", &[Number(CLIENT), ROOM, ROOM_LEN],
        "res=0 fd=110(<4t>127.0.0.1:{port:110}->127.0.0.1:{far:110}) addr=127.0.0.1:{far:110}"),
    call("connect", &[Number(FRESH_UNIX), Data(LISTENING), Number(11)],
        "res=0 tuple=* listening fd=116(<u>* listening) addr=listening").before(stage::fresh),
];
