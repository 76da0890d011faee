//! An alert as a Detection Finding of the Open Cybersecurity Schema Framework.

use serde_json::{Map, Value, json};

use super::facts::{Connection, Target, Technique, file_name, millis};
use super::{Facts, PRODUCT, VENDOR, VERSION, put, put_some};
use crate::alert::{Alert, Priority};

/// The version of the schema.
const OCSF: &str = "1.5.0";
/// Detection Finding.
const CLASS: u64 = 2004;
/// A finding is created.
const CREATE: u64 = 1;

pub(super) fn encode(alert: &Alert) -> Value {
    let facts = Facts::of(alert);
    let (severity_id, severity) = severity(alert.priority);
    let id = alert.id.to_string();
    let mut object = json!({
        "activity_id": CREATE,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + CREATE,
        "type_name": "Detection Finding: Create",
        "time": millis(alert.time_ns),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 1,
        "status": "New",
        "is_alert": true,
        "message": alert.message,
        "metadata": {
            "version": OCSF,
            "uid": id,
            "product": {"name": PRODUCT, "vendor_name": VENDOR, "version": VERSION},
            "profiles": ["host", "container", "linux/linux_users"],
            "log_name": alert.source,
            "labels": alert.tags,
        },
        "device": {
            "hostname": alert.hostname,
            "type_id": 0,
            "type": "Unknown",
            "os": {"name": "Linux", "type_id": 200, "type": "Linux"},
        },
        "finding_info": {
            "uid": id,
            "title": alert.rule,
            "desc": alert.message,
            "created_time": millis(alert.time_ns),
            "data_sources": [alert.source],
            "analytic": {"type_id": 1, "type": "Rule", "uid": alert.rule, "name": alert.rule},
        },
        "observables": observables(alert, &facts),
        "unmapped": printed(alert),
    });
    let attacks = attacks(&facts);
    if !attacks.is_empty() {
        put(&mut object, "finding_info.attacks", attacks);
    }
    let evidence = evidence(&facts);
    // Who and which; what else is known of the process stands in the evidence.
    put_some(&mut object, "actor.user", user(&facts));
    for key in ["pid", "name"] {
        let value = evidence.pointer(&format!("/process/{key}"));
        put_some(&mut object, &format!("actor.process.{key}"), value.cloned());
    }
    if evidence.is_object() {
        put(&mut object, "evidences", vec![evidence]);
    }
    object
}

fn severity(priority: Priority) -> (u64, &'static str) {
    match priority {
        Priority::Emergency => (6, "Fatal"),
        Priority::Alert | Priority::Critical => (5, "Critical"),
        Priority::Error => (4, "High"),
        Priority::Warning => (3, "Medium"),
        Priority::Notice => (2, "Low"),
        Priority::Informational | Priority::Debug => (1, "Informational"),
    }
}

/// Everything known of the event; null when that is nothing.
fn evidence(facts: &Facts<'_>) -> Value {
    let mut evidence = Value::Null;
    if let Some(process) = process(facts) {
        put(&mut evidence, "process", process);
    }
    put_some(&mut evidence, "actor.user", user(facts));
    put_some(&mut evidence, "file", facts.file().map(file));
    if let Some(connection) = facts.connection() {
        network(&mut evidence, &connection);
    }
    evidence
}

/// The schema wants an id of a process.
fn process(facts: &Facts<'_>) -> Option<Value> {
    let pid = facts.number("proc.pid").filter(|pid| *pid > 0)?;
    let mut process = json!({"pid": pid});
    for (key, field) in [
        ("name", "proc.name"),
        ("cmd_line", "proc.cmdline"),
        ("working_directory", "proc.cwd"),
    ] {
        put_some(&mut process, key, facts.text(field));
    }
    let executable = facts.text("proc.exepath");
    put_some(&mut process, "file", executable.map(regular));
    put_some(&mut process, "created_time", started(facts, "proc.pid.ts"));
    put_some(&mut process, "namespace_pid", facts.number("proc.vpid"));
    put_some(&mut process, "user", user(facts));
    put_some(&mut process, "auid", facts.number("user.loginuid"));
    put_some(&mut process, "container", container(facts));
    if let Some(gid) = facts.id("group.gid") {
        put(&mut process, "group.uid", gid);
        put_some(&mut process, "group.name", facts.text("group.name"));
    }
    if let Some(session) = facts.id("proc.sid") {
        put(&mut process, "session.uid", session);
        let terminal = facts.terminal().map(|terminal| match terminal {
            (136, minor) => format!("pts/{minor}"),
            (major, minor) => format!("{major}:{minor}"),
        });
        put_some(&mut process, "session.terminal", terminal);
    }
    put_some(&mut process, "parent_process", parent(facts));
    Some(process)
}

fn parent(facts: &Facts<'_>) -> Option<Value> {
    let pid = facts.number("proc.ppid").filter(|pid| *pid > 0)?;
    let mut parent = json!({"pid": pid});
    put_some(&mut parent, "name", facts.text("proc.pname"));
    put_some(&mut parent, "cmd_line", facts.text("proc.pcmdline"));
    let executable = facts.text("proc.pexepath");
    put_some(&mut parent, "file", executable.map(regular));
    put_some(&mut parent, "created_time", started(facts, "proc.ppid.ts"));
    Some(parent)
}

fn started(facts: &Facts<'_>, field: &str) -> Option<u64> {
    let time = facts.number(field).filter(|time| *time > 0);
    time.map(millis)
}

