//! An explanation as text for a terminal: the condition as an indented tree,
//! lists folded, everything else in aligned blocks.
//!
//! All that comes from files is escaped; colours are in it, and whoever prints
//! it takes them out where they are not wanted.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::super::table::{DIM, GOOD, HEADING, NAME, PLAIN};
use crate::detect::trace::{Kind, Seen};
use crate::diagnostic::escape;
use crate::lab::explain::{
    Captured, Earlier, Events, ExceptionExplained, Explanation, FieldExplained, ListExplained,
    ListUse, MacroExplained, Part, RuleExplained, Verdict,
};
use crate::lab::tree;

/// Characters in a line, as far as it can be helped.
const WIDTH: usize = 100;
/// Names of other rules that are shown.
const FEW: usize = 12;
const BAD: Style = AnsiColor::Red.on_default();
const STRONG: Style = Style::new().bold();

/// The whole explanation.
pub(super) fn text(explanation: &Explanation) -> String {
    let mut out = Page::default();
    match explanation {
        Explanation::Rule(rule) => out.rule(rule),
        Explanation::Macro(known) => out.macro_page(known),
        Explanation::List(list) => out.list(list),
    }
    out.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn heading(&mut self, heading: &str) {
        self.line(&format!("\n{HEADING}{heading}{HEADING:#}"));
    }

    /// Words in lines of a bounded length, two blanks in.
    fn wrapped(&mut self, text: &str, style: Style) {
        self.indented(2, text, style);
    }

    fn indented(&mut self, margin: usize, text: &str, style: Style) {
        let mut line = String::new();
        for word in text.split_whitespace().map(escape) {
            let length = line.chars().count() + word.chars().count() + 1;
            if !line.is_empty() && margin + length > WIDTH {
                self.line(&format!("{:margin$}{style}{line}{style:#}", ""));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        if !line.is_empty() {
            self.line(&format!("{:margin$}{style}{line}{style:#}", ""));
        }
    }

    fn title(&mut self, kind: &str, name: &str, rest: &str, place: &str) {
        let name = escape(name);
        self.line(&format!("{kind} {STRONG}{name}{STRONG:#}{rest}"));
        self.line(&format!("  {DIM}{place}{DIM:#}"));
    }

    fn rule(&mut self, rule: &RuleExplained) {
        let style = if rule.standing == "in force" {
            GOOD
        } else {
            BAD
        };
        let rest = format!("  {}, {style}{}{style:#}", rule.priority, rule.standing);
        self.title("rule", &rule.name, &rest, &rule.place);
        self.wrapped(&rule.desc, PLAIN);
        if !rule.tags.is_empty() {
            self.wrapped(&format!("tags: {}", rule.tags.join(", ")), DIM);
        }
        if let Some(verdict) = &rule.verdict {
            self.verdict(verdict);
        }
        self.heading("Condition");
        self.part(&rule.condition, "  ", "  ");
        self.heading("Events that can fire it");
        self.events(&rule.events);
        self.heading("What the kernel must capture for it");
        self.capture(&rule.capture);
        self.heading("Earlier rules");
        self.earlier(&rule.earlier);
        self.heading("Exceptions");
        self.exceptions(&rule.exceptions);
        self.heading("Fields of the condition");
        self.fields(&rule.fields);
        self.heading("Output");
        self.wrapped(&rule.output.format, PLAIN);
        let own: Vec<&str> = rule.fields.iter().map(|f| f.name.as_str()).collect();
        let others = rule.output.fields.iter();
        let others: Vec<_> = others.filter(|f| !own.contains(&f.name.as_str())).collect();
        if !others.is_empty() {
            self.heading("Further fields of the output");
            self.field_rows(&others);
        }
    }

    fn verdict(&mut self, verdict: &Verdict) {
        self.heading("Verdict on the event");
        let (style, word) = if verdict.holds {
            (GOOD, "true")
        } else {
            (BAD, "false")
        };
        self.line(&format!("  the condition is {style}{word}{style:#}"));
        if let Some(kind) = &verdict.not_asked_for {
            let kind = escape(kind);
            self.line(&format!(
                "  the rule is not asked for events of type {kind}"
            ));
        }
        let text = match verdict.matching.as_slice() {
            [] => "no rule in force is true for it".to_owned(),
            [first] => format!("the rule that alerts: {first}"),
            [first, others @ ..] => {
                format!("first match: {first}; also true: {}", others.join(", "))
            }
        };
        self.wrapped(&text, PLAIN);
        let legend = "below: + is true, - is false, ◀ marks the comparisons that decide";
        self.wrapped(legend, DIM);
    }

    /// A part with what is in it. `first` stands before its own line, `rest`
    /// before all that follow.
    fn part(&mut self, part: &Part, first: &str, rest: &str) {
        let mut words = Vec::new();
        let mut shown = part;
        let mut defined = None;
        // A part that only wraps another shares its line.
        loop {
            words.push(match shown.kind {
                Kind::Or => "or".to_owned(),
                Kind::And => "and".to_owned(),
                Kind::Not => "not".to_owned(),
                Kind::Macro => {
                    defined = defined.or(shown.defined.as_deref());
                    format!("{NAME}{}{NAME:#}:", escape(&shown.text))
                }
                Kind::Check => escape(&shown.text).into_owned(),
            });
            match shown.parts.as_slice() {
                [only] => shown = only,
                _ => break,
            }
        }
        let mark = part.seen.as_ref().map_or_else(String::new, mark);
        let mut line = format!("{DIM}{first}{DIM:#}{mark}{}", words.join(" "));
        if let Some(seen) = &shown.seen {
            let outer = part.seen.as_ref().unwrap_or(seen);
            line.push_str(&reason(outer, seen));
            line.push_str(&tree::values(&seen.values));
        }
        if let Some(place) = defined {
            let used = visible(&line);
            let pad = WIDTH
                .saturating_sub(used + place.chars().count())
                .clamp(2, WIDTH);
            let _ = write!(line, "{:pad$}{DIM}{}{DIM:#}", "", escape(place));
        }
        self.code(&line, rest);
        for list in &shown.lists {
            self.list_use(list, rest);
        }
        let last = shown.parts.len().saturating_sub(1);
        for (at, inner) in shown.parts.iter().enumerate() {
            let (corner, bar) = if at == last {
                ("└ ", "  ")
            } else {
                ("├ ", "│ ")
            };
            self.part(inner, &format!("{rest}{corner}"), &format!("{rest}{bar}"));
        }
    }

    /// A line of the tree; one that is too long goes on further in.
    fn code(&mut self, line: &str, rest: &str) {
        let mut width = 0;
        let mut out = String::new();
        for word in line.split_inclusive(' ') {
            let length = visible(word);
            if width + length > WIDTH && width > visible(rest) + 8 {
                out.truncate(out.trim_end().len());
                let _ = write!(out, "\n{DIM}{rest}{DIM:#}    ");
                width = visible(rest) + 4;
            }
            out.push_str(word);
            width += length;
        }
        self.line(out.trim_end());
    }

    /// The items of a list, as many as there is room for.
    fn list_use(&mut self, list: &ListUse, rest: &str) {
        let head = format!("{rest}    {}: ", escape(&list.name));
        let room = WIDTH.saturating_sub(visible(&head) + 12);
        let mut items = String::new();
        let mut shown = 0;
        for item in &list.items {
            let item = escape(item);
            if shown > 0 && items.chars().count() + item.chars().count() + 2 > room {
                break;
            }
            if shown > 0 {
                items.push_str(", ");
            }
            items.push_str(&item);
            shown += 1;
        }
        if shown < list.items.len() {
            let _ = write!(items, ", … {} items", list.items.len());
        }
        self.line(&format!("{DIM}{head}{items}{DIM:#}"));
    }

    fn events(&mut self, events: &Events) {
        if events.all {
            self.wrapped("every event there is; those this build captures:", PLAIN);
        }
        match events.captured.as_slice() {
            [] => self.wrapped("none that this build captures: it never alerts here", BAD),
            names => self.wrapped(&names.join(", "), PLAIN),
        }
        if !events.not_captured.is_empty() {
            let names = events.not_captured.join(", ");
            self.wrapped(&format!("not captured by this build: {names}"), DIM);
        }
    }

    fn capture(&mut self, kinds: &[Captured]) {
        if kinds.is_empty() {
            self.wrapped("nothing that this build can", PLAIN);
        }
        for kind in kinds {
            let why = match (kind.always, kind.other_rules) {
                (true, _) => "captured always, for the process table".to_owned(),
                (false, 0) => "for this rule alone".to_owned(),
                (false, 1) => "also for 1 other rule".to_owned(),
                (false, others) => format!("also for {others} other rules"),
            };
            self.line(&format!(
                "  {NAME}{:<8}{NAME:#} {}; {why}",
                kind.kind,
                kind.events.join(", ")
            ));
            self.indented(11, &kind.hooks.join(", "), DIM);
        }
    }

    fn earlier(&mut self, earlier: &Earlier) {
        if !earlier.first_match_wins {
            self.wrapped("all rules that are true alert: none hides another", PLAIN);
            return;
        }
        if !earlier.always.is_empty() {
            let names = some(&earlier.always);
            self.wrapped(
                &format!("it never alerts; true whenever it is: {names}"),
                BAD,
            );
        }
        if !earlier.possible.is_empty() {
            let names = some(&earlier.possible);
            let text =
                format!("may be true for the same event, and then alert in its place: {names}");
            self.wrapped(&text, PLAIN);
        }
        if earlier.always.is_empty() && earlier.possible.is_empty() {
            self.wrapped("none can be true for the same event", PLAIN);
        }
    }

    fn exceptions(&mut self, exceptions: &[ExceptionExplained]) {
        if exceptions.is_empty() {
            self.wrapped("none", DIM);
        }
        for exception in exceptions {
            let (name, place) = (escape(&exception.name), &exception.place);
            self.line(&format!("  {NAME}{name}{NAME:#}  {DIM}{place}{DIM:#}"));
            self.wrapped(&format!("not ({})", exception.condition), PLAIN);
            let terms = [
                ("because", &exception.reason),
                ("owner", &exception.owner),
                ("until", &exception.expires),
            ];
            for (word, term) in terms {
                if let Some(term) = term {
                    self.wrapped(&format!("{word}: {term}"), DIM);
                }
            }
        }
    }

    fn fields(&mut self, fields: &[FieldExplained]) {
        self.field_rows(&fields.iter().collect::<Vec<_>>());
    }

    fn field_rows(&mut self, fields: &[&FieldExplained]) {
        let widest = fields.iter().map(|field| field.name.chars().count()).max();
        let widest = widest.unwrap_or_default().min(32);
        for field in fields {
            let name = escape(&field.name);
            let note = if field.filled {
                ""
            } else {
                "never filled by this build: "
            };
            let (kind, meaning) = (field.r#type, field.meaning);
            let head = format!("  {NAME}{name:<widest$}{NAME:#}  {kind:<8}  ");
            let room = WIDTH.saturating_sub(visible(&head) + note.len());
            let meaning = if meaning.chars().count() > room {
                let cut: String = meaning.chars().take(room.saturating_sub(1)).collect();
                format!("{cut}…")
            } else {
                meaning.to_owned()
            };
            self.line(&format!("{head}{BAD}{note}{BAD:#}{DIM}{meaning}{DIM:#}"));
        }
    }

    fn macro_page(&mut self, known: &MacroExplained) {
        self.title("macro", &known.name, "", &known.place);
        self.heading("Condition");
        self.part(&known.condition, "  ", "  ");
        self.used_by(&known.used_by);
    }

    fn list(&mut self, list: &ListExplained) {
        let rest = format!("  {} items", list.items.len());
        self.title("list", &list.name, &rest, &list.place);
        self.heading("Items");
        self.wrapped(&list.items.join(", "), PLAIN);
        self.used_by(&list.used_by);
    }

    fn used_by(&mut self, users: &[String]) {
        self.heading("Used by");
        if users.is_empty() {
            self.wrapped("nothing", DIM);
        }
        for user in users {
            self.line(&format!("  {}", escape(user)));
        }
    }
}

fn mark(seen: &Seen) -> String {
    if seen.holds {
        format!("{GOOD}+{GOOD:#} ")
    } else {
        format!("{BAD}-{BAD:#} ")
    }
}

/// Whether a comparison belongs to the reason for the verdict.
fn reason(outer: &Seen, own: &Seen) -> String {
    if own.values.is_empty() {
        String::new()
    } else if outer.deciding {
        format!(" {STRONG}◀{STRONG:#}")
    } else if outer.asked {
        String::new()
    } else {
        format!("  {DIM}(not asked){DIM:#}")
    }
}

/// A few names, and how many more there are.
fn some(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(FEW)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    match names.len().checked_sub(FEW) {
        Some(more) if more > 0 => format!("{shown}; and {more} more"),
        _ => shown,
    }
}

/// How many characters of a line are seen.
fn visible(line: &str) -> usize {
    anstream::adapter::strip_str(line)
        .to_string()
        .chars()
        .count()
}
