//! What a running sensor tells of itself, as the numbers that Prometheus reads.
//!
//! The walk copies its counters, which is all it has to do; names, labels and
//! text are made from the copy on the endpoint's thread.

use std::sync::Arc;
use std::time::SystemTime;

use crate::deliver::queue::Health;
use crate::detect::engine::Cost;
use crate::metrics::exposition::{Family, Kind, Number};
use crate::metrics::{EventAccount, OutputAccount, Report};

/// A copy of everything counted, of one moment.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) report: Report,
    /// Rules in force and those that were, with their alerts.
    pub(super) rules: Vec<(Arc<str>, u64)>,
    /// What asking them cost, of those that were ever in force.
    pub(super) costs: Vec<(Arc<str>, Cost)>,
    /// How many rules are in force.
    pub(super) in_force: usize,
    /// How each output fares, by name.
    pub(super) health: Vec<(String, Health)>,
    /// From the newest event to its evaluation, nanoseconds; 0 when none came.
    pub(super) lag_ns: u64,
    /// Now, nanoseconds since the Unix epoch.
    pub(super) now_ns: u64,
}

impl Numbers {
    /// Under their names.
    pub(super) fn families(&self) -> Vec<Family> {
        let mut families = self.sensor();
        families.extend(self.rules());
        families.extend(events(&self.report.events));
        families.extend(cpus(&self.report.events));
        families.extend(self.outputs());
        families.extend(process());
        families
    }

