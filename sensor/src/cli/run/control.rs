//! What the world asks of a running sensor: signals, edited rules, questions, a
//! command that ended. All of it arrives on one channel, read between records.

use std::process::ExitStatus;
use std::sync::mpsc::Sender;
use std::thread;

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use tokio::sync::oneshot;

use super::reload::Reply;
use crate::deliver::Errand;
use crate::detect::rules::Loaded;
use crate::diagnostic::Diagnostic;
use crate::metrics::server::Telling;

/// Where an answer goes.
pub(in crate::cli) type Answer = Sender<Reply>;

/// What a running sensor may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Ask {
    /// Load the rules again.
    Reload,
    /// Tell which are in force.
    List,
    /// Tell what waits for the outputs.
    Queue,
    /// Have an output of that name, or all, do something.
    Errand(Errand, Option<String>),
    /// Tell what became of every event and every alert.
    Account,
}

/// What outputs may be asked to do, and the word for it on the socket.
const ERRANDS: [(Errand, &str); 3] = [
    (Errand::Retry, "queue-retry"),
    (Errand::Replay, "queue-replay"),
    (Errand::Purge, "queue-purge"),
];

impl Ask {
    /// The line on the socket.
    pub(in crate::cli) fn line(&self) -> String {
        match self {
            Self::Reload => "reload".to_owned(),
            Self::List => "list".to_owned(),
            Self::Queue => "queue".to_owned(),
            Self::Account => "account".to_owned(),
            Self::Errand(errand, output) => {
                let words = ERRANDS.iter().find(|(known, _)| known == errand);
                let word = words.map_or("", |(_, word)| word);
                match output {
                    Some(output) => format!("{word} {output}"),
                    None => word.to_owned(),
                }
            }
        }
    }

    /// The question of that line.
    pub(in crate::cli) fn from_line(line: &str) -> Option<Self> {
        let (word, output) = match line.split_once(' ') {
            Some((word, output)) => (word, Some(output.to_owned())),
            None => (line, None),
        };
        match word {
            "reload" => Some(Self::Reload),
            "list" => Some(Self::List),
            "queue" => Some(Self::Queue),
            "account" => Some(Self::Account),
            _ => {
                let (errand, _) = ERRANDS.iter().find(|(_, known)| *known == word)?;
                Some(Self::Errand(*errand, output))
            }
        }
    }
}

/// One request to the walk.
pub(in crate::cli) enum Control {
    /// Drain, flush and end (SIGTERM, SIGINT).
    Stop,
    /// Print the account (SIGUSR1).
    Account,
    /// Load the rules again (SIGHUP, or a file changed).
    Reload,
    /// Rules were loaded again: put them in force, or say why not, to the log
    /// and to those who asked.
    Rules(Result<Loaded, Vec<Diagnostic>>, Vec<Answer>),
    /// A question of another `sensor` process.
    Ask(Ask, Answer),
    /// Somebody asks over HTTP for what is counted.
    Numbers(oneshot::Sender<Telling>),
    /// The watched command ended.
    CommandEnded(std::io::Result<ExitStatus>),
}

/// Catches signals from now on; they wait until [`listen`] hears them.
///
/// # Errors
/// When the kernel takes no handler.
pub(in crate::cli) fn catch() -> anyhow::Result<Signals> {
    Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1]).context("cannot install signal handlers")
}

/// Turns caught signals into requests. A second SIGTERM or SIGINT ends the
/// process at once: the person has waited long enough.
///
/// # Errors
/// When no thread can be started.
pub(in crate::cli) fn listen(
    mut signals: Signals,
    requests: Sender<Control>,
) -> anyhow::Result<()> {
    let hear = move || {
        let mut stopping = false;
        for signal in signals.forever() {
            let request = match signal {
                SIGHUP => Control::Reload,
                SIGUSR1 => Control::Account,
                _ if stopping => std::process::exit(128 + signal),
                _ => {
                    stopping = true;
                    Control::Stop
                }
            };
            if requests.send(request).is_err() {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("signals".to_owned());
    thread
        .spawn(hear)
        .context("cannot start the signal thread")?;
    Ok(())
}
