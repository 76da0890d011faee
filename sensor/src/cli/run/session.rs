//! A sensor that runs: the kernel side, the walk and the outputs, started in
//! the order that loses nothing and stopped in the order that flushes all.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::alert::{Alert, Change, Composer, HeldBack, Priority};
use crate::capture::{Capture, Counters, Kind, Way};
use crate::cli::{Failure, wanted::Wanted};
use crate::config::{Config, DropAction, DropsConfig};
use crate::deliver::{Delivery, Errand, Held, OutputConfig, OutputStatus};
use crate::detect::engine::Engine;
use crate::detect::rules::RuleSet;
use crate::enrich::{self, State};
use crate::metrics::Report;
use crate::pipeline::Pipeline;
use crate::privileges;
use crate::recording::{self, Draft, Progress, Recorder};

use super::losses::{Gathered, Look, Loss, Losses};
use super::numbers::Numbers;

/// How long the walk waits for records before it looks at other requests.
const POLL: Duration = Duration::from_millis(50);
/// Records taken between two looks at other requests.
const BATCH: usize = 8192;
/// How often names, addresses and the clock are read again.
const REFRESH: Duration = Duration::from_secs(1);

/// How long after its event a record may come into the ring. Summaries wait as
/// long, so that none closes too early.
const LAG: Duration = Duration::from_secs(2);

/// What is left of the time to end in for ending the threads and unloading the
/// programs, which comes after the outputs are flushed.
const TEARDOWN: Duration = Duration::from_millis(250);

/// What the alert about lost events names as its rule.
const EVENTS_LOST: &str = "Sensor internal: events lost";

/// What a sensor is to do.
pub(in crate::cli) struct Plan<'a> {
    pub(in crate::cli) config: &'a Config,
    pub(in crate::cli) rules: &'a RuleSet,
    /// Where alerts go.
    pub(in crate::cli) outputs: &'a [OutputConfig],
    /// What to capture.
    pub(in crate::cli) wanted: Wanted,
    /// Where to record it, rules put in force later notwithstanding.
    pub(in crate::cli) draft: Option<Draft>,
}

/// What is left of a sensor that ended.
pub(in crate::cli) struct Ended {
    pub(in crate::cli) report: Report,
    /// The kernel's counters.
    pub(in crate::cli) counters: Counters,
    /// How the recording ended, if there was one.
    pub(in crate::cli) recording: Option<std::io::Result<Progress>>,
}

/// A running sensor.
pub(in crate::cli) struct Session {
    capture: Capture,
    pipeline: Pipeline,
    delivery: Delivery,
    /// What grouping holds back, on the disk.
    held: Option<Held>,
    recorder: Option<Recorder>,
    /// Captured whatever the rules need.
    always: Wanted,
    refreshed: Instant,
    /// Of events, what is done about them, and by whom they may be missed.
    losses: Losses,
    drops: DropsConfig,
    rules: RuleSet,
    composer: Composer,
    /// Alerts raised about losses.
    notices: u64,
    /// Of events about processes, counted so far; and whether the table knows of all.
    lost_processes: u64,
    doubtful: bool,
    /// Of the recording.
    unwritten: Gathered,
    /// From the newest event of the last batch to its evaluation, nanoseconds.
    lag_ns: u64,
}

