//! How the trials are shown: a line of progress, the matrix, and JSON.

use std::fs;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::trial::{Outcome, Trial};
use crate::progress;

/// How often progress is told.
const STEP: usize = 20;

/// Tells, now and then, how far it is.
pub(super) fn progress(done: usize, of: usize, trials: &[Trial<'_>]) {
    if done.is_multiple_of(STEP) && done < of {
        let bad = trials.iter().filter(|trial| !trial.is_proven()).count();
        let bad = match bad {
            0 => String::new(),
            _ => format!(", {bad} not as they should be"),
        };
        progress::doing(&format!("{done} of {of}{bad}"));
    }
}

/// Prints rule × fired × silent on the near miss × latency, and what went wrong.
pub(super) fn print(trials: &[Trial<'_>], outputs: bool) {
    let width = trials.iter().map(|trial| trial.script.rule.chars().count());
    let width = width.max().unwrap_or(4).max(4);
    let bold = Style::new().bold();
    anstream::println!(
        "\n  {bold}{:<width$}  {:<6}  {:<9}  {:>8}  {:>8}{bold:#}",
        "rule",
        "attack",
        "near miss",
        "ms",
        "of which"
    );
    for trial in trials {
        let rule = &trial.script.rule;
        let (fired, fired_colour) = fired(trial);
        let (silent, silent_colour) = silent(trial);
        let number = |ms: Option<f64>| ms.map_or_else(|| "-".into(), |ms| format!("{ms:.1}"));
        anstream::println!(
            "  {rule:<width$}  {fired_colour}{fired:<6}{fired_colour:#}  \
             {silent_colour}{silent:<9}{silent_colour:#}  {:>8}  {:>8}",
            number(trial.latency_ms()),
            number(trial.delay_ms())
        );
        if let Some(alert) = trial.fired().filter(|_| outputs) {
            anstream::println!("      {}", alert.output);
        }
    }
    anstream::println!(
        "\n  ms: from the start of the attack to the alert in the file; of which: from the event on\n"
    );
    // Last, where it is read: the matrix above is hundreds of lines.
    for trial in trials.iter().filter(|trial| !trial.is_proven()) {
        anstream::println!("  {bold}{}{bold:#}", trial.script.rule);
        for line in explanation(trial) {
            anstream::println!("      {line}");
        }
    }
}

fn fired(trial: &Trial<'_>) -> (&'static str, Style) {
    match trial.fired() {
        Some(_) => ("fired", colour(AnsiColor::Green)),
        None if !trial.missing.is_empty() => ("-", colour(AnsiColor::Yellow)),
        None => ("MISSED", colour(AnsiColor::Red)),
    }
}

fn silent(trial: &Trial<'_>) -> (&'static str, Style) {
    let miss = &trial.near_miss;
    match trial.is_silent() {
        true => ("silent", colour(AnsiColor::Green)),
        false if !trial.missing.is_empty() => ("-", colour(AnsiColor::Yellow)),
        false if miss.alerts.is_empty() => ("BROKEN", colour(AnsiColor::Red)),
        false => ("FIRED", colour(AnsiColor::Red)),
    }
}

fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(colour.into()))
}

/// What a person needs to know about a trial that is not as it should be.
fn explanation(trial: &Trial<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let name = trial.script.name();
    if !trial.missing.is_empty() {
        lines.push(format!("{name} needs {}", trial.missing.join(" ")));
    } else if trial.fired().is_none() {
        lines.push(format!("{name}: the attack did not raise it"));
        lines.extend(told(&trial.attack));
    }
    if trial.missing.is_empty() && !trial.is_silent() {
        lines.push(format!("{name}: the near miss went wrong"));
        lines.extend(told(&trial.near_miss));
        let alert = trial.near_miss.alerts.first();
        lines.extend(alert.map(|alert| format!("  {}", alert.output)));
    }
    lines
}

fn told(outcome: &Outcome) -> Vec<String> {
    let mut lines = Vec::new();
    if !outcome.failure.is_empty() {
        lines.push(format!("  its shell: {}", outcome.failure));
    }
    if !outcome.others.is_empty() {
        lines.push(format!("  raised instead: {}", outcome.others.join(" · ")));
    }
    lines
}

/// Writes the matrix for programs.
///
/// # Errors
///
/// When the file cannot be written.
pub(super) fn write(path: &Path, trials: &[Trial<'_>]) -> Result<()> {
    let rows: Vec<Value> = trials.iter().map(row).collect();
    let text = serde_json::to_string_pretty(&rows)?;
    fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
}

fn row(trial: &Trial<'_>) -> Value {
    let half = |outcome: &Outcome| {
        let outputs: Vec<_> = outcome.alerts.iter().map(|it| &it.output).collect();
        json!({
            "failure": outcome.failure,
            "outputs": outputs,
            "other_rules": outcome.others,
        })
    };
    json!({
        "rule": trial.script.rule,
        "script": trial.script.name(),
        "proven": trial.is_proven(),
        "fired": trial.fired().is_some(),
        "silent_on_near_miss": trial.is_silent(),
        "latency_ms": trial.latency_ms(),
        "delay_ms": trial.delay_ms(),
        "missing_programs": trial.missing,
        "fields_without_value": trial.fired().map(|alert| &alert.missing),
        "attack": half(&trial.attack),
        "near_miss": half(&trial.near_miss),
    })
}
