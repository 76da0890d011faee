//! Alerts to a stream of NATS `JetStream`.
//!
//! A batch of alerts comes in, one message for each leaves; all are under way at
//! once, and each counts as taken when the stream says that it has stored it. A
//! message's `Nats-Msg-Id` is the alert's id, so that what is sent twice is stored
//! once. A connection that broke is given up with all that waits on it: what was
//! not acknowledged is sent again over the next one.

mod config;
mod error;
mod link;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::{PublishAckFuture, PublishError};
use async_nats::jetstream::message::PublishMessage;
use rustls::ClientConfig;
use tokio::time::Instant;

use crate::alert::Alert;

use super::common::{Answer, Output, Sending};
use super::verdict::{self, Verdict};
pub use config::Config;
use link::Link;

/// The sender.
struct Nats {
    config: Config,
    tls: ClientConfig,
    /// Made when it is needed, given up when it broke.
    link: Option<Link>,
}

impl Nats {
    async fn publish(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let link = match self.link.take().filter(Link::is_whole) {
            Some(link) => link,
            None => match Link::connect(&self.config, &self.tls).await {
                Ok(link) => link,
                Err(rest) => return Answer::none(rest),
            },
        };
        let verdicts = self.publish_over(&link, batch).await;
        let lost = |verdict: &Verdict| matches!(verdict, Verdict::Lost(_));
        if link.is_whole() && !verdicts.iter().any(lost) {
            self.link = Some(link);
        }
        verdict::answer(verdicts)
    }

    /// Sends all, then waits for the word on each, no longer than the timeout
    /// altogether.
    async fn publish_over(&self, link: &Link, batch: &[Arc<Alert>]) -> Vec<Verdict> {
        let deadline = Instant::now() + Duration::from_millis(self.config.timeout_ms);
        let mut under_way = Vec::with_capacity(batch.len());
        for alert in batch {
            let sending = self.send_one(link, alert);
            under_way.push(link.unless_broken(deadline, sending).await);
        }
        let mut verdicts = Vec::with_capacity(batch.len());
        for sent in under_way {
            let verdict = match sent {
                Ok(word) => link.unless_broken(deadline, word).await,
                Err(verdict) => Err(verdict),
            };
            verdicts.push(verdict.map_or_else(|verdict| verdict, |_stored| Verdict::Taken));
        }
        verdicts
    }

    async fn send_one(&self, link: &Link, alert: &Alert) -> Result<PublishAckFuture, PublishError> {
        let message = PublishMessage::build()
            .payload(self.config.format.line(alert).into())
            .message_id(alert.id.to_string());
        let subject = self.config.subject.fill(alert, config::clean);
        link.streams().send_publish(subject, message).await
    }
}

impl Output for Nats {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.publish(batch))
    }
}
