//! One script tried: its near miss, then its attack, and what the sensor said to both.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::needs;
use super::runner::{Job, Runner};
use super::script::{Half, Script};
use super::stage::Report;
use super::watch::{Alert, Watch};

/// How long one half may take; scripts promise half of it.
const LIMIT: Duration = Duration::from_secs(20);
/// How long an alert may come after all events were seen: a rule may wait for more.
const LATE: Duration = Duration::from_secs(3);

/// What came of one script.
#[derive(Debug)]
pub(super) struct Trial<'a> {
    /// The script.
    pub(super) script: &'a Script,
    /// Programs it needs that are not here; nothing was run then.
    pub(super) missing: Vec<String>,
    /// Its attack.
    pub(super) attack: Outcome,
    /// Its near miss.
    pub(super) near_miss: Outcome,
}

/// What came of one half of a script.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Why it is not known to have happened; empty when all is well.
    pub(super) failure: String,
    /// When it began, nanoseconds since the epoch.
    pub(super) started_ns: u64,
    /// The alerts of the script's rule, in order.
    pub(super) alerts: Vec<Alert>,
    /// The other rules that fired.
    pub(super) others: Vec<String>,
}

impl Trial<'_> {
    /// The rule fired on the attack and only there.
    pub(super) fn is_proven(&self) -> bool {
        self.fired().is_some() && self.is_silent()
    }

    /// The first alert of the attack.
    pub(super) fn fired(&self) -> Option<&Alert> {
        self.attack.alerts.first()
    }

    /// The near miss happened and did not raise the rule.
    pub(super) fn is_silent(&self) -> bool {
        let miss = &self.near_miss;
        self.missing.is_empty() && miss.failure.is_empty() && miss.alerts.is_empty()
    }

    /// From the start of the attack to the alert in the file, milliseconds.
    pub(super) fn latency_ms(&self) -> Option<f64> {
        let alert = self.fired()?;
        let ns = alert.written_ns.saturating_sub(self.attack.started_ns);
        Some(milliseconds(ns))
    }

    /// From the event to the alert in the file, milliseconds.
    pub(super) fn delay_ms(&self) -> Option<f64> {
        let alert = self.fired()?;
        let ns = alert.written_ns.saturating_sub(alert.happened_ns);
        (alert.happened_ns > 0).then(|| milliseconds(ns))
    }
}

fn milliseconds(ns: u64) -> f64 {
    Duration::from_nanos(ns).as_secs_f64() * 1000.0
}

/// What tries scripts.
pub(super) struct Trier<'a> {
    watch: &'a Watch,
    runner: &'a Runner,
}

impl<'a> Trier<'a> {
    /// For scripts that this runner starts, before this sensor.
    pub(super) fn new(watch: &'a Watch, runner: &'a Runner) -> Self {
        Self { watch, runner }
    }

    /// Tries one script. The near miss comes first: its alerts, if any, are there
    /// before those of the attack.
    ///
    /// # Errors
    ///
    /// When the sensor or the machine fails; a script that fails is an outcome.
    pub(super) fn try_script<'s>(&self, script: &'s Script) -> Result<Trial<'s>> {
        let mut trial = Trial {
            script,
            missing: needs::missing(&script.needs),
            attack: Outcome::default(),
            near_miss: Outcome::default(),
        };
        if !trial.missing.is_empty() {
            return Ok(trial);
        }
        let run = |half: Half| {
            let job = Job {
                name: script.name(),
                script: script.path.clone(),
                function: half.function(),
                place: script.place,
                host_network: script.host_network,
            };
            self.runner.run(&job, LIMIT)
        };
        let (miss_group, near_miss) = run(Half::NearMiss)?;
        let (attack_group, attack) = run(Half::Attack)?;
        self.watch.fence()?;
        let begin = Instant::now();
        let fired = |alert: &Alert| alert.rule == script.rule;
        while begin.elapsed() < LATE && !self.watch.alerts_from(&attack_group)?.iter().any(fired) {
            std::thread::sleep(Duration::from_millis(50));
        }
        trial.near_miss = self.outcome(script, &miss_group, near_miss)?;
        trial.attack = self.outcome(script, &attack_group, attack)?;
        Ok(trial)
    }

    fn outcome(&self, script: &Script, group: &str, report: Report) -> Result<Outcome> {
        let all = self.watch.alerts_from(group)?;
        let (alerts, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|it| it.rule == script.rule);
        let mut others: Vec<String> = others.into_iter().map(|alert| alert.rule).collect();
        others.sort();
        others.dedup();
        Ok(Outcome {
            failure: report.failure,
            started_ns: report.started_ns,
            alerts,
            others,
        })
    }
}
