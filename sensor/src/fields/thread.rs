//! The acting thread: ids, capabilities, cgroups.

use super::Type::{Bool, Double, RelTime, Signed, Text, Unsigned};
use super::{Arg, ArgRule, Field, Value, compose, names};
use crate::decode::Caps;
use crate::enrich::Observation;
use crate::enrich::process::Process;

/// thread.*
pub(super) const ROWS: &[Field] = &[
    Field::live(
        "thread.tid",
        Signed(64),
        |o, _| Some(Value::Signed(o.event.task.tid.into())),
        "thread id on the host",
    ),
    Field::live(
        "thread.ismain",
        Bool,
        |o, _| Some(Value::Bool(o.event.task.tid == o.event.task.pid)),
        "the thread is the first of its process",
    ),
    Field::live(
        "thread.vtid",
        Signed(64),
        |o, _| Some(Value::Signed(vtid(o)?.into())),
        "thread id inside its pid namespace; known of a process' first thread",
    ),
    Field::process(
        "thread.cap_permitted",
        Text,
        |o, _| Some(capabilities(o, |caps| caps.permitted)),
        "capabilities the process may make effective, joined by blanks",
    ),
    Field::process(
        "thread.cap_inheritable",
        Text,
        |o, _| Some(capabilities(o, |caps| caps.inheritable)),
        "capabilities an exec may keep, joined by blanks",
    ),
    Field::process(
        "thread.cap_effective",
        Text,
        |o, _| Some(capabilities(o, |caps| caps.effective)),
        "capabilities the kernel checks, joined by blanks",
    ),
    Field::process(
        "thread.cgroups",
        Text,
        cgroups,
        "cgroup of each controller as `controller=path`, joined by blanks",
    ),
    Field::process(
        "thread.cgroup",
        Text,
        cgroup,
        "cgroup of one controller: `thread.cgroup.cpu`",
    )
    .arg(ArgRule::Dotted),
    Field::live(
        "thread.nametid",
        Text,
        |o, _| {
            let name = o.process.map_or(&b"<NA>"[..], |p| p.comm.as_bytes());
            let tid = compose::text(o.arena, format_args!("{}", o.event.task.tid));
            Some(Value::Text(compose::concat(o.arena, &[name, tid])))
        },
        "name and thread id, glued",
    )
    .hidden(),
    Field::absent(
        "thread.pfmajor",
        Unsigned(64),
        "page faults that had to read",
    ),
    Field::absent(
        "thread.pfminor",
        Unsigned(64),
        "page faults that had not to read",
    ),
    Field::absent(
        "thread.exectime",
        RelTime,
        "nanoseconds on the CPU before the last switch",
    ),
    Field::absent(
        "thread.totexectime",
        RelTime,
        "nanoseconds on the CPU in all",
    ),
    Field::absent("thread.cpu", Double, "CPU use in the last second, percent"),
    Field::absent("thread.cpu.user", Double, "CPU use in user mode, percent"),
    Field::absent(
        "thread.cpu.system",
        Double,
        "CPU use in the kernel, percent",
    ),
    Field::absent("thread.vmsize", Unsigned(64), "virtual memory in KiB"),
    Field::absent("thread.vmrss", Unsigned(64), "resident memory in KiB"),
    Field::absent("thread.vmsize.b", Unsigned(64), "virtual memory in bytes").hidden(),
    Field::absent("thread.vmrss.b", Unsigned(64), "resident memory in bytes").hidden(),
];

/// The controllers that have a cgroup each where the hierarchies are separate;
/// in the unified one they share it.
const CONTROLLERS: [&str; 14] = [
    "cpuset",
    "cpu",
    "cpuacct",
    "io",
    "blkio",
    "memory",
    "devices",
    "freezer",
    "net_cls",
    "perf_event",
    "net_prio",
    "hugetlb",
    "pids",
    "rdma",
];

/// The thread id in the namespace: the process' own for its first thread, and
/// the host's where the process is in the host's namespace.
pub(super) fn vtid(o: &Observation<'_>) -> Option<u32> {
    let (task, process) = (&o.event.task, o.process?);
    if task.tid == task.pid {
        return Some(process.ids.vtid);
    }
    let same_namespace = process.ids.vpid == process.key.pid;
    same_namespace.then_some(task.tid)
}

fn capabilities<'a>(o: &Observation<'a>, set: fn(&Caps) -> u64) -> Value<'a> {
    let set = o.process.map_or(0, |process| set(&process.caps));
    Value::Text(compose::join(o.arena, b" ", names::capabilities(set)))
}

/// The cgroup of the process: the v2 path, else the v1 path.
pub(super) fn cgroup_path(process: &Process) -> &[u8] {
    match (&*process.place.cgroup, &*process.place.cgroup_v1) {
        (b"" | b"/", v1) if !v1.is_empty() => v1,
        (v2, _) => v2,
    }
}

fn known_path<'a>(o: &Observation<'a>) -> Option<&'a [u8]> {
    Some(cgroup_path(o.process?)).filter(|path| !path.is_empty())
}

fn cgroups<'a>(o: &Observation<'a>, _: &Arg) -> Option<Value<'a>> {
    let path = known_path(o)?;
    let each = CONTROLLERS
        .iter()
        .map(|name| compose::concat(o.arena, &[name.as_bytes(), b"=", path]));
    Some(Value::Text(compose::join(o.arena, b" ", each)))
}

fn cgroup<'a>(o: &Observation<'a>, arg: &Arg) -> Option<Value<'a>> {
    let Arg::Key(controller) = arg else {
        return None;
    };
    CONTROLLERS
        .contains(&&**controller)
        .then(|| known_path(o).map(Value::Text))?
}
