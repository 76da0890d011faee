//! How a receiver and we prove to each other that we know the same key.
//!
//! Its greeting comes in, our answer leaves; then its own proof, and whether it holds.
//! The key itself never travels.

use ring::digest::{SHA512, digest};

use super::word::{self, Unwritten, Word};
use crate::deliver::secret::Secret;
use crate::deliver::verdict::shown;

/// What we know of the receiver before it speaks.
pub(super) struct Known {
    pub(super) shared_key: Secret,
    /// A user's name and password, where the receiver asks for one.
    pub(super) user: Option<(String, Secret)>,
    /// Our name.
    pub(super) host: String,
    /// What makes this login unlike any other.
    pub(super) salt: String,
}

/// The receiver's greeting.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hello {
    nonce: Vec<u8>,
    /// The salt of passwords; empty where no user is asked for.
    auth: Vec<u8>,
    /// Whether the connection may be used for more than one chunk.
    pub(super) keeps: bool,
}

/// Reads a greeting; `None` where it is something else.
pub(super) fn hello(word: &Word) -> Option<Hello> {
    let Word::List(words) = word else {
        return None;
    };
    let [kind, options] = &words[..] else {
        return None;
    };
    (kind.bytes() == b"HELO").then_some(())?;
    let bytes = |key| {
        options
            .get(key)
            .map(Word::bytes)
            .unwrap_or_default()
            .to_vec()
    };
    Some(Hello {
        nonce: bytes("nonce"),
        auth: bytes("auth"),
        keeps: options.get("keepalive") != Some(&Word::Truth(false)),
    })
}

/// The answer to a greeting.
///
/// # Errors
/// What a person has to configure.
pub(super) fn ping(known: &Known, hello: &Hello) -> Result<Vec<u8>, String> {
    let (user, password) = match (&known.user, hello.auth.is_empty()) {
        (_, true) => (String::new(), String::new()),
        (Some((user, password)), false) => {
            let parts = [&hello.auth, user.as_bytes(), password.expose().as_bytes()];
            (user.clone(), hashed(&parts))
        }
        (None, false) => return Err("it asks for a user: set user and password".to_owned()),
    };
    let proof = proof(known, &known.host, hello);
    let words = ["PING", &known.host, &known.salt, &proof, &user, &password];
    let written = || -> Result<Vec<u8>, Unwritten> {
        let mut out = Vec::new();
        rmp::encode::write_array_len(&mut out, word::count(words.len()))?;
        for word in words {
            rmp::encode::write_str(&mut out, word)?;
        }
        Ok(out)
    };
    written().map_err(|error| error.to_string())
}

/// Whether the receiver lets us in, and has proved that it knows the key.
///
/// # Errors
/// Its words, or that it proved nothing.
pub(super) fn pong(known: &Known, hello: &Hello, word: &Word) -> Result<(), String> {
    let words = match word {
        Word::List(words) => &words[..],
        _ => &[],
    };
    let [kind, lets_in, why, name, digest] = words else {
        return Err("it did not answer our login".to_owned());
    };
    if kind.bytes() != b"PONG" {
        return Err("it did not answer our login".to_owned());
    }
    if *lets_in != Word::Truth(true) {
        let why = String::from_utf8_lossy(why.bytes());
        return Err(format!("it does not let us in: {}", shown(&why)));
    }
    let name = String::from_utf8_lossy(name.bytes());
    if name == known.host.as_str() {
        return Err("it has our own name, so its proof may be a copy of ours".to_owned());
    }
    let expected = proof(known, &name, hello);
    if expected.as_bytes() == digest.bytes() {
        Ok(())
    } else {
        Err("it does not know the shared key".to_owned())
    }
}

/// What only who knows the key can make, for a name.
fn proof(known: &Known, name: &str, hello: &Hello) -> String {
    let key = known.shared_key.expose().as_bytes();
    hashed(&[known.salt.as_bytes(), name.as_bytes(), &hello.nonce, key])
}

fn hashed(parts: &[&[u8]]) -> String {
    use std::fmt::Write;
    let mut hex = String::new();
    for byte in digest(&SHA512, &parts.concat()).as_ref() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
