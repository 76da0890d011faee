//! Receivers on this machine: a unix socket's listener and a program.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::path::Path;

use serde_json::Value;

use super::{FAST, account, eventually, finish, send, start};

fn uuids(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| {
            let alert: Value = serde_json::from_str(line).unwrap();
            alert["uuid"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn a_sockets_listener_may_come_late_and_come_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.sock");
    let delivery = start(&format!("type: socket, path: '{}', {FAST}", path.display()));
    let mut sent = send(&delivery, 2);
    eventually("nobody listens", || account(&delivery).retries > 1);
    let listener = UnixListener::bind(&path).unwrap();
    let (first, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(first);
    let mut text = String::new();
    for _ in 0..2 {
        reader.read_line(&mut text).unwrap();
    }
    assert_eq!(uuids(&text), sent);
    eventually("both are written", || account(&delivery).delivered == 2);
    drop(reader);
    sent = [sent, send(&delivery, 1)].concat();
    let (second, _) = listener.accept().unwrap();
    assert_eq!(finish(delivery).delivered, 3);
    let text = std::io::read_to_string(second).unwrap();
    let again = uuids(&text);
    assert!(
        sent.ends_with(&again) && again.len() > 1,
        "{again:?} of {sent:?}"
    );
}

/// A program that appends its input to a file; `how` is what its shell does.
fn program(directory: &Path, how: &str) -> String {
    let script = directory.join("program.sh");
    std::fs::write(&script, how).unwrap();
    format!(
        "type: program, command: [/bin/sh, '{}', '{}'], {FAST}",
        script.display(),
        directory.join("out").display()
    )
}

#[test]
fn a_program_gets_every_alert_and_the_end_of_its_input_and_no_secret() {
    let directory = tempfile::tempdir().unwrap();
    let how = "env > \"$1.env\"; cat >> \"$1\"; echo ended > \"$1.end\"";
    let delivery = start(&program(directory.path(), how));
    let sent = send(&delivery, 100);
    assert_eq!(finish(delivery).delivered, 100);
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    assert_eq!(uuids(&read("out")), sent);
    assert_eq!(read("out.end"), "ended\n");
    // Cargo has told this process a lot that is nobody's business.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(!read("out.env").contains("CARGO"), "{}", read("out.env"));
}

#[test]
fn a_program_that_ends_is_a_failure_and_is_started_again() {
    let directory = tempfile::tempdir().unwrap();
    // Reads one line and fails, each time.
    let how = "read -r line && echo \"$line\" >> \"$1\"; exit 3";
    let delivery = start(&program(directory.path(), how));
    let mut sent = Vec::new();
    for n in 1..=5 {
        sent.extend(send(&delivery, 1));
        eventually("it is written", || account(&delivery).delivered == n);
    }
    eventually("it failed", || account(&delivery).retries > 0);
    let (_, why) = delivery.status()[0].health.last_error.clone().unwrap();
    assert!(why.contains("ended") || why.contains("pipe"), "{why}");
    drop(delivery);
    let seen = uuids(&std::fs::read_to_string(directory.path().join("out")).unwrap());
    assert!(seen.iter().all(|uuid| sent.contains(uuid)), "{seen:?}");
    assert!(seen.len() > 1, "it was started more than once");
}

#[test]
fn a_program_that_does_not_read_is_ended_and_what_it_did_not_read_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    // The first one sleeps; the one after it reads.
    let how = "if [ -e \"$1.second\" ]; then exec cat >> \"$1\"; fi; \
               touch \"$1.second\"; exec sleep 1000";
    let delivery = start(&format!(
        "{}, timeout_ms: 300",
        program(directory.path(), how)
    ));
    // More than a pipe holds.
    let sent = send(&delivery, 1000);
    eventually("all are written", || account(&delivery).queued == 0);
    assert!(finish(delivery).retries > 0);
    let seen = uuids(&std::fs::read_to_string(directory.path().join("out")).unwrap());
    // One batch at most went to the first one's pipe and nowhere else, and that is repeated.
    for uuid in &sent {
        assert!(seen.contains(uuid), "{uuid} is lost");
    }
}
