//! What each output takes, as written in, what decides about alerts out.

use std::sync::Arc;

use crate::alert::{Condition, Route, Routes};
use crate::deliver::OutputConfig;
use crate::detect::rules::{self, LoadOptions, Rule};
use crate::diagnostic::{Diagnostic, Severity, SourceFile};
use crate::fields::Statics;

/// The condition of an output as a rule of its own.
pub(super) fn condition(text: &str, statics: &Statics) -> Result<Arc<Rule>, Vec<Diagnostic>> {
    let source = SourceFile::new("<condition>", text);
    let options = LoadOptions {
        statics: statics.clone(),
        ..LoadOptions::default()
    };
    rules::condition(&source, &options)
        .map(|(rule, _)| rule)
        .map_err(|mut found| {
            found.retain(|mistake| mistake.severity == Severity::Error);
            found
        })
}

/// The routes of all outputs; `None` where each takes everything.
///
/// # Errors
/// Every mistake in a condition.
pub(super) fn routes(
    outputs: &[OutputConfig],
    statics: &Statics,
) -> Result<Option<Routes>, Vec<Diagnostic>> {
    if outputs.iter().all(|output| output.keys.only.is_none()) {
        return Ok(None);
    }
    let route = |output: &OutputConfig| {
        let Some(only) = output.keys.only.clone() else {
            return Ok(Route::default());
        };
        let condition = only.condition.as_deref();
        let rule = condition
            .map(|text| condition_of(text, statics))
            .transpose()?;
        Ok(Route {
            priorities: only.priorities,
            rules: only.rules,
            tags: only.tags,
            sources: only.sources,
            containers: only.containers,
            namespaces: only.namespaces,
            condition: rule,
        })
    };
    let routes: Result<Vec<Route>, Vec<Diagnostic>> = outputs.iter().map(route).collect();
    Ok(Some(Routes::new(routes?)))
}

fn condition_of(text: &str, statics: &Statics) -> Result<Condition, Vec<Diagnostic>> {
    condition(text, statics).map(Condition)
}
