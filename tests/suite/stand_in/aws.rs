//! Signatures of requests as AWS checks them: computed a second time, from what came.
//!
//! Written from the description of signature version 4, apart from the sender's code.

use std::fmt::Write;

use reqwest::header::HeaderName;
use ring::digest::{SHA256, digest};
use ring::hmac::{HMAC_SHA256, Key, sign};

use super::intake::Request;

/// Whose signature is expected.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) id: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) session: &'static str,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Signer {
    /// Whether the request is signed by these keys, now, for this region and service;
    /// the error says what is wrong.
    pub(crate) fn check(
        &self,
        request: &Request,
        region: &str,
        service: &str,
    ) -> Result<(), String> {
        let proof = request.header("authorization");
        let proof = proof
            .strip_prefix("AWS4-HMAC-SHA256 ")
            .ok_or("no such algorithm")?;
        let part = |name: &str| {
            let of = |part: &str| {
                Some(
                    part.trim()
                        .strip_prefix(name)?
                        .strip_prefix('=')?
                        .to_owned(),
                )
            };
            proof.split(',').find_map(of).ok_or(format!("no {name}"))
        };
        let time = request.header("x-amz-date");
        let read = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time);
        let sent = read
            .map_err(|why| why.to_string())?
            .to_zoned(jiff::tz::TimeZone::UTC);
        let skew = sent
            .unwrap()
            .timestamp()
            .duration_since(jiff::Timestamp::now());
        if skew.abs() > jiff::SignedDuration::from_mins(5) {
            return Err(format!("it is from {time}"));
        }
        let scope = format!("{}/{region}/{service}/aws4_request", &time[..8]);
        if part("Credential")? != format!("{}/{scope}", self.id) {
            return Err("the credential is another".into());
        }
        if request.header("x-amz-security-token") != self.session {
            return Err("the session is another".into());
        }
        let names = part("SignedHeaders")?;
        let mut sorted: Vec<&str> = names.split(';').collect();
        sorted.sort_unstable();
        // All of AWS's own headers, and the host, must be signed.
        let own = request.headers.keys().map(HeaderName::as_str);
        let own = own.filter(|name| name.starts_with("x-amz-"));
        if sorted.join(";") != names || own.chain(["host"]).any(|name| !sorted.contains(&name)) {
            return Err(format!("signed are {names}"));
        }
        let lines = sorted
            .iter()
            .map(|name| format!("{name}:{}\n", request.header(name)));
        let canonical = format!(
            "{}\n{}\n{}\n{}\n{names}\n{}",
            request.method,
            request.uri.path(),
            request.uri.query().unwrap_or_default(),
            lines.collect::<String>(),
            hex(digest(&SHA256, &request.bytes).as_ref())
        );
        let hashed = hex(digest(&SHA256, canonical.as_bytes()).as_ref());
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashed}");
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in scope.split('/').chain([&*text]) {
            key = sign(&Key::new(HMAC_SHA256, &key), part.as_bytes())
                .as_ref()
                .to_vec();
        }
        if part("Signature")? == hex(&key) {
            Ok(())
        } else {
            Err("the signature is wrong".into())
        }
    }
}
