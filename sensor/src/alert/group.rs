//! Alerts in, fewer alerts out: the first of its kind at once, those like it
//! together in one summary, and of a rule no more than its limit.
//!
//! Alerts are of one kind when they are of one rule and the chosen fields have
//! the same values. The clock is that of the events, so a recording gives the
//! same alerts as the run; [`Grouper::advance`] moves it on when nothing happens.
//! What always holds: raised = sent + grouped + limited for every rule, every
//! alert held back is told in a summary once, and memory is bounded: a summary of
//! the kind that was silent longest leaves early when there are too many kinds.
//! [`Grouper::changes`] says what is held, for who keeps it past the sensor's end.

mod held;

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use serde_json::Value;

use super::{Alert, Priority, id};
use crate::detect::format::Format;
use crate::detect::rules::Rule;
use crate::fields::Subject;
use crate::metrics::RuleAccount;

pub use held::{Change, HeldBack};
use held::{Changes, Held, Place, Why, hold};

/// How long what a limit held back is gathered before it is told.
const LIMIT_WINDOW_NS: u64 = 60_000_000_000;
/// Parts of a token, so that a bucket fills by whole numbers: one per minute is
/// one part per nanosecond.
const TOKEN: u64 = 60_000_000_000;

/// How alerts are grouped and limited.
#[derive(Debug, Default)]
pub struct GroupOptions {
    /// How long alerts of one kind are gathered, nanoseconds; 0: not at all.
    pub window_ns: u64,
    /// The fields that make a kind besides the rule, as what it exports.
    pub by: Format,
    /// Most kinds remembered.
    pub kinds: usize,
    /// Most alerts of a rule a minute in the long run; 0: no limit.
    pub per_minute: u32,
    /// Most alerts of a rule at once.
    pub burst: u32,
    /// Alerts of priority Critical and above are treated as all others.
    pub critical: bool,
}

/// A kind of alert whose first has left.
#[derive(Debug)]
struct Kind {
    /// Which entry of [`Grouper::due`] is this one's.
    opening: u64,
    held: Option<Held>,
}

/// What a rule may still send.
#[derive(Debug)]
struct Bucket {
    /// In parts of a [`TOKEN`].
    filled: u64,
    at_ns: u64,
    held: Option<Held>,
}

/// Groups and limits. Lives on the walk, behind the composer.
#[derive(Debug)]
pub struct Grouper {
    options: GroupOptions,
    kinds: LruCache<u128, Kind>,
    /// When the windows of kinds end, in the order they were opened.
    due: VecDeque<(u64, u128, u64)>,
    openings: u64,
    buckets: BTreeMap<Arc<str>, Bucket>,
    /// Nothing is due before.
    next_ns: u64,
    accounts: BTreeMap<Arc<str>, RuleAccount>,
    changes: Changes,
}

impl Grouper {
    /// One that has seen nothing yet.
    pub fn new(options: GroupOptions) -> Self {
        let most = NonZeroUsize::new(options.kinds).unwrap_or(NonZeroUsize::MIN);
        Self {
            options,
            kinds: LruCache::new(most),
            due: VecDeque::new(),
            openings: 0,
            buckets: BTreeMap::new(),
            next_ns: u64::MAX,
            accounts: BTreeMap::new(),
            changes: Changes {
                is_off: true,
                ..Changes::default()
            },
        }
    }

    /// Notes from now on what [`changes`](Self::changes) gives.
    pub fn note_changes(&mut self) {
        self.changes.is_off = false;
    }

    /// What of the summaries changed since this was last asked, each one once; what
    /// was told last.
    pub fn changes(&mut self) -> Vec<Change> {
        let mut all = Vec::new();
        for place in std::mem::take(&mut self.changes.held) {
            let held = match place {
                Place::Kind(kind) => self.kinds.peek_mut(&kind).and_then(|it| it.held.as_mut()),
                Place::Rule(rule) => self.buckets.get_mut(&rule).and_then(|it| it.held.as_mut()),
            };
            if let Some(held) = held
                && std::mem::take(&mut held.is_listed)
            {
                all.push(Change::Held(held.clone().told()));
            }
        }
        let told = std::mem::take(&mut self.changes.told);
        all.extend(told.into_iter().map(Change::Told));
        all
    }

    /// What an alert of this rule for this subject is alike in.
    pub fn kind<S: Subject>(&self, rule: &Rule, subject: &S) -> u128 {
        let fields = Value::from(self.options.by.output_fields(subject)).to_string();
        id::hash(&[rule.name.as_bytes(), fields.as_bytes()])
    }

    /// Takes an alert of a kind; it leaves through `raise`, or is held.
    pub fn take(&mut self, alert: Alert, kind: u128, raise: &mut dyn FnMut(Alert)) {
        // Others' alerts must not hide those that the command under the sensor is
        // judged by.
        let kind = kind ^ u128::from(alert.in_command_tree);
        let account = self.accounts.entry(Arc::clone(&alert.rule)).or_default();
        account.raised += 1;
        if alert.priority <= Priority::Critical && !self.options.critical {
            account.sent += 1;
            return raise(alert);
        }
        if self.options.window_ns > 0 {
            if let Some(known) = self.kinds.get_mut(&kind) {
                account.grouped += 1;
                let held = hold(&mut known.held, Why::Group, alert);
                return self.changes.note(held, || Place::Kind(kind));
            }
            self.open(kind, alert.time_ns, raise);
        }
        self.limit(alert, raise);
    }

