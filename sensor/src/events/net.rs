//! Calls on sockets.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use sensor_ebpf::call::RESULT;

use super::Category::{IoRead, IoWrite, Net};
use super::Kind::{Address, Buffer, Dynamic, Enum, Errno, Fd, Flags, Hex, Signed, Tuple, Unsigned};
use super::{
    EventType, From, Of, Param, RES, arg, bytes, call, fd, made, p, param_from, word, words,
};

const FD: Param = fd("fd", 0);
const DOMAIN: Param = arg("domain", Enum(32), 0).words(words::AF);
const PROTO: Param = arg("proto", Unsigned(32), 2);
/// The type of a socket without the flags that are given with it.
const TYPE: Param = param_from(
    "type",
    Unsigned(32),
    From::Bits {
        at: 1,
        shift: 0,
        mask: 0xf,
    },
);
const FLAGS: Param = param_from(
    "flags",
    Flags(32),
    From::Bits {
        at: 1,
        shift: 0,
        mask: !0xf,
    },
)
.words(words::SOCK);

const SENT: Param = bytes("data", 1, 2);
const RECEIVED: Param = bytes("data", 1, RESULT);
const SIZE: Param = arg("size", Unsigned(32), 2);
const TO: Param = param_from("tuple", Tuple, From::Address { at: 4, len: 5 });
const CAME_FROM: Param = param_from("tuple", Tuple, From::AddressOut { at: 4, len: 5 });

const MESSAGE: Param = param_from("data", Buffer, From::Message(1));
const MESSAGE_TO: Param = param_from("tuple", Tuple, From::Message(1));
const MESSAGE_OUT: Param = param_from("data", Buffer, From::MessageOut(1));
const MESSAGE_FROM: Param = param_from("tuple", Tuple, From::MessageOut(1));
const MESSAGE_SIZE: Param = param_from("size", Unsigned(32), From::Size(1));
const CONTROL: Param = param_from("msgcontrol", Buffer, From::Control(1));
/// Of several messages the first.
const FIRST_OUT: Param = param_from("data", Buffer, From::MessagesOut(1));
const FIRST_FROM: Param = param_from("tuple", Tuple, From::MessagesOut(1));

const LEVEL: Param = arg("level", Enum(32), 1).words(words::SOCKET_LEVEL);
const OPTION: Param = arg("optname", Enum(32), 2).words(words::SOCKET_OPTION);

/// The rows.
pub(super) const ROWS: &[EventType] = &[
    call(
        "connect",
        Net,
        &[
            p("res", Errno),
            p("tuple", Tuple),
            p("fd", Fd),
            p("addr", Address),
        ],
    ),
    call("socket", Net, &[made("fd"), DOMAIN, TYPE, PROTO, FLAGS]),
    call(
        "bind",
        Net,
        &[
            RES,
            param_from("addr", Address, From::Address { at: 1, len: 2 }),
            FD,
        ],
    ),
    call("listen", Net, &[RES, FD, arg("backlog", Signed(32), 1)]),
    call("sendto", IoWrite, &[RES, SENT, FD, SIZE, TO]),
    call("recvfrom", IoRead, &[RES, RECEIVED, CAME_FROM, FD, SIZE]),
    call(
        "socketpair",
        Net,
        &[
            RES,
            param_from("fd1", Fd, From::DescriptorAt(3)),
            word("fd2", Fd, 3, 4),
            param_from("source", Hex(64), From::Of(3, Of::Source)),
            param_from("peer", Hex(64), From::Of(3, Of::Peer)),
            DOMAIN,
            TYPE,
            PROTO,
        ],
    ),
    call(
        "sendmsg",
        IoWrite,
        &[RES, MESSAGE, FD, MESSAGE_SIZE, MESSAGE_TO],
    ),
    call(
        "sendmmsg",
        IoWrite,
        &[RES, FD, MESSAGE_SIZE, MESSAGE, MESSAGE_TO],
    ),
    call(
        "recvmsg",
        IoRead,
        &[RES, MESSAGE_SIZE, MESSAGE_OUT, MESSAGE_FROM, CONTROL, FD],
    ),
    call(
        "recvmmsg",
        IoRead,
        &[RES, FD, MESSAGE_SIZE, FIRST_OUT, FIRST_FROM, CONTROL],
    ),
    call("accept", Net, ACCEPT),
    call("accept4", Net, ACCEPT4),
    call("send", IoWrite, &[RES, SENT, FD, SIZE, TO]),
    call("recv", IoRead, &[RES, RECEIVED, FD, SIZE, CAME_FROM]),
    call(
        "shutdown",
        Net,
        &[RES, FD, arg("how", Enum(8), 1).words(words::SHUTDOWN)],
    ),
    call(
        "getsockopt",
        Net,
        &[
            RES,
            FD,
            LEVEL,
            OPTION,
            param_from("val", Dynamic, From::MemoryOut { at: 3, len: 4 }),
            word("optlen", Unsigned(32), 4, 0),
        ],
    ),
    call(
        "setsockopt",
        Net,
        &[
            RES,
            FD,
            LEVEL,
            OPTION,
            param_from("val", Dynamic, From::Memory { at: 3, len: 4 }),
            arg("optlen", Unsigned(32), 4),
        ],
    ),
    call("getsockname", Net, NAME),
    call("getpeername", Net, NAME),
];

const NAME: &[Param] = &[
    RES,
    FD,
    param_from("addr", Address, From::AddressOut { at: 1, len: 2 }),
];

const QUEUE_PERCENT: Param = param_from("queuepct", Unsigned(8), From::Of(0, Of::QueuePercent));
const QUEUED: Param = param_from("queuelen", Unsigned(32), From::Of(0, Of::Queued));
const QUEUE_MAX: Param = param_from("queuemax", Unsigned(32), From::Of(0, Of::QueueMax));

const ACCEPT: &[Param] = &[
    made("fd"),
    p("tuple", Tuple),
    QUEUE_PERCENT,
    QUEUED,
    QUEUE_MAX,
];

const ACCEPT4: &[Param] = &[
    made("fd"),
    p("tuple", Tuple),
    QUEUE_PERCENT,
    QUEUED,
    QUEUE_MAX,
    arg("flags", Signed(32), 3),
];
