//! The house rules that a compiler does not check, read from the sources.
//!
//! Which room may know which is the shape of this program; it is written here
//! once, and a `use` that breaks it fails.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room and what of our own crate it may name. The rooms stand in the
/// order an event meets them; behind them what serves several rooms.
const ROOMS: &[(&str, &[&str])] = &[
    // The only room that knows the kernel, and it knows no event's meaning.
    ("capture", &["metrics"]),
    ("decode", &[]),
    ("enrich", &["decode"]),
    // A rule's severity is the alert's: one word for one thing.
    (
        "detect",
        &["enrich", "fields", "events", "diagnostic", "alert", "yaml"],
    ),
    (
        "alert",
        &[
            "decode",
            "enrich",
            "fields",
            "events",
            "detect",
            "diagnostic",
            "metrics",
            "redact",
        ],
    ),
    // Alerts, and only alerts, cross to the outside.
    ("deliver", &["alert", "metrics", "diagnostic"]),
    // The tables a rule's words are looked up in, and their getters.
    ("fields", &["decode", "enrich", "events"]),
    ("events", &["decode", "fields"]),
    ("diagnostic", &[]),
    ("privileges", &[]),
    ("shipped", &[]),
    ("metrics", &["decode", "diagnostic", "events"]),
    (
        "config",
        &[
            "alert",
            "deliver",
            "detect",
            "diagnostic",
            "fields",
            "redact",
            "yaml",
        ],
    ),
    // What people who write rules try them with; only the verbs know it.
    (
        "lab",
        &[
            "alert",
            "detect",
            "diagnostic",
            "enrich",
            "events",
            "fields",
            "recording",
            "shipped",
            "yaml",
        ],
    ),
    // Records and what was learned between them, as a file; and the walk up to
    // the rules without a kernel.
    (
        "recording",
        &["capture", "decode", "enrich", "events", "redact"],
    ),
    // Text in, text without secrets out: alerts and recordings both need it, and
    // it knows neither.
    ("redact", &[]),
    // How rules and configuration are read, each byte with its place.
    ("yaml", &["diagnostic"]),
    // What the program carries and what it gives up: known to the verbs alone.
    ("shipped", &[]),
    ("privileges", &[]),
];

/// Those that know all rooms, being what connects them.
const EVERYWHERE: [&str; 4] = ["main", "lib", "cli", "pipeline"];

/// Rooms that touch nothing but what they are given, the words that would show
/// they do, and the files that are the one door.
const PURE: &[(&str, &[&str])] = &[
    ("decode", &[]),
    ("fields", &[]),
    ("events", &[]),
    ("diagnostic", &[]),
    ("redact", &[]),
    // Loading reads files; evaluation, which is the rest, reads nothing.
    ("detect", &["detect/rules.rs", "detect/rules/watch.rs"]),
];
const IMPURE: [&str; 9] = [
    "std::fs",
    "fs::read",
    "std::process::",
    "std::env::",
    "TcpStream",
    "SystemTime::now",
    "Instant::now",
    "tokio::",
    "rustix::",
];

