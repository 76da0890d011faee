//! A moment as a person writes it: a date and time, or a distance from the
//! beginning of the recording.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Nanoseconds since the Unix epoch.
    At(u64),
    /// Nanoseconds after the beginning.
    After(u64),
}

impl Moment {
    /// In nanoseconds since the Unix epoch, for a recording begun then.
    pub(super) fn epoch_ns(self, started_ns: u64) -> u64 {
        match self {
            Self::At(epoch_ns) => epoch_ns,
            Self::After(ns) => started_ns.saturating_add(ns),
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write it as 2026-11-21T04:00:00Z, or +10s after the beginning".to_owned();
        let ns = |ns: i128| u64::try_from(ns).map_err(|_| wrong());
        if let Some(distance) = text.strip_prefix('+') {
            let distance: SignedDuration = distance.parse().map_err(|_| wrong())?;
            return ns(distance.as_nanos()).map(Self::After);
        }
        let moment: Timestamp = text.parse().map_err(|_| wrong())?;
        ns(moment.as_nanosecond()).map(Self::At)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_or_a_distance() {
        for (text, expect) in [
            ("2023-11-14T22:13:20Z", Some(1_700_000_000_000_000_000)),
            ("2023-11-14T23:13:20+01:00", Some(1_700_000_000_000_000_000)),
            ("+1m30s", Some(90_000_000_007)),
            ("+1.5s", Some(1_500_000_007)),
            ("10s", None),
            ("+-5s", None),
            ("yesterday", None),
        ] {
            let moment = text.parse::<Moment>().ok();
            assert_eq!(moment.map(|moment| moment.epoch_ns(7)), expect, "{text}");
        }
    }
}
