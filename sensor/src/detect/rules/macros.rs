//! Macros in, their trees with the macros they use filled in out.
//!
//! Macros are structural: each is parsed alone, lists put in, and a reference
//! to it becomes its tree. A macro may use those defined before its own last
//! change; using itself, through others too, is a mistake.

use std::collections::HashMap;
use std::sync::Arc;

use super::collection::Collection;
use super::compile::{at, syntax_error};
use super::list::Lists;
use crate::detect::syntax::{self, Expr, MacroError};
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::traced::Traced;

const INVALID: &str = "LOAD_ERR_VALIDATE";

/// Macros in use of each other; more is taken for a loop nobody can follow.
const MAX_CHAIN: usize = 200;

/// The macros of a collection, each with its fate.
pub(super) struct Macros<'c> {
    collection: &'c Collection,
    by_name: HashMap<&'c str, usize>,
    entries: Vec<Entry>,
}

struct Entry {
    /// The text its tree was read from: the origin of its spans.
    text: Traced,
    state: State,
    used: bool,
}

enum State {
    /// Parsed, references not filled in.
    Parsed(Arc<Expr>),
    /// Being resolved: meeting it again is a loop.
    Busy,
    /// Resolved.
    Done(Filled),
}

/// A tree whose macro references are filled in.
#[derive(Clone)]
pub(super) struct Filled {
    /// The tree. Where a macro could not be filled in, something that is
    /// always true stands, so that the rest can be checked all the same.
    pub(super) tree: Arc<Expr>,
    /// Whether nothing in it, macros included, has a reported mistake.
    pub(super) sound: bool,
}

impl<'c> Macros<'c> {
    /// Parses and resolves every macro, used or not.
    pub(super) fn compile(
        collection: &'c Collection,
        lists: &mut Lists,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let entries: Vec<Entry> = collection
            .macros
            .iter()
            .map(|source| parse(&source.condition, lists, diagnostics))
            .collect();
        let names = collection.macros.iter().enumerate();
        let mut out = Self {
            collection,
            by_name: names.map(|(at, m)| (m.name.text.as_str(), at)).collect(),
            entries,
        };
        for index in 0..out.entries.len() {
            out.resolve(index, &mut Vec::new(), diagnostics);
        }
        out
    }

    /// The tree of a rule's condition with its macros filled in.
    pub(super) fn fill(
        &mut self,
        expr: &Expr,
        text: &Traced,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Filled {
        let mut sound = true;
        let (tree, errors) = fill(expr, &mut |name| {
            let index = *self.by_name.get(name)?;
            let entry = self.entries.get_mut(index)?;
            entry.used = true;
            match &entry.state {
                State::Done(filled) => {
                    sound &= filled.sound;
                    Some(Arc::clone(&filled.tree))
                }
                State::Parsed(_) | State::Busy => None,
            }
        });
        sound &= errors.is_empty();
        for error in errors {
            diagnostics.extend(self.mistake(&error, text, None));
        }
        Filled { tree, sound }
    }

    /// Names and places of macros that nothing used.
    pub(super) fn unused(&self) -> impl Iterator<Item = (&str, &Place)> {
        self.collection
            .macros
            .iter()
            .zip(&self.entries)
            .filter(|(_, entry)| !entry.used)
            .map(|(source, _)| (source.name.text.as_str(), &source.name.place))
    }

    /// The text each macro's tree was read from, to show places in it.
    pub(super) fn texts(&self) -> HashMap<String, Traced> {
        let entries = self.collection.macros.iter().zip(&self.entries);
        entries
            .map(|(source, entry)| (source.name.text.clone(), entry.text.clone()))
            .collect()
    }

    /// What became of every macro, in the collection's order: the tree, and the
    /// text it was read from.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (&Traced, Option<&Arc<Expr>>)> {
        self.entries.iter().map(|entry| {
            let tree = match &entry.state {
                State::Done(filled) => Some(&filled.tree),
                State::Parsed(_) | State::Busy => None,
            };
            (&entry.text, tree)
        })
    }

    /// Resolves one macro and those it uses. `chain` is who asked.
    fn resolve(&mut self, index: usize, chain: &mut Vec<usize>, diagnostics: &mut Vec<Diagnostic>) {
        let Some(entry) = self.entries.get_mut(index) else {
            return;
        };
        let State::Parsed(expr) = &entry.state else {
            return;
        };
        let expr = Arc::clone(expr);
        let text = entry.text.clone();
        entry.state = State::Busy;
        chain.push(index);
        let mut looping = false;
        let mut sound = true;
        let (tree, errors) = fill(&expr, &mut |name| {
            let used = self.visible(name, index)?;
            self.entries.get_mut(used)?.used = true;
            if chain.len() < MAX_CHAIN {
                self.resolve(used, chain, diagnostics);
            }
            if let State::Done(filled) = &self.entries.get(used)?.state {
                sound &= filled.sound;
                return Some(Arc::clone(&filled.tree));
            }
            looping = true;
            Some(placeholder())
        });
        chain.pop();
        sound &= errors.is_empty() && !looping;
        for error in errors {
            diagnostics.extend(self.mistake(&error, &text, Some(index)));
        }
        if looping {
            diagnostics.extend(self.reference_loop(index));
        }
        if let Some(entry) = self.entries.get_mut(index) {
            entry.state = State::Done(Filled { tree, sound });
        }
    }

