//! A collection in, its rules ready to be evaluated out, with every mistake in
//! their conditions and outputs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::civil::Date;

use super::append::Additions;
use super::collection::{Collection, RuleText};
use super::exception::{self, Exception};
use super::list::Lists;
use super::macros::Macros;
use super::touched::Touched;
use super::written::Written;
use super::{LoadOptions, Rule, RuleSet, pack, warnings};
use crate::detect::analysis;
use crate::detect::program::{CompileError, ErrorKind, Program};
use crate::detect::syntax::{self, Expr, Span, SyntaxError};
use crate::diagnostic::{AsRead, Diagnostic, Severity};
use crate::fields::Statics;
use crate::yaml::traced::Traced;

/// The sources whose events this sensor delivers.
const SOURCES: [&str; 1] = ["syscall"];

/// Everything of a collection, compiled.
pub(super) struct Compiled<'c> {
    /// One for each rule of the collection, in its order; `None` for one with
    /// a mistake and for one that is skipped.
    pub(super) rules: Vec<Option<Rule>>,
    pub(super) macros: Macros<'c>,
    pub(super) lists: Lists,
}

/// Compiles everything and keeps the rules that are to be evaluated.
pub(super) fn compile(
    collection: &Collection,
    options: &LoadOptions,
    diagnostics: &mut Vec<Diagnostic>,
) -> RuleSet {
    let compiled = everything(collection, options, diagnostics);
    let mut rules: Vec<_> = compiled.rules.into_iter().collect();
    let wanted = in_force(collection, options).into_iter();
    RuleSet {
        rules: wanted
            .filter_map(|at| rules.get_mut(at)?.take().map(Arc::new))
            .collect(),
    }
}

/// Compiles all macros, and the rules that may mean something else since these
/// items, for their mistakes alone.
pub(super) fn check(
    collection: &Collection,
    options: &LoadOptions,
    touched: &Touched,
    diagnostics: &mut Vec<Diagnostic>,
) {
    these(collection, options, &|rule| touched.has(rule), diagnostics);
}

/// Compiles everything, unused macros and switched-off rules included.
pub(super) fn everything<'c>(
    collection: &'c Collection,
    options: &'c LoadOptions,
    diagnostics: &mut Vec<Diagnostic>,
) -> Compiled<'c> {
    these(collection, options, &|_| true, diagnostics)
}

/// Compiles all macros, and of the rules those that are wanted.
fn these<'c>(
    collection: &'c Collection,
    options: &'c LoadOptions,
    wanted: &dyn Fn(&RuleText) -> bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> Compiled<'c> {
    let mut lists = Lists::compile(&collection.lists);
    let macros = Macros::compile(collection, &mut lists, diagnostics);
    let mut compiler = Compiler {
        lists,
        macro_texts: Arc::new(macros.texts()),
        macros,
        today: options.today,
        additions: Additions::new(&options.append_output, &options.statics),
        diagnostics,
    };
    let rules = collection.rules.iter();
    let rules = rules
        .map(|text| wanted(text).then(|| compiler.rule(text))?)
        .collect();
    compiler.unused(collection);
    Compiled {
        rules,
        macros: compiler.macros,
        lists: compiler.lists,
    }
}

/// Whether a rule is in one of the packs that were chosen, or in none at all.
pub(super) fn is_of_a_pack(rule: &RuleText, options: &LoadOptions) -> bool {
    let tags = || rule.tags.iter().map(String::as_str);
    let chosen = options.packs.as_ref();
    chosen.is_none_or(|chosen| pack::is_chosen(tags(), chosen))
}

/// Whether a rule is switched on, by its file, its packs and the selectors.
pub(super) fn is_enabled(rule: &RuleText, options: &LoadOptions) -> bool {
    let mut enabled = rule.enabled && is_of_a_pack(rule, options);
    for selector in &options.selectors {
        if selector.means(&rule.name.text, rule.tags.iter().map(String::as_str)) {
            enabled = selector.enable;
        }
    }
    enabled
}

/// The rules to evaluate, by their places in the collection, in the order they
/// are asked: one that a selector switches on goes behind those that are, and those of
/// files that ask for it change places among each other, the most serious first.
pub(super) fn in_force(collection: &Collection, options: &LoadOptions) -> Vec<usize> {
    let rules = || collection.rules.iter().enumerate();
    let enabled = rules().filter(|(_, rule)| rule.enabled && is_of_a_pack(rule, options));
    let mut active: Vec<usize> = enabled.map(|(at, _)| at).collect();
    for selector in &options.selectors {
        let meant = rules().filter(|(_, rule)| {
            selector.means(&rule.name.text, rule.tags.iter().map(String::as_str))
        });
        let meant: HashSet<usize> = meant.map(|(at, _)| at).collect();
        if selector.enable {
            let known: HashSet<usize> = active.iter().copied().collect();
            let new = rules().map(|(at, _)| at);
            active.extend(new.filter(|at| meant.contains(at) && !known.contains(at)));
        } else {
            active.retain(|at| !meant.contains(at));
        }
    }
    active.retain(|at| {
        let rule = collection.rules.get(*at);
        rule.is_some_and(|rule| rule.priority <= options.min_priority)
    });
    put_severest_first(&mut active, &collection.rules);
    active
}

