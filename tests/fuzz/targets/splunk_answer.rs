//! Any body is an answer, and only a JSON object says anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sensor::deliver::splunk::{HecAnswer, parse_answer};

fuzz_target!(|body: &[u8]| {
    let answer = parse_answer(body);
    assert!(answer.is_hec || answer == HecAnswer::default());
});
