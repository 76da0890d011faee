//! Where the collectors are: one URL or a list of them.

use std::borrow::Cow;

use reqwest::Url;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::deliver::http;

/// The most collectors of one output.
const MAX: usize = 32;

/// What every path of a collector has in it.
pub(super) const COLLECTOR: &str = "/services/collector";

/// One URL, or several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Urls {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Urls {
    pub(super) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(url) => std::slice::from_ref(url),
            Self::Several(urls) => urls,
        }
    }

    /// What is wrong with them, one sentence each.
    pub(super) fn check(&self, allow_unencrypted: bool, acknowledgement: bool) -> Vec<String> {
        let urls = self.as_slice();
        let mut wrong = Vec::new();
        if !(1..=MAX).contains(&urls.len()) {
            wrong.push(format!("url must be one or a list of 1 to {MAX}"));
        }
        for (number, text) in urls.iter().enumerate() {
            wrong.extend(http::check_url(text, allow_unencrypted));
            if urls.iter().take(number).any(|before| before == text) {
                wrong.push("url has the same collector twice".to_owned());
            }
            let asks_more = acknowledgement || urls.len() > 1;
            let url = Url::parse(text).ok();
            if asks_more && url.is_some_and(|url| prefix(&url).is_none()) {
                wrong.push(format!(
                    "url has a path without {COLLECTOR}, so health and acknowledgement have no \
                     place; leave the path out"
                ));
            }
        }
        wrong
    }
}

/// What stands before the collector's own path; none where another path was given.
fn prefix(url: &Url) -> Option<&str> {
    match url.path() {
        "/" => Some(""),
        path => path.find(COLLECTOR).and_then(|at| path.get(..at)),
    }
}

/// The collector's place for `what`: `event`, `raw`, `ack` or `health`. A path that
/// is no collector's stays as it is.
pub(super) fn place(url: &Url, what: &str) -> Url {
    let mut place = url.clone();
    if let Some(prefix) = prefix(url) {
        place.set_path(&format!("{prefix}{COLLECTOR}/{what}"));
    }
    place
}

/// A text, or a list of texts.
impl JsonSchema for Urls {
    fn schema_name() -> Cow<'static, str> {
        "Urls".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One URL, or a list of them.",
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX},
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_a_collector_is_found_from_any_of_its_paths() {
        for (url, event, health) in [
            (
                "https://s:8088",
                "/services/collector/event",
                "/services/collector/health",
            ),
            (
                "https://s/hec/services/collector/event/1.0",
                "/hec/services/collector/event",
                "/hec/services/collector/health",
            ),
            (
                "https://s/services/collector",
                "/services/collector/event",
                "/services/collector/health",
            ),
            ("https://s/of/our/own", "/of/our/own", "/of/our/own"),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(place(&url, "event").path(), event, "{url}");
            assert_eq!(place(&url, "health").path(), health, "{url}");
        }
    }

    #[test]
    fn wrong_lists_are_told() {
        for (yaml, acknowledgement, told) in [
            ("https://a", true, ""),
            ("https://a/x", false, ""),
            ("https://a/x", true, "has a path"),
            ("[https://a, https://b]", false, ""),
            ("[https://a, https://b/x]", false, "has a path"),
            ("[https://a, https://a]", false, "twice"),
            ("[]", false, "1 to 32"),
            ("[http://a]", false, "anyone on the path"),
        ] {
            let urls: Urls = serde_yaml::from_str(yaml).unwrap();
            let wrong = urls.check(false, acknowledgement).concat();
            assert!(
                wrong.contains(told) && wrong.is_empty() == told.is_empty(),
                "{yaml}: {wrong}"
            );
        }
    }
}
