//! The server's side of SCRAM-SHA-512, by RFC 5802.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};

const SALT: &[u8] = b"some salt";
const ROUNDS: u32 = 4096;

/// One conversation.
#[derive(Default)]
pub(crate) struct Scram {
    /// What the client said first, and what it was answered.
    begun: Option<(String, String)>,
    pub(crate) is_proved: bool,
}

impl Scram {
    /// What is answered; `None` when the client does not prove who it is.
    pub(crate) fn answer(&mut self, said: &[u8], user: &str, password: &str) -> Option<Vec<u8>> {
        let said = std::str::from_utf8(said).unwrap();
        let Some((first, answered)) = &self.begun else {
            let first = said.strip_prefix("n,,").unwrap();
            let nonce = first.strip_prefix(&format!("n={user},r="))?;
            let salt = STANDARD.encode(SALT);
            let answer = format!("r={nonce}and ours,s={salt},i={ROUNDS}");
            self.begun = Some((first.to_owned(), answer.clone()));
            return Some(answer.into());
        };
        let (last, proof) = said.split_once(",p=").unwrap();
        let nonce = answered.split(',').next().unwrap();
        assert_eq!(last, format!("c=biws,{nonce}"));
        let mut salted = [0; 64];
        let rounds = ROUNDS.try_into().unwrap();
        let password = password.as_bytes();
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA512,
            rounds,
            SALT,
            password,
            &mut salted,
        );
        let sign =
            |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key), text);
        let client = sign(&salted, b"Client Key");
        let stored = digest::digest(&digest::SHA512, client.as_ref());
        let signed = format!("{first},{answered},{last}");
        let signature = sign(stored.as_ref(), signed.as_bytes());
        let proof = STANDARD.decode(proof).unwrap();
        let found: Vec<u8> = proof
            .iter()
            .zip(signature.as_ref())
            .map(|(a, b)| a ^ b)
            .collect();
        if found != client.as_ref() {
            return None;
        }
        self.is_proved = true;
        let server = sign(&salted, b"Server Key");
        let verifier = STANDARD.encode(sign(server.as_ref(), signed.as_bytes()));
        Some(format!("v={verifier}").into())
    }
}
