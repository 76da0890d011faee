//! Batches of alerts made into mails, and what the relay says into fates.
//!
//! A batch comes in. What is mailed at once is taken apart by rule, a digest is one
//! mail; each recipient gets a mail of its own over a connection of its own, so that
//! one bad address keeps it from nobody else. An alert counts as taken when one of
//! those who wish for it has it, as refused when all of them are refused for good.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::transport::smtp::{self, AsyncSmtpTransport};
use lettre::{Address, AsyncTransport, Tokio1Executor};
use tracing::warn;
use uuid::Uuid;

use crate::alert::{Alert, Priority};
use crate::deliver::common::{Answer, ItemFate, Output, Rest, Sending};
use crate::deliver::queue::Turn;
use crate::deliver::text::visible;

use super::Config;
use super::letter::Letter;
use super::message;
use super::pace::{Pace, Stream, Ticket};
use super::recipient::Recipient;

/// Most mails one batch is taken apart into; with more rules than that, it is one.
const MOST_APART: usize = 10;
/// How often a mail is tried with a recipient that is put off, while others have it:
/// some minutes with the usual waits. Then that recipient is given up for this mail.
const MOST_ATTEMPTS: u32 = 20;

/// The addresses mails go from and to.
pub(super) struct Addresses {
    pub(super) from: Mailbox,
    /// Whom the relay tells of mails it could not deliver; nobody when `None`.
    pub(super) envelope_from: Option<Address>,
    pub(super) to: Vec<(Mailbox, Recipient)>,
}

/// A sender.
pub(super) struct Mailer {
    config: Config,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    addresses: Addresses,
    stream: Stream,
    pace: Arc<Mutex<Pace>>,
    /// For the mails the batch at hand is still to be taken apart into.
    tickets: VecDeque<Ticket>,
    /// What was begun and has to be tried again.
    begun: Option<Mailing>,
}

/// Alerts that are told together, to each recipient once.
struct Mailing {
    alerts: BTreeSet<Uuid>,
    ticket: Ticket,
    attempts: u32,
    /// What became of it, by place among the recipients.
    fates: Vec<Option<Result<(), String>>>,
}

/// A mail's bytes, or why there is none.
type Composed = Result<Vec<u8>, String>;

/// What a relay's failure means.
enum Failure {
    /// This recipient or this mail is refused for good.
    Refused,
    /// The relay does not accept us at all.
    Blocked,
    /// It may pass later, and others may pass now.
    PutOff,
    /// Nothing passes now.
    Away,
}

impl Mailing {
    fn has(&self, alert: &Alert) -> bool {
        self.alerts.contains(&alert.id)
    }

    fn is_within(&self, batch: &[Arc<Alert>]) -> bool {
        batch.iter().filter(|alert| self.has(alert)).count() >= self.alerts.len()
    }

    fn answered(&self, place: usize) -> bool {
        self.fates.get(place).is_none_or(Option::is_some)
    }

    fn settle(&mut self, place: usize, fate: Result<(), String>) {
        if let Some(at) = self.fates.get_mut(place) {
            *at = Some(fate);
        }
    }

    fn is_taken_by_one(&self) -> bool {
        self.fates.iter().flatten().any(Result::is_ok)
    }
}

impl Mailer {
    pub(super) fn new(
        config: Config,
        transport: AsyncSmtpTransport<Tokio1Executor>,
        addresses: Addresses,
        stream: Stream,
        pace: Arc<Mutex<Pace>>,
    ) -> Self {
        Self {
            config,
            transport,
            addresses,
            stream,
            pace,
            tickets: VecDeque::new(),
            begun: None,
        }
    }

    async fn mail(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let begun = self.begun.take();
        let begun = begun.filter(|mailing| mailing.is_within(batch));
        let mut mailing = begun.unwrap_or_else(|| self.plan(batch));
        let told: Vec<&Alert> = batch
            .iter()
            .map(Arc::as_ref)
            .filter(|alert| mailing.has(alert))
            .collect();
        if let Err(rest) = self.deliver(&mut mailing, &told).await {
            self.begun = Some(mailing);
            return Answer::none(rest);
        }
        let fate = |alert: &Arc<Alert>| {
            if mailing.has(alert) {
                self.fate(alert, &mailing)
            } else {
                ItemFate::Untried
            }
        };
        Answer::none(Rest::Each(batch.iter().map(fate).collect()))
    }

