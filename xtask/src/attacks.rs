//! `cargo xtask attacks`: every rule against the attack it is for, and its near miss.
//!
//! In: rules, and the scripts in `tests/attacks`. Out: for each rule whether the real
//! sensor fired on the attack, stayed silent on the near miss, and after how long; exit
//! code 1 if a rule did not do as it should, or has no script.
//!
//! Always holds: a script changes nothing that outlives it, and what it does is told
//! by its cgroup from all else on the machine.

pub(crate) mod group;
mod matrix;
pub(crate) mod needs;
pub(crate) mod runner;
pub(crate) mod script;
pub(crate) mod stage;
mod trial;
pub(crate) mod watch;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Result, bail, ensure};

use crate::progress::{self, cannot, doing, ok};
use crate::setup;
use crate::test::Verdict;
use runner::Runner;
use script::Script;
use trial::{Trial, Trier};
use watch::Watch;

/// The word that makes this program the first process of a script; see [`stage`].
pub(crate) const STAGE: &str = "attack-stage";

/// Attack this machine, harmlessly, and see that each rule fires.
///
/// Each script in tests/attacks really does what its rule is for, and something close
/// to it that the rule must not mind, in namespaces of its own where nothing lasts.
/// The sensor watches with every rule enabled.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask attacks                              every shipped rule
  cargo xtask attacks credentials 'reverse shell'  those whose name holds one of the words
  cargo xtask attacks --rules ../shared/falco-rules
                                                   Falco's stable rules, by tests/attacks/falco
  cargo xtask attacks --json matrix.json           also for programs

How to write one: docs/attacks.md. What a script said is in target/xtask/attacks.
Exit codes: 0 each rule fired on its attack only; 1 one did not, or has no script.")]
pub(crate) struct Arguments {
    /// Only scripts or rules whose name holds one of these words
    filters: Vec<String>,

    /// Rules to prove in place of the shipped ones
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,

    /// The scripts for them
    #[arg(
        long,
        value_name = "DIR",
        default_value = SCRIPTS_OF_FALCO,
        requires = "rules"
    )]
    scripts: PathBuf,

    /// Write the matrix to FILE as JSON as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// How many scripts run at once; one for each processor unless said
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,

    /// Install what scripts need (as root, with apt); always on with CI=true
    #[arg(long)]
    install: bool,

    /// Show the text of each alert
    #[arg(long)]
    outputs: bool,

    /// Use a release build of the sensor
    #[arg(long)]
    release: bool,

    /// Watch with this sensor instead of building one
    #[arg(long, value_name = "FILE", conflicts_with = "release")]
    sensor: Option<PathBuf>,
}

/// Where Falco's rules are looked for by the test, seen from the project.
const FALCO_RULES: &str = "../shared/falco-rules";
/// The scripts for them.
const SCRIPTS_OF_FALCO: &str = "tests/attacks/falco";

/// The name of this command's log.
const LOG: &str = "attacks";

/// Proves the shipped rules, and Falco's where they are beside the project, as a test.
///
/// # Errors
///
/// When a rule is not proven.
pub(crate) fn test(may_install: bool) -> Result<Verdict> {
    if let Err(why) = setup::root().and_then(|_| setup::btf()) {
        return Ok(Verdict::CannotRun(format!("{why:#}")));
    }
    let mut namespaces = Command::new("unshare");
    namespaces.args([
        "--mount", "--ipc", "--uts", "--net", "--pid", "--fork", "true",
    ]);
    if progress::output(&mut namespaces).is_none() {
        let why = "the kernel gives no namespaces here, or there is no `unshare`";
        return Ok(Verdict::CannotRun(why.into()));
    }
    let shipped = Arguments::for_test(None, may_install);
    let falco = Arguments::for_test(Some(progress::root().join(FALCO_RULES)), may_install);
    main(&shipped)?;
    match rules_of(&falco) {
        Ok(_) => main(&falco)?,
        Err(why) => cannot(&format!("{why:#}")),
    }
    Ok(Verdict::Passed)
}

