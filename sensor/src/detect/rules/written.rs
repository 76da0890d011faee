//! A part of a condition in, the place where a person wrote it out.
//!
//! A condition's tree was read from a text that is nowhere as it stands: lists
//! and exceptions are put in, macros have texts of their own. This keeps all
//! of them, each byte with its origin.

use std::collections::HashMap;
use std::sync::Arc;

use crate::detect::program::MacroUse;
use crate::detect::syntax::Span;
use crate::diagnostic::{AsRead, Diagnostic, Place};
use crate::yaml::traced::Traced;

/// The texts that a condition and its macros were read from.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// The condition, everything but macros put in.
    text: Traced,
    /// The text of every macro, by name; shared by all rules.
    macros: Arc<HashMap<String, Traced>>,
}

impl Written {
    pub(super) fn new(text: &Traced, macros: &Arc<HashMap<String, Traced>>) -> Self {
        Self {
            text: text.clone(),
            macros: Arc::clone(macros),
        }
    }

    /// Where a span was written; inside macros, outermost first, it is a span
    /// of the last one's text. `None` for an empty text.
    pub fn place(&self, within: &[MacroUse], span: Span) -> Option<Place> {
        self.around(within).place(&span.range())
    }

    /// Points a diagnostic at a span inside these macros, with their uses.
    pub fn locate(&self, diagnostic: Diagnostic, within: &[MacroUse], span: Span) -> Diagnostic {
        let mut diagnostic = self.around(within).locate(diagnostic, &span.range());
        // From the use nearest to the mistake out to the rule.
        for (depth, used) in within.iter().enumerate().rev() {
            let user = self.around(within.get(..depth).unwrap_or_default());
            if let Some(place) = user.place(&used.span.range()) {
                let label = format!("macro `{}` is used here", used.name);
                diagnostic = diagnostic.related(place, label);
            }
        }
        diagnostic
    }

    /// A span's place in the text that it counts in.
    pub(super) fn as_read(&self, within: &[MacroUse], span: Span) -> AsRead {
        AsRead::new(self.around(within), span.start)
    }

    /// The text that spans inside these macros count in.
    fn around(&self, within: &[MacroUse]) -> &Traced {
        let innermost = within.last().and_then(|used| self.macros.get(&used.name));
        innermost.unwrap_or(&self.text)
    }
}
