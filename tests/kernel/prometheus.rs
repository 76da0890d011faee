//! The endpoint of metrics and health: a real sensor, a real Prometheus.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use super::harness::{Sensor, until};
use super::run::{mark, read_shadow, shadow_rule};

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The answer's status and body; `None` while nobody listens.
fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some((status, body.to_owned()))
}

/// A running Prometheus; ended by its own pid when dropped.
struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Prometheus {
    /// With the configuration and rules this project ships, aimed at `target`.
    fn start(home: &Path, target: u16, port: u16) -> Option<Self> {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/prometheus");
        let scrape = std::fs::read_to_string(shipped.join("scrape.yaml")).unwrap();
        let aimed = scrape
            .replace("127.0.0.1:9090", &format!("127.0.0.1:{target}"))
            .replace("scrape_interval: 15s", "scrape_interval: 1s");
        assert_ne!(aimed, scrape);
        std::fs::write(home.join("prometheus.yml"), aimed).unwrap();
        std::fs::copy(shipped.join("rules.yaml"), home.join("rules.yaml")).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}/prometheus.yml", home.display()))
            .arg(format!("--storage.tsdb.path={}/data", home.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        child.ok().map(Self)
    }
}

/// What Prometheus answers to a query: label sets and values.
fn query(port: u16, query: &str) -> Vec<(Value, String)> {
    let Some((200, body)) = get(port, &format!("/api/v1/query?query={query}")) else {
        return Vec::new();
    };
    let answer: Value = serde_json::from_str(&body).unwrap();
    let rows = answer["data"]["result"].as_array().unwrap().iter();
    rows.map(|row| {
        let value = row["value"][1].as_str().unwrap();
        (row["metric"].clone(), value.to_owned())
    })
    .collect()
}

#[test]
fn a_real_prometheus_scrapes_what_the_sensor_counts() {
    let (port, own) = (free_port(), free_port());
    let config = format!("metrics: {{listen: '127.0.0.1:{port}'}}");
    let sensor = Sensor::start(&shadow_rule(), &config, "");
    for path in ["/healthz", "/readyz"] {
        let (status, body) = get(port, path).unwrap();
        assert_eq!((status, &*body), (200, "watching\n"), "{path}");
    }
    read_shadow();
    sensor.wait_rule("Shell reads shadow", "/etc/shadow");
    let home = tempfile::tempdir().unwrap();
    let Some(_prometheus) = Prometheus::start(home.path(), port, own) else {
        assert!(std::env::var_os("CI").is_none(), "prometheus is missing");
        println!("skipped: needs prometheus (apt-get install prometheus)");
        return;
    };
    let alerts = || {
        let rows = query(own, "sensor_alerts_total");
        rows.into_iter().find(|(_, value)| value == "1")
    };
    let (labels, _) = until(alerts).expect("Prometheus has the alert");
    assert_eq!(labels["rule"], "Shell reads shadow");
    assert_eq!(query(own, "up")[0].1, "1");
    assert_eq!(query(own, "sensor_rules")[0].1, "1");
    let written = query(own, "sensor_output_alerts_delivered_total");
    assert_eq!(
        (&written[0].0["output"], &*written[0].1),
        (&"json".into(), "1")
    );
    let captured = query(own, "sum(sensor_events_captured_total)");
    assert!(captured[0].1.parse::<f64>().unwrap() > 0.0);
    // One event in 1,024 is timed; only of such a shell's child is the rule asked.
    let opens = "i=0; while [ $i -lt 512 ]; do : < /etc/hostname; i=$((i+1)); done";
    let script = format!(": {}; sh -c '{opens}'; :", mark());
    let timed = until(|| {
        let shell = Command::new("sh").args(["-c", &script]).status();
        assert!(shell.unwrap().success());
        let asked = query(own, "sensor_rule_evaluations_total>0");
        asked.into_iter().next()
    });
    let (labels, _) = timed.expect("the rule was timed");
    assert_eq!(labels["rule"], "Shell reads shadow");
    sensor.signal(Signal::TERM);
    let gone = until(|| get(port, "/readyz").is_none().then_some(()));
    assert!(gone.is_some(), "nobody listens behind the end");
}

#[test]
fn an_address_that_is_taken_is_said_before_anything_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let started = Command::new(env!("CARGO_BIN_EXE_sensor"))
        .args(["run", "-o", &format!("metrics.listen={address}")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&started.stderr);
    assert_eq!(started.status.code(), Some(2), "{said}");
    assert!(
        said.contains(&format!("cannot listen for metrics on {address}")),
        "{said}"
    );
}
