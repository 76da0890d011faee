//! Alerts as lines of JSON: the same object in every output.

use serde_json::Value;

use crate::alert::Alert;

/// Appends the alert's object as one line.
pub(crate) fn write_line(out: &mut Vec<u8>, alert: &Alert) {
    out.extend_from_slice(Value::Object(alert.to_json()).to_string().as_bytes());
    out.push(b'\n');
}
