//! A condition taken apart in, the indented tree a person reads out; with an
//! event's trace, what was true in it, what decided, and every value.
//!
//! ```text
//! + and
//!   + evt.type = openat                       evt.type = "openat"
//!   - program_started                       <- decides
//!       - proc.name in (sh, bash)           <- decides  proc.name = "cat"
//! ```

use std::fmt::Write;

use anstyle::{AnsiColor, Color, Style};

use crate::detect::trace::{Anatomy, Asked, Kind, Part, Seen, Trace};
use crate::diagnostic::escape;

const TRUE: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Green)));
const FALSE: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Red)));
const DIM: Style = Style::new().dimmed();
const STRONG: Style = Style::new().bold();

/// A comparison with a long list is shown by its beginning.
const MOST_CHARS: usize = 100;

/// The tree, one part a line, every line indented by `margin` blanks. With a
/// trace `+` stands for true, `-` for false, and what was not asked is dim.
/// Colours are in it; what prints it takes them out where nobody would see them.
pub fn print(anatomy: &Anatomy, trace: Option<&Trace>, margin: usize) -> String {
    let mut out = String::new();
    for (at, part) in anatomy.parts().iter().enumerate() {
        let seen = trace.and_then(|trace| trace.parts.get(at));
        line(part, seen, margin, &mut out);
    }
    out
}

fn line(part: &Part, seen: Option<&Seen>, margin: usize, out: &mut String) {
    let indent = margin + 2 * part.depth;
    let text = words(part);
    // Writing to a string cannot fail.
    let _ = match seen {
        None => writeln!(out, "{:indent$}{text}", ""),
        Some(seen) => {
            let (mark, truth) = if seen.holds {
                ('+', TRUE)
            } else {
                ('-', FALSE)
            };
            let style = if seen.asked { Style::new() } else { DIM };
            let reason = reason(seen);
            let values = values(&seen.values);
            writeln!(
                out,
                "{:indent$}{truth}{mark}{truth:#} {style}{text}{style:#}{reason}{values}",
                ""
            )
        }
    };
}

/// What stands on the line of a part.
fn words(part: &Part) -> String {
    match part.kind {
        Kind::Or => "or".to_owned(),
        Kind::And => "and".to_owned(),
        Kind::Not => "not".to_owned(),
        Kind::Macro => format!("macro {}", escape(&part.text)),
        Kind::Check => shortened(&part.text),
    }
}

/// Only comparisons are marked: the parts around them follow from these.
fn reason(seen: &Seen) -> String {
    match (seen.values.is_empty(), seen.pivotal, seen.deciding) {
        (false, true, _) => format!("  {STRONG}<- decides alone{STRONG:#}"),
        (false, false, true) => format!("  {STRONG}<- decides{STRONG:#}"),
        _ if !seen.asked && !seen.values.is_empty() => format!("  {DIM}(not asked){DIM:#}"),
        _ => String::new(),
    }
}

/// `; proc.name = "cat"` for every value, or that it is missing.
pub fn values(values: &[Asked]) -> String {
    let mut out = String::new();
    for asked in values {
        let name = escape(&asked.name);
        let _ = match &asked.value {
            Some(value) => write!(
                out,
                "  {DIM}{name} = {}{DIM:#}",
                shortened(&value.to_string())
            ),
            None => write!(out, "  {DIM}{name} is missing{DIM:#}"),
        };
    }
    out
}

/// The beginning of a text, safe to show.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", escape(text.get(..end).unwrap_or_default())),
        None => escape(text).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::syntax::parse;
    use crate::fields::given::Given;

    fn shown(condition: &str, event: Option<&serde_json::Value>) -> String {
        let anatomy = Anatomy::new(&parse(condition).unwrap()).unwrap();
        let trace = event.map(|event| anatomy.trace(&Given::from_json(event).unwrap()));
        anstream::adapter::strip_str(&print(&anatomy, trace.as_ref(), 2)).to_string()
    }

    #[test]
    fn without_an_event_it_is_the_tree_alone() {
        let text = shown(
            "proc.name = sh and not (proc.pid = 1 or fd.num exists)",
            None,
        );
        let want = "  and\n    proc.name = sh\n    not\n      or\n        proc.pid = 1\n        fd.num exists\n";
        assert_eq!(text, want);
    }

    #[test]
    fn with_an_event_it_says_what_was_true_and_why() {
        let event = json!({"proc.name": "s\u{1b}h", "proc.pid": 7});
        let text = shown(
            "proc.pid = 7 and (proc.exe = a or proc.name = sh)",
            Some(&event),
        );
        let want = "  - and
    + proc.pid = 7  proc.pid = 7
    - or
      - proc.exe = a  <- decides alone  proc.exe is missing
      - proc.name = sh  <- decides alone  proc.name = \"s\\u001bh\"
";
        assert_eq!(text, want);
        let text = shown("proc.pid = 7 or proc.pid = 8", Some(&event));
        assert!(
            text.contains("- proc.pid = 8  (not asked)  proc.pid = 7"),
            "{text}"
        );
    }

    #[test]
    fn a_long_list_is_shown_by_its_beginning() {
        let text = shortened(&"ä".repeat(300));
        assert_eq!(text.chars().count(), MOST_CHARS + 1);
    }
}
