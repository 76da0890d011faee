//! `sensor check`: every mistake in rules and configuration, nothing started.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anstyle::Style;

use crate::config::{self, Config};
use crate::detect::rules::{self, Report};
use crate::diagnostic::{Diagnostic, Severity, SourceFile, escape};
use crate::yaml;

use super::format::Format;
use super::run::Input;
use super::{EXIT_INPUT, EXIT_OK};

/// Flags of `sensor check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor check rules/                   a directory of rules
  sensor check sensor.yaml rules/ x.yaml  a configuration and rules together
  sensor check -c sensor.yaml           a configuration and the rules it names
  sensor check rules/ --format sarif    for code-scanning pages
  sensor check rules/ --json            for tools that read Falco's validation results

A file whose YAML is a map of keys is a configuration; one whose YAML is a
sequence holds rules. Exit code 1 when anything is wrong, 0 with warnings only.

--format json is this program's own schema of diagnostics, the same for every
verb (docs/diagnostics.md); --json is Falco's validation object, of rules only.")]
pub struct Args {
    /// Rule files, directories of rules, or configuration files
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to show what is wrong
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    format: Format,
    /// Print Falco's validation object, as its `-V` does
    #[arg(long, conflicts_with = "format")]
    json: bool,
    #[command(flatten)]
    input: Input,
}

/// What was checked.
struct Checked {
    /// What configurations said, in the order they were given.
    configs: Vec<(PathBuf, Vec<Diagnostic>)>,
    /// What overrides said, when no configuration was given.
    overrides: Vec<Diagnostic>,
    rules: Report,
}

/// Checks what is given and shows all that is wrong with it.
pub(super) fn run(args: &Args) -> u8 {
    let checked = check(args);
    let all: Vec<Diagnostic> = checked.all().cloned().collect();
    if args.json {
        let others: Vec<Diagnostic> = checked.outside_rules().cloned().collect();
        super::show(&others);
        anstream::println!("{:#}", rules::falco(&checked.rules));
    } else {
        args.format.show(&all);
        if args.format == Format::Text {
            checked.verdicts();
        }
    }
    if all.iter().any(|found| found.severity == Severity::Error) {
        return EXIT_INPUT;
    }
    EXIT_OK
}

fn check(args: &Args) -> Checked {
    let (paths, rule_files): (Vec<PathBuf>, Vec<PathBuf>) = args
        .files
        .iter()
        .cloned()
        .partition(|path| is_configuration(path));
    let mut configs = Vec::new();
    let mut config = None;
    for path in args.input.config.iter().chain(&paths) {
        let mut found = Vec::new();
        let checked = config::load(Some(path), &args.input.options);
        config = keep(checked, &mut found).or(config);
        configs.push((path.clone(), found));
    }
    let mut overrides = Vec::new();
    if configs.is_empty() {
        config = keep(config::load(None, &args.input.options), &mut overrides);
    }
    // Rules are checked even beside a broken configuration: all mistakes at once.
    let mut config = config.unwrap_or_default();
    args.input.choose(&mut config);
    let given: Vec<PathBuf> = rule_files
        .into_iter()
        .chain(args.input.rules.clone())
        .collect();
    if !given.is_empty() {
        config.rules_files = given;
    }
    Checked {
        configs,
        overrides,
        rules: super::run::check_rules(&config),
    }
}

fn keep(checked: Result<Config, Vec<Diagnostic>>, found: &mut Vec<Diagnostic>) -> Option<Config> {
    checked.map_err(|mistakes| found.extend(mistakes)).ok()
}

impl Checked {
    /// What is not about rules.
    fn outside_rules(&self) -> impl Iterator<Item = &Diagnostic> {
        let configs = self.configs.iter().flat_map(|(_, found)| found);
        configs.chain(&self.overrides)
    }

    fn all(&self) -> impl Iterator<Item = &Diagnostic> {
        self.outside_rules().chain(&self.rules.diagnostics)
    }

    /// One line for each file, and one for all.
    fn verdicts(&self) {
        for (path, found) in &self.configs {
            verdict(&path.display().to_string(), found.iter());
        }
        for file in &self.rules.files {
            verdict(&file.name, about(file, &self.rules.diagnostics));
        }
        if self.all().all(|found| found.severity != Severity::Error) {
            let rules = self.rules.rules.rules.len();
            let good = super::GOOD;
            let required = required(&self.rules);
            anstream::println!("{good}ok{good:#}: {rules} rule(s){required}");
        }
    }
}

/// What the files say they were written for.
fn required(report: &Report) -> String {
    let engine = report.required.engine.iter();
    let engine = engine.map(|version| format!("Falco's engine {version}"));
    let plugins = report.required.plugins.iter().filter_map(|choices| {
        let (name, version) = choices.first()?;
        Some(format!("plugin {} {version}", escape(name)))
    });
    let mut all: Vec<String> = engine.chain(plugins).collect();
    all.sort();
    all.dedup();
    match all.as_slice() {
        [] => String::new(),
        all => format!(", written for {}", all.join(", ")),
    }
}

/// What is about a file.
fn about<'d>(
    file: &Arc<SourceFile>,
    diagnostics: &'d [Diagnostic],
) -> impl Iterator<Item = &'d Diagnostic> {
    let name = file.name.clone();
    diagnostics.iter().filter(move |found| {
        let place = found.place.as_ref();
        place.is_some_and(|place| place.file.name == name)
    })
}

/// `FILE: Ok`, in Falco's words.
fn verdict<'d>(name: &str, found: impl Iterator<Item = &'d Diagnostic>) {
    let (mut errors, mut warnings) = (0, 0);
    for diagnostic in found {
        match diagnostic.severity {
            Severity::Error => errors += 1,
            Severity::Warning => warnings += 1,
        }
    }
    let count = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{number} {word}s")),
    };
    let counts: Vec<String> = count(errors, "error")
        .into_iter()
        .chain(count(warnings, "warning"))
        .collect();
    let (word, style): (&str, Style) = match (errors, warnings) {
        (0, 0) => ("Ok", super::GOOD),
        (0, _) => ("Ok, with warnings", super::GOOD),
        _ => ("Invalid", super::ERROR),
    };
    let counts = match counts.as_slice() {
        [] => String::new(),
        counts => format!(" ({})", counts.join(", ")),
    };
    anstream::println!("{}: {style}{word}{style:#}{counts}", escape(name));
}

/// Whether the first thing in the file is a key of a map, not an element of a
/// sequence. A file that cannot be read counts as rules, whose loader says why.
fn is_configuration(path: &Path) -> bool {
    let Ok(bytes) = yaml::read(path) else {
        return false;
    };
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines().map(str::trim_end);
    let first = lines.find(|line| !(line.is_empty() || line.starts_with('#') || *line == "---"));
    first.is_some_and(|line| !line.starts_with(['-', '[']) && line.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_end_is_read_up_to_a_bound() {
        assert!(!is_configuration(Path::new("/dev/zero")));
    }

    #[test]
    fn a_map_is_a_configuration_and_a_sequence_holds_rules() {
        let dir = tempfile::tempdir().unwrap();
        for (text, expect) in [
            ("# c\n---\npriority: debug\n", true),
            ("- rule: x\n", false),
            ("\n# only a comment\n", false),
            ("[]\n", false),
        ] {
            let path = dir.path().join("file.yaml");
            std::fs::write(&path, text).unwrap();
            assert_eq!(is_configuration(&path), expect, "{text}");
        }
        assert!(!is_configuration(&dir.path().join("missing.yaml")));
    }
}
