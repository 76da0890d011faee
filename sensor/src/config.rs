//! The YAML file `sensor.yaml` in, a checked [`Config`] out, or every mistake in it.
//!
//! The structs here are the reference: their doc comments become the manual
//! (`sensor config`), and the schema derived from them finds unknown keys and
//! wrong types with their places. Keys that mean what Falco's mean carry
//! Falco's names.

mod check;
mod discretion;
mod grouping;
mod overrides;
mod redaction;
mod reference;
mod routing;
mod rules;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alert::{AlertOptions, Grouper, JsonOptions, Priority, Routes};
use crate::deliver::{OutputConfig, OutputKind, terminal};
use crate::detect::engine::Matching;
use crate::detect::rules::{AppendOutput, LoadOptions, Pack};
use crate::diagnostic::{Diagnostic, Severity, SourceFile};
use crate::fields::Statics;
use crate::yaml;

pub use grouping::GroupingConfig;
pub use redaction::{Action, Choice as DetectorChoice, Profile, RedactionConfig};
pub use reference::reference;
pub use rules::{Choice, RuleCommand};

/// Configuration of the sensor. Every key may be left out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent switch of the file"
)]
pub struct Config {
    /// Rule files and directories, loaded in this order. A directory gives its
    /// `*.yaml` and `*.yml` files sorted by name. Empty: the rules shipped in
    /// the program. `-r` on the command line replaces the list.
    pub rules_files: Vec<PathBuf>,
    /// Watch the rule files and load them again when they change. A broken
    /// edit keeps the rules in force and says so. SIGHUP does the same at once.
    pub watch_config_files: bool,
    /// The directory in which a running sensor listens for `sensor rules` on a
    /// socket of its own, `PID.sock`. It is made if it is not there, and only
    /// its owner and root may speak to the sensor. Empty: it listens nowhere.
    pub control_directory: PathBuf,
    /// Rules less severe than this are not evaluated: emergency, alert,
    /// critical, error, warning, notice, informational or debug.
    pub priority: Priority,
    /// Whether an event raises the first rule that is true, or all of them.
    pub rule_matching: Matching,
    /// Which packs of rules are in force; a rule is in those that its tags
    /// name, as in `pack_stable`, and a rule in none of them always is. `--pack`
    /// on the command line replaces the list.
    pub packs: Vec<Pack>,
    /// Switches rules on and off, one command after the other, whatever the
    /// files say: `- enable: {rule: "SSH*"}`, `- disable: {tag: network}`. On
    /// the command line: `-o rules[].disable.tag=network`.
    pub rules: Vec<RuleCommand>,
    /// Additions to the outputs of rules, each for the rules its `match` fits:
    /// `- match: {tags: [network]}`, then `extra_output: "pid=%proc.pid"`,
    /// `extra_fields: [proc.pid, {who: "%user.name"}]` or `suggested_output: true`.
    pub append_output: Vec<AppendOutput>,
    /// Constants that rules may use as fields, `static.KEY`: `{env: prod}`
    /// makes `static.env`.
    pub static_fields: BTreeMap<String, String>,
    /// Time in alert lines as UTC in ISO 8601 instead of local time of day.
    pub time_format_iso_8601: bool,
    /// Include the text line, `output`, in JSON alerts.
    pub json_include_output_property: bool,
    /// Include the message without time and priority, `message`, in JSON alerts.
    pub json_include_message_property: bool,
    /// Include the field values, `output_fields`, in JSON alerts.
    pub json_include_output_fields_property: bool,
    /// Include the rule's tags, `tags`, in JSON alerts.
    pub json_include_tags_property: bool,
    /// What the kernel side may use.
    pub capture: CaptureConfig,
    /// What to do when the kernel had no room for an event, or it got lost on its
    /// way otherwise.
    pub syscall_event_drops: DropsConfig,
    /// What the sensor remembers of processes.
    pub processes: ProcessesConfig,
    /// How many alerts leave when the same happens again and again.
    pub grouping: GroupingConfig,
    /// What is taken out of alerts and recordings before anything is written:
    /// secrets, unless told otherwise.
    pub redaction: RedactionConfig,
    /// The sensor's own log, on standard error. Alerts do not go there.
    pub log: LogConfig,
    /// How long the sensor may take at its end to drain the kernel's buffer
    /// and flush its outputs, in seconds, 1 to 60.
    #[schemars(range(min = 1, max = 60))]
    pub shutdown_timeout_s: u64,
    /// The directory below which outputs keep the alerts their receivers do not
    /// have yet, each in one of its own, so that the end of the sensor loses none.
    /// It is made if it is not there. Empty: all alerts wait in memory.
    pub spool_directory: PathBuf,
    /// Metrics for Prometheus, and health, over HTTP.
    pub metrics: MetricsConfig,
    /// Where alerts go. Empty: the terminal.
    pub outputs: Vec<OutputConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rules_files: Vec::new(),
            watch_config_files: true,
            control_directory: PathBuf::from("/run/sensor"),
            priority: Priority::Debug,
            rule_matching: Matching::First,
            packs: vec![Pack::Stable],
            rules: Vec::new(),
            append_output: Vec::new(),
            static_fields: BTreeMap::new(),
            time_format_iso_8601: false,
            json_include_output_property: true,
            json_include_message_property: false,
            json_include_output_fields_property: true,
            json_include_tags_property: true,
            capture: CaptureConfig::default(),
            syscall_event_drops: DropsConfig::default(),
            processes: ProcessesConfig::default(),
            grouping: GroupingConfig::default(),
            redaction: RedactionConfig::default(),
            log: LogConfig::default(),
            shutdown_timeout_s: 5,
            spool_directory: PathBuf::from("/var/lib/sensor/spool"),
            metrics: MetricsConfig::default(),
            outputs: Vec::new(),
        }
    }
}

