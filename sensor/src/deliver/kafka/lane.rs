//! What is on its way to one partition, in its order.
//!
//! Records come in and leave as batches, one under way at a time. A batch whose
//! answer was lost is repeated as it was, with the numbers it had, whatever else
//! waits by then: so the broker knows it again and keeps it once. A number is given
//! to another record only when the broker has refused the one that had it.

use std::collections::VecDeque;

use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions};
use uuid::Uuid;

use super::answer::Producer;
use super::record;

/// A record, and the alert it was made of.
pub(super) struct Entry {
    pub(super) id: Uuid,
    pub(super) record: Record,
}

/// Records that go together, and the number of the first of them once they have
/// left for the first time.
#[derive(Default)]
struct Flight {
    entries: Vec<Entry>,
    bytes: usize,
    number: Option<i32>,
}

/// The batches of one partition.
#[derive(Default)]
pub(super) struct Lane {
    /// Whose numbers these are.
    pub(super) producer: Option<Producer>,
    /// The number of the next record that has none yet.
    next: i32,
    flights: VecDeque<Flight>,
}

impl Lane {
    pub(super) fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// All alerts that are here.
    pub(super) fn ids(&self) -> impl Iterator<Item = Uuid> {
        let entries = self.flights.iter().flat_map(|flight| &flight.entries);
        entries.map(|entry| entry.id)
    }

    /// Adds a record, to a batch that has not left and stays within `max_bytes`.
    pub(super) fn push(&mut self, entry: Entry, max_bytes: usize) {
        let bytes = record::size(&entry.record);
        let fits = |flight: &Flight| flight.number.is_none() && flight.bytes + bytes <= max_bytes;
        if !self.flights.back().is_some_and(fits) {
            self.flights.push_back(Flight::default());
        }
        if let Some(flight) = self.flights.back_mut() {
            flight.bytes += bytes;
            flight.entries.push(entry);
        }
    }

    /// The first batch as it goes over the wire; the same each time until it is settled.
    pub(super) fn first(
        &mut self,
        producer: Producer,
        compression: Compression,
    ) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let Some(flight) = self.flights.front_mut() else {
            return Ok(bytes);
        };
        let producer = *self.producer.get_or_insert(producer);
        let number = *flight.number.get_or_insert(self.next);
        for (at, entry) in (0i32..).zip(&mut flight.entries) {
            entry.record.offset = at.into();
            // What the codec makes of it is the number of the first alone.
            entry.record.sequence = number.wrapping_add(at);
            entry.record.producer_id = producer.id;
            entry.record.producer_epoch = producer.epoch;
        }
        let options = RecordEncodeOptions {
            version: 2,
            compression,
        };
        let records = flight.entries.iter().map(|entry| &entry.record);
        RecordBatchEncoder::encode(&mut bytes, records, &options)
            .map_err(|error| format!("a batch cannot be written: {error}"))?;
        Ok(bytes)
    }

    /// The broker has the first batch: gives its alerts.
    pub(super) fn taken(&mut self) -> Vec<Uuid> {
        let Some(flight) = self.flights.pop_front() else {
            return Vec::new();
        };
        let first = flight.number.unwrap_or(self.next);
        self.next = after(first, flight.entries.len());
        flight.entries.into_iter().map(|entry| entry.id).collect()
    }

    /// The broker refused the first batch for what is in it. It is halved; a record
    /// alone is given up and its alert given.
    pub(super) fn split(&mut self) -> Option<Uuid> {
        let mut first = self.flights.pop_front()?;
        self.next = first.number.unwrap_or(self.next);
        if first.entries.len() <= 1 {
            return first.entries.pop().map(|entry| entry.id);
        }
        let rest = first.entries.split_off(first.entries.len() / 2);
        for entries in [rest, first.entries] {
            let bytes = entries.iter().map(|entry| record::size(&entry.record));
            self.flights.push_front(Flight {
                bytes: bytes.sum(),
                entries,
                number: None,
            });
        }
        None
    }

    /// The broker refused the first batch for good: gives its alerts.
    pub(super) fn refused(&mut self) -> Vec<Uuid> {
        let Some(flight) = self.flights.pop_front() else {
            return Vec::new();
        };
        self.next = flight.number.unwrap_or(self.next);
        flight.entries.into_iter().map(|entry| entry.id).collect()
    }

    /// The broker does not know our numbers: they start anew, as another producer's.
    pub(super) fn renumber(&mut self) {
        self.producer = None;
        self.next = 0;
        for flight in &mut self.flights {
            flight.number = None;
        }
    }
}

