//! One connection to one broker.
//!
//! Requests of the codec crate go in, the bytes of answers come out, matched by
//! number. What versions of a request both sides know is agreed on first, then who
//! we are is proved where it is asked. After any error the connection is of no
//! more use and is dropped by whoever has it.

use std::io;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, InitProducerIdRequest, MetadataRequest, ProduceRequest,
    RequestHeader, SaslAuthenticateRequest, SaslHandshakeRequest,
};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::answer::{self, Reader, Versions};
use super::sasl::{self, Mechanism, Sasl, Scram};
use crate::deliver::stream::{self, Duplex, Place, within};
use crate::deliver::text::{shortened, visible};

/// No answer to what we ask is longer.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// No broker is obeyed that wants us to be silent for longer.
const MAX_THROTTLE: Duration = Duration::from_secs(30);

/// Why a broker did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It may do so later.
    Passing(String),
    /// Not before a person changes something.
    Lasting(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Passing(error.to_string())
    }
}

/// The trouble an error code is, when the whole request failed by it.
pub(super) fn trouble(what: &str, code: i16, words: &str) -> Trouble {
    let text = described(code, words);
    match ResponseError::try_from_code(code) {
        Some(error) if error.is_retriable() => Trouble::Passing(format!("{what}: {text}")),
        Some(ResponseError::UnknownServerError | ResponseError::BrokerNotAvailable) => {
            Trouble::Passing(format!("{what}: {text}"))
        }
        _ => Trouble::Lasting(format!("{what}: {text}")),
    }
}

/// An error code by its name, with the broker's words.
pub(super) fn described(code: i16, words: &str) -> String {
    let name = ResponseError::try_from_code(code).map_or("no error".into(), |e| e.to_string());
    match words.trim() {
        "" => name,
        words => format!("{name}: {}", shortened(&visible(words), 300)),
    }
}

/// A request we make, its number in the protocol, and the versions of it we know.
/// Those are the ones without tagged fields: every broker since 1.0 takes them.
pub(super) trait Spoken: Encodable + HeaderVersion {
    const KEY: ApiKey;
    const FROM: i16;
    const TO: i16;
}

impl Spoken for ApiVersionsRequest {
    const KEY: ApiKey = ApiKey::ApiVersions;
    const FROM: i16 = 0;
    const TO: i16 = 0;
}

impl Spoken for SaslHandshakeRequest {
    const KEY: ApiKey = ApiKey::SaslHandshake;
    const FROM: i16 = 1;
    const TO: i16 = 1;
}

impl Spoken for SaslAuthenticateRequest {
    const KEY: ApiKey = ApiKey::SaslAuthenticate;
    const FROM: i16 = 0;
    const TO: i16 = 1;
}

impl Spoken for MetadataRequest {
    const KEY: ApiKey = ApiKey::Metadata;
    const FROM: i16 = 4;
    const TO: i16 = 8;
}

impl Spoken for InitProducerIdRequest {
    const KEY: ApiKey = ApiKey::InitProducerId;
    const FROM: i16 = 0;
    const TO: i16 = 1;
}

impl Spoken for ProduceRequest {
    const KEY: ApiKey = ApiKey::Produce;
    const FROM: i16 = 3;
    const TO: i16 = 8;
}

/// A request that was sent, by its number, and the version it was sent in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    number: i32,
    pub(super) version: i16,
}

/// A broker that listens.
pub(super) struct Connection {
    stream: Box<dyn Duplex>,
    timeout: Duration,
    asked: i32,
    known: Vec<Versions>,
    /// The broker ends the connection then.
    ends: Option<Instant>,
    /// The broker wants nothing before.
    silent_until: Option<Instant>,
}

impl Connection {
    /// Connects, agrees on versions and proves who we are.
    pub(super) async fn open(
        place: &Place,
        sasl: Option<&Sasl>,
        timeout: Duration,
    ) -> Result<Self, Trouble> {
        let mut connection = Self {
            stream: stream::connect(place, timeout).await?,
            timeout,
            asked: 0,
            known: Vec::new(),
            ends: None,
            silent_until: None,
        };
        let asked = connection.put(&ApiVersionsRequest::default(), 0).await?;
        let answer = connection.receive(asked).await?;
        let (code, known) = answer::api_versions(&answer).ok_or_else(senseless)?;
        if code != 0 {
            return Err(trouble("agreeing on versions", code, ""));
        }
        connection.known = known;
        if let Some(sasl) = sasl {
            connection.prove(sasl).await?;
        }
        Ok(connection)
    }

