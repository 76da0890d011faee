//! Kafka's brokers: three of them, strict about numbers, checksums and acknowledgements.
//!
//! They keep a producer's numbers as Kafka does: a batch must follow the one before
//! it, one of the last five is known again and kept once, and every other number is
//! refused. What was kept lies open to the test.

use std::collections::{HashMap, VecDeque};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, InitProducerIdRequest, InitProducerIdResponse, MetadataRequest,
    MetadataResponse, ProduceRequest, ProduceResponse, SaslAuthenticateRequest,
    SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes, decode_request_header_from_buffer};
use kafka_protocol::records::{Record, RecordBatchDecoder};

use super::scram::Scram;

/// What goes wrong with the next batch of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ends before the records are kept.
    Unheard,
    /// They are kept, but the connection ends instead of the answer.
    LostAnswer,
    /// They are not kept, and this error code says why.
    Code(i16),
    /// They are kept, and this error code says what failed then.
    KeptBut(i16),
    /// The brokers have forgotten all producers.
    Forgotten,
}

/// A record that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) value: String,
}

/// The numbers of one producer in one partition.
#[derive(Default)]
struct Numbers {
    next: i32,
    /// The first number and the count of the last five batches.
    last: VecDeque<(i32, usize)>,
}

pub(crate) struct Inner {
    brokers: Vec<SocketAddr>,
    /// The leader of each partition of each topic.
    pub(crate) topics: HashMap<String, Vec<usize>>,
    pub(crate) faults: VecDeque<Fault>,
    /// Batches with more bytes are too large.
    pub(crate) max_batch_bytes: usize,
    /// Only who says this user and password may go on.
    pub(crate) login: Option<(String, String)>,
    /// A batch known again is said to be one, instead of taken.
    pub(crate) says_duplicate: bool,
    producers: i64,
    known: HashMap<(i64, String, i32), Numbers>,
    /// What each partition keeps.
    pub(crate) kept: HashMap<(String, i32), Vec<Kept>>,
    /// Batches that were known again.
    pub(crate) repeated: usize,
    /// What a broker would not have understood.
    pub(crate) wrong: Vec<String>,
}

/// The cluster.
pub(crate) struct Cluster {
    inner: Arc<Mutex<Inner>>,
}

impl Cluster {
    /// Three brokers, and a topic `alerts` of four partitions.
    pub(crate) fn start() -> Self {
        Self::start_with(None)
    }

    pub(crate) fn start_with(tls: Option<&Arc<rustls::ServerConfig>>) -> Self {
        let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let inner = Arc::new(Mutex::new(Inner {
            brokers: listeners.iter().map(|l| l.local_addr().unwrap()).collect(),
            topics: HashMap::from([("alerts".to_owned(), vec![0, 1, 2, 0])]),
            faults: VecDeque::new(),
            max_batch_bytes: 1 << 20,
            login: None,
            says_duplicate: false,
            producers: 0,
            known: HashMap::new(),
            kept: HashMap::new(),
            repeated: 0,
            wrong: Vec::new(),
        }));
        for (broker, listener) in listeners.into_iter().enumerate() {
            let (inner, tls) = (Arc::clone(&inner), tls.cloned());
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let (inner, tls) = (Arc::clone(&inner), tls.clone());
                    std::thread::spawn(move || serve(stream, tls, broker, &inner));
                }
            });
        }
        Self { inner }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// The brokers' addresses as the configuration has them.
    pub(crate) fn brokers(&self, scheme: &str) -> String {
        let brokers = self.lock().brokers.clone();
        let urls = brokers
            .iter()
            .map(|broker| format!("'{scheme}://{broker}'"));
        format!("[{}]", urls.collect::<Vec<_>>().join(", "))
    }

    /// The ids that were kept, one partition after the other.
    pub(crate) fn ids(&self) -> Vec<String> {
        let inner = self.lock();
        assert_eq!(inner.wrong, Vec::<String>::new());
        let mut partitions: Vec<_> = inner.kept.iter().collect();
        partitions.sort_by_key(|(partition, _)| *partition);
        let kept = partitions.into_iter().flat_map(|(_, kept)| kept);
        kept.map(|kept| kept.id.clone()).collect()
    }
}

trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

