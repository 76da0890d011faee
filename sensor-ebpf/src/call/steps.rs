//! The steps of a plan: what each reads, and the section it writes.
//!
//! All are exported functions of plain numbers, so that the verifier checks each
//! once and not once per place in a plan; see [`crate::kernel::path`]. Memory
//! that is not there when the call returns is an empty section.
#![expect(unsafe_code, reason = "exported under their own names; raw pointers")]

use super::{
    CONTROL, CWD, FILLED, POLLED, Polled, RESULT, SECTION_ADDRESS, SECTION_BASE, SECTION_BYTES,
    SECTION_DESCRIPTOR, SECTION_PEER, SECTION_TEXT, SECTION_USAGE, Section,
    closing::{self, CLOSE, PATH_KEPT},
    step,
};
use crate::{
    TEXT_MAX,
    call::{Descriptor, Peer},
    connect::{AF_INET, AF_INET6, AF_UNIX},
    kernel::{
        at_most, field,
        file::File,
        masked, offset, opaque, path, peek_user, read_kernel, read_user, read_user_string,
        socket::Socket,
        task::Task,
        usage,
        work::{Work, work},
    },
    maps::{scratch, snap_bytes},
    open::CREATED,
};

/// Bytes of a section's head.
const HEAD: u64 = size_of::<Section>() as u64;

/// The longest socket address there is.
const ADDRESS_MAX: usize = 128;

/// Elements of a vector that are looked at.
const ELEMENTS: u64 = 16;

/// Type bits of `inode.i_mode`.
const S_IFMT: u16 = 0o170_000;
const S_IFIFO: u16 = 0o010_000;
const S_IFSOCK: u16 = 0o140_000;

const AT_FDCWD: i32 = -100;

/// `file.f_mode`: the open made the file.
const FMODE_CREATED: u32 = 0x10_0000;

/// `super_block.s_magic` of the file systems whose files have no path but a name.
const PIPEFS_MAGIC: u32 = 0x5049_5045;
const ANON_INODE_MAGIC: u32 = 0x0904_1934;
const NSFS_MAGIC: u32 = 0x6e73_6673;

/// Longer than the name of any kind of namespace.
const NAMESPACE_NAME: u32 = 32;

/// A step's argument.
const fn arg_of(step: u64) -> u64 {
    step >> 8 & 0xff
}

/// What a step has besides.
const fn with_of(step: u64) -> u64 {
    step >> 16 & 0xff
}

/// Takes one step.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn call_step(slot: u64, step: u64) -> u64 {
    match step as u8 {
        step::PATH => step_path(slot, step),
        step::TEXT => step_text(slot, step),
        step::BYTES | step::FIXED | step::BYTES_OUT => step_bytes(slot, step),
        step::ADDRESS | step::ADDRESS_OUT => step_address(slot, step),
        step::DESCRIPTOR | step::DESCRIPTOR_AT => step_descriptor(slot, step),
        step::MESSAGE => step_message(slot, step),
        step::VECTOR | step::VECTOR_OUT => step_vector(slot, step),
        step::USAGE => step_usage(slot),
        step::POLL => step_poll(slot, step),
        _ => 0,
    }
}

/// Text of a path; gives its first byte, 0 when it is empty.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_text(slot: u64, step: u64) -> u64 {
    let Some(work) = work(slot) else { return 0 };
    let Some(room) = work.room(slot) else {
        return 0;
    };
    let address = work.arg(arg_of(step));
    let len = read_user_string(room + HEAD, TEXT_MAX as u32, address);
    let len = at_most(len, TEXT_MAX - 1);
    let first = unsafe { ((room + HEAD) as *const u8).read() };
    // One that fills the room was probably longer.
    let full = if len == TEXT_MAX - 1 { 0 } else { len as u32 };
    work.put(room, SECTION_TEXT, arg_of(step), len, full);
    if len == 0 { 0 } else { u64::from(first) }
}

