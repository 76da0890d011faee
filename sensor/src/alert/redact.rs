//! An event's values in, the same values fit to leave out: before the message is
//! rendered from them, and once more on what was rendered.
//!
//! A rule's output sees the event through [`Redacted`], so every field, every
//! transformer's result and every width is made of redacted values. A secret
//! that only the whole command line shows as one is known to all of the alert
//! ([`Scene`]): the same secret is redacted the same in every field of it.

use std::cell::RefCell;
use std::fmt::Write;

use bumpalo::Bump;
use memchr::memmem;
use serde_json::{Map, Value as Json};

use crate::enrich::Observation;
use crate::fields::{Arg, FieldRef, Standing, Subject, Value};
use crate::redact::{Outcome, Redactor, Treatment, is_secret_name};

/// A secret at least that long is looked for in every field of its alert, when
/// it is no plain word.
const TELLING: usize = 8;
/// Plain words are looked for from that length on.
const TELLING_WORD: usize = 16;
/// Secrets of one alert that are looked for in every field.
const MOST_KNOWN: usize = 32;

/// What is known of the secrets around one event.
pub(super) struct Scene<'r> {
    redactor: &'r Redactor,
    /// Secrets, or arguments with one in them, and what to show for them; the
    /// longest first.
    known: Vec<(Vec<u8>, Vec<u8>)>,
    /// Arguments that are a secret each.
    arguments: Vec<(Vec<u8>, Vec<u8>)>,
    /// What stays because a field may show it.
    allowed: RefCell<Vec<Vec<u8>>>,
}

impl<'r> Scene<'r> {
    /// The scene of an event of which nothing but its fields is known.
    pub(super) fn bare(redactor: &'r Redactor) -> Self {
        Self {
            redactor,
            known: Vec::new(),
            arguments: Vec::new(),
            allowed: RefCell::default(),
        }
    }

    /// The scene of an event: arguments and environment of the process and the
    /// arguments of its parent, as the kernel has them, between NULs.
    pub(super) fn of(redactor: &'r Redactor, observation: &Observation<'_>) -> Self {
        let mut scene = Self::bare(redactor);
        let Some(process) = observation.process else {
            return scene;
        };
        for actor in [
            Some(process),
            observation.processes.ancestors(process).next(),
        ] {
            let Some(image) = actor.map(|actor| &actor.image) else {
                continue;
            };
            scene.learn(&[&image.exe, &b"\0"[..], &image.argv_rest].concat());
        }
        scene.learn(&process.image.env);
        let longest_first = |known: &(Vec<u8>, Vec<u8>)| usize::MAX - known.0.len();
        scene.known.sort_by_key(longest_first);
        scene
    }

    fn learn(&mut self, text: &[u8]) {
        for finding in self.redactor.find(text) {
            let piece = text.get(finding.range.clone()).unwrap_or_default();
            if !self.redactor.is_secret(&finding) || self.known.len() >= MOST_KNOWN {
                continue;
            }
            let shown = self.redactor.replacement(&finding, piece).into_bytes();
            let is_nul = |byte: &u8| *byte == 0;
            let before = text.get(..finding.range.start).unwrap_or_default();
            let behind = text.get(finding.range.end..).unwrap_or_default();
            let start = before.iter().rposition(is_nul).map_or(0, |at| at + 1);
            let end = behind.iter().position(is_nul).unwrap_or(behind.len());
            let lead = before.get(start..).unwrap_or_default();
            let tail = behind.get(..end).unwrap_or_default();
            if lead.is_empty() && tail.is_empty() {
                self.arguments.push((piece.to_vec(), shown.clone()));
            } else if lead.starts_with(b"-") && tail.is_empty() {
                let argument = [lead, piece].concat();
                if argument.len() >= TELLING {
                    self.known.push((argument, [lead, &shown].concat()));
                }
            }
            if is_telling(piece) {
                self.known.push((piece.to_vec(), shown));
            }
        }
    }

    /// A message that was rendered from redacted values, when more is to go.
    pub(super) fn message(&self, text: &str) -> Option<String> {
        let allowed = self.allowed.borrow();
        let kept = |piece: &[u8]| allowed.iter().any(|other| other == piece);
        let looked = self.redactor.again(text, kept);
        let now = looked.as_deref().unwrap_or(text);
        let fewer = self
            .without_known(now.as_bytes())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        fewer.or(looked)
    }

    /// Finished fields, whatever they were made from.
    pub(super) fn fields(&self, map: &mut Map<String, Json>) {
        for (name, value) in map.iter_mut() {
            match self.redactor.treatment(name) {
                Treatment::Allow => {}
                // Of the event's own fields nothing but the replacement is left.
                Treatment::Deny | Treatment::Look => self.json(value),
            }
        }
    }