impl Session {
    /// Starts everything: programs attached, processes known, outputs ready.
    ///
    /// `with_privileges` runs after the kernel side is attached and before
    /// privileges are dropped: what needs root starts there.
    ///
    /// # Errors
    /// When the kernel side cannot start, or an output cannot.
    pub(in crate::cli) fn start<T>(
        plan: Plan<'_>,
        with_privileges: impl FnOnce(&mut State) -> anyhow::Result<T>,
    ) -> Result<(Self, T), Failure> {
        let config = plan.config;
        let options = plan.wanted.options(&config.capture);
        // Attached before /proc is read: what happens meanwhile waits in the
        // ring and is applied to the table afterwards, so nothing is missed.
        let started_ns = now_ns();
        let capture = Capture::start(&options).context("the kernel side cannot start")?;
        let mut state = State::new(enrich::Options {
            capacity: config.processes.capacity,
            ..enrich::Options::default()
        });
        if plan.draft.is_some() {
            state.keep_journal();
        }
        if let Err(error) = state.seed() {
            tracing::warn!(%error, "processes become known only as they act");
        }
        let started = with_privileges(&mut state)?;
        privileges::drop_to_needed().context("cannot give up privileges")?;
        let host = state.host().clone();
        let start = |draft| {
            let capacity = config.processes.capacity;
            let header = recording::Header::here(&host.name, capacity, options.kinds);
            Recorder::start(draft, &header).context("the recording cannot be started")
        };
        let always = match &plan.draft {
            Some(_) => plan.wanted,
            None => Wanted::default(),
        };
        let redactor = config.redaction.redactor().map_err(anyhow::Error::msg)?;
        let draft = plan.draft;
        let draft = draft.map(|draft| draft.starred_by(redactor.clone()));
        let recorder = draft.map(start).transpose()?;
        let outputs = plan.outputs.iter().cloned();
        let outputs: Vec<_> = outputs.map(|output| output.on_host(&host.name)).collect();
        let delivery =
            Delivery::start(&outputs, config.spools()).context("an output cannot start")?;
        let composer = Composer::new(&host, config.alert_options())
            .redacting(redactor)
            .routing(config.routes());
        let engine = Engine::new(plan.rules, config.rule_matching);
        let grouper = config.grouper();
        let held = config
            .spools()
            .filter(|spools| grouper.is_some() || Held::is_left(spools));
        let held = held.and_then(|spools| hold(spools, plan.outputs, &delivery));
        let mut pipeline = Pipeline::new(state, engine, composer.clone()).grouping(grouper);
        if held.is_some() {
            pipeline.note_changes();
        }
        Ok((
            Self {
                capture,
                pipeline,
                delivery,
                held,
                recorder,
                always,
                refreshed: Instant::now(),
                losses: Losses::since(started_ns),
                drops: config.syscall_event_drops.clone(),
                rules: plan.rules.clone(),
                composer,
                notices: 0,
                lost_processes: 0,
                doubtful: false,
                unwritten: Gathered::default(),
                lag_ns: 0,
            },
            started,
        ))
    }

    /// Waits a moment for records and takes those there are through the walk.
    /// `watch` sees each alert before the outputs do.
    ///
    /// # Errors
    /// When the ring buffer cannot be read any more.
    pub(in crate::cli) fn step(
        &mut self,
        watch: &mut dyn FnMut(&Arc<Alert>),
    ) -> anyhow::Result<()> {
        self.capture
            .poll(POLL)
            .context("cannot wait for the kernel")?;
        let asked_ns = now_ns();
        let drained = self.drain(watch);
        self.keep_held();
        let is_behind = drained >= BATCH;
        // Only now nothing from before the loss can come any more.
        if self.doubtful && !is_behind {
            self.doubtful = false;
            self.pipeline.state_mut().doubt();
        }
        let lag = || now_ns().saturating_sub(self.pipeline.last_event_ns());
        self.lag_ns = if drained > 0 { lag() } else { 0 };
        if self.refreshed.elapsed() >= REFRESH {
            self.pipeline.state_mut().refresh();
            self.refreshed = Instant::now();
            // While records wait, their own times say what is due.
            if !is_behind {
                self.tick(asked_ns, watch);
            }
            if let Some(recorder) = &mut self.recorder {
                recorder.tick();
            }
            self.tell_unwritten();
            // Counters that cannot be read now are an error when the account is due.
            if let Ok(counters) = self.capture.counters() {
                self.note_doubt(&counters);
                let look = self.look(&counters);
                if let Some(loss) = self.losses.look(look, Instant::now(), false) {
                    return self.tell_loss(&loss, watch);
                }
            }
        }
        Ok(())
    }

    /// Notes whether records about processes were lost since this was last asked.
    fn note_doubt(&mut self, counters: &Counters) {
        let kinds = [Kind::Exec, Kind::Fork, Kind::Exit];
        let lost = kinds.iter().map(|kind| counters.kind(*kind).lost()).sum();
        self.doubtful |= lost > self.lost_processes;
        self.lost_processes = lost;
    }

    /// The account as the losses are told from.
    fn look(&self, counters: &Counters) -> Look {
        Look {
            time_ns: now_ns(),
            accounts: self.pipeline.account(counters),
            cpus: counters.lost_per_cpu(),
        }
    }