/// Text and, when it is relative or empty, base.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_path(slot: u64, step: u64) -> u64 {
    if step_text(slot, step) == u64::from(b'/') {
        return 0;
    }
    let Some(work) = work(slot) else { return 0 };
    let task = Task::current();
    let dir = work.arg(with_of(step)) as i32;
    let base = if with_of(step) == u64::from(CWD) || dir == AT_FDCWD {
        task.cwd()
    } else {
        task.file(dir as u32).path()
    };
    let (text, len) = path::text(slot, base);
    if len == 0 {
        return 0;
    }
    let Some(room) = work.room(slot) else {
        return 0;
    };
    let len = len & (TEXT_MAX - 1);
    if read_kernel(room + HEAD, len as u32, text) {
        work.put(room, SECTION_BASE, arg_of(step), len, len as u32);
    }
    0
}

/// Bytes of which the number is an argument, or fixed.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_bytes(slot: u64, step: u64) -> u64 {
    let Some(work) = work(slot) else { return 0 };
    let Some(room) = work.room(slot) else {
        return 0;
    };
    let address = work.arg(arg_of(step));
    let (full, most) = if step as u8 == step::FIXED {
        (with_of(step), TEXT_MAX)
    } else if step as u8 == step::BYTES_OUT {
        if work.result < 0 {
            return 0;
        }
        let len: u32 = peek_user(work.arg(with_of(step)));
        (u64::from(len), snap_bytes())
    } else {
        (work.arg(with_of(step)), snap_bytes())
    };
    // A failed call gave nothing.
    if (full as i64) < 0 || address == 0 {
        return 0;
    }
    let len = at_most(full as usize, most);
    let len = masked(at_most(len, TEXT_MAX - 1), TEXT_MAX - 1);
    if read_user(room + HEAD, len as u32, address) {
        work.put(room, SECTION_BYTES, arg_of(step), len, cut(full));
    } else {
        work.put(room, SECTION_BYTES, arg_of(step), 0, cut(full));
    }
    0
}

/// A length as a section holds it.
#[inline(always)]
fn cut(full: u64) -> u32 {
    if full > u64::from(u32::MAX) {
        u32::MAX
    } else {
        full as u32
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_address(slot: u64, step: u64) -> u64 {
    let Some(work) = work(slot) else { return 0 };
    let with = work.arg(with_of(step));
    let len = if step as u8 == step::ADDRESS_OUT {
        if work.result < 0 {
            return 0;
        }
        peek_user::<u32>(with)
    } else {
        with as u32
    };
    put_address(slot, arg_of(step), work.arg(arg_of(step)), u64::from(len))
}

/// Writes the socket address there, if there is one.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn put_address(slot: u64, arg: u64, address: u64, len: u64) -> u64 {
    let Some(work) = work(slot) else { return 0 };
    let Some(room) = work.room(slot) else {
        return 0;
    };
    let full = len as u32;
    let len = masked(at_most(full as usize, ADDRESS_MAX), 2 * ADDRESS_MAX - 1);
    if address != 0 && len != 0 && read_user(room + HEAD, len as u32, address) {
        work.put(room, SECTION_ADDRESS, arg, len, full);
    }
    0
}

/// A `struct msghdr`: the address it names, its data and, of one the call filled in,
/// its ancillary data.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_message(slot: u64, step: u64) -> u64 {
    let Some(work) = work(slot) else { return 0 };
    let message = work.arg(arg_of(step));
    let with = with_of(step);
    let filled = with == u64::from(RESULT) || with == u64::from(FILLED);
    let (name, name_len, vector, count);
    if work.is_narrow() {
        let read: [u32; 4] = peek_user(message);
        name = u64::from(read[0]);
        name_len = u64::from(read[1]);
        vector = u64::from(read[2]);
        count = u64::from(read[3]);
    } else {
        let read: [u64; 4] = peek_user(message);
        name = read[0];
        name_len = read[1] & 0xffff_ffff;
        vector = read[2];
        count = read[3];
    }
    // What a failed call was to fill in is whatever was there before.
    if !filled || work.result >= 0 {
        put_address(slot, arg_of(step), name, name_len);
    }
    let limit = if with == u64::from(FILLED) {
        length_behind(work, message)
    } else if filled {
        returned(work)
    } else {
        u64::MAX
    };
    put_vector(slot, arg_of(step), vector, count, limit);
    if filled && work.result >= 0 {
        put_control(slot, arg_of(step), message);
    }
    0
}

