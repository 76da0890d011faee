//! What happens in a test in, what the rules say to it out, and why.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use jiff::tz::TimeZone;
use serde_json::Value as Json;

use super::coverage::Coverage;
use super::run::{Reason, Said};
use super::{Happens, Recorded, Test};
use crate::alert::{AlertOptions, Composer, Occurrence};
use crate::detect::engine::Engine;
use crate::detect::rules::{Rule, RuleSet};
use crate::detect::trace::Anatomy;
use crate::enrich::host::Host;
use crate::events::{self, EventCode};
use crate::fields::Subject;
use crate::fields::given::Given;
use crate::lab::event::Fields;
use crate::recording::Replay;

/// A reason has no more comparisons than this.
const MOST_REASONS: usize = 8;
/// Alerts that differ, kept of one recording.
const MOST_ALERTS: usize = 10_000;

/// What the rules say.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The alerts, each once, in the order of events and rules.
    pub(super) alerts: Vec<Said>,
    /// Why a rule is true that should not be, or not true that should be.
    pub(super) why: BTreeMap<String, Vec<Reason>>,
}

/// Rules, and what asks and counts them.
pub(super) struct Ear<'a> {
    pub(super) rules: &'a RuleSet,
    pub(super) engine: &'a Engine,
    pub(super) coverage: Option<&'a mut Coverage>,
}

impl Ear<'_> {
    /// Lets the test happen.
    ///
    /// # Errors
    /// Why it cannot.
    pub(super) fn hear(&mut self, test: &Test) -> Result<Heard, String> {
        let heard = match &test.happens {
            Happens::Event(fields) => self.event(test, fields)?,
            Happens::Recorded(recorded) => match recorded.at {
                Some(number) => self.one(test, recorded, number)?,
                None => self.all(test, recorded)?,
            },
        };
        if let Some(coverage) = &mut self.coverage {
            let fired = |rule: &Rule| heard.alerts.iter().any(|said| said.rule == *rule.name);
            coverage.count(test, fired);
        }
        Ok(heard)
    }

    fn event(&mut self, test: &Test, fields: &Fields) -> Result<Heard, String> {
        let name = fields.get("evt.type").and_then(Json::as_str);
        let code = name.and_then(events::by_name).ok_or(
            "the event has no `evt.type`, so no rule is asked; `sensor events` lists all types",
        )?;
        let event = Given::from_json(&Json::Object(fields.clone()))?;
        let occurrence = Occurrence {
            number: 1,
            time_ns: event.time_ns(),
            ..Occurrence::default()
        };
        Ok(self.said(test, code, &event, &occurrence))
    }

    /// One event of a recording.
    fn one(&mut self, test: &Test, recorded: &Recorded, number: u64) -> Result<Heard, String> {
        let mut found = None;
        let mut last = 0;
        self.replay(recorded, |ear, code, observation| {
            last = observation.number;
            if last < number {
                return ControlFlow::Continue(());
            }
            if last == number {
                let occurrence = occurrence(observation);
                found = Some(ear.said(test, code, observation, &occurrence));
            }
            ControlFlow::Break(())
        })?;
        found.ok_or_else(|| format!("the recording has no event {number}; the last is {last}"))
    }

    /// All events of a recording.
    fn all(&mut self, test: &Test, recorded: &Recorded) -> Result<Heard, String> {
        let mut heard = Heard::default();
        let mut first: BTreeMap<String, u64> = BTreeMap::new();
        let mut known = HashSet::new();
        let mut events = 0_u64;
        self.replay(recorded, |ear, code, observation| {
            events += 1;
            for said in ear.alerts(code, observation, &occurrence(observation)) {
                let is_first = !first.contains_key(&said.rule);
                if is_first {
                    first.insert(said.rule.clone(), observation.number);
                }
                let room = is_first || known.len() < MOST_ALERTS;
                if room && known.insert(said.clone()) {
                    heard.alerts.push(said);
                }
            }
            ControlFlow::Continue(())
        })?;
        for (rule, number) in &first {
            let reason = format!("it is true for event {number} first; `at: {number}` tells why");
            heard.why.insert(rule.clone(), vec![sentence(reason, true)]);
        }
        for name in expected(test).filter(|name| !first.contains_key(*name)) {
            let reason = format!("it is true for none of the {events} events of the recording");
            heard
                .why
                .insert(name.to_owned(), vec![sentence(reason, false)]);
        }
        Ok(heard)
    }

    fn replay(
        &mut self,
        recorded: &Recorded,
        mut see: impl FnMut(&mut Self, EventCode, &crate::enrich::Observation<'_>) -> ControlFlow<()>,
    ) -> Result<(), String> {
        let mut replay = Replay::open(&recorded.path).map_err(|error| error.to_string())?;
        replay
            .each(|code, observation| see(self, code, observation))
            .map_err(|error| format!("{}: {error}", recorded.path.display()))
    }

    /// What all rules say to one event, and why where that is not expected.
    fn said<S: Subject>(
        &mut self,
        test: &Test,
        code: EventCode,
        subject: &S,
        occurrence: &Occurrence,
    ) -> Heard {
        let alerts = self.alerts(code, subject, occurrence);
        let is_true = |rule: &Rule| alerts.iter().any(|said| said.rule == *rule.name);
        let is_expected = |rule: &Rule| expected(test).any(|name| *name == *rule.name);
        let others = self.rules.rules.iter();
        let others = others.filter(|rule| is_true(rule) != is_expected(rule));
        let why = others
            .map(|rule| (rule.name.to_string(), reasons(rule, code, subject)))
            .collect();
        Heard { alerts, why }
    }

    /// The alerts of the rules that are true for an event; it is counted.
    fn alerts<S: Subject>(
        &mut self,
        code: EventCode,
        subject: &S,
        occurrence: &Occurrence,
    ) -> Vec<Said> {
        if let Some(coverage) = &mut self.coverage {
            coverage.see(code, subject);
        }
        let host = Host {
            name: "host".to_owned(),
            ..Host::default()
        };
        let composer = Composer::new(&host, AlertOptions::default()).in_zone(TimeZone::UTC);
        let mut alerts = Vec::new();
        self.engine.evaluate(code, subject, |rule| {
            let alert = composer.compose_from(rule, subject, occurrence);
            alerts.push(Said {
                rule: alert.rule.to_string(),
                priority: alert.priority,
                output: alert.message,
            });
        });
        alerts
    }
}

