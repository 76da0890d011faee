//! Any bytes are an event or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sensor::decode::{decode, kind};

/// Where a record says how long it is.
const LENGTH: std::ops::Range<usize> = 8..12;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // Nearly every input lies about its length, and would get no further.
    let mut honest = bytes.to_vec();
    if let Some(length) = honest.get_mut(LENGTH) {
        length.copy_from_slice(
            &u32::try_from(bytes.len())
                .expect("it is small")
                .to_ne_bytes(),
        );
        check(&honest);
    }
});

/// What decodes has a kind: losses are counted by it.
fn check(record: &[u8]) {
    if decode(record, 0).is_ok() {
        kind(record).expect("what decodes has a kind");
    }
}