    /// The macro of this name, if the macro at `index` may use it.
    fn visible(&self, name: &str, index: usize) -> Option<usize> {
        let wanted = *self.by_name.get(name)?;
        let first = self.collection.macros.get(wanted)?.index;
        let last = self.collection.macros.get(index)?.visibility;
        (first < last).then_some(wanted)
    }

    fn reference_loop(&self, index: usize) -> Option<Diagnostic> {
        let name = &self.collection.macros.get(index)?.name;
        let message = format!("macro `{}` uses itself, or a macro that does", name.text);
        Some(Diagnostic::error(INVALID, message).at(name.place.clone()))
    }

    /// What to say of a reference in `text`, which is the text of the macro at
    /// `within` or of a rule. Nothing when the macro is there and malformed.
    fn mistake(
        &self,
        error: &MacroError,
        text: &Traced,
        within: Option<usize>,
    ) -> Option<Diagnostic> {
        let (name, span) = match error {
            MacroError::Undefined { name, span } => (name, *span),
            MacroError::TooLarge { span } => {
                return Some(at(
                    text,
                    Diagnostic::error(INVALID, error.to_string()),
                    *span,
                ));
            }
        };
        let named = self.by_name.get(name.as_str()).copied();
        let mistake = match named.and_then(|index| self.collection.macros.get(index)) {
            Some(_) if named == within => {
                Diagnostic::error(INVALID, format!("macro `{name}` uses itself"))
            }
            Some(later) => Diagnostic::error(INVALID, format!("undefined macro `{name}`"))
                .related(later.name.place.clone(), "defined only here")
                .help(format!(
                    "a macro uses macros defined before it; move `{name}` up"
                )),
            None => self.undefined(name, within)?,
        };
        Some(at(text, mistake, span))
    }

    fn undefined(&self, name: &str, within: Option<usize>) -> Option<Diagnostic> {
        if self.collection.may_be_broken(name) {
            return None;
        }
        let others = self
            .collection
            .macros
            .iter()
            .enumerate()
            .filter(|(index, _)| Some(*index) != within);
        let mistake = Diagnostic::error(INVALID, format!("undefined macro `{name}`"))
            .suggest(name, others.map(|(_, known)| known.name.text.as_str()));
        let is_list = self
            .collection
            .lists
            .iter()
            .any(|list| list.name.text == name);
        Some(match mistake.help {
            _ if is_list => mistake.help(format!("`{name}` is a list; compare a field with it")),
            Some(_) => mistake,
            None => mistake.help(self.known(within)),
        })
    }
}

impl Macros<'_> {
    /// The macros there are, when they are few enough to be read.
    fn known(&self, within: Option<usize>) -> String {
        const FEW: usize = 8;
        let macros = self.collection.macros.iter().enumerate();
        let names: Vec<String> = macros
            .filter(|(index, _)| Some(*index) != within)
            .map(|(_, known)| format!("`{}`", known.name.text))
            .collect();
        if names.is_empty() || names.len() > FEW {
            return "a check is a field, an operator and a value, as in `fd.num = 3`".to_owned();
        }
        format!("the macros are {}", names.join(", "))
    }
}

fn parse(condition: &Traced, lists: &mut Lists, diagnostics: &mut Vec<Diagnostic>) -> Entry {
    let text = match lists.expand(condition) {
        Ok(text) => text,
        Err(mistake) => {
            diagnostics.push(mistake);
            condition.clone()
        }
    };
    let state = match syntax::parse(text.as_str()) {
        Ok(expr) => State::Parsed(Arc::new(expr)),
        Err(error) => {
            diagnostics.push(syntax_error(&text, &error));
            State::Done(Filled {
                tree: placeholder(),
                sound: false,
            })
        }
    };
    Entry {
        text,
        state,
        used: false,
    }
}

/// Fills in what `find` knows, placeholders for the rest, and says what that was.
fn fill(
    expr: &Expr,
    find: &mut dyn FnMut(&str) -> Option<Arc<Expr>>,
) -> (Arc<Expr>, Vec<MacroError>) {
    match syntax::resolve_macros(expr, find) {
        Ok(tree) => (Arc::new(tree), Vec::new()),
        Err(errors) => {
            let mut lenient = |name: &str| find(name).or_else(|| Some(placeholder()));
            let tree = syntax::resolve_macros(expr, &mut lenient);
            (tree.map_or_else(|_| placeholder(), Arc::new), errors)
        }
    }
}

/// Everything in a text that may name a macro.
pub(super) fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(move |c| !part(c))
        .filter(|name| !name.is_empty())
}

/// A condition that is always true and compiles. It has one check, so that what
/// is made of placeholders is bounded like everything else.
fn placeholder() -> Arc<Expr> {
    let nothing = |_| Expr {
        kind: syntax::ExprKind::And(Vec::new()),
        span: syntax::Span::default(),
    };
    Arc::new(syntax::parse("evt.num exists").unwrap_or_else(nothing))
}
