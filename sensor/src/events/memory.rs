//! Calls on the memory of a process.
//!
//! Parameters stand in the order rules may count them in (`evt.arg[N]`).

use super::Category::{Ipc, Memory};
use super::Kind::{Enum, Flags, Hex, Octal, Signed, Unsigned};
use super::{EventType, From, Param, RES, Uses, arg, call, fd, param_from, result, words};

/// Sizes of the process after the call, in KiB.
const VM_SIZE: Param = param_from("vm_size", Unsigned(32), From::Uses(Uses::Size));
const VM_RSS: Param = param_from("vm_rss", Unsigned(32), From::Uses(Uses::Resident));
const VM_SWAP: Param = param_from("vm_swap", Unsigned(32), From::Uses(Uses::Swapped));

const ADDR: Param = arg("addr", Hex(64), 0);
const LENGTH: Param = arg("length", Unsigned(64), 1);
const LEN: Param = arg("len", Unsigned(64), 1);
const PROT: Param = arg("prot", Flags(32), 2).words(words::PROT);

/// The rows.
pub(super) const ROWS: &[EventType] = &[
    call(
        "mmap",
        Memory,
        &[
            RES,
            VM_SIZE,
            VM_RSS,
            VM_SWAP,
            ADDR,
            LENGTH,
            PROT,
            arg("flags", Flags(32), 3).words(words::MAP),
            fd("fd", 4),
            arg("offset", Unsigned(64), 5),
        ],
    ),
    call(
        "munmap",
        Memory,
        &[RES, VM_SIZE, VM_RSS, VM_SWAP, ADDR, LENGTH],
    ),
    call("mprotect", Memory, &[RES, ADDR, LENGTH, PROT]),
    call(
        "pkey_mprotect",
        Memory,
        &[RES, ADDR, LENGTH, PROT, arg("pkey", Signed(32), 3)],
    ),
    call(
        "mremap",
        Memory,
        &[
            RES,
            arg("old_address", Hex(64), 0),
            arg("old_size", Unsigned(64), 1),
            arg("new_size", Unsigned(64), 2),
            arg("flags", Flags(32), 3).words(words::MREMAP),
            arg("new_address", Hex(64), 4),
        ],
    ),
    call(
        "madvise",
        Memory,
        &[RES, ADDR, LENGTH, arg("advice", Signed(32), 2)],
    ),
    call("mseal", Memory, &[RES, ADDR, LEN, arg("flags", Hex(64), 2)]),
    call(
        "remap_file_pages",
        Memory,
        &[
            RES,
            ADDR,
            arg("size", Unsigned(64), 1),
            PROT,
            arg("pgoff", Unsigned(64), 3),
            arg("flags", Flags(32), 4).words(words::MAP),
        ],
    ),
    call(
        "brk",
        Memory,
        &[result("res", Unsigned(64)), VM_SIZE, VM_RSS, VM_SWAP, ADDR],
    ),
    call("mlock", Memory, &[RES, ADDR, LEN]),
    call("munlock", Memory, &[RES, ADDR, LEN]),
    call(
        "mlockall",
        Memory,
        &[RES, arg("flags", Flags(32), 0).words(words::MLOCKALL)],
    ),
    call("munlockall", Memory, &[RES]),
    call(
        "mlock2",
        Memory,
        &[
            RES,
            ADDR,
            LEN,
            arg("flags", Flags(32), 2).words(words::MLOCK2),
        ],
    ),
    call(
        "shmget",
        Ipc,
        &[
            RES,
            arg("key", Hex(32), 0),
            arg("size", Unsigned(64), 1),
            arg("shmflg", Octal(32), 2),
        ],
    ),
    call(
        "shmat",
        Ipc,
        &[
            RES,
            arg("shmid", Signed(32), 0),
            arg("shmaddr", Hex(64), 1),
            arg("shmflg", Octal(32), 2),
        ],
    ),
    call(
        "shmctl",
        Ipc,
        &[
            RES,
            arg("shmid", Signed(32), 0),
            arg("cmd", Enum(32), 1).words(words::IPC),
        ],
    ),
    call("shmdt", Ipc, &[RES, arg("shmaddr", Hex(64), 0)]),
];