/// How many bytes the first of several messages has, if there is one.
#[inline(always)]
fn length_behind(work: &Work, message: u64) -> u64 {
    if work.result <= 0 {
        return 0;
    }
    let behind = if work.is_narrow() { 28 } else { 56 };
    u64::from(peek_user::<u32>(message + behind))
}

/// The beginning of a message's ancillary data.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn put_control(slot: u64, arg: u64, message: u64) -> u64 {
    let Some(work) = work(slot) else { return 0 };
    let (control, full);
    if work.is_narrow() {
        let read: [u32; 2] = peek_user(message + 16);
        control = u64::from(read[0]);
        full = u64::from(read[1]);
    } else {
        let read: [u64; 2] = peek_user(message + 32);
        control = read[0];
        full = read[1];
    }
    let Some(room) = work.room(slot) else {
        return 0;
    };
    let len = at_most(full as usize, snap_bytes());
    let len = masked(at_most(len, TEXT_MAX - 1), TEXT_MAX - 1);
    if control != 0 && len != 0 && read_user(room + HEAD, len as u32, control) {
        let arg = arg | u64::from(CONTROL);
        work.put(room, SECTION_BYTES, arg, len, cut(full));
    }
    0
}

/// What the task uses.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_usage(slot: u64) -> u64 {
    let Some(work) = work(slot) else { return 0 };
    let Some(room) = work.room(slot) else {
        return 0;
    };
    let at = work.len + HEAD;
    if usage::write_usage(slot, Task::current().0, at) != 0 {
        work.put(room, SECTION_USAGE, 0, usage::LEN, usage::LEN as u32);
    }
    0
}

/// The descriptors that were waited for: as many as are told, one after the other.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_poll(slot: u64, step: u64) -> u64 {
    let Some(work) = work(slot) else { return 0 };
    let (array, count) = (work.arg(arg_of(step)), work.arg(with_of(step)));
    if work.result < 0 {
        return 0;
    }
    work.taken = 0;
    for index in 0..POLLED as u64 {
        if index as usize >= opaque(count as usize) {
            break;
        }
        poll_element(slot, array, index);
    }
    let Some(room) = work.room(slot) else {
        return 0;
    };
    let len = at_most(work.taken as usize, POLLED * size_of::<Polled>());
    let full = count.saturating_mul(size_of::<Polled>() as u64);
    work.put(room, SECTION_BYTES, arg_of(step), len, cut(full));
    0
}

/// Writes one of them behind those before it.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn poll_element(slot: u64, array: u64, index: u64) -> u64 {
    const SIZE: usize = size_of::<Polled>();
    let Some(work) = work(slot) else { return 0 };
    let Some(room) = work.room(slot) else {
        return 0;
    };
    let at = array + index * 8;
    let number: i32 = peek_user(at);
    let waited: u32 = peek_user(at + 4);
    let file = if number < 0 {
        File(0)
    } else {
        Task::current().file(number as u32)
    };
    let inode = file.inode();
    let to = room + HEAD + at_most(index as usize, POLLED - 1) as u64 * SIZE as u64;
    let first = u64::from(number as u32) | u64::from(waited) << 32;
    let family = if inode.mode() & S_IFMT == S_IFSOCK {
        file.socket().family()
    } else {
        0
    };
    let kind = u64::from(inode.mode()) | u64::from(family) << 16;
    unsafe {
        (to as *mut u64).write_unaligned(first);
        ((to + 8) as *mut u64).write_unaligned(kind | u64::from(inode.magic()) << 32);
    }
    work.taken = (index + 1) * SIZE as u64;
    0
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_vector(slot: u64, step: u64) -> u64 {
    let Some(work) = work(slot) else { return 0 };
    let (vector, count) = (work.arg(arg_of(step)), work.arg(with_of(step)));
    let limit = if step as u8 == step::VECTOR_OUT {
        returned(work)
    } else {
        u64::MAX
    };
    put_vector(slot, arg_of(step), vector, count, limit)
}

/// How many bytes the call says it moved.
#[inline(always)]
fn returned(work: &Work) -> u64 {
    if work.result < 0 {
        0
    } else {
        work.result as u64
    }
}

