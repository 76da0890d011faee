//! The signature of a request, in one of three customs.
//!
//! A request's id, time and body come in, the headers that prove them leave. As
//! Standard Webhooks has it there is one HMAC-SHA256 for each secret, so that the
//! receiver may change from one to the other at its leisure; as GitHub and Slack have
//! it, one. The time is that of the attempt, so that an old request cannot be played
//! again; GitHub's custom has none.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{self, HMAC_SHA256, Key};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hexadecimal;
use crate::deliver::common::BuildError;
use crate::deliver::secret::SecretRef;

/// What a secret of Standard Webhooks begins with.
const PREFIX: &str = "whsec_";
/// How many bytes of key it has.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The fewest characters of another secret.
const LEAST: usize = 16;

/// How a request is signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Custom {
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`, by Standard Webhooks.
    #[default]
    Standard,
    /// `X-Hub-Signature-256` of the body, as GitHub signs.
    Github,
    /// `X-Slack-Signature` of `X-Slack-Request-Timestamp` and the body, as Slack signs.
    Slack,
}

/// The keys to sign with. `Debug` shows none of them.
#[derive(PartialEq)]
pub(super) struct Signer {
    custom: Custom,
    keys: Vec<Vec<u8>>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys, {:?}", self.keys.len(), self.custom)
    }
}

impl Signer {
    /// Reads the secrets: for Standard Webhooks `whsec_` and 24 to 64 bytes in base64, else
    /// any text of 16 characters and more.
    pub(super) fn new(custom: Custom, secrets: &[SecretRef]) -> Result<Self, BuildError> {
        let keys = secrets.iter().map(|reference| {
            let secret = reference.resolve()?;
            let (key, expected) = match custom {
                Custom::Standard => (
                    standard_key(secret.expose()),
                    "whsec_ and 24 to 64 bytes in base64",
                ),
                Custom::Github | Custom::Slack => (
                    Some(secret.expose().as_bytes().to_vec()).filter(|key| key.len() >= LEAST),
                    "16 characters or more",
                ),
            };
            key.ok_or_else(|| {
                BuildError::Value(format!("{reference} is no signing secret: {expected}"))
            })
        });
        let keys = keys.collect::<Result<_, _>>()?;
        Ok(Self { custom, keys })
    }

    /// The headers that prove a request, none without secrets.
    pub(super) fn sign(&self, id: &str, seconds: u64, body: &[u8]) -> Vec<(&'static str, String)> {
        let tag = |key: &Vec<u8>, before: &str| {
            let text = [before.as_bytes(), body].concat();
            hmac::sign(&Key::new(HMAC_SHA256, key), &text)
        };
        let Some(first) = self.keys.first() else {
            return Vec::new();
        };
        match self.custom {
            Custom::Standard => {
                let before = format!("{id}.{seconds}.");
                let one = |key| format!("v1,{}", STANDARD.encode(tag(key, &before)));
                let all: Vec<_> = self.keys.iter().map(one).collect();
                vec![("webhook-signature", all.join(" "))]
            }
            Custom::Github => {
                let value = format!("sha256={}", hexadecimal(tag(first, "").as_ref()));
                vec![("x-hub-signature-256", value)]
            }
            Custom::Slack => {
                let tag = tag(first, &format!("v0:{seconds}:"));
                let value = format!("v0={}", hexadecimal(tag.as_ref()));
                vec![
                    ("x-slack-request-timestamp", seconds.to_string()),
                    ("x-slack-signature", value),
                ]
            }
        }
    }
}

fn standard_key(secret: &str) -> Option<Vec<u8>> {
    let text = secret.strip_prefix(PREFIX)?;
    let bytes = STANDARD.decode(text).ok()?;
    KEY_BYTES.contains(&bytes.len()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(custom: Custom, secret: &str) -> Result<Signer, BuildError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, secret).unwrap();
        let reference = SecretRef::File(path);
        Signer::new(custom, &[reference.clone(), reference])
    }

    #[test]
    fn a_signature_is_the_one_the_reference_implementation_makes() {
        let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        let body =
            br#"{"type":"alert.triggered","timestamp":"2026-11-21T01:27:27Z","data":{"rule":"x"}}"#;
        let one = "v1,IKebNRNa8F6ONtQZ+kAGhPU4FAlQFOCYcDpwOXprGwo=";
        let signer = signer(Custom::Standard, secret).unwrap();
        let headers = signer.sign("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", 1_795_224_447, body);
        assert_eq!(headers, [("webhook-signature", format!("{one} {one}"))]);
        let none = Signer::new(Custom::Standard, &[]).unwrap();
        assert_eq!(none.sign("id", 1, body), []);
    }

    #[test]
    fn other_customs_sign_as_their_documentation_shows() {
        // The example of GitHub's documentation.
        let github = signer(Custom::Github, "It's a Secret to Everybody").unwrap();
        let expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(
            github.sign("", 1, b"Hello, World!"),
            [("x-hub-signature-256", expected.to_owned())]
        );
        // The example of Slack's documentation.
        let slack = signer(Custom::Slack, "8f742231b10e8888abcd99yyyzzz85a5").unwrap();
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
            &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
            &command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com\
            %2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
            &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let expected = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        assert_eq!(
            slack.sign("", 1_531_420_618, body.as_bytes()),
            [
                ("x-slack-request-timestamp", "1531420618".to_owned()),
                ("x-slack-signature", expected.to_owned()),
            ]
        );
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        assert!(signer(Custom::Standard, "whsec_").is_err());
        for (custom, secret) in [
            (Custom::Standard, "hunter2"),
            (Custom::Standard, "whsec_aHVudGVyMg=="),
            (Custom::Standard, "whsec_***"),
            (Custom::Github, "hunter2"),
        ] {
            let wrong = signer(custom, secret).unwrap_err().to_string();
            assert!(!wrong.contains(secret), "{wrong}");
        }
    }
}
