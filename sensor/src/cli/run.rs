//! `sensor run`: watch this machine, or one command under `--`.
//!
//! Everything a person wrote is checked before anything starts. Then the walk
//! runs on this thread until a signal, or the end of the command, asks it to
//! drain and flush.

pub(in crate::cli) mod command;
pub(in crate::cli) mod control;
mod desk;
mod losses;
mod numbers;
mod reload;
mod session;

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use anyhow::Context;
use tokio::sync::oneshot;

pub(in crate::cli) use control::Ask;
pub(in crate::cli) use desk::is_trusted;
pub(in crate::cli) use reload::Reply;
pub(in crate::cli) use session::{Ended, Plan, Session, wanted};

use self::command::Verdict;
use self::control::{Answer, Control};
use self::desk::Desk;
use self::reload::{InForce, Reloader};
use super::wanted::Wanted;
use super::{EXIT_OK, Failure};

use crate::alert::Priority;
use crate::config::{self, Config, HookChoice};
use crate::detect::rules::watch::Seen;
use crate::detect::rules::{self, Loaded, Pack, Report, Study};
use crate::diagnostic::Diagnostic;
use crate::metrics::server::{Door, Server};
use crate::shipped;

/// Flags of `sensor run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sensor run
  sensor run -c /etc/sensor/sensor.yaml -r /etc/sensor/rules -r local.yaml
  sensor run --pack stable --pack strict
  sensor run -o priority=warning -o capture.ring_mib=64
  sensor run --fail-on warning -- make test
  sensor run --record day.rec    alerts, and a recording to try other rules on

Signals:
  SIGTERM, SIGINT  drain, flush, print the account, end
  SIGHUP           load the rules again (`sensor rules reload` also says how it went)
  SIGUSR1          print the account (`sensor account` asks for it)")]
pub struct Args {
    #[command(flatten)]
    pub(super) input: Input,
    /// End with code 120 when COMMAND raises an alert this serious or more
    #[arg(long, value_name = "PRIORITY", value_parser = priority, requires = "command")]
    fail_on: Option<Priority>,
    /// Record everything captured to FILE as well, for `sensor replay`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Watch only while this command runs, and end with its code
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// What a person gives to configure a run; `check` validates the same.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Input {
    /// Configuration file; without it every key has its default
    #[arg(short, long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Rule file or directory, in place of the configuration's; may be repeated
    #[arg(short, long, value_name = "PATH")]
    pub(super) rules: Vec<PathBuf>,
    /// Choose a pack of rules, in place of the configuration's: stable, strict,
    /// ci or kubernetes; may be repeated
    #[arg(long = "pack", value_name = "NAME", value_parser = pack)]
    pub(super) packs: Vec<Pack>,
    /// Set one configuration key; may be repeated
    #[arg(short = 'o', long = "option", value_name = "KEY=VALUE")]
    pub(super) options: Vec<String>,
}

fn priority(word: &str) -> Result<Priority, String> {
    let all = || Priority::ALL.map(|p| p.name().to_lowercase()).join(", ");
    Priority::parse(word).ok_or_else(|| format!("one of {}", all()))
}

fn pack(word: &str) -> Result<Pack, String> {
    Pack::parse(word).ok_or_else(|| format!("one of {}", Pack::ALL.map(Pack::name).join(", ")))
}

impl Input {
    /// Reads configuration and rules, to study the rules; every mistake in either.
    /// Rule files given as arguments stand for those of `--rules` and the
    /// configuration.
    pub(super) fn study(&self, files: &[PathBuf]) -> Result<(Config, Study), Vec<Diagnostic>> {
        let mut config = self.config()?;
        let given: Vec<PathBuf> = files.iter().chain(&self.rules).cloned().collect();
        if !given.is_empty() {
            config.rules_files = given;
        }
        let mut options = config.load_options();
        options.today = Some(today());
        let study = if options.paths.is_empty() {
            rules::study_texts(shipped::RULES, &options)?
        } else {
            rules::study(&options)?
        };
        Ok((config, study))
    }

