//! Whatever is written is read again; whatever is not whole is an error.

use std::io::{self, Write};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::writer::Sink;
use super::*;
use crate::decode::{Caps, Comm, ExeFile, Ids, Namespaces};
use crate::enrich::learned::{Cgroups, Found, Learned, Names};
use crate::enrich::process::{Image, ProcessKey};
use crate::enrich::residents::Home;
use crate::enrich::users::User;

/// A disk in memory, with room for so many bytes.
#[derive(Clone, Default)]
struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: Arc<Mutex<Option<usize>>>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = self.bytes.lock().unwrap();
        let room = self.room.lock().unwrap().unwrap_or(usize::MAX);
        let count = bytes.len().min(room - held.len());
        if count == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        held.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Disk {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).unwrap();
        self.bytes.lock().unwrap().truncate(length);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An item with nothing borrowed.
#[derive(Debug, Clone, PartialEq)]
enum Owned {
    Record(Vec<u8>),
    Learned(Learned),
    Missing(u64),
}

fn header() -> Header {
    Header {
        zone: Some("Europe/Berlin".into()),
        utc_offset_s: 3600,
        ..Header::here("node1", 4096, crate::capture::KindSet::ALL)
    }
}

fn written(items: &[Owned]) -> Vec<u8> {
    let disk = Disk::default();
    let mut recorder = Recorder::to(disk.clone(), &header()).unwrap();
    for item in items {
        match item {
            Owned::Record(record) => recorder.bare(record),
            Owned::Learned(learned) => recorder.learned(learned),
            Owned::Missing(_) => recorder.hand_over(),
        }
    }
    recorder.finish(End::default()).unwrap();
    let bytes = disk.bytes.lock().unwrap();
    bytes.clone()
}

/// All items up to the end or the error.
fn read(bytes: &[u8]) -> (Vec<Owned>, Result<Option<End>, RecordingError>) {
    let mut items = Vec::new();
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (items, Err(error)),
    };
    loop {
        match reader.next() {
            Ok(Some(Item::Record(record))) => items.push(Owned::Record(record.to_vec())),
            Ok(Some(Item::Learned(learned))) => items.push(Owned::Learned(learned)),
            Ok(Some(Item::Missing(records))) => items.push(Owned::Missing(records)),
            Ok(None) => return (items, Ok(reader.end().cloned())),
            Err(error) => return (items, Err(error)),
        }
    }
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..20)
}

fn keys() -> impl Strategy<Value = ProcessKey> {
    any::<(u32, u64)>().prop_map(|(pid, start_boot_ns)| ProcessKey { pid, start_boot_ns })
}

fn cgroups() -> impl Strategy<Value = Cgroups> {
    (texts(), texts()).prop_map(|(v2, v1)| Cgroups { v2, v1 })
}

fn found() -> impl Strategy<Value = Found> {
    let numbers = any::<([u32; 14], [u32; 7], [u64; 5], [u64; 3], [bool; 4])>();
    let words = (texts(), texts(), texts(), texts(), texts());
    let rest = any::<(u32, u32, u32, u64)>();
    (keys(), cgroups(), numbers, words, rest).prop_map(|(key, cgroups, numbers, words, rest)| {
        let (i, n, c, f, [upper_layer, lower_layer, memfd, writable]) = numbers;
        let file = ExeFile {
            ino: f[0],
            ctime_ns: f[1],
            mtime_ns: f[2],
            upper_layer,
            lower_layer,
            memfd,
            writable,
        };
        Found {
            key,
            ppid: rest.0,
            cgroups,
            comm: Comm::from(words.0.as_slice()),
            ids: Ids {
                uid: i[0],
                euid: i[1],
                suid: i[2],
                fsuid: i[3],
                gid: i[4],
                egid: i[5],
                sgid: i[6],
                fsgid: i[7],
                vpid: i[8],
                vtid: i[9],
                pgid: i[10],
                sid: i[11],
                vpgid: i[12],
                vsid: i[13],
            },
            loginuid: rest.1,
            caps: Caps {
                inheritable: c[0],
                permitted: c[1],
                effective: c[2],
                bounding: c[3],
                ambient: c[4],
            },
            tty: rest.2,
            cwd: words.1.into(),
            image: Image::new(&words.2, &words.3, &words.4, file),
            ns: Namespaces {
                mnt: n[0],
                pid: n[1],
                net: n[2],
                user: n[3],
                uts: n[4],
                ipc: n[5],
                cgroup: n[6],
            },
            pidns_start_boot_ns: rest.3,
        }
    })
}

fn names() -> impl Strategy<Value = Names> {
    let user = ("\\PC{0,8}", "\\PC{0,8}", "\\PC{0,8}");
    let user = user.prop_map(|(name, home, shell)| User { name, home, shell });
    let users = prop::collection::vec((any::<u32>(), user), 0..4);
    let groups = prop::collection::vec((any::<u32>(), "\\PC{0,8}"), 0..4);
    (users, groups).prop_map(|(users, groups)| Names { users, groups })
}

