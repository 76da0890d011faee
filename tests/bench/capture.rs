//! What it costs a program to be watched: the same loads without a sensor and with
//! sensors that capture this or that, one after the other in every round.
//!
//! A load's own CPU time counts, the kernel's work for it included and the sensor's
//! not; each is told as its ratio to the same load without a sensor in the same round.
//! So neither the machine's speed nor what else it does makes much of a difference.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::time::{ClockId, clock_gettime};

use crate::Arguments;

/// A sensor, or none.
struct Setup {
    name: &'static str,
    /// `capture.hook`; none is no sensor.
    hook: Option<&'static str>,
    /// A condition of its only rule; without one the shipped rules.
    condition: Option<&'static str>,
}

const fn setup(name: &'static str, hook: &'static str, condition: Option<&'static str>) -> Setup {
    Setup {
        name,
        hook: Some(hook),
        condition,
    }
}

/// An event that the loads do not make, so that its hook is all that costs.
const RARE: &str = "evt.type = ptrace";

/// The first is what the others are compared with.
const SETUPS: [Setup; 9] = [
    Setup {
        name: "no sensor",
        hook: None,
        condition: None,
    },
    setup("shipped rules, each", "each", None),
    setup("shipped rules, all", "all", None),
    setup(
        "a rule of opens, each",
        "each",
        Some("evt.type = openat and fd.name = /no/such"),
    ),
    setup(
        "a rule of opens, all",
        "all",
        Some("evt.type = openat and fd.name = /no/such"),
    ),
    setup("a rule of a rare call, each", "each", Some(RARE)),
    setup("a rule of a rare call, all", "all", Some(RARE)),
    setup("DNS and TLS", "each", Some("evt.type in (dns, tls_hello)")),
    setup("io_uring", "each", Some("evt.type = io_uring_op")),
];

/// Something done over and over.
struct Load {
    name: &'static str,
    /// How often in a round.
    times: usize,
    run: fn(usize) -> Result<()>,
}

const LOADS: [Load; 5] = [
    Load {
        name: "getppid",
        times: 1_000_000,
        run: ask_for_parent,
    },
    Load {
        name: "open, close",
        times: 100_000,
        run: open_and_close,
    },
    Load {
        name: "TCP, there and back",
        times: 30_000,
        run: talk_over_tcp,
    },
    Load {
        name: "UDP datagram",
        times: 50_000,
        run: send_datagrams,
    },
    Load {
        name: "connect, accept",
        times: 1_000,
        run: connect_and_accept,
    },
];

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "a sensor needs root");
    let paranoid = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid");
    let kernel = rustix::system::uname();
    println!(
        "Linux {}, kernel.perf_event_paranoid {}, {} rounds",
        kernel.release().to_string_lossy(),
        paranoid.as_deref().map_or("unknown", str::trim),
        arguments.rounds
    );
    let shorter = if arguments.quick { 10 } else { 1 };
    // By setup, load and round: nanoseconds for each time.
    let mut taken = vec![vec![Vec::new(); LOADS.len()]; SETUPS.len()];
    let mut own_s = vec![0.0; SETUPS.len()];
    for _ in 0..arguments.rounds {
        for (at, setup) in SETUPS.iter().enumerate() {
            let sensor = setup.hook.map(|hook| Sensor::start(hook, setup.condition));
            let sensor = sensor.transpose()?;
            let before = sensor.as_ref().map_or(0.0, Sensor::cpu_s);
            for (load, taken) in LOADS.iter().zip(&mut taken[at]) {
                let times = load.times / shorter;
                let begun = cpu_ns();
                (load.run)(times)?;
                #[expect(clippy::cast_precision_loss, reason = "it is shown with a digit")]
                taken.push((cpu_ns() - begun) as f64 / times as f64);
            }
            own_s[at] += sensor.as_ref().map_or(0.0, Sensor::cpu_s) - before;
        }
    }
    show(&taken, &own_s);
    Ok(())
}

