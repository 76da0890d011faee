//! What an error of `JetStream` means for its message.
//!
//! Errors come in by their numbers, verdicts leave.

use std::error::Error as _;

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::{self, ErrorCode};

use crate::deliver::verdict::{Verdict, shown};

/// What an error means for its message.
pub(super) fn of(error: &PublishError) -> Verdict {
    let words = shown(&error.to_string());
    match error.kind() {
        PublishErrorKind::StreamNotFound => Verdict::Blocked(
            "no stream takes this subject; create one that does, such as `nats stream add \
                 sensor --subjects 'sensor.>'`"
                .to_owned(),
        ),
        PublishErrorKind::MaxPayloadExceeded => Verdict::Refused(words),
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => Verdict::Lost(words),
        _ => match code(error) {
            Some(code) => of_code(code, words),
            None => Verdict::Again(words),
        },
    }
}

fn of_code(code: ErrorCode, words: String) -> Verdict {
    match code {
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM => {
            Verdict::Refused(words)
        }
        ErrorCode::JETSTREAM_NOT_ENABLED
        | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT
        | ErrorCode::NO_ACCOUNT
        | ErrorCode::STREAM_NOT_FOUND
        | ErrorCode::STREAM_NOT_MATCH
        | ErrorCode::STREAM_SEALED => Verdict::Blocked(words),
        _ => Verdict::Again(words),
    }
}

/// The number of the server's error, if it sent one.
fn code(error: &PublishError) -> Option<ErrorCode> {
    let error = error.source()?.downcast_ref::<jetstream::Error>()?;
    Some(error.error_code())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error as a server sends it.
    fn said(code: u64) -> PublishError {
        let json = format!(
            r#"{{"error": {{"code": 400, "err_code": {code}, "description": "no\u001b[2J"}}}}"#
        );
        let body: serde_json::Value = serde_json::from_str(&json).unwrap();
        let error: jetstream::Error = serde_json::from_value(body["error"].clone()).unwrap();
        PublishError::with_source(PublishErrorKind::Other, error)
    }

    #[test]
    fn only_what_is_said_of_the_message_itself_gives_it_up() {
        let unit = |kind| of(&PublishError::new(kind));
        for code in 10_000..10_300 {
            let verdict = of(&said(code));
            let (Verdict::Refused(why) | Verdict::Blocked(why) | Verdict::Again(why)) = &verdict
            else {
                panic!("{code}: {verdict:?}");
            };
            assert!(!why.contains('\x1b'), "{why}");
            let refused = matches!(verdict, Verdict::Refused(_));
            assert_eq!(refused, [10_054, 10_097].contains(&code), "{code}");
        }
        assert!(matches!(of(&said(10_076)), Verdict::Blocked(_)));
        assert!(matches!(of(&said(10_077)), Verdict::Again(_)));
        assert!(matches!(
            unit(PublishErrorKind::MaxPayloadExceeded),
            Verdict::Refused(_)
        ));
        assert!(matches!(
            unit(PublishErrorKind::BrokenPipe),
            Verdict::Lost(_)
        ));
    }
}
