//! What Cloud Logging says, and what it means for each entry.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::deliver::common::{ItemFate, Rest};
use crate::deliver::http::Reply;
use crate::deliver::post;
use crate::deliver::verdict::shown;

/// The entry itself is wrong, by the codes of gRPC: invalid, out of range.
const WRONG: [i64; 2] = [3, 11];

/// What became of one entry that was not written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EntryError {
    /// A code of gRPC.
    #[serde(default)]
    pub code: i64,
    /// The service's words.
    #[serde(default)]
    pub message: String,
}

/// The entries an answer names as not written, by their places in the request; `None`
/// where it speaks of the request as a whole.
pub fn parse_answer(body: &[u8]) -> Option<BTreeMap<usize, EntryError>> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let details = answer.get("error")?.get("details")?.as_array()?;
    let partial = details.iter().find_map(|detail| {
        let kind = detail.get("@type")?.as_str()?;
        let errors = detail.get("logEntryErrors")?.as_object()?;
        kind.ends_with("WriteLogEntriesPartialErrors")
            .then_some(errors)
    })?;
    let read = |(place, error): (&String, &Value)| {
        let error = EntryError::deserialize(error).ok()?;
        Some((place.parse().ok()?, error))
    };
    partial.iter().map(read).collect()
}

/// The fate of each of `sent` entries; the error is what happens to all of them.
pub(super) fn fates(reply: &Reply, sent: usize) -> Result<Vec<ItemFate>, Rest> {
    let Some(rest) = post::fate(reply) else {
        return Ok(vec![ItemFate::Taken; sent]);
    };
    // Of a whole answer only: one that is torn may not name all of them.
    let errors = parse_answer(&reply.body).filter(|_| reply.complete);
    let Some(errors) = errors.filter(|errors| !errors.is_empty()) else {
        return Err(rest);
    };
    let fate = |place: usize| match errors.get(&place) {
        None => ItemFate::Taken,
        Some(error) => {
            let why = format!("code {}: {}", error.code, shown(&error.message));
            if WRONG.contains(&error.code) {
                ItemFate::Refused(why)
            } else {
                ItemFate::Again(why)
            }
        }
    };
    Ok((0..sent).map(fate).collect())
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

    fn partial(errors: &str) -> String {
        format!(
            r#"{{"error":{{"code":400,"details":[{{"@type":"type.googleapis.com/google.logging.v2.WriteLogEntriesPartialErrors","logEntryErrors":{errors}}}]}}}}"#
        )
    }

    #[test]
    fn only_entries_that_are_named_were_not_written() {
        assert_eq!(fates(&reply(200, "{}"), 2), Ok(vec![ItemFate::Taken; 2]));
        let body = partial(r#"{"0":{"code":3,"message":"no\u001b"},"2":{"code":7,"message":"x"}}"#);
        let found = fates(&reply(400, &body), 3).unwrap();
        assert_eq!(
            found,
            [
                ItemFate::Refused("code 3: no\\x1b".into()),
                ItemFate::Taken,
                ItemFate::Again("code 7: x".into()),
            ]
        );
        let torn = Reply {
            complete: false,
            ..reply(400, &body)
        };
        assert!(fates(&torn, 3).is_err());
    }

    #[test]
    fn an_answer_that_names_none_speaks_of_all() {
        for (status, body) in [
            (400, String::new()),
            (400, r#"{"error":{"message":"bad"}}"#.to_owned()),
            (400, partial("{}")),
            (400, partial(r#"{"x":{}}"#)),
            (403, "{}".to_owned()),
            (503, "busy".to_owned()),
        ] {
            assert!(fates(&reply(status, &body), 1).is_err(), "{status} {body}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_harm(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_answer(&body);
        }
    }
}
