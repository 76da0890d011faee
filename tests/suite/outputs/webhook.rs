//! The webhook: bodies, headers, and which answers mean what.

use sensor::alert::Priority;

use super::{FAST, account, alert_of, eventually, finish, outputs, send, start};
use crate::stand_in::hook::Hook;
use crate::stand_in::intake::Intake;

#[test]
fn one_alert_a_request_with_its_id_and_the_configured_headers() {
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("token");
    std::fs::write(&token, "s3cr3t\n").unwrap();
    let (hook, token) = (Hook::start([]), token.display());
    let delivery = start(&format!(
        "type: webhook, url: '{}', bearer: 'file:{token}', headers: {{X-Team: blue}}, \
         secret_headers: {{X-Key: 'file:{token}'}}",
        hook.url()
    ));
    let sent = send(&delivery, 3);
    assert_eq!(finish(delivery).delivered, 3);
    let hook = hook.lock();
    for (request, uuid) in hook.requests.iter().zip(&sent) {
        assert_eq!(request.body["uuid"], **uuid);
        for (name, value) in [
            ("webhook-id", uuid.as_str()),
            ("authorization", "Bearer s3cr3t"),
            ("x-team", "blue"),
            ("x-key", "s3cr3t"),
            ("content-type", "application/json"),
        ] {
            assert_eq!(request.headers[name], *value, "{name}");
        }
    }
    assert_eq!(hook.requests.len(), 3);
}

#[test]
fn an_array_carries_a_batch_and_keeps_its_id_when_repeated() {
    let hook = Hook::start([503]);
    let delivery = start(&format!(
        "type: webhook, url: '{}', body: array, batch: {{max_age_ms: 60000}}, {FAST}",
        hook.url()
    ));
    let sent = send(&delivery, 7);
    assert_eq!(finish(delivery).delivered, 7);
    let hook = hook.lock();
    let [first, second] = &hook.requests[..] else {
        panic!("two requests");
    };
    assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
    let bodies = second.body.as_array().unwrap();
    let uuids: Vec<_> = bodies
        .iter()
        .map(|alert| alert["uuid"].as_str().unwrap())
        .collect();
    assert_eq!(uuids, sent);
}

#[test]
fn alerts_can_be_of_other_schemas() {
    let hook = Hook::start([]);
    let url = hook.url();
    let begin = |keys: &str| start(&format!("type: webhook, url: '{url}', {keys}"));
    let delivery = begin("format: ecs");
    let ecs = send(&delivery, 1);
    finish(delivery);
    let batch = "body: array, batch: {max_age_ms: 60000}";
    let delivery = begin(&format!("format: leef, {batch}"));
    send(&delivery, 2);
    finish(delivery);
    let hook = hook.lock();
    assert_eq!(hook.requests[0].body["event"]["id"], *ecs[0]);
    let lines = hook.requests[1].body.as_str().unwrap();
    assert_eq!(lines.matches("LEEF:2.0|").count(), 2);
    assert!(lines.ends_with('\n'));
}

#[test]
fn each_answer_has_its_consequence() {
    // The answers, then how many of one alert were delivered and refused.
    for (script, delivered, refused) in [
        (vec![200], 1, 0),
        (vec![202], 1, 0),
        (vec![408, 425, 429, 500, 502, 503, 504, 204], 1, 0),
        (vec![301, 302, 307, 308, 204], 1, 0),
        (vec![401, 204], 1, 0),
        (vec![400], 0, 1),
        (vec![403], 0, 1),
        (vec![404], 0, 1),
        (vec![410, 204], 1, 0),
        (vec![413], 0, 1),
        (vec![422], 0, 1),
    ] {
        let requests = script.len();
        let hook = Hook::start(script.clone());
        let delivery = start(&format!("type: webhook, url: '{}', {FAST}", hook.url()));
        send(&delivery, 1);
        eventually("an answer for good", || account(&delivery).queued == 0);
        let account = finish(delivery);
        assert_eq!(
            (account.delivered, account.refused),
            (delivered, refused),
            "{script:?}"
        );
        let answered: Vec<u16> = hook
            .lock()
            .requests
            .iter()
            .map(|seen| seen.answered)
            .collect();
        assert_eq!(answered, script);
        assert_eq!(answered.len(), requests);
    }
}