impl Config {
    /// The outputs alerts go to: those configured, else the terminal.
    pub fn outputs(&self) -> Vec<OutputConfig> {
        if self.outputs.is_empty() {
            vec![OutputConfig::new(OutputKind::Terminal(
                terminal::Config::default(),
            ))]
        } else {
            self.outputs.clone()
        }
    }

    /// Where alerts wait on the disk, if they do.
    pub fn spools(&self) -> Option<&Path> {
        let directory = self.spool_directory.as_path();
        (!directory.as_os_str().is_empty()).then_some(directory)
    }

    /// Keeps standard output free for the command that runs under the sensor.
    pub fn alerts_on_stderr(&mut self) {
        self.outputs = self.outputs();
        for output in &mut self.outputs {
            if let OutputKind::Terminal(terminal) = &mut output.kind {
                terminal.stream = terminal::Stream::Stderr;
            }
        }
    }

    /// What the rule loader needs to know.
    pub fn load_options(&self) -> LoadOptions {
        LoadOptions {
            paths: self.rules_files.clone(),
            min_priority: self.priority,
            packs: Some(self.packs.clone()),
            selectors: self.rules.iter().flat_map(RuleCommand::selectors).collect(),
            append_output: self.append_output.clone(),
            statics: Statics::new(self.static_fields.clone()),
            ..LoadOptions::default()
        }
    }

    /// What groups alerts; `None` where each leaves by itself.
    pub fn grouper(&self) -> Option<Grouper> {
        // Checked with the configuration, so no mistake is left here.
        let statics = Statics::new(self.static_fields.clone());
        let options = self.grouping.options(&statics).ok().flatten();
        options.map(Grouper::new)
    }

    /// What decides which outputs an alert is for; `None` where each takes all.
    pub fn routes(&self) -> Option<Arc<Routes>> {
        // Checked with the configuration, so no mistake is left here.
        let statics = Statics::new(self.static_fields.clone());
        let routes = routing::routes(&self.outputs, &statics).ok().flatten();
        routes.map(Arc::new)
    }

