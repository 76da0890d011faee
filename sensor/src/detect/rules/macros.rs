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
use super::traced::Traced;
use crate::detect::syntax::{self, Expr, MacroError, Span};
use crate::diagnostic::{Diagnostic, Place};

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
    /// Ready.
    Ready(Arc<Expr>),
    /// Has a mistake that is reported already.
    Broken,
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

    /// The tree of a rule's condition with its macros filled in. `None` when a
    /// mistake was reported, here or at a macro.
    pub(super) fn fill(
        &mut self,
        expr: &Expr,
        text: &Traced,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Expr> {
        let mut broken = false;
        let filled = syntax::resolve_macros(expr, &mut |name| {
            let index = *self.by_name.get(name)?;
            let entry = self.entries.get_mut(index)?;
            entry.used = true;
            if let State::Ready(tree) = &entry.state {
                return Some(Arc::clone(tree));
            }
            broken = true;
            Some(placeholder())
        });
        match filled {
            Ok(filled) => (!broken).then_some(filled),
            Err(errors) => {
                for error in errors {
                    diagnostics.extend(self.mistake(&error, text, None));
                }
                None
            }
        }
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

    /// The text a macro's tree was read from, to show mistakes in it.
    pub(super) fn text(&self, name: &str) -> Option<&Traced> {
        let index = self.by_name.get(name)?;
        self.entries.get(*index).map(|entry| &entry.text)
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
        let mut broken = false;
        let filled = syntax::resolve_macros(&expr, &mut |name| {
            let used = self.visible(name, index)?;
            self.entries.get_mut(used)?.used = true;
            if chain.len() < MAX_CHAIN {
                self.resolve(used, chain, diagnostics);
            }
            match &self.entries.get(used)?.state {
                State::Ready(tree) => Some(Arc::clone(tree)),
                state => {
                    looping |= !matches!(state, State::Broken);
                    broken = true;
                    Some(placeholder())
                }
            }
        });
        chain.pop();
        let state = match filled {
            Ok(filled) if !broken => State::Ready(Arc::new(filled)),
            Ok(_) => State::Broken,
            Err(errors) => {
                for error in errors {
                    diagnostics.extend(self.mistake(&error, &text, Some(index)));
                }
                State::Broken
            }
        };
        if looping {
            diagnostics.extend(self.reference_loop(index));
        }
        if let Some(entry) = self.entries.get_mut(index) {
            entry.state = state;
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
            None => self.undefined(name)?,
        };
        Some(at(text, mistake, span))
    }

    fn undefined(&self, name: &str) -> Option<Diagnostic> {
        if self.collection.may_be_broken(name) {
            return None;
        }
        let macros = self.collection.macros.iter();
        let mistake = Diagnostic::error(INVALID, format!("undefined macro `{name}`"))
            .suggest(name, macros.map(|known| known.name.text.as_str()));
        let is_list = self
            .collection
            .lists
            .iter()
            .any(|list| list.name.text == name);
        Some(match mistake.help {
            _ if is_list => mistake.help(format!("`{name}` is a list; compare a field with it")),
            Some(_) => mistake,
            None => mistake.help("a check is a field, an operator and a value, as in `fd.num = 3`"),
        })
    }
}

fn parse(condition: &Traced, lists: &mut Lists, diagnostics: &mut Vec<Diagnostic>) -> Entry {
    let mut state = State::Broken;
    let text = match lists.expand(condition) {
        Ok(text) => text,
        Err(mistake) => {
            diagnostics.push(mistake);
            condition.clone()
        }
    };
    match syntax::parse(text.as_str()) {
        Ok(expr) => state = State::Parsed(Arc::new(expr)),
        Err(error) => diagnostics.push(syntax_error(&text, &error)),
    }
    Entry {
        text,
        state,
        used: false,
    }
}

/// Stands in for a macro whose mistake is reported already, so that the rest
/// of a condition can be looked at. What has one in it is thrown away.
fn placeholder() -> Arc<Expr> {
    Arc::new(Expr {
        kind: syntax::ExprKind::Macro(String::new()),
        span: Span::default(),
    })
}
