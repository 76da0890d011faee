//! `sensor replay`: any rules over a recording, as if they had been there.
//!
//! The walk is the live one; only the records come from a file, and what the
//! live state learned from its machine. Alerts go straight to standard output:
//! nothing waits, so nothing is dropped.

mod diff;
mod time;

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use jiff::tz::TimeZone;

use super::run::Input;
use super::{EXIT_INPUT, EXIT_OK, Failure};
use crate::alert::{Alert, Composer};
use crate::config::Config;
use crate::deliver::{json, terminal};
use crate::detect::engine::Engine;
use crate::detect::rules::RuleSet;
use crate::diagnostic::{Diagnostic, escape};
use crate::metrics::Report;
use crate::pipeline::Pipeline;
use crate::recording::{self, Item, Reader, RecordingError};

/// Flags of `sensor replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor replay attack.rec                            the shipped rules
  sensor replay attack.rec -r my-rules.yaml           yours
  sensor replay attack.rec -r rules --format json     one JSON object a line
  sensor replay attack.rec --from +10s --to +1m       a part of it
  sensor replay attack.rec --diff rules/ my-rules/    what a change adds and removes

The same recording and rules give the same alerts in the same order, ids included,
as the live run. Needs no root. Alerts go to standard output, the account to
standard error.

Exit codes: 0; 1 when rules or flags are wrong, or the recording is damaged or
breaks off (what could be read is shown before); with --diff 121 when the two sets
of rules do not raise the same.")]
pub struct Args {
    /// A file made by `sensor record` or `sensor run --record`
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    input: Input,
    /// How alerts are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Compare what two rule files or directories raise, and show the difference
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], conflicts_with = "rules")]
    diff: Vec<PathBuf>,
    /// With --diff: differences shown; all are counted
    #[arg(long, value_name = "COUNT", default_value_t = 1000, requires = "diff")]
    limit: usize,
    /// Only events from this time on: RFC 3339, or `+10s` after the beginning
    #[arg(long, value_name = "TIME")]
    from: Option<time::Moment>,
    /// Only events up to this time
    #[arg(long, value_name = "TIME")]
    to: Option<time::Moment>,
}

/// How alerts are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Blocks for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Replays.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    if let [old, new] = args.diff.as_slice() {
        return diff::run(args, old, new);
    }
    let (config, loaded) = args.input.load()?;
    super::log::start(&config.log);
    super::show(&loaded.diagnostics);
    let reader = args.open()?;
    let window = args.window(&reader);
    let mut walk = Walk::new(reader, &config, &loaded.rules)?;
    walk.pipeline.set_window(window);
    let mut out = Out::new(args.format, walk.zone.clone());
    let outcome = walk.through(&mut |alert| out.write(&alert));
    match out.end() {
        // Whoever read the alerts has seen enough: `sensor replay … | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(EXIT_OK),
        written => written.context("cannot print the alerts")?,
    }
    anstream::eprintln!("{}", walk.report());
    Ok(args.code(outcome))
}

impl Args {
    fn open(&self) -> Result<Reader<impl io::Read + use<>>, Failure> {
        let opened = Reader::open(&self.file);
        opened.map_err(|error| vec![unreadable(&self.file, &error)].into())
    }

    fn window<R: io::Read>(&self, reader: &Reader<R>) -> RangeInclusive<u64> {
        let started_ns = reader.header().started_ns;
        let at = |moment: &Option<time::Moment>, otherwise| {
            let moment = moment.as_ref();
            moment.map_or(otherwise, |moment| moment.epoch_ns(started_ns))
        };
        at(&self.from, 0)..=at(&self.to, u64::MAX)
    }

    /// Shows how reading ended and gives the exit code for it.
    fn code(&self, outcome: Result<(), RecordingError>) -> u8 {
        let Err(error) = outcome else { return EXIT_OK };
        super::show(&[unreadable(&self.file, &error)]);
        EXIT_INPUT
    }
}

fn unreadable(path: &Path, error: &RecordingError) -> Diagnostic {
    let path = path.display().to_string();
    let mistake = Diagnostic::error("RECORDING_READ", format!("{}: {error}", escape(&path)));
    match error {
        RecordingError::Torn { .. } | RecordingError::Damaged { .. } => {
            mistake.help("what stands before that place was read and is shown")
        }
        RecordingError::NotARecording => {
            mistake.help("`sensor record` and `sensor run --record` make recordings")
        }
        _ => mistake,
    }
}

