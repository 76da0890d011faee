//! `sensor queue`: what waits for each output and why, and what to do about it.
//!
//! A running sensor is asked on its socket; what one that has ended left behind
//! is read from its spool directory.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;

use super::reach::Reach;
use super::run::Ask;
use super::table::{self, Cell};
use super::{EXIT_INPUT, EXIT_OK, Failure, GOOD};
use crate::alert::HeldBack;
use crate::deliver::{self, Errand, Held, OutputStatus};
use crate::diagnostic::{Diagnostic, escape};

/// Flags of `sensor queue`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  sensor queue                         what waits, since when, and what the receiver said
  sensor queue --json                  the same for programs
  sensor queue retry splunk            try the receiver now, not when its pause is over
  sensor queue replay splunk           send the alerts it refused once more
  sensor queue purge splunk            give up what waits for it
  sensor queue --spool /var/lib/sensor/spool
                                       what a sensor that no longer runs left behind

Without --spool the running sensor is asked. Exit codes: 0; 1 when no output has that
name; 2 when no sensor can be reached, or the spool cannot be read."
)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    show: Show,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Try the receiver now
    Retry(Which),
    /// Send alerts that were refused for good once more
    Replay(Which),
    /// Give up all that waits
    Purge(Which),
}

/// Flags of the plain list.
#[derive(Debug, clap::Args)]
struct Show {
    #[command(flatten)]
    whose: Whose,
    /// One JSON array, for programs
    #[arg(long)]
    json: bool,
}

/// Of which output.
#[derive(Debug, clap::Args)]
struct Which {
    /// The output's name
    #[arg(value_name = "OUTPUT")]
    output: String,
    #[command(flatten)]
    whose: Whose,
}

/// Which sensor's.
#[derive(Debug, clap::Args)]
struct Whose {
    #[command(flatten)]
    reach: Reach,
    /// The spool directory of a sensor that does not run
    #[arg(long, value_name = "DIR", conflicts_with = "pid")]
    spool: Option<PathBuf>,
}

/// Shows or does what is asked.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    match &args.what {
        None => show(&args.show),
        Some(What::Retry(which)) => which.run(Errand::Retry),
        Some(What::Replay(which)) => which.run(Errand::Replay),
        Some(What::Purge(which)) => which.run(Errand::Purge),
    }
}

fn show(show: &Show) -> Result<u8, Failure> {
    let (outputs, held) = if let Some(spools) = &show.whose.spool {
        let unread = || format!("cannot read {}", spools.display());
        let outputs = deliver::left_behind(spools).with_context(unread)?;
        let held = Held::left_behind(spools).with_context(unread)?;
        (outputs, held_back(held))
    } else {
        let reply = show.whose.reach.ask(&Ask::Queue)?;
        (reply.outputs, reply.message)
    };
    let mut out = anstream::stdout().lock();
    let printed = if show.json {
        let array = serde_json::to_string(&outputs).context("no JSON")?;
        writeln!(out, "{array}")
    } else {
        print(&mut out, &outputs, &held)
    };
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(anyhow::Error::from(error)
            .context("cannot print the queues")
            .into()),
        _ => Ok(EXIT_OK),
    }
}

impl Which {
    fn run(&self, errand: Errand) -> Result<u8, Failure> {
        let message = if let Some(spools) = &self.whose.spool {
            self.do_it(spools, errand)?
        } else {
            let ask = Ask::Errand(errand, Some(self.output.clone()));
            let reply = self.whose.reach.ask(&ask)?;
            if !reply.ok {
                let mistake = Diagnostic::error("QUEUE_OUTPUT", reply.message);
                super::show(&[mistake.help("`sensor queue` lists the outputs")]);
                return Ok(EXIT_INPUT);
            }
            reply.message
        };
        anstream::println!("{GOOD}ok{GOOD:#}: {}", escape(&message));
        Ok(EXIT_OK)
    }

    /// In a spool that no sensor uses.
    fn do_it(&self, spools: &std::path::Path, errand: Errand) -> anyhow::Result<String> {
        let left = deliver::left_behind(spools)
            .with_context(|| format!("cannot read {}", spools.display()))?;
        let known = left.iter().find(|status| status.output == self.output);
        let known = known.with_context(|| format!("no output `{}` left anything", self.output))?;
        if let Some(why) = &known.health.spool_error {
            anyhow::bail!("the spool of `{}` cannot be used: {why}", self.output);
        }
        let status = deliver::run_errand(spools, &self.output, errand);
        Ok(match errand {
            Errand::Retry => "nothing to try: no sensor runs on this spool".to_owned(),
            Errand::Replay | Errand::Purge => {
                format!("{} alert(s) wait now", status.account.queued)
            }
        })
    }
}

/// What waits although no receiver is to blame; empty when nothing does.
pub(super) fn held_back(held: HeldBack) -> String {
    let HeldBack { summaries, alerts } = held;
    let word = match summaries {
        0 => return String::new(),
        1 => "summary",
        _ => "summaries",
    };
    format!("held back by grouping and limits: {alerts} alert(s), to be told in {summaries} {word}")
}

fn print(out: &mut dyn Write, outputs: &[OutputStatus], held: &str) -> io::Result<()> {
    let header = [
        "output",
        "waiting",
        "oldest",
        "delivered",
        "failed",
        "refused, kept",
        "on disk",
        "state",
    ];
    let rows: Vec<[Cell; 8]> = outputs.iter().map(row).collect();
    table::write(out, header, &rows)?;
    for status in outputs {
        let name = escape(&status.output);
        if let Some((when, why)) = &status.health.last_error {
            let ago = ago(*when);
            writeln!(out, "\n  {name}, last error {ago} ago: {}", escape(why))?;
        }
        if let Some(why) = &status.health.spool_error {
            writeln!(out, "\n  {name}, the spool cannot be used: {}", escape(why))?;
        }
        for (rule, count) in &status.health.dropped {
            writeln!(
                out,
                "  {name}, dropped for want of room: {count} of {}",
                escape(rule)
            )?;
        }
    }
    if !held.is_empty() {
        writeln!(out, "\n  {}", escape(held))?;
    }
    Ok(())
}

fn row(status: &OutputStatus) -> [Cell; 8] {
    let (account, health) = (&status.account, &status.health);
    let oldest = health.oldest_ns.filter(|_| account.queued > 0);
    let oldest = oldest.map_or("-".to_owned(), |ns| {
        ago(SystemTime::UNIX_EPOCH + Duration::from_nanos(ns))
    });
    let (style, state) = if health.spool_error.is_some() {
        (table::BAD, "disk fails")
    } else if health.probing {
        (table::BAD, "probing: the receiver fails")
    } else if account.queued > 0 {
        (table::PLAIN, "sending")
    } else {
        (table::GOOD, "idle")
    };
    [
        Cell::new(table::NAME, escape(&status.output)),
        Cell::new(table::PLAIN, account.queued.to_string()),
        Cell::new(table::PLAIN, oldest),
        Cell::new(table::PLAIN, account.delivered.to_string()),
        Cell::new(table::PLAIN, account.failed().to_string()),
        Cell::new(table::PLAIN, health.dead_letters.to_string()),
        Cell::new(table::PLAIN, bytes(health.spool_bytes)),
        Cell::new(style, state),
    ]
}

/// How long ago something was, in two units at most.
fn ago(when: SystemTime) -> String {
    let seconds = when.elapsed().unwrap_or_default().as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes >> 20),
    }
}