fn user(facts: &Facts<'_>) -> Option<Value> {
    let uid = facts.uid()?;
    let kind = if uid == "0" { "Admin" } else { "User" };
    let kind_id = if uid == "0" { 2 } else { 1 };
    let mut user = json!({"uid": uid, "type_id": kind_id, "type": kind});
    put_some(&mut user, "name", facts.text("user.name"));
    Some(user)
}

fn container(facts: &Facts<'_>) -> Option<Value> {
    let mut container = json!({"uid": facts.container()?});
    put_some(&mut container, "name", facts.text("container.name"));
    put_some(&mut container, "runtime", facts.text("container.type"));
    if let Some((repository, with_tag)) = facts.image() {
        // The schema wants an id: the digest is one where it is known.
        let digest = facts.text("container.image.digest");
        put(&mut container, "image.uid", digest.unwrap_or(&with_tag));
        put(&mut container, "image.name", repository);
    }
    let pod = facts.text("k8s.pod.uid");
    let is_uuid = pod.is_some_and(|uid| uuid::Uuid::try_parse(uid).is_ok());
    put_some(&mut container, "pod_uuid", pod.filter(|_| is_uuid));
    if pod.is_some() {
        put(&mut container, "orchestrator", "kubernetes");
    }
    Some(container)
}

fn regular(path: &str) -> Value {
    json!({"path": path, "name": file_name(path), "type_id": 1, "type": "Regular File"})
}

fn file(target: Target<'_>) -> Value {
    let (kind_id, kind) = match target.kind {
        Some("file") => (1, "Regular File"),
        Some("directory") => (2, "Folder"),
        _ => (0, "Unknown"),
    };
    let (path, name) = (target.path, file_name(target.path));
    json!({"path": path, "name": name, "type_id": kind_id, "type": kind})
}

fn network(evidence: &mut Value, connection: &Connection<'_>) {
    for (side, (ip, port)) in [
        ("src_endpoint", connection.client),
        ("dst_endpoint", connection.server),
    ] {
        let Some(ip) = ip else { continue };
        put(evidence, &format!("{side}.ip"), ip.to_string());
        put_some(evidence, &format!("{side}.port"), port);
    }
    if evidence.get("dst_endpoint").is_some() {
        let name = connection.server_name;
        put_some(evidence, "dst_endpoint.hostname", name);
    }
    let (direction_id, direction) = match connection.inbound {
        Some(true) => (1, "Inbound"),
        Some(false) => (2, "Outbound"),
        None => (0, "Unknown"),
    };
    put(evidence, "connection_info.direction_id", direction_id);
    put(evidence, "connection_info.direction", direction);
    let protocol = match connection.transport {
        Some("tcp") => Some(6),
        Some("udp") => Some(17),
        Some("icmp") => Some(1),
        _ => None,
    };
    let name = connection.transport;
    put_some(evidence, "connection_info.protocol_name", name);
    put_some(evidence, "connection_info.protocol_num", protocol);
    let any = connection.client.0.or(connection.server.0);
    let version = any.map(|ip| if ip.is_ipv4() { 4 } else { 6 });
    put_some(evidence, "connection_info.protocol_ver_id", version);
}

/// One for each technique and, as tags do not say which belong together, one
/// for each tactic.
fn attacks(facts: &Facts<'_>) -> Vec<Value> {
    let named = |technique: &Technique| {
        let mut object = json!({"uid": technique.id});
        put_some(&mut object, "name", technique.name);
        object
    };
    let tactics = facts.tactics().into_iter();
    let tactics = tactics.map(|(id, name)| json!({"tactic": {"uid": id, "name": name}}));
    let techniques = facts.techniques();
    let techniques = techniques.iter().map(|technique| match technique.whole() {
        Some(whole) => json!({"technique": named(&whole), "sub_technique": named(technique)}),
        None => json!({"technique": named(technique)}),
    });
    tactics.chain(techniques).collect()
}

/// What other findings may have in common with this one.
fn observables(alert: &Alert, facts: &Facts<'_>) -> Vec<Value> {
    let one = |(name, type_id, kind, value): (&str, u64, &str, String)| json!({"name": name, "type_id": type_id, "type": kind, "value": value});
    let text = |field| facts.text(field).map(str::to_owned);
    let connection = facts.connection();
    let ends = connection.map_or((None, None), |c| (c.client.0, c.server.0));
    let found = [
        (
            "device.hostname",
            1,
            "Hostname",
            Some(alert.hostname.to_string()),
        ),
        (
            "evidences[].process.name",
            9,
            "Process Name",
            text("proc.name"),
        ),
        (
            "evidences[].actor.user.name",
            4,
            "User Name",
            text("user.name"),
        ),
        (
            "evidences[].file.name",
            7,
            "File Name",
            facts.file().map(|file| file_name(file.path).to_owned()),
        ),
        (
            "evidences[].src_endpoint.ip",
            2,
            "IP Address",
            ends.0.map(|ip| ip.to_string()),
        ),
        (
            "evidences[].dst_endpoint.ip",
            2,
            "IP Address",
            ends.1.map(|ip| ip.to_string()),
        ),
    ];
    let known = found
        .into_iter()
        .filter_map(|(name, id, kind, value)| Some((name, id, kind, value?)));
    known.map(one).collect()
}

/// The fields that the rule's output names, as the rule names them.
fn printed(alert: &Alert) -> Value {
    let fields = alert.output_fields.iter();
    let known = fields.filter(|(_, value)| !value.is_null());
    let map: Map<_, _> = known
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    map.into()
}
