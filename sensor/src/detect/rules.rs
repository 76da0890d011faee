//! Rule files in, a checked [`RuleSet`] out, or every mistake in them.
//!
//! ```text
//! bytes ─yaml→ trees ─item→ items ─collection→ lists, macros, rules ─compile→ RuleSet
//! ```
//!
//! Text keeps its origin on the whole way ([`Traced`](crate::yaml::traced::Traced)), so that every mistake is
//! shown where a person wrote it. Reading never stops at the first mistake:
//! what can still be checked is checked. A set with any error in it is none.

mod append;
mod collection;
mod compile;
mod exception;
mod item;
mod list;
mod macros;
mod pack;
mod schema;
mod select;
mod study;
mod touched;
mod validation;

mod warnings;
pub mod watch;
mod written;

pub use append::{AppendOutput, ExtraField, Match};
pub(crate) use collection::List;
pub use item::Story;
pub use pack::Pack;
pub use schema::schema;
pub use select::{Selector, Which};
pub(crate) use study::{Standing, StudiedMacro, StudiedRule, Study};
pub use validation::falco;
pub use written::Written;

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use super::format::Format;
use super::program::Program;
use super::syntax::Expr;
use crate::alert::Priority;
use crate::diagnostic::{Diagnostic, Place, Severity, SourceFile};
use crate::events::EventSet;
use crate::fields::Statics;
use crate::yaml;
use collection::{Collection, RuleText};

/// One rule, ready to be evaluated.
pub struct Rule {
    /// Its name.
    pub name: Arc<str>,
    /// What it is about.
    pub desc: String,
    /// How serious.
    pub priority: Priority,
    /// `syscall`, or a plugin's source.
    pub source: Arc<str>,
    /// Sorted tags.
    pub tags: Arc<[Arc<str>]>,
    /// The condition.
    pub condition: Program,
    /// What the condition was compiled from: lists, exceptions and macros
    /// filled in. It prints as text.
    pub tree: Arc<Expr>,
    /// Where the parts of the tree were written.
    pub written: Written,
    /// The output.
    pub output: Format,
    /// The events that can satisfy the condition.
    pub events: EventSet,
    /// Whether an alert asks for a capture file, which this sensor does not write.
    pub capture: bool,
    /// How long such a capture runs, in milliseconds; 0 for the default.
    pub capture_duration_ms: u32,
    /// The tests beside it, in the files that ask for stories.
    pub stories: Vec<Story>,
}

/// Name and condition; programs and formats say nothing to a reader.
impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("name", &self.name)
            .field("condition", &self.tree.to_string())
            .finish_non_exhaustive()
    }
}

/// All enabled rules, in rule order.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    /// In the order of first definition.
    pub rules: Vec<Arc<Rule>>,
}

impl RuleSet {
    /// Every event that can satisfy a rule: what is worth capturing.
    pub fn events(&self) -> EventSet {
        self.rules
            .iter()
            .fold(EventSet::EMPTY, |all, rule| all.union(rule.events))
    }
}

/// What to load, and what of it to evaluate.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Files, and directories whose `.yaml` and `.yml` files, those of tests
    /// aside, are read in byte order of their paths. Order matters: later files change earlier ones.
    pub paths: Vec<PathBuf>,
    /// Rules less serious than this are checked and left out.
    pub min_priority: Priority,
    /// Rules of no pack, and those of these packs, are evaluated; without it
    /// packs mean nothing. Selectors are asked later.
    pub packs: Option<Vec<Pack>>,
    /// Switches rules on and off, one after the other, whatever the files say.
    pub selectors: Vec<Selector>,
    /// What to add to the outputs of rules, one after the other.
    pub append_output: Vec<AppendOutput>,
    /// Constants that rules may use as fields.
    pub statics: Statics,
    /// The day it is, in UTC: exceptions whose last day is before it do not
    /// apply. Without it none expires.
    pub today: Option<Date>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            min_priority: Priority::Debug,
            packs: None,
            selectors: Vec::new(),
            append_output: Vec::new(),
            statics: Statics::default(),
            today: None,
        }
    }
}

/// What loading gives when nothing is wrong.
#[derive(Debug)]
pub struct Loaded {
    /// The rules to evaluate.
    pub rules: RuleSet,
    /// What works and deserves a look.
    pub diagnostics: Vec<Diagnostic>,
    /// How many rules the files define, switched-off ones included.
    pub defined: usize,
}

