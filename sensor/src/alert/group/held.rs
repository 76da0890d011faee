//! Alerts held back: what stands for them, and which of that changed.

use std::sync::Arc;

use uuid::Uuid;

use super::LIMIT_WINDOW_NS;
use crate::alert::{Alert, id};

/// Why alerts are held back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Why {
    /// They are like one that left.
    Group,
    /// Their rule sent as many as it may.
    Limit,
}

/// Alerts that did not leave, until their summary does.
#[derive(Debug, Clone)]
pub(super) struct Held {
    why: Why,
    pub(super) count: u64,
    first_ns: u64,
    last_ns: u64,
    /// The summary's, made from the first of them: it stays however many come.
    id: Uuid,
    sample: Alert,
    /// It stands among the [`Changes`].
    pub(super) is_listed: bool,
}

/// How much waits to be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldBack {
    /// So many summaries will leave.
    pub summaries: u64,
    /// They stand for so many alerts.
    pub alerts: u64,
}

impl HeldBack {
    /// What these summaries stand for.
    pub fn of(summaries: &[Alert]) -> Self {
        let words = [Why::Group, Why::Limit].map(|why| format!("{}.count", why.word()));
        let count = |alert: &Alert| {
            let counts = words
                .iter()
                .filter_map(|word| alert.output_fields.get(word));
            counts.filter_map(serde_json::Value::as_u64).next_back()
        };
        Self {
            summaries: summaries.len() as u64,
            alerts: summaries.iter().filter_map(count).sum(),
        }
    }
}

/// What became of a summary since this was last asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It would be this one if it were told now.
    Held(Alert),
    /// That of this id was told.
    Told(Uuid),
}

/// Whose summary changed.
#[derive(Debug)]
pub(super) enum Place {
    Kind(u128),
    Rule(Arc<str>),
}

/// What changed, for who asks.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Nobody asks: nothing is noted.
    pub(super) is_off: bool,
    pub(super) held: Vec<Place>,
    pub(super) told: Vec<Uuid>,
}

impl Changes {
    /// Notes that a summary is not what it was.
    pub(super) fn note(&mut self, held: &mut Held, place: impl FnOnce() -> Place) {
        if !self.is_off && !std::mem::replace(&mut held.is_listed, true) {
            self.held.push(place());
        }
    }

    /// Tells a summary.
    pub(super) fn tell(&mut self, held: Held, raise: &mut dyn FnMut(Alert)) {
        if !self.is_off {
            self.told.push(held.id);
        }
        raise(held.told());
    }
}

/// Puts an alert to those that are held already.
pub(super) fn hold(held: &mut Option<Held>, why: Why, alert: Alert) -> &mut Held {
    match held {
        Some(held) => {
            held.count += 1;
            held.first_ns = held.first_ns.min(alert.time_ns);
            held.last_ns = held.last_ns.max(alert.time_ns);
            held.sample = alert;
            held
        }
        None => held.insert(Held::new(why, alert)),
    }
}

impl Held {
    pub(super) fn new(why: Why, first: Alert) -> Self {
        let name = format!("{} of {}", why.word(), first.rule);
        let number = first.id.as_u64_pair().1;
        Self {
            why,
            count: 1,
            first_ns: first.time_ns,
            last_ns: first.time_ns,
            id: id::of(&first.hostname, first.time_ns, number, &name),
            sample: first,
            is_listed: false,
        }
    }

    pub(super) fn limit_due(&self) -> u64 {
        self.first_ns.saturating_add(LIMIT_WINDOW_NS)
    }

    /// The summary: the last of them, with their number and when they were.
    pub(super) fn told(self) -> Alert {
        let mut alert = self.sample;
        let seconds = self.last_ns.saturating_sub(self.first_ns) / 1_000_000_000;
        let (word, why) = (self.why.word(), self.why.told());
        let told = format!(" (stands for {} {why}, within {seconds} s)", self.count);
        alert.message.push_str(&told);
        alert.output.push_str(&told);
        for (key, value) in [
            ("count", self.count),
            ("first", self.first_ns),
            ("last", self.last_ns),
        ] {
            alert
                .output_fields
                .insert(format!("{word}.{key}"), value.into());
        }
        alert.id = self.id;
        alert
    }
}

impl Why {
    fn word(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Limit => "limit",
        }
    }

    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Group => "like the one before",
            Self::Limit => "above the rule's limit",
        }
    }
}
