//! The section `redaction` in, what redaction is made from out.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::deliver::secret::SecretRef;
use crate::redact::{self, Class, DETECTORS, Key, Redactor, Settings};

/// What is taken out of alerts and recordings before anything is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RedactionConfig {
    /// What is looked for when `detectors` does not say otherwise.
    pub profile: Profile,
    /// What is done with findings when `detectors` does not say otherwise.
    pub action: Action,
    /// By detector what is done with its findings, or `off`; this puts a detector
    /// to work that the profile does not. `{ip: pseudonym, jwt: off}`. The
    /// detectors stand in docs/outputs.md.
    pub detectors: BTreeMap<String, Choice>,
    /// Fields whose values are shown as they are, in the message as well; `*`
    /// stands for any text.
    pub allow_fields: Vec<String>,
    /// Fields whose values are replaced as a whole; `*` stands for any text. A
    /// field in both lists is denied.
    pub deny_fields: Vec<String>,
    /// What is done with the values of denied fields.
    pub deny_action: Action,
    /// Characters that `keep_prefix` keeps, 1 to 16, but never more than a quarter
    /// of what was found.
    #[schemars(range(min = 1, max = 16))]
    pub keep_prefix: usize,
    /// The key of pseudonyms, 16 bytes or more: `${NAME}` or `file:/path`. The same
    /// key gives the same value the same pseudonym on every host.
    pub key: Option<SecretRef>,
    /// Replace secrets in recordings by stars, as many as they are long. Personal
    /// data stays in recordings, because rules ask for it.
    pub recording: bool,
}

impl Default for RedactionConfig {
    fn default() -> Self {
        Self {
            profile: Profile::Secrets,
            action: Action::Mask,
            detectors: BTreeMap::new(),
            allow_fields: Vec::new(),
            deny_fields: Vec::new(),
            deny_action: Action::Mask,
            keep_prefix: 4,
            key: None,
            recording: true,
        }
    }
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Passwords, tokens and keys.
    Secrets,
    /// Those, and addresses of mail, numbers of cards, IP addresses and names of
    /// home directories.
    Personal,
    /// Nothing but what `detectors` names.
    Off,
}

/// What is done with a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Replace it by `***`.
    Mask,
    /// Leave out the whole value it stands in: `null`, and `<NA>` in the message.
    Drop,
    /// Keep its first characters and replace the rest by `***`.
    KeepPrefix,
    /// Replace it by a name made from it and `key`, `p1:…`: the same value has the
    /// same name, and nobody can turn the name back.
    Pseudonym,
}

/// What one detector does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "see `Action`")]
pub enum Choice {
    /// It is not at work.
    Off,
    Mask,
    Drop,
    KeepPrefix,
    Pseudonym,
}

impl Action {
    fn action(self) -> redact::Action {
        match self {
            Self::Mask => redact::Action::Mask,
            Self::Drop => redact::Action::Drop,
            Self::KeepPrefix => redact::Action::KeepPrefix,
            Self::Pseudonym => redact::Action::Pseudonym,
        }
    }
}

impl Choice {
    fn action(self) -> Option<redact::Action> {
        match self {
            Self::Off => None,
            Self::Mask => Some(redact::Action::Mask),
            Self::Drop => Some(redact::Action::Drop),
            Self::KeepPrefix => Some(redact::Action::KeepPrefix),
            Self::Pseudonym => Some(redact::Action::Pseudonym),
        }
    }
}

/// Something wrong with the section: the key it stands under, what it is, and
/// the wrong detector's name.
pub(super) struct Wrong<'c> {
    pub(super) path: [&'c str; 2],
    pub(super) message: String,
    pub(super) detector: Option<&'c str>,
}

impl RedactionConfig {
    /// The detectors at work, and what they do.
    fn at_work(&self) -> Vec<(&'static str, redact::Action)> {
        let by_profile = |class| match self.profile {
            Profile::Off => false,
            Profile::Secrets => class == Class::Secret,
            Profile::Personal => true,
        };
        let rows = DETECTORS.iter().filter_map(|row| {
            let action = match self.detectors.get(row.name) {
                Some(choice) => choice.action(),
                None => by_profile(row.class).then(|| self.action.action()),
            };
            Some((row.name, action?))
        });
        rows.collect()
    }

    fn wants_key(&self) -> bool {
        let detectors = self.at_work();
        let mut actions = detectors.iter().map(|(_, action)| *action);
        let denied = !self.deny_fields.is_empty() && self.deny_action == Action::Pseudonym;
        denied || actions.any(|action| action == redact::Action::Pseudonym)
    }

    fn key(&self) -> Result<Option<Key>, String> {
        let Some(reference) = self.key.as_ref().filter(|_| self.wants_key()) else {
            return Ok(None);
        };
        let secret = reference.resolve().map_err(|error| error.to_string())?;
        let key = Key::new(secret.expose().as_bytes());
        key.map(Some).map_err(|why| format!("{reference}: {why}"))
    }

    /// Everything wrong with it.
    pub(super) fn check(&self) -> Vec<Wrong<'_>> {
        let unknown = self.detectors.keys().filter_map(|name| {
            let known = DETECTORS.iter().any(|row| row.name == name);
            (!known).then(|| Wrong {
                path: ["detectors", name],
                message: format!("there is no detector `{name}`"),
                detector: Some(name),
            })
        });
        let of_key = |message| Wrong {
            path: ["key", ""],
            message,
            detector: None,
        };
        let key = if self.wants_key() && self.key.is_none() {
            Some(of_key("pseudonyms need a `key`".to_owned()))
        } else {
            self.key().err().map(of_key)
        };
        unknown.chain(key).collect()
    }

    /// What redacts as the section says; `None` where nothing is to be redacted.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn redactor(&self) -> Result<Option<Arc<Redactor>>, String> {
        let redactor = Redactor::new(Settings {
            detectors: self.at_work(),
            keep: self.keep_prefix,
            key: self.key()?,
            allow: self.allow_fields.clone(),
            deny: self.deny_fields.clone(),
            denied: Some(self.deny_action.action()),
            recording: self.recording,
        });
        Ok((!redactor.is_idle()).then(|| Arc::new(redactor)))
    }
}