    /// Whether it is of no more use.
    pub(super) async fn has_ended(&mut self) -> bool {
        self.ends.is_some_and(|ends| ends < Instant::now())
            || stream::has_ended(self.stream.as_mut()).await
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask<R: Spoken>(&mut self, request: &R) -> Result<(Vec<u8>, i16), Trouble> {
        let asked = self.send(request).await?;
        Ok((self.receive(asked).await?, asked.version))
    }

    /// Asks in the newest version both sides know.
    pub(super) async fn send<R: Spoken>(&mut self, request: &R) -> Result<Asked, Trouble> {
        let known = self.known.iter();
        let mut known = known.filter(|known| known.key == R::KEY as i16);
        let version = known.find_map(|known| {
            let version = known.to.min(R::TO);
            (version >= known.from.max(R::FROM)).then_some(version)
        });
        let version = version.ok_or_else(|| {
            Trouble::Lasting(format!(
                "the broker takes {:?} in no version from {} to {}: it is older than 1.0, or no \
                 Kafka",
                R::KEY,
                R::FROM,
                R::TO
            ))
        })?;
        if let Some(until) = self.silent_until.take() {
            tokio::time::sleep_until(until).await;
        }
        self.put(request, version).await
    }

    async fn put<R: Spoken>(&mut self, request: &R, version: i16) -> Result<Asked, Trouble> {
        self.asked = self.asked.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY as i16)
            .with_request_api_version(version)
            .with_correlation_id(self.asked)
            .with_client_id(Some(StrBytes::from_static_str("sensor")));
        let mut body = Vec::new();
        header
            .encode(&mut body, R::header_version(version))
            .and_then(|()| request.encode(&mut body, version))
            .map_err(|error| Trouble::Lasting(format!("a request cannot be written: {error}")))?;
        let length = i32::try_from(body.len()).map_err(io::Error::other)?;
        let stream = &mut self.stream;
        let putting = async {
            stream.write_all(&length.to_be_bytes()).await?;
            stream.write_all(&body).await?;
            stream.flush().await
        };
        within(self.timeout, "writing", putting).await?;
        Ok(Asked {
            number: self.asked,
            version,
        })
    }

    /// The body of the answer to what was asked first of all that is not answered yet.
    pub(super) async fn receive(&mut self, asked: Asked) -> Result<Vec<u8>, Trouble> {
        let stream = &mut self.stream;
        let reading = async {
            let length = usize::try_from(stream.read_i32().await?).unwrap_or(0);
            if !(4..=MAX_ANSWER_BYTES).contains(&length) {
                let why = format!("an answer of {length} bytes makes no sense");
                return Err(io::Error::other(why));
            }
            let mut answer = vec![0; length];
            stream.read_exact(&mut answer).await?;
            Ok(answer)
        };
        let mut answer = within(self.timeout, "waiting for the answer", reading).await?;
        if Reader(&answer).i32() != Some(asked.number) {
            let why = "the broker answers what was not asked";
            return Err(Trouble::Passing(why.to_owned()));
        }
        answer.drain(..4);
        Ok(answer)
    }

    /// The broker asked for silence.
    pub(super) fn throttle(&mut self, throttle_ms: i32) {
        let wait = Duration::from_millis(u64::try_from(throttle_ms).unwrap_or(0));
        if !wait.is_zero() {
            self.silent_until = Some(Instant::now() + wait.min(MAX_THROTTLE));
        }
    }

    async fn prove(&mut self, sasl: &Sasl) -> Result<(), Trouble> {
        let unread = |error| Trouble::Lasting(format!("sasl.password: {error}"));
        let password = sasl.password.resolve().map_err(unread)?;
        let name = sasl.mechanism.name();
        let handshake =
            SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(name));
        let (answer, _) = self.ask(&handshake).await?;
        let (code, offered) = answer::sasl_handshake(&answer).ok_or_else(senseless)?;
        if code != 0 {
            let words = format!("it takes {}", offered.join(", "));
            return Err(trouble("sasl.mechanism", code, &words));
        }
        let password = password.expose();
        if sasl.mechanism == Mechanism::Plain {
            self.step(sasl::plain(&sasl.user, password)).await?;
            return Ok(());
        }
        let scram = Scram::new(sasl.mechanism, &sasl.user, password);
        let mut scram = scram.ok_or_else(|| Trouble::Passing("no random numbers".to_owned()))?;
        let said = self.step(scram.first()).await?;
        let poses = |why: &str| Trouble::Lasting(format!("the broker's SCRAM is wrong: {why}"));
        let proof = scram.proof(&said).map_err(poses)?;
        let said = self.step(proof).await?;
        if !scram.is_proved(&said) {
            return Err(poses("it does not know our password"));
        }
        Ok(())
    }

    /// Says one thing; gives what the broker says to it.
    async fn step(&mut self, said: Vec<u8>) -> Result<Vec<u8>, Trouble> {
        let request = SaslAuthenticateRequest::default().with_auth_bytes(said.into());
        let (answer, version) = self.ask(&request).await?;
        let step = answer::sasl_authenticate(&answer, version).ok_or_else(senseless)?;
        if step.code != 0 {
            return Err(trouble("proving who we are", step.code, &step.words));
        }
        if let Ok(lifetime_ms @ 1..) = u64::try_from(step.lifetime_ms) {
            // Early enough that no request is under way when the broker hangs up.
            let lifetime = Duration::from_millis(lifetime_ms / 10 * 8);
            self.ends = Instant::now().checked_add(lifetime);
        }
        Ok(step.bytes)
    }
}

/// An answer that cannot be read.
pub(super) fn senseless() -> Trouble {
    Trouble::Passing("the broker's answer makes no sense".to_owned())
}
