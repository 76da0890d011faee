//! Secrets: named in the configuration, read where they are kept.
//!
//! What comes in is a reference (`${NAME}` or `file:/path`), what leaves is a
//! [`Secret`]. A reference may be resolved again at any time, so that a rotated
//! token is picked up without a restart. Neither type ever prints a value: not
//! in `Debug`, not in `Display`, not in an error.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// No token or password is longer; more is a mistaken path.
const MAX_SECRET_BYTES: u64 = 16 * 1024;

/// How to write a secret, said in every message about one.
const HOW_TO: &str =
    "write a reference: ${NAME} for an environment variable or file:/path for a file";

/// A resolved secret. `Debug` and `Display` print `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value itself, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Accepts a value as read from its place: one trailing newline is cut off,
    /// since editors and `echo` add it; what could not travel in a header is refused.
    fn new(raw: &str) -> Result<Self, &'static str> {
        let value = raw.strip_suffix('\n').unwrap_or(raw);
        let value = value.strip_suffix('\r').unwrap_or(value);
        if value.is_empty() {
            return Err("is empty");
        }
        if value.chars().any(char::is_control) {
            return Err("holds control characters or several lines");
        }
        Ok(Self(value.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret is kept: `${NAME}` or `file:/path`. A literal value is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable, by name.
    Env(String),
    /// A file that holds nothing but the secret; an ending newline is ignored.
    File(PathBuf),
}

/// Why a secret could not be read. Never holds any part of the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The text is no reference.
    #[error("a secret does not stand in the configuration itself; {HOW_TO}")]
    Literal,
    /// The environment variable is not set or not UTF-8.
    #[error("environment variable {0} is not set (or not UTF-8)")]
    NoVariable(String),
    /// The file could not be read.
    #[error("cannot read {path}: {source}", path = .0.display(), source = .1)]
    Unreadable(PathBuf, std::io::Error),
    /// There is something, but it cannot be a secret.
    #[error("{0} {1}")]
    Unusable(SecretRef, &'static str),
}

impl SecretRef {
    /// Reads a reference as a person writes it.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        if let Some(path) = text.strip_prefix("file:") {
            let path = Path::new(path);
            return if path.is_absolute() {
                Ok(Self::File(path.to_owned()))
            } else {
                Err(SecretError::Literal)
            };
        }
        let name = text
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
            .ok_or(SecretError::Literal)?;
        let is_name = |c: char| c == '_' || c.is_ascii_alphanumeric();
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(SecretError::Literal);
        }
        Ok(Self::Env(name.to_owned()))
    }

    fn read(&self) -> Result<String, SecretError> {
        match self {
            Self::Env(name) => {
                std::env::var(name).map_err(|_| SecretError::NoVariable(name.clone()))
            }
            Self::File(path) => {
                read_bounded(path).map_err(|error| SecretError::Unreadable(path.clone(), error))
            }
        }
    }

    /// Reads the secret from its place, anew each time.
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        let raw = self.read()?;
        Secret::new(&raw).map_err(|why| SecretError::Unusable(self.clone(), why))
    }

    /// Reads a secret of several lines, such as a file of credentials, as it stands.
    #[cfg(feature = "nats")]
    pub(crate) fn resolve_text(&self) -> Result<Secret, SecretError> {
        let raw = self.read()?;
        if raw.trim().is_empty() {
            return Err(SecretError::Unusable(self.clone(), "is empty"));
        }
        Ok(Secret(raw))
    }
}

/// Reads one byte more than the bound at most, so that a mistaken path (a log,
/// a device) costs nothing and is told apart.
fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(MAX_SECRET_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_SECRET_BYTES {
        return Err(std::io::Error::other("larger than any secret (16 KiB)"));
    }
    Ok(text)
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "${{{name}}}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `Cow` instead of an `invalid_value` error: serde would quote the value.
        let text = Cow::<'de, str>::deserialize(deserializer)
            .map_err(|_| de::Error::custom(SecretError::Literal))?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for SecretRef {
    fn schema_name() -> Cow<'static, str> {
        "SecretRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            // Whoever shows a mistake in it must not show its text.
            "writeOnly": true,
            "pattern": r"^(\$\{[A-Za-z0-9_]+\}|file:/.+)$",
            "description": "Where a secret is kept: `${NAME}` (environment variable) or `file:/path`.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_variable_or_an_absolute_path() {
        let env = |n: &str| Some(SecretRef::Env(n.into()));
        let file = |p: &str| Some(SecretRef::File(p.into()));
        for (text, expected) in [
            ("${HEC_TOKEN}", env("HEC_TOKEN")),
            ("file:/run/secrets/hec", file("/run/secrets/hec")),
            ("file:relative", None),
            ("file:", None),
            ("${}", None),
            ("${A B}", None),
            ("${A", None),
            ("$A", None),
            ("", None),
            ("b7e2-literal-token", None),
        ] {
            assert_eq!(SecretRef::parse(text).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_literal_secret_is_refused_without_being_repeated() {
        for yaml in ["hunter2", "[hunter2]", "{hunter2: 1}", "\"hunter2\\n\""] {
            let message = serde_yaml::from_str::<SecretRef>(yaml)
                .unwrap_err()
                .to_string();
            assert!(!message.contains("hunter2"), "{message}");
            assert!(message.contains("file:/path"), "{message}");
        }
    }

    #[test]
    fn a_file_secret_is_read_anew_and_loses_one_newline() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let reference = SecretRef::File(path.clone());
        let message = reference.resolve().unwrap_err().to_string();
        assert!(message.contains("token"), "{message}");
        for (content, expected) in [
            ("first\n", Some("first")),
            ("second\r\n", Some("second")),
            ("", None),
            ("\n", None),
            ("two\nlines\n", None),
        ] {
            std::fs::write(&path, content).unwrap();
            let found = reference.resolve();
            assert_eq!(
                found.as_ref().ok().map(Secret::expose),
                expected,
                "{content:?}"
            );
            if let Err(error) = found {
                assert!(!error.to_string().contains("lines\n"), "{error}");
            }
        }
        std::fs::write(&path, "x".repeat(20_000)).unwrap();
        assert!(reference.resolve().is_err());
    }

    #[test]
    fn a_secret_prints_as_stars() {
        let secret = Secret::new("hunter2").unwrap();
        assert_eq!(
            format!("{secret} {secret:?} {:?}", Some(&secret)),
            "*** *** Some(***)"
        );
    }
}
