//! Any bytes are rules or diagnostics, and diagnostics can be shown in any form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sensor::detect::rules::{LoadOptions, check_texts, falco};
use sensor::diagnostic::{github, json, render, sarif};

fuzz_target!(|file: &[u8]| {
    let report = check_texts(&[("fuzz.yaml", file)], &LoadOptions::default());
    assert!(report.rules.rules.len() <= report.defined);
    let found = &report.diagnostics;
    assert!(
        report.is_sound() || !found.is_empty(),
        "refused without a reason"
    );
    let shown = render(found, true);
    // Only our own colours may steer a terminal.
    assert!(
        !shown.replace("\u{1b}[", "").contains('\u{1b}'),
        "{shown:?}"
    );
    assert_eq!(github(found).lines().count(), found.len(), "one line each");
    for made in [json(found), sarif(found), falco(&report)] {
        assert!(made.is_object());
    }
});