    fn sensor(&self) -> Vec<Family> {
        let mut build = Family::new("sensor_build", Kind::Info, "The version that runs.");
        let labels = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("architecture", std::env::consts::ARCH),
        ];
        build.push(&labels, Number::Whole(1));
        let help = "What had to be done to keep the table of processes true.";
        let mut processes = Family::new("sensor_process_table", Kind::Counter, help);
        for (action, count) in &self.report.processes {
            processes.push(&[("action", &word(action))], Number::Whole(*count));
        }
        let gauge = |name, help, value| Family::new(name, Kind::Gauge, help).with(value);
        vec![
            build,
            gauge(
                "sensor_rules",
                "Rules in force.",
                Number::Whole(self.in_force as u64),
            ),
            gauge(
                "sensor_account_holds",
                "1 while every event and every alert is accounted for, else 0.",
                Number::Whole(self.report.holds().into()),
            ),
            gauge(
                "sensor_event_lag_seconds",
                "From the newest event to its evaluation; 0 when none came.",
                Number::Real(seconds(self.lag_ns)),
            ),
            processes,
        ]
    }

    /// What each rule raised, what was held back of it, and what it costs.
    fn rules(&self) -> [Family; 4] {
        let help = "Alerts a rule raised, whatever became of them; rules in force from zero on.";
        let mut alerts = Family::new("sensor_alerts", Kind::Counter, help);
        for (rule, raised) in &self.rules {
            alerts.push(&[("rule", rule)], Number::Whole(*raised));
        }
        let help = "Alerts of a rule that left only as part of a summary, by why.";
        let mut back = Family::new("sensor_alerts_held_back", Kind::Counter, help);
        for (rule, row) in &self.report.rules {
            for (why, count) in [("grouped", row.grouped), ("limited", row.limited)] {
                back.push(&[("rule", rule), ("reason", why)], Number::Whole(count));
            }
        }
        let help = "Times a rule was asked about an event, estimated from one in 1,024.";
        let mut asked = Family::new("sensor_rule_evaluations", Kind::Counter, help);
        let help = "Time that took, estimated; what rules share is paid by the first to ask.";
        let mut took = Family::new("sensor_rule_evaluation_seconds", Kind::Counter, help);
        for (rule, cost) in &self.costs {
            asked.push(&[("rule", rule)], Number::Whole(cost.asked()));
            took.push(&[("rule", rule)], Number::Real(seconds(cost.ns())));
        }
        [alerts, back, asked, took]
    }

    fn outputs(&self) -> Vec<Family> {
        let rows = &self.report.outputs;
        let each = |name, kind, help, of: fn(&OutputAccount) -> u64| {
            let mut family = Family::new(name, kind, help);
            for (output, row) in rows {
                family.push(&[("output", output)], Number::Whole(of(row)));
            }
            family
        };
        let counter = |name, help, of| each(name, Kind::Counter, help, of);
        let mut families = vec![
            counter(
                "sensor_output_alerts_raised",
                "Alerts handed to an output.",
                |row| row.raised,
            ),
            counter(
                "sensor_output_alerts_recovered",
                "Alerts of an earlier run that were found on the disk.",
                |row| row.recovered,
            ),
            counter(
                "sensor_output_alerts_spooled",
                "Alerts put on the disk.",
                |row| row.spooled,
            ),
            counter(
                "sensor_output_alerts_delivered",
                "Alerts the receiver acknowledged.",
                |row| row.delivered,
            ),
            counter(
                "sensor_output_retries",
                "Requests that failed and were tried again.",
                |row| row.retries,
            ),
            each(
                "sensor_output_alerts_queued",
                Kind::Gauge,
                "Alerts that wait for their receiver or its answer.",
                |row| row.queued,
            ),
        ];
        let help = "Alerts given up, by reason.";
        let mut failed = Family::new("sensor_output_alerts_failed", Kind::Counter, help);
        for (output, row) in rows {
            for (reason, count) in [
                ("queue_full", row.dropped_full),
                ("refused", row.refused),
                ("undelivered_at_exit", row.abandoned),
                ("purged", row.purged),
                ("disk_lost", row.lost),
            ] {
                let labels = [("output", output.as_str()), ("reason", reason)];
                failed.push(&labels, Number::Whole(count));
            }
        }
        families.push(failed);
        families.extend(self.fares());
        families
    }

    fn fares(&self) -> Vec<Family> {
        let each = |name, help, of: &dyn Fn(&Health) -> Option<Number>| {
            let mut family = Family::new(name, Kind::Gauge, help);
            for (output, health) in &self.health {
                if let Some(value) = of(health) {
                    family.push(&[("output", output)], value);
                }
            }
            family
        };
        let age = |health: &Health| {
            let oldest = health.oldest_ns?;
            Some(Number::Real(seconds(self.now_ns.saturating_sub(oldest))))
        };
        let delivery = |health: &Health| {
            let since = health
                .last_delivery?
                .duration_since(SystemTime::UNIX_EPOCH)
                .ok()?;
            Some(Number::Real(since.as_secs_f64()))
        };
        vec![
            each(
                "sensor_output_oldest_alert_age_seconds",
                "Age of the oldest alert that waits; absent when none does.",
                &age,
            ),
            each(
                "sensor_output_last_delivery_timestamp_seconds",
                "When the receiver last took something; absent until it did.",
                &delivery,
            ),
            each(
                "sensor_output_spool_bytes",
                "Bytes of the spool's files on the disk.",
                &|health| Some(Number::Whole(health.spool_bytes)),
            ),
            each(
                "sensor_output_dead_letters",
                "Alerts refused for good and kept for a person to look at.",
                &|health| Some(Number::Whole(health.dead_letters)),
            ),
            each(
                "sensor_output_spool_failed",
                "1 while alerts should be kept on the disk and cannot be, else 0.",
                &|health| Some(Number::Whole(health.spool_error.is_some().into())),
            ),
            each(
                "sensor_output_probing",
                "1 while the receiver failed so often that it is only probed, else 0.",
                &|health| Some(Number::Whole(health.probing.into())),
            ),
        ]
    }
}

