//! What exceptions let pass in a recording.
//!
//! Events go in one after the other; what leaves are the exceptions that none of
//! them needed, with how often the rule would have been true.

use super::{Lint, warning};
use crate::detect::program::Program;
use crate::detect::rules::{Standing, StudiedRule, Study};
use crate::detect::syntax::ExprKind;
use crate::diagnostic::Diagnostic;
use crate::events::{EventCode, EventSet};
use crate::fields::Subject;

/// The rules with exceptions, and what was seen of them.
pub(crate) struct Usage {
    rules: Vec<Watched>,
    events: u64,
}

struct Watched {
    /// Its place in the study.
    rule: usize,
    events: EventSet,
    /// The condition without its exceptions.
    condition: Program,
    held: u64,
    /// In the order of the study.
    exceptions: Vec<(Program, u64)>,
}

impl Usage {
    /// Nothing seen yet.
    pub(crate) fn new(study: &Study) -> Self {
        let rules = study.rules.iter().enumerate();
        Self {
            rules: rules.filter_map(|(at, rule)| watched(at, rule)).collect(),
            events: 0,
        }
    }

    /// Takes one event in.
    pub(crate) fn see<S: Subject>(&mut self, code: EventCode, event: &S) {
        self.events += 1;
        for rule in &mut self.rules {
            if !rule.events.contains(code) || !rule.condition.matches(event) {
                continue;
            }
            rule.held += 1;
            for (exception, count) in &mut rule.exceptions {
                *count += u64::from(exception.matches(event));
            }
        }
    }

    /// The exceptions that let nothing pass.
    pub(super) fn look(&self, study: &Study, found: &mut Vec<Diagnostic>) {
        for watched in &self.rules {
            let Some(rule) = study.rules.get(watched.rule) else {
                continue;
            };
            for (exception, (_, count)) in rule.exceptions.iter().zip(&watched.exceptions) {
                if *count > 0 {
                    continue;
                }
                let message = format!(
                    "exception `{}` let nothing pass in the recording",
                    exception.name
                );
                let help = format!(
                    "of {} events the condition without exceptions was true for {}; \
                     if that is usual, remove the exception",
                    self.events, watched.held
                );
                let finding = warning(Lint::UnusedException, message).help(help);
                found.push(finding.at(exception.place.clone()));
            }
        }
    }
}

fn watched(at: usize, rule: &StudiedRule) -> Option<Watched> {
    if rule.standing != Standing::InForce || rule.exceptions.is_empty() {
        return None;
    }
    let compiled = rule.rule.as_ref()?;
    // `(CONDITION) and not X and not Y`
    let ExprKind::And(parts) = &compiled.tree.kind else {
        return None;
    };
    let exceptions = rule.exceptions.iter();
    let exceptions = exceptions.map(|exception| Some((Program::compile(&exception.tree).ok()?, 0)));
    Some(Watched {
        rule: at,
        events: compiled.events,
        condition: Program::compile(parts.first()?).ok()?,
        held: 0,
        exceptions: exceptions.collect::<Option<_>>()?,
    })
}