#[test]
fn alerts_below_the_outputs_priority_are_not_raised_there() {
    let hook = Hook::start([]);
    let delivery = start(&format!(
        "type: webhook, url: '{}', min_priority: error",
        hook.url()
    ));
    for priority in Priority::ALL {
        delivery.send(&alert_of("rule", priority));
    }
    let account = finish(delivery);
    assert_eq!((account.raised, account.delivered), (4, 4), "{account:?}");
}

#[test]
fn a_signature_proves_id_time_and_body_and_a_refused_secret_is_read_anew() {
    use base64::Engine;
    let engine = &base64::engine::general_purpose::STANDARD;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    let write = |key: &[u8]| {
        std::fs::write(&path, format!("whsec_{}\n", engine.encode(key))).unwrap();
    };
    write(b"an old key of twenty-four");
    let intake = Intake::start(move |request| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"the new key of twenty-four");
        let (id, time) = (
            request.header("webhook-id"),
            request.header("webhook-timestamp"),
        );
        let text = format!("{id}.{time}.{}", request.body);
        let given = request.header("webhook-signature").strip_prefix("v1,");
        let given = given.and_then(|given| engine.decode(given).ok());
        let good =
            given.is_some_and(|given| ring::hmac::verify(&key, text.as_bytes(), &given).is_ok());
        (if good { 204 } else { 401 }, String::new())
    });
    let delivery = start(&format!(
        "type: webhook, method: put, url: '{}', signing_secrets: ['file:{}'], {FAST}",
        intake.url(),
        path.display()
    ));
    let sent = send(&delivery, 1);
    eventually("it is refused", || account(&delivery).retries > 0);
    write(b"the new key of twenty-four");
    eventually("it is taken", || account(&delivery).delivered == 1);
    finish(delivery);
    let seen = intake.seen();
    let right = |request: &crate::stand_in::intake::Request| {
        request.method == "PUT" && request.header("webhook-id") == sent[0]
    };
    assert!(seen.len() > 1 && seen.iter().all(right));
}

#[test]
fn chat_services_get_their_own_object_whatever_a_process_is_called() {
    for (shape, pointer) in [
        ("slack", "/attachments/0/blocks/1/text/text"),
        ("teams", "/attachments/0/content/body/1/inlines/0/text"),
        ("discord", "/embeds/0/description"),
    ] {
        let hook = Hook::start([]);
        let delivery = start(&format!(
            "type: webhook, shape: {shape}, url: '{}'",
            hook.url()
        ));
        let mut hostile = (*alert_of("r\"u\\le", Priority::Critical)).clone();
        hostile.message = "\"}], \"content\": \"@everyone\" <!channel> \u{1b}[2J".repeat(500);
        delivery.send(&hostile.into());
        assert_eq!(finish(delivery).delivered, 1, "{shape}");
        let hook = hook.lock();
        let body = &hook.requests[0].body;
        let text = body.pointer(pointer).unwrap().as_str().unwrap();
        let most = 5000;
        assert!(
            text.contains("everyone") && text.chars().count() <= most,
            "{shape}"
        );
        assert!(!text.contains('\u{1b}') && body.get("content").is_none());
        assert!(
            shape != "discord" || !text.contains("\"@everyone"),
            "{text}"
        );
    }
}

