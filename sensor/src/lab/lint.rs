//! Findings about rules that load and probably do not mean what their author
//! thinks: a study in, warnings in file order out.
//!
//! Every finding has a code of the table below, a place and, where there is a
//! cure, help. A finding can be allowed where it stands, by a comment, or for a
//! whole run. What only might be wrong is not reported.

mod allowed;
mod appended;
mod events;
mod exceptions;
mod lists;
mod logic;
mod order;
mod regex;
#[cfg(test)]
mod tests;
mod unit;
mod usage;
mod values;

use std::collections::HashSet;

use crate::detect::prove::Prover;
use crate::detect::rules::Study;
use crate::diagnostic::Diagnostic;

use unit::Unit;
pub(crate) use usage::Usage;

macro_rules! lints {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        /// What can be found.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Lint {
            $($name,)*
        }

        impl Lint {
            /// All of them, in the order they are listed.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code.
            pub(crate) fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it finds, for a list.
            pub(crate) fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }
        }
    };
}

lints! {
    ShadowedRule = "LINT_SHADOWED_RULE",
        "a rule that never alerts: an earlier one is true whenever it is, and the first match wins";
    DuplicateRule = "LINT_DUPLICATE_RULE",
        "two rules whose conditions say the same";
    NeverTrue = "LINT_NEVER_TRUE",
        "a condition, or a part of one, that is true for no event";
    AlwaysTrue = "LINT_ALWAYS_TRUE",
        "a condition, or a part of one, that is true for every event";
    Redundant = "LINT_REDUNDANT_CONDITION",
        "a part that changes nothing: what stands beside it says as much already";
    DuplicateCondition = "LINT_DUPLICATE_CONDITION",
        "the same part twice within one `and` or `or`";
    ListItemName = "LINT_LIST_ITEM_NAME",
        "a list item that is the name of a field or a macro, and here only text";
    ListForward = "LINT_LIST_FORWARD",
        "a list that names a later list: it is filled in, but by accident";
    ListTooDeep = "LINT_LIST_TOO_DEEP",
        "a list in a list in a list: only one level is filled in, the name stays as a word";
    ListInText = "LINT_LIST_IN_TEXT",
        "the name of a list inside quotes or as a value: its items are pasted there";
    Regex = "LINT_NEEDLESS_REGEX",
        "a regular expression that an operator says better and faster";
    NotEqualMissing = "LINT_NOT_EQUAL_MISSING",
        "`!=` on a field that many events lack: without a value it is false, too";
    AnyAncestorNot = "LINT_ANY_ANCESTOR_NOT",
        "a negative comparison of any ancestor: true as soon as one ancestor is different";
    NeverThatCase = "LINT_LETTER_CASE",
        "a lower-cased value against a text with capitals, or the reverse";
    NumberWraps = "LINT_NUMBER_WRAPS",
        "a number the field cannot hold: a port over 65535, or a negative one on an unsigned field";
    NotEqualEither = "LINT_NOT_EQUAL_EITHER",
        "`!= anyof` or `!=` in an `or`: true for nearly every value";
    AppendPrecedence = "LINT_APPEND_PRECEDENCE",
        "appended text that joins only a part of the condition: `and` binds tighter than `or`";
    RawException = "LINT_EXCEPTION_RAW_VALUE",
        "a value of an exception that is pasted unquoted and read as several";
    DeadException = "LINT_EXCEPTION_NEVER_APPLIES",
        "an exception for what the condition never matches";
    UnusedException = "LINT_EXCEPTION_UNUSED",
        "an exception that let nothing pass in the recording given with --recording";
    ExpiringException = "LINT_EXCEPTION_EXPIRES_SOON",
        "an exception that ends within 30 days";
    EventsNotCaptured = "LINT_EVENTS_NOT_CAPTURED",
        "a rule over events this build does not capture: it never alerts";
    ParameterNeverThere = "LINT_PARAMETER_NEVER_THERE",
        "an event parameter that none of the rule's events has";
    DescriptorNeverThere = "LINT_DESCRIPTOR_NEVER_THERE",
        "an output that shows fields of a descriptor, of events that work on none";
    FieldNeverFilled = "LINT_FIELD_NEVER_FILLED",
        "a condition on a field that this build never fills";
}

/// How to look.
#[derive(Default)]
pub(crate) struct Options {
    /// Whether all rules that are true alert, so that none hides another.
    pub(crate) all_match: bool,
    /// Codes nobody wants to hear of.
    pub(crate) allow: Vec<String>,
    /// What exceptions let pass in a recording.
    pub(crate) usage: Option<Usage>,
}

/// A finding, without its place.
fn warning(lint: Lint, message: impl Into<String>) -> Diagnostic {
    Diagnostic::warning(lint.code(), message)
}

/// All findings, the loader's own warnings among them, in file order.
pub(crate) fn lint(study: &Study, options: &Options) -> Vec<Diagnostic> {
    let mut prover = Prover::default();
    let units: Vec<Unit<'_>> = unit::all(study);
    let mut found = Vec::new();
    for unit in &units {
        logic::look(unit, &mut prover, &mut found);
        values::look(unit, &mut found);
        regex::look(unit, &mut found);
        appended::look(unit, &mut found);
        lists::pasted(unit, study, &mut found);
    }
    order::look(study, options.all_match, &mut prover, &mut found);
    events::look(study, &mut found);
    exceptions::look(study, &mut prover, &mut found);
    lists::look(study, &mut found);
    if let Some(usage) = &options.usage {
        usage.look(study, &mut found);
    }
    conclude(study, found, options)
}

/// The findings that are to be shown, in the order of the files.
fn conclude(study: &Study, found: Vec<Diagnostic>, options: &Options) -> Vec<Diagnostic> {
    // The loader says less of these at the same places.
    let better: HashSet<_> = found
        .iter()
        .filter(|finding| {
            [Lint::Regex, Lint::ListItemName]
                .iter()
                .any(|l| l.code() == finding.code)
        })
        .filter_map(key)
        .collect();
    let loaders = study
        .diagnostics
        .iter()
        .filter(|warning| key(warning).is_none_or(|place| !better.contains(&place)));
    let mut seen = HashSet::new();
    let mut out: Vec<Diagnostic> = loaders
        .cloned()
        .chain(found)
        .filter(|finding| !options.allow.iter().any(|code| code == finding.code))
        .filter(|finding| !allowed::is_allowed(finding))
        .filter(|finding| seen.insert((finding.code, finding.message.clone(), key(finding))))
        .collect();
    let file_order: Vec<String> = unit::files(study);
    out.sort_by_key(|finding| {
        let (name, start) = key(finding).unwrap_or_default();
        (file_order.iter().position(|file| *file == name), start)
    });
    out
}

fn key(finding: &Diagnostic) -> Option<(String, usize)> {
    let place = finding.place.as_ref()?;
    Some((place.file.name.clone(), place.range.start))
}
