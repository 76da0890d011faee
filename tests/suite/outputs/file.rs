//! The file: whole lines, rotation, files moved away by others.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{FAST, account, eventually, finish, send, start};

/// The uuids in a file of JSON lines, plain or compressed.
fn uuids(path: &Path) -> Vec<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    if path.extension().is_some_and(|end| end == "gz") {
        flate2::read::GzDecoder::new(file)
            .read_to_string(&mut text)
            .unwrap();
    } else {
        std::io::BufReader::new(file)
            .read_to_string(&mut text)
            .unwrap();
    }
    let uuid = |line: &str| {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        object["uuid"].as_str().unwrap().to_owned()
    };
    text.lines().map(uuid).collect()
}

/// Sends one alert and waits until it is written.
fn write_one(delivery: &sensor::deliver::Delivery) -> String {
    let before = account(delivery).delivered;
    let sent = send(delivery, 1);
    eventually("written", || account(delivery).delivered == before + 1);
    sent[0].clone()
}

fn numbered(path: &Path, suffix: &str) -> PathBuf {
    format!("{}.{suffix}", path.display()).into()
}

#[test]
fn alerts_are_lines_only_their_owner_reads() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.jsonl");
    let delivery = start(&format!("type: file, path: '{}'", path.display()));
    let sent = send(&delivery, 500);
    assert_eq!(finish(delivery).delivered, 500);
    assert_eq!(uuids(&path), sent);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn lines_can_be_of_other_schemas() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.log");
    let delivery = start(&format!(
        "type: file, path: '{}', format: cef",
        path.display()
    ));
    let sent = send(&delivery, 2);
    finish(delivery);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    for (line, id) in lines.iter().zip(&sent) {
        assert!(line.starts_with("CEF:0|Sensor|"), "{line}");
        assert!(line.contains(&format!("externalId={id} ")), "{line}");
    }
}

#[test]
fn a_full_file_is_rotated_and_only_so_many_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.jsonl");
    for (gzip, suffix) in [("false", ""), ("true", ".gz")] {
        let delivery = start(&format!(
            "type: file, path: '{}', max_bytes: 4096, keep: 2, gzip: {gzip}",
            path.display()
        ));
        let sent: Vec<_> = (0..60).map(|_| write_one(&delivery)).collect();
        finish(delivery);
        let rotated = |n: u32| numbered(&path, &format!("{n}{suffix}"));
        let kept: Vec<_> = [rotated(2), rotated(1), path.clone()]
            .iter()
            .flat_map(|file| uuids(file))
            .collect();
        assert!(kept.len() >= 10, "{}", kept.len());
        assert_eq!(kept, sent[60 - kept.len()..], "the newest, in order");
        assert!(!rotated(3).exists());
        assert!(path.metadata().unwrap().len() <= 4096);
    }
}

#[test]
fn a_file_moved_away_is_opened_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.jsonl");
    let delivery = start(&format!("type: file, path: '{}'", path.display()));
    let first = write_one(&delivery);
    let moved = directory.path().join("moved");
    std::fs::rename(&path, &moved).unwrap();
    let second = write_one(&delivery);
    finish(delivery);
    assert_eq!((uuids(&moved), uuids(&path)), (vec![first], vec![second]));
}

#[test]
fn a_line_torn_by_a_crash_is_ended() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.jsonl");
    std::fs::write(&path, "{\"torn\":").unwrap();
    let delivery = start(&format!("type: file, path: '{}'", path.display()));
    write_one(&delivery);
    finish(delivery);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "{\"torn\":");
    assert!(
        serde_json::from_str::<serde_json::Value>(lines[1]).is_ok(),
        "{text}"
    );
}

#[test]
fn a_write_that_fails_is_repeated_until_it_works() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.jsonl");
    let delivery = start(&format!("type: file, path: '{}', {FAST}", path.display()));
    // A directory in the file's place fails even for root.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let sent = send(&delivery, 5);
    eventually("a failure", || account(&delivery).retries >= 1);
    assert_eq!(account(&delivery).failed(), 0);
    std::fs::remove_dir(&path).unwrap();
    assert_eq!(finish(delivery).delivered, 5);
    assert_eq!(uuids(&path), sent);
}

#[test]
fn a_link_in_the_files_place_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.jsonl");
    std::os::unix::fs::symlink("/dev/null", &path).unwrap();
    let configs = super::outputs(&format!("[{{type: file, path: '{}'}}]", path.display()));
    assert!(sensor::deliver::Delivery::start(&configs, None).is_err());
}