    /// Does what is to be done about lost events.
    ///
    /// # Errors
    /// When the sensor is to end because of them.
    fn tell_loss(&mut self, loss: &Loss, watch: &mut dyn FnMut(&Arc<Alert>)) -> anyhow::Result<()> {
        if loss.share() < self.drops.threshold {
            return Ok(());
        }
        let blind = loss.blind(&self.rules);
        let message = loss.message(&blind);
        for action in &self.drops.actions {
            match action {
                DropAction::Ignore => {}
                DropAction::Log => {
                    let help = "a larger capture.ring_mib rides out longer bursts";
                    tracing::warn!("{message} ({help})");
                }
                DropAction::Alert => {
                    self.notices += 1;
                    let alert = Arc::new(self.composer.compose_internal(
                        EVENTS_LOST,
                        Priority::Error,
                        message.clone(),
                        loss.fields(&blind),
                        (loss.until_ns, self.notices),
                    ));
                    watch(&alert);
                    self.delivery.send(&alert);
                }
                DropAction::Exit => {
                    anyhow::bail!("{message}, and `syscall_event_drops.actions` says to end then")
                }
            }
        }
        Ok(())
    }

    fn tell_unwritten(&mut self) {
        let missing = self.progress().map_or(0, |progress| progress.missing);
        if let Some(missing) = self.unwritten.due(missing, Instant::now()) {
            let why = "the disk cannot take them as fast as they come, or not at all";
            tracing::warn!(missing, "records are left out of the recording: {why}");
        }
    }

    /// Sends the summaries that are due although nothing happens; every record that
    /// was there at that time was taken.
    fn tick(&mut self, asked_ns: u64, watch: &mut dyn FnMut(&Arc<Alert>)) {
        let before = asked_ns.saturating_sub(u64::try_from(LAG.as_nanos()).unwrap_or(0));
        let delivery = &self.delivery;
        self.pipeline.tick(before, &mut |alert| {
            let alert = Arc::new(alert);
            watch(&alert);
            delivery.send(&alert);
        });
        self.keep_held();
    }

    /// Has the disk know what is held back.
    fn keep_held(&mut self) {
        if let Some(held) = &self.held {
            held.note(self.pipeline.changes());
        }
    }

    fn drain(&mut self, watch: &mut dyn FnMut(&Arc<Alert>)) -> usize {
        let Self {
            capture,
            pipeline,
            delivery,
            recorder,
            ..
        } = self;
        let mut raise = |alert: Alert| {
            let alert = Arc::new(alert);
            watch(&alert);
            delivery.send(&alert);
        };
        capture.drain(BATCH, &mut |record| {
            pipeline.record(record, &mut raise);
            // Behind the walk: what the record asked for is known by then.
            if let Some(recorder) = recorder {
                recorder.record(pipeline.state_mut(), record);
            }
        })
    }

    /// Puts other rules in force between two records.
    ///
    /// # Errors
    /// When a program that the new rules need cannot be attached; the old
    /// rules then stay.
    pub(in crate::cli) fn set_rules(
        &mut self,
        rules: &RuleSet,
        config: &Config,
    ) -> anyhow::Result<()> {
        let wanted = wanted(rules, self.capture.way() == Way::Each).union(self.always);
        self.capture
            .set_wanted(wanted.kinds, wanted.calls)
            .context("cannot capture what the new rules need")?;
        self.capture
            .set_beyond(wanted.operations, wanted.messages)
            .context("cannot capture what the new rules need")?;
        self.pipeline
            .set_engine(Engine::new(rules, config.rule_matching));
        self.rules = rules.clone();
        Ok(())
    }

    /// The account so far.
    pub(in crate::cli) fn report(&self) -> anyhow::Result<Report> {
        Ok(self.report_of(&self.counters()?))
    }

    /// Everything that is counted, for who asks over HTTP.
    pub(super) fn numbers(&self) -> anyhow::Result<Numbers> {
        let in_force = self.rules.rules.iter();
        let mut rules: BTreeMap<_, _> = in_force.map(|rule| (Arc::clone(&rule.name), 0)).collect();
        let hits = self.pipeline.hits().iter();
        rules.extend(hits.map(|(rule, alerts)| (Arc::clone(rule), *alerts)));
        let costs = self.pipeline.costs().rules().iter();
        let health = self.delivery.status().into_iter();
        Ok(Numbers {
            costs: costs
                .map(|(rule, cost)| (Arc::clone(rule), *cost))
                .collect(),
            report: self.report()?,
            rules: rules.into_iter().collect(),
            in_force: self.rules.rules.len(),
            health: health
                .map(|status| (status.output, status.health))
                .collect(),
            lag_ns: self.lag_ns,
            now_ns: now_ns(),
        })
    }

