//! Any text is an output format or one error inside the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sensor::detect::format::Format;

fuzz_target!(|text: &str| {
    if let Err(error) = Format::compile(text) {
        let span = error.span;
        assert!(text.get(span.start..span.end).is_some(), "{error:?}");
    }
});
