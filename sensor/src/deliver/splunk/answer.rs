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
#[path = "answer/tests.rs"]
mod tests;
