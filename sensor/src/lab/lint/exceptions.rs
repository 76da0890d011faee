//! Exceptions that never apply, and values that are not what they look like.

use super::{Lint, warning};
use crate::detect::prove::Prover;
use crate::detect::rules::{StudiedRule, Study};
use crate::detect::syntax::ExprKind;
use crate::diagnostic::Diagnostic;

/// Looks at the exceptions of every rule.
pub(super) fn look(study: &Study, prover: &mut Prover, found: &mut Vec<Diagnostic>) {
    for rule in &study.rules {
        never_applies(rule, prover, found);
        expires(study, rule, found);
        for exception in &rule.written.exceptions {
            for value in exception.values() {
                let text = value.as_str();
                let quoted = text.starts_with(['"', '\'', '(']);
                if text.contains(',') && !quoted {
                    let message = format!("`{text}` is pasted as it is and read as several values");
                    let finding = warning(Lint::RawException, message);
                    let finding = value.locate(finding, &(0..text.len()));
                    found.push(finding.help(format!("write '\"{text}\"' to mean one value")));
                }
            }
        }
    }
}

/// Those that expired are left out of the study, and the loader says so.
fn expires(study: &Study, rule: &StudiedRule, found: &mut Vec<Diagnostic>) {
    const SOON_DAYS: i32 = 30;
    for exception in &rule.exceptions {
        let (Some((last, place)), Some(today)) = (&exception.terms.expires, study.today) else {
            continue;
        };
        let left = today.until(*last).map_or(i32::MAX, |span| span.get_days());
        if left > SOON_DAYS {
            continue;
        }
        let message = format!("exception `{}` ends after {last}", exception.name);
        let mut finding = warning(Lint::ExpiringException, message).at(place.clone());
        if let Some(owner) = &exception.terms.owner {
            finding = finding.help(format!("{} answers for it", owner.text));
        }
        found.push(finding);
    }
}

fn never_applies(rule: &StudiedRule, prover: &mut Prover, found: &mut Vec<Diagnostic>) {
    let Some(compiled) = &rule.rule else { return };
    // `(CONDITION) and not X and not Y`: the first part is the condition.
    let ExprKind::And(parts) = &compiled.tree.kind else {
        return;
    };
    let Some(condition) = parts.first().filter(|_| !rule.exceptions.is_empty()) else {
        return;
    };
    let condition = prover.formula(condition);
    if prover.never(&condition) {
        return;
    }
    for exception in &rule.exceptions {
        let formula = prover.formula(&exception.tree);
        if prover.impossible(&[(&condition, true), (&formula, true)]) {
            let message = format!(
                "exception `{}` never applies: the condition is false for all it lets pass",
                exception.name
            );
            let finding = warning(Lint::DeadException, message).at(exception.place.clone());
            found.push(finding.help("remove it, or correct its fields and values"));
            continue;
        }
        // Rows of values are alternatives.
        let ExprKind::Or(rows) = &exception.tree.kind else {
            continue;
        };
        for (at, row) in rows.iter().enumerate() {
            let formula = prover.formula(row);
            if prover.impossible(&[(&condition, true), (&formula, true)]) {
                let message = format!(
                    "row {} of exception `{}` never applies: the condition is false for it",
                    at + 1,
                    exception.name
                );
                let finding = warning(Lint::DeadException, message).at(exception.place.clone());
                found.push(finding.help("remove the row, or correct its values"));
            }
        }
    }
}
