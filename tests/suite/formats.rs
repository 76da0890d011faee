//! Alerts in the schemas of others: what each says of one rich alert, held in
//! files that `cargo xtask test --only formats` puts before the published
//! schemas, and what none of them may do with a hostile one.
//!
//! The files of `tests/formats` are written anew with `UPDATE_GOLDEN=1`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use sensor::alert::{Alert, AlertOptions, Composer, Occurrence, Priority, evidence};
use sensor::config;
use sensor::deliver::format::{Format, cim};
use sensor::detect::rules::{LoadOptions, load_texts};
use sensor::enrich::host::Host;
use sensor::fields::given::Given;
use serde_json::{Value, json};

const TIME_NS: u64 = 1_700_000_000_123_456_789;

/// A shell in a container that connects to the outside.
fn network_event() -> Value {
    read("network.event.json")
}

/// A host's root who reads what root alone may read.
fn file_event() -> Value {
    read("file.event.json")
}

fn alert(event: &Value) -> Alert {
    let rule = json!([{
        "rule": "Shell talks to the outside", "desc": "d", "priority": "critical",
        "tags": ["T1059.004", "T1071", "mitre_execution", "mitre_command_and_control", "net"],
        "condition": "evt.num > 0", "output": "Talk by %proc.name pid=%proc.pid to=%fd.name",
    }])
    .to_string();
    let loaded = load_texts(&[("r.yaml", rule.as_bytes())], &LoadOptions::default());
    let rule = loaded.unwrap().rules.rules.remove(0);
    let host = Host {
        name: "node1".into(),
        ..Host::default()
    };
    let options = AlertOptions {
        evidence: true,
        ..AlertOptions::default()
    };
    let occurrence = Occurrence {
        number: 3,
        time_ns: TIME_NS,
        pid: 4242,
        in_command_tree: false,
    };
    Composer::new(&host, options)
        .in_zone(TimeZone::UTC)
        .compose_from(&rule, &Given::from_json(event).unwrap(), &occurrence)
}

/// An alert of the sensor about itself: it has no event.
fn internal() -> Alert {
    let fields = json!({"lost": 7}).as_object().unwrap().clone();
    let composer = Composer::new(&Host::default(), AlertOptions::default());
    let message = "7 events were lost".to_owned();
    composer.compose_internal("Lost", Priority::Error, message, fields, (TIME_NS, 1))
}

