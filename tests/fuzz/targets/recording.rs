//! Any bytes are a recording, a shorter one, or an error.
#![no_main]

use std::io::Write;
use std::ops::ControlFlow;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use libfuzzer_sys::fuzz_target;
use sensor::recording::{MAGIC, Reader, Replay, VERSION};

/// With the wire version of today: another is refused before anything is read.
const HEADER: &[u8] = br#"{"sensor": "0", "wire": 2, "hostname": "h", "capacity": 256}"#;
/// Kinds of blocks.
const FIRST: u8 = 1;
const ITEMS: u8 = 2;
const LAST: u8 = 4;

fuzz_target!(|bytes: &[u8]| {
    let _ = check(bytes);
    // Nearly every input fails at a checksum; so the input is also taken as
    // what stands in blocks that are whole.
    let mut whole = [&MAGIC[..], &VERSION.to_le_bytes()].concat();
    for (kind, payload) in [(FIRST, HEADER), (ITEMS, bytes), (LAST, b"{}")] {
        block(kind, payload, &mut whole);
    }
    let _ = check(&whole);
    // And as the payloads of records, so that the state has something to do.
    let mut records = Vec::new();
    for record in bytes.split(|byte| *byte == b'|') {
        records.push(1);
        records.extend_from_slice(&length(record));
        records.extend_from_slice(record);
    }
    let mut whole = [&MAGIC[..], &VERSION.to_le_bytes()].concat();
    for (kind, payload) in [(FIRST, HEADER), (ITEMS, &records), (LAST, b"{}")] {
        block(kind, payload, &mut whole);
    }
    check(&whole).expect("records may hold anything");
});

/// Whether it is a recording to its end. Event numbers only grow.
fn check(bytes: &[u8]) -> Result<(), sensor::recording::RecordingError> {
    let mut replay = Replay::new(Reader::new(bytes)?);
    let mut last = 0;
    let end = replay.each(|_, observation| {
        assert!(observation.number > last || last == u64::MAX);
        last = observation.number;
        ControlFlow::Continue(())
    });
    assert_eq!(end.is_ok(), replay.end().is_some());
    end
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).expect("it is small").to_le_bytes()
}

fn block(kind: u8, payload: &[u8], out: &mut Vec<u8>) {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(payload).expect("memory takes all");
    let stored = encoder.finish().expect("memory takes all");
    let mut head = vec![kind, 0, 0, 0];
    head.extend_from_slice(&length(&stored));
    head.extend_from_slice(&length(payload));
    let mut crc = Crc::new();
    crc.update(&head);
    crc.update(&stored);
    out.extend_from_slice(&head);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&stored);
}
