//! One output at work: batches from its backlog, requests to its receiver.
//!
//! Whatever the receiver does, every alert taken from the backlog ends as
//! delivered or refused, or is still in it when the worker is stopped.
//! Failures are logged at most once in ten seconds a kind; their number is in
//! the account.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::{error, warn};

use crate::alert::Alert;

use super::backlog::{Backlog, Fate};
use super::backoff::{Backoff, Retry};
use super::common::{Answer, ItemFate, Output, Rest};
use super::queue::{Batching, Seq};

/// The same complaint is made no more often than this.
const QUIET: Duration = Duration::from_secs(10);

/// An output, its backlog and its manners.
pub(crate) struct Worker {
    name: String,
    backlog: Rc<Backlog>,
    output: Box<dyn Output>,
    batching: Batching,
    backoff: Backoff,
    complaints: Complaints,
}

/// What the worker does before the next request of a batch.
enum Next {
    /// Go on with what is left.
    GoOn,
    /// Wait first.
    Wait(Duration),
    /// The sensor is stopping and the receiver does not want us: leave it.
    GiveUp,
}

impl Worker {
    pub(crate) fn new(
        name: String,
        backlog: Rc<Backlog>,
        output: Box<dyn Output>,
        batching: Batching,
        retry: Retry,
    ) -> Self {
        Self {
            name,
            backlog,
            output,
            batching,
            backoff: Backoff::new(retry),
            complaints: Complaints::default(),
        }
    }

    /// Works until the backlog is closed and empty.
    pub(crate) async fn run(mut self) {
        self.output.begin();
        loop {
            let turn = || self.output.turn();
            let Some(batch) = self.backlog.next_batch(&self.batching, turn).await else {
                return;
            };
            self.complain_of_drops();
            let (seqs, alerts): (Vec<Seq>, Vec<Arc<Alert>>) = batch.into_iter().unzip();
            if !self.deliver(seqs, alerts).await {
                return;
            }
        }
    }

    /// Sends a batch until each of its alerts has its fate; false when it was
    /// given up because the sensor is stopping.
    async fn deliver(&mut self, mut seqs: Vec<Seq>, mut alerts: Vec<Arc<Alert>>) -> bool {
        let mut size = alerts.len();
        while !alerts.is_empty() {
            // A receiver that fails all the time is asked with as little as can be.
            let probes = self.backoff.is_open() && !self.output.is_whole();
            let most = if probes { 1 } else { size };
            let part = alerts.get(..most).unwrap_or(&alerts);
            let answer = self.output.send(part).await;
            let next = if let Rest::Each(fates) = answer.rest {
                self.settle_each(&mut seqs, &mut alerts, fates)
            } else {
                let (settled, next) = self.settle(&seqs, part, answer, &mut size);
                seqs.drain(..settled);
                alerts.drain(..settled);
                next
            };
            match next {
                Next::GoOn => {}
                Next::Wait(wait) => self.pause(wait).await,
                Next::GiveUp => return false,
            }
        }
        true
    }

    /// Applies an answer for `sent`, the first of `seqs`; returns how many of them
    /// are done with and what to do before the next request.
    fn settle(
        &mut self,
        seqs: &[Seq],
        sent: &[Arc<Alert>],
        answer: Answer,
        size: &mut usize,
    ) -> (usize, Next) {
        let taken = answer.taken.min(sent.len());
        self.settle_first(seqs, taken, Fate::Delivered);
        if taken > 0 {
            self.succeeded();
        }
        let rest = seqs.get(taken..sent.len()).unwrap_or_default();
        let refused = match &answer.rest {
            Rest::RefuseFirst(_) => 1,
            Rest::Split(_) if rest.len() == 1 => 1,
            Rest::RefuseAll(_) => rest.len(),
            _ => 0,
        };
        if let Some(why) = answer.rest.why().filter(|_| refused > 0) {
            let sent = sent.get(taken..).unwrap_or_default();
            let buried = sent.get(..refused).unwrap_or_default();
            self.backlog.bury(buried, why);
            self.settle_first(rest, refused, Fate::Refused);
        }
        let next = match answer.rest {
            Rest::Nothing | Rest::Each(_) => Next::GoOn,
            Rest::RefuseFirst(why) | Rest::RefuseAll(why) => self.refused(refused, &why),
            Rest::Split(why) if refused > 0 => self.refused(refused, &why),
            Rest::Split(_) => {
                *size = (rest.len() / 2).max(1);
                Next::GoOn
            }
            Rest::Retry(why, asked) => self.retry(&why, asked),
            Rest::Blocked(why) => self.blocked(&why),
        };
        (taken + refused, next)
    }

