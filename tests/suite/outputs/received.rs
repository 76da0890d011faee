//! Outputs judged by receivers and decoders that others wrote, in Python.
//!
//! They are in the environment that [`super::receivers`] names. The scripts beside
//! this file read on their input what was sent and print what they made of it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

#[cfg(feature = "cloudwatch")]
#[path = "received/cloudwatch.rs"]
mod cloudwatch;
#[cfg(feature = "kafka")]
#[path = "received/kafka.rs"]
mod kafka;
#[path = "received/otlp.rs"]
mod otlp;
#[path = "received/webhook.rs"]
mod webhook;

/// A script of the folder beside this file.
fn script(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/suite/outputs/received");
    folder.join(name)
}

/// What a script of this folder makes of `sent`, as JSON; `None` without Python's
/// environment. The script's own complaint fails the test.
fn judged(script: &str, arguments: &[&str], sent: &[u8]) -> Option<Value> {
    let python = super::receivers()?.join("bin/python");
    let mut judge = Command::new(python)
        .arg(self::script(script))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    judge.stdin.take().unwrap().write_all(sent).unwrap();
    let output = judge.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {complaint}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
