//! One rule that is true and one event in, one finished [`Alert`] out.

use std::fmt::Write;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Alert, JsonOptions, id};
use crate::detect::rules::Rule;
use crate::enrich::Observation;
use crate::enrich::host::Host;
use crate::enrich::process::Process;
use crate::fields::Subject;

/// How alerts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AlertOptions {
    /// Times of text lines in ISO 8601 and UTC, instead of the local time of day.
    pub iso_8601: bool,
    /// What stands in the JSON form.
    pub json: JsonOptions,
}

/// Makes alerts. One per sensor.
#[derive(Debug, Clone)]
pub struct Composer {
    hostname: Arc<str>,
    options: AlertOptions,
    zone: TimeZone,
}

/// What an alert says about its event besides the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Occurrence {
    /// Sequence number of the event.
    pub number: u64,
    /// Nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// The process that acted; 0 when none.
    pub pid: u32,
    /// It descends from the command that runs under the sensor.
    pub in_command_tree: bool,
}

impl Composer {
    /// For alerts of this machine, times of day in its own time zone.
    pub fn new(host: &Host, options: AlertOptions) -> Self {
        Self {
            hostname: host.name.as_str().into(),
            options,
            zone: TimeZone::system(),
        }
    }

    /// The same with times of day in another zone.
    #[must_use]
    pub fn in_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// The alert of a rule that is true for this observation.
    pub fn compose(&self, rule: &Rule, observation: &Observation<'_>) -> Alert {
        let actor = observation.process;
        let followed = |actor: &Process| observation.processes.is_followed(actor.key);
        let occurrence = Occurrence {
            number: observation.number,
            time_ns: observation.event.time_ns,
            pid: actor.map_or(0, |process| process.key.pid),
            in_command_tree: actor.is_some_and(followed),
        };
        self.compose_from(rule, observation, &occurrence)
    }

    /// The alert of a rule that is true for any subject.
    pub fn compose_from<S: Subject>(
        &self,
        rule: &Rule,
        subject: &S,
        occurrence: &Occurrence,
    ) -> Alert {
        let mut message = String::new();
        rule.output.render(subject, &mut message);
        let mut output_fields = rule.output.output_fields(subject);
        // The line itself shows the time, so the time is always among the fields.
        output_fields.insert(self.time_field().to_owned(), occurrence.time_ns.into());
        let mut output = self.time(occurrence.time_ns);
        output.push_str(": ");
        output.push_str(rule.priority.name());
        output.push(' ');
        push_escaped(&message, &mut output);
        Alert {
            id: id::of(
                &self.hostname,
                occurrence.time_ns,
                occurrence.number,
                &rule.name,
            ),
            time_ns: occurrence.time_ns,
            rule: Arc::clone(&rule.name),
            priority: rule.priority,
            source: Arc::clone(&rule.source),
            tags: Arc::clone(&rule.tags),
            hostname: Arc::clone(&self.hostname),
            message,
            output,
            output_fields,
            pid: occurrence.pid,
            in_command_tree: occurrence.in_command_tree,
            json: self.options.json,
        }
    }

    /// The field whose text begins every line.
    fn time_field(&self) -> &'static str {
        if self.options.iso_8601 {
            "evt.time.iso8601"
        } else {
            "evt.time"
        }
    }

    /// The time as a line begins with it.
    fn time(&self, time_ns: u64) -> String {
        if self.options.iso_8601 {
            return utc(time_ns, "+0000");
        }
        let time = timestamp(time_ns).to_zoned(self.zone.clone());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        let nanosecond = time.subsec_nanosecond();
        format!("{hour:02}:{minute:02}:{second:02}.{nanosecond:09}")
    }
}

/// `2026-11-21T04:00:00.000000000` in UTC, and what marks it as such.
pub(super) fn utc(time_ns: u64, mark: &str) -> String {
    let time = timestamp(time_ns).strftime("%Y-%m-%dT%H:%M:%S.%9f");
    format!("{time}{mark}")
}

fn timestamp(time_ns: u64) -> Timestamp {
    // Every u64 of nanoseconds is within the range of timestamps.
    Timestamp::from_nanosecond(time_ns.into()).unwrap_or_default()
}

/// Writes a text behind `out` as inside a JSON string.
fn push_escaped(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            c if u32::from(c) < 0x20 => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}