/// The beginning of the bytes an array of `struct iovec` points to, `limit` at most.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn put_vector(slot: u64, arg: u64, vector: u64, count: u64, limit: u64) -> u64 {
    let Some(work) = work(slot) else { return 0 };
    (work.taken, work.sum) = (0, 0);
    for index in 0..ELEMENTS {
        if index as usize >= opaque(count as usize) {
            break;
        }
        vector_element(slot, vector, index, limit);
    }
    let Some(room) = work.room(slot) else {
        return 0;
    };
    let full = if work.sum > limit { limit } else { work.sum };
    let len = at_most(work.taken as usize, TEXT_MAX);
    work.put(room, SECTION_BYTES, arg, len, cut(full));
    0
}

/// Copies one element behind those before it.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn vector_element(slot: u64, vector: u64, index: u64, limit: u64) -> u64 {
    let Some(work) = work(slot) else { return 0 };
    let (base, len) = if work.is_narrow() {
        let [base, len]: [u32; 2] = peek_user(vector + index * 8);
        (u64::from(base), u64::from(len))
    } else {
        let [base, len]: [u64; 2] = peek_user(vector + index * 16);
        (base, len)
    };
    let taken = at_most(work.taken as usize, TEXT_MAX);
    let before = work.sum;
    work.sum += len;
    // What was not read in full ended the copy.
    if taken as u64 != before {
        return 0;
    }
    let snap = snap_bytes();
    let most = if limit < snap as u64 {
        limit as usize
    } else {
        snap
    };
    let left = most.saturating_sub(taken);
    let len = if len < left as u64 {
        len as usize
    } else {
        left
    };
    let len = masked(at_most(len, TEXT_MAX - 1), TEXT_MAX - 1);
    let Some(room) = work.room(slot) else {
        return 0;
    };
    if read_user(room + HEAD + taken as u64, len as u32, base) {
        work.taken += len as u64;
    }
    0
}

/// What a descriptor is.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_descriptor(slot: u64, step: u64) -> u64 {
    let Some(work) = work(slot) else { return 0 };
    let mut number = work.arg(arg_of(step)) as i32;
    if step as u8 == step::DESCRIPTOR_AT {
        if work.result < 0 {
            return 0;
        }
        number = peek_user(work.arg(arg_of(step)));
    }
    if number < 0 {
        return 0;
    }
    if work.number == CLOSE {
        let Some(room) = work.room(slot) else {
            return 0;
        };
        let len = closing::take(room + HEAD);
        if len != 0 {
            work.put(room, SECTION_DESCRIPTOR, arg_of(step), len, len as u32);
        }
        return 0;
    }
    describe(work, number, Task::current().file(number as u32));
    let Some(room) = work.room(slot) else {
        return 0;
    };
    let text = room + HEAD + size_of::<Descriptor>() as u64;
    let len = at_most(name_of(slot, work, text), TEXT_MAX - 1);
    work.descriptor.path_len = len as u16;
    let from = (&raw const work.descriptor) as u64;
    if read_kernel(room + HEAD, size_of::<Descriptor>() as u32, from) {
        let len = size_of::<Descriptor>() + len;
        work.put(room, SECTION_DESCRIPTOR, arg_of(step), len, len as u32);
    }
    put_peer(slot, arg_of(step), number as u64)
}

/// Who is at the other end, of a unix socket.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn put_peer(slot: u64, arg: u64, number: u64) -> u64 {
    let socket = Task::current().file(number as u32).socket();
    let (Some(work), Some(peer)) = (work(slot), socket.unix_peer_process()) else {
        return 0;
    };
    let Some(room) = work.room(slot) else {
        return 0;
    };
    const LEN: usize = size_of::<Peer>();
    if read_kernel(room + HEAD, LEN as u32, (&raw const peer) as u64) {
        work.put(room, SECTION_PEER, arg, LEN, LEN as u32);
    }
    0
}

/// Describes a descriptor at the beginning of the slot's scratch, its path cut to
/// what is kept of it.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn hold_descriptor(slot: u64, number: u64) -> u64 {
    let (Some(work), Some(to)) = (work(slot), scratch(slot)) else {
        return 0;
    };
    describe(work, number as i32, Task::current().file(number as u32));
    let text = to + 2 * TEXT_MAX as u64;
    let len = at_most(name_of(slot, work, text), TEXT_MAX - 1);
    // Of a long one the end, as of every path that is cut.
    let cut = at_most(len.saturating_sub(PATH_KEPT), TEXT_MAX - 1);
    let kept = at_most(len, PATH_KEPT);
    work.descriptor.path_len = kept as u16;
    let heads = size_of::<Descriptor>();
    read_kernel(to, heads as u32, (&raw const work.descriptor) as u64);
    read_kernel(to + heads as u64, kept as u32, text + cut as u64);
    0
}

