//! Every answer of a collector has its consequence.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn reply(status: u16, body: &str) -> Reply {
    Reply {
        status,
        retry_after: Some(Duration::from_secs(7)),
        body: body.into(),
        complete: true,
    }
}

/// `taken`, then the first letter group of what happens to the rest.
fn told(status: u16, body: &str) -> String {
    let answer = judge(&reply(status, body), 5).answer;
    let rest = match answer.rest {
        Rest::Nothing => "nothing",
        Rest::RefuseFirst(_) => "refuse first",
        Rest::RefuseAll(_) => "refuse all",
        Rest::Split(_) => "split",
        Rest::Retry(_, Some(_)) => "retry",
        Rest::Retry(_, None) => "retry without wish",
        Rest::Blocked(_) => "blocked",
        Rest::Each(_) => "each its own",
    };
    format!("{} {rest}", answer.taken)
}

#[test]
fn every_code_splunk_documents_has_its_consequence() {
    for (status, code, expected) in [
        (200, 0, "5 nothing"),
        (403, 1, "0 blocked"),
        (401, 2, "0 blocked"),
        (401, 3, "0 blocked"),
        (403, 4, "0 blocked"),
        (400, 5, "0 split"),
        (400, 6, "0 split"),
        (400, 7, "0 blocked"),
        (500, 8, "0 retry"),
        (503, 9, "0 retry"),
        (400, 10, "0 blocked"),
        (400, 11, "0 retry"),
        (400, 12, "0 split"),
        (400, 13, "0 split"),
        (400, 14, "0 blocked"),
        (400, 15, "0 split"),
        (400, 16, "0 blocked"),
        (200, 17, "0 blocked"),
        (503, 18, "0 retry"),
        (503, 19, "0 retry"),
        (503, 20, "0 retry"),
        (400, 21, "0 blocked"),
        (400, 22, "0 blocked"),
        (503, 23, "0 retry"),
        (200, 24, "5 nothing"),
        (200, 25, "5 nothing"),
        (429, 26, "0 retry"),
        (429, 27, "0 retry"),
        (400, 28, "0 blocked"),
        (413, 413, "0 split"),
        (404, 404, "0 blocked"),
        (405, 405, "0 blocked"),
        (415, 415, "0 blocked"),
    ] {
        let body = format!(r#"{{"text":"whatever","code":{code}}}"#);
        assert_eq!(told(status, &body), expected, "{status}/{code}");
    }
}

#[test]
fn a_named_bad_event_costs_that_event_alone() {
    for (status, body, expected) in [
        (
            400,
            r#"{"code":6,"invalid-event-number":2}"#,
            "2 refuse first",
        ),
        (
            400,
            r#"{"code":6,"invalid-event-number":2,"ackId":7}"#,
            "2 refuse first",
        ),
        (
            400,
            r#"{"code":12,"invalid-event-number":0}"#,
            "0 refuse first",
        ),
        (
            400,
            r#"{"code":15,"invalid-event-number":4}"#,
            "4 refuse first",
        ),
        (400, r#"{"code":6,"invalid-event-number":5}"#, "0 split"),
        (400, r#"{"code":6,"invalid-event-number":-1}"#, "0 split"),
        (400, r#"{"code":7,"invalid-event-number":1}"#, "1 blocked"),
        (503, r#"{"code":9,"invalid-event-number":3}"#, "3 retry"),
    ] {
        assert_eq!(told(status, body), expected, "{body}");
    }
}

#[test]
fn what_else_is_to_be_done_is_told_by_code_and_status() {
    for (status, body, sent, expected) in [
        (200, r#"{"code":0}"#, 5, Cause::Other),
        (200, r#"{"code":24}"#, 5, Cause::NearlyFull),
        (200, r#"{"code":25}"#, 5, Cause::NearlyFull),
        (429, r#"{"code":26}"#, 5, Cause::Other),
        (429, r#"{"code":27}"#, 5, Cause::TooManyAcks),
        (403, r#"{"code":4}"#, 5, Cause::Token),
        (400, r#"{"code":22}"#, 5, Cause::Token),
        (403, "<html>", 5, Cause::Token),
        (400, r#"{"code":10}"#, 5, Cause::Channel),
        (400, r#"{"code":11}"#, 5, Cause::Channel),
        (400, r#"{"code":28}"#, 5, Cause::Channel),
        (
            400,
            r#"{"code":15,"invalid-event-number":4}"#,
            5,
            Cause::Fields(4),
        ),
        (
            400,
            r#"{"code":15,"invalid-event-number":5}"#,
            5,
            Cause::Other,
        ),
        (
            400,
            r#"{"code":15,"invalid-event-number":9}"#,
            1,
            Cause::Other,
        ),
        (400, r#"{"code":15}"#, 5, Cause::Other),
        (400, r#"{"code":15}"#, 1, Cause::Fields(0)),
        (
            503,
            r#"{"code":15,"invalid-event-number":0}"#,
            5,
            Cause::Other,
        ),
        (
            400,
            r#"{"code":7,"invalid-event-number":2}"#,
            5,
            Cause::Index(Some(2)),
        ),
        (400, r#"{"code":7}"#, 5, Cause::Index(None)),
        (400, r#"{"code":7}"#, 1, Cause::Index(Some(0))),
        (
            400,
            r#"{"code":6,"invalid-event-number":0}"#,
            5,
            Cause::Other,
        ),
    ] {
        assert_eq!(
            judge(&reply(status, body), sent).cause,
            expected,
            "{status} {body}"
        );
    }
}

#[test]
fn only_splunks_own_word_is_health() {
    for (status, body, expected) in [
        (200, r#"{"text":"HEC is healthy","code":17}"#, true),
        (200, "<html>", false),
        (503, r#"{"code":18}"#, false),
        (503, r#"{"code":19}"#, false),
        (503, r#"{"code":20}"#, false),
        (400, r#"{"code":21}"#, false),
    ] {
        assert_eq!(
            is_healthy(&reply(status, body)),
            expected,
            "{status} {body}"
        );
    }
}

#[test]
fn an_answer_that_is_not_splunks_is_judged_by_its_status() {
    let html = "<html><h1>502 Bad Gateway</h1>";
    for (status, body, expected) in [
        (502, html, "0 retry"),
        (403, html, "0 blocked"),
        (302, html, "0 blocked"),
        (400, html, "0 split"),
        (200, html, "0 blocked"),
        (200, "", "5 nothing"),
        (204, "", "5 nothing"),
        (200, "{}", "5 nothing"),
    ] {
        assert_eq!(told(status, body), expected, "{status} {body}");
    }
    let mut torn = reply(200, r#"{"text":"Succ"#);
    torn.complete = false;
    assert_eq!(judge(&torn, 5).answer.taken, 5);
}

#[test]
fn the_ack_id_is_read_in_both_spellings() {
    for body in [r#"{"ackId":7}"#, r#"{"ackID":7}"#] {
        assert_eq!(parse_answer(body.as_bytes()).ack_id, Some(7));
    }
}

proptest! {
    #[test]
    fn any_bytes_with_any_status_give_an_answer_within_the_batch(
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            (any::<i64>(), any::<i64>()).prop_map(|(code, n)| {
                format!(r#"{{"code":{code},"invalid-event-number":{n}}}"#).into_bytes()
            }),
        ],
        status in 0_u16..1000,
        sent in 1_usize..20,
    ) {
        let reply = Reply { status, retry_after: None, body, complete: true };
        let verdict = judge(&reply, sent);
        if let Cause::Fields(n) | Cause::Index(Some(n)) = verdict.cause {
            prop_assert!(n < sent);
        }
        let answer = verdict.answer;
        prop_assert!(answer.taken <= sent);
        prop_assert_eq!(answer.rest == Rest::Nothing, answer.taken == sent);
    }
}
