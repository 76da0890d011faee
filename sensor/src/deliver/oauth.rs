//! Tokens that a cloud gives out for an hour or so.
//!
//! Whoever gives one out answers with it and how long it lasts; while it does, it
//! leaves as the header of each request. It is asked for anew some time before its
//! end, and at once when a receiver refuses it.

use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;
use serde::Deserialize;

use super::http::Reply;

/// A token is replaced so long before its end.
const MARGIN: Duration = Duration::from_mins(5);
/// What is taken for its life where nothing is said of it.
const SHORT: Duration = Duration::from_mins(10);

/// A token as it was given.
pub(crate) struct Token {
    header: HeaderValue,
    until: Instant,
}

/// The answer of RFC 6749; some write the seconds as text.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

impl Token {
    /// Reads it from the answer; `who` gave it.
    pub(crate) fn read(who: &str, reply: &Reply) -> Result<Self, String> {
        // serde's own words may repeat what it read.
        let granted: Granted = serde_json::from_slice(&reply.body)
            .map_err(|_| format!("{who}: its answer holds no access_token"))?;
        let header = HeaderValue::from_str(&format!("Bearer {}", granted.access_token));
        let mut header =
            header.map_err(|_| format!("{who}: its token cannot stand in a header"))?;
        header.set_sensitive(true);
        let seconds = granted.expires_in.and_then(|value| match value {
            serde_json::Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        });
        // A day is longer than any of them, and no end of time.
        let life = seconds.map_or(SHORT, |seconds: u64| {
            Duration::from_secs(seconds.min(86_400))
        });
        Ok(Self {
            header,
            until: Instant::now() + life.saturating_sub(MARGIN.min(life / 2)),
        })
    }
}

/// The token in use, if there is one.
#[derive(Default)]
pub(crate) struct Kept(Option<Token>);

impl Kept {
    /// Its header, unless it is about to end.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let token = self.0.as_ref()?;
        (Instant::now() < token.until).then(|| token.header.clone())
    }

    /// Uses this one from now on.
    pub(crate) fn keep(&mut self, token: Token) -> HeaderValue {
        let header = token.header.clone();
        self.0 = Some(token);
        header
    }

    /// Has it asked for anew.
    pub(crate) fn forget(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str) -> Reply {
        Reply {
            status: 200,
            retry_after: None,
            body: body.into(),
            complete: true,
        }
    }

    #[test]
    fn a_token_is_used_while_it_lasts_and_never_shown() {
        for (body, usable) in [
            (r#"{"access_token":"hunter2","expires_in":3600}"#, true),
            (r#"{"access_token":"hunter2","expires_in":"3600"}"#, true),
            (r#"{"access_token":"hunter2"}"#, true),
            (r#"{"access_token":"hunter2","expires_in":0}"#, false),
        ] {
            let mut kept = Kept::default();
            assert!(kept.header().is_none());
            let header = kept.keep(Token::read("it", &reply(body)).unwrap());
            assert_eq!(header, "Bearer hunter2");
            assert!(!format!("{header:?}").contains("hunter2"));
            assert_eq!(kept.header().is_some(), usable, "{body}");
            kept.forget();
            assert!(kept.header().is_none());
        }
        for body in [
            "",
            "{}",
            r#"{"access_token":7}"#,
            "{\"access_token\":\"hunter2\\n\"}",
        ] {
            let why = Token::read("it", &reply(body)).err().unwrap();
            assert!(why.starts_with("it: ") && !why.contains("hunter2"), "{why}");
        }
    }
}
