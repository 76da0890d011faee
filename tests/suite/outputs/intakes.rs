//! Loki, Elasticsearch, OTLP, Alertmanager, Datadog, `InfluxDB`: what is sent is as
//! their interfaces have it, and each of their answers has its consequence.

use std::path::Path;
use std::process::Command;

use sensor::alert::Priority;
use serde_json::{Value, json};

use super::{Daemon, FAST, account, alert_of, eventually, finish, free_port, send, start};
use crate::stand_in::intake::{Intake, Request};

fn is_post(request: &Request, path: &str, content: &str) -> bool {
    request.method == "POST"
        && request.uri.path() == path
        && request.header("content-type") == content
}

/// Loki's checks of a push, by its documentation.
fn loki(request: &Request, bad: Option<&str>) -> (u16, String) {
    let refuse = |why: &str| (400, why.to_owned());
    if !is_post(request, "/loki/api/v1/push", "application/json") {
        return (404, "404 page not found".into());
    }
    let Ok(body) = serde_json::from_str::<Value>(&request.body) else {
        return refuse("no JSON");
    };
    for stream in body["streams"].as_array().into_iter().flatten() {
        let labels = stream["stream"].as_object().unwrap();
        if labels.is_empty() || !labels.values().all(Value::is_string) {
            return refuse("error at least one label pair is required per stream");
        }
        for value in stream["values"].as_array().unwrap() {
            let time: Option<i64> = value[0].as_str().and_then(|text| text.parse().ok());
            if time.is_none() || !value[1].is_string() {
                return refuse("invalid timestamp or line");
            }
            let metadata = value[2].as_object().unwrap();
            if !metadata.values().all(Value::is_string) {
                return refuse("invalid structured metadata");
            }
            if bad.is_some_and(|bad| metadata["rule"] == bad) {
                return refuse("entry for stream has timestamp too old");
            }
        }
    }
    (204, String::new())
}

#[test]
fn loki_gets_few_streams_and_only_a_line_it_refuses_is_given_up() {
    let intake = Intake::start(|request| loki(request, Some("bad")));
    let delivery = start(&format!(
        "type: loki, url: '{}', tenant: blue, labels: {{team: red}}, \
         batch: {{max_age_ms: 60000}}, {FAST}",
        intake.url()
    ));
    let mut sent = send(&delivery, 5);
    delivery.send(&alert_of("bad", Priority::Warning));
    sent.extend(send(&delivery, 5));
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (10, 1), "{account:?}");
    let seen = intake.seen();
    assert!(seen.len() > 1);
    assert_eq!(seen[0].header("x-scope-orgid"), "blue");
    let first: Value = serde_json::from_str(&seen[0].body).unwrap();
    let [stream] = &first["streams"].as_array().unwrap()[..] else {
        panic!("one stream: {first}");
    };
    assert_eq!(
        stream["stream"],
        json!({"team": "red", "host": "node1", "priority": "Warning", "source": "syscall"})
    );
    assert_eq!(stream["values"][0][2]["uuid"], sent[0]);
    let line: Value = serde_json::from_str(stream["values"][0][1].as_str().unwrap()).unwrap();
    assert_eq!(line["uuid"], sent[0]);
}

#[test]
fn a_busy_loki_is_asked_again_and_a_wrong_path_keeps_the_alerts() {
    let mut answers = vec![
        (204, ""),
        (404, ""),
        (500, ""),
        (429, "rate limit exceeded"),
    ];
    let intake = Intake::start(move |request| match answers.pop() {
        Some((status, words)) => (status, words.to_owned()),
        None => loki(request, None),
    });
    let delivery = start(&format!("type: loki, url: '{}', {FAST}", intake.url()));
    send(&delivery, 1);
    eventually("it is taken", || account(&delivery).delivered == 1);
    let account = finish(delivery);
    assert_eq!((account.refused, account.retries), (0, 3), "{account:?}");
}

