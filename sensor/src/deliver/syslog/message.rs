//! One message, of RFC 5424 or as programs write to the log of their own machine.
//!
//! An alert and its text come in, the bytes of a message leave: printable ASCII
//! in the header, UTF-8 in structured data and text, no longer than asked. There is
//! no byte order mark before the text: receivers keep it, and then it is no JSON.

use std::fmt::Write as _;

use crate::alert::Alert;

/// What does not change from message to message.
pub(super) struct Header {
    facility: u8,
    app_name: String,
    data_id: String,
    pid: u32,
}

impl Header {
    pub(super) fn new(facility: u8, app_name: &str, data_id: &str) -> Self {
        Self {
            facility,
            app_name: app_name.to_owned(),
            data_id: data_id.to_owned(),
            pid: std::process::id(),
        }
    }

    /// The message, of `max` bytes at most: the text is cut to fit.
    pub(super) fn message(&self, alert: &Alert, text: &str, max: usize) -> Vec<u8> {
        let whole = self.frame(alert, None).len() + text.len();
        if whole <= max {
            return (self.frame(alert, None) + text).into_bytes();
        }
        // The number of bytes cut is written in front, and its digits need room too:
        // with as many as the whole has there is always enough.
        let room = max.saturating_sub(self.frame(alert, Some(whole)).len());
        let kept = text.get(..text.floor_char_boundary(room)).unwrap_or("");
        let mut message = self.frame(alert, Some(text.len() - kept.len()));
        message.push_str(kept);
        message.truncate(message.floor_char_boundary(max));
        message.into_bytes()
    }

    /// The message in the older form of `/dev/log`, which all that read there know;
    /// they add the host themselves, and have no structured data.
    pub(super) fn local(&self, alert: &Alert, text: &str, max: usize) -> Vec<u8> {
        let time = jiff::Timestamp::from_nanosecond(i128::from(alert.time_ns)).unwrap_or_default();
        let time = time.to_zoned(jiff::tz::TimeZone::system());
        let mut message = format!(
            "<{}>{} {}[{}]: {text}",
            self.priority(alert),
            time.strftime("%b %e %H:%M:%S"),
            self.app_name,
            self.pid,
        );
        if message.len() > max {
            message.truncate(message.floor_char_boundary(max.saturating_sub(3)));
            message.push('…');
        }
        message.into_bytes()
    }

    fn priority(&self, alert: &Alert) -> u8 {
        self.facility * 8 + alert.priority as u8
    }

    /// All before the text.
    fn frame(&self, alert: &Alert, cut: Option<usize>) -> String {
        format!(
            "<{}>1 {} {} {} {} alert {} ",
            self.priority(alert),
            timestamp(alert.time_ns),
            ascii(&alert.hostname, 255),
            self.app_name,
            self.pid,
            self.data(alert, cut),
        )
    }

    fn data(&self, alert: &Alert, cut: Option<usize>) -> String {
        if self.data_id.is_empty() {
            return "-".to_owned();
        }
        let cut = cut.map(|bytes| bytes.to_string());
        // A rule's name has no bound of its own, a message has.
        let rule = alert.rule.get(..alert.rule.floor_char_boundary(128));
        let id = alert.id.to_string();
        let values = [
            ("id", Some(id.as_str())),
            ("rule", rule),
            ("priority", Some(alert.priority.name())),
            ("source", Some(&*alert.source)),
            ("cut", cut.as_deref()),
        ];
        let mut data = format!("[{}", self.data_id);
        for (name, value) in values {
            if let Some(value) = value {
                let _ = write!(data, " {name}=\"{}\"", escaped(value));
            }
        }
        data.push(']');
        data
    }
}

/// RFC 3339 in UTC to the microsecond, which is the most the RFC allows.
fn timestamp(time_ns: u64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(time_ns)).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// A value of structured data: three characters are escaped, line ends and other
/// controls, which many receivers cannot bear, become U+FFFD.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '"' | '\\' | ']' => out.extend(['\\', c]),
            c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}

