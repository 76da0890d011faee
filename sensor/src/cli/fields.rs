//! `sensor fields`: the field table for people, or for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::table::{self, Cell, DIM, GOOD, HEADING, NAME, PLAIN};
use crate::fields::{ArgRule, Field, Many, Source, Type, classes};

/// Shown behind the flags of `sensor fields`.
pub(super) const EXAMPLES: &str = "\
Examples:
  sensor fields                 all fields by class
  sensor fields proc            one class
  sensor fields cmdline         names that hold a word
  sensor fields --json | jq     for programs";

/// Lists the fields, class by class: those whose class is `only` or whose name
/// contains it, or all. Fields that are only kept for old rules are left out of
/// the table unless they are asked for; with `json` they are all there.
///
/// Returns how many were listed.
///
/// # Errors
/// When `out` cannot be written to.
pub fn print(out: &mut dyn Write, json: bool, only: Option<&str>) -> io::Result<usize> {
    let chosen: Vec<_> = classes()
        .iter()
        .map(|(class, about, fields)| {
            let wanted = |field: &&Field| match only {
                None => json || !field.flags.hidden,
                Some(word) => *class == word || field.name.contains(word),
            };
            let fields: Vec<_> = fields.iter().filter(wanted).collect();
            (*class, *about, fields)
        })
        .filter(|(.., fields)| !fields.is_empty())
        .collect();
    if json {
        print_json(out, &chosen)?;
    } else {
        print_tables(out, &chosen)?;
    }
    Ok(chosen.iter().map(|(.., fields)| fields.len()).sum())
}

/// A class: its name, what it is about, the fields chosen from it.
type Chosen = (&'static str, &'static str, Vec<&'static Field>);

fn print_tables(out: &mut dyn Write, chosen: &[Chosen]) -> io::Result<()> {
    for (at, (class, about, fields)) in chosen.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{HEADING}{class}{HEADING:#}: {about}")?;
        let rows: Vec<_> = fields.iter().map(|field| row(field)).collect();
        table::write(out, ["NAME", "TYPE", "ARGUMENT", "VALUE", "MEANING"], &rows)?;
    }
    Ok(())
}

fn row(field: &Field) -> [Cell; 5] {
    let live = field.source == Source::Live;
    [
        Cell::new(if live { NAME } else { DIM }, field.name),
        Cell::new(PLAIN, type_text(field)),
        Cell::new(PLAIN, argument(field.arg).0),
        Cell::new(if live { GOOD } else { DIM }, source_word(field.source)),
        Cell::new(PLAIN, format!("{}{}", field.doc, remarks(field))),
    ]
}

/// What a rule may not do with the field, for the end of its meaning.
fn remarks(field: &Field) -> &'static str {
    match field.flags {
        flags if flags.filter_only => " (conditions only)",
        flags if flags.output_only => " (outputs only)",
        flags if flags.deprecated => " (deprecated)",
        _ => "",
    }
}

/// The type with how many values there are.
fn type_text(field: &Field) -> String {
    let word = field.ty.word();
    match field.many {
        Many::One | Many::AnyAncestor => word.to_owned(),
        Many::List => format!("list of {word}"),
        Many::BothEnds => format!("{word}, two"),
    }
}

/// Width in bits, of numbers.
fn bits(ty: Type) -> Option<u8> {
    match ty {
        Type::Signed(bits) | Type::Unsigned(bits) => Some(bits),
        Type::AbsTime | Type::RelTime | Type::Double => Some(64),
        Type::Port => Some(16),
        Type::Text | Type::Buffer | Type::Bool | Type::Ip | Type::IpNet => None,
    }
}

/// How the argument is written, and whether there must be one.
fn argument(rule: ArgRule) -> (&'static str, bool) {
    match rule {
        ArgRule::None => ("", false),
        ArgRule::OptionalIndex => ("[N], optional", false),
        ArgRule::OptionalAny => ("[N] or [NAME], optional", false),
        ArgRule::Required => ("[N] or [NAME]", true),
        ArgRule::DottedOrIndex => (".NAME or [N]", true),
        ArgRule::Dotted => (".NAME", true),
        ArgRule::OptionalDotted => (".NAME, optional", false),
    }
}

fn source_word(source: Source) -> &'static str {
    match source {
        Source::Live => "live",
        Source::Absent => "absent",
    }
}

/// What `sensor fields --json` prints.
#[derive(Debug, Serialize)]
struct Listing {
    /// All fields, class by class.
    fields: Vec<Entry>,
}

