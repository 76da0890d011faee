//! What Splunk says of events it took before: stored, or not yet.
//!
//! A reply comes in, [`Acks`] leave. As with every answer, the body may be anything.

use serde_json::Value;

use super::answer;
use crate::deliver::http::Reply;

/// What an indexer says of acknowledgements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Acks {
    /// These are stored; of the others it knows nothing yet, or nothing any more.
    Stored(Vec<u64>),
    /// The token has no acknowledgement (14).
    Disabled,
    /// It does not know the token.
    Token,
    /// It gave no such answer.
    Failed(String),
}

/// Reads the answer to a question for acknowledgements.
pub(super) fn parse_acks(reply: &Reply) -> Acks {
    let hec = answer::parse_answer(&reply.body);
    match (reply.status, hec.code) {
        (400, Some(14)) => return Acks::Disabled,
        (400, Some(21 | 22)) | (401 | 403, _) => return Acks::Token,
        (200, _) => {}
        (status, _) => return Acks::Failed(format!("HTTP {status}")),
    }
    let body = serde_json::from_slice::<Value>(&reply.body).ok();
    let acks = body.as_ref().and_then(|body| body.get("acks")?.as_object());
    let Some(acks) = acks else {
        return Acks::Failed("an answer without acknowledgements".to_owned());
    };
    let stored = acks.iter().filter(|(_, told)| **told == Value::Bool(true));
    Acks::Stored(stored.filter_map(|(id, _)| id.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status,
            retry_after: None,
            body: body.into(),
            complete: true,
        }
    }

    #[test]
    fn acknowledgements_are_read_leniently_and_only_true_is_true() {
        let failed = |why: &str| Acks::Failed(why.to_owned());
        for (status, body, expected) in [
            (
                200,
                r#"{"acks":{"0":true,"1":false,"7":true}}"#,
                Acks::Stored(vec![0, 7]),
            ),
            (200, r#"{"acks":{}}"#, Acks::Stored(vec![])),
            (
                200,
                r#"{"acks":{"0":1,"-1":true,"x":true,"2":"true"}}"#,
                Acks::Stored(vec![]),
            ),
            (
                200,
                r#"{"acks":[0]}"#,
                failed("an answer without acknowledgements"),
            ),
            (200, "<html>", failed("an answer without acknowledgements")),
            (
                400,
                r#"{"text":"ACK is disabled","code":14}"#,
                Acks::Disabled,
            ),
            (403, r#"{"code":4}"#, Acks::Token),
            (503, r#"{"code":9}"#, failed("HTTP 503")),
        ] {
            assert_eq!(
                parse_acks(&reply(status, body)),
                expected,
                "{status} {body}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read(status in 0_u16..1000, body in ".{0,200}") {
            parse_acks(&reply(status, &body));
        }
    }
}
