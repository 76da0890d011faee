//! `cargo xtask bench soak`: a million short processes, and how much the sensor
//! remembers of them.
//!
//! Real ones: shells fork as fast as they can, and every tenth child becomes another
//! program. What is printed after each tenth is the sensor's memory and account; what
//! must hold is that the account adds up.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Result, ensure};
use clap::Parser;

use super::subject::{self, Subject};
use crate::progress::{doing, ok};

/// How often numbers are shown.
const POINTS: usize = 10;
/// Of so many children one becomes another program.
const EXEC_EVERY: usize = 10;

/// So many short processes: how the sensor's memory grows, and whether its account adds up.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench soak")]
pub(super) struct Arguments {
    /// Processes to start
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    processes: usize,
    /// Measure this sensor instead of building one
    #[arg(long, value_name = "FILE")]
    sensor: Option<PathBuf>,
}

pub(super) fn main(arguments: &Arguments) -> Result<()> {
    let sensor = subject::build(arguments.sensor.as_deref())?;
    let sensor = Subject::start(&sensor, "")?;
    let first = sensor.account()?;
    doing(&format!("{} short processes", arguments.processes));
    anstream::println!(
        "{:>10} {:>9} {:>8} {:>10} {:>10} {:>10} {:>8} {:>7} {:>7}",
        "processes",
        "RSS KiB",
        "known",
        "forks",
        "execs",
        "exits",
        "lost",
        "alerts",
        "CPU s"
    );
    let mut memory = Vec::new();
    for point in 0..=POINTS {
        if point > 0 {
            storm(arguments.processes / POINTS)?;
        }
        let account = sensor.account()?;
        let since = |kind: &str| account.captured(kind) - first.captured(kind);
        anstream::println!(
            "{:>10} {:>9} {:>8} {:>10} {:>10} {:>10} {:>8} {:>7} {:>7.1}",
            arguments.processes / POINTS * point,
            sensor.rss_kib(),
            account.known(),
            since("fork"),
            since("exec"),
            since("exit"),
            account.inner("dropped"),
            account.alerts(),
            sensor.cpu().as_secs_f64(),
        );
        memory.push(sensor.rss_kib());
    }
    let said = sensor.stop()?;
    anstream::println!("{said}");
    ensure!(
        !said.contains("DOES NOT ADD UP"),
        "the account does not add up"
    );
    let after_first = memory.get(1).copied().unwrap_or_default();
    let last = memory.last().copied().unwrap_or_default();
    ok(&format!(
        "from {after_first} KiB after the first tenth to {last} KiB after the last"
    ));
    Ok(())
}

/// So many processes, made by one shell per CPU.
fn storm(processes: usize) -> Result<()> {
    let shells = std::thread::available_parallelism()?.get();
    let rounds = processes / shells / EXEC_EVERY;
    let forks = "(exit 3);".repeat(EXEC_EVERY - 1);
    let script =
        format!("i=0; while [ $i -lt {rounds} ]; do {forks} /bin/true $i; i=$((i+1)); done");
    let start = |_| {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script]).stdin(Stdio::null()).spawn()
    };
    let shells: Vec<Child> = (0..shells).map(start).collect::<std::io::Result<_>>()?;
    for mut shell in shells {
        let status = shell.wait()?;
        ensure!(status.success(), "a shell ended with {status}");
    }
    Ok(())
}
