//! The paths of calls that work on names.
//!
//! Only a call that succeeded has them: they say what was done, not what was
//! tried (that is `evt.arg`).

use super::Type::Text;
use super::params::NamedPath;
use super::{Field, Value, compose, fd, params, path};
use crate::decode::Body;
use crate::enrich::Observation;

/// fs.*
pub(super) const ROWS: &[Field] = &[
    Field::live(
        "fs.path.name",
        Text,
        |o, _| Some(Value::Text(name(o)?.absolute)),
        "absolute path of a call on one name that succeeded",
    ),
    Field::live(
        "fs.path.nameraw",
        Text,
        |o, _| Some(Value::Text(name(o)?.raw)),
        "that path as given",
    ),
    Field::live(
        "fs.path.source",
        Text,
        |o, _| Some(Value::Text(both(o)?.0.absolute)),
        "absolute path of what was moved; of a link that was made, the link; of a mount, what was mounted",
    ),
    Field::live(
        "fs.path.sourceraw",
        Text,
        |o, _| Some(Value::Text(both(o)?.0.raw)),
        "that path as given",
    ),
    Field::live(
        "fs.path.target",
        Text,
        |o, _| Some(Value::Text(both(o)?.1.absolute)),
        "absolute path of where it was moved to; of a link, what it leads to; of a mount, its directory",
    ),
    Field::live(
        "fs.path.targetraw",
        Text,
        |o, _| Some(Value::Text(both(o)?.1.raw)),
        "that path as given",
    ),
    Field::live(
        "fs.path.real",
        Text,
        |o, _| real(o).map(Value::Text),
        "path of the file an open or a call on a descriptor reached, as the kernel resolved it; of other calls on one name what is known of it: absolute, with the process's own links in /proc followed (an addition to Falco's fields)",
    ),
];

/// The one path of the call at hand.
fn name<'a>(o: &Observation<'a>) -> Option<NamedPath<'a>> {
    if let Some(open) = fd::opened(o) {
        return Some(NamedPath {
            raw: open.name,
            absolute: fd::open_path(o, open),
        });
    }
    if both(o).is_some() {
        return None;
    }
    match succeeded(o)? {
        [path] => Some(*path),
        _ => None,
    }
}

/// `fs.path.real`.
fn real<'a>(o: &Observation<'a>) -> Option<&'a [u8]> {
    if let Some(name) = name(o).filter(|_| fd::open(o).is_none()) {
        return Some(through_own_links(o, name.absolute));
    }
    let descriptor = fd::descriptor::of(o).filter(fd::descriptor::Descriptor::is_file)?;
    (!descriptor.path.is_empty()).then_some(descriptor.path)
}

/// The path behind links that lead back to where the process is anyway: its own
/// root and working directory in /proc.
fn through_own_links<'a>(o: &Observation<'a>, mut path: &'a [u8]) -> &'a [u8] {
    // One may stand behind another; a path has an end.
    while let Some(rest) = path.strip_prefix(b"/proc/").and_then(|rest| own(o, rest)) {
        let (root, rest) = match (rest.strip_prefix(b"/root"), rest.strip_prefix(b"/cwd")) {
            (Some(rest), _) => (&b"/"[..], rest),
            (_, Some(rest)) => (o.process.map_or(&[][..], |process| &process.cwd), rest),
            _ => break,
        };
        if root.is_empty() || !(rest.is_empty() || rest.starts_with(b"/")) {
            break;
        }
        let rest = rest.strip_prefix(b"/").unwrap_or(rest);
        path = path::absolute(o.arena, root, rest);
    }
    path
}

/// What stands behind the process's own directory in /proc.
fn own<'a>(o: &Observation<'a>, path: &'a [u8]) -> Option<&'a [u8]> {
    let number = compose::text(o.arena, format_args!("{}", o.event.task.pid));
    let end = path.iter().position(|byte| *byte == b'/');
    let (directory, rest) = path.split_at_checked(end.unwrap_or(path.len()))?;
    let own = [&b"self"[..], b"thread-self", number].contains(&directory);
    own.then_some(rest)
}

/// Both paths of the call at hand, source first.
fn both<'a>(o: &Observation<'a>) -> Option<(NamedPath<'a>, NamedPath<'a>)> {
    let paths = succeeded(o)?;
    match (params::event_type(o)?.name, paths) {
        ("rename" | "renameat" | "renameat2", [source, target]) => Some((*source, *target)),
        ("link" | "linkat", [existing, link]) => Some((*link, *existing)),
        ("symlink" | "symlinkat", [link]) => {
            // What a symbolic link says is read from where it stands.
            let from = path::directory(link.absolute);
            Some((*link, beside(o, "target", from)?))
        }
        ("mount", [directory]) => {
            // Only a directory that is bound has a path; a device may be called anything.
            let bound = params::number(o, "flags")? & MS_BIND != 0;
            let cwd = o.process.map_or(&[][..], |process| &process.cwd);
            let from = if bound { cwd } else { &[] };
            Some((beside(o, "dev", from)?, *directory))
        }
        _ => None,
    }
}

const MS_BIND: u64 = 1 << 12;

/// A text that is a path from that directory on; itself when there is none.
fn beside<'a>(o: &Observation<'a>, name: &str, from: &'a [u8]) -> Option<NamedPath<'a>> {
    let raw = params::bytes(o, name)?;
    let known = raw.starts_with(b"/") || !from.is_empty();
    let absolute = if known {
        path::absolute(o.arena, from, raw)
    } else {
        raw
    };
    Some(NamedPath { raw, absolute })
}

/// The paths of the call at hand, if it succeeded.
fn succeeded<'a>(o: &Observation<'a>) -> Option<&'a [NamedPath<'a>]> {
    match &o.event.body {
        Body::Call(call) if call.result >= 0 => Some(params::named_paths(o)),
        _ => None,
    }
}
