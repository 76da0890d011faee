//! What works in a rule and is probably not what its author meant.

use super::collection::RuleText;
use super::written::Written;
use crate::detect::program::MacroUse;
use crate::detect::syntax::{
    Argument, Check, Comparison, Expr, ExprKind, FieldName, Literal, Op, Operand, Right, Span,
    Transformer,
};
use crate::diagnostic::Diagnostic;
use crate::events::{self, EventCode, EventSet};
use crate::fields;

/// A rule that more events than this can satisfy looks at nearly everything.
const MANY_EVENTS: usize = 100;

/// Fields that are there for old rules only.
pub(super) const DEPRECATED: [&str; 6] = [
    "evt.dir",
    "evt.latency",
    "evt.latency.s",
    "evt.latency.ns",
    "evt.latency.human",
    "evt.wait_latency",
];

/// The warnings of a rule that compiled.
pub(super) fn of_rule(
    rule: &RuleText,
    tree: &Expr,
    written: &Written,
    events: &EventSet,
) -> Vec<Diagnostic> {
    let mut scan = Scan {
        written,
        within: Vec::new(),
        found: Vec::new(),
    };
    scan.expr(tree);
    let mut found = scan.found;
    found.extend(output(rule));
    let kinds = kinds(events);
    if rule.warn_evttypes && kinds > MANY_EVENTS {
        found.push(
            Diagnostic::warning(
                "LOAD_NO_EVTTYPE",
                format!("this rule is evaluated for {kinds} kinds of events"),
            )
            .at(rule.name.place.clone())
            .help("restrict it with `evt.type`, or say `warn_evttypes: false`"),
        );
    }
    found
}

/// The kinds of events in a set: all calls that report only numbers are one.
fn kinds(set: &EventSet) -> usize {
    let in_set = |code: &EventCode| set.contains(*code);
    let codes = (0..).map(EventCode).zip(events::rows());
    let (bare, others): (Vec<_>, Vec<_>) = codes
        .filter(|(code, _)| in_set(code))
        .partition(|(_, row)| row.syscall && row.is_bare());
    others.len() + usize::from(!bare.is_empty())
}

fn output(rule: &RuleText) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let text = rule.output.as_str();
    let mut warn = |word: &str, message: String| {
        if let Some(at) = text.find(word) {
            let warning = Diagnostic::warning("LOAD_DEPRECATED_ITEM", message);
            found.push(rule.output.locate(warning, &(at..at + word.len())));
        }
    };
    warn(
        "%container.info",
        "`%container.info` is deprecated".to_owned(),
    );
    // A longer name has the shorter ones in it; one warning is enough.
    let field = DEPRECATED.iter().rev().find(|field| text.contains(*field));
    if let Some(field) = field {
        warn(field, format!("the field `{field}` is deprecated"));
    }
    found
}

/// One walk over a tree, macro bodies included.
struct Scan<'s> {
    written: &'s Written,
    /// The macros around the current node.
    within: Vec<MacroUse>,
    found: Vec<Diagnostic>,
}

