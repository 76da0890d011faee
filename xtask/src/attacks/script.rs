//! One attack script: which rule it is for, where it runs, what it needs.
//!
//! In: the files below `tests/attacks`. Out: a [`Script`] each. The head of a file is
//! comments of the form `# word: value`; everything after it is shell, and is not
//! looked into here.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// The directory of Falco's scripts, beside those of the shipped rules.
pub(super) const FALCO: &str = "falco";
/// The directory of the C programs that scripts use.
pub(super) const TOOLS: &str = "tools";

/// Where the acts of a script happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    /// On the machine itself, with private copies of what it may change.
    Host,
    /// In namespaces and a cgroup as a container engine makes them.
    Container,
}

/// An attack and its near miss.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// The file.
    pub(super) path: PathBuf,
    /// The rule that must fire on the attack and be silent on the near miss.
    pub(super) rule: String,
    /// Where both happen.
    pub(super) place: Place,
    /// Programs it uses that not every machine has.
    pub(super) needs: Vec<String>,
    /// Whether it shares the machine's network.
    pub(super) host_network: bool,
}

/// The two halves of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    /// What the rule must see.
    Attack,
    /// What it must not mistake for that.
    NearMiss,
}

impl Half {
    /// The shell function's name.
    pub(super) fn function(self) -> &'static str {
        match self {
            Self::Attack => "attack",
            Self::NearMiss => "near_miss",
        }
    }
}

impl Script {
    /// `GROUP/SLUG`, as a person names it.
    pub(super) fn name(&self) -> String {
        let slug = self.path.with_extension("");
        let mut parts: Vec<_> = slug.iter().rev().take(2).collect();
        parts.reverse();
        parts.iter().collect::<PathBuf>().display().to_string()
    }

    /// Whether one of the words is in its name or its rule's, or none was given.
    pub(super) fn is_chosen(&self, filters: &[String]) -> bool {
        let text = format!("{} {}", self.name(), self.rule).to_lowercase();
        let found = |filter: &String| text.contains(&filter.to_lowercase());
        filters.is_empty() || filters.iter().any(found)
    }

    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)?;
        let script = Self::parse(path, &text);
        script.with_context(|| format!("{} is no attack script", path.display()))
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        let mut rule = None;
        let mut script = Self {
            path: path.to_owned(),
            rule: String::new(),
            place: Place::Host,
            needs: Vec::new(),
            host_network: false,
        };
        for (word, value) in text.lines().map_while(head) {
            match word {
                "rule" => rule = Some(value.to_owned()),
                "where" => {
                    script.place = match value {
                        "host" => Place::Host,
                        "container" => Place::Container,
                        _ => bail!("`where` is `host` or `container`, not `{value}`"),
                    }
                }
                "needs" => script.needs = value.split_whitespace().map(str::to_owned).collect(),
                "network" => {
                    ensure!(value == "host", "`network` can only be `host`");
                    script.host_network = true;
                }
                _ => {}
            }
        }
        script.rule = rule.context("its head has no line `# rule: NAME`")?;
        for half in [Half::Attack, Half::NearMiss] {
            let function = format!("{}()", half.function());
            let defines = |line: &str| line.trim_start().starts_with(&function);
            ensure!(text.lines().any(defines), "it does not define {function}");
        }
        Ok(script)
    }
}

/// A line of the head as word and value; words that mean nothing here are prose.
pub(crate) fn head(line: &str) -> Option<(&str, &str)> {
    let comment = line.strip_prefix('#')?.trim();
    let (word, value) = comment.split_once(':').unwrap_or(("", comment));
    Some((word.trim(), value.trim()))
}

/// The scripts of the shipped rules, or those in one directory, in the order of their names.
///
/// # Errors
///
/// When one cannot be read or is none.
pub(super) fn all(directory: &Path, only_shipped: bool) -> Result<Vec<Script>> {
    let entries = fs::read_dir(directory);
    let entries = entries.with_context(|| format!("cannot read {}", directory.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if !path.is_dir() {
            paths.push(path);
        } else if only_shipped && name != TOOLS && name != FALCO {
            let inner = fs::read_dir(&path)?;
            paths.extend(inner.filter_map(|entry| Some(entry.ok()?.path())));
        }
    }
    paths.retain(|path| path.extension().is_some_and(|it| it == "sh"));
    paths.sort();
    paths.iter().map(|path| Script::read(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Script> {
        Script::parse(Path::new("tests/attacks/credentials/hashes.sh"), text)
    }

    #[test]
    fn the_head_says_rule_place_needs_and_network() {
        let script = parse(
            "# rule: Password hashes read: twice\n# where: container\n# needs: cc perl\n\
             # network: host\n# Prose follows.\n\nattack() {\n  :\n}\nnear_miss() { :; }\n",
        )
        .unwrap();
        assert_eq!(script.rule, "Password hashes read: twice");
        assert_eq!(script.place, Place::Container);
        assert_eq!(script.needs, ["cc", "perl"]);
        assert!(script.host_network);
        assert_eq!(script.name(), "credentials/hashes");
        assert!(script.is_chosen(&[]));
        assert!(script.is_chosen(&["PASSWORD".into()]) && script.is_chosen(&["ials/h".into()]));
        assert!(!script.is_chosen(&["ssh".into()]));
    }

    #[test]
    fn what_is_no_script_says_what_it_lacks() {
        for (text, lacks) in [
            ("attack() { :; }\nnear_miss() { :; }\n", "# rule: NAME"),
            ("# rule: A\nnear_miss() { :; }\n", "attack()"),
            ("# rule: A\nattack() { :; }\n", "near_miss()"),
            ("# rule: A\n# where: moon\n", "not `moon`"),
            ("# rule: A\n# network: none\n", "only be `host`"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(lacks), "{text}: {error}");
        }
    }
}
