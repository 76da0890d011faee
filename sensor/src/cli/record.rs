//! `sensor record`: everything the kernel reports, to a file for `sensor replay`.
//!
//! No rule is asked and no alert raised; the walk stops after the process table,
//! because what the table asks of this machine belongs into the recording.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::run::control::{self, Control};
use super::run::{Ended, Input, Plan, Session, command};
use super::table::{self, Cell};
use super::wanted::Wanted;
use super::{EXIT_OK, Failure};
use crate::capture::Counters;
use crate::config::Config;
use crate::detect::rules::{Pack, RuleSet};
use crate::diagnostic::{Diagnostic, escape};
use crate::events::{self, EventSet, EventType};
use crate::recording::{Draft, Progress};

/// How often progress is shown on a terminal.
const SHOWN_EVERY: Duration = Duration::from_millis(500);

/// Flags of `sensor record`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor record -o attack.rec                    everything, until Ctrl-C
  sensor record -o attack.rec --duration 30s     for half a minute
  sensor record -o build.rec -- make test        while a command runs
  sensor record -o build.rec --only-command -- make test
                                                 and nothing of other processes
  sensor record -o opens.rec --events open,openat
  sensor record -o mine.rec -r my-rules.yaml     only what these rules need

Needs root. The file holds command lines, environments and file names of every
process: only its owner may read it. Secrets that are known as such are replaced by
stars (`redaction` in the configuration). `sensor run --record FILE` raises alerts at
the same time. Exit code: 0, or the command's own; 1 when FILE cannot be made;
2 when recording cannot start, or its end could not be written.")]
pub struct Args {
    /// The recording; a file that is there already is overwritten
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Only these events (and those about processes), by name; `all` is the default
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        conflicts_with = "rules"
    )]
    events: Vec<String>,
    /// End after this time: `30s`, `5m`, `1h30m`
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// Configuration file; without it every key has its default
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Record only what these rules need; may be repeated
    #[arg(short, long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Set one configuration key; may be repeated
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// Leave out what other processes than COMMAND's did and are: their command lines
    /// and environments do not get into the file; COMMAND has no known ancestors there
    #[arg(long, requires = "command")]
    only_command: bool,
    /// Record only while this command runs, and end with its code
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text.parse().map_err(|_| "write it as 30s, 5m or 1h30m")?;
    Duration::try_from(span).map_err(|_| "a time to come is not negative".to_owned())
}

/// Makes the file of a recording.
pub(super) fn create(path: &Path) -> Result<Draft, Failure> {
    Draft::create(path).map_err(|error| {
        let message = format!("cannot make {}: {error}", path.display());
        let help = "give a plain file in a directory you may write to";
        vec![Diagnostic::error("RECORDING_FILE", message).help(help)].into()
    })
}

/// One line about what is in the file.
pub(super) fn summary(progress: &Progress) -> String {
    let Progress {
        records,
        missing,
        others,
        bytes,
    } = progress;
    let mut text =
        format!("recorded: {records} record(s), {bytes} bytes; could not be written: {missing}");
    if *others > 0 {
        // Writing into a string cannot fail.
        let _ = write!(text, "; of other processes, left out: {others}");
    }
    text
}

/// Records until it is told to stop.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let (config, wanted) = args.load()?;
    super::log::start(&config.log);
    let draft = create(&args.output)?;
    let signals = control::catch()?;
    let plan = Plan {
        config: &config,
        rules: &RuleSet::default(),
        outputs: &[],
        wanted,
        draft: Some(draft.of_command(args.only_command)),
    };
    let in_ci = !args.command.is_empty();
    let (mut session, child) = Session::start(plan, |state| {
        let child = in_ci.then(|| command::start(&args.command)).transpose()?;
        if let Some(child) = &child {
            state.follow(child.id());
        }
        Ok(child)
    })?;
    // Privileges are a thread's own: every thread starts after they are dropped.
    let (requests, inbox) = channel();
    control::listen(signals, requests.clone())?;
    let child = child
        .map(|child| command::wait(child, requests))
        .transpose()?;
    let path = args.output.display().to_string();
    tracing::info!("recording to {}", escape(&path));
    let until = args.duration.map(|duration| Instant::now() + duration);
    let code = watch(&mut session, child, until, &inbox)?;
    let ended = session.finish(Duration::from_secs(config.shutdown_timeout_s), &mut |_| ())?;
    account(ended)?;
    Ok(code)
}

impl Args {
    /// Configuration, and what to capture.
    fn load(&self) -> Result<(Config, Wanted), Failure> {
        let input = Input {
            config: self.config.clone(),
            rules: self.rules.clone(),
            options: self.options.clone(),
            // A recording is for other choices of rules, too.
            packs: Pack::ALL.to_vec(),
        };
        if self.rules.is_empty() {
            let config = crate::config::load(self.config.as_deref(), &self.options)?;
            return Ok((config, events_of(&self.events)?));
        }
        let (config, loaded) = input.load()?;
        super::show(&loaded.diagnostics);
        Ok((config, Wanted::by(&loaded.rules)))
    }
}

