//! Spools on disks that are full or read-only: real file systems, which only root
//! may mount.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sensor::alert::{Alert, JsonOptions, Priority};
use sensor::deliver::{Delivery, OutputConfig, OutputStatus};

/// How long a condition may take to come true on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A file system in memory, unmounted when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount(options: &str) -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        mount(&["-t", "tmpfs", "-o", options, "tmpfs"], disk.0.path());
        disk
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        mount(&["-o", &options], self.0.path());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], at: &Path) {
    let status = Command::new("mount").args(arguments).arg(at).status();
    assert!(status.unwrap().success(), "mount {arguments:?}");
}

/// An output whose receiver is away.
fn away(spools: &Path) -> Delivery {
    let yaml = "[{type: webhook, url: 'http://127.0.0.1:1/', body: array, \
                  retry: {initial_ms: 1, max_ms: 10}, spool: {sync_interval_ms: 20}}]";
    let configs: Vec<OutputConfig> = serde_yaml::from_str(yaml).unwrap();
    Delivery::start(&configs, Some(spools)).unwrap()
}

fn status(delivery: &Delivery) -> OutputStatus {
    let status = delivery.status().pop().unwrap();
    assert!(status.account.balances(), "{status:?}");
    status
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn send(delivery: &Delivery, count: u64) {
    for number in 0..count {
        let message = format!("Something happened (n={number})");
        delivery.send(&Arc::new(Alert {
            id: uuid::Uuid::from_u128(u128::from(number)),
            time_ns: number,
            rule: "A rule".into(),
            priority: Priority::Warning,
            source: "syscall".into(),
            tags: Arc::default(),
            hostname: "node1".into(),
            output: message.clone(),
            message,
            output_fields: serde_json::Map::new(),
            evidence: serde_json::Map::new(),
            outputs: sensor::alert::Outputs::default(),
            pid: 1,
            in_command_tree: false,
            json: JsonOptions::default(),
        }));
    }
}

#[test]
fn alerts_wait_in_memory_while_the_disk_is_full_and_go_there_when_it_has_room() {
    let disk = Disk::mount("size=128k");
    let delivery = away(disk.0.path());
    send(&delivery, 2000);
    eventually("the full disk is told", || {
        let why = status(&delivery).health.spool_error;
        why.is_some_and(|why| why.contains("No space left"))
    });
    assert_eq!(status(&delivery).account.queued, 2000, "nothing is lost");
    disk.remount("size=16m");
    // What is in flight, a batch at most, stays in memory until the end.
    eventually("what waits is on the disk", || {
        let status = status(&delivery);
        status.account.spooled >= 1500 && status.health.spool_error.is_none()
    });
    let end = delivery.shutdown(Duration::ZERO)[0].1;
    assert_eq!((end.queued, end.failed()), (2000, 0), "{end:?}");
}

#[test]
fn a_read_only_disk_is_told_and_used_when_it_can_be_written() {
    let disk = Disk::mount("ro");
    let delivery = away(disk.0.path());
    send(&delivery, 100);
    eventually("it is told", || {
        let why = status(&delivery).health.spool_error;
        why.is_some_and(|why| why.contains("Read-only"))
    });
    disk.remount("rw");
    eventually("it is opened", || {
        status(&delivery).health.spool_error.is_none()
    });
    // What is in flight stays in memory; what waits goes to the disk.
    send(&delivery, 100);
    eventually("what waits is on the disk", || {
        status(&delivery).account.spooled >= 100
    });
    assert_eq!(status(&delivery).account.queued, 200);
    drop(delivery);
}
