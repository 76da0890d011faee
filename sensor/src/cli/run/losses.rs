//! The account of events at one moment after the other in, what is to be said of
//! losses out.
//!
//! The account names every loss, but only when it is asked for or at the end;
//! who misses events should know while it happens: what was lost and why, on which
//! CPUs, from when to when, and which rules may have been blind. One word at most in
//! ten seconds, and nothing is left out of it: what comes meanwhile is in the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sensor_ebpf::Kind;
use serde_json::{Map, Value};

use crate::detect::rules::RuleSet;
use crate::events::{self, EventSet};
use crate::metrics::EventAccount;

/// The shortest time between two words about losses.
const QUIET: Duration = Duration::from_secs(10);

/// Names of rules in the text; the fields have all of them.
const NAMED: usize = 10;

/// A count of lost things, told now and then.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The count at the last word.
    known: u64,
    /// When that was.
    told: Option<Instant>,
}

impl Gathered {
    /// How many were lost since the last word, when one is due.
    pub(super) fn due(&mut self, lost: u64, now: Instant) -> Option<u64> {
        let more = lost.saturating_sub(self.known);
        if more == 0 || !self.is_due(now) {
            return None;
        }
        self.known = lost;
        self.told = Some(now);
        Some(more)
    }

    fn is_due(&self, now: Instant) -> bool {
        let since = self.told.map(|told| now.duration_since(told));
        since.is_none_or(|since| since >= QUIET)
    }
}

/// What is known at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    /// Nanoseconds since the Unix epoch.
    pub(super) time_ns: u64,
    /// The account so far, row by row.
    pub(super) accounts: Vec<EventAccount>,
    /// Events the kernel lost so far, CPU by CPU.
    pub(super) cpus: Vec<u64>,
}

impl Look {
    fn lost(&self) -> u64 {
        self.accounts.iter().map(EventAccount::lost).sum()
    }
}

/// What was said about losses of events so far.
#[derive(Debug, Default)]
pub(super) struct Losses {
    gathered: Gathered,
    /// What was known at the last word.
    told: Look,
    /// The last look that found nothing new, and the last that did.
    clean_ns: u64,
    grown_ns: u64,
    /// The count at the last look.
    seen: u64,
}

impl Losses {
    /// The account of a sensor that starts now.
    pub(super) fn since(time_ns: u64) -> Self {
        Self {
            clean_ns: time_ns,
            ..Self::default()
        }
    }

    /// What was lost since the last word, when one is due: at the end it always is.
    pub(super) fn look(&mut self, look: Look, now: Instant, at_end: bool) -> Option<Loss> {
        let lost = look.lost();
        if lost > std::mem::replace(&mut self.seen, lost) {
            self.grown_ns = look.time_ns;
        }
        if lost <= self.gathered.known {
            self.clean_ns = look.time_ns;
            return None;
        }
        if at_end {
            self.gathered.told = None;
        }
        self.gathered.due(lost, now)?;
        let since = Loss::between(&self.told, &look, self.clean_ns, self.grown_ns);
        self.clean_ns = look.time_ns;
        self.told = look;
        Some(since)
    }
}

