//! Signed requests, verified by the library of Standard Webhooks.

use serde_json::{Value, json};

use super::super::{FAST, finish, send, start};
use super::judged;
use crate::stand_in::intake::Intake;

const OLD: &str = "whsec_c2VjcmV0IG9mIGxhc3QgeWVhciwgMjQgYnl0ZXM=";
const NEW: &str = "whsec_YW5vdGhlciBzZWNyZXQsIG9mIHRvZGF5LCBsb25nZXI=";

#[test]
fn its_makers_verify_a_request_by_either_of_two_secrets_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let secret = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("'file:{}'", path.display())
    };
    let intake = Intake::start(|_| (204, String::new()));
    let delivery = start(&format!(
        "type: webhook, url: '{}', signing_secrets: [{}, {}], {FAST}",
        intake.url(),
        secret("new", NEW),
        secret("old", OLD)
    ));
    let sent = send(&delivery, 1);
    assert_eq!(finish(delivery).delivered, 1);
    let seen = intake.seen();
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers = names.map(|name| (name.to_owned(), Value::from(seen[0].header(name))));
    let headers = Value::Object(headers.into_iter().collect());
    let request = |body: &[u8]| [headers.to_string().as_bytes(), b"\n", body].concat();
    for key in [OLD, NEW] {
        let Some(body) = judged("webhook.py", &[key], &request(&seen[0].bytes)) else {
            return;
        };
        assert_eq!(body["uuid"], json!(sent[0]));
    }
    let forged = request(&[&seen[0].bytes[..], b" "].concat());
    let caught = std::panic::catch_unwind(|| judged("webhook.py", &[NEW], &forged));
    assert!(caught.is_err(), "another body is not what was signed");
}
