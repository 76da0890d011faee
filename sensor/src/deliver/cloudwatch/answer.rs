//! What `CloudWatch` Logs says, and what it means.
//!
//! A reply comes in, what was [`Said`] leaves: the errors of the service by their
//! names, since most of them are a 400. Of a request that was taken the answer tells
//! which events were not, by index.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::super::common::{ItemFate, Rest};
use super::super::http::Reply;
use super::super::post::{self, words};
use super::request::Part;

/// The service takes nothing older.
const OLDEST: Duration = Duration::from_hours(14 * 24);
/// Nor anything further ahead.
const NEWEST: Duration = Duration::from_hours(2);

/// A reply's meaning.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// Done; the answer may say more.
    Done(Value),
    /// The group or the stream is not there.
    Missing(String),
    /// What was to be made is there.
    Exists,
    /// It does not take our keys.
    Stranger(String),
    /// Something else is to be done.
    Other(Rest),
}

impl Said {
    /// What happens to the alerts when this was said of something made for them.
    pub(super) fn rest(self) -> Rest {
        match self {
            Self::Done(_) | Self::Exists => Rest::Retry("it was made just now".to_owned(), None),
            // What is split elsewhere is here our name for it, not an alert.
            Self::Missing(why) | Self::Stranger(why) | Self::Other(Rest::Split(why)) => {
                Rest::Blocked(why)
            }
            Self::Other(rest) => rest,
        }
    }
}

/// What a reply says.
pub(super) fn said(reply: &Reply) -> Said {
    let Some(rest) = post::fate(reply) else {
        let answer = serde_json::from_slice(&reply.body);
        return match answer {
            Ok(answer) => Said::Done(answer),
            // Making something is answered by nothing at all.
            Err(_) if reply.complete && reply.body.is_empty() => Said::Done(Value::Null),
            Err(_) => Said::Other(Rest::Retry("the answer is torn or no JSON".into(), None)),
        };
    };
    let why = || format!("HTTP {}{}", reply.status, words(reply));
    match error_of(&reply.body).as_str() {
        "ResourceNotFoundException" => Said::Missing(why()),
        "ResourceAlreadyExistsException" => Said::Exists,
        "AccessDeniedException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "NotAuthorized"
        | "OptInRequired"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Said::Stranger(why()),
        "InternalFailure"
        | "InvalidSequenceTokenException"
        | "LimitExceededException"
        | "OperationAbortedException"
        | "RequestLimitExceeded"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException" => Said::Other(Rest::Retry(why(), reply.retry_after)),
        // It has exactly this batch from a request whose answer was lost.
        "DataAlreadyAcceptedException" => Said::Done(Value::Null),
        _ => Said::Other(rest),
    }
}

/// The error's name: without what stands before `#`.
fn error_of(body: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let name = answer.get("__type").and_then(Value::as_str);
    let name = name.unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default().to_owned()
}

/// The fate of each event of a request that was taken.
pub(super) fn fates(answer: &Value, part: &Part, now: SystemTime) -> Vec<ItemFate> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (oldest, newest) = (now.saturating_sub(OLDEST), now + NEWEST);
    let rejected = answer.get("rejectedLogEventsInfo");
    let index = |key: &str| {
        let index = rejected.and_then(|rejected| rejected.get(key)?.as_u64());
        index.map(|index| usize::try_from(index).unwrap_or(usize::MAX))
    };
    // Documentation and receivers do not agree whether the index of the last is
    // one of them: an event at the border that is too old by the clock is.
    let (old, new) = (
        index("tooOldLogEventEndIndex"),
        index("tooNewLogEventStartIndex"),
    );
    let expired = index("expiredLogEventEndIndex");
    let before = |end: Option<usize>| -> Range<usize> { 0..end.unwrap_or(0) };
    let fate = |(at, time): (usize, Duration)| {
        let why = if before(old).contains(&at) || old.is_some() && time < oldest {
            "older than 14 days"
        } else if new.is_some_and(|new| at >= new || time > newest) {
            "more than 2 hours ahead of the clock"
        } else if before(expired).contains(&at) {
            "older than the log group keeps events"
        } else {
            return ItemFate::Taken;
        };
        ItemFate::Refused(format!("CloudWatch Logs rejected it: {why}"))
    };
    let times = part
        .events
        .iter()
        .map(|event| Duration::from_millis(event.time_ms));
    times.enumerate().map(fate).collect()
}
