//! Any bytes are rules or diagnostics, and diagnostics can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sensor::detect::rules::{LoadOptions, load_texts};
use sensor::diagnostic::render;

fuzz_target!(|file: &[u8]| {
    match load_texts(&[("fuzz.yaml", file)], &LoadOptions::default()) {
        Ok(loaded) => assert!(loaded.rules.rules.len() <= loaded.defined),
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused without a reason");
            let shown = render(&mistakes, true);
            // Only our own colours may steer a terminal.
            assert!(
                !shown.replace("\u{1b}[", "").contains('\u{1b}'),
                "{shown:?}"
            );
        }
    }
});
