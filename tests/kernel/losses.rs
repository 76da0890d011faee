//! A sensor that lost events says so: one alert, with what, where, when and who may
//! have missed something.

use rustix::process::Signal;
use serde_json::Value;

use crate::acts::{act_in, asked};
use crate::harness::Sensor;

const RULES: &str = "
- {rule: Hidden, desc: d, condition: 'evt.type = openat and fd.name startswith /dev/null/hidden',
   output: x, priority: critical}
- {rule: Reached, desc: d, condition: evt.type = connect and fd.sport = 9, output: x, priority: info}
";

const CONFIG: &str = "capture: {ring_mib: 1}\nsyscall_event_drops: {actions: [log, alert]}";

/// Opens more often than the smallest ring has room for.
const OPENS: usize = 20_000;

/// The child's side.
#[test]
fn perform() {
    let Some((_, count)) = asked() else { return };
    for _ in 0..count.parse().unwrap() {
        // It is no directory: the open fails, and that is an event too.
        std::fs::File::open("/dev/null/hidden").unwrap_err();
    }
}

fn is_about_losses(alert: &Value) -> bool {
    alert["rule"] == "Sensor internal: events lost"
}

#[test]
fn lost_events_raise_one_alert_that_names_what_was_lost_and_who_may_be_blind() {
    let sensor = Sensor::start(RULES, CONFIG, "");
    // Asleep it reads nothing, so what does not fit into the ring is lost.
    sensor.signal(Signal::STOP);
    act_in("losses", "open", &OPENS.to_string());
    sensor.signal(Signal::CONT);
    let alert = sensor.wait_alert("about losses", is_about_losses);
    assert_eq!(alert["source"], "internal");
    assert_eq!(alert["priority"], "Error");
    assert!(alert.get("tags").is_none(), "{alert}");
    let text = alert["output"].as_str().unwrap();
    assert!(text.contains("ring full"), "{text}");
    assert!(text.contains("missed some: `Hidden`"), "{text}");
    let fields = &alert["output_fields"];
    assert!(fields["events"]["open"].as_u64() > Some(0), "{alert}");
    // Somebody on this machine may have connected meanwhile.
    let connects = fields["events"].get("connect").is_some();
    let blind = if connects {
        &["Hidden", "Reached"][..]
    } else {
        &["Hidden"]
    };
    assert_eq!(fields["rules"], serde_json::json!(blind));
    assert!(
        fields["from"].as_str() < fields["until"].as_str(),
        "{alert}"
    );

    let (finished, dir) = sensor.stop();
    finished.assert_adds_up();
    // What came too late for the first word is in the last; together they name all.
    let alerts = crate::harness::read_alerts(&dir.path().join("alerts.json"));
    let told = alerts.iter().filter(|alert| is_about_losses(alert));
    let told: Vec<u64> = told
        .map(|alert| alert["output_fields"]["n_drops"].as_u64().unwrap())
        .collect();
    assert!(told.len() <= 2, "{told:?}");
    let kinds = ["exec", "fork", "exit", "open", "connect"];
    let lost: u64 = kinds.iter().map(|kind| finished.row(kind).dropped).sum();
    assert_eq!(told.iter().sum::<u64>(), lost, "{}", finished.log);
    assert!(
        finished.log.contains("events were lost"),
        "{}",
        finished.log
    );
}

#[test]
fn a_sensor_that_is_to_end_when_it_loses_events_delivers_the_alert_first() {
    let config = CONFIG.replace("log, alert", "alert, exit");
    let sensor = Sensor::start(RULES, &config, "");
    sensor.signal(Signal::STOP);
    act_in("losses", "open", &OPENS.to_string());
    sensor.signal(Signal::CONT);
    sensor.wait_alert("about losses", is_about_losses);
    sensor.wait_log("says to end then");
    let (finished, _dir) = sensor.stop();
    assert_eq!(finished.status.code(), Some(2), "{}", finished.log);
    finished.assert_adds_up();
}
