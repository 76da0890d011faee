//! What an answer of Splunk's HEC means.
//!
//! A reply comes in, an [`Answer`] for the batch leaves. The body may be
//! anything (a proxy's HTML, half a JSON text): reading it is total. The HTTP
//! status decides first, HEC's code second, its text never.

use serde_json::Value;

use crate::deliver::common::{Answer, Rest};
use crate::deliver::http::{self, Reply};

/// What a body said, as far as it could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HecAnswer {
    /// The body was one JSON object.
    pub is_hec: bool,
    /// HEC's own code; some answers repeat the HTTP status here.
    pub code: Option<u64>,
    /// The first event of the batch that was not taken, counted from 0.
    pub invalid_event: Option<usize>,
    /// Given when the token asks for indexer acknowledgement.
    pub ack_id: Option<u64>,
}

/// Reads an answer's body, whatever it holds.
pub fn parse_answer(body: &[u8]) -> HecAnswer {
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return HecAnswer::default();
    };
    let number = |key: &str| object.get(key).and_then(Value::as_u64);
    HecAnswer {
        is_hec: true,
        code: number("code"),
        invalid_event: number("invalid-event-number").and_then(|n| usize::try_from(n).ok()),
        // The documentation spells it both ways.
        ack_id: number("ackId").or_else(|| number("ackID")),
    }
}

/// What became of a batch of `sent` events.
pub(super) fn judge(reply: &Reply, sent: usize) -> Answer {
    let hec = parse_answer(&reply.body);
    let status = reply.status;
    if (200..300).contains(&status) {
        return judge_success(reply, &hec, sent);
    }
    let why = match hec.code {
        Some(code) => format!("HTTP {status}, HEC code {code}"),
        None => format!("HTTP {status}"),
    };
    // A number beyond what we sent is no index into it.
    let bad = hec.invalid_event.filter(|n| *n < sent);
    let taken = bad.unwrap_or(0);
    let rest = match (status, hec.code) {
        // Busy is also said with other statuses than 503.
        (_, Some(8 | 9 | 18..=20 | 23 | 26 | 27)) => Rest::Retry(why, reply.retry_after),
        // The index is the same for all events, so a person must create it or
        // name another; refusing would lose every alert until then.
        (400, Some(7)) => Rest::Blocked(format!("{why}: the index is not allowed")),
        (400 | 401 | 403, Some(1..=4 | 21 | 22)) => {
            Rest::Blocked(format!("{why}: the token is not accepted"))
        }
        (400, Some(6 | 12 | 13 | 15)) if bad.is_some() => Rest::RefuseFirst(why),
        // Channel or way of asking, and wrong path or method: nothing would pass.
        (400, Some(10 | 11 | 14 | 16 | 28)) | (401 | 403..=405 | 407 | 415 | 501, _) => {
            Rest::Blocked(why)
        }
        // Something in the request is not liked and nobody says what.
        (400 | 402 | 406 | 409..=424 | 426..=428 | 430..=499, _) => Rest::Split(why),
        _ => http::fate_of(status, reply.retry_after).unwrap_or(Rest::Split(why)),
    };
    Answer { taken, rest }
}

/// The event, counted from 0, whose `fields` the collector cannot index, when it
/// says which or there is only one.
pub(super) fn refused_fields(reply: &Reply, sent: usize) -> Option<usize> {
    let hec = parse_answer(&reply.body);
    let is_about_fields = reply.status == 400 && hec.code == Some(15);
    let named = hec.invalid_event.or((sent == 1).then_some(0));
    named.filter(|n| is_about_fields && *n < sent)
}

/// Codes 24 and 25 (nearly full) come with 200 and mean the batch was taken; we
/// have one request under way at a time already.
fn judge_success(reply: &Reply, hec: &HecAnswer, sent: usize) -> Answer {
    if reply.complete && !reply.body.is_empty() && !hec.is_hec {
        // A captive portal or a wrong URL says 200 to everything.
        let why = format!(
            "HTTP {} without a HEC answer: is the url right?",
            reply.status
        );
        return Answer::none(Rest::Blocked(why));
    }
    Answer {
        taken: sent,
        rest: Rest::Nothing,
    }
}

#[cfg(test)]
mod tests {
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
        let answer = judge(&reply(status, body), 5);
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
            (400, 11, "0 blocked"),
            (400, 12, "0 split"),
            (400, 13, "0 split"),
            (400, 14, "0 blocked"),
            (400, 15, "0 split"),
            (400, 16, "0 blocked"),
            (200, 17, "5 nothing"),
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
    fn fields_that_cannot_be_indexed_are_told_from_other_mistakes() {
        for (status, body, sent, expected) in [
            (400, r#"{"code":15,"invalid-event-number":4}"#, 5, Some(4)),
            (400, r#"{"code":15,"invalid-event-number":5}"#, 5, None),
            (400, r#"{"code":15}"#, 5, None),
            (400, r#"{"code":15}"#, 1, Some(0)),
            (400, r#"{"code":6,"invalid-event-number":0}"#, 5, None),
            (503, r#"{"code":15,"invalid-event-number":0}"#, 5, None),
        ] {
            assert_eq!(
                refused_fields(&reply(status, body), sent),
                expected,
                "{body}"
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
        assert_eq!(judge(&torn, 5).taken, 5);
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
            let answer = judge(&reply, sent);
            prop_assert!(answer.taken <= sent);
            prop_assert_eq!(answer.rest == Rest::Nothing, answer.taken == sent);
        }
    }
}
