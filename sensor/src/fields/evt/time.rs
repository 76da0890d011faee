//! The event's time as text.
//!
//! These are for outputs; conditions compare `evt.rawtime`.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::enrich::Observation;
use crate::fields::{Getter, Value, compose};

/// Nanoseconds in a second.
pub(super) const SECOND_NS: u64 = 1_000_000_000;

/// The machine's time zone. It is read once: a daemon does not move.
static ZONE: LazyLock<TimeZone> = LazyLock::new(TimeZone::system);

/// `evt.time`.
pub(super) const OF_DAY: Getter = |o, _| {
    let time = in_zone(o, &ZONE)?.time();
    Some(show(o, format_args!("{time:.9}")))
};

/// `evt.time.s`.
pub(super) const OF_DAY_S: Getter = |o, _| {
    let time = in_zone(o, &ZONE)?.time();
    Some(show(o, format_args!("{time:.0}")))
};

/// `evt.datetime`.
pub(super) const DATE: Getter = |o, _| {
    let moment = in_zone(o, &ZONE)?;
    let (date, time) = (moment.date(), moment.time());
    Some(show(o, format_args!("{date} {time:.9}")))
};

/// `evt.datetime.s`.
pub(super) const DATE_S: Getter = |o, _| {
    let moment = in_zone(o, &ZONE)?;
    let (date, time) = (moment.date(), moment.time());
    Some(show(o, format_args!("{date} {time:.0}")))
};

/// `evt.time.iso8601`.
pub(super) const ISO8601: Getter = |o, _| {
    let moment = in_zone(o, &TimeZone::UTC)?;
    Some(show(o, format_args!("{moment:.9}+0000")))
};

/// Calendar and clock at the time of the event; none for a time no calendar has.
fn in_zone(o: &Observation<'_>, zone: &TimeZone) -> Option<DateTime> {
    let time = Timestamp::from_nanosecond(o.event.time_ns.into()).ok()?;
    Some(zone.to_datetime(time))
}

fn show<'a>(o: &Observation<'a>, text: std::fmt::Arguments<'_>) -> Value<'a> {
    Value::Text(compose::text(o.arena, text))
}
