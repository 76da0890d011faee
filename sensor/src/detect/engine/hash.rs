//! The hash behind the engine's tables: fast on short texts.
//!
//! The keys of these tables are the constants of the rules, fixed when they are
//! loaded; what an attacker chooses is only looked up. So the hash need not
//! withstand chosen keys.

use std::hash::{BuildHasherDefault, Hasher};

/// For tables over the constants of rules.
pub(super) type FastHash = BuildHasherDefault<FastHasher>;

/// Odd, and without pattern in its bits.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Eight bytes a step.
#[derive(Debug, Default)]
pub(super) struct FastHasher(u64);

impl FastHasher {
    fn mix(&mut self, word: u64) {
        // What the carry is of one multiplication: its high half.
        let (low, high) = (self.0 ^ word).carrying_mul(FACTOR, 0);
        self.0 = high ^ low.rotate_left(23);
    }
}

impl Hasher for FastHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.mix(u64::from_le_bytes(last) ^ (rest.len() as u64) << 56);
    }

    fn write_u32(&mut self, number: u32) {
        self.mix(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.mix(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