fn occurrence(observation: &crate::enrich::Observation<'_>) -> Occurrence {
    Occurrence {
        number: observation.number,
        time_ns: observation.event.time_ns,
        ..Occurrence::default()
    }
}

/// The rules a test expects, by name.
fn expected(test: &Test) -> impl Iterator<Item = &str> {
    let rules = test.expect.rules.iter();
    rules.map(|expected| expected.rule.text.as_str())
}

/// The comparisons that made a condition what it is for this event.
fn reasons<S: Subject>(rule: &Rule, code: EventCode, subject: &S) -> Vec<Reason> {
    if !rule.events.contains(code) {
        let row = events::rows().get(usize::from(code.0));
        let name = row.map_or("this event", |row| row.name);
        let text = format!("its condition names event types, and {name} is none of them");
        return vec![sentence(text, false)];
    }
    let Ok(anatomy) = Anatomy::new(&rule.tree) else {
        return Vec::new();
    };
    let trace = anatomy.trace(subject);
    let leaves = anatomy.leaves();
    let leaves = leaves.filter_map(|(number, part)| Some((part, trace.parts.get(number)?)));
    let deciding = leaves.filter(|(_, seen)| seen.deciding);
    let reasons = deciding.map(|(part, seen)| Reason {
        text: part.text.clone(),
        holds: seen.holds,
        place: rule
            .written
            .place(&part.within, part.span)
            .map_or_else(String::new, |place| place.to_string()),
        values: seen.values.clone(),
    });
    reasons.take(MOST_REASONS).collect()
}

fn sentence(text: String, holds: bool) -> Reason {
    Reason {
        text,
        holds,
        place: String::new(),
        values: Vec::new(),
    }
}
