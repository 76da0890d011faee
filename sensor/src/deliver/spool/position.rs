//! How far each lane has been acknowledged, kept in a small file.
//!
//! Positions come in after every answer of the receiver and are read once, when
//! the spool is opened. Two places in the file are written in turn, so that a
//! write that is torn by a power failure leaves the one before it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::alert::Priority;

use super::super::queue::Seq;

/// Lanes of a spool, one a priority.
pub(crate) const LANES: usize = Priority::ALL.len();
/// Version in front, a generation, the lanes, a checksum.
const SLOT: usize = 8 + 8 + 8 * LANES + 8;
/// What a slot begins with.
const MAGIC: [u8; 8] = *b"SNSRPOS1";

/// The first alert of each lane that is not acknowledged yet.
pub(crate) type Acknowledged = [Seq; LANES];

/// The file.
#[derive(Debug)]
pub(crate) struct Position {
    file: File,
    generation: u64,
    saved: Acknowledged,
}

impl Position {
    /// Opens the file, or makes it; one that is damaged altogether says that
    /// nothing is acknowledged, which sends alerts twice and loses none.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        let slots = [0, 1].map(|slot| {
            let mut bytes = [0; SLOT];
            let read = file.read_exact_at(&mut bytes, slot * SLOT as u64);
            read.ok().and_then(|()| decode(&bytes))
        });
        let newest = slots.into_iter().flatten().max_by_key(|slot| slot.0);
        let (generation, saved) = newest.unwrap_or_default();
        Ok(Self {
            file,
            generation,
            saved,
        })
    }

    /// What is in the file.
    pub(crate) fn acknowledged(&self) -> Acknowledged {
        self.saved
    }

    /// Writes new positions, if they are new: safe from the end of this process
    /// at once, from a power failure after [`sync`](Self::sync).
    pub(crate) fn save(&mut self, acknowledged: &Acknowledged) -> io::Result<()> {
        if *acknowledged == self.saved {
            return Ok(());
        }
        let generation = self.generation + 1;
        let slot = (generation % 2) * SLOT as u64;
        self.file
            .write_all_at(&encode(generation, acknowledged), slot)?;
        self.generation = generation;
        self.saved = *acknowledged;
        Ok(())
    }

    /// Makes what was saved safe from a power failure.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn encode(generation: u64, acknowledged: &Acknowledged) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(generation.to_le_bytes());
    bytes.extend(acknowledged.iter().flat_map(|seq| seq.to_le_bytes()));
    let sum = u64::from(crc32fast::hash(&bytes));
    bytes.extend(sum.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8; SLOT]) -> Option<(u64, Acknowledged)> {
    let (sealed, sum) = bytes.split_last_chunk::<8>()?;
    let intact = u64::from(crc32fast::hash(sealed)).to_le_bytes() == *sum;
    let (magic, numbers) = sealed.split_first_chunk::<8>()?;
    if !intact || *magic != MAGIC {
        return None;
    }
    let (numbers, []) = numbers.as_chunks::<8>() else {
        return None;
    };
    let (generation, lanes) = numbers.split_first()?;
    let mut acknowledged = Acknowledged::default();
    for (to, from) in acknowledged.iter_mut().zip(lanes) {
        *to = u64::from_le_bytes(*from);
    }
    Some((u64::from_le_bytes(*generation), acknowledged))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_write_leaves_the_position_before_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("position");
        let mut position = Position::open(&path).unwrap();
        assert_eq!(position.acknowledged(), [0; LANES]);
        for seq in 1..=5 {
            position.save(&[seq; LANES]).unwrap();
        }
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(Position::open(&path).unwrap().acknowledged(), [5; LANES]);
        // Five is odd: the second place has it.
        for at in SLOT..2 * SLOT {
            let mut torn = whole.clone();
            torn[at] ^= 0x55;
            std::fs::write(&path, &torn).unwrap();
            let found = Position::open(&path).unwrap().acknowledged();
            assert_eq!(found, [4; LANES], "byte {at}");
        }
        std::fs::write(&path, b"garbage").unwrap();
        assert_eq!(Position::open(&path).unwrap().acknowledged(), [0; LANES]);
    }
}
