//! What brokers' error codes mean for the records they were said of.
//!
//! A code comes in, a [`Fate`] leaves; only two codes say that the records are kept,
//! and a code that nobody knows loses nothing.

use kafka_protocol::ResponseError;

/// What an error code of one partition's records asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Taken,
    /// The same once more.
    Again,
    /// The same from a producer the broker knows.
    Renew,
    /// One of them is refused for what it is.
    Split,
    /// All that goes to this topic is refused.
    Topic,
    /// All is refused.
    Blocked,
}

/// What this error code asks for.
pub(super) fn fate(code: i16) -> Fate {
    use ResponseError as E;
    match E::try_from_code(code) {
        // The broker has had it: only its answer was lost.
        None | Some(E::DuplicateSequenceNumber) => Fate::Taken,
        Some(
            E::OutOfOrderSequenceNumber
            | E::UnknownProducerId
            | E::InvalidProducerEpoch
            | E::InvalidProducerIdMapping
            | E::ProducerFenced,
        ) => Fate::Renew,
        Some(
            E::MessageTooLarge | E::RecordListTooLarge | E::InvalidRecord | E::InvalidTimestamp,
        ) => Fate::Split,
        Some(E::TopicAuthorizationFailed | E::InvalidTopicException) => Fate::Topic,
        Some(E::UnknownServerError | E::BrokerNotAvailable) => Fate::Again,
        Some(error) if error.is_retriable() => Fate::Again,
        Some(_) => Fate::Blocked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_code_has_a_fate_and_only_two_are_deliveries() {
        for code in -2..200 {
            let is_taken = fate(code) == Fate::Taken;
            assert_eq!(is_taken, matches!(code, 0 | 46), "{code}");
        }
        for (code, expected) in [
            (3, Fate::Again),
            (6, Fate::Again),
            (10, Fate::Split),
            (19, Fate::Again),
            (20, Fate::Again),
            (29, Fate::Topic),
            (31, Fate::Blocked),
            (45, Fate::Renew),
            (59, Fate::Renew),
            (87, Fate::Split),
            (199, Fate::Blocked),
        ] {
            assert_eq!(fate(code), expected, "{code}");
        }
    }
}
