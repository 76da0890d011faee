//! One rule that is true and one event in, one finished [`Alert`] out.

use std::fmt::Write;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::evidence::Evidence;
use super::redact::{Redacted, Scene};
use super::route::{Facts, Outputs, Routes};
use super::{Alert, JsonOptions, Priority, id};
use crate::detect::rules::Rule;
use crate::enrich::Observation;
use crate::enrich::host::Host;
use crate::enrich::process::Process;
use crate::fields::Subject;
use crate::redact::Redactor;

/// How alerts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AlertOptions {
    /// Times of text lines in ISO 8601 and UTC, instead of the local time of day.
    pub iso_8601: bool,
    /// What stands in the JSON form.
    pub json: JsonOptions,
    /// Alerts carry [`Alert::evidence`].
    pub evidence: bool,
}

/// Makes alerts. One per sensor.
#[derive(Debug, Clone)]
pub struct Composer {
    hostname: Arc<str>,
    options: AlertOptions,
    evidence: Option<Arc<Evidence>>,
    zone: TimeZone,
    redactor: Option<Arc<Redactor>>,
    routes: Option<Arc<Routes>>,
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
            evidence: options.evidence.then(evidence).flatten(),
            zone: TimeZone::system(),
            redactor: None,
            routes: None,
        }
    }

    /// The same with times of day in another zone.
    #[must_use]
    pub fn in_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// The same with alerts that this has redacted.
    #[must_use]
    pub fn redacting(mut self, redactor: Option<Arc<Redactor>>) -> Self {
        self.redactor = redactor;
        self
    }

    /// The same with alerts for the outputs that want them.
    #[must_use]
    pub fn routing(mut self, routes: Option<Arc<Routes>>) -> Self {
        self.routes = routes;
        self
    }

    fn outputs<S: Subject>(&self, facts: &Facts<'_>, subject: Option<&S>) -> Outputs {
        let routes = self.routes.as_ref();
        routes.map_or_else(Outputs::default, |routes| routes.of(facts, subject))
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
        let redactor = self.redactor.as_deref();
        let scene = redactor.map(|redactor| Scene::of(redactor, observation));
        self.compose_in(scene.as_ref(), rule, observation, &occurrence)
    }

    /// The alert of a rule that is true for any subject.
    pub fn compose_from<S: Subject>(
        &self,
        rule: &Rule,
        subject: &S,
        occurrence: &Occurrence,
    ) -> Alert {
        let scene = self.redactor.as_deref().map(Scene::bare);
        self.compose_in(scene.as_ref(), rule, subject, occurrence)
    }

    fn compose_in<S: Subject>(
        &self,
        scene: Option<&Scene<'_>>,
        rule: &Rule,
        subject: &S,
        occurrence: &Occurrence,
    ) -> Alert {
        let Rendered {
            message,
            mut output_fields,
            evidence,
        } = match scene {
            Some(scene) => self
                .render(rule, &Redacted { subject, scene })
                .redacted(scene),
            None => self.render(rule, subject),
        };
        let facts = Facts {
            rule: &rule.name,
            priority: rule.priority,
            source: &rule.source,
            tags: &rule.tags,
        };
        let outputs = self.outputs(&facts, Some(subject));
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
            evidence,
            outputs,
            pid: occurrence.pid,
            in_command_tree: occurrence.in_command_tree,
            json: self.options.json,
        }
    }

    fn render<S: Subject>(&self, rule: &Rule, subject: &S) -> Rendered {
        let mut message = String::new();
        rule.output.render(subject, &mut message);
        let evidence = self.evidence.as_ref();
        Rendered {
            message,
            output_fields: rule.output.output_fields(subject),
            evidence: evidence.map(|all| all.of(subject)).unwrap_or_default(),
        }
    }

    /// An alert of the sensor about itself: source `internal`, no tags, and the
    /// values behind the message. `number` tells two of one moment apart.
    pub fn compose_internal(
        &self,
        name: &str,
        priority: Priority,
        mut message: String,
        mut fields: Map<String, Value>,
        (time_ns, number): (u64, u64),
    ) -> Alert {
        if let Some(scene) = self.redactor.as_deref().map(Scene::bare) {
            scene.fields(&mut fields);
            message = scene.message(&message).unwrap_or(message);
        }
        let facts = Facts {
            rule: name,
            priority,
            source: "internal",
            tags: &[],
        };
        // There is no event, so nothing of one is asked.
        let outputs = self.outputs::<Observation<'_>>(&facts, None);
        let mut output = format!("{}: {} ", self.time(time_ns), priority.name());
        push_escaped(&message, &mut output);
        Alert {
            id: id::of(&self.hostname, time_ns, number, name),
            time_ns,
            rule: name.into(),
            priority,
            source: "internal".into(),
            tags: Arc::default(),
            hostname: Arc::clone(&self.hostname),
            message,
            output,
            output_fields: fields,
            evidence: Map::new(),
            outputs,
            pid: 0,
            in_command_tree: false,
            json: JsonOptions {
                tags: false,
                ..self.options.json
            },
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

/// What an alert says of its event.
struct Rendered {
    message: String,
    output_fields: Map<String, Value>,
    evidence: Map<String, Value>,
}

impl Rendered {
    /// The same without what only shows where redacted values stand together.
    fn redacted(mut self, scene: &Scene<'_>) -> Self {
        scene.fields(&mut self.output_fields);
        scene.fields(&mut self.evidence);
        self.message = scene.message(&self.message).unwrap_or(self.message);
        self
    }
}

/// The table of evidence. That it can be read, a test shows; an alert without
/// evidence is better than none.
fn evidence() -> Option<Arc<Evidence>> {
    let evidence = Evidence::new();
    evidence
        .inspect_err(|error| tracing::error!(%error, "no evidence with alerts"))
        .ok()
        .map(Arc::new)
}

/// `2026-11-21T04:00:00.000000000` in UTC, and what marks it as such.
pub(crate) fn utc(time_ns: u64, mark: &str) -> String {
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
            // Some terminals obey those beyond ASCII too.
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
#[path = "compose/tests.rs"]
mod tests;
