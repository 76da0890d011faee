//! What is held outlives the sensor, until it was told; a damaged file costs what it lost.

use super::super::spool::tests::alert as numbered;
use super::*;
use crate::alert::Outputs;

fn names() -> Vec<String> {
    ["splunk", "mail", "file"].map(str::to_owned).to_vec()
}

fn ids(alerts: &[Alert]) -> Vec<Uuid> {
    alerts.iter().map(|alert| alert.id).collect()
}

fn count_lines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

/// Waits until the file has that many lines.
fn until_lines(spools: &Path, lines: usize) -> Vec<u8> {
    let begin = Instant::now();
    loop {
        let bytes = fs::read(spools.join(FILE)).unwrap();
        if count_lines(&bytes) == lines {
            return bytes;
        }
        assert!(begin.elapsed() < Duration::from_mins(1), "{bytes:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// As a `kill -9` leaves it: the lock goes with the process, the file stays.
fn killed(spools: &Path, changes: Vec<Change>, lines: usize) -> tempfile::TempDir {
    let (held, _) = Held::open(spools, names()).unwrap();
    held.note(changes);
    let bytes = until_lines(spools, lines);
    let copy = tempfile::tempdir().unwrap();
    fs::write(copy.path().join(FILE), bytes).unwrap();
    copy
}

#[test]
fn what_was_held_is_told_by_the_next_run_as_it_was_last_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut later = numbered(1);
    later.message.push_str(", and again");
    let (held, left) = Held::open(dir.path(), names()).unwrap();
    assert!(left.is_empty());
    held.note(vec![Change::Held(numbered(1)), Change::Held(numbered(2))]);
    until_lines(dir.path(), 2);
    held.note(vec![Change::Held(later.clone())]);
    until_lines(dir.path(), 3);
    // As a `kill -9` leaves it.
    let copy = tempfile::tempdir().unwrap();
    fs::copy(dir.path().join(FILE), copy.path().join(FILE)).unwrap();
    drop(held);

    let (held, left) = Held::open(copy.path(), names()).unwrap();
    assert_eq!(ids(&left), ids(&[numbered(1), numbered(2)]));
    assert_eq!(left[0].message, later.message);
    held.note(left.iter().map(|alert| Change::Told(alert.id)).collect());
    drop(held);
    assert!(!Held::is_left(copy.path()));
    let (_held, left) = Held::open(copy.path(), names()).unwrap();
    assert!(left.is_empty());
}

#[test]
fn what_was_told_is_struck_off_when_the_spools_had_time_and_others_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (held, _) = Held::open(dir.path(), names()).unwrap();
    held.note(vec![Change::Held(numbered(1)), Change::Held(numbered(2))]);
    until_lines(dir.path(), 2);
    held.note(vec![Change::Told(numbered(1).id)]);
    let bytes = until_lines(dir.path(), 3);
    assert!(String::from_utf8(bytes).unwrap().contains(r#"{"told":"#));
    // What came and went at once never stood there.
    held.note(vec![
        Change::Held(numbered(3)),
        Change::Told(numbered(3).id),
    ]);
    drop(held);
    let (_held, left) = Held::open(dir.path(), names()).unwrap();
    assert_eq!(ids(&left), ids(&[numbered(2)]));
}

#[test]
fn a_summary_goes_to_its_own_outputs_and_to_all_when_none_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = numbered(1);
    mail.outputs = Outputs::at([1].into_iter());
    let mut file = numbered(2);
    file.outputs = Outputs::at([2].into_iter());
    let mut nobody = numbered(3);
    nobody.outputs = Outputs::at([].into_iter());
    let changes = [mail, file, nobody].map(Change::Held).to_vec();
    let copy = killed(dir.path(), changes, 3);
    let other = ["mail", "splunk"].map(str::to_owned).to_vec();
    let (_held, left) = Held::open(copy.path(), other).unwrap();
    assert_eq!(left[0].outputs, Outputs::at([0].into_iter()));
    assert_eq!(left[1].outputs, Outputs::default());
    assert_eq!(
        left[2].outputs,
        Outputs::at([].into_iter()),
        "the fallback's"
    );
}

#[test]
fn two_sensors_do_not_share_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let _held = Held::open(dir.path(), names()).unwrap();
    let why = Held::open(dir.path(), names()).unwrap_err();
    assert_eq!(why.to_string(), "another sensor uses it");
}

#[test]
fn any_bytes_in_the_file_cost_no_more_than_their_lines() {
    let dir = tempfile::tempdir().unwrap();
    let held = [1, 2, 3].map(|number| Change::Held(numbered(number)));
    let copy = killed(dir.path(), held.to_vec(), 3);
    let whole = fs::read(copy.path().join(FILE)).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    for at in 0..whole.len() {
        let here = tempfile::tempdir().unwrap();
        // Torn there: the lines before are whole.
        fs::write(here.path().join(FILE), &whole[..at]).unwrap();
        let left = Held::open(here.path(), names()).unwrap().1.len();
        let before = count_lines(&whole[..at]);
        assert_eq!(left, before, "torn at {at}");
    }
    for (damaged, line) in lines.iter().enumerate() {
        let here = tempfile::tempdir().unwrap();
        let mut bytes = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            bytes.extend_from_slice(if number == damaged { b"\xff{\n" } else { line });
        }
        fs::write(here.path().join(FILE), &bytes).unwrap();
        let (held, left) = Held::open(here.path(), names()).unwrap();
        assert_eq!(left.len(), 2, "without {}", String::from_utf8_lossy(line));
        // What comes behind is read.
        held.note(vec![Change::Held(numbered(9))]);
        drop(held);
        let (_held, left) = Held::open(here.path(), names()).unwrap();
        assert_eq!(left.len(), 3);
    }
}

#[test]
fn a_file_that_is_mostly_old_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    let mut file = HeldFile::open(dir.path()).unwrap().0;
    let line = |number: u64, size: usize| {
        let mut alert = numbered(number);
        alert.message = "x".repeat(size);
        Line::held(alert, &names())
    };
    for round in 0..9 {
        file.append(&[line(1, 1 << 20), line(2, round)]).unwrap();
        file.settle().unwrap();
    }
    let bytes = fs::metadata(&path).unwrap().len();
    assert!(bytes < 4 << 20, "{bytes}");
    // And what is written next stands behind it.
    file.append(&[line(3, 1)]).unwrap();
    file.append(&[Line::Told(numbered(1).id)]).unwrap();
    file.settle().unwrap();
    drop(file);
    let (_held, left) = Held::open(dir.path(), names()).unwrap();
    assert_eq!(ids(&left), ids(&[numbered(2), numbered(3)]));
    assert_eq!(left[0].message.len(), 8);
}

#[test]
fn a_directory_that_was_removed_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let spools = dir.path().join("spool");
    let (held, _) = Held::open(&spools, names()).unwrap();
    held.note(vec![Change::Held(numbered(1))]);
    until_lines(&spools, 1);
    fs::remove_dir_all(&spools).unwrap();
    held.note(vec![Change::Held(numbered(2))]);
    drop(held);
    let (_held, left) = Held::open(&spools, names()).unwrap();
    assert_eq!(ids(&left), ids(&[numbered(2)]));
}
