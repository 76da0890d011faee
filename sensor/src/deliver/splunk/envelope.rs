//! Alerts as Splunk's requests carry them.
//!
//! Alerts come in, a body leaves: envelopes one after the other for the event
//! endpoint, lines for the raw one. Metadata is made from each alert; what Splunk
//! would not take of it never leaves. An alert whose fields or index were refused
//! goes without them: its text is what matters.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::alert::{Alert, utc};

use super::{Config, Endpoint};
use crate::deliver::pattern::Pattern;
use crate::deliver::text;

/// The longest value of metadata, in characters.
const MAX_CHARS: usize = 256;
/// The longest name of an index or a field, in bytes.
const MAX_NAME: usize = 100;

/// What every event has by itself, in Splunk or from us.
const TAKEN_NAMES: [&str; 20] = [
    "time",
    "host",
    "source",
    "sourcetype",
    "index",
    "event",
    "fields",
    "linecount",
    "punct",
    "splunk_server",
    "timestamp",
    "eventtype",
    "tag",
    "hostname",
    "priority",
    "rule",
    "uuid",
    "output",
    "message",
    "tags",
];

/// How long an index that was refused is not asked for again.
const REFUSED: Duration = Duration::from_mins(10);
/// The most such indexes that are known at a time.
const MAX_REFUSED: usize = 1000;

/// Makes the bodies of one sender.
pub(super) struct Envelopes {
    config: Config,
    /// Alerts of the batch under way whose fields were refused.
    bare: BTreeSet<Uuid>,
    /// Indexes that were refused, and when.
    refused: BTreeMap<String, Instant>,
}

/// Where an event is said to come from, and where it is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    /// Names and values; none of these is empty.
    pairs: Vec<(&'static str, String)>,
}

impl Metadata {
    pub(super) fn pairs(&self) -> &[(&'static str, String)] {
        &self.pairs
    }
}

impl Envelopes {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            bare: BTreeSet::new(),
            refused: BTreeMap::new(),
        }
    }

    /// Forgets what was noted of alerts that are not in the batch any more, and what
    /// is long ago.
    pub(super) fn begin(&mut self, batch: &[Arc<Alert>]) {
        if !self.bare.is_empty() {
            let waits = |id: &Uuid| batch.iter().any(|alert| alert.id == *id);
            self.bare.retain(waits);
        }
        self.refused.retain(|_, since| since.elapsed() < REFUSED);
    }

    /// Has an alert sent without its fields; false when it already is.
    pub(super) fn drop_fields(&mut self, alert: &Alert) -> bool {
        self.bare.insert(alert.id)
    }

    /// Has alerts with this one's index sent without it; false when they already are.
    pub(super) fn drop_index(&mut self, alert: &Alert) -> bool {
        let Some(index) = self.index(alert) else {
            return false;
        };
        if self.refused.len() >= MAX_REFUSED {
            self.refused.clear();
        }
        self.refused.insert(index, Instant::now());
        true
    }

    /// How many of the first alerts fit into one request, and the metadata in its URL.
    pub(super) fn request(&self, batch: &[Arc<Alert>]) -> (usize, Option<Metadata>) {
        let (Endpoint::Raw, Some(first)) = (self.config.endpoint, batch.first()) else {
            return (batch.len(), None);
        };
        let metadata = self.metadata(first);
        let alike = batch
            .iter()
            .take_while(|alert| self.metadata(alert) == metadata);
        (alike.count(), Some(metadata))
    }

    /// The body of one request.
    pub(super) fn body(&self, alerts: &[Arc<Alert>]) -> std::io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        for alert in alerts {
            match self.config.endpoint {
                Endpoint::Event => self.write_envelope(&mut plain, alert),
                Endpoint::Raw => self.write_line(&mut plain, alert),
            }
        }
        if !self.config.gzip {
            return Ok(plain);
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&plain)?;
        encoder.finish()
    }

    /// The index of an alert, unless Splunk does not allow it.
    fn index(&self, alert: &Alert) -> Option<String> {
        let pattern = self.config.index.as_ref()?;
        // Cleaned as a whole: what is fine within a name may not begin it.
        let name = index_name(&pattern.fill(alert, index_name));
        (!name.is_empty() && !self.refused.contains_key(&name)).then_some(name)
    }

    fn metadata(&self, alert: &Alert) -> Metadata {
        let config = &self.config;
        let made = |pattern: &Option<Pattern>, default: &str| match pattern {
            Some(pattern) => pattern.fill(alert, printable),
            None => printable(default),
        };
        let mut pairs = vec![
            ("host", made(&config.host, &alert.hostname)),
            ("source", made(&config.source, &alert.source)),
            (
                "sourcetype",
                made(&config.sourcetype, config.format.sourcetype()),
            ),
        ];
        pairs.extend(self.index(alert).map(|index| ("index", index)));
        pairs.retain(|(_, value)| !value.is_empty());
        Metadata { pairs }
    }

    fn write_envelope(&self, out: &mut Vec<u8>, alert: &Alert) {
        let mut envelope = Map::new();
        for (key, value) in self.metadata(alert).pairs {
            envelope.insert(key.into(), value.into());
        }
        if !self.config.fields.is_empty() && !self.bare.contains(&alert.id) {
            let fields = self.config.fields.iter();
            let filled = fields.map(|(name, made)| (name.clone(), made.fill(alert, printable)));
            envelope.insert("fields".into(), filled.collect());
        }
        envelope.insert("event".into(), self.config.format.encode(alert));
        // The time is written digit by digit: a float would round microseconds.
        let (seconds, rest) = (alert.time_ns / 1_000_000_000, alert.time_ns % 1_000_000_000);
        let text = Value::Object(envelope).to_string();
        let members = text.strip_prefix('{').unwrap_or(&text);
        out.extend_from_slice(
            format!("{{\"time\":{seconds}.{:06},{members}\n", rest / 1000).as_bytes(),
        );
    }

    fn write_line(&self, out: &mut Vec<u8>, alert: &Alert) {
        let mut event = self.config.format.encode(alert);
        // Here Splunk looks for it in the line itself.
        if let Some(object) = event.as_object_mut() {
            let time = || json!(utc(alert.time_ns, "Z"));
            object.entry("time").or_insert_with(time);
        }
        out.extend_from_slice(event.to_string().as_bytes());
        out.push(b'\n');
    }
}