/// What may not stand in the product, each with what to do instead.
const FORBIDDEN: [(&str, &str); 4] = [
    (
        ".unwrap()",
        "return an error, or give the value for the case",
    ),
    ("todo!(", "write it"),
    ("unimplemented!(", "write it"),
    ("dbg!(", "remove it"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file below a directory of the repository, with its path in it.
fn sources(directory: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(directory)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {directory}");
    found.sort();
    found
}

fn workspace() -> Vec<(String, String)> {
    ["sensor", "sensor-ebpf", "xtask", "tests"]
        .into_iter()
        .flat_map(sources)
        .filter(|(name, _)| !name.contains("/target/"))
        .collect()
}

/// The code of a file that is built into the product: its lines with their
/// numbers, comments and the tests at its end left out.
fn product(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .take_while(|(_, line)| *line != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The modules of our own crate that a line names.
fn named(line: &str) -> Vec<String> {
    let word = |text: &str| {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
        text[..end.unwrap_or(text.len())].to_owned()
    };
    line.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            // Rustfmt keeps short groups on one line; longer ones name rooms
            // at the start of their own lines, which `split` does not see.
            Some(group) => group.split(',').map(|part| word(part.trim())).collect(),
            None => vec![word(rest)],
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// Whether a file holds nothing but tests.
fn is_test(name: &str) -> bool {
    name.starts_with("tests/") || name.contains("/tests/") || name.ends_with("/tests.rs")
        // The slow and obvious evaluator that the fast one is held against.
        || name.ends_with("/naive.rs")
}

/// The room a file of `sensor/src` belongs to.
fn room(name: &str) -> &str {
    let inside = name.strip_prefix("sensor/src/").unwrap();
    let first = inside.split('/').next().unwrap();
    first.strip_suffix(".rs").unwrap_or(first)
}

#[test]
fn no_room_names_one_it_may_not_know() {
    let mut wrong = Vec::new();
    for (name, text) in sources("sensor/src") {
        let room = room(&name);
        if EVERYWHERE.contains(&room) {
            continue;
        }
        let Some((_, allowed)) = ROOMS.iter().find(|(known, _)| *known == room) else {
            wrong.push(format!("{name}: the room `{room}` is not in the table"));
            continue;
        };
        for (line, code) in product(&text) {
            if code.contains("use crate::{") && !code.contains('}') {
                wrong.push(format!("{name}:{line}: import one room per `use`"));
            }
            for other in named(code) {
                if other != room && !allowed.contains(&other.as_str()) {
                    wrong.push(format!("{name}:{line}: {room} may not know {other}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_touch_nothing_outside() {
    let mut wrong = Vec::new();
    for (name, text) in sources("sensor/src") {
        let Some((_, doors)) = PURE.iter().find(|(pure, _)| *pure == room(&name)) else {
            continue;
        };
        if is_test(&name) || doors.iter().any(|door| name.ends_with(door)) {
            continue;
        }
        for (line, code) in product(&text) {
            if let Some(word) = IMPURE.iter().find(|word| code.contains(*word)) {
                wrong.push(format!("{name}:{line}: `{word}` in a pure room"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_first_what_it_is_for() {
    let silent: Vec<String> = workspace()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(name, _)| name)
        .collect();
    assert!(silent.is_empty(), "no `//!` at the top of {silent:?}");
}

#[test]
fn modules_are_files_beside_their_folders() {
    let old: Vec<String> = workspace()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.ends_with("/mod.rs"))
        .collect();
    assert!(old.is_empty(), "name these after their folder: {old:?}");
}

#[test]
fn nothing_in_the_product_gives_up() {
    let mut wrong = Vec::new();
    for (name, text) in workspace() {
        if is_test(&name) {
            continue;
        }
        // The compiler itself evaluates constants: there a panic is its error.
        let runs = |code: &str| !code.trim_start().starts_with("const ");
        for (line, code) in product(&text).filter(|(_, code)| runs(code)) {
            if let Some((word, instead)) = FORBIDDEN.iter().find(|(word, _)| code.contains(word)) {
                wrong.push(format!("{name}:{line}: `{word}`: {instead}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_uses_sees_them() {
    for (line, want) in [
        ("use crate::fields::{lookup, Value};", vec!["fields"]),
        (
            "use crate::{alert, detect::rules};",
            vec!["alert", "detect"],
        ),
        ("    let x = crate::events::by_name(y);", vec!["events"]),
        ("pub(crate) fn f(in_crate: u8) {}", vec![]),
    ] {
        assert_eq!(named(line), want, "{line}");
    }
    let text = "a\n// crate::x\nb\n#[cfg(test)]\nmod tests {}\n";
    assert_eq!(product(text).collect::<Vec<_>>(), [(1, "a"), (3, "b")]);
}
