//! Paths a person gave in, the tests there and the rules each is about out.
//!
//! - `NAME.test.yaml` is a file of tests. It is about the rules it names
//!   itself, or else the rule files in its directory, or in the nearest `rules/`
//!   beside or above it. The loader of rules passes over such files
//!   when it reads a directory.
//! - `NAME.md` is a page of stories, where it is given by name or lies in a
//!   directory called `stories`. It is about the rules of the nearest `rules/`
//!   beside or above it, or else those this program carries.
//! - Any other YAML file is a file of rules: it stands for the stories in it.
//! - A directory stands for all of that in it and below.
//!
//! Rules that are given apart (`-r`) take the place of all those.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Test, file, page};
use crate::detect::rules::is_test_file;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::yaml;

/// A file that cannot be read.
const UNREADABLE: &str = "TEST_ERR_FILE_READ";
/// Tests without rules.
const NO_RULES: &str = "TEST_NO_RULES";
/// Directories inside each other that are looked into.
const MAX_DEPTH: usize = 16;
/// Directories above a test in which its rules are looked for.
const MAX_ABOVE: usize = 5;

/// Tests and the rules they are about.
#[derive(Debug, Default)]
pub struct Group {
    /// Rule files and directories, in load order; none for the rules this
    /// program carries.
    pub rules: Vec<PathBuf>,
    /// Whether the stories beside these rules are wanted, too.
    pub stories: bool,
    /// The tests, in the order of files and lines.
    pub tests: Vec<Test>,
}

/// Finds and reads all tests. Without paths it looks into `rules` and `tests`,
/// or else the current directory. What is wrong is reported in `found`.
pub fn find(paths: &[PathBuf], rules: &[PathBuf], found: &mut Vec<Diagnostic>) -> Vec<Group> {
    let mut finder = Finder {
        rules,
        found,
        groups: Vec::new(),
        seen: BTreeSet::new(),
    };
    let usual: Vec<PathBuf> = ["rules", "tests"]
        .into_iter()
        .map(PathBuf::from)
        .filter(|path| path.is_dir())
        .collect();
    let here = [PathBuf::from(".")];
    let wanted = match (paths, rules) {
        ([], []) if usual.is_empty() => &here,
        ([], []) => usual.as_slice(),
        // Rules alone stand for their own stories and the tests beside them.
        ([], rules) => {
            finder.add(rules.to_vec(), Vec::new(), true);
            rules
        }
        (paths, _) => paths,
    };
    for path in wanted {
        finder.path(path);
    }
    finder.groups
}

struct Finder<'a> {
    /// Rules given apart.
    rules: &'a [PathBuf],
    found: &'a mut Vec<Diagnostic>,
    groups: Vec<Group>,
    /// Files that were read, so that none is read twice.
    seen: BTreeSet<PathBuf>,
}

