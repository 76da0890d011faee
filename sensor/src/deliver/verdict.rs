//! What became of each message of a batch, where a receiver speaks of each.
//!
//! A verdict for every alert comes in, in the batch's order; the answer for the
//! whole batch leaves. Only what is said of a message itself gives its alert up;
//! whatever a person or time can repair keeps it.

use super::common::{Answer, ItemFate, Rest};
use super::text;

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The receiver has it.
    Taken,
    /// It will never be taken.
    Refused(String),
    /// A person must change something first.
    Blocked(String),
    /// Not now.
    Again(String),
    /// Nobody knows: the connection broke or nothing was answered.
    Lost(String),
}

impl Verdict {
    fn is_final(&self) -> bool {
        matches!(self, Self::Taken | Self::Refused(_))
    }

    fn fate(self) -> ItemFate {
        match self {
            Self::Taken => ItemFate::Taken,
            Self::Refused(why) => ItemFate::Refused(why),
            Self::Blocked(why) | Self::Again(why) | Self::Lost(why) => ItemFate::Again(why),
        }
    }
}

/// The answer for a whole batch. It blocks only while nothing passes: one alert
/// that is not let in must not keep the others.
pub(crate) fn answer(verdicts: Vec<Verdict>) -> Answer {
    let blocked = verdicts.iter().find_map(|verdict| match verdict {
        Verdict::Blocked(why) => Some(why.clone()),
        _ => None,
    });
    if let Some(why) = blocked.filter(|_| !verdicts.iter().any(Verdict::is_final)) {
        return Answer::none(Rest::Blocked(why));
    }
    let fates = verdicts.into_iter().map(Verdict::fate).collect();
    Answer::none(Rest::Each(fates))
}

/// A receiver's words, shortened and safe to show.
pub(crate) fn shown(words: &str) -> String {
    text::shortened(&text::visible(words), 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_let_in_blocks_only_when_nothing_passes() {
        let blocked = || Verdict::Blocked("no".into());
        let lost = Verdict::Lost("broken".into());
        let all = answer(vec![blocked(), lost.clone()]);
        assert_eq!(all, Answer::none(Rest::Blocked("no".into())));
        let some = answer(vec![blocked(), Verdict::Taken, lost]);
        let again = |why: &str| ItemFate::Again(why.into());
        let fates = vec![again("no"), ItemFate::Taken, again("broken")];
        assert_eq!(some, Answer::none(Rest::Each(fates)));
    }
}
