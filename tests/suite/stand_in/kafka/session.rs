//! A connection to one of the brokers: who is there, and what is asked.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, InitProducerIdRequest, InitProducerIdResponse, MetadataRequest,
    ProduceRequest, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
    SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes, decode_request_header_from_buffer};

use super::Inner;
use crate::stand_in::scram::Scram;

trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

/// Answers on one connection until it ends.
pub(super) fn serve(
    stream: TcpStream,
    tls: Option<Arc<rustls::ServerConfig>>,
    broker: usize,
    inner: &Mutex<Inner>,
) {
    let mut stream: Box<dyn Duplex> = match tls {
        None => Box::new(stream),
        Some(tls) => {
            let connection = rustls::ServerConnection::new(tls).unwrap();
            Box::new(rustls::StreamOwned::new(connection, stream))
        }
    };
    let mut session = Session {
        broker,
        in_: inner.lock().unwrap().login.is_none(),
        scram: None,
    };
    loop {
        let mut length = [0; 4];
        if stream.read_exact(&mut length).is_err() {
            return;
        }
        let mut request = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
        if stream.read_exact(&mut request).is_err() {
            return;
        }
        let Some(answer) = session.answer(&request, &mut inner.lock().unwrap()) else {
            return;
        };
        let length = i32::try_from(answer.len()).unwrap().to_be_bytes();
        if stream.write_all(&[&length[..], &answer].concat()).is_err() {
            return;
        }
    }
}

/// One connection.
struct Session {
    broker: usize,
    /// Whether it was proved who is there.
    in_: bool,
    scram: Option<Scram>,
}

impl Session {
    /// What is answered; `None` ends the connection.
    fn answer(&mut self, request: &[u8], inner: &mut Inner) -> Option<Vec<u8>> {
        let mut body = request;
        let header = decode_request_header_from_buffer(&mut body).unwrap();
        if header.client_id.as_deref() != Some("sensor") {
            inner
                .wrong
                .push(format!("client id {:?}", header.client_id));
        }
        let version = header.request_api_version;
        let key = ApiKey::try_from(header.request_api_key).unwrap();
        let is_login = matches!(
            key,
            ApiKey::ApiVersions | ApiKey::SaslHandshake | ApiKey::SaslAuthenticate
        );
        if !self.in_ && !is_login {
            return None;
        }
        let mut answer = header.correlation_id.to_be_bytes().to_vec();
        match key {
            ApiKey::ApiVersions => versions().encode(&mut answer, version),
            ApiKey::SaslHandshake => {
                let request = SaslHandshakeRequest::decode(&mut body, version).unwrap();
                self.handshake(&request).encode(&mut answer, version)
            }
            ApiKey::SaslAuthenticate => {
                let request = SaslAuthenticateRequest::decode(&mut body, version).unwrap();
                let said = self.authenticate(&request.auth_bytes, inner);
                said.encode(&mut answer, version)
            }
            ApiKey::Metadata => {
                let request = MetadataRequest::decode(&mut body, version).unwrap();
                inner.metadata(&request).encode(&mut answer, version)
            }
            ApiKey::InitProducerId => {
                let request = InitProducerIdRequest::decode(&mut body, version).unwrap();
                assert_eq!(request.transactional_id, None);
                inner.producers += 1;
                let answered = InitProducerIdResponse::default()
                    .with_producer_id(inner.producers.into())
                    .with_producer_epoch(0);
                answered.encode(&mut answer, version)
            }
            ApiKey::Produce => {
                let request = ProduceRequest::decode(&mut body, version).unwrap();
                let answered = inner.produce(self.broker, &request)?;
                answered.encode(&mut answer, version)
            }
            other => panic!("nobody asked for {other:?}"),
        }
        .unwrap();
        if !body.is_empty() {
            inner
                .wrong
                .push(format!("{} bytes too many in {key:?}", body.len()));
        }
        Some(answer)
    }

    fn handshake(&mut self, request: &SaslHandshakeRequest) -> SaslHandshakeResponse {
        let offered = ["PLAIN", "SCRAM-SHA-512"].map(StrBytes::from_static_str);
        let known = offered.contains(&request.mechanism);
        self.scram = request.mechanism.starts_with("SCRAM").then(Scram::default);
        SaslHandshakeResponse::default()
            .with_error_code(if known { 0 } else { 33 })
            .with_mechanisms(offered.to_vec())
    }

    fn authenticate(&mut self, said: &[u8], inner: &Inner) -> SaslAuthenticateResponse {
        let (user, password) = inner.login.clone().unwrap_or_default();
        let answered = match &mut self.scram {
            None if said == format!("\0{user}\0{password}").as_bytes() => {
                self.in_ = true;
                Some(Vec::new())
            }
            None => None,
            Some(scram) => {
                let answered = scram.answer(said, &user, &password);
                self.in_ = scram.is_proved;
                answered
            }
        };
        let answer = SaslAuthenticateResponse::default();
        match answered {
            Some(bytes) => answer.with_auth_bytes(bytes.into()),
            None => answer
                .with_error_code(58)
                .with_error_message(Some(StrBytes::from_static_str("no such user"))),
        }
    }
}

/// As of Kafka 4.
fn versions() -> ApiVersionsResponse {
    let known = [
        (ApiKey::Produce, 0, 12),
        (ApiKey::Metadata, 0, 13),
        (ApiKey::SaslHandshake, 0, 1),
        (ApiKey::ApiVersions, 0, 4),
        (ApiKey::InitProducerId, 0, 5),
        (ApiKey::SaslAuthenticate, 0, 2),
    ];
    let known = known.map(|(key, from, to)| {
        ApiVersion::default()
            .with_api_key(key as i16)
            .with_min_version(from)
            .with_max_version(to)
    });
    ApiVersionsResponse::default().with_api_keys(known.to_vec())
}
