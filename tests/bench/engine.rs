//! Events per second: nothing, each rule alone, and the engine, over the same events.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{Result, anyhow};
use bumpalo::Bump;
use sensor::decode;
use sensor::detect::engine::{Engine, Matching};
use sensor::detect::rules::{LoadOptions, RuleSet, load, load_texts};
use sensor::enrich::{Observation, State};
use sensor::events::{self, EventCode};

use crate::workload::{self, Item, Workload};
use crate::{Arguments, rules};

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let workload = match (&arguments.recording, arguments.live) {
        (Some(path), _) => workload::recorded(path)?,
        (None, true) => workload::live()?,
        (None, false) => workload::made(arguments.events),
    };
    describe(&workload);
    let bench = Bench {
        workload,
        rounds: arguments.rounds.max(1),
    };
    let nothing = bench.time(|_, _| {});
    println!(
        "without rules: decoding and the process table take {:.0} ns an event\n",
        bench.ns(nothing)
    );
    println!(
        "{:<28} {:>6} {:>11} {:>11} {:>8} {:>10} {:>12} {:>7} {:>11}",
        "rules",
        "number",
        "naive ns/ev",
        "engine ns",
        "ratio",
        "engine ev/s",
        "whole ev/s",
        "hits",
        "allocs/ev"
    );
    let named = LoadOptions {
        paths: arguments.rules.clone(),
        ..LoadOptions::default()
    };
    let set = load(&named).map_err(|found| anyhow!("the rules have mistakes: {found:?}"))?;
    let name = arguments
        .rules
        .iter()
        .map(|path| path.file_name().unwrap_or_default().to_string_lossy());
    let name = name.collect::<Vec<_>>().join("+");
    bench.rules(&name, &set.rules, nothing, true);
    let sizes: &[usize] = if arguments.quick {
        &[25, 100, 1_000]
    } else {
        &[25, 100, 1_000, 10_000]
    };
    let mut before: Option<(usize, f64)> = None;
    for size in sizes {
        let text = rules::generated(*size);
        let set = load_texts(
            &[("generated.yaml", text.as_bytes())],
            &LoadOptions::default(),
        )
        .map_err(|found| anyhow!("the generated rules have mistakes: {found:?}"))?;
        let name = format!("generated {size}");
        // The naive way over ten thousand rules takes minutes and says nothing new.
        let ns = bench.rules(&name, &set.rules, nothing, *size <= 1_000);
        if let Some((fewer, less)) = before {
            println!(
                "{:<28} {}x the rules take {:.2}x the time",
                "",
                size / fewer,
                ns / less
            );
        }
        before = Some((*size, ns));
    }
    Ok(())
}

fn describe(workload: &Workload) {
    let mut kinds = std::collections::BTreeMap::new();
    for item in &workload.items {
        if let Item::Record(record) = item
            && let Ok(kind) = decode::kind(record)
        {
            *kinds.entry(kind.name()).or_insert(0_usize) += 1;
        }
    }
    let total = workload.records;
    let kinds = kinds
        .iter()
        .map(|(kind, count)| format!("{kind} {:.0} %", 100.0 * ratio(*count, total)));
    println!(
        "{total} events, {} ({})",
        workload.name,
        kinds.collect::<Vec<_>>().join(", ")
    );
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a bench are far below 2^52"
)]
fn ratio(a: usize, b: usize) -> f64 {
    a as f64 / b as f64
}

/// What this thread has computed so far: others on the machine do not count.
fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(now).unwrap_or_default()
}

struct Bench {
    workload: Workload,
    rounds: usize,
}

impl Bench {
    /// Takes all events through decoding and the process table, and `look` at each.
    fn walk(&self, mut look: impl FnMut(EventCode, &Observation<'_>)) -> Duration {
        let mut state = State::replayed(65_536, "bench".into());
        let mut arena = Bump::new();
        let mut number = 0;
        let begun = cpu_time();
        for item in &self.workload.items {
            let record = match item {
                Item::Record(record) => record,
                Item::Learned(learned) => {
                    state.learn(learned.clone());
                    continue;
                }
            };
            let Ok(event) = decode::decode(record, state.host().boot_time_ns) else {
                continue;
            };
            number += 1;
            let actor = state.apply(&event);
            let seen = state.observe(number, &event, actor, &arena);
            look(events::code_of(&event), black_box(&seen));
            arena.reset();
        }
        cpu_time().saturating_sub(begun)
    }

    /// The fastest of several walks.
    fn time(&self, mut look: impl FnMut(EventCode, &Observation<'_>)) -> Duration {
        let walks = (0..self.rounds).map(|_| self.walk(&mut look));
        walks.min().unwrap_or_default()
    }

    fn ns(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e9 / ratio(self.workload.records, 1)
    }

    /// Measures one set of rules; gives the engine's nanoseconds an event.
    fn rules(&self, name: &str, set: &RuleSet, nothing: Duration, naive: bool) -> f64 {
        let engine = Engine::new(set, Matching::All);
        let mut hits = 0_usize;
        let whole = self.time(|code, seen| {
            if engine.wants(code) {
                engine.evaluate(code, seen, |_| hits += 1);
            }
        });
        let hits = hits / self.rounds;
        let naive = naive.then(|| {
            let mut found = 0_usize;
            let time = self.time(|code, seen| {
                for rule in &set.rules {
                    if rule.events.contains(code) && rule.condition.matches(seen) {
                        found += 1;
                    }
                }
            });
            assert_eq!(found / self.rounds, hits, "both ways find the same");
            self.ns(time.saturating_sub(nothing))
        });
        let alone = self.ns(whole.saturating_sub(nothing)).max(0.1);
        let shown = naive.map_or_else(|| "-".into(), |naive| format!("{naive:.0}"));
        let times = naive.map_or_else(|| "-".into(), |naive| format!("{:.1}x", naive / alone));
        println!(
            "{name:<28} {:>6} {shown:>11} {alone:>11.0} {times:>8} {:>10.2}M {:>11.2}M {hits:>7} {:>11.4}",
            set.rules.len(),
            1e3 / alone,
            1e3 / self.ns(whole),
            self.allocations(&engine),
        );
        alone
    }

    /// Heap allocations of the engine for each event, once warm.
    fn allocations(&self, engine: &Engine) -> f64 {
        let mut count = 0;
        self.walk(|code, seen| {
            let counted = allocation_counter::measure(|| engine.evaluate(code, seen, |_| {}));
            count += counted.count_total;
        });
        count = 0;
        self.walk(|code, seen| {
            let counted = allocation_counter::measure(|| engine.evaluate(code, seen, |_| {}));
            count += counted.count_total;
        });
        ratio(
            usize::try_from(count).unwrap_or(usize::MAX),
            self.workload.records,
        )
    }
}
