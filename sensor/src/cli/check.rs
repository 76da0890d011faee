//! `sensor check`: every mistake in rules and configuration, nothing started.

use std::path::{Path, PathBuf};

use crate::config::{self, Config};
use crate::diagnostic::{Diagnostic, Severity};
use crate::yaml;

use super::run::Input;
use super::{EXIT_INPUT, EXIT_OK};

/// Flags of `sensor check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor check rules/                   a directory of rules
  sensor check sensor.yaml rules/ x.yaml  a configuration and rules together
  sensor check -c sensor.yaml           a configuration and the rules it names

A file whose YAML is a map of keys is a configuration; one whose YAML is a
sequence holds rules. Exit code 1 when anything is wrong, 0 with warnings only.")]
pub struct Args {
    /// Rule files, directories of rules, or configuration files
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    input: Input,
}

/// Checks what is given and shows all that is wrong with it.
pub(super) fn run(args: &Args) -> u8 {
    let (configs, rule_files): (Vec<PathBuf>, Vec<PathBuf>) = args
        .files
        .iter()
        .cloned()
        .partition(|path| is_configuration(path));
    let mut found = Vec::new();
    let mut config = None;
    for path in args.input.config.iter().chain(&configs) {
        let checked = config::load(Some(path), &args.input.options);
        config = keep(checked, &mut found).or(config);
    }
    if args.input.config.is_none() && configs.is_empty() {
        config = keep(config::load(None, &args.input.options), &mut found);
    }
    // Rules are checked even beside a broken configuration: all mistakes at once.
    let mut config = config.unwrap_or_default();
    let given: Vec<PathBuf> = rule_files
        .into_iter()
        .chain(args.input.rules.clone())
        .collect();
    if !given.is_empty() {
        config.rules_files = given;
    }
    let count = check_rules(&config, &mut found);
    super::show(&found);
    if found.iter().any(|d| d.severity == Severity::Error) {
        return EXIT_INPUT;
    }
    anstream::println!(
        "{}ok{}: {count} rule(s)",
        super::GOOD,
        super::GOOD.render_reset()
    );
    EXIT_OK
}

fn check_rules(config: &Config, found: &mut Vec<Diagnostic>) -> usize {
    match super::run::load_rules(config) {
        Ok(loaded) => {
            found.extend(loaded.diagnostics);
            loaded.rules.rules.len()
        }
        Err(mistakes) => {
            found.extend(mistakes);
            0
        }
    }
}

fn keep(checked: Result<Config, Vec<Diagnostic>>, found: &mut Vec<Diagnostic>) -> Option<Config> {
    checked.map_err(|mistakes| found.extend(mistakes)).ok()
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
