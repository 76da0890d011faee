//! `sensor demo`: a first alert, for real, in a few seconds.
//!
//! Starts the sensor with the shipped rules and no output but the terminal,
//! has a shell read `/etc/shadow` into nowhere, and waits for the alert.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::run::{Input, Plan, Session};
use super::wanted::Wanted;
use super::{EXIT_OK, Failure, GOOD};

/// How long the alert may take before the demo counts as failed.
const PATIENCE: Duration = Duration::from_secs(15);
/// The harmless suspicious thing: what is read goes nowhere.
const ACT: &str = "cat /etc/shadow > /dev/null; true";

/// Flags of `sensor demo`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  sudo sensor demo\n\nNeeds root; uses no network; leaves nothing behind."
)]
pub struct Args {}

/// Runs the demo.
pub(super) fn run(_: &Args) -> Result<u8, Failure> {
    let (config, loaded) = Input::default().load()?;
    super::log::start(&crate::config::LogConfig {
        level: crate::config::LogLevel::Warn,
        ..config.log
    });
    let count = loaded.rules.rules.len();
    let step = |text: &str| anstream::println!("{GOOD}==>{GOOD:#} {text}");
    step(&format!(
        "starting the sensor with its {count} shipped rules"
    ));
    let plan = Plan {
        config: &config,
        rules: &loaded.rules,
        outputs: &config.outputs(),
        wanted: Wanted::by(&loaded.rules),
        draft: None,
    };
    let (mut session, ()) = Session::start(plan, |_| Ok(()))?;

    step(&format!(
        "a shell now reads the password hashes: sh -c '{ACT}'"
    ));
    let started = Instant::now();
    let status = Command::new("sh")
        .args(["-c", ACT])
        .stdin(Stdio::null())
        .status()
        .context("cannot start `sh`")?;
    tracing::debug!(%status, "the act is done");
    let mut first = None;
    while first.is_none() && started.elapsed() < PATIENCE {
        session.step(&mut |alert| {
            if alert.output.contains("/etc/shadow") {
                first.get_or_insert_with(|| started.elapsed());
            }
        })?;
    }
    let report = session.finish(Duration::from_secs(5), &mut |_| ())?.report;
    let Some(latency) = first else {
        anstream::eprintln!("{report}");
        return Err(missing(ACT).into());
    };
    step(&format!(
        "that was the alert, {} ms after the act",
        latency.as_millis()
    ));
    step("next: `sensor run`, then do something suspicious in another terminal");
    Ok(EXIT_OK)
}

fn missing(act: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "no alert came within {} s of `{act}`; the account above shows where events went",
        PATIENCE.as_secs()
    )
}
