//! Lists in, conditions with the lists' names replaced by their items out.
//!
//! Lists are textual: they are put into the text of a condition before it is
//! parsed, wherever a list's name stands between delimiters, quotes included.
//! Rules in use depend on the details, so they are kept: one level of lists in
//! lists, blanks around the name swallowed, a comma dropped for an empty list.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::collection::List;
use crate::diagnostic::Diagnostic;
use crate::yaml::traced::{Traced, Via};

/// Bytes one condition may grow to; lists named in lists could double it
/// without end.
const MAX_TEXT: usize = 1 << 20;

/// The lists as conditions see them, in the order of first definition.
pub(crate) struct Lists {
    all: Vec<Compiled>,
    /// Places in `all` by name.
    by_name: HashMap<String, usize>,
    /// Lists whose names are no word: with a delimiter in them, or empty.
    odd: Vec<usize>,
}

struct Compiled {
    name: String,
    items: Vec<Traced>,
    used: bool,
}

impl Lists {
    /// Puts lists into lists: one level, and only what was visible when the
    /// outer list was last changed.
    pub(crate) fn compile(lists: &[List]) -> Self {
        let by_name: HashMap<String, usize> = lists
            .iter()
            .enumerate()
            .map(|(at, list)| (list.name.text.clone(), at))
            .collect();
        let mut used = vec![false; lists.len()];
        let mut compiled: Vec<_> = lists
            .iter()
            .map(|list| Compiled {
                name: list.name.text.clone(),
                items: nested(list, lists, &by_name, &mut used),
                used: false,
            })
            .collect();
        for (list, used) in compiled.iter_mut().zip(used) {
            list.used = used;
        }
        let is_odd = |list: &Compiled| list.name.is_empty() || list.name.bytes().any(is_delimiter);
        let odd = compiled.iter().enumerate().filter(|(_, list)| is_odd(list));
        Self {
            odd: odd.map(|(at, _)| at).collect(),
            all: compiled,
            by_name,
        }
    }

    /// The places of the lists that a text may name, from one on.
    fn named(&self, text: &str, from: usize) -> BTreeSet<usize> {
        let named = words(text).filter_map(|word| self.by_name.get(word));
        let named = named.chain(&self.odd).copied();
        named.filter(|at| *at >= from).collect()
    }

    /// Names of lists that no condition and no other list named so far.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &str> {
        self.all
            .iter()
            .filter(|list| !list.used)
            .map(|list| list.name.as_str())
    }

    /// The condition with every list put in, one list after the other.
    pub(crate) fn expand(&mut self, condition: &Traced) -> Result<Traced, Diagnostic> {
        let mut text = condition.clone();
        let mut named = self.named(text.as_str(), 0);
        while let Some(at) = named.pop_first() {
            let Some(list) = self.all.get_mut(at) else {
                continue;
            };
            let Some(expanded) = list.put_into(&text) else {
                continue;
            };
            list.used = true;
            text = expanded;
            if text.as_str().len() > MAX_TEXT {
                let message = format!(
                    "with list `{}` put in, this condition is longer than {} KiB",
                    list.name,
                    MAX_TEXT >> 10
                );
                let mistake = Diagnostic::error("LOAD_ERR_COMPILE_CONDITION", message);
                let whole = 0..condition.as_str().len();
                return Err(condition.locate(mistake, &whole));
            }
            // The items may name lists that come later.
            named = self.named(text.as_str(), at + 1);
        }
        Ok(text)
    }
}

fn nested(
    list: &List,
    all: &[List],
    by_name: &HashMap<String, usize>,
    used: &mut [bool],
) -> Vec<Traced> {
    let mut out = Vec::new();
    for item in &list.items {
        let inner = by_name.get(item.as_str()).and_then(|at| {
            let other = all.get(*at).filter(|other| other.index < list.visibility)?;
            Some((other, used.get_mut(*at)?))
        });
        let Some((inner, used)) = inner else {
            out.push(item.clone());
            continue;
        };
        *used = true;
        let via = via(&inner.name.text, item, &(0..item.as_str().len()));
        out.extend(inner.items.iter().map(|item| {
            let mut traced = Traced::default();
            match &via {
                Some(via) => traced.push_via(item, via),
                None => traced.push(item),
            }
            traced
        }));
    }
    out
}

