//! What happened in, a stable id out.

use uuid::{Builder, Uuid};

/// The id of the alert that a rule raised for an event: the same whenever the
/// same event is evaluated again, so that a receiver can tell a repetition from
/// news. It sorts by time like every UUID of version 7; the rest is a hash.
pub(super) fn of(host: &str, time_ns: u64, number: u64, rule: &str) -> Uuid {
    let mut hash = Fnv::new();
    hash.write(host.as_bytes());
    // Neither name can hold a NUL, so this keeps them apart.
    hash.write(&[0]);
    hash.write(rule.as_bytes());
    hash.write(&[0]);
    hash.write(&time_ns.to_le_bytes());
    hash.write(&number.to_le_bytes());
    let [_, _, _, _, _, _, random @ ..] = hash.0.to_be_bytes();
    Builder::from_unix_timestamp_millis(time_ns / 1_000_000, &random).into_uuid()
}

/// A number that is the same for the same texts, in every build.
pub(crate) fn hash(texts: &[&[u8]]) -> u128 {
    let mut hash = Fnv::new();
    for text in texts {
        hash.write(&text.len().to_le_bytes());
        hash.write(text);
    }
    hash.0
}

/// FNV-1a with 128 bits. The standard library's hashers may change from one
/// version to the next; ids must not.
struct Fnv(u128);

impl Fnv {
    const PRIME: u128 = (1 << 88) + 0x13b;

    fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(Self::PRIME);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: u64 = 1_700_000_000_123_456_789;

    #[test]
    fn the_same_alert_has_the_same_id_in_every_build() {
        let id = of("host1", TIME, 7, "Read shadow");
        assert_eq!(id, of("host1", TIME, 7, "Read shadow"));
        assert_eq!(id.get_version_num(), 7);
        let seconds = id.get_timestamp().map(|time| time.to_unix().0);
        assert_eq!(seconds, Some(1_700_000_000));
        assert_eq!(id.to_string(), "018bcfe5-687b-76e5-a936-9f08e490cc79");
    }

    #[test]
    fn whatever_differs_gives_another_id() {
        let ids = [
            of("host1", TIME, 7, "Read shadow"),
            of("host2", TIME, 7, "Read shadow"),
            of("host1", TIME + 1, 7, "Read shadow"),
            of("host1", TIME, 8, "Read shadow"),
            of("host1", TIME, 7, "Read shado"),
        ];
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id));
        }
    }
}