    fn report_of(&self, counters: &Counters) -> Report {
        Report {
            events: self.pipeline.account(counters),
            processes: self.pipeline.state().account(),
            alerts: self.pipeline.alerts(),
            rules: self.pipeline.rules(),
            outputs: self.delivery.accounts(),
        }
    }

    /// The kernel's counters so far.
    pub(in crate::cli) fn counters(&self) -> anyhow::Result<Counters> {
        let counters = self.capture.counters();
        counters.context("cannot read the kernel's counters")
    }

    /// What waits for each output, and how it fares.
    pub(in crate::cli) fn outputs(&self) -> Vec<OutputStatus> {
        self.delivery.status()
    }

    /// What grouping holds back.
    pub(in crate::cli) fn held_back(&self) -> HeldBack {
        self.pipeline.held_back()
    }

    /// Has an output, or all, do something; gives how many were asked.
    pub(in crate::cli) fn ask_outputs(&self, errand: Errand, output: Option<&str>) -> usize {
        self.delivery.ask(errand, output)
    }

    /// How far the recording is, if there is one.
    pub(in crate::cli) fn progress(&self) -> Option<Progress> {
        self.recorder.as_ref().map(Recorder::progress)
    }

    /// Detaches, takes what is still in the ring through the walk, flushes the
    /// outputs and the recording, and gives the final account. The outputs end
    /// within `deadline`; a recording takes as long as its disk does.
    ///
    /// # Errors
    /// When the kernel's counters cannot be read.
    pub(in crate::cli) fn finish(
        mut self,
        deadline: Duration,
        watch: &mut dyn FnMut(&Arc<Alert>),
    ) -> anyhow::Result<Ended> {
        let end = Instant::now() + deadline.saturating_sub(TEARDOWN);
        self.capture.detach();
        while self.drain(watch) > 0 && Instant::now() < end {}
        let delivery = &self.delivery;
        self.pipeline.finish(&mut |alert| {
            let alert = Arc::new(alert);
            watch(&alert);
            delivery.send(&alert);
        });
        self.keep_held();
        let counters = self.counters()?;
        let look = self.look(&counters);
        if let Some(loss) = self.losses.look(look, Instant::now(), true)
            && let Err(error) = self.tell_loss(&loss, watch)
        {
            tracing::warn!("{error:#}");
        }
        let mut report = self.report_of(&counters);
        report.outputs = self
            .delivery
            .shutdown(end.saturating_duration_since(Instant::now()));
        // Only now the outputs have what was told last.
        drop(self.held);
        let finish = |recorder: Recorder| recorder.finish(recording::End::of(&counters));
        Ok(Ended {
            report,
            recording: self.recorder.map(finish),
            counters,
        })
    }
}

/// Has what is held back kept on the disk, where alerts are, and sends what an earlier
/// run held.
fn hold(spools: &Path, outputs: &[OutputConfig], delivery: &Delivery) -> Option<Held> {
    let names = outputs.iter().map(|output| output.name().to_owned());
    match Held::open(spools, names.collect()) {
        Ok((held, left)) => {
            let told = left.iter().map(|alert| Change::Told(alert.id)).collect();
            for alert in left {
                delivery.send(&Arc::new(alert));
            }
            held.note(told);
            Some(held)
        }
        Err(why) => {
            let directory = spools.display();
            tracing::warn!(%directory, %why, "what grouping holds back is lost when the sensor is killed");
            None
        }
    }
}

/// Nanoseconds since the Unix epoch.
fn now_ns() -> u64 {
    let now = jiff::Timestamp::now().as_nanosecond();
    u64::try_from(now).unwrap_or_default()
}

/// What is captured while these rules are in force and calls are hooked that way: what
/// they need, and every kind where nothing can be attached later, because an edited
/// rule may want any of it.
pub(in crate::cli) fn wanted(rules: &RuleSet, each: bool) -> Wanted {
    let needed = Wanted::by(rules);
    if each && !privileges::can_attach_later() {
        needed.union(Wanted::usual())
    } else {
        needed
    }
}