fn events(rows: &[EventAccount]) -> Vec<Family> {
    let each = |name, kind, help, of: fn(&EventAccount) -> u64| {
        let mut family = Family::new(name, kind, help);
        for row in rows {
            family.push(&[("kind", row.kind)], Number::Whole(of(row)));
        }
        family
    };
    let reasons = |name, help, of: fn(&EventAccount) -> &[(&'static str, u64)]| {
        let mut family = Family::new(name, Kind::Counter, help);
        for row in rows {
            for (reason, count) in of(row) {
                let labels = [("kind", row.kind), ("reason", &word(reason))];
                family.push(&labels, Number::Whole(*count));
            }
        }
        family
    };
    vec![
        each(
            "sensor_events_captured",
            Kind::Counter,
            "Times the kernel side ran for an event.",
            |row| row.captured,
        ),
        each(
            "sensor_events_evaluated",
            Kind::Counter,
            "Events put before the rules.",
            |row| row.evaluated,
        ),
        reasons(
            "sensor_events_filtered",
            "Events set aside on purpose, by reason.",
            |row| &row.filtered,
        ),
        reasons("sensor_events_dropped", "Events lost, by reason.", |row| {
            &row.dropped
        }),
        each(
            "sensor_events_waiting",
            Kind::Gauge,
            "Events in the ring buffer.",
            |row| row.waiting,
        ),
    ]
}

/// The sums over all kinds, CPU by CPU: one that loses more than others shows.
fn cpus(rows: &[EventAccount]) -> [Family; 2] {
    let help = "Times the kernel side ran for an event, by CPU.";
    let mut captured = Family::new("sensor_cpu_events_captured", Kind::Counter, help);
    let help = "Events lost, by CPU.";
    let mut dropped = Family::new("sensor_cpu_events_dropped", Kind::Counter, help);
    let cpus = rows.iter().map(|row| row.cpus.len()).max().unwrap_or(0);
    for number in 0..cpus {
        let on_it = || rows.iter().filter_map(|row| row.cpus.get(number));
        let name = number.to_string();
        let labels = [("cpu", name.as_str())];
        let sum = on_it().map(|cpu| cpu.captured).sum();
        captured.push(&labels, Number::Whole(sum));
        let lost = on_it().flat_map(|cpu| &cpu.dropped);
        let sum = lost.map(|(_, count)| count).sum();
        dropped.push(&labels, Number::Whole(sum));
    }
    [captured, dropped]
}

/// What every program tells under these names; absent where /proc does not say.
fn process() -> Vec<Family> {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|word| word.parse().ok());
    let page = rustix::param::page_size() as u64;
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let descriptors = std::fs::read_dir("/proc/self/fd").map(|entries| entries.count() as u64);
    let numbers = [
        (
            "process_resident_memory_bytes",
            Kind::Gauge,
            "Memory the sensor holds.",
            pages.map(|pages: u64| Number::Whole(pages.saturating_mul(page))),
        ),
        (
            "process_cpu_seconds",
            Kind::Counter,
            "Time the sensor spent on CPUs.",
            std::time::Duration::try_from(used)
                .ok()
                .map(|used| Number::Real(used.as_secs_f64())),
        ),
        (
            "process_open_fds",
            Kind::Gauge,
            "Open file descriptors of the sensor.",
            descriptors.ok().map(Number::Whole),
        ),
    ];
    let known = numbers
        .into_iter()
        .filter_map(|(name, kind, help, value)| Some((name, kind, help, value?)));
    known
        .map(|(name, kind, help, value)| Family::new(name, kind, help).with(value))
        .collect()
}

