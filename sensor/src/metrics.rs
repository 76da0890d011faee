//! Counters and the account they must satisfy.
//!
//! Events, per kind: captured = evaluated + filtered + dropped, each of the
//! last two by reason. Alerts, per rule: raised = sent + grouped + limited; per
//! output: raised + recovered = delivered + failed + queued. [`EventAccount`],
//! [`RuleAccount`] and [`OutputAccount`] hold the numbers, the
//! [`Report`] prints them and says whether they add up; [`server`] answers whoever
//! asks for them over HTTP, in the words of [`exposition`].

pub mod exposition;
pub mod server;

mod json;

use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of the events of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventAccount {
    /// The kind's name, as `sensor events` groups them.
    pub kind: &'static str,
    /// Times the kernel program ran for an event of this kind.
    pub captured: u64,
    /// Events put before the rules.
    pub evaluated: u64,
    /// Events set aside on purpose, by reason.
    pub filtered: Vec<(&'static str, u64)>,
    /// Events lost, by reason.
    pub dropped: Vec<(&'static str, u64)>,
    /// Events still in the ring buffer: zero once the sensor has drained it.
    pub waiting: u64,
    /// What the kernel side did with them, CPU by CPU; a replay has the sums only.
    pub cpus: Vec<CpuAccount>,
}

/// What the kernel side did with the events of one kind on one CPU.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CpuAccount {
    /// Times the kernel program ran for an event of this kind.
    pub captured: u64,
    /// Records handed on.
    pub submitted: u64,
    /// Events set aside on purpose.
    pub filtered: u64,
    /// Events lost, by reason.
    pub dropped: Vec<(&'static str, u64)>,
}

impl CpuAccount {
    /// Whether captured = submitted + filtered + dropped.
    pub fn holds(&self) -> bool {
        self.captured == self.submitted + self.filtered + total(&self.dropped)
    }
}

impl EventAccount {
    /// Everything that has been accounted for.
    pub fn explained(&self) -> u64 {
        self.evaluated + total(&self.filtered) + total(&self.dropped) + self.waiting
    }

    /// Events lost for any reason.
    pub fn lost(&self) -> u64 {
        total(&self.dropped)
    }

    /// Whether the identity holds.
    pub fn holds(&self) -> bool {
        self.captured == self.explained()
    }
}

fn total(reasons: &[(&'static str, u64)]) -> u64 {
    reasons.iter().map(|(_, count)| count).sum()
}

/// What became of the alerts given to one output, at one moment: a consistent
/// copy, taken while nothing moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputAccount {
    /// Alerts handed to this output.
    pub raised: u64,
    /// Alerts of an earlier run that were found on the disk.
    pub recovered: u64,
    /// Alerts put on the disk: safe from the end of the sensor (not in the identity).
    pub spooled: u64,
    /// Alerts the receiver acknowledged.
    pub delivered: u64,
    /// Alerts given up: the queue was full.
    pub dropped_full: u64,
    /// Alerts given up: the receiver refused them for good.
    pub refused: u64,
    /// Alerts given up: still undelivered when the sensor had to stop.
    pub abandoned: u64,
    /// Alerts given up: a person asked for it.
    pub purged: u64,
    /// Alerts lost with the disk that held them.
    pub lost: u64,
    /// Alerts waiting or in flight; counted, not derived. At the end: kept on the disk.
    pub queued: u64,
    /// Attempts that failed and were tried again (not alerts; not in the identity).
    pub retries: u64,
}

impl OutputAccount {
    /// Alerts given up for any reason.
    pub fn failed(&self) -> u64 {
        self.dropped_full + self.refused + self.abandoned + self.purged + self.lost
    }

    /// Whether raised + recovered = delivered + failed + queued.
    pub fn balances(&self) -> bool {
        self.raised + self.recovered == self.delivered + self.failed() + self.queued
    }
}

/// What became of the alerts that one rule raised. What was grouped or limited is
/// told in summaries, which are not counted here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuleAccount {
    /// Alerts the rule raised.
    pub raised: u64,
    /// Those handed to the outputs.
    pub sent: u64,
    /// Those held for the summary of their kind.
    pub grouped: u64,
    /// Those above the rule's limit.
    pub limited: u64,
}

impl RuleAccount {
    /// Whether raised = sent + grouped + limited.
    pub fn balances(&self) -> bool {
        self.raised == self.sent + self.grouped + self.limited
    }
}

/// The whole account, as printed on SIGUSR1 and at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// One row per event kind.
    pub events: Vec<EventAccount>,
    /// What had to be done to keep the process table true, by what it was.
    pub processes: Vec<(&'static str, u64)>,
    /// Alerts raised by rules.
    pub alerts: u64,
    /// What became of them by rule, where they are grouped or limited.
    pub rules: Vec<(String, RuleAccount)>,
    /// One row per output, by its name.
    pub outputs: Vec<(String, OutputAccount)>,
}

impl Report {
    /// Whether every identity holds.
    pub fn holds(&self) -> bool {
        self.events.iter().all(EventAccount::holds)
            && self.outputs.iter().all(|(_, account)| account.balances())
            && self.rules_balance()
    }

    /// Whether every alert that a rule raised is in its row.
    fn rules_balance(&self) -> bool {
        let raised: u64 = self.rules.iter().map(|(_, row)| row.raised).sum();
        let rows = self.rules.iter().all(|(_, row)| row.balances());
        rows && (self.rules.is_empty() || raised == self.alerts)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "account of events (captured = evaluated + filtered + dropped + waiting)"
        )?;
        writeln!(
            f,
            "  {:<8} {:>12} {:>12} {:>12} {:>10} {:>8}",
            "kind", "captured", "evaluated", "filtered", "dropped", "waiting"
        )?;
        for row in &self.events {
            write!(
                f,
                "  {:<8} {:>12} {:>12} {:>12} {:>10} {:>8}{}",
                row.kind,
                row.captured,
                row.evaluated,
                total(&row.filtered),
                total(&row.dropped),
                row.waiting,
                if row.holds() { "" } else { "  DOES NOT ADD UP" },
            )?;
            reasons(f, "filtered", &row.filtered)?;
            reasons(f, "dropped", &row.dropped)?;
            writeln!(f)?;
        }
        if !self.processes.is_empty() {
            let words = self.processes.iter();
            let words: Vec<_> = words
                .map(|(what, count)| format!("{what} {count}"))
                .collect();
            writeln!(f, "  processes: {}", words.join(", "))?;
        }
        // A replay has no outputs.
        if !self.outputs.is_empty() {
            writeln!(
                f,
                "account of alerts (raised + recovered = delivered + failed + queued)"
            )?;
            writeln!(
                f,
                "  {:<16} {:>10} {:>10} {:>10} {:>8} {:>8} {:>8}",
                "output", "raised", "recovered", "delivered", "failed", "queued", "retries"
            )?;
        }
        for (name, row) in &self.outputs {
            write!(
                f,
                "  {:<16} {:>10} {:>10} {:>10} {:>8} {:>8} {:>8}{}",
                name,
                row.raised,
                row.recovered,
                row.delivered,
                row.failed(),
                row.queued,
                row.retries,
                if row.balances() {
                    ""
                } else {
                    "  DOES NOT ADD UP"
                },
            )?;
            let failed = [
                ("queue full", row.dropped_full),
                ("refused", row.refused),
                ("undelivered at exit", row.abandoned),
                ("purged", row.purged),
                ("spool damaged", row.lost),
            ];
            reasons(f, "failed", &failed)?;
            writeln!(f)?;
        }
        write!(f, "  raised by rules: {}", self.alerts)?;
        self.held_back(f)
    }
}

impl Report {
    /// The rules of which not every alert was sent by itself.
    fn held_back(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.rules_balance() {
            write!(f, "  DOES NOT ADD UP")?;
        }
        for (rule, row) in &self.rules {
            if row.raised == row.sent {
                continue;
            }
            let RuleAccount {
                raised,
                sent,
                grouped,
                limited,
            } = row;
            let rule = crate::diagnostic::escape(rule);
            write!(
                f,
                "\n    {rule}: raised {raised} = sent {sent} + grouped {grouped} + limited {limited}"
            )?;
        }
        Ok(())
    }
}

fn reasons(f: &mut fmt::Formatter<'_>, what: &str, reasons: &[(&'static str, u64)]) -> fmt::Result {
    let mut first = true;
    for (reason, count) in reasons.iter().filter(|(_, count)| *count > 0) {
        let lead = if first {
            format!("  {what}:")
        } else {
            ",".to_owned()
        };
        write!(f, "{lead} {reason} {count}")?;
        first = false;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execs() -> EventAccount {
        EventAccount {
            kind: "exec",
            captured: 10,
            evaluated: 6,
            filtered: vec![("own process", 1), ("no rule wants it", 1)],
            dropped: vec![("ring full", 2)],
            ..EventAccount::default()
        }
    }

    #[test]
    fn an_event_account_holds_only_when_every_event_is_explained() {
        assert!(execs().holds());
        assert!(
            !EventAccount {
                captured: 11,
                ..execs()
            }
            .holds()
        );
        assert!(
            EventAccount {
                captured: 11,
                waiting: 1,
                ..execs()
            }
            .holds()
        );
    }

    #[test]
    fn an_output_balances_only_when_every_alert_is_somewhere() {
        let row = OutputAccount {
            raised: 9,
            delivered: 4,
            refused: 1,
            abandoned: 2,
            queued: 2,
            ..OutputAccount::default()
        };
        assert!(row.balances());
        assert!(!OutputAccount { raised: 10, ..row }.balances());
    }

    #[test]
    fn the_report_names_reasons_and_flags_what_does_not_add_up() {
        let broken = EventAccount {
            kind: "open",
            captured: 1,
            ..EventAccount::default()
        };
        let report = Report {
            events: vec![execs(), broken],
            ..Report::default()
        };
        let text = report.to_string();
        assert!(
            text.contains("filtered: own process 1, no rule wants it 1"),
            "{text}"
        );
        assert!(text.contains("dropped: ring full 2"), "{text}");
        assert_eq!(text.matches("DOES NOT ADD UP").count(), 1, "{text}");
        assert!(!report.holds());
    }
}
