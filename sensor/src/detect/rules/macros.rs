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

/// Macros in use of each other; more is taken for a loop nobody can follow.
const MAX_CHAIN: usize = 200;

/// The macros of a collection, each with its fate.
pub(super) struct Macros<'c> {
    collection: &'c Collection,
    by_name: HashMap<&'c str, usize>,
    macros: Vec<Entry>,
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
        let macros: Vec<Entry> = collection
            .macros
            .iter()
            .map(|source| parse(&source.condition, lists, diagnostics))
            .collect();
        let names = collection.macros.iter().enumerate();
        let mut out = Self {
            collection,
            by_name: names.map(|(at, m)| (m.name.text.as_str(), at)).collect(),
            macros,
        };
        for index in 0..out.macros.len() {
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
            let entry = self.macros.get_mut(index)?;
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
            .zip(&self.macros)
            .filter(|(_, entry)| !entry.used)
            .map(|(source, _)| (source.name.text.as_str(), &source.name.place))
    }

    /// The text a macro's tree was read from, to show mistakes in it.
    pub(super) fn text(&self, name: &str) -> Option<&Traced> {
        let index = self.by_name.get(name)?;
        self.macros.get(*index).map(|entry| &entry.text)
    }

    /// Resolves one macro and those it uses. `chain` is who asked.
    fn resolve(&mut self, index: usize, chain: &mut Vec<usize>, diagnostics: &mut Vec<Diagnostic>) {
        let Some(entry) = self.macros.get_mut(index) else {
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
            self.macros.get_mut(used)?.used = true;
            if chain.len() < MAX_CHAIN {
                self.resolve(used, chain, diagnostics);
            }
            match &self.macros.get(used)?.state {
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
        if let Some(entry) = self.macros.get_mut(index) {
            entry.state = state;
        }
    }

    /// The macro of this name, if the macro at `index` may use it.
    fn visible(&self, name: &str, index: usize) -> Option<usize> {
        let used = *self.by_name.get(name)?;
        let first = self.collection.macros.get(used)?.index;
        let user = self.collection.macros.get(index)?;
        (first < user.visibility).then_some(used)
    }

    fn reference_loop(&self, index: usize) -> Option<Diagnostic> {
        let name = &self.collection.macros.get(index)?.name;
        let message = format!("macro `{}` uses itself, or a macro that does", name.text);
        Some(Diagnostic::error("LOAD_ERR_VALIDATE", message).at(name.place.clone()))
    }

    fn mistake(
        &self,
        error: &MacroError,
        text: &Traced,
        user: Option<usize>,
    ) -> Option<Diagnostic> {
        let (name, span) = match error {
            MacroError::Undefined { name, span } => (name, *span),
            MacroError::TooLarge { span } => {
                let mistake = Diagnostic::error("LOAD_ERR_VALIDATE", error.to_string());
                return Some(at(text, mistake, *span));
            }
        };
        let later = self
            .by_name
            .get(name.as_str())
            .and_then(|index| self.collection.macros.get(*index));
        match (
            later,
            user.and_then(|index| self.collection.macros.get(index)),
        ) {
            (Some(used), Some(user)) if used.index == user.index => {
                let message = format!("macro `{name}` uses itself");
                let mistake = Diagnostic::error("LOAD_ERR_VALIDATE", message);
                Some(at(text, mistake, span))
            }
            (Some(used), Some(_)) => {
                let message = format!("undefined macro `{name}`");
                let mistake = Diagnostic::error("LOAD_ERR_VALIDATE", message)
                    .related(used.name.place.clone(), "defined only here")
                    .help(format!(
                        "a macro uses macros defined before it; move `{name}` up"
                    ));
                Some(at(text, mistake, span))
            }
            _ => self.undefined(name, text, span),
        }
    }

    fn undefined(&self, name: &str, text: &Traced, span: Span) -> Option<Diagnostic> {
        if self.collection.may_be_broken(name) {
            return None;
        }
        let mut mistake =
            Diagnostic::error("LOAD_ERR_VALIDATE", format!("undefined macro `{name}`"));
        let names = self.by_name.keys().copied();
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        mistake = mistake.suggest(name, names);
        if self
            .collection
            .lists
            .iter()
            .any(|list| list.name.text == name)
        {
            mistake = mistake.help(format!("`{name}` is a list; compare a field with it"));
        } else if mistake.help.is_none() {
            mistake = mistake
                .help("a word alone is a macro; a check is a field, an operator and a value");
        }
        Some(at(text, mistake, span))
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