    /// Reads configuration and rules; every mistake in either.
    pub(super) fn load(&self) -> Result<(Config, Loaded), Vec<Diagnostic>> {
        let config = self.config()?;
        let loaded = load_rules(&config)?;
        Ok((config, loaded))
    }

    /// Reads the configuration; every mistake in it.
    pub(super) fn config(&self) -> Result<Config, Vec<Diagnostic>> {
        let mut config = config::load(self.config.as_deref(), &self.options)?;
        self.choose(&mut config);
        Ok(config)
    }

    /// Puts what the command line chooses in place of what the configuration does.
    pub(super) fn choose(&self, config: &mut Config) {
        if !self.rules.is_empty() {
            config.rules_files.clone_from(&self.rules);
        }
        if !self.packs.is_empty() {
            config.packs.clone_from(&self.packs);
        }
    }
}

/// The day it is, in UTC.
pub(super) fn today() -> jiff::civil::Date {
    let now = jiff::Timestamp::now();
    now.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// The rules the configuration names, or those this program carries.
pub(super) fn load_rules(config: &Config) -> Result<Loaded, Vec<Diagnostic>> {
    check_rules(config).loaded()
}

/// The same, with all that is to be said of them.
pub(super) fn check_rules(config: &Config) -> Report {
    let mut options = config.load_options();
    options.today = Some(today());
    let mut report = if options.paths.is_empty() {
        rules::check_texts(shipped::RULES, &options)
    } else {
        rules::check(&options)
    };
    if report.is_sound() && report.rules.rules.is_empty() {
        // Not a mistake, but nobody should be blind without knowing it.
        let blind = Diagnostic::warning("LOAD_NO_RULES", "no rule is in force: nothing can alert");
        let help = "check the paths of the rules, their `enabled`, and the configured `priority`";
        report.diagnostics.push(blind.help(help));
    }
    report
}

/// Runs until it is told to stop.
pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let mut config = args.input.config()?;
    // Taken first: what is edited while the rules are loaded is an edit.
    let watched = config.watch_config_files && !config.rules_files.is_empty();
    let seen = watched.then(|| Seen::now(&config.rules_files));
    let loaded = load_rules(&config)?;
    let in_ci = !args.command.is_empty();
    if in_ci {
        config.alerts_on_stderr();
    }
    super::log::start(&config.log);
    super::show(&loaded.diagnostics);

    let signals = control::catch()?;
    let watching = announce(&config, &loaded);
    let door = open_door(&config)?;
    let record = args.record.as_deref();
    let plan = Plan {
        config: &config,
        rules: &loaded.rules,
        outputs: &config.outputs(),
        // A recording is for rules that do not exist yet.
        wanted: if record.is_some() {
            Wanted::usual()
        } else {
            wanted(&loaded.rules, config.capture.hook == HookChoice::Each)
        },
        draft: record.map(super::record::create).transpose()?,
    };
    let (session, (command, desk)) = Session::start(plan, |state| {
        let desk = open_desk(&config);
        let command = in_ci.then(|| command::start(&args.command)).transpose()?;
        if let Some(command) = &command {
            state.follow(command.id());
        }
        Ok((command, desk))
    })?;
    // Privileges are a thread's own: every thread starts after they are dropped.
    let (requests, inbox) = channel();
    control::listen(signals, requests.clone())?;
    let reloader = Reloader::start(&config, seen.as_ref(), &requests, load_rules)?;
    let endpoint = door
        .map(|door| serve_numbers(door, requests.clone()))
        .transpose()?;
    let sign = desk.map(|desk| desk.serve(requests.clone())).transpose()?;
    let command = command
        .map(|command| command::wait(command, requests))
        .transpose()?;
    tracing::info!("{watching}");
    let mut running = Running {
        session,
        command,
        reloader,
        in_force: InForce::now(&loaded, &config),
        verdict: Verdict::default(),
    };
    // What went wrong is told after what was found is delivered.
    let status = running.watch(&config, &inbox);
    drop(sign);
    if let Some(endpoint) = &endpoint {
        endpoint.ending();
    }
    let verdict = running.finish(Duration::from_secs(config.shutdown_timeout_s))?;
    let Some(status) = status? else {
        return Ok(EXIT_OK);
    };
    anstream::eprint!("{}", verdict.summary(args.fail_on));
    Ok(verdict.code(args.fail_on, status))
}

