//! Alerts on their way to the cluster, until the brokers have each of them.
//!
//! A batch of alerts comes in, its records leave to the leaders of their
//! partitions, one batch a partition at a time, and what each became of is told.
//! What a lost answer leaves in doubt stays here in its [`Lane`] and is repeated
//! before anything else goes there, so that the broker keeps it once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use kafka_protocol::messages::ProduceRequest;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::records::Compression;
use tracing::warn;
use uuid::Uuid;

use super::answer::{self, Producer};
use super::cluster::Cluster;
use super::connection::{Asked, Trouble, described, senseless};
use super::fate::{Fate, fate};
use super::lane::{Entry, Lane, name};
use super::record::{self, Shape};
use crate::alert::Alert;
use crate::deliver::common::{Answer, ItemFate, Output, Rest, Sending};

/// Names of topics may come from whoever acted; no more partitions are remembered.
const MAX_LANES: usize = 10_000;

/// So often in one call a producer that the brokers do not know is replaced.
const MAX_RENEWALS: usize = 3;

/// A topic and a partition of it.
type Target = (String, i32);

/// The sender.
pub(super) struct Sender {
    shape: Shape,
    cluster: Cluster,
    compression: Compression,
    /// Most bytes of one batch, before compression.
    max_bytes: usize,
    /// How long a broker may wait for the others, in milliseconds.
    broker_timeout_ms: i32,
    producer: Option<Producer>,
    lanes: BTreeMap<Target, Lane>,
    /// Fates nobody asked for yet.
    settled: HashMap<Uuid, ItemFate>,
    /// Why the rest waits, of this call.
    passing: Option<String>,
    lasting: Option<String>,
    renewals: usize,
}

impl Sender {
    pub(super) fn new(
        shape: Shape,
        cluster: Cluster,
        compression: Compression,
        max_bytes: usize,
        broker_timeout_ms: i32,
    ) -> Self {
        Self {
            shape,
            cluster,
            compression,
            max_bytes,
            broker_timeout_ms,
            producer: None,
            lanes: BTreeMap::new(),
            settled: HashMap::new(),
            passing: None,
            lasting: None,
            renewals: 0,
        }
    }

    async fn deliver(&mut self, batch: &[Arc<Alert>]) -> Answer {
        (self.passing, self.lasting, self.renewals) = (None, None, 0);
        if let Err(trouble) = self.work(batch).await {
            self.note(trouble);
        }
        self.answer(batch)
    }

    /// Goes on while something becomes of the records.
    async fn work(&mut self, batch: &[Arc<Alert>]) -> Result<(), Trouble> {
        self.tidy();
        let fresh = self.fresh(batch);
        self.look_up(&fresh).await?;
        self.place(fresh);
        while self.lanes.values().any(|lane| !lane.is_empty()) {
            self.look_up(&[]).await?;
            self.drop_vanished();
            if !self.round().await? {
                break;
            }
        }
        Ok(())
    }

