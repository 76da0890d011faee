//! `sensor coverage`: what the rules cover, as a table or for programs.

use std::io::{self, Write};

use anyhow::Context as _;

use super::run::Input;
use super::table::{self, Cell, DIM, GOOD, HEADING, NAME, PLAIN};
use super::{EXIT_OK, Failure};
use crate::diagnostic::escape;
use crate::lab::coverage::{Coverage, Group, coverage, layer};

/// Characters in a line, as far as it can be helped.
const WIDTH: usize = 100;
/// Characters of a technique's name that are shown.
const NAME_WIDTH: usize = 46;

/// Flags of `sensor coverage`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor coverage                                  the shipped rules, by technique
  sensor coverage --by tactic -r my-rules.yaml     yours, by tactic
  sensor coverage --by control                     by PCI DSS, NIST and other controls
  sensor coverage --by event                       by what must be captured
  sensor coverage --format navigator > layer.json  a layer to open in the ATT&CK Navigator
  sensor coverage --format json | jq .techniques

Rules are sorted by their tags: T1059.004, TA0002 or mitre_execution,
PCI_DSS_10.2.5, NIST_800-53_AC-2 and the like.")]
pub struct Args {
    /// What to sort the rules by; JSON has all of them
    #[arg(long, value_enum, default_value_t = By::Technique)]
    by: By,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    input: Input,
}

/// What to sort the rules by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// ATT&CK technique
    Technique,
    /// ATT&CK tactic
    Tactic,
    /// Control of a compliance standard
    Control,
    /// Event type
    Event,
}

/// How to print it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One JSON object with everything
    Json,
    /// A layer for the ATT&CK Navigator, of techniques
    Navigator,
}

/// Sorts the rules and prints what they cover.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let (_, study) = args.input.study(&[])?;
    let covered = coverage(&study);
    let mut out = anstream::stdout().lock();
    let printed = match args.format {
        Format::Table => show(&mut out, &covered, args.by),
        Format::Json => json(&mut out, &covered),
        Format::Navigator => json(&mut out, &layer(&covered)),
    };
    match printed {
        // Whoever read it has seen enough: `sensor coverage | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(EXIT_OK),
        printed => {
            printed.context("cannot print what is covered")?;
            Ok(EXIT_OK)
        }
    }
}

fn json(out: &mut dyn Write, value: &impl serde::Serialize) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    writeln!(out, "{text}")
}

fn show(out: &mut dyn Write, covered: &Coverage, by: By) -> io::Result<()> {
    let (groups, title, name) = match by {
        By::Technique => (&covered.techniques, "TECHNIQUE", "NAME"),
        By::Tactic => (&covered.tactics, "TACTIC", "NAME"),
        By::Control => (&covered.controls, "CONTROL", "STANDARD"),
        By::Event => (&covered.events, "EVENT", ""),
    };
    if groups.is_empty() {
        writeln!(out, "no rule has a tag of this form")?;
    } else {
        let used = used(groups);
        let rows: Vec<[Cell; 5]> = groups.iter().map(|group| row(group, used)).collect();
        table::write(out, [title, name, "RULES", "OFF", "NAMES"], &rows)?;
    }
    let rules = &covered.rules;
    writeln!(
        out,
        "\n{HEADING}{} rules in force{HEADING:#}, {} off, {} skipped",
        rules.in_force, rules.off, rules.skipped
    )?;
    if by == By::Technique && !covered.without_technique.is_empty() {
        let names = covered.without_technique.join("; ");
        writeln!(
            out,
            "{} without a technique: {}",
            covered.without_technique.len(),
            escape(&names)
        )?;
    }
    Ok(())
}

/// The width of everything but the names of rules.
fn used(groups: &[Group]) -> usize {
    let widest = |text: fn(&Group) -> &str| {
        let lengths = groups.iter().map(|group| text(group).chars().count());
        lengths.max().unwrap_or_default().max(9)
    };
    // Margins between the columns, and the two columns of numbers.
    10 + 8 + widest(|group| &group.id) + widest(|group| &group.name).min(NAME_WIDTH)
}

fn row(group: &Group, used: usize) -> [Cell; 5] {
    let count = |rules: &[String]| match rules.len() {
        0 => String::new(),
        count => count.to_string(),
    };
    let style = if group.in_force.is_empty() { DIM } else { NAME };
    [
        Cell::new(style, escape(&group.id).into_owned()),
        Cell::new(PLAIN, cut(&group.name, NAME_WIDTH)),
        Cell::new(GOOD, count(&group.in_force)),
        Cell::new(DIM, count(&group.off)),
        Cell::new(DIM, names(group, WIDTH.saturating_sub(used).max(24))),
    ]
}

/// The names of rules there is room for, and how many more there are.
fn names(group: &Group, room: usize) -> String {
    let mut out = String::new();
    let all: Vec<&String> = group.in_force.iter().chain(&group.off).collect();
    for (at, name) in all.iter().enumerate() {
        let more = if all.len() > 1 { 5 } else { 0 };
        let name = cut(&escape(name), room.saturating_sub(more));
        let longer = out.chars().count() + name.chars().count() + 2;
        if at > 0 && longer + 5 > room {
            return format!("{out} (+{})", all.len() - at);
        }
        if at > 0 {
            out.push_str("; ");
        }
        out.push_str(&name);
    }
    out
}

/// The beginning of a text that is too long.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let head: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{head}…")
}