/// One field.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the independent flags of the rule language"
)]
struct Entry {
    /// The name a rule uses.
    name: &'static str,
    /// The class it belongs to.
    class: &'static str,
    /// `text`, `bytes`, `signed`, `unsigned`, `time`, `duration`, `bool`,
    /// `float`, `port`, `address` or `network`.
    r#type: &'static str,
    /// Width in bits, of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    bits: Option<u8>,
    /// `one`, `list`, `any_ancestor` (without an index) or `both_ends`.
    values: &'static str,
    /// How an argument is written; null when none may be given.
    argument: Option<&'static str>,
    /// An argument must be given.
    argument_required: bool,
    /// Whether this build fills it: `live`, or `absent` (it loads, and is
    /// always missing).
    value: &'static str,
    /// What it means.
    meaning: &'static str,
    /// Usable only in conditions.
    filter_only: bool,
    /// Usable only in outputs.
    output_only: bool,
    /// May stand in a transformer.
    transformer: bool,
    /// May be compared with a field on the right.
    right_field: bool,
    /// Deprecated in Falco.
    deprecated: bool,
    /// Left out of the table that people read.
    hidden: bool,
}

impl Entry {
    fn new(class: &'static str, field: &'static Field) -> Self {
        let (form, argument_required) = argument(field.arg);
        Self {
            name: field.name,
            class,
            r#type: field.ty.word(),
            bits: bits(field.ty),
            values: match field.many {
                Many::One => "one",
                Many::List => "list",
                Many::AnyAncestor => "any_ancestor",
                Many::BothEnds => "both_ends",
            },
            argument: (field.arg != ArgRule::None).then_some(form),
            argument_required,
            value: source_word(field.source),
            meaning: field.doc,
            filter_only: field.flags.filter_only,
            output_only: field.flags.output_only,
            transformer: !field.flags.no_transformer,
            right_field: !field.flags.no_right_field,
            deprecated: field.flags.deprecated,
            hidden: field.flags.hidden,
        }
    }
}

fn print_json(out: &mut dyn Write, chosen: &[Chosen]) -> io::Result<()> {
    let fields = chosen
        .iter()
        .flat_map(|(class, _, fields)| fields.iter().map(|field| Entry::new(class, field)))
        .collect();
    serde_json::to_writer_pretty(&mut *out, &Listing { fields })?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::rows;

    fn printed(json: bool, only: Option<&str>) -> (String, usize) {
        let mut out = Vec::new();
        let count = print(&mut out, json, only).unwrap();
        let text = String::from_utf8(out).unwrap();
        (anstream::adapter::strip_str(&text).to_string(), count)
    }

    #[test]
    fn the_table_lists_every_field_that_is_not_hidden_once() {
        let (text, count) = printed(false, None);
        let hidden = rows().filter(|field| field.flags.hidden).count();
        assert_eq!(count, rows().count() - hidden);
        for field in rows() {
            let start = format!("  {} ", field.name);
            let lines = text.lines().filter(|line| line.starts_with(&start)).count();
            assert_eq!(lines, usize::from(!field.flags.hidden), "{}", field.name);
        }
    }

    #[test]
    fn a_word_chooses_a_class_or_the_names_that_contain_it() {
        let (text, count) = printed(false, Some("group"));
        assert!(
            text.starts_with("proc:") || text.starts_with("thread:"),
            "{text}"
        );
        assert!(text.contains("\ngroup: the group\n"));
        assert!(text.contains("  thread.cgroup "));
        assert_eq!(count, text.lines().filter(|l| l.contains('.')).count());
        assert_eq!(printed(false, Some("nosuchfield")), (String::new(), 0));
    }

    #[test]
    fn the_line_of_a_field_says_all_a_rule_writer_needs() {
        let (text, _) = printed(false, Some("fd.port"));
        let words: Vec<_> = text.lines().last().unwrap().split("  ").collect();
        let words: Vec<_> = words
            .iter()
            .map(|word| word.trim())
            .filter(|w| !w.is_empty())
            .collect();
        let meaning = "port of the client or the server: either may match (conditions only)";
        assert_eq!(words, ["fd.port", "port, two", "live", meaning]);
    }

    #[test]
    fn the_json_is_one_object_with_every_field() {
        let (text, count) = printed(true, None);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let fields = json["fields"].as_array().unwrap();
        assert_eq!((fields.len(), count), (rows().count(), rows().count()));
        let aname = fields.iter().find(|f| f["name"] == "proc.aname").unwrap();
        assert_eq!(aname["values"], "any_ancestor");
        assert_eq!(aname["argument"], "[N], optional");
        assert_eq!(aname["transformer"], false);
        assert_eq!(aname["value"], "live");
    }
}
