//! What the sensor said to a busy host, judged.
//!
//! In: the jobs that ran, all alerts of that time, and the sensor's own account. Out: the
//! alerts by rule and job in three parts: those nobody asked for, those that a job says
//! are right, and those that came from elsewhere on the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::{Result, ensure};

use super::Done;
use crate::attacks::watch::Alert;
use crate::progress::ok;

/// How many texts are shown of one rule and job, and how many characters of each.
const EXAMPLES: usize = 8;
const LENGTH: usize = 400;

/// Alerts by the job and the rule.
type Kinds<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a Alert>>;

/// The alerts, judged.
#[derive(Debug, Default)]
struct Judgement<'a> {
    /// What a person would call false.
    wrong: Kinds<'a>,
    /// What the job says is right.
    right: Kinds<'a>,
    /// What no job did.
    elsewhere: Kinds<'a>,
    /// What a job says is right and did not raise: job, rule.
    missing: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Judgement<'a> {
    fn new(done: &'a [Done<'_>], alerts: &'a [Alert]) -> Self {
        let mut judged = Self::default();
        for alert in alerts.iter().filter(|alert| !alert.is_fence()) {
            let job = done.iter().find(|job| alert.is_from(&job.cgroup));
            let (kinds, name) = match job {
                None => (&mut judged.elsewhere, "others"),
                Some(job) if job.work.right(&alert.rule).is_some() => {
                    (&mut judged.right, job.work.name.as_str())
                }
                Some(job) => (&mut judged.wrong, job.work.name.as_str()),
            };
            let alerts = kinds.entry((name, &alert.rule)).or_default();
            alerts.push(alert);
        }
        // A job that failed may not have come to it.
        for job in done.iter().filter(|job| job.failure.is_empty()) {
            for right in &job.work.right {
                let kind = (job.work.name.as_str(), right.rule.as_str());
                if !judged.right.contains_key(&kind) {
                    judged.missing.insert(kind);
                }
            }
        }
        judged
    }
}

/// Prints all of it.
///
/// # Errors
///
/// When a job raised an alert that it does not say is right, did not raise one that it
/// does, or failed.
pub(super) fn print(done: &[Done<'_>], alerts: &[Alert], took: Duration, said: &str) -> Result<()> {
    let judged = Judgement::new(done, alerts);
    list(
        "from elsewhere on the machine, no job's",
        &judged.elsewhere,
        |_| None,
    );
    list("right, as the jobs say", &judged.right, |(job, rule)| {
        let job = done.iter().find(|done| done.work.name == job)?;
        job.work.right(rule)
    });
    list("false", &judged.wrong, |_| None);
    anstream::println!();
    for (name, (runs, failed)) in runs(done) {
        anstream::println!("  {name:<14} ran {runs} times, failed {failed}");
    }
    let [captured, evaluated, dropped] = events(said);
    anstream::println!(
        "\n  {} jobs in {} min {} s; {captured} events captured, {evaluated} evaluated, {dropped} lost\n",
        done.len(),
        took.as_secs() / 60,
        took.as_secs() % 60,
    );
    for (job, rule) in &judged.missing {
        crate::progress::failed(&format!(
            "{job} says {rule:?} is right, but did not raise it"
        ));
    }
    let failed = done.iter().filter(|job| !job.failure.is_empty()).count();
    let wrong = count(&judged.wrong);
    ensure!(
        wrong == 0 && failed == 0 && judged.missing.is_empty(),
        "{} jobs done, {failed} of which failed; they raised {wrong} false alerts",
        done.len()
    );
    ok(&format!(
        "{} jobs done without a false alert, {} right ones",
        done.len(),
        count(&judged.right)
    ));
    Ok(())
}

fn count(kinds: &Kinds<'_>) -> usize {
    kinds.values().map(Vec::len).sum()
}

/// Prints one part, if there is something in it, each kind with the reason that `why` knows.
fn list<'a>(title: &str, kinds: &Kinds<'a>, why: impl Fn((&'a str, &'a str)) -> Option<&'a str>) {
    if kinds.is_empty() {
        return;
    }
    let bold = Style::new().bold();
    let style = Style::new().fg_color(Some(AnsiColor::Yellow.into()));
    anstream::println!("\n{bold}Alerts {title}:{bold:#}");
    for ((job, rule), alerts) in kinds {
        let reason = why((job, rule)).map_or_else(String::new, |why| format!(" ({why})"));
        anstream::println!(
            "\n  {style}{rule}{style:#}: {} by {job}{reason}",
            alerts.len()
        );
        let texts: BTreeSet<&str> = alerts.iter().map(|alert| alert.text()).collect();
        for text in texts.iter().take(EXAMPLES) {
            let shown: String = text.chars().take(LENGTH).collect();
            anstream::println!("    {}", shown.escape_debug());
        }
    }
}

