//! Where a receiver is that is not spoken to over HTTP: `scheme://host:port`.
//!
//! A URL comes in with the configuration, an [`Address`] leaves, or a sentence
//! about what is wrong with it. Unencrypted to another machine is refused unless
//! it was allowed.

use std::sync::Arc;

use super::common::BuildError;
use super::http::is_loopback_host;
use super::stream::{Place, host_of};
use super::tls;

/// A way to speak to a receiver, as its URL begins.
pub(crate) struct Scheme {
    pub(crate) word: &'static str,
    /// The port where the URL names none.
    pub(crate) port: u16,
    pub(crate) encrypted: bool,
}

/// A receiver's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) scheme: &'static str,
    /// `host:port`, an IPv6 address in brackets.
    pub(crate) host_port: String,
    pub(crate) encrypted: bool,
}

impl Address {
    /// The same as a place to connect to.
    pub(crate) fn place(self, tls: &tls::Config) -> Result<Place, BuildError> {
        Ok(if self.encrypted {
            Place::Tls(self.host_port, Arc::new(tls.client()?))
        } else {
            Place::Tcp(self.host_port)
        })
    }
}

/// Reads a URL of one of these schemes; the error says what is wrong with it.
pub(crate) fn parse(
    url: &str,
    schemes: &[Scheme],
    allow_unencrypted: bool,
) -> Result<Address, String> {
    let wrong = || {
        let ways: Vec<String> = schemes
            .iter()
            .map(|scheme| format!("{}://HOST:PORT", scheme.word))
            .collect();
        format!("`{url}` is no address; write {}", ways.join(" or "))
    };
    // What may be a secret is not repeated.
    if url.contains('@') {
        return Err("it holds a user name or password; use the keys for them instead".to_owned());
    }
    let (word, rest) = url.split_once("://").ok_or_else(wrong)?;
    let scheme = schemes.iter().find(|scheme| scheme.word == word);
    let scheme = scheme.ok_or_else(wrong)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let host_port = with_port(rest, scheme.port).ok_or_else(wrong)?;
    if !scheme.encrypted && !allow_unencrypted && !is_loopback_host(host_of(&host_port)) {
        let better = schemes.iter().find(|scheme| scheme.encrypted);
        let better = better.map_or(String::new(), |scheme| format!("use {}: or ", scheme.word));
        return Err(format!(
            "`{url}` is {word}: to another machine, where anyone on the path can read and \
             change it; {better}set allow_unencrypted: true"
        ));
    }
    Ok(Address {
        scheme: scheme.word,
        host_port,
        encrypted: scheme.encrypted,
    })
}

/// `host:port`, the port added where there is none.
fn with_port(text: &str, port: u16) -> Option<String> {
    let name = |c: char| c.is_ascii_alphanumeric() || ".-_:[]%".contains(c);
    if text.is_empty() || !text.chars().all(name) {
        return None;
    }
    // An IPv6 address holds colons itself and stands in brackets.
    let colon = text.rfind(':').filter(|at| text.rfind(']') < Some(*at));
    match colon {
        Some(at) => {
            let (host, given) = text.split_at(at);
            let given: u16 = given.get(1..)?.parse().ok()?;
            let bare = !host.starts_with('[') && host.contains(':');
            (given > 0 && !host.is_empty() && !bare).then(|| text.to_owned())
        }
        None => Some(format!("{text}:{port}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMES: [Scheme; 2] = [
        Scheme {
            word: "tcp",
            port: 601,
            encrypted: false,
        },
        Scheme {
            word: "tls",
            port: 6514,
            encrypted: true,
        },
    ];

    #[test]
    fn a_port_may_be_left_out_and_an_ipv6_address_stands_in_brackets() {
        for (url, host_port, encrypted) in [
            ("tcp://localhost/", "localhost:601", false),
            ("tcp://[::1]:5514", "[::1]:5514", false),
            ("tls://[2001:db8::1]", "[2001:db8::1]:6514", true),
            ("tls://log.example:1", "log.example:1", true),
        ] {
            let address = parse(url, &SCHEMES, false).unwrap();
            assert_eq!(address.host_port, host_port, "{url}");
            assert_eq!(address.encrypted, encrypted, "{url}");
            assert!(url.starts_with(address.scheme));
        }
    }

    #[test]
    fn what_is_no_address_or_would_be_read_on_its_way_is_refused() {
        for url in [
            "",
            "log.example",
            "http://log.example",
            "tcp:log.example",
            "tcp://",
            "tls://:6514",
            "tls://log.example:0",
            "tls://log.example:99999",
            "tls://2001:db8::1:6514",
            "tls://log.example/path",
            "tls://user@log.example",
            "tcp://log.example",
        ] {
            assert!(parse(url, &SCHEMES, false).is_err(), "{url}");
        }
        let why = parse("tls://user:hunter2@log.example", &SCHEMES, true).unwrap_err();
        assert!(!why.contains("hunter2"), "{why}");
        assert!(parse("tcp://log.example", &SCHEMES, true).is_ok());
        let why = parse("tcp://log.example", &SCHEMES, false).unwrap_err();
        assert!(why.contains("use tls: or set allow_unencrypted"), "{why}");
    }
}
