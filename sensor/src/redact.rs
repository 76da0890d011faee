//! Text that may hold secrets or personal data in, the same text without them out.
//!
//! What to look for is a table of [`DETECTORS`], one row each; what is done with
//! a finding is an [`Action`]. One pass over the text for the words that findings
//! have in common decides which detectors look at it at all, so text without
//! anything costs one pass. This room knows text only: alerts and recordings,
//! which both need it, bring theirs here.
//!
//! What always holds: the same finding with the same settings gives the same
//! replacement everywhere; text without a finding leaves as it came, byte for
//! byte; what was redacted and is looked at again stays as it is.

mod assignment;
mod detectors;
mod option;
mod personal;
mod pseudonym;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use regex::bytes::{Regex, RegexBuilder};

pub(crate) use assignment::is_secret_name;
use detectors::Find;
pub use detectors::{Class, DETECTORS, Detector};
pub use pseudonym::Key;

/// What a masked finding is replaced by, and what stands behind a kept prefix.
pub const MASK: &str = "***";
/// What a dropped value prints as: as any missing value.
const DROPPED: &str = "<NA>";

/// What is done with a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is replaced by `***`.
    Mask,
    /// The whole value it stands in is left out.
    Drop,
    /// Its first characters stay, the rest is replaced by `***`.
    KeepPrefix,
    /// It is replaced by a name made from it and a key.
    Pseudonym,
}

/// What a [`Redactor`] is made from.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The detectors at work, by name, and what is done with their findings.
    pub detectors: Vec<(&'static str, Action)>,
    /// Characters [`Action::KeepPrefix`] keeps.
    pub keep: usize,
    /// The key of pseudonyms. Without one, [`Action::Pseudonym`] masks.
    pub key: Option<Key>,
    /// Fields whose values are left as they are; `*` stands for any text.
    pub allow: Vec<String>,
    /// Fields whose whole values are findings; `*` stands for any text.
    pub deny: Vec<String>,
    /// What is done with the values of denied fields.
    pub denied: Option<Action>,
    /// Whether recordings are masked, too.
    pub recording: bool,
}

/// How a field's value is to be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Left as it is.
    Allow,
    /// Replaced as a whole.
    Deny,
    /// Looked through.
    Look,
}

/// Where something was found, and by which detector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) range: Range<usize>,
    /// Place in [`Redactor::armed`].
    by: usize,
}

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing was found.
    Clean,
    /// This is left.
    Changed(Vec<u8>),
    /// Nothing is left.
    Dropped,
}

/// A detector at work.
struct Armed {
    row: &'static Detector,
    action: Action,
    pattern: Option<Regex>,
}

/// Looks text through. Made once, shared by all who need it.
pub struct Redactor {
    armed: Vec<Armed>,
    /// Every word that makes a detector look, and whose it is.
    words: Option<AhoCorasick>,
    owners: Vec<usize>,
    settings: Settings,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.armed.iter().map(|armed| armed.row.name);
        f.debug_set().entries(names).finish()
    }
}

impl Redactor {
    /// A redactor of these settings; names of no detector are passed over.
    pub fn new(settings: Settings) -> Self {
        let mut armed = Vec::new();
        let (mut words, mut owners) = (Vec::new(), Vec::new());
        for (name, action) in &settings.detectors {
            let Some(row) = DETECTORS.iter().find(|row| row.name == *name) else {
                continue;
            };
            for word in row.words {
                words.push(*word);
                owners.push(armed.len());
            }
            armed.push(Armed {
                row,
                action: *action,
                pattern: row.pattern().and_then(compiled),
            });
        }
        Self {
            armed,
            // A few dozen short words are within every limit of the builder.
            words: AhoCorasickBuilder::new()
                .ascii_case_insensitive(true)
                .build(words)
                .ok(),
            owners,
            settings,
        }
    }

    /// Whether recordings are masked, too.
    pub fn masks_recordings(&self) -> bool {
        self.settings.recording
    }