/// Why a list's items stand where its name stood.
fn via(name: &str, text: &Traced, range: &Range<usize>) -> Option<Arc<Via>> {
    Some(Arc::new(Via {
        place: text.place(range)?,
        list: name.to_owned(),
        outer: text.via(range),
    }))
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_delimiter(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'(' | b')' | b',' | b'=')
}

/// What stands between delimiters.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| u8::try_from(c).is_ok_and(is_delimiter))
        .filter(|word| !word.is_empty())
}

impl Compiled {
    /// The text with every use of this list replaced; `None` when there is none.
    fn put_into(&self, text: &Traced) -> Option<Traced> {
        let written = text.as_str();
        let bytes = written.as_bytes();
        let mut out = Traced::default();
        // What stands before this byte is in `out` already.
        let mut done = 0;
        let mut found = false;
        for (start, _) in written.match_indices(&self.name) {
            let name = start..start + self.name.len();
            let delimited = |at: Option<usize>| {
                at.and_then(|at| bytes.get(at))
                    .is_none_or(|byte| is_delimiter(*byte))
            };
            if start < done || !delimited(start.checked_sub(1)) || !delimited(Some(name.end)) {
                continue;
            }
            found = true;
            let around = self.swallowed(bytes, &name, done);
            out.push_range(text, done..around.start);
            self.push_items(&mut out, text, &name);
            done = around.end;
        }
        out.push_range(text, done..written.len());
        found.then_some(out)
    }

    /// What a use of the list takes away: the name, the blanks around it, and
    /// for an empty list one comma, the one before it if there is one.
    fn swallowed(&self, bytes: &[u8], name: &Range<usize>, done: usize) -> Range<usize> {
        let before = bytes.get(done..name.start).unwrap_or_default();
        let after = bytes.get(name.end..).unwrap_or_default();
        let blanks_before = before.iter().rev().take_while(|b| is_blank(**b)).count();
        let blanks_after = after.iter().take_while(|b| is_blank(**b)).count();
        let mut start = name.start - blanks_before;
        let mut end = name.end + blanks_after;
        if self.items.is_empty() {
            let comma = |at: Option<usize>| at.and_then(|at| bytes.get(at)) == Some(&b',');
            if start > done && comma(start.checked_sub(1)) {
                start -= 1;
            } else if comma(Some(end)) {
                end += 1;
            }
        }
        start..end
    }

    fn push_items(&self, out: &mut Traced, text: &Traced, name: &Range<usize>) {
        let (Some(via), Some(place)) = (via(&self.name, text, name), text.place(name)) else {
            return;
        };
        out.glue(" ", &place);
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                out.glue(", ", &place);
            }
            out.push_via(&quoted(item), &via);
        }
        out.glue(" ", &place);
    }
}

