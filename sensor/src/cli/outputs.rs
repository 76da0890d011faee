//! `sensor outputs test`: a marked alert through every output, and what became
//! of it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::run::Input;
use super::table::{self, Cell};
use super::{EXIT_INPUT, EXIT_OK, EXIT_RUN, Failure};
use crate::alert::{Alert, Composer, Priority};
use crate::deliver::{Delivery, OutputConfig, OutputStatus};
use crate::diagnostic::{Diagnostic, escape};
use crate::enrich::host::Host;

/// What the test alert names as its rule.
const RULE: &str = "Sensor internal: test of outputs";
/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Flags of `sensor outputs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Send a marked test alert through each output, and show what the receiver says
    Test(Test),
}

/// Flags of `sensor outputs test`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor outputs test -c sensor.yaml           every output of the configuration
  sensor outputs test -c sensor.yaml splunk    one

The alert has priority Critical, source `internal` and the rule
`Sensor internal: test of outputs`. It goes past the spool of a running sensor.
Exit codes: 0 when each receiver took it; 1 when the configuration is wrong;
2 when a receiver did not take it.")]
struct Test {
    /// The output's name; all when left out
    #[arg(value_name = "OUTPUT")]
    output: Option<String>,
    #[command(flatten)]
    input: Input,
}

/// Sends and shows.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let What::Test(test) = &args.what;
    let config = test.input.config()?;
    let outputs: Vec<OutputConfig> = config
        .outputs()
        .into_iter()
        .filter(|config| {
            test.output
                .as_deref()
                .is_none_or(|name| name == config.name())
        })
        .collect();
    if outputs.is_empty() {
        let name = test.output.as_deref().unwrap_or_default();
        let all = config.outputs();
        let mistake = Diagnostic::error("OUTPUT_NAME", format!("no output is named `{name}`"));
        super::show(&[mistake.suggest(name, all.iter().map(OutputConfig::name))]);
        return Ok(EXIT_INPUT);
    }
    super::log::start(&crate::config::LogConfig {
        level: crate::config::LogLevel::Error,
        ..config.log
    });
    let composer = Composer::new(&Host::new(Path::new("/proc")), config.alert_options());
    let rows: Vec<Tried> = std::thread::scope(|scope| {
        let tries: Vec<_> = outputs
            .iter()
            .map(|output| scope.spawn(|| Tried::with(output, &composer)))
            .collect();
        tries
            .into_iter()
            .zip(&outputs)
            .map(|(tried, output)| tried.join().unwrap_or_else(|_| Tried::failed(output)))
            .collect()
    });
    let mut out = anstream::stdout().lock();
    let cells: Vec<_> = rows.iter().map(Tried::cells).collect();
    table::write(
        &mut out,
        ["output", "result", "after", "the receiver"],
        &cells,
    )
    .context("cannot print the result")?;
    let all = rows.iter().all(|tried| tried.taken);
    Ok(if all { EXIT_OK } else { EXIT_RUN })
}

/// What became of one output's alert.
struct Tried {
    output: String,
    taken: bool,
    after: Duration,
    words: String,
}

impl Tried {
    fn with(output: &OutputConfig, composer: &Composer) -> Self {
        let started = Instant::now();
        let done = |taken: bool, words: String| Self {
            output: output.name().to_owned(),
            taken,
            after: started.elapsed(),
            words,
        };
        // It is for every output, whatever else they choose.
        let mut output = output.clone();
        output.keys.min_priority = Some(Priority::Debug);
        let delivery = match Delivery::start(&[output], None) {
            Ok(delivery) => delivery,
            Err(error) => return done(false, error.to_string()),
        };
        delivery.send(&std::sync::Arc::new(marked(composer)));
        let look = || delivery.status().pop().unwrap_or_default();
        let mut status = look();
        while started.elapsed() < PATIENCE && !is_decided(&status) {
            std::thread::sleep(Duration::from_millis(5));
            status = look();
        }
        if status.account.delivered > 0 {
            return done(true, "took it".to_owned());
        }
        let words = match status.health.last_error {
            Some((_, why)) => why,
            None => format!("did not answer within {} s", PATIENCE.as_secs()),
        };
        done(false, words)
    }

    fn failed(output: &OutputConfig) -> Self {
        Self {
            output: output.name().to_owned(),
            taken: false,
            after: Duration::ZERO,
            words: "the output ended by a defect of ours".to_owned(),
        }
    }

    fn cells(&self) -> [Cell; 4] {
        let (style, result) = if self.taken {
            (table::GOOD, "ok")
        } else {
            (table::BAD, "failed")
        };
        [
            Cell::new(table::NAME, escape(&self.output)),
            Cell::new(style, result),
            Cell::new(table::DIM, format!("{} ms", self.after.as_millis())),
            Cell::new(table::PLAIN, escape(&self.words)),
        ]
    }
}

/// Whether the receiver has said something: one failure is an answer here.
fn is_decided(status: &OutputStatus) -> bool {
    status.account.delivered > 0 || status.health.last_error.is_some()
}

/// An alert that nobody takes for a real one.
fn marked(composer: &Composer) -> Alert {
    let now = jiff::Timestamp::now().as_nanosecond();
    let now = u64::try_from(now).unwrap_or_default();
    let message = "This is a test of the sensor's outputs; nothing happened".to_owned();
    let fields = serde_json::Map::from_iter([("test".to_owned(), true.into())]);
    composer.compose_internal(RULE, Priority::Critical, message, fields, (now, 0))
}
