//! Google Cloud Logging: entries that are there once, by a key that signs for itself.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use sensor::alert::Priority;
use sensor::deliver::Delivery;
use serde_json::{Value, json};

use super::{FAST, alert_of, complains, finish, missing, outputs, send, start};
use crate::stand_in::intake::{Intake, Request};

/// An RSA key: its PEM, and its public half.
fn key(home: &Path) -> Option<(String, Vec<u8>)> {
    let openssl = |arguments: &[&str]| {
        let mut command = Command::new("openssl");
        let output = command.current_dir(home).args(arguments).output().ok()?;
        output.status.success().then_some(())
    };
    let made = openssl(&["genpkey", "-algorithm", "RSA", "-out", "key.pem"]).and_then(|()| {
        let public = [
            "rsa",
            "-in",
            "key.pem",
            "-RSAPublicKey_out",
            "-outform",
            "DER",
        ];
        openssl(&[&public[..], &["-out", "public.der"]].concat())
    });
    if made.is_none() {
        missing("openssl");
        return None;
    }
    let pem = std::fs::read_to_string(home.join("key.pem")).unwrap();
    Some((pem, std::fs::read(home.join("public.der")).unwrap()))
}

/// Checks a request for a token as the token service does.
fn is_signed(request: &Request, public: &[u8]) -> bool {
    let url = reqwest::Url::parse(&format!("http://x/?{}", request.body)).unwrap();
    let form: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(
        form["grant_type"],
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    );
    let (signed, signature) = form["assertion"].rsplit_once('.').unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    let part = |text: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    let (head, claims) = (part(head), part(claims));
    assert_eq!(head, json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"}));
    assert_eq!(claims["iss"], "sensor@p.example");
    assert_eq!(
        claims["scope"],
        "https://www.googleapis.com/auth/logging.write"
    );
    assert!(claims["aud"].as_str().unwrap().ends_with("/token"));
    let (from, until) = (
        claims["iat"].as_u64().unwrap(),
        claims["exp"].as_u64().unwrap(),
    );
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert!(now.abs_diff(Duration::from_secs(from)) < Duration::from_mins(1));
    assert_eq!(until - from, 3600);
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
        .verify(signed.as_bytes(), &signature)
        .is_ok()
}

/// Token service and logging; `write` judges entries, by place.
fn cloud(
    public: Vec<u8>,
    mut write: impl FnMut(&[Value]) -> (u16, String) + Send + 'static,
) -> Intake {
    let mut tokens = 0;
    Intake::start(move |request| match request.uri.path() {
        "/token" if is_signed(request, &public) => {
            tokens += 1;
            (
                200,
                format!(r#"{{"access_token":"t{tokens}","expires_in":3599}}"#),
            )
        }
        "/token" => (400, r#"{"error":"invalid_grant"}"#.to_owned()),
        "/v2/entries:write" => {
            // The first is refused, as one is that was revoked.
            if request.header("authorization") != "Bearer t2" {
                return (401, String::new());
            }
            let body: Value = serde_json::from_str(&request.body).unwrap();
            assert_eq!(body["logName"], "projects/p-1/logs/a%2Fsensor");
            assert_eq!(body["resource"], json!({"type": "global", "labels": {}}));
            assert_eq!(body["partialSuccess"], true);
            let entries = body["entries"].as_array().unwrap();
            assert!(
                entries
                    .iter()
                    .all(|entry| entry.to_string().len() <= 256 << 10)
            );
            write(entries)
        }
        other => panic!("{other}"),
    })
}

fn to(cloud: &Intake, home: &Path, pem: &str) -> Delivery {
    let file = home.join("account.json");
    let account = json!({
        "type": "service_account", "project_id": "p-1", "private_key_id": "key-1",
        "private_key": pem, "client_email": "sensor@p.example",
        "token_uri": format!("{}/token", cloud.url()),
    });
    std::fs::write(&file, account.to_string()).unwrap();
    start(&format!(
        "type: gcp, url: '{}', log: a/sensor, credentials: {{key_file: '{}'}}, {FAST}",
        cloud.url(),
        file.display()
    ))
}

/// Every entry that came, with what was answered for its request.
fn entries(cloud: &Intake) -> Vec<Value> {
    let seen = cloud.seen();
    let written = seen
        .iter()
        .filter(|r| r.header("authorization") == "Bearer t2");
    written
        .flat_map(|request| {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            body["entries"].as_array().unwrap().clone()
        })
        .collect()
}

#[test]
fn an_entry_is_the_alert_with_its_id_and_the_token_is_signed_for() {
    let home = tempfile::tempdir().unwrap();
    let Some((pem, public)) = key(home.path()) else {
        return;
    };
    let cloud = cloud(public, |_| (200, "{}".to_owned()));
    let delivery = to(&cloud, home.path(), &pem);
    let alert = alert_of("a rule", Priority::Informational);
    delivery.send(&alert);
    let account = finish(delivery);
    assert_eq!((account.delivered, account.retries), (1, 0), "{account:?}");
    let entry = &entries(&cloud)[0];
    assert_eq!(entry["insertId"], alert.id.to_string());
    assert_eq!(entry["severity"], "INFO");
    assert_eq!(entry["jsonPayload"], Value::from(alert.to_json()));
    assert_eq!(
        entry["labels"],
        json!({"rule": "a rule", "host": "node1", "source": "syscall"})
    );
    let time: jiff::Timestamp = entry["timestamp"].as_str().unwrap().parse().unwrap();
    assert_eq!(time.as_nanosecond(), i128::from(alert.time_ns));
}

#[test]
fn of_a_request_only_the_entries_that_are_named_come_again_or_are_given_up() {
    let home = tempfile::tempdir().unwrap();
    let Some((pem, public)) = key(home.path()) else {
        return;
    };
    let mut first = true;
    let cloud = cloud(public, move |entries| {
        if !std::mem::take(&mut first) {
            return (200, "{}".to_owned());
        }
        assert_eq!(entries.len(), 5);
        let kind = "type.googleapis.com/google.logging.v2.WriteLogEntriesPartialErrors";
        let errors = json!({
            "1": {"code": 3, "message": "invalid"},
            "3": {"code": 14, "message": "unavailable"},
        });
        let details = json!([{"@type": kind, "logEntryErrors": errors}]);
        (
            400,
            json!({"error": {"code": 400, "details": details}}).to_string(),
        )
    });
    let delivery = to(&cloud, home.path(), &pem);
    let mut sent = send(&delivery, 2);
    delivery.send(&alert_of(&"x".repeat(300_000), Priority::Warning));
    sent.extend(send(&delivery, 3));
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (4, 2), "{account:?}");
    let ids: Vec<Value> = entries(&cloud)
        .iter()
        .map(|e| e["insertId"].clone())
        .collect();
    let expected: Vec<_> = sent
        .iter()
        .chain([&sent[3]])
        .cloned()
        .map(Value::from)
        .collect();
    assert_eq!(ids, expected, "only the fourth comes again");
}

#[test]
fn a_key_that_is_not_known_keeps_the_alerts() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let Some(((pem, _), (_, stranger))) = key(home.path()).zip(key(other.path())) else {
        return;
    };
    let cloud = cloud(stranger, |_| (200, "{}".to_owned()));
    let delivery = to(&cloud, home.path(), &pem);
    send(&delivery, 2);
    complains(&delivery, "invalid_grant");
    assert!(entries(&cloud).is_empty());
}

#[test]
fn a_key_file_that_cannot_be_used_is_told_and_not_shown() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("account.json");
    for (text, told) in [
        ("hunter2", "is no key file"),
        (
            r#"{"project_id":"p","private_key_id":"1","private_key":"hunter2","client_email":"e",
                "token_uri":"https://t.example/token"}"#,
            "no RSA key",
        ),
        (
            r#"{"project_id":"p","private_key_id":"1","private_key":"hunter2","client_email":"e",
                "token_uri":"http://t.example/token"}"#,
            "unencrypted",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let yaml = format!(
            "[{{type: gcp, project: p-1, credentials: {{key_file: '{}'}}}}]",
            file.display()
        );
        let wrong = outputs(&yaml)[0].check().concat();
        assert!(
            wrong.contains(told) && !wrong.contains("hunter2"),
            "{wrong}"
        );
    }
}
