//! The account as one JSON object: all that [`Report`]'s text says, for programs, and
//! what the kernel side did with each kind CPU by CPU.
//!
//! Names never change their meaning; numbers only grow while the sensor runs, but for
//! `waiting`, `queued` and `processes.known`.

use serde_json::{Map, Value, json};

use super::{CpuAccount, EventAccount, OutputAccount, Report, RuleAccount};

impl Report {
    /// The account for programs.
    pub fn to_json(&self) -> Value {
        let rules = self.rules.iter().map(|(name, row)| rule(name, row));
        let outputs = self.outputs.iter().map(|(name, row)| output(name, row));
        json!({
            "holds": self.holds(),
            "events": self.events.iter().map(event).collect::<Vec<_>>(),
            "processes": counts(&self.processes),
            "alerts": self.alerts,
            "rules": rules.collect::<Vec<_>>(),
            "outputs": outputs.collect::<Vec<_>>(),
        })
    }
}

fn event(row: &EventAccount) -> Value {
    let cpus = row.cpus.iter().enumerate();
    json!({
        "kind": row.kind,
        "captured": row.captured,
        "evaluated": row.evaluated,
        "filtered": counts(&row.filtered),
        "dropped": counts(&row.dropped),
        "waiting": row.waiting,
        "holds": row.holds(),
        "cpus": cpus.map(|(number, row)| cpu(number, row)).collect::<Vec<_>>(),
    })
}

fn cpu(number: usize, row: &CpuAccount) -> Value {
    json!({
        "cpu": number,
        "captured": row.captured,
        "submitted": row.submitted,
        "filtered": row.filtered,
        "dropped": counts(&row.dropped),
        "holds": row.holds(),
    })
}

fn rule(name: &str, row: &RuleAccount) -> Value {
    json!({
        "rule": name,
        "raised": row.raised,
        "sent": row.sent,
        "grouped": row.grouped,
        "limited": row.limited,
        "holds": row.balances(),
    })
}

fn output(name: &str, row: &OutputAccount) -> Value {
    json!({
        "output": name,
        "raised": row.raised,
        "recovered": row.recovered,
        "spooled": row.spooled,
        "delivered": row.delivered,
        "failed": {
            "queue full": row.dropped_full,
            "refused": row.refused,
            "undelivered at exit": row.abandoned,
            "spool damaged": row.lost,
        },
        "queued": row.queued,
        "retries": row.retries,
        "holds": row.balances(),
    })
}

fn counts(counts: &[(&'static str, u64)]) -> Value {
    let pairs = counts.iter();
    let pairs = pairs.map(|(what, count)| ((*what).to_owned(), Value::from(*count)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_tells_every_number_and_whether_each_row_holds() {
        let cpu = |captured| CpuAccount {
            captured,
            submitted: 4,
            filtered: 0,
            dropped: vec![("ring full", 1)],
        };
        let row = EventAccount {
            kind: "exec",
            captured: 11,
            evaluated: 7,
            filtered: vec![("no rule wants it", 1)],
            dropped: vec![("ring full", 2)],
            waiting: 1,
            cpus: vec![cpu(5), cpu(6)],
        };
        let balanced = OutputAccount {
            raised: 3,
            delivered: 1,
            refused: 1,
            queued: 1,
            ..OutputAccount::default()
        };
        let mut report = Report {
            events: vec![row],
            processes: vec![("known", 9)],
            alerts: 3,
            rules: Vec::new(),
            outputs: vec![("json".to_owned(), balanced)],
        };
        let object = report.to_json();
        assert_eq!(object["holds"], true);
        let exec = &object["events"][0];
        assert_eq!(exec["kind"], "exec");
        assert_eq!(exec["filtered"], json!({"no rule wants it": 1}));
        assert_eq!(exec["dropped"]["ring full"], 2);
        assert_eq!(
            (&exec["captured"], &exec["waiting"]),
            (&json!(11), &json!(1))
        );
        assert_eq!(exec["cpus"][0]["holds"], true);
        assert_eq!(
            exec["cpus"][1],
            json!({"cpu": 1, "captured": 6, "submitted": 4,
            "filtered": 0, "dropped": {"ring full": 1}, "holds": false})
        );
        assert_eq!(object["processes"], json!({"known": 9}));
        assert_eq!(object["outputs"][0]["failed"]["refused"], 1);
        assert_eq!(object["outputs"][0]["holds"], true);
        report.events[0].captured += 1;
        let object = report.to_json();
        assert_eq!(
            (&object["holds"], &object["events"][0]["holds"]),
            (&json!(false), &json!(false))
        );
    }
}
