//! The walk: one record through decode, enrich, detect and alert.
//!
//! Records come in from [`capture`](crate::capture) in kernel order; finished
//! alerts leave through the function the caller gives. Every record is counted
//! exactly once: evaluated, filtered or dropped. Nothing here waits, locks or,
//! once warm, allocates; only an alert does.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use bumpalo::Bump;
use sensor_ebpf::{Kind, call::CALLS};

use crate::alert::{Alert, Change, Composer, Grouper, HeldBack};
use crate::capture::{Counters, KindCounters};
use crate::decode;
use crate::detect::engine::{Costs, Engine};
use crate::detect::rules::Rule;
use crate::enrich::State;
use crate::events;
use crate::metrics::{CpuAccount, EventAccount, RuleAccount};

/// What became of the records of one kind after they left the kernel.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    received: u64,
    evaluated: u64,
    unwanted: u64,
    outside: u64,
    undecodable: u64,
}

/// The tallies of all kinds.
#[derive(Debug)]
struct Tallies {
    /// In the order of [`Kind::ALL`].
    kinds: [Tally; Kind::ALL.len()],
    /// Of records of [`Kind::Call`] by the call's number.
    calls: Box<[Tally]>,
    /// Records whose kind cannot be read.
    unknown: Tally,
}

impl Default for Tallies {
    fn default() -> Self {
        Self {
            kinds: [Tally::default(); Kind::ALL.len()],
            calls: vec![Tally::default(); CALLS].into(),
            unknown: Tally::default(),
        }
    }
}

impl Tallies {
    fn of(&mut self, kind: Option<Kind>, record: &[u8]) -> &mut Tally {
        if kind == Some(Kind::Call)
            && let Some(number) = decode::call_number(record)
            && let Some(tally) = self.calls.get_mut(usize::from(number))
        {
            return tally;
        }
        let index = Kind::ALL.iter().position(|known| Some(*known) == kind);
        let tally = index.and_then(|index| self.kinds.get_mut(index));
        tally.unwrap_or(&mut self.unknown)
    }
}

/// The rooms between the kernel and the outputs, and the account of what
/// passed through them.
pub struct Pipeline {
    state: State,
    engine: Engine,
    composer: Composer,
    grouper: Option<Grouper>,
    /// Values composed for one event; emptied after it, its memory kept.
    arena: Bump,
    tallies: Tallies,
    events: u64,
    alerts: u64,
    /// Alerts by rule, for all rules that ever raised one.
    hits: BTreeMap<Arc<str>, u64>,
    /// What rules cost.
    costs: Costs,
    /// When the last event happened, epoch nanoseconds.
    last_event_ns: u64,
    /// Epoch nanoseconds of the events to put before the rules.
    window: RangeInclusive<u64>,
}

impl Pipeline {
    /// A walk with nothing counted yet.
    pub fn new(state: State, engine: Engine, composer: Composer) -> Self {
        let mut costs = Costs::new(now_ns);
        costs.know(&engine);
        Self {
            state,
            engine,
            composer,
            costs,
            grouper: None,
            arena: Bump::new(),
            tallies: Tallies::default(),
            events: 0,
            alerts: 0,
            hits: BTreeMap::new(),
            last_event_ns: 0,
            window: 0..=u64::MAX,
        }
    }

    /// The same with alerts that are grouped and limited.
    #[must_use]
    pub fn grouping(mut self, grouper: Option<Grouper>) -> Self {
        self.grouper = grouper;
        self
    }

    /// Takes one record through all rooms; `raise` gets each alert it leads to.
    pub fn record(&mut self, record: &[u8], raise: &mut dyn FnMut(Alert)) {
        let tally = self.tallies.of(decode::kind(record).ok(), record);
        tally.received += 1;
        let event = match decode::decode(record, self.state.host().boot_time_ns) {
            Ok(event) => event,
            Err(error) => {
                tally.undecodable += 1;
                // A defect of ours. A storm of them gets a line per doubling.
                if tally.undecodable.is_power_of_two() {
                    let so_far = tally.undecodable;
                    tracing::error!(%error, so_far, "a record from the kernel cannot be decoded");
                }
                return;
            }
        };
        self.events += 1;
        self.last_event_ns = event.time_ns;
        if let Some(grouper) = &mut self.grouper {
            grouper.advance(event.time_ns, raise);
        }
        // The state changes for every event; only the rules may be spared one.
        let actor = self.state.apply(&event);
        if !self.window.contains(&event.time_ns) {
            tally.outside += 1;
            return;
        }
        let code = events::code_of(&event);
        if !self.engine.wants(code) {
            tally.unwanted += 1;
            return;
        }
        let observation = self.state.observe(self.events, &event, actor, &self.arena);
        let (composer, alerts, hits) = (&self.composer, &mut self.alerts, &mut self.hits);
        let grouper = &mut self.grouper;
        let on_hit = |rule: &Arc<Rule>| {
            *alerts += 1;
            *hits.entry(Arc::clone(&rule.name)).or_default() += 1;
            let alert = composer.compose(rule, &observation);
            match grouper {
                Some(grouper) => {
                    let kind = grouper.kind(rule, &observation);
                    grouper.take(alert, kind, raise);
                }
                None => raise(alert),
            }
        };
        if self.costs.is_due() {
            let costs = &mut self.costs;
            self.engine
                .evaluate_timed(code, &observation, costs, on_hit);
        } else {
            self.engine.evaluate(code, &observation, on_hit);
        }
        tally.evaluated += 1;
        self.arena.reset();
    }

