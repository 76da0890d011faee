//! One kind of honest work: its name, what it needs, which alerts it raises rightly.
//!
//! In: the files of `tests/busy`. Out: a [`Work`] each. The head of a file is comments
//! of the form `# word: value`, as in attack scripts; everything after it is shell.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::attacks::script::head;
use crate::progress;

/// One kind of honest work.
#[derive(Debug)]
pub(super) struct Work {
    /// The file's name without `.sh`.
    pub(super) name: String,
    /// The file.
    pub(super) path: PathBuf,
    /// Programs it uses that not every machine has.
    pub(super) needs: Vec<String>,
    /// Whether it shares the machine's network.
    pub(super) host_network: bool,
    /// The alerts it raises rightly.
    pub(super) right: Vec<Right>,
}

/// An alert that a job raises and nobody would call false.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Right {
    /// The rule.
    pub(super) rule: String,
    /// Why it is right.
    pub(super) why: String,
}

impl Work {
    /// Why an alert of this rule is right when this job raises it, if it is.
    pub(super) fn right(&self, rule: &str) -> Option<&str> {
        let right = self.right.iter().find(|right| right.rule == rule);
        right.map(|right| right.why.as_str())
    }

    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)?;
        let work = Self::parse(path, &text);
        work.with_context(|| format!("{} is no job", path.display()))
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        ensure!(text.contains("work() {"), "it does not define work()");
        let name = path.file_stem().unwrap_or_default();
        let mut work = Self {
            name: name.to_string_lossy().into_owned(),
            path: path.to_owned(),
            needs: Vec::new(),
            host_network: false,
            right: Vec::new(),
        };
        for (word, value) in text.lines().map_while(head) {
            match word {
                "needs" => work.needs = value.split_whitespace().map(str::to_owned).collect(),
                "network" => work.host_network = value == "host",
                "right" => {
                    let (rule, why) = value
                        .split_once(": ")
                        .with_context(|| format!("`right: {value}` does not say why"))?;
                    work.right.push(Right {
                        rule: rule.to_owned(),
                        why: why.to_owned(),
                    });
                }
                _ => {}
            }
        }
        Ok(work)
    }
}

/// The jobs in `tests/busy`, by name.
///
/// # Errors
///
/// When one cannot be read or is none.
pub(super) fn all() -> Result<Vec<Work>> {
    let directory = progress::root().join("tests/busy");
    let entries = fs::read_dir(&directory);
    let entries = entries.with_context(|| format!("cannot read {}", directory.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    paths.iter().map(|path| Work::read(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Work> {
        Work::parse(Path::new("tests/busy/backup.sh"), text)
    }

    #[test]
    fn the_head_says_needs_network_and_what_is_right() {
        let work = parse(
            "# Backups.\n# needs: tar rsync\n# network: host\n\
             # right: Password hashes read: they are in the archive: all of them\n\
             work() {\n    :\n}\n",
        )
        .unwrap();
        assert_eq!(work.name, "backup");
        assert_eq!(work.needs, ["tar", "rsync"]);
        assert!(work.host_network);
        assert_eq!(
            work.right("Password hashes read"),
            Some("they are in the archive: all of them")
        );
        assert_eq!(work.right("Password hashes"), None);
    }

    #[test]
    fn what_is_no_job_says_what_it_lacks() {
        for (text, lacks) in [
            ("# Backups.\n", "work()"),
            ("# right: A rule\nwork() {\n}\n", "does not say why"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(lacks), "{text}: {error}");
        }
    }

    #[test]
    fn every_job_of_the_project_can_be_read() {
        assert!(all().unwrap().len() > 10);
    }
}