    fn note(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Passing(why) => self.passing = Some(why),
            Trouble::Lasting(why) => self.lasting = Some(why),
        }
    }

    /// Records of the alerts that are neither on their way nor settled.
    fn fresh(&self, batch: &[Arc<Alert>]) -> Vec<(String, Entry)> {
        let aboard: HashSet<Uuid> = self.lanes.values().flat_map(Lane::ids).collect();
        let new = |alert: &&Arc<Alert>| {
            !aboard.contains(&alert.id) && !self.settled.contains_key(&alert.id)
        };
        let entry = |alert: &Arc<Alert>| Entry {
            id: alert.id,
            record: self.shape.record(alert),
        };
        let fresh = batch.iter().filter(new);
        fresh
            .map(|alert| (self.shape.topic(alert), entry(alert)))
            .collect()
    }

    /// Makes sure that the topics of these and of what is on its way are known.
    async fn look_up(&mut self, fresh: &[(String, Entry)]) -> Result<(), Trouble> {
        let busy = self.lanes.iter().filter(|(_, lane)| !lane.is_empty());
        let busy = busy.map(|((topic, _), _)| topic.as_str());
        let fresh = fresh.iter().map(|(topic, _)| topic.as_str());
        self.cluster.look_up(&busy.chain(fresh).collect()).await
    }

    /// Puts records into the lanes of their partitions.
    fn place(&mut self, fresh: Vec<(String, Entry)>) {
        for (topic, entry) in fresh {
            match self.cluster.partitions(&topic) {
                Ok(partitions) => {
                    let key = entry.record.key.as_deref().unwrap_or_default();
                    let target = (topic, record::partition(key, partitions));
                    let lane = self.lanes.entry(target).or_default();
                    lane.push(entry, self.max_bytes);
                }
                // Others may pass: who chooses a container's name must not stop them all.
                Err(Trouble::Lasting(why)) if !self.shape.topic.is_fixed() => {
                    self.settled.insert(entry.id, ItemFate::Refused(why));
                }
                Err(trouble) => self.note(trouble),
            }
        }
    }

    /// Forgets partitions that were not used lately, when there are too many. A
    /// forgotten one must not see its old numbers again, hence the new producer.
    fn tidy(&mut self) {
        if self.lanes.len() > MAX_LANES {
            self.lanes.retain(|_, lane| !lane.is_empty());
            self.cluster.forget_topics();
            self.producer = None;
        }
    }

    /// A topic made anew may have fewer partitions; what was on its way to one that
    /// is gone is placed anew when it is asked for again.
    fn drop_vanished(&mut self) {
        let cluster = &self.cluster;
        let before = self.lanes.len();
        self.lanes.retain(|(topic, partition), _| {
            let partitions = cluster.partitions(topic).ok();
            let partition = usize::try_from(*partition).unwrap_or(0);
            partitions.is_none_or(|partitions| partition < partitions)
        });
        if self.lanes.len() < before {
            self.producer = None;
            self.note(Trouble::Passing("a partition is gone".to_owned()));
        }
    }

    /// Sends the first batch of each partition and waits for the answers; whether
    /// something became of one.
    async fn round(&mut self) -> Result<bool, Trouble> {
        let producer = match self.producer {
            Some(producer) => producer,
            None => self.cluster.new_producer().await?,
        };
        self.producer = Some(producer);
        let mut by_leader: BTreeMap<i32, Vec<Target>> = BTreeMap::new();
        let busy = self.lanes.iter().filter(|(_, lane)| !lane.is_empty());
        let busy: Vec<Target> = busy.map(|(target, _)| target.clone()).collect();
        for (topic, partition) in busy {
            match self.cluster.leader(&topic, partition) {
                Ok(leader) => by_leader
                    .entry(leader)
                    .or_default()
                    .push((topic, partition)),
                Err(trouble) => {
                    self.cluster.doubt();
                    self.note(trouble);
                }
            }
        }
        let mut under_way = Vec::new();
        for (leader, targets) in by_leader {
            match self.dispatch(leader, &targets, producer).await {
                Ok(asked) => under_way.push((leader, asked, targets)),
                Err(trouble) => self.lost(leader, trouble),
            }
        }
        let mut progress = false;
        for (leader, asked, targets) in under_way {
            match self.collect(leader, asked, targets).await {
                Ok(something) => progress |= something,
                Err(trouble) => self.lost(leader, trouble),
            }
        }
        Ok(progress)
    }

    fn lost(&mut self, leader: i32, trouble: Trouble) {
        self.cluster.disconnect(leader);
        self.note(trouble);
    }

    async fn dispatch(
        &mut self,
        leader: i32,
        targets: &[Target],
        producer: Producer,
    ) -> Result<Asked, Trouble> {
        let mut topics: BTreeMap<&str, Vec<PartitionProduceData>> = BTreeMap::new();
        for target in targets {
            let Some(lane) = self.lanes.get_mut(target) else {
                continue;
            };
            let records = lane.first(producer, self.compression);
            let data = PartitionProduceData::default()
                .with_index(target.1)
                .with_records(Some(records.map_err(Trouble::Lasting)?.into()));
            topics.entry(&target.0).or_default().push(data);
        }
        let topics = topics.into_iter().map(|(topic, data)| {
            TopicProduceData::default()
                .with_name(name(topic).into())
                .with_partition_data(data)
        });
        let request = ProduceRequest::default()
            .with_transactional_id(None)
            // All replicas in sync must have it.
            .with_acks(-1)
            .with_timeout_ms(self.broker_timeout_ms)
            .with_topic_data(topics.collect());
        self.cluster.connection(leader).await?.send(&request).await
    }

    async fn collect(
        &mut self,
        leader: i32,
        asked: Asked,
        targets: Vec<Target>,
    ) -> Result<bool, Trouble> {
        let connection = self.cluster.asked(leader)?;
        let answer = connection.receive(asked).await?;
        let (answers, throttle_ms) =
            answer::produce(&answer, asked.version).ok_or_else(senseless)?;
        connection.throttle(throttle_ms);
        // Nothing counts that was not asked, nor anything twice.
        let mut open: BTreeSet<Target> = targets.into_iter().collect();
        let mut progress = false;
        for produced in answers {
            let target = (produced.topic, produced.partition);
            if open.remove(&target) {
                progress |= self.settle(&target, produced.code, &produced.words);
            }
        }
        if !open.is_empty() {
            return Err(senseless());
        }
        Ok(progress)
    }

    /// Applies an error code to the first batch of a partition; whether something
    /// became of it.
    fn settle(&mut self, target: &Target, code: i16, words: &str) -> bool {
        let Some(lane) = self.lanes.get_mut(target) else {
            return false;
        };
        let why = format!("topic `{}`: {}", target.0, described(code, words));
        match fate(code) {
            Fate::Taken => {
                let taken = lane.taken().into_iter();
                self.settled.extend(taken.map(|id| (id, ItemFate::Taken)));
                true
            }
            Fate::Split => {
                if let Some(id) = lane.split() {
                    self.settled.insert(id, ItemFate::Refused(why));
                }
                true
            }
            Fate::Topic if !self.shape.topic.is_fixed() => {
                let refused = lane.refused().into_iter();
                let refused = refused.map(|id| (id, ItemFate::Refused(why.clone())));
                self.settled.extend(refused);
                true
            }
            Fate::Topic | Fate::Blocked => {
                self.note(Trouble::Lasting(why));
                false
            }
            Fate::Again => {
                self.cluster.doubt();
                self.note(Trouble::Passing(why));
                false
            }
            Fate::Renew => {
                warn!(topic = %target.0, %why, "a new producer; alerts may arrive twice");
                if lane.producer == self.producer {
                    self.producer = None;
                }
                lane.renumber();
                self.note(Trouble::Passing(why));
                self.renewals += 1;
                self.renewals <= MAX_RENEWALS
            }
        }
    }

    /// The fates of a batch, as far as they are known.
    fn answer(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let fates = batch.iter().map(|alert| self.settled.remove(&alert.id));
        let fates: Vec<Option<ItemFate>> = fates.collect();
        let rest = match (self.passing.take(), self.lasting.take()) {
            (None, Some(why)) => Rest::Blocked(why),
            (Some(why), _) => Rest::Retry(why, None),
            (None, None) => Rest::Retry("no broker answered for it".to_owned(), None),
        };
        Answer::of_fates(fates, rest)
    }
}

impl Output for Sender {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.deliver(batch))
    }
}
