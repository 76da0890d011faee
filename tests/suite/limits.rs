//! Rules larger than any a person writes: they load, or are refused with a
//! mistake; nothing crashes and nothing grows without bound. Loading runs here
//! on a thread with the usual stack of 2 MiB.

use std::fmt::Write as _;

use sensor::detect::engine::{Engine, Matching};
use sensor::detect::rules::{LoadOptions, Loaded, load_texts};
use sensor::diagnostic::Diagnostic;
use sensor::events;
use sensor::fields::given::Given;
use serde_json::json;

/// The usual stack of a thread that is not the first.
const STACK_BYTES: usize = 2 << 20;

/// Loads files and makes a program of them, on a thread with little stack.
fn load(files: &[(&str, &str)]) -> Result<(Loaded, usize), Vec<Diagnostic>> {
    let load = || {
        let bytes: Vec<_> = files.iter().map(|(n, t)| (*n, t.as_bytes())).collect();
        let loaded = load_texts(&bytes, &LoadOptions::default())?;
        let engine = Engine::new(&loaded.rules, Matching::All);
        let given = Given::from_json(&json!({
            "evt.type": "openat", "proc.name": "attacker77", "proc.pid": 1, "fd.name": "/x",
        }));
        let code = events::by_name("openat").unwrap();
        let mut hits = 0;
        engine.evaluate(code, &given.unwrap(), |_| hits += 1);
        Ok((loaded, hits))
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        thread.spawn_scoped(scope, load).unwrap().join().unwrap()
    })
}

/// The first mistake of one file, as it is shown.
fn mistake(text: &str) -> String {
    let found = load(&[("rules.yaml", text)]).unwrap_err();
    format!("{} {}", found[0].code, found[0].message)
}

fn rule(name: &str, condition: &str) -> String {
    format!("- {{rule: {name}, desc: d, priority: INFO, output: o, condition: '{condition}'}}\n")
}

/// A condition in so many parentheses.
fn nested(levels: usize) -> String {
    let (open, close) = ("(".repeat(levels), ")".repeat(levels));
    format!("{open}proc.pid = 1{close}")
}

#[test]
fn ten_thousand_rules_with_lists_and_macros_load() {
    let mut text = String::new();
    for group in 0..1_000 {
        writeln!(
            text,
            "- list: l{group}\n  items: [attacker{group}, other{group}]"
        )
        .unwrap();
        writeln!(
            text,
            "- macro: m{group}\n  condition: (evt.type in (open, openat) and proc.name in (l{group}))"
        )
        .unwrap();
    }
    for number in 0..10_000 {
        let condition = format!("m{} and fd.name startswith /x", number % 1_000);
        text += &rule(&format!("r{number}"), &condition);
    }
    let (loaded, hits) = load(&[("rules.yaml", &text)]).unwrap();
    assert_eq!((loaded.rules.rules.len(), hits), (10_000, 10));
}

#[test]
fn the_same_rules_in_many_files_are_sound_after_each() {
    let text = |part: usize| {
        let broken = if part == 7 { "proc.nam = x" } else { "m" };
        format!(
            "- list: l\n  items: [attacker{part}]\n- macro: m\n  condition: proc.name in (l)\n{}{}",
            rule(&format!("a{part}"), "m"),
            rule("shared", broken),
        )
    };
    let files: Vec<_> = (0..12).map(|n| (format!("{n}.yaml"), text(n))).collect();
    let files: Vec<_> = files
        .iter()
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    // The eighth file breaks a rule; that a later one mends it is no excuse.
    let found = load(&files).unwrap_err();
    let places: Vec<_> = found
        .iter()
        .filter(|found| found.code == "LOAD_ERR_COMPILE_CONDITION")
        .map(|found| found.place.as_ref().unwrap().to_string())
        .collect();
    assert_eq!(places.len(), 1, "{found:?}");
    assert!(places[0].starts_with("7.yaml:"), "{places:?}");
}

