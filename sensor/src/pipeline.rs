//! The walk: one record through decode, enrich, detect and alert.
//!
//! Records come in from [`capture`](crate::capture) in kernel order; finished
//! alerts leave through the function the caller gives. Every record is counted
//! exactly once: evaluated, filtered or dropped. Nothing here waits, locks or,
//! once warm, allocates; only an alert does.

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
    undecodable: u64,
}

/// The rooms between the kernel and the outputs, and the account of what
/// passed through them.
pub struct Pipeline {
    state: State,
    engine: Engine,
    composer: Composer,
    /// Values composed for one event; emptied after it, its memory kept.
    arena: Bump,
    /// By kind, in the order of [`Kind::ALL`]; the last counts records whose
    /// kind cannot be read.
    tallies: [Tally; Kind::ALL.len() + 1],
    events: u64,
    alerts: u64,
}

impl Pipeline {
    /// A walk with nothing counted yet.
    pub fn new(state: State, engine: Engine, composer: Composer) -> Self {
        Self {
            state,
            engine,
            composer,
            arena: Bump::new(),
            tallies: [Tally::default(); Kind::ALL.len() + 1],
            events: 0,
            alerts: 0,
        }
    }

    /// Takes one record through all rooms; `raise` gets each alert it leads to.
    pub fn record(&mut self, record: &[u8], raise: &mut dyn FnMut(Alert)) {
        let tally = tally(&mut self.tallies, decode::kind(record).ok());
        tally.received += 1;
        let event = match decode::decode(record, self.state.host().boot_time_ns) {
            Ok(event) => event,
            Err(error) => {
                tally.undecodable += 1;
                // Our own kernel side wrote it: this is a defect, worth a line each.
                return tracing::error!(%error, "a record from the kernel cannot be decoded");
            }
        };
        self.events += 1;
        // The state changes for every event; only the rules may be spared one.
        let actor = self.state.apply(&event);
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

    /// The rules in force.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What is known of processes, users and containers.
    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// Alerts raised so far.
    pub fn alerts(&self) -> u64 {
        self.alerts
    }

    /// The account of events: the kernel's counters beside our own.
    pub fn account(&self, kernel: &Counters) -> Vec<EventAccount> {
        let mut rows: Vec<EventAccount> = Kind::ALL
            .into_iter()
            .zip(&self.tallies)
            .map(|(kind, tally)| account(kind, tally, kernel))
            .collect();
        let unreadable = self.tallies.last().map_or(0, |tally| tally.undecodable);
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

fn tally(tallies: &mut [Tally; Kind::ALL.len() + 1], kind: Option<Kind>) -> &mut Tally {
    let index = Kind::ALL
        .iter()
        .position(|k| Some(*k) == kind)
        .unwrap_or(Kind::ALL.len());
    // The position is within the array by construction; the first is never taken instead.
    let [first, rest @ ..] = tallies;
    match index.checked_sub(1).and_then(|index| rest.get_mut(index)) {
        Some(tally) => tally,
        None => first,
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