/// A value without control characters, of a length that can be indexed.
fn printable(value: &str) -> String {
    let plain: String = value.chars().filter(|c| !c.is_control()).collect();
    text::shortened(&plain, MAX_CHARS)
}

/// The nearest that can be an index's name. Splunk's own begin with `_`: no value of
/// an alert may choose one of those.
pub(super) fn index_name(text: &str) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' => c,
        _ => '_',
    };
    let name: String = text.chars().take(MAX_NAME).map(plain).collect();
    name.trim_start_matches(['_', '-']).to_owned()
}

/// What is wrong with the name of a field to be indexed, if anything.
pub(super) fn check_field(name: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !begins || name.len() > MAX_NAME || !name.chars().all(plain) {
        return Some(format!(
            "fields has `{}`; a name must be letters, digits and `_`, begin with a letter and have \
             at most {MAX_NAME} characters",
            name.escape_debug()
        ));
    }
    TAKEN_NAMES.contains(&name).then(|| {
        format!("fields has `{name}`, which every event has already; call it `sensor_{name}`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_value_becomes_the_name_of_an_index_or_nothing() {
        for (value, expected) in [
            ("sec", "sec"),
            ("Prod/EU west", "prod_eu_west"),
            ("_internal", "internal"),
            ("-_-x", "x"),
            ("é", ""),
            ("", ""),
        ] {
            assert_eq!(index_name(value), expected);
        }
        assert_eq!(index_name(&"a".repeat(500)).len(), MAX_NAME);
    }

    #[test]
    fn names_of_fields_are_those_splunk_can_index() {
        for (name, good) in [
            ("sensor_rule", true),
            ("pod", true),
            ("rule", false),
            ("index", false),
            ("_time", false),
            ("a.b", false),
            ("", false),
        ] {
            assert_eq!(check_field(name).is_none(), good, "{name}");
        }
    }

    #[test]
    fn values_lose_what_could_end_a_line_and_what_is_too_long() {
        assert_eq!(printable("a\r\nb\x1b"), "ab");
        assert_eq!(printable(&"x".repeat(1000)).chars().count(), MAX_CHARS);
    }
}
