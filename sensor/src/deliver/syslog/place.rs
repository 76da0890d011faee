//! Where a syslog receiver is, read from its URL.

use std::path::PathBuf;

use crate::deliver::address::{self, Scheme};

const SCHEMES: [Scheme; 3] = [
    Scheme {
        word: "udp",
        port: 514,
        encrypted: false,
    },
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

/// A receiver's place and how it is spoken to. Addresses are `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Udp(String),
    Tcp(String),
    Tls(String),
    Unix(PathBuf),
}

impl Place {
    /// Reads a URL; the error says what is wrong with it.
    pub(super) fn parse(url: &str, allow_unencrypted: bool) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("unix:") {
            let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
            return if path.is_absolute() {
                Ok(Self::Unix(path))
            } else {
                Err(format!(
                    "url: `{url}` is no socket's path; write unix:/PATH"
                ))
            };
        }
        let address = address::parse(url, &SCHEMES, allow_unencrypted)
            .map_err(|why| format!("url: {why}"))?;
        Ok(match address.scheme {
            "udp" => Self::Udp(address.host_port),
            "tcp" => Self::Tcp(address.host_port),
            _ => Self::Tls(address.host_port),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_with_their_usual_ports() {
        for (url, expected) in [
            ("udp://127.0.0.1", Place::Udp("127.0.0.1:514".into())),
            ("udp://[::1]:5514", Place::Udp("[::1]:5514".into())),
            ("tcp://localhost/", Place::Tcp("localhost:601".into())),
            ("tls://log.example", Place::Tls("log.example:6514".into())),
            (
                "tls://[2001:db8::1]",
                Place::Tls("[2001:db8::1]:6514".into()),
            ),
            ("unix:/dev/log", Place::Unix("/dev/log".into())),
            ("unix:///dev/log", Place::Unix("/dev/log".into())),
        ] {
            assert_eq!(Place::parse(url, false), Ok(expected), "{url}");
        }
    }

    #[test]
    fn what_cannot_be_reached_or_would_be_read_on_its_way_is_refused() {
        for url in [
            "",
            "log.example",
            "http://log.example",
            "udp:log.example",
            "udp://",
            "udp://127.0.0.1:0",
            "udp://127.0.0.1:99999",
            "tls://2001:db8::1:6514",
            "tls://log.example/path",
            "tls://user@log.example",
            "unix:relative",
            "udp://log.example",
            "tcp://192.0.2.1:601",
        ] {
            assert!(Place::parse(url, false).is_err(), "{url}");
        }
        assert!(Place::parse("tcp://192.0.2.1:601", true).is_ok());
    }
}
