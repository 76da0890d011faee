//! A batch sent to one of the indexers, and everything its answer asks for.
//!
//! Batches come in, an [`Answer`] for each leaves. What one indexer cannot do now
//! another does at once; only when none is well does the engine wait. With
//! acknowledgement what an indexer took counts only once it is stored: one request
//! waits at a time, on the channel it was sent on and at the indexer that took it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::warn;

use crate::alert::Alert;

use super::answer::{self, Cause, Verdict};
use super::envelope::Envelopes;
use super::indexer::{Indexer, Patience, Stored};
use super::token::Tokens;
use super::{Config, WrongIndex};
use crate::deliver::common::{Answer, BuildError, ItemFate, Output, Rest, Sending};
use crate::deliver::http;

/// The first pause of a sender whose indexer is nearly full; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// It grows no longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// The sender.
pub(super) struct Sender {
    indexers: Vec<Indexer>,
    /// Whose turn it is.
    next: usize,
    tokens: Tokens,
    envelopes: Envelopes,
    /// How acknowledgements are waited for, if they are.
    patience: Option<Patience>,
    wrong_index: WrongIndex,
    /// Waited before the next request: an indexer is nearly full.
    pause: Duration,
    /// Indexer acknowledgement was found to be other than configured, and that was said.
    surprised: bool,
}

/// What one request came to.
struct Outcome {
    verdict: Verdict,
    /// Its answer came whole, with a 2xx.
    clean: bool,
}

impl Sender {
    pub(super) fn new(
        config: &Config,
        tokens: Tokens,
        envelopes: Envelopes,
    ) -> Result<Self, BuildError> {
        let urls = config.url.as_slice();
        let indexers = urls.iter().map(|url| Indexer::new(url, config));
        let patience = Patience {
            poll: Duration::from_millis(config.acknowledgement_poll_ms),
            give_up: Duration::from_millis(config.acknowledgement_give_up_ms),
        };
        Ok(Self {
            indexers: indexers.collect::<Result<_, _>>()?,
            // A thousand sensors do not all begin with the same one.
            next: fastrand::usize(..urls.len().max(1)),
            tokens,
            envelopes,
            patience: config.acknowledgement.then_some(patience),
            wrong_index: config.wrong_index(),
            pause: Duration::ZERO,
            surprised: false,
        })
    }

    /// Sends a batch as one request, or as many as it has kinds of metadata where
    /// that stands in the URL.
    async fn deliver(&mut self, batch: &[Arc<Alert>]) -> Answer {
        self.envelopes.begin(batch);
        let mut done = 0;
        while let Some(left) = batch.get(done..).filter(|left| !left.is_empty()) {
            let answer = self.deliver_first(left).await;
            if answer.rest != Rest::Nothing {
                return after(done, answer, batch.len());
            }
            done += answer.taken.max(1);
        }
        Answer::all(batch)
    }

    /// Sends what fits into one request. `Nothing` for the rest means that it was taken.
    async fn deliver_first(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let (count, metadata) = self.envelopes.request(batch);
        let sent = batch.get(..count).unwrap_or(batch);
        let body = match self.envelopes.body(sent) {
            Ok(body) => body,
            Err(error) => return Answer::retry(error),
        };
        sleep(self.pause).await;
        let place = self.choose();
        let token = self.tokens.header();
        let Some(indexer) = self.indexers.get_mut(place) else {
            return Answer::retry("there is no indexer");
        };
        let reply = indexer.post(token, metadata.as_ref(), body).await;
        let outcome = match reply {
            Ok(reply) => Outcome {
                verdict: answer::judge(&reply, sent.len()),
                clean: reply.complete && reply.status < 300,
            },
            Err(why) => Outcome {
                verdict: Verdict {
                    answer: http::no_reply(why),
                    ack_id: None,
                    cause: Cause::Other,
                },
                clean: false,
            },
        };
        self.conclude(place, outcome, sent).await
    }