    /// How alerts are written.
    pub fn alert_options(&self) -> AlertOptions {
        AlertOptions {
            iso_8601: self.time_format_iso_8601,
            json: JsonOptions {
                output: self.json_include_output_property,
                message: self.json_include_message_property,
                fields: self.json_include_output_fields_property,
                tags: self.json_include_tags_property,
            },
            evidence: self.outputs.iter().any(OutputConfig::needs_evidence),
        }
    }
}

/// What the kernel side may use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CaptureConfig {
    /// Size of the ring buffer between kernel and sensor in MiB, a power of
    /// two from 1 to 1024. Larger rides out longer bursts.
    #[schemars(range(min = 1, max = 1024))]
    pub ring_mib: u32,
    /// How system calls are watched: `each`, every wanted call at a hook of its
    /// own, which costs other calls least; `all`, at one hook on every call, which
    /// also sees 32-bit calls; or `auto`, whichever suits the kernel, what is to be
    /// seen and how many calls the rules name at the start. Where
    /// `kernel.perf_event_paranoid` is above 2, `each` captures from the start on what
    /// rules put in force later might want.
    pub hook: HookChoice,
    /// Whether `auto` watches in the way that sees 32-bit calls where the kernel
    /// takes them. A 64-bit process can make them too, to go unseen.
    pub thirty_two_bit: bool,
    /// Bytes kept of what a call reads or writes, 0 to 4096: the most that
    /// `evt.buffer` and `evt.arg.data` show.
    #[schemars(range(max = 4096))]
    pub snap_length_bytes: u32,
}

impl Default for CaptureConfig {
    fn default() -> Self {
        Self {
            ring_mib: 16,
            hook: HookChoice::Auto,
            thirty_two_bit: true,
            snap_length_bytes: 80,
        }
    }
}

/// Metrics and health over HTTP: `/metrics`, `/healthz` and `/readyz`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// Address and port to listen on, such as `127.0.0.1:9090` or `[::1]:9090`. Whoever
    /// reaches it can read it: there is no login and no encryption. Empty: it listens
    /// nowhere.
    pub listen: String,
    /// Allow an address that other machines reach.
    pub allow_beyond_loopback: bool,
}

impl MetricsConfig {
    /// The address, if there is one.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listen.parse().ok()
    }

    /// What is wrong with it, and what would be right.
    fn check(&self) -> Option<(String, &'static str)> {
        if self.listen.is_empty() {
            return None;
        }
        let Some(address) = self.address() else {
            let message = format!("`{}` is no address with a port", self.listen);
            return Some((message, "as in `127.0.0.1:9090`: names are not looked up"));
        };
        let beyond = !address.ip().to_canonical().is_loopback() && !self.allow_beyond_loopback;
        beyond.then(|| {
            let message = format!("other machines reach {address}");
            (
                message,
                "`allow_beyond_loopback: true` beside it allows that",
            )
        })
    }
}

/// What to do about lost events.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DropsConfig {
    /// What is done, at most once in ten seconds: `log` says it in the sensor's own
    /// log, `alert` raises one alert of source `internal` through all outputs that
    /// names what was lost, where and when and which rules may have been blind,
    /// `exit` ends the sensor with code 2. Empty, or `ignore`: nothing, but the
    /// account names every loss.
    pub actions: Vec<DropAction>,
    /// The share of events that may get lost, 0 to 1, before anything is done.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f64,
}

impl Default for DropsConfig {
    fn default() -> Self {
        Self {
            actions: vec![DropAction::Log, DropAction::Alert],
            threshold: 0.0,
        }
    }
}

/// One thing to do about lost events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DropAction {
    /// Nothing.
    Ignore,
    /// Say it in the sensor's own log.
    Log,
    /// Raise an alert.
    Alert,
    /// End the sensor.
    Exit,
}

