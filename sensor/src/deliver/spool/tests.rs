//! The spool against its promises: order, recovery, damage.

use std::fs;

use super::*;
use crate::alert::{JsonOptions, Priority};

const MAX: u64 = 1 << 20;

/// An alert that carries its number.
pub(in crate::deliver) fn alert(number: Seq) -> Alert {
    Alert {
        id: uuid::Uuid::from_u128(u128::from(number)),
        time_ns: 1_700_000_000_000_000_000 + number,
        rule: "A rule".into(),
        priority: Priority::Warning,
        source: "syscall".into(),
        tags: ["T1003".into()].into(),
        hostname: "node1".into(),
        message: format!("Something happened (n={number})"),
        output: format!("04:00:00.000000000: Warning Something happened (n={number})"),
        output_fields: serde_json::Map::from_iter([
            ("evt.arg.x".to_owned(), serde_json::Value::Null),
            ("proc.pid".to_owned(), number.into()),
            ("share".to_owned(), 0.1.into()),
        ]),
        evidence: serde_json::Map::from_iter([("proc.exepath".to_owned(), "/bin/x".into())]),
        outputs: crate::alert::Outputs::default(),
        pid: 1,
        in_command_tree: true,
        json: JsonOptions::default(),
    }
}

fn append(spool: &mut Spool, lane: usize, numbers: std::ops::RangeInclusive<Seq>) {
    let alerts: Vec<_> = numbers.map(|n| (n, Arc::new(alert(n)))).collect();
    for some in alerts.chunks(50) {
        let lengths = spool.append(lane, some).unwrap();
        assert!(lengths.iter().all(|length| *length > 100), "{lengths:?}");
    }
}

fn read_all(spool: &mut Spool, lane: usize, mut from: Seq) -> Vec<Seq> {
    let mut seqs = Vec::new();
    loop {
        let stored = spool.read(lane, from, 10_000).unwrap();
        let Some(last) = stored.last() else {
            return seqs;
        };
        from = last.seq + 1;
        for stored in stored {
            assert_eq!(*stored.alert, alert(stored.seq));
            seqs.push(stored.seq);
        }
    }
}

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".segment"))
        .collect();
    names.sort();
    names
}

#[test]
fn what_was_appended_is_read_in_order_and_again_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, recovered) = Spool::open(directory.path(), MAX).unwrap();
    assert_eq!(recovered, [Recovered::default(); LANES]);
    append(&mut spool, 4, 1..=500);
    append(&mut spool, 2, 501..=510);
    append(&mut spool, 4, 511..=1000);
    assert!(files(directory.path()).len() > 3, "several segments");
    let expected: Vec<Seq> = (1..=500).chain(511..=1000).collect();
    assert_eq!(read_all(&mut spool, 4, 1), expected);
    assert_eq!(read_all(&mut spool, 2, 1), (501..=510).collect::<Vec<_>>());
    drop(spool);
    let (mut spool, recovered) = Spool::open(directory.path(), MAX).unwrap();
    assert_eq!((recovered[4].alerts, recovered[4].first), (990, 1));
    assert_eq!((recovered[2].alerts, recovered[2].first), (10, 501));
    assert_eq!(spool.next_seq(), 1001);
    assert_eq!(read_all(&mut spool, 4, 1), expected);
}

#[test]
fn what_is_acknowledged_does_not_come_back_and_leaves_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = Spool::open(directory.path(), MAX).unwrap();
    append(&mut spool, 4, 1..=1000);
    append(&mut spool, 5, 1001..=1001);
    let mut acknowledged = [1002; LANES];
    acknowledged[4] = 900;
    spool.acknowledge(&acknowledged).unwrap();
    let before = spool.file_bytes();
    drop(spool);
    let (mut spool, recovered) = Spool::open(directory.path(), MAX).unwrap();
    assert_eq!((recovered[4].alerts, recovered[4].first), (101, 900));
    assert_eq!(recovered[5].alerts, 0);
    assert_eq!(
        read_all(&mut spool, 4, 900),
        (900..=1000).collect::<Vec<_>>()
    );
    assert!(spool.file_bytes() <= before);
    spool.acknowledge(&[1002; LANES]).unwrap();
    drop(spool);
    let (spool, _) = Spool::open(directory.path(), MAX).unwrap();
    assert_eq!(files(directory.path()), Vec::<String>::new());
    assert_eq!(spool.next_seq(), 1002, "numbers are never used again");
}

#[test]
fn a_tail_torn_by_a_crash_is_cut_off_and_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = Spool::open(directory.path(), MAX).unwrap();
    append(&mut spool, 4, 1..=3);
    drop(spool);
    let path = directory.path().join(&files(directory.path())[0]);
    let whole = fs::read(&path).unwrap();
    for cut in (1..whole.len()).step_by(7) {
        fs::write(&path, &whole[..cut]).unwrap();
        let (mut spool, recovered) = Spool::open(directory.path(), MAX).unwrap();
        let expected = (cut * 3 / whole.len()) as u64;
        assert_eq!(recovered[4].alerts, expected, "cut at {cut}");
        append(&mut spool, 4, 10..=11);
        let mut numbers: Vec<Seq> = (1..=expected).collect();
        numbers.extend([10, 11]);
        assert_eq!(read_all(&mut spool, 4, 1), numbers, "cut at {cut}");
        drop(spool);
        for name in files(directory.path()) {
            fs::remove_file(directory.path().join(name)).unwrap();
        }
    }
}

#[test]
fn damage_anywhere_costs_the_damaged_alerts_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = Spool::open(directory.path(), MAX).unwrap();
    append(&mut spool, 4, 1..=20);
    drop(spool);
    let path = directory.path().join(&files(directory.path())[0]);
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(13) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xa5;
        fs::write(&path, &damaged).unwrap();
        let (mut spool, recovered) = Spool::open(directory.path(), MAX).unwrap();
        assert_eq!(recovered[4].alerts, 19, "damage at {at}");
        assert_eq!(read_all(&mut spool, 4, 1).len(), 19, "damage at {at}");
        // Written anew for the next round: the last may have been cut off.
        drop(spool);
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn two_sensors_cannot_use_one_directory() {
    let directory = tempfile::tempdir().unwrap();
    let held = Spool::open(directory.path(), MAX).unwrap();
    let error = Spool::open(directory.path(), MAX).unwrap_err();
    assert_eq!(error.to_string(), "another sensor uses it");
    drop(held);
    assert!(Spool::open(directory.path(), MAX).is_ok());
}

#[test]
fn files_removed_under_a_running_sensor_are_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = Spool::open(directory.path(), MAX).unwrap();
    append(&mut spool, 4, 1..=3);
    assert!(spool.sync().is_ok());
    fs::remove_file(directory.path().join(&files(directory.path())[0])).unwrap();
    assert!(spool.sync().is_err());
}
