//! How fast the engine is, how fast rules load, and what it costs to be watched:
//! numbers a person can repeat.
//!
//! `cargo xtask bench engine`, `load`, `delivery` and `capture` run this in a release
//! build. Nothing here fails because a machine is slow; what must hold is held by
//! the other tests. The naive way (each rule's own program, one after another,
//! nothing remembered) runs over the same events in the same run, so the ratios
//! mean something on any machine.
#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench prints what it finds, over tables of its own making"
)]

#[path = "bench/capture.rs"]
mod capture;
#[path = "bench/delivery.rs"]
mod delivery;
#[path = "bench/engine.rs"]
mod engine;
#[path = "bench/load.rs"]
mod load;
#[path = "bench/rules.rs"]
mod rules;
#[path = "bench/workload.rs"]
mod workload;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;

/// Measures the sensor's rule engine, and what it costs to be watched.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure
    #[arg(value_enum)]
    what: What,
    /// Rules to measure beside the generated ones: files or directories
    #[arg(long, value_name = "PATH", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../rules"))]
    rules: Vec<PathBuf>,
    /// A recording made with `sensor record`, whose events to use
    #[arg(long, value_name = "FILE")]
    recording: Option<PathBuf>,
    /// Record what this machine does for a moment and use that (needs root)
    #[arg(long)]
    live: bool,
    /// Events to make when none are recorded
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    events: usize,
    /// Times each way is run; the fastest counts
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Stay on this CPU
    #[arg(long, value_name = "CPU")]
    pin: Option<usize>,
    /// Leave out what takes longest
    #[arg(long)]
    quick: bool,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum What {
    /// Events per second against rules
    Engine,
    /// Time and memory to load rules
    Load,
    /// Alerts per second through the spool, and beside a dead output
    Delivery,
    /// What being watched costs a program (needs root)
    Capture,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(cpu) = arguments.pin {
        let mut cpus = rustix::thread::CpuSet::new();
        cpus.set(cpu);
        rustix::thread::sched_setaffinity(None, &cpus).context("cannot stay on that CPU")?;
    }
    match arguments.what {
        What::Engine => engine::main(&arguments)?,
        What::Load => load::main(&arguments),
        What::Delivery => delivery::main(&arguments)?,
        What::Capture => capture::main(&arguments)?,
    }
    Ok(())
}
