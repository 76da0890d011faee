//! `sensor explain`: a rule, macro or list taken apart.

mod show;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value as Json;

use super::run::Input;
use super::{EXIT_OK, Failure};
use crate::capture;
use crate::detect::engine::Matching;
use crate::detect::rules::Study;
use crate::diagnostic::{Diagnostic, nearest};
use crate::events;
use crate::fields::Subject;
use crate::fields::given::Given;
use crate::lab::explain::{Explanation, Question};
use crate::recording::Replay;

/// Flags of `sensor explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor explain 'Password hashes read'              a shipped rule
  sensor explain -r my-rules.yaml 'My rule'          one of yours
  sensor explain --macro file_read                   a macro, and who uses it
  sensor explain --list shell_programs               a list
  sensor explain 'Password hashes read' --event '{\"evt.type\": \"openat\", \"fd.name\": \"/etc/shadow\"}'
  sensor explain 'My rule' --event @event.json --format json
  sensor explain 'My rule' --recording attack.rec --event 1042

An event is a map of fields and values, in JSON or YAML; fields that are not
given are missing. @FILE reads it from a file, - from standard input. In the
tree + stands for true and - for false; the parts that decide are marked.

Exit code 1 when nothing has the name, or the rules or the event are wrong.")]
pub struct Args {
    /// The rule's name; a part of it will do when no other rule has it
    #[arg(value_name = "RULE", required_unless_present_any = ["macro_name", "list"])]
    rule: Option<String>,
    /// Explain the macro of this name
    #[arg(long = "macro", value_name = "NAME", conflicts_with_all = ["rule", "event"])]
    macro_name: Option<String>,
    /// Explain the list of this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["rule", "event", "macro_name"])]
    list: Option<String>,
    /// Show what the rule makes of this event; with --recording its number there
    #[arg(long, value_name = "JSON|@FILE|-|N")]
    event: Option<String>,
    /// Take the event from this recording
    #[arg(long, value_name = "FILE", requires = "event")]
    recording: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    input: Input,
}

/// How to print an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

/// The hook of a call by its name in the table.
fn hook_of_call(name: &str) -> String {
    let row = events::by_name(name).and_then(events::row);
    let kernel = row.and_then(events::numbers::generic_call);
    capture::hook_of_call(kernel.map_or(name, |(_, kernel)| kernel))
}

/// Explains what is named.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let (config, study) = args.input.study(&[])?;
    let question = Question {
        study: &study,
        all_match: config.rule_matching == Matching::All,
        hooks: capture::hooks_of,
        hook_of_call,
    };
    let explanation = match (&args.event, &args.recording) {
        (Some(number), Some(path)) => recorded(args, &question, path, number)?,
        (Some(word), None) => answer(args, &question, Some(&given(word)?))?,
        (None, _) => answer(args, &question, None::<&Given>)?,
    };
    match args.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&explanation).context("cannot print")?;
            anstream::println!("{json}");
        }
        Format::Text => anstream::print!("{}", show::text(&explanation)),
    }
    Ok(EXIT_OK)
}

/// Explains what a rule makes of an event of a recording, found by its number.
fn recorded(
    args: &Args,
    question: &Question<'_>,
    path: &Path,
    number: &str,
) -> Result<Explanation, Failure> {
    let mistake = |message: String| vec![Diagnostic::error("CLI_EVENT", message)];
    let number: u64 = number.parse().map_err(|_| {
        mistake(format!(
            "`{number}` is no number of an event of the recording"
        ))
    })?;
    let shown = |error| mistake(format!("{}: {error}", path.display()));
    let mut replay = Replay::open(path).map_err(shown)?;
    let mut answered = None;
    let mut last = 0;
    let read = replay.each(|_, event| {
        last = event.number;
        if event.number < number {
            return ControlFlow::Continue(());
        }
        if event.number == number {
            answered = Some(answer(args, question, Some(event)));
        }
        ControlFlow::Break(())
    });
    if let Some(answered) = answered {
        return answered;
    }
    read.map_err(shown)?;
    let message = format!("the recording has no event {number}: the nearest is {last}");
    Err(mistake(message).into())
}

fn answer<S: Subject>(
    args: &Args,
    question: &Question<'_>,
    event: Option<&S>,
) -> Result<Explanation, Failure> {
    let study = question.study;
    let (what, name, found) = if let Some(name) = &args.macro_name {
        (
            "macro",
            name,
            question.macro_named(name).map(Explanation::Macro),
        )
    } else if let Some(name) = &args.list {
        ("list", name, question.list(name).map(Explanation::List))
    } else {
        let name = args.rule.as_ref().context("clap wants a name")?;
        let full = full_name(study, name);
        let rule = question.rule(full.unwrap_or(name), event);
        ("rule", name, rule.map(Box::new).map(Explanation::Rule))
    };
    found.ok_or_else(|| vec![unknown(study, what, name)].into())
}

/// The rule of that name, or the only one whose name holds it.
fn full_name<'s>(study: &'s Study, word: &str) -> Option<&'s str> {
    let names = || {
        study
            .rules
            .iter()
            .map(|rule| rule.written.name.text.as_str())
    };
    let exact = names().find(|name| *name == word);
    exact.or_else(|| {
        let word = word.to_lowercase();
        let mut like = names().filter(|name| name.to_lowercase().contains(&word));
        like.next().filter(|_| like.next().is_none())
    })
}

/// Why nothing is explained, with the names that may have been meant.
fn unknown(study: &Study, what: &str, name: &str) -> Diagnostic {
    const FEW: usize = 8;
    let rules = || {
        study
            .rules
            .iter()
            .map(|rule| rule.written.name.text.as_str())
    };
    if what == "rule" && rules().any(|known| known == name) {
        let message = format!("rule `{name}` is skipped: it has nothing to explain");
        return Diagnostic::error("CLI_NOTHING_FOUND", message)
            .help("`sensor check` says why it is skipped");
    }
    let message = format!("no {what} is named `{name}`");
    let mistake = Diagnostic::error("CLI_NOTHING_FOUND", message);
    let names: Vec<&str> = match what {
        "macro" => study
            .macros
            .iter()
            .map(|m| m.written.name.text.as_str())
            .collect(),
        "list" => study
            .lists
            .iter()
            .map(|l| l.written.name.text.as_str())
            .collect(),
        _ => rules().collect(),
    };
    let word = name.to_lowercase();
    let like: Vec<String> = names
        .iter()
        .filter(|known| known.to_lowercase().contains(&word))
        .map(|known| format!("`{known}`"))
        .collect();
    match nearest(name, names.iter().copied()) {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None if like.is_empty() => mistake,
        None if like.len() > FEW => mistake.help(format!("{} names hold it", like.len())),
        None => mistake.help(format!("did you mean one of {}?", like.join(", "))),
    }
}

/// The event given as JSON or YAML, as `@FILE`, or as `-` for standard input.
fn given(word: &str) -> Result<Given, Failure> {
    let fields = Json::Object(super::event::read(word)?);
    Ok(Given::from_json(&fields).map_err(anyhow::Error::msg)?)
}