    /// Chooses which alerts of the batch the next mail tells.
    fn plan(&mut self, batch: &[Arc<Alert>]) -> Mailing {
        self.renew();
        let mut apart = !self.tickets.is_empty();
        if !apart {
            let rules: BTreeSet<_> = batch.iter().map(|alert| message::rule_of(alert)).collect();
            let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
            apart = self.stream == Stream::AtOnce
                && rules.len() <= MOST_APART.min(pace.left() as usize);
            let mails = if apart { rules.len() } else { 1 };
            let tickets = pace.take(mails, &self.streams_of(batch));
            self.tickets = tickets.into();
        }
        let first = batch.first().map(|alert| message::rule_of(alert));
        let told = |alert: &&Arc<Alert>| !apart || Some(message::rule_of(alert)) == first;
        Mailing {
            alerts: batch.iter().filter(told).map(|alert| alert.id).collect(),
            ticket: self.tickets.pop_front().unwrap_or_default(),
            attempts: 0,
            fates: vec![None; self.addresses.to.len()],
        }
    }

    /// Whose alerts are in a batch: those of the other sender too, if it was the last
    /// that a limit allows.
    fn streams_of(&self, batch: &[Arc<Alert>]) -> Vec<Stream> {
        let streams = [Stream::AtOnce, Stream::Digest].into_iter();
        let has = |stream| {
            let mut alerts = batch.iter();
            alerts.any(|alert| self.config.stream_of(alert.priority) == stream)
        };
        streams.filter(|stream| has(*stream)).collect()
    }

    /// Mails to everyone who has no answer yet, one mail for those with the same wish.
    async fn deliver(&mut self, mailing: &mut Mailing, told: &[&Alert]) -> Result<(), Rest> {
        let mut put_off = None;
        for first in 0..self.addresses.to.len() {
            let Some((places, mail)) = self.compose_for(first, mailing, told) else {
                continue;
            };
            for place in places {
                let sent = match &mail {
                    Ok(mail) => self.send_to(place, mail).await,
                    Err(why) => Err((Failure::Refused, why.clone())),
                };
                match sent {
                    Ok(()) => mailing.settle(place, Ok(())),
                    Err((Failure::Refused, why)) => self.refuse(mailing, place, why),
                    Err((Failure::PutOff, why)) => put_off = Some(why),
                    Err((Failure::Away, why)) => return Err(Rest::Retry(why, None)),
                    Err((Failure::Blocked, why)) => {
                        self.renew();
                        return Err(Rest::Blocked(why));
                    }
                }
            }
        }
        put_off.map_or(Ok(()), |why| self.wait_or_give_up(mailing, why))
    }

    /// The mail for the recipient at `first` and for all like it that have no answer
    /// yet; nothing when there was one like it before.
    fn compose_for(
        &self,
        first: usize,
        mailing: &Mailing,
        told: &[&Alert],
    ) -> Option<(Vec<usize>, Composed)> {
        let to = &self.addresses.to;
        let (named, recipient) = to.get(first)?;
        let alike = || {
            let all = to.iter().enumerate();
            let same = |mailbox: &Mailbox, other: &Recipient| {
                other.wish() == recipient.wish() && is_ascii(mailbox) == is_ascii(named)
            };
            all.filter(move |(_, (mailbox, other))| same(mailbox, other))
        };
        let places: Vec<_> = alike()
            .map(|(place, _)| place)
            .filter(|place| !mailing.answered(*place))
            .collect();
        let alerts: Vec<&Alert> = told
            .iter()
            .copied()
            .filter(|alert| recipient.wants(alert))
            .collect();
        let is_first = alike().next().is_some_and(|(place, _)| place == first);
        if !is_first || places.is_empty() || alerts.is_empty() {
            return None;
        }
        let letter = Letter {
            alerts: &alerts,
            notices: &mailing.ticket.notices,
        };
        let mailboxes: Vec<_> = alike().map(|(_, (mailbox, _))| mailbox).collect();
        let mail = message::compose(&letter, &self.addresses.from, &mailboxes);
        Some((places, mail))
    }

