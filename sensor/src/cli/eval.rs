//! `sensor eval`: one condition against one event, or many cases.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value as Json, json};

use super::{ERROR, EXIT_INPUT, EXIT_OK, Failure, GOOD};
use crate::detect::rules::{self, LoadOptions};
use crate::detect::trace::{Anatomy, Trace};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::fields::given::Given;
use crate::lab::{case, tree};

/// The condition is false. Neither a mistake nor a failure, so a code of its own.
const EXIT_FALSE: u8 = 3;
/// Most bytes of one case.
const MAX_LINE: u64 = 16 << 20;

/// Flags of `sensor eval`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor eval 'proc.name in (nc, ncat)' --event '{\"proc.name\": \"nc\"}'
  sensor eval 'spawned_process' --macros rules/ --event @event.json --explain
  sensor eval --jsonl cases.jsonl      many cases, one result a line

An event is a map of fields and values, as JSON or YAML; fields that are not given
are missing. @FILE reads it from a file, - from standard input.

A case is one JSON object a line:
  {\"id\": \"1\", \"condition\": \"proc.pid in (l)\", \"lists\": {\"l\": [\"1\"]}, \"macros\": {},
   \"event\": {\"proc.pid\": 1}, \"expect\": true}
or, with \"format\" in the place of \"condition\", the text of an output. \"expect\" is
compared with the result: true, false, \"load_error\", or the text.

Exit codes:
  0  the condition is true; all cases are as expected
  3  the condition is false
  1  your input: the condition, the event, lists or macros are wrong, or a case is
     not as expected
  2  our run failed")]
pub struct Args {
    /// The condition
    #[arg(value_name = "CONDITION", required_unless_present = "jsonl")]
    condition: Option<String>,
    /// The event; without it, every field is missing
    #[arg(long, value_name = "JSON|@FILE|-", conflicts_with = "jsonl")]
    event: Option<String>,
    /// Take the lists of this rules file or directory; may be repeated
    #[arg(long, value_name = "PATH")]
    lists: Vec<PathBuf>,
    /// Take the macros of this rules file or directory; may be repeated
    #[arg(long, value_name = "PATH")]
    macros: Vec<PathBuf>,
    /// Take lists and macros of this rules file or directory; may be repeated
    #[arg(short, long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Show which parts are true, which decide, and every value
    #[arg(long)]
    explain: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Try the cases of this file, or of standard input
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["condition", "lists", "macros", "rules", "explain"])]
    jsonl: Option<PathBuf>,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// Evaluates what is given.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    if let Some(path) = &args.jsonl {
        return cases(path);
    }
    let condition = args
        .condition
        .as_deref()
        .context("clap wants a condition")?;
    let source = SourceFile::new("<condition>", condition);
    let options = LoadOptions {
        paths: sources(args),
        today: Some(super::run::today()),
        ..LoadOptions::default()
    };
    // A mistake in the event is told beside those in the condition.
    let event = args.event.as_deref().map(super::event::read).transpose();
    let compiled = rules::condition(&source, &options);
    let (rule, event) = match (compiled, event) {
        (Ok((rule, warnings)), Ok(event)) => {
            super::show(&warnings);
            (rule, event.unwrap_or_default())
        }
        (Err(mut mistakes), Err(Failure::Input(more))) => {
            mistakes.extend(more);
            return Err(mistakes.into());
        }
        (Err(mistakes), _) => return Err(mistakes.into()),
        (_, Err(failure)) => return Err(failure),
    };
    let event = Given::from_json(&Json::Object(event)).map_err(anyhow::Error::msg)?;
    let result = rule.condition.matches(&event);
    let anatomy = Anatomy::new(&rule.tree)
        .map_err(|_| anyhow::anyhow!("what compiled whole does not compile in parts"))?;
    print(args, result, &anatomy, &anatomy.trace(&event));
    Ok(if result { EXIT_OK } else { EXIT_FALSE })
}

/// Where lists and macros are from, each path once.
fn sources(args: &Args) -> Vec<PathBuf> {
    let all = args.lists.iter().chain(&args.macros).chain(&args.rules);
    let mut paths = Vec::new();
    for path in all {
        if !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    paths
}

fn print(args: &Args, result: bool, anatomy: &Anatomy, trace: &Trace) {
    match args.format {
        Format::Json if args.explain => {
            let parts = anatomy.parts().iter().zip(&trace.parts);
            let parts: Vec<Json> = parts
                .map(|(part, seen)| {
                    json!({"kind": part.kind, "text": part.text, "depth": part.depth, "seen": seen})
                })
                .collect();
            anstream::println!("{:#}", json!({"result": result, "parts": parts}));
        }
        Format::Json => anstream::println!("{}", json!({"result": result})),
        Format::Text => {
            let style = if result { GOOD } else { ERROR };
            anstream::println!("{style}{result}{style:#}");
            if args.explain {
                anstream::print!("{}", tree::print(anatomy, Some(trace), 2));
            }
        }
    }
}

/// Tries every case and prints what came of it.
fn cases(path: &Path) -> Result<u8, Failure> {
    let mut reader: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path).map_err(|error| {
            let message = format!("cannot read {}: {error}", path.display());
            vec![Diagnostic::error("CLI_CASES", message)]
        })?;
        Box::new(BufReader::new(file))
    };
    let mut out = io::stdout().lock();
    let (mut tried, mut failed) = (0_usize, 0_usize);
    for number in 1.. {
        let mut line = Vec::new();
        let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        if read.context("cannot read the cases")? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        let verdict = case::try_line(&text, number);
        tried += 1;
        failed += usize::from(!verdict.ok);
        let json = serde_json::to_string(&verdict).context("cannot print a verdict")?;
        match writeln!(out, "{json}") {
            // Whoever read the results has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            written => written.context("cannot print a verdict")?,
        }
    }
    if failed > 0 {
        anstream::eprintln!("{ERROR}failed{ERROR:#}: {failed} of {tried} case(s)");
        return Ok(EXIT_INPUT);
    }
    Ok(EXIT_OK)
}
