//! What the world asks of a running sensor: signals, edited rules, questions, a
//! command that ended. All of it arrives on one channel, read between records.

use std::process::ExitStatus;
use std::sync::mpsc::Sender;
use std::thread;

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

use super::reload::Reply;
use crate::detect::rules::Loaded;
use crate::diagnostic::Diagnostic;

/// Where an answer goes.
pub(in crate::cli) type Answer = Sender<Reply>;

/// What `sensor rules` may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Ask {
    /// Load the rules again.
    Reload,
    /// Tell which are in force.
    List,
}

impl Ask {
    /// The word on the socket.
    pub(in crate::cli) fn word(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::List => "list",
        }
    }

    /// The question of that word.
    pub(in crate::cli) fn from_word(word: &str) -> Option<Self> {
        [Self::Reload, Self::List]
            .into_iter()
            .find(|ask| ask.word() == word)
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
    /// A question from `sensor rules`.
    Ask(Ask, Answer),
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