/// The value as it is pasted into a condition: one with a blank gets quotes
/// unless it has its own; nothing is escaped.
pub(crate) fn quoted(value: &Traced) -> Traced {
    let text = value.as_str();
    let Some(place) = value.whole() else {
        return value.clone();
    };
    if !text.contains(' ') || text.starts_with(['"', '\'']) {
        return value.clone();
    }
    let mut out = Traced::fixed("\"", &place);
    out.push(value);
    out.glue("\"", &place);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::rules::item::Name;
    use crate::diagnostic::{Place, SourceFile};

    fn traced(text: &str) -> Traced {
        let file = SourceFile::new("f", text);
        let mut out = Traced::default();
        out.push_written(text, &file, 0);
        out
    }

    fn lists(lists: &[(&str, &[&str])]) -> Vec<List> {
        let build = |(at, (name, items)): (usize, &(&str, &[&str]))| List {
            name: Name {
                text: (*name).to_owned(),
                place: Place::new(&SourceFile::new("f", *name), 0..0),
            },
            items: items.iter().map(|item| traced(item)).collect(),
            index: at,
            visibility: at,
        };
        lists.iter().enumerate().map(build).collect()
    }

    /// A condition, and what it is once the lists are put in.
    fn check(given: &[(&str, &[&str])], condition: &str, want: &str) {
        let expanded = Lists::compile(&lists(given))
            .expand(&traced(condition))
            .unwrap();
        // Blanks between tokens mean nothing; one blank makes it readable.
        let words: Vec<_> = expanded.as_str().split_whitespace().collect();
        assert_eq!(words.join(" "), want, "{condition}");
    }

    #[test]
    fn a_name_between_delimiters_becomes_the_items() {
        let shells: &[(&str, &[&str])] = &[("shells", &["sh", "my sh", "\"q s\"", "'(x)'"])];
        let items = "sh, \"my sh\", \"q s\", '(x)'";
        for (condition, want) in [
            ("a in (shells)", format!("a in ( {items} )")),
            ("a in (b, shells,c)", format!("a in (b, {items} ,c)")),
            ("a = shells", format!("a = {items}")),
            ("a=shells", format!("a= {items}")),
            ("shells", items.to_owned()),
            ("a = \"run shells now\"", format!("a = \"run {items} now\"")),
            ("a = \"shells\"", "a = \"shells\"".to_owned()),
            (
                "a in (shells2, myshells, shells)",
                format!("a in (shells2, myshells, {items} )"),
            ),
            ("shells shells", format!("{items} {items}")),
        ] {
            check(shells, condition, &want);
        }
    }

    #[test]
    fn an_empty_list_takes_one_comma_with_it() {
        for (condition, want) in [
            ("a in (e)", "a in ( )"),
            ("a in (b, e)", "a in (b )"),
            ("a in (e, b)", "a in ( b)"),
            ("a in (b, e, c)", "a in (b , c)"),
        ] {
            check(&[("e", &[])], condition, want);
        }
    }

    #[test]
    fn lists_in_lists_go_one_level_back_and_any_level_forward() {
        let back: &[(&str, &[&str])] = &[("a", &["x"]), ("b", &["a"]), ("c", &["b"])];
        check(back, "f in (b)", "f in ( x )");
        check(back, "f in (c)", "f in ( a )");
        let forward: &[(&str, &[&str])] = &[("c", &["b"]), ("b", &["a"]), ("a", &["x"])];
        check(forward, "f in (c)", "f in ( x )");
    }

    #[test]
    fn lists_that_double_each_other_are_refused() {
        let names: Vec<String> = (0..40).map(|n| format!("l{n}")).collect();
        let doubled: Vec<[&str; 2]> = (1..40).map(|n| [names[n].as_str(); 2]).collect();
        let given: Vec<(&str, &[&str])> = names
            .iter()
            .zip(&doubled)
            .map(|(name, items)| (name.as_str(), items.as_slice()))
            .collect();
        let mistake = Lists::compile(&lists(&given))
            .expand(&traced("a in (l0)"))
            .unwrap_err();
        assert!(
            mistake.message.contains("longer than 1024 KiB"),
            "{mistake:?}"
        );
    }

    #[test]
    fn an_item_is_shown_in_its_list_with_every_use() {
        let mut lists = Lists::compile(&lists(&[("inner", &["bad"]), ("outer", &["inner"])]));
        let text = lists.expand(&traced("x in (outer)")).unwrap();
        let at = text.as_str().find("bad").unwrap();
        let shown = text.locate(Diagnostic::error("E", "m"), &(at..at + 3));
        assert_eq!(shown.place.unwrap().file.text, "bad");
        let uses: Vec<_> = shown
            .related
            .iter()
            .map(|(place, label)| (&place.file.text[place.range.clone()], label.as_str()))
            .collect();
        assert_eq!(
            uses,
            [
                ("inner", "list `inner` is used here"),
                ("outer", "list `outer` is used here")
            ]
        );
        assert_eq!(lists.unused().count(), 0);
    }
}
