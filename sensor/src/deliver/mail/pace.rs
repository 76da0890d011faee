//! How many mails leave, and when.
//!
//! What a sender would like to mail comes in, when it may and a [`Ticket`] for each
//! mail leave. What always holds: in an hour, which begins with its first mail, and in
//! a day, which does so too, no more mails leave than the configuration allows; and
//! whoever uses the last ticket knows it, so that the mail can say so.
//!
//! The numbers lie in a small file beside the spool, written before each mail: the
//! spool itself forgets what was acknowledged, and a sensor that is started again and
//! again must not mail again and again.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::warn;

use crate::deliver::queue::Turn;

use super::letter::clock;

/// The file's name.
const NAME: &str = "mails.json";
/// No such file is longer; more is something else.
const MAX_FILE_BYTES: u64 = 4096;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The configuration's numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) per_hour: u32,
    pub(super) per_day: u32,
    pub(super) at_once_every_ms: u64,
    pub(super) digest_every_ms: u64,
}

/// Which of an output's two senders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    /// What is mailed at once.
    AtOnce,
    /// What is gathered.
    Digest,
}

/// Leave for one mail.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ticket {
    /// What the mail must say of the limits.
    pub(super) notices: Vec<String>,
}

/// An hour or a day, and the mails in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Window {
    began_ms: u64,
    mails: u32,
}

/// What is remembered; all times since the Unix epoch.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Ledger {
    hour: Window,
    day: Window,
    at_once_ms: u64,
    digest_ms: u64,
    /// When a limit was reached, if no mail left since.
    closed_ms: Option<u64>,
}

/// The mails of one output.
#[derive(Debug)]
pub(super) struct Pace {
    limits: Limits,
    ledger: Ledger,
    path: Option<PathBuf>,
    /// Said already that the file cannot be written.
    complained: bool,
}

impl Window {
    /// The window as it is now. A clock that was set back must not make it longer.
    fn roll(&mut self, now: u64, length: u64) {
        if self.mails == 0 || now >= self.began_ms.saturating_add(length) {
            *self = Self {
                began_ms: now,
                mails: 0,
            };
        }
        self.began_ms = self.began_ms.min(now);
    }
}

impl Pace {
    /// With what an earlier run left in `directory`.
    pub(super) fn open(limits: Limits, directory: Option<&Path>) -> Self {
        let path = directory.map(|directory| directory.join(NAME));
        let ledger = path.as_deref().map(read).transpose();
        let ledger = ledger.unwrap_or_else(|why| {
            warn!(file = ?path, %why, "how many mails were sent is not known; counting anew");
            None
        });
        Self {
            limits,
            ledger: ledger.unwrap_or_default(),
            path,
            complained: false,
        }
    }

    /// When `stream` may have its next mail. The last mail that a limit allows takes
    /// along whatever waits.
    pub(super) fn turn(&mut self, stream: Stream) -> Turn {
        self.turn_at(stream, now_ms())
    }

    fn turn_at(&mut self, stream: Stream, now: u64) -> Turn {
        self.roll(now);
        let next = match stream {
            Stream::AtOnce => self.ledger.at_once_ms + self.limits.at_once_every_ms,
            Stream::Digest => self.ledger.digest_ms + self.limits.digest_every_ms,
        };
        let later =
            |then: u64| (then > now).then(|| Instant::now() + Duration::from_millis(then - now));
        Turn {
            sweeps: self.left() <= 1,
            not_before: later(next),
            held_until: self.reopens_ms().and_then(later),
            ..Turn::default()
        }
    }

    /// How many mails may leave now.
    pub(super) fn left(&self) -> u32 {
        let left = |window: Window, most: u32| most.saturating_sub(window.mails);
        let hour = left(self.ledger.hour, self.limits.per_hour);
        hour.min(left(self.ledger.day, self.limits.per_day))
    }

    /// Takes the tickets for `mails` mails, at least one, that tell alerts of `streams`.
    pub(super) fn take(&mut self, mails: usize, streams: &[Stream]) -> Vec<Ticket> {
        let tickets = self.take_at(mails, streams, now_ms());
        if let Err(why) = self.save()
            && !self.complained
        {
            self.complained = true;
            warn!(file = ?self.path, %why, "how many mails were sent cannot be kept; a restart forgets it");
        }
        tickets
    }

    fn take_at(&mut self, mails: usize, streams: &[Stream], now: u64) -> Vec<Ticket> {
        self.roll(now);
        let mut tickets: Vec<_> = (0..mails.max(1)).map(|_| Ticket::default()).collect();
        if let (Some(since), Some(first)) = (self.ledger.closed_ms.take(), tickets.first_mut()) {
            first.notices.push(format!(
                "At {} the limit of mails was reached. What waited since is told here.",
                clock(since)
            ));
        }
        for window in [&mut self.ledger.hour, &mut self.ledger.day] {
            let mails = u32::try_from(tickets.len()).unwrap_or(u32::MAX);
            window.mails = window.mails.saturating_add(mails);
        }
        for stream in streams {
            match stream {
                Stream::AtOnce => self.ledger.at_once_ms = now,
                Stream::Digest => self.ledger.digest_ms = now,
            }
        }
        if let (Some(until), Some(last)) = (self.reopens_ms(), tickets.last_mut()) {
            self.ledger.closed_ms = Some(now);
            last.notices.push(format!(
                "This is the last mail before {}: the limit of {} is reached. Alerts that come \
                 until then wait, and the next mail counts them.",
                clock(until),
                self.reached()
            ));
        }
        tickets
    }

