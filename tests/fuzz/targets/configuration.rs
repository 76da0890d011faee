//! Any text is a configuration or diagnostics, and diagnostics can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sensor::config::parse;
use sensor::diagnostic::render;

fuzz_target!(|text: &str| {
    // The first line also serves as an override, as `-o` on the command line gives it.
    let overrides: Vec<String> = text.lines().take(1).map(str::to_owned).collect();
    for overrides in [&[][..], &overrides] {
        if let Err(mistakes) = parse("fuzz.yaml", text, overrides) {
            assert!(!mistakes.is_empty(), "refused without a reason");
            render(&mistakes, true);
        }
    }
});