/// A sensor at work and what it answers to.
struct Running {
    session: Session,
    /// The command under the sensor, in CI mode.
    command: Option<u32>,
    reloader: Reloader,
    in_force: InForce,
    /// Stays empty outside CI mode.
    verdict: Verdict,
}

impl Running {
    /// Takes records through the walk and does, between two batches, what is
    /// asked. Gives the command's status when it ended that way.
    fn watch(
        &mut self,
        config: &Config,
        inbox: &Receiver<Control>,
    ) -> anyhow::Result<Option<ExitStatus>> {
        loop {
            while let Ok(request) = inbox.try_recv() {
                match request {
                    // The command decides when it is over: it is told, and waited for.
                    Control::Stop if self.command.is_some() => command::end(self.command),
                    Control::Stop => return Ok(None),
                    Control::CommandEnded(ended) => {
                        return ended
                            .map(Some)
                            .context("cannot learn how the command ended");
                    }
                    Control::Account => self.account()?,
                    Control::Reload => drop(self.reloader.ask(None)),
                    Control::Ask(ask, answer) => self.answer(ask, answer),
                    Control::Numbers(answer) => {
                        let numbers = self.session.numbers()?;
                        // Who asked may have gone.
                        let _ = answer.send(Box::new(move || numbers.families()));
                    }
                    Control::Rules(loaded, answers) => {
                        let reply = self.put_in_force(loaded, config);
                        for answer in answers {
                            // Who asked may have gone.
                            let _ = answer.send(reply.clone());
                        }
                    }
                }
            }
            self.reloader.look();
            let (verdict, in_ci) = (&mut self.verdict, self.command.is_some());
            self.session.step(&mut |alert| verdict.see(alert, in_ci))?;
        }
    }

    fn account(&self) -> anyhow::Result<()> {
        anstream::eprintln!("{}", self.session.report()?);
        if let Some(progress) = self.session.progress() {
            anstream::eprintln!("  {}", super::record::summary(&progress));
        }
        Ok(())
    }

    /// The account for those who ask at the control socket.
    fn told(&self) -> Reply {
        self.session.report().map_or_else(
            |error| desk::refusal(&format!("{error:#}")),
            |report| Reply {
                ok: true,
                message: report.to_string(),
                account: report.to_json(),
                ..Reply::default()
            },
        )
    }

    fn answer(&self, ask: Ask, answer: Answer) {
        let (answer, reply) = match ask {
            // Answered when the rules are loaded.
            Ask::Reload => match self.reloader.ask(Some(answer)) {
                None => return,
                Some(answer) => (
                    answer,
                    desk::refusal("other reloads are waiting; try again"),
                ),
            },
            Ask::Account => (answer, self.told()),
            Ask::List => {
                let in_force = self.in_force.clone();
                let reply = Reply {
                    ok: true,
                    in_force,
                    ..Reply::default()
                };
                (answer, reply)
            }
            Ask::Queue => {
                let reply = Reply {
                    ok: true,
                    message: super::queue::held_back(self.session.held_back()),
                    outputs: self.session.outputs(),
                    ..Reply::default()
                };
                (answer, reply)
            }
            Ask::Errand(errand, output) => {
                let asked = self.session.ask_outputs(errand, output.as_deref());
                let reply = match (asked, output) {
                    (0, Some(output)) => desk::refusal(&format!("no output is named `{output}`")),
                    (asked, _) => Reply {
                        ok: true,
                        message: format!(
                            "{asked} output(s) asked; `sensor queue` shows what comes of it"
                        ),
                        ..Reply::default()
                    },
                };
                (answer, reply)
            }
        };
        // Who asked may have gone.
        let _ = answer.send(reply);
    }

