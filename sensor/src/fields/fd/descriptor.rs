//! The descriptor an event works on, whichever record told of it.

use std::net::{IpAddr, Ipv6Addr};

use sensor_ebpf::call::{self, RESULT};

use super::kind::{self, Kind};
use super::socket::Socket;
use crate::decode::{Body, Call, Connect, Open, OpenedFile};
use crate::enrich::Observation;
use crate::events::{self, EventType, From, Param};
use crate::fields::address::End;
use crate::fields::{compose, names, params, path};

/// A descriptor and all that is known of it.
#[derive(Debug, Clone, Copy)]
pub(in crate::fields) struct Descriptor<'a> {
    /// Its number; -1 when the call that should have made it failed.
    pub(in crate::fields) number: i64,
    /// What it is; `None` when it is not open, or was not told.
    pub(in crate::fields) kind: Option<Kind>,
    /// Its inode; zeroes for a socket that was connected.
    pub(in crate::fields) file: OpenedFile,
    /// The path as the kernel resolved it, of what has one.
    pub(in crate::fields) path: &'a [u8],
    /// The addresses of a socket.
    pub(in crate::fields) socket: Option<Socket<'a>>,
}

/// The descriptor of the event at hand, if it works on one.
pub(in crate::fields) fn of<'a>(o: &Observation<'a>) -> Option<Descriptor<'a>> {
    match &o.event.body {
        Body::Open(open) => Some(opened(open)),
        Body::Connect(connect) => Some(connected(connect)),
        Body::Call(call) => of_call(call),
        _ => None,
    }
}

fn opened<'a>(open: &Open<'a>) -> Descriptor<'a> {
    let kind = if is_directory(open) {
        kind::DIRECTORY
    } else {
        kind::FILE
    };
    Descriptor {
        number: open.result.max(-1),
        kind: (open.result >= 0).then_some(kind),
        file: open.file,
        path: open.real_path,
        socket: None,
    }
}

/// Only a directory is not called a file: devices and named pipes are opened
/// by path like any file, and rules on files mean them too.
fn is_directory(open: &Open<'_>) -> bool {
    const S_IFMT: u16 = 0o170_000;
    const S_IFDIR: u16 = 0o040_000;
    let wanted = names::open_flags(open.flags) & names::O_DIRECTORY != 0;
    let made_file = names::open_flags(open.flags) & names::O_TMPFILE != 0;
    open.file.mode & S_IFMT == S_IFDIR || (open.file.mode == 0 && wanted && !made_file)
}

fn connected<'a>(connect: &Connect<'a>) -> Descriptor<'a> {
    let socket = Socket::connecting(connect);
    Descriptor {
        number: connect.fd.into(),
        kind: Some(socket.kind()),
        file: OpenedFile::default(),
        path: &[],
        socket: Some(socket),
    }
}

/// The descriptor a call works on: the one its first described parameter names,
/// but for one the call should have made and did not.
fn of_call<'a>(call: &Call<'a>) -> Option<Descriptor<'a>> {
    let event = events::row(events::numbers::code_of(call.number))?;
    let mut described = event.params.iter().filter_map(place);
    let first = described.next()?;
    let made = call.result >= 0 && params::makes_descriptor(call, event);
    let place = match described.next() {
        Some(second) if first == RESULT && !made => second,
        None if first == RESULT && call.result >= 0 && !made => return None,
        _ => first,
    };
    let mut descriptor = at(call, place);
    if let Some(socket) = &mut descriptor.socket {
        socket.told(call, event);
        descriptor.kind = Some(socket.kind());
    }
    Some(descriptor)
}

/// Where the descriptor of a parameter stands, if it is described.
fn place(param: &Param) -> Option<u8> {
    match param.from {
        From::Descriptor(at) | From::DescriptorAt(at) => Some(at),
        _ => None,
    }
}

/// What a call's record says of the descriptor in an argument or the result.
pub(in crate::fields) fn at<'a>(call: &Call<'a>, at: u8) -> Descriptor<'a> {
    let Some((told, path)) = call.descriptor(at) else {
        return Descriptor {
            number: match at {
                RESULT => call.result.max(-1),
                at => int(call.arg(at)),
            },
            kind: None,
            file: OpenedFile::default(),
            path: &[],
            socket: None,
        };
    };
    let path = path.get(..told.path_len.into()).unwrap_or(path);
    let kind = kind::of(&told, path);
    Descriptor {
        number: told.number.into(),
        kind,
        file: OpenedFile {
            dev: told.dev,
            ino: told.ino,
            mode: told.mode,
            created: told.file_flags & sensor_ebpf::open::CREATED != 0,
            upper_layer: told.file_flags & sensor_ebpf::open::UPPER_LAYER != 0,
            lower_layer: told.file_flags & sensor_ebpf::open::LOWER_LAYER != 0,
        },
        path,
        socket: kind.and_then(|_| Socket::told_by_kernel(&told, path, call.peer(at))),
    }
}