fn read(name: &str) -> Value {
    serde_json::from_slice(&fs::read(golden(name)).unwrap()).unwrap()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/formats")
        .join(name)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

#[test]
fn a_rich_alert_is_written_as_the_files_show() {
    let mut wrong = Vec::new();
    for (event, what) in [(network_event(), "network"), (file_event(), "file")] {
        let alert = alert(&event);
        let texts = Format::ALL.map(|format| {
            let name = format!("{format:?}").to_lowercase();
            match format.encode(&alert) {
                Value::String(line) => (format!("{what}.{name}"), line + "\n"),
                object => (format!("{what}.{name}.json"), pretty(&object)),
            }
        });
        let cim = (format!("{what}.cim.json"), pretty(&cim::encode(&alert)));
        for (name, text) in texts.into_iter().chain([cim]) {
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(golden(&name), &text).unwrap();
            }
            if fs::read_to_string(golden(&name)).unwrap_or_default() != text {
                wrong.push(format!("tests/formats/{name} should be:\n{text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_alert_without_an_event_is_written_in_every_format() {
    let alert = internal();
    for format in Format::ALL {
        assert!(format.line(&alert).contains("7 events were lost"));
    }
    let ecs = Format::Ecs.encode(&alert);
    assert_eq!(ecs["event"]["outcome"], "unknown");
    assert!(ecs.get("process").is_none() && ecs.get("threat").is_none());
    let ocsf = Format::Ocsf.encode(&alert);
    assert!(ocsf.get("evidences").is_none() && ocsf.get("actor").is_none());
}

#[test]
fn each_format_ranks_priorities_as_they_are_ranked() {
    let rank = |format: Format, priority| {
        let alert = Alert {
            priority,
            ..internal()
        };
        match format.encode(&alert) {
            Value::String(line) if format == Format::Cef => cef(&line).0[6].parse().unwrap(),
            Value::String(line) => leef(&line).1["sev"].parse().unwrap(),
            object if format == Format::Ecs => object["event"]["severity"].as_u64().unwrap(),
            object => object["severity_id"].as_u64().unwrap(),
        }
    };
    for format in &Format::ALL[1..] {
        let ranks = Priority::ALL.map(|priority| rank(*format, priority));
        assert!(ranks.is_sorted_by(|a, b| a >= b), "{format:?} {ranks:?}");
        assert!(ranks[0] > ranks[2] && ranks[2] > ranks[4] && ranks[4] > ranks[7]);
    }
}

#[test]
fn ipv6_addresses_stand_where_each_format_has_them() {
    let mut event = network_event();
    event["fd.cip"] = json!("2001:db8::7");
    event["fd.sip"] = json!("2001:db8::9");
    let alert = alert(&event);
    let (_, fields) = cef(&Format::Cef.line(&alert));
    assert_eq!(fields["c6a2"], "2001:db8::7");
    assert_eq!(fields["c6a3Label"], "Destination IPv6 Address");
    assert!(!fields.contains_key("src"));
    assert_eq!(leef(&Format::Leef.line(&alert)).1["dst"], "2001:db8::9");
    assert_eq!(Format::Ecs.encode(&alert)["network"]["type"], "ipv6");
}

#[test]
fn a_value_that_was_masked_is_no_number_and_no_address() {
    let mut alert = alert(&network_event());
    for name in ["fd.sip", "fd.sport", "proc.pid", "proc.pid.ts"] {
        alert.evidence.insert(name.into(), json!("[redacted]"));
    }
    let ecs = Format::Ecs.encode(&alert);
    assert!(ecs["destination"].get("ip").is_none(), "{ecs}");
    assert!(ecs["process"].get("pid").is_none(), "{ecs}");
    let ocsf = Format::Ocsf.encode(&alert);
    assert!(ocsf["evidences"][0].get("process").is_none(), "{ocsf}");
    assert!(ocsf["evidences"][0].get("src_endpoint").is_some());
}

#[test]
fn evidence_is_gathered_when_a_format_asks_for_it() {
    let asks = |outputs: &str| {
        let text = format!("outputs: [{outputs}]");
        let config = config::parse("s.yaml", &text, &[]).unwrap_or_else(|e| panic!("{e:?}"));
        config.alert_options().evidence
    };
    assert!(!asks("{type: file, path: /tmp/x}, {type: terminal}"));
    assert!(asks("{type: file, path: /tmp/x, format: ecs}"));
    assert!(asks(
        "{type: webhook, url: 'http://127.0.0.1:1/', format: leef}"
    ));
}

#[test]
fn the_page_on_outputs_lists_the_evidence() {
    let page = golden("../../docs/outputs.md");
    let page = fs::read_to_string(page).unwrap();
    for (what, fields) in evidence::FIELDS {
        let fields = fields.iter().map(|field| format!("`{field}`"));
        let row = format!("| {what} | {} |", fields.collect::<Vec<_>>().join(", "));
        assert!(page.contains(&row), "docs/outputs.md lacks:\n{row}");
    }
}

/// Reads a CEF line as its specification says and refuses all else: the header
/// fields, then keys and values.
fn cef(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
    let mut header = vec![String::new()];
    let mut rest = line.strip_prefix("CEF:0|").expect("CEF:0|").chars();
    while header.len() < 7 {
        match rest.next().expect("a header of seven fields") {
            '|' => header.push(String::new()),
            '\\' => {
                let escaped = rest.next().expect("an escaped character");
                assert!(matches!(escaped, '\\' | '|'), "{escaped:?}");
                header.last_mut().unwrap().push(escaped);
            }
            c => header.last_mut().unwrap().push(c),
        }
    }
    header.pop();
    header.insert(0, "CEF:0".into());
    // A key is the word before a bare `=`.
    let mut words: Vec<(String, String)> = Vec::new();
    let mut text = String::new();
    let mut chars = rest;
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.push(match chars.next().expect("an escaped character") {
                'n' => '\n',
                'r' => '\r',
                c @ ('\\' | '=') => c,
                c => panic!("no escape: {c:?}"),
            }),
            '=' => {
                let (value, key) = text.rsplit_once(' ').unwrap_or(("", &text));
                assert!(!key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric()));
                if let Some(last) = words.last_mut() {
                    value.clone_into(&mut last.1);
                }
                words.push((key.to_owned(), String::new()));
                text.clear();
            }
            c => {
                assert!(!c.is_control(), "{c:?}");
                text.push(c);
            }
        }
    }
    words.last_mut().expect("an extension").1 = text;
    let count = words.len();
    let fields: BTreeMap<_, _> = words.into_iter().collect();
    assert_eq!(fields.len(), count, "a key stands twice");
    (header, fields)
}

/// Reads a LEEF 2.0 line: the header fields, then keys and values.
fn leef(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
    let fields: Vec<_> = line.splitn(7, '|').map(str::to_owned).collect();
    assert_eq!((&*fields[0], &*fields[5]), ("LEEF:2.0", "x09"));
    let pairs = fields[6].split('\t').map(|pair| {
        let (key, value) = pair.split_once('=').expect("key=value");
        assert!(key.chars().all(|c| c.is_ascii_alphanumeric()), "{key:?}");
        assert!(!value.chars().any(char::is_control), "{value:?}");
        (key.to_owned(), value.to_owned())
    });
    let count = fields[6].split('\t').count();
    let attributes: BTreeMap<_, _> = pairs.collect();
    assert_eq!(attributes.len(), count, "a key stands twice");
    (fields[..6].to_vec(), attributes)
}

/// What stands for a character no line may hold.
fn plain(text: &str, keep: &[char]) -> String {
    let ends = ['\u{2028}', '\u{2029}'];
    let is_plain = |c: char| keep.contains(&c) || !c.is_control() && !ends.contains(&c);
    let plain = |c: char| if is_plain(c) { c } else { '\u{fffd}' };
    text.chars().map(plain).collect()
}

fn hostile() -> impl Strategy<Value = String> {
    let bad = prop::sample::select(vec![
        "\n",
        "\r",
        "\t",
        "\0",
        "\u{1b}[2J",
        "|",
        "=",
        "\\",
        "\\n",
        " msg=",
        "CEF:0|",
        "\u{2028}",
        "\u{85}",
        "\u{fffd}",
        "é",
        "日",
        "\"",
        "x",
        " ",
    ]);
    prop::collection::vec(bad, 1..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn hostile_values_come_back_as_they_went(rule in hostile(), text in hostile()) {
        let mut alert = alert(&network_event());
        alert.rule = Arc::from(&*rule);
        alert.message.clone_from(&text);
        alert.evidence.insert("proc.cmdline".into(), text.clone().into());
        let (header, fields) = cef(&Format::Cef.line(&alert));
        prop_assert_eq!(&header[4], &plain(&rule, &[]));
        prop_assert_eq!(&fields["cs1"], &plain(&text, &['\n', '\r']));
        prop_assert_eq!(&fields["msg"], &plain(&text, &['\n', '\r']));
        let (header, attributes) = leef(&Format::Leef.line(&alert));
        prop_assert_eq!(&header[4], &plain(&rule, &[]).replace('|', "/"));
        prop_assert_eq!(&attributes["commandLine"], &plain(&text, &[]));
        let ecs: Value = serde_json::from_str(&Format::Ecs.line(&alert)).unwrap();
        prop_assert_eq!(&ecs["process"]["command_line"], &text);
        let ocsf: Value = serde_json::from_str(&Format::Ocsf.line(&alert)).unwrap();
        prop_assert_eq!(&ocsf["evidences"][0]["process"]["cmd_line"], &text);
    }

    #[test]
    fn whatever_the_evidence_holds_each_format_gives_one_line(
        values in prop::collection::vec(prop_oneof![
            Just(json!(null)), Just(json!(-1)), Just(json!(u64::MAX)), Just(json!(1.5)),
            Just(json!(true)), Just(json!([1, "x"])), Just(json!({"a": 1})),
            hostile().prop_map(Value::from),
        ], 46),
    ) {
        let mut alert = alert(&network_event());
        let names: Vec<String> = alert.evidence.keys().cloned().collect();
        for (name, value) in names.into_iter().zip(values) {
            alert.evidence.insert(name, value);
        }
        for format in Format::ALL {
            let line = format.line(&alert);
            prop_assert!(!line.contains(['\n', '\r', '\0']), "{line}");
            match format {
                Format::Cef => drop(cef(&line)),
                Format::Leef => drop(leef(&line)),
                _ => drop(serde_json::from_str::<Value>(&line).unwrap()),
            }
        }
    }
}

#[test]
fn long_values_are_cut_where_the_dictionary_of_cef_ends() {
    let mut alert = alert(&network_event());
    alert.message = "é".repeat(1000);
    alert
        .evidence
        .insert("proc.cmdline".into(), "=".repeat(9000).into());
    let (_, fields) = cef(&Format::Cef.line(&alert));
    assert_eq!(fields["msg"].len(), 1022, "no character is torn");
    assert_eq!(fields["cs1"].len(), 4000, "counted before it is escaped");
}