    /// Applies a fate for each of the first alerts; those to be sent again stay,
    /// in their order.
    fn settle_each(
        &mut self,
        seqs: &mut Vec<Seq>,
        alerts: &mut Vec<Arc<Alert>>,
        fates: Vec<ItemFate>,
    ) -> Next {
        let (mut taken, mut refused, mut again) = (Vec::new(), Vec::new(), None);
        let mut left = (Vec::new(), Vec::new());
        let mut fates = fates.into_iter();
        for (seq, alert) in seqs.drain(..).zip(alerts.drain(..)) {
            match fates.next() {
                Some(ItemFate::Taken) => {
                    taken.push(seq);
                    continue;
                }
                Some(ItemFate::Refused(why)) => {
                    self.backlog.bury(std::slice::from_ref(&alert), &why);
                    self.backlog.settle([seq], Fate::Refused);
                    refused.push(why);
                    continue;
                }
                Some(ItemFate::Again(why)) => again = again.or(Some(why)),
                Some(ItemFate::Untried) | None => {}
            }
            left.0.push(seq);
            left.1.push(alert);
        }
        (*seqs, *alerts) = left;
        if !taken.is_empty() {
            self.backlog.settle(taken, Fate::Delivered);
            self.succeeded();
        }
        if let Some(why) = refused.first() {
            self.refused(refused.len(), why);
        }
        again.map_or(Next::GoOn, |why| self.retry(&why, None))
    }

    fn succeeded(&mut self) {
        self.backoff.reset();
        self.backlog.queue().tell(|health| {
            health.last_delivery = Some(SystemTime::now());
            health.probing = false;
        });
    }

    fn failed(&self, why: &str) {
        let probing = self.backoff.is_open();
        self.backlog.queue().tell(|health| {
            health.last_error = Some((SystemTime::now(), why.to_owned()));
            health.probing = probing;
        });
    }

    fn settle_first(&self, seqs: &[Seq], n: usize, fate: Fate) {
        self.backlog.settle(seqs.iter().take(n).copied(), fate);
    }

    fn refused(&mut self, n: usize, why: &str) -> Next {
        self.failed(why);
        if self.complaints.may(Complaint::Refused) {
            error!(output = %self.name, alerts = n, why, "alerts refused for good and given up");
        }
        Next::GoOn
    }

    fn retry(&mut self, why: &str, asked: Option<Duration>) -> Next {
        self.backlog.queue().count(|account| account.retries += 1);
        let wait = self.backoff.next(asked);
        self.failed(why);
        if self.complaints.may(Complaint::Retry) {
            warn!(output = %self.name, why, ?wait, "delivery failed; trying again");
        }
        self.complain_of_drops();
        Next::Wait(wait)
    }

    fn blocked(&mut self, why: &str) -> Next {
        self.failed(why);
        self.backlog.queue().count(|account| account.retries += 1);
        if self.complaints.may(Complaint::Blocked) {
            error!(
                output = %self.name, why,
                "the receiver does not accept us; alerts are kept until this is repaired"
            );
        }
        self.complain_of_drops();
        if self.backlog.is_closed() {
            return Next::GiveUp;
        }
        Next::Wait(self.backoff.blocked())
    }

    /// Waits, but not past the moment the sensor starts to stop: then the last
    /// attempts are made at once, and the deadline ends them.
    async fn pause(&mut self, wait: Duration) {
        if self.backlog.is_closed() {
            tokio::time::sleep(wait).await;
        } else if tokio::time::timeout(wait, self.backlog.hurry())
            .await
            .is_ok()
        {
            self.backoff.reset();
        }
    }

    fn complain_of_drops(&mut self) {
        let dropped = self.backlog.queue().account().dropped_full;
        if dropped > self.complaints.dropped && self.complaints.may(Complaint::Dropped) {
            let since = dropped - self.complaints.dropped;
            self.complaints.dropped = dropped;
            warn!(output = %self.name, alerts = since, "queue full; least serious alerts dropped");
        }
    }
}

/// What an output may complain of.
#[derive(Debug, Clone, Copy)]
enum Complaint {
    Refused,
    Retry,
    Blocked,
    Dropped,
}

/// Which complaints were made when.
#[derive(Debug, Default)]
struct Complaints {
    last: [Option<Instant>; 4],
    /// Drops complained of so far.
    dropped: u64,
}

impl Complaints {
    /// Whether this kind may be logged now; if so, it counts as logged.
    fn may(&mut self, kind: Complaint) -> bool {
        let Some(last) = self.last.get_mut(kind as usize) else {
            return false;
        };
        let now = Instant::now();
        if last.is_some_and(|last| now < last + QUIET) {
            return false;
        }
        *last = Some(now);
        true
    }
}