fn show(taken: &[Vec<Vec<f64>>], own_s: &[f64]) {
    print!("{:<30}", "the load's CPU time");
    for load in &LOADS {
        print!(" {:>20}", load.name);
    }
    println!(" {:>13}", "sensor's CPU");
    for (at, setup) in SETUPS.iter().enumerate() {
        print!("{:<30}", setup.name);
        for (rounds, bare) in taken[at].iter().zip(&taken[0]) {
            if setup.hook.is_none() {
                print!(" {:>17.0} ns", median(bare.clone()));
                continue;
            }
            let ratios: Vec<f64> = rounds
                .iter()
                .zip(bare)
                .map(|(it, bare)| it / bare)
                .collect();
            let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
            let most = ratios.iter().copied().fold(0.0, f64::max);
            let shown = format!("{:.2} ({least:.2}..{most:.2})", median(ratios));
            print!(" {shown:>20}");
        }
        println!(" {:>11.1} s", own_s[at]);
    }
    println!("each cell: the median of the rounds' ratios, the least and the most");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// CPU time of this thread.
fn cpu_ns() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// A sensor that watches; ended when dropped.
struct Sensor {
    child: Child,
    _dir: tempfile::TempDir,
    _log: BufReader<std::process::ChildStderr>,
}

impl Sensor {
    fn start(hook: &str, condition: Option<&str>) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let alerts = dir.path().join("alerts.json");
        let config = format!(
            "capture: {{hook: {hook}}}\noutputs: [{{type: file, path: {}}}]\n",
            alerts.display()
        );
        std::fs::write(dir.path().join("sensor.yaml"), config)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_sensor"));
        command.args(["run", "-c", "sensor.yaml"]);
        if let Some(condition) = condition {
            write_rule(&dir.path().join("rules.yaml"), condition)?;
            command.args(["-r", "rules.yaml"]);
        }
        let mut child = command
            .current_dir(dir.path())
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start the sensor")?;
        let stderr = child.stderr.take().context("the sensor has no log")?;
        let mut log = BufReader::new(stderr);
        let (mut said, mut line) = (String::new(), String::new());
        while !line.contains("watching with") {
            line.clear();
            ensure!(log.read_line(&mut line)? > 0, "the sensor ended:\n{said}");
            said.push_str(&line);
        }
        Ok(Self {
            child,
            _dir: dir,
            _log: log,
        })
    }

    /// CPU time the sensor has taken so far, seconds.
    fn cpu_s(&self) -> f64 {
        const TICKS_A_SECOND: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let words = after_name.split_whitespace().skip(11).take(2);
        words
            .filter_map(|word| word.parse::<f64>().ok())
            .sum::<f64>()
            / TICKS_A_SECOND
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        // It may have ended; what it did until then is measured.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

fn write_rule(path: &Path, condition: &str) -> Result<()> {
    let rule = format!(
        "- rule: bench\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n"
    );
    Ok(std::fs::write(path, rule)?)
}

#[expect(clippy::unnecessary_wraps, reason = "as the other loads")]
fn ask_for_parent(times: usize) -> Result<()> {
    for _ in 0..times {
        std::hint::black_box(rustix::process::getppid());
    }
    Ok(())
}

fn open_and_close(times: usize) -> Result<()> {
    for _ in 0..times {
        drop(std::fs::File::open("/dev/null")?);
    }
    Ok(())
}

/// Both ends are this thread's, so that its time is all that is spent.
fn talk_over_tcp(times: usize) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut there = TcpStream::connect(listener.local_addr()?)?;
    let (mut here, _) = listener.accept()?;
    there.set_nodelay(true)?;
    here.set_nodelay(true)?;
    let mut message = [7; 64];
    for _ in 0..times {
        there.write_all(&message)?;
        here.read_exact(&mut message)?;
        here.write_all(&message)?;
        there.read_exact(&mut message)?;
    }
    Ok(())
}

fn send_datagrams(times: usize) -> Result<()> {
    let (there, here) = (
        UdpSocket::bind("127.0.0.1:0")?,
        UdpSocket::bind("127.0.0.1:0")?,
    );
    there.connect(here.local_addr()?)?;
    let mut message = [7; 64];
    for _ in 0..times {
        there.send(&message)?;
        here.recv(&mut message)?;
    }
    Ok(())
}

fn connect_and_accept(times: usize) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    for _ in 0..times {
        let there = TcpStream::connect(address)?;
        drop((there, listener.accept()?));
    }
    Ok(())
}
