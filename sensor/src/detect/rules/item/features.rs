//! What a file asks for beyond Falco's rule language, by name:
//!
//! ```yaml
//! - sensor_features: [exception_terms, severest_first, stories]
//! ```
//!
//! Falco skips such an item with a warning, and then warns of the keys the
//! features bring, and asks rules in the order in which they are written; the rest of the
//! file means the same to it. Without the item those keys are as unknown here as they are
//! there.

use super::keys::Reader;
use super::table;
use crate::yaml::traced::Traced;
use crate::yaml::{Node, Value};

/// One thing beyond Falco's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    /// Exceptions say why they are there, who answers for them, and until when.
    ExceptionTerms,
    /// The file's rules are asked by how serious they are.
    SeverestFirst,
    /// Rules carry their tests.
    Stories,
}

impl Feature {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::ExceptionTerms, Self::SeverestFirst, Self::Stories];

    /// The word to ask for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::ExceptionTerms => "exception_terms",
            Self::SeverestFirst => "severest_first",
            Self::Stories => "stories",
        }
    }

    /// What it brings, one sentence.
    pub(crate) fn doc(self) -> &'static str {
        match self {
            Self::ExceptionTerms => {
                "Exceptions may have `reason`, `owner` and `expires`; one that expired warns and \
                 no longer applies."
            }
            Self::SeverestFirst => {
                "The rules of all files that ask for this are asked in the order of their \
                 priorities, so that none hides a more serious one."
            }
            Self::Stories => "Rules may have `story`: tests beside the rule.",
        }
    }
}

/// The features a file asks for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Features {
    exception_terms: bool,
    /// Whether its rules are asked by how serious they are.
    pub(super) severest_first: bool,
    stories: bool,
}

impl Features {
    /// Whether a key that needs this, or nothing, is a key in this file.
    pub(crate) fn allow(self, needed: Option<Feature>) -> bool {
        match needed {
            None => true,
            Some(Feature::ExceptionTerms) => self.exception_terms,
            Some(Feature::SeverestFirst) => self.severest_first,
            Some(Feature::Stories) => self.stories,
        }
    }

    fn turn_on(&mut self, feature: Feature) {
        match feature {
            Feature::ExceptionTerms => self.exception_terms = true,
            Feature::SeverestFirst => self.severest_first = true,
            Feature::Stories => self.stories = true,
        }
    }
}

impl Reader<'_> {
    /// Reads what the whole file asks for, before anything else of it: the
    /// item may stand behind what it allows.
    pub(super) fn features(&mut self, documents: &[Node]) {
        let tag = table::FEATURES.tag;
        let items = documents.iter().flat_map(|document| match &document.value {
            Value::Sequence(items) => items.as_slice(),
            _ => &[],
        });
        for item in items {
            let Value::Mapping(entries) = &item.value else {
                continue;
            };
            let has = |name: &str| {
                let mut keys = entries.iter().map(|(key, _)| key.text());
                keys.any(|key| key.map(Traced::as_str) == Some(name))
            };
            let first = table::KINDS.iter().find(|kind| has(kind.tag));
            if first.is_some_and(|kind| kind.tag == tag) {
                self.feature_item(item);
            }
        }
    }

    fn feature_item(&mut self, item: &Node) {
        let tag = table::FEATURES.tag;
        let Some(keys) = self.keys(item, "an item") else {
            return;
        };
        self.unknown_keys(&keys, &table::FEATURES);
        let Some(words) = keys.get(tag).and_then(|node| self.texts(node, tag)) else {
            return;
        };
        for word in words {
            let known = Feature::ALL.into_iter().find(|f| f.word() == word.as_str());
            if let Some(feature) = known {
                self.features.turn_on(feature);
                continue;
            }
            let whole = 0..word.as_str().len();
            let message = format!("this sensor has no feature `{}`", word.as_str());
            let mistake = crate::diagnostic::Diagnostic::error("LOAD_ERR_VALIDATE", message);
            let words = Feature::ALL.map(Feature::word);
            let mistake = match crate::diagnostic::nearest(word.as_str(), words) {
                Some(near) => mistake.help(format!("did you mean `{near}`?")),
                None => mistake.help(format!("the features are `{}`", words.join("`, `"))),
            };
            self.diagnostics.push(word.locate(mistake, &whole));
        }
    }
}
