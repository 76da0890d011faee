//! Calls that move bytes from and to descriptors.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use sensor_ebpf::call::RESULT;

use super::Category::{IoRead, IoWrite};
use super::Kind::{Buffer, Flags, Unsigned};
use super::{EventType, From, Param, RES, arg, bytes, call, fd, long, param_from, word, words};

/// The bytes that came.
const READ: Param = bytes("data", 1, RESULT);
/// The bytes that were to go.
const WRITTEN: Param = bytes("data", 1, 2);
const FD: Param = fd("fd", 0);
const SIZE: Param = arg("size", Unsigned(32), 2);
const POS: Param = arg("pos", Unsigned(64), 3);

const READ_VECTOR: Param = param_from("data", Buffer, From::VectorOut { at: 1, len: 2 });
const WRITTEN_VECTOR: Param = param_from("data", Buffer, From::Vector { at: 1, len: 2 });
const VECTOR_SIZE: Param = param_from("size", Unsigned(32), From::Size(1));

const RWF: Param = arg("flags", Flags(32), 5).words(words::RWF);

/// The rows.
pub(super) const ROWS: &[EventType] = &[
    call("read", IoRead, &[RES, READ, FD, SIZE]),
    call("write", IoWrite, &[RES, WRITTEN, FD, SIZE]),
    call("pread", IoRead, &[RES, READ, FD, SIZE, POS]),
    call("pwrite", IoWrite, &[RES, WRITTEN, FD, SIZE, POS]),
    call("readv", IoRead, &[RES, VECTOR_SIZE, READ_VECTOR, FD]),
    call("writev", IoWrite, &[RES, WRITTEN_VECTOR, FD, VECTOR_SIZE]),
    call("preadv", IoRead, &[RES, VECTOR_SIZE, READ_VECTOR, FD, POS]),
    call(
        "pwritev",
        IoWrite,
        &[RES, WRITTEN_VECTOR, FD, VECTOR_SIZE, POS],
    ),
    call(
        "preadv2",
        IoRead,
        &[RES, VECTOR_SIZE, READ_VECTOR, FD, POS, RWF],
    ),
    call(
        "pwritev2",
        IoWrite,
        &[RES, WRITTEN_VECTOR, FD, VECTOR_SIZE, POS, RWF],
    ),
    call(
        "sendfile",
        IoWrite,
        &[
            RES,
            long("offset", Unsigned(64), 2, 0),
            fd("out_fd", 0),
            fd("in_fd", 1),
            arg("size", Unsigned(64), 3),
        ],
    ),
    call(
        "splice",
        IoWrite,
        &[
            RES,
            fd("fd_in", 0),
            fd("fd_out", 2),
            arg("size", Unsigned(64), 4),
            arg("flags", Flags(32), 5).words(words::SPLICE),
        ],
    ),
    call(
        "tee",
        IoWrite,
        &[
            RES,
            fd("fd_in", 0),
            fd("fd_out", 1),
            arg("len", Unsigned(64), 2),
            arg("flags", Flags(32), 3).words(words::SPLICE),
        ],
    ),
    call(
        "vmsplice",
        IoWrite,
        &[
            RES,
            FD,
            VECTOR_SIZE,
            WRITTEN_VECTOR,
            arg("flags", Flags(32), 3).words(words::SPLICE),
        ],
    ),
    call(
        "copy_file_range",
        IoWrite,
        &[
            RES,
            fd("fdout", 2),
            word("offout", Unsigned(64), 3, 0),
            fd("fdin", 0),
            word("offin", Unsigned(64), 1, 0),
            arg("len", Unsigned(64), 4),
        ],
    ),
];
