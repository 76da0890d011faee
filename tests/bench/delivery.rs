//! How many alerts a second reach a receiver through the spool, beside the same
//! without one; and whether a dead output slows a healthy one.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use sensor::alert::{Alert, JsonOptions, Priority};
use sensor::deliver::{Delivery, OutputConfig};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::Arguments;

/// Alerts sent through each way in a round.
const ALERTS: u64 = 100_000;
/// Alerts that may wait before the sender pauses: the queue never drops.
const AHEAD: u64 = 5_000;
/// Alerts whose way is timed one by one.
const TIMED: u64 = 3_000;

/// What a receiver counts.
#[derive(Default)]
struct Counts {
    alerts: AtomicU64,
    /// Nanoseconds from raising to arrival, when they are asked for.
    latencies: Mutex<Vec<u64>>,
}

/// Runs all of it and prints it.
pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let directory = tempfile::tempdir().context("no directory for spools")?;
    let token = directory.path().join("token");
    std::fs::write(&token, "token")?;
    let counts = Arc::new(Counts::default());
    let address = receiver(Arc::clone(&counts))?;
    let splunk = format!(
        "type: splunk, name: bench, url: 'http://{address}', token: 'file:{}'",
        token.display()
    );
    let webhook = format!("type: webhook, name: bench, url: 'http://{address}/hook', body: array");
    println!(
        "{ALERTS} alerts a round, the best of {} rounds\n",
        arguments.rounds
    );
    println!(
        "  {:<10} {:>14} {:>14} {:>8}",
        "output", "through spool", "memory alone", "ratio"
    );
    for (name, output) in [("splunk", splunk), ("webhook", webhook.clone())] {
        let mut best = [0.0_f64; 2];
        for _ in 0..arguments.rounds {
            // One after the other in each round: what else the machine does hits both.
            for (best, store) in best.iter_mut().zip(["disk", "memory"]) {
                let rate = throughput(&output, store, directory.path(), &counts)?;
                *best = best.max(rate);
            }
        }
        let [disk, memory] = best;
        println!(
            "  {name:<10} {disk:>12.0}/s {memory:>12.0}/s {:>8.2}",
            disk / memory
        );
    }
    let alone = latencies(&webhook, "", directory.path(), &counts)?;
    let dead = ", {type: webhook, name: dead, url: 'http://127.0.0.1:1/', body: array}";
    let beside = latencies(&webhook, dead, directory.path(), &counts)?;
    println!("\n  from raising to arrival     p50        p99");
    for (what, [p50, p99]) in [("alone", alone), ("beside a dead output", beside)] {
        println!("  {what:<22} {p50:>6} us  {p99:>6} us");
    }
    Ok(())
}

fn outputs(yaml: &str) -> Result<Vec<OutputConfig>> {
    serde_yaml::from_str(yaml).context("the bench's own configuration")
}

/// Alerts a second through one output.
fn throughput(output: &str, store: &str, spools: &Path, counts: &Counts) -> Result<f64> {
    let configs = outputs(&format!("[{{{output}, spool: {{store: {store}}}}}]"))?;
    let delivery = Delivery::start(&configs, Some(spools))?;
    counts.alerts.store(0, Ordering::Relaxed);
    let alerts: Vec<_> = (0..ALERTS).map(alert).collect();
    let started = Instant::now();
    for (number, alert) in alerts.iter().enumerate() {
        while number as u64 > counts.alerts.load(Ordering::Relaxed) + AHEAD {
            std::thread::sleep(Duration::from_micros(200));
        }
        delivery.send(alert);
    }
    while counts.alerts.load(Ordering::Relaxed) < ALERTS {
        std::thread::sleep(Duration::from_micros(200));
    }
    let took = started.elapsed();
    drop(delivery);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    Ok(ALERTS as f64 / took.as_secs_f64())
}

/// The median and the 99th percentile of an alert's way, microseconds.
fn latencies(output: &str, beside: &str, spools: &Path, counts: &Counts) -> Result<[u64; 2]> {
    let configs = outputs(&format!("[{{{output}, batch: {{max_age_ms: 0}}}}{beside}]"))?;
    let delivery = Delivery::start(&configs, Some(spools))?;
    counts
        .latencies
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .clear();
    counts.alerts.store(0, Ordering::Relaxed);
    for number in 0..TIMED {
        delivery.send(&alert(number));
        std::thread::sleep(Duration::from_millis(1));
    }
    while counts.alerts.load(Ordering::Relaxed) < TIMED {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(delivery);
    let mut all = counts
        .latencies
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .clone();
    all.sort_unstable();
    let at = |share: usize| {
        all.get(all.len() * share / 100)
            .copied()
            .unwrap_or_default()
            / 1000
    };
    Ok([at(50), at(99)])
}

/// An alert as rules about files raise them.
fn alert(number: u64) -> Arc<Alert> {
    let time_ns = now_ns();
    let message = format!(
        "Password hashes read by cat (file=/etc/shadow user=root command=cat /etc/shadow n={number})"
    );
    let fields = json!({
        "evt.time": time_ns, "fd.name": "/etc/shadow", "user.name": "root", "proc.pid": number,
        "proc.cmdline": "cat /etc/shadow", "proc.exepath": "/usr/bin/cat", "proc.pname": "bash",
        "container.id": "host",
    });
    Arc::new(Alert {
        id: uuid::Uuid::from_u128(u128::from(number)),
        time_ns,
        rule: "Password hashes read".into(),
        priority: Priority::Warning,
        source: "syscall".into(),
        tags: ["T1003.008".into(), "host".into()].into(),
        hostname: "node1".into(),
        output: format!("04:00:00.000000000: Warning {message}"),
        message,
        output_fields: fields.as_object().cloned().unwrap_or_default(),
        evidence: serde_json::Map::new(),
        outputs: sensor::alert::Outputs::default(),
        pid: 1,
        in_command_tree: false,
        json: JsonOptions::default(),
    })
}

fn now_ns() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or_default()
}

/// A receiver on loopback that reads what it is sent, and counts.
fn receiver(counts: Arc<Counts>) -> Result<std::net::SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let router = Router::new().fallback(count).with_state(counts);
            let router = router.layer(axum::extract::DefaultBodyLimit::disable());
            axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await
        })
    });
    Ok(address)
}

async fn count(State(counts): State<Arc<Counts>>, headers: HeaderMap, body: Bytes) -> String {
    let mut text = Vec::new();
    let body = if headers.contains_key("content-encoding") {
        let read = flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut text);
        if read.is_err() {
            return String::new();
        }
        &text[..]
    } else {
        &body[..]
    };
    let alerts = if body.starts_with(b"[") {
        let alerts: Vec<Value> = serde_json::from_slice(body).unwrap_or_default();
        let now = now_ns();
        let raised = alerts
            .iter()
            .filter_map(|alert| alert["output_fields"]["evt.time"].as_u64());
        let mut latencies = counts
            .latencies
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        latencies.extend(raised.map(|raised| now.saturating_sub(raised)));
        alerts.len()
    } else {
        let events = serde_json::Deserializer::from_slice(body).into_iter::<IgnoredAny>();
        events.flatten().count()
    };
    counts.alerts.fetch_add(alerts as u64, Ordering::Relaxed);
    r#"{"text":"Success","code":0}"#.to_owned()
}