/// What checking files gives, whether they are sound or not.
#[derive(Debug)]
pub struct Report {
    /// The files in load order. One that cannot be read has no text.
    pub files: Vec<Arc<SourceFile>>,
    /// All that is to be said, in file order.
    pub diagnostics: Vec<Diagnostic>,
    /// The rules to evaluate; those that are sound where not all are.
    pub rules: RuleSet,
    /// How many rules the files define, switched-off ones included.
    pub defined: usize,
    /// The newest engine version a file requires, and what plugins.
    pub required: Required,
}

/// What the files require, as they say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Required {
    /// The newest engine version.
    pub engine: Option<String>,
    /// Plugins with their versions, and what would do instead.
    pub plugins: Vec<Vec<(String, String)>>,
}

impl Report {
    /// Whether nothing is wrong; warnings do not count.
    pub fn is_sound(&self) -> bool {
        let mut found = self.diagnostics.iter();
        found.all(|diagnostic| diagnostic.severity != Severity::Error)
    }

    /// The rules, if they are sound.
    ///
    /// # Errors
    /// All that is to be said, if they are not.
    pub fn loaded(self) -> Result<Loaded, Vec<Diagnostic>> {
        if !self.is_sound() {
            return Err(self.diagnostics);
        }
        Ok(Loaded {
            rules: self.rules,
            diagnostics: self.diagnostics,
            defined: self.defined,
        })
    }
}

/// Loads rules from files and directories.
///
/// # Errors
/// Every mistake in every file, warnings included, in file order.
pub fn load(options: &LoadOptions) -> Result<Loaded, Vec<Diagnostic>> {
    check(options).loaded()
}

/// Checks rules in files and directories.
pub fn check(options: &LoadOptions) -> Report {
    let mut loading = Loading::new(options);
    loading.paths(&options.paths);
    loading.finish()
}

/// Loads rules from texts, each with the name to show it under.
///
/// # Errors
/// As [`load`].
pub fn load_texts(
    files: &[(&str, &[u8])],
    options: &LoadOptions,
) -> Result<Loaded, Vec<Diagnostic>> {
    check_texts(files, options).loaded()
}

/// Checks rules in texts, each with the name to show it under.
pub fn check_texts(files: &[(&str, &[u8])], options: &LoadOptions) -> Report {
    let mut loading = Loading::new(options);
    for (name, bytes) in files {
        loading.bytes(name, bytes);
    }
    loading.finish()
}

/// Loads rules from files and directories, to study them.
///
/// # Errors
/// As [`load`].
pub(crate) fn study(options: &LoadOptions) -> Result<Study, Vec<Diagnostic>> {
    let mut loading = Loading::new(options);
    loading.paths(&options.paths);
    loading.study()
}

/// Loads rules from texts, to study them.
///
/// # Errors
/// As [`load`].
pub(crate) fn study_texts(
    files: &[(&str, &[u8])],
    options: &LoadOptions,
) -> Result<Study, Vec<Diagnostic>> {
    let mut loading = Loading::new(options);
    for (name, bytes) in files {
        loading.bytes(name, bytes);
    }
    loading.study()
}

/// Compiles one condition with the lists and macros that files define. The
/// rules in them are left out. Gives a rule of that condition, and what of the
/// condition works and deserves a look.
///
/// # Errors
/// Every mistake in the condition, or in the lists and macros.
pub fn condition(
    text: &Arc<SourceFile>,
    options: &LoadOptions,
) -> Result<(Arc<Rule>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut loading = Loading::new(options);
    loading.only_condition = true;
    loading.paths(&options.paths);
    loading.files.push(Arc::clone(text));
    loading.collection.leave_only(RuleText::bare(text));
    let report = loading.finish();
    let (mut own, mut others): (Vec<_>, Vec<_>) = report
        .diagnostics
        .into_iter()
        .filter(|found| found.code != "LOAD_UNUSED_LIST" && found.code != "LOAD_UNUSED_MACRO")
        .partition(|found| {
            let place = found.place.as_ref();
            place.is_some_and(|place| Arc::ptr_eq(&place.file, text))
        });
    match report.rules.rules.into_iter().next() {
        Some(rule)
            if others
                .iter()
                .all(|found| found.severity == Severity::Warning) =>
        {
            Ok((rule, own))
        }
        _ => {
            others.append(&mut own);
            Err(others)
        }
    }
}

/// The files a configured path stands for, in load order.
pub(crate) fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !std::fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let wanted = path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        if wanted && !is_test_file(&path) && std::fs::metadata(&path)?.is_file() {
            files.push(path);
        }
    }
    files.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    Ok(files)
}

/// Whether a file holds tests of rules, going by its name: `NAME.test.yaml`.
/// Such files stand beside the rules they are about, and are none.
pub fn is_test_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".test.yaml") || name.ends_with(".test.yml")
}

