//! When to try again.
//!
//! A failed attempt comes in, the time to wait leaves: full-jitter exponential
//! backoff, so that a thousand sensors whose receiver comes back do not knock at
//! the same moment. What the receiver asks for (`Retry-After`) is honoured
//! within a bound, so that no answer can put an output to sleep for good.

use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::Deserialize;

/// The longest `Retry-After` we obey.
const RETRY_AFTER_CAP: Duration = Duration::from_mins(10);

/// Failures in a row after which the next attempts carry a single alert, until
/// one is taken: a receiver that is down is not sent a megabyte to refuse.
const OPEN_AFTER: u32 = 5;

/// How failed attempts are repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Upper bound of the first wait, in milliseconds (1 to 3,600,000; default 500).
    /// Each further failure doubles it; the wait itself is drawn evenly between zero and the bound.
    pub initial_ms: u64,
    /// The bound stops growing here, in milliseconds (1 to 3,600,000; default 60,000).
    pub max_ms: u64,
    /// How often to probe while the receiver refuses us altogether (bad token, unknown index,
    /// redirect), in milliseconds (1 to 3,600,000; default 60,000). Alerts stay queued meanwhile.
    pub blocked_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            initial_ms: 500,
            max_ms: 60_000,
            blocked_ms: 60_000,
        }
    }
}

impl Retry {
    /// What is wrong with these numbers, one sentence each.
    pub(crate) fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (key, value) in [
            ("initial_ms", self.initial_ms),
            ("max_ms", self.max_ms),
            ("blocked_ms", self.blocked_ms),
        ] {
            if !(1..=3_600_000).contains(&value) {
                wrong.push(format!("retry.{key} is {value}; it must be 1 to 3600000"));
            }
        }
        if self.initial_ms > self.max_ms {
            wrong.push(format!(
                "retry.initial_ms ({}) is larger than retry.max_ms ({})",
                self.initial_ms, self.max_ms
            ));
        }
        wrong
    }
}

/// The waits of one output: grows with each failure, forgets at each success.
#[derive(Debug)]
pub(crate) struct Backoff {
    retry: Retry,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(retry: Retry) -> Self {
        Self { retry, failures: 0 }
    }

    /// Something was taken: the next failure is a first one again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure; `asked` is the receiver's `Retry-After`.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let bound = self.bound_ms();
        self.failures = self.failures.saturating_add(1);
        let drawn = Duration::from_millis(fastrand::u64(0..=bound));
        match asked {
            // Jitter is added to what was asked: everybody was told the same.
            Some(asked) => asked.min(RETRY_AFTER_CAP) + drawn.min(asked / 10),
            None => drawn,
        }
    }

    /// Whether so many attempts failed in a row that the receiver is only probed.
    pub(crate) fn is_open(&self) -> bool {
        self.failures >= OPEN_AFTER
    }

    /// The wait before probing a receiver that refuses us altogether.
    pub(crate) fn blocked(&self) -> Duration {
        let half = self.retry.blocked_ms / 2;
        Duration::from_millis(self.retry.blocked_ms - half + fastrand::u64(0..=half))
    }

    fn bound_ms(&self) -> u64 {
        let factor = 1_u64.checked_shl(self.failures).unwrap_or(u64::MAX);
        self.retry
            .initial_ms
            .saturating_mul(factor)
            .min(self.retry.max_ms)
    }
}

/// Reads a `Retry-After` header: whole seconds or an HTTP date, which counts
/// from `now`; a date that is past means "at once". Anything else is ignored.
pub(crate) fn parse_retry_after(value: &[u8], now: SystemTime) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_the_bound_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(Retry::default());
        let bounds: Vec<u64> = (0..9)
            .map(|_| {
                let bound = backoff.bound_ms();
                assert!(backoff.next(None) <= Duration::from_millis(bound));
                bound
            })
            .collect();
        assert_eq!(
            bounds,
            [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
        );
        for _ in 0..200 {
            backoff.next(None);
        }
        assert_eq!(backoff.bound_ms(), 60_000);
        backoff.reset();
        assert_eq!(backoff.bound_ms(), 500);
    }

    #[test]
    fn a_receivers_wish_is_a_lower_bound_within_reason() {
        let mut backoff = Backoff::new(Retry::default());
        for (asked, least, most) in [(0, 0, 0), (30, 30, 33), (86_400, 600, 660)] {
            let wait = backoff.next(Some(Duration::from_secs(asked)));
            let (least, most) = (Duration::from_secs(least), Duration::from_secs(most));
            assert!((least..=most).contains(&wait), "{asked}: {wait:?}");
        }
    }

    #[test]
    fn a_blocked_output_probes_at_half_to_full_interval() {
        let backoff = Backoff::new(Retry::default());
        for _ in 0..100 {
            let wait = backoff.blocked();
            assert!((30..=60).contains(&wait.as_secs()), "{wait:?}");
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let now = httpdate::parse_http_date("Sat, 21 Nov 2026 04:00:00 GMT").unwrap();
        for (value, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sat, 21 Nov 2026 04:00:30 GMT", Some(30)),
            ("Sat, 21 Nov 2026 03:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let found = parse_retry_after(value.as_bytes(), now);
            assert_eq!(found, expected.map(Duration::from_secs), "{value:?}");
        }
        assert_eq!(parse_retry_after(b"\xff", now), None);
    }

    #[test]
    fn impossible_numbers_are_told() {
        assert_eq!(Retry::default().check(), Vec::<String>::new());
        let retry = Retry {
            initial_ms: 10,
            max_ms: 5,
            blocked_ms: 0,
        };
        assert_eq!(retry.check().len(), 2);
    }
}