/// The number that follows `n` records from `first` on; after the largest comes 0.
fn after(first: i32, n: usize) -> i32 {
    let next = i64::from(first) + i64::try_from(n).unwrap_or(0);
    i32::try_from(next % (1 << 31)).unwrap_or(0)
}

/// A topic's name for the codec.
pub(super) fn name(topic: &str) -> StrBytes {
    StrBytes::from_string(topic.to_owned())
}

#[cfg(test)]
mod tests {
    use kafka_protocol::records::RecordBatchDecoder;

    use super::*;
    use crate::deliver::format::Format;
    use crate::deliver::pattern::Pattern;

    const PRODUCER: Producer = Producer { id: 7, epoch: 1 };

    fn entry(n: u128) -> Entry {
        let mut alert = crate::deliver::pattern::tests::alert();
        alert.id = Uuid::from_u128(n);
        let shape = record::Shape {
            topic: Pattern::parse("t").unwrap(),
            key: Pattern::parse("{host}").unwrap(),
            format: Format::Falco,
        };
        Entry {
            id: alert.id,
            record: shape.record(&alert),
        }
    }

    fn lane(n: u128) -> Lane {
        let mut lane = Lane::default();
        (0..n).for_each(|n| lane.push(entry(n), 1 << 20));
        lane
    }

    /// The numbers of a batch, read back by the codec.
    fn numbers(lane: &mut Lane) -> (i32, usize) {
        let bytes = lane.first(PRODUCER, Compression::Gzip).unwrap();
        let mut batches = RecordBatchDecoder::decode_batch_info(&mut bytes.as_slice()).unwrap();
        let batch = batches.pop().unwrap();
        assert!(batches.is_empty());
        assert_eq!((batch.producer_id, batch.producer_epoch), (7, 1));
        (
            batch.base_sequence,
            usize::try_from(batch.record_count).unwrap(),
        )
    }

    #[test]
    fn a_batch_that_has_left_is_repeated_as_it_was() {
        let mut lane = lane(3);
        let first = lane.first(PRODUCER, Compression::Gzip).unwrap();
        lane.push(entry(3), 1 << 20);
        assert_eq!(lane.first(PRODUCER, Compression::Gzip).unwrap(), first);
        assert_eq!(numbers(&mut lane), (0, 3));
        assert_eq!(lane.taken().len(), 3);
        assert_eq!(numbers(&mut lane), (3, 1));
    }

    #[test]
    fn numbers_of_refused_records_are_used_again_and_no_others() {
        let mut lane = lane(4);
        assert_eq!(numbers(&mut lane), (0, 4));
        assert_eq!(lane.split(), None);
        assert_eq!(numbers(&mut lane), (0, 2));
        assert_eq!(lane.split(), None);
        assert_eq!(numbers(&mut lane), (0, 1));
        assert_eq!(lane.split(), Some(Uuid::from_u128(0)));
        assert_eq!(numbers(&mut lane), (0, 1));
        assert_eq!(lane.taken(), [Uuid::from_u128(1)]);
        assert_eq!(numbers(&mut lane), (1, 2));
        assert_eq!(lane.ids().count(), 2);
        lane.renumber();
        assert_eq!(numbers(&mut lane), (0, 2));
        assert_eq!(lane.refused().len(), 2);
        assert!(lane.is_empty() && lane.taken().is_empty() && lane.refused().is_empty());
    }

    #[test]
    fn a_batch_holds_no_more_than_it_may_and_at_least_one() {
        let mut lane = Lane::default();
        let one = record::size(&entry(0).record);
        (0..5).for_each(|n| lane.push(entry(n), 2 * one));
        assert_eq!(numbers(&mut lane), (0, 2));
        let bytes = lane.first(PRODUCER, Compression::None).unwrap();
        assert!(bytes.len() < 2 * one + 100, "{} {one}", bytes.len());
        let mut narrow = Lane::default();
        narrow.push(entry(0), 1);
        assert_eq!(numbers(&mut narrow), (0, 1));
    }

    #[test]
    fn after_the_largest_number_comes_zero() {
        assert_eq!(after(i32::MAX, 1), 0);
        assert_eq!(after(i32::MAX - 1, 1), i32::MAX);
        assert_eq!(after(i32::MAX - 1, 5), 3);
        let mut lane = lane(3);
        lane.next = i32::MAX - 1;
        assert_eq!(numbers(&mut lane), (i32::MAX - 1, 3));
        lane.taken();
        lane.push(entry(9), 1 << 20);
        assert_eq!(numbers(&mut lane), (1, 1));
    }
}
