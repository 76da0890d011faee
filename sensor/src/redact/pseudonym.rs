//! A value and a key in, a name out that stands for the value wherever it occurs.
//!
//! Keyed, because names of users, addresses and ports can be tried one by one:
//! a bare hash would hide nothing. Who has the key can try values; nobody can
//! turn a name back.

use std::fmt;

use ring::hmac;

/// What every pseudonym begins with: the scheme's version.
const PREFIX: &str = "p1:";
/// Characters behind the prefix: 80 bits.
const LENGTH: usize = 16;
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// The shortest key, bytes.
const MIN_KEY: usize = 16;

/// The key of pseudonyms. Prints as stars.
#[derive(Clone)]
pub struct Key(hmac::Key);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Key {
    /// A key of these bytes.
    ///
    /// # Errors
    /// When there are fewer than 16: they could be guessed.
    pub fn new(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.len() < MIN_KEY {
            return Err("the key is shorter than 16 bytes");
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// The name that stands for a value under this key.
    pub(super) fn pseudonym(&self, value: &[u8]) -> String {
        let tag = hmac::sign(&self.0, value);
        let mut bits = tag.as_ref().iter();
        let (mut held, mut count) = (0_u32, 0_u32);
        let mut out = PREFIX.to_owned();
        for _ in 0..LENGTH {
            if count < 5 {
                held = held << 8 | u32::from(bits.next().copied().unwrap_or_default());
                count += 8;
            }
            count -= 5;
            let letter = ALPHABET.get((held >> count & 31) as usize);
            out.push(char::from(letter.copied().unwrap_or(b'a')));
        }
        out
    }
}

/// Whether a piece of text is such a name.
pub(super) fn is_pseudonym(text: &[u8]) -> bool {
    text.strip_prefix(PREFIX.as_bytes())
        .is_some_and(|name| name.len() == LENGTH && name.iter().all(|byte| ALPHABET.contains(byte)))
}