    /// Does what the answer asks for, and tells the engine the rest.
    async fn conclude(&mut self, place: usize, outcome: Outcome, sent: &[Arc<Alert>]) -> Answer {
        let verdict = &outcome.verdict;
        let cause = verdict.cause;
        self.pause = match cause {
            Cause::NearlyFull => (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE),
            _ => Duration::ZERO,
        };
        let mut answer = verdict.answer.clone();
        match cause {
            Cause::Fields(n) => answer = self.without_fields(n, answer, sent),
            Cause::Index(n) => answer = self.without_index(n, answer, sent),
            Cause::TooManyAcks => self.ask_for_old(place).await,
            Cause::Channel => self.change_channel(place),
            Cause::Other | Cause::NearlyFull | Cause::Token => {}
        }
        if matches!(answer.rest, Rest::Retry(..) | Rest::Blocked(_))
            && !matches!(cause, Cause::Fields(_) | Cause::Index(_))
        {
            answer.rest = self.elsewhere(place, cause, answer.rest);
        } else {
            self.tokens.accepted();
        }
        self.acknowledged(place, &outcome, answer, sent.len()).await
    }

    /// The next of the indexers that are well, or the next one when none is: the
    /// engine then asks seldom, and with little.
    fn choose(&mut self) -> usize {
        let count = self.indexers.len().max(1);
        let turns = (self.next..self.next + count).map(|turn| turn % count);
        let mut well = turns.filter(|place| {
            let indexer = self.indexers.get_mut(*place);
            indexer.is_some_and(Indexer::is_well)
        });
        let place = well.next().unwrap_or(self.next % count);
        self.next = (place + 1) % count;
        place
    }

    /// This indexer will not take it now: at once to another where one is well, or
    /// with another token.
    fn elsewhere(&mut self, place: usize, cause: Cause, rest: Rest) -> Rest {
        let at_once = |rest: &Rest| {
            let why = rest.why().unwrap_or_default();
            Rest::Retry(
                format!("{why}; tried elsewhere at once"),
                Some(Duration::ZERO),
            )
        };
        if cause == Cause::Token && self.tokens.refused() {
            self.next = place;
            return at_once(&rest);
        }
        let others = self.indexers.len() > 1;
        if let Some(indexer) = self.indexers.get_mut(place) {
            indexer.failed(others);
        }
        if others && self.indexers.iter_mut().any(Indexer::is_well) {
            return at_once(&rest);
        }
        rest
    }

    /// An alert whose fields are not liked gets a second chance without them.
    fn without_fields(&mut self, n: usize, answer: Answer, sent: &[Arc<Alert>]) -> Answer {
        let alert = sent.get(n);
        if !alert.is_some_and(|alert| self.envelopes.drop_fields(alert)) {
            return answer;
        }
        let why = "HEC code 15: sent again without indexed fields".to_owned();
        Answer {
            taken: n,
            rest: Rest::Retry(why, Some(Duration::ZERO)),
        }
    }

    /// The same for an index, where it is not to wait for that.
    fn without_index(&mut self, n: Option<usize>, answer: Answer, sent: &[Arc<Alert>]) -> Answer {
        if self.wrong_index == WrongIndex::Wait {
            return answer;
        }
        let Some(n) = n else {
            let why = "HEC code 7: one of the indexes is not allowed".to_owned();
            return Answer::none(Rest::Split(why));
        };
        let alert = sent.get(n);
        if !alert.is_some_and(|alert| self.envelopes.drop_index(alert)) {
            return answer;
        }
        let why = "HEC code 7: sent again without an index".to_owned();
        Answer {
            taken: n,
            rest: Rest::Retry(why, Some(Duration::ZERO)),
        }
    }

    async fn ask_for_old(&mut self, place: usize) {
        let token = self.tokens.header();
        if let Some(indexer) = self.indexers.get_mut(place) {
            indexer.ask(&token, None).await;
        }
    }

    fn change_channel(&mut self, place: usize) {
        if let Some(indexer) = self.indexers.get_mut(place) {
            indexer.change_channel();
        }
    }

