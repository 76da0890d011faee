//! Any text is a condition or one error inside the text, and a condition that is
//! printed reads back as itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sensor::detect::syntax::parse;

fuzz_target!(|text: &str| {
    match parse(text) {
        Ok(condition) => {
            let printed = condition.to_string();
            let again = parse(&printed).expect("what we print is a condition");
            assert_eq!(printed, again.to_string());
        }
        // The place is underlined in the text, so it must be one.
        Err(error) => {
            let span = error.span;
            assert!(text.get(span.start..span.end).is_some(), "{error:?}");
        }
    }
});