impl Scan<'_> {
    fn warn(&mut self, code: &'static str, message: String, help: &str, span: Span) {
        let mut warning = Diagnostic::warning(code, message);
        if !help.is_empty() {
            warning = warning.help(help);
        }
        self.found
            .push(self.written.locate(warning, &self.within, span));
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Or(children) | ExprKind::And(children) => {
                for child in children {
                    self.expr(child);
                }
            }
            ExprKind::Not(child) => self.expr(child),
            ExprKind::Expanded(expansion) => {
                self.within.push(MacroUse {
                    name: expansion.name.clone(),
                    span: expr.span,
                });
                self.expr(&expansion.body);
                self.within.pop();
            }
            ExprKind::Check(check) => self.check(check),
            ExprKind::Macro(_) => {}
        }
    }

    fn check(&mut self, check: &Check) {
        self.operand(&check.left);
        match &check.comparison {
            Comparison::Exists => {}
            Comparison::One(op, Right::Literal(literal)) => self.literal(*op, literal),
            Comparison::One(_, Right::Val(field)) => self.field(field),
            Comparison::One(_, Right::Call(call)) => self.arguments(&call.args),
            Comparison::Many(op, _, literals) => {
                for literal in literals {
                    self.literal(*op, literal);
                }
            }
        }
    }

    fn operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Field(field) => self.field(field),
            Operand::Call(call) => self.arguments(&call.args),
        }
    }

    fn arguments(&mut self, arguments: &[Argument]) {
        for argument in arguments {
            match argument {
                Argument::Operand(operand) => self.operand(operand),
                Argument::Literal(_) => {}
                Argument::List(arguments, _) => self.arguments(arguments),
            }
        }
    }

    fn field(&mut self, field: &FieldName) {
        if DEPRECATED.contains(&field.name.as_str()) {
            let message = format!("the field `{}` is deprecated", field.name);
            self.warn("LOAD_DEPRECATED_ITEM", message, "", field.span);
        }
    }

    fn literal(&mut self, op: Op, literal: &Literal) {
        let code = "LOAD_COMPILE_CONDITION";
        let Ok(text) = std::str::from_utf8(&literal.bytes) else {
            return;
        };
        if is_field(text) {
            let message = format!("`{text}` is a field, and here only its name as text");
            let help = format!("write `val({text})` to compare with what it holds");
            self.warn(code, message, &help, literal.span);
        } else if is_call(text) {
            let message = format!("`{text}` is only text here, for its quotes");
            self.warn(code, message, "drop the quotes to call it", literal.span);
        } else if op == Op::Regex && !needs_regex(text) {
            let message = format!("`{text}` needs no regular expression");
            let help = "`=`, `startswith`, `endswith` or `contains` is faster and says the same";
            self.warn(code, message, help, literal.span);
        }
    }
}

/// Whether a text, blanks removed, names a field, argument included.
fn is_field(text: &str) -> bool {
    let text: String = text.split_whitespace().collect();
    let (name, bracket) = match text.strip_suffix(']').and_then(|t| t.split_once('[')) {
        Some((name, argument)) => (name, Some(argument)),
        None => (text.as_str(), None),
    };
    name.contains('.') && fields::lookup(name, bracket).is_ok()
}

/// Whether a text looks like a transformer's call.
fn is_call(text: &str) -> bool {
    text.ends_with(')')
        && text.split_once('(').is_some_and(|(name, _)| {
            Transformer::ALL
                .iter()
                .any(|known| known.word() == name.trim())
        })
}

/// Whether a pattern does more than test a prefix, a suffix, a part or the whole.
fn needs_regex(pattern: &str) -> bool {
    const ANY: [&str; 3] = [".*", ".+", ".?"];
    let mut text = pattern.trim_start_matches('^').trim_end_matches('$');
    for any in ANY {
        text = text.strip_prefix(any).unwrap_or(text);
        text = text.strip_suffix(any).unwrap_or(text);
    }
    text.contains(|c| "[](){}.*+?|^$\\".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_without_special_characters_needs_no_regex() {
        for (pattern, want) in [
            ("abc", false),
            ("^abc$", false),
            (".*abc.*", false),
            ("^/etc/.*", false),
            ("a.c", true),
            ("a|b", true),
            ("[ab]", true),
            ("a\\.b", true),
        ] {
            assert_eq!(needs_regex(pattern), want, "{pattern}");
        }
    }

    #[test]
    fn a_quoted_call_is_seen() {
        for (text, want) in [
            ("tolower(proc.name)", true),
            ("len (x)", true),
            ("tolower", false),
            ("lower(x)", false),
            ("(x)", false),
        ] {
            assert_eq!(is_call(text), want, "{text}");
        }
    }
}
