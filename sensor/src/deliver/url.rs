//! A receiver's URL, which may be a secret itself.
//!
//! Chat services know a sender by its URL alone: who has it can write there. So it
//! may be kept like any secret, read when it is needed and shown nowhere. A text of
//! the configuration comes in, the checked URL leaves.

use std::borrow::Cow;
use std::fmt;

use reqwest::Url;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::common::BuildError;
use super::http;
use super::secret::SecretRef;

/// A URL as it stands, or where it is kept: `${NAME}` or `file:/path`.
#[derive(Clone, PartialEq, Eq)]
pub enum UrlRef {
    /// The URL.
    Plain(String),
    /// Where it is kept.
    Secret(SecretRef),
}

impl UrlRef {
    /// The URL; a secret one is read anew each time. The error shows no part of it.
    pub(crate) fn resolve(&self, allow_unencrypted: bool) -> Result<Url, BuildError> {
        let parse = |text: &str| http::parse_url(text, allow_unencrypted);
        match self {
            Self::Plain(text) => parse(text).map_err(BuildError::Value),
            Self::Secret(reference) => parse(reference.resolve()?.expose()).map_err(|_| {
                let why = "holds no https: URL, or one with a user name";
                BuildError::Value(format!("url: {reference} {why}"))
            }),
        }
    }
}

impl fmt::Debug for UrlRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("***"),
            Self::Secret(reference) => reference.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for UrlRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)
            .map_err(|_| de::Error::custom("url is no text"))?;
        if text.starts_with("${") || text.starts_with("file:") {
            let reference = SecretRef::parse(&text).map_err(de::Error::custom)?;
            return Ok(Self::Secret(reference));
        }
        Ok(Self::Plain(text.into_owned()))
    }
}

impl JsonSchema for UrlRef {
    fn schema_name() -> Cow<'static, str> {
        "UrlRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A URL, or where it is kept: `${NAME}` (environment variable) or `file:/path`.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_be_kept_elsewhere_and_is_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("url");
        let reference = format!("file:{}", path.display());
        let url_ref = |yaml: &str| serde_yaml::from_str::<UrlRef>(yaml).unwrap();
        for (content, good) in [
            ("https://hooks.example/hunter2\n", true),
            ("http://hooks.example/hunter2", false),
            ("hunter2", false),
            ("hunter2:", false),
            ("https://hunter2@hooks.example", false),
        ] {
            std::fs::write(&path, content).unwrap();
            for kept in [url_ref(&reference), UrlRef::Plain(content.trim().into())] {
                let url = kept.resolve(false);
                assert_eq!(url.is_ok(), good, "{content}");
                let shown = url.err().map_or(String::new(), |error| error.to_string());
                let secret = matches!(kept, UrlRef::Secret(_));
                assert!(!shown.contains("hunter2") || !secret, "{shown}");
                assert!(!format!("{kept:?}").contains("hunter2"));
            }
        }
        assert!(serde_yaml::from_str::<UrlRef>("'file:relative'").is_err());
    }
}