    /// When mails may leave again, if none may now.
    fn reopens_ms(&self) -> Option<u64> {
        let ledger = &self.ledger;
        let full = |window: Window, most: u32, length: u64| {
            (window.mails >= most).then(|| window.began_ms.saturating_add(length))
        };
        let hour = full(ledger.hour, self.limits.per_hour, HOUR_MS);
        hour.max(full(ledger.day, self.limits.per_day, DAY_MS))
    }

    fn reached(&self) -> String {
        if self.ledger.day.mails >= self.limits.per_day {
            return format!("{} mails a day", self.limits.per_day);
        }
        format!("{} mails an hour", self.limits.per_hour)
    }

    fn roll(&mut self, now: u64) {
        self.ledger.hour.roll(now, HOUR_MS);
        self.ledger.day.roll(now, DAY_MS);
        self.ledger.at_once_ms = self.ledger.at_once_ms.min(now);
        self.ledger.digest_ms = self.ledger.digest_ms.min(now);
    }

    /// Written beside the file and put in its place, so that it is whole at every moment.
    fn save(&self) -> io::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let draft = path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(&serde_json::to_vec(&self.ledger)?)?;
        fs::rename(draft, path)
    }
}

fn read(path: &Path) -> io::Result<Ledger> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ledger::default()),
        file => file?,
    };
    let mut text = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_800_000_000_000;

    fn pace(per_hour: u32, per_day: u32, directory: Option<&Path>) -> Pace {
        let limits = Limits {
            per_hour,
            per_day,
            at_once_every_ms: 0,
            digest_every_ms: 60_000,
        };
        Pace::open(limits, directory)
    }

    /// Mails whenever it may for `ms`; returns when each left.
    fn mail(pace: &mut Pace, from: u64, ms: u64) -> Vec<u64> {
        let mut left = Vec::new();
        for now in (from..from + ms).step_by(30_000) {
            if pace.turn_at(Stream::AtOnce, now).held_until.is_none() {
                pace.take_at(1, &[Stream::AtOnce], now);
                left.push(now);
            }
        }
        left
    }

    #[test]
    fn no_hour_and_no_day_has_more_mails_than_allowed() {
        let mut pace = pace(3, 10, None);
        let left = mail(&mut pace, START, 2 * DAY_MS);
        assert_eq!(left.len(), 20, "{left:?}");
        for (began, length, most) in [(left[0], HOUR_MS, 3), (left[0], DAY_MS, 10)] {
            let within = left.iter().filter(|at| **at < began + length).count();
            assert_eq!(within, most);
        }
        assert_eq!(left[3], START + HOUR_MS);
        assert_eq!(left[10], START + DAY_MS);
    }

    #[test]
    fn the_last_mail_says_so_and_the_next_one_why_it_waited() {
        let mut pace = pace(2, 100, None);
        assert_eq!(
            pace.take_at(1, &[Stream::Digest], START),
            [Ticket::default()]
        );
        assert!(pace.turn_at(Stream::Digest, START).sweeps);
        let [last] = &pace.take_at(1, &[Stream::Digest], START + 1)[..] else {
            panic!("one ticket")
        };
        assert_eq!(last.notices.len(), 1);
        assert!(
            last.notices[0].contains("the limit of 2 mails an hour is reached"),
            "{last:?}"
        );
        assert!(
            last.notices[0].contains("before 2027-01-15 09:00:00 UTC"),
            "{last:?}"
        );
        assert_eq!(pace.left(), 0);
        let held = pace.turn_at(Stream::AtOnce, START + HOUR_MS - 1).held_until;
        assert!(held.is_some());
        let turn = pace.turn_at(Stream::AtOnce, START + HOUR_MS);
        assert!(turn.held_until.is_none() && !turn.sweeps);
        let next = pace.take_at(2, &[Stream::AtOnce], START + HOUR_MS);
        assert!(next[0].notices[0].contains("At 2027-01-15 08:00:00 UTC"));
        assert!(next[1].notices[0].contains("the last mail"), "{next:?}");
    }

    #[test]
    fn digests_wait_for_each_other_and_what_is_mailed_at_once_for_no_digest() {
        let mut pace = pace(100, 100, None);
        pace.take_at(1, &[Stream::Digest], START);
        let waits = |pace: &mut Pace, stream, at| pace.turn_at(stream, at).not_before.is_some();
        assert!(waits(&mut pace, Stream::Digest, START + 59_999));
        assert!(!waits(&mut pace, Stream::AtOnce, START + 1));
        assert!(!waits(&mut pace, Stream::Digest, START + 60_000));
    }

    #[test]
    fn a_restart_forgets_no_mail_and_a_damaged_file_only_the_numbers() {
        let directory = tempfile::tempdir().unwrap();
        let mut first = pace(2, 100, Some(directory.path()));
        first.take(2, &[Stream::Digest]);
        let mut second = pace(2, 100, Some(directory.path()));
        assert_eq!(second.ledger, first.ledger);
        assert!(second.turn(Stream::AtOnce).held_until.is_some());
        for damage in ["", "{", "[]", "{\"hour\":7}", &"x".repeat(10_000)] {
            fs::write(directory.path().join(NAME), damage).unwrap();
            let mut third = pace(2, 100, Some(directory.path()));
            assert!(third.turn(Stream::AtOnce).held_until.is_none());
        }
    }

    #[test]
    fn a_clock_that_was_set_back_closes_nothing_for_longer() {
        let mut pace = pace(1, 100, None);
        pace.take_at(1, &[Stream::Digest], START + 10 * DAY_MS);
        assert!(pace.turn_at(Stream::Digest, START).held_until.is_some());
        let turn = pace.turn_at(Stream::Digest, START + HOUR_MS);
        assert!(turn.held_until.is_none() && turn.not_before.is_none());
    }
}
