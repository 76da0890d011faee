//! `cargo xtask bench storms`: what the sensor costs those it watches, what it takes
//! itself, and what it loses, in storms of events.
//!
//! Every storm runs in pairs, once with and once without a sensor, the first of each
//! pair changing, so that what else the machine does strikes both alike; ratios are the
//! medians of the pairs. Nothing is judged but the account, which has to add up.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Parser;

use super::load::{self, Took};
use super::subject::{self, Subject};
use crate::progress::{doing, ok};

/// Storms with and without a sensor: what it costs, takes and loses.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench storms")]
pub(super) struct Arguments {
    /// Pairs of runs of each storm
    #[arg(long, value_name = "N", default_value_t = 5)]
    pairs: usize,
    /// Make every storm so many times as large
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    size: f64,
    /// Size of the ring, MiB; the sensor's default otherwise
    #[arg(long, value_name = "MIB")]
    ring_mib: Option<u32>,
    /// Measure this sensor instead of building one
    #[arg(long, value_name = "FILE")]
    sensor: Option<PathBuf>,
}

/// What was measured of one storm.
#[derive(Debug, Default)]
struct Measured {
    /// With a sensor divided by without, pair by pair.
    wall: Vec<f64>,
    cpu: Vec<f64>,
    /// All runs with a sensor together.
    events: u64,
    seconds: f64,
    lost: u64,
    alerts: u64,
    sensor_seconds: f64,
    /// The most of any run, KiB.
    rss_kib: u64,
}

pub(super) fn main(arguments: &Arguments) -> Result<()> {
    let sensor = subject::build(arguments.sensor.as_deref())?;
    let config = arguments.ring_mib;
    let config = config.map_or_else(String::new, |mib| format!("capture: {{ring_mib: {mib}}}"));
    anstream::println!(
        "{:<16} {:>10} {:>9} {:>8} {:>7} {:>11} {:>11} {:>12} {:>8}",
        "storm",
        "events",
        "per s",
        "lost",
        "alerts",
        "wall ratio",
        "CPU ratio",
        "sensor us/ev",
        "RSS MiB"
    );
    for (name, count) in load::STORMS {
        doing(&format!("{name}, {} pairs", arguments.pairs));
        let count = scaled(count, arguments.size);
        let mut measured = Measured::default();
        for pair in 0..arguments.pairs.max(1) {
            let before = (pair % 2 == 0)
                .then(|| load::run(name, count))
                .transpose()?;
            let with = watched(&sensor, name, count, &config, &mut measured)?;
            let without = before.map_or_else(|| load::run(name, count), Ok)?;
            measured.compare(with, without);
        }
        measured.print(name);
    }
    ok("lost events are in the account, by kind, CPU and reason: `sensor account --cpus`");
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a count of a few thousand times a factor that a person gives"
)]
fn scaled(count: usize, factor: f64) -> usize {
    (count as f64 * factor) as usize
}

/// One run with a sensor.
fn watched(
    sensor: &Path,
    name: &str,
    count: usize,
    config: &str,
    into: &mut Measured,
) -> Result<Took> {
    let sensor = Subject::start(sensor, config)?;
    let (before, cpu) = (sensor.account()?, sensor.cpu());
    let took = load::run(name, count)?;
    let after = sensor.account()?;
    let more = |of: fn(&subject::Account) -> u64| of(&after).saturating_sub(of(&before));
    into.events += more(|account| account.sum("captured"));
    into.lost += more(|account| account.inner("dropped"));
    into.alerts += more(subject::Account::alerts);
    into.seconds += took.wall.as_secs_f64();
    into.sensor_seconds += sensor.cpu().saturating_sub(cpu).as_secs_f64();
    into.rss_kib = into.rss_kib.max(sensor.rss_kib());
    let said = sensor.stop()?;
    ensure!(!said.contains("DOES NOT ADD UP"), "{name}: {said}");
    Ok(took)
}

impl Measured {
    fn compare(&mut self, with: Took, without: Took) {
        let ratio = |with: f64, without: f64| with / without.max(f64::MIN_POSITIVE);
        let (wall, cpu) = (without.wall.as_secs_f64(), without.cpu.as_secs_f64());
        self.wall.push(ratio(with.wall.as_secs_f64(), wall));
        self.cpu.push(ratio(with.cpu.as_secs_f64(), cpu));
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    fn print(&self, name: &str) {
        let events = self.events as f64;
        anstream::println!(
            "{name:<16} {:>10} {:>9.0} {:>8} {:>7} {:>11.2} {:>11.2} {:>12.2} {:>8.1}",
            self.events,
            events / self.seconds.max(f64::MIN_POSITIVE),
            self.lost,
            self.alerts,
            median(&self.wall),
            median(&self.cpu),
            self.sensor_seconds * 1e6 / events.max(1.0),
            self.rss_kib as f64 / 1024.0,
        );
    }
}

/// The middle one, the lower of two.
fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_whatever_the_order() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0]) - 1.0).abs() < f64::EPSILON);
        assert!(median(&[]).abs() < f64::EPSILON);
    }
}