#[test]
fn a_macro_that_a_later_file_breaks_breaks_the_rules_that_use_it_through_others() {
    let first = "- list: l\n  items: [a]\n- macro: inner\n  condition: proc.name in (l)\n\
                 - macro: outer\n  condition: (inner or proc.pid = 1)\n";
    let first = format!("{first}{}", rule("r", "outer"));
    let second = "- macro: inner\n  condition: proc.pid in (l)\n";
    let third = "- macro: inner\n  condition: proc.name in (l)\n";
    let found = load(&[("1.yaml", &first), ("2.yaml", second), ("3.yaml", third)]).unwrap_err();
    assert!(
        found[0].message.contains("no decimal whole number"),
        "{found:?}"
    );
}

#[test]
fn a_condition_nested_a_thousand_deep_is_refused_and_a_hundred_loads() {
    let (loaded, hits) = load(&[("rules.yaml", &rule("r", &nested(100)))]).unwrap();
    assert_eq!((loaded.rules.rules.len(), hits), (1, 1));
    for levels in [1_000, 100_000] {
        let shown = mistake(&rule("r", &nested(levels)));
        assert!(shown.contains("nested too deeply"), "{shown}");
        let nots = "not (".repeat(levels) + "proc.pid = 1" + &")".repeat(levels);
        let shown = mistake(&rule("r", &nots));
        assert!(shown.contains("nested too deeply"), "{shown}");
    }
}

#[test]
fn macros_nested_as_deep_as_they_may_be_load_and_deeper_are_refused() {
    let chain = |levels: usize| {
        let mut text = String::from("- macro: m0\n  condition: proc.pid = 1\n");
        for level in 1..levels {
            let body = format!("not (proc.pid = {level} or not m{})", level - 1);
            writeln!(text, "- macro: m{level}\n  condition: {body}").unwrap();
        }
        text + &rule("r", &format!("m{}", levels - 1))
    };
    // Four levels of nesting each.
    assert!(load(&[("rules.yaml", &chain(190))]).is_ok());
    let shown = mistake(&chain(400));
    assert!(shown.contains("too large"), "{shown}");
}

#[test]
fn a_file_of_ten_megabytes_loads_and_one_of_seventeen_is_refused() {
    let remarks = |bytes: usize| "# a remark, and nothing more\n".repeat(bytes / 29);
    let (loaded, _) = load(&[(
        "rules.yaml",
        &(rule("r", "proc.pid = 1") + &remarks(10_000_000)),
    )])
    .unwrap();
    assert_eq!(loaded.rules.rules.len(), 1);
    let shown = mistake(&remarks(17_000_000));
    assert!(shown.contains("larger than 16 MiB"), "{shown}");
}

#[test]
fn macros_in_a_circle_are_refused() {
    let text = "- macro: a\n  condition: proc.pid = 1\n- macro: b\n  condition: a\n\
                - macro: a\n  condition: b\n";
    let shown = mistake(&format!("{text}{}", rule("r", "a")));
    assert!(shown.contains("uses itself"), "{shown}");
    let itself = "- macro: a\n  condition: proc.pid = 1\n- macro: a\n  condition: a\n";
    assert!(mistake(itself).contains("uses itself"));
}

#[test]
fn anchors_that_laugh_a_billion_times_are_refused() {
    let mut text = String::from("- &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n");
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "- &a{level} [{aliases}]").unwrap();
    }
    let shown = mistake(&text);
    assert!(shown.contains("repeat too much"), "{shown}");
}

#[test]
fn macros_and_lists_that_double_each_other_are_refused() {
    let mut text = String::from("- macro: m0\n  condition: proc.pid = 1\n");
    for level in 1..60 {
        let before = level - 1;
        writeln!(
            text,
            "- macro: m{level}\n  condition: (m{before} or not m{before})"
        )
        .unwrap();
    }
    let shown = mistake(&format!("{text}{}", rule("r", "m59")));
    assert!(shown.contains("too large"), "{shown}");
    // Forward, each list is put into the text of the one before it.
    let mut text = String::new();
    for level in 0..60 {
        let next = level + 1;
        writeln!(text, "- list: l{level}\n  items: [l{next}, l{next}]").unwrap();
    }
    let shown = mistake(&format!("{text}{}", rule("r", "proc.name in (l0)")));
    assert!(shown.contains("longer than"), "{shown}");
}