/// Files read so far and what they came to.
struct Loading<'o> {
    options: &'o LoadOptions,
    collection: Collection,
    diagnostics: Vec<Diagnostic>,
    /// The files, in order: mistakes are shown in this order.
    files: Vec<Arc<SourceFile>>,
    /// Errors of compiling what the files before the last came to.
    early: Vec<Diagnostic>,
    /// The files are read for their lists and macros alone.
    only_condition: bool,
}

impl<'o> Loading<'o> {
    fn new(options: &'o LoadOptions) -> Self {
        Self {
            options,
            collection: Collection::default(),
            diagnostics: Vec::new(),
            files: Vec::new(),
            early: Vec::new(),
            only_condition: false,
        }
    }

    fn paths(&mut self, paths: &[PathBuf]) {
        for path in paths {
            match files(path) {
                Ok(files) => files.iter().for_each(|file| self.file(file)),
                Err(error) => self.unreadable(path, &error),
            }
        }
    }

    fn file(&mut self, path: &Path) {
        match yaml::read(path) {
            Ok(bytes) => self.bytes(&path.to_string_lossy(), &bytes),
            Err(error) => self.unreadable(path, &error),
        }
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        let message = format!("cannot read {}: {error}", path.display());
        let file = SourceFile::new(path.to_string_lossy(), "");
        let place = Place::new(&file, 0..0);
        self.diagnostics
            .push(Diagnostic::error("LOAD_ERR_FILE_READ", message).at(place));
        self.files.push(file);
        self.collection.missing_file();
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.compile_so_far();
        let (file, mistake) = yaml::source(name, bytes);
        self.files.push(Arc::clone(&file));
        let documents = match mistake {
            Some(mistake) => Err(mistake),
            None => yaml::parse(&file),
        };
        match documents {
            Ok(documents) => {
                let items = item::read(&file, &documents, &mut self.diagnostics);
                self.collection.add(items, &mut self.diagnostics);
            }
            Err(mistake) => {
                self.diagnostics.push(mistake);
                self.collection.missing_file();
            }
        }
    }

    /// A file must be sound without those after it, so each is compiled before
    /// the next is read. Of warnings only the last word counts.
    fn compile_so_far(&mut self) {
        if self.files.is_empty() || self.only_condition {
            return;
        }
        let mut touched = self.collection.take_touched();
        touched.spread(&self.collection);
        let mut found = Vec::new();
        compile::check(&self.collection, self.options, &touched, &mut found);
        found.retain(|diagnostic| diagnostic.severity == Severity::Error);
        self.early.append(&mut found);
    }

    fn finish(mut self) -> Report {
        let rules = compile::compile(&self.collection, self.options, &mut self.diagnostics);
        self.report(rules)
    }

    fn study(mut self) -> Result<Study, Vec<Diagnostic>> {
        let mut study = Study::of(&self.collection, self.options, &mut self.diagnostics);
        study.diagnostics = self.report(RuleSet::default()).loaded()?.diagnostics;
        Ok(study)
    }

    fn report(mut self, rules: RuleSet) -> Report {
        let plugins = self.collection.plugins.iter();
        self.diagnostics
            .extend(plugins.filter_map(item::PluginEntry::check));
        self.diagnostics.append(&mut self.early);
        Report {
            diagnostics: sorted(self.diagnostics, &self.files),
            files: self.files,
            rules,
            defined: self.collection.rules.len(),
            required: Required {
                engine: self.collection.engine.map(|version| version.to_string()),
                plugins: self
                    .collection
                    .plugins
                    .iter()
                    .map(item::PluginEntry::choices)
                    .collect(),
            },
        }
    }
}

/// Each mistake once, in the order a reader of the files meets them. A mistake
/// in a macro or list shows up again with every rule that uses it; the first
/// use stands for all.
fn sorted(diagnostics: Vec<Diagnostic>, files: &[Arc<SourceFile>]) -> Vec<Diagnostic> {
    let mut seen = HashSet::new();
    let mut out: Vec<_> = diagnostics
        .into_iter()
        .filter(|diagnostic| {
            let place = diagnostic
                .place
                .as_ref()
                .map(|place| (place.file.name.clone(), place.range.clone()));
            seen.insert((diagnostic.code, diagnostic.message.clone(), place))
        })
        .collect();
    out.sort_by_key(|diagnostic| {
        diagnostic.place.as_ref().map(|place| {
            let file = files.iter().position(|file| file.name == place.file.name);
            (file, place.range.start)
        })
    });
    out
}