/// A bulk answer: each document's status by its rule.
fn bulk(request: &Request, status: impl Fn(&str) -> u16) -> (u16, String) {
    if !is_post(request, "/_bulk", "application/x-ndjson") || !request.body.ends_with('\n') {
        return (
            400,
            "The bulk request must be terminated by a newline".into(),
        );
    }
    let lines: Vec<Value> = request
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut items = Vec::new();
    for pair in lines.chunks(2) {
        // Data streams take nothing else.
        let action = &pair[0]["create"];
        assert!(action["_id"].is_string() && action["_index"].is_string());
        assert!(!pair[1]["@timestamp"].is_null());
        let status = status(pair[1]["rule"]["name"].as_str().unwrap());
        let error = json!({"type": "some_exception", "reason": "some reason"});
        items.push(match status {
            200..=299 => json!({"create": {"status": status}}),
            status => json!({"create": {"status": status, "error": error}}),
        });
    }
    let errors = items
        .iter()
        .any(|item| item["create"].get("error").is_some());
    (200, json!({"errors": errors, "items": items}).to_string())
}

#[test]
fn each_document_of_a_bulk_request_has_its_own_fate() {
    let mut busy = 3;
    let intake = Intake::start(move |request| {
        busy -= 1;
        bulk(request, |rule| match rule {
            "bad" => 400,
            "slow" if busy > 0 => 429,
            "there" => 409,
            _ => 201,
        })
    });
    let delivery = start(&format!(
        "type: elasticsearch, url: '{}', batch: {{max_age_ms: 60000}}, {FAST}",
        intake.url()
    ));
    for rule in ["good", "bad", "slow", "there", "good", "slow"] {
        delivery.send(&alert_of(rule, Priority::Warning));
    }
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (5, 1), "{account:?}");
    // Only those that came too fast are sent again, in their order.
    let sizes: Vec<usize> = intake
        .seen()
        .iter()
        .map(|request| request.body.lines().count() / 2)
        .collect();
    assert_eq!(sizes, [6, 2, 2]);
    assert!(
        intake.seen()[0]
            .uri
            .query()
            .unwrap()
            .contains("filter_path")
    );
}

#[test]
fn a_bulk_answer_that_makes_no_sense_is_no_delivery() {
    let mut answers = vec!["{\"errors\":true,\"items\":[]}", "<html>", "", "{}"];
    let intake = Intake::start(move |request| match answers.pop() {
        Some(words) => (200, words.to_owned()),
        None => bulk(request, |_| 201),
    });
    let delivery = start(&format!(
        "type: elasticsearch, url: '{}', {FAST}",
        intake.url()
    ));
    send(&delivery, 1);
    eventually("it is taken", || account(&delivery).delivered == 1);
    assert_eq!(finish(delivery).retries, 4);
}

#[test]
fn an_otlp_record_has_the_events_time_and_severity_and_typed_attributes() {
    let intake = Intake::start(|request| {
        let right = is_post(request, "/v1/logs", "application/json");
        (if right { 200 } else { 404 }, "{}".to_owned())
    });
    let delivery = start(&format!("type: otlp, url: '{}', {FAST}", intake.url()));
    let alert = alert_of("rule", Priority::Critical);
    delivery.send(&alert);
    assert_eq!(finish(delivery).delivered, 1);
    let body: Value = serde_json::from_str(&intake.seen()[0].body).unwrap();
    let record = body.pointer("/resourceLogs/0/scopeLogs/0/logRecords/0");
    let record = record.unwrap();
    assert_eq!(record["timeUnixNano"], alert.time_ns.to_string());
    assert_eq!(record["severityNumber"], 18);
    assert_eq!(record["body"]["stringValue"], alert.message);
    let attributes = record["attributes"].as_array().unwrap();
    for (key, value) in [
        (
            "log.record.uid",
            json!({"stringValue": alert.id.to_string()}),
        ),
        ("evt.time", json!({"intValue": "1"})),
        (
            "rule.tags",
            json!({"arrayValue": {"values": [{"stringValue": "T1003"}, {"stringValue": "files"}]}}),
        ),
    ] {
        assert!(
            attributes.contains(&json!({"key": key, "value": value})),
            "{key}"
        );
    }
}

#[test]
fn what_an_otlp_collector_rejects_is_not_sent_again_and_not_forgotten() {
    for (encoding, answer) in [
        (
            "json",
            r#"{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}"#,
        ),
        // The same by hand: field 1, of 11 bytes; in it 1, a number, and 2, of 7 bytes.
        ("protobuf", "\x0a\x0b\x08\x02\x12\x07too old"),
    ] {
        let intake = Intake::start(move |_| (200, answer.to_owned()));
        let delivery = start(&format!(
            "type: otlp, encoding: {encoding}, url: '{}', batch: {{max_age_ms: 60000}}, {FAST}",
            intake.url()
        ));
        send(&delivery, 3);
        let account = finish(delivery);
        let expected = (3, 0);
        assert_eq!((account.refused, account.delivered), expected, "{encoding}");
        assert_eq!(intake.seen().len(), 1);
    }
}

