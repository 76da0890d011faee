//! The container the acting process runs in.
//!
//! On the host the identity is the word `host` and the image is empty, both
//! of them values. In a container the identity comes from the cgroup path and
//! is there at once; what only the runtime knows is missing. Of a process
//! nobody knows, all is missing.

use super::Type::{AbsTime, Bool, RelTime, Text};
use super::{ArgRule, Field, Value, proc};
use crate::decode::Namespaces;
use crate::enrich::Observation;
use crate::enrich::container::Container;
use crate::enrich::process::Process;

/// container.*
pub(super) const ROWS: &[Field] = &[
    Field::process(
        "container.id",
        Text,
        |o, _| id(o).map(Value::Text),
        "first 12 characters of the container id; `host` outside containers",
    )
    .suggested(),
    Field::process(
        "container.full_id",
        Text,
        |o, _| identity(o, |container| &container.full_id),
        "container id; `host` outside containers",
    ),
    Field::process(
        "container.type",
        Text,
        |o, _| identity(o, |container| container.engine),
        "container engine: docker, containerd, cri-o, podman …; `host` outside containers",
    ),
    Field::process(
        "container.name",
        Text,
        |o, _| on_host(o, b"host"),
        "container name, not yet known in containers; `host` outside",
    )
    .suggested(),
    Field::live(
        "container.start_ts",
        AbsTime,
        |o, _| start_ns(o).map(Value::Unsigned),
        "when the container's first process started, nanoseconds since the epoch",
    ),
    Field::live(
        "container.duration",
        RelTime,
        |o, _| {
            let age_ns = o.event.time_ns.saturating_sub(start_ns(o)?);
            Some(Value::Unsigned(age_ns))
        },
        "nanoseconds since the container started",
    ),
    image(
        "container.image",
        "image with its tag, not yet known in containers; empty outside",
    ),
    image(
        "container.image.repository",
        "image without its tag, not yet known in containers; empty outside",
    )
    .suggested(),
    image(
        "container.image.tag",
        "tag of the image, not yet known in containers; empty outside",
    )
    .suggested(),
    image(
        "container.image.id",
        "id of the image, not yet known in containers; empty outside",
    ),
    image(
        "container.image.digest",
        "digest of the image, not yet known in containers; empty outside",
    ),
    Field::live(
        "container.privileged",
        Bool,
        |o, _| is_privileged(o).map(Value::Bool),
        "the process may have every capability that the host's first process may have, in the \
         host's user namespace, as in containers that run privileged",
    ),
    Field::absent("container.mounts", Text, "all mounts of the container"),
    mount(
        "container.mount",
        "one mount, by number or by a pattern for its source",
    ),
    mount(
        "container.mount.source",
        "source of the mount with this number or destination",
    ),
    mount(
        "container.mount.dest",
        "destination of the mount with this number or source",
    ),
    mount(
        "container.mount.mode",
        "mode of the mount with this number or source",
    ),
    mount(
        "container.mount.rdwr",
        "`true` when the mount with this number or source is writable",
    ),
    mount(
        "container.mount.propagation",
        "propagation of the mount with this number or source",
    ),
    Field::absent(
        "container.healthcheck",
        Text,
        "command that asks for the container's health",
    ),
    Field::absent(
        "container.liveness_probe",
        Text,
        "command that asks whether the container is alive",
    ),
    Field::absent(
        "container.readiness_probe",
        Text,
        "command that asks whether the container is ready",
    ),
    Field::absent(
        "container.cni.json",
        Text,
        "what the container's network plugin said",
    ),
    Field::absent("container.ip", Text, "IPv4 address of the container"),
    Field::live(
        "container.host_pid",
        Bool,
        |o, _| shares(o, |ns| ns.pid, PID_OF_HOST).map(Value::Bool),
        "the container shares the host's pid namespace",
    ),
    Field::live(
        "container.host_network",
        Bool,
        |o, _| shares(o, |ns| ns.net, init(o)?.place.ns.net).map(Value::Bool),
        "the container shares the host's network",
    ),
    Field::live(
        "container.host_ipc",
        Bool,
        |o, _| shares(o, |ns| ns.ipc, IPC_OF_HOST).map(Value::Bool),
        "the container shares the host's IPC namespace",
    ),
    Field::absent(
        "container.label",
        Text,
        "one label of the container, by its key",
    )
    .arg(ArgRule::Required),
    Field::absent("container.labels", Text, "all labels of the container"),
];

/// A field about the image: empty on the host.
const fn image(name: &'static str, doc: &'static str) -> Field {
    Field::process(name, Text, |o, _| on_host(o, b""), doc)
}

/// A field about one mount.
const fn mount(name: &'static str, doc: &'static str) -> Field {
    Field::absent(name, Text, doc).arg(ArgRule::Required)
}

/// `container.id`.
pub(super) fn id<'a>(o: &Observation<'a>) -> Option<&'a [u8]> {
    o.process?;
    Some(
        o.container
            .map_or(b"host", |container| container.id().as_bytes()),
    )
}

/// Something of the container's identity; `host` outside.
fn identity<'a>(o: &Observation<'a>, read: fn(&'a Container) -> &'a str) -> Option<Value<'a>> {
    o.process?;
    Some(Value::Text(
        o.container.map_or(b"host", |c| read(c).as_bytes()),
    ))
}

/// A value for the host; missing in containers.
fn on_host<'a>(o: &Observation<'a>, value: &'static [u8]) -> Option<Value<'a>> {
    o.process?;
    o.container.is_none().then_some(Value::Text(value))
}

/// The start of the container: that of its pid namespace.
fn start_ns(o: &Observation<'_>) -> Option<u64> {
    o.container?;
    proc::pidns_start(o, o.process?)
}

/// The numbers of the namespaces a machine starts with, the same in every kernel.
const USER_OF_HOST: u32 = 0xefff_fffd;
const PID_OF_HOST: u32 = 0xefff_fffc;
const IPC_OF_HOST: u32 = 0xefff_ffff;

/// Whether a process in a container has the host's namespace of one kind.
fn shares(o: &Observation<'_>, of: fn(&Namespaces) -> u32, hosts: u32) -> Option<bool> {
    o.container?;
    let ours = of(&o.process?.place.ns);
    (ours != 0 && hosts != 0).then_some(ours == hosts)
}

/// Whether nothing is withheld from a process in a container. Capabilities in a user
/// namespace of its own reach nothing of the host.
fn is_privileged(o: &Observation<'_>) -> Option<bool> {
    let is_hosts = shares(o, |ns| ns.user, USER_OF_HOST)?;
    let (ours, all) = (o.process?.caps.bounding, init(o)?.caps.bounding);
    (all != 0).then_some(is_hosts && ours & all == all)
}

/// The first process of the host.
fn init<'a>(o: &Observation<'a>) -> Option<&'a Process> {
    o.processes.by_pid(1)
}
