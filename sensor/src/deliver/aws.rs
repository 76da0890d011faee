//! Requests as Amazon Web Services want them: signed, with keys found where AWS puts them.
//!
//! A service's call comes in, the headers that prove who makes it leave (signature
//! version 4). Keys come from [`credentials`]; they are never shown.

pub mod credentials;
mod profile;

use std::fmt::Write as _;
use std::time::SystemTime;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use ring::digest::{SHA256, digest};

use credentials::Keys;

/// One call of a service that speaks JSON.
pub(crate) struct Call<'a> {
    pub(crate) url: &'a Url,
    /// The service's name in signatures, such as `logs`.
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    /// What is called, such as `Logs_20140328.PutLogEvents`.
    pub(crate) target: &'a str,
    pub(crate) content_type: &'static str,
    pub(crate) body: &'a [u8],
}

/// The headers of a POST of this call, made at `now`; `None` if something in it
/// cannot stand in a header.
pub(crate) fn signed(call: &Call<'_>, keys: &Keys, now: SystemTime) -> Option<HeaderMap> {
    let (date, time) = date_and_time(now)?;
    // In the order of their names, as they are signed.
    let mut headers = vec![
        ("content-type", call.content_type.to_owned()),
        ("host", host(call.url)?),
        ("x-amz-date", time.clone()),
    ];
    let session = keys.session.clone();
    headers.extend(session.map(|token| ("x-amz-security-token", token)));
    headers.push(("x-amz-target", call.target.to_owned()));
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let scope = format!("{date}/{}/{}/aws4_request", call.region, call.service);
    let request = canonical(call, &headers, &names);
    let request = hexadecimal(digest(&SHA256, request.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{request}");
    let key = generate_signing_key(&keys.secret, now, call.region, call.service);
    let signature = calculate_signature(key, text.as_bytes());
    let proof = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        keys.id
    );
    // Each client of HTTP says the host itself.
    headers.retain(|(name, _)| *name != "host");
    headers.push((AUTHORIZATION.as_str(), proof));
    headers.into_iter().map(header).collect()
}

fn header((name, value): (&'static str, String)) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(&value).ok()?;
    let open = [CONTENT_TYPE.as_str(), "x-amz-date", "x-amz-target"];
    value.set_sensitive(!open.contains(&name));
    Some((HeaderName::from_static(name), value))
}

/// The request as both sides write it before they hash it. Our URLs have no query.
fn canonical(call: &Call<'_>, headers: &[(&str, String)], names: &str) -> String {
    let mut text = format!("POST\n{}\n\n", call.url.path());
    for (name, value) in headers {
        let _ = writeln!(text, "{name}:{}", value.trim());
    }
    let body = hexadecimal(digest(&SHA256, call.body).as_ref());
    let _ = write!(text, "\n{names}\n{body}");
    text
}

/// The host as the client writes it: with its port when that is not the scheme's own.
fn host(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let port = url.port().map(|port| format!(":{port}"));
    Some(format!("{host}{}", port.unwrap_or_default()))
}

/// `20150830` and `20150830T123600Z`.
fn date_and_time(now: SystemTime) -> Option<(String, String)> {
    let now = jiff::Timestamp::try_from(now).ok()?;
    let written = |format: &str| now.strftime(format).to_string();
    Some((written("%Y%m%d"), written("%Y%m%dT%H%M%SZ")))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// 30 August 2015, 12:36, the moment of every example AWS publishes.
    const THEN: Duration = Duration::from_mins(24_015_636);

    #[test]
    fn the_published_example_of_a_derived_key_comes_out() {
        let now = SystemTime::UNIX_EPOCH + THEN;
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let key = generate_signing_key(secret, now, "us-east-1", "iam");
        let expected = "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9";
        assert_eq!(hexadecimal(key.as_ref()), expected);
        let (date, time) = date_and_time(now).unwrap();
        assert_eq!(
            (&*date, &*time),
            ("20150830", "20150830T123600Z"),
            "as its examples have it"
        );
    }

    #[test]
    fn a_request_is_written_as_both_sides_do() {
        let url = Url::parse("https://logs.eu-central-1.amazonaws.com/").unwrap();
        let call = Call {
            url: &url,
            service: "logs",
            region: "eu-central-1",
            target: "Logs_20140328.PutLogEvents",
            content_type: "application/x-amz-json-1.1",
            body: b"",
        };
        let headers = [("host", host(&url).unwrap()), ("x-amz-date", " a ".into())];
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(
            canonical(&call, &headers, "host;x-amz-date"),
            format!(
                "POST\n/\n\nhost:logs.eu-central-1.amazonaws.com\nx-amz-date:a\n\n\
                 host;x-amz-date\n{empty}"
            )
        );
    }

    #[test]
    fn neither_keys_nor_proof_are_shown() {
        let url = Url::parse("http://127.0.0.1:5000/").unwrap();
        assert_eq!(host(&url).unwrap(), "127.0.0.1:5000");
        let call = Call {
            url: &url,
            service: "logs",
            region: "eu-central-1",
            target: "t",
            content_type: "c",
            body: b"{}",
        };
        let keys = Keys::new("AKID".into(), "hunter2".into(), Some("hunter3".into()));
        let headers = signed(&call, &keys, SystemTime::UNIX_EPOCH + THEN).unwrap();
        let shown = format!("{headers:?} {keys:?}");
        assert!(
            !shown.contains("hunter") && !shown.contains("Signature"),
            "{shown}"
        );
        assert_eq!(headers.len(), 5, "{shown}");
    }
}