fn items() -> impl Strategy<Value = Vec<Owned>> {
    let process = (any::<u32>(), prop::option::of(found().prop_map(Box::new)));
    let moved = (any::<u32>(), prop::option::of(cgroups()));
    let learned = prop_oneof![
        prop::collection::vec(found(), 0..4).prop_map(Learned::Seed),
        Just(Learned::Seeded),
        process.prop_map(|(pid, found)| Learned::Process { pid, found }),
        moved.prop_map(|(pid, cgroups)| Learned::Moved { pid, cgroups }),
        names().prop_map(Learned::Users),
        (any::<[u32; 2]>(), names()).prop_map(|([mnt, user], names)| Learned::Residents {
            home: Home { mnt, user },
            names,
        }),
        any::<u64>().prop_map(Learned::Clock),
        prop::collection::vec(any::<IpAddr>(), 0..4).prop_map(Learned::Addresses),
        prop::collection::vec(keys(), 0..4).prop_map(Learned::Ended),
        any::<u32>().prop_map(Learned::Follow),
        Just(Learned::Doubt),
    ];
    let record = prop::collection::vec(any::<u8>(), 0..300).prop_map(Owned::Record);
    prop::collection::vec(prop_oneof![record, learned.prop_map(Owned::Learned)], 0..40)
}

/// Shows every event and forgets it: what is read may be nonsense, and must
/// do no harm.
fn replayed(bytes: &[u8]) -> Result<(), RecordingError> {
    let mut replay = Replay::new(Reader::new(bytes)?);
    replay.each(|_, _| ControlFlow::Continue(()))
}

proptest! {
    #[test]
    fn what_is_written_is_read(items in items()) {
        let bytes = written(&items);
        let (read, end) = read(&bytes);
        prop_assert_eq!(&read, &items);
        let records = items.iter().filter(|item| matches!(item, Owned::Record(_)));
        let end = end.unwrap().unwrap();
        prop_assert_eq!(end.records, records.count() as u64);
        replayed(&bytes).unwrap();
    }

    #[test]
    fn a_cut_file_is_a_shorter_recording_and_says_so(items in items(), at: prop::sample::Index) {
        let bytes = written(&items);
        let cut = &bytes[..at.index(bytes.len())];
        let (read, end) = read(cut);
        prop_assert!(end.is_err());
        prop_assert_eq!(&items[..read.len()], &read[..]);
        prop_assert!(replayed(cut).is_err());
    }

    #[test]
    fn a_flipped_bit_is_noticed(items in items(), at: prop::sample::Index, bit in 0_u8..8) {
        let mut bytes = written(&items);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let (read, end) = read(&bytes);
        prop_assert!(end.is_err(), "byte {at}, bit {bit}");
        prop_assert_eq!(&items[..read.len()], &read[..]);
        prop_assert!(replayed(&bytes).is_err());
    }
}

fn record(bytes: usize, seed: u32) -> Vec<u8> {
    // Pseudo-random, so that it stays as large when it is pressed.
    let mut state = seed;
    let next = move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..bytes).map(next).collect()
}

#[test]
fn a_full_disk_costs_records_and_not_the_recording() {
    let disk = Disk::default();
    let mut recorder = Recorder::to(disk.clone(), &header()).unwrap();
    let mut some = |count: u32| {
        (0..count).for_each(|seed| recorder.bare(&record(1000, seed)));
        let before = recorder.progress();
        recorder.hand_over();
        // The thread works through what it was given.
        while recorder.progress() == before {
            std::thread::yield_now();
        }
    };
    some(10);
    let room = disk.bytes.lock().unwrap().len() + 5_000;
    *disk.room.lock().unwrap() = Some(room);
    some(20);
    assert!(
        disk.bytes.lock().unwrap().len() < room,
        "no half block stays"
    );
    *disk.room.lock().unwrap() = None;
    some(3);
    let progress = recorder.finish(End::default()).unwrap();
    assert_eq!((progress.records, progress.missing), (13, 20));
    let bytes = disk.bytes.lock().unwrap().clone();
    assert_eq!(progress.bytes, bytes.len() as u64);
    let (items, end) = read(&bytes);
    assert_eq!(items.len(), 14);
    assert_eq!(items[10], Owned::Missing(20));
    let end = end.unwrap().unwrap();
    assert_eq!((end.records, end.missing), (13, 20));
}

