//! A real sensor under test: the built binary, a configuration and rules of
//! its own, its alerts read back from its JSON file.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How many times slower than a usual machine this one is, as an emulated one is.
pub(crate) fn slower() -> u32 {
    std::env::var("SENSOR_TEST_SLOWER").map_or(1, |it| it.parse().unwrap())
}

/// How long a thing that must happen may take on a busy machine.
pub(crate) fn patience() -> Duration {
    Duration::from_secs(20) * slower()
}

/// A running sensor. Killed when dropped.
pub(crate) struct Sensor {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    /// Its directory: `sensor.yaml`, `rules.yaml` and `alerts.json` are in it.
    pub(crate) dir: tempfile::TempDir,
}

/// A sensor that ended.
pub(crate) struct Finished {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// All it said on standard error, the final account included.
    pub(crate) log: String,
    /// From the signal to the end.
    pub(crate) took: Duration,
}

/// One row of the printed account of events.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) captured: u64,
    pub(crate) evaluated: u64,
    pub(crate) filtered: u64,
    pub(crate) dropped: u64,
    pub(crate) waiting: u64,
}

impl Sensor {
    /// Starts a sensor with these rules (the text of a rules file) and waits
    /// until it watches. `config` is added to a configuration that writes
    /// alerts to `alerts.json`; further outputs go under `outputs` as list
    /// elements indented by two blanks.
    pub(crate) fn start(rules: &str, config: &str, outputs: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("rules.yaml"), rules).unwrap();
        let rules = dir.path().join("rules.yaml");
        Self::start_with(dir, &rules, config, outputs, &[])
    }

    /// Starts a sensor with the rules this project ships.
    pub(crate) fn with_shipped_rules() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
        Self::start_with(dir, &rules, "", "", &[])
    }

    /// Starts a sensor in `dir` with further arguments.
    pub(crate) fn start_with(
        dir: tempfile::TempDir,
        rules: &Path,
        config: &str,
        outputs: &str,
        arguments: &[&str],
    ) -> Self {
        let alerts = dir.path().join("alerts.json");
        // Who asks it a question finds it here.
        let control = if config.contains("control_directory") {
            String::new()
        } else {
            format!(
                "control_directory: {}\n",
                dir.path().join("control").display()
            )
        };
        let spool = if config.contains("spool_directory") {
            String::new()
        } else {
            format!("spool_directory: {}\n", dir.path().join("spool").display())
        };
        let text = format!(
            "{config}\n{control}{spool}rules_files: [{}]\noutputs:\n  - type: file\n    name: json\n    path: {}\n{outputs}",
            rules.display(),
            alerts.display()
        );
        std::fs::write(dir.path().join("sensor.yaml"), text).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sensor"))
            .args(["run", "-c"])
            .arg(dir.path().join("sensor.yaml"))
            .args(arguments)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, stderr) = (Arc::clone(&log), child.stderr.take().unwrap());
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        let sensor = Self {
            child,
            log,
            reader: Some(reader),
            dir,
        };
        sensor.wait_log("watching with");
        sensor
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All it has said so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Waits until its log says `text`.
    pub(crate) fn wait_log(&self, text: &str) {
        until(|| self.log().contains(text).then_some(()))
            .unwrap_or_else(|| panic!("the sensor never said {text:?}:\n{}", self.log()));
    }

    /// Path of its JSON alerts.
    pub(crate) fn alerts_path(&self) -> PathBuf {
        self.dir.path().join("alerts.json")
    }

    /// The alerts written so far.
    pub(crate) fn alerts(&self) -> Vec<Value> {
        read_alerts(&self.alerts_path())
    }

    /// Waits for an alert that fits.
    pub(crate) fn wait_alert(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        until(|| self.alerts().into_iter().find(&fits)).unwrap_or_else(|| {
            panic!(
                "no alert {what} came; there are {:#?}\n{}",
                self.alerts(),
                self.log()
            )
        })
    }

    /// Waits for an alert of this rule whose text holds `text`.
    pub(crate) fn wait_rule(&self, rule: &str, text: &str) -> Value {
        self.wait_alert(&format!("of {rule:?} with {text:?}"), |alert| {
            alert["rule"] == rule && alert["output"].as_str().is_some_and(|o| o.contains(text))
        })
    }

    /// Asks for its account.
    pub(crate) fn ask_account(&self, flags: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_sensor"))
            .args(["account", "--pid", &self.pid().to_string()])
            .arg("--directory")
            .arg(self.dir.path().join("control"))
            .args(flags)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Asks for its account until that fits.
    pub(crate) fn wait_account(&self, fits: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = until(|| {
            last = serde_json::from_str(&self.ask_account(&["--json"])).unwrap();
            fits(&last).then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("no account fits, the last is {last:#}"))
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Resident memory in KiB.
    pub(crate) fn rss_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Ends it with SIGTERM and waits.
    pub(crate) fn stop(mut self) -> (Finished, tempfile::TempDir) {
        let asked = Instant::now();
        self.signal(rustix::process::Signal::TERM);
        let status = self.child.wait().unwrap();
        let took = asked.elapsed();
        self.reader.take().unwrap().join().unwrap();
        let log = self.log();
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap());
        (Finished { status, log, took }, dir)
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        // Already gone after `stop`; a failed test must leave nothing running.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Finished {
    /// The final account of one event kind.
    pub(crate) fn row(&self, kind: &str) -> Row {
        let start = self
            .log
            .rfind("account of events")
            .expect("an account at the end");
        let numbers = self.log[start..]
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(kind).map(str::to_owned))
            .unwrap_or_else(|| panic!("no row for {kind}:\n{}", self.log));
        let mut numbers = numbers
            .split_whitespace()
            .map_while(|word| word.parse().ok());
        let mut next = || numbers.next().expect("a number");
        Row {
            captured: next(),
            evaluated: next(),
            filtered: next(),
            dropped: next(),
            waiting: next(),
        }
    }

    /// Fails unless every row of the final account adds up with nothing waiting.
    pub(crate) fn assert_adds_up(&self) {
        assert!(!self.log.contains("DOES NOT ADD UP"), "{}", self.log);
        for kind in ["exec", "fork", "exit", "open", "connect"] {
            let row = self.row(kind);
            assert_eq!(
                row.captured,
                row.evaluated + row.filtered + row.dropped,
                "{kind}: {row:?}"
            );
            assert_eq!(row.waiting, 0, "{kind}: {row:?}");
        }
    }
}

/// The alerts in a file of JSON lines; a last line still being written is left out.
pub(crate) fn read_alerts(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Asks again until there is an answer or patience ends.
pub(crate) fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + patience();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
