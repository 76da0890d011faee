//! Azure Monitor: rows that the shipped table and rule declare, with tokens of every kind.

use std::collections::BTreeMap;
use std::path::Path;

use sensor::alert::Priority;
use sensor::deliver::Delivery;
use serde_json::Value;

use super::{FAST, account, alert_of, complains, eventually, finish, send, start};
use crate::stand_in::intake::{Intake, Request};

const INGEST: &str = "/dataCollectionRules/dcr-1/streams/Custom-SensorAlerts";
const SECRET: &str = "hunter2 &=+";

/// A form's pairs, decoded.
fn form(body: &str) -> BTreeMap<String, String> {
    let pairs = reqwest::Url::parse(&format!("http://x/?{body}")).unwrap();
    pairs.query_pairs().into_owned().collect()
}

/// The token service, the machine's identity and the ingestion in one; `good` is the
/// token that is good now.
fn cloud(good: &'static str, mut faults: Vec<(u16, &'static str)>) -> Intake {
    let mut tokens = 0;
    Intake::start(move |request| match request.uri.path() {
        "/tenant-1/oauth2/v2.0/token" => {
            let form = form(&request.body);
            let proved = match form.get("client_assertion") {
                Some(token) => {
                    token == "federated"
                        && form["client_assertion_type"]
                            == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
                }
                None => form["client_secret"] == SECRET,
            };
            assert_eq!(form["grant_type"], "client_credentials");
            assert_eq!(form["scope"], "https://monitor.azure.com/.default");
            if !proved || form["client_id"] != "app-1" {
                return (401, r#"{"error":"invalid_client"}"#.to_owned());
            }
            tokens += 1;
            let token = if tokens == 1 { "stale" } else { good };
            (
                200,
                format!(r#"{{"access_token":"{token}","expires_in":3599}}"#),
            )
        }
        INGEST => ingest(request, good, &mut faults),
        other => panic!("{other}"),
    })
}

fn ingest(request: &Request, good: &str, faults: &mut Vec<(u16, &'static str)>) -> (u16, String) {
    assert_eq!(request.uri.query(), Some("api-version=2023-01-01"));
    assert_eq!(request.header("content-type"), "application/json");
    if request.header("authorization") != format!("Bearer {good}") {
        return (401, r#"{"error":{"code":"InvalidToken"}}"#.to_owned());
    }
    if request.bytes.len() > 1_000_000 {
        return (413, String::new());
    }
    if let Some((status, body)) = faults.pop() {
        return (status, body.to_owned());
    }
    let rows: Vec<Value> = serde_json::from_slice(&request.bytes).unwrap();
    if rows.iter().any(|row| row["RuleName"] == "bad") {
        return (400, r#"{"error":{"code":"InvalidRequest"}}"#.to_owned());
    }
    (204, String::new())
}

fn to(cloud: &Intake, home: &Path, more: &str) -> Delivery {
    let secret = home.join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    start(&format!(
        "type: azure, url: '{url}', rule: dcr-1, \
         credentials: {{tenant: tenant-1, client_id: app-1, authority: '{url}', {more}}}, {FAST}",
        url = cloud.url(),
        more = more.replace("SECRET", &format!("'file:{}'", secret.display()))
    ))
}

/// The rows of all requests that were taken.
fn rows(cloud: &Intake) -> Vec<Value> {
    let seen = cloud.seen();
    let ingested = seen.iter().filter(|request| request.uri.path() == INGEST);
    let taken = ingested.filter(|request| request.header("authorization") == "Bearer good");
    taken
        .flat_map(|request| serde_json::from_slice::<Vec<Value>>(&request.bytes).unwrap())
        .collect()
}

/// The columns that a shipped file declares, with their types.
fn declared(file: &str, pointer: &str) -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy/azure")
        .join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let columns = file.pointer(pointer).unwrap().as_array().unwrap();
    let text = |column: &Value, key: &str| column[key].as_str().unwrap().to_owned();
    let pair = |column| (text(column, "name"), text(column, "type"));
    columns.iter().map(pair).collect()
}

#[test]
fn every_row_has_the_columns_that_table_and_rule_declare() {
    let home = tempfile::tempdir().unwrap();
    let cloud = cloud("good", Vec::new());
    let delivery = to(&cloud, home.path(), "client_secret: SECRET");
    let sent = send(&delivery, 3);
    let account = finish(delivery);
    // The first token is refused, and another asked for at once.
    assert_eq!((account.delivered, account.retries), (3, 0), "{account:?}");
    let table = declared("table.json", "/properties/schema/columns");
    let rule = declared(
        "data-collection-rule.json",
        "/resources/0/properties/streamDeclarations/Custom-SensorAlerts/columns",
    );
    assert_eq!(table, rule);
    let rows = rows(&cloud);
    let ids = rows.iter().map(|row| row["AlertId"].as_str().unwrap());
    assert_eq!(ids.collect::<Vec<_>>(), sent);
    for row in &rows {
        let row = row.as_object().unwrap();
        assert!(row.keys().eq(table.keys()), "{row:?}");
        for (name, value) in row {
            let fits = match &*table[name] {
                "string" => value.is_string(),
                "int" => value.is_u64(),
                "dynamic" => value.is_object() || value.is_array(),
                "datetime" => value.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(),
                other => panic!("{other}"),
            };
            assert!(fits, "{name}: {value} is no {}", table[name]);
        }
    }
}

#[test]
fn a_workload_proves_itself_by_the_token_in_its_file() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("federated");
    std::fs::write(&file, "federated").unwrap();
    let cloud = cloud("good", Vec::new());
    let more = format!("token_file: '{}'", file.display());
    let delivery = to(&cloud, home.path(), &more);
    send(&delivery, 2);
    assert_eq!(finish(delivery).delivered, 2);
}

#[test]
fn who_is_not_known_keeps_the_alerts_and_says_no_secret() {
    let home = tempfile::tempdir().unwrap();
    let cloud = cloud("good", Vec::new());
    let delivery = to(&cloud, home.path(), "client_secret: SECRET");
    std::fs::write(home.path().join("secret"), "wrong hunter3").unwrap();
    send(&delivery, 2);
    complains(&delivery, "invalid_client");
    let told = format!("{:?}", delivery.status());
    assert!(!told.contains("hunter"), "{told}");
    std::fs::write(home.path().join("secret"), SECRET).unwrap();
    eventually("they are taken", || account(&delivery).delivered == 2);
    finish(delivery);
}

#[test]
fn what_the_service_refuses_is_repeated_kept_or_found_among_the_others() {
    let home = tempfile::tempdir().unwrap();
    // Taken from the end.
    let faults = vec![(500, ""), (403, "no role"), (429, "slow down"), (503, "")];
    let cloud = cloud("good", faults);
    let delivery = to(&cloud, home.path(), "client_secret: SECRET");
    send(&delivery, 2);
    delivery.send(&alert_of("bad", Priority::Warning));
    send(&delivery, 2);
    eventually("all are done with", || {
        let account = account(&delivery);
        account.delivered + account.refused == 5
    });
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (4, 1), "{account:?}");
    assert!(account.retries >= 4, "{account:?}");
}

#[test]
fn a_batch_that_is_too_large_is_halved_before_it_leaves() {
    let home = tempfile::tempdir().unwrap();
    let cloud = cloud("good", Vec::new());
    let delivery = to(&cloud, home.path(), "client_secret: SECRET");
    let long = "x".repeat(20_000);
    for _ in 0..40 {
        delivery.send(&alert_of(&long, Priority::Warning));
    }
    assert_eq!(finish(delivery).delivered, 40);
    let largest = cloud.seen().iter().map(|request| request.bytes.len()).max();
    assert!(largest.unwrap() <= 1_000_000, "{largest:?}");
}
