//! One connection to a NATS server, and whether it still holds.
//!
//! Servers come in with the configuration, one connection leaves. The client would
//! connect again by itself, but what waits for an acknowledgement over the old
//! connection would then wait for nothing: so the first break ends it for us. What
//! servers say of other servers is not believed: our secrets would go there.

use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::{Context, ContextBuilder};
use async_nats::{ConnectErrorKind, ConnectOptions, Event, ServerError};
use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::time::Instant;

use super::config::Config;
use super::error;
use crate::deliver::common::Rest;
use crate::deliver::verdict::{Verdict, shown};

/// A connection and what went wrong with it.
pub(super) struct Link {
    streams: Context,
    trouble: watch::Receiver<Option<Trouble>>,
}

/// What goes wrong with a connection.
#[derive(Debug, Clone)]
enum Trouble {
    Broken,
    /// The server does not let us do something; its words.
    Denied(String),
}

impl Trouble {
    fn of(event: Event) -> Option<Self> {
        match event {
            Event::Disconnected | Event::Closed => Some(Self::Broken),
            Event::ServerError(ServerError::AuthorizationViolation) => {
                Some(Self::Denied("authorization violation".to_owned()))
            }
            // Such as `Permissions Violation for Publish to "sensor.x"`.
            Event::ServerError(ServerError::Other(words)) => Some(Self::Denied(shown(&words))),
            _ => None,
        }
    }
}

impl Link {
    /// Connects to the first server that lets us; secrets are read anew.
    pub(super) async fn connect(config: &Config, tls: &ClientConfig) -> Result<Self, Rest> {
        let options = config.options(tls);
        let options = options.map_err(|error| Rest::Blocked(error.to_string()))?;
        let timeout = Duration::from_millis(config.timeout_ms);
        let (tell, trouble) = watch::channel(None);
        let options = options.event_callback(move |event| {
            if let Some(trouble) = Trouble::of(event) {
                tell.send_replace(Some(trouble));
            }
            std::future::ready(())
        });
        let connected = tokio::time::timeout(timeout, connect(options, config)).await;
        let client = connected.unwrap_or_else(|_| {
            let why = format!("connecting took longer than {timeout:?}");
            Err(Rest::Retry(why, None))
        })?;
        let streams = ContextBuilder::new()
            .timeout(timeout)
            .ack_timeout(timeout)
            .max_ack_inflight(config.batch.max_alerts)
            .build(client);
        Ok(Self { streams, trouble })
    }

    pub(super) fn streams(&self) -> &Context {
        &self.streams
    }

    /// Whether nothing has gone wrong with it.
    pub(super) fn is_whole(&self) -> bool {
        self.trouble.borrow().is_none()
            && self.streams.client().connection_state() == State::Connected
    }

    /// What `doing` gives; or what became of its message when the connection breaks
    /// or the deadline comes first.
    pub(super) async fn unless_broken<T>(
        &self,
        deadline: Instant,
        doing: impl IntoFuture<Output = Result<T, PublishError>>,
    ) -> Result<T, Verdict> {
        let mut trouble = self.trouble.clone();
        tokio::select! {
            // What is known already counts, whatever happened since.
            biased;
            done = doing.into_future() => done.map_err(|why| error::of(&why)),
            broken = trouble.wait_for(Option::is_some) => Err(match broken.as_deref() {
                Ok(Some(Trouble::Denied(words))) => Verdict::Blocked(words.clone()),
                _ => Verdict::Lost("the connection broke".to_owned()),
            }),
            () = tokio::time::sleep_until(deadline) => {
                Err(Verdict::Lost("no acknowledgement came in time".to_owned()))
            }
        }
    }
}

async fn connect(options: ConnectOptions, config: &Config) -> Result<async_nats::Client, Rest> {
    let servers = config.addresses().map_err(Rest::Blocked)?;
    options.connect(servers).await.map_err(|error| {
        let why = shown(&error.to_string());
        match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                Rest::Blocked(why)
            }
            _ => Rest::Retry(why, None),
        }
    })
}
