//! `cargo xtask vm`: the programs on other kernels than this machine's.
//!
//! In: names of kernel releases. Out: one virtual machine per release that runs the
//! kernel tests and `sensor demo` on a stock Debian kernel; a table, and exit code 1
//! if anything failed anywhere.
//!
//! Always holds: machines have no network and no disk, run without hardware support
//! (so inside virtual machines as well), and end by themselves or are ended when
//! their time is up. What is downloaded stays in `target/vm`.

mod guest;
mod kernels;
mod machine;

use anstyle::{AnsiColor, Style};
use anyhow::{Result, bail, ensure};

use crate::progress::{self, doing, failed, ok};
use crate::setup;
use guest::Report;

/// Run the kernel tests and the demo on other kernels, in virtual machines.
///
/// Kernels are Debian's for clouds, downloaded into target/vm and kept there; remove
/// target/vm/RELEASE to get a newer build. Machines are emulated, so each takes ten
/// minutes or more. Needed are the packages qemu-system-x86 and busybox-static, and
/// Debian's apt.
///
/// Run are the tests of all that the kernel side captures (calls in all three forms
/// they come in, programs, signals, connections, packets, `io_uring`, 32-bit calls), of
/// machines that lack something, of small storms, of rules reloaded without privileges,
/// and of containers with cgroups mounted as version 1, version 2 and both. Left out are
/// those of rules, outputs, recordings and long storms, which no kernel changes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask vm                              every kernel, oldest first
  cargo xtask vm --kernel 5.10                one kernel
  cargo xtask vm --kernel 5.10 --kernel 6.1   two of them

What a machine said is in target/vm/RELEASE/serial.log.
Exit codes: 0 all passed everywhere, 1 something failed.")]
pub(crate) struct Arguments {
    /// The release to run on (may be repeated)
    #[arg(long, value_name = "RELEASE", value_parser = kernels::RELEASES.map(|it| it.version))]
    kernel: Vec<String>,
}

/// The name of this command's log.
const LOG: &str = "vm";

/// How often a kernel is booted until it comes as far as its first process.
const BOOTS: usize = 3;

/// How one kernel did, for the table.
struct Row {
    version: &'static str,
    result: Result<Report>,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    for (program, package) in [
        ("qemu-system-x86_64", "qemu-system-x86"),
        ("busybox", "busybox-static"),
        ("apt-get", "apt"),
        ("dpkg-deb", "dpkg"),
    ] {
        ensure!(
            progress::has_program(program),
            "{program} is not installed: it is in Debian's package {package}"
        );
    }
    progress::begin_log(LOG)?;
    setup::toolchain()?;
    doing("building the kernel tests and the sensor");
    let programs = guest::build()?;
    let chosen = kernels::RELEASES.iter().filter(|it| {
        arguments.kernel.is_empty() || arguments.kernel.iter().any(|name| name == it.version)
    });
    let rows: Vec<Row> = chosen
        .map(|release| Row {
            version: release.version,
            result: run(release, &programs),
        })
        .inspect(Row::announce)
        .collect();
    print_table(&rows);
    let failures = rows.iter().filter(|row| !row.passed()).count();
    if failures > 0 {
        bail!("{failures} of {} kernels failed", rows.len());
    }
    ok(&format!("all passed on {} kernels", rows.len()));
    Ok(())
}

/// Gets the kernel, boots it with the programs, and reads what it said.
fn run(release: &kernels::Release, programs: &guest::Programs) -> Result<Report> {
    let kernel = release.get()?;
    doing(&format!(
        "{}: running {}",
        release.version,
        kernel.package()?
    ));
    let initramfs = programs.initramfs(&kernel, release.lacks)?;
    // Some emulators break a kernel's start now and then, before anything of ours.
    let mut report = Report::default();
    for _ in 0..BOOTS {
        report = Report::read(&machine::run(&kernel, &initramfs)?);
        if report.started() {
            break;
        }
    }
    Ok(report)
}

impl Row {
    fn passed(&self) -> bool {
        self.result.as_ref().is_ok_and(Report::passed)
    }

    fn announce(&self) {
        let text = format!("{}: {}", self.version, self.summary());
        if self.passed() {
            ok(&text);
        } else {
            failed(&text);
        }
    }

    fn summary(&self) -> String {
        match &self.result {
            Ok(report) => report.summary(),
            Err(error) => format!("{error:#}"),
        }
    }
}

fn print_table(rows: &[Row]) {
    anstream::eprintln!();
    for row in rows {
        let (colour, verdict) = if row.passed() {
            (AnsiColor::Green, "passed")
        } else {
            (AnsiColor::Red, "failed")
        };
        let style = Style::new().fg_color(Some(colour.into()));
        let release = row
            .result
            .as_ref()
            .ok()
            .and_then(|it| it.release.as_deref());
        let release = release.unwrap_or(row.version);
        let summary = row.summary();
        let first = summary.lines().next().unwrap_or_default();
        anstream::eprintln!("  {release:<28}{style}{verdict:<8}{style:#}{first}");
    }
    anstream::eprintln!();
}
