//! `cargo xtask busy`: a busy, honest host, and what the sensor says about it.
//!
//! In: the jobs in `tests/busy`, each something that administrators, developers or
//! timers do all day. Out: every alert that the rules on by default raised meanwhile,
//! judged, and exit code 1 if a job raised one that it does not say is right.
//!
//! Always holds: a job changes nothing that outlives it, and what it does is told by its
//! cgroup from all else on the machine; see `attacks`. What others do meanwhile is
//! listed, and no job's fault.

mod report;
mod work;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::attacks::runner::{Job, Runner};
use crate::attacks::script::Place;
use crate::attacks::watch::Watch;
use crate::attacks::{self, group, needs};
use crate::progress::{self, cannot, doing, ok};
use crate::setup;
use work::Work;

/// Do honest work for a while and list what the sensor says to it.
///
/// Each job in tests/busy runs in turn, several at once, until the time is over: packages
/// are installed and removed, programs built, timers and cron run, people log in. The
/// sensor watches with the rules that are on by default.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask busy                  each job once
  cargo xtask busy --minutes 60     for an hour
  cargo xtask busy packages ssh     these jobs
  cargo xtask busy --pack strict    with other rules

What a job said is in target/xtask/attacks/busy.JOB.work.log.
Exit codes: 0 no job raised an alert but those that it says are right; 1 one did, or failed.")]
pub(crate) struct Arguments {
    /// Only these jobs
    jobs: Vec<String>,

    /// Go on for so long; each job runs once at least
    #[arg(long, value_name = "N", default_value_t = 0)]
    minutes: u64,

    /// The packs of rules to watch with (may be repeated)
    #[arg(long, value_name = "PACK")]
    pack: Vec<String>,

    /// Other rules than the shipped ones
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,

    /// How many jobs run at once
    #[arg(long, value_name = "N", default_value_t = 2)]
    at_once: usize,

    /// Install what jobs need (as root, with apt)
    #[arg(long)]
    install: bool,

    /// Use a release build of the sensor
    #[arg(long)]
    release: bool,

    /// Watch with this sensor instead of building one
    #[arg(long, value_name = "FILE", conflicts_with = "release")]
    sensor: Option<PathBuf>,
}

/// How long one job may take.
const LIMIT: Duration = Duration::from_mins(20);

/// A job that ran.
#[derive(Debug)]
struct Done<'a> {
    work: &'a Work,
    /// Where all that it did happened.
    cgroup: String,
    /// Why it failed; empty when it did not.
    failure: String,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    setup::root()?;
    setup::btf()?;
    let mut work = work::all()?;
    work.retain(|it| arguments.jobs.is_empty() || arguments.jobs.contains(&it.name));
    ensure!(!work.is_empty(), "no job is named {:?}", arguments.jobs);
    let all_needs = work.iter().flat_map(|it| it.needs.clone());
    attacks::programs(all_needs, arguments.install)?;
    work.retain(|it| {
        let missing = needs::missing(&it.needs);
        if !missing.is_empty() {
            cannot(&format!("{} needs {}", it.name, missing.join(" ")));
        }
        missing.is_empty()
    });
    let runner = Runner::new(attacks::compile()?)?;
    let sensor = match &arguments.sensor {
        Some(sensor) => sensor.clone(),
        None => attacks::build(arguments.release)?,
    };
    let shipped = progress::root().join("rules");
    let rules = arguments.rules.as_deref().unwrap_or(&shipped);
    let packs = match arguments.pack.as_slice() {
        [] => String::new(),
        packs => format!("packs: [{}]", packs.join(", ")),
    };
    let watch = Watch::start(&sensor, rules, &packs, "busy-sensor")?;
    let in_force = watch.rules(&sensor)?.len();
    let minutes = Duration::from_secs(60 * arguments.minutes);
    doing(&format!(
        "{} jobs before {in_force} rules, {} at once",
        work.len(),
        arguments.at_once
    ));
    let begin = Instant::now();
    let done = run_all(&runner, &work, minutes, arguments.at_once)?;
    let took = begin.elapsed();
    watch.fence()?;
    group::remove_parents();
    let alerts = watch.alerts_from("")?;
    let said = watch.stop()?;
    attacks::losses(&said);
    report::print(&done, &alerts, took, &said)
}

/// Runs each job once, and then on and on until the time is over.
fn run_all<'a>(
    runner: &Runner,
    work: &'a [Work],
    time: Duration,
    at_once: usize,
) -> Result<Vec<Done<'a>>> {
    let begin = Instant::now();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..at_once.clamp(1, work.len()))
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    loop {
                        let turn = next.fetch_add(1, Ordering::Relaxed);
                        let Some(it) = work.get(turn % work.len()) else {
                            return Ok(());
                        };
                        if turn >= work.len() && begin.elapsed() >= time {
                            return Ok(());
                        }
                        let ended = run(runner, it)?;
                        done.lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .push(ended);
                    }
                })
            })
            .collect();
        lanes.into_iter().try_for_each(|lane| {
            lane.join()
                .unwrap_or_else(|_| bail!("a lane of jobs broke down"))
        })
    })?;
    Ok(done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn run<'a>(runner: &Runner, work: &'a Work) -> Result<Done<'a>> {
    let begin = Instant::now();
    let job = Job {
        name: format!("busy/{}", work.name),
        script: work.path.clone(),
        function: "work",
        place: Place::Host,
        host_network: work.host_network,
    };
    let (cgroup, report) = runner.run(&job, LIMIT)?;
    let seconds = begin.elapsed().as_secs();
    match report.failure.as_str() {
        "" => ok(&format!("{} ({seconds} s)", work.name)),
        why => progress::failed(&format!("{} ({seconds} s): {why}", work.name)),
    }
    Ok(Done {
        work,
        cgroup,
        failure: report.failure,
    })
}