    /// Raises the summaries that are due when no event comes: all events before
    /// that time (epoch nanoseconds) were taken.
    pub fn tick(&mut self, time_ns: u64, raise: &mut dyn FnMut(Alert)) {
        if let Some(grouper) = &mut self.grouper {
            grouper.advance(time_ns, raise);
        }
    }

    /// Raises the summaries that are left, at the end.
    pub fn finish(&mut self, raise: &mut dyn FnMut(Alert)) {
        if let Some(grouper) = &mut self.grouper {
            grouper.finish(raise);
        }
    }

    /// What grouping holds back now.
    pub fn held_back(&self) -> HeldBack {
        let grouper = self.grouper.as_ref();
        grouper.map(Grouper::held_back).unwrap_or_default()
    }

    /// Notes from now on which summaries change.
    pub fn note_changes(&mut self) {
        if let Some(grouper) = &mut self.grouper {
            grouper.note_changes();
        }
    }

    /// The summaries that changed since this was last asked.
    pub fn changes(&mut self) -> Vec<Change> {
        self.grouper
            .as_mut()
            .map_or_else(Vec::new, Grouper::changes)
    }

    /// What became of the alerts of each rule, where they are grouped or limited.
    pub fn rules(&self) -> Vec<(String, RuleAccount)> {
        let accounts = self.grouper.iter().flat_map(Grouper::accounts);
        accounts
            .map(|(rule, account)| (rule.to_owned(), account))
            .collect()
    }

    /// Puts other rules in force from the next record on. The state stays.
    pub fn set_engine(&mut self, engine: Engine) {
        self.costs.know(&engine);
        self.engine = engine;
    }

    /// Puts only events of that time (epoch nanoseconds) before the rules; the
    /// others change the state and are counted as filtered.
    pub fn set_window(&mut self, window: RangeInclusive<u64>) {
        self.window = window;
    }

    /// Counts events of which no record came, so that the next has the number
    /// it had where they were seen.
    pub fn skip(&mut self, events: u64) {
        self.events = self.events.saturating_add(events);
    }

    /// What is known of processes, users and containers.
    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// The same, to look at.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Alerts raised so far.
    pub fn alerts(&self) -> u64 {
        self.alerts
    }

    /// Alerts raised so far by each rule that raised any.
    pub fn hits(&self) -> &BTreeMap<Arc<str>, u64> {
        &self.hits
    }

    /// What asking rules cost so far.
    pub fn costs(&self) -> &Costs {
        &self.costs
    }

    /// When the last event happened, nanoseconds since the Unix epoch; 0 when there
    /// was none.
    pub fn last_event_ns(&self) -> u64 {
        self.last_event_ns
    }

    /// The account of events: the kernel's counters beside our own.
    pub fn account(&self, kernel: &Counters) -> Vec<EventAccount> {
        let kinds = Kind::ALL.into_iter().zip(&self.tallies.kinds);
        // Calls are told one by one; what is left is of numbers that are no call's.
        let kinds = kinds.filter(|(kind, tally)| *kind != Kind::Call || tally.received > 0);
        let mut rows: Vec<EventAccount> = kinds
            .map(|(kind, tally)| {
                let seen = match kind {
                    Kind::Call => &[],
                    kind => kernel.per_cpu(kind),
                };
                account(kind.name(), tally, seen)
            })
            .collect();
        for (number, tally) in (0..).zip(self.tallies.calls.iter()) {
            let seen = kernel.call_per_cpu(number);
            if seen.iter().any(|cpu| cpu.seen > 0) || tally.received > 0 {
                let row = events::row(events::numbers::code_of(number));
                let name = row.map_or(Kind::Call.name(), |row| row.name);
                rows.push(account(name, tally, seen));
            }
        }
        let unreadable = self.tallies.unknown.undecodable;
        if unreadable > 0 {
            rows.push(EventAccount {
                kind: "unknown",
                dropped: vec![("undecodable", unreadable)],
                ..EventAccount::default()
            });
        }
        rows
    }
}

/// Nanoseconds of the clock that the rules are timed by.
fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    std::time::Duration::try_from(now).map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(0))
}

fn account(kind: &'static str, tally: &Tally, cpus: &[KindCounters]) -> EventAccount {
    let seen = KindCounters::sum(cpus);
    let mut dropped = kernel_losses(&seen);
    dropped.push(("undecodable", tally.undecodable));
    EventAccount {
        kind,
        captured: seen.seen,
        evaluated: tally.evaluated,
        filtered: vec![
            ("by the sensor itself", seen.filtered_own),
            ("no rule wants it", tally.unwanted),
            ("outside the time asked for", tally.outside),
        ],
        dropped,
        waiting: seen.submitted.saturating_sub(tally.received),
        cpus: cpus.iter().map(on_cpu).collect(),
    }
}

fn on_cpu(cpu: &KindCounters) -> CpuAccount {
    CpuAccount {
        captured: cpu.seen,
        submitted: cpu.submitted,
        filtered: cpu.filtered_own,
        dropped: kernel_losses(cpu),
    }
}

/// What the kernel side lost, by reason.
fn kernel_losses(counters: &KindCounters) -> Vec<(&'static str, u64)> {
    vec![
        ("ring full", counters.lost_ring),
        ("scratch in use", counters.lost_scratch),
        ("unreadable", counters.lost_read),
    ]
}
