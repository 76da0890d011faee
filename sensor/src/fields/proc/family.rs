//! The line of ancestors, and who leads the session and the group.

use bumpalo::collections::Vec;

use super::variable as variable_of;
use crate::decode::Ids;
use crate::enrich::Observation;
use crate::enrich::process::Process;
use crate::fields::{Arg, Value, compose};

/// How many generations a variable is looked for.
const VARIABLE_GENERATIONS: usize = 20;

/// The parent, if it is known.
pub(super) fn parent<'a>(o: &Observation<'a>) -> Option<&'a Process> {
    o.processes.ancestors(o.process?).next()
}

/// Reads something from ancestor `[N]` (0 is the process itself), or from all
/// proper ancestors, parent first; missing when there are none.
pub(super) fn line<'a>(
    o: &Observation<'a>,
    arg: &Arg,
    read: fn(&Observation<'a>, &'a Process) -> Value<'a>,
) -> Option<Value<'a>> {
    let process = o.process?;
    let mut ancestors = o.processes.ancestors(process);
    match arg {
        Arg::Index(0) => Some(read(o, process)),
        Arg::Index(generation) => Some(read(o, ancestors.nth(generation - 1)?)),
        _ => {
            let mut values = Vec::new_in(o.arena);
            values.extend(ancestors.map(|ancestor| read(o, ancestor)));
            (!values.is_empty()).then(|| Value::List(values.into_bump_slice()))
        }
    }
}

/// The first value of the variable among the ancestors, parent first; empty
/// when none has it.
pub(super) fn variable<'a>(o: &Observation<'a>, name: &str) -> &'a [u8] {
    let Some(process) = o.process else {
        return &[];
    };
    o.processes
        .ancestors(process)
        .take(VARIABLE_GENERATIONS)
        .map(|ancestor| variable_of(&ancestor.image.env, name))
        .find(|value| !value.is_empty())
        .unwrap_or_default()
}

/// The arguments of one ancestor, or of all of them in one text.
pub(super) fn args<'a>(o: &Observation<'a>, arg: &Arg) -> Option<Value<'a>> {
    if let Arg::Index(_) = arg {
        return line(o, arg, |_, p| Value::Text(&p.image.args));
    }
    let mut ancestors = o.processes.ancestors(o.process?).peekable();
    ancestors.peek()?;
    let args = ancestors.map(|ancestor| &ancestor.image.args);
    Some(Value::Text(compose::join(o.arena, b" ", args)))
}

/// The eldest in the line, the process itself included, that looks like a shell.
pub(super) fn login_shell<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    let process = o.process?;
    let line = std::iter::once(process).chain(o.processes.ancestors(process));
    let shell = line.filter(|p| p.comm.as_bytes().ends_with(b"sh")).last()?;
    Some(Value::Signed(shell.key.pid.into()))
}

/// The leader of the session.
pub(super) fn session_leader<'a>(o: &Observation<'a>) -> Option<&'a Process> {
    leader(o, |ids| ids.sid)
}

/// The leader of the process group.
pub(super) fn group_leader<'a>(o: &Observation<'a>) -> Option<&'a Process> {
    leader(o, |ids| ids.pgid)
}

/// The process a session or group is named after; when it has gone, the
/// eldest of the line that is still in it.
fn leader<'a>(o: &Observation<'a>, id: fn(&Ids) -> u32) -> Option<&'a Process> {
    let process = o.process?;
    let wanted = id(&process.ids);
    // Another process may have that pid by now: it leads only if it is inside.
    let named = o.processes.by_pid(wanted);
    named
        .filter(|leader| id(&leader.ids) == wanted)
        .or_else(|| {
            std::iter::once(process)
                .chain(o.processes.ancestors(process))
                .take_while(|elder| id(&elder.ids) == wanted)
                .last()
        })
}
