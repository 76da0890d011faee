//! The walk: one record through decode, enrich, detect and alert.
//!
//! Records come in from [`capture`](crate::capture) in kernel order; finished
//! alerts leave through the function the caller gives. Every record is counted
//! exactly once: evaluated, filtered or dropped. Nothing here waits, locks or,
//! once warm, allocates; only an alert does.

use std::ops::RangeInclusive;

use bumpalo::Bump;
use sensor_ebpf::Kind;

use crate::alert::{Alert, Composer};
use crate::capture::Counters;
use crate::decode;
use crate::detect::engine::Engine;
use crate::enrich::State;
use crate::events;
use crate::metrics::EventAccount;

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
#[derive(Debug, Default)]
struct Tallies {
    /// In the order of [`Kind::ALL`].
    kinds: [Tally; Kind::ALL.len()],
    /// Records whose kind cannot be read.
    unknown: Tally,
}

impl Tallies {
    fn of(&mut self, kind: Option<Kind>) -> &mut Tally {
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
    /// Values composed for one event; emptied after it, its memory kept.
    arena: Bump,
    tallies: Tallies,
    events: u64,
    alerts: u64,
    /// Epoch nanoseconds of the events to put before the rules.
    window: RangeInclusive<u64>,
}

impl Pipeline {
    /// A walk with nothing counted yet.
    pub fn new(state: State, engine: Engine, composer: Composer) -> Self {
        Self {
            state,
            engine,
            composer,
            arena: Bump::new(),
            tallies: Tallies::default(),
            events: 0,
            alerts: 0,
            window: 0..=u64::MAX,
        }
    }

    /// Takes one record through all rooms; `raise` gets each alert it leads to.
    pub fn record(&mut self, record: &[u8], raise: &mut dyn FnMut(Alert)) {
        let tally = self.tallies.of(decode::kind(record).ok());
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
        let (composer, alerts) = (&self.composer, &mut self.alerts);
        self.engine.evaluate(code, &observation, |rule| {
            *alerts += 1;
            raise(composer.compose(rule, &observation));
        });
        tally.evaluated += 1;
        self.arena.reset();
    }

    /// Puts other rules in force from the next record on. The state stays.
    pub fn set_engine(&mut self, engine: Engine) {
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

    /// The account of events: the kernel's counters beside our own.
    pub fn account(&self, kernel: &Counters) -> Vec<EventAccount> {
        let mut rows: Vec<EventAccount> = Kind::ALL
            .into_iter()
            .zip(&self.tallies.kinds)
            .map(|(kind, tally)| account(kind, tally, kernel))
            .collect();
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

fn account(kind: Kind, tally: &Tally, kernel: &Counters) -> EventAccount {
    let seen = kernel.kind(kind);
    EventAccount {
        kind: kind.name(),
        captured: seen.seen,
        evaluated: tally.evaluated,
        filtered: vec![
            ("by the sensor itself", seen.filtered_own),
            ("no rule wants it", tally.unwanted),
            ("outside the time asked for", tally.outside),
        ],
        dropped: vec![
            ("ring full", seen.lost_ring),
            ("scratch in use", seen.lost_scratch),
            ("unreadable", seen.lost_read),
            ("undecodable", tally.undecodable),
        ],
        waiting: seen.submitted.saturating_sub(tally.received),
    }
}
