//! What goes on between us and a broker, over one connection after the other.
//!
//! A batch of alerts comes in, the answer for it leaves. A message keeps its number
//! until the broker has spoken of it: when the connection breaks and the broker
//! still knows us, it is published again under that number, or only released where
//! the broker has it, so that with `QoS` 2 nothing comes twice. The numbers die with
//! the process; so its first connection asks the broker to forget those of the one
//! before, for it would take a new message under an old number for a repetition.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use prost::bytes::BytesMut;
use tokio::time::Instant;
use tracing::debug;
use uuid::Uuid;

use super::config::Config;
use super::connection::Connection;
use super::packet::{Incoming, Message, Qos, Version};
use crate::alert::Alert;
use crate::deliver::common::{Answer, Rest};
use crate::deliver::stream::Place;
use crate::deliver::verdict::{self, Verdict};

/// Most messages under way at once: their acknowledgements are read after all of
/// them are written, and must fit into the buffers on the way.
const WINDOW: usize = 256;

/// A message the broker has not spoken of yet.
#[derive(Debug, Clone, Copy)]
struct Flight {
    number: u16,
    /// The broker has it and only waits for our release.
    received: bool,
}

/// Our side of the session.
pub(super) struct Session {
    config: Config,
    place: Place,
    connection: Option<Connection>,
    flights: HashMap<Uuid, Flight>,
    last_number: u16,
    /// The broker remembers nothing of an earlier process.
    is_ours: bool,
}

/// Messages written together.
struct Wave {
    bytes: BytesMut,
    /// By number, their places in the batch.
    waiting: HashMap<u16, usize>,
    verdicts: Vec<Option<Verdict>>,
}

impl Session {
    pub(super) fn new(config: Config, place: Place) -> Self {
        Self {
            config,
            place,
            connection: None,
            flights: HashMap::new(),
            last_number: 0,
            is_ours: false,
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.config.timeout_ms)
    }

    /// When the broker should hear of us again.
    pub(super) fn ping_after(&self) -> Duration {
        let connection = self.connection.as_ref();
        connection.map_or(self.config.ping_after(), |connection| connection.ping_after)
    }

    /// Keeps an idle connection alive; one that is dead is given up, and where others are
    /// told that we are there, made anew.
    pub(super) async fn keep(&mut self) {
        self.ping().await;
        if self.connection.is_some() {
            return;
        }
        let Some(host) = self.config.greets_as().map(str::to_owned) else {
            return;
        };
        match self.connected(&host).await {
            Ok(connection) => self.connection = Some(connection),
            Err(rest) => debug!(why = rest.why(), "the broker does not hear of us"),
        }
    }

    async fn ping(&mut self) {
        let deadline = Instant::now() + self.timeout();
        if let Some(mut connection) = self.connection.take()
            && connection.ping(deadline).await.is_ok()
        {
            self.connection = Some(connection);
        }
    }

    /// Publishes a batch.
    pub(super) async fn publish(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let mut verdicts = Vec::with_capacity(batch.len());
        let mut end = None;
        while verdicts.len() < batch.len() && end.is_none() {
            let rest = batch.get(verdicts.len()..).unwrap_or_default();
            let host = rest.first().map_or("", |alert| &alert.hostname);
            match self.connected(host).await {
                Ok(mut connection) => {
                    let most =
                        WINDOW.min(connection.welcome.receive_max.unwrap_or(u16::MAX).into());
                    let some = rest.get(..most.max(1)).unwrap_or(rest);
                    let (found, broken) = self.publish_some(&mut connection, some).await;
                    verdicts.extend(found);
                    match broken {
                        Some(rest) => end = Some(rest),
                        None => self.connection = Some(connection),
                    }
                }
                Err(rest) => end = Some(rest),
            }
        }
        verdicts.resize(batch.len(), None);
        match end {
            // The connection gives its own end as the reason where nothing was settled.
            Some(end) if verdicts.iter().all(Option::is_none) => Answer::none(end),
            end => {
                let why = end.as_ref().and_then(Rest::why).unwrap_or_default();
                let unknown = || Verdict::Lost(why.to_owned());
                let told = |verdict: Option<Verdict>| verdict.unwrap_or_else(unknown);
                verdict::answer(verdicts.into_iter().map(told).collect())
            }
        }
    }

