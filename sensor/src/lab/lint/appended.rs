//! Text appended to a condition that ends up beside only a part of it.

use super::unit::Unit;
use super::{Lint, warning};
use crate::detect::syntax::{self, ExprKind};
use crate::diagnostic::Diagnostic;

/// Looks at each seam of one condition.
pub(super) fn look(unit: &Unit<'_>, found: &mut Vec<Diagnostic>) {
    let text = unit.written.as_str();
    for seam in unit.appended {
        let (Some(before), Some(after)) = (text.get(..*seam), text.get(*seam..)) else {
            continue;
        };
        let Ok(before) = syntax::parse(before.trim_end()) else {
            continue;
        };
        let word = |word: &str| {
            let rest = after.trim_start().strip_prefix(word);
            rest.is_some_and(|rest| rest.starts_with([' ', '\t', '\n', '\r', '(']))
        };
        let (message, help) = match before.kind {
            ExprKind::And(_) if word("or") => (
                "the appended `or` makes a case of its own: nothing asked before it holds there",
                "to widen one part of the condition, change the macro or list it uses; \
                 to add a case, define a rule",
            ),
            ExprKind::Or(_) if word("and") => (
                "the appended `and` restricts only the last case of the condition",
                "put the condition that is appended to in parentheses, or use an exception",
            ),
            _ => continue,
        };
        let at = *seam + (after.len() - after.trim_start().len());
        let length = if word("or") { 2 } else { 3 };
        let finding = warning(Lint::AppendPrecedence, message).help(help);
        let finding = unit.written.locate(finding, &(at..at + length));
        let label = format!("the {} is named here", unit.kind);
        found.push(finding.related(unit.place.clone(), label));
    }
}