/// Sorts the rules that are to be asked by how serious they are into the places that
/// they have among all; rules of other files keep theirs, as they would in Falco.
fn put_severest_first(active: &mut [usize], rules: &[RuleText]) {
    let sorts = |at: &usize| rules.get(*at).is_some_and(|rule| rule.severest_first);
    let mut sorted: Vec<usize> = active.iter().copied().filter(sorts).collect();
    // Stable: equals stay in the order in which they were written.
    sorted.sort_by_key(|at| rules.get(*at).map(|rule| rule.priority));
    let places = active.iter_mut().filter(|at| sorts(at));
    for (place, at) in places.zip(sorted) {
        *place = at;
    }
}

struct Compiler<'c, 'd> {
    lists: Lists,
    macros: Macros<'c>,
    macro_texts: Arc<HashMap<String, Traced>>,
    today: Option<Date>,
    additions: Additions<'c>,
    diagnostics: &'d mut Vec<Diagnostic>,
}

/// What is wrong with one rule.
#[derive(Default)]
struct Mistakes {
    found: Vec<Diagnostic>,
    /// Whether there is one that `skip-if-unknown-filter` does not forgive.
    grave: bool,
}

impl Mistakes {
    fn push(&mut self, kind: ErrorKind, diagnostic: Diagnostic) {
        self.grave |= kind == ErrorKind::Other;
        self.found.push(diagnostic);
    }
}

impl Compiler<'_, '_> {
    /// One rule; `None` when it has a mistake or is to be skipped.
    fn rule(&mut self, rule: &RuleText) -> Option<Rule> {
        if !SOURCES.contains(&rule.source.text.as_str()) {
            self.unknown_source(rule);
            return None;
        }
        let mut mistakes = Mistakes::default();
        let text = self.condition_text(rule, &mut mistakes);
        let condition = text.as_ref().and_then(|text| {
            let tree = self.tree(text, &mut mistakes)?;
            let program = self.program(&tree, text, &mut mistakes)?;
            Some((tree, program))
        });
        let output = self
            .additions
            .output(rule, &mut |kind, found| mistakes.push(kind, found));
        // Grave without a mistake of its own: one of its macros has one.
        if mistakes.grave || !mistakes.found.is_empty() {
            self.report(rule, mistakes);
            return None;
        }
        let (text, (tree, condition), output) = (text?, condition?, output?);
        let events = analysis::events(&tree);
        let written = Written::new(&text, &self.macro_texts);
        self.diagnostics
            .extend(warnings::of_rule(rule, &tree, &written, &events));
        let tags: Vec<Arc<str>> = rule.tags.iter().map(|tag| tag.as_str().into()).collect();
        Some(Rule {
            name: rule.name.text.as_str().into(),
            desc: rule.desc.clone(),
            priority: rule.priority,
            source: rule.source.text.as_str().into(),
            tags: tags.into(),
            condition,
            tree,
            written,
            output,
            events,
            capture: rule.capture,
            capture_duration_ms: rule.capture_duration_ms,
            stories: rule.stories.clone(),
        })
    }

    fn unknown_source(&mut self, rule: &RuleText) {
        let message = format!(
            "no events come from the source `{}`; this rule is skipped",
            rule.source.text
        );
        self.diagnostics.push(
            Diagnostic::warning("LOAD_UNKNOWN_SOURCE", message)
                .at(rule.source.place.clone())
                .suggest(&rule.source.text, SOURCES),
        );
    }

    /// The condition with exceptions and lists put in.
    fn condition_text(&mut self, rule: &RuleText, mistakes: &mut Mistakes) -> Option<Traced> {
        let statics = self.additions.statics();
        for exception in &rule.exceptions {
            for mistake in &exception.mistakes {
                mistakes.push(ErrorKind::Other, mistake.clone());
            }
        }
        let sound: Vec<Exception> = rule
            .exceptions
            .iter()
            .filter(|exception| fields_exist(exception, statics, mistakes))
            .filter(|exception| self.still_holds(exception, &rule.name.text))
            .cloned()
            .collect();
        let text = exception::expand(&rule.condition, &sound);
        match self.lists.expand(&text) {
            Ok(text) => Some(text),
            Err(mistake) => {
                mistakes.push(ErrorKind::Other, mistake);
                None
            }
        }
    }