/// How often each job ran, and how often it failed.
fn runs<'a>(done: &'a [Done<'_>]) -> BTreeMap<&'a str, (usize, usize)> {
    let mut runs: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for job in done {
        let (ran, failed) = runs.entry(&job.work.name).or_default();
        *ran += 1;
        *failed += usize::from(!job.failure.is_empty());
    }
    runs
}

/// Captured, evaluated and lost events, from the account that the sensor prints at its end.
fn events(said: &str) -> [u64; 3] {
    let mut sums = [0; 3];
    let lines = said
        .lines()
        .skip_while(|line| !line.contains("account of events"));
    for line in lines.take_while(|line| !line.contains("account of alerts")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let numbers: Vec<u64> = words
            .iter()
            .skip(1)
            .map_while(|it| it.parse().ok())
            .collect();
        if let [captured, evaluated, _, dropped, ..] = numbers[..] {
            sums[0] += captured;
            sums[1] += evaluated;
            sums[2] += dropped;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::busy::work::{Right, Work};

    fn work(name: &str, right: &[&str]) -> Work {
        let right = right.iter().map(|rule| Right {
            rule: (*rule).to_owned(),
            why: "because".to_owned(),
        });
        Work {
            name: name.to_owned(),
            path: "tests/busy/x.sh".into(),
            needs: Vec::new(),
            host_network: false,
            right: right.collect(),
        }
    }

    fn done<'a>(work: &'a Work, cgroup: &str, failure: &str) -> Done<'a> {
        Done {
            work,
            cgroup: cgroup.to_owned(),
            failure: failure.to_owned(),
        }
    }

    fn alert(rule: &str, cgroup: &str) -> Alert {
        Alert {
            rule: rule.to_owned(),
            cgroup: cgroup.to_owned(),
            happened_ns: 1,
            written_ns: 2,
            output: format!("05:24:37.319 {rule}"),
            missing: Vec::new(),
        }
    }

    #[test]
    fn alerts_are_judged_by_the_job_whose_cgroup_they_came_from() {
        let (cron, ssh) = (work("cron", &["Planted"]), work("ssh", &[]));
        let done = [done(&cron, "/jobs/1", ""), done(&ssh, "/jobs/2", "")];
        let alerts = [
            alert("Planted", "/jobs/1"),
            // The same rule is not right for another job, nor is a container of the job another's.
            alert("Planted", "/jobs/2/docker/ab"),
            alert("Planted", "/jobs/3"),
            alert("Planted", ""),
        ];
        let judged = Judgement::new(&done, &alerts);
        assert_eq!(
            judged.right.keys().collect::<Vec<_>>(),
            [&("cron", "Planted")]
        );
        assert_eq!(
            judged.wrong.keys().collect::<Vec<_>>(),
            [&("ssh", "Planted")]
        );
        assert_eq!(count(&judged.elsewhere), 2);
        assert!(judged.missing.is_empty());
    }

    #[test]
    fn what_a_job_says_is_right_has_to_come_unless_it_failed() {
        let cron = work("cron", &["Planted"]);
        let well = [done(&cron, "/jobs/1", "")];
        assert_eq!(Judgement::new(&well, &[]).missing.len(), 1);
        assert!(print(&well, &[], Duration::ZERO, "").is_err());
        let badly = [done(&cron, "/jobs/1", "exit status: 1")];
        assert!(Judgement::new(&badly, &[]).missing.is_empty());
        let planted = [alert("Planted", "/jobs/1")];
        assert!(print(&well, &planted, Duration::ZERO, "").is_ok());
        assert!(print(&badly, &planted, Duration::ZERO, "").is_err());
    }

    #[test]
    fn events_are_summed_from_the_account() {
        let said = "INFO watching\naccount of events (captured = …)\n\
                    \x20 kind captured evaluated filtered dropped waiting\n\
                    \x20 exec 10 6 2 2 0  filtered: own process 1\n  open 5 5 0 0 0\n\
                    \x20 processes: read 3\naccount of alerts (…)\n  file 9 9 0 0 0\n";
        assert_eq!(events(said), [15, 11, 2]);
    }
}
