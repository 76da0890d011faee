//! `sensor account`: what became of everything a running sensor captured, and of every
//! alert it raised, without ending it.
//!
//! The running one counts; this side asks and shows, to people as SIGUSR1 does, to
//! programs as one JSON object.

use std::io::{self, Write};

use anyhow::Context;
use serde_json::Value;

use super::reach::Reach;
use super::run::Ask;
use super::table::{self, Cell};
use super::{EXIT_OK, Failure};
use crate::diagnostic::escape;

/// Flags of `sensor account`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor account               what was captured, evaluated, filtered, lost, delivered
  sensor account --cpus        and what the kernel side did, CPU by CPU
  sensor account --json        all of it as one JSON object, for programs
  sensor account --pid 4711    of the sensor with this process id

The sensor must have been started with a control_directory (it is by default), by
the same user. Exit codes: 0; 2 when no sensor can be reached.")]
pub struct Args {
    #[command(flatten)]
    reach: Reach,
    /// Show what the kernel side did CPU by CPU
    #[arg(long, conflicts_with = "json")]
    cpus: bool,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

/// Asks and shows the answer.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let reply = args.reach.ask(&Ask::Account)?;
    if !reply.ok {
        let why = escape(&reply.message).into_owned();
        return Err(anyhow::anyhow!(why).into());
    }
    let mut out = anstream::stdout().lock();
    let printed = if args.json {
        writeln!(out, "{}", reply.account)
    } else {
        print(&mut out, &reply.message, &reply.account, args.cpus)
    };
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error)
            .context("cannot print the account")
            .map_err(Failure::Run),
        _ => Ok(EXIT_OK),
    }
}

fn print(out: &mut dyn Write, text: &str, account: &Value, cpus: bool) -> io::Result<()> {
    for line in text.lines() {
        writeln!(out, "{}", escape(line))?;
    }
    if cpus {
        writeln!(
            out,
            "account by CPU (captured = submitted + filtered + dropped)"
        )?;
        let columns = [
            "kind",
            "cpu",
            "captured",
            "submitted",
            "filtered",
            "dropped",
            "",
        ];
        table::write(out, columns, &by_cpu(account))?;
    }
    Ok(())
}

/// A row for every kind and CPU on which something of the kind happened.
fn by_cpu(account: &Value) -> Vec<[Cell; 7]> {
    let events = account["events"].as_array().into_iter().flatten();
    let rows = events.flat_map(|event| {
        let cpus = event["cpus"].as_array().into_iter().flatten();
        cpus.map(move |cpu| (&event["kind"], cpu))
    });
    let busy = rows.filter(|(_, cpu)| cpu["captured"].as_u64() != Some(0));
    busy.map(|(kind, cpu)| {
        let number = |name: &str| Cell::new(table::PLAIN, cpu[name].to_string());
        let dropped = cpu["dropped"].as_object();
        let dropped = dropped.map_or(0, |dropped| {
            dropped.values().filter_map(Value::as_u64).sum()
        });
        let holds = cpu["holds"] == true;
        [
            Cell::new(table::NAME, escape(kind.as_str().unwrap_or_default())),
            number("cpu"),
            number("captured"),
            number("submitted"),
            number("filtered"),
            Cell::new(table::PLAIN, u64::to_string(&dropped)),
            Cell::new(table::PLAIN, if holds { "" } else { "DOES NOT ADD UP" }),
        ]
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_busy_cpu_is_a_row_and_nothing_from_the_socket_reaches_the_terminal_raw() {
        let cpu = |cpu: u64, captured: u64| {
            json!({"cpu": cpu, "captured": captured, "submitted": 2, "filtered": 1,
                "dropped": {"ring full": 3, "unreadable": 1}, "holds": captured == 7})
        };
        let account = json!({"events": [
            {"kind": "exec", "cpus": [cpu(0, 7), cpu(1, 0), cpu(2, 8)]},
            {"kind": "unknown"},
        ]});
        let mut out = Vec::new();
        print(&mut out, "one\x1b[2J\ntwo", &account, true).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains("\x1b[2J"), "{text:?}");
        let plain = anstream::adapter::strip_str(&text).to_string();
        let rows: Vec<Vec<&str>> = plain
            .lines()
            .skip(4)
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(rows[0], ["exec", "0", "7", "2", "1", "4"]);
        assert_eq!(rows[1][..6], ["exec", "2", "8", "2", "1", "4"]);
        assert_eq!(rows[1][6..].join(" "), "DOES NOT ADD UP");
        assert_eq!(rows.len(), 2);
    }
}