    fn still_holds(&mut self, exception: &Exception, rule: &str) -> bool {
        if exception.holds_on(self.today) {
            return true;
        }
        if let Some((last, place)) = &exception.terms.expires {
            let name = &exception.name.text;
            let message = format!(
                "exception `{name}` of rule `{rule}` expired after {last} and no longer applies"
            );
            self.diagnostics.push(
                Diagnostic::warning("LOAD_EXCEPTION_EXPIRED", message)
                    .at(place.clone())
                    .help("remove the exception, or give it a later `expires`"),
            );
        }
        false
    }

    fn tree(&mut self, text: &Traced, mistakes: &mut Mistakes) -> Option<Arc<Expr>> {
        match syntax::parse(text.as_str()) {
            Ok(parsed) => {
                let filled = self.macros.fill(&parsed, text, &mut mistakes.found);
                mistakes.grave |= !filled.sound;
                Some(filled.tree)
            }
            Err(error) => {
                mistakes.push(ErrorKind::Other, syntax_error(text, &error));
                None
            }
        }
    }

    fn program(&self, tree: &Expr, text: &Traced, mistakes: &mut Mistakes) -> Option<Program> {
        match Program::compile_with(tree, self.additions.statics()) {
            Ok(program) => Some(program),
            Err(errors) => {
                let written = Written::new(text, &self.macro_texts);
                for error in errors {
                    let diagnostic = compile_error(CompileError::CODE, &error, &written);
                    mistakes.push(error.kind, diagnostic);
                }
                None
            }
        }
    }

    fn report(&mut self, rule: &RuleText, mistakes: Mistakes) {
        let forgiven = rule.skip_if_unknown_filter && !mistakes.grave;
        for mut mistake in mistakes.found {
            if forgiven {
                mistake.severity = Severity::Warning;
                mistake.code = "LOAD_UNKNOWN_FILTER";
                mistake.message = format!("{}; the rule is skipped", mistake.message);
            }
            self.diagnostics.push(mistake);
        }
    }

    /// What nothing uses; not asked while there are mistakes, for what a
    /// broken rule would have used is not known.
    fn unused(&mut self, collection: &Collection) {
        if self
            .diagnostics
            .iter()
            .any(|d| d.severity == Severity::Error)
        {
            return;
        }
        for (name, place) in self.macros.unused() {
            self.diagnostics.push(
                Diagnostic::warning("LOAD_UNUSED_MACRO", format!("nothing uses macro `{name}`"))
                    .at(place.clone()),
            );
        }
        let unused: HashSet<&str> = self.lists.unused().collect();
        for list in &collection.lists {
            let name = list.name.text.as_str();
            if unused.contains(name) {
                self.diagnostics.push(
                    Diagnostic::warning("LOAD_UNUSED_LIST", format!("nothing uses list `{name}`"))
                        .at(list.name.place.clone()),
                );
            }
        }
    }
}

/// Points a diagnostic at a span of a condition.
pub(super) fn at(text: &Traced, mut diagnostic: Diagnostic, span: Span) -> Diagnostic {
    diagnostic.as_read = Some(Box::new(AsRead::new(text, span.start)));
    text.locate(diagnostic, &span.range())
}

/// A text that is no condition.
pub(super) fn syntax_error(text: &Traced, error: &SyntaxError) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(CompileError::CODE, error.message.clone());
    diagnostic.help.clone_from(&error.help);
    at(text, diagnostic, error.span)
}

fn compile_error(code: &'static str, error: &CompileError, written: &Written) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(code, error.message.clone());
    diagnostic.help.clone_from(&error.help);
    diagnostic.as_read = Some(Box::new(written.as_read(&error.within, error.span)));
    written.locate(diagnostic, &error.within, error.span)
}

/// Checks the fields of an exception by asking for each of them.
fn fields_exist(exception: &Exception, statics: &Statics, mistakes: &mut Mistakes) -> bool {
    let code = "LOAD_ERR_VALIDATE";
    let before = mistakes.found.len();
    for field in exception.fields() {
        let whole = 0..field.as_str().len();
        let asked = format!("{} exists", field.as_str());
        let mut mistake = |kind, message: &str, help: &Option<String>| {
            let mut diagnostic = Diagnostic::error(code, message);
            diagnostic.help.clone_from(help);
            mistakes.push(kind, field.locate(diagnostic, &whole));
        };
        match syntax::parse(&asked) {
            Err(_) => {
                let message = format!("`{}` is no field", field.as_str());
                mistake(ErrorKind::Other, &message, &None);
            }
            Ok(expr) => {
                for error in Program::compile_with(&expr, statics)
                    .err()
                    .unwrap_or_default()
                {
                    mistake(error.kind, &error.message, &error.help);
                }
            }
        }
    }
    mistakes.found.len() == before
}
