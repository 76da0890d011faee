//! The brokers: who they are, who leads which partition, and our connections to them.
//!
//! The names of topics come in, their partitions and leaders leave, as any broker
//! tells them. What a broker says of the others is followed only as far as the
//! configuration allows: with the same encryption, the same proof, and never
//! unencrypted to another machine unless that is allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{InitProducerIdRequest, MetadataRequest};
use rustls::ClientConfig;
use tokio::time::Instant;

use super::answer::{self, Metadata, Producer};
use super::connection::{Connection, Spoken, Trouble, described, senseless, trouble};
use super::lane::name;
use super::sasl::Sasl;
use crate::deliver::http::is_loopback_host;
use crate::deliver::stream::{Place, host_of};

/// Leaders change with an error; this finds new partitions.
const MAX_AGE: Duration = Duration::from_mins(5);

/// A topic just made is not known everywhere at once: so often it may be missing.
const MAX_MISSES: u8 = 5;

/// How the brokers are reached.
pub(super) struct Access {
    /// Those of the configuration, `host:port`; at least one.
    pub(super) first: Vec<String>,
    /// With encryption, how their certificates are checked.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) allow_unencrypted: bool,
    pub(super) sasl: Option<Sasl>,
    pub(super) timeout: Duration,
    pub(super) create_topics: bool,
}

impl Access {
    async fn open(&self, address: &str) -> Result<Connection, Trouble> {
        let place = match &self.tls {
            Some(tls) => Place::Tls(address.to_owned(), Arc::clone(tls)),
            None if self.allow_unencrypted || is_loopback_host(host_of(address)) => {
                Place::Tcp(address.to_owned())
            }
            None => {
                return Err(Trouble::Lasting(format!(
                    "the cluster names {address}, another machine, and what goes there would not \
                     be encrypted; use tls: or set allow_unencrypted: true"
                )));
            }
        };
        let opened = Connection::open(&place, self.sasl.as_ref(), self.timeout).await;
        opened.map_err(|trouble| match trouble {
            Trouble::Passing(why) => Trouble::Passing(format!("{address}: {why}")),
            Trouble::Lasting(why) => Trouble::Lasting(format!("{address}: {why}")),
        })
    }
}

/// What is known of a topic.
#[derive(Default)]
struct Topic {
    code: i16,
    /// How often in a row it was not there.
    misses: u8,
    /// Each partition's leader.
    leaders: BTreeMap<i32, i32>,
}

/// The brokers as they were last seen.
pub(super) struct Cluster {
    access: Access,
    /// Which of the first brokers is asked first.
    turn: usize,
    /// For questions that any broker answers.
    home: Option<Connection>,
    brokers: BTreeMap<i32, String>,
    connections: BTreeMap<i32, Connection>,
    topics: BTreeMap<String, Topic>,
    /// When it was seen, unless something turned out to be otherwise since.
    seen: Option<Instant>,
}

impl Cluster {
    pub(super) fn new(access: Access) -> Self {
        Self {
            access,
            turn: 0,
            home: None,
            brokers: BTreeMap::new(),
            connections: BTreeMap::new(),
            topics: BTreeMap::new(),
            seen: None,
        }
    }

    /// Something turned out to be otherwise.
    pub(super) fn doubt(&mut self) {
        self.seen = None;
    }

    /// Forgets all topics; those still in use are looked up again.
    pub(super) fn forget_topics(&mut self) {
        self.topics.clear();
    }

    /// Makes sure that what is known of these topics is good.
    pub(super) async fn look_up(&mut self, topics: &BTreeSet<&str>) -> Result<(), Trouble> {
        let known = |name: &&str| self.topics.get(*name).is_some_and(|topic| topic.code == 0);
        let fresh = self.seen.is_some_and(|seen| seen.elapsed() < MAX_AGE);
        if topics.is_empty() || fresh && topics.iter().all(known) {
            return Ok(());
        }
        let wanted = topics.iter().map(|topic| {
            let topic = Some(name(topic).into());
            MetadataRequestTopic::default().with_name(topic)
        });
        let request = MetadataRequest::default()
            .with_topics(Some(wanted.collect()))
            .with_allow_auto_topic_creation(self.access.create_topics);
        let (answer, version) = self.ask_any(&request).await?;
        let metadata = answer::metadata(&answer, version).ok_or_else(senseless)?;
        self.learn(metadata, topics);
        Ok(())
    }

    fn learn(&mut self, metadata: Metadata, topics: &BTreeSet<&str>) {
        let mut brokers = BTreeMap::new();
        for (id, host, port) in metadata.brokers {
            let host = if host.contains(':') {
                format!("[{host}]")
            } else {
                host
            };
            brokers.insert(id, format!("{host}:{port}"));
        }
        let same = |id: &i32| self.brokers.get(id) == brokers.get(id);
        self.connections.retain(|id, _| same(id));
        self.brokers = brokers;
        for found in metadata.topics {
            if !topics.contains(found.name.as_str()) {
                continue;
            }
            let topic = self.topics.entry(found.name).or_default();
            topic.code = found.code;
            topic.misses = match ResponseError::try_from_code(found.code) {
                Some(ResponseError::UnknownTopicOrPartition) => topic.misses.saturating_add(1),
                _ => 0,
            };
            topic.leaders = found.partitions.into_iter().collect();
        }
        self.seen = Some(Instant::now());
    }

