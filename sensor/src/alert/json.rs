//! An alert as JSON: Falco's object, field for field, and our additions under
//! keys of their own.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Alert;

/// What stands in the JSON form besides what always does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are Falco's four independent switches"
)]
pub struct JsonOptions {
    /// `output`: the whole text line.
    pub output: bool,
    /// `message`: the message alone.
    pub message: bool,
    /// `output_fields`: the values.
    pub fields: bool,
    /// `tags`: the rule's tags.
    pub tags: bool,
}

impl Default for JsonOptions {
    /// As Falco has them.
    fn default() -> Self {
        Self {
            output: true,
            message: false,
            fields: true,
            tags: true,
        }
    }
}

impl Alert {
    /// The object, its keys sorted. Ours is `uuid`.
    pub fn to_json(&self) -> Map<String, Value> {
        let mut map = Map::new();
        let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
        put("hostname", (*self.hostname).into());
        if self.json.message {
            put("message", self.message.clone().into());
        }
        if self.json.output {
            put("output", self.raw_line().into());
        }
        if self.json.fields {
            put("output_fields", self.output_fields.clone().into());
        }
        put("priority", self.priority.name().into());
        put("rule", (*self.rule).into());
        put("source", (*self.source).into());
        if self.json.tags {
            let tags = self.tags.iter().map(|tag| Value::from(&**tag));
            put("tags", tags.collect());
        }
        put("time", super::compose::utc(self.time_ns, "Z").into());
        put("uuid", self.id.to_string().into());
        map
    }

    /// The text line with the message as it is: JSON has an escape of its own,
    /// and twice escaped would be wrong.
    fn raw_line(&self) -> String {
        // No time and no priority has this in it, so it ends the time.
        match self.output.split_once(": ") {
            Some((time, _)) => format!("{time}: {} {}", self.priority.name(), self.message),
            None => self.message.clone(),
        }
    }
}
