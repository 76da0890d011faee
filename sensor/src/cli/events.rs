//! `sensor events`: the event table for people, or for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::table::{self, Cell, DIM, GOOD, HEADING, NAME, PLAIN};
use crate::events::{Category, EventType, rows};

/// The categories in the order they are listed, with what they are about.
const CATEGORIES: [(&str, &str); 12] = [
    ("process", "the life of processes"),
    ("file", "files and directories"),
    ("net", "sockets"),
    ("io", "reading, writing and other use of descriptors"),
    ("user", "users and groups of processes"),
    ("signal", "signals"),
    ("memory", "memory"),
    ("IPC", "pipes and the like"),
    ("time", "clocks and timers"),
    ("scheduler", "the scheduler"),
    ("internal", "the sensor itself, and plugins"),
    (
        "other",
        "all else; calls without parameters are known by name only",
    ),
];

/// Shown behind the flags of `sensor events`.
pub(super) const EXAMPLES: &str = "\
Examples:
  sensor events                 all event types
  sensor events open            names that hold a word
  sensor events --json | jq     for programs";

/// Lists the events, category by category: those whose category is `only` or
/// whose name contains it, or all. Returns how many were listed.
///
/// # Errors
/// When `out` cannot be written to.
pub fn print(out: &mut dyn Write, json: bool, only: Option<&str>) -> io::Result<usize> {
    let wanted = |event: &&EventType| {
        only.is_none_or(|word| group(event.category) == word || event.name.contains(word))
    };
    let chosen: Vec<_> = rows().iter().filter(wanted).collect();
    if json {
        print_json(out, &chosen)?;
    } else {
        print_tables(out, &chosen)?;
    }
    Ok(chosen.len())
}

/// The heading an event is listed under.
fn group(category: Category) -> &'static str {
    match category {
        Category::IoRead | Category::IoWrite | Category::IoOther => "io",
        Category::Plugin => "internal",
        category => category.word(),
    }
}

fn print_tables(out: &mut dyn Write, chosen: &[&EventType]) -> io::Result<()> {
    let mut first = true;
    for (name, about) in CATEGORIES {
        let in_group = |event: &&&EventType| group(event.category) == name;
        let rows: Vec<_> = chosen.iter().filter(in_group).map(|e| row(e)).collect();
        if rows.is_empty() {
            continue;
        }
        if !first {
            writeln!(out)?;
        }
        first = false;
        writeln!(out, "{HEADING}{name}{HEADING:#}: {about}")?;
        table::write(out, ["NAME", "CAPTURED", "PARAMETERS"], &rows)?;
    }
    Ok(())
}

fn row(event: &EventType) -> [Cell; 3] {
    let params: Vec<_> = event
        .params
        .iter()
        .map(|param| format!("{}:{}", param.name, param.kind.word()))
        .collect();
    let (name, state, captured) = if event.captured() {
        (NAME, GOOD, "yes")
    } else {
        (DIM, DIM, "no")
    };
    [
        Cell::new(name, event.name),
        Cell::new(state, captured),
        Cell::new(PLAIN, params.join(", ")),
    ]
}

/// What `sensor events --json` prints.
#[derive(Debug, Serialize)]
struct Listing {
    /// All event types, in the order of the table.
    events: Vec<Entry>,
}

/// One event type.
#[derive(Debug, Serialize)]
struct Entry {
    /// The name for `evt.type`.
    name: &'static str,
    /// What `evt.category` says of it.
    category: &'static str,
    /// It is a system call.
    syscall: bool,
    /// This build captures it; rules on other events load and never fire.
    captured: bool,
    /// Its parameters, `evt.arg[0]` first.
    parameters: Vec<Parameter>,
}

/// One parameter.
#[derive(Debug, Serialize)]
struct Parameter {
    /// The name in `evt.arg.NAME`.
    name: &'static str,
    /// What it is: `path`, `fd`, `flags` …
    r#type: &'static str,
}

fn print_json(out: &mut dyn Write, chosen: &[&'static EventType]) -> io::Result<()> {
    let entry = |event: &&'static EventType| Entry {
        name: event.name,
        category: event.category.word(),
        syscall: event.syscall,
        captured: event.captured(),
        parameters: event
            .params
            .iter()
            .map(|param| Parameter {
                name: param.name,
                r#type: param.kind.word(),
            })
            .collect(),
    };
    let events = chosen.iter().map(entry).collect();
    serde_json::to_writer_pretty(&mut *out, &Listing { events })?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(json: bool, only: Option<&str>) -> String {
        let mut out = Vec::new();
        print(&mut out, json, only).unwrap();
        let text = String::from_utf8(out).unwrap();
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn every_event_is_listed_once_under_its_category() {
        let text = printed(false, None);
        for event in rows() {
            let start = format!("  {} ", event.name);
            let lines = text.lines().filter(|line| line.starts_with(&start)).count();
            assert_eq!(lines, 1, "{}", event.name);
        }
        assert!(text.starts_with("process: the life of processes\n  NAME "));
    }

    #[test]
    fn a_line_tells_what_a_rule_may_ask_of_the_event() {
        let text = printed(false, Some("connect"));
        let line = text.lines().find(|line| line.starts_with("  connect "));
        assert_eq!(
            line.unwrap(),
            "  connect         yes       res:result, tuple:tuple, fd:fd, addr:address"
        );
        assert!(printed(false, Some("nosuchcall")).is_empty());
        assert!(printed(false, Some("signal")).contains("\n  kill "));
    }

    #[test]
    fn the_json_is_one_object_with_every_event() {
        let json: serde_json::Value = serde_json::from_str(&printed(true, None)).unwrap();
        let events = json["events"].as_array().unwrap();
        assert_eq!(events.len(), rows().len());
        let open = events.iter().find(|e| e["name"] == "openat").unwrap();
        assert_eq!(open["captured"], true);
        assert_eq!(open["parameters"][2]["name"], "name");
        assert_eq!(open["parameters"][2]["type"], "path");
    }
}