    /// Puts rules in force, all of them or none, and says what became of it.
    fn put_in_force(&mut self, loaded: Result<Loaded, Vec<Diagnostic>>, config: &Config) -> Reply {
        let (ok, message, diagnostics) = match loaded {
            Err(mistakes) => {
                let message = "the edited rules are broken, the old ones stay in force";
                (false, message.to_owned(), mistakes)
            }
            Ok(loaded) => {
                if let Err(error) = self.session.set_rules(&loaded.rules, config) {
                    let message = format!("the old rules stay in force: {error:#}");
                    (false, message, loaded.diagnostics)
                } else {
                    self.in_force = InForce::now(&loaded, config);
                    let rules = loaded.rules.rules.len();
                    let message = format!("the edited rules are in force: {rules} rule(s)");
                    (true, message, loaded.diagnostics)
                }
            }
        };
        super::show(&diagnostics);
        if ok {
            tracing::info!("{message}");
        } else {
            tracing::error!("{message}");
        }
        Reply {
            ok,
            message,
            diagnostics: reload::said(&diagnostics),
            in_force: self.in_force.clone(),
            ..Reply::default()
        }
    }

    /// Drains, flushes and prints the final account.
    fn finish(mut self, deadline: Duration) -> anyhow::Result<Verdict> {
        let (verdict, in_ci) = (&mut self.verdict, self.command.is_some());
        let ended = self
            .session
            .finish(deadline, &mut |alert| verdict.see(alert, in_ci))?;
        anstream::eprintln!("{}", ended.report);
        if let Some(recording) = ended.recording {
            let progress = recording.context("the recording has no end")?;
            anstream::eprintln!("  {}", super::record::summary(&progress));
        }
        Ok(self.verdict)
    }
}

/// Binds the control socket where the configuration wants one. A sensor
/// without one watches as well; SIGHUP reaches it.
fn open_desk(config: &Config) -> Option<Desk> {
    let directory = &config.control_directory;
    if directory.as_os_str().is_empty() {
        return None;
    }
    let desk = Desk::open(directory);
    desk.inspect_err(|error| {
        let directory = directory.display();
        tracing::info!(%error, %directory, "no control socket: `sensor rules` and `sensor account` cannot reach this sensor");
    })
    .ok()
}

/// Binds the address of the metrics where the configuration wants one. Somebody
/// counts on it, so a sensor that cannot have it does not start.
fn open_door(config: &Config) -> anyhow::Result<Option<Door>> {
    let Some(address) = config.metrics.address() else {
        return Ok(None);
    };
    Door::open(address)
        .with_context(|| format!("cannot listen for metrics on {address}"))
        .map(Some)
}

/// Answers there from now on with what the walk says.
fn serve_numbers(door: Door, requests: Sender<Control>) -> anyhow::Result<Server> {
    let ask = move || {
        let (answer, answered) = oneshot::channel();
        requests.send(Control::Numbers(answer)).ok()?;
        Some(answered)
    };
    let endpoint = door.serve(Box::new(ask)).context("cannot tell metrics")?;
    tracing::info!(address = %endpoint.address(), "metrics and health are told over HTTP");
    Ok(endpoint)
}

/// The line that says what this sensor does.
fn announce(config: &Config, loaded: &Loaded) -> String {
    let outputs = config.outputs();
    let names: Vec<&str> = outputs
        .iter()
        .map(crate::deliver::OutputConfig::name)
        .collect();
    format!(
        "watching with {} rule(s), alerts go to {}",
        loaded.rules.rules.len(),
        names.join(", ")
    )
}