/// A header field: printable ASCII, what is not becomes `_`; `-` for nothing.
fn ascii(text: &str, max: usize) -> String {
    let plain = |c: char| if c.is_ascii_graphic() { c } else { '_' };
    match text {
        "" => "-".to_owned(),
        text => text.chars().take(max).map(plain).collect(),
    }
}

/// Whether a text can stand in the header as it is.
pub(super) fn is_name(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic())
}

/// Whether a text can name an element of structured data: with `@NUMBER`, since
/// names without are the RFC's own.
pub(super) fn is_data_id(text: &str) -> bool {
    let number = text.rsplit_once('@').map(|(_, number)| number);
    let plain = |c: char| !"=]\"".contains(c);
    is_name(text, 32)
        && text.chars().all(plain)
        && text.find('@') == text.rfind('@')
        && !text.starts_with('@')
        && number.is_some_and(|number| {
            let digit = |c: char| c.is_ascii_digit() || c == '.';
            !number.is_empty() && number.chars().all(digit)
        })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::alert::{JsonOptions, Priority};

    fn alert(rule: &str, hostname: &str) -> Alert {
        Alert {
            id: uuid::Uuid::from_u128(1),
            time_ns: 1_700_000_000_123_456_789,
            rule: rule.into(),
            priority: Priority::Warning,
            source: "syscall".into(),
            tags: Arc::new([]),
            hostname: hostname.into(),
            message: String::new(),
            output: String::new(),
            output_fields: serde_json::Map::new(),
            evidence: serde_json::Map::new(),
            outputs: crate::alert::Outputs::default(),
            pid: 1,
            in_command_tree: false,
            json: JsonOptions::default(),
        }
    }

    fn header(data_id: &str) -> Header {
        Header {
            pid: 7,
            ..Header::new(10, "sensor", data_id)
        }
    }

    fn message(header: &Header, alert: &Alert, text: &str, max: usize) -> String {
        String::from_utf8(header.message(alert, text, max)).unwrap()
    }

    #[test]
    fn a_message_is_as_the_rfc_has_it() {
        let alert = alert(r#"a "b" [c] \d"#, "näme 1");
        assert_eq!(
            message(&header("x@1"), &alert, "{}", 2048),
            "<84>1 2023-11-14T22:13:20.123456Z n_me_1 sensor 7 alert \
             [x@1 id=\"00000000-0000-0000-0000-000000000001\" rule=\"a \\\"b\\\" [c\\] \\\\d\" \
             priority=\"Warning\" source=\"syscall\"] {}"
        );
        assert!(message(&header(""), &alert, "{}", 2048).ends_with(" sensor 7 alert - {}"));
    }

    #[test]
    fn a_long_text_is_cut_at_a_character_and_says_by_how_much() {
        let alert = alert("rule", "node1");
        for text in ["ä".repeat(2000), "x".repeat(100_000)] {
            for max in 1024..1050 {
                let message = message(&header("x@1"), &alert, &text, max);
                assert!(message.len() <= max && message.len() + 8 > max, "{max}");
                let (head, kept) = message.split_once("] ").unwrap();
                let cut = text.len() - kept.len();
                assert!(head.contains(&format!(" cut=\"{cut}\"")), "{head}");
            }
        }
    }

    #[test]
    fn a_hostile_rule_name_leaves_room_for_the_text() {
        let alert = alert(&"\"".repeat(5000), &"h".repeat(5000));
        let text = message(&header("x@1"), &alert, "text", 2048);
        assert!(text.ends_with("] text"), "{text}");
    }

    #[test]
    fn names_of_structured_data_need_a_number() {
        for (id, good) in [
            ("sensor@32473", true),
            ("s@1.2", true),
            ("sensor", false),
            ("@1", false),
            ("a@b", false),
            ("a@", false),
            ("a@@1", false),
            ("a]@1", false),
            ("a b@1", false),
        ] {
            assert_eq!(is_data_id(id), good, "{id}");
        }
    }
}
