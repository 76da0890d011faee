//! An alert as a line of the Log Event Extended Format, version 2.0, which `QRadar`
//! reads: its attributes are separated by tabs.
//!
//! The format has no escape. So a bar in the header, and a tab, a line end or
//! any other control character in a value, is replaced: every line has one way
//! to be read.

use super::facts::file_name;
use super::{Facts, PRODUCT, VENDOR, VERSION, printable};
use crate::alert::{Alert, Priority, utc};

pub(super) fn encode(alert: &Alert) -> String {
    let rule = printable(&alert.rule).replace('|', "/");
    let mut out = Attributes::default();
    let facts = Facts::of(alert);
    let text = |field| facts.text(field);
    let time = utc(alert.time_ns, "");
    // Java's patterns have milliseconds at the finest.
    let time = time.get(.."2026-11-21T04:00:00.000".len());
    out.some("devTime", time.map(|time| format!("{time}+0000")));
    out.push("devTimeFormat", "yyyy-MM-dd'T'HH:mm:ss.SSSZ");
    out.push("sev", severity(alert.priority));
    out.push("cat", &alert.source);
    out.push("identHostName", &alert.hostname);
    out.push("alertId", &alert.id.to_string());
    out.push("msg", &alert.message);
    out.some("action", text("evt.type"));
    out.push("outcome", facts.outcome());
    out.some("usrName", text("user.name"));
    out.some("uid", facts.uid());
    out.some("loginUid", facts.login().map(|(uid, _)| uid));
    if let Some(connection) = facts.connection() {
        let (client, server) = (connection.client, connection.server);
        out.some("src", client.0.map(|ip| ip.to_string()));
        out.some("srcPort", client.1.map(|port| port.to_string()));
        out.some("dst", server.0.map(|ip| ip.to_string()));
        out.some("dstPort", server.1.map(|port| port.to_string()));
        out.some("dstHostName", connection.server_name);
        out.some("proto", connection.transport.map(str::to_ascii_uppercase));
    }
    if let Some(file) = facts.file() {
        out.push("resource", file.path);
        out.push("fileName", file_name(file.path));
    }
    out.some("process", text("proc.name"));
    out.some("processPath", text("proc.exepath"));
    out.some("pid", facts.id("proc.pid"));
    out.some("commandLine", text("proc.cmdline"));
    out.some("parentPid", facts.id("proc.ppid"));
    out.some("parentCommandLine", text("proc.pcmdline"));
    out.some("containerId", facts.container());
    out.some("containerImage", facts.image().map(|image| image.1));
    out.some("pod", text("k8s.pod.name").or(text("k8s.pod.uid")));
    let tags = alert.tags.join(",");
    out.some("tags", (!tags.is_empty()).then_some(tags));
    let attributes = out.0;
    format!("LEEF:2.0|{VENDOR}|{PRODUCT}|{VERSION}|{rule}|x09|{attributes}")
}

/// 1 to 10.
fn severity(priority: Priority) -> &'static str {
    match priority {
        Priority::Emergency => "10",
        Priority::Alert => "9",
        Priority::Critical => "8",
        Priority::Error => "7",
        Priority::Warning => "6",
        Priority::Notice => "4",
        Priority::Informational => "2",
        Priority::Debug => "1",
    }
}

/// What stands behind the header.
#[derive(Default)]
struct Attributes(String);

impl Attributes {
    fn push(&mut self, key: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('\t');
        }
        self.0.push_str(key);
        self.0.push('=');
        self.0.push_str(&printable(value));
    }

    fn some(&mut self, key: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.push(key, value.as_ref());
        }
    }
}
