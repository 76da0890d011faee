//! The tables of the classes laid out as one, by the compiler.
//!
//! Nothing here runs in the finished program: a mistake is a build error, and
//! finding a row at run time is an index without a lock.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "evaluated while compiling, where a panic is an error message"
)]

use super::{
    Category, EventCode, EventType, MAX_EVENTS, beyond, call, elsewhere, file, generic, io, kernel,
    memory, minor, mount, name, net, process,
};

/// The tables with parameters, in the order their rows are counted.
const TABLES: [&[EventType]; 11] = [
    process::ROWS,
    file::ROWS,
    name::ROWS,
    mount::ROWS,
    io::ROWS,
    net::ROWS,
    memory::ROWS,
    kernel::ROWS,
    minor::ROWS,
    beyond::ROWS,
    elsewhere::ROWS,
];

/// Names of calls with nothing but numbers, counted behind them: by how many
/// arguments they have, and those of which nothing is known.
const BARE: [&[&str]; 8] = {
    let mut bare = [elsewhere::CALLS; 8];
    let mut arguments = 0;
    while arguments < generic::NAMES.len() {
        bare[arguments] = generic::NAMES[arguments];
        arguments += 1;
    }
    bare
};

/// The number of rows.
const COUNT: usize = {
    let (mut count, mut table) = (0, 0);
    while table < BARE.len() {
        count += BARE[table].len();
        table += 1;
    }
    table = 0;
    while table < TABLES.len() {
        count += TABLES[table].len();
        table += 1;
    }
    assert!(count <= MAX_EVENTS);
    count
};

/// All rows, in the order of their codes.
pub(super) static ROWS: [EventType; COUNT] = {
    let mut rows = [call("", Category::Other, &[]); COUNT];
    let (mut next, mut table) = (0, 0);
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            rows[next] = TABLES[table][row];
            (next, row) = (next + 1, row + 1);
        }
        table += 1;
    }
    let mut bare = 0;
    while bare < BARE.len() {
        let mut name = 0;
        let params: &[super::Param] = if bare < generic::NAMES.len() {
            generic::params(bare)
        } else {
            &[]
        };
        while name < BARE[bare].len() {
            rows[next] = call(BARE[bare][name], Category::Other, params);
            (next, name) = (next + 1, name + 1);
        }
        bare += 1;
    }
    rows
};

/// The code of a name that is in one of [`TABLES`].
const fn known(name: &str) -> EventCode {
    let (mut next, mut table) = (0, 0);
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            if same(TABLES[table][row].name, name) {
                return EventCode(next);
            }
            (next, row) = (next + 1, row + 1);
        }
        table += 1;
    }
    panic!("no such event")
}

/// Whether two names are equal; `==` cannot be used by the compiler yet.
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

// The events the decoder knows.
pub(super) const EXECVE: EventCode = known("execve");
pub(super) const EXECVEAT: EventCode = known("execveat");
pub(super) const FORK: EventCode = known("fork");
pub(super) const VFORK: EventCode = known("vfork");
pub(super) const CLONE: EventCode = known("clone");
pub(super) const CLONE3: EventCode = known("clone3");
pub(super) const PROCEXIT: EventCode = known("procexit");
pub(super) const OPEN: EventCode = known("open");
pub(super) const OPENAT: EventCode = known("openat");
pub(super) const OPENAT2: EventCode = known("openat2");
pub(super) const CREAT: EventCode = known("creat");
pub(super) const CONNECT: EventCode = known("connect");
pub(super) const ARGUMENT_MISMATCH: EventCode = known("argument_mismatch");
pub(super) const CONNECTION_END: EventCode = known("connection_end");
pub(super) const DNS: EventCode = known("dns");
pub(super) const TLS_HELLO: EventCode = known("tls_hello");
pub(super) const IO_URING_OP: EventCode = known("io_uring_op");
pub(super) const SIGNALDELIVER: EventCode = known("signaldeliver");
