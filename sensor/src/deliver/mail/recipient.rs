//! Who gets which alerts.
//!
//! An element of `to` comes in, an address and a wish leave. Recipients with the same
//! wish get the same mail.

use std::borrow::Cow;
use std::fmt;

use lettre::message::Mailbox;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::alert::{Alert, Priority, is_named};

/// A recipient, and which alerts it gets: those that fit every key that is given.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// The address, such as `soc@example.org` or `SOC <soc@example.org>`.
    pub address: String,
    /// None less serious than this (default: all that the output takes).
    #[serde(default)]
    pub min_priority: Option<Priority>,
    /// Those of rules with such a name; `*` stands for any text.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Those of rules with such a tag; `*` stands for any text.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// An element of `to`: a recipient, or its address alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry(pub Recipient);

/// Which alerts a recipient gets.
type Wish<'a> = (Option<Priority>, &'a [String], &'a [String]);

impl Recipient {
    /// What it wishes for; those who wish for the same get the same mail.
    pub(super) fn wish(&self) -> Wish<'_> {
        (self.min_priority, &self.rules, &self.tags)
    }

    /// Whether it gets this alert.
    pub(super) fn wants(&self, alert: &Alert) -> bool {
        let tagged = || alert.tags.iter().any(|tag| is_named(&self.tags, tag));
        self.min_priority
            .is_none_or(|least| alert.priority <= least)
            && (self.rules.is_empty() || is_named(&self.rules, &alert.rule))
            && (self.tags.is_empty() || tagged())
    }

    /// Its address, or what is wrong with it.
    pub(super) fn mailbox(&self) -> Result<Mailbox, String> {
        mailbox("to", &self.address)
    }
}

/// Reads an address, such as `Sensor <sensor@example.org>`, of the named key.
pub(super) fn mailbox(key: &str, text: &str) -> Result<Mailbox, String> {
    if text.chars().any(char::is_control) {
        return Err(format!(
            "{key}: `{}` holds control characters",
            text.escape_debug()
        ));
    }
    text.parse()
        .map_err(|error| format!("{key}: `{text}` is no mail address: {error}"))
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Recipient;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address, or a map with `address`")
            }

            fn visit_str<E>(self, address: &str) -> Result<Recipient, E> {
                Ok(Recipient {
                    address: address.to_owned(),
                    ..Recipient::default()
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Recipient, A::Error> {
                Recipient::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(Either).map(Self)
    }
}

impl JsonSchema for Entry {
    fn schema_name() -> Cow<'static, str> {
        "MailRecipient".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let recipient = Recipient::json_schema(generator);
        json_schema!({"anyOf": [{"type": "string"}, recipient]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Recipient, String> {
        let entry: Result<Entry, _> = serde_yaml::from_str(yaml);
        entry
            .map(|entry| entry.0)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_recipient_is_an_address_or_one_with_a_wish() {
        let plain = read("soc@x.example").unwrap();
        assert_eq!(plain.wish(), Recipient::default().wish());
        let yaml = "{address: soc@x.example, min_priority: critical, tags: ['T1*']}";
        let chosen = read(yaml).unwrap();
        assert_eq!(chosen.address, plain.address);
        assert_eq!(chosen.min_priority, Some(Priority::Critical));
        assert!(read("7").unwrap_err().contains("an address, or a map"));
        assert!(read("{addres: x}").unwrap_err().contains("unknown field"));
        assert!(read("{tags: []}").unwrap_err().contains("address"));
    }

    #[test]
    fn an_address_cannot_bring_a_header_along() {
        for (text, told) in [
            ("soc@x.example\r\nBcc: evil@x.example", "control characters"),
            ("A\nB <soc@x.example>", "control characters"),
            ("soc@x.example, evil@x.example", "no mail address"),
            (
                "<soc@x.example> RCPT TO:<evil@x.example>",
                "no mail address",
            ),
            ("soc", "no mail address"),
            ("", "no mail address"),
        ] {
            let why = mailbox("to", text).unwrap_err();
            assert!(why.contains(told) && !why.contains('\n'), "{why}");
        }
        let named = mailbox("to", "Wächter <soc@x.example>").unwrap();
        assert_eq!(named.email.to_string(), "soc@x.example");
    }
}
