//! An event in, each of its texts that a program chose out: what may hold
//! anything, secrets included.

use super::{Body, Event, Peers, Pointed};

/// Gives every text of an event but those the kernel itself wrote: cgroups and
/// names of programs. Each is a part of the record.
pub(crate) fn texts<'r>(event: &Event<'r>, give: &mut dyn FnMut(&'r [u8])) {
    match &event.body {
        Body::Exec(exec) => {
            for text in [exec.filename, exec.exe_path, exec.cwd, exec.argv, exec.env] {
                give(text);
            }
        }
        Body::Open(open) => {
            for text in [open.name, open.base, open.real_path] {
                give(text);
            }
        }
        Body::Connect(connect) => {
            if let Peers::Unix { path, .. } = connect.peers {
                give(path);
            }
        }
        Body::Call(call) => call.texts().for_each(&mut *give),
        Body::Mismatch(mismatch) => {
            for pointed in [mismatch.entry, mismatch.exit, mismatch.kernel] {
                if let Pointed::Text(text) = pointed {
                    give(text);
                }
            }
        }
        Body::Fork(_)
        | Body::Exit(_)
        | Body::Signal(_)
        | Body::Operation(_)
        | Body::Dns(_)
        | Body::TlsHello(_)
        | Body::ConnectionEnd(_) => {}
    }
    if let Some(status) = &event.status {
        give(status.cwd);
    }
}
