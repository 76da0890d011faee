//! What a broker answers, read with distrust.
//!
//! The bytes of an answer come in, its values leave; `None` when it makes no
//! sense. Requests are written by the codec crate; answers are read here, because
//! the crate sets memory aside for as many elements as an answer claims to have.
//! Here a count is only a claim: what is read never takes more than the bytes that came.

/// Values of an answer, in the order they stand there.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn i16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// A text, empty where there is none.
    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.i16()?).unwrap_or(0);
        Some(String::from_utf8_lossy(self.bytes(length)?).into_owned())
    }

    /// Bytes with their length before them, empty where there are none.
    fn blob(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(self.i32()?).unwrap_or(0);
        self.bytes(length).map(<[u8]>::to_vec)
    }

    /// Each element takes at least one byte, so a false count soon ends.
    fn all<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut all = Vec::new();
        for _ in 0..self.i32()? {
            all.push(one(self)?);
        }
        Some(all)
    }
}

/// The versions of one request that a broker knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Versions {
    pub(super) key: i16,
    pub(super) from: i16,
    pub(super) to: i16,
}

/// An error code, and what the broker knows.
pub(super) fn api_versions(answer: &[u8]) -> Option<(i16, Vec<Versions>)> {
    let mut reader = Reader(answer);
    let code = reader.i16()?;
    let known = reader.all(|reader| {
        Some(Versions {
            key: reader.i16()?,
            from: reader.i16()?,
            to: reader.i16()?,
        })
    })?;
    Some((code, known))
}

/// An error code, and the mechanisms the broker would accept.
pub(super) fn sasl_handshake(answer: &[u8]) -> Option<(i16, Vec<String>)> {
    let mut reader = Reader(answer);
    Some((reader.i16()?, reader.all(Reader::text)?))
}

/// One step of proving who we are.
pub(super) struct SaslStep {
    pub(super) code: i16,
    pub(super) words: String,
    pub(super) bytes: Vec<u8>,
    /// After so many milliseconds the broker ends the connection; 0: never.
    pub(super) lifetime_ms: i64,
}

pub(super) fn sasl_authenticate(answer: &[u8], version: i16) -> Option<SaslStep> {
    let mut reader = Reader(answer);
    Some(SaslStep {
        code: reader.i16()?,
        words: reader.text()?,
        bytes: reader.blob()?,
        lifetime_ms: if version >= 1 { reader.i64()? } else { 0 },
    })
}

/// Who a producer is to the brokers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Producer {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

/// An error code, and the producer.
pub(super) fn init_producer_id(answer: &[u8]) -> Option<(i16, Producer)> {
    let mut reader = Reader(answer);
    let _throttle_ms = reader.i32()?;
    let code = reader.i16()?;
    let (id, epoch) = (reader.i64()?, reader.i16()?);
    Some((code, Producer { id, epoch }))
}

/// The cluster as one of its brokers sees it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) brokers: Vec<(i32, String, i32)>,
    pub(super) topics: Vec<Topic>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) code: i16,
    pub(super) name: String,
    /// Each partition and its leader, below 0 where there is none.
    pub(super) partitions: Vec<(i32, i32)>,
}

/// Reads versions 4 to 8.
pub(super) fn metadata(answer: &[u8], version: i16) -> Option<Metadata> {
    let mut reader = Reader(answer);
    let _throttle_ms = reader.i32()?;
    let brokers = reader.all(|reader| {
        let broker = (reader.i32()?, reader.text()?, reader.i32()?);
        let _rack = reader.text()?;
        Some(broker)
    })?;
    let _cluster_id = reader.text()?;
    let _controller = reader.i32()?;
    let topics = reader.all(|reader| topic(reader, version))?;
    Some(Metadata { brokers, topics })
}

fn topic(reader: &mut Reader<'_>, version: i16) -> Option<Topic> {
    let (code, name) = (reader.i16()?, reader.text()?);
    let _internal = reader.array::<1>()?;
    let partitions = reader.all(|reader| {
        let _code = reader.i16()?;
        let partition = (reader.i32()?, reader.i32()?);
        if version >= 7 {
            let _leader_epoch = reader.i32()?;
        }
        let lists = if version >= 5 { 3 } else { 2 };
        for _ in 0..lists {
            let _replicas = reader.all(Reader::i32)?;
        }
        Some(partition)
    })?;
    if version >= 8 {
        let _operations = reader.i32()?;
    }
    Some(Topic {
        code,
        name,
        partitions,
    })
}

/// What became of the records of one partition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Produced {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) code: i16,
    /// The broker's words, if it has any.
    pub(super) words: String,
}

/// Reads versions 3 to 8; also gives for how many milliseconds nothing more should come.
pub(super) fn produce(answer: &[u8], version: i16) -> Option<(Vec<Produced>, i32)> {
    let mut reader = Reader(answer);
    let topics = reader.all(|reader| {
        let topic = reader.text()?;
        reader.all(|reader| {
            let (partition, code) = (reader.i32()?, reader.i16()?);
            let (_offset, _append_time_ms) = (reader.i64()?, reader.i64()?);
            if version >= 5 {
                let _log_start = reader.i64()?;
            }
            let mut words = String::new();
            if version >= 8 {
                let bad = reader.all(|reader| {
                    let _index = reader.i32()?;
                    reader.text()
                })?;
                words = reader.text()?;
                if words.is_empty() {
                    words = bad.into_iter().next().unwrap_or_default();
                }
            }
            let topic = topic.clone();
            Some(Produced {
                topic,
                partition,
                code,
                words,
            })
        })
    })?;
    let throttle_ms = reader.i32()?;
    Some((topics.into_iter().flatten().collect(), throttle_ms))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_a_broker_answers_it_is_read_or_refused(
            answer in proptest::collection::vec(any::<u8>(), 0..300),
            version in 0i16..9,
        ) {
            let _ = api_versions(&answer);
            let _ = sasl_handshake(&answer);
            let _ = sasl_authenticate(&answer, version);
            let _ = init_producer_id(&answer);
            let _ = metadata(&answer, version);
            let _ = produce(&answer, version);
        }
    }

    #[test]
    fn a_count_is_only_a_claim() {
        let mut answer = vec![0, 0];
        answer.extend(i32::MAX.to_be_bytes());
        answer.extend([0; 60]);
        assert_eq!(api_versions(&answer), None);
        answer.truncate(2);
        answer.extend((-1i32).to_be_bytes());
        assert_eq!(api_versions(&answer), Some((0, Vec::new())));
    }
}
