//! `cargo xtask test`: every test this machine can run, and a table of what ran.
//!
//! In: the sources and this machine. Out: one verdict per step, the table, and exit
//! code 1 if any step failed.
//!
//! Always holds: a step that cannot run says why and what would make it run; it is
//! never silently left out. In continuous integration (`CI=true`), where everything
//! is expected to be there, "cannot run" is a failure.

mod cargo;
mod container;
mod count;
mod deploy;
mod formats;
mod fuzz;
mod receivers;

use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use anyhow::{Result, bail};

use crate::attacks;
use crate::progress::{self, cannot, doing, failed, ok};
use crate::setup;

/// Run every test this machine can run.
///
/// Tests on the real kernel need root, and load the sensor's programs while they
/// run. Steps that cannot run here say why; with CI=true in the environment they
/// fail instead.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask test                   everything; as root this includes the real kernel
  cargo xtask test --quick           what answers within a minute or two
  cargo xtask test --only kernel     one step
  cargo xtask test --install         also installs what single steps need (as root)")]
pub(crate) struct Arguments {
    /// Leave out the slow steps
    #[arg(long)]
    quick: bool,

    /// Run only the step of this name (may be repeated)
    #[arg(long, value_name = "STEP", value_parser = STEPS.map(|step| step.name))]
    only: Vec<String>,

    /// Install what single steps need, such as cargo-fuzz; always on with CI=true
    #[arg(long)]
    install: bool,
}

/// How a step that did not fail ended.
pub(crate) enum Verdict {
    /// Everything it looked at is as it should be.
    Passed,
    /// It could not look, and why.
    CannotRun(String),
}

/// What steps are told.
#[derive(Clone, Copy)]
pub(crate) struct Machine {
    /// Whether a toolchain can build the kernel object.
    pub(crate) can_build_object: bool,
    /// Whether steps may install what they need.
    pub(crate) may_install: bool,
}

/// One row of the table.
struct Step {
    name: &'static str,
    what: &'static str,
    /// Whether `--quick` includes it.
    is_quick: bool,
    run: fn(Machine) -> Result<Verdict>,
}

/// Every step, cheapest first, except that the stub must come before the builds it would undo.
const STEPS: [Step; 13] = [
    Step {
        name: "format",
        what: "the sources are formatted",
        is_quick: true,
        run: cargo::format,
    },
    Step {
        name: "stub",
        what: "without the kernel object, it builds and says what to do",
        is_quick: false,
        run: cargo::stub,
    },
    Step {
        name: "clippy",
        what: "no lint complains",
        is_quick: true,
        run: cargo::clippy,
    },
    Step {
        name: "docs",
        what: "the documentation builds, every link leads somewhere",
        is_quick: false,
        run: cargo::docs,
    },
    Step {
        name: "tests",
        what: "unit tests, stories, conformance, outputs, command line",
        is_quick: true,
        run: cargo::tests,
    },
    Step {
        name: "kernel",
        what: "the programs on the real kernel",
        is_quick: true,
        run: cargo::kernel,
    },
    Step {
        name: "attacks",
        what: "each rule fires on a real attack and not on its near miss",
        is_quick: false,
        run: |machine| {
            if machine.can_build_object {
                attacks::test(machine.may_install)
            } else {
                let why = "no toolchain can build the kernel object: `cargo xtask setup`";
                Ok(Verdict::CannotRun(why.into()))
            }
        },
    },
    Step {
        name: "fuzz",
        what: "a fixed number of hostile inputs per parser",
        is_quick: false,
        run: fuzz::run,
    },
    Step {
        name: "systemd",
        what: "the service unit is valid",
        is_quick: true,
        run: deploy::systemd,
    },
    Step {
        name: "kubernetes",
        what: "the manifest is valid against the Kubernetes schema",
        is_quick: false,
        run: deploy::kubernetes,
    },
    Step {
        name: "formats",
        what: "alerts in ECS and OCSF are valid against the published schemas",
        is_quick: false,
        run: formats::run,
    },
    Step {
        name: "receivers",
        what: "outputs against receivers written in Python",
        is_quick: false,
        run: receivers::run,
    },
    Step {
        name: "container",
        what: "the image from scratch builds and runs",
        is_quick: false,
        run: container::run,
    },
];

/// How one step ended, for the table.
struct Row {
    name: &'static str,
    what: &'static str,
    result: Result<Verdict>,
    took: Duration,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let machine = Machine {
        can_build_object: setup::toolchain()
            .map_err(|why| cannot(&format!("{why:#}")))
            .is_ok(),
        may_install: arguments.install || progress::in_ci(),
    };
    let chosen = STEPS.iter().filter(|step| {
        let named = arguments.only.iter().any(|name| name == step.name);
        named || arguments.only.is_empty() && (step.is_quick || !arguments.quick)
    });
    let rows: Vec<Row> = chosen.map(|step| run(step, machine)).collect();
    print_table(&rows);
    print_count(&rows);
    let failures = rows.iter().filter(|row| row.result.is_err()).count();
    if failures > 0 {
        bail!("{failures} of {} steps failed", rows.len());
    }
    let skipped = rows.iter().filter(|row| !row.passed()).count();
    ok(&match skipped {
        0 => format!("all {} steps passed", rows.len()),
        _ => format!(
            "{} steps passed, {skipped} could not run here",
            rows.len() - skipped
        ),
    });
    Ok(())
}

/// Runs one step and shows how it ends.
fn run(step: &Step, machine: Machine) -> Row {
    doing(&format!("{}: {}", step.name, step.what));
    let start = Instant::now();
    let result = progress::begin_log(step.name).and_then(|_| (step.run)(machine));
    let result = match result {
        Ok(Verdict::CannotRun(why)) if progress::in_ci() => {
            Err(anyhow::anyhow!("it must run in CI, but {why}"))
        }
        result => result,
    };
    match &result {
        Ok(Verdict::Passed) => ok(step.name),
        Ok(Verdict::CannotRun(why)) => cannot(&format!("{}: {why}", step.name)),
        Err(error) => failed(&format!("{}: {error:#}", step.name)),
    }
    Row {
        name: step.name,
        what: step.what,
        result,
        took: start.elapsed(),
    }
}

impl Row {
    fn passed(&self) -> bool {
        matches!(self.result, Ok(Verdict::Passed))
    }
}

/// Says how many single tests ran, when a step that has any was among those chosen.
fn print_count(rows: &[Row]) {
    let mut count = count::Count::default();
    let with_tests = rows
        .iter()
        .filter(|row| ["tests", "kernel"].contains(&row.name));
    let logs: Vec<String> = with_tests
        .filter_map(|row| progress::read_log(row.name))
        .collect();
    for log in &logs {
        count.add(log);
    }
    if !logs.is_empty() {
        anstream::println!("{count}");
    }
}

fn print_table(rows: &[Row]) {
    anstream::eprintln!();
    for row in rows {
        let (colour, verdict, why) = match &row.result {
            Ok(Verdict::Passed) => (AnsiColor::Green, "passed", row.what.to_owned()),
            Ok(Verdict::CannotRun(why)) => (AnsiColor::Yellow, "cannot run", why.clone()),
            Err(error) => {
                let first = error.to_string();
                let first = first.lines().next().unwrap_or_default().to_owned();
                (AnsiColor::Red, "failed", first)
            }
        };
        let style = Style::new().fg_color(Some(colour.into()));
        let seconds = row.took.as_secs();
        let name = row.name;
        anstream::eprintln!("  {name:<11}{style}{verdict:<11}{style:#}{seconds:>5} s  {why}");
    }
    anstream::eprintln!();
}