    /// Begins a kind's window.
    fn open(&mut self, kind: u128, time_ns: u64, raise: &mut dyn FnMut(Alert)) {
        self.openings += 1;
        let opening = self.openings;
        let due = time_ns.saturating_add(self.options.window_ns);
        let new = Kind {
            opening,
            held: None,
        };
        if let Some((_, old)) = self.kinds.push(kind, new)
            && let Some(held) = old.held
        {
            self.changes.tell(held, raise);
        }
        self.due.push_back((due, kind, opening));
        self.next_ns = self.next_ns.min(due);
        // Windows of kinds that were forgotten for want of room go now and then.
        if self.due.len() > 64 + 2 * self.kinds.cap().get() {
            let kinds = &self.kinds;
            let open = |kind: &u128, opening: u64| {
                let known: Option<&Kind> = kinds.peek(kind);
                known.is_some_and(|known| known.opening == opening)
            };
            self.due.retain(|(_, kind, opening)| open(kind, *opening));
        }
    }

    /// Sends an alert if its rule may, and holds it otherwise.
    fn limit(&mut self, alert: Alert, raise: &mut dyn FnMut(Alert)) {
        let account = self.accounts.entry(Arc::clone(&alert.rule)).or_default();
        if self.options.per_minute == 0 || alert.in_command_tree {
            account.sent += 1;
            return raise(alert);
        }
        let full = u64::from(self.options.burst.max(1)) * TOKEN;
        let bucket = self.buckets.entry(Arc::clone(&alert.rule));
        let bucket = bucket.or_insert_with(|| Bucket {
            filled: full,
            at_ns: alert.time_ns,
            held: None,
        });
        let passed = alert.time_ns.saturating_sub(bucket.at_ns);
        let more = passed.saturating_mul(self.options.per_minute.into());
        bucket.filled = bucket.filled.saturating_add(more).min(full);
        bucket.at_ns = bucket.at_ns.max(alert.time_ns);
        if let Some(left) = bucket.filled.checked_sub(TOKEN) {
            bucket.filled = left;
            account.sent += 1;
            return raise(alert);
        }
        account.limited += 1;
        let rule = Arc::clone(&alert.rule);
        let held = hold(&mut bucket.held, Why::Limit, alert);
        self.next_ns = self.next_ns.min(held.limit_due());
        self.changes.note(held, || Place::Rule(rule));
    }

    /// Tells what is due at this time of the events.
    pub fn advance(&mut self, now_ns: u64, raise: &mut dyn FnMut(Alert)) {
        if now_ns < self.next_ns {
            return;
        }
        while let Some((due, kind, opening)) = self.due.front().copied()
            && due <= now_ns
        {
            self.due.pop_front();
            self.close(kind, opening, due, raise);
        }
        for bucket in self.buckets.values_mut() {
            if bucket
                .held
                .as_ref()
                .is_some_and(|held| held.limit_due() <= now_ns)
                && let Some(held) = bucket.held.take()
            {
                self.changes.tell(held, raise);
            }
        }
        let kinds = self.due.front().map_or(u64::MAX, |(due, ..)| *due);
        let held = self
            .buckets
            .values()
            .filter_map(|bucket| bucket.held.as_ref());
        self.next_ns = held.map(Held::limit_due).fold(kinds, u64::min);
    }

    /// Ends a window: a kind that went on begins another, one that did not is new
    /// when it comes again.
    fn close(&mut self, kind: u128, opening: u64, due: u64, raise: &mut dyn FnMut(Alert)) {
        let Some(known) = self.kinds.peek_mut(&kind) else {
            return;
        };
        // It was forgotten for want of room and began anew.
        if known.opening != opening {
            return;
        }
        if let Some(held) = known.held.take() {
            let next = due.saturating_add(self.options.window_ns);
            self.due.push_back((next, kind, opening));
            self.changes.tell(held, raise);
        } else {
            self.kinds.pop(&kind);
        }
    }

    /// Tells all that is held, at the end.
    pub fn finish(&mut self, raise: &mut dyn FnMut(Alert)) {
        // In the order in which the windows were opened, as a replay has it.
        for (_, kind, opening) in std::mem::take(&mut self.due) {
            let known = self.kinds.peek(&kind);
            if known.is_some_and(|known| known.opening == opening)
                && let Some(held) = self.kinds.pop(&kind).and_then(|known| known.held)
            {
                self.changes.tell(held, raise);
            }
        }
        self.kinds.clear();
        for bucket in self.buckets.values_mut() {
            if let Some(held) = bucket.held.take() {
                self.changes.tell(held, raise);
            }
        }
        self.next_ns = u64::MAX;
    }

    /// What is held back now.
    pub fn held_back(&self) -> HeldBack {
        let kinds = self.kinds.iter().filter_map(|(_, kind)| kind.held.as_ref());
        let buckets = self.buckets.values();
        let limited = buckets.filter_map(|bucket| bucket.held.as_ref());
        kinds
            .chain(limited)
            .fold(HeldBack::default(), |all, held| HeldBack {
                summaries: all.summaries + 1,
                alerts: all.alerts + held.count,
            })
    }

    /// What became of the alerts of each rule.
    pub fn accounts(&self) -> impl Iterator<Item = (&str, RuleAccount)> {
        let accounts = self.accounts.iter();
        accounts.map(|(rule, account)| (&**rule, *account))
    }
}

#[cfg(test)]
#[path = "group/tests.rs"]
mod tests;