/// Events lost in a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loss {
    /// Nothing of this was lost before: nanoseconds since the Unix epoch.
    from_ns: u64,
    /// Nothing of this was lost after: nanoseconds since the Unix epoch.
    pub(super) until_ns: u64,
    /// Events that happened meanwhile, lost ones included.
    happened: u64,
    /// Lost, by what was lost; never 0.
    events: Vec<(&'static str, u64)>,
    /// The same, by reason.
    reasons: Vec<(&'static str, u64)>,
    /// The same, by CPU; without what was lost behind the kernel.
    cpus: Vec<(usize, u64)>,
}

impl Loss {
    fn between(before: &Look, after: &Look, from_ns: u64, until_ns: u64) -> Self {
        let (mut events, mut reasons) = (Vec::new(), Vec::<(&'static str, u64)>::new());
        let mut happened = 0;
        for row in &after.accounts {
            let old = before.accounts.iter().find(|old| old.kind == row.kind);
            happened += row.captured - old.map_or(0, |old| old.captured);
            let lost = row.lost() - old.map_or(0, EventAccount::lost);
            if lost > 0 {
                events.push((row.kind, lost));
            }
            for (reason, count) in &row.dropped {
                let known = old.and_then(|old| old.dropped.iter().find(|old| old.0 == *reason));
                let more = count - known.map_or(0, |(_, count)| *count);
                match reasons.iter_mut().find(|known| known.0 == *reason) {
                    Some(known) => known.1 += more,
                    None => reasons.push((reason, more)),
                }
            }
        }
        reasons.retain(|(_, count)| *count > 0);
        let old = before.cpus.iter().chain(std::iter::repeat(&0));
        let cpus = after.cpus.iter().zip(old).map(|(new, old)| new - old);
        Self {
            from_ns,
            until_ns,
            happened,
            events,
            reasons,
            cpus: cpus.enumerate().filter(|(_, lost)| *lost > 0).collect(),
        }
    }

    /// How many.
    pub(super) fn total(&self) -> u64 {
        self.events.iter().map(|(_, count)| count).sum()
    }

    /// Their share of what happened, 0 to 1.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of counts far below 2^52"
    )]
    pub(super) fn share(&self) -> f64 {
        self.total() as f64 / self.happened.max(1) as f64
    }

    /// The names of the rules that wanted some of what was lost. All state comes
    /// from exec, fork and exit too, but the next record heals that.
    pub(super) fn blind(&self, rules: &RuleSet) -> Vec<Arc<str>> {
        let lost = self.events.iter().map(|(name, _)| codes(name));
        let lost = lost.fold(EventSet::EMPTY, EventSet::union);
        let wants = |events: EventSet| !events.intersect(lost).is_empty();
        let rules = rules.rules.iter().filter(|rule| wants(rule.events));
        rules.map(|rule| Arc::clone(&rule.name)).collect()
    }

    /// One sentence.
    pub(super) fn message(&self, blind: &[Arc<str>]) -> String {
        let cpus: Vec<_> = self.cpus.iter().map(|(cpu, _)| cpu.to_string()).collect();
        let on = if cpus.is_empty() {
            String::new()
        } else {
            format!("; on CPU {}", cpus.join(", "))
        };
        format!(
            "{} of {} events were lost ({}) because of: {}{on}; between {} and {}; {}",
            self.total(),
            self.happened,
            listed(&self.events),
            listed(&self.reasons),
            clock(self.from_ns),
            clock(self.until_ns),
            missed_by(blind),
        )
    }

    /// The same as values.
    pub(super) fn fields(&self, blind: &[Arc<str>]) -> Map<String, Value> {
        let counts = |counts: &[(&'static str, u64)]| {
            let pairs = counts
                .iter()
                .map(|(name, count)| ((*name).to_owned(), (*count).into()));
            Value::Object(pairs.collect())
        };
        let cpus = self
            .cpus
            .iter()
            .map(|(cpu, lost)| (cpu.to_string(), (*lost).into()));
        let rules = blind.iter().map(|name| Value::from(&**name));
        let mut fields = Map::new();
        for (key, value) in [
            ("cpus", Value::Object(cpus.collect())),
            ("events", counts(&self.events)),
            ("from", clock(self.from_ns).into()),
            ("n_drops", self.total().into()),
            ("n_evts", self.happened.into()),
            ("reasons", counts(&self.reasons)),
            ("rules", rules.collect()),
            ("until", clock(self.until_ns).into()),
        ] {
            fields.insert(key.to_owned(), value);
        }
        fields
    }
}

/// The events of an account's row: those of a kind, or a call by its name.
fn codes(row: &str) -> EventSet {
    let of_kind = Kind::ALL.into_iter().find(|kind| kind.name() == row);
    let mut set = EventSet::EMPTY;
    match of_kind {
        Some(kind) => {
            let names = events::of_kind(kind).iter();
            names
                .filter_map(|name| events::by_name(name))
                .for_each(|code| set.insert(code));
        }
        None => {
            if let Some(code) = events::by_name(row) {
                set.insert(code);
            }
        }
    }
    set
}

/// Who may have missed something; names a few of many.
fn missed_by(blind: &[Arc<str>]) -> String {
    if blind.is_empty() {
        return "no rule in force looks for such events".into();
    }
    let named = blind.iter().take(NAMED).map(|name| format!("`{name}`"));
    let named = named.collect::<Vec<_>>().join(", ");
    let more = match blind.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("rules that may have missed some: {named}{more}")
}

fn listed(counts: &[(&'static str, u64)]) -> String {
    let words = counts.iter().map(|(name, count)| format!("{count} {name}"));
    words.collect::<Vec<_>>().join(", ")
}

/// A moment in UTC, to the millisecond.
fn clock(time_ns: u64) -> String {
    let time = jiff::Timestamp::from_nanosecond(time_ns.into()).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::rules::{LoadOptions, load_texts};

    const SECOND_NS: u64 = 1_000_000_000;

    #[test]
    fn losses_are_told_at_once_then_gathered_for_ten_seconds() {
        let start = Instant::now();
        let mut gathered = Gathered::default();
        for (second, lost, expect) in [
            (0, 0, None),
            (1, 5, Some(5)),
            (2, 9, None),
            (10, 12, None),
            (11, 12, Some(7)),
            (30, 12, None),
        ] {
            let due = gathered.due(lost, start + Duration::from_secs(second));
            assert_eq!(due, expect, "second {second}");
        }
    }

    /// So many opens and execs captured, opens lost on CPU 1 for want of room and
    /// execs on CPU 0 for want of scratch.
    fn look(second: u64, opens: [u64; 2], execs: [u64; 2]) -> Look {
        let row = |kind, [captured, lost]: [u64; 2], reason| EventAccount {
            kind,
            captured,
            evaluated: captured - lost,
            dropped: vec![("undecodable", 0), (reason, lost)],
            ..EventAccount::default()
        };
        Look {
            time_ns: second * SECOND_NS,
            accounts: vec![
                row("open", opens, "ring full"),
                row("exec", execs, "scratch in use"),
            ],
            cpus: vec![execs[1], opens[1]],
        }
    }

    /// What is said at each second's look.
    fn said(looks: &[(u64, [u64; 2], [u64; 2])]) -> Vec<Option<String>> {
        let start = Instant::now();
        let mut losses = Losses::since(0);
        let say = |(second, opens, execs): &(u64, [u64; 2], [u64; 2])| {
            let now = start + Duration::from_secs(*second);
            let loss = losses.look(look(*second, *opens, *execs), now, false)?;
            Some(loss.message(&[]))
        };
        looks.iter().map(say).collect()
    }

    #[test]
    fn a_loss_says_what_why_where_and_between_which_looks() {
        let said = said(&[
            (1, [10, 0], [1, 0]),
            (2, [110, 40], [1, 0]),
            (3, [120, 40], [8, 2]),
            (4, [130, 40], [9, 2]),
            (12, [130, 40], [9, 2]),
            (23, [130, 40], [9, 2]),
        ]);
        let sentence = |text: &str| Some(format!("{text}; no rule in force looks for such events"));
        assert_eq!(
            said,
            [
                None,
                sentence(
                    "40 of 111 events were lost (40 open) because of: 40 ring full; on CPU 1; \
                     between 1970-01-01T00:00:01.000Z and 1970-01-01T00:00:02.000Z"
                ),
                None,
                None,
                sentence(
                    "2 of 28 events were lost (2 exec) because of: 2 scratch in use; on CPU 0; \
                     between 1970-01-01T00:00:02.000Z and 1970-01-01T00:00:03.000Z"
                ),
                None,
            ]
        );
    }

    #[test]
    fn the_end_waits_for_nothing() {
        let mut losses = Losses::since(0);
        let now = Instant::now();
        assert!(losses.look(look(1, [9, 1], [0, 0]), now, false).is_some());
        assert!(losses.look(look(2, [9, 3], [0, 0]), now, false).is_none());
        let last = losses.look(look(3, [9, 4], [0, 0]), now, true).unwrap();
        assert_eq!((last.total(), last.from_ns), (3, SECOND_NS));
        assert!(losses.look(look(3, [9, 4], [0, 0]), now, true).is_none());
    }

    #[test]
    fn the_rules_that_look_for_what_was_lost_are_named_and_no_others() {
        let rules = "
- {rule: Opens, desc: d, condition: evt.type = openat and fd.name = /x, output: o, priority: info}
- {rule: Connects, desc: d, condition: evt.type = connect, output: o, priority: info}
- {rule: Both, desc: d, condition: 'evt.type in (execve, connect)', output: o, priority: info}
";
        let loaded = load_texts(&[("r.yaml", rules.as_bytes())], &LoadOptions::default()).unwrap();
        let mut losses = Losses::since(0);
        let blind = |losses: &mut Losses, look| {
            let loss = losses.look(look, Instant::now(), true).unwrap();
            (loss.blind(&loaded.rules), loss)
        };
        let (opens, _) = blind(&mut losses, look(1, [5, 1], [0, 0]));
        assert_eq!(opens, [Arc::from("Opens")]);
        let (both, loss) = blind(&mut losses, look(2, [6, 2], [3, 3]));
        assert_eq!(both, [Arc::from("Opens"), Arc::from("Both")]);
        assert!(
            loss.message(&both)
                .ends_with("missed some: `Opens`, `Both`")
        );
        let fields = Value::Object(loss.fields(&both));
        assert_eq!(fields["events"], serde_json::json!({"open": 1, "exec": 3}));
        assert_eq!(fields["cpus"], serde_json::json!({"0": 3, "1": 1}));
        assert_eq!(fields["rules"], serde_json::json!(["Opens", "Both"]));
    }
}