#[test]
fn datadog_gets_an_array_with_its_key_and_a_refused_key_keeps_the_alerts() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    std::fs::write(&key, "old").unwrap();
    let intake = Intake::start(|request| {
        let logs: Result<Vec<Value>, _> = serde_json::from_str(&request.body);
        match (request.header("dd-api-key"), logs) {
            ("new", Ok(logs)) if !logs.is_empty() => (202, "{}".into()),
            ("new", _) => (400, "{\"errors\":[]}".into()),
            _ => (403, "{\"errors\":[{\"title\":\"Forbidden\"}]}".into()),
        }
    });
    let delivery = start(&format!(
        "type: datadog, url: '{}', api_key: 'file:{}', tags: {{env: prod}}, {FAST}",
        intake.url(),
        key.display()
    ));
    let sent = send(&delivery, 1);
    eventually("it is refused", || account(&delivery).retries > 0);
    std::fs::write(&key, "new").unwrap();
    eventually("it is taken", || account(&delivery).delivered == 1);
    assert_eq!(finish(delivery).refused, 0);
    let seen = intake.seen();
    let last = seen.last().unwrap();
    assert_eq!(last.uri.path(), "/api/v2/logs");
    let log: Value = serde_json::from_str(&last.body).unwrap();
    assert_eq!(log[0]["status"], "warning");
    assert_eq!(
        log[0]["ddtags"],
        "rule:Read credential file,priority:warning,env:prod"
    );
    assert_eq!(log[0]["uuid"], sent[0]);
}

fn daemon(program: &str, arguments: &[String]) -> Option<Daemon> {
    if !Path::new(program).exists() {
        super::missing(program);
        return None;
    }
    Some(Daemon::start(Command::new(program).args(arguments)))
}

