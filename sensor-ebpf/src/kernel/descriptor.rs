//! What a descriptor is, as a section of a record.

use crate::{
    call::{Descriptor, Peer, SECTION_DESCRIPTOR, SECTION_PEER},
    connect::{AF_INET, AF_INET6, AF_UNIX},
    kernel::{field, file::File, offset, path, socket::Socket},
    maps::Draft,
    open::CREATED,
};

/// `file.f_mode`: the open made the file.
const FMODE_CREATED: u32 = 0x10_0000;

/// Appends what the file behind a descriptor is; gives the number of sections.
#[inline(always)]
pub(crate) fn section<R>(draft: &mut Draft<R>, arg: u8, file: File, number: i32) -> u8 {
    let socket = file.socket();
    let told = draft.section(SECTION_DESCRIPTOR, arg, 0, |draft| {
        let mut told = of_file(file, number);
        if socket.0 != 0 {
            of_socket(&mut told, socket);
        }
        let fixed = draft.value(&told);
        let path_len = if socket.0 == 0 {
            path::path(draft, file.path())
        } else {
            0
        };
        draft.patch(fixed, core::mem::offset_of!(Descriptor, path_len), path_len);
        size_of::<Descriptor>() as u16 + path_len
    });
    let Some(peer) = socket.unix_peer_process() else {
        return told;
    };
    told + draft.section(SECTION_PEER, arg, 0, |draft| {
        draft.value(&peer);
        size_of::<Peer>() as u16
    })
}

#[inline(always)]
fn of_file(file: File, number: i32) -> Descriptor {
    let inode = file.inode();
    let created = file.mode() & FMODE_CREATED != 0;
    Descriptor {
        ino: inode.number(),
        source: 0,
        peer: 0,
        local: [0; 16],
        remote: [0; 16],
        number,
        dev: inode.device(),
        flags: field(file.0, offset!(file_flags)),
        magic: inode.magic(),
        backlog: 0,
        backlog_max: 0,
        mode: inode.mode(),
        family: 0,
        socket_type: 0,
        protocol: 0,
        local_port: 0,
        remote_port: 0,
        state: 0,
        file_flags: inode.layer() | if created { CREATED } else { 0 },
        path_len: 0,
    }
}

#[inline(always)]
fn of_socket(told: &mut Descriptor, socket: Socket) {
    told.family = socket.family();
    told.socket_type = socket.kind();
    told.protocol = socket.protocol();
    match told.family {
        AF_INET | AF_INET6 => {
            told.local_port = socket.local_port();
            told.remote_port = socket.remote_port();
            told.local = socket.local();
            told.remote = socket.remote();
            told.state = socket.state();
        }
        AF_UNIX => {
            told.source = socket.0;
            told.peer = socket.unix_peer();
        }
        _ => (told.local, told.remote) = socket.numbers(),
    }
}