    fn json(&self, value: &mut Json) {
        match value {
            Json::String(text) => {
                if let Some(fewer) = self.message(text) {
                    *text = fewer;
                }
            }
            Json::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Json::Object(map) => self.fields(map),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    /// The text without the secrets that are known already.
    fn without_known(&self, text: &[u8]) -> Option<Vec<u8>> {
        let allowed = self.allowed.borrow();
        let mut left: Option<Vec<u8>> = None;
        for (secret, shown) in &self.known {
            let now = left.as_deref().unwrap_or(text);
            if memmem::find(now, secret).is_none() || allowed.contains(secret) {
                continue;
            }
            let (mut out, mut at) = (Vec::new(), 0);
            for start in memmem::find_iter(now, secret) {
                out.extend_from_slice(now.get(at..start).unwrap_or_default());
                out.extend_from_slice(shown);
                at = start + secret.len();
            }
            out.extend_from_slice(now.get(at..).unwrap_or_default());
            left = Some(out);
        }
        left
    }
}

/// Whether a secret is peculiar enough to be looked for wherever it may stand.
fn is_telling(piece: &[u8]) -> bool {
    let word = piece.iter().all(u8::is_ascii_alphabetic);
    piece.len() >= if word { TELLING_WORD } else { TELLING }
}

/// An event seen without its secrets.
pub(super) struct Redacted<'s, S> {
    pub(super) subject: &'s S,
    pub(super) scene: &'s Scene<'s>,
}

impl<S: Subject> Subject for Redacted<'_, S> {
    fn value<'a>(&'a self, field: &FieldRef) -> Option<Value<'a>> {
        let value = self.subject.value(field)?;
        let redactor = self.scene.redactor;
        match redactor.treatment(&field.written) {
            Treatment::Allow => {
                self.allow(value);
                Some(value)
            }
            Treatment::Deny => Some(self.text_of(redactor.denied(&plain(value))?.as_bytes())),
            Treatment::Look => {
                if let (Value::Text(text), Some(name)) = (value, variable(field))
                    && !text.is_empty()
                    && is_secret_name(name)
                    && let Some(shown) = redactor.named(text)
                {
                    return Some(self.text_of(shown.as_bytes()));
                }
                self.look(value, field)
            }
        }
    }

    fn arena(&self) -> &Bump {
        self.subject.arena()
    }

    fn standing(&self) -> Option<Standing> {
        None
    }
}

impl<S: Subject> Redacted<'_, S> {
    fn text_of(&self, bytes: &[u8]) -> Value<'_> {
        Value::Text(self.arena().alloc_slice_copy(bytes))
    }

    fn look<'a>(&'a self, value: Value<'a>, field: &FieldRef) -> Option<Value<'a>> {
        match value {
            Value::Text(text) => match self.left_of(text, field) {
                Outcome::Clean => Some(value),
                Outcome::Changed(bytes) => Some(self.text_of(&bytes)),
                Outcome::Dropped => None,
            },
            Value::Buffer(text) => match self.left_of(text, field) {
                Outcome::Clean => Some(value),
                Outcome::Changed(bytes) => {
                    Some(Value::Buffer(self.arena().alloc_slice_copy(&bytes)))
                }
                Outcome::Dropped => None,
            },
            Value::Ip(address) => match self.left_of(address.to_string().as_bytes(), field) {
                Outcome::Clean => Some(value),
                Outcome::Changed(bytes) => Some(self.text_of(&bytes)),
                Outcome::Dropped => None,
            },
            Value::List(items) => {
                let left = items.iter().filter_map(|item| self.look(*item, field));
                let left: Vec<Value<'a>> = left.collect();
                if left == items {
                    return Some(value);
                }
                Some(Value::List(self.arena().alloc_slice_copy(&left)))
            }
            Value::Signed(_)
            | Value::Unsigned(_)
            | Value::Bool(_)
            | Value::Double(_)
            | Value::Port(_) => Some(value),
        }
    }

    fn left_of(&self, text: &[u8], field: &FieldRef) -> Outcome {
        let scene = self.scene;
        if matches!(field.arg, Arg::Index(_))
            && let Some((_, shown)) = scene.arguments.iter().find(|known| known.0 == text)
        {
            return Outcome::Changed(shown.clone());
        }
        // What is known goes first, as a whole: a secret with blanks in it would be
        // found only up to the first of them.
        let Some(left) = scene.without_known(text) else {
            return scene.redactor.value(text);
        };
        let shown = |piece: &[u8]| scene.known.iter().any(|known| known.1.ends_with(piece));
        match scene.redactor.value_but(&left, shown) {
            Outcome::Clean => Outcome::Changed(left),
            less => less,
        }
    }

    /// Remembers what a field may show, so that the message shows it as well.
    fn allow(&self, value: Value<'_>) {
        let text = plain(value);
        let mut allowed = self.scene.allowed.borrow_mut();
        for finding in self.scene.redactor.find(&text) {
            allowed.extend(text.get(finding.range).map(<[u8]>::to_vec));
        }
    }
}

/// The variable whose value a field is.
fn variable(field: &FieldRef) -> Option<&str> {
    match (field.field.name, &field.arg) {
        ("proc.env" | "proc.aenv", Arg::Key(name)) => Some(name),
        _ => None,
    }
}

/// A value as text, to be replaced as a whole.
fn plain(value: Value<'_>) -> Vec<u8> {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = match value {
        Value::Text(bytes) | Value::Buffer(bytes) => return bytes.to_vec(),
        Value::List(items) => {
            let items: Vec<Vec<u8>> = items.iter().map(|item| plain(*item)).collect();
            return items.join(&b' ');
        }
        Value::Signed(number) => write!(out, "{number}"),
        Value::Unsigned(number) => write!(out, "{number}"),
        Value::Bool(truth) => write!(out, "{truth}"),
        Value::Double(number) => write!(out, "{number}"),
        Value::Port(port) => write!(out, "{port}"),
        Value::Ip(address) => write!(out, "{address}"),
    };
    out.into_bytes()
}
