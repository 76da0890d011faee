//! A sensor that is killed again and again while alerts flow.

#[cfg(feature = "kafka")]
#[path = "kafka.rs"]
mod kafka;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use sensor::alert::Priority;
use sensor::deliver::Delivery;
use serde_json::Value;

use super::{ALERTS, BURST, DIRECTORY, only, process};
use crate::outputs::{PATIENCE, eventually, numbered, outputs};
use crate::stand_in::gate::{self, Fault, Faults, Server};

/// How often the sensor is killed.
const KILLS: u32 = 50;
/// How the process that is killed knows its outputs, and how many alerts there are.
const OUTPUTS: &str = "SENSOR_TEST_SURVIVAL_OUTPUTS";
const COUNT: &str = "SENSOR_TEST_SURVIVAL_COUNT";

/// What a receiver has taken: how often each id.
type Taken = Arc<Mutex<BTreeMap<String, u32>>>;

/// A webhook receiver that fails at random, and remembers what it took: a request
/// counts as taken when it was read, whatever the sender gets to hear of it.
struct Moody {
    taken: Taken,
    faults: Faults,
    server: Server,
    good: Arc<AtomicBool>,
}

#[derive(Clone)]
struct Mood {
    taken: Taken,
    good: Arc<AtomicBool>,
}

impl Moody {
    fn start() -> Self {
        let taken = Taken::default();
        let good = Arc::new(AtomicBool::new(false));
        let mood = Mood {
            taken: Arc::clone(&taken),
            good: Arc::clone(&good),
        };
        let faults = Faults::default();
        let router = Router::new().fallback(take_or_not).with_state(mood);
        let server = gate::serve(router, Arc::clone(&faults), None);
        Self {
            taken,
            faults,
            server,
            good,
        }
    }

    /// The next connections end as connections do on a bad day.
    fn break_connections(&self, rng: &mut fastrand::Rng) {
        let faults = (0..rng.usize(0..4)).map(|_| {
            if rng.bool() {
                Fault::Reset
            } else {
                Fault::HalfAnswer
            }
        });
        self.faults.lock().unwrap().extend(faults);
    }

    /// From now on all goes well.
    fn calm_down(&self) {
        self.good.store(true, Ordering::Relaxed);
        self.faults.lock().unwrap().clear();
    }
}

async fn take_or_not(State(mood): State<Mood>, body: Bytes) -> StatusCode {
    let fate = if mood.good.load(Ordering::Relaxed) {
        9
    } else {
        fastrand::u8(0..10)
    };
    let stall = || tokio::time::sleep(Duration::from_secs(5));
    match fate {
        0 => return StatusCode::SERVICE_UNAVAILABLE,
        1 => {
            stall().await;
            return StatusCode::BAD_GATEWAY;
        }
        _ => {}
    }
    let alerts: Vec<Value> = serde_json::from_slice(&body).unwrap();
    {
        let mut taken = mood.taken.lock().unwrap();
        for alert in &alerts {
            let id = alert["uuid"].as_str().unwrap().to_owned();
            *taken.entry(id).or_default() += 1;
        }
    }
    match fate {
        // Taken, and the sender hears something else: it must send it again.
        2 => StatusCode::SERVICE_UNAVAILABLE,
        3 => {
            stall().await;
            StatusCode::NO_CONTENT
        }
        _ => StatusCode::NO_CONTENT,
    }
}

fn configuration(url: &str) -> String {
    format!(
        "[{{type: webhook, name: moody, url: '{url}', body: array, timeout_ms: 300, \
           batch: {{max_alerts: 500, max_age_ms: 5}}, \
           retry: {{initial_ms: 1, max_ms: 20}}}}]"
    )
}

#[test]
#[ignore = "the process that the next test kills"]
fn a_process_that_raises_alerts_until_it_is_killed() {
    let [directory, yaml, count] = [DIRECTORY, OUTPUTS, COUNT].map(|it| std::env::var(it).unwrap());
    let (directory, count) = (Path::new(&directory), count.parse::<u64>().unwrap());
    let delivery = Delivery::start(&outputs(&yaml), Some(directory)).unwrap();
    let log = directory.join("raised");
    let mut next = fs::read_to_string(&log).unwrap_or_default().lines().count() as u64 + 1;
    let mut log = OpenOptions::new()
        .append(true)
        .create(true)
        .open(log)
        .unwrap();
    let mut sent = 0;
    while next <= count {
        let burst = next..(next + BURST).min(count + 1);
        for number in burst.clone() {
            delivery.send(&numbered("Survives", Priority::Warning, number));
            sent += 1;
        }
        eventually("they are safe", || delivery.accounts()[0].1.spooled == sent);
        // Only now are they raised: what was not safe yet is raised again.
        let lines: Vec<String> = burst.clone().map(|number| number.to_string()).collect();
        let lines = lines.join("\n") + "\n";
        log.write_all(lines.as_bytes()).unwrap();
        next = burst.end;
    }
    eventually("all are delivered", || {
        let status = only(&delivery);
        // Nothing waits either as long as nobody has looked into the spool.
        status.health.opened && status.account.queued == 0
    });
}

/// The process that raises alerts, as many as there are to be in all runs together.
fn raiser(directory: &Path, outputs: &str, count: u64) -> Raiser {
    let test = "survival::killed::a_process_that_raises_alerts_until_it_is_killed";
    let mut process = process(test, directory);
    process.env(OUTPUTS, outputs).env(COUNT, count.to_string());
    Raiser {
        process: process.spawn().unwrap(),
        stderr: directory.join("stderr"),
    }
}

struct Raiser {
    process: Child,
    stderr: PathBuf,
}

impl Raiser {
    /// Kills it; whether it was still at work.
    fn kill(mut self) -> bool {
        self.process.kill().unwrap();
        let status = self.process.wait().unwrap();
        let stderr = fs::read_to_string(&self.stderr).unwrap();
        let is_killed = status.signal() == Some(9);
        assert!(is_killed || status.success(), "{status} {stderr}");
        is_killed
    }

    /// Waits until all alerts are delivered.
    fn finish(mut self) {
        let end = Instant::now() + 5 * PATIENCE;
        while self.process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "the last run does not end");
            std::thread::sleep(Duration::from_millis(50));
        }
        let stderr = fs::read_to_string(&self.stderr).unwrap();
        assert!(self.process.wait().unwrap().success(), "{stderr}");
    }
}

impl Drop for Raiser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn no_alert_is_lost_when_the_sensor_is_killed_fifty_times_and_the_receiver_fails() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Moody::start();
    let outputs = configuration(&format!("http://{}/", receiver.server.address));
    let mut rng = fastrand::Rng::new();
    for _ in 0..KILLS {
        receiver.break_connections(&mut rng);
        let raiser = raiser(directory.path(), &outputs, ALERTS);
        std::thread::sleep(Duration::from_millis(rng.u64(50..600)));
        raiser.kill();
    }
    receiver.calm_down();
    raiser(directory.path(), &outputs, ALERTS).finish();
    let taken = receiver.taken.lock().unwrap();
    let raised: BTreeSet<String> = (1..=ALERTS)
        .map(|number| numbered("", Priority::Debug, number).id.to_string())
        .collect();
    let missing = raised.iter().filter(|id| !taken.contains_key(*id)).count();
    assert_eq!(missing, 0, "of {ALERTS} alerts");
    assert_eq!(taken.len() as u64, ALERTS, "and nothing else came");
    let duplicates: u32 = taken.values().map(|times| times - 1).sum();
    println!("{ALERTS} alerts, {KILLS} kills, {duplicates} came more than once");
}
