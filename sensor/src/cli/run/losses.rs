//! The kernel's count of lost events in, what is to be said about it out.
//!
//! The account names every loss, but only when it is asked for or at the end;
//! who misses events should know while it happens, and not once per event.

use std::time::{Duration, Instant};

/// The shortest time between two words about losses.
const QUIET: Duration = Duration::from_secs(10);

/// What was said about losses so far.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// The count at the last word.
    known: u64,
    /// When that was.
    told: Option<Instant>,
}

impl Losses {
    /// How many events were lost since the last word, when one is due.
    pub(super) fn due(&mut self, lost: u64, now: Instant) -> Option<u64> {
        let quiet = self
            .told
            .is_some_and(|told| now.duration_since(told) < QUIET);
        let more = lost.saturating_sub(self.known);
        if more == 0 || quiet {
            return None;
        }
        self.known = lost;
        self.told = Some(now);
        Some(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_told_at_once_then_gathered_for_ten_seconds() {
        let start = Instant::now();
        let mut losses = Losses::default();
        for (second, lost, expect) in [
            (0, 0, None),
            (1, 5, Some(5)),
            (2, 9, None),
            (10, 12, None),
            (11, 12, Some(7)),
            (30, 12, None),
        ] {
            let due = losses.due(lost, start + Duration::from_secs(second));
            assert_eq!(due, expect, "second {second}");
        }
    }
}