#[test]
fn incidents_carry_their_key_and_only_the_services_own_word_counts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    std::fs::write(&path, "0123456789abcdef\n").unwrap();
    let mut answers = vec![
        (202, r#"{"status": "success", "dedup_key": "x"}"#),
        (429, ""),
        (200, "<html>captive</html>"),
    ];
    let intake = Intake::start(move |_| {
        let (status, body) = answers.pop().unwrap_or((500, ""));
        (status, body.to_owned())
    });
    let delivery = start(&format!(
        "type: webhook, shape: pagerduty, url: '{}', routing_key: 'file:{}', {FAST}",
        intake.url(),
        path.display()
    ));
    let sent = send(&delivery, 1);
    eventually("it is taken", || account(&delivery).delivered == 1);
    finish(delivery);
    let seen = intake.seen();
    assert_eq!(seen.len(), 3);
    for request in seen.iter() {
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body["routing_key"], "0123456789abcdef");
        assert_eq!(body["event_action"], "trigger");
        assert_eq!(body["payload"]["severity"], "warning");
        assert_eq!(body["payload"]["custom_details"]["uuid"], *sent[0]);
    }
    drop(seen);

    let intake = Intake::start(|request| {
        let known = request.header("authorization") == "GenieKey 0123456789abcdef";
        (if known { 202 } else { 401 }, "{}".to_owned())
    });
    let delivery = start(&format!(
        "type: webhook, shape: opsgenie, url: '{}', genie_key: 'file:{}', {FAST}",
        intake.url(),
        path.display()
    ));
    send(&delivery, 1);
    eventually("it is taken", || account(&delivery).delivered == 1);
    finish(delivery);
    assert!(intake.seen()[0].body.contains("\"priority\":\"P3\""));
}

#[test]
fn a_url_that_is_a_secret_is_read_anew_and_shown_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("url");
    let intake = Intake::start(|request| match request.uri.path() {
        "/services/new-hunter2" => (200, "ok".to_owned()),
        _ => (404, "no_service".to_owned()),
    });
    let write = |name: &str| std::fs::write(&path, format!("{}{name}\n", intake.url())).unwrap();
    write("/services/new-hunter2");
    let yaml = format!(
        "type: webhook, shape: slack, url: 'file:{}', {FAST}",
        path.display()
    );
    let config = outputs(&format!("[{{{yaml}}}]"));
    assert_eq!(config[0].check(), Vec::<String>::new());
    let delivery = start(&yaml);
    send(&delivery, 1);
    eventually("it is taken", || account(&delivery).delivered == 1);
    finish(delivery);

    write("/services/old-hunter2");
    let delivery = start(&yaml);
    // It is changed before the first request is answered for good.
    write("/services/new-hunter2");
    send(&delivery, 2);
    eventually("they are taken", || account(&delivery).delivered == 2);
    let told = format!("{:?} {:?}", delivery.status(), config);
    assert!(!told.contains("hunter2"), "{told}");
    finish(delivery);
    assert_eq!(intake.seen()[1].uri.path(), "/services/old-hunter2");

    std::fs::write(&path, "hunter2 is no address").unwrap();
    let wrong = config[0].check().concat();
    assert!(
        wrong.contains("holds no https: URL") && !wrong.contains("hunter2"),
        "{wrong}"
    );
}

#[test]
fn a_refusal_is_told_in_the_receivers_words() {
    let intake = Intake::start(|_| (400, "invalid_blocks\u{1b}[2J".to_owned()));
    let directory = tempfile::tempdir().unwrap();
    let config = outputs(&format!(
        "[{{type: webhook, url: '{}', {FAST}}}]",
        intake.url()
    ));
    let delivery = sensor::deliver::Delivery::start(&config, Some(directory.path())).unwrap();
    send(&delivery, 1);
    eventually("it is refused", || account(&delivery).refused == 1);
    finish(delivery);
    let letters = directory.path().join("webhook/dead.jsonl");
    let letters = std::fs::read_to_string(letters).unwrap();
    assert!(letters.contains("HTTP 400: invalid_blocks"), "{letters}");
    assert!(!letters.contains('\u{1b}'));
}

#[test]
fn bodies_are_compressed_when_asked_and_a_new_server_is_chosen_after_trouble() {
    let mut first = true;
    let intake = Intake::start(move |request| {
        assert!(request.header("content-encoding") == "gzip");
        let trouble = std::mem::replace(&mut first, false);
        (if trouble { 502 } else { 204 }, String::new())
    });
    let delivery = start(&format!(
        "type: webhook, gzip: true, url: '{}', {FAST}",
        intake.url()
    ));
    for n in 1..=3 {
        send(&delivery, 1);
        eventually("it is taken", || account(&delivery).delivered == n);
    }
    finish(delivery);
    assert!(
        intake
            .seen()
            .iter()
            .all(|request| request.body.contains("uuid"))
    );
    assert_eq!(intake.connections(), 2);
}
