//! An alert under the names of Splunk's Common Information Model: one flat
//! object for its data models Alerts, Intrusion Detection, Endpoint (Processes,
//! Filesystem) and Network Traffic.

use serde_json::{Value, json};

use super::facts::file_name;
use super::{Facts, PRODUCT, VENDOR, put, put_some};
use crate::alert::{Alert, Priority};

/// The severity word of the model.
pub fn severity(priority: Priority) -> &'static str {
    match priority {
        Priority::Emergency | Priority::Alert | Priority::Critical => "critical",
        Priority::Error => "high",
        Priority::Warning => "medium",
        Priority::Notice => "low",
        Priority::Informational | Priority::Debug => "informational",
    }
}

/// The object of one alert. Always there: what the Alerts model requires.
pub fn encode(alert: &Alert) -> Value {
    let facts = Facts::of(alert);
    let mut object = json!({
        "app": "sensor",
        "type": "alert",
        "id": alert.id.to_string(),
        "description": alert.message,
        "signature": alert.rule,
        "signature_id": alert.rule,
        "severity": severity(alert.priority),
        "severity_id": alert.priority as u8,
        "priority": alert.priority.name(),
        "category": alert.source,
        "dest": alert.hostname,
        "os": "Linux",
        "ids_type": "host",
        // It watches; it does not block.
        "action": "allowed",
        "vendor_product": format!("{VENDOR} {PRODUCT}"),
        "tags": alert.tags,
    });
    for (key, field) in [
        ("user", "user.name"),
        ("process", "proc.cmdline"),
        ("process_name", "proc.name"),
        ("process_path", "proc.exepath"),
        ("process_exec", "proc.exe"),
        ("process_current_directory", "proc.cwd"),
        ("parent_process", "proc.pcmdline"),
        ("parent_process_name", "proc.pname"),
        ("parent_process_path", "proc.pexepath"),
        ("event_type", "evt.type"),
        ("result", "evt.res"),
        ("container_name", "container.name"),
        ("pod_name", "k8s.pod.name"),
        ("namespace", "k8s.ns.name"),
    ] {
        put_some(&mut object, key, facts.text(field));
    }
    put_some(&mut object, "user_id", facts.uid());
    put_some(&mut object, "process_id", facts.number("proc.pid"));
    put_some(&mut object, "parent_process_id", facts.number("proc.ppid"));
    put_some(&mut object, "container_id", facts.container());
    let image = facts.image().map(|(_, with_tag)| with_tag);
    put_some(&mut object, "container_image", image);
    let login = facts.login().and_then(|(_, name)| name);
    put_some(&mut object, "src_user", login);
    let techniques = facts.techniques().into_iter().map(|technique| technique.id);
    let techniques: Vec<_> = techniques.collect();
    if !techniques.is_empty() {
        put(&mut object, "mitre_technique_id", techniques);
    }
    if let Some(file) = facts.file() {
        put(&mut object, "file_path", file.path);
        put(&mut object, "file_name", file_name(file.path));
    }
    if let Some(connection) = facts.connection() {
        let text = |ip: std::net::IpAddr| ip.to_string();
        let (client, server) = (connection.client, connection.server);
        put_some(&mut object, "src", client.0.map(text));
        put_some(&mut object, "src_ip", client.0.map(text));
        put_some(&mut object, "src_port", client.1);
        put_some(&mut object, "dest_ip", server.0.map(text));
        put_some(&mut object, "dest_port", server.1);
        put_some(&mut object, "dest_name", connection.server_name);
        put_some(&mut object, "transport", connection.transport);
        let direction = |inbound| if inbound { "inbound" } else { "outbound" };
        put_some(&mut object, "direction", connection.inbound.map(direction));
    }
    object
}
