//! The signature of a request, as Standard Webhooks has it.
//!
//! A request's id, time and body come in, the value of its `webhook-signature`
//! leaves: one HMAC-SHA256 for each secret, so that the receiver may change from one
//! to the other at its leisure. The time is that of the attempt, so that an old
//! request cannot be played again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{self, HMAC_SHA256, Key};

use crate::deliver::common::BuildError;
use crate::deliver::secret::SecretRef;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// How many bytes of key a secret has.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The keys to sign with. `Debug` shows none of them.
pub(super) struct Signer(Vec<Key>);

impl Signer {
    /// Reads the secrets: `whsec_` and 24 to 64 bytes in base64.
    pub(super) fn new(secrets: &[SecretRef]) -> Result<Self, BuildError> {
        let keys = secrets.iter().map(|reference| {
            let secret = reference.resolve()?;
            let bytes = secret.expose().strip_prefix(PREFIX);
            let bytes = bytes.and_then(|text| STANDARD.decode(text).ok());
            match bytes.filter(|bytes| KEY_BYTES.contains(&bytes.len())) {
                Some(bytes) => Ok(Key::new(HMAC_SHA256, &bytes)),
                None => Err(BuildError::Value(format!(
                    "{reference} is no signing secret: whsec_ and 24 to 64 bytes in base64"
                ))),
            }
        });
        Ok(Self(keys.collect::<Result<_, _>>()?))
    }

    /// The header's value; `None` without secrets.
    pub(super) fn sign(&self, id: &str, seconds: u64, body: &[u8]) -> Option<String> {
        let text = [format!("{id}.{seconds}.").as_bytes(), body].concat();
        let signatures = self.0.iter().map(|key| {
            let tag = hmac::sign(key, &text);
            format!("v1,{}", STANDARD.encode(tag))
        });
        let all: Vec<String> = signatures.collect();
        (!all.is_empty()).then(|| all.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(secret: &str) -> Result<Signer, BuildError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, secret).unwrap();
        let reference = SecretRef::File(path);
        Signer::new(&[reference.clone(), reference])
    }

    #[test]
    fn a_signature_is_the_one_the_reference_implementation_makes() {
        let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        let body =
            br#"{"type":"alert.triggered","timestamp":"2026-11-21T01:27:27Z","data":{"rule":"x"}}"#;
        let one = "v1,IKebNRNa8F6ONtQZ+kAGhPU4FAlQFOCYcDpwOXprGwo=";
        let signed = signer(secret).unwrap();
        let signed = signed.sign("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", 1_795_224_447, body);
        assert_eq!(signed, Some(format!("{one} {one}")));
        assert_eq!(Signer(Vec::new()).sign("id", 1, body), None);
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        assert!(signer("whsec_").is_err());
        for secret in ["hunter2", "whsec_aHVudGVyMg==", "whsec_***"] {
            let wrong = signer(secret).err().unwrap().to_string();
            assert!(!wrong.contains(secret), "{wrong}");
        }
    }
}
