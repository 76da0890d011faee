//! What leaves at once, what leaves together, and that nothing is forgotten.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::alert::JsonOptions;

const SECOND: u64 = 1_000_000_000;

fn alert(rule: &str, time_ns: u64) -> Alert {
    Alert {
        id: Uuid::from_u128(u128::from(time_ns)),
        time_ns,
        rule: rule.into(),
        priority: Priority::Warning,
        source: "syscall".into(),
        tags: Arc::default(),
        hostname: "node1".into(),
        message: format!("it happened at {time_ns}"),
        output: format!("time: Warning it happened at {time_ns}"),
        output_fields: serde_json::Map::new(),
        evidence: serde_json::Map::new(),
        outputs: crate::alert::Outputs::default(),
        pid: 1,
        in_command_tree: false,
        json: JsonOptions::default(),
    }
}

fn grouper(window_s: u64, kinds: usize, per_minute: u32, burst: u32) -> Grouper {
    Grouper::new(GroupOptions {
        window_ns: window_s * SECOND,
        kinds,
        per_minute,
        burst,
        ..GroupOptions::default()
    })
}

/// Takes alerts (kind, second) of one rule; gives what left: when, and for how many.
fn left(grouper: &mut Grouper, taken: &[(u128, u64)]) -> Vec<(u64, u64)> {
    let mut out = Vec::new();
    let mut raise = |alert: Alert| {
        let fields = &alert.output_fields;
        let count = fields
            .get("group.count")
            .or_else(|| fields.get("limit.count"));
        let count = count.and_then(Value::as_u64).unwrap_or(0);
        out.push((alert.time_ns / SECOND, count));
    };
    for (kind, second) in taken {
        let time_ns = second * SECOND;
        grouper.advance(time_ns, &mut raise);
        grouper.take(alert("r", time_ns), *kind, &mut raise);
    }
    out
}

fn holds(grouper: &Grouper) {
    for (rule, account) in grouper.accounts() {
        assert!(account.balances(), "{rule}: {account:?}");
    }
}

#[test]
fn the_first_leaves_at_once_and_those_like_it_together() {
    let mut grouper = grouper(60, 100, 0, 0);
    let taken = [
        (1, 0),
        (1, 10),
        (2, 11),
        (1, 20),
        (1, 65),
        (2, 75),
        (1, 200),
    ];
    // 1 at 0; 2 at 11; the summary of 10 and 20; 2 was silent for a window, so it is
    // new; what came at 65 is told at the end of the second window.
    let expect = [(0, 0), (11, 0), (20, 2), (75, 0), (65, 1), (200, 0)];
    assert_eq!(left(&mut grouper, &taken), expect);
    holds(&grouper);
}

#[test]
fn a_summary_has_a_count_two_times_a_sample_and_an_id_of_its_own() {
    let run = || {
        let mut grouper = grouper(60, 100, 0, 0);
        let mut out = Vec::new();
        for second in [1, 2, 3, 4] {
            grouper.take(alert("r", second * SECOND), 1, &mut |alert| out.push(alert));
        }
        grouper.finish(&mut |alert| out.push(alert));
        grouper.finish(&mut |alert| out.push(alert));
        out
    };
    let out = run();
    let [first, summary] = &out[..] else {
        panic!("{out:?}")
    };
    assert_eq!(first, &alert("r", SECOND));
    let fields = Value::from(summary.output_fields.clone());
    let expect = serde_json::json!({
        "group.count": 3, "group.first": 2 * SECOND, "group.last": 4 * SECOND
    });
    assert_eq!(fields, expect);
    assert_eq!(
        summary.message,
        "it happened at 4000000000 (stands for 3 like the one before, within 2 s)"
    );
    assert!(summary.output.ends_with(&summary.message));
    assert!(
        ![1, 2, 3, 4]
            .map(|s| alert("r", s * SECOND).id)
            .contains(&summary.id)
    );
    assert_eq!(out, run(), "the same alerts have the same summary");
}

#[test]
fn a_rule_sends_no_more_than_its_bucket_holds_and_the_rest_is_told() {
    let mut grouper = grouper(0, 1, 6, 2);
    let mut taken: Vec<(u128, u64)> = (0..5).map(|second| (0, second)).collect();
    taken.extend([(0, 20), (0, 70)]);
    // Two at once, one more after ten seconds; three are told a minute after the
    // first of them.
    let expect = [(0, 0), (1, 0), (20, 0), (4, 3), (70, 0)];
    assert_eq!(left(&mut grouper, &taken), expect);
    holds(&grouper);
    let (_, account) = grouper.accounts().next().unwrap();
    assert_eq!((account.sent, account.limited), (4, 3));
}