/// A reason as a label has it.
fn word(reason: &str) -> String {
    reason.replace(' ', "_")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a lag of a hundred days is still told to the microsecond"
)]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Write;
    use std::path::Path;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::metrics::exposition::{self, Syntax};
    use crate::metrics::{CpuAccount, RuleAccount};

    fn numbers() -> Numbers {
        let cpu = CpuAccount {
            captured: 3,
            dropped: vec![("ring full", 1)],
            ..CpuAccount::default()
        };
        let events = EventAccount {
            kind: "exec",
            captured: 3,
            evaluated: 1,
            filtered: vec![("no rule wants it", 1)],
            dropped: vec![("ring full", 1)],
            cpus: vec![CpuAccount::default(), cpu],
            ..EventAccount::default()
        };
        let row = RuleAccount {
            raised: 2,
            sent: 1,
            grouped: 1,
            limited: 0,
        };
        let output = OutputAccount {
            raised: 2,
            delivered: 1,
            refused: 1,
            ..OutputAccount::default()
        };
        let health = Health {
            last_delivery: Some(SystemTime::now()),
            oldest_ns: Some(1_000_000_000),
            ..Health::default()
        };
        Numbers {
            report: Report {
                events: vec![events],
                processes: vec![("read from /proc", 1)],
                alerts: 2,
                rules: vec![("Reads".to_owned(), row)],
                outputs: vec![("a \"file\"".to_owned(), output)],
            },
            rules: vec![("Reads \\ \"shadow\"\n".into(), 2)],
            costs: vec![("Reads".into(), Cost::default())],
            in_force: 1,
            health: vec![("a \"file\"".to_owned(), health)],
            lag_ns: 1_500_000_000,
            now_ns: 3_000_000_000,
        }
    }

    #[test]
    fn the_account_is_told_number_by_number() {
        let text = exposition::text(&numbers().families(), Syntax::OpenMetrics);
        for line in [
            r#"sensor_alerts_total{rule="Reads \\ \"shadow\"\n"} 2"#,
            r#"sensor_events_captured_total{kind="exec"} 3"#,
            r#"sensor_events_dropped_total{kind="exec",reason="ring_full"} 1"#,
            r#"sensor_output_alerts_failed_total{output="a \"file\"",reason="refused"} 1"#,
            r#"sensor_output_oldest_alert_age_seconds{output="a \"file\""} 2"#,
            r#"sensor_alerts_held_back_total{rule="Reads",reason="grouped"} 1"#,
            r#"sensor_rule_evaluations_total{rule="Reads"} 0"#,
            r#"sensor_cpu_events_captured_total{cpu="0"} 0"#,
            r#"sensor_cpu_events_dropped_total{cpu="1"} 1"#,
            "sensor_event_lag_seconds 1.5",
            "sensor_account_holds 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");
    }

    /// Every word of a text that is a metric's name.
    fn named(text: &str) -> BTreeSet<&str> {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| ["sensor_", "process_"].iter().any(|p| word.starts_with(p)))
            .collect()
    }

    #[test]
    fn what_dashboard_and_alert_rules_name_is_told() {
        let text = exposition::text(&numbers().families(), Syntax::Prometheus);
        let told = named(&text);
        for path in [
            "grafana/sensor.json",
            "prometheus/rules.yaml",
            "prometheus/scrape.yaml",
            "../docs/outputs.md",
        ] {
            let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
            let text = std::fs::read_to_string(deploy.join(path)).unwrap();
            let unknown: Vec<_> = named(&text).difference(&told).copied().collect();
            assert!(unknown.is_empty(), "{path} names {unknown:?}");
            assert!(path.contains("scrape") || named(&text).len() > 5, "{path}");
        }
    }

    #[test]
    fn promtool_finds_nothing_to_complain_of() {
        let check = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut check) = check else {
            assert!(
                std::env::var_os("CI").is_none(),
                "promtool is not installed"
            );
            println!("skipped: needs promtool (apt-get install prometheus)");
            return;
        };
        let text = exposition::text(&numbers().families(), Syntax::Prometheus);
        let mut stdin = check.stdin.take().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        drop(stdin);
        let said = check.wait_with_output().unwrap();
        let complaints = String::from_utf8_lossy(&said.stderr);
        assert!(
            said.status.success() && complaints.is_empty(),
            "{complaints}\n{text}"
        );
    }
}