    /// How the value of a field of this name, argument included, is treated.
    pub fn treatment(&self, field: &str) -> Treatment {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| glob(pattern, field));
        if any(&self.settings.deny) {
            Treatment::Deny
        } else if any(&self.settings.allow) {
            Treatment::Allow
        } else {
            Treatment::Look
        }
    }

    /// Whether anything has to be done about values at all.
    pub fn is_idle(&self) -> bool {
        self.armed.is_empty() && self.settings.deny.is_empty()
    }

    /// Everything to redact in a text, in order, none overlapping.
    pub(crate) fn find(&self, text: &[u8]) -> Vec<Finding> {
        let looking = self.looking(text);
        if looking == 0 {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (by, armed) in self.armed.iter().enumerate() {
            if looking >> by & 1 == 1 {
                armed.find(text, &mut |range| found.push(Finding { range, by }));
            }
        }
        whole_characters(text, &mut found);
        merged(found)
    }

    /// Whether there may be something to find in these bytes, whatever they are.
    pub(crate) fn suspects(&self, bytes: &[u8]) -> bool {
        self.looking(bytes) != 0
    }

    /// The detectors that have a reason to look, one bit each.
    fn looking(&self, text: &[u8]) -> u64 {
        let mut bits = 0;
        for (by, armed) in self.armed.iter().enumerate() {
            if armed.row.words.is_empty() {
                bits |= 1 << by;
            }
        }
        for word in self
            .words
            .iter()
            .flat_map(|w| w.find_overlapping_iter(text))
        {
            if let Some(by) = self.owners.get(word.pattern().as_usize()) {
                bits |= 1 << by;
            }
        }
        bits
    }

    /// A value without what is found in it.
    pub(crate) fn value(&self, text: &[u8]) -> Outcome {
        self.without(text, &self.find(text))
    }

    /// The same, pieces aside that are known to be replacements.
    pub(crate) fn value_but(&self, text: &[u8], shown: impl Fn(&[u8]) -> bool) -> Outcome {
        let mut found = self.find(text);
        found.retain(|finding| {
            let piece = text.get(finding.range.clone()).unwrap_or_default();
            !shown(piece)
        });
        self.without(text, &found)
    }

    /// A text whose parts were looked through before: what was redacted stays.
    pub(crate) fn again(&self, text: &str, keep: impl Fn(&[u8]) -> bool) -> Option<String> {
        let bytes = text.as_bytes();
        let mut found = self.find(bytes);
        found.retain(|finding| {
            let piece = bytes.get(finding.range.clone()).unwrap_or_default();
            !is_redacted(piece) && !keep(piece)
        });
        match self.without(bytes, &found) {
            Outcome::Clean => None,
            Outcome::Changed(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            // Only the finding goes: the rest of a message is no part of it.
            Outcome::Dropped => Some(self.text_without(text, &found)),
        }
    }

    fn text_without(&self, text: &str, found: &[Finding]) -> String {
        let (mut out, mut at) = (String::new(), 0);
        for finding in found {
            out.push_str(text.get(at..finding.range.start).unwrap_or_default());
            let piece = text.get(finding.range.clone()).unwrap_or_default();
            out.push_str(&self.replacement(finding, piece.as_bytes()));
            at = finding.range.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }

    fn without(&self, text: &[u8], found: &[Finding]) -> Outcome {
        if found.is_empty() {
            return Outcome::Clean;
        }
        let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
        for finding in found {
            if self.action(finding) == Action::Drop {
                return Outcome::Dropped;
            }
            out.extend_from_slice(text.get(at..finding.range.start).unwrap_or_default());
            let piece = text.get(finding.range.clone()).unwrap_or_default();
            out.extend_from_slice(self.replacement(finding, piece).as_bytes());
            at = finding.range.end;
        }
        out.extend_from_slice(text.get(at..).unwrap_or_default());
        Outcome::Changed(out)
    }

    fn action(&self, finding: &Finding) -> Action {
        let armed = self.armed.get(finding.by);
        armed.map_or(Action::Mask, |armed| armed.action)
    }

    /// Whether what was found is a secret, not personal data.
    pub(crate) fn is_secret(&self, finding: &Finding) -> bool {
        let armed = self.armed.get(finding.by);
        armed.is_some_and(|armed| armed.row.class == Class::Secret)
    }

    /// What stands in the place of a finding.
    pub(crate) fn replacement(&self, finding: &Finding, piece: &[u8]) -> String {
        self.replaced(self.action(finding), piece)
    }

    /// What stands in the place of a denied field's value; `None`: nothing does.
    pub(crate) fn denied(&self, value: &[u8]) -> Option<String> {
        match self.settings.denied.unwrap_or(Action::Mask) {
            Action::Drop => None,
            action => Some(self.replaced(action, value)),
        }
    }

    /// What stands in the place of a value whose name says that it is a secret.
    pub(crate) fn named(&self, value: &[u8]) -> Option<String> {
        let armed = self.armed.iter().find(|armed| armed.row.name == "password");
        match armed?.action {
            Action::Drop => Some(DROPPED.to_owned()),
            action => Some(self.replaced(action, value)),
        }
    }

    fn replaced(&self, action: Action, piece: &[u8]) -> String {
        match (action, &self.settings.key) {
            (Action::Drop, _) => DROPPED.to_owned(),
            (Action::Pseudonym, Some(key)) => key.pseudonym(piece),
            (Action::KeepPrefix, _) => {
                let text = String::from_utf8_lossy(piece);
                // Of a short secret the prefix would be most of it.
                let keep = self.settings.keep.min(text.chars().count() / 4);
                text.chars().take(keep).chain(MASK.chars()).collect()
            }
            (Action::Mask | Action::Pseudonym, _) => MASK.to_owned(),
        }
    }

    /// Replaces every byte of every secret by a star, for a recording: lengths
    /// and what stands around stay. Personal data stays, because rules ask for it.
    pub(crate) fn star(&self, text: &mut [u8]) -> bool {
        let mut found = self.find(text);
        found.retain(|finding| self.is_secret(finding));
        for finding in &found {
            if let Some(piece) = text.get_mut(finding.range.clone()) {
                piece.fill(b'*');
            }
        }
        !found.is_empty()
    }
}

impl Armed {
    fn find(&self, text: &[u8], found: &mut dyn FnMut(Range<usize>)) {
        match (&self.row.find, &self.pattern) {
            (Find::Code(code), _) => code(text, found),
            (Find::Pattern(_), Some(pattern)) => {
                for captures in pattern.captures_iter(text) {
                    // Groups are the secret parts; without one, all of it is.
                    let skip = usize::from(captures.len() > 1);
                    for part in captures.iter().skip(skip).flatten() {
                        found(part.range());
                    }
                }
            }
            (Find::Pattern(_), None) => {}
        }
    }
}

/// A pattern over bytes; ours all compile, which a test holds them to.
fn compiled(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).unicode(false).build().ok()
}

/// Whether a piece is what a finding was replaced by.
fn is_redacted(piece: &[u8]) -> bool {
    piece.ends_with(MASK.as_bytes())
        || piece == DROPPED.as_bytes()
        || pseudonym::is_pseudonym(piece)
}

/// Widens findings so that none cuts a character of UTF-8 in two.
fn whole_characters(text: &[u8], found: &mut [Finding]) {
    let inside = |at: usize| text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    for Finding { range, .. } in found {
        while range.start > 0 && inside(range.start) {
            range.start -= 1;
        }
        while inside(range.end) {
            range.end += 1;
        }
    }
}

/// Findings in order; those that overlap are one, told by the first.
fn merged(mut found: Vec<Finding>) -> Vec<Finding> {
    found.retain(|finding| !finding.range.is_empty());
    found.sort_by_key(|finding| (finding.range.start, usize::MAX - finding.range.end));
    found.dedup_by(|next, kept| {
        let overlaps = next.range.start < kept.range.end;
        if overlaps {
            kept.range.end = kept.range.end.max(next.range.end);
        }
        overlaps
    });
    found
}

/// Whether the whole text matches a pattern whose `*` stands for any text.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}