/// The live walk, fed from a recording.
struct Walk<R> {
    reader: Reader<R>,
    pipeline: Pipeline,
    zone: TimeZone,
}

impl<R: io::Read> Walk<R> {
    fn new(reader: Reader<R>, config: &Config, rules: &RuleSet) -> anyhow::Result<Self> {
        let zone = reader.header().time_zone();
        let state = recording::state_of(reader.header());
        let redactor = config.redaction.redactor().map_err(anyhow::Error::msg)?;
        let composer = Composer::new(state.host(), config.alert_options());
        let composer = composer.in_zone(zone.clone()).redacting(redactor);
        let engine = Engine::new(rules, config.rule_matching);
        Ok(Self {
            pipeline: Pipeline::new(state, engine, composer).grouping(config.grouper()),
            reader,
            zone,
        })
    }

    /// Takes everything through the rooms; `raise` gets each alert.
    fn through(&mut self, raise: &mut dyn FnMut(Alert)) -> Result<(), RecordingError> {
        let outcome = self.items(raise);
        self.pipeline.finish(raise);
        outcome
    }

    fn items(&mut self, raise: &mut dyn FnMut(Alert)) -> Result<(), RecordingError> {
        while let Some(item) = self.reader.next()? {
            match item {
                Item::Record(record) => self.pipeline.record(record, raise),
                Item::Learned(learned) => self.pipeline.state_mut().learn(learned),
                Item::Missing(records) => self.pipeline.skip(records),
            }
        }
        Ok(())
    }

    /// The account, as the live run would have printed it with these rules.
    fn report(&self) -> Account {
        let end = self.reader.end();
        let counters = end.map(recording::End::counters).unwrap_or_default();
        let mut events = self.pipeline.account(&counters);
        for row in &mut events {
            if end.is_none() {
                // What the kernel counted stands at the end that is not there.
                row.waiting = 0;
                row.captured = row.explained();
            }
            // What was reported and is not in the file.
            let absent = std::mem::take(&mut row.waiting);
            if end.is_some_and(|end| end.others > 0 && end.missing == 0) {
                row.filtered.push(("not the recorded command's", absent));
            } else {
                row.dropped.push(("missing in the recording", absent));
            }
        }
        Account {
            report: Report {
                processes: Vec::new(),
                events,
                alerts: self.pipeline.alerts(),
                rules: self.pipeline.rules(),
                outputs: Vec::new(),
            },
            whole: end.is_some(),
            unanswered: self.pipeline.state().unanswered(),
            skipped: self.reader.skipped(),
        }
    }
}

/// What became of everything in a recording.
struct Account {
    report: Report,
    whole: bool,
    unanswered: u64,
    skipped: u64,
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.report)?;
        if !self.whole {
            write!(
                f,
                "\n  the recording has no end: losses in the kernel are not known"
            )?;
        }
        if self.unanswered > 0 {
            let count = self.unanswered;
            write!(
                f,
                "\n  looks into /proc that the recording has no answer to: {count}"
            )?;
        }
        if self.skipped > 0 {
            let count = self.skipped;
            write!(f, "\n  passed over, written by a newer sensor: {count}")?;
        }
        Ok(())
    }
}

/// Standard output, until it refuses.
struct Out {
    format: Format,
    zone: TimeZone,
    stream: io::BufWriter<anstream::Stdout>,
    written: io::Result<()>,
}

impl Out {
    fn new(format: Format, zone: TimeZone) -> Self {
        Self {
            format,
            zone,
            stream: io::BufWriter::new(anstream::stdout()),
            written: Ok(()),
        }
    }

    fn write(&mut self, alert: &Alert) {
        if self.written.is_err() {
            return;
        }
        let mut bytes = Vec::new();
        match self.format {
            // The stream takes the colour out where nobody would see it.
            Format::Text => bytes.extend(terminal::block(alert, true, &self.zone).into_bytes()),
            Format::Json => json::write_line(&mut bytes, alert),
        }
        self.written = self.stream.write_all(&bytes);
    }

    fn end(mut self) -> io::Result<()> {
        self.written.and_then(|()| self.stream.flush())
    }
}
