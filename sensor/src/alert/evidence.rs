//! What the formats of others need to know of an event, whatever the rule prints.
//!
//! An event comes in; a sorted map of field names and typed values leaves, from
//! a fixed table. A value that is missing, and what is true of every host that
//! is no container, is left out: whoever asks for a key gets a fact or nothing.

use serde_json::{Map, Value};

use crate::detect::format::{Format, FormatError};
use crate::fields::Subject;

/// The fields, by what they tell. These names are the keys of
/// [`Alert::evidence`](super::Alert::evidence).
pub const FIELDS: [(&str, &[&str]); 8] = [
    ("event", &["evt.type", "evt.category", "evt.res"]),
    (
        "process",
        &[
            "proc.pid",
            "proc.vpid",
            "proc.name",
            "proc.exe",
            "proc.exepath",
            "proc.cmdline",
            "proc.cwd",
            "proc.pid.ts",
            "proc.tty",
            "proc.sid",
            "thread.tid",
        ],
    ),
    (
        "parent",
        &[
            "proc.ppid",
            "proc.pname",
            "proc.pexepath",
            "proc.pcmdline",
            "proc.ppid.ts",
        ],
    ),
    (
        "user",
        &[
            "user.uid",
            "user.name",
            "user.loginuid",
            "user.loginname",
            "group.gid",
            "group.name",
        ],
    ),
    (
        "container",
        &[
            "container.id",
            "container.full_id",
            "container.name",
            "container.type",
            "container.image.repository",
            "container.image.tag",
            "container.image.digest",
        ],
    ),
    ("pod", &["k8s.ns.name", "k8s.pod.name", "k8s.pod.uid"]),
    (
        "file",
        &[
            "fd.type",
            "fd.name",
            "fd.realpath",
            "fs.path.name",
            "fs.path.real",
            "fs.path.source",
            "fs.path.target",
        ],
    ),
    (
        "network",
        &[
            "fd.l4proto",
            "fd.cip",
            "fd.cport",
            "fd.sip",
            "fd.sport",
            "fd.sip.name",
            "fd.is_server",
        ],
    ),
];

/// The table, ready to be read from events.
#[derive(Debug)]
pub(super) struct Evidence(Format);

impl Evidence {
    /// # Errors
    /// A name in the table is no field's, which a test rules out.
    pub(super) fn new() -> Result<Self, FormatError> {
        let mut format = Format::default();
        for field in FIELDS.iter().flat_map(|(_, fields)| *fields) {
            format.export_field(field)?;
        }
        Ok(Self(format))
    }

    /// What is known of this event.
    pub(super) fn of<S: Subject>(&self, subject: &S) -> Map<String, Value> {
        let mut facts = self.0.output_fields(subject);
        facts.retain(|_, value| is_known(value));
        if facts.get("container.id").is_some_and(|id| id == "host") {
            facts.retain(|name, _| !name.starts_with("container."));
        }
        facts
    }
}

/// Some fields say in words that they have no value.
fn is_known(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty() && text != "<NA>",
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fields::given::Given;

    fn of(event: &Value) -> Value {
        let event = Given::from_json(event).unwrap();
        Evidence::new().unwrap().of(&event).into()
    }

    #[test]
    fn what_is_missing_is_left_out_and_what_is_there_keeps_its_type() {
        let event = json!({
            "proc.name": "sh", "proc.pid": 7, "user.name": "<NA>", "container.image.tag": "",
            "fd.sport": 443, "fd.sip": "10.0.0.1", "fd.is_server": false, "proc.env": "SECRET=1",
        });
        let expected = json!({
            "proc.name": "sh", "proc.pid": 7, "fd.sport": 443, "fd.sip": "10.0.0.1",
            "fd.is_server": false,
        });
        assert_eq!(of(&event), expected);
    }

    #[test]
    fn a_host_is_no_container() {
        let host = json!({"container.id": "host", "container.name": "host", "proc.name": "sh"});
        assert_eq!(of(&host), json!({"proc.name": "sh"}));
        let container = json!({"container.id": "3ad7b26ded6d", "container.name": "web"});
        assert_eq!(of(&container), container);
    }
}