#[test]
fn critical_alerts_are_held_back_only_when_that_is_asked_for() {
    for (critical, expect) in [(false, 5), (true, 1)] {
        let mut grouper = Grouper::new(GroupOptions {
            window_ns: 60 * SECOND,
            kinds: 10,
            critical,
            ..GroupOptions::default()
        });
        let mut out = 0;
        for second in 0..5 {
            let mut alert = alert("r", second * SECOND);
            alert.priority = Priority::Critical;
            grouper.take(alert, 1, &mut |_| out += 1);
        }
        assert_eq!(out, expect);
    }
}

#[test]
fn what_the_watched_command_does_is_not_hidden_behind_others() {
    let mut grouper = grouper(60, 10, 1, 1);
    let mut own = 0;
    for second in 0..6 {
        let mut alert = alert("r", second * SECOND);
        alert.in_command_tree = second >= 3;
        grouper.take(alert, 1, &mut |alert| {
            own += u32::from(alert.in_command_tree);
        });
    }
    assert_eq!(own, 1);
    holds(&grouper);
}

#[test]
fn the_kind_silent_longest_is_told_early_when_there_are_too_many() {
    let mut grouper = grouper(60, 2, 0, 0);
    let taken = [(1, 0), (2, 1), (1, 2), (3, 3), (4, 4)];
    // 2 goes without a word, it had none like it; then 1, with its one.
    assert_eq!(
        left(&mut grouper, &taken),
        [(0, 0), (1, 0), (3, 0), (2, 1), (4, 0)]
    );
    assert_eq!(grouper.kinds.len(), 2);
}

proptest! {
    #[test]
    fn every_alert_is_sent_or_told_once(
        taken in proptest::collection::vec((0..6_u128, 0..40_u64), 0..200),
        window_s in 0..30_u64,
        kinds in 1..4_usize,
        per_minute in 0..30_u32,
        moved in any::<bool>(),
    ) {
        let mut grouper = grouper(window_s, kinds, per_minute, 3);
        let (mut sent, mut told, mut now) = (0, 0, 0);
        let mut raise = |alert: Alert| {
            match stands_for(&alert) {
                Some(count) => told += count,
                None => sent += 1,
            }
        };
        for (kind, gap) in &taken {
            now += gap * SECOND / 4;
            if moved {
                grouper.advance(now, &mut raise);
            }
            grouper.take(alert("r", now), *kind, &mut raise);
        }
        grouper.finish(&mut raise);
        holds(&grouper);
        prop_assert_eq!(sent + told, taken.len() as u64);
        let held: u64 = grouper.accounts().map(|(_, a)| a.grouped + a.limited).sum();
        prop_assert_eq!(told, held);
    }

    #[test]
    fn who_notes_every_change_knows_at_any_moment_what_is_held(
        taken in proptest::collection::vec((0..6_u128, 0..40_u64, 1..4_usize), 0..200),
        window_s in 0..30_u64,
        kinds in 1..4_usize,
        per_minute in 0..30_u32,
    ) {
        let mut grouper = grouper(window_s, kinds, per_minute, 3);
        grouper.note_changes();
        let (mut now, mut told) = (0, BTreeMap::new());
        let mut kept: BTreeMap<Uuid, u64> = BTreeMap::new();
        for (number, (kind, gap, ask)) in taken.iter().enumerate() {
            now += gap * SECOND / 4;
            let mut raise = |alert: Alert| {
                told.extend(stands_for(&alert).map(|count| (alert.id, count)));
            };
            grouper.advance(now, &mut raise);
            let mut alert = alert("r", now);
            alert.id = Uuid::from_u128(number as u128);
            grouper.take(alert, *kind, &mut raise);
            // Not asked after each alert: what came and went meanwhile is no news.
            if number % ask != 0 {
                continue;
            }
            for change in grouper.changes() {
                match change {
                    Change::Held(alert) => {
                        let count = stands_for(&alert).expect("a summary counts");
                        kept.insert(alert.id, count);
                    }
                    Change::Told(id) => {
                        prop_assert!(told.contains_key(&id), "{} was not told", id);
                        kept.remove(&id);
                    }
                }
            }
            let held: u64 = grouper.accounts().map(|(_, a)| a.grouped + a.limited).sum();
            let known = kept.values().sum::<u64>() + told.values().sum::<u64>();
            prop_assert_eq!(known, held, "after {}", number);
        }
        let mut raise = |alert: Alert| {
            told.extend(stands_for(&alert).map(|count| (alert.id, count)));
        };
        grouper.finish(&mut raise);
        for change in grouper.changes() {
            prop_assert!(matches!(change, Change::Told(_)), "{:?}", change);
        }
    }
}

/// How many alerts it stands for, if it is a summary.
fn stands_for(alert: &Alert) -> Option<u64> {
    let counts = ["group.count", "limit.count"].map(|key| alert.output_fields.get(key));
    counts.into_iter().flatten().next_back()?.as_u64()
}
