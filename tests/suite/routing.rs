//! Which outputs get an alert: a test per criterion, the fallback, and what is
//! said of a route that is wrong.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use sensor::alert::{Alert, AlertOptions, Composer, Occurrence, Priority};
use sensor::config;
use sensor::deliver::Delivery;
use sensor::detect::rules::{LoadOptions, Rule, load_texts};
use sensor::enrich::host::Host;
use sensor::fields::given::Given;
use serde_json::{Map, Value, json};

const RULES: &str = r#"
- rule: Shell in web
  desc: test
  condition: proc.name = bash
  output: "%proc.name"
  priority: WARNING
  tags: [shell, T1059]
"#;

fn rule() -> Arc<Rule> {
    let loaded = load_texts(&[("r", RULES.as_bytes())], &LoadOptions::default());
    loaded.unwrap().rules.rules.remove(0)
}

fn composer(config: &config::Config) -> Composer {
    Composer::new(&Host::default(), AlertOptions::default()).routing(config.routes())
}

fn alert(composer: &Composer, event: &Value) -> Alert {
    let event = Given::from_json(event).unwrap();
    composer.compose_from(&rule(), &event, &Occurrence::default())
}

fn internal(composer: &Composer) -> Alert {
    let message = "something of ours".to_owned();
    composer.compose_internal(
        "Sensor internal: x",
        Priority::Error,
        message,
        Map::new(),
        (1, 1),
    )
}

/// Whether an output with this `only` takes the alert of the rule for an event in
/// a container, and the sensor's own alert.
fn takes(only: &str) -> (bool, bool) {
    let text = format!("outputs:\n- {{type: terminal, only: {only}}}\n");
    let config = config::parse("sensor.yaml", &text, &[]).unwrap();
    let composer = composer(&config);
    let event = json!({
        "proc.name": "bash", "user.name": "root", "container.name": "web-1",
        "container.id": "0123456789ab", "k8s.ns.name": "prod",
    });
    let takes = |alert: Alert| alert.outputs.contains(0);
    (takes(alert(&composer, &event)), takes(internal(&composer)))
}

#[test]
fn each_criterion_takes_what_fits_it_and_nothing_else() {
    for (only, expect) in [
        ("{}", (true, true)),
        ("{priorities: [warning, critical]}", (true, false)),
        ("{priorities: [error]}", (false, true)),
        ("{rules: ['Shell in*']}", (true, false)),
        ("{rules: ['Shell', 'Sensor internal: *']}", (false, true)),
        ("{tags: [T1059]}", (true, false)),
        ("{tags: ['T10*', other]}", (true, false)),
        ("{tags: [network]}", (false, false)),
        ("{sources: [syscall]}", (true, false)),
        ("{sources: [internal]}", (false, true)),
        ("{containers: ['web-*']}", (true, false)),
        ("{containers: ['0123456789ab']}", (true, false)),
        ("{containers: [host, db]}", (false, false)),
        ("{namespaces: [prod, stage]}", (true, false)),
        ("{namespaces: [test]}", (false, false)),
        (
            "{condition: 'user.name = root and not proc.name in (sshd, cron)'}",
            (true, false),
        ),
        ("{condition: 'user.name = bob'}", (false, false)),
        (
            "{tags: [shell], namespaces: [prod], condition: proc.name = bash}",
            (true, false),
        ),
        (
            "{tags: [shell], namespaces: [test], condition: proc.name = bash}",
            (false, false),
        ),
    ] {
        assert_eq!(takes(only), expect, "{only}");
    }
}

#[test]
fn several_outputs_get_the_same_alert_and_the_fallback_what_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().display();
    let text = format!(
        "spool_directory: ''\noutputs:\n\
         - {{type: file, name: all-shells, path: {at}/a, only: {{tags: [shell]}}}}\n\
         - {{type: file, name: prod, path: {at}/b, only: {{namespaces: [prod]}}}}\n\
         - {{type: file, name: rest, path: {at}/c, fallback: true}}\n\
         - {{type: file, name: grave, path: {at}/d, min_priority: critical}}\n\
         - {{type: file, name: rest-critical, path: {at}/e, fallback: true, min_priority: critical}}\n"
    );
    let config = config::parse("sensor.yaml", &text, &[]).unwrap();
    let composer = composer(&config);
    let delivery = Delivery::start(&config.outputs, config.spools()).unwrap();
    let prod = json!({"proc.name": "bash", "k8s.ns.name": "prod"});
    for alert in [
        alert(&composer, &prod),
        alert(&composer, &json!({"proc.name": "bash"})),
        internal(&composer),
    ] {
        delivery.send(&Arc::new(alert));
    }
    let taken = delivery.shutdown(Duration::from_mins(1));
    let taken: Vec<(&str, u64)> = taken
        .iter()
        .map(|(name, account)| (name.as_str(), account.delivered))
        .collect();
    let expect = [
        ("all-shells", 2),
        ("prod", 1),
        ("rest", 1),
        ("grave", 0),
        ("rest-critical", 0),
    ];
    assert_eq!(taken, expect);
    let rest = fs::read_to_string(dir.path().join("c")).unwrap();
    assert!(rest.contains("something of ours"), "{rest}");
}

#[test]
fn a_broken_route_is_told_where_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    for (only, expect) in [
        (
            "only: {condition: proc.nam = bash}",
            ["sensor.yaml:3:21", "proc.name"],
        ),
        (
            "only:\n      condition: >\n        user.name =\n        and proc.name = x",
            ["sensor.yaml:", "condition"],
        ),
        (
            "only: {priorities: [urgent]}",
            ["sensor.yaml:3:23", "urgent"],
        ),
        ("only: {tag: [x]}", ["sensor.yaml:3:10", "`tags`"]),
    ] {
        let text = format!("outputs:\n- type: terminal\n  {only}\n");
        fs::write(dir.path().join("sensor.yaml"), text).unwrap();
        fs::write(dir.path().join("rules.yaml"), RULES).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_sensor"))
            .current_dir(dir.path())
            .args(["check", "sensor.yaml", "rules.yaml"])
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{only}\n{shown}");
        for expect in expect {
            assert!(shown.contains(expect), "{only}: {expect}\n{shown}");
        }
    }
}
