//! What the spool is for: a sensor that is killed, receivers and disks that fail.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
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

use crate::outputs::{PATIENCE, eventually, numbered, outputs};
use crate::stand_in::gate::{self, Fault, Faults, Server};

/// Alerts that flow while the sensor is killed.
const ALERTS: u64 = 100_000;
/// How often it is killed.
const KILLS: u32 = 50;
/// Alerts raised between two looks at what is safe.
const BURST: u64 = 200;
/// How the child knows where to work and whom to send to.
const DIRECTORY: &str = "SENSOR_TEST_SURVIVAL_DIRECTORY";
const URL: &str = "SENSOR_TEST_SURVIVAL_URL";

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
    let directory = std::env::var(DIRECTORY).unwrap();
    let directory = Path::new(&directory);
    let url = std::env::var(URL).unwrap();
    let delivery = Delivery::start(&outputs(&configuration(&url)), Some(directory)).unwrap();
    let log = directory.join("raised");
    let mut next = fs::read_to_string(&log).unwrap_or_default().lines().count() as u64 + 1;
    let mut log = OpenOptions::new()
        .append(true)
        .create(true)
        .open(log)
        .unwrap();
    let mut sent = 0;
    while next <= ALERTS {
        let burst = next..(next + BURST).min(ALERTS + 1);
        for number in burst.clone() {
            delivery.send(&numbered("Survives", Priority::Warning, number));
            sent += 1;
        }
        eventually("they are safe", || delivery.accounts()[0].1.spooled == sent);
        // Only now are they raised: what was not safe yet is raised again.
        let lines: String = burst.clone().map(|number| format!("{number}\n")).collect();
        log.write_all(lines.as_bytes()).unwrap();
        next = burst.end;
    }
    eventually("all are delivered", || {
        let account = delivery.accounts()[0].1;
        assert!(account.balances(), "{account:?}");
        account.queued == 0
    });
}

fn raiser(directory: &Path, url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "survival::a_process_that_raises_alerts_until_it_is_killed",
            "--exact",
            "--ignored",
            "--quiet",
        ])
        .env(DIRECTORY, directory)
        .env(URL, url)
        .stdout(Stdio::null())
        .stderr(File::create(directory.join("stderr")).unwrap())
        .spawn()
        .unwrap()
}

#[test]
fn no_alert_is_lost_when_the_sensor_is_killed_fifty_times_and_the_receiver_fails() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Moody::start();
    let url = format!("http://{}/", receiver.server.address);
    let mut rng = fastrand::Rng::new();
    let mut kills = 0;
    while kills < KILLS {
        receiver.break_connections(&mut rng);
        let mut child = raiser(directory.path(), &url);
        std::thread::sleep(Duration::from_millis(rng.u64(50..600)));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        let stderr = fs::read_to_string(directory.path().join("stderr")).unwrap();
        assert!(
            status.signal() == Some(9) || status.success(),
            "{status} {stderr}"
        );
        kills += 1;
    }
    receiver.calm_down();
    let mut last = raiser(directory.path(), &url);
    let end = Instant::now() + 5 * PATIENCE;
    while last.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "the last run does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
    let stderr = fs::read_to_string(directory.path().join("stderr")).unwrap();
    assert!(last.wait().unwrap().success(), "{stderr}");
    let taken = receiver.taken.lock().unwrap();
    let raised: BTreeSet<String> = (1..=ALERTS)
        .map(|number| numbered("", Priority::Debug, number).id.to_string())
        .collect();
    let missing = raised.iter().filter(|id| !taken.contains_key(*id)).count();
    assert_eq!(missing, 0, "of {ALERTS} alerts");
    assert_eq!(taken.len() as u64, ALERTS, "and nothing else came");
    let duplicates: u32 = taken.values().map(|times| times - 1).sum();
    println!("{ALERTS} alerts, {kills} kills, {duplicates} came more than once");
}
