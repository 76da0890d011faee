//! A batch made into requests that the service takes.
//!
//! Alerts come in, one [`Part`] for each request leaves: of one group and stream, in
//! the order of time, no longer than the service allows and within a day. An alert
//! that no request can hold is told by its place.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::alert::Alert;

use super::super::pattern::Pattern;
use super::Config;

/// Most bytes in a request, each event with [`FRAME`] more than its text.
const MAX_BYTES: usize = 1_048_576;
const FRAME: usize = 26;
const MAX_EVENTS: usize = 10_000;
const MAX_SPAN_MS: u64 = 24 * 60 * 60 * 1000;
const MAX_NAME: usize = 512;

/// What one request holds.
pub(super) struct Part {
    pub(super) group: String,
    pub(super) stream: String,
    pub(super) events: Vec<Event>,
}

/// One alert in it.
pub(super) struct Event {
    /// Its place in the batch.
    place: usize,
    pub(super) time_ms: u64,
    text: String,
}

/// Every request of a batch, and what fits in none.
pub(super) struct Plan {
    pub(super) parts: Vec<Part>,
    pub(super) refused: Vec<(usize, String)>,
}

impl Part {
    pub(super) fn places(&self) -> impl ExactSizeIterator<Item = usize> {
        self.events.iter().map(|event| event.place)
    }

    pub(super) fn body(&self) -> Value {
        let event = |event: &Event| json!({"timestamp": event.time_ms, "message": event.text});
        json!({
            "logGroupName": self.group,
            "logStreamName": self.stream,
            "logEvents": self.events.iter().map(event).collect::<Value>(),
        })
    }
}

/// The requests for a batch.
pub(super) fn plan(config: &Config, batch: &[Arc<Alert>]) -> Plan {
    let mut streams: BTreeMap<(String, String), Vec<Event>> = BTreeMap::new();
    let mut refused = Vec::new();
    for (place, alert) in batch.iter().enumerate() {
        let text = config.format.line(alert);
        if text.len() + FRAME > MAX_BYTES {
            let bytes = text.len();
            let why = format!("it has {bytes} bytes, more than CloudWatch Logs takes of one event");
            refused.push((place, why));
            continue;
        }
        let time_ms = alert.time_ns / 1_000_000;
        let names = (
            group_name(&config.group.fill(alert, group_name)),
            stream_name(&config.stream.fill(alert, stream_name)),
        );
        let event = Event {
            place,
            time_ms,
            text,
        };
        streams.entry(names).or_default().push(event);
    }
    let parts = streams
        .into_iter()
        .flat_map(|((group, stream), mut events)| {
            // Stable: what happened in one millisecond stays in its order.
            events.sort_by_key(|event| event.time_ms);
            let part = move |events| Part {
                group: group.clone(),
                stream: stream.clone(),
                events,
            };
            cut(events).into_iter().map(part)
        });
    Plan {
        parts: parts.collect(),
        refused,
    }
}

/// Events in the order of time, cut where a request would hold too many.
fn cut(events: Vec<Event>) -> Vec<Vec<Event>> {
    let mut requests: Vec<Vec<Event>> = Vec::new();
    let (mut bytes, mut begin) = (0, 0);
    for event in events {
        let size = event.text.len() + FRAME;
        let late = event.time_ms.saturating_sub(begin) >= MAX_SPAN_MS;
        match requests.last_mut() {
            Some(last) if bytes + size <= MAX_BYTES && last.len() < MAX_EVENTS && !late => {
                bytes += size;
                last.push(event);
            }
            _ => {
                (bytes, begin) = (size, event.time_ms);
                requests.push(vec![event]);
            }
        }
    }
    requests
}

/// A group's name: what it may not hold becomes `-`.
pub(super) fn group_name(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-/.#".contains(c);
    name.chars()
        .take(MAX_NAME)
        .map(|c| if fits(c) { c } else { '-' })
        .collect()
}

/// A stream's name: `:`, `*` and control characters become `-`.
pub(super) fn stream_name(name: &str) -> String {
    let fits = |c: &char| !c.is_control() && !":*".contains(*c);
    name.chars()
        .take(MAX_NAME)
        .map(|c| if fits(&c) { c } else { '-' })
        .collect()
}

/// What is wrong with the fixed text of a name.
pub(super) fn check(key: &str, name: &Pattern, clean: fn(&str) -> String) -> Option<String> {
    let text = name.as_str();
    // Braces stand for values, and these are cleaned.
    let plain: String = text.chars().filter(|c| !"{}[]".contains(*c)).collect();
    (clean(&plain) != plain).then(|| {
        format!(
            "{key} is `{text}`; it holds characters that CloudWatch Logs does not take, or too many"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(place: usize, time_ms: u64, length: usize) -> Event {
        Event {
            place,
            time_ms,
            text: "x".repeat(length),
        }
    }

    /// The places of each request.
    fn places(events: Vec<Event>) -> Vec<Vec<usize>> {
        let requests = cut(events);
        requests
            .iter()
            .map(|events| events.iter().map(|event| event.place).collect())
            .collect()
    }

    #[test]
    fn a_request_holds_what_the_service_takes_and_no_more() {
        assert_eq!(places(Vec::new()), Vec::<Vec<usize>>::new());
        let half = MAX_BYTES / 2 - FRAME;
        assert_eq!(
            places((0..3).map(|n| event(n, 0, half)).collect()),
            [vec![0, 1], vec![2]]
        );
        assert_eq!(
            places(vec![event(0, 0, half), event(1, 0, half + 1)]),
            [[0], [1]]
        );
        let times = [5, MAX_SPAN_MS + 4, MAX_SPAN_MS + 5, MAX_SPAN_MS + 6];
        let days = times
            .into_iter()
            .enumerate()
            .map(|(n, time)| event(n, time, 1));
        assert_eq!(places(days.collect()), [[0, 1], [2, 3]]);
        let many = places((0..=MAX_EVENTS).map(|n| event(n, 0, 1)).collect());
        assert_eq!(
            many.iter().map(Vec::len).collect::<Vec<_>>(),
            [MAX_EVENTS, 1]
        );
    }

    #[test]
    fn names_hold_what_they_may() {
        assert_eq!(group_name("/a b:c*d\u{e9}\n"), "/a-b-c-d--");
        assert_eq!(stream_name("a b:c*d\u{e9}\n"), "a b-c-d\u{e9}-");
        assert_eq!(stream_name(&"x".repeat(600)).len(), MAX_NAME);
        for (name, good) in [
            ("/sensor/{host}", true),
            ("a b", false),
            ("{proc.name}", true),
        ] {
            let name = Pattern::parse(name).unwrap();
            assert_eq!(
                check("group", &name, group_name).is_none(),
                good,
                "{name:?}"
            );
        }
    }
}