    /// How many partitions a topic has.
    pub(super) fn partitions(&self, name: &str) -> Result<usize, Trouble> {
        let topic = self.topics.get(name);
        let topic = topic.ok_or_else(|| {
            Trouble::Passing(format!("the brokers say nothing of topic `{name}`"))
        })?;
        if topic.code != 0 {
            let unknown = ResponseError::UnknownTopicOrPartition.code();
            if topic.code == unknown && topic.misses >= MAX_MISSES {
                return Err(Trouble::Lasting(format!(
                    "topic `{name}` is not there; create it, or set create_topics: true"
                )));
            }
            return Err(trouble(&format!("topic `{name}`"), topic.code, ""));
        }
        match topic.leaders.len() {
            0 => Err(Trouble::Passing(format!("topic `{name}` has no partition"))),
            partitions => Ok(partitions),
        }
    }

    /// The broker that leads a partition.
    pub(super) fn leader(&self, topic: &str, partition: i32) -> Result<i32, Trouble> {
        self.partitions(topic)?;
        let topic_of = self.topics.get(topic);
        let leader = topic_of.and_then(|topic| topic.leaders.get(&partition));
        leader
            .copied()
            .filter(|leader| *leader >= 0)
            .ok_or_else(|| {
                Trouble::Passing(format!("partition {partition} of `{topic}` has no leader"))
            })
    }

    /// A connection to this broker.
    pub(super) async fn connection(&mut self, broker: i32) -> Result<&mut Connection, Trouble> {
        let ended = match self.connections.get_mut(&broker) {
            Some(connection) => connection.has_ended().await,
            None => true,
        };
        if ended {
            self.connections.remove(&broker);
            let unknown = || Trouble::Passing(format!("nobody knows where broker {broker} is"));
            let address = self.brokers.get(&broker).ok_or_else(unknown)?;
            let connection = self.access.open(address).await?;
            self.connections.insert(broker, connection);
        }
        self.asked(broker)
    }

    /// The connection on which this broker was asked something.
    pub(super) fn asked(&mut self, broker: i32) -> Result<&mut Connection, Trouble> {
        let gone = || Trouble::Passing(format!("broker {broker} is gone"));
        self.connections.get_mut(&broker).ok_or_else(gone)
    }

    /// The connection to this broker failed.
    pub(super) fn disconnect(&mut self, broker: i32) {
        self.connections.remove(&broker);
        self.doubt();
    }

    /// A new producer, whose numbers start with 0.
    pub(super) async fn new_producer(&mut self) -> Result<Producer, Trouble> {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(i32::MAX);
        let (answer, _) = self.ask_any(&request).await?;
        let (code, producer) = answer::init_producer_id(&answer).ok_or_else(senseless)?;
        match ResponseError::try_from_code(code) {
            None => Ok(producer),
            Some(ResponseError::ClusterAuthorizationFailed) => Err(Trouble::Lasting(format!(
                "{}: we need the right to IdempotentWrite",
                described(code, "")
            ))),
            Some(_) => Err(trouble("a producer's id", code, "")),
        }
    }

    /// Asks any broker, once more where the connection had gone stale.
    async fn ask_any<R: Spoken>(&mut self, request: &R) -> Result<(Vec<u8>, i16), Trouble> {
        if let Some(mut home) = self.home.take()
            && !home.has_ended().await
            && let Ok(answer) = home.ask(request).await
        {
            self.home = Some(home);
            return Ok(answer);
        }
        let mut home = self.open_any().await?;
        let answer = home.ask(request).await;
        match answer {
            Ok(_) => self.home = Some(home),
            Err(_) => self.turn = self.turn.wrapping_add(1),
        }
        answer
    }

    /// A connection to the first broker that lets us in: of the configuration's in
    /// turn, then of those they told of. A refusal is told rather than a silence.
    async fn open_any(&mut self) -> Result<Connection, Trouble> {
        let first = self.access.first.len().max(1);
        let turns = (0..first).map(|at| self.turn.wrapping_add(at) % first);
        let turns: Vec<usize> = turns.collect();
        let mut why = Trouble::Passing("no broker is known".to_owned());
        for at in turns {
            let Some(address) = self.access.first.get(at) else {
                continue;
            };
            match self.access.open(address).await {
                Ok(connection) => {
                    self.turn = at;
                    return Ok(connection);
                }
                Err(trouble) => why = graver(why, trouble),
            }
        }
        for address in self.brokers.values() {
            if self.access.first.contains(address) {
                continue;
            }
            match self.access.open(address).await {
                Ok(connection) => return Ok(connection),
                Err(trouble) => why = graver(why, trouble),
            }
        }
        Err(why)
    }
}

fn graver(one: Trouble, other: Trouble) -> Trouble {
    match one {
        Trouble::Lasting(_) => one,
        Trouble::Passing(_) => other,
    }
}