    /// The connection, made where there is none; `host` tells who we are.
    async fn connected(&mut self, host: &str) -> Result<Connection, Rest> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        let (version, timeout) = (self.config.version(), self.timeout());
        let hello = self.config.hello(host, !self.is_ours);
        let mut hello = hello.map_err(|error| Rest::Blocked(error.to_string()))?;
        if !self.is_ours {
            // 3.1.1 cannot begin anew and be remembered from then on in one step; 5 can, but
            // mosquitto 2.0 then forgets us when it is started again.
            let will = hello.will.take();
            let mut first = Connection::open(&self.place, version, &hello, timeout).await?;
            let deadline = Instant::now() + timeout;
            first.say(&Version::goodbye(), deadline).await?;
            (hello.will, hello.clean) = (will, false);
        }
        let mut connection = Connection::open(&self.place, version, &hello, timeout).await?;
        self.is_ours = true;
        self.config.check_limits(&connection.welcome)?;
        if !connection.welcome.session_present {
            self.flights.clear();
        }
        if let Some(online) = self.config.online(host) {
            self.tell(&mut connection, &online).await?;
        }
        Ok(connection)
    }

    /// Publishes one message of our own and waits for the word on it.
    async fn tell(&mut self, connection: &mut Connection, message: &Message) -> Result<(), Rest> {
        let deadline = Instant::now() + self.timeout();
        let number = self.free_number();
        let bytes = self.config.version().publish(number, false, message);
        connection
            .say(&bytes.map_err(Rest::Blocked)?, deadline)
            .await?;
        loop {
            match connection.hear(deadline).await? {
                Incoming::Acknowledged(of, Verdict::Taken) if of == number => return Ok(()),
                Incoming::Acknowledged(of, Verdict::Again(why)) if of == number => {
                    return Err(Rest::Retry(why, None));
                }
                Incoming::Acknowledged(of, verdict) if of == number => {
                    return Err(Rest::Blocked(format!("status is not taken: {verdict:?}")));
                }
                Incoming::Farewell(rest) => return Err(rest),
                _ => {}
            }
        }
    }

    async fn publish_some(
        &mut self,
        connection: &mut Connection,
        alerts: &[Arc<Alert>],
    ) -> (Vec<Option<Verdict>>, Option<Rest>) {
        let deadline = Instant::now() + self.timeout();
        let max_packet = connection.welcome.max_packet;
        let mut wave = self.wave(alerts, max_packet);
        let mut outcome = connection.say(&wave.bytes, deadline).await;
        while outcome.is_ok() && !wave.waiting.is_empty() {
            outcome = match connection.hear(deadline).await {
                Ok(incoming) => {
                    self.heard(incoming, connection, alerts, &mut wave, deadline)
                        .await
                }
                Err(rest) => Err(rest),
            };
        }
        (wave.verdicts, outcome.err())
    }

    /// The packets of these alerts; what cannot be sent is settled already.
    fn wave(&mut self, alerts: &[Arc<Alert>], max_packet: Option<u32>) -> Wave {
        let version = self.config.version();
        let mut wave = Wave {
            bytes: BytesMut::new(),
            waiting: HashMap::new(),
            verdicts: vec![None; alerts.len()],
        };
        let most = self.config.max_packet_bytes(max_packet);
        for ((place, alert), verdict) in alerts.iter().enumerate().zip(&mut wave.verdicts) {
            let known = self.flights.get(&alert.id).copied();
            let number = known.map_or_else(|| self.free_number(), |flight| flight.number);
            let packet = match known {
                Some(flight) if flight.received => Ok(Version::release(number)),
                _ => version.publish(number, known.is_some(), &self.config.message(alert)),
            };
            match packet {
                Ok(packet) if packet.len() <= most => {
                    let received = known.is_some_and(|flight| flight.received);
                    self.flights.insert(alert.id, Flight { number, received });
                    wave.waiting.insert(number, place);
                    wave.bytes.extend_from_slice(&packet);
                }
                Ok(packet) => {
                    let bytes = packet.len();
                    *verdict = Some(Verdict::Refused(format!(
                        "{bytes} bytes are more than the broker takes in a packet, {most}"
                    )));
                }
                Err(why) => *verdict = Some(Verdict::Refused(why)),
            }
        }
        wave
    }

    /// Takes in what the broker said; a number that is not waited for says nothing.
    async fn heard(
        &mut self,
        incoming: Incoming,
        connection: &mut Connection,
        alerts: &[Arc<Alert>],
        wave: &mut Wave,
        deadline: Instant,
    ) -> Result<(), Rest> {
        let exactly_once = self.config.qos() == Qos::Two;
        let (number, verdict) = match incoming {
            Incoming::Farewell(rest) => return Err(rest),
            Incoming::Received(number) if exactly_once => {
                if let Some(alert) = wave.waiting.get(&number).and_then(|at| alerts.get(*at))
                    && let Some(flight) = self.flights.get_mut(&alert.id)
                {
                    flight.received = true;
                    return connection.say(&Version::release(number), deadline).await;
                }
                return Ok(());
            }
            Incoming::Complete(number) if exactly_once => (number, Verdict::Taken),
            // Of QoS 2 only a refusal ends it here.
            Incoming::Acknowledged(number, verdict)
                if !exactly_once || verdict != Verdict::Taken =>
            {
                (number, verdict)
            }
            _ => return Ok(()),
        };
        let Some(alert) = wave.waiting.get(&number).and_then(|at| alerts.get(*at)) else {
            return Ok(());
        };
        let early = self
            .flights
            .get(&alert.id)
            .is_some_and(|flight| !flight.received);
        if exactly_once && verdict == Verdict::Taken && early {
            return Ok(());
        }
        self.flights.remove(&alert.id);
        if let Some(place) = wave.waiting.remove(&number)
            && let Some(slot) = wave.verdicts.get_mut(place)
        {
            *slot = Some(verdict);
        }
        Ok(())
    }

    /// A number no message under way has.
    fn free_number(&mut self) -> u16 {
        let taken = |number| self.flights.values().any(|flight| flight.number == number);
        let mut number = self.last_number;
        for _ in 0..=u16::MAX {
            number = number.checked_add(1).unwrap_or(1);
            if !taken(number) {
                break;
            }
        }
        self.last_number = number;
        number
    }
}