/// What `url` answers to this request of ours.
fn fetch(url: &str) -> Option<String> {
    let (host, path) = url.strip_prefix("http://")?.split_once('/')?;
    let mut stream = std::net::TcpStream::connect(host).ok()?;
    let request = format!("GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).ok()?;
    std::io::read_to_string(stream).ok()
}

#[test]
fn alertmanager_itself_takes_alerts_with_their_time_and_few_labels() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.yml");
    std::fs::write(
        &config,
        "route: {receiver: none}\nreceivers: [{name: none}]\n",
    )
    .unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let arguments = [
        format!("--config.file={}", config.display()),
        format!("--storage.path={}", directory.path().display()),
        format!("--web.listen-address={address}"),
        "--cluster.listen-address=".to_owned(),
    ];
    let Some(_daemon) = daemon("/usr/bin/prometheus-alertmanager", &arguments) else {
        return;
    };
    let delivery = start(&format!(
        "type: alertmanager, url: 'http://{address}', labels: {{team: red}}, {FAST}"
    ));
    let alert = alert_of("Rule \"of\" it", Priority::Critical);
    delivery.send(&alert);
    eventually("it is taken", || account(&delivery).delivered == 1);
    assert_eq!(finish(delivery).refused, 0);
    let mut shown = String::new();
    eventually("it is there", || {
        shown = fetch(&format!("http://{address}/api/v2/alerts")).unwrap_or_default();
        shown.contains(&alert.id.to_string())
    });
    let body = shown.split_once("\r\n\r\n").unwrap().1;
    let alerts: Value = serde_json::from_str(body).unwrap();
    let time = jiff::Timestamp::from_nanosecond(i128::from(alert.time_ns)).unwrap();
    let starts: jiff::Timestamp = alerts[0]["startsAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(starts.as_millisecond(), time.as_millisecond());
    assert_eq!(
        alerts[0]["labels"],
        json!({"alertname": "Rule \"of\" it", "instance": "node1", "priority": "Critical",
               "severity": "critical", "source": "syscall", "team": "red"})
    );
    assert_eq!(alerts[0]["annotations"]["proc_cmdline"], "cat /etc/shadow");
}

#[test]
fn influxdb_itself_gives_back_what_was_written_however_hostile() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().display();
    let (port, rpc) = (free_port(), free_port());
    let config = directory.path().join("influxdb.conf");
    let text = format!(
        "reporting-disabled = true\nbind-address = \"127.0.0.1:{rpc}\"\n[meta]\n  dir = \"{home}/meta\"\n\
         [data]\n  dir = \"{home}/data\"\n  wal-dir = \"{home}/wal\"\n\
         [http]\n  bind-address = \"127.0.0.1:{port}\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let arguments = ["-config".to_owned(), config.display().to_string()];
    let Some(_daemon) = daemon("/usr/bin/influxd", &arguments) else {
        return;
    };
    let url = format!("http://127.0.0.1:{port}");
    let delivery = start(&format!(
        "type: influxdb, url: '{url}', database: sec, {FAST}"
    ));
    let mut hostile = (*alert_of("a, b=c \"d\" \\", Priority::Warning)).clone();
    hostile.message = "say \"hi\" \\\\ , = \\".into();
    let fields = json!({"proc.name": "x\\", "evt.num": 7, "a b,c=d": true, "n": null});
    hostile.output_fields = fields.as_object().unwrap().clone();
    delivery.send(&hostile.clone().into());
    eventually("there is no such database", || {
        account(&delivery).retries > 0
    });
    assert_eq!(account(&delivery).refused, 0, "it is kept");
    eventually("it is made", || {
        fetch(&format!("{url}/query?q=CREATE+DATABASE+sec"))
            .is_some_and(|said| said.contains("200"))
    });
    eventually("it is taken", || account(&delivery).delivered == 1);
    finish(delivery);
    let shown = fetch(&format!(
        "{url}/query?db=sec&epoch=ns&q=SELECT+*+FROM+alerts"
    ))
    .unwrap();
    let body: Value = serde_json::from_str(shown.split_once("\r\n\r\n").unwrap().1).unwrap();
    let series = &body["results"][0]["series"][0];
    let columns = series["columns"].as_array().unwrap();
    let of = |name: &str| {
        let at = columns.iter().position(|column| column == name);
        at.map(|at| series["values"][0][at].clone())
    };
    assert_eq!(of("message"), Some(json!(hostile.message)));
    assert_eq!(of("rule"), Some(json!("a, b=c \"d\" /")));
    assert_eq!(of("proc.name"), Some(json!("x\\")));
    assert_eq!(of("evt.num"), Some(json!(7)));
    assert_eq!(of("a b,c=d"), Some(json!(true)));
    assert_eq!(of("time"), Some(json!(hostile.time_ns)));
    assert_eq!(of("uuid"), Some(json!(hostile.id.to_string())));
}

#[test]
fn victoriametrics_takes_what_is_meant_for_version_2_of_influxdb() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let arguments = [
        format!("-httpListenAddr={address}"),
        format!("-storageDataPath={}", directory.path().display()),
    ];
    let Some(_daemon) = daemon("/usr/bin/victoria-metrics", &arguments) else {
        return;
    };
    let delivery = start(&format!(
        "type: influxdb, url: 'http://{address}', org: sec, bucket: alerts, {FAST}"
    ));
    let mut alert = (*alert_of("a, b=c \"d\"", Priority::Warning)).clone();
    // It refuses what is older than a month.
    let now = jiff::Timestamp::now().as_millisecond();
    alert.time_ns = u64::try_from(now).unwrap() * 1_000_000;
    alert.output_fields = json!({"evt.num": 7}).as_object().unwrap().clone();
    delivery.send(&alert.into());
    eventually("it is taken", || account(&delivery).delivered == 1);
    assert_eq!(finish(delivery).refused, 0);
    let series = format!("http://{address}/api/v1/export?match[]={{__name__=~%22alerts.*num%22}}");
    let mut shown = String::new();
    eventually("it is there", || {
        shown = fetch(&series).unwrap_or_default();
        shown.contains("evt.num")
    });
    let body = shown.split_once("\r\n\r\n").unwrap().1;
    let found: Value = serde_json::from_str(body.trim()).unwrap();
    assert_eq!(found["values"], json!([7]));
    assert_eq!(found["timestamps"], json!([now]));
    assert_eq!(found["metric"]["rule"], "a, b=c \"d\"");
    assert_eq!(found["metric"]["priority"], "Warning");
}