impl Arguments {
    fn for_test(rules: Option<PathBuf>, install: bool) -> Self {
        Self {
            filters: Vec::new(),
            rules,
            scripts: SCRIPTS_OF_FALCO.into(),
            json: None,
            jobs: None,
            install,
            outputs: false,
            release: false,
            sensor: None,
        }
    }
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    setup::root()?;
    setup::btf()?;
    let rules = rules_of(arguments)?;
    let scripts = match &arguments.rules {
        None => script::all(&progress::root().join("tests/attacks"), true)?,
        Some(_) => script::all(&progress::root().join(&arguments.scripts), false)?,
    };
    let chosen: Vec<Script> = scripts
        .iter()
        .filter(|script| script.is_chosen(&arguments.filters))
        .cloned()
        .collect();
    ensure!(
        !chosen.is_empty() || arguments.filters.is_empty(),
        "no script and no rule is named like {:?}",
        arguments.filters
    );
    progress::begin_log(LOG)?;
    let needs = chosen.iter().flat_map(|script| script.needs.clone());
    programs(needs, arguments.install || progress::in_ci())?;
    let tools = compile()?;
    let sensor = match &arguments.sensor {
        Some(sensor) => sensor.clone(),
        None => build(arguments.release)?,
    };

    let begin = Instant::now();
    let watch = Watch::start(&sensor, &rules, EVERY_RULE, "attacks-sensor")?;
    let in_force = watch.rules(&sensor)?;
    let runner = Runner::new(tools)?;
    let trier = Trier::new(&watch, &runner);
    let mut trials = run_all(&trier, &chosen, arguments.jobs)?;
    group::remove_parents();
    let said = watch.stop()?;
    trials.sort_by(|a, b| a.script.path.cmp(&b.script.path));
    matrix::print(&trials, arguments.outputs);
    if let Some(path) = &arguments.json {
        matrix::write(path, &trials)?;
    }
    losses(&said);
    // With a filter, rules that were not meant have no script among the chosen.
    let without = without_script(&in_force, &scripts, &arguments.filters);
    let unknown: Vec<&Script> = chosen
        .iter()
        .filter(|script| !in_force.contains(&script.rule))
        .collect();
    verdict(&trials, &without, &unknown, begin)
}

/// Whatever a rule's own `enabled`, its tags and the chosen pack say.
const EVERY_RULE: &str = "rules: [{enable: {rule: \"*\"}}]";

/// The rules to prove; a clear word when they are not there.
fn rules_of(arguments: &Arguments) -> Result<PathBuf> {
    let Some(path) = &arguments.rules else {
        return Ok(progress::root().join("rules"));
    };
    ensure!(
        path.exists(),
        "{} is not there: these rules come with Falco and not with this project",
        path.display()
    );
    Ok(path.clone())
}

/// Sees to the programs that scripts need, as far as it may.
pub(crate) fn programs(needs: impl Iterator<Item = String>, may_install: bool) -> Result<()> {
    let ours = needs::OURS.map(str::to_owned).into_iter();
    let all: BTreeSet<String> = ours.chain(needs).collect();
    let missing = needs::missing(&all.into_iter().collect::<Vec<_>>());
    if missing.is_empty() {
        return Ok(());
    }
    let packages: BTreeSet<&str> = missing.iter().map(|it| needs::package(it)).collect();
    let packages: Vec<&str> = packages.into_iter().collect();
    if may_install {
        return setup::apt_install(&packages);
    }
    cannot(&format!(
        "missing here: {}\n        `apt-get install {}`, or this command with --install",
        missing.join(" "),
        packages.join(" ")
    ));
    Ok(())
}

