//! An alert as an object of the Elastic Common Schema.
//!
//! All keys are the schema's but those under `sensor`: there stand the fields
//! that the rule's output names, each under its name with `_` for what a key of
//! Elasticsearch cannot hold beside its own parts (`proc.pid` and `proc.pid.ts`).

use serde_json::{Map, Value, json};

use super::facts::{Connection, Technique, file_name};
use super::{Facts, PRODUCT, VENDOR, VERSION, put, put_some};
use crate::alert::{Alert, Priority, utc};

/// The version of the schema.
const ECS: &str = "8.11.0";

pub(super) fn encode(alert: &Alert) -> Value {
    let facts = Facts::of(alert);
    let mut object = json!({
        "@timestamp": utc(alert.time_ns, "Z"),
        "ecs": {"version": ECS},
        "message": alert.message,
        "tags": alert.tags,
        "labels": {"priority": alert.priority.name(), "source": alert.source},
        "log": {"level": alert.priority.name().to_ascii_lowercase()},
        "rule": {"name": alert.rule, "ruleset": alert.source},
        "host": {"name": alert.hostname, "hostname": alert.hostname, "os": {"type": "linux"}},
        "observer": {"vendor": VENDOR, "product": PRODUCT, "version": VERSION, "type": "sensor"},
        "sensor": {"fields": printed(alert)},
    });
    event(&mut object, alert, &facts);
    process(&mut object, &facts);
    user(&mut object, &facts);
    container(&mut object, &facts);
    file(&mut object, &facts);
    if let Some(connection) = facts.connection() {
        network(&mut object, &connection);
    }
    threat(&mut object, &facts);
    related(&mut object, alert, &facts);
    object
}

/// The numbers of Elastic's own rules for low, medium, high and critical, and
/// what lies between and beyond.
fn severity(priority: Priority) -> u64 {
    match priority {
        Priority::Emergency => 100,
        Priority::Alert => 99,
        Priority::Critical => 95,
        Priority::Error => 73,
        Priority::Warning => 47,
        Priority::Notice => 21,
        Priority::Informational => 10,
        Priority::Debug => 1,
    }
}

fn event(object: &mut Value, alert: &Alert, facts: &Facts<'_>) {
    let action = facts.text("evt.type");
    let (category, kind) = meaning(action.unwrap_or_default(), facts);
    put(object, "event.kind", "alert");
    put(object, "event.id", alert.id.to_string());
    put(object, "event.module", "sensor");
    put(object, "event.dataset", "sensor.alert");
    put(object, "event.provider", &*alert.source);
    put(object, "event.severity", severity(alert.priority));
    put(object, "event.outcome", facts.outcome());
    put_some(object, "event.action", action);
    let mut categories = vec!["intrusion_detection"];
    categories.extend(category);
    put(object, "event.category", categories);
    let mut kinds = vec!["info"];
    kinds.extend(kind);
    put(object, "event.type", kinds);
}

/// The category and type of an event besides being a detection.
fn meaning(action: &str, facts: &Facts<'_>) -> (Option<&'static str>, Option<&'static str>) {
    let (category, kind) = match action {
        "execve" | "execveat" | "clone" | "clone3" | "fork" | "vfork" => ("process", "start"),
        "procexit" | "exit" | "exit_group" => ("process", "end"),
        "setuid" | "setgid" | "setresuid" | "setresgid" | "setreuid" | "setregid" | "setns"
        | "unshare" | "capset" | "ptrace" | "prctl" | "kill" | "tkill" | "tgkill" => {
            ("process", "change")
        }
        "connect" | "accept" | "accept4" => ("network", "connection"),
        "bind" | "listen" | "socket" | "sendto" | "sendmsg" | "recvfrom" | "recvmsg" => {
            ("network", "access")
        }
        "unlink" | "unlinkat" | "rmdir" => ("file", "deletion"),
        "mkdir" | "mkdirat" | "creat" | "mknod" | "mknodat" | "symlink" | "symlinkat" | "link"
        | "linkat" => ("file", "creation"),
        "rename" | "renameat" | "renameat2" | "chmod" | "fchmod" | "fchmodat" | "chown"
        | "lchown" | "fchown" | "fchownat" | "truncate" | "ftruncate" => ("file", "change"),
        "init_module" | "finit_module" | "delete_module" => ("driver", "change"),
        _ => match facts.text("evt.category") {
            Some("file") => ("file", "access"),
            Some("net") => ("network", "access"),
            Some("process") => ("process", "access"),
            _ => return (None, None),
        },
    };
    (Some(category), Some(kind))
}

fn process(object: &mut Value, facts: &Facts<'_>) {
    for (key, field) in [
        ("process.name", "proc.name"),
        ("process.executable", "proc.exepath"),
        ("process.command_line", "proc.cmdline"),
        ("process.working_directory", "proc.cwd"),
        ("process.parent.name", "proc.pname"),
        ("process.parent.executable", "proc.pexepath"),
        ("process.parent.command_line", "proc.pcmdline"),
        ("process.user.name", "user.name"),
    ] {
        put_some(object, key, facts.text(field));
    }
    for (key, field) in [
        ("process.pid", "proc.pid"),
        ("process.vpid", "proc.vpid"),
        ("process.thread.id", "thread.tid"),
        ("process.parent.pid", "proc.ppid"),
        ("process.session_leader.pid", "proc.sid"),
    ] {
        put_some(object, key, facts.number(field).filter(|id| *id > 0));
    }
    for (key, field) in [
        ("process.start", "proc.pid.ts"),
        ("process.parent.start", "proc.ppid.ts"),
    ] {
        let start = facts.number(field).filter(|time| *time > 0);
        put_some(object, key, start.map(|time| utc(time, "Z")));
    }
    put_some(object, "process.user.id", facts.uid());
    if let Some((major, minor)) = facts.terminal() {
        put(object, "process.tty.char_device.major", major);
        put(object, "process.tty.char_device.minor", minor);
    }
}

