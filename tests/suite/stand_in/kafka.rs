//! Kafka's brokers: three of them, strict about numbers, checksums and acknowledgements.
//!
//! They keep a producer's numbers as Kafka does: a batch must follow the one before
//! it, one of the last five is known again and kept once, and every other number is
//! refused. What was kept lies open to the test.

#[path = "kafka/session.rs"]
mod session;

use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};

use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse,
};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{Record, RecordBatchDecoder};

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
                    std::thread::spawn(move || session::serve(stream, tls, broker, &inner));
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