#[test]
fn a_disk_that_stays_full_leaves_a_recording_without_end() {
    let disk = Disk::default();
    let mut recorder = Recorder::to(disk.clone(), &header()).unwrap();
    let room = disk.bytes.lock().unwrap().len() + 100;
    *disk.room.lock().unwrap() = Some(room);
    recorder.bare(&record(1000, 1));
    let error = recorder.finish(End::default()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    let (items, end) = read(&disk.bytes.lock().unwrap());
    assert_eq!(items, [Owned::Missing(1)], "that much fits");
    assert!(matches!(end, Err(RecordingError::Torn { .. })), "{end:?}");
}

#[test]
fn a_file_of_another_kind_version_or_wire_format_is_refused_by_name() {
    let good = written(&[]);
    let mut newer = good.clone();
    newer[8] = 9;
    let foreign = Header {
        wire: 999,
        ..header()
    };
    let disk = Disk::default();
    Recorder::to(disk.clone(), &foreign).unwrap();
    let foreign = disk.bytes.lock().unwrap().clone();
    for (bytes, expect) in [
        (&b""[..], "does not begin as one"),
        (&b"#!/bin/sh\n"[..], "does not begin as one"),
        (&good[..9], "breaks off at byte 0"),
        (&newer, "format version 9"),
        (&foreign, "wire format 999"),
    ] {
        let error = read(bytes).1.unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
}

/// A file of one block of that number that holds these bytes.
fn crafted(kind: block::Kind, number: Option<u8>, raw: &[u8]) -> Vec<u8> {
    let disk = Disk::default();
    drop(Recorder::to(disk.clone(), &header()).unwrap());
    let mut bytes = disk.bytes.lock().unwrap().clone();
    let start = bytes.len();
    block::Packer::new().write(kind, raw, &mut bytes).unwrap();
    if let Some(number) = number {
        bytes[start] = number;
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[start..start + 12]);
        crc.update(&bytes[start + 16..]);
        bytes[start + 12..start + 16].copy_from_slice(&crc.sum().to_le_bytes());
    }
    bytes
}

#[test]
fn what_a_newer_sensor_added_is_skipped_or_refused_as_it_wished() {
    use block::Kind::Items;
    let item = |tag: u8| [&[tag, 3, 0, 0, 0][..], b"new"].concat();
    for (bytes, expect) in [
        (crafted(Items, Some(0x7f), b"x"), "a kind of block (127)"),
        (crafted(Items, Some(0x80), b"x"), "breaks off"),
        (crafted(Items, None, &item(0x7f)), "a kind of item (127)"),
        (crafted(Items, None, &item(0x80)), "breaks off"),
    ] {
        let error = read(&bytes).1.unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
}

#[test]
fn well_formed_lies_are_told_apart() {
    use block::Kind::{End, Gap, Header, Items};
    let item =
        |tag: u8, length: u32, bytes: &[u8]| [&[tag][..], &length.to_le_bytes(), bytes].concat();
    let long = record(sensor_ebpf::RECORD_MAX + 1, 1);
    let long = item(1, u32::try_from(long.len()).unwrap(), &long);
    let end = [crafted(End, None, b"{}"), b"more".to_vec()].concat();
    for (bytes, expect) in [
        (
            crafted(Items, None, &item(1, 9, b"short")),
            "beyond its block",
        ),
        (
            crafted(Items, None, &item(1, u32::MAX, b"")),
            "beyond its block",
        ),
        (crafted(Items, None, &long), "longer than the kernel side"),
        (
            crafted(Items, None, &item(7, 3, b"abc")),
            "not what its tag says",
        ),
        (
            crafted(Items, None, &item(3, 3, b"abc")),
            "not what its tag says",
        ),
        (
            crafted(Items, None, &item(8, 7, b"\x03\0\0\0abc")),
            "not what its tag says",
        ),
        (crafted(Gap, None, b"12"), "a gap without its length"),
        (crafted(End, None, b"7"), "the account cannot be understood"),
        (crafted(Header, None, b"{}"), "a second header"),
        (end, "something stands behind the end"),
    ] {
        let error = read(&bytes).1.unwrap_err().to_string();
        assert!(error.contains(expect), "{expect}: {error}");
    }
}

#[test]
fn a_count_in_a_file_reserves_nothing() {
    // Names of four billion users in seven bytes.
    let users = [&[6, 4, 0, 0, 0][..], &u32::MAX.to_le_bytes()].concat();
    let bytes = crafted(block::Kind::Items, None, &users);
    assert!(matches!(
        read(&bytes).1,
        Err(RecordingError::Damaged { .. })
    ));
    let bytes = crafted(block::Kind::Items, None, &vec![0; block::LIMIT as usize]);
    assert!(bytes.len() < 1 << 20, "64 MiB of zeroes press well");
    assert!(read(&bytes).1.is_err());
}

#[test]
fn the_zone_is_known_by_name_or_by_its_distance() {
    let named = header().time_zone();
    assert_eq!(named.iana_name(), Some("Europe/Berlin"));
    let nameless = Header {
        zone: Some("Nowhere/Here".into()),
        ..header()
    };
    let fixed = nameless.time_zone().to_fixed_offset().unwrap();
    assert_eq!(fixed.seconds(), 3600);
}

#[test]
fn a_draft_belongs_to_its_owner_and_is_no_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.rec");
    std::fs::write(&path, "old and longer than the beginning").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    Draft::create(&path).unwrap();
    let meta = std::fs::metadata(&path).unwrap();
    assert_eq!((meta.len(), meta.permissions().mode() & 0o777), (0, 0o600));
    let link = dir.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(Draft::create(&link).is_err());
    assert!(Draft::create(dir.path()).is_err());
}
