//! An alert as a line of the Common Event Format, which `ArcSight` began.
//!
//! What always holds: the line has seven bars that are no part of a value, each
//! key stands once, and no value can end itself or the line. A value longer than
//! the format's dictionary allows is cut before it is escaped.

use std::net::IpAddr;

use super::facts::{file_name, millis};
use super::{Facts, PRODUCT, VENDOR, VERSION, printable, truncated};
use crate::alert::{Alert, Priority};

/// Longest header field, `msg` and paths, `cs1` to `cs6`: in bytes.
const HEADER: usize = 512;
const TEXT: usize = 1023;
const CUSTOM: usize = 4000;

pub(super) fn encode(alert: &Alert) -> String {
    let header = [
        VENDOR,
        PRODUCT,
        VERSION,
        &alert.rule,
        &alert.rule,
        severity(alert.priority),
    ];
    let mut line = "CEF:0|".to_owned();
    for field in header {
        push_header(&mut line, field);
    }
    let mut extension = Extension::default();
    fill(&mut extension, alert, &Facts::of(alert));
    line.push_str(&extension.0);
    line
}

/// 0 to 10.
fn severity(priority: Priority) -> &'static str {
    match priority {
        Priority::Emergency => "10",
        Priority::Alert => "9",
        Priority::Critical => "8",
        Priority::Error => "7",
        Priority::Warning => "6",
        Priority::Notice => "4",
        Priority::Informational => "3",
        Priority::Debug => "0",
    }
}

fn push_header(line: &mut String, field: &str) {
    for c in printable(truncated(field, HEADER)).chars() {
        if matches!(c, '\\' | '|') {
            line.push('\\');
        }
        line.push(c);
    }
    line.push('|');
}

/// Keys and values behind the header.
#[derive(Default)]
struct Extension(String);

impl Extension {
    fn push(&mut self, key: &str, value: &str, max: usize) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(key);
        self.0.push('=');
        for c in truncated(value, max).chars() {
            match c {
                '\\' => self.0.push_str("\\\\"),
                '=' => self.0.push_str("\\="),
                '\n' => self.0.push_str("\\n"),
                '\r' => self.0.push_str("\\r"),
                c => self.0.push_str(&printable(c.encode_utf8(&mut [0; 4]))),
            }
        }
    }

    fn some(&mut self, key: &str, value: Option<impl AsRef<str>>, max: usize) {
        if let Some(value) = value {
            self.push(key, value.as_ref(), max);
        }
    }

    /// A value that the format has no key for, with the name of what it is.
    fn custom(&mut self, key: &str, label: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.push(&format!("{key}Label"), label, TEXT);
            self.push(key, value.as_ref(), CUSTOM);
        }
    }

    /// `src` and `dst` are for the addresses of version 4 alone.
    fn address(&mut self, four: &str, (six, label): (&str, &str), ip: Option<IpAddr>) {
        match ip {
            Some(IpAddr::V4(ip)) => self.push(four, &ip.to_string(), TEXT),
            Some(IpAddr::V6(ip)) => self.custom(six, label, Some(ip.to_string())),
            None => {}
        }
    }
}

fn fill(out: &mut Extension, alert: &Alert, facts: &Facts<'_>) {
    let text = |field| facts.text(field);
    out.push("rt", &millis(alert.time_ns).to_string(), TEXT);
    out.push("externalId", &alert.id.to_string(), TEXT);
    out.push("dvchost", &alert.hostname, TEXT);
    out.push("cat", &alert.source, TEXT);
    out.push("msg", &alert.message, TEXT);
    out.some("act", text("evt.type"), TEXT);
    out.push("outcome", facts.outcome(), TEXT);
    out.some("suser", text("user.name"), TEXT);
    out.some("suid", facts.uid(), TEXT);
    out.some("sproc", text("proc.exepath").or(text("proc.name")), TEXT);
    out.some("spid", facts.id("proc.pid"), TEXT);
    if let Some(file) = facts.file() {
        out.push("filePath", file.path, TEXT);
        out.push("fname", file_name(file.path), TEXT);
    }
    if let Some(connection) = facts.connection() {
        let source = ("c6a2", "Source IPv6 Address");
        let destination = ("c6a3", "Destination IPv6 Address");
        let (client, server) = (connection.client, connection.server);
        out.address("src", source, client.0);
        out.some("spt", client.1.map(|port| port.to_string()), TEXT);
        out.address("dst", destination, server.0);
        out.some("dpt", server.1.map(|port| port.to_string()), TEXT);
        out.some("dhost", connection.server_name, TEXT);
        let transport = connection.transport.map(str::to_ascii_uppercase);
        out.some("proto", transport, TEXT);
        let direction = connection
            .inbound
            .map(|inbound| if inbound { "0" } else { "1" });
        out.some("deviceDirection", direction, TEXT);
    }
    out.custom("cs1", "commandLine", text("proc.cmdline"));
    out.custom("cs2", "parentCommandLine", text("proc.pcmdline"));
    out.custom("cs3", "containerId", facts.container());
    out.custom("cs4", "containerImage", facts.image().map(|image| image.1));
    let pod = text("k8s.pod.name").or(text("k8s.pod.uid"));
    out.custom("cs5", "pod", pod);
    let tags = alert.tags.join(",");
    out.custom("cs6", "tags", (!tags.is_empty()).then_some(tags));
    out.custom("cn1", "parentPid", facts.id("proc.ppid"));
    let login = facts.login().map(|(uid, _)| uid);
    out.custom("cn2", "loginUid", login);
}
