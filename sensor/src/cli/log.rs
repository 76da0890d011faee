//! The sensor's own log, on standard error; alerts never go there.

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat, LogLevel};

/// Starts the log. `RUST_LOG`, where it is set, wins over the configured level.
pub(super) fn start(config: &LogConfig) {
    let level = match config.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    // A directory of rules that goes away is told with the reload; the file
    // watcher's own words about it are only noise. The AMQP client warns with the
    // whole of each message that comes back, which the output tells itself.
    let quiet = || EnvFilter::new(format!("{level},notify=error,lapin=error"));
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| quiet());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    // A second start, as in tests, leaves the first in force.
    let _already = match config.format {
        LogFormat::Text => builder
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
