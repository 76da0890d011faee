//! Tests of texts, and which of them hold or fail together.

use std::sync::OnceLock;

use regex::Regex;

use crate::detect::program::{Case, fnmatch, pattern};

/// A test of a text.
#[derive(Debug, Clone)]
pub(super) enum Test {
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Contains(Box<[u8]>),
    /// Lower case.
    IContains(Box<[u8]>),
    Glob(Box<[u8]>, Case),
    /// The pattern, and its compiled form once it was needed.
    Regex(Box<[u8]>, OnceLock<Option<Regex>>),
    /// `pmatch` with one path, as its components.
    Under(Vec<Box<[u8]>>),
}

impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::StartsWith(a), Self::StartsWith(b))
            | (Self::EndsWith(a), Self::EndsWith(b))
            | (Self::Contains(a), Self::Contains(b))
            | (Self::IContains(a), Self::IContains(b))
            | (Self::Regex(a, _), Self::Regex(b, _)) => a == b,
            (Self::Glob(a, case), Self::Glob(b, other)) => a == b && case == other,
            (Self::Under(a), Self::Under(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Test {}

/// The components of a path, as `pmatch` sees them.
fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
        .filter(|component| !component.is_empty())
}

fn is_pattern(component: &[u8]) -> bool {
    component.iter().any(|byte| b"*?[".contains(byte))
}

/// Whether a component of a `pmatch` path accepts a component of a value.
fn accepts(wanted: &[u8], component: &[u8]) -> bool {
    if is_pattern(wanted) {
        fnmatch::matches(wanted, component, Case::Exact)
    } else {
        wanted == component
    }
}

fn has(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

fn lower(text: &[u8]) -> Vec<u8> {
    text.to_ascii_lowercase()
}

impl Test {
    /// `pmatch` with one path.
    pub(super) fn under(path: &[u8]) -> Self {
        Self::Under(components(path).map(Into::into).collect())
    }

    /// A regular expression.
    pub(super) fn regex(pattern: &[u8]) -> Self {
        Self::Regex(pattern.into(), OnceLock::new())
    }

    /// Whether a text passes; `None` when that is not known.
    pub(super) fn holds(&self, value: &[u8]) -> Option<bool> {
        Some(match self {
            Self::StartsWith(prefix) => value.starts_with(prefix),
            Self::EndsWith(suffix) => value.ends_with(suffix),
            Self::Contains(part) => has(value, part),
            Self::IContains(part) => has(&lower(value), part),
            Self::Glob(glob, case) => fnmatch::matches(glob, value, *case),
            Self::Regex(written, compiled) => {
                let text = std::str::from_utf8(value).ok()?;
                let compiled = compiled.get_or_init(|| pattern::compile(written).ok());
                compiled.as_ref()?.is_match(text)
            }
            Self::Under(path) => {
                let mut parts = components(value);
                path.iter()
                    .all(|wanted| parts.next().is_some_and(|part| accepts(wanted, part)))
            }
        })
    }

    /// A text that is in every value that passes.
    fn part(&self) -> Option<&[u8]> {
        match self {
            Self::StartsWith(part) | Self::EndsWith(part) | Self::Contains(part) => Some(part),
            _ => None,
        }
    }
}

/// Whether whatever passes `a` certainly passes `b`.
pub(super) fn within(a: &Test, b: &Test) -> bool {
    match (a, b) {
        _ if a == b => true,
        (Test::StartsWith(a), Test::StartsWith(b)) => a.starts_with(b),
        (Test::EndsWith(a), Test::EndsWith(b)) => a.ends_with(b),
        (_, Test::Contains(part)) => a.part().is_some_and(|text| has(text, part)),
        (Test::IContains(text), Test::IContains(part)) => has(text, part),
        (_, Test::IContains(part)) => a.part().is_some_and(|text| has(&lower(text), part)),
        (Test::StartsWith(prefix), Test::Under(path)) => {
            // The last component may go on behind the prefix, unless it is closed.
            let mut whole: Vec<_> = components(prefix).collect();
            if !prefix.ends_with(b"/") {
                whole.pop();
            }
            path.len() <= whole.len()
                && path
                    .iter()
                    .zip(whole)
                    .all(|(wanted, part)| accepts(wanted, part))
        }
        (Test::Under(a), Test::Under(b)) => {
            let same = |a: &[u8], b: &[u8]| a == b || (!is_pattern(a) && accepts(b, a));
            b.len() <= a.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        _ => false,
    }
}

/// Whether nothing can pass both.
pub(super) fn apart(a: &Test, b: &Test) -> bool {
    match (a, b) {
        (Test::StartsWith(a), Test::StartsWith(b)) => !a.starts_with(b) && !b.starts_with(a),
        (Test::EndsWith(a), Test::EndsWith(b)) => !a.ends_with(b) && !b.ends_with(a),
        (Test::StartsWith(prefix), Test::Under(path))
        | (Test::Under(path), Test::StartsWith(prefix)) => {
            let mut whole: Vec<_> = components(prefix).collect();
            let open = if prefix.ends_with(b"/") {
                None
            } else {
                whole.pop()
            };
            let differs = path
                .iter()
                .zip(&whole)
                .any(|(wanted, part)| !accepts(wanted, part));
            let next = path.get(whole.len()).zip(open);
            differs
                || next
                    .is_some_and(|(wanted, open)| !is_pattern(wanted) && !wanted.starts_with(open))
        }
        (Test::Under(a), Test::Under(b)) => a
            .iter()
            .zip(b)
            .any(|(a, b)| !is_pattern(a) && !is_pattern(b) && a != b),
        _ => false,
    }
}
