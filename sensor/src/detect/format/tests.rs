//! Formats against what they print and export, text by text.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fields::given::Given;

/// The message of a format for an event.
fn message(format: &str, event: &Json) -> String {
    let mut out = String::new();
    let event = Given::from_json(event).unwrap();
    Format::compile(format).unwrap().render(&event, &mut out);
    out
}

#[test]
fn tokens_print_their_values() {
    let event = json!({
        "proc.name": "bash", "proc.pname": "Größe", "proc.aname": ["sh", "init"],
        "proc.apid": [20, 1], "proc.apid[0]": 30, "proc.env[HOME]": "/root",
        "proc.exe": {"hex": "61ff62"}, "evt.buffer": {"hex": "4100ff7e"},
        "evt.rawres": -2, "evt.rawtime.ns": 42, "fd.dev": 255, "thread.cpu": 1.25,
        "fd.types": ["file", "ipv4"], "fd.sip": "fe80::1", "fd.sport": 443,
        "fd.snet": "10.0.0.1", "fd.port": [1, 2], "evt.arg.flags": "O_RDONLY",
        "evt.is_open_read": true,
    });
    let cases = [
        ("plain", "plain"),
        ("%proc.name", "bash"),
        ("*%proc.name", "bash"),
        ("**%proc.name", "*bash"),
        ("%proc.name.", "bash."),
        ("%proc.namex", "bashx"),
        ("%proc.name[2]", "bash[2]"),
        ("%proc.name%proc.name", "bashbash"),
        ("%6proc.name|", "bash  |"),
        ("%2proc.name|", "ba|"),
        ("%4proc.pname|", "Größ|"),
        ("%0proc.name|", "|"),
        ("%proc.args %5proc.args|", "<NA> <NA> |"),
        ("%proc.aname", "sh init"),
        ("%proc.aname[2]", "init"),
        ("%proc.apid", "30"),
        ("%proc.env[HOME]", "/root"),
        ("%proc.exe", "a\u{fffd}b"),
        ("%evt.buffer", "A..~"),
        (
            "%evt.rawres %evt.rawtime.ns %fd.dev %thread.cpu",
            "-2 000000042 FF 1.2",
        ),
        ("%fd.types %fd.sip %fd.sport", "(file,ipv4) fe80::1 443"),
        ("%fd.snet %fd.cnet %fd.port", "<IPNET> <NA> <NA>"),
        ("%evt.arg.flags.", "O_RDONLY."),
        ("%evt.is_open_read", "true"),
        ("%toupper(proc.name) %len(proc.name)", "BASH 4"),
        ("%8basename(proc.env[HOME])|", "root    |"),
        ("%concat(proc.name, \"-\", proc.args)", "<NA>"),
    ];
    for (format, expected) in cases {
        assert_eq!(message(format, &event), expected, "{format}");
    }
}

#[test]
fn output_fields_are_typed_and_untransformed() {
    let event = Given::from_json(&json!({
        "proc.name": "bash", "evt.rawres": -2, "fd.dev": 255, "thread.cpu": 1.25,
        "fd.types": ["file"], "fd.sip": "1.2.3.4", "fd.sport": 443, "fd.snet": "1.2.3.4",
        "evt.is_open_read": false, "proc.aname": ["sh", "init"], "evt.buffer": "x",
    }));
    let format = "%tolower(proc.name) %proc.name %evt.rawres %fd.dev %thread.cpu %fd.types \
        %fd.sip %fd.sport %fd.snet %evt.is_open_read %proc.aname %proc.pname %fd.ip %evt.buffer";
    let mut format = Format::compile(format).unwrap();
    format.export_field("evt.num").unwrap();
    format
        .export_text("who", "%proc.name by %proc.pname")
        .unwrap();
    let expected = json!({
        "proc.name": "bash", "evt.rawres": -2, "fd.dev": "FF", "thread.cpu": 1.25,
        "fd.types": ["file"], "fd.sip": "1.2.3.4", "fd.sport": 443, "fd.snet": "<IPNET>",
        "evt.is_open_read": false, "proc.aname": "sh init", "proc.pname": null,
        "fd.ip": null, "evt.buffer": "x", "evt.num": 1, "who": "bash by <NA>",
    });
    assert_eq!(
        Json::Object(format.output_fields(&event.unwrap())),
        expected
    );
}

#[test]
fn what_is_no_format_is_told_with_its_place() {
    let cases = [
        ("x %", "%", "a field must follow `%`"),
        ("100% sure", "% ", "a field must follow `%`"),
        ("%%proc.name", "%%", "a field must follow `%`"),
        ("%10", "%10", "a field must follow `%`"),
        ("%é", "é", "`é` is no field"),
        ("%name x", "name", "`name` is no field"),
        ("a %proc.nme b", "proc.nme", "no field is named `proc.nme`"),
        (
            "%evt.arg.nosuch",
            "evt.arg.nosuch",
            "is followed by the name of a parameter",
        ),
        ("%99999proc.name", "%99999", "this width is too large"),
        (
            "%tolower(proc.pid)",
            "tolower(proc.pid)",
            "`tolower` cannot be given a number",
        ),
        (
            "%tolower(proc.name",
            "",
            "expected `,` or `)`, found the end",
        ),
        (
            "%tolower(proc.nme)",
            "proc.nme",
            "no field is named `proc.nme`",
        ),
    ];
    for (format, under, message) in cases {
        let error = Format::compile(format).unwrap_err();
        assert!(error.message.contains(message), "{format}: {error}");
        assert_eq!(format.get(error.span.range()), Some(under), "{format}");
    }
    let error = Format::compile("%proc.nme").unwrap_err();
    assert_eq!(error.kind, ErrorKind::UnknownField);
    assert_eq!(error.help.as_deref(), Some("did you mean `%proc.name`?"));
}

#[test]
fn an_extra_field_is_one_field_and_nothing_else() {
    let mut format = Format::default();
    for name in ["proc.namex", "%proc.name", "proc.name proc.pid", ""] {
        assert!(format.export_field(name).is_err(), "{name}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_format_or_an_error_within_the_text(
        text in "(%|%[0-9]{0,3}|proc|\\.|name|tolower|evt\\.arg|\\(|\\)|\\[|\\]|é| |x){0,12}"
    ) {
        if let Err(error) = Format::compile(&text) {
            prop_assert!(text.get(error.span.range()).is_some(), "{error:?}");
        }
    }
}