/// Compiles the C programs of the scripts that are new or changed; gives their directory.
pub(crate) fn compile() -> Result<PathBuf> {
    let sources = progress::root().join("tests/attacks").join(script::TOOLS);
    let tools = progress::target_dir().join("xtask/attack-tools");
    std::fs::create_dir_all(&tools)?;
    for entry in std::fs::read_dir(&sources).into_iter().flatten() {
        let source = entry?.path();
        if source.extension().is_none_or(|it| it != "c") {
            continue;
        }
        let program = tools.join(source.file_stem().unwrap_or_default());
        let changed = |path: &Path| path.metadata().and_then(|it| it.modified()).ok();
        if changed(&program) > changed(&source) {
            continue;
        }
        let mut cc = Command::new("cc");
        cc.args(["-O1", "-Wall", "-pthread", "-o"])
            .args([&program, &source]);
        progress::logged(&mut cc, LOG)?;
    }
    // On some machines the directory of the build is not everybody's to read.
    Ok(tools)
}

/// Builds the sensor and says where it is.
pub(crate) fn build(release: bool) -> Result<PathBuf> {
    doing("building the sensor");
    let mut build = progress::cargo();
    build.args(["build", "--locked", "--package", "sensor"]);
    if release {
        build.arg("--release");
    }
    progress::logged(&mut build, LOG)?;
    let kind = if release { "release" } else { "debug" };
    Ok(progress::target_dir().join(kind).join("sensor"))
}

/// Tries all scripts, several at once, and shows how far it is.
fn run_all<'a>(
    trier: &Trier<'_>,
    scripts: &'a [Script],
    jobs: Option<usize>,
) -> Result<Vec<Trial<'a>>> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = jobs.unwrap_or(processors).clamp(1, scripts.len().max(1));
    doing(&format!("{} scripts, {jobs} at once", scripts.len()));
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..jobs)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let trial = trier.try_script(script)?;
                        let mut done = done
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner);
                        done.push(trial);
                        matrix::progress(done.len(), scripts.len(), &done);
                    }
                    Ok(())
                })
            })
            .collect();
        lanes.into_iter().try_for_each(|lane| {
            lane.join()
                .unwrap_or_else(|_| bail!("a lane of scripts broke down"))
        })
    })?;
    Ok(done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// Says what the sensor lost, which may be why a rule did not fire.
pub(crate) fn losses(said: &str) {
    for line in said.lines().filter(|line| line.contains("were lost")) {
        let shown: String = line.chars().take(240).collect();
        cannot(&shown);
    }
}

/// The rules in force that no script is for.
fn without_script(in_force: &[String], scripts: &[Script], filters: &[String]) -> Vec<String> {
    if !filters.is_empty() {
        return Vec::new();
    }
    let has = |rule: &&String| scripts.iter().any(|script| script.rule == **rule);
    in_force.iter().filter(|rule| !has(rule)).cloned().collect()
}

fn verdict(
    trials: &[Trial<'_>],
    without: &[String],
    unknown: &[&Script],
    begin: Instant,
) -> Result<()> {
    for rule in without {
        progress::failed(&format!("no script is for the rule {rule:?}"));
    }
    for script in unknown {
        let (name, rule) = (script.name(), &script.rule);
        progress::failed(&format!("{name} is for a rule that is not there: {rule:?}"));
    }
    let unproven = trials.iter().filter(|trial| !trial.is_proven());
    let unproven: Vec<String> = unproven.map(|trial| trial.script.name()).collect();
    let passed = trials.len() - unproven.len();
    let seconds = begin.elapsed().as_secs();
    ensure!(
        unproven.is_empty() && without.is_empty() && unknown.is_empty(),
        "{passed} rules proven in {seconds} s, {} without a script, {} not: {}",
        without.len(),
        unproven.len(),
        unproven.join(" ")
    );
    ok(&format!(
        "{passed} rules fired on their attacks and were silent on the near misses, in {seconds} s"
    ));
    Ok(())
}
