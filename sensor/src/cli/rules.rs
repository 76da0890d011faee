//! `sensor rules`: what a running sensor has in force, and having it load its
//! rules again.
//!
//! The running one does the work and says what became of it; this side finds
//! its socket, asks one question and shows the answer.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::run::{Ask, Reply, is_trusted};
use super::table::{self, Cell};
use super::{EXIT_INPUT, EXIT_OK, Failure, GOOD};
use crate::diagnostic::{Diagnostic, escape};

/// The longest answer, bytes: 10,000 rules and what is wrong with them.
const ANSWER: u64 = 8 << 20;
/// How long an answer may take; loading is bounded on the other side.
const PATIENCE: Duration = Duration::from_secs(75);

/// Flags of `sensor rules`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor rules reload              have the running sensor load its rules again
  sensor rules reload --pid 4711   the one with this process id
  sensor rules list                what is in force, since when, from which files
  sensor rules list --json

The sensor must have been started with a control_directory (it is by default), by
the same user. Exit codes: 0; 1 when the rules are wrong: the mistakes are shown, and
the old rules stay in force; 2 when no sensor can be reached.")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Load the rules again; says whether they are in force, or why not
    Reload(Reach),
    /// List the rules in force
    List {
        #[command(flatten)]
        reach: Reach,
        /// One JSON object, for programs
        #[arg(long)]
        json: bool,
    },
}

/// Which sensor.
#[derive(Debug, clap::Args)]
struct Reach {
    /// Its process id; not needed when only one runs
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Its `control_directory`
    #[arg(long, value_name = "DIR", default_value = "/run/sensor")]
    directory: PathBuf,
}

/// Asks and shows the answer.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    match &args.what {
        What::Reload(reach) => {
            let reply = reach.ask(Ask::Reload)?;
            anstream::eprint!("{}", reply.diagnostics);
            if !reply.ok {
                let mistake = Diagnostic::error("RULES_RELOAD", reply.message);
                super::show(&[mistake]);
                return Ok(EXIT_INPUT);
            }
            anstream::println!("{GOOD}ok{GOOD:#}: {}", escape(&reply.message));
            Ok(EXIT_OK)
        }
        What::List { reach, json } => {
            let reply = reach.ask(Ask::List)?;
            let mut out = anstream::stdout().lock();
            let printed = if *json {
                let object = serde_json::to_string(&reply.in_force).context("no JSON")?;
                writeln!(out, "{object}")
            } else {
                print(&mut out, &reply)
            };
            match printed {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    Err(anyhow::Error::from(error)
                        .context("cannot print the rules")
                        .into())
                }
                _ => Ok(EXIT_OK),
            }
        }
    }
}

fn print(out: &mut dyn Write, reply: &Reply) -> io::Result<()> {
    let in_force = &reply.in_force;
    let rows: Vec<[Cell; 3]> = in_force
        .rules
        .iter()
        .map(|line| {
            [
                Cell::new(table::NAME, escape(&line.rule)),
                Cell::new(table::PLAIN, escape(&line.priority)),
                Cell::new(table::DIM, escape(&line.tags.join(" "))),
            ]
        })
        .collect();
    table::write(out, ["rule", "priority", "tags"], &rows)?;
    let (count, since) = (rows.len(), escape(&in_force.since));
    writeln!(out, "\n  {count} rule(s) in force since {since}, from")?;
    for file in &in_force.files {
        writeln!(out, "    {}", escape(&file.display().to_string()))?;
    }
    if in_force.files.is_empty() {
        writeln!(out, "    the program itself")?;
    }
    Ok(())
}

impl Reach {
    /// Puts the question to the sensor.
    fn ask(&self, ask: Ask) -> anyhow::Result<Reply> {
        let mut stream = self.connect()?;
        ensure!(
            is_trusted(&stream).context("cannot learn whose socket it is")?,
            "the socket belongs to another user than you and root"
        );
        stream
            .set_read_timeout(Some(PATIENCE))
            .context("cannot bound the time to wait")?;
        let question = format!("{}\n", ask.word());
        stream
            .write_all(question.as_bytes())
            .context("cannot ask the sensor")?;
        let mut answer = Vec::new();
        stream
            .take(ANSWER)
            .read_to_end(&mut answer)
            .context("the sensor did not answer")?;
        serde_json::from_slice(&answer).context("the sensor's answer cannot be understood")
    }

    fn connect(&self) -> anyhow::Result<UnixStream> {
        let shown = self.directory.display().to_string();
        let shown = escape(&shown);
        if let Some(pid) = self.pid {
            return UnixStream::connect(self.directory.join(format!("{pid}.sock")))
                .with_context(|| format!("no sensor with pid {pid} listens in {shown}"));
        }
        let mut running =
            listening(&self.directory).with_context(|| format!("no sensor listens in {shown}"))?;
        match running.len() {
            0 => bail!("no sensor listens in {shown}"),
            1 => running.pop().map(|(_, stream)| stream).context("no sensor"),
            _ => {
                let pids: Vec<&str> = running.iter().map(|(pid, _)| pid.as_str()).collect();
                bail!(
                    "several sensors run; choose with --pid: {}",
                    pids.join(", ")
                )
            }
        }
    }
}

/// The sensors that listen in a directory, by their pids.
fn listening(directory: &Path) -> io::Result<Vec<(String, UnixStream)>> {
    let mut running = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let Some(pid) = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(".sock"))
        else {
            continue;
        };
        let number = pid.parse::<u32>().is_ok();
        // One that was killed left its socket behind, and nobody listens there.
        if number && let Ok(stream) = UnixStream::connect(&path) {
            running.push((pid.to_owned(), stream));
        }
    }
    Ok(running)
}
