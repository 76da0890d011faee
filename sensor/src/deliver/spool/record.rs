//! One alert as bytes in a segment: a header that names itself, and the alert.
//!
//! Alerts go in, bytes leave; bytes come in, and [`next`] finds the next whole
//! record in them, past any damage. What always holds: a record is handed out
//! only when its checksum fits, and no length read from a disk is believed before.

use crc32fast::Hasher;
use memchr::memmem;

use crate::alert::Alert;

use super::super::queue::Seq;

/// Every record begins with it, so that reading can go on after damage.
const MAGIC: [u8; 4] = *b"\xa1SPL";
/// Bytes before the alert: magic, length, number, time of arrival, checksum.
const HEADER: usize = 4 + 4 + 8 + 8 + 4;
/// The longest alert taken, bytes; a text line is bounded by what the kernel
/// hands over, so an alert is far below.
pub(crate) const MAX_ALERT: usize = 16 << 20;

/// A record as it is found in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Its place among all alerts of the output.
    pub(crate) seq: Seq,
    /// When it was raised, nanoseconds since the Unix epoch.
    pub(crate) arrived_ns: u64,
    /// The alert, encoded.
    pub(crate) alert: &'a [u8],
}

/// What [`next`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A record, how many damaged bytes stand before it, and where it ends.
    Record {
        /// What it holds.
        record: Record<'a>,
        /// Bytes before it that are no record.
        damaged: usize,
        /// Where the next one begins.
        end: usize,
    },
    /// A record begins here and goes on past the end of the bytes: more of the
    /// file has to be read, from `start` on and at least `wanted` bytes.
    Partial {
        /// Where it begins.
        start: usize,
        /// How many bytes from there on it claims.
        wanted: usize,
    },
    /// No record begins in these bytes.
    Nothing,
}

/// Appends an alert's record to `bytes`; says whether it could: an alert that
/// is too long, or cannot be encoded, leaves them as they were.
pub(crate) fn write(bytes: &mut Vec<u8>, seq: Seq, alert: &Alert) -> bool {
    let start = bytes.len();
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&[0; HEADER - MAGIC.len()]);
    if serde_json::to_writer(&mut *bytes, alert).is_err() {
        bytes.truncate(start);
        return false;
    }
    let length = bytes.len() - start - HEADER;
    let Some(length) = u32::try_from(length).ok().filter(|_| length <= MAX_ALERT) else {
        bytes.truncate(start);
        return false;
    };
    if let Some((header, body)) = bytes
        .get_mut(start..)
        .and_then(<[u8]>::split_first_chunk_mut::<HEADER>)
    {
        seal(header, length, seq, alert.time_ns, body);
    }
    true
}

fn seal(header: &mut [u8; HEADER], length: u32, seq: Seq, arrived_ns: u64, body: &[u8]) {
    let fields = [
        &MAGIC[..],
        &length.to_le_bytes(),
        &seq.to_le_bytes(),
        &arrived_ns.to_le_bytes(),
    ];
    let sealed = fields.concat();
    let sum = checksum(&sealed, body).to_le_bytes();
    for (to, from) in header.iter_mut().zip(sealed.into_iter().chain(sum)) {
        *to = from;
    }
}

fn checksum(header: &[u8], body: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(header);
    hasher.update(body);
    hasher.finalize()
}

/// The first record at or after the beginning of `bytes`, which are all that is
/// left of the segment when `is_end`.
pub(crate) fn next(bytes: &[u8], is_end: bool) -> Found<'_> {
    for start in memmem::find_iter(bytes, &MAGIC) {
        let rest = bytes.get(start..).unwrap_or_default();
        match parse(rest) {
            Parsed::Record(record, length) => {
                return Found::Record {
                    record,
                    damaged: start,
                    end: start + length,
                };
            }
            Parsed::Partial(wanted) if !is_end => return Found::Partial { start, wanted },
            // Torn, or its length is damaged: another may begin inside of it.
            Parsed::Partial(_) | Parsed::Damaged => {}
        }
    }
    // The magic itself may be cut by the end of the bytes.
    let tail = bytes.len().saturating_sub(MAGIC.len() - 1);
    let cut = (tail..bytes.len()).find(|at| MAGIC.starts_with(bytes.get(*at..).unwrap_or(&[0])));
    match cut {
        Some(start) if !is_end => Found::Partial {
            start,
            wanted: HEADER,
        },
        _ => Found::Nothing,
    }
}

