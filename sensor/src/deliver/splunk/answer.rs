//! What an answer of Splunk's HEC means.
//!
//! A reply comes in, a [`Verdict`] on the batch leaves. The body may be
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

/// What an answer means, in every respect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What became of the batch, as far as this answer goes.
    pub(super) answer: Answer,
    /// What to ask for, to learn that the events are stored.
    pub(super) ack_id: Option<u64>,
    /// What else there is to be done about it.
    pub(super) cause: Cause,
}

/// What an answer is about, beside the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nothing else, or the indexer as a whole.
    Other,
    /// The batch was taken and the indexer is nearly full (24, 25).
    NearlyFull,
    /// The indexer has too many acknowledgements that nobody asked for (27).
    TooManyAcks,
    /// The token (1 to 4, 21, 22, and 401 and 403 of anybody).
    Token,
    /// The channel (10, 11, 28).
    Channel,
    /// The fields of this event, counted from 0 (15).
    Fields(usize),
    /// The index, of this event when it is known (7).
    Index(Option<usize>),
}

/// What an answer to a batch of `sent` events means.
pub(super) fn judge(reply: &Reply, sent: usize) -> Verdict {
    let hec = parse_answer(&reply.body);
    Verdict {
        answer: fate(reply, &hec, sent),
        ack_id: hec.ack_id,
        cause: cause(reply.status, &hec, sent),
    }
}

fn cause(status: u16, hec: &HecAnswer, sent: usize) -> Cause {
    let alone = (sent == 1).then_some(0);
    let named = hec.invalid_event.filter(|n| *n < sent);
    let known = if hec.invalid_event.is_some() {
        named
    } else {
        alone
    };
    match (status, hec.code) {
        (200..=299, Some(24 | 25)) => Cause::NearlyFull,
        (_, Some(27)) => Cause::TooManyAcks,
        (400 | 401 | 403, Some(1..=4 | 21 | 22)) | (401 | 403 | 407, _) => Cause::Token,
        (400, Some(10 | 11 | 28)) => Cause::Channel,
        (400, Some(15)) => known.map_or(Cause::Other, Cause::Fields),
        (400, Some(7)) => Cause::Index(known),
        _ => Cause::Other,
    }
}

/// What became of a batch of `sent` events.
fn fate(reply: &Reply, hec: &HecAnswer, sent: usize) -> Answer {
    let status = reply.status;
    if (200..300).contains(&status) {
        return success(reply, hec, sent);
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
        // After 11 the next request comes with another channel.
        (_, Some(8 | 9 | 18..=20 | 23 | 26 | 27)) | (400, Some(11)) => {
            Rest::Retry(why, reply.retry_after)
        }
        // A person must create the index or name another; refusing would lose
        // every alert until then.
        (400, Some(7)) => Rest::Blocked(format!("{why}: the index is not allowed")),
        (400 | 401 | 403, Some(1..=4 | 21 | 22)) => {
            Rest::Blocked(format!("{why}: the token is not accepted"))
        }
        (400, Some(6 | 12 | 13 | 15)) if bad.is_some() => Rest::RefuseFirst(why),
        (400, Some(28)) => Rest::Blocked(format!(
            "{why}: the balancer before the indexers needs sticky sessions"
        )),
        // Channel or way of asking, and wrong path or method: nothing would pass.
        (400, Some(10 | 14 | 16)) | (401 | 403..=405 | 407 | 415 | 501, _) => Rest::Blocked(why),
        // Something in the request is not liked and nobody says what.
        (400 | 402 | 406 | 409..=424 | 426..=428 | 430..=499, _) => Rest::Split(why),
        _ => http::fate_of(status, reply.retry_after).unwrap_or(Rest::Split(why)),
    };
    Answer { taken, rest }
}

/// Codes 24 and 25 (nearly full) come with 200 and mean the batch was taken.
fn success(reply: &Reply, hec: &HecAnswer, sent: usize) -> Answer {
    let status = reply.status;
    let wrong = if reply.complete && !reply.body.is_empty() && !hec.is_hec {
        // A captive portal or a wrong URL says 200 to everything.
        Some(format!("HTTP {status} without a HEC answer"))
    } else if hec.code == Some(17) {
        // It says so to a health check, which takes nothing.
        Some(format!(
            "HTTP {status}, HEC code 17, which is no answer to events"
        ))
    } else {
        None
    };
    if let Some(why) = wrong {
        return Answer::none(Rest::Blocked(format!("{why}: is the url right?")));
    }
    Answer {
        taken: sent,
        rest: Rest::Nothing,
    }
}

/// Whether the answer to a health check says that all is well.
pub(super) fn is_healthy(reply: &Reply) -> bool {
    reply.status == 200 && parse_answer(&reply.body).code == Some(17)
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
}
