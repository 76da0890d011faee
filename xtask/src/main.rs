//! The project's own commands: flags in, exit code out.
//!
//! Every command is one file, named as it is typed. What they share is
//! [`progress`], how steps are shown and long output is kept, and [`toolchain`],
//! which compiler can build the kernel object.
//!
//! Exit codes: 0 all is well, 1 something failed, 2 the command line is wrong.

mod attacks;
mod bench;
mod busy;
mod dist;
mod run;
mod setup;
mod test;
mod vm;

mod progress;
mod toolchain;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_help_subcommand = true
)]
#[command(after_help = "\
Examples:
  cargo xtask run                                 set up, build, and watch this machine
  cargo xtask run -- -o priority=warning          the same, with flags for `sensor run`
  cargo xtask test                                every test this machine can run
  cargo xtask attacks                             every rule against a real attack and its near miss
  cargo xtask busy --minutes 60                   an hour of honest work, and every alert
  cargo xtask vm                                  the kernel tests on older and newer kernels
  cargo xtask bench engine                        how many events a second the rules take
  cargo xtask bench storms                        what the sensor costs and loses in storms
  cargo xtask dist                                a static binary with rules, in target/dist")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Setup(setup::Arguments),
    Run(run::Arguments),
    Test(test::Arguments),
    Attacks(attacks::Arguments),
    Busy(busy::Arguments),
    Vm(vm::Arguments),
    Bench(bench::Arguments),
    Dist(dist::Arguments),
    /// One script, in namespaces of its own; `attacks` starts it
    #[command(name = attacks::STAGE, hide = true)]
    AttackStage,
    /// One storm; `bench storms` starts it
    #[command(name = bench::load::LOAD, hide = true)]
    BenchLoad(bench::load::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Setup(arguments) => setup::main(&arguments),
        Command::Run(arguments) => run::main(&arguments),
        Command::Test(arguments) => test::main(&arguments),
        Command::Attacks(arguments) => attacks::main(&arguments),
        Command::Busy(arguments) => busy::main(&arguments),
        Command::AttackStage => attacks::stage::main(),
        Command::Vm(arguments) => vm::main(&arguments),
        Command::Bench(arguments) => bench::main(&arguments),
        Command::Dist(arguments) => dist::main(&arguments),
        Command::BenchLoad(arguments) => bench::load::main(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::failed(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