/// Ways to watch system calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HookChoice {
    /// As suits.
    Auto,
    /// Each wanted call at its own hook.
    Each,
    /// All at one hook.
    All,
}

/// What the sensor remembers of processes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessesConfig {
    /// Most processes remembered, those that ended not long ago included,
    /// 1024 to 1048576. About 1 KiB each.
    #[schemars(range(min = 1024, max = 1_048_576))]
    pub capacity: usize,
}

impl Default for ProcessesConfig {
    fn default() -> Self {
        Self { capacity: 65_536 }
    }
}

/// The sensor's own log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Least severe message shown: error, warn, info, debug or trace.
    pub level: LogLevel,
    /// Plain lines for people, or one JSON object per line.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            format: LogFormat::Text,
        }
    }
}

/// Levels of the sensor's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the five levels everyone knows")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Forms of the sensor's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The JSON Schema of `sensor.yaml`, from the structs that read it.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}

/// Reads the configuration file, if one is given, and applies the `-o`
/// overrides to it in order.
///
/// # Errors
/// Every mistake in the file and in the overrides.
pub fn load(path: Option<&Path>, overrides: &[String]) -> Result<Config, Vec<Diagnostic>> {
    let (name, text) = match path {
        None => ("<no configuration file>".to_owned(), String::new()),
        Some(path) => (path.display().to_string(), read(path)?),
    };
    parse(&name, &text, overrides)
}

/// Checks a configuration text. Total: any text gives a configuration or diagnostics.
///
/// # Errors
/// Every mistake in the text and in the overrides.
pub fn parse(name: &str, text: &str, overrides: &[String]) -> Result<Config, Vec<Diagnostic>> {
    let file = SourceFile::new(name, text);
    checked(&file, overrides).map_err(|mut mistakes| {
        discretion::hide_values(&file, &mut mistakes);
        mistakes
    })
}

fn checked(file: &Arc<SourceFile>, overrides: &[String]) -> Result<Config, Vec<Diagnostic>> {
    let schema = schema();
    let mut mistakes = check::check(file, &schema);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut value = serde_yaml::from_str(&file.text).map_err(|e| vec![refused(file, &e)])?;
    for text in overrides {
        mistakes.extend(overrides::apply(&mut value, text, &schema));
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let config = from_value(value).map_err(|e| vec![refused(file, &e)])?;
    let mistakes = check::semantics(&config, file);
    if mistakes.is_empty() {
        Ok(config)
    } else {
        Err(mistakes)
    }
}

fn from_value(value: serde_yaml::Value) -> Result<Config, serde_yaml::Error> {
    if value.is_null() {
        Ok(Config::default())
    } else {
        serde_yaml::from_value(value)
    }
}

fn read(path: &Path) -> Result<String, Vec<Diagnostic>> {
    let bytes = yaml::read(path).map_err(|error| vec![unreadable(path, &error.to_string())])?;
    String::from_utf8(bytes)
        .map_err(|error| vec![unreadable(path, &format!("it is not UTF-8 text: {error}"))])
}

fn unreadable(path: &Path, why: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "CONFIG_READ",
        message: format!("cannot read {}: {why}", path.display()),
        place: None,
        related: Vec::new(),
        help: Some("give the path of a readable YAML file with -c".to_owned()),
        as_read: None,
    }
}

/// What serde refused although the schema let it pass.
fn refused(file: &Arc<SourceFile>, error: &serde_yaml::Error) -> Diagnostic {
    let at = error
        .location()
        .map_or(0, |l| l.index().min(file.text.len()));
    Diagnostic {
        severity: Severity::Error,
        code: "CONFIG_VALUE",
        message: error.to_string(),
        place: Some(crate::diagnostic::Place {
            file: Arc::clone(file),
            range: at..at,
        }),
        related: Vec::new(),
        help: Some("`sensor config` lists every key with its meaning and default".to_owned()),
        as_read: None,
    }
}