impl Finder<'_> {
    /// Adds tests, or the wish for stories, to the group about these rules.
    fn add(&mut self, rules: Vec<PathBuf>, tests: Vec<Test>, stories: bool) {
        let mut groups = self.groups.iter_mut();
        if let Some(group) = groups.find(|group| group.rules == rules) {
            group.tests.extend(tests);
            group.stories |= stories;
            return;
        }
        self.groups.push(Group {
            rules,
            stories,
            tests,
        });
    }

    /// A path as a person gave it.
    fn path(&mut self, path: &Path) {
        // `./rules` and `rules` are to be one path.
        let inside = path.strip_prefix(".").ok();
        let path = inside
            .filter(|inside| !inside.as_os_str().is_empty())
            .unwrap_or(path);
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.directory(path, true, 0),
            Ok(_) => self.file(path),
            Err(error) => self.unreadable(path, &error),
        }
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        let message = format!("cannot read {}: {error}", path.display());
        self.found.push(Diagnostic::error(UNREADABLE, message));
    }

    fn directory(&mut self, path: &Path, given: bool, depth: usize) {
        let mut entries = match entries(path) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(path, &error),
        };
        entries.sort();
        let is_page_folder = given || path.file_name().is_some_and(|name| name == "stories");
        if self.rules.is_empty() && has_rules(&entries) {
            self.add(vec![path.to_owned()], Vec::new(), true);
        }
        for entry in &entries {
            if entry.is_dir() {
                // A link may lead back up, and what it leads to is there as well.
                if depth < MAX_DEPTH && !entry.is_symlink() {
                    self.directory(entry, false, depth + 1);
                }
            } else if is_test_file(entry) || is_page_folder && is_page(entry) {
                self.file(entry);
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if !self.seen.insert(absolute) {
            return;
        }
        if is_test_file(path) {
            self.test_file(path);
        } else if is_page(path) {
            self.page(path);
        } else if self.rules.is_empty() {
            self.add(vec![path.to_owned()], Vec::new(), true);
        } else {
            let rules = self.rules.to_vec();
            self.add(rules, Vec::new(), true);
        }
    }

    fn test_file(&mut self, path: &Path) {
        let Some(source) = self.source(path) else {
            return;
        };
        let read = file::read(&source, self.found);
        let beside = || nearest(path, true);
        let rules = match (self.rules, read.rules) {
            ([], named) if !named.is_empty() => Some(named),
            ([], _) => beside().map(|rules| vec![rules]),
            (rules, _) => Some(rules.to_vec()),
        };
        match rules {
            Some(rules) => self.add(rules, read.tests, false),
            None => self.found.push(
                Diagnostic::error(NO_RULES, format!("no rules are near {}", path.display()))
                    .help("give them with `-r`, or in the file with `- rules: [PATH]`"),
            ),
        }
    }

    fn page(&mut self, path: &Path) {
        let Some(source) = self.source(path) else {
            return;
        };
        let tests = page::read(&source, self.found);
        let rules = match self.rules {
            [] => nearest(path, false).into_iter().collect(),
            rules => rules.to_vec(),
        };
        self.add(rules, tests, false);
    }

    fn source(&mut self, path: &Path) -> Option<Arc<SourceFile>> {
        let bytes = match yaml::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.unreadable(path, &error);
                return None;
            }
        };
        let (source, mistake) = yaml::source(&path.to_string_lossy(), &bytes);
        let sound = mistake.is_none();
        self.found.extend(mistake);
        sound.then_some(source)
    }
}

/// What is in a directory, but for what is hidden and what builds leave.
fn entries(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') && name != "target" && name != "node_modules" {
            let path = entry.path();
            entries.push(path.strip_prefix(".").map_or(path.clone(), Path::to_owned));
        }
    }
    Ok(entries)
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md")
}

/// Whether there is a file of rules among these.
fn has_rules(files: &[PathBuf]) -> bool {
    files.iter().any(|path| {
        let extension = path.extension();
        let is_yaml = extension.is_some_and(|end| end == "yaml" || end == "yml");
        is_yaml && !is_test_file(path) && path.is_file() && holds_items(path)
    })
}

/// Whether the file looks like rules, not like some other YAML.
fn holds_items(path: &Path) -> bool {
    let Ok(bytes) = yaml::read(path) else {
        return false;
    };
    let text = String::from_utf8_lossy(&bytes);
    let starts = [
        "- rule:",
        "- macro:",
        "- list:",
        "- required_engine_version:",
    ];
    text.lines().any(|line| {
        starts
            .iter()
            .any(|start| line.trim_start().starts_with(start))
    })
}

/// The rules nearest to a file: those in its own directory (`beside`), or else
/// `rules/` there, or in a directory above. What else lies above a test, in a
/// home or in `/tmp`, has nothing to do with it.
fn nearest(path: &Path, beside: bool) -> Option<PathBuf> {
    let here = std::env::current_dir().unwrap_or_default();
    let absolute = std::path::absolute(path).ok()?;
    let shown = |found: PathBuf| match found.strip_prefix(&here) {
        Ok(inside) if !path.is_absolute() && inside != Path::new("") => inside.to_owned(),
        Ok(_) if !path.is_absolute() => PathBuf::from("."),
        _ => found,
    };
    let own = absolute.parent()?;
    if beside && entries(own).is_ok_and(|files| has_rules(&files)) {
        return Some(shown(own.to_owned()));
    }
    let above = own.ancestors().take(MAX_ABOVE);
    let folders = above.map(|directory| directory.join("rules"));
    folders.filter(|folder| folder.is_dir()).map(shown).next()
}
