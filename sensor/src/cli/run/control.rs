//! What the world asks of a running sensor: signals, edited rules, a command
//! that ended. All of it arrives on one channel, read between records.

use std::process::ExitStatus;
use std::sync::mpsc::Sender;
use std::thread;

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

use crate::detect::rules::Loaded;
use crate::diagnostic::Diagnostic;

/// One request to the walk.
pub(in crate::cli) enum Control {
    /// Drain, flush and end (SIGTERM, SIGINT).
    Stop,
    /// Print the account (SIGUSR1).
    Account,
    /// Load the rules again (SIGHUP, or a file changed).
    Reload,
    /// Rules were loaded again: put them in force, or say why not.
    Rules(Result<Loaded, Vec<Diagnostic>>),
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
