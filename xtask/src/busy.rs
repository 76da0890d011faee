//! `cargo xtask busy`: a busy, honest host, and what the sensor says about it.
//!
//! In: the jobs in `tests/busy`, each something that administrators, developers or
//! timers do all day. Out: every alert that the rules on by default raised meanwhile,
//! and exit code 1 if one came from a job: each would be called a false one.
//!
//! Always holds: a job changes nothing that outlives it; see `attacks`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, Result, bail, ensure};

use crate::attacks::runner::{Job, Runner};
use crate::attacks::script::{Place, head};
use crate::attacks::watch::{Alert, Watch};
use crate::attacks::{self, group, needs};
use crate::progress::{self, cannot, doing, ok};
use crate::setup;

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
Exit codes: 0 no alert came from a job; 1 one did, or a job failed.")]
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
}

/// How long one job may take.
const LIMIT: Duration = Duration::from_mins(8);

/// How many texts are shown of one rule and job, and how many characters of each.
const EXAMPLES: usize = 8;
const LENGTH: usize = 400;

/// One kind of honest work.
struct Work {
    name: String,
    path: PathBuf,
    needs: Vec<String>,
    host_network: bool,
}

/// A job that ran: its name, its cgroup, and why it failed if it did.
struct Done {
    name: String,
    cgroup: String,
    failure: String,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    setup::root()?;
    setup::btf()?;
    let mut work = all()?;
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
    let sensor = attacks::build(arguments.release)?;
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
    let done = run_all(&runner, &work, minutes, arguments.at_once)?;
    watch.fence()?;
    group::remove_parents();
    let alerts = watch.alerts_from("")?;
    attacks::losses(&watch.stop()?);
    report(&done, &alerts)
}

/// The jobs in `tests/busy`, by name.
fn all() -> Result<Vec<Work>> {
    let directory = progress::root().join("tests/busy");
    let entries = fs::read_dir(&directory);
    let entries = entries.with_context(|| format!("cannot read {}", directory.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Work> {
    let text = fs::read_to_string(path)?;
    ensure!(
        text.contains("work() {"),
        "{} has no work()",
        path.display()
    );
    let name = path.file_stem().unwrap_or_default();
    let mut work = Work {
        name: name.to_string_lossy().into_owned(),
        path: path.to_owned(),
        needs: Vec::new(),
        host_network: false,
    };
    for (word, value) in text.lines().map_while(head) {
        match word {
            "needs" => work.needs = value.split_whitespace().map(str::to_owned).collect(),
            "network" => work.host_network = value == "host",
            _ => {}
        }
    }
    Ok(work)
}

/// Runs each job once, and then on and on until the time is over.
fn run_all(runner: &Runner, work: &[Work], time: Duration, at_once: usize) -> Result<Vec<Done>> {
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

fn run(runner: &Runner, work: &Work) -> Result<Done> {
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
        name: work.name.clone(),
        cgroup,
        failure: report.failure,
    })
}

/// Lists the alerts, by rule and job.
fn report(done: &[Done], alerts: &[Alert]) -> Result<()> {
    let mut kinds: BTreeMap<(&str, &str), Vec<&Alert>> = BTreeMap::new();
    for alert in alerts.iter().filter(|alert| !alert.is_fence()) {
        let job = done.iter().find(|job| alert.is_from(&job.cgroup));
        let job = job.map_or("elsewhere", |job| &job.name);
        kinds.entry((job, &alert.rule)).or_default().push(alert);
    }
    let style = Style::new().fg_color(Some(AnsiColor::Yellow.into()));
    for ((job, rule), alerts) in &kinds {
        anstream::println!("\n  {style}{rule}{style:#}: {} by {job}", alerts.len());
        let mut texts: Vec<&str> = alerts.iter().map(|alert| alert.text()).collect();
        texts.sort_unstable();
        texts.dedup();
        for text in texts.iter().take(EXAMPLES) {
            let shown: String = text.chars().take(LENGTH).collect();
            anstream::println!("    {}", shown.escape_debug());
        }
    }
    anstream::println!();
    let from_jobs: usize = kinds
        .iter()
        .filter(|((job, _), _)| *job != "elsewhere")
        .map(|(_, alerts)| alerts.len())
        .sum();
    let failed = done.iter().filter(|job| !job.failure.is_empty()).count();
    ensure!(
        from_jobs == 0 && failed == 0,
        "{} jobs done, {failed} of which failed; they raised {from_jobs} alerts",
        done.len()
    );
    ok(&format!("{} jobs done without an alert", done.len()));
    Ok(())
}
