//! Alerts for a person at a terminal, or as JSON lines for a pipe.
//!
//! A batch of alerts comes in, text leaves through one blocking writer on a
//! thread of its own: a terminal stopped with Ctrl-S delays this output alone.
//! No control character from an event reaches the terminal.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, Priority};

use super::common::{Answer, BuildError, Output, Rest, Sending, Settings};
use super::queue::Batching;
use super::spool::config::Store;
use super::{json, text};

/// Shows alerts on standard output.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `text` for people, `json` for one JSON object a line (default text).
    #[serde(default)]
    pub format: Format,
    /// `stdout` or `stderr` (default stdout). Alerts of `sensor run -- COMMAND` always go to
    /// stderr: standard output is the command's.
    #[serde(default)]
    pub stream: Stream,
    /// `auto` colours a terminal unless `NO_COLOR` is set; `always`; `never` (default auto).
    #[serde(default)]
    pub color: Color,
}

/// How an alert is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A block for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Where alerts are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
}

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Even into a pipe.
    Always,
    /// Not even on a terminal.
    Never,
}

impl Settings for Config {
    /// Nobody reads tomorrow what a terminal did not show today.
    fn default_store(&self) -> Store {
        Store::Memory
    }

    fn batching(&self) -> Batching {
        Batching::whatever_waits()
    }

    fn check(&self) -> Vec<String> {
        Vec::new()
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let terminal = match self.stream {
            Stream::Stdout => std::io::stdout().is_terminal(),
            Stream::Stderr => std::io::stderr().is_terminal(),
        };
        let quiet = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colored = match self.color {
            Color::Auto => terminal && !quiet,
            Color::Always => true,
            Color::Never => false,
        };
        Ok(match self.stream {
            Stream::Stdout => Box::new(Terminal::new(self.format, colored, std::io::stdout())),
            Stream::Stderr => Box::new(Terminal::new(self.format, colored, std::io::stderr())),
        })
    }
}

/// The sender.
struct Terminal<W> {
    format: Format,
    colored: bool,
    /// Shared with the thread that is writing.
    writer: Arc<Mutex<W>>,
}

impl<W: Write + Send + 'static> Terminal<W> {
    fn new(format: Format, colored: bool, writer: W) -> Self {
        Self {
            format,
            colored,
            writer: Arc::new(Mutex::new(writer)),
        }
    }

    fn encode(&self, batch: &[Arc<Alert>]) -> Vec<u8> {
        let (mut out, zone) = (Vec::new(), TimeZone::system());
        for alert in batch {
            match self.format {
                Format::Text => out.extend_from_slice(block(alert, self.colored, &zone).as_bytes()),
                Format::Json => json::write_line(&mut out, alert),
            }
        }
        out
    }
}

impl<W: Write + Send + 'static> Output for Terminal<W> {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        let bytes = self.encode(batch);
        let writer = Arc::clone(&self.writer);
        let write = move || {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.write_all(&bytes).and_then(|()| writer.flush())
        };
        Box::pin(async move {
            match tokio::task::spawn_blocking(write).await {
                Ok(Ok(())) => Answer::all(batch),
                // Nobody will ever read the other end of a closed pipe.
                Ok(Err(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                    Answer::none(Rest::RefuseAll(error.to_string()))
                }
                Ok(Err(error)) => Answer::retry(error),
                Err(error) => Answer::retry(error),
            }
        })
    }
}

/// The fields a person looks for first, in this order, when the rule has them.
const KEY_FIELDS: [&str; 12] = [
    "proc.cmdline",
    "proc.exepath",
    "proc.pcmdline",
    "proc.pname",
    "proc.pid",
    "user.name",
    "user.loginname",
    "fd.name",
    "container.id",
    "container.name",
    "container.image.repository",
    "k8s.pod.name",
];

/// How many of them are shown.
const SHOWN_FIELDS: usize = 6;

