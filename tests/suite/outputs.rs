//! Every output against a receiver that misbehaves in every documented way.
//!
//! Each test ends by checking the account: raised = delivered + failed + queued.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sensor::alert::{Alert, Priority};
use sensor::deliver::{Delivery, OutputConfig};
use sensor::metrics::OutputAccount;
use serde_json::json;
use uuid::Uuid;

#[cfg(feature = "amqp")]
#[path = "outputs/amqp.rs"]
mod amqp;
#[path = "outputs/azure.rs"]
mod azure;
#[cfg(feature = "cloudwatch")]
#[path = "outputs/cloudwatch.rs"]
mod cloudwatch;
#[path = "outputs/file.rs"]
mod file;
#[path = "outputs/fluentd.rs"]
mod fluentd;
#[path = "outputs/gcp.rs"]
mod gcp;
#[path = "outputs/intakes.rs"]
mod intakes;
#[path = "outputs/isolation.rs"]
mod isolation;
#[cfg(feature = "kafka")]
#[path = "outputs/kafka.rs"]
mod kafka;
#[path = "outputs/local.rs"]
mod local;
#[path = "outputs/mail.rs"]
mod mail;
#[cfg(feature = "mqtt")]
#[path = "outputs/mqtt.rs"]
mod mqtt;
#[cfg(feature = "nats")]
#[path = "outputs/nats.rs"]
mod nats;
#[path = "outputs/postfix.rs"]
mod postfix;
#[path = "outputs/proxy.rs"]
mod proxy;
#[path = "outputs/received.rs"]
mod received;
#[path = "outputs/splunk.rs"]
mod splunk;
#[path = "outputs/syslog.rs"]
mod syslog;
#[path = "outputs/template.rs"]
mod template;
#[path = "outputs/tls.rs"]
mod tls;
#[path = "outputs/webhook.rs"]
mod webhook;

/// Retries that do not keep a test waiting.
const FAST: &str = "retry: {initial_ms: 1, max_ms: 5, blocked_ms: 5}";

/// How long a condition may take to come true on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Says that a real receiver is not there to test against; in continuous
/// integration, where all are, that is a failure.
fn missing(package: &str) {
    assert!(std::env::var_os("CI").is_none(), "{package} is missing");
    println!("not tested against {package}: it is not installed");
}

/// The Python environment that holds receivers written in it, which the step `receivers`
/// of `cargo xtask test` makes and names; without it, says so.
fn receivers() -> Option<PathBuf> {
    let environment = std::env::var_os("SENSOR_RECEIVERS").map(PathBuf::from);
    if environment.is_none() {
        println!("not tested here: `cargo xtask test --only receivers` does it");
    }
    environment
}

/// A server of this machine, ended by its own pid.
struct Daemon(Child);

impl Daemon {
    /// Starts it, as silent as it may be.
    fn start(command: &mut Command) -> Self {
        let silent = command.stdout(Stdio::null()).stderr(Stdio::null());
        Self(silent.spawn().unwrap())
    }

    /// Starts a program that is to listen on this port, and waits until it does;
    /// or says that it is missing.
    #[cfg(any(feature = "mqtt", feature = "nats"))]
    fn listening(program: &str, arguments: &[&str], port: u16) -> Option<Self> {
        if !std::path::Path::new(program).exists() {
            missing(program);
            return None;
        }
        let daemon = Self::start(Command::new(program).args(arguments));
        eventually(&format!("{program} listens"), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A port of this machine that is free at the moment.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A fresh alert of this rule.
fn alert_of(rule: &str, priority: Priority) -> Arc<Alert> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    numbered(rule, priority, NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The alert of this number: its id depends on nothing else.
pub(crate) fn numbered(rule: &str, priority: Priority, number: u64) -> Arc<Alert> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let message = format!("Something happened (n={number})");
    let fields = json!({"evt.time": 1, "proc.cmdline": "cat /etc/shadow", "proc.tty": null});
    Arc::new(Alert {
        id: Uuid::from_u128(u128::from(number)),
        time_ns: u64::try_from(now.as_nanos()).unwrap(),
        rule: rule.into(),
        priority,
        source: "syscall".into(),
        tags: ["T1003".into(), "files".into()].into(),
        hostname: "node1".into(),
        output: format!("04:00:00.000000000: {} {message}", priority.name()),
        message,
        output_fields: fields.as_object().unwrap().clone(),
        evidence: serde_json::Map::new(),
        outputs: sensor::alert::Outputs::default(),
        pid: 1,
        in_command_tree: false,
        json: sensor::alert::JsonOptions::default(),
    })
}

fn alert() -> Arc<Alert> {
    alert_of("Read credential file", Priority::Warning)
}

/// Sends `n` fresh alerts; returns their uuids.
fn send(delivery: &Delivery, n: usize) -> Vec<String> {
    let mut sent = Vec::new();
    for _ in 0..n {
        let alert = alert();
        delivery.send(&alert);
        sent.push(alert.id.to_string());
    }
    sent
}

pub(crate) fn outputs(yaml: &str) -> Vec<OutputConfig> {
    serde_yaml::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

/// Starts one output of this configuration.
fn start(yaml: &str) -> Delivery {
    Delivery::start(&outputs(&format!("[{{{yaml}}}]")), None).unwrap()
}

/// The only output's account, checked to balance.
fn account(delivery: &Delivery) -> OutputAccount {
    let [(_, account)] = &delivery.accounts()[..] else {
        panic!("one output was started");
    };
    assert!(account.balances(), "{account:?}");
    *account
}

/// Waits until the output has gone wrong with these words, and nothing is given up.
fn complains(delivery: &Delivery, words: &str) {
    eventually(words, || {
        let error = delivery.status()[0].health.last_error.clone();
        error.is_some_and(|(_, why)| why.contains(words))
    });
    assert_eq!(account(delivery).failed(), 0);
}

/// Stops an output that has nothing left to do; returns its account.
fn finish(delivery: Delivery) -> OutputAccount {
    let [(_, account)] = delivery.shutdown(PATIENCE)[..] else {
        panic!("one output was started");
    };
    assert!(account.balances() && account.queued == 0, "{account:?}");
    account
}