enum Parsed<'a> {
    Record(Record<'a>, usize),
    Partial(usize),
    Damaged,
}

/// The record that begins with these bytes.
fn parse(bytes: &[u8]) -> Parsed<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Parsed::Partial(HEADER);
    };
    let length = usize::try_from(u32::from_le_bytes(at(header, 4))).unwrap_or(usize::MAX);
    if length > MAX_ALERT {
        return Parsed::Damaged;
    }
    let Some(alert) = rest.get(..length) else {
        return Parsed::Partial(HEADER + length);
    };
    let (sealed, sum) = header.split_at(HEADER - 4);
    if checksum(sealed, alert).to_le_bytes() != sum {
        return Parsed::Damaged;
    }
    let record = Record {
        seq: u64::from_le_bytes(at(header, 8)),
        arrived_ns: u64::from_le_bytes(at(header, 16)),
        alert,
    };
    Parsed::Record(record, HEADER + length)
}

/// `N` bytes of a header, which has them by its length.
fn at<const N: usize>(header: &[u8; HEADER], offset: usize) -> [u8; N] {
    let bytes = header.get(offset..offset + N);
    bytes.and_then(|b| b.try_into().ok()).unwrap_or([0; N])
}

/// The alert of a record; the error says what is wrong with it.
pub(crate) fn alert(bytes: &[u8]) -> Result<Alert, serde_json::Error> {
    serde_json::from_slice(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::deliver::spool::tests::alert as numbered;

    fn three() -> (Vec<u8>, Vec<usize>) {
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for seq in 1..=3 {
            assert!(write(&mut bytes, seq, &numbered(seq)));
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn all(mut bytes: &[u8]) -> (Vec<Seq>, usize) {
        let (mut seqs, mut damage) = (Vec::new(), 0);
        loop {
            match next(bytes, true) {
                Found::Record {
                    record,
                    damaged,
                    end,
                } => {
                    assert_eq!(alert(record.alert).unwrap(), numbered(record.seq));
                    seqs.push(record.seq);
                    damage += damaged;
                    bytes = &bytes[end..];
                }
                Found::Nothing => return (seqs, damage + bytes.len()),
                Found::Partial { .. } => panic!("nothing more is there to read"),
            }
        }
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        let (bytes, _) = three();
        assert_eq!(all(&bytes), (vec![1, 2, 3], 0));
    }

    #[test]
    fn a_record_cut_anywhere_is_asked_for_and_at_the_end_given_up() {
        let (bytes, ends) = three();
        for cut in ends[0] + 1..ends[1] {
            let torn = &bytes[ends[0]..cut];
            let Found::Partial { start, wanted } = next(torn, false) else {
                panic!("cut at {cut}");
            };
            assert_eq!(start, 0);
            assert!(wanted > torn.len() && wanted <= ends[1] - ends[0], "{cut}");
            assert_eq!(next(torn, true), Found::Nothing, "{cut}");
        }
    }

    #[test]
    fn an_alert_that_holds_the_magic_hides_no_record() {
        let mut hostile = numbered(7);
        hostile.message = "\u{a1}SPL\u{a1}SPL0000000000000000000000000".into();
        let mut bytes = Vec::new();
        assert!(write(&mut bytes, 7, &hostile));
        let first = bytes.len();
        assert!(write(&mut bytes, 8, &numbered(8)));
        // Its header is gone, its text is all that is left of it.
        bytes[5] ^= 0xff;
        let Found::Record {
            record, damaged, ..
        } = next(&bytes, true)
        else {
            panic!("the second is whole");
        };
        assert_eq!((record.seq, damaged), (8, first));
    }

    proptest! {
        #[test]
        fn damage_costs_the_damaged_records_alone(at in 0_usize..100_000, flip in 1_u8..=255) {
            let (mut bytes, ends) = three();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            let hit = ends.iter().position(|end| at < *end).unwrap();
            let (seqs, _) = all(&bytes);
            let whole: Vec<Seq> = (1..=3).filter(|seq| *seq != hit as u64 + 1).collect();
            prop_assert_eq!(seqs, whole);
        }

        #[test]
        fn any_bytes_are_read_to_their_end(bytes: Vec<u8>, is_end: bool) {
            next(&bytes, is_end);
        }
    }
}
