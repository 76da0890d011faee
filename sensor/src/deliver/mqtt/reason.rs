//! What a broker's reason codes mean for our alerts.
//!
//! What a person can repair blocks, what passes by itself is tried again, and only
//! what is said of a message's own content gives its alert up.

use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, DisconnectReasonCode, PubAckReason, PubRecReason,
};

use crate::deliver::common::Rest;
use crate::deliver::verdict::{Verdict, shown};

/// A code and the broker's words for it, if it had any.
fn told(code: &impl std::fmt::Debug, words: Option<&str>) -> String {
    match words {
        Some(words) => shown(&format!("{code:?}: {words}")),
        None => format!("{code:?}"),
    }
}

/// Why version 3.1.1 does not let us in, if it does not.
pub(super) fn refused_v4(code: v4::ConnectReturnCode) -> Option<Rest> {
    use v4::ConnectReturnCode as Code;
    match code {
        Code::Success => None,
        Code::ServiceUnavailable => Some(Rest::Retry(told(&code, None), None)),
        Code::RefusedProtocolVersion
        | Code::BadClientId
        | Code::BadUserNamePassword
        | Code::NotAuthorized => Some(Rest::Blocked(told(&code, None))),
    }
}

/// Why version 5 does not let us in, if it does not.
pub(super) fn refused_v5(code: ConnectReturnCode, words: Option<&str>) -> Option<Rest> {
    use ConnectReturnCode as Code;
    let told = told(&code, words);
    match code {
        Code::Success => None,
        Code::ServiceUnavailable
        | Code::ServerUnavailable
        | Code::ServerBusy
        | Code::QuotaExceeded
        | Code::ConnectionRateExceeded
        | Code::UnspecifiedError
        | Code::ImplementationSpecificError => Some(Rest::Retry(told, None)),
        // Us, our session or our last will.
        _ => Some(Rest::Blocked(told)),
    }
}

/// What became of a message of `QoS` 1.
pub(super) fn of_publish(code: PubAckReason, words: Option<&str>) -> Verdict {
    use PubAckReason as Code;
    match code {
        // That nobody listens at the moment is no reason to send it again.
        Code::Success | Code::NoMatchingSubscribers => Verdict::Taken,
        Code::NotAuthorized | Code::TopicNameInvalid => Verdict::Blocked(told(&code, words)),
        Code::PayloadFormatInvalid => Verdict::Refused(told(&code, words)),
        Code::QuotaExceeded
        | Code::PacketIdentifierInUse
        | Code::UnspecifiedError
        | Code::ImplementationSpecificError => Verdict::Again(told(&code, words)),
    }
}

/// What becomes of a message of `QoS` 2; taken means that it may be released.
pub(super) fn of_receipt(code: PubRecReason, words: Option<&str>) -> Verdict {
    use PubRecReason as Code;
    match code {
        Code::Success | Code::NoMatchingSubscribers => Verdict::Taken,
        Code::NotAuthorized | Code::TopicNameInvalid => Verdict::Blocked(told(&code, words)),
        Code::PayloadFormatInvalid => Verdict::Refused(told(&code, words)),
        Code::QuotaExceeded
        | Code::PacketIdentifierInUse
        | Code::UnspecifiedError
        | Code::ImplementationSpecificError => Verdict::Again(told(&code, words)),
    }
}

/// What the end of a connection means for what was under way.
pub(super) fn of_end(code: DisconnectReasonCode, words: Option<&str>) -> Rest {
    use DisconnectReasonCode as Code;
    let told = told(&code, words);
    match code {
        // One of them was too much; nobody says which.
        Code::PacketTooLarge | Code::PayloadFormatInvalid => Rest::Split(told),
        Code::NotAuthorized
        | Code::TopicNameInvalid
        | Code::RetainNotSupported
        | Code::QoSNotSupported
        | Code::SessionTakenOver
        | Code::UseAnotherServer
        | Code::ServerMoved => Rest::Blocked(told),
        _ => Rest::Retry(told, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_of_the_content_gives_an_alert_up() {
        for (code, expected) in [
            (PubAckReason::Success, "taken"),
            (PubAckReason::NoMatchingSubscribers, "taken"),
            (PubAckReason::NotAuthorized, "blocked"),
            (PubAckReason::TopicNameInvalid, "blocked"),
            (PubAckReason::QuotaExceeded, "again"),
            (PubAckReason::UnspecifiedError, "again"),
            (PubAckReason::PayloadFormatInvalid, "refused"),
        ] {
            let found = match of_publish(code, Some("no\x1b[2J")) {
                Verdict::Taken => "taken",
                Verdict::Refused(_) => "refused",
                Verdict::Blocked(why) => {
                    assert!(why.contains("\\x1b") && !why.contains('\x1b'), "{why}");
                    "blocked"
                }
                Verdict::Again(_) => "again",
                Verdict::Lost(_) => "lost",
            };
            assert_eq!(found, expected, "{code:?}");
        }
    }

    #[test]
    fn who_is_not_let_in_waits_for_a_person_or_for_the_broker() {
        let blocked = |rest| matches!(rest, Some(Rest::Blocked(_)));
        assert_eq!(refused_v5(ConnectReturnCode::Success, None), None);
        assert!(blocked(refused_v5(ConnectReturnCode::NotAuthorized, None)));
        assert!(blocked(refused_v5(
            ConnectReturnCode::BadUserNamePassword,
            None
        )));
        assert!(!blocked(refused_v5(ConnectReturnCode::ServerBusy, None)));
        assert!(blocked(refused_v4(v4::ConnectReturnCode::NotAuthorized)));
        assert!(!blocked(refused_v4(
            v4::ConnectReturnCode::ServiceUnavailable
        )));
    }
}