/// What is behind the names of events. No name, and `all`: every kind of record, and
/// of the system calls without one those that are not made all the time.
fn events_of(names: &[String]) -> Result<Wanted, Vec<Diagnostic>> {
    let mut wanted = if names.is_empty() {
        Wanted::usual()
    } else {
        Wanted::default()
    };
    let (mut set, mut mistakes) = (EventSet::EMPTY, Vec::new());
    for name in names {
        if name == "all" {
            wanted = wanted.union(Wanted::usual());
            continue;
        }
        let code = events::by_name(name);
        match code.filter(|code| events::row(*code).is_some_and(EventType::captured)) {
            Some(code) => set.insert(code),
            None => mistakes.push(not_captured(name)),
        }
    }
    if mistakes.is_empty() {
        Ok(wanted.union(Wanted::of(set)))
    } else {
        Err(mistakes)
    }
}

fn not_captured(name: &str) -> Diagnostic {
    let captured = events::rows().iter().filter(|row| row.captured());
    let message = format!("`{name}` is no event that is captured");
    Diagnostic::error("RECORDING_EVENT", message)
        .help("`sensor events` lists those that are")
        .suggest(name, captured.map(|row| row.name))
}

/// Takes records until a signal, the time or the command's end; gives the exit
/// code.
fn watch(
    session: &mut Session,
    child: Option<u32>,
    until: Option<Instant>,
    inbox: &Receiver<Control>,
) -> anyhow::Result<u8> {
    let mut shown = child.is_none().then(Line::new).flatten();
    loop {
        while let Ok(request) = inbox.try_recv() {
            match request {
                Control::Stop if child.is_some() => command::end(child),
                Control::Stop => return Ok(EXIT_OK),
                Control::CommandEnded(ended) => {
                    let status = ended.context("cannot learn how the command ended")?;
                    return Ok(command::code(status));
                }
                Control::Account => anstream::eprintln!("{}", told(session)?),
                // No rules, no reload, nobody who asks for them.
                Control::Reload | Control::Rules(..) | Control::Ask(..) | Control::Numbers(_) => {}
            }
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            command::end(child);
            return Ok(EXIT_OK);
        }
        session.step(&mut |_| ())?;
        if let Some(line) = &mut shown {
            line.show(session)?;
        }
    }
}

fn told(session: &Session) -> anyhow::Result<String> {
    let progress = session.progress().unwrap_or_default();
    let lost = lost(&session.counters()?);
    Ok(format!(
        "{}; lost in the kernel: {lost}",
        summary(&progress)
    ))
}

fn lost(counters: &Counters) -> u64 {
    counters.iter().map(|(_, kind)| kind.lost()).sum()
}

/// One line of a terminal, written over again and again.
struct Line {
    shown: Instant,
}

impl Line {
    /// Where there is a terminal to show it on.
    fn new() -> Option<Self> {
        let shown = Instant::now();
        std::io::stderr().is_terminal().then_some(Self { shown })
    }

    fn show(&mut self, session: &Session) -> anyhow::Result<()> {
        if self.shown.elapsed() >= SHOWN_EVERY {
            self.shown = Instant::now();
            anstream::eprint!("\r\x1b[K{}", told(session)?);
        }
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        anstream::eprint!("\r\x1b[K");
    }
}

/// Prints what became of everything captured.
fn account(ended: Ended) -> anyhow::Result<()> {
    let cell = |style, text: String| Cell::new(style, text);
    let rows: Vec<[Cell; 5]> = ended
        .counters
        .iter()
        .map(|(kind, counters)| {
            let sound = counters.adds_up();
            [
                cell(table::NAME, kind.name().to_owned()),
                cell(table::PLAIN, counters.seen.to_string()),
                cell(table::PLAIN, counters.submitted.to_string()),
                cell(table::PLAIN, counters.filtered_own.to_string()),
                cell(
                    table::PLAIN,
                    format!(
                        "{}{}",
                        counters.lost(),
                        if sound { "" } else { "  DOES NOT ADD UP" }
                    ),
                ),
            ]
        })
        .collect();
    let mut err = anstream::stderr().lock();
    let header = ["kind", "captured", "reported", "by the sensor", "lost"];
    table::write(&mut err, header, &rows).context("cannot print the account")?;
    drop(err);
    let recording = ended.recording.context("nothing was recorded")?;
    let progress = recording.context("the recording has no end")?;
    let reported: u64 = ended.counters.iter().map(|(_, kind)| kind.submitted).sum();
    let mark = if progress.records + progress.missing + progress.others == reported {
        ""
    } else {
        "  DOES NOT ADD UP"
    };
    anstream::eprintln!("  {}{mark}", summary(&progress));
    Ok(())
}

#[cfg(test)]
mod tests {
    use sensor_ebpf::{Kind, KindSet};

    use super::*;

    #[test]
    fn events_are_named_as_rules_name_them() {
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            events_of(&names)
        };
        assert_eq!(names(&[]).unwrap(), Wanted::usual());
        assert_eq!(names(&["all", "open"]).unwrap(), Wanted::usual());
        assert_eq!(names(&["execve"]).unwrap().kinds, KindSet::PROCESS);
        // An open may be asked for through an io_uring, too.
        let opens = KindSet::PROCESS.with(Kind::Open).with(Kind::Uring);
        assert_eq!(names(&["open", "openat2"]).unwrap().kinds, opens);
        let calls = names(&["unlinkat", "setuid"]).unwrap().calls;
        assert_eq!(calls.iter().collect::<Vec<_>>(), [105, 263]);
        let mistakes = names(&["opennat", "connect", "x"]).unwrap_err();
        assert_eq!(mistakes.len(), 2);
        assert_eq!(mistakes[0].help.as_deref(), Some("did you mean `openat`?"));
    }

    #[test]
    fn times_are_written_as_people_do() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        assert!(duration("-5s").is_err() && duration("soon").is_err());
    }
}
