//! Rules that earlier rules hide, and rules that say the same.

use super::{Lint, warning};
use crate::detect::prove::{Formula, Prover};
use crate::detect::rules::{Rule, StudiedRule, Study};
use crate::diagnostic::Diagnostic;

/// Looks at every pair of rules in force that share events.
pub(super) fn look(
    study: &Study,
    all_match: bool,
    prover: &mut Prover,
    found: &mut Vec<Diagnostic>,
) {
    let mut earlier: Vec<(&StudiedRule, &Rule, Formula)> = Vec::new();
    for (studied, rule) in study.in_force() {
        let formula = prover.formula(&rule.tree);
        // A rule that is never true is hidden by every other; it is reported as that.
        if !prover.never(&formula) {
            let way = prover.way(&formula);
            found.extend(
                earlier
                    .iter()
                    .filter(|(_, first, _)| hides(first, rule))
                    .find_map(|(first, _, before)| {
                        let way = way.as_ref()?;
                        let shadowed =
                            prover.may_imply(way, before) && prover.implies(&formula, before);
                        let same = shadowed && prover.implies(before, &formula);
                        (same || (shadowed && !all_match))
                            .then(|| hidden(studied, first, same, all_match))
                    }),
            );
        }
        earlier.push((studied, rule, formula));
    }
}

/// Whether it is worth asking: the second can only be hidden where the first is asked.
fn hides(first: &Rule, second: &Rule) -> bool {
    first.source == second.source && second.events.intersect(first.events) == second.events
}

fn hidden(rule: &StudiedRule, first: &StudiedRule, same: bool, all_match: bool) -> Diagnostic {
    let (name, other) = (&rule.written.name, &first.written.name);
    let (lint, message, help) = if same {
        (
            Lint::DuplicateRule,
            format!("`{}` has the condition of `{}`", name.text, other.text),
            if all_match {
                "remove one of them"
            } else {
                "only the first alerts; remove one of them"
            },
        )
    } else {
        (
            Lint::ShadowedRule,
            format!(
                "`{}` never alerts: `{}` comes first and is true whenever it is",
                name.text, other.text
            ),
            "move it before that rule, or except from that rule what this one is for",
        )
    };
    warning(lint, message)
        .at(name.place.clone())
        .related(other.place.clone(), "this rule is asked first")
        .help(help)
}
