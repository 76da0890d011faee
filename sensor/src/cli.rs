//! The command line: every verb, its flags and its help, defined once.
//!
//! The same definitions make the parser, `--help`, the shell completions and
//! the man pages. One file per verb; this one only names them and turns what
//! they return into an exit code.

pub mod account;
pub mod check;
pub mod config;
pub mod coverage;
pub mod demo;
pub mod eval;
mod event;
pub mod events;
pub mod explain;
pub mod fields;
mod format;
pub mod lint;
mod list;
mod log;
pub mod manual;
pub mod outputs;
pub mod queue;
mod reach;
pub mod record;
pub mod replay;
pub mod rules;
pub mod run;
pub mod schema;
mod table;
pub mod test;
pub mod wanted;

use std::process::ExitCode;

use anstyle::{AnsiColor, Color, Style};
use clap::{Parser, Subcommand};

use crate::diagnostic::Diagnostic;

/// Everything went well.
pub const EXIT_OK: u8 = 0;
/// The person's input is wrong: rules, configuration, flags.
pub const EXIT_INPUT: u8 = 1;
/// Our run failed: no privilege, no kernel support, a receiver's address in use.
pub const EXIT_RUN: u8 = 2;
/// `replay --diff`: the two sets of rules do not raise the same alerts.
pub const EXIT_DIFFERENT: u8 = 121;
/// `run --fail-on`: an alert at or above the level came from the command.
/// Far from the codes that commands commonly end with.
pub const EXIT_ALERT: u8 = 120;

const ABOUT: &str = "Watches a Linux machine through eBPF and raises alerts by Falco-style rules";

const AFTER_HELP: &str = "\
Examples:
  sensor run                                  watch with the shipped rules, alerts on the terminal
  sensor run -c sensor.yaml -r my-rules.yaml  with your configuration and rules
  sensor run --fail-on warning -- make test   watch one command, fail when it does something odd
  sensor check rules/ -c sensor.yaml          all mistakes at once, each with its place
  sensor test rules/                          the tests of your rules
  sensor explain 'Password hashes read'       what a rule asks for, and what hides it
  sensor record -o attack.rec                 keep what happens, for replay and tests
  sensor replay attack.rec -r my-rules.yaml   what your rules say to a recording
  sensor demo                                 see a first alert in a few seconds

Exit codes:
    0  fine
    1  your input: rules, configuration or flags are wrong; nothing was started
    2  our run: missing privilege or kernel support, or an output that cannot start
    3  eval: the condition is false for the event
  120  run --fail-on: the command raised an alert at or above the level
       (otherwise run -- COMMAND ends with the command's own code)
  121  replay --diff: the two sets of rules do not raise the same alerts";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "sensor", version, about = ABOUT, after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Watch this machine, or one command, and raise alerts
    Run(run::Args),
    /// Start the sensor, do a harmless suspicious thing, show the alert
    Demo(demo::Args),
    /// Validate rules and configuration without starting anything
    Check(check::Args),
    /// Ask a running sensor about its rules, or have it load them again
    Rules(rules::Args),
    /// Show what waits for the outputs and why; retry, replay, purge
    Queue(queue::Args),
    /// Send a marked test alert through the outputs and show what receivers answer
    Outputs(outputs::Args),
    /// Show what became of everything a running sensor captured and raised
    Account(account::Args),
    /// List the fields that rules may use
    #[command(after_help = fields::EXAMPLES)]
    Fields(list::Args),
    /// List the event types that rules may name
    #[command(after_help = events::EXAMPLES)]
    Events(list::Args),
    /// Take a rule, macro or list apart: its condition, what can fire it, what hides it
    Explain(explain::Args),
    /// Try one condition on one event, or many cases
    Eval(eval::Args),
    /// Run the tests of rules
    Test(test::Args),
    /// Find what loads and is probably not meant: shadowed rules, needless parts, traps
    Lint(lint::Args),
    /// Show what the rules cover: techniques, tactics, controls, events
    Coverage(coverage::Args),
    /// Write what the kernel reports to a file, for `sensor replay`
    Record(record::Args),
    /// Run rules over a recording: the same alerts as live, without root
    Replay(replay::Args),
    /// Print the configuration reference: every key with its meaning and default
    Config(config::Args),
    /// Print the JSON Schema of rules files or of the configuration, for editors
    Schema(schema::Args),
    /// Print a shell completion script
    Completions(manual::CompletionArgs),
    /// Write the man pages
    Man(manual::ManArgs),
}

/// Why a verb did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// What a person wrote is wrong. Shown whole, then exit 1.
    Input(Vec<Diagnostic>),
    /// The run failed. Shown with its causes, then exit 2.
    Run(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Run(error)
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self::Input(diagnostics)
    }
}

/// Reads the command line, runs the verb and returns its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // clap prints help to stdout and mistakes to stderr, with suggestions.
        Err(error) => {
            let code = if error.use_stderr() {
                EXIT_INPUT
            } else {
                EXIT_OK
            };
            drop(error.print());
            return code.into();
        }
    };
    match cli.verb.run() {
        Ok(code) => code.into(),
        Err(Failure::Input(diagnostics)) => {
            show(&diagnostics);
            EXIT_INPUT.into()
        }
        Err(Failure::Run(error)) => {
            anstream::eprintln!("{ERROR}error{ERROR:#}: {error:#}");
            EXIT_RUN.into()
        }
    }
}

const ERROR: Style = Style::new()
    .fg_color(Some(Color::Ansi(AnsiColor::Red)))
    .bold();
const GOOD: Style = Style::new()
    .fg_color(Some(Color::Ansi(AnsiColor::Green)))
    .bold();

/// Shows diagnostics on standard error, in colour when it is a terminal.
fn show(diagnostics: &[Diagnostic]) {
    let text = crate::diagnostic::render(diagnostics, true);
    // anstream takes the colour out again where nobody would see it.
    anstream::eprint!("{text}");
}

impl Verb {
    fn run(self) -> Result<u8, Failure> {
        match self {
            Self::Run(args) => run::run(&args),
            Self::Check(args) => Ok(check::run(&args)),
            Self::Explain(args) => explain::run(&args),
            Self::Coverage(args) => coverage::run(&args),
            Self::Lint(args) => lint::run(&args),
            Self::Eval(args) => eval::run(&args),
            Self::Test(args) => test::run(&args),
            Self::Rules(args) => rules::run(&args),
            Self::Queue(args) => queue::run(&args),
            Self::Outputs(args) => outputs::run(&args),
            Self::Account(args) => account::run(&args),
            Self::Record(args) => record::run(&args),
            Self::Replay(args) => replay::run(&args),
            Self::Fields(args) => list::run(&args, "field", fields::print),
            Self::Events(args) => list::run(&args, "event type", events::print),
            Self::Demo(args) => demo::run(&args),
            Self::Config(args) => config::run(&args),
            Self::Schema(args) => schema::run(&args),
            Self::Completions(args) => manual::completions(&args),
            Self::Man(args) => manual::man(&args),
        }
    }
}