    /// The answer once what was taken is stored as well, where that is asked for.
    async fn acknowledged(
        &mut self,
        place: usize,
        outcome: &Outcome,
        answer: Answer,
        sent: usize,
    ) -> Answer {
        let ack_id = outcome.verdict.ack_id;
        let Some(patience) = self.patience else {
            self.surprise(
                ack_id.is_some(),
                "Splunk offers indexer acknowledgement: `acknowledgement: true` would wait for it",
            );
            self.worked(place, &answer);
            return answer;
        };
        if answer.taken == 0 {
            self.worked(place, &answer);
            return answer;
        }
        let token = self.tokens.header();
        let stored = match (ack_id, self.indexers.get_mut(place)) {
            (Some(id), Some(indexer)) => indexer.stored(&token, id, patience).await,
            // The token is one without: there is nothing that could be asked for.
            _ if outcome.clean => Stored::Disabled,
            _ => Stored::Unknown("the answer has no number to ask for".to_owned()),
        };
        self.surprise(
            stored == Stored::Disabled,
            "the token has no indexer acknowledgement: alerts count as delivered when Splunk \
             has received them, as with `acknowledgement: false`",
        );
        match stored {
            Stored::Yes | Stored::Disabled => {
                self.worked(place, &answer);
                answer
            }
            Stored::Unknown(why) => {
                let others = self.indexers.len() > 1;
                if let Some(indexer) = self.indexers.get_mut(place) {
                    indexer.failed(others);
                }
                not_stored(answer, why, sent)
            }
        }
    }

    /// An indexer that answered to what was sent has done its work, whatever it says.
    fn worked(&mut self, place: usize, answer: &Answer) {
        let failed = matches!(answer.rest, Rest::Retry(..) | Rest::Blocked(_));
        if let Some(indexer) = self.indexers.get_mut(place).filter(|_| !failed) {
            indexer.succeeded();
        }
    }

    /// Says once that something is not as configured, and again after it was.
    fn surprise(&mut self, surprising: bool, words: &str) {
        if surprising && !self.surprised {
            warn!("{words}");
        }
        self.surprised = surprising;
    }
}

/// An answer for what follows `done` alerts that were taken, as one for all `sent`.
fn after(done: usize, answer: Answer, sent: usize) -> Answer {
    match answer.rest {
        Rest::Each(fates) => {
            let before = std::iter::repeat_n(ItemFate::Taken, done);
            let unseen = std::iter::repeat(ItemFate::Again("not sent yet".to_owned()));
            let all = before.chain(fates).chain(unseen).take(sent);
            Answer::none(Rest::Each(all.collect()))
        }
        rest => Answer {
            taken: done + answer.taken,
            rest,
        },
    }
}

/// The answer when nobody knows whether what was taken is stored: it is sent again.
/// What was refused meanwhile stays refused.
fn not_stored(answer: Answer, why: String, sent: usize) -> Answer {
    match answer.rest {
        Rest::Nothing => Answer::retry(why),
        Rest::RefuseFirst(refused) => {
            let again = ItemFate::Again(why);
            let mut fates = vec![again; sent];
            if let Some(fate) = fates.get_mut(answer.taken) {
                *fate = ItemFate::Refused(refused);
            }
            Answer::none(Rest::Each(fates))
        }
        rest => Answer::none(rest),
    }
}

impl Output for Sender {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.deliver(batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again() -> ItemFate {
        ItemFate::Again("lost".to_owned())
    }

    #[test]
    fn what_is_not_stored_is_not_taken_and_what_is_refused_stays_so() {
        let partly = |rest| Answer { taken: 1, rest };
        let refused = || ItemFate::Refused("code 6".to_owned());
        let blocked = || Rest::Blocked("code 7".to_owned());
        for (answer, expected) in [
            (
                Answer {
                    taken: 3,
                    rest: Rest::Nothing,
                },
                Rest::Retry("lost".to_owned(), None),
            ),
            (
                partly(Rest::RefuseFirst("code 6".to_owned())),
                Rest::Each(vec![again(), refused(), again()]),
            ),
            (partly(blocked()), blocked()),
        ] {
            let left = not_stored(answer, "lost".to_owned(), 3);
            assert_eq!(left, Answer::none(expected));
        }
    }

    #[test]
    fn an_answer_for_the_rest_of_a_batch_is_one_for_all_of_it() {
        let refused = Answer {
            taken: 1,
            rest: Rest::RefuseFirst("no".to_owned()),
        };
        assert_eq!(after(2, refused, 5).taken, 3);
        let each = Answer::none(Rest::Each(vec![again()]));
        let Rest::Each(fates) = after(1, each, 3).rest else {
            panic!("each has its fate");
        };
        assert_eq!(fates[..2], [ItemFate::Taken, again()]);
        assert_eq!(fates.len(), 3);
    }
}
