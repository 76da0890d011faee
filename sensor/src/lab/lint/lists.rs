//! Lists are text pasted into text: where that surprises.

use std::collections::HashMap;

use super::unit::Unit;
use super::{Lint, warning};
use crate::detect::rules::{List, Study};
use crate::diagnostic::Diagnostic;
use crate::fields;
use crate::yaml::traced::Traced;

/// Looks at the items of every list.
pub(super) fn look(study: &Study, found: &mut Vec<Diagnostic>) {
    let lists: Vec<&List> = study.lists.iter().map(|list| &list.written).collect();
    let by_name: HashMap<&str, &List> = lists
        .iter()
        .map(|list| (list.name.text.as_str(), *list))
        .collect();
    for list in &lists {
        for item in &list.items {
            match by_name.get(item.as_str()) {
                Some(inner) => nested(list, item, inner, &by_name, found),
                None => named(study, item, found),
            }
        }
    }
}

fn at(item: &Traced, finding: Diagnostic) -> Diagnostic {
    item.locate(finding, &(0..item.as_str().len()))
}

/// An item that is the name of something a list cannot hold.
fn named(study: &Study, item: &Traced, found: &mut Vec<Diagnostic>) {
    let text = item.as_str();
    let (name, bracket) = match text.strip_suffix(']').and_then(|t| t.split_once('[')) {
        Some((name, argument)) => (name, Some(argument)),
        None => (text, None),
    };
    let what = if name.contains('.') && fields::lookup(name, bracket).is_ok() {
        "a field"
    } else if study.macro_named(text).is_some() {
        "a macro"
    } else {
        return;
    };
    let message = format!("`{text}` is {what}, and in a list only its name as text");
    let help = "a list holds values; conditions belong into a macro";
    found.push(at(item, warning(Lint::ListItemName, message)).help(help));
}

/// A list in a list. Its items are filled in as written, once; a name among
/// them is filled in only if its own turn, the order of definition, comes later.
fn nested(
    list: &List,
    item: &Traced,
    inner: &List,
    by_name: &HashMap<&str, &List>,
    found: &mut Vec<Diagnostic>,
) {
    if inner.index >= list.visibility {
        if inner.index == list.index {
            return;
        }
        let message = format!(
            "list `{}` names `{}`, which is defined after it",
            list.name.text, inner.name.text
        );
        let help = format!("define `{}` first", inner.name.text);
        let finding = at(item, warning(Lint::ListForward, message));
        found.push(
            finding
                .related(inner.name.place.clone(), "defined only here")
                .help(help),
        );
        return;
    }
    let deepest = inner
        .items
        .iter()
        .filter_map(|deeper| by_name.get(deeper.as_str()).map(|lost| (deeper, lost)))
        .find(|(_, lost)| lost.index < list.index);
    if let Some((deeper, lost)) = deepest {
        let message = format!(
            "only the items of `{}` are filled in here: `{}` among them stays a word",
            inner.name.text, lost.name.text
        );
        let mut finding = at(item, warning(Lint::ListTooDeep, message));
        if let Some(place) = deeper.whole() {
            finding = finding.related(place, "this is not replaced by its items");
        }
        let help = format!(
            "name `{}` in list `{}`, too",
            lost.name.text, list.name.text
        );
        found.push(finding.help(help));
    }
}

/// Names of lists in a condition that stand where no list belongs.
pub(super) fn pasted(unit: &Unit<'_>, study: &Study, found: &mut Vec<Diagnostic>) {
    let text = unit.unlisted.as_str();
    for word in words(text) {
        let Some(name) = text.get(word.range.clone()) else {
            continue;
        };
        let known = study
            .lists
            .iter()
            .any(|list| list.written.name.text == name);
        if !known || (word.in_list && !word.in_quotes) {
            continue;
        }
        let message = if word.in_quotes {
            format!("`{name}` is a list: its items are pasted into this text")
        } else {
            format!("`{name}` is a list: its items are pasted here as they are")
        };
        let help = if word.in_quotes {
            "rename the list to something that stands in no text".to_owned()
        } else {
            format!("lists belong in parentheses, as in `in ({name})`")
        };
        let finding = warning(Lint::ListInText, message).help(help);
        found.push(unit.unlisted.locate(finding, &word.range));
    }
}

/// A word as the loader looks for lists' names.
struct Word {
    range: std::ops::Range<usize>,
    in_quotes: bool,
    /// Between parentheses and commas.
    in_list: bool,
}

fn words(text: &str) -> Vec<Word> {
    let bytes = text.as_bytes();
    let is_blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let is_edge = |byte: u8| is_blank(byte) || matches!(byte, b'(' | b')' | b',' | b'=');
    let mut out = Vec::new();
    let mut quote: Option<u8> = None;
    let mut start = 0;
    let mut quoted_at_start = false;
    for (at, byte) in bytes.iter().copied().chain([b' ']).enumerate() {
        if is_edge(byte) {
            if start < at {
                let before = bytes.get(..start).unwrap_or_default();
                let after = bytes.get(at..).unwrap_or_default();
                let left = before.iter().rev().find(|byte| !is_blank(**byte));
                let right = after.iter().find(|byte| !is_blank(**byte));
                out.push(Word {
                    range: start..at,
                    in_quotes: quoted_at_start,
                    in_list: matches!(left, Some(b'(' | b','))
                        && matches!(right, Some(b')' | b',')),
                });
            }
            start = at + 1;
        } else if start == at {
            quoted_at_start = quote.is_some();
        }
        let escaped = at > 0 && bytes.get(at - 1) == Some(&b'\\');
        match quote {
            Some(open) if open == byte && !escaped => quote = None,
            None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
            _ => {}
        }
    }
    out
}
