//! An alert as a Kafka record: its topic, its key, its partition.

use hyper::body::Bytes;
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, Record, TimestampType,
};

use crate::alert::Alert;
use crate::deliver::format::Format;
use crate::deliver::pattern::Pattern;

/// No topic's name is longer.
const MAX_TOPIC_BYTES: usize = 249;

/// More than the lengths and the deltas of a record take.
const RECORD_OVERHEAD: usize = 64;

/// How alerts become records.
pub(super) struct Shape {
    pub(super) topic: Pattern,
    pub(super) key: Pattern,
    pub(super) format: Format,
}

impl Shape {
    /// The topic of an alert.
    pub(super) fn topic(&self, alert: &Alert) -> String {
        clean_topic(&self.topic.fill(alert, str::to_owned))
    }

    /// The record; who sends it and as which, is filled in when it is sent.
    pub(super) fn record(&self, alert: &Alert) -> Record {
        let content = if self.format.is_json() {
            "application/json"
        } else {
            "text/plain; charset=utf-8"
        };
        let headers = [
            ("id", alert.id.to_string().into_bytes()),
            ("content-type", content.into()),
        ];
        let key = self.key.fill(alert, str::to_owned);
        Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            timestamp_type: TimestampType::Creation,
            offset: 0,
            sequence: 0,
            timestamp: i64::try_from(alert.time_ns / 1_000_000).unwrap_or(i64::MAX),
            key: Some(key.into_bytes().into()),
            value: Some(self.format.line(alert).into_bytes().into()),
            headers: IndexMap::from_iter(headers.map(|(name, value)| {
                let name = StrBytes::from_static_str(name);
                (name, Some(value.into()))
            })),
        }
    }
}

/// No less than the bytes it takes in a batch that is not compressed.
pub(super) fn size(record: &Record) -> usize {
    let headers = record.headers.iter();
    let headers =
        headers.flat_map(|(name, value)| [Some(name.len()), value.as_ref().map(Bytes::len)]);
    let parts = [&record.key, &record.value];
    let parts = parts.into_iter().map(|part| part.as_ref().map(Bytes::len));
    RECORD_OVERHEAD + headers.chain(parts).flatten().sum::<usize>()
}

/// A name Kafka takes: what it does not becomes `_`.
pub(super) fn clean_topic(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name = text.chars().map(|c| if fits(c) { c } else { '_' });
    let name: String = name.take(MAX_TOPIC_BYTES).collect();
    match name.as_str() {
        "." | ".." => name.replace('.', "_"),
        _ => name,
    }
}

/// The partition of a key among so many: the one Kafka's own clients choose, so
/// that what has one key stays in one order whoever sends it.
pub(super) fn partition(key: &[u8], partitions: usize) -> i32 {
    let Ok(partitions @ 1..) = u32::try_from(partitions) else {
        return 0;
    };
    let partition = (murmur2(key) & 0x7fff_ffff) % partitions;
    i32::try_from(partition).unwrap_or(0)
}

/// The hash behind it: 32 bits, with the seed that Kafka uses.
fn murmur2(data: &[u8]) -> u32 {
    const MULTIPLIER: u32 = 0x5bd1_e995;
    // A key's length never comes near 32 bits.
    #[expect(clippy::cast_possible_truncation, reason = "the hash is defined so")]
    let mut hash = 0x9747_b28c ^ data.len() as u32;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        word ^= word >> 24;
        hash = hash.wrapping_mul(MULTIPLIER) ^ word.wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        for (at, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * at);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_is_the_one_other_clients_choose() {
        // From the tests of Kafka's own client.
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
        assert_eq!(partition(b"21", 0), 0);
        assert_eq!(partition(b"abc", 10), 7);
    }

    #[test]
    fn a_topic_is_always_one_that_kafka_takes() {
        for (text, expected) in [
            ("alerts", "alerts"),
            ("alerts.prod-1_a", "alerts.prod-1_a"),
            ("a b/ü\0", "a_b___"),
            (".", "_"),
            ("..", "__"),
            ("...", "..."),
        ] {
            assert_eq!(clean_topic(text), expected);
        }
        assert_eq!(clean_topic(&"x".repeat(1000)).len(), MAX_TOPIC_BYTES);
    }
}