/// One alert as a block: a headline, the message, a few fields. The time is that
/// of the zone.
pub(crate) fn block(alert: &Alert, colored: bool, zone: &TimeZone) -> String {
    let paint = |style: Style, text: &str| {
        if colored {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    };
    let dim = Style::new().dimmed();
    let mut out = format!(
        "{} {} {}\n  {}\n",
        paint(dim, &local_time(alert.time_ns, zone)),
        paint(
            style_of(alert.priority),
            &format!("{:<13}", alert.priority.name())
        ),
        paint(Style::new().bold(), &text::visible(&alert.rule)),
        text::visible(&alert.message),
    );
    let fields = KEY_FIELDS
        .iter()
        .filter_map(|name| Some((*name, shown(alert.output_fields.get(*name)?)?)))
        .take(SHOWN_FIELDS);
    for (name, value) in fields {
        let name = paint(dim, &format!("{name:<26}"));
        let _ = writeln!(out, "    {name} {value}");
    }
    out
}

/// A field's value in visible characters; nothing for a missing one.
fn shown(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) if text.is_empty() => None,
        serde_json::Value::String(value) => Some(text::visible(value)),
        other => Some(text::visible(&other.to_string())),
    }
}

/// Local wall-clock time to the millisecond.
fn local_time(time_ns: u64, zone: &TimeZone) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(time_ns)).map_or_else(
        |_| "--:--:--.---".to_owned(),
        |time| {
            let time = time.to_zoned(zone.clone());
            time.strftime("%H:%M:%S%.3f").to_string()
        },
    )
}

fn style_of(priority: Priority) -> Style {
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    match priority {
        Priority::Emergency | Priority::Alert | Priority::Critical => Style::new()
            .fg_color(Some(AnsiColor::White.into()))
            .bg_color(Some(AnsiColor::Red.into()))
            .bold(),
        Priority::Error => color(AnsiColor::Red).bold(),
        Priority::Warning => color(AnsiColor::Yellow).bold(),
        Priority::Notice => color(AnsiColor::Cyan),
        Priority::Informational => color(AnsiColor::Green),
        Priority::Debug => color(AnsiColor::BrightBlack),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hostile() -> Alert {
        let fields =
            json!({"proc.cmdline": "x\u{1b}[2J", "fd.name": null, "proc.pid": 7, "a.b": 1});
        Alert {
            id: uuid::Uuid::nil(),
            time_ns: 1_000_000_000,
            rule: "clear\u{1b}[2J".into(),
            priority: Priority::Error,
            source: "syscall".into(),
            tags: [].into(),
            hostname: "node1".into(),
            message: "first\r\nsecond \u{202e}".to_owned(),
            output: String::new(),
            output_fields: fields.as_object().cloned().unwrap_or_default(),
            evidence: serde_json::Map::new(),
            outputs: crate::alert::Outputs::default(),
            pid: 7,
            in_command_tree: false,
            json: crate::alert::JsonOptions::default(),
        }
    }

    #[test]
    fn a_plain_block_has_no_control_character_but_its_line_ends() {
        let block = block(&hostile(), false, &TimeZone::UTC);
        let lines: Vec<_> = block.lines().collect();
        assert!(
            !block.chars().any(|c| c.is_control() && c != '\n'),
            "{block:?}"
        );
        assert!(lines[0].ends_with("Error         clear\\x1b[2J"), "{block}");
        assert_eq!(lines[1], "  first\\x0d\\x0asecond \\u{202e}");
        assert_eq!(lines[2], format!("    {:<26} x\\x1b[2J", "proc.cmdline"));
        assert_eq!(lines[3], format!("    {:<26} 7", "proc.pid"));
        assert_eq!(
            lines.len(),
            4,
            "a field without value and one of no note are not shown"
        );
    }

    #[test]
    fn a_coloured_block_has_no_escape_sequence_but_ours() {
        let coloured = block(&hostile(), true, &TimeZone::UTC);
        let ours = coloured.matches("\u{1b}[").count();
        assert_eq!(ours, coloured.matches('\u{1b}').count());
        assert!(ours > 0 && !coloured.contains("\u{1b}[2J"), "{coloured:?}");
    }
}