fn serve(
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

impl Inner {
    fn metadata(&self, request: &MetadataRequest) -> MetadataResponse {
        let brokers = self.brokers.iter().zip(0..).map(|(address, id): (_, i32)| {
            MetadataResponseBroker::default()
                .with_node_id(id.into())
                .with_host(StrBytes::from_string(address.ip().to_string()))
                .with_port(address.port().into())
        });
        let asked = request.topics.iter().flatten();
        let topics = asked.map(|asked| {
            let name = asked.name.clone().unwrap();
            let topic = MetadataResponseTopic::default().with_name(Some(name.clone()));
            let Some(leaders) = self.topics.get(name.0.as_str()) else {
                return topic.with_error_code(3);
            };
            let partitions = leaders.iter().zip(0..).map(|(leader, index)| {
                let leader = i32::try_from(*leader).unwrap();
                MetadataResponsePartition::default()
                    .with_partition_index(index)
                    .with_leader_id(leader.into())
                    .with_replica_nodes(vec![0.into(), 1.into(), 2.into()])
                    .with_isr_nodes(vec![leader.into()])
            });
            topic.with_partitions(partitions.collect())
        });
        MetadataResponse::default()
            .with_brokers(brokers.collect())
            .with_cluster_id(Some(StrBytes::from_static_str("stand-in")))
            .with_topics(topics.collect())
    }

    fn produce(&mut self, broker: usize, request: &ProduceRequest) -> Option<ProduceResponse> {
        if request.acks != -1 || request.timeout_ms < 1 || request.transactional_id.is_some() {
            self.wrong.push(format!("acks {}", request.acks));
        }
        let mut is_lost = false;
        let mut topics = Vec::new();
        for topic in &request.topic_data {
            let mut partitions = Vec::new();
            for data in &topic.partition_data {
                let fault = self.faults.pop_front();
                let target = (topic.name.0.to_string(), data.index);
                let code = match fault {
                    Some(Fault::Unheard) => return None,
                    Some(Fault::Code(code)) => code,
                    Some(Fault::Forgotten) => {
                        self.known.clear();
                        59
                    }
                    None | Some(Fault::LostAnswer | Fault::KeptBut(_)) => {
                        self.keep(broker, target, data.records.as_ref().unwrap())
                    }
                };
                is_lost |= fault == Some(Fault::LostAnswer);
                let code = match fault {
                    Some(Fault::KeptBut(instead)) if code == 0 => instead,
                    _ => code,
                };
                let answer = PartitionProduceResponse::default();
                partitions.push(answer.with_index(data.index).with_error_code(code));
            }
            let answer = TopicProduceResponse::default().with_name(topic.name.clone());
            topics.push(answer.with_partition_responses(partitions));
        }
        (!is_lost).then(|| ProduceResponse::default().with_responses(topics))
    }

    /// Keeps a batch, if its numbers say that it is the next.
    fn keep(&mut self, broker: usize, target: (String, i32), batch: &[u8]) -> i16 {
        let leaders = self.topics.get(&target.0);
        let leader = leaders.and_then(|all| all.get(usize::try_from(target.1).unwrap()));
        match leader {
            None => return 3,
            Some(leader) if *leader != broker => return 6,
            Some(_) => {}
        }
        if batch.len() > self.max_batch_bytes {
            return 10;
        }
        // The codec checks the checksum, as brokers do.
        let mut sets = RecordBatchDecoder::decode_all(&mut &batch[..]).unwrap();
        let records = sets.pop().unwrap().records;
        if !sets.is_empty() || records.is_empty() {
            self.wrong.push("not one batch".to_owned());
        }
        let (first, count) = (records[0].sequence, records.len());
        let producer = records[0].producer_id;
        if !(1..=self.producers).contains(&producer) {
            self.wrong.push(format!("producer {producer}"));
        }
        let numbers = self.known.entry((producer, target.0.clone(), target.1));
        let numbers = numbers.or_default();
        if numbers.last.contains(&(first, count)) {
            self.repeated += 1;
            return if self.says_duplicate { 46 } else { 0 };
        }
        if numbers.next != first {
            return 45;
        }
        numbers.next = first + i32::try_from(count).unwrap();
        numbers.last.push_back((first, count));
        if numbers.last.len() > 5 {
            numbers.last.pop_front();
        }
        let kept = records.iter().map(kept);
        self.kept.entry(target).or_default().extend(kept);
        0
    }
}

fn kept(record: &Record) -> Kept {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let id = record.headers.get("id".as_bytes()).unwrap();
    assert!(record.headers.contains_key("content-type".as_bytes()));
    assert!(record.timestamp > 1_600_000_000_000);
    Kept {
        id: text(id.as_ref().unwrap()),
        key: text(record.key.as_ref().unwrap()),
        value: text(record.value.as_ref().unwrap()),
    }
}
