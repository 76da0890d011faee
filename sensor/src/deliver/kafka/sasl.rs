//! Proving to a broker who we are: PLAIN and SCRAM (RFC 5802, RFC 7677).
//!
//! A user and a password come in; what is said to the broker leaves. With SCRAM the
//! password never does, and the broker must prove that it knows it, too.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SecureRandom;
use ring::{digest, hmac, pbkdf2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::deliver::secret::SecretRef;

/// Who we are to the brokers.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sasl {
    /// How it is proved: `plain`, `scram-sha-256` or `scram-sha-512`.
    pub mechanism: Mechanism,
    /// The user's name.
    pub user: String,
    /// The user's password, as a reference: `${NAME}` or `file:/path`; read anew for each
    /// connection.
    pub password: SecretRef,
}

/// The ways to prove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Mechanism {
    /// The password as it is.
    #[serde(rename = "plain")]
    Plain,
    /// SCRAM with SHA-256: the password stays here.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// SCRAM with SHA-512: the password stays here.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

impl Mechanism {
    /// Its registered name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// What PLAIN says.
pub(super) fn plain(user: &str, password: &str) -> Vec<u8> {
    format!("\0{user}\0{password}").into_bytes()
}

/// More rounds than any broker asks for would keep us busy for its pleasure.
const MAX_ROUNDS: u32 = 1 << 20;
/// Fewer would let whoever poses as the broker guess passwords (RFC 7677).
const MIN_ROUNDS: u32 = 4096;

/// One conversation of SCRAM.
pub(super) struct Scram<'a> {
    pbkdf2: pbkdf2::Algorithm,
    hmac: hmac::Algorithm,
    password: &'a str,
    nonce: String,
    first: String,
    /// What the broker must prove in the end.
    expected: Option<(hmac::Key, String)>,
}

impl<'a> Scram<'a> {
    /// `None` for a mechanism that is not SCRAM, or without random numbers.
    pub(super) fn new(mechanism: Mechanism, user: &str, password: &'a str) -> Option<Self> {
        let mut nonce = [0; 24];
        ring::rand::SystemRandom::new().fill(&mut nonce).ok()?;
        Self::with_nonce(mechanism, user, password, STANDARD.encode(nonce))
    }

    fn with_nonce(
        mechanism: Mechanism,
        user: &str,
        password: &'a str,
        nonce: String,
    ) -> Option<Self> {
        let (pbkdf2, hmac) = match mechanism {
            Mechanism::Plain => return None,
            Mechanism::ScramSha256 => (pbkdf2::PBKDF2_HMAC_SHA256, hmac::HMAC_SHA256),
            Mechanism::ScramSha512 => (pbkdf2::PBKDF2_HMAC_SHA512, hmac::HMAC_SHA512),
        };
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Some(Self {
            pbkdf2,
            hmac,
            password,
            first: format!("n={user},r={nonce}"),
            nonce,
            expected: None,
        })
    }

    /// What we say first.
    pub(super) fn first(&self) -> Vec<u8> {
        format!("n,,{}", self.first).into_bytes()
    }

    /// The proof, for what the broker said first; the error says what is wrong with that.
    pub(super) fn proof(&mut self, said: &[u8]) -> Result<Vec<u8>, &'static str> {
        let said = std::str::from_utf8(said).map_err(|_| "it is no text")?;
        let value = |name: &str| {
            let mut parts = said.split(',');
            parts.find_map(|part| part.strip_prefix(name))
        };
        let nonce = value("r=").filter(|nonce| nonce.starts_with(&self.nonce));
        let nonce = nonce.ok_or("it does not repeat our nonce")?;
        let salt = value("s=").and_then(|salt| STANDARD.decode(salt).ok());
        let salt = salt.ok_or("it has no salt")?;
        let rounds = value("i=").and_then(|rounds| rounds.parse().ok());
        let rounds = rounds.filter(|rounds| (MIN_ROUNDS..=MAX_ROUNDS).contains(rounds));
        let rounds = rounds.and_then(NonZeroU32::new);
        let rounds = rounds.ok_or("it asks for too few or too many rounds")?;

        let mut salted = vec![0; self.hmac.digest_algorithm().output_len()];
        pbkdf2::derive(
            self.pbkdf2,
            rounds,
            &salt,
            self.password.as_bytes(),
            &mut salted,
        );
        let salted = hmac::Key::new(self.hmac, &salted);
        let client = hmac::sign(&salted, b"Client Key");
        let stored = digest::digest(self.hmac.digest_algorithm(), client.as_ref());
        let last = format!("c=biws,r={nonce}");
        let signed = format!("{},{said},{last}", self.first);
        let signature = hmac::sign(
            &hmac::Key::new(self.hmac, stored.as_ref()),
            signed.as_bytes(),
        );
        let proof = client.as_ref().iter().zip(signature.as_ref());
        let proof: Vec<u8> = proof.map(|(a, b)| a ^ b).collect();
        let server = hmac::sign(&salted, b"Server Key");
        self.expected = Some((hmac::Key::new(self.hmac, server.as_ref()), signed));
        Ok(format!("{last},p={}", STANDARD.encode(proof)).into_bytes())
    }

    /// Whether the broker's last words prove that it knows the password.
    pub(super) fn is_proved(&self, said: &[u8]) -> bool {
        let signature = std::str::from_utf8(said).ok().and_then(|said| {
            let value = said.split(',').next()?.strip_prefix("v=")?;
            STANDARD.decode(value).ok()
        });
        match (&self.expected, signature) {
            (Some((key, signed)), Some(signature)) => {
                hmac::verify(key, signed.as_bytes(), &signature).is_ok()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SAID: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                        s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn scram() -> Scram<'static> {
        let mechanism = Mechanism::ScramSha256;
        Scram::with_nonce(mechanism, "user", "pencil", NONCE.into()).unwrap()
    }

    #[test]
    fn the_conversation_is_that_of_the_rfc() {
        let mut scram = scram();
        assert_eq!(scram.first(), format!("n,,n=user,r={NONCE}").into_bytes());
        let proof = String::from_utf8(scram.proof(SAID.as_bytes()).unwrap()).unwrap();
        assert_eq!(
            proof,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(scram.is_proved(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        for said in [
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=",
            "v=",
            "e=no",
            "",
        ] {
            assert!(!scram.is_proved(said.as_bytes()), "{said}");
        }
    }

    #[test]
    fn a_broker_that_poses_as_one_gets_no_proof() {
        for said in [
            "",
            "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4294967295",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==",
        ] {
            assert!(scram().proof(said.as_bytes()).is_err(), "{said}");
        }
        assert!(scram().proof(&[0xff, 0xfe]).is_err());
        assert!(!scram().is_proved(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }

    #[test]
    fn a_name_cannot_end_its_part() {
        let scram = Scram::with_nonce(Mechanism::ScramSha512, "a,n=b", "x", "1".into()).unwrap();
        assert_eq!(scram.first(), b"n,,n=a=2Cn=3Db,r=1");
    }
}
