//! A sensor that is killed while it produces to Kafka's brokers.

use std::collections::BTreeSet;

use super::super::BURST;
use super::raiser;
use crate::outputs::eventually;
use crate::stand_in::kafka::{Cluster, Fault};

const ALERTS: usize = 20_000;
const KILLS: usize = 5;
/// Most alerts in flight.
const BATCH: usize = 100;

#[test]
fn killed_while_it_produces_it_loses_nothing_and_repeats_no_more_than_was_in_flight() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = Cluster::start();
    let outputs = format!(
        "[{{type: kafka, brokers: {}, topic: alerts, \
           batch: {{max_alerts: {BATCH}, max_age_ms: 1}}, retry: {{initial_ms: 1, max_ms: 20}}}}]",
        cluster.brokers("tcp")
    );
    let kept = || cluster.lock().kept.values().map(Vec::len).sum::<usize>();
    let mut rng = fastrand::Rng::new();
    let faults = [
        Fault::Unheard,
        Fault::LostAnswer,
        Fault::Code(6),
        Fault::KeptBut(7),
    ];
    for kill in 1..=KILLS {
        let wrong = (0..rng.usize(0..10)).filter_map(|_| rng.choice(faults));
        let wrong: Vec<Fault> = wrong.collect();
        cluster.lock().faults.extend(wrong);
        let raiser = raiser(directory.path(), &outputs, ALERTS as u64);
        // While it produces: the rest of the alerts is still to come.
        let enough = kill * ALERTS / (KILLS + 1) + rng.usize(0..BATCH);
        eventually("it has produced so many", || kept() >= enough);
        assert!(raiser.kill(), "it was not done");
    }
    raiser(directory.path(), &outputs, ALERTS as u64).finish();
    let ids = cluster.ids();
    let mut seen = BTreeSet::new();
    let first = ids.iter().filter(|id| seen.insert(id.as_str()));
    let first = first.map(|id| id.parse::<uuid::Uuid>().unwrap().as_u128());
    assert!(first.eq(1..=ALERTS as u128), "each, and in order");
    let duplicates = ids.len() - ALERTS;
    // Of each kill: what was in flight, and what was safe already but raised once more.
    let most = KILLS * (BATCH + usize::try_from(BURST).unwrap());
    assert!(duplicates <= most, "{duplicates}");
    println!("{ALERTS} alerts, {KILLS} kills, {duplicates} came more than once");
}
