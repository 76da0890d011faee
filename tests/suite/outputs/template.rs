//! Bodies of webhooks as a person writes them.

use sensor::alert::Priority;
use sensor::deliver::{Delivery, OutputConfig};
use serde_json::json;

use super::{FAST, alert_of, finish, outputs, send};
use crate::stand_in::hook::Hook;

/// A webhook with these keys, given as lines below the others.
fn webhook(hook: &Hook, keys: &str) -> Vec<OutputConfig> {
    let keys = keys.replace('\n', "\n  ");
    outputs(&format!(
        "- type: webhook\n  url: '{}'\n  {}\n  {keys}",
        hook.url(),
        FAST.replace(['{', '}'], "").replace("retry: ", "retry: {") + "}"
    ))
}

fn start(hook: &Hook, keys: &str) -> Delivery {
    Delivery::start(&webhook(hook, keys), None).unwrap()
}

#[test]
fn a_body_is_what_the_template_says_whatever_a_process_is_called() {
    let hook = Hook::start([]);
    let delivery = start(
        &hook,
        r#"template: |
  {"title": "{{ priority | upper }}: {{ rule }}",
   "text": "{{ message }}",
   "command": "{{ fields['proc.cmdline'] | default('none') }}",
   "who": {{ fields | tojson }},
   "id": "{{ uuid }}", "tags": "{{ tags | join(', ') }}", "whole": {{ alert | tojson }}}"#,
    );
    let mut hostile = (*alert_of("r\"u\\le\n", Priority::Critical)).clone();
    hostile.message = "\"}], \"admin\": true, \"x\": \"{{ rule }} {% raw %} \u{1b}[2J".to_owned();
    delivery.send(&hostile.clone().into());
    assert_eq!(finish(delivery).delivered, 1);
    let hook = hook.lock();
    let body = &hook.requests[0].body;
    assert_eq!(body["title"], "CRITICAL: r\"u\\le\n");
    assert_eq!(body["text"], *hostile.message);
    assert_eq!(body["command"], "cat /etc/shadow");
    assert_eq!(body["who"]["proc.tty"], json!(null));
    assert_eq!(body["id"], *hostile.id.to_string());
    assert_eq!(body["tags"], "T1003, files");
    assert_eq!(body["whole"]["uuid"], body["id"]);
    assert!(body.get("admin").is_none());
}

#[test]
fn an_alert_without_a_body_is_refused_with_words_and_the_others_of_its_batch_arrive() {
    let hook = Hook::start([]);
    let directory = tempfile::tempdir().unwrap();
    let config = webhook(
        &hook,
        r#"body: array
batch: {max_age_ms: 60000}
template: |
  [{% for alert in alerts %}
    {"id": "{{ alert.uuid }}", "rule": {{ alert.rule | tojson }},
     "name": "{% if alert.rule == 'bad' %}{{ alert.fields['no.such'] }}{% endif %}"}
    {{- "," if not loop.last }}
  {% endfor %}]"#,
    );
    let delivery = Delivery::start(&config, Some(directory.path())).unwrap();
    let mut expected = send(&delivery, 3);
    delivery.send(&alert_of("bad", Priority::Notice));
    expected.extend(send(&delivery, 3));
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (6, 1));
    let letters = std::fs::read_to_string(directory.path().join("webhook/dead.jsonl")).unwrap();
    assert!(letters.contains("template line 3") && letters.contains("undefined value"));
    assert_eq!(letters.lines().count(), 1);
    let hook = hook.lock();
    let bodies = hook.requests.iter().map(|request| request.body.as_array());
    let ids: Vec<&str> = bodies
        .flat_map(|body| body.unwrap())
        .map(|alert| alert["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, expected);
}

#[test]
fn a_template_may_stand_in_a_file_and_be_no_json() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("body.txt");
    let hook = Hook::start([]);
    let keys = format!(
        "template_file: '{}'\ncontent_type: 'text/plain; charset=utf-8'",
        path.display()
    );
    let told = |keys: &str| webhook(&hook, keys)[0].check().concat();
    assert!(told(&keys).contains("body.txt"));
    std::fs::write(&path, "{{ rule }}\n{{ oops }}").unwrap();
    let wrong = told(&keys);
    assert!(
        wrong.contains("body.txt: template line 2, `{{ oops }}`: undefined"),
        "{wrong}"
    );
    std::fs::write(&path, "{{ priority }}: {{ rule }}").unwrap();
    assert_eq!(told(&keys), "");
    let delivery = start(&hook, &keys);
    send(&delivery, 1);
    assert_eq!(finish(delivery).delivered, 1);
    assert_eq!(
        hook.lock().requests[0].body,
        "Warning: Read credential file"
    );
    assert!(told(&format!("{keys}\ntemplate: x")).contains("keep one"));
    assert!(told(&format!("{keys}\nshape: slack")).contains("leave out"));
}