/// Writes the path or name of the file `work` describes.
#[inline(always)]
fn name_of(slot: u64, work: &Work, to: u64) -> usize {
    let file = Task::current().file(work.descriptor.number as u32);
    if work.descriptor.mode & S_IFMT == S_IFSOCK {
        socket_name(file.socket(), to)
    } else {
        file_name(slot, work, file, to)
    }
}

#[inline(always)]
fn describe(work: &mut Work, number: i32, file: File) {
    let inode = file.inode();
    let socket = file.socket();
    let it = &mut work.descriptor;
    it.number = number;
    it.ino = inode.number();
    it.dev = inode.device();
    it.magic = inode.magic();
    it.mode = inode.mode();
    it.flags = field(file.0, offset!(file_flags));
    it.file_flags = inode.layer();
    if file.mode() & FMODE_CREATED != 0 {
        it.file_flags |= CREATED;
    }
    it.family = socket.family();
    it.socket_type = socket.kind();
    it.protocol = socket.protocol();
    (it.source, it.peer) = (0, 0);
    (it.local, it.remote) = ([0; 16], [0; 16]);
    (it.local_port, it.remote_port) = (0, 0);
    it.state = field(socket.0, offset!(sock_state));
    it.backlog = field(socket.0, offset!(sock_backlog));
    it.backlog_max = field(socket.0, offset!(sock_backlog_max));
    if it.family == AF_UNIX {
        (it.source, it.peer) = (socket.0, socket.unix_peer());
    } else if it.family == AF_INET || it.family == AF_INET6 {
        (it.local, it.remote) = (socket.local(), socket.remote());
        (it.local_port, it.remote_port) = (socket.local_port(), socket.remote_port());
    } else if it.family != 0 {
        (it.local, it.remote) = socket.numbers();
    }
}

/// Writes the name a unix socket is bound to, or else the one at its other end.
#[inline(always)]
fn socket_name(socket: Socket, to: u64) -> usize {
    if socket.family() != AF_UNIX {
        return 0;
    }
    let mut address: u64 = field(socket.0, offset!(unix_address));
    if address == 0 {
        address = field(socket.unix_peer(), offset!(unix_address));
    }
    let len: u32 = field(address, offset!(unix_address_len));
    let name = address + u64::from(offset!(unix_address_name)) + 2;
    // The length counts the family; a path's counts its NUL too.
    let len = at_most((len as usize).saturating_sub(2), ADDRESS_MAX);
    let len = masked(len, 2 * ADDRESS_MAX - 1);
    if address == 0 || len == 0 || !read_kernel(to, len as u32, name) {
        return 0;
    }
    let first = to as *mut u8;
    if unsafe { first.read() } != 0 {
        return crate::kernel::read_kernel_string(to, ADDRESS_MAX as u32, name);
    }
    unsafe { first.write(b'@') };
    len
}

/// Writes the path of a file, or the name of what has none.
#[inline(always)]
fn file_name(slot: u64, work: &Work, file: File, to: u64) -> usize {
    let it = &work.descriptor;
    if file.0 == 0 || it.mode & S_IFMT == S_IFIFO && it.magic == PIPEFS_MAGIC {
        return 0;
    }
    if it.magic == NSFS_MAGIC {
        let namespace: u64 = field(file.inode().0, offset!(inode_private));
        let operations: u64 = field(namespace, offset!(ns_ops));
        let name: u64 = field(operations, offset!(ns_ops_name));
        return crate::kernel::read_kernel_string(to, NAMESPACE_NAME, name);
    }
    let (mut text, mut len) = path::text(slot, file.path());
    if len > 1 && it.magic == ANON_INODE_MAGIC {
        (text, len) = (text + 1, len - 1);
    }
    let len = len & (TEXT_MAX - 1);
    if len != 0 && read_kernel(to, len as u32, text) {
        len
    } else {
        0
    }
}