/// A number of 32 bits as an argument has it.
fn int(argument: u64) -> i64 {
    let [a, b, c, d, ..] = argument.to_le_bytes();
    i32::from_le_bytes([a, b, c, d]).into()
}

impl<'a> Descriptor<'a> {
    /// Its name, when no record told a better one than the kernel has.
    pub(in crate::fields) fn name(&self, o: &Observation<'a>) -> &'a [u8] {
        const S_IFMT: u16 = 0o170_000;
        const S_IFIFO: u16 = 0o010_000;
        match (&self.socket, self.path) {
            (Some(socket), _) => socket.name(o.arena),
            _ if self.kind == Some(kind::PIDFD) => b"[pidfd]",
            // As the kernel shows it: `uts:[4026531838]`.
            (None, name) if self.kind == Some(kind::NAMESPACE) => {
                let ino = compose::text(o.arena, format_args!(":[{}]", self.file.ino));
                compose::concat(o.arena, &[name, ino])
            }
            (None, []) if self.file.mode & S_IFMT == S_IFIFO => {
                compose::text(o.arena, format_args!("pipe:[{}]", self.file.ino))
            }
            (None, path) => path,
        }
    }

    /// The other of a pair that one call made.
    pub(in crate::fields) fn other_end(mut self) -> Self {
        self.socket = self.socket.map(Socket::other_end);
        self
    }

    /// Whether it has a path of a file or directory.
    pub(in crate::fields) fn is_file(&self) -> bool {
        let class = self.kind.map(|kind| kind.class);
        matches!(class, Some(kind::Class::File | kind::Class::Directory))
    }

    /// `<f>/etc/passwd`, `<4t>10.0.0.1:5->10.0.0.2:80`.
    pub(in crate::fields) fn described(&self, o: &Observation<'a>) -> Option<&'a [u8]> {
        self.described_as(o, self.name(o))
    }

    /// The same with a name that is known better.
    pub(in crate::fields) fn described_as(
        &self,
        o: &Observation<'a>,
        name: &'a [u8],
    ) -> Option<&'a [u8]> {
        let kind = self.kind?;
        let protocol = self.socket.as_ref().map_or(&b""[..], Socket::protocol_char);
        let parts: [&[u8]; 5] = [b"<", kind.letter.as_bytes(), protocol, b">", name];
        Some(compose::concat(o.arena, &parts))
    }
}

/// The letter of what the event's descriptor is or, when that is not known, of
/// what it was to be.
pub(in crate::fields) fn letter(o: &Observation<'_>, event: &EventType) -> Option<&'static str> {
    let kind = of(o)?.kind;
    Some(kind.map_or_else(|| kind::guessed(event.name), |kind| kind.letter))
}

/// The path of an open, absolute by its text.
pub(in crate::fields) fn open_path<'a>(o: &Observation<'a>, open: &'a Open<'a>) -> &'a [u8] {
    let base = base(o);
    let base_unknown = base.is_empty() && !open.name.starts_with(b"/");
    match (base_unknown, open.real_path) {
        (false, _) => path::absolute(o.arena, base, open.name),
        (true, []) => path::absolute(o.arena, b"<UNKNOWN>", open.name),
        (true, real) => real,
    }
}

/// The directory a relative path of the open call starts from; empty when it
/// is not known.
pub(in crate::fields) fn base<'a>(o: &Observation<'a>) -> &'a [u8] {
    const AT_FDCWD: i32 = -100;
    let Body::Open(open) = &o.event.body else {
        return &[];
    };
    match o.process {
        _ if !open.base.is_empty() => open.base,
        Some(process) if open.dirfd == AT_FDCWD => &process.cwd,
        _ => &[],
    }
}

/// One end of a socket as the kernel has it; `None` while it has no port.
pub(super) fn end(address: [u8; 16], port: u16) -> Option<End> {
    let ip = IpAddr::V6(Ipv6Addr::from(address)).to_canonical();
    (port != 0).then_some((ip, port))
}

/// What the kernel says of sockets, by another name than that of the whole.
pub(super) type Told = call::Descriptor;