fn user(object: &mut Value, facts: &Facts<'_>) {
    // Whoever logged in is whom an analyst looks for; the process may be
    // another by then.
    if let Some((uid, name)) = facts.login() {
        put(object, "user.id", uid);
        put_some(object, "user.name", name);
        put_some(object, "user.effective.id", facts.uid());
        put_some(object, "user.effective.name", facts.text("user.name"));
    } else {
        put_some(object, "user.id", facts.uid());
        put_some(object, "user.name", facts.text("user.name"));
    }
    put_some(object, "user.group.id", facts.id("group.gid"));
    put_some(object, "user.group.name", facts.text("group.name"));
}

fn container(object: &mut Value, facts: &Facts<'_>) {
    let Some(id) = facts.container() else { return };
    put(object, "container.id", id);
    for (key, field) in [
        ("container.name", "container.name"),
        ("container.runtime", "container.type"),
        ("orchestrator.namespace", "k8s.ns.name"),
        ("orchestrator.resource.name", "k8s.pod.name"),
        ("orchestrator.resource.id", "k8s.pod.uid"),
    ] {
        put_some(object, key, facts.text(field));
    }
    if object.get("orchestrator").is_some() {
        put(object, "orchestrator.type", "kubernetes");
        put(object, "orchestrator.resource.type", "pod");
    }
    if let Some((repository, _)) = facts.image() {
        put(object, "container.image.name", repository);
        let tag = facts.text("container.image.tag");
        put_some(object, "container.image.tag", tag.map(|tag| vec![tag]));
    }
    let digest = facts.text("container.image.digest");
    let digest = digest.map(|digest| vec![digest]);
    put_some(object, "container.image.hash.all", digest);
}

fn file(object: &mut Value, facts: &Facts<'_>) {
    let Some(target) = facts.file() else { return };
    put(object, "file.path", target.path);
    put(object, "file.name", file_name(target.path));
    if let Some((directory, _)) = target.path.rsplit_once('/') {
        let directory = if directory.is_empty() { "/" } else { directory };
        put(object, "file.directory", directory);
    }
    put_some(object, "file.target_path", target.to);
    let kind = target.kind.map(|kind| match kind {
        "directory" => "dir",
        other => other,
    });
    put_some(object, "file.type", kind);
}

fn network(object: &mut Value, connection: &Connection<'_>) {
    for (side, (ip, port)) in [
        ("source", connection.client),
        ("destination", connection.server),
    ] {
        let Some(ip) = ip else { continue };
        let ip = ip.to_string();
        put(object, &format!("{side}.address"), ip.as_str());
        put(object, &format!("{side}.ip"), ip);
        put_some(object, &format!("{side}.port"), port);
    }
    put_some(object, "destination.domain", connection.server_name);
    put_some(object, "network.transport", connection.transport);
    let any = connection.client.0.or(connection.server.0);
    let version = any.map(|ip| if ip.is_ipv4() { "ipv4" } else { "ipv6" });
    put_some(object, "network.type", version);
    let direction = |inbound| if inbound { "ingress" } else { "egress" };
    put_some(
        object,
        "network.direction",
        connection.inbound.map(direction),
    );
}

fn threat(object: &mut Value, facts: &Facts<'_>) {
    let (tactics, found) = (facts.tactics(), facts.techniques());
    if tactics.is_empty() && found.is_empty() {
        return;
    }
    put(object, "threat.framework", "MITRE ATT&CK");
    if !tactics.is_empty() {
        let (ids, names): (Vec<_>, Vec<_>) = tactics.into_iter().unzip();
        put(object, "threat.tactic.id", ids);
        put(object, "threat.tactic.name", names);
    }
    let (parts, mut wholes): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|technique| technique.whole().is_some());
    wholes.extend(parts.iter().filter_map(Technique::whole));
    wholes.sort_by(|a, b| a.id.cmp(&b.id));
    wholes.dedup_by(|a, b| a.id == b.id);
    techniques(object, "threat.technique", &wholes);
    techniques(object, "threat.technique.subtechnique", &parts);
}

fn techniques(object: &mut Value, path: &str, all: &[Technique]) {
    if all.is_empty() {
        return;
    }
    let ids: Vec<_> = all.iter().map(|technique| technique.id.as_str()).collect();
    put(object, &format!("{path}.id"), ids);
    let names: Vec<_> = all.iter().filter_map(|technique| technique.name).collect();
    if !names.is_empty() {
        put(object, &format!("{path}.name"), names);
    }
}

/// What else in an index may belong to it.
fn related(object: &mut Value, alert: &Alert, facts: &Facts<'_>) {
    put(object, "related.hosts", vec![&*alert.hostname]);
    let login = facts.login().and_then(|(_, name)| name);
    let mut users: Vec<_> = facts.text("user.name").into_iter().chain(login).collect();
    users.sort_unstable();
    users.dedup();
    if !users.is_empty() {
        put(object, "related.user", users);
    }
    if let Some(connection) = facts.connection() {
        let ends = [connection.client.0, connection.server.0];
        let ips = ends.into_iter().flatten().map(|ip| ip.to_string());
        put(object, "related.ip", ips.collect::<Vec<_>>());
    }
}

/// The fields that the rule's output names.
fn printed(alert: &Alert) -> Value {
    let key = |name: &str| name.replace(['.', '[', ']'], "_");
    let fields = alert.output_fields.iter();
    let known = fields.filter(|(_, value)| !value.is_null());
    let map: Map<_, _> = known
        .map(|(name, value)| (key(name), value.clone()))
        .collect();
    map.into()
}