    async fn send_to(&self, place: usize, mail: &[u8]) -> Result<(), (Failure, String)> {
        let Some((to, _)) = self.addresses.to.get(place) else {
            return Ok(());
        };
        let from = self.addresses.envelope_from.clone();
        let envelope = Envelope::new(from, vec![to.email.clone()])
            .map_err(|error| (Failure::Refused, error.to_string()))?;
        let timeout = Duration::from_millis(self.config.timeout_ms);
        // lettre's own timeout starts anew with every command.
        match tokio::time::timeout(timeout, self.transport.send_raw(&envelope, mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err((judge(&error, is_ascii(to)), describe(&error))),
            Err(_) => Err((Failure::Away, "no answer in time".to_owned())),
        }
    }

    /// The other recipients may take it, so this alone is not the alerts' fate; it
    /// must still not pass in silence.
    fn refuse(&self, mailing: &mut Mailing, place: usize, why: String) {
        if let Some((to, _)) = self.addresses.to.get(place) {
            warn!(relay = %self.config.relay, recipient = %to.email, %why, "mail refused");
        }
        mailing.settle(place, Err(why));
    }

    /// Some were put off. Those who have the mail must not wait for them for ever.
    fn wait_or_give_up(&self, mailing: &mut Mailing, why: String) -> Result<(), Rest> {
        mailing.attempts += 1;
        if mailing.attempts < MOST_ATTEMPTS || !mailing.is_taken_by_one() {
            return Err(Rest::Retry(why, None));
        }
        for place in 0..self.addresses.to.len() {
            if !mailing.answered(place) {
                self.refuse(mailing, place, why.clone());
            }
        }
        Ok(())
    }

    /// What became of an alert whose mailing is answered for.
    fn fate(&self, alert: &Alert, mailing: &Mailing) -> ItemFate {
        let mut refusal = "no recipient of this output wishes for it".to_owned();
        for ((_, recipient), fate) in self.addresses.to.iter().zip(&mailing.fates) {
            match fate {
                Some(_) if !recipient.wants(alert) => {}
                Some(Ok(())) => return ItemFate::Taken,
                Some(Err(why)) => refusal.clone_from(why),
                None => {}
            }
        }
        ItemFate::Refused(refusal)
    }

    /// Reads login and certificates anew, in case they were rotated; what cannot be
    /// read leaves those there are.
    fn renew(&mut self) {
        if let Ok(transport) = self.config.transport() {
            self.transport = transport;
        }
    }
}

impl Output for Mailer {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.mail(batch))
    }

    fn turn(&self) -> Turn {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = pace.turn(self.stream);
        let least = self.config.immediate;
        match self.stream {
            Stream::AtOnce => Turn {
                to: least.unwrap_or(Priority::Emergency),
                ..turn
            },
            Stream::Digest => Turn {
                from: least.map_or(Priority::Emergency, super::below),
                ..turn
            },
        }
    }

    /// A batch is a mail, whatever the relay does.
    fn is_whole(&self) -> bool {
        true
    }
}

/// Whether any relay can write to it. An address that not every relay knows how to
/// write must not stand in the mails of others.
fn is_ascii(mailbox: &Mailbox) -> bool {
    AsRef::<str>::as_ref(&mailbox.email).is_ascii()
}

fn judge(error: &smtp::Error, ascii: bool) -> Failure {
    match error.status().map(u16::from) {
        // Login required, refused, too weak, or needs encryption first.
        Some(530 | 534 | 535 | 538) => Failure::Blocked,
        Some(_) if error.is_permanent() => Failure::Refused,
        // The relay is about to hang up.
        Some(421) => Failure::Away,
        Some(_) => Failure::PutOff,
        // The relay has no SMTPUTF8, which an address needs.
        None if error.is_client() && !ascii => Failure::Refused,
        // It has no STARTTLS, or no way to log in.
        None if error.is_client() => Failure::Blocked,
        None => Failure::Away,
    }
}

fn describe(error: &smtp::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    visible(&text)
}
