//! `sensor rules`: what a running sensor has in force, and having it load its
//! rules again.
//!
//! The running one does the work and says what became of it; this side asks one
//! question and shows the answer.

use std::io::{self, Write};

use anyhow::Context;

use super::reach::Reach;
use super::run::{Ask, Reply};
use super::table::{self, Cell};
use super::{EXIT_INPUT, EXIT_OK, Failure, GOOD};
use crate::diagnostic::{Diagnostic, escape};

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

/// Asks and shows the answer.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    match &args.what {
        What::Reload(reach) => {
            let reply = reach.ask(&Ask::Reload)?;
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
            let reply = reach.ask(&Ask::List)?;
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
